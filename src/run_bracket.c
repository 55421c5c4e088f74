/*
 * run_bracket.c
 *	  The subtransaction bracket: work that succeeds, or leaves nothing.
 *
 * The one place that opens, releases and rolls back a subtransaction.  Rolling
 * one back also tidies up what an error leaves in the backend: SPI
 * connections, snapshots, locks, role and settings.  So the committing doors
 * do all their work in brackets, and the transaction around them is always
 * fit to be ended.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "run_bracket.h"

/*
 * Does the work in a subtransaction.  NULL: it is done.  Otherwise nothing of
 * it is left but the error, in the current memory context.
 */
ErrorData *
mig_run_bracket(MigRunWork work, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

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
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}
