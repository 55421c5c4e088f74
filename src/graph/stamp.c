/*
 * stamp.c
 *	  The row changes that take the version table to given revisions.
 *
 * With one destination this is what Alembic does: every row in the lineage
 * of the target moves.  With several destinations Alembic plans each of them
 * from the rows at the beginning, and can trip over a row that is gone or
 * lose one.  Here a destination moves only rows that stand above or below
 * it and that no earlier destination has moved.
 */
#include "postgres.h"

#include "graph/graph_internal.h"

/* Rows that the targets are about, in the order they are handled. */
typedef struct MigMine
{
	int			n;
	int		   *rows;
	bool	   *taken;			/* by position */
} MigMine;

static MigMine collect_mine(const MigGraph *graph, int nrows, const int *rows,
							int ntargets, char **targets);
static void clear_rows(const MigGraph *graph, const MigMine *mine,
					   MigPlan *plan);
static void move_rows(const MigGraph *graph, MigMine *mine, int dest,
					  bool all, MigPlan *plan);

/*
 * The steps of a stamp.  No target, or only base, clears the rows that the
 * targets are about.
 */
MigPlan *
mig_stamp_plan(const MigGraph *graph, int nrows, const int *rows,
			   int ntargets, char **targets)
{
	char	   *base = "base";
	MigPlan    *plan = palloc0(sizeof(MigPlan));
	MigMine		mine;
	int			ndests;
	int		   *dests;
	int			i;

	if (ntargets == 0)
	{
		ntargets = 1;
		targets = &base;
	}
	mine = collect_mine(graph, nrows, rows, ntargets, targets);
	dests = mig_target_resolve_list(graph, ntargets, targets, &ndests);
	mig_target_check_overlap(graph, ndests, dests);

	plan->command = MIG_COMMAND_STAMP;
	plan->steps = palloc(sizeof(MigStep) * (mine.n + ndests + 1));
	if (ndests == 0)
		clear_rows(graph, &mine, plan);
	for (i = 0; i < ndests; i++)
		move_rows(graph, &mine, dests[i], ntargets == 1 && ndests == 1, plan);
	return plan;
}

/* For every target in turn the rows in its lineage, without doubles. */
static MigMine
collect_mine(const MigGraph *graph, int nrows, const int *rows,
			 int ntargets, char **targets)
{
	MigMine		mine;
	bool	   *known = palloc0(graph->size + 1);
	int			i;
	int			k;

	mine.n = 0;
	mine.rows = palloc(sizeof(int) * (nrows + 1));
	mine.taken = palloc0(nrows + 1);
	for (i = 0; i < ntargets; i++)
	{
		int			nfound;
		int		   *found = mig_name_filter_lineage(graph, nrows, rows,
													targets[i], true,
													&nfound);

		for (k = 0; k < nfound; k++)
		{
			if (!known[found[k]])
				mine.rows[mine.n++] = found[k];
			known[found[k]] = true;
		}
	}
	return mine;
}

/* Every row goes in a step of its own. */
static void
clear_rows(const MigGraph *graph, const MigMine *mine, MigPlan *plan)
{
	int			i;

	for (i = 0; i < mine->n; i++)
		mig_version_rows_replace(graph, 1, &mine->rows[i], MIG_REV_NONE,
								 &plan->steps[plan->nsteps++]);
}

/*
 * Move rows to one destination: all of them, if one that is left stands
 * above or below it, else only those that do.
 */
static void
move_rows(const MigGraph *graph, MigMine *mine, int dest, bool all,
		  MigPlan *plan)
{
	bool	   *above = mig_graph_reach(graph, &graph->all_children, 1, &dest);
	bool	   *below = mig_graph_reach(graph, &graph->parents, 1, &dest);
	int		   *moving = palloc(sizeof(int) * (mine->n + 1));
	int			nmoving = 0;
	bool		any_above = false;
	bool		any_below = false;
	int			i;

	for (i = 0; i < mine->n; i++)
	{
		int			row = mine->rows[i];

		if (row == dest)
			return;
		if (!mine->taken[i])
		{
			any_above = any_above || above[row];
			any_below = any_below || below[row];
		}
	}
	if (any_above && any_below)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" stands both above and below rows of the version table",
						mig_graph_id(graph, dest)),
				 errhint("Replace all rows with migrate_stamp(..., purge => true).")));
	for (i = 0; i < mine->n && (any_above || any_below); i++)
	{
		int			row = mine->rows[i];

		if (!mine->taken[i] && (all || above[row] || below[row]))
		{
			mine->taken[i] = true;
			moving[nmoving++] = row;
		}
	}
	mig_version_rows_replace(graph, nmoving, moving, dest,
							 &plan->steps[plan->nsteps++]);
	pfree(moving);
	pfree(above);
	pfree(below);
}
