/*
 * fault.c
 *	  Breaks a CALL at a point that is asked for.
 *
 * While a CALL of the client runs, points are counted: before and after each
 * utility statement, before and after each statement that writes, before and
 * after each commit.  At point number fault.at happens what fault.action says.
 * fault.count tells afterwards how many points there were.
 *
 * Preloaded, it starts as many more schedulers as fault.more_schedulers says,
 * as if the server had more nodes.
 *
 * Only tests load this module.
 */
#include "postgres.h"

#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "access/xact.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "tcop/utility.h"
#include "utils/guc.h"
#include "utils/wait_event.h"

PG_MODULE_MAGIC;

typedef enum FaultAction
{
	FAULT_ERROR,				/* an error that is not tried again */
	FAULT_CONFLICT,				/* 40001, once */
	FAULT_CANCEL,				/* as pg_cancel_backend() */
	FAULT_TERMINATE,			/* as pg_terminate_backend() */
	FAULT_KILL,					/* kill -9 */
	FAULT_WAIT					/* until there is a file fault_go in the data
								 * directory */
} FaultAction;

static const struct config_enum_entry action_options[] = {
	{"error", FAULT_ERROR, false},
	{"conflict", FAULT_CONFLICT, false},
	{"cancel", FAULT_CANCEL, false},
	{"terminate", FAULT_TERMINATE, false},
	{"kill", FAULT_KILL, false},
	{"wait", FAULT_WAIT, false},
	{NULL, 0, false}
};

static int	fault_at = 0;
static int	fault_action = FAULT_ERROR;
static int	fault_count = 0;
static char *fault_kinds = NULL;
static int	more_schedulers = 0;

static bool in_call = false;
static ProcessUtility_hook_type previous_utility = NULL;
static ExecutorStart_hook_type previous_start = NULL;
static ExecutorEnd_hook_type previous_end = NULL;

void		_PG_init(void);

static void utility(PlannedStmt *pstmt, const char *queryString,
					bool readOnlyTree, ProcessUtilityContext context,
					ParamListInfo params, QueryEnvironment *queryEnv,
					DestReceiver *dest, QueryCompletion *qc);
static void pass_on(PlannedStmt *pstmt, const char *queryString,
					bool readOnlyTree, ProcessUtilityContext context,
					ParamListInfo params, QueryEnvironment *queryEnv,
					DestReceiver *dest, QueryCompletion *qc);
static void executor_start(QueryDesc *query, int eflags);
static void executor_end(QueryDesc *query);
static void transaction(XactEvent event, void *arg);
static void start_schedulers(void);
static void point(const char *name, bool can_raise);
static bool is_counted(const char *name);
static void wait_for_go(void);

void
_PG_init(void)
{
	DefineCustomIntVariable("fault.at", "Sets the point, 0: none.", NULL,
							&fault_at, 0, 0, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("fault.action", "Sets what happens there.", NULL,
							 &fault_action, FAULT_ERROR, action_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("fault.count", "Points of the last CALL.", NULL,
							&fault_count, 0, 0, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("fault.kinds", "Sets which points count.",
							   NULL, &fault_kinds,
							   "statement statement-end write write-end commit commit-end",
							   PGC_USERSET, 0, NULL, NULL, NULL);

	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility;
	previous_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
	previous_end = ExecutorEnd_hook;
	ExecutorEnd_hook = executor_end;
	RegisterXactCallback(transaction, NULL);
	if (process_shared_preload_libraries_in_progress)
		start_schedulers();
}

static void
start_schedulers(void)
{
	DefineCustomIntVariable("fault.more_schedulers",
							"Sets how many more schedulers there are.", NULL,
							&more_schedulers, 0, 0, 10,
							PGC_POSTMASTER, 0, NULL, NULL, NULL);
	for (int i = 0; i < more_schedulers; i++)
	{
		BackgroundWorker worker;

		memset(&worker, 0, sizeof(worker));
		worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
			BGWORKER_BACKEND_DATABASE_CONNECTION;
		worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
		worker.bgw_restart_time = 5;
		strlcpy(worker.bgw_library_name, "migrate", BGW_MAXLEN);
		strlcpy(worker.bgw_function_name, "migrate_scheduler_main", BGW_MAXLEN);
		strlcpy(worker.bgw_name, "migrate scheduler", BGW_MAXLEN);
		strlcpy(worker.bgw_type, "migrate scheduler", BGW_MAXLEN);
		RegisterBackgroundWorker(&worker);
	}
}

static void
utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
		ProcessUtilityContext context, ParamListInfo params,
		QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	if (IsA(pstmt->utilityStmt, CallStmt) &&
		context == PROCESS_UTILITY_TOPLEVEL && !in_call)
	{
		in_call = true;
		fault_count = 0;
		PG_TRY();
		{
			pass_on(pstmt, queryString, readOnlyTree, context, params,
					queryEnv, dest, qc);
		}
		PG_FINALLY();
		{
			in_call = false;
		}
		PG_END_TRY();
		return;
	}
	point("statement", true);
	pass_on(pstmt, queryString, readOnlyTree, context, params, queryEnv,
			dest, qc);
	point("statement-end", true);
}

static void
pass_on(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
		ProcessUtilityContext context, ParamListInfo params,
		QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	if (previous_utility != NULL)
		previous_utility(pstmt, queryString, readOnlyTree, context, params,
						 queryEnv, dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context,
								params, queryEnv, dest, qc);
}

static void
executor_start(QueryDesc *query, int eflags)
{
	if (query->operation != CMD_SELECT)
		point("write", true);
	if (previous_start != NULL)
		previous_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

static void
executor_end(QueryDesc *query)
{
	bool		writes = query->operation != CMD_SELECT;

	if (previous_end != NULL)
		previous_end(query);
	else
		standard_ExecutorEnd(query);
	if (writes)
		point("write-end", true);
}

/*
 * A transaction that has written nothing can break anywhere.
 */
static void
transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT &&
		TransactionIdIsValid(GetTopTransactionIdIfAny()))
		point("commit", true);
	else if (event == XACT_EVENT_COMMIT)
		point("commit-end", false);
}

static void
point(const char *name, bool can_raise)
{
	if (!in_call || !is_counted(name))
		return;
	if (++fault_count != fault_at)
		return;
	switch ((FaultAction) fault_action)
	{
		case FAULT_ERROR:
			if (can_raise)
				ereport(ERROR,
						(errcode(ERRCODE_RAISE_EXCEPTION),
						 errmsg("fault at point %d: %s", fault_count, name)));
			break;
		case FAULT_CONFLICT:
			if (can_raise)
				ereport(ERROR,
						(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						 errmsg("fault at point %d: %s", fault_count, name)));
			break;
		case FAULT_CANCEL:
			kill(MyProcPid, SIGINT);
			break;
		case FAULT_TERMINATE:
			kill(MyProcPid, SIGTERM);
			break;
		case FAULT_KILL:
			kill(MyProcPid, SIGKILL);
			pause();
			break;
		case FAULT_WAIT:
			if (can_raise)
				wait_for_go();
			break;
	}
}

static bool
is_counted(const char *name)
{
	const char *found = strstr(fault_kinds, name);
	size_t		length = strlen(name);

	while (found != NULL && found[length] != '\0' && found[length] != ' ')
		found = strstr(found + 1, name);
	return found != NULL;
}

/*
 * Others see it as a wait for an extension.
 */
static void
wait_for_go(void)
{
	while (access("fault_go", F_OK) != 0)
	{
		CHECK_FOR_INTERRUPTS();
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 10L, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}
