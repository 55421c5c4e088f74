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
 * text.  It is reported as an internal position, together with the statement
 * and never with more: a script can have thousands of them, and a message goes
 * to the client and to the server's log.
 */
#include "postgres.h"

#include "common/keywords.h"
#include "mb/pg_wchar.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "parser/scansup.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "script/script_internal.h"

/* Bytes of a statement in a message. */
#define MAX_EXCERPT		800

static void locate_scan_error(void *arg);
static void find_statement(const char *body, int location, int *from, int *to);

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
	scan->error_location = -1;
	scan->client_messages = client_min_messages;
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

	callback.callback = locate_scan_error;
	callback.arg = scan;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	caller = MemoryContextSwitchTo(scan->context);

	/* The parser says it, too, and once is enough. */
	client_min_messages = ERROR;
	token = core_yylex(&value, &location, scan->scanner);
	client_min_messages = scan->client_messages;

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
 * The same for a text that may hold an error, which is raised elsewhere: false,
 * too, where a literal or a comment begins that does not end.
 */
bool
mig_script_scan_try_next(MigScriptScan *scan)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool found = false;

	PG_TRY();
	{
		found = mig_script_scan_next(scan);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return found;
}

/*
 * Let the scan, which has just returned a token, find nothing in a piece of the
 * text behind it.  The byte behind the token is kept by the scanner, so that the
 * piece must not begin there.
 */
void
mig_script_scan_blank(MigScriptScan *scan, int from, int to)
{
	memset(scan->extra.scanbuf + from, ' ', to - from);
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
 * Error context callback: where the server's scanner has raised an error.
 */
static void
locate_scan_error(void *arg)
{
	MigScriptScan *scan = arg;
	const char *body = scan->source.body;
	int			position = geterrposition();

	client_min_messages = scan->client_messages;
	if (position <= 0)
		return;

	scan->error_location = pg_mbcharcliplen(body, strlen(body), position - 1);
	errposition(0);
	internalerrposition(1);
	internalerrquery(mig_script_excerpt(body, scan->error_location,
										scan->error_location + MAX_EXCERPT,
										scan->error_location, &position));
}

/*
 * To be called inside ereport(): the error is at this byte of the body, in the
 * piece of it from .. to.
 */
int
mig_script_errposition(const MigScriptSource *source, int from, int to,
					   int location)
{
	int			position;

	internalerrquery(mig_script_excerpt(source->body, from, to, location,
										&position));
	internalerrposition(position);
	mig_script_errline(source, location);

	return 0;					/* the value does not matter */
}

/*
 * To be called inside ereport(): the error is in the line of this byte.
 */
int
mig_script_errline(const MigScriptSource *source, int location)
{
	errcontext("%s", mig_script_place(source, location));

	return 0;
}

/*
 * Give an error that the server's scanner or parser has raised the place in the
 * body, instead of one in what the client has sent.
 */
void
mig_script_locate_error(const MigScriptSource *source, ErrorData *error,
						int location)
{
	MemoryContext caller = MemoryContextSwitchTo(error->assoc_context);
	const char *place = mig_script_place(source, location);
	int			from;
	int			to;

	find_statement(source->body, location, &from, &to);
	error->cursorpos = 0;
	error->internalquery = mig_script_excerpt(source->body, from, to, location,
											  &error->internalpos);
	error->context = error->context == NULL ? pstrdup(place) :
		psprintf("%s\n%s", place, error->context);
	MemoryContextSwitchTo(caller);
}

/*
 * Where a byte of a source is, in words.
 */
const char *
mig_script_place(const MigScriptSource *source, int location)
{
	int			line = Max(source->line, 1) +
	mig_script_count_lines(source->body, source->start, location);

	if (source->file != NULL)
		return psprintf(_("line %d of file \"%s\""), line, source->file);
	if (source->in_script)
		return psprintf(_("line %d of migration script"), line);
	return psprintf(_("line %d"), line);
}

/*
 * A copy of text[from .. to), cut around location if it is long, and the
 * position of location in it, in characters from 1.
 */
char *
mig_script_excerpt(const char *text, int from, int to, int location,
				   int *position)
{
	bool		cut_before = location - from > MAX_EXCERPT / 2;
	int			length;
	char	   *excerpt;

	if (cut_before)
		from += pg_mbcliplen(text + from, location - from,
							 location - from - MAX_EXCERPT / 2);
	length = strnlen(text + from, to - from);
	if (length > MAX_EXCERPT)
		length = pg_mbcliplen(text + from, length, MAX_EXCERPT);
	excerpt = psprintf("%s%.*s%s", cut_before ? "..." : "", length, text + from,
					   from + length < to && text[from + length] != '\0' ? "..." : "");
	*position = pg_mbstrlen_with_len(text + from, location - from) + 1 +
		(cut_before ? 3 : 0);
	return excerpt;
}

/*
 * The statement that a byte is in, as far as semicolons tell: of a function
 * with a body of SQL it is a part.
 */
static void
find_statement(const char *body, int location, int *from, int *to)
{
	MigScriptSource source = {.body = body};
	MigScriptScan scan;
	int			begin = 0;
	int			end = strlen(body);

	mig_script_scan_begin(&scan, &source);
	/* What does not end is the error at hand, or one behind it. */
	while (mig_script_scan_try_next(&scan))
	{
		if (strcmp(scan.text, ";") != 0)
			continue;
		if (scan.location >= location)
		{
			end = scan.location;
			break;
		}
		begin = scan.location + 1;
	}
	mig_script_scan_end(&scan);

	*from = Min(mig_script_skip_gap(body, begin), location);
	while (end > location && scanner_isspace(body[end - 1]))
		end--;
	*to = end;
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
