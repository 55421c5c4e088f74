/*
 * inspect.h
 *	  Answers to questions: current, heads, branches, history, show, plan.
 */
#ifndef MIG_REGISTRY_INSPECT_H
#define MIG_REGISTRY_INSPECT_H

#include "tables/revision.h"

/* A revision and its place in the graph. */
typedef struct MigReportRow
{
	const MigRevision *revision;
	bool		applied;
	bool		is_head;
	bool		is_branch_point;
	bool		is_merge_point;
	const char *partial;		/* how far a run has come that was interrupted
								 * in it; usually NULL */
} MigReportRow;

/* A step of a plan. */
typedef struct MigReportStep
{
	int			step;			/* from 1 */
	const char *operation;
	const char *revision;		/* NULL: base */
	const char *message;		/* or NULL */
	const char *unit;			/* NULL: nothing is run */
	int			statements;
	const char *partial;		/* as above */
	bool		is_upgrade;		/* which alone is approved */
	bool		approved;
} MigReportStep;

extern MigReportRow *mig_report_current(int *nrows);
extern MigReportRow *mig_report_heads(bool real, int *nrows);
extern MigReportRow *mig_report_branches(int *nrows);
extern MigReportRow *mig_report_history(const char *range, int *nrows);
extern MigReportRow *mig_report_show(const char *revision, int *nrows);
extern MigReportStep *mig_report_plan(const char *target, const char *command,
									  int *nsteps);
extern bool mig_report_is_current(const char *target);

#endif							/* MIG_REGISTRY_INSPECT_H */
