/*
 * dbmate.c
 *	  Format dbmate: files 20240131120000_name.sql with the marks
 *	  "-- migrate:up" and "-- migrate:down".
 *
 * Behind a mark may be the option transaction:false.  The versions are run in the
 * order of their text.
 */
#include "postgres.h"

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
} Sections;

static MigImportMatch recognize(const MigImport *import);
static void read_set(MigImport *import);
static void read_file(MigImport *import, MigImportFile *file);
static void find_sections(const MigImportFile *file, Sections *sections);
static void find_section(const MigImportFile *file, const MigImportLine *line,
						 const char *mark, MigImportLine *section,
						 const char **options);
static bool read_options(const MigImportFile *file, const MigImportLine *mark,
						 const char *options);

const MigImportFormat mig_import_dbmate = {
	.name = "dbmate",
	.table = "schema_migrations",
	.recognize = recognize,
	.read = read_set,
	.compare = strcmp
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
	find_sections(file, &sections);
	if (sections.up.next == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("file has no line \"-- %s\"", MARK_UP),
				 mig_import_errplace(file, 0)));
	if (mig_script_skip_gap(file->text, 0) < sections.up.start)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("file has SQL before its line \"-- %s\"", MARK_UP),
				 mig_import_errplace(file, mig_script_skip_gap(file->text, 0))));

	revision = mig_import_add_revision(import, file, version, title);
	revision->script.def.upgrade_per_statement =
		!read_options(file, &sections.up, sections.up_options);
	mig_import_set_upgrade(import, revision, file, sections.up.next,
						   sections.down.next > 0 ? sections.down.start :
						   (int) strlen(file->text));
	if (sections.down.next == 0)
		return;
	revision->script.def.downgrade_per_statement =
		!read_options(file, &sections.down, sections.down_options);
	mig_import_set_downgrade(import, revision, file, sections.down.next,
							 strlen(file->text));
}

static void
find_sections(const MigImportFile *file, Sections *sections)
{
	MigImportLine line = {0};

	while (mig_import_next_line(file, &line))
	{
		mig_import_refuse_indented(file, &line, MARK);
		if (mig_import_mark(file, &line, MARK) != NULL &&
			mig_import_mark(file, &line, MARK_UP) == NULL &&
			mig_import_mark(file, &line, MARK_DOWN) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("mark \"-- %s%s\" is not known", MARK,
							mig_import_mark(file, &line, MARK)),
					 mig_import_errplace(file, line.start)));
		find_section(file, &line, MARK_UP, &sections->up, &sections->up_options);
		find_section(file, &line, MARK_DOWN, &sections->down,
					 &sections->down_options);
		if (sections->down.next > 0 && sections->up.next == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"-- %s\" comes before \"-- %s\"", MARK_DOWN, MARK_UP),
					 mig_import_errplace(file, line.start)));
	}
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
 * Whether the section is one transaction.
 */
static bool
read_options(const MigImportFile *file, const MigImportLine *mark,
			 const char *options)
{
	bool		transaction = true;

	if (options[0] != '\0' &&
		!mig_script_line_transaction(options, &transaction))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" is not known", options),
				 errhint("Nothing but \"transaction:false\" may follow."),
				 mig_import_errplace(file, mark->start)));
	return transaction;
}
