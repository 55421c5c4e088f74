/*
 * yb_sim_ddl.c
 *	  DDL that commits by itself, and DDL that no subtransaction takes back.
 *
 * By default YugabyteDB commits every DDL statement by itself, wherever it
 * was sent from, and the caller's transaction continues.  Here such a statement
 * is executed over a second connection.
 *
 * With yb_ddl_transaction_block_enabled it belongs to the caller's
 * transaction, and the session ends when a subtransaction with DDL is rolled
 * back.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "yb_sim.h"

enum
{
	DDL_AUTO,					/* as the server that is imitated */
	DDL_LOCAL,
	DDL_AUTONOMOUS
};

static const struct config_enum_entry ddl_options[] = {
	{"auto", DDL_AUTO, false},
	{"local", DDL_LOCAL, false},
	{"autonomous", DDL_AUTONOMOUS, false},
	{NULL, 0, false}
};

static int	ddl = DDL_AUTO;

/* Open subtransactions in which DDL was executed, as integers. */
static List *with_ddl = NIL;

/* One that is this module's own. */
static SubTransactionId allowed = InvalidSubTransactionId;

static bool is_transactional(void);
static bool is_of_cluster(Node *statement);
static bool is_temporary(Node *statement);
static bool drops_temporary(DropStmt *drop);
static bool is_temporary_relation(RangeVar *relation);
static const char *concurrent_name(Node *statement);
static bool detaches_concurrently(AlterTableStmt *alter);
static void leave_transaction(const char *name, bool toplevel);
static void subtransaction(SubXactEvent event, SubTransactionId self,
						   SubTransactionId parent, void *arg);
static void remember(SubTransactionId id);

void
yb_sim_ddl_define(void)
{
	DefineCustomEnumVariable("yb_sim.ddl",
							 "Sets whether DDL commits by itself.", NULL,
							 &ddl, DDL_AUTO, ddl_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	RegisterSubXactCallback(subtransaction, NULL);
}

/*
 * What is DDL is said by the server's own list for log_statement.  The script
 * of an extension is one statement.
 */
bool
yb_sim_ddl_is_ddl(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_PrepareStmt:
		case T_ExecuteStmt:
		case T_ExplainStmt:
			return false;
		default:
			return GetCommandLogLevel(statement) == LOGSTMT_DDL &&
				!creating_extension && !is_of_cluster(statement) &&
				!is_temporary(statement);
	}
}

bool
yb_sim_ddl_is_autonomous(void)
{
	if (XactReadOnly || IsInParallelMode() || RecoveryInProgress())
		return false;
	return ddl == DDL_AUTONOMOUS ||
		(ddl == DDL_AUTO && yb_sim_is_yugabytedb() && !is_transactional());
}

/*
 * Whether DDL belongs to the transaction, as YugabyteDB decides it.
 */
static bool
is_transactional(void)
{
	return yb_sim_transactional_ddl &&
		!(yb_sim_not_for_read_committed && yb_sim_is_read_committed());
}

/*
 * Executes a statement so that it is committed afterwards, and this session
 * sees what it has done.
 */
void
yb_sim_ddl_execute(PlannedStmt *pstmt, const char *source, bool toplevel,
				   QueryCompletion *qc)
{
	int			offset = Max(pstmt->stmt_location, 0);
	int			length = pstmt->stmt_len > 0 ? pstmt->stmt_len :
	strlen(source + offset);
	char	   *text = pnstrdup(source + offset, length);
	const char *concurrent = concurrent_name(pstmt->utilityStmt);
	CommandTag	tag = CreateCommandTag(pstmt->utilityStmt);
	uint64		nrows;

	/* What the server says of it, and SPI asserts. */
	if (IsA(pstmt->utilityStmt, CreateTableAsStmt) &&
		!((CreateTableAsStmt *) pstmt->utilityStmt)->into->skipData)
		tag = CMDTAG_SELECT;

	/* What runs concurrently waits for every older snapshot, ours too. */
	if (concurrent != NULL)
		leave_transaction(concurrent, toplevel);
	nrows = yb_sim_remote_execute(text,
								  pg_mbstrlen_with_len(source, offset));
	AcceptInvalidationMessages();
	CommandCounterIncrement();
	if (qc != NULL)
		SetQueryCompletion(qc, tag, nrows);
}

/*
 * DDL is going to be executed in this transaction.
 */
void
yb_sim_ddl_note(void)
{
	if (IsSubTransaction())
		remember(GetCurrentSubTransactionId());
}

/*
 * The current subtransaction stands for the transaction around it.
 */
void
yb_sim_ddl_allow_rollback(void)
{
	allowed = GetCurrentSubTransactionId();
}

/*
 * What is of the whole cluster, cannot run inside a transaction block, or has a
 * script.
 */
static bool
is_of_cluster(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_AlterDatabaseStmt:
		case T_AlterExtensionContentsStmt:
		case T_AlterExtensionStmt:
		case T_AlterSubscriptionStmt:
		case T_AlterSystemStmt:
		case T_CreateExtensionStmt:
		case T_CreateSubscriptionStmt:
		case T_CreateTableSpaceStmt:
		case T_CreatedbStmt:
		case T_DropSubscriptionStmt:
		case T_DropTableSpaceStmt:
		case T_DropdbStmt:
			return true;
		case T_DropStmt:
			return ((DropStmt *) statement)->removeType == OBJECT_EXTENSION;
		default:
			return false;
	}
}

/*
 * No other session knows a temporary table.
 */
static bool
is_temporary(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_AlterObjectSchemaStmt:
			return is_temporary_relation(((AlterObjectSchemaStmt *) statement)->relation);
		case T_AlterSeqStmt:
			return is_temporary_relation(((AlterSeqStmt *) statement)->sequence);
		case T_AlterTableStmt:
			return is_temporary_relation(((AlterTableStmt *) statement)->relation);
		case T_CreateSeqStmt:
			return is_temporary_relation(((CreateSeqStmt *) statement)->sequence);
		case T_CreateStmt:
			return is_temporary_relation(((CreateStmt *) statement)->relation);
		case T_CreateTableAsStmt:
			return is_temporary_relation(((CreateTableAsStmt *) statement)->into->rel);
		case T_CreateTrigStmt:
			return is_temporary_relation(((CreateTrigStmt *) statement)->relation);
		case T_DropStmt:
			return drops_temporary((DropStmt *) statement);
		case T_IndexStmt:
			return is_temporary_relation(((IndexStmt *) statement)->relation);
		case T_RenameStmt:
			return is_temporary_relation(((RenameStmt *) statement)->relation);
		case T_RuleStmt:
			return is_temporary_relation(((RuleStmt *) statement)->relation);
		case T_ViewStmt:
			return is_temporary_relation(((ViewStmt *) statement)->view);
		default:
			return false;
	}
}

static bool
drops_temporary(DropStmt *drop)
{
	ListCell   *cell;

	switch (drop->removeType)
	{
		case OBJECT_INDEX:
		case OBJECT_SEQUENCE:
		case OBJECT_TABLE:
		case OBJECT_VIEW:
			break;
		default:
			return false;
	}
	foreach(cell, drop->objects)
	{
		if (is_temporary_relation(makeRangeVarFromNameList(lfirst(cell))))
			return true;
	}
	return false;
}

static bool
is_temporary_relation(RangeVar *relation)
{
	Oid			relid;

	if (relation == NULL)
		return false;
	if (relation->relpersistence == RELPERSISTENCE_TEMP)
		return true;
	relid = RangeVarGetRelid(relation, NoLock, true);
	return OidIsValid(relid) &&
		get_rel_persistence(relid) == RELPERSISTENCE_TEMP;
}

/*
 * The name of a statement that ends transactions while it runs, or NULL.
 */
static const char *
concurrent_name(Node *statement)
{
	if (IsA(statement, IndexStmt) && ((IndexStmt *) statement)->concurrent)
		return "CREATE INDEX CONCURRENTLY";
	if (IsA(statement, DropStmt) && ((DropStmt *) statement)->concurrent)
		return "DROP INDEX CONCURRENTLY";
	if (IsA(statement, AlterTableStmt) &&
		detaches_concurrently((AlterTableStmt *) statement))
		return "ALTER TABLE ... DETACH CONCURRENTLY";
	return NULL;
}

static bool
detaches_concurrently(AlterTableStmt *alter)
{
	ListCell   *cell;

	foreach(cell, alter->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if (command->subtype == AT_DetachPartition &&
			castNode(PartitionCmd, command->def)->concurrent)
			return true;
	}
	return false;
}

/*
 * As such a statement itself begins.
 */
static void
leave_transaction(const char *name, bool toplevel)
{
	MemoryContext context = CurrentMemoryContext;

	PreventInTransactionBlock(toplevel, name);
	if (ActiveSnapshotSet())
		PopActiveSnapshot();
	CommitTransactionCommand();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
}

/*
 * FATAL is what PG_CATCH cannot stop.  On its way out the session rolls the
 * subtransaction back once more.
 */
static void
subtransaction(SubXactEvent event, SubTransactionId self,
			   SubTransactionId parent, void *arg)
{
	bool		found;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	found = list_member_int(with_ddl, (int) self);
	with_ddl = list_delete_int(with_ddl, (int) self);
	if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		if (found && parent != TopSubTransactionId)
			remember(parent);
	}
	else if (found && self != allowed && !proc_exit_inprogress &&
			 yb_sim_is_yugabytedb() && yb_sim_subtransaction_fatal &&
			 is_transactional())
		ereport(FATAL,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("rollback of a subtransaction with DDL is not supported")));
	if (self == allowed)
		allowed = InvalidSubTransactionId;
}

static void
remember(SubTransactionId id)
{
	MemoryContext context = MemoryContextSwitchTo(TopMemoryContext);

	with_ddl = list_append_unique_int(with_ddl, (int) id);
	MemoryContextSwitchTo(context);
}
