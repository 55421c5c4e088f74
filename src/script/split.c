/*
 * split.c
 *	  Splits a migration body into statements, and these into segments.
 *
 * The server's parser splits, so that function bodies, rules with several
 * actions and the like stay in one piece.  What a body must not contain is
 * refused here, when it is registered, and not in the middle of a run:
 * transaction control (a migration run begins and ends its transactions itself)
 * and COPY from or to the client (whose connection a body does not have).
 *
 * The parse trees take some twenty times the space of the text.  They must
 * not outlive the split: only offsets into the body are kept.
 */
#include "postgres.h"

#include <ctype.h>

#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
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
static const char *transaction_start_only(const Node *statement);
static bool exports_snapshot(Node *node, void *context);
static int	end_of_statement(const char *body, const RawStmt *raw,
							 int location, int size);
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
		statement->commit_after = mig_statement_kind_adds_enum_value(raw->stmt);
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
	const char *too_late = transaction_start_only(statement);

	if (IsA(statement, TransactionStmt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s is not allowed in a migration body",
						GetCommandTagName(CreateCommandTag(statement))),
				 errhint("Remove the statement: a migration run begins and ends its transactions itself."),
				 mig_script_scan_errposition(source, location)));

	if (too_late != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s is not allowed in a migration body", too_late),
				 errdetail("It has to come before everything else in a transaction, which a migration run has begun."),
				 errhint("Set default_transaction_isolation or default_transaction_deferrable in the session, or for the role, that runs the revision."),
				 mig_script_scan_errposition(source, location)));

	if (exports_snapshot(statement, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("pg_export_snapshot() is not allowed in a migration body"),
				 errdetail("A body runs in a subtransaction, which cannot export a snapshot."),
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
 * The name of a statement that sets what cannot be set once a transaction has
 * a snapshot, or NULL.
 */
static const char *
transaction_start_only(const Node *statement)
{
	const VariableSetStmt *set = (const VariableSetStmt *) statement;
	ListCell   *cell;

	if (!IsA(statement, VariableSetStmt) || set->name == NULL)
		return NULL;
	if (strcmp(set->name, "TRANSACTION SNAPSHOT") == 0)
		return "SET TRANSACTION SNAPSHOT";
	if (pg_strcasecmp(set->name, "transaction_isolation") == 0)
		return "SET transaction_isolation";
	if (pg_strcasecmp(set->name, "transaction_deferrable") == 0)
		return "SET transaction_deferrable";
	if (strcmp(set->name, "TRANSACTION") != 0)
		return NULL;
	foreach(cell, set->args)
	{
		const char *name = lfirst_node(DefElem, cell)->defname;

		if (strcmp(name, "transaction_isolation") == 0)
			return "SET TRANSACTION ISOLATION LEVEL";
		if (strcmp(name, "transaction_deferrable") == 0)
			return "SET TRANSACTION DEFERRABLE";
	}
	return NULL;
}

/*
 * Whether a query calls pg_export_snapshot().  The server's walker knows the
 * parts of queries only.
 */
static bool
exports_snapshot(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (context == NULL && !IsA(node, SelectStmt) && !IsA(node, InsertStmt) &&
		!IsA(node, UpdateStmt) && !IsA(node, DeleteStmt))
		return false;
	if (IsA(node, FuncCall) &&
		strcmp(strVal(llast(((FuncCall *) node)->funcname)),
			   "pg_export_snapshot") == 0)
		return true;
	return raw_expression_tree_walker(node, exports_snapshot, node);
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
