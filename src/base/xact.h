/*
 * xact.h
 *	  Pieces of work, each in a subtransaction or in a transaction.
 */
#ifndef MIG_BASE_XACT_H
#define MIG_BASE_XACT_H

/* May raise; must not keep memory that a rolled back subtransaction frees. */
typedef void (*MigWork) (void *arg);

/* How mig_xact() does a piece of work. */
#define MIG_XACT_RAISE			0x01	/* raise an error instead of returning
										 * it */
#define MIG_XACT_RETRY			0x02	/* again after an error that passes:
										 * the work reads or writes only our
										 * own tables */
#define MIG_XACT_OWN_TABLES		0x04	/* READ COMMITTED and read write,
										 * whatever the session's defaults */
#define MIG_XACT_NO_BLOCK		0x08	/* the work is one statement that
										 * cannot run inside a transaction
										 * block */
#define MIG_XACT_KEEP_OPEN		0x10	/* do not commit: the next piece of
										 * work belongs to the same
										 * transaction */
#define MIG_XACT_BOUNDED		0x20	/* wait no longer than some seconds
										 * for a lock; so do the two above
										 * that say whose tables these are */

extern ErrorData *mig_subxact(MigWork work, void *arg);
extern ErrorData *mig_subxact_undo(MigWork work, void *arg);
extern ErrorData *mig_xact(MigWork work, void *arg, int flags);

extern void mig_xact_without_subxacts(bool on);
extern bool mig_xact_is_top_level(void);
extern ErrorData *mig_xact_commit(void);
extern void mig_xact_end_cancel(const ErrorData *error);
extern void mig_xact_repeat_cancel(void);
extern void mig_xact_renew(void);
extern void mig_xact_abort(void);
extern void mig_xact_abandon_subxacts(int level);
extern void mig_xact_begin_process(void);
extern void mig_xact_end_process(void);

#endif							/* MIG_BASE_XACT_H */
