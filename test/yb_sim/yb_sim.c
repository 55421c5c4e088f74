/*
 * yb_sim.c
 *	  Makes a PostgreSQL server behave as YugabyteDB does, for tests.
 *
 * README.md says what is imitated and what is not.  This file has the hooks:
 * it sees every statement, refuses what is refused there, and hands the rest
 * to the other files.
 *
 *	 yb_sim_ddl.c		DDL that commits by itself, DDL in subtransactions
 *	 yb_sim_remote.c	the connection over which it does
 *	 yb_sim_fail.c		errors at the points that are asked for, or at random
 *	 yb_sim_retry.c		queries that are executed again
 *
 * Only tests load this module.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/analyze.h"
#include "storage/lockdefs.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "yb_sim.h"

/* 18 does without execute_once, 19 makes the state constant. */
#if PG_VERSION_NUM >= 180000
#define EXECUTE_ONCE_PARAMETER
#define EXECUTE_ONCE
#else
#define EXECUTE_ONCE_PARAMETER	, bool execute_once
#define EXECUTE_ONCE			, execute_once
#endif
#if PG_VERSION_NUM >= 190000
#define JUMBLE_CONST			const
#else
#define JUMBLE_CONST
#endif

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(yb_sim_effective_isolation);

enum
{
	READ_AFTER_COMMIT_STRICT,
	READ_AFTER_COMMIT_RELAXED
};

static const struct config_enum_entry visibility_options[] = {
	{"strict", READ_AFTER_COMMIT_STRICT, false},
	{"relaxed", READ_AFTER_COMMIT_RELAXED, false},
	{NULL, 0, false}
};

/* Shared, see yb_sim.h. */
bool		yb_sim_enabled = true;
bool		yb_sim_subtransaction_fatal = true;
bool		yb_sim_transactional_ddl = false;
bool		yb_sim_not_for_read_committed = false;
int			yb_sim_max_retries = 60;

static char *server_version = NULL;
static char *own_version = NULL;
static bool read_committed = false;
static bool query_retry = true;
static bool refusals = true;
static bool advisory_locks = true;
static int	min_backoff = 100;
static int	max_backoff = 1000;
static double backoff_multiplier = 2;
static double lower_bound = 0;
static double upper_bound = 1;
static int	visibility = READ_AFTER_COMMIT_STRICT;

/* A utility statement and what it is executed with. */
typedef struct Execution
{
	PlannedStmt *pstmt;
	const char *source;
	bool		read_only;
	ProcessUtilityContext context;
	ParamListInfo params;
	QueryEnvironment *environment;
	DestReceiver *dest;
	QueryCompletion *qc;
} Execution;

/* How many statements are running, each called by the one before. */
static int	nesting = 0;

static ProcessUtility_hook_type previous_utility = NULL;
static ExecutorStart_hook_type previous_start = NULL;
static ExecutorRun_hook_type previous_run = NULL;
static post_parse_analyze_hook_type previous_analyze = NULL;
static object_access_hook_type previous_access = NULL;

void		_PG_init(void);

static void define_settings(void);
static void define_yugabytedb_settings(void);
static void assign_server_version(const char *value, void *extra);
static void utility(PlannedStmt *pstmt, const char *queryString,
					bool readOnlyTree, ProcessUtilityContext context,
					ParamListInfo params, QueryEnvironment *queryEnv,
					DestReceiver *dest, QueryCompletion *qc);
static void execute_utility(void *arg);
static bool is_retried_call(Node *statement, ProcessUtilityContext context);
static bool is_harmless(Node *statement);
static void refuse_utility(Node *statement);
static void executor_start(QueryDesc *query, int eflags);
static bool reads_rows(const PlannedStmt *planned);
static void pass_write(const PlannedStmt *planned);
static void executor_run(QueryDesc *query, ScanDirection direction,
						 uint64 count EXECUTE_ONCE_PARAMETER);
static bool is_retried(const QueryDesc *query, ScanDirection direction,
					   uint64 count);
static void analyze(ParseState *pstate, Query *query,
					JUMBLE_CONST JumbleState *jstate);
static bool refuse_ctid(Node *node, void *context);
static void pass_lock(const char *name);
static void access_object(ObjectAccessType access, Oid classId, Oid objectId,
						  int subId, void *arg);

void
_PG_init(void)
{
	own_version = MemoryContextStrdup(TopMemoryContext,
									  GetConfigOption("server_version", false, false));
	define_settings();
	define_yugabytedb_settings();
	yb_sim_ddl_define();
	yb_sim_remote_define();
	yb_sim_fail_define();
	MarkGUCPrefixReserved("yb_sim");

	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility;
	previous_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
	previous_run = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
	previous_analyze = post_parse_analyze_hook;
	post_parse_analyze_hook = analyze;
	previous_access = object_access_hook;
	object_access_hook = access_object;
}

static void
define_settings(void)
{
	DefineCustomBoolVariable("yb_sim.enabled",
							 "Sets whether anything is imitated.", NULL,
							 &yb_sim_enabled, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("yb_sim.query_retry",
							 "Sets whether a query is executed again after a conflict.",
							 NULL, &query_retry, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("yb_sim.read_committed",
							 "Sets whether READ COMMITTED is what it says.",
							 NULL, &read_committed, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("yb_sim.refusals",
							 "Sets whether what is not supported is refused.",
							 NULL, &refusals, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("yb_sim.server_version",
							   "Sets what server_version says, empty: the truth.",
							   "With -YB- in it the server is YugabyteDB.",
							   &server_version, "",
							   PGC_USERSET, 0, NULL, assign_server_version,
							   NULL);
	DefineCustomBoolVariable("yb_sim.subtransaction_fatal",
							 "Sets whether rolling back a subtransaction with DDL ends the session.",
							 NULL, &yb_sim_subtransaction_fatal, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
}

/*
 * YugabyteDB's own, with its defaults.
 */
static void
define_yugabytedb_settings(void)
{
	DefineCustomRealVariable("retry_backoff_multiplier", "As in YugabyteDB.",
							 NULL, &backoff_multiplier, 2, 1, 1e10,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("retry_max_backoff", "As in YugabyteDB.", NULL,
							&max_backoff, 1000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("retry_min_backoff", "As in YugabyteDB.", NULL,
							&min_backoff, 100, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomBoolVariable("yb_ddl_transaction_block_enabled",
							 "As in YugabyteDB.", NULL,
							 &yb_sim_transactional_ddl, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("yb_disable_ddl_transaction_block_for_read_committed",
							 "As in YugabyteDB.", NULL,
							 &yb_sim_not_for_read_committed, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("yb_enable_advisory_locks", "As in YugabyteDB.",
							 NULL, &advisory_locks, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("yb_max_query_layer_retries", "As in YugabyteDB.",
							NULL, &yb_sim_max_retries, 60, 0, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("yb_read_after_commit_visibility",
							 "As in YugabyteDB.", NULL, &visibility,
							 READ_AFTER_COMMIT_STRICT, visibility_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("yb_transaction_priority_lower_bound",
							 "As in YugabyteDB.", NULL, &lower_bound, 0, 0, 1,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("yb_transaction_priority_upper_bound",
							 "As in YugabyteDB.", NULL, &upper_bound, 1, 0, 1,
							 PGC_USERSET, 0, NULL, NULL, NULL);
}

/*
 * As a new default, so that no end of a transaction takes it back.
 */
static void
assign_server_version(const char *value, void *extra)
{
	SetConfigOption("server_version", value[0] == '\0' ? own_version : value,
					PGC_INTERNAL, PGC_S_OVERRIDE);
}

bool
yb_sim_is_yugabytedb(void)
{
	return yb_sim_enabled && strstr(server_version, "-YB-") != NULL;
}

bool
yb_sim_is_read_committed(void)
{
	return XactIsoLevel <= XACT_READ_COMMITTED && read_committed;
}

/*
 * yb_get_effective_transaction_isolation_level()
 */
Datum
yb_sim_effective_isolation(PG_FUNCTION_ARGS)
{
	const char *name = "serializable";

	if (yb_sim_is_read_committed())
		name = "read committed";
	else if (XactIsoLevel <= XACT_REPEATABLE_READ)
		name = "repeatable read";
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

static void
utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
		ProcessUtilityContext context, ParamListInfo params,
		QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *statement = pstmt->utilityStmt;
	Execution	execution = {pstmt, queryString, readOnlyTree, context,
	params, queryEnv, dest, qc};

	if (yb_sim_enabled && !is_harmless(statement))
		yb_sim_fail_dead();
	if (yb_sim_is_yugabytedb() && refusals)
	{
		refuse_utility(statement);
		if (IsA(statement, ListenStmt) || IsA(statement, NotifyStmt))
			return;
	}
	if (yb_sim_enabled && context != PROCESS_UTILITY_SUBCOMMAND &&
		yb_sim_ddl_is_ddl(statement))
	{
		yb_sim_fail_stale();
		yb_sim_fail_pass(YB_SIM_STATEMENT);
		/* Parameters are known to this session only. */
		if (yb_sim_ddl_is_autonomous() &&
			(params == NULL || params->numParams == 0))
		{
			yb_sim_ddl_execute(pstmt, queryString,
							   context == PROCESS_UTILITY_TOPLEVEL, qc);
			yb_sim_fail_pass(YB_SIM_DDL_AFTER);
			return;
		}
		yb_sim_ddl_note();
	}

	if (is_retried_call(statement, context))
		yb_sim_retry_call(execute_utility, &execution);
	else
		execute_utility(&execution);
}

static void
execute_utility(void *arg)
{
	const Execution *execution = arg;

	nesting++;
	PG_TRY();
	{
		(previous_utility != NULL ? previous_utility : standard_ProcessUtility)
			(execution->pstmt, execution->source, execution->read_only,
			 execution->context, execution->params, execution->environment,
			 execution->dest, execution->qc);
	}
	PG_FINALLY();
	{
		nesting--;
	}
	PG_END_TRY();
}

/*
 * A CALL that the client has sent by itself, where READ COMMITTED is real.
 */
static bool
is_retried_call(Node *statement, ProcessUtilityContext context)
{
	return yb_sim_is_yugabytedb() && query_retry && nesting == 0 &&
		MyProcPort != NULL && IsA(statement, CallStmt) &&
		context == PROCESS_UTILITY_TOPLEVEL && !IsTransactionBlock() &&
		yb_sim_is_read_committed();
}

/*
 * Whether it needs no live transaction.
 */
static bool
is_harmless(Node *statement)
{
	return IsA(statement, TransactionStmt) ||
		IsA(statement, VariableSetStmt) || IsA(statement, VariableShowStmt);
}

static void
refuse_utility(Node *statement)
{
	if (IsA(statement, LockStmt) &&
		((LockStmt *) statement)->mode != AccessShareLock)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("LOCK TABLE in another mode than ACCESS SHARE not supported yet")));
	if (IsA(statement, TransactionStmt) &&
		((TransactionStmt *) statement)->kind == TRANS_STMT_PREPARE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("PREPARE TRANSACTION not supported yet")));
}

static void
executor_start(QueryDesc *query, int eflags)
{
	if (yb_sim_enabled && (eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
	{
		yb_sim_fail_dead();
		if (reads_rows(query->plannedstmt))
			yb_sim_fail_stale();
		if (query->operation != CMD_SELECT ||
			query->plannedstmt->hasModifyingCTE)
			pass_write(query->plannedstmt);
	}
	if (previous_start != NULL)
		previous_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

/*
 * Whether it needs a tablet server: catalogs come from the cache.
 */
static bool
reads_rows(const PlannedStmt *planned)
{
	ListCell   *cell;

	foreach(cell, planned->rtable)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		if (entry->rtekind == RTE_RELATION &&
			entry->relid >= FirstNormalObjectId)
			return true;
	}
	return false;
}

/*
 * Of the extension's own tables only those count that a run depends on.
 */
static void
pass_write(const PlannedStmt *planned)
{
	ListCell   *cell;

	foreach(cell, planned->rtable)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);
		const char *name;
		bool		ours;

		/* The first one that is locked for writing is the target. */
		if (entry->rtekind != RTE_RELATION ||
			entry->rellockmode != RowExclusiveLock)
			continue;
		name = get_rel_name(entry->relid);
		if (name == NULL)
			return;
		ours = get_rel_namespace(entry->relid) ==
			get_namespace_oid("migrate", true);
		if (strcmp(name, "alembic_version") == 0 ||
			(ours && strcmp(name, "version") == 0))
			yb_sim_fail_pass(YB_SIM_VERSION);
		else if (ours && strcmp(name, "partial") == 0)
			yb_sim_fail_pass(YB_SIM_PARTIAL);
		else if (!ours)
			yb_sim_fail_pass(YB_SIM_STATEMENT);
		return;
	}
}

static void
executor_run(QueryDesc *query, ScanDirection direction,
			 uint64 count EXECUTE_ONCE_PARAMETER)
{
	nesting++;
	PG_TRY();
	{
		if (is_retried(query, direction, count))
			yb_sim_retry_run(query);
		else if (previous_run != NULL)
			previous_run(query, direction, count EXECUTE_ONCE);
		else
			standard_ExecutorRun(query, direction, count EXECUTE_ONCE);
	}
	PG_FINALLY();
	{
		nesting--;
	}
	PG_END_TRY();
}

/*
 * A SELECT that the client has sent, and not a part of one.
 */
static bool
is_retried(const QueryDesc *query, ScanDirection direction, uint64 count)
{
	return yb_sim_is_yugabytedb() && query_retry && nesting == 1 &&
		MyProcPort != NULL && !IsParallelWorker() &&
		query->operation == CMD_SELECT &&
		!query->plannedstmt->hasModifyingCTE &&
		ScanDirectionIsForward(direction) && count == 0;
}

static void
analyze(ParseState *pstate, Query *query, JUMBLE_CONST JumbleState *jstate)
{
	if (previous_analyze != NULL)
		previous_analyze(pstate, query, jstate);
	if (yb_sim_is_yugabytedb() && refusals)
		(void) refuse_ctid((Node *) query, NULL);
}

static bool
refuse_ctid(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, refuse_ctid, context, 0);
	if (IsA(node, Var) &&
		((Var *) node)->varattno == SelfItemPointerAttributeNumber)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("system column with id %d is not supported yet",
						SelfItemPointerAttributeNumber)));
	return expression_tree_walker(node, refuse_ctid, context);
}

static void
access_object(ObjectAccessType access, Oid classId, Oid objectId, int subId,
			  void *arg)
{
	if (previous_access != NULL)
		previous_access(access, classId, objectId, subId, arg);
	if (access == OAT_FUNCTION_EXECUTE && yb_sim_enabled &&
		objectId < FirstNormalObjectId)
		pass_lock(get_func_name(objectId));
}

/*
 * A function of the server's own, if it is one for advisory locks.
 */
static void
pass_lock(const char *name)
{
	if (name == NULL || strstr(name, "advisory") == NULL)
		return;
	if (yb_sim_is_yugabytedb() && refusals && !advisory_locks)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("advisory locks are not yet implemented")));
	if (strstr(name, "unlock") == NULL)
		yb_sim_fail_pass(YB_SIM_LOCK);
}
