/*
 * utility_hook.c
 *	  Observes what a body does that only a hook can see.
 *
 * Triggers can be deferred only where rows were written: by the executor, or by
 * COPY.  SET CONSTRAINTS, LOCK TABLE and ON COMMIT of a temporary table leave no trace
 * that could be looked up, a new value of an enum cannot be used before it is
 * committed, and no rollback takes back a prepared statement.  And where DDL
 * commits by itself, what a function or a DO block has created stays when the
 * statement around it fails: then that statement must not be run again as if
 * nothing had happened, and in an ordinary one such DDL is refused before it
 * has done anything.  A preview asks for the locks of what they run, too.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/memutils.h"

#include "run/run_internal.h"

static uint64 nenum_values = 0;
static uint64 nschemas = 0;
static uint64 nlasting = 0;
static uint64 nwritten = 0;
static bool ddl_refused = false;
static MigUtilityNested nested_told = NULL;
static void *nested_arg = NULL;

/* Of the attempt that is made: names, and counts. */
static List *prepared = NIL;
static List *until_commit = NIL;
static uint64 nlock_tables = 0;
static uint64 nconstraints = 0;

/* Whether it has written rows; outside of one, something may have. */
static bool wrote_rows = true;

static ExecutorStart_hook_type previous_start_hook = NULL;
static ProcessUtility_hook_type previous_utility_hook = NULL;

static void watch_executor(QueryDesc *query, int flags);
static void watch_utility(PlannedStmt *pstmt, const char *queryString,
						  bool readOnlyTree, ProcessUtilityContext context,
						  ParamListInfo params, QueryEnvironment *queryEnv,
						  DestReceiver *dest, QueryCompletion *qc);
static void refuse_restricted(Node *statement);
static void watch_attempt(Node *statement);
static bool changes_schemas(Node *statement);
static void remember(List **names, const char *name);
static void watch_ddl(Node *statement);
static void watch_transaction(XactEvent event, void *arg);

/*
 * Called once, from _PG_init().
 */
void
mig_utility_hook_install(void)
{
	previous_start_hook = ExecutorStart_hook;
	ExecutorStart_hook = watch_executor;
	previous_utility_hook = ProcessUtility_hook;
	ProcessUtility_hook = watch_utility;
	RegisterXactCallback(watch_transaction, NULL);
}

/*
 * An attempt begins.  refuse_ddl: it may not run DDL from within a statement.
 */
void
mig_utility_hook_begin_attempt(bool refuse_ddl)
{
	ddl_refused = refuse_ddl;
	list_free_deep(prepared);
	prepared = NIL;
	list_free_deep(until_commit);
	until_commit = NIL;
	nlock_tables = 0;
	nconstraints = 0;
	wrote_rows = false;
}

/*
 * The names of the statements that it has prepared.
 */
const List *
mig_utility_hook_prepared(void)
{
	return prepared;
}

/*
 * The names of temporary tables of which it has said ON COMMIT DROP or DELETE
 * ROWS.
 */
const List *
mig_utility_hook_until_commit(void)
{
	return until_commit;
}

/*
 * How often it has said LOCK TABLE.
 */
uint64
mig_utility_hook_lock_tables(void)
{
	return nlock_tables;
}

void
mig_utility_hook_forget_lock_tables(void)
{
	nlock_tables = 0;
}

/*
 * How often SET CONSTRAINTS was said in it, or before the first one in the
 * session, and not dealt with.
 */
uint64
mig_utility_hook_constraints(void)
{
	return nconstraints;
}

void
mig_utility_hook_forget_constraints(void)
{
	nconstraints = 0;
}

bool
mig_utility_hook_wrote_rows(void)
{
	return wrote_rows;
}

/*
 * How often a value was added to an enum in this process.
 */
uint64
mig_utility_hook_enum_values(void)
{
	return nenum_values;
}

/*
 * How often this process has run what can rename or drop a schema.
 */
uint64
mig_utility_hook_schemas(void)
{
	return nschemas;
}

/*
 * How often this process has done from within a statement what stays when the
 * statement fails, if DDL commits by itself: DDL, and commits.
 */
uint64
mig_utility_hook_lasting(void)
{
	return nlasting;
}

/*
 * How often this process has committed a transaction that wrote something:
 * catalogs are changed by no other, where transactions have ids.
 */
uint64
mig_utility_hook_written(void)
{
	return nwritten;
}

void
mig_utility_hook_end_attempt(void)
{
	ddl_refused = false;
	nested_told = NULL;
	wrote_rows = true;
}

/*
 * Until the attempt ends, or this is called with NULL, told is called before each
 * command that is run from within a statement.
 */
void
mig_utility_hook_watch_nested(MigUtilityNested told, void *arg)
{
	nested_told = told;
	nested_arg = arg;
}

static void
watch_executor(QueryDesc *query, int flags)
{
	if (query->operation != CMD_SELECT || query->plannedstmt->hasModifyingCTE)
		wrote_rows = true;
	if (previous_start_hook != NULL)
		previous_start_hook(query, flags);
	else
		standard_ExecutorStart(query, flags);
}

static void
watch_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
			  ProcessUtilityContext context, ParamListInfo params,
			  QueryEnvironment *queryEnv, DestReceiver *dest,
			  QueryCompletion *qc)
{
	refuse_restricted(pstmt->utilityStmt);
	if (IsA(pstmt->utilityStmt, ConstraintsSetStmt))
		nconstraints++;
	if (IsA(pstmt->utilityStmt, AlterEnumStmt) &&
		castNode(AlterEnumStmt, pstmt->utilityStmt)->oldVal == NULL)
		nenum_values++;
	if (changes_schemas(pstmt->utilityStmt))
		nschemas++;
	if (IsA(pstmt->utilityStmt, CopyStmt))
		wrote_rows = true;
	watch_attempt(pstmt->utilityStmt);
	/* A part of a statement that is atomic is not one from within it. */
	if (context == PROCESS_UTILITY_QUERY ||
		context == PROCESS_UTILITY_QUERY_NONATOMIC)
	{
		watch_ddl(pstmt->utilityStmt);
		if (nested_told != NULL)
			nested_told(pstmt->utilityStmt, nested_arg);
	}
	if (previous_utility_hook != NULL)
		previous_utility_hook(pstmt, queryString, readOnlyTree, context,
							  params, queryEnv, dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context,
								params, queryEnv, dest, qc);
}

/*
 * What code of the owner of a version table may not do in the session of a role
 * with more rights.
 */
static void
refuse_restricted(Node *statement)
{
	Oid			userid;
	int			sec_context;

	GetUserIdAndSecContext(&userid, &sec_context);
	if ((sec_context & MIG_SPI_SECURITY_NO_DDL) == 0)
		return;
	if (GetCommandLogLevel(statement) == LOGSTMT_DDL ||
		IsA(statement, PrepareStmt) || IsA(statement, DeallocateStmt) ||
		IsA(statement, DiscardStmt) || IsA(statement, ListenStmt) ||
		IsA(statement, UnlistenStmt) || IsA(statement, DeclareCursorStmt))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("%s cannot run from within a version table of role \"%s\"",
						GetCommandTagName(CreateCommandTag(statement)),
						GetUserNameFromId(userid, false)),
				 errdetail("A trigger, rule or expression of the table has said it, while a role with more rights reads or writes the table.")));
}

/*
 * A schema can be a member of an extension.
 */
static bool
changes_schemas(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_DropOwnedStmt:
			return true;
		case T_RenameStmt:
			return castNode(RenameStmt, statement)->renameType == OBJECT_SCHEMA;
		case T_DropStmt:
			return castNode(DropStmt, statement)->removeType == OBJECT_SCHEMA ||
				castNode(DropStmt, statement)->removeType == OBJECT_EXTENSION;
		default:
			return false;
	}
}

static void
watch_attempt(Node *statement)
{
	OnCommitAction action = ONCOMMIT_NOOP;
	const RangeVar *relation = NULL;

	if (IsA(statement, CreateStmt))
	{
		action = ((CreateStmt *) statement)->oncommit;
		relation = ((CreateStmt *) statement)->relation;
	}
	else if (IsA(statement, CreateTableAsStmt))
	{
		action = ((CreateTableAsStmt *) statement)->into->onCommit;
		relation = ((CreateTableAsStmt *) statement)->into->rel;
	}
	else if (IsA(statement, PrepareStmt))
		remember(&prepared, ((PrepareStmt *) statement)->name);
	else if (IsA(statement, LockStmt))
		nlock_tables++;
	if (action == ONCOMMIT_DROP || action == ONCOMMIT_DELETE_ROWS)
		remember(&until_commit, relation->relname);
}

/*
 * Only while a run is in this process, which empties the list.
 */
static void
remember(List **names, const char *name)
{
	MemoryContext old_context;

	if (!mig_run_is_running())
		return;
	old_context = MemoryContextSwitchTo(TopMemoryContext);
	*names = lappend(*names, pstrdup(name));
	MemoryContextSwitchTo(old_context);
}

static void
watch_ddl(Node *statement)
{
	/* These two are what others come from within. */
	if (!mig_statement_kind_commits(statement) ||
		IsA(statement, DoStmt) || IsA(statement, CallStmt))
		return;
	if (ddl_refused)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s cannot run from within another statement of a migration body on this server",
						GetCommandTagName(CreateCommandTag(statement))),
				 errdetail("It commits by itself, and would stay if the statement around it failed."),
				 errhint("Make it a statement of its own, or call what runs it by CALL or DO.")));
	nlasting++;
}

static void
watch_transaction(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT)
		return;
	nlasting++;
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		nwritten++;
}
