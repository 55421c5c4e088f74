/*
 * retry.c
 *	  Asks the retry policy, tells the user, and waits.
 *
 * For work of our own: transactions on our tables, and locks.  What it takes to
 * try a step again, run/retry.c knows.
 */
#include "postgres.h"

#include "common/pg_prng.h"

#include "base/clock.h"
#include "base/error_text.h"
#include "base/guc.h"
#include "base/retry.h"
#include "base/server.h"

/*
 * Whether work of our own is to be done again; if so waits until then.
 */
bool
mig_retry_work(MigVia via, int attempt, const ErrorData *error, const char *what)
{
	MigRetryCase failure;
	MigRetry	retry;
	int			delay;

	mig_retry_describe(&failure, error);
	failure.via = via;
	failure.attempt = attempt;
	failure.stale_attempts = attempt;
	retry = mig_retry_decide(&failure);
	if (retry == MIG_RETRY_GIVE_UP || retry == MIG_RETRY_EXHAUSTED)
		return false;
	delay = mig_retry_say(&failure, error, what, NULL);
	mig_clock_sleep(delay);
	return true;
}

/*
 * Attempts that end with a lock timeout are bounded by the time for which work
 * may wait for other sessions' locks.
 */
void
mig_retry_bound_by_time(MigRetryCase *failure, int64 *blocked_since)
{
	if (failure->sqlstate != ERRCODE_LOCK_NOT_AVAILABLE ||
		mig_guc_blocker_wait == 0)
		return;
	failure->bounded_by_time = true;
	failure->time_left = mig_retry_time_left(blocked_since);
}

/*
 * How long work may still wait for other sessions' locks, in milliseconds; with
 * 0 the time begins now.
 */
int64
mig_retry_time_left(int64 *blocked_since)
{
	int64		now = mig_clock_ms();

	if (*blocked_since == 0)
		*blocked_since = now;
	return *blocked_since + mig_guc_blocker_wait - now;
}

/*
 * Says that what has failed is to be done again, and returns the milliseconds
 * until then.
 */
int
mig_retry_say(const MigRetryCase *failure, const ErrorData *error,
			  const char *what, const char *blocked_by)
{
	int			delay = mig_retry_delay(failure->attempt, mig_guc_retry_base_delay,
										mig_guc_retry_max_delay,
										pg_prng_double(&pg_global_prng_state));
	char	   *attempt = failure->bounded_by_time ?
	psprintf("%d", failure->attempt) :
	psprintf("%d of %d", failure->attempt, mig_retry_attempts(failure));

	if (failure->bounded_by_time)
		delay = Min(delay, failure->time_left);
	ereport(LOG_SERVER_ONLY,
			(errcode(error->sqlerrcode),
			 errmsg("%s failed in attempt %s: %s", what, attempt,
					error->message),
			 blocked_by == NULL ?
			 errdetail("SQLSTATE %s, next attempt in %d ms.",
					   unpack_sql_state(error->sqlerrcode), delay) :
			 errdetail("SQLSTATE %s, next attempt in %d ms. Blocked by %s.",
					   unpack_sql_state(error->sqlerrcode), delay,
					   blocked_by)));
	ereport(NOTICE,
			(errcode(error->sqlerrcode),
			 errmsg("%s failed in attempt %s, trying again: %s", what, attempt,
					error->message),
			 blocked_by == NULL ?
			 errdetail("SQLSTATE %s.", unpack_sql_state(error->sqlerrcode)) :
			 errdetail("SQLSTATE %s. Blocked by %s.",
					   unpack_sql_state(error->sqlerrcode), blocked_by)));
	return delay;
}

/*
 * What the policy looks at, as far as the error and the server say.
 */
void
mig_retry_describe(MigRetryCase *failure, const ErrorData *error)
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

/*
 * Whether this error leaves unknown if the statement was done.
 */
bool
mig_retry_outcome_unknown(const ErrorData *error)
{
	MigRetryCase failure;

	mig_retry_describe(&failure, error);
	return mig_retry_leaves_unknown(&failure);
}

/*
 * Whether this error says that the catalog cache of this process is out of date.
 */
bool
mig_retry_is_stale(const ErrorData *error)
{
	MigRetryCase failure;

	mig_retry_describe(&failure, error);
	return mig_retry_staleness(&failure) == MIG_STALE_YES;
}
