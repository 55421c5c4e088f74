/*
 * rev_history.h
 *	  Which revisions a history shows.
 */
#ifndef REV_HISTORY_H
#define REV_HISTORY_H

#include "rev_internal.h"

extern int *mig_rev_history_revs(const MigGraph *graph, const char *range,
								 int nrows, const int *rows, int *nresult);

#endif							/* REV_HISTORY_H */
