/*
 * lint_constraint.c
 *	  Rules for constraints.
 */
#include "postgres.h"

#include "catalog/pg_class_d.h"

#include "base/guc.h"
#include "preview/preview_internal.h"

/* Of AlterDomainStmt. */
#define DOMAIN_ADD			'C'
#define DOMAIN_NOT_NULL		'O'

static void add_constraint(MigLint *lint, MigLintRelation *relation,
						   const Constraint *constraint);
static void add_to_column(MigLint *lint, MigLintRelation *relation,
						  const ColumnDef *column);
static void validate(MigLint *lint, MigLintRelation *relation,
					 const char *name);
static void drop_constraint(MigLint *lint, MigLintRelation *relation,
							const AlterTableCmd *command);
static void attach(MigLint *lint, const MigLintRelation *parent,
				   const PartitionCmd *partition);
static void check_bounds(MigLint *lint, MigLintRelation *partition);
static void check_default(MigLint *lint, const MigLintRelation *parent);
static void create_table(MigLint *lint, const CreateStmt *create);
static void note_foreign_key(MigLint *lint, MigLintRelation *relation,
							 const Constraint *constraint, const char *column);
static bool has_foreign_key(const MigLintRelation *relation,
							const List *columns);
static void alter_domain(MigLint *lint, const AlterDomainStmt *alter);
static bool is_used_by_large_table(MigLint *lint, List *type);
static char *joined(const List *names);

void
mig_lint_constraint_command(MigLint *lint, MigLintRelation *relation,
							const AlterTableCmd *command)
{
	switch (command->subtype)
	{
		case AT_AddConstraint:
			add_constraint(lint, relation, castNode(Constraint, command->def));
			break;
		case AT_AddColumn:
			add_to_column(lint, relation, castNode(ColumnDef, command->def));
			break;
		case AT_ValidateConstraint:
			validate(lint, relation, command->name);
			break;
		case AT_DropConstraint:
			drop_constraint(lint, relation, command);
			break;
		case AT_AttachPartition:
			attach(lint, relation, castNode(PartitionCmd, command->def));
			break;
		case AT_DetachPartition:
			if (!castNode(PartitionCmd, command->def)->concurrent &&
				mig_lint_in_use(lint, relation))
				mig_lint_add(lint, MIG_RULE_DETACH, relation, relation->name);
			break;
		default:
			break;
	}
}

static void
add_constraint(MigLint *lint, MigLintRelation *relation,
			   const Constraint *constraint)
{
	bool		large = mig_lint_is_large(lint, relation);

	if (constraint->contype == CONSTR_FOREIGN)
		note_foreign_key(lint, relation, constraint, NULL);
	if (constraint->conname == NULL && constraint->indexname == NULL &&
		mig_lint_in_use(lint, relation))
		mig_lint_add(lint, MIG_RULE_UNNAMED, relation, relation->name);
	if (!large)
		return;
	switch (constraint->contype)
	{
		case CONSTR_CHECK:
			if (!constraint->skip_validation)
				mig_lint_add(lint, MIG_RULE_ADD_CHECK, relation, relation->name);
			break;
		case CONSTR_FOREIGN:
			if (!constraint->skip_validation)
				mig_lint_add(lint, MIG_RULE_ADD_FOREIGN_KEY, relation,
							 relation->name, constraint->pktable->relname);
			break;
		case CONSTR_PRIMARY:
		case CONSTR_UNIQUE:
			if (constraint->indexname == NULL)
				mig_lint_add(lint, MIG_RULE_ADD_UNIQUE, relation, relation->name);
			break;
		case CONSTR_EXCLUSION:
			mig_lint_add(lint, MIG_RULE_ADD_EXCLUSION, relation, relation->name);
			break;
		case CONSTR_NOTNULL:
			if (!constraint->skip_validation && constraint->keys != NIL &&
				!mig_lint_is_not_null(lint, relation,
									  strVal(linitial(constraint->keys))))
				mig_lint_add(lint, MIG_RULE_SET_NOT_NULL, relation,
							 relation->name, strVal(linitial(constraint->keys)));
			break;
		default:
			break;
	}
}

/*
 * The constraints of a new column.  Without a default the server knows that a
 * foreign key holds, but reads the table for a CHECK.
 */
static void
add_to_column(MigLint *lint, MigLintRelation *relation, const ColumnDef *column)
{
	bool		has_default = false;
	ListCell   *cell;

	if (mig_lint_column(lint, relation, column->colname) != NULL)
		return;
	foreach(cell, column->constraints)
	{
		const Constraint *constraint = lfirst_node(Constraint, cell);

		has_default = has_default || constraint->contype == CONSTR_DEFAULT;
		if (constraint->contype == CONSTR_FOREIGN)
			note_foreign_key(lint, relation, constraint, column->colname);
	}
	if (!mig_lint_is_large(lint, relation))
		return;
	foreach(cell, column->constraints)
	{
		const Constraint *constraint = lfirst_node(Constraint, cell);

		if (constraint->contype == CONSTR_CHECK)
			mig_lint_add(lint, MIG_RULE_ADD_CHECK, relation, relation->name);
		else if (constraint->contype == CONSTR_FOREIGN && has_default)
			mig_lint_add(lint, MIG_RULE_ADD_FOREIGN_KEY, relation,
						 relation->name, constraint->pktable->relname);
		else if (constraint->contype == CONSTR_PRIMARY ||
				 constraint->contype == CONSTR_UNIQUE)
			mig_lint_add(lint, MIG_RULE_ADD_UNIQUE, relation, relation->name);
	}
}

/*
 * In the transaction that has added it, the lock of that is held meanwhile.
 */
static void
validate(MigLint *lint, MigLintRelation *relation, const char *name)
{
	const MigLintConstraint *constraint;

	if (!mig_lint_is_large(lint, relation))
		return;
	constraint = mig_lint_constraint(lint, relation, name);
	if (constraint != NULL && constraint->transaction == lint->transaction)
		mig_lint_add(lint, MIG_RULE_VALIDATE_EARLY, relation, relation->name,
					 psprintf("%d", constraint->line));
}

static void
drop_constraint(MigLint *lint, MigLintRelation *relation,
				const AlterTableCmd *command)
{
	const MigLintConstraint *constraint;

	if (!mig_lint_in_use(lint, relation))
		return;
	constraint = mig_lint_constraint(lint, relation, command->name);
	if (constraint != NULL && constraint->type == 'p')
		(void) mig_lint_postpone(lint, &lint->of_transaction,
								 MIG_RULE_DROP_PRIMARY_KEY, relation);
}

/*
 * The primary keys that no other one has replaced.
 */
void
mig_lint_constraint_end_transaction(MigLint *lint)
{
	ListCell   *cell;

	foreach(cell, lint->of_transaction)
	{
		const MigLintPending *pending = lfirst(cell);

		if (pending->rule == MIG_RULE_DROP_PRIMARY_KEY &&
			!pending->relation->is_gone &&
			!mig_lint_has_key(lint, pending->relation))
			mig_lint_add_pending(lint, pending, pending->relation->name);
	}
}

static void
attach(MigLint *lint, const MigLintRelation *parent,
	   const PartitionCmd *partition)
{
	MigLintRelation *child = mig_lint_range(lint, partition->name);

	if (child->kind == RELKIND_INDEX || child->kind == RELKIND_PARTITIONED_INDEX)
		return;
	check_bounds(lint, child);
	check_default(lint, parent);
}

/*
 * A valid CHECK may be about the bounds; whether it implies them only the server
 * can tell.
 */
static void
check_bounds(MigLint *lint, MigLintRelation *partition)
{
	ListCell   *cell;

	if (!mig_lint_is_large(lint, partition))
		return;
	mig_lint_catalog_load(lint, partition);
	foreach(cell, partition->constraints)
	{
		const MigLintConstraint *constraint = lfirst(cell);

		if (constraint->type == 'c' && constraint->valid)
			return;
	}
	mig_lint_add(lint, MIG_RULE_ATTACH, partition, partition->name);
}

/*
 * Of a table that gets a partition the default one is read for rows that belong
 * into that.
 */
static void
check_default(MigLint *lint, const MigLintRelation *parent)
{
	MigLintRelation *partition = mig_lint_catalog_default(lint, parent);

	if (partition != NULL)
		check_bounds(lint, partition);
}

void
mig_lint_constraint_statement(MigLint *lint, Node *node)
{
	if (IsA(node, AlterDomainStmt))
		alter_domain(lint, (AlterDomainStmt *) node);
	else if (IsA(node, CreateStmt))
		create_table(lint, (CreateStmt *) node);
}

static void
create_table(MigLint *lint, const CreateStmt *create)
{
	MigLintRelation *relation = NULL;
	ListCell   *cell;
	ListCell   *other;

	if (create->relation->relpersistence == RELPERSISTENCE_TEMP)
		return;
	if (create->partbound != NULL)
		check_default(lint, mig_lint_range(lint, linitial(create->inhRelations)));
	foreach(cell, create->tableElts)
	{
		const Node *element = lfirst(cell);

		if (IsA(element, ColumnDef))
		{
			foreach(other, ((ColumnDef *) element)->constraints)
			{
				const Constraint *constraint = lfirst_node(Constraint, other);

				if (constraint->contype == CONSTR_FOREIGN)
					note_foreign_key(lint, relation, constraint,
									 ((ColumnDef *) element)->colname);
			}
		}
		else if (IsA(element, Constraint) &&
				 ((Constraint *) element)->contype == CONSTR_FOREIGN)
			note_foreign_key(lint, relation, (Constraint *) element, NULL);
	}
}

/*
 * Whether an index helps it is known in the end.  relation: NULL: the one that
 * the statement makes.
 */
static void
note_foreign_key(MigLint *lint, MigLintRelation *relation,
				 const Constraint *constraint, const char *column)
{
	MigLintPending *pending = mig_lint_postpone(lint, &lint->of_all,
												MIG_RULE_FOREIGN_KEY_INDEX,
												relation);
	MemoryContext old_context = MemoryContextSwitchTo(lint->context);

	pending->columns = column != NULL ? list_make1(pstrdup(column)) :
		mig_lint_strings(constraint->fk_attrs);
	pending->other = pstrdup(constraint->pktable->relname);
	if (relation == NULL)
	{
		const RangeVar *range = ((CreateStmt *) lint->tree)->relation;

		pending->schema = range->schemaname == NULL ? NULL : pstrdup(range->schemaname);
		pending->name = pstrdup(range->relname);
	}
	MemoryContextSwitchTo(old_context);
}

/*
 * The foreign keys without an index.
 */
void
mig_lint_constraint_end(MigLint *lint)
{
	ListCell   *cell;

	foreach(cell, lint->of_all)
	{
		MigLintPending *pending = lfirst(cell);

		if (pending->rule != MIG_RULE_FOREIGN_KEY_INDEX)
			continue;
		if (pending->relation == NULL)
			pending->relation = mig_lint_find(lint, pending->schema, pending->name);
		if (pending->relation == NULL || pending->relation->is_gone ||
			!has_foreign_key(pending->relation, pending->columns) ||
			mig_lint_has_index(lint, pending->relation, pending->columns, false))
			continue;
		mig_lint_add_pending(lint, pending, pending->relation->name,
							 joined(pending->columns), pending->other);
	}
}

/*
 * Whether no later statement has dropped it.
 */
static bool
has_foreign_key(const MigLintRelation *relation, const List *columns)
{
	char	   *names = joined(columns);
	ListCell   *cell;

	foreach(cell, relation->constraints)
	{
		const MigLintConstraint *constraint = lfirst(cell);

		if (constraint->type == 'f' &&
			strcmp(joined(constraint->columns), names) == 0)
			return true;
	}
	return false;
}

static char *
joined(const List *names)
{
	StringInfoData buf;
	ListCell   *cell;

	initStringInfo(&buf);
	foreach(cell, names)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 (char *) lfirst(cell));
	return buf.data;
}

static void
alter_domain(MigLint *lint, const AlterDomainStmt *alter)
{
	bool		reads_all = alter->subtype == DOMAIN_NOT_NULL ||
	(alter->subtype == DOMAIN_ADD &&
	 !castNode(Constraint, alter->def)->skip_validation);

	if (reads_all && is_used_by_large_table(lint, alter->typeName))
		mig_lint_add(lint, MIG_RULE_DOMAIN_CHECK, NULL,
					 strVal(llast(alter->typeName)));
}

/*
 * By the catalogs, and by the tables that the statements so far have named.
 */
static bool
is_used_by_large_table(MigLint *lint, List *type)
{
	const char *name = strVal(llast(type));
	const char *full = list_length(type) < 2 ? name :
	psprintf("%s.%s", strVal(list_nth(type, list_length(type) - 2)), name);
	double		bytes = mig_lint_catalog_type_bytes(lint, full);
	HASH_SEQ_STATUS status;
	MigLintRelation *relation;
	bool		found = false;

	if (bytes > mig_guc_lint_small_table * 1024.0 ||
		(bytes >= 0 && mig_guc_lint_small_table < 0))
		return true;
	hash_seq_init(&status, lint->relations);
	while ((relation = mig_lint_next(&status)) != NULL)
	{
		ListCell   *cell;

		foreach(cell, relation->columns)
		{
			const MigLintType *column = &((MigLintColumn *) lfirst(cell))->type;
			const char *dot = strrchr(column->name, '.');

			if (strcmp(dot == NULL ? column->name : dot + 1, name) == 0 &&
				mig_lint_is_large(lint, relation))
				found = true;
		}
	}
	return found;
}
