/*
 * adopt_table.c
 *	  The version tables of other tools: where they are, and what they say.
 *
 * A tool is a row of the table of tools.  Its version table belongs to any role,
 * and is read with the rights of the caller, or with those of its owner if the
 * caller has them: what its owner could make a read run is found out first, as it
 * is of a version table in use (tables/version_open.c).  Its columns must have types
 * of the server's own, so that what the query does with them is the server's, too.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "base/guc.h"
#include "base/spi.h"
#include "import/adopt_internal.h"

/* What a query has in columns that a tool has no value for. */
#define NO_TEXT		"NULL::text"
#define NO_TIME		"NULL::timestamptz"
#define NO_MS		"NULL::float8"
#define ONE_SCOPE	NO_TEXT
#define NO_CHECKSUM	NO_TEXT
#define NO_OTHER	NO_TEXT

#define SELECT_ROWS(version, other, scope, state, applied_at, ms, checksum) \
	"SELECT (" version ")::text, " other ", " scope ", " state "," \
	" " applied_at ", " ms ", " checksum " FROM ONLY %s"
#define NUMBER_OF(column) \
	"COALESCE(pg_catalog.\"substring\"(" column ", '^[0-9]+'), " column ")"

/* Whole set, no time: what most tools that are frameworks keep. */
#define SET_OF_VERSIONS \
	SELECT_ROWS("version", NO_OTHER, ONE_SCOPE, "'applied'", NO_TIME, NO_MS, \
				NO_CHECKSUM) " ORDER BY version"

static const MigAdoptTool tools[] =
{
	{
		"alembic", "alembic", "alembic_version", "version_num",
		SELECT_ROWS("version_num", NO_OTHER, ONE_SCOPE, "'head'", NO_TIME, NO_MS,
					NO_CHECKSUM) " ORDER BY version_num"
	},
	{
		"dbmate", "dbmate", "schema_migrations", "version", SET_OF_VERSIONS
	},
	{
		"diesel", "diesel", "__diesel_schema_migrations", "version run_on",
		SELECT_ROWS("version", NO_OTHER, ONE_SCOPE, "'applied'",
					"run_on::timestamptz", NO_MS, NO_CHECKSUM)
		" ORDER BY run_on, version"
	},
	{
		"flyway", "flyway", "flyway_schema_history",
		"installed_rank version type script checksum installed_on execution_time success",
		SELECT_ROWS("COALESCE(version, script)", NO_OTHER, ONE_SCOPE,
					"CASE WHEN NOT success THEN 'failed'"
					" WHEN type = 'SCHEMA' THEN 'nothing'"
					" WHEN version IS NULL THEN 'ignored'"
					" WHEN type LIKE 'UNDO%%' OR type = 'DELETE' THEN 'undone'"
					" WHEN type LIKE '%%BASELINE' THEN 'baseline'"
					" ELSE 'applied' END",
					"installed_on::timestamptz", "execution_time::float8",
					"CASE WHEN type IN ('SQL', 'SQL_BASELINE') THEN checksum::text END")
		" ORDER BY installed_rank",
		.repair = "Undo or complete by hand what the migration has done, then run \"flyway repair\", which removes its row.",
		.accept = "\"flyway repair\" makes the table agree with the files."
	},
	{
		"golang-migrate", "golang-migrate", "schema_migrations", "version dirty",
		SELECT_ROWS("version", NO_OTHER, ONE_SCOPE,
					"CASE WHEN dirty THEN 'dirty' WHEN version < 0 THEN 'ignored'"
					" ELSE 'up to' END", NO_TIME, NO_MS, NO_CHECKSUM)
		" ORDER BY version",
		.repair = "Undo or complete by hand what the migration has done, then say with \"migrate force\" which version the database is at."
	},
	{
		"goose", "goose", "goose_db_version", "id version_id is_applied tstamp",
		SELECT_ROWS("version_id", NO_OTHER, ONE_SCOPE,
					"CASE WHEN version_id = 0 THEN 'nothing'"
					" WHEN is_applied THEN 'applied' ELSE 'undone' END",
					"tstamp::timestamptz", NO_MS, NO_CHECKSUM)
		" ORDER BY id"
	},
	{
		"graphile", "graphile", "graphile_migrate.migrations", "hash filename date",
		SELECT_ROWS(NUMBER_OF("filename"), NO_OTHER, ONE_SCOPE, "'applied'",
					"date::timestamptz", NO_MS, "hash::text")
		" ORDER BY date, filename"
	},
	{
		"hasura", "golang-migrate", "hdb_catalog.schema_migrations", "version dirty",
		SELECT_ROWS("version", NO_OTHER, ONE_SCOPE,
					"CASE WHEN dirty THEN 'dirty' ELSE 'applied' END", NO_TIME,
					NO_MS, NO_CHECKSUM) " ORDER BY version",
		.repair = "Undo or complete by hand what the migration has done, then run \"hasura migrate apply --skip-execution --version\" with its version."
	},
	{
		"hasura", "golang-migrate", "hdb_catalog.hdb_version", "cli_state",
		SELECT_ROWS("v.version", NO_OTHER, "m.source",
					"CASE v.dirty WHEN 'true' THEN 'dirty' ELSE 'applied' END",
					NO_TIME, NO_MS, NO_CHECKSUM)
		" , LATERAL pg_catalog.jsonb_each(cli_state -> 'migrations') AS m (source, versions)"
		" , LATERAL pg_catalog.jsonb_each_text(m.versions) AS v (version, dirty)"
		" ORDER BY m.source, v.version",
		.repair = "Undo or complete by hand what the migration has done, then run \"hasura migrate apply --skip-execution --version\" with its version."
	},
	{
		"liquibase", "liquibase", "databasechangelog",
		"id author filename dateexecuted orderexecuted exectype",
		SELECT_ROWS("pg_catalog.concat(author, ':', id)",
					"pg_catalog.concat(author, ':', id, ':', pg_catalog.split_part("
					"  pg_catalog.regexp_replace(filename, '^.*/', ''), '.', 1))",
					ONE_SCOPE,
					"CASE WHEN filename = 'liquibase-internal' THEN 'nothing'"
					" WHEN exectype IN ('EXECUTED', 'RERAN', 'MARK_RAN') THEN 'applied'"
					" ELSE 'failed' END",
					"dateexecuted::timestamptz", NO_MS, NO_CHECKSUM)
		" ORDER BY orderexecuted, dateexecuted",
		.other_checksum = true,
		.repair = "Run \"liquibase update\" until it succeeds, or delete the row."
	},
	{
		"node-pg-migrate", "node-pg-migrate", "pgmigrations", "id name run_on",
		SELECT_ROWS(NUMBER_OF("name"), NO_OTHER, ONE_SCOPE, "'applied'",
					"run_on::timestamptz", NO_MS, NO_CHECKSUM)
		" ORDER BY run_on, id"
	},
	{
		"prisma", "prisma", "_prisma_migrations",
		"migration_name checksum started_at finished_at rolled_back_at",
		SELECT_ROWS("migration_name", NUMBER_OF("migration_name"), ONE_SCOPE,
					"CASE WHEN rolled_back_at IS NOT NULL THEN 'nothing'"
					" WHEN finished_at IS NULL THEN 'failed' ELSE 'applied' END",
					"finished_at::timestamptz",
					"EXTRACT(epoch FROM finished_at - started_at)::float8 * 1000",
					"checksum::text")
		" ORDER BY finished_at, started_at, migration_name",
		.repair = "Undo or complete by hand what the migration has done, then run \"prisma migrate resolve\" with --rolled-back or --applied and its name."
	},
	{
		"rails", NULL, "schema_migrations", "version", SET_OF_VERSIONS
	},
	{
		"refinery", "refinery", "refinery_schema_history",
		"version applied_on checksum",
		SELECT_ROWS("version", NO_OTHER, ONE_SCOPE, "'applied'",
					"applied_on::timestamptz", NO_MS, "checksum::text")
		" ORDER BY applied_on::timestamptz, version"
	},
	{
		"sqitch", "sqitch", "sqitch.changes",
		"change_id script_hash change project committed_at",
		SELECT_ROWS("pg_catalog.concat(project, ':', change, CASE pg_catalog.row_number() OVER name"
					" WHEN 1 THEN '' ELSE pg_catalog.concat('_', pg_catalog.row_number() OVER name) END)",
					"pg_catalog.concat(change, CASE pg_catalog.row_number() OVER name"
					" WHEN 1 THEN '' ELSE pg_catalog.concat('_', pg_catalog.row_number() OVER name) END)",
					"project::text", "'applied'", "committed_at::timestamptz", NO_MS,
		/* Old registries have the id there. */
					"NULLIF(script_hash, change_id)::text")
		" WINDOW name AS (PARTITION BY project, change ORDER BY committed_at, change_id)"
		" ORDER BY committed_at, change_id"
	},
	{
		"sqlx", "sqlx", "_sqlx_migrations",
		"version installed_on success checksum execution_time",
		SELECT_ROWS("version", NO_OTHER, ONE_SCOPE,
					"CASE WHEN success THEN 'applied' ELSE 'failed' END",
					"installed_on::timestamptz", "execution_time::float8 / 1000000",
					"pg_catalog.encode(checksum, 'hex')")
		" ORDER BY installed_on, version",
		.repair = "Undo by hand what the migration has done, then delete its row."
	},
	{
		"supabase", "supabase", "supabase_migrations.schema_migrations", "version",
		SET_OF_VERSIONS,
		.accept = "\"supabase migration repair\" makes the table agree with the files."
	}
};

static char *find_default(const MigAdoptTool *tool);
static char *name_of(Oid relation);
static void refuse_tool(const char *name);
static void refuse_missing(const char *name);
static bool has_columns(const MigAdoptTool *tool, const char *relation);
static List *find_unfit(const MigAdoptTool *tool, Oid table);
static bool find_readable(const MigAdoptTool *tool, Oid *table);
static void check_columns(const MigAdoptTool *tool, const MigVersion *table);
static void read_row(const MigSpiRow *row, void *result);
static MigAdoptState state_by_name(const char *name);
static void forget_plan(void *query);

/*
 * The tool of that name, and the name of its table with the schema: that of
 * relation, or the one that a session of the tool would find.  A tool can have
 * had another table in other versions.
 */
const MigAdoptTool *
mig_adopt_find_tool(const char *name, Oid relation, char **relation_name)
{
	const MigAdoptTool *first = NULL;

	*relation_name = NULL;
	for (int i = 0; i < lengthof(tools); i++)
	{
		const MigAdoptTool *tool = &tools[i];

		if (strcmp(tool->name, name) != 0)
			continue;
		if (first == NULL)
			first = tool;
		*relation_name = OidIsValid(relation) ? name_of(relation) :
			find_default(tool);
		if (*relation_name != NULL && has_columns(tool, *relation_name))
			return tool;
	}
	if (first == NULL)
		refuse_tool(name);
	if (OidIsValid(relation))
		*relation_name = name_of(relation);
	else
		*relation_name = find_default(first);
	if (*relation_name == NULL && OidIsValid(relation))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation)));
	if (*relation_name == NULL)
		refuse_missing(first->name);
	return first;
}

static void
refuse_tool(const char *name)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < lengthof(tools); i++)
	{
		if (i == 0 || strcmp(tools[i].name, tools[i - 1].name) != 0)
			appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", tools[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("format \"%s\" has no version table", name),
			 errhint("Those that have one are: %s.", names.data)));
}

/*
 * Raises an error that names the tables that were looked for.
 */
static void
refuse_missing(const char *name)
{
	StringInfoData relations;

	initStringInfo(&relations);
	for (int i = 0; i < lengthof(tools); i++)
	{
		if (strcmp(tools[i].name, name) == 0)
			appendStringInfo(&relations, "%s\"%s\"", relations.len > 0 ? _(" or ") : "",
							 tools[i].relation);
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("version table %s of %s does not exist", relations.data, name),
			 errhint("If it has another name, or its schema is not in search_path, give it with the argument \"relation\".")));
}

/*
 * The tool's own table, or NULL.
 */
static char *
find_default(const MigAdoptTool *tool)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.to_regclass($1)::pg_catalog.oid"
	};
	MigSpiArgs	args = {0};
	Datum		oid;

	mig_spi_arg_text(&args, tool->relation);
	if (!mig_spi_first_datum(&query, &args, MIG_SPI_CALLER_PATH,
							 MIG_SPI_READ_LATEST, OIDOID, &oid))
		return NULL;
	return name_of(DatumGetObjectId(oid));
}

/*
 * NULL: it is gone.
 */
static char *
name_of(Oid relation)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.quote_ident(n.nspname) || '.' ||"
		"       pg_catalog.quote_ident(c.relname)"
		"  FROM pg_catalog.pg_class AS c"
		"  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" WHERE c.oid = $1"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, relation);
	return mig_spi_first(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}

/*
 * The name of a table that a format's tool could have written here, and that is not
 * the version table in use: one that a session of the caller finds and may read, with
 * the tool's columns.  NULL: there is none.  Raises no error, and does not touch the
 * table, which may be locked.
 */
char *
mig_adopt_find_written(const char *format)
{
	for (int i = 0; i < lengthof(tools); i++)
	{
		const MigAdoptTool *tool = &tools[i];
		Oid			table;

		if (tool->format != NULL && strcmp(tool->format, format) == 0 &&
			strstr(mig_guc_version_table, tool->relation) == NULL &&
			find_readable(tool, &table) && find_unfit(tool, table) == NIL)
			return name_of(table);
	}
	return NULL;
}

/*
 * to_regclass() would raise an error for a schema that the caller may not use.
 */
static bool
find_readable(const MigAdoptTool *tool, Oid *table)
{
	static MigSpiQuery query = {
		"SELECT c.oid"
		"  FROM pg_catalog.pg_class AS c"
		"  JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
		" WHERE c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.name"
		"   AND c.relkind OPERATOR(pg_catalog.=) 'r'::\"char\""
		"   AND CASE WHEN $1 IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)"
		"       ELSE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name END"
		"   AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
		"   AND pg_catalog.has_table_privilege(c.oid, 'SELECT')"
	};
	const char *dot = strchr(tool->relation, '.');
	MigSpiArgs	args = {0};
	Datum		oid;

	mig_spi_arg_text(&args, dot == NULL ? NULL :
					 pnstrdup(tool->relation, dot - tool->relation));
	mig_spi_arg_text(&args, dot == NULL ? tool->relation : dot + 1);
	if (!mig_spi_first_datum(&query, &args, MIG_SPI_CALLER_PATH,
							 MIG_SPI_READ_LATEST, OIDOID, &oid))
		return false;
	*table = DatumGetObjectId(oid);
	return true;
}

/*
 * Whether a table has the columns that the tool gives it.
 */
static bool
has_columns(const MigAdoptTool *tool, const char *relation)
{
	return find_unfit(tool, mig_version_open_foreign(relation)->relid) == NIL;
}

/*
 * What keeps a table from being that of the tool: columns that it does not have,
 * and those whose type is not the server's or that are computed when they are read,
 * by code of the table's owner.
 */
static List *
find_unfit(const MigAdoptTool *tool, Oid table)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.quote_ident(i.name) ||"
		"       CASE WHEN a.attname IS NULL THEN ''"
		"            WHEN a.attgenerated <> '' THEN ' (generated)'"
		"            ELSE ' (' || pg_catalog.format_type(a.atttypid, NULL) || ')' END"
		"  FROM pg_catalog.unnest(pg_catalog.string_to_array($2, ' '))"
		"       WITH ORDINALITY AS i (name, ordinality)"
		"  LEFT JOIN pg_catalog.pg_attribute AS a"
		"    ON a.attrelid = $1 AND a.attname = i.name AND NOT a.attisdropped"
		"  LEFT JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid"
		" WHERE t.oid IS NULL OR t.typtype <> 'b' OR a.attgenerated <> ''"
		"    OR t.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace"
		" ORDER BY i.ordinality"
	};
	MigSpiArgs	args = {0};
	List	   *unfit = NIL;
	char	  **names;
	int			nnames;

	mig_spi_arg_oid(&args, table);
	mig_spi_arg_text(&args, tool->columns);
	names = mig_spi_list(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						 &nnames);
	for (int i = 0; i < nnames; i++)
		unfit = lappend(unfit, names[i]);
	return unfit;
}

static void
check_columns(const MigAdoptTool *tool, const MigVersion *table)
{
	List	   *unfit = find_unfit(tool, table->relid);
	StringInfoData names;
	ListCell   *cell;

	if (unfit == NIL)
		return;
	initStringInfo(&names);
	foreach(cell, unfit)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 (const char *) lfirst(cell));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("table \"%s\" is no version table of %s", table->name, tool->name),
			 errdetail("Columns are missing, or of a type that is not the server's, or generated: %s.",
					   names.data),
			 errhint("Give the table with the argument \"relation\".")));
}

/*
 * Its rows, in the order in which the tool has written them.  The table is locked
 * until the transaction ends, and stays what it is.
 */
MigAdoptRow *
mig_adopt_read(const MigAdoptTool *tool, MigVersion *table, int *nrows)
{
	MigSpiQuery *query = palloc0(sizeof(MigSpiQuery));
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));
	MigSpiScope scope;
	MigAdoptRow *rows;
	uint64		n;

	mig_version_hold(table, MIG_VERSION_READ);
	check_columns(tool, table);
	query->sql = psprintf(tool->query, table->name);
	query->table = table->relid;
	callback->func = forget_plan;
	callback->arg = query;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	mig_spi_begin(&scope, MIG_SPI_CALLER);
	mig_spi_restrict(&scope, OidIsValid(table->acting_owner) ?
					 table->acting_owner : GetUserId());
	n = mig_spi_execute(&scope, query, NULL, MIG_SPI_READ_LATEST);
	rows = MemoryContextAllocHuge(scope.caller,
								  sizeof(MigAdoptRow) * Max(n, 1));
	MemoryContextSwitchTo(scope.caller);
	for (uint64 i = 0; i < n; i++)
	{
		MigSpiRow	row = mig_spi_fetch(&scope, i);

		read_row(&row, &rows[i]);
	}
	mig_spi_end(&scope);
	if (!mig_version_is_exposed(table))
		mig_version_refuse_cursor(table);
	*nrows = (int) n;
	return rows;
}

static void
read_row(const MigSpiRow *row, void *result)
{
	MigAdoptRow *adopt = result;
	bool		isnull;
	Datum		value;

	adopt->version = mig_spi_row_text_not_null(row, 1);
	adopt->other = mig_spi_row_text(row, 2);
	adopt->scope = mig_spi_row_text(row, 3);
	adopt->state = state_by_name(mig_spi_row_text_not_null(row, 4));
	value = mig_spi_row_datum(row, 5, TIMESTAMPTZOID, &isnull);
	adopt->has_time = !isnull;
	adopt->applied_at = isnull ? 0 : DatumGetTimestampTz(value);
	value = mig_spi_row_datum(row, 6, FLOAT8OID, &isnull);
	adopt->milliseconds = isnull ? 0 : Max(DatumGetFloat8(value), 0);
	adopt->checksum = mig_spi_row_text(row, 7);
}

/*
 * The words of the queries.
 */
static MigAdoptState
state_by_name(const char *name)
{
	static const char *const names[] = {
		[MIG_ADOPT_APPLIED] = "applied",
		[MIG_ADOPT_UP_TO] = "up to",
		[MIG_ADOPT_BASELINE] = "baseline",
		[MIG_ADOPT_HEAD] = "head",
		[MIG_ADOPT_UNDONE] = "undone",
		[MIG_ADOPT_NOTHING] = "nothing",
		[MIG_ADOPT_IGNORED] = "ignored",
		[MIG_ADOPT_FAILED] = "failed",
		[MIG_ADOPT_DIRTY] = "dirty"
	};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(names[i], name) == 0)
			return i;
	}
	elog(ERROR, "unknown state \"%s\" of a version", name);
}

static void
forget_plan(void *query)
{
	mig_spi_forget_plan(query);
}
