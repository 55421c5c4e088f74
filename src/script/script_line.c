/*
 * script_line.c
 *	  Reads a line of the file format.
 *
 * What a line says depends on its text alone.  Whether it may be where it is,
 * script_parser.c says.
 */
#include "postgres.h"

#include "parser/scansup.h"

#include "script/script_internal.h"

static const char *const key_names[MIG_NUM_LINE_KEYS] =
{
	[MIG_LINE_COMMENT] = "",
	[MIG_LINE_REVISION] = "revision",
	[MIG_LINE_REPEATABLE] = "repeatable",
	[MIG_LINE_DOWN_REVISION] = "down_revision",
	[MIG_LINE_DEPENDS_ON] = "depends_on",
	[MIG_LINE_BRANCH_LABELS] = "branch_labels",
	[MIG_LINE_MESSAGE] = "message",
	[MIG_LINE_SET] = "set",
	[MIG_LINE_ALLOW] = "allow",
	[MIG_LINE_EXTERNAL] = "external",
	[MIG_LINE_REPLACES] = "replaces",
	[MIG_LINE_MIGRATE] = "migrate",
	[MIG_LINE_FILE] = "file"
};

/* Begins the text of a value that cannot stand there as it is. */
#define QUOTE_START		"E'"

/* Does not end a line. */
#define LINE_SPACE	" \t\f\v"

static MigScriptLineKey read_key(const char *text, int *offset);
static int	item_length(const char *value);
static char *read_quoted(const char *text, int *length);
static char escaped(char letter);
static bool can_stand(const char *text, bool in_list);
static char *copy_trimmed(const char *text, int start, int end);

/*
 * Read the line of the comment in text[location .. end).
 */
void
mig_script_line_read(const char *text, int location, int end,
					 MigScriptLine *line)
{
	int			offset = location + 2;

	line->location = location;
	line->start = location;
	while (line->start > 0 && strchr(LINE_SPACE, text[line->start - 1]) != NULL)
		line->start--;
	line->key = read_key(text, &offset);
	line->value = copy_trimmed(text, offset, end);
	line->next = end + (text[end] == '\r' && text[end + 1] == '\n' ? 2 :
						text[end] != '\0' ? 1 : 0);
}

/*
 * Read "key:" and move the offset to its end.
 */
static MigScriptLineKey
read_key(const char *text, int *offset)
{
	int			start = *offset + strspn(text + *offset, " \t");
	int			length = strspn(text + start, "abcdefghijklmnopqrstuvwxyz_");
	int			colon = start + length;

	colon += strspn(text + colon, " \t");
	if (text[colon] != ':')
		return MIG_LINE_COMMENT;

	for (int key = MIG_LINE_COMMENT + 1; key < MIG_NUM_LINE_KEYS; key++)
	{
		if ((int) strlen(key_names[key]) == length &&
			strncmp(text + start, key_names[key], length) == 0)
		{
			*offset = colon + 1;
			return key;
		}
	}

	return MIG_LINE_COMMENT;
}

/*
 * Whether a line begins a section, or would with nothing behind it.
 */
bool
mig_script_line_is_marker(const MigScriptLine *line)
{
	int			length;

	return line->key == MIG_LINE_MIGRATE &&
		(int) mig_script_line_section(line, &length) < MIG_NUM_BODY_KINDS;
}

/*
 * Whether a line that begins a revision follows the text of a comment at once, as
 * where a file was appended to one that ends with a comment and no line end.
 * Dashes, quotes and brackets in front of it make it a part of the comment.
 */
bool
mig_script_line_find_glued(const char *text, int location, int end,
						   MigScriptLine *line)
{
	for (int i = location + 2; i + 2 < end; i++)
	{
		if (text[i] != '-' || text[i + 1] != '-' ||
			strchr(LINE_SPACE "-\"'`([{<", text[i - 1]) != NULL)
			continue;
		mig_script_line_read(text, i, end, line);
		if (line->key == MIG_LINE_REVISION || line->key == MIG_LINE_REPEATABLE)
			return true;
	}
	return false;
}

/*
 * The section that a line of that key names, with the length of its name;
 * MIG_NUM_BODY_KINDS: none.
 */
MigBodyKind
mig_script_line_section(const MigScriptLine *line, int *length)
{
	static const char *const names[] = {
		[MIG_BODY_UPGRADE] = "up",
		[MIG_BODY_DOWNGRADE] = "down",
		[MIG_BODY_VERIFY] = "verify"
	};
	int			kind = 0;

	*length = strcspn(line->value, LINE_SPACE);
	while (kind < MIG_NUM_BODY_KINDS &&
		   ((int) strlen(names[kind]) != *length ||
			strncmp(line->value, names[kind], *length) != 0))
		kind++;
	return kind;
}

/*
 * The word that a key is written as.
 */
const char *
mig_script_line_key_name(MigScriptLineKey key)
{
	return key_names[key];
}

/*
 * Reads "transaction:false" or "transaction:true".
 */
bool
mig_script_line_transaction(const char *text, bool *transaction)
{
	const char *name = "transaction";

	text += strspn(text, LINE_SPACE);
	if (strncmp(text, name, strlen(name)) != 0)
		return false;
	text += strlen(name);
	text += strspn(text, " \t");
	if (*text != ':')
		return false;
	text++;
	text += strspn(text, " \t");
	*transaction = strcmp(text, "true") == 0;
	return *transaction || strcmp(text, "false") == 0;
}

/*
 * Takes the $tag$ of a section line off the end of its value; NULL: it has none.
 */
char *
mig_script_line_quote(const MigScriptLine *line)
{
	static const char *const letters =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	int			start = strlen(line->value);
	const char *word;
	int			length;
	char	   *quote;

	while (start > 0 && strchr(LINE_SPACE, line->value[start - 1]) == NULL)
		start--;
	word = line->value + start;
	length = strlen(word);
	if (length < 2 || word[0] != '$' || word[length - 1] != '$' ||
		(int) strspn(word + 1, letters) != length - 2)
		return NULL;
	quote = pstrdup(word);
	while (start > 0 && strchr(LINE_SPACE, line->value[start - 1]) != NULL)
		start--;
	line->value[start] = '\0';
	return quote;
}

/*
 * Whether a comment is the end line of a body with that $tag$.
 */
bool
mig_script_line_ends_quote(const char *text, int location, int end,
						   const char *quote)
{
	int			start = location;

	while (start > 0 && strchr(LINE_SPACE, text[start - 1]) != NULL)
		start--;
	return text[location] == '-' &&
		(start == 0 || strchr("\r\n", text[start - 1]) != NULL) &&
		strcmp(copy_trimmed(text, location + 2, end), quote) == 0;
}

/*
 * The items of a value separated by commas; empty ones do not count.
 */
char	  **
mig_script_line_items(const char *value, int *nitems)
{
	int			commas = 0;
	char	  **items;

	for (const char *p = value; *p != '\0'; p++)
		if (*p == ',')
			commas++;

	items = palloc(sizeof(char *) * (commas + 1));
	*nitems = 0;

	for (int start = 0; start >= 0;)
	{
		int			length = item_length(value + start);
		char	   *item = mig_script_line_text(copy_trimmed(value, start,
															 start + length));

		if (item != NULL)
			items[(*nitems)++] = item;
		start = value[start + length] == ',' ? start + length + 1 : -1;
	}

	return items;
}

/*
 * Up to the comma that ends an item, which may be in quotes.
 */
static int
item_length(const char *value)
{
	int			start = strspn(value, " \t");
	int			length;

	if (read_quoted(value + start, &length) != NULL)
	{
		int			next = start + length;

		next += strspn(value + next, " \t");
		if (value[next] == ',' || value[next] == '\0')
			return next;
	}
	return strcspn(value, ",");
}

/*
 * The text that a value without white space around it stands for: itself, or
 * what is quoted in it.  NULL: there is none.
 */
char *
mig_script_line_text(char *value)
{
	int			length;
	char	   *text = read_quoted(value, &length);

	if (text != NULL && value[length] == '\0')
		return text;
	return value[0] == '\0' ? NULL : value;
}

/*
 * Reads E'text' with the escapes that are written here, and says how long it is.
 * NULL: it is none, and the text stands for itself.
 */
static char *
read_quoted(const char *text, int *length)
{
	const char *from = text + strlen(QUOTE_START);
	char	   *result;
	char	   *to;

	if (strncmp(text, QUOTE_START, strlen(QUOTE_START)) != 0)
		return NULL;
	result = to = palloc(strlen(from) + 1);
	for (; from[0] != '\'' || from[1] == '\''; from++)
	{
		*to = *from == '\\' || *from == '\'' ? escaped(*++from) : *from;
		if (*to++ == '\0')
			return NULL;
	}
	*to = '\0';
	*length = from + 1 - text;
	return result;
}

/*
 * What a letter stands for behind a backslash, or behind a quote; zero: nothing.
 */
static char
escaped(char letter)
{
	switch (letter)
	{
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case '\\':
		case '\'':
			return letter;
		default:
			return '\0';
	}
}

/*
 * Appends a text as the value of a line, or as an item of a list, so that
 * mig_script_line_text() and mig_script_line_items() return it.
 */
void
mig_script_line_write(StringInfo line, const char *text, bool in_list)
{
	if (can_stand(text, in_list))
	{
		appendStringInfoString(line, text);
		return;
	}
	appendStringInfoString(line, QUOTE_START);
	for (const char *c = text; *c != '\0'; c++)
	{
		if (*c == '\n' || *c == '\r')
			appendStringInfoString(line, *c == '\n' ? "\\n" : "\\r");
		else
		{
			if (*c == '\\' || *c == '\'')
				appendStringInfoChar(line, '\\');
			appendStringInfoChar(line, *c);
		}
	}
	appendStringInfoChar(line, '\'');
}

/*
 * Whether a text is read as it is written.
 */
static bool
can_stand(const char *text, bool in_list)
{
	return text[0] != '\0' && strpbrk(text, "\r\n") == NULL &&
		!(in_list && strchr(text, ',') != NULL) &&
		!scanner_isspace(text[0]) &&
		!scanner_isspace(text[strlen(text) - 1]) &&
		strncmp(text, QUOTE_START, strlen(QUOTE_START)) != 0;
}

/*
 * A copy of text[start .. end) without white space around it.
 */
static char *
copy_trimmed(const char *text, int start, int end)
{
	while (start < end && scanner_isspace(text[start]))
		start++;
	while (end > start && scanner_isspace(text[end - 1]))
		end--;

	return pnstrdup(text + start, end - start);
}
