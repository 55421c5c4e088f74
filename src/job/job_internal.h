/*
 * job_internal.h
 *	  What the files of this folder know of each other.
 */
#ifndef MIG_JOB_JOB_INTERNAL_H
#define MIG_JOB_JOB_INTERNAL_H

#include "job/job.h"

/* The arguments of a job's worker, in bgw_extra. */
typedef struct MigJobWorkerArgs
{
	Oid			database;
	Oid			login;
	int64		job;
	int			before;			/* process id of the worker that could not
								 * give the job back itself; 0: none */
	bool		progressed;		/* which has committed something */
} MigJobWorkerArgs;

/* prepare.c */
extern void mig_job_prepare(MigJob *job, const char *target);

/* schedule.c */
extern void mig_job_schedule_submit_due(void);

extern void mig_job_schedule_note(const char *schedule, int64 job,
								  const MigJobEnd *end);

/* dispatch.c */
extern MigJobDue *mig_job_dispatch_due(int *ndue);
extern bool mig_job_dispatch_fail(int64 job);

/* launch.c */
extern void mig_job_launch(const MigJobDue *due);
extern bool mig_job_launch_now(const MigJobWorkerArgs *args);

#endif							/* MIG_JOB_JOB_INTERNAL_H */
