/*
 * inspect.h
 *	  Answers to questions: current, heads, branches, history, show, plan.
 */
#ifndef MIG_REGISTRY_INSPECT_H
#define MIG_REGISTRY_INSPECT_H

#include "tables/revision.h"

/* A revision and its place in the graph. */
typedef struct MigInspectRow
{
	const MigRevision *revision;
	bool		applied;
	bool		is_head;
	bool		is_branch_point;
	bool		is_merge_point;
	const char *partial;		/* how far a run has come that was interrupted
								 * in it; usually NULL */
} MigInspectRow;

/* A step of a plan. */
typedef struct MigInspectStep
{
	int			step;			/* from 1 */
	const char *operation;
	const char *revision;		/* NULL: base */
	const char *message;		/* or NULL */
	const char *transactions;	/* NULL: nothing is run */
	int			statements;
	const char *partial;		/* as above */
	bool		is_upgrade;		/* which alone is approved */
	bool		approved;
} MigInspectStep;

extern MigInspectRow *mig_inspect_current(int *nrows);
extern MigInspectRow *mig_inspect_heads(bool real, int *nrows);
extern MigInspectRow *mig_inspect_branches(int *nrows);
extern MigInspectRow *mig_inspect_history(const char *range, int *nrows);
extern MigInspectRow *mig_inspect_show(const char *revision, int *nrows);
extern MigInspectStep *mig_inspect_plan(const char *target, const char *command,
										int *nsteps);
extern bool mig_inspect_is_current(const char *target);

#endif							/* MIG_REGISTRY_INSPECT_H */
