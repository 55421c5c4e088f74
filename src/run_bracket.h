/*
 * run_bracket.h
 *	  The subtransaction bracket: work that succeeds, or leaves nothing.
 */
#ifndef RUN_BRACKET_H
#define RUN_BRACKET_H

/* May raise; must not keep memory that a rolled back subtransaction frees. */
typedef void (*MigRunWork) (void *arg);

extern void mig_run_bracket_by_transaction(bool on);
extern ErrorData *mig_run_bracket_transaction(MigRunWork work, void *arg);
extern ErrorData *mig_run_bracket(MigRunWork work, void *arg);
extern void mig_run_bracket_abandon(int level);

#endif							/* RUN_BRACKET_H */
