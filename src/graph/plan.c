/*
 * plan.c
 *	  Where we are and a target -> ordered steps with their row changes.
 *
 * Planning is complete before the first step runs, so whatever is wrong with
 * a target leaves the database untouched.
 */
#include "postgres.h"

#include "graph/graph_internal.h"

static const char *only_target(MigCommand command, int ntargets,
							   char **targets);
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
								only_target(command, ntargets, targets),
								first);
		case MIG_COMMAND_DOWNGRADE:
			return plan_downgrade(graph, nrows, current,
								  only_target(command, ntargets, targets),
								  first);
		case MIG_COMMAND_STAMP:
			return mig_stamp_plan(graph, nrows, current,
								  ntargets, targets);
	}
	elog(ERROR, "unrecognized command: %d", (int) command);
	return NULL;
}

/*
 * For a target that counts from the rows: where it leads, in words that mean
 * the same later, when the rows are others.
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

static const char *
only_target(MigCommand command, int ntargets, char **targets)
{
	const char *verb = command == MIG_COMMAND_UPGRADE ? "upgrade" : "downgrade";

	if (ntargets != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s takes one target", verb)));
	if (strchr(targets[0], ':') != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("range \"%s\" is not allowed as a target of %s",
						targets[0], verb)));
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
	 * What lies between two pending revisions is pending too, so every way up
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

	/* as in an upgrade, every way up to a row stays among the members */
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
 * Brings a step to the front, unless one of those before it has to come before
 * it: what it stands on in an upgrade, what stands on it in a downgrade.
 */
static void
put_first(const MigGraph *graph, MigCommand command, int nsteps, int *order,
		  const char *first)
{
	int			place = 0;
	int			rev;
	bool	   *below;

	if (first == NULL)
		return;
	while (place < nsteps &&
		   strcmp(mig_graph_id(graph, order[place]), first) != 0)
		place++;
	if (place == 0 || place == nsteps)
		return;

	rev = order[place];
	if (command == MIG_COMMAND_UPGRADE)
	{
		below = mig_graph_reach(graph, &graph->parents, 1, &rev);
		for (int i = 0; i < place; i++)
		{
			if (below[order[i]])
				return;
		}
	}
	else
	{
		below = mig_graph_reach(graph, &graph->parents, place, order);
		if (below[rev])
			return;
	}
	memmove(&order[1], &order[0], sizeof(int) * place);
	order[0] = rev;
}
