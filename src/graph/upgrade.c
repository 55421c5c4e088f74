/*
 * upgrade.c
 *	  Resolves the target of an upgrade, or of the upper end of a history.
 *
 * Both read a target in the same way; a history starts from its lower end
 * where an upgrade starts from the rows, and stops at the end of the graph
 * where an upgrade fails.
 */
#include "postgres.h"

#include "graph/graph_internal.h"

static int	walk_from_start(const MigGraph *graph, const MigStart *start,
							const MigRelative *rel, bool strict);
static MigRevList branch_starts(const MigGraph *graph, const MigStart *start,
								const char *branch);
static int	walk_from_symbol(const MigGraph *graph, const char *target,
							 const MigRelative *rel, bool strict);

/*
 * The revisions that a target means.  With strict an offset must not leave the
 * graph.  A name that is not relative in the sense of that grammar is never an
 * offset from the heads, so all results are revisions.
 */
MigRevList
mig_upgrade_find_targets(const MigGraph *graph, const MigStart *start,
						 const char *target, bool strict)
{
	MigRelative rel;
	MigRevList	result;

	if (!mig_target_parse_relative(target, &rel))
		return mig_target_resolve(graph, target);

	result.n = 1;
	result.rev = palloc(sizeof(int));
	if (rel.symbol != NULL)
		result.rev[0] = walk_from_symbol(graph, target, &rel, strict);
	else if (rel.offset > 0)
		result.rev[0] = walk_from_start(graph, start, &rel, strict);
	else
		mig_target_refuse_offset(graph, &rel, MIG_REV_NONE);
	return result;
}

/* The revisions at the start; may contain MIG_REV_NONE and MIG_REV_BASE. */
MigRevList
mig_upgrade_find_starts(const MigGraph *graph, const MigStart *start)
{
	if (start->name != NULL)
		return mig_target_resolve(graph, start->name);
	return start->rows;
}

/* Walk "+N" and "branch@+N". */
static int
walk_from_start(const MigGraph *graph, const MigStart *start,
				const MigRelative *rel, bool strict)
{
	MigRevList	starts;
	int			from = MIG_REV_NONE;
	int			rev;

	if (rel->branch == NULL && start->name != NULL)
		from = mig_target_resolve_one(graph, start->name);
	else
	{
		starts = rel->branch != NULL ?
			branch_starts(graph, start, rel->branch) : start->rows;
		if (starts.n > 1)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
					 errmsg("ambiguous upgrade from multiple current revisions"),
					 errdetail("The current revisions are %s.",
							   mig_graph_quote(graph, starts)),
					 errhint("Use branch@%s or revision%s.",
							 rel->offset_text, rel->offset_text)));
		if (starts.n > 0)
			from = starts.rev[0];
	}
	rev = mig_target_walk(graph, from, rel->offset, rel->branch, strict);
	if (rev < 0)
		mig_target_refuse_offset(graph, rel, from);
	return rev;
}

/*
 * The current revisions of a branch: the starts in its lineage, or else the
 * leaves of those ancestors of the starts that are in it.  None: the walk
 * begins before the first base.
 */
static MigRevList
branch_starts(const MigGraph *graph, const MigStart *start, const char *branch)
{
	const MigEdges *parents = &graph->parents;
	MigRevList	starts = mig_upgrade_find_starts(graph, start);
	MigRevList	found;
	MigRevList	result;
	bool	   *is_parent;

	for (int i = 0; i < starts.n; i++)
	{
		if (starts.rev[i] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("relative revision \"%s\" does not exist",
							start->name)));
	}
	found = mig_name_filter_lineage(graph, starts, branch, false);
	if (found.n > 0)
		return found;

	found = mig_graph_members(graph, mig_graph_reach(graph, parents, starts));
	found = mig_name_filter_lineage(graph, found, branch, false);
	is_parent = palloc0(graph->size + 1);
	for (int i = 0; i < found.n; i++)
	{
		int			rev = found.rev[i];

		for (int k = parents->start[rev]; k < parents->start[rev + 1]; k++)
			is_parent[parents->to[k]] = true;
	}
	result.n = 0;
	result.rev = found.rev;
	for (int i = 0; i < found.n; i++)
	{
		if (!is_parent[found.rev[i]])
			result.rev[result.n++] = found.rev[i];
	}
	return result;
}

/* Walk "symbol+N" and "symbol-N", with or without a branch. */
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
		mig_target_refuse_walk(target, name);
	return rev;
}
