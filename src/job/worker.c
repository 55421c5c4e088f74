/*
 * worker.c
 *	  Runs one job as its owner, in a dynamic background worker.
 *
 * Claims the job, which is committed before any revision is run; runs it as a
 * procedure would; records how it ended.  A worker that exits unexpectedly
 * leaves the row as it is, and its advisory locks are free: the job is due
 * again, and its next worker resumes the run.  The server does not restart it.
 *
 * On YugabyteDB a worker's catalog cache is as old as the worker.  Where it is
 * out of date the worker gives the job back and ends, and another one continues
 * the job; often it cannot even write the row, and the other one does.
 *
 * The worker is connected as the role that had logged in where the job was
 * submitted.  Only internal SQL has other rights.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/command.h"
#include "base/error_text.h"
#include "base/guard.h"
#include "base/guc.h"
#include "base/process.h"
#include "base/xact.h"
#include "job/job_internal.h"
#include "run/run.h"
#include "script/script.h"
#include "tables/log.h"
#include "tables/revision.h"

/* A worker and its job. */
typedef struct Worker
{
	int64		number;			/* of the job */
	uint32		queue;			/* of its version table */
	bool		exists;			/* the job has not ended, or was cancelled */
	bool		cancelled;
	bool		has_slot;
	bool		claimed;
	bool		begun;			/* a revision */
	int64		since;			/* by mig_clock_ms() */
	MigJob		job;			/* and what follows: once it is claimed */
	MigRunResult result;
	MigJobEnd	end;
	bool		ends_stale;		/* another one has to continue the job */
	bool		given_back;
	MigJobWorkerArgs args;
} Worker;

/* To record the end of a job; a conflict has passed by the second one. */
#define FINISH_ATTEMPTS			3

/*
 * To start the next worker: processes that have just ended, and those of others,
 * as of parallel queries, are free soon.
 */
#define DISPATCH_ATTEMPTS		10
#define DISPATCH_PAUSE			100 /* ms: times the attempt */

/* How many workers are tried for what may be missing for another reason. */
#define MAX_DOUBTFUL_RENEWALS	1

extern PGDLLEXPORT void migrate_job_main(Datum arg);

static void run_job(Worker *worker);
static bool claim(Worker *worker);
static void take_slot(Worker *worker);
static void queue_work(void *arg);
static void claim_work(void *arg);
static void cancel_work(void *arg);
static void execute(Worker *worker);
static void log_start(const MigJob *job);
static void settings_work(void *arg);
static void set(const char *name, const char *value);
static bool may_begin(const MigStep *step, int index, int nsteps, void *arg);
static bool may_continue(const MigStep *step, void *arg);
static bool fits_window(Worker *worker, const MigStep *step);
static bool is_in_batches(const MigStep *step);
static void note_end(Worker *worker, const char *reason);
static void describe_error(Worker *worker, const ErrorData *error);
static bool may_renew(const Worker *worker);
static void check_renewals(const Worker *worker);
static void give_back(Worker *worker);
static void give_back_work(void *arg);
static void start_next(Worker *worker);
static void dispatch(void);
static void finish(Worker *worker);
static void finish_work(void *arg);
static void log_end(const Worker *worker);
static bool leaves_row(const Worker *worker);
static void dispatch_work(void *arg);

/*
 * Entry point of a job's worker.  As in a session a cancel ends the run, a
 * termination the process.
 */
void
migrate_job_main(Datum arg)
{
	Worker		worker;

	memset(&worker, 0, sizeof(worker));
	memcpy(&worker.args, MyBgworkerEntry->bgw_extra, sizeof(worker.args));
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	mig_process_connect(worker.args.database, worker.args.login);

	worker.number = worker.args.job;
	mig_xact_begin_process();
	run_job(&worker);
	if (worker.end.note == NULL)
		worker.end.note = worker.result.end_reason;
	if (worker.ends_stale)
		give_back(&worker);
	if (worker.claimed && !worker.ends_stale)
		finish(&worker);
	mig_lock_release_job();
	QueryCancelPending = false;
	if (worker.ends_stale && !worker.given_back)
		start_next(&worker);
	else if (worker.has_slot)
		dispatch();
	mig_xact_end_process();
}

/*
 * Runs the job, unless another worker does.  Afterwards it is known how it
 * ended, if this worker has claimed it, and the transaction is a new one.
 *
 * From when the worker holds the lock on the job, migrate_cancel() sends a
 * signal and reports the job as cancelled.
 */
static void
run_job(Worker *worker)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		if (claim(worker))
			execute(worker);
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
	if (worker->claimed)
	{
		describe_error(worker, error);
		worker->ends_stale = may_renew(worker);
	}
	else if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
	{
		mig_xact(cancel_work, worker,
				 MIG_XACT_OWN_TABLES | MIG_XACT_RETRY | MIG_XACT_RAISE);
		/* To dispatch, as claim() says. */
		take_slot(worker);
	}
	else
		ReThrowError(error);
}

/*
 * Locks a slot, the queue of the version table and the job, in this order, and
 * claims the job.  Where a lock is not free its holder dispatches jobs at its
 * end, and so does what has ended the job, but for a session that has cancelled it:
 * the worker that was started for it does.  One that had no slot, which it
 * could have kept from another one, does not: where many jobs are due, workers
 * that find nothing to do would go on starting each other.
 */
static bool
claim(Worker *worker)
{
	mig_xact(queue_work, worker, MIG_XACT_RETRY | MIG_XACT_RAISE);
	if (!worker->exists)
		return false;
	take_slot(worker);
	if (!worker->has_slot || worker->cancelled ||
		!mig_lock_job(MIG_JOB_LOCK_QUEUE, worker->queue) ||
		!mig_lock_job(MIG_JOB_LOCK, MIG_JOB_LOCK_KEY(worker->number)))
		return false;
	mig_xact(claim_work, worker,
			 MIG_XACT_OWN_TABLES | MIG_XACT_RETRY | MIG_XACT_RAISE);
	return worker->claimed;
}

static void
take_slot(Worker *worker)
{
	for (int slot = 1; slot <= mig_guc_max_workers && !worker->has_slot; slot++)
		worker->has_slot = mig_lock_job(MIG_JOB_LOCK_SLOT, slot);
}

static void
queue_work(void *arg)
{
	Worker	   *worker = arg;

	mig_guard_check_objects();
	worker->exists = mig_job_row_queue(worker->number, &worker->queue,
									   &worker->cancelled);
}

static void
claim_work(void *arg)
{
	Worker	   *worker = arg;

	if (worker->args.before != 0)
		mig_job_row_renew(worker->number, worker->args.before,
						  worker->args.progressed);
	worker->claimed = !mig_job_dispatch_fail(worker->number) &&
		mig_job_row_claim(worker->number, &worker->job);
	worker->since = mig_clock_ms();
	worker->end.state = "succeeded";
}

static void
cancel_work(void *arg)
{
	Worker	   *worker = arg;

	(void) mig_job_row_cancel(worker->number);
}

static void
execute(Worker *worker)
{
	const MigJob *job = &worker->job;
	MigRunRequest request;

	/* A scheduled job that finds nothing to do is not logged. */
	if (job->schedule == NULL)
		log_start(job);

	memset(&request, 0, sizeof(request));
	request.command = job->command;
	request.via = MIG_VIA_WORKER;
	request.can_commit = true;
	request.top_level = true;
	request.ntargets = 1;
	request.targets = &worker->job.target;
	request.may_begin = may_begin;
	request.may_continue = may_continue;
	request.arg = worker;
	mig_progress_label(job->job, psprintf("migrate job " INT64_FORMAT, job->job),
					   psprintf("%s %s",
								mig_command_name(job->command),
								job->target));
	mig_xact(settings_work, worker, MIG_XACT_RAISE);
	check_renewals(worker);
	PreventCommandIfReadOnly("migration job");
	mig_run(&request, &worker->result);
}

static void
log_start(const MigJob *job)
{
	ereport(LOG,
			(errmsg("migrate job " INT64_FORMAT " started: %s %s on \"%s\", attempt %d",
					job->job, mig_command_name(job->command),
					job->target, job->version_table, job->attempts)));
}

/*
 * Makes the settings of the session that submitted the job.
 */
static void
settings_work(void *arg)
{
	Worker	   *worker = arg;
	const MigJob *job = &worker->job;

	/* The role's own settings may say another one. */
	set("role", job->owner == job->login ? "none" :
		GetUserNameFromId(job->owner, false));
	/* A limit for the statements of a revision is one that it sets. */
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
	/* With its schema: the search_path may differ. */
	set("migrate.version_table", job->version_table);
	/* The role may have been granted everything since. */
	mig_guard_check();
	set("application_name", psprintf("migrate job " INT64_FORMAT, job->job));
}

static void
set(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SET, true, 0, false);
}

/*
 * Before each revision, in a transaction of its own: records it as the job's
 * progress.  Raises an error after the deadline; false: the window is too
 * short.
 */
static bool
may_begin(const MigStep *step, int index, int nsteps, void *arg)
{
	Worker	   *worker = arg;

	if (worker->job.deadline <= GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("deadline passed before revision \"%s\"",
						step->revision),
				 errdetail("%d of %d revisions were run.", index, nsteps),
				 errhint("Submit the job again with a later deadline; it resumes from there.")));
	if (!fits_window(worker, step))
		return false;
	if (index == 0 && worker->job.schedule != NULL)
		log_start(&worker->job);
	worker->begun = true;

	/* A crash may lose this. */
	(void) set_config_option("synchronous_commit", "off",
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	mig_job_row_progress(worker->number, step->revision, index + 1, nsteps);
	return true;
}

/*
 * Between two batches of a revision, which may take longer than any window.
 */
static bool
may_continue(const MigStep *step, void *arg)
{
	Worker	   *worker = arg;
	TimestampTz now = GetCurrentTimestamp();

	if (worker->job.deadline <= now)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("deadline passed during revision \"%s\"",
						step->revision),
				 errhint("Submit the job again with a later deadline; it resumes after the last batch.")));
	if (worker->job.window_end > now)
		return true;
	note_end(worker, psprintf("the window closed during revision \"%s\"",
							  step->revision));
	return false;
}

/*
 * Whether a revision would end before the window does, by the longest of its
 * runs before.  One that was never run, or can end between two batches, may begin
 * as long as the window is open.
 */
static bool
fits_window(Worker *worker, const MigStep *step)
{
	TimestampTz end = worker->job.window_end;
	double		longest;
	long		left;

	if (end == DT_NOEND)
		return true;
	longest = mig_log_longest(step->revision, step->command);
	left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);
	if (left > 0 && (longest <= left || is_in_batches(step)))
		return true;
	if (left <= 0)
		note_end(worker, psprintf("the window closed before revision \"%s\"",
								  step->revision));
	else
		note_end(worker, psprintf("revision \"%s\" has taken %.0f s before, and the window closes in %ld s",
								  step->revision, ceil(longest / 1000), left / 1000));
	return false;
}

/*
 * Whether a revision does nothing but in batches.
 */
static bool
is_in_batches(const MigStep *step)
{
	MigStepBody body;
	MigScript  *script;

	mig_revision_body(step->revision, step->command, &body);
	if (body.text == NULL)
		return false;
	script = mig_script_split_text(body.text, body.per_statement);
	for (int i = 0; i < script->nstatements; i++)
	{
		if (script->statements[i].kind != MIG_STATEMENT_BATCH &&
			!script->statements[i].setting)
			return false;
	}
	return true;
}

static void
note_end(Worker *worker, const char *reason)
{
	worker->end.note = MemoryContextStrdup(PortalContext, reason);
}

/*
 * A job that was cancelled has not failed, unless a timeout cancelled it.  The hint is
 * for a session that has the settings of the job, unless it has what it needs.
 */
static void
describe_error(Worker *worker, const ErrorData *error)
{
	MigJobEnd  *end = &worker->end;
	char	   *session = mig_advice_session(mig_guc_version_table,
											 GetConfigOption("search_path", false, false));

	end->state = error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		!mig_error_is_statement_timeout(error) ? "cancelled" : "failed";
	end->sqlstate = pstrdup(unpack_sql_state(error->sqlerrcode));
	end->error = error->message;
	end->detail = error->detail;
	end->hint = error->hint == NULL || session[0] == '\0' || worker->result.elsewhere ?
		error->hint :
		psprintf("With the settings of the job: %s%s", session, error->hint);
	end->context = error->context;
}

/*
 * Whether another worker, whose catalog cache will be up to date, may get past
 * the error.  If it certainly is out of date now, the next one looks how often
 * that was: this one may not be able to record the end of the job.
 */
static bool
may_renew(const Worker *worker)
{
	switch (worker->result.staleness)
	{
		case MIG_STALE_NO:
			break;
		case MIG_STALE_POSSIBLY:
			return worker->result.ncommitted > 0 ||
				worker->job.renewals < MAX_DOUBTFUL_RENEWALS;
		case MIG_STALE_YES:
			return true;
	}
	return false;
}

/*
 * Raises an error if one worker after the other had an outdated catalog cache,
 * and none has committed anything.
 */
static void
check_renewals(const Worker *worker)
{
	if (worker->job.renewals > mig_guc_max_attempts)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("other sessions have changed the schema during each of the last %d attempts",
						worker->job.renewals),
				 errdetail("Each worker's catalog cache was out of date before it could commit anything; migrate.max_attempts is %d.",
						   mig_guc_max_attempts),
				 errhint("Submit the job again when no other session runs DDL; it resumes where this one was.")));
}

/*
 * Gives the job back, if this process can.
 */
static void
give_back(Worker *worker)
{
	ErrorData  *error = mig_xact(give_back_work, worker, MIG_XACT_OWN_TABLES);

	if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
	{
		describe_error(worker, error);
		worker->ends_stale = false;
		return;
	}
	worker->given_back = error == NULL;
	ereport(LOG,
			(errcode(mig_job_row_errcode(&worker->end)),
			 errmsg("migrate job " INT64_FORMAT " continues in another worker: %s",
					worker->number, worker->end.error),
			 errdetail("The catalog cache of this one is out of date.")));
}

static void
give_back_work(void *arg)
{
	Worker	   *worker = arg;

	mig_job_row_renew(worker->number, MyProcPid,
					  worker->result.ncommitted > 0);
}

/*
 * Starts the worker that gives the job back and then continues it.
 */
static void
start_next(Worker *worker)
{
	worker->args.before = MyProcPid;
	worker->args.progressed = worker->result.ncommitted > 0;
	if (!mig_job_launch_now(&worker->args))
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("migrate could not start another worker for job " INT64_FORMAT,
						worker->number),
				 errdetail("No background worker slot is free. The job will be taken for one whose worker exited unexpectedly, and resumed."),
				 errhint("You might need to increase max_worker_processes.")));
}

/*
 * Has workers started for what is due.  Where no process is free, one of those that
 * end waits for one, and no other: they would wait for each other's.
 */
static void
dispatch(void)
{
	ErrorData  *error;
	int			attempt = 1;

	for (;; attempt++)
	{
		mig_job_launch_warn(attempt == DISPATCH_ATTEMPTS);
		error = mig_xact(dispatch_work, NULL,
						 MIG_XACT_OWN_TABLES | MIG_XACT_RETRY);
		if (error != NULL || !mig_job_launch_failed() ||
			attempt == DISPATCH_ATTEMPTS ||
			(attempt == 1 && !mig_lock_job(MIG_JOB_LOCK, MIG_JOB_LOCK_WAITER)))
			break;
		mig_clock_sleep(attempt * DISPATCH_PAUSE);
	}
	if (error != NULL)
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("migrate could not scan for further jobs: %s",
						error->message)));
}

/*
 * Records how the job ended, in the table and in the server log.
 */
static void
finish(Worker *worker)
{
	ErrorData  *error;
	int			attempts = 0;

	/* A cancel comes too late now. */
	do
	{
		QueryCancelPending = false;
		error = mig_xact(finish_work, worker,
						 MIG_XACT_OWN_TABLES | MIG_XACT_RETRY);
	} while (error != NULL &&
			 (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
			  ++attempts < FINISH_ATTEMPTS));
	HOLD_INTERRUPTS();
	log_end(worker);
	if (error != NULL)
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("migrate could not record the end of job " INT64_FORMAT ": %s",
						worker->number, error->message),
				 errdetail("It is taken for interrupted, and another worker will resume it.")));
	QueryCancelPending = false;
	RESUME_INTERRUPTS();
}

static void
log_end(const Worker *worker)
{
	const MigJobEnd *end = &worker->end;
	long		took = (long) (mig_clock_ms() - worker->since);

	if (!leaves_row(worker))
		return;
	if (end->sqlstate == NULL)
		ereport(LOG,
				(errmsg("migrate job " INT64_FORMAT " succeeded after %ld ms",
						worker->number, took),
				 end->note != NULL ?
				 errdetail_internal("%s", end->note) : 0));
	else
		ereport(LOG,
				(errcode(mig_job_row_errcode(end)),
				 strcmp(end->state, "cancelled") == 0 ?
				 errmsg("migrate job " INT64_FORMAT " cancelled after %ld ms: %s",
						worker->number, took, end->error) :
				 errmsg("migrate job " INT64_FORMAT " failed after %ld ms: %s",
						worker->number, took, end->error),
				 end->detail != NULL ?
				 errdetail_internal("%s", end->detail) : 0,
				 end->context != NULL ? errcontext("%s", end->context) : 0));
}

static void
finish_work(void *arg)
{
	Worker	   *worker = arg;

	if (leaves_row(worker))
		mig_job_row_finish(worker->number, &worker->end, true);
	else
		mig_job_row_forget(worker->number);
	if (worker->job.schedule != NULL)
		mig_job_schedule_note(worker->job.schedule, worker->number,
							  &worker->end, worker->result.held);
	if (mig_guc_log_retention > 0)
		mig_job_row_expire(mig_guc_log_retention);
}

/*
 * Whether the job is kept.  A scheduled one that found nothing to do is not.
 */
static bool
leaves_row(const Worker *worker)
{
	return worker->job.schedule == NULL || worker->begun ||
		worker->job.attempts > 1 || worker->end.sqlstate != NULL;
}

static void
dispatch_work(void *arg)
{
	int			ndue;

	(void) mig_job_dispatch(&ndue);
}
