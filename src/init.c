/*
 * init.c
 *	  Module magic and _PG_init().
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "base/guc.h"
#include "base/xact.h"
#include "job/job.h"
#include "run/progress.h"
#include "run/retry.h"
#include "run/utility_hook.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	mig_guc_define();
	mig_utility_hook_install();
	mig_xact_set_retry(mig_run_retry_xact);
	if (process_shared_preload_libraries_in_progress)
	{
		mig_run_progress_request_memory();
		if (!IsBinaryUpgrade)
			mig_job_scheduler_register();
	}
}
