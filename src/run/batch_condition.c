/*
 * batch_condition.c
 *	  Whether the statement of a batch is limited to the keys of the batch.
 *
 * Keys are looked up in the order of the key, both ends included.  A statement
 * that compares the table with its parameters in another way would silently leave
 * out rows, or be about those of other batches, too; one that changes the table
 * without a condition on its key would change all rows in each batch.  It is
 * looked at as the server has analyzed it, operators by what they are to the order
 * of the key, columns through views, subqueries and WITH.
 *
 * What cannot be seen to be right is refused, where it compares columns of the
 * table.  What a statement leaves to functions, or compares with the columns of
 * other tables, its author answers for.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "run/run_internal.h"

/* A column of the table that is compared with a parameter. */
typedef struct Comparison
{
	MigBatchColumn column;
	int			parameter;		/* from 1; 0: it is another comparison */
	StrategyNumber strategy;	/* of the order of the key, with the column to
								 * the left; 0: of another one */
} Comparison;

/* What is looked for. */
typedef struct Search
{
	MigBatchScope scope;		/* of the query that is walked through */
	bool		in_value;		/* in a query that gives a value, no rows */
	bool		compared;		/* columns of the table with parameters */
	bool		exact;			/* in a query whose rows are those of the
								 * batch */
	bool		inexact;		/* in one whose rows are others */
	bool		unlimited;		/* rows are changed whose key is not looked at */
	const Comparison *crossed;	/* of the key, with the parameter of another
								 * column */
} Search;

static bool find_comparisons(Node *node, void *context);
static void look_at_query(Search *search, Query *query);
static void look_at_comparison(Search *search, Node *node);
static bool is_exact(const Search *search, const Query *query, int varno,
					 List *conditions);
static bool leaves_out_rows(const Query *query);
static bool reads_table(const Search *search, List *queries, List **seen);
static List *conditions_of_query(const Query *query);
static List *conditions_of(Node *node, List *conditions);
static bool is_end(const Search *search, int varno, List *arms, List *beside,
				   int column, bool last);
static List *without(const Search *search, int varno, List *conditions, int column,
					 bool last, StrategyNumber strategy);
static bool is_comparison(const Search *search, int varno, Node *condition,
						  int column, int ncolumns, bool last,
						  StrategyNumber strategy);
static bool is_limited(Search *search, const Query *query, List *conditions);
static bool has_equal_key(Search *search, List *conditions, int varno, int levelsup,
						  Query *given);
static bool equals_key(Search *search, Node *condition, int key, int varno,
					   int levelsup, Query *given, int *relation);
static bool gives_key(Search *search, Node *other, int key, Query *given,
					  int *relation);
static bool is_of_batch(const Search *search, Node *node);
static List *read_comparisons(const Search *search, Node *condition);
static Comparison *read_comparison(const Search *search, Node *one,
								   Node *other, Oid operator);
static StrategyNumber strategy_of(const Search *search, int key, Oid operator);

void
mig_batch_check_condition(const MigBatch *batch, List *queries)
{
	Search		search = {{batch}};
	const Comparison *crossed;

	if (get_rel_relispartition(batch->relation))
		search.scope.ancestors = get_partition_ancestors(batch->relation);
	(void) find_comparisons((Node *) queries, &search);
	crossed = search.crossed;
	if (crossed != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the statement of a batch compares column \"%s\" with parameter $%d, which is of column \"%s\"",
						crossed->column.name, crossed->parameter,
						batch->key[(crossed->parameter - 1) % batch->nkey]),
				 errdetail("Parameters are in the order of the columns of the key. In another one rows would be left out."),
				 errhint("It needs the condition %s, or one that means the same.",
						 mig_batch_condition(batch))));
	if (search.inexact || (search.compared && !search.exact))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the statement of a batch cannot be seen to be about exactly the rows of the batch"),
				 errdetail("Rows could be left out, or be in two batches."),
				 errhint("It needs the condition %s of table %s itself, joined to others by AND, without a cast or COLLATE, and no other comparison of the key with a parameter.",
						 mig_batch_condition(batch), batch->relation_name)));
	if (search.unlimited)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the statement of a batch is not limited to the rows of the batch"),
				 errdetail("It changes rows of table %s without a condition on their key, or one that joins them by their key to the rows of the batch.",
						   batch->relation_name),
				 errhint("It needs the condition %s.",
						 mig_batch_condition(batch))));
}

static bool
find_comparisons(Node *node, void *context)
{
	Search	   *search = context;

	if (node == NULL || search->crossed != NULL)
		return false;
	if (IsA(node, Query))
	{
		search->scope.queries = lcons(node, search->scope.queries);
		look_at_query(search, (Query *) node);
		(void) query_tree_walker((Query *) node, find_comparisons, context, 0);
		search->scope.queries = list_delete_first(search->scope.queries);
		return false;
	}
	if (IsA(node, SubLink) &&
		(((SubLink *) node)->subLinkType == EXPR_SUBLINK ||
		 ((SubLink *) node)->subLinkType == MULTIEXPR_SUBLINK ||
		 ((SubLink *) node)->subLinkType == EXISTS_SUBLINK))
	{
		bool		in_value = search->in_value;

		search->in_value = true;
		(void) expression_tree_walker(node, find_comparisons, context);
		search->in_value = in_value;
		return false;
	}
	look_at_comparison(search, node);
	return expression_tree_walker(node, find_comparisons, context);
}

static void
look_at_query(Search *search, Query *query)
{
	List	   *conditions = conditions_of_query(query);
	bool		exact = false;
	List	   *seen = NIL;
	ListCell   *cell;

	for (int varno = 1; varno <= list_length(query->rtable); varno++)
		exact = exact || is_exact(search, query, varno, conditions);
	search->exact = search->exact || exact;
	if (!search->in_value && leaves_out_rows(query) &&
		reads_table(search, search->scope.queries, &seen))
		search->inexact = true;
	foreach(cell, search->in_value || exact ? NIL : conditions)
	{
		MigBatchMentions found = mig_batch_mentions(&search->scope, lfirst(cell));

		if (found.key && found.parameter)
			search->inexact = true;
	}
	if (query->resultRelation != 0 && query->commandType != CMD_INSERT &&
		!is_limited(search, query, conditions))
		search->unlimited = true;
}

static void
look_at_comparison(Search *search, Node *node)
{
	MigBatchMentions found;
	ListCell   *cell;

	if ((IsA(node, OpExpr) && ((OpExpr *) node)->opresulttype == BOOLOID) ||
		IsA(node, RowCompareExpr) || IsA(node, DistinctExpr) ||
		IsA(node, ScalarArrayOpExpr))
	{
		found = mig_batch_mentions(&search->scope, node);
		search->compared = search->compared || (found.column && found.parameter);
	}
	foreach(cell, read_comparisons(search, node))
	{
		const Comparison *comparison = lfirst(cell);

		if (search->crossed == NULL && comparison->parameter > 0 &&
			comparison->column.key >= 0 &&
			(comparison->parameter - 1) % search->scope.batch->nkey != comparison->column.key)
			search->crossed = comparison;
	}
}

/*
 * Whether the rows of a query are those of the batch, as far as their key in that
 * relation of the query tells: both ends are among the conditions, and no other
 * one compares the key with a parameter.
 */
static bool
is_exact(const Search *search, const Query *query, int varno, List *conditions)
{
	bool		has_end[2] = {false, false};
	ListCell   *cell;

	if (leaves_out_rows(query))
		return false;
	foreach(cell, query->mergeActionList)
	{
		const MergeAction *action = lfirst_node(MergeAction, cell);
		MigBatchMentions found = mig_batch_mentions(&search->scope, action->qual);

		/* ON is no condition for rows that are not matched. */
		if (!mig_compat_when_matched(action) || (found.key && found.parameter))
			return false;
	}
	foreach(cell, conditions)
	{
		Node	   *condition = lfirst(cell);
		List	   *arms = list_make1(list_make1(condition));
		int			ncolumns = list_length(read_comparisons(search, condition));
		MigBatchMentions found = mig_batch_mentions(&search->scope, condition);

		if (!found.key || !found.parameter)
			continue;
		if (is_end(search, varno, arms, conditions, 0, false))
			has_end[0] = true;
		else if (is_end(search, varno, arms, conditions, 0, true))
			has_end[1] = true;
		else if (ncolumns == 0 ||
				 (!is_comparison(search, varno, condition, 0, ncolumns, false,
								 BTGreaterEqualStrategyNumber) &&
				  !is_comparison(search, varno, condition, 0, ncolumns, true,
								 BTLessEqualStrategyNumber)))
			return false;
	}
	return has_end[0] && has_end[1];
}

/*
 * LIMIT and OFFSET, rows that others have locked, a sample.
 */
static bool
leaves_out_rows(const Query *query)
{
	ListCell   *cell;

	if (query->limitCount != NULL || query->limitOffset != NULL)
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
 * Whether the rows of a query, which is the first one, come from the table.
 */
static bool
reads_table(const Search *search, List *queries, List **seen)
{
	ListCell   *cell;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	foreach(cell, linitial_node(Query, queries)->rtable)
	{
		const RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);
		List	   *inner;
		Query	   *query = mig_batch_subquery(entry, queries, &inner);

		if (entry->rtekind == RTE_RELATION &&
			entry->relid == search->scope.batch->relation)
			return true;
		if (query == NULL || list_member_ptr(*seen, query))
			continue;
		*seen = lappend(*seen, query);
		if (reads_table(search, inner, seen))
			return true;
	}
	return false;
}

/*
 * The conditions that all rows fulfil.
 */
static List *
conditions_of_query(const Query *query)
{
	return conditions_of(mig_compat_merge_condition(query),
						 conditions_of((Node *) query->jointree, NIL));
}

static List *
conditions_of(Node *node, List *conditions)
{
	ListCell   *cell;

	if (node == NULL)
		return conditions;
	if (IsA(node, FromExpr))
	{
		foreach(cell, ((FromExpr *) node)->fromlist)
			conditions = conditions_of(lfirst(cell), conditions);
		return conditions_of(((FromExpr *) node)->quals, conditions);
	}
	if (IsA(node, JoinExpr))
	{
		const JoinExpr *join = (const JoinExpr *) node;

		if (join->jointype != JOIN_INNER)
			return conditions;
		conditions = conditions_of(join->larg, conditions);
		conditions = conditions_of(join->rarg, conditions);
		return conditions_of(join->quals, conditions);
	}
	if (IsA(node, RangeTblRef))
		return conditions;
	if (is_andclause(node))
	{
		foreach(cell, ((BoolExpr *) node)->args)
			conditions = conditions_of(lfirst(cell), conditions);
		return conditions;
	}
	return lappend(conditions, node);
}

/*
 * Whether the columns of the key from this one on are limited to the first key, or
 * to the last one, by the arms of an OR, each a list of what is joined by AND: a
 * comparison of rows, or what it means: a > $1 OR (a = $1 AND b >= $2).  The
 * equation is not needed where "a >= $1" stands beside it.
 */
static bool
is_end(const Search *search, int varno, List *arms, List *beside, int column,
	   bool last)
{
	int			nkey = search->scope.batch->nkey;
	StrategyNumber within = last ? BTLessEqualStrategyNumber : BTGreaterEqualStrategyNumber;
	StrategyNumber strictly = last ? BTLessStrategyNumber : BTGreaterStrategyNumber;
	List	   *others = NIL;
	bool		found = false;
	ListCell   *cell;

	if (column == nkey)
		return false;
	if (list_length(arms) == 1)
	{
		List	   *conditions = linitial(arms);
		List	   *rest = without(search, varno, conditions, column, last, within);
		Node	   *condition;

		if (list_length(conditions) == 1 &&
			is_comparison(search, varno, linitial(conditions), column, nkey - column,
						  last, within))
			return true;
		/* What stands beside an OR, if anything, is "a >= $1". */
		if (list_length(rest) != 1 || !is_orclause(linitial(rest)))
			return false;
		condition = linitial(rest);
		foreach(cell, ((BoolExpr *) condition)->args)
			others = lappend(others, conditions_of(lfirst(cell), NIL));
		return is_end(search, varno, others, list_concat_copy(beside, conditions),
					  column, last);
	}
	foreach(cell, arms)
	{
		List	   *conditions = lfirst(cell);
		List	   *rest;

		if (!found && list_length(conditions) == 1 &&
			is_comparison(search, varno, linitial(conditions), column, 1, last, strictly))
		{
			found = true;
			continue;
		}
		rest = without(search, varno, conditions, column, last, BTEqualStrategyNumber);
		if (list_length(rest) == list_length(conditions) &&
			list_length(without(search, varno, beside, column, last, within)) ==
			list_length(beside))
			return false;
		others = lappend(others, rest);
	}
	return found && is_end(search, varno, others, NIL, column + 1, last);
}

/*
 * The conditions but for one that compares the column so, if it is among them.
 */
static List *
without(const Search *search, int varno, List *conditions, int column, bool last,
		StrategyNumber strategy)
{
	List	   *rest = NIL;
	bool		found = false;
	ListCell   *cell;

	foreach(cell, conditions)
	{
		if (!found && is_comparison(search, varno, lfirst(cell), column, 1, last,
									strategy))
			found = true;
		else
			rest = lappend(rest, lfirst(cell));
	}
	return rest;
}

/*
 * Whether a condition compares that many columns of the key, from this one on, with
 * those of the first key, or of the last one.
 */
static bool
is_comparison(const Search *search, int varno, Node *condition, int column,
			  int ncolumns, bool last, StrategyNumber strategy)
{
	List	   *compared = read_comparisons(search, condition);
	int			before = last ? search->scope.batch->nkey : 0;
	ListCell   *cell;

	if (list_length(compared) != ncolumns)
		return false;
	foreach(cell, compared)
	{
		const Comparison *comparison = lfirst(cell);
		int			expected = column + foreach_current_index(cell);

		if (comparison->parameter != before + expected + 1 ||
			comparison->column.varno != varno ||
			comparison->column.key != expected ||
			comparison->strategy != strategy)
			return false;
	}
	return true;
}

/*
 * Whether the rows that a query changes are limited by their key, if they are of
 * the table: by its parameters, or as those that have the key of another row.  ON
 * limits no rows that MERGE does not find in its source.
 */
static bool
is_limited(Search *search, const Query *query, List *conditions)
{
	int			varno = query->resultRelation;
	ListCell   *cell;

	if (rt_fetch(varno, query->rtable)->relid != search->scope.batch->relation ||
		is_exact(search, query, varno, conditions))
		return true;
	foreach(cell, query->mergeActionList)
	{
		if (mig_compat_by_source(lfirst_node(MergeAction, cell)))
			return false;
	}
	if (has_equal_key(search, conditions, varno, 0, NULL))
		return true;
	foreach(cell, conditions)
	{
		const SubLink *link = lfirst(cell);
		Query	   *inner;

		if (!IsA(link, SubLink))
			continue;
		inner = castNode(Query, link->subselect);
		if (link->subLinkType == ANY_SUBLINK &&
			has_equal_key(search, conditions_of(link->testexpr, NIL), varno, 0, inner))
			return true;
		if (link->subLinkType == EXISTS_SUBLINK)
		{
			bool		limited;

			search->scope.queries = lcons(inner, search->scope.queries);
			limited = has_equal_key(search, conditions_of_query(inner), varno, 1, NULL);
			search->scope.queries = list_delete_first(search->scope.queries);
			if (limited)
				return true;
		}
	}
	return false;
}

/*
 * Whether the conditions say that each column of the key of a relation is equal to
 * something, which for IN a query gives: if to columns of the table, to those of
 * one relation, whose rows are of the batch.
 */
static bool
has_equal_key(Search *search, List *conditions, int varno, int levelsup,
			  Query *given)
{
	int			relation = 0;

	for (int key = 0; key < search->scope.batch->nkey; key++)
	{
		bool		found = false;
		ListCell   *cell;

		foreach(cell, conditions)
			found = found || equals_key(search, lfirst(cell), key, varno, levelsup,
										given, &relation);
		if (!found)
			return false;
	}
	return true;
}

static bool
equals_key(Search *search, Node *condition, int key, int varno, int levelsup,
		   Query *given, int *relation)
{
	List	   *args = NIL;
	Oid			operator = InvalidOid;

	if (IsA(condition, OpExpr))
	{
		args = ((OpExpr *) condition)->args;
		operator = ((OpExpr *) condition)->opno;
	}
	else if (IsA(condition, ScalarArrayOpExpr) &&
			 ((ScalarArrayOpExpr *) condition)->useOr)
	{
		args = ((ScalarArrayOpExpr *) condition)->args;
		operator = ((ScalarArrayOpExpr *) condition)->opno;
	}
	if (list_length(args) != 2 ||
		strategy_of(search, key, operator) != BTEqualStrategyNumber)
		return false;
	for (int i = 0; i < 2; i++)
	{
		const Var  *var = (const Var *) strip_implicit_coercions(list_nth(args, i));
		MigBatchColumn column;

		if (IsA(var, Var) && var->varno == varno && var->varlevelsup == levelsup &&
			mig_batch_find_column(&search->scope, search->scope.queries,
								  (const Node *) var, &column) &&
			column.key == key)
			return gives_key(search, list_nth(args, 1 - i), key, given, relation);
	}
	return false;
}

/*
 * Whether what a column of the key is equal to limits the rows.  It does if it is
 * of no row of the table, and if it is that column of a row of the batch.
 */
static bool
gives_key(Search *search, Node *other, int key, Query *given, int *relation)
{
	List	   *queries = search->scope.queries;
	const Param *param = (const Param *) strip_implicit_coercions(other);
	const SubLink *link = (const SubLink *) param;
	int			number = 1;
	Search		inner = *search;
	MigBatchColumn column;

	if (IsA(param, Param) && param->paramkind == PARAM_SUBLINK)
		number = param->paramid;
	else if (IsA(link, SubLink))
		given = castNode(Query, link->subselect);
	else
		given = NULL;
	if (given != NULL)
	{
		const TargetEntry *target = get_tle_by_resno(given->targetList, number);

		if (target == NULL)
			return false;
		other = (Node *) target->expr;
		queries = lcons(given, list_copy(queries));
	}
	inner.scope.queries = queries;
	if (!mig_batch_mentions(&inner.scope, other).column)
		return true;
	if (!mig_batch_find_column(&inner.scope, queries, other, &column) ||
		column.key != key || column.varno == 0 ||
		(*relation != 0 && *relation != column.varno))
		return false;
	*relation = column.varno;
	return is_of_batch(&inner, other);
}

/*
 * Whether a column is one of rows of the batch: where it comes from, or on the way,
 * its relation is limited to them.
 */
static bool
is_of_batch(const Search *search, Node *node)
{
	const Query *query = linitial_node(Query, search->scope.queries);
	const Var  *var = (const Var *) strip_implicit_coercions(node);
	Search		inner = *search;
	Node	   *source;

	if (var == NULL || !IsA(var, Var) || var->varlevelsup > 0)
		return false;
	if (is_exact(search, query, var->varno, conditions_of_query(query)))
		return true;
	source = mig_batch_source(var, search->scope.queries, &inner.scope.queries);
	return source != NULL && is_of_batch(&inner, source);
}

/*
 * What a comparison of two values, or of two rows, compares; NIL: it is none.
 */
static List *
read_comparisons(const Search *search, Node *condition)
{
	List	   *result = NIL;
	ListCell   *left;
	ListCell   *right;
	ListCell   *operator;

	if (IsA(condition, OpExpr) && list_length(((OpExpr *) condition)->args) == 2)
	{
		const OpExpr *expr = (const OpExpr *) condition;

		return list_make1(read_comparison(search, linitial(expr->args),
										  lsecond(expr->args), expr->opno));
	}
	if (IsA(condition, RowCompareExpr))
		forthree(left, ((RowCompareExpr *) condition)->largs,
				 right, ((RowCompareExpr *) condition)->rargs,
				 operator, ((RowCompareExpr *) condition)->opnos)
			result = lappend(result,
							 read_comparison(search, lfirst(left), lfirst(right),
											 lfirst_oid(operator)));
	return result;
}

static Comparison *
read_comparison(const Search *search, Node *one, Node *other, Oid operator)
{
	Comparison *result = palloc0(sizeof(Comparison));
	const Param *param = (const Param *) strip_implicit_coercions(other);

	if (!mig_batch_find_column(&search->scope, search->scope.queries, one, &result->column))
	{
		if (!mig_batch_find_column(&search->scope, search->scope.queries, other, &result->column))
			return result;
		param = (const Param *) strip_implicit_coercions(one);
		operator = get_commutator(operator);
	}
	/* Those of "IN (SELECT ...)" have numbers of their own. */
	if (!IsA(param, Param) || param->paramkind != PARAM_EXTERN)
		return result;
	result->parameter = param->paramid;
	if (result->column.key >= 0)
		result->strategy = strategy_of(search, result->column.key, operator);
	return result;
}

static StrategyNumber
strategy_of(const Search *search, int key, Oid operator)
{
	Oid			type = search->scope.batch->columns[key].type;

	return get_op_opfamily_strategy(operator,
									get_opclass_family(GetDefaultOpClass(type, BTREE_AM_OID)));
}

/*
 * "id BETWEEN $1 AND $2", "(a, b) >= ($1, $2) AND (a, b) <= ($3, $4)"
 */
char *
mig_batch_condition(const MigBatch *batch)
{
	StringInfoData columns;
	StringInfoData buf;

	initStringInfo(&columns);
	for (int i = 0; i < batch->nkey; i++)
		appendStringInfo(&columns, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(batch->key[i]));
	if (batch->nkey == 1)
		return psprintf("%s BETWEEN $1 AND $2", columns.data);
	initStringInfo(&buf);
	for (int end = 0; end < 2; end++)
	{
		appendStringInfo(&buf, "%s(%s) %s (", end > 0 ? " AND " : "",
						 columns.data, end > 0 ? "<=" : ">=");
		for (int i = 1; i <= batch->nkey; i++)
			appendStringInfo(&buf, "%s$%d", i > 1 ? ", " : "",
							 end * batch->nkey + i);
		appendStringInfoChar(&buf, ')');
	}
	return buf.data;
}
