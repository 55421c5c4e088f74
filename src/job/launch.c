/*
 * launch.c
 *	  Starts background workers.
 *
 * The worker of a job is started when the transaction that found the job is
 * committed: never before, or it would not see the job, and never when that is
 * rolled back.  Nothing can be written then any more, so a job is not marked
 * as started; the worker claims it, unless another worker has.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/memutils.h"

#include "base/guc.h"
#include "base/process.h"
#include "job/job_internal.h"

/* A job whose worker is to be started, and the subtransaction that asked. */
typedef struct Request
{
	MigJobDue	due;
	SubTransactionId subid;
} Request;

StaticAssertDecl(sizeof(MigJobWorkerArgs) <= BGW_EXTRALEN,
				 "the arguments of a worker fit into bgw_extra");

static Request *requests = NULL;	/* in TopMemoryContext */
static int	nrequests = 0;
static int	max_requests = 0;

static bool warns = true;
static bool none_started = false;	/* by the last transaction */

static void at_transaction_end(XactEvent event, void *arg);
static void at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
								  SubTransactionId parent, void *arg);

/*
 * Has the worker of a job started when the transaction commits.  Of no more than
 * can run: they dispatch the others at their end.
 */
void
mig_job_launch(const MigJobDue *due)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(at_transaction_end, NULL);
		RegisterSubXactCallback(at_subtransaction_end, NULL);
		registered = true;
	}
	for (int i = 0; i < nrequests; i++)
	{
		if (requests[i].due.job == due->job)
			return;
	}
	/* Those that find no slot would have taken the place of other processes. */
	if (nrequests >= mig_guc_max_workers)
		return;
	if (nrequests == max_requests)
	{
		int			larger = Max(16, max_requests * 2);

		requests = requests == NULL ?
			MemoryContextAlloc(TopMemoryContext, sizeof(Request) * larger) :
			repalloc(requests, sizeof(Request) * larger);
		max_requests = larger;
	}
	requests[nrequests].due = *due;
	requests[nrequests].subid = GetCurrentSubTransactionId();
	nrequests++;
}

/*
 * The transaction has ended: a message can change nothing any more, and must
 * not be an error.  The session that ends a prepared one has no request for a
 * worker.
 */
static void
at_transaction_end(XactEvent event, void *arg)
{
	int			nstarted = 0;

	switch (event)
	{
		case XACT_EVENT_COMMIT:
			for (; nstarted < nrequests; nstarted++)
			{
				MigJobWorkerArgs args = {
					.database = MyDatabaseId,
					.login = requests[nstarted].due.login,
					.job = requests[nstarted].due.job
				};

				if (!mig_job_launch_now(&args))
					break;
			}
			none_started = nrequests > 0 && nstarted == 0;
			if (nstarted < nrequests && warns)
				ereport(WARNING,
						(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
						 errmsg("could not start a worker for job " INT64_FORMAT,
								requests[nstarted].due.job),
						 errdetail("No background worker slot is free. The job stays queued."),
						 errhint("You might need to increase max_worker_processes. The scheduler, migrate_run_jobs(), migrate_submit() and migrate_wait() try again.")));
			nrequests = 0;
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (nrequests > 0)
				ereport(WARNING,
						(errmsg("no worker is started when this transaction is committed"),
						 errdetail("Job " INT64_FORMAT " and what else it has queued waits until it is found.",
								   requests[0].due.job),
						 errhint("After COMMIT PREPARED, unless a scheduler looks into this database: SELECT migrate_run_jobs();")));
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			nrequests = 0;
			break;
		default:
			break;
	}
}

/*
 * Whether the last transaction could start none of the workers that it asked for.
 */
bool
mig_job_launch_failed(void)
{
	return none_started;
}

/*
 * Whether a transaction warns if it could not start a worker.
 */
void
mig_job_launch_warn(bool on)
{
	warns = on;
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
					  SubTransactionId parent, void *arg)
{
	int			nkept = 0;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	for (int i = 0; i < nrequests; i++)
	{
		if (requests[i].subid == mine)
		{
			if (event == SUBXACT_EVENT_ABORT_SUB)
				continue;
			requests[i].subid = parent;
		}
		requests[nkept++] = requests[i];
	}
	nrequests = nkept;
}

/*
 * Starts the worker of a job.  false: no slot is free.
 */
bool
mig_job_launch_now(const MigJobWorkerArgs *args)
{
	BackgroundWorker worker;

	mig_process_describe(&worker, "migrate_job_main", MIG_JOB_BACKEND_TYPE);
	snprintf(worker.bgw_name, BGW_MAXLEN, "migrate job " INT64_FORMAT,
			 args->job);
	memcpy(worker.bgw_extra, args, sizeof(*args));
	return RegisterDynamicBackgroundWorker(&worker, NULL);
}
