/*
 * xact.h
 *	  The only place that ends a transaction.
 */
#ifndef MIG_BASE_XACT_H
#define MIG_BASE_XACT_H

#include "base/subtransaction.h"

extern bool mig_run_transaction_is_toplevel(void);
extern void mig_run_transaction_enter(void);
extern void mig_run_transaction_leave(void);
extern void mig_run_transaction_for_tables(void);
extern ErrorData *mig_run_transaction_commit(void);
extern void mig_run_transaction_renew(void);
extern void mig_run_transaction_abort(void);
extern ErrorData *mig_run_transaction_try(MigRunWork work, void *arg);
extern void mig_run_transaction_must(MigRunWork work, void *arg);
extern ErrorData *mig_run_transaction_commit_toplevel(void);
extern void mig_run_transaction_recover(void);

#endif							/* MIG_BASE_XACT_H */
