/*
 * import.c
 *	  Registers files, those of other tools, too: from the files to the registry.
 *
 * What is wrong with the files is collected, and raised together in the end with
 * what the registry says about them.  Everything until then works in memory, so
 * that errors can be caught without a subtransaction; the server's files are read
 * before.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "import/adopt_internal.h"
#include "import/import_internal.h"
#include "run/run.h"
#include "tables/source.h"

static MigRegisterChange *register_files(MigImport *import, int *nchanges);
static bool has_sources(const MigImport *import);
static char *find_adoptable(const MigImport *import);
static void report_adoptable(const MigImport *import, const char *table);
pg_noreturn static void refuse_empty(const MigImport *import);
static void read_files(MigImport *import);
static void note_sources(const MigImport *import);
static int	register_options(const MigImport *import);
static MigScriptRevision *list_revisions(const MigImport *import);

/*
 * Registers files that a client has read.  Contents may be null of files that no
 * format needs to read.
 */
MigRegisterChange *
mig_import_files(const MigImportRequest *request, char **paths, int npaths,
				 char **contents, int ncontents, int *nchanges)
{
	MigImport	import = {.request = request};

	if (npaths != ncontents)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("arguments \"paths\" and \"contents\" have different lengths"),
				 errdetail("There are %d paths and %d contents.",
						   npaths, ncontents)));
	for (int i = 0; i < npaths; i++)
		mig_import_add_file(&import, paths[i], contents[i]);
	return register_files(&import, nchanges);
}

/*
 * Registers files that are one text, with a line "-- file: path" before each.
 */
MigRegisterChange *
mig_import_bundle(const MigImportRequest *request, const char *bundle,
				  int *nchanges)
{
	MigImport	import = {.request = request};

	mig_import_split_bundle(&import, bundle);
	return register_files(&import, nchanges);
}

/*
 * Registers the files of a directory of the server, which the caller may read.
 */
MigRegisterChange *
mig_import_directory(const MigImportRequest *request, const char *directory,
					 int *nchanges)
{
	MigImport	import = {.request = request};

	mig_import_read_directory(&import, directory);
	return register_files(&import, nchanges);
}

static MigRegisterChange *
register_files(MigImport *import, int *nchanges)
{
	MigRegisterChange *changes;
	char	   *adoptable;
	bool		named;			/* which files are the format's says their
								 * name */

	read_files(import);
	/* Otherwise an error can be why a file is not used. */
	named = import->format->compare != NULL;
	mig_lock_registry();
	if (import->format->compare != NULL || import->format->ordered)
		mig_import_make_chain(import);
	/* Those of our own files were looked at when they were read. */
	if (import->format != &mig_import_migrate)
		mig_import_check_ids(import);
	if (named)
		mig_import_report_left_out(import);
	if (import->errors == NIL && import->revisions == NIL &&
		import->repeatables == NIL)
		refuse_empty(import);
	changes = mig_register_files(list_revisions(import),
								 list_length(import->revisions) +
								 list_length(import->repeatables),
								 register_options(import), import->errors,
								 nchanges);
	adoptable = find_adoptable(import);
	note_sources(import);
	if (!named)
		mig_import_report_left_out(import);
	mig_import_report(import, changes, *nchanges);
	if (adoptable != NULL)
		report_adoptable(import, adoptable);
	return changes;
}

/*
 * Whether revisions are registered from files of that format.
 */
static bool
has_sources(const MigImport *import)
{
	int			nsources;
	MigSource  *sources = mig_source_list(&nsources);

	for (int i = 0; i < nsources; i++)
	{
		if (strcmp(sources[i].format, import->format->name) == 0)
			return true;
	}
	return false;
}

/*
 * The version table of the tool, if these are the first files of the format, of which
 * nothing can be applied here yet; or NULL.
 */
static char *
find_adoptable(const MigImport *import)
{
	char	   *table = import->revisions == NIL ? NULL :
	mig_adopt_find_written(import->format->name);

	return table == NULL || has_sources(import) ? NULL : table;
}

static void
report_adoptable(const MigImport *import, const char *table)
{
	const char *format = import->format->name;

	ereport(NOTICE,
			(errmsg("version table \"%s\" of %s is in this database", table, format),
			 errdetail("What it says is applied, a run would execute again."),
			 errhint("SELECT * FROM migrate_adopt('%s') stamps that.", format)));
}

/*
 * Raises the error that the files, if there are any, have no revision: with the line
 * that was probably meant to begin one.
 */
static void
refuse_empty(const MigImport *import)
{
	const MigImportFile *file = NULL;
	const char *comment = NULL;
	int			offset;
	ListCell   *cell;

	foreach(cell, import->files)
	{
		file = lfirst(cell);
		comment = mig_import_find_comment(file, NULL, mig_mark_is_header, &offset);
		if (comment != NULL)
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("files contain no revision"),
			 file == NULL ? errdetail("There are no files.") :
			 errdetail_plural("File \"%s\" was read as format \"%s\".",
							  "File \"%s\" and others were read as format \"%s\".",
							  list_length(import->files),
							  ((MigImportFile *) linitial(import->files))->path,
							  import->format->name),
			 comment != NULL ?
			 errhint("Comment \"%s\" was probably meant to be a line \"-- revision: <id>\" of format \"migrate\".",
					 comment) :
			 file != NULL && (!mig_import_names_format(import) ||
							  import->format->compare == NULL) ?
			 errhint("If they are of another format, name it with the argument \"format\".") :
			 file != NULL ?
			 errhint("No file has a name as files of this format have it, with a version. Rename the files, or name another format.") : 0,
			 comment != NULL ? mig_import_errplace(file, offset) : 0));
}

static void
read_files(MigImport *import)
{
	ErrorContextCallback *callbacks = error_context_stack;

	import->format = mig_import_choose_format(import);
	mig_import_check_options(import);
	/* What called us is no part of where an error is. */
	error_context_stack = NULL;
	import->format->read(import);
	error_context_stack = callbacks;
}

/*
 * Notes what the tool knows of its files, for the day when its table is adopted.
 */
static void
note_sources(const MigImport *import)
{
	int			n = list_length(import->revisions);
	MigSource  *sources = palloc(sizeof(MigSource) * Max(n, 1));

	if (import->format == &mig_import_migrate)
		return;
	for (int i = 0; i < n; i++)
	{
		const MigImportRevision *revision = list_nth(import->revisions, i);

		CHECK_FOR_INTERRUPTS();
		sources[i] = (MigSource)
		{
			revision->script.def.id, import->format->name, revision->version,
				mig_import_checksums(import->format, revision)
		};
	}
	mig_source_put(sources, n);
}

static int
register_options(const MigImport *import)
{
	const MigImportRequest *request = import->request;
	bool		foreign = import->format != &mig_import_migrate;
	int			options = 0;

	if (request->replace)
		options |= MIG_REGISTER_REPLACE;
	if (request->prune)
		options |= MIG_REGISTER_PRUNE;
	/* No tool has ever parsed the downgrades of its files. */
	if (mig_import_option_is_true(request, "skip_invalid_downgrade", foreign))
		options |= MIG_REGISTER_SKIP_DOWNGRADE;
	return options;
}

static MigScriptRevision *
list_revisions(const MigImport *import)
{
	MigScriptRevision *revisions = palloc_extended(sizeof(MigScriptRevision) *
												   (list_length(import->revisions) +
													list_length(import->repeatables) + 1),
												   MCXT_ALLOC_HUGE);
	ListCell   *cell;

	foreach(cell, import->revisions)
		revisions[foreach_current_index(cell)] =
		((MigImportRevision *) lfirst(cell))->script;
	foreach(cell, import->repeatables)
		revisions[list_length(import->revisions) + foreach_current_index(cell)] =
		((MigImportRevision *) lfirst(cell))->script;
	return revisions;
}
