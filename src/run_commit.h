/*
 * run_commit.h
 *	  A run through the committing doors.
 */
#ifndef RUN_COMMIT_H
#define RUN_COMMIT_H

#include "run.h"

extern void mig_run_commit(const MigRunRequest *request);

#endif							/* RUN_COMMIT_H */
