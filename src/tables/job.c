/*
 * job.c
 *	  migrate.job: the queue of jobs and how they ended.
 *
 * A row says what is to be done and how it ended.  Whether a worker runs it is
 * said by the worker's advisory lock: a worker that was killed cannot correct
 * a row.  So no second worker claims a job while the first one is running,
 * and one can as soon as it is not.
 *
 * A statement that finds a row locked skips it: the session that has locked it
 * does what is to be done.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/command.h"
#include "base/compat.h"
#include "base/spi.h"
#include "tables/job.h"
#include "tables/log.h"

/* The advisory locks of workers in this database. */
#define LOCKS \
	"(SELECT l.classid::int8 AS class, l.objid::int8 AS key, l.pid" \
	"   FROM pg_catalog.pg_locks AS l" \
	"  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2" \
	"    AND l.database = (SELECT oid FROM pg_catalog.pg_database" \
	"                       WHERE datname = pg_catalog.current_database()))"

/* The second key of the lock of a job, or of a version table's queue. */
#define JOB_KEY(j)		"(" j ".job & 2147483647)"
#define QUEUE_KEY(name)	"(pg_catalog.hashtext(" name ") & 2147483647)"

/*
 * How many workers of a job j exited unexpectedly.  No worker is running it, so
 * the last one did if the row says "running", unless it is the one that asks.
 */
#define CRASHES(j) \
	"(" j ".crashes + CASE WHEN " j ".state = 'running'" \
	" AND " j ".pid IS DISTINCT FROM pg_catalog.pg_backend_pid()" \
	" THEN 1 ELSE 0 END)"

/*
 * Why a job j that no worker is running can never be run, the number of a
 * MigJobReason; NULL if it can.  $1 is migrate.max_crashes.
 */
#define REASON \
	"CASE" \
	" WHEN j.origin <> " MIG_SPI_ORIGIN " THEN " CppAsString2(MIG_JOB_ELSEWHERE) \
	" WHEN " CRASHES("j") " >= $1 THEN " CppAsString2(MIG_JOB_CRASHES) \
	" WHEN j.deadline < pg_catalog.clock_timestamp()" \
	"   THEN " CppAsString2(MIG_JOB_LATE) \
	" WHEN o.oid IS NULL THEN " CppAsString2(MIG_JOB_NO_OWNER) \
	" WHEN r.oid IS NULL THEN " CppAsString2(MIG_JOB_NO_LOGIN_ROLE) \
	" WHEN NOT r.rolcanlogin THEN " CppAsString2(MIG_JOB_MAY_NOT_LOG_IN) \
	" WHEN NOT pg_catalog.has_database_privilege(r.oid," \
	"          pg_catalog.current_database(), 'CONNECT')" \
	"   THEN " CppAsString2(MIG_JOB_MAY_NOT_CONNECT) \
	" WHEN o.oid <> r.oid AND NOT " MIG_COMPAT_HAS_ROLE("r.oid", "o.oid") \
	"   THEN " CppAsString2(MIG_JOB_MAY_NOT_SET_ROLE) \
	" WHEN NOT " MIG_JOB_ROLE_MAY_EXECUTE("o.oid", \
		"CASE WHEN j.schedule IS NULL THEN 'migrate_submit'" \
		" ELSE 'migrate_schedule' END") \
	"   THEN " CppAsString2(MIG_JOB_MAY_NOT_EXECUTE) " END"

#define ROLES \
	" LEFT JOIN pg_catalog.pg_roles AS o ON o.oid = j.owner_oid" \
	" LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = j.login_oid"

#define TRY_LOCK(job) \
	"pg_catalog.pg_try_advisory_xact_lock(" \
	CppAsString2(MIG_JOB_LOCK) ", (" job " & 2147483647)::int4)"

/* Whether this worker is the one that has claimed the job. */
#define OWN \
	" AND state = 'running' AND pid = pg_catalog.pg_backend_pid()"

/* What a worker that is about to claim a job has to know. */
typedef struct Queue
{
	uint32		key;
	bool		cancelled;
} Queue;

static void read_end(const MigSpiRow *row, void *result);
static void read_dead(const MigSpiRow *row, void *result);
static void read_due(const MigSpiRow *row, void *result);
static void read_queue(const MigSpiRow *row, void *result);
static void read_job(const MigSpiRow *row, void *result);
static void refuse_not_own(int64 job);

/*
 * Queues a job; returns its number.
 */
int64
mig_job_row_insert(const MigJob *job)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.job (command, target, version_table, owner,"
		"  owner_oid, login, login_oid, settings, origin, run_at, deadline,"
		"  schedule, window_end)"
		" VALUES ($1, $2, $3, pg_catalog.pg_get_userbyid($4), $4,"
		"  pg_catalog.pg_get_userbyid($5), $5, $6, " MIG_SPI_ORIGIN ", $7,"
		"  NULLIF($8, 'infinity'), $9, NULLIF($10, 'infinity'))"
		" RETURNING job"
	};
	MigSpiArgs	args = {0};
	Datum		number;

	mig_spi_arg_text(&args, mig_command_name(job->command));
	mig_spi_arg_text(&args, job->target);
	mig_spi_arg_text(&args, job->version_table);
	mig_spi_arg_oid(&args, job->owner);
	mig_spi_arg_oid(&args, job->login);
	mig_spi_arg_texts(&args, job->settings, job->nsettings);
	mig_spi_arg_timestamptz(&args, job->run_at);
	mig_spi_arg_timestamptz(&args, job->deadline);
	mig_spi_arg_text(&args, job->schedule);
	mig_spi_arg_timestamptz(&args, job->window_end);
	if (!mig_spi_first_datum(&query, &args, MIG_SPI_OWNER, MIG_SPI_WRITE,
							 INT8OID, &number))
		elog(ERROR, "job was not inserted");
	return DatumGetInt64(number);
}

/*
 * Whether a job of the schedule has not ended.
 */
bool
mig_job_row_is_scheduled(const char *schedule)
{
	static MigSpiQuery query = {
		"SELECT FROM migrate.job"
		" WHERE schedule = $1 AND finished IS NULL LIMIT 1"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, schedule);
	return mig_spi_exists(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}

/*
 * How a job ended, or that it has not; NULL if there is none with that number.
 * end->visible says whether the role may know.
 */
MigJobEnd *
mig_job_row_end(int64 job, Oid role)
{
	static MigSpiQuery query = {
		"SELECT j.state, j.note, j.sqlstate, j.error, j.detail, j.hint,"
		"  j.context,"
		"  " MIG_JOB_ROLE_MAY_MANAGE("$2", "j.owner_oid", "j.origin")
		" FROM migrate.job AS j WHERE j.job = $1"
	};
	MigJobEnd  *end = palloc(sizeof(MigJobEnd));
	MigSpiArgs	args = {0};

	mig_spi_arg_int64(&args, job);
	mig_spi_arg_oid(&args, role);
	return mig_spi_row(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
					   read_end, end) ? end : NULL;
}

static void
read_end(const MigSpiRow *row, void *result)
{
	MigJobEnd  *end = result;

	end->state = mig_spi_row_text_not_null(row, 1);
	end->note = mig_spi_row_text(row, 2);
	end->sqlstate = mig_spi_row_text(row, 3);
	end->error = mig_spi_row_text(row, 4);
	end->detail = mig_spi_row_text(row, 5);
	end->hint = mig_spi_row_text(row, 6);
	end->context = mig_spi_row_text(row, 7);
	end->visible = mig_spi_row_bool(row, 8);
}

/*
 * The code of the error that ended it.
 */
int
mig_job_row_errcode(const MigJobEnd *end)
{
	const char *state = end->sqlstate;

	return MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
}

/*
 * The number of the job that the process runs; 0: it is no worker.
 */
int64
mig_job_row_running(int pid)
{
	static MigSpiQuery query = {
		"SELECT j.job FROM migrate.job AS j JOIN " LOCKS " AS l"
		"    ON l.class = " CppAsString2(MIG_JOB_LOCK) " AND l.key = " JOB_KEY("j")
		" WHERE l.pid = $1 AND j.state = 'running' AND j.origin = " MIG_SPI_ORIGIN
	};
	MigSpiArgs	args = {0};
	Datum		job;

	mig_spi_arg_int64(&args, pid);
	return mig_spi_first_datum(&query, &args, MIG_SPI_OWNER,
							   MIG_SPI_READ_LATEST, INT8OID, &job) ?
		DatumGetInt64(job) : 0;
}

/*
 * Cancels what the job's worker does.  false: no worker is running it.
 */
bool
mig_job_row_signal(int64 job)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.pg_cancel_backend(l.pid) FROM " LOCKS " AS l"
		" WHERE l.class = " CppAsString2(MIG_JOB_LOCK)
		"   AND l.key = ($1 & 2147483647)"
		"   AND EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a"
		"                WHERE a.pid = l.pid"
		"                  AND a.backend_type = '" MIG_JOB_BACKEND_TYPE "')"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_int64(&args, job);
	return mig_spi_write(&query, &args) > 0;
}

/*
 * Cancels a job that no worker is running; none can claim it before the
 * transaction ends.  false: it has ended, or a worker is running it.
 */
bool
mig_job_row_cancel(int64 job)
{
	static MigSpiQuery query = {
		"UPDATE migrate.job SET state = 'cancelled',"
		"  finished = pg_catalog.clock_timestamp()"
		" WHERE job = $1 AND finished IS NULL AND " TRY_LOCK("$1"),
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_int64(&args, job);
	return mig_spi_write(&query, &args) > 0;
}

/*
 * The jobs that no worker is running and that can never be run, their rows
 * locked.  Only one of them, unless the number is 0.
 */
MigJobDead *
mig_job_row_dead(int64 job, int max_crashes, int *ndead)
{
	static MigSpiQuery query = {
		"WITH dead AS MATERIALIZED ("
		"  SELECT * FROM ("
		"    SELECT j.job, " REASON " FROM migrate.job AS j" ROLES
		"     WHERE j.finished IS NULL AND (j.job = $2 OR $2 = 0 AND NOT EXISTS ("
		"           SELECT FROM " LOCKS " AS held"
		"            WHERE held.class = " CppAsString2(MIG_JOB_LOCK)
		"              AND held.key = " JOB_KEY("j") "))"
		"  ) AS r (job, reason) WHERE r.reason IS NOT NULL)"
		" SELECT k.job, d.reason, k.owner, k.login, " CRASHES("k") ","
		"        k.revision, k.schedule, k.command, k.target, k.version_table,"
		"        (SELECT pg_catalog.substr(s, pg_catalog.length('search_path=') + 1)"
		"           FROM pg_catalog.unnest(k.settings) AS s"
		"          WHERE pg_catalog.starts_with(s, 'search_path='))"
		"   FROM migrate.job AS k JOIN dead AS d USING (job)"
		"  WHERE k.finished IS NULL"
		"    AND " TRY_LOCK("d.job")
		"    FOR UPDATE OF k SKIP LOCKED"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_int32(&args, max_crashes);
	mig_spi_arg_int64(&args, job);
	return mig_spi_rows(&query, &args, MIG_SPI_OWNER, MIG_SPI_WRITE,
						sizeof(MigJobDead), read_dead, ndead);
}

static void
read_dead(const MigSpiRow *row, void *result)
{
	MigJobDead *dead = result;

	dead->job = mig_spi_row_int64(row, 1);
	dead->reason = mig_spi_row_int32(row, 2);
	dead->owner = mig_spi_row_text_not_null(row, 3);
	dead->login = mig_spi_row_text_not_null(row, 4);
	dead->crashes = mig_spi_row_int32(row, 5);
	dead->revision = mig_spi_row_text(row, 6);
	dead->schedule = mig_spi_row_text(row, 7);
	dead->command = mig_spi_row_text_not_null(row, 8);
	dead->target = mig_spi_row_text_not_null(row, 9);
	dead->version_table = mig_spi_row_text_not_null(row, 10);
	dead->search_path = mig_spi_row_text_not_null(row, 11);
}

/*
 * The jobs that a worker can be started for now, in the order in which they
 * became due: one for each version table that no worker is running on, as many
 * as there are free slots.
 */
MigJobDue *
mig_job_row_due(int max_crashes, int max_workers, int *ndue)
{
	static MigSpiQuery query = {
		"WITH locks AS MATERIALIZED " LOCKS
		" SELECT d.job, d.login_oid FROM ("
		"   SELECT DISTINCT ON (" QUEUE_KEY("j.version_table") ")"
		"          j.job, j.login_oid, j.run_at"
		"     FROM migrate.job AS j" ROLES
		"    WHERE j.finished IS NULL"
		/* The clock may have been set back since. */
		"      AND (j.run_at <= pg_catalog.clock_timestamp()"
		"           OR j.run_at <= j.submitted)"
		"      AND " REASON " IS NULL"
		"      AND NOT EXISTS (SELECT FROM locks WHERE"
		"          class = " CppAsString2(MIG_JOB_LOCK_QUEUE)
		"          AND key = " QUEUE_KEY("j.version_table") ")"
		"      AND NOT EXISTS (SELECT FROM locks WHERE"
		"          class = " CppAsString2(MIG_JOB_LOCK)
		"          AND key = " JOB_KEY("j") ")"
		"    ORDER BY " QUEUE_KEY("j.version_table") ", j.run_at, j.job) AS d"
		" ORDER BY d.run_at, d.job"
		" LIMIT GREATEST(0, $2 - (SELECT pg_catalog.count(*) FROM locks WHERE"
		"   class = " CppAsString2(MIG_JOB_LOCK_SLOT) "))"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_int32(&args, max_crashes);
	mig_spi_arg_int32(&args, max_workers);
	return mig_spi_rows(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						sizeof(MigJobDue), read_due, ndue);
}

static void
read_due(const MigSpiRow *row, void *result)
{
	MigJobDue  *due = result;

	due->job = mig_spi_row_int64(row, 1);
	due->login = mig_spi_row_oid(row, 2);
}

/*
 * The key of the lock of the queue that a job is in.  false: it has ended, unless it
 * was cancelled.
 */
bool
mig_job_row_queue(int64 job, uint32 *key, bool *cancelled)
{
	static MigSpiQuery query = {
		"SELECT " QUEUE_KEY("j.version_table") ", j.finished IS NOT NULL"
		"  FROM migrate.job AS j"
		" WHERE j.job = $1 AND (j.finished IS NULL OR j.state = 'cancelled')",
		.by_key = true
	};
	MigSpiArgs	args = {0};
	Queue		queue;

	mig_spi_arg_int64(&args, job);
	if (!mig_spi_row(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
					 read_queue, &queue))
		return false;
	*key = queue.key;
	*cancelled = queue.cancelled;
	return true;
}

static void
read_queue(const MigSpiRow *row, void *result)
{
	Queue	   *queue = result;

	queue->key = (uint32) mig_spi_row_int32(row, 1);
	queue->cancelled = mig_spi_row_bool(row, 2);
}

/*
 * Claims a job for this worker, which has its lock.  false: it has ended, or
 * another session has locked the row and is about to end it.
 */
bool
mig_job_row_claim(int64 job, MigJob *claimed)
{
	static MigSpiQuery query = {
		"UPDATE migrate.job AS j SET state = 'running',"
		"  started = pg_catalog.clock_timestamp(),"
		"  pid = pg_catalog.pg_backend_pid(),"
		"  attempts = attempts + 1, crashes = " CRASHES("j")
		" WHERE job = (SELECT job FROM migrate.job"
		"               WHERE job = $1 AND finished IS NULL"
		"                 FOR UPDATE SKIP LOCKED)"
		" RETURNING job, command, target, version_table, owner_oid,"
		"  login_oid, run_at, COALESCE(deadline, 'infinity'), settings,"
		"  attempts, schedule, COALESCE(window_end, 'infinity'), renewals",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_int64(&args, job);
	return mig_spi_row(&query, &args, MIG_SPI_OWNER, MIG_SPI_WRITE, read_job,
					   claimed);
}

static void
read_job(const MigSpiRow *row, void *result)
{
	MigJob	   *job = result;

	job->job = mig_spi_row_int64(row, 1);
	if (!mig_command_find(mig_spi_row_text_not_null(row, 2), &job->command))
		elog(ERROR, "job " INT64_FORMAT " has no known command", job->job);
	job->target = mig_spi_row_text_not_null(row, 3);
	job->version_table = mig_spi_row_text_not_null(row, 4);
	job->owner = mig_spi_row_oid(row, 5);
	job->login = mig_spi_row_oid(row, 6);
	job->run_at = mig_spi_row_timestamptz(row, 7);
	job->deadline = mig_spi_row_timestamptz(row, 8);
	job->settings = mig_spi_row_texts(row, 9, &job->nsettings);
	job->attempts = mig_spi_row_int32(row, 10);
	job->schedule = mig_spi_row_text(row, 11);
	job->window_end = mig_spi_row_timestamptz(row, 12);
	job->renewals = mig_spi_row_int32(row, 13);
}

/*
 * Gives back a job that another worker is to continue, because the catalog
 * cache of the one with that process id is out of date.  Does nothing if that
 * one has not claimed it last, or has given it back.  The caller has the job's
 * lock.
 */
void
mig_job_row_renew(int64 job, int pid, bool progressed)
{
	static MigSpiQuery query = {
		"UPDATE migrate.job SET state = 'queued',"
		"  renewals = 1 + CASE WHEN $3 THEN 0 ELSE renewals END"
		" WHERE job = $1 AND pid = $2 AND state = 'running'"
		"   AND finished IS NULL",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_int64(&args, job);
	mig_spi_arg_int32(&args, pid);
	mig_spi_arg_bool(&args, progressed);
	mig_spi_write(&query, &args);
}

/*
 * Notes which revision the worker is running.  When it gets to another one
 * than the last worker that exited unexpectedly, the crashes are counted anew.
 */
void
mig_job_row_progress(int64 job, const char *revision, int step, int steps)
{
	static MigSpiQuery query = {
		"UPDATE migrate.job SET"
		"  crashes = CASE WHEN revision = $2 THEN crashes ELSE 0 END,"
		"  revision = $2, step = $3, steps = $4 WHERE job = $1" OWN,
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_int64(&args, job);
	mig_spi_arg_text(&args, revision);
	mig_spi_arg_int32(&args, step);
	mig_spi_arg_int32(&args, steps);
	if (mig_spi_write(&query, &args) == 0)
		refuse_not_own(job);
}

/*
 * Notes how it ended.  Raises an error if it had ended already, or if a worker
 * notes it that is not the one that has claimed it.
 */
void
mig_job_row_finish(int64 job, const MigJobEnd *end, bool by_worker)
{
	static MigSpiQuery query = {
		"UPDATE migrate.job SET state = $2, note = $3, sqlstate = $4,"
		"  error = $5, detail = $6, hint = $7, context = $8,"
		"  finished = pg_catalog.clock_timestamp()"
		" WHERE job = $1 AND finished IS NULL AND ($9 OR true" OWN ")",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_int64(&args, job);
	mig_spi_arg_text(&args, end->state);
	mig_spi_arg_message(&args, end->note);
	mig_spi_arg_text(&args, end->sqlstate);
	mig_spi_arg_message(&args, end->error);
	mig_spi_arg_message(&args, end->detail);
	mig_spi_arg_message(&args, end->hint);
	mig_spi_arg_message(&args, end->context);
	mig_spi_arg_bool(&args, !by_worker);
	if (mig_spi_write(&query, &args) == 0)
		refuse_not_own(job);
}

static void
refuse_not_own(int64 job)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("job " INT64_FORMAT " is no longer claimed by this worker",
					job),
			 errdetail("It does not exist, has ended, or was claimed by another worker.")));
}

/*
 * Removes a job of this worker that has nothing to report.
 */
void
mig_job_row_forget(int64 job)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.job WHERE job = $1" OWN,
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_int64(&args, job);
	mig_spi_write(&query, &args);
}

/*
 * Removes jobs that ended longer ago than that.
 */
void
mig_job_row_expire(int seconds)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.job"
		" WHERE finished < pg_catalog.clock_timestamp()"
		"                  - pg_catalog.make_interval(secs => $1)"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_int32(&args, seconds);
	mig_spi_write(&query, &args);
}
