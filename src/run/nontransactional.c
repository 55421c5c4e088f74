/*
 * nontransactional.c
 *	  Runs statements that cannot run inside a transaction block.
 *
 * And those that may end transactions themselves, in a body that says so: of them
 * nothing tells how far they have come once they have committed.
 *
 * How such a statement ended is known as long as this process lives, and even
 * then an error may leave something: an INVALID index, a partition half
 * detached.  After an error this run, after a crash the next one asks probe.c
 * what there is now, repairs what is broken, and then knows the outcome.
 *
 * Must never run a statement again that may have taken effect.  An outcome that
 * stays unknown stops the run, and a person decides.
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/proc.h"

#include "base/clock.h"
#include "base/error_text.h"
#include "base/guc.h"
#include "base/retry.h"
#include "run/run_internal.h"
#include "tables/log.h"
#include "tables/partial.h"

/* A statement, and what is known of its outcome. */
typedef struct Outcome
{
	MigStepExec *exec;
	const MigSegment *segment;
	const char *text;
	MigProbe	probe;
	List	   *session;		/* its settings, to be put back */
	List	   *before;			/* the same with those of the revision */
	bool		atomic;			/* it has failed as a whole, if it has */
	bool		wrote;			/* it has committed something */
	MigVerdict	verdict;
	bool		repaired;		/* the verdict is that after a repair */
	int			nrepairs;
	char	  **repairs;
	int			lock_timeout;	/* with the settings of the statement, 0: none */
	int			statement_timeout;
	int			delay;			/* of the next look, 0: not waiting yet */
	int64		waiting_since;	/* by mig_clock_ms() */
	char	   *end;			/* how it ended, and what can be done, where a
								 * person has to decide */
	char	   *ways;
} Outcome;

/*
 * A session that has waited for transactions holds nothing for a moment before it
 * continues, by which it could be told from one that is gone.
 */
#define TIME_TO_SETTLE			300 /* ms */

#define FIRST_POLL_DELAY		10	/* ms */
#define MAX_POLL_DELAY			250 /* ms: what a waiting statement may lose */

/* What to do next, by the verdict. */
typedef enum Action
{
	ACTION_RUN,					/* run the statement */
	ACTION_REPAIR,				/* repair what it has left */
	ACTION_FINISH,				/* it is done */
	ACTION_STOP					/* a person has to decide */
} Action;

static Action next_action(MigVerdict verdict, bool can_repair);
static void begin(Outcome *outcome, MigStepExec *exec,
				  const MigSegment *segment);
static ErrorData *try_statement(Outcome *outcome);
static void locate(const Outcome *outcome, ErrorData *error);
static void note_start(void *arg);
static void call_hooks(MigStepExec *exec);
static void apply_settings(Outcome *outcome);
static void restore_settings(Outcome *outcome);
static void restore_work(void *arg);
static void wait_for_other(Outcome *outcome);
static void show_wait(Outcome *outcome);
static void examine(Outcome *outcome, const ErrorData *error);
static bool is_refusal(const ErrorData *error);
static void clean_up(Outcome *outcome, const ErrorData *error);
static void warn_of(const Outcome *outcome, const ErrorData *problem);
static ErrorData *repair(Outcome *outcome);
static ErrorData *run_repair(Outcome *outcome, const char *statement);
static void judge(void *arg);
static bool is_renamed(const MigStepExec *exec);
static void find_repairs(void *arg);
static ErrorData *forget(Outcome *outcome);
static void forget_start(void *arg);
static void note_done(void *arg);
static void note_done_within(void *arg);
static void check_body(const MigStepExec *exec);
pg_noreturn static void raise_unknown(Outcome *outcome);
static void find_ways(void *arg);
static char *describe_end(const Outcome *outcome, const char *error);

/*
 * Runs the statement until it has succeeded.  An error that is raised leaves
 * it noted as started, unless it is known to have no effect.
 */
void
mig_nontransactional_execute(MigStepExec *exec, const MigSegment *segment)
{
	Outcome		outcome;

	begin(&outcome, exec, segment);
	outcome.verdict = MIG_VERDICT_NOT_DONE;
	for (;;)
	{
		ErrorData  *error = NULL;

		switch (next_action(outcome.verdict, !outcome.repaired))
		{
			case ACTION_RUN:
				error = mig_gate_wait(exec, segment->first, 1);
				if (error != NULL)
				{
					if (outcome.verdict == MIG_VERDICT_NOT_DONE)
						(void) forget(&outcome);
					ReThrowError(error);
				}
				error = try_statement(&outcome);
				if (error == NULL)
					return;
				break;
			case ACTION_REPAIR:
				error = repair(&outcome);
				if (error == NULL)
					continue;
				break;
			case ACTION_FINISH:
				return;
			case ACTION_STOP:
				raise_unknown(&outcome);
		}

		if (outcome.verdict == MIG_VERDICT_OTHER ||
			outcome.verdict == MIG_VERDICT_UNKNOWN ||
			!mig_retry_wait(exec, error))
		{
			/* Whether the note of its start is there may not be known. */
			if (outcome.verdict == MIG_VERDICT_NOT_DONE)
				(void) forget(&outcome);
			else
				mig_failure_note_blockers(exec, error);
			ReThrowError(error);
		}

		/* Another attempt would fail because its effect is there. */
		if (outcome.verdict == MIG_VERDICT_DONE)
		{
			ereport(WARNING,
					(errcode(error->sqlerrcode),
					 errmsg("statement %d of the %s of revision \"%s\" reported an error, but has taken effect: %s",
							segment->first + 1, exec->body.operation,
							exec->body.revision, error->message)));
			return;
		}
		outcome.repaired = false;
	}
}

/*
 * Finds out the outcome of the statement that an earlier run has started.
 * Returns the index of the statement to resume with.
 */
int
mig_nontransactional_resume(MigStepExec *exec)
{
	const MigPartial *partial = exec->run->partial;
	MigSegment	segment = {
		partial->unknown - 1, 1, MIG_STATEMENT_NONTRANSACTIONAL, partial->kind
	};
	Outcome		outcome;
	ErrorData  *error;

	check_body(exec);
	if (partial->unknown == 0)
	{
		ereport(NOTICE,
				(errmsg("resuming the %s of revision \"%s\" after statement %d",
						exec->body.operation, exec->body.revision,
						partial->done)));
		return partial->done;
	}
	if (mig_partial_is_batch(partial))
	{
		ereport(NOTICE,
				(errmsg("resuming the %s of revision \"%s\" in statement %d, after the last batch that was committed",
						exec->body.operation, exec->body.revision,
						partial->unknown)));
		return partial->unknown - 1;
	}

	begin(&outcome, exec, &segment);
	outcome.probe.nobject = partial->nobject;
	outcome.probe.object = partial->object;
	outcome.probe.before = partial->before;
	mig_xact(judge, &outcome, MIG_XACT_RETRY | MIG_XACT_RAISE);
	for (;;)
	{
		switch (next_action(outcome.verdict,
							exec->run->request->top_level && !outcome.repaired))
		{
			case ACTION_FINISH:
				ereport(NOTICE,
						(errmsg("resuming the %s of revision \"%s\" after statement %d, which has taken effect",
								exec->body.operation, exec->body.revision,
								partial->unknown)));
				mig_xact(note_done, &outcome, MIG_XACT_RETRY | MIG_XACT_RAISE);
				return partial->unknown;
			case ACTION_RUN:
				ereport(NOTICE,
						(outcome.verdict == MIG_VERDICT_REPEATABLE ?
						 errmsg("resuming the %s of revision \"%s\" with statement %d, which may have been done and is run again",
								exec->body.operation, exec->body.revision,
								partial->unknown) :
						 errmsg("resuming the %s of revision \"%s\" with statement %d, which has not taken effect",
								exec->body.operation, exec->body.revision,
								partial->unknown)));
				return partial->unknown - 1;
			case ACTION_REPAIR:
				error = repair(&outcome);
				if (error != NULL)
					ReThrowError(error);
				break;
			case ACTION_STOP:
				raise_unknown(&outcome);
		}
	}
}

/*
 * A pure decision.
 */
static Action
next_action(MigVerdict verdict, bool can_repair)
{
	switch (verdict)
	{
		case MIG_VERDICT_NOT_DONE:
		case MIG_VERDICT_REPEATABLE:
			return ACTION_RUN;
		case MIG_VERDICT_DONE:
			return ACTION_FINISH;
		case MIG_VERDICT_BROKEN:
			return can_repair ? ACTION_REPAIR : ACTION_STOP;
		case MIG_VERDICT_OTHER:
		case MIG_VERDICT_UNKNOWN:
			break;
	}
	return ACTION_STOP;
}

static void
begin(Outcome *outcome, MigStepExec *exec, const MigSegment *segment)
{
	const MigStatement *statement =
	&exec->body.script->statements[segment->first];

	memset(outcome, 0, sizeof(*outcome));
	outcome->exec = exec;
	outcome->segment = segment;
	outcome->text = pnstrdup(exec->body.text + statement->location,
							 statement->length);
}

/*
 * One attempt.  NULL: it has succeeded.  Otherwise the verdict says what became
 * of it.
 */
static ErrorData *
try_statement(Outcome *outcome)
{
	MigBodyExec *body = &outcome->exec->body;
	const MigSegment *segment = outcome->segment;
	ErrorData  *error;
	uint64		lasting;
	uint64		written;

	mig_step_attempt(outcome->exec);
	mig_utility_hook_begin_attempt(false);
	while ((error = mig_xact(note_start, outcome, 0)) == NULL)
	{
		outcome->exec->part_committed = true;
		if (outcome->probe.busy == NULL)
			break;
		restore_settings(outcome);
		wait_for_other(outcome);
	}
	outcome->delay = 0;
	if (error != NULL)
	{
		mig_guc_lock_role(outcome->exec->run->role_locked);
		mig_step_explain_role_change(error);
		locate(outcome, error);
		return error;
	}

	lasting = mig_utility_hook_lasting();
	written = mig_utility_hook_written();
	error = mig_body_execute_utility(body, segment->first, outcome->before,
									 body->as_sent &&
									 segment->kind == MIG_STATEMENT_COMMITS ?
									 note_done_within : NULL, outcome);
	outcome->atomic = segment->kind == MIG_STATEMENT_COMMITS &&
		lasting == mig_utility_hook_lasting();
	outcome->wrote = written != mig_utility_hook_written();
	if (error != NULL)
	{
		mig_body_locate(body, error);
		mig_step_explain_role_change(error);
		mig_step_explain_transaction_end(outcome->exec, error);
	}
	restore_settings(outcome);
	if (segment->kind == MIG_STATEMENT_DISCARD_ALL)
		mig_lock_retake();
	if (error != NULL)
		examine(outcome, error);
	return error;
}

/*
 * What is wrong with the statement may be seen before it is run.
 */
static void
locate(const Outcome *outcome, ErrorData *error)
{
	MigBodyExec *body = &outcome->exec->body;
	const MigStatement *statement =
	&body->script->statements[outcome->segment->first];

	if (error->internalquery == NULL ||
		strcmp(error->internalquery, outcome->text) != 0)
		return;
	mig_error_position(error, outcome->text);
	body->statement = outcome->segment->first + 1;
	body->line = statement->line;
	error->context = mig_body_place(body);
}

/*
 * What has to be committed before the statement: its settings, what it is
 * about, and that it starts, unless it has to wait.
 */
static void
note_start(void *arg)
{
	Outcome    *outcome = arg;
	MigPartialSegment row;

	mig_step_hold_version(outcome->exec->run);
	if (!outcome->exec->part_committed)
		call_hooks(outcome->exec);
	apply_settings(outcome);
	mig_probe_before(outcome->text, &outcome->probe);
	outcome->lock_timeout = LockTimeout;
	outcome->statement_timeout = StatementTimeout;
	if (outcome->probe.busy != NULL)
		return;

	mig_step_describe_segment(outcome->exec, outcome->segment, &row);
	row.nobject = outcome->probe.nobject;
	row.object = outcome->probe.object;
	row.before = outcome->probe.before;
	mig_partial_started(&row);
	mig_blocker_announce(outcome->segment->tag);
}

/*
 * It is the first transaction of the step.
 */
static void
call_hooks(MigStepExec *exec)
{
	mig_guc_lock_role(false);
	mig_hook_call_step(exec, false);
	mig_guc_lock_role(exec->run->role_locked);
}

/*
 * Neither a SET nor DISCARD ALL may lead to another role than step.c allows.
 */
static void
apply_settings(Outcome *outcome)
{
	MigBodyExec *body = &outcome->exec->body;
	const MigSegment *segment = outcome->segment;
	MemoryContext old_context;
	MigRoleLock lock;

	if (outcome->exec->run->role_locked &&
		segment->kind == MIG_STATEMENT_DISCARD_ALL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a migration body cannot run DISCARD ALL as a role other than that of the session"),
				 errhint("Open the session as the role that runs it.")));

	old_context = MemoryContextSwitchTo(body->context);
	outcome->session = mig_session_setting_read();
	MemoryContextSwitchTo(old_context);

	/* Those that cannot run inside a transaction block wait by design. */
	if (segment->kind == MIG_STATEMENT_COMMITS)
		mig_step_set_lock_timeout(GUC_ACTION_SET);
	/* There the security context does it, whose errors say why. */
	mig_guc_lock_role(false);
	mig_step_lock_role(&lock);
	mig_setting_list_apply(body->settings);
	old_context = MemoryContextSwitchTo(body->context);
	outcome->before = mig_session_setting_read();
	MemoryContextSwitchTo(old_context);
	mig_body_set_session_settings(body, segment->first, outcome->before);
	mig_step_unlock_role(&lock);
	mig_guc_lock_role(outcome->exec->run->role_locked);
}

/*
 * A setting that does not go back is worth a warning, and no more: the
 * statement has ended as it has.
 */
static void
restore_settings(Outcome *outcome)
{
	ErrorData  *problem = mig_xact(restore_work, outcome, 0);

	if (problem == NULL)
		return;
	ereport(WARNING,
			(errcode(problem->sqlerrcode),
			 errmsg("could not restore the settings of the session: %s",
					problem->message)));
	if (problem->sqlerrcode == ERRCODE_QUERY_CANCELED)
		mig_xact_repeat_cancel();
}

static void
restore_work(void *arg)
{
	Outcome    *outcome = arg;

	mig_session_setting_restore(outcome->session);
}

/*
 * Waits a moment, with nothing held, because a live session works on what the
 * statement is about.  In the queue for its lock the statement would have a
 * snapshot, for which a concurrent build waits in turn: a deadlock, which ends
 * one of the two.
 */
static void
wait_for_other(Outcome *outcome)
{
	const MigBodyExec *body = &outcome->exec->body;
	int64		waited;

	if (outcome->delay == 0)
	{
		outcome->waiting_since = mig_clock_ms();
		outcome->delay = FIRST_POLL_DELAY;
		ereport(NOTICE,
				(errmsg("statement %d of the %s of revision \"%s\" waits for %s, which works on the same object",
						outcome->segment->first + 1, body->operation,
						body->revision, outcome->probe.busy)));
	}
	waited = mig_clock_ms() - outcome->waiting_since;
	show_wait(outcome);
	if (outcome->statement_timeout > 0 &&
		waited >= outcome->statement_timeout)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("canceling statement due to statement timeout"),
				 errdetail("It was waiting for %s.", outcome->probe.busy)));
	if (outcome->lock_timeout > 0 && waited >= outcome->lock_timeout)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("canceling statement due to lock timeout"),
				 errdetail("It was waiting for %s.", outcome->probe.busy)));
	if (mig_guc_blocker_wait > 0 && mig_guc_lock_timeout > 0 &&
		mig_retry_time_left(&outcome->exec->blocked_since) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("could not run statement %d of the %s of revision \"%s\", because another session works on the same object",
						outcome->segment->first + 1, body->operation,
						body->revision),
				 errdetail("It has waited for %d s for %s, as migrate.blocker_wait says.",
						   mig_guc_blocker_wait / 1000, outcome->probe.busy)));
	mig_clock_sleep(outcome->delay);
	mig_resource_usage_add_lock_wait(outcome->delay);
	outcome->delay = Min(outcome->delay * 2, MAX_POLL_DELAY);
}

/*
 * For other sessions, and for the log row if it waits in vain.
 */
static void
show_wait(Outcome *outcome)
{
	MigStepExec *exec = outcome->exec;
	MigBlockers blockers = {
		.who = outcome->probe.busy,
		.npids = 1,
		.pids = &outcome->probe.busy_pid
	};

	exec->entry.blocked_by = outcome->probe.busy;
	mig_progress_next(&exec->body, outcome->segment->first);
	mig_progress_wait(outcome->waiting_since, &blockers);
}

/*
 * After an error: what has become of the statement.  If it has committed
 * nothing it has done nothing, whatever there is under the name that it wanted:
 * another session has made that.  Where transactions have no ids, an error that
 * says that the name is taken, and the like, says as much.  Otherwise the
 * catalogs are asked.
 */
static void
examine(Outcome *outcome, const ErrorData *error)
{
	bool		known = outcome->exec->run->server->transaction_ids;
	ErrorData  *problem = NULL;

	outcome->verdict = MIG_VERDICT_NOT_DONE;
	outcome->probe.busy = NULL;
	if (known ? outcome->wrote :
		!outcome->atomic || mig_retry_outcome_unknown(error))
	{
		/* Until the catalogs were asked. */
		outcome->verdict = MIG_VERDICT_UNKNOWN;
		problem = mig_xact(judge, outcome, MIG_XACT_RETRY);
		if (outcome->verdict == MIG_VERDICT_REPEATABLE ||
			(!known && is_refusal(error) &&
			 outcome->verdict != MIG_VERDICT_BROKEN))
			outcome->verdict = MIG_VERDICT_NOT_DONE;
	}
	if (problem == NULL)
		clean_up(outcome, error);
	else
		warn_of(outcome, problem);
}

/*
 * Whether an error says that the statement was refused before it did anything:
 * class 42, syntax error or access rule violation.
 */
static bool
is_refusal(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
		ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION;
}

/*
 * Repairs what the statement has left, and takes back the note that it was
 * started if it has no effect.  If that fails the next run does it.  After a
 * cancel nothing is repaired: the caller does not want to wait.
 */
static void
clean_up(Outcome *outcome, const ErrorData *error)
{
	ErrorData  *problem = NULL;

	if (outcome->verdict == MIG_VERDICT_BROKEN && outcome->probe.busy == NULL &&
		(error->sqlerrcode != ERRCODE_QUERY_CANCELED ||
		 mig_error_is_statement_timeout(error)))
		problem = repair(outcome);
	if (problem == NULL && outcome->verdict == MIG_VERDICT_NOT_DONE)
		problem = forget(outcome);
	if (problem != NULL)
		warn_of(outcome, problem);
}

static void
warn_of(const Outcome *outcome, const ErrorData *problem)
{
	ereport(WARNING,
			(errcode(problem->sqlerrcode),
			 errmsg("could not clean up after statement %d of the %s of revision \"%s\": %s",
					outcome->segment->first + 1,
					outcome->exec->body.operation,
					outcome->exec->body.revision, problem->message),
			 errhint("The next run tries it again.")));
}

/*
 * Repairs what is broken once no live session works on it, and judges again.
 */
static ErrorData *
repair(Outcome *outcome)
{
	ErrorData  *error = NULL;
	bool		settled = false;

	while (error == NULL && outcome->verdict == MIG_VERDICT_BROKEN &&
		   (outcome->probe.busy != NULL || !settled))
	{
		if (outcome->probe.busy != NULL)
			wait_for_other(outcome);
		else
			mig_clock_sleep(TIME_TO_SETTLE);
		settled = outcome->probe.busy == NULL;
		error = mig_xact(judge, outcome, MIG_XACT_RETRY);
	}
	outcome->delay = 0;
	if (error != NULL || outcome->verdict != MIG_VERDICT_BROKEN)
		return error;

	error = mig_xact(find_repairs, outcome, MIG_XACT_RETRY);
	for (int i = 0; i < outcome->nrepairs && error == NULL; i++)
	{
		ereport(NOTICE,
				(errmsg("repairing what statement %d of the %s of revision \"%s\" has left: %s",
						outcome->segment->first + 1,
						outcome->exec->body.operation,
						outcome->exec->body.revision, outcome->repairs[i])));
		error = run_repair(outcome, outcome->repairs[i]);
	}
	if (error == NULL)
		error = mig_xact(judge, outcome, MIG_XACT_RETRY);
	outcome->repaired = error == NULL;
	return error;
}

static ErrorData *
run_repair(Outcome *outcome, const char *statement)
{
	ErrorData  *volatile error = NULL;

	mig_probe_guard(&outcome->probe);
	PG_TRY();
	{
		error = mig_body_utility(statement);
	}
	PG_FINALLY();
	{
		mig_probe_guard(NULL);
	}
	PG_END_TRY();
	return error;
}

static void
judge(void *arg)
{
	Outcome    *outcome = arg;

	outcome->verdict = mig_probe_after(outcome->text, &outcome->probe);
	/* Another schema may have the name by which the object is known. */
	if (outcome->verdict != MIG_VERDICT_REPEATABLE && is_renamed(outcome->exec))
		outcome->verdict = MIG_VERDICT_UNKNOWN;
	outcome->probe.busy = NULL;
	if (outcome->verdict == MIG_VERDICT_BROKEN)
		mig_probe_find_busy(&outcome->probe);
}

/*
 * Whether a schema of the search_path has another name than when the statement began.
 */
static bool
is_renamed(const MigStepExec *exec)
{
	const List *settings = exec->body.collected;
	const char *lost;
	const char *path = mig_session_setting_path(settings, &lost);

	return lost != NULL || (path != NULL &&
							strcmp(path, mig_session_setting_value(settings, "search_path")) != 0);
}

static void
find_repairs(void *arg)
{
	Outcome    *outcome = arg;

	outcome->nrepairs = 0;
	outcome->repairs = mig_probe_repairs(&outcome->probe, &outcome->nrepairs);
}

/*
 * The statement has no effect: takes the note back that it was started.  NULL:
 * done.
 */
static ErrorData *
forget(Outcome *outcome)
{
	ErrorData  *error = mig_xact(forget_start, outcome, MIG_XACT_RETRY);

	if (error != NULL && mig_retry_is_stale(error) &&
		mig_fresh_process_forget(&outcome->exec->entry.run,
								 outcome->segment->first + 1))
		return NULL;
	return error;
}

static void
forget_start(void *arg)
{
	Outcome    *outcome = arg;

	mig_partial_forget(outcome->exec->run->version,
					   outcome->segment->first + 1);
}

static void
note_done(void *arg)
{
	Outcome    *outcome = arg;
	MigPartialSegment row;

	mig_step_describe_segment(outcome->exec, outcome->segment, &row);
	mig_partial_done(&row);
}

/*
 * In the last transaction of a statement that ends transactions itself, so that
 * its outcome is unknown only if it died before that.
 */
static void
note_done_within(void *arg)
{
	/* The body may have set default_transaction_read_only. */
	XactReadOnly = false;
	note_done(arg);
}

/*
 * The registry keeps the body of a partial revision, but a role that can write
 * our tables can do anything.
 */
static void
check_body(const MigStepExec *exec)
{
	const MigPartial *partial = exec->run->partial;

	if (strcmp(exec->entry.body_hash, partial->body_hash) != 0 ||
		Max(partial->done, partial->unknown) > exec->body.script->nstatements)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" is partial, but its body has changed since",
						partial->revision),
				 errhint("When it is finished by hand: SELECT migrate_resolve(%1$s, 'finish');\nWhen it is undone by hand: SELECT migrate_resolve(%1$s, 'abandon');",
						 quote_literal_cstr(partial->revision))));
}

/*
 * The ways out are those of the error that has left the statement, if it was one.
 */
static void
raise_unknown(Outcome *outcome)
{
	const MigBodyExec *body = &outcome->exec->body;
	const MigStatement *statement =
	&body->script->statements[outcome->segment->first];
	bool		ends_transactions =
	mig_script_ends_transactions(outcome->segment->tag);
	int			position;
	char	   *excerpt = mig_script_excerpt(body->text, statement->location,
											 statement->location + statement->length,
											 statement->location, &position);

	mig_xact(find_ways, outcome, MIG_XACT_RETRY | MIG_XACT_RAISE);
	outcome->exec->advised = true;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("revision \"%s\" is partial, and the outcome of statement %d is unknown",
					body->revision, outcome->segment->first + 1),
			 ends_transactions ?
			 errdetail("%s It may have committed a part of what it does.",
					   outcome->end) :
			 outcome->verdict == MIG_VERDICT_OTHER ?
			 errdetail("%s Its object has another definition now, or is another one of that name.",
					   outcome->end) :
			 errdetail_internal("%s", outcome->end),
			 ends_transactions ?
			 errhint("Look for what it has committed.\n%s", outcome->ways) :
			 errhint("Look for its effect.\n%s", outcome->ways),
			 internalerrposition(position),
			 internalerrquery(excerpt)));
}

static void
find_ways(void *arg)
{
	Outcome    *outcome = arg;
	const MigRun *run = outcome->exec->run;
	MemoryContext old_context = MemoryContextSwitchTo(outcome->exec->body.context);
	MigPartial *partial = mig_partial_find(run->version, MIG_SPI_READ_LATEST);

	outcome->ways = partial == NULL ? pstrdup("") :
		mig_advice_ways_unknown(partial, mig_advice_command(run));
	outcome->end = describe_end(outcome, partial == NULL ? NULL :
								mig_log_error(partial->run, partial->revision));
	MemoryContextSwitchTo(old_context);
}

/*
 * How the statement ended, as a sentence.  error: what the run has logged that has
 * started it; NULL: it could not.
 */
static char *
describe_end(const Outcome *outcome, const char *error)
{
	const MigBodyExec *body = &outcome->exec->body;
	int			first = outcome->segment->first;
	int			line = body->script->statements[first].line;
	char	   *tag = mig_script_ends_transactions(outcome->segment->tag) ?
	psprintf(", %s,", outcome->segment->tag) : "";

	return error != NULL ?
		psprintf(_("Statement %d at line %d of the %s%s failed in an earlier run: %s."),
				 first + 1, line, body->operation, tag, error) :
		psprintf(_("Statement %d at line %d of the %s%s was running when an earlier run was interrupted."),
				 first + 1, line, body->operation, tag);
}
