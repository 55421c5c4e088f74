/*
 * run_doubt.h
 *	  Statements that no transaction can take back.
 */
#ifndef RUN_DOUBT_H
#define RUN_DOUBT_H

#include "run_step.h"

extern void mig_run_doubt_execute(MigStepRun *run, const MigSegment *segment);
extern int	mig_run_doubt_settle(MigStepRun *run, const MigPartial *partial,
								 bool toplevel);

#endif							/* RUN_DOUBT_H */
