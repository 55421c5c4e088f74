/*
 * step.h
 *	  One step in one bracket: body, version row, log row.
 */
#ifndef MIG_RUN_STEP_H
#define MIG_RUN_STEP_H

#include "utils/guc.h"

#include "run/body.h"
#include "run/resource_usage.h"
#include "tables/partial.h"
#include "tables/revision.h"
#include "tables/version.h"

/* A step being run; the same for all its attempts and parts. */
typedef struct MigStepRun
{
	const MigStep *step;
	int			nsteps;			/* of the run */
	MigVersion *version;
	MigVia		via;
	const char *message;		/* of the revision, or NULL */
	const char *author;			/* of the body */
	int			session_timeout;	/* statement_timeout before the run */
	MigBodyRun	body;			/* no text: a stamp */
	MigCounters begin;			/* when the first attempt began */
	MigLogEntry entry;
} MigStepRun;

extern void mig_run_step_begin_run(MigStepRun *run, MigVersion *version,
								   MigVia via, int nsteps);
extern void mig_run_step_begin(MigStepRun *run, const MigStep *step);
extern void mig_run_step_again(MigStepRun *run);
extern ErrorData *mig_run_step(MigStepRun *run, const MigSegment *segment);
extern void mig_run_step_checkpoint(const MigStepRun *run,
									const MigSegment *segment,
									MigPartialSegment *checkpoint);
extern bool mig_run_step_can_change_role(void);
extern void mig_run_step_lock_timeout(GucAction action);

#endif							/* MIG_RUN_STEP_H */
