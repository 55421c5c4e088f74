/*
 * statement_kind.c
 *	  Lists the statements that cannot run inside a transaction block.
 *
 * The one table of the statements for which the server itself calls
 * PreventInTransactionBlock(), as far as the raw parse tree shows it, from reading
 * utility.c, cluster.c (repack.c since 19), dbcommands.c, discard.c,
 * indexcmds.c, subscriptioncmds.c and vacuum.c.  COMMIT PREPARED and
 * ROLLBACK PREPARED are not in it, since no body may contain them.
 *
 * A call of migrate_batch() is known by its name, too: callers can look up
 * whether MigStatement.procedure is ours.
 *
 * Must not read the catalogs.  Where the server's answer depends on them:
 *
 * - REINDEX INDEX or TABLE, CLUSTER and REPACK of a named relation are
 *	 refused if it is partitioned.  MigStatement.if_partitioned is the
 *	 relation, for callers that can look it up.
 * - DROP SUBSCRIPTION is refused if the subscription has a slot, and it
 *	 nearly always has.  It is in the table: running it alone does no harm.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "tcop/cmdtag.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "script/script_internal.h"

/*
 * A statement that cannot run inside a transaction block: its name, the node
 * it is parsed to, and a test whether such a node is one; no test if every one
 * is.
 */
typedef struct NontransactionalKind
{
	const char *name;
	NodeTag		tag;
	bool		(*matches) (const Node *statement);
} NontransactionalKind;

static const NontransactionalKind *find_kind(const Node *statement);
static const char *if_partitioned(const Node *statement);
static bool calls_batch(const Node *statement);
static bool is_setting(const Node *statement);
static const char *local_setting(const Node *statement);
static const char *set_locally(const Node *expression);
static bool alters_database_tablespace(const Node *statement);
static bool alters_subscription_slot(const Node *statement);
static bool creates_index_concurrently(const Node *statement);
static bool creates_slot(const Node *statement);
static bool detaches_concurrently(const Node *statement);
static bool discards_all(const Node *statement);
static bool drops_index_concurrently(const Node *statement);
static bool is_cluster_of_all(const Node *statement);
static bool is_vacuum(const Node *statement);
static bool refreshes_publication(const Node *statement);
static bool reindexes_concurrently(const Node *statement);
static bool reindexes_database(const Node *statement);
static bool reindexes_schema(const Node *statement);
static bool reindexes_system(const Node *statement);
static DefElem *option_by_name(List *options, const char *name);

#ifdef MIG_COMPAT_HAVE_REPACK
static bool repacks_all(const Node *statement);
static bool repacks_and_analyzes(const Node *statement);
static bool repacks_concurrently(const Node *statement);

#define CLUSTER_TAG		T_RepackStmt
#else
#define CLUSTER_TAG		T_ClusterStmt
#endif

/* Where two rows of a node could both apply, the more telling one is first. */
static const NontransactionalKind nontransactional_kinds[] =
{
	{"ALTER DATABASE SET TABLESPACE", T_AlterDatabaseStmt, alters_database_tablespace},
	{"ALTER SUBSCRIPTION REFRESH", T_AlterSubscriptionStmt, refreshes_publication},
	{"ALTER SUBSCRIPTION SET", T_AlterSubscriptionStmt, alters_subscription_slot},
	{"ALTER SYSTEM", T_AlterSystemStmt, NULL},
	{"ALTER TABLE DETACH PARTITION CONCURRENTLY", T_AlterTableStmt, detaches_concurrently},
	{"CLUSTER", CLUSTER_TAG, is_cluster_of_all},
	{"CREATE DATABASE", T_CreatedbStmt, NULL},
	{"CREATE INDEX CONCURRENTLY", T_IndexStmt, creates_index_concurrently},
	{"CREATE SUBSCRIPTION", T_CreateSubscriptionStmt, creates_slot},
	{"CREATE TABLESPACE", T_CreateTableSpaceStmt, NULL},
	{"DISCARD ALL", T_DiscardStmt, discards_all},
	{"DROP DATABASE", T_DropdbStmt, NULL},
	{"DROP INDEX CONCURRENTLY", T_DropStmt, drops_index_concurrently},
	{"DROP SUBSCRIPTION", T_DropSubscriptionStmt, NULL},
	{"DROP TABLESPACE", T_DropTableSpaceStmt, NULL},
	{"REINDEX CONCURRENTLY", T_ReindexStmt, reindexes_concurrently},
	{"REINDEX DATABASE", T_ReindexStmt, reindexes_database},
	{"REINDEX SCHEMA", T_ReindexStmt, reindexes_schema},
	{"REINDEX SYSTEM", T_ReindexStmt, reindexes_system},
#ifdef MIG_COMPAT_HAVE_REPACK
	{"REPACK CONCURRENTLY", T_RepackStmt, repacks_concurrently},
	{"REPACK ANALYZE", T_RepackStmt, repacks_and_analyzes},
	{"REPACK", T_RepackStmt, repacks_all},
#endif
	{"VACUUM", T_VacuumStmt, is_vacuum},
};

/*
 * Fill in what the raw parse tree of a statement says about it.  Its kind is
 * never MIG_STATEMENT_COMMITS, which depends on the server.
 *
 * Raises 42601 if an option that decides is not a Boolean, as the server
 * would when it ran the statement.
 */
void
mig_statement_kind_read(Node *node, MigStatement *statement)
{
	const NontransactionalKind *kind = find_kind(node);

	if (kind != NULL)
	{
		statement->kind = IsA(node, DiscardStmt) ? MIG_STATEMENT_DISCARD_ALL :
			MIG_STATEMENT_NONTRANSACTIONAL;
		statement->tag = kind->name;
	}
	else if (calls_batch(node))
	{
		statement->kind = MIG_STATEMENT_BATCH;
		statement->tag = MIG_STATEMENT_BATCH_TAG;
	}
	else
	{
		statement->kind = MIG_STATEMENT_ORDINARY;
		statement->tag = GetCommandTagName(CreateCommandTag(node));
	}
	statement->commits = mig_statement_kind_commits(node);
	statement->if_partitioned = if_partitioned(node);
	statement->procedure = statement->kind == MIG_STATEMENT_BATCH ?
		mig_statement_name(((const CallStmt *) node)->funccall->funcname) : NULL;
	statement->setting = is_setting(node);
	statement->local_setting = local_setting(node);
}

/*
 * Whether a statement commits what it does on a server whose DDL commits by
 * itself, or may contain such a statement.  What is DDL is decided by the
 * server's own list for log_statement.
 */
bool
mig_statement_kind_commits(Node *statement)
{
	return IsA(statement, DoStmt) || IsA(statement, CallStmt) ||
		IsA(statement, TruncateStmt) ||
		GetCommandLogLevel(statement) == LOGSTMT_DDL;
}

/*
 * Whether it adds a value to an enum, which can be used only after it was
 * committed: as a literal, or in ways that the text does not show.
 */
bool
mig_statement_kind_adds_enum_value(const Node *statement)
{
	return IsA(statement, AlterEnumStmt) &&
		((const AlterEnumStmt *) statement)->oldVal == NULL;
}

/* The row of the table for a statement, or NULL. */
static const NontransactionalKind *
find_kind(const Node *statement)
{
	for (int i = 0; i < (int) lengthof(nontransactional_kinds); i++)
	{
		const NontransactionalKind *kind = &nontransactional_kinds[i];

		if (kind->tag == nodeTag(statement) &&
			(kind->matches == NULL || kind->matches(statement)))
			return kind;
	}
	return NULL;
}

/*
 * The relation because of which a statement is nontransactional if it is
 * partitioned, as SQL writes its name, in the current memory context; NULL for
 * any other statement.
 */
static const char *
if_partitioned(const Node *statement)
{
	const RangeVar *relation;

	if (IsA(statement, ReindexStmt))
		relation = ((const ReindexStmt *) statement)->relation;
#ifdef MIG_COMPAT_HAVE_REPACK
	else if (IsA(statement, RepackStmt))
		relation = ((const RepackStmt *) statement)->relation != NULL ?
			((const RepackStmt *) statement)->relation->relation : NULL;
#else
	else if (IsA(statement, ClusterStmt))
		relation = ((const ClusterStmt *) statement)->relation;
#endif
	else
		return NULL;
	return relation == NULL ? NULL :
		quote_qualified_identifier(relation->schemaname, relation->relname);
}

/*
 * Whether it calls a procedure of the name of ours.
 */
static bool
calls_batch(const Node *statement)
{
	return IsA(statement, CallStmt) &&
		strcmp(strVal(llast(((const CallStmt *) statement)->funccall->funcname)),
			   "migrate_batch") == 0;
}

/*
 * Whether it is a SET or RESET, SET LOCAL included: it is in effect for the
 * statements after it, also across transactions.
 */
static bool
is_setting(const Node *statement)
{
	const VariableSetStmt *set = (const VariableSetStmt *) statement;

	/* SET TRANSACTION is not. */
	return IsA(statement, VariableSetStmt) &&
		(set->kind != VAR_SET_MULTI ||
		 strncmp(set->name, "TRANSACTION", strlen("TRANSACTION")) != 0);
}

/*
 * The name of what SET LOCAL, or set_config() with constants, makes until the end
 * of the transaction.  NULL: nothing.
 */
static const char *
local_setting(const Node *statement)
{
	if (IsA(statement, VariableSetStmt))
	{
		const VariableSetStmt *set = (const VariableSetStmt *) statement;

		return set->is_local && set->kind != VAR_SET_MULTI ?
			pstrdup(set->name) : NULL;
	}
	if (IsA(statement, SelectStmt))
	{
		const SelectStmt *select = (const SelectStmt *) statement;

		if (list_length(select->targetList) == 1)
			return set_locally(linitial_node(ResTarget, select->targetList)->val);
	}
	return NULL;
}

static const char *
set_locally(const Node *expression)
{
	const FuncCall *call = (const FuncCall *) expression;
	A_Const    *name;
	A_Const    *is_local;

	if (expression == NULL || !IsA(expression, FuncCall) ||
		list_length(call->args) != 3 ||
		strcmp(strVal(llast(call->funcname)), "set_config") != 0)
		return NULL;
	name = linitial(call->args);
	is_local = lthird(call->args);
	if (!IsA(name, A_Const) || !IsA(&name->val, String) ||
		!IsA(is_local, A_Const) || !IsA(&is_local->val, Boolean) ||
		!boolVal(&is_local->val))
		return NULL;
	return pstrdup(strVal(&name->val));
}

/*
 * The tests of the table: whether a statement with this node is of the kind.  A
 * comment gives the reason where the node's field does not.
 */
static bool
alters_database_tablespace(const Node *statement)
{
	const AlterDatabaseStmt *alter = (const AlterDatabaseStmt *) statement;

	return option_by_name(alter->options, "tablespace") != NULL;
}

/*
 * The slot on the publisher is changed, which cannot be rolled back: failover
 * since 17, two_phase since 18 and only to switch it off.
 */
static bool
alters_subscription_slot(const Node *statement)
{
	const AlterSubscriptionStmt *alter = (const AlterSubscriptionStmt *) statement;

	return alter->kind == ALTER_SUBSCRIPTION_OPTIONS &&
		(option_by_name(alter->options, "failover") != NULL ||
		 !mig_statement_option_is_on(alter->options, "two_phase", true));
}

static bool
creates_index_concurrently(const Node *statement)
{
	return ((const IndexStmt *) statement)->concurrent;
}

/*
 * create_slot is on unless it is switched off, alone or by connect.
 */
static bool
creates_slot(const Node *statement)
{
	const CreateSubscriptionStmt *create = (const CreateSubscriptionStmt *) statement;

	return mig_statement_option_is_on(create->options, "create_slot",
									  mig_statement_option_is_on(create->options, "connect", true));
}

static bool
detaches_concurrently(const Node *statement)
{
	const AlterTableStmt *alter = (const AlterTableStmt *) statement;
	ListCell   *cell;

	foreach(cell, alter->cmds)
	{
		const AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if (command->subtype == AT_DetachPartition &&
			castNode(PartitionCmd, command->def)->concurrent)
			return true;
	}

	return false;
}

static bool
discards_all(const Node *statement)
{
	return ((const DiscardStmt *) statement)->target == DISCARD_ALL;
}

static bool
drops_index_concurrently(const Node *statement)
{
	const DropStmt *drop = (const DropStmt *) statement;

	return drop->removeType == OBJECT_INDEX && drop->concurrent;
}

static bool
is_cluster_of_all(const Node *statement)
{
#ifdef MIG_COMPAT_HAVE_REPACK
	const RepackStmt *cluster = (const RepackStmt *) statement;

	return cluster->command == REPACK_COMMAND_CLUSTER &&
		cluster->relation == NULL;
#else
	return ((const ClusterStmt *) statement)->relation == NULL;
#endif
}

/*
 * ANALYZE has the same node.
 */
static bool
is_vacuum(const Node *statement)
{
	return ((const VacuumStmt *) statement)->is_vacuumcmd;
}

/*
 * By REFRESH itself, or by a change of the publications, which refreshes them
 * unless that is switched off.
 */
static bool
refreshes_publication(const Node *statement)
{
	const AlterSubscriptionStmt *alter = (const AlterSubscriptionStmt *) statement;

	switch (alter->kind)
	{
		case ALTER_SUBSCRIPTION_REFRESH_PUBLICATION:
			return true;
		case ALTER_SUBSCRIPTION_SET_PUBLICATION:
		case ALTER_SUBSCRIPTION_ADD_PUBLICATION:
		case ALTER_SUBSCRIPTION_DROP_PUBLICATION:
			return mig_statement_option_is_on(alter->options, "refresh", true);
		default:
			return false;
	}
}

static bool
reindexes_concurrently(const Node *statement)
{
	return mig_statement_option_is_on(((const ReindexStmt *) statement)->params,
									  "concurrently", false);
}

static bool
reindexes_database(const Node *statement)
{
	return ((const ReindexStmt *) statement)->kind == REINDEX_OBJECT_DATABASE;
}

static bool
reindexes_schema(const Node *statement)
{
	return ((const ReindexStmt *) statement)->kind == REINDEX_OBJECT_SCHEMA;
}

static bool
reindexes_system(const Node *statement)
{
	return ((const ReindexStmt *) statement)->kind == REINDEX_OBJECT_SYSTEM;
}

#ifdef MIG_COMPAT_HAVE_REPACK
static bool
repacks_all(const Node *statement)
{
	const RepackStmt *repack = (const RepackStmt *) statement;

	return repack->command == REPACK_COMMAND_REPACK &&
		repack->relation == NULL;
}

/*
 * Of a named relation, too.  The server takes either spelling.
 */
static bool
repacks_and_analyzes(const Node *statement)
{
	const RepackStmt *repack = (const RepackStmt *) statement;

	return repack->command == REPACK_COMMAND_REPACK &&
		(mig_statement_option_is_on(repack->params, "analyze", false) ||
		 mig_statement_option_is_on(repack->params, "analyse", false));
}

static bool
repacks_concurrently(const Node *statement)
{
	const RepackStmt *repack = (const RepackStmt *) statement;

	return repack->command == REPACK_COMMAND_REPACK &&
		mig_statement_option_is_on(repack->params, "concurrently", false);
}
#endif

/*
 * A name as SQL writes it, with its schema if there is one.
 */
char *
mig_statement_name(List *names)
{
	const char *schema = NULL;

	if (list_length(names) > 1)
		schema = strVal(list_nth(names, list_length(names) - 2));
	return quote_qualified_identifier(schema, strVal(llast(names)));
}

/*
 * Whether a query calls a function of that name; NULL: any.  The server's walker
 * knows the parts of queries only.
 */
bool
mig_statement_calls(Node *node, void *name)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncCall) &&
		(name == NULL ||
		 strcmp(strVal(llast(((FuncCall *) node)->funcname)), name) == 0))
		return true;
	return raw_expression_tree_walker(node, mig_statement_calls, name);
}

/*
 * The value of a Boolean option, or what it is if it is not given.
 */
bool
mig_statement_option_is_on(List *options, const char *name, bool otherwise)
{
	DefElem    *option = option_by_name(options, name);

	return option == NULL ? otherwise : defGetBoolean(option);
}

/*
 * The option of that name, or NULL.  Of several the last counts, as for
 * REINDEX; other statements refuse to have several.
 */
static DefElem *
option_by_name(List *options, const char *name)
{
	DefElem    *found = NULL;
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0)
			found = option;
	}

	return found;
}
