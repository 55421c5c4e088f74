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

/* The version table of another tool, and how it is adopted. */
typedef struct MigAdoptRequest
{
	const char *format;			/* name of the tool */
	Oid			relation;		/* InvalidOid: the tool's own */
	bool		lock_out;		/* the tool is not to write it any more */
	bool		reorder;		/* what it has not applied goes behind what it
								 * has */
} MigAdoptRequest;

/* What was done about a version. */
typedef struct MigAdoptResult
{
	const char *revision;		/* NULL: it is none */
	const char *version;		/* of the tool */
	bool		has_time;
	TimestampTz applied_at;
	const char *result;
} MigAdoptResult;

/* adopt.c, adopt_lock_out.c, baseline.c */
extern MigAdoptResult *mig_adopt(const MigAdoptRequest *request, int *nresults);
pg_noreturn extern void mig_adopt_refuse_tool(const void *trigger_data);
extern void mig_baseline(const char *revision, const char *message,
						 const char *body);

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
