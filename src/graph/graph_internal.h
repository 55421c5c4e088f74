/*
 * graph_internal.h
 *	  The inside of the revision graph, for the rev_* files only.
 *
 * A revision is an index into arrays that are in load order, which is the
 * order of the ids compared byte by byte.  Edges are kept as two flat arrays
 * instead of lists: a graph of 100,000 revisions is then a few megabytes and
 * is walked without chasing pointers.
 */
#ifndef MIG_GRAPH_GRAPH_INTERNAL_H
#define MIG_GRAPH_GRAPH_INTERNAL_H

#include "base/compat.h"
#include "graph/graph.h"

/* Positions that are no revision: nothing at all, and below every base. */
#define MIG_REV_NONE			(-1)
#define MIG_REV_BASE			(-2)

/* The edges of revision r are to[start[r]] .. to[start[r + 1] - 1]. */
typedef struct MigEdges
{
	int		   *start;
	int		   *to;
} MigEdges;

#define MIG_NEDGES(edges, rev) \
	((edges)->start[(rev) + 1] - (edges)->start[(rev)])

/* A revision as it was registered. */
typedef struct MigNode
{
	const char *id;
	int			ndown;
	char	  **down;
	int			nlabels;
	char	  **labels;
	int			ndepends;
	char	  **depends;
} MigNode;

typedef struct MigLabel
{
	const char *name;
	int			rev;
} MigLabel;

struct mig_keys_hash;

struct MigGraph
{
	int			size;
	int			allocated;
	MigNode    *revs;
	struct mig_keys_hash *keys; /* every id and label */
	int			nlabels;
	MigLabel   *labels;
	MigEdges	down;			/* V: down revisions, in the order written */
	MigEdges	parents;		/* P: V, then normalized dependencies */
	MigEdges	kids;			/* who has it in V, in load order */
	MigEdges	allkids;		/* who has it in V or in depends_on */
	const char **parent_ids;	/* ids of parents.to, for the steps */
	int		   *bottom_up;		/* all, each after what it stands on */
	int		   *height;			/* place in bottom_up */
};

/* Which keys a name may be. */
typedef enum MigKeyKind
{
	MIG_KEY_NONE,
	MIG_KEY_ID,
	MIG_KEY_LABEL
} MigKeyKind;

extern MigKeyKind mig_graph_key(const MigGraph *graph, const char *name,
								int *rev);
extern bool *mig_graph_reach(const MigGraph *graph, const MigEdges *edges,
							 int nstart, const int *start);
extern int *mig_graph_members(const MigGraph *graph, const bool *set,
							  int *nresult);
extern int *mig_graph_tips(const MigGraph *graph, int nrevs,
						   const int *revs, int *nresult);
extern int *mig_graph_rows(const MigGraph *graph, int nrows, char **rows,
						   int *nresult);
extern char *mig_graph_quote(const MigGraph *graph, int nrevs,
							 const int *revs);

#endif							/* MIG_GRAPH_GRAPH_INTERNAL_H */
