/*
 * subtransaction.h
 *	  The subtransaction bracket: work that succeeds, or leaves nothing.
 */
#ifndef MIG_BASE_SUBTRANSACTION_H
#define MIG_BASE_SUBTRANSACTION_H

/* May raise; must not keep memory that a rolled back subtransaction frees. */
typedef void (*MigRunWork) (void *arg);

extern void mig_subxact_by_transaction(bool on);
extern ErrorData *mig_subxact_transaction(MigRunWork work, void *arg);
extern ErrorData *mig_subxact(MigRunWork work, void *arg);
extern void mig_subxact_abandon(int level);

#endif							/* MIG_BASE_SUBTRANSACTION_H */
