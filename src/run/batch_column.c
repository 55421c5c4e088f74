/*
 * batch_column.c
 *	  What the expressions in the statement of a batch stand for: columns of the
 *	  table, and parameters, through views, subqueries, WITH and joins.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "run/run_internal.h"

/* The search for what an expression mentions. */
typedef struct Walk
{
	const MigBatchScope *scope;
	List	   *queries;		/* that it is in */
	List	   *seen;			/* expressions that were looked at by way of a
								 * column */
	MigBatchMentions found;
} Walk;

static bool find_mentions(Node *node, void *context);
static bool compares_value(const SubLink *link);
static bool find_parameters(Node *node, void *context);

/*
 * The query that a relation of the first query stands for, or NULL; inner gets it
 * and its outer ones.
 */
Query *
mig_batch_subquery(const RangeTblEntry *entry, List *queries, List **inner)
{
	Query	   *query = NULL;
	ListCell   *cell;

	if (entry->rtekind == RTE_SUBQUERY)
		query = entry->subquery;
	else if (entry->rtekind == RTE_CTE && entry->ctelevelsup < list_length(queries))
	{
		queries = list_copy_tail(queries, entry->ctelevelsup);
		foreach(cell, linitial_node(Query, queries)->cteList)
		{
			const CommonTableExpr *cte = lfirst_node(CommonTableExpr, cell);

			if (strcmp(cte->ctename, entry->ctename) == 0 && !cte->cterecursive)
				query = castNode(Query, cte->ctequery);
		}
	}
	if (query != NULL)
		*inner = lcons(query, list_copy(queries));
	return query;
}

/*
 * Whether an expression is a column of the table, and which one.  queries: the one
 * it is in, then the outer ones.
 */
bool
mig_batch_find_column(const MigBatchScope *scope, List *queries,
					  const Node *node, MigBatchColumn *column)
{
	const Var  *var = (const Var *) strip_implicit_coercions(unconstify(Node *, node));
	const RangeTblEntry *entry;
	List	   *inner;
	Node	   *source;

	check_stack_depth();
	if (var == NULL || !IsA(var, Var) || var->varlevelsup >= list_length(queries))
		return false;
	source = mig_batch_source(var, queries, &inner);
	if (source != NULL)
	{
		if (!mig_batch_find_column(scope, inner, source, column))
			return false;
		if (var->varlevelsup > 0)
			column->varno = 0;
		/* A join, and what is grouped by, is no relation of its own. */
		else if (inner != queries)
			column->varno = var->varno;
		return true;
	}
	entry = rt_fetch(var->varno,
					 list_nth_node(Query, queries, var->varlevelsup)->rtable);
	if (entry->rtekind != RTE_RELATION ||
		(entry->relid != scope->batch->relation &&
		 !list_member_oid(scope->ancestors, entry->relid)))
		return false;
	column->name = get_attname(entry->relid, var->varattno, true);
	column->varno = var->varlevelsup == 0 ? var->varno : 0;
	column->key = -1;
	/* All rows of an ancestor are in no batch of a partition. */
	for (int i = 0; column->name != NULL && i < scope->batch->nkey &&
		 entry->relid == scope->batch->relation; i++)
	{
		if (strcmp(column->name, scope->batch->key[i]) == 0)
			column->key = i;
	}
	return true;
}

/*
 * The expression that a column stands for which is not of a table, or a list of
 * them, or NULL; inner
 * gets the query that this is in, and the outer ones: queries themselves, if it is
 * the same.
 */
Node *
mig_batch_source(const Var *var, List *queries, List **inner)
{
	const RangeTblEntry *entry;
	const TargetEntry *target;
	Query	   *query;
	ListCell   *cell;

	if (var->varattno <= 0 || var->varlevelsup >= list_length(queries))
		return NULL;
	if (var->varlevelsup > 0)
		queries = list_copy_tail(queries, var->varlevelsup);
	*inner = queries;
	entry = rt_fetch(var->varno, linitial_node(Query, queries)->rtable);
	if (entry->rtekind == RTE_JOIN)
		return list_nth(entry->joinaliasvars, var->varattno - 1);
#ifdef MIG_COMPAT_HAVE_RTE_GROUP
	if (entry->rtekind == RTE_GROUP)
		return list_nth(entry->groupexprs, var->varattno - 1);
#endif
	if (entry->rtekind == RTE_VALUES)
	{
		List	   *values = NIL;

		foreach(cell, entry->values_lists)
			values = lappend(values, list_nth(lfirst(cell), var->varattno - 1));
		return (Node *) values;
	}
	query = mig_batch_subquery(entry, queries, inner);
	if (query == NULL || query->setOperations != NULL)
		return NULL;
	target = get_tle_by_resno(query->commandType == CMD_SELECT ?
							  query->targetList : query->returningList, var->varattno);
	return target == NULL ? NULL : (Node *) target->expr;
}

/*
 * What an expression mentions, also by way of subqueries.
 */
MigBatchMentions
mig_batch_mentions(const MigBatchScope *scope, Node *node)
{
	Walk		walk = {scope, scope->queries};

	(void) find_mentions(node, &walk);
	return walk.found;
}

static bool
find_mentions(Node *node, void *context)
{
	Walk	   *walk = context;
	MigBatchColumn column;

	if (node == NULL)
		return false;
	CHECK_FOR_INTERRUPTS();
	/* A query is asked itself what it compares; "(SELECT $1)" is a parameter. */
	if (IsA(node, Query))
		return false;
	if (IsA(node, SubLink) && compares_value((SubLink *) node))
		(void) find_parameters(((SubLink *) node)->subselect, context);
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN)
		walk->found.parameter = true;
	if (IsA(node, Var))
	{
		List	   *queries = walk->queries;
		Node	   *source = mig_batch_source((Var *) node, queries, &walk->queries);

		if (source != NULL && !list_member_ptr(walk->seen, source))
		{
			walk->seen = lappend(walk->seen, source);
			(void) find_mentions(source, context);
		}
		else if (source == NULL &&
				 mig_batch_find_column(walk->scope, queries, node, &column))
		{
			walk->found.column = true;
			walk->found.key = walk->found.key || column.key >= 0;
		}
		walk->queries = queries;
	}
	return expression_tree_walker(node, find_mentions, context);
}

/*
 * Whether a subquery gives a value to compare with: IN gives rows.
 */
static bool
compares_value(const SubLink *link)
{
	return link->subLinkType == EXPR_SUBLINK || link->subLinkType == ALL_SUBLINK ||
		(link->subLinkType == ANY_SUBLINK &&
		 strcmp(strVal(llast(link->operName)), "=") != 0);
}

static bool
find_parameters(Node *node, void *context)
{
	Walk	   *walk = context;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_parameters, context, 0);
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN)
		walk->found.parameter = true;
	return expression_tree_walker(node, find_parameters, context);
}
