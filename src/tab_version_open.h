/*
 * tab_version_open.h
 *	  Which table is the version table, and may this role write it?
 */
#ifndef TAB_VERSION_OPEN_H
#define TAB_VERSION_OPEN_H

#include "spi.h"
#include "tab_version.h"

extern MigVersion *mig_tab_version_open(MigSpiAccess access);
extern MigVersion *mig_tab_version_open_other(const char *name,
											  const MigVersion *version);
extern void mig_tab_version_recheck(const MigVersion *version);
extern void mig_tab_version_trust(const MigVersion *version);

#endif							/* TAB_VERSION_OPEN_H */
