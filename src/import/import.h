/*
 * import.h
 *	  Registers files, those of other tools, too.
 */
#ifndef MIG_IMPORT_H
#define MIG_IMPORT_H

#include "utils/jsonb.h"

#include "registry/registry.h"

/* How files are registered. */
typedef struct MigImportRequest
{
	const char *format;			/* a name, or "auto" */
	bool		replace;
	bool		prune;
	Jsonb	   *options;		/* or NULL */
} MigImportRequest;

/* import.c */
extern MigRegisterChange *mig_import_files(const MigImportRequest *request,
										   char **paths, int npaths,
										   char **contents, int ncontents,
										   int *nchanges);
extern MigRegisterChange *mig_import_bundle(const MigImportRequest *request,
											const char *bundle, int *nchanges);
extern MigRegisterChange *mig_import_directory(const MigImportRequest *request,
											   const char *directory,
											   int *nchanges);

#endif							/* MIG_IMPORT_H */
