/*
 * statement_effect.c
 *	  Derives from a statement the effect that the catalogs would show.
 *
 * After a crash it is unknown whether a nontransactional statement has taken
 * effect.  Its parse tree says what to look up.  A statement that does several
 * things at once does all or none of them, so the first one is enough.
 *
 * Must not read the catalogs.  The effect of a statement that is not listed is
 * unknown: to assume that it has taken effect, or to run it twice, is only
 * right where we know what it does.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "script/script_internal.h"

/* As in pg_class, whose header is not for this layer. */
#define TEMPORARY				't'
#define TABLE					"r"
#define FOREIGN_TABLE			"f"
#define SEQUENCE				"S"
#define VIEW					"v"
#define MATERIALIZED_VIEW		"m"
#define PARTITIONED_TABLE		"p"

static void of_node(Node *node, MigEffect *effect);
static void created(MigEffect *effect, bool tolerant);
static void made(MigEffect *effect, const char *relkind, bool tolerant);
static void of_table(const CreateStmt *create, const char *relkind,
					 MigEffect *effect);
static void dropped(MigEffect *effect, bool tolerant);
static void of_relation(const RangeVar *relation, MigEffectKind kind,
						MigEffect *effect);
static void of_names(List *names, MigEffectKind kind, MigEffect *effect);
static void of_name(const char *name, MigEffectKind kind, MigEffect *effect);
static void of_index(const IndexStmt *index, MigEffect *effect);
static void of_function(const CreateFunctionStmt *create, MigEffect *effect);
static void of_alter_table(const AlterTableStmt *alter, MigEffect *effect);
static const char *type_name(const TypeName *type);
static const char *constraint_type(const Constraint *constraint);
static void of_alter_enum(const AlterEnumStmt *alter, MigEffect *effect);
static void of_alter_database(const AlterDatabaseStmt *alter,
							  MigEffect *effect);
static void of_create_database(const CreatedbStmt *create, MigEffect *effect);
static void of_alter_subscription(const AlterSubscriptionStmt *alter,
								  MigEffect *effect);
static List *strings(List *values);
static void of_reindex(const ReindexStmt *reindex, MigEffect *effect);
static void of_rename(const RenameStmt *rename, MigEffect *effect);
static void of_drop(const DropStmt *drop, MigEffect *effect);
static void of_drop_function(const ObjectWithArgs *function,
							 MigEffect *effect);

/*
 * The effect of a statement that the parser accepts; its strings are in the
 * current memory context.
 */
void
mig_statement_effect(const char *statement, MigEffect *effect)
{
	List	   *parsed = mig_script_parse(statement);

	memset(effect, 0, sizeof(*effect));
	effect->kind = MIG_EFFECT_UNKNOWN;
	if (list_length(parsed) == 1)
		of_node(linitial_node(RawStmt, parsed)->stmt, effect);
}

static void
of_node(Node *node, MigEffect *effect)
{
	switch (nodeTag(node))
	{
			/* Create */
		case T_CreateStmt:
			of_table((CreateStmt *) node,
					 ((CreateStmt *) node)->partspec != NULL ?
					 PARTITIONED_TABLE : TABLE, effect);
			break;
		case T_CreateForeignTableStmt:
			of_table(&((CreateForeignTableStmt *) node)->base, FOREIGN_TABLE,
					 effect);
			break;
		case T_CreateTableAsStmt:
			of_relation(((CreateTableAsStmt *) node)->into->rel,
						MIG_EFFECT_RELATION, effect);
			made(effect, ((CreateTableAsStmt *) node)->objtype == OBJECT_MATVIEW ?
				 MATERIALIZED_VIEW : TABLE,
				 ((CreateTableAsStmt *) node)->if_not_exists);
			break;
		case T_CreateSeqStmt:
			of_relation(((CreateSeqStmt *) node)->sequence,
						MIG_EFFECT_RELATION, effect);
			made(effect, SEQUENCE, ((CreateSeqStmt *) node)->if_not_exists);
			break;
		case T_ViewStmt:
			of_relation(((ViewStmt *) node)->view,
						MIG_EFFECT_RELATION, effect);
			made(effect, VIEW, ((ViewStmt *) node)->replace);
			break;
		case T_CompositeTypeStmt:
			of_relation(((CompositeTypeStmt *) node)->typevar,
						MIG_EFFECT_TYPE, effect);
			created(effect, false);
			break;
		case T_CreateEnumStmt:
			of_names(((CreateEnumStmt *) node)->typeName,
					 MIG_EFFECT_TYPE, effect);
			created(effect, false);
			break;
		case T_CreateRangeStmt:
			of_names(((CreateRangeStmt *) node)->typeName,
					 MIG_EFFECT_TYPE, effect);
			created(effect, false);
			break;
		case T_CreateDomainStmt:
			of_names(((CreateDomainStmt *) node)->domainname,
					 MIG_EFFECT_TYPE, effect);
			created(effect, false);
			break;
		case T_CreateSchemaStmt:
			if (((CreateSchemaStmt *) node)->schemaname != NULL)
				of_name(((CreateSchemaStmt *) node)->schemaname,
						MIG_EFFECT_SCHEMA, effect);
			effect->tolerant = ((CreateSchemaStmt *) node)->if_not_exists;
			break;
		case T_CreateFunctionStmt:
			of_function((CreateFunctionStmt *) node, effect);
			break;
		case T_CreatedbStmt:
			of_create_database((CreatedbStmt *) node, effect);
			break;
		case T_CreateTableSpaceStmt:
			of_name(((CreateTableSpaceStmt *) node)->tablespacename,
					MIG_EFFECT_TABLESPACE, effect);
			effect->wanted = ((CreateTableSpaceStmt *) node)->location;
			break;
		case T_CreateSubscriptionStmt:
			of_name(((CreateSubscriptionStmt *) node)->subname,
					MIG_EFFECT_SUBSCRIPTION, effect);
			effect->items = strings(((CreateSubscriptionStmt *) node)->publication);
			break;
		case T_IndexStmt:
			of_index((IndexStmt *) node, effect);
			break;

			/* Alter */
		case T_AlterTableStmt:
			of_alter_table((AlterTableStmt *) node, effect);
			break;
		case T_AlterEnumStmt:
			of_alter_enum((AlterEnumStmt *) node, effect);
			break;
		case T_AlterDatabaseStmt:
			of_alter_database((AlterDatabaseStmt *) node, effect);
			break;
		case T_RenameStmt:
			of_rename((RenameStmt *) node, effect);
			break;
		case T_AlterSubscriptionStmt:
			of_alter_subscription((AlterSubscriptionStmt *) node, effect);
			break;
		case T_ReindexStmt:
			of_reindex((ReindexStmt *) node, effect);
			break;

			/* Drop */
		case T_DropStmt:
			of_drop((DropStmt *) node, effect);
			break;
		case T_DropdbStmt:
			of_name(((DropdbStmt *) node)->dbname,
					MIG_EFFECT_DROPPED_DATABASE, effect);
			dropped(effect, ((DropdbStmt *) node)->missing_ok);
			break;
		case T_DropTableSpaceStmt:
			of_name(((DropTableSpaceStmt *) node)->tablespacename,
					MIG_EFFECT_DROPPED_TABLESPACE, effect);
			dropped(effect, ((DropTableSpaceStmt *) node)->missing_ok);
			break;
		case T_DropSubscriptionStmt:
			of_name(((DropSubscriptionStmt *) node)->subname,
					MIG_EFFECT_DROPPED_SUBSCRIPTION, effect);
			dropped(effect, ((DropSubscriptionStmt *) node)->missing_ok);
			break;

			/* Repeatable: a second run has the same result. */
		case T_AlterDatabaseSetStmt:
		case T_AlterRoleSetStmt:
		case T_AlterOwnerStmt:
		case T_AlterSystemStmt:
		case T_CheckPointStmt:
		case T_CommentStmt:
		case T_ConstraintsSetStmt:
		case T_DiscardStmt:
		case T_GrantRoleStmt:
		case T_GrantStmt:
		case T_RefreshMatViewStmt:
		case T_SecLabelStmt:
		case T_VacuumStmt:
		case T_VariableSetStmt:
#ifdef MIG_COMPAT_HAVE_REPACK
		case T_RepackStmt:
#else
		case T_ClusterStmt:
#endif
			effect->kind = MIG_EFFECT_REPEATABLE;
			break;

		default:
			break;
	}
}

/* The object is new, under a name that must be free unless tolerant. */
static void
created(MigEffect *effect, bool tolerant)
{
	effect->creates_name = true;
	effect->tolerant = tolerant;
}

/* The same of a relation. */
static void
made(MigEffect *effect, const char *relkind, bool tolerant)
{
	created(effect, tolerant);
	effect->wanted = relkind;
}

/* The object is gone, and must have been there unless tolerant. */
static void
dropped(MigEffect *effect, bool tolerant)
{
	effect->gone = true;
	effect->tolerant = tolerant;
}

static void
of_relation(const RangeVar *relation, MigEffectKind kind, MigEffect *effect)
{
	/* The schema of temporary objects is gone with their session. */
	if (relation->relpersistence == TEMPORARY)
		return;
	effect->kind = kind;
	effect->schema = relation->schemaname;
	effect->name = relation->relname;
}

/*
 * With the columns that the statement itself lists; others may come from LIKE
 * or a parent.
 */
static void
of_table(const CreateStmt *create, const char *relkind, MigEffect *effect)
{
	ListCell   *cell;

	of_relation(create->relation, MIG_EFFECT_RELATION, effect);
	made(effect, relkind, create->if_not_exists);
	foreach(cell, create->tableElts)
	{
		if (IsA(lfirst(cell), ColumnDef))
			effect->items = lappend(effect->items,
									lfirst_node(ColumnDef, cell)->colname);
	}
}

static void
of_names(List *names, MigEffectKind kind, MigEffect *effect)
{
	effect->kind = kind;
	effect->name = strVal(llast(names));
	if (list_length(names) > 1)
		effect->schema = strVal(list_nth(names, list_length(names) - 2));
}

static void
of_name(const char *name, MigEffectKind kind, MigEffect *effect)
{
	effect->kind = kind;
	effect->name = name;
}

static void
of_index(const IndexStmt *index, MigEffect *effect)
{
	of_relation(index->relation, index->idxname != NULL ?
				MIG_EFFECT_INDEX : MIG_EFFECT_INDEX_ON, effect);
	effect->part = index->idxname;
	effect->tolerant = index->if_not_exists;
	effect->index = unconstify(IndexStmt *, index);
}

/*
 * The relation, or the schema, whose indexes are rebuilt; neither: all.
 */
static void
of_reindex(const ReindexStmt *reindex, MigEffect *effect)
{
	effect->kind = MIG_EFFECT_REINDEXED;
	effect->wanted = "database";
	if (reindex->relation != NULL)
	{
		effect->wanted = reindex->kind == REINDEX_OBJECT_INDEX ? "index" : "table";
		effect->schema = reindex->relation->schemaname;
		effect->name = reindex->relation->relname;
	}
	else if (reindex->kind == REINDEX_OBJECT_SCHEMA)
	{
		effect->wanted = "schema";
		effect->name = reindex->name;
	}
}

/*
 * By name and the types of its input arguments, as the type names are
 * written.
 */
static void
of_function(const CreateFunctionStmt *create, MigEffect *effect)
{
	StringInfoData types;
	ListCell   *cell;

	initStringInfo(&types);
	foreach(cell, create->parameters)
	{
		const FunctionParameter *parameter = lfirst_node(FunctionParameter,
														 cell);

		if (parameter->mode == FUNC_PARAM_TABLE ||
			(parameter->mode == FUNC_PARAM_OUT && !create->is_procedure))
			continue;
		appendStringInfo(&types, "%s%s", types.len > 0 ? "," : "",
						 type_name(parameter->argType));
	}
	of_names(create->funcname, MIG_EFFECT_FUNCTION, effect);
	effect->part = types.data;
	created(effect, create->replace);
}

static void
of_alter_table(const AlterTableStmt *alter, MigEffect *effect)
{
	const AlterTableCmd *command = linitial_node(AlterTableCmd, alter->cmds);

	of_relation(alter->relation, MIG_EFFECT_UNKNOWN, effect);
	switch (command->subtype)
	{
		case AT_AddColumn:
			effect->kind = MIG_EFFECT_COLUMN;
			effect->part = castNode(ColumnDef, command->def)->colname;
			effect->wanted = type_name(castNode(ColumnDef, command->def)->typeName);
			effect->tolerant = command->missing_ok;
			break;
		case AT_DropColumn:
			effect->kind = MIG_EFFECT_COLUMN;
			effect->part = command->name;
			dropped(effect, command->missing_ok);
			break;
		case AT_AddConstraint:
			effect->part = castNode(Constraint, command->def)->conname;
			if (effect->part != NULL)
				effect->kind = MIG_EFFECT_CONSTRAINT;
			effect->wanted = constraint_type(castNode(Constraint, command->def));
			break;
		case AT_DropConstraint:
			effect->kind = MIG_EFFECT_CONSTRAINT;
			effect->part = command->name;
			dropped(effect, command->missing_ok);
			break;
		case AT_AttachPartition:
		case AT_DetachPartition:
			{
				const RangeVar *child =
				castNode(PartitionCmd, command->def)->name;

				effect->kind = MIG_EFFECT_PARTITION;
				effect->part = child->relname;
				effect->part_schema = child->schemaname;
				effect->gone = command->subtype == AT_DetachPartition;
				break;
			}
		case AT_ColumnDefault:
		case AT_DropNotNull:
		case AT_SetNotNull:
		case AT_SetStatistics:
		case AT_SetOptions:
		case AT_SetStorage:
		case AT_SetCompression:
		case AT_ValidateConstraint:
		case AT_ChangeOwner:
		case AT_SetRelOptions:
		case AT_ResetRelOptions:
		case AT_EnableTrig:
		case AT_DisableTrig:
		case AT_EnableRowSecurity:
		case AT_DisableRowSecurity:
			if (list_length(alter->cmds) == 1)
				effect->kind = MIG_EFFECT_REPEATABLE;
			break;
		default:
			break;
	}
}

/*
 * As SQL writes it, without modifiers.
 */
static const char *
type_name(const TypeName *type)
{
	StringInfoData name;
	ListCell   *cell;

	initStringInfo(&name);
	foreach(cell, type->names)
		appendStringInfo(&name, "%s%s", name.len > 0 ? "." : "",
						 quote_identifier(strVal(lfirst(cell))));
	if (type->arrayBounds != NIL)
		appendStringInfoString(&name, "[]");
	return name.data;
}

/*
 * As in pg_constraint; "" for one that is not made from its own definition.
 */
static const char *
constraint_type(const Constraint *constraint)
{
	switch (constraint->contype)
	{
		case CONSTR_CHECK:
			return "c";
		case CONSTR_PRIMARY:
			return "p";
		case CONSTR_UNIQUE:
			return "u";
		case CONSTR_EXCLUSION:
			return "x";
		case CONSTR_FOREIGN:
			return "f";
		default:
			return "";
	}
}

/*
 * A value that is added, or the new name of one.
 */
static void
of_alter_enum(const AlterEnumStmt *alter, MigEffect *effect)
{
	of_names(alter->typeName, MIG_EFFECT_ENUM_VALUE, effect);
	effect->part = alter->newVal;
	effect->tolerant = alter->skipIfNewValExists;
}

static void
of_alter_database(const AlterDatabaseStmt *alter, MigEffect *effect)
{
	const DefElem *option = NULL;
	ListCell   *cell;

	foreach(cell, alter->options)
	{
		if (strcmp(lfirst_node(DefElem, cell)->defname, "tablespace") == 0)
			option = lfirst(cell);
	}
	if (option == NULL)
	{
		effect->kind = MIG_EFFECT_REPEATABLE;
		return;
	}
	/* The parser accepts DEFAULT and numbers, too. */
	if (option->arg == NULL || !IsA(option->arg, String))
		return;
	of_name(alter->dbname, MIG_EFFECT_DATABASE_TABLESPACE, effect);
	effect->part = strVal(option->arg);
}

static void
of_create_database(const CreatedbStmt *create, MigEffect *effect)
{
	ListCell   *cell;

	of_name(create->dbname, MIG_EFFECT_DATABASE, effect);
	created(effect, false);
	foreach(cell, create->options)
	{
		const DefElem *option = lfirst_node(DefElem, cell);

		/* DEFAULT has no argument. */
		if (option->arg == NULL || !IsA(option->arg, String))
			continue;
		if (strcmp(option->defname, "owner") == 0)
			effect->wanted = strVal(option->arg);
		else if (strcmp(option->defname, "tablespace") == 0)
			effect->part = strVal(option->arg);
	}
}

/*
 * To add or drop publications a second time is an error, to set or refresh
 * them is not.
 */
static void
of_alter_subscription(const AlterSubscriptionStmt *alter, MigEffect *effect)
{
	effect->kind = MIG_EFFECT_REPEATABLE;
	if (alter->kind != ALTER_SUBSCRIPTION_ADD_PUBLICATION &&
		alter->kind != ALTER_SUBSCRIPTION_DROP_PUBLICATION)
		return;
	of_name(alter->subname, MIG_EFFECT_SUBSCRIPTION_PUBLICATIONS, effect);
	effect->items = strings(alter->publication);
	effect->gone = alter->kind == ALTER_SUBSCRIPTION_DROP_PUBLICATION;
}

static List *
strings(List *values)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, values)
		result = lappend(result, strVal(lfirst(cell)));
	return result;
}

static void
of_rename(const RenameStmt *rename, MigEffect *effect)
{
	switch (rename->renameType)
	{
		case OBJECT_TABLE:
		case OBJECT_INDEX:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_SEQUENCE:
		case OBJECT_FOREIGN_TABLE:

			/*
			 * The old name determines the schema while it is there, and is
			 * all that has to be gone.
			 */
			of_relation(rename->relation, MIG_EFFECT_DROPPED_RELATION, effect);
			effect->gone = true;
			break;
		case OBJECT_COLUMN:
			of_relation(rename->relation, MIG_EFFECT_COLUMN, effect);
			effect->part = rename->newname;
			break;
		case OBJECT_TABCONSTRAINT:
			of_relation(rename->relation, MIG_EFFECT_CONSTRAINT, effect);
			effect->part = rename->newname;
			break;
		case OBJECT_SCHEMA:
			of_name(rename->newname, MIG_EFFECT_SCHEMA, effect);
			break;
		case OBJECT_DATABASE:
			of_name(rename->newname, MIG_EFFECT_DATABASE, effect);
			break;
		default:
			break;
	}
}

static void
of_drop(const DropStmt *drop, MigEffect *effect)
{
	Node	   *object = linitial(drop->objects);

	switch (drop->removeType)
	{
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_SEQUENCE:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_INDEX:
			of_names(castNode(List, object), MIG_EFFECT_DROPPED_RELATION, effect);
			break;
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			of_names(castNode(TypeName, object)->names, MIG_EFFECT_TYPE,
					 effect);
			break;
		case OBJECT_SCHEMA:
			of_name(strVal(object), MIG_EFFECT_SCHEMA, effect);
			break;
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
			of_drop_function(castNode(ObjectWithArgs, object), effect);
			break;
		default:
			if (drop->missing_ok)
				effect->kind = MIG_EFFECT_REPEATABLE;
			return;
	}
	dropped(effect, drop->missing_ok);
}

/*
 * Without argument types only the name is known, which is not enough.
 */
static void
of_drop_function(const ObjectWithArgs *function, MigEffect *effect)
{
	StringInfoData types;
	ListCell   *cell;

	if (function->args_unspecified)
		return;
	initStringInfo(&types);
	foreach(cell, function->objargs)
		appendStringInfo(&types, "%s%s", types.len > 0 ? "," : "",
						 type_name(lfirst_node(TypeName, cell)));
	of_names(function->objname, MIG_EFFECT_FUNCTION, effect);
	effect->part = types.data;
}
