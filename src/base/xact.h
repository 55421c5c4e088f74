/*
 * xact.h
 *	  The only place that ends a transaction.
 */
#ifndef MIG_BASE_XACT_H
#define MIG_BASE_XACT_H

#include "base/subtransaction.h"

extern bool mig_xact_is_toplevel(void);
extern void mig_xact_enter(void);
extern void mig_xact_leave(void);
extern void mig_xact_for_tables(void);
extern ErrorData *mig_xact_commit(void);
extern void mig_xact_renew(void);
extern void mig_xact_abort(void);
extern ErrorData *mig_xact_try(MigRunWork work, void *arg);
extern void mig_xact_must(MigRunWork work, void *arg);
extern ErrorData *mig_xact_commit_toplevel(void);
extern void mig_xact_recover(void);

#endif							/* MIG_BASE_XACT_H */
