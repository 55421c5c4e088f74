/*
 * upgrade.c
 *	  The targets of an upgrade, and of the upper end of a history.
 *
 * Both read a target in the same way; a history starts from its lower end
 * where an upgrade starts from the rows, and stops at the end of the graph
 * where an upgrade fails.
 */
#include "postgres.h"

#include "graph/graph_internal.h"

static int	walk_from_start(const MigGraph *graph, const MigStart *start,
							const MigRelative *rel, bool strict);
static int *branch_starts(const MigGraph *graph, const MigStart *start,
						  const char *branch, int *nresult);
static int	walk_from_symbol(const MigGraph *graph, const char *target,
							 const MigRelative *rel, bool strict);
pg_noreturn static void refuse_offset(const MigRelative *rel);

/*
 * The revisions a target asks for.  With strict an offset must be walked
 * completely.  A name that is not relative in the sense of that grammar is
 * never a count from the heads, so all results are revisions.
 */
int *
mig_upgrade_find_targets(const MigGraph *graph, const MigStart *start,
						 const char *target, bool strict, int *nresult)
{
	MigRelative rel;
	int		   *result;

	if (!mig_target_parse_relative(target, &rel))
		return mig_target_resolve(graph, target, nresult);

	result = palloc(sizeof(int));
	if (rel.symbol != NULL)
		result[0] = walk_from_symbol(graph, target, &rel, strict);
	else if (rel.offset > 0)
		result[0] = walk_from_start(graph, start, &rel, strict);
	else
		refuse_offset(&rel);
	*nresult = 1;
	return result;
}

/* The revisions at the start; may hold MIG_REV_NONE and MIG_REV_BASE. */
int *
mig_upgrade_find_starts(const MigGraph *graph, const MigStart *start,
						int *nresult)
{
	int		   *result;

	if (start->name != NULL)
		return mig_target_resolve(graph, start->name, nresult);
	result = palloc(sizeof(int) * (start->nrows + 1));
	if (start->nrows > 0)
		memcpy(result, start->rows, sizeof(int) * start->nrows);
	*nresult = start->nrows;
	return result;
}

/* "+N" and "branch@+N". */
static int
walk_from_start(const MigGraph *graph, const MigStart *start,
				const MigRelative *rel, bool strict)
{
	int			nstarts;
	int		   *starts;
	int			from = MIG_REV_NONE;
	int			rev;

	if (rel->branch != NULL)
		starts = branch_starts(graph, start, rel->branch, &nstarts);
	else if (start->name != NULL)
	{
		from = mig_target_resolve_one(graph, start->name);
		starts = &from;
		nstarts = 1;
	}
	else
		starts = mig_upgrade_find_starts(graph, start, &nstarts);

	if (nstarts > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("ambiguous upgrade from multiple current revisions"),
				 errdetail("The current revisions are %s.",
						   mig_graph_quote(graph, nstarts, starts)),
				 errhint("Write branch@%s or revision%s.",
						 rel->offset_text, rel->offset_text)));
	if (nstarts > 0)
		from = starts[0];
	rev = mig_target_walk(graph, from, rel->offset, rel->branch, strict);
	if (rev < 0)
		refuse_offset(rel);
	return rev;
}

/*
 * Where a branch stands: the starts in its lineage, or else the tips of what
 * lies below the starts and is in it.  Nothing means before the first base.
 */
static int *
branch_starts(const MigGraph *graph, const MigStart *start,
			  const char *branch, int *nresult)
{
	const MigEdges *parents = &graph->parents;
	int			nstarts;
	int		   *starts = mig_upgrade_find_starts(graph, start, &nstarts);
	int			nfound;
	int		   *found;
	bool	   *below_other;
	int			n = 0;
	int			i;
	int			k;

	for (i = 0; i < nstarts; i++)
	{
		if (starts[i] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("relative revision \"%s\" does not exist",
							start->name)));
	}
	found = mig_name_filter_lineage(graph, nstarts, starts, branch, false,
									&nfound);
	if (nfound > 0)
	{
		*nresult = nfound;
		return found;
	}

	found = mig_graph_members(graph,
							  mig_graph_reach(graph, parents,
											  nstarts, starts),
							  &nfound);
	found = mig_name_filter_lineage(graph, nfound, found, branch, false,
									&nfound);
	below_other = palloc0(graph->size + 1);
	for (i = 0; i < nfound; i++)
	{
		for (k = parents->start[found[i]]; k < parents->start[found[i] + 1]; k++)
			below_other[parents->to[k]] = true;
	}
	for (i = 0; i < nfound; i++)
	{
		if (!below_other[found[i]])
			found[n++] = found[i];
	}
	*nresult = n;
	return found;
}

/* "symbol+N" and "symbol-N", with or without a branch. */
static int
walk_from_symbol(const MigGraph *graph, const char *target,
				 const MigRelative *rel, bool strict)
{
	const char *name = rel->symbol;
	int			rev;

	if (rel->offset <= 0 && rel->branch != NULL)
		name = psprintf("%s@%s", rel->branch, rel->symbol);
	rev = mig_target_walk(graph, mig_target_resolve_one(graph, name),
						  rel->offset,
						  rel->offset > 0 ? rel->branch : NULL, strict);
	if (rev < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("relative revision \"%s\" does not exist", target),
				 errdetail("The walk from \"%s\" leaves the graph.", name)));
	return rev;
}

/* An offset that leads nowhere. */
static void
refuse_offset(const MigRelative *rel)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("relative revision %s did not produce %d migrations",
					rel->offset_text, abs(rel->offset)),
			 errhint("Use migrate_history() to list revisions that can be a target.")));
}
