/*
 * schedule.c
 *	  migrate.schedule: jobs that are submitted again and again.
 *
 * A run that is due waits for its window, and for the end of the schedule's
 * job before.  However many were missed, one job is submitted for them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "base/spi.h"
#include "tables/schedule.h"

/* When a schedule whose job could not be submitted is tried again. */
#define RETRY_DELAY		"1 hour"

/* A time of day, in seconds of a day of UTC. */
#define SECONDS(t) \
	"pg_catalog.mod(pg_catalog.mod(extract(epoch FROM " t "), 86400) + 86400, 86400)"

/*
 * When the window of a schedule s closes that is open now.  It may have opened
 * yesterday.  In a time zone both ends are times of day of its clock, so in the
 * night that the clock changes the window is longer or shorter.
 */
#define FIXED_WINDOWS \
	"SELECT b.begins, b.begins + pg_catalog.make_interval(secs => pg_catalog.mod(" \
	"         " SECONDS("s.window_end") " - " SECONDS("s.window_start") \
	"         + 86400, 86400)::float8) AS ends" \
	"  FROM (SELECT ((pg_catalog.clock_timestamp() AT TIME ZONE 'UTC')::date - i" \
	"                + pg_catalog.make_interval(secs => " SECONDS("s.window_start") "::float8))" \
	"               AT TIME ZONE 'UTC' AS begins" \
	"          FROM pg_catalog.generate_series(0, 1) AS i) AS b" \
	" WHERE s.time_zone IS NULL"
#define ZONE_WINDOWS \
	"SELECT (b.day + s.window_start::time) AT TIME ZONE s.time_zone," \
	"       (b.day + s.window_end::time + CASE WHEN s.window_end::time <= s.window_start::time" \
	"         THEN interval '1 day' ELSE interval '0' END) AT TIME ZONE s.time_zone" \
	"  FROM (SELECT (pg_catalog.clock_timestamp() AT TIME ZONE s.time_zone)::date - i AS day" \
	"          FROM pg_catalog.generate_series(0, 1) AS i) AS b" \
	" WHERE s.time_zone IS NOT NULL"
#define WINDOW_END \
	"(SELECT w.ends FROM (" FIXED_WINDOWS " UNION ALL " ZONE_WINDOWS ") AS w" \
	"  WHERE w.begins <= pg_catalog.clock_timestamp()" \
	"    AND w.ends > pg_catalog.clock_timestamp() LIMIT 1)"

/*
 * The first run after now, by the calendar of the schedule's time zone or of
 * UTC, whatever the time zone of the session.  All days have one length there,
 * so nearly all of the missed runs can be skipped by a division; months have
 * not, but there are few.  Counted from the first run: a month after the 31st
 * of January is the 28th of February, two are the 31st of March.
 */
#define ZONE	"COALESCE(s.time_zone, 'UTC')"
#define RUN(i) \
	"((s.first_run AT TIME ZONE " ZONE " + s.every * " i "::float8) AT TIME ZONE " ZONE ")"
#define NEXT_RUN \
	"(SELECT COALESCE(pg_catalog.min(" RUN("i") "), pg_catalog.clock_timestamp() + s.every)" \
	"   FROM (SELECT extract(epoch FROM pg_catalog.clock_timestamp() AT TIME ZONE " ZONE \
	"                  - s.first_run AT TIME ZONE " ZONE ") AS missed," \
	"                extract(epoch FROM s.every) AS length," \
	"                extract(year FROM s.every) * 12 + extract(month FROM s.every) AS months) AS e," \
	"        LATERAL (SELECT CASE WHEN e.months <> 0 THEN 0" \
	"          ELSE GREATEST(0, pg_catalog.floor(e.missed / e.length) - 2) END AS few) AS f," \
	"        pg_catalog.generate_series(f.few, CASE WHEN e.months <> 0" \
	"          THEN pg_catalog.floor(e.missed / GREATEST(86400, e.length * 0.9))" \
	"          ELSE f.few END + 4) AS i" \
	"  WHERE " RUN("i") " > pg_catalog.clock_timestamp())"

static void read_due(const MigSpiRow *row, void *result);

/*
 * Whether there is a schedule of that name, whose row is locked.  *visible:
 * whether the role may change it.
 */
bool
mig_schedule_row_find(const char *name, Oid role, bool *visible)
{
	static MigSpiQuery query = {
		"SELECT " MIG_JOB_ROLE_MAY_MANAGE("$2", "s.owner_oid", "s.origin")
		" FROM migrate.schedule AS s WHERE s.name = $1 FOR UPDATE"
	};
	MigSpiArgs	args = {0};
	Datum		value;

	mig_spi_arg_text(&args, name);
	mig_spi_arg_oid(&args, role);
	if (!mig_spi_first_datum(&query, &args, MIG_SPI_OWNER, MIG_SPI_WRITE,
							 BOOLOID, &value))
		return false;
	*visible = DatumGetBool(value);
	return true;
}

/*
 * Makes a schedule, or replaces the one of that name.  false: the role may not
 * change that one.
 */
bool
mig_schedule_row_put(const MigSchedule *schedule)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.schedule (name, target, version_table, every,"
		"  window_start, window_end, first_run, next_run, owner, owner_oid,"
		"  login, login_oid, settings, origin, time_zone, cron)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $7,"
		"  pg_catalog.pg_get_userbyid($8), $8,"
		"  pg_catalog.pg_get_userbyid($9), $9, $10, " MIG_SPI_ORIGIN ", $11, $12)"
		" ON CONFLICT (name) DO UPDATE SET target = EXCLUDED.target,"
		"  version_table = EXCLUDED.version_table, every = EXCLUDED.every,"
		"  cron = EXCLUDED.cron,"
		"  window_start = EXCLUDED.window_start,"
		"  window_end = EXCLUDED.window_end, time_zone = EXCLUDED.time_zone,"
		"  first_run = EXCLUDED.first_run, next_run = EXCLUDED.next_run,"
		"  owner = EXCLUDED.owner, owner_oid = EXCLUDED.owner_oid,"
		"  login = EXCLUDED.login, login_oid = EXCLUDED.login_oid,"
		"  settings = EXCLUDED.settings, origin = EXCLUDED.origin,"
		"  note = NULL, failures = 0"
		" WHERE " MIG_JOB_ROLE_MAY_MANAGE("$8", "schedule.owner_oid",
										  "schedule.origin")
	};
	const MigJob *job = &schedule->job;
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, schedule->name);
	mig_spi_arg_text(&args, job->target);
	mig_spi_arg_text(&args, job->version_table);
	mig_spi_arg_interval(&args, schedule->every);
	mig_spi_arg_datum(&args, TIMETZOID,
					  TimeTzADTPGetDatum(schedule->window_start),
					  schedule->window_start == NULL);
	mig_spi_arg_datum(&args, TIMETZOID,
					  TimeTzADTPGetDatum(schedule->window_end),
					  schedule->window_end == NULL);
	mig_spi_arg_timestamptz(&args, schedule->first_run);
	mig_spi_arg_oid(&args, job->owner);
	mig_spi_arg_oid(&args, job->login);
	mig_spi_arg_texts(&args, job->settings, job->nsettings);
	mig_spi_arg_text(&args, schedule->time_zone);
	mig_spi_arg_text(&args, schedule->cron);
	return mig_spi_write(&query, &args) > 0;
}

/*
 * Whether it is the name of a time zone.  An abbreviation is none: it stands for
 * a fixed offset, also where a zone has the same name (CET).  The view reads the
 * files of all zones, so the name that was found last is kept.
 */
bool
mig_schedule_knows_time_zone(const char *name)
{
	static MigSpiQuery query = {
		"SELECT FROM pg_catalog.pg_timezone_names AS n"
		" WHERE n.name = $1 AND (n.name = 'UTC' OR NOT EXISTS ("
		"       SELECT FROM pg_catalog.pg_timezone_abbrevs AS a"
		"        WHERE a.abbrev = pg_catalog.upper(n.name)))"
	};
	static char known[TZ_STRLEN_MAX + 1];
	MigSpiArgs	args = {0};

	if (known[0] != '\0' && strcmp(name, known) == 0)
		return true;
	mig_spi_arg_text(&args, name);
	if (!mig_spi_exists(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST))
		return false;
	strlcpy(known, name, sizeof(known));
	return true;
}

/*
 * Removes a schedule.
 */
void
mig_schedule_row_delete(const char *name)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.schedule WHERE name = $1"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, name);
	mig_spi_write(&query, &args);
}

/*
 * The names of the schedules that are due, whether or not their window is open:
 * nothing is computed here that could fail for one of them.
 */
char	  **
mig_schedule_row_due_names(int *nnames)
{
	static MigSpiQuery query = {
		"SELECT s.name FROM migrate.schedule AS s"
		" WHERE s.next_run <= pg_catalog.clock_timestamp()"
		"   AND s.origin = " MIG_SPI_ORIGIN
		" ORDER BY s.next_run, s.name"
	};

	return mig_spi_list(&query, NULL, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						nnames);
}

/*
 * Whether the schedule is due and its window is open, with the job to submit.
 * Its row is locked then; not if another session has locked it.
 */
bool
mig_schedule_row_due(const char *name, MigScheduleDue *due)
{
	static MigSpiQuery query = {
		"SELECT s.name, s.target, s.version_table, s.owner_oid, s.login_oid,"
		"  s.settings, COALESCE(" WINDOW_END ", 'infinity'), s.cron,"
		"  s.time_zone"
		"  FROM migrate.schedule AS s"
		" WHERE s.name = $1 AND s.next_run <= pg_catalog.clock_timestamp()"
		"   AND s.origin = " MIG_SPI_ORIGIN
		"   AND (s.window_start IS NULL OR " WINDOW_END " IS NOT NULL)"
		" FOR UPDATE OF s SKIP LOCKED"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, name);
	return mig_spi_row(&query, &args, MIG_SPI_OWNER, MIG_SPI_WRITE,
					   read_due, due);
}

static void
read_due(const MigSpiRow *row, void *result)
{
	MigScheduleDue *due = result;
	MigJob	   *job = &due->job;

	memset(due, 0, sizeof(*due));
	job->command = MIG_COMMAND_UPGRADE;
	job->schedule = mig_spi_row_text_not_null(row, 1);
	job->target = mig_spi_row_text_not_null(row, 2);
	job->version_table = mig_spi_row_text_not_null(row, 3);
	job->owner = mig_spi_row_oid(row, 4);
	job->login = mig_spi_row_oid(row, 5);
	job->settings = mig_spi_row_texts(row, 6, &job->nsettings);
	job->window_end = mig_spi_row_timestamptz(row, 7);
	job->deadline = DT_NOEND;
	job->run_at = GetCurrentTimestamp();
	due->cron = mig_spi_row_text(row, 8);
	due->time_zone = mig_spi_row_text(row, 9);
}

/*
 * Notes that a schedule has submitted a job, and when the next run is: DT_NOEND,
 * after the interval of the schedule.
 */
void
mig_schedule_row_submitted(const char *name, int64 job, TimestampTz next_run)
{
	static MigSpiQuery query = {
		"UPDATE migrate.schedule AS s SET"
		"  next_run = COALESCE(NULLIF($3, 'infinity'), " NEXT_RUN "),"
		"  last_run = pg_catalog.clock_timestamp(), last_job = $2"
		" WHERE s.name = $1"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, name);
	mig_spi_arg_int64(&args, job);
	mig_spi_arg_timestamptz(&args, next_run);
	mig_spi_write(&query, &args);
}

/*
 * Notes why no job could be submitted, and tries again after some time.  That is
 * no run time: computing one may be what fails.  Not if another session has
 * locked the row.
 */
void
mig_schedule_row_postpone(const char *name, const char *note)
{
	static MigSpiQuery query = {
		"UPDATE migrate.schedule SET"
		"  next_run = pg_catalog.clock_timestamp() + interval '" RETRY_DELAY "',"
		"  note = $2, failures = failures + 1"
		" WHERE name = (SELECT name FROM migrate.schedule WHERE name = $1"
		"                  FOR UPDATE SKIP LOCKED)"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, name);
	mig_spi_arg_message(&args, note);
	mig_spi_write(&query, &args);
}

/*
 * Notes why a schedule's job failed or ended before its target, or that it did
 * not (NULL).  Not if another session has locked the row: the job does not wait
 * for that.
 */
void
mig_schedule_row_note(const char *name, int64 job, const char *note,
					  bool failed)
{
	static MigSpiQuery query = {
		"UPDATE migrate.schedule SET note = $3,"
		"  failures = CASE WHEN $4 THEN failures + 1 ELSE 0 END"
		" WHERE name = (SELECT name FROM migrate.schedule"
		"                WHERE name = $1 AND last_job = $2"
		"                  AND (note IS DISTINCT FROM $3"
		"                       OR failures > 0 OR $4)"
		"                  FOR UPDATE SKIP LOCKED)"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, name);
	mig_spi_arg_int64(&args, job);
	mig_spi_arg_message(&args, note);
	mig_spi_arg_bool(&args, failed);
	mig_spi_write(&query, &args);
}
