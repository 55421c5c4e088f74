/*
 * target.c
 *	  Resolves targets: names and offsets of them, to revisions.
 *
 * Also refuses targets, and rows, of which one implies another one: a row, or a
 * target, includes everything its revision depends on.  One that is included
 * in another one is redundant, and the rows could not be kept up to date.
 */
#include "postgres.h"

#include <ctype.h>
#include <limits.h>

#include "miscadmin.h"

#include "graph/graph_internal.h"

static bool match_offset(const char *text, MigRelative *rel);
static bool is_negative_number(const char *symbol, int *value);
static MigRevList walk_from_heads(const MigGraph *graph, const char *branch,
								  int steps);
pg_noreturn static void refuse_ambiguous_walk(const MigGraph *graph, int at,
											  bool up, MigRevList ways);
static int	find_implied(const MigGraph *graph, MigRevList list, int *by);

/*
 * Whether the target is relative, and its parts.  The branch is the shortest
 * one with something relative after its @, so "a@b-1" is the parent of b in
 * branch a.  Raises when something follows the digits.
 */
bool
mig_target_parse_relative(const char *target, MigRelative *rel)
{
	const char *at;

	memset(rel, 0, sizeof(MigRelative));
	for (at = strchr(target, '@'); at != NULL; at = strchr(at + 1, '@'))
	{
		if (at > target && match_offset(at + 1, rel))
		{
			rel->branch = pnstrdup(target, at - target);
			break;
		}
	}
	if (at == NULL && !match_offset(target, rel))
		return false;
	if (rel->offset_text[1 + strspn(rel->offset_text + 1, "0123456789")] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid target \"%s\"", target),
				 errdetail("Nothing may follow the digits of an offset.")));
	return true;
}

/*
 * Whether a target is relative to the rows.
 */
bool
mig_target_is_relative(const char *target)
{
	MigRelative rel;

	return mig_target_parse_relative(target, &rel) && rel.symbol == NULL;
}

/*
 * The one revision that a name means, or MIG_REV_NONE for base (and for the
 * head of an empty graph).  Raises if there are several.
 */
int
mig_target_resolve_one(const MigGraph *graph, const char *name)
{
	MigName		parts = mig_name_parse(graph, name);

	if (parts.literal)
		return mig_name_lookup(graph, parts.symbol, parts.branch);
	if (parts.revs.n > 1)
		mig_name_refuse_many_heads(graph, name, parts.revs);
	if (parts.revs.n == 0)
		return MIG_REV_NONE;
	return mig_name_lookup(graph,
						   mig_graph_id(graph, parts.revs.rev[0]),
						   parts.branch);
}

/*
 * All revisions that a name means; none for base.  A negative number is an
 * offset from the real heads, and then a result can be MIG_REV_BASE or
 * MIG_REV_NONE.
 */
MigRevList
mig_target_resolve(const MigGraph *graph, const char *name)
{
	MigName		parts = mig_name_parse(graph, name);
	MigRevList	result;
	int			steps;

	/* Heads of a branch are in it already. */
	if (!parts.literal)
		return parts.revs;
	if (is_negative_number(parts.symbol, &steps))
		return walk_from_heads(graph, name[0] == '@' ? "" : parts.branch,
							   steps);
	result.n = 1;
	result.rev = palloc(sizeof(int));
	result.rev[0] = mig_name_lookup(graph, parts.symbol, parts.branch);
	return result;
}

/*
 * The revisions that targets mean, in the order given and without duplicates.
 * Raises when an offset leaves the graph.
 */
MigRevList
mig_target_resolve_list(const MigGraph *graph, int ntargets, char **targets)
{
	MigRevList	result = {0, palloc(sizeof(int) * (graph->size + 1))};
	bool	   *known = palloc0(graph->size + 1);

	for (int i = 0; i < ntargets; i++)
	{
		MigRevList	found = mig_target_resolve(graph, targets[i]);

		for (int k = 0; k < found.n; k++)
		{
			int			rev = found.rev[k];

			if (rev < 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("relative revision \"%s\" does not exist",
								targets[i]),
						 errdetail("There are fewer revisions before a head.")));
			if (!known[rev])
				result.rev[result.n++] = rev;
			known[rev] = true;
		}
	}
	return result;
}

/*
 * Walk a number of steps up, choosing among children by branch, or down.  At
 * the end of the graph a strict walk fails with MIG_REV_NONE, another one stays
 * there.  Raises if there are several ways.
 */
int
mig_target_walk(const MigGraph *graph, int at, int steps,
				const char *branch, bool strict)
{
	bool		up = steps > 0;
	const MigEdges *edges = up ? &graph->children : &graph->down;
	bool	   *lineage = NULL;

	if (up && branch != NULL)
		lineage = mig_name_find_lineage(graph, branch, false, true);
	for (; steps != 0; steps += up ? -1 : 1)
	{
		MigRevList	ways;
		int			n = 0;
		int			next = MIG_REV_NONE;

		CHECK_FOR_INTERRUPTS();
		if (at >= 0)
		{
			ways.n = MIG_NEDGES(edges, at);
			ways.rev = &edges->to[edges->start[at]];
		}
		else if (at == MIG_REV_BASE)
			return strict ? MIG_REV_NONE : at;
		else
			ways = mig_graph_ends(graph, up ? &graph->down : &graph->children);

		for (int i = 0; i < ways.n; i++)
		{
			if (lineage != NULL && !lineage[ways.rev[i]])
				continue;
			if (n++ > 0)
				refuse_ambiguous_walk(graph, at, up, ways);
			next = ways.rev[i];
		}
		if (n == 0 && !up)
			next = MIG_REV_BASE;
		else if (n == 0)
			return strict ? MIG_REV_NONE : at;
		at = next;
	}
	return at;
}

/* Raises if a row implies another one. */
void
mig_target_check_rows(const MigGraph *graph, MigRevList rows)
{
	int			by = MIG_REV_NONE;
	int			implied = find_implied(graph, rows, &by);

	if (implied >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" overlaps with other rows of the version table",
						mig_graph_id(graph, by)),
				 errdetail("It implies revision \"%s\", which is also a row.",
						   mig_graph_id(graph, implied)),
				 errhint(MIG_GRAPH_OVERLAP_HINT)));
}

/* Raises if a requested revision implies another one. */
void
mig_target_check_overlap(const MigGraph *graph, MigRevList targets)
{
	int			by = MIG_REV_NONE;
	int			implied = find_implied(graph, targets, &by);

	if (implied >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("requested revision \"%s\" overlaps with other requested revisions",
						mig_graph_id(graph, by)),
				 errdetail("It implies revision \"%s\".",
						   mig_graph_id(graph, implied)),
				 errhint("Leave out the implied revision.")));
}

/* Raise the error for an offset that leaves the graph, from a named revision. */
void
mig_target_refuse_walk(const char *target, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("relative revision \"%s\" does not exist", target),
			 errdetail("There are fewer revisions before or after \"%s\".", name)));
}

/*
 * Raise the error for an offset without a name that leads to no revision.  from:
 * where it counts from, if that is a revision.
 */
void
mig_target_refuse_offset(const MigGraph *graph, const MigRelative *rel, int from)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("relative revision \"%s\" does not exist",
					rel->offset_text),
			 rel->offset == 0 ?
			 errdetail("An offset is at least 1.") :
			 from >= 0 && rel->offset > 0 ?
			 errdetail("It counts from revision \"%s\", after which there are not so many.",
					   mig_graph_id(graph, from)) :
			 from >= 0 ?
			 errdetail("It counts from revision \"%s\", before which there are not so many.",
					   mig_graph_id(graph, from)) :
			 errdetail("It counts from the revisions that are applied, and there are not so many in that direction."),
			 errhint("Use migrate_history() to list revisions that can be a target.")));
}

/* Match [symbol]{+|-}digits at the beginning of the text. */
static bool
match_offset(const char *text, MigRelative *rel)
{
	const char *p = text;
	long		value;

	/* Outside ASCII nearly everything in a name is a letter. */
	while (isalnum((unsigned char) *p) || *p == '_' || IS_HIGHBIT_SET(*p))
		p++;
	if ((*p != '+' && *p != '-') || !isdigit((unsigned char) p[1]))
		return false;
	rel->symbol = p > text ? pnstrdup(text, p - text) : NULL;
	rel->offset_text = p;
	value = strtol(p, NULL, 10);
	rel->offset = (int) Max(-INT_MAX, Min(INT_MAX, value));
	return true;
}

/* Whether it is "-" and digits that are not all zero, and the number. */
static bool
is_negative_number(const char *symbol, int *value)
{
	long		number;

	if (symbol[0] != '-' || symbol[1] == '\0' ||
		symbol[1 + strspn(symbol + 1, "0123456789")] != '\0')
		return false;
	number = strtol(symbol, NULL, 10);
	*value = (int) Max(-INT_MAX, number);
	return number < 0;
}

/*
 * Walk down from the real heads; with a branch only from those that carry its
 * label.  An empty branch does count here: nothing carries it.
 */
static MigRevList
walk_from_heads(const MigGraph *graph, const char *branch, int steps)
{
	MigRevList	heads = mig_graph_heads(graph, true);
	MigRevList	result = {0, heads.rev};
	bool	   *carriers = NULL;

	if (branch != NULL)
		carriers = mig_name_find_carriers(graph, branch);
	for (int i = 0; i < heads.n; i++)
	{
		if (carriers == NULL || carriers[heads.rev[i]])
			result.rev[result.n++] = mig_target_walk(graph, heads.rev[i],
													 steps, NULL, true);
	}
	return result;
}

/* Raise the error for a step to more than one revision. */
static void
refuse_ambiguous_walk(const MigGraph *graph, int at, bool up, MigRevList ways)
{
	const char *id = at >= 0 ? mig_graph_id(graph, at) : NULL;
	char	   *list = mig_graph_quote(graph, ways);

	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
			 up && id != NULL ?
			 errmsg("relative target is ambiguous after revision \"%s\"", id) :
			 up ? errmsg("relative target is ambiguous after base") :
			 id != NULL ?
			 errmsg("relative target is ambiguous before revision \"%s\"", id) :
			 errmsg("relative target is ambiguous before the heads"),
			 up && id != NULL ?
			 errdetail("More than one revision follows \"%s\": %s.", id, list) :
			 up ? errdetail("There is more than one base: %s.", list) :
			 id != NULL ?
			 errdetail("Revision \"%s\" has more than one down revision: %s.",
					   id, list) :
			 errdetail("There is more than one head: %s.", list),
	/* Each way down is one of all the branches above. */
			 !up && id != NULL ?
			 errhint("Name one of them as the target, as in \"%s\".",
					 mig_graph_id(graph, ways.rev[0])) :
			 errhint("Name the revision, or its branch with branch@.")));
}

/*
 * A revision of the list that another one of it depends on, or MIG_REV_NONE;
 * *by is that other one.
 */
static int
find_implied(const MigGraph *graph, MigRevList list, int *by)
{
	const MigEdges *parents = &graph->parents;
	bool	   *listed = palloc0(graph->size + 1);
	MigRevList	start = {0, NULL};
	bool	   *ancestors;
	bool	   *descendants;
	int			implied = MIG_REV_NONE;

	for (int i = 0; i < list.n; i++)
	{
		listed[list.rev[i]] = true;
		start.n += MIG_NEDGES(parents, list.rev[i]);
	}
	start.rev = palloc(sizeof(int) * (start.n + 1));
	start.n = 0;
	for (int i = 0; i < list.n; i++)
	{
		int			rev = list.rev[i];

		for (int k = parents->start[rev]; k < parents->start[rev + 1]; k++)
			start.rev[start.n++] = parents->to[k];
	}
	ancestors = mig_graph_reach(graph, parents, start);
	for (int i = 0; i < list.n && implied == MIG_REV_NONE; i++)
	{
		if (ancestors[list.rev[i]])
			implied = list.rev[i];
	}
	if (implied == MIG_REV_NONE)
		return implied;

	descendants = mig_graph_reach_one(graph, &graph->all_children, implied);
	for (int i = 0; i < graph->size; i++)
	{
		if (descendants[i] && listed[i] && i != implied)
			*by = i;
	}
	return implied;
}
