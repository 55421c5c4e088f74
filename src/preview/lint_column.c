/*
 * lint_column.c
 *	  Rules for columns that are added or changed.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"

#include "base/compat.h"
#include "preview/preview_internal.h"

/* What a new column is filled with. */
typedef struct ColumnOptions
{
	Node	   *default_value;
	bool		is_required;	/* NOT NULL, or in the primary key */
	bool		has_source;		/* of values, besides a default */
	bool		is_stored;		/* that source is computed for each row */
} ColumnOptions;

static void add_column(MigLint *lint, MigLintRelation *relation,
					   const ColumnDef *column);
static void read_options(const ColumnDef *column, ColumnOptions *options);
static bool is_volatile(Node *node, void *arg);
static void change_type(MigLint *lint, MigLintRelation *relation,
						const AlterTableCmd *command);
static bool rebuilds_index(MigLint *lint, const MigLintRelation *relation,
						   const MigLintColumn *column,
						   const ColumnDef *definition, const MigLintType *type);
static bool is_checked(const MigLintRelation *relation, const char *column);
static bool is_column_itself(Node *using, const char *column);

void
mig_lint_column_command(MigLint *lint, MigLintRelation *relation,
						const AlterTableCmd *command)
{
	const MigLintColumn *known;

	if (!mig_lint_in_use(lint, relation))
		return;
	switch (command->subtype)
	{
		case AT_AddColumn:
			add_column(lint, relation, castNode(ColumnDef, command->def));
			break;
		case AT_AlterColumnType:
			change_type(lint, relation, command);
			break;
#ifdef MIG_COMPAT_HAVE_SET_EXPRESSION
		case AT_SetExpression:
			if (mig_lint_is_large(lint, relation))
				mig_lint_add(lint, MIG_RULE_FILLED_COLUMN, relation,
							 relation->name, command->name);
			break;
#endif
		case AT_SetNotNull:
			if (mig_lint_is_large(lint, relation) &&
				!mig_lint_is_not_null(lint, relation, command->name))
				mig_lint_add(lint, MIG_RULE_SET_NOT_NULL, relation,
							 relation->name, command->name);
			break;
		case AT_DropNotNull:
			known = mig_lint_column(lint, relation, command->name);
			if (known == NULL || known->not_null)
				mig_lint_add(lint, MIG_RULE_DROP_NOT_NULL, relation,
							 command->name, relation->name);
			break;
		default:
			break;
	}
}

static void
add_column(MigLint *lint, MigLintRelation *relation, const ColumnDef *column)
{
	ColumnOptions options;
	MigLintType type;
	bool		constrained = false;

	if (mig_lint_column(lint, relation, column->colname) != NULL)
		return;
	read_options(column, &options);
	mig_lint_type_read(column->typeName, &type);
	if (mig_lint_type_is(&type, " serial serial4 bigserial serial8 smallserial serial2 "))
		options.has_source = options.is_stored = true;
	if (options.is_required && !options.has_source && !mig_lint_is_empty(relation))
	{
		mig_lint_add(lint, MIG_RULE_REQUIRED_COLUMN, relation, relation->name,
					 column->colname);
		return;
	}
	if (!mig_lint_is_large(lint, relation))
		return;
	if (!options.is_stored && options.default_value == NULL && !type.is_array)
		(void) mig_lint_catalog_coercible(lint, type.name, type.name, &constrained);
	if (options.is_stored || constrained)
		mig_lint_add(lint, MIG_RULE_FILLED_COLUMN, relation, relation->name,
					 column->colname);
	else if (is_volatile(options.default_value, lint))
		mig_lint_add(lint, MIG_RULE_VOLATILE_DEFAULT, relation, relation->name,
					 column->colname);
}

static void
read_options(const ColumnDef *column, ColumnOptions *options)
{
	ListCell   *cell;

	memset(options, 0, sizeof(*options));
	foreach(cell, column->constraints)
	{
		const Constraint *constraint = lfirst_node(Constraint, cell);

		switch (constraint->contype)
		{
			case CONSTR_DEFAULT:
				options->default_value = constraint->raw_expr;
				/* DEFAULT NULL is none. */
				options->has_source = options->has_source ||
					!(IsA(constraint->raw_expr, A_Const) &&
					  ((A_Const *) constraint->raw_expr)->isnull);
				break;
			case CONSTR_NOTNULL:
			case CONSTR_PRIMARY:
				options->is_required = true;
				break;
			case CONSTR_IDENTITY:
				options->has_source = options->is_stored = true;
				break;
			case CONSTR_GENERATED:
				options->has_source = true;
				options->is_stored = !mig_compat_is_virtual(constraint);
				break;
			default:
				break;
		}
	}
}

/*
 * Whether an expression may have another value for each row: it calls a volatile
 * function.
 */
static bool
is_volatile(Node *node, void *arg)
{
	MigLint    *lint = arg;

	if (node == NULL)
		return false;
	if (IsA(node, FuncCall))
	{
		const FuncCall *call = (const FuncCall *) node;
		const char *name = strVal(llast(call->funcname));
		const MigLintMade *made = mig_lint_find_made(lint->functions, name);

		if (made != NULL ? made->is_volatile :
			mig_lint_catalog_is_volatile(lint, list_length(call->funcname) < 2 ? NULL :
										 strVal(linitial(call->funcname)),
										 name, list_length(call->args)))
			return true;
	}
	return raw_expression_tree_walker(node, is_volatile, arg);
}

static void
change_type(MigLint *lint, MigLintRelation *relation,
			const AlterTableCmd *command)
{
	const ColumnDef *definition = castNode(ColumnDef, command->def);
	const MigLintColumn *column = mig_lint_column(lint, relation, command->name);
	char	   *dependents = mig_lint_depend_names(lint,
												   mig_lint_depend_relation(lint, relation,
																			command->name),
												   true);
	MigLintType type;
	const char *how = "rewritten";

	if (dependents != NULL)
		mig_lint_add(lint, MIG_RULE_DEPENDENTS, relation, command->name,
					 dependents);
	if (!mig_lint_is_large(lint, relation))
		return;
	mig_lint_type_read(definition->typeName, &type);
	if (column != NULL &&
		is_column_itself(definition->raw_default, command->name) &&
		!mig_lint_type_rewrites(lint, &column->type, &type))
	{
		if (rebuilds_index(lint, relation, column, definition, &type))
			how = "locked while its indexes are built";
		else if (is_checked(relation, column->name))
			how = "locked while its rows are checked";
		else
			return;
	}
	mig_lint_add(lint, MIG_RULE_CHANGE_TYPE, relation, relation->name, how,
				 command->name);
}

/*
 * Whether a change of type that does not rewrite the table builds an index anew,
 * as CheckIndexCompatible() of the server decides: one with an expression or a
 * condition always.
 */
static bool
rebuilds_index(MigLint *lint, const MigLintRelation *relation,
			   const MigLintColumn *column, const ColumnDef *definition,
			   const MigLintType *type)
{
	const char *collation = mig_lint_collation(definition);
	bool		keeps = mig_lint_type_keeps_indexes(lint, &column->type, type) &&
	(collation == NULL) == (column->collation == NULL) &&
	(collation == NULL || strcmp(collation, column->collation) == 0);
	ListCell   *cell;

	foreach(cell, relation->indexes)
	{
		const MigLintIndex *index = lfirst(cell);

		if (mig_text_is_listed(index->computed, column->name) ||
			(mig_text_is_listed(index->columns, column->name) &&
			 (!keeps || index->is_partial || mig_text_is_listed(index->columns, ""))))
			return true;
	}
	return false;
}

/*
 * Whether a CHECK reads the column, which the server checks again.
 */
static bool
is_checked(const MigLintRelation *relation, const char *column)
{
	ListCell   *cell;

	foreach(cell, relation->constraints)
	{
		const MigLintConstraint *constraint = lfirst(cell);

		if (constraint->type == 'c' && constraint->valid &&
			mig_text_is_listed(constraint->columns, column))
			return true;
	}
	return false;
}

/*
 * Whether USING says no more than the change itself.
 */
static bool
is_column_itself(Node *using, const char *column)
{
	if (using != NULL && IsA(using, TypeCast))
		using = ((TypeCast *) using)->arg;
	return using == NULL ||
		(IsA(using, ColumnRef) &&
		 IsA(llast(((ColumnRef *) using)->fields), String) &&
		 strcmp(strVal(llast(((ColumnRef *) using)->fields)), column) == 0);
}
