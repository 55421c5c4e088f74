/*
 * batch_condition.c
 *	  Whether the statement of a batch is about exactly the rows of the batch.
 *
 * A statement that is not would silently leave out rows, or handle them in each
 * batch.  So it is looked at as the server has analyzed it, through views,
 * subqueries and WITH: each INSERT, UPDATE, DELETE and MERGE in it that has to do
 * with the table must be limited to the batch.  A query is, if its rows come from
 * one relation, at least, that is limited, and nothing leaves out rows by what
 * happens to be in the same batch.  A relation is limited by conditions on its key
 * (batch_range.c), or because it is a query that is limited.
 *
 * What cannot be seen to be right is refused.  What a statement leaves to
 * functions, or compares with the columns of other tables, its author answers for.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"

#include "base/compat.h"
#include "run/run_internal.h"

/* What was said of a query, which others may read again and again. */
typedef struct Verdict
{
	const Query *query;
	List	   *key;
	bool		limited;
} Verdict;

/* What is looked at. */
typedef struct Search
{
	MigBatchScope scope;		/* the query, and its outer ones */
	List	   *statements;		/* all of it */
	bool		found;			/* a change that is limited to the batch */
	bool		compared;		/* the key of the table with a parameter */
	List	   *verdicts;		/* of is_limited() */
	List	   *summed;			/* limited ones that sum up rows of the batch */
	List	   *seen;			/* by find_comparison() */
	int			varno;			/* whose columns find_columns() looks for */
	List	   *columns;		/* that it has found */
} Search;

/*
 * Is asked about the first query of the scope; key: those of its columns that are
 * to be the key of the batch, if not NIL.
 */
typedef bool (*Question) (Search *search, List *key);

static bool check_queries(Node *node, void *context);
static void check_change(Search *search);
pg_noreturn static void refuse(Search *search, bool changes);
static bool find_crossed(Node *node, void *context);
static bool changes_table(const Search *search);
static bool is_target_limited(Search *search);
static bool is_limited(Search *search, List *key);
static bool has_limited_relation(Search *search, List *key);
static bool filters_sums(Search *search, int varno);
static bool has_limited_condition(Search *search);
static bool are_arms_limited(Search *search, Node *node);
static bool does_arm_compare(Search *search, Node *node);
static bool is_relation_limited(Search *search, int varno, List *key);
static bool find_columns(Node *node, void *context);
static bool keeps_rows(const Search *search, List *columns);
static List *columns_below(List *columns, List *queries, List **inner);
static const Var *base_column(const Node *node, List *queries);
static bool is_joined_by_key(Search *search, int varno);
static bool is_joined_by_query(Search *search, int varno, Node *condition);
static List *equal_columns(const Search *search, List *conditions, int varno,
						   int levelsup, int other);
static List *equal_targets(const Search *search, Node *condition, int varno,
						   List *inner);
static List *read_equation(Node *condition, Oid *operator);
static bool is_key(const Search *search, const Node *node, int varno,
				   int levelsup, int key);
static bool has_whole_groups(const Search *search, int varno);
static bool has_key(const Search *search, int varno, List *clauses);
static bool is_filtered(Search *search);
static bool find_filter(Node *node, void *context);
static bool compares_key(Search *search, List *key);
static bool compares_key_here(Search *search, List *key);
static bool find_comparison(Node *node, void *context);
static bool reads_table(const Search *search, List *queries, List **seen);
static Query *first_query(const Search *search);
static bool ask(Search *search, List *queries, Question question, List *key);
static bool ask_relation(Search *search, int varno, Question question);

void
mig_batch_check_condition(const MigBatch *batch, List *queries)
{
	Search		search = {{batch}, queries};

	(void) check_queries((Node *) queries, &search);
	if (search.compared && !search.found)
		refuse(&search, false);
}

static bool
check_queries(Node *node, void *context)
{
	Search	   *search = context;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, check_queries, context);
	search->scope.queries = lcons(node, search->scope.queries);
	search->compared = search->compared || compares_key_here(search, NIL);
	if (((Query *) node)->commandType != CMD_SELECT)
		check_change(search);
	(void) query_tree_walker((Query *) node, check_queries, context, 0);
	search->scope.queries = list_delete_first(search->scope.queries);
	return false;
}

static void
check_change(Search *search)
{
	const Query *query = first_query(search);
	List	   *seen = NIL;

	if (changes_table(search))
	{
		if (!is_target_limited(search))
			refuse(search, query->commandType == CMD_INSERT || !compares_key(search, NIL));
		search->found = true;
		if (query->commandType != CMD_INSERT)
			return;
	}
	if (is_limited(search, NIL))
		search->found = true;
	/* Without FROM it is one row, which cannot be left out. */
	else if (query->jointree->fromlist != NIL &&
			 (reads_table(search, search->scope.queries, &seen) ||
			  compares_key(search, NIL)))
		refuse(search, false);
}

/*
 * changes: because of the rows of the table that are changed.
 */
static void
refuse(Search *search, bool changes)
{
	const MigBatch *batch = search->scope.batch;

	search->scope.queries = NIL;
	(void) find_crossed((Node *) search->statements, search);
	if (changes)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the statement of a batch is not limited to the rows of the batch"),
				 errdetail("It changes rows of table %s without a condition on their key, or one that joins them by their key to the rows of the batch.",
						   batch->relation_name),
				 errhint("It needs the condition %s of table %s itself.",
						 mig_batch_condition(batch), batch->relation_name)));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the statement of a batch cannot be seen to be about exactly the rows of the batch"),
			 errdetail("Rows could be left out, or be in two batches."),
			 errhint("It needs the condition %s of table %s itself, joined to others by AND, without a cast or COLLATE, no other comparison of the key with a parameter, and nothing around it that leaves out rows.",
					 mig_batch_condition(batch), batch->relation_name)));
}

static bool
find_crossed(Node *node, void *context)
{
	Search	   *search = context;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		search->scope.queries = lcons(node, search->scope.queries);
		(void) query_tree_walker((Query *) node, find_crossed, context, 0);
		search->scope.queries = list_delete_first(search->scope.queries);
		return false;
	}
	mig_batch_check_order(&search->scope, node);
	return expression_tree_walker(node, find_crossed, context);
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
 * Whether these rows are limited, by conditions on their key, or as those that
 * have the key of a row of the batch.
 */
static bool
is_target_limited(Search *search)
{
	const Query *query = first_query(search);
	int			varno = query->resultRelation;

	if (query->commandType == CMD_INSERT)
		return mig_batch_is_range(&search->scope, varno,
								  mig_batch_conditions(query->onConflict->onConflictWhere,
													   false, NIL));
	return !is_filtered(search) &&
		(is_relation_limited(search, varno, NIL) || is_joined_by_key(search, varno));
}

/*
 * Whether the rows of a query come from those of the batch, and each of those gives
 * its rows whatever else is in the batch.
 */
static bool
is_limited(Search *search, List *key)
{
	const Query *query = first_query(search);
	Verdict    *verdict;
	bool		result;
	ListCell   *cell;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	foreach(cell, search->verdicts)
	{
		verdict = lfirst(cell);
		if (verdict->query == query && equal(verdict->key, key))
			return verdict->limited;
	}
	if (mig_batch_leaves_out_rows(query))
		result = false;
	else if (query->setOperations != NULL)
		result = key == NIL && are_arms_limited(search, query->setOperations);
	else
		result = !is_filtered(search) &&
			(has_limited_relation(search, key) ||
			 (key == NIL && has_limited_condition(search)));
	verdict = palloc(sizeof(Verdict));
	verdict->query = query;
	verdict->key = key;
	verdict->limited = result;
	search->verdicts = lappend(search->verdicts, verdict);
	return result;
}

static bool
has_limited_relation(Search *search, List *key)
{
	Query	   *query = first_query(search);
	ListCell   *cell;

	foreach(cell, mig_batch_relations_of((Node *) query->jointree, false, NIL))
	{
		int			varno = lfirst_int(cell);

		if ((key == NIL || linitial_node(Var, key)->varno == varno) &&
			(is_relation_limited(search, varno, key) || is_joined_by_key(search, varno)) &&
			has_whole_groups(search, varno) && !filters_sums(search, varno))
			return true;
	}
	return false;
}

/*
 * Whether conditions are about what is summed up from rows of the batch, which is
 * what HAVING would be.
 */
static bool
filters_sums(Search *search, int varno)
{
	Query	   *query = first_query(search);
	List	   *inner;
	Query	   *below = mig_batch_subquery(rt_fetch(varno, query->rtable),
										   search->scope.queries, &inner);
	bool		summed = below != NULL && list_member_ptr(search->summed, below);
	ListCell   *cell;

	foreach(cell, summed ? mig_batch_all_conditions_of(query) : NIL)
	{
		if (mig_batch_mentions(&search->scope, lfirst(cell)).aggregate)
			return true;
	}
	if (summed || (query->hasAggs &&
				   (query->groupingSets != NIL || !has_key(search, varno, query->groupClause))))
		search->summed = lappend(search->summed, query);
	return false;
}

/*
 * Whether it is about the rows of other tables that belong to those of the batch.
 */
static bool
has_limited_condition(Search *search)
{
	Query	   *query = first_query(search);
	List	   *seen = NIL;
	ListCell   *cell;

	if (mig_batch_has_groups(query) || reads_table(search, search->scope.queries, &seen))
		return false;
	foreach(cell, mig_batch_conditions_of(query))
	{
		Query	   *inner = mig_batch_query_of_rows(lfirst(cell));

		if (inner != NULL &&
			ask(search, lcons(inner, list_copy(search->scope.queries)), is_limited, NIL))
			return true;
	}
	return false;
}

/*
 * Whether the queries of UNION are limited; of EXCEPT and INTERSECT the first one.
 */
static bool
are_arms_limited(Search *search, Node *node)
{
	const SetOperationStmt *operation = (const SetOperationStmt *) node;

	if (IsA(node, SetOperationStmt))
		return are_arms_limited(search, operation->larg) &&
			(operation->op == SETOP_UNION ? are_arms_limited(search, operation->rarg) :
			 !does_arm_compare(search, operation->rarg));
	return ask_relation(search, castNode(RangeTblRef, node)->rtindex, is_limited);
}

static bool
does_arm_compare(Search *search, Node *node)
{
	const SetOperationStmt *operation = (const SetOperationStmt *) node;

	if (IsA(node, SetOperationStmt))
		return does_arm_compare(search, operation->larg) ||
			does_arm_compare(search, operation->rarg);
	return ask_relation(search, castNode(RangeTblRef, node)->rtindex, compares_key);
}

/*
 * Whether the rows of a relation are limited: by conditions on its key, or because
 * it is a query that is.
 */
static bool
is_relation_limited(Search *search, int varno, List *key)
{
	const Query *query = first_query(search);
	List	   *conditions = mig_batch_conditions_of(query);
	List	   *inner;
	ListCell   *cell;

	if (mig_batch_is_range(&search->scope, varno, conditions))
	{
		search->varno = varno;
		search->columns = list_copy(key);
		foreach(cell, conditions)
		{
			if (mig_batch_compares_key(&search->scope, lfirst(cell)))
				(void) find_columns(lfirst(cell), search);
		}
		return keeps_rows(search, search->columns);
	}
	foreach(cell, conditions)
	{
		if (mig_batch_compares_key(&search->scope, lfirst(cell)))
			return false;
	}
	/* Rows without one of this relation are of no batch. */
	if (!list_member_int(mig_batch_relations_of((Node *) query->jointree, true, NIL), varno))
		return false;
	if (key == NIL)
		return ask_relation(search, varno, is_limited);
	key = columns_below(key, search->scope.queries, &inner);
	return key != NIL && inner != search->scope.queries &&
		ask(search, inner, is_limited, key);
}

/*
 * Collects the columns of a relation by which conditions limit it.
 */
static bool
find_columns(Node *node, void *context)
{
	Search	   *search = context;
	const Var  *column;
	MigBatchColumn found;

	if (node == NULL || IsA(node, Query))
		return false;
	column = IsA(node, Var) ? base_column(node, search->scope.queries) : NULL;
	if (column != NULL && column->varno == search->varno &&
		mig_batch_find_column(&search->scope, search->scope.queries,
							  (const Node *) column, &found) && found.key >= 0)
		search->columns = lappend(search->columns, unconstify(Var *, column));
	return expression_tree_walker(node, find_columns, context);
}

/*
 * Whether columns of a relation are those of a row of the table, and no query
 * between leaves out rows.
 */
static bool
keeps_rows(const Search *search, List *columns)
{
	List	   *queries = search->scope.queries;

	for (;;)
	{
		const Query *query = linitial_node(Query, queries);
		List	   *inner;

		if (columns == NIL)
			return false;
		if (rt_fetch(linitial_node(Var, columns)->varno, query->rtable)->rtekind == RTE_RELATION)
			return true;
		columns = columns_below(columns, queries, &inner);
		if (columns == NIL || mig_batch_leaves_out_rows(linitial_node(Query, inner)))
			return false;
		queries = inner;
	}
}

/*
 * What columns of a relation are in the query that it stands for; NIL: they are not
 * of one relation there.
 */
static List *
columns_below(List *columns, List *queries, List **inner)
{
	List	   *below = NIL;
	ListCell   *cell;

	foreach(cell, columns)
	{
		const Node *source = mig_batch_source(lfirst_node(Var, cell), queries, inner);
		const Var  *column = source == NULL ? NULL : base_column(source, *inner);

		if (column == NULL ||
			(below != NIL && linitial_node(Var, below)->varno != column->varno))
			return NIL;
		below = lappend(below, unconstify(Var *, column));
	}
	return below;
}

/*
 * The column of a relation of the first query that an expression is, also by way
 * of a join, or NULL.
 */
static const Var *
base_column(const Node *node, List *queries)
{
	for (;;)
	{
		const Node *column = strip_implicit_coercions(unconstify(Node *, node));
		List	   *inner;

		if (column == NULL || !IsA(column, Var) || ((const Var *) column)->varlevelsup > 0)
			return NULL;
		node = mig_batch_source((const Var *) column, queries, &inner);
		if (node == NULL || inner != queries)
			return (const Var *) column;
	}
}

/*
 * Whether conditions give a relation of the table the key of a row of the batch.
 */
static bool
is_joined_by_key(Search *search, int varno)
{
	const Query *query = first_query(search);

	/* Those of MERGE limit its target. */
	List	   *conditions = mig_batch_conditions(mig_compat_merge_condition(query), false,
												  mig_batch_conditions((Node *) query->jointree,
																	   false, NIL));
	bool		compares = false;
	ListCell   *cell;

	foreach(cell, mig_batch_relations_of((Node *) query->jointree, false, NIL))
	{
		int			other = lfirst_int(cell);
		List	   *key = other == varno ? NIL :
		equal_columns(search, conditions, varno, 0, other);

		if (key != NIL && is_relation_limited(search, other, key))
			return true;
	}
	foreach(cell, conditions)
		compares = compares || mig_batch_compares_key(&search->scope, lfirst(cell));
	foreach(cell, compares ? NIL : conditions)
	{
		if (is_joined_by_query(search, varno, lfirst(cell)))
			return true;
	}
	return false;
}

/*
 * The same of IN, EXISTS and = ANY (ARRAY(SELECT ...)).
 */
static bool
is_joined_by_query(Search *search, int varno, Node *condition)
{
	List	   *outer = search->scope.queries;
	Query	   *query = mig_batch_query_of_rows(condition);
	bool		result = false;
	List	   *inner;
	List	   *key;
	ListCell   *cell;

	if (query == NULL || query->setOperations != NULL)
		return false;
	inner = lcons(query, list_copy(outer));
	if (!IsA(condition, SubLink) || ((SubLink *) condition)->subLinkType != EXISTS_SUBLINK)
	{
		key = equal_targets(search, condition, varno, inner);
		return key != NIL && ask(search, inner, is_limited, key);
	}
	search->scope.queries = inner;
	foreach(cell, mig_batch_relations_of((Node *) query->jointree, false, NIL))
	{
		key = equal_columns(search, mig_batch_conditions_of(query), varno, 1, lfirst_int(cell));
		result = result || (key != NIL && is_limited(search, key));
	}
	search->scope.queries = outer;
	return result;
}

/*
 * The columns of another relation of the first query to which conditions say that
 * all columns of the key of a relation are equal, if they are the key there, too.
 */
static List *
equal_columns(const Search *search, List *conditions, int varno, int levelsup, int other)
{
	List	   *result = NIL;

	for (int key = 0; key < search->scope.batch->nkey; key++)
	{
		const Var  *found = NULL;
		ListCell   *cell;

		foreach(cell, conditions)
		{
			Oid			operator;
			List	   *args = read_equation(lfirst(cell), &operator);

			if (list_length(args) != 2 ||
				!mig_batch_is_equality(search->scope.batch, key, operator))
				continue;
			for (int i = 0; i < 2; i++)
			{
				const Node *column = list_nth(args, 1 - i);

				if (is_key(search, list_nth(args, i), varno, levelsup, key) &&
					is_key(search, column, other, 0, key))
					found = base_column(column, search->scope.queries);
			}
		}
		if (found == NULL)
			return NIL;
		result = lappend(result, unconstify(Var *, found));
	}
	return result;
}

/*
 * The same of the columns that a subquery gives.
 */
static List *
equal_targets(const Search *search, Node *condition, int varno, List *inner)
{
	Search		below = *search;
	List	   *conditions = list_make1(condition);
	List	   *result = NIL;

	below.scope.queries = inner;
	if (IsA(condition, SubLink))
		conditions = mig_batch_conditions(((SubLink *) condition)->testexpr, false, NIL);
	for (int key = 0; key < search->scope.batch->nkey; key++)
	{
		const Var  *found = NULL;
		ListCell   *cell;

		foreach(cell, conditions)
		{
			Oid			operator;
			List	   *args = read_equation(lfirst(cell), &operator);
			const Param *param;
			const TargetEntry *target;

			if (list_length(args) != 2 ||
				!is_key(search, linitial(args), varno, 0, key) ||
				!mig_batch_is_equality(search->scope.batch, key, operator))
				continue;
			param = (const Param *) strip_implicit_coercions(lsecond(args));
			target = get_tle_by_resno(linitial_node(Query, inner)->targetList,
									  IsA(param, Param) ? param->paramid : 1);
			if (target != NULL && found == NULL)
				found = base_column((const Node *) target->expr, inner);
		}
		if (found == NULL || !is_key(&below, (const Node *) found, found->varno, 0, key) ||
			(result != NIL && linitial_node(Var, result)->varno != found->varno))
			return NIL;
		result = lappend(result, unconstify(Var *, found));
	}
	return result;
}

/*
 * The sides of an equation, which may be = ANY; NIL: it is none.
 */
static List *
read_equation(Node *condition, Oid *operator)
{
	*operator = InvalidOid;
	if (IsA(condition, OpExpr))
	{
		*operator = ((OpExpr *) condition)->opno;
		return ((OpExpr *) condition)->args;
	}
	if (IsA(condition, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) condition)->useOr)
	{
		*operator = ((ScalarArrayOpExpr *) condition)->opno;
		return ((ScalarArrayOpExpr *) condition)->args;
	}
	return NIL;
}

/*
 * Whether an expression is that column of the key of a relation.
 */
static bool
is_key(const Search *search, const Node *node, int varno, int levelsup, int key)
{
	List	   *queries = search->scope.queries;
	const Var  *var = levelsup == 0 ? base_column(node, queries) :
	(const Var *) strip_implicit_coercions(unconstify(Node *, node));
	MigBatchColumn column;

	return var != NULL && IsA(var, Var) && var->varno == varno &&
		var->varlevelsup == levelsup &&
		mig_batch_find_column(&search->scope, queries, (const Node *) var, &column) &&
		column.key == key;
}

/*
 * Whether these others come from the same row of a relation that is limited.
 */
static bool
has_whole_groups(const Search *search, int varno)
{
	const Query *query = first_query(search);
	ListCell   *cell;

	if (query->havingQual != NULL &&
		(query->groupingSets != NIL || !has_key(search, varno, query->groupClause)))
		return false;
	if (query->hasDistinctOn && !has_key(search, varno, query->distinctClause))
		return false;
	foreach(cell, query->windowClause)
	{
		if (!has_key(search, varno, lfirst_node(WindowClause, cell)->partitionClause))
			return false;
	}
	return true;
}

static bool
has_key(const Search *search, int varno, List *clauses)
{
	for (int key = 0; key < search->scope.batch->nkey; key++)
	{
		bool		found = false;
		ListCell   *cell;

		foreach(cell, clauses)
			found = found || is_key(search, get_sortgroupclause_expr(lfirst(cell),
																	 first_query(search)->targetList),
									varno, 0, key);
		if (!found)
			return false;
	}
	return true;
}

/*
 * Whether more than one thing in a query compares the key with a parameter, or one
 * that is no limit, so that a row is left out where they are of two batches.
 */
static bool
is_filtered(Search *search)
{
	const Query *query = first_query(search);
	List	   *conditions = mig_batch_conditions_of(query);
	bool		has_range = false;
	int			nlimits = 0;
	ListCell   *cell;

	/* Rows that MERGE does not find in the batch are those of all others. */
	foreach(cell, query->mergeActionList)
	{
		if (mig_compat_by_source(lfirst_node(MergeAction, cell)))
			return true;
	}
	foreach(cell, mig_batch_all_conditions_of(query))
	{
		Node	   *condition = lfirst(cell);
		bool		of_rows = list_member_ptr(conditions, condition);
		Query	   *inner = of_rows ? mig_batch_query_of_rows(condition) : NULL;
		List	   *queries = lcons(inner, list_copy(search->scope.queries));

		if (mig_batch_compares_key(&search->scope, condition))
			has_range = true;
		if (!of_rows && mig_batch_compares_key(&search->scope, condition))
			return true;
		if (inner == NULL && find_filter(condition, search))
			return true;
		if (inner == NULL || !ask(search, queries, compares_key, NIL))
			continue;
		if (!ask(search, queries, is_limited, NIL))
			return true;
		nlimits++;
	}
	foreach(cell, mig_batch_relations_of((Node *) query->jointree, false, NIL))
	{
		if (!ask_relation(search, lfirst_int(cell), compares_key))
			continue;
		if (!ask_relation(search, lfirst_int(cell), is_limited))
			return true;
		nlimits++;
	}
	return nlimits + (has_range ? 1 : 0) > 1;
}

static bool
find_filter(Node *node, void *context)
{
	Search	   *search = context;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return ask(search, lcons(node, list_copy(search->scope.queries)), compares_key, NIL);
	return expression_tree_walker(node, find_filter, context);
}

/*
 * Whether a query, or one that it reads, compares the key with a parameter.
 */
static bool
compares_key(Search *search, List *key)
{
	List	   *queries = search->scope.queries;
	bool		result;

	search->seen = NIL;
	search->scope.queries = list_copy_tail(queries, 1);
	result = find_comparison(linitial(queries), search);
	search->scope.queries = queries;
	return result;
}

static bool
find_comparison(Node *node, void *context)
{
	Search	   *search = context;
	List	   *outer = search->scope.queries;
	Query	   *query = (Query *) node;
	List	   *inner;
	bool		result;
	ListCell   *cell;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, find_comparison, context);
	if (list_member_ptr(search->seen, node))
		return false;
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	search->seen = lappend(search->seen, node);
	search->scope.queries = lcons(node, list_copy(outer));
	result = compares_key_here(search, NIL) ||
		query_tree_walker(query, find_comparison, context, QTW_IGNORE_CTE_SUBQUERIES);
	foreach(cell, query->rtable)
	{
		const RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		search->scope.queries = lcons(node, list_copy(outer));
		if (entry->rtekind != RTE_CTE ||
			mig_batch_subquery(entry, search->scope.queries, &inner) == NULL)
			continue;
		search->scope.queries = list_copy_tail(inner, 1);
		result = result || find_comparison(linitial(inner), search);
	}
	search->scope.queries = outer;
	return result;
}

static bool
compares_key_here(Search *search, List *key)
{
	ListCell   *cell;

	foreach(cell, mig_batch_all_conditions_of(first_query(search)))
	{
		if (mig_batch_compares_key(&search->scope, lfirst(cell)))
			return true;
	}
	return false;
}

/*
 * Whether the rows of a query, which is the first one, come from the table.
 */
static bool
reads_table(const Search *search, List *queries, List **seen)
{
	const Query *query = linitial_node(Query, queries);
	List	   *relations = mig_batch_relations_of((Node *) query->jointree, false, NIL);

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	for (int varno = 1; varno <= list_length(query->rtable); varno++)
	{
		const RangeTblEntry *entry = rt_fetch(varno, query->rtable);
		Query	   *below;
		List	   *inner;

		if (query->setOperations == NULL && !list_member_int(relations, varno))
			continue;
		if (entry->rtekind == RTE_RELATION &&
			mig_batch_shares_rows(search->scope.batch, entry->relid))
			return true;
		below = mig_batch_subquery(entry, queries, &inner);
		if (below == NULL || list_member_ptr(*seen, below))
			continue;
		*seen = lappend(*seen, below);
		if (reads_table(search, inner, seen))
			return true;
	}
	return false;
}

static Query *
first_query(const Search *search)
{
	return linitial_node(Query, search->scope.queries);
}

static bool
ask(Search *search, List *queries, Question question, List *key)
{
	List	   *outer = search->scope.queries;
	bool		result;

	search->scope.queries = queries;
	result = question(search, key);
	search->scope.queries = outer;
	return result;
}

/*
 * Asks the query that a relation stands for.  That of WITH RECURSIVE within itself
 * is limited if its other part is, and compares nothing.
 */
static bool
ask_relation(Search *search, int varno, Question question)
{
	const RangeTblEntry *entry = rt_fetch(varno, first_query(search)->rtable);
	List	   *inner;

	if (entry->rtekind == RTE_CTE && entry->self_reference)
		return question == is_limited;
	return mig_batch_subquery(entry, search->scope.queries, &inner) != NULL &&
		ask(search, inner, question, NIL);
}
