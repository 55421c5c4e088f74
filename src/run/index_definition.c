/*
 * index_definition.c
 *	  What an index is, as one text: from a statement, or from the catalogs.
 *
 * Two texts are equal if the indexes are the same but for name, tablespace and
 * storage parameters.  That of a statement is made before it runs and kept;
 * that of the catalogs, by MIG_INDEX_DEFINITION, when its outcome is to be
 * found out.
 */
#include "postgres.h"

#include "access/attnum.h"
#include "catalog/namespace.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_relation.h"
#include "parser/parse_utilcmd.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "run/run_internal.h"

/* A key, with the objects that its names stand for. */
typedef struct IndexKey
{
	AttrNumber	column;			/* InvalidAttrNumber: an expression */
	Node	   *expression;
	Oid			collation;		/* InvalidOid: of a type that has none */
	Oid			opclass;
	bool		desc;
	bool		nulls_first;
} IndexKey;

struct MigIndex
{
	Oid			relid;
	const IndexStmt *statement; /* analyzed */
	const char *method;
	List	   *keys;			/* of IndexKey * */
};

static IndexKey *analyze_key(const MigIndex *index, const IndexElem *element);
static void append_key(StringInfo text, const MigIndex *index,
					   const IndexKey *key);
static void append_expression(StringInfo into, const char *word,
							  const void *expression, Oid relid);

/*
 * Gives the names of a statement their meaning, by the search_path of now.  The
 * table is locked as by a query.  Raises the errors that the server would;
 * NULL: there is another one, which the server will raise.
 */
MigIndex *
mig_index_analyze(IndexStmt *statement, Oid relid, const char *text)
{
	ParseState *state = make_parsestate(NULL);
	MigIndex   *index = palloc0(sizeof(MigIndex));
	ListCell   *cell;

	state->p_sourcetext = text;
	(void) addRangeTableEntry(state, statement->relation, NULL, false, false);
	free_parsestate(state);

	index->relid = relid;
	index->statement = transformIndexStmt(relid, statement, text);
	index->method = statement->accessMethod != NULL ?
		statement->accessMethod : "btree";
	/* As the server does. */
	if (strcmp(index->method, "rtree") == 0)
		index->method = "gist";
	if (!OidIsValid(get_index_am_oid(index->method, true)))
		return NULL;
	foreach(cell, index->statement->indexParams)
	{
		IndexKey   *key = analyze_key(index, lfirst_node(IndexElem, cell));

		if (key == NULL)
			return NULL;
		index->keys = lappend(index->keys, key);
	}
	return index;
}

/*
 * As the server keeps it: a COLLATE around an expression is a property of the
 * key, and an expression that is a column is that.
 */
static IndexKey *
analyze_key(const MigIndex *index, const IndexElem *element)
{
	IndexKey   *key = palloc0(sizeof(IndexKey));
	Oid			type;
	int32		typmod;

	if (element->expr == NULL)
	{
		key->column = get_attnum(index->relid, element->name);
		if (key->column == InvalidAttrNumber)
			return NULL;
		get_atttypetypmodcoll(index->relid, key->column, &type, &typmod,
							  &key->collation);
	}
	else
	{
		key->expression = element->expr;
		while (IsA(key->expression, CollateExpr))
			key->expression = (Node *) ((CollateExpr *) key->expression)->arg;
		type = exprType(key->expression);
		key->collation = exprCollation(element->expr);
		if (IsA(key->expression, Var))
			key->column = ((Var *) key->expression)->varattno;
	}
	if (element->collation != NIL)
		key->collation = get_collation_oid(element->collation, false);
	key->opclass = ResolveOpClass(element->opclass, type, index->method,
								  get_index_am_oid(index->method, false));
	key->desc = element->ordering == SORTBY_DESC;
	key->nulls_first = element->nulls_ordering == SORTBY_NULLS_DEFAULT ?
		key->desc : element->nulls_ordering == SORTBY_NULLS_FIRST;
	return key;
}

/*
 * The text of the statement.  To be called with the settings and the
 * search_path with which the catalogs are read.
 */
char *
mig_index_definition(const MigIndex *index)
{
	const IndexStmt *statement = index->statement;
	List	   *expressions = NIL;
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	appendStringInfo(&text, "%s%s%s (", statement->unique ? "unique " : "",
					 statement->nulls_not_distinct ? "nulls not distinct " : "",
					 index->method);
	foreach(cell, index->keys)
	{
		const IndexKey *key = lfirst(cell);

		append_key(&text, index, key);
		appendStringInfoString(&text, lnext(index->keys, cell) != NULL ? ", " : ")");
		if (key->column == InvalidAttrNumber)
			expressions = lappend(expressions, key->expression);
	}
	foreach(cell, statement->indexIncludingParams)
	{
		const IndexElem *column = lfirst_node(IndexElem, cell);

		/* An expression there is an error, which the server will raise. */
		appendStringInfo(&text, "%s%s",
						 cell == list_head(statement->indexIncludingParams) ?
						 " include (" : ", ",
						 column->name != NULL ? quote_identifier(column->name) : "?");
	}
	if (statement->indexIncludingParams != NIL)
		appendStringInfoChar(&text, ')');
	append_expression(&text, "of", expressions, index->relid);
	/* WHERE true is none. */
	if (make_ands_implicit((Expr *) statement->whereClause) != NIL)
		append_expression(&text, "where", statement->whereClause, index->relid);
	return text.data;
}

static void
append_key(StringInfo text, const MigIndex *index, const IndexKey *key)
{
	appendStringInfoString(text, key->column == InvalidAttrNumber ? "?" :
						   quote_identifier(get_attname(index->relid,
														key->column, false)));
	if (OidIsValid(key->collation))
		appendStringInfo(text, " %s", generate_collation_name(key->collation));
	appendStringInfo(text, " %s", generate_opclass_name(key->opclass));
	if (key->desc)
		appendStringInfoString(text, " desc");
	if (key->nulls_first)
		appendStringInfoString(text, " nulls first");
}

static void
append_expression(StringInfo into, const char *word, const void *expression,
				  Oid relid)
{
	Datum		rendered;

	if (expression == NULL)
		return;
	rendered = DirectFunctionCall2(pg_get_expr,
								   CStringGetTextDatum(nodeToString(expression)),
								   ObjectIdGetDatum(relid));
	appendStringInfo(into, " %s %s", word, TextDatumGetCString(rendered));
}
