/*
 * export.c
 *	  Writes the registered revisions as files of the file format.
 *
 * A file is named by where its revision is in the graph, by its id and by its
 * message.  Nothing of these changes when other revisions come behind or beside
 * it, so that an export into the same directory changes no name.
 */
#include "postgres.h"

#include <ctype.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "graph/graph.h"
#include "registry/registry.h"
#include "tables/repeatable.h"
#include "tables/version.h"

/* The only format so far. */
#define FORMAT			"migrate"

#define SUFFIX			".sql"

/* Characters of an id and of a message in the name of a file. */
#define ID_LENGTH		64
#define SLUG_LENGTH		40

/* Characters of the hash that makes an id unique that a name cannot hold. */
#define HASH_DIGITS		8

/* A revision on its way into a file. */
typedef struct ExportItem
{
	int			rev;
	int			depth;
} ExportItem;

static void write_repeatable(const MigRepeatable *repeatable,
							 MigExportFile *file);
static void part_paths(MigExportFile *files, int n);
static int	compare_paths(const void *a, const void *b);
static bool has_several_bases(const MigGraph *graph);
static MigRevList read_range(const MigGraph *graph, const char *range);
static ExportItem *sort_revisions(const MigGraph *graph, MigRevList revs);
static int	compare_items(const void *a, const void *b);
static char *file_name(int depth, const MigRevisionDef *def);
static char *safe_id(const char *id);
static char *slug(const char *message);
static bool is_plain(char c);

/*
 * The files of a range as in migrate_history(), in an order in which their
 * revisions can be applied, in the current memory context.  NULL: all there are,
 * repeatables too.
 */
MigExportFile *
mig_export(const char *range, const char *format, int *nfiles)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "migrate export",
												  ALLOCSET_DEFAULT_SIZES);
	MigGraph   *graph;
	MigRevList	revs;
	ExportItem *items;
	MigRepeatable *repeatables = NULL;
	int			nrepeatables = 0;
	bool		says_base;
	MigExportFile *files;

	if (strcmp(format, FORMAT) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized format \"%s\"", format),
				 errhint("Files are written in format \"%s\".", FORMAT)));
	graph = mig_revision_graph(MIG_SPI_READ_CALLER);
	says_base = has_several_bases(graph);
	revs = read_range(graph, range);
	items = sort_revisions(graph, revs);

	if (range == NULL)
		repeatables = mig_repeatable_list(NULL, true, MIG_SPI_READ_CALLER,
										  &nrepeatables);

	files = palloc_extended(sizeof(MigExportFile) * Max(revs.n + nrepeatables, 1),
							MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < revs.n; i++)
	{
		char	   *id = unconstify(char *, mig_graph_id(graph, items[i].rev));
		MemoryContext caller = MemoryContextSwitchTo(context);
		const MigRevisionDef *def = &mig_revision_describe(&id, 1, true)->def;
		char	   *text = mig_script_write(def, false, says_base);

		MemoryContextSwitchTo(caller);
		files[i].id = mig_graph_id(graph, items[i].rev);
		files[i].path = file_name(items[i].depth, def);
		files[i].content = pstrdup(text);
		MemoryContextReset(context);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextDelete(context);
	for (int i = 0; i < nrepeatables; i++)
		write_repeatable(&repeatables[i], &files[revs.n + i]);
	*nfiles = revs.n + nrepeatables;
	part_paths(files, *nfiles);
	return files;
}

/*
 * The words of one revision may be in the id of another: then the text makes each
 * path a path of its own.  Some file systems take letters for the same whatever
 * their case.
 */
static void
part_paths(MigExportFile *files, int n)
{
	MigExportFile **sorted = palloc_extended(sizeof(MigExportFile *) * Max(n, 1),
											 MCXT_ALLOC_HUGE);
	bool		same = false;

	for (int i = 0; i < n; i++)
		sorted[i] = &files[i];
	qsort(sorted, n, sizeof(MigExportFile *), compare_paths);
	for (int i = 0; i < n; i++)
	{
		bool		before = same;

		same = i < n - 1 && compare_paths(&sorted[i], &sorted[i + 1]) == 0;
		if (before || same)
			sorted[i]->shares_path = true;
	}
	for (int i = 0; i < n; i++)
	{
		int			length = strlen(files[i].path) - strlen(SUFFIX);

		if (files[i].shares_path)
			files[i].path = psprintf("%.*s_%s" SUFFIX, length, files[i].path,
									 mig_text_hash(files[i].id));
	}
	pfree(sorted);
}

static int
compare_paths(const void *a, const void *b)
{
	return pg_strcasecmp((*(MigExportFile *const *) a)->path,
						 (*(MigExportFile *const *) b)->path);
}

/*
 * Repeatables have no place in the graph: their files come behind the others.
 */
static void
write_repeatable(const MigRepeatable *repeatable, MigExportFile *file)
{
	MigRevisionDef def = {
		.id = repeatable->name,
		.ndepends = repeatable->ndepends,
		.depends = repeatable->depends,
		.message = repeatable->message,
		.allow = repeatable->allow,
		.upgrade = repeatable->body
	};

	file->id = repeatable->name;
	file->path = psprintf("repeatable_%s" SUFFIX, safe_id(repeatable->name));
	file->content = mig_script_write(&def, true, false);
}

static bool
has_several_bases(const MigGraph *graph)
{
	MigRevList	all = mig_history_list(graph, NULL, 0, NULL);
	int			nbases = 0;

	for (int i = 0; i < all.n; i++)
	{
		const int  *down;

		nbases += mig_graph_down(graph, all.rev[i], &down) == 0;
	}
	return nbases > 1;
}

/*
 * Rows that name no revision matter only where the range counts from them.
 */
static MigRevList
read_range(const MigGraph *graph, const char *range)
{
	MigVersion *version;

	if (range == NULL)
		return mig_history_list(graph, NULL, 0, NULL);
	version = mig_version_open(MIG_SPI_READ_CALLER);
	mig_version_read(version, MIG_SPI_READ_CALLER);
	return mig_history_list(graph, range,
							mig_graph_known_rows(graph, version->nrows,
												 version->rows),
							version->rows);
}

/*
 * By depth, so that each comes behind what it needs.
 */
static ExportItem *
sort_revisions(const MigGraph *graph, MigRevList revs)
{
	int		   *depths = mig_graph_depths(graph);
	ExportItem *items = palloc_extended(sizeof(ExportItem) * Max(revs.n, 1),
										MCXT_ALLOC_HUGE);

	for (int i = 0; i < revs.n; i++)
		items[i] = (ExportItem)
	{
		revs.rev[i], depths[revs.rev[i]]
	};
	qsort(items, revs.n, sizeof(ExportItem), compare_items);
	return items;
}

/*
 * Then as the graph has them, which is by id.
 */
static int
compare_items(const void *a, const void *b)
{
	const ExportItem *left = a;
	const ExportItem *right = b;

	return left->depth != right->depth ? left->depth - right->depth :
		left->rev - right->rev;
}

/*
 * DEPTH_ID_words_of_the_message.sql: letters, digits and the like, and nothing
 * that a file system or a shell takes for something else.
 */
static char *
file_name(int depth, const MigRevisionDef *def)
{
	char	   *words = slug(def->message == NULL ? "" : def->message);

	return psprintf("%06d_%s%s%s" SUFFIX, depth, safe_id(def->id),
					words[0] == '\0' ? "" : "_", words);
}

static char *
safe_id(const char *id)
{
	char	   *safe = pstrdup(id);
	bool		changed = strlen(id) > ID_LENGTH;

	if (changed)
		safe[ID_LENGTH] = '\0';
	for (char *c = safe; *c != '\0'; c++)
	{
		if (is_plain(*c) || *c == '.' || *c == '_')
			continue;
		*c = '_';
		changed = true;
	}
	return changed ? psprintf("%s_%.*s", safe, HASH_DIGITS, mig_text_hash(id)) : safe;
}

/*
 * The first words, as pg_migrate writes them into the name of a new file.
 */
static char *
slug(const char *message)
{
	char	   *words = palloc0(SLUG_LENGTH + 1);
	int			length = 0;

	for (const char *c = message; *c != '\0' && length < SLUG_LENGTH; c++)
	{
		if (is_plain(*c))
			words[length++] = pg_ascii_tolower((unsigned char) *c);
		else if (length > 0 && words[length - 1] != '_')
			words[length++] = '_';
	}
	while (length > 0 && words[length - 1] == '_')
		length--;
	words[length] = '\0';
	return words;
}

/*
 * Letters and digits of ASCII.
 */
static bool
is_plain(char c)
{
	return !IS_HIGHBIT_SET(c) && isalnum((unsigned char) c);
}
