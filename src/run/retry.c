/*
 * retry.c
 *	  Decides whether a step is tried again, and explains an error that is not.
 *
 * Inside the caller's transaction the caller of this file waits; the procedure
 * and the worker hold nothing meanwhile.
 */
#include "postgres.h"

#include "access/xact.h"

#include "base/clock.h"
#include "base/command.h"
#include "base/error_text.h"
#include "run/run_internal.h"

static void add_hint(ErrorData *error, const char *hint);
static void deallocate(void *arg);

/*
 * After a failed attempt: how it is to be repeated, after a delay in
 * milliseconds, or that it is not; then the error may have got a better hint.
 */
MigRetry
mig_retry_ask(MigStepExec *exec, ErrorData *error, int *delay)
{
	MigBodyExec *body = &exec->body;
	const char *revision = body->revision ? body->revision : "base";
	MigRetryCase failure;
	MigRetry	retry;

	mig_failure_note_blockers(exec, error);
	mig_retry_describe(&failure, error);
	failure.via = exec->run->request->via;
	failure.attempt = body->attempt;
	if (body->attempt == 1)
		body->stale_attempts = 0;
	if (mig_retry_staleness(&failure) == MIG_STALE_YES)
		body->stale_attempts++;
	failure.stale_attempts = body->stale_attempts;
	mig_retry_bound_by_time(&failure, &exec->blocked_since);
	if (mig_retry_staleness(&failure) == MIG_STALE_POSSIBLY)
		exec->run->result->staleness = MIG_STALE_POSSIBLY;
	retry = mig_retry_decide(&failure);

	/* The server's own hint, that a retry might do, is not true in here. */
	if (retry == MIG_RETRY_GIVE_UP && mig_retry_needs_transaction(&failure))
		error->hint = pstrdup(error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE &&
							  IsolationUsesXactSnapshot() ?
							  psprintf("In this isolation level a conflict repeats until the transaction ends. Use CALL %s(...), which begins a new transaction for each attempt, or run this under READ COMMITTED.",
									   mig_command_procedure(exec->step->command)) :
							  "On this server it repeats until the transaction ends. Run the command again in a new one.");
	if (failure.foreign)
		error->hint = pstrdup("Another session raised this, which the body has asked over a connection of its own: it does not see what this run has not committed, and may wait for this run until its own timeout. The body is not run again, because what it has done there stays.");
	if (retry == MIG_RETRY_GIVE_UP || retry == MIG_RETRY_EXHAUSTED)
		return retry;

	*delay = mig_retry_say(&failure, error,
						   psprintf("%s of revision \"%s\"", body->operation, revision),
						   exec->blockers.who);
	return retry;
}

/*
 * For a run that commits: whether a step or segment is to be repeated, and if
 * so waits until then.  The failed transaction was rolled back; afterwards a
 * new one has just begun.
 */
bool
mig_retry_wait(MigStepExec *exec, ErrorData *error)
{
	int			delay;

	if (mig_retry_ask(exec, error, &delay) != MIG_RETRY_TRANSACTION)
		return false;
	error = mig_subxact(deallocate, NULL);
	if (error != NULL)
		ReThrowError(error);
	mig_xact_renew();
	mig_clock_sleep(delay);
	/* Its time is that of the attempt, not of the wait. */
	mig_xact_renew();
	mig_step_again(exec);
	return true;
}

/*
 * An error is going to leave a run.  What helps against an outdated catalog
 * cache is another command of the client, and for a worker another process.
 * That an object is missing comes of one only where a body says so.
 */
void
mig_retry_explain_stale(MigRun *run, ErrorData *error)
{
	MigRunResult *result = run->result;
	MigRetryCase failure;

	mig_retry_describe(&failure, error);
	if (!run->commits || mig_retry_staleness(&failure) == MIG_STALE_NO)
		result->staleness = MIG_STALE_NO;
	else if (mig_retry_staleness(&failure) == MIG_STALE_YES)
		result->staleness = MIG_STALE_YES;
	/* Or what mig_retry_ask() has found. */

	/* Another worker continues the job. */
	if (result->staleness == MIG_STALE_YES &&
		run->request->via == MIG_VIA_PROCEDURE)
		add_hint(error, "Another session has changed the schema, which this session will see with its next command. Nothing is lost: send the CALL again, it resumes where it was.");
	else if (result->staleness == MIG_STALE_POSSIBLY)
		add_hint(error, run->request->via == MIG_VIA_WORKER ?
				 "If another session has just created what is missing, submit the job again; it resumes where this one was." :
				 "If another session has just created what is missing, this session will see it with its next command: send the CALL again, it resumes where it was.");
}

static void
add_hint(ErrorData *error, const char *hint)
{
	error->hint = error->hint == NULL ? pstrdup(hint) :
		psprintf("%s %s", error->hint, hint);
}

/*
 * What leaves us is what every client knows, and an error of our own: the
 * server must not take it for one after which it may run the command again.
 */
void
mig_retry_make_plain(ErrorData *error)
{
	if (mig_retry_is_private(error->sqlerrcode))
		error->sqlerrcode = ERRCODE_T_R_SERIALIZATION_FAILURE;
	else if (mig_error_is_hash_failure(error))
		error->sqlerrcode = ERRCODE_OUT_OF_MEMORY;
}

static void
deallocate(void *arg)
{
	mig_session_state_deallocate();
}
