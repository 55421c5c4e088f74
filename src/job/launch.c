/*
 * launch.c
 *	  Dynamic worker: one job, as its owner.
 *
 * Ends with its job.  It is never restarted by the server: whoever looks for
 * jobs starts another one.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "tcop/tcopprot.h"

#include "job/dispatch.h"
#include "job/launch.h"
#include "job/worker.h"

/*
 * What the server calls.  A cancel and a termination are handled as in a
 * session: the first one ends the run, the second one the process.
 */
void
migrate_job_main(Datum arg)
{
	MigJobStart start;

	memcpy(&start, MyBgworkerEntry->bgw_extra, sizeof(start));
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(start.database, start.login, 0);

	mig_job_run(start.job);
}
