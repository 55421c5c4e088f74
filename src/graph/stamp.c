/*
 * stamp.c
 *	  Plans a stamp: the row changes that set the version table to revisions.
 *
 * With one destination this is what Alembic does: every row in the lineage
 * of the target moves.  With several destinations Alembic plans each of them
 * from the rows at the beginning, and can fail at a row that is gone or lose
 * one.  Here a destination moves only rows that are its ancestors or
 * descendants and that no earlier destination has moved.
 */
#include "postgres.h"

#include "graph/graph_internal.h"

/* The rows in the lineage of a target, in the order they are handled. */
typedef struct MigStampRows
{
	int			n;
	int		   *rows;
	bool	   *moved;			/* by index */
} MigStampRows;

static MigStampRows collect_rows(const MigGraph *graph, int nrows, const int *rows,
								 int ntargets, char **targets);
static void clear_rows(const MigGraph *graph, const MigStampRows *related,
					   MigPlan *plan);
static void move_rows(const MigGraph *graph, MigStampRows *related, int dest,
					  bool all, MigPlan *plan);

/*
 * The steps of a stamp.  No target, or only base, deletes the rows in the
 * lineage of the targets.
 */
MigPlan *
mig_stamp_plan(const MigGraph *graph, int nrows, const int *rows,
			   int ntargets, char **targets)
{
	char	   *base = "base";
	MigPlan    *plan = palloc0(sizeof(MigPlan));
	MigStampRows related;
	int			ndests;
	int		   *dests;
	int			i;

	if (ntargets == 0)
	{
		ntargets = 1;
		targets = &base;
	}
	related = collect_rows(graph, nrows, rows, ntargets, targets);
	dests = mig_target_resolve_list(graph, ntargets, targets, &ndests);
	mig_target_check_overlap(graph, ndests, dests);

	plan->command = MIG_COMMAND_STAMP;
	plan->steps = palloc(sizeof(MigStep) * (related.n + ndests + 1));
	if (ndests == 0)
		clear_rows(graph, &related, plan);
	for (i = 0; i < ndests; i++)
		move_rows(graph, &related, dests[i], ntargets == 1 && ndests == 1, plan);
	return plan;
}

/* For every target in turn the rows in its lineage, without duplicates. */
static MigStampRows
collect_rows(const MigGraph *graph, int nrows, const int *rows,
			 int ntargets, char **targets)
{
	MigStampRows related;
	bool	   *known = palloc0(graph->size + 1);
	int			i;
	int			k;

	related.n = 0;
	related.rows = palloc(sizeof(int) * (nrows + 1));
	related.moved = palloc0(nrows + 1);
	for (i = 0; i < ntargets; i++)
	{
		int			nfound;
		int		   *found = mig_name_filter_lineage(graph, nrows, rows,
													targets[i], true,
													&nfound);

		for (k = 0; k < nfound; k++)
		{
			if (!known[found[k]])
				related.rows[related.n++] = found[k];
			known[found[k]] = true;
		}
	}
	return related;
}

/* Delete every row, in a step of its own. */
static void
clear_rows(const MigGraph *graph, const MigStampRows *related, MigPlan *plan)
{
	int			i;

	for (i = 0; i < related->n; i++)
		mig_version_rows_replace(graph, 1, &related->rows[i], MIG_REV_NONE,
								 &plan->steps[plan->nsteps++]);
}

/*
 * Move the rows that are ancestors or descendants of one destination; with all
 * every row, if there is such a row.  None is moved twice.
 */
static void
move_rows(const MigGraph *graph, MigStampRows *related, int dest, bool all,
		  MigPlan *plan)
{
	bool	   *descendants = mig_graph_reach(graph, &graph->all_children, 1, &dest);
	bool	   *ancestors = mig_graph_reach(graph, &graph->parents, 1, &dest);
	int		   *moving = palloc(sizeof(int) * (related->n + 1));
	int			nmoving = 0;
	bool		any_descendant = false;
	bool		any_ancestor = false;
	int			i;

	for (i = 0; i < related->n; i++)
	{
		int			row = related->rows[i];

		if (row == dest)
			return;
		if (!related->moved[i])
		{
			any_descendant = any_descendant || descendants[row];
			any_ancestor = any_ancestor || ancestors[row];
		}
	}
	if (any_descendant && any_ancestor)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" is an ancestor of one row of the version table and a descendant of another",
						mig_graph_id(graph, dest)),
				 errhint("Replace all rows with migrate_stamp(..., purge => true).")));
	for (i = 0; i < related->n && (any_descendant || any_ancestor); i++)
	{
		int			row = related->rows[i];

		if (!related->moved[i] && (all || descendants[row] || ancestors[row]))
		{
			related->moved[i] = true;
			moving[nmoving++] = row;
		}
	}
	mig_version_rows_replace(graph, nmoving, moving, dest,
							 &plan->steps[plan->nsteps++]);
	pfree(moving);
	pfree(descendants);
	pfree(ancestors);
}
