/*
 * node_pg_migrate.c
 *	  Format node-pg-migrate: files 1391877300255_name.sql with the marks "-- Up
 *	  Migration" and "-- Down Migration".
 *
 * Without marks all of a file is the upgrade.  Where the bodies are files of their
 * own, these are 1391877300255_name.up.sql and .down.sql.  Versions are
 * milliseconds since 1970, or seventeen digits of a date and time.  Programs
 * (1391877300255_name.js) are no SQL.
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/datetime.h"

#include "import/import_internal.h"

/* Digits of a date and time with milliseconds. */
#define DATE_DIGITS		17

/* Where the marks of a file are; next is 0: none. */
typedef struct Sections
{
	MigImportLine up;
	MigImportLine down;
	const MigImportLine *line;	/* that is read */
} Sections;

static MigImportMatch recognize(const MigImport *import);
static void read_set(MigImport *import);
static void read_program(MigImport *import, MigImportFile *file);
static void read_up(MigImport *import, MigImportFile *file);
static void read_down(MigImport *import, MigImportFile *file);
static void find_sections(MigImport *import, MigImportFile *file,
						  Sections *sections);
static void read_line(MigImport *import, MigImportFile *file, void *part);
static void check_begin(MigImport *import, MigImportFile *file, void *part);
static bool is_mark(const MigImportFile *file, const MigImportLine *line,
					const char *direction);
static void keep_mark(const MigImportFile *file, const MigImportLine *line,
					  MigImportLine *section);
static int	section_end(const MigImportFile *file, const MigImportLine *section,
						const MigImportLine *other);
static int	compare(const char *version, const char *other);
static int64 read_time(const char *version);
static int	read_digits(const char *text, int from, int n);

const MigImportFormat mig_import_node_pg_migrate = {
	.name = "node-pg-migrate",
	.table = "pgmigrations",
	.recognize = recognize,
	.read = read_set,
	.compare = compare,
	.down_hint = gettext_noop("Write \"-- Down Migration\", or word the comment in another way."),
	.has_marks = true
};

static MigImportMatch
recognize(const MigImport *import)
{
	ListCell   *cell;

	foreach(cell, import->files)
	{
		const MigImportFile *file = lfirst(cell);
		MigImportLine line = {0};

		while (file->text != NULL && mig_import_next_line(file, &line))
		{
			if (is_mark(file, &line, "up"))
				return MIG_IMPORT_CERTAIN;
		}
	}
	return MIG_IMPORT_NO;
}

static void
read_set(MigImport *import)
{
	mig_import_each_file(import, read_program);
	mig_import_each_file(import, read_up);
	mig_import_each_file(import, read_down);
}

static void
read_program(MigImport *import, MigImportFile *file)
{
	static const char *const suffixes[] = {".js", ".cjs", ".mjs", ".ts"};
	char	   *version;
	char	   *title;

	for (int i = 0; i < lengthof(suffixes); i++)
	{
		if (mig_import_split_name(file->name, suffixes[i], &version, &title))
			mig_import_add_program(import, file, version, title, true);
	}
}

static void
read_up(MigImport *import, MigImportFile *file)
{
	MigImportRevision *revision;
	Sections	sections = {{0}};
	char	   *version;
	char	   *title;

	if (mig_import_has_suffix(file->name, ".down.sql") ||
		(!mig_import_split_name(file->name, ".up.sql", &version, &title) &&
		 !mig_import_split_name(file->name, ".sql", &version, &title)))
		return;
	find_sections(import, file, &sections);
	revision = mig_import_add_revision(import, file, version, title);
	mig_import_set_upgrade(import, revision, file, sections.up.next,
						   section_end(file, &sections.up, &sections.down));
	if (sections.down.next > 0)
		mig_import_set_downgrade(import, revision, file, sections.down.next,
								 section_end(file, &sections.down, &sections.up));
}

static void
read_down(MigImport *import, MigImportFile *file)
{
	MigImportRevision *revision;
	char	   *version;
	char	   *title;

	if (!mig_import_split_name(file->name, ".down.sql", &version, &title))
		return;
	revision = mig_import_find_upgrade(import, file, version);
	mig_import_set_downgrade(import, revision, file, 0, strlen(file->text));
}

/*
 * What is before both marks the tool does not run.  What is wrong with a mark is kept,
 * and the next one is read.
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
	if (sections->up.next == 0 && sections->down.next > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("file has no line \"-- Up Migration\""),
				 mig_import_errplace(file, sections->down.start)));
	(void) mig_import_keep_error(import, file, check_begin, sections);
}

static void
read_line(MigImport *import, MigImportFile *file, void *part)
{
	Sections   *sections = part;

	if (is_mark(file, sections->line, "up"))
		keep_mark(file, sections->line, &sections->up);
	else if (is_mark(file, sections->line, "down"))
		keep_mark(file, sections->line, &sections->down);
}

static void
check_begin(MigImport *import, MigImportFile *file, void *part)
{
	const Sections *sections = part;
	int			start = sections->up.start;

	if (sections->down.next > 0)
		start = Min(start, sections->down.start);
	mig_import_refuse_before(file, start, "Up Migration");
}

/*
 * The tool takes any dashes and white space in front, and any case.
 */
static bool
is_mark(const MigImportFile *file, const MigImportLine *line,
		const char *direction)
{
	const char *at = file->text + line->start;
	int			length = strlen(direction);

	at += strspn(at, " \t");
	if (strncmp(at, "--", 2) != 0)
		return false;
	at += strspn(at, "- \t");
	return pg_strncasecmp(at, direction, length) == 0 &&
		(at[length] == ' ' || at[length] == '\t') &&
		pg_strncasecmp(at + length + strspn(at + length, " \t"), "migration",
					   strlen("migration")) == 0;
}

static void
keep_mark(const MigImportFile *file, const MigImportLine *line,
		  MigImportLine *section)
{
	if (section->next > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("line \"%s\" is given twice",
						pnstrdup(file->text + line->start, line->end - line->start)),
				 mig_import_errplace(file, line->start)));
	*section = *line;
}

static int
section_end(const MigImportFile *file, const MigImportLine *section,
			const MigImportLine *other)
{
	return other->next > section->next ? other->start : (int) strlen(file->text);
}

static int
compare(const char *version, const char *other)
{
	int64		time = read_time(version);
	int64		other_time = read_time(other);

	if (time < 0 || other_time < 0)
		return mig_import_compare_numbers(version, other);
	return time < other_time ? -1 : time > other_time;
}

/*
 * Milliseconds since 1970; -1: too many.
 */
static int64
read_time(const char *version)
{
	int			digits = strlen(version);
	int64		days;

	if (digits != DATE_DIGITS)
		return digits > DATE_DIGITS ? -1 : strtoi64(version, NULL, 10);
	days = date2j(read_digits(version, 0, 4), read_digits(version, 4, 2),
				  read_digits(version, 6, 2)) - UNIX_EPOCH_JDATE;
	return ((days * HOURS_PER_DAY + read_digits(version, 8, 2)) * SECS_PER_HOUR +
			read_digits(version, 10, 2) * SECS_PER_MINUTE +
			read_digits(version, 12, 2)) * 1000 + read_digits(version, 14, 3);
}

static int
read_digits(const char *text, int from, int n)
{
	return atoi(pnstrdup(text + from, n));
}
