/*
 * run_retry.h
 *	  Carries out what the retry policy says.
 */
#ifndef RUN_RETRY_H
#define RUN_RETRY_H

#include "retry_policy.h"
#include "run_step.h"

extern MigRetry mig_run_retry(const MigStepRun *run, bool body_done,
							  ErrorData *error, int *delay);
extern bool mig_run_retry_wait(MigStepRun *run, bool body_done,
							   ErrorData *error);

#endif							/* RUN_RETRY_H */
