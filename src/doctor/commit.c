/*
 * commit.c
 *	  How long a commit takes.
 *
 * A run commits after each revision, or after each statement, so its pace is
 * that of commits.  A function cannot commit: a process of its own does it a
 * few times, and leaves the times in shared memory.  It is started for who may
 * start processes by submitting jobs, too.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "postmaster/bgworker.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/server.h"
#include "base/xact.h"
#include "doctor/commit.h"
#include "job/job.h"
#include "run/run.h"
#include "tables/lease.h"

#define TIMES					5	/* of each kind; few enough for a busy
									 * hour */
#define PATIENCE_MS				10000	/* then a commit is not slow, it hangs */
#define POLL_MS					10
#define LOCK_TIMEOUT			"2s"
#define LONG_EMPTY_MS			100.0
#define LONG_WRITING_MS			50.0

/* What the process tells; times in milliseconds. */
typedef struct CommitTimes
{
	bool		complete;
	double		empty[TIMES];
	double		writing[TIMES];
} CommitTimes;

static const char *why_not(void);
static bool measure(dsm_segment *segment, bool *returned);
static bool wait_for(BackgroundWorkerHandle *process);
static void say_times(MigDoctor *doctor, const char *check, double *times,
					  double limit, const char *advice);
static int	compare_times(const void *a, const void *b);
static double time_of(MigWork work);
static void touch_work(void *arg);

void
mig_doctor_commit_time(MigDoctor *doctor)
{
	const char *reason = why_not();
	dsm_segment *segment;
	CommitTimes *times;
	bool		returned;

	if (reason != NULL)
	{
		mig_doctor_say(doctor, MIG_DOCTOR_OK,
					   psprintf("not measured: %s", reason), NULL);
		return;
	}
	segment = dsm_create(sizeof(CommitTimes), 0);
	times = dsm_segment_address(segment);
	memset(times, 0, sizeof(*times));
	if (!measure(segment, &returned))
		mig_doctor_say(doctor, MIG_DOCTOR_WARNING,
					   "not measured: no background worker slot is free",
					   "Raise max_worker_processes: jobs cannot be started either.");
	else if (!returned)
		mig_doctor_say(doctor, MIG_DOCTOR_PROBLEM,
					   psprintf("a commit has not returned within %d s",
								PATIENCE_MS / 1000),
					   "Look what commits wait for: a synchronous standby that is gone, a disk that is full, a lock on migrate's tables.");
	else if (!times->complete)
		mig_doctor_say(doctor, MIG_DOCTOR_WARNING,
					   "not measured: the process has failed",
					   "Look into the server log for the reason.");
	else
	{
		say_times(doctor, "empty transaction", times->empty, LONG_EMPTY_MS,
				  "Look at the load of the server and the network between its nodes.");
		say_times(doctor, "writing transaction", times->writing, LONG_WRITING_MS,
				  "Look at its disks, synchronous standbys and the network between its nodes: a run waits for this after each revision, where DDL commits by itself after each statement.");
	}
	dsm_detach(segment);
}

static const char *
why_not(void)
{
	if (RecoveryInProgress())
		return "a standby commits nothing";
	if (!mig_job_may_submit())
		return "it takes a process, and you may not execute migrate_submit()";
	return NULL;
}

/*
 * Has the process do it.  false: there is none.
 */
static bool
measure(dsm_segment *segment, bool *returned)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *process;

	mig_job_launch_describe(&worker, "migrate_doctor_main", "migrate doctor");
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
	memcpy(worker.bgw_extra, &MyDatabaseId, sizeof(MyDatabaseId));
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &process))
		return false;
	PG_TRY();
	{
		*returned = wait_for(process);
	}
	PG_CATCH();
	{
		TerminateBackgroundWorker(process);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (!*returned)
		TerminateBackgroundWorker(process);
	return true;
}

/*
 * Whether it has ended in time.
 */
static bool
wait_for(BackgroundWorkerHandle *process)
{
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												  PATIENCE_MS);
	pid_t		pid;

	while (GetBackgroundWorkerPid(process, &pid) != BGWH_STOPPED)
	{
		if (GetCurrentTimestamp() >= end)
			return false;
		/* Its end sets the latch; a signal that comes early costs this. */
		mig_lock_sleep(POLL_MS);
	}
	return true;
}

static void
say_times(MigDoctor *doctor, const char *check, double *times, double limit,
		  const char *advice)
{
	double		median;

	qsort(times, TIMES, sizeof(double), compare_times);
	median = times[TIMES / 2];
	mig_doctor_say_of(doctor, check,
					  median > limit ? MIG_DOCTOR_WARNING : MIG_DOCTOR_OK,
					  psprintf("median %.2f ms, worst %.2f ms of %d",
							   median, times[TIMES - 1], TIMES),
					  median > limit ? advice : NULL);
}

static int
compare_times(const void *a, const void *b)
{
	double		left = *(const double *) a;
	double		right = *(const double *) b;

	return left < right ? -1 : left > right ? 1 : 0;
}

/*
 * What the process does.  It is connected, and in no transaction.
 */
void
mig_doctor_commit_measure(dsm_handle handle)
{
	dsm_segment *segment = dsm_attach(handle);
	CommitTimes *times;

	/* Who wanted to know has gone. */
	if (segment == NULL)
		return;
	times = dsm_segment_address(segment);
	mig_xact_begin_process();
	mig_server_begin();
	SetConfigOption("lock_timeout", LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION);
	for (int i = 0; i < TIMES; i++)
	{
		CHECK_FOR_INTERRUPTS();
		times->empty[i] = time_of(NULL);
		times->writing[i] = time_of(touch_work);
	}
	mig_xact_end_process();
	times->complete = true;
	dsm_detach(segment);
}

/*
 * How long a transaction takes, its commit included.
 */
static double
time_of(MigWork work)
{
	instr_time	start;
	instr_time	end;

	mig_xact_renew();
	INSTR_TIME_SET_CURRENT(start);
	if (work != NULL)
		mig_xact(work, NULL, MIG_XACT_OWN_TABLES | MIG_XACT_RAISE);
	else
		mig_xact_renew();
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	return INSTR_TIME_GET_MILLISEC(end);
}

static void
touch_work(void *arg)
{
	mig_lease_touch();
}
