/*
 * xact.c
 *	  Pieces of work, each in a subtransaction or in a transaction.
 *
 * The only place that begins and ends transactions and subtransactions.  A
 * piece of work succeeds, or leaves nothing but its error.  Rolling back a
 * subtransaction also cleans up what an error leaves in the backend: SPI
 * connections, snapshots, locks, role and settings.  So the procedure and the
 * worker do all their work in subtransactions, and the transaction around
 * them can always be ended.
 *
 * A commit begins the next transaction at once: there always is one, and
 * between two calls of mig_xact() it holds no snapshot, and no lock but those
 * of the session.  SPI does that, because it knows what the portal and the
 * procedures around a CALL need.
 *
 * mig_xact() and what commits must not be called in a subtransaction, nor
 * between SPI_connect() and SPI_finish() of our own.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "tcop/pquery.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/retry.h"
#include "base/statement_timeout.h"
#include "base/xact.h"

/* The work may wait for our own tables only, and not for long. */
#define OWN_WAITS \
	(MIG_XACT_BOUNDED | MIG_XACT_RETRY | MIG_XACT_OWN_TABLES)
#define OWN_LOCK_TIMEOUT		5000	/* ms */

/* Whether mig_subxact() does without, see mig_xact_without_subxacts(). */
static bool without_subxacts = false;

/*
 * A COMMIT that waits for a synchronous standby takes a cancel as the end of its
 * wait, and succeeds; so does the COMMIT within a statement that commits.
 */
static volatile sig_atomic_t cancel_seen = false;
static bool cancel_swallowed = false;
static struct sigaction cancel_action;

/* Of a process without a client. */
static Portal own_portal = NULL;

static ErrorData *work_in_transaction(MigWork work, void *arg);
static ErrorData *end_transaction(void (*end) (void));
static void begin_watch(void);
static void end_watch(bool succeeded);
static void see_cancel(int signo, siginfo_t * info, void *context);
static void set_own_tables(void);
static void bound_waits(void);
static void explain_wait(ErrorData *error);
static void recover(void);
static void forget_snapshots(void);

/*
 * Does work in a subtransaction.  NULL: it is done.  Otherwise nothing of it is
 * left but the error, in the current memory context.
 */
ErrorData *
mig_subxact(MigWork work, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	if (without_subxacts)
		return work_in_transaction(work, arg);

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		mig_statement_timeout_end();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

/*
 * Does work in a subtransaction and takes it back.  NULL: it could be done.
 * Otherwise the error, in the current memory context.
 */
ErrorData *
mig_subxact_undo(MigWork work, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(arg);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	mig_statement_timeout_end();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

/*
 * Does work and commits it.  NULL: it is committed.  Otherwise the error, in
 * the current memory context, and the transaction was rolled back; that of a
 * COMMIT, as far as this server knows.  Afterwards a new transaction has just
 * begun, except that work done with MIG_XACT_KEEP_OPEN leaves its own open.
 */
ErrorData *
mig_xact(MigWork work, void *arg, int flags)
{
	ErrorData  *error;

	for (int attempt = 1;; attempt++)
	{
		/* How long the work may wait is not for what follows. */
		int			nest_level = flags & MIG_XACT_KEEP_OPEN ?
		NewGUCNestLevel() : 0;

		if (flags & MIG_XACT_OWN_TABLES)
			set_own_tables();
		if (flags & OWN_WAITS)
			bound_waits();
		if (flags & MIG_XACT_NO_BLOCK)
		{
			begin_watch();
			error = work_in_transaction(work, arg);
			end_watch(error == NULL);
			if (error == NULL)
				forget_snapshots();
		}
		else
		{
			error = mig_subxact(work, arg);
			if (error != NULL)
				mig_xact_abort();
		}
		/* That such a statement is done has to be noted before a cancel. */
		if (error == NULL && flags & MIG_XACT_KEEP_OPEN)
			AtEOXact_GUC(false, nest_level);
		else if (error == NULL)
			error = flags & MIG_XACT_NO_BLOCK ?
				end_transaction(SPI_commit) : mig_xact_commit();
		if (error == NULL)
			return NULL;
		/* What is noted of an error must not be lost to the second signal. */
		if (flags & MIG_XACT_BOUNDED && attempt == 1 &&
			error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			continue;
		if (flags & OWN_WAITS)
			explain_wait(error);
		if ((flags & MIG_XACT_RETRY) == 0 ||
			!mig_retry_work(MIG_VIA_PROCEDURE, attempt, error,
							"access to the tables of the extension"))
			break;
		mig_xact_renew();
	}
	if (flags & MIG_XACT_RAISE)
		ReThrowError(error);
	return error;
}

/*
 * From now on, until it is switched off: mig_subxact() opens no subtransaction,
 * and an error rolls back the whole transaction.  For a server where no
 * subtransaction may be rolled back around DDL, and for a run that commits,
 * which ends the transaction anyway; only below a CALL that the client has
 * sent.
 */
void
mig_xact_without_subxacts(bool on)
{
	without_subxacts = on;
}

/*
 * Whether a procedure is called by the client, and not by DO or another
 * procedure, which have SPI connected.
 */
bool
mig_xact_is_top_level(void)
{
	return !SPI_inside_nonatomic_context();
}

/*
 * Commits.  NULL: done.  Otherwise the error, as mig_xact() says.
 */
ErrorData *
mig_xact_commit(void)
{
	ErrorData  *error = end_transaction(SPI_commit);

	if (cancel_swallowed)
		mig_xact_repeat_cancel();
	return error;
}

/*
 * After work that has ended with an error.  The server sends the signal of a
 * client's cancel request twice, to the process and to its group: the second one
 * is not for what is said and noted about the first.  It can come later, too; then
 * mig_xact() does work with MIG_XACT_BOUNDED once more.
 */
void
mig_xact_end_cancel(const ErrorData *error)
{
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		QueryCancelPending = false;
}

/*
 * A cancel was taken for something that could not be cancelled any more: what
 * comes next is.
 */
void
mig_xact_repeat_cancel(void)
{
	cancel_swallowed = false;
	QueryCancelPending = true;
	InterruptPending = true;
}

/*
 * Commits a transaction that has nothing which could fail: it gives back the
 * snapshot, and the next one has a time of its own.
 */
void
mig_xact_renew(void)
{
	ErrorData  *error = mig_xact_commit();

	if (error != NULL)
		ReThrowError(error);
}

/*
 * Rolls back.  An error of that is no reason to raise it, and to hide the one
 * for which it is done: the transaction is over, or the process would be.
 */
void
mig_xact_abort(void)
{
	(void) end_transaction(SPI_rollback);
}

/*
 * Rolls back subtransactions that an error has left open, down to a nesting
 * level: there was no memory to copy the error, or to roll back with.  What
 * the subtransaction has taken is not needed by now, so that this may succeed.
 */
void
mig_xact_abandon_subxacts(int level)
{
	MemoryContext context = CurrentMemoryContext;

	while (GetCurrentTransactionNestLevel() > level)
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
}

/*
 * For a process without a client: begins its first transaction, and a portal
 * as the server has it around a CALL.  SPI takes snapshots only below one, and
 * its context is what lasts longer than the transactions.  It is the current
 * one afterwards.
 */
void
mig_xact_begin_process(void)
{
	StartTransactionCommand();
	own_portal = CreatePortal("", true, true);
	PortalDefineQuery(own_portal, NULL, "", CMDTAG_CALL, NIL, NULL);
	PortalStart(own_portal, NULL, 0, InvalidSnapshot);
	MarkPortalActive(own_portal);
	ActivePortal = own_portal;
	PortalContext = AllocSetContextCreate(TopMemoryContext, "migrate worker",
										  ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(PortalContext);
}

/*
 * Commits the last transaction of such a process.
 */
void
mig_xact_end_process(void)
{
	mig_xact_renew();
	ActivePortal = NULL;
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(PortalContext);
	PortalContext = NULL;
	MarkPortalDone(own_portal);
	PortalDrop(own_portal, false);
	own_portal = NULL;
	CommitTransactionCommand();
}

/*
 * Does work in the transaction that there is.  An error rolls that back, and a
 * new one has just begun.
 */
static ErrorData *
work_in_transaction(MigWork work, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		work(arg);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		recover();
		mig_statement_timeout_end();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return error;
}

/*
 * Before SPI raises an error it has rolled back and begun the next transaction.
 * If even that failed, what this process would do next it would do in a
 * transaction that is neither open nor over, and a COMMIT of that tears the
 * database: the process must end.
 */
static ErrorData *
end_transaction(void (*end) (void))
{
	MemoryContext context = CurrentMemoryContext;
	LocalTransactionId ended = MIG_COMPAT_LOCAL_XID;
	ErrorData  *volatile error = NULL;

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	begin_watch();
	PG_TRY();
	{
		end();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		if (MIG_COMPAT_LOCAL_XID == ended || !IsTransactionState())
			ereport(FATAL,
					(errcode(error->sqlerrcode),
					 errmsg("terminating connection because a transaction could not be ended"),
					 errdetail("%s", error->message),
					 errhint("Connect again and repeat the command: it finds out what was committed.")));
	}
	PG_END_TRY();
	end_watch(error == NULL);
	SPI_finish();
	MemoryContextSwitchTo(context);
	return error;
}

/*
 * From here to end_watch() it is noticed if a cancel comes.
 */
static void
begin_watch(void)
{
	struct sigaction action;

	cancel_seen = false;
	sigaction(SIGINT, NULL, &cancel_action);
	action = cancel_action;
	action.sa_flags |= SA_SIGINFO;
	action.sa_sigaction = see_cancel;
	sigaction(SIGINT, &action, NULL);
}

/*
 * A cancel is swallowed if it is neither pending nor the error.
 */
static void
end_watch(bool succeeded)
{
	sigaction(SIGINT, &cancel_action, NULL);
	if (succeeded && !QueryCancelPending &&
		(cancel_seen || get_timeout_indicator(STATEMENT_TIMEOUT, false)))
		cancel_swallowed = true;
}

/*
 * A signal of this process to itself is a timeout; that of a lock may have been
 * handled by now.
 */
static void
see_cancel(int signo, siginfo_t * info, void *context)
{
	if (info->si_pid != MyProcPid)
		cancel_seen = true;
	if (cancel_action.sa_flags & SA_SIGINFO)
		cancel_action.sa_sigaction(signo, info, context);
	else if (cancel_action.sa_handler != SIG_IGN &&
			 cancel_action.sa_handler != SIG_DFL)
		cancel_action.sa_handler(signo);
}

/*
 * The transaction that has just begun writes our own tables only: the session's
 * defaults, which are for the user's, must not make it fail.
 */
static void
set_own_tables(void)
{
	Assert(!FirstSnapshotSet);
	XactIsoLevel = XACT_READ_COMMITTED;
	XactReadOnly = false;
	XactDeferrable = false;
}

/*
 * A session that has locked one of our tables must not stop a run, or a worker
 * at its end, for ever.  A shorter limit of the session is kept.
 */
static void
bound_waits(void)
{
	mig_guc_limit_lock_timeout(OWN_LOCK_TIMEOUT, GUC_ACTION_LOCAL);
}

/*
 * Says that the wait was not one of a body.
 */
static void
explain_wait(ErrorData *error)
{
	if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE ||
		error->detail != NULL || error->hint != NULL)
		return;
	error->detail = pstrdup("The extension was waiting for one of its own tables or for the version table, not for what a revision needs.");
	error->hint = pstrdup("Look in pg_locks for the session that has locked a table of schema migrate, or the version table, and run the command again when it has ended its transaction.");
}

/*
 * Aborts the transaction in whatever state it is, SPI connections of others
 * included; that is why it is only for what the client's CALL does itself.
 */
static void
recover(void)
{
	forget_snapshots();
	AbortCurrentTransaction();
	StartTransactionCommand();
}

/*
 * A statement that ends transactions may leave its own snapshot, the portal's,
 * both or none; the server's function takes all of them away, and then
 * complains if they were not exactly the portal's.
 */
static void
forget_snapshots(void)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		ForgetPortalSnapshots();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
}
