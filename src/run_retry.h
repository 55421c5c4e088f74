/*
 * run_retry.h
 *	  Carries out what the retry policy says.
 */
#ifndef RUN_RETRY_H
#define RUN_RETRY_H

#include "retry_policy.h"
#include "run_bracket.h"
#include "run_step.h"

extern MigRetry mig_run_retry(const MigStepRun *run, bool body_done,
							  ErrorData *error, int *delay);
extern bool mig_run_retry_wait(MigStepRun *run, bool body_done,
							   ErrorData *error);
extern bool mig_run_retry_in_doubt(const ErrorData *error);
extern ErrorData *mig_run_retry_try(MigRunWork work, void *arg);
extern void mig_run_retry_must(MigRunWork work, void *arg);
extern void mig_run_retry_make_plain(ErrorData *error);

#endif							/* RUN_RETRY_H */
