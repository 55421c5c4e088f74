/*
 * run_leftover.h
 *	  What a body leaves in the session.
 */
#ifndef RUN_LEFTOVER_H
#define RUN_LEFTOVER_H

extern void mig_run_leftover_refuse(void);
extern void mig_run_leftover_deallocate(void);

#endif							/* RUN_LEFTOVER_H */
