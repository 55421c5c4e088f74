/*
 * prepare.c
 *	  Takes out of a text what real files have and a body has no use for.
 *
 * What is taken out is overwritten with spaces, so that lines stay those of the
 * file, and what is left is what is stored and hashed: a file is the same
 * revision with and without these.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/scansup.h"
#include "utils/memutils.h"

#include "script/script_internal.h"

static int	find_restrict(const char *text, int from);
static bool is_restrict(const char *text, int location);
static void blank(char *text, int from, int to);
static bool is_wrapped(const List *parsed, MigBodyKind kind);
static bool begins_with_begin(const char *body);
static bool is_plain(Node *statement, TransactionStmtKind kind);

/*
 * A copy of a text without the lines \\restrict and \\unrestrict that pg_dump
 * writes around what it dumps, and without a byte order mark in front.  Other
 * commands of psql mean something, and stay for the parser to refuse.
 */
char *
mig_script_prepare(const char *text)
{
	bool		has_bom = strncmp(text, MIG_SCRIPT_BOM, strlen(MIG_SCRIPT_BOM)) == 0;
	char	   *copy = pstrdup(has_bom ? text + strlen(MIG_SCRIPT_BOM) : text);
	int			at = 0;

	if (strstr(copy, "\\restrict") == NULL && strstr(copy, "\\unrestrict") == NULL)
		return copy;

	while ((at = find_restrict(copy, at)) >= 0)
	{
		int			end = at + strcspn(copy + at, "\r\n");

		CHECK_FOR_INTERRUPTS();
		blank(copy, at, end);
		at = end;
	}
	return copy;
}

/*
 * The next such line outside of literals, comments and the data of COPY, or -1.  A
 * key in it is no token, so that it is to be blanked before the scan can continue.
 */
static int
find_restrict(const char *text, int from)
{
	MigScriptSource source = {.body = text + from};
	MigScriptScan scan;
	MigCopyData copy = {0};
	int			found = -1;

	mig_script_scan_begin(&scan, &source);
	/* Of a literal that does not end the parser will say so. */
	while (found < 0 && mig_script_scan_try_next(&scan))
	{
		if (is_restrict(text, from + scan.location))
			found = from + scan.location;
		else
			(void) mig_foreign_skip_data(&scan, &copy);
	}
	mig_script_scan_end(&scan);
	return found;
}

static bool
is_restrict(const char *text, int location)
{
	static const char *const commands[] = {"\\restrict", "\\unrestrict"};

	if (text[location] != '\\' ||
		(location > 0 && strchr("\r\n", text[location - 1]) == NULL))
		return false;
	for (int i = 0; i < lengthof(commands); i++)
	{
		int			length = strlen(commands[i]);

		if (strncmp(text + location, commands[i], length) == 0 &&
			(text[location + length] == '\0' ||
			 scanner_isspace(text[location + length])))
			return true;
	}
	return false;
}

static void
blank(char *text, int from, int to)
{
	memset(text + from, ' ', to - from);
}

/*
 * Overwrites a BEGIN that is the first statement of a body and a COMMIT that is
 * its last one, and says whether it did.  A revision is a transaction anyway.
 * With any other statement of that kind, or an isolation level, the two are not
 * all that is meant, and stay.  What a verify body does is taken back anyway, so
 * that there a ROLLBACK is as good.
 */
bool
mig_script_unwrap(char *body, MigBodyKind kind)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	List	   *parsed;
	bool		wrapped;

	if (!begins_with_begin(body))
		return false;
	context = AllocSetContextCreate(caller, "migrate unwrap",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	parsed = mig_script_try_parse(body);
	wrapped = is_wrapped(parsed, kind);
	if (wrapped)
	{
		mig_script_blank_statement(body, linitial_node(RawStmt, parsed));
		mig_script_blank_statement(body, llast_node(RawStmt, parsed));
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return wrapped;
}

/*
 * Whether a body that parses begins or ends transactions itself.
 */
bool
mig_script_has_transactions(const char *body)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "migrate transactions",
												  ALLOCSET_DEFAULT_SIZES);
	bool		found = false;
	ListCell   *cell;

	MemoryContextSwitchTo(context);
	foreach(cell, mig_script_try_parse(body))
		found = found || IsA(lfirst_node(RawStmt, cell)->stmt, TransactionStmt);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return found;
}

/*
 * The statements of a body; none if it does not parse, which is said when it is
 * split.
 */
List *
mig_script_try_parse(const char *body)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *volatile parsed = NIL;

	PG_TRY();
	{
		parsed = mig_script_parse(body);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return parsed;
}

static bool
is_wrapped(const List *parsed, MigBodyKind kind)
{
	if (list_length(parsed) < 2 ||
		!(is_plain(linitial_node(RawStmt, parsed)->stmt, TRANS_STMT_BEGIN) ||
		  is_plain(linitial_node(RawStmt, parsed)->stmt, TRANS_STMT_START)) ||
		!(is_plain(llast_node(RawStmt, parsed)->stmt, TRANS_STMT_COMMIT) ||
		  (kind == MIG_BODY_VERIFY &&
		   is_plain(llast_node(RawStmt, parsed)->stmt, TRANS_STMT_ROLLBACK))))
		return false;
	for (int i = 1; i < list_length(parsed) - 1; i++)
	{
		if (IsA(list_nth_node(RawStmt, parsed, i)->stmt, TransactionStmt))
			return false;
	}
	return true;
}

/*
 * Whether it is worth parsing.
 */
static bool
begins_with_begin(const char *body)
{
	int			at = mig_script_skip_gap(body, 0);

	while (body[at] == ';')
		at = mig_script_skip_gap(body, at + 1);
	return pg_strncasecmp(body + at, "begin", strlen("begin")) == 0 ||
		pg_strncasecmp(body + at, "start", strlen("start")) == 0;
}

static bool
is_plain(Node *statement, TransactionStmtKind kind)
{
	TransactionStmt *transaction = (TransactionStmt *) statement;

	return IsA(statement, TransactionStmt) && transaction->kind == kind &&
		transaction->options == NIL && !transaction->chain;
}

/*
 * Overwrites a statement with its semicolon.  Words and spaces alone are in it,
 * and comments, which stay where the statement's text allows.
 */
void
mig_script_blank_statement(char *body, const RawStmt *raw)
{
	int			from = mig_script_skip_gap(body, raw->stmt_location);
	int			to = raw->stmt_len > 0 ? raw->stmt_location + raw->stmt_len :
	(int) strlen(body);

	while (from < to)
	{
		if (body[from] == '-' || body[from] == '/' || scanner_isspace(body[from]))
			from = mig_script_skip_gap(body, from);
		else
			body[from++] = ' ';
	}
	to = mig_script_skip_gap(body, to);
	if (body[to] == ';')
		body[to] = ' ';
}
