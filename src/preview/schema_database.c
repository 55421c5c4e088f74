/*
 * schema_database.c
 *	  Objects of a database that no schema holds, and the schemas.
 *
 * Of a subscription its connection, of a user mapping its options are left out:
 * they hold passwords, and not every role may see them.  Whether a subscription is
 * enabled is left out, because a dump does not bring it along.
 */
#include "postgres.h"

#include "base/compat.h"
#include "preview/preview_internal.h"

/* Of objects that have no acl */
#define NO_ACL \
	" NULL::aclitem[] AS acl, NULL::aclitem[] AS initial,"

MigSpiQuery mig_schema_database[] = {
	MIG_SCHEMA_CLASS("pg_namespace",
					 "SELECT n.oid, 0 AS part, n.nspowner AS owner, n.nspacl AS acl,"
					 "       acldefault('n', n.nspowner) AS initial, 'SCHEMA' AS definition"
					 "  FROM pg_namespace AS n"
					 " WHERE " MIG_SCHEMA_NAMES("n.nspname")
					 "   AND " MIG_SCHEMA_NO_MEMBER("pg_namespace", "n.oid")),

	/* An extension that is a member of another one is its own. */
	MIG_SCHEMA_CLASS("pg_extension",
					 "SELECT e.oid, 0 AS part, e.extowner AS owner," NO_ACL
					 "       format('EXTENSION SCHEMA %I VERSION %L',"
					 "         (SELECT n.nspname FROM pg_namespace AS n WHERE n.oid = e.extnamespace),"
					 "         e.extversion) AS definition"
					 "  FROM pg_extension AS e"
					 " WHERE e.oid >= 16384"),
	MIG_SCHEMA_CLASS("pg_cast",
					 "SELECT c.oid, 0 AS part, NULL::oid AS owner," NO_ACL
					 "       concat_ws(' ', 'CAST', CASE c.castmethod WHEN 'i' THEN 'WITH INOUT'"
					 "         WHEN 'b' THEN 'WITHOUT FUNCTION' END,"
					 "         " MIG_SCHEMA_FUNCTION("WITH FUNCTION", "c.castfunc") ","
					 "         CASE c.castcontext WHEN 'a' THEN 'AS ASSIGNMENT' WHEN 'i' THEN 'AS IMPLICIT' END)"
					 "       AS definition"
					 "  FROM pg_cast AS c"
					 " WHERE " MIG_SCHEMA_IS_ADDED("pg_cast", "c.oid")),
	MIG_SCHEMA_CLASS("pg_transform",
					 "SELECT t.oid, 0 AS part, NULL::oid AS owner," NO_ACL
					 "       concat_ws(' ', 'TRANSFORM',"
					 "         " MIG_SCHEMA_FUNCTION("FROM SQL WITH", "t.trffromsql") ","
					 "         " MIG_SCHEMA_FUNCTION("TO SQL WITH", "t.trftosql") ") AS definition"
					 "  FROM pg_transform AS t"
					 " WHERE " MIG_SCHEMA_IS_ADDED("pg_transform", "t.oid")),
	MIG_SCHEMA_CLASS("pg_language",
					 "SELECT l.oid, 0 AS part, l.lanowner AS owner, l.lanacl AS acl,"
					 "       acldefault('l', l.lanowner) AS initial,"
					 "       concat_ws(' ', CASE WHEN l.lanpltrusted THEN 'TRUSTED' END, 'LANGUAGE',"
					 "         " MIG_SCHEMA_FUNCTION("HANDLER", "l.lanplcallfoid") ","
					 "         " MIG_SCHEMA_FUNCTION("INLINE", "l.laninline") ","
					 "         " MIG_SCHEMA_FUNCTION("VALIDATOR", "l.lanvalidator") ") AS definition"
					 "  FROM pg_language AS l"
					 " WHERE " MIG_SCHEMA_IS_ADDED("pg_language", "l.oid")),
	MIG_SCHEMA_CLASS("pg_am",
					 "SELECT m.oid, 0 AS part, NULL::oid AS owner," NO_ACL
					 "       concat_ws(' ', 'ACCESS METHOD TYPE',"
					 "         CASE m.amtype WHEN 'i' THEN 'INDEX' ELSE 'TABLE' END,"
					 "         " MIG_SCHEMA_FUNCTION("HANDLER", "m.amhandler") ") AS definition"
					 "  FROM pg_am AS m"
					 " WHERE " MIG_SCHEMA_IS_ADDED("pg_am", "m.oid")),
	MIG_SCHEMA_CLASS("pg_event_trigger",
					 "SELECT t.oid, 0 AS part, t.evtowner AS owner," NO_ACL
					 "       concat_ws(' ', 'EVENT TRIGGER ON', t.evtevent,"
					 "         (SELECT 'WHEN TAG IN (' || string_agg(quote_literal(x), ', ' ORDER BY x COLLATE \"C\") || ')'"
					 "            FROM unnest(t.evttags) AS x),"
					 "         " MIG_SCHEMA_FUNCTION("EXECUTE", "t.evtfoid") ","
					 "         " MIG_SCHEMA_ENABLED("t.evtenabled") ") AS definition"
					 "  FROM pg_event_trigger AS t"
					 " WHERE " MIG_SCHEMA_IS_ADDED("pg_event_trigger", "t.oid")),

	/* Replication */
	MIG_SCHEMA_CLASS("pg_publication",
					 "SELECT p.oid, 0 AS part, p.pubowner AS owner," NO_ACL
					 "       concat_ws(E'\\n', concat_ws(' ', 'PUBLICATION',"
					 "         CASE WHEN p.puballtables THEN 'FOR ALL TABLES' END,"
					 "         CASE WHEN p.pubinsert THEN 'insert' END,"
					 "         CASE WHEN p.pubupdate THEN 'update' END,"
					 "         CASE WHEN p.pubdelete THEN 'delete' END,"
					 "         CASE WHEN p.pubtruncate THEN 'truncate' END,"
					 "         CASE WHEN p.pubviaroot THEN 'publish_via_partition_root' END,"
					 "         " MIG_COMPAT_PUBLICATION("p") "),"
					 "         (SELECT string_agg(x, E'\\n' ORDER BY x COLLATE \"C\")"
					 "            FROM (SELECT concat_ws(' ', " MIG_COMPAT_PUBLICATION_EXCEPT("r") ", 'TABLE',"
					 "                    r.prrelid::regclass, (SELECT '(' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) || ')'"
					 "                      FROM pg_attribute AS a WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)),"
					 "                    'WHERE ' || pg_get_expr(r.prqual, r.prrelid)) AS x"
					 "                    FROM pg_publication_rel AS r WHERE r.prpubid = p.oid"
					 "                  UNION ALL"
					 "                  SELECT concat('TABLES IN SCHEMA ', s.pnnspid::regnamespace)"
					 "                    FROM pg_publication_namespace AS s WHERE s.pnpubid = p.oid) AS n))"
					 "       AS definition"
					 "  FROM pg_publication AS p"
					 " WHERE " MIG_SCHEMA_NO_MEMBER("pg_publication", "p.oid")),
	MIG_SCHEMA_CLASS("pg_subscription",
					 "SELECT s.oid, 0 AS part, s.subowner AS owner," NO_ACL
					 "       concat_ws(' ', 'SUBSCRIPTION TO', (SELECT string_agg(quote_ident(x), ', ' ORDER BY x COLLATE \"C\")"
					 "                                            FROM unnest(s.subpublications) AS x),"
					 "         'slot_name = ' || s.subslotname, 'synchronous_commit = ' || s.subsynccommit,"
					 "         CASE WHEN s.subbinary THEN 'binary' END, 'streaming = ' || s.substream::text,"
					 "         CASE WHEN s.subtwophasestate <> 'd' THEN 'two_phase' END,"
					 "         CASE WHEN s.subdisableonerr THEN 'disable_on_error' END"
					 "         " MIG_COMPAT_SUBSCRIPTION("s") ") AS definition"
					 "  FROM pg_subscription AS s"
					 " WHERE s.subdbid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())"),

	/* Foreign data */
	MIG_SCHEMA_CLASS("pg_foreign_data_wrapper",
					 "SELECT f.oid, 0 AS part, f.fdwowner AS owner, f.fdwacl AS acl,"
					 "       acldefault('F', f.fdwowner) AS initial,"
					 "       concat_ws(' ', 'FOREIGN DATA WRAPPER',"
					 "         " MIG_SCHEMA_FUNCTION("HANDLER", "f.fdwhandler") ","
					 "         " MIG_SCHEMA_FUNCTION("VALIDATOR", "f.fdwvalidator") ","
					 "         " MIG_SCHEMA_OPTIONS("OPTIONS", "f.fdwoptions") ") AS definition"
					 "  FROM pg_foreign_data_wrapper AS f"
					 " WHERE " MIG_SCHEMA_IS_ADDED("pg_foreign_data_wrapper", "f.oid")),
	MIG_SCHEMA_CLASS("pg_foreign_server",
					 "SELECT s.oid, 0 AS part, s.srvowner AS owner, s.srvacl AS acl,"
					 "       acldefault('S', s.srvowner) AS initial,"
					 "       concat_ws(' ', 'SERVER', 'TYPE ' || quote_literal(s.srvtype),"
					 "         'VERSION ' || quote_literal(s.srvversion), 'FOREIGN DATA WRAPPER',"
					 "         (SELECT quote_ident(f.fdwname) FROM pg_foreign_data_wrapper AS f WHERE f.oid = s.srvfdw),"
					 "         " MIG_SCHEMA_OPTIONS("OPTIONS", "s.srvoptions") ") AS definition"
					 "  FROM pg_foreign_server AS s"
					 " WHERE " MIG_SCHEMA_IS_ADDED("pg_foreign_server", "s.oid")),
	MIG_SCHEMA_CLASS("pg_user_mapping",
					 "SELECT u.umid AS oid, 0 AS part, NULL::oid AS owner," NO_ACL
					 "       'USER MAPPING' AS definition"
					 "  FROM pg_user_mappings AS u"
					 " WHERE " MIG_SCHEMA_NO_MEMBER("pg_user_mapping", "u.umid")),

	/* Default privileges */
	MIG_SCHEMA_CLASS("pg_default_acl",
					 "SELECT d.oid, 0 AS part, NULL::oid AS owner," NO_ACL
					 "       COALESCE(" MIG_SCHEMA_PRIVILEGES("privileges", "d.defaclacl", "NULL", "d.defaclrole") ", 'privileges: none')"
					 "       AS definition"
					 "  FROM pg_default_acl AS d"
					 " WHERE $2 AND " MIG_SCHEMA_NO_MEMBER("pg_default_acl", "d.oid")),
	{NULL}
};
