/*
 * script_parser.c
 *	  The states of the parser of a script, and what its lines do to them.
 *
 * The states of the parser, and the lines that lead from one to the next:
 *
 *	 start --revision--> header --migrate:up--> up --migrate:down--> down
 *
 * with migrate:down also from header (a body for the downgrade only),
 * migrate:verify once from each but start, and down behind it, too, revision
 * from each but start to header again, and file, which names the file that the
 * following text is from, from each to start.  SQL may be in up, down and verify
 * only.  What the bodies contain is not checked here.  A key is in the header;
 * external may be at the beginning of down, too.
 *
 * A section line with a $tag$ begins a body that ends with a line "-- $tag$" and
 * with no other one, so that any comment can be in it; behind that the state is
 * "after", which leads where the body's would.
 *
 * A line that is almost one of these is an error, also in a body that is not in
 * a script: mark.c says why.
 */
#include "postgres.h"

#include <ctype.h>

#include "mb/pg_wchar.h"

#include "script/script_internal.h"

/* Bytes of a line in a message. */
#define MAX_LINE_SHOWN	80

static void refuse_sql(MigScriptParser *parser, int location);
static void end_quoted(MigScriptParser *parser, int location, int end);
static void read_file(MigScriptParser *parser, const MigScriptLine *line);
static void read_revision(MigScriptParser *parser, const MigScriptLine *line);
static void read_header(MigScriptParser *parser, const MigScriptLine *line);
static void read_down_external(MigScriptParser *parser,
							   const MigScriptLine *line);
static char *external_of(const MigScriptParser *parser,
						 const MigScriptLine *line);
static void read_marker(MigScriptParser *parser, const MigScriptLine *line);
static void check_marker(const MigScriptParser *parser,
						 const MigScriptLine *line, MigBodyKind kind);
static void begin_body(MigScriptParser *parser, const MigScriptLine *line,
					   MigBodyKind kind);
static const char *body_name(const MigScriptParser *parser);
static void read_block_comment(MigScriptParser *parser, int location, int end);
static bool is_single_line(const char *text, int from, int to);
static void read_remark(MigScriptParser *parser, MigScriptLineKey key,
						int location, int end);
static MigMark find_mark(const MigScriptParser *parser, const char *text);
static MigScriptLineKey key_of_mark(MigMark mark);
static void refuse_section(MigScriptParser *parser, MigMark mark,
						   const char *text, int location);
static void refuse_key(MigScriptParser *parser, MigScriptLineKey key,
					   int location);
static void refuse_body_line(MigScriptParser *parser, const char *text,
							 int location);
static int	line_of(MigScriptParser *parser, int location);
static int	error_position(const MigScriptParser *parser, int location);

/*
 * Read a token.  A byte order mark in front of a file is one, or the beginning
 * of one.
 */
void
mig_script_parser_token(MigScriptParser *parser, int location,
						const char *token)
{
	int			bom = strlen(MIG_SCRIPT_BOM);

	if (parser->source.in_script && parser->quote == NULL &&
		strncmp(token, MIG_SCRIPT_BOM, bom) == 0 &&
		location > 0 && strchr("\r\n", parser->text[location - 1]) != NULL)
	{
		memset(parser->text + location, ' ', bom);
		if (token[bom] == '\0')
			return;
	}

	if (parser->state == MIG_PARSER_START || parser->state == MIG_PARSER_HEADER ||
		parser->state == MIG_PARSER_AFTER)
	{
		PG_TRY();
		{
			refuse_sql(parser, location);
		}
		PG_CATCH();
		{
			parser->errors = mig_script_error_add(parser->errors,
												  parser->nrevisions,
												  parser->context);
		}
		PG_END_TRY();
		parser->state = parser->state == MIG_PARSER_START ?
			MIG_PARSER_LOST : MIG_PARSER_SKIP;
	}
	parser->between_statements = strcmp(token, ";") == 0;
	if (!parser->between_statements)
		parser->before_statements = false;
}

/*
 * Raise the error for SQL where there must be none.
 */
static void
refuse_sql(MigScriptParser *parser, int location)
{
	if (parser->state == MIG_PARSER_START)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("migration script has SQL before its first \"-- revision:\" line"),
				 error_position(parser, location)));
	if (parser->state == MIG_PARSER_AFTER)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("revision \"%s\" in migration script has SQL after the end line of a body",
						parser->revisions[parser->nrevisions - 1].def.id),
				 error_position(parser, location)));

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 parser->revisions[parser->nrevisions - 1].repeatable ?
			 errmsg("repeatable \"%s\" in migration script has SQL before its \"-- migrate:up\" line",
					parser->revisions[parser->nrevisions - 1].def.id) :
			 errmsg("revision \"%s\" in migration script has SQL before its \"-- migrate:up\" line",
					parser->revisions[parser->nrevisions - 1].def.id),
			 error_position(parser, location)));
}

/*
 * Read a comment.  One that is not at the start of its line is just a comment,
 * unless it follows the text before it at once, as where a file was appended to
 * one that does not end with a line end.
 */
void
mig_script_parser_comment(MigScriptParser *parser, int location, int end)
{
	const char *text = parser->source.body;
	MigScriptLine line;

	if (parser->quote != NULL)
	{
		if (mig_script_line_ends_quote(text, location, end, parser->quote))
			end_quoted(parser, location, end);
		return;
	}
	if (text[location] == '/')
	{
		read_block_comment(parser, location, end);
		return;
	}
	mig_script_line_read(text, location, end, &line);
	if (line.start > 0 && strchr("\r\n", text[line.start - 1]) == NULL)
	{
		if (line.key == MIG_LINE_REVISION || line.key == MIG_LINE_REPEATABLE ||
			(line.start == location && mig_script_line_is_marker(&line)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"-- %s:\" is not at the start of a line in migration script",
							mig_script_line_key_name(line.key)),
					 errhint("If files were concatenated, the previous one does not end with a newline."),
					 error_position(parser, location)));
		return;
	}

	if (parser->source.in_script && line.key == MIG_LINE_FILE)
		read_file(parser, &line);
	else if (parser->source.in_script &&
			 (line.key == MIG_LINE_REVISION || line.key == MIG_LINE_REPEATABLE))
		read_revision(parser, &line);
	else if (parser->source.in_script && mig_script_line_is_marker(&line))
	{
		if (parser->state != MIG_PARSER_LOST)
			read_marker(parser, &line);
	}
	else if (parser->source.in_script && line.key > MIG_LINE_REPEATABLE &&
			 line.key < MIG_LINE_MIGRATE &&
			 (parser->state == MIG_PARSER_START || parser->state == MIG_PARSER_HEADER))
		read_header(parser, &line);
	else if (parser->source.in_script && line.key == MIG_LINE_EXTERNAL &&
			 parser->state == MIG_PARSER_DOWN && parser->before_statements)
		read_down_external(parser, &line);
	else
		read_remark(parser, line.key, line.location, end);
}

/*
 * End a body at its end line.
 */
static void
end_quoted(MigScriptParser *parser, int location, int end)
{
	MigScriptLine line;

	mig_script_line_read(parser->source.body, location, end, &line);
	mig_script_parser_end_body(parser, line.start);
	parser->quote = NULL;
	parser->state = MIG_PARSER_AFTER;
	parser->between_statements = true;
}

/*
 * Raise an error if a body has no end line where the text ends.
 */
void
mig_script_parser_check_end(MigScriptParser *parser)
{
	const char *quote = parser->quote;

	parser->quote = NULL;
	if (quote != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s of revision \"%s\" in migration script has no end line",
						body_name(parser),
						parser->revisions[parser->nrevisions - 1].def.id),
				 errhint("Write \"-- %s\" behind the body.", quote),
				 error_position(parser, parser->quote_start)));
}

/*
 * What follows is the text of another file.
 */
static void
read_file(MigScriptParser *parser, const MigScriptLine *line)
{
	mig_script_parser_end_body(parser, line->start);
	parser->state = MIG_PARSER_START;
	parser->between_statements = true;
	if (line->value[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("file in migration script has no name"),
				 error_position(parser, line->location)));

	parser->source.file = line->value;
	parser->source.start = line->next;
	parser->counted = line->next;
	parser->line = 1;
}

/*
 * Begin a revision.  As long as nothing follows its header, it has two empty
 * bodies, as a merge.
 */
static void
read_revision(MigScriptParser *parser, const MigScriptLine *line)
{
	MigScriptRevision *revision;

	mig_script_parser_end_body(parser, line->start);
	parser->state = MIG_PARSER_LOST;

	if (line->value[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 line->key == MIG_LINE_REPEATABLE ?
				 errmsg("repeatable in migration script has no name") :
				 errmsg("revision in migration script has no name"),
				 error_position(parser, line->location)));

	if (parser->nallocated == 0)
	{
		parser->nallocated = 8;
		parser->revisions = palloc(sizeof(MigScriptRevision) *
								   parser->nallocated);
	}
	else if (parser->nrevisions == parser->nallocated)
	{
		parser->nallocated *= 2;
		parser->revisions = repalloc(parser->revisions,
									 sizeof(MigScriptRevision) *
									 parser->nallocated);
	}

	revision = &parser->revisions[parser->nrevisions++];
	memset(revision, 0, sizeof(*revision));
	revision->def.id = mig_script_line_text(line->value);
	revision->number = parser->nrevisions;
	revision->file = parser->source.file;
	revision->line = line_of(parser, line->location);
	revision->repeatable = line->key == MIG_LINE_REPEATABLE;
	revision->def.upgrade = pstrdup("");
	revision->def.downgrade = pstrdup("");

	memset(parser->seen, 0, sizeof(parser->seen));
	memset(parser->has_body, 0, sizeof(parser->has_body));
	parser->state = MIG_PARSER_HEADER;
	parser->between_statements = true;
}

/*
 * Read one of the keys that describe a revision.
 */
static void
read_header(MigScriptParser *parser, const MigScriptLine *line)
{
	MigScriptRevision *revision;

	if (parser->state == MIG_PARSER_START)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- %s:\" comes before the first \"-- revision:\" in migration script",
						mig_script_line_key_name(line->key)),
				 error_position(parser, line->location)));

	revision = &parser->revisions[parser->nrevisions - 1];

	if (revision->repeatable && line->key != MIG_LINE_DEPENDS_ON &&
		line->key != MIG_LINE_MESSAGE && line->key != MIG_LINE_ALLOW)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("repeatable \"%s\" in migration script cannot have a key \"%s\"",
						revision->def.id, mig_script_line_key_name(line->key)),
				 errhint("The keys of a repeatable are depends_on, message and allow."),
				 error_position(parser, line->location)));
	if (parser->seen[line->key])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- %s:\" is given twice for revision \"%s\" in migration script",
						mig_script_line_key_name(line->key), revision->def.id),
				 error_position(parser, line->location)));
	parser->seen[line->key] = true;

	switch (line->key)
	{
		case MIG_LINE_DOWN_REVISION:
			revision->def.down = mig_script_line_items(line->value, &revision->def.ndown);
			break;
		case MIG_LINE_DEPENDS_ON:
			revision->def.depends = mig_script_line_items(line->value, &revision->def.ndepends);
			break;
		case MIG_LINE_BRANCH_LABELS:
			revision->def.labels = mig_script_line_items(line->value, &revision->def.nlabels);
			break;
		case MIG_LINE_REPLACES:
			revision->def.replaces = mig_script_line_items(line->value, &revision->def.nreplaces);
			break;
		case MIG_LINE_MESSAGE:
			revision->def.message = mig_script_line_text(line->value);
			break;
		case MIG_LINE_SET:
			revision->def.settings = mig_script_line_text(line->value);
			revision->settings_line = line_of(parser, line->location);
			break;
		case MIG_LINE_ALLOW:
			revision->def.allow = mig_script_line_text(line->value);
			revision->allow_line = line_of(parser, line->location);
			break;
		case MIG_LINE_EXTERNAL:
			revision->def.external = external_of(parser, line);
			break;
		default:
			elog(ERROR, "unexpected key in migration script: %d", line->key);
	}
}

/*
 * Read what has to be done elsewhere before a downgrade.  The line is no part of
 * its body.
 */
static void
read_down_external(MigScriptParser *parser, const MigScriptLine *line)
{
	MigRevisionDef *def = &parser->revisions[parser->nrevisions - 1].def;

	if (def->downgrade_external != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- external:\" is given twice for the downgrade of revision \"%s\" in migration script",
						def->id),
				 error_position(parser, line->location)));
	def->downgrade_external = external_of(parser, line);
	for (int i = line->location; strchr("\r\n", parser->text[i]) == NULL; i++)
		parser->text[i] = ' ';
}

static char *
external_of(const MigScriptParser *parser, const MigScriptLine *line)
{
	if (line->value[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- external:\" does not say what has to be done in migration script"),
				 error_position(parser, line->location)));
	return mig_script_line_text(line->value);
}

/*
 * Read "migrate:up", "migrate:down" or "migrate:verify".  With more text on the
 * line, other than dbmate's option, one cannot tell a remark from a marker, and
 * must not: the downgrade would be run as part of the upgrade.
 */
static void
read_marker(MigScriptParser *parser, const MigScriptLine *line)
{
	char	   *quote = mig_script_line_quote(line);
	int			length;
	MigBodyKind kind = mig_script_line_section(line, &length);
	bool		transaction = true;
	MigRevisionDef *def;

	if (line->value[length] != '\0' &&
		(kind == MIG_BODY_VERIFY ||
		 !mig_script_line_transaction(line->value + length, &transaction)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unexpected text after \"-- migrate:%.*s\" in migration script",
						length, line->value),
				 kind == MIG_BODY_VERIFY ?
				 errhint("Nothing but a tag like $body$ may follow.") :
				 errhint("Nothing but \"transaction:false\" and a tag like $body$ may follow."),
				 error_position(parser, line->location)));
	line->value[length] = '\0';
	check_marker(parser, line, kind);
	if (!transaction && parser->revisions[parser->nrevisions - 1].repeatable)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("repeatable \"%s\" in migration script must be one transaction",
						parser->revisions[parser->nrevisions - 1].def.id),
				 error_position(parser, line->location)));

	def = &parser->revisions[parser->nrevisions - 1].def;
	if (kind == MIG_BODY_UPGRADE)
		def->upgrade_per_statement = !transaction;
	else if (kind == MIG_BODY_DOWNGRADE)
		def->downgrade_per_statement = !transaction;
	begin_body(parser, line, kind);
	parser->quote = quote;
	parser->quote_start = line->location;
}

/*
 * Raise an error for a section that must not begin here.
 */
static void
check_marker(const MigScriptParser *parser, const MigScriptLine *line,
			 MigBodyKind kind)
{
	const char *id;

	if (parser->state == MIG_PARSER_START)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- migrate:%s\" comes before the first \"-- revision:\" in migration script",
						line->value),
				 error_position(parser, line->location)));

	id = parser->revisions[parser->nrevisions - 1].def.id;
	if (parser->revisions[parser->nrevisions - 1].repeatable &&
		kind != MIG_BODY_UPGRADE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("repeatable \"%s\" in migration script has a line \"-- migrate:%s\"",
						id, line->value),
				 errdetail("It has one body, which follows \"-- migrate:up\"."),
				 error_position(parser, line->location)));
	if (parser->has_body[kind])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- migrate:%s\" is given twice for revision \"%s\" in migration script",
						line->value, id),
				 error_position(parser, line->location)));

	if (kind == MIG_BODY_UPGRADE && parser->has_body[MIG_BODY_DOWNGRADE])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- migrate:up\" comes after \"-- migrate:down\" for revision \"%s\" in migration script",
						id),
				 error_position(parser, line->location)));
	if (kind == MIG_BODY_UPGRADE && parser->has_body[MIG_BODY_VERIFY])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- migrate:up\" comes after \"-- migrate:verify\" for revision \"%s\" in migration script",
						id),
				 error_position(parser, line->location)));
}

/*
 * Begin a body after its marker.  A revision that has an upgrade and no
 * downgrade is irreversible.
 */
static void
begin_body(MigScriptParser *parser, const MigScriptLine *line, MigBodyKind kind)
{
	MigScriptRevision *revision;
	int			first_line;

	mig_script_parser_end_body(parser, line->start);

	revision = &parser->revisions[parser->nrevisions - 1];
	first_line = line_of(parser, line->next);
	switch (kind)
	{
		case MIG_BODY_UPGRADE:
			revision->def.downgrade = NULL;
			revision->upgrade_line = first_line;
			break;
		case MIG_BODY_DOWNGRADE:
			revision->downgrade_line = first_line;
			break;
		case MIG_BODY_VERIFY:
			revision->verify_line = first_line;
			break;
	}

	parser->has_body[kind] = true;
	parser->body_start = line->next;
	parser->state = mig_script_parser_in_body(kind);
	parser->before_statements = true;
	parser->between_statements = true;
}

/*
 * The state of a parser in a body.
 */
MigScriptState
mig_script_parser_in_body(MigBodyKind kind)
{
	static const MigScriptState states[] = {
		[MIG_BODY_UPGRADE] = MIG_PARSER_UP,
		[MIG_BODY_DOWNGRADE] = MIG_PARSER_DOWN,
		[MIG_BODY_VERIFY] = MIG_PARSER_VERIFY
	};

	return states[kind];
}

/*
 * Keep the text of the body that ends here, if the parser is in one.
 */
void
mig_script_parser_end_body(MigScriptParser *parser, int end)
{
	MigRevisionDef *def;
	char	   *body;

	if (body_name(parser) == NULL)
		return;

	def = &parser->revisions[parser->nrevisions - 1].def;
	body = pnstrdup(parser->source.body + parser->body_start,
					end - parser->body_start);

	if (parser->state == MIG_PARSER_UP)
		def->upgrade = body;
	else if (parser->state == MIG_PARSER_DOWN)
		def->downgrade = body;
	else
		def->verify = body;
}

/*
 * What the body is called that the parser is in; NULL: in none.
 */
static const char *
body_name(const MigScriptParser *parser)
{
	switch (parser->state)
	{
		case MIG_PARSER_UP:
			return "upgrade";
		case MIG_PARSER_DOWN:
			return "downgrade";
		case MIG_PARSER_VERIFY:
			return "verify body";
		default:
			return NULL;
	}
}

/*
 * Read a block comment.  No line of the format is one, but if it stands alone
 * on its lines, and words are in one of them only, it can have been meant to be
 * one.
 */
static void
read_block_comment(MigScriptParser *parser, int location, int end)
{
	const char *text = parser->source.body;
	int			start = location;
	int			rest = end + strspn(text + end, " \t\f\v");

	while (start > 0 && strchr(" \t\f\v", text[start - 1]) != NULL)
		start--;
	if ((start == 0 || strchr("\r\n", text[start - 1]) != NULL) &&
		strchr("\r\n", text[rest]) != NULL &&
		is_single_line(text, location, end))
		read_remark(parser, MIG_LINE_COMMENT, location, end);
}

/*
 * Whether one line of the block comment in text[from .. to) holds more than
 * decoration, and is not a line comment that it has put out of use.
 */
static bool
is_single_line(const char *text, int from, int to)
{
	int			nlines = 0;
	bool		at_start = false;
	bool		has_word = false;

	for (int i = from; i < to; i++)
	{
		if (strchr("\r\n", text[i]) != NULL)
		{
			at_start = true;
			has_word = false;
		}
		else if (at_start && text[i] == '-' && text[i + 1] == '-' &&
				 isalnum((unsigned char) text[i + 2 + strspn(text + i + 2, " \t")]))
			return false;
		else if (!isspace((unsigned char) text[i]))
		{
			at_start = false;
			if (!has_word &&
				(isalnum((unsigned char) text[i]) || IS_HIGHBIT_SET(text[i])))
			{
				has_word = true;
				nlines++;
			}
		}
	}
	return nlines == 1;
}

/*
 * Read a line that is none of the format's, and refuse it if it was probably
 * meant to be one.
 */
static void
read_remark(MigScriptParser *parser, MigScriptLineKey key, int location,
			int end)
{
	char	   *text = pnstrdup(parser->source.body + location, end - location);
	MigMark		mark;

	for (char *c = text; *c != '\0'; c++)
	{
		if (*c == '\r' || *c == '\n')
			*c = ' ';
	}
	mark = find_mark(parser, text);

	/* A comment can be long, and its beginning tells which one it is. */
	text[pg_mbcliplen(text, strlen(text), MAX_LINE_SHOWN)] = '\0';
	switch (mark)
	{
		case MIG_MARK_NONE:
			break;
		case MIG_MARK_UP:
		case MIG_MARK_DOWN:
		case MIG_MARK_VERIFY:
		case MIG_MARK_SECTION:
			refuse_section(parser, mark, text, location);
			break;
		case MIG_MARK_FOREIGN:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("comment \"%s\" is an instruction to another tool", text),
					 errdetail("It has no effect here."),
					 errhint("Remove it. Statements that cannot run inside a transaction block need no mark; a body whose statements end transactions themselves needs \"transaction:false\" after its section line."),
					 error_position(parser, location)));
			break;
		default:
			if (!parser->source.in_script)
			{
				/*
				 * What arguments say may be repeated in other words, but for
				 * the one without which a revision is a base.
				 */
				if ((key != MIG_LINE_COMMENT && key != MIG_LINE_MESSAGE) ||
					mark == MIG_MARK_DOWN_REVISION)
					refuse_body_line(parser, text, location);
			}
			else
				refuse_key(parser, key_of_mark(mark), location);
			break;
	}
	pfree(text);
}

/*
 * What a comment was probably meant to be.
 */
static MigMark
find_mark(const MigScriptParser *parser, const char *text)
{
	MigMarkLine line = {
		.text = text,
		.place = parser->state == MIG_PARSER_HEADER ||
		parser->state == MIG_PARSER_AFTER ? MIG_MARK_IN_HEADER :
		parser->state == MIG_PARSER_UP ? MIG_MARK_IN_UPGRADE :
		parser->state == MIG_PARSER_DOWN ? MIG_MARK_IN_DOWNGRADE :
		parser->state == MIG_PARSER_VERIFY ? MIG_MARK_IN_VERIFY : MIG_MARK_OUTSIDE,
		.between_statements = parser->between_statements,
		.before_statements = parser->before_statements
	};
	MigMark		mark;

	if (text[0] == '/')
		line.text = psprintf("--%.*s", (int) strlen(text) - 4, text + 2);
	mark = mig_mark_find(&line);
	if (line.text != text)
		pfree(unconstify(char *, line.text));
	return mark;
}

static MigScriptLineKey
key_of_mark(MigMark mark)
{
	switch (mark)
	{
		case MIG_MARK_REVISION:
			return MIG_LINE_REVISION;
		case MIG_MARK_DOWN_REVISION:
			return MIG_LINE_DOWN_REVISION;
		case MIG_MARK_DEPENDS_ON:
			return MIG_LINE_DEPENDS_ON;
		case MIG_MARK_BRANCH_LABELS:
			return MIG_LINE_BRANCH_LABELS;
		case MIG_MARK_MESSAGE:
			return MIG_LINE_MESSAGE;
		case MIG_MARK_SET:
			return MIG_LINE_SET;
		case MIG_MARK_ALLOW:
			return MIG_LINE_ALLOW;
		case MIG_MARK_EXTERNAL:
			return MIG_LINE_EXTERNAL;
		case MIG_MARK_REPLACES:
			return MIG_LINE_REPLACES;
		case MIG_MARK_REPEATABLE:
			return MIG_LINE_REPEATABLE;
		default:
			return MIG_LINE_COMMENT;
	}
}

/*
 * Raise the error for a line that was probably meant to begin a section.
 */
static void
refuse_section(MigScriptParser *parser, MigMark mark, const char *text,
			   int location)
{
	if (!parser->source.in_script)
		refuse_body_line(parser, text, location);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("comment \"%s\" looks like a section line", text),
			 body_name(parser) != NULL ?
			 errdetail("What follows it would be run as part of the %s.",
					   body_name(parser)) :
			 errdetail("It begins no section."),
			 mark == MIG_MARK_UP ?
			 errhint("Write \"-- migrate:up\" to begin the upgrade, or remove the comment.") :
			 mark == MIG_MARK_DOWN ?
			 errhint("Write \"-- migrate:down\" to begin the downgrade, or remove the comment.") :
			 mark == MIG_MARK_VERIFY ?
			 errhint("Write \"-- migrate:verify\" to begin the verify body, or remove the comment.") :
			 errhint("The section lines are \"-- migrate:up\", \"-- migrate:down\" and \"-- migrate:verify\"."),
			 error_position(parser, location)));
}

/*
 * Raise the error for a line that was probably meant to be a key.
 */
static void
refuse_key(MigScriptParser *parser, MigScriptLineKey key, int location)
{
	bool		in_body = body_name(parser) != NULL ||
	parser->state == MIG_PARSER_AFTER;

	bool		begins = key == MIG_LINE_REVISION || key == MIG_LINE_REPEATABLE;

	if (in_body && !begins)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key \"%s\" is not in the header of revision \"%s\" in migration script",
						mig_script_line_key_name(key),
						parser->revisions[parser->nrevisions - 1].def.id),
				 errdetail("It would be a comment in a body."),
				 errhint("Write \"-- %s:\" before the \"-- migrate:\" lines of the revision.",
						 mig_script_line_key_name(key)),
				 error_position(parser, location)));

	if (begins && parser->state != MIG_PARSER_START)
	{
		mig_script_parser_end_body(parser, location);
		parser->state = MIG_PARSER_LOST;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("misspelled key in migration script"),
			 in_body ?
			 errdetail("What follows it would be part of revision \"%s\".",
					   parser->revisions[parser->nrevisions - 1].def.id) : 0,
			 errhint("Write \"-- %s:\".", mig_script_line_key_name(key)),
			 error_position(parser, location)));
}

/*
 * Raise the error for a line of a script in a body that is given by itself.
 */
static void
refuse_body_line(MigScriptParser *parser, const char *text, int location)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("comment \"%s\" looks like a line of a migration script",
					text),
			 errdetail("It has no effect here, and what follows it would be run as part of the %s.",
					   body_name(parser)),
			 errhint("Give upgrade, downgrade, verify and down revisions as arguments of their own, or use migrate_register_script(). If it is a remark, word it in another way."),
			 error_position(parser, location)));
}

/*
 * The line of a location.  It must not be before the last one asked for, so
 * that the lines of a long script are counted only once.
 */
static int
line_of(MigScriptParser *parser, int location)
{
	parser->line += mig_script_count_lines(parser->source.body,
										   parser->counted, location);
	parser->counted = location;

	return parser->line;
}

/*
 * To be called inside ereport(): the error is at this byte of the text.
 */
static int
error_position(const MigScriptParser *parser, int location)
{
	int			end = location + strcspn(parser->source.body + location, "\r\n");

	return mig_script_errposition(&parser->source, location, end, location);
}
