/*
 * rev_downgrade.h
 *	  What a downgrade takes down.
 */
#ifndef REV_DOWNGRADE_H
#define REV_DOWNGRADE_H

#include "rev_internal.h"
#include "rev_target.h"
#include "rev_upgrade.h"

extern bool *mig_rev_downgrade_members(const MigGraph *graph, int nrows,
									   const int *rows, const char *target);
extern char *mig_rev_downgrade_absolute(const MigGraph *graph, int nrows,
										const int *rows, const char *target);
extern int	mig_rev_downgrade_from_start(const MigGraph *graph,
										 const MigStart *start,
										 const char *branch);

#endif							/* REV_DOWNGRADE_H */
