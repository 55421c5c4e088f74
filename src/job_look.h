/*
 * job_look.h
 *	  What the scheduler does in a database.
 */
#ifndef JOB_LOOK_H
#define JOB_LOOK_H

#include "tab_lease.h"

extern void mig_job_look(const MigLeaseHolder *scheduler, bool may_complain);

#endif							/* JOB_LOOK_H */
