/*
 * lint_verify.c
 *	  Rules for the verify body of an upgrade.
 *
 * It runs in the last transaction of the upgrade, so that it holds up what that
 * has locked.  What it must not do at all is refused when it is registered.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"

#include "preview/preview_internal.h"

static void check_statement(MigLint *lint, Node *node);
static bool returns_count(Node *node);
static bool reads_long(Node *node, void *lint);

/*
 * After the last statement of the upgrade, with what its transaction holds.
 */
void
mig_lint_verify(MigLint *lint, const char *verify)
{
	MigLintPlace upgrade = lint->place;
	MigScript  *script = mig_script_split_text(verify, false);
	List	   *trees = mig_script_parse(verify);

	for (int i = 0; i < script->nstatements; i++)
	{
		const MigStatement *statement = &script->statements[i];

		lint->place.in_verify = true;
		lint->place.statement = i + 1;
		lint->place.line = statement->line;
		lint->place.query = lint->number < lint->first ? NULL :
			MemoryContextStrdup(lint->context,
								pnstrdup(verify + statement->location,
										 statement->length));
		check_statement(lint, list_nth_node(RawStmt, trees, i)->stmt);
	}
	lint->place = upgrade;
}

static void
check_statement(MigLint *lint, Node *node)
{
	const MigLintLock *held = mig_lint_data_strongest_lock(lint);

	if (returns_count(node))
		mig_lint_add(lint, MIG_RULE_VERIFY_COUNT, NULL, "");
	if (held != NULL && IsA(node, SelectStmt) && reads_long(node, lint))
		mig_lint_add(lint, MIG_RULE_VERIFY_IN_LOCK, held->relation,
					 held->relation->name, psprintf("%d", held->line));
}

static bool
returns_count(Node *node)
{
	const SelectStmt *select = (const SelectStmt *) node;
	const ResTarget *target;

	if (!IsA(node, SelectStmt) || list_length(select->targetList) != 1)
		return false;
	target = linitial_node(ResTarget, select->targetList);
	return IsA(target->val, FuncCall) &&
		strcmp(strVal(llast(((FuncCall *) target->val)->funcname)), "count") == 0;
}

/*
 * Whether a part of a query reads many rows.  One that is to be found, or so many
 * of them, may be the first ones.
 */
static bool
reads_long(Node *node, void *lint)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink) && ((SubLink *) node)->subLinkType == EXISTS_SUBLINK &&
		((SelectStmt *) ((SubLink *) node)->subselect)->whereClause == NULL)
		return false;
	if (IsA(node, SelectStmt) && ((SelectStmt *) node)->limitCount == NULL &&
		mig_lint_data_reads_large(lint, node))
		return true;
	return raw_expression_tree_walker(node, reads_long, lint);
}
