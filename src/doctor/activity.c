/*
 * activity.c
 *	  What else goes on, and what was left behind.
 *
 * Each check is a query by the caller's rights, of one row: what was found,
 * and whether that is more than can be left alone.
 */
#include "postgres.h"

#include "base/spi.h"
#include "doctor/activity.h"

/* How long is too long. */
#define LONG_TRANSACTION	"interval '5 min'"
#define LONG_IDLE			"interval '1 min'"
#define LONG_LAG			"interval '30 s'"
#define MUCH_WAL			"pg_size_bytes('1 GB')"

#define WHO \
	"format('process %s (role %I, application %L)', pid, usename," \
	" application_name)"
#define OTHERS_HERE \
	"datname = current_database() AND pid <> pg_backend_pid()"

static void ask(MigDoctor *doctor, MigSpiQuery *query, MigDoctorStatus bad,
				const char *advice);

void
mig_doctor_activity_workers(MigDoctor *doctor)
{
	static MigSpiQuery query = {
		"SELECT format('%s of max_worker_processes = %s in use;"
		" migrate.max_workers = %s',"
		" CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE') THEN n::text"
		"  ELSE 'an unknown number' END, max,"
		" current_setting('migrate.max_workers')), n >= max"
		"  FROM (SELECT count(*) AS n FROM pg_stat_activity"
		"         WHERE backend_type NOT IN ('client backend', 'archiver',"
		"          'autovacuum launcher', 'autovacuum worker',"
		"          'background writer', 'checkpointer', 'io worker', 'logger',"
		"          'slotsync worker', 'standalone backend', 'startup',"
		"          'walreceiver', 'walsender', 'walsummarizer', 'walwriter'))"
		"       AS s,"
		"       (SELECT current_setting('max_worker_processes')::int AS max)"
		"       AS m"
	};

	ask(doctor, &query, MIG_DOCTOR_PROBLEM,
		"Raise max_worker_processes: no job can be started until another process ends.");
}

void
mig_doctor_activity_visibility(MigDoctor *doctor)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN sees THEN 'all sessions'"
		"       ELSE 'your own sessions only' END, NOT sees"
		"  FROM (SELECT pg_has_role('pg_read_all_stats', 'USAGE')) AS s (sees)"
	};

	ask(doctor, &query, MIG_DOCTOR_WARNING,
		"Call it as a member of pg_read_all_stats: what others do is hidden from you.");
}

void
mig_doctor_activity_long(MigDoctor *doctor)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN count(*) = 0 THEN 'none'"
		"       ELSE format('%s, the oldest since %s: %s', count(*),"
		"        date_trunc('second', now() - min(xact_start)),"
		"        (array_agg(" WHO " ORDER BY xact_start))[1]) END,"
		"       count(*) > 0"
		"  FROM pg_stat_activity WHERE " OTHERS_HERE
		"   AND xact_start < now() - " LONG_TRANSACTION
	};

	ask(doctor, &query, MIG_DOCTOR_WARNING,
		"Wait for it or end it: its locks keep a migration waiting, and an index that is built concurrently waits for its snapshot.");
}

void
mig_doctor_activity_idle(MigDoctor *doctor)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN count(*) = 0 THEN 'none'"
		"       ELSE format('%s, the oldest for %s: %s', count(*),"
		"        date_trunc('second', now() - min(state_change)),"
		"        (array_agg(" WHO " ORDER BY state_change))[1]) END,"
		"       count(*) > 0"
		"  FROM pg_stat_activity WHERE " OTHERS_HERE
		"   AND state LIKE 'idle in transaction%'"
		"   AND state_change < now() - " LONG_IDLE
	};

	ask(doctor, &query, MIG_DOCTOR_WARNING,
		"Have its application end the transaction, or set idle_in_transaction_session_timeout: nobody works in it, but its locks stay.");
}

void
mig_doctor_activity_prepared(MigDoctor *doctor)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN count(*) = 0 THEN 'none'"
		"       ELSE format('%s, the oldest since %s: %L', count(*),"
		"        date_trunc('second', now() - min(prepared)),"
		"        (array_agg(gid ORDER BY prepared))[1]) END,"
		"       count(*) > 0"
		"  FROM pg_prepared_xacts WHERE database = current_database()"
	};

	ask(doctor, &query, MIG_DOCTOR_WARNING,
		"COMMIT PREPARED or ROLLBACK PREPARED it: its locks outlive sessions and restarts.");
}

void
mig_doctor_activity_slots(MigDoctor *doctor)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN count(*) = 0 THEN 'none'"
		"       ELSE format('%s, %s inactive, at most %s of WAL kept by %I',"
		"        count(*), count(*) FILTER (WHERE NOT active),"
		"        pg_size_pretty(max(kept)),"
		"        (array_agg(slot_name ORDER BY kept DESC NULLS LAST))[1]) END,"
		"       COALESCE(bool_or(NOT active OR kept > " MUCH_WAL "), false)"
		"  FROM (SELECT slot_name, active, pg_wal_lsn_diff("
		"         CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
		"              ELSE pg_current_wal_lsn() END, restart_lsn) AS kept"
		"          FROM pg_replication_slots) AS s"
	};

	ask(doctor, &query, MIG_DOCTOR_WARNING,
		"Have its consumer catch up, or drop the slot: what a migration writes to WAL is kept for it.");
}

void
mig_doctor_activity_lag(MigDoctor *doctor)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN count(*) = 0 THEN 'no standby'"
		"       WHEN NOT pg_has_role('pg_read_all_stats', 'USAGE')"
		"       THEN count(*) || ' standby, how late is hidden from you'"
		"       ELSE format('%s standby, at most %s behind', count(*),"
		"        COALESCE(max(replay_lag), '0')) END,"
		"       COALESCE(max(replay_lag) > " LONG_LAG ", false)"
		"  FROM pg_stat_replication"
	};

	ask(doctor, &query, MIG_DOCTOR_WARNING,
		"Wait until it has caught up: a migration that writes much makes it later still.");
}

void
mig_doctor_activity_invalid(MigDoctor *doctor)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN count(*) = 0 THEN 'none'"
		"       ELSE format('%s: %s', count(*), string_agg("
		"        i.indexrelid::regclass::text, ', ' ORDER BY i.indexrelid))"
		"       END, count(*) > 0"
		"  FROM pg_index AS i WHERE NOT i.indisvalid"
		"   AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index AS p"
		"                    WHERE p.index_relid = i.indexrelid)"
		"   AND NOT EXISTS (SELECT FROM pg_class AS c"
		"                    WHERE c.oid = i.indexrelid AND c.relkind = 'I')"
	};

	ask(doctor, &query, MIG_DOCTOR_WARNING,
		"REINDEX INDEX CONCURRENTLY or drop it: it is kept up to date and used by no query.");
}

static void
ask(MigDoctor *doctor, MigSpiQuery *query, MigDoctorStatus bad,
	const char *advice)
{
	MigSpiScope scope;
	MigSpiRow	row;
	char	   *value;
	bool		is_bad;

	mig_spi_begin(&scope, MIG_SPI_CALLER);
	mig_spi_execute(query, NULL, MIG_SPI_READ_LATEST);
	row = mig_spi_fetch(&scope, 0);
	value = mig_spi_row_text(&row, 1);
	is_bad = mig_spi_row_bool(&row, 2);
	mig_spi_end(&scope);
	mig_doctor_say(doctor, is_bad ? bad : MIG_DOCTOR_OK, value,
				   is_bad ? advice : NULL);
}
