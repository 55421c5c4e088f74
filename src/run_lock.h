/*
 * run_lock.h
 *	  One runner per version table, one writer of the registry.
 */
#ifndef RUN_LOCK_H
#define RUN_LOCK_H

#include "tab_version.h"

extern void mig_run_lock_version(const MigVersion *version);
extern void mig_run_lock_registry(void);
extern void mig_run_lock_bodies(bool exclusive);
extern void mig_run_lock_sleep(int milliseconds);

#endif							/* RUN_LOCK_H */
