/*
 * init.c
 *	  Module magic and _PG_init().
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "base/guc.h"
#include "base/server.h"
#include "job/job.h"
#include "preview/preview.h"
#include "run/run.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	mig_server_check_build();
	mig_guc_define();
	mig_run_init();
	mig_run_review = mig_lint_before_run;
	mig_drift_init();
	if (process_shared_preload_libraries_in_progress && !IsBinaryUpgrade)
		mig_job_scheduler_register();
}
