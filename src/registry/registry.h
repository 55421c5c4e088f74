/*
 * registry.h
 *	  The registered revisions: register, unregister, approve, inspect.
 */
#ifndef MIG_REGISTRY_REGISTRY_H
#define MIG_REGISTRY_REGISTRY_H

#include "nodes/pg_list.h"

#include "tables/revision.h"
#include "tables/version.h"

/* A revision and its position in the graph. */
typedef struct MigInspectRow
{
	const MigRevision *revision;	/* without an author: a row of the version
									 * table that names none */
	const char *state;			/* applied, pending, partial or unknown */
	const char *kind;			/* of its position, as people read it, or NULL */
	bool		applied;
	bool		is_head;
	bool		is_branch_point;
	bool		is_merge_point;
	const char *partial;		/* progress of an interrupted run of it, or
								 * NULL */
} MigInspectRow;

/* The kind of what is no revision, and in no graph. */
#define MIG_INSPECT_REPEATABLE	"repeatable"

/* A step of a plan. */
typedef struct MigInspectStep
{
	int			step;			/* from 1 */
	const char *operation;
	const char *revision;		/* NULL: base */
	const char *message;		/* or NULL */
	const char *external;		/* what has to be done elsewhere before it, or
								 * NULL */
	const char *transactions;	/* NULL: nothing is run */
	int			statements;
	bool		verifies;		/* a verify body runs after them */
	const char *partial;		/* as above */
	bool		approved;		/* as it is registered now */
	bool		trusted;		/* its author, or the role that has approved
								 * it, has the rights of the current role */
	const char *author;
	const char *hash;			/* of the revision; NULL: none, or not for
								 * this role */
	const char *problem;		/* why it would be refused, or NULL */
	const char *note;			/* in a few words; NULL: nothing to say */
} MigInspectStep;

/* How revisions are registered. */
#define MIG_REGISTER_REPLACE		0x01	/* change what is not applied */
#define MIG_REGISTER_SKIP_DOWNGRADE	0x02	/* a downgrade that does not parse
											 * makes a revision irreversible */
#define MIG_REGISTER_PRUNE			0x04	/* remove what is not given and
											 * not applied */

/* What a registration does to the registry. */
typedef enum MigRegisterResult
{
	MIG_REGISTER_UNCHANGED,		/* it is registered already */
	MIG_REGISTER_ADDED,
	MIG_REGISTER_REPLACED,
	MIG_REGISTER_REMOVED
} MigRegisterResult;

/* What the registration of files has done to a revision. */
typedef struct MigRegisterChange
{
	const char *file;			/* NULL: no file has it */
	const char *id;
	MigRegisterResult result;
} MigRegisterChange;

/* A file with a revision or a repeatable. */
typedef struct MigExportFile
{
	const char *id;
	char	   *path;			/* a name without slashes */
	bool		shares_path;	/* with another one, before it is changed */
	char	   *content;
} MigExportFile;

/* Where a tenant is. */
typedef struct MigTenantRow
{
	MigVersionName table;
	int			nrevisions;		/* this and what follows: unless there is a
								 * problem */
	char	  **revisions;		/* the rows of the table */
	int			nunknown;		/* of them, which name no revision */
	int			npending;		/* revisions and repeatables to be run */
	char	   *problem;		/* why the table could not be read, or NULL */
} MigTenantRow;

/* register.c, register_files.c */
extern void mig_register(const MigRevisionDef *def, bool replace);
extern char **mig_register_script(const char *script, int options, int *nids);
extern MigRegisterChange *mig_register_files(MigScriptRevision *given,
											 int n, int options, List *errors,
											 int *nchanges);
extern void mig_register_merge(int nrevisions, char **revisions,
							   const MigRevisionDef *def);
extern void mig_register_unregister(char *id);

/* squash_body.c */
extern char *mig_squash(const char *range, const char *revision,
						const char *message);

/* reorder.c */
extern void mig_register_reorder(const MigGraph *graph, char *const *ids,
								 int nids);

/* approve.c */
extern void mig_register_approve(const char *id, const char *hash,
								 const char *note);
extern void mig_register_confirm(const char *id, const char *note,
								 const char *name);

/* export.c */
extern MigExportFile *mig_export(const char *range, const char *format,
								 int *nfiles);

/* hook.c */
extern void mig_register_hook(const char *event_name, Oid function);
extern void mig_register_unhook(const char *event_name, const char *name);

/* inspect.c */
extern MigInspectRow *mig_inspect_current(int *nrows);
extern MigInspectRow *mig_inspect_heads(bool real, int *nrows);
extern MigInspectRow *mig_inspect_branches(int *nrows);
extern MigInspectRow *mig_inspect_history(const char *range, int *nrows);
extern MigInspectRow *mig_inspect_show(const char *revision, int *nrows);
extern MigInspectStep *mig_inspect_plan(const char *target, const char *command,
										int *nsteps);
extern char **mig_inspect_unknown(int *nrows);
extern bool mig_inspect_is_current(const char *target, bool *isnull);

/* tenants.c */
extern MigTenantRow *mig_tenants_read(int *nrows);

/* picture.c */
extern List *mig_picture_draw(const char *range, const char *language);

#endif							/* MIG_REGISTRY_REGISTRY_H */
