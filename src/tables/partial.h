/*
 * partial.h
 *	  migrate.partial: progress inside a revision.
 */
#ifndef MIG_TABLES_PARTIAL_H
#define MIG_TABLES_PARTIAL_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "migrate.h"

/* A segment of a body, and who runs it. */
typedef struct MigPartialSegment
{
	const char *version_table;
	const char *revision;
	MigCommand	operation;
	int			statement;		/* the first one, from 1 */
	int			last_statement;
	int			line;
	const char *kind;			/* its name if it refuses a transaction block */
	int			nobject;		/* what to look for, if it is in doubt */
	char	  **object;
	const char *before;
	const char *body_hash;
	const pg_uuid_t *run;
	Oid			role;
} MigPartialSegment;

/* How far a revision has come that is neither applied nor not. */
typedef struct MigPartial
{
	char	   *revision;
	MigCommand	operation;
	char	   *body_hash;
	int			done;			/* statements up to this one are done */
	int			in_doubt;		/* this one was begun; 0: none */
	int			line;			/* of the one in doubt */
	char	   *kind;
	int			nobject;
	char	  **object;
	char	   *before;
	char	   *role;			/* who has run the last of it */
	TimestampTz since;
} MigPartial;

extern MigPartial *mig_partial_find(const char *version_table,
									bool for_report);
extern char *mig_partial_holder(const char *revision);
extern void mig_partial_started(const MigPartialSegment *checkpoint);
extern void mig_partial_done(const MigPartialSegment *checkpoint);
extern void mig_partial_forget(const char *version_table,
							   int statement);
extern void mig_partial_clear(const char *version_table);

#endif							/* MIG_TABLES_PARTIAL_H */
