/*
 * target.h
 *	  What a user writes -> revisions.
 */
#ifndef MIG_GRAPH_TARGET_H
#define MIG_GRAPH_TARGET_H

#include "graph/graph_internal.h"

/* A target of the form [branch@][symbol]{+|-}digits. */
typedef struct MigRelative
{
	char	   *branch;			/* NULL when not given */
	char	   *symbol;			/* NULL when not given */
	int			offset;
	const char *offset_text;	/* as typed */
} MigRelative;

extern bool mig_target_relative(const char *target, MigRelative *rel);
extern int	mig_target_one(const MigGraph *graph, const char *name);
extern int *mig_target_many(const MigGraph *graph, const char *name,
							int *nresult);
extern int *mig_target_all(const MigGraph *graph, int ntargets,
						   char **targets, int *nresult);
extern int	mig_target_walk(const MigGraph *graph, int at, int steps,
							const char *branch, bool strict);

#endif							/* MIG_GRAPH_TARGET_H */
