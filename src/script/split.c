/*
 * split.c
 *	  Splits a migration body into statements, and these into segments.
 *
 * The server's parser splits, so that function bodies, rules with several
 * actions and the like stay in one piece.  What a body must not contain is
 * refused here, when it is registered, and not in the middle of a run:
 * transaction control (a migration run ends its transactions itself) and COPY
 * from or to the client (whose connection a body does not have).
 *
 * The parse trees take some twenty times the space of the text.  They must
 * not outlive the split: only offsets into the body are kept.
 */
#include "postgres.h"

#include <ctype.h>

#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "parser/scansup.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "script/script_internal.h"

static List *parse_body(const MigScriptSource *source);
static void explain_syntax_error(const MigScriptSource *source,
								 ErrorData *error);
static void refuse_inline_data(const MigScriptSource *source, int end);
static void refuse_statement(const MigScriptSource *source, Node *statement,
							 int location);
static int	end_of_statement(const char *body, const RawStmt *raw,
							 int location, int size);
static bool is_used_in(const char *value, const char *rest);
static int	count_transactions(const MigScript *script);

/*
 * Split a body.  The result is allocated in the current memory context, what
 * it took to find it is not kept.
 *
 * Raises 42601 for a syntax error and 0A000 for a statement that is not
 * allowed in a body, both with a position in the source.
 */
MigScript *
mig_script_split(const MigScriptSource *source)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	MigScript  *script;
	List	   *parsed;
	ListCell   *cell;
	int			size = strlen(source->body);
	int			counted = 0;
	int			line = 1;

	context = AllocSetContextCreate(caller, "migrate split",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	parsed = parse_body(source);
	MemoryContextSwitchTo(caller);

	script = palloc0(sizeof(MigScript));
	script->statements = palloc_extended(sizeof(MigStatement) *
										 Max(list_length(parsed), 1),
										 MCXT_ALLOC_HUGE);

	foreach(cell, parsed)
	{
		RawStmt    *raw = lfirst_node(RawStmt, cell);
		MigStatement *statement = &script->statements[script->nstatements++];
		const char *value;
		int			location;

		location = mig_script_skip_gap(source->body, raw->stmt_location);
		refuse_statement(source, raw->stmt, location);

		/* Counting on from the last statement keeps this linear. */
		line += mig_script_count_lines(source->body, counted, location);
		counted = location;

		statement->location = location;
		statement->length = end_of_statement(source->body, raw,
											 location, size) - location;
		statement->line = line;
		mig_statement_kind_read(raw->stmt, statement);
		if (statement->kind != MIG_STATEMENT_ORDINARY)
			script->nnontransactional++;
		value = mig_statement_kind_enum_value(raw->stmt);
		statement->commit_after = value != NULL &&
			is_used_in(value, source->body + location + statement->length);
	}

	MemoryContextDelete(context);
	script->ntransactions = count_transactions(script);
	return script;
}

/*
 * Split a body that is not part of a script.
 */
MigScript *
mig_script_split_text(const char *body)
{
	MigScriptSource source = {.body = body};

	return mig_script_split(&source);
}

/*
 * For a server whose DDL commits by itself: every statement is a segment, and
 * one that commits what it does is no longer ordinary.
 */
void
mig_script_commit_each(MigScript *script)
{
	for (int i = 0; i < script->nstatements; i++)
	{
		MigStatement *statement = &script->statements[i];

		statement->commit_after = true;
		if (statement->kind == MIG_STATEMENT_ORDINARY && statement->commits)
		{
			statement->kind = MIG_STATEMENT_COMMITS;
			script->nnontransactional++;
		}
	}
	script->ntransactions = count_transactions(script);
}

/*
 * The segment that begins with a statement.  A run can resume at any statement,
 * so segments are computed from there and not kept.
 */
void
mig_script_segment(const MigScript *script, int first, MigSegment *segment)
{
	int			next = first;

	segment->first = first;
	segment->kind = MIG_STATEMENT_ORDINARY;
	segment->tag = NULL;
	if (first < script->nstatements &&
		script->statements[first].kind != MIG_STATEMENT_ORDINARY)
	{
		segment->kind = script->statements[first].kind;
		segment->tag = script->statements[first].tag;
		next++;
	}
	else
	{
		while (next < script->nstatements &&
			   script->statements[next].kind == MIG_STATEMENT_ORDINARY)
		{
			if (script->statements[next++].commit_after)
				break;
		}
	}
	segment->nstatements = next - first;
}

/*
 * The server's raw parser, in the current memory context, with
 * standard_conforming_strings on: the meaning of a body must not depend on the
 * session.
 */
List *
mig_script_parse(const char *text)
{
	bool		standard_strings = MIG_COMPAT_STANDARD_STRINGS;
	List	   *volatile parsed = NIL;

	mig_compat_set_standard_strings(true);
	PG_TRY();
	{
		parsed = raw_parser(text, RAW_PARSE_DEFAULT);
	}
	PG_FINALLY();
	{
		mig_compat_set_standard_strings(standard_strings);
	}
	PG_END_TRY();
	return parsed;
}

/*
 * Parse the body in the current memory context.
 *
 * Catching the error needs no subtransaction: the raw parser touches nothing
 * but memory.
 */
static List *
parse_body(const MigScriptSource *source)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *volatile parsed = NIL;

	PG_TRY();
	{
		ErrorContextCallback callback;

		callback.callback = mig_script_scan_errcontext;
		callback.arg = unconstify(MigScriptSource *, source);
		callback.previous = error_context_stack;
		error_context_stack = &callback;

		parsed = mig_script_parse(source->body);

		error_context_stack = callback.previous;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		if (geterrcode() != ERRCODE_SYNTAX_ERROR)
			PG_RE_THROW();

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();

		explain_syntax_error(source, error);
		ReThrowError(error);
	}
	PG_END_TRY();

	return parsed;
}

/*
 * Add a hint if the body was written for psql, or raise a better error.
 */
static void
explain_syntax_error(const MigScriptSource *source, ErrorData *error)
{
	int			location;
	const char *at;

	if (error->internalpos <= 0)
		return;

	location = mig_script_scan_errlocation(source, error->internalpos);
	at = source->body + location;

	refuse_inline_data(source, location);

	if (at[0] == '\\')
		error->hint = pstrdup("A backslash command of psql is not SQL and cannot be in a migration body.");
	else if (at[0] == ':' && (isalpha((unsigned char) at[1]) ||
							  strchr("_'\"{", at[1]) != NULL) && at[1] != '\0')
		error->hint = pstrdup("Variables of psql are not substituted in a migration body.");
}

/*
 * Inline data are a syntax error at the first value.  What is wrong is
 * the COPY before it, and so is any other such COPY before the end given.
 *
 * Everything before the syntax error was accepted by the parser, so that
 * a piece between two semicolons that begins with COPY is that statement.
 */
static void
refuse_inline_data(const MigScriptSource *source, int end)
{
	MigScriptScan scan;
	int			copy = -1;
	bool		first = true;

	mig_script_scan_begin(&scan, source);
	while (mig_script_scan_next(&scan) && scan.location < end)
	{
		bool		semicolon = strcmp(scan.text, ";") == 0;

		if (first && pg_strcasecmp(scan.text, "copy") == 0)
			copy = scan.location;

		if (semicolon && copy >= 0)
		{
			List	   *parsed;

			parsed = mig_script_parse(pnstrdup(source->body + copy,
											   scan.location - copy));
			refuse_statement(source, linitial_node(RawStmt, parsed)->stmt,
							 copy);
			copy = -1;
		}
		first = semicolon;
	}
	mig_script_scan_end(&scan);
}

/*
 * Raise an error for a statement that is not allowed in a body.
 */
static void
refuse_statement(const MigScriptSource *source, Node *statement, int location)
{
	if (IsA(statement, TransactionStmt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s is not allowed in a migration body",
						GetCommandTagName(CreateCommandTag(statement))),
				 errhint("Remove the statement: a migration run begins and ends its transactions itself."),
				 mig_script_scan_errposition(source, location)));

	if (IsA(statement, CopyStmt))
	{
		CopyStmt   *copy = (CopyStmt *) statement;

		if (copy->filename == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("%s is not allowed in a migration body",
							copy->is_from ?
							"COPY FROM STDIN" : "COPY TO STDOUT"),
					 errhint("Use INSERT, or COPY with a file or program on the server."),
					 mig_script_scan_errposition(source, location)));
	}
}

/*
 * Where the text of a statement ends: before the semicolon, or at the end of
 * the body, and in both cases before white space.
 */
static int
end_of_statement(const char *body, const RawStmt *raw, int location, int size)
{
	int			end = size;

	/* A length of zero is "the rest". */
	if (raw->stmt_len > 0)
		end = raw->stmt_location + raw->stmt_len;

	while (end > location && scanner_isspace(body[end - 1]))
		end--;

	return end;
}

/*
 * Whether what follows in a body could use a new value of an enum, which the
 * server allows only after the value was committed: whether it has the value's
 * text in it.
 */
static bool
is_used_in(const char *value, const char *rest)
{
	/* It may be written in more than one way. */
	if (strpbrk(value, "'\\") != NULL)
		return true;
	return strstr(rest, value) != NULL;
}

static int
count_transactions(const MigScript *script)
{
	int			ntransactions = 0;
	int			next = 0;

	while (next < script->nstatements)
	{
		MigSegment	segment;

		mig_script_segment(script, next, &segment);
		next += segment.nstatements;
		ntransactions++;
	}
	return Max(ntransactions, 1);
}
