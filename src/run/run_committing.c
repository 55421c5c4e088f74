/*
 * run_committing.c
 *	  A run through the committing doors: every revision a transaction.
 *
 * What is done stays, so a run that fails leaves the revisions before, a log
 * row of the one that failed, and no lock.  After each transaction nothing is
 * held but the advisory locks of the run: neither a snapshot nor a lock on
 * anything of the user's.
 *
 * An error is raised between transactions only, never inside a bracket or
 * with SPI connected, so that the run can clean up behind it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/guc.h"
#include "base/server.h"
#include "base/xact.h"
#include "run/approval.h"
#include "run/lock.h"
#include "run/precheck.h"
#include "run/resolve.h"
#include "run/retry.h"
#include "run/run_committing.h"
#include "run/say.h"
#include "run/segment.h"
#include "run/session_state.h"
#include "tables/log.h"
#include "tables/revision.h"
#include "tables/version_open.h"

/* What the parts of a run share; all of it outlives its transactions. */
typedef struct CommitRun
{
	const MigRunRequest *request;
	MemoryContext context;
	MemoryContext step_context;
	MemoryContext error_context;	/* has room when there is none elsewhere */
	Oid			registry;
	MigVersion *version;
	MigPartial *partial;		/* before the first step, and after a failure */
	MigPlan    *plan;
	MigStepRun	step;
	char	   *trusted;		/* the last author whose rights were looked at */
	bool		in_step;
	int			place;			/* of the step */
	bool		goes_on;
	bool		retries_stopped;	/* those of the server */
	MigSettings settings;
} CommitRun;

static void refuse_transaction(const MigRunRequest *request);
static void run_plan(CommitRun *run);
static void open_work(void *arg);
static void plan_work(void *arg);
static bool run_one(CommitRun *run);
static bool may_begin(CommitRun *run);
static void ask_work(void *arg);
static void begin_step_work(void *arg);
static void expire_work(void *arg);
static void log_failure(CommitRun *run, ErrorData *error);
static void log_work(void *arg);

/*
 * Does what is asked for, or raises an error after having cleaned up.  The
 * transaction that the caller is in is committed first.
 */
void
mig_run_commit(const MigRunRequest *request)
{
	MemoryContext caller = CurrentMemoryContext;
	int			level = GetCurrentTransactionNestLevel();
	CommitRun	run;
	ErrorData  *volatile error = NULL;

	refuse_transaction(request);
	memset(&run, 0, sizeof(run));
	run.request = request;
	run.context = AllocSetContextCreate(PortalContext, "migrate run",
										ALLOCSET_DEFAULT_SIZES);
	run.step_context = AllocSetContextCreate(run.context, "migrate step",
											 ALLOCSET_DEFAULT_SIZES);
	run.error_context = AllocSetContextCreate(run.context, "migrate error",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(run.context);
	mig_xact_without_subxacts(request->toplevel &&
							  !mig_server()->subtransactions);
	PG_TRY();
	{
		run_plan(&run);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(run.error_context);
		error = CopyErrorData();
		FlushErrorState();
		MemoryContextSwitchTo(run.context);
		mig_xact_abandon_subxacts(level);
		mig_xact_abort();
		if (run.in_step)
			log_failure(&run, error);
	}
	PG_END_TRY();

	mig_run_lock_release();
	if (run.retries_stopped)
	{
		mig_session_state_restore(&run.settings);
		mig_xact_renew();
	}
	if (error != NULL)
	{
		/* Until it has ended this transaction, too. */
		(void) mig_server_stop_retries(GUC_ACTION_LOCAL);
		ReThrowError(error);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(run.context);
}

/*
 * Neither in a transaction that is not ours to end, nor in a PL/pgSQL block
 * with EXCEPTION, which is a subtransaction.
 */
static void
refuse_transaction(const MigRunRequest *request)
{
	bool		upgrade = request->command == MIG_COMMAND_UPGRADE;

	if (!request->can_commit)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("migrate_%s() cannot run inside a transaction block",
						upgrade ? "deploy" : "revert"),
				 errdetail("It commits after each revision. Nothing was run."),
				 errhint("Send CALL migrate_%s(...) by itself: outside of BEGIN and functions, in a query of its own, with autocommit on. Inside a transaction use migrate_%s().",
						 upgrade ? "deploy" : "revert",
						 upgrade ? "upgrade" : "downgrade")));
	if (IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("migrate_%s() cannot run inside a subtransaction",
						upgrade ? "deploy" : "revert"),
				 errdetail("It commits after each revision. Nothing was run."),
				 errhint("Call it outside of blocks with an EXCEPTION clause.")));
}

static void
run_plan(CommitRun *run)
{
	/* The snapshot that CALL came with. */
	mig_xact_renew();

	mig_session_state_save_one(MIG_SERVER_RETRY_SETTING, &run->settings);
	run->retries_stopped = mig_server_stop_retries(GUC_ACTION_SET);
	if (run->retries_stopped)
		mig_xact_renew();

	mig_xact(open_work, run, MIG_XACT_RETRY | MIG_XACT_RAISE);
	mig_run_lock(run->version, run->registry, true);
	mig_xact(plan_work, run, MIG_XACT_RETRY | MIG_XACT_RAISE);

	mig_run_step_begin_run(&run->step, run->version, run->request->via,
						   run->plan->nsteps);
	for (bool goes_on = true;
		 goes_on && run->place < run->plan->nsteps; run->place++)
	{
		MemoryContextSwitchTo(run->step_context);
		goes_on = run_one(run);
		MemoryContextSwitchTo(run->context);
		MemoryContextReset(run->step_context);
	}
	if (run->plan->nsteps > 0 && mig_guc_log_retention > 0)
		mig_xact(expire_work, NULL, MIG_XACT_RETRY | MIG_XACT_RAISE);
}

static void
open_work(void *arg)
{
	CommitRun  *run = arg;

	run->version = mig_version_open(MIG_SPI_READ_LATEST);
	run->registry = mig_revision_relid();
}

/*
 * Everything is read after the locks were taken.
 */
static void
plan_work(void *arg)
{
	CommitRun  *run = arg;
	const MigRunRequest *request = run->request;
	MigVersion *version = run->version;

	mig_version_recheck(version);
	mig_version_read(version, MIG_SPI_READ_LATEST);
	run->partial = mig_partial_find(version->name, false);
	run->plan = mig_run_plan(version, request->command, request->ntargets,
							 request->targets, false,
							 run->partial == NULL ? NULL :
							 run->partial->revision,
							 MIG_SPI_READ_LATEST);
	mig_run_partial_check(run->partial, run->plan);
	mig_run_approval_cut(run->plan, request);
	mig_run_plan_check(run->plan, request);
	if (run->plan->nsteps > 0)
		mig_version_trust(version);
}

/*
 * Runs a step.  false: the run ends before it.
 */
static bool
run_one(CommitRun *run)
{
	MigStepRun *step = &run->step;

	CHECK_FOR_INTERRUPTS();
	if (!may_begin(run))
		return false;
	step->entry.step = run->place + 1;
	step->step = &run->plan->steps[run->place];
	mig_xact(begin_step_work, run, MIG_XACT_RETRY | MIG_XACT_RAISE);
	run->in_step = true;
	mig_run_say_step(step);
	if (mig_run_segment_needed(step, run->partial))
		mig_run_segments(step, run->partial, run->request->toplevel);
	else
		mig_run_segment_commit(step, NULL);
	run->in_step = false;
	run->partial = NULL;
	return true;
}

/*
 * Whether who wants the run still wants it, now that it is this step's turn.
 */
static bool
may_begin(CommitRun *run)
{
	run->goes_on = true;
	if (run->request->begin_step != NULL)
	{
		mig_xact(ask_work, run,
				 MIG_XACT_OWN_TABLES | MIG_XACT_RETRY | MIG_XACT_RAISE);
	}
	return run->goes_on;
}

static void
ask_work(void *arg)
{
	CommitRun  *run = arg;
	const MigRunRequest *request = run->request;

	run->goes_on = request->begin_step(&run->plan->steps[run->place],
									   run->place, run->plan->nsteps,
									   request->arg);
}

/*
 * The author may be another one than in the plan: a body before may have let
 * go of the locks.
 */
static void
begin_step_work(void *arg)
{
	CommitRun  *run = arg;
	char	   *revision = unconstify(char *, run->step.step->revision);

	mig_run_lock_confirm();
	mig_run_step_begin(&run->step, run->step.step);
	if (run->trusted == NULL ||
		strcmp(run->trusted, run->step.author) != 0)
	{
		mig_run_plan_check_author(&revision, 1);
		run->trusted = MemoryContextStrdup(run->context, run->step.author);
	}
}

static void
expire_work(void *arg)
{
	mig_log_expire(mig_guc_log_retention);
}

/*
 * Writes the log row of the step that failed, and tells if it is partial.
 * Nothing that goes wrong with that may hide the error.
 */
static void
log_failure(CommitRun *run, ErrorData *error)
{
	ErrorData  *problem;

	run->step.entry.error = error;
	mig_resource_usage_since(&run->step.begin, &run->step.entry.cost);
	problem = mig_xact(log_work, run, 0);
	if (problem != NULL)
		ereport(WARNING,
				(errcode(problem->sqlerrcode),
				 errmsg("could not log the failure of revision \"%s\": %s",
						run->step.body.revision, problem->message)));
	else if (run->partial != NULL)
		ereport(WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" is partial", run->partial->revision),
				 errdetail("Its %s was interrupted: %s.",
						   run->step.body.operation,
						   mig_run_partial_describe(run->partial)),
				 errhint("The next run that needs it goes on behind that. Use migrate_resolve() to decide otherwise.")));
}

static void
log_work(void *arg)
{
	CommitRun  *run = arg;

	mig_log_write(&run->step.entry);
	run->partial = mig_partial_find(run->version->name, false);
}
