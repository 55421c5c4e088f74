/*
 * yb_sim_retry.c
 *	  Queries that are executed again.
 *
 * YugabyteDB's query layer catches a conflict and runs the whole query again,
 * whatever of it has taken effect for good by then.  Here each execution has
 * an executor of its own and is a subtransaction; the one that the server has
 * prepared is never run.  Rows reach the client when an execution has
 * succeeded.
 *
 * A CALL is repeated, too, where READ COMMITTED is what it says: after an error
 * of class YB, in a new transaction; what the procedure has committed stays.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "executor/tstoreReceiver.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "yb_sim.h"

#if PG_VERSION_NUM >= 180000
#define EXECUTE_ONCE
#else
#define EXECUTE_ONCE	, true
#endif

static ErrorData *try_call(YbSimCall call, void *arg, int *max_retries);
static void begin_anew(void);
static ErrorData *execute(QueryDesc *query, Tuplestorestate *rows,
						  int *max_retries);
static void execute_copy(QueryDesc *query, Tuplestorestate *rows);
static bool is_conflict(const ErrorData *error);
static void send_rows(QueryDesc *query, Tuplestorestate *rows);

/*
 * In place of ExecutorRun().
 */
void
yb_sim_retry_run(QueryDesc *query)
{
	Tuplestorestate *rows = tuplestore_begin_heap(false, false, work_mem);
	bool		in_block = IsTransactionBlock();
	ErrorData  *error;
	int			max_retries;

	for (int retries = 0;
		 (error = execute(query, rows, &max_retries)) != NULL; retries++)
	{
		if (!is_conflict(error) || retries >= max_retries)
			ReThrowError(error);
		/* Without a block a new transaction is begun there. */
		if (!in_block)
			yb_sim_fail_revive();
		FreeErrorData(error);
		tuplestore_clear(rows);
		CHECK_FOR_INTERRUPTS();
	}
	send_rows(query, rows);
	tuplestore_end(rows);
}

/*
 * NULL: it has succeeded.  max_retries is the setting when an error is
 * caught, before the settings of the query are taken back.
 */
static ErrorData *
execute(QueryDesc *query, Tuplestorestate *rows, int *max_retries)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	yb_sim_ddl_allow_rollback();
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		execute_copy(query, rows);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		*max_retries = yb_sim_max_retries;
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

static void
execute_copy(QueryDesc *query, Tuplestorestate *rows)
{
	DestReceiver *receiver = CreateDestReceiver(DestTuplestore);
	QueryDesc  *copy;

	SetTuplestoreDestReceiverParams(receiver, rows, CurrentMemoryContext,
									false, NULL, NULL);
	PushActiveSnapshot(GetTransactionSnapshot());
	copy = CreateQueryDesc(query->plannedstmt, query->sourceText,
						   GetActiveSnapshot(), InvalidSnapshot, receiver,
						   query->params, query->queryEnv, 0);
	ExecutorStart(copy, 0);
	ExecutorRun(copy, ForwardScanDirection, 0 EXECUTE_ONCE);
	ExecutorFinish(copy);
	ExecutorEnd(copy);
	FreeQueryDesc(copy);
	PopActiveSnapshot();
	receiver->rDestroy(receiver);
}

/*
 * In place of a CALL.
 */
void
yb_sim_retry_call(YbSimCall call, void *arg)
{
	ErrorData  *error;
	int			max_retries;

	for (int retries = 0;
		 (error = try_call(call, arg, &max_retries)) != NULL; retries++)
	{
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != YB_SIM_CLASS_YB ||
			retries >= max_retries)
			ReThrowError(error);
		FreeErrorData(error);
		CHECK_FOR_INTERRUPTS();
		begin_anew();
	}
}

/*
 * As SPI_rollback() does it.  What the procedure has left may not be exactly
 * the portal's snapshots, of which the server complains when they are gone.
 */
static void
begin_anew(void)
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
	AbortCurrentTransaction();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	EnsurePortalSnapshotExists();
}

static ErrorData *
try_call(YbSimCall call, void *arg, int *max_retries)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		call(arg);
	}
	PG_CATCH();
	{
		*max_retries = yb_sim_max_retries;
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return error;
}

static bool
is_conflict(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == YB_SIM_CLASS_YB;
}

static void
send_rows(QueryDesc *query, Tuplestorestate *rows)
{
	DestReceiver *dest = query->dest;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(query->tupDesc,
													&TTSOpsMinimalTuple);
	uint64		nrows = 0;

	dest->rStartup(dest, query->operation, query->tupDesc);
	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		if (!dest->receiveSlot(slot, dest))
			break;
		nrows++;
	}
	dest->rShutdown(dest);
	ExecDropSingleTupleTableSlot(slot);

	/* What the command tag says. */
	query->estate->es_processed = nrows;
}
