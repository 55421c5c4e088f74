/*
 * scan.c
 *	  What the scheduler does in a database.
 *
 * Runs in a process that nobody waits for and that must not keep anybody
 * waiting: DROP DATABASE gives up after five seconds.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/server.h"
#include "base/xact.h"
#include "job/dispatch.h"
#include "job/scan.h"

#define LOCK_TIMEOUT			"2s"

/*
 * How long a scheduler may be silent before another one takes its place, in
 * looks: one that comes late, or meets a conflict, is no reason.
 */
#define LEASE_LOOKS				3

static void look_work(void *arg);

/*
 * Starts what is due, if it is up to this scheduler.  The process is
 * connected, and in no transaction.
 */
void
mig_job_scan(const MigLeaseHolder *scheduler, bool may_complain)
{
	ErrorData  *error;

	mig_xact_begin_process();
	mig_server_begin();
	error = mig_xact(look_work, unconstify(MigLeaseHolder *, scheduler),
					 MIG_XACT_OWN_TABLES);
	if (error != NULL && may_complain)
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("migrate cannot look for jobs in database \"%s\": %s",
						get_database_name(MyDatabaseId), error->message)));
	mig_xact_end_process();
}

static void
look_work(void *arg)
{
	const MigLeaseHolder *scheduler = arg;
	int			ndue;

	(void) set_config_option("lock_timeout", LOCK_TIMEOUT,
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	if (!mig_server()->many_schedulers ||
		mig_lease_take(scheduler, LEASE_LOOKS * mig_guc_worker_naptime))
		(void) mig_job_start_all(&ndue);
}
