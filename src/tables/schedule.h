/*
 * schedule.h
 *	  migrate.schedule: jobs that are submitted again and again.
 */
#ifndef MIG_TABLES_SCHEDULE_H
#define MIG_TABLES_SCHEDULE_H

#include "datatype/timestamp.h"
#include "utils/date.h"

#include "tables/job.h"

/* A schedule, as made. */
typedef struct MigSchedule
{
	const char *name;
	MigJob		job;			/* what its jobs have in common */
	Interval   *every;			/* NULL: cron */
	const char *cron;			/* expression; NULL: every */
	TimeTzADT  *window_start;	/* NULL: no window */
	TimeTzADT  *window_end;
	const char *time_zone;		/* name, NULL: UTC and the window's offset */
	TimestampTz first_run;
} MigSchedule;

/* A schedule that is due. */
typedef struct MigScheduleDue
{
	MigJob		job;			/* to submit */
	const char *cron;			/* as above */
	const char *time_zone;
} MigScheduleDue;

extern bool mig_schedule_row_find(const char *name, Oid role, bool *visible);
extern bool mig_schedule_row_put(const MigSchedule *schedule);
extern bool mig_schedule_knows_time_zone(const char *name);
extern void mig_schedule_row_delete(const char *name);
extern char **mig_schedule_row_due_names(int *nnames);
extern bool mig_schedule_row_due(const char *name, MigScheduleDue *due);
extern void mig_schedule_row_submitted(const char *name, int64 job,
									   TimestampTz next_run);
extern void mig_schedule_row_postpone(const char *name, const char *note);
extern void mig_schedule_row_note(const char *name, int64 job,
								  const char *note, bool failed);

#endif							/* MIG_TABLES_SCHEDULE_H */
