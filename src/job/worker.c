/*
 * worker.c
 *	  The life of a worker: one job, as its owner.
 *
 * Takes the job up, which is committed before anything of it is run; runs it
 * through the committing doors; notes how it ended.  A worker that is lost on
 * the way leaves the row as it is, and its advisory locks are free: whoever
 * looks for jobs finds this one again, and the run goes on where it was.
 *
 * The worker is connected as the role that has logged in where the job was
 * submitted.  Only internal SQL has other rights.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "base/server.h"
#include "base/statement_timeout.h"
#include "base/xact.h"
#include "job/dispatch.h"
#include "job/worker.h"
#include "run/lock.h"
#include "run/progress.h"
#include "run/run.h"
#include "tables/job.h"
#include "tables/log.h"
#include "tables/schedule.h"

/* A job, and how far it is. */
typedef struct JobRun
{
	int64		number;
	MigJob		job;
	bool		taken;
	uint32		queue;
	bool		exists;
	bool		begun;			/* a revision */
	TimestampTz since;
	MigJobEnd	end;
} JobRun;

static bool take(JobRun *run);
static void queue_work(void *arg);
static void take_work(void *arg);
static void run_job(JobRun *run);
static void cancel_work(void *arg);
static void execute(JobRun *run);
static void say_start(const MigJob *job);
static void settings_work(void *arg);
static void set(const char *name, const char *value);
static bool begin_step(const MigStep *step, int place, int nsteps, void *arg);
static bool fits_window(JobRun *run, const MigStep *step);
static void note_end(const char *why, void *arg);
static void describe_error(JobRun *run, const ErrorData *error);
static void finish(JobRun *run);
static void finish_work(void *arg);
static bool leaves_a_row(const JobRun *run);
static void start_next_work(void *arg);

/*
 * Runs a job, unless somebody else does, and starts what can be run after it.
 * The process is connected, and in no transaction.
 */
void
mig_job_run(int64 job)
{
	JobRun		run;
	ErrorData  *error;

	memset(&run, 0, sizeof(run));
	run.number = job;

	mig_xact_begin_process();
	mig_server_begin();
	run_job(&run);
	if (run.taken)
		finish(&run);
	mig_run_lock_release_job();
	QueryCancelPending = false;
	error = mig_xact(start_next_work, NULL, MIG_XACT_OWN_TABLES);
	if (error != NULL)
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("migrate could not look for further jobs: %s",
						error->message)));
	mig_xact_end_process();
}

/*
 * Takes a place, the turn on the version table and the job, in this order.
 * What is not free will be looked at again by who has it.
 */
static bool
take(JobRun *run)
{
	bool		placed = false;

	mig_xact(queue_work, run, MIG_XACT_RAISE);
	if (!run->exists)
		return false;
	for (int place = 1; place <= mig_guc_max_workers && !placed; place++)
		placed = mig_run_lock_job(MIG_JOB_LOCK_PLACE, place);
	if (!placed ||
		!mig_run_lock_job(MIG_JOB_LOCK_QUEUE, run->queue) ||
		!mig_run_lock_job(MIG_JOB_LOCK, MIG_JOB_LOCK_KEY(run->number)))
		return false;
	mig_xact(take_work, run, MIG_XACT_OWN_TABLES | MIG_XACT_RAISE);
	return run->taken;
}

static void
queue_work(void *arg)
{
	JobRun	   *run = arg;

	run->exists = mig_job_row_queue(run->number, &run->queue);
}

static void
take_work(void *arg)
{
	JobRun	   *run = arg;

	run->taken = !mig_job_start_give_up(run->number) &&
		mig_job_row_take(run->number, &run->job);
	run->since = GetCurrentTimestamp();
	run->end.state = "succeeded";
}

/*
 * Afterwards it is known how the job ended, if this worker has taken it, and
 * the transaction is a new one.  From when the lock on the job is there, who
 * cancels it sends a signal and takes it for cancelled.
 */
static void
run_job(JobRun *run)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		if (take(run))
			execute(run);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		mig_xact_abort();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	if (error == NULL)
		return;
	if (run->taken)
		describe_error(run, error);
	else if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
	{
		mig_xact(cancel_work, run, MIG_XACT_OWN_TABLES | MIG_XACT_RAISE);
	}
	else
		ReThrowError(error);
}

static void
cancel_work(void *arg)
{
	JobRun	   *run = arg;

	(void) mig_job_row_cancel(run->number);
}

static void
execute(JobRun *run)
{
	const MigJob *job = &run->job;
	MigRunRequest request;
	int			nresult;

	/* A tick that finds nothing to do is nothing to tell. */
	if (job->schedule == NULL)
		say_start(job);

	memset(&request, 0, sizeof(request));
	request.command = job->command;
	request.via = MIG_VIA_WORKER;
	request.can_commit = true;
	request.toplevel = true;
	request.ntargets = 1;
	request.targets = &run->job.target;
	request.begin_step = begin_step;
	request.end_early = note_end;
	request.arg = run;
	mig_run_progress_label(job->job, psprintf("migrate job " INT64_FORMAT, job->job),
						   psprintf("%s %s",
									mig_log_command_name(job->command),
									job->target));
	mig_xact(settings_work, run, MIG_XACT_RAISE);
	(void) mig_run(&request, &nresult);
}

static void
say_start(const MigJob *job)
{
	ereport(LOG,
			(errmsg("migrate job " INT64_FORMAT " started: %s %s on \"%s\", attempt %d",
					job->job, mig_log_command_name(job->command),
					job->target, job->version_table, job->attempts)));
}

/*
 * Makes the settings of the session that has submitted the job.
 */
static void
settings_work(void *arg)
{
	JobRun	   *run = arg;
	const MigJob *job = &run->job;

	/* The role's own settings may say another one. */
	set("role", job->owner == job->login ? "none" :
		GetUserNameFromId(job->owner, false));
	/* Nobody sends it statements: a limit is one that a revision sets. */
	set("statement_timeout", "0");
	for (int i = 0; i < job->nsettings; i++)
	{
		char	   *name = pstrdup(job->settings[i]);
		char	   *value = strchr(name, '=');

		if (value == NULL)
			elog(ERROR, "setting \"%s\" of a job has no value", name);
		*value = '\0';
		set(name, value + 1);
	}
	/* Its name could be another table's under another search_path. */
	set("migrate.version_table", job->version_table);
	set("application_name", psprintf("migrate job " INT64_FORMAT, job->job));
}

static void
set(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SET, true, 0, false);
}

/*
 * Before each revision, in a transaction of its own: notes it, and refuses
 * when the time is over.
 */
static bool
begin_step(const MigStep *step, int place, int nsteps, void *arg)
{
	JobRun	   *run = arg;

	if (run->job.deadline <= GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("deadline has passed before revision \"%s\"",
						step->revision),
				 errdetail("%d of %d revisions were run.", place, nsteps),
				 errhint("Submit the job again with a later deadline; it goes on from there.")));
	if (!fits_window(run, step))
		return false;
	if (place == 0 && run->job.schedule != NULL)
		say_start(&run->job);
	run->begun = true;

	/* Who looks at it may lose it in a crash. */
	(void) set_config_option("synchronous_commit", "off",
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	mig_job_row_progress(run->number, step->revision, place + 1, nsteps);
	return true;
}

/*
 * Whether a revision would end before the window does, by what it has cost
 * before.  If it was never run it may begin as long as the window is open.
 */
static bool
fits_window(JobRun *run, const MigStep *step)
{
	TimestampTz end = run->job.window_end;
	double		cost;
	long		left;

	if (end == DT_NOEND)
		return true;
	cost = mig_log_longest(step->revision, step->command);
	left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);
	if (left > 0 && cost <= left)
		return true;
	if (left <= 0)
		note_end(psprintf("the window closed before revision \"%s\"",
						  step->revision), run);
	else
		note_end(psprintf("revision \"%s\" has taken %.0f s, which does not fit into the %ld s that are left of the window",
						  step->revision, ceil(cost / 1000), left / 1000), run);
	return false;
}

static void
note_end(const char *why, void *arg)
{
	JobRun	   *run = arg;

	run->end.note = MemoryContextStrdup(PortalContext, why);
}

/*
 * "57014" is somebody's wish, not a failure, unless a timeout has said it.
 */
static void
describe_error(JobRun *run, const ErrorData *error)
{
	MigJobEnd  *end = &run->end;

	end->state = error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		!mig_statement_timeout_caused(error) ? "cancelled" : "failed";
	end->sqlstate = pstrdup(unpack_sql_state(error->sqlerrcode));
	end->error = error->message;
	end->detail = error->detail;
	end->hint = error->hint;
	end->context = error->context;
}

/*
 * Notes how it ended, in the table and in the server log.
 */
static void
finish(JobRun *run)
{
	const MigJobEnd *end = &run->end;
	long		took;
	ErrorData  *error;

	/* Who wants to cancel it now comes too late. */
	do
	{
		QueryCancelPending = false;
		error = mig_xact(finish_work, run, MIG_XACT_OWN_TABLES);
	} while (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED);
	took = TimestampDifferenceMilliseconds(run->since, GetCurrentTimestamp());
	HOLD_INTERRUPTS();
	if (end->sqlstate == NULL)
	{
		if (leaves_a_row(run))
			ereport(LOG,
					(errmsg("migrate job " INT64_FORMAT " succeeded after %ld ms",
							run->number, took),
					 end->note != NULL ?
					 errdetail_internal("%s", end->note) : 0));
	}
	else
		ereport(LOG,
				(errcode(mig_job_row_errcode(end)),
				 errmsg("migrate job " INT64_FORMAT " %s after %ld ms: %s",
						run->number, end->state, took, end->error),
				 end->detail != NULL ?
				 errdetail_internal("%s", end->detail) : 0,
				 end->context != NULL ? errcontext("%s", end->context) : 0));
	if (error != NULL)
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("migrate could not note the end of job " INT64_FORMAT ": %s",
						run->number, error->message)));
	QueryCancelPending = false;
	RESUME_INTERRUPTS();
}

static void
finish_work(void *arg)
{
	JobRun	   *run = arg;

	if (leaves_a_row(run))
		mig_job_row_finish(run->number, &run->end, true);
	else
		mig_job_row_forget(run->number);
	if (run->job.schedule != NULL)
		mig_schedule_row_note(run->job.schedule, run->number, run->end.note);
	if (mig_guc_log_retention > 0)
		mig_job_row_expire(mig_guc_log_retention);
}

/*
 * Whether there is anything to tell of it.
 */
static bool
leaves_a_row(const JobRun *run)
{
	return run->job.schedule == NULL || run->begun ||
		run->job.attempts > 1 || run->end.sqlstate != NULL;
}

static void
start_next_work(void *arg)
{
	int			ndue;

	(void) mig_job_start_all(&ndue);
}
