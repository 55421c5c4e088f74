/*
 * job.c
 *	  migrate.job: the worker's queue and its outcome.
 *
 * A row says what is to be done and how it ended.  Whether somebody works on
 * it is said by the worker's advisory lock: a row cannot be corrected by a
 * worker that was killed.  So a job is never given to a second worker as long
 * as the first one lives, and always as soon as it does not.
 *
 * Who finds a row locked leaves it to whoever does that, and does not wait.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

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

/* How often a worker of a job j that nobody works on was lost. */
#define CRASHES(j) \
	"(" j ".crashes + CASE WHEN " j ".state = 'running' THEN 1 ELSE 0 END)"

/*
 * Why a job j that nobody works on can never be run, the number of a
 * MigJobReason; NULL if it can.  $1 is migrate.max_crashes.
 */
#define REASON \
	"CASE" \
	" WHEN j.origin <> " MIG_JOB_ORIGIN " THEN " CppAsString2(MIG_JOB_ELSEWHERE) \
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
	" WHEN NOT " MIG_JOB_MAY_EXECUTE("o.oid", \
		"CASE WHEN j.schedule IS NULL THEN 'migrate_submit'" \
		" ELSE 'migrate_schedule' END") \
	"   THEN " CppAsString2(MIG_JOB_MAY_NOT_EXECUTE) " END"

#define ROLES \
	" LEFT JOIN pg_catalog.pg_roles AS o ON o.oid = j.owner_oid" \
	" LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = j.login_oid"

#define TRY_LOCK(job) \
	"pg_catalog.pg_try_advisory_xact_lock(" \
	CppAsString2(MIG_JOB_LOCK) ", (" job " & 2147483647)::int4)"

/* Whether the row is still this worker's. */
#define OWN \
	" AND state = 'running' AND pid = pg_catalog.pg_backend_pid()"

static void refuse_lost(int64 job);
static void read_job(const MigSpiScope *scope, MigJob *job);

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
		"  pg_catalog.pg_get_userbyid($5), $5, $6, " MIG_JOB_ORIGIN ", $7,"
		"  NULLIF($8, 'infinity'), $9, NULLIF($10, 'infinity'))"
		" RETURNING job",
		10, {TEXTOID, TEXTOID, TEXTOID, OIDOID, OIDOID, TEXTARRAYOID,
		TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID}
	};
	Datum		values[10];
	char		nulls[11] = "          ";
	MigSpiScope scope;
	bool		isnull;
	int64		number;

	values[0] = CStringGetTextDatum(mig_log_command_name(job->command));
	values[1] = CStringGetTextDatum(job->target);
	values[2] = CStringGetTextDatum(job->version_table);
	values[3] = ObjectIdGetDatum(job->owner);
	values[4] = ObjectIdGetDatum(job->login);
	values[5] = mig_spi_array_datum(job->settings, job->nsettings);
	values[6] = TimestampTzGetDatum(job->run_at);
	values[7] = TimestampTzGetDatum(job->deadline);
	values[8] = mig_spi_old_text_datum(job->schedule, &nulls[8]);
	values[9] = TimestampTzGetDatum(job->window_end);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	mig_spi_old_execute(&query, values, nulls, MIG_SPI_WRITE);
	number = DatumGetInt64(mig_spi_old_value(0, 1, &isnull));
	mig_spi_end(&scope);
	return number;
}

/*
 * Whether a job of the schedule has not ended.
 */
bool
mig_job_row_is_scheduled(const char *schedule)
{
	static MigSpiQuery query = {
		"SELECT job::text FROM migrate.job"
		" WHERE schedule = $1 AND finished IS NULL LIMIT 1",
		1, {TEXTOID}
	};
	Datum		values[1];

	values[0] = CStringGetTextDatum(schedule);
	return mig_spi_old_first(&query, values, MIG_SPI_OWNER,
							 MIG_SPI_READ_LATEST) != NULL;
}

/*
 * How a job ended, or NULL if there is none with that number.  visible:
 * whether the role that asks may know.
 */
MigJobEnd *
mig_job_row_end(int64 job, Oid asker, bool *visible)
{
	static MigSpiQuery query = {
		"SELECT j.state, j.note, j.sqlstate, j.error, j.detail, j.hint,"
		"  j.context,"
		"  " MIG_JOB_IS_VISIBLE_TO("$2", "j.owner_oid")
		" FROM migrate.job AS j WHERE j.job = $1",
		2, {INT8OID, OIDOID}
	};
	Datum		values[2];
	MigSpiScope scope;
	MigJobEnd  *end = NULL;

	values[0] = Int64GetDatum(job);
	values[1] = ObjectIdGetDatum(asker);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	if (mig_spi_old_execute(&query, values, NULL, MIG_SPI_READ_LATEST) > 0)
	{
		bool		isnull;

		end = MemoryContextAlloc(scope.caller, sizeof(MigJobEnd));
		end->state = mig_spi_old_text(&scope, 0, 1);
		end->note = mig_spi_old_text(&scope, 0, 2);
		end->sqlstate = mig_spi_old_text(&scope, 0, 3);
		end->error = mig_spi_old_text(&scope, 0, 4);
		end->detail = mig_spi_old_text(&scope, 0, 5);
		end->hint = mig_spi_old_text(&scope, 0, 6);
		end->context = mig_spi_old_text(&scope, 0, 7);
		*visible = DatumGetBool(mig_spi_old_value(0, 8, &isnull));
	}
	mig_spi_end(&scope);
	return end;
}

/*
 * The code of the error that has ended it.
 */
int
mig_job_row_errcode(const MigJobEnd *end)
{
	const char *state = end->sqlstate;

	return MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
}

/*
 * Cancels what the job's worker does.  false: nobody works on it.
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
		"                  AND a.backend_type = '" MIG_JOB_BACKEND_TYPE "')",
		1, {INT8OID}
	};
	Datum		values[1];

	values[0] = Int64GetDatum(job);
	return mig_spi_old_write(&query, values, NULL) > 0;
}

/*
 * Takes a job that nobody works on out of the queue, and sees to it that
 * nobody begins to before the transaction ends.  false: it has ended, or
 * somebody works on it.
 */
bool
mig_job_row_cancel(int64 job)
{
	static MigSpiQuery query = {
		"UPDATE migrate.job SET state = 'cancelled',"
		"  finished = pg_catalog.clock_timestamp()"
		" WHERE job = $1 AND finished IS NULL AND " TRY_LOCK("$1"),
		1, {INT8OID}, NULL, true
	};
	Datum		values[1];

	values[0] = Int64GetDatum(job);
	return mig_spi_old_write(&query, values, NULL) > 0;
}

/*
 * The jobs that nobody works on and that can never be run, their rows locked.
 * Only one of them, unless the number is 0.
 */
MigJobDead *
mig_job_row_dead(int64 job, int max_crashes, int *ndead)
{
	static MigSpiQuery query = {
		"WITH dead AS MATERIALIZED ("
		"  SELECT j.job, " REASON " AS reason FROM migrate.job AS j" ROLES
		"   WHERE j.finished IS NULL AND (j.job = $2 OR $2 = 0 AND NOT EXISTS ("
		"         SELECT FROM " LOCKS " AS held"
		"          WHERE held.class = " CppAsString2(MIG_JOB_LOCK)
		"            AND held.key = " JOB_KEY("j") ")))"
		" SELECT k.job, d.reason, k.owner, k.login, " CRASHES("k") ","
		"        k.revision, k.schedule"
		"   FROM migrate.job AS k JOIN dead AS d USING (job)"
		"  WHERE k.finished IS NULL"
		"    AND CASE WHEN d.reason IS NULL THEN false"
		"        ELSE " TRY_LOCK("d.job") " END"
		"    FOR UPDATE OF k SKIP LOCKED",
		2, {INT4OID, INT8OID}
	};
	Datum		values[2];
	MigSpiScope scope;
	uint64		nrows;
	MigJobDead *dead;

	values[0] = Int32GetDatum(max_crashes);
	values[1] = Int64GetDatum(job);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	nrows = mig_spi_old_execute(&query, values, NULL, MIG_SPI_WRITE);
	dead = MemoryContextAlloc(scope.caller, sizeof(MigJobDead) * Max(nrows, 1));
	for (uint64 i = 0; i < nrows; i++)
	{
		bool		isnull;

		dead[i].job = DatumGetInt64(mig_spi_old_value(i, 1, &isnull));
		dead[i].reason = DatumGetInt32(mig_spi_old_value(i, 2, &isnull));
		dead[i].owner = mig_spi_old_text(&scope, i, 3);
		dead[i].login = mig_spi_old_text(&scope, i, 4);
		dead[i].crashes = DatumGetInt32(mig_spi_old_value(i, 5, &isnull));
		dead[i].revision = mig_spi_old_text(&scope, i, 6);
		dead[i].schedule = mig_spi_old_text(&scope, i, 7);
	}
	mig_spi_end(&scope);
	*ndead = (int) nrows;
	return dead;
}

/*
 * The jobs that a worker can be started for now, first come first served:
 * one for each version table where none is at work, as many as there are
 * free places.
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
		"      AND j.run_at <= pg_catalog.clock_timestamp()"
		"      AND " REASON " IS NULL"
		"      AND NOT EXISTS (SELECT FROM locks WHERE"
		"          class = " CppAsString2(MIG_JOB_LOCK_QUEUE)
		"          AND key = " QUEUE_KEY("j.version_table")
		"       OR class = " CppAsString2(MIG_JOB_LOCK)
		"          AND key = " JOB_KEY("j") ")"
		"    ORDER BY " QUEUE_KEY("j.version_table") ", j.run_at, j.job) AS d"
		" ORDER BY d.run_at, d.job"
		" LIMIT GREATEST(0, $2 - (SELECT pg_catalog.count(*) FROM locks WHERE"
		"   class = " CppAsString2(MIG_JOB_LOCK_PLACE) "))",
		2, {INT4OID, INT4OID}
	};
	Datum		values[2];
	MigSpiScope scope;
	uint64		nrows;
	MigJobDue  *due;

	values[0] = Int32GetDatum(max_crashes);
	values[1] = Int32GetDatum(max_workers);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	nrows = mig_spi_old_execute(&query, values, NULL, MIG_SPI_READ_LATEST);
	due = MemoryContextAlloc(scope.caller, sizeof(MigJobDue) * Max(nrows, 1));
	for (uint64 i = 0; i < nrows; i++)
	{
		bool		isnull;

		due[i].job = DatumGetInt64(mig_spi_old_value(i, 1, &isnull));
		due[i].login = DatumGetObjectId(mig_spi_old_value(i, 2, &isnull));
	}
	mig_spi_end(&scope);
	*ndue = (int) nrows;
	return due;
}

/*
 * The key of the queue that a job stands in.  false: it has ended.
 */
bool
mig_job_row_queue(int64 job, uint32 *key)
{
	static MigSpiQuery query = {
		"SELECT " QUEUE_KEY("j.version_table") " FROM migrate.job AS j"
		" WHERE j.job = $1 AND j.finished IS NULL",
		1, {INT8OID}, NULL, true
	};
	Datum		values[1];
	MigSpiScope scope;
	bool		found;
	bool		isnull;

	values[0] = Int64GetDatum(job);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	found = mig_spi_old_execute(&query, values, NULL, MIG_SPI_READ_LATEST) > 0;
	if (found)
		*key = (uint32) DatumGetInt32(mig_spi_old_value(0, 1, &isnull));
	mig_spi_end(&scope);
	return found;
}

/*
 * Takes a job up, by a worker that has its lock.  false: it has ended, or
 * somebody is about to decide about it.
 */
bool
mig_job_row_take(int64 job, MigJob *taken)
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
		"  attempts, schedule, COALESCE(window_end, 'infinity')",
		1, {INT8OID}, NULL, true
	};
	Datum		values[1];
	MigSpiScope scope;
	bool		found;

	values[0] = Int64GetDatum(job);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	found = mig_spi_old_execute(&query, values, NULL, MIG_SPI_WRITE) > 0;
	if (found)
		read_job(&scope, taken);
	mig_spi_end(&scope);
	return found;
}

static void
read_job(const MigSpiScope *scope, MigJob *job)
{
	bool		isnull;

	job->job = DatumGetInt64(mig_spi_old_value(0, 1, &isnull));
	if (!mig_log_command_find(mig_spi_old_text(scope, 0, 2), &job->command))
		elog(ERROR, "job " INT64_FORMAT " has no known command", job->job);
	job->target = mig_spi_old_text(scope, 0, 3);
	job->version_table = mig_spi_old_text(scope, 0, 4);
	job->owner = DatumGetObjectId(mig_spi_old_value(0, 5, &isnull));
	job->login = DatumGetObjectId(mig_spi_old_value(0, 6, &isnull));
	job->run_at = DatumGetTimestampTz(mig_spi_old_value(0, 7, &isnull));
	job->deadline = DatumGetTimestampTz(mig_spi_old_value(0, 8, &isnull));
	job->settings = mig_spi_old_text_array(scope, 0, 9, &job->nsettings);
	job->attempts = DatumGetInt32(mig_spi_old_value(0, 10, &isnull));
	job->schedule = mig_spi_old_text(scope, 0, 11);
	job->window_end = DatumGetTimestampTz(mig_spi_old_value(0, 12, &isnull));
}

/*
 * Notes which revision is in work.  Whoever gets to another one than the last
 * worker that was lost gets on.
 */
void
mig_job_row_progress(int64 job, const char *revision, int step, int steps)
{
	static MigSpiQuery query = {
		"UPDATE migrate.job SET"
		"  crashes = CASE WHEN revision = $2 THEN crashes ELSE 0 END,"
		"  revision = $2, step = $3, steps = $4 WHERE job = $1" OWN,
		4, {INT8OID, TEXTOID, INT4OID, INT4OID}, NULL, true
	};
	Datum		values[4];

	values[0] = Int64GetDatum(job);
	values[1] = CStringGetTextDatum(revision);
	values[2] = Int32GetDatum(step);
	values[3] = Int32GetDatum(steps);
	if (mig_spi_old_write(&query, values, NULL) == 0)
		refuse_lost(job);
}

/*
 * Notes how it ended.  Raises an error if it has ended already, or if it is
 * noted by a worker that has lost it.
 */
void
mig_job_row_finish(int64 job, const MigJobEnd *end, bool by_worker)
{
	static MigSpiQuery query = {
		"UPDATE migrate.job SET state = $2, note = $3, sqlstate = $4,"
		"  error = $5, detail = $6, hint = $7, context = $8,"
		"  finished = pg_catalog.clock_timestamp()"
		" WHERE job = $1 AND finished IS NULL AND ($9 OR true" OWN ")",
		9, {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
		TEXTOID, BOOLOID},
		NULL, true
	};
	Datum		values[9];
	char		nulls[10] = "         ";

	values[0] = Int64GetDatum(job);
	values[1] = CStringGetTextDatum(end->state);
	values[2] = mig_spi_old_text_datum(end->note, &nulls[2]);
	values[3] = mig_spi_old_text_datum(end->sqlstate, &nulls[3]);
	values[4] = mig_spi_old_text_datum(end->error, &nulls[4]);
	values[5] = mig_spi_old_text_datum(end->detail, &nulls[5]);
	values[6] = mig_spi_old_text_datum(end->hint, &nulls[6]);
	values[7] = mig_spi_old_text_datum(end->context, &nulls[7]);
	values[8] = BoolGetDatum(!by_worker);
	if (mig_spi_old_write(&query, values, nulls) == 0)
		refuse_lost(job);
}

static void
refuse_lost(int64 job)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("job " INT64_FORMAT " is not this worker's any more", job),
			 errdetail("It does not exist, has ended, or another worker has taken it up.")));
}

/*
 * Removes a job, of which there is nothing to tell.
 */
void
mig_job_row_forget(int64 job)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.job WHERE job = $1" OWN,
		1, {INT8OID}, NULL, true
	};
	Datum		values[1];

	values[0] = Int64GetDatum(job);
	mig_spi_old_write(&query, values, NULL);
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
		"                  - pg_catalog.make_interval(secs => $1)",
		1, {INT4OID}
	};
	Datum		values[1];

	values[0] = Int32GetDatum(seconds);
	mig_spi_old_write(&query, values, NULL);
}
