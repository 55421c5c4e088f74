/*
 * overlap.h
 *	  Revisions that stand above each other where they must not.
 */
#ifndef MIG_GRAPH_OVERLAP_H
#define MIG_GRAPH_OVERLAP_H

#include "graph/graph_internal.h"

extern void mig_overlap_check_rows(const MigGraph *graph, int nrows,
								   const int *rows);
extern void mig_overlap_check_targets(const MigGraph *graph, int ntargets,
									  const int *targets);

#endif							/* MIG_GRAPH_OVERLAP_H */
