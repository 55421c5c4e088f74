/*
 * batch_statement.c
 *	  Checks the statement of a batch, and runs it.
 *
 * It must be one that a batch can be: an error when it is given is better than
 * one in the middle, and what ignores the key would be run for all rows again and
 * again.  It is read by the server's own parser, and analyzed by the server, which
 * says which parameters it uses.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_node.h"
#include "parser/parsetree.h"
#include "tcop/dest.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"

#include "base/spi.h"
#include "run/batch_internal.h"

/* Which parameters a statement uses. */
typedef struct Usage
{
	const MigBatch *batch;
	bool	   *used;
} Usage;

/* The search for a column of the key that a statement changes. */
typedef struct KeyChanges
{
	const MigBatch *batch;
	int			nnames;
	char	  **names;			/* of the columns that the key is made of */
	const char *column;			/* NULL: none was found */
} KeyChanges;

static void check_kind(const MigBatch *batch, const Node *statement);
static void check_analyzed(const MigBatch *batch);
static void check_parameters(const Usage *usage);
static void check_key_is_kept(const MigBatch *batch, List *queries);
static bool is_of_key(const MigBatch *batch, const char *column);
static void find_key_columns(KeyChanges *changes);
static bool find_key_changes(Node *node, void *context);
static void look_at_targets(KeyChanges *changes, Oid relation, List *targets);
static void set_up_parser(ParseState *pstate, void *arg);
static Node *use_parameter(ParseState *pstate, ParamRef *ref);
static void add_context(void *arg);

/*
 * It must be one that a batch can be: an error now is better than one in the
 * middle, and what ignores the key would be run for all rows again and again.
 */
void
mig_batch_check_statement(MigBatch *batch)
{
	ErrorContextCallback callback;
	List	   *parsed;
	Node	   *statement;

	callback.callback = mig_error_position_callback;
	callback.arg = batch->statement;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	parsed = mig_script_parse(batch->statement);
	error_context_stack = callback.previous;
	if (list_length(parsed) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"statement\" must be one statement"),
				 errdetail("It contains %d.", list_length(parsed))));
	statement = linitial_node(RawStmt, parsed)->stmt;
	check_kind(batch, statement);
	check_analyzed(batch);
}

static void
check_kind(const MigBatch *batch, const Node *statement)
{
	if (IsA(statement, InsertStmt) || IsA(statement, UpdateStmt) ||
		IsA(statement, DeleteStmt) || IsA(statement, MergeStmt))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the statement of a batch must be INSERT, UPDATE, DELETE or MERGE"),
			 errdetail("It is %s.",
					   CreateCommandName(unconstify(Node *, statement))),
			 errhint("For example: UPDATE %s SET ... WHERE %s",
					 batch->relation_name, mig_batch_condition(batch))));
}

/*
 * What the server's own analysis says: of the statement as it is rewritten, so
 * of the tables below views as well.
 */
static void
check_analyzed(const MigBatch *batch)
{
	Usage		usage = {batch, palloc0(sizeof(bool) * batch->nkey * 2)};
	ErrorContextCallback callback;
	int			nest_level = NewGUCNestLevel();
	SPIPlanPtr	plan;
	const CachedPlanSource *source;

	/* As it will be run. */
	mig_body_read_as_parsed();
	callback.callback = mig_error_position_callback;
	callback.arg = batch->statement;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	SPI_connect();
	plan = SPI_prepare_params(batch->statement, set_up_parser, &usage, 0);
	if (plan == NULL)
		elog(ERROR, "could not prepare the statement of a batch: %s",
			 SPI_result_code_string(SPI_result));
	error_context_stack = callback.previous;
	check_parameters(&usage);
	source = linitial(SPI_plan_get_plan_sources(plan));
	check_key_is_kept(batch, source->query_list);
	mig_batch_check_condition(batch, source->query_list);
	SPI_finish();
	AtEOXact_GUC(false, nest_level);
}

static void
check_parameters(const Usage *usage)
{
	for (int i = 0; i < usage->batch->nkey * 2; i++)
	{
		if (!usage->used[i])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the statement of a batch does not use parameter $%d",
							i + 1),
					 errdetail("Without a condition on both ends of the batch the statement would be about other rows, too."),
					 errhint("It needs the condition %s, or one that means the same.",
							 mig_batch_condition(usage->batch))));
	}
}

/*
 * A row whose key is changed could be met again.
 */
static void
check_key_is_kept(const MigBatch *batch, List *queries)
{
	KeyChanges	changes = {batch};

	find_key_columns(&changes);
	(void) find_key_changes((Node *) queries, &changes);
	if (changes.column != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 is_of_key(batch, changes.column) ?
				 errmsg("the statement of a batch cannot change column \"%s\" of its key",
						changes.column) :
				 errmsg("the statement of a batch cannot change column \"%s\", from which its key is computed",
						changes.column),
				 errdetail("A row could get a key that a later batch is about, and be changed twice."),
				 errhint("Give the columns of another unique index in argument \"key\".")));
}

static bool
is_of_key(const MigBatch *batch, const char *column)
{
	for (int i = 0; i < batch->nkey; i++)
	{
		if (strcmp(column, batch->key[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Those of the key, and those that generated ones among them are computed from.
 */
static void
find_key_columns(KeyChanges *changes)
{
	static MigSpiQuery query = {
		"WITH key AS ("
		"  SELECT a.attrelid, a.attnum, a.attname, a.attgenerated"
		"    FROM pg_catalog.pg_attribute AS a"
		"   WHERE a.attrelid = $1 AND a.attname = ANY ($2::name[])"
		")"
		"SELECT k.attname FROM key AS k"
		" UNION"
		" SELECT a.attname FROM key AS k"
		"   JOIN pg_catalog.pg_attrdef AS e"
		"     ON e.adrelid = k.attrelid AND e.adnum = k.attnum"
		"   JOIN pg_catalog.pg_depend AS d"
		"     ON d.refclassid = 'pg_class'::regclass"
		"    AND d.refobjid = k.attrelid AND d.refobjsubid <> 0"
		/* Up to 14 it is the column that depends. */
		"    AND (d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid"
		"         OR d.classid = 'pg_class'::regclass"
		"            AND d.objid = k.attrelid AND d.objsubid = k.attnum)"
		"   JOIN pg_catalog.pg_attribute AS a"
		"     ON a.attrelid = k.attrelid AND a.attnum = d.refobjsubid"
		"  WHERE k.attgenerated <> ''"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, changes->batch->relation);
	mig_spi_arg_texts(&args, changes->batch->key, changes->batch->nkey);
	changes->names = mig_spi_list(&query, &args, MIG_SPI_CALLER,
								  MIG_SPI_READ_LATEST, &changes->nnames);
}

/*
 * The statement itself, those in WITH, those that rules add.
 */
static bool
find_key_changes(Node *node, void *context)
{
	KeyChanges *changes = context;
	Query	   *query = (Query *) node;
	Oid			relation;
	ListCell   *cell;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, find_key_changes, context);
	relation = query->resultRelation == 0 ? InvalidOid :
		rt_fetch(query->resultRelation, query->rtable)->relid;
	if (query->commandType == CMD_UPDATE)
		look_at_targets(changes, relation, query->targetList);
	if (query->onConflict != NULL &&
		query->onConflict->action == ONCONFLICT_UPDATE)
		look_at_targets(changes, relation, query->onConflict->onConflictSet);
	foreach(cell, query->mergeActionList)
	{
		const MergeAction *action = lfirst_node(MergeAction, cell);

		if (action->commandType == CMD_UPDATE)
			look_at_targets(changes, relation, action->targetList);
	}
	return query_tree_walker(query, find_key_changes, context, 0);
}

/*
 * The columns that are set have their numbers.
 */
static void
look_at_targets(KeyChanges *changes, Oid relation, List *targets)
{
	ListCell   *cell;

	if (changes->column != NULL || !mig_batch_shares_rows(changes->batch, relation))
		return;
	foreach(cell, targets)
	{
		const TargetEntry *target = lfirst_node(TargetEntry, cell);
		const char *name = target->resjunk ? NULL :
		get_attname(relation, target->resno, true);

		for (int i = 0; name != NULL && i < changes->nnames; i++)
		{
			if (strcmp(name, changes->names[i]) == 0)
				changes->column = name;
		}
	}
}

static void
set_up_parser(ParseState *pstate, void *arg)
{
	pstate->p_ref_hook_state = arg;
	pstate->p_paramref_hook = use_parameter;
}

static Node *
use_parameter(ParseState *pstate, ParamRef *ref)
{
	const Usage *usage = pstate->p_ref_hook_state;
	int			nkey = usage->batch->nkey;
	Param	   *param = makeNode(Param);

	if (ref->number < 1 || ref->number > nkey * 2)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_PARAMETER),
				 errmsg("there is no parameter $%d", ref->number),
				 errdetail("The parameters of a batch are its first key and its last key, $1 to $%d.",
						   nkey * 2),
				 parser_errposition(pstate, ref->location)));
	usage->used[ref->number - 1] = true;
	param->paramkind = PARAM_EXTERN;
	param->paramid = ref->number;
	param->paramtype = usage->batch->columns[(ref->number - 1) % nkey].type;
	param->paramtypmod = -1;
	param->paramcollid = get_typcollation(param->paramtype);
	param->location = ref->location;
	return (Node *) param;
}

/*
 * Returns how many rows it is about.
 */
int64
mig_batch_execute_statement(const MigBatch *batch, const Datum *first,
							const Datum *last)
{
	ErrorContextCallback callback;
	SPIExecuteOptions options;
	int			nest_level = NewGUCNestLevel();
	int64		nrows;
	int			rc;

	callback.callback = add_context;
	callback.arg = unconstify(MigBatch *, batch);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	mig_body_read_as_parsed();
	memset(&options, 0, sizeof(options));
	options.params = mig_batch_params(batch, first, last);
	options.dest = None_Receiver;
	SPI_connect();
	rc = SPI_execute_extended(batch->statement, &options);
	if (rc < 0)
		elog(ERROR, "could not run the statement of a batch: %s",
			 SPI_result_code_string(rc));
	nrows = (int64) SPI_processed;
	SPI_finish();
	AtEOXact_GUC(false, nest_level);
	error_context_stack = callback.previous;
	return nrows;
}

static void
add_context(void *arg)
{
	const MigBatch *batch = arg;

	mig_blocker_keep();
	if (batch->range != NULL)
		errcontext("batch of table \"%s\", %s", batch->relation_name,
				   batch->range);
}
