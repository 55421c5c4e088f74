/*
 * order.h
 *	  The order in which revisions run.
 */
#ifndef MIG_GRAPH_ORDER_H
#define MIG_GRAPH_ORDER_H

#include "graph/graph_internal.h"

extern int *mig_order_newest_first(const MigGraph *graph,
								   const bool *members, const bool *within,
								   int ntips, const int *tips,
								   int *nresult);

#endif							/* MIG_GRAPH_ORDER_H */
