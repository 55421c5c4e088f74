/*
 * goose.c
 *	  Format goose: files 0001_name.sql with the marks "-- +goose Up" and
 *	  "-- +goose Down".
 *
 * Between StatementBegin and StatementEnd is one statement, which may lack its
 * semicolon.  With NO TRANSACTION each statement is a transaction.  Versions are
 * numbers.  Programs (0001_name.go) are no SQL.
 *
 * Marks inside of a body are overwritten: they mean nothing any more.
 */
#include "postgres.h"

#include "import/import_internal.h"

#define MARK			"+goose"

/* What a mark says. */
typedef enum GooseMark
{
	GOOSE_NONE,
	GOOSE_UP,
	GOOSE_DOWN,
	GOOSE_BEGIN,
	GOOSE_END,
	GOOSE_NO_TRANSACTION,
	GOOSE_ENVSUB_ON,
	GOOSE_ENVSUB_OFF
} GooseMark;

static const struct
{
	const char *text;
	GooseMark	mark;
}			marks[] =

{
	{"Up", GOOSE_UP},
	{"Down", GOOSE_DOWN},
	{"StatementBegin", GOOSE_BEGIN},
	{"StatementEnd", GOOSE_END},
	{"NO TRANSACTION", GOOSE_NO_TRANSACTION},
	{"ENVSUB ON", GOOSE_ENVSUB_ON},
	{"ENVSUB OFF", GOOSE_ENVSUB_OFF}
};

/* What the marks of a file have said so far. */
typedef struct Sections
{
	MigImportLine up;			/* next is 0: none */
	MigImportLine down;
	bool		in_statement;
	int			statement_start;	/* the mark's line, if in one */
	bool		no_transaction;
	bool		has_unknown;	/* or misplaced marks, of which one may be
								 * what is missing */
	bool		unreadable;		/* errors of the bodies would follow from one
								 * of the marks */
	const MigImportLine *line;	/* that is read */
} Sections;

static MigImportMatch recognize(const MigImport *import);
static void read_set(MigImport *import);
static void read_program(MigImport *import, MigImportFile *file);
static void read_file(MigImport *import, MigImportFile *file);
static void read_marks(MigImport *import, MigImportFile *file,
					   Sections *sections);
static void read_line(MigImport *import, MigImportFile *file, void *part);
static void check_begin(MigImport *import, MigImportFile *file, void *part);
static void check_end(MigImport *import, MigImportFile *file, void *part);
static GooseMark read_mark(const MigImportFile *file, const MigImportLine *line,
						   Sections *sections);
static void apply_mark(MigImportFile *file, const MigImportLine *line,
					   GooseMark mark, Sections *sections);
static void begin_section(const MigImportFile *file, const MigImportLine *line,
						  Sections *sections, bool is_down);
static void end_statement(MigImportFile *file, const MigImportLine *line,
						  Sections *sections);

const MigImportFormat mig_import_goose = {
	.name = "goose",
	.table = "goose_db_version",
	.recognize = recognize,
	.read = read_set,
	.compare = mig_import_compare_numbers,
	.down_hint = gettext_noop("Write \"-- +goose Down\" at the start of a line, or word the comment in another way."),
	.has_marks = true
};

static MigImportMatch
recognize(const MigImport *import)
{
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

	if (mig_import_split_name(file->name, ".go", &version, &title) &&
		!mig_import_has_suffix(file->name, "_test.go"))
		mig_import_add_program(import, file, version, title, true);
}

static void
read_file(MigImport *import, MigImportFile *file)
{
	MigImportRevision *revision;
	Sections	sections = {{0}};
	char	   *version;
	char	   *title;
	bool		has_down;

	if (!mig_import_split_name(file->name, ".sql", &version, &title))
		return;
	read_marks(import, file, &sections);
	/* Where its bodies are is not known, of which there is an error. */
	if (sections.up.next == 0)
		return;
	has_down = sections.down.next > 0;
	revision = mig_import_add_revision(import, file, version, title);
	revision->script.failed = sections.unreadable;
	revision->script.def.upgrade_per_statement = sections.no_transaction;
	mig_import_set_upgrade(import, revision, file, sections.up.next,
						   has_down ? sections.down.start :
						   (int) strlen(file->text));
	if (!has_down)
		return;
	revision->script.def.downgrade_per_statement = sections.no_transaction;
	mig_import_set_downgrade(import, revision, file, sections.down.next,
							 strlen(file->text));
}

/*
 * What is wrong with a mark is kept, and the next one is read.
 */
static void
read_marks(MigImport *import, MigImportFile *file, Sections *sections)
{
	MigImportLine line = {0};

	while (mig_import_next_line(file, &line))
	{
		sections->line = &line;
		if (mig_import_keep_error(import, file, read_line, sections))
			continue;
		mig_import_blank_line(file, &line);
		/* It was meant to end the statement, if it is in one. */
		if (sections->in_statement)
			file->text[line.start] = ';';
		sections->in_statement = false;
	}
	if (sections->up.next == 0)
	{
		mig_import_refuse_missing(file, MARK, MARK " Up", sections->has_unknown);
		return;
	}
	if (!sections->has_unknown)
		(void) mig_import_keep_error(import, file, check_begin, sections);
	if (!mig_import_keep_error(import, file, check_end, sections))
		sections->unreadable = true;
}

static void
read_line(MigImport *import, MigImportFile *file, void *part)
{
	Sections   *sections = part;
	GooseMark	mark = read_mark(file, sections->line, sections);

	mig_import_refuse_indented(file, sections->line, MARK);
	if (mark != GOOSE_NONE)
		apply_mark(file, sections->line, mark, sections);
}

static void
check_begin(MigImport *import, MigImportFile *file, void *part)
{
	const Sections *sections = part;

	mig_import_refuse_before(file, sections->up.start, MARK " Up");
}

static void
check_end(MigImport *import, MigImportFile *file, void *part)
{
	const Sections *sections = part;

	if (sections->in_statement)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- %s StatementBegin\" has no StatementEnd", MARK),
				 mig_import_errplace(file, sections->statement_start)));
}

static GooseMark
read_mark(const MigImportFile *file, const MigImportLine *line, Sections *sections)
{
	const char *text = mig_import_mark(file, line, MARK);

	if (text == NULL)
		return GOOSE_NONE;
	for (int i = 0; i < lengthof(marks); i++)
	{
		if (pg_strcasecmp(text, marks[i].text) == 0)
			return marks[i].mark;
	}
	sections->has_unknown = true;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("mark \"%s\" is not known", mig_import_show_line(file, line)),
			 errhint("The marks are Up, Down, StatementBegin, StatementEnd, NO TRANSACTION and ENVSUB OFF."),
			 mig_import_errplace(file, line->start)));
}

static void
apply_mark(MigImportFile *file, const MigImportLine *line, GooseMark mark,
		   Sections *sections)
{
	switch (mark)
	{
		case GOOSE_UP:
		case GOOSE_DOWN:
			begin_section(file, line, sections, mark == GOOSE_DOWN);
			break;
		case GOOSE_BEGIN:
			mig_import_blank_line(file, line);
			sections->in_statement = true;
			sections->statement_start = line->start;
			break;
		case GOOSE_END:
			end_statement(file, line, sections);
			break;
		case GOOSE_NO_TRANSACTION:
			mig_import_blank_line(file, line);
			sections->no_transaction = true;
			break;
		case GOOSE_ENVSUB_ON:
			sections->unreadable = true;
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("environment variables are not substituted in files"),
					 errhint("Give the text that they make, or use current_setting()."),
					 mig_import_errplace(file, line->start)));
			break;
		case GOOSE_ENVSUB_OFF:
			mig_import_blank_line(file, line);
			break;
		case GOOSE_NONE:
			break;
	}
}

static void
begin_section(const MigImportFile *file, const MigImportLine *line,
			  Sections *sections, bool is_down)
{
	MigImportLine *section = is_down ? &sections->down : &sections->up;

	if (section->next > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- %s %s\" is given twice", MARK, is_down ? "Down" : "Up"),
				 mig_import_errplace(file, line->start)));
	if (is_down && sections->up.next == 0 && sections->has_unknown)
		return;
	if (is_down && sections->up.next == 0)
	{
		sections->has_unknown = true;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- %s Down\" comes before \"-- %s Up\"", MARK, MARK),
				 mig_import_errplace(file, line->start)));
	}
	*section = *line;
}

/*
 * The mark's line becomes a semicolon.
 */
static void
end_statement(MigImportFile *file, const MigImportLine *line,
			  Sections *sections)
{
	if (!sections->in_statement && !sections->has_unknown)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- %s StatementEnd\" has no StatementBegin", MARK),
				 mig_import_errplace(file, line->start)));
	sections->in_statement = false;
	mig_import_blank_line(file, line);
	file->text[line->start] = ';';
}
