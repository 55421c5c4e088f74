/*
 * migrate.h
 *	  Types that several files share, and nothing else.
 */
#ifndef MIGRATE_H
#define MIGRATE_H

/*
 * A revision id of that many characters fits into every version table, as in
 * Alembic's; how many more do is up to the one in use.
 */
#define MIG_REVISION_WIDTH		32
#define MIG_REVISION_MAXLEN		255

/* What is done to a revision. */
typedef enum MigCommand
{
	MIG_COMMAND_UPGRADE,
	MIG_COMMAND_DOWNGRADE,
	MIG_COMMAND_STAMP,
	MIG_COMMAND_REPEAT			/* a repeatable, at the end of an upgrade */
} MigCommand;

/* The bodies of a revision. */
typedef enum MigBodyKind
{
	MIG_BODY_UPGRADE,
	MIG_BODY_DOWNGRADE,
	MIG_BODY_VERIFY				/* looks whether the upgrade has done what it
								 * should */
} MigBodyKind;

#define MIG_NUM_BODY_KINDS		(MIG_BODY_VERIFY + 1)

/* How the caller came in, and so what a run may do with transactions. */
typedef enum MigVia
{
	MIG_VIA_FUNCTION,			/* inside the caller's transaction */
	MIG_VIA_PROCEDURE,			/* commits after every revision */
	MIG_VIA_WORKER				/* the same, in a process of its own */
} MigVia;

/*
 * A revision as its author writes it: in a script, in a call, or read from the
 * registry.  What else is known about it stands in the structs that embed it.
 */
typedef struct MigRevisionDef
{
	char	   *id;
	int			ndown;
	char	  **down;			/* full ids */
	int			ndepends;
	char	  **depends;		/* full ids or branch labels */
	int			nlabels;
	char	  **labels;
	int			nreplaces;
	char	  **replaces;		/* ids of the line of revisions that it was
								 * made of, the oldest first */
	char	   *message;		/* or NULL */
	char	   *settings;		/* a list, or NULL */
	char	   *allow;			/* lint rules that it waives, or NULL */
	char	   *upgrade;
	char	   *downgrade;		/* NULL: irreversible */
	char	   *verify;			/* or NULL */
	char	   *external;		/* what has to be done elsewhere before it is
								 * upgraded, instead of an upgrade; or NULL */
	char	   *downgrade_external; /* the same before it is downgraded */
	bool		upgrade_per_statement;	/* not transactional: each statement
										 * is a transaction */
	bool		downgrade_per_statement;
} MigRevisionDef;

/*
 * One step of a plan: a revision to run, or for a stamp only the rows to
 * write.  Deletes come first, then the update, then the inserts; each must
 * hit exactly one row.
 */
typedef struct MigStep
{
	MigCommand	command;
	const char *revision;		/* or repeatable; NULL when a stamp goes to
								 * base */
	int			nparents;		/* the parents that count for the rows: down
								 * revisions, then normalized dependencies */
	const char **parents;
	int			ndeletes;
	const char **deletes;
	const char *update_from;	/* NULL when no row is updated */
	const char *update_to;
	int			ninserts;
	const char **inserts;
} MigStep;

typedef struct MigPlan
{
	MigCommand	command;
	int			nsteps;
	MigStep    *steps;
} MigPlan;

#endif							/* MIGRATE_H */
