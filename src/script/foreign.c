/*
 * foreign.c
 *	  Finds in bodies of other tools what a body here cannot hold, and rewrites
 *	  the data of COPY ... FROM stdin as INSERT.
 *
 * What is rewritten keeps its lines, so that an error of the body still names
 * the line of the file: a row of data is one line of the INSERT.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"

#include "script/script_internal.h"

static int	find_end_of_data(const char *text, int from);
static CopyStmt *parse_copy(const char *statement);
static void write_insert(StringInfo result, const MigScriptSource *source,
						 const MigCopyData *copy);
static void refuse_continued(const MigScriptSource *source, int from, int to);
static void refuse_behind(const MigScriptSource *source, const MigCopyData *copy);
static void write_target(StringInfo result, const char *statement);
static int	write_row(StringInfo result, const char *line, int length);
static void check_fields(const MigScriptSource *source,
						 const MigCopyData *copy, int location, int nfields,
						 int nexpected);
static void write_value(StringInfo result, const char *value, int length);
static void write_lines(StringInfo result, const char *text, int from, int to);
static bool is_end_of_data(const char *line);
static int	find_downgrade(const char *text, int from, int to, MigMarkLine *line,
						   int *end);
static bool begins_line(const char *text, int at);
static bool is_downgrade(const char *text, int from, int end, MigMarkLine *line);
static bool contains_word(const char *text, const char *word);

/*
 * A copy of a text in which the data of COPY ... FROM stdin are INSERTs.  A COPY
 * with options, whose data only COPY can read, stays for the split to refuse.
 */
char *
mig_foreign_copy_data(const MigScriptSource *source)
{
	const char *text = source->body;
	StringInfoData result;
	MigScriptScan scan;
	MigCopyData copy = {0};
	int			at = 0;

	if (!contains_word(text, "stdin"))
		return pstrdup(text);
	initStringInfo(&result);
	mig_script_scan_begin(&scan, source);
	while (mig_script_scan_try_next(&scan))
	{
		CHECK_FOR_INTERRUPTS();
		if (!mig_foreign_skip_data(&scan, &copy) || copy.has_options)
			continue;
		refuse_behind(source, &copy);
		appendBinaryStringInfo(&result, text + at, copy.begin - at);
		write_insert(&result, source, &copy);
		at = copy.end + strcspn(text + copy.end, "\r\n");
	}
	mig_script_scan_end(&scan);
	appendStringInfoString(&result, text + at);
	return result.data;
}

/*
 * To be called for each token of a scan, with the same copy, which is zero before
 * the first: true at the semicolon of a COPY ... FROM stdin.  The scan continues
 * behind its data, which are no tokens.
 */
bool
mig_foreign_skip_data(MigScriptScan *scan, MigCopyData *copy)
{
	const char *text = scan->source.body;
	CopyStmt   *statement;

	if (strcmp(scan->text, ";") != 0)
	{
		if (!copy->in_statement)
			copy->begin = pg_strcasecmp(scan->text, "copy") == 0 ?
				scan->location : -1;
		copy->in_statement = true;
		return false;
	}
	if (!copy->in_statement || copy->begin < 0)
	{
		copy->in_statement = false;
		return false;
	}
	copy->in_statement = false;
	copy->semicolon = scan->location;
	statement = parse_copy(pnstrdup(text + copy->begin,
									copy->semicolon - copy->begin));
	if (statement == NULL)
		return false;

	copy->has_options = statement->options != NIL ||
		statement->whereClause != NULL;
	copy->columns = statement->attlist;
	copy->data = copy->semicolon + strcspn(text + copy->semicolon, "\n");
	if (text[copy->data] == '\n')
		copy->data++;
	copy->end = find_end_of_data(text, copy->data);
	mig_script_scan_blank(scan, copy->data,
						  copy->end + (text[copy->end] != '\0' ? 2 : 0));
	return true;
}

/*
 * The line "\." that ends the data, or the end of the text, which ends them,
 * too.
 */
static int
find_end_of_data(const char *text, int from)
{
	while (text[from] != '\0' && !is_end_of_data(text + from))
	{
		from += strcspn(text + from, "\n");
		if (text[from] == '\n')
			from++;
	}
	return from;
}

static bool
is_end_of_data(const char *line)
{
	return line[0] == '\\' && line[1] == '.' &&
		strchr("\r\n", line[2]) != NULL;
}

/*
 * The statement if it is a COPY FROM stdin, otherwise NULL.
 */
static CopyStmt *
parse_copy(const char *statement)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *volatile parsed = NIL;
	CopyStmt   *copy;

	PG_TRY();
	{
		parsed = mig_script_parse(statement);
	}
	PG_CATCH();
	{
		/* The split says what is wrong with it. */
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	if (list_length(parsed) != 1)
		return NULL;
	copy = (CopyStmt *) linitial_node(RawStmt, parsed)->stmt;
	return IsA(copy, CopyStmt) && copy->is_from && copy->filename == NULL &&
		copy->relation != NULL ? copy : NULL;
}

/*
 * Writes an INSERT in as many lines, or nothing if there are no data.
 */
static void
write_insert(StringInfo result, const MigScriptSource *source,
			 const MigCopyData *copy)
{
	const char *text = source->body;
	int			at = copy->data;
	int			nexpected = list_length(copy->columns);

	if (at < copy->end)
		write_target(result, pnstrdup(text + copy->begin,
									  copy->semicolon - copy->begin));
	write_lines(result, text, copy->begin, copy->data);
	while (at < copy->end)
	{
		int			length = strcspn(text + at, "\n");
		int			next = at + length + (text[at + length] == '\n' ? 1 : 0);
		int			nfields;

		CHECK_FOR_INTERRUPTS();
		if (length > 0 && text[at + length - 1] == '\r')
			length--;
		refuse_continued(source, at, at + length);
		nfields = write_row(result, text + at, length);
		/* How many columns the table has is not known here. */
		if (nexpected == 0)
			nexpected = nfields;
		check_fields(source, copy, at, nfields, nexpected);
		if (next < copy->end)
			appendStringInfoChar(result, ',');
		write_lines(result, text, at, next);
		at = next;
	}
	if (copy->data < copy->end)
		appendStringInfoChar(result, ';');
}

/*
 * Raises an error for a line that a backslash continues on the next one, which no
 * pg_dump has written for decades.
 */
static void
refuse_continued(const MigScriptSource *source, int from, int to)
{
	int			at = to;

	while (at > from && source->body[at - 1] == '\\')
		at--;
	if ((to - at) % 2 == 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("data of COPY have a backslash at the end of a line"),
				 errhint("Use pg_dump --inserts."),
				 mig_script_errline(source, from)));
}

/*
 * Raises an error for what stands behind the statement in its line: the data
 * begin in the next one, and when it is to run is not clear.
 */
static void
refuse_behind(const MigScriptSource *source, const MigCopyData *copy)
{
	const char *text = source->body;
	int			at = copy->semicolon + 1;

	at += strspn(text + at, " \t\r");
	if (at < copy->data && text[at] != '\n' && strncmp(text + at, "--", 2) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("COPY ... FROM stdin is not the last statement of its line"),
				 errhint("Put what follows it behind its data, or in front of it."),
				 mig_script_errline(source, at)));
}

/*
 * The table and its columns as they are written: what the server would quote
 * differs with its version and the session's settings, and so would the hash.
 */
static void
write_target(StringInfo result, const char *statement)
{
	MigScriptSource source = {.body = statement};
	MigScriptScan scan;
	bool		joined = false;

	appendStringInfoString(result, "INSERT INTO");
	mig_script_scan_begin(&scan, &source);
	(void) mig_script_scan_next(&scan); /* COPY */
	while (mig_script_scan_next(&scan) && pg_strcasecmp(scan.text, "from") != 0)
	{
		if (!joined && strchr(".,)", scan.text[0]) == NULL)
			appendStringInfoChar(result, ' ');
		appendStringInfoString(result, scan.text);
		joined = strchr(".(", scan.text[0]) != NULL;
	}
	mig_script_scan_end(&scan);
	/* As COPY does with identity columns. */
	appendStringInfoString(result, " OVERRIDING SYSTEM VALUE VALUES");
}

/*
 * Returns the number of its fields.
 */
static int
write_row(StringInfo result, const char *line, int length)
{
	int			from = 0;
	int			nfields = 0;

	appendStringInfoChar(result, '(');
	for (int i = 0; i <= length; i++)
	{
		/* A backslash belongs to what follows it, a tab, too. */
		if (i < length && line[i] == '\\')
			i++;
		else if (i == length || line[i] == '\t')
		{
			write_value(result, line + from, i - from);
			nfields++;
			if (i < length)
				appendStringInfoString(result, ", ");
			from = i + 1;
		}
	}
	appendStringInfoChar(result, ')');
	return nfields;
}

/*
 * Raises an error for a row that COPY would not read: an INSERT gives columns at
 * the end that a row leaves out their defaults.
 */
static void
check_fields(const MigScriptSource *source, const MigCopyData *copy,
			 int location, int nfields, int nexpected)
{
	if (nfields < nexpected)
		ereport(ERROR,
				(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
				 copy->columns != NIL ?
				 errmsg("missing data for column \"%s\"",
						strVal(list_nth(copy->columns, nfields))) :
				 errmsg("row of COPY has fewer fields than the first one"),
				 mig_script_errline(source, location)));
	if (nfields > nexpected)
		ereport(ERROR,
				(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
				 copy->columns != NIL ?
				 errmsg("extra data after last expected column") :
				 errmsg("row of COPY has more fields than the first one"),
				 mig_script_errline(source, location)));
}

/*
 * Writes a value as a literal.  What a backslash means to COPY it means in an
 * escape string, too, but for a few.
 */
static void
write_value(StringInfo result, const char *value, int length)
{
	bool		escapes = memchr(value, '\\', length) != NULL;

	if (length == 2 && strncmp(value, "\\N", 2) == 0)
	{
		appendStringInfoString(result, "NULL");
		return;
	}
	appendStringInfoString(result, escapes ? "E'" : "'");
	for (int i = 0; i < length; i++)
	{
		if (value[i] == '\'')
			appendStringInfoString(result, "''");
		else if (value[i] != '\\' || i + 1 == length)
			appendStringInfoChar(result, value[i]);
		else if (value[++i] == '\'')
			appendStringInfoString(result, "''");
		else if (value[i] == 'v')
			appendStringInfoString(result, "\\x0b");
		else if (strchr("bfnrtx01234567\\", value[i]) != NULL)
			appendStringInfo(result, "\\%c", value[i]);
		else
			appendStringInfoChar(result, value[i]);
	}
	appendStringInfoChar(result, '\'');
}

/*
 * The line ends of a piece of the text.
 */
static void
write_lines(StringInfo result, const char *text, int from, int to)
{
	for (int i = from; i < to; i++)
	{
		if (text[i] == '\n')
			appendStringInfoChar(result, '\n');
	}
}

/*
 * Where in a text a template begins that no tool has filled in, outside of
 * literals and comments; -1: nowhere.
 */
int
mig_foreign_find_template(const char *text)
{
	MigScriptSource source = {.body = text};
	MigScriptScan scan;
	int			found = -1;

	if (strstr(text, "{{") == NULL && strstr(text, "{%") == NULL &&
		strstr(text, "<%") == NULL)
		return -1;
	mig_script_scan_begin(&scan, &source);
	while (found < 0 && mig_script_scan_try_next(&scan))
	{
		const char *at = text + scan.location;

		if (strncmp(at, "{{", 2) == 0 || strncmp(at, "{%", 2) == 0 ||
			strncmp(at, "<%=", 3) == 0)
			found = scan.location;
	}
	mig_script_scan_end(&scan);
	return found;
}

/*
 * Where a comment is, in an upgrade, that begins a downgrade for some tool or in our
 * file format, or is a heading of one between two statements, and where it ends; -1:
 * nowhere.  To the tool of the body it is a comment, and the downgrade would be run
 * as part of it.
 */
int
mig_foreign_find_downgrade(const char *text, int *end)
{
	MigScriptSource source = {.body = text};
	MigScriptScan scan;
	MigMarkLine line = {
		.place = MIG_MARK_IN_UPGRADE,
		.foreign = true
	};
	int			from = 0;
	int			found = -1;

	if (strstr(text, "--") == NULL && strstr(text, "/*") == NULL)
		return -1;
	mig_script_scan_begin(&scan, &source);
	while (found < 0 && mig_script_scan_try_next(&scan))
	{
		found = find_downgrade(text, from, scan.location, &line, end);
		from = scan.location + scan.length;
		line.between_statements = strcmp(scan.text, ";") == 0;
	}
	mig_script_scan_end(&scan);
	line.between_statements = false;
	return found >= 0 ? found : find_downgrade(text, from, strlen(text), &line, end);
}

/*
 * The same between two tokens.
 */
static int
find_downgrade(const char *text, int from, int to, MigMarkLine *line, int *end)
{
	while (from < to)
	{
		*end = from + 1;
		if (text[from] == '-' && text[from + 1] == '-')
		{
			*end = from + strcspn(text + from, "\r\n");
			if (begins_line(text, from) && is_downgrade(text, from, *end, line))
				return from;
		}
		else if (text[from] == '/' && text[from + 1] == '*')
		{
			*end = mig_script_skip_comment(text, from);
			if (mig_remark_is_single(text, from, *end) &&
				is_downgrade(text, from, *end, line))
				return from;
		}
		from = *end;
	}
	return -1;
}

static bool
begins_line(const char *text, int at)
{
	while (at > 0 && strchr(" \t\f\v", text[at - 1]) != NULL)
		at--;
	return at == 0 || strchr("\r\n", text[at - 1]) != NULL;
}

static bool
is_downgrade(const char *text, int from, int end, MigMarkLine *line)
{
	char	   *as_line = mig_remark_as_line(text, from, end);
	MigMark		mark;

	line->text = as_line;
	mark = mig_mark_find(line);
	pfree(as_line);
	return mark == MIG_MARK_DOWN;
}

/*
 * Whether a name of lower case letters is one of the words of a text that are
 * neither in literals nor in comments.
 */
bool
mig_foreign_names(const char *text, const char *name)
{
	MigScriptSource source = {.body = text};
	MigScriptScan scan;
	bool		found = false;
	int			length = strlen(name);

	if (!contains_word(text, name))
		return false;
	mig_script_scan_begin(&scan, &source);
	while (!found && mig_script_scan_try_next(&scan))
		found = pg_strcasecmp(scan.text, name) == 0 ||
			(scan.length == length + 2 && scan.text[0] == '"' &&
			 strncmp(scan.text + 1, name, length) == 0);
	mig_script_scan_end(&scan);
	return found;
}

/*
 * Whether letters are in a text, in any case: to look closer only then.
 */
static bool
contains_word(const char *text, const char *word)
{
	int			length = strlen(word);
	char		first[] = {word[0], pg_toupper((unsigned char) word[0]), '\0'};

	for (text = strpbrk(text, first); text != NULL; text = strpbrk(text + 1, first))
	{
		if (pg_strncasecmp(text, word, length) == 0)
			return true;
	}
	return false;
}
