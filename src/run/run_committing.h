/*
 * run_committing.h
 *	  A run through the committing doors.
 */
#ifndef MIG_RUN_RUN_COMMITTING_H
#define MIG_RUN_RUN_COMMITTING_H

#include "run/run.h"

extern void mig_run_commit(const MigRunRequest *request);

#endif							/* MIG_RUN_RUN_COMMITTING_H */
