/*
 * toplevel.c
 *	  One statement outside of any transaction block.
 *
 * CREATE INDEX CONCURRENTLY, VACUUM and their like end transactions by
 * themselves.  They run in the caller's own session, as if the client had sent
 * them: SPI is not connected, nothing is held, and the server's utility
 * processing is told that this is the top level.  That is only true below a
 * CALL that the client has sent; run_commit.c makes sure of it.
 */
#include "postgres.h"

#include "parser/analyze.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/xact.h"
#include "run/toplevel.h"
#include "script/script.h"

static void execute(void *arg);
static void locate_error(void *arg);

/*
 * Runs it and commits.  NULL: done.  Otherwise the error, in the current
 * memory context; what the statement has left is for others to find out.
 */
ErrorData *
mig_run_toplevel(const char *statement)
{
	return mig_xact(execute, unconstify(char *, statement), MIG_XACT_NO_BLOCK);
}

static void
execute(void *arg)
{
	const char *statement = arg;
	ErrorContextCallback callback;
	RawStmt    *raw;
	List	   *queries;
	PlannedStmt *planned;

	callback.callback = locate_error;
	callback.arg = unconstify(char *, statement);
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	/* Known to the portal: a DO or CALL that commits takes it away. */
	EnsurePortalSnapshotExists();
	raw = linitial_node(RawStmt, mig_script_parse(statement));
	queries = pg_analyze_and_rewrite_fixedparams(raw, statement, NULL, 0, NULL);
	planned = linitial_node(PlannedStmt,
							pg_plan_queries(queries, statement, 0, NULL));
	ProcessUtility(planned, statement, false, PROCESS_UTILITY_TOPLEVEL,
				   NULL, NULL, None_Receiver, NULL);

	error_context_stack = callback.previous;
}

/*
 * A position is one in this statement, not in what the client has sent.
 */
static void
locate_error(void *arg)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery((const char *) arg);
	}
}
