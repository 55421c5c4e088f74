/*
 * register_files.c
 *	  Registers the revisions of a set of files, all or none.
 *
 * What a script does for its revisions is done for those of files here, with two
 * differences: what is wrong is raised together, also what the registry says
 * about it, and what no file holds can be removed.  So nothing is raised before
 * everything was looked at, and nothing is written before that.
 *
 * Errors are raised and caught without a subtransaction; so the registry is
 * asked first, and what it has said decides in memory.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "graph/graph.h"
#include "registry/registry_internal.h"
#include "run/run.h"
#include "tables/partial.h"

/* The files, and what the registry says about them. */
typedef struct RegisterSet
{
	int			n;
	MigRegistered *revisions;
	MigRepeatableSet *repeatables;
	int			options;		/* MIG_REGISTER_... */
	List	   *errors;
	char	  **ids;			/* of the files, sorted */
	MigGraph   *graph;			/* that is registered */
	MigVersion *version;
	bool		prunes;			/* and the files could be read */
	List	   *removed;		/* ids that no file holds, if it prunes */
	List	   *kept;			/* those of them that cannot be removed, of
								 * which there is an error already */
} RegisterSet;

/* A down revision that is not there. */
typedef struct MissingParent
{
	const char *id;
	const char *by;				/* what has replaced it, or NULL */
} MissingParent;

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

/* Raises the error of a revision, if it has one. */
typedef void (*Refuse) (const RegisterSet *set, const MigRegistered *revision,
						const void *arg);

static void sort_ids(RegisterSet *set);
static bool is_given(const RegisterSet *set, const char *id);
static void read_registry(RegisterSet *set);
static void find_removed(RegisterSet *set);
static void check_changes(RegisterSet *set);
static bool follows_removal(const RegisterSet *set,
							const MigRegistered *revision);
static void check_held(RegisterSet *set, const List *changed, const List *ids);
static void check_parents(RegisterSet *set);
static const char *find_replacement(char *id);
static bool has_parent(const RegisterSet *set, const char *id);
static void try_refuse(RegisterSet *set, Refuse refuse,
					   const MigRegistered *revision, MigScriptLineKey key,
					   const void *arg);
static void refuse_change(const RegisterSet *set, const MigRegistered *revision,
						  const void *arg);
static void refuse_held(const RegisterSet *set, const MigRegistered *revision,
						const void *arg);
static void refuse_removal(const RegisterSet *set, const MigRegistered *revision,
						   const void *arg);
static void refuse_references(const RegisterSet *set,
							  const MigRegistered *revision, const void *arg);
static void refuse_missing(const RegisterSet *set, const MigRegistered *revision,
						   const void *arg);
static void check_graph(RegisterSet *set);
static bool changes_graph(const RegisterSet *set);
static GraphNodes make_nodes(const RegisterSet *set);
static GraphNode make_node(const RegisterSet *set, const MigRegistered *revision);
static void copy_labels(const MigRevisionDef *def, MigRevisionDef *node);
static bool replaces_any(const RegisterSet *set);
static int	compare_nodes(const void *a, const void *b);
static bool try_connect(RegisterSet *set, GraphNodes *nodes);
static void take_out(GraphNodes *nodes);
static void take_out_name(char ***names, int *n, const char *name);
static GraphNode *find_node(const GraphNodes *nodes, const char *id);
static const GraphNode *find_blamed(const GraphNodes *nodes);
static void add_blamed(void *arg);
static MigScriptLineKey find_key(const GraphNodes *nodes,
								 const GraphNode *blamed);
static MigRegisterChange *write_all(RegisterSet *set, int *nchanges);

/*
 * Registers revisions, which may refer to each other in any order.  errors: what
 * was found wrong with the files before.  Raises all errors at once.  Returns
 * what was done to each, in the order given, and then to those removed.
 */
MigRegisterChange *
mig_register_files(MigScriptRevision *given, int n, int options,
				   List *errors, int *nchanges)
{
	ErrorContextCallback *callbacks = error_context_stack;
	RegisterSet set = {.options = options, .errors = errors};
	MigRegisterChange *changes;

	/* What called us is no part of where an error is. */
	error_context_stack = NULL;
	set.repeatables = mig_repeatable_set_read(given, &n, &set.errors);
	set.n = n;
	set.revisions = mig_register_check(given, n, options, &set.errors);
	error_context_stack = callbacks;

	mig_lock_registry();
	sort_ids(&set);
	read_registry(&set);

	error_context_stack = NULL;
	check_changes(&set);
	check_parents(&set);
	if (changes_graph(&set))
		check_graph(&set);
	mig_repeatable_set_check(set.repeatables, set.prunes, &set.errors);
	error_context_stack = callbacks;
	if (set.errors != NIL)
		mig_register_warn_left_out(set.revisions, set.n);
	mig_script_error_raise(set.errors, true);
	if (set.repeatables->n > 0 || set.prunes)
		mig_repeatable_set_compare(set.repeatables, set.prunes);
	changes = write_all(&set, nchanges);
	mig_register_warn(set.revisions, set.n);
	mig_register_warn_renamed(set.revisions, set.n, set.ids);
	return changes;
}

/*
 * Adds to the errors of a script those of what its revisions refer to.  The
 * registry is locked.
 */
List *
mig_register_check_references(MigRegistered *revisions, int n,
							  MigRepeatableSet *repeatables, List *errors)
{
	ErrorContextCallback *callbacks = error_context_stack;
	RegisterSet set = {n, revisions, repeatables, .errors = errors};

	/* Of what they replace one cannot tell yet whether it stays. */
	if (errors == NIL && replaces_any(&set))
		return NIL;
	sort_ids(&set);
	set.graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	error_context_stack = NULL;
	check_parents(&set);
	check_graph(&set);
	mig_repeatable_set_check(repeatables, false, &set.errors);
	error_context_stack = callbacks;
	return set.errors;
}

static bool
replaces_any(const RegisterSet *set)
{
	for (int i = 0; i < set->n; i++)
	{
		if (set->revisions[i].given.revision.def.nreplaces > 0)
			return true;
	}
	return false;
}

static void
sort_ids(RegisterSet *set)
{
	set->ids = palloc(sizeof(char *) * Max(set->n, 1));
	for (int i = 0; i < set->n; i++)
		set->ids[i] = set->revisions[i].given.revision.def.id;
	qsort(set->ids, set->n, sizeof(char *), pg_qsort_strcmp);
}

static bool
is_given(const RegisterSet *set, const char *id)
{
	return bsearch(&id, set->ids, set->n, sizeof(char *), pg_qsort_strcmp) != NULL;
}

/*
 * What the registry says about each revision.
 */
static void
read_registry(RegisterSet *set)
{
	bool		changes = false;

	mig_squash_check_replaced(set->revisions, set->n, &set->errors);
	if (set->errors == NIL)
		mig_squash_apply(set->revisions, set->n);
	for (int i = 0; i < set->n; i++)
	{
		MigRegistered *revision = &set->revisions[i];

		CHECK_FOR_INTERRUPTS();
		if (revision->failed)
			continue;
		mig_register_compare(revision);
		changes = changes || revision->differs != NULL;
	}

	set->graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	/* Of files that could not be read one cannot tell what they do not hold. */
	set->prunes = (set->options & MIG_REGISTER_PRUNE) && set->errors == NIL;
	if (set->prunes)
		find_removed(set);
	if (!changes && set->removed == NIL)
		return;
	if ((set->options & MIG_REGISTER_REPLACE) || set->removed != NIL)
		mig_lock_bodies();
	set->version = mig_version_open(MIG_SPI_READ_LATEST);
}

static void
find_removed(RegisterSet *set)
{
	MigRevList	all = mig_history_list(set->graph, NULL, 0, NULL);

	for (int i = 0; i < all.n; i++)
	{
		const char *id = mig_graph_id(set->graph, all.rev[i]);

		if (!is_given(set, id))
			set->removed = lappend(set->removed, pstrdup(id));
	}
}

/*
 * Adds an error for each change that must not be made.
 */
static void
check_changes(RegisterSet *set)
{
	bool	   *applied;
	List	   *changed = NIL;
	List	   *ids = NIL;

	if (set->version == NULL)
		return;
	applied = mig_register_applied(set->version, set->graph);
	for (int i = 0; i < set->n; i++)
	{
		MigRegistered *revision = &set->revisions[i];
		bool		follows;

		if (revision->failed || revision->differs == NULL)
			continue;
		revision->applied = applied[mig_graph_find(set->graph,
												   revision->revision.def.id)];
		revision->partial = mig_partial_holder(revision->revision.def.id);
		follows = follows_removal(set, revision);
		/* Of one that is applied the removal is the error. */
		if (revision->applied && follows)
			continue;
		if (revision->applied || revision->partial != NULL ||
			!(follows || (set->options & MIG_REGISTER_REPLACE)))
			try_refuse(set, refuse_change, revision, MIG_LINE_REVISION, NULL);
		else
		{
			changed = lappend(changed, revision);
			ids = lappend(ids, revision->revision.def.id);
		}
	}
	check_held(set, changed, list_concat(ids, set->removed));
}

/*
 * Whether a revision differs from the registered one in its down revisions alone,
 * and one of those is removed: that it is to be built on something else is what
 * the removal means.
 */
static bool
follows_removal(const RegisterSet *set, const MigRegistered *revision)
{
	const MigRevision *old;
	MigRevision new = revision->revision;
	ListCell   *cell;

	if (set->removed == NIL || revision->differs != mig_definition_down_differs)
		return false;
	old = mig_revision_find(new.def.id);
	new.def.ndown = old->def.ndown;
	new.def.down = old->def.down;
	if (mig_definition_difference(old, &new) != NULL)
		return false;
	foreach(cell, set->removed)
	{
		if (mig_text_in_list(old->def.down, old->def.ndown, lfirst(cell)))
			return true;
	}
	return false;
}

/*
 * The same for what any other version table says.  ids: of what is changed, and
 * then of what is removed.
 */
static void
check_held(RegisterSet *set, const List *changed, const List *ids)
{
	MigRegisterHolder *holders;
	ListCell   *cell;

	if (ids == NIL)
		return;
	holders = mig_register_holders(set->version, set->graph, ids);
	foreach(cell, ids)
	{
		int			i = foreach_current_index(cell);
		MigRegistered gone = {.given.revision.def.id = lfirst(cell)};

		if (i < list_length(changed))
			try_refuse(set, refuse_held, list_nth(changed, i), MIG_LINE_REVISION,
					   &holders[i]);
		else
		{
			int			nerrors = list_length(set->errors);

			gone.given.revision.number = set->n + i;
			try_refuse(set, refuse_removal, &gone, MIG_LINE_REVISION, &holders[i]);
			if (list_length(set->errors) > nerrors)
				set->kept = lappend(set->kept, lfirst(cell));
		}
	}
}

/*
 * Adds an error for each down revision that is neither given nor registered, or
 * would be removed.  Of a file that could not be read they are not known.
 */
static void
check_parents(RegisterSet *set)
{
	for (int i = 0; i < set->n; i++)
	{
		const MigRegistered *revision = &set->revisions[i];
		const MigRevisionDef *def = &revision->revision.def;

		CHECK_FOR_INTERRUPTS();
		if (revision->given.revision.failed)
			continue;
		try_refuse(set, refuse_references, revision, MIG_LINE_DOWN_REVISION, NULL);
		for (int k = 0; k < def->ndown; k++)
		{
			MissingParent missing = {.id = def->down[k]};

			if (has_parent(set, def->down[k]) || mig_text_is_listed(set->kept, def->down[k]) ||
				mig_text_in_list(def->down, k, def->down[k]))
				continue;
			missing.by = find_replacement(def->down[k]);
			try_refuse(set, refuse_missing, revision, MIG_LINE_DOWN_REVISION, &missing);
		}
	}
}

/*
 * The revision that has replaced another one, or NULL.
 */
static const char *
find_replacement(char *id)
{
	char	   *replaced;
	char	   *by;

	mig_revision_replaced(&id, 1, &replaced, &by);
	return by;
}

static bool
has_parent(const RegisterSet *set, const char *id)
{
	return is_given(set, id) ||
		(mig_graph_find(set->graph, id) >= 0 && !set->prunes);
}

static void
try_refuse(RegisterSet *set, Refuse refuse, const MigRegistered *revision,
		   MigScriptLineKey key, const void *arg)
{
	MigRegisterPlace place = {
		&revision->given, revision->given.revision.key_lines[key]
	};
	MemoryContext context = CurrentMemoryContext;
	List	   *volatile errors = set->errors;
	ErrorContextCallback callback;

	callback.callback = mig_register_add_context;
	callback.arg = &place;
	callback.previous = error_context_stack;
	PG_TRY();
	{
		if (revision->given.revision.line > 0)
			error_context_stack = &callback;
		refuse(set, revision, arg);
	}
	PG_CATCH();
	{
		errors = mig_script_error_add(errors, revision->given.revision.number,
									  context);
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
	set->errors = errors;
}

static void
refuse_change(const RegisterSet *set, const MigRegistered *revision,
			  const void *arg)
{
	mig_register_refuse(revision, set->version);
}

static void
refuse_held(const RegisterSet *set, const MigRegistered *revision,
			const void *arg)
{
	mig_register_refuse_held(revision->revision.def.id, arg);
}

static void
refuse_removal(const RegisterSet *set, const MigRegistered *revision,
			   const void *arg)
{
	const MigRegisterHolder *holder = arg;
	const char *id = revision->given.revision.def.id;

	if (holder->applied != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" is applied, and no file holds it", id),
				 errdetail("It is applied according to version table \"%s\".",
						   holder->applied->name),
				 errhint("Restore its file, or downgrade it first. Without prune => true nothing is removed.")));
	mig_register_refuse_held(id, holder);
}

static void
refuse_references(const RegisterSet *set, const MigRegistered *revision,
				  const void *arg)
{
	mig_definition_check_references(&revision->revision.def, true);
}

static void
refuse_missing(const RegisterSet *set, const MigRegistered *revision,
			   const void *arg)
{
	const MissingParent *missing = arg;
	const char *id = revision->revision.def.id;
	bool		would_remove = mig_graph_find(set->graph, missing->id) >= 0;

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 missing->by != NULL ?
			 errmsg("down revision \"%s\" of revision \"%s\" is replaced by revision \"%s\"",
					missing->id, id, missing->by) :
			 errmsg("down revision \"%s\" of revision \"%s\" does not exist",
					missing->id, id),
			 missing->by != NULL ? 0 :
			 would_remove ?
			 errdetail("It is registered, but no file holds it, and prune => true would remove it.") :
			 revision->given.revision.file == NULL ?
			 errdetail("It is neither registered nor in the script. Down revisions are full ids.") :
			 errdetail("It is neither registered nor in one of the files. Down revisions are full ids."),
			 missing->by != NULL ?
			 errhint("migrate_export() writes the files as they are since then.") :
			 would_remove ?
			 errhint("Restore its file, or name another down revision. Without prune => true nothing is removed.") :
			 revision->given.revision.file == NULL ?
			 errhint("Correct the id, or register all in one script.") :
			 errhint("Correct the id, or give the file of that revision, too.")));
}

/*
 * Adds the errors of the graph that the revisions would make with those that stay:
 * names that are used twice, dependencies that do not exist, and cycles.  One hides
 * no other, and causes none: it is told, taken out, and the rest is looked at.
 */
static void
check_graph(RegisterSet *set)
{
	GraphNodes	nodes = make_nodes(set);

	for (int i = 0; i < MAX_GRAPH_ERRORS; i++)
	{
		if (!try_connect(set, &nodes))
			return;
	}
}

static bool
changes_graph(const RegisterSet *set)
{
	for (int i = 0; i < set->n; i++)
	{
		if (set->revisions[i].failed ||
			set->revisions[i].result != MIG_REGISTER_UNCHANGED)
			return true;
	}
	return set->removed != NIL;
}

static GraphNodes
make_nodes(const RegisterSet *set)
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
		if (!is_given(set, old[i].id))
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
make_node(const RegisterSet *set, const MigRegistered *revision)
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
		if (has_parent(set, def->down[i]) &&
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
try_connect(RegisterSet *set, GraphNodes *nodes)
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

		errors = mig_script_error_add(errors, blamed->given == NULL ? set->n :
									  blamed->given->given.revision.number,
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
 * given.
 */
static const GraphNode *
find_blamed(const GraphNodes *nodes)
{
	MigCulprit	culprit = mig_graph_culprit(nodes->graph);
	const GraphNode *node = find_node(nodes, culprit.id);

	return node->given == NULL && culprit.label != NULL ?
		find_node(nodes, culprit.other) : node;
}

static void
add_blamed(void *arg)
{
	const GraphNodes *nodes = arg;
	const GraphNode *blamed = find_blamed(nodes);
	MigRegisterPlace place;

	if (blamed->given == NULL || blamed->given->given.revision.line == 0)
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

/*
 * Writes all changes, and says what they were.
 */
static MigRegisterChange *
write_all(RegisterSet *set, int *nchanges)
{
	const MigRepeatableSet *repeatables = set->repeatables;
	MigRegisterChange *changes = palloc(sizeof(MigRegisterChange) *
										(set->n + list_length(set->removed) + 1 +
										 repeatables->n +
										 list_length(repeatables->removed)));
	int			n = 0;
	bool		changed = set->removed != NIL;
	ListCell   *cell;

	/* First, so that its names are free. */
	foreach(cell, set->removed)
	{
		MigRegistered gone = {.revision.def.id = lfirst(cell),
		.result = MIG_REGISTER_REMOVED};

		mig_register_write(&gone);
	}
	for (int i = 0; i < set->n; i++)
	{
		const MigRegistered *revision = &set->revisions[i];

		CHECK_FOR_INTERRUPTS();
		mig_register_write(revision);
		changed = changed || revision->result != MIG_REGISTER_UNCHANGED;
		changes[n++] = (MigRegisterChange)
		{
			revision->given.revision.file, revision->revision.def.id, revision->result
		};
	}
	foreach(cell, set->removed)
		changes[n++] = (MigRegisterChange)
	{
		NULL, lfirst(cell), MIG_REGISTER_REMOVED
	};
	if (changed)
		mig_register_check_graph();
	mig_repeatable_set_write(repeatables);
	for (int i = 0; i < repeatables->n; i++)
		changes[n++] = (MigRegisterChange)
	{
		repeatables->given[i].revision.file, repeatables->repeatables[i].name,
			repeatables->results[i]
	};
	foreach(cell, repeatables->removed)
		changes[n++] = (MigRegisterChange)
	{
		NULL, lfirst(cell), MIG_REGISTER_REMOVED
	};
	*nchanges = n;
	return changes;
}
