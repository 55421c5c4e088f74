/*
 * batch_condition.c
 *	  Whether the statement of a batch is about exactly the rows of the batch.
 *
 * A statement that is not would silently leave out rows, or handle them in each
 * batch.  So it is looked at as the server has analyzed it, through views,
 * subqueries and WITH: each INSERT, UPDATE, DELETE and MERGE in it must be limited
 * to the batch, by one thing.  That is the range of the batch, a condition on the
 * key of a relation (batch_range.c), or a subquery that is limited itself.  With two
 * of them rows would be left out that belong to two batches.
 *
 * What else happens to a row must not depend on which rows are in the same batch.
 * That it could is seen by a parameter anywhere else, or a sum that conditions are
 * about.  What cannot be seen to be right is refused, also where it would be: all
 * of it can be written in another way.  What a statement puts behind SELECT or SET,
 * and how it compares the parameters with columns of other tables, its author
 * answers for, and so for one that does not have the table.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"

#include "base/compat.h"
#include "run/batch_internal.h"

/* Why a statement is refused, if that can be told from other reasons. */
typedef enum Fault
{
	FAULT_OTHER,
	FAULT_QUERY,				/* it gives or leaves out rows because of
								 * others */
	FAULT_SUBQUERY,				/* the condition is in one of WHERE */
	FAULT_RANGE,				/* the conditions are not the range */
	FAULT_UNMATCHED				/* MERGE, and not in its source */
} Fault;

/* What is looked at. */
typedef struct Search
{
	MigBatchScope scope;		/* the query, and its outer ones */
	List	   *statements;		/* all of it */
	bool		deletes;		/* the change is DELETE: once is all that it
								 * does to a row that belongs to two batches */
	bool		found;			/* a change that is limited to the batch */
	Fault		fault;			/* of the change that is not */
} Search;

static bool check_queries(Node *node, void *context);
static void check_change(Search *search);
static bool check_insert(Search *search);
static bool find_parameter(Node *node, void *context);
static bool changes_table(const Search *search);
pg_noreturn static void refuse(Search *search, int changed);
static int	describe_fault(const Search *search);
static bool find_crossed(Node *node, void *context);
static bool is_limited(Search *search, int changed, bool alone);
static bool keeps_rows(const Search *search, bool alone);
static bool find_in_conditions(Search *search, List **range, List **limits);
static bool find_in_relations(const Search *search, List **limits);
static bool is_alone(const Query *query);
static List *relations_of(const Query *query);
static List *parametric(const Search *search, List *conditions);
static const Query *first_query(const Search *search);

void
mig_batch_check_condition(const MigBatch *batch, List *queries)
{
	Search		search = {{batch}, queries};

	if (!mig_batch_uses_table(&search.scope, (Node *) queries))
		return;
	(void) check_queries((Node *) queries, &search);
	if (!search.found)
		refuse(&search, 0);
}

static bool
check_queries(Node *node, void *context)
{
	Search	   *search = context;
	List	   *outer = search->scope.queries;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, check_queries, context);
	search->scope.queries = lcons(node, list_copy(outer));
	/* NOTIFY of a rule is a query, too. */
	if (((Query *) node)->commandType != CMD_SELECT &&
		((Query *) node)->commandType != CMD_UTILITY)
		check_change(search);
	(void) query_tree_walker((Query *) node, check_queries, context, 0);
	search->scope.queries = outer;
	return false;
}

static void
check_change(Search *search)
{
	const Query *query = first_query(search);
	int			changed = 0;

	search->deletes = query->commandType == CMD_DELETE;
	search->fault = FAULT_OTHER;
	if (query->commandType == CMD_INSERT)
	{
		if (!check_insert(search))
			return;
	}
	else if (changes_table(search))
		changed = query->resultRelation;
	if (!is_limited(search, changed, true))
		refuse(search, changed);
	search->found = true;
}

/*
 * Whether what is inserted must be limited: one row without FROM and conditions cannot
 * be left out.
 */
static bool
check_insert(Search *search)
{
	const Query *query = first_query(search);
	List	   *relations = relations_of(query);
	List	   *inner = search->scope.queries;

	if (changes_table(search))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the statement of a batch cannot update table %s by ON CONFLICT",
						search->scope.batch->relation_name),
				 errdetail("The rows that it meets are those of other batches, too."),
				 errhint("Use UPDATE, or ON CONFLICT DO NOTHING.")));
	if (query->onConflict != NULL &&
		(find_parameter(query->onConflict->onConflictWhere, NULL) ||
		 mig_batch_uses_parameter(&search->scope, query->onConflict->onConflictWhere)))
		refuse(search, 0);
	if (list_length(relations) == 1)
		(void) mig_batch_subquery(rt_fetch(linitial_int(relations), query->rtable),
								  search->scope.queries, &inner);
	query = linitial_node(Query, inner);
	return relations_of(query) != NIL || query->jointree->quals != NULL ||
		query->havingQual != NULL || query->limitCount != NULL ||
		query->limitOffset != NULL || query->setOperations != NULL ||
		query->hasTargetSRFs;
}

/*
 * Whether a parameter is in an expression at all: the columns of "excluded" are those
 * of the table that is inserted into, and have the values of the rows of the batch.
 */
static bool
find_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_EXTERN;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_parameter, context, 0);
	return expression_tree_walker(node, find_parameter, context);
}

/*
 * Whether a query changes rows that the table has.
 */
static bool
changes_table(const Search *search)
{
	const Query *query = first_query(search);

	return mig_batch_shares_rows(search->scope.batch,
								 rt_fetch(query->resultRelation, query->rtable)->relid) &&
		(query->commandType != CMD_INSERT ||
		 (query->onConflict != NULL && query->onConflict->action == ONCONFLICT_UPDATE));
}

/*
 * changed: the relation of the table whose rows are changed, or 0.
 */
static void
refuse(Search *search, int changed)
{
	const MigBatch *batch = search->scope.batch;
	List	   *range = NIL;
	List	   *limits = NIL;
	const Query *query = search->scope.queries == NIL ? NULL : first_query(search);

	if (changed > 0)
		(void) find_in_conditions(search, &range, &limits);
	search->scope.queries = NIL;
	(void) find_crossed((Node *) search->statements, search);
	if (changed > 0 && !bms_is_member(changed, pull_varnos(NULL, (Node *) range)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the statement of a batch is not limited to the rows of the batch"),
				 errdetail("It changes rows of table %s that no condition on their key limits to the batch.",
						   batch->relation_name),
				 query->mergeActionList != NIL ?
				 errhint("It needs the condition %s of table %s itself in ON, and no action but WHEN MATCHED. What has no match there needs an INSERT of its own.",
						 mig_batch_condition(batch), batch->relation_name) :
				 errhint("It needs the condition %s of table %s itself, in place of one in a subquery or of what it is joined to.",
						 mig_batch_condition(batch), batch->relation_name)));
	if (query != NULL && mig_batch_merges_unmatched(query))
		search->fault = FAULT_UNMATCHED;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the statement of a batch cannot be seen to be about exactly the rows of the batch"),
			 describe_fault(search)));
}

/*
 * To be called inside ereport().
 */
static int
describe_fault(const Search *search)
{
	const char *condition = mig_batch_condition(search->scope.batch);
	const char *table = search->scope.batch->relation_name;

	switch (search->fault)
	{
		case FAULT_QUERY:
			errdetail("A query with the condition, or around it, has UNION, LIMIT, GROUP BY, HAVING, DISTINCT ON or a window function. What that gives for a row depends on the other rows of the batch.");
			errhint("Write the condition %s of table %s beside that query instead of into it, or, for UNION, a call for each of its queries.",
					condition, table);
			break;
		case FAULT_SUBQUERY:
			errdetail("The condition is in a subquery of WHERE. A row that is changed could belong to rows of several batches.");
			errhint("Join table %s in FROM, with the condition %s there.",
					table, condition);
			break;
		case FAULT_RANGE:
			errdetail("What is compared with the parameters is not the key alone, from its first to its last value in the batch. Rows could be left out, or be in two batches.");
			errhint("It needs the condition %s of table %s itself, once, joined to others by AND, without a cast or COLLATE, and no other use of the parameters in conditions and subqueries.",
					condition, table);
			break;
		case FAULT_UNMATCHED:
			errdetail("Rows could be left out, or be in two batches.");
			errhint("With WHEN NOT MATCHED it needs the condition in the source, USING (SELECT ... FROM %s WHERE %s), and no other use of the parameters, also not in ON. The source cannot have UNION, LIMIT, GROUP BY or a window function.",
					table, condition);
			break;
		case FAULT_OTHER:
			errdetail("Rows could be left out, or be in two batches.");
			errhint("It needs the condition %s of table %s itself, once, joined to others by AND, without a cast or COLLATE, and no other use of the parameters in conditions and subqueries. A query with that condition, or around it, cannot have UNION, LIMIT, HAVING, DISTINCT ON or a window function.",
					condition, table);
			break;
	}
	return 0;					/* the value does not matter */
}

static bool
find_crossed(Node *node, void *context)
{
	Search	   *search = context;
	List	   *outer = search->scope.queries;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
	{
		mig_batch_check_order(&search->scope, node);
		return expression_tree_walker(node, find_crossed, context);
	}
	search->scope.queries = lcons(node, list_copy(outer));
	(void) query_tree_walker((Query *) node, find_crossed, context, 0);
	search->scope.queries = outer;
	return false;
}

/*
 * Whether the rows of the first query come from those of the batch, and each of
 * these gives its rows whatever else is in the batch.
 *
 * changed: the relation that must have the range itself; 0: it may be any one.
 * alone: no query around it joins its rows, or has conditions.
 */
static bool
is_limited(Search *search, int changed, bool alone)
{
	List	   *outer = search->scope.queries;
	List	   *range = NIL;
	List	   *limits = NIL;
	bool		result;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	search->fault = FAULT_QUERY;
	if (!keeps_rows(search, alone))
		return false;
	search->fault = FAULT_OTHER;
	if (!find_in_conditions(search, &range, &limits) ||
		!find_in_relations(search, &limits))
		return false;
	if (range != NIL)
	{
		if (limits == NIL)
			search->fault = FAULT_RANGE;
		return limits == NIL && mig_batch_is_range(&search->scope, changed, range);
	}
	if (changed > 0 || list_length(limits) != 1)
		return false;
	search->scope.queries = linitial(limits);
	result = is_limited(search, 0, alone && is_alone(linitial_node(Query, outer)));
	search->scope.queries = outer;
	return result;
}

/*
 * Whether a query leaves out none of the rows that fulfil its conditions because of
 * others, and gives nothing that is about all rows of a batch to conditions of
 * queries around it.
 */
static bool
keeps_rows(const Search *search, bool alone)
{
	const Query *query = first_query(search);

	if (mig_batch_leaves_out_rows(query) || query->setOperations != NULL ||
		query->havingQual != NULL || query->hasDistinctOn || query->hasWindowFuncs)
		return false;
	return alone ||
		(!query->hasAggs && query->groupClause == NIL && query->groupingSets == NIL &&
		 !mig_batch_uses_parameter(&search->scope,
								   (Node *) list_make4(query->targetList, query->returningList,
													   query->onConflict, query->mergeActionList)));
}

/*
 * Adds the conditions of a query that use a parameter: those that may be the range,
 * and the queries of those that are true where one of their rows is.  Returns
 * whether there are no others.
 */
static bool
find_in_conditions(Search *search, List **range, List **limits)
{
	const Query *query = first_query(search);
	List	   *conditions = mig_batch_conditions_of(query);
	ListCell   *cell;

	/* Rows that MERGE does not find in the batch are those of all others. */
	foreach(cell, query->mergeActionList)
	{
		if (mig_compat_by_source(lfirst_node(MergeAction, cell)))
			return false;
	}
	foreach(cell, parametric(search, mig_batch_all_conditions_of(query)))
	{
		Node	   *condition = lfirst(cell);
		Query	   *inner = mig_batch_query_of_rows(condition);

		if (!list_member_ptr(conditions, condition))
			return false;
		if (inner == NULL)
		{
			*range = lappend(*range, condition);
			continue;
		}
		/* A row may have partners in several batches. */
		if (!search->deletes)
		{
			search->fault = FAULT_SUBQUERY;
			return false;
		}
		if (mig_batch_uses_parameter(&search->scope, ((SubLink *) condition)->testexpr))
			return false;
		*limits = lappend(*limits, lcons(inner, list_copy(search->scope.queries)));
	}
	/* They say which rows of other tables belong to those of the batch. */
	foreach(cell, *limits == NIL ? NIL : relations_of(query))
	{
		if (mig_batch_uses_table(&search->scope,
								 (Node *) rt_fetch(lfirst_int(cell), query->rtable)))
			return false;
	}
	return *limits == NIL || relations_of(query) != NIL;
}

/*
 * Adds the queries in FROM that use a parameter.  Returns whether nothing else there
 * does, and no row can be without one of theirs, which would be of no batch.
 */
static bool
find_in_relations(const Search *search, List **limits)
{
	const Query *query = first_query(search);
	List	   *kept = mig_batch_relations_of((Node *) query->jointree, true, NIL);
	ListCell   *cell;

	foreach(cell, relations_of(query))
	{
		RangeTblEntry *entry = rt_fetch(lfirst_int(cell), query->rtable);
		List	   *inner;

		if (!mig_batch_uses_parameter(&search->scope, (Node *) entry))
			continue;
		if (!list_member_int(kept, lfirst_int(cell)) ||
			mig_batch_subquery(entry, search->scope.queries, &inner) == NULL)
			return false;
		*limits = lappend(*limits, inner);
	}
	return true;
}

/*
 * Whether a query does nothing with the rows of the only one that it reads but to
 * give them.
 */
static bool
is_alone(const Query *query)
{
	return mig_batch_all_conditions_of(query) == NIL &&
		(query->onConflict == NULL || query->onConflict->onConflictWhere == NULL) &&
		list_length(relations_of(query)) == 1;
}

static List *
relations_of(const Query *query)
{
	return mig_batch_relations_of((Node *) query->jointree, false, NIL);
}

/*
 * Those of the conditions that use a parameter.
 */
static List *
parametric(const Search *search, List *conditions)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, conditions)
	{
		if (mig_batch_uses_parameter(&search->scope, lfirst(cell)))
			result = lappend(result, lfirst(cell));
	}
	return result;
}

static const Query *
first_query(const Search *search)
{
	return linitial_node(Query, search->scope.queries);
}
