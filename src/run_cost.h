/*
 * run_cost.h
 *	  What a step costs.
 */
#ifndef RUN_COST_H
#define RUN_COST_H

#include "tab_log.h"

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

extern void mig_run_cost_watch(bool on);
extern void mig_run_cost_begin(MigCounters *counters);
extern void mig_run_cost_since(const MigCounters *begin, MigCost *cost);

#endif							/* RUN_COST_H */
