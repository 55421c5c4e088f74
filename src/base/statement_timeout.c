/*
 * statement_timeout.c
 *	  A body's own statement_timeout.
 *
 * The server starts the clock when the client's command comes in, so the
 * session's statement_timeout is for all of a SELECT or CALL, and a worker has
 * none.  One that is set for a revision is for each of its statements: it
 * runs beside the session's, whichever comes first, and when the statement has
 * ended the session's timeout is armed again.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/statement_timeout.h"

static bool armed = false;
static TimestampTz session_finish;	/* 0: the session has none */
static int	last = 0;			/* ms; 0: that of the session */

/*
 * A statement begins; statement_timeout was session_timeout before the body.
 */
void
mig_statement_timeout_begin(int session_timeout)
{
	TimestampTz finish;

	mig_statement_timeout_end();
	last = 0;
	if (StatementTimeout <= 0 || StatementTimeout == session_timeout)
		return;
	session_finish = get_timeout_active(STATEMENT_TIMEOUT) ?
		get_timeout_finish_time(STATEMENT_TIMEOUT) : 0;
	finish = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
										 StatementTimeout);
	if (session_finish != 0 && session_finish <= finish)
		return;
	enable_timeout_at(STATEMENT_TIMEOUT, finish);
	armed = true;
	last = StatementTimeout;
}

/*
 * The timeout of its own, in ms, that the statement had which began last; also
 * after its error.  0: that of the session was the first to come, if there was
 * one.
 */
int
mig_statement_timeout_last(void)
{
	return last;
}

/*
 * It has ended, in whatever way.
 */
void
mig_statement_timeout_end(void)
{
	if (!armed)
		return;
	armed = false;
	disable_timeout(STATEMENT_TIMEOUT, true);
	if (session_finish != 0)
		enable_timeout_at(STATEMENT_TIMEOUT, session_finish);
}
