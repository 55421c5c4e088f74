/*
 * log.c
 *	  migrate.log: what ran, how it ended, which resources it used.
 *
 * The row of a step that succeeds is written in the step's subtransaction, in
 * a function with those of others of its run.
 * That of a step that fails for good is written after the rollback, by a
 * procedure or a worker.  A function that ends in an ERROR takes the rows of
 * its run with it, like everything else it did.
 *
 * The version table is known by its OID, so that its name can be changed, and by
 * the name that it had, for a table that was made anew or restored.  Not by a
 * regclass, as in migrate.partial: rows stay here longer than their tables, and
 * a dump without one of these could not be restored.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/command.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/printable.h"
#include "base/spi.h"
#include "tables/log.h"

/*
 * Whether a row l is about the version table with that OID and name: of a row
 * that names it, the OID must not be that of another version table by now.
 */
#define OF_VERSION(oid, name) \
	"(l.version_oid = " oid " OR l.version_table = " name \
	"  AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a" \
	"                   WHERE a.attrelid = l.version_oid" \
	"                     AND a.attname = 'version_num'))"

/* In SQL: the time of a step without its waits for locks. */
#define WORK_MS				"GREATEST(wall_ms - lock_wait_ms, 0)"

/* What is written of a row, in the order of add_entry(). */
#define COLUMNS \
	"run, step, revision, operation, via, state, attempts, started, finished, " \
	"version_table, version_oid, role, application_name, body_hash, revision_hash, " \
	"sqlstate, error, wall_ms, cpu_ms, lock_wait_ms, wal_records, wal_bytes, " \
	"buffers_hit, buffers_read, buffers_dirtied, buffers_written, " \
	"temp_blocks_read, temp_blocks_written, search_path, effective_role, detail, " \
	"hint, context, blocked_by"

static void add_entry(MigSpiArgs *args, const MigLogEntry *entry);
static void add_role_name(MigSpiArgs *args, Oid role, bool isnull);
static void read_holder(const MigSpiRow *row, void *result);
static void read_succeeded(const MigSpiRow *row, void *result);

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
 * Raises an error if a row could not be written at once.
 */
void
mig_log_lock_nowait(void)
{
	static MigSpiQuery query = {
		"LOCK TABLE migrate.log IN ROW EXCLUSIVE MODE NOWAIT"
	};

	mig_spi_write(&query, NULL);
}

/*
 * Writes a row.
 */
void
mig_log_write(const MigLogEntry *entry)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.log (" COLUMNS ") VALUES ("
		" $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,"
		" $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,"
		" $27, $28, $29, $30, $31, $32, $33, $34)"
	};
	MigSpiArgs	args = {0};

	add_entry(&args, entry);
	mig_spi_write(&query, &args);
}

/*
 * A row that outlives what it was made of, but for its error.  In the current
 * memory context.
 */
MigLogEntry
mig_log_copy(const MigLogEntry *entry)
{
	MigLogEntry copy = *entry;
	const char **texts[] = {
		&copy.revision, &copy.version_table, &copy.body_hash, &copy.revision_hash,
		&copy.search_path, &copy.decision, &copy.note, &copy.blocked_by
	};

	for (int i = 0; i < lengthof(texts); i++)
	{
		if (*texts[i] != NULL)
			*texts[i] = pstrdup(*texts[i]);
	}
	copy.error = NULL;
	return copy;
}

/*
 * Writes a row for each revision that another tool has applied: when that was, as
 * far as the tool knows.
 */
void
mig_log_write_adopted(const MigVersion *version, const MigLogAdopted *adopted,
					  int nadopted)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.log (run, step, revision, operation, via, state,"
		"  attempts, started, finished, version_table, version_oid, role,"
		"  application_name, detail, wall_ms, cpu_ms, lock_wait_ms, wal_records,"
		"  wal_bytes, buffers_hit, buffers_read, buffers_dirtied, buffers_written,"
		"  temp_blocks_read, temp_blocks_written)"
		" SELECT $5, i.step, i.revision, 'adopt', 'function', 'succeeded', 0,"
		"        i.at - pg_catalog.make_interval(secs => i.ms / 1000), i.at,"
		"        $6, $7, $8, $9, i.detail, i.ms, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0"
		"   FROM (SELECT u.step::int4, u.revision, u.ms, u.detail,"
		"                COALESCE(u.at, pg_catalog.clock_timestamp())"
		"           FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
		"                pg_catalog.unnest($3), pg_catalog.unnest($4))"
		"                WITH ORDINALITY AS u (revision, at, ms, detail, step))"
		"        AS i (step, revision, ms, detail, at)"
	};
	MigSpiArgs *rows = palloc0(sizeof(MigSpiArgs) * Max(nadopted, 1));
	MigSpiArgs	args = {0};
	pg_uuid_t	run;

	if (nadopted == 0)
		return;
	for (int i = 0; i < nadopted; i++)
	{
		mig_spi_arg_text(&rows[i], adopted[i].revision);
		mig_spi_arg_datum(&rows[i], TIMESTAMPTZOID,
						  TimestampTzGetDatum(adopted[i].applied_at),
						  !adopted[i].has_time);
		mig_spi_arg_float8(&rows[i], adopted[i].milliseconds);
		mig_spi_arg_text(&rows[i], adopted[i].detail);
	}
	mig_spi_args_of_rows(&args, rows, nadopted);
	mig_log_new_run(&run);
	mig_spi_arg_uuid(&args, &run);
	mig_spi_arg_text(&args, version->name);
	mig_spi_arg_datum(&args, OIDOID, ObjectIdGetDatum(version->relid), version->own);
	add_role_name(&args, GetUserId(), false);
	mig_spi_arg_text(&args, application_name);
	mig_spi_write(&query, &args);
}

/*
 * For rows of a transaction that are written together, which costs half; no
 * other session can tell.  A trigger can, so where the table has one each row is
 * written at once.  In the current memory context.
 */
MigLogRows *
mig_log_rows_create(void)
{
	static MigSpiQuery query = {
		"SELECT FROM pg_catalog.pg_trigger"
		" WHERE tgrelid = 'migrate.log'::pg_catalog.regclass"
	};
	MigLogRows *rows = palloc(sizeof(MigLogRows));

	rows->context = AllocSetContextCreate(CurrentMemoryContext, "migrate log rows",
										  ALLOCSET_DEFAULT_SIZES);
	rows->n = 0;
	rows->limit = mig_spi_exists(&query, NULL, MIG_SPI_OWNER,
								 MIG_SPI_READ_LATEST) ? 1 : lengthof(rows->args);
	return rows;
}

/*
 * Adds a row, which may be the time to write those there are.
 */
void
mig_log_rows_add(MigLogRows *rows, const MigLogEntry *entry)
{
	MemoryContext old_context = MemoryContextSwitchTo(rows->context);
	MigSpiArgs *args = &rows->args[rows->n++];

	args->nargs = 0;
	add_entry(args, entry);
	MemoryContextSwitchTo(old_context);
	if (rows->n == rows->limit)
		mig_log_rows_write(rows);
}

/*
 * Writes those that are not written yet.
 */
void
mig_log_rows_write(MigLogRows *rows)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.log (" COLUMNS ") SELECT"
		" $1[i], $2[i], $3[i], $4[i], $5[i], $6[i], $7[i], $8[i], $9[i],"
		" $10[i], $11[i], $12[i], $13[i], $14[i], $15[i], $16[i],"
		" $17[i], $18[i], $19[i], $20[i], $21[i], $22[i], $23[i],"
		" $24[i], $25[i], $26[i], $27[i], $28[i], $29[i], $30[i],"
		" $31[i], $32[i], $33[i], $34[i]"
		" FROM pg_catalog.generate_series(1, pg_catalog.cardinality($1)) AS i"
	};
	MemoryContext old_context = MemoryContextSwitchTo(rows->context);
	MigSpiArgs	args = {0};

	if (rows->n > 0)
	{
		mig_spi_args_of_rows(&args, rows->args, rows->n);
		mig_spi_write(&query, &args);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(rows->context);
	rows->n = 0;
}

/*
 * The values of a row, in the order of COLUMNS.
 */
static void
add_entry(MigSpiArgs *args, const MigLogEntry *entry)
{
	const MigResourceUsage *usage = &entry->usage;
	const ErrorData *error = entry->error;

	mig_spi_arg_uuid(args, &entry->run);
	mig_spi_arg_int32(args, entry->step);
	mig_spi_arg_text(args, entry->revision);
	mig_spi_arg_text(args, mig_command_name(entry->operation));
	mig_spi_arg_text(args, mig_via_name(entry->via));
	mig_spi_arg_text(args, entry->decision != NULL ? entry->decision :
					 error == NULL ? "succeeded" : "failed");
	mig_spi_arg_int32(args, entry->attempts);
	mig_spi_arg_timestamptz(args, usage->started);
	mig_spi_arg_timestamptz(args, usage->finished);
	mig_spi_arg_text(args, entry->version_table);
	mig_spi_arg_datum(args, OIDOID, ObjectIdGetDatum(entry->version_oid),
					  !OidIsValid(entry->version_oid));
	add_role_name(args, entry->role, false);
	mig_spi_arg_text(args, application_name);
	mig_spi_arg_text(args, entry->body_hash);
	mig_spi_arg_text(args, entry->revision_hash);
	mig_spi_arg_text(args, error == NULL ? NULL :
					 unpack_sql_state(error->sqlerrcode));
	mig_spi_arg_message(args, error == NULL ? NULL : error->message);
	mig_spi_arg_float8(args, usage->wall_ms);
	mig_spi_arg_float8(args, usage->cpu_ms);
	mig_spi_arg_float8(args, usage->lock_wait_ms);
	mig_spi_arg_int64(args, usage->wal.wal_records);
	mig_spi_arg_int64(args, (int64) usage->wal.wal_bytes);
	mig_spi_arg_int64(args, usage->buffers.shared_blks_hit +
					  usage->buffers.local_blks_hit);
	mig_spi_arg_int64(args, usage->buffers.shared_blks_read +
					  usage->buffers.local_blks_read);
	mig_spi_arg_int64(args, usage->buffers.shared_blks_dirtied +
					  usage->buffers.local_blks_dirtied);
	mig_spi_arg_int64(args, usage->buffers.shared_blks_written +
					  usage->buffers.local_blks_written);
	mig_spi_arg_int64(args, usage->buffers.temp_blks_read);
	mig_spi_arg_int64(args, usage->buffers.temp_blks_written);
	mig_spi_arg_text(args, entry->search_path);
	add_role_name(args, entry->effective_role, entry->search_path == NULL);
	mig_spi_arg_message(args, error == NULL ? entry->note : error->detail);
	mig_spi_arg_message(args, error == NULL ? NULL : error->hint);
	mig_spi_arg_message(args, error == NULL ? NULL : error->context);
	mig_spi_arg_message(args, entry->blocked_by);
}

static void
add_role_name(MigSpiArgs *args, Oid role, bool isnull)
{
	mig_spi_arg_datum(args, NAMEOID, isnull ? (Datum) 0 :
					  DirectFunctionCall1(pg_get_userbyid, ObjectIdGetDatum(role)),
					  isnull);
}

/*
 * Removes rows that ended longer ago than that, but for the last success of
 * each revision in each version table, which migrate.status shows, and without
 * which a downgrade might need an approval.
 */
void
mig_log_expire(int seconds)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.log AS l"
		" WHERE l.finished < pg_catalog.clock_timestamp()"
		"                    - pg_catalog.make_interval(secs => $1)"
		"   AND NOT (l.state = 'succeeded' AND l.revision IS NOT NULL"
		"            AND NOT EXISTS ("
		"             SELECT FROM migrate.log AS n"
		"              WHERE n.revision = l.revision"
		"                AND n.version_table = l.version_table"
		"                AND n.version_oid IS NOT DISTINCT FROM l.version_oid"
		"                AND n.state = 'succeeded'"
		"                AND n.finished >= l.finished"
		"                AND (n.finished, n.step) > (l.finished, l.step)))"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_int32(&args, seconds);
	mig_spi_write(&query, &args);
}

/*
 * The longest that a run of a revision has taken, in milliseconds; 0 if there
 * was none.
 */
double
mig_log_longest(const char *revision, MigCommand command)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.max(wall_ms) FROM migrate.log"
		" WHERE revision = $1 AND operation = $2",
		.by_key = true
	};
	MigSpiArgs	args = {0};
	Datum		longest;

	mig_spi_arg_text(&args, revision);
	mig_spi_arg_text(&args, mig_command_name(command));
	return mig_spi_first_datum(&query, &args, MIG_SPI_OWNER,
							   MIG_SPI_READ_LATEST, FLOAT8OID, &longest) ?
		DatumGetFloat8(longest) : 0;
}

/*
 * The median time of upgrades that succeeded, without waits for locks, in
 * milliseconds; -1 if there is none.
 */
double
mig_log_median(void)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.percentile_cont(0.5)"
		"  WITHIN GROUP (ORDER BY " WORK_MS ") FROM migrate.log"
		" WHERE operation = 'upgrade' AND state = 'succeeded'"
	};
	Datum		median;

	return mig_spi_first_datum(&query, NULL, MIG_SPI_OWNER,
							   MIG_SPI_READ_LATEST, FLOAT8OID, &median) ?
		DatumGetFloat8(median) : -1;
}

/*
 * Those of some revisions of which an upgrade has taken at least so long without
 * its waits for locks, the slowest first, each as "revision (n s)".
 */
char	  **
mig_log_slow(char *const *ids, int nids, double milliseconds, int limit,
			 int *nslow)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.format('%s (%s s)', revision,"
		"        pg_catalog.round((pg_catalog.max(" WORK_MS ") / 1000)::numeric))"
		"  FROM migrate.log"
		" WHERE revision = ANY ($1) AND operation = 'upgrade'"
		" GROUP BY revision HAVING pg_catalog.max(" WORK_MS ") >= $2"
		" ORDER BY pg_catalog.max(" WORK_MS ") DESC, revision LIMIT $3"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_texts(&args, ids, nids);
	mig_spi_arg_float8(&args, milliseconds);
	mig_spi_arg_int32(&args, limit);
	return mig_spi_list(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						nslow);
}

/*
 * How the last run failed, or NULL if it did not; where that was before its first
 * attempt, also how the one before failed that has attempted the revision.  Without
 * the message, which may quote rows.
 */
char *
mig_log_last_failure(void)
{
	static MigSpiQuery query = {
		"WITH l AS ("
		"  SELECT * FROM migrate.log WHERE state IN ('succeeded', 'failed')"
		"   ORDER BY started DESC LIMIT 1"
		"), before AS ("
		"  SELECT b.* FROM l JOIN migrate.log AS b"
		"    ON b.revision = l.revision AND b.operation = l.operation"
		"   AND b.version_table = l.version_table"
		"   AND b.state IN ('succeeded', 'failed') AND b.attempts > 0"
		"   WHERE l.state = 'failed' AND l.attempts = 0"
		"   ORDER BY b.started DESC LIMIT 1"
		")"
		"SELECT CASE WHEN l.state = 'failed' THEN pg_catalog.concat("
		"        pg_catalog.format(CASE WHEN l.attempts > 0"
		"          THEN '%s of revision \"%s\"%s failed with %s at %s'"
		"          ELSE '%s of revision \"%s\"%s was not begun because of %s at %s' END,"
		"         l.operation, l.revision,"
		"         CASE WHEN l.version_table <> $1 AND l.version_oid IS DISTINCT FROM"
		"                   pg_catalog.to_regclass($1)::pg_catalog.oid"
		"          THEN pg_catalog.format(' in version table \"%s\"', l.version_table) END,"
		"         l.sqlstate,"
		"         pg_catalog.date_trunc('second', l.finished)),"
		"        (SELECT pg_catalog.format('; it had failed with %s at %s', b.sqlstate,"
		"          pg_catalog.date_trunc('second', b.finished))"
		"           FROM before AS b WHERE b.state = 'failed')) END"
		"  FROM l"
	};

	MigSpiArgs	args = {0};
	char	   *failure;

	mig_spi_arg_text(&args, mig_guc_version_table);
	failure = mig_spi_first(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
	return failure == NULL ? NULL : mig_printable(failure);
}

/*
 * How far a run of the revision in that direction came that was decided about in this
 * way ("abandoned" or "finished"), in words, if none has ended otherwise since; or
 * NULL.
 */
char *
mig_log_decided(const MigVersion *version, const char *revision,
				MigCommand command, const char *decision)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN l.state = $5 AND l.operation = $4 THEN l.detail END"
		"  FROM migrate.log AS l"
		" WHERE l.revision = $3 AND " OF_VERSION("$1", "$2")
		"   AND l.state IN ('succeeded', 'finished', 'abandoned')"
		" ORDER BY l.finished DESC LIMIT 1",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, version->relid);
	mig_spi_arg_text(&args, version->name);
	mig_spi_arg_text(&args, revision);
	mig_spi_arg_text(&args, mig_command_name(command));
	mig_spi_arg_text(&args, decision);
	return mig_spi_first(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}

/*
 * The message of the error that has ended an attempt of that run at a revision, or
 * NULL.
 */
char *
mig_log_error(const char *run, const char *revision)
{
	static MigSpiQuery query = {
		"SELECT l.error FROM migrate.log AS l"
		" WHERE l.run = $1::pg_catalog.uuid AND l.revision = $2"
		"   AND l.state = 'failed' AND l.attempts > 0"
		" ORDER BY l.finished DESC LIMIT 1",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, run);
	mig_spi_arg_text(&args, revision);
	return mig_spi_first(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}

/*
 * The version tables, but for one, in which the revision is applied by its last row
 * for each: a stamp leaves a row of its target alone.  version NULL: of all.
 */
MigVersionName *
mig_log_holders(const MigVersion *version, const char *revision, int *nholders)
{
	static MigSpiQuery query = {
		"SELECT DISTINCT c.oid, n.nspname COLLATE \"C\","
		"       pg_catalog.quote_ident(n.nspname) || '.' ||"
		"       pg_catalog.quote_ident(c.relname),"
		"       NOT " MIG_COMPAT_HAS_ROLE("c.relowner", "$4")
		"  FROM (SELECT DISTINCT ON (l.version_oid, l.version_table)"
		"               l.version_oid, l.version_table, l.operation"
		"          FROM migrate.log AS l"
		"         WHERE l.revision = $3 AND l.state IN ('succeeded', 'finished')"
		"           AND ($1 = 0 OR " OF_VERSION("$1", "$2") " IS NOT TRUE)"
		"         ORDER BY l.version_oid, l.version_table, l.finished DESC"
		"       ) AS u"
		"  JOIN pg_catalog.pg_class AS c"
		/* After a restore the OID may be that of anything. */
		"    ON c.oid = COALESCE((SELECT a.attrelid FROM pg_catalog.pg_attribute AS a"
		"                          WHERE a.attrelid = u.version_oid"
		"                            AND a.attname = 'version_num'),"
		"                        pg_catalog.to_regclass(u.version_table)::pg_catalog.oid)"
		"  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" WHERE u.operation <> 'downgrade'"
		"   AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)"
		" ORDER BY 2, 3",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, version != NULL ? version->relid : InvalidOid);
	mig_spi_arg_text(&args, version != NULL ? version->name : NULL);
	mig_spi_arg_text(&args, revision);
	mig_spi_arg_oid(&args, GetUserId());
	return mig_spi_rows(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						sizeof(MigVersionName), read_holder, nholders);
}

static void
read_holder(const MigSpiRow *row, void *result)
{
	MigVersionName *table = result;

	table->relid = mig_spi_row_oid(row, 1);
	table->schema = mig_spi_row_text(row, 2);
	table->name = mig_spi_row_text(row, 3);
	table->lesser_owner = mig_spi_row_bool(row, 4);
}

/*
 * Which revisions were upgraded on a version table as they are registered now,
 * by their hashes.
 */
bool *
mig_log_succeeded(const MigVersion *version, char *const *ids,
				  char *const *hashes, int nids, MigSpiAccess access)
{
	static MigSpiQuery query = {
		"SELECT EXISTS (SELECT FROM migrate.log AS l"
		"                WHERE l.revision = i.id AND l.revision_hash = i.hash"
		"                  AND " OF_VERSION("$3", "$4")
		"                  AND l.operation = 'upgrade'"
		"                  AND l.state = 'succeeded')"
		"  FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2))"
		"       WITH ORDINALITY AS i (id, hash, ordinality)"
		" ORDER BY i.ordinality",
		.by_key = true
	};
	MigSpiArgs	args = {0};
	int			nrows;

	mig_spi_arg_texts(&args, ids, nids);
	mig_spi_arg_texts(&args, hashes, nids);
	mig_spi_arg_oid(&args, version->relid);
	mig_spi_arg_text(&args, version->name);
	return mig_spi_rows(&query, &args, MIG_SPI_OWNER, access, sizeof(bool),
						read_succeeded, &nrows);
}

/*
 * Which revisions were upgraded on a version table by what was last done of each
 * there: not adopted, stamped or downgraded since.
 */
bool *
mig_log_upgraded(const MigVersion *version, char *const *ids, int nids,
				 MigSpiAccess access)
{
	static MigSpiQuery query = {
		"SELECT COALESCE((SELECT l.operation = 'upgrade' FROM migrate.log AS l"
		"                  WHERE l.revision = i.id AND " OF_VERSION("$2", "$3")
		"                    AND l.state IN ('succeeded', 'finished')"
		"                  ORDER BY l.finished DESC LIMIT 1), false)"
		"  FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, ordinality)"
		" ORDER BY i.ordinality",
		.by_key = true
	};
	MigSpiArgs	args = {0};
	int			nrows;

	mig_spi_arg_texts(&args, ids, nids);
	mig_spi_arg_oid(&args, version->relid);
	mig_spi_arg_text(&args, version->name);
	return mig_spi_rows(&query, &args, MIG_SPI_OWNER, access, sizeof(bool),
						read_succeeded, &nrows);
}

static void
read_succeeded(const MigSpiRow *row, void *result)
{
	*(bool *) result = mig_spi_row_bool(row, 1);
}

/*
 * The version tables that runs have used and that still exist, under the names
 * that they have now, and what has one of these names today.  One step down the
 * index for each: the log may be long.  A null is left out where the name has an
 * OID, too.  Temporary tables of other sessions cannot be read.
 */
char	  **
mig_log_version_tables(int *ntables)
{
	static MigSpiQuery query = {
		"WITH RECURSIVE used AS ("
		"  (SELECT l.version_table, l.version_oid FROM migrate.log AS l"
		"    ORDER BY l.version_table, l.version_oid LIMIT 1)"
		"  UNION ALL"
		"  SELECT n.version_table, n.version_oid FROM used,"
		"   LATERAL (SELECT l.version_table, l.version_oid FROM migrate.log AS l"
		"             WHERE (l.version_table, l.version_oid)"
		"                   > (used.version_table, used.version_oid)"
		"             ORDER BY l.version_table, l.version_oid LIMIT 1) AS n)"
		" SELECT used.version_table"
		"   FROM used JOIN pg_catalog.pg_class AS c"
		"     ON c.oid = pg_catalog.to_regclass(used.version_table)"
		"  WHERE NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace)"
		" UNION"
		" SELECT pg_catalog.quote_ident(n.nspname) || '.' ||"
		"        pg_catalog.quote_ident(c.relname)"
		"   FROM used JOIN pg_catalog.pg_class AS c ON c.oid = used.version_oid"
		"   JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		"  WHERE c.relkind = 'r'"
		"    AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)"
		"  ORDER BY 1",
		.by_key = true
	};

	return mig_spi_list(&query, NULL, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						ntables);
}
