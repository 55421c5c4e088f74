/*
 * lint_apply.c
 *	  What a statement changes in what lint knows.
 *
 * Called after the rules have looked at a statement, so that these find what was
 * there before it.  All that is kept is copied: the parse trees end with their
 * revision.
 */
#include "postgres.h"

#include "catalog/pg_class_d.h"

#include "preview/preview_internal.h"

static void apply(MigLint *lint, Node *node);
static void create_table(MigLint *lint, const CreateStmt *create, char kind);
static void create_view(MigLint *lint, const ViewStmt *create);
static void move_relation(MigLint *lint, const AlterObjectSchemaStmt *alter);
static void replace_part(MigLint *lint, Node *node);
static void create_as(MigLint *lint, const CreateTableAsStmt *create);
static void copy_columns(MigLint *lint, MigLintRelation *relation,
						 const RangeVar *source);
static void drop(MigLint *lint, const DropStmt *drop);
static void rename_object(MigLint *lint, const RenameStmt *rename);
static void set_variable(MigLint *lint, const VariableSetStmt *set);
static void note_made(MigLint *lint, List **made, const char *name,
					  bool is_volatile);
static bool is_volatile(const CreateFunctionStmt *create);

/*
 * Of ALTER TABLE only what is not a subcommand.
 */
void
mig_lint_apply(MigLint *lint, Node *node)
{
	MemoryContext old_context = MemoryContextSwitchTo(lint->context);

	apply(lint, node);
	MemoryContextSwitchTo(old_context);
}

static void
apply(MigLint *lint, Node *node)
{
	ListCell   *cell;

	switch (nodeTag(node))
	{
		case T_CreateStmt:
			create_table(lint, (CreateStmt *) node,
						 ((CreateStmt *) node)->partspec != NULL ?
						 RELKIND_PARTITIONED_TABLE : RELKIND_RELATION);
			break;
		case T_CreateForeignTableStmt:
			create_table(lint, &((CreateForeignTableStmt *) node)->base,
						 RELKIND_FOREIGN_TABLE);
			break;
		case T_CreateTableAsStmt:
			create_as(lint, (CreateTableAsStmt *) node);
			break;
		case T_SelectStmt:
			if (((SelectStmt *) node)->intoClause != NULL)
				mig_lint_create(lint, ((SelectStmt *) node)->intoClause->rel,
								RELKIND_RELATION)->partial_knowledge = true;
			break;
		case T_ViewStmt:
			create_view(lint, (ViewStmt *) node);
			break;
		case T_CreateSeqStmt:
			if (!((CreateSeqStmt *) node)->if_not_exists)
				mig_lint_create(lint, ((CreateSeqStmt *) node)->sequence,
								RELKIND_SEQUENCE);
			break;
		case T_IndexStmt:
			mig_lint_create_index(lint, (IndexStmt *) node);
			break;
		case T_CreateSchemaStmt:
			if (((CreateSchemaStmt *) node)->schemaname != NULL)
				note_made(lint, &lint->schemas,
						  ((CreateSchemaStmt *) node)->schemaname, false);
			foreach(cell, ((CreateSchemaStmt *) node)->schemaElts)
				apply(lint, lfirst(cell));
			break;
		case T_CreateFunctionStmt:
			note_made(lint, &lint->functions,
					  strVal(llast(((CreateFunctionStmt *) node)->funcname)),
					  is_volatile((CreateFunctionStmt *) node));
			break;
		case T_CreateEnumStmt:
			note_made(lint, &lint->types,
					  strVal(llast(((CreateEnumStmt *) node)->typeName)), false);
			break;
		case T_CreateDomainStmt:
			note_made(lint, &lint->types,
					  strVal(llast(((CreateDomainStmt *) node)->domainname)), false);
			break;
		case T_CompositeTypeStmt:
			note_made(lint, &lint->types,
					  ((CompositeTypeStmt *) node)->typevar->relname, false);
			break;
		case T_DropStmt:
			drop(lint, (DropStmt *) node);
			break;
		case T_RenameStmt:
			rename_object(lint, (RenameStmt *) node);
			break;
		case T_AlterObjectSchemaStmt:
			{
				AlterObjectSchemaStmt *alter = (AlterObjectSchemaStmt *) node;

				if (alter->relation != NULL)
					move_relation(lint, alter);
				else
					mig_lint_drop_object(lint, alter->objectType, alter->object);
				break;
			}
		case T_TruncateStmt:
			foreach(cell, ((TruncateStmt *) node)->relations)
				mig_lint_range(lint, lfirst(cell))->is_emptied = true;
			break;
		case T_DeleteStmt:
			if (((DeleteStmt *) node)->whereClause == NULL)
				mig_lint_range(lint, ((DeleteStmt *) node)->relation)->is_emptied = true;
			break;
		case T_InsertStmt:
			mig_lint_range(lint, ((InsertStmt *) node)->relation)->is_emptied = false;
			break;
		case T_VariableSetStmt:
			set_variable(lint, (VariableSetStmt *) node);
			break;
		default:
			replace_part(lint, node);
			break;
	}
}

/*
 * What uses other objects than before from here on, as if it was dropped.
 */
static void
replace_part(MigLint *lint, Node *node)
{
	switch (nodeTag(node))
	{
		case T_CreateTrigStmt:
			mig_lint_drop_part(lint, mig_lint_range(lint, ((CreateTrigStmt *) node)->relation),
							   ((CreateTrigStmt *) node)->trigname);
			break;
		case T_RuleStmt:
			mig_lint_drop_part(lint, mig_lint_range(lint, ((RuleStmt *) node)->relation),
							   ((RuleStmt *) node)->rulename);
			break;
		case T_AlterPolicyStmt:
			mig_lint_drop_part(lint, mig_lint_range(lint, ((AlterPolicyStmt *) node)->table),
							   ((AlterPolicyStmt *) node)->policy_name);
			break;
		case T_AlterPublicationStmt:
			mig_lint_drop_name(lint, NULL, ((AlterPublicationStmt *) node)->pubname);
			break;
		case T_AlterDomainStmt:
			mig_lint_drop_name(lint, "pg_type",
							   strVal(llast(((AlterDomainStmt *) node)->typeName)));
			if (((AlterDomainStmt *) node)->name != NULL)
				mig_lint_drop_name(lint, NULL, ((AlterDomainStmt *) node)->name);
			break;
		default:
			break;
	}
}

/*
 * One that is replaced may use other objects from here on.
 */
static void
create_view(MigLint *lint, const ViewStmt *create)
{
	const MigLintRelation *old = mig_lint_find(lint, create->view->schemaname,
											   create->view->relname);

	if (old == NULL)
		mig_lint_create(lint, create->view, RELKIND_VIEW);
	else if (old->oid != InvalidOid)
		lint->gone = lappend(lint->gone, psprintf("%u", old->oid));
}

/*
 * It does not hold up a DROP of its old schema.
 */
static void
move_relation(MigLint *lint, const AlterObjectSchemaStmt *alter)
{
	MigLintRelation *relation = mig_lint_range(lint, alter->relation);

	if (relation->oid != InvalidOid)
		lint->gone = lappend(lint->gone, psprintf("%u", relation->oid));
	mig_lint_move(lint, relation, alter->newschema, alter->relation->relname);
}

/*
 * An object that is neither a relation nor a part of one is there no longer.
 */
void
mig_lint_drop_object(MigLint *lint, ObjectType type, Node *object)
{
	const char *catalog = NULL;
	Node	   *name = object;

	switch (type)
	{
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
		case OBJECT_AGGREGATE:
			catalog = "pg_proc";
			break;
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			catalog = "pg_type";
			break;
		case OBJECT_CAST:
		case OBJECT_TRANSFORM:
			/* They have no name: any may be it. */
			name = (Node *) makeString("cast");
			break;
		default:
			break;
	}
	if (IsA(name, ObjectWithArgs))
		name = llast(((ObjectWithArgs *) name)->objname);
	else if (IsA(name, TypeName))
		name = llast(((TypeName *) name)->names);
	else if (IsA(name, List))
		name = llast((List *) name);
	if (IsA(name, String))
		mig_lint_drop_name(lint, catalog, strVal(name));
}

static void
create_table(MigLint *lint, const CreateStmt *create, char kind)
{
	MigLintRelation *relation;
	MigLintRelation *old = mig_lint_find(lint, create->relation->schemaname,
										 create->relation->relname);
	ListCell   *cell;

	/* One that is not known may be made by it. */
	if (create->if_not_exists && old != NULL && old->kind != 0)
		return;
	relation = mig_lint_create(lint, create->relation, kind);
	relation->partial_knowledge = create->ofTypename != NULL;
	foreach(cell, create->inhRelations)
		copy_columns(lint, relation, lfirst(cell));
	foreach(cell, create->tableElts)
	{
		Node	   *element = lfirst(cell);

		if (IsA(element, ColumnDef))
			mig_lint_add_column(lint, relation, (ColumnDef *) element);
		else if (IsA(element, Constraint))
			mig_lint_add_constraint(lint, relation, (Constraint *) element, NULL);
		else if (IsA(element, TableLikeClause))
			copy_columns(lint, relation, ((TableLikeClause *) element)->relation);
	}
	foreach(cell, create->constraints)
		mig_lint_add_constraint(lint, relation, lfirst(cell), NULL);
}

static void
copy_columns(MigLint *lint, MigLintRelation *relation, const RangeVar *source)
{
	MigLintRelation *other = mig_lint_range(lint, source);
	ListCell   *cell;

	mig_lint_catalog_load(lint, other);
	relation->partial_knowledge = relation->partial_knowledge || other->partial_knowledge;
	foreach(cell, other->columns)
	{
		MigLintColumn *column = palloc(sizeof(MigLintColumn));

		memcpy(column, lfirst(cell), sizeof(MigLintColumn));
		relation->columns = lappend(relation->columns, column);
	}
}

static void
create_as(MigLint *lint, const CreateTableAsStmt *create)
{
	if (create->if_not_exists &&
		mig_lint_find(lint, create->into->rel->schemaname,
					  create->into->rel->relname) != NULL)
		return;
	mig_lint_create(lint, create->into->rel,
					create->objtype == OBJECT_MATVIEW ? RELKIND_MATVIEW :
					RELKIND_RELATION)->partial_knowledge = true;
}

static void
drop(MigLint *lint, const DropStmt *drop)
{
	ListCell   *cell;
	ListCell   *other;

	foreach(cell, drop->objects)
	{
		MigLintRelation *relation;

		switch (drop->removeType)
		{
			case OBJECT_TABLE:
			case OBJECT_VIEW:
			case OBJECT_MATVIEW:
			case OBJECT_FOREIGN_TABLE:
			case OBJECT_SEQUENCE:
				mig_lint_drop(lint, mig_lint_names(lint, lfirst(cell)));
				break;
			case OBJECT_INDEX:
				relation = mig_lint_names(lint, lfirst(cell));
				relation->is_gone = true;
				if (relation->table == NULL)
					break;
				foreach(other, relation->table->indexes)
				{
					const MigLintIndex *index = lfirst(other);

					if (index->name != NULL && strcmp(index->name, relation->name) == 0)
						relation->table->indexes =
							foreach_delete_current(relation->table->indexes, other);
				}
				break;
			case OBJECT_POLICY:
			case OBJECT_RULE:
			case OBJECT_TRIGGER:
				mig_lint_drop_part(lint,
								   mig_lint_names(lint, list_copy_head(lfirst(cell),
																	   list_length(lfirst(cell)) - 1)),
								   strVal(llast((List *) lfirst(cell))));
				break;
			default:
				mig_lint_drop_object(lint, drop->removeType, lfirst(cell));
				break;
		}
	}
}

static void
rename_object(MigLint *lint, const RenameStmt *rename)
{
	MigLintRelation *relation;
	MigLintConstraint *constraint;

	if (rename->relation == NULL)
		return;
	relation = mig_lint_range(lint, rename->relation);
	/* Under its new name the catalogs do not know it. */
	if (rename->subname != NULL)
		mig_lint_drop_part(lint, relation, rename->subname);
	switch (rename->renameType)
	{
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_SEQUENCE:
		case OBJECT_INDEX:
			mig_lint_move(lint, relation, relation->schema, rename->newname);
			break;
		case OBJECT_COLUMN:
			mig_lint_rename_column(lint, relation, rename->subname,
								   rename->newname);
			break;
		case OBJECT_TABCONSTRAINT:
			constraint = mig_lint_constraint(lint, relation, rename->subname);
			if (constraint != NULL)
				constraint->name = pstrdup(rename->newname);
			break;
		default:
			break;
	}
}

/*
 * What decides which relation a name means, and which times are the same.
 */
static void
set_variable(MigLint *lint, const VariableSetStmt *set)
{
	bool		is_path = set->name != NULL && strcmp(set->name, "search_path") == 0;
	bool		is_zone = set->name != NULL && pg_strcasecmp(set->name, "timezone") == 0;
	List	   *names = NIL;
	ListCell   *cell;

	if (set->kind != VAR_SET_VALUE)
	{
		if (is_path || set->kind == VAR_RESET_ALL)
			lint->path = lint->session_path;
		if (is_zone || set->kind == VAR_RESET_ALL)
			lint->is_utc = lint->session_is_utc;
		return;
	}
	if (is_path)
	{
		foreach(cell, set->args)
		{
			A_Const    *name = lfirst(cell);

			if (IsA(name, A_Const) && !name->isnull && IsA(&name->val, String))
				names = lappend(names, strVal(&name->val));
		}
		mig_lint_set_path(lint, names);
	}
	else if (is_zone)
		lint->is_utc = mig_lint_is_utc(linitial(set->args));
}

static void
note_made(MigLint *lint, List **made, const char *name, bool is_volatile)
{
	MigLintMade *one = palloc0(sizeof(MigLintMade));

	one->name = pstrdup(name);
	one->created_in = lint->number;
	one->transaction = lint->transaction;
	one->is_volatile = is_volatile;
	*made = lcons(one, *made);
}

static bool
is_volatile(const CreateFunctionStmt *create)
{
	ListCell   *cell;

	foreach(cell, create->options)
	{
		const DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "volatility") == 0)
			return strcmp(strVal(option->arg), "volatile") == 0;
	}
	return true;
}
