/*
 * overlap.c
 *	  Revisions that stand above each other where they must not.
 *
 * A row, or a target, stands for itself and everything below it.  One that
 * is below another one says nothing new, and the rows could not be kept up
 * to date.
 */
#include "postgres.h"

#include "graph/overlap.h"

static int	find_overlap(const MigGraph *graph, int nrevs, const int *revs,
						 int *upper);

/* Raises if a row stands below another one. */
void
mig_overlap_check_rows(const MigGraph *graph, int nrows, const int *rows)
{
	int			upper = MIG_REV_NONE;
	int			lower = find_overlap(graph, nrows, rows, &upper);

	if (lower >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" overlaps with other rows of the version table",
						mig_graph_id(graph, upper)),
				 errdetail("Revision \"%s\" stands below it and is a row, too.",
						   mig_graph_id(graph, lower)),
				 errhint("Replace the rows with migrate_stamp(..., purge => true).")));
}

/* Raises if a requested revision stands below another one. */
void
mig_overlap_check_targets(const MigGraph *graph, int ntargets,
						  const int *targets)
{
	int			upper = MIG_REV_NONE;
	int			lower = find_overlap(graph, ntargets, targets, &upper);

	if (lower >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("requested revision \"%s\" overlaps with other requested revisions",
						mig_graph_id(graph, upper)),
				 errdetail("Revision \"%s\" stands below it and is implied by it.",
						   mig_graph_id(graph, lower)),
				 errhint("Leave out the lower one.")));
}

/*
 * A revision of the list that lies below another one of it, or MIG_REV_NONE;
 * *upper is that other one.
 */
static int
find_overlap(const MigGraph *graph, int nrevs, const int *revs, int *upper)
{
	const MigEdges *parents = &graph->parents;
	bool	   *listed = palloc0(graph->size + 1);
	bool	   *above;
	int		   *start;
	int			nstart = 0;
	int			lower = MIG_REV_NONE;
	bool	   *below;
	int			i;
	int			k;

	for (i = 0; i < nrevs; i++)
	{
		listed[revs[i]] = true;
		nstart += MIG_NEDGES(parents, revs[i]);
	}
	start = palloc(sizeof(int) * (nstart + 1));
	nstart = 0;
	for (i = 0; i < nrevs; i++)
	{
		for (k = parents->start[revs[i]]; k < parents->start[revs[i] + 1]; k++)
			start[nstart++] = parents->to[k];
	}
	below = mig_graph_reach(graph, parents, nstart, start);
	for (i = 0; i < nrevs && lower == MIG_REV_NONE; i++)
	{
		if (below[revs[i]])
			lower = revs[i];
	}
	if (lower == MIG_REV_NONE)
		return lower;

	above = mig_graph_reach(graph, &graph->allkids, 1, &lower);
	for (i = 0; i < graph->size; i++)
	{
		if (above[i] && listed[i] && i != lower)
			*upper = i;
	}
	return lower;
}
