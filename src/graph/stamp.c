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
	MigRevList	rows;
	bool	   *moved;			/* by index in rows */
} MigStampRows;

static MigStampRows collect_rows(const MigGraph *graph, MigRevList rows,
								 int ntargets, char **targets);
static void move_rows(const MigGraph *graph, MigStampRows *related, int dest,
					  bool all, MigPlan *plan);

/*
 * The steps of a stamp.  No target, or only base, deletes the rows in the
 * lineage of the targets.
 */
MigPlan *
mig_stamp_plan(const MigGraph *graph, MigRevList rows,
			   int ntargets, char **targets)
{
	char	   *base = "base";
	MigPlan    *plan = palloc0(sizeof(MigPlan));
	MigStampRows related;
	MigRevList	dests;

	if (ntargets == 0)
	{
		ntargets = 1;
		targets = &base;
	}
	related = collect_rows(graph, rows, ntargets, targets);
	dests = mig_target_resolve_list(graph, ntargets, targets);
	mig_target_check_overlap(graph, dests);

	plan->command = MIG_COMMAND_STAMP;
	plan->steps = palloc(sizeof(MigStep) * (related.rows.n + dests.n + 1));
	for (int i = 0; i < related.rows.n && dests.n == 0; i++)
	{
		MigRevList	row = {1, &related.rows.rev[i]};

		mig_version_rows_replace(graph, row, MIG_REV_NONE,
								 &plan->steps[plan->nsteps++]);
	}
	for (int i = 0; i < dests.n; i++)
		move_rows(graph, &related, dests.rev[i],
				  ntargets == 1 && dests.n == 1, plan);
	return plan;
}

/* For every target in turn the rows in its lineage, without duplicates. */
static MigStampRows
collect_rows(const MigGraph *graph, MigRevList rows,
			 int ntargets, char **targets)
{
	MigStampRows related;
	bool	   *known = palloc0(graph->size + 1);

	related.rows.n = 0;
	related.rows.rev = palloc(sizeof(int) * (rows.n + 1));
	related.moved = palloc0(rows.n + 1);
	for (int i = 0; i < ntargets; i++)
	{
		MigRevList	found = mig_name_filter_lineage(graph, rows,
													targets[i], true);

		for (int k = 0; k < found.n; k++)
		{
			int			row = found.rev[k];

			if (!known[row])
				related.rows.rev[related.rows.n++] = row;
			known[row] = true;
		}
	}
	return related;
}

/*
 * Move the rows that are ancestors or descendants of one destination; with all
 * every row, if there is such a row.  None is moved twice.
 */
static void
move_rows(const MigGraph *graph, MigStampRows *related, int dest, bool all,
		  MigPlan *plan)
{
	MigRevList	rows = related->rows;
	bool	   *descendants = mig_graph_reach_one(graph, &graph->all_children,
												  dest);
	bool	   *ancestors = mig_graph_reach_one(graph, &graph->parents, dest);
	MigRevList	moving = {0, palloc(sizeof(int) * (rows.n + 1))};
	bool		any_descendant = false;
	bool		any_ancestor = false;

	for (int i = 0; i < rows.n; i++)
	{
		int			row = rows.rev[i];

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
				 errhint(MIG_GRAPH_OVERLAP_HINT)));
	for (int i = 0; i < rows.n && (any_descendant || any_ancestor); i++)
	{
		int			row = rows.rev[i];

		if (!related->moved[i] && (all || descendants[row] || ancestors[row]))
		{
			related->moved[i] = true;
			moving.rev[moving.n++] = row;
		}
	}
	mig_version_rows_replace(graph, moving, dest,
							 &plan->steps[plan->nsteps++]);
	pfree(moving.rev);
	pfree(descendants);
	pfree(ancestors);
}
