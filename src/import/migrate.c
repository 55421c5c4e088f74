/*
 * migrate.c
 *	  Format migrate: our own files, as migrate_register_script() reads them.
 */
#include "postgres.h"

#include "import/import_internal.h"

#define MARK		"revision:"
#define REPEATABLE	"repeatable:"
#define SECTION		"migrate:"

static MigImportMatch recognize(const MigImport *import);
static void read_set(MigImport *import);

const MigImportFormat mig_import_migrate = {
	.name = "migrate",
	.recognize = recognize,
	.read = read_set
};

static MigImportMatch
recognize(const MigImport *import)
{
	return mig_import_is_own(import) ? MIG_IMPORT_CERTAIN : MIG_IMPORT_NO;
}

/*
 * Whether a file is of this format, whose section lines dbmate has, too: it has a
 * revision or a repeatable, or a key in front of its first section.  A misspelled
 * key is to be an error, and not to give the file another format.
 */
bool
mig_import_is_own(const MigImport *import)
{
	ListCell   *cell;

	foreach(cell, import->files)
	{
		const MigImportFile *file = lfirst(cell);
		MigImportLine line = {0};

		if (mig_import_has_mark(file, MARK) || mig_import_has_mark(file, REPEATABLE))
			return true;
		if (!mig_import_has_mark(file, SECTION))
			continue;
		while (mig_import_next_line(file, &line) &&
			   mig_import_mark(file, &line, SECTION) == NULL)
		{
			if (mig_import_mark(file, &line, "") != NULL &&
				mig_mark_is_key(pnstrdup(file->text + line.start,
										 line.end - line.start)))
				return true;
		}
	}
	return false;
}

/*
 * The revisions name their down revisions themselves.  A file can hold several, or
 * none, and lines that name other files.
 */
static void
read_set(MigImport *import)
{
	int			n = 0;
	MigScriptFile *files = palloc(sizeof(MigScriptFile) *
								  Max(list_length(import->files), 1));
	MigScriptRevision *revisions;
	int			nrevisions;
	ListCell   *cell;

	foreach(cell, import->files)
	{
		MigImportFile *file = lfirst(cell);

		file->used = mig_import_has_mark(file, MARK) ||
			mig_import_has_mark(file, REPEATABLE);
		if (file->used || (file->text != NULL &&
						   mig_import_has_suffix(file->name, ".sql")))
			files[n++] = (MigScriptFile)
		{
			file->path, file->text
		};
	}
	revisions = mig_script_files_parse(files, n, &nrevisions, &import->errors);
	for (int i = 0; i < nrevisions; i++)
	{
		MigImportRevision *revision = palloc0(sizeof(MigImportRevision));

		revision->script = revisions[i];
		revision->version = revisions[i].def.id;
		if (revisions[i].repeatable)
			import->repeatables = lappend(import->repeatables, revision);
		else
			import->revisions = lappend(import->revisions, revision);
	}
}
