/*
 * split.c
 *	  Splits a migration body into statements, and these into segments.
 *
 * The server's parser splits, so that function bodies, rules with several
 * actions and the like stay in one piece.  What a body must not contain is
 * refused here, when it is registered, and not in the middle of a run:
 * transaction control (a migration run begins and ends its transactions itself;
 * per_statement.c has the exception) and COPY from or to the client (whose
 * connection a body does not have).
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
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "script/script_internal.h"

#define EXPORT_SNAPSHOT "pg_export_snapshot"

static List *parse_body(const MigScriptSource *source);
static bool is_token(const MigScriptSource *source, int location);
static void refuse_inline_data(const MigScriptSource *source, int end);
static int	find_inline_data(MigScriptScan *scan, int end,
							 volatile int *copy_end);
static void refuse_statement(const MigScriptSource *source, Node *statement,
							 int location, int end);
static bool begins_or_commits(const TransactionStmt *transaction);
static void refuse_copy(const MigScriptSource *source, bool is_from,
						int location, int end);
static const char *transaction_start_only(const Node *statement);
static bool sets_old_strings(const Node *statement);
static bool names_export(const char *text, int length);
static bool exports_snapshot(Node *node);
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
	MigScriptBlock block = {false};
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
		MigStatement *statement = &script->statements[script->nstatements];
		int			location;
		int			end;

		location = mig_script_skip_gap(source->body, raw->stmt_location);
		end = end_of_statement(source->body, raw, location, size);
		if (source->per_statement &&
			mig_per_statement_border(source, raw->stmt, location, end, script,
									 &block))
			continue;
		if (source->is_verify)
			mig_verify_statement_check(source, raw->stmt, location, end);
		refuse_statement(source, raw->stmt, location, end);
		script->nstatements++;

		/* Counting on from the last statement keeps this linear. */
		line += mig_script_count_lines(source->body, counted, location);
		counted = location;

		statement->location = location;
		statement->length = end - location;
		statement->line = line;
		mig_statement_kind_read(raw->stmt, statement);
		statement->commit_after = mig_statement_kind_adds_enum_value(raw->stmt);
		statement->in_block = false;
		statement->locks = mig_lock_needs(raw->stmt);
		statement->validates = mig_lock_validated_table(raw->stmt);
		if (source->per_statement)
			mig_per_statement_read(source, raw->stmt, statement, &block);
		if (statement->kind != MIG_STATEMENT_ORDINARY &&
			statement->kind != MIG_STATEMENT_BATCH)
			script->nnontransactional++;
	}
	if (source->per_statement)
		mig_per_statement_end(source, &block);

	MemoryContextDelete(context);
	script->ntransactions = count_transactions(script);
	return script;
}

/*
 * Split a body that is not part of a script.
 */
MigScript *
mig_script_split_text(const char *body, bool per_statement)
{
	MigScriptSource source = {.body = body, .per_statement = per_statement};

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
		statement->in_block = false;
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
 * The server's raw parser, in the current memory context, under settings of our
 * own: the meaning of a body must not depend on the session.
 */
List *
mig_script_parse(const char *text)
{
	bool		standard_strings = MIG_COMPAT_STANDARD_STRINGS;
	int			quote = backslash_quote;
	List	   *volatile parsed = NIL;

	mig_compat_set_standard_strings(true);
	/* The text has left the client's encoding behind. */
	backslash_quote = BACKSLASH_QUOTE_ON;
	PG_TRY();
	{
		parsed = raw_parser(text, RAW_PARSE_DEFAULT);
	}
	PG_FINALLY();
	{
		backslash_quote = quote;
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
		parsed = mig_script_parse(source->body);
	}
	PG_CATCH();
	{
		ErrorData  *error;
		int			location;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->cursorpos <= 0)
			PG_RE_THROW();
		FlushErrorState();

		location = pg_mbcharcliplen(source->body, strlen(source->body),
									error->cursorpos - 1);
		if (error->sqlerrcode == ERRCODE_SYNTAX_ERROR)
			mig_script_explain(source, error, location);
		mig_script_locate_error(source, error, location);
		ReThrowError(error);
	}
	PG_END_TRY();

	return parsed;
}

/*
 * Add a hint to a syntax error if the text was written for psql, or raise a
 * better error.
 */
void
mig_script_explain(const MigScriptSource *source, ErrorData *error,
				   int location)
{
	const char *at = source->body + location;

	refuse_inline_data(source, location);

	/* Inside a literal the server has said what is wrong. */
	if (error->hint != NULL || !is_token(source, location))
		return;
	if (at[0] == '\\')
		error->hint = pstrdup("A backslash command of psql is not SQL and cannot be in a migration body.");
	else if (at[0] == ':' && (isalpha((unsigned char) at[1]) ||
							  strchr("_'\"{", at[1]) != NULL) && at[1] != '\0')
		error->hint = pstrdup("Variables of psql are not substituted in a migration body.");
}

/*
 * Whether a token begins at a byte, and does end.
 */
static bool
is_token(const MigScriptSource *source, int location)
{
	MigScriptScan scan;
	bool		found = false;

	mig_script_scan_begin(&scan, source);
	while (!found && mig_script_scan_try_next(&scan) && scan.location <= location)
		found = scan.location == location && scan.length == 1;
	mig_script_scan_end(&scan);
	return found;
}

/*
 * Inline data are a syntax error at the first value, or at the first quote in
 * them.  What is wrong is the COPY before it, and so is any other such COPY
 * before the end given.
 */
static void
refuse_inline_data(const MigScriptSource *source, int end)
{
	MemoryContext context = CurrentMemoryContext;
	MigScriptScan scan;
	volatile int copy = -1;
	volatile int copy_end = -1;

	mig_script_scan_begin(&scan, source);
	PG_TRY();
	{
		copy = find_inline_data(&scan, end, &copy_end);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	mig_script_scan_end(&scan);

	if (copy >= 0)
		refuse_copy(source, true, copy, copy_end);
}

/*
 * The first COPY ... FROM STDIN that begins before the end given, or -1.
 *
 * Everything before the syntax error was accepted by the parser, so that
 * a piece between two semicolons that begins with COPY is that statement.
 */
static int
find_inline_data(MigScriptScan *scan, int end, volatile int *copy_end)
{
	const char *body = scan->source.body;
	int			copy = -1;
	bool		first = true;

	while (mig_script_scan_next(scan) && scan->location < end)
	{
		bool		semicolon = strcmp(scan->text, ";") == 0;

		if (first && pg_strcasecmp(scan->text, "copy") == 0)
			copy = scan->location;

		if (semicolon && copy >= 0)
		{
			List	   *parsed = mig_script_parse(pnstrdup(body + copy,
														   scan->location - copy));
			Node	   *statement = linitial_node(RawStmt, parsed)->stmt;

			if (IsA(statement, CopyStmt) &&
				((CopyStmt *) statement)->filename == NULL &&
				((CopyStmt *) statement)->is_from)
			{
				*copy_end = scan->location;
				return copy;
			}
			copy = -1;
		}
		first = semicolon;
	}
	return -1;
}

/*
 * Raise an error for a statement that is not allowed in a body.
 */
static void
refuse_statement(const MigScriptSource *source, Node *statement, int location,
				 int end)
{
	const char *too_late = transaction_start_only(statement);

	if (IsA(statement, TransactionStmt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s is not allowed in a migration body",
						GetCommandTagName(CreateCommandTag(statement))),
				 begins_or_commits((TransactionStmt *) statement) ?
				 errhint("Remove the statement: a migration run begins and ends its transactions itself. A body of several transactions can be registered with transactional => false, or \"transaction:false\" after its section line.") :
				 errhint("Remove the statement: a migration run begins and ends its transactions itself."),
				 mig_script_errposition(source, location, end, location)));

	if (too_late != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s is not allowed in a migration body", too_late),
				 errdetail("It has to come before everything else in a transaction, which a migration run has begun."),
				 errhint("Set default_transaction_isolation or default_transaction_deferrable in the session, or for the role, that runs the revision."),
				 mig_script_errposition(source, location, end, location)));

	if (sets_old_strings(statement) &&
		strchr(source->body + end, '\\') != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("standard_conforming_strings cannot be switched off in a migration body"),
				 errdetail("Statements of a body are read with the setting on, and there are backslashes in what follows."),
				 errhint("Remove the statement, and write the string constants that have backslash escapes as E'...'."),
				 mig_script_errposition(source, location, end, location)));

	if (names_export(source->body + location, end - location) &&
		exports_snapshot(statement))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("pg_export_snapshot() is not allowed in a migration body"),
				 errdetail("A body runs in a subtransaction, which cannot export a snapshot."),
				 mig_script_errposition(source, location, end, location)));

	if (IsA(statement, CopyStmt) && ((CopyStmt *) statement)->filename == NULL)
		refuse_copy(source, ((CopyStmt *) statement)->is_from, location, end);
}

static bool
begins_or_commits(const TransactionStmt *transaction)
{
	return transaction->kind == TRANS_STMT_BEGIN ||
		transaction->kind == TRANS_STMT_START ||
		transaction->kind == TRANS_STMT_COMMIT;
}

static void
refuse_copy(const MigScriptSource *source, bool is_from, int location, int end)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s is not allowed in a migration body",
					is_from ? "COPY FROM STDIN" : "COPY TO STDOUT"),
			 is_from ?
			 errhint("Use INSERT, as pg_dump --inserts writes it, or COPY with a file or program on the server.") :
			 errhint("Use COPY with a file or program on the server."),
			 mig_script_errposition(source, location, end, location)));
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
 * Whether a client would have the statements behind it read in the old way.
 */
static bool
sets_old_strings(const Node *statement)
{
	const VariableSetStmt *set = (const VariableSetStmt *) statement;
	const A_Const *value;
	bool		is_on;

	if (!IsA(statement, VariableSetStmt) || set->kind != VAR_SET_VALUE ||
		pg_strcasecmp(set->name, "standard_conforming_strings") != 0 ||
		!IsA(linitial(set->args), A_Const))
		return false;
	value = linitial_node(A_Const, set->args);
	if (IsA(&value->val, Integer))
		return value->val.ival.ival == 0;
	return IsA(&value->val, String) &&
		parse_bool(value->val.sval.sval, &is_on) && !is_on;
}

/*
 * Whether it is worth walking.  An expression that is too deep for the walker
 * was not too deep for the parser, and may not be for the session that runs it.
 */
static bool
names_export(const char *text, int length)
{
	int			size = strlen(EXPORT_SNAPSHOT);

	for (int at = 0; at + size <= length; at++)
	{
		if (pg_strncasecmp(text + at, EXPORT_SNAPSHOT, size) == 0)
			return true;
	}
	return false;
}

/*
 * Whether a query calls pg_export_snapshot().
 */
static bool
exports_snapshot(Node *node)
{
	return (IsA(node, SelectStmt) || IsA(node, InsertStmt) ||
			IsA(node, UpdateStmt) || IsA(node, DeleteStmt)) &&
		mig_statement_calls(node, EXPORT_SNAPSHOT);
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
		/* A batch is several by itself. */
		ntransactions += segment.kind == MIG_STATEMENT_BATCH ? 2 : 1;
	}
	return Max(ntransactions, 1);
}
