/*
 * job_look.h
 *	  What the scheduler does in a database.
 */
#ifndef JOB_LOOK_H
#define JOB_LOOK_H

extern void mig_job_look(bool may_complain);

#endif							/* JOB_LOOK_H */
