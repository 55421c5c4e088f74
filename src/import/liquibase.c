/*
 * liquibase.c
 *	  Format liquibase: files that begin with "--liquibase formatted sql", with a line
 *	  "--changeset author:id" before each changeset.
 *
 * Changesets are run in the order in which they and the files are given.  Lines
 * "--rollback ..." and comments that begin with "liquibase rollback" are the
 * downgrade.  The version is author:id; one that a file before has, too, gets the
 * name of its own file behind it.
 *
 * Two copies of a file are made, of the same length: one in which the rollback is
 * blank, and one in which everything else is.
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "import/import_internal.h"

#define FIRST_LINE		"liquibase formatted"
#define OPTION			"properties"

typedef struct Changeset
{
	MigImportLine line;
	int			end;
	char	   *author;
	char	   *name;
	const char *attributes;		/* the rest of its line */
	char	   *message;		/* or NULL */
	char	   *delimiter;		/* of statements, if it is not a semicolon;
								 * otherwise NULL */
	bool		left_out;		/* not for this server, or to be ignored */
	bool		has_rollback;
	bool		is_reference;	/* its rollback is another changeset */
	bool		has_precondition;
} Changeset;

/* A file on its way. */
typedef struct Reader
{
	MigImportFile *file;		/* without rollbacks, in the end */
	MigImportFile rollback;		/* with nothing else */
	List	   *changesets;		/* of Changeset * */
	MigImportLine line;			/* that is read */
	Changeset  *changeset;		/* that is added */
	bool		in_comment;		/* in one that is a rollback */
	int			comment;		/* where it begins */
	bool		ignores;		/* lines until "ignoreLines:end" */
	int			nignored;		/* so many lines to come */
} Reader;

static MigImportMatch recognize(const MigImport *import);
static bool is_formatted(const MigImportFile *file);
static void read_set(MigImport *import);
static void read_file(MigImport *import, MigImportFile *file);
static void replace_properties(const MigImport *import, MigImportFile *file);
static List *list_properties(const MigImportFile *file);
static char *find_property(const MigImport *import, const List *properties,
						   const char *name);
static void read_line(MigImport *import, MigImportFile *file, void *part);
static bool is_ignored(Reader *reader, const MigImportLine *line);
static bool read_comment(Reader *reader, const MigImportLine *line);
static void refuse_beside(const Reader *reader, const MigImportLine *line,
						  const char *text);
static void read_rollback(Reader *reader, const MigImportLine *line,
						  const char *text);
static void read_changeset(Reader *reader, const MigImportLine *line,
						   const char *text);
static char *read_quoted(const char **text, const char *stop);
static char *attribute(const char *attributes, const char *name);
static bool is_true(const char *attributes, const char *name);
static bool is_for_us(const char *dbms);
static void end_statement(Reader *reader, const MigImportLine *line);
static const char *find_word(const MigImportFile *file,
							 const MigImportLine *line, const char *word);
static void check_ends(MigImport *import, MigImportFile *file, void *part);
static void add_changeset(MigImport *import, MigImportFile *file, void *part);
static void report_ignored(MigImport *import, const Changeset *changeset,
						   const char *id);

static const char *const option_names[] = {OPTION, NULL};

const MigImportFormat mig_import_liquibase = {
	.name = "liquibase",
	.table = "databasechangelog",
	.recognize = recognize,
	.read = read_set,
	.ordered = true,
	.options = option_names,
	.down_hint = gettext_noop("Write \"--rollback\" before each line of the downgrade, or word the comment in another way."),
	.has_marks = true
};

static MigImportMatch
recognize(const MigImport *import)
{
	ListCell   *cell;

	foreach(cell, import->files)
	{
		if (is_formatted(lfirst(cell)))
			return MIG_IMPORT_CERTAIN;
	}
	return MIG_IMPORT_NO;
}

static bool
is_formatted(const MigImportFile *file)
{
	MigImportLine line = {0};

	while (file->text != NULL && mig_import_next_line(file, &line))
	{
		if (find_word(file, &line, FIRST_LINE) != NULL)
			return true;
		if (strspn(file->text + line.start, " \t\r") < line.end - line.start)
			return false;
	}
	return false;
}

static void
read_set(MigImport *import)
{
	mig_import_each_file(import, read_file);
}

static void
read_file(MigImport *import, MigImportFile *file)
{
	Reader		reader = {.file = file};
	ListCell   *cell;

	if (!is_formatted(file))
		return;
	file->used = true;
	replace_properties(import, file);
	reader.rollback = *file;
	reader.rollback.text = pstrdup(file->text);
	while (mig_import_next_line(file, &reader.line))
	{
		/* What its bodies are cannot be told then. */
		if (!mig_import_try(import, file, read_line, &reader))
			((Changeset *) llast(reader.changesets))->left_out = true;
	}
	if (reader.changesets == NIL)
		return;
	(void) mig_import_try(import, file, check_ends, &reader);
	((Changeset *) llast(reader.changesets))->end = strlen(file->text);
	foreach(cell, reader.changesets)
	{
		reader.changeset = lfirst(cell);
		(void) mig_import_try(import, file, add_changeset, &reader);
	}
}

static void
check_ends(MigImport *import, MigImportFile *file, void *part)
{
	const Reader *reader = part;
	int			first = mig_script_skip_gap(file->text, 0);

	if (reader->in_comment)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("comment with a rollback does not end"),
				 mig_import_errplace(file, reader->comment)));
	if (first < ((Changeset *) linitial(reader->changesets))->line.start)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("file has SQL before its first changeset"),
				 mig_import_errplace(file, first)));
}

/*
 * Replaces ${name} by the value that an option or a line "--property name:x value:y"
 * gives.  One without a value stays, as the tool has it.
 */
static void
replace_properties(const MigImport *import, MigImportFile *file)
{
	StringInfoData text;
	const char *at = file->text;
	const char *dollar;
	List	   *properties;

	if (strstr(at, "${") == NULL)
		return;
	properties = list_properties(file);
	initStringInfo(&text);
	while ((dollar = strstr(at, "${")) != NULL)
	{
		int			length = strcspn(dollar, "}\r\n");
		char	   *value = dollar[length] == '}' ?
		find_property(import, properties, pnstrdup(dollar + 2, length - 2)) : NULL;

		CHECK_FOR_INTERRUPTS();
		appendBinaryStringInfo(&text, at, dollar - at);
		if (value != NULL)
			appendStringInfoString(&text, value);
		else
			appendBinaryStringInfo(&text, dollar, 2);
		at = value != NULL ? dollar + length + 1 : dollar + 2;
	}
	appendStringInfoString(&text, at);
	file->text = text.data;
}

/*
 * What is behind "--property" in each such line of a file.
 */
static List *
list_properties(const MigImportFile *file)
{
	MigImportLine line = {0};
	List	   *properties = NIL;

	while (mig_import_next_line(file, &line))
	{
		const char *text = find_word(file, &line, "property");

		if (text != NULL && is_for_us(attribute(text, "dbms")))
			properties = lappend(properties, unconstify(char *, text));
	}
	return properties;
}

/*
 * The value of a property, or NULL.  The first line counts.
 */
static char *
find_property(const MigImport *import, const List *properties,
			  const char *name)
{
	char	   *value = mig_import_option_member(import->request, OPTION, name);
	ListCell   *cell;

	if (value != NULL)
		return value;
	foreach(cell, properties)
	{
		char	   *property = attribute(lfirst(cell), "name");

		if (property != NULL && strcmp(property, name) == 0)
			return attribute(lfirst(cell), "value");
	}
	return NULL;
}

static void
read_line(MigImport *import, MigImportFile *file, void *part)
{
	Reader	   *reader = part;
	const MigImportLine *line = &reader->line;
	Changeset  *changeset = reader->changesets == NIL ? NULL :
	llast(reader->changesets);
	const char *text;

	if (is_ignored(reader, line))
	{
		mig_import_blank_line(file, line);
		mig_import_blank_line(&reader->rollback, line);
		return;
	}
	if (changeset != NULL && read_comment(reader, line))
		return;
	if ((text = find_word(file, line, "rollback")) != NULL && changeset != NULL)
	{
		read_rollback(reader, line, text);
		return;
	}
	mig_import_blank_line(&reader->rollback, line);
	if ((text = find_word(file, line, "changeset")) != NULL)
		read_changeset(reader, line, text);
	else if (changeset == NULL)
		return;
	else if ((text = find_word(file, line, "comment")) != NULL && changeset->message == NULL)
		changeset->message = pstrdup(text + strspn(text, ": \t"));
	else if (find_word(file, line, "precondition") != NULL)
		changeset->has_precondition = true;
	else
		end_statement(reader, line);
}

/*
 * Whether a line is between "ignoreLines:start" and "ignoreLines:end", or one of a
 * number of lines, or says so.
 */
static bool
is_ignored(Reader *reader, const MigImportLine *line)
{
	const char *text = find_word(reader->file, line, "ignoreLines:");

	if (reader->nignored > 0)
	{
		reader->nignored--;
		return true;
	}
	if (text == NULL)
		return reader->ignores;
	if (pg_strncasecmp(text, "start", 5) == 0 || pg_strncasecmp(text, "end", 3) == 0)
		reader->ignores = tolower((unsigned char) text[0]) == 's';
	else
		reader->nignored = atoi(text);
	return true;
}

/*
 * Reads a line of a comment that is a rollback.
 */
static bool
read_comment(Reader *reader, const MigImportLine *line)
{
	char	   *text = pnstrdup(reader->file->text + line->start, line->end - line->start);
	char	   *at = text + strspn(text, " \t");
	bool		ends = reader->in_comment && strstr(text, "*/") != NULL;

	if (!reader->in_comment)
	{
		if (strncmp(at, "/*", 2) != 0)
			return false;
		at += 2 + strspn(at + 2, " \t");
		if (pg_strncasecmp(at, "liquibase", 9) != 0)
			return false;
		at += 9 + strspn(at + 9, " \t");
		if (pg_strncasecmp(at, "rollback", 8) != 0)
			return false;
		reader->in_comment = strstr(at, "*/") == NULL;
		reader->comment = line->start;
		refuse_beside(reader, line, at + 8);
		((Changeset *) llast(reader->changesets))->has_rollback = true;
		mig_import_blank_line(&reader->rollback, line);
	}
	else if (ends)
	{
		int			from = line->start + (strstr(text, "*/") - text);

		reader->in_comment = false;
		refuse_beside(reader, line, strstr(text, "*/") + 2);
		memset(reader->rollback.text + from, ' ', line->end - from);
	}
	mig_import_blank_line(reader->file, line);
	return true;
}

/*
 * Raises an error for text in a line of such a comment that would be in neither
 * body.
 */
static void
refuse_beside(const Reader *reader, const MigImportLine *line, const char *text)
{
	text += strspn(text, " \t");
	if (text[0] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" stands beside the beginning or the end of a comment with a rollback",
						text),
				 errhint("Begin and end the comment in lines of their own, or use \"--rollback\"."),
				 mig_import_errplace(reader->file, line->start)));
}

static void
read_rollback(Reader *reader, const MigImportLine *line, const char *text)
{
	Changeset  *changeset = llast(reader->changesets);
	MigImportLine mark = *line;
	bool		had_rollback = changeset->has_rollback;

	changeset->has_rollback = true;
	text += strspn(text, " \t");
	/* The word alone is a heading, of which the body is to say that. */
	if (text[strspn(text, ": \t")] == '\0' && !had_rollback)
	{
		mig_import_blank_line(&reader->rollback, line);
		return;
	}
	if (pg_strncasecmp(text, "changesetid", 11) == 0)
		changeset->is_reference = true;
	if (pg_strncasecmp(text, "not required", 12) != 0 &&
		pg_strncasecmp(text, "empty", 5) != 0)
		mark.end = line->end - strlen(text);
	mig_import_blank_line(&reader->rollback, &mark);
	mig_import_blank_line(reader->file, line);
}

static void
read_changeset(Reader *reader, const MigImportLine *line, const char *text)
{
	Changeset  *changeset = palloc0(sizeof(Changeset));

	changeset->line = *line;
	text += strspn(text, " \t");
	changeset->author = read_quoted(&text, ":");
	if (*text == ':')
		text++;
	else
		changeset->author = pstrdup("");
	changeset->name = read_quoted(&text, " \t");
	changeset->attributes = text;
	if (reader->changesets != NIL)
		((Changeset *) llast(reader->changesets))->end = line->start;
	reader->changesets = lappend(reader->changesets, changeset);
	/* What is behind its line is not the one's before. */
	changeset->left_out = true;
	if (changeset->author[0] == '\0' || changeset->name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("changeset has no author and id"),
				 errhint("The line is \"--changeset author:id\"."),
				 mig_import_errplace(reader->file, line->start)));
	changeset->delimiter = attribute(text, "endDelimiter");
	if (changeset->delimiter != NULL && strncmp(changeset->delimiter, "\\n", 2) == 0)
		changeset->delimiter += 2;
	if (changeset->delimiter != NULL &&
		(changeset->delimiter[0] == '\0' || strcmp(changeset->delimiter, ";") == 0))
		changeset->delimiter = NULL;
	changeset->left_out = is_true(text, "ignore") ||
		!is_for_us(attribute(text, "dbms"));
}

/*
 * A word, which double quotes may be around.
 */
static char *
read_quoted(const char **text, const char *stop)
{
	bool		quoted = **text == '"';
	const char *start = *text + (quoted ? 1 : 0);
	int			length = strcspn(start, quoted ? "\"" : stop);

	*text = start + length;
	if (**text == '"')
		(*text)++;
	return pnstrdup(start, length);
}

/*
 * The value of "name:value", or NULL.
 */
static char *
attribute(const char *attributes, const char *name)
{
	int			length = strlen(name);

	for (const char *at = attributes; *at != '\0'; at++)
	{
		if ((at == attributes || isspace((unsigned char) at[-1])) &&
			pg_strncasecmp(at, name, length) == 0 && at[length] == ':')
		{
			at += length + 1;
			return read_quoted(&at, " \t");
		}
	}
	return NULL;
}

static bool
is_true(const char *attributes, const char *name)
{
	char	   *value = attribute(attributes, name);

	return value != NULL && pg_strcasecmp(value, "true") == 0;
}

/*
 * Whether a list of servers, which may be NULL, has ours.
 */
static bool
is_for_us(const char *dbms)
{
	bool		others = true;

	if (dbms == NULL)
		return true;
	for (char *name = strtok(pstrdup(dbms), ", "); name != NULL; name = strtok(NULL, ", "))
	{
		bool		is_not = name[0] == '!';

		if (pg_strcasecmp(name + is_not, "postgresql") == 0 ||
			pg_strcasecmp(name, "all") == 0)
			return !is_not;
		others = is_not;
	}
	return others;
}

/*
 * A delimiter at the end of a line becomes a semicolon.
 */
static void
end_statement(Reader *reader, const MigImportLine *line)
{
	const Changeset *changeset = llast(reader->changesets);
	char	   *text = reader->file->text;
	int			end = line->end;
	int			length = changeset->delimiter == NULL ? 0 : strlen(changeset->delimiter);

	while (end > line->start && isspace((unsigned char) text[end - 1]))
		end--;
	if (length == 0 || end - line->start < length ||
		pg_strncasecmp(text + end - length, changeset->delimiter, length) != 0)
		return;
	memset(text + end - length, ' ', length);
	text[end - length] = ';';
}

/*
 * What follows a word in a line that is a comment and begins with it, in any case,
 * or NULL.
 */
static const char *
find_word(const MigImportFile *file, const MigImportLine *line,
		  const char *word)
{
	const char *at = file->text + line->start;
	const char *end = file->text + line->end;
	int			length = strlen(word);

	at += strspn(at, " \t");
	if (strncmp(at, "--", 2) != 0)
		return NULL;
	at += 2 + strspn(at + 2, " \t");
	if (pg_strncasecmp(at, word, length) != 0 ||
		(word[length - 1] != ':' && isalnum((unsigned char) at[length]) &&
		 strcmp(word, "precondition") != 0))
		return NULL;
	return pnstrdup(at + length, end - at - length);
}

static void
add_changeset(MigImport *import, MigImportFile *file, void *part)
{
	Reader	   *reader = part;
	Changeset  *changeset = reader->changeset;
	char	   *version = psprintf("%s:%s", changeset->author, changeset->name);
	MigImportRevision *revision = mig_import_find_revision(import, version);
	MigRevisionDef *def;

	if (changeset->left_out)
	{
		import->ignored = lappend(import->ignored,
								  psprintf(_("changeset %s, which is left out"), version));
		return;
	}
	if (revision != NULL && revision->script.file != reader->file->path)
		version = psprintf("%s:%.*s", version,
						   (int) strcspn(reader->file->name, "."), reader->file->name);
	revision = mig_import_add_revision(import, reader->file, version,
									   changeset->message != NULL ? changeset->message : "");
	def = &revision->script.def;
	revision->script.line = mig_import_line_number(reader->file,
												   changeset->line.start);
	def->upgrade_per_statement = attribute(changeset->attributes, "runInTransaction") != NULL &&
		!is_true(changeset->attributes, "runInTransaction");
	def->downgrade_per_statement = def->upgrade_per_statement;
	mig_import_set_upgrade(import, revision, reader->file, changeset->line.next,
						   changeset->end);
	if (changeset->has_rollback && !changeset->is_reference)
		mig_import_set_downgrade(import, revision, &reader->rollback,
								 changeset->line.next, changeset->end);
	else
		def->downgrade_per_statement = false;
	report_ignored(import, changeset, def->id);
}

/*
 * What decides in the tool whether a changeset is run.
 */
static void
report_ignored(MigImport *import, const Changeset *changeset, const char *id)
{
	static const char *const names[] = {
		"context", "contextFilter", "labels", "runAlways", "runOnChange", "failOnError"
	};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (attribute(changeset->attributes, names[i]) != NULL)
			import->ignored = lappend(import->ignored,
									  psprintf(_("%s of %s"), names[i], id));
	}
	if (changeset->has_precondition)
		import->ignored = lappend(import->ignored,
								  psprintf(_("precondition of %s"), id));
	if (changeset->is_reference)
		import->ignored = lappend(import->ignored,
								  psprintf(_("rollback of %s, which is another changeset"), id));
}
