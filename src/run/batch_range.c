/*
 * batch_range.c
 *	  Whether conditions are those of the range of a batch.
 *
 * Keys are looked up in the order of the key, both ends included.  A comparison in
 * another order, without an end, or with the parameter of another column would
 * silently leave out rows, or be about those of other batches, too.  Operators are
 * looked at by what they are to the order of the key, as the server has found them.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "run/batch_internal.h"

/* A column that is compared with a parameter. */
typedef struct Comparison
{
	MigBatchColumn column;
	int			parameter;		/* from 1; 0: it is another comparison */
	StrategyNumber strategy;	/* of the order of the key, with the column to
								 * the left; 0: of another one */
} Comparison;

static List *find_row(const MigBatchScope *scope, List *conditions);
static bool is_end(const MigBatchScope *scope, List *row, List *arms, List *beside,
				   int column, bool last);
static List *without(const MigBatchScope *scope, List *row, List *conditions,
					 int column, bool last, StrategyNumber strategy);
static bool is_comparison(const MigBatchScope *scope, List *row, Node *condition,
						  int column, int ncolumns, bool last,
						  StrategyNumber strategy);
static List *read_comparisons(const MigBatchScope *scope, Node *condition);
static Comparison *read_comparison(const MigBatchScope *scope, Node *one,
								   Node *other, Oid operator);
static StrategyNumber strategy_of(const MigBatch *batch, int key, Oid operator);

/*
 * Whether conditions, each of which uses a parameter, limit a relation to the range
 * of the batch: both ends are among them, and nothing else is.  varno: which one; 0:
 * any one.
 */
bool
mig_batch_is_range(const MigBatchScope *scope, int varno, List *conditions)
{
	List	   *row = find_row(scope, conditions);
	bool		has_end[2] = {false, false};
	ListCell   *cell;

	if (row == NIL || (varno > 0 && linitial_int(row) != varno))
		return false;
	foreach(cell, conditions)
	{
		Node	   *condition = lfirst(cell);
		List	   *arms = list_make1(list_make1(condition));
		int			ncolumns = list_length(read_comparisons(scope, condition));

		if (is_end(scope, row, arms, conditions, 0, false))
			has_end[0] = true;
		else if (is_end(scope, row, arms, conditions, 0, true))
			has_end[1] = true;
		else if (ncolumns == 0 ||
				 (!is_comparison(scope, row, condition, 0, ncolumns, false,
								 BTGreaterEqualStrategyNumber) &&
				  !is_comparison(scope, row, condition, 0, ncolumns, true,
								 BTLessEqualStrategyNumber)))
			return false;
	}
	return has_end[0] && has_end[1];
}

/*
 * The row of the table whose key is in conditions: of one of them.  What a subquery
 * in a condition has of this query is no comparison, and counts its levels from there.
 */
static List *
find_row(const MigBatchScope *scope, List *conditions)
{
	MigBatchColumn column;
	ListCell   *cell;

	foreach(cell, pull_vars_of_level((Node *) conditions, 0))
	{
		if (lfirst_node(Var, cell)->varlevelsup == 0 &&
			mig_batch_find_column(scope, lfirst(cell), &column) && column.key >= 0)
			return column.path;
	}
	return NIL;
}

/*
 * Whether the columns of the key from this one on are limited to the first key, or
 * to the last one, by the arms of an OR, each a list of what is joined by AND: a
 * comparison of rows, or what it means: a > $1 OR (a = $1 AND b >= $2).  The
 * equation is not needed where "a >= $1" stands beside it.
 */
static bool
is_end(const MigBatchScope *scope, List *row, List *arms, List *beside, int column,
	   bool last)
{
	int			nkey = scope->batch->nkey;
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
		List	   *rest = without(scope, row, conditions, column, last, within);
		Node	   *condition;

		if (list_length(conditions) == 1 &&
			is_comparison(scope, row, linitial(conditions), column, nkey - column,
						  last, within))
			return true;
		/* What stands beside an OR, if anything, is "a >= $1". */
		if (list_length(rest) != 1 || !is_orclause(linitial(rest)))
			return false;
		condition = linitial(rest);
		foreach(cell, ((BoolExpr *) condition)->args)
			others = lappend(others, mig_batch_conditions(lfirst(cell), false, NIL));
		return is_end(scope, row, others, list_concat_copy(beside, conditions),
					  column, last);
	}
	foreach(cell, arms)
	{
		List	   *conditions = lfirst(cell);
		List	   *rest;

		if (!found && list_length(conditions) == 1 &&
			is_comparison(scope, row, linitial(conditions), column, 1, last, strictly))
		{
			found = true;
			continue;
		}
		rest = without(scope, row, conditions, column, last, BTEqualStrategyNumber);
		if (list_length(rest) == list_length(conditions) &&
			list_length(without(scope, row, beside, column, last, within)) ==
			list_length(beside))
			return false;
		others = lappend(others, rest);
	}
	return found && is_end(scope, row, others, NIL, column + 1, last);
}

/*
 * The conditions but for one that compares the column so, if it is among them.
 */
static List *
without(const MigBatchScope *scope, List *row, List *conditions, int column, bool last,
		StrategyNumber strategy)
{
	List	   *rest = NIL;
	bool		found = false;
	ListCell   *cell;

	foreach(cell, conditions)
	{
		if (!found && is_comparison(scope, row, lfirst(cell), column, 1, last,
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
is_comparison(const MigBatchScope *scope, List *row, Node *condition, int column,
			  int ncolumns, bool last, StrategyNumber strategy)
{
	List	   *compared = read_comparisons(scope, condition);
	int			before = last ? scope->batch->nkey : 0;
	ListCell   *cell;

	if (list_length(compared) != ncolumns)
		return false;
	foreach(cell, compared)
	{
		const Comparison *comparison = lfirst(cell);
		int			expected = column + foreach_current_index(cell);

		if (comparison->parameter != before + expected + 1 ||
			!equal(comparison->column.path, row) ||
			comparison->column.key != expected ||
			comparison->strategy != strategy)
			return false;
	}
	return true;
}

/*
 * Raises an error for a comparison of a column of the key with the parameter of
 * another one, which is what was meant when the order of the key was not known.
 */
void
mig_batch_check_order(const MigBatchScope *scope, Node *node)
{
	const MigBatch *batch = scope->batch;
	ListCell   *cell;

	foreach(cell, read_comparisons(scope, node))
	{
		const Comparison *comparison = lfirst(cell);
		int			key = (comparison->parameter - 1) % batch->nkey;

		if (comparison->parameter > 0 && comparison->column.key >= 0 &&
			comparison->column.key != key)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the statement of a batch compares column \"%s\" with parameter $%d, which is of column \"%s\"",
							comparison->column.name, comparison->parameter,
							batch->key[key]),
					 errdetail("Parameters are in the order of the columns of the key. In another one rows would be left out."),
					 errhint("It needs the condition %s, or one that means the same.",
							 mig_batch_condition(batch))));
	}
}

/*
 * Whether an expression compares columns of other tables with parameters.
 */
bool
mig_batch_compares_others(const MigBatchScope *scope, Node *node)
{
	List	   *compared = read_comparisons(scope, node);
	ListCell   *cell;

	foreach(cell, compared)
	{
		const Comparison *comparison = lfirst(cell);

		if (comparison->parameter == 0 || !comparison->column.other)
			return false;
	}
	return compared != NIL;
}

/*
 * What a comparison of two values, or of two rows, compares; NIL: it is none.
 */
static List *
read_comparisons(const MigBatchScope *scope, Node *condition)
{
	List	   *result = NIL;
	ListCell   *left;
	ListCell   *right;
	ListCell   *operator;

	if (IsA(condition, OpExpr) && list_length(((OpExpr *) condition)->args) == 2)
	{
		const OpExpr *expr = (const OpExpr *) condition;

		return list_make1(read_comparison(scope, linitial(expr->args),
										  lsecond(expr->args), expr->opno));
	}
	if (IsA(condition, RowCompareExpr))
		forthree(left, ((RowCompareExpr *) condition)->largs,
				 right, ((RowCompareExpr *) condition)->rargs,
				 operator, ((RowCompareExpr *) condition)->opnos)
			result = lappend(result,
							 read_comparison(scope, lfirst(left), lfirst(right),
											 lfirst_oid(operator)));
	return result;
}

static Comparison *
read_comparison(const MigBatchScope *scope, Node *one, Node *other, Oid operator)
{
	Comparison *result = palloc0(sizeof(Comparison));
	const Param *param = (const Param *) strip_implicit_coercions(other);

	if (!mig_batch_find_column(scope, one, &result->column))
	{
		if (!mig_batch_find_column(scope, other, &result->column))
			return result;
		param = (const Param *) strip_implicit_coercions(one);
		operator = get_commutator(operator);
	}
	/* Those of "IN (SELECT ...)" have numbers of their own. */
	if (!IsA(param, Param) || param->paramkind != PARAM_EXTERN)
		return result;
	result->parameter = param->paramid;
	if (result->column.key >= 0)
		result->strategy = strategy_of(scope->batch, result->column.key, operator);
	return result;
}

static StrategyNumber
strategy_of(const MigBatch *batch, int key, Oid operator)
{
	Oid			type = batch->columns[key].type;

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
