/*
 * edges.c
 *	  Connects the revisions of a graph, and refuses what is none.
 *
 * Unknown parents, loops and cycles are refused here.  Dependencies are
 * normalized here, once, because they decide both the order of steps and the
 * rows of the version table.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "graph/graph_internal.h"

static MigEdges new_edges(int size, int nedges);
static MigEdges resolve_names(MigGraph *graph, bool depends);
static int	resolve_down(const MigGraph *graph, int rev, const char *name);
static int	resolve_depends(const MigGraph *graph, int rev, const char *name);
static MigEdges join_edges(int size, const MigEdges *first,
						   const MigEdges *second);
static MigEdges reverse_edges(int size, const MigEdges *edges);
static void sort_graph(MigGraph *graph, const MigEdges *all);
pg_noreturn static void refuse_cycle(MigGraph *graph, const MigEdges *all,
									 const int *nmissing);
static int	next_missing(const MigEdges *all, const int *nmissing, int rev);
static MigEdges normalize_depends(const MigGraph *graph,
								  const MigEdges *depends);
static void mark_descendants(const MigGraph *graph, MigRevList list,
							 int mark, int *marks, int *todo);

/*
 * Fill in every edge of a graph whose revisions are sorted and whose keys
 * are known.  Raises when the graph cannot be accepted.
 */
void
mig_edges_build(MigGraph *graph)
{
	int			size = graph->size;
	MigEdges	depends;
	MigEdges	all;

	graph->down = resolve_names(graph, false);
	graph->children = reverse_edges(size, &graph->down);
	depends = resolve_names(graph, true);
	if (depends.start[size] == 0)
	{
		graph->all_children = graph->children;
		sort_graph(graph, &graph->down);
		graph->parents = graph->down;
	}
	else
	{
		MigEdges	normalized;

		all = join_edges(size, &graph->down, &depends);
		graph->all_children = reverse_edges(size, &all);
		sort_graph(graph, &all);
		normalized = normalize_depends(graph, &depends);
		graph->parents = join_edges(size, &graph->down, &normalized);
	}

	graph->parent_ids = palloc(sizeof(char *) *
							   (graph->parents.start[size] + 1));
	for (int i = 0; i < graph->parents.start[size]; i++)
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

/*
 * The edges that the names of down revisions or of dependencies mean, in the
 * order written and without duplicates.
 */
static MigEdges
resolve_names(MigGraph *graph, bool depends)
{
	int			size = graph->size;
	MigEdges	result;
	int			nedges = 0;
	int			n = 0;
	int		   *last_user = palloc(sizeof(int) * (size + 1));

	memset(last_user, -1, sizeof(int) * (size + 1));
	for (int i = 0; i < size; i++)
		nedges += depends ? graph->revs[i].ndepends : graph->revs[i].ndown;
	result = new_edges(size, nedges);
	for (int i = 0; i < size; i++)
	{
		const MigNode *rev = &graph->revs[i];
		int			nnames = depends ? rev->ndepends : rev->ndown;

		graph->culprit.id = rev->id;
		result.start[i] = n;
		for (int k = 0; k < nnames; k++)
		{
			const char *name = depends ? rev->depends[k] : rev->down[k];
			int			other;

			graph->culprit.reference = name;
			other = depends ? resolve_depends(graph, i, name) :
				resolve_down(graph, i, name);
			if (last_user[other] == i)
				continue;
			last_user[other] = i;
			result.to[n++] = other;
		}
	}
	result.start[size] = n;
	pfree(last_user);
	return result;
}

/* A down revision, which is given by its full id. */
static int
resolve_down(const MigGraph *graph, int rev, const char *name)
{
	const char *id = mig_graph_id(graph, rev);
	int			parent;

	if (mig_graph_key(graph, name, &parent) != MIG_KEY_ID)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("down revision \"%s\" of revision \"%s\" does not exist",
						name, id),
				 errhint("Down revisions are full ids. Register them first, or register all in one script.")));
	if (parent == rev)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("revision \"%s\" cannot be its own down revision", id)));
	return parent;
}

/* A dependency, which is given by its full id or by a label. */
static int
resolve_depends(const MigGraph *graph, int rev, const char *name)
{
	const char *id = mig_graph_id(graph, rev);
	int			other;

	if (mig_graph_key(graph, name, &other) == MIG_KEY_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("revision or branch label \"%s\" that revision \"%s\" depends on does not exist",
						name, id),
				 errhint("Dependencies are full ids or branch labels. Register them first, or register all in one script.")));
	if (other == rev)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("revision \"%s\" cannot depend on itself", id)));
	return other;
}

/* For each revision the first edges, then those of the second not yet there. */
static MigEdges
join_edges(int size, const MigEdges *first, const MigEdges *second)
{
	MigEdges	result = new_edges(size, first->start[size] + second->start[size]);
	int		   *last_user = palloc(sizeof(int) * (size + 1));
	int			n = 0;

	memset(last_user, -1, sizeof(int) * (size + 1));
	for (int i = 0; i < size; i++)
	{
		result.start[i] = n;
		for (int k = first->start[i]; k < first->start[i + 1]; k++)
		{
			last_user[first->to[k]] = i;
			result.to[n++] = first->to[k];
		}
		for (int k = second->start[i]; k < second->start[i + 1]; k++)
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

	/*
	 * Counted two slots further up: filling moves each start to where it
	 * belongs.
	 */
	for (int i = 0; i < nedges; i++)
		result.start[edges->to[i] + 2]++;
	for (int i = 2; i <= size + 1; i++)
		result.start[i] += result.start[i - 1];
	for (int i = 0; i < size; i++)
	{
		for (int k = edges->start[i]; k < edges->start[i + 1]; k++)
			result.to[result.start[edges->to[k] + 1]++] = i;
	}
	return result;
}

/*
 * Find a topological order.  Raises if there is none, that is, if there is a
 * cycle.
 */
static void
sort_graph(MigGraph *graph, const MigEdges *all)
{
	const MigEdges *children = &graph->all_children;
	int			size = graph->size;
	int		   *nmissing = palloc(sizeof(int) * (size + 1));
	int		   *todo = palloc(sizeof(int) * (size + 1));
	int			ntodo = 0;
	int			ndone = 0;

	graph->sorted = palloc(sizeof(int) * (size + 1));
	graph->rank = palloc(sizeof(int) * (size + 1));
	for (int i = 0; i < size; i++)
	{
		nmissing[i] = MIG_NEDGES(all, i);
		if (nmissing[i] == 0)
			todo[ntodo++] = i;
	}
	while (ntodo > 0)
	{
		int			rev = todo[--ntodo];

		graph->rank[rev] = ndone;
		graph->sorted[ndone++] = rev;
		for (int i = children->start[rev]; i < children->start[rev + 1]; i++)
		{
			int			child = children->to[i];

			if (--nmissing[child] == 0)
				todo[ntodo++] = child;
		}
	}
	if (ndone < size)
		refuse_cycle(graph, all, nmissing);
	pfree(nmissing);
	pfree(todo);
}

/*
 * Each revision that could not be sorted has a parent that could not be sorted
 * either, so a walk along these must return to a revision.
 */
static void
refuse_cycle(MigGraph *graph, const MigEdges *all, const int *nmissing)
{
	bool	   *seen = palloc0(graph->size + 1);
	StringInfoData buf;
	int			rev = 0;
	int			first;
	int			nshown = 0;

	while (nmissing[rev] == 0)
		rev++;
	while (!seen[rev])
	{
		seen[rev] = true;
		rev = next_missing(all, nmissing, rev);
	}

	first = rev;
	graph->culprit = (MigCulprit)
	{
		.id = graph->revs[first].id
	};
	initStringInfo(&buf);
	do
	{
		if (++nshown <= MIG_GRAPH_MAX_LISTED)
			appendStringInfo(&buf, "\"%s\", ", graph->revs[rev].id);
		else if (nshown == MIG_GRAPH_MAX_LISTED + 1)
			appendStringInfoString(&buf, "..., ");
		rev = next_missing(all, nmissing, rev);
	} while (rev != first);
	appendStringInfo(&buf, "\"%s\"", graph->revs[first].id);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("revision \"%s\" is part of a cycle",
					graph->revs[first].id),
			 errdetail("Each of these depends on the next: %s.", buf.data),
			 errhint("Change a down revision or a dependency of one of them.")));
}

/* The first parent that could not be sorted, of a revision that could not. */
static int
next_missing(const MigEdges *all, const int *nmissing, int rev)
{
	int			i = all->start[rev];

	while (nmissing[all->to[i]] == 0)
		i++;
	return all->to[i];
}

/*
 * Dependencies without those that an ancestor along down revisions has
 * already.  Only a dependency that several revisions have can be dropped, and
 * only in descendants of one of these.
 */
static MigEdges
normalize_depends(const MigGraph *graph, const MigEdges *depends)
{
	int			size = graph->size;
	MigEdges	dependents = reverse_edges(size, depends);
	bool	   *repeated = palloc0(depends->start[size] + 1);
	int		   *marks = palloc0(sizeof(int) * (size + 1));
	int		   *todo = palloc(sizeof(int) * (size + 1));
	MigEdges	result = new_edges(size, depends->start[size]);
	int			n = 0;

	for (int i = 0; i < size; i++)
	{
		int			mark = i + 1;
		MigRevList	users = {MIG_NEDGES(&dependents, i),
		&dependents.to[dependents.start[i]]};

		if (users.n < 2)
			continue;
		mark_descendants(graph, users, mark, marks, todo);
		for (int k = 0; k < users.n; k++)
		{
			int			user = users.rev[k];
			int			edge = depends->start[user];

			if (marks[user] != mark)
				continue;
			while (depends->to[edge] != i)
				edge++;
			repeated[edge] = true;
		}
	}

	for (int i = 0; i < size; i++)
	{
		result.start[i] = n;
		for (int k = depends->start[i]; k < depends->start[i + 1]; k++)
		{
			if (!repeated[k])
				result.to[n++] = depends->to[k];
		}
	}
	result.start[size] = n;
	return result;
}

/*
 * Mark the descendants of the revisions, as far as they can be one of them
 * again: up to the greatest rank that one of them has.
 */
static void
mark_descendants(const MigGraph *graph, MigRevList list,
				 int mark, int *marks, int *todo)
{
	const int  *rank = graph->rank;
	const MigEdges *children = &graph->children;
	int			greatest = 0;

	for (int i = 0; i < list.n; i++)
		greatest = Max(greatest, rank[list.rev[i]]);
	for (int i = 0; i < list.n; i++)
	{
		int			ntodo = 0;
		int			rev = list.rev[i];

		for (;;)
		{
			for (int k = children->start[rev]; k < children->start[rev + 1]; k++)
			{
				int			child = children->to[k];

				if (marks[child] != mark && rank[child] <= greatest)
				{
					marks[child] = mark;
					todo[ntodo++] = child;
				}
			}
			if (ntodo == 0)
				break;
			rev = todo[--ntodo];
		}
		CHECK_FOR_INTERRUPTS();
	}
}
