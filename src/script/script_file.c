/*
 * script_file.c
 *	  Parses the file format of migrate_register_script().
 *
 *	 -- revision: ae1027a6acf
 *	 -- down_revision: 1975ea83b712
 *	 -- migrate:up
 *	 CREATE TABLE account (...);
 *	 -- migrate:down
 *	 DROP TABLE account;
 *
 * Everything that steers the parser is a line comment at the start of a line,
 * so the file is also a script for psql.  The server's scanner says what is a
 * comment: a line that looks like one inside a function body, a literal or a
 * block comment is just text.
 *
 * The states of the parser, and the lines that lead from one to the next:
 *
 *	 start --revision--> header --migrate:up--> up --migrate:down--> down
 *
 * with migrate:down also from header (a body for the downgrade only), revision
 * from each but start to header again, and file, which names the file that the
 * following text is from, from each to start.  SQL may be in up and down only.
 * What the bodies contain is not checked here.
 *
 * After an error the parser looks for more of them: all are raised together.
 *
 * A line that is almost one of these is an error, also in a body that is not in
 * a script: mark.c says why.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "parser/scansup.h"

#include "script/script_internal.h"

/* Where in a revision the parser is. */
typedef enum FileState
{
	FILE_START,					/* -> HEADER */
	FILE_HEADER,				/* -> START, HEADER, UP, DOWN */
	FILE_UP,					/* -> START, HEADER, DOWN */
	FILE_DOWN,					/* -> START, HEADER */
	FILE_SKIP,					/* after an error: as from HEADER */
	FILE_LOST					/* after one that hides which revision this
								 * is: -> START, HEADER */
} FileState;

/* What a line comment at the start of a line can be. */
typedef enum LineKey
{
	LINE_COMMENT,
	LINE_REVISION,
	LINE_DOWN_REVISION,
	LINE_DEPENDS_ON,
	LINE_BRANCH_LABELS,
	LINE_MESSAGE,
	LINE_SET,
	LINE_MIGRATE,
	LINE_FILE
} LineKey;

#define NUM_LINE_KEYS	(LINE_FILE + 1)

#define FILE_LINE		"-- file:"
#define REVISION_LINE	"-- revision:"

/* Bytes of a line in a message. */
#define MAX_LINE_SHOWN	80

static const char *const key_names[NUM_LINE_KEYS] =
{
	[LINE_COMMENT] = "",
	[LINE_REVISION] = "revision",
	[LINE_DOWN_REVISION] = "down_revision",
	[LINE_DEPENDS_ON] = "depends_on",
	[LINE_BRANCH_LABELS] = "branch_labels",
	[LINE_MESSAGE] = "message",
	[LINE_SET] = "set",
	[LINE_MIGRATE] = "migrate",
	[LINE_FILE] = "file"
};

typedef struct FileParser
{
	MigScriptSource source;		/* the script, or a body, which has no lines */
	char	   *text;			/* the script, to write; a body: NULL */
	List	   *errors;
	MemoryContext context;		/* for them */
	FileState	state;
	bool		between_statements; /* in the gap that is being read */
	bool		before_statements;	/* of the current body */
	bool		seen[NUM_LINE_KEYS];	/* in the current header */
	int			counted;		/* line ends are counted up to here */
	int			line;			/* and this is the line, from 1 in the file */
	int			body_start;		/* of the body being read */
	int			nrevisions;
	int			nallocated;
	MigScriptRevision *revisions;
} FileParser;

/* A line comment at the start of a line. */
typedef struct FileLine
{
	LineKey		key;
	char	   *value;			/* after the colon, trimmed */
	int			location;		/* of the dashes */
	int			start;			/* of the line */
	int			next;			/* of the next line */
} FileLine;

static void read_text(FileParser *parser);
static ErrorData *read_tokens(FileParser *parser, int from, int to,
							  int *gap, int *error_location);
static void read_token(FileParser *parser, int location, const char *token);
static void note_scan_error(FileParser *parser, ErrorData *error, int from,
							int to, int location);
static int	next_line(const char *text, int location, const char *beginning);
static void read_gap(FileParser *parser, int from, int to);
static void try_comment(FileParser *parser, int location, int end);
static void read_comment(FileParser *parser, int location, int end);
static void read_line(const char *text, int location, int end,
					  FileLine *line);
static bool is_marker(const FileLine *line);
static LineKey read_key(const char *text, int *offset);
static void read_remark(FileParser *parser, const FileLine *line, int end);
static LineKey key_of_mark(MigMark mark);
static void refuse_section(FileParser *parser, MigMark mark, const char *text,
						   int location);
static void refuse_key(FileParser *parser, LineKey key, int location);
static void refuse_body_line(FileParser *parser, const char *text,
							 int location);
static void read_file(FileParser *parser, const FileLine *line);
static void read_revision(FileParser *parser, const FileLine *line);
static void read_header(FileParser *parser, const FileLine *line);
static void read_marker(FileParser *parser, const FileLine *line);
static bool read_transaction(const char *text, bool *transaction);
static void begin_body(FileParser *parser, const FileLine *line,
					   FileState state);
static void end_body(FileParser *parser, int end);
static char **split_value(const char *value, int *nitems);
static char *copy_trimmed(const char *text, int start, int end);
static int	line_of(FileParser *parser, int location);
static void refuse_sql(FileParser *parser, int location);
static void refuse_duplicates(FileParser *parser);
static void refuse_duplicate(const MigScriptRevision *revision);
static int	compare_revisions(const void *a, const void *b);
static int	error_position(const FileParser *parser, int location);

/*
 * Read a script: an array of its revisions in the order of the script, each
 * with copies of its values and bodies, in the current memory context.  A
 * script without any has none, which is no error here.
 *
 * What is wrong is added to errors: 22023 where the format is violated, 42710
 * for a revision given twice and the scanner's 42601.
 */
MigScriptRevision *
mig_script_file_parse(const char *script, int *nrevisions, List **errors)
{
	FileParser	parser = {.line = 1, .context = CurrentMemoryContext};

	parser.text = mig_script_prepare(script);
	parser.source.body = parser.text;
	parser.source.in_script = true;
	parser.errors = *errors;

	read_text(&parser);
	end_body(&parser, strlen(parser.text));
	refuse_duplicates(&parser);

	*errors = parser.errors;
	*nrevisions = parser.nrevisions;
	return parser.revisions;
}

/*
 * Raise an error for a line of the file format in a body that is given by
 * itself, and for one that is almost one.
 */
void
mig_script_file_check_body(const MigScriptSource *source, bool is_downgrade)
{
	FileParser	parser = {.line = 1, .source = *source};

	parser.state = is_downgrade ? FILE_DOWN : FILE_UP;
	parser.before_statements = true;
	read_text(&parser);
}

/*
 * Read the gaps between the tokens.  After a literal that does not end, the
 * next line that begins a revision is where to look for more errors.
 *
 * Where a script begins with a file's name, each file is a text of its own: what
 * is wrong in one must not hide the others.
 */
static void
read_text(FileParser *parser)
{
	const char *text = parser->source.body;
	int			size = strlen(text);
	bool		by_file = parser->source.in_script &&
	strncmp(text + strspn(text, " \t\r\n"), FILE_LINE, strlen(FILE_LINE)) == 0;
	int			from = 0;

	parser->between_statements = true;
	do
	{
		int			to = by_file ? next_line(text, from, FILE_LINE) : size;
		int			gap = from;
		int			location;
		ErrorData  *error = read_tokens(parser, from, to, &gap, &location);

		if (error == NULL)
		{
			read_gap(parser, gap, to);
			from = to;
			continue;
		}
		/* The gap says which file and revision the error is in. */
		read_gap(parser, gap, location);
		note_scan_error(parser, error, from, to, location);
		from = Min(next_line(text, location, REVISION_LINE), to);
	} while (from < size);
}

/*
 * Read the tokens in from .. to, and the gaps before them.  gap: where the last
 * one begins.  If the scanner raises an error, it is returned with its location.
 */
static ErrorData *
read_tokens(FileParser *parser, int from, int to, int *gap,
			int *error_location)
{
	MigScriptSource source = {
		.body = pnstrdup(parser->source.body + from, to - from)
	};
	MemoryContext context = CurrentMemoryContext;
	MigScriptScan scan;
	ErrorData  *volatile error = NULL;

	mig_script_scan_begin(&scan, &source);
	PG_TRY();
	{
		while (mig_script_scan_next(&scan))
		{
			int			location = from + scan.location;

			read_gap(parser, *gap, location);
			*gap = location;
			read_token(parser, location, scan.text);
			*gap = location + scan.length;
		}
	}
	PG_CATCH();
	{
		if (scan.error_location < 0 || !parser->source.in_script)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		*error_location = from + scan.error_location;
	}
	PG_END_TRY();
	mig_script_scan_end(&scan);
	pfree(unconstify(char *, source.body));
	return error;
}

/*
 * Read a token.  A byte order mark in front of a file is one, or the beginning
 * of one.
 */
static void
read_token(FileParser *parser, int location, const char *token)
{
	int			bom = strlen(MIG_SCRIPT_BOM);

	if (parser->source.in_script && strncmp(token, MIG_SCRIPT_BOM, bom) == 0 &&
		location > 0 && strchr("\r\n", parser->text[location - 1]) != NULL)
	{
		memset(parser->text + location, ' ', bom);
		if (token[bom] == '\0')
			return;
	}

	if (parser->state == FILE_START || parser->state == FILE_HEADER)
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
		parser->state = parser->state == FILE_START ? FILE_LOST : FILE_SKIP;
	}
	parser->between_statements = strcmp(token, ";") == 0;
	if (!parser->between_statements)
		parser->before_statements = false;
}

/*
 * Keep the scanner's error, with its place in the script.
 */
static void
note_scan_error(FileParser *parser, ErrorData *error, int from, int to,
				int location)
{
	MigScriptSource piece = parser->source;

	/* Only what was scanned together, as far as the file is the same. */
	from = Max(from, piece.start);
	piece.body = pnstrdup(parser->source.body + from, to - from);
	piece.line = 1 + mig_script_count_lines(parser->source.body, piece.start, from);
	piece.start = 0;

	PG_TRY();
	{
		mig_script_explain(&piece, error, location - from);
		mig_script_locate_error(&piece, error, location - from);
		ReThrowError(error);
	}
	PG_CATCH();
	{
		parser->errors = mig_script_error_add(parser->errors,
											  parser->nrevisions,
											  parser->context);
	}
	PG_END_TRY();
	parser->state = FILE_LOST;
}

/*
 * Where the next line with that beginning begins, or the end.
 */
static int
next_line(const char *text, int location, const char *beginning)
{
	for (const char *line = strchr(text + location, '\n'); line != NULL;
		 line = strchr(line, '\n'))
	{
		line++;
		if (strncmp(line, beginning, strlen(beginning)) == 0)
			return line - text;
	}
	return location + strlen(text + location);
}

/*
 * Read the line comments between two tokens.
 */
static void
read_gap(FileParser *parser, int from, int to)
{
	const char *text = parser->source.body;
	int			i = from;

	while (i < to)
	{
		if (text[i] == '-')
		{
			int			end = i + strcspn(text + i, "\r\n");

			try_comment(parser, i, end);
			i = end;
		}
		else if (text[i] == '/')
			i = mig_script_skip_comment(text, i);
		else
			i++;
	}
}

/*
 * Read a line comment; an error of a script is kept.
 */
static void
try_comment(FileParser *parser, int location, int end)
{
	if (!parser->source.in_script)
	{
		read_comment(parser, location, end);
		return;
	}

	PG_TRY();
	{
		read_comment(parser, location, end);
	}
	PG_CATCH();
	{
		parser->errors = mig_script_error_add(parser->errors,
											  parser->nrevisions,
											  parser->context);
		if (parser->state == FILE_START)
			parser->state = FILE_LOST;
	}
	PG_END_TRY();
}

/*
 * Read a line comment.  One that is not at the start of its line is just a
 * comment, unless it follows the text before it at once, as where a file was
 * appended to one that does not end with a line end.
 */
static void
read_comment(FileParser *parser, int location, int end)
{
	const char *text = parser->source.body;
	FileLine	line;

	read_line(text, location, end, &line);
	if (line.start > 0 && strchr("\r\n", text[line.start - 1]) == NULL)
	{
		if (line.key == LINE_REVISION ||
			(line.start == location && is_marker(&line)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"-- %s:\" is not at the start of a line in migration script",
							key_names[line.key]),
					 errhint("If files were concatenated, the previous one does not end with a newline."),
					 error_position(parser, location)));
		return;
	}

	if (parser->source.in_script && line.key == LINE_FILE)
		read_file(parser, &line);
	else if (parser->source.in_script && line.key == LINE_REVISION)
		read_revision(parser, &line);
	else if (parser->source.in_script && is_marker(&line))
	{
		if (parser->state != FILE_LOST)
			read_marker(parser, &line);
	}
	else if (parser->source.in_script && line.key > LINE_REVISION &&
			 line.key < LINE_MIGRATE &&
			 (parser->state == FILE_START || parser->state == FILE_HEADER))
		read_header(parser, &line);
	else
		read_remark(parser, &line, end);
}

/*
 * Read the line of the comment in text[location .. end).
 */
static void
read_line(const char *text, int location, int end, FileLine *line)
{
	int			offset = location + 2;

	line->location = location;
	line->start = location;
	while (line->start > 0 && strchr(" \t\f\v", text[line->start - 1]) != NULL)
		line->start--;
	line->key = read_key(text, &offset);
	line->value = copy_trimmed(text, offset, end);
	line->next = end + (text[end] == '\r' && text[end + 1] == '\n' ? 2 :
						text[end] != '\0' ? 1 : 0);
}

/*
 * Whether a line begins a section, or would with nothing behind it.
 */
static bool
is_marker(const FileLine *line)
{
	int			length = strcspn(line->value, " \t\f\v");

	return line->key == LINE_MIGRATE &&
		((length == 2 && strncmp(line->value, "up", 2) == 0) ||
		 (length == 4 && strncmp(line->value, "down", 4) == 0));
}

/*
 * Read "key:" and move the offset to its end.
 */
static LineKey
read_key(const char *text, int *offset)
{
	int			start = *offset + strspn(text + *offset, " \t");
	int			length = strspn(text + start, "abcdefghijklmnopqrstuvwxyz_");
	int			colon = start + length;

	colon += strspn(text + colon, " \t");
	if (text[colon] != ':')
		return LINE_COMMENT;

	for (int key = LINE_COMMENT + 1; key < NUM_LINE_KEYS; key++)
	{
		if ((int) strlen(key_names[key]) == length &&
			strncmp(text + start, key_names[key], length) == 0)
		{
			*offset = colon + 1;
			return key;
		}
	}

	return LINE_COMMENT;
}

/*
 * Read a line that is none of the format's, and refuse it if it was probably
 * meant to be one.
 */
static void
read_remark(FileParser *parser, const FileLine *line, int end)
{
	char	   *text = pnstrdup(parser->source.body + line->location,
								end - line->location);
	MigMarkLine remark = {
		.text = text,
		.place = parser->state == FILE_HEADER ? MIG_MARK_IN_HEADER :
		parser->state == FILE_UP ? MIG_MARK_IN_UPGRADE :
		parser->state == FILE_DOWN ? MIG_MARK_IN_DOWNGRADE : MIG_MARK_OUTSIDE,
		.between_statements = parser->between_statements,
		.before_statements = parser->before_statements
	};
	MigMark		mark = mig_mark_find(&remark);

	/* A comment can be long, and its beginning tells which one it is. */
	text[pg_mbcliplen(text, strlen(text), MAX_LINE_SHOWN)] = '\0';
	switch (mark)
	{
		case MIG_MARK_NONE:
			break;
		case MIG_MARK_UP:
		case MIG_MARK_DOWN:
		case MIG_MARK_SECTION:
			refuse_section(parser, mark, text, line->location);
			break;
		case MIG_MARK_FOREIGN:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("comment \"%s\" is an instruction to another tool", text),
					 errdetail("It has no effect here."),
					 errhint("Remove it. Statements that cannot run inside a transaction block need no mark."),
					 error_position(parser, line->location)));
			break;
		default:
			if (!parser->source.in_script)
			{
				/* What arguments say may be repeated in other words. */
				if (line->key != LINE_COMMENT && line->key != LINE_MESSAGE)
					refuse_body_line(parser, text, line->location);
			}
			else
				refuse_key(parser, key_of_mark(mark), line->location);
			break;
	}
	pfree(text);
}

static LineKey
key_of_mark(MigMark mark)
{
	switch (mark)
	{
		case MIG_MARK_REVISION:
			return LINE_REVISION;
		case MIG_MARK_DOWN_REVISION:
			return LINE_DOWN_REVISION;
		case MIG_MARK_DEPENDS_ON:
			return LINE_DEPENDS_ON;
		case MIG_MARK_BRANCH_LABELS:
			return LINE_BRANCH_LABELS;
		case MIG_MARK_MESSAGE:
			return LINE_MESSAGE;
		case MIG_MARK_SET:
			return LINE_SET;
		default:
			return LINE_COMMENT;
	}
}

/*
 * Raise the error for a line that was probably meant to begin a section.
 */
static void
refuse_section(FileParser *parser, MigMark mark, const char *text, int location)
{
	if (!parser->source.in_script)
		refuse_body_line(parser, text, location);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("comment \"%s\" looks like a section line", text),
			 parser->state == FILE_UP ?
			 errdetail("What follows it would be run as part of the upgrade.") :
			 parser->state == FILE_DOWN ?
			 errdetail("What follows it would be run as part of the downgrade.") :
			 errdetail("It begins no section."),
			 mark == MIG_MARK_UP ?
			 errhint("Write \"-- migrate:up\" to begin the upgrade, or remove the comment.") :
			 mark == MIG_MARK_DOWN ?
			 errhint("Write \"-- migrate:down\" to begin the downgrade, or remove the comment.") :
			 errhint("The section lines are \"-- migrate:up\" and \"-- migrate:down\"."),
			 error_position(parser, location)));
}

/*
 * Raise the error for a line that was probably meant to be a key.
 */
static void
refuse_key(FileParser *parser, LineKey key, int location)
{
	bool		in_body = parser->state == FILE_UP || parser->state == FILE_DOWN;

	if (in_body && key != LINE_REVISION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key \"%s\" is not in the header of revision \"%s\" in migration script",
						key_names[key],
						parser->revisions[parser->nrevisions - 1].def.id),
				 errdetail("It would be a comment in a body."),
				 errhint("Write \"-- %s:\" before the \"-- migrate:\" lines of the revision.",
						 key_names[key]),
				 error_position(parser, location)));

	if (key == LINE_REVISION && parser->state != FILE_START)
	{
		end_body(parser, location);
		parser->state = FILE_LOST;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("misspelled key in migration script"),
			 in_body ?
			 errdetail("What follows it would be part of revision \"%s\".",
					   parser->revisions[parser->nrevisions - 1].def.id) : 0,
			 errhint("Write \"-- %s:\".", key_names[key]),
			 error_position(parser, location)));
}

/*
 * Raise the error for a line of a script in a body that is given by itself.
 */
static void
refuse_body_line(FileParser *parser, const char *text, int location)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("comment \"%s\" looks like a line of a migration script",
					text),
			 parser->state == FILE_UP ?
			 errdetail("It has no effect here, and what follows it would be run as part of the upgrade.") :
			 errdetail("It has no effect here, and what follows it would be run as part of the downgrade."),
			 errhint("Give upgrade, downgrade and down revisions as arguments of their own, or use migrate_register_script(). If it is a remark, word it in another way."),
			 error_position(parser, location)));
}

/*
 * What follows is the text of another file.
 */
static void
read_file(FileParser *parser, const FileLine *line)
{
	end_body(parser, line->start);
	parser->state = FILE_START;
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
read_revision(FileParser *parser, const FileLine *line)
{
	MigScriptRevision *revision;

	end_body(parser, line->start);
	parser->state = FILE_LOST;

	if (line->value[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
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
	revision->def.id = line->value;
	revision->number = parser->nrevisions;
	revision->file = parser->source.file;
	revision->line = line_of(parser, line->location);
	revision->def.upgrade = pstrdup("");
	revision->def.downgrade = pstrdup("");

	memset(parser->seen, 0, sizeof(parser->seen));
	parser->state = FILE_HEADER;
	parser->between_statements = true;
}

/*
 * Read one of the keys that describe a revision.
 */
static void
read_header(FileParser *parser, const FileLine *line)
{
	MigScriptRevision *revision;

	if (parser->state == FILE_START)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- %s:\" comes before the first \"-- revision:\" in migration script",
						key_names[line->key]),
				 error_position(parser, line->location)));

	revision = &parser->revisions[parser->nrevisions - 1];

	if (parser->seen[line->key])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- %s:\" is given twice for revision \"%s\" in migration script",
						key_names[line->key], revision->def.id),
				 error_position(parser, line->location)));
	parser->seen[line->key] = true;

	switch (line->key)
	{
		case LINE_DOWN_REVISION:
			revision->def.down = split_value(line->value, &revision->def.ndown);
			break;
		case LINE_DEPENDS_ON:
			revision->def.depends = split_value(line->value, &revision->def.ndepends);
			break;
		case LINE_BRANCH_LABELS:
			revision->def.labels = split_value(line->value, &revision->def.nlabels);
			break;
		case LINE_MESSAGE:
			revision->def.message = line->value[0] != '\0' ? line->value : NULL;
			break;
		case LINE_SET:
			revision->def.settings = line->value[0] != '\0' ? line->value : NULL;
			revision->settings_line = line_of(parser, line->location);
			break;
		default:
			elog(ERROR, "unexpected key in migration script: %d", line->key);
	}
}

/*
 * Read "migrate:up" or "migrate:down".  With more text on the line, other than
 * dbmate's option, one cannot tell a remark from a marker, and must not: the
 * downgrade would be run as part of the upgrade.
 */
static void
read_marker(FileParser *parser, const FileLine *line)
{
	bool		up = line->value[0] == 'u';
	int			length = up ? 2 : 4;
	bool		transaction = true;
	const char *revision;

	if (line->value[length] != '\0' &&
		!read_transaction(line->value + length, &transaction))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unexpected text after \"-- migrate:%s\" in migration script",
						up ? "up" : "down"),
				 errhint("Nothing but \"transaction:false\" may follow."),
				 error_position(parser, line->location)));
	line->value[length] = '\0';

	if (parser->state == FILE_START)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- migrate:%s\" comes before the first \"-- revision:\" in migration script",
						line->value),
				 error_position(parser, line->location)));

	revision = parser->revisions[parser->nrevisions - 1].def.id;

	if (parser->state == (up ? FILE_UP : FILE_DOWN))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- migrate:%s\" is given twice for revision \"%s\" in migration script",
						line->value, revision),
				 error_position(parser, line->location)));

	if (up && parser->state == FILE_DOWN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"-- migrate:up\" comes after \"-- migrate:down\" for revision \"%s\" in migration script",
						revision),
				 error_position(parser, line->location)));

	if (!transaction)
		ereport(NOTICE,
				(errmsg("\"transaction:false\" of revision \"%s\" changes nothing",
						revision),
				 errdetail("Statements that cannot run inside a transaction block are run outside of one without it; others are committed together, with the version row.")));
	begin_body(parser, line, up ? FILE_UP : FILE_DOWN);
}

/*
 * Reads "transaction:false" or "transaction:true".
 */
static bool
read_transaction(const char *text, bool *transaction)
{
	const char *name = "transaction";

	text += strspn(text, " \t\f\v");
	if (strncmp(text, name, strlen(name)) != 0)
		return false;
	text += strlen(name);
	text += strspn(text, " \t");
	if (*text != ':')
		return false;
	text++;
	text += strspn(text, " \t");
	*transaction = strcmp(text, "true") == 0;
	return *transaction || strcmp(text, "false") == 0;
}

/*
 * Begin a body after its marker.  A revision that has an upgrade and nothing
 * more is irreversible.
 */
static void
begin_body(FileParser *parser, const FileLine *line, FileState state)
{
	MigScriptRevision *revision;

	end_body(parser, line->start);

	revision = &parser->revisions[parser->nrevisions - 1];
	if (state == FILE_UP)
	{
		revision->def.downgrade = NULL;
		revision->upgrade_line = line_of(parser, line->next);
	}
	else
		revision->downgrade_line = line_of(parser, line->next);

	parser->body_start = line->next;
	parser->state = state;
	parser->before_statements = true;
	parser->between_statements = true;
}

/*
 * Keep the text of the body that ends here, if the parser is in one.
 */
static void
end_body(FileParser *parser, int end)
{
	MigScriptRevision *revision;
	char	   *body;

	if (parser->state != FILE_UP && parser->state != FILE_DOWN)
		return;

	revision = &parser->revisions[parser->nrevisions - 1];
	body = pnstrdup(parser->source.body + parser->body_start,
					end - parser->body_start);

	if (parser->state == FILE_UP)
		revision->def.upgrade = body;
	else
		revision->def.downgrade = body;
}

/*
 * The items of a value separated by commas; empty ones do not count.
 */
static char **
split_value(const char *value, int *nitems)
{
	int			commas = 0;
	char	  **items;

	for (const char *p = value; *p != '\0'; p++)
		if (*p == ',')
			commas++;

	items = palloc(sizeof(char *) * (commas + 1));
	*nitems = 0;

	for (int start = 0; start >= 0;)
	{
		int			length = strcspn(value + start, ",");
		char	   *item = copy_trimmed(value, start, start + length);

		if (item[0] != '\0')
			items[(*nitems)++] = item;
		start = value[start + length] == ',' ? start + length + 1 : -1;
	}

	return items;
}

/*
 * A copy of text[start .. end) without white space around it.
 */
static char *
copy_trimmed(const char *text, int start, int end)
{
	while (start < end && scanner_isspace(text[start]))
		start++;
	while (end > start && scanner_isspace(text[end - 1]))
		end--;

	return pnstrdup(text + start, end - start);
}

/*
 * The line of a location.  It must not be before the last one asked for, so
 * that the lines of a long script are counted only once.
 */
static int
line_of(FileParser *parser, int location)
{
	parser->line += mig_script_count_lines(parser->source.body,
										   parser->counted, location);
	parser->counted = location;

	return parser->line;
}

/*
 * Raise the error for SQL where there must be none.
 */
static void
refuse_sql(FileParser *parser, int location)
{
	if (parser->state == FILE_START)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("migration script has SQL before its first \"-- revision:\" line"),
				 error_position(parser, location)));

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("revision \"%s\" in migration script has SQL before its \"-- migrate:up\" line",
					parser->revisions[parser->nrevisions - 1].def.id),
			 error_position(parser, location)));
}

/*
 * Keep an error for each revision that has the name of another one.
 */
static void
refuse_duplicates(FileParser *parser)
{
	const MigScriptRevision **sorted;

	sorted = palloc(sizeof(MigScriptRevision *) * (parser->nrevisions + 1));
	for (int i = 0; i < parser->nrevisions; i++)
		sorted[i] = &parser->revisions[i];
	qsort(sorted, parser->nrevisions, sizeof(MigScriptRevision *),
		  compare_revisions);

	for (int i = 1; i < parser->nrevisions; i++)
	{
		if (strcmp(sorted[i - 1]->def.id, sorted[i]->def.id) != 0)
			continue;
		PG_TRY();
		{
			refuse_duplicate(sorted[i]);
		}
		PG_CATCH();
		{
			parser->errors = mig_script_error_add(parser->errors,
												  sorted[i]->number,
												  parser->context);
		}
		PG_END_TRY();
	}

	pfree(sorted);
}

static void
refuse_duplicate(const MigScriptRevision *revision)
{
	MigScriptSource source = {
		.body = "", .file = revision->file, .in_script = true, .line = revision->line
	};

	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("revision \"%s\" is given twice in migration script",
					revision->def.id),
			 mig_script_errline(&source, 0)));
}

/*
 * Order by name, then as in the script.
 */
static int
compare_revisions(const void *a, const void *b)
{
	const MigScriptRevision *left = *(const MigScriptRevision *const *) a;
	const MigScriptRevision *right = *(const MigScriptRevision *const *) b;
	int			order = strcmp(left->def.id, right->def.id);

	return order != 0 ? order : left->number - right->number;
}

/*
 * To be called inside ereport(): the error is at this byte of the text.
 */
static int
error_position(const FileParser *parser, int location)
{
	int			end = location + strcspn(parser->source.body + location, "\r\n");

	return mig_script_errposition(&parser->source, location, end, location);
}
