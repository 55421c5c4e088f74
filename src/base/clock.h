/*
 * clock.h
 *	  A clock for durations that is never set back.
 */
#ifndef MIG_BASE_CLOCK_H
#define MIG_BASE_CLOCK_H

extern int64 mig_clock_ms(void);
extern void mig_clock_sleep(int milliseconds);

#endif							/* MIG_BASE_CLOCK_H */
