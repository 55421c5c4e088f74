/*
 * commit.c
 *	  Checks how long a commit takes.
 *
 * A run commits after each revision, or after each statement, so its pace is
 * that of commits.  A function cannot commit: a background worker does it a
 * few times, and leaves the times in shared memory.  It is started only for
 * roles that may start workers by submitting jobs.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/process.h"
#include "base/xact.h"
#include "doctor/doctor_internal.h"
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

/* What the worker measures; times in milliseconds. */
typedef struct CommitTimes
{
	bool		complete;
	double		empty[TIMES];
	double		writing[TIMES];
} CommitTimes;

extern PGDLLEXPORT void migrate_doctor_main(Datum arg);

static void check_round_trip(MigDoctor *doctor);
static void measure(MigDoctor *doctor);
static bool start(dsm_segment *segment, bool *returned);
static bool wait_for(BackgroundWorkerHandle *process);
static void report_times(MigDoctor *doctor, const char *check, double *times,
						 double limit, const char *advice);
static int	compare_times(const void *a, const void *b);
static double time_of(MigWork work);
static void touch_work(void *arg);

MigDoctorCheck mig_doctor_commit[] = {
	{"commit", "round trip", check_round_trip},
	{NULL}
};

static void
check_round_trip(MigDoctor *doctor)
{
	if (RecoveryInProgress())
		mig_doctor_report(doctor, MIG_DOCTOR_OK,
						  "not measured: this server is a standby", NULL);
	else if (!mig_job_may_submit())
		mig_doctor_report(doctor, MIG_DOCTOR_OK,
						  "not measured: this takes EXECUTE privilege on migrate_submit()",
						  NULL);
	else
		measure(doctor);
}

static void
measure(MigDoctor *doctor)
{
	dsm_segment *segment;
	CommitTimes *times;
	bool		returned;

	segment = dsm_create(sizeof(CommitTimes), 0);
	times = dsm_segment_address(segment);
	memset(times, 0, sizeof(*times));
	if (!start(segment, &returned))
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING,
						  "not measured: no background worker slot is free",
						  "Increase max_worker_processes: jobs cannot start either.");
	else if (!returned)
		mig_doctor_report(doctor, MIG_DOCTOR_PROBLEM,
						  psprintf("a commit did not return within %d s",
								   PATIENCE_MS / 1000),
						  "Check what commits wait for: a missing synchronous standby, a full disk, a lock on a table of the schema migrate.");
	else if (!times->complete)
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING,
						  "not measured: the background worker failed",
						  "Look for the cause in the server log.");
	else
	{
		report_times(doctor, "empty transaction", times->empty, LONG_EMPTY_MS,
					 "Check the load of the server, and the network between its nodes.");
		report_times(doctor, "writing transaction", times->writing, LONG_WRITING_MS,
					 "Check disks, synchronous standbys and the network between nodes: a run waits for this after each revision, or after each statement where DDL commits by itself.");
	}
	dsm_detach(segment);
}

/*
 * Has a worker measure.  false: there is no slot for one.  returned: whether
 * it has ended in time.
 */
static bool
start(dsm_segment *segment, bool *returned)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *process;

	mig_process_describe(&worker, "migrate_doctor_main", "migrate doctor");
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

static bool
wait_for(BackgroundWorkerHandle *process)
{
	int64		end = mig_clock_ms() + PATIENCE_MS;
	pid_t		pid;

	while (GetBackgroundWorkerPid(process, &pid) != BGWH_STOPPED)
	{
		if (mig_clock_ms() >= end)
			return false;
		/* The end of the worker sets the latch, or is seen by the next poll. */
		mig_clock_sleep(POLL_MS);
	}
	return true;
}

static void
report_times(MigDoctor *doctor, const char *check, double *times, double limit,
			 const char *advice)
{
	double		median;

	qsort(times, TIMES, sizeof(double), compare_times);
	median = times[TIMES / 2];
	mig_doctor_report_as(doctor, check,
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
 * Entry point of the worker.  It runs internal SQL only.
 */
void
migrate_doctor_main(Datum arg)
{
	Oid			database;
	dsm_segment *segment;
	CommitTimes *times;

	memcpy(&database, MyBgworkerEntry->bgw_extra, sizeof(database));
	mig_process_connect(database, InvalidOid);

	segment = dsm_attach(DatumGetUInt32(arg));
	/* The session that started it has ended. */
	if (segment == NULL)
		return;
	times = dsm_segment_address(segment);
	mig_xact_begin_process();
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
