/*
 * progress.h
 *	  Where a run is, for other sessions.
 */
#ifndef MIG_RUN_PROGRESS_H
#define MIG_RUN_PROGRESS_H

#include "datatype/timestamp.h"

#include "run/body.h"

/* Ids have 32 characters of up to four bytes. */
#define MIG_PROGRESS_REVISION_SIZE	(MIG_REVISION_MAXLEN * 4 + 1)
#define MIG_PROGRESS_QUERY_SIZE		1024

/* What is shown of a run. */
typedef struct MigProgress
{
	int			pid;			/* 0: the place is free */
	Oid			database;
	Oid			role;
	MigVia		via;
	int64		job;			/* 0: none */
	TimestampTz started;
	MigCommand	operation;
	char		revision[MIG_PROGRESS_REVISION_SIZE];
	int			step;			/* from 1; 0: it has not begun one */
	int			nsteps;
	int			statement;		/* from 1; 0: it has not begun one */
	int			nstatements;
	int			attempt;
	TimestampTz statement_started;
	char		query[MIG_PROGRESS_QUERY_SIZE];
} MigProgress;

extern void mig_run_progress_request_memory(void);
extern void mig_run_progress_label(int64 job, const char *label,
								   const char *activity);
extern void mig_run_progress_begin(MigVia via);
extern void mig_run_progress_step(const MigStep *step, int place, int nsteps);
extern void mig_run_progress_statement(const MigBodyRun *body,
									   const char *text);
extern void mig_run_progress_end(void);
extern MigProgress *mig_run_progress_read(int *nruns);
extern bool mig_run_progress_may_read(const MigProgress *run);

#endif							/* MIG_RUN_PROGRESS_H */
