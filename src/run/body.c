/*
 * body.c
 *	  The statements of a body, one after the other.
 *
 * Each statement is given to SPI by itself: the next one is parsed after the
 * former has run, and an error tells which one it was.  What a query returns
 * is thrown away as it comes.  Runs with the caller's role and settings and
 * never inside an mig_spi_begin() scope.
 *
 * Where a body is not one transaction, a part of it is run at a time.  The SET
 * statements in front of a part come first, so that it finds the settings that
 * it would find after them, also if it is another session that goes on.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "parser/parser.h"
#include "tcop/dest.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/server.h"
#include "base/statement_timeout.h"
#include "run/body.h"
#include "run/constraint.h"
#include "run/error_position.h"
#include "run/progress.h"
#include "run/toplevel.h"

/* Values of MigBodyRun.statement that are no statement's number. */
#define NO_STATEMENT		0
#define DEFERRED_CHECKS		(-1)

static void begin_context(MigBodyRun *run, ErrorContextCallback *callback);
static void run_settings(MigBodyRun *run, int before);
static void run_statement(MigBodyRun *run, int index);
static char *enter_statement(MigBodyRun *run, int index);
static void execute_statement(const char *text);
static void add_context(void *arg);

/*
 * Finds the statements of the body; they are in the current memory context.
 */
void
mig_run_body_split(MigBodyRun *run)
{
	MigScriptSource source = {run->body, NULL, 0};
	ErrorContextCallback callback;

	begin_context(run, &callback);
	run->script = mig_script_split(&source);
	if (run->transaction_ends && !mig_server()->rollback_undoes_ddl)
		mig_script_commit_each(run->script);
	error_context_stack = callback.previous;
}

/*
 * Runs statements, then what they deferred.  The caller has opened a
 * subtransaction and catches errors, which carry the place as context.
 */
void
mig_run_body(MigBodyRun *run, int first, int nstatements)
{
	ErrorContextCallback callback;

	begin_context(run, &callback);
	SPI_connect();
	run_settings(run, first);
	for (int i = first; i < first + nstatements; i++)
		run_statement(run, i);
	SPI_finish();

	run->statement = DEFERRED_CHECKS;
	mig_run_constraint_check(run->transaction_ends);

	error_context_stack = callback.previous;
}

/*
 * Makes the settings that the body has made in front of a statement.
 */
void
mig_run_body_settings(MigBodyRun *run, int before)
{
	ErrorContextCallback callback;

	begin_context(run, &callback);
	SPI_connect();
	run_settings(run, before);
	SPI_finish();
	error_context_stack = callback.previous;
}

/*
 * Runs a statement that refuses a transaction block, and commits.  NULL: done.
 * Must not be called inside a bracket.
 */
ErrorData *
mig_run_body_nontransactional(MigBodyRun *run, int index)
{
	ErrorContextCallback callback;
	ErrorData  *error;

	begin_context(run, &callback);
	mig_statement_timeout_begin(run->session_timeout);
	error = mig_run_toplevel(enter_statement(run, index));
	mig_statement_timeout_end();
	error_context_stack = callback.previous;
	return error;
}

/*
 * Makes an error that a body raised point into the body.
 */
void
mig_run_body_locate(const MigBodyRun *run, ErrorData *error)
{
	if (run->text != NULL)
		mig_error_position(error, run->body, run->offset, run->text);
}

static void
begin_context(MigBodyRun *run, ErrorContextCallback *callback)
{
	run->statement = NO_STATEMENT;
	run->text = NULL;
	callback->callback = add_context;
	callback->arg = run;
	callback->previous = error_context_stack;
	error_context_stack = callback;
}

static void
run_settings(MigBodyRun *run, int before)
{
	mig_setting_list_apply(run->settings);
	for (int i = 0; i < before; i++)
	{
		if (run->script->statements[i].setting)
			run_statement(run, i);
	}
}

static void
run_statement(MigBodyRun *run, int index)
{
	char	   *text = enter_statement(run, index);

	mig_statement_timeout_begin(run->session_timeout);
	execute_statement(text);
	/* While a timeout is known for one. */
	CHECK_FOR_INTERRUPTS();
	mig_statement_timeout_end();
	pfree(text);
	run->text = NULL;
}

/*
 * Notes where the run is.  The text must outlive SPI, which comes back with
 * its own context: mig_run_body_locate() looks at it.
 */
static char *
enter_statement(MigBodyRun *run, int index)
{
	const MigStatement *statement = &run->script->statements[index];
	MemoryContext old_context = MemoryContextSwitchTo(run->context);
	char	   *text;

	text = pnstrdup(run->body + statement->location, statement->length);
	MemoryContextSwitchTo(old_context);
	run->statement = index + 1;
	run->line = statement->line;
	run->offset = statement->location;
	run->text = text;
	mig_run_progress_statement(run, text);
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

/*
 * Says where in the body an error was raised.
 */
static void
add_context(void *arg)
{
	MigBodyRun *run = arg;

	if (run->statement > 0)
		errcontext("statement %d at line %d of the %s of revision \"%s\", attempt %d",
				   run->statement, run->line, run->operation, run->revision,
				   run->attempt);
	else if (run->statement == DEFERRED_CHECKS)
		errcontext("deferred constraints at the end of the %s of revision \"%s\", attempt %d",
				   run->operation, run->revision, run->attempt);
	else
		errcontext("%s of revision \"%s\", attempt %d",
				   run->operation, run->revision, run->attempt);
}
