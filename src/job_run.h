/*
 * job_run.h
 *	  The life of a worker: one job, as its owner.
 */
#ifndef JOB_RUN_H
#define JOB_RUN_H

extern void mig_job_run(int64 job);

#endif							/* JOB_RUN_H */
