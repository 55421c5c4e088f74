/*
 * run_progress.h
 *	  Where a run is, for other sessions.
 */
#ifndef RUN_PROGRESS_H
#define RUN_PROGRESS_H

#include "run_body.h"

extern void mig_run_progress_label(const char *label, const char *activity);
extern void mig_run_progress_statement(const MigBodyRun *body,
									   const char *text);

#endif							/* RUN_PROGRESS_H */
