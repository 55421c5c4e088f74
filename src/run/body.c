/*
 * body.c
 *	  Runs the statements of a body, one after the other.
 *
 * Each statement is given to SPI by itself: the next one is parsed after the
 * former has run, and an error tells which one it was.  What a query returns
 * is thrown away as it comes.  Runs with the caller's role and settings and
 * never inside an mig_spi_begin() scope.
 *
 * Where a body is not one transaction, a segment of it is run at a time.  The
 * SET statements in front of a segment come first, so that it finds the
 * settings that it would find after them, also if another session resumes the
 * run.
 *
 * CREATE INDEX CONCURRENTLY, VACUUM and their like end transactions by
 * themselves.  They run in the caller's own session, as if the client had sent
 * them: SPI is not connected, nothing is held, and the server's utility
 * processing is told that this is the top level.  That is only true below a
 * CALL that the client has sent; precheck.c and segment.c make sure of it.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/statement_timeout.h"
#include "run/run_internal.h"

/* Values of MigBodyExec.statement that are no statement's number. */
#define NO_STATEMENT		0
#define DEFERRED_CHECKS		(-1)

static void begin_context(MigBodyExec *body, ErrorContextCallback *callback);
static void run_settings(MigBodyExec *body, int before);
static void run_statement(MigBodyExec *body, int index);
static char *enter_statement(MigBodyExec *body, int index);
static void execute_statement(const char *text);
static void execute_utility(void *arg);
static void locate_in_utility(void *arg);
static void add_context(void *arg);

/*
 * Finds the statements of the body; they are in the current memory context.
 * commit_each: DDL among them commits by itself.
 */
void
mig_body_split(MigBodyExec *body, bool commit_each)
{
	ErrorContextCallback callback;

	begin_context(body, &callback);
	body->script = mig_script_split_text(body->text);
	if (commit_each)
		mig_script_commit_each(body->script);
	error_context_stack = callback.previous;
}

/*
 * Runs statements, then what they deferred.  The caller has opened a
 * subtransaction and catches errors, which carry the place as context.
 */
void
mig_body_execute(MigBodyExec *body, int first, int nstatements)
{
	ErrorContextCallback callback;

	begin_context(body, &callback);
	SPI_connect();
	run_settings(body, first);
	for (int i = first; i < first + nstatements; i++)
		run_statement(body, i);
	SPI_finish();

	body->statement = DEFERRED_CHECKS;
	mig_constraint_check(body->transaction_ends);

	error_context_stack = callback.previous;
}

/*
 * Makes the settings that the body has made in front of a statement.
 */
void
mig_body_set_settings(MigBodyExec *body, int before)
{
	ErrorContextCallback callback;

	begin_context(body, &callback);
	SPI_connect();
	run_settings(body, before);
	SPI_finish();
	error_context_stack = callback.previous;
}

/*
 * Runs a statement that cannot run inside a transaction block, and commits.
 * NULL: done.  Must not be called in a subtransaction.
 */
ErrorData *
mig_body_execute_utility(MigBodyExec *body, int index)
{
	ErrorContextCallback callback;
	ErrorData  *error;

	begin_context(body, &callback);
	mig_statement_timeout_begin(body->session_timeout);
	mig_blocker_watch(true);
	error = mig_body_utility(enter_statement(body, index));
	mig_blocker_watch(false);
	mig_statement_timeout_end();
	error_context_stack = callback.previous;
	return error;
}

/*
 * Makes an error that a body raised point into the body.
 */
void
mig_body_locate(const MigBodyExec *body, ErrorData *error)
{
	if (body->statement_text != NULL)
		mig_error_position(error, body->text, body->offset, body->statement_text);
}

/*
 * The same for a statement that is not the body's: a repair.
 */
ErrorData *
mig_body_utility(const char *statement)
{
	return mig_xact(execute_utility, unconstify(char *, statement),
					MIG_XACT_NO_BLOCK);
}

static void
begin_context(MigBodyExec *body, ErrorContextCallback *callback)
{
	body->statement = NO_STATEMENT;
	body->statement_text = NULL;
	callback->callback = add_context;
	callback->arg = body;
	callback->previous = error_context_stack;
	error_context_stack = callback;
}

static void
run_settings(MigBodyExec *body, int before)
{
	mig_setting_list_apply(body->settings);
	for (int i = 0; i < before; i++)
	{
		if (body->script->statements[i].setting)
			run_statement(body, i);
	}
}

static void
run_statement(MigBodyExec *body, int index)
{
	char	   *text = enter_statement(body, index);

	mig_statement_timeout_begin(body->session_timeout);
	execute_statement(text);
	/* While a timeout is known for one. */
	CHECK_FOR_INTERRUPTS();
	mig_statement_timeout_end();
	pfree(text);
	body->statement_text = NULL;
}

/*
 * Notes where the run is.  The text must outlive SPI, which comes back with
 * its own context: mig_body_locate() looks at it.
 */
static char *
enter_statement(MigBodyExec *body, int index)
{
	const MigStatement *statement = &body->script->statements[index];
	MemoryContext old_context = MemoryContextSwitchTo(body->context);
	char	   *text;

	text = pnstrdup(body->text + statement->location, statement->length);
	MemoryContextSwitchTo(old_context);
	body->statement = index + 1;
	body->line = statement->line;
	body->offset = statement->location;
	body->statement_text = text;
	mig_progress_statement(body);
	return text;
}

static void
execute_statement(const char *text)
{
	SPIExecuteOptions options;
	int			rc;

	/* The registered hash is over tokens read this way. */
	if (!MIG_COMPAT_STANDARD_STRINGS)
		(void) set_config_option("standard_conforming_strings", "on",
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	memset(&options, 0, sizeof(options));
	options.dest = None_Receiver;
	rc = SPI_execute_extended(text, &options);
	if (rc < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("statement cannot be run in a migration body: %s",
						SPI_result_code_string(rc))));
}

static void
execute_utility(void *arg)
{
	const char *statement = arg;
	ErrorContextCallback callback;
	RawStmt    *raw;
	List	   *queries;
	PlannedStmt *planned;

	callback.callback = locate_in_utility;
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
locate_in_utility(void *arg)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery((const char *) arg);
	}
}

/*
 * Says where in the body an error was raised.
 */
static void
add_context(void *arg)
{
	MigBodyExec *body = arg;

	if (body->statement > 0)
		errcontext("statement %d at line %d of the %s of revision \"%s\", attempt %d",
				   body->statement, body->line, body->operation, body->revision,
				   body->attempt);
	else if (body->statement == DEFERRED_CHECKS)
		errcontext("deferred constraints at the end of the %s of revision \"%s\", attempt %d",
				   body->operation, body->revision, body->attempt);
	else
		errcontext("%s of revision \"%s\", attempt %d",
				   body->operation, body->revision, body->attempt);
}
