/*
 * statement_refusal.c
 *	  Tells which nontransactional statements the server would refuse.
 *
 * The server says so when it is their turn, and what stands before them in the
 * body is committed by then.  Some are refused whatever the catalogs say, the
 * others because of what a name stands for: which the catalogs tell only if no
 * statement in between can change it.  A statement is taken to change nothing
 * only if it is in a list here.
 *
 * Must not read the catalogs.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "script/script_internal.h"

#ifdef MIG_COMPAT_HAVE_REPACK
#define CLUSTER_TAG				T_RepackStmt
#else
#define CLUSTER_TAG				T_ClusterStmt
#endif

/* As in pg_class, whose header is not for this layer. */
#define TEMPORARY				't'

static void of_relation(const RangeVar *relation, MigRefusalKind kind,
						MigRefusal *refusal);
static RangeVar *range_var_of_names(List *names);
static void of_drop(const DropStmt *drop, MigRefusal *refusal);
static void of_reindex(const ReindexStmt *reindex, MigRefusal *refusal);
static MigNameState after_create(const CreateStmt *create,
								 const MigRefusal *refusal, MigNameState state);
static bool may_change(Node *node, const MigRefusal *refusal);
static bool drops(const DropStmt *drop, const MigRefusal *refusal);
static bool has_name(const RangeVar *relation, const MigRefusal *refusal);
static bool same_schema(const RangeVar *relation, const MigRefusal *refusal);

/*
 * Why the server would refuse a statement that cannot run inside a transaction
 * block, or in a worker, or why one that is a transaction of its own would do
 * nothing; its strings are those of the parse tree.
 */
void
mig_statement_refusal(Node *node, MigRefusal *refusal)
{
	memset(refusal, 0, sizeof(*refusal));
	if (IsA(node, ListenStmt))
		refusal->kind = MIG_REFUSAL_LISTEN;
	else if (IsA(node, ConstraintsSetStmt) && ((ConstraintsSetStmt *) node)->deferred)
		refusal->kind = MIG_REFUSAL_DEFERRED;
	else if (IsA(node, IndexStmt) && ((IndexStmt *) node)->concurrent)
		of_relation(((IndexStmt *) node)->relation,
					MIG_REFUSAL_PARTITIONED_TABLE, refusal);
	else if (IsA(node, DropStmt))
		of_drop((DropStmt *) node, refusal);
	else if (IsA(node, ReindexStmt))
		of_reindex((ReindexStmt *) node, refusal);
	else if (IsA(node, AlterTableStmt))
		of_relation(((AlterTableStmt *) node)->relation,
					MIG_REFUSAL_DEFAULT_PARTITION, refusal);
}

/*
 * What is known of the name that a refusal is about after another statement.
 */
MigNameState
mig_statement_name_after(Node *node, const MigRefusal *refusal,
						 MigNameState state)
{
	if (state == MIG_NAME_UNKNOWN)
		return state;
	if (IsA(node, CreateStmt))
		return after_create((CreateStmt *) node, refusal, state);
	/* Under another search_path it is another relation. */
	if (IsA(node, VariableSetStmt) && state != MIG_NAME_AS_FOUND &&
		refusal->schema == NULL)
		return MIG_NAME_UNKNOWN;
	return may_change(node, refusal) ? MIG_NAME_UNKNOWN : state;
}

static void
of_relation(const RangeVar *relation, MigRefusalKind kind,
			MigRefusal *refusal)
{
	refusal->kind = kind;
	refusal->schema = relation->schemaname;
	refusal->name = relation->relname;
}

/*
 * As DROP writes it.
 */
static RangeVar *
range_var_of_names(List *names)
{
	int			n = list_length(names);

	return makeRangeVar(n > 1 ? strVal(list_nth(names, n - 2)) : NULL,
						strVal(llast(names)), -1);
}

static void
of_drop(const DropStmt *drop, MigRefusal *refusal)
{
	if (drop->removeType != OBJECT_INDEX || !drop->concurrent)
		return;
	if (list_length(drop->objects) > 1)
		refusal->kind = MIG_REFUSAL_SEVERAL_INDEXES;
	else if (drop->behavior == DROP_CASCADE)
		refusal->kind = MIG_REFUSAL_CASCADE;
	else
		of_relation(range_var_of_names(linitial_node(List, drop->objects)),
					MIG_REFUSAL_PARTITIONED_INDEX, refusal);
}

static void
of_reindex(const ReindexStmt *reindex, MigRefusal *refusal)
{
	bool		concurrent = mig_statement_option_is_on(reindex->params,
														"concurrently", false);

	switch (reindex->kind)
	{
		case REINDEX_OBJECT_INDEX:
			if (concurrent)
				of_relation(reindex->relation, MIG_REFUSAL_EXCLUSION_INDEX,
							refusal);
			break;
		case REINDEX_OBJECT_SYSTEM:
		case REINDEX_OBJECT_DATABASE:
			refusal->name = reindex->name;
			if (concurrent && reindex->kind == REINDEX_OBJECT_SYSTEM)
				refusal->kind = MIG_REFUSAL_SYSTEM_CATALOGS;
			else if (reindex->name != NULL)
				refusal->kind = MIG_REFUSAL_OTHER_DATABASE;
			break;
		default:
			break;
	}
}

/*
 * A table that the body creates: that it is partitioned is known, if it is the
 * one that the name stands for.
 */
static MigNameState
after_create(const CreateStmt *create, const MigRefusal *refusal,
			 MigNameState state)
{
	if (!has_name(create->relation, refusal))
		return state;
	if (create->partspec == NULL || !same_schema(create->relation, refusal) ||
		create->relation->relpersistence == TEMPORARY ||
		refusal->kind != MIG_REFUSAL_PARTITIONED_TABLE)
		return MIG_NAME_UNKNOWN;
	return create->if_not_exists ? MIG_NAME_PARTITIONED_UNLESS_FOUND :
		MIG_NAME_PARTITIONED;
}

/*
 * Whether a statement can change what the name stands for, or what the server
 * asks about it.
 */
static bool
may_change(Node *node, const MigRefusal *refusal)
{
	switch (nodeTag(node))
	{
		case T_SelectStmt:
			return ((SelectStmt *) node)->intoClause != NULL ||
				mig_statement_calls(node, NULL);
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
			return mig_statement_calls(node, "set_config");
		case T_AlterTableStmt:
			return refusal->kind != MIG_REFUSAL_PARTITIONED_TABLE;
		case T_IndexStmt:
			return ((IndexStmt *) node)->idxname == NULL ?
				refusal->kind != MIG_REFUSAL_PARTITIONED_TABLE :
				strcmp(((IndexStmt *) node)->idxname, refusal->name) == 0;
		case T_ViewStmt:
			return has_name(((ViewStmt *) node)->view, refusal);
		case T_CreateTableAsStmt:
			return has_name(((CreateTableAsStmt *) node)->into->rel, refusal);
		case T_CreateSeqStmt:
			return has_name(((CreateSeqStmt *) node)->sequence, refusal);
		case T_RenameStmt:
			return ((RenameStmt *) node)->renameType == OBJECT_SCHEMA ||
				strcmp(((RenameStmt *) node)->newname, refusal->name) == 0 ||
				(((RenameStmt *) node)->relation != NULL &&
				 has_name(((RenameStmt *) node)->relation, refusal));
		case T_DropStmt:
			return drops((DropStmt *) node, refusal);
		case T_CreateSchemaStmt:
			return ((CreateSchemaStmt *) node)->schemaElts != NIL;
		case T_AlterEnumStmt:
		case T_AlterFunctionStmt:
		case T_AlterOwnerStmt:
		case T_AlterSeqStmt:
		case T_AlterSystemStmt:
		case CLUSTER_TAG:
		case T_CommentStmt:
		case T_ConstraintsSetStmt:
		case T_CopyStmt:
		case T_CreateDomainStmt:
		case T_CreateEnumStmt:
		case T_CreateFunctionStmt:
		case T_CreatePolicyStmt:
		case T_CreateRangeStmt:
		case T_CreateRoleStmt:
		case T_CreateStatsStmt:
		case T_CreateTrigStmt:
		case T_GrantRoleStmt:
		case T_GrantStmt:
		case T_LockStmt:
		case T_NotifyStmt:
		case T_RefreshMatViewStmt:
		case T_ReindexStmt:
		case T_RuleStmt:
		case T_TruncateStmt:
		case T_VacuumStmt:
		case T_VariableSetStmt:
			return false;
		default:
			return true;
	}
}

static bool
drops(const DropStmt *drop, const MigRefusal *refusal)
{
	ListCell   *cell;

	if (drop->behavior == DROP_CASCADE || drop->removeType == OBJECT_SCHEMA ||
		refusal->kind == MIG_REFUSAL_DEFAULT_PARTITION)
		return true;
	if (drop->removeType != OBJECT_TABLE && drop->removeType != OBJECT_INDEX &&
		drop->removeType != OBJECT_VIEW && drop->removeType != OBJECT_MATVIEW &&
		drop->removeType != OBJECT_FOREIGN_TABLE)
		return false;
	foreach(cell, drop->objects)
	{
		if (has_name(range_var_of_names(lfirst_node(List, cell)),
					 refusal))
			return true;
	}
	return false;
}

static bool
has_name(const RangeVar *relation, const MigRefusal *refusal)
{
	return strcmp(relation->relname, refusal->name) == 0;
}

/* Whether both are written with the same one, or without. */
static bool
same_schema(const RangeVar *relation, const MigRefusal *refusal)
{
	if (relation->schemaname == NULL || refusal->schema == NULL)
		return relation->schemaname == refusal->schema;
	return strcmp(relation->schemaname, refusal->schema) == 0;
}
