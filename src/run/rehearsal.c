/*
 * rehearsal.c
 *	  Executes steps as the function does, and takes all of it back.
 *
 * For what wants to know beforehand: which locks a body takes (preview/preview.c),
 * whether a downgrade undoes its upgrade.  A rehearsal runs bodies, so it asks
 * for the rights of a run, and it holds the lock of one.  All of it is one
 * subtransaction, each step another one in it, so that a step that fails leaves
 * those before in place for who wants to look.
 *
 * A statement that cannot run inside a transaction block is executed in its plain
 * form (script/plain_form.c), or left out where it has none.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/error_text.h"
#include "base/server.h"
#include "base/statement_timeout.h"
#include "run/run_internal.h"

#define TIMEOUT_SETTING			"statement_timeout"

struct MigRehearsal
{
	MigRun		run;
	MigRunRequest request;
	MigRunResult result;
	char	   *target;
	MigRehearsalWork work;
	void	   *arg;
	MigRehearsalLook look;		/* or NULL */
	void	   *look_arg;
	int			timeout;		/* of a statement, ms; 0: none */
	bool		at_limit;		/* that one has ended the last step */
	int			nsteps;			/* that have begun */
	char	   *external;		/* of the last one */
	MigSegment	segment;		/* of the present step and statement */
	MigRehearsedStatement statement;
};

/* A step that is taken back at once. */
typedef struct Try
{
	MigRehearsal *rehearsal;
	const MigStep *step;
	MigWork		then;
	void	   *arg;
	ErrorData  *error;			/* of the step */
} Try;

static void try_step(void *arg);
static void refuse_server(void);
static void rehearse_and_undo(void *arg);
static void rehearse(void *arg);
static bool limit_statements(MigRehearsal *rehearsal);
static void enter_segment(MigRehearsal *rehearsal, int index);
static bool has_other_form(const MigBodyExec *body, int index);
static void add_nested(Node *command, void *arg);
static void add_locks(MigRehearsedStatement *statement, const List *needs);

/*
 * Prepares a run of that command to the target, and does the work, which executes
 * steps of it.  Nothing is left of it but what the work has put into the current
 * memory context.  Raises what a run would be refused with, and what the work
 * raises.
 */
void
mig_rehearsal_run(MigCommand command, char *target, MigRehearsalWork work,
				  void *arg)
{
	MigRehearsal rehearsal;
	ErrorData  *error;

	refuse_server();
	memset(&rehearsal, 0, sizeof(rehearsal));
	rehearsal.target = target;
	rehearsal.work = work;
	rehearsal.arg = arg;
	rehearsal.request.command = command;
	rehearsal.request.via = MIG_VIA_FUNCTION;
	rehearsal.request.ntargets = 1;
	rehearsal.request.targets = &rehearsal.target;
	rehearsal.run.request = &rehearsal.request;
	rehearsal.run.result = &rehearsal.result;
	rehearsal.run.context = CurrentMemoryContext;
	rehearsal.run.rehearses = true;
	error = mig_run_work(&rehearsal.run, rehearse_and_undo, &rehearsal);
	if (error != NULL)
	{
		mig_retry_make_plain(error);
		ReThrowError(error);
	}
}

static void
refuse_server(void)
{
	if (!mig_server_undoes_bodies(mig_server()))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("revisions cannot be run and taken back on this server"),
				 errdetail("DDL that was run in a subtransaction could not be undone (server type \"%s\"). Nothing was run.",
						   mig_server()->type),
				 errhint("Use a PostgreSQL server with a copy of the schema.")));
}

static void
rehearse_and_undo(void *arg)
{
	ErrorData  *error = mig_subxact_undo(rehearse, arg);

	if (error != NULL)
		ReThrowError(error);
}

static void
rehearse(void *arg)
{
	MigRehearsal *rehearsal = arg;
	MigRun	   *run = &rehearsal->run;

	(void) mig_server_stop_retries(GUC_ACTION_LOCAL);
	mig_run_prepare(run);
	mig_constraint_begin();
	mig_step_begin_run(run);
	rehearsal->work(rehearsal, rehearsal->arg);
}

/*
 * The steps from where the database is to the target.
 */
const MigPlan *
mig_rehearsal_plan(const MigRehearsal *rehearsal)
{
	return rehearsal->run.plan;
}

/*
 * What has to be done elsewhere before the step that began last, or NULL.
 */
const char *
mig_rehearsal_external(const MigRehearsal *rehearsal)
{
	return rehearsal->external;
}

/*
 * From now on look is told of each statement, and none may take longer than
 * timeout, in milliseconds, if that is not 0.
 */
void
mig_rehearsal_watch(MigRehearsal *rehearsal, MigRehearsalLook look, void *arg,
					int timeout)
{
	rehearsal->look = look;
	rehearsal->look_arg = arg;
	rehearsal->timeout = timeout;
}

/*
 * Executes a step, of the plan or another one that fits the version rows: body,
 * version row and log row.  NULL: it is done, and stays until the rehearsal ends.
 * Otherwise the error, of the body, and nothing else is left of the step;
 * statement, if it is not NULL, is where: 0 before the first one, -1 after the
 * last one.
 */
ErrorData *
mig_rehearsal_step(MigRehearsal *rehearsal, const MigStep *step, int *statement)
{
	MigStepExec *exec = &rehearsal->run.exec;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "migrate rehearsal step",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ErrorData  *error = NULL;
	bool		limited;
	int			timeout = 0;	/* of the statement that failed */

	CHECK_FOR_INTERRUPTS();
	rehearsal->at_limit = false;
	mig_step_begin(exec, step, ++rehearsal->nsteps);
	rehearsal->external = exec->external == NULL ? NULL :
		MemoryContextStrdup(caller, exec->external);
	mig_progress_step(exec);
	exec->body.may_repeat = false;
	limited = limit_statements(rehearsal);
	if (exec->body.script != NULL)
		error = mig_gate_wait(exec, 0, exec->body.script->nstatements);
	if (error == NULL)
	{
		exec->body.rehearsal = rehearsal;
		error = mig_step_execute(exec, NULL);
		exec->body.rehearsal = NULL;
		/* These are no part of the transaction. */
		mig_session_state_deallocate();
	}
	if (statement != NULL)
		*statement = exec->body.statement;
	if (error != NULL && (exec->body.statement > 0 || exec->verifying))
		timeout = mig_statement_timeout_last();
	MemoryContextSwitchTo(caller);
	if (error == NULL)
	{
		MemoryContextDelete(context);
		return NULL;
	}
	/* A cancel, or a timeout of the session, is not the body's. */
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		!(timeout > 0 && mig_error_is_statement_timeout(error)))
		ReThrowError(error);
	rehearsal->at_limit = limited && timeout == rehearsal->timeout &&
		mig_error_is_statement_timeout(error);
	return error;
}

/*
 * Whether the last step has failed because a statement took longer than a rehearsal
 * lets it.
 */
bool
mig_rehearsal_at_limit(const MigRehearsal *rehearsal)
{
	return rehearsal->at_limit;
}

/*
 * The same, and takes the step back once then was called, which it is only if
 * the step is done.  Raises what that raises.
 */
ErrorData *
mig_rehearsal_try(MigRehearsal *rehearsal, const MigStep *step, MigWork then,
				  void *arg)
{
	MigVersion *version = rehearsal->run.version;
	Try			try = {rehearsal, step, then, arg, NULL};
	ErrorData  *error = mig_subxact_undo(try_step, &try);
	MemoryContext old_context;

	if (error != NULL)
		ReThrowError(error);
	/* Where the rows are is known as long as the run. */
	old_context = MemoryContextSwitchTo(GetMemoryChunkContext(version));
	mig_version_read(version, MIG_SPI_READ_LATEST);
	MemoryContextSwitchTo(old_context);
	return try.error;
}

static void
try_step(void *arg)
{
	Try		   *try = arg;

	try->error = mig_rehearsal_step(try->rehearsal, try->step, NULL);
	if (try->error == NULL)
		try->then(try->arg);
}

/*
 * Whether statements have a limit of ours; a revision may set another one.
 */
static bool
limit_statements(MigRehearsal *rehearsal)
{
	MigBodyExec *body = &rehearsal->run.exec.body;
	MigListSetting *setting;

	if (rehearsal->timeout == 0 || body->text == NULL ||
		(body->session_timeout > 0 &&
		 body->session_timeout <= rehearsal->timeout))
		return false;
	setting = palloc0(sizeof(MigListSetting));
	setting->name = TIMEOUT_SETTING;
	setting->value = psprintf("%d", rehearsal->timeout);
	body->settings = lcons(setting, body->settings);
	return true;
}

/*
 * The text of a statement in the form in which it is rehearsed.
 */
char *
mig_rehearsal_form(MigBodyExec *body, int index, char *text)
{
	MigRehearsedStatement *statement = &body->rehearsal->statement;
	char	   *plain;

	if (index == 0)
	{
		memset(&body->rehearsal->segment, 0, sizeof(MigSegment));
		statement->segment = 0;
	}
	enter_segment(body->rehearsal, index);
	statement->step = body->rehearsal->run.exec.step;
	statement->number = index + 1;
	statement->line = body->script->statements[index].line;
	statement->tag = body->script->statements[index].tag;
	statement->executed = true;
	statement->plain = false;
	statement->rows = 0;
	if (!has_other_form(body, index))
		return text;
	plain = mig_script_plain_form(text);
	statement->executed = statement->plain = plain != NULL;
	return plain == NULL ? text : plain;
}

static bool
has_other_form(const MigBodyExec *body, int index)
{
	MigStatementKind kind = body->script->statements[index].kind;

	return (kind != MIG_STATEMENT_ORDINARY && kind != MIG_STATEMENT_BATCH) ||
		mig_body_is_partitioned(body, index);
}

static void
enter_segment(MigRehearsal *rehearsal, int index)
{
	MigSegment *segment = &rehearsal->segment;

	if (index < segment->first + segment->nstatements)
		return;
	mig_script_segment(rehearsal->run.exec.body.script, index, segment);
	rehearsal->statement.segment++;
}

/*
 * Runs a statement, if it is to be run, and tells of it.  SPI is connected.
 */
void
mig_rehearsal_execute(MigBodyExec *body, int index, const char *text)
{
	MigRehearsal *rehearsal = body->rehearsal;
	MigRehearsedStatement *statement = &rehearsal->statement;
	MigCounters begin;

	if (rehearsal->look != NULL)
	{
		const MigScript *script = statement->plain ?
		mig_script_split_text(text, false) : body->script;

		statement->nlocks = 0;
		add_locks(statement,
				  script->statements[statement->plain ? 0 : index].locks);
		rehearsal->look(statement, true, rehearsal->look_arg);
		mig_utility_hook_watch_nested(add_nested, rehearsal);
	}
	mig_resource_usage_begin(&begin);
	if (statement->executed)
	{
		mig_body_execute_statement(text, None_Receiver);
		statement->rows = SPI_processed;
	}
	mig_resource_usage_since(&begin, &statement->usage);
	mig_statement_timeout_end();
	if (rehearsal->look != NULL)
	{
		mig_utility_hook_watch_nested(NULL, NULL);
		rehearsal->look(statement, false, rehearsal->look_arg);
	}
}

/*
 * What functions and DO blocks run needs locks, too.
 */
static void
add_nested(Node *command, void *arg)
{
	MigRehearsal *rehearsal = arg;
	MemoryContext old_context = MemoryContextSwitchTo(rehearsal->run.exec.body.context);

	add_locks(&rehearsal->statement, mig_lock_needs(command));
	MemoryContextSwitchTo(old_context);
}

static void
add_locks(MigRehearsedStatement *statement, const List *needs)
{
	int			n;
	MigRehearsedLock *locks = mig_needed_lock_relations(mig_needed_lock_add(NIL, needs), &n);

	if (n == 0)
		return;
	if (statement->nlocks == 0)
		statement->locks = locks;
	else
	{
		statement->locks = repalloc(statement->locks,
									sizeof(MigRehearsedLock) * (statement->nlocks + n));
		memcpy(statement->locks + statement->nlocks, locks,
			   n * sizeof(MigRehearsedLock));
	}
	statement->nlocks += n;
}
