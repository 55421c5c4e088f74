/*
 * hook.c
 *	  Calls the functions that are registered for what a run does.
 *
 * A hook has the rights of the role that runs, and its search_path, as a body has.
 * So a run calls one only if the role that has registered it, and the role that
 * owns the function, which can replace it at any time, both have these rights; a
 * SECURITY DEFINER function can leave things in the session, too.  All are looked
 * at before the first step, and each again before it is called: transactions have
 * ended meanwhile.
 *
 * A hook of a step is called in the step's transaction, and repeated with it: one
 * before it in the first of its transactions, one after it in the last.  Those of a
 * run that commits have transactions of their own.
 *
 * Which events have hooks is asked once, when the plan has steps.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/command.h"
#include "base/guc.h"
#include "base/printable.h"
#include "base/retry.h"
#include "run/run_internal.h"
#include "tables/hook.h"

/* The hooks of an event of the run that are called in a transaction. */
typedef struct Call
{
	MigRun	   *run;
	MigHookEvent event;
	const MigEvent *told;		/* by NOTIFY, too; or NULL */
	const ErrorData *error;
} Call;

/* The failure of a run, and of a step. */
typedef struct Failure
{
	MigRun	   *run;
	const ErrorData *error;
	bool		in_step;
} Failure;

/* Whether a hook is being called. */
static bool called = false;

static bool has_hooks(const MigRun *run, MigHookEvent event);
static void require(const MigHook *hook, const MigRun *run);
pg_noreturn static void refuse(const MigHook *hook, const char *role,
							   bool is_owner);
static char *unhook(const MigHook *hook);
static void notify_failure(void *arg);
static void warn(const ErrorData *problem, const char *what);
static void call_until_done(Call *call);
static ErrorData *try_call(Call *call);
static void deallocate(void *arg);
static void call_and_tell(void *arg);
static void call_hooks(MigRun *run, MigHookEvent event, bool of_step,
					   const ErrorData *error);
static void call_hook(const MigHook *hook, Datum event, bool transaction_ends,
					  bool locked);
static void add_context(void *arg);
static void explain_run(const MigRun *run, MigHookEvent event,
						ErrorData *error);

/*
 * In the transaction that has made the plan: looks which events have hooks, and
 * raises an error if one of these must not be called.
 */
void
mig_hook_begin(MigRun *run)
{
	MigHook    *hooks;
	int			nhooks;

	/* A decision about a revision is no run. */
	if (run->request->step != NULL)
		return;
	run->hooks = mig_hook_events(MIG_SPI_READ_LATEST);
	if (run->hooks == 0)
		return;
	if (run->rehearses)
	{
		run->hooks = 0;
		ereport(NOTICE,
				(errmsg("hooks are not called, because nothing of this stays")));
		return;
	}
	hooks = mig_hook_find(NULL, GetUserId(), &nhooks);
	for (int i = 0; i < nhooks; i++)
		require(&hooks[i], run);
}

static bool
has_hooks(const MigRun *run, MigHookEvent event)
{
	return (run->hooks & (1 << event)) != 0;
}

/*
 * Raises an error if the hook must not be called.
 */
static void
require(const MigHook *hook, const MigRun *run)
{
	if (!OidIsValid(hook->function))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("hook %s does not exist", hook->name),
				 errdetail("The function was dropped since it was registered for %s; one that was created anew is another one.",
						   mig_hook_event_name(hook->event)),
				 errhint("To run without it: %s", unhook(hook))));
	if (!hook->fits)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("hook %s is no function of one jsonb that returns void",
						hook->name),
				 errhint("To run without it: %s", unhook(hook))));
	if (!hook->trusted)
		refuse(hook, hook->registered_by, false);
	if (!hook->owner_trusted)
		refuse(hook, hook->owner, true);
	if (!hook->executable)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to call hook %s as role \"%s\"",
						hook->name, GetUserNameFromId(GetUserId(), false)),
				 errdetail("The role may not execute the function."),
				 errhint("GRANT EXECUTE ON FUNCTION %s TO %s; or, to run without it: %s",
						 hook->name,
						 quote_identifier(GetUserNameFromId(GetUserId(), false)),
						 unhook(hook))));
	if (mig_guc_require_approval && !hook->may_approve)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("hook %s is not approved", hook->name),
				 errdetail("The setting migrate.require_approval is on, and role \"%s\", which has registered the hook, may not approve revisions.",
						   hook->registered_by),
				 errhint("A role that may call migrate_approve() can register it again: SELECT migrate_hook('%s', %s);",
						 mig_hook_event_name(hook->event),
						 quote_literal_cstr(hook->name))));
}

/*
 * A hook must give no role rights of the runner.
 */
static void
refuse(const MigHook *hook, const char *role, bool is_owner)
{
	char	   *runner = GetUserNameFromId(GetUserId(), false);

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to call hook %s as role \"%s\"",
					hook->name, runner),
			 is_owner ?
			 errdetail("Role \"%s\" owns the function and can replace it. It is not this role, a superuser, or a member of this role. The hook was not called.",
					   role) :
			 errdetail("Role \"%s\" registered it. It is not this role, a superuser, or a member of this role. The hook was not called.",
					   role),
			 is_owner ?
			 errhint("Give the function to a role with the rights of %s: ALTER FUNCTION %s OWNER TO ...; or, to run without it: %s",
					 mig_printable_quoted(runner), hook->name, unhook(hook)) :
			 errhint("A role with the rights of %s can register it again: SELECT migrate_hook('%s', %s); or, to run without it: %s",
					 mig_printable_quoted(runner), mig_hook_event_name(hook->event),
					 quote_literal_cstr(hook->name), unhook(hook))));
}

static char *
unhook(const MigHook *hook)
{
	return psprintf("SELECT migrate_unhook('%s', %s);",
					mig_hook_event_name(hook->event),
					quote_literal_cstr(hook->name));
}

/*
 * Whether what happens is a hook's doing.
 */
bool
mig_hook_is_called(void)
{
	return called;
}

/*
 * The first step may begin: tells of it, and calls the hooks before the run.
 * Raises an error, and nothing was run.
 */
void
mig_hook_begin_run(MigRun *run)
{
	MigEvent	told = {
		.run = run,
		.name = "run",
		.state = "started"
	};
	Call		call = {run, MIG_HOOK_BEFORE_RUN, &told};

	run->announced = true;
	if (run->notify != NULL || has_hooks(run, MIG_HOOK_BEFORE_RUN))
		call_until_done(&call);
}

/*
 * The run has ended without an error, perhaps before its target.
 */
void
mig_hook_end_run(MigRun *run)
{
	MigEvent	told = {
		.run = run,
		.name = "run",
		.state = "succeeded"
	};
	Call		call = {run, MIG_HOOK_AFTER_RUN, &told};

	if (run->notify != NULL || has_hooks(run, MIG_HOOK_AFTER_RUN))
		call_until_done(&call);
}

/*
 * An error ends a run that commits, after what it has done was rolled back, and in a
 * step was logged.  What goes wrong here must not hide it.
 */
void
mig_hook_fail_run(MigRun *run, const ErrorData *error, bool in_step)
{
	Failure		failure = {run, error, in_step};
	Call		call = {run, MIG_HOOK_ON_ERROR, NULL, error};
	ErrorData  *problem;

	if (!run->announced)
		return;
	if (run->notify != NULL)
	{
		problem = mig_xact(notify_failure, &failure, MIG_XACT_BOUNDED);
		if (problem != NULL)
			warn(problem, "notification of the failure of this run");
	}
	if (has_hooks(run, MIG_HOOK_ON_ERROR))
	{
		problem = try_call(&call);
		if (problem != NULL)
			warn(problem, run->failed_hook == NULL ? "hooks for on_error" :
				 psprintf("hook %s for on_error", run->failed_hook));
	}
}

static void
notify_failure(void *arg)
{
	const Failure *failure = arg;
	MigEvent	event = {
		.run = failure->run,
		.name = "step",
		.state = "failed",
		.of_step = true,
		.ended = true,
		.error = failure->error
	};

	if (failure->in_step)
		mig_event_notify(&event);
	event.name = "run";
	event.of_step = false;
	mig_event_notify(&event);
}

/*
 * A cancel must not take the place of the error that follows.
 */
static void
warn(const ErrorData *problem, const char *what)
{
	HOLD_INTERRUPTS();
	ereport(WARNING,
			(errcode(problem->sqlerrcode),
			 errmsg("%s failed: %s", what, problem->message)));
	RESUME_INTERRUPTS();
}

/*
 * Calls the hooks of an event of a run; what a run in the caller's transaction
 * raises ends that, otherwise it is tried again as a step is.
 */
static void
call_until_done(Call *call)
{
	MigRun	   *run = call->run;

	for (int attempt = 1;; attempt++)
	{
		ErrorData  *error = try_call(call);

		if (error == NULL)
			return;
		if (!run->commits ||
			!mig_retry_work(run->request->via, attempt, error,
							psprintf("hook %s", run->failed_hook != NULL ?
									 run->failed_hook : "of the run")))
		{
			explain_run(run, call->event, error);
			ReThrowError(error);
		}
		(void) mig_subxact(deallocate, NULL);
		mig_xact_renew();
	}
}

/*
 * NULL: done, and committed if the run commits.
 */
static ErrorData *
try_call(Call *call)
{
	MigRun	   *run = call->run;
	ErrorData  *error;

	run->failed_hook = NULL;
	mig_utility_hook_begin_attempt(!run->server->rollback_undoes_ddl);
	/* There the security context does it, whose errors say why. */
	if (run->role_locked)
		mig_guc_lock_role(false);
	error = run->commits ? mig_xact(call_and_tell, call, 0) :
		mig_subxact(call_and_tell, call);
	if (run->role_locked)
		mig_guc_lock_role(true);
	mig_utility_hook_end_attempt();
	if (error == NULL)
		return NULL;
	mig_step_explain_role_change(error);
	if (run->role_locked)
		(void) mig_subxact(deallocate, NULL);
	return error;
}

/*
 * What a hook has prepared is the session's, also after an error.
 */
static void
deallocate(void *arg)
{
	mig_session_state_deallocate();
}

static void
call_and_tell(void *arg)
{
	Call	   *call = arg;
	MigRun	   *run = call->run;
	MigTemporary before;
	bool		alone = run->role_locked &&
	run->request->via != MIG_VIA_WORKER;

	/* A hook cannot set the isolation level. */
	if (run->commits)
		(void) GetTransactionSnapshot();
	if (has_hooks(run, call->event))
	{
		if (alone)
			mig_session_state_note(&before);
		call_hooks(run, call->event, false, call->error);
		if (alone)
			mig_session_state_refuse(&before);
	}
	if (call->told != NULL)
		mig_event_notify(call->told);
}

/*
 * In the transaction of a step, and its environment: calls the hooks before it, or
 * after it.
 */
void
mig_hook_call_step(MigStepExec *exec, bool after)
{
	MigHookEvent event = after ? MIG_HOOK_AFTER_STEP : MIG_HOOK_BEFORE_STEP;

	if (!has_hooks(exec->run, event))
		return;
	/* An error is none of a statement of the body, nor of our tables. */
	exec->writes_rows = false;
	exec->body.statement = 0;
	exec->body.statement_text = NULL;
	call_hooks(exec->run, event, true, NULL);
}

/*
 * Calls the hooks of an event one after the other, each in an environment that
 * ends with it, and what they defer.
 */
static void
call_hooks(MigRun *run, MigHookEvent event, bool of_step,
		   const ErrorData *error)
{
	MigEvent	described = {
		.run = run,
		.name = mig_hook_event_name(event),
		.of_step = of_step,
		.ended = event == MIG_HOOK_AFTER_STEP,
		.error = error
	};
	int			nhooks;
	MigHook    *hooks = mig_hook_find(&event, GetUserId(), &nhooks);
	Datum		json = mig_event_json(&described);
	MigRoleLock lock;

	mig_step_lock_role(&lock);
	for (int i = 0; i < nhooks; i++)
	{
		int			nest_level = NewGUCNestLevel();

		CHECK_FOR_INTERRUPTS();
		run->failed_hook = hooks[i].name;
		run->failed_event = mig_hook_event_name(event);
		require(&hooks[i], run);
		mig_step_set_lock_timeout(GUC_ACTION_SAVE);
		call_hook(&hooks[i], json, run->commits, lock.locked);
		AtEOXact_GUC(false, nest_level);
	}
	run->failed_hook = NULL;
	mig_step_unlock_role(&lock);
}

/*
 * By its OID: what has its name now need not be what was looked at.  locked: it must
 * leave nothing that the session would run with another role.
 */
static void
call_hook(const MigHook *hook, Datum event, bool transaction_ends,
		  bool locked)
{
	LOCAL_FCINFO(fcinfo, 1);
	FmgrInfo	function;
	ErrorContextCallback callback;

	callback.callback = add_context;
	callback.arg = unconstify(MigHook *, hook);
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	InvokeFunctionExecuteHook(hook->function);
	fmgr_info(hook->function, &function);
	/* What returns void may return null. */
	InitFunctionCallInfoData(*fcinfo, &function, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = event;
	fcinfo->args[0].isnull = false;
	called = true;
	PG_TRY();
	{
		(void) FunctionCallInvoke(fcinfo);
		CommandCounterIncrement();
		mig_constraint_check(transaction_ends);
		if (locked)
			mig_session_state_refuse(NULL);
	}
	PG_FINALLY();
	{
		called = false;
	}
	PG_END_TRY();
	PopActiveSnapshot();

	error_context_stack = callback.previous;
}

static void
add_context(void *arg)
{
	const MigHook *hook = arg;

	mig_blocker_keep();
	errcontext("hook %s for %s", hook->name, mig_hook_event_name(hook->event));
}

/*
 * What the error of a hook of the run means for what the run has done.
 */
static void
explain_run(const MigRun *run, MigHookEvent event, ErrorData *error)
{
	const char *state = NULL;

	if (run->failed_hook == NULL)
		return;
	error->message = event == MIG_HOOK_BEFORE_RUN ?
		psprintf("hook %s failed before the run: %s", run->failed_hook,
				 error->message) :
		psprintf("hook %s failed after the run: %s", run->failed_hook,
				 error->message);
	if (event == MIG_HOOK_BEFORE_RUN)
		state = "Nothing was run.";
	else if (run->commits)
		state = psprintf("All that the run has done stays: %d of %d steps are committed.",
						 run->ndone, run->plan->nsteps);
	else
		state = "Nothing of this call is left.";
	error->detail = error->detail == NULL ? pstrdup(state) :
		psprintf("%s\n%s", error->detail, state);
}

/*
 * After the error of a step: how to run without the hook that has raised it, or
 * NULL.
 */
char *
mig_hook_advice(const MigRun *run)
{
	if (run->failed_hook == NULL)
		return NULL;
	return psprintf("To run without the hook: SELECT migrate_unhook('%s', %s);",
					run->failed_event, quote_literal_cstr(run->failed_hook));
}
