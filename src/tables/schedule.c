/*
 * schedule.c
 *	  migrate.schedule: jobs that are submitted again and again.
 *
 * A tick that is due waits for its window, and for the end of the schedule's
 * job before.  However many were missed, it is one.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/spi.h"
#include "tables/schedule.h"

/* A time of day, in seconds of a day of UTC. */
#define SECONDS(t) \
	"pg_catalog.mod(pg_catalog.mod(extract(epoch FROM " t "), 86400) + 86400, 86400)"

/*
 * When the window of a schedule s closes that is open now.  It may have opened
 * yesterday.
 */
#define WINDOW_END \
	"(SELECT w.begins + w.length FROM (" \
	"   SELECT ((pg_catalog.clock_timestamp() AT TIME ZONE 'UTC')::date - i" \
	"           + pg_catalog.make_interval(secs => " SECONDS("s.window_start") "::float8))" \
	"          AT TIME ZONE 'UTC' AS begins," \
	"          pg_catalog.make_interval(secs => pg_catalog.mod(" \
	"            " SECONDS("s.window_end") " - " SECONDS("s.window_start") \
	"            + 86400, 86400)::float8) AS length" \
	"     FROM pg_catalog.generate_series(0, 1) AS i) AS w" \
	"  WHERE w.begins <= pg_catalog.clock_timestamp()" \
	"    AND w.begins + w.length > pg_catalog.clock_timestamp() LIMIT 1)"

/*
 * The first tick after now, by the calendar of UTC, whoever asks.  Days have
 * their length, so nearly all of the missed ticks can be divided away; months
 * have not, but there are few.  Counted from the first one: a month after the
 * 31st of January is the 28th of February, two are the 31st of March.
 */
#define TICK(i) \
	"((s.first_run AT TIME ZONE 'UTC' + s.every * " i "::float8) AT TIME ZONE 'UTC')"
#define NEXT_TICK \
	"(SELECT COALESCE(pg_catalog.min(" TICK("i") "), pg_catalog.clock_timestamp() + s.every)" \
	"   FROM (SELECT extract(epoch FROM pg_catalog.clock_timestamp() - s.first_run) AS missed," \
	"                extract(epoch FROM s.every) AS length," \
	"                extract(year FROM s.every) * 12 + extract(month FROM s.every) AS months) AS e," \
	"        LATERAL (SELECT CASE WHEN e.months <> 0 THEN 0" \
	"          ELSE GREATEST(0, pg_catalog.floor(e.missed / e.length) - 2) END AS few) AS f," \
	"        pg_catalog.generate_series(f.few, CASE WHEN e.months <> 0" \
	"          THEN pg_catalog.floor(e.missed / GREATEST(86400, e.length * 0.9))" \
	"          ELSE f.few END + 4) AS i" \
	"  WHERE " TICK("i") " > pg_catalog.clock_timestamp())"

/*
 * Whether there is a schedule of that name.  visible: whether the role that
 * asks may change it.
 */
bool
mig_schedule_row_find(const char *name, Oid asker, bool *visible)
{
	static MigSpiQuery query = {
		"SELECT " MIG_JOB_IS_VISIBLE_TO("$2", "s.owner_oid")
		" FROM migrate.schedule AS s WHERE s.name = $1 FOR UPDATE",
		2, {TEXTOID, OIDOID}
	};
	Datum		values[2];
	MigSpiScope scope;
	bool		found;
	bool		isnull;

	values[0] = CStringGetTextDatum(name);
	values[1] = ObjectIdGetDatum(asker);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	found = mig_spi_old_execute(&query, values, NULL, MIG_SPI_WRITE) > 0;
	if (found)
		*visible = DatumGetBool(mig_spi_old_value(0, 1, &isnull));
	mig_spi_end(&scope);
	return found;
}

/*
 * Makes a schedule, or changes the one of that name.  false: that is not the
 * business of who makes it.
 */
bool
mig_schedule_row_put(const MigSchedule *schedule)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.schedule (name, target, version_table, every,"
		"  window_start, window_end, first_run, next_run, owner, owner_oid,"
		"  login, login_oid, settings, origin)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $7,"
		"  pg_catalog.pg_get_userbyid($8), $8,"
		"  pg_catalog.pg_get_userbyid($9), $9, $10, " MIG_JOB_ORIGIN ")"
		" ON CONFLICT (name) DO UPDATE SET target = EXCLUDED.target,"
		"  version_table = EXCLUDED.version_table, every = EXCLUDED.every,"
		"  window_start = EXCLUDED.window_start,"
		"  window_end = EXCLUDED.window_end,"
		"  first_run = EXCLUDED.first_run, next_run = EXCLUDED.next_run,"
		"  owner = EXCLUDED.owner, owner_oid = EXCLUDED.owner_oid,"
		"  login = EXCLUDED.login, login_oid = EXCLUDED.login_oid,"
		"  settings = EXCLUDED.settings, origin = EXCLUDED.origin,"
		"  note = NULL"
		" WHERE " MIG_JOB_IS_VISIBLE_TO("$8", "schedule.owner_oid"),
		10, {TEXTOID, TEXTOID, TEXTOID, INTERVALOID, TIMETZOID, TIMETZOID,
		TIMESTAMPTZOID, OIDOID, OIDOID, TEXTARRAYOID}
	};
	const MigJob *job = &schedule->job;
	Datum		values[10];
	char		nulls[11] = "          ";

	values[0] = CStringGetTextDatum(schedule->name);
	values[1] = CStringGetTextDatum(job->target);
	values[2] = CStringGetTextDatum(job->version_table);
	values[3] = IntervalPGetDatum(schedule->every);
	values[4] = TimeTzADTPGetDatum(schedule->window_start);
	values[5] = TimeTzADTPGetDatum(schedule->window_end);
	if (schedule->window_start == NULL)
		nulls[4] = nulls[5] = 'n';
	values[6] = TimestampTzGetDatum(schedule->first_run);
	values[7] = ObjectIdGetDatum(job->owner);
	values[8] = ObjectIdGetDatum(job->login);
	values[9] = mig_spi_array_datum(job->settings, job->nsettings);
	return mig_spi_old_write(&query, values, nulls) > 0;
}

/*
 * Removes a schedule.
 */
void
mig_schedule_row_delete(const char *name)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.schedule WHERE name = $1",
		1, {TEXTOID}
	};
	Datum		values[1];

	values[0] = CStringGetTextDatum(name);
	mig_spi_old_write(&query, values, NULL);
}

/*
 * What the schedules are to submit whose tick is due and whose window is open.
 * Their rows are locked; those that somebody else has locked are left to them.
 */
MigJob *
mig_schedule_row_due(int *ndue)
{
	static MigSpiQuery query = {
		"SELECT s.name, s.target, s.version_table, s.owner_oid, s.login_oid,"
		"  s.settings, COALESCE(" WINDOW_END ", 'infinity')"
		"  FROM migrate.schedule AS s"
		" WHERE s.next_run <= pg_catalog.clock_timestamp()"
		"   AND s.origin = " MIG_JOB_ORIGIN
		"   AND (s.window_start IS NULL OR " WINDOW_END " IS NOT NULL)"
		" ORDER BY s.next_run, s.name FOR UPDATE OF s SKIP LOCKED"
	};
	MigSpiScope scope;
	uint64		nrows;
	MigJob	   *due;

	mig_spi_begin(&scope, MIG_SPI_OWNER);
	nrows = mig_spi_old_execute(&query, NULL, NULL, MIG_SPI_WRITE);
	due = MemoryContextAllocZero(scope.caller, sizeof(MigJob) * Max(nrows, 1));
	for (uint64 i = 0; i < nrows; i++)
	{
		bool		isnull;

		due[i].command = MIG_COMMAND_UPGRADE;
		due[i].schedule = mig_spi_old_text(&scope, i, 1);
		due[i].target = mig_spi_old_text(&scope, i, 2);
		due[i].version_table = mig_spi_old_text(&scope, i, 3);
		due[i].owner = DatumGetObjectId(mig_spi_old_value(i, 4, &isnull));
		due[i].login = DatumGetObjectId(mig_spi_old_value(i, 5, &isnull));
		due[i].settings = mig_spi_old_text_array(&scope, i, 6, &due[i].nsettings);
		due[i].window_end = DatumGetTimestampTz(mig_spi_old_value(i, 7, &isnull));
		due[i].deadline = DT_NOEND;
		due[i].run_at = GetCurrentTimestamp();
	}
	mig_spi_end(&scope);
	*ndue = (int) nrows;
	return due;
}

/*
 * Notes that a schedule has submitted a job.
 */
void
mig_schedule_row_tick(const char *name, int64 job)
{
	static MigSpiQuery query = {
		"UPDATE migrate.schedule AS s SET next_run = " NEXT_TICK ","
		"  last_run = pg_catalog.clock_timestamp(), last_job = $2"
		" WHERE s.name = $1",
		2, {TEXTOID, INT8OID}
	};
	Datum		values[2];

	values[0] = CStringGetTextDatum(name);
	values[1] = Int64GetDatum(job);
	mig_spi_old_write(&query, values, NULL);
}

/*
 * Notes why a schedule's job ended before its target, or that it did not.  Not
 * if somebody has locked the row: the job does not wait for that.
 */
void
mig_schedule_row_note(const char *name, int64 job, const char *note)
{
	static MigSpiQuery query = {
		"UPDATE migrate.schedule SET note = $3"
		" WHERE name = (SELECT name FROM migrate.schedule"
		"                WHERE name = $1 AND last_job = $2"
		"                  AND note IS DISTINCT FROM $3"
		"                  FOR UPDATE SKIP LOCKED)",
		3, {TEXTOID, INT8OID, TEXTOID}
	};
	Datum		values[3];
	char		nulls[4] = "   ";

	values[0] = CStringGetTextDatum(name);
	values[1] = Int64GetDatum(job);
	values[2] = mig_spi_old_text_datum(note, &nulls[2]);
	mig_spi_old_write(&query, values, nulls);
}
