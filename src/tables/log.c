/*
 * log.c
 *	  migrate.log: what ran, how it ended, what it cost.
 *
 * The row of a step that succeeds is written in the step's subtransaction.
 * That of one that fails for good comes after the rollback, in the committing
 * doors.  A run through the function door that ends in an ERROR takes its rows
 * with it, like everything else it did.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/spi.h"
#include "tables/log.h"

/*
 * An id for a run: a UUID, because a sequence would be a round trip for each
 * run on a distributed server.
 */
void
mig_log_new_run(pg_uuid_t *run)
{
	pg_uuid_t  *uuid;

	uuid = DatumGetUUIDP(DirectFunctionCall1(gen_random_uuid, (Datum) 0));
	memcpy(run, uuid, sizeof(pg_uuid_t));
}

/*
 * Writes a row.
 */
void
mig_log_write(const MigLogEntry *entry)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.log (run, step, revision, operation, via, state,"
		"  attempts, started, finished, version_table, role,"
		"  application_name, body_hash, sqlstate, error, wall_ms, cpu_ms,"
		"  lock_wait_ms, wal_records, wal_bytes, buffers_hit, buffers_read,"
		"  buffers_dirtied, buffers_written, temp_blocks_read,"
		"  temp_blocks_written)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
		"  pg_catalog.pg_get_userbyid($11),"
		"  pg_catalog.current_setting('application_name'), $12, $13, $14,"
		"  $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)",
		25, {UUIDOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID,
			TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, OIDOID, TEXTOID, TEXTOID,
			TEXTOID, FLOAT8OID, FLOAT8OID, FLOAT8OID, INT8OID, INT8OID,
		INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID}
	};
	const MigResourceUsage *cost = &entry->cost;
	const ErrorData *error = entry->error;
	Datum		values[25];
	char		nulls[26] = "                         ";
	MigSpiScope scope;

	values[0] = UUIDPGetDatum(&entry->run);
	values[1] = Int32GetDatum(entry->step);
	values[2] = mig_spi_old_text_datum(entry->revision, &nulls[2]);
	values[3] = CStringGetTextDatum(mig_log_command_name(entry->operation));
	values[4] = CStringGetTextDatum(mig_log_via_name(entry->via));
	values[5] = CStringGetTextDatum(error == NULL ? "succeeded" : "failed");
	values[6] = Int32GetDatum(entry->attempts);
	values[7] = TimestampTzGetDatum(cost->started);
	values[8] = TimestampTzGetDatum(cost->finished);
	values[9] = CStringGetTextDatum(entry->version_table);
	values[10] = ObjectIdGetDatum(entry->role);
	values[11] = mig_spi_old_text_datum(entry->body_hash, &nulls[11]);
	values[12] = mig_spi_old_text_datum(error == NULL ? NULL :
										unpack_sql_state(error->sqlerrcode), &nulls[12]);
	values[13] = mig_spi_old_text_datum(error == NULL ? NULL : error->message,
										&nulls[13]);
	values[14] = Float8GetDatum(cost->wall_ms);
	values[15] = Float8GetDatum(cost->cpu_ms);
	values[16] = Float8GetDatum(cost->lock_wait_ms);
	values[17] = Int64GetDatum(cost->wal.wal_records);
	values[18] = Int64GetDatum((int64) cost->wal.wal_bytes);
	values[19] = Int64GetDatum(cost->buffers.shared_blks_hit +
							   cost->buffers.local_blks_hit);
	values[20] = Int64GetDatum(cost->buffers.shared_blks_read +
							   cost->buffers.local_blks_read);
	values[21] = Int64GetDatum(cost->buffers.shared_blks_dirtied +
							   cost->buffers.local_blks_dirtied);
	values[22] = Int64GetDatum(cost->buffers.shared_blks_written +
							   cost->buffers.local_blks_written);
	values[23] = Int64GetDatum(cost->buffers.temp_blks_read);
	values[24] = Int64GetDatum(cost->buffers.temp_blks_written);

	mig_spi_begin(&scope, MIG_SPI_OWNER);
	mig_spi_old_execute(&query, values, nulls, MIG_SPI_WRITE);
	mig_spi_end(&scope);
}

/*
 * Removes rows that ended longer ago than that, but for the last success of
 * each revision in each version table: migrate.status lives on those.
 */
void
mig_log_expire(int seconds)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.log"
		" WHERE finished < pg_catalog.clock_timestamp()"
		"                  - pg_catalog.make_interval(secs => $1)"
		"   AND (run, step) NOT IN ("
		"        SELECT DISTINCT ON (version_table, revision) run, step"
		"          FROM migrate.log WHERE state = 'succeeded'"
		"         ORDER BY version_table, revision, finished DESC, step DESC)",
		1, {INT4OID}
	};
	Datum		values[1];
	MigSpiScope scope;

	values[0] = Int32GetDatum(seconds);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	mig_spi_old_execute(&query, values, NULL, MIG_SPI_WRITE);
	mig_spi_end(&scope);
}

/*
 * The longest that a run of a revision has taken, in milliseconds; 0 if there
 * was none.
 */
double
mig_log_longest(const char *revision, MigCommand command)
{
	static MigSpiQuery query = {
		"SELECT COALESCE(pg_catalog.max(wall_ms), 0) FROM migrate.log"
		" WHERE revision = $1 AND operation = $2",
		2, {TEXTOID, TEXTOID}
	};
	Datum		values[2];
	MigSpiScope scope;
	bool		isnull;
	double		longest;

	values[0] = CStringGetTextDatum(revision);
	values[1] = CStringGetTextDatum(mig_log_command_name(command));
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	mig_spi_old_execute(&query, values, NULL, MIG_SPI_READ_LATEST);
	longest = DatumGetFloat8(mig_spi_old_value(0, 1, &isnull));
	mig_spi_end(&scope);
	return longest;
}

/*
 * How long an upgrade takes in the middle, in milliseconds; -1 if none was
 * logged.
 */
double
mig_log_median(void)
{
	static MigSpiQuery query = {
		"SELECT COALESCE(pg_catalog.percentile_cont(0.5)"
		"  WITHIN GROUP (ORDER BY wall_ms), -1) FROM migrate.log"
		" WHERE operation = 'upgrade' AND state = 'succeeded'"
	};
	MigSpiScope scope;
	bool		isnull;
	double		median;

	mig_spi_begin(&scope, MIG_SPI_OWNER);
	mig_spi_old_execute(&query, NULL, NULL, MIG_SPI_READ_LATEST);
	median = DatumGetFloat8(mig_spi_old_value(0, 1, &isnull));
	mig_spi_end(&scope);
	return median;
}

/*
 * Those of some revisions of which an upgrade has taken so long, the slowest
 * first, each with its time.
 */
char	  **
mig_log_slow(char *const *ids, int nids, double milliseconds, int limit,
			 int *nslow)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.format('%s (%s s)', revision,"
		"        pg_catalog.round((pg_catalog.max(wall_ms) / 1000)::numeric))"
		"  FROM migrate.log"
		" WHERE revision = ANY ($1) AND operation = 'upgrade'"
		" GROUP BY revision HAVING pg_catalog.max(wall_ms) >= $2"
		" ORDER BY pg_catalog.max(wall_ms) DESC, revision LIMIT $3",
		3, {TEXTARRAYOID, FLOAT8OID, INT4OID}
	};
	Datum		values[3];

	values[0] = mig_spi_array_datum(ids, nids);
	values[1] = Float8GetDatum(milliseconds);
	values[2] = Int32GetDatum(limit);
	return mig_spi_old_list(&query, values, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
							nslow);
}

/*
 * What ended the last run, if it failed, or NULL.  Without the message, which
 * may quote rows.
 */
char *
mig_log_last_failure(void)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN state = 'failed' THEN pg_catalog.format("
		"        '%s of revision %L failed with %s at %s', operation, revision,"
		"        sqlstate, pg_catalog.date_trunc('second', finished)) END"
		"  FROM migrate.log ORDER BY started DESC LIMIT 1"
	};

	return mig_spi_old_first(&query, NULL, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}

/*
 * The version tables that runs have used and that still exist.
 */
char	  **
mig_log_version_tables(int *ntables)
{
	static MigSpiQuery query = {
		"SELECT DISTINCT version_table FROM migrate.log"
		" WHERE pg_catalog.to_regclass(version_table) IS NOT NULL"
		" ORDER BY 1"
	};

	return mig_spi_old_list(&query, NULL, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
							ntables);
}

/*
 * The word for a command, in the log, in plans and in messages.
 */
const char *
mig_log_command_name(MigCommand command)
{
	switch (command)
	{
		case MIG_COMMAND_UPGRADE:
			return "upgrade";
		case MIG_COMMAND_DOWNGRADE:
			return "downgrade";
		case MIG_COMMAND_STAMP:
			return "stamp";
	}
	return NULL;				/* not reached */
}

/*
 * The command that a word stands for.  false: none.
 */
bool
mig_log_command_find(const char *name, MigCommand *command)
{
	for (*command = MIG_COMMAND_UPGRADE; *command <= MIG_COMMAND_STAMP;
		 (*command)++)
	{
		if (strcmp(name, mig_log_command_name(*command)) == 0)
			return true;
	}
	return false;
}

/*
 * The word for a door.
 */
const char *
mig_log_via_name(MigVia via)
{
	switch (via)
	{
		case MIG_VIA_FUNCTION:
			return "function";
		case MIG_VIA_PROCEDURE:
			return "procedure";
		case MIG_VIA_WORKER:
			return "worker";
	}
	return NULL;				/* not reached */
}
