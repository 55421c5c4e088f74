/*
 * leftover.h
 *	  What a body leaves in the session.
 */
#ifndef MIG_RUN_LEFTOVER_H
#define MIG_RUN_LEFTOVER_H

extern void mig_run_leftover_refuse(void);
extern void mig_run_leftover_deallocate(void);

#endif							/* MIG_RUN_LEFTOVER_H */
