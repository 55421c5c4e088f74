/*
 * clock.c
 *	  A clock for durations that is never set back.
 *
 * What is stored and shown is wall-clock time.  What is waited for is measured
 * by this clock: a step of the wall clock must neither end a wait nor prolong it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "base/clock.h"

/*
 * Milliseconds since some moment, the same for all processes of the machine.
 */
int64
mig_clock_ms(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MILLISEC(now);
}

/*
 * Sleeps; an interrupt ends it with its error.
 */
void
mig_clock_sleep(int milliseconds)
{
	int64		end = mig_clock_ms() + milliseconds;

	for (;;)
	{
		int64		left = end - mig_clock_ms();

		CHECK_FOR_INTERRUPTS();
		if (left <= 0)
			break;
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 (long) left, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}
