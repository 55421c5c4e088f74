/*
 * preview.h
 *	  Answers what a run would do: preview.
 */
#ifndef MIG_PREVIEW_PREVIEW_H
#define MIG_PREVIEW_PREVIEW_H

#include "nodes/pg_list.h"

#include "migrate.h"

/* A statement of a revision, and a relation that it locks, or none. */
typedef struct MigPreviewRow
{
	int			step;			/* of the plan, from 1 */
	const char *revision;
	int			statement;		/* of the body, from 1; 0: it is not one */
	int			line;
	const char *tag;
	const char *relation;		/* with its schema, or NULL */
	const char *name;			/* without it */
	const char *mode;			/* of the lock */
	const char *blocks;
	double		begun_ms;		/* by the clock of the preview */
	double		held_ms;		/* to the end of the transaction */
	bool		rewritten;
	bool		executed;
	int64		rows;
	int64		wal_bytes;
	double		wall_ms;
	const char *finding;		/* a word or two, or NULL */
	char	   *detail;			/* the same as a sentence */
} MigPreviewRow;

/* preview.c */
extern List *mig_preview(char *target, const char *command);

/* offline.c */
extern char *mig_offline_script(const char *range, const char *command);

#endif							/* MIG_PREVIEW_PREVIEW_H */
