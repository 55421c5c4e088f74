/*
 * build.c
 *	  Turns registered names into the edges of a graph.
 *
 * Here a graph is refused that nobody could run: unknown parents, loops and
 * cycles.  Dependencies are normalized here, once, because they decide both
 * the order of steps and the rows.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "graph/build.h"

/* So much of a cycle is shown. */
#define MAX_CYCLE_SHOWN 10

static MigEdges new_edges(int size, int nedges);
static void resolve_down(MigGraph *graph);
static bool resolve_depends(MigGraph *graph, MigEdges *depends);
static MigEdges join_edges(int size, const MigEdges *first,
						   const MigEdges *second);
static MigEdges reverse_edges(int size, const MigEdges *edges);
static void number_bottom_up(MigGraph *graph, const MigEdges *all);
pg_noreturn static void refuse_cycle(const MigGraph *graph, const MigEdges *all,
									 const int *missing);
static MigEdges normalize_depends(const MigGraph *graph,
								  const MigEdges *depends);
static void mark_repeated(const MigGraph *graph, int ndependents,
						  const int *dependents, int stamp, int *seen,
						  int *todo);

/*
 * Fill in every edge of a graph whose revisions are sorted and whose keys
 * are known.  Raises when the graph cannot be accepted.
 */
void
mig_graph_build_edges(MigGraph *graph)
{
	int			size = graph->size;
	MigEdges	depends;
	bool		any_depends;
	MigEdges	all;
	int			i;

	resolve_down(graph);
	graph->kids = reverse_edges(size, &graph->down);
	any_depends = resolve_depends(graph, &depends);
	all = any_depends ? join_edges(size, &graph->down, &depends) : graph->down;
	graph->allkids = any_depends ? reverse_edges(size, &all) : graph->kids;
	number_bottom_up(graph, &all);
	graph->parents = graph->down;
	if (any_depends)
	{
		MigEdges	normalized = normalize_depends(graph, &depends);

		graph->parents = join_edges(size, &graph->down, &normalized);
	}

	graph->parent_ids = palloc(sizeof(char *) *
							   (graph->parents.start[size] + 1));
	for (i = 0; i < graph->parents.start[size]; i++)
		graph->parent_ids[i] = graph->revs[graph->parents.to[i]].id;
}

/* Edges of a graph of this size, not yet filled in. */
static MigEdges
new_edges(int size, int nedges)
{
	MigEdges	edges;

	edges.start = palloc0(sizeof(int) * (size + 2));
	edges.to = palloc(sizeof(int) * (nedges + 1));
	return edges;
}

/* Down revisions, which are full ids. */
static void
resolve_down(MigGraph *graph)
{
	MigEdges   *down = &graph->down;
	int			nedges = 0;
	int			n = 0;
	int		   *last_user = palloc(sizeof(int) * (graph->size + 1));
	int			i;
	int			k;

	memset(last_user, -1, sizeof(int) * (graph->size + 1));
	for (i = 0; i < graph->size; i++)
		nedges += graph->revs[i].ndown;
	*down = new_edges(graph->size, nedges);
	for (i = 0; i < graph->size; i++)
	{
		const MigNode *rev = &graph->revs[i];

		down->start[i] = n;
		for (k = 0; k < rev->ndown; k++)
		{
			int			parent;

			if (mig_graph_key(graph, rev->down[k], &parent) != MIG_KEY_ID)
				ereport(ERROR,
						(errcode(ERRCODE_UNDEFINED_OBJECT),
						 errmsg("revision \"%s\" does not exist",
								rev->down[k]),
						 errdetail("It is a down revision of revision \"%s\".",
								   rev->id),
						 errhint("Down revisions are full revision ids; register them first, or in the same script.")));
			if (parent == i)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
						 errmsg("revision \"%s\" is its own down revision",
								rev->id)));
			if (last_user[parent] == i)
				continue;
			last_user[parent] = i;
			down->to[n++] = parent;
		}
	}
	down->start[graph->size] = n;
	pfree(last_user);
}

/* Dependencies, by id or by label; false if there are none. */
static bool
resolve_depends(MigGraph *graph, MigEdges *depends)
{
	int			nedges = 0;
	int			n = 0;
	int		   *last_user = palloc(sizeof(int) * (graph->size + 1));
	int			i;
	int			k;

	memset(last_user, -1, sizeof(int) * (graph->size + 1));
	for (i = 0; i < graph->size; i++)
		nedges += graph->revs[i].ndepends;
	*depends = new_edges(graph->size, nedges);
	for (i = 0; i < graph->size; i++)
	{
		const MigNode *rev = &graph->revs[i];

		depends->start[i] = n;
		for (k = 0; k < rev->ndepends; k++)
		{
			int			other;

			if (mig_graph_key(graph, rev->depends[k], &other) == MIG_KEY_NONE)
				ereport(ERROR,
						(errcode(ERRCODE_UNDEFINED_OBJECT),
						 errmsg("revision or branch label \"%s\" does not exist",
								rev->depends[k]),
						 errdetail("Revision \"%s\" depends on it.", rev->id),
						 errhint("Dependencies are full revision ids or branch labels; register them first, or in the same script.")));
			if (other == i)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
						 errmsg("revision \"%s\" depends on itself",
								rev->id)));
			if (last_user[other] == i)
				continue;
			last_user[other] = i;
			depends->to[n++] = other;
		}
	}
	depends->start[graph->size] = n;
	pfree(last_user);
	return n > 0;
}

/* For each revision the first edges, then those of the second not yet there. */
static MigEdges
join_edges(int size, const MigEdges *first, const MigEdges *second)
{
	MigEdges	result = new_edges(size, first->start[size] + second->start[size]);
	int		   *last_user = palloc(sizeof(int) * (size + 1));
	int			n = 0;
	int			i;
	int			k;

	memset(last_user, -1, sizeof(int) * (size + 1));
	for (i = 0; i < size; i++)
	{
		result.start[i] = n;
		for (k = first->start[i]; k < first->start[i + 1]; k++)
		{
			last_user[first->to[k]] = i;
			result.to[n++] = first->to[k];
		}
		for (k = second->start[i]; k < second->start[i + 1]; k++)
		{
			if (last_user[second->to[k]] != i)
				result.to[n++] = second->to[k];
		}
	}
	result.start[size] = n;
	pfree(last_user);
	return result;
}

/* The same edges seen from the other end, in load order. */
static MigEdges
reverse_edges(int size, const MigEdges *edges)
{
	int			nedges = edges->start[size];
	MigEdges	result = new_edges(size, nedges);
	int			i;
	int			k;

	/* counted two places up: filling moves each start to where it belongs */
	for (i = 0; i < nedges; i++)
		result.start[edges->to[i] + 2]++;
	for (i = 2; i <= size + 1; i++)
		result.start[i] += result.start[i - 1];
	for (i = 0; i < size; i++)
	{
		for (k = edges->start[i]; k < edges->start[i + 1]; k++)
			result.to[result.start[edges->to[k] + 1]++] = i;
	}
	return result;
}

/*
 * An order in which each revision comes after everything it stands on.
 * Raises if there is none, that is, a cycle.
 */
static void
number_bottom_up(MigGraph *graph, const MigEdges *all)
{
	int			size = graph->size;
	int		   *missing = palloc(sizeof(int) * (size + 1));
	int		   *todo = palloc(sizeof(int) * (size + 1));
	int			ntodo = 0;
	int			ndone = 0;
	int			i;

	graph->bottom_up = palloc(sizeof(int) * (size + 1));
	graph->height = palloc(sizeof(int) * (size + 1));
	for (i = 0; i < size; i++)
	{
		missing[i] = MIG_NEDGES(all, i);
		if (missing[i] == 0)
			todo[ntodo++] = i;
	}
	while (ntodo > 0)
	{
		int			rev = todo[--ntodo];

		graph->height[rev] = ndone;
		graph->bottom_up[ndone++] = rev;
		for (i = graph->allkids.start[rev]; i < graph->allkids.start[rev + 1]; i++)
		{
			int			kid = graph->allkids.to[i];

			if (--missing[kid] == 0)
				todo[ntodo++] = kid;
		}
	}
	if (ndone < size)
		refuse_cycle(graph, all, missing);
	pfree(missing);
	pfree(todo);
}

/*
 * Everything that could not be numbered misses something that could not be
 * numbered either, so going down among these must come back to a place.
 */
static void
refuse_cycle(const MigGraph *graph, const MigEdges *all, const int *missing)
{
	bool	   *seen = palloc0(graph->size + 1);
	StringInfoData buf;
	int			rev = 0;
	int			first;
	int			nshown = 0;
	int			i;

	while (missing[rev] == 0)
		rev++;
	while (!seen[rev])
	{
		seen[rev] = true;
		i = all->start[rev];
		while (missing[all->to[i]] == 0)
			i++;
		rev = all->to[i];
	}

	first = rev;
	initStringInfo(&buf);
	do
	{
		if (++nshown <= MAX_CYCLE_SHOWN)
			appendStringInfo(&buf, "\"%s\" stands on ", graph->revs[rev].id);
		else if (nshown == MAX_CYCLE_SHOWN + 1)
			appendStringInfoString(&buf, "... stands on ");
		i = all->start[rev];
		while (missing[all->to[i]] == 0)
			i++;
		rev = all->to[i];
	} while (rev != first);
	appendStringInfo(&buf, "\"%s\"", graph->revs[first].id);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("revision \"%s\" is part of a cycle",
					graph->revs[first].id),
			 errdetail("Revision %s.", buf.data),
			 errhint("Change a down revision or a dependency of one of them.")));
}

/*
 * Dependencies without those that a revision further down the line, along
 * down revisions, has already.  Only a dependency of several revisions can
 * be repeated, and only above the lowest of them.
 */
static MigEdges
normalize_depends(const MigGraph *graph, const MigEdges *depends)
{
	int			size = graph->size;
	MigEdges	dependents = reverse_edges(size, depends);
	bool	   *repeated = palloc0(depends->start[size] + 1);
	int		   *seen = palloc0(sizeof(int) * (size + 1));
	int		   *todo = palloc(sizeof(int) * (size + 1));
	MigEdges	result = new_edges(size, depends->start[size]);
	int			n = 0;
	int			i;
	int			k;

	for (i = 0; i < size; i++)
	{
		if (MIG_NEDGES(&dependents, i) < 2)
			continue;
		mark_repeated(graph, MIG_NEDGES(&dependents, i),
					  &dependents.to[dependents.start[i]], i + 1, seen, todo);
		for (k = dependents.start[i]; k < dependents.start[i + 1]; k++)
		{
			int			user = dependents.to[k];
			int			edge = depends->start[user];

			if (seen[user] != i + 1)
				continue;
			while (depends->to[edge] != i)
				edge++;
			repeated[edge] = true;
		}
	}

	for (i = 0; i < size; i++)
	{
		result.start[i] = n;
		for (k = depends->start[i]; k < depends->start[i + 1]; k++)
		{
			if (!repeated[k])
				result.to[n++] = depends->to[k];
		}
	}
	result.start[size] = n;
	return result;
}

/*
 * Stamp everything that stands on one of the dependents, and not higher than
 * the highest of them.
 */
static void
mark_repeated(const MigGraph *graph, int ndependents, const int *dependents,
			  int stamp, int *seen, int *todo)
{
	const int  *height = graph->height;
	const MigEdges *kids = &graph->kids;
	int			highest = 0;
	int			i;
	int			k;

	for (i = 0; i < ndependents; i++)
		highest = Max(highest, height[dependents[i]]);
	for (i = 0; i < ndependents; i++)
	{
		int			ntodo = 0;
		int			rev = dependents[i];

		for (;;)
		{
			for (k = kids->start[rev]; k < kids->start[rev + 1]; k++)
			{
				int			kid = kids->to[k];

				if (seen[kid] != stamp && height[kid] <= highest)
				{
					seen[kid] = stamp;
					todo[ntodo++] = kid;
				}
			}
			if (ntodo == 0)
				break;
			rev = todo[--ntodo];
		}
		CHECK_FOR_INTERRUPTS();
	}
}
