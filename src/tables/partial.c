/*
 * partial.c
 *	  migrate.partial: progress inside a revision.
 *
 * For a revision that cannot be one transaction.  A segment that a
 * transaction can take back is noted in it, as done.  For one that it cannot,
 * "started" is committed before and "done" after.  All of it goes with the
 * version row of the revision.
 *
 * Runs on a version table take turns, and none begins another revision while
 * one is partial: there is at most one for a version table, and of its rows at
 * most the last one is not done.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/spi.h"
#include "tables/log.h"
#include "tables/partial.h"

static void write_checkpoint(const MigPartialSegment *checkpoint,
							 const char *state);
static MigCommand command_by_name(const char *name);

/*
 * The partial revision of a version table, or NULL.  A report reads with the
 * caller's snapshot.
 */
MigPartial *
mig_partial_find(const char *version_table, bool for_report)
{
	static MigSpiQuery query = {
		"SELECT revision, operation, body_hash, state, statement,"
		"       last_statement, line, kind, object, before, role, started"
		"  FROM migrate.partial WHERE version_table = $1"
		" ORDER BY statement",
		1, {TEXTOID}, NULL, true
	};
	MigPartial *partial = NULL;
	Datum		values[1];
	MigSpiScope scope;
	uint64		nrows;

	values[0] = CStringGetTextDatum(version_table);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	nrows = mig_spi_old_execute(&query, values, NULL, for_report ?
								MIG_SPI_READ_CALLER : MIG_SPI_READ_LATEST);
	if (nrows > 0)
	{
		bool		isnull;

		partial = MemoryContextAllocZero(scope.caller, sizeof(MigPartial));
		partial->revision = mig_spi_old_text(&scope, 0, 1);
		partial->operation = command_by_name(mig_spi_old_text(&scope, 0, 2));
		partial->body_hash = mig_spi_old_text(&scope, 0, 3);
		partial->role = mig_spi_old_text(&scope, nrows - 1, 11);
		partial->since = DatumGetTimestampTz(mig_spi_old_value(nrows - 1, 12,
															   &isnull));
	}
	for (uint64 i = 0; i < nrows; i++)
	{
		bool		isnull;

		if (strcmp(mig_spi_old_text(&scope, i, 4), "done") == 0)
		{
			partial->done = DatumGetInt32(mig_spi_old_value(i, 6, &isnull));
			continue;
		}
		partial->in_doubt = DatumGetInt32(mig_spi_old_value(i, 5, &isnull));
		partial->line = DatumGetInt32(mig_spi_old_value(i, 7, &isnull));
		partial->kind = mig_spi_old_text(&scope, i, 8);
		partial->object = mig_spi_old_text_array(&scope, i, 9, &partial->nobject);
		partial->before = mig_spi_old_text(&scope, i, 10);
	}
	mig_spi_end(&scope);
	return partial;
}

/*
 * A version table by which the revision is partial, or NULL.
 */
char *
mig_partial_holder(const char *revision)
{
	static MigSpiQuery query = {
		"SELECT version_table FROM migrate.partial WHERE revision = $1"
		" LIMIT 1",
		1, {TEXTOID}
	};
	Datum		values[1];

	values[0] = CStringGetTextDatum(revision);
	return mig_spi_old_first(&query, values, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}

/*
 * To be committed before a segment that no transaction can take back.
 */
void
mig_partial_started(const MigPartialSegment *checkpoint)
{
	write_checkpoint(checkpoint, "started");
}

/*
 * To be committed with a segment, or after it.
 */
void
mig_partial_done(const MigPartialSegment *checkpoint)
{
	write_checkpoint(checkpoint, "done");
}

/*
 * The segment that begins with the statement has no effect.
 */
void
mig_partial_forget(const char *version_table, int statement)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.partial"
		" WHERE version_table = $1 AND statement = $2",
		2, {TEXTOID, INT4OID}, NULL, true
	};
	Datum		values[2];

	values[0] = CStringGetTextDatum(version_table);
	values[1] = Int32GetDatum(statement);
	mig_spi_old_write(&query, values, NULL);
}

/*
 * The revision is applied, taken down, or given up.
 */
void
mig_partial_clear(const char *version_table)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.partial WHERE version_table = $1",
		1, {TEXTOID}, NULL, true
	};
	Datum		values[1];

	values[0] = CStringGetTextDatum(version_table);
	mig_spi_old_write(&query, values, NULL);
}

static void
write_checkpoint(const MigPartialSegment *checkpoint, const char *state)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.partial AS c (version_table, revision,"
		"  operation, statement, last_statement, line, kind, state, object,"
		"  before, body_hash, run, role, finished)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
		"  pg_catalog.pg_get_userbyid($13), CASE $8 WHEN 'done'"
		"   THEN pg_catalog.clock_timestamp() END)"
		" ON CONFLICT (version_table, statement) DO UPDATE"
		"  SET state = excluded.state, run = excluded.run,"
		"      role = excluded.role,"
		"      last_statement = excluded.last_statement,"
		"      object = COALESCE(excluded.object, c.object),"
		"      before = COALESCE(excluded.before, c.before),"
		"      started = CASE excluded.state WHEN 'started'"
		"       THEN excluded.started ELSE c.started END,"
		"      finished = excluded.finished",
		13, {TEXTOID, TEXTOID, TEXTOID, INT4OID, INT4OID, INT4OID, TEXTOID,
		TEXTOID, TEXTARRAYOID, TEXTOID, TEXTOID, UUIDOID, OIDOID}
	};
	Datum		values[13];
	char		nulls[14] = "             ";

	memset(values, 0, sizeof(values));
	values[0] = CStringGetTextDatum(checkpoint->version_table);
	values[1] = CStringGetTextDatum(checkpoint->revision);
	values[2] = CStringGetTextDatum(mig_log_command_name(checkpoint->operation));
	values[3] = Int32GetDatum(checkpoint->statement);
	values[4] = Int32GetDatum(checkpoint->last_statement);
	values[5] = Int32GetDatum(checkpoint->line);
	values[6] = mig_spi_old_text_datum(checkpoint->kind, &nulls[6]);
	values[7] = CStringGetTextDatum(state);
	if (checkpoint->nobject > 0)
		values[8] = mig_spi_array_datum(checkpoint->object,
										checkpoint->nobject);
	else
		nulls[8] = 'n';
	values[9] = mig_spi_old_text_datum(checkpoint->before, &nulls[9]);
	values[10] = CStringGetTextDatum(checkpoint->body_hash);
	values[11] = UUIDPGetDatum(checkpoint->run);
	values[12] = ObjectIdGetDatum(checkpoint->role);

	mig_spi_old_write(&query, values, nulls);
}

/*
 * Only what can be partial.
 */
static MigCommand
command_by_name(const char *name)
{
	return strcmp(name, mig_log_command_name(MIG_COMMAND_DOWNGRADE)) == 0 ?
		MIG_COMMAND_DOWNGRADE : MIG_COMMAND_UPGRADE;
}
