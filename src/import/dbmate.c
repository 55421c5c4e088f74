/*
 * dbmate.c
 *	  Format dbmate: files 20240131120000_name.sql with the marks
 *	  "-- migrate:up" and "-- migrate:down".
 *
 * Behind a mark may be the option transaction:false.  The versions are run in the
 * order of their text.
 */
#include "postgres.h"

#include <ctype.h>

#include "import/import_internal.h"

#define MARK			"migrate:"
#define MARK_UP			"migrate:up"
#define MARK_DOWN		"migrate:down"

/* Where the two bodies of a file are. */
typedef struct Sections
{
	MigImportLine up;			/* their marks; next is 0: none */
	MigImportLine down;
	const char *up_options;
	const char *down_options;
	bool		has_unknown;	/* or misplaced marks, of which one may be
								 * what is missing */
	bool		per_statement;	/* the section whose options were read */
	const MigImportLine *line;	/* that is read */
} Sections;

static MigImportMatch recognize(const MigImport *import);
static void read_set(MigImport *import);
static void read_file(MigImport *import, MigImportFile *file);
static void find_sections(MigImport *import, MigImportFile *file,
						  Sections *sections);
static void read_line(MigImport *import, MigImportFile *file, void *part);
pg_noreturn static void refuse_mark(const MigImportFile *file,
									const MigImportLine *line);
static void check_begin(MigImport *import, MigImportFile *file, void *part);
static void find_section(const MigImportFile *file, const MigImportLine *line,
						 const char *mark, MigImportLine *section,
						 const char **options);
static void read_options(MigImport *import, MigImportFile *file, void *part);

const MigImportFormat mig_import_dbmate = {
	.name = "dbmate",
	.table = "schema_migrations",
	.recognize = recognize,
	.read = read_set,
	.compare = strcmp,
	.down_hint = gettext_noop("Write \"-- migrate:down\" at the start of a line, or word the comment in another way."),
	.has_marks = true
};

/*
 * Our own format has the same marks.
 */
static MigImportMatch
recognize(const MigImport *import)
{
	return mig_import_any_mark(import, MARK_UP) && !mig_import_is_own(import) ?
		MIG_IMPORT_CERTAIN : MIG_IMPORT_NO;
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
	Sections	sections = {{0}};
	char	   *version;
	char	   *title;

	if (!mig_import_split_name(file->name, ".sql", &version, &title))
		return;
	find_sections(import, file, &sections);
	/* Where its bodies are is not known, of which there is an error. */
	if (sections.up.next == 0)
		return;
	revision = mig_import_add_revision(import, file, version, title);
	sections.line = &sections.up;
	(void) mig_import_keep_error(import, file, read_options, &sections);
	revision->script.def.upgrade_per_statement = sections.per_statement;
	mig_import_set_upgrade(import, revision, file, sections.up.next,
						   sections.down.next > 0 ? sections.down.start :
						   (int) strlen(file->text));
	if (sections.down.next == 0)
		return;
	sections.line = &sections.down;
	(void) mig_import_keep_error(import, file, read_options, &sections);
	revision->script.def.downgrade_per_statement = sections.per_statement;
	mig_import_set_downgrade(import, revision, file, sections.down.next,
							 strlen(file->text));
}

/*
 * What is wrong with a mark is kept, and the next one is read.
 */
static void
find_sections(MigImport *import, MigImportFile *file, Sections *sections)
{
	MigImportLine line = {0};

	while (mig_import_next_line(file, &line))
	{
		sections->line = &line;
		if (!mig_import_keep_error(import, file, read_line, sections))
			mig_import_blank_line(file, &line);
	}
	if (sections->up.next == 0)
	{
		mig_import_refuse_missing(file, MARK, MARK_UP, sections->has_unknown);
		return;
	}
	if (!sections->has_unknown)
		(void) mig_import_keep_error(import, file, check_begin, sections);
}

static void
read_line(MigImport *import, MigImportFile *file, void *part)
{
	Sections   *sections = part;
	const MigImportLine *line = sections->line;
	const char *mark = mig_import_mark(file, line, MARK);

	mig_import_refuse_indented(file, line, MARK);
	if (mark != NULL && mig_import_mark(file, line, MARK_UP) == NULL &&
		mig_import_mark(file, line, MARK_DOWN) == NULL)
	{
		sections->has_unknown = true;
		refuse_mark(file, line);
	}
	find_section(file, line, MARK_UP, &sections->up, &sections->up_options);
	if (sections->up.next == 0 && sections->has_unknown)
		return;
	if (sections->up.next == 0 && mig_import_mark(file, line, MARK_DOWN) != NULL)
	{
		sections->has_unknown = true;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- %s\" comes before \"-- %s\"", MARK_DOWN, MARK_UP),
				 mig_import_errplace(file, line->start)));
	}
	find_section(file, line, MARK_DOWN, &sections->down, &sections->down_options);
}

static void
refuse_mark(const MigImportFile *file, const MigImportLine *line)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("mark \"%s\" is not known", mig_import_show_line(file, line)),
			 errhint("The marks are \"-- %s\" and \"-- %s\".", MARK_UP, MARK_DOWN),
			 mig_import_errplace(file, line->start)));
}

static void
check_begin(MigImport *import, MigImportFile *file, void *part)
{
	const Sections *sections = part;

	mig_import_refuse_before(file, sections->up.start, MARK_UP);
}

static void
find_section(const MigImportFile *file, const MigImportLine *line,
			 const char *mark, MigImportLine *section, const char **options)
{
	const char *rest = mig_import_mark(file, line, mark);

	if (rest == NULL)
		return;
	if (section->next > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- %s\" is given twice", mark),
				 mig_import_errplace(file, line->start)));
	*section = *line;
	*options = rest;
}

/*
 * Whether each statement of the section that begins with the line is a transaction.
 */
static void
read_options(MigImport *import, MigImportFile *file, void *part)
{
	Sections   *sections = part;
	const char *options = sections->line == &sections->up ?
	sections->up_options : sections->down_options;
	const char *mark = sections->line == &sections->up ? MARK_UP : MARK_DOWN;
	const char *given = mig_import_mark(file, sections->line, "");
	bool		transaction = true;

	sections->per_statement = false;
	if (isalnum((unsigned char) given[strlen(mark)]))
		refuse_mark(file, sections->line);
	if (options[0] != '\0' &&
		!mig_script_line_transaction(options, &transaction))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" is not known", options),
				 errhint("Nothing but \"transaction:false\" may follow."),
				 mig_import_errplace(file, sections->line->start)));
	sections->per_statement = !transaction;
}
