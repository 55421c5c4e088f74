/*
 * spi_table.c
 *	  Statements about one table, whatever its name stands for meanwhile.
 *
 * A statement names its table, and the name can stand for another one as soon as
 * it has been looked up.  Planning alone runs functions of that one, in the
 * expressions of its indexes.  So each time the statement is analyzed, which is
 * when the name is looked up, it is checked which table was found; from then on
 * the server goes by its OID.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "parser/parse_node.h"
#include "utils/lsyscache.h"

#include "base/spi.h"

static void set_up_parser(ParseState *pstate, void *arg);
static Node *check_table(ParseState *pstate, ColumnRef *column);
static Node *make_param(ParseState *pstate, ParamRef *ref);

/*
 * Prepares a statement, or returns NULL, as SPI_prepare() does.
 */
SPIPlanPtr
mig_spi_prepare_on_table(MigSpiQuery *query, const MigSpiArgs *args)
{
	Assert(args->nargs <= MIG_SPI_MAX_TABLE_ARGS);
	query->nargs = args->nargs;
	memcpy(query->types, args->types, sizeof(Oid) * args->nargs);
	return SPI_prepare_params(query->sql, set_up_parser, query,
							  CURSOR_OPT_GENERIC_PLAN);
}

/*
 * Runs it, as SPI_execute_plan() does.
 */
int
mig_spi_execute_on_table(MigSpiQuery *query, const MigSpiArgs *args,
						 bool read_only)
{
	ParamListInfo params = makeParamList(args->nargs);

	for (int i = 0; i < args->nargs; i++)
	{
		params->params[i].value = args->values[i];
		params->params[i].isnull = args->nulls[i] == 'n';
		params->params[i].pflags = PARAM_FLAG_CONST;
		params->params[i].ptype = args->types[i];
	}
	return SPI_execute_plan_with_paramlist(query->plan, params, read_only, 0);
}

static void
set_up_parser(ParseState *pstate, void *arg)
{
	pstate->p_ref_hook_state = arg;
	pstate->p_pre_columnref_hook = check_table;
	pstate->p_paramref_hook = make_param;
}

/*
 * Called for each column that the statement names, which is never none.
 */
static Node *
check_table(ParseState *pstate, ColumnRef *column)
{
	const MigSpiQuery *query = pstate->p_ref_hook_state;
	const RangeTblEntry *table = linitial_node(RangeTblEntry,
											   pstate->p_rtable);

	if (table->relid != query->table)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" was replaced by another one",
						table->eref->aliasname),
				 errhint("Run the command again.")));
	return NULL;
}

static Node *
make_param(ParseState *pstate, ParamRef *ref)
{
	const MigSpiQuery *query = pstate->p_ref_hook_state;
	Param	   *param = makeNode(Param);

	if (ref->number < 1 || ref->number > query->nargs)
		elog(ERROR, "there is no parameter $%d", ref->number);
	param->paramkind = PARAM_EXTERN;
	param->paramid = ref->number;
	param->paramtype = query->types[ref->number - 1];
	param->paramtypmod = -1;
	param->paramcollid = get_typcollation(param->paramtype);
	param->location = ref->location;
	return (Node *) param;
}
