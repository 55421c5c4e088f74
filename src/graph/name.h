/*
 * name.h
 *	  Names of revisions and branches.
 */
#ifndef MIG_GRAPH_NAME_H
#define MIG_GRAPH_NAME_H

#include "graph/graph_internal.h"

/* A name taken apart, and what it stands for if that is a symbol. */
typedef struct MigName
{
	char	   *branch;			/* NULL when not given */
	char	   *symbol;
	bool		literal;		/* an id, a label or the start of one */
	int			nrevs;			/* otherwise: these */
	int		   *revs;
} MigName;

extern void mig_name_split(const char *name, char **branch,
						   char **symbol);
extern MigName mig_name_parse(const MigGraph *graph, const char *name);
extern int	mig_name_lookup(const MigGraph *graph, const char *symbol,
							const char *branch);
extern int	mig_name_branch(const MigGraph *graph, const char *branch);
extern bool *mig_name_members(const MigGraph *graph, const char *branch);
extern bool *mig_name_carriers(const MigGraph *graph, const char *label);
extern bool *mig_name_lineage(const MigGraph *graph, const char *against,
							  bool dependencies, bool needed);
extern int *mig_name_in_lineage(const MigGraph *graph, int nrevs,
								const int *revs, const char *against,
								bool dependencies, int *nresult);
pg_noreturn extern void mig_name_refuse_many_heads(const MigGraph *graph,
												   const char *name, int nheads,
												   const int *heads);

#endif							/* MIG_GRAPH_NAME_H */
