/*
 * plan.h
 *	  Where we are and a target -> ordered steps with their row changes.
 */
#ifndef MIG_GRAPH_PLAN_H
#define MIG_GRAPH_PLAN_H

#include "graph/graph.h"
#include "migrate.h"

extern MigPlan *mig_plan_build(MigGraph *graph, MigCommand command,
							   int nrows, char **rows,
							   int ntargets, char **targets,
							   const char *first);
extern bool mig_plan_counts(const char *target);
extern char *mig_plan_absolute(MigGraph *graph, MigCommand command,
							   int nrows, char **rows, const char *target);
extern int *mig_plan_history(MigGraph *graph, const char *range,
							 int nrows, char **rows, int *nresult);
extern int *mig_plan_resolve(MigGraph *graph,
							 int ntargets, char **targets, int *nresult);

#endif							/* MIG_GRAPH_PLAN_H */
