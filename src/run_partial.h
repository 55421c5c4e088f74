/*
 * run_partial.h
 *	  A revision that is neither applied nor not.
 */
#ifndef RUN_PARTIAL_H
#define RUN_PARTIAL_H

#include "run.h"
#include "tab_checkpoint.h"
#include "tab_version.h"

extern void mig_run_partial_refuse(const MigVersion *version);
extern void mig_run_partial_check(const MigPartial *partial,
								  const MigPlan *plan);
extern char *mig_run_partial_describe(const MigPartial *partial);
extern void mig_run_partial_resolve(const char *revision, const char *action);

#endif							/* RUN_PARTIAL_H */
