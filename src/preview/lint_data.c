/*
 * lint_data.c
 *	  Rules for rows, and for what a transaction holds locked meanwhile.
 */
#include "postgres.h"

#include "catalog/pg_class_d.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/lockdefs.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "preview/preview_internal.h"

/* So many statements that lock tables in use are none too many. */
#define MAX_LOCKING			10

static void check_transaction(MigLint *lint, Node *node);
static void check_alters(MigLint *lint, Node *node);
static bool sets_not_null(const AlterTableStmt *alter);
static void note_locks(MigLint *lint);
static bool is_slow(MigLint *lint, Node *node);
static bool source_is_large(MigLint *lint, Node *node, Node *where);
static bool is_selective(MigLint *lint, MigLintRelation *relation, Node *where);
static void truncate_tables(MigLint *lint, const TruncateStmt *truncate);
static void write_rows(MigLint *lint, Node *node);
static void write_all(MigLint *lint, const RangeVar *range, Node *where);
static bool is_condition(Node *node, void *arg);
static void add_enum_value(MigLint *lint, const AlterEnumStmt *alter);

void
mig_lint_data_statement(MigLint *lint, Node *node)
{
	switch (nodeTag(node))
	{
		case T_TruncateStmt:
			truncate_tables(lint, (TruncateStmt *) node);
			break;
		case T_AlterEnumStmt:
			add_enum_value(lint, (AlterEnumStmt *) node);
			break;
		default:
			write_rows(lint, node);
			break;
	}
	check_transaction(lint, node);
}

/*
 * A statement, or one of its WITH clause.
 */
static void
write_rows(MigLint *lint, Node *node)
{
	WithClause *with = NULL;
	ListCell   *cell;

	switch (nodeTag(node))
	{
		case T_UpdateStmt:
			write_all(lint, ((UpdateStmt *) node)->relation,
					  ((UpdateStmt *) node)->whereClause);
			with = ((UpdateStmt *) node)->withClause;
			break;
		case T_DeleteStmt:
			write_all(lint, ((DeleteStmt *) node)->relation,
					  ((DeleteStmt *) node)->whereClause);
			with = ((DeleteStmt *) node)->withClause;
			break;
		case T_InsertStmt:
			with = ((InsertStmt *) node)->withClause;
			break;
		case T_MergeStmt:
			with = ((MergeStmt *) node)->withClause;
			break;
		case T_SelectStmt:
			with = ((SelectStmt *) node)->withClause;
			break;
		default:
			return;
	}
	foreach(cell, with == NULL ? NIL : with->ctes)
		write_rows(lint, lfirst_node(CommonTableExpr, cell)->ctequery);
}

static void
truncate_tables(MigLint *lint, const TruncateStmt *truncate)
{
	List	   *together = NIL;
	ListCell   *cell;

	foreach(cell, truncate->relations)
		together = lappend(together, mig_lint_range(lint, lfirst(cell)));
	foreach(cell, truncate->relations)
	{
		MigLintRelation *relation = mig_lint_range(lint, lfirst(cell));
		char	   *referring;

		if (!mig_lint_in_use(lint, relation))
			continue;
		if (!mig_lint_is_empty(relation))
			mig_lint_add(lint, MIG_RULE_TRUNCATE, relation, relation->name);
		if (truncate->behavior != DROP_CASCADE)
		{
			referring = mig_lint_depend_truncated(lint, relation, together);
			if (referring != NULL)
				mig_lint_add(lint, MIG_RULE_DEPENDENTS, relation,
							 relation->name, referring);
			continue;
		}
		referring = mig_lint_catalog_referring(lint, relation);
		if (referring != NULL || relation->oid == InvalidOid)
			mig_lint_add(lint, MIG_RULE_TRUNCATE_CASCADE, relation,
						 relation->name,
						 referring == NULL ? "" : psprintf(": %s", referring));
	}
}

static void
write_all(MigLint *lint, const RangeVar *range, Node *where)
{
	const MigLintRelation *relation = mig_lint_range(lint, range);

	if (!is_condition(where, NULL) && mig_lint_is_large(lint, relation))
		mig_lint_add(lint, MIG_RULE_WRITE_ALL, relation, relation->name);
}

/*
 * Whether an expression may be true of some rows and false of others, or is the
 * constant false.
 */
static bool
is_condition(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_ColumnRef:
		case T_ParamRef:
		case T_SubLink:
		case T_FuncCall:
		case T_CurrentOfExpr:
			return true;
		case T_A_Const:
			return IsA(&((A_Const *) node)->val, Boolean) &&
				!((A_Const *) node)->val.boolval.boolval;
		default:
			return raw_expression_tree_walker(node, is_condition, arg);
	}
}

/*
 * A value cannot be used in the transaction that adds it to a type that was
 * there before.
 */
static void
add_enum_value(MigLint *lint, const AlterEnumStmt *alter)
{
	const char *type = strVal(llast(alter->typeName));
	const MigLintMade *made = mig_lint_find_made(lint->types, type);
	char	   *literal;

	if (alter->oldVal != NULL)
		return;
	if (alter->newValNeighbor == NULL)
		mig_lint_add(lint, MIG_RULE_ENUM_ORDER, NULL, alter->newVal, type);
	if (made != NULL && made->transaction == lint->transaction)
		return;
	literal = quote_literal_cstr(alter->newVal);
	for (int i = lint->place.statement; i < lint->script->nstatements; i++)
	{
		const MigStatement *later = &lint->script->statements[i];

		if (IsA(list_nth_node(RawStmt, lint->trees, i)->stmt, AlterEnumStmt) ||
			strstr(pnstrdup(lint->text + later->location, later->length),
				   literal) == NULL)
			continue;
		mig_lint_add(lint, MIG_RULE_ENUM_VALUE, NULL,
					 psprintf("%d", later->line), alter->newVal);
		return;
	}
}

/*
 * What this transaction holds when the statement begins, and what it adds.
 */
static void
check_transaction(MigLint *lint, Node *node)
{
	const MigLintLock *held = mig_lint_data_strongest_lock(lint);

	if (held != NULL && is_slow(lint, node))
		mig_lint_add(lint, MIG_RULE_SLOW_IN_LOCK, held->relation,
					 held->relation->name, psprintf("%d", held->line));
	note_locks(lint);
	check_alters(lint, node);
}

/*
 * Of those that this transaction holds; NULL: it holds none.
 */
const MigLintLock *
mig_lint_data_strongest_lock(const MigLint *lint)
{
	const MigLintLock *held = NULL;
	ListCell   *cell;

	foreach(cell, lint->locked)
	{
		const MigLintLock *lock = lfirst(cell);

		if (held == NULL || lock->mode > held->mode)
			held = lock;
	}
	return held;
}

/*
 * Two ALTER TABLE one after the other that both lock out readers: for one that
 * takes a weaker lock together is worse.
 */
static void
check_alters(MigLint *lint, Node *node)
{
	const AlterTableStmt *alter = (const AlterTableStmt *) node;
	MigLintRelation *relation;

	if (!IsA(node, AlterTableStmt) || alter->objtype != OBJECT_TABLE ||
		AlterTableGetLockLevel(alter->cmds) != AccessExclusiveLock)
	{
		lint->altered = NULL;
		return;
	}
	relation = mig_lint_range(lint, alter->relation);
	if (lint->altered == relation && mig_lint_in_use(lint, relation))
		mig_lint_add(lint, MIG_RULE_SEVERAL_ALTERS, relation, relation->name,
					 psprintf("%d", lint->altered_line));
	/* In one statement the CHECK that spares the scan would be dropped first. */
	lint->altered = sets_not_null(alter) ? NULL : relation;
	lint->altered_line = lint->place.line;
}

static bool
sets_not_null(const AlterTableStmt *alter)
{
	ListCell   *cell;

	foreach(cell, alter->cmds)
	{
		if (lfirst_node(AlterTableCmd, cell)->subtype == AT_SetNotNull)
			return true;
	}
	return false;
}

/*
 * The strong locks of the statement on tables in use.
 */
static void
note_locks(MigLint *lint)
{
	bool		locks = false;
	ListCell   *cell;
	ListCell   *other;

	foreach(cell, lint->statement->locks)
	{
		const MigLockNeed *need = lfirst(cell);
		MigLintRelation *relation;
		MigLintLock *lock;
		const MigLintLock *first = NULL;
		bool		held = false;

		if (need->target != MIG_LOCK_RELATION)
			continue;
		relation = mig_lint_names(lint, textToQualifiedNameList(cstring_to_text(need->name)));
		if (!mig_lint_in_use(lint, relation) ||
			relation->kind == RELKIND_INDEX)
			continue;
		locks = true;
		foreach(other, lint->locked)
		{
			const MigLintLock *before = lfirst(other);

			held = held || before->relation == relation;
			if (first == NULL && before->line != lint->place.line &&
				before->mode == AccessExclusiveLock)
				first = before;
		}
		if (held)
			continue;
		if (first != NULL && !lint->said_locks)
			mig_lint_add(lint, MIG_RULE_SEVERAL_LOCKS, first->relation,
						 first->relation->name, psprintf("%d", first->line),
						 relation->name);
		lint->said_locks = lint->said_locks || first != NULL;
		lock = MemoryContextAlloc(lint->context, sizeof(MigLintLock));
		lock->relation = relation;
		lock->mode = need->mode;
		lock->line = lint->place.line;
		lint->locked = lappend(lint->locked, lock);
	}
	if (locks)
		lint->nlocking++;
}

/*
 * Whether a statement reads or writes so many rows that it takes long.  Those
 * that have a rule of their own, as VALIDATE and UPDATE of all rows, are not in
 * here.
 */
static bool
is_slow(MigLint *lint, Node *node)
{
	MigLintRelation *relation;
	Node	   *where;

	switch (nodeTag(node))
	{
		case T_UpdateStmt:
			relation = mig_lint_range(lint, ((UpdateStmt *) node)->relation);
			where = ((UpdateStmt *) node)->whereClause;
			break;
		case T_DeleteStmt:
			relation = mig_lint_range(lint, ((DeleteStmt *) node)->relation);
			where = ((DeleteStmt *) node)->whereClause;
			break;
		case T_InsertStmt:
			return mig_lint_data_reads_large(lint, ((InsertStmt *) node)->selectStmt);
		case T_CreateTableAsStmt:
			return mig_lint_data_reads_large(lint, ((CreateTableAsStmt *) node)->query);
		case T_CopyStmt:
			return ((CopyStmt *) node)->is_from;
		default:
			return false;
	}
	return where != NULL && mig_lint_is_large(lint, relation) &&
		!is_selective(lint, relation, where);
}

/*
 * Whether a query selects from a large table.
 */
bool
mig_lint_data_reads_large(MigLint *lint, Node *node)
{
	const SelectStmt *select = (const SelectStmt *) node;
	ListCell   *cell;

	check_stack_depth();
	if (node == NULL || !IsA(node, SelectStmt))
		return false;
	foreach(cell, select->fromClause)
	{
		if (source_is_large(lint, lfirst(cell), select->whereClause))
			return true;
	}
	return mig_lint_data_reads_large(lint, (Node *) select->larg) ||
		mig_lint_data_reads_large(lint, (Node *) select->rarg);
}

/*
 * The same of an item of FROM.
 */
static bool
source_is_large(MigLint *lint, Node *node, Node *where)
{
	MigLintRelation *relation;

	check_stack_depth();
	if (IsA(node, JoinExpr))
		return source_is_large(lint, ((JoinExpr *) node)->larg, where) ||
			source_is_large(lint, ((JoinExpr *) node)->rarg, where);
	if (IsA(node, RangeSubselect))
		return mig_lint_data_reads_large(lint, ((RangeSubselect *) node)->subquery);
	if (!IsA(node, RangeVar))
		return false;
	relation = mig_lint_range(lint, (RangeVar *) node);
	return mig_lint_is_large(lint, relation) &&
		!is_selective(lint, relation, where);
}

/*
 * Whether a condition surely finds few rows: a unique column is equal to
 * something, or in a list.
 */
static bool
is_selective(MigLint *lint, MigLintRelation *relation, Node *where)
{
	const A_Expr *comparison = (const A_Expr *) where;
	const ColumnRef *column;
	ListCell   *cell;

	check_stack_depth();
	if (where == NULL)
		return false;
	if (IsA(where, BoolExpr) && ((BoolExpr *) where)->boolop == AND_EXPR)
	{
		foreach(cell, ((BoolExpr *) where)->args)
		{
			if (is_selective(lint, relation, lfirst(cell)))
				return true;
		}
		return false;
	}
	if (!IsA(where, A_Expr) ||
		(comparison->kind != AEXPR_OP && comparison->kind != AEXPR_IN) ||
		strcmp(strVal(llast(comparison->name)), "=") != 0 ||
		!IsA(comparison->lexpr, ColumnRef) ||
		(IsA(comparison->rexpr, ColumnRef)))
		return false;
	column = (const ColumnRef *) comparison->lexpr;
	return IsA(llast(column->fields), String) &&
		mig_lint_has_index(lint, relation,
						   list_make1(strVal(llast(column->fields))), true);
}

void
mig_lint_data_end_transaction(MigLint *lint)
{
	if (lint->nlocking > MAX_LOCKING)
		mig_lint_add(lint, MIG_RULE_MANY_STATEMENTS, NULL,
					 psprintf("%d", lint->nlocking));
	lint->nlocking = 0;
}
