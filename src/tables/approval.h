/*
 * approval.h
 *	  migrate.approval: which revisions a role has approved.
 */
#ifndef MIG_TABLES_APPROVAL_H
#define MIG_TABLES_APPROVAL_H

#include "base/spi.h"

/* The approval of one of the revisions that were asked about. */
typedef struct MigApproval
{
	int			index;			/* of the revision among them */
	char	   *hash;			/* of the revision that was approved */
	bool		vouches;		/* the approver has the runner's rights */
} MigApproval;

extern void mig_approval_put(const char *id, const char *hash,
							 Oid approver, const char *note);
extern void mig_approval_void(const char *id);
extern MigApproval *mig_approval_find(char *const *ids, int nids, Oid runner,
									  MigSpiAccess access,
									  int *nfound);

#endif							/* MIG_TABLES_APPROVAL_H */
