/*
 * sqlx.c
 *	  Format sqlx: files 20240131120000_name.sql, or a pair that ends with .up.sql
 *	  and .down.sql.
 *
 * Versions are numbers.  A first line "-- no-transaction" says that the file is
 * not run in a transaction.
 */
#include "postgres.h"

#include "import/import_internal.h"

#define MARK		"no-transaction"
#define FIRST_LINE	"-- " MARK

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
static bool begins_with_mark(const MigImportFile *file);
static bool read_mark(MigImportFile *file);

const MigImportFormat mig_import_sqlx = {
	.name = "sqlx",
	.table = "_sqlx_migrations",
	.recognize = recognize,
	.read = read_set,
	.compare = mig_import_compare_numbers
};

/*
 * Pairs of files without the mark are the same as those of golang-migrate.
 */
static MigImportMatch
recognize(const MigImport *import)
{
	MigImportMatch match = MIG_IMPORT_NO;
	ListCell   *cell;

	foreach(cell, import->files)
	{
		const MigImportFile *file = lfirst(cell);
		FileName	name;

		if (!parse_name(file, &name))
			continue;
		if (begins_with_mark(file))
			return MIG_IMPORT_CERTAIN;
		if (!mig_import_is_half(file))
			match = MIG_IMPORT_POSSIBLE;
	}
	return match;
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
	revision->script.def.upgrade_per_statement = read_mark(file);
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
	revision->script.def.downgrade_per_statement = read_mark(file);
	mig_import_set_downgrade(import, revision, file, 0, strlen(file->text));
}

static bool
parse_name(const MigImportFile *file, FileName *name)
{
	static const char *const suffixes[] = {".up.sql", ".down.sql", ".sql"};

	for (int i = 0; i < lengthof(suffixes); i++)
	{
		name->is_down = i == 1;
		if (mig_import_split_name(file->name, suffixes[i], &name->version,
								  &name->title))
			return file->name[strlen(name->version)] == '_';
	}
	return false;
}

static bool
begins_with_mark(const MigImportFile *file)
{
	return strncmp(file->text, FIRST_LINE, strlen(FIRST_LINE)) == 0;
}

/*
 * Whether the file has the mark, which means nothing any more then.  A mark that
 * sqlx would not see is an error.
 */
static bool
read_mark(MigImportFile *file)
{
	bool		result = begins_with_mark(file);
	MigImportLine line = {0};

	if (result)
	{
		mig_import_next_line(file, &line);
		mig_import_blank_line(file, &line);
	}
	while (mig_import_next_line(file, &line))
	{
		const char *rest = mig_import_mark(file, &line, MARK);

		if (rest != NULL && rest[0] == '\0')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("mark \"%s\" does not begin the file", FIRST_LINE),
					 mig_import_errplace(file, line.start)));
	}
	return result;
}
