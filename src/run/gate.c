/*
 * gate.c
 *	  Waits outside of the lock queue until long transactions are out of the way.
 *
 * A request for a lock that has to wait stops every session behind it in the
 * queue.  So before an attempt it is looked up which locks its statements will
 * ask for, and whether transactions of other sessions that hold locks in their
 * way are older than an attempt would wait.  While there are any, no attempt is
 * made.  A run that commits holds nothing meanwhile but its advisory locks; the
 * function holds what its transaction has locked before, and says so.
 *
 * What is not seen here, because it is not known or has just begun, the attempt
 * meets: then lock_timeout ends it, and the next one passes here again.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/clock.h"
#include "base/command.h"
#include "base/guc.h"
#include "base/retry.h"
#include "base/spi.h"
#include "run/run_internal.h"
#include "tables/revision.h"

#define FIRST_POLL_DELAY		10	/* ms */
#define MAX_POLL_DELAY			200 /* ms: how late it is seen that the way is
									 * free */

#define TERMINATION			1000	/* ms: how long a session may take to end */

/* A session in the way. */
typedef struct Session
{
	const char *pid;
	const char *transaction;	/* its virtual transaction id */
	bool		idle;			/* in that transaction */
	int64		since;			/* mig_clock_ms() when it was first seen */
	int64		asked_at;		/* to end; 0: not yet */
	bool		terminated;		/* false: it was gone */
} Session;

/* The wait before an attempt at some statements of a body. */
typedef struct Gate
{
	MigStepExec *exec;
	int			first;			/* index of a statement */
	int			nstatements;
	MemoryContext context;		/* for what the next look needs */
	int64		first_look;		/* mig_clock_ms(); 0: none yet */
	int			nunknown;		/* transactions of that one whose age is not
								 * known */
	char	  **unknown;
	MigLockHolders holders;		/* of this look */
	int			nsessions;		/* of them */
	Session    *sessions;
	const MigLockNeed *need;	/* the first one of an object that is there */
	int			validates;		/* index of a statement that reads all of a
								 * table while the relation below is locked;
								 * -1: none */
	const char *locked;
} Gate;

static bool needs_locks(const MigStepExec *exec, int first, int nstatements);
static bool is_free(Gate *gate);
static bool has_unknown(const Gate *gate);
static void look(void *arg);
static List *find_locks(Gate *gate);
static void note_validation(Gate *gate, int index, const List *locks);
static void say_validation(const Gate *gate);
static const char *advise_validation(const MigStepExec *exec);
static void show_waiting(const Gate *gate);
static int	waiting_statement(const Gate *gate);
static void say_waiting(const Gate *gate);
static void note_sessions(Gate *gate);
static void terminate(Gate *gate);
static void terminate_and_say(const Gate *gate, Session *session);
static void terminate_session(void *arg);
static void give_up(void *arg);

/*
 * Before an attempt at statements of the body: returns when no old transaction
 * is in their way.  NULL: none is.  Otherwise the error of a lock timeout, in the
 * current memory context, after migrate.blocker_wait.  In a run that commits to
 * be called between transactions.
 */
ErrorData *
mig_gate_wait(MigStepExec *exec, int first, int nstatements)
{
	Gate		gate = {exec, first, nstatements, .validates = -1};
	int			delay = FIRST_POLL_DELAY;
	int64		looked_at;
	bool		is_first = exec->blocked_since == 0;
	bool		said = false;

	/* Without a timeout an attempt is to wait in the queue. */
	if (mig_guc_blocker_wait == 0 || mig_guc_lock_timeout == 0 ||
		!exec->run->server->table_locks || !needs_locks(exec, first, nstatements))
		return NULL;
	gate.context = CurrentMemoryContext;
	while (!is_free(&gate))
	{
		int64		left = delay;

		looked_at = mig_clock_ms();
		if (gate.holders.n > 0)
		{
			left = mig_retry_time_left(&exec->blocked_since);
			exec->blockers = gate.holders.named;
			exec->entry.blocked_by = exec->blockers.who;
			show_waiting(&gate);
			if (!said)
				say_waiting(&gate);
			said = true;
			/* Who waits for a function's transaction would never end. */
			if (left <= 0 || (!exec->run->commits && gate.holders.wait_for_us))
				return mig_subxact(give_up, &gate);
			terminate(&gate);
		}
		mig_clock_sleep((int) Min(delay, left));
		if (exec->run->commits)
			mig_xact_renew();
		mig_resource_usage_add_lock_wait(mig_clock_ms() - looked_at);
		delay = Min(delay * 2, MAX_POLL_DELAY);
	}
	mig_progress_end_wait();
	if (said)
		memset(&exec->blockers, 0, sizeof(exec->blockers));
	/* What the attempt meets has a time of its own. */
	if (is_first)
		exec->blocked_since = 0;
	if (gate.validates >= 0 && exec->body.attempt == 1)
		say_validation(&gate);
	return NULL;
}

static bool
needs_locks(const MigStepExec *exec, int first, int nstatements)
{
	if (exec->body.script == NULL)
		return false;
	for (int i = first; i < first + nstatements; i++)
	{
		if (exec->body.script->statements[i].locks != NIL)
			return true;
	}
	return false;
}

/*
 * What is wrong with the body's settings is the attempt's to say.
 */
static bool
is_free(Gate *gate)
{
	const MigRun *run = gate->exec->run;
	ErrorData  *error;

	/* There the security context does it, whose errors say why. */
	if (run->role_locked)
		mig_guc_lock_role(false);
	error = run->commits ? mig_xact(look, gate, 0) : mig_subxact(look, gate);
	if (run->role_locked)
		mig_guc_lock_role(true);
	mig_body_forget_look(&gate->exec->body);
	if (error == NULL)
		return gate->holders.n == 0 && !has_unknown(gate);
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
	{
		/* The statement is ours, and says nothing. */
		error->context = NULL;
		ReThrowError(error);
	}
	FreeErrorData(error);
	return true;
}

/*
 * Whether a transaction of the first look is still there whose age the caller
 * may not see.  What is there after the time that an attempt would wait is older
 * than that, which every role can find out.
 */
static bool
has_unknown(const Gate *gate)
{
	for (int i = 0; i < gate->holders.nunknown; i++)
	{
		for (int k = 0; k < gate->nunknown; k++)
		{
			if (strcmp(gate->holders.unknown[i], gate->unknown[k]) == 0)
				return true;
		}
	}
	return false;
}

static void
look(void *arg)
{
	Gate	   *gate = arg;
	MemoryContext old_context = MemoryContextSwitchTo(gate->context);
	bool		is_old = gate->first_look != 0 &&
	mig_clock_ms() - gate->first_look >= mig_guc_lock_timeout;
	List	   *locks;
	MigRoleLock lock;

	memset(&gate->holders, 0, sizeof(gate->holders));
	mig_step_lock_role(&lock);
	locks = find_locks(gate);
	mig_step_unlock_role(&lock);
	gate->need = NULL;
	if (locks != NIL)
	{
		gate->need = ((MigNeededLock *) linitial(locks))->need;
		mig_needed_lock_holders(locks, mig_guc_lock_timeout, gate->unknown,
								is_old ? gate->nunknown : 0, true, &gate->holders);
	}
	if (gate->first_look == 0)
	{
		gate->first_look = mig_clock_ms();
		gate->unknown = gate->holders.unknown;
		gate->nunknown = gate->holders.nunknown;
	}
	MemoryContextSwitchTo(old_context);
}

/*
 * What the statements will lock: names mean what they do under the settings that
 * the body has made until then.
 */
static List *
find_locks(Gate *gate)
{
	MigBodyExec *body = &gate->exec->body;
	const MigStatement *statements = body->script->statements;
	int			nest_level = mig_body_begin_look(body, gate->first);
	int			end = gate->first + gate->nstatements;
	List	   *needs = NIL;
	List	   *locks = NIL;

	/* One of them locks something, or there would be no look. */
	while (statements[end - 1].locks == NIL &&
		   statements[end - 1].validates == NULL)
		end--;
	for (int i = gate->first; i < end; i++)
	{
		if (statements[i].setting)
		{
			locks = mig_needed_lock_add(locks, needs);
			needs = NIL;
			mig_body_look_past(body, i);
		}
		needs = list_concat(needs, statements[i].locks);
		if (statements[i].validates != NULL && gate->validates < 0)
		{
			locks = mig_needed_lock_add(locks, needs);
			needs = NIL;
			note_validation(gate, i, locks);
		}
	}
	locks = mig_needed_lock_add(locks, needs);
	mig_body_end_look(body, nest_level);
	return locks;
}

/*
 * What is locked before a statement validates a constraint stays locked while
 * this reads the table.  No other session uses what the body itself creates.
 */
static void
note_validation(Gate *gate, int index, const List *locks)
{
	const MigBodyExec *body = &gate->exec->body;

	if (locks == NIL ||
		!mig_needed_lock_is_large(body->script->statements[index].validates))
		return;
	gate->validates = index;
	gate->locked = ((const MigNeededLock *) linitial(locks))->need->name;
}

/*
 * The body is not split: half of it would stay when the constraint turns out to
 * be violated.  A rehearsal holds locks that a run of the same body in several
 * transactions gives back.
 */
static void
say_validation(const Gate *gate)
{
	const MigStepExec *exec = gate->exec;

	if (exec->run->rehearses && exec->body.script->ntransactions > 1)
		return;
	ereport(NOTICE,
			(errmsg("%s of revision \"%s\" keeps relation %s locked while it validates a constraint",
					exec->body.operation, exec->body.revision, gate->locked),
			 errdetail("Statement %d reads all of a table, and locks last until the transaction ends.",
					   gate->validates + 1),
			 errhint("%s", advise_validation(exec))));
}

/*
 * What is rehearsed may be run by the procedure; its step need not be one of the
 * run that is asked for.
 */
static const char *
advise_validation(const MigStepExec *exec)
{
	if (!exec->run->commits && !exec->run->rehearses)
		return psprintf("Put VALIDATE CONSTRAINT into a revision of its own, and use the procedure: %s",
						mig_advice_procedure_call(exec->run));
	switch (exec->step->command)
	{
		case MIG_COMMAND_REPEAT:
			return "Put VALIDATE CONSTRAINT into a revision of its own.";
		case MIG_COMMAND_DOWNGRADE:
			return "Put VALIDATE CONSTRAINT into a revision of its own, or begin the body with \"-- migrate:down transaction:false\".";
		default:
			return "Put VALIDATE CONSTRAINT into a revision of its own, or begin the body with \"-- migrate:up transaction:false\".";
	}
}

/*
 * For other sessions, which find no lock that this one waits for.
 */
static void
show_waiting(const Gate *gate)
{
	const MigStepExec *exec = gate->exec;

	mig_progress_next(&exec->body, waiting_statement(gate));
	mig_progress_wait(exec->blocked_since, &exec->blockers);
}

/*
 * The index of the statement that is the first to need a lock.
 */
static int
waiting_statement(const Gate *gate)
{
	const MigStatement *statements = gate->exec->body.script->statements;

	for (int i = gate->first; i < gate->first + gate->nstatements; i++)
	{
		if (list_member_ptr(statements[i].locks, gate->need))
			return i;
	}
	return gate->first;
}

static void
say_waiting(const Gate *gate)
{
	const MigStepExec *exec = gate->exec;
	const char *revision = exec->body.revision;

	ereport(LOG_SERVER_ONLY,
			(errmsg("%s of revision \"%s\" waits for older transactions",
					exec->body.operation, revision),
			 errdetail("Blocked by %s.", exec->blockers.who)));
	ereport(NOTICE,
			(errmsg("%s of revision \"%s\" waits for older transactions",
					exec->body.operation, revision),
			 exec->run->commits ?
			 errdetail("Blocked by %s. Nothing is locked meanwhile.",
					   exec->blockers.who) :
			 errdetail("Blocked by %s. This transaction keeps the locks that it has.",
					   exec->blockers.who),
			 errhint("%s", mig_blocker_advise(&exec->blockers))));
}

/*
 * Notes since when each session is in the way with this transaction: its next one
 * is another one.
 */
static void
note_sessions(Gate *gate)
{
	const MigLockHolders *holders = &gate->holders;
	Session    *sessions = palloc0(sizeof(Session) * Max(holders->npids, 1));

	for (int i = 0; i < holders->npids; i++)
	{
		sessions[i].since = mig_clock_ms();
		for (int k = 0; k < gate->nsessions; k++)
		{
			if (strcmp(gate->sessions[k].transaction,
					   holders->transactions[i]) == 0)
				sessions[i] = gate->sessions[k];
		}
		sessions[i].pid = holders->pids[i];
		sessions[i].transaction = holders->transactions[i];
		sessions[i].idle = strcmp(holders->idle[i], "true") == 0;
	}
	gate->sessions = sessions;
	gate->nsessions = holders->npids;
}

/*
 * Ends the sessions that migrate.terminate_blockers names and that were in the way
 * for longer than the patience, with the rights of the caller.
 */
static void
terminate(Gate *gate)
{
	note_sessions(gate);
	if (mig_guc_terminate_blockers == MIG_TERMINATE_BLOCKERS_OFF)
		return;
	for (int i = 0; i < gate->nsessions; i++)
	{
		Session    *session = &gate->sessions[i];
		int64		now = mig_clock_ms();

		if ((session->idle ||
			 mig_guc_terminate_blockers == MIG_TERMINATE_BLOCKERS_ALL) &&
			now - session->since >= mig_guc_blocker_patience &&
			(session->asked_at == 0 || now - session->asked_at >= TERMINATION))
		{
			session->asked_at = now;
			terminate_and_say(gate, session);
		}
	}
}

static void
terminate_and_say(const Gate *gate, Session *session)
{
	const MigStepExec *exec = gate->exec;
	ErrorData  *error;

	session->terminated = false;
	error = exec->run->commits ? mig_xact(terminate_session, session, 0) :
		mig_subxact(terminate_session, session);
	if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	if (error != NULL)
		ereport(WARNING,
				(errcode(error->sqlerrcode),
				 errmsg("could not end process %s, which blocks the %s of revision \"%s\": %s",
						session->pid, exec->body.operation, exec->body.revision,
						error->message)));
	else if (session->terminated)
		ereport(WARNING,
				(errmsg("terminated process %s, which blocked the %s of revision \"%s\"",
						session->pid, exec->body.operation, exec->body.revision),
				 errdetail("Blocked by %s.", exec->blockers.who)));
	else
		ereport(NOTICE,
				(errmsg("process %s, which blocked the %s of revision \"%s\", had ended before it could be terminated",
						session->pid, exec->body.operation, exec->body.revision)));
}

/*
 * Another session may have got its process id since, or it another transaction.
 */
static void
terminate_session(void *arg)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.pg_terminate_backend(l.pid)"
		"  FROM pg_catalog.pg_locks AS l"
		" WHERE l.locktype = 'virtualxid' AND l.virtualxid = $2"
		"   AND l.virtualtransaction = $2 AND l.granted AND l.pid = $1::int4"
	};
	Session    *session = arg;
	MigSpiArgs	args = {0};
	Datum		terminated;

	mig_spi_arg_text(&args, session->pid);
	mig_spi_arg_text(&args, session->transaction);
	session->terminated = mig_spi_first_datum(&query, &args, MIG_SPI_CALLER,
											  MIG_SPI_READ_LATEST,
											  BOOLOID, &terminated) &&
		DatumGetBool(terminated);
}

/*
 * Who blocks it is added to the error where the run ends.
 */
static void
give_up(void *arg)
{
	const Gate *gate = arg;
	const MigStepExec *exec = gate->exec;

	if (!exec->run->commits && gate->holders.wait_for_us)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("could not begin the %s of revision \"%s\", because the holder of a lock that it needs waits for this transaction",
						exec->body.operation, exec->body.revision),
				 errhint("The procedure holds nothing while it waits: %s",
						 mig_advice_procedure_call(exec->run))));
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("could not begin the %s of revision \"%s\", because older transactions hold locks that it needs",
					exec->body.operation, exec->body.revision),
			 errdetail("It has waited for %d s, as migrate.blocker_wait says.",
					   mig_guc_blocker_wait / 1000)));
}

/*
 * The transactions that upgrades to these revisions would wait for now, as far as
 * is known without running them, and how to end them.  NULL: none.
 */
char *
mig_run_blocked_by(char *const *revisions, int nrevisions, char **advice)
{
	List	   *needs = NIL;
	List	   *locks;
	MigLockHolders holders;

	if (!mig_server()->table_locks)
		return NULL;
	for (int i = 0; i < nrevisions; i++)
	{
		MigStepBody body;
		MigScript  *script;

		CHECK_FOR_INTERRUPTS();
		mig_revision_body(revisions[i], MIG_COMMAND_UPGRADE, &body);
		script = mig_script_split_text(body.text, body.per_statement);
		for (int k = 0; k < script->nstatements; k++)
			needs = list_concat(needs, script->statements[k].locks);
	}
	locks = mig_needed_lock_add(NIL, needs);
	if (locks == NIL)
		return NULL;

	/*
	 * What a run holds it gives back: who ended its session would interrupt
	 * it.
	 */
	mig_needed_lock_holders(locks, mig_guc_lock_timeout, NULL, 0, false, &holders);
	if (holders.n == 0)
		return NULL;
	*advice = mig_blocker_advise(&holders.named);
	return holders.named.who;
}
