/*
 * worker.h
 *	  The life of a worker: one job, as its owner.
 */
#ifndef MIG_JOB_WORKER_H
#define MIG_JOB_WORKER_H

extern void mig_job_run(int64 job);

#endif							/* MIG_JOB_WORKER_H */
