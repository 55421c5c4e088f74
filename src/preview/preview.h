/*
 * preview.h
 *	  What a run would do, by preview and lint, and what the database is.
 */
#ifndef MIG_PREVIEW_PREVIEW_H
#define MIG_PREVIEW_PREVIEW_H

#include "nodes/pg_list.h"

#include "base/spi.h"
#include "migrate.h"
#include "script/lint_rule.h"

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

/* A statement of a body, or all of it. */
typedef struct MigLintPlace
{
	const char *revision;
	MigCommand	operation;
	bool		in_verify;		/* it is in the verify body of the upgrade */
	int			statement;		/* from 1; 0: the revision as a whole */
	int			line;			/* of the body, from 1 */
	const char *query;			/* its text; NULL: the revision as a whole */
	int			number;			/* of the revision in the walk */
	List	   *waivers;		/* of the revision, of MigLintWaiver */
	const char *relation;		/* as it is called there, if a finding is said
								 * later; otherwise NULL */
} MigLintPlace;

/* A statement that breaks a rule. */
typedef struct MigLintFinding
{
	MigLintPlace place;
	MigLintRule rule;
	const char *relation;		/* that it is about, or NULL */
	const char *message;
	const char *waived;			/* the reason why it may; NULL: it may not */
} MigLintFinding;

/* What the verify body of an applied revision has said. */
typedef struct MigVerification
{
	const char *revision;
	const char *result;			/* a word */
	int			statement;		/* that has failed, from 1; 0: none */
	int			line;
	const char *query;			/* its text, or NULL */
	double		wall_ms;
	const ErrorData *error;		/* NULL: it has passed */
} MigVerification;

/* An object of a schema. */
typedef struct MigSchemaObject
{
	char	   *type;			/* as the server names it */
	char	   *identity;
	char	   *definition;
} MigSchemaObject;

/* All objects, ordered by type and identity. */
typedef struct MigSchema
{
	int			nobjects;
	MigSchemaObject *objects;
} MigSchema;

/* What a round trip has found. */
typedef struct MigRoundtripFinding
{
	char	   *revision;
	const char *change;
	char	   *type;
	char	   *identity;
	char	   *before;			/* definition, or NULL */
	char	   *after;
} MigRoundtripFinding;

/* An object that is not as the last run has left it. */
typedef struct MigDriftFinding
{
	const char *change;
	const MigSchemaObject *object;
	const char *noted;			/* its definition, or NULL */
	const char *found;
} MigDriftFinding;

/* preview.c */
extern List *mig_preview(char *target, const char *command);

/* lint.c */
extern List *mig_lint(const char *target, const char *command, bool separately);
extern void mig_lint_before_run(const MigPlan *plan, bool resumes);

/* lint_finding.c */
extern char *mig_lint_wrapped(const MigLintFinding *finding);

/* offline.c */
extern char *mig_offline_script(const char *range, const char *command);

/* schema.c */
extern MigSchema *mig_schema_read(bool owners, bool privileges,
								  MigSpiAccess access);
extern char *mig_schema_fingerprint(const MigSchema *schema);

/* roundtrip.c */
extern List *mig_roundtrip_run(char *target);

/* drift.c */
extern void mig_drift_init(void);
extern List *mig_drift_find(MigSpiAccess access);
extern int	mig_drift_count(void);
extern void mig_drift_accept(void);

/* verification.c */
extern List *mig_verification_run(const char *range);

#endif							/* MIG_PREVIEW_PREVIEW_H */
