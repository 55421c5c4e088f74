/*
 * batch_column.c
 *	  What the expressions in the statement of a batch stand for: columns of the
 *	  table, and parameters, through views, subqueries, WITH and joins.
 */
#include "postgres.h"

#include "catalog/pg_inherits.h"
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
	bool		in_value;		/* in a subquery that gives a value */
	MigBatchMentions found;
} Walk;

static Node *read_source(const Var *var, List *expressions);
static bool find_mentions(Node *node, void *context);
static void find_in_query(Walk *walk, Query *query);
static void find_in_targets(Walk *walk, Query *query, List *queries, int resno);
static void find_by_column(Walk *walk, const Var *var);
static void find_in_arms(Walk *walk, const Var *var);
static bool compares_value(const SubLink *link);
static bool is_child(Oid child, Oid parent);

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

			if (strcmp(cte->ctename, entry->ctename) == 0)
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
		!mig_batch_shares_rows(scope->batch, entry->relid))
		return false;
	column->name = get_attname(entry->relid, var->varattno, true);
	column->varno = var->varlevelsup == 0 ? var->varno : 0;
	column->key = -1;
	/* Not all rows of a parent are in the batches of its child. */
	if (is_child(scope->batch->relation, entry->relid))
		return true;
	for (int i = 0; column->name != NULL && i < scope->batch->nkey; i++)
	{
		if (strcmp(column->name, scope->batch->key[i]) == 0)
			column->key = i;
	}
	return true;
}

/*
 * The expression that a column stands for which is not of a table, or a list of
 * them, or NULL; inner gets the query that this is in, and the outer ones: queries
 * themselves, if it is the same.
 */
Node *
mig_batch_source(const Var *var, List *queries, List **inner)
{
	const RangeTblEntry *entry;
	List	   *expressions = NIL;
	Query	   *query;
	ListCell   *cell;

	if (var->varattno < 0 || var->varlevelsup >= list_length(queries))
		return NULL;
	if (var->varlevelsup > 0)
		queries = list_copy_tail(queries, var->varlevelsup);
	*inner = queries;
	entry = rt_fetch(var->varno, linitial_node(Query, queries)->rtable);
	if (entry->rtekind == RTE_JOIN)
		return read_source(var, entry->joinaliasvars);
#ifdef MIG_COMPAT_HAVE_RTE_GROUP
	if (entry->rtekind == RTE_GROUP)
		return read_source(var, entry->groupexprs);
#endif
	if (entry->rtekind == RTE_VALUES)
	{
		foreach(cell, entry->values_lists)
			expressions = lappend(expressions, read_source(var, lfirst(cell)));
		return (Node *) expressions;
	}
	if (entry->rtekind == RTE_FUNCTION)
	{
		foreach(cell, entry->functions)
			expressions = lappend(expressions, lfirst_node(RangeTblFunction, cell)->funcexpr);
		return (Node *) expressions;
	}
	query = mig_batch_subquery(entry, queries, inner);
	if (query == NULL || query->setOperations != NULL)
		return NULL;
	foreach(cell, query->commandType == CMD_SELECT ? query->targetList : query->returningList)
	{
		if (!lfirst_node(TargetEntry, cell)->resjunk)
			expressions = lappend(expressions, lfirst_node(TargetEntry, cell)->expr);
	}
	return read_source(var, expressions);
}

/*
 * That of a row is all of them.
 */
static Node *
read_source(const Var *var, List *expressions)
{
	if (var->varattno == 0)
		return (Node *) expressions;
	return var->varattno > list_length(expressions) ? NULL :
		list_nth(expressions, var->varattno - 1);
}

/*
 * What an expression mentions, also by way of subqueries that give a value.
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

	if (node == NULL)
		return false;
	CHECK_FOR_INTERRUPTS();
	/* A query that gives rows is asked itself what it compares. */
	if (IsA(node, Query))
	{
		if (walk->in_value)
			find_in_query(walk, (Query *) node);
		return false;
	}
	if (IsA(node, SubLink) && compares_value((SubLink *) node))
	{
		bool		in_value = walk->in_value;

		walk->in_value = true;
		(void) expression_tree_walker(node, find_mentions, context);
		walk->in_value = in_value;
		return false;
	}
	/* The left side is compared with what these give. */
	if (IsA(node, SubLink) && (((SubLink *) node)->subLinkType == ANY_SUBLINK ||
							   ((SubLink *) node)->subLinkType == ARRAY_SUBLINK))
		find_in_targets(walk, castNode(Query, ((SubLink *) node)->subselect),
						walk->queries, 0);
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN)
		walk->found.parameter = true;
	if (IsA(node, Aggref))
		walk->found.aggregate = true;
	if (IsA(node, Var))
		find_by_column(walk, (Var *) node);
	return expression_tree_walker(node, find_mentions, context);
}

static void
find_in_query(Walk *walk, Query *query)
{
	List	   *queries = walk->queries;

	walk->queries = lcons(query, list_copy(queries));
	(void) query_tree_walker(query, find_mentions, walk, 0);
	walk->queries = queries;
}

/*
 * resno: of one column of the result, or 0.
 */
static void
find_in_targets(Walk *walk, Query *query, List *queries, int resno)
{
	List	   *outer = walk->queries;
	ListCell   *cell;

	walk->queries = lcons(query, list_copy(queries));
	foreach(cell, query->targetList)
	{
		const TargetEntry *target = lfirst_node(TargetEntry, cell);

		if ((resno != 0 && target->resno != resno) || list_member_ptr(walk->seen, target->expr))
			continue;
		walk->seen = lappend(walk->seen, target->expr);
		(void) find_mentions((Node *) target->expr, walk);
	}
	walk->queries = outer;
}

static void
find_by_column(Walk *walk, const Var *var)
{
	List	   *queries = walk->queries;
	Node	   *source = mig_batch_source(var, queries, &walk->queries);
	MigBatchColumn column;
	ListCell   *cell;

	foreach(cell, source == NULL ? NIL :
			IsA(source, List) ? (List *) source : list_make1(source))
	{
		if (list_member_ptr(walk->seen, lfirst(cell)))
			continue;
		walk->seen = lappend(walk->seen, lfirst(cell));
		(void) find_mentions(lfirst(cell), walk);
	}
	walk->queries = queries;
	if (source == NULL)
		find_in_arms(walk, var);
	if (source == NULL &&
		mig_batch_find_column(walk->scope, queries, (const Node *) var, &column))
	{
		/* A whole row has the key, too. */
		walk->found.key = walk->found.key || column.key >= 0 || var->varattno == 0;
	}
}

/*
 * A column of UNION, INTERSECT or EXCEPT, which is one of each of their queries.
 */
static void
find_in_arms(Walk *walk, const Var *var)
{
	List	   *queries = walk->queries;
	Query	   *query;
	List	   *inner;
	ListCell   *cell;

	if (var->varattno < 0 || var->varlevelsup >= list_length(queries))
		return;
	queries = list_copy_tail(queries, var->varlevelsup);
	query = mig_batch_subquery(rt_fetch(var->varno, linitial_node(Query, queries)->rtable),
							   queries, &inner);
	if (query == NULL || query->setOperations == NULL)
		return;
	foreach(cell, query->rtable)
	{
		Query	   *arm = lfirst_node(RangeTblEntry, cell)->subquery;

		if (arm != NULL)
			find_in_targets(walk, arm, inner, var->varattno);
	}
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

/*
 * Whether a relation is the table of a batch, or a parent or child of it.
 */
bool
mig_batch_shares_rows(const MigBatch *batch, Oid relation)
{
	return relation == batch->relation || is_child(relation, batch->relation) ||
		is_child(batch->relation, relation);
}

static bool
is_child(Oid child, Oid parent)
{
	Oid			types[] = {get_rel_type_id(child), get_rel_type_id(parent)};

	return OidIsValid(types[0]) && OidIsValid(types[1]) && child != parent &&
		typeInheritsFrom(types[0], types[1]);
}
