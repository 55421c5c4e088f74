/*
 * plan.c
 *	  Plans a command: the steps from the rows to a target, in their order.
 *
 * Planning is complete before the first step runs, so that an error in a target
 * leaves the database untouched.
 */
#include "postgres.h"

#include "graph/graph_internal.h"

static const char *only_target(const MigPlanRequest *request);
static MigPlan *plan_upgrade(const MigGraph *graph, MigRevList rows,
							 const char *target, const char *first);
static MigPlan *plan_downgrade(const MigGraph *graph, MigRevList rows,
							   const char *target, const char *first);
static MigPlan *new_plan(MigCommand command, int nsteps);
static void put_first(const MigGraph *graph, MigCommand command,
					  MigRevList order, const char *first);

/*
 * The plan of a command, in the current memory context; it points into the
 * graph.
 */
MigPlan *
mig_plan_build(const MigGraph *graph, const MigPlanRequest *request)
{
	MigRevList	rows = mig_graph_rows(graph, request->nrows, request->rows);

	switch (request->command)
	{
		case MIG_COMMAND_UPGRADE:
			return plan_upgrade(graph, rows, only_target(request),
								request->first);
		case MIG_COMMAND_DOWNGRADE:
			return plan_downgrade(graph, rows, only_target(request),
								  request->first);
		case MIG_COMMAND_REPEAT:	/* of no revision */
			break;
		case MIG_COMMAND_STAMP:
			return mig_stamp_plan(graph, rows,
								  request->ntargets, request->targets);
	}
	elog(ERROR, "unrecognized command: %d", (int) request->command);
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
	MigStart	start = {NULL, mig_graph_rows(graph, nrows, rows)};
	MigRevList	revs;

	if (command == MIG_COMMAND_DOWNGRADE)
		return mig_downgrade_make_absolute(graph, start.rows, target);
	revs = mig_upgrade_find_targets(graph, &start, target, true);
	return pstrdup(mig_graph_id(graph, revs.rev[0]));
}

/* The target of an upgrade or downgrade, which is neither a list nor a range. */
static const char *
only_target(const MigPlanRequest *request)
{
	const char *target;

	if (request->ntargets != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("upgrade and downgrade take exactly one target")));
	target = request->targets[0];
	if (strchr(target, ':') != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("range \"%s\" is not allowed as a target", target)));
	return target;
}

static MigPlan *
plan_upgrade(const MigGraph *graph, MigRevList rows,
			 const char *target, const char *first)
{
	MigStart	start = {NULL, rows};
	MigPlan    *plan;
	MigRevList	targets = mig_upgrade_find_targets(graph, &start, target, true);
	bool	   *members;
	bool	   *applied;
	MigVersionRows *state;
	MigRevList	order;

	mig_target_check_overlap(graph, targets);
	mig_target_check_rows(graph, rows);
	members = mig_graph_reach(graph, &graph->parents, targets);
	applied = mig_graph_reach(graph, &graph->parents, rows);
	for (int i = 0; i < graph->size; i++)
		members[i] = members[i] && !applied[i];

	/*
	 * A revision between two pending ones is pending, too, so every path up
	 * to a target stays among the members.
	 */
	order = mig_order_newest_first(graph, members, members, targets);
	for (int i = 0; i < order.n / 2; i++)
	{
		int			newer = order.rev[i];

		order.rev[i] = order.rev[order.n - 1 - i];
		order.rev[order.n - 1 - i] = newer;
	}
	put_first(graph, MIG_COMMAND_UPGRADE, order, first);

	plan = new_plan(MIG_COMMAND_UPGRADE, order.n);
	state = mig_version_rows_start(graph, rows);
	for (int i = 0; i < order.n; i++)
		mig_version_rows_upgrade(state, order.rev[i], &plan->steps[i]);
	return plan;
}

static MigPlan *
plan_downgrade(const MigGraph *graph, MigRevList rows,
			   const char *target, const char *first)
{
	MigPlan    *plan;
	bool	   *members = mig_downgrade_find_members(graph, rows, target);
	MigVersionRows *state;
	MigRevList	order;

	/* As in an upgrade, every path up to a row stays among the members. */
	order = mig_order_newest_first(graph, members, members, rows);
	put_first(graph, MIG_COMMAND_DOWNGRADE, order, first);

	plan = new_plan(MIG_COMMAND_DOWNGRADE, order.n);
	state = mig_version_rows_start(graph, rows);
	for (int i = 0; i < order.n; i++)
		mig_version_rows_downgrade(state, order.rev[i], &plan->steps[i]);
	return plan;
}

/* A plan whose steps are not filled in yet. */
static MigPlan *
new_plan(MigCommand command, int nsteps)
{
	MigPlan    *plan = palloc(sizeof(MigPlan));

	plan->command = command;
	plan->nsteps = nsteps;
	plan->steps = palloc(sizeof(MigStep) * (nsteps + 1));
	return plan;
}

/*
 * Move a step to the front, unless one of those before it must come before it:
 * an ancestor in an upgrade, a descendant in a downgrade.
 */
static void
put_first(const MigGraph *graph, MigCommand command, MigRevList order,
		  const char *first)
{
	MigRevList	earlier = {0, order.rev};
	int			rev;
	bool	   *ancestors;

	if (first == NULL)
		return;
	while (earlier.n < order.n &&
		   strcmp(mig_graph_id(graph, order.rev[earlier.n]), first) != 0)
		earlier.n++;
	if (earlier.n == 0 || earlier.n == order.n)
		return;

	rev = order.rev[earlier.n];
	if (command == MIG_COMMAND_UPGRADE)
	{
		ancestors = mig_graph_reach_one(graph, &graph->parents, rev);
		for (int i = 0; i < earlier.n; i++)
		{
			if (ancestors[earlier.rev[i]])
				return;
		}
	}
	else
	{
		ancestors = mig_graph_reach(graph, &graph->parents, earlier);
		if (ancestors[rev])
			return;
	}
	memmove(&order.rev[1], &order.rev[0], sizeof(int) * earlier.n);
	order.rev[0] = rev;
}
