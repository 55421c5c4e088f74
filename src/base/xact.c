/*
 * xact.c
 *	  The only place that ends a transaction.
 *
 * For the committing doors, which begin the next one at once: there is always
 * a transaction, and between two calls from here it holds nothing, no
 * snapshot and no lock.  SPI does the work, because it knows what the portal
 * and the procedures around a CALL need.
 *
 * Must not be called inside a bracket or between SPI_connect() and
 * SPI_finish() of our own.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "base/subtransaction.h"
#include "base/xact.h"

/* Of a process without a client. */
static Portal own_portal = NULL;

static ErrorData *end_transaction(void (*end) (void));
static void forget_snapshots(void);

/*
 * Whether a procedure is called by the client, and not by DO or another
 * procedure, which have SPI connected.
 */
bool
mig_xact_is_toplevel(void)
{
	return !SPI_inside_nonatomic_context();
}

/*
 * For a process without a client: begins its first transaction, and a portal
 * as the server has it around a CALL.  SPI takes snapshots only below one, and
 * its context is what lasts longer than the transactions.  It is the current
 * one afterwards.
 */
void
mig_xact_enter(void)
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
mig_xact_leave(void)
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
 * The transaction that has just begun writes our own tables only: it is not
 * to fail by what the session's defaults make of the user's.
 */
void
mig_xact_for_tables(void)
{
	Assert(!FirstSnapshotSet);
	XactIsoLevel = XACT_READ_COMMITTED;
	XactReadOnly = false;
	XactDeferrable = false;
}

/*
 * Commits.  NULL: done.  Otherwise the error, in the current memory context;
 * the transaction was rolled back, as far as this server knows.
 */
ErrorData *
mig_xact_commit(void)
{
	return end_transaction(SPI_commit);
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
 * Rolls back.
 */
void
mig_xact_abort(void)
{
	ErrorData  *error = end_transaction(SPI_rollback);

	if (error != NULL)
		ReThrowError(error);
}

/*
 * Does work in a bracket and commits it.  NULL: done.  Otherwise the error,
 * and the transaction was rolled back.
 */
ErrorData *
mig_xact_try(MigRunWork work, void *arg)
{
	ErrorData  *error = mig_subxact(work, arg);

	if (error == NULL)
		return mig_xact_commit();
	mig_xact_abort();
	return error;
}

/*
 * The same, but raises the error.
 */
void
mig_xact_must(MigRunWork work, void *arg)
{
	ErrorData  *error = mig_xact_try(work, arg);

	if (error != NULL)
		ReThrowError(error);
}

/*
 * Commits after a statement that has ended transactions by itself.
 */
ErrorData *
mig_xact_commit_toplevel(void)
{
	forget_snapshots();
	return mig_xact_commit();
}

/*
 * Cleans up after an error of such a statement, wherever in it that was.
 * Only below a CALL of the client: SPI connections of others would be cut.
 */
void
mig_xact_recover(void)
{
	forget_snapshots();
	AbortCurrentTransaction();
	StartTransactionCommand();
}

static ErrorData *
end_transaction(void (*end) (void))
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	PG_TRY();
	{
		end();
	}
	PG_CATCH();
	{
		/* SPI has cleaned up and begun a transaction before it raised this. */
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	SPI_finish();
	MemoryContextSwitchTo(context);
	return error;
}

/*
 * Such a statement may leave its own snapshot, the portal's, both or none;
 * the server's function takes all of them away, and then complains if they
 * were not exactly the portal's.
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
