/*
 * bgw_job.h
 *	  Dynamic worker: one job, as its owner.
 */
#ifndef BGW_JOB_H
#define BGW_JOB_H

#include "fmgr.h"

extern PGDLLEXPORT void migrate_job_main(Datum arg);

#endif							/* BGW_JOB_H */
