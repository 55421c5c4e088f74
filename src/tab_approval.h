/*
 * tab_approval.h
 *	  migrate.approval: revisions that somebody has approved.
 */
#ifndef TAB_APPROVAL_H
#define TAB_APPROVAL_H

#include "spi.h"

extern void mig_tab_approval_put(const char *id, const char *hash,
								 Oid approver, const char *note);
extern void mig_tab_approval_void(const char *id);
extern bool *mig_tab_approval_valid(char *const *ids, char *const *hashes,
									int nids, MigSpiAccess access);

#endif							/* TAB_APPROVAL_H */
