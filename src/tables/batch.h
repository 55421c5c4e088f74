/*
 * batch.h
 *	  migrate.batch: how far statements have come that run in batches.
 */
#ifndef MIG_TABLES_BATCH_H
#define MIG_TABLES_BATCH_H

#include "utils/uuid.h"

#include "base/spi.h"
#include "migrate.h"
#include "tables/version.h"

/* First key of the advisory lock of a batch with a name: "MIGC". */
#define MIG_BATCH_LOCK			1296648003

/* The statement of a body that is a batch. */
typedef struct MigBatchPlace
{
	const MigVersion *version;
	const char *revision;
	MigCommand	operation;
	int			statement;		/* from 1 */
} MigBatchPlace;

/* A row. */
typedef struct MigBatchRow
{
	pg_uuid_t	batch;
	const char *name;			/* or NULL: it is in a body */
	const MigBatchPlace *place; /* not read */
	Oid			relation;
	char	   *relation_name;	/* as it is called now; NULL: it is gone, and
								 * relation is InvalidOid */
	int			nkey;
	char	  **key;			/* its columns */
	bool		same_order;		/* these sort keys as when it began */
	char	   *statement;
	const char *search_path;	/* when it began; NULL: it is in a body */
	char	  **last_key;		/* of the last batch; NULL: none yet */
	char	  **end_key;		/* where it ends; NULL: the table was empty */
	int			size;			/* of the next batch */
	int64		rows;
	int64		keys;
	int64		batches;
	int64		total;			/* an estimate of the keys; -1: unknown */
	bool		finished;
	char	   *role;			/* that has begun it, as it is called now */
	bool		is_caller;		/* it is the current one */
} MigBatchRow;

/* How far the statement of a body has come. */
typedef struct MigBatchProgress
{
	int64		rows;
	int64		batches;
	int			nkey;
	char	  **last_key;		/* of the last batch; NULL: none yet, or the
								 * current role may not see it */
} MigBatchProgress;

/* What a batch adds to a row. */
typedef struct MigBatchStep
{
	Oid			relation;
	const char *relation_name;
	char	  **last_key;		/* NULL: none was left */
	int			nkey;
	int			size;			/* of the next one */
	int64		rows;
	int64		keys;
	double		seconds;		/* with the pause before it */
	bool		finished;
} MigBatchStep;

extern MigBatchRow *mig_batch_find(const char *name);
extern MigBatchRow *mig_batch_find_in_body(const MigBatchPlace *place);
extern void mig_batch_progress(const MigBatchPlace *place, MigSpiAccess access,
							   MigBatchProgress *progress);
extern MigBatchRow *mig_batch_lock(const pg_uuid_t *batch);
extern bool mig_batch_insert(MigBatchRow *row);
extern bool mig_batch_advance(const pg_uuid_t *batch,
							  const MigBatchStep *step);
extern void mig_batch_follow(const MigVersion *version);
extern void mig_batch_clear(const MigVersion *version);
extern void mig_batch_clear_gone(const char *revision, char *const *tables,
								 int ntables);
extern void mig_batch_delete_in_body(const MigBatchPlace *place);
extern void mig_batch_delete(const char *name);
extern MigBatchRow *mig_batch_interrupted(int *nrows);
extern bool mig_batch_may_manage(const char *name, bool *exists);

#endif							/* MIG_TABLES_BATCH_H */
