/*
 * version_open.h
 *	  Which table is the version table, and may this role write it?
 */
#ifndef MIG_TABLES_VERSION_OPEN_H
#define MIG_TABLES_VERSION_OPEN_H

#include "base/spi.h"
#include "tables/version.h"

extern MigVersion *mig_version_open(MigSpiAccess access);
extern MigVersion *mig_version_open_other(const char *name,
										  const MigVersion *version);
extern void mig_version_recheck(const MigVersion *version);
extern void mig_version_trust(const MigVersion *version);

#endif							/* MIG_TABLES_VERSION_OPEN_H */
