/*
 * partial.c
 *	  migrate.partial: how far a revision has come that takes several
 *	  transactions.
 *
 * A segment of its body that is one transaction is noted in that transaction,
 * as "done".  For a statement that cannot run inside a transaction block
 * "started" is committed before and "done" after it.  The version row of the
 * revision is written together with the removal of these rows.
 *
 * Runs on a version table take turns, and none begins another revision while
 * one is partial.  So there is at most one partial revision for a version
 * table, and at most the last of its rows is not "done".
 *
 * The version table is known by its OID, so that its name can be changed
 * meanwhile.  The column is a regclass: a dump writes the name that the table
 * has then, and finds the table by it when it is restored.  The name as it was
 * noted is kept beside it, for a table that was dropped and made anew.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"

#include "base/command.h"
#include "base/spi.h"
#include "tables/log.h"
#include "tables/partial.h"

/* Of the role that has begun the revision of row p, if it is still there. */
#define ROLE_NOW(column) \
	"(SELECT r." column " FROM pg_catalog.pg_roles AS r WHERE " \
	MIG_SPI_IS_NOTED_ROLE("r", "p.role", "p.role_oid", "p.origin") ")"

/* The version table of row p as it is called now; NULL: it is gone. */
#define TABLE_NOW \
	"(SELECT pg_catalog.quote_ident(n.nspname) || '.' ||" \
	"        pg_catalog.quote_ident(c.relname)" \
	"   FROM pg_catalog.pg_class AS c" \
	"   JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace" \
	"  WHERE c.oid = p.version_oid)"

/* For read_table(). */
#define TABLE_COLUMNS \
	"SELECT DISTINCT p.version_oid::pg_catalog.oid," \
	"       COALESCE(" TABLE_NOW ", p.version_table) COLLATE \"C\"," \
	"       " TABLE_NOW " IS NULL, p.revision"

static void read_partial(const MigSpiScope *scope, uint64 nrows,
						 MigPartial *partial);
static void write_segment(const MigPartialSegment *segment,
						  const char *state);
static void read_table(const MigSpiRow *row, void *result);
static MigCommand command_by_name(const char *name);

/*
 * The partial revision of a version table, or NULL.  If there is none, one that
 * was noted under the name that the table has now, for a table that is still
 * there: it is not known which of the two is meant.
 */
MigPartial *
mig_partial_find(const MigVersion *version, MigSpiAccess access)
{
	static MigSpiQuery query = {
		"SELECT revision, operation, body_hash,"
		"       COALESCE(" ROLE_NOW("rolname") ", role), settings, state,"
		"       statement, last_statement, line, kind, object, before,"
		"       version_oid <> $1 OR version_table <> $2,"
		"       CASE WHEN NOT " MIG_VERSION_OF("migrate.partial", "p.")
		"        THEN COALESCE(" TABLE_NOW ", version_table) END,"
		"       session_id, session_objects, " ROLE_NOW("oid") ","
		"       run::pg_catalog.text,"
		"       path_schemas::pg_catalog.text[], origin, origin <> " MIG_SPI_ORIGIN
		"  FROM migrate.partial AS p"
		" WHERE (version_oid = $1 OR version_table = $2)"
		"   AND (" MIG_VERSION_OF("migrate.partial", "p.")
		"        OR NOT EXISTS (SELECT FROM migrate.partial AS q"
		"                        WHERE" MIG_VERSION_OF("migrate.partial", "q.") "))"
		" ORDER BY statement"
	};
	MigPartial *partial = NULL;
	MigSpiArgs	args = {0};
	MigSpiScope scope;
	uint64		nrows;

	mig_version_bind(&args, version);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	nrows = mig_spi_execute(&scope, &query, &args, access);
	if (nrows > 0)
	{
		partial = MemoryContextAllocZero(scope.caller, sizeof(MigPartial));
		read_partial(&scope, nrows, partial);
	}
	mig_spi_end(&scope);
	if (partial != NULL && partial->table_now == NULL &&
		mig_partial_is_batch(partial))
	{
		MigBatchPlace place = {version, partial->revision, partial->operation, partial->unknown};

		mig_batch_progress(&place, access, &partial->batch);
	}
	return partial;
}

/*
 * Puts the rows of a revision together.
 */
static void
read_partial(const MigSpiScope *scope, uint64 nrows, MigPartial *partial)
{
	MigSpiRow	row = mig_spi_fetch(scope, nrows - 1);

	partial->revision = mig_spi_row_text_not_null(&row, 1);
	partial->operation = command_by_name(mig_spi_row_text_not_null(&row, 2));
	partial->body_hash = mig_spi_row_text_not_null(&row, 3);
	partial->settings = mig_spi_row_texts(&row, 5, &partial->nsettings);
	partial->path_schemas = mig_spi_row_texts(&row, 19,
											  &partial->npath_schemas);
	partial->origin = mig_spi_row_text_not_null(&row, 20);
	partial->elsewhere = mig_spi_row_bool(&row, 21);
	partial->session_id = mig_spi_row_text(&row, 15);
	partial->session_objects = mig_spi_row_texts(&row, 16,
												 &partial->nsession_objects);
	/* The row that was written last: in a copy, the others are of elsewhere. */
	partial->role = mig_spi_row_text_not_null(&row, 4);
	partial->role_oid = mig_spi_row_oid(&row, 17);
	row = mig_spi_fetch(scope, 0);
	partial->renamed = mig_spi_row_bool(&row, 13);
	partial->table_now = mig_spi_row_text(&row, 14);
	for (uint64 i = 0; i < nrows; i++)
	{
		row = mig_spi_fetch(scope, i);
		if (strcmp(mig_spi_row_text_not_null(&row, 6), "done") == 0)
		{
			partial->done = mig_spi_row_int32(&row, 8);
			continue;
		}
		partial->unknown = mig_spi_row_int32(&row, 7);
		partial->run = mig_spi_row_text(&row, 18);
		partial->line = mig_spi_row_int32(&row, 9);
		partial->kind = mig_spi_row_text(&row, 10);
		partial->object = mig_spi_row_texts(&row, 11, &partial->nobject);
		partial->before = mig_spi_row_text(&row, 12);
	}
}

/*
 * The partial revisions of other version tables, also of those that are gone.
 */
MigPartialTable *
mig_partial_elsewhere(const MigVersion *version, int *ntables)
{
	static MigSpiQuery query = {
		TABLE_COLUMNS
		"  FROM migrate.partial AS p"
		" WHERE NOT (" MIG_VERSION_OF("migrate.partial", "p.") ")"
		" ORDER BY 2, 1"
	};
	MigSpiArgs	args = {0};

	mig_version_bind(&args, version);
	return mig_spi_rows(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						sizeof(MigPartialTable), read_table, ntables);
}

static void
read_table(const MigSpiRow *row, void *result)
{
	MigPartialTable *table = result;

	table->relid = mig_spi_row_oid(row, 1);
	table->name = mig_spi_row_text_not_null(row, 2);
	table->gone = mig_spi_row_bool(row, 3);
	table->revision = mig_spi_row_text_not_null(row, 4);
}

/*
 * A version table for which the revision is partial, or NULL; one that is gone (a
 * pointer, or NULL) only if there is no other.
 */
char *
mig_partial_holder(const char *revision, bool *gone)
{
	static MigSpiQuery query = {
		TABLE_COLUMNS
		"  FROM migrate.partial AS p"
		" WHERE p.revision = $1"
		" ORDER BY 3, 2 LIMIT 1"
	};
	MigSpiArgs	args = {0};
	MigPartialTable holder = {0};

	mig_spi_arg_text(&args, revision);
	(void) mig_spi_row(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
					   read_table, &holder);
	if (gone != NULL)
		*gone = holder.gone;
	return holder.name;
}

/*
 * To be committed before a statement that cannot run inside a transaction
 * block.
 */
void
mig_partial_started(const MigPartialSegment *segment)
{
	write_segment(segment, "started");
}

/*
 * To be committed together with a segment, or after it.
 */
void
mig_partial_done(const MigPartialSegment *segment)
{
	write_segment(segment, "done");
}

/*
 * Takes "started" back: the segment that begins with the statement has no
 * effect.
 */
void
mig_partial_forget(const MigVersion *version, int statement)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.partial WHERE" MIG_VERSION_OR_FORMER("") " AND statement = $3"
	};
	MigSpiArgs	args = {0};

	mig_version_bind(&args, version);
	mig_spi_arg_int32(&args, statement);
	mig_spi_write(&query, &args);
}

/*
 * What the session that has begun the revision had, and others have not, is not
 * needed, nor is a schema of its search_path that was dropped.
 */
void
mig_partial_forget_session(const MigVersion *version)
{
	static MigSpiQuery query = {
		"UPDATE migrate.partial "
		" SET session_objects = '{}',"
		"     path_schemas = (SELECT pg_catalog.array_agg("
		"       CASE WHEN n.oid IS NULL OR origin <> " MIG_SPI_ORIGIN
		"        THEN 0::pg_catalog.oid ELSE n.oid END ORDER BY s.number)"
		"       FROM pg_catalog.unnest(path_schemas) WITH ORDINALITY AS s (oid, number)"
		"       LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = s.oid)"
		" WHERE" MIG_VERSION_OR_FORMER("")
	};
	MigSpiArgs	args = {0};

	mig_version_bind(&args, version);
	mig_spi_write(&query, &args);
}

/*
 * Takes "started" back for a run whose process cannot do it itself, whatever the
 * version table is called.
 */
void
mig_partial_forget_of_run(const pg_uuid_t *run, int statement)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.partial"
		" WHERE run = $1 AND statement = $2 AND state = 'started'"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_uuid(&args, run);
	mig_spi_arg_int32(&args, statement);
	mig_spi_write(&query, &args);
}

/*
 * The revision is not partial any more: applied, reverted, or abandoned.
 */
void
mig_partial_clear(const MigVersion *version)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.partial WHERE" MIG_VERSION_OR_FORMER("")
	};
	MigSpiArgs	args = {0};

	mig_version_bind(&args, version);
	mig_spi_write(&query, &args);
}

/*
 * The revision is abandoned for version tables that are gone, as far as the current
 * role has begun it there or manages the extension.  Returns their names.
 */
char	  **
mig_partial_clear_gone(const char *revision, int *ntables)
{
	static MigSpiQuery query = {
		"WITH g AS (SELECT p.version_oid, p.statement"
		"    FROM migrate.partial AS p LEFT JOIN pg_catalog.pg_roles AS r"
		"      ON " MIG_SPI_IS_NOTED_ROLE("r", "p.role", "p.role_oid", "p.origin")
		"   WHERE p.revision = $1 AND " MIG_VERSION_IS_GONE("p.")
		"     AND " MIG_SPI_MAY_MANAGE("$2") "),"
		" d AS (DELETE FROM migrate.partial AS p USING g"
		"   WHERE p.version_oid = g.version_oid AND p.statement = g.statement"
		" RETURNING p.version_table)"
		" SELECT DISTINCT version_table COLLATE \"C\" FROM d ORDER BY 1"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, revision);
	mig_spi_arg_oid(&args, GetUserId());
	return mig_spi_list(&query, &args, MIG_SPI_OWNER, MIG_SPI_WRITE, ntables);
}

/*
 * Notes the name and the OID that the version table has now.  What is noted under
 * its name for one that is gone is not about it, if it has rows of its own.
 */
void
mig_partial_follow(const MigVersion *version)
{
	static MigSpiQuery remove = {
		"DELETE FROM migrate.partial AS p WHERE" MIG_VERSION_OR_FORMER("p.")
		" AND NOT" MIG_VERSION_OF("migrate.partial", "p.")
	};
	static MigSpiQuery query = {
		"UPDATE migrate.partial SET version_oid = $1, version_table = $2"
		" WHERE" MIG_VERSION_OR_FORMER("")
	};
	MigSpiArgs	args = {0};

	mig_version_bind(&args, version);
	mig_spi_write(&remove, &args);
	mig_spi_write(&query, &args);
}

/*
 * Writes the row of a segment, or changes it.  What was noted about the object
 * before the statement ran is kept.
 */
static void
write_segment(const MigPartialSegment *segment, const char *state)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.partial AS p (version_oid, version_table, revision,"
		"  operation, statement, last_statement, line, kind, state, object,"
		"  before, body_hash, run, role, role_oid, origin, settings, session_id,"
		"  session_objects, path_schemas, finished)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
		"  pg_catalog.pg_get_userbyid($14), $14, COALESCE($19, " MIG_SPI_ORIGIN "),"
		"  $15, $16, $17,"
		"  $18::pg_catalog.oid[],"
		"  CASE $9 WHEN 'done' THEN pg_catalog.clock_timestamp() END)"
		" ON CONFLICT (version_oid, statement) DO UPDATE"
		"  SET state = excluded.state, run = excluded.run, role = excluded.role,"
		"      role_oid = excluded.role_oid, origin = excluded.origin,"
		"      settings = excluded.settings,"
		"      session_id = excluded.session_id,"
		"      session_objects = excluded.session_objects,"
		"      path_schemas = excluded.path_schemas,"
		"      last_statement = excluded.last_statement,"
		"      object = COALESCE(excluded.object, p.object),"
		"      before = COALESCE(excluded.before, p.before),"
		"      started = CASE excluded.state WHEN 'started'"
		"       THEN excluded.started ELSE p.started END,"
		"      finished = excluded.finished"
	};
	MigSpiArgs	args = {0};

	mig_version_bind(&args, segment->version);
	mig_spi_arg_text(&args, segment->revision);
	mig_spi_arg_text(&args, mig_command_name(segment->operation));
	mig_spi_arg_int32(&args, segment->statement);
	mig_spi_arg_int32(&args, segment->last_statement);
	mig_spi_arg_int32(&args, segment->line);
	mig_spi_arg_text(&args, segment->kind);
	mig_spi_arg_text(&args, state);
	if (segment->nobject > 0)
		mig_spi_arg_texts(&args, segment->object, segment->nobject);
	else
		mig_spi_arg_datum(&args, TEXTARRAYOID, (Datum) 0, true);
	mig_spi_arg_text(&args, segment->before);
	mig_spi_arg_text(&args, segment->body_hash);
	mig_spi_arg_uuid(&args, segment->run);
	mig_spi_arg_oid(&args, segment->role);
	mig_spi_arg_texts(&args, segment->settings, segment->nsettings);
	mig_spi_arg_text(&args, segment->session_id);
	mig_spi_arg_texts(&args, segment->session_objects,
					  segment->nsession_objects);
	mig_spi_arg_texts(&args, segment->path_schemas, segment->npath_schemas);
	mig_spi_arg_text(&args, segment->origin);
	mig_spi_write(&query, &args);
}

/*
 * A stamp runs no body, so it cannot be partial.
 */
static MigCommand
command_by_name(const char *name)
{
	return strcmp(name, mig_command_name(MIG_COMMAND_DOWNGRADE)) == 0 ?
		MIG_COMMAND_DOWNGRADE : MIG_COMMAND_UPGRADE;
}
