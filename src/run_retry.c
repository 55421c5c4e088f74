/*
 * run_retry.c
 *	  Carries out what the retry policy says: asks it, and tells the user.
 *
 * How to wait depends on the door.  Inside the caller's transaction the caller
 * of this file does it; the committing doors hold nothing meanwhile.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"

#include "guc.h"
#include "run_bracket.h"
#include "run_leftover.h"
#include "run_lock.h"
#include "run_retry.h"
#include "run_transaction.h"

static void deallocate(void *arg);

/*
 * After a failed attempt: how it is to be repeated, after a delay in
 * milliseconds, or that it is not; then the error may have got a better hint.
 */
MigRetry
mig_run_retry(const MigStepRun *run, bool body_done, ErrorData *error,
			  int *delay)
{
	const MigBodyRun *body = &run->body;
	const char *revision = body->revision ? body->revision : "base";
	MigRetryCase failure;
	MigRetry	retry;

	failure.sqlstate = error->sqlerrcode;
	failure.message_id = error->message_id;
	failure.fixed_snapshot = IsolationUsesXactSnapshot();
	failure.door = run->door;
	failure.body_done = body_done;
	failure.attempt = body->attempt;
	failure.max_attempts = mig_guc_max_attempts;
	retry = mig_retry_decide(&failure);

	/* The server's own hint, that a retry might do, is not true in here. */
	if (retry == MIG_RETRY_GIVE_UP && mig_retry_needs_transaction(&failure))
		error->hint = pstrdup("In this isolation level a conflict repeats until the transaction ends. Use CALL migrate_deploy(...), which begins a new transaction for each attempt, or run this under READ COMMITTED.");
	if (retry == MIG_RETRY_GIVE_UP || retry == MIG_RETRY_EXHAUSTED)
	{
		/* What leaves us is what every client knows. */
		if (mig_retry_is_private(error->sqlerrcode))
			error->sqlerrcode = ERRCODE_T_R_SERIALIZATION_FAILURE;
		return retry;
	}

	*delay = mig_retry_delay(failure.attempt, mig_guc_retry_base_delay,
							 mig_guc_retry_max_delay,
							 pg_prng_double(&pg_global_prng_state));
	ereport(LOG_SERVER_ONLY,
			(errcode(error->sqlerrcode),
			 errmsg("attempt %d of %d to %s revision \"%s\" failed: %s",
					failure.attempt, failure.max_attempts, body->operation,
					revision, error->message),
			 errdetail("SQLSTATE %s, next attempt in %d ms.",
					   unpack_sql_state(error->sqlerrcode), *delay)));
	ereport(NOTICE,
			(errcode(error->sqlerrcode),
			 errmsg("attempt %d of %d to %s revision \"%s\" failed, trying again: %s",
					failure.attempt, failure.max_attempts, body->operation,
					revision, error->message),
			 errdetail("SQLSTATE %s.", unpack_sql_state(error->sqlerrcode))));
	return retry;
}

/*
 * For the committing doors: whether it is to be repeated, and if so waits
 * until then.  The failed transaction was rolled back; afterwards a new one
 * has just begun.
 */
bool
mig_run_retry_wait(MigStepRun *run, bool body_done, ErrorData *error)
{
	int			delay;

	switch (mig_run_retry(run, body_done, error, &delay))
	{
		case MIG_RETRY_TRANSACTION:
		case MIG_RETRY_VERSION:
			break;
		default:
			return false;
	}
	error = mig_run_bracket(deallocate, NULL);
	if (error != NULL)
		ReThrowError(error);
	mig_run_transaction_renew();
	mig_run_lock_sleep(delay);
	/* Its time is that of the attempt, not of the wait. */
	mig_run_transaction_renew();
	mig_run_step_again(run);
	return true;
}

static void
deallocate(void *arg)
{
	mig_run_leftover_deallocate();
}
