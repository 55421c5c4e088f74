/*
 * schedule.c
 *	  Schedules: jobs that are submitted at intervals.
 *
 * A run of a schedule is a job like any other; one that finds nothing to do
 * leaves no row.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/xact.h"
#include "job/job_internal.h"

#define SHORTEST_INTERVAL	USECS_PER_SEC
#define LONGEST_INTERVAL	((double) 100 * DAYS_PER_YEAR * USECS_PER_DAY)

static void check_times(const MigSchedule *schedule);
static bool is_empty_window(const MigSchedule *schedule);
static bool find_own(const char *name);
static void refuse(const char *name);
static void submit_work(void *arg);

/*
 * Creates a schedule, or changes the one of that name.  The caller has filled
 * in its name and its times.
 */
void
mig_job_schedule(MigSchedule *schedule, const char *target)
{
	if (schedule->name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("name of a schedule must not be empty")));
	check_times(schedule);
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
check_times(const MigSchedule *schedule)
{
	const Interval *every = schedule->every;
	double		length = (double) every->time +
	(double) every->day * USECS_PER_DAY +
	(double) every->month * DAYS_PER_MONTH * USECS_PER_DAY;
	const TimeTzADT *start = schedule->window_start;
	const TimeTzADT *end = schedule->window_end;

	/* Months and days that go back have no length to divide by. */
	if (every->month < 0 || every->day < 0 || every->time < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("interval of a schedule must not have negative parts")));
	if (length < SHORTEST_INTERVAL || length > LONGEST_INTERVAL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("interval of a schedule must be between 1 second and 100 years")));
	if (TIMESTAMP_NOT_FINITE(schedule->first_run))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("first run of a schedule must be finite")));
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
 * Submits the jobs of the schedules that are due.
 */
void
mig_job_schedule_submit_due(void)
{
	int			ndue;
	MigJob	   *due = mig_schedule_row_due(&ndue);

	for (int i = 0; i < ndue; i++)
	{
		ErrorData  *error = mig_subxact(submit_work, &due[i]);

		if (error == NULL)
			continue;
		/* The other schedules are run all the same. */
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
		mig_schedule_row_postpone(due[i].schedule,
								  psprintf("could not submit a job: %s",
										   error->message));
		ereport(LOG_SERVER_ONLY,
				(errcode(error->sqlerrcode),
				 errmsg("migrate could not submit a job of schedule \"%s\": %s",
						due[i].schedule, error->message)));
	}
}

static void
submit_work(void *arg)
{
	MigJob	   *job = arg;

	if (!mig_job_row_is_scheduled(job->schedule))
		mig_schedule_row_submitted(job->schedule, mig_job_row_insert(job));
}

/*
 * Notes how a job of a schedule ended.
 */
void
mig_job_schedule_note(const char *schedule, int64 job, const MigJobEnd *end)
{
	bool		failed = strcmp(end->state, "failed") == 0;
	const char *note = end->note;

	if (failed)
		note = psprintf("job " INT64_FORMAT " failed: %s", job, end->error);
	else if (strcmp(end->state, "cancelled") == 0)
		note = psprintf("job " INT64_FORMAT " was cancelled", job);
	mig_schedule_row_note(schedule, job, note, failed);
}
