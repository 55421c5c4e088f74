/*
 * graph.c
 *	  The revision graph: parents, heads, bases, ancestors.
 *
 * Everything that plans asks its questions here.  The graph is built once
 * per run, in any order of revisions, checked as a whole, and then only
 * read.  It never touches a table, so that it can be tested without one.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "graph/graph_internal.h"

/* So much of a cycle is shown. */
#define MAX_CYCLE_SHOWN 10

/* A message that lists revisions shows at most this many, to stay readable. */
#define MAX_LISTED		10

typedef struct MigKey
{
	const char *name;
	int			rev;
	MigKeyKind	kind;
	uint32		hash;
	char		status;
} MigKey;

#define SH_PREFIX mig_keys
#define SH_ELEMENT_TYPE MigKey
#define SH_KEY_TYPE const char *
#define SH_KEY name
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(tb, a, b) (strcmp((a), (b)) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) ((a)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static char **copy_names(int n, char **names);
static void check_id(const char *id);
static int	compare_revisions(const void *a, const void *b);
static void add_ids(MigGraph *graph);
static void add_labels(MigGraph *graph);
static void build_edges(MigGraph *graph);
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
static int	compare_ints(const void *a, const void *b);

/*
 * An empty graph in the current memory context, which must live as long as
 * the graph and every plan made from it.  size_hint may be any guess.
 */
MigGraph *
mig_graph_create(int size_hint)
{
	MigGraph   *graph = palloc0(sizeof(MigGraph));

	graph->allocated = Max(size_hint, 16);
	graph->revs = palloc(sizeof(MigNode) * graph->allocated);
	return graph;
}

/*
 * Add a revision by its id, its parents and its labels, which are copied.
 * Must be called in the memory context the graph was created in.  Raises when
 * the id cannot be one.
 */
void
mig_graph_add(MigGraph *graph, const MigRevisionDef *def)
{
	MigNode    *rev;

	check_id(def->id);
	if (graph->size == graph->allocated)
	{
		graph->allocated *= 2;
		graph->revs = repalloc(graph->revs,
							   sizeof(MigNode) * graph->allocated);
	}
	rev = &graph->revs[graph->size++];
	rev->id = pstrdup(def->id);
	rev->ndown = def->ndown;
	rev->down = copy_names(def->ndown, def->down);
	rev->nlabels = def->nlabels;
	rev->labels = copy_names(def->nlabels, def->labels);
	rev->ndepends = def->ndepends;
	rev->depends = copy_names(def->ndepends, def->depends);
}

/*
 * Put the revisions into load order and connect them.  Raises when a name is
 * used twice, a parent or dependency does not exist, or there is a cycle.
 */
void
mig_graph_finish(MigGraph *graph)
{
	qsort(graph->revs, graph->size, sizeof(MigNode), compare_revisions);
	graph->keys = mig_keys_create(CurrentMemoryContext, graph->size + 1, NULL);
	add_ids(graph);
	add_labels(graph);
	build_edges(graph);
}

/* The revision with exactly this id, or -1. */
int
mig_graph_find(const MigGraph *graph, const char *id)
{
	int			rev;

	if (mig_graph_key(graph, id, &rev) == MIG_KEY_ID)
		return rev;
	return -1;
}

/* What kind of key the name is, exactly, and the revision it stands for. */
MigKeyKind
mig_graph_key(const MigGraph *graph, const char *name, int *rev)
{
	MigKey	   *key = mig_keys_lookup(graph->keys, name);

	*rev = key ? key->rev : MIG_REV_NONE;
	return key ? key->kind : MIG_KEY_NONE;
}

const char *
mig_graph_id(const MigGraph *graph, int rev)
{
	return graph->revs[rev].id;
}

/* Nothing was built on it. */
bool
mig_graph_is_head(const MigGraph *graph, int rev)
{
	return MIG_NEDGES(&graph->children, rev) == 0;
}

bool
mig_graph_is_branch_point(const MigGraph *graph, int rev)
{
	return MIG_NEDGES(&graph->children, rev) > 1;
}

bool
mig_graph_is_merge_point(const MigGraph *graph, int rev)
{
	return MIG_NEDGES(&graph->down, rev) > 1;
}

/* The heads, or those that nothing depends on either, in load order. */
int *
mig_graph_heads(const MigGraph *graph, bool real, int *nresult)
{
	const MigEdges *edges = real ? &graph->all_children : &graph->children;
	int		   *heads = palloc(sizeof(int) * (graph->size + 1));
	int			n = 0;
	int			i;

	for (i = 0; i < graph->size; i++)
	{
		if (MIG_NEDGES(edges, i) == 0)
			heads[n++] = i;
	}
	*nresult = n;
	return heads;
}

/*
 * The tips of what is applied, in load order: the rows, and heads that hold
 * only as somebody's dependency.
 */
int *
mig_graph_current(const MigGraph *graph, int nrows, char **rows, int *nresult)
{
	int			nfound;
	int		   *found = mig_graph_rows(graph, nrows, rows, &nfound);

	return mig_graph_leaves(graph, nfound, found, nresult);
}

/* For every revision whether the rows say that it is applied. */
bool *
mig_graph_applied(const MigGraph *graph, int nrows, char **rows)
{
	int			nfound;
	int		   *found = mig_graph_rows(graph, nrows, rows, &nfound);

	return mig_graph_reach(graph, &graph->parents, nfound, found);
}

/*
 * The set of everything that can be reached from the given revisions along
 * these edges, themselves included.
 */
bool *
mig_graph_reach(const MigGraph *graph, const MigEdges *edges,
				int nstart, const int *start)
{
	bool	   *set = palloc0(graph->size + 1);
	int		   *todo = palloc(sizeof(int) * (graph->size + 1));
	int			ntodo = 0;
	int			i;

	for (i = 0; i < nstart; i++)
	{
		if (!set[start[i]])
		{
			set[start[i]] = true;
			todo[ntodo++] = start[i];
		}
	}
	while (ntodo > 0)
	{
		int			rev = todo[--ntodo];

		for (i = edges->start[rev]; i < edges->start[rev + 1]; i++)
		{
			int			other = edges->to[i];

			if (!set[other])
			{
				set[other] = true;
				todo[ntodo++] = other;
			}
		}
	}
	pfree(todo);
	CHECK_FOR_INTERRUPTS();
	return set;
}

/* The members of a set, in load order. */
int *
mig_graph_members(const MigGraph *graph, const bool *set, int *nresult)
{
	int		   *members;
	int			n = 0;
	int			i;

	for (i = 0; i < graph->size; i++)
		n += set[i] ? 1 : 0;
	members = palloc(sizeof(int) * (n + 1));
	n = 0;
	for (i = 0; i < graph->size; i++)
	{
		if (set[i])
			members[n++] = i;
	}
	*nresult = n;
	return members;
}

/*
 * Of the revisions and everything below them those on which nothing of it
 * was built, in load order.  What lies below is closed, so looking at the
 * children is enough.
 */
int *
mig_graph_leaves(const MigGraph *graph, int nrevs, const int *revs,
				 int *nresult)
{
	bool	   *below = mig_graph_reach(graph, &graph->parents,
										nrevs, revs);
	bool	   *tips = palloc0(graph->size + 1);
	int			i;
	int			k;

	for (i = 0; i < graph->size; i++)
	{
		if (!below[i])
			continue;
		tips[i] = true;
		for (k = graph->children.start[i]; k < graph->children.start[i + 1]; k++)
		{
			if (below[graph->children.to[k]])
				tips[i] = false;
		}
	}
	return mig_graph_members(graph, tips, nresult);
}

/*
 * The revisions that the rows of the version table name, in load order and
 * without doubles.  Raises for a row that names none.
 */
int *
mig_graph_rows(const MigGraph *graph, int nrows, char **rows, int *nresult)
{
	int		   *found = palloc(sizeof(int) * (nrows + 1));
	int			n = 0;
	int			i;

	for (i = 0; i < nrows; i++)
	{
		found[i] = mig_graph_find(graph, rows[i]);
		if (found[i] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("revision \"%s\" of the version table does not exist",
							rows[i]),
					 errdetail("The version table says that it is applied, but it is not registered."),
					 errhint("Register the revision, or replace the rows with migrate_stamp(..., purge => true).")));
	}
	qsort(found, nrows, sizeof(int), compare_ints);
	for (i = 0; i < nrows; i++)
	{
		if (n == 0 || found[n - 1] != found[i])
			found[n++] = found[i];
	}
	*nresult = n;
	return found;
}

/* The ids, quoted and separated, for a message. */
char *
mig_graph_quote(const MigGraph *graph, int nrevs, const int *revs)
{
	StringInfoData buf;
	int			i;

	initStringInfo(&buf);
	for (i = 0; i < nrevs; i++)
	{
		if (i == MAX_LISTED)
		{
			appendStringInfoString(&buf, ", ...");
			break;
		}
		appendStringInfo(&buf, "%s\"%s\"", i > 0 ? ", " : "",
						 mig_graph_id(graph, revs[i]));
	}
	return buf.data;
}

static char **
copy_names(int n, char **names)
{
	char	  **copy = NULL;
	int			i;

	if (n > 0)
		copy = palloc(sizeof(char *) * n);
	for (i = 0; i < n; i++)
		copy[i] = pstrdup(names[i]);
	return copy;
}

/* An id with one of these characters could not be written in a target. */
static void
check_id(const char *id)
{
	if (id[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("revision id must not be empty")));
	if (strpbrk(id, "@-+:") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("revision id \"%s\" contains a character that is not allowed",
						id),
				 errdetail("The characters @, -, + and : have a meaning in targets.")));
}

static int
compare_revisions(const void *a, const void *b)
{
	return strcmp(((const MigNode *) a)->id,
				  ((const MigNode *) b)->id);
}

static void
add_ids(MigGraph *graph)
{
	int			i;

	for (i = 0; i < graph->size; i++)
	{
		bool		found;
		MigKey	   *key = mig_keys_insert(graph->keys, graph->revs[i].id,
										  &found);

		if (found)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("revision \"%s\" is present more than once",
							graph->revs[i].id)));
		key->rev = i;
		key->kind = MIG_KEY_ID;
	}
}

static void
add_labels(MigGraph *graph)
{
	int			n = 0;
	int			i;
	int			k;

	for (i = 0; i < graph->size; i++)
		n += graph->revs[i].nlabels;
	graph->labels = palloc(sizeof(MigLabel) * (n + 1));
	for (i = 0; i < graph->size; i++)
	{
		const MigNode *rev = &graph->revs[i];

		for (k = 0; k < rev->nlabels; k++)
		{
			bool		found;
			MigKey	   *key = mig_keys_insert(graph->keys, rev->labels[k],
											  &found);

			if (found)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_OBJECT),
						 errmsg("branch label \"%s\" of revision \"%s\" is already used by revision \"%s\"",
								rev->labels[k], rev->id,
								graph->revs[key->rev].id)));
			key->rev = i;
			key->kind = MIG_KEY_LABEL;
			graph->labels[graph->nlabels].name = rev->labels[k];
			graph->labels[graph->nlabels++].rev = i;
		}
	}
}

/*
 * Fill in every edge of a graph whose revisions are sorted and whose keys
 * are known.  Raises when the graph cannot be accepted.
 */
static void
build_edges(MigGraph *graph)
{
	int			size = graph->size;
	MigEdges	depends;
	bool		any_depends;
	MigEdges	all;
	int			i;

	resolve_down(graph);
	graph->children = reverse_edges(size, &graph->down);
	any_depends = resolve_depends(graph, &depends);
	all = any_depends ? join_edges(size, &graph->down, &depends) : graph->down;
	graph->all_children = any_depends ? reverse_edges(size, &all) : graph->children;
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

	graph->sorted = palloc(sizeof(int) * (size + 1));
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
		graph->sorted[ndone++] = rev;
		for (i = graph->all_children.start[rev]; i < graph->all_children.start[rev + 1]; i++)
		{
			int			child = graph->all_children.to[i];

			if (--missing[child] == 0)
				todo[ntodo++] = child;
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
	const MigEdges *children = &graph->children;
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
			for (k = children->start[rev]; k < children->start[rev + 1]; k++)
			{
				int			child = children->to[k];

				if (seen[child] != stamp && height[child] <= highest)
				{
					seen[child] = stamp;
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

static int
compare_ints(const void *a, const void *b)
{
	int			left = *(const int *) a;
	int			right = *(const int *) b;

	return (left > right) - (left < right);
}
