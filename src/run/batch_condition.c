/*
 * batch_condition.c
 *	  The condition that limits the statement of a batch to the keys of the batch.
 *
 * Keys are looked up in the order of the key, both ends included.  A statement
 * that compares the key with its parameters in another way would silently leave
 * out rows, or be about those of other batches, too.  It is looked at as the
 * server has analyzed it, operators by what they are to the order of the key.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "run/run_internal.h"

/* A column of the key that is compared with a parameter. */
typedef struct Comparison
{
	int			column;			/* from 0 */
	int			parameter;		/* from 1; 0: it is another comparison */
	StrategyNumber strategy;	/* with the column to the left */
} Comparison;

/* The search for comparisons of the key with parameters. */
typedef struct Comparisons
{
	const MigBatch *batch;
	List	   *rtable;			/* of the query that is walked through */
	bool		found;
	bool		exact;			/* a query has the condition on both ends, and
								 * none that leaves out keys between them */
	const Comparison *crossed;	/* a column with the parameter of another one */
} Comparisons;

/* What an expression mentions. */
typedef struct Mentions
{
	const Comparisons *comparisons;
	bool		key;			/* a column of it */
	bool		parameter;
} Mentions;

static bool find_comparisons(Node *node, void *context);
static bool is_exact(const Comparisons *comparisons, const Query *query);
static List *conditions_of(Node *node, List *conditions);
static bool has_end(const Comparisons *comparisons, List *conditions,
					int column, bool last);
static bool has_comparison(const Comparisons *comparisons, List *conditions,
						   int column, bool last, StrategyNumber strategy);
static bool is_comparison(const Comparisons *comparisons, Node *condition,
						  int column, int ncolumns, bool last,
						  StrategyNumber strategy);
static bool leaves_out_keys(const Comparisons *comparisons, Node *condition);
static List *read_comparisons(const Comparisons *comparisons, Node *condition);
static Comparison *read_comparison(const Comparisons *comparisons, Node *one,
								   Node *other, Oid operator);
static int	column_of_key(const Comparisons *comparisons, const Node *node);
static bool find_mentions(Node *node, void *context);

/*
 * A statement that compares the key with the parameters must do so as the keys
 * are looked up: otherwise rows would be left out silently, or be in two batches.
 * One that does not is the author's to answer for: it may call a function, or
 * compare the key of another table.
 */
void
mig_batch_check_condition(const MigBatch *batch, List *queries)
{
	Comparisons comparisons = {batch};
	const Comparison *crossed;

	(void) find_comparisons((Node *) queries, &comparisons);
	crossed = comparisons.crossed;
	if (crossed != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the statement of a batch compares column \"%s\" with parameter $%d, which is of column \"%s\"",
						batch->key[crossed->column], crossed->parameter,
						batch->key[(crossed->parameter - 1) % batch->nkey]),
				 errdetail("Parameters are in the order of the columns of the key. In another one rows would be left out."),
				 errhint("It needs the condition %s, or one that means the same.",
						 mig_batch_condition(batch))));
	if (comparisons.found && !comparisons.exact)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the statement of a batch is not about exactly the rows from its first key to its last key"),
				 errdetail("As it compares the key with the parameters, rows of the batch would be left out, or rows of other batches be changed, too."),
				 errhint("It needs the condition %s, joined to others by AND, without a cast or COLLATE.",
						 mig_batch_condition(batch))));
}

static bool
find_comparisons(Node *node, void *context)
{
	Comparisons *comparisons = context;
	ListCell   *cell;

	if (node == NULL || comparisons->crossed != NULL)
		return false;
	if (IsA(node, Query))
	{
		List	   *rtable = comparisons->rtable;

		comparisons->rtable = ((Query *) node)->rtable;
		if (is_exact(comparisons, (Query *) node))
			comparisons->exact = true;
		(void) query_tree_walker((Query *) node, find_comparisons, context, 0);
		comparisons->rtable = rtable;
		return false;
	}
	if (IsA(node, OpExpr) || IsA(node, RowCompareExpr) ||
		IsA(node, DistinctExpr) || IsA(node, ScalarArrayOpExpr))
	{
		Mentions	mentions = {comparisons};

		(void) expression_tree_walker(node, find_mentions, &mentions);
		if (mentions.key && mentions.parameter)
			comparisons->found = true;
	}
	foreach(cell, read_comparisons(comparisons, node))
	{
		const Comparison *comparison = lfirst(cell);

		if (comparisons->crossed == NULL && comparison->parameter > 0 &&
			(comparison->parameter - 1) % comparisons->batch->nkey != comparison->column)
			comparisons->crossed = comparison;
	}
	return expression_tree_walker(node, find_comparisons, context);
}

/*
 * Whether all rows that a query is about are of the batch, and as far as the key
 * tells all those.
 */
static bool
is_exact(const Comparisons *comparisons, const Query *query)
{
	List	   *conditions = conditions_of((Node *) query->jointree, NIL);
	ListCell   *cell;

	/* ON is no condition for rows that are not matched. */
	foreach(cell, query->mergeActionList)
	{
		if (!mig_compat_when_matched(lfirst_node(MergeAction, cell)))
			return false;
	}
	conditions = conditions_of(mig_compat_merge_condition(query), conditions);
	if (!has_end(comparisons, conditions, 0, false) ||
		!has_end(comparisons, conditions, 0, true))
		return false;
	foreach(cell, conditions)
	{
		if (leaves_out_keys(comparisons, lfirst(cell)))
			return false;
	}
	return true;
}

/*
 * Adds the conditions that all rows fulfil.
 */
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
 * to the last one: in the order of the key, so by a comparison of rows, or by what
 * it means: a > $1 OR (a = $1 AND b >= $2), or a >= $1 AND (a > $1 OR b >= $2).
 */
static bool
has_end(const Comparisons *comparisons, List *conditions, int column, bool last)
{
	int			nkey = comparisons->batch->nkey;
	StrategyNumber within = last ? BTLessEqualStrategyNumber : BTGreaterEqualStrategyNumber;
	StrategyNumber strictly = last ? BTLessStrategyNumber : BTGreaterStrategyNumber;
	ListCell   *cell;

	if (column == nkey)
		return false;
	foreach(cell, conditions)
	{
		Node	   *condition = lfirst(cell);

		if (is_comparison(comparisons, condition, column, nkey - column, last, within))
			return true;
		if (!is_orclause(condition) ||
			list_length(((BoolExpr *) condition)->args) != 2)
			continue;
		for (int i = 0; i < 2; i++)
		{
			List	   *args = ((BoolExpr *) condition)->args;
			List	   *others = conditions_of(list_nth(args, 1 - i), NIL);

			if (is_comparison(comparisons, list_nth(args, i), column, 1, last, strictly) &&
				(has_comparison(comparisons, others, column, last,
								BTEqualStrategyNumber) ||
				 has_comparison(comparisons, conditions, column, last, within)) &&
				has_end(comparisons, others, column + 1, last))
				return true;
		}
	}
	return false;
}

static bool
has_comparison(const Comparisons *comparisons, List *conditions, int column,
			   bool last, StrategyNumber strategy)
{
	ListCell   *cell;

	foreach(cell, conditions)
	{
		if (is_comparison(comparisons, lfirst(cell), column, 1, last, strategy))
			return true;
	}
	return false;
}

/*
 * Whether a condition compares that many columns of the key, from this one on, with
 * those of the first key, or of the last one.
 */
static bool
is_comparison(const Comparisons *comparisons, Node *condition, int column,
			  int ncolumns, bool last, StrategyNumber strategy)
{
	List	   *compared = read_comparisons(comparisons, condition);
	int			before = last ? comparisons->batch->nkey : 0;
	ListCell   *cell;

	if (list_length(compared) != ncolumns)
		return false;
	foreach(cell, compared)
	{
		const Comparison *comparison = lfirst(cell);
		int			expected = column + foreach_current_index(cell);

		if (comparison->column != expected ||
			comparison->parameter != before + expected + 1 ||
			comparison->strategy != strategy)
			return false;
	}
	return true;
}

/*
 * Whether a condition on the key is not true of all keys of the batch: of those of
 * (a, b) from (1, 5) to (2, 3), "b >= $2" is not.
 */
static bool
leaves_out_keys(const Comparisons *comparisons, Node *condition)
{
	List	   *compared = read_comparisons(comparisons, condition);
	ListCell   *cell;

	foreach(cell, compared)
	{
		if (((const Comparison *) lfirst(cell))->parameter > 0)
			return !is_comparison(comparisons, condition, 0, list_length(compared),
								  false, BTGreaterEqualStrategyNumber) &&
				!is_comparison(comparisons, condition, 0, list_length(compared),
							   true, BTLessEqualStrategyNumber);
	}
	return false;
}

/*
 * What a comparison of two values, or of two rows, compares; NIL: it is none.
 */
static List *
read_comparisons(const Comparisons *comparisons, Node *condition)
{
	List	   *result = NIL;
	ListCell   *left;
	ListCell   *right;
	ListCell   *operator;

	if (IsA(condition, OpExpr) && list_length(((OpExpr *) condition)->args) == 2)
	{
		const OpExpr *expr = (const OpExpr *) condition;

		return list_make1(read_comparison(comparisons, linitial(expr->args),
										  lsecond(expr->args), expr->opno));
	}
	if (IsA(condition, RowCompareExpr))
		forthree(left, ((RowCompareExpr *) condition)->largs,
				 right, ((RowCompareExpr *) condition)->rargs,
				 operator, ((RowCompareExpr *) condition)->opnos)
			result = lappend(result,
							 read_comparison(comparisons, lfirst(left), lfirst(right),
											 lfirst_oid(operator)));
	return result;
}

static Comparison *
read_comparison(const Comparisons *comparisons, Node *one, Node *other,
				Oid operator)
{
	Comparison *result = palloc0(sizeof(Comparison));
	int			column = column_of_key(comparisons, one);
	const Param *param = (const Param *) strip_implicit_coercions(other);
	Oid			type;

	if (column < 0)
	{
		column = column_of_key(comparisons, other);
		param = (const Param *) strip_implicit_coercions(one);
		operator = get_commutator(operator);
	}
	/* Those of "IN (SELECT ...)" have numbers of their own. */
	if (column < 0 || !IsA(param, Param) || param->paramkind != PARAM_EXTERN)
		return result;
	type = comparisons->batch->columns[column].type;
	result->column = column;
	result->parameter = param->paramid;
	result->strategy = get_op_opfamily_strategy(operator,
												get_opclass_family(GetDefaultOpClass(type, BTREE_AM_OID)));
	return result;
}

/*
 * Which column of the key an expression is, from 0; -1: none.
 */
static int
column_of_key(const Comparisons *comparisons, const Node *node)
{
	const MigBatch *batch = comparisons->batch;
	const Var  *var = (const Var *) strip_implicit_coercions(unconstify(Node *, node));
	const RangeTblEntry *entry;
	const char *name;

	if (!IsA(var, Var) || var->varlevelsup > 0)
		return -1;
	entry = rt_fetch(var->varno, comparisons->rtable);
	if (entry->rtekind != RTE_RELATION || entry->relid != batch->relation)
		return -1;
	name = get_attname(batch->relation, var->varattno, true);
	for (int i = 0; name != NULL && i < batch->nkey; i++)
	{
		if (strcmp(name, batch->key[i]) == 0)
			return i;
	}
	return -1;
}

static bool
find_mentions(Node *node, void *context)
{
	Mentions   *mentions = context;

	if (node == NULL || IsA(node, Query))
		return false;
	if (IsA(node, Var) && column_of_key(mentions->comparisons, node) >= 0)
		mentions->key = true;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN)
		mentions->parameter = true;
	return expression_tree_walker(node, find_mentions, context);
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
