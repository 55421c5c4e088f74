/*
 * scan.c
 *	  Scans SQL text for tokens, comments and lines, and reports positions in it.
 *
 * The server's own scanner knows where a literal, a dollar-quoted function
 * or a nested comment ends; nothing here must ever guess that.  It is run
 * with standard_conforming_strings on whatever the session says, so that the
 * same text always has the same tokens.
 *
 * A body is not the query the client sent, so a position in it must never
 * be given as errposition(): the client would draw its caret into the wrong
 * text.  It is reported as an internal position, together with the text.
 */
#include "postgres.h"

#include "common/keywords.h"
#include "mb/pg_wchar.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "parser/scansup.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "script/script_internal.h"

/*
 * Start a pass.  The scan and all it allocates live in a context of their
 * own, a child of the current one, until mig_script_scan_end(), or until the
 * current one is deleted after an error.
 */
void
mig_script_scan_begin(MigScriptScan *scan, const MigScriptSource *source)
{
	MemoryContext caller;

	memset(scan, 0, sizeof(*scan));
	scan->source = *source;
	scan->context = AllocSetContextCreate(CurrentMemoryContext,
										  "migrate scan",
										  ALLOCSET_DEFAULT_SIZES);

	caller = MemoryContextSwitchTo(scan->context);
	scan->scanner = scanner_init(source->body, &scan->extra,
								 &ScanKeywords, ScanKeywordTokens);
	scan->extra.backslash_quote = BACKSLASH_QUOTE_ON;
	mig_compat_scan_standard_strings(&scan->extra);
	MemoryContextSwitchTo(caller);
}

/*
 * Step to the next token; false at the end of the text.  Raises the scanner's
 * 42601, with its position in the source, for a literal or a comment that
 * does not end.
 */
bool
mig_script_scan_next(MigScriptScan *scan)
{
	ErrorContextCallback callback;
	MemoryContext caller;
	core_YYSTYPE value;
	YYLTYPE		location;
	int			token;

	callback.callback = mig_script_scan_errcontext;
	callback.arg = &scan->source;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	caller = MemoryContextSwitchTo(scan->context);

	token = core_yylex(&value, &location, scan->scanner);

	MemoryContextSwitchTo(caller);
	error_context_stack = callback.previous;

	if (token == 0)
		return false;

	/* The scanner keeps a zero byte after the token it has just returned. */
	scan->location = location;
	scan->text = scan->extra.scanbuf + location;
	scan->length = strlen(scan->text);
	return true;
}

/*
 * End a pass and free what it used.
 */
void
mig_script_scan_end(MigScriptScan *scan)
{
	scanner_finish(scan->scanner);
	MemoryContextDelete(scan->context);
}

/*
 * To be called inside ereport(): the error is at this byte of the body.
 */
int
mig_script_scan_errposition(const MigScriptSource *source, int location)
{
	const char *text = source->body;

	if (source->origin != NULL)
	{
		text = source->origin;
		location += source->offset;
	}

	internalerrposition(pg_mbstrlen_with_len(text, location) + 1);
	internalerrquery(text);

	return 0;					/* the value does not matter */
}

/*
 * The byte of the body that an internal position means.
 */
int
mig_script_scan_errlocation(const MigScriptSource *source, int position)
{
	const char *text = source->origin != NULL ? source->origin : source->body;
	int			location;

	location = pg_mbcharcliplen(text, strlen(text), position - 1);
	if (source->origin != NULL)
		location -= source->offset;

	return location;
}

/*
 * Error context callback: what the server's parser or scanner reports as a
 * position in the client's query is one in the body they were given.
 */
void
mig_script_scan_errcontext(void *source)
{
	const MigScriptSource *from = source;
	int			position = geterrposition();

	if (position <= 0)
		return;

	if (from->origin != NULL)
		position += pg_mbstrlen_with_len(from->origin, from->offset);

	errposition(0);
	internalerrposition(position);
	internalerrquery(from->origin != NULL ? from->origin : from->body);
}

/*
 * The offset of the first byte at or after offset that is neither white space
 * nor part of a comment.  The offset given must not be inside a token.
 */
int
mig_script_skip_gap(const char *text, int offset)
{
	for (;;)
	{
		if (scanner_isspace(text[offset]))
			offset++;
		else if (text[offset] == '-' && text[offset + 1] == '-')
			offset += strcspn(text + offset, "\r\n");
		else if (text[offset] == '/' && text[offset + 1] == '*')
			offset = mig_script_skip_comment(text, offset);
		else
			return offset;
	}
}

/*
 * The offset after the block comment, with those nested in it, that begins
 * at the offset given.
 */
int
mig_script_skip_comment(const char *text, int offset)
{
	int			depth = 0;

	do
	{
		if (text[offset] == '/' && text[offset + 1] == '*')
		{
			depth++;
			offset += 2;
		}
		else if (text[offset] == '*' && text[offset + 1] == '/')
		{
			depth--;
			offset += 2;
		}
		else
			offset++;
	} while (depth > 0 && text[offset] != '\0');

	return offset;
}

/*
 * The number of line ends in text[from .. to): line feeds, or carriage
 * returns without one.
 */
int
mig_script_count_lines(const char *text, int from, int to)
{
	int			lines = 0;

	for (int i = from; i < to; i++)
		if (text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n'))
			lines++;

	return lines;
}

/*
 * The text after a UTF-8 byte order mark, if it starts with one.  No SQL
 * starts with these bytes in any server encoding.
 */
const char *
mig_script_strip_bom(const char *text)
{
	return strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? text + 3 : text;
}
