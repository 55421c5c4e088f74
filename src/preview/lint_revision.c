/*
 * lint_revision.c
 *	  Rules for a revision as a whole: that it does something, its way back.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"

#include "preview/preview_internal.h"

/* What an upgrade makes: names of tables, and of columns after a table's. */
typedef struct Makes
{
	List	   *names;			/* of char * */
	bool		unseen;			/* it may make more, in code */
} Makes;

static void read_makes(Node *node, Makes *makes);
static bool has_ddl(List *trees);
static bool leaves_nothing(Node *node);
static void add_name(Makes *makes, const RangeVar *relation,
					 const char *column);
static void check_removal(MigLint *lint, const Makes *makes, Node *node);
static void check_removed(MigLint *lint, const Makes *makes,
						  const char *relation, const char *column);

/*
 * After the statements of an upgrade.
 */
void
mig_lint_revision(MigLint *lint, const MigRevisionTexts *texts)
{
	const char *downgrade = texts->downgrade;
	Makes		makes = {NIL, false};
	List	   *trees;
	ListCell   *cell;

	if (lint->script->nstatements == 0 && !texts->may_be_empty)
		mig_lint_add(lint, MIG_RULE_EMPTY_UPGRADE, NULL, "");
	if (downgrade == NULL)
	{
		if (lint->script->nstatements > 0)
			mig_lint_add(lint, MIG_RULE_NO_DOWNGRADE, NULL, "");
		return;
	}
	if (lint->number < lint->first)
		return;
	trees = mig_script_parse(downgrade);
	foreach(cell, lint->trees)
		read_makes(lfirst_node(RawStmt, cell)->stmt, &makes);
	if (trees == NIL && has_ddl(lint->trees))
		mig_lint_add(lint, MIG_RULE_EMPTY_DOWNGRADE, NULL, "");
	if (makes.unseen)
		return;
	foreach(cell, trees)
		check_removal(lint, &makes, lfirst_node(RawStmt, cell)->stmt);
}

static bool
has_ddl(List *trees)
{
	ListCell   *cell;

	foreach(cell, trees)
	{
		Node	   *node = lfirst_node(RawStmt, cell)->stmt;

		if (mig_statement_kind_commits(node) && !leaves_nothing(node))
			return true;
	}
	return false;
}

/*
 * Whether a statement has nothing of its own that could be taken back: a
 * constraint that is valid goes with the constraint, and what a procedure does
 * is not known.
 */
static bool
leaves_nothing(Node *node)
{
	ListCell   *cell;

	if (IsA(node, CallStmt))
		return true;
	if (!IsA(node, AlterTableStmt))
		return false;
	foreach(cell, ((AlterTableStmt *) node)->cmds)
	{
		if (lfirst_node(AlterTableCmd, cell)->subtype != AT_ValidateConstraint)
			return false;
	}
	return true;
}

static void
read_makes(Node *node, Makes *makes)
{
	ListCell   *cell;

	switch (nodeTag(node))
	{
		case T_CreateStmt:
			add_name(makes, ((CreateStmt *) node)->relation, NULL);
			break;
		case T_CreateForeignTableStmt:
			add_name(makes, ((CreateForeignTableStmt *) node)->base.relation, NULL);
			break;
		case T_CreateTableAsStmt:
			add_name(makes, ((CreateTableAsStmt *) node)->into->rel, NULL);
			break;
		case T_CreateSchemaStmt:
			foreach(cell, ((CreateSchemaStmt *) node)->schemaElts)
				read_makes(lfirst(cell), makes);
			break;
		case T_AlterTableStmt:
			foreach(cell, ((AlterTableStmt *) node)->cmds)
			{
				const AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

				if (command->subtype == AT_AddColumn)
					add_name(makes, ((AlterTableStmt *) node)->relation,
							 castNode(ColumnDef, command->def)->colname);
			}
			break;
		case T_RenameStmt:
			if (((RenameStmt *) node)->relation == NULL)
				break;
			if (((RenameStmt *) node)->renameType == OBJECT_COLUMN)
				add_name(makes, ((RenameStmt *) node)->relation,
						 ((RenameStmt *) node)->newname);
			else
				makes->unseen = true;
			break;
		case T_SelectStmt:
			if (((SelectStmt *) node)->intoClause != NULL)
				add_name(makes, ((SelectStmt *) node)->intoClause->rel, NULL);
			makes->unseen = makes->unseen || mig_statement_calls(node, NULL);
			break;
		case T_CallStmt:
		case T_CreateExtensionStmt:
		case T_DoStmt:
			makes->unseen = true;
			break;
		default:
			break;
	}
}

/*
 * Schemas are left out: the path may be another one.
 */
static void
add_name(Makes *makes, const RangeVar *relation, const char *column)
{
	makes->names = lappend(makes->names, column == NULL ?
						   relation->relname :
						   psprintf("%s.%s", relation->relname, column));
}

/*
 * A statement of the downgrade.
 */
static void
check_removal(MigLint *lint, const Makes *makes, Node *node)
{
	ListCell   *cell;

	switch (nodeTag(node))
	{
		case T_DropStmt:
			if (((DropStmt *) node)->removeType != OBJECT_TABLE)
				break;
			foreach(cell, ((DropStmt *) node)->objects)
				check_removed(lint, makes, strVal(llast((List *) lfirst(cell))), NULL);
			break;
		case T_TruncateStmt:
			foreach(cell, ((TruncateStmt *) node)->relations)
				check_removed(lint, makes, lfirst_node(RangeVar, cell)->relname, NULL);
			break;
		case T_DeleteStmt:
			if (((DeleteStmt *) node)->whereClause == NULL)
				check_removed(lint, makes, ((DeleteStmt *) node)->relation->relname, NULL);
			break;
		case T_AlterTableStmt:
			foreach(cell, ((AlterTableStmt *) node)->cmds)
			{
				const AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

				if (command->subtype == AT_DropColumn)
					check_removed(lint, makes,
								  ((AlterTableStmt *) node)->relation->relname,
								  command->name);
			}
			break;
		default:
			break;
	}
}

static void
check_removed(MigLint *lint, const Makes *makes, const char *relation,
			  const char *column)
{
	const char *name = column == NULL ? relation :
	psprintf("%s.%s", relation, column);

	if (!mig_text_is_listed(makes->names, name) && !mig_text_is_listed(makes->names, relation))
		mig_lint_add(lint, MIG_RULE_DOWNGRADE_DATA, NULL, name);
}
