/*
 * precheck.h
 *	  What is to be done, and whether it may be.
 */
#ifndef MIG_RUN_PRECHECK_H
#define MIG_RUN_PRECHECK_H

#include "run/run.h"
#include "tables/version.h"

extern MigPlan *mig_run_plan(const MigVersion *version, MigCommand command,
							 int ntargets, char **targets, bool purge,
							 const char *first, MigSpiAccess access);
extern void mig_run_plan_check_author(char **ids, int nids);
extern char *mig_run_plan_absolute(const MigVersion *version,
								   MigCommand command, const char *target,
								   MigSpiAccess access);
extern void mig_run_plan_check(const MigPlan *plan,
							   const MigRunRequest *request);

#endif							/* MIG_RUN_PRECHECK_H */
