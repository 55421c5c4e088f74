/*
 * run_step.h
 *	  One step in one bracket: body, version row, log row.
 */
#ifndef RUN_STEP_H
#define RUN_STEP_H

#include "tab_log.h"
#include "tab_revision.h"
#include "tab_version.h"

extern ErrorData *mig_run_step(MigVersion *version, const MigStep *step,
							   const MigStepBody *body, MigLogEntry *entry);

#endif							/* RUN_STEP_H */
