/*
 * version.h
 *	  The rows of the version table: where we are.
 */
#ifndef MIG_TABLES_VERSION_H
#define MIG_TABLES_VERSION_H

#include "base/spi.h"
#include "migrate.h"

/* The version table and, while a run goes on, its rows. */
typedef struct MigVersion
{
	Oid			relid;
	char	   *name;			/* quoted where needed, with its schema */
	bool		own;			/* migrate.version, not a table of Alembic's */
	int			nrows;			/* as read last, sorted by id */
	char	  **rows;
	struct MigVersionState *state;	/* where the rows are now */
	struct MigVersionQueries *queries;
} MigVersion;

/* Where the rows are, as a step sees it. */
typedef enum MigVersionPlace
{
	MIG_VERSION_BEFORE,			/* the step can write its rows */
	MIG_VERSION_AFTER,			/* they are as it would leave them */
	MIG_VERSION_ELSEWHERE
} MigVersionPlace;

extern void mig_version_assume(bool row_addresses, bool table_locks);
extern void mig_version_prepare(MigVersion *version);
extern void mig_version_lock(const MigVersion *version);
extern void mig_version_read(MigVersion *version, MigSpiAccess access);
extern void mig_version_sort(MigVersion *version);
extern MigVersionPlace mig_version_place(MigVersion *version,
										 const MigStep *step);
extern void mig_version_check_snapshot(const MigVersion *version);
extern void mig_version_move(MigVersion *version, const MigStep *step);
extern void mig_version_accept(MigVersion *version);
extern void mig_version_discard(MigVersion *version);

#endif							/* MIG_TABLES_VERSION_H */
