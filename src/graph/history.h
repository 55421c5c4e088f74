/*
 * history.h
 *	  Which revisions a history shows.
 */
#ifndef MIG_GRAPH_HISTORY_H
#define MIG_GRAPH_HISTORY_H

#include "graph/graph_internal.h"

extern int *mig_history_revs(const MigGraph *graph, const char *range,
							 int nrows, const int *rows, int *nresult);

#endif							/* MIG_GRAPH_HISTORY_H */
