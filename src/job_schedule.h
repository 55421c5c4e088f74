/*
 * job_schedule.h
 *	  Jobs that are submitted again and again.
 */
#ifndef JOB_SCHEDULE_H
#define JOB_SCHEDULE_H

#include "tab_schedule.h"

extern void mig_job_schedule(MigSchedule *schedule, const char *target);
extern void mig_job_unschedule(const char *name);
extern void mig_job_schedule_tick(void);

#endif							/* JOB_SCHEDULE_H */
