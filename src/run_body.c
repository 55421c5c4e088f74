/*
 * run_body.c
 *	  The statements of a body, one after the other.
 *
 * Each statement is given to SPI by itself: the next one is parsed after the
 * former has run, and an error tells which one it was.  What a query returns
 * is thrown away as it comes.  Runs with the caller's role and settings and
 * never inside an mig_spi_begin() scope.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "parser/parser.h"
#include "tcop/dest.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "compat.h"
#include "run_body.h"
#include "run_constraint.h"
#include "run_locate.h"
#include "script_split.h"

/* Values of MigBodyRun.statement that are no statement's number. */
#define NO_STATEMENT		0
#define DEFERRED_CHECKS		(-1)

static void execute_statement(const char *text);
static void add_context(void *arg);

/*
 * Runs all statements, then what they deferred.  The caller has opened a
 * subtransaction and catches errors, which carry the place as context.
 */
void
mig_run_body(MigBodyRun *run)
{
	MigScriptSource source = {run->body, NULL, 0};
	MemoryContext context = CurrentMemoryContext;
	ErrorContextCallback callback;
	MigScript  *script;

	callback.callback = add_context;
	callback.arg = run;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	run->statement = NO_STATEMENT;
	script = mig_script_split(&source);
	SPI_connect();
	for (int i = 0; i < script->nstatements; i++)
	{
		const MigStatement *statement = &script->statements[i];
		char	   *text;

		/*
		 * The text must outlive SPI, which comes back with its own context:
		 * mig_run_body_locate() looks at it.
		 */
		MemoryContextSwitchTo(context);
		text = pnstrdup(run->body + statement->location, statement->length);
		run->statement = i + 1;
		run->line = statement->line;
		run->offset = statement->location;
		run->text = text;
		execute_statement(text);
		pfree(text);
		run->text = NULL;
	}
	SPI_finish();

	run->statement = DEFERRED_CHECKS;
	mig_run_constraint_check();

	error_context_stack = callback.previous;
}

/*
 * Makes an error that a body raised point into the body.
 */
void
mig_run_body_locate(const MigBodyRun *run, ErrorData *error)
{
	if (run->text != NULL)
		mig_run_locate(error, run->body, run->offset, run->text);
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
