/*
 * tab_log.c
 *	  migrate.log: what ran, how it ended, what it cost.
 *
 * A row is written in the subtransaction of the step it tells about.  So a
 * run through the function door that ends in an ERROR takes its rows with it,
 * like everything else it did.
 */
#include "postgres.h"

#include <sys/resource.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "spi.h"
#include "tab_log.h"

static double cpu_ms_of_backend(void);
static const char *door_name(MigDoor door);

/*
 * An id for a run: a UUID, because a sequence would be a round trip for each
 * run on a distributed server.
 */
void
mig_tab_log_new_run(pg_uuid_t *run)
{
	pg_uuid_t  *uuid;

	uuid = DatumGetUUIDP(DirectFunctionCall1(gen_random_uuid, (Datum) 0));
	memcpy(run, uuid, sizeof(pg_uuid_t));
}

/*
 * Notes the counters as they are now.
 */
void
mig_tab_log_start_cost(MigCost *cost)
{
	cost->started = GetCurrentTimestamp();
	INSTR_TIME_SET_CURRENT(cost->wall);
	cost->cpu_ms = cpu_ms_of_backend();
	cost->wal = pgWalUsage;
	cost->buffers = pgBufferUsage;
}

/*
 * Turns the counters of mig_tab_log_start_cost() into what has come since.
 */
void
mig_tab_log_stop_cost(MigCost *cost)
{
	instr_time	now;
	WalUsage	wal;
	BufferUsage buffers;

	cost->finished = GetCurrentTimestamp();
	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, cost->wall);
	cost->wall_ms = INSTR_TIME_GET_MILLISEC(now);
	cost->cpu_ms = cpu_ms_of_backend() - cost->cpu_ms;

	memset(&wal, 0, sizeof(wal));
	WalUsageAccumDiff(&wal, &pgWalUsage, &cost->wal);
	cost->wal = wal;
	memset(&buffers, 0, sizeof(buffers));
	BufferUsageAccumDiff(&buffers, &pgBufferUsage, &cost->buffers);
	cost->buffers = buffers;
}

/*
 * Writes the row of a step that succeeded.
 */
void
mig_tab_log_succeeded(const MigLogEntry *entry)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.log (run, step, revision, operation, door, state,"
		"  attempts, started, finished, version_table, role,"
		"  application_name, body_hash, wall_ms, cpu_ms, wal_records,"
		"  wal_bytes, buffers_hit, buffers_read, buffers_dirtied,"
		"  buffers_written, temp_blocks_read, temp_blocks_written)"
		" VALUES ($1, $2, $3, $4, $5, 'succeeded', $6, $7, $8, $9,"
		"  pg_catalog.pg_get_userbyid($10),"
		"  pg_catalog.current_setting('application_name'), $11, $12, $13,"
		"  $14, $15, $16, $17, $18, $19, $20, $21)",
		21, {UUIDOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, INT4OID,
			TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, OIDOID, TEXTOID,
			FLOAT8OID, FLOAT8OID, INT8OID, INT8OID, INT8OID, INT8OID,
		INT8OID, INT8OID, INT8OID, INT8OID}
	};
	const MigCost *cost = &entry->cost;
	Datum		values[21];
	char		nulls[22] = "                     ";
	MigSpiScope scope;

	values[0] = UUIDPGetDatum(&entry->run);
	values[1] = Int32GetDatum(entry->step);
	values[2] = (Datum) 0;
	if (entry->revision != NULL)
		values[2] = CStringGetTextDatum(entry->revision);
	else
		nulls[2] = 'n';
	values[3] = CStringGetTextDatum(mig_tab_log_command_name(entry->operation));
	values[4] = CStringGetTextDatum(door_name(entry->door));
	values[5] = Int32GetDatum(entry->attempts);
	values[6] = TimestampTzGetDatum(cost->started);
	values[7] = TimestampTzGetDatum(cost->finished);
	values[8] = CStringGetTextDatum(entry->version_table);
	values[9] = ObjectIdGetDatum(entry->role);
	values[10] = (Datum) 0;
	if (entry->body_hash != NULL)
		values[10] = CStringGetTextDatum(entry->body_hash);
	else
		nulls[10] = 'n';
	values[11] = Float8GetDatum(cost->wall_ms);
	values[12] = Float8GetDatum(cost->cpu_ms);
	values[13] = Int64GetDatum(cost->wal.wal_records);
	values[14] = Int64GetDatum((int64) cost->wal.wal_bytes);
	values[15] = Int64GetDatum(cost->buffers.shared_blks_hit +
							   cost->buffers.local_blks_hit);
	values[16] = Int64GetDatum(cost->buffers.shared_blks_read +
							   cost->buffers.local_blks_read);
	values[17] = Int64GetDatum(cost->buffers.shared_blks_dirtied +
							   cost->buffers.local_blks_dirtied);
	values[18] = Int64GetDatum(cost->buffers.shared_blks_written +
							   cost->buffers.local_blks_written);
	values[19] = Int64GetDatum(cost->buffers.temp_blks_read);
	values[20] = Int64GetDatum(cost->buffers.temp_blks_written);

	mig_spi_begin(&scope, MIG_SPI_OWNER);
	mig_spi_execute(&query, values, nulls, MIG_SPI_WRITE);
	mig_spi_end(&scope);
}

/*
 * The version tables that runs have used and that still exist.
 */
char	  **
mig_tab_log_version_tables(int *ntables)
{
	static MigSpiQuery query = {
		"SELECT DISTINCT version_table FROM migrate.log"
		" WHERE pg_catalog.to_regclass(version_table) IS NOT NULL"
		" ORDER BY 1"
	};
	MigSpiScope scope;
	uint64		nrows;
	char	  **tables;

	mig_spi_begin(&scope, MIG_SPI_OWNER);
	nrows = mig_spi_execute(&query, NULL, NULL, MIG_SPI_READ_LATEST);
	tables = MemoryContextAlloc(scope.caller, sizeof(char *) * Max(nrows, 1));
	for (uint64 i = 0; i < nrows; i++)
		tables[i] = mig_spi_text(&scope, i, 1);
	mig_spi_end(&scope);
	*ntables = (int) nrows;
	return tables;
}

/*
 * The word for a command, in the log, in plans and in messages.
 */
const char *
mig_tab_log_command_name(MigCommand command)
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

static double
cpu_ms_of_backend(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000.0 +
		(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000.0;
}

static const char *
door_name(MigDoor door)
{
	switch (door)
	{
		case MIG_DOOR_FUNCTION:
			return "function";
		case MIG_DOOR_PROCEDURE:
			return "procedure";
		case MIG_DOOR_WORKER:
			return "worker";
	}
	return NULL;				/* not reached */
}
