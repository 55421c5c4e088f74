/*
 * upgrade.h
 *	  The targets of an upgrade, and of the upper end of a history.
 */
#ifndef MIG_GRAPH_UPGRADE_H
#define MIG_GRAPH_UPGRADE_H

#include "graph/graph_internal.h"

/* Where relative targets start: a name, or if that is NULL the rows. */
typedef struct MigStart
{
	const char *name;
	int			nrows;
	const int  *rows;
} MigStart;

extern int *mig_upgrade_targets(const MigGraph *graph,
								const MigStart *start, const char *target,
								bool strict, int *nresult);
extern int *mig_upgrade_start_revs(const MigGraph *graph,
								   const MigStart *start, int *nresult);

#endif							/* MIG_GRAPH_UPGRADE_H */
