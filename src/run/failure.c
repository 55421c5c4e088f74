/*
 * failure.c
 *	  Explains the error that ends a run.
 *
 * Its reader has to act, and may not know the revisions: so after what
 * happened it says how many attempts were made, what the state of the database
 * is now, for which sessions the run has waited, and which statement to send
 * next.  The SQLSTATE stays that of the cause, and so does the log row: its
 * message, detail and hint are those of the server.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/command.h"
#include "base/error_text.h"
#include "base/printable.h"
#include "run/run_internal.h"
#include "tables/log.h"
#include "tables/revision.h"

/* Seconds from which on the time of all attempts is told. */
#define LONG_TIME				5

/* What the tables and the catalogs say of the cause, and of the ways out. */
typedef struct Facts
{
	const MigRun *run;
	const ErrorData *error;
	char	   *set_role;		/* which gets the roles that may have been
								 * meant to run it, or NULL */
	char	   *role;			/* that was not permitted what the body does;
								 * or NULL */
	char	   *invalid_index;	/* has the name of the one to be made; or NULL */
	bool		unread;			/* the version table could not be read */
	int			nholders;		/* other version tables that have the revision */
	MigVersionName *holders;
} Facts;

/* The explanation of an error, made in a transaction that may fail. */
typedef struct Explanation
{
	MigRun	   *run;
	ErrorData  *error;
	MemoryContext context;		/* of the texts */
	char	   *detail;
	char	   *hint;
} Explanation;

static void find_facts(void *arg);
static char *find_invalid_index(const MigBodyExec *body);
static void explain(void *arg);
static void read_version(void *arg);
static void add_attempts(const MigStepExec *exec, ErrorData *error);
static char *describe_call(const Facts *facts);
static char *describe_state(const Facts *facts);
static bool failed_after_commit(const MigRun *run);
static void append_causes(StringInfo buf, const Facts *facts);
static char *advise(const Facts *facts);
static char *advise_run(const Facts *facts);
static const char *more_time(const MigRun *run);
static char *advise_repair(const Facts *facts, const char *command);
static char *advise_partial(const Facts *facts, const char *command);
static void offer_change(StringInfo buf, const Facts *facts, const char *stamp);
static char *find_stamp(const MigRun *run, const ErrorData *error);
static bool exists_already(const ErrorData *error);
static bool has_blockers(const MigRun *run, const ErrorData *error);
static char *add_line(char *text, char *line);

/*
 * After an attempt that failed, in the transaction that follows it: for which
 * transactions it has waited.
 */
void
mig_failure_note_blockers(MigStepExec *exec, const ErrorData *error)
{
	MemoryContext old_context = MemoryContextSwitchTo(exec->body.context);
	MigBlockers blockers;

	if (mig_blocker_find(error, &blockers))
	{
		exec->blockers = blockers;
		exec->entry.blocked_by = blockers.who;
	}
	/* It was no wait that was cancelled now, whatever there was before. */
	else if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		memset(&exec->blockers, 0, sizeof(exec->blockers));
	MemoryContextSwitchTo(old_context);
}

/*
 * Inside the caller's transaction, which takes everything back: how often it was
 * tried, what is left, the transactions that it has waited for, and, unless the
 * error is advised of that already, what to do next.
 */
void
mig_failure_explain_function(const MigRun *run, ErrorData *error, bool advised)
{
	Facts		facts = {run, error};

	/* A stamp runs no body. */
	if (run->plan->command != MIG_COMMAND_STAMP)
		(void) mig_subxact(find_facts, &facts);
	add_attempts(&run->exec, error);
	error->detail = add_line(error->detail, describe_call(&facts));
	/* Its targets may be several. */
	if (!advised &&
		(run->plan->command != MIG_COMMAND_STAMP || has_blockers(run, error)))
		error->hint = add_line(error->hint, advise(&facts));
	error->hint = add_line(error->hint, mig_hook_advice(run));
}

/*
 * In a transaction, in which the error has not occurred.
 */
static void
find_facts(void *arg)
{
	Facts	   *facts = arg;
	const MigRun *run = facts->run;
	const MigStep *step = run->exec.step;

	if (facts->error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE)
	{
		facts->set_role = mig_trust_other_roles();
		if (run->exec.body.statement > 0 && run->exec.body.search_path != NULL)
			facts->role = GetUserNameFromId(run->exec.body.role, true);
	}
	if (facts->error->sqlerrcode == ERRCODE_DUPLICATE_TABLE)
		facts->invalid_index = find_invalid_index(&run->exec.body);
	if (step->command == MIG_COMMAND_UPGRADE)
		facts->holders = mig_log_holders(run->version, step->revision, &facts->nholders);
}

/*
 * If the statement that failed makes an index: the one of that name, if it is
 * INVALID; as the statement would write it.
 */
static char *
find_invalid_index(const MigBodyExec *body)
{
	int			nest_level;
	char	   *name;

	if (body->statement == 0)
		return NULL;
	nest_level = NewGUCNestLevel();
	if (body->search_path != NULL)
		(void) set_config_option("search_path", body->search_path, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	name = mig_probe_invalid_index(body, body->statement - 1);
	AtEOXact_GUC(false, nest_level);
	return name;
}

/*
 * For a run that commits, after a step has failed: adds how often it was tried,
 * and, if that could be logged, the state of the database and what to do next,
 * as far as it can be found out.
 */
void
mig_failure_explain(MigRun *run, ErrorData *error, bool is_logged)
{
	Explanation explanation = {run, error, CurrentMemoryContext};

	/* It has a hint of its own, to send the same command again. */
	mig_retry_explain_stale(run, error);
	run->explained = true;
	add_attempts(&run->exec, error);
	if (!is_logged || mig_xact(explain, &explanation, MIG_XACT_BOUNDED) != NULL)
		return;
	error->detail = add_line(error->detail, explanation.detail);
	if (run->result->staleness == MIG_STALE_NO)
		error->hint = add_line(error->hint, explanation.hint);
}

static void
explain(void *arg)
{
	Explanation *explanation = arg;
	MigRun	   *run = explanation->run;
	MemoryContext old_context;
	Facts		facts = {run, explanation->error};

	mig_step_set_lock_timeout(GUC_ACTION_LOCAL);
	/* It may be what the run has failed at. */
	facts.unread = mig_subxact(read_version, run) != NULL;

	old_context = MemoryContextSwitchTo(explanation->context);
	find_facts(&facts);
	explanation->detail = describe_state(&facts);
	explanation->hint = add_line(advise(&facts), mig_hook_advice(run));
	MemoryContextSwitchTo(old_context);
}

static void
read_version(void *arg)
{
	MigRun	   *run = arg;

	mig_version_read(run->version, MIG_SPI_READ_LATEST);
}

/*
 * That there was more than one attempt, in front of the message.
 */
static void
add_attempts(const MigStepExec *exec, ErrorData *error)
{
	const MigBodyExec *body = &exec->body;
	const char *revision = body->revision ? body->revision : "base";
	MigResourceUsage usage;
	int			seconds;

	if (body->attempt <= 1)
		return;
	mig_resource_usage_since(&exec->begin, &usage);
	seconds = (int) (usage.wall_ms / 1000);
	error->message = seconds >= LONG_TIME ?
		psprintf("%s of revision \"%s\" failed after %d attempts in %d s: %s",
				 body->operation, revision, body->attempt, seconds,
				 error->message) :
		psprintf("%s of revision \"%s\" failed after %d attempts: %s",
				 body->operation, revision, body->attempt, error->message);
}

static char *
describe_call(const Facts *facts)
{
	StringInfoData buf;

	initStringInfo(&buf);
	/* What an earlier call in the same transaction did may go with it. */
	if (IsTransactionBlock())
		appendStringInfoString(&buf, "Nothing of this call is left.");
	else
		appendStringInfo(&buf, "Nothing of this call is left; %s.",
						 facts->run->position);
	append_causes(&buf, facts);
	return buf.data;
}

static char *
describe_state(const Facts *facts)
{
	const MigRun *run = facts->run;
	const MigBodyExec *body = &run->exec.body;
	const MigPartial *partial = run->partial;
	char	   *position = facts->unread ?
	psprintf("version table \"%s\" could not be read",
			 mig_printable(run->version->name)) :
	mig_failure_position(run->version);
	MigCommand	command = run->exec.step->command;
	MigCommand	opposite = command == MIG_COMMAND_UPGRADE ?
	MIG_COMMAND_DOWNGRADE : MIG_COMMAND_UPGRADE;
	char	   *abandoned = NULL;
	char	   *finished = NULL;
	StringInfoData buf;

	/* How far an earlier run came, of whose work this one finds a part. */
	if (partial == NULL && command != MIG_COMMAND_REPEAT)
	{
		abandoned = mig_log_decided(run->version, run->exec.step->revision,
									command, "abandoned");
		finished = mig_log_decided(run->version, run->exec.step->revision,
								   opposite, "finished");
	}
	initStringInfo(&buf);
	if (command == MIG_COMMAND_REPEAT)
		appendStringInfo(&buf, "All revisions are applied, and nothing of repeatable \"%s\" is left; %s.",
						 body->revision, position);
	else if (abandoned != NULL)
		appendStringInfo(&buf, "Nothing of this %s of revision \"%s\" is left; %s. An earlier one was abandoned: %s. What it did stays, unless it was undone by hand.",
						 body->operation, body->revision, position,
						 abandoned);
	else if (finished != NULL)
		appendStringInfo(&buf, "Nothing of the %s of revision \"%s\" is left; %s. Its %s was finished with migrate_resolve(): %s.",
						 body->operation, body->revision, position,
						 mig_command_name(opposite), finished);
	else if (partial == NULL)
		appendStringInfo(&buf, "Nothing of the %s of revision \"%s\" is left; %s.",
						 body->operation, body->revision, position);
	else if (failed_after_commit(run))
		appendStringInfo(&buf, "Revision \"%s\" is partial: %s and has failed, and what it has committed stays; %s.",
						 partial->revision, mig_run_describe_partial(partial),
						 position);
	else if (partial->unknown == 0 && body->statement > 0)
		appendStringInfo(&buf, "Revision \"%s\" is partial: %s, statement %d failed; %s.",
						 partial->revision, mig_run_describe_partial(partial),
						 body->statement, position);
	else
		appendStringInfo(&buf, "Revision \"%s\" is partial: %s; %s.",
						 partial->revision, mig_run_describe_partial(partial),
						 position);
	append_causes(&buf, facts);
	return buf.data;
}

/*
 * What may have led to the error.
 */
static void
append_causes(StringInfo buf, const Facts *facts)
{
	const MigRun *run = facts->run;
	const ErrorData *error = facts->error;
	const MigBodyExec *body = &run->exec.body;

	if (has_blockers(run, error))
		appendStringInfo(buf, " Blocked by %s.", run->exec.blockers.who);
	if (body->search_path != NULL &&
		(error->sqlerrcode == ERRCODE_UNDEFINED_TABLE ||
		 error->sqlerrcode == ERRCODE_UNDEFINED_FUNCTION ||
		 error->sqlerrcode == ERRCODE_UNDEFINED_OBJECT ||
		 error->sqlerrcode == ERRCODE_INVALID_SCHEMA_NAME))
		appendStringInfo(buf, " Its search_path was: %s.",
						 body->search_path);
	if (facts->role != NULL)
		appendStringInfo(buf, " The body ran as role \"%s\".", facts->role);
	if (facts->invalid_index != NULL)
		appendStringInfo(buf, " Index %s exists, but is not valid: its build has not ended.",
						 facts->invalid_index);
}

/*
 * Whether the error is that of a statement which ends transactions itself, and
 * had.  Otherwise it is that of a run which has found one.
 */
static bool
failed_after_commit(const MigRun *run)
{
	return run->partial != NULL && mig_partial_ends_transactions(run->partial) &&
		run->exec.body.statement == run->partial->unknown;
}

/*
 * The rows of the version table: 'the database is at "a", "b"'.
 */
char *
mig_failure_position(const MigVersion *version)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (version->own)
		appendStringInfoString(&buf, version->nrows == 0 ?
							   "no revision is applied" :
							   "the database is at ");
	else if (version->nrows == 0)
		appendStringInfo(&buf, "version table \"%s\" is empty", version->name);
	else
		appendStringInfo(&buf, "version table \"%s\" is at ", version->name);
	for (int i = 0; i < version->nrows; i++)
		appendStringInfo(&buf, "%s\"%s\"", i > 0 ? ", " : "",
						 version->rows[i]);
	/* Anybody can make a table, and write one of another tool. */
	return mig_printable(buf.data);
}

/*
 * What to do next, with statements that can be pasted; or NULL.
 */
static char *
advise(const Facts *facts)
{
	char	   *advice = advise_run(facts);

	return facts->invalid_index == NULL ? advice :
		add_line(psprintf("To drop it: DROP INDEX CONCURRENTLY %s;",
						  facts->invalid_index), advice);
}

static char *
advise_run(const Facts *facts)
{
	const MigRun *run = facts->run;
	const ErrorData *error = facts->error;
	char	   *command = mig_advice_command(run);

	if (has_blockers(run, error))
		return failed_after_commit(run) ?
			psprintf("%s\n%s", mig_blocker_advise(&run->exec.blockers),
					 mig_advice_ways_on(run->partial, command)) :
			psprintf("%s\nTo try again: %s",
					 mig_blocker_advise(&run->exec.blockers), command);
	if (run->partial != NULL)
	{
		/* It is refused, and the error says what can be done. */
		if (run->partial->role_oid != GetUserId() ||
			(run->exec.entry.body_hash != NULL &&
			 strcmp(run->partial->body_hash, run->exec.entry.body_hash) != 0))
			return NULL;
		if (run->exec.advised)
			return NULL;
		if (mig_error_is_statement_timeout(error))
			return psprintf("%s\n%s", more_time(run), advise_partial(facts, command));
		return advise_partial(facts, command);
	}
	if (run->exec.body.statement == 0 && error->hint != NULL)
		return NULL;
	if (mig_error_is_statement_timeout(error))
		return psprintf("%s\nTo try again: %s", more_time(run), command);
	if (run->exec.body.statement == 0 || run->exec.body.attempt > 1 ||
		error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		return psprintf("To try again: %s", command);
	if (facts->set_role != NULL)
		command = psprintf("%s\nTo run it as %s\n%s", command, facts->set_role, command);
	return advise_repair(facts, command);
}

/*
 * What can be done about the partial revision.
 */
static char *
advise_partial(const Facts *facts, const char *command)
{
	const MigPartial *partial = facts->run->partial;
	char	   *ways = mig_advice_ways_on(partial, command);

	if (partial->operation == MIG_COMMAND_DOWNGRADE)
		return ways;
	facts->run->result->to_change = pstrdup(partial->revision);
	return facts->nholders == 0 ? ways :
		psprintf("%s\nTo change its body, revert the revision elsewhere, too: the log says that it is applied in %s.",
				 ways, mig_advice_tables(facts->nholders, facts->holders));
}

/*
 * What a statement_timeout needs, which the next run meets again.
 */
static const char *
more_time(const MigRun *run)
{
	return run->exec.body.session_timeout > 0 ?
		"To give it more time: SET statement_timeout = 0;" :
		"To give it more time, change the statement_timeout that the revision or migrate.transaction_settings sets.";
}

/*
 * The same after an error that the body is to blame for, or what it has found.
 */
static char *
advise_repair(const Facts *facts, const char *command)
{
	const MigRun *run = facts->run;
	const ErrorData *error = facts->error;
	char	   *stamp = facts->unread ? NULL : find_stamp(run, error);
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "To try again when the cause is removed: %s", command);
	if (run->exec.step->command == MIG_COMMAND_REPEAT)
		return buf.data;
	/* A revision that is applied cannot be replaced. */
	if (run->exec.step->command == MIG_COMMAND_DOWNGRADE)
	{
		if (stamp != NULL)
			appendStringInfo(&buf, "\nTo undo the revision by hand, and then count it as not applied: SELECT migrate_stamp(%s);",
							 stamp);
		return buf.data;
	}
	offer_change(&buf, facts, stamp);
	if (stamp != NULL && exists_already(error) && facts->invalid_index == NULL)
		appendStringInfo(&buf, "\nIf the database has all that the revision makes, to count it as applied: SELECT migrate_stamp(%s);",
						 stamp);
	return buf.data;
}

/*
 * A revision can be replaced that is applied nowhere.  What other version tables
 * have is known by migrate.log, and not of those that a run over tenants, or a job,
 * will come to.
 */
static void
offer_change(StringInfo buf, const Facts *facts, const char *stamp)
{
	const MigRun *run = facts->run;
	const char *revision = quote_literal_cstr(run->exec.body.revision);

	run->result->to_change = pstrdup(run->exec.body.revision);
	if (facts->nholders == 0)
	{
		appendStringInfo(buf, run->version->own ?
						 "\nTo change the body first: migrate_register(%s, ..., replace => true), or its file: pg_migrate load --replace." :
						 "\nTo change the body first, while no other version table has the revision: migrate_register(%s, ..., replace => true), or its file: pg_migrate load --replace.",
						 revision);
		return;
	}
	appendStringInfo(buf, "\nTo change the body first, revert the revision elsewhere: the log says that it is applied in %s. Then migrate_register(%s, ..., replace => true), or its file: pg_migrate load --replace.",
					 mig_advice_tables(facts->nholders, facts->holders), revision);
	if (stamp != NULL && !exists_already(facts->error))
		appendStringInfo(buf, "\nTo do by hand here what the revision does, and then count it as applied: SELECT migrate_stamp(%s);",
						 stamp);
}

/*
 * The arguments of migrate_stamp() that write the rows which the step that has
 * failed would have written.  NULL: steps before it are taken back with it, or
 * it has failed at these rows.
 */
static char *
find_stamp(const MigRun *run, const ErrorData *error)
{
	if ((!run->commits && run->exec.entry.step > 1) ||
		error->sqlerrcode == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
		return NULL;
	return mig_advice_stamp(run->version, run->exec.step);
}

/*
 * Whether an error says that what is to be created is there.
 */
static bool
exists_already(const ErrorData *error)
{
	switch (error->sqlerrcode)
	{
		case ERRCODE_DUPLICATE_COLUMN:
		case ERRCODE_DUPLICATE_FUNCTION:
		case ERRCODE_DUPLICATE_OBJECT:
		case ERRCODE_DUPLICATE_SCHEMA:
		case ERRCODE_DUPLICATE_TABLE:
			return true;
		default:
			return false;
	}
}

static bool
has_blockers(const MigRun *run, const ErrorData *error)
{
	return run->exec.blockers.who != NULL &&
		(error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		 error->sqlerrcode == ERRCODE_QUERY_CANCELED);
}

static char *
add_line(char *text, char *line)
{
	if (text == NULL || line == NULL)
		return text == NULL ? line : text;
	return psprintf("%s\n%s", text, line);
}
