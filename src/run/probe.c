/*
 * probe.c
 *	  Looks up in the catalogs whether a statement has taken effect.
 *
 * Before a statement that no transaction can take back, what it is about is
 * looked up: the object under its full name, and whether it is there.  That is
 * committed in migrate.partial.  If the outcome of the statement is unknown, the
 * same look-up tells: what has changed was done by the statement, because runs
 * on a version table take turns.  What has not changed was not done, or cannot
 * be done twice: the statement is run again, and the server decides.
 *
 * Names are resolved with the caller's search_path once, before; afterwards
 * the search_path may be another one.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/spi.h"
#include "run/run_internal.h"

/* What a look-up says of an object. */
#define PRESENT		"present"
#define ABSENT		"absent"
#define INVALID		"invalid"	/* left by a statement that did not end */
#define UNKNOWN		"unknown"

/*
 * How an object is looked up.
 *
 * identify -> what to note, or null if there is nothing to be looked for.  The
 * parameters are those of MigEffect: $1 kind, $2 schema, $3 name, $4 part,
 * $5 schema of the part, $6 whether the name is a new one.  It runs with the
 * caller's search_path.
 *
 * state -> one of the words above; repairs -> the statements that take away,
 * or finish, what is INVALID, none if that has been done meanwhile.  $1 is
 * what was noted, the kind first.
 */
typedef struct ProbeKind
{
	MigEffectKind kind;
	const char *name;
	MigSpiQuery identify;
	MigSpiQuery state;
	MigSpiQuery repairs;
} ProbeKind;

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
#define TYPE_NAME \
	"pg_catalog.format('%I.%I', n.nspname, t.typname)"
#define TABLE_NAME	"n.nspname::pg_catalog.text, c.relname::pg_catalog.text"

/* The schema of $2.$3: where a new one goes, or where the old one is. */
#define SCHEMA_OF(catalog, to_oid) \
	"CASE WHEN $2 IS NOT NULL THEN $2" \
	" WHEN $6 THEN pg_catalog.current_schema()::pg_catalog.text" \
	" ELSE (SELECT n.nspname::pg_catalog.text FROM " catalog " AS o" \
	"       JOIN pg_catalog.pg_namespace AS n ON n.oid" EQUAL "o.namespace" \
	"       WHERE o.oid" EQUAL "pg_catalog." to_oid "(" \
	NAME_OF("$2", "$3") ")) END"
#define CLASSES		"(SELECT oid, relnamespace AS namespace FROM pg_catalog.pg_class)"
#define TYPES		"(SELECT oid, typnamespace AS namespace FROM pg_catalog.pg_type)"

#define IDENTIFY(sql)	{sql}
#define IDENTIFY_IN_TABLE \
	IDENTIFY("SELECT ARRAY[$1, " TABLE_NAME ", $4]" FROM_TABLE)
#define IDENTIFY_NAME \
	IDENTIFY("SELECT ARRAY[$1, $3]")
#define IDENTIFY_IN_SCHEMA(schema, rest) \
	IDENTIFY("SELECT CASE WHEN s.name IS NOT NULL THEN" \
			 " ARRAY[$1, s.name, $3" rest "] END" \
			 "  FROM (SELECT " schema ") AS s (name)")

#define QUERY(sql)		{sql}
#define EXISTS(rest) \
	QUERY("SELECT CASE WHEN EXISTS (SELECT" rest ")" \
		  " THEN '" PRESENT "' ELSE '" ABSENT "' END")
#define NO_REPAIRS		{NULL}

#define NOTED_CLASS		"to_regclass(format('%I.%I', $1[2], $1[3]))"
#define NOTED_TYPE		"to_regtype(format('%I.%I', $1[2], $1[3]))"
#define NOTED_CHILD		"to_regclass(format('%I.%I', $1[4], $1[5]))"

#define IS_VALID		"(i.indisvalid AND i.indisready AND i.indislive)"

#define FROM_NOTED_INDEX \
	"  FROM pg_index AS i WHERE i.indexrelid = " NOTED_CLASS
#define FROM_NOTED_CHILD \
	"  FROM pg_inherits WHERE inhrelid = " NOTED_CHILD \
	"   AND inhparent = " NOTED_CLASS

/*
 * Indexes on the noted table that were not there.  By name, and not by OID,
 * which a dump does not keep.
 */
#define FROM_NEW_INDEXES \
	"  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid" \
	" WHERE i.indrelid = " NOTED_CLASS \
	"   AND c.relname::text <> ALL ($1[4:])"

/* What REINDEX CONCURRENTLY has left, and was not there. */
#define FROM_NEW_LEFTOVERS \
	"  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid" \
	"  JOIN pg_namespace AS n ON n.oid = c.relnamespace" \
	" WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'" \
	"   AND format('%I.%I', n.nspname, c.relname) <> ALL ($1[2:])"

#define DROP_INDEX \
	"SELECT 'DROP INDEX CONCURRENTLY ' || i.indexrelid::regclass::text"

static ProbeKind probe_kinds[] =
{
	{
		MIG_EFFECT_COLUMN, "column", IDENTIFY_IN_TABLE,
		EXISTS(" FROM pg_attribute WHERE attrelid = " NOTED_CLASS
			   " AND attname = $1[4] AND NOT attisdropped"),
		NO_REPAIRS
	},
	{
		MIG_EFFECT_CONSTRAINT, "constraint", IDENTIFY_IN_TABLE,
		EXISTS(" FROM pg_constraint WHERE conrelid = " NOTED_CLASS
			   " AND conname = $1[4]"),
		NO_REPAIRS
	},
	{
		MIG_EFFECT_DATABASE, "database", IDENTIFY_NAME,
		EXISTS(" FROM pg_database WHERE datname = $1[2]"),
		NO_REPAIRS
	},
	{
		MIG_EFFECT_DATABASE_TABLESPACE, "database tablespace",
		IDENTIFY("SELECT ARRAY[$1, $3, $4]"),
		EXISTS(" FROM pg_database AS d JOIN pg_tablespace AS t"
			   " ON t.oid = d.dattablespace"
			   " WHERE d.datname = $1[2] AND t.spcname = $1[3]"),
		NO_REPAIRS
	},
	{
		MIG_EFFECT_ENUM_VALUE, "enum value",
		IDENTIFY_IN_SCHEMA(SCHEMA_OF(TYPES, "to_regtype"), ", $4"),
		EXISTS(" FROM pg_enum WHERE enumtypid = " NOTED_TYPE
			   " AND enumlabel = $1[4]"),
		NO_REPAIRS
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
				 "     pg_catalog.to_regtype(a.name)"
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
		NO_REPAIRS
	},
	{
		/* It is in the schema of its table. */
		MIG_EFFECT_INDEX, "index",
		IDENTIFY("SELECT ARRAY[$1, n.nspname::pg_catalog.text, $4]" FROM_TABLE),
		QUERY("SELECT COALESCE((SELECT CASE WHEN " IS_VALID
			  " THEN '" PRESENT "' ELSE '" INVALID "' END"
			  FROM_NOTED_INDEX "), '" ABSENT "')"),
		QUERY(DROP_INDEX FROM_NOTED_INDEX " AND NOT " IS_VALID)
	},
	{
		MIG_EFFECT_INDEX_ON, "index on",
		IDENTIFY("SELECT pg_catalog.array_cat(ARRAY[$1, " TABLE_NAME "],"
				 "  ARRAY(SELECT x.relname::pg_catalog.text"
				 "          FROM pg_catalog.pg_index AS i"
				 "          JOIN pg_catalog.pg_class AS x"
				 "            ON x.oid" EQUAL "i.indexrelid"
				 "         WHERE i.indrelid" EQUAL "c.oid"
				 "         ORDER BY x.relname))" FROM_TABLE),
		QUERY("SELECT CASE WHEN count(*) = 0 THEN '" ABSENT "'"
			  " WHEN count(*) > 1 THEN '" UNKNOWN "'"
			  " WHEN bool_and" IS_VALID " THEN '" PRESENT "'"
			  " ELSE '" INVALID "' END" FROM_NEW_INDEXES),
		QUERY(DROP_INDEX FROM_NEW_INDEXES " AND NOT " IS_VALID)
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
			  " THEN '" INVALID "' ELSE '" PRESENT "' END"
			  FROM_NOTED_CHILD "), '" ABSENT "')"),
		QUERY("SELECT format('ALTER TABLE %I.%I DETACH PARTITION %I.%I FINALIZE',"
			  " $1[2], $1[3], $1[4], $1[5])"
			  FROM_NOTED_CHILD " AND inhdetachpending")
	},
	{
		MIG_EFFECT_REINDEXED, "reindexed",
		IDENTIFY("SELECT pg_catalog.array_cat(ARRAY[$1],"
				 "  ARRAY(SELECT pg_catalog.format('%I.%I', n.nspname, x.relname)"
				 "          FROM pg_catalog.pg_index AS i"
				 "          JOIN pg_catalog.pg_class AS x"
				 "            ON x.oid" EQUAL "i.indexrelid"
				 "          JOIN pg_catalog.pg_namespace AS n"
				 "            ON n.oid" EQUAL "x.relnamespace"
				 "         WHERE NOT i.indisvalid))"),
		QUERY("SELECT CASE WHEN EXISTS (SELECT" FROM_NEW_LEFTOVERS ")"
			  " THEN '" INVALID "' ELSE '" ABSENT "' END"),
		QUERY(DROP_INDEX FROM_NEW_LEFTOVERS)
	},
	{
		MIG_EFFECT_RELATION, "relation",
		IDENTIFY_IN_SCHEMA(SCHEMA_OF(CLASSES, "to_regclass"), ""),
		EXISTS(" WHERE " NOTED_CLASS " IS NOT NULL"),
		NO_REPAIRS
	},
	{
		MIG_EFFECT_SCHEMA, "schema", IDENTIFY_NAME,
		EXISTS(" FROM pg_namespace WHERE nspname = $1[2]"),
		NO_REPAIRS
	},
	{
		MIG_EFFECT_SUBSCRIPTION, "subscription", IDENTIFY_NAME,
		EXISTS(" FROM pg_subscription AS s JOIN pg_database AS d"
			   " ON d.oid = s.subdbid AND d.datname = current_database()"
			   " WHERE s.subname = $1[2]"),
		NO_REPAIRS
	},
	{
		MIG_EFFECT_TABLESPACE, "tablespace", IDENTIFY_NAME,
		EXISTS(" FROM pg_tablespace WHERE spcname = $1[2]"),
		NO_REPAIRS
	},
	{
		MIG_EFFECT_TYPE, "type",
		IDENTIFY_IN_SCHEMA(SCHEMA_OF(TYPES, "to_regtype"), ""),
		EXISTS(" WHERE " NOTED_TYPE " IS NOT NULL"),
		NO_REPAIRS
	}
};

static ProbeKind *find_kind(MigEffectKind kind);
static ProbeKind *noted_kind(const MigProbe *probe);
static char *look_up(ProbeKind *kind, const MigProbe *probe);

/*
 * Notes what a statement is about and how it is now; to be called with the
 * search_path that the statement will have.
 */
void
mig_probe_before(const char *statement, MigProbe *probe)
{
	MigEffect	effect;
	ProbeKind  *kind;
	MigSpiArgs	args = {0};
	MigSpiScope scope;

	memset(probe, 0, sizeof(*probe));
	mig_statement_effect(statement, &effect);
	kind = find_kind(effect.kind);
	if (kind == NULL)
		return;

	mig_spi_arg_text(&args, kind->name);
	mig_spi_arg_text(&args, effect.schema);
	mig_spi_arg_text(&args, effect.name);
	mig_spi_arg_text(&args, effect.part);
	mig_spi_arg_text(&args, effect.part_schema);
	mig_spi_arg_bool(&args, effect.creates_name);
	mig_spi_begin(&scope, MIG_SPI_CALLER_PATH);
	if (mig_spi_execute(&kind->identify, &args, MIG_SPI_READ_LATEST) > 0)
	{
		MigSpiRow	row = mig_spi_fetch(&scope, 0);

		probe->object = mig_spi_row_texts(&row, 1, &probe->nobject);
	}
	mig_spi_end(&scope);
	if (probe->nobject == 0)
		return;

	probe->before = look_up(kind, probe);

	/* The server would take it for the index that is asked for. */
	if (effect.kind == MIG_EFFECT_INDEX && effect.tolerant &&
		strcmp(probe->before, INVALID) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" exists, but is not valid",
						probe->object[2]),
				 errdetail("It was left by something other than this run, and IF NOT EXISTS would be content with it."),
				 errhint("Drop it, then run the command again.")));
}

/*
 * Whether the statement has taken effect since mig_probe_before().
 */
MigVerdict
mig_probe_after(const char *statement, const MigProbe *probe)
{
	MigEffect	effect;
	const char *now;

	mig_statement_effect(statement, &effect);
	if (effect.kind == MIG_EFFECT_UNKNOWN)
		return MIG_VERDICT_UNKNOWN;
	if (probe->nobject == 0)
		return MIG_VERDICT_NOT_DONE;

	now = look_up(noted_kind(probe), probe);
	if (strcmp(now, UNKNOWN) == 0)
		return MIG_VERDICT_UNKNOWN;
	if (strcmp(now, probe->before) == 0)
		return MIG_VERDICT_NOT_DONE;
	if (strcmp(now, INVALID) == 0)
		return MIG_VERDICT_BROKEN;
	return strcmp(now, effect.gone ? ABSENT : PRESENT) == 0 ?
		MIG_VERDICT_DONE : MIG_VERDICT_NOT_DONE;
}

/*
 * The statements that repair what is broken; none can run inside a transaction
 * block.
 */
char	  **
mig_probe_repairs(const MigProbe *probe, int *nrepairs)
{
	ProbeKind  *kind = noted_kind(probe);
	MigSpiArgs	args = {0};

	/* Of what can be INVALID. */
	Assert(kind->repairs.sql != NULL);
	mig_spi_arg_texts(&args, probe->object, probe->nobject);
	return mig_spi_list(&kind->repairs, &args, MIG_SPI_CALLER,
						MIG_SPI_READ_LATEST, nrepairs);
}

static ProbeKind *
find_kind(MigEffectKind kind)
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
static ProbeKind *
noted_kind(const MigProbe *probe)
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

static char *
look_up(ProbeKind *kind, const MigProbe *probe)
{
	MigSpiArgs	args = {0};

	mig_spi_arg_texts(&args, probe->object, probe->nobject);
	return mig_spi_first(&kind->state, &args, MIG_SPI_CALLER,
						 MIG_SPI_READ_LATEST);
}
