/*
 * schema_relation.c
 *	  Tables, views, sequences and indexes, and what belongs to them.
 *
 * An object is a row of its own where it has a name of its own: a column that is
 * added changes nothing but itself.  Its place is told by the column before it.
 * The index of a constraint is a part of that.
 */
#include "postgres.h"

#include "base/compat.h"
#include "preview/preview_internal.h"

/* The descriptions of an index that its definition leaves out. */
#define INDEX_PROPERTIES(c, i) \
	MIG_SCHEMA_TABLESPACE(c) "," \
	"CASE WHEN NOT " i ".indisvalid THEN 'INVALID' END," \
	MIG_SCHEMA_DEPENDS("pg_class", c ".oid") "," \
	"(SELECT string_agg(format('ALTER COLUMN %s SET STATISTICS %s', a.attnum," \
	"          a.attstattarget), ' ' ORDER BY a.attnum) FROM pg_attribute AS a" \
	"  WHERE a.attrelid = " c ".oid AND a.attstattarget >= 0)"

/* Where a column is: not told of children, whose columns a dump sorts anew. */
#define COLUMN_PLACE \
	"CASE WHEN c.relkind NOT IN ('r', 'p', 'f') OR NOT c.relispartition" \
	"           AND EXISTS (SELECT FROM pg_inherits AS h WHERE h.inhrelid = c.oid)" \
	"      THEN NULL" \
	"      ELSE COALESCE('after ' || quote_ident(lag(a.attname) OVER" \
	"             (PARTITION BY a.attrelid ORDER BY a.attnum)), 'first') END"

MigSpiQuery mig_schema_relations[] = {
	/* Tables */
	MIG_SCHEMA_CLASS("pg_class",
					 "SELECT c.oid, 0 AS part, c.relowner AS owner, c.relacl AS acl,"
					 "       acldefault('r', c.relowner) AS initial,"
					 "       concat_ws(E'\\n', concat_ws(' ',"
					 "         CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' END,"
					 "         CASE c.relkind WHEN 'f' THEN 'FOREIGN' END, 'TABLE',"
					 "         'OF ' || NULLIF(c.reloftype, 0)::regtype::text,"
					 "         (SELECT concat('PARTITION OF ', h.inhparent::regclass, ' ',"
					 "                   pg_get_expr(c.relpartbound, c.oid),"
					 "                   CASE WHEN h.inhdetachpending THEN ' DETACH PENDING' END)"
					 "            FROM pg_inherits AS h"
					 "           WHERE c.relispartition AND h.inhrelid = c.oid),"
					 "         (SELECT 'INHERITS (' || string_agg(h.inhparent::regclass::text, ', '"
					 "                                            ORDER BY h.inhseqno) || ')'"
					 "            FROM pg_inherits AS h"
					 "           WHERE NOT c.relispartition AND h.inhrelid = c.oid),"
					 "         'PARTITION BY ' || pg_get_partkeydef(c.oid),"
					 "         (SELECT concat_ws(' ', 'SERVER', quote_ident(s.srvname),"
					 "                   " MIG_SCHEMA_OPTIONS("OPTIONS", "f.ftoptions") ")"
					 "            FROM pg_foreign_table AS f"
					 "            JOIN pg_foreign_server AS s ON s.oid = f.ftserver"
					 "           WHERE f.ftrelid = c.oid),"
					 "         'USING ' || (SELECT quote_ident(m.amname) FROM pg_am AS m"
					 "                       WHERE m.oid = c.relam AND m.amname <> 'heap'),"
					 "         " MIG_SCHEMA_OPTIONS("WITH", "c.reloptions || ARRAY("
													"  SELECT 'toast.' || x FROM pg_class AS t,"
													"         unnest(t.reloptions) AS x"
													"   WHERE t.oid = c.reltoastrelid)") ","
					 "         " MIG_SCHEMA_TABLESPACE("c") "),"
					 "         CASE WHEN c.relkind <> 'f' THEN CASE c.relreplident"
					 "          WHEN 'n' THEN 'REPLICA IDENTITY NOTHING'"
					 "          WHEN 'f' THEN 'REPLICA IDENTITY FULL'"
					 "          WHEN 'i' THEN 'REPLICA IDENTITY USING INDEX '"
					 "           || (SELECT x.indexrelid::regclass FROM pg_index AS x"
					 "                WHERE x.indrelid = c.oid AND x.indisreplident) END END,"
					 "         'CLUSTER ON ' || (SELECT x.indexrelid::regclass FROM pg_index AS x"
					 "                            WHERE x.indrelid = c.oid AND x.indisclustered),"
					 "         CASE WHEN c.relrowsecurity THEN 'ENABLE ROW LEVEL SECURITY' END,"
					 "         CASE WHEN c.relforcerowsecurity THEN 'FORCE ROW LEVEL SECURITY' END)"
					 "       AS definition"
					 "  FROM pg_class AS c"
					 " WHERE c.relkind IN ('r', 'p', 'f') AND " MIG_SCHEMA_IS_RELATION("c")),

	/* Columns; those of a view only if something was said of them */
	MIG_SCHEMA_CLASS("pg_class",
					 "SELECT a.attrelid AS oid, a.attnum::int4 AS part,"
					 "       c.relowner AS owner, a.attacl AS acl,"
					 "       acldefault('c', c.relowner) AS initial,"
					 "       concat_ws(' ', format_type(a.atttypid, a.atttypmod),"
					 "         'COLLATE ' || CASE WHEN a.attcollation <> y.typcollation"
					 "           THEN NULLIF(a.attcollation, 0)::regcollation::text END,"
					 "         " MIG_COMPAT_NOT_NULL("a", "c") ","
					 "         CASE a.attgenerated WHEN '' THEN 'DEFAULT ' ELSE 'GENERATED ALWAYS AS (' END"
					 "          || (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef AS d"
					 "               WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum)"
					 "          || CASE a.attgenerated WHEN 's' THEN ') STORED' WHEN 'v' THEN ') VIRTUAL' ELSE '' END,"
					 "         CASE a.attidentity WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY'"
					 "          WHEN 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY' END,"
					 "         CASE WHEN a.attstorage <> y.typstorage THEN 'STORAGE '"
					 "          || CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'"
					 "             WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END,"
					 "         'COMPRESSION ' || CASE a.attcompression WHEN 'p' THEN 'pglz'"
					 "          WHEN 'l' THEN 'lz4' END,"
					 "         'STATISTICS ' || NULLIF(a.attstattarget, -1),"
					 "         " MIG_SCHEMA_OPTIONS("WITH", "a.attoptions") ","
					 "         " MIG_SCHEMA_OPTIONS("OPTIONS", "a.attfdwoptions") ","
					 "         CASE WHEN a.attinhcount > 0 THEN CASE WHEN a.attislocal"
					 "          THEN 'inherited and local' ELSE 'inherited' END END,"
					 "         " COLUMN_PLACE ") AS definition"
					 "  FROM pg_attribute AS a"
					 "  JOIN pg_class AS c ON c.oid = a.attrelid"
					 "  JOIN pg_type AS y ON y.oid = a.atttypid"
					 " WHERE a.attnum > 0 AND NOT a.attisdropped"
					 "   AND (c.relkind IN ('r', 'p', 'f')"
					 "        OR c.relkind IN ('v', 'm')"
					 "           AND (a.atthasdef OR a.attacl IS NOT NULL OR a.attstattarget >= 0"
					 "                OR EXISTS (SELECT FROM unnest(a.attoptions) AS x WHERE " MIG_SCHEMA_IS_OPTION("x") ") OR a.attcompression <> ''"
					 "                OR a.attstorage <> y.typstorage"
					 "                OR EXISTS (SELECT FROM pg_description AS d"
					 "                            WHERE d.classoid = " MIG_SCHEMA_CATALOG("pg_class")
					 "                              AND d.objoid = a.attrelid AND d.objsubid = a.attnum)"
					 "                OR EXISTS (SELECT FROM pg_seclabel AS d"
					 "                            WHERE d.classoid = " MIG_SCHEMA_CATALOG("pg_class")
					 "                              AND d.objoid = a.attrelid AND d.objsubid = a.attnum)))"
					 "   AND " MIG_SCHEMA_IS_RELATION("c")),

	/*
	 * Constraints.  That a column is not null is said with the column, where
	 * the constraint has no comment.  Those that the server derives from a
	 * foreign key of a partitioned table, or to one, have its names.
	 */
	MIG_SCHEMA_CLASS("pg_constraint",
					 "SELECT k.oid, 0 AS part, c.relowner AS owner, NULL::aclitem[] AS acl,"
					 "       NULL::aclitem[] AS initial,"
					 "       concat_ws(E'\\n', concat_ws(' ', pg_get_constraintdef(k.oid),"
					 "         CASE WHEN k.coninhcount > 0 THEN CASE WHEN k.conislocal"
					 "          THEN 'inherited and local' ELSE 'inherited' END END,"
					 "         (SELECT NULLIF(concat_ws(' ', " MIG_SCHEMA_OPTIONS("WITH", "x.reloptions") ","
					 "                          " INDEX_PROPERTIES("x", "i") "), '')"
					 "            FROM pg_class AS x JOIN pg_index AS i ON i.indexrelid = x.oid"
					 "           WHERE x.oid = k.conindid AND k.contype IN ('p', 'u', 'x'))),"
					 "         CASE WHEN k.contype IN ('p', 'u', 'x') THEN 'comment on index: '"
					 "          || " MIG_SCHEMA_LITERAL("obj_description(k.conindid, 'pg_class')") " END)"
					 "       AS definition"
					 "  FROM pg_constraint AS k"
					 "  JOIN pg_class AS c ON c.oid = k.conrelid"
					 " WHERE k.contype IN ('c', 'f', 'n', 'p', 'u', 'x')"
					 "   AND NOT (k.contype = 'f' AND k.conparentid <> 0)"
					 "   AND (k.contype <> 'n'"
					 "        OR obj_description(k.oid, 'pg_constraint') IS NOT NULL)"
					 "   AND " MIG_SCHEMA_IS_RELATION("c")),

	/* Indexes */
	MIG_SCHEMA_CLASS("pg_class",
					 "SELECT c.oid, 0 AS part, c.relowner AS owner, NULL::aclitem[] AS acl,"
					 "       NULL::aclitem[] AS initial,"
					 "       concat_ws(' ', pg_get_indexdef(c.oid), " INDEX_PROPERTIES("c", "i") ","
					 "         'PARTITION OF ' || (SELECT h.inhparent::regclass FROM pg_inherits AS h"
					 "                              WHERE h.inhrelid = c.oid)) AS definition"
					 "  FROM pg_class AS c"
					 "  JOIN pg_index AS i ON i.indexrelid = c.oid"
					 "  JOIN pg_class AS r ON r.oid = i.indrelid"
					 " WHERE r.relkind IN ('r', 'p', 'm')"
					 "   AND " MIG_SCHEMA_IS_RELATION("r")
					 "   AND NOT EXISTS (SELECT FROM pg_constraint AS k"
					 "                    WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x'))"),

	/* Views */
	MIG_SCHEMA_CLASS("pg_class",
					 "SELECT c.oid, 0 AS part, c.relowner AS owner, c.relacl AS acl,"
					 "       acldefault('r', c.relowner) AS initial,"
					 "       concat_ws(E'\\n', concat_ws(' ',"
					 "         CASE c.relkind WHEN 'm' THEN 'MATERIALIZED' END, 'VIEW',"
					 "         'USING ' || (SELECT quote_ident(m.amname) FROM pg_am AS m"
					 "                       WHERE m.oid = c.relam AND m.amname <> 'heap'),"
					 "         " MIG_SCHEMA_OPTIONS("WITH", "c.reloptions") ","
					 "         " MIG_SCHEMA_TABLESPACE("c") ","
					 "         'CLUSTER ON ' || (SELECT x.indexrelid::regclass FROM pg_index AS x"
					 "                            WHERE x.indrelid = c.oid AND x.indisclustered),"
					 "         CASE WHEN NOT c.relispopulated THEN 'WITH NO DATA' END,"
					 "         CASE c.relkind WHEN 'm' THEN " MIG_SCHEMA_DEPENDS("pg_class", "c.oid") " END),"
					 "         pg_get_viewdef(c.oid)) AS definition"
					 "  FROM pg_class AS c"
					 " WHERE c.relkind IN ('v', 'm') AND " MIG_SCHEMA_IS_RELATION("c")),

	/* Sequences */
	MIG_SCHEMA_CLASS("pg_class",
					 "SELECT c.oid, 0 AS part, c.relowner AS owner, c.relacl AS acl,"
					 "       acldefault('s', c.relowner) AS initial,"
					 "       concat_ws(' ', CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' END,"
					 "         format('SEQUENCE AS %s START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s',"
					 "           format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin,"
					 "           s.seqmax, s.seqcache),"
					 "         CASE WHEN s.seqcycle THEN 'CYCLE' END,"
					 "         (SELECT format('%s %s.%I', CASE d.deptype WHEN 'i' THEN 'IDENTITY OF'"
					 "                   ELSE 'OWNED BY' END, d.refobjid::regclass, a.attname)"
					 "            FROM pg_depend AS d JOIN pg_attribute AS a"
					 "              ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
					 "           WHERE d.classid = " MIG_SCHEMA_CATALOG("pg_class")
					 "             AND d.objid = c.oid AND d.deptype IN ('a', 'i')"
					 "             AND d.refclassid = " MIG_SCHEMA_CATALOG("pg_class") "))"
					 "       AS definition"
					 "  FROM pg_class AS c"
					 "  JOIN pg_sequence AS s ON s.seqrelid = c.oid"
					 " WHERE " MIG_SCHEMA_IS_RELATION("c")),

	/* Rules */
	MIG_SCHEMA_CLASS("pg_rewrite",
					 "SELECT r.oid, 0 AS part, c.relowner AS owner, NULL::aclitem[] AS acl,"
					 "       NULL::aclitem[] AS initial,"
					 "       concat_ws(' ', pg_get_ruledef(r.oid), " MIG_SCHEMA_ENABLED("r.ev_enabled") ")"
					 "       AS definition"
					 "  FROM pg_rewrite AS r"
					 "  JOIN pg_class AS c ON c.oid = r.ev_class"
					 " WHERE r.rulename <> '_RETURN' AND " MIG_SCHEMA_IS_RELATION("c")),

	/* Triggers */
	MIG_SCHEMA_CLASS("pg_trigger",
					 "SELECT t.oid, 0 AS part, c.relowner AS owner, NULL::aclitem[] AS acl,"
					 "       NULL::aclitem[] AS initial,"
					 "       concat_ws(' ', pg_get_triggerdef(t.oid), " MIG_SCHEMA_ENABLED("t.tgenabled") ","
					 "         " MIG_SCHEMA_DEPENDS("pg_trigger", "t.oid") ")"
					 "       AS definition"
					 "  FROM pg_trigger AS t"
					 "  JOIN pg_class AS c ON c.oid = t.tgrelid"
					 " WHERE NOT t.tgisinternal AND " MIG_SCHEMA_IS_RELATION("c")),

	/* Policies */
	MIG_SCHEMA_CLASS("pg_policy",
					 "SELECT p.oid, 0 AS part, c.relowner AS owner, NULL::aclitem[] AS acl,"
					 "       NULL::aclitem[] AS initial,"
					 "       concat_ws(' ', 'POLICY AS',"
					 "         CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,"
					 "         'FOR', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT'"
					 "          WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,"
					 "         'TO', (SELECT string_agg(x, ', ' ORDER BY x COLLATE \"C\")"
					 "                  FROM (SELECT CASE u WHEN 0 THEN 'PUBLIC'"
					 "                                ELSE quote_ident(pg_get_userbyid(u)) END"
					 "                          FROM unnest(p.polroles) AS u) AS n (x)),"
					 "         'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',"
					 "         'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')"
					 "       AS definition"
					 "  FROM pg_policy AS p"
					 "  JOIN pg_class AS c ON c.oid = p.polrelid"
					 " WHERE " MIG_SCHEMA_IS_RELATION("c")),

	/* Extended statistics */
	MIG_SCHEMA_CLASS("pg_statistic_ext",
					 "SELECT s.oid, 0 AS part, s.stxowner AS owner, NULL::aclitem[] AS acl,"
					 "       NULL::aclitem[] AS initial,"
					 "       concat_ws(' ', pg_get_statisticsobjdef(s.oid),"
					 "         'STATISTICS ' || NULLIF(s.stxstattarget, -1)) AS definition"
					 "  FROM pg_statistic_ext AS s"
					 " WHERE " MIG_SCHEMA_IS_USERS("pg_statistic_ext", "s.oid", "s.stxnamespace")),
	{NULL}
};
