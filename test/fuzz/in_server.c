/*
 * in_server.c
 *	  What must hold of a body and of a script, whatever text they are.
 *
 * The files of src/script use the server's scanner and parser, so that they are
 * fuzzed where those are.  Each function raises an internal error, and only
 * then, when something does not hold; any other error is a refusal.
 *
 * Only tests load this module.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"

#include "script/script_internal.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(test_fuzz_body);
PG_FUNCTION_INFO_V1(test_fuzz_hash);
PG_FUNCTION_INFO_V1(test_fuzz_file);

static void check_statements(const char *body, const MigScript *script);
static bool is_at_line(const char *script, int line, const char *text);
static void check_gap(const char *body, int from, int to);
static void check_segments(const MigScript *script);
static void check_per_statement(const char *body, const MigScript *script);
static void check_effect(const char *statement);
static bool can_be_parsed(const char *text);
static void compare_trees(List *one, List *other);
static void check_same_hash(const char *body);
static char *spaced_out(const char *body, const char *space);
static char *write_file(int nrevisions, const MigScriptRevision *revisions);
static void write_verify(StringInfo text, const MigRevisionDef *def);
static const char *mark(bool per_statement);
static void write_items(StringInfo text, const char *key, int nitems,
						char **items);
static void compare_revisions(const MigScriptRevision *one,
							  const MigScriptRevision *other);
static void compare_items(int none, char **one, int nother, char **other);
static void compare_texts(const char *one, const char *other);

#define must_hold(condition) \
	do { \
		if (!(condition)) \
			elog(ERROR, "line %d: not so: %s", __LINE__, #condition); \
	} while (0)

/*
 * test_fuzz_body(body): the number of its statements.
 */
Datum
test_fuzz_body(PG_FUNCTION_ARGS)
{
	char	   *body = text_to_cstring(PG_GETARG_TEXT_PP(0));
	MigScriptSource source = {.body = body};
	MigScript  *script = mig_script_split(&source);

	check_statements(body, script);
	check_segments(script);
	for (int i = 0; i < script->nstatements; i++)
		check_effect(pnstrdup(body + script->statements[i].location,
							  script->statements[i].length));
	check_same_hash(body);
	check_per_statement(body, script);
	mig_script_commit_each(script);
	must_hold(script->ntransactions >= Max(script->nstatements, 1));
	check_segments(script);
	PG_RETURN_INT32(script->nstatements);
}

/*
 * test_fuzz_hash(one, other): whether two bodies have the same hash, which they
 * may only if the parser sees no difference.
 */
Datum
test_fuzz_hash(PG_FUNCTION_ARGS)
{
	char	   *one = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *other = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char		hash_of_one[MIG_BODY_HASH_SIZE];
	char		hash_of_other[MIG_BODY_HASH_SIZE];
	bool		same;

	mig_body_hash(one, hash_of_one);
	mig_body_hash(other, hash_of_other);
	same = strcmp(hash_of_one, hash_of_other) == 0;
	if (same && can_be_parsed(one))
	{
		must_hold(can_be_parsed(other));
		compare_trees(mig_script_parse(one), mig_script_parse(other));
	}
	PG_RETURN_BOOL(same);
}

/*
 * test_fuzz_file(script): the number of its revisions.
 */
Datum
test_fuzz_file(PG_FUNCTION_ARGS)
{
	char	   *script = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			nrevisions;
	int			nagain;
	List	   *errors = NIL;
	MigScriptRevision *revisions = mig_script_file_parse(script, &nrevisions, &errors);
	MigScriptRevision *again;

	mig_script_error_raise(errors, false);
	for (int i = 0; i < nrevisions; i++)
	{
		const MigScriptRevision *revision = &revisions[i];

		must_hold(revision->number == i + 1);
		must_hold(revision->line >= 1);
		must_hold(revision->def.upgrade != NULL);
		/* Where lines count from the beginning and nothing is overwritten. */
		if (revision->file != NULL || strstr(script, "restrict") != NULL ||
			strstr(script, MIG_SCRIPT_BOM) != NULL)
			continue;
		must_hold(revision->line > (i > 0 ? revisions[i - 1].line : 0));
		must_hold(is_at_line(script, revision->upgrade_line, revision->def.upgrade));
		if (revision->def.downgrade != NULL &&
			revision->def.downgrade_external == NULL)
			must_hold(is_at_line(script, revision->downgrade_line,
								 revision->def.downgrade));
		if (revision->def.verify != NULL)
			must_hold(is_at_line(script, revision->verify_line,
								 revision->def.verify));
	}

	/* Written from what was read, it reads as the same. */
	again = mig_script_file_parse(write_file(nrevisions, revisions), &nagain, &errors);
	mig_script_error_raise(errors, false);
	must_hold(nrevisions == nagain);
	for (int i = 0; i < nrevisions; i++)
		compare_revisions(&revisions[i], &again[i]);
	PG_RETURN_INT32(nrevisions);
}

/*
 * Whether a line of the script, if it is given, begins with a text.
 */
static bool
is_at_line(const char *script, int line, const char *text)
{
	int			at = 0;

	for (int i = 1; i < line && script[at] != '\0'; at++)
		i += mig_script_count_lines(script, at, at + 1);
	return text[0] == '\0' || strncmp(script + at, text, strlen(text)) == 0;
}

/* Bodies --------------------------------------------------------------- */

/*
 * The statements come one after the other, with nothing between them that says
 * anything, and each is one for the parser, too.
 */
static void
check_statements(const char *body, const MigScript *script)
{
	int			end = 0;

	for (int i = 0; i < script->nstatements; i++)
	{
		const MigStatement *statement = &script->statements[i];

		must_hold(statement->location >= end);
		must_hold(statement->length > 0);
		must_hold(statement->line ==
				  1 + mig_script_count_lines(body, 0, statement->location));
		check_gap(body, end, statement->location);
		end = statement->location + statement->length;
		must_hold(end <= strlen(body));
		must_hold(list_length(mig_script_parse(pnstrdup(body + statement->location,
														statement->length))) == 1);
	}
	check_gap(body, end, strlen(body));
}

static void
check_gap(const char *body, int from, int to)
{
	MigScriptSource source = {.body = pnstrdup(body + from, to - from)};
	MigScriptScan scan;

	mig_script_scan_begin(&scan, &source);
	while (mig_script_scan_next(&scan))
		must_hold(strcmp(scan.text, ";") == 0);
	mig_script_scan_end(&scan);
}

/*
 * Whichever statement a run resumes after, the segments are the same.
 */
static void
check_segments(const MigScript *script)
{
	int			ntransactions = 0;
	int			next = 0;

	while (next < script->nstatements)
	{
		MigSegment	segment;

		mig_script_segment(script, next, &segment);
		must_hold(segment.first == next && segment.nstatements > 0);
		must_hold(segment.kind == MIG_STATEMENT_ORDINARY || segment.nstatements == 1);
		next += segment.nstatements;
		/* A batch is several by itself. */
		ntransactions += segment.kind == MIG_STATEMENT_BATCH ? 2 : 1;
	}
	must_hold(next == script->nstatements);
	/* An empty body is a transaction, too. */
	must_hold(Max(ntransactions, 1) == script->ntransactions);
}

/*
 * The same statements, each a transaction, if that is not refused: no other body
 * could be split that has none of BEGIN and COMMIT.
 */
static void
check_per_statement(const char *body, const MigScript *script)
{
	MemoryContext context = CurrentMemoryContext;
	MigScript  *volatile other = NULL;

	PG_TRY();
	{
		other = mig_script_split_text(body, true);
	}
	PG_CATCH();
	{
		must_hold(geterrcode() == ERRCODE_FEATURE_NOT_SUPPORTED);
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	if (other == NULL)
		return;
	must_hold(other->nstatements == script->nstatements);
	must_hold(other->ntransactions >= Max(script->nstatements, 1));
	check_statements(body, other);
	check_segments(other);
}

/*
 * What can be looked up has a name.
 */
static void
check_effect(const char *statement)
{
	MigEffect	effect;

	mig_statement_effect(statement, &effect);
	if (effect.kind != MIG_EFFECT_UNKNOWN &&
		effect.kind != MIG_EFFECT_REPEATABLE &&
		effect.kind != MIG_EFFECT_REINDEXED)
		must_hold(effect.name != NULL && effect.name[0] != '\0');
}

static bool
can_be_parsed(const char *text)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool result = true;

	PG_TRY();
	{
		(void) mig_script_parse(text);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		result = false;
	}
	PG_END_TRY();
	return result;
}

/* Where in the text a statement is makes no difference. */
static void
compare_trees(List *one, List *other)
{
	must_hold(list_length(one) == list_length(other));
	for (int i = 0; i < list_length(one); i++)
		must_hold(equal(list_nth_node(RawStmt, one, i)->stmt,
						list_nth_node(RawStmt, other, i)->stmt));
}

/*
 * Other white space and other comments make no other body.
 */
static void
check_same_hash(const char *body)
{
	char		hash[MIG_BODY_HASH_SIZE];
	char		hash_again[MIG_BODY_HASH_SIZE];

	mig_body_hash(body, hash);
	mig_body_hash(spaced_out(body, " "), hash_again);
	must_hold(strcmp(hash, hash_again) == 0);
	mig_body_hash(spaced_out(body, "\t/* ; /* ' */ */ "), hash_again);
	must_hold(strcmp(hash, hash_again) == 0);
	mig_body_hash(psprintf("-- first\n%s\n-- last", body), hash_again);
	must_hold(strcmp(hash, hash_again) == 0);
	mig_body_hash(psprintf("%s\n;;", body), hash_again);
	must_hold(strcmp(hash, hash_again) == 0);
}

/*
 * The same tokens with something else between them.  N'text' is two tokens,
 * which are not the same with a blank between them.
 */
static char *
spaced_out(const char *body, const char *space)
{
	MigScriptSource source = {.body = body};
	MigScriptScan scan;
	StringInfoData text;

	initStringInfo(&text);
	mig_script_scan_begin(&scan, &source);
	while (mig_script_scan_next(&scan))
	{
		appendStringInfoString(&text, scan.text);
		if (pg_strcasecmp(scan.text, "n") != 0 ||
			body[scan.location + 1] != '\'')
			appendStringInfoString(&text, space);
	}
	mig_script_scan_end(&scan);
	return text.data;
}

/* Scripts -------------------------------------------------------------- */

static char *
write_file(int nrevisions, const MigScriptRevision *revisions)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < nrevisions; i++)
	{
		const MigScriptRevision *revision = &revisions[i];

		appendStringInfo(&text, "-- revision: %s\n", revision->def.id);
		write_items(&text, "down_revision", revision->def.ndown, revision->def.down);
		write_items(&text, "depends_on", revision->def.ndepends,
					revision->def.depends);
		write_items(&text, "branch_labels", revision->def.nlabels,
					revision->def.labels);
		if (revision->def.message != NULL)
			appendStringInfo(&text, "-- message: %s\n", revision->def.message);
		if (revision->def.settings != NULL)
			appendStringInfo(&text, "-- set: %s\n", revision->def.settings);
		appendStringInfo(&text, "-- migrate:up%s\n%s",
						 mark(revision->def.upgrade_per_statement),
						 revision->def.upgrade);
		/* In their order: a body can end within a string. */
		if (revision->verify_line < revision->downgrade_line)
			write_verify(&text, &revision->def);
		if (revision->def.downgrade != NULL)
			appendStringInfo(&text, "-- migrate:down%s\n%s",
							 mark(revision->def.downgrade_per_statement),
							 revision->def.downgrade);
		if (revision->verify_line >= revision->downgrade_line)
			write_verify(&text, &revision->def);
	}
	return text.data;
}

static void
write_verify(StringInfo text, const MigRevisionDef *def)
{
	if (def->verify != NULL)
		appendStringInfo(text, "-- migrate:verify\n%s", def->verify);
}

static const char *
mark(bool per_statement)
{
	return per_statement ? " transaction:false" : "";
}

static void
write_items(StringInfo text, const char *key, int nitems, char **items)
{
	if (nitems == 0)
		return;
	appendStringInfo(text, "-- %s: ", key);
	for (int i = 0; i < nitems; i++)
		appendStringInfo(text, "%s%s", i > 0 ? "," : "", items[i]);
	appendStringInfoChar(text, '\n');
}

static void
compare_revisions(const MigScriptRevision *one, const MigScriptRevision *other)
{
	compare_texts(one->def.id, other->def.id);
	must_hold(one->def.upgrade_per_statement == other->def.upgrade_per_statement);
	must_hold(one->def.downgrade_per_statement == other->def.downgrade_per_statement);
	compare_items(one->def.ndown, one->def.down, other->def.ndown, other->def.down);
	compare_items(one->def.ndepends, one->def.depends,
				  other->def.ndepends, other->def.depends);
	compare_items(one->def.nlabels, one->def.labels, other->def.nlabels, other->def.labels);
	compare_texts(one->def.message, other->def.message);
	compare_texts(one->def.settings, other->def.settings);
	compare_texts(one->def.upgrade, other->def.upgrade);
	compare_texts(one->def.downgrade, other->def.downgrade);
	compare_texts(one->def.verify, other->def.verify);
}

static void
compare_items(int none, char **one, int nother, char **other)
{
	must_hold(none == nother);
	for (int i = 0; i < none; i++)
		compare_texts(one[i], other[i]);
}

static void
compare_texts(const char *one, const char *other)
{
	if (one == NULL || other == NULL)
		must_hold(one == other);
	else
		must_hold(strcmp(one, other) == 0);
}
