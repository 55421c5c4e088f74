/*
 * job.c
 *	  Jobs, as their owners see them: submitted, cancelled, waited for.
 *
 * A job takes along whose rights it has and the settings of the session that
 * decide what a run does.  What is wrong with it is said at once, as far as
 * that can be known.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "base/spi.h"
#include "base/xact.h"
#include "job/dispatch.h"
#include "job/job.h"
#include "run/lock.h"
#include "run/precheck.h"
#include "tables/job.h"
#include "tables/log.h"
#include "tables/version_open.h"

#define FIRST_POLL_DELAY		10	/* ms */
#define MAX_POLL_DELAY			500 /* ms: what who waits may lose */
#define START_INTERVAL			5000	/* ms: how often who waits starts what
										 * is due */

/* Somebody who waits for a job. */
typedef struct Waiter
{
	int64		job;
	MemoryContext context;
	MigJobEnd  *end;
} Waiter;

static MigCommand command_by_name(const char *name);
static void refuse_times(TimestampTz run_at, TimestampTz deadline);
static Oid	login_role(void);
static char **current_settings(int *nsettings);
static MigJobEnd *find_job(int64 job);
static void read_work(void *arg);
static void start_work(void *arg);
static bool has_ended(const MigJobEnd *end);
static void raise_end(int64 job, const MigJobEnd *end);

/*
 * Queues a run, and starts what is due when the transaction is committed.
 */
int64
mig_job_submit(const char *target, const char *command,
			   TimestampTz run_at, TimestampTz deadline)
{
	MigJob		job;
	int			ndue;

	PreventCommandIfReadOnly("migrate_submit()");
	PreventCommandDuringRecovery("migrate_submit()");
	memset(&job, 0, sizeof(job));
	job.command = command_by_name(command);
	refuse_times(run_at, deadline);

	mig_job_prepare(&job, target);
	job.run_at = run_at;
	job.deadline = deadline;
	job.window_end = DT_NOEND;
	job.job = mig_job_row_insert(&job);
	if (run_at <= GetCurrentTimestamp())
		(void) mig_job_start_due(&ndue);
	return job.job;
}

/*
 * With migrate.function_mode = submit: queues what the function
 * migrate_upgrade() or migrate_downgrade() was asked to run.  The current role
 * must be allowed to execute migrate_submit().
 */
void
mig_job_submit_instead(const char *target, MigCommand command)
{
	const char *name = mig_log_command_name(command);
	int64		job;

	if (!mig_job_may_submit())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function migrate_submit"),
				 errdetail("The setting migrate.function_mode is \"submit\".")));
	job = mig_job_submit(target, name, GetCurrentTimestamp(), DT_NOEND);
	ereport(NOTICE,
			(errmsg("submitted job " INT64_FORMAT ": %s %s",
					job, name, target),
			 errhint("CALL migrate_wait(" INT64_FORMAT ") waits for it, migrate.jobs shows it.",
					 job)));
}

/*
 * Whether the current role may execute migrate_submit().
 */
bool
mig_job_may_submit(void)
{
	static MigSpiQuery query = {
		"SELECT WHERE " MIG_JOB_MAY_EXECUTE("$1", "'migrate_submit'")
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, GetUserId());
	return mig_spi_exists(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}

/*
 * Fills in where to, on which version table, as whom and how.  The command is
 * known.  A target that is wrong today is told today; one that counts from
 * where the database is counts now, because a worker that takes over from one
 * that was lost finds it somewhere else.
 */
void
mig_job_prepare(MigJob *job, const char *target)
{
	MigVersion *version = mig_version_open(MIG_SPI_READ_LATEST);
	char	   *targets[1];

	mig_version_read(version, MIG_SPI_READ_LATEST);
	targets[0] = unconstify(char *, target);
	(void) mig_run_plan(version, job->command, 1, targets, false, NULL,
						MIG_SPI_READ_LATEST);
	job->target = mig_run_plan_absolute(version, job->command, target,
										MIG_SPI_READ_LATEST);
	job->version_table = version->name;
	job->owner = GetUserId();
	job->login = login_role();
	job->settings = current_settings(&job->nsettings);
}

static MigCommand
command_by_name(const char *name)
{
	MigCommand	command;

	if (!mig_log_command_find(name, &command) ||
		command == MIG_COMMAND_STAMP)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("command \"%s\" cannot be a job", name),
				 errhint("Commands of jobs are \"upgrade\" and \"downgrade\".")));
	return command;
}

static void
refuse_times(TimestampTz run_at, TimestampTz deadline)
{
	if (run_at == DT_NOEND)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a job cannot begin at \"infinity\"")));
	if (deadline <= run_at)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("deadline of a job must be later than its beginning"),
				 errdetail("It begins at %s, the deadline is %s.",
						   pstrdup(timestamptz_to_str(run_at)),
						   timestamptz_to_str(deadline))));
	if (deadline <= GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("deadline of a job must not be in the past"),
				 errdetail("It is %s.", timestamptz_to_str(deadline))));
}

/*
 * What the worker connects as.  After SET ROLE that is who has logged in: the
 * role that was set need not be allowed to.  In a SECURITY DEFINER function it
 * is the function's owner.
 */
static Oid
login_role(void)
{
	Oid			userid;
	int			sec_context;

	GetUserIdAndSecContext(&userid, &sec_context);
	if (userid == GetOuterUserId() &&
		(sec_context & SECURITY_LOCAL_USERID_CHANGE) == 0)
		return GetSessionUserId();
	return userid;
}

/*
 * The settings that decide what a run does, name=value.
 */
static char **
current_settings(int *nsettings)
{
	static MigSpiQuery query = {
		"SELECT name || '=' || setting FROM pg_catalog.pg_settings"
		" WHERE name LIKE 'migrate.%' AND context = 'user' ORDER BY name"
	};
	char	  **ours = mig_spi_list(&query, NULL, MIG_SPI_OWNER,
									MIG_SPI_READ_LATEST, nsettings);
	char	  **settings = palloc(sizeof(char *) * (*nsettings + 1));

	/* Inside of internal SQL it is another one. */
	settings[0] = psprintf("search_path=%s",
						   GetConfigOption("search_path", false, false));
	memcpy(&settings[1], ours, sizeof(char *) * *nsettings);
	(*nsettings)++;
	return settings;
}

/*
 * Takes a job out of the queue, or stops its worker.  false: it had ended.
 */
bool
mig_job_cancel(int64 job)
{
	PreventCommandIfReadOnly("migrate_cancel()");
	PreventCommandDuringRecovery("migrate_cancel()");
	if (has_ended(find_job(job)))
		return false;
	return mig_job_row_signal(job) || mig_job_row_cancel(job);
}

/*
 * Waits until a job has ended; raises an error if it did not succeed, or if
 * it has not ended by then.  Holds no snapshot while it waits, because an
 * index built concurrently by the worker would wait for that.
 */
void
mig_job_wait(int64 job, TimestampTz until, bool can_commit)
{
	Waiter		waiter = {job, NULL, NULL};
	int			delay = FIRST_POLL_DELAY;
	int			since_start = 0;

	if (!can_commit)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("migrate_wait() cannot run inside a transaction block"),
				 errdetail("It must not hold a snapshot while it waits: the job may have to wait for that."),
				 errhint("Send CALL migrate_wait(...) by itself: outside of BEGIN and functions, in a query of its own, with autocommit on.")));
	mig_xact_renew();
	waiter.context = AllocSetContextCreate(PortalContext, "migrate wait",
										   ALLOCSET_SMALL_SIZES);
	for (;;)
	{
		long		left;

		MemoryContextReset(waiter.context);
		mig_xact(read_work, &waiter, MIG_XACT_RAISE);
		if (has_ended(waiter.end))
			break;
		left = until == DT_NOEND ? MAX_POLL_DELAY :
			TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);
		if (left <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("job " INT64_FORMAT " has not ended in time", job),
					 errdetail("It is %s.", waiter.end->state),
					 errhint("It goes on. migrate.jobs shows where it is.")));
		if (since_start <= 0 && !RecoveryInProgress() && !XactReadOnly)
		{
			mig_xact(start_work, &waiter, MIG_XACT_OWN_TABLES | MIG_XACT_RAISE);
			since_start = START_INTERVAL;
		}
		mig_run_lock_sleep(Min(delay, left));
		since_start -= delay;
		delay = Min(delay * 2, MAX_POLL_DELAY);
	}
	raise_end(job, waiter.end);
}

/*
 * How a job has ended, or that it has not.  Raises an error if there is none
 * with that number, or if it is not the current role's business.
 */
static MigJobEnd *
find_job(int64 job)
{
	bool		visible = false;
	MigJobEnd  *end = mig_job_row_end(job, GetUserId(), &visible);

	if (end == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job " INT64_FORMAT " does not exist", job),
				 errhint("migrate.jobs lists the jobs.")));
	if (!visible)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for job " INT64_FORMAT, job),
				 errdetail("A job is its owner's, and the business of whoever has the rights of the extension's owner.")));
	return end;
}

static void
read_work(void *arg)
{
	Waiter	   *waiter = arg;
	MemoryContext old_context = MemoryContextSwitchTo(waiter->context);

	waiter->end = find_job(waiter->job);
	MemoryContextSwitchTo(old_context);
}

/*
 * What waits for a place may get one now, and whose worker was lost a new one.
 */
static void
start_work(void *arg)
{
	Waiter	   *waiter = arg;
	MemoryContext old_context = MemoryContextSwitchTo(waiter->context);
	int			ndue;

	(void) mig_job_start_all(&ndue);
	MemoryContextSwitchTo(old_context);
}

static bool
has_ended(const MigJobEnd *end)
{
	return strcmp(end->state, "queued") != 0 &&
		strcmp(end->state, "running") != 0;
}

/*
 * Raises the error that has ended it.
 */
static void
raise_end(int64 job, const MigJobEnd *end)
{
	if (strcmp(end->state, "cancelled") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("job " INT64_FORMAT " was cancelled", job)));
	if (strcmp(end->state, "failed") == 0)
		ereport(ERROR,
				(errcode(mig_job_row_errcode(end)),
				 errmsg("job " INT64_FORMAT " failed: %s", job, end->error),
				 end->detail != NULL ?
				 errdetail_internal("%s", end->detail) : 0,
				 end->hint != NULL ? errhint("%s", end->hint) : 0,
				 end->context != NULL ? errcontext("%s", end->context) : 0));
	if (end->note != NULL)
		ereport(WARNING,
				(errmsg("job " INT64_FORMAT " ended before its target: %s",
						job, end->note)));
}
