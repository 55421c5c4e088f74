/*
 * job.h
 *	  Jobs, as their owners see them: submitted, cancelled, waited for.
 */
#ifndef MIG_JOB_JOB_H
#define MIG_JOB_JOB_H

#include "tables/job.h"

extern int64 mig_job_submit(const char *target, const char *command,
							TimestampTz run_at, TimestampTz deadline);
extern void mig_job_submit_instead(const char *target, MigCommand command);
extern bool mig_job_may_submit(void);
extern void mig_job_prepare(MigJob *job, const char *target);
extern bool mig_job_cancel(int64 job);
extern void mig_job_wait(int64 job, TimestampTz until, bool can_commit);

#endif							/* MIG_JOB_JOB_H */
