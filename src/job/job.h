/*
 * job.h
 *	  Runs in background workers: jobs, schedules and the scheduler.
 */
#ifndef MIG_JOB_JOB_H
#define MIG_JOB_JOB_H

#include "postmaster/bgworker.h"

#include "tables/job.h"
#include "tables/schedule.h"

/* A run that is to be queued. */
typedef struct MigJobOrder
{
	const char *target;
	const char *command;
	TimestampTz run_at;
	TimestampTz deadline;		/* DT_NOEND: none */
	int			nschemas;		/* to run in, each by a job of its own */
	char	  **schemas;
} MigJobOrder;

/* job.c */
extern int64 mig_job_submit(const MigJobOrder *order);
extern int64 *mig_job_submit_in_schemas(const MigJobOrder *order, int *njobs);
extern void mig_job_submit_instead(const char *target, MigCommand command);
extern bool mig_job_may_submit(void);
extern bool mig_job_cancel(int64 job);
extern void mig_job_wait(int64 job, int64 timeout, bool can_commit);

/* schedule.c */
extern void mig_job_schedule(MigSchedule *schedule, const char *every,
							 const char *target);
extern void mig_job_unschedule(const char *name);

/* dispatch.c */
extern MigJobDue *mig_job_dispatch(int *ndue);

/* scheduler.c */
extern void mig_job_scheduler_register(void);

#endif							/* MIG_JOB_JOB_H */
