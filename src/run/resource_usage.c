/*
 * resource_usage.c
 *	  Measures the resources that a step uses.
 *
 * The server counts WAL and buffers, the system CPU time.  How long a backend has
 * waited for locks is counted nowhere, so that is sampled: a timer looks
 * whether the backend is waiting for one just then, and for which.
 */
#include "postgres.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>

#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "run/run_internal.h"

/* Short against a wait that matters, long against a signal. */
#define SAMPLE_INTERVAL			10	/* ms */

#define WAIT_CLASS(wait_event)	((wait_event) & 0xFF000000)

static volatile sig_atomic_t lock_wait_samples = 0;

/* Outside of the lock queue, where no sample sees it. */
static int64 waited_outside = 0;	/* ms */

static void sample(void);
static double to_microseconds(double milliseconds);
static double cpu_ms_of_backend(void);

/*
 * To be on while steps run.
 */
void
mig_resource_usage_watch(bool on)
{
	static TimeoutId timeout = MAX_TIMEOUTS;

	/* A process has few of them, and cannot give one back. */
	if (timeout == MAX_TIMEOUTS)
		timeout = RegisterTimeout(USER_TIMEOUT, sample);

	if (on)
		enable_timeout_every(timeout,
							 TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
														 SAMPLE_INTERVAL),
							 SAMPLE_INTERVAL);
	else
		disable_timeout(timeout, false);
}

/*
 * The process has waited for locks without asking for them.
 */
void
mig_resource_usage_add_lock_wait(int64 milliseconds)
{
	waited_outside += milliseconds;
}

void
mig_resource_usage_begin(MigCounters *counters)
{
	counters->at = GetCurrentTimestamp();
	INSTR_TIME_SET_CURRENT(counters->wall);
	counters->cpu_ms = cpu_ms_of_backend();
	counters->lock_wait_ms = (double) lock_wait_samples * SAMPLE_INTERVAL +
		waited_outside;
	counters->wal = pgWalUsage;
	counters->buffers = pgBufferUsage;
}

/*
 * What has come since.
 */
void
mig_resource_usage_since(const MigCounters *begin, MigResourceUsage *usage)
{
	MigCounters now;

	mig_resource_usage_begin(&now);
	usage->started = begin->at;
	usage->finished = now.at;
	INSTR_TIME_SUBTRACT(now.wall, begin->wall);
	usage->wall_ms = to_microseconds(INSTR_TIME_GET_MILLISEC(now.wall));
	usage->cpu_ms = to_microseconds(now.cpu_ms - begin->cpu_ms);
	usage->lock_wait_ms = now.lock_wait_ms - begin->lock_wait_ms;
	memset(&usage->wal, 0, sizeof(usage->wal));
	WalUsageAccumDiff(&usage->wal, &now.wal, &begin->wal);
	memset(&usage->buffers, 0, sizeof(usage->buffers));
	BufferUsageAccumDiff(&usage->buffers, &now.buffers, &begin->buffers);
}

/*
 * Runs in a signal handler.
 */
static void
sample(void)
{
	bool		in_lock_wait =
	WAIT_CLASS(*(volatile uint32 *) my_wait_event_info) == PG_WAIT_LOCK;

	if (in_lock_wait)
		lock_wait_samples++;
	mig_blocker_sample(in_lock_wait);
}

/*
 * More digits say nothing, and are hard to read.
 */
static double
to_microseconds(double milliseconds)
{
	return rint(milliseconds * 1000) / 1000;
}

static double
cpu_ms_of_backend(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000.0 +
		(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000.0;
}
