/*
 * step.c
 *	  One step in one bracket: body, version row, log row.
 *
 * A revision is applied together with its version row and log row, or not at
 * all.  Where a body cannot be one transaction, its last part is; the parts
 * before are noted in migrate.partial, each with what it did.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/server.h"
#include "base/xact.h"
#include "run/constraint.h"
#include "run/leftover.h"
#include "run/lock.h"
#include "run/progress.h"
#include "run/step.h"
#include "run/utility_hook.h"
#include "tables/version_open.h"

/* What a bracket is opened for. */
typedef struct StepWork
{
	MigStepRun *run;
	const MigSegment *segment;
	bool		closes;			/* it is the last one */
} StepWork;

static List *read_settings(const char *list);
static void run_inside(void *arg);
static void run_statements(MigStepRun *run, const MigSegment *segment);
static void write_rows(MigStepRun *run, bool clear);
static void write_checkpoint(MigStepRun *run, const MigSegment *segment);
static void add_context(void *arg);
static void explain_role_change(ErrorData *error);
static void explain_locks(const MigStepRun *run, ErrorData *error);

/*
 * Begins a run of any number of steps.
 */
void
mig_run_step_begin_run(MigStepRun *run, MigVersion *version, MigVia via,
					   int nsteps)
{
	memset(run, 0, sizeof(*run));
	run->nsteps = nsteps;
	run->version = version;
	run->via = via;
	mig_log_new_run(&run->entry.run);
	run->entry.via = via;
	run->entry.version_table = version->name;
	run->entry.role = GetUserId();
	run->session_timeout = StatementTimeout;
}

/*
 * Reads the body of the next step.  What it takes is in the current memory
 * context, which must last as long as the step.
 */
void
mig_run_step_begin(MigStepRun *run, const MigStep *step)
{
	MigStepBody body;

	mig_run_progress_step(step, run->entry.step, run->nsteps);
	memset(&body, 0, sizeof(body));
	if (step->revision != NULL)
		mig_revision_body(step->revision, step->command, &body);

	run->step = step;
	run->message = body.message;
	run->author = body.author;
	run->entry.revision = step->revision;
	run->entry.operation = step->command;
	run->entry.body_hash = body.hash;
	run->entry.attempts = 1;
	run->entry.error = NULL;

	memset(&run->body, 0, sizeof(run->body));
	run->body.revision = step->revision;
	run->body.operation = mig_log_command_name(step->command);
	run->body.attempt = 1;
	run->body.body = body.text;
	run->body.context = CurrentMemoryContext;
	run->body.transaction_ends = run->via != MIG_VIA_FUNCTION;
	run->body.session_timeout = run->session_timeout;
	if (body.text != NULL)
	{
		run->body.settings = list_concat(read_settings(mig_guc_transaction_settings),
										 read_settings(body.settings));
		mig_run_body_split(&run->body);
	}
	mig_resource_usage_begin(&run->begin);
}

/*
 * They were looked at when they were set or registered.
 */
static List *
read_settings(const char *list)
{
	const char *problem;

	return list == NULL ? NIL : mig_setting_list_parse(list, &problem);
}

/*
 * The next attempt begins.
 */
void
mig_run_step_again(MigStepRun *run)
{
	run->body.attempt++;
	run->entry.attempts++;
}

/*
 * Tries a step once, or a segment of it.  NULL: it is done.  Otherwise nothing
 * of it is left but the error, in the current memory context; the caller
 * decides what next.
 */
ErrorData *
mig_run_step(MigStepRun *run, const MigSegment *segment)
{
	StepWork	work = {run, segment, segment == NULL};
	ErrorData  *error;

	if (segment != NULL)
		work.closes = segment->first + segment->nstatements ==
			run->body.script->nstatements;

	mig_utility_hook_refuse_ddl(!mig_server()->rollback_undoes_ddl);
	error = mig_subxact(run_inside, &work);
	mig_utility_hook_refuse_ddl(false);
	if (error == NULL)
		mig_version_accept(run->version);
	else
	{
		mig_version_discard(run->version);
		mig_run_body_locate(&run->body, error);
		explain_role_change(error);
		explain_locks(run, error);
	}
	return error;
}

/*
 * What a body sets ends with the body, so that neither the version row nor
 * the next revision meets it; our lock timeout ends with the step.  The role
 * is locked until the version row is written: a version table of somebody
 * else may have triggers, the body's among them.
 */
static void
run_inside(void *arg)
{
	StepWork   *work = arg;
	MigStepRun *run = work->run;
	int			step_nest_level = NewGUCNestLevel();
	bool		locked = !mig_run_step_can_change_role();
	Oid			userid;
	int			sec_context;

	GetUserIdAndSecContext(&userid, &sec_context);
	if (locked)
		SetUserIdAndSecContext(userid,
							   sec_context | SECURITY_LOCAL_USERID_CHANGE);
	mig_run_step_lock_timeout(GUC_ACTION_SAVE);

	if (run->via != MIG_VIA_FUNCTION)
	{
		mig_run_lock_confirm();
		/* Between two transactions its owner may have changed it. */
		if (work->closes)
			mig_version_trust(run->version);
	}
	mig_run_constraint_begin();
	if (run->body.body != NULL)
		run_statements(run, work->segment);
	mig_compat_injection_point("migrate-after-body");
	if (work->closes)
		write_rows(run, work->segment != NULL);
	else
		write_checkpoint(run, work->segment);
	if (locked)
	{
		mig_run_leftover_refuse();
		SetUserIdAndSecContext(userid, sec_context);
	}
	AtEOXact_GUC(false, step_nest_level);
}

static void
run_statements(MigStepRun *run, const MigSegment *segment)
{
	int			nest_level = NewGUCNestLevel();

	if (segment == NULL)
		mig_run_body(&run->body, 0, run->body.script->nstatements);
	else if (segment->kind == MIG_STATEMENT_ORDINARY)
		mig_run_body(&run->body, segment->first, segment->nstatements);
	AtEOXact_GUC(false, nest_level);
}

/*
 * The version row, what it deferred, and the log row.
 */
static void
write_rows(MigStepRun *run, bool clear)
{
	ErrorContextCallback callback;

	callback.callback = add_context;
	callback.arg = &run->body;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	mig_version_move(run->version, run->step);
	if (!run->version->own)
		mig_run_constraint_check(run->body.transaction_ends);
	if (clear)
		mig_partial_clear(run->version->name);
	mig_resource_usage_since(&run->begin, &run->entry.cost);
	mig_log_write(&run->entry);

	error_context_stack = callback.previous;
}

/*
 * Notes that a segment is done, and no more than that.
 */
static void
write_checkpoint(MigStepRun *run, const MigSegment *segment)
{
	MigPartialSegment checkpoint;

	mig_run_step_checkpoint(run, segment, &checkpoint);
	mig_partial_done(&checkpoint);
}

/*
 * What a checkpoint says of a segment.
 */
void
mig_run_step_checkpoint(const MigStepRun *run, const MigSegment *segment,
						MigPartialSegment *checkpoint)
{
	memset(checkpoint, 0, sizeof(*checkpoint));
	checkpoint->version_table = run->version->name;
	checkpoint->revision = run->step->revision;
	checkpoint->operation = run->step->command;
	checkpoint->statement = segment->first + 1;
	checkpoint->last_statement = segment->first + segment->nstatements;
	checkpoint->line = run->body.script->statements[segment->first].line;
	checkpoint->kind = segment->tag;
	checkpoint->body_hash = run->entry.body_hash;
	checkpoint->run = &run->entry.run;
	checkpoint->role = run->entry.role;
}

static void
add_context(void *arg)
{
	const MigBodyRun *run = arg;

	errcontext("version row of the %s of revision \"%s\", attempt %d",
			   run->operation, run->revision ? run->revision : "base",
			   run->attempt);
}

/*
 * Whether a body may SET ROLE.  Not if the session was opened, or goes on
 * behind this call, as another role than the runner: RESET ROLE would give
 * the body rights that nobody has compared with its author's.  The server
 * then refuses such statements as in a SECURITY DEFINER function.
 */
bool
mig_run_step_can_change_role(void)
{
	Oid			runner = GetUserId();

	return runner == GetSessionUserId() && runner == GetAuthenticatedUserId();
}

static void
explain_role_change(ErrorData *error)
{
	if (error->message_id != NULL && error->hint == NULL &&
		strcmp(error->message_id,
			   "cannot set parameter \"%s\" within security-definer function") == 0)
		error->hint = pstrdup("A body may change its role only if the session was opened as the role that runs it.");
}

/*
 * The locks of all steps may be too many where those of each are not.
 */
static void
explain_locks(const MigStepRun *run, ErrorData *error)
{
	if (error->message_id != NULL && run->via == MIG_VIA_FUNCTION &&
		run->nsteps > 1 &&
		strcmp(error->message_id, "out of shared memory") == 0)
		error->hint = psprintf("%s%sCALL migrate_%s() gives locks back after each revision.",
							   error->hint ? error->hint : "",
							   error->hint ? " " : "",
							   run->step->command == MIG_COMMAND_UPGRADE ?
							   "deploy" : "revert");
}

/*
 * A session that waits for no lock as long as we would keeps its own limit.
 */
void
mig_run_step_lock_timeout(GucAction action)
{
	char		value[32];

	if (mig_guc_lock_timeout == 0 ||
		(LockTimeout > 0 && LockTimeout <= mig_guc_lock_timeout))
		return;
	snprintf(value, sizeof(value), "%d", mig_guc_lock_timeout);
	(void) set_config_option("lock_timeout", value,
							 PGC_USERSET, PGC_S_SESSION,
							 action, true, 0, false);
}
