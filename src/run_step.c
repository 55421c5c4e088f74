/*
 * run_step.c
 *	  One step in one bracket: body, version row, log row.
 *
 * The bracket is a subtransaction.  It is opened, released and rolled back
 * here and nowhere else, so a revision is applied together with its version
 * row and log row or not at all.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "guc.h"
#include "run_body.h"
#include "run_constraint.h"
#include "run_leftover.h"
#include "run_step.h"

/* What a subtransaction changes under its opener. */
typedef struct Bracket
{
	MemoryContext context;
	ResourceOwner owner;
} Bracket;

static void open_bracket(Bracket *bracket);
static void release_bracket(const Bracket *bracket);
static void roll_back_bracket(const Bracket *bracket);
static void run_inside(MigVersion *version, const MigStep *step,
					   MigBodyRun *run, MigLogEntry *entry);
static void write_rows(MigVersion *version, const MigStep *step,
					   MigBodyRun *run, MigLogEntry *entry);
static void add_context(void *arg);
static bool can_change_role(void);
static void explain_role_change(ErrorData *error);
static void set_lock_timeout(void);

/*
 * Tries a step once.  NULL: it is done.  Otherwise nothing of it is left but
 * the error, in the current memory context; the caller decides what next.
 * A stamp has no body text.
 */
ErrorData *
mig_run_step(MigVersion *version, const MigStep *step, const MigStepBody *body,
			 MigLogEntry *entry)
{
	MigBodyRun	run;
	Bracket		bracket;
	ErrorData  *volatile error = NULL;

	memset(&run, 0, sizeof(run));
	run.revision = step->revision;
	run.operation = mig_tab_log_command_name(step->command);
	run.attempt = entry->attempts;
	run.body = body->text;

	open_bracket(&bracket);
	PG_TRY();
	{
		run_inside(version, step, &run, entry);
		release_bracket(&bracket);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(bracket.context);
		error = CopyErrorData();
		FlushErrorState();
		roll_back_bracket(&bracket);
	}
	PG_END_TRY();

	if (error == NULL)
		mig_tab_version_accept(version);
	else
	{
		mig_tab_version_discard(version);
		mig_run_body_locate(&run, error);
		explain_role_change(error);
	}
	return error;
}

static void
open_bracket(Bracket *bracket)
{
	bracket->context = CurrentMemoryContext;
	bracket->owner = CurrentResourceOwner;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(bracket->context);
}

static void
release_bracket(const Bracket *bracket)
{
	ReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(bracket->context);
	CurrentResourceOwner = bracket->owner;
}

static void
roll_back_bracket(const Bracket *bracket)
{
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(bracket->context);
	CurrentResourceOwner = bracket->owner;
}

/*
 * What a body sets ends with the body, so that neither the version row nor
 * the next revision meets it; our lock timeout ends with the step.  The role
 * is locked until the version row is written: a version table of somebody
 * else may have triggers, the body's among them.
 */
static void
run_inside(MigVersion *version, const MigStep *step, MigBodyRun *run,
		   MigLogEntry *entry)
{
	int			step_nest_level = NewGUCNestLevel();
	bool		locked = !can_change_role();
	Oid			userid;
	int			sec_context;

	GetUserIdAndSecContext(&userid, &sec_context);
	if (locked)
		SetUserIdAndSecContext(userid,
							   sec_context | SECURITY_LOCAL_USERID_CHANGE);
	set_lock_timeout();
	mig_run_constraint_begin();
	if (run->body != NULL)
	{
		int			body_nest_level = NewGUCNestLevel();

		mig_run_body(run);
		AtEOXact_GUC(false, body_nest_level);
	}
	write_rows(version, step, run, entry);
	if (locked)
	{
		mig_run_leftover_refuse();
		SetUserIdAndSecContext(userid, sec_context);
	}
	AtEOXact_GUC(false, step_nest_level);
}

/*
 * The version row, what it deferred, and the log row.
 */
static void
write_rows(MigVersion *version, const MigStep *step, MigBodyRun *run,
		   MigLogEntry *entry)
{
	ErrorContextCallback callback;

	callback.callback = add_context;
	callback.arg = run;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	mig_tab_version_move(version, step);
	if (!version->own)
		mig_run_constraint_check();
	mig_tab_log_stop_cost(&entry->cost);
	mig_tab_log_succeeded(entry);

	error_context_stack = callback.previous;
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
static bool
can_change_role(void)
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
 * A session that waits for no lock as long as we would keeps its own limit.
 */
static void
set_lock_timeout(void)
{
	char		value[32];

	if (mig_guc_lock_timeout == 0 ||
		(LockTimeout > 0 && LockTimeout <= mig_guc_lock_timeout))
		return;
	snprintf(value, sizeof(value), "%d", mig_guc_lock_timeout);
	(void) set_config_option("lock_timeout", value,
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}
