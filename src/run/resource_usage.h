/*
 * resource_usage.h
 *	  What a step costs.
 */
#ifndef MIG_RUN_RESOURCE_USAGE_H
#define MIG_RUN_RESOURCE_USAGE_H

#include "tables/log.h"

/* The counters of this backend at one moment. */
typedef struct MigCounters
{
	TimestampTz at;
	instr_time	wall;
	double		cpu_ms;
	double		lock_wait_ms;
	WalUsage	wal;
	BufferUsage buffers;
} MigCounters;

extern void mig_resource_usage_watch(bool on);
extern void mig_resource_usage_begin(MigCounters *counters);
extern void mig_resource_usage_since(const MigCounters *begin, MigResourceUsage *cost);

#endif							/* MIG_RUN_RESOURCE_USAGE_H */
