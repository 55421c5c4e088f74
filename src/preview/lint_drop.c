/*
 * lint_drop.c
 *	  Rules for what other objects and the application still use.
 */
#include "postgres.h"

#include "catalog/pg_class_d.h"

#include "preview/preview_internal.h"

static bool drops_relations(const DropStmt *drop);
static void note_together(MigLint *lint, const DropStmt *drop);
static void drop_relation(MigLint *lint, const DropStmt *drop, List *names);
static void drop_object(MigLint *lint, const DropStmt *drop, Node *object);
static void drop_column(MigLint *lint, MigLintRelation *relation,
						const AlterTableCmd *command);
static void drop_constraint(MigLint *lint, MigLintRelation *relation,
							const AlterTableCmd *command);
static void check_dependents(MigLint *lint, MigLintRelation *relation,
							 const char *column, bool cascade);
static void check_functions(MigLint *lint, MigLintRelation *relation,
							const char *column);
static void rename_object(MigLint *lint, const RenameStmt *rename);
static void rename_relation(MigLint *lint, MigLintRelation *relation);
static void disable_trigger(MigLint *lint, MigLintRelation *relation,
							const char *name);
static void enable_trigger(MigLint *lint, const MigLintRelation *relation,
						   const char *name);

void
mig_lint_drop_command(MigLint *lint, MigLintRelation *relation,
					  const AlterTableCmd *command)
{
	if (!mig_lint_in_use(lint, relation))
		return;
	switch (command->subtype)
	{
		case AT_DropColumn:
			drop_column(lint, relation, command);
			break;
		case AT_DropConstraint:
			drop_constraint(lint, relation, command);
			break;
		case AT_DisableTrig:
			disable_trigger(lint, relation, command->name);
			break;
		case AT_DisableTrigAll:
		case AT_DisableTrigUser:
			disable_trigger(lint, relation, NULL);
			break;
		case AT_EnableTrig:
		case AT_EnableAlwaysTrig:
		case AT_EnableReplicaTrig:
			enable_trigger(lint, relation, command->name);
			break;
		case AT_EnableTrigAll:
		case AT_EnableTrigUser:
			enable_trigger(lint, relation, NULL);
			break;
		default:
			break;
	}
}

void
mig_lint_drop_statement(MigLint *lint, Node *node)
{
	ListCell   *cell;

	switch (nodeTag(node))
	{
		case T_DropStmt:
			note_together(lint, (DropStmt *) node);
			foreach(cell, ((DropStmt *) node)->objects)
			{
				if (drops_relations((DropStmt *) node))
					drop_relation(lint, (DropStmt *) node, lfirst(cell));
				else
					drop_object(lint, (DropStmt *) node, lfirst(cell));
			}
			break;
		case T_DropdbStmt:
			mig_lint_add(lint, MIG_RULE_DROP_DATABASE, NULL,
						 ((DropdbStmt *) node)->dbname);
			break;
		case T_RenameStmt:
			rename_object(lint, (RenameStmt *) node);
			break;
		case T_AlterObjectSchemaStmt:
			if (((AlterObjectSchemaStmt *) node)->relation != NULL &&
				((AlterObjectSchemaStmt *) node)->objectType != OBJECT_SEQUENCE)
				rename_relation(lint,
								mig_lint_range(lint, ((AlterObjectSchemaStmt *) node)->relation));
			break;
		default:
			break;
	}
}

static bool
drops_relations(const DropStmt *drop)
{
	switch (drop->removeType)
	{
		case OBJECT_TABLE:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_SEQUENCE:
		case OBJECT_INDEX:
			return true;
		default:
			return false;
	}
}

/*
 * Objects that are dropped by one statement may depend on each other.
 */
static void
note_together(MigLint *lint, const DropStmt *drop)
{
	MemoryContext old_context = MemoryContextSwitchTo(lint->context);
	ListCell   *cell;

	foreach(cell, list_length(drop->objects) < 2 ? NIL : drop->objects)
	{
		if (drops_relations(drop))
			lint->gone = lappend(lint->gone,
								 psprintf("%u", mig_lint_names(lint, lfirst(cell))->oid));
		else
			mig_lint_drop_object(lint, drop->removeType, lfirst(cell));
	}
	MemoryContextSwitchTo(old_context);
}

/*
 * A view holds no rows, and is often made anew.
 */
static void
drop_relation(MigLint *lint, const DropStmt *drop, List *names)
{
	MigLintRelation *relation = mig_lint_names(lint, names);
	MigLintPending *pending;

	if (!mig_lint_in_use(lint, relation))
		return;
	if (drop->removeType == OBJECT_TABLE || drop->removeType == OBJECT_FOREIGN_TABLE)
	{
		mig_lint_add(lint, MIG_RULE_DROP_TABLE, relation, relation->name);
		check_functions(lint, relation, NULL);
	}
	else if (drop->removeType == OBJECT_VIEW || drop->removeType == OBJECT_MATVIEW)
	{
		pending = mig_lint_postpone(lint, &lint->of_revision,
									MIG_RULE_DROP_VIEW, relation);
		pending->schema = relation->schema;
		pending->name = relation->name;
	}
	check_dependents(lint, relation, NULL, drop->behavior == DROP_CASCADE);
}

/*
 * What is no relation.
 */
static void
drop_object(MigLint *lint, const DropStmt *drop, Node *object)
{
	const char *catalog;
	const char *schema = NULL;
	const char *name;
	List	   *names = NIL;
	List	   *made = NIL;
	int			nargs = -1;
	char	   *found;
	char	   *dependents;

	switch (drop->removeType)
	{
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			catalog = "pg_type";
			names = castNode(TypeName, object)->names;
			made = lint->types;
			break;
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
			catalog = "pg_proc";
			names = castNode(ObjectWithArgs, object)->objname;
			made = lint->functions;
			if (!castNode(ObjectWithArgs, object)->args_unspecified)
				nargs = list_length(castNode(ObjectWithArgs, object)->objargs);
			break;
		case OBJECT_SCHEMA:
			catalog = "pg_namespace";
			names = list_make1(object);
			made = lint->schemas;
			break;
		case OBJECT_EXTENSION:
			catalog = "pg_extension";
			names = list_make1(object);
			break;
		default:
			return;
	}
	name = strVal(llast(names));
	if (list_length(names) > 1)
		schema = strVal(list_nth(names, list_length(names) - 2));
	if (mig_lint_find_made(made, name) != NULL)
		return;
	found = mig_lint_depend_object(lint, catalog, schema, name, nargs);
	dependents = mig_lint_depend_names(lint, found, false);
	if (drop->behavior != DROP_CASCADE)
	{
		if (dependents != NULL)
			mig_lint_add(lint, MIG_RULE_DEPENDENTS, NULL, name, dependents);
		return;
	}
	if (found != NULL ? dependents == NULL : lint->unknown_is_new)
		return;
	if (drop->removeType == OBJECT_SCHEMA)
		mig_lint_add(lint, MIG_RULE_DROP_SCHEMA, NULL, name);
	else
		mig_lint_add(lint, MIG_RULE_CASCADE, NULL, name,
					 dependents != NULL ? dependents : "what depends on it");
}

static void
drop_column(MigLint *lint, MigLintRelation *relation,
			const AlterTableCmd *command)
{
	if (mig_lint_column(lint, relation, command->name) == NULL &&
		relation->oid != InvalidOid)
		return;
	mig_lint_add(lint, MIG_RULE_DROP_COLUMN, relation, command->name,
				 relation->name);
	check_functions(lint, relation, command->name);
	check_dependents(lint, relation, command->name,
					 command->behavior == DROP_CASCADE);
}

static void
drop_constraint(MigLint *lint, MigLintRelation *relation,
				const AlterTableCmd *command)
{
	const MigLintConstraint *constraint;
	char	   *dependents = mig_lint_depend_names(lint,
												   mig_lint_depend_constraint(lint, relation,
																			  command->name),
												   false);

	if (command->behavior != DROP_CASCADE)
	{
		if (dependents != NULL)
			mig_lint_add(lint, MIG_RULE_DEPENDENTS, relation, command->name,
						 dependents);
		return;
	}
	constraint = mig_lint_constraint(lint, relation, command->name);
	if (constraint != NULL && strchr("pu", constraint->type) == NULL)
		return;
	if (dependents != NULL || !lint->live)
		mig_lint_add(lint, MIG_RULE_CASCADE, relation, command->name,
					 dependents != NULL ? dependents :
					 "the foreign keys that refer to it");
}

/*
 * Without CASCADE it fails for them, unless the plan has dropped them before.
 */
static void
check_dependents(MigLint *lint, MigLintRelation *relation, const char *column,
				 bool cascade)
{
	const char *name = column != NULL ? column : relation->name;
	char	   *dependents = mig_lint_depend_names(lint,
												   mig_lint_depend_relation(lint, relation,
																			column),
												   false);

	if (cascade && (dependents != NULL || relation->oid == InvalidOid))
		mig_lint_add(lint, MIG_RULE_CASCADE, relation, name,
					 dependents != NULL ? dependents : "what depends on it");
	else if (!cascade && dependents != NULL)
		mig_lint_add(lint, MIG_RULE_DEPENDENTS, relation, name, dependents);
}

/*
 * The server does not know what stands in the text of a function.  The revision
 * may still replace them.
 */
static void
check_functions(MigLint *lint, MigLintRelation *relation, const char *column)
{
	MigLintPending *pending;

	if (relation->oid == InvalidOid)
		return;
	pending = mig_lint_postpone(lint, &lint->of_revision,
								MIG_RULE_FUNCTION_TEXT, relation);
	pending->name = MemoryContextStrdup(lint->context, relation->name);
	pending->other = column == NULL ? NULL :
		MemoryContextStrdup(lint->context, column);
}

static void
rename_object(MigLint *lint, const RenameStmt *rename)
{
	MigLintRelation *relation;

	switch (rename->renameType)
	{
		case OBJECT_TABLE:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
			rename_relation(lint, mig_lint_range(lint, rename->relation));
			break;
		case OBJECT_COLUMN:
			relation = mig_lint_range(lint, rename->relation);
			if (!mig_lint_in_use(lint, relation))
				return;
			mig_lint_add(lint, MIG_RULE_RENAME_COLUMN, relation,
						 rename->subname, relation->name);
			check_functions(lint, relation, rename->subname);
			break;
		case OBJECT_SCHEMA:
			if (mig_lint_find_made(lint->schemas, rename->subname) == NULL)
				mig_lint_add(lint, MIG_RULE_RENAME_SCHEMA, NULL, rename->subname);
			break;
		default:
			break;
	}
}

/*
 * Another relation may get the old name in the same transaction.
 */
static void
rename_relation(MigLint *lint, MigLintRelation *relation)
{
	MigLintPending *pending;

	if (!mig_lint_in_use(lint, relation) || relation->kind == RELKIND_INDEX ||
		relation->kind == RELKIND_SEQUENCE)
		return;
	pending = mig_lint_postpone(lint, &lint->of_transaction,
								MIG_RULE_RENAME_TABLE, relation);
	pending->schema = relation->schema;
	pending->name = relation->name;
	check_functions(lint, relation, NULL);
}

void
mig_lint_drop_end_transaction(MigLint *lint)
{
	ListCell   *cell;

	foreach(cell, lint->of_transaction)
	{
		const MigLintPending *pending = lfirst(cell);

		if (pending->rule == MIG_RULE_RENAME_TABLE &&
			mig_lint_find(lint, pending->schema, pending->name) == NULL)
			mig_lint_add_pending(lint, pending, pending->name);
	}
}

/*
 * name: NULL: all, or all of users.
 */
static void
disable_trigger(MigLint *lint, MigLintRelation *relation, const char *name)
{
	MigLintPending *pending = mig_lint_postpone(lint, &lint->of_revision,
												MIG_RULE_DISABLE_TRIGGER,
												relation);

	pending->name = name == NULL ? NULL :
		MemoryContextStrdup(lint->context, name);
}

static void
enable_trigger(MigLint *lint, const MigLintRelation *relation, const char *name)
{
	ListCell   *cell;

	foreach(cell, lint->of_revision)
	{
		const MigLintPending *pending = lfirst(cell);

		if (pending->rule == MIG_RULE_DISABLE_TRIGGER &&
			pending->relation == relation &&
			(name == NULL ||
			 (pending->name != NULL && strcmp(pending->name, name) == 0)))
			lint->of_revision = foreach_delete_current(lint->of_revision, cell);
	}
}

void
mig_lint_drop_end_revision(MigLint *lint)
{
	ListCell   *cell;

	foreach(cell, lint->of_revision)
	{
		const MigLintPending *pending = lfirst(cell);

		char	   *functions;

		if (pending->rule == MIG_RULE_DISABLE_TRIGGER)
			mig_lint_add_pending(lint, pending, pending->relation->name);
		if (pending->rule == MIG_RULE_DROP_VIEW &&
			mig_lint_find(lint, pending->schema, pending->name) == NULL)
			mig_lint_add_pending(lint, pending, pending->name);
		if (pending->rule != MIG_RULE_FUNCTION_TEXT)
			continue;
		functions = mig_lint_catalog_functions(lint, pending->name, pending->other);
		if (functions != NULL)
			mig_lint_add_pending(lint, pending, pending->other != NULL ?
								 pending->other : pending->name, functions);
	}
}
