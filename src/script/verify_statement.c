/*
 * verify_statement.c
 *	  Refuses statements that must not be in a verify body.
 *
 * A verify body looks at the database and changes nothing.  It runs in a
 * read-only subtransaction, where the server refuses what writes; what the parse
 * tree shows of that is refused when the body is registered.  So is what the
 * server would let pass and no verify body needs: locks, files, and what stays in
 * the session when the subtransaction is gone.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"

#include "base/compat.h"
#include "script/script_internal.h"

static const char *find_refused(Node *node);
static bool sets_read_only(const VariableSetStmt *set);
static bool find_write(Node *node, void *name);

/*
 * Raise an error for a statement that is not allowed in a verify body.
 */
void
mig_verify_statement_check(const MigScriptSource *source, Node *node,
						   int location, int end)
{
	const char *name = find_refused(node);

	if (name != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s is not allowed in a verify body", name),
				 errdetail("A verify body changes nothing: it runs in a read-only subtransaction, which is rolled back."),
				 errhint("SELECT, VALUES, TABLE, EXPLAIN, SHOW, SET, CALL and DO are allowed. What writes belongs in the upgrade."),
				 mig_script_errposition(source, location, end, location)));
}

/*
 * The name of the statement, or of what it holds, that is refused; NULL: it may
 * be run.
 */
static const char *
find_refused(Node *node)
{
	const char *name = NULL;

	switch (nodeTag(node))
	{
		case T_CallStmt:
		case T_ConstraintsSetStmt:
		case T_DoStmt:
		case T_VariableShowStmt:
			return NULL;
		case T_VariableSetStmt:
			return sets_read_only((VariableSetStmt *) node) ?
				"SET transaction_read_only" : NULL;
		case T_ExplainStmt:
			return find_refused(((ExplainStmt *) node)->query);
		case T_SelectStmt:
			(void) find_write(node, &name);
			return name;
		default:
			return CreateCommandName(node);
	}
}

/*
 * SET TRANSACTION can say more, none of which can be said there.
 */
static bool
sets_read_only(const VariableSetStmt *set)
{
	return set->name != NULL &&
		(pg_strcasecmp(set->name, "transaction_read_only") == 0 ||
		 strcmp(set->name, "TRANSACTION") == 0);
}

/*
 * Whether a query writes or locks rows, which a part of it may do.
 */
static bool
find_write(Node *node, void *name)
{
	const char **found = name;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
			*found = CreateCommandName(node);
			return true;
		case T_SelectStmt:
			if (((SelectStmt *) node)->intoClause != NULL)
				*found = "SELECT INTO";
			else if (((SelectStmt *) node)->lockingClause != NIL)
				*found = "SELECT with a row lock";
			if (*found != NULL)
				return true;
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, find_write, name);
}
