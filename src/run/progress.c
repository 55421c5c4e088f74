/*
 * progress.c
 *	  The progress of a run, for its caller and for other sessions.
 *
 * No table can say where a run is as long as its transaction is open, so this
 * is the one thing that is in shared memory: an array of slots that runs write.
 * It is there when the library is preloaded, and on servers that give shared
 * memory to a library later; otherwise nothing is shown, and a run does the
 * same without it.
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

#include "base/clock.h"
#include "base/command.h"
#include "base/compat.h"
#include "base/printable.h"
#include "run/run_internal.h"

/* Runs on one version table take turns, so this is plenty. */
#define SLOTS					64

#define SEGMENT_NAME			"migrate progress"

/* A slot; only the process that has it writes it. */
typedef struct Slot
{
	slock_t		mutex;
	MigProgress run;
} Slot;

typedef struct Slots
{
	Slot		slots[SLOTS];
} Slots;

static Slots *shared = NULL;	/* NULL: there is no such memory */
static Slot *own = NULL;		/* of the run in this process */

/* What pg_stat_activity says in front; NULL: it shows the client's query. */
static const char *activity_label = NULL;
static int64 activity_job = 0;

static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

static void request_memory(void);
static void create_memory(void);
static void attach(void);
static void clear(Slots *slots);
#ifdef MIG_COMPAT_HAVE_NAMED_SEGMENT
static void clear_segment(void *memory MIG_COMPAT_SEGMENT_ARG);
#endif
static void end_at_exit(int code, Datum arg);
static void show_step(const MigStepExec *exec);
static void say_step(const MigStepExec *exec);
static void append_ids(StringInfo buf, const char **ids, int nids);
static void set_statement(const MigBodyExec *body, int number,
						  const char *text, int length, int64 started);
static void report_activity(const MigBodyExec *body, int number,
							const char *text, int length);

/*
 * Called while the server loads its libraries.
 */
void
mig_progress_request_memory(void)
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
	RequestAddinShmemSpace(MAXALIGN(sizeof(Slots)));
}

static void
create_memory(void)
{
	bool		found;

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct(SEGMENT_NAME, sizeof(Slots), &found);
	if (!found)
		clear(shared);
	LWLockRelease(AddinShmemInitLock);
}

static void
clear(Slots *slots)
{
	memset(slots, 0, sizeof(*slots));
	for (int i = 0; i < SLOTS; i++)
		SpinLockInit(&slots->slots[i].mutex);
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
		shared = mig_compat_named_segment(SEGMENT_NAME, sizeof(Slots),
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
mig_progress_label(int64 job, const char *label, const char *activity)
{
	activity_job = job;
	activity_label = label;
	pgstat_report_activity(STATE_RUNNING,
						   psprintf("%s: %s", label, activity));
}

/*
 * The job that this process runs; 0: it is no worker.
 */
int64
mig_progress_job(void)
{
	return activity_job;
}

/*
 * A run begins.  If no slot is free it is not shown.
 */
void
mig_progress_begin(MigVia via)
{
	static bool registered = false;
	MigProgress run;

	attach();
	if (shared == NULL || own != NULL)
		return;
	if (!registered)
		before_shmem_exit(end_at_exit, (Datum) 0);
	registered = true;

	memset(&run, 0, sizeof(run));
	run.pid = MyProcPid;
	run.database = MyDatabaseId;
	run.role = GetUserId();
	run.via = via;
	run.job = activity_job;
	run.started = GetCurrentTimestamp();
	run.started_ms = mig_clock_ms();
	for (int i = 0; i < SLOTS && own == NULL; i++)
	{
		Slot	   *slot = &shared->slots[i];

		SpinLockAcquire(&slot->mutex);
		if (slot->run.pid == 0)
		{
			slot->run = run;
			own = slot;
		}
		SpinLockRelease(&slot->mutex);
	}
}

/*
 * A step begins.  One that was given says nothing of itself: its caller does.
 */
void
mig_progress_step(const MigStepExec *exec)
{
	if (own != NULL)
		show_step(exec);
	if (exec->run->request->step == NULL && !exec->run->rehearses)
		say_step(exec);
}

static void
show_step(const MigStepExec *exec)
{
	const MigStep *step = exec->step;

	SpinLockAcquire(&own->mutex);
	own->run.operation = step->command;
	strlcpy(own->run.revision, step->revision != NULL ? step->revision : "",
			MIG_PROGRESS_REVISION_SIZE);
	own->run.step = exec->entry.step;
	own->run.nsteps = exec->run->plan->nsteps;
	own->run.statement = 0;
	own->run.nstatements = 0;
	own->run.attempt = 1;
	own->run.query[0] = '\0';
	own->run.waiting_since_ms = 0;
	SpinLockRelease(&own->mutex);
}

/*
 * Tells the user which step begins, so that the caller of a long run sees how
 * far it is: "upgrade 1975ea83b712 -> ae1027a6acf: add account"
 */
static void
say_step(const MigStepExec *exec)
{
	const MigStep *step = exec->step;
	const char *message = exec->message;
	StringInfoData buf;

	initStringInfo(&buf);
	if (step->command != MIG_COMMAND_REPEAT)
		appendStringInfo(&buf, "%s ", exec->body.operation);
	switch (step->command)
	{
		case MIG_COMMAND_UPGRADE:
			append_ids(&buf, step->parents, step->nparents);
			appendStringInfo(&buf, " -> %s", step->revision);
			break;
		case MIG_COMMAND_DOWNGRADE:
			appendStringInfo(&buf, "%s -> ", step->revision);
			append_ids(&buf, step->parents, step->nparents);
			break;
		case MIG_COMMAND_REPEAT:
			appendStringInfo(&buf, "repeatable %s", step->revision);
			break;
		case MIG_COMMAND_STAMP:
			{
				const char **from = palloc(sizeof(char *) *
										   (step->ndeletes + 1));
				int			nfrom = step->ndeletes;

				if (step->ndeletes > 0)
					memcpy(from, step->deletes,
						   sizeof(char *) * step->ndeletes);
				if (step->update_from != NULL)
					from[nfrom++] = step->update_from;
				append_ids(&buf, from, nfrom);
				appendStringInfo(&buf, " -> %s",
								 step->revision ? step->revision : "<base>");
				break;
			}
	}
	/* The first line only: more could look like messages of the server. */
	if (message != NULL)
		appendStringInfo(&buf, ": %.*s",
						 (int) strcspn(message, "\r\n"), message);
	/* What is restored, or in a version table, was not checked. */
	ereport(NOTICE, (errmsg_internal("%s", mig_printable(buf.data))));
}

/*
 * Tells the client of a procedure what the run has done, also that it had nothing
 * to do.
 */
void
mig_progress_say_end(const MigRun *run)
{
	int			nsteps = mig_repeat_first(run->plan);
	int			nrepeats = run->plan->nsteps - nsteps;

	if (run->request->via != MIG_VIA_PROCEDURE)
		return;
	if (nrepeats > 0 && nsteps == 0)
		ereport(NOTICE,
				(errmsg("done: %d of %d repeatables run", nrepeats, nrepeats)));
	else if (nrepeats > 0)
		ereport(NOTICE,
				(errmsg("done: %d of %d revisions upgraded, %d of %d repeatables run",
						nsteps, nsteps, nrepeats, nrepeats)));
	else if (nsteps == 0)
		ereport(NOTICE,
				(errmsg("nothing to do, %s",
						mig_failure_position(run->version))));
	else if (run->request->command == MIG_COMMAND_UPGRADE)
		ereport(NOTICE,
				(errmsg("done: %d of %d revisions upgraded", nsteps, nsteps)));
	else
		ereport(NOTICE,
				(errmsg("done: %d of %d revisions downgraded", nsteps, nsteps)));
}

/*
 * A statement begins.
 */
void
mig_progress_statement(const MigBodyExec *body)
{
	const char *text = body->statement_text;

	if (!body->looking)
		set_statement(body, body->statement, text, strlen(text),
					  mig_clock_ms());
}

/*
 * The run is going to wait before a statement.
 */
void
mig_progress_next(const MigBodyExec *body, int index)
{
	const MigStatement *statement = &body->script->statements[index];

	set_statement(body, index + 1, body->text + statement->location,
				  statement->length, 0);
}

static void
set_statement(const MigBodyExec *body, int number, const char *text,
			  int length, int64 started)
{
	int			cut = pg_mbcliplen(text, length, MIG_PROGRESS_QUERY_SIZE - 1);

	if (activity_label != NULL)
		report_activity(body, number, text, length);
	if (own == NULL)
		return;
	SpinLockAcquire(&own->mutex);
	own->run.statement = number;
	own->run.nstatements = body->script->nstatements;
	own->run.attempt = body->attempt;
	own->run.statement_started_ms = started;
	own->run.waiting_since_ms = 0;
	memcpy(own->run.query, text, cut);
	own->run.query[cut] = '\0';
	SpinLockRelease(&own->mutex);
}

/*
 * "migrate job 12: upgrade ae1027a6 [3/7] CREATE INDEX ..."
 */
static void
report_activity(const MigBodyExec *body, int number, const char *text,
				int length)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s: %s %s [%d/%d] ", activity_label,
					 body->operation, body->revision, number,
					 body->script->nstatements);
	/* The server cuts it, too; a body may be megabytes. */
	appendBinaryStringInfo(&buf, text,
						   pg_mbcliplen(text, length,
										pgstat_track_activity_query_size));
	pgstat_report_activity(STATE_RUNNING, buf.data);
	pfree(buf.data);
}

/*
 * The run waits for other transactions, where the server does not know that it
 * does.
 */
void
mig_progress_wait(int64 since, const MigBlockers *blockers)
{
	const char *who = blockers->who != NULL ? blockers->who : "";
	int			length = pg_mbcliplen(who, strlen(who),
									  MIG_PROGRESS_QUERY_SIZE - 1);
	int			n = Min(blockers->npids, MIG_PROGRESS_BLOCKERS);

	if (own == NULL)
		return;
	SpinLockAcquire(&own->mutex);
	own->run.waiting_since_ms = since;
	own->run.nblockers = n;
	for (int i = 0; i < n; i++)
		own->run.blockers[i] = blockers->pids[i];
	memcpy(own->run.blocked_by, who, length);
	own->run.blocked_by[length] = '\0';
	SpinLockRelease(&own->mutex);
}

void
mig_progress_end_wait(void)
{
	if (own == NULL)
		return;
	SpinLockAcquire(&own->mutex);
	own->run.waiting_since_ms = 0;
	SpinLockRelease(&own->mutex);
}

static void
append_ids(StringInfo buf, const char **ids, int nids)
{
	if (nids == 0)
		appendStringInfoString(buf, "<base>");
	for (int i = 0; i < nids; i++)
		appendStringInfo(buf, "%s%s", i > 0 ? ", " : "", ids[i]);
}

/*
 * The run ends.
 */
void
mig_progress_end(void)
{
	if (own == NULL)
		return;
	SpinLockAcquire(&own->mutex);
	own->run.pid = 0;
	SpinLockRelease(&own->mutex);
	own = NULL;
}

static void
end_at_exit(int code, Datum arg)
{
	mig_progress_end();
}

/*
 * The runs in this database, or NULL if there is no memory for that.
 */
MigProgress *
mig_progress_read(int *nruns)
{
	MigProgress *runs = palloc(sizeof(MigProgress) * SLOTS);

	attach();
	if (shared == NULL)
		return NULL;
	*nruns = 0;
	for (int i = 0; i < SLOTS; i++)
	{
		Slot	   *slot = &shared->slots[i];
		MigProgress *run = &runs[*nruns];

		SpinLockAcquire(&slot->mutex);
		*run = slot->run;
		SpinLockRelease(&slot->mutex);
		if (run->pid != 0 && run->database == MyDatabaseId)
			(*nruns)++;
	}
	return runs;
}

/*
 * Whether the current role may see the statement.
 */
bool
mig_progress_may_read(const MigProgress *run)
{
	return has_privs_of_role(GetUserId(), run->role) ||
		has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}
