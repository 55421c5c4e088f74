/*
 * golang_migrate.c
 *	  Format golang-migrate: a file for each body.
 *
 * Names are 0001_name.up.sql and 0001_name.down.sql, or as other tools have them:
 * 0001_name_up.sql, and up.sql and down.sql in a folder 0001_name (Hasura).
 * Versions are numbers.
 */
#include "postgres.h"

#include "import/import_internal.h"

/* What a name of a file says. */
typedef struct FileName
{
	char	   *version;
	char	   *title;
	bool		is_down;
} FileName;

static MigImportMatch recognize(const MigImport *import);
static void read_set(MigImport *import);
static void read_up(MigImport *import, MigImportFile *file);
static void read_down(MigImport *import, MigImportFile *file);
static bool parse_name(const MigImportFile *file, FileName *name);

const MigImportFormat mig_import_golang_migrate = {
	.name = "golang-migrate",
	.table = "schema_migrations",
	.recognize = recognize,
	.read = read_set,
	.compare = mig_import_compare_numbers
};

/*
 * Other tools have files for each body, too, and more: they are preferred where
 * that shows.
 */
static MigImportMatch
recognize(const MigImport *import)
{
	ListCell   *cell;

	foreach(cell, import->files)
	{
		const MigImportFile *file = lfirst(cell);
		FileName	name;

		if (parse_name(file, &name))
			return MIG_IMPORT_POSSIBLE;
	}
	return MIG_IMPORT_NO;
}

/*
 * The upgrades first: they are the revisions.
 */
static void
read_set(MigImport *import)
{
	mig_import_each_file(import, read_up);
	mig_import_each_file(import, read_down);
}

static void
read_up(MigImport *import, MigImportFile *file)
{
	MigImportRevision *revision;
	FileName	name;

	if (!parse_name(file, &name) || name.is_down)
		return;
	revision = mig_import_add_revision(import, file, name.version, name.title);
	mig_import_set_upgrade(import, revision, file, 0, strlen(file->text));
}

static void
read_down(MigImport *import, MigImportFile *file)
{
	MigImportRevision *revision;
	FileName	name;

	if (!parse_name(file, &name) || !name.is_down)
		return;
	revision = mig_import_find_upgrade(import, file, name.version);
	mig_import_set_downgrade(import, revision, file, 0, strlen(file->text));
}

static bool
parse_name(const MigImportFile *file, FileName *name)
{
	static const char *const suffixes[] = {
		".up.sql", ".down.sql", "_up.sql", "_down.sql"
	};

	for (int i = 0; i < lengthof(suffixes); i++)
	{
		name->is_down = i % 2 == 1;
		if (mig_import_split_name(file->name, suffixes[i], &name->version,
								  &name->title))
			return true;
	}
	name->is_down = strcmp(file->name, "down.sql") == 0;
	return (name->is_down || strcmp(file->name, "up.sql") == 0) &&
		mig_import_split_name(file->folder, "", &name->version, &name->title);
}
