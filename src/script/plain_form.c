/*
 * plain_form.c
 *	  Writes a statement that cannot run inside a transaction block as one that
 *	  can, and does the same to the catalogs.
 *
 * For executions that are taken back, beside no application: a duplicate
 * key is found by CREATE INDEX as by CREATE INDEX CONCURRENTLY.
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "utils/builtins.h"

#include "script/script_internal.h"

static char *without_concurrently(const char *statement);
static char *plain_reindex(const ReindexStmt *reindex);

/*
 * The plain form of a statement, of the same length where positions in it count.
 * NULL: it has none.  In the current memory context.
 */
char *
mig_script_plain_form(const char *statement)
{
	Node	   *node = linitial_node(RawStmt, mig_script_parse(statement))->stmt;

	switch (nodeTag(node))
	{
		case T_IndexStmt:
			return castNode(IndexStmt, node)->concurrent ?
				without_concurrently(statement) : NULL;
		case T_DropStmt:
			return castNode(DropStmt, node)->concurrent ?
				without_concurrently(statement) : NULL;
		case T_AlterTableStmt:
			return without_concurrently(statement);
		case T_ReindexStmt:
			return plain_reindex(castNode(ReindexStmt, node));
		default:
			return NULL;
	}
}

/*
 * The word is a keyword that is no name of a table or an index, so the first one
 * is meant.
 */
static char *
without_concurrently(const char *statement)
{
	MigScriptSource source = {.body = statement};
	MigScriptScan scan;
	char	   *plain = NULL;

	mig_script_scan_begin(&scan, &source);
	while (plain == NULL && mig_script_scan_next(&scan))
	{
		if (pg_strcasecmp(scan.text, "concurrently") != 0)
			continue;
		plain = pstrdup(statement);
		memset(plain + scan.location, ' ', scan.length);
	}
	mig_script_scan_end(&scan);
	return plain;
}

/*
 * Of a schema or a database each table is a transaction.
 */
static char *
plain_reindex(const ReindexStmt *reindex)
{
	const RangeVar *relation = reindex->relation;

	if (relation == NULL)
		return NULL;
	return psprintf("REINDEX %s %s",
					reindex->kind == REINDEX_OBJECT_INDEX ? "INDEX" : "TABLE",
					quote_qualified_identifier(relation->schemaname,
											   relation->relname));
}
