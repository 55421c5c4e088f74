/*
 * scheduler.h
 *	  Static worker: looks for jobs in the databases of migrate.databases.
 */
#ifndef MIG_JOB_SCHEDULER_H
#define MIG_JOB_SCHEDULER_H

#include "fmgr.h"

extern void mig_bgw_scheduler_register(void);
extern PGDLLEXPORT void migrate_scheduler_main(Datum arg);
extern PGDLLEXPORT void migrate_scan_main(Datum arg);

#endif							/* MIG_JOB_SCHEDULER_H */
