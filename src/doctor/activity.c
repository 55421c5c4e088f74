/*
 * activity.c
 *	  Checks of workers, sessions, replication and indexes.
 */
#include "postgres.h"

#include "doctor/doctor_internal.h"
#include "run/run.h"
#include "tables/partial.h"
#include "tables/version.h"

/* How long is too long. */
#define LONG_TRANSACTION	"interval '5 min'"
#define LONG_IDLE			"interval '1 min'"
#define LONG_LAG			"interval '30 s'"
#define MUCH_WAL			"pg_size_bytes('1 GB')"

#define PROCESS \
	"format('process %s (role %I, application %L)', pid, usename," \
	" application_name)"
#define OTHERS_HERE \
	"datname = current_database() AND pid <> pg_backend_pid()"
#define SEES_ALL \
	"pg_has_role('pg_read_all_stats', 'USAGE')"

/* An index that was not built to its end. */
typedef struct InvalidIndex
{
	Oid			oid;
	char	   *name;
} InvalidIndex;

static void check_indexes(MigDoctor *doctor);
static void read_index(const MigSpiRow *row, void *result);

MigDoctorCheck mig_doctor_activity[] = {
	{
		"resource", "background workers",
		.query = {
			"SELECT format('%s of max_worker_processes = %s in use;"
			" migrate.max_workers = %s',"
			" CASE WHEN " SEES_ALL " THEN n::text"
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
		},
		.status = MIG_DOCTOR_PROBLEM,
		.advice = "Increase max_worker_processes: no job can start until another process ends."
	},
	{"resource", "locks", mig_doctor_locks},
	{
		"activity", "visibility",
		.query = {
			"SELECT CASE WHEN sees THEN 'all sessions'"
			"       ELSE 'own sessions only' END, NOT sees"
			"  FROM (SELECT " SEES_ALL ") AS s (sees)"
		},
		.status = MIG_DOCTOR_WARNING,
		.advice = "Call migrate_doctor() as a member of pg_read_all_stats to include the sessions of other roles."
	},
	{"activity", "blockers", mig_doctor_blockers},
	{"activity", "waiting runs", mig_doctor_waits},
	{"activity", "locks of runs", mig_doctor_run_locks},
	{
		"activity", "long transactions",
		.query = {
			"SELECT CASE WHEN count(*) = 0 THEN 'none'"
			"       ELSE format('%s, the oldest since %s: %s', count(*),"
			"        date_trunc('second', now() - min(xact_start)),"
			"        (array_agg(" PROCESS " ORDER BY xact_start))[1]) END,"
			"       count(*) > 0"
			"  FROM pg_stat_activity AS a WHERE " OTHERS_HERE
			"   AND xact_start < now() - " LONG_TRANSACTION
			"   AND NOT " MIG_SESSION_RUNS("a")
		},
		.status = MIG_DOCTOR_WARNING,
		.advice = "Wait for its end or terminate it: migrations wait for its locks, and CREATE INDEX CONCURRENTLY for its snapshot."
	},
	{
		"activity", "idle in transaction",
		.query = {
			"SELECT CASE WHEN count(*) = 0 THEN 'none'"
			"       ELSE format('%s, the oldest for %s: %s', count(*),"
			"        date_trunc('second', now() - min(state_change)),"
			"        (array_agg(" PROCESS " ORDER BY state_change))[1]) END,"
			"       count(*) > 0"
			"  FROM pg_stat_activity WHERE " OTHERS_HERE
			"   AND state LIKE 'idle in transaction%'"
			"   AND state_change < now() - " LONG_IDLE
		},
		.status = MIG_DOCTOR_WARNING,
		.advice = "Have the application end the transaction, or set idle_in_transaction_session_timeout: the transaction keeps its locks."
	},
	{
		"activity", "prepared transactions",
		.query = {
			"SELECT CASE WHEN count(*) = 0 THEN 'none'"
			"       ELSE format('%s, the oldest since %s: %L', count(*),"
			"        date_trunc('second', now() - min(prepared)),"
			"        (array_agg(gid ORDER BY prepared))[1]) END,"
			"       count(*) > 0"
			"  FROM pg_prepared_xacts WHERE database = current_database()"
		},
		.status = MIG_DOCTOR_WARNING,
		.advice = "Use COMMIT PREPARED or ROLLBACK PREPARED: its locks outlive sessions and restarts."
	},
	{
		"replication", "slots",
		.query = {
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
		},
		.status = MIG_DOCTOR_WARNING,
		.advice = "Have its consumer catch up, or drop the slot: the server keeps for it the WAL that migrations write."
	},
	{
		"replication", "lag",
		.query = {
			"SELECT CASE WHEN count(*) = 0 THEN 'no standby'"
			"       WHEN NOT " SEES_ALL
			"       THEN count(*) || ' standby, the lag is not visible to this role'"
			"       ELSE format('%s standby, at most %s behind', count(*),"
			"        COALESCE(max(replay_lag), '0')) END,"
			"       COALESCE(max(replay_lag) > " LONG_LAG ", false)"
			"  FROM pg_stat_replication"
		},
		.status = MIG_DOCTOR_WARNING,
		.advice = "Wait until it has caught up: a migration that writes much increases the lag."
	},
	{"catalog", "invalid indexes", check_indexes},
	{NULL}
};

/*
 * Indexes that were not built to their end, and that no
 * session builds now.  What a partial revision has left is its run's to repair.
 */
static void
check_indexes(MigDoctor *doctor)
{
	static MigSpiQuery query = {
		"SELECT i.indexrelid::oid, i.indexrelid::regclass::text"
		"  FROM pg_index AS i WHERE NOT i.indisvalid"
		"   AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index AS p"
		"                    WHERE p.index_relid = i.indexrelid)"
		"   AND NOT EXISTS (SELECT FROM pg_class AS c"
		"                    WHERE c.oid = i.indexrelid AND c.relkind = 'I')"
		" ORDER BY i.indexrelid"
	};
	MigPartial *partial = NULL;
	int			nindexes;
	InvalidIndex *indexes = mig_spi_rows(&query, NULL, MIG_SPI_CALLER,
										 MIG_SPI_READ_LATEST,
										 sizeof(InvalidIndex), read_index,
										 &nindexes);
	int			nleft = 0;
	int			nothers = 0;
	StringInfoData left;
	StringInfoData others;

	initStringInfo(&left);
	initStringInfo(&others);
	if (nindexes > 0)
		partial = mig_partial_find(mig_version_open(MIG_SPI_READ_LATEST),
								   MIG_SPI_READ_LATEST);
	for (int i = 0; i < nindexes; i++)
	{
		if (partial != NULL && mig_run_has_left(partial, indexes[i].oid))
			mig_doctor_name(&left, nleft++, indexes[i].name);
		else
			mig_doctor_name(&others, nothers++, indexes[i].name);
	}
	if (nindexes == 0)
		mig_doctor_report(doctor, MIG_DOCTOR_OK, "none", NULL);
	if (nleft > 0)
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING,
						  psprintf("%d of revision \"%s\", which is partial: %s",
								   nleft, partial->revision, left.data),
						  "Leave it as it is: the run that resumes the revision drops it and builds it again.");
	if (nothers > 0)
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING,
						  psprintf("%d: %s", nothers, others.data),
						  "Use REINDEX INDEX CONCURRENTLY, or drop the index: writes maintain it, and no query uses it.");
}

static void
read_index(const MigSpiRow *row, void *result)
{
	InvalidIndex *index = result;

	index->oid = mig_spi_row_oid(row, 1);
	index->name = mig_spi_row_text_not_null(row, 2);
}
