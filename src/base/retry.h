/*
 * retry.h
 *	  After an error: again how, or stop, and how long to wait.
 */
#ifndef MIG_BASE_RETRY_H
#define MIG_BASE_RETRY_H

#include "migrate.h"

/* What the policy looks at, nothing else. */
typedef struct MigRetryCase
{
	int			sqlstate;
	const char *message_id;		/* untranslated message, or NULL */
	const char *message;		/* or NULL */
	bool		by_text;		/* the server has errors that only their text
								 * tells apart */
	bool		foreign;		/* another session has raised it */
	bool		fixed_snapshot; /* REPEATABLE READ and above */
	MigVia		via;
	int			attempt;		/* the one that failed, from 1 */
	int			stale_attempts; /* up to it, with an outdated catalog cache */
	int			max_attempts;
	bool		bounded_by_time;	/* instead of by their number */
	int64		time_left;		/* ms */
} MigRetryCase;

/* Whether the catalog cache of the process is out of date. */
typedef enum MigStaleness
{
	MIG_STALE_NO,
	MIG_STALE_POSSIBLY,			/* an object is missing, or seems to be */
	MIG_STALE_YES
} MigStaleness;

typedef enum MigRetry
{
	MIG_RETRY_SUBTRANSACTION,	/* again in a subtransaction */
	MIG_RETRY_TRANSACTION,		/* again in a new transaction */
	MIG_RETRY_GIVE_UP,			/* never, or only in another transaction */
	MIG_RETRY_EXHAUSTED			/* would be tried again, but attempts are used
								 * up */
} MigRetry;

/* retry_policy.c: pure */
extern MigRetry mig_retry_decide(const MigRetryCase *failure);
extern int	mig_retry_attempts(const MigRetryCase *failure);
extern MigStaleness mig_retry_staleness(const MigRetryCase *failure);
extern bool mig_retry_needs_transaction(const MigRetryCase *failure);
extern bool mig_retry_is_private(int sqlstate);
extern bool mig_retry_leaves_unknown(const MigRetryCase *failure);
extern int	mig_retry_delay(int attempt, int base_delay, int max_delay,
							double random);

/* retry.c */
extern void mig_retry_bound_by_time(MigRetryCase *failure,
									int64 *blocked_since);
extern int64 mig_retry_time_left(int64 *blocked_since);
extern void mig_retry_describe(MigRetryCase *failure, const ErrorData *error);
extern int	mig_retry_say(const MigRetryCase *failure, const ErrorData *error,
						  const char *what, const char *blocked_by);
extern bool mig_retry_work(MigVia via, int attempt, const ErrorData *error,
						   const char *what);
extern bool mig_retry_outcome_unknown(const ErrorData *error);
extern bool mig_retry_is_stale(const ErrorData *error);

#endif							/* MIG_BASE_RETRY_H */
