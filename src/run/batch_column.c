/*
 * batch_column.c
 *	  Which columns the expressions in the statement of a batch are, through views,
 *	  subqueries, WITH and joins.
 */
#include "postgres.h"

#include "catalog/pg_inherits.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "run/batch_internal.h"

static const Node *source_of(const Var *var, List *queries, List **inner);
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
 * Whether an expression is the column of a table, and which one.
 */
bool
mig_batch_find_column(const MigBatchScope *scope, const Node *node,
					  MigBatchColumn *column)
{
	List	   *queries = scope->queries;
	bool		is_row = true;
	bool		changed = false;
	const Var  *var;
	const RangeTblEntry *entry;

	memset(column, 0, sizeof(MigBatchColumn));
	for (;;)
	{
		List	   *inner;

		/* A cast that computes something need not keep the order of the key. */
		while (node != NULL && IsA(node, RelabelType) &&
			   ((const RelabelType *) node)->relabelformat == COERCE_IMPLICIT_CAST)
			node = (const Node *) ((const RelabelType *) node)->arg;
		var = (const Var *) node;
		if (var == NULL || !IsA(var, Var) || var->varattno <= 0 ||
			var->varlevelsup >= list_length(queries))
			return false;
		is_row = is_row && var->varlevelsup == 0;
		queries = list_copy_tail(queries, var->varlevelsup);
		entry = rt_fetch(var->varno, linitial_node(Query, queries)->rtable);
		if (entry->rtekind == RTE_RELATION)
			break;
		node = source_of(var, queries, &inner);
		if (node == NULL)
			return false;
		/* A join, and what is grouped by, is no relation of its own. */
		if (inner == queries)
			continue;
		queries = inner;
		column->path = lappend_int(column->path, var->varno);
		is_row = is_row && !mig_batch_leaves_out_rows(linitial_node(Query, queries));
		changed = changed || linitial_node(Query, queries)->commandType != CMD_SELECT;
	}
	column->path = is_row ? lappend_int(column->path, var->varno) : NIL;
	column->name = get_attname(entry->relid, var->varattno, true);
	column->key = -1;
	column->other = !changed && !mig_batch_shares_rows(scope->batch, entry->relid);
	/* Not all rows of a parent are in the batches of its child. */
	if (entry->relid != scope->batch->relation && !is_child(entry->relid, scope->batch->relation))
		return true;
	for (int i = 0; column->name != NULL && i < scope->batch->nkey; i++)
	{
		if (strcmp(column->name, scope->batch->key[i]) == 0)
			column->key = i;
	}
	return true;
}

/*
 * The expression that a column of the first query stands for, if that is not a
 * table's, or NULL; inner gets the query that this is in, and the outer ones:
 * queries themselves, if it is the same.
 */
static const Node *
source_of(const Var *var, List *queries, List **inner)
{
	const RangeTblEntry *entry = rt_fetch(var->varno, linitial_node(Query, queries)->rtable);
	List	   *targets;
	const Query *query;
	const TargetEntry *target;

	*inner = queries;
	if (entry->rtekind == RTE_JOIN)
		return list_nth(entry->joinaliasvars, var->varattno - 1);
#ifdef MIG_COMPAT_HAVE_RTE_GROUP
	if (entry->rtekind == RTE_GROUP)
		return list_nth(entry->groupexprs, var->varattno - 1);
#endif
	query = mig_batch_subquery(entry, queries, inner);
	if (query == NULL || query->setOperations != NULL)
		return NULL;
	targets = query->commandType == CMD_SELECT ? query->targetList : query->returningList;
	target = get_tle_by_resno(targets, var->varattno);
	return target == NULL ? NULL : (const Node *) target->expr;
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
