/*
 * retry.c
 *	  Carries out what the retry policy says: asks it, tells the user, waits.
 *
 * Inside the caller's transaction the caller of this file waits; the procedure
 * and the worker hold nothing meanwhile.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"

#include "base/command.h"
#include "base/error_text.h"
#include "base/guc.h"
#include "base/server.h"
#include "run/run_internal.h"

static void describe(MigRetryCase *failure, const ErrorData *error);
static void add_hint(ErrorData *error, const char *hint);
static bool wait_for_own(MigVia via, int attempt, const ErrorData *error,
						 const char *what);
static void say_again(const MigRetryCase *failure, const ErrorData *error,
					  const char *what, const char *blocked_by, int delay);
static int	delay_after(const MigRetryCase *failure);
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
	describe(&failure, error);
	failure.via = exec->run->request->via;
	failure.attempt = body->attempt;
	if (body->attempt == 1)
		body->stale_attempts = 0;
	if (mig_retry_staleness(&failure) == MIG_STALE_YES)
		body->stale_attempts++;
	failure.stale_attempts = body->stale_attempts;
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

	*delay = delay_after(&failure);
	say_again(&failure, error,
			  psprintf("%s of revision \"%s\"", body->operation, revision),
			  exec->blockers.who, *delay);
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
	mig_lock_sleep(delay);
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

	describe(&failure, error);
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
 * Whether this error leaves unknown if the statement was done.
 */
bool
mig_retry_outcome_unknown(const ErrorData *error)
{
	MigRetryCase failure;

	describe(&failure, error);
	return mig_retry_leaves_unknown(&failure);
}

/*
 * Whether this error says that the catalog cache of this process is out of date.
 */
bool
mig_retry_is_stale(const ErrorData *error)
{
	MigRetryCase failure;

	describe(&failure, error);
	return mig_retry_staleness(&failure) == MIG_STALE_YES;
}

/*
 * What mig_xact() asks whether work on our own tables is to be done again; if
 * so waits until then.
 */
bool
mig_retry_xact(int attempt, const ErrorData *error)
{
	if (!wait_for_own(MIG_VIA_PROCEDURE, attempt, error,
					  "access to the tables of the extension"))
		return false;
	mig_xact_renew();
	return true;
}

/*
 * The same for a lock.  Inside the caller's transaction the subtransaction in
 * which it was to be taken was rolled back, which may be all that is needed.
 */
bool
mig_retry_lock(MigVia via, int attempt, const ErrorData *error)
{
	return wait_for_own(via, attempt, error,
						"lock on the version table or the registry");
}

/*
 * Whether work of our own is to be done again; if so waits until then.
 */
static bool
wait_for_own(MigVia via, int attempt, const ErrorData *error, const char *what)
{
	MigRetryCase failure;
	MigRetry	retry;
	int			delay;

	describe(&failure, error);
	failure.via = via;
	failure.attempt = attempt;
	failure.stale_attempts = attempt;
	retry = mig_retry_decide(&failure);
	if (retry == MIG_RETRY_GIVE_UP || retry == MIG_RETRY_EXHAUSTED)
		return false;
	delay = delay_after(&failure);
	say_again(&failure, error, what, NULL, delay);
	mig_lock_sleep(delay);
	return true;
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

/*
 * What the policy looks at, as far as the error and the server say.
 */
static void
describe(MigRetryCase *failure, const ErrorData *error)
{
	memset(failure, 0, sizeof(*failure));
	failure->sqlstate = error->sqlerrcode;
	failure->message_id = error->message_id;
	failure->message = error->message;
	failure->foreign = mig_error_is_foreign(error);
	failure->by_text = mig_server()->errors_by_text;
	failure->fixed_snapshot = mig_server_fixes_snapshot();
	failure->max_attempts = mig_guc_max_attempts;
}

static int
delay_after(const MigRetryCase *failure)
{
	return mig_retry_delay(failure->attempt, mig_guc_retry_base_delay,
						   mig_guc_retry_max_delay,
						   pg_prng_double(&pg_global_prng_state));
}

static void
say_again(const MigRetryCase *failure, const ErrorData *error,
		  const char *what, const char *blocked_by, int delay)
{
	ereport(LOG_SERVER_ONLY,
			(errcode(error->sqlerrcode),
			 errmsg("%s failed in attempt %d of %d: %s",
					what, failure->attempt, mig_retry_attempts(failure),
					error->message),
			 blocked_by == NULL ?
			 errdetail("SQLSTATE %s, next attempt in %d ms.",
					   unpack_sql_state(error->sqlerrcode), delay) :
			 errdetail("SQLSTATE %s, next attempt in %d ms. Blocked by %s.",
					   unpack_sql_state(error->sqlerrcode), delay,
					   blocked_by)));
	ereport(NOTICE,
			(errcode(error->sqlerrcode),
			 errmsg("%s failed in attempt %d of %d, trying again: %s",
					what, failure->attempt, mig_retry_attempts(failure),
					error->message),
			 blocked_by == NULL ?
			 errdetail("SQLSTATE %s.", unpack_sql_state(error->sqlerrcode)) :
			 errdetail("SQLSTATE %s. Blocked by %s.",
					   unpack_sql_state(error->sqlerrcode), blocked_by)));
}

static void
deallocate(void *arg)
{
	mig_session_state_deallocate();
}
