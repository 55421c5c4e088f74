/*
 * plan.c
 *	  Plans a command: the steps from the rows to a target, in their order.
 *
 * Planning is complete before the first step runs, so that an error in a target
 * leaves the database untouched.
 */
#include "postgres.h"

#include "graph/graph_internal.h"

static const char *only_target(int ntargets, char **targets);
static MigPlan *plan_upgrade(const MigGraph *graph, int nrows,
							 const int *rows, const char *target,
							 const char *first);
static MigPlan *plan_downgrade(const MigGraph *graph, int nrows,
							   const int *rows, const char *target,
							   const char *first);
static void put_first(const MigGraph *graph, MigCommand command,
					  int nsteps, int *order, const char *first);

/*
 * The plan of a command, in the current memory context; it points into the
 * graph.  Upgrade and downgrade take one target, stamp any number, where
 * none means base.
 *
 * first: NULL, or the revision to begin with, if it is a step that can be the
 * first one.
 */
MigPlan *
mig_plan_build(const MigGraph *graph, MigCommand command, int nrows, char **rows,
			   int ntargets, char **targets, const char *first)
{
	int		   *current = mig_graph_rows(graph, nrows, rows, &nrows);

	switch (command)
	{
		case MIG_COMMAND_UPGRADE:
			return plan_upgrade(graph, nrows, current,
								only_target(ntargets, targets),
								first);
		case MIG_COMMAND_DOWNGRADE:
			return plan_downgrade(graph, nrows, current,
								  only_target(ntargets, targets),
								  first);
		case MIG_COMMAND_STAMP:
			return mig_stamp_plan(graph, nrows, current,
								  ntargets, targets);
	}
	elog(ERROR, "unrecognized command: %d", (int) command);
	return NULL;
}

/*
 * For a target that is relative to the rows: one that is not, and so means the
 * same later, when the rows are others.
 */
char *
mig_plan_make_absolute(const MigGraph *graph, MigCommand command,
					   int nrows, char **rows, const char *target)
{
	MigStart	start = {NULL, 0, NULL};
	int		   *revs;
	int			nrevs;

	start.rows = mig_graph_rows(graph, nrows, rows, &start.nrows);
	if (command == MIG_COMMAND_DOWNGRADE)
		return mig_downgrade_make_absolute(graph, start.nrows, start.rows,
										   target);
	revs = mig_upgrade_find_targets(graph, &start, target, true, &nrevs);
	return pstrdup(mig_graph_id(graph, revs[0]));
}

/* The target of an upgrade or downgrade, which is neither a list nor a range. */
static const char *
only_target(int ntargets, char **targets)
{
	if (ntargets != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("upgrade and downgrade take exactly one target")));
	if (strchr(targets[0], ':') != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("range \"%s\" is not allowed as a target",
						targets[0])));
	return targets[0];
}

static MigPlan *
plan_upgrade(const MigGraph *graph, int nrows, const int *rows,
			 const char *target, const char *first)
{
	MigStart	start = {NULL, nrows, rows};
	MigPlan    *plan = palloc0(sizeof(MigPlan));
	int			ntargets;
	int		   *targets = mig_upgrade_find_targets(graph, &start, target, true,
												   &ntargets);
	bool	   *members;
	bool	   *applied;
	MigVersionRows *state;
	int		   *order;
	int			i;

	mig_target_check_overlap(graph, ntargets, targets);
	mig_target_check_rows(graph, nrows, rows);
	members = mig_graph_reach(graph, &graph->parents, ntargets, targets);
	applied = mig_graph_reach(graph, &graph->parents, nrows, rows);
	for (i = 0; i < graph->size; i++)
		members[i] = members[i] && !applied[i];

	/*
	 * A revision between two pending ones is pending, too, so every path up
	 * to a target stays among the members.
	 */
	order = mig_order_newest_first(graph, members, members,
								   ntargets, targets, &plan->nsteps);
	plan->command = MIG_COMMAND_UPGRADE;
	plan->steps = palloc(sizeof(MigStep) * (plan->nsteps + 1));
	for (i = 0; i < plan->nsteps / 2; i++)
	{
		int			newer = order[i];

		order[i] = order[plan->nsteps - 1 - i];
		order[plan->nsteps - 1 - i] = newer;
	}
	put_first(graph, MIG_COMMAND_UPGRADE, plan->nsteps, order, first);
	state = mig_version_rows_start(graph, nrows, rows);
	for (i = 0; i < plan->nsteps; i++)
		mig_version_rows_upgrade(state, order[i], &plan->steps[i]);
	return plan;
}

static MigPlan *
plan_downgrade(const MigGraph *graph, int nrows, const int *rows,
			   const char *target, const char *first)
{
	MigPlan    *plan = palloc0(sizeof(MigPlan));
	bool	   *members = mig_downgrade_find_members(graph, nrows, rows, target);
	MigVersionRows *state;
	int		   *order;
	int			i;

	/* As in an upgrade, every path up to a row stays among the members. */
	order = mig_order_newest_first(graph, members, members, nrows, rows,
								   &plan->nsteps);
	plan->command = MIG_COMMAND_DOWNGRADE;
	plan->steps = palloc(sizeof(MigStep) * (plan->nsteps + 1));
	put_first(graph, MIG_COMMAND_DOWNGRADE, plan->nsteps, order, first);
	state = mig_version_rows_start(graph, nrows, rows);
	for (i = 0; i < plan->nsteps; i++)
		mig_version_rows_downgrade(state, order[i], &plan->steps[i]);
	return plan;
}

/*
 * Move a step to the front, unless one of those before it must come before it:
 * an ancestor in an upgrade, a descendant in a downgrade.
 */
static void
put_first(const MigGraph *graph, MigCommand command, int nsteps, int *order,
		  const char *first)
{
	int			index = 0;
	int			rev;
	bool	   *ancestors;

	if (first == NULL)
		return;
	while (index < nsteps &&
		   strcmp(mig_graph_id(graph, order[index]), first) != 0)
		index++;
	if (index == 0 || index == nsteps)
		return;

	rev = order[index];
	if (command == MIG_COMMAND_UPGRADE)
	{
		ancestors = mig_graph_reach(graph, &graph->parents, 1, &rev);
		for (int i = 0; i < index; i++)
		{
			if (ancestors[order[i]])
				return;
		}
	}
	else
	{
		ancestors = mig_graph_reach(graph, &graph->parents, index, order);
		if (ancestors[rev])
			return;
	}
	memmove(&order[1], &order[0], sizeof(int) * index);
	order[0] = rev;
}
