/*
 * body.c
 *	  Runs the statements of a body, one after the other.
 *
 * Each statement is given to SPI by itself: the next one is parsed after the
 * former has run, and an error tells which one it was.  What a query returns
 * is thrown away as it comes.  Runs with the caller's role and settings and
 * never inside an mig_spi_begin() scope.
 *
 * Where a body is not one transaction, a segment of it is run at a time.  What
 * the statements before have set is set again first (session_setting.c), so
 * that the border changes nothing, also if another session resumes the run.
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
#include "utils/varlena.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/error_text.h"
#include "base/spi.h"
#include "base/statement_timeout.h"
#include "run/run_internal.h"

/* Values of MigBodyExec.statement that are no statement's number. */
#define NO_STATEMENT		0
#define DEFERRED_CHECKS		(-1)

/*
 * From when on the statements of an attempt have taken long, and how often then
 * one that meets a lock is tried by itself before all of them are run again.
 */
#define LONG_ATTEMPT		1000	/* ms */
#define OWN_ATTEMPTS		10
#define OWN_DELAY			100 /* ms */

/* A statement in a subtransaction of its own. */
typedef struct Single
{
	MigBodyExec *body;
	int			index;
} Single;

/* A statement that cannot run inside a transaction block. */
typedef struct Utility
{
	const char *text;
	MigBodyExec *body;			/* NULL: it is not one of a body */
	int			index;			/* in the body */
	const List *before;			/* the settings without the body's */
	MigWork		then;			/* in its last transaction; NULL: nothing */
	void	   *arg;
} Utility;

/* A search_path that a body has set, and a role that it had then. */
typedef struct SetPath
{
	char	   *path;
	Oid			role;
} SetPath;

static void set_settings(MigBodyExec *body, int index);
static void begin_context(MigBodyExec *body, ErrorContextCallback *callback);
static void run_settings(MigBodyExec *body, int before);
static void collect_settings(MigBodyExec *body, int nest_level,
							 const List *before, bool committed);
static void run_statement(MigBodyExec *body, int index);
static void run_by_itself(MigBodyExec *body, int index);
static void run_single(void *arg);
static void begin_environment(MigBodyExec *body);
static void note_environment(MigBodyExec *body);
static void check_paths(MigBodyExec *body);
static char *find_schema(MigSpiQuery *query, const SetPath *set);
static char *enter_statement(MigBodyExec *body, int index);
static void execute_utility(void *arg);
static void add_context(void *arg);
static void turn_on(const char *name, struct config_generic **record);

/*
 * Finds the statements of the body; they are in the current memory context.
 * per_statement: each is a transaction, as the body's author has said.
 * commit_each: DDL among them commits by itself.
 */
void
mig_body_split(MigBodyExec *body, bool per_statement, bool commit_each)
{
	ErrorContextCallback callback;

	begin_context(body, &callback);
	body->script = mig_script_split_text(body->text, per_statement);
	if (commit_each)
		mig_script_commit_each(body->script);
	error_context_stack = callback.previous;
}

/*
 * Runs statements, then what they deferred.  The caller has opened a
 * subtransaction and a GUC nest level, and catches errors, which carry the place
 * as context.  Returns how many statements it has run: fewer, if the segment has
 * to end before one that turns out to be unable to run inside a transaction
 * block, or after one that has added a value to an enum, which cannot be used
 * before it is committed.
 */
int
mig_body_execute(MigBodyExec *body, int first, int nstatements)
{
	ErrorContextCallback callback;
	uint64		nvalues = mig_utility_hook_enum_values();
	int64		began = mig_clock_ms();
	int			nest_level;
	int			next;

	begin_context(body, &callback);
	SPI_connect();
	if (body->ncarried == 0)
		begin_environment(body);
	mig_setting_list_apply(body->settings);
	nest_level = NewGUCNestLevel();
	mig_session_setting_apply(body->carried, true);
	if (body->ncarried > 0)
		begin_environment(body);
	run_settings(body, first);
	for (next = first; next < first + nstatements; next++)
	{
		if (body->may_split && next > first &&
			!body->script->statements[next].in_block &&
			(nvalues != mig_utility_hook_enum_values() ||
			 mig_body_is_partitioned(body, next)))
			break;
		if (body->script->statements[next].locks != NIL && body->may_repeat &&
			mig_clock_ms() - began >= LONG_ATTEMPT)
			run_by_itself(body, next);
		else
			run_statement(body, next);
	}
	SPI_finish();

	body->statement = DEFERRED_CHECKS;
	mig_constraint_check(body->transaction_ends);
	/* A batch is followed by the next one. */
	if (next < body->script->nstatements ||
		(nstatements > 0 &&
		 body->script->statements[next - 1].kind == MIG_STATEMENT_BATCH))
		collect_settings(body, nest_level, NIL, body->as_sent);
	check_paths(body);

	error_context_stack = callback.previous;
	return next - first;
}

/*
 * Makes the settings that a statement of the body finds, for a look-up before it
 * is run.  Returns the GUC nest level, with whose end they end.
 */
int
mig_body_begin_look(MigBodyExec *body, int index)
{
	int			nest_level = NewGUCNestLevel();

	body->looking = true;
	mig_setting_list_apply(body->settings);
	set_settings(body, index);
	return nest_level;
}

/*
 * The look-up has come to a statement that makes a setting.
 */
void
mig_body_look_past(MigBodyExec *body, int index)
{
	ErrorContextCallback callback;

	begin_context(body, &callback);
	SPI_connect();
	run_statement(body, index);
	SPI_finish();
	error_context_stack = callback.previous;
}

void
mig_body_end_look(MigBodyExec *body, int nest_level)
{
	AtEOXact_GUC(false, nest_level);
	mig_body_forget_look(body);
}

/*
 * The look-up has ended, perhaps in an error: no statement has begun.
 */
void
mig_body_forget_look(MigBodyExec *body)
{
	body->looking = false;
	body->statement = NO_STATEMENT;
}

/*
 * Makes the settings that a statement of the body finds.  Those of the revision
 * have been made.
 */
static void
set_settings(MigBodyExec *body, int index)
{
	ErrorContextCallback callback;

	begin_context(body, &callback);
	begin_environment(body);
	SPI_connect();
	mig_session_setting_apply(body->carried, false);
	run_settings(body, index);
	SPI_finish();
	note_environment(body);
	error_context_stack = callback.previous;
}

/*
 * The same for the session, so that they outlast the transaction: also those
 * that the body has made for a transaction.  before: the session's settings
 * without the body's.
 */
void
mig_body_set_session_settings(MigBodyExec *body, int index,
							  const List *before)
{
	set_settings(body, index);
	collect_settings(body, 0, before, false);
	mig_session_setting_apply(body->collected, false);
	check_paths(body);
}

/*
 * Whether a relation that a statement names makes it one that cannot run inside
 * a transaction block, as it is found now.
 */
bool
mig_body_is_partitioned(const MigBodyExec *body, int index)
{
	static MigSpiQuery query = {
		"SELECT FROM pg_catalog.pg_class"
		" WHERE oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)"
		"   AND relkind OPERATOR(pg_catalog.=) ANY (ARRAY['p', 'I']::pg_catalog.\"char\"[])"
	};
	const char *relation = body->script->statements[index].if_partitioned;
	MigSpiArgs	args = {0};

	if (relation == NULL)
		return false;
	mig_spi_arg_text(&args, relation);
	return mig_spi_exists(&query, &args, MIG_SPI_CALLER_PATH,
						  MIG_SPI_READ_LATEST);
}

/*
 * Whether the procedure that a statement calls by the name of migrate_batch() is
 * that of the extension, and no other one can be meant.
 */
bool
mig_body_calls_batch(const MigBodyExec *body, int index)
{
	return mig_body_is_batch(body->script->statements[index].procedure);
}

/*
 * The same of a name, as SQL writes it.
 */
bool
mig_body_is_batch(const char *procedure)
{
	static MigSpiQuery query = {
		"SELECT FROM pg_catalog.pg_proc AS p"
		"  JOIN pg_catalog.pg_extension AS e"
		"    ON e.extnamespace OPERATOR(pg_catalog.=) p.pronamespace"
		"  JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace"
		" WHERE e.extname OPERATOR(pg_catalog.=) 'migrate'"
		"   AND p.proname OPERATOR(pg_catalog.=) 'migrate_batch'"
		/* A schema that the caller may not use would be an error. */
		"   AND CASE WHEN pg_catalog.cardinality(pg_catalog.parse_ident($1)) OPERATOR(pg_catalog.>) 1"
		"             AND (pg_catalog.parse_ident($1))[pg_catalog.cardinality(pg_catalog.parse_ident($1)) OPERATOR(pg_catalog.-) 1]"
		"                 OPERATOR(pg_catalog.<>) n.nspname::pg_catalog.text"
		"            OR NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') THEN false"
		"       ELSE p.oid OPERATOR(pg_catalog.=) pg_catalog.to_regproc($1) END"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, procedure);
	return mig_spi_exists(&query, &args, MIG_SPI_CALLER_PATH,
						  MIG_SPI_READ_LATEST);
}

/*
 * Runs a statement that cannot run inside a transaction block, and commits.
 * NULL: done.  before: the settings of the session without the body's.  then:
 * work to be done in the transaction that the statement has left open, or NULL.
 * Must not be called in a subtransaction.
 */
ErrorData *
mig_body_execute_utility(MigBodyExec *body, int index, const List *before,
						 MigWork then, void *arg)
{
	ErrorContextCallback callback;
	ErrorData  *error;
	Utility		utility = {NULL, body, index, before, then, arg};

	begin_context(body, &callback);
	utility.text = enter_statement(body, index);
	mig_statement_timeout_begin(body->session_timeout);
	mig_blocker_watch(true);
	error = mig_xact(execute_utility, &utility, MIG_XACT_NO_BLOCK);
	mig_blocker_watch(false);
	mig_statement_timeout_end();
	error_context_stack = callback.previous;
	return error;
}

/*
 * Does what is to be done between the transactions of a statement: an error of it
 * is one of the statement.  Not in a transaction.
 */
void
mig_body_between(MigBodyExec *body, int index, MigWork work, void *arg)
{
	ErrorContextCallback callback;

	begin_context(body, &callback);
	(void) enter_statement(body, index);
	PG_TRY();
	{
		work(arg);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(body->context);
		error = CopyErrorData();
		FlushErrorState();
		mig_body_locate(body, error);
		ReThrowError(error);
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
}

/*
 * Makes an error that a body raised point into its statement.
 */
void
mig_body_locate(const MigBodyExec *body, ErrorData *error)
{
	if (body->statement_text != NULL)
		mig_error_position(error, body->statement_text);
}

/*
 * The same for a statement that is not the body's: a repair.
 */
ErrorData *
mig_body_utility(const char *statement)
{
	Utility		utility = {statement, NULL, 0, NIL, NULL, NULL};

	return mig_xact(execute_utility, &utility, MIG_XACT_NO_BLOCK);
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

/*
 * Those in front of a segment that are no segment are SET statements only; what
 * else stands before a statement that is looked at in advance has not run yet.
 * The segment's search_path is noted.
 */
static void
run_settings(MigBodyExec *body, int before)
{
	MemoryContext old_context;

	for (int i = body->ncarried; i < before; i++)
	{
		if (body->script->statements[i].setting)
			run_statement(body, i);
	}
	old_context = MemoryContextSwitchTo(body->context);
	mig_session_setting_note_path(&body->path_before);
	MemoryContextSwitchTo(old_context);
}

/*
 * What the body has set until now, for the segment that follows.  committed:
 * without what ends with this transaction.
 */
static void
collect_settings(MigBodyExec *body, int nest_level, const List *before,
				 bool committed)
{
	MemoryContext old_context = MemoryContextSwitchTo(body->context);

	body->collected = mig_session_setting_collect(body->carried, nest_level,
												  before, committed,
												  body->runner,
												  &body->path_before);
	MemoryContextSwitchTo(old_context);
}

static void
run_statement(MigBodyExec *body, int index)
{
	char	   *text = enter_statement(body, index);

	mig_statement_timeout_begin(body->session_timeout);
	if (body->rehearsal != NULL)
		mig_rehearsal_execute(body, index, text);
	else if (body->verifies)
		mig_verify_execute_statement(body, text);
	else
		mig_body_execute_statement(text, None_Receiver);
	/* While a timeout is known for one. */
	CHECK_FOR_INTERRUPTS();
	mig_statement_timeout_end();
	pfree(text);
	body->statement_text = NULL;
}

/*
 * The statements before it are not run again for a lock that another session
 * holds for a moment.  The locks that they have taken are held meanwhile.
 */
static void
run_by_itself(MigBodyExec *body, int index)
{
	Single		single = {body, index};

	for (int attempt = 1;; attempt++)
	{
		ErrorData  *error = mig_subxact(run_single, &single);

		if (error == NULL)
			return;
		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE ||
			mig_error_is_foreign(error) || attempt == OWN_ATTEMPTS)
			ReThrowError(error);
		if (attempt == 1)
			ereport(NOTICE,
					(errcode(error->sqlerrcode),
					 errmsg("statement %d of the %s of revision \"%s\" is tried again by itself: %s",
							index + 1, body->operation, body->revision,
							error->message),
					 errdetail("The statements before it have taken long, and are not run again. What they have locked is kept.")));
		FreeErrorData(error);
		mig_clock_sleep(OWN_DELAY);
	}
}

static void
run_single(void *arg)
{
	const Single *single = arg;

	run_statement(single->body, single->index);
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
	if (body->rehearsal != NULL)
		text = mig_rehearsal_form(body, index, text);
	MemoryContextSwitchTo(old_context);
	body->statement = index + 1;
	body->line = statement->line;
	body->statement_text = text;
	note_environment(body);
	mig_progress_statement(body);
	return text;
}

/*
 * What the body finds is not what it has set.
 */
static void
begin_environment(MigBodyExec *body)
{
	body->search_path = NULL;
	body->paths = NIL;
	note_environment(body);
}

/*
 * Notes under which search_path and role statements run: for the log, and each
 * search_path that the body has set.
 */
static void
note_environment(MigBodyExec *body)
{
	const char *path = GetConfigOption("search_path", false, false);
	bool		is_first = body->search_path == NULL;
	bool		is_same = !is_first && strcmp(body->search_path, path) == 0;
	Oid			role = GetUserId();
	MemoryContext old_context;

	if (is_same && (role == body->role || body->paths == NIL))
	{
		body->role = role;
		return;
	}
	old_context = MemoryContextSwitchTo(body->context);
	body->role = role;
	if (!is_same)
		body->search_path = pstrdup(path);
	if (!is_first)
	{
		SetPath    *set = palloc(sizeof(SetPath));

		set->path = body->search_path;
		set->role = role;
		body->paths = lappend(body->paths, set);
	}
	MemoryContextSwitchTo(old_context);
}

/*
 * A schema that does not exist, or that the role may not use, is left out of the
 * search_path without a word, and what a body creates is then in another one.
 * Looked at when the body has run, which may have created it.
 */
static void
check_paths(MigBodyExec *body)
{
	static MigSpiQuery missing = {
		"SELECT name FROM pg_catalog.unnest($1) AS s (name)"
		" WHERE name NOT IN ('$user', 'pg_temp')"
		"   AND name NOT IN (SELECT nspname FROM pg_catalog.pg_namespace)"
		" LIMIT 1"
	};
	static MigSpiQuery closed = {
		"SELECT name FROM pg_catalog.unnest($1) AS s (name)"
		"  JOIN pg_catalog.pg_namespace AS n ON n.nspname = s.name"
		" WHERE NOT pg_catalog.has_schema_privilege($2, n.oid, 'USAGE')"
		"   AND $2 IN (SELECT oid FROM pg_catalog.pg_roles)"
		" LIMIT 1"
	};
	const char *told = NULL;
	ListCell   *cell;

	foreach(cell, body->paths)
	{
		const SetPath *set = lfirst(cell);
		const char *schema;

		/* Under another role. */
		if (set->path == told)
			continue;
		told = set->path;
		if ((schema = find_schema(&missing, set)) != NULL)
			ereport(WARNING,
					(errcode(ERRCODE_INVALID_SCHEMA_NAME),
					 errmsg("search_path of revision \"%s\" contains schema \"%s\", which does not exist",
							body->revision, schema),
					 errdetail("Its %s has set search_path to: %s. Objects without a schema in their name are those of another schema.",
							   body->operation, set->path)));
		else if ((schema = find_schema(&closed, set)) != NULL)
			ereport(WARNING,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("search_path of revision \"%s\" contains schema \"%s\", which role \"%s\" may not use",
							body->revision, schema,
							GetUserNameFromId(set->role, true)),
					 errdetail("Its %s has set search_path to: %s. Objects without a schema in their name are those of another schema.",
							   body->operation, set->path)));
		else
			told = NULL;
	}
}

/*
 * The first schema of a search_path that a query finds, or NULL.
 */
static char *
find_schema(MigSpiQuery *query, const SetPath *set)
{
	List	   *names;
	char	  **elems;
	int			n = 0;
	ListCell   *cell;
	MigSpiArgs	args = {0};

	if (!SplitIdentifierString(pstrdup(set->path), ',', &names))
		return NULL;
	elems = palloc(sizeof(char *) * Max(list_length(names), 1));
	foreach(cell, names)
		elems[n++] = lfirst(cell);
	mig_spi_arg_texts(&args, elems, n);
	mig_spi_arg_oid(&args, set->role);
	return mig_spi_first(query, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST);
}

/*
 * Until the GUC nest level ends the server reads statements as mig_script_parse()
 * does, by which they were checked and hashed.
 */
void
mig_body_read_as_parsed(void)
{
	static struct config_generic *strings;
	static struct config_generic *quote;

	if (!MIG_COMPAT_STANDARD_STRINGS)
		turn_on("standard_conforming_strings", &strings);
	/* The text is in the server's encoding, whatever the client's is. */
	if (backslash_quote != BACKSLASH_QUOTE_ON)
		turn_on("backslash_quote", &quote);
}

/*
 * The server's record of the setting is looked up once.
 */
static void
turn_on(const char *name, struct config_generic **record)
{
	bool		is_set;

	if (*record == NULL)
		*record = mig_compat_find_setting(name);
	/* By a statement before, as RESET ALL: SAVE does not follow that. */
	is_set = (*record)->stack != NULL && (*record)->stack->state != GUC_SAVE;
	(void) set_config_option(name, "on", PGC_USERSET, PGC_S_SESSION,
							 is_set ? GUC_ACTION_LOCAL : GUC_ACTION_SAVE, true, 0,
							 false);
}

/*
 * Gives a statement to SPI, which is connected, and what it returns to the
 * receiver.
 */
void
mig_body_execute_statement(const char *text, DestReceiver *receiver)
{
	SPIExecuteOptions options;
	int			rc;

	mig_body_read_as_parsed();
	memset(&options, 0, sizeof(options));
	options.dest = receiver;
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
	const Utility *utility = arg;
	const char *statement = utility->text;
	ErrorContextCallback callback;
	RawStmt    *raw;
	List	   *queries;
	PlannedStmt *planned;

	callback.callback = mig_error_position_callback;
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
	if (utility->body != NULL)
	{
		MigBodyExec *body = utility->body;

		collect_settings(body, 0, utility->before, body->as_sent);
		/* A client, too, would lose there what ends with a transaction. */
		if (!body->as_sent &&
			utility->index + 1 < body->script->nstatements)
			mig_session_state_end_segment(body, utility->index + 1);
	}
	if (utility->then != NULL)
		utility->then(utility->arg);

	error_context_stack = callback.previous;
}

/*
 * Says where in the body an error was raised.
 */
static void
add_context(void *arg)
{
	const MigBodyExec *body = arg;

	mig_blocker_keep();
	errcontext("%s", mig_body_place(body));
}

/*
 * Where a run is in a body, in words, in the current memory context.
 */
char *
mig_body_place(const MigBodyExec *body)
{
	if (body->repeatable && body->statement > 0)
		return psprintf(_("statement %d at line %d of repeatable \"%s\", attempt %d"),
						body->statement, body->line, body->revision,
						body->attempt);
	if (body->repeatable)
		return psprintf(_("repeatable \"%s\", attempt %d"), body->revision,
						body->attempt);
	if (body->statement > 0)
		return psprintf(_("statement %d at line %d of the %s of revision \"%s\", attempt %d"),
						body->statement, body->line, body->operation,
						body->revision, body->attempt);
	if (body->statement == DEFERRED_CHECKS)
		return psprintf(_("deferred constraints at the end of the %s of revision \"%s\", attempt %d"),
						body->operation, body->revision, body->attempt);
	return psprintf(_("%s of revision \"%s\", attempt %d"), body->operation,
					body->revision, body->attempt);
}
