/*
 * repeat.c
 *	  The steps that an upgrade to a head ends with: repeatables that have changed.
 *
 * Each is a step like one of a revision, with a subtransaction or a transaction of
 * its own, but for the version rows: these stay as they are, and what has run is
 * noted in migrate.repeated.
 */
#include "postgres.h"

#include "run/run_internal.h"
#include "tables/repeatable.h"

/*
 * Adds to a plan those that have not run on the version table as they are
 * registered now.
 */
void
mig_repeat_add_steps(const MigVersion *version, MigPlan *plan,
					 MigSpiAccess access)
{
	int			n;
	MigRepeatable *all = mig_repeatable_list(version, false, access, &n);
	int			npending = 0;
	MigStep    *steps;

	for (int i = 0; i < n; i++)
		npending += all[i].pending ? 1 : 0;
	if (npending == 0)
		return;
	mig_repeatable_sort(all, n);
	steps = palloc_extended(sizeof(MigStep) * (plan->nsteps + npending),
							MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (plan->nsteps > 0)
		memcpy(steps, plan->steps, sizeof(MigStep) * plan->nsteps);
	for (int i = 0; i < n; i++)
	{
		MigStep    *step = &steps[plan->nsteps];

		if (!all[i].pending)
			continue;
		step->command = MIG_COMMAND_REPEAT;
		step->revision = all[i].name;
		plan->nsteps++;
	}
	plan->steps = steps;
}

/*
 * How many steps of a plan are those of revisions; the others are behind them.
 */
int
mig_repeat_first(const MigPlan *plan)
{
	int			n = plan->nsteps;

	while (n > 0 && plan->steps[n - 1].command == MIG_COMMAND_REPEAT)
		n--;
	return n;
}
