/*
 * graph.h
 *	  The revision graph: parents, heads, bases, ancestors.
 */
#ifndef MIG_GRAPH_GRAPH_H
#define MIG_GRAPH_GRAPH_H

typedef struct MigGraph MigGraph;

extern MigGraph *mig_graph_create(int size_hint);
extern void mig_graph_add(MigGraph *graph, const char *id,
						  int ndown, char **down,
						  int nlabels, char **labels,
						  int ndepends, char **depends);
extern void mig_graph_finish(MigGraph *graph);

extern int	mig_graph_find(const MigGraph *graph, const char *id);
extern const char *mig_graph_id(const MigGraph *graph, int rev);

extern bool mig_graph_is_head(const MigGraph *graph, int rev);
extern bool mig_graph_is_branch_point(const MigGraph *graph, int rev);
extern bool mig_graph_is_merge_point(const MigGraph *graph, int rev);

extern int *mig_graph_heads(const MigGraph *graph, bool real, int *nresult);
extern int *mig_graph_branch_points(MigGraph *graph, int *nresult);
extern int *mig_graph_current(MigGraph *graph,
							  int nrows, char **rows, int *nresult);
extern bool *mig_graph_applied(MigGraph *graph, int nrows, char **rows);

#endif							/* MIG_GRAPH_GRAPH_H */
