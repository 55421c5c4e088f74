/*
 * stamp.h
 *	  The row changes that take the version table to given revisions.
 */
#ifndef MIG_GRAPH_STAMP_H
#define MIG_GRAPH_STAMP_H

#include "graph/graph_internal.h"
#include "migrate.h"

extern MigPlan *mig_stamp_plan(const MigGraph *graph, int nrows,
							   const int *rows, int ntargets,
							   char **targets);

#endif							/* MIG_GRAPH_STAMP_H */
