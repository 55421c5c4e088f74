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

#include "graph/build.h"
#include "graph/graph.h"
#include "graph/graph_internal.h"
#include "graph/order.h"

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
 * Add a revision; every string is copied.  Must be called in the memory
 * context the graph was created in.  Raises when the id cannot be one.
 */
void
mig_graph_add(MigGraph *graph, const char *id, int ndown, char **down,
			  int nlabels, char **labels, int ndepends, char **depends)
{
	MigNode    *rev;

	check_id(id);
	if (graph->size == graph->allocated)
	{
		graph->allocated *= 2;
		graph->revs = repalloc(graph->revs,
							   sizeof(MigNode) * graph->allocated);
	}
	rev = &graph->revs[graph->size++];
	rev->id = pstrdup(id);
	rev->ndown = ndown;
	rev->down = copy_names(ndown, down);
	rev->nlabels = nlabels;
	rev->labels = copy_names(nlabels, labels);
	rev->ndepends = ndepends;
	rev->depends = copy_names(ndepends, depends);
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
	mig_graph_build_edges(graph);
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
	return MIG_NEDGES(&graph->kids, rev) == 0;
}

bool
mig_graph_is_branch_point(const MigGraph *graph, int rev)
{
	return MIG_NEDGES(&graph->kids, rev) > 1;
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
	const MigEdges *edges = real ? &graph->allkids : &graph->kids;
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

/* The branch points, newest first. */
int *
mig_graph_branch_points(MigGraph *graph, int *nresult)
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

/*
 * The tips of what is applied, in load order: the rows, and heads that hold
 * only as somebody's dependency.
 */
int *
mig_graph_current(MigGraph *graph, int nrows, char **rows, int *nresult)
{
	int			nfound;
	int		   *found = mig_graph_rows(graph, nrows, rows, &nfound);

	return mig_graph_tips(graph, nfound, found, nresult);
}

/* For every revision whether the rows say that it is applied. */
bool *
mig_graph_applied(MigGraph *graph, int nrows, char **rows)
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
 * kids is enough.
 */
int *
mig_graph_tips(const MigGraph *graph, int nrevs, const int *revs,
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
		for (k = graph->kids.start[i]; k < graph->kids.start[i + 1]; k++)
		{
			if (below[graph->kids.to[k]])
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

static int
compare_ints(const void *a, const void *b)
{
	int			left = *(const int *) a;
	int			right = *(const int *) b;

	return (left > right) - (left < right);
}
