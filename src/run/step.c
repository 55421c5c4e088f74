/*
 * step.c
 *	  Executes one step: bodies, version row and log row in one subtransaction.
 *
 * A revision is applied together with its version row and log row, or not at
 * all; the log rows of a function's run are written together later in its
 * transaction, where it has several steps.
 * Where a body cannot be one transaction, its last segment is; the segments before
 * are noted in migrate.partial, each with what it did.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/command.h"
#include "base/compat.h"
#include "base/error_text.h"
#include "base/guc.h"
#include "base/printable.h"
#include "run/batch_internal.h"
#include "tables/batch.h"
#include "tables/partial.h"
#include "tables/repeatable.h"
#include "tables/revision.h"

/* What a subtransaction is opened for. */
typedef struct Attempt
{
	MigStepExec *exec;
	MigSegment *segment;		/* NULL: the whole body */
	bool		is_last;		/* it ends the step */
} Attempt;

static void read_body(const MigRun *run, const MigStep *step, int index,
					  MigStepBody *body);
static void read_ahead(const MigPlan *plan, int index, MigStepBodies *ahead);
static List *read_settings(const char *list);
static void attempt_work(void *arg);
static void deallocate(void *arg);
static void execute_statements(Attempt *attempt);
static void write_rows(MigStepExec *exec);
static void write_partial(MigStepExec *exec, const MigSegment *segment);
static void add_context(void *arg);
static void explain_dropped_tables(const MigStepExec *exec,
								   ErrorData *error);
static void explain_locks(const MigStepExec *exec, ErrorData *error);
static void add_version_context(void *arg);
static void set_milliseconds(const char *name, int milliseconds,
							 GucContext context, GucAction action);

/*
 * Begins to execute the steps of a run.
 */
void
mig_step_begin_run(MigRun *run)
{
	MigStepExec *exec = &run->exec;

	mig_session_state_check_owners();
	run->session_timeout = StatementTimeout;
	exec->run = run;
	mig_log_new_run(&exec->entry.run);
	exec->entry.via = run->request->via;
	exec->entry.version_table = run->version->name;
	exec->entry.version_oid = MIG_LOG_VERSION_OID(run->version);
	exec->entry.role = GetUserId();
}

/*
 * Begins a step, whose number counts from 1: reads its body.  What it takes is in
 * the current memory context, which must last as long as the step.
 */
void
mig_step_begin(MigStepExec *exec, const MigStep *step, int number)
{
	const MigRun *run = exec->run;
	MigStepBody body;

	read_body(run, step, number - 1, &body);
	exec->step = step;
	exec->message = body.message;
	exec->author = body.author;
	exec->author_oid = body.author_oid;
	exec->external = body.external;
	exec->entry.step = number;
	exec->entry.revision = step->revision;
	exec->entry.operation = step->command;
	exec->entry.body_hash = body.hash;
	exec->entry.revision_hash = body.revision_hash;
	exec->entry.attempts = 0;
	exec->entry.error = NULL;
	exec->entry.search_path = NULL;
	exec->entry.note = NULL;
	exec->noted = run->partial != NULL;
	exec->part_committed = run->partial != NULL;
	exec->advised = false;
	exec->nobjects = 0;
	exec->blocked_since = 0;
	exec->batch = NULL;
	exec->batched = false;
	exec->entry.blocked_by = NULL;
	memset(&exec->blockers, 0, sizeof(exec->blockers));

	memset(&exec->body, 0, sizeof(exec->body));
	exec->body.revision = step->revision;
	exec->body.operation = mig_command_name(step->command);
	exec->body.repeatable = step->command == MIG_COMMAND_REPEAT;
	exec->body.attempt = 1;
	exec->body.text = body.text;
	exec->body.context = CurrentMemoryContext;
	exec->body.transaction_ends = run->commits;
	/* A repeatable is one transaction. */
	exec->body.may_split = run->commits && step->command != MIG_COMMAND_REPEAT;
	exec->body.may_repeat = run->server->table_locks && mig_guc_lock_timeout > 0;
	exec->body.session_timeout = run->session_timeout;
	exec->body.runner = exec->entry.role;
	if (body.text != NULL)
	{
		exec->body.settings = mig_step_settings(body.settings);
		mig_body_split(&exec->body, body.per_statement,
					   run->commits && !run->server->rollback_undoes_ddl);
		exec->body.as_sent = body.per_statement &&
			run->server->rollback_undoes_ddl;
	}
	/* In a rehearsal it need not be done yet. */
	mig_verify_begin(&exec->verify, &exec->body,
					 exec->external != NULL && run->rehearses ? NULL : body.verify);
	exec->temporary = NULL;
	/* The session of a worker ends with its job. */
	if (run->role_locked && run->request->via != MIG_VIA_WORKER)
	{
		MigTemporary *before = palloc(sizeof(MigTemporary));

		mig_session_state_note(before);
		/* What is not noted must not be dropped. */
		exec->temporary = before;
	}
	mig_resource_usage_begin(&exec->begin);
}

/*
 * Other sessions cannot change bodies while a run holds its locks, but where it
 * commits a body may release them: each is read just before it runs.  A function
 * reads the next ones of its plan with it.
 */
static void
read_body(const MigRun *run, const MigStep *step, int index, MigStepBody *body)
{
	MigStepBodies *ahead = run->bodies;

	memset(body, 0, sizeof(*body));
	if (step->revision == NULL)
		return;
	if (step->command == MIG_COMMAND_REPEAT)
	{
		mig_repeatable_body(step->revision, body);
		return;
	}
	if (ahead == NULL)
	{
		mig_revision_body(step->revision, step->command, body);
		return;
	}
	if (index >= ahead->first + ahead->n)
		read_ahead(run->plan, index, ahead);
	*body = ahead->bodies[index - ahead->first];
}

static void
read_ahead(const MigPlan *plan, int index, MigStepBodies *ahead)
{
	char	   *ids[lengthof(ahead->bodies)];
	int			n = 0;
	MemoryContext old_context;

	for (int i = index; i < plan->nsteps && n < lengthof(ids); i++)
	{
		if (plan->steps[i].revision == NULL ||
			plan->steps[i].command == MIG_COMMAND_REPEAT)
			break;
		ids[n++] = unconstify(char *, plan->steps[i].revision);
	}
	MemoryContextReset(ahead->context);
	old_context = MemoryContextSwitchTo(ahead->context);
	ahead->first = index;
	ahead->n = mig_revision_bodies(ids, n, plan->steps[index].command,
								   ahead->bodies);
	MemoryContextSwitchTo(old_context);
}

/*
 * The settings that are made before the bodies of a revision, whose own are given
 * as a list.
 */
List *
mig_step_settings(const char *of_revision)
{
	return list_concat(read_settings(mig_guc_transaction_settings),
					   read_settings(of_revision));
}

/*
 * The settings of a list, which was checked when it was set or registered.
 */
static List *
read_settings(const char *list)
{
	const char *problem;

	return list == NULL ? NIL : mig_setting_list_parse(list, &problem);
}

/*
 * An attempt begins.  Only the first one is counted here, the others are by
 * mig_step_again().
 */
void
mig_step_attempt(MigStepExec *exec)
{
	exec->entry.attempts = Max(exec->entry.attempts, 1);
}

/*
 * There is going to be another attempt.
 */
void
mig_step_again(MigStepExec *exec)
{
	exec->body.attempt++;
	exec->entry.attempts++;
}

/*
 * Whether a step ends with a segment.  What has committed already by itself is
 * noted as done before a verify body looks at it, which may raise an error: that
 * is a segment without statements then.
 */
bool
mig_step_ends_with(const MigStepExec *exec, const MigSegment *segment)
{
	return segment->first + segment->nstatements == exec->body.script->nstatements &&
		(exec->verify.text == NULL || segment->kind == MIG_STATEMENT_ORDINARY);
}

/*
 * Tries a step once, or a segment of it, which may turn out to be shorter.  NULL:
 * it is done.  Otherwise nothing of it is left but the error, in the current
 * memory context; the caller decides what next.
 */
ErrorData *
mig_step_execute(MigStepExec *exec, MigSegment *segment)
{
	const MigRun *run = exec->run;
	Attempt		attempt = {exec, segment, segment == NULL};
	ErrorData  *error;

	if (segment != NULL)
		attempt.is_last = mig_step_ends_with(exec, segment);

	mig_step_attempt(exec);
	exec->writes_rows = false;
	exec->verifying = false;
	mig_utility_hook_begin_attempt(!run->server->rollback_undoes_ddl);
	/* There the security context does it, whose errors say why. */
	if (run->role_locked)
		mig_guc_lock_role(false);
	error = mig_subxact(attempt_work, &attempt);
	if (run->role_locked)
		mig_guc_lock_role(true);
	mig_utility_hook_end_attempt();
	if (error == NULL)
		mig_version_accept(run->version);
	else
	{
		mig_version_discard(run->version);
		mig_body_locate(exec->verifying ? &exec->verify : &exec->body, error);
		mig_step_explain_role_change(error);
		/* The session must not be left with what it has refused. */
		if (run->role_locked)
			(void) mig_subxact(deallocate, NULL);
		mig_step_explain_transaction_end(exec, error);
		explain_dropped_tables(exec, error);
		explain_locks(exec, error);
	}
	return error;
}

/*
 * What a body sets ends with the body, so that neither the version row nor
 * the next revision meets it; our lock timeout ends with the step.  The role
 * is locked until the version row is written: a version table of another owner
 * may have triggers, the body's among them.
 */
static void
attempt_work(void *arg)
{
	Attempt    *attempt = arg;
	MigStepExec *exec = attempt->exec;
	MigRun	   *run = exec->run;
	int			step_nest_level = NewGUCNestLevel();
	MigRoleLock lock;

	mig_step_lock_role(&lock);
	mig_step_set_lock_timeout(GUC_ACTION_SAVE);

	if (run->commits)
	{
		/*
		 * A body cannot set the isolation level, also without a
		 * subtransaction.
		 */
		(void) GetTransactionSnapshot();
		mig_lock_transaction();
		mig_step_hold_version(run);
	}
	if (!exec->part_committed)
		mig_hook_call_step(exec, false);
	if (exec->body.text != NULL)
		execute_statements(attempt);
	if (attempt->is_last && exec->verify.text != NULL)
		mig_verify_execute(exec);
	mig_compat_injection_point("migrate-after-body");
	exec->writes_rows = true;
	if (attempt->is_last)
	{
		write_rows(exec);
		mig_hook_call_step(exec, true);
	}
	else
		write_partial(exec, attempt->segment);
	if (lock.locked)
		mig_session_state_refuse(attempt->is_last ? exec->temporary : NULL);
	mig_step_unlock_role(&lock);
	AtEOXact_GUC(false, step_nest_level);
}

static void
deallocate(void *arg)
{
	mig_session_state_deallocate();
}

static void
execute_statements(Attempt *attempt)
{
	MigBodyExec *body = &attempt->exec->body;
	MigSegment *segment = attempt->segment;
	int			nest_level = NewGUCNestLevel();

	if (segment == NULL)
		(void) mig_body_execute(body, 0, body->script->nstatements);
	else if (segment->kind == MIG_STATEMENT_ORDINARY)
	{
		int			ndone = mig_body_execute(body, segment->first,
											 segment->nstatements);

		if (ndone < segment->nstatements)
			attempt->is_last = false;
		segment->nstatements = ndone;
	}
	else if (segment->kind == MIG_STATEMENT_BATCH &&
			 !mig_batch_execute_in_body(attempt->exec, segment))
		attempt->is_last = false;
	AtEOXact_GUC(false, nest_level);
}

/*
 * The version row, what it deferred, and the log row, unless the run writes its
 * log rows together.
 */
static void
write_rows(MigStepExec *exec)
{
	MigVersion *version = exec->run->version;
	MigEvent	told = {
		.run = exec->run,
		.name = "step",
		.state = "succeeded",
		.of_step = true,
		.ended = true
	};
	MigSpiScope scope;
	ErrorContextCallback callback;

	callback.callback = add_context;
	callback.arg = exec;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	if (exec->step->command == MIG_COMMAND_REPEAT)
		mig_version_check_unmoved(version, exec->step->revision);
	if (!version->own)
	{
		mig_version_move(version, exec->step);
		mig_constraint_check(exec->body.transaction_ends);
	}
	/* The settings of internal SQL are made once for all that follows. */
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	if (version->own)
		mig_version_move(version, exec->step);
	if (exec->noted)
		mig_partial_clear(version);
	if (exec->noted || exec->batched)
		mig_batch_clear(version);
	if (exec->step->command == MIG_COMMAND_REPEAT)
		mig_repeatable_note(version, exec->step->revision, exec->entry.body_hash,
							&exec->entry.run);
	/* What it takes down may be what a repeatable has made. */
	if (exec->step->command == MIG_COMMAND_DOWNGRADE && exec->entry.step == 1)
		mig_repeatable_forget(version);
	if (exec->external != NULL && !exec->run->rehearses)
		exec->entry.note = mig_trust_use_confirmation(exec);
	mig_resource_usage_since(&exec->begin, &exec->entry.usage);
	mig_step_describe_environment(exec);
	if (exec->run->log_rows == NULL)
		mig_log_write(&exec->entry);
	mig_event_notify(&told);
	mig_spi_end(&scope);

	error_context_stack = callback.previous;
}

/*
 * Notes that a segment is done, or that its batches have begun, and no more than
 * that.
 */
static void
write_partial(MigStepExec *exec, const MigSegment *segment)
{
	MigPartialSegment row;
	bool		is_batch = segment->kind == MIG_STATEMENT_BATCH &&
	!exec->batch->finished;

	if (is_batch && exec->batch->noted)
		return;
	if (segment->kind == MIG_STATEMENT_ORDINARY &&
		!exec->body.script->statements[segment->first].in_block)
		mig_session_state_end_segment(&exec->body,
									  segment->first + segment->nstatements);
	mig_step_describe_segment(exec, segment, &row);
	mig_session_lock_carry(row.session_objects, row.nsession_objects);
	if (is_batch)
	{
		mig_partial_started(&row);
		exec->batch->noted = true;
	}
	else
		mig_partial_done(&row);
}

/*
 * What migrate.partial says of a segment.
 */
void
mig_step_describe_segment(MigStepExec *exec, const MigSegment *segment,
						  MigPartialSegment *row)
{
	exec->noted = true;
	memset(row, 0, sizeof(*row));
	row->version = exec->run->version;
	row->revision = exec->step->revision;
	row->operation = exec->step->command;
	row->statement = segment->first + 1;
	row->last_statement = segment->first + segment->nstatements;
	row->line = exec->body.script->statements[segment->first].line;
	row->kind = segment->tag;
	row->body_hash = exec->entry.body_hash;
	row->run = &exec->entry.run;
	row->role = exec->entry.role;
	row->settings = mig_session_setting_texts(exec->body.collected,
											  exec->entry.role,
											  &row->nsettings);
	row->path_schemas = mig_session_setting_schemas(exec->body.collected,
													&row->npath_schemas);
	row->session_id = mig_session_state_id();
	row->session_objects = mig_session_state_objects(exec->objects,
													 exec->nobjects,
													 &row->nsession_objects);
}

/*
 * What the log says of how the body's statements ran.
 */
void
mig_step_describe_environment(MigStepExec *exec)
{
	exec->entry.search_path = exec->body.search_path;
	exec->entry.effective_role = exec->body.role;
}

static void
add_context(void *arg)
{
	const MigStepExec *exec = arg;
	const MigBodyExec *body = &exec->body;

	mig_blocker_keep();
	if (OidIsValid(exec->run->version->acting_owner))
		errcontext("write with the rights of the owner of version table \"%s\"",
				   mig_printable(exec->run->version->name));
	if (exec->step->command == MIG_COMMAND_REPEAT)
		errcontext("note that repeatable \"%s\" has run, attempt %d", body->revision,
				   body->attempt);
	else
		errcontext("version row of the %s of revision \"%s\", attempt %d",
				   body->operation, body->revision ? body->revision : "base",
				   body->attempt);
}

/*
 * Whether a body may SET ROLE.  Not if the session was opened, or will be after
 * this call, as another role than the runner: RESET ROLE would give the body
 * rights that were not compared with its author's.  The server then refuses
 * such statements as in a SECURITY DEFINER function.
 */
bool
mig_step_can_change_role(void)
{
	Oid			runner = GetUserId();

	return runner == GetSessionUserId() && runner == GetAuthenticatedUserId();
}

/*
 * Keeps the role as it is until mig_step_unlock_role(), unless a body may change
 * it.  An error unlocks it, too.
 */
void
mig_step_lock_role(MigRoleLock *lock)
{
	lock->locked = !mig_step_can_change_role();
	GetUserIdAndSecContext(&lock->userid, &lock->sec_context);
	if (lock->locked)
		SetUserIdAndSecContext(lock->userid, lock->sec_context |
							   SECURITY_LOCAL_USERID_CHANGE);
}

void
mig_step_unlock_role(const MigRoleLock *lock)
{
	if (lock->locked)
		SetUserIdAndSecContext(lock->userid, lock->sec_context);
}

/*
 * A body that tries it is told how it could.
 */
void
mig_step_explain_role_change(ErrorData *error)
{
	if (error->hint == NULL && mig_error_is_role_change(error))
		error->hint = pstrdup("A body may change its role only if the session was opened as the role that runs it.");
}

/*
 * A statement has tried to end a transaction that is not its own: it is told how
 * it could.
 */
void
mig_step_explain_transaction_end(const MigStepExec *exec, ErrorData *error)
{
	const MigBodyExec *body = &exec->body;
	const MigStatement *statement;
	const char *section = exec->step->command == MIG_COMMAND_UPGRADE ?
	"up" : "down";

	if (error->sqlerrcode != ERRCODE_INVALID_TRANSACTION_TERMINATION ||
		error->hint != NULL || body->statement <= 0)
		return;
	statement = &body->script->statements[body->statement - 1];
	if (!mig_script_ends_transactions(statement->tag))
		return;
	if (statement->in_block)
		error->hint = pstrdup("Write the statement outside of BEGIN and COMMIT.");
	else if (statement->kind == MIG_STATEMENT_COMMITS)
		error->hint = pstrdup("No transaction can be ended inside a block with an EXCEPTION clause, nor by a procedure that has a SET clause or is SECURITY DEFINER, nor in a function or trigger.");
	else if (exec->step->command == MIG_COMMAND_REPEAT)
		error->hint = pstrdup("A repeatable is one transaction. Put the statement into a revision.");
	else
		error->hint = psprintf("Register a body whose statements end transactions with transactional => false, or with \"-- migrate:%s transaction:false\" in a script.%s%s",
							   section,
							   exec->run->commits ? "" : "\nThe procedure runs it: ",
							   exec->run->commits ? "" : mig_advice_procedure_call(exec->run));
}

/*
 * The tables were there before the body: it has dropped them, in a cascade, or
 * renamed them.
 */
static void
explain_dropped_tables(const MigStepExec *exec, ErrorData *error)
{
	const MigBodyExec *body = &exec->body;
	char	   *what;

	if (!exec->writes_rows || body->text == NULL ||
		(error->sqlerrcode != ERRCODE_UNDEFINED_TABLE &&
		 error->sqlerrcode != ERRCODE_UNDEFINED_SCHEMA))
		return;
	/* The statement is ours, and says nothing. */
	error->internalquery = NULL;
	error->internalpos = 0;
	error->cursorpos = 0;
	error->detail = psprintf("After it, %s. It was rolled back.", error->message);
	what = exec->step->command == MIG_COMMAND_REPEAT ?
		psprintf("repeatable \"%s\"", body->revision) :
		psprintf("the %s of revision \"%s\"", body->operation, body->revision);
	if (exec->run->version->own)
		error->message = psprintf("%s drops or renames tables of the extension \"migrate\"",
								  what);
	else
		error->message = psprintf("%s drops or renames version table \"%s\" or tables of the extension \"migrate\"",
								  what, mig_printable(exec->run->version->name));
	error->hint = pstrdup("DROP SCHEMA ... CASCADE drops an extension that is installed in the schema. Drop the objects of the application one by one, or install the extension in a schema of its own.");
	error->sqlerrcode = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
}

/*
 * The locks of all steps may be too many where those of each are not.
 */
static void
explain_locks(const MigStepExec *exec, ErrorData *error)
{
	const char *procedure = mig_command_procedure(exec->step->command);

	if (exec->run->commits || exec->run->plan->nsteps == 1 ||
		!mig_error_is_lock_table_full(error))
		return;
	if (error->hint == NULL)
		error->hint = psprintf("CALL %s() releases locks after each revision.",
							   procedure);
	else
		error->hint = psprintf("%s CALL %s() releases locks after each revision.",
							   error->hint, procedure);
}

/*
 * A session whose own lock_timeout is shorter keeps it.  The server cancels an
 * autovacuum that is in the way, and finds a deadlock, after deadlock_timeout:
 * that has to come first.
 */
void
mig_step_set_lock_timeout(GucAction action)
{
	if (mig_guc_lock_timeout == 0 ||
		(LockTimeout > 0 && LockTimeout <= mig_guc_lock_timeout))
		return;
	set_milliseconds("lock_timeout", mig_guc_lock_timeout, PGC_USERSET, action);
	if (action != GUC_ACTION_SET && DeadlockTimeout >= mig_guc_lock_timeout)
		set_milliseconds("deadlock_timeout", Max(mig_guc_lock_timeout / 2, 1),
						 PGC_SUSET, action);
}

/*
 * Between two transactions the owner may have changed the version table.  With a
 * schema that is dropped or renamed it is gone, and the names of the body would be
 * found further on in the search_path.
 */
void
mig_step_hold_version(const MigRun *run)
{
	int			nest_level = NewGUCNestLevel();
	ErrorContextCallback callback;

	callback.callback = add_version_context;
	callback.arg = run->version;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	mig_step_set_lock_timeout(GUC_ACTION_SAVE);
	mig_version_lock_to_write(run->version, true);
	AtEOXact_GUC(false, nest_level);

	error_context_stack = callback.previous;
	/* No LOCK TABLE of the body's. */
	mig_utility_hook_forget_lock_tables();
}

static void
add_version_context(void *arg)
{
	const MigVersion *version = arg;

	mig_blocker_keep();
	errcontext("lock of version table \"%s\"", mig_printable(version->name));
}

static void
set_milliseconds(const char *name, int milliseconds, GucContext context,
				 GucAction action)
{
	char		value[32];

	snprintf(value, sizeof(value), "%d", milliseconds);
	(void) set_config_option(name, value, context, PGC_S_SESSION, action, true,
							 0, false);
}
