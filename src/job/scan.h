/*
 * scan.h
 *	  What the scheduler does in a database.
 */
#ifndef MIG_JOB_SCAN_H
#define MIG_JOB_SCAN_H

#include "tables/lease.h"

extern void mig_job_scan(const MigLeaseHolder *scheduler, bool may_complain);

#endif							/* MIG_JOB_SCAN_H */
