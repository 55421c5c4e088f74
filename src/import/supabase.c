/*
 * supabase.c
 *	  Format supabase: files 20240131120000_name.sql in a folder "migrations".
 *
 * The versions are run in the order of their text.  There are no downgrades, and
 * no marks.  Other folders beside it hold schemas, seeds and tests.
 */
#include "postgres.h"

#include "import/import_internal.h"

#define FOLDER			"migrations"
#define PATH			"supabase/" FOLDER "/"

/* Digits of a time, which is what the tool's versions are. */
#define VERSION_DIGITS	14

static MigImportMatch recognize(const MigImport *import);
static void read_set(MigImport *import);
static void read_file(MigImport *import, MigImportFile *file);
static bool parse_name(const MigImportFile *file, char **version, char **title);
static bool is_in_project(const MigImportFile *file);

const MigImportFormat mig_import_supabase = {
	.name = "supabase",
	.table = "schema_migrations",
	.recognize = recognize,
	.read = read_set,
	.compare = strcmp,
	.down_hint = gettext_noop("The format has no downgrades: remove what is one, or word the comment in another way.")
};

/*
 * Without their path the files look like those of other tools.
 */
static MigImportMatch
recognize(const MigImport *import)
{
	MigImportMatch match = MIG_IMPORT_NO;
	ListCell   *cell;

	foreach(cell, import->files)
	{
		const MigImportFile *file = lfirst(cell);
		char	   *version;
		char	   *title;

		if (!parse_name(file, &version, &title))
			continue;
		if (is_in_project(file))
			return MIG_IMPORT_CERTAIN;
		if (strlen(version) == VERSION_DIGITS && !mig_import_is_half(file))
			match = MIG_IMPORT_POSSIBLE;
	}
	return match;
}

static void
read_set(MigImport *import)
{
	mig_import_each_file(import, read_file);
}

static void
read_file(MigImport *import, MigImportFile *file)
{
	MigImportRevision *revision;
	char	   *version;
	char	   *title;

	if (!parse_name(file, &version, &title))
		return;
	revision = mig_import_add_revision(import, file, version, title);
	mig_import_set_upgrade(import, revision, file, 0, strlen(file->text));
}

static bool
parse_name(const MigImportFile *file, char **version, char **title)
{
	return (file->folder[0] == '\0' || strcmp(file->folder, FOLDER) == 0) &&
		mig_import_split_name(file->name, ".sql", version, title) &&
		file->name[strlen(*version)] == '_';
}

/*
 * Whether the path is that of the tool's projects.
 */
static bool
is_in_project(const MigImportFile *file)
{
	int			length = file->name - file->path;
	int			start = length - (int) strlen(PATH);

	return start >= 0 && strncmp(file->path + start, PATH, strlen(PATH)) == 0 &&
		(start == 0 || file->path[start - 1] == '/');
}
