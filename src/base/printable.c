/*
 * printable.c
 *	  Text on a terminal: characters that it obeys instead of showing them, and
 *	  lines.
 *
 * Clients print messages as they are.  With such characters a text could move
 * the cursor, hide what is in front of it, or be read in another order.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "base/printable.h"

static int	width_of(const char *text, int length);
static bool is_control(const char *character);
static pg_wchar code(const char *character);

/*
 * The first such character of a text that is not among those allowed, or NULL.
 */
const char *
mig_printable_find(const char *text, const char *allowed)
{
	for (; *text != '\0'; text += pg_mblen(text))
	{
		if (is_control(text) && strchr(allowed, *text) == NULL)
			return text;
	}
	return NULL;
}

/*
 * A copy of the text with a question mark for each of them; NULL of NULL.
 */
char *
mig_printable(const char *text)
{
	const char *control;
	StringInfoData buf;

	if (text == NULL)
		return NULL;
	initStringInfo(&buf);
	while ((control = mig_printable_find(text, "")) != NULL)
	{
		appendBinaryStringInfo(&buf, text, control - text);
		appendStringInfoChar(&buf, '?');
		text = control + pg_mblen(control);
	}
	appendStringInfoString(&buf, text);
	return buf.data;
}

/*
 * A copy in quotation marks, those in it doubled: what a person pastes with the
 * statements around it stays a name.  For hints, which have statements.
 */
char *
mig_printable_quoted(const char *text)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '"');
	for (const char *c = mig_printable(text); *c != '\0'; c++)
	{
		if (*c == '"')
			appendStringInfoChar(&buf, *c);
		appendStringInfoChar(&buf, *c);
	}
	appendStringInfoChar(&buf, '"');
	return buf.data;
}

/*
 * Names for a message, each in quotation marks, at most so many of them.
 */
char *
mig_printable_names(const List *names, int max)
{
	StringInfoData buf;
	ListCell   *cell;

	initStringInfo(&buf);
	foreach(cell, names)
	{
		if (foreach_current_index(cell) == max)
		{
			appendStringInfo(&buf, _(" and %d more"), list_length(names) - max);
			break;
		}
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 mig_printable_quoted(lfirst(cell)));
	}
	return buf.data;
}

/*
 * A search_path as SET takes it, for statements that are to be pasted.  Each name is
 * quoted anew: set_config() takes "a;DROP..." for one.  An empty one, which SET makes
 * of '', cannot be quoted as an identifier.
 */
char *
mig_printable_path(const char *search_path)
{
	StringInfoData buf;
	List	   *names;
	ListCell   *cell;

	initStringInfo(&buf);
	(void) SplitIdentifierString(pstrdup(search_path), ',', &names);
	foreach(cell, names)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 *(char *) lfirst(cell) == '\0' ? "''" :
						 quote_identifier(lfirst(cell)));
	return buf.len == 0 ? pstrdup("''") : mig_printable(buf.data);
}

/*
 * Which one it is, and where, as a sentence.
 */
char *
mig_printable_detail(const char *text, const char *character)
{
	return psprintf("Character %d of it is U+%04X. Terminals obey such characters instead of showing them.",
					pg_mbstrlen_with_len(text, character - text) + 1,
					(unsigned int) code(character));
}

/*
 * Appends the text, in lines that end between words.  A word that is longer than
 * a line stays as it is: it may be a name.
 */
void
mig_printable_wrap(StringInfo buf, const char *text, int line_width)
{
	int			width = 0;		/* of the line so far */

	while (*text != '\0')
	{
		int			length = strcspn(text, " \n");
		int			word = width_of(text, length);

		if (width > 0 && width + 1 + word > line_width)
		{
			appendStringInfoChar(buf, '\n');
			width = 0;
		}
		if (width > 0)
		{
			appendStringInfoChar(buf, ' ');
			width++;
		}
		appendBinaryStringInfo(buf, text, length);
		width += word;
		text += length;
		if (*text == '\n')
		{
			appendStringInfoChar(buf, '\n');
			width = 0;
		}
		text += *text == '\0' ? 0 : 1;
	}
}

/*
 * Columns of a terminal.
 */
static int
width_of(const char *text, int length)
{
	int			width = 0;

	for (const char *end = text + length; text < end; text += pg_mblen(text))
		width += Max(pg_dsplen(text), 0);
	return width;
}

/*
 * C0 and DEL in all encodings; in Unicode also C1, the line and paragraph
 * separators, and what embeds, overrides and isolates text of a direction.
 * The marks U+200E and U+200F are spelling.
 */
static bool
is_control(const char *character)
{
	pg_wchar	c = code(character);

	return c < 0x20 || (c >= 0x7F && c <= 0x9F) ||
		(c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/*
 * The code point; where the encoding is not Unicode, of ASCII characters only.
 */
static pg_wchar
code(const char *character)
{
	if (!IS_HIGHBIT_SET(*character))
		return (unsigned char) *character;
	if (GetDatabaseEncoding() == PG_UTF8)
		return utf8_to_unicode((const unsigned char *) character);
	return PG_UINT32_MAX;
}
