/*
 * dispatch.c
 *	  Starts workers for the jobs that are due.
 *
 * A worker is started when the transaction that found the job is committed:
 * never before, or it would not see the job, and never when that is rolled
 * back.  Nothing can be written then any more, so a job is not marked as
 * started; the worker itself takes it up, if nobody else has.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "tcop/utility.h"
#include "utils/memutils.h"

#include "base/guc.h"
#include "job/dispatch.h"
#include "job/schedule.h"

/* A worker to be started, and the subtransaction that wants it. */
typedef struct Wanted
{
	MigJobDue	due;
	SubTransactionId subid;
} Wanted;

StaticAssertDecl(sizeof(MigJobStart) <= BGW_EXTRALEN,
				 "what a worker is told fits into bgw_extra");

static Wanted *wanted = NULL;	/* in TopMemoryContext */
static int	nwanted = 0;
static int	max_wanted = 0;

static void describe_death(const MigJobDead *dead, MigJobEnd *end);
static void want(const MigJobDue *due);
static void at_transaction_end(XactEvent event, void *arg);
static void at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
								  SubTransactionId parent, void *arg);
static bool start_worker(const MigJobDue *due);

/*
 * The same, after submitting what schedules want and ending the jobs that can
 * never be run.  It locks their rows, so the transaction should be short.
 */
MigJobDue *
mig_job_start_all(int *ndue)
{
	PreventCommandIfReadOnly("migrate_run_jobs()");
	PreventCommandDuringRecovery("migrate_run_jobs()");
	mig_job_schedule_tick();
	(void) mig_job_start_give_up(0);
	return mig_job_start_due(ndue);
}

/*
 * Ends a job if it can never be run, or all such jobs if the number is 0;
 * says if there were any.
 */
bool
mig_job_start_give_up(int64 job)
{
	int			ndead;
	MigJobDead *dead = mig_job_row_dead(job, mig_guc_max_crashes, &ndead);

	for (int i = 0; i < ndead; i++)
	{
		MigJobEnd	end;

		memset(&end, 0, sizeof(end));
		end.state = "failed";
		describe_death(&dead[i], &end);
		mig_job_row_finish(dead[i].job, &end, false);
		ereport(LOG,
				(errmsg("migrate gave up job " INT64_FORMAT ": %s",
						dead[i].job, end.error)));
	}
	return ndead > 0;
}

static void
describe_death(const MigJobDead *dead, MigJobEnd *end)
{
	int			code = ERRCODE_INSUFFICIENT_PRIVILEGE;

	end->detail = "Its worker connects as that role.";
	switch (dead->reason)
	{
		case MIG_JOB_ELSEWHERE:
			code = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
			end->error = "it was submitted in another database";
			end->detail = "A dump or a copy has brought the job here, where it is not run.";
			end->hint = "Submit it again if it is to be run here.";
			break;
		case MIG_JOB_CRASHES:
			code = ERRCODE_SYSTEM_ERROR;
			end->error = psprintf("its worker was lost %d times", dead->crashes);
			end->detail = dead->revision == NULL ?
				"It was lost before it began a revision." :
				psprintf("The last revision in work was \"%s\".",
						 dead->revision);
			end->hint = "Look into the server log, then submit it again; it goes on where it was.";
			break;
		case MIG_JOB_LATE:
			code = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
			end->error = "its deadline has passed";
			end->detail = "No worker has begun it before, or the one that had was lost.";
			end->hint = "Submit it again with a later deadline.";
			break;
		case MIG_JOB_NO_OWNER:
			code = ERRCODE_UNDEFINED_OBJECT;
			end->error = psprintf("role \"%s\" does not exist any more",
								  dead->owner);
			end->detail = "The job was to be run as that role.";
			end->hint = "Submit it as another role.";
			break;
		case MIG_JOB_NO_LOGIN_ROLE:
			code = ERRCODE_UNDEFINED_OBJECT;
			end->error = psprintf("role \"%s\" does not exist any more",
								  dead->login);
			end->hint = "Submit it as another role.";
			break;
		case MIG_JOB_MAY_NOT_LOG_IN:
			end->error = psprintf("role \"%s\" is not permitted to log in",
								  dead->login);
			end->hint = "Give it LOGIN, or submit the job as another role.";
			break;
		case MIG_JOB_MAY_NOT_CONNECT:
			end->error = psprintf("role \"%s\" may not connect to this database",
								  dead->login);
			end->hint = "Grant it CONNECT, or submit the job as another role.";
			break;
		case MIG_JOB_MAY_NOT_SET_ROLE:
			end->error = psprintf("role \"%s\" may not act as role \"%s\" any more",
								  dead->login, dead->owner);
			end->detail = "The job was submitted after SET ROLE.";
			end->hint = "Grant the membership again, or submit it as another role.";
			break;
		case MIG_JOB_MAY_NOT_EXECUTE:
			end->error = psprintf("role \"%s\" may not execute %s() any more",
								  dead->owner, dead->schedule == NULL ?
								  "migrate_submit" : "migrate_schedule");
			end->detail = "The job was to be run as that role.";
			end->hint = "Grant it EXECUTE, or submit the job as another role.";
			break;
	}
	end->sqlstate = pstrdup(unpack_sql_state(code));
}

/*
 * Starts workers for what is due, at commit; returns the jobs.
 */
MigJobDue *
mig_job_start_due(int *ndue)
{
	MigJobDue  *due = mig_job_row_due(mig_guc_max_crashes,
									  mig_guc_max_workers, ndue);

	for (int i = 0; i < *ndue; i++)
		want(&due[i]);
	return due;
}

static void
want(const MigJobDue *due)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(at_transaction_end, NULL);
		RegisterSubXactCallback(at_subtransaction_end, NULL);
		registered = true;
	}
	for (int i = 0; i < nwanted; i++)
	{
		if (wanted[i].due.job == due->job)
			return;
	}
	if (nwanted == max_wanted)
	{
		int			larger = Max(16, max_wanted * 2);

		wanted = wanted == NULL ?
			MemoryContextAlloc(TopMemoryContext, sizeof(Wanted) * larger) :
			repalloc(wanted, sizeof(Wanted) * larger);
		max_wanted = larger;
	}
	wanted[nwanted].due = *due;
	wanted[nwanted].subid = GetCurrentSubTransactionId();
	nwanted++;
}

/*
 * The transaction has ended: what is raised here can change nothing any more,
 * and must not be an error.
 */
static void
at_transaction_end(XactEvent event, void *arg)
{
	int			nstarted = 0;

	switch (event)
	{
		case XACT_EVENT_COMMIT:
			while (nstarted < nwanted && start_worker(&wanted[nstarted].due))
				nstarted++;
			if (nstarted < nwanted)
				ereport(WARNING,
						(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
						 errmsg("could not start a worker for job " INT64_FORMAT,
								wanted[nstarted].due.job),
						 errdetail("No background worker slot is free. The job stays queued."),
						 errhint("migrate_run_jobs(), migrate_submit() and migrate_wait() try again, and so does the scheduler. Raising max_worker_processes helps.")));
			nwanted = 0;
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			nwanted = 0;
			break;
		default:
			break;
	}
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
					  SubTransactionId parent, void *arg)
{
	int			nkept = 0;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	for (int i = 0; i < nwanted; i++)
	{
		if (wanted[i].subid == mine)
		{
			if (event == SUBXACT_EVENT_ABORT_SUB)
				continue;
			wanted[i].subid = parent;
		}
		wanted[nkept++] = wanted[i];
	}
	nwanted = nkept;
}

static bool
start_worker(const MigJobDue *due)
{
	BackgroundWorker worker;
	MigJobStart start = {MyDatabaseId, due->login, due->job};

	mig_job_start_describe(&worker, "migrate_job_main",
						   MIG_JOB_BACKEND_TYPE);
	snprintf(worker.bgw_name, BGW_MAXLEN, "migrate job " INT64_FORMAT,
			 due->job);
	memcpy(worker.bgw_extra, &start, sizeof(start));
	return RegisterDynamicBackgroundWorker(&worker, NULL);
}

/*
 * What all our processes have in common.  None is started on a standby, nor
 * again when it ends.
 */
void
mig_job_start_describe(BackgroundWorker *worker, const char *function,
					   const char *type)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker->bgw_library_name, "migrate", BGW_MAXLEN);
	strlcpy(worker->bgw_function_name, function, BGW_MAXLEN);
	strlcpy(worker->bgw_name, type, BGW_MAXLEN);
	strlcpy(worker->bgw_type, type, BGW_MAXLEN);
}
