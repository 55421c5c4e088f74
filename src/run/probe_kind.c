/*
 * probe_kind.c
 *	  How each kind of object is looked up in the catalogs.
 *
 * run_internal.h says what each query is for.  Nothing that is noted may depend
 * on the settings of the session: names are resolved once, when it is, with the
 * caller's search_path.
 */
#include "postgres.h"

#include "base/spi.h"
#include "run/run_internal.h"

#define EQUAL	" OPERATOR(pg_catalog.=) "
#define NAME_OF(schema, name) \
	"CASE WHEN " schema " IS NULL THEN pg_catalog.quote_ident(" name ")" \
	" ELSE pg_catalog.concat(pg_catalog.quote_ident(" schema "), '.'," \
	" pg_catalog.quote_ident(" name ")) END"

/* The table $2.$3 that exists. */
#define FROM_TABLE \
	"  FROM pg_catalog.pg_class AS c" \
	"  JOIN pg_catalog.pg_namespace AS n ON n.oid" EQUAL "c.relnamespace" \
	" WHERE c.oid" EQUAL "pg_catalog.to_regclass(" NAME_OF("$2", "$3") ")"
/* NULL for a type that is not there. */
#define TYPE_NAME \
	"(pg_catalog.quote_ident(n.nspname) OPERATOR(pg_catalog.||) '.'" \
	" OPERATOR(pg_catalog.||) pg_catalog.quote_ident(t.typname))"
#define TABLE_NAME	"n.nspname::pg_catalog.text, c.relname::pg_catalog.text"

/* The schema of $2.$3: where a new one goes, or where the old one is. */
#define SCHEMA_OF(catalog, object) \
	"CASE WHEN $2 IS NOT NULL THEN $2" \
	" WHEN $6 THEN pg_catalog.current_schema()::pg_catalog.text" \
	" ELSE (SELECT n.nspname::pg_catalog.text FROM " catalog " AS o" \
	"       JOIN pg_catalog.pg_namespace AS n ON n.oid" EQUAL "o.namespace" \
	"       WHERE o.oid" EQUAL object ") END"
#define CLASS_OF_NAME	"pg_catalog.to_regclass(pg_catalog.quote_ident($3))"
#define TYPE_OF_NAME	MIG_TYPE_OID("pg_catalog.quote_ident($3)")
#define CLASSES		"(SELECT oid, relnamespace AS namespace FROM pg_catalog.pg_class)"
#define TYPES		"(SELECT oid, typnamespace AS namespace FROM pg_catalog.pg_type)"

#define IDENTIFY(sql)	{sql}
#define IDENTIFY_NAME \
	IDENTIFY("SELECT ARRAY[$1, $3]")
#define IDENTIFY_IN_SCHEMA(schema, rest) \
	IDENTIFY("SELECT CASE WHEN s.name IS NOT NULL THEN" \
			 " ARRAY[$1, s.name, $3" rest "] END" \
			 "  FROM (SELECT " schema ") AS s (name)")

/*
 * What is to be dropped is known by its OID; if it is not there, by none.  A
 * dump changes OIDs, so where it was noted is kept, too.
 */
#define IDENTIFY_DROPPED(rest, oid) \
	IDENTIFY("SELECT ARRAY[$1, " rest ", COALESCE((" oid ")::pg_catalog.text, '')," \
			 MIG_SPI_ORIGIN "]")

#define QUERY(sql)		{sql}
#define EXISTS(rest) \
	QUERY("SELECT CASE WHEN EXISTS (SELECT" rest ")" \
		  " THEN '" MIG_PROBE_PRESENT "' ELSE '" MIG_PROBE_ABSENT "' END")
#define THIS_DATABASE \
	"(SELECT d.oid FROM pg_catalog.pg_database AS d" \
	" WHERE d.datname" EQUAL "pg_catalog.current_database())"
#define FROM_NOTED_SUBSCRIPTION \
	" FROM pg_subscription AS s WHERE s.subname = $1[2]" \
	"  AND s.subdbid = " THIS_DATABASE
/* Whether the object, if there is one, is as it is wanted. */
#define EXISTS_AS(wanted, rest) \
	QUERY("SELECT COALESCE((SELECT CASE WHEN " wanted " THEN '" MIG_PROBE_PRESENT "'" \
		  " ELSE '" MIG_PROBE_OTHER "' END" rest "), '" MIG_PROBE_ABSENT "')")
/* Whether it is still the one with the noted OID. */
#define EXISTS_STILL(oid, noted_oid, origin, rest) \
	EXISTS_AS(noted_oid " IN (" oid "::text, '') OR " \
			  origin " <> " MIG_SPI_ORIGIN, rest)
#define NONE			{NULL}

#define NOTED_CLASS		"to_regclass(format('%I.%I', $1[2], $1[3]))"
#define NOTED_TYPE \
	"(SELECT t.oid FROM pg_type AS t JOIN pg_namespace AS n" \
	" ON n.oid = t.typnamespace WHERE n.nspname = $1[2] AND t.typname = $1[3])"
#define NOTED_CHILD		"to_regclass(format('%I.%I', $1[4], $1[5]))"
#define NOTED_INDEX		"to_regclass(format('%I.%I', $1[2], $1[4]))"

#define IS_VALID		"(i.indisvalid AND i.indisready AND i.indislive)"

#define FROM_NOTED_INDEX \
	"  FROM pg_index AS i WHERE i.indexrelid = " NOTED_INDEX \
	"   AND i.indrelid = " NOTED_CLASS \
	"   AND " MIG_INDEX_DEFINITION " = $1[5]"
#define FROM_NOTED_CHILD \
	"  FROM pg_inherits WHERE inhrelid = " NOTED_CHILD \
	"   AND inhparent = " NOTED_CLASS

/*
 * Indexes on the noted table that are as wanted and were not there.  By name,
 * and not by OID, which a dump does not keep.
 */
#define FROM_NEW_INDEXES \
	"  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid" \
	" WHERE i.indrelid = " NOTED_CLASS \
	"   AND " MIG_INDEX_DEFINITION " = $1[4]" \
	"   AND c.relname::text <> ALL ($1[5:])"

/*
 * What REINDEX CONCURRENTLY has left of what it is about, and was not there: for
 * an index by its name, which may be cut; for a table, whatever is on it, its
 * partitions and their TOAST tables.
 */
#define NOTED_RELATION	"to_regclass(format('%I.%I', $1[3], $1[4]))"
#define NOTED_TREE \
	"(SELECT " NOTED_RELATION "::oid UNION ALL" \
	" SELECT relid FROM pg_partition_tree(" NOTED_RELATION "))"
#define LEFTOVER_NAME	"'_cc(new|old)[0-9]*$'"
#define FROM_NEW_LEFTOVERS \
	"  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid" \
	"  JOIN pg_namespace AS n ON n.oid = c.relnamespace" \
	" WHERE NOT i.indisvalid AND c.relname ~ " LEFTOVER_NAME \
	"   AND format('%I.%I', n.nspname, c.relname) <> ALL ($1[5:])" \
	"   AND CASE $1[2]" \
	"       WHEN 'index' THEN EXISTS (SELECT FROM pg_index AS x" \
	"         JOIN pg_class AS d ON d.oid = x.indexrelid" \
	"        WHERE x.indrelid = i.indrelid AND x.indexrelid IN " NOTED_TREE \
	"          AND starts_with(d.relname::text, regexp_replace(" \
	"              c.relname::text, " LEFTOVER_NAME ", '')))" \
	"       WHEN 'table' THEN EXISTS (SELECT FROM pg_class AS t" \
	"        WHERE t.oid IN " NOTED_TREE \
	"          AND i.indrelid IN (t.oid, t.reltoastrelid))" \
	"       WHEN 'schema' THEN EXISTS (SELECT FROM pg_class AS t" \
	"         JOIN pg_namespace AS s ON s.oid = t.relnamespace" \
	"        WHERE s.nspname = $1[4]" \
	"          AND i.indrelid IN (t.oid, t.reltoastrelid))" \
	"       ELSE true END"

#define DROP_INDEX \
	"SELECT 'DROP INDEX CONCURRENTLY ' || i.indexrelid::regclass::text"
#define IS_RELATION		" AND i.indexrelid = $2"

/* Another session of this database, in words, of those whose pid is selected. */
#define BUSY(pids) \
	QUERY("SELECT format('process %s%s', a.pid," \
		  " ' (role ' || quote_ident(a.usename) || ', application '" \
		  " || quote_literal(a.application_name) || ')'), a.pid" \
		  "  FROM pg_stat_activity AS a" \
		  " WHERE a.pid IN (" pids ") AND a.pid <> pg_backend_pid()" \
		  "   AND a.datname = current_database()" \
		  " ORDER BY a.pid LIMIT 1")

/*
 * Sessions that hold the lock of a concurrent build on one of these relations.
 * VACUUM and ANALYZE hold it as well, and wait for no snapshot.
 */
#define BUILD(relations) \
	"SELECT p.pid FROM pg_locks AS p" \
	" WHERE p.locktype = 'relation' AND p.granted" \
	"   AND p.mode = 'ShareUpdateExclusiveLock'" \
	"   AND p.database = " THIS_DATABASE \
	"   AND p.relation IN (" relations ")" \
	"   AND p.pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum" \
	"          UNION ALL SELECT pid FROM pg_stat_progress_analyze)"

/*
 * A session that detaches a partition of this table and waits until those that
 * hold a lock on it have ended.  It holds none itself then, unlike one that
 * builds an index, and waits for the transaction of such a one.
 */
#define DETACH(parent) \
	"SELECT w.pid FROM pg_locks AS w" \
	"  JOIN pg_locks AS t ON t.granted AND t.locktype = w.locktype" \
	"   AND (t.virtualxid = w.virtualxid OR t.transactionid = w.transactionid)" \
	"  JOIN pg_locks AS h ON h.virtualtransaction = t.virtualtransaction" \
	"   AND h.locktype = 'relation' AND h.granted" \
	"   AND h.database = " THIS_DATABASE " AND h.relation = " parent \
	" WHERE NOT w.granted" \
	"   AND EXISTS (SELECT FROM pg_inherits AS i" \
	"                WHERE i.inhparent = " parent " AND i.inhdetachpending)" \
	"   AND NOT EXISTS (SELECT FROM pg_locks AS o" \
	"                    WHERE o.virtualtransaction = w.virtualtransaction" \
	"                      AND o.locktype = 'relation')"

static MigProbeKind probe_kinds[] =
{
	{
		/* By the full name of its type; "" for one that stands for several. */
		MIG_EFFECT_COLUMN, "column",
		IDENTIFY("SELECT ARRAY[$1, " TABLE_NAME ", $4, COALESCE(("
				 "  SELECT pg_catalog.format('%I.%I', s.nspname, t.typname)"
				 "    FROM pg_catalog.pg_type AS t"
				 "    JOIN pg_catalog.pg_namespace AS s"
				 "      ON s.oid" EQUAL "t.typnamespace"
				 "   WHERE t.oid" EQUAL MIG_TYPE_OID("$7") "), '')]"
				 FROM_TABLE),
		EXISTS_AS("$1[5] IN (" TYPE_NAME ", '')",
				  " FROM pg_attribute AS a"
				  "  JOIN pg_type AS t ON t.oid = a.atttypid"
				  "  JOIN pg_namespace AS n ON n.oid = t.typnamespace"
				  " WHERE a.attrelid = " NOTED_CLASS
				  " AND a.attname = $1[4] AND NOT a.attisdropped"),
		NONE, NONE, NONE
	},
	{
		MIG_EFFECT_CONSTRAINT, "constraint",
		IDENTIFY("SELECT ARRAY[$1, " TABLE_NAME ", $4, COALESCE($7, '')]"
				 FROM_TABLE),
		EXISTS_AS("$1[5] IN (contype::text, '')",
				  " FROM pg_constraint WHERE conrelid = " NOTED_CLASS
				  " AND conname = $1[4]"),
		NONE, NONE, NONE
	},
	{
		/* One that was half dropped is INVALID by its connection limit. */
		MIG_EFFECT_DATABASE, "database",
		IDENTIFY("SELECT ARRAY[$1, $3, CASE WHEN $6 THEN"
				 "  COALESCE($7, CURRENT_USER::pg_catalog.text) ELSE '' END,"
				 "  COALESCE($4, '')]"),
		EXISTS_AS("$1[3] IN (pg_get_userbyid(d.datdba)::text, '')"
				  " AND $1[4] IN (t.spcname::text, '')"
				  " AND d.datconnlimit <> -2",
				  " FROM pg_database AS d JOIN pg_tablespace AS t"
				  " ON t.oid = d.dattablespace"
				  " WHERE d.datname = $1[2]"),
		NONE, NONE, NONE
	},
	{
		MIG_EFFECT_DATABASE_TABLESPACE, "database tablespace",
		IDENTIFY("SELECT ARRAY[$1, $3, $4]"),
		EXISTS(" FROM pg_database AS d JOIN pg_tablespace AS t"
			   " ON t.oid = d.dattablespace"
			   " WHERE d.datname = $1[2] AND t.spcname = $1[3]"),
		NONE, NONE, NONE
	},
	{
		MIG_EFFECT_DROPPED_DATABASE, "dropped database",
		IDENTIFY_DROPPED("$3", "SELECT oid FROM pg_catalog.pg_database"
						 " WHERE datname" EQUAL "$3"),
		EXISTS_STILL("d.oid", "$1[3]", "$1[4]",
					 " FROM pg_database AS d WHERE d.datname = $1[2]"),
		NONE, NONE, NONE
	},
	{
		MIG_EFFECT_DROPPED_RELATION, "dropped relation",
		IDENTIFY("SELECT CASE WHEN s.name IS NOT NULL THEN"
				 " ARRAY[$1, s.name, $3, COALESCE("
				 "  pg_catalog.to_regclass(" NAME_OF("$2", "$3")
				 ")::pg_catalog.oid::pg_catalog.text, ''), " MIG_SPI_ORIGIN
				 "] END  FROM (SELECT " SCHEMA_OF(CLASSES, CLASS_OF_NAME)
				 ") AS s (name)"),
		EXISTS_STILL("c.oid", "$1[4]", "$1[5]",
					 " FROM pg_class AS c WHERE c.oid = " NOTED_CLASS),
		NONE, NONE,
		BUSY(BUILD("SELECT i.indrelid FROM pg_index AS i"
				   " WHERE i.indexrelid = " NOTED_CLASS))
	},
	{
		MIG_EFFECT_DROPPED_SUBSCRIPTION, "dropped subscription",
		IDENTIFY_DROPPED("$3", "SELECT oid FROM pg_catalog.pg_subscription"
						 " WHERE subname" EQUAL "$3 AND subdbid" EQUAL
						 THIS_DATABASE),
		EXISTS_STILL("s.oid", "$1[3]", "$1[4]", FROM_NOTED_SUBSCRIPTION),
		NONE, NONE, NONE
	},
	{
		MIG_EFFECT_DROPPED_TABLESPACE, "dropped tablespace",
		IDENTIFY_DROPPED("$3", "SELECT oid FROM pg_catalog.pg_tablespace"
						 " WHERE spcname" EQUAL "$3"),
		EXISTS_STILL("t.oid", "$1[3]", "$1[4]",
					 " FROM pg_tablespace AS t WHERE t.spcname = $1[2]"),
		NONE, NONE, NONE
	},
	{
		MIG_EFFECT_ENUM_VALUE, "enum value",
		IDENTIFY_IN_SCHEMA(SCHEMA_OF(TYPES, TYPE_OF_NAME), ", $4"),
		EXISTS(" FROM pg_enum WHERE enumtypid = " NOTED_TYPE
			   " AND enumlabel = $1[4]"),
		NONE, NONE, NONE
	},
	{
		/* By the full names of the argument types; "?" for one that is not. */
		MIG_EFFECT_FUNCTION, "function",
		IDENTIFY("SELECT ARRAY[$1, COALESCE($2,"
				 "  pg_catalog.current_schema()::pg_catalog.text), $3,"
				 "  COALESCE((SELECT pg_catalog.string_agg("
				 "     COALESCE(" TYPE_NAME ", '?'), ' ' ORDER BY a.place)"
				 "   FROM pg_catalog.unnest("
				 "     pg_catalog.string_to_array($4, ','))"
				 "     WITH ORDINALITY AS a (name, place)"
				 "   LEFT JOIN pg_catalog.pg_type AS t ON t.oid" EQUAL
				 MIG_TYPE_OID("a.name")
				 "   LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid" EQUAL
				 "     t.typnamespace), '')]"),
		EXISTS(" FROM pg_proc AS p JOIN pg_namespace AS s"
			   "   ON s.oid = p.pronamespace"
			   " WHERE s.nspname = $1[2] AND p.proname = $1[3]"
			   "   AND COALESCE((SELECT string_agg(" TYPE_NAME ", ' '"
			   "      ORDER BY a.place)"
			   "    FROM unnest(p.proargtypes) WITH ORDINALITY AS a (oid, place)"
			   "    JOIN pg_type AS t ON t.oid = a.oid"
			   "    JOIN pg_namespace AS n ON n.oid = t.typnamespace), '')"
			   "   = $1[4]"),
		NONE, NONE, NONE
	},
	{
		/* It is in the schema of its table. */
		MIG_EFFECT_INDEX, "index",
		IDENTIFY("SELECT ARRAY[$1, " TABLE_NAME ", $4, COALESCE($7, '')]" FROM_TABLE),
		QUERY("SELECT COALESCE((SELECT CASE WHEN " IS_VALID
			  " THEN '" MIG_PROBE_PRESENT "' ELSE '" MIG_PROBE_INVALID "' END"
			  FROM_NOTED_INDEX "), CASE WHEN " NOTED_INDEX " IS NULL"
			  " THEN '" MIG_PROBE_ABSENT "' ELSE '" MIG_PROBE_OTHER "' END)"),
		QUERY(DROP_INDEX FROM_NOTED_INDEX " AND NOT " IS_VALID),
		QUERY("SELECT" FROM_NOTED_INDEX " AND NOT " IS_VALID IS_RELATION),
		BUSY(BUILD(NOTED_CLASS))
	},
	{
		MIG_EFFECT_INDEX_ON, "index on",
		IDENTIFY("SELECT pg_catalog.array_cat(ARRAY[$1, " TABLE_NAME ","
				 "  COALESCE($7, '')],"
				 "  ARRAY(SELECT x.relname::pg_catalog.text"
				 "          FROM pg_catalog.pg_index AS i"
				 "          JOIN pg_catalog.pg_class AS x"
				 "            ON x.oid" EQUAL "i.indexrelid"
				 "         WHERE i.indrelid" EQUAL "c.oid"
				 "         ORDER BY x.relname))" FROM_TABLE),
		QUERY("SELECT CASE WHEN count(*) = 0 THEN '" MIG_PROBE_ABSENT "'"
			  " WHEN count(*) > 1 THEN '" MIG_PROBE_UNKNOWN "'"
			  " WHEN bool_and" IS_VALID " THEN '" MIG_PROBE_PRESENT "'"
			  " ELSE '" MIG_PROBE_INVALID "' END" FROM_NEW_INDEXES),
		QUERY(DROP_INDEX FROM_NEW_INDEXES " AND NOT " IS_VALID),
		QUERY("SELECT" FROM_NEW_INDEXES " AND NOT " IS_VALID IS_RELATION),
		BUSY(BUILD(NOTED_CLASS))
	},
	{
		MIG_EFFECT_PARTITION, "partition",
		IDENTIFY("SELECT ARRAY[$1, " TABLE_NAME ","
				 "  p.nspname::pg_catalog.text, p.relname::pg_catalog.text]"
				 "  FROM (SELECT n.nspname, c.relname"
				 "          FROM pg_catalog.pg_class AS c"
				 "          JOIN pg_catalog.pg_namespace AS n"
				 "            ON n.oid" EQUAL "c.relnamespace"
				 "         WHERE c.oid" EQUAL
				 "pg_catalog.to_regclass(" NAME_OF("$5", "$4") ")) AS p,"
				 "       pg_catalog.pg_class AS c"
				 "  JOIN pg_catalog.pg_namespace AS n"
				 "    ON n.oid" EQUAL "c.relnamespace"
				 " WHERE c.oid" EQUAL
				 "pg_catalog.to_regclass(" NAME_OF("$2", "$3") ")"),
		QUERY("SELECT COALESCE((SELECT CASE WHEN inhdetachpending"
			  " THEN '" MIG_PROBE_INVALID "' ELSE '" MIG_PROBE_PRESENT "' END"
			  FROM_NOTED_CHILD "), '" MIG_PROBE_ABSENT "')"),
		QUERY("SELECT format('ALTER TABLE %I.%I DETACH PARTITION %I.%I FINALIZE',"
			  " $1[2], $1[3], $1[4], $1[5])"
			  FROM_NOTED_CHILD " AND inhdetachpending"),
		NONE,
		BUSY(BUILD(NOTED_CLASS ", " NOTED_CHILD)
			 " UNION ALL " DETACH(NOTED_CLASS))
	},
	{
		MIG_EFFECT_REINDEXED, "reindexed",
		IDENTIFY("SELECT pg_catalog.array_cat(ARRAY[$1, $7, CASE"
				 "  WHEN $7" EQUAL "'index' OR $7" EQUAL "'table'"
				 "  THEN s.name ELSE '' END,"
				 "  COALESCE($3, '')],"
				 "  ARRAY(SELECT pg_catalog.format('%I.%I', n.nspname, x.relname)"
				 "          FROM pg_catalog.pg_index AS i"
				 "          JOIN pg_catalog.pg_class AS x"
				 "            ON x.oid" EQUAL "i.indexrelid"
				 "          JOIN pg_catalog.pg_namespace AS n"
				 "            ON n.oid" EQUAL "x.relnamespace"
				 "         WHERE NOT i.indisvalid))"
				 "  FROM (SELECT COALESCE(" SCHEMA_OF(CLASSES, CLASS_OF_NAME)
				 ", '')) AS s (name)"),
		QUERY("SELECT CASE WHEN EXISTS (SELECT" FROM_NEW_LEFTOVERS ")"
			  " THEN '" MIG_PROBE_INVALID "' ELSE '" MIG_PROBE_ABSENT "' END"),
		QUERY(DROP_INDEX FROM_NEW_LEFTOVERS),
		QUERY("SELECT" FROM_NEW_LEFTOVERS IS_RELATION),
		BUSY(BUILD("SELECT COALESCE(x.indrelid, t.oid) FROM " NOTED_TREE " AS t (oid)"
				   "  LEFT JOIN pg_index AS x ON x.indexrelid = t.oid"
				   " UNION ALL SELECT i.indrelid" FROM_NEW_LEFTOVERS))
	},
	{
		MIG_EFFECT_RELATION, "relation",
		IDENTIFY("SELECT CASE WHEN s.name IS NOT NULL THEN"
				 " pg_catalog.array_cat(ARRAY[$1, s.name, $3,"
				 "  COALESCE($7, '')], $8) END"
				 "  FROM (SELECT " SCHEMA_OF(CLASSES, CLASS_OF_NAME) ") AS s (name)"),
		EXISTS_AS("$1[4] IN (c.relkind::text, '')"
				  " AND NOT EXISTS (SELECT FROM unnest($1[5:]) AS k (name)"
				  "  WHERE NOT EXISTS (SELECT FROM pg_attribute AS a"
				  "         WHERE a.attrelid = c.oid AND a.attname = k.name))",
				  " FROM pg_class AS c WHERE c.oid = " NOTED_CLASS),
		NONE, NONE, NONE
	},
	{
		MIG_EFFECT_SCHEMA, "schema", IDENTIFY_NAME,
		EXISTS(" FROM pg_namespace WHERE nspname = $1[2]"),
		NONE, NONE, NONE
	},
	{
		MIG_EFFECT_SUBSCRIPTION, "subscription",
		IDENTIFY("SELECT pg_catalog.array_cat(ARRAY[$1, $3], $8)"),
		EXISTS_AS("s.subpublications @> $1[3:] AND s.subpublications <@ $1[3:]",
				  FROM_NOTED_SUBSCRIPTION),
		NONE, NONE, NONE
	},
	{
		/* All of them, or none. */
		MIG_EFFECT_SUBSCRIPTION_PUBLICATIONS, "subscription publications",
		IDENTIFY("SELECT pg_catalog.array_cat(ARRAY[$1, $3], $8)"),
		QUERY("SELECT COALESCE((SELECT CASE"
			  " WHEN s.subpublications @> $1[3:] THEN '" MIG_PROBE_PRESENT "'"
			  " WHEN s.subpublications && $1[3:] THEN '" MIG_PROBE_OTHER "'"
			  " ELSE '" MIG_PROBE_ABSENT "' END" FROM_NOTED_SUBSCRIPTION
			  "), '" MIG_PROBE_OTHER "')"),
		NONE, NONE, NONE
	},
	{
		/* An empty location is in the data directory. */
		MIG_EFFECT_TABLESPACE, "tablespace",
		IDENTIFY("SELECT ARRAY[$1, $3, COALESCE($7, '')]"),
		EXISTS_AS("CASE $1[3] WHEN ''"
				  " THEN pg_tablespace_location(oid) LIKE 'pg_tblspc/%'"
				  " ELSE pg_tablespace_location(oid) = rtrim($1[3], '/') END",
				  " FROM pg_tablespace WHERE spcname = $1[2]"),
		NONE, NONE, NONE
	},
	{
		MIG_EFFECT_TYPE, "type",
		IDENTIFY_IN_SCHEMA(SCHEMA_OF(TYPES, TYPE_OF_NAME), ""),
		/* A shell is neither absent nor what CREATE TYPE makes of it. */
		EXISTS_AS("typisdefined", " FROM pg_type WHERE oid = " NOTED_TYPE),
		NONE, NONE, NONE
	}
};

/*
 * NULL: there is nothing to look up.
 */
MigProbeKind *
mig_probe_kind_find(MigEffectKind kind)
{
	for (int i = 0; i < lengthof(probe_kinds); i++)
	{
		if (probe_kinds[i].kind == kind)
			return &probe_kinds[i];
	}
	return NULL;
}

/*
 * A name that is none of ours was not noted by this version.
 */
MigProbeKind *
mig_probe_kind_noted(const MigProbe *probe)
{
	for (int i = 0; i < lengthof(probe_kinds); i++)
	{
		if (strcmp(probe_kinds[i].name, probe->object[0]) == 0)
			return &probe_kinds[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a partial revision names an object of a kind that this version does not know: \"%s\"",
					probe->object[0])));
	return NULL;				/* not reached */
}
