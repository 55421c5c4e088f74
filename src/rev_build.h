/*
 * rev_build.h
 *	  Turns registered names into the edges of a graph.
 */
#ifndef REV_BUILD_H
#define REV_BUILD_H

#include "rev_internal.h"

extern void mig_rev_build_edges(MigGraph *graph);

#endif							/* REV_BUILD_H */
