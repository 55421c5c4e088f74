/*
 * nontransactional.h
 *	  Statements that no transaction can take back.
 */
#ifndef MIG_RUN_NONTRANSACTIONAL_H
#define MIG_RUN_NONTRANSACTIONAL_H

#include "run/step.h"

extern void mig_nontransactional_execute(MigStepRun *run, const MigSegment *segment);
extern int	mig_nontransactional_settle(MigStepRun *run, const MigPartial *partial,
										bool toplevel);

#endif							/* MIG_RUN_NONTRANSACTIONAL_H */
