/*
 * retry_policy.c
 *	  After an error: again how, or stop, and how long to wait.
 *
 * A pure decision: it looks at what it is given and does nothing.
 *
 *	 error					function,		function,		procedure,
 *							READ COMMITTED	fixed snapshot	worker
 *	 ---------------------	--------------	--------------	-----------
 *	 55P03 lock timeout		subtransaction	subtransaction	transaction
 *	 40P01 deadlock			subtransaction	subtransaction	transaction
 *	 40001 serialization	subtransaction	give up			transaction
 *	 XX000 catalog race		subtransaction	subtransaction	transaction
 *	 class YB				give up			give up			transaction
 *	 told by its text		give up			give up			transaction
 *	 anything else			give up			give up			give up
 *
 * A lock timeout says nothing about how many attempts it takes: as many as fit
 * into the time that a revision may wait for other sessions' locks.
 *
 * A fixed snapshot is that of REPEATABLE READ and SERIALIZABLE.  There a 40001
 * comes back in every subtransaction, because the snapshot that it is about is
 * the transaction's; a lock timeout or a catalog race has nothing to do with
 * the snapshot.  The procedure and the worker always take a new transaction, so
 * that nothing is held while they wait.
 *
 * A catalog race is what the server reports as "tuple concurrently updated"
 * or "tuple concurrently deleted", an internal error with no code of its own.
 *
 * Class YB is YugabyteDB's own: a transaction that is expired or aborted, or a
 * conflict.  The whole transaction is dead then.  Others of its errors that
 * pass are internal ones, or come back until the transaction ends; their texts
 * are in base/error_text.c.
 *
 * An error that another session has raised, which the body had asked over
 * dblink, is not one of these: what that session has done before stays, it may
 * have tried often enough itself, and it may have waited for this very run.
 *
 * One of them lasts longer: YugabyteDB renews the catalog cache of a session
 * between two commands of its client, and of a background worker never (its
 * tcop/postgres.c), so that what fails for an outdated one fails in each
 * transaction.  Two attempts are made, as a cache may be renewed otherwise, by
 * DDL or by a lock; then the command has to be sent again, or another worker
 * continues.
 *
 * Must never name an error that is not listed: to run a body twice is only
 * right if the first run is known to have failed for a passing reason.
 */
#include "postgres.h"

#include "base/error_text.h"
#include "base/retry.h"

/* With an outdated catalog cache. */
#define STALE_ATTEMPTS			2

static MigRetry way_to_retry(const MigRetryCase *failure);
static MigPassingError passing(const MigRetryCase *failure);

/*
 * What to do after a failed attempt.
 */
MigRetry
mig_retry_decide(const MigRetryCase *failure)
{
	MigRetry	way = way_to_retry(failure);

	if (way != MIG_RETRY_GIVE_UP &&
		(failure->bounded_by_time ? failure->time_left <= 0 :
		 failure->attempt >= mig_retry_attempts(failure)))
		return MIG_RETRY_EXHAUSTED;

	return way;
}

/*
 * How many attempts there are, if this error comes back each time and they are
 * not bounded by time.
 */
int
mig_retry_attempts(const MigRetryCase *failure)
{
	int			left = STALE_ATTEMPTS - failure->stale_attempts;

	if (passing(failure) != MIG_PASSING_STALE_CATALOG)
		return failure->max_attempts;
	return Min(failure->max_attempts, failure->attempt + Max(left, 0));
}

/*
 * Does the error come of an outdated catalog cache?
 */
MigStaleness
mig_retry_staleness(const MigRetryCase *failure)
{
	if (failure->foreign)
		return MIG_STALE_NO;
	if (passing(failure) == MIG_PASSING_STALE_CATALOG)
		return MIG_STALE_YES;
	if (failure->by_text && mig_error_is_missing_object(failure->sqlstate))
		return MIG_STALE_POSSIBLY;
	return MIG_STALE_NO;
}

/*
 * Is this an error that a new transaction could get past, but no attempt
 * inside this one?  Then the user should know of the procedure.
 */
bool
mig_retry_needs_transaction(const MigRetryCase *failure)
{
	if (failure->via != MIG_VIA_FUNCTION || failure->foreign)
		return false;
	return mig_retry_is_private(failure->sqlstate) ||
		passing(failure) != MIG_PASSING_NONE ||
		(failure->fixed_snapshot &&
		 failure->sqlstate == ERRCODE_T_R_SERIALIZATION_FAILURE);
}

/*
 * Is it a code of YugabyteDB's own?  Its clients know it as 40001.
 */
bool
mig_retry_is_private(int sqlstate)
{
	return ERRCODE_TO_CATEGORY(sqlstate) == MAKE_SQLSTATE('Y', 'B', '0', '0', '0');
}

/*
 * Is it an error that leaves the outcome of a statement unknown that no
 * transaction takes back?
 */
bool
mig_retry_leaves_unknown(const MigRetryCase *failure)
{
	return passing(failure) == MIG_PASSING_OUTCOME_UNKNOWN;
}

/*
 * How long to wait after this attempt, in the unit of base_delay: doubled
 * with each attempt up to max_delay, of which a random part between half and
 * all is taken, so that sessions that failed together do not meet again.  The
 * random number is in [0, 1).
 */
int
mig_retry_delay(int attempt, int base_delay, int max_delay, double random)
{
	double		delay = base_delay;

	/* Stopping at the maximum also keeps the number from overflowing. */
	for (int i = 1; i < attempt && delay > 0 && delay < max_delay; i++)
		delay *= 2;

	delay = Max(Min(delay, max_delay), 0);

	return (int) (delay / 2 + delay / 2 * random);
}

/*
 * How the attempt can be repeated, if there are attempts left.
 */
static MigRetry
way_to_retry(const MigRetryCase *failure)
{
	if (failure->foreign)
		return MIG_RETRY_GIVE_UP;
	if (failure->sqlstate != ERRCODE_LOCK_NOT_AVAILABLE &&
		failure->sqlstate != ERRCODE_T_R_DEADLOCK_DETECTED &&
		failure->sqlstate != ERRCODE_T_R_SERIALIZATION_FAILURE &&
		!mig_retry_is_private(failure->sqlstate) &&
		!mig_error_is_catalog_race(failure->sqlstate, failure->message_id) &&
		passing(failure) == MIG_PASSING_NONE)
		return MIG_RETRY_GIVE_UP;

	if (failure->via != MIG_VIA_FUNCTION)
		return MIG_RETRY_TRANSACTION;

	if (mig_retry_needs_transaction(failure))
		return MIG_RETRY_GIVE_UP;

	return MIG_RETRY_SUBTRANSACTION;
}

static MigPassingError
passing(const MigRetryCase *failure)
{
	return failure->by_text ?
		mig_error_passing(failure->sqlstate, failure->message) :
		MIG_PASSING_NONE;
}
