/*
 * run_constraint.h
 *	  Deferred constraints are checked at the end of each revision.
 */
#ifndef RUN_CONSTRAINT_H
#define RUN_CONSTRAINT_H

extern void mig_run_constraint_begin(void);
extern void mig_run_constraint_check(bool transaction_ends);

#endif							/* RUN_CONSTRAINT_H */
