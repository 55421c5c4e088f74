/*
 * lint_design.c
 *	  Rules for types and keys that are regretted later.
 */
#include "postgres.h"

#include "catalog/pg_class_d.h"

#include "preview/preview_internal.h"

static void check_column(MigLint *lint, const MigLintRelation *relation,
						 const char *table, const ColumnDef *column);
static void check_type(MigLint *lint, const MigLintRelation *relation,
					   const char *table, const char *column,
					   const MigLintType *type);
static void check_key_type(MigLint *lint, const MigLintRelation *relation,
						   const char *table, const char *column,
						   const MigLintType *type);
static void create_table(MigLint *lint, const CreateStmt *create);
static const ColumnDef *find_column(const CreateStmt *create, const char *name);
static void create_domain(MigLint *lint, const CreateDomainStmt *create);

void
mig_lint_design_command(MigLint *lint, MigLintRelation *relation,
						const AlterTableCmd *command)
{
	const Constraint *constraint;
	const MigLintColumn *column;
	MigLintType type;

	if (relation->is_temporary)
		return;
	switch (command->subtype)
	{
		case AT_AddColumn:
			check_column(lint, relation, relation->name,
						 castNode(ColumnDef, command->def));
			break;
		case AT_AlterColumnType:
			mig_lint_type_read(castNode(ColumnDef, command->def)->typeName, &type);
			check_type(lint, relation, relation->name, command->name, &type);
			break;
		case AT_AddConstraint:
			constraint = castNode(Constraint, command->def);
			if (constraint->contype != CONSTR_PRIMARY ||
				list_length(constraint->keys) != 1)
				break;
			column = mig_lint_column(lint, relation, strVal(linitial(constraint->keys)));
			if (column != NULL)
				check_key_type(lint, relation, relation->name, column->name,
							   &column->type);
			break;
		default:
			break;
	}
}

void
mig_lint_design_statement(MigLint *lint, Node *node)
{
	if (IsA(node, CreateStmt))
		create_table(lint, (CreateStmt *) node);
	else if (IsA(node, CreateDomainStmt))
		create_domain(lint, (CreateDomainStmt *) node);
}

static void
create_table(MigLint *lint, const CreateStmt *create)
{
	const char *table = create->relation->relname;
	const MigLintRelation *old = mig_lint_find(lint, create->relation->schemaname, table);
	MigLintPending *pending;
	ListCell   *cell;

	if (create->relation->relpersistence == RELPERSISTENCE_TEMP ||
		(create->if_not_exists && old != NULL && old->kind != 0))
		return;
	foreach(cell, create->tableElts)
	{
		const Node *element = lfirst(cell);
		const Constraint *constraint = (const Constraint *) element;

		if (IsA(element, ColumnDef))
			check_column(lint, NULL, table, (ColumnDef *) element);
		else if (IsA(element, Constraint) &&
				 constraint->contype == CONSTR_PRIMARY &&
				 list_length(constraint->keys) == 1)
		{
			const ColumnDef *column = find_column(create,
												  strVal(linitial(constraint->keys)));
			MigLintType type;

			if (column == NULL)
				continue;
			mig_lint_type_read(column->typeName, &type);
			check_key_type(lint, NULL, table, column->colname, &type);
		}
	}
	/* One with columns from elsewhere may have a key from there. */
	if (create->inhRelations != NIL || create->ofTypename != NULL)
		return;
	foreach(cell, create->tableElts)
	{
		if (IsA(lfirst(cell), TableLikeClause))
			return;
	}
	pending = mig_lint_postpone(lint, &lint->of_all, MIG_RULE_NO_KEY, NULL);
	pending->schema = create->relation->schemaname == NULL ? NULL :
		MemoryContextStrdup(lint->context, create->relation->schemaname);
	pending->name = MemoryContextStrdup(lint->context, table);
}

static const ColumnDef *
find_column(const CreateStmt *create, const char *name)
{
	ListCell   *cell;

	foreach(cell, create->tableElts)
	{
		const ColumnDef *column = lfirst(cell);

		if (IsA(column, ColumnDef) && column->typeName != NULL &&
			strcmp(column->colname, name) == 0)
			return column;
	}
	return NULL;
}

/*
 * A later statement may have made the key.
 */
void
mig_lint_design_end(MigLint *lint)
{
	ListCell   *cell;

	foreach(cell, lint->of_all)
	{
		const MigLintPending *pending = lfirst(cell);
		MigLintRelation *relation;

		if (pending->rule != MIG_RULE_NO_KEY)
			continue;
		relation = mig_lint_find(lint, pending->schema, pending->name);
		if (relation != NULL && !mig_lint_has_key(lint, relation))
			mig_lint_add_pending(lint, pending, pending->name);
	}
}

static void
check_column(MigLint *lint, const MigLintRelation *relation, const char *table,
			 const ColumnDef *column)
{
	MigLintType type;
	ListCell   *cell;

	if (column->typeName == NULL)
		return;
	mig_lint_type_read(column->typeName, &type);
	check_type(lint, relation, table, column->colname, &type);
	if (mig_lint_type_is(&type, " serial serial4 bigserial serial8 smallserial serial2 "))
		mig_lint_add(lint, MIG_RULE_SERIAL, relation, column->colname, table);
	foreach(cell, column->constraints)
	{
		if (lfirst_node(Constraint, cell)->contype == CONSTR_PRIMARY)
			check_key_type(lint, relation, table, column->colname, &type);
	}
}

static void
check_type(MigLint *lint, const MigLintRelation *relation, const char *table,
		   const char *column, const MigLintType *type)
{
	static const struct
	{
		const char *types;
		MigLintRule rule;
	}			checks[] = {
		{" timestamp ", MIG_RULE_TIMESTAMP},
		{" bpchar ", MIG_RULE_CHAR},
		{" json ", MIG_RULE_JSON},
		{" money ", MIG_RULE_MONEY}
	};

	for (int i = 0; i < lengthof(checks); i++)
	{
		/* Without a length bpchar pads nothing; char(1) has nothing to pad. */
		if (checks[i].rule == MIG_RULE_CHAR &&
			(type->nmods == 0 || type->mods[0] == 1))
			continue;
		if (mig_lint_type_is(type, checks[i].types))
			mig_lint_add(lint, checks[i].rule, relation, column, table);
	}
}

static void
check_key_type(MigLint *lint, const MigLintRelation *relation,
			   const char *table, const char *column, const MigLintType *type)
{
	if (mig_lint_type_is(type, " int4 serial serial4 "))
		mig_lint_add(lint, MIG_RULE_SMALL_KEY, relation, column, table,
					 "2,147,483,647");
	else if (mig_lint_type_is(type, " int2 smallserial serial2 "))
		mig_lint_add(lint, MIG_RULE_SMALL_KEY, relation, column, table, "32,767");
}

static void
create_domain(MigLint *lint, const CreateDomainStmt *create)
{
	ListCell   *cell;

	foreach(cell, create->constraints)
	{
		if (lfirst_node(Constraint, cell)->contype == CONSTR_CHECK)
			mig_lint_add(lint, MIG_RULE_DOMAIN_CONSTRAINT, NULL,
						 strVal(llast(create->domainname)));
	}
}
