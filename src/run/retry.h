/*
 * retry.h
 *	  Carries out what the retry policy says.
 */
#ifndef MIG_RUN_RETRY_H
#define MIG_RUN_RETRY_H

#include "base/xact.h"
#include "run/retry_policy.h"
#include "run/step.h"

extern MigRetry mig_run_retry(const MigStepRun *run, bool body_done,
							  ErrorData *error, int *delay);
extern bool mig_run_retry_wait(MigStepRun *run, bool body_done,
							   ErrorData *error);
extern bool mig_run_retry_in_doubt(const ErrorData *error);
extern bool mig_run_retry_xact(int attempt, const ErrorData *error);
extern void mig_run_retry_make_plain(ErrorData *error);

#endif							/* MIG_RUN_RETRY_H */
