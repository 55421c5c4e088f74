/*
 * run.c
 *	  The whole run: lock, read, plan, loop, retry.
 *
 * Every door enters at mig_run().  What a door may do with transactions is in
 * the request; nothing here asks how the caller got in.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/memutils.h"

#include "guc.h"
#include "retry_policy.h"
#include "run.h"
#include "run_constraint.h"
#include "run_leftover.h"
#include "run_lock.h"
#include "run_plan.h"
#include "run_step.h"
#include "tab_log.h"
#include "tab_revision.h"
#include "tab_version.h"

/*
 * From here on a run in one transaction is told that there is a better door:
 * subtransactions that create relations cost the square of their number in
 * the server itself, ten CPU seconds at 5,000.
 */
#define LONG_RUN				1000

/* What stays the same from step to step. */
typedef struct RunState
{
	const MigRunRequest *request;
	MigVersion *version;
	MigLogEntry entry;
	MemoryContext step_context;
} RunState;

/* A run is going on in this backend: a body must not start another. */
static bool running = false;

static char **run_locked(const MigRunRequest *request, int *nresult);
static void run_steps(const MigRunRequest *request, MigVersion *version,
					  const MigPlan *plan);
static void run_one(RunState *run, const MigStep *step);
static void wait_or_rethrow(RunState *run, const MigStep *step,
							ErrorData *error);
static void say_step(const MigStep *step, const char *message);
static void append_ids(StringInfo buf, const char **ids, int nids);

/*
 * Does what is asked for.  Returns the revisions run, in order; for a stamp
 * the rows afterwards.  All of it is in the current memory context.
 */
char	  **
mig_run(const MigRunRequest *request, int *nresult)
{
	char	  **volatile result = NULL;
	const char *command = mig_tab_log_command_name(request->command);

	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
	PreventCommandDuringRecovery(command);
	mig_run_refuse_nested(command);

	running = true;
	PG_TRY();
	{
		result = run_locked(request, nresult);
	}
	PG_FINALLY();
	{
		running = false;
	}
	PG_END_TRY();
	return result;
}

/*
 * Raises an error inside a run, whose plan the command could contradict.
 */
void
mig_run_refuse_nested(const char *command)
{
	if (running)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot %s from within a migration body", command),
				 errdetail("The run that executes the body has planned its steps already.")));
}

static char **
run_locked(const MigRunRequest *request, int *nresult)
{
	MigVersion *version = mig_tab_version_open(MIG_SPI_READ_LATEST);
	MigPlan    *plan;
	char	  **result;

	mig_run_lock_version(version);
	mig_run_lock_bodies(false);
	mig_tab_version_recheck(version);
	mig_tab_version_read(version, MIG_SPI_READ_LATEST);
	plan = mig_run_plan(version, request->command, request->ntargets,
						request->targets, request->purge, MIG_SPI_READ_LATEST);
	mig_run_plan_check(plan, request->door);
	if (plan->nsteps > 0)
	{
		mig_tab_version_check_snapshot(version);
		mig_tab_version_trust(version);
	}
	run_steps(request, version, plan);

	if (request->command == MIG_COMMAND_STAMP)
	{
		mig_tab_version_read(version, MIG_SPI_READ_LATEST);
		*nresult = version->nrows;
		return version->rows;
	}
	result = palloc_extended(sizeof(char *) * Max(plan->nsteps, 1),
							 MCXT_ALLOC_HUGE);
	for (int i = 0; i < plan->nsteps; i++)
		result[i] = unconstify(char *, plan->steps[i].revision);
	*nresult = plan->nsteps;
	return result;
}

static void
run_steps(const MigRunRequest *request, MigVersion *version,
		  const MigPlan *plan)
{
	RunState	run;

	if (plan->nsteps == 0)
		return;
	if (request->door == MIG_DOOR_FUNCTION &&
		request->command != MIG_COMMAND_STAMP && plan->nsteps >= LONG_RUN)
		ereport(NOTICE,
				(errmsg("running %d revisions in one transaction", plan->nsteps),
				 errdetail("If they create tables, the time grows with the square of their number and every table keeps its locks."),
				 errhint("CALL migrate_%s(...) commits after each revision.",
						 request->command == MIG_COMMAND_UPGRADE ?
						 "deploy" : "revert")));

	/* What the caller has deferred is not the first revision's. */
	mig_run_constraint_check();

	memset(&run, 0, sizeof(run));
	run.request = request;
	run.version = version;
	mig_tab_log_new_run(&run.entry.run);
	run.entry.door = request->door;
	run.entry.version_table = version->name;
	run.entry.role = GetUserId();
	run.step_context = AllocSetContextCreate(CurrentMemoryContext,
											 "migrate step",
											 ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < plan->nsteps; i++)
	{
		MemoryContext old_context = MemoryContextSwitchTo(run.step_context);

		run.entry.step = i + 1;
		run_one(&run, &plan->steps[i]);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(run.step_context);
	}
	MemoryContextDelete(run.step_context);
}

/*
 * Tries a step until it is done or must not be tried again.
 */
static void
run_one(RunState *run, const MigStep *step)
{
	MigLogEntry *entry = &run->entry;
	MigStepBody body;
	ErrorData  *error;

	CHECK_FOR_INTERRUPTS();
	memset(&body, 0, sizeof(body));
	if (step->revision != NULL)
		mig_tab_revision_body(step->revision, step->command, &body);
	say_step(step, body.message);

	entry->revision = step->revision;
	entry->operation = step->command;
	entry->body_hash = body.hash;
	for (entry->attempts = 1;; entry->attempts++)
	{
		/* A failed attempt has stopped the counters: count from the first. */
		MigCost		before;

		if (entry->attempts == 1)
			mig_tab_log_start_cost(&entry->cost);
		before = entry->cost;
		error = mig_run_step(run->version, step, &body, entry);
		if (error == NULL)
			break;
		entry->cost = before;
		wait_or_rethrow(run, step, error);
	}
}

/*
 * After a failed attempt: waits for the next one, or raises the error.
 */
static void
wait_or_rethrow(RunState *run, const MigStep *step, ErrorData *error)
{
	const char *revision = step->revision ? step->revision : "base";
	MigRetryCase failure;
	MigRetry	retry;
	int			delay;

	failure.sqlstate = error->sqlerrcode;
	failure.message_id = error->message_id;
	failure.fixed_snapshot = IsolationUsesXactSnapshot();
	failure.door = run->request->door;
	failure.attempt = run->entry.attempts;
	failure.max_attempts = mig_guc_max_attempts;
	retry = mig_retry_decide(&failure);

	/* The server's own hint, that a retry might do, is not true in here. */
	if (retry == MIG_RETRY_GIVE_UP && mig_retry_needs_transaction(&failure))
		error->hint = pstrdup("In this isolation level a conflict repeats until the transaction ends. Use CALL migrate_deploy(...), which begins a new transaction for each attempt, or run this under READ COMMITTED.");
	if (retry == MIG_RETRY_GIVE_UP || retry == MIG_RETRY_EXHAUSTED)
		ReThrowError(error);

	delay = mig_retry_delay(failure.attempt, mig_guc_retry_base_delay,
							mig_guc_retry_max_delay,
							pg_prng_double(&pg_global_prng_state));
	ereport(LOG_SERVER_ONLY,
			(errcode(error->sqlerrcode),
			 errmsg("attempt %d of %d to %s revision \"%s\" failed: %s",
					failure.attempt, failure.max_attempts,
					mig_tab_log_command_name(step->command), revision,
					error->message),
			 errdetail("SQLSTATE %s, next attempt in %d ms.",
					   unpack_sql_state(error->sqlerrcode), delay)));
	ereport(NOTICE,
			(errcode(error->sqlerrcode),
			 errmsg("attempt %d of %d to %s revision \"%s\" failed, trying again: %s",
					failure.attempt, failure.max_attempts,
					mig_tab_log_command_name(step->command), revision,
					error->message),
			 errdetail("SQLSTATE %s.", unpack_sql_state(error->sqlerrcode))));
	FreeErrorData(error);
	mig_run_leftover_deallocate();
	mig_run_lock_sleep(delay);
}

/*
 * "upgrade 1975ea83b712 -> ae1027a6acf: add account"
 */
static void
say_step(const MigStep *step, const char *message)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s ", mig_tab_log_command_name(step->command));
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
	ereport(NOTICE, (errmsg_internal("%s", buf.data)));
}

static void
append_ids(StringInfo buf, const char **ids, int nids)
{
	if (nids == 0)
		appendStringInfoString(buf, "<base>");
	for (int i = 0; i < nids; i++)
		appendStringInfo(buf, "%s%s", i > 0 ? ", " : "", ids[i]);
}
