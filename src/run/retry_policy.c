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
 * A fixed snapshot is that of REPEATABLE READ and SERIALIZABLE.  There a 40001
 * comes back in every subtransaction, because the snapshot that it is about is
 * the transaction's; a lock timeout or a catalog race has nothing to do with
 * the snapshot.  The committing doors always take a new transaction, so that
 * nothing is held while they wait.  Once the body is committed there, only the
 * version row is written again: a body never runs twice.
 *
 * A catalog race is what the server reports as "tuple concurrently updated"
 * or "tuple concurrently deleted", an internal error with no code of its own.
 *
 * Class YB is YugabyteDB's own: a transaction that is expired or aborted, or a
 * conflict.  The whole transaction is dead then.  Others of its errors that
 * pass are internal ones, or come back until the transaction ends; the texts
 * below tell them.
 *
 * Must never name an error that is not listed: to run a body twice is only
 * right if the first run is known to have failed for a passing reason.
 */
#include "postgres.h"

#include "run/retry_policy.h"

/* What such an error says, and whether its statement may have been done. */
typedef struct PassingText
{
	const char *text;
	bool		in_doubt;
} PassingText;

static const PassingText passing_texts[] =
{
	{"Timed out", true},
	{"Service unavailable", true},
	{"Snapshot too old", false},
	{"expired or aborted", false},
	{"catalog snapshot used for this transaction has been invalidated", false},
	{"Catalog Version Mismatch", false},
	{"schema version mismatch", false},
};

static MigRetry way_to_retry(const MigRetryCase *failure);
static const PassingText *find_text(const MigRetryCase *failure);
static bool is_catalog_race(const MigRetryCase *failure);

/*
 * What to do after a failed attempt.
 */
MigRetry
mig_retry_decide(const MigRetryCase *failure)
{
	MigRetry	way = way_to_retry(failure);

	if (way != MIG_RETRY_GIVE_UP && failure->attempt >= failure->max_attempts)
		return MIG_RETRY_EXHAUSTED;

	return way;
}

/*
 * Is this an error that a new transaction could get past, but no attempt
 * inside this one?  Then the user should know of the doors that commit.
 */
bool
mig_retry_needs_transaction(const MigRetryCase *failure)
{
	if (failure->via != MIG_VIA_FUNCTION)
		return false;
	return mig_retry_is_private(failure->sqlstate) ||
		find_text(failure) != NULL ||
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
 * Is it an error after which nobody knows whether a statement that no
 * transaction takes back was done?
 */
bool
mig_retry_in_doubt(const MigRetryCase *failure)
{
	const PassingText *text = find_text(failure);

	return text != NULL && text->in_doubt;
}

/*
 * How long to wait after this attempt, in the unit of base_delay: doubled
 * with each attempt up to max_delay, of which a random part between half and
 * all is taken, so that those who failed together do not meet again.  The
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
	if (failure->sqlstate != ERRCODE_LOCK_NOT_AVAILABLE &&
		failure->sqlstate != ERRCODE_T_R_DEADLOCK_DETECTED &&
		failure->sqlstate != ERRCODE_T_R_SERIALIZATION_FAILURE &&
		!mig_retry_is_private(failure->sqlstate) &&
		!is_catalog_race(failure) &&
		find_text(failure) == NULL)
		return MIG_RETRY_GIVE_UP;

	if (failure->via != MIG_VIA_FUNCTION)
		return failure->body_done ? MIG_RETRY_VERSION : MIG_RETRY_TRANSACTION;

	if (mig_retry_needs_transaction(failure))
		return MIG_RETRY_GIVE_UP;

	return MIG_RETRY_SUBTRANSACTION;
}

/*
 * Did two sessions change the same catalog row?
 */
static bool
is_catalog_race(const MigRetryCase *failure)
{
	if (failure->sqlstate != ERRCODE_INTERNAL_ERROR ||
		failure->message_id == NULL)
		return false;

	return strcmp(failure->message_id, "tuple concurrently updated") == 0 ||
		strcmp(failure->message_id, "tuple concurrently deleted") == 0;
}

/*
 * NULL: it says nothing of the kind, or with another code.
 */
static const PassingText *
find_text(const MigRetryCase *failure)
{
	if (!failure->by_text || failure->message == NULL ||
		(failure->sqlstate != ERRCODE_INTERNAL_ERROR &&
		 failure->sqlstate != ERRCODE_T_R_SERIALIZATION_FAILURE))
		return NULL;

	for (int i = 0; i < lengthof(passing_texts); i++)
	{
		if (strstr(failure->message, passing_texts[i].text) != NULL)
			return &passing_texts[i];
	}
	return NULL;
}
