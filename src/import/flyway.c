/*
 * flyway.c
 *	  Format flyway: files V1_2__name.sql, U1_2__name.sql for the downgrade, and
 *	  B1_2__name.sql for all versions up to it.
 *
 * Versions compare by the numbers between their dots.  Placeholders ${name} are
 * filled in from options.  A file V1_2__name.sql.conf can say that the file beside
 * it is not run in a transaction.  Files R__name.sql are repeatables; programs
 * (V1_2__name.java) are no SQL.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "import/import_internal.h"

#define OPTION_PLACEHOLDERS		"placeholders"
#define OPTION_REPLACEMENT		"placeholder_replacement"
#define OPTION_SKIP_REPEATABLES	"skip_repeatables"

#define PLACEHOLDER_PREFIX	"${"
#define PLACEHOLDER_SUFFIX	'}'

#define SEPARATOR			"__"
#define REPEATABLE_PREFIX	"R__"
#define CONFIG_SUFFIX		".conf"

/* Placeholders without a value in a message. */
#define MAX_MISSING			20

/* What a name of a file says. */
typedef struct FileName
{
	char		kind;			/* V, U or B */
	char	   *version;		/* with dots */
	char	   *title;
} FileName;

/* What the file beside a file says. */
typedef struct FileConfig
{
	bool		in_transaction;
	bool		replaces;		/* placeholders */
} FileConfig;

static MigImportMatch recognize(const MigImport *import);
static void read_set(MigImport *import);
static void read_program(MigImport *import, MigImportFile *file);
static void read_program_down(MigImport *import, MigImportFile *file);
static bool parse_program(const MigImportFile *file, FileName *name);
static void read_repeatable(MigImport *import, MigImportFile *file);
static void report_baselines(const MigImport *import);
static void read_up(MigImport *import, MigImportFile *file);
static void read_down(MigImport *import, MigImportFile *file);
static bool is_beginning(const MigImport *import, const MigImportFile *file,
						 const FileName *baseline);
static bool is_repeatable(const MigImportFile *file);
static bool parse_name(const MigImportFile *file, const char *suffix,
					   FileName *name);
static bool is_version(const char *version);
static int	compare_versions(const char *version, const char *other);
static const char *read_number(const char **version, int *length);
static void read_config(const MigImport *import, const MigImportFile *file,
						FileConfig *config);
static void apply_setting(const MigImportFile *file, const MigImportLine *line,
						  FileConfig *config);
static void refuse_line(const MigImportFile *file, const MigImportLine *line);
static bool read_boolean(const MigImportFile *file, const MigImportLine *line,
						 const char *key, const char *value);
static void fill_in(const MigImport *import, MigImportFile *file);
static const char *next_placeholder(const char *text, char **name);
static List *add_missing(List *missing, char *name);
static void refuse_missing(const MigImportFile *file, List *missing, int offset);

static const char *const option_names[] = {
	OPTION_PLACEHOLDERS, OPTION_REPLACEMENT, OPTION_SKIP_REPEATABLES, NULL
};

const MigImportFormat mig_import_flyway = {
	.name = "flyway",
	.table = "flyway_schema_history",
	.recognize = recognize,
	.read = read_set,
	.compare = compare_versions,
	.checksum = mig_checksum_of_lines,
	.options = option_names,
	.down_hint = gettext_noop("Put the downgrade into a file \"U<version>__<name>.sql\", or word the comment in another way.")
};

/*
 * The files of refinery have the same names.
 */
static MigImportMatch
recognize(const MigImport *import)
{
	ListCell   *cell;

	foreach(cell, import->files)
	{
		const MigImportFile *file = lfirst(cell);
		FileName	name;

		if (is_repeatable(file) ||
			(parse_name(file, ".sql", &name) && is_version(name.version)))
			return mig_import_refinery.recognize(import) == MIG_IMPORT_CERTAIN ?
				MIG_IMPORT_POSSIBLE : MIG_IMPORT_CERTAIN;
	}
	return MIG_IMPORT_NO;
}

/*
 * The upgrades first: they are the revisions.
 */
static void
read_set(MigImport *import)
{
	mig_import_each_file(import, read_program);
	report_baselines(import);
	mig_import_each_file(import, read_up);
	mig_import_each_file(import, read_down);
	mig_import_each_file(import, read_program_down);
	mig_import_each_file(import, read_repeatable);
}

static void
read_program(MigImport *import, MigImportFile *file)
{
	FileName	name;

	if (parse_program(file, &name) && name.kind == 'V')
		mig_import_add_program(import, file, name.version, name.title, false);
}

static void
read_program_down(MigImport *import, MigImportFile *file)
{
	FileName	name;

	if (parse_program(file, &name) && name.kind == 'U')
		mig_import_add_program_down(import, file, name.version);
}

/*
 * What the tool runs beside SQL.
 */
static bool
parse_program(const MigImportFile *file, FileName *name)
{
	static const char *const suffixes[] = {
		".java", ".class", ".kt", ".groovy", ".sh", ".bash", ".py", ".ps1",
		".cmd", ".bat"
	};

	for (int i = 0; i < lengthof(suffixes); i++)
	{
		if (parse_name(file, suffixes[i], name) && is_version(name->version))
			return true;
	}
	return false;
}

/*
 * Its name is all of it behind the prefix; it runs when its text has changed, in
 * the order of names, as the tool has it.
 */
static void
read_repeatable(MigImport *import, MigImportFile *file)
{
	MigImportRevision *revision;
	FileConfig	config;
	char	   *title;

	if (!is_repeatable(file) ||
		mig_import_option_is_true(import->request, OPTION_SKIP_REPEATABLES, false))
		return;
	title = pnstrdup(file->name + strlen(REPEATABLE_PREFIX),
					 strlen(file->name) - strlen(REPEATABLE_PREFIX ".sql"));
	revision = mig_import_add_revision(import, file, title, "");
	import->revisions = list_delete_last(import->revisions);
	import->repeatables = lappend(import->repeatables, revision);
	revision->script.repeatable = true;
	revision->script.def.id = title;
	read_config(import, file, &config);
	if (config.replaces)
		fill_in(import, file);
	revision->script.def.upgrade_per_statement = !config.in_transaction;
	mig_import_set_upgrade(import, revision, file, 0, strlen(file->text));
	if (revision->script.def.upgrade_per_statement)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("repeatable \"%s\" cannot be one transaction", title),
				 errhint("Give it as a file with a version. Or leave out all repeatables: options => '{\"%s\": true}'.",
						 OPTION_SKIP_REPEATABLES),
				 mig_import_errplace(file, 0)));
}

/*
 * Says which baselines are left out.
 */
static void
report_baselines(const MigImport *import)
{
	ListCell   *cell;

	foreach(cell, import->files)
	{
		MigImportFile *file = lfirst(cell);
		FileName	name;

		if (!parse_name(file, ".sql", &name) || name.kind != 'B' ||
			is_beginning(import, file, &name))
			continue;
		file->used = true;
		ereport(NOTICE,
				(errmsg("baseline \"%s\" is left out", file->path),
				 errdetail("A baseline is the first revision if it is the latest one, and no files of versions up to it are given.")));
	}
}

static void
read_up(MigImport *import, MigImportFile *file)
{
	MigImportRevision *revision;
	FileConfig	config;
	FileName	name;

	if (!parse_name(file, ".sql", &name))
		return;
	if (!is_version(name.version))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version \"%s\" in the name of the file is not valid",
						name.version),
				 errhint("Two underscores end a version, which is numbers with dots or single underscores between them."),
				 mig_import_errplace(file, 0)));
	if (name.kind == 'U' ||
		(name.kind == 'B' && !is_beginning(import, file, &name)))
		return;
	revision = mig_import_add_revision(import, file, name.version, name.title);
	read_config(import, file, &config);
	revision->script.def.upgrade_per_statement = !config.in_transaction;
	if (config.replaces)
		fill_in(import, file);
	mig_import_set_upgrade(import, revision, file, 0, strlen(file->text));
}

/*
 * There is none of a baseline: the one of its version is about less.
 */
static void
read_down(MigImport *import, MigImportFile *file)
{
	MigImportRevision *revision;
	FileConfig	config;
	FileName	name;

	if (!parse_name(file, ".sql", &name) || name.kind != 'U' ||
		!is_version(name.version))
		return;
	revision = mig_import_find_revision(import, name.version);
	if (revision != NULL)
	{
		const char *slash = strrchr(revision->script.file, '/');

		if ((slash != NULL ? slash[1] : revision->script.file[0]) == 'B')
			revision = NULL;
	}
	if (revision == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version \"%s\" has a downgrade and no upgrade",
						name.version),
				 errhint("Add the file of the upgrade, or leave this one out. If U is no downgrade, the files are of format \"%s\".",
						 mig_import_refinery.name),
				 mig_import_errplace(file, 0)));
	revision = mig_import_find_upgrade(import, file, name.version);
	read_config(import, file, &config);
	revision->script.def.downgrade_per_statement = !config.in_transaction;
	if (config.replaces)
		fill_in(import, file);
	mig_import_set_downgrade(import, revision, file, 0, strlen(file->text));
}

/*
 * Whether a baseline is the first revision: it is what a new database begins with
 * if the files before it are gone.
 */
static bool
is_beginning(const MigImport *import, const MigImportFile *file,
			 const FileName *baseline)
{
	ListCell   *cell;

	foreach(cell, import->files)
	{
		const MigImportFile *other = lfirst(cell);
		FileName	name;
		int			order;

		if (other == file || !parse_name(other, ".sql", &name))
			continue;
		order = compare_versions(name.version, baseline->version);
		if ((name.kind == 'V' && order <= 0) || (name.kind == 'B' && order > 0))
			return false;
	}
	return true;
}

static bool
is_repeatable(const MigImportFile *file)
{
	return strncmp(file->name, REPEATABLE_PREFIX, strlen(REPEATABLE_PREFIX)) == 0 &&
		mig_import_has_suffix(file->name, ".sql");
}

/*
 * Whether a name begins with a letter and a number.  What follows until the
 * separator is the version, which may be none.
 */
static bool
parse_name(const MigImportFile *file, const char *suffix, FileName *name)
{
	int			length = strlen(file->name) - strlen(suffix);
	char	   *rest;
	char	   *end;

	name->kind = file->name[0];
	if (length < 2 || strchr("VUB", name->kind) == NULL ||
		strchr("0123456789", file->name[1]) == NULL ||
		!mig_import_has_suffix(file->name, suffix))
		return false;
	rest = pnstrdup(file->name + 1, length - 1);
	end = strstr(rest, SEPARATOR);
	name->version = end != NULL ? pnstrdup(rest, end - rest) : rest;
	name->title = end != NULL ? end + strlen(SEPARATOR) : "";
	for (char *p = strchr(name->version, '_'); p != NULL; p = strchr(p, '_'))
		*p = '.';
	for (char *p = strchr(name->title, '_'); p != NULL; p = strchr(p, '_'))
		*p = ' ';
	return true;
}

/*
 * Whether it is numbers with dots between them.
 */
static bool
is_version(const char *version)
{
	for (;;)
	{
		int			digits = strspn(version, "0123456789");

		if (digits == 0 || (version[digits] != '.' && version[digits] != '\0'))
			return false;
		if (version[digits] == '\0')
			return true;
		version += digits + 1;
	}
}

/*
 * By their numbers; those that are missing are zero.
 */
static int
compare_versions(const char *version, const char *other)
{
	while (*version != '\0' || *other != '\0')
	{
		int			length;
		int			other_length;
		const char *number = read_number(&version, &length);
		const char *other_number = read_number(&other, &other_length);
		int			order = length != other_length ? length - other_length :
		strncmp(number, other_number, length);

		if (order != 0)
			return order;
	}
	return 0;
}

/*
 * Steps over a number of a version.  The result has no zeros before it.
 */
static const char *
read_number(const char **version, int *length)
{
	const char *number = *version + strspn(*version, "0");

	*length = strcspn(number, ".");
	*version = number + *length + (number[*length] == '.' ? 1 : 0);
	return number;
}

static void
read_config(const MigImport *import, const MigImportFile *file,
			FileConfig *config)
{
	MigImportFile *beside = mig_import_find_beside(import, file,
												   psprintf("%s%s", file->name,
															CONFIG_SUFFIX));
	MigImportLine line = {0};

	config->in_transaction = true;
	config->replaces = mig_import_option_is_true(import->request,
												 OPTION_REPLACEMENT, true);
	if (beside == NULL)
		return;
	beside->used = true;
	while (mig_import_next_line(beside, &line))
		apply_setting(beside, &line, config);
}

static void
apply_setting(const MigImportFile *file, const MigImportLine *line,
			  FileConfig *config)
{
	char	   *key;
	char	   *value;

	if (!mig_import_split_setting(file, line, &key, &value))
	{
		refuse_line(file, line);
		return;
	}
	if (strcmp(key, "executeInTransaction") == 0)
		config->in_transaction = read_boolean(file, line, key, value);
	else if (strcmp(key, "placeholderReplacement") == 0)
		config->replaces = read_boolean(file, line, key, value);
	/* The text is decoded already. */
	else if (strcmp(key, "encoding") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("setting \"%s\" is not supported", key),
				 errhint("The settings are encoding, executeInTransaction and placeholderReplacement."),
				 mig_import_errplace(file, line->start)));
}

/*
 * Raises an error for a line that is neither a comment nor empty: there are other
 * ways to write a setting.
 */
static void
refuse_line(const MigImportFile *file, const MigImportLine *line)
{
	int			start = line->start + strspn(file->text + line->start, " \t");

	if (start < line->end && strchr("#!", file->text[start]) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("line is not of the form \"key=value\""),
				 mig_import_errplace(file, line->start)));
}

static bool
read_boolean(const MigImportFile *file, const MigImportLine *line,
			 const char *key, const char *value)
{
	bool		is_true = pg_strcasecmp(value, "true") == 0;

	if (!is_true && pg_strcasecmp(value, "false") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be true or false", key),
				 mig_import_errplace(file, line->start)));
	return is_true;
}

/*
 * Replaces the placeholders in a file by their values, also in comments and
 * literals, as the tool does.
 */
static void
fill_in(const MigImport *import, MigImportFile *file)
{
	StringInfoData result;
	const char *at = file->text;
	const char *found;
	char	   *name;
	List	   *missing = NIL;
	int			offset = 0;

	initStringInfo(&result);
	while ((found = next_placeholder(at, &name)) != NULL)
	{
		char	   *value = mig_import_option_member(import->request,
													 OPTION_PLACEHOLDERS, name);

		appendBinaryStringInfo(&result, at, found - at);
		if (value != NULL)
			appendStringInfoString(&result, value);
		else
		{
			if (missing == NIL)
				offset = found - file->text;
			missing = add_missing(missing, name);
		}
		at = found + strlen(PLACEHOLDER_PREFIX) + strlen(name) + 1;
	}
	if (missing != NIL)
		refuse_missing(file, missing, offset);
	appendStringInfoString(&result, at);
	file->text = result.data;
}

/*
 * Where the next placeholder begins, and its name, which is within a line.
 */
static const char *
next_placeholder(const char *text, char **name)
{
	while ((text = strstr(text, PLACEHOLDER_PREFIX)) != NULL)
	{
		const char *start = text + strlen(PLACEHOLDER_PREFIX);
		int			length = strcspn(start, "}\r\n");

		CHECK_FOR_INTERRUPTS();
		if (start[length] == PLACEHOLDER_SUFFIX)
		{
			*name = pnstrdup(start, length);
			return text;
		}
		text = start;
	}
	return NULL;
}

/*
 * Adds a name that is not among the first ones yet.
 */
static List *
add_missing(List *missing, char *name)
{
	ListCell   *cell;

	foreach(cell, missing)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return missing;
	}
	return list_length(missing) > MAX_MISSING ? missing : lappend(missing, name);
}

static void
refuse_missing(const MigImportFile *file, List *missing, int offset)
{
	StringInfoData names;
	int			n = Min(list_length(missing), MAX_MISSING);

	initStringInfo(&names);
	for (int i = 0; i < n; i++)
		appendStringInfo(&names, "%s\"%s\"", i > 0 ? ", " : "",
						 (char *) list_nth(missing, i));
	if (n < list_length(missing))
		appendStringInfoString(&names, _(" and others"));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_plural("placeholder %s has no value",
						   "placeholders %s have no values", n, names.data),
			 errhint("Give the values: options => '{\"%s\": {\"name\": \"value\"}}'. If the files have none: '{\"%s\": false}'.",
					 OPTION_PLACEHOLDERS, OPTION_REPLACEMENT),
			 mig_import_errplace(file, offset)));
}
