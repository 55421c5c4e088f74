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

static MigImportMatch recognize(const MigImport *import);
static bool parse_name(const MigImportFile *file, MigImportName *name);

const MigImportFormat mig_import_golang_migrate = {
	.name = "golang-migrate",
	.table = "schema_migrations",
	.recognize = recognize,
	.read = mig_import_read_halves,
	.compare = mig_import_compare_numbers,
	.parse_name = parse_name,
	.down_hint = gettext_noop("Put the downgrade into a file \"<version>_<name>.down.sql\", or word the comment in another way.")
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
		MigImportName name;

		if (parse_name(file, &name))
			return MIG_IMPORT_POSSIBLE;
	}
	return MIG_IMPORT_NO;
}

static bool
parse_name(const MigImportFile *file, MigImportName *name)
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
