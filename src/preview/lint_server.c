/*
 * lint_server.c
 *	  Rules for YugabyteDB.
 *
 * From its documentation: what it does not support in any release that we do,
 * and what it advises for migrations.
 */
#include "postgres.h"

#include "preview/preview_internal.h"

/* As migrate_doctor() says. */
#define MAX_DDL				20

static const char *unsupported(Node *node);
static const char *unsupported_table(const CreateStmt *create);
static const char *unsupported_index(const IndexStmt *create);
static const char *unsupported_constraint(const Constraint *constraint);

void
mig_lint_server_statement(MigLint *lint, Node *node)
{
	const char *what;

	if (!IS_YUGABYTEDB(lint))
		return;
	what = unsupported(node);
	if (what != NULL)
		mig_lint_add(lint, MIG_RULE_YB_UNSUPPORTED, NULL, what);
}

static const char *
unsupported(Node *node)
{
	ListCell   *cell;
	const char *what;

	switch (nodeTag(node))
	{
		case T_CreateStmt:
			return unsupported_table((CreateStmt *) node);
		case T_IndexStmt:
			return unsupported_index((IndexStmt *) node);
		case T_AlterTableStmt:
			foreach(cell, ((AlterTableStmt *) node)->cmds)
			{
				const AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

				if (command->subtype == AT_AddInherit)
					return "INHERIT";
				if (command->subtype == AT_AddConstraint)
				{
					what = unsupported_constraint(castNode(Constraint, command->def));
					if (what != NULL)
						return what;
				}
			}
			return NULL;
		case T_ListenStmt:
			return "LISTEN";
		case T_NotifyStmt:
			return "NOTIFY";
		case T_CreateConversionStmt:
			return "CREATE CONVERSION";
		case T_CreateAmStmt:
			return "CREATE ACCESS METHOD";
		default:
			return NULL;
	}
}

static const char *
unsupported_table(const CreateStmt *create)
{
	ListCell   *cell;

	if (create->inhRelations != NIL && create->partbound == NULL)
		return "INHERITS";
	foreach(cell, create->tableElts)
	{
		const char *what = !IsA(lfirst(cell), Constraint) ? NULL :
		unsupported_constraint(lfirst(cell));

		if (what != NULL)
			return what;
	}
	return NULL;
}

static const char *
unsupported_constraint(const Constraint *constraint)
{
	if (constraint->contype == CONSTR_EXCLUSION)
		return "exclusion constraints";
	if (constraint->deferrable && constraint->contype != CONSTR_FOREIGN)
		return "deferrable constraints other than foreign keys";
	return NULL;
}

static const char *
unsupported_index(const IndexStmt *create)
{
	const char *method = create->accessMethod;

	if (method == NULL)
		return NULL;
	if (strcmp(method, "gist") == 0)
		return "GiST indexes";
	if (strcmp(method, "spgist") == 0)
		return "SP-GiST indexes";
	if (strcmp(method, "brin") == 0)
		return "BRIN indexes";
	if (strcmp(method, "gin") == 0 && list_length(create->indexParams) > 1)
		return "GIN indexes of several columns";
	return NULL;
}

/*
 * A revision as a whole.
 */
void
mig_lint_server_revision(MigLint *lint)
{
	int			nddl = 0;
	int			nrows = 0;
	ListCell   *cell;

	if (!IS_YUGABYTEDB(lint))
		return;
	foreach(cell, lint->trees)
	{
		switch (nodeTag(lfirst_node(RawStmt, cell)->stmt))
		{
			case T_InsertStmt:
			case T_UpdateStmt:
			case T_DeleteStmt:
			case T_MergeStmt:
			case T_CopyStmt:
				nrows++;
				break;
			default:
				if (mig_statement_kind_commits(lfirst_node(RawStmt, cell)->stmt))
					nddl++;
				break;
		}
	}
	if (nddl > 0 && nrows > 0 && !lint->server->rollback_undoes_ddl)
		mig_lint_add(lint, MIG_RULE_YB_MIXED, NULL, "");
	if (nddl > MAX_DDL)
		mig_lint_add(lint, MIG_RULE_YB_MANY_DDL, NULL, psprintf("%d", nddl));
}
