/*
 * schedule.c
 *	  Schedules: jobs that are submitted at intervals, or by a cron expression.
 *
 * A run of a schedule is a job like any other; one that finds nothing to do
 * leaves no row.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/xact.h"
#include "job/job_internal.h"

#define SHORTEST_INTERVAL	USECS_PER_SEC
#define LONGEST_INTERVAL	((double) 100 * DAYS_PER_YEAR * USECS_PER_DAY)

/* How far the clock of a time zone may be from UTC, and more. */
#define ZONE_MARGIN			(2 * USECS_PER_DAY)

/* The argument of postpone_work(). */
typedef struct Postponement
{
	const char *name;
	const char *note;
} Postponement;

static void read_every(MigSchedule *schedule, const char *every);
static void hint_at_forms(void *arg);
static void check_interval(const Interval *every);
static void check_times(const MigSchedule *schedule);
static TimestampTz next_run_of(const char *expression, TimestampTz after,
							   const char *time_zone);
static bool is_empty_window(const MigSchedule *schedule);
static bool find_own(const char *name);
static void refuse(const char *name);
static void submit_work(void *arg);
static bool ends_scan(const ErrorData *error);
static void postpone(const char *name, const ErrorData *error);
static void postpone_work(void *arg);

/*
 * Creates a schedule, or changes the one of that name.  The caller has filled
 * in its name and the times but for the interval or cron expression.
 */
void
mig_job_schedule(MigSchedule *schedule, const char *every, const char *target)
{
	if (schedule->name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("name of a schedule must not be empty")));
	read_every(schedule, every);
	check_times(schedule);
	if (schedule->cron != NULL)
		schedule->first_run = next_run_of(schedule->cron,
										  schedule->first_run - 1,
										  schedule->time_zone);
	(void) find_own(schedule->name);
	schedule->job.command = MIG_COMMAND_UPGRADE;
	mig_job_prepare(&schedule->job, target);
	if (strcmp(schedule->job.target, target) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target \"%s\" of a schedule must not be relative",
						target),
				 errhint("Use a revision, a branch label or \"head\".")));
	/* Another role may have created one of that name meanwhile. */
	if (!mig_schedule_row_put(schedule))
		refuse(schedule->name);
}

static void
read_every(MigSchedule *schedule, const char *every)
{
	if (mig_cron_is_meant(every))
	{
		MigCron		cron;

		mig_cron_read(every, &cron);
		schedule->cron = every;
	}
	else
	{
		ErrorContextCallback callback = {error_context_stack, hint_at_forms};

		error_context_stack = &callback;
		schedule->every =
			DatumGetIntervalP(DirectFunctionCall3(interval_in,
												  CStringGetDatum(every),
												  ObjectIdGetDatum(InvalidOid),
												  Int32GetDatum(-1)));
		error_context_stack = callback.previous;
		check_interval(schedule->every);
	}
}

/*
 * For the server's error that a text is no interval.
 */
static void
hint_at_forms(void *arg)
{
	errcode(ERRCODE_INVALID_PARAMETER_VALUE);
	errhint("Use an interval such as \"1 day\", or a cron expression: the five fields minute, hour, day of month, month, day of week, as in \"0 2 * * 1-5\", or @hourly, @daily, @weekly, @monthly.");
}

static void
check_interval(const Interval *every)
{
	double		length = (double) every->time +
	(double) every->day * USECS_PER_DAY +
	(double) every->month * DAYS_PER_MONTH * USECS_PER_DAY;

	/* Months and days that go back have no length to divide by. */
	if (every->month < 0 || every->day < 0 || every->time < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("interval of a schedule must not have negative parts")));
	if (length < SHORTEST_INTERVAL || length > LONGEST_INTERVAL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("interval of a schedule must be between 1 second and 100 years")));
}

static void
check_times(const MigSchedule *schedule)
{
	const TimeTzADT *start = schedule->window_start;
	const TimeTzADT *end = schedule->window_end;

	if (TIMESTAMP_NOT_FINITE(schedule->first_run))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("first run of a schedule must be finite")));
	/* The others are counted from it by the clock of the time zone. */
	if (schedule->every != NULL &&
		(schedule->first_run < MIN_TIMESTAMP + ZONE_MARGIN ||
		 schedule->first_run >= END_TIMESTAMP - ZONE_MARGIN))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("first run of a schedule is out of range")));
	if ((start == NULL) != (end == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a window must have both a start and an end")));
	if (schedule->time_zone != NULL &&
		!mig_schedule_knows_time_zone(schedule->time_zone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" of a schedule is not the name of a time zone",
						schedule->time_zone),
				 errhint("Use a name of pg_timezone_names such as \"Europe/Berlin\"; an abbreviation stands for a fixed offset.")));
	if (start != NULL && is_empty_window(schedule))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("start and end of a window must not be the same"),
				 errhint("Omit both for a schedule that runs at any time.")));
}

/*
 * The first run time of a cron expression after a moment; DT_NOEND for none
 * (NULL).
 */
static TimestampTz
next_run_of(const char *expression, TimestampTz after, const char *time_zone)
{
	MigCron		cron;

	if (expression == NULL)
		return DT_NOEND;
	mig_cron_read(expression, &cron);
	return mig_cron_next(&cron, after, time_zone == NULL ? "UTC" : time_zone);
}

/*
 * Whether both ends of the window are the same time of day.  In a time zone the
 * offsets that were given with them do not count.
 */
static bool
is_empty_window(const MigSchedule *schedule)
{
	const TimeTzADT *start = schedule->window_start;
	const TimeTzADT *end = schedule->window_end;
	int64		length = end->time - start->time;

	if (schedule->time_zone == NULL)
		length += (end->zone - start->zone) * USECS_PER_SEC;
	return length % USECS_PER_DAY == 0;
}

/*
 * Removes a schedule.
 */
void
mig_job_unschedule(const char *name)
{
	if (!find_own(name))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("schedule \"%s\" does not exist", name),
				 errhint("Use migrate.schedules to list the schedules.")));
	mig_schedule_row_delete(name);
}

/*
 * Whether the schedule exists.  Raises an error if the current role may not
 * change it.
 */
static bool
find_own(const char *name)
{
	bool		visible = false;

	if (!mig_schedule_row_find(name, GetUserId(), &visible))
		return false;
	if (!visible)
		refuse(name);
	return true;
}

static void
refuse(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for schedule \"%s\"", name),
			 errdetail("Only roles with privileges of the schedule's owner or of the extension's owner may change it.")));
}

/*
 * Submits the jobs of the schedules that are due.  Whatever is wrong with one of
 * them, the others are run all the same.
 */
void
mig_job_schedule_submit_due(void)
{
	int			ndue;
	char	  **due = mig_schedule_row_due_names(&ndue);

	for (int i = 0; i < ndue; i++)
	{
		ErrorData  *error = mig_subxact(submit_work, due[i]);

		if (error == NULL)
			continue;
		if (ends_scan(error))
			ReThrowError(error);
		ereport(LOG_SERVER_ONLY,
				(errcode(error->sqlerrcode),
				 errmsg("migrate could not submit a job of schedule \"%s\": %s",
						due[i], error->message)));
		postpone(due[i], error);
	}
}

static void
submit_work(void *arg)
{
	const char *name = arg;
	MigScheduleDue due;
	TimestampTz next_run;

	if (!mig_schedule_row_due(name, &due) || mig_job_row_is_scheduled(name))
		return;
	next_run = next_run_of(due.cron, GetCurrentTimestamp(), due.time_zone);
	mig_schedule_row_submitted(name, mig_job_row_insert(&due.job), next_run);
}

/*
 * Whether it is no error of the schedule: a cancel, or a conflict with another
 * transaction, after which the next one finds the schedule as it is.
 */
static bool
ends_scan(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK;
}

/*
 * Notes why no job was submitted.  If even that fails, the next scan meets the
 * schedule again.
 */
static void
postpone(const char *name, const ErrorData *error)
{
	Postponement postponement = {name,
	psprintf("could not submit a job: %s", error->message)};
	ErrorData  *failure = mig_subxact(postpone_work, &postponement);

	if (failure == NULL)
		return;
	if (ends_scan(failure))
		ReThrowError(failure);
	ereport(LOG_SERVER_ONLY,
			(errcode(failure->sqlerrcode),
			 errmsg("migrate could not postpone schedule \"%s\": %s",
					name, failure->message)));
}

static void
postpone_work(void *arg)
{
	const Postponement *postponement = arg;

	mig_schedule_row_postpone(postponement->name, postponement->note);
}

/*
 * Notes how a job of a schedule ended.  held: it waits for approval, which is no
 * failure of the schedule.
 */
void
mig_job_schedule_note(const char *schedule, int64 job, const MigJobEnd *end,
					  bool held)
{
	bool		failed = strcmp(end->state, "failed") == 0 && !held;
	const char *note = held ? end->error : end->note;

	if (failed)
		note = psprintf("job " INT64_FORMAT " failed: %s", job, end->error);
	else if (strcmp(end->state, "cancelled") == 0)
		note = psprintf("job " INT64_FORMAT " was cancelled", job);
	mig_schedule_row_note(schedule, job, note, failed);
}
