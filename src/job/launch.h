/*
 * launch.h
 *	  Dynamic worker: one job, as its owner.
 */
#ifndef MIG_JOB_LAUNCH_H
#define MIG_JOB_LAUNCH_H

#include "fmgr.h"

extern PGDLLEXPORT void migrate_job_main(Datum arg);

#endif							/* MIG_JOB_LAUNCH_H */
