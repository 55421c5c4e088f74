/*
 * dispatch.h
 *	  Starts workers for the jobs that are due.
 */
#ifndef MIG_JOB_DISPATCH_H
#define MIG_JOB_DISPATCH_H

#include "postmaster/bgworker.h"

#include "tables/job.h"

/* What a worker is told, in bgw_extra. */
typedef struct MigJobStart
{
	Oid			database;
	Oid			login;
	int64		job;
} MigJobStart;

extern MigJobDue *mig_job_start_due(int *ndue);
extern MigJobDue *mig_job_start_all(int *ndue);
extern bool mig_job_start_give_up(int64 job);
extern void mig_job_start_describe(BackgroundWorker *worker,
								   const char *function, const char *type);

#endif							/* MIG_JOB_DISPATCH_H */
