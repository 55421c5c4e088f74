/*
 * history.c
 *	  Lists the revisions of a range, and branch points, newest first.
 *
 * A history a:b is read like an upgrade to b from a, including a itself; the
 * differences from an upgrade are Alembic's and kept as they are.
 */
#include "postgres.h"

#include <ctype.h>

#include "graph/graph_internal.h"

static void split_range(const char *range, char **lower, char **upper);
static MigStart end_of_range(const char *text, const char *otherwise,
							 bool current, int nrows, const int *rows);
static int *keep_branch(const MigGraph *graph, const MigStart *lower,
						int nrevs, int *revs, int *nresult);
static int *lower_revs(const MigGraph *graph, const char *range,
					   const MigStart *lower, const MigStart *upper,
					   const bool *required, int *nresult);
pg_noreturn static void refuse_range(const char *range);

/*
 * The revisions of a range, newest first.  NULL for the range means all.
 */
int *
mig_history_list(const MigGraph *graph, const char *range,
				 int nrows, char **rows, int *nresult)
{
	int		   *current = mig_graph_rows(graph, nrows, rows, &nrows);
	char	   *lower_text = "";
	char	   *upper_text = "";
	MigStart	lower;
	MigStart	upper;
	bool		is_upper;
	bool		is_lower;
	int			ntargets;
	int		   *targets;
	int			nlower;
	int		   *from;
	bool	   *required;
	bool	   *applied;
	bool	   *descendants;
	bool	   *members;
	int			nmembers = 0;
	int		   *result;
	int			i;

	if (range != NULL)
		split_range(range, &lower_text, &upper_text);
	is_upper = strcmp(upper_text, "current") == 0;
	is_lower = !is_upper && strcmp(lower_text, "current") == 0;
	lower = end_of_range(lower_text, "base", is_lower, nrows, current);
	upper = end_of_range(upper_text, "heads", is_upper, nrows, current);

	if (upper.name != NULL)
		targets = mig_upgrade_find_targets(graph, &lower, upper.name, false,
										   &ntargets);
	else
		targets = mig_upgrade_find_starts(graph, &upper, &ntargets);
	targets = keep_branch(graph, &lower, ntargets, targets, &ntargets);
	mig_target_check_overlap(graph, ntargets, targets);
	required = mig_graph_reach(graph, &graph->parents, ntargets, targets);

	from = lower_revs(graph, range, &lower, &upper, required, &nlower);
	mig_target_check_overlap(graph, nlower, from);
	applied = mig_graph_reach(graph, &graph->parents, nlower, from);
	descendants = mig_graph_reach(graph, &graph->children, nlower, from);
	for (i = 0; i < nlower; i++)
		applied[from[i]] = false;
	members = palloc0(graph->size + 1);
	for (i = 0; i < graph->size; i++)
	{
		members[i] = required[i] && !applied[i] && (nlower == 0 || descendants[i]);
		nmembers += members[i] ? 1 : 0;
	}
	for (i = 0; i < nlower; i++)
	{
		nmembers += members[from[i]] ? 0 : 1;
		members[from[i]] = true;
	}

	result = mig_order_newest_first(graph, members, required,
									ntargets, targets, nresult);
	if (*nresult < nmembers)
		refuse_range(range);
	return result;
}

/* The branch points, newest first. */
int *
mig_history_branch_points(const MigGraph *graph, int *nresult)
{
	int			nheads;
	int		   *heads = mig_graph_heads(graph, true, &nheads);
	bool	   *all = palloc(graph->size + 1);
	int		   *order;
	int			norder;
	int			n = 0;
	int			i;

	memset(all, true, graph->size + 1);
	order = mig_order_newest_first(graph, all, all, nheads, heads,
								   &norder);
	for (i = 0; i < norder; i++)
	{
		if (mig_graph_is_branch_point(graph, order[i]))
			order[n++] = order[i];
	}
	*nresult = n;
	return order;
}

/* The two ends of "a:b", without white space around the range. */
static void
split_range(const char *range, char **lower, char **upper)
{
	const char *end = range + strlen(range);
	const char *colon;

	while (isspace((unsigned char) *range))
		range++;
	while (end > range && isspace((unsigned char) end[-1]))
		end--;
	colon = strchr(range, ':');
	if (colon == NULL || strchr(colon + 1, ':') != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid history range \"%s\"", range),
				 errhint("A range is [start]:[end], [start]: or :[end].")));
	*lower = pnstrdup(range, colon - range);
	*upper = pnstrdup(colon + 1, end - colon - 1);
}

/*
 * An end of the range: the rows, if it is the word "current" and there are
 * any, else a name.
 */
static MigStart
end_of_range(const char *text, const char *otherwise, bool current,
			 int nrows, const int *rows)
{
	MigStart	end = {text, 0, NULL};

	if (text[0] == '\0' || current)
		end.name = otherwise;
	if (current && nrows > 0)
	{
		end.name = NULL;
		end.nrows = nrows;
		end.rows = rows;
	}
	return end;
}

/*
 * If the lower end names a branch, only those of the targets that carry its
 * label.  A revision as branch means the one label that it carries.
 */
static int *
keep_branch(const MigGraph *graph, const MigStart *lower, int nrevs,
			int *revs, int *nresult)
{
	char	   *branch = NULL;
	char	   *symbol;
	bool	   *carriers;
	int			rev;
	int			nlabels = 0;
	int			n = 0;
	int			i;

	*nresult = nrevs;
	if (lower->name != NULL)
		mig_name_split(lower->name, &branch, &symbol);
	if (branch == NULL)
		return revs;

	carriers = mig_name_find_carriers(graph, branch);
	rev = mig_target_resolve_one(graph, branch);
	if (rev >= 0 && strcmp(mig_graph_id(graph, rev), branch) == 0)
	{
		for (i = 0; i < graph->nlabels; i++)
		{
			bool	   *others = mig_name_find_carriers(graph,
														graph->labels[i].name);

			if (others[rev])
			{
				nlabels++;
				carriers = others;
			}
		}
		if (nlabels != 1)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
					 errmsg("revision \"%s\" cannot be used as a branch",
							branch),
					 errdetail("It carries %d branch labels instead of one.",
							   nlabels)));
	}
	for (i = 0; i < nrevs; i++)
	{
		if (carriers[revs[i]])
			revs[n++] = revs[i];
	}
	*nresult = n;
	return revs;
}

/*
 * The revisions of the lower end; none for base.  An offset from the heads that
 * leaves the graph is taken from the upper end instead.
 */
static int *
lower_revs(const MigGraph *graph, const char *range, const MigStart *lower,
		   const MigStart *upper, const bool *required, int *nresult)
{
	int		   *revs = mig_upgrade_find_starts(graph, lower, nresult);
	MigRelative rel;
	int			i;

	for (i = 0; i < *nresult; i++)
	{
		if (revs[i] == MIG_REV_BASE || (revs[i] >= 0 && !required[revs[i]]))
			refuse_range(range);
	}
	if (*nresult > 0 && revs[0] == MIG_REV_NONE &&
		mig_target_parse_relative(lower->name, &rel))
	{
		int			from = mig_downgrade_find_start(graph, upper,
													rel.branch);

		revs[0] = mig_target_walk(graph, from, rel.offset, NULL, false);
		*nresult = revs[0] == MIG_REV_BASE ? 0 : 1;
	}
	for (i = 0; i < *nresult; i++)
	{
		if (revs[i] < 0)
			refuse_range(range);
	}
	return revs;
}

static void
refuse_range(const char *range)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("requested range \"%s\" does not refer to revisions along the same branch",
					range ? range : ":"),
			 errdetail("The start must be an ancestor of the end.")));
}
