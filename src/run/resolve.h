/*
 * resolve.h
 *	  A revision that is neither applied nor not.
 */
#ifndef MIG_RUN_RESOLVE_H
#define MIG_RUN_RESOLVE_H

#include "run/run.h"
#include "tables/partial.h"
#include "tables/version.h"

extern void mig_run_partial_refuse(const MigVersion *version);
extern void mig_run_partial_check(const MigPartial *partial,
								  const MigPlan *plan);
extern char *mig_run_partial_describe(const MigPartial *partial);
extern void mig_resolve(const char *revision, const char *action);

#endif							/* MIG_RUN_RESOLVE_H */
