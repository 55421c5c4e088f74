/*
 * job.c
 *	  Submits jobs, cancels them, and waits for their end.
 *
 * An error that is known at once is raised by the submitter, not by the job.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/command.h"
#include "base/guc.h"
#include "base/spi.h"
#include "base/xact.h"
#include "job/job_internal.h"
#include "run/run.h"

#define FIRST_POLL_DELAY		10	/* ms */
#define MAX_POLL_DELAY			500 /* ms: how late the end may be noticed */
#define DISPATCH_INTERVAL		5000	/* ms: how often a session that waits
										 * dispatches jobs */

/* A session that waits for a job. */
typedef struct Waiter
{
	int64		job;
	MemoryContext context;
	MigJobEnd  *end;
} Waiter;

static int64 queue(const MigJobOrder *order);
static void start_due(const MigJobOrder *order);
static MigCommand command_by_name(const char *name);
static void check_times(TimestampTz run_at, TimestampTz deadline);
static void wait_until_end(Waiter *waiter, int64 timeout);
static void dispatch(Waiter *waiter);
static int	hint_to_go_on(int64 job);
static MigJobEnd *find_job(int64 job);
static void read_work(void *arg);
static void dispatch_work(void *arg);
static bool has_ended(const MigJobEnd *end);
static void raise_end(int64 job, const MigJobEnd *end);
static int	explain_end(const MigJobEnd *end);

/*
 * Queues a job, and has the worker started at commit if it is due; returns the
 * job's number.
 */
int64
mig_job_submit(const MigJobOrder *order)
{
	int64		job = queue(order);

	start_due(order);
	return job;
}

/*
 * Queues a job for each of the schemas, and has workers started for as many as
 * may run at the same time; returns the numbers.
 */
int64 *
mig_job_submit_in_schemas(const MigJobOrder *order, int *njobs)
{
	MigTenant  *tenants = mig_tenant_list(order->nschemas, order->schemas, njobs);
	int64	   *jobs = palloc(sizeof(int64) * *njobs);

	for (int i = 0; i < *njobs; i++)
	{
		int			nest_level = NewGUCNestLevel();

		/* The job captures them. */
		mig_tenant_enter(&tenants[i], GUC_ACTION_SAVE);
		jobs[i] = queue(order);
		AtEOXact_GUC(true, nest_level);
	}
	start_due(order);
	return jobs;
}

static int64
queue(const MigJobOrder *order)
{
	MigJob		job;

	memset(&job, 0, sizeof(job));
	job.command = command_by_name(order->command);
	check_times(order->run_at, order->deadline);

	mig_job_prepare(&job, order->target);
	job.run_at = order->run_at;
	job.deadline = order->deadline;
	job.window_end = DT_NOEND;
	return mig_job_row_insert(&job);
}

static void
start_due(const MigJobOrder *order)
{
	int			ndue;

	if (order->run_at <= GetCurrentTimestamp())
		(void) mig_job_dispatch_due(&ndue);
}

/*
 * With migrate.function_mode = submit: queues what the function
 * migrate_upgrade() or migrate_downgrade() was asked to run.  The current role
 * must be allowed to execute migrate_submit().
 */
void
mig_job_submit_instead(const char *target, MigCommand command)
{
	const char *name = mig_command_name(command);
	MigJobOrder order = {target, name, GetCurrentTimestamp(), DT_NOEND};
	int64		job;

	if (!mig_job_may_submit())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function migrate_submit"),
				 errdetail("The setting migrate.function_mode is \"submit\"."),
				 errhint("GRANT EXECUTE ON FUNCTION migrate_submit TO %s;",
						 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
	job = mig_job_submit(&order);
	ereport(NOTICE,
			(errmsg("submitted job " INT64_FORMAT ": %s %s",
					job, name, target),
			 errhint("Use CALL migrate_wait(" INT64_FORMAT ") to wait for it, or migrate.jobs to see its state.",
					 job)));
}

/*
 * Whether the current role may execute migrate_submit().
 */
bool
mig_job_may_submit(void)
{
	static MigSpiQuery query = {
		"SELECT WHERE " MIG_JOB_ROLE_MAY_EXECUTE("$1", "'migrate_submit'")
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, GetUserId());
	return mig_spi_exists(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}

static MigCommand
command_by_name(const char *name)
{
	MigCommand	command;

	if (!mig_command_find(name, &command) ||
		command == MIG_COMMAND_STAMP)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("command \"%s\" cannot be submitted as a job", name),
				 errhint("Jobs run the commands \"upgrade\" and \"downgrade\".")));
	return command;
}

static void
check_times(TimestampTz run_at, TimestampTz deadline)
{
	if (run_at == DT_NOEND)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("start time of a job must not be \"infinity\"")));
	if (deadline <= run_at)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("deadline of a job must be later than its start time"),
				 errdetail("The job starts at %s, the deadline is %s.",
						   pstrdup(timestamptz_to_str(run_at)),
						   pstrdup(timestamptz_to_str(deadline)))));
	if (deadline <= GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("deadline of a job must not be in the past"),
				 errdetail("The deadline is %s.", timestamptz_to_str(deadline))));
}

/*
 * Removes a job from the queue, or cancels what its worker runs.  false: the
 * job had ended.
 */
bool
mig_job_cancel(int64 job)
{
	const MigJobEnd *end = find_job(job);
	int			ndue;

	if (has_ended(end))
		return false;
	if (mig_job_row_signal(job))
		return true;
	if (!mig_job_row_cancel(job))
		return false;
	/* Its worker died, and dispatched nothing. */
	if (strcmp(end->state, "running") == 0)
		(void) mig_job_dispatch_due(&ndue);
	return true;
}

/*
 * Waits until a job has ended; raises its error if it did not succeed, and one
 * of its own after a number of milliseconds, -1: never.  Holds no snapshot while it waits, because
 * the worker's CREATE INDEX CONCURRENTLY would wait for that.
 */
void
mig_job_wait(int64 job, int64 timeout, bool can_commit)
{
	Waiter		waiter = {job, NULL, NULL};
	ErrorData  *error;

	if (!can_commit)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("migrate_wait() cannot run inside a transaction block"),
				 errdetail("It must not hold a snapshot while it waits, because the job may have to wait for that snapshot."),
				 errhint("Send CALL migrate_wait(...) by itself: outside of BEGIN and functions, in a query of its own, with autocommit on.")));
	mig_xact_renew();
	waiter.context = AllocSetContextCreate(PortalContext, "migrate wait",
										   ALLOCSET_SMALL_SIZES);
	PG_TRY();
	{
		wait_until_end(&waiter, timeout);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(PortalContext);
		if (geterrcode() != ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		error = CopyErrorData();
		FlushErrorState();
		ereport(ERROR,
				(errcode(error->sqlerrcode),
				 errmsg("stopped waiting for job " INT64_FORMAT ": %s",
						job, error->message),
				 errdetail("The job was not cancelled, and continues."),
				 hint_to_go_on(job)));
	}
	PG_END_TRY();
	raise_end(job, waiter.end);
	MemoryContextDelete(waiter.context);
}

static void
wait_until_end(Waiter *waiter, int64 timeout)
{
	int64		begun = mig_clock_ms();
	int64		next_dispatch = begun;

	for (int delay = FIRST_POLL_DELAY;; delay = Min(delay * 2, MAX_POLL_DELAY))
	{
		int64		now;

		MemoryContextReset(waiter->context);
		mig_xact(read_work, waiter, MIG_XACT_RAISE);
		if (has_ended(waiter->end))
			return;
		now = mig_clock_ms();
		if (timeout >= 0 && now - begun >= timeout)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("job " INT64_FORMAT " has not ended within the timeout",
							waiter->job),
					 errdetail("The state of the job is \"%s\". It continues.",
							   waiter->end->state),
					 hint_to_go_on(waiter->job)));
		if (now >= next_dispatch && !RecoveryInProgress() && !XactReadOnly)
		{
			dispatch(waiter);
			next_dispatch = now + DISPATCH_INTERVAL;
		}
		mig_clock_sleep(timeout < 0 ? delay :
						(int) Min(delay, begun + timeout - now));
	}
}

/*
 * It is done by the way: if it fails, the wait continues.
 */
static void
dispatch(Waiter *waiter)
{
	ErrorData  *error = mig_xact(dispatch_work, waiter, MIG_XACT_OWN_TABLES);

	if (error == NULL)
		return;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	ereport(LOG_SERVER_ONLY,
			(errcode(error->sqlerrcode),
			 errmsg("migrate could not scan for further jobs: %s",
					error->message)));
}

static int
hint_to_go_on(int64 job)
{
	return errhint("Use CALL migrate_wait(" INT64_FORMAT ") to wait again, or SELECT migrate_cancel(" INT64_FORMAT ") to cancel the job.",
				   job, job);
}

/*
 * How a job has ended, or that it has not.  Raises an error if it does not
 * exist, or the current role may not know.
 */
static MigJobEnd *
find_job(int64 job)
{
	MigJobEnd  *end = mig_job_row_end(job, GetUserId());

	if (end == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job " INT64_FORMAT " does not exist", job),
				 errhint("Use migrate.jobs to list the jobs.")));
	if (!end->visible)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for job " INT64_FORMAT, job),
				 errdetail("Only roles with privileges of the job's owner or of the extension's owner may use it.")));
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
 * A slot may be free now, and a job whose worker exited unexpectedly needs
 * another one.
 */
static void
dispatch_work(void *arg)
{
	Waiter	   *waiter = arg;
	MemoryContext old_context = MemoryContextSwitchTo(waiter->context);
	int			ndue;

	(void) mig_job_dispatch(&ndue);
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
				 errmsg("job " INT64_FORMAT " was cancelled", job),
				 explain_end(end)));
	if (strcmp(end->state, "failed") == 0)
		ereport(ERROR,
				(errcode(mig_job_row_errcode(end)),
				 errmsg("job " INT64_FORMAT " failed: %s", job, end->error),
				 explain_end(end)));
	if (end->note != NULL)
		ereport(WARNING,
				(errmsg("job " INT64_FORMAT " ended before its target: %s",
						job, end->note)));
}

/*
 * To be called inside ereport(): what its run has said of its error.
 */
static int
explain_end(const MigJobEnd *end)
{
	if (end->detail != NULL)
		errdetail_internal("%s", end->detail);
	if (end->hint != NULL)
		errhint("%s", end->hint);
	if (end->context != NULL)
		errcontext("%s", end->context);

	return 0;					/* the value does not matter */
}
