/*
 * graph.h
 *	  The revision graph, and plans made from it.
 */
#ifndef MIG_GRAPH_H
#define MIG_GRAPH_H

#include "migrate.h"

typedef struct MigGraph MigGraph;

/* Revisions, by their indexes in the graph. */
typedef struct MigRevList
{
	int			n;
	int		   *rev;
} MigRevList;

/* What is to be planned, and from which rows of the version table. */
typedef struct MigPlanRequest
{
	MigCommand	command;
	int			nrows;
	char	  **rows;
	int			ntargets;		/* one; for a stamp any number, none is base */
	char	  **targets;
	const char *first;			/* the revision to begin with, if it is a step
								 * that can be the first one; or NULL */
} MigPlanRequest;

/* What an error of mig_graph_finish() is about. */
typedef struct MigCulprit
{
	const char *id;				/* of a revision */
	const char *label;			/* of it, which is used twice; or NULL */
	const char *other;			/* id of the revision whose label or id that
								 * is, too */
	const char *reference;		/* a down revision or dependency of it; NULL:
								 * the error is about a label, or a cycle */
} MigCulprit;

/* graph.c */
extern MigGraph *mig_graph_create(int size_hint);
extern void mig_graph_add(MigGraph *graph, const MigRevisionDef *def);
extern void mig_graph_finish(MigGraph *graph);
extern MigCulprit mig_graph_culprit(const MigGraph *graph);
extern int	mig_graph_find(const MigGraph *graph, const char *id);
extern const char *mig_graph_id(const MigGraph *graph, int rev);
extern bool mig_graph_is_head(const MigGraph *graph, int rev);
extern bool mig_graph_is_branch_point(const MigGraph *graph, int rev);
extern bool mig_graph_is_merge_point(const MigGraph *graph, int rev);
extern int	mig_graph_down(const MigGraph *graph, int rev, const int **down);
extern MigRevList mig_graph_heads(const MigGraph *graph, bool real);
extern MigRevList mig_graph_current(const MigGraph *graph,
									int nrows, char **rows);
extern int	mig_graph_known_rows(const MigGraph *graph, int nrows,
								 char **rows);
extern bool *mig_graph_applied(const MigGraph *graph, int nrows, char **rows);
extern int	mig_graph_count_pending(const MigGraph *graph,
									int nrows, char **rows);
extern MigRevList mig_graph_rows_of(const MigGraph *graph, const bool *applied);
extern MigRevList mig_graph_added(const MigGraph *graph, const MigPlan *plan,
								  int nrows, char **rows);

/* order.c */
extern int *mig_graph_depths(const MigGraph *graph);

/* target.c */
extern bool mig_target_is_relative(const char *target);
extern MigRevList mig_target_resolve_list(const MigGraph *graph, int ntargets,
										  char **targets);

/* history.c */
extern MigRevList mig_history_list(const MigGraph *graph, const char *range,
								   int nrows, char **rows);
extern MigRevList mig_history_branch_points(const MigGraph *graph);

/* plan.c */
extern MigPlan *mig_plan_build(const MigGraph *graph,
							   const MigPlanRequest *request);
extern char *mig_plan_make_absolute(const MigGraph *graph, MigCommand command,
									int nrows, char **rows, const char *target);

#endif							/* MIG_GRAPH_H */
