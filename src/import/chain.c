/*
 * chain.c
 *	  Makes a chain of the versions of a tool.
 *
 * A tool that keeps a set of versions runs a version that comes late, below
 * others.  A row of a version table says that everything below it is applied, so
 * such a revision is put behind those that are registered: what is registered
 * keeps its down revisions, and new revisions follow in the tool's order.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "graph/graph.h"
#include "import/import_internal.h"
#include "tables/source.h"

/* A revision on its way into the chain. */
typedef struct ChainLink
{
	MigImportRevision *revision;
	int			position;		/* in the tool's order */
	int			rank;			/* among what is registered, the oldest first;
								 * -1: it is not */
} ChainLink;

/* Whether two revisions cannot both be there. */
typedef bool (*Same) (const MigImport *import,
					  const MigImportRevision *revision,
					  const MigImportRevision *other);

static MigImportRevision **sort_by_version(MigImport *import);
static int	compare_versions(const void *a, const void *b, void *arg);
static MigImportRevision **copy_revisions(const MigImport *import);
static int	compare_ids(const void *a, const void *b);
static bool same_id(const MigImport *import, const MigImportRevision *revision,
					const MigImportRevision *other);
static bool same_version(const MigImport *import,
						 const MigImportRevision *revision,
						 const MigImportRevision *other);
static void refuse_twice(MigImport *import, MigImportRevision **revisions,
						 int n, Same same);
static void refuse_other(const MigImportRevision *revision,
						 const MigImportRevision *other);
static ChainLink *make_links(MigImportRevision **revisions, int n,
							 const MigGraph *graph);
static int	compare_links(const void *a, const void *b);
static bool is_registered(const MigImport *import, const MigGraph *graph);
static bool keep_parents(const MigImport *import, MigRevisionDef *def);
static bool is_in_set(const MigImport *import, const char *id);

/*
 * Sets the down revision of each revision, and puts them in that order.  The
 * registry is locked.
 */
void
mig_import_make_chain(MigImport *import)
{
	int			n = list_length(import->revisions);
	MigGraph   *graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	ChainLink  *links = make_links(sort_by_version(import), n, graph);
	int			latest = -1;

	if (n > 0 && links[0].rank < 0 && !import->request->prune &&
		is_registered(import, graph))
		import->apart = links[0].revision->script.def.id;
	for (int i = 0; i < n; i++)
	{
		MigRevisionDef *def = &links[i].revision->script.def;

		CHECK_FOR_INTERRUPTS();
		lfirst(list_nth_cell(import->revisions, i)) = links[i].revision;
		if (links[i].rank < 0 && links[i].position < latest)
			import->moved = lappend(import->moved, def->id);
		latest = Max(latest, links[i].position);
		if ((links[i].rank >= 0 && keep_parents(import, def)) || i == 0)
			continue;
		def->ndown = 1;
		def->down = palloc(sizeof(char *));
		def->down[0] = links[i - 1].revision->script.def.id;
	}
}

/*
 * The revisions in the tool's order, in which they may be; an error is added for
 * each that has the version of another.
 */
static MigImportRevision **
sort_by_version(MigImport *import)
{
	int			n = list_length(import->revisions);
	MigImportRevision **revisions = copy_revisions(import);

	if (import->format->ordered)
		return revisions;
	qsort_arg(revisions, n, sizeof(MigImportRevision *), compare_versions,
			  unconstify(MigImportFormat *, import->format));
	refuse_twice(import, revisions, n, same_version);
	return revisions;
}

/*
 * By version, then as the files were given.
 */
static int
compare_versions(const void *a, const void *b, void *arg)
{
	const MigImportRevision *left = *(MigImportRevision *const *) a;
	const MigImportRevision *right = *(MigImportRevision *const *) b;
	const MigImportFormat *format = arg;
	int			order = format->compare(left->version, right->version);

	return order != 0 ? order : left->script.number - right->script.number;
}

/*
 * Adds an error for each revision that has the id of another: those of some
 * versions are the same.
 */
void
mig_import_check_ids(MigImport *import)
{
	int			n = list_length(import->revisions);
	MigImportRevision **revisions = copy_revisions(import);

	qsort(revisions, n, sizeof(MigImportRevision *), compare_ids);
	refuse_twice(import, revisions, n, same_id);
}

static MigImportRevision **
copy_revisions(const MigImport *import)
{
	int			n = list_length(import->revisions);
	MigImportRevision **revisions = palloc(sizeof(MigImportRevision *) * Max(n, 1));

	for (int i = 0; i < n; i++)
		revisions[i] = list_nth(import->revisions, i);
	return revisions;
}

static int
compare_ids(const void *a, const void *b)
{
	const MigImportRevision *left = *(MigImportRevision *const *) a;
	const MigImportRevision *right = *(MigImportRevision *const *) b;
	int			order = strcmp(left->script.def.id, right->script.def.id);

	return order != 0 ? order : left->script.number - right->script.number;
}

static bool
same_id(const MigImport *import, const MigImportRevision *revision,
		const MigImportRevision *other)
{
	return strcmp(revision->script.def.id, other->script.def.id) == 0 &&
		!same_version(import, revision, other);
}

static bool
same_version(const MigImport *import, const MigImportRevision *revision,
			 const MigImportRevision *other)
{
	return import->format->compare != NULL &&
		import->format->compare(revision->version, other->version) == 0;
}

/*
 * Adds an error for each of the sorted revisions that is the same as the one
 * before.
 */
static void
refuse_twice(MigImport *import, MigImportRevision **revisions, int n,
			 Same same)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorContextCallback *callbacks = error_context_stack;

	for (int i = 1; i < n; i++)
	{
		List	   *volatile errors = import->errors;

		if (!same(import, revisions[i], revisions[i - 1]))
			continue;
		error_context_stack = NULL;
		PG_TRY();
		{
			refuse_other(revisions[i], revisions[i - 1]);
		}
		PG_CATCH();
		{
			errors = mig_script_error_add(errors, revisions[i]->script.number,
										  context);
		}
		PG_END_TRY();
		error_context_stack = callbacks;
		import->errors = errors;
		revisions[i]->script.failed = true;
	}
}

static void
refuse_other(const MigImportRevision *revision,
			 const MigImportRevision *other)
{
	MigScriptSource source = {.body = "", .file = revision->script.file,
	.line = revision->script.line};

	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 strcmp(revision->script.def.id, other->script.def.id) == 0 &&
			 strcmp(revision->version, other->version) != 0 ?
			 errmsg("version \"%s\" has the same id as version \"%s\"",
					revision->version, other->version) :
			 errmsg("version \"%s\" is given twice", revision->version),
			 errdetail("The other one is in file \"%s\".", other->script.file),
			 errcontext("%s", mig_script_place(&source, 0))));
}

/*
 * What is registered comes first, in the order of the registry.
 */
static ChainLink *
make_links(MigImportRevision **revisions, int n, const MigGraph *graph)
{
	ChainLink  *links = palloc(sizeof(ChainLink) * Max(n, 1));
	MigRevList	history = mig_history_list(graph, NULL, 0, NULL);
	int			size = 0;
	int		   *ranks;

	for (int i = 0; i < history.n; i++)
		size = Max(size, history.rev[i] + 1);
	ranks = palloc(sizeof(int) * Max(size, 1));
	/* The newest comes first there. */
	for (int i = 0; i < history.n; i++)
		ranks[history.rev[i]] = history.n - i;
	for (int i = 0; i < n; i++)
	{
		int			rev = mig_graph_find(graph, revisions[i]->script.def.id);

		links[i] = (ChainLink)
		{
			revisions[i], i, rev >= 0 ? ranks[rev] : -1
		};
	}
	qsort(links, n, sizeof(ChainLink), compare_links);
	return links;
}

static int
compare_links(const void *a, const void *b)
{
	const ChainLink *left = a;
	const ChainLink *right = b;

	if ((left->rank < 0) != (right->rank < 0))
		return left->rank < 0 ? 1 : -1;
	return left->rank != right->rank ? left->rank - right->rank :
		left->position - right->position;
}

/*
 * Whether files of the format were registered before.  These here may be another
 * project's, or the last ones of the same, which the format does not tell.
 */
static bool
is_registered(const MigImport *import, const MigGraph *graph)
{
	int			nsources;
	MigSource  *sources = mig_source_list(&nsources);

	for (int i = 0; i < nsources; i++)
	{
		if (strcmp(sources[i].format, import->format->name) == 0 &&
			mig_graph_find(graph, sources[i].revision) >= 0)
			return true;
	}
	return false;
}

/*
 * Gives a registered revision the down revisions that it has, unless one of them
 * is about to be removed.
 */
static bool
keep_parents(const MigImport *import, MigRevisionDef *def)
{
	const MigRevision *registered = mig_revision_find(def->id);

	if (registered == NULL)
		return false;
	for (int i = 0; i < registered->def.ndown; i++)
	{
		if (import->request->prune && !is_in_set(import, registered->def.down[i]))
			return false;
	}
	def->ndown = registered->def.ndown;
	def->down = registered->def.down;
	return true;
}

static bool
is_in_set(const MigImport *import, const char *id)
{
	ListCell   *cell;

	foreach(cell, import->revisions)
	{
		const MigImportRevision *revision = lfirst(cell);

		if (strcmp(revision->script.def.id, id) == 0)
			return true;
	}
	return false;
}
