/*
 * batch_query.c
 *	  Properties of the queries in the statement of a batch: their conditions, their
 *	  relations, whether they leave out rows, and what they use.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"

#include "base/compat.h"
#include "run/batch_internal.h"

/* The search for the table, or for a parameter. */
typedef struct Walk
{
	MigBatchScope scope;
	bool		for_table;
	List	   *seen;			/* queries */
} Walk;

static bool is_number(const Node *node, bool zero);
static bool find(Node *node, void *context);
static bool find_in_relation(Walk *walk, RangeTblEntry *entry);
static bool find_in_query(Walk *walk, Query *query, List *outer);

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
 * The subquery of IN or EXISTS, which is true for more rows the more rows that
 * gives, or NULL.
 */
Query *
mig_batch_query_of_rows(Node *condition)
{
	const SubLink *link = (const SubLink *) condition;

	if (!IsA(link, SubLink))
		return NULL;
	if (link->subLinkType != EXISTS_SUBLINK &&
		(link->subLinkType != ANY_SUBLINK || strcmp(strVal(llast(link->operName)), "=") != 0))
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
 * The conditions that all rows fulfil.  ON is none where MERGE inserts the rows of
 * its source that do not.
 */
List *
mig_batch_conditions_of(const Query *query)
{
	if (mig_batch_merges_unmatched(query))
		return NIL;
	return mig_batch_conditions(mig_compat_merge_condition(query), false,
								mig_batch_conditions((Node *) query->jointree, false, NIL));
}

/*
 * Whether it is a MERGE that does something about rows without a match.
 */
bool
mig_batch_merges_unmatched(const Query *query)
{
	ListCell   *cell;

	foreach(cell, query->mergeActionList)
	{
		if (!mig_compat_when_matched(lfirst_node(MergeAction, cell)))
			return true;
	}
	return false;
}

List *
mig_batch_all_conditions_of(const Query *query)
{
	List	   *conditions = mig_batch_conditions((Node *) query->jointree, true, NIL);
	ListCell   *cell;

	conditions = mig_batch_conditions(mig_compat_merge_condition(query), true, conditions);
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

/*
 * Whether what happens in an expression, a relation or a query, or in a query that
 * these read, depends on a parameter.  That columns of other tables are compared
 * with one is up to the author of the statement.
 */
bool
mig_batch_uses_parameter(const MigBatchScope *scope, Node *node)
{
	Walk		walk = {*scope};

	return find(node, &walk);
}

/*
 * Whether the table is in it.
 */
bool
mig_batch_uses_table(const MigBatchScope *scope, Node *node)
{
	Walk		walk = {*scope, true};

	return find(node, &walk);
}

static bool
find(Node *node, void *context)
{
	Walk	   *walk = context;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return find_in_relation(walk, (RangeTblEntry *) node);
	if (IsA(node, Query))
		return find_in_query(walk, (Query *) node, walk->scope.queries);
	if (!walk->for_table && IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN)
		return true;
	if (!walk->for_table && mig_batch_compares_others(&walk->scope, node))
		return false;
	return expression_tree_walker(node, find, context);
}

static bool
find_in_relation(Walk *walk, RangeTblEntry *entry)
{
	Query	   *query;
	List	   *inner;

	if (entry->rtekind == RTE_RELATION && walk->for_table &&
		mig_batch_shares_rows(walk->scope.batch, entry->relid))
		return true;
	if (entry->rtekind != RTE_CTE)
		return range_table_entry_walker(entry, find, walk, QTW_IGNORE_JOINALIASES);
	query = mig_batch_subquery(entry, walk->scope.queries, &inner);
	return query != NULL && find_in_query(walk, query, list_copy_tail(inner, 1));
}

static bool
find_in_query(Walk *walk, Query *query, List *outer)
{
	List	   *queries = walk->scope.queries;
	bool		result;

	if (list_member_ptr(walk->seen, query))
		return false;
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	walk->seen = lappend(walk->seen, query);
	walk->scope.queries = lcons(query, list_copy(outer));
	result = find((Node *) query->rtable, walk) ||
		query_tree_walker(query, find, walk, QTW_IGNORE_RANGE_TABLE);
	walk->scope.queries = queries;
	return result;
}
