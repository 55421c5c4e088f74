/*
 * clock.h
 *	  A clock for durations that is never set back.
 *
 * What is stored and shown is wall-clock time.  What is waited for is measured
 * by this clock: a step of the wall clock must neither end a wait nor prolong it.
 */
#ifndef MIG_BASE_CLOCK_H
#define MIG_BASE_CLOCK_H

#include "portability/instr_time.h"

/*
 * Milliseconds since some moment, the same for all processes of the machine.
 */
static inline int64
mig_clock_ms(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MILLISEC(now);
}

#endif							/* MIG_BASE_CLOCK_H */
