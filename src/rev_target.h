/*
 * rev_target.h
 *	  What a user writes -> revisions.
 */
#ifndef REV_TARGET_H
#define REV_TARGET_H

#include "rev_internal.h"

/* A target of the form [branch@][symbol]{+|-}digits. */
typedef struct MigRelative
{
	char	   *branch;			/* NULL when not given */
	char	   *symbol;			/* NULL when not given */
	int			offset;
	const char *offset_text;	/* as typed */
} MigRelative;

extern bool mig_rev_target_relative(const char *target, MigRelative *rel);
extern void mig_rev_target_split(const char *name, char **branch,
								 char **symbol);
extern int	mig_rev_target_lookup(const MigGraph *graph, const char *symbol,
								  const char *branch);
extern int	mig_rev_target_branch(const MigGraph *graph, const char *branch);
extern int	mig_rev_target_one(const MigGraph *graph, const char *name);
extern int *mig_rev_target_many(const MigGraph *graph, const char *name,
								int *nresult);
extern int *mig_rev_target_in_lineage(const MigGraph *graph, int nrevs,
									  const int *revs, const char *against,
									  bool dependencies, int *nresult);
extern int	mig_rev_target_walk(const MigGraph *graph, int at, int steps,
								const char *branch, bool strict);
extern bool *mig_rev_target_carriers(const MigGraph *graph,
									 const char *label);

#endif							/* REV_TARGET_H */
