/*
 * snapshot.h
 *	  migrate.snapshot: the schema as the last run has left it.
 */
#ifndef MIG_TABLES_SNAPSHOT_H
#define MIG_TABLES_SNAPSHOT_H

#include "base/spi.h"

/* An object as it was. */
typedef struct MigSnapshotRow
{
	char	   *type;
	char	   *identity;
	char	   *definition;
} MigSnapshotRow;

/* Several objects, column by column. */
typedef struct MigSnapshotObjects
{
	int			n;
	char	  **types;
	char	  **identities;
	char	  **definitions;
	char	  **former;			/* definitions before; for
								 * mig_snapshot_change() */
} MigSnapshotObjects;

extern bool mig_snapshot_exists(MigSpiAccess access);
extern MigSnapshotRow *mig_snapshot_read(MigSpiAccess access, int *nrows);
extern void mig_snapshot_put(const MigSnapshotObjects *objects,
							 const pg_uuid_t *run);
extern void mig_snapshot_change(const MigSnapshotObjects *objects,
								const pg_uuid_t *run);
extern void mig_snapshot_remove(const MigSnapshotObjects *objects);

#endif							/* MIG_TABLES_SNAPSHOT_H */
