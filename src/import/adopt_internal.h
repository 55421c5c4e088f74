/*
 * adopt_internal.h
 *	  What the version table of another tool says, for the files that adopt it.
 */
#ifndef MIG_ADOPT_INTERNAL_H
#define MIG_ADOPT_INTERNAL_H

#include "nodes/pg_list.h"

#include "graph/graph.h"
#include "import/import.h"
#include "tables/version.h"

/* A tool, and its table. */
typedef struct MigAdoptTool
{
	const char *name;
	const char *format;			/* of its files; NULL: of any tool */
	const char *relation;		/* its name, as a session of the tool finds it */
	const char *columns;		/* that are read, with a space between them */

	/*
	 * Reads the rows in the order in which they were written, as MigAdoptRow
	 * has them; %s is the table.  No operator, cast or function in it is
	 * anybody's but the server's, because the columns have its types.
	 */
	const char *query;
	bool		other_checksum; /* it keeps one that is not computed here */
	const char *repair;			/* what the tool advises where a migration has
								 * failed */
	const char *accept;			/* where a file has changed; or NULL */
} MigAdoptTool;

/* What a row says of a version. */
typedef enum MigAdoptState
{
	MIG_ADOPT_APPLIED,
	MIG_ADOPT_UP_TO,			/* it, and all lower ones */
	MIG_ADOPT_BASELINE,			/* the same; it need not be registered */
	MIG_ADOPT_HEAD,				/* it, and all that it is built on */
	MIG_ADOPT_UNDONE,			/* what a row before it says is over */
	MIG_ADOPT_NOTHING,			/* of any migration */
	MIG_ADOPT_IGNORED,			/* of one that is no revision */
	MIG_ADOPT_FAILED,
	MIG_ADOPT_DIRTY				/* the same, by a flag */
} MigAdoptState;

/* A row of the table. */
typedef struct MigAdoptRow
{
	const char *version;
	const char *other;			/* what the importer may know it by; or NULL */
	const char *scope;			/* the project that it is of, or NULL */
	MigAdoptState state;
	bool		has_time;
	TimestampTz applied_at;
	double		milliseconds;
	const char *checksum;		/* or NULL */
} MigAdoptRow;

/* A registered revision, and what the tool knows it by. */
typedef struct MigAdoptCandidate
{
	const char *id;
	const char *version;		/* of its file; otherwise the id */
	const char *checksums;		/* as in MigSource; NULL: its file is not of
								 * the tool */
	bool		has_file;
} MigAdoptCandidate;

/* An adoption on its way.  Revisions are known by their index in the graph. */
typedef struct MigAdoption
{
	const MigAdoptTool *tool;
	const struct MigImportFormat *format;	/* of its files, or NULL */
	MigVersion *table;			/* of the tool */
	MigVersion *version;		/* in use */
	MigGraph   *graph;
	int			size;			/* more than any index */
	MigRevList	history;		/* all revisions, the base first */
	MigAdoptCandidate *candidates;	/* by index */

	/* What the table says */
	bool	   *applied;
	const MigAdoptRow **rows;	/* the row of each, or NULL */
	MigRevList	order;			/* in which this database applied */
	List	   *ignored;		/* rows of other things, of MigAdoptRow * */
	int			nuncompared;	/* checksums with nothing to compare */

	/* What is wrong with it, each a list of names */
	List	   *dirty;
	List	   *failed;
	List	   *unknown;
	List	   *changed;
	List	   *missing;		/* of which an applied one needs */
	List	   *elsewhere;		/* applied in the version table in use only */
	bool		is_behind;		/* that is all, and they were run here */
} MigAdoption;

/* adopt_match.c */
extern void mig_adopt_load_graph(MigAdoption *adoption);
extern void mig_adopt_apply_rows(MigAdoption *adoption, MigAdoptRow *rows,
								 int nrows);
extern bool *mig_adopt_closure(const MigAdoption *adoption);

/* adopt_problem.c */
extern void mig_adopt_refuse(const MigAdoption *adoption);

/* adopt_table.c */
extern const MigAdoptTool *mig_adopt_find_tool(const char *name, Oid relation,
											   char **relation_name);
extern char *mig_adopt_find_written(const char *format);
extern MigAdoptRow *mig_adopt_read(const MigAdoptTool *tool,
								   MigVersion *table, int *nrows);

/* adopt_lock_out.c */
extern void mig_adopt_lock_out(const MigAdoptTool *tool,
							   const MigVersion *table);

#endif							/* MIG_ADOPT_INTERNAL_H */
