/*
 * schema_type.c
 *	  Types, functions, operators, and the other objects that schemas hold.
 */
#include "postgres.h"

#include "base/compat.h"
#include "preview/preview_internal.h"

/* Of objects that have no acl */
#define NO_ACL \
	" NULL::aclitem[] AS acl, NULL::aclitem[] AS initial,"

#define TYPE(definition, type) \
	MIG_SCHEMA_CLASS("pg_type", \
					 "SELECT y.oid, 0 AS part, y.typowner AS owner, y.typacl AS acl," \
					 "       acldefault('T', y.typowner) AS initial," \
					 "       concat_ws(' ', " definition ") AS definition" \
					 "  FROM pg_type AS y" \
					 " WHERE y.typtype = " type \
					 "   AND " MIG_SCHEMA_IS_USERS("pg_type", "y.oid", "y.typnamespace"))

MigSpiQuery mig_schema_types[] = {
	/* Composite types, with the comments of their attributes */
	TYPE("'COMPOSITE', (SELECT concat('(', string_agg(concat_ws(' ', quote_ident(a.attname),"
		 "     format_type(a.atttypid, a.atttypmod),"
		 "     'COLLATE ' || CASE WHEN a.attcollation <> t.typcollation"
		 "      THEN NULLIF(a.attcollation, 0)::regcollation::text END), ', ' ORDER BY a.attnum), ')',"
		 "     string_agg(format(E'\\ncomment on %I: ', a.attname)"
		 "                || " MIG_SCHEMA_LITERAL("col_description(a.attrelid, a.attnum)") ","
		 "                '' ORDER BY a.attnum))"
		 "  FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid"
		 " WHERE a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped)",
		 "'c'"),
	TYPE("'ENUM (' || (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)"
		 "  FROM pg_enum AS e WHERE e.enumtypid = y.oid) || ')'",
		 "'e'"),
	TYPE("'DOMAIN AS', format_type(y.typbasetype, y.typtypmod),"
		 "'COLLATE ' || (SELECT CASE WHEN y.typcollation <> b.typcollation"
		 "   THEN NULLIF(y.typcollation, 0)::regcollation::text END"
		 "   FROM pg_type AS b WHERE b.oid = y.typbasetype),"
		 "'DEFAULT ' || COALESCE(pg_get_expr(y.typdefaultbin, 0), quote_literal(y.typdefault)),"
		 "CASE WHEN y.typnotnull THEN 'NOT NULL' END",
		 "'d'"),
	TYPE("(SELECT concat_ws(' ', 'RANGE OF', r.rngsubtype::regtype,"
		 "    'OPERATOR CLASS ' || (SELECT format('%I.%I', n.nspname, o.opcname)"
		 "       FROM pg_opclass AS o JOIN pg_namespace AS n ON n.oid = o.opcnamespace"
		 "      WHERE o.oid = r.rngsubopc),"
		 "    'COLLATE ' || NULLIF(r.rngcollation, 0)::regcollation::text,"
		 "    " MIG_SCHEMA_FUNCTION("CANONICAL", "r.rngcanonical") ","
		 "    " MIG_SCHEMA_FUNCTION("SUBTYPE_DIFF", "r.rngsubdiff") ","
		 "    'MULTIRANGE ' || r.rngmultitypid::regtype::text)"
		 "   FROM pg_range AS r WHERE r.rngtypid = y.oid)",
		 "'r'"),
	TYPE("CASE WHEN y.typisdefined THEN 'BASE' ELSE 'SHELL' END,"
		 MIG_SCHEMA_FUNCTION("INPUT", "y.typinput") ","
		 MIG_SCHEMA_FUNCTION("OUTPUT", "y.typoutput") ","
		 MIG_SCHEMA_FUNCTION("RECEIVE", "y.typreceive") ","
		 MIG_SCHEMA_FUNCTION("SEND", "y.typsend") ","
		 MIG_SCHEMA_FUNCTION("TYPMOD_IN", "y.typmodin") ","
		 MIG_SCHEMA_FUNCTION("TYPMOD_OUT", "y.typmodout") ","
		 MIG_SCHEMA_FUNCTION("ANALYZE", "y.typanalyze") ","
		 MIG_SCHEMA_FUNCTION("SUBSCRIPT", "y.typsubscript") ","
		 "format('LENGTH %s%s ALIGNMENT %s STORAGE %s CATEGORY %s%s DELIMITER %L%s', y.typlen,"
		 "  CASE WHEN y.typbyval THEN ' PASSED BY VALUE' END, y.typalign, y.typstorage,"
		 "  y.typcategory, CASE WHEN y.typispreferred THEN ' PREFERRED' END, y.typdelim,"
		 "  CASE WHEN y.typcollation <> 0 THEN ' COLLATABLE' END),"
		 "'ELEMENT ' || NULLIF(y.typelem, 0)::regtype::text,"
		 "'DEFAULT ' || quote_literal(y.typdefault)",
		 "ANY ('{b,p}')"),

	/* Constraints of domains; as of columns, not null is said with the domain */
	MIG_SCHEMA_CLASS("pg_constraint",
					 "SELECT k.oid, 0 AS part, y.typowner AS owner," NO_ACL
					 "       pg_get_constraintdef(k.oid) AS definition"
					 "  FROM pg_constraint AS k"
					 "  JOIN pg_type AS y ON y.oid = k.contypid"
					 " WHERE (k.contype <> 'n'"
					 "        OR obj_description(k.oid, 'pg_constraint') IS NOT NULL)"
					 "   AND " MIG_SCHEMA_IS_USERS("pg_type", "y.oid", "y.typnamespace")),

	/* Functions, window functions and procedures */
	MIG_SCHEMA_CLASS("pg_proc",
					 "SELECT p.oid, 0 AS part, p.proowner AS owner, p.proacl AS acl,"
					 "       acldefault('f', p.proowner) AS initial,"
					 "       concat_ws(E'\\n', rtrim(pg_get_functiondef(p.oid), E'\\n'),"
					 "         " MIG_SCHEMA_DEPENDS("pg_proc", "p.oid") ") AS definition"
					 "  FROM pg_proc AS p"
					 " WHERE p.prokind <> 'a'"
					 "   AND " MIG_SCHEMA_IS_USERS("pg_proc", "p.oid", "p.pronamespace")),
	MIG_SCHEMA_CLASS("pg_proc",
					 "SELECT p.oid, 0 AS part, p.proowner AS owner, p.proacl AS acl,"
					 "       acldefault('f', p.proowner) AS initial,"
					 "       concat_ws(' ', 'AGGREGATE (' || pg_get_function_arguments(p.oid) || ')',"
					 "         CASE g.aggkind WHEN 'o' THEN 'ORDERED SET' WHEN 'h' THEN 'HYPOTHETICAL' END,"
					 "         'RETURNS', format_type(p.prorettype, NULL),"
					 "         'PARALLEL ' || CASE p.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' END,"
					 "         " MIG_SCHEMA_FUNCTION("SFUNC", "g.aggtransfn") ","
					 "         'STYPE', format_type(g.aggtranstype, NULL), 'SSPACE ' || NULLIF(g.aggtransspace, 0),"
					 "         " MIG_SCHEMA_FUNCTION("FINALFUNC", "g.aggfinalfn") ","
					 "         CASE WHEN g.aggfinalextra THEN 'FINALFUNC_EXTRA' END, 'FINALFUNC_MODIFY ' || NULLIF(g.aggfinalmodify::text, 'r'),"
					 "         " MIG_SCHEMA_FUNCTION("COMBINEFUNC", "g.aggcombinefn") ","
					 "         " MIG_SCHEMA_FUNCTION("SERIALFUNC", "g.aggserialfn") ","
					 "         " MIG_SCHEMA_FUNCTION("DESERIALFUNC", "g.aggdeserialfn") ","
					 "         'INITCOND ' || quote_literal(g.agginitval),"
					 "         " MIG_SCHEMA_FUNCTION("MSFUNC", "g.aggmtransfn") ","
					 "         " MIG_SCHEMA_FUNCTION("MINVFUNC", "g.aggminvtransfn") ","
					 "         'MSTYPE ' || NULLIF(g.aggmtranstype, 0)::regtype::text,"
					 "         'MSSPACE ' || NULLIF(g.aggmtransspace, 0),"
					 "         " MIG_SCHEMA_FUNCTION("MFINALFUNC", "g.aggmfinalfn") ","
					 "         CASE WHEN g.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END, 'MFINALFUNC_MODIFY ' || NULLIF(g.aggmfinalmodify::text, 'r'),"
					 "         'MINITCOND ' || quote_literal(g.aggminitval),"
					 "         'SORTOP ' || NULLIF(g.aggsortop, 0)::regoperator::text,"
					 "         " MIG_SCHEMA_DEPENDS("pg_proc", "p.oid") ") AS definition"
					 "  FROM pg_proc AS p"
					 "  JOIN pg_aggregate AS g ON g.aggfnoid = p.oid"
					 " WHERE " MIG_SCHEMA_IS_USERS("pg_proc", "p.oid", "p.pronamespace")),

	/* Operators, their families and classes */
	MIG_SCHEMA_CLASS("pg_operator",
					 "SELECT o.oid, 0 AS part, o.oprowner AS owner," NO_ACL
					 "       concat_ws(' ', 'OPERATOR RETURNS', format_type(o.oprresult, NULL),"
					 "         " MIG_SCHEMA_FUNCTION("FUNCTION", "o.oprcode") ","
					 "         'COMMUTATOR ' || NULLIF(o.oprcom, 0)::regoperator::text,"
					 "         'NEGATOR ' || NULLIF(o.oprnegate, 0)::regoperator::text,"
					 "         " MIG_SCHEMA_FUNCTION("RESTRICT", "o.oprrest") ","
					 "         " MIG_SCHEMA_FUNCTION("JOIN", "o.oprjoin") ","
					 "         CASE WHEN o.oprcanmerge THEN 'MERGES' END,"
					 "         CASE WHEN o.oprcanhash THEN 'HASHES' END) AS definition"
					 "  FROM pg_operator AS o"
					 " WHERE " MIG_SCHEMA_IS_USERS("pg_operator", "o.oid", "o.oprnamespace")),
	MIG_SCHEMA_CLASS("pg_opfamily",
					 "SELECT f.oid, 0 AS part, f.opfowner AS owner," NO_ACL
					 "       concat_ws(E'\\n', 'OPERATOR FAMILY',"
					 "         (SELECT string_agg(format('OPERATOR %s %s%s', a.amopstrategy,"
					 "                   a.amopopr::regoperator, (SELECT format(' ORDER BY %I.%I', n.nspname, s.opfname)"
					 "                     FROM pg_opfamily AS s JOIN pg_namespace AS n ON n.oid = s.opfnamespace"
					 "                    WHERE s.oid = a.amopsortfamily)), E'\\n'"
					 "                   ORDER BY a.amopstrategy, a.amopopr::regoperator::text COLLATE \"C\")"
					 "            FROM pg_amop AS a WHERE a.amopfamily = f.oid),"
					 "         (SELECT string_agg(format('FUNCTION %s (%s, %s) %s', a.amprocnum,"
					 "                   a.amproclefttype::regtype, a.amprocrighttype::regtype,"
					 "                   a.amproc::oid::regprocedure), E'\\n'"
					 "                   ORDER BY a.amprocnum, a.amproclefttype::regtype::text COLLATE \"C\","
					 "                            a.amprocrighttype::regtype::text COLLATE \"C\")"
					 "            FROM pg_amproc AS a WHERE a.amprocfamily = f.oid)) AS definition"
					 "  FROM pg_opfamily AS f"
					 " WHERE " MIG_SCHEMA_IS_USERS("pg_opfamily", "f.oid", "f.opfnamespace")),
	MIG_SCHEMA_CLASS("pg_opclass",
					 "SELECT o.oid, 0 AS part, o.opcowner AS owner," NO_ACL
					 "       concat_ws(' ', 'OPERATOR CLASS', CASE WHEN o.opcdefault THEN 'DEFAULT' END,"
					 "         'FOR TYPE', o.opcintype::regtype,"
					 "         'FAMILY', (SELECT format('%I.%I', n.nspname, f.opfname)"
					 "           FROM pg_opfamily AS f JOIN pg_namespace AS n ON n.oid = f.opfnamespace"
					 "          WHERE f.oid = o.opcfamily),"
					 "         'STORAGE ' || NULLIF(o.opckeytype, 0)::regtype::text) AS definition"
					 "  FROM pg_opclass AS o"
					 " WHERE " MIG_SCHEMA_IS_USERS("pg_opclass", "o.oid", "o.opcnamespace")),

	/* Collations and conversions */
	MIG_SCHEMA_CLASS("pg_collation",
					 "SELECT l.oid, 0 AS part, l.collowner AS owner," NO_ACL
					 "       concat_ws(' ', 'COLLATION PROVIDER', CASE l.collprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'default' END,"
					 "         'LC_COLLATE ' || quote_literal(l.collcollate),"
					 "         'LC_CTYPE ' || quote_literal(l.collctype),"
					 "         'LOCALE ' || quote_literal(" MIG_COMPAT_COLLATION_LOCALE("l") "),"
					 "         'RULES ' || quote_literal(" MIG_COMPAT_COLLATION_RULES("l") "),"
					 "         CASE WHEN NOT l.collisdeterministic THEN 'NOT DETERMINISTIC' END) AS definition"
					 "  FROM pg_collation AS l"
					 " WHERE " MIG_SCHEMA_IS_USERS("pg_collation", "l.oid", "l.collnamespace")),
	MIG_SCHEMA_CLASS("pg_conversion",
					 "SELECT v.oid, 0 AS part, v.conowner AS owner," NO_ACL
					 "       concat_ws(' ', CASE WHEN v.condefault THEN 'DEFAULT' END, 'CONVERSION FOR',"
					 "         quote_literal(pg_encoding_to_char(v.conforencoding)), 'TO',"
					 "         quote_literal(pg_encoding_to_char(v.contoencoding)),"
					 "         " MIG_SCHEMA_FUNCTION("FROM", "v.conproc") ") AS definition"
					 "  FROM pg_conversion AS v"
					 " WHERE " MIG_SCHEMA_IS_USERS("pg_conversion", "v.oid", "v.connamespace")),

	/* Text search */
	MIG_SCHEMA_CLASS("pg_ts_parser",
					 "SELECT t.oid, 0 AS part, NULL::oid AS owner," NO_ACL
					 "       concat_ws(' ', 'PARSER', " MIG_SCHEMA_FUNCTION("START", "t.prsstart") ","
					 "         " MIG_SCHEMA_FUNCTION("GETTOKEN", "t.prstoken") ","
					 "         " MIG_SCHEMA_FUNCTION("END", "t.prsend") ","
					 "         " MIG_SCHEMA_FUNCTION("HEADLINE", "t.prsheadline") ","
					 "         " MIG_SCHEMA_FUNCTION("LEXTYPES", "t.prslextype") ") AS definition"
					 "  FROM pg_ts_parser AS t"
					 " WHERE " MIG_SCHEMA_IS_USERS("pg_ts_parser", "t.oid", "t.prsnamespace")),
	MIG_SCHEMA_CLASS("pg_ts_template",
					 "SELECT t.oid, 0 AS part, NULL::oid AS owner," NO_ACL
					 "       concat_ws(' ', 'TEMPLATE', " MIG_SCHEMA_FUNCTION("INIT", "t.tmplinit") ","
					 "         " MIG_SCHEMA_FUNCTION("LEXIZE", "t.tmpllexize") ") AS definition"
					 "  FROM pg_ts_template AS t"
					 " WHERE " MIG_SCHEMA_IS_USERS("pg_ts_template", "t.oid", "t.tmplnamespace")),
	MIG_SCHEMA_CLASS("pg_ts_dict",
					 "SELECT t.oid, 0 AS part, t.dictowner AS owner," NO_ACL
					 "       concat_ws(' ', 'DICTIONARY', (SELECT format('TEMPLATE %I.%I', n.nspname, l.tmplname)"
					 "           FROM pg_ts_template AS l JOIN pg_namespace AS n ON n.oid = l.tmplnamespace"
					 "          WHERE l.oid = t.dicttemplate), t.dictinitoption) AS definition"
					 "  FROM pg_ts_dict AS t"
					 " WHERE " MIG_SCHEMA_IS_USERS("pg_ts_dict", "t.oid", "t.dictnamespace")),
	MIG_SCHEMA_CLASS("pg_ts_config",
					 "SELECT t.oid, 0 AS part, t.cfgowner AS owner," NO_ACL
					 "       concat_ws(E'\\n', (SELECT format('CONFIGURATION PARSER %I.%I', n.nspname, r.prsname)"
					 "           FROM pg_ts_parser AS r JOIN pg_namespace AS n ON n.oid = r.prsnamespace"
					 "          WHERE r.oid = t.cfgparser),"
					 "         (SELECT string_agg(format('MAPPING FOR %I WITH %s', x.alias, x.dictionaries), E'\\n'"
					 "                            ORDER BY x.alias COLLATE \"C\")"
					 "            FROM (SELECT k.alias, string_agg(m.mapdict::regdictionary::text, ', '"
					 "                                             ORDER BY m.mapseqno) AS dictionaries"
					 "                    FROM pg_ts_config_map AS m"
					 "                    JOIN ts_token_type(t.cfgparser) AS k ON k.tokid = m.maptokentype"
					 "                   WHERE m.mapcfg = t.oid GROUP BY k.alias) AS x)) AS definition"
					 "  FROM pg_ts_config AS t"
					 " WHERE " MIG_SCHEMA_IS_USERS("pg_ts_config", "t.oid", "t.cfgnamespace")),
	{NULL}
};
