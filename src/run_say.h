/*
 * run_say.h
 *	  Tells the user what a run does.
 */
#ifndef RUN_SAY_H
#define RUN_SAY_H

#include "run_step.h"

extern void mig_run_say_step(const MigStepRun *run);

#endif							/* RUN_SAY_H */
