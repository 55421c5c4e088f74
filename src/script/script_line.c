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
	[MIG_LINE_DOWN_REVISION] = "down_revision",
	[MIG_LINE_DEPENDS_ON] = "depends_on",
	[MIG_LINE_BRANCH_LABELS] = "branch_labels",
	[MIG_LINE_MESSAGE] = "message",
	[MIG_LINE_SET] = "set",
	[MIG_LINE_ALLOW] = "allow",
	[MIG_LINE_EXTERNAL] = "external",
	[MIG_LINE_MIGRATE] = "migrate",
	[MIG_LINE_FILE] = "file"
};

static MigScriptLineKey read_key(const char *text, int *offset);
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
	while (line->start > 0 && strchr(" \t\f\v", text[line->start - 1]) != NULL)
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

	*length = strcspn(line->value, " \t\f\v");
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

	text += strspn(text, " \t\f\v");
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
		int			length = strcspn(value + start, ",");
		char	   *item = copy_trimmed(value, start, start + length);

		if (item[0] != '\0')
			items[(*nitems)++] = item;
		start = value[start + length] == ',' ? start + length + 1 : -1;
	}

	return items;
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
