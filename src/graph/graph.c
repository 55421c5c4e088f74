/*
 * graph.c
 *	  The revision graph: parents, children, heads, ancestors.
 *
 * A graph is built once per run, from revisions in any order, checked, and
 * then only read.
 *
 * Must not read a table, so that it can be tested without one.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "base/printable.h"
#include "graph/graph_internal.h"

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
	mig_edges_build(graph);
}

/*
 * What the error that mig_graph_finish() has raised is about.
 */
MigCulprit
mig_graph_culprit(const MigGraph *graph)
{
	return graph->culprit;
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

/* What kind of key the name is, exactly, and the revision it belongs to. */
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

/* Whether it is the down revision of no other one. */
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

/*
 * The heads in load order; with real only those that are no dependency of
 * another revision either.
 */
MigRevList
mig_graph_heads(const MigGraph *graph, bool real)
{
	return mig_graph_ends(graph,
						  real ? &graph->all_children : &graph->children);
}

/*
 * The leaves of what is applied, in load order: the rows, and heads that are
 * applied only as a dependency.
 */
MigRevList
mig_graph_current(const MigGraph *graph, int nrows, char **rows)
{
	return mig_graph_leaves(graph, mig_graph_rows(graph, nrows, rows));
}

/* For every revision whether the rows say that it is applied. */
bool *
mig_graph_applied(const MigGraph *graph, int nrows, char **rows)
{
	return mig_graph_reach(graph, &graph->parents,
						   mig_graph_rows(graph, nrows, rows));
}

/*
 * How many revisions the rows leave to be applied.
 */
int
mig_graph_count_pending(const MigGraph *graph, int nrows, char **rows)
{
	bool	   *applied = mig_graph_applied(graph, nrows, rows);
	int			npending = 0;

	for (int rev = 0; rev < graph->size; rev++)
		npending += !applied[rev];
	return npending;
}

/*
 * The rows that say that a set of revisions is applied, which has all ancestors of
 * each: those that no other one of it is built on, or depends on.
 */
MigRevList
mig_graph_rows_of(const MigGraph *graph, const bool *applied)
{
	const MigEdges *children = &graph->all_children;
	MigRevList	rows = {0, palloc(sizeof(int) * (graph->size + 1))};

	for (int rev = 0; rev < graph->size; rev++)
	{
		bool		is_row = applied[rev];

		for (int i = children->start[rev]; is_row && i < children->start[rev + 1]; i++)
			is_row = !applied[children->to[i]];
		if (is_row)
			rows.rev[rows.n++] = rev;
	}
	return rows;
}

/*
 * The down revisions of a revision, and how many there are.
 */
int
mig_graph_down(const MigGraph *graph, int rev, const int **down)
{
	*down = &graph->down.to[graph->down.start[rev]];
	return MIG_NEDGES(&graph->down, rev);
}

/* The revisions from which no such edge leads on, in load order. */
MigRevList
mig_graph_ends(const MigGraph *graph, const MigEdges *edges)
{
	MigRevList	ends = {0, palloc(sizeof(int) * (graph->size + 1))};

	for (int i = 0; i < graph->size; i++)
	{
		if (MIG_NEDGES(edges, i) == 0)
			ends.rev[ends.n++] = i;
	}
	return ends;
}

/*
 * The set of everything that can be reached from the given revisions along
 * these edges, themselves included.
 */
bool *
mig_graph_reach(const MigGraph *graph, const MigEdges *edges, MigRevList start)
{
	bool	   *set = palloc0(graph->size + 1);
	int		   *todo = palloc(sizeof(int) * (graph->size + 1));
	int			ntodo = 0;

	for (int i = 0; i < start.n; i++)
	{
		if (!set[start.rev[i]])
		{
			set[start.rev[i]] = true;
			todo[ntodo++] = start.rev[i];
		}
	}
	while (ntodo > 0)
	{
		int			rev = todo[--ntodo];

		for (int i = edges->start[rev]; i < edges->start[rev + 1]; i++)
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

/* The same from one revision. */
bool *
mig_graph_reach_one(const MigGraph *graph, const MigEdges *edges, int start)
{
	MigRevList	list = {1, &start};

	return mig_graph_reach(graph, edges, list);
}

/* The members of a set, in load order. */
MigRevList
mig_graph_members(const MigGraph *graph, const bool *set)
{
	MigRevList	members = {0, NULL};

	for (int i = 0; i < graph->size; i++)
		members.n += set[i] ? 1 : 0;
	members.rev = palloc(sizeof(int) * (members.n + 1));
	members.n = 0;
	for (int i = 0; i < graph->size; i++)
	{
		if (set[i])
			members.rev[members.n++] = i;
	}
	return members;
}

/*
 * Of the revisions and all their ancestors those without a child among them,
 * in load order.
 */
MigRevList
mig_graph_leaves(const MigGraph *graph, MigRevList revs)
{
	const MigEdges *children = &graph->children;
	bool	   *ancestors = mig_graph_reach(graph, &graph->parents, revs);
	bool	   *leaves = palloc0(graph->size + 1);

	for (int i = 0; i < graph->size; i++)
	{
		leaves[i] = ancestors[i];
		for (int k = children->start[i]; k < children->start[i + 1]; k++)
			leaves[i] = leaves[i] && !ancestors[children->to[k]];
	}
	return mig_graph_members(graph, leaves);
}

/*
 * The revisions that a plan adds to those that the rows before say are applied,
 * in load order.  Rows that name none do not count.
 */
MigRevList
mig_graph_added(const MigGraph *graph, const MigPlan *plan, int nrows,
				char **rows)
{
	MigRevList	before = {0, palloc(sizeof(int) * (nrows + 1))};
	MigRevList	after = {0};
	int			nafter = 0;
	bool	   *applied;
	bool	   *added;

	for (int i = 0; i < nrows; i++)
	{
		before.rev[before.n] = mig_graph_find(graph, rows[i]);
		if (before.rev[before.n] >= 0)
			before.n++;
	}
	for (int i = 0; i < plan->nsteps; i++)
		nafter += 1 + plan->steps[i].ninserts;
	after.rev = palloc(sizeof(int) * (nafter + 1));
	for (int i = 0; i < plan->nsteps; i++)
	{
		const MigStep *step = &plan->steps[i];

		if (step->update_to != NULL)
			after.rev[after.n++] = mig_graph_find(graph, step->update_to);
		for (int k = 0; k < step->ninserts; k++)
			after.rev[after.n++] = mig_graph_find(graph, step->inserts[k]);
	}
	applied = mig_graph_reach(graph, &graph->parents, before);
	added = mig_graph_reach(graph, &graph->parents, after);
	for (int i = 0; i < graph->size; i++)
		added[i] = added[i] && !applied[i];
	return mig_graph_members(graph, added);
}

/*
 * Puts the rows in front that name revisions, in the order given, and returns how
 * many they are.
 */
int
mig_graph_known_rows(const MigGraph *graph, int nrows, char **rows)
{
	int			nknown = 0;

	for (int i = 0; i < nrows; i++)
	{
		char	   *row = rows[i];

		if (mig_graph_find(graph, row) < 0)
			continue;
		memmove(&rows[nknown + 1], &rows[nknown], sizeof(char *) * (i - nknown));
		rows[nknown++] = row;
	}
	return nknown;
}

/*
 * The revisions that the rows of the version table name, in load order and
 * without duplicates.  Raises for a row that names none.
 */
MigRevList
mig_graph_rows(const MigGraph *graph, int nrows, char **rows)
{
	int		   *found = palloc(sizeof(int) * (nrows + 1));
	MigRevList	result = {0, found};

	for (int i = 0; i < nrows; i++)
	{
		found[i] = mig_graph_find(graph, rows[i]);
		if (found[i] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("revision \"%s\" of the version table does not exist",
							mig_printable(rows[i])),
					 errdetail("The version table says that it is applied, but it is not registered."),
					 errhint("Register the revision: what has migrated the database may have newer files than the registry. migrate_current() shows such rows.")));
	}
	qsort(found, nrows, sizeof(int), compare_ints);
	for (int i = 0; i < nrows; i++)
	{
		if (result.n == 0 || found[result.n - 1] != found[i])
			found[result.n++] = found[i];
	}
	return result;
}

/* The ids, quoted and separated, for a message. */
char *
mig_graph_quote(const MigGraph *graph, MigRevList list)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < list.n; i++)
	{
		if (i == MIG_GRAPH_MAX_LISTED)
		{
			appendStringInfoString(&buf, ", ...");
			break;
		}
		appendStringInfo(&buf, "%s\"%s\"", i > 0 ? ", " : "",
						 mig_graph_id(graph, list.rev[i]));
	}
	return buf.data;
}

static char **
copy_names(int n, char **names)
{
	char	  **copy = NULL;

	if (n > 0)
		copy = palloc(sizeof(char *) * n);
	for (int i = 0; i < n; i++)
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
				 errdetail("The characters @, -, + and : have a meaning of their own in targets.")));
}

static int
compare_revisions(const void *a, const void *b)
{
	const MigNode *left = a;
	const MigNode *right = b;

	return strcmp(left->id, right->id);
}

static void
add_ids(MigGraph *graph)
{
	for (int i = 0; i < graph->size; i++)
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

	for (int i = 0; i < graph->size; i++)
		n += graph->revs[i].nlabels;
	graph->labels = palloc(sizeof(MigLabel) * (n + 1));
	for (int i = 0; i < graph->size; i++)
	{
		const MigNode *rev = &graph->revs[i];

		for (int k = 0; k < rev->nlabels; k++)
		{
			bool		found;
			MigKey	   *key = mig_keys_insert(graph->keys, rev->labels[k],
											  &found);

			if (found)
			{
				graph->culprit = (MigCulprit)
				{
					rev->id, rev->labels[k], graph->revs[key->rev].id
				};
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_OBJECT),
						 key->kind == MIG_KEY_ID ?
						 errmsg("branch label \"%s\" of revision \"%s\" is already used by revision \"%s\"",
								rev->labels[k], rev->id, graph->revs[key->rev].id) :
						 errmsg("branch label \"%s\" is used by revisions \"%s\" and \"%s\"",
								rev->labels[k], graph->revs[key->rev].id, rev->id)));
			}
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
