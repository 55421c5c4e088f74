/*
 * batch_query.c
 *	  Properties of the queries in the statement of a batch: their conditions, their
 *	  relations, and whether they leave out rows.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "run/run_internal.h"

static bool is_number(const Node *node, bool zero);

/*
 * Adds the conditions in a part of FROM and WHERE that all rows fulfil; all: those
 * of outer joins as well.
 */
List *
mig_batch_conditions(Node *node, bool all, List *conditions)
{
	ListCell   *cell;

	if (node == NULL || IsA(node, RangeTblRef))
		return conditions;
	if (IsA(node, FromExpr))
	{
		foreach(cell, ((FromExpr *) node)->fromlist)
			conditions = mig_batch_conditions(lfirst(cell), all, conditions);
		return mig_batch_conditions(((FromExpr *) node)->quals, all, conditions);
	}
	if (IsA(node, JoinExpr))
	{
		const JoinExpr *join = (const JoinExpr *) node;
		bool		left = all || join->jointype == JOIN_INNER || join->jointype == JOIN_LEFT;
		bool		right = all || join->jointype == JOIN_INNER || join->jointype == JOIN_RIGHT;

		conditions = mig_batch_conditions(left ? join->larg : NULL, all, conditions);
		conditions = mig_batch_conditions(right ? join->rarg : NULL, all, conditions);
		return mig_batch_conditions(left && right ? join->quals : NULL, all, conditions);
	}
	if (is_andclause(node))
	{
		foreach(cell, ((BoolExpr *) node)->args)
			conditions = mig_batch_conditions(lfirst(cell), all, conditions);
		return conditions;
	}
	return lappend(conditions, node);
}

/*
 * The subquery of a condition that is true for more rows the more rows that gives.
 */
Query *
mig_batch_query_of_rows(Node *condition)
{
	const SubLink *link = (const SubLink *) condition;

	if (IsA(condition, ScalarArrayOpExpr))
	{
		const ScalarArrayOpExpr *expr = (const ScalarArrayOpExpr *) condition;
		Oid			type = exprType(linitial(expr->args));

		link = (const SubLink *) strip_implicit_coercions(lsecond(expr->args));
		if (!expr->useOr || !IsA(link, SubLink) || link->subLinkType != ARRAY_SUBLINK ||
			(!op_mergejoinable(expr->opno, type) && !op_hashjoinable(expr->opno, type)))
			return NULL;
	}
	else if (!IsA(link, SubLink) ||
			 (link->subLinkType != EXISTS_SUBLINK &&
			  (link->subLinkType != ANY_SUBLINK ||
			   strcmp(strVal(llast(link->operName)), "=") != 0)))
		return NULL;
	return castNode(Query, link->subselect);
}

/*
 * LIMIT and OFFSET, rows that others have locked, a sample.
 */
bool
mig_batch_leaves_out_rows(const Query *query)
{
	ListCell   *cell;

	if (is_number(query->limitCount, false) || is_number(query->limitOffset, true))
		return true;
	foreach(cell, query->rowMarks)
	{
		if (lfirst_node(RowMarkClause, cell)->waitPolicy == LockWaitSkip)
			return true;
	}
	foreach(cell, query->rtable)
	{
		if (lfirst_node(RangeTblEntry, cell)->tablesample != NULL)
			return true;
	}
	return false;
}

/*
 * LIMIT ALL, and OFFSET 0, which keeps a subquery apart, leave out none.
 */
static bool
is_number(const Node *node, bool zero)
{
	const Const *constant = (const Const *) strip_implicit_coercions(unconstify(Node *, node));

	return constant != NULL &&
		(!IsA(constant, Const) ||
		 (!constant->constisnull && !(zero && constant->constvalue == 0)));
}

/*
 * Whether rows depend on others of the same batch: by HAVING, DISTINCT ON, or a
 * window.  GROUP BY alone leaves out none.
 */
bool
mig_batch_has_groups(const Query *query)
{
	return query->havingQual != NULL || query->hasDistinctOn || query->hasWindowFuncs;
}

/*
 * The conditions that all rows fulfil.  ON is none where MERGE inserts the rows of
 * its source that do not.
 */
List *
mig_batch_conditions_of(const Query *query)
{
	ListCell   *cell;

	foreach(cell, query->mergeActionList)
	{
		if (!mig_compat_when_matched(lfirst_node(MergeAction, cell)))
			return NIL;
	}
	return mig_batch_conditions(mig_compat_merge_condition(query), false,
								mig_batch_conditions((Node *) query->jointree, false, NIL));
}

List *
mig_batch_all_conditions_of(const Query *query)
{
	List	   *conditions = mig_batch_conditions((Node *) query->jointree, true, NIL);
	ListCell   *cell;

	conditions = mig_batch_conditions(mig_compat_merge_condition(query), true, conditions);
	conditions = mig_batch_conditions(query->havingQual, true, conditions);
	foreach(cell, query->mergeActionList)
		conditions = mig_batch_conditions(lfirst_node(MergeAction, cell)->qual, true, conditions);
	return conditions;
}

/*
 * Adds the relations in a part of FROM; kept: without those that outer joins may
 * have no row of.
 */
List *
mig_batch_relations_of(Node *node, bool kept, List *varnos)
{
	ListCell   *cell;

	if (node == NULL)
		return varnos;
	if (IsA(node, FromExpr))
	{
		foreach(cell, ((FromExpr *) node)->fromlist)
			varnos = mig_batch_relations_of(lfirst(cell), kept, varnos);
		return varnos;
	}
	if (IsA(node, JoinExpr))
	{
		const JoinExpr *join = (const JoinExpr *) node;

		if (!kept || join->jointype == JOIN_INNER || join->jointype == JOIN_LEFT)
			varnos = mig_batch_relations_of(join->larg, kept, varnos);
		if (!kept || join->jointype == JOIN_INNER || join->jointype == JOIN_RIGHT)
			varnos = mig_batch_relations_of(join->rarg, kept, varnos);
		return varnos;
	}
	return lappend_int(varnos, castNode(RangeTblRef, node)->rtindex);
}
