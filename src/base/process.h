/*
 * process.h
 *	  Background workers of ours: what they have in common.
 */
#ifndef MIG_BASE_PROCESS_H
#define MIG_BASE_PROCESS_H

#include "postmaster/bgworker.h"

extern void mig_process_describe(BackgroundWorker *worker,
								 const char *function, const char *type);
extern void mig_process_connect(Oid database, Oid role);

#endif							/* MIG_BASE_PROCESS_H */
