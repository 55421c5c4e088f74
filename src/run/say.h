/*
 * say.h
 *	  Tells the user what a run does.
 */
#ifndef MIG_RUN_SAY_H
#define MIG_RUN_SAY_H

#include "run/step.h"

extern void mig_run_say_step(const MigStepRun *run);

#endif							/* MIG_RUN_SAY_H */
