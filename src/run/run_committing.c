/*
 * run_committing.c
 *	  A run that commits after each step: for the procedure and the worker.
 *
 * What is done stays, so a run that fails leaves the revisions before, a log
 * row of the one that failed, and no lock.  After each transaction nothing is
 * held but the advisory locks of the run: neither a snapshot nor a lock on
 * anything of the user's.
 *
 * This file goes through the steps, and cleans up after an error.  segment.c
 * makes one or several transactions of a step, nontransactional.c runs what can
 * be in none, and step.c does the work of each.
 *
 * An error is raised between transactions only, never inside a subtransaction
 * or with SPI connected, so that the run can clean up after it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/guc.h"
#include "base/server.h"
#include "run/run_internal.h"
#include "tables/log.h"
#include "tables/partial.h"

/* A run and what only a committing one has; it outlives its transactions. */
typedef struct Committing
{
	MigRun	   *run;
	MemoryContext context;
	MemoryContext step_context;
	MemoryContext error_context;	/* has room when there is none elsewhere */
	int			index;			/* of the step */
	bool		in_step;
	bool		may_begin;		/* the step, by the request */
	char	   *trusted;		/* the last author whose rights are known */
	Oid			trusted_oid;
	List	   *settings;		/* of the session, to be put back; NIL: the
								 * server does not repeat commands */
} Committing;

static void execute(Committing *state);
static bool execute_and_commit(Committing *state);
static void ask_may_begin(void *arg);
static void read_step(void *arg);
static void expire_log(void *arg);
static ErrorData *log_failure(Committing *state, ErrorData *error);
static void report_problem(Committing *state, ErrorData *problem);
static void drop_leftovers(Committing *state);
static void drop_temporary(void *arg);
static void write_failure(void *arg);

/*
 * Does what is asked for, or raises an error after having cleaned up.  The
 * transaction that the caller is in is committed first.
 */
void
mig_run_committing(void *arg)
{
	MigRun	   *run = arg;
	int			level = GetCurrentTransactionNestLevel();
	Committing	state;
	ErrorData  *volatile error = NULL;
	ErrorData  *problem = NULL;

	mig_precheck_transaction(run->request);
	memset(&state, 0, sizeof(state));
	state.run = run;
	state.context = AllocSetContextCreate(run->context, "migrate run",
										  ALLOCSET_DEFAULT_SIZES);
	state.step_context = AllocSetContextCreate(state.context, "migrate step",
											   ALLOCSET_DEFAULT_SIZES);
	state.error_context = AllocSetContextCreate(state.context, "migrate error",
												ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(state.context);
	PG_TRY();
	{
		execute(&state);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(state.error_context);
		error = CopyErrorData();
		FlushErrorState();
		MemoryContextSwitchTo(state.context);
		mig_xact_abandon_subxacts(level);
		mig_xact_abort();
		mig_termination_watch(NULL);
	}
	PG_END_TRY();
	if (error != NULL)
		mig_xact_end_cancel(error);
	if (state.in_step && error != NULL)
	{
		problem = log_failure(&state, error);
		MemoryContextSwitchTo(state.error_context);
		mig_failure_explain(run, error, problem == NULL);
		MemoryContextSwitchTo(state.context);
	}
	run->result->partial = error != NULL && run->partial != NULL;
	if (error != NULL)
		mig_hook_fail_run(run, error, state.in_step);

	mig_observer_end(run);
	mig_lock_release();
	mig_session_lock_release();
	if (state.settings != NIL)
	{
		mig_session_setting_restore(state.settings);
		mig_xact_renew();
	}
	if (error != NULL)
	{
		if (problem != NULL)
			report_problem(&state, problem);
		if (state.in_step && run->exec.temporary != NULL)
			drop_leftovers(&state);
		/* Until the error has ended this transaction, too. */
		(void) mig_server_stop_retries(GUC_ACTION_LOCAL);
		ReThrowError(error);
	}
	MemoryContextSwitchTo(run->context);
	MemoryContextDelete(state.context);
}

static void
execute(Committing *state)
{
	MigRun	   *run = state->run;
	bool		next = true;

	/* The caller's transaction: what it has done is never repeated. */
	mig_xact_renew();

	if (GetConfigOption(MIG_SERVER_RETRY_SETTING, true, false) != NULL)
	{
		state->settings = mig_session_setting_read();
		(void) mig_server_stop_retries(GUC_ACTION_SET);
		mig_xact_renew();
	}

	mig_run_prepare(run);
	if (run->plan->nsteps == 0)
	{
		mig_progress_say_end(run);
		return;
	}

	mig_observer_begin(run);
	mig_step_begin_run(run);
	for (; next && state->index < run->plan->nsteps; state->index++)
	{
		MemoryContextSwitchTo(state->step_context);
		next = execute_and_commit(state);
		MemoryContextSwitchTo(state->context);
		MemoryContextReset(state->step_context);
	}
	/* All is done and committed: a cancel has come too late. */
	if (next)
	{
		QueryCancelPending = false;
		mig_progress_say_end(run);
	}
	if (run->announced)
		mig_hook_end_run(run);
	if (mig_guc_log_retention > 0)
		mig_xact(expire_log, NULL, MIG_XACT_RETRY | MIG_XACT_RAISE);
}

/*
 * Executes a step.  false: the run ends before it, or before its next batch.
 */
static bool
execute_and_commit(Committing *state)
{
	MigRun	   *run = state->run;
	MigStepExec *exec = &run->exec;
	bool		done;

	CHECK_FOR_INTERRUPTS();
	if (run->request->may_begin != NULL)
	{
		mig_xact(ask_may_begin, state,
				 MIG_XACT_OWN_TABLES | MIG_XACT_RETRY | MIG_XACT_RAISE);
		if (!state->may_begin)
			return false;
	}
	if (!run->announced)
		mig_hook_begin_run(run);
	mig_xact(read_step, state,
			 MIG_XACT_KEEP_OPEN | MIG_XACT_RETRY | MIG_XACT_RAISE);
	state->in_step = true;
	mig_termination_watch(exec);
	mig_progress_step(exec);
	done = mig_segment_execute_all(exec);
	state->in_step = false;
	mig_termination_watch(NULL);
	if (done)
		run->ndone++;
	mig_session_lock_release();
	/* Only the first step can be the partial one. */
	run->partial = NULL;
	return done;
}

/*
 * Whether the run is still wanted, now that it is this step's turn.
 */
static void
ask_may_begin(void *arg)
{
	Committing *state = arg;
	const MigRunRequest *request = state->run->request;
	const MigPlan *plan = state->run->plan;

	state->may_begin = request->may_begin(&plan->steps[state->index],
										  state->index, plan->nsteps,
										  request->arg);
}

/*
 * Reads the body, in the transaction of the first attempt, unless something is
 * committed before that.  Since the plan was checked, transactions have ended: its
 * author, or the role that has approved it, may have lost rights, or it may be
 * another revision, if a body before has released the locks of the session.
 */
static void
read_step(void *arg)
{
	Committing *state = arg;
	MigRun	   *run = state->run;
	MigStepExec *exec = &run->exec;

	mig_lock_transaction();
	mig_step_begin(exec, &run->plan->steps[state->index], state->index + 1);
	if (!mig_guc_require_approval && state->trusted != NULL &&
		strcmp(state->trusted, exec->author) == 0 &&
		state->trusted_oid == exec->author_oid)
		return;
	if (mig_trust_check_step(exec->step, run->version))
	{
		state->trusted = MemoryContextStrdup(state->context, exec->author);
		state->trusted_oid = exec->author_oid;
	}
}

static void
expire_log(void *arg)
{
	mig_log_expire(mig_guc_log_retention);
}

/*
 * Writes the log row of the step that failed.  NULL: done.
 */
static ErrorData *
log_failure(Committing *state, ErrorData *error)
{
	MigRun	   *run = state->run;
	MigStepExec *exec = &run->exec;

	exec->entry.error = error;
	mig_resource_usage_since(&exec->begin, &exec->entry.usage);
	mig_step_describe_environment(exec);
	return mig_xact(write_failure, run, MIG_XACT_BOUNDED);
}

/*
 * Tells that the step that failed could not be logged.  A cancel must not take
 * the place of the error that follows.
 */
static void
report_problem(Committing *state, ErrorData *problem)
{
	HOLD_INTERRUPTS();
	ereport(WARNING,
			(errcode(problem->sqlerrcode),
			 errmsg("could not log the failure of revision \"%s\": %s",
					state->run->exec.body.revision, problem->message)));
	RESUME_INTERRUPTS();
}

/*
 * What segments that were committed have left in a session that was opened as
 * another role.
 */
static void
drop_leftovers(Committing *state)
{
	MigStepExec *exec = &state->run->exec;
	ErrorData  *problem;

	HOLD_INTERRUPTS();
	problem = mig_xact(drop_temporary, exec->temporary, 0);
	if (problem != NULL)
		ereport(WARNING,
				(errcode(problem->sqlerrcode),
				 errmsg("could not drop the temporary objects of revision \"%s\": %s",
						exec->body.revision, problem->message),
				 errhint("End this session before it is used as another role.")));
	RESUME_INTERRUPTS();
}

static void
drop_temporary(void *arg)
{
	mig_session_state_drop(arg);
}

/*
 * Of what stays of the step the caller is told.
 */
static void
write_failure(void *arg)
{
	MigRun	   *run = arg;

	mig_log_write(&run->exec.entry);
	run->partial = mig_partial_find(run->version, MIG_SPI_READ_LATEST);
}
