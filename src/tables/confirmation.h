/*
 * confirmation.h
 *	  migrate.confirmation: which external steps are done.
 */
#ifndef MIG_TABLES_CONFIRMATION_H
#define MIG_TABLES_CONFIRMATION_H

#include "base/spi.h"
#include "migrate.h"
#include "tables/version.h"

/* A step that is done elsewhere, before a revision on a version table. */
typedef struct MigConfirmation
{
	const MigVersion *version;
	MigCommand	command;
	const char *revision;
	const char *hash;			/* MIG_REVISION_HASH */
} MigConfirmation;

extern void mig_confirmation_put(const MigConfirmation *step, Oid role,
								 const char *note);
extern void mig_confirmation_forget_former(const char *version_table);
extern void mig_confirmation_void(const char *id);
extern bool *mig_confirmation_find(const MigVersion *version,
								   MigCommand command, char *const *ids,
								   char *const *hashes, int nids,
								   MigSpiAccess access);
extern char *mig_confirmation_use(const MigConfirmation *step);

#endif							/* MIG_TABLES_CONFIRMATION_H */
