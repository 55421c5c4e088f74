/*
 * version_rows.h
 *	  What each step does to the rows of the version table.
 */
#ifndef MIG_GRAPH_VERSION_ROWS_H
#define MIG_GRAPH_VERSION_ROWS_H

#include "graph/graph_internal.h"
#include "migrate.h"

typedef struct MigRows MigRows;

extern MigRows *mig_rows_start(const MigGraph *graph, int nrows,
							   const int *rows);
extern void mig_rows_upgrade(MigRows *state, int rev, MigStep *step);
extern void mig_rows_downgrade(MigRows *state, int rev, MigStep *step);
extern void mig_rows_replace(const MigGraph *graph, int nold,
							 const int *old, int rev, MigStep *step);

#endif							/* MIG_GRAPH_VERSION_ROWS_H */
