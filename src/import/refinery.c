/*
 * refinery.c
 *	  Format refinery: files V1__name.sql and U1__name.sql.
 *
 * U is no downgrade: it is a version that may be run after later ones.  Versions
 * are numbers, and there are no downgrades.  A line "-- refinery:noTransaction"
 * says that the file is not run in a transaction.  Programs (V1__name.rs) are no
 * SQL.
 */
#include "postgres.h"

#include "import/import_internal.h"

#define MARK		"refinery:"
#define MARK_TEXT	"refinery:noTransaction"

/* The line that is read, and whether one was the mark. */
typedef struct Mark
{
	MigImportLine line;
	bool		found;
} Mark;

static MigImportMatch recognize(const MigImport *import);
static void read_set(MigImport *import);
static void read_program(MigImport *import, MigImportFile *file);
static void read_file(MigImport *import, MigImportFile *file);
static bool parse_name(const char *name, const char *suffix, char **version,
					   char **title);
static bool read_marks(MigImport *import, MigImportFile *file);
static void read_mark(MigImport *import, MigImportFile *file, void *part);

const MigImportFormat mig_import_refinery = {
	.name = "refinery",
	.table = "refinery_schema_history",
	.recognize = recognize,
	.read = read_set,
	.compare = mig_import_compare_numbers,
	.checksum = mig_checksum_siphash,
	.down_hint = gettext_noop("The format has no downgrades: remove what is one, or word the comment in another way.")
};

/*
 * Without these signs the files are the same as those of Flyway, if no name
 * begins with U.
 */
static MigImportMatch
recognize(const MigImport *import)
{
	ListCell   *cell;

	foreach(cell, import->files)
	{
		const MigImportFile *file = lfirst(cell);
		char	   *version;
		char	   *title;

		if (parse_name(file->name, ".rs", &version, &title))
			return MIG_IMPORT_CERTAIN;
	}
	return mig_import_any_mark(import, MARK) ? MIG_IMPORT_CERTAIN :
		MIG_IMPORT_NO;
}

static void
read_set(MigImport *import)
{
	mig_import_each_file(import, read_program);
	mig_import_each_file(import, read_file);
}

static void
read_program(MigImport *import, MigImportFile *file)
{
	char	   *version;
	char	   *title;

	if (parse_name(file->name, ".rs", &version, &title))
		mig_import_add_program(import, file, version, title, false);
}

static void
read_file(MigImport *import, MigImportFile *file)
{
	MigImportRevision *revision;
	char	   *version;
	char	   *title;

	if (!parse_name(file->name, ".sql", &version, &title))
		return;
	revision = mig_import_add_revision(import, file, version, title);
	revision->script.def.upgrade_per_statement = read_marks(import, file);
	mig_import_set_upgrade(import, revision, file, 0, strlen(file->text));
}

static bool
parse_name(const char *name, const char *suffix, char **version, char **title)
{
	const char *rest;

	if (name[0] != 'V' && name[0] != 'U')
		return false;
	rest = name + 1 + strspn(name + 1, "0123456789");
	if (strncmp(rest, "__", 2) != 0 ||
		!mig_import_split_name(name + 1, suffix, version, title))
		return false;
	/* The second underscore is left. */
	(*title)++;
	return true;
}

/*
 * Whether the file has the mark.  What is wrong with one is kept, and the next is
 * read.
 */
static bool
read_marks(MigImport *import, MigImportFile *file)
{
	Mark		mark = {{0}};

	while (mig_import_next_line(file, &mark.line))
		(void) mig_import_keep_error(import, file, read_mark, &mark);
	return mark.found;
}

static void
read_mark(MigImport *import, MigImportFile *file, void *part)
{
	Mark	   *mark = part;
	const char *rest = mig_import_mark(file, &mark->line, MARK_TEXT);

	mig_import_refuse_indented(file, &mark->line, MARK);
	if (mig_import_mark(file, &mark->line, MARK) == NULL)
		return;
	if (rest == NULL || rest[0] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("mark \"%s\" is not known",
						mig_import_show_line(file, &mark->line)),
				 errhint("The mark is \"-- %s\".", MARK_TEXT),
				 mig_import_errplace(file, mark->line.start)));
	mig_import_blank_line(file, &mark->line);
	mark->found = true;
}
