/*
 * approval.h
 *	  Who may say that a revision is run, and where a run ends without that.
 */
#ifndef MIG_RUN_APPROVAL_H
#define MIG_RUN_APPROVAL_H

#include "base/spi.h"
#include "run/run.h"

extern void mig_run_approve(char *id, const char *note);
extern bool *mig_run_approval_of_plan(const MigPlan *plan,
									  MigSpiAccess access);
extern void mig_run_approval_cut(MigPlan *plan, const MigRunRequest *request);

#endif							/* MIG_RUN_APPROVAL_H */
