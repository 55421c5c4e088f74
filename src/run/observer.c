/*
 * observer.c
 *	  Calls what is to be told when a run begins and ends.
 *
 * The schema is noted then (preview/drift.c), in a folder that run/ does not know.
 * What cannot be noted must neither fail a run nor hold it up: an error is a
 * WARNING, and locks are waited for as long as an attempt at a revision would.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/guc.h"
#include "run/run_internal.h"

static MigRunObserver *observer = NULL;

static void tell(MigRun *run, MigWork work, bool may_stop);
static void tell_begin(void *arg);
static void tell_end(void *arg);

/*
 * Called once, from _PG_init().
 */
void
mig_run_observe(MigRunObserver *installed)
{
	observer = installed;
}

/*
 * Before the first step of a run that changes something.  What is kept until its
 * end is in the current memory context.
 */
void
mig_observer_begin(MigRun *run)
{
	if (observer == NULL || !mig_guc_track_schema || run->plan->nsteps == 0 ||
		run->plan->command == MIG_COMMAND_STAMP)
		return;
	tell(run, tell_begin, true);
}

/*
 * After the last step, or where one has failed and those before are committed.
 */
void
mig_observer_end(MigRun *run)
{
	if (run->observed == NULL)
		return;
	tell(run, tell_end, !run->commits);
	run->observed = NULL;
}

/*
 * may_stop: a cancel ends the run; otherwise it has come too late.
 */
static void
tell(MigRun *run, MigWork work, bool may_stop)
{
	ErrorData  *error;

	if (run->role_locked)
		mig_guc_lock_role(false);
	error = run->commits ? mig_xact(work, run, may_stop ? 0 : MIG_XACT_BOUNDED) :
		mig_subxact(work, run);
	if (run->role_locked)
		mig_guc_lock_role(true);
	if (error == NULL)
		return;
	if (may_stop && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	HOLD_INTERRUPTS();
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("could not note the schema of this run: %s",
					error->message),
			 errdetail("What the run changes will be taken for drift."),
			 errhint("Look at migrate_drift(), and call migrate_drift_accept() if it shows nothing else.")));
	RESUME_INTERRUPTS();
}

static void
tell_begin(void *arg)
{
	MigRun	   *run = arg;
	int			nest_level = NewGUCNestLevel();

	mig_step_set_lock_timeout(GUC_ACTION_SAVE);
	run->observed = observer->begin();
	AtEOXact_GUC(false, nest_level);
}

static void
tell_end(void *arg)
{
	MigRun	   *run = arg;
	int			nest_level = NewGUCNestLevel();

	mig_step_set_lock_timeout(GUC_ACTION_SAVE);
	observer->end(run->observed, &run->exec.entry.run);
	AtEOXact_GUC(false, nest_level);
}
