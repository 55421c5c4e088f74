/*
 * lock_need.c
 *	  Derives from a statement the locks that would stop the application.
 *
 * The one table of what statements lock, as far as the raw parse tree shows it:
 * from reading tablecmds.c, indexcmds.c, trigger.c, tablecmds.c's callees and
 * dependency.c.  Only modes that conflict with those of a reader or a writer are
 * in it, that is from SHARE on: a request for a weaker one stops no other
 * session while it waits.
 *
 * Must not read the catalogs: what a name stands for, and what hangs on it, is
 * for who waits (run/gate.c).  A statement that is not listed needs no lock, as
 * DO, whose contents are not known; lock_timeout bounds what such a one does.
 */
#include "postgres.h"

#include "commands/tablecmds.h"
#include "nodes/parsenodes.h"
#include "storage/lockdefs.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "script/script_internal.h"

/* As in pg_class, whose header is not for this layer. */
#define TEMPORARY			't'

/* Of AlterDomainStmt. */
#define DOMAIN_ADD			'C'
#define DOMAIN_NOT_NULL		'O'
#define DOMAIN_VALIDATE		'V'

static List *of_alter_table(const AlterTableStmt *alter);
static List *of_subcommand(const AlterTableCmd *command, const RangeVar *table,
						   List *needs);
static List *of_added(const AlterTableCmd *command, const RangeVar *table);
static char descent_of(const AlterTableCmd *command);
static List *of_create_schema(const CreateSchemaStmt *create);
static List *of_create_table(const CreateStmt *create);
static List *of_constraint(const Constraint *constraint, List *needs);
static List *of_column(const ColumnDef *column, List *needs);
static List *of_partition(const RangeVar *parent, List *needs);
static List *of_drop(const DropStmt *drop);
static List *of_dropped(const DropStmt *drop, Node *object, List *needs);
static List *of_cascade(const DropStmt *drop, Node *object, List *needs);
static char *function_name(const ObjectWithArgs *function);
static List *of_dropped_part(ObjectType type, List *names);
static List *of_rename(const RenameStmt *rename);
static List *of_truncate(const TruncateStmt *truncate);
static List *of_lock(const LockStmt *lock);
static List *of_reindex(const ReindexStmt *reindex);
static List *of_vacuum(const VacuumStmt *vacuum);
static List *of_view(const ViewStmt *view);
static List *of_relation(const RangeVar *relation, char target,
						 char descent, const char *part,
						 LOCKMODE mode, List *needs);
static List *of_one(const RangeVar *relation, LOCKMODE mode);
static List *of_names(List *names, char target,
					  char descent, LOCKMODE mode, List *needs);
static List *on_condition(char condition, char *relation, const char *part,
						  List *needs);
static char *name_of(const RangeVar *relation);
static List *add(char target, char descent, char *name,
				 const char *part, LOCKMODE mode, List *needs);

/*
 * The locks that a statement needs, of MigLockNeed, in the current memory
 * context.
 */
List *
mig_lock_needs(Node *node)
{
	switch (nodeTag(node))
	{
		case T_AlterDomainStmt:
			{
				const AlterDomainStmt *alter = (const AlterDomainStmt *) node;

				if (alter->subtype == DOMAIN_NOT_NULL ||
					alter->subtype == DOMAIN_VALIDATE ||
					(alter->subtype == DOMAIN_ADD &&
					 !castNode(Constraint, alter->def)->skip_validation))
					return of_names(alter->typeName, MIG_LOCK_TYPE_USERS,
									MIG_LOCK_ALONE, ShareLock, NIL);
				return NIL;
			}
		case T_AlterObjectDependsStmt:
			/* The table of a trigger is looked at under a weak lock. */
			if (((const AlterObjectDependsStmt *) node)->objectType == OBJECT_TRIGGER)
				return NIL;
			return of_one(((const AlterObjectDependsStmt *) node)->relation,
						  AccessExclusiveLock);
		case T_AlterObjectSchemaStmt:
			return of_one(((const AlterObjectSchemaStmt *) node)->relation,
						  AccessExclusiveLock);
		case T_AlterPolicyStmt:
			return of_one(((const AlterPolicyStmt *) node)->table,
						  AccessExclusiveLock);
		case T_AlterSeqStmt:
			return of_one(((const AlterSeqStmt *) node)->sequence,
						  ShareRowExclusiveLock);
		case T_AlterTableStmt:
			return of_alter_table((const AlterTableStmt *) node);
#ifdef MIG_COMPAT_HAVE_REPACK
		case T_RepackStmt:
			{
				const RepackStmt *repack = (const RepackStmt *) node;

				if (repack->relation == NULL ||
					mig_statement_option_is_on(repack->params, "concurrently",
											   false))
					return NIL;
				return of_one(repack->relation->relation, AccessExclusiveLock);
			}
#else
		case T_ClusterStmt:
			return of_one(((const ClusterStmt *) node)->relation,
						  AccessExclusiveLock);
#endif
		case T_CreateForeignTableStmt:
			return of_create_table(&((const CreateForeignTableStmt *) node)->base);
		case T_CreatePolicyStmt:
			return of_one(((const CreatePolicyStmt *) node)->table,
						  AccessExclusiveLock);
		case T_CreateSchemaStmt:
			return of_create_schema((const CreateSchemaStmt *) node);
		case T_CreateStmt:
			return of_create_table((const CreateStmt *) node);
		case T_CreateTrigStmt:
			return of_relation(((const CreateTrigStmt *) node)->relation,
							   MIG_LOCK_RELATION,
							   ((const CreateTrigStmt *) node)->row ?
							   MIG_LOCK_PARTITIONS : MIG_LOCK_ALONE, NULL,
							   ShareRowExclusiveLock, NIL);
		case T_DropStmt:
			return of_drop((const DropStmt *) node);
		case T_IndexStmt:
			if (((const IndexStmt *) node)->concurrent)
				return NIL;
			return of_relation(((const IndexStmt *) node)->relation,
							   MIG_LOCK_RELATION, MIG_LOCK_PARTITIONS, NULL,
							   ShareLock, NIL);
		case T_LockStmt:
			return of_lock((const LockStmt *) node);
		case T_RefreshMatViewStmt:
			return of_one(((const RefreshMatViewStmt *) node)->relation,
						  ((const RefreshMatViewStmt *) node)->concurrent ?
						  ExclusiveLock : AccessExclusiveLock);
		case T_ReindexStmt:
			return of_reindex((const ReindexStmt *) node);
		case T_RenameStmt:
			return of_rename((const RenameStmt *) node);
		case T_RuleStmt:
			return of_one(((const RuleStmt *) node)->relation,
						  AccessExclusiveLock);
		case T_TruncateStmt:
			return of_truncate((const TruncateStmt *) node);
		case T_VacuumStmt:
			return of_vacuum((const VacuumStmt *) node);
		case T_ViewStmt:
			return of_view((const ViewStmt *) node);
		default:
			return NIL;
	}
}

/*
 * The table that a statement reads to validate a constraint, which needs no lock
 * that would stop a reader or a writer.  NULL: none.
 */
char *
mig_lock_validated_table(Node *node)
{
	const AlterTableStmt *alter = (const AlterTableStmt *) node;
	ListCell   *cell;

	if (!IsA(node, AlterTableStmt))
		return NULL;
	foreach(cell, alter->cmds)
	{
		if (lfirst_node(AlterTableCmd, cell)->subtype == AT_ValidateConstraint)
			return quote_qualified_identifier(alter->relation->schemaname,
											  alter->relation->relname);
	}
	return NULL;
}

/*
 * The server locks for all subcommands at once, with the strongest mode.
 */
static List *
of_alter_table(const AlterTableStmt *alter)
{
	List	   *needs = NIL;
	char		descent = MIG_LOCK_ALONE;
	LOCKMODE	mode = AlterTableGetLockLevel(alter->cmds);
	ListCell   *cell;

	foreach(cell, alter->cmds)
	{
		const AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		descent = Max(descent, descent_of(command));
		needs = of_subcommand(command, alter->relation, needs);
		/* Of a type: tables that are made of it. */
		if (alter->objtype == OBJECT_TYPE && command->behavior == DROP_CASCADE)
			needs = of_relation(alter->relation, MIG_LOCK_TYPE_USERS,
								MIG_LOCK_DESCENDANTS, NULL, mode, needs);
	}
	return of_relation(alter->relation, MIG_LOCK_RELATION, descent, NULL, mode,
					   needs);
}

/*
 * What a subcommand locks beside the table.
 */
static List *
of_subcommand(const AlterTableCmd *command, const RangeVar *table, List *needs)
{
	switch (command->subtype)
	{
		case AT_AddColumn:
			return list_concat(needs, of_added(command, table));
		case AT_AddConstraint:
			return of_constraint(castNode(Constraint, command->def), needs);
		case AT_DropColumn:
		case AT_AlterColumnType:
			if (command->subtype == AT_DropColumn &&
				command->behavior == DROP_CASCADE)
				needs = of_relation(table, MIG_LOCK_COLUMN_DEPENDANTS,
									MIG_LOCK_ALONE, command->name,
									AccessExclusiveLock, needs);
			return of_relation(table, MIG_LOCK_COLUMN_KEYS, MIG_LOCK_ALONE,
							   command->name, AccessExclusiveLock, needs);
#ifdef MIG_COMPAT_HAVE_ALTER_CONSTRAINT_NODE
		case AT_AlterConstraint:
			{
				const		ATAlterConstraint *alter = castNode(ATAlterConstraint,
																command->def);

				/* The triggers at both ends are dropped, or made. */
				if (!alter->alterEnforceability)
					return needs;
				return of_relation(table, MIG_LOCK_CONSTRAINT_KEYS,
								   MIG_LOCK_PARTITIONS, alter->conname,
								   alter->is_enforced ?
								   ShareRowExclusiveLock : AccessExclusiveLock,
								   needs);
			}
#endif
		case AT_DropConstraint:
			return of_relation(table, MIG_LOCK_CONSTRAINT_KEYS,
							   MIG_LOCK_PARTITIONS, command->name,
							   AccessExclusiveLock, needs);
		case AT_AttachPartition:
			{
				const PartitionCmd *partition = castNode(PartitionCmd, command->def);

				needs = of_partition(table, needs);
				return of_relation(partition->name, MIG_LOCK_RELATION,
								   MIG_LOCK_DESCENDANTS, NULL,
								   AccessExclusiveLock, needs);
			}
		case AT_DetachPartition:
			{
				const PartitionCmd *partition = castNode(PartitionCmd, command->def);

				if (partition->concurrent)
					return needs;
				needs = of_relation(table, MIG_LOCK_DEFAULT_PARTITION,
									MIG_LOCK_ALONE, NULL, AccessExclusiveLock,
									needs);
				needs = of_relation(partition->name, MIG_LOCK_REFERENCED,
									MIG_LOCK_ALONE, NULL, ShareRowExclusiveLock,
									needs);
				needs = of_relation(partition->name, MIG_LOCK_REFERRING,
									MIG_LOCK_ALONE, NULL, AccessExclusiveLock,
									needs);
				return of_relation(partition->name, MIG_LOCK_RELATION,
								   MIG_LOCK_DESCENDANTS, NULL,
								   AccessExclusiveLock, needs);
			}
		default:
			return needs;
	}
}

static List *
of_added(const AlterTableCmd *command, const RangeVar *table)
{
	const ColumnDef *column = castNode(ColumnDef, command->def);
	List	   *needs = of_column(column, NIL);

	return !command->missing_ok ? needs :
		on_condition(MIG_LOCK_UNLESS_COLUMN, name_of(table), column->colname,
					 needs);
}

/*
 * Which children a subcommand is passed on to, on any version.
 */
static char
descent_of(const AlterTableCmd *command)
{
	switch (command->subtype)
	{
		case AT_AddColumn:
		case AT_AddConstraint:
		case AT_AlterColumnType:
		case AT_AlterConstraint:
		case AT_ColumnDefault:
		case AT_DropColumn:
		case AT_DropConstraint:
		case AT_DropExpression:
		case AT_DropNotNull:
#ifdef MIG_COMPAT_HAVE_SET_EXPRESSION
		case AT_SetExpression:
#endif
		case AT_SetNotNull:
		case AT_SetStatistics:
		case AT_SetStorage:
		case AT_ValidateConstraint:
			return MIG_LOCK_DESCENDANTS;
		case AT_AddIdentity:
		case AT_DropIdentity:
		case AT_SetIdentity:
		case AT_EnableTrig:
		case AT_EnableAlwaysTrig:
		case AT_EnableReplicaTrig:
		case AT_DisableTrig:
		case AT_EnableTrigAll:
		case AT_DisableTrigAll:
		case AT_EnableTrigUser:
		case AT_DisableTrigUser:
			return MIG_LOCK_PARTITIONS;
		default:
			return MIG_LOCK_ALONE;
	}
}

/*
 * Of what is made with a schema only a table locks what is there.
 */
static List *
of_create_schema(const CreateSchemaStmt *create)
{
	List	   *needs = NIL;
	ListCell   *cell;

	foreach(cell, create->schemaElts)
	{
		if (IsA(lfirst(cell), CreateStmt))
			needs = list_concat(needs, of_create_table(lfirst(cell)));
	}
	return needs;
}

/*
 * A new table locks those that its foreign keys refer to, and the one that it is
 * a partition of.
 */
static List *
of_create_table(const CreateStmt *create)
{
	List	   *needs = NIL;
	ListCell   *cell;

	foreach(cell, create->tableElts)
	{
		Node	   *element = lfirst(cell);

		if (IsA(element, ColumnDef))
			needs = of_column((const ColumnDef *) element, needs);
		else if (IsA(element, Constraint))
			needs = of_constraint((const Constraint *) element, needs);
	}
	foreach(cell, create->constraints)
		needs = of_constraint(lfirst_node(Constraint, cell), needs);
	if (create->partbound != NULL)
	{
		const RangeVar *parent = linitial_node(RangeVar, create->inhRelations);

		needs = of_partition(parent, needs);
		needs = of_relation(parent, MIG_LOCK_RELATION, MIG_LOCK_ALONE, NULL,
							AccessExclusiveLock, needs);
	}
	/* Of a temporary one all are temporary. */
	return !create->if_not_exists ||
		create->relation->relpersistence == TEMPORARY ? needs :
		on_condition(MIG_LOCK_UNLESS_MADE, name_of(create->relation), NULL,
					 needs);
}

static List *
of_column(const ColumnDef *column, List *needs)
{
	ListCell   *cell;

	foreach(cell, column->constraints)
		needs = of_constraint(lfirst_node(Constraint, cell), needs);
	return needs;
}

static List *
of_constraint(const Constraint *constraint, List *needs)
{
	if (constraint->contype != CONSTR_FOREIGN)
		return needs;
	return of_relation(constraint->pktable, MIG_LOCK_RELATION,
					   MIG_LOCK_PARTITIONS, NULL, ShareRowExclusiveLock, needs);
}

/*
 * A table that gets a partition: the default one must have no row for it, and
 * the foreign keys at both ends are made for it, too.
 */
static List *
of_partition(const RangeVar *parent, List *needs)
{
	needs = of_relation(parent, MIG_LOCK_DEFAULT_PARTITION, MIG_LOCK_ALONE,
						NULL, AccessExclusiveLock, needs);
	needs = of_relation(parent, MIG_LOCK_REFERENCED, MIG_LOCK_ALONE, NULL,
						ShareRowExclusiveLock, needs);
	return of_relation(parent, MIG_LOCK_REFERRING, MIG_LOCK_ALONE, NULL,
					   ShareRowExclusiveLock, needs);
}

static List *
of_drop(const DropStmt *drop)
{
	List	   *needs = NIL;
	ListCell   *cell;

	if (drop->concurrent)
		return NIL;
	foreach(cell, drop->objects)
	{
		needs = of_dropped(drop, lfirst(cell), needs);
		if (drop->behavior == DROP_CASCADE)
			needs = of_cascade(drop, lfirst(cell), needs);
	}
	return needs;
}

static List *
of_dropped(const DropStmt *drop, Node *object, List *needs)
{
	switch (drop->removeType)
	{
		case OBJECT_TABLE:
			/* Its foreign keys have triggers at their other ends. */
			needs = of_names((List *) object, MIG_LOCK_TABLE_KEYS,
							 MIG_LOCK_ALONE, AccessExclusiveLock, needs);
			needs = of_names((List *) object, MIG_LOCK_PARENT, MIG_LOCK_ALONE,
							 AccessExclusiveLock, needs);
			return of_names((List *) object, MIG_LOCK_RELATION,
							MIG_LOCK_DESCENDANTS, AccessExclusiveLock, needs);
		case OBJECT_INDEX:
			needs = of_names((List *) object, MIG_LOCK_RELATION,
							 MIG_LOCK_PARTITIONS, AccessExclusiveLock, needs);
			return of_names((List *) object, MIG_LOCK_INDEXED_TABLE,
							MIG_LOCK_PARTITIONS, AccessExclusiveLock, needs);
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_MATVIEW:
		case OBJECT_SEQUENCE:
		case OBJECT_VIEW:
			return of_names((List *) object, MIG_LOCK_RELATION, MIG_LOCK_ALONE,
							AccessExclusiveLock, needs);
		case OBJECT_POLICY:
		case OBJECT_RULE:
		case OBJECT_TRIGGER:
			return list_concat(needs, of_dropped_part(drop->removeType,
													  (List *) object));
		default:
			return needs;
	}
}

/*
 * What goes with the object, in any table.
 */
static List *
of_cascade(const DropStmt *drop, Node *object, List *needs)
{
	switch (drop->removeType)
	{
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_MATVIEW:
		case OBJECT_SEQUENCE:
		case OBJECT_TABLE:
		case OBJECT_VIEW:
			return add(MIG_LOCK_DEPENDANTS, MIG_LOCK_ALONE,
					   mig_statement_name((List *) object), "pg_class",
					   AccessExclusiveLock, needs);
		case OBJECT_SCHEMA:
			return add(MIG_LOCK_DEPENDANTS, MIG_LOCK_ALONE,
					   mig_statement_name(list_make1(object)), "pg_namespace",
					   AccessExclusiveLock, needs);
		case OBJECT_DOMAIN:
		case OBJECT_TYPE:
			return add(MIG_LOCK_DEPENDANTS, MIG_LOCK_ALONE,
					   mig_statement_name(castNode(TypeName, object)->names),
					   "pg_type", AccessExclusiveLock, needs);
		case OBJECT_AGGREGATE:
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
			return add(MIG_LOCK_DEPENDANTS, MIG_LOCK_ALONE,
					   function_name(castNode(ObjectWithArgs, object)),
					   "pg_proc", AccessExclusiveLock, needs);
		default:
			return needs;
	}
}

/*
 * As to_regprocedure() takes it; without arguments where the statement has none.
 */
static char *
function_name(const ObjectWithArgs *function)
{
	StringInfoData name;
	ListCell   *cell;

	initStringInfo(&name);
	appendStringInfoString(&name, mig_statement_name(function->objname));
	if (function->args_unspecified)
		return name.data;
	appendStringInfoChar(&name, '(');
	foreach(cell, function->objargs)
	{
		const TypeName *type = lfirst(cell);

		/* None is that of an operator, or of count(*). */
		if (type == NULL)
			continue;
		appendStringInfo(&name, "%s%s%s",
						 foreach_current_index(cell) > 0 ? ", " : "",
						 mig_statement_name(type->names),
						 type->arrayBounds != NIL ? "[]" : "");
	}
	appendStringInfoChar(&name, ')');
	return name.data;
}

/*
 * The last name is that of the part itself.  One that is not there is looked
 * for under a weak lock.
 */
static List *
of_dropped_part(ObjectType type, List *names)
{
	List	   *needs = of_names(list_truncate(list_copy(names),
											   list_length(names) - 1),
								 MIG_LOCK_RELATION,
								 type == OBJECT_TRIGGER ?
								 MIG_LOCK_PARTITIONS : MIG_LOCK_ALONE,
								 AccessExclusiveLock, NIL);

	return on_condition(type == OBJECT_POLICY ? MIG_LOCK_IF_POLICY :
						type == OBJECT_RULE ? MIG_LOCK_IF_RULE :
						MIG_LOCK_IF_TRIGGER, NULL, strVal(llast(names)), needs);
}

static List *
of_rename(const RenameStmt *rename)
{
	switch (rename->renameType)
	{
		case OBJECT_COLUMN:
		case OBJECT_TABCONSTRAINT:
			return of_relation(rename->relation, MIG_LOCK_RELATION,
							   MIG_LOCK_DESCENDANTS, NULL, AccessExclusiveLock,
							   NIL);
		case OBJECT_TRIGGER:
			return of_relation(rename->relation, MIG_LOCK_RELATION,
							   MIG_LOCK_PARTITIONS, NULL, AccessExclusiveLock,
							   NIL);
		case OBJECT_ATTRIBUTE:
			return rename->behavior != DROP_CASCADE ? NIL :
				of_relation(rename->relation, MIG_LOCK_TYPE_USERS,
							MIG_LOCK_DESCENDANTS, NULL, AccessExclusiveLock,
							NIL);
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_MATVIEW:
		case OBJECT_POLICY:
		case OBJECT_RULE:
		case OBJECT_SEQUENCE:
		case OBJECT_TABLE:
		case OBJECT_VIEW:
			return of_one(rename->relation, AccessExclusiveLock);
		default:
			return NIL;
	}
}

static List *
of_truncate(const TruncateStmt *truncate)
{
	List	   *needs = NIL;
	ListCell   *cell;

	foreach(cell, truncate->relations)
	{
		const RangeVar *table = lfirst_node(RangeVar, cell);

		needs = of_relation(table, MIG_LOCK_RELATION, MIG_LOCK_DESCENDANTS,
							NULL, AccessExclusiveLock, needs);
		if (truncate->behavior == DROP_CASCADE)
			needs = of_relation(table, MIG_LOCK_REFERENCING,
								MIG_LOCK_DESCENDANTS, NULL,
								AccessExclusiveLock, needs);
	}
	return needs;
}

/*
 * NOWAIT says what is to happen if a lock is held.
 */
static List *
of_lock(const LockStmt *lock)
{
	List	   *needs = NIL;
	ListCell   *cell;

	if (lock->nowait)
		return NIL;
	foreach(cell, lock->relations)
		needs = of_relation(lfirst_node(RangeVar, cell), MIG_LOCK_RELATION,
							MIG_LOCK_DESCENDANTS, NULL, lock->mode, needs);
	return needs;
}

/*
 * Writers are stopped at the table, readers at the index.
 */
static List *
of_reindex(const ReindexStmt *reindex)
{
	List	   *needs;

	if (reindex->relation == NULL ||
		mig_statement_option_is_on(reindex->params, "concurrently", false))
		return NIL;
	if (reindex->kind == REINDEX_OBJECT_INDEX)
	{
		needs = of_one(reindex->relation, AccessExclusiveLock);
		return of_relation(reindex->relation, MIG_LOCK_INDEXED_TABLE,
						   MIG_LOCK_ALONE, NULL, ShareLock, needs);
	}
	needs = of_relation(reindex->relation, MIG_LOCK_INDEXES, MIG_LOCK_ALONE,
						NULL, AccessExclusiveLock, NIL);
	return of_relation(reindex->relation, MIG_LOCK_RELATION, MIG_LOCK_ALONE,
					   NULL, ShareLock, needs);
}

static List *
of_vacuum(const VacuumStmt *vacuum)
{
	List	   *needs = NIL;
	ListCell   *cell;

	if (!mig_statement_option_is_on(vacuum->options, "full", false))
		return NIL;
	foreach(cell, vacuum->rels)
	{
		const VacuumRelation *target = lfirst_node(VacuumRelation, cell);

		needs = of_relation(target->relation, MIG_LOCK_RELATION,
							MIG_LOCK_PARTITIONS, NULL, AccessExclusiveLock,
							needs);
	}
	return needs;
}

/*
 * A view of that name in another schema stays as it is.
 */
static List *
of_view(const ViewStmt *view)
{
	List	   *needs;
	ListCell   *cell;

	if (!view->replace)
		return NIL;
	needs = of_one(view->view, AccessExclusiveLock);
	foreach(cell, needs)
		((MigLockNeed *) lfirst(cell))->replaces = true;
	return needs;
}

static List *
of_one(const RangeVar *relation, LOCKMODE mode)
{
	return of_relation(relation, MIG_LOCK_RELATION, MIG_LOCK_ALONE, NULL, mode,
					   NIL);
}

/*
 * No other session uses a temporary relation of this one.
 */
static List *
of_relation(const RangeVar *relation, char target,
			char descent, const char *part, LOCKMODE mode,
			List *needs)
{
	if (relation == NULL || relation->relpersistence == TEMPORARY)
		return needs;
	return add(target, relation->inh ? descent : MIG_LOCK_ALONE,
			   name_of(relation), part, mode, needs);
}

static List *
of_names(List *names, char target, char descent,
		 LOCKMODE mode, List *needs)
{
	if (names == NIL)
		return needs;
	return add(target, descent, mig_statement_name(names), NULL, mode, needs);
}

static List *
add(char target, char descent, char *name,
	const char *part, LOCKMODE mode, List *needs)
{
	MigLockNeed *need;

	if (mode < ShareLock)
		return needs;
	need = palloc0(sizeof(MigLockNeed));
	need->target = target;
	need->descent = descent;
	need->name = name;
	need->part = part == NULL ? NULL : pstrdup(part);
	need->mode = mode;
	need->condition = MIG_LOCK_ALWAYS;
	return lappend(needs, need);
}

static List *
on_condition(char condition, char *relation, const char *part, List *needs)
{
	ListCell   *cell;

	foreach(cell, needs)
	{
		MigLockNeed *need = lfirst(cell);

		Assert(part == NULL || need->part == NULL);
		need->condition = condition;
		need->relation = relation;
		if (part != NULL)
			need->part = pstrdup(part);
	}
	return needs;
}

static char *
name_of(const RangeVar *relation)
{
	return quote_qualified_identifier(relation->schemaname, relation->relname);
}
