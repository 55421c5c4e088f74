/*
 * register_graph.c
 *	  The graph that the revisions of a set of files would make.
 *
 * Its errors are found in memory, before anything is written; what is registered has
 * none.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "graph/graph.h"
#include "registry/registry_internal.h"

/* A revision as it would be registered. */
typedef struct GraphNode
{
	MigRevisionDef def;			/* its id, and what it refers to */
	const MigRegistered *given; /* NULL: it is in no file */
} GraphNode;

typedef struct GraphNodes
{
	int			n;
	GraphNode  *nodes;			/* by id */
	MigGraph   *graph;			/* that is being made of them */
} GraphNodes;

/* Enough of them are shown. */
#define MAX_GRAPH_ERRORS		100

static GraphNodes make_nodes(const MigRegisterSet *set);
static GraphNode make_node(const MigRegisterSet *set, const MigRegistered *revision);
static void copy_labels(const MigRevisionDef *def, MigRevisionDef *node);
static int	compare_nodes(const void *a, const void *b);
static bool try_connect(MigRegisterSet *set, GraphNodes *nodes);
static void take_out(GraphNodes *nodes);
static void take_out_name(char ***names, int *n, const char *name);
static GraphNode *find_node(const GraphNodes *nodes, const char *id);
static const GraphNode *find_blamed(const GraphNodes *nodes);
static void add_blamed(void *arg);
static MigScriptLineKey find_key(const GraphNodes *nodes,
								 const GraphNode *blamed);

/*
 * Adds the errors of the graph that the revisions would make with those that stay:
 * names that are used twice, dependencies that do not exist, and cycles.  One hides
 * no other, and causes none: it is told, taken out, and the rest is looked at.
 */
void
mig_register_set_check_graph(MigRegisterSet *set)
{
	GraphNodes	nodes = make_nodes(set);

	for (int i = 0; i < MAX_GRAPH_ERRORS; i++)
	{
		if (!try_connect(set, &nodes))
			return;
	}
}

static GraphNodes
make_nodes(const MigRegisterSet *set)
{
	int			nold = 0;
	MigRevisionDef *old = set->prunes ? NULL :
	mig_revision_nodes(MIG_SPI_READ_LATEST, &nold);
	GraphNodes	nodes = {.nodes = palloc_extended(sizeof(GraphNode) * (set->n + nold + 1),
												  MCXT_ALLOC_HUGE)};
	int			n = 0;

	for (int i = 0; i < set->n; i++)
		nodes.nodes[n++] = make_node(set, &set->revisions[i]);
	for (int i = 0; i < nold; i++)
	{
		if (!mig_register_set_has(set, old[i].id))
			nodes.nodes[n++] = (GraphNode)
		{
			.def = old[i]
		};
	}
	qsort(nodes.nodes, n, sizeof(GraphNode), compare_nodes);
	for (int i = 0; i < n; i++)
	{
		/* One that is given twice is an error already; so is another id. */
		if ((nodes.n == 0 ||
			 strcmp(nodes.nodes[nodes.n - 1].def.id, nodes.nodes[i].def.id) != 0) &&
			nodes.nodes[i].def.id[strcspn(nodes.nodes[i].def.id, "@-+:")] == '\0' &&
			nodes.nodes[i].def.id[0] != '\0')
			nodes.nodes[nodes.n++] = nodes.nodes[i];
	}
	return nodes;
}

/*
 * Of one that could not be read the names count, so that no other one is said to
 * miss them.  Down revisions that are not there are said to be missing elsewhere.
 */
static GraphNode
make_node(const MigRegisterSet *set, const MigRegistered *revision)
{
	bool		failed = revision->given.revision.failed;
	const MigRevisionDef *def = failed ?
	&revision->given.revision.def : &revision->revision.def;
	GraphNode	node = {.given = revision};

	node.def.id = revision->given.revision.def.id;
	copy_labels(def, &node.def);
	if (failed)
		return node;
	node.def.ndepends = def->ndepends;
	node.def.depends = def->depends;
	node.def.down = palloc(sizeof(char *) * Max(def->ndown, 1));
	for (int i = 0; i < def->ndown; i++)
	{
		if (mig_register_set_has_parent(set, def->down[i]) &&
			!mig_text_in_list(node.def.down, node.def.ndown, def->down[i]))
			node.def.down[node.def.ndown++] = def->down[i];
	}
	return node;
}

/*
 * Each once, and without the revision's own id, which is an error already.
 */
static void
copy_labels(const MigRevisionDef *def, MigRevisionDef *node)
{
	node->labels = palloc(sizeof(char *) * Max(def->nlabels, 1));
	for (int i = 0; i < def->nlabels; i++)
	{
		if (strcmp(def->labels[i], node->id) != 0 &&
			!mig_text_in_list(node->labels, node->nlabels, def->labels[i]))
			node->labels[node->nlabels++] = def->labels[i];
	}
}

/*
 * By id, then as the files were given.
 */
static int
compare_nodes(const void *a, const void *b)
{
	const GraphNode *left = a;
	const GraphNode *right = b;
	int			order = strcmp(left->def.id, right->def.id);

	return order != 0 || left->given == NULL || right->given == NULL ? order :
		left->given->given.revision.number - right->given->given.revision.number;
}

/*
 * Adds the error of a graph of all of them, and takes what it is about out of
 * them.  Returns whether there is one.
 */
static bool
try_connect(MigRegisterSet *set, GraphNodes *nodes)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext graph_context = AllocSetContextCreate(context, "migrate graph",
														ALLOCSET_DEFAULT_SIZES);
	List	   *volatile errors = set->errors;
	volatile bool failed = false;
	ErrorContextCallback callback;

	callback.callback = add_blamed;
	callback.arg = nodes;
	callback.previous = error_context_stack;
	MemoryContextSwitchTo(graph_context);
	nodes->graph = mig_graph_create(nodes->n);
	for (int i = 0; i < nodes->n; i++)
		mig_graph_add(nodes->graph, &nodes->nodes[i].def);
	PG_TRY();
	{
		error_context_stack = &callback;
		mig_graph_finish(nodes->graph);
	}
	PG_CATCH();
	{
		const GraphNode *blamed = find_blamed(nodes);

		errors = mig_script_error_add(errors, blamed == NULL || blamed->given == NULL ?
									  set->n : blamed->given->given.revision.number,
									  context);
		failed = true;
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(context);
	if (failed)
		take_out(nodes);
	MemoryContextDelete(graph_context);
	set->errors = errors;
	return failed;
}

/*
 * Takes out of the revisions what could not be connected, and nothing else: other
 * ones may refer to the labels.
 */
static void
take_out(GraphNodes *nodes)
{
	MigCulprit	culprit = mig_graph_culprit(nodes->graph);
	MigRevisionDef *def = &find_node(nodes, culprit.id)->def;

	if (culprit.label != NULL)
		take_out_name(&def->labels, &def->nlabels, culprit.label);
	else if (culprit.reference == NULL)
		def->ndown = def->ndepends = 0;
	else
	{
		take_out_name(&def->down, &def->ndown, culprit.reference);
		take_out_name(&def->depends, &def->ndepends, culprit.reference);
	}
}

/*
 * The names are those of the file, which are written to the registry, or another's.
 */
static void
take_out_name(char ***names, int *n, const char *name)
{
	char	  **left = palloc(sizeof(char *) * Max(*n, 1));
	int			nleft = 0;

	for (int i = 0; i < *n; i++)
	{
		if (strcmp((*names)[i], name) != 0)
			left[nleft++] = (*names)[i];
	}
	*names = left;
	*n = nleft;
}

static GraphNode *
find_node(const GraphNodes *nodes, const char *id)
{
	GraphNode	key = {.def.id = unconstify(char *, id)};

	return bsearch(&key, nodes->nodes, nodes->n, sizeof(GraphNode), compare_nodes);
}

/*
 * The revision that an error is told of: of two with the same label one that is
 * given.  NULL: the error is not about one, as when memory is exhausted.
 */
static const GraphNode *
find_blamed(const GraphNodes *nodes)
{
	MigCulprit	culprit = mig_graph_culprit(nodes->graph);
	const GraphNode *node = culprit.id == NULL ? NULL : find_node(nodes, culprit.id);

	if (node == NULL)
		return NULL;
	return node->given == NULL && culprit.label != NULL ?
		find_node(nodes, culprit.other) : node;
}

static void
add_blamed(void *arg)
{
	const GraphNodes *nodes = arg;
	const GraphNode *blamed = find_blamed(nodes);
	MigRegisterPlace place;

	if (blamed == NULL || blamed->given == NULL ||
		blamed->given->given.revision.line == 0)
		return;
	place.registration = &blamed->given->given;
	place.line = blamed->given->given.revision.key_lines[find_key(nodes, blamed)];
	mig_register_add_context(&place);
}

/*
 * The key of the header that the error is about.
 */
static MigScriptLineKey
find_key(const GraphNodes *nodes, const GraphNode *blamed)
{
	MigCulprit	culprit = mig_graph_culprit(nodes->graph);

	if (culprit.label != NULL)
		return mig_text_in_list(blamed->def.labels, blamed->def.nlabels,
								culprit.label) ?
			MIG_LINE_BRANCH_LABELS : MIG_LINE_REVISION;
	if (culprit.reference == NULL)
		return MIG_LINE_REVISION;
	return mig_text_in_list(blamed->def.down, blamed->def.ndown,
							culprit.reference) ?
		MIG_LINE_DOWN_REVISION : MIG_LINE_DEPENDS_ON;
}
