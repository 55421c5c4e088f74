/*
 * process.c
 *	  Background workers of ours: what they have in common.
 */
#include "postgres.h"

#include <signal.h>

#include "tcop/tcopprot.h"

#include "base/process.h"

/*
 * Fills in what is the same for each.  None is started on a standby, nor again
 * when it ends.
 */
void
mig_process_describe(BackgroundWorker *worker, const char *function,
					 const char *type)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker->bgw_library_name, "migrate", BGW_MAXLEN);
	strlcpy(worker->bgw_function_name, function, BGW_MAXLEN);
	strlcpy(worker->bgw_name, type, BGW_MAXLEN);
	strlcpy(worker->bgw_type, type, BGW_MAXLEN);
}

/*
 * At the entry point of one: connects, as the bootstrap superuser if there is no
 * role.  A termination ends the process from now on.
 */
void
mig_process_connect(Oid database, Oid role)
{
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(database, role, 0);
}
