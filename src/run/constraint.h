/*
 * constraint.h
 *	  Deferred constraints are checked at the end of each revision.
 */
#ifndef MIG_RUN_CONSTRAINT_H
#define MIG_RUN_CONSTRAINT_H

extern void mig_run_constraint_begin(void);
extern void mig_run_constraint_check(bool transaction_ends);

#endif							/* MIG_RUN_CONSTRAINT_H */
