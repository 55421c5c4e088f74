/*
 * run.c
 *	  The whole run: lock, read, plan, loop, retry.
 *
 * Every door enters at mig_run().  What a door may do with transactions is in
 * the request; nothing here asks how the caller got in.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "base/server.h"
#include "base/xact.h"
#include "run/approval.h"
#include "run/constraint.h"
#include "run/leftover.h"
#include "run/lock.h"
#include "run/precheck.h"
#include "run/progress.h"
#include "run/resolve.h"
#include "run/retry.h"
#include "run/run.h"
#include "run/run_committing.h"
#include "run/say.h"
#include "run/step.h"
#include "tables/log.h"
#include "tables/revision.h"
#include "tables/version.h"
#include "tables/version_open.h"

/*
 * From here on a run in one transaction is told that there is a better door:
 * subtransactions that create relations cost the square of their number in
 * the server itself, ten CPU seconds at 5,000.
 */
#define LONG_RUN				1000

/* A run is going on in this backend: a body must not start another. */
static bool running = false;

static void leave(void);
static char **run_atomic(const MigRunRequest *request, int *nresult);
static void run_steps(const MigRunRequest *request, MigVersion *version,
					  const MigPlan *plan);
static void run_one(MigStepRun *run, const MigStep *step);
static void explain_door(const MigStep *step, ErrorData *error);

/*
 * Does what is asked for.  For a function returns the revisions run, in order;
 * for a stamp the rows afterwards.  All of it is in the current memory context.
 */
char	  **
mig_run(const MigRunRequest *request, int *nresult)
{
	MemoryContext context = CurrentMemoryContext;
	int			level = GetCurrentTransactionNestLevel();
	char	  **volatile result = NULL;
	ErrorData  *volatile error = NULL;

	mig_run_check_allowed(request->command);
	PG_TRY();
	{
		running = true;
		mig_resource_usage_watch(true);
		mig_run_progress_begin(request->via);
		if (request->via == MIG_VIA_FUNCTION)
			result = run_atomic(request, nresult);
		else
			mig_run_commit(request);
	}
	PG_CATCH();
	{
		/* Before anything that could fail. */
		leave();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		mig_xact_abandon_subxacts(level);
	}
	PG_END_TRY();
	if (error == NULL)
		leave();
	else
	{
		mig_run_retry_make_plain(error);
		ReThrowError(error);
	}
	return result;
}

/*
 * No run is going on any more.
 */
static void
leave(void)
{
	mig_xact_without_subxacts(false);
	mig_run_progress_end();
	mig_resource_usage_watch(false);
	running = false;
}

/*
 * Raises an error where a run cannot write, or inside another run.
 */
void
mig_run_check_allowed(MigCommand command)
{
	const char *name = mig_log_command_name(command);

	PreventCommandIfReadOnly(name);
	PreventCommandIfParallelMode(name);
	PreventCommandDuringRecovery(name);
	mig_run_refuse_nested(name);
}

/*
 * Raises an error inside a run, whose plan the command could contradict.
 */
void
mig_run_refuse_nested(const char *command)
{
	if (running)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot %s from within a migration body", command),
				 errdetail("The run that executes the body has planned its steps already.")));
}

/*
 * All of it in the caller's transaction.
 */
static char **
run_atomic(const MigRunRequest *request, int *nresult)
{
	MigVersion *version = mig_version_open(MIG_SPI_READ_LATEST);
	MigPlan    *plan;
	char	  **result;
	int			nest_level = NewGUCNestLevel();

	/* On its way out an error leaves the level to the end of the transaction. */
	(void) mig_server_stop_retries(GUC_ACTION_SAVE);
	mig_server_begin_run();
	mig_run_lock(version, mig_revision_relid(), false);
	mig_version_recheck(version);
	mig_run_partial_refuse(version);
	mig_version_read(version, MIG_SPI_READ_LATEST);
	plan = mig_run_plan(version, request->command, request->ntargets,
						request->targets, request->purge, NULL,
						MIG_SPI_READ_LATEST);
	mig_run_approval_cut(plan, request);
	mig_run_plan_check(plan, request);
	if (plan->nsteps > 0)
	{
		mig_version_check_snapshot(version);
		mig_version_trust(version);
	}
	run_steps(request, version, plan);
	AtEOXact_GUC(false, nest_level);

	if (request->command == MIG_COMMAND_STAMP)
	{
		mig_version_read(version, MIG_SPI_READ_LATEST);
		*nresult = version->nrows;
		return version->rows;
	}
	result = palloc_extended(sizeof(char *) * Max(plan->nsteps, 1),
							 MCXT_ALLOC_HUGE);
	for (int i = 0; i < plan->nsteps; i++)
		result[i] = unconstify(char *, plan->steps[i].revision);
	*nresult = plan->nsteps;
	return result;
}

static void
run_steps(const MigRunRequest *request, MigVersion *version,
		  const MigPlan *plan)
{
	MigStepRun	run;
	MemoryContext step_context;

	if (plan->nsteps == 0)
		return;
	if (request->command != MIG_COMMAND_STAMP && plan->nsteps >= LONG_RUN)
		ereport(NOTICE,
				(errmsg("running %d revisions in one transaction", plan->nsteps),
				 errdetail("If they create tables, the time grows with the square of their number and every table keeps its locks."),
				 errhint("CALL migrate_%s(...) commits after each revision.",
						 request->command == MIG_COMMAND_UPGRADE ?
						 "deploy" : "revert")));

	/* What the caller has deferred is not the first revision's. */
	mig_run_constraint_check(false);

	mig_run_step_begin_run(&run, version, request->via, plan->nsteps);
	step_context = AllocSetContextCreate(CurrentMemoryContext, "migrate step",
										 ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < plan->nsteps; i++)
	{
		MemoryContext old_context = MemoryContextSwitchTo(step_context);

		run.entry.step = i + 1;
		run_one(&run, &plan->steps[i]);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(step_context);
	}
	MemoryContextDelete(step_context);
	if (mig_guc_log_retention > 0)
		mig_log_expire(mig_guc_log_retention);
}

/*
 * Tries a step until it is done.  Otherwise raises the error, and the caller's
 * transaction takes the earlier steps back.
 */
static void
run_one(MigStepRun *run, const MigStep *step)
{
	ErrorData  *error;

	CHECK_FOR_INTERRUPTS();
	mig_run_step_begin(run, step);
	mig_run_say_step(run);
	while ((error = mig_run_step(run, NULL)) != NULL)
	{
		int			delay;

		if (mig_run_retry(run, false, error, &delay) != MIG_RETRY_SUBTRANSACTION)
		{
			explain_door(step, error);
			ReThrowError(error);
		}
		FreeErrorData(error);
		mig_run_leftover_deallocate();
		mig_run_lock_sleep(delay);
		mig_run_step_again(run);
	}
}

/*
 * What one transaction cannot do, the doors that commit can.  Which statements
 * are known by their parse tree was looked at before; these the server refuses
 * for what its catalogs say.
 */
static void
explain_door(const MigStep *step, ErrorData *error)
{
	/* "%s cannot run inside a transaction block" and its variants */
	bool		refused = error->sqlerrcode == ERRCODE_ACTIVE_SQL_TRANSACTION &&
	error->message_id != NULL &&
	strncmp(error->message_id, "%s cannot ", strlen("%s cannot ")) == 0;

	if (!refused && error->sqlerrcode != ERRCODE_UNSAFE_NEW_ENUM_VALUE_USAGE)
		return;
	error->hint = psprintf("One transaction cannot do that. Use CALL migrate_%s(...), which commits between such statements.",
						   step->command == MIG_COMMAND_DOWNGRADE ?
						   "revert" : "deploy");
}
