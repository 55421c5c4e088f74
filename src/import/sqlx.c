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

static MigImportMatch recognize(const MigImport *import);
static bool parse_name(const MigImportFile *file, MigImportName *name);
static bool begins_with_mark(const MigImportFile *file);
static bool read_mark(MigImport *import, MigImportFile *file);
static void refuse_mark(MigImport *import, MigImportFile *file, void *part);

const MigImportFormat mig_import_sqlx = {
	.name = "sqlx",
	.table = "_sqlx_migrations",
	.recognize = recognize,
	.read = mig_import_read_halves,
	.compare = mig_import_compare_numbers,
	.parse_name = parse_name,
	.per_statement = read_mark,
	.checksum = mig_checksum_sha384,
	.down_hint = gettext_noop("Put the downgrade into a file \"<version>_<name>.down.sql\" beside \"<version>_<name>.up.sql\", or word the comment in another way.")
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
		MigImportName name;

		if (!parse_name(file, &name))
			continue;
		if (begins_with_mark(file))
			return MIG_IMPORT_CERTAIN;
		if (!mig_import_is_half(file))
			match = MIG_IMPORT_POSSIBLE;
	}
	return match;
}

static bool
parse_name(const MigImportFile *file, MigImportName *name)
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
read_mark(MigImport *import, MigImportFile *file)
{
	bool		result = begins_with_mark(file);
	MigImportLine line = {0};

	if (result)
	{
		mig_import_next_line(file, &line);
		mig_import_blank_line(file, &line);
	}
	while (mig_import_next_line(file, &line))
		(void) mig_import_keep_error(import, file, refuse_mark, &line);
	return result;
}

static void
refuse_mark(MigImport *import, MigImportFile *file, void *part)
{
	const MigImportLine *line = part;
	const char *rest = mig_import_mark(file, line, MARK);

	if (rest != NULL && rest[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("mark \"%s\" does not begin the file", FIRST_LINE),
				 errhint("Put it into the first line, or remove it."),
				 mig_import_errplace(file, line->start)));
}
