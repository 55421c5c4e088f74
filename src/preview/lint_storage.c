/*
 * lint_storage.c
 *	  Rules for indexes, and for statements that lock or rewrite a table.
 */
#include "postgres.h"

#include "catalog/pg_class_d.h"
#include "storage/lockdefs.h"

#include "base/compat.h"
#include "preview/preview_internal.h"

/* More key columns than that are rarely of use. */
#define MAX_INDEX_COLUMNS	3

static void create_index(MigLint *lint, const IndexStmt *create);
static void drop_index(MigLint *lint, const DropStmt *drop);
static void reindex(MigLint *lint, const ReindexStmt *reindex);
static void refresh(MigLint *lint, const RefreshMatViewStmt *refresh);
static void vacuum(MigLint *lint, const VacuumStmt *vacuum);
static void lock_table(MigLint *lint, const LockStmt *lock);
static void rewrite(MigLint *lint, const RangeVar *range);

void
mig_lint_storage_command(MigLint *lint, MigLintRelation *relation,
						 const AlterTableCmd *command)
{
	if (!mig_lint_is_large(lint, relation))
		return;
	switch (command->subtype)
	{
		case AT_SetLogged:
		case AT_SetUnLogged:
		case AT_SetAccessMethod:
		case AT_SetTableSpace:
			mig_lint_add(lint, MIG_RULE_REWRITE_TABLE, relation, relation->name);
			break;
		default:
			break;
	}
}

void
mig_lint_storage_statement(MigLint *lint, Node *node)
{
	switch (nodeTag(node))
	{
		case T_IndexStmt:
			create_index(lint, (IndexStmt *) node);
			break;
		case T_DropStmt:
			if (((DropStmt *) node)->removeType == OBJECT_INDEX)
				drop_index(lint, (DropStmt *) node);
			break;
		case T_ReindexStmt:
			reindex(lint, (ReindexStmt *) node);
			break;
		case T_RefreshMatViewStmt:
			refresh(lint, (RefreshMatViewStmt *) node);
			break;
		case T_VacuumStmt:
			vacuum(lint, (VacuumStmt *) node);
			break;
#ifdef MIG_COMPAT_HAVE_REPACK
		case T_RepackStmt:
			if (((RepackStmt *) node)->relation != NULL &&
				!mig_statement_option_is_on(((RepackStmt *) node)->params,
											"concurrently", false))
				rewrite(lint, ((RepackStmt *) node)->relation->relation);
			break;
#else
		case T_ClusterStmt:
			if (((ClusterStmt *) node)->relation != NULL)
				rewrite(lint, ((ClusterStmt *) node)->relation);
			break;
#endif
		case T_LockStmt:
			lock_table(lint, (LockStmt *) node);
			break;
		default:
			break;
	}
}

static void
create_index(MigLint *lint, const IndexStmt *create)
{
	const MigLintRelation *relation = mig_lint_range(lint, create->relation);
	int			ncolumns = list_length(create->indexParams);

	if (mig_lint_index_exists(lint, create))
		return;
	if (create->concurrent && relation->kind == RELKIND_PARTITIONED_TABLE)
		mig_lint_add(lint, MIG_RULE_PARTITIONED_INDEX, relation, relation->name);
	if (!create->unique && ncolumns > MAX_INDEX_COLUMNS)
		mig_lint_add(lint, MIG_RULE_WIDE_INDEX, relation, relation->name,
					 psprintf("%d", ncolumns));
	/* ON ONLY makes one that is not valid yet, and reads nothing. */
	if (!create->concurrent && create->relation->inh && !IS_YUGABYTEDB(lint) &&
		mig_lint_is_large(lint, relation))
		mig_lint_add(lint, MIG_RULE_CREATE_INDEX, relation, relation->name);
}

static void
drop_index(MigLint *lint, const DropStmt *drop)
{
	ListCell   *cell;

	if (IS_YUGABYTEDB(lint))
		return;
	foreach(cell, drop->objects)
	{
		MigLintRelation *index = mig_lint_names(lint, lfirst(cell));
		MigLintRelation *relation = index->table != NULL ? index->table : index;

		if (drop->concurrent)
		{
			if (index->kind == RELKIND_PARTITIONED_INDEX)
				mig_lint_add(lint, MIG_RULE_PARTITIONED_INDEX, relation, relation->name);
		}
		else if (!mig_lint_is_new(lint, index) && mig_lint_is_large(lint, relation))
			mig_lint_add(lint, MIG_RULE_DROP_INDEX, relation, relation->name);
	}
}

static void
reindex(MigLint *lint, const ReindexStmt *reindex)
{
	MigLintRelation *relation;

	if (mig_statement_option_is_on(reindex->params, "concurrently", false))
		return;
	if (reindex->relation == NULL)
	{
		mig_lint_add(lint, MIG_RULE_REINDEX, NULL,
					 reindex->name == NULL ? "the database" : reindex->name);
		return;
	}
	relation = mig_lint_range(lint, reindex->relation);
	if (relation->table != NULL)
		relation = relation->table;
	if (mig_lint_is_large(lint, relation))
		mig_lint_add(lint, MIG_RULE_REINDEX, relation, relation->name);
}

static void
refresh(MigLint *lint, const RefreshMatViewStmt *refresh)
{
	const MigLintRelation *relation = mig_lint_range(lint, refresh->relation);

	if (!refresh->concurrent && !refresh->skipData &&
		mig_lint_is_large(lint, relation))
		mig_lint_add(lint, MIG_RULE_REFRESH, relation, relation->name);
}

static void
vacuum(MigLint *lint, const VacuumStmt *vacuum)
{
	ListCell   *cell;

	if (!mig_statement_option_is_on(vacuum->options, "full", false))
		return;
	if (vacuum->rels == NIL)
		mig_lint_add(lint, MIG_RULE_REWRITE_TABLE, NULL, "each table");
	foreach(cell, vacuum->rels)
		rewrite(lint, lfirst_node(VacuumRelation, cell)->relation);
}

static void
rewrite(MigLint *lint, const RangeVar *range)
{
	const MigLintRelation *relation = mig_lint_range(lint, range);

	if (mig_lint_is_large(lint, relation))
		mig_lint_add(lint, MIG_RULE_REWRITE_TABLE, relation, relation->name);
}

static void
lock_table(MigLint *lint, const LockStmt *lock)
{
	ListCell   *cell;

	if (lock->mode < ShareLock)
		return;
	foreach(cell, lock->relations)
	{
		const MigLintRelation *relation = mig_lint_range(lint, lfirst(cell));

		if (mig_lint_in_use(lint, relation))
			mig_lint_add(lint, MIG_RULE_LOCK_TABLE, relation, relation->name);
	}
}
