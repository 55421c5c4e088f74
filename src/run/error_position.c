/*
 * error_position.c
 *	  Finds where in a body an error was raised.
 *
 * SPI gives a position in the statement it was handed, PL/pgSQL one in a query
 * of a DO block or only a line, and an error that is raised while a statement
 * runs has none.  All of these become a position in the statement, so that a
 * client shows the line and a caret, and the context says which line of the body
 * the statement is at.  A position inside some function that the body called is
 * left alone: its text is not in the body.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "utils/memutils.h"

#include "base/error_text.h"
#include "run/run_internal.h"

static int	locate_in_statement(const ErrorData *error, const char *statement);
static int	locate_in_code(const ErrorData *error, const char *statement);
static const char *literal_code(const char *statement, bool *is_do);
static bool is_text_of(const char *code, const char *query);
static int	do_block_line(const char *context, bool innermost);
static const char *skip_to_line(const char *code, int line);
static void drop_query_context(ErrorData *error, const char *statement);

/*
 * Makes an error that a statement raised point into the statement.
 */
void
mig_error_position(ErrorData *error, const char *statement)
{
	MemoryContext caller;
	int			offset_in_statement;

	drop_query_context(error, statement);
	if (error->cursorpos > 0)
		return;
	offset_in_statement = locate_in_statement(error, statement);
	if (offset_in_statement < 0)
		return;

	caller = MemoryContextSwitchTo(error->assoc_context);
	error->internalquery = mig_script_excerpt(statement, 0, strlen(statement),
											  offset_in_statement,
											  &error->internalpos);
	MemoryContextSwitchTo(caller);
}

/*
 * An error context callback, with the text of a statement of ours: a position is
 * one in it, not in what the client has sent.
 */
void
mig_error_position_callback(void *statement)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery((const char *) statement);
	}
}

/*
 * Byte offset of the error in the statement, or -1 if it is not there.
 */
static int
locate_in_statement(const ErrorData *error, const char *statement)
{
	int			offset;

	if (error->internalquery != NULL &&
		strcmp(error->internalquery, statement) == 0)
		return pg_mbcharcliplen(statement, strlen(statement),
								error->internalpos - 1);

	offset = locate_in_code(error, statement);
	if (offset >= 0)
		return offset;
	return error->internalquery == NULL ? 0 : -1;
}

/*
 * The same for an error inside code that the statement holds as a literal:
 * in its whole text (it did not compile), or, for a DO block, in one of its
 * queries or at the line that was running.
 */
static int
locate_in_code(const ErrorData *error, const char *statement)
{
	bool		is_do;
	const char *code = literal_code(statement, &is_do);
	const char *query = error->internalquery;
	const char *start = code;

	if (code == NULL)
		return -1;
	if (query == NULL || !is_text_of(code, query))
	{
		int			line = is_do ? do_block_line(error->context,
												 query != NULL) : 0;

		start = line > 0 ? skip_to_line(code, line) : NULL;
		if (start == NULL)
			return -1;
		if (query != NULL)
		{
			const char *found = strstr(start, query);

			/* PL/pgSQL may have rewritten it, as PERFORM to SELECT. */
			if (found != NULL)
				start = found;
			else
				query = NULL;
		}
	}
	if (query != NULL)
		start += pg_mbcharcliplen(query, strlen(query),
								  error->internalpos - 1);
	return start - statement;
}

/*
 * Where the code of a DO, CREATE FUNCTION or CREATE PROCEDURE begins in the
 * statement; NULL for other statements, and for code with escapes.
 */
static const char *
literal_code(const char *statement, bool *is_do)
{
	List	   *parsed = mig_script_parse(statement);
	Node	   *node;
	List	   *options;
	ListCell   *cell;

	Assert(list_length(parsed) == 1);
	node = linitial_node(RawStmt, parsed)->stmt;
	*is_do = IsA(node, DoStmt);
	if (*is_do)
		options = castNode(DoStmt, node)->args;
	else if (IsA(node, CreateFunctionStmt))
		options = castNode(CreateFunctionStmt, node)->options;
	else
		return NULL;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);
		const char *literal = statement + option->location;

		if (strcmp(option->defname, "as") != 0 || option->location < 0)
			continue;
		if (!*is_do)			/* the location is that of the word AS */
			literal = statement +
				mig_script_skip_gap(statement,
									option->location + strlen("AS"));
		if (*literal == '\'')
			return literal + 1;
		literal = *literal == '$' ? strchr(literal + 1, '$') : NULL;
		return literal == NULL ? NULL : literal + 1;
	}
	return NULL;
}

/*
 * Whether the query is all of the literal that begins with code.
 */
static bool
is_text_of(const char *code, const char *query)
{
	size_t		length = strlen(query);

	return strncmp(code, query, length) == 0 &&
		(code[length] == '$' || code[length] == '\'');
}

/*
 * The line of the DO block that a context names: in its first line if the
 * error must be in the block itself, otherwise the outermost one.  0: none.
 */
static int
do_block_line(const char *context, bool innermost)
{
	const char *found = NULL;

	for (const char *block = context == NULL ? NULL : mig_error_do_block(context);
		 block != NULL; block = mig_error_do_block(block))
	{
		if (innermost && memchr(context, '\n', block - context) != NULL)
			break;
		found = block;
	}
	if (found == NULL)
		return 0;
	found += strcspn(found, "0123456789\n");
	return atoi(found);
}

/*
 * The first character of a line that is not white space.
 */
static const char *
skip_to_line(const char *code, int line)
{
	for (; line > 1; line--)
	{
		code = strchr(code, '\n');
		if (code == NULL)
			return NULL;
		code++;
	}
	return code + strspn(code, " \t\r\n");
}

/*
 * Takes SPI's own line, which repeats the whole statement, out of the
 * context.  It is found by the statement, as the words are translated.
 */
static void
drop_query_context(ErrorData *error, const char *statement)
{
	char	   *quoted;
	char	   *start;
	char	   *end;

	if (error->context == NULL)
		return;
	quoted = psprintf("\"%s\"", statement);
	start = strstr(error->context, quoted);
	if (start != NULL)
	{
		end = start + strlen(quoted);
		if (*end == '\n')
			end++;
		while (start > error->context && start[-1] != '\n')
			start--;
		memmove(start, end, strlen(end) + 1);
	}
	pfree(quoted);
}
