/*
 * rev_order.h
 *	  The order in which revisions run.
 */
#ifndef REV_ORDER_H
#define REV_ORDER_H

#include "rev_internal.h"

extern int *mig_rev_order_newest_first(const MigGraph *graph,
									   const bool *members, const bool *within,
									   int ntips, const int *tips,
									   int *nresult);

#endif							/* REV_ORDER_H */
