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

/* A cron expression: bits of the values that match. */
typedef struct MigCron
{
	uint64		minutes;
	uint32		hours;
	uint32		days;			/* of the month, from 1 */
	uint32		months;			/* from 1 */
	uint32		weekdays;		/* from 0, Sunday */
	bool		both_days;		/* must match, not one of them */
	bool		follows_clock;	/* also when that is changed */
} MigCron;

/* cron.c */
extern bool mig_cron_is_meant(const char *text);
extern void mig_cron_read(const char *expression, MigCron *cron);
extern TimestampTz mig_cron_next(const MigCron *cron, TimestampTz after,
								 const char *time_zone);

/* prepare.c */
extern void mig_job_prepare(MigJob *job, const char *target);

/* schedule.c */
extern void mig_job_schedule_submit_due(void);

extern void mig_job_schedule_note(const char *schedule, int64 job,
								  const MigJobEnd *end, bool held);

/* dispatch.c */
extern MigJobDue *mig_job_dispatch_due(int *ndue);
extern bool mig_job_dispatch_fail(int64 job);

/* launch.c */
extern void mig_job_launch(const MigJobDue *due);
extern bool mig_job_launch_now(const MigJobWorkerArgs *args);
extern bool mig_job_launch_failed(void);
extern void mig_job_launch_warn(bool on);

#endif							/* MIG_JOB_JOB_INTERNAL_H */
