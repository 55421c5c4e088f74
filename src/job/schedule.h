/*
 * schedule.h
 *	  Jobs that are submitted again and again.
 */
#ifndef MIG_JOB_SCHEDULE_H
#define MIG_JOB_SCHEDULE_H

#include "tables/schedule.h"

extern void mig_job_schedule(MigSchedule *schedule, const char *target);
extern void mig_job_unschedule(const char *name);
extern void mig_job_schedule_tick(void);

#endif							/* MIG_JOB_SCHEDULE_H */
