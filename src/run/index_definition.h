/*
 * index_definition.h
 *	  What an index is, as one text: from a statement, or from the catalogs.
 */
#ifndef MIG_RUN_INDEX_DEFINITION_H
#define MIG_RUN_INDEX_DEFINITION_H

#include "nodes/parsenodes.h"

/*
 * From the row i of pg_index, with search_path = pg_catalog, pg_temp.
 * YugabyteDB builds lsm where btree is asked for.
 */
#define MIG_INDEX_DEFINITION \
	"(SELECT concat(CASE WHEN i.indisunique THEN 'unique ' END," \
	"   CASE WHEN i.indnullsnotdistinct THEN 'nulls not distinct ' END," \
	"   (SELECT CASE m.amname WHEN 'lsm' THEN 'btree' ELSE m.amname::text END" \
	"      FROM pg_class AS x JOIN pg_am AS m ON m.oid = x.relam" \
	"     WHERE x.oid = i.indexrelid), ' ('," \
	"   (SELECT string_agg(concat_ws(' '," \
	"             COALESCE(quote_ident(a.attname), '?')," \
	"             NULLIF(i.indcollation[k], 0)::regcollation::text," \
	"             CASE WHEN pg_opclass_is_visible(o.oid)" \
	"              THEN quote_ident(o.opcname)" \
	"              ELSE format('%I.%I', s.nspname, o.opcname) END," \
	"             CASE WHEN i.indoption[k] & 1 <> 0 THEN 'desc' END," \
	"             CASE WHEN i.indoption[k] & 2 <> 0 THEN 'nulls first' END)," \
	"            ', ' ORDER BY k)" \
	"      FROM generate_series(0, i.indnkeyatts - 1) AS k" \
	"      JOIN pg_opclass AS o ON o.oid = i.indclass[k]" \
	"      JOIN pg_namespace AS s ON s.oid = o.opcnamespace" \
	"      LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid" \
	"       AND a.attnum = i.indkey[k] AND a.attnum <> 0), ')'," \
	"   (SELECT concat(' include (', string_agg(quote_ident(a.attname), ', '" \
	"            ORDER BY k), ')')" \
	"      FROM generate_series(i.indnkeyatts, i.indnatts - 1) AS k" \
	"      JOIN pg_attribute AS a ON a.attrelid = i.indrelid" \
	"       AND a.attnum = i.indkey[k] HAVING count(*) > 0)," \
	"   ' of ' || pg_get_expr(i.indexprs, i.indrelid)," \
	"   ' where ' || pg_get_expr(i.indpred, i.indrelid)))"

typedef struct MigIndex MigIndex;

extern MigIndex *mig_index_analyze(IndexStmt *statement, Oid relid,
								   const char *text);
extern char *mig_index_definition(const MigIndex *index);

#endif							/* MIG_RUN_INDEX_DEFINITION_H */
