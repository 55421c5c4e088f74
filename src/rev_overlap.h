/*
 * rev_overlap.h
 *	  Revisions that stand above each other where they must not.
 */
#ifndef REV_OVERLAP_H
#define REV_OVERLAP_H

#include "rev_internal.h"

extern void mig_rev_overlap_check_rows(const MigGraph *graph, int nrows,
									   const int *rows);
extern void mig_rev_overlap_check_targets(const MigGraph *graph, int ntargets,
										  const int *targets);

#endif							/* REV_OVERLAP_H */
