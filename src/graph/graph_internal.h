/*
 * graph_internal.h
 *	  The inside of the revision graph, for the files of this folder only.
 *
 * A revision is an index into arrays that are in load order, which is the
 * order of the ids compared byte by byte.  Edges are kept as two flat arrays
 * instead of lists: a graph of 100,000 revisions is then a few megabytes and
 * is walked without chasing pointers.
 */
#ifndef MIG_GRAPH_INTERNAL_H
#define MIG_GRAPH_INTERNAL_H

#include "base/compat.h"
#include "graph/graph.h"

/* Not a revision: none at all, and the one before every base. */
#define MIG_REV_NONE			(-1)
#define MIG_REV_BASE			(-2)

/* Messages list at most this many revisions, to stay readable. */
#define MIG_GRAPH_MAX_LISTED	10

/* The edges of revision r are to[start[r]] .. to[start[r + 1] - 1]. */
typedef struct MigEdges
{
	int		   *start;
	int		   *to;
} MigEdges;

/* Which of two rows is right is known to what has written them at best. */
#define MIG_GRAPH_OVERLAP_HINT \
	"Find out which of the rows is right before anything is deleted: migrate_history() shows the down revisions and dependencies that are registered here, and what has written the rows may have others."

#define MIG_NEDGES(edges, rev) \
	((edges)->start[(rev) + 1] - (edges)->start[(rev)])

/* An id or a label, and its revision. */
typedef struct MigLabel
{
	const char *name;
	int			rev;
} MigLabel;

/* A revision: what the graph knows of it, as it was registered. */
typedef struct MigNode
{
	const char *id;
	int			ndown;
	int			nlabels;
	int			ndepends;
	char	  **down;
	char	  **labels;
	char	  **depends;
} MigNode;

struct mig_keys_hash;

struct MigGraph
{
	int			size;
	int			allocated;
	MigNode    *revs;
	MigCulprit	culprit;		/* that cannot be connected */
	struct mig_keys_hash *keys; /* every id and label */
	int			nlabels;
	MigLabel   *labels;
	MigEdges	down;			/* down revisions, in the order written */
	MigEdges	parents;		/* these, then normalized dependencies */
	MigEdges	children;		/* the reverse of down, in load order */
	MigEdges	all_children;	/* the reverse of down and all dependencies */
	const char **parent_ids;	/* ids of parents.to, for the steps */
	int		   *sorted;			/* topological order: parents first */
	int		   *rank;			/* by revision: its index in sorted */
};

/* Which keys a name may be. */
typedef enum MigKeyKind
{
	MIG_KEY_NONE,
	MIG_KEY_ID,
	MIG_KEY_LABEL
} MigKeyKind;

/* The parts of a name, and the revisions that a symbolic one means. */
typedef struct MigName
{
	char	   *branch;			/* NULL when not given */
	char	   *symbol;
	bool		literal;		/* an id, a label or the beginning of one */
	MigRevList	revs;			/* otherwise: these */
} MigName;

/* A target of the form [branch@][symbol]{+|-}digits. */
typedef struct MigRelative
{
	char	   *branch;			/* NULL when not given */
	char	   *symbol;			/* NULL when not given */
	int			offset;
	const char *offset_text;	/* as typed */
} MigRelative;

/* Where a relative target starts: a name, or if that is NULL the rows. */
typedef struct MigStart
{
	const char *name;
	MigRevList	rows;
} MigStart;

typedef struct MigVersionRows MigVersionRows;

/* graph.c */
extern MigKeyKind mig_graph_key(const MigGraph *graph, const char *name,
								int *rev);
extern MigRevList mig_graph_ends(const MigGraph *graph, const MigEdges *edges);
extern bool *mig_graph_reach_one(const MigGraph *graph, const MigEdges *edges,
								 int start);
extern bool *mig_graph_reach(const MigGraph *graph, const MigEdges *edges,
							 MigRevList start);
extern MigRevList mig_graph_members(const MigGraph *graph, const bool *set);
extern MigRevList mig_graph_leaves(const MigGraph *graph, MigRevList revs);
extern MigRevList mig_graph_rows(const MigGraph *graph, int nrows, char **rows);
extern char *mig_graph_quote(const MigGraph *graph, MigRevList revs);

/* edges.c */
extern void mig_edges_build(MigGraph *graph);

/* name.c */
extern void mig_name_split(const char *name, char **branch,
						   char **symbol);
extern MigName mig_name_parse(const MigGraph *graph, const char *name);
extern int	mig_name_lookup(const MigGraph *graph, const char *symbol,
							const char *branch);
extern int	mig_name_lookup_branch(const MigGraph *graph, const char *branch);
extern bool *mig_name_find_carriers(const MigGraph *graph, const char *label);
extern bool *mig_name_find_lineage(const MigGraph *graph, const char *against,
								   bool dependencies, bool needed);
extern MigRevList mig_name_filter_lineage(const MigGraph *graph, MigRevList revs, const char *against,
										  bool dependencies);
pg_noreturn extern void mig_name_refuse_many_heads(const MigGraph *graph,
												   const char *name, MigRevList heads);

/* target.c */
extern bool mig_target_parse_relative(const char *target, MigRelative *rel);
extern int	mig_target_resolve_one(const MigGraph *graph, const char *name);
extern MigRevList mig_target_resolve(const MigGraph *graph, const char *name);
extern int	mig_target_walk(const MigGraph *graph, int at, int steps,
							const char *branch, bool strict);
pg_noreturn extern void mig_target_refuse_walk(const char *target,
											   const char *name);
pg_noreturn extern void mig_target_refuse_offset(const MigGraph *graph,
												 const MigRelative *rel,
												 int from);
extern void mig_target_check_rows(const MigGraph *graph, MigRevList rows);
extern void mig_target_check_overlap(const MigGraph *graph, MigRevList targets);

/* order.c */
extern MigRevList mig_order_newest_first(const MigGraph *graph,
										 const bool *members, const bool *within,
										 MigRevList leaves);

/* version_rows.c */
extern MigVersionRows *mig_version_rows_start(const MigGraph *graph, MigRevList rows);
extern void mig_version_rows_upgrade(MigVersionRows *state, int rev, MigStep *step);
extern void mig_version_rows_downgrade(MigVersionRows *state, int rev, MigStep *step);
extern void mig_version_rows_replace(const MigGraph *graph, MigRevList old, int rev, MigStep *step);

/* upgrade.c */
extern MigRevList mig_upgrade_find_targets(const MigGraph *graph,
										   const MigStart *start, const char *target,
										   bool strict);
extern MigRevList mig_upgrade_find_starts(const MigGraph *graph,
										  const MigStart *start);

/* downgrade.c */
extern bool *mig_downgrade_find_members(const MigGraph *graph, MigRevList rows, const char *target);
extern char *mig_downgrade_make_absolute(const MigGraph *graph, MigRevList rows, const char *target);
extern int	mig_downgrade_find_start(const MigGraph *graph,
									 const MigStart *start,
									 const char *branch);

/* stamp.c */
extern MigPlan *mig_stamp_plan(const MigGraph *graph, MigRevList rows, int ntargets,
							   char **targets);

#endif							/* MIG_GRAPH_INTERNAL_H */
