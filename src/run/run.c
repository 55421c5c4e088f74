/*
 * run.c
 *	  Prepares every run, and executes those that are one transaction.
 *
 * mig_run() is where the function, the procedure and the worker enter.  A
 * function runs all of it inside the caller's transaction, which this file
 * does; for the others run_committing.c commits after each step.  Between those
 * two the worker differs from the procedure in that its session ends with the
 * job: what a body leaves there need not be put back.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/command.h"
#include "base/error_text.h"
#include "base/guc.h"
#include "base/server.h"
#include "graph/graph.h"
#include "run/run_internal.h"
#include "tables/log.h"
#include "tables/revision.h"

/*
 * From here on a run in one transaction is told of the procedure:
 * subtransactions that create relations cost the square of their number in
 * the server itself, ten CPU seconds at 5,000.
 */
#define LONG_RUN				1000

/* What migrate.lint asks for (preview/lint.c), set by _PG_init(). */
MigRunReview mig_run_review = NULL;

/* Whether this backend is in a run: a body must not start another. */
static bool running = false;

static void begin(MigRun *run);
static void end(const MigRun *run);
static void run_in_transaction(void *arg);
static void perform(MigRun *run, MigWork work, int flags);
static void open_tables(void *arg);
static void read_and_plan(void *arg);
static bool is_at_heads(const MigVersion *version, const char *target,
						MigSpiAccess access);
static MigPlan *add_purge(const MigVersion *version, MigPlan *plan);
static MigPlan *plan_step(const MigStep *step);
static void execute_steps(MigRun *run);
static void execute_until_done(MigStepExec *exec, int index);
static bool explain_procedure(const MigStepExec *exec, ErrorData *error);

/*
 * Called once, from _PG_init().
 */
void
mig_run_init(void)
{
	mig_utility_hook_install();
	mig_blocker_install();
	mig_termination_install();
	if (process_shared_preload_libraries_in_progress)
		mig_progress_request_memory();
}

/*
 * Does what is asked for.  The result is in the current memory context, which
 * has to outlive the transactions of a run that commits.
 */
void
mig_run(const MigRunRequest *request, MigRunResult *result)
{
	MigRun		run;
	ErrorData  *error;

	memset(result, 0, sizeof(*result));
	memset(&run, 0, sizeof(run));
	run.request = request;
	run.result = result;
	run.commits = request->via != MIG_VIA_FUNCTION;
	run.context = CurrentMemoryContext;
	error = mig_run_work(&run, run.commits ? mig_run_committing :
						 run_in_transaction, &run);
	if (error == NULL)
		return;
	if (!run.explained)
		mig_retry_explain_stale(&run, error);
	mig_retry_make_plain(error);
	ReThrowError(error);
}

/*
 * Does the work of a run, with what holds for this process meanwhile.  NULL: it
 * is done.  Otherwise the error, in the run's memory context, and no
 * subtransaction of the work is left open.
 */
ErrorData *
mig_run_work(MigRun *run, MigWork work, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		begin(run);
		work(arg);
	}
	PG_CATCH();
	{
		/* Before anything that could fail. */
		end(run);
		MemoryContextSwitchTo(run->context);
		error = CopyErrorData();
		FlushErrorState();
		mig_xact_abandon_subxacts(level);
	}
	PG_END_TRY();
	if (error == NULL)
		end(run);
	return error;
}

static void
begin(MigRun *run)
{
	running = true;
	run->role_locked = !mig_step_can_change_role();
	if (run->role_locked)
		mig_guc_lock_role(true);
	run->without_subxacts = run->commits && run->request->top_level &&
		!mig_server()->subtransactions;
	if (run->without_subxacts)
		mig_xact_without_subxacts(true);
	mig_resource_usage_watch(true);
	mig_progress_begin(run->request->via);
}

static void
end(const MigRun *run)
{
	mig_termination_watch(NULL);
	mig_progress_end();
	mig_resource_usage_watch(false);
	if (run->without_subxacts)
		mig_xact_without_subxacts(false);
	if (run->role_locked)
		mig_guc_lock_role(false);
	running = false;
}

bool
mig_run_is_running(void)
{
	return running;
}

/*
 * Raises an error inside a run, whose plan the function could contradict.
 */
void
mig_run_refuse_nested(const char *function)
{
	if (!running)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 mig_hook_is_called() ?
			 errmsg("%s cannot be called from within a hook", function) :
			 errmsg("%s cannot be called from within a migration body",
					function),
			 mig_hook_is_called() ?
			 errdetail("The run that calls the hook has planned its steps already.") :
			 errdetail("The run that executes the body has planned its steps already.")));
}

/*
 * All of it in the caller's transaction.
 */
static void
run_in_transaction(void *arg)
{
	MigRun	   *run = arg;
	MigRunResult *result = run->result;
	int			nest_level = NewGUCNestLevel();

	/* After an error the end of the transaction restores it. */
	(void) mig_server_stop_retries(GUC_ACTION_SAVE);
	mig_run_prepare(run);
	run->position = mig_failure_position(run->version);
	mig_observer_begin(run);
	execute_steps(run);
	mig_observer_end(run);
	AtEOXact_GUC(false, nest_level);

	if (run->request->command == MIG_COMMAND_STAMP)
	{
		mig_version_read(run->version, MIG_SPI_READ_LATEST);
		result->nrevisions = run->version->nrows;
		result->revisions = run->version->rows;
		return;
	}
	result->nrevisions = run->plan->nsteps;
	result->revisions = palloc_extended(sizeof(char *) * Max(run->plan->nsteps, 1),
										MCXT_ALLOC_HUGE);
	for (int i = 0; i < run->plan->nsteps; i++)
		result->revisions[i] = unconstify(char *, run->plan->steps[i].revision);
}

/*
 * For the function, the procedure and the worker: finds the version table,
 * locks it against other runs, reads where the database is, makes the plan, and
 * refuses what must not run.  Raises an error before anything was run;
 * otherwise the first step may begin.
 */
void
mig_run_prepare(MigRun *run)
{
	perform(run, open_tables, MIG_XACT_KEEP_OPEN);
	mig_lock_run(run);
	/* Such a server may read by a snapshot from before the lock. */
	if (run->commits && !run->server->nominal_isolation)
		mig_xact_renew();
	perform(run, read_and_plan, 0);
}

static void
perform(MigRun *run, MigWork work, int flags)
{
	if (run->commits)
		mig_xact(work, run, flags | MIG_XACT_RETRY | MIG_XACT_RAISE);
	else
		work(run);
}

static void
open_tables(void *arg)
{
	MigRun	   *run = arg;

	run->server = mig_server_begin_run();
	run->version = mig_version_open(MIG_SPI_READ_LATEST);
	run->registry = run->version->registry;
}

static void
read_and_plan(void *arg)
{
	MigRun	   *run = arg;
	const MigRunRequest *request = run->request;
	MigVersion *version = run->version;

	mig_version_read_locked(version);
	run->partial = mig_resolve_find(version, run->result);
	/* What the target means is no question then, and may have no answer. */
	if (run->partial != NULL &&
		(!run->commits || (request->step == NULL &&
						   request->command != run->partial->operation)))
		mig_resolve_refuse(run->partial);
	run->plan = request->step != NULL ? plan_step(request->step) :
		mig_run_plan(version, request->command, request->ntargets,
					 request->targets, request->purge,
					 run->partial == NULL ? NULL : run->partial->revision,
					 MIG_SPI_READ_LATEST);
	mig_precheck_plan(run);
	if (run->plan->nsteps == 0)
		return;
	mig_hook_begin(run);
	mig_event_begin(run);
	/* The way back stays open. */
	if (mig_run_review != NULL && !run->rehearses &&
		request->command == MIG_COMMAND_UPGRADE)
		mig_run_review(run->plan, run->partial != NULL);
	if (run->commits && mig_target_is_relative(request->targets[0]))
		run->target = mig_run_plan_absolute(version, request->command,
											request->targets[0],
											MIG_SPI_READ_LATEST);
	if (!run->commits)
		mig_version_check_snapshot(version);
	mig_version_lock_to_write(version, !run->commits);
}

/*
 * The steps from where the version table is to the targets; of an upgrade to a head
 * with the repeatables that are to run.  first: as in MigPlanRequest.
 */
MigPlan *
mig_run_plan(const MigVersion *version, MigCommand command,
			 int ntargets, char **targets, bool purge, const char *first,
			 MigSpiAccess access)
{
	MigPlanRequest request = {
		.command = command,
		.nrows = purge ? 0 : version->nrows,
		.rows = version->rows,
		.ntargets = ntargets,
		.targets = targets,
		.first = first
	};
	MigPlan    *plan;

	if (command == MIG_COMMAND_UPGRADE && ntargets == 1 &&
		is_at_heads(version, targets[0], access))
	{
		plan = palloc0(sizeof(MigPlan));
		plan->command = command;
	}
	else
		plan = mig_plan_build(mig_revision_graph(access), &request);
	if (command == MIG_COMMAND_UPGRADE && ntargets == 1 &&
		(strcmp(targets[0], "head") == 0 || strcmp(targets[0], "heads") == 0))
		mig_repeat_add_steps(version, plan, access);
	if (purge && version->nrows > 0)
		plan = add_purge(version, plan);
	return plan;
}

/*
 * The target in words that mean the same when the rows are others.
 */
char *
mig_run_plan_absolute(const MigVersion *version, MigCommand command,
					  const char *target, MigSpiAccess access)
{
	if (!mig_target_is_relative(target))
		return pstrdup(target);
	return mig_plan_make_absolute(mig_revision_graph(access), command,
								  version->nrows, version->rows, target);
}

/*
 * Whether the rows are exactly the heads that the target stands for, by the
 * marks in the registry.  Then there is nothing to do, and no need to read
 * the graph.  Anything else, errors included, takes the long way.
 */
static bool
is_at_heads(const MigVersion *version, const char *target, MigSpiAccess access)
{
	bool		real = strcmp(target, "heads") == 0;
	char	  **heads;
	int			nheads;

	if (!real && strcmp(target, "head") != 0)
		return false;
	heads = mig_revision_heads(real, access, &nheads);
	if (nheads != version->nrows || (!real && nheads > 1))
		return false;
	for (int i = 0; i < nheads; i++)
	{
		if (strcmp(heads[i], version->rows[i]) != 0)
			return false;
	}
	return true;
}

/*
 * Puts a step in front that deletes every row, known or not.
 */
static MigPlan *
add_purge(const MigVersion *version, MigPlan *plan)
{
	MigPlan    *longer = palloc0(sizeof(MigPlan));
	MigStep    *purge;

	longer->command = plan->command;
	longer->nsteps = plan->nsteps + 1;
	longer->steps = palloc0(sizeof(MigStep) * longer->nsteps);
	purge = &longer->steps[0];
	purge->command = MIG_COMMAND_STAMP;
	purge->ndeletes = version->nrows;
	purge->deletes = (const char **) version->rows;
	if (plan->nsteps > 0)
		memcpy(&longer->steps[1], plan->steps, sizeof(MigStep) * plan->nsteps);
	return longer;
}

static MigPlan *
plan_step(const MigStep *step)
{
	MigPlan    *plan = palloc0(sizeof(MigPlan));

	plan->command = MIG_COMMAND_STAMP;
	plan->nsteps = 1;
	plan->steps = palloc(sizeof(MigStep));
	plan->steps[0] = *step;
	plan->steps[0].command = MIG_COMMAND_STAMP;
	return plan;
}

static void
execute_steps(MigRun *run)
{
	const MigPlan *plan = run->plan;
	MemoryContext step_context;

	if (plan->nsteps == 0)
		return;
	if (plan->command != MIG_COMMAND_STAMP && plan->nsteps >= LONG_RUN)
		ereport(NOTICE,
				(errmsg("running %d revisions in one transaction", plan->nsteps),
				 errdetail("If they create tables, the time grows with the square of their number and every table keeps its locks."),
				 errhint("The procedure commits after each revision: %s",
						 mig_advice_procedure_call(run))));

	mig_constraint_begin();

	mig_step_begin_run(run);
	mig_hook_begin_run(run);
	run->bodies = palloc0(sizeof(MigStepBodies));
	run->bodies->context = AllocSetContextCreate(CurrentMemoryContext, "migrate bodies",
												 ALLOCSET_DEFAULT_SIZES);
	if (plan->nsteps > 1)
		run->log_rows = mig_log_rows_create();
	step_context = AllocSetContextCreate(CurrentMemoryContext, "migrate step",
										 ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < plan->nsteps; i++)
	{
		MemoryContext old_context = MemoryContextSwitchTo(step_context);

		execute_until_done(&run->exec, i);
		run->ndone++;
		if (run->log_rows != NULL)
			mig_log_rows_add(run->log_rows, &run->exec.entry);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(step_context);
	}
	if (run->log_rows != NULL)
		mig_log_rows_write(run->log_rows);
	MemoryContextDelete(step_context);
	mig_hook_end_run(run);
	if (mig_guc_log_retention > 0)
		mig_log_expire(mig_guc_log_retention);
}

/*
 * Tries a step until it is done.  Otherwise raises the error, and the caller's
 * transaction takes the earlier steps back.
 */
static void
execute_until_done(MigStepExec *exec, int index)
{
	ErrorData  *error;

	CHECK_FOR_INTERRUPTS();
	mig_step_begin(exec, &exec->run->plan->steps[index], index + 1);
	mig_termination_watch(exec);
	mig_progress_step(exec);
	for (;;)
	{
		MigRetry	retry;
		int			delay;

		error = exec->body.script == NULL ? NULL :
			mig_gate_wait(exec, 0, exec->body.script->nstatements);
		if (error != NULL)
		{
			mig_failure_explain_function(exec->run, error, false);
			ReThrowError(error);
		}
		error = mig_step_execute(exec, NULL);
		if (error == NULL)
			break;
		retry = mig_retry_ask(exec, error, &delay);
		if (retry != MIG_RETRY_SUBTRANSACTION)
		{
			bool		advised = explain_procedure(exec, error) ||
			(retry == MIG_RETRY_GIVE_UP &&
			 error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE);

			mig_failure_explain_function(exec->run, error, advised);
			ReThrowError(error);
		}
		FreeErrorData(error);
		mig_session_state_deallocate();
		mig_clock_sleep(delay);
		mig_step_again(exec);
	}
}

/*
 * What one transaction cannot do, the procedure can.  Which statements are
 * known by their parse tree was looked at before; these the server refuses for
 * what its catalogs say.  A hook cannot do it in the procedure either.  False: it
 * is none of that.
 */
static bool
explain_procedure(const MigStepExec *exec, ErrorData *error)
{
	bool		refused = exec->run->failed_hook == NULL &&
	(mig_error_is_in_transaction_block(error) ||
	 error->sqlerrcode == ERRCODE_UNSAFE_NEW_ENUM_VALUE_USAGE);

	if (refused)
		error->hint = psprintf("One transaction cannot do that. The procedure commits between such statements: %s",
							   mig_advice_procedure_call(exec->run));
	return refused;
}
