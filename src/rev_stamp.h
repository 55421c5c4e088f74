/*
 * rev_stamp.h
 *	  The row changes that take the version table to given revisions.
 */
#ifndef REV_STAMP_H
#define REV_STAMP_H

#include "migrate.h"
#include "rev_internal.h"

extern MigPlan *mig_rev_stamp_plan(const MigGraph *graph, int nrows,
								   const int *rows, int ntargets,
								   char **targets);

#endif							/* REV_STAMP_H */
