/*
 * build.h
 *	  Turns registered names into the edges of a graph.
 */
#ifndef MIG_GRAPH_BUILD_H
#define MIG_GRAPH_BUILD_H

#include "graph/graph_internal.h"

extern void mig_graph_build_edges(MigGraph *graph);

#endif							/* MIG_GRAPH_BUILD_H */
