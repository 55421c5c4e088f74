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
 * A line that is almost one of these is an error: see remark.c.
 */
#include "postgres.h"

#include "script/script_internal.h"

static void refuse_sql(MigScriptParser *parser, int location);
static void refuse_behind(MigScriptParser *parser, const MigScriptLine *line);
static void end_quoted(MigScriptParser *parser, int location, int end);
static void read_file(MigScriptParser *parser, const MigScriptLine *line);
static void read_revision(MigScriptParser *parser, const MigScriptLine *line);
static MigScriptRevision *add_revision(MigScriptParser *parser,
									   MigScriptLineKey key, char *value,
									   int location);
static void read_header(MigScriptParser *parser, const MigScriptLine *line);
static void read_down_external(MigScriptParser *parser,
							   const MigScriptLine *line);
static char *external_of(MigScriptParser *parser,
						 const MigScriptLine *line);
static void read_marker(MigScriptParser *parser, const MigScriptLine *line);
static void check_marker(MigScriptParser *parser,
						 const MigScriptLine *line, MigBodyKind kind);
static void begin_body(MigScriptParser *parser, const MigScriptLine *line,
					   MigBodyKind kind);
static int	line_of(MigScriptParser *parser, int location);

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
				 mig_script_parser_errposition(parser, location)));
	if (parser->state == MIG_PARSER_AFTER)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("revision \"%s\" in migration script has SQL after the end line of a body",
						parser->revisions[parser->nrevisions - 1].def.id),
				 mig_script_parser_errposition(parser, location)));

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 parser->revisions[parser->nrevisions - 1].repeatable ?
			 errmsg("repeatable \"%s\" in migration script has SQL before its \"-- migrate:up\" line",
					parser->revisions[parser->nrevisions - 1].def.id) :
			 errmsg("revision \"%s\" in migration script has SQL before its \"-- migrate:up\" line",
					parser->revisions[parser->nrevisions - 1].def.id),
			 mig_script_parser_errposition(parser, location)));
}

/*
 * Read a comment.  One that is not at the start of its line is just a comment,
 * unless it begins a section or a revision.
 */
void
mig_script_parser_comment(MigScriptParser *parser, int location, int end)
{
	const char *text = parser->source.body;
	MigScriptLine line;
	MigScriptLine glued;

	if (parser->quote != NULL)
	{
		if (mig_script_line_ends_quote(text, location, end, parser->quote))
			end_quoted(parser, location, end);
		return;
	}
	if (text[location] == '/')
	{
		mig_remark_check_block(parser, location, end);
		return;
	}
	mig_script_line_read(text, location, end, &line);
	if (line.start > 0 && strchr("\r\n", text[line.start - 1]) == NULL)
	{
		if (line.key == MIG_LINE_REVISION || line.key == MIG_LINE_REPEATABLE ||
			mig_script_line_is_marker(&line))
			refuse_behind(parser, &line);
		return;
	}
	if (parser->source.in_script &&
		mig_script_line_find_glued(text, location, end, &glued))
		refuse_behind(parser, &glued);

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
		mig_remark_check(parser, line.key, line.location, end);
}

/*
 * Raise the error for a line of the format that is behind something else in its
 * line, as where a file was appended to one that does not end with a line end.  As
 * a comment it would make the downgrade a part of the upgrade.
 */
static void
refuse_behind(MigScriptParser *parser, const MigScriptLine *line)
{
	int			length = 0;
	char	   *text;

	if (line->key == MIG_LINE_MIGRATE)
		(void) mig_script_line_section(line, &length);
	text = psprintf("-- %s:%.*s", mig_script_line_key_name(line->key), length,
					line->value);
	if (!parser->source.in_script)
		mig_remark_refuse_body_line(parser, text, line->location);
	if (line->key != MIG_LINE_MIGRATE)
		mig_script_parser_lose_revision(parser, line->key, line->value,
										line->location);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is not at the start of a line in migration script",
					text),
			 errhint("It must stand in a line of its own. If files were concatenated, the previous one does not end with a newline."),
			 mig_script_parser_errposition(parser, line->location)));
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
						mig_script_parser_body_name(parser),
						parser->revisions[parser->nrevisions - 1].def.id),
				 errhint("Write \"-- %s\" behind the body.", quote),
				 mig_script_parser_errposition(parser, parser->quote_start)));
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
				 mig_script_parser_errposition(parser, line->location)));

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
	mig_script_parser_end_body(parser, line->start);
	parser->state = MIG_PARSER_LOST;

	if (line->value[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 line->key == MIG_LINE_REPEATABLE ?
				 errmsg("repeatable in migration script has no name") :
				 errmsg("revision in migration script has no name"),
				 mig_script_parser_errposition(parser, line->location)));

	add_revision(parser, line->key, line->value, line->location);
	parser->state = MIG_PARSER_HEADER;
}

static MigScriptRevision *
add_revision(MigScriptParser *parser, MigScriptLineKey key, char *value,
			 int location)
{
	MigScriptRevision *revision;

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
	revision->def.id = mig_script_line_text(value);
	revision->number = parser->nrevisions;
	revision->file = parser->source.file;
	revision->line = line_of(parser, location);
	revision->key_lines[key] = revision->line;
	revision->repeatable = key == MIG_LINE_REPEATABLE;
	revision->def.upgrade = pstrdup("");
	revision->def.downgrade = pstrdup("");

	memset(parser->has_body, 0, sizeof(parser->has_body));
	parser->between_statements = true;
	return revision;
}

/*
 * To be called before an error of a line that was to begin a revision.  Its value
 * is the id, as far as one can tell, so that nothing else is said to miss it; what
 * follows is not looked at.
 */
void
mig_script_parser_lose_revision(MigScriptParser *parser, MigScriptLineKey key,
								char *value, int location)
{
	mig_script_parser_end_body(parser, location);
	parser->state = MIG_PARSER_LOST;
	if (value[0] == '\0')
		return;
	add_revision(parser, key, value, location)->failed = true;
	parser->state = MIG_PARSER_SKIP;
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
				 mig_script_parser_errposition(parser, line->location)));

	revision = &parser->revisions[parser->nrevisions - 1];

	if (revision->repeatable && line->key != MIG_LINE_DEPENDS_ON &&
		line->key != MIG_LINE_MESSAGE && line->key != MIG_LINE_ALLOW)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("repeatable \"%s\" in migration script cannot have a key \"%s\"",
						revision->def.id, mig_script_line_key_name(line->key)),
				 errhint("The keys of a repeatable are depends_on, message and allow."),
				 mig_script_parser_errposition(parser, line->location)));
	if (revision->key_lines[line->key] > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- %s:\" is given twice for revision \"%s\" in migration script",
						mig_script_line_key_name(line->key), revision->def.id),
				 mig_script_parser_errposition(parser, line->location)));
	revision->key_lines[line->key] = line_of(parser, line->location);

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
			break;
		case MIG_LINE_ALLOW:
			revision->def.allow = mig_script_line_text(line->value);
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
				 mig_script_parser_errposition(parser, line->location)));
	def->downgrade_external = external_of(parser, line);
	for (int i = line->location; strchr("\r\n", parser->text[i]) == NULL; i++)
		parser->text[i] = ' ';
}

static char *
external_of(MigScriptParser *parser, const MigScriptLine *line)
{
	if (line->value[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- external:\" does not say what has to be done in migration script"),
				 mig_script_parser_errposition(parser, line->location)));
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

	/* After an error what follows is the text of no section. */
	mig_script_parser_end_body(parser, line->start);
	if (parser->state != MIG_PARSER_START)
		parser->state = MIG_PARSER_SKIP;
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
				 mig_script_parser_errposition(parser, line->location)));
	line->value[length] = '\0';
	check_marker(parser, line, kind);
	if (!transaction && parser->revisions[parser->nrevisions - 1].repeatable)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("repeatable \"%s\" in migration script must be one transaction",
						parser->revisions[parser->nrevisions - 1].def.id),
				 mig_script_parser_errposition(parser, line->location)));

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
check_marker(MigScriptParser *parser, const MigScriptLine *line,
			 MigBodyKind kind)
{
	const char *id;

	if (parser->state == MIG_PARSER_START)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- migrate:%s\" comes before the first \"-- revision:\" in migration script",
						line->value),
				 mig_script_parser_errposition(parser, line->location)));

	id = parser->revisions[parser->nrevisions - 1].def.id;
	if (parser->revisions[parser->nrevisions - 1].repeatable &&
		kind != MIG_BODY_UPGRADE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("repeatable \"%s\" in migration script has a line \"-- migrate:%s\"",
						id, line->value),
				 errdetail("It has one body, which follows \"-- migrate:up\"."),
				 mig_script_parser_errposition(parser, line->location)));
	if (parser->has_body[kind])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- migrate:%s\" is given twice for revision \"%s\" in migration script",
						line->value, id),
				 mig_script_parser_errposition(parser, line->location)));

	if (kind == MIG_BODY_UPGRADE && parser->has_body[MIG_BODY_DOWNGRADE])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- migrate:up\" comes after \"-- migrate:down\" for revision \"%s\" in migration script",
						id),
				 mig_script_parser_errposition(parser, line->location)));
	if (kind == MIG_BODY_UPGRADE && parser->has_body[MIG_BODY_VERIFY])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- migrate:up\" comes after \"-- migrate:verify\" for revision \"%s\" in migration script",
						id),
				 mig_script_parser_errposition(parser, line->location)));
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

	if (mig_script_parser_body_name(parser) == NULL)
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
const char *
mig_script_parser_body_name(const MigScriptParser *parser)
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
 * The line of a location.  They come in the order of the script, nearly all, so
 * that the lines of a long one are counted only once.
 */
static int
line_of(MigScriptParser *parser, int location)
{
	if (location < parser->counted)
	{
		parser->counted = parser->source.start;
		parser->line = 1;
	}
	parser->line += mig_script_count_lines(parser->source.body,
										   parser->counted, location);
	parser->counted = location;

	return parser->line;
}

/*
 * To be called inside ereport(): the error is at this byte of the text.
 */
int
mig_script_parser_errposition(MigScriptParser *parser, int location)
{
	int			end = location + strcspn(parser->source.body + location, "\r\n");
	MigScriptSource source = parser->source;

	/* Each line of a long script can have an error. */
	source.line = Max(source.line, 1) + line_of(parser, location) - 1;
	source.start = location;
	return mig_script_errposition(&source, location, end, location);
}
