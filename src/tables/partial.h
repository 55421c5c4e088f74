/*
 * partial.h
 *	  migrate.partial: how far a revision has come that takes several
 *	  transactions.
 */
#ifndef MIG_TABLES_PARTIAL_H
#define MIG_TABLES_PARTIAL_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "base/spi.h"
#include "migrate.h"
#include "script/script.h"
#include "tables/batch.h"
#include "tables/version.h"

/* A row: a segment of a body, and the run that runs it. */
typedef struct MigPartialSegment
{
	const MigVersion *version;
	const char *revision;
	MigCommand	operation;
	int			statement;		/* the first one, from 1 */
	int			last_statement;
	int			line;
	const char *kind;			/* name of a statement that cannot run inside
								 * a transaction block, or NULL */
	int			nobject;		/* what its effect can be seen by, if its
								 * outcome is unknown */
	char	  **object;
	const char *before;
	int			nsettings;
	char	  **settings;		/* of the body, after it or, if its outcome is
								 * unknown, before it: "name=value" */
	int			npath_schemas;
	char	  **path_schemas;	/* what the names of the search_path among
								 * them stand for: OIDs, "0" for none */
	const char *origin;			/* of the OIDs; NULL: this database */
	const char *session_id;
	int			nsession_objects;	/* that only it has, made by the body */
	char	  **session_objects;
	const char *body_hash;
	const pg_uuid_t *run;
	Oid			role;
} MigPartialSegment;

/* How far a revision has come that is partial. */
typedef struct MigPartial
{
	char	   *revision;
	MigCommand	operation;
	char	   *body_hash;
	int			done;			/* statements up to this one are done */
	int			unknown;		/* this one was started, its outcome is
								 * unknown; 0: none */
	char	   *run;			/* that has started it, as text */
	int			line;			/* of that one, as what follows */
	char	   *kind;
	int			nobject;
	char	  **object;
	char	   *before;
	MigBatchProgress batch;		/* if it is a batch */
	char	   *role;			/* that has begun it */
	Oid			role_oid;		/* InvalidOid: it does not exist any more */
	int			nsettings;
	char	  **settings;		/* of the body, before what follows */
	int			npath_schemas;	/* 0: unknown */
	char	  **path_schemas;	/* as in MigPartialSegment */
	char	   *origin;			/* as in MigPartialSegment, never NULL */
	bool		elsewhere;		/* it was noted in another database */
	bool		renamed;		/* it was noted under another name of the
								 * version table, or for one that is gone */
	char	   *table_now;		/* the table that it was noted for, if that is
								 * another one now; NULL: it is not */
	char	   *session_id;
	int			nsession_objects;	/* that only it had */
	char	  **session_objects;
} MigPartial;

/*
 * Whether a partial revision is in a statement that runs in batches.  Its outcome
 * is never unknown: migrate.batch says how far it has come.
 */
#define mig_partial_is_batch(partial) \
	((partial)->unknown > 0 && (partial)->kind != NULL && \
	 strcmp((partial)->kind, MIG_STATEMENT_BATCH_TAG) == 0)

/* A version table for which a revision is partial. */
typedef struct MigPartialTable
{
	Oid			relid;
	char	   *name;			/* as it was, if it is gone */
	bool		gone;
	char	   *revision;
} MigPartialTable;

extern MigPartial *mig_partial_find(const MigVersion *version,
									MigSpiAccess access);
extern void mig_partial_follow(const MigVersion *version);
extern MigPartialTable *mig_partial_elsewhere(const MigVersion *version, int *ntables);
extern char *mig_partial_holder(const char *revision, bool *gone);
extern char **mig_partial_clear_gone(const char *revision, int *ntables);
extern void mig_partial_started(const MigPartialSegment *segment);
extern void mig_partial_done(const MigPartialSegment *segment);
extern void mig_partial_forget(const MigVersion *version, int statement);
extern void mig_partial_forget_of_run(const pg_uuid_t *run, int statement);
extern void mig_partial_forget_session(const MigVersion *version);
extern void mig_partial_clear(const MigVersion *version);

#endif							/* MIG_TABLES_PARTIAL_H */
