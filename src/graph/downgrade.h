/*
 * downgrade.h
 *	  What a downgrade takes down.
 */
#ifndef MIG_GRAPH_DOWNGRADE_H
#define MIG_GRAPH_DOWNGRADE_H

#include "graph/graph_internal.h"
#include "graph/target.h"
#include "graph/upgrade.h"

extern bool *mig_downgrade_members(const MigGraph *graph, int nrows,
								   const int *rows, const char *target);
extern char *mig_downgrade_absolute(const MigGraph *graph, int nrows,
									const int *rows, const char *target);
extern int	mig_downgrade_from_start(const MigGraph *graph,
									 const MigStart *start,
									 const char *branch);

#endif							/* MIG_GRAPH_DOWNGRADE_H */
