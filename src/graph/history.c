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
							 bool current, MigRevList rows);
static MigRevList keep_branch(const MigGraph *graph, const MigStart *lower,
							  MigRevList revs);
static MigRevList lower_revs(const MigGraph *graph, const char *range,
							 const MigStart *lower, const MigStart *upper,
							 const bool *required);
pg_noreturn static void refuse_range(const char *range);

/*
 * The revisions of a range, newest first.  NULL for the range means all.
 */
MigRevList
mig_history_list(const MigGraph *graph, const char *range,
				 int nrows, char **rows)
{
	MigRevList	current = mig_graph_rows(graph, nrows, rows);
	char	   *lower_text = "";
	char	   *upper_text = "";
	MigStart	lower;
	MigStart	upper;
	bool		is_upper;
	bool		is_lower;
	MigRevList	targets;
	MigRevList	from;
	bool	   *required;
	bool	   *applied;
	bool	   *descendants;
	bool	   *members;
	int			nmembers = 0;
	MigRevList	result;

	if (range != NULL)
		split_range(range, &lower_text, &upper_text);
	is_upper = strcmp(upper_text, "current") == 0;
	is_lower = !is_upper && strcmp(lower_text, "current") == 0;
	lower = end_of_range(lower_text, "base", is_lower, current);
	upper = end_of_range(upper_text, "heads", is_upper, current);

	if (upper.name != NULL)
		targets = mig_upgrade_find_targets(graph, &lower, upper.name, false);
	else
		targets = upper.rows;
	targets = keep_branch(graph, &lower, targets);
	mig_target_check_overlap(graph, targets);
	required = mig_graph_reach(graph, &graph->parents, targets);

	from = lower_revs(graph, range, &lower, &upper, required);
	mig_target_check_overlap(graph, from);
	applied = mig_graph_reach(graph, &graph->parents, from);
	descendants = mig_graph_reach(graph, &graph->children, from);
	for (int i = 0; i < from.n; i++)
		applied[from.rev[i]] = false;
	members = palloc0(graph->size + 1);
	for (int i = 0; i < graph->size; i++)
	{
		members[i] = required[i] && !applied[i] &&
			(from.n == 0 || descendants[i]);
		nmembers += members[i] ? 1 : 0;
	}
	for (int i = 0; i < from.n; i++)
	{
		nmembers += members[from.rev[i]] ? 0 : 1;
		members[from.rev[i]] = true;
	}

	result = mig_order_newest_first(graph, members, required, targets);
	if (result.n < nmembers)
		refuse_range(range);
	return result;
}

/* The branch points, newest first. */
MigRevList
mig_history_branch_points(const MigGraph *graph)
{
	bool	   *all = palloc(graph->size + 1);
	MigRevList	order;
	MigRevList	result;

	memset(all, true, graph->size + 1);
	order = mig_order_newest_first(graph, all, all,
								   mig_graph_heads(graph, true));
	result.n = 0;
	result.rev = order.rev;
	for (int i = 0; i < order.n; i++)
	{
		if (mig_graph_is_branch_point(graph, order.rev[i]))
			result.rev[result.n++] = order.rev[i];
	}
	return result;
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
			 MigRevList rows)
{
	MigStart	end = {text, {0, NULL}};

	if (text[0] == '\0' || current)
		end.name = otherwise;
	if (current && rows.n > 0)
	{
		end.name = NULL;
		end.rows = rows;
	}
	return end;
}

/*
 * If the lower end names a branch, only those of the targets that carry its
 * label.  A revision as branch means the one label that it carries.
 */
static MigRevList
keep_branch(const MigGraph *graph, const MigStart *lower, MigRevList revs)
{
	char	   *branch = NULL;
	char	   *symbol;
	bool	   *carriers;
	int			rev;
	int			nlabels = 0;
	MigRevList	result;

	if (lower->name != NULL)
		mig_name_split(lower->name, &branch, &symbol);
	if (branch == NULL)
		return revs;

	carriers = mig_name_find_carriers(graph, branch);
	rev = mig_target_resolve_one(graph, branch);
	if (rev >= 0 && strcmp(mig_graph_id(graph, rev), branch) == 0)
	{
		for (int i = 0; i < graph->nlabels; i++)
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
	result.n = 0;
	result.rev = palloc(sizeof(int) * (revs.n + 1));
	for (int i = 0; i < revs.n; i++)
	{
		if (carriers[revs.rev[i]])
			result.rev[result.n++] = revs.rev[i];
	}
	return result;
}

/*
 * The revisions of the lower end; none for base.  An offset from the heads that
 * leaves the graph is taken from the upper end instead.
 */
static MigRevList
lower_revs(const MigGraph *graph, const char *range, const MigStart *lower,
		   const MigStart *upper, const bool *required)
{
	MigRevList	revs = mig_upgrade_find_starts(graph, lower);
	MigRelative rel;

	for (int i = 0; i < revs.n; i++)
	{
		int			rev = revs.rev[i];

		if (rev == MIG_REV_BASE || (rev >= 0 && !required[rev]))
			refuse_range(range);
	}
	if (revs.n > 0 && revs.rev[0] == MIG_REV_NONE &&
		mig_target_parse_relative(lower->name, &rel))
	{
		int			from = mig_downgrade_find_start(graph, upper, rel.branch);

		revs.rev[0] = mig_target_walk(graph, from, rel.offset, NULL, false);
		revs.n = revs.rev[0] == MIG_REV_BASE ? 0 : 1;
	}
	for (int i = 0; i < revs.n; i++)
	{
		if (revs.rev[i] < 0)
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
