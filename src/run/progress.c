/*
 * progress.c
 *	  Where a run is, for other sessions.
 *
 * No table can say that as long as the run's transaction is open, so this is
 * the one thing that is in shared memory: places that runs write while they
 * go on.  It is there when the library is preloaded, and on servers that give
 * it to a library later; otherwise nothing is shown, and a run does not care.
 *
 * A worker has no query of a client, so pg_stat_activity shows what it does.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "run/progress.h"

/* Runs on one version table take turns, so this is plenty. */
#define PLACES					64

#define SEGMENT_NAME			"migrate progress"

/* A place; its owner alone writes it. */
typedef struct Place
{
	slock_t		mutex;
	MigProgress run;
} Place;

typedef struct Places
{
	Place		places[PLACES];
} Places;

static Places *shared = NULL;	/* NULL: there is no such memory */
static Place *own = NULL;		/* while a run goes on */

/* What pg_stat_activity says in front; NULL: it shows the client's query. */
static const char *activity_label = NULL;
static int64 activity_job = 0;

static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

static void request_memory(void);
static void create_memory(void);
static void attach(void);
static void clear(Places *places);
#ifdef MIG_COMPAT_HAVE_NAMED_SEGMENT
static void clear_segment(void *memory MIG_COMPAT_SEGMENT_ARG);
#endif
static void let_go(int code, Datum arg);
static void report_activity(const MigBodyRun *body, const char *text);

/*
 * Called while the server loads its libraries.
 */
void
mig_run_progress_request_memory(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = create_memory;
}

static void
request_memory(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(Places)));
}

static void
create_memory(void)
{
	bool		found;

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct(SEGMENT_NAME, sizeof(Places), &found);
	if (!found)
		clear(shared);
	LWLockRelease(AddinShmemInitLock);
}

static void
clear(Places *places)
{
	memset(places, 0, sizeof(*places));
	for (int i = 0; i < PLACES; i++)
		SpinLockInit(&places->places[i].mutex);
}

/*
 * Memory that was not asked for at the start, where the server has that.
 */
static void
attach(void)
{
#ifdef MIG_COMPAT_HAVE_NAMED_SEGMENT
	bool		found;

	if (shared == NULL)
		shared = mig_compat_named_segment(SEGMENT_NAME, sizeof(Places),
										  clear_segment, &found);
#endif
}

#ifdef MIG_COMPAT_HAVE_NAMED_SEGMENT
static void
clear_segment(void *memory MIG_COMPAT_SEGMENT_ARG)
{
	clear(memory);
}
#endif

/*
 * From now on pg_stat_activity shows what this process does.  The label must
 * live as long as the process.
 */
void
mig_run_progress_label(int64 job, const char *label, const char *activity)
{
	activity_job = job;
	activity_label = label;
	pgstat_report_activity(STATE_RUNNING,
						   psprintf("%s: %s", label, activity));
}

/*
 * A run begins.  If there is no place it is not shown.
 */
void
mig_run_progress_begin(MigVia via)
{
	static bool registered = false;
	MigProgress run;

	attach();
	if (shared == NULL || own != NULL)
		return;
	if (!registered)
		before_shmem_exit(let_go, (Datum) 0);
	registered = true;

	memset(&run, 0, sizeof(run));
	run.pid = MyProcPid;
	run.database = MyDatabaseId;
	run.role = GetUserId();
	run.via = via;
	run.job = activity_job;
	run.started = GetCurrentTimestamp();
	for (int i = 0; i < PLACES && own == NULL; i++)
	{
		Place	   *place = &shared->places[i];

		SpinLockAcquire(&place->mutex);
		if (place->run.pid == 0)
		{
			place->run = run;
			own = place;
		}
		SpinLockRelease(&place->mutex);
	}
}

/*
 * A step begins; place counts from 1.
 */
void
mig_run_progress_step(const MigStep *step, int place, int nsteps)
{
	if (own == NULL)
		return;
	SpinLockAcquire(&own->mutex);
	own->run.operation = step->command;
	strlcpy(own->run.revision, step->revision != NULL ? step->revision : "",
			MIG_PROGRESS_REVISION_SIZE);
	own->run.step = place;
	own->run.nsteps = nsteps;
	own->run.statement = 0;
	own->run.nstatements = 0;
	own->run.attempt = 1;
	own->run.query[0] = '\0';
	SpinLockRelease(&own->mutex);
}

/*
 * A statement begins.
 */
void
mig_run_progress_statement(const MigBodyRun *body, const char *text)
{
	if (activity_label != NULL)
		report_activity(body, text);
	if (own != NULL)
	{
		TimestampTz now = GetCurrentTimestamp();
		int			length = pg_mbcliplen(text, strlen(text),
										  MIG_PROGRESS_QUERY_SIZE - 1);

		SpinLockAcquire(&own->mutex);
		own->run.statement = body->statement;
		own->run.nstatements = body->script->nstatements;
		own->run.attempt = body->attempt;
		own->run.statement_started = now;
		memcpy(own->run.query, text, length);
		own->run.query[length] = '\0';
		SpinLockRelease(&own->mutex);
	}
}

/*
 * "migrate job 12: upgrade ae1027a6 [3/7] CREATE INDEX ..."
 */
static void
report_activity(const MigBodyRun *body, const char *text)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s: %s %s [%d/%d] ", activity_label,
					 body->operation, body->revision, body->statement,
					 body->script->nstatements);
	/* The server cuts it, too; a body may be megabytes. */
	appendBinaryStringInfo(&buf, text,
						   pg_mbcliplen(text, strlen(text),
										pgstat_track_activity_query_size));
	pgstat_report_activity(STATE_RUNNING, buf.data);
	pfree(buf.data);
}

/*
 * The run ends.
 */
void
mig_run_progress_end(void)
{
	if (own == NULL)
		return;
	SpinLockAcquire(&own->mutex);
	own->run.pid = 0;
	SpinLockRelease(&own->mutex);
	own = NULL;
}

static void
let_go(int code, Datum arg)
{
	mig_run_progress_end();
}

/*
 * The runs in this database, or NULL if there is no memory for that.
 */
MigProgress *
mig_run_progress_read(int *nruns)
{
	MigProgress *runs = palloc(sizeof(MigProgress) * PLACES);

	attach();
	if (shared == NULL)
		return NULL;
	*nruns = 0;
	for (int i = 0; i < PLACES; i++)
	{
		Place	   *place = &shared->places[i];
		MigProgress *run = &runs[*nruns];

		SpinLockAcquire(&place->mutex);
		*run = place->run;
		SpinLockRelease(&place->mutex);
		if (run->pid != 0 && run->database == MyDatabaseId)
			(*nruns)++;
	}
	return runs;
}

/*
 * Whether the current role may see the statement.
 */
bool
mig_run_progress_may_read(const MigProgress *run)
{
	return has_privs_of_role(GetUserId(), run->role) ||
		has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}
