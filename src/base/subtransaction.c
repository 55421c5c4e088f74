/*
 * subtransaction.c
 *	  The subtransaction bracket: work that succeeds, or leaves nothing.
 *
 * The one place that opens, releases and rolls back a subtransaction.  Rolling
 * one back also tidies up what an error leaves in the backend: SPI
 * connections, snapshots, locks, role and settings.  So the committing doors
 * do all their work in brackets, and the transaction around them is always
 * fit to be ended.
 *
 * On a server where no subtransaction may be rolled back around DDL those
 * doors have none: a bracket that fails rolls back the whole transaction, and
 * the caller finds itself at the beginning of a new one.  They end it anyway.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/statement_timeout.h"
#include "base/subtransaction.h"
#include "base/xact.h"

static bool by_transaction = false;

/*
 * From now on, until it is switched off: no subtransactions.  Only for who
 * may end the transaction, below a CALL of the client.
 */
void
mig_subxact_by_transaction(bool on)
{
	by_transaction = on;
}

/*
 * Does the work in a subtransaction.  NULL: it is done.  Otherwise nothing of
 * it is left but the error, in the current memory context.
 */
ErrorData *
mig_subxact(MigRunWork work, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	if (by_transaction)
		return mig_subxact_transaction(work, arg);

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
 * Rolls back brackets that an error has left open, down to a nesting level:
 * there was no memory to copy it, or to roll back with.  What the bracket has
 * taken is not needed by now, so that this may go better.
 */
void
mig_subxact_abandon(int level)
{
	MemoryContext context = CurrentMemoryContext;

	while (GetCurrentTransactionNestLevel() > level)
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
}

/*
 * A bracket without a subtransaction, below a CALL of the client: an error rolls
 * back the whole transaction, and a new one has just begun.
 */
ErrorData *
mig_subxact_transaction(MigRunWork work, void *arg)
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
		mig_xact_recover();
		mig_statement_timeout_end();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return error;
}
