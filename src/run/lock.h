/*
 * lock.h
 *	  One runner per version table, one writer of the registry.
 */
#ifndef MIG_RUN_LOCK_H
#define MIG_RUN_LOCK_H

#include "tables/version.h"

extern void mig_run_lock(const MigVersion *version, Oid registry,
						 bool session);
extern bool mig_run_lock_job(int class, uint32 key);
extern void mig_run_lock_confirm(void);
extern void mig_run_lock_release(void);
extern void mig_run_lock_release_job(void);
extern void mig_run_lock_retake(void);
extern void mig_run_lock_registry(void);
extern void mig_run_lock_bodies(void);
extern void mig_run_lock_sleep(int milliseconds);

#endif							/* MIG_RUN_LOCK_H */
