/*
 * lint_alter.c
 *	  What a statement changes in what lint knows of the columns, constraints and
 *	  indexes of a table.
 */
#include "postgres.h"

#include "catalog/pg_class_d.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"

#include "preview/preview_internal.h"

static bool find_columns(Node *node, void *arg);
static MigLintIndex *add_index(MigLintRelation *relation, const char *name,
							   List *columns, bool is_unique, bool is_partial);
static void find_not_null(Node *node, List **columns);
static void set_not_null(MigLint *lint, MigLintRelation *relation,
						 const char *column, bool not_null);
static void drop_not_null(MigLint *lint, MigLintRelation *relation,
						  const char *column);
static void drop_column(MigLint *lint, MigLintRelation *relation,
						const char *name);
static void rename_in(List *names, const char *name, const char *new_name);
static void drop_constraint(MigLint *lint, MigLintRelation *relation,
							const char *name);

void
mig_lint_create_index(MigLint *lint, const IndexStmt *create)
{
	MigLintRelation *relation = mig_lint_range(lint, create->relation);
	List	   *columns = NIL;
	List	   *computed = NIL;
	ListCell   *cell;

	if (mig_lint_index_exists(lint, create))
		return;
	foreach(cell, create->indexParams)
	{
		const IndexElem *element = lfirst_node(IndexElem, cell);

		columns = lappend(columns, pstrdup(element->name != NULL ?
										   element->name : ""));
		(void) find_columns(element->expr, &computed);
	}
	(void) find_columns(create->whereClause, &computed);
	mig_lint_catalog_load(lint, relation);
	add_index(relation, create->idxname, columns, create->unique,
			  create->whereClause != NULL)->computed = computed;
	if (create->idxname != NULL)
	{
		RangeVar   *name = copyObject(create->relation);
		MigLintRelation *index;

		name->schemaname = relation->schema;
		name->relname = create->idxname;
		index = mig_lint_create(lint, name, RELKIND_INDEX);
		index->table = relation;
	}
}

/*
 * Adds the columns that an expression names.
 */
static bool
find_columns(Node *node, void *arg)
{
	List	  **columns = arg;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef) && IsA(llast(((ColumnRef *) node)->fields), String))
		*columns = lappend(*columns,
						   pstrdup(strVal(llast(((ColumnRef *) node)->fields))));
	return raw_expression_tree_walker(node, find_columns, arg);
}

static MigLintIndex *
add_index(MigLintRelation *relation, const char *name, List *columns,
		  bool is_unique, bool is_partial)
{
	MigLintIndex *index = palloc0(sizeof(MigLintIndex));

	index->name = name == NULL ? NULL : pstrdup(name);
	index->columns = columns;
	index->is_unique = is_unique;
	index->is_partial = is_partial;
	relation->indexes = lappend(relation->indexes, index);
	return index;
}

void
mig_lint_add_column(MigLint *lint, MigLintRelation *relation,
					const ColumnDef *definition)
{
	MigLintColumn *column = palloc0(sizeof(MigLintColumn));
	ListCell   *cell;

	if (definition->typeName == NULL)
		return;
	column->name = pstrdup(definition->colname);
	mig_lint_type_read(definition->typeName, &column->type);
	column->collation = mig_lint_collation(definition);
	if (mig_lint_type_is(&column->type, " serial serial4 "))
		column->type.name = "int4";
	else if (mig_lint_type_is(&column->type, " bigserial serial8 "))
		column->type.name = "int8";
	else if (mig_lint_type_is(&column->type, " smallserial serial2 "))
		column->type.name = "int2";
	relation->columns = lappend(relation->columns, column);
	foreach(cell, definition->constraints)
		mig_lint_add_constraint(lint, relation, lfirst(cell), column->name);
}

/*
 * column: that it is written behind, or NULL.
 */
void
mig_lint_add_constraint(MigLint *lint, MigLintRelation *relation,
						const Constraint *constraint, const char *column)
{
	MigLintConstraint *added = palloc0(sizeof(MigLintConstraint));
	const char *index_name = constraint->indexname;

	added->name = constraint->conname == NULL ? NULL : pstrdup(constraint->conname);
	added->valid = !constraint->skip_validation;
	added->transaction = lint->transaction;
	added->line = lint->place.line;
	if (column != NULL)
		added->columns = list_make1(pstrdup(column));
	switch (constraint->contype)
	{
		case CONSTR_NOTNULL:
			if (column == NULL)
				added->columns = mig_lint_strings(constraint->keys);
			if (added->columns == NIL)
				return;
			added->type = 'n';
			added->not_null = added->columns;
			if (added->valid)
				set_not_null(lint, relation, linitial(added->columns), true);
			break;
		case CONSTR_CHECK:
			added->type = 'c';
			(void) find_columns(constraint->raw_expr, &added->columns);
			find_not_null(constraint->raw_expr, &added->not_null);
			break;
		case CONSTR_FOREIGN:
			added->type = 'f';
			if (column == NULL)
				added->columns = mig_lint_strings(constraint->fk_attrs);
			break;
		case CONSTR_PRIMARY:
		case CONSTR_UNIQUE:
			added->type = constraint->contype == CONSTR_PRIMARY ? 'p' : 'u';
			if (column == NULL)
				added->columns = mig_lint_strings(constraint->keys);
			if (added->type == 'p')
			{
				ListCell   *cell;

				foreach(cell, added->columns)
					set_not_null(lint, relation, lfirst(cell), true);
			}
			/* The index is there already. */
			if (index_name == NULL)
				add_index(relation, constraint->conname, added->columns, true, false);
			break;
		case CONSTR_IDENTITY:
			if (column != NULL)
				set_not_null(lint, relation, column, true);
			return;
		case CONSTR_EXCLUSION:
			added->type = 'x';
			break;
		default:
			return;
	}
	relation->constraints = lappend(relation->constraints, added);
}

/*
 * Adds the columns that an expression says are not null.
 */
static void
find_not_null(Node *node, List **columns)
{
	ListCell   *cell;

	check_stack_depth();
	if (node == NULL)
		return;
	if (IsA(node, NullTest) && ((NullTest *) node)->nulltesttype == IS_NOT_NULL &&
		IsA(((NullTest *) node)->arg, ColumnRef))
	{
		Node	   *name = llast(((ColumnRef *) ((NullTest *) node)->arg)->fields);

		if (IsA(name, String))
			*columns = lappend(*columns, pstrdup(strVal(name)));
	}
	else if (IsA(node, BoolExpr) && ((BoolExpr *) node)->boolop == AND_EXPR)
	{
		foreach(cell, ((BoolExpr *) node)->args)
			find_not_null(lfirst(cell), columns);
	}
}

static void
set_not_null(MigLint *lint, MigLintRelation *relation, const char *column,
			 bool not_null)
{
	MigLintColumn *found = mig_lint_column(lint, relation, column);

	if (found != NULL)
		found->not_null = not_null;
}

/*
 * With the constraint that says so and has a name, from 18 on.
 */
static void
drop_not_null(MigLint *lint, MigLintRelation *relation, const char *column)
{
	ListCell   *cell;

	set_not_null(lint, relation, column, false);
	foreach(cell, relation->constraints)
	{
		const MigLintConstraint *constraint = lfirst(cell);

		if (constraint->type == 'n' &&
			strcmp(linitial(constraint->columns), column) == 0)
			relation->constraints = foreach_delete_current(relation->constraints, cell);
	}
}

/*
 * A subcommand of ALTER TABLE.
 */
void
mig_lint_apply_command(MigLint *lint, MigLintRelation *relation,
					   const AlterTableCmd *command)
{
	MemoryContext old_context = MemoryContextSwitchTo(lint->context);
	MigLintColumn *column;
	MigLintConstraint *constraint;
	ListCell   *cell;

	mig_lint_catalog_load(lint, relation);
	switch (command->subtype)
	{
		case AT_AddColumn:
			if (mig_lint_column(lint, relation,
								castNode(ColumnDef, command->def)->colname) == NULL)
				mig_lint_add_column(lint, relation, castNode(ColumnDef, command->def));
			break;
		case AT_DropColumn:
			mig_lint_drop_part(lint, relation, command->name);
			drop_column(lint, relation, command->name);
			break;
		case AT_ColumnDefault:
		case AT_DropExpression:
		case AT_DropIdentity:
			mig_lint_drop_part(lint, relation, command->name);
			break;
		case AT_DropInherit:
		case AT_DropOf:
			mig_lint_drop_name(lint, NULL, relation->name);
			break;
		case AT_AlterColumnType:
			mig_lint_drop_part(lint, relation, command->name);
			column = mig_lint_column(lint, relation, command->name);
			if (column == NULL)
				break;
			mig_lint_type_read(castNode(ColumnDef, command->def)->typeName,
							   &column->type);
			column->collation = mig_lint_collation(castNode(ColumnDef, command->def));
			break;
		case AT_SetNotNull:
			set_not_null(lint, relation, command->name, true);
			break;
		case AT_DropNotNull:
			drop_not_null(lint, relation, command->name);
			break;
		case AT_AddConstraint:
			mig_lint_add_constraint(lint, relation, castNode(Constraint, command->def), NULL);
			break;
		case AT_DropConstraint:
			drop_constraint(lint, relation, command->name);
			break;
		case AT_ValidateConstraint:
			constraint = mig_lint_constraint(lint, relation, command->name);
			if (constraint == NULL)
				break;
			constraint->valid = true;
			if (constraint->type == 'n')
			{
				foreach(cell, constraint->not_null)
					set_not_null(lint, relation, lfirst(cell), true);
			}
			break;
		default:
			break;
	}
	MemoryContextSwitchTo(old_context);
}

/*
 * With the constraints and indexes that it is in.
 */
static void
drop_column(MigLint *lint, MigLintRelation *relation, const char *name)
{
	MigLintColumn *column = mig_lint_column(lint, relation, name);
	ListCell   *cell;
	ListCell   *other;

	relation->columns = list_delete_ptr(relation->columns, column);
	foreach(cell, relation->constraints)
	{
		const MigLintConstraint *constraint = lfirst(cell);

		foreach(other, constraint->columns)
		{
			if (strcmp(lfirst(other), name) != 0)
				continue;
			if (constraint->name != NULL)
				mig_lint_drop_part(lint, relation, constraint->name);
			relation->constraints = foreach_delete_current(relation->constraints, cell);
			break;
		}
	}
	foreach(cell, relation->indexes)
	{
		foreach(other, ((MigLintIndex *) lfirst(cell))->columns)
		{
			if (strcmp(lfirst(other), name) != 0)
				continue;
			relation->indexes = foreach_delete_current(relation->indexes, cell);
			break;
		}
	}
}

/*
 * In the constraints and indexes, too.
 */
void
mig_lint_rename_column(MigLint *lint, MigLintRelation *relation,
					   const char *name, const char *new_name)
{
	MigLintColumn *column = mig_lint_column(lint, relation, name);
	ListCell   *cell;

	if (column != NULL)
		column->name = pstrdup(new_name);
	foreach(cell, relation->constraints)
	{
		const MigLintConstraint *constraint = lfirst(cell);

		rename_in(constraint->columns, name, new_name);
		rename_in(constraint->not_null, name, new_name);
	}
	foreach(cell, relation->indexes)
	{
		const MigLintIndex *index = lfirst(cell);

		rename_in(index->columns, name, new_name);
		rename_in(index->computed, name, new_name);
	}
}

static void
rename_in(List *names, const char *name, const char *new_name)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			lfirst(cell) = pstrdup(new_name);
	}
}

/*
 * With the index that it has made, which has its name.
 */
static void
drop_constraint(MigLint *lint, MigLintRelation *relation, const char *name)
{
	MigLintConstraint *constraint = mig_lint_constraint(lint, relation, name);
	ListCell   *cell;

	mig_lint_drop_part(lint, relation, name);
	if (constraint == NULL)
		return;
	relation->constraints = list_delete_ptr(relation->constraints, constraint);
	foreach(cell, relation->indexes)
	{
		const MigLintIndex *index = lfirst(cell);

		if (index->name != NULL && strcmp(index->name, name) == 0)
			relation->indexes = foreach_delete_current(relation->indexes, cell);
	}
}
