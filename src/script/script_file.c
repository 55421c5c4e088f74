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
 * This file finds the tokens and the line comments between them, script_line.c
 * says what a line is, and script_parser.c what it does.
 *
 * After an error the parser looks for more of them: all are raised together.
 */
#include "postgres.h"

#include "script/script_internal.h"

#define FILE_LINE		"-- file:"
#define REVISION_LINE	"-- revision:"
#define REPEATABLE_LINE	"-- repeatable:"

static void read_file(MigScriptParser *parser, const MigScriptFile *file);
static void check_end(MigScriptParser *parser);
static void read_text(MigScriptParser *parser);
static ErrorData *read_tokens(MigScriptParser *parser, int from, int to,
							  int *gap, int *error_location);
static void note_scan_error(MigScriptParser *parser, ErrorData *error,
							int from, int to, int location);
static int	next_line(const char *text, int location, const char *beginning);
static void read_gap(MigScriptParser *parser, int from, int to);
static void try_comment(MigScriptParser *parser, int location, int end);
static void refuse_duplicates(MigScriptParser *parser);
static void refuse_duplicate(const MigScriptRevision *revision,
							 const MigScriptRevision *first);
static int	compare_revisions(const void *a, const void *b);

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
	MigScriptFile file = {.text = script};

	return mig_script_files_parse(&file, 1, nrevisions, errors);
}

/*
 * The same for files, each of which is a script: their revisions are numbered
 * together.
 */
MigScriptRevision *
mig_script_files_parse(const MigScriptFile *files, int nfiles, int *nrevisions,
					   List **errors)
{
	MigScriptParser parser = {.context = CurrentMemoryContext};

	parser.errors = *errors;
	for (int i = 0; i < nfiles; i++)
		read_file(&parser, &files[i]);
	refuse_duplicates(&parser);

	*errors = parser.errors;
	*nrevisions = parser.nrevisions;
	return parser.revisions;
}

static void
read_file(MigScriptParser *parser, const MigScriptFile *file)
{
	memset(&parser->source, 0, sizeof(parser->source));
	parser->text = mig_script_prepare(file->text);
	parser->source.body = parser->text;
	parser->source.file = file->path;
	parser->source.in_script = true;
	parser->state = MIG_PARSER_START;
	parser->counted = 0;
	parser->line = 1;

	read_text(parser);
	check_end(parser);
	mig_script_parser_end_body(parser, strlen(parser->text));
}

static void
check_end(MigScriptParser *parser)
{
	PG_TRY();
	{
		mig_script_parser_check_end(parser);
	}
	PG_CATCH();
	{
		parser->errors = mig_script_error_add(parser->errors,
											  parser->nrevisions,
											  parser->context);
	}
	PG_END_TRY();
}

/*
 * Raise an error for a line of the file format in a body that is given by
 * itself, and for one that is almost one.
 */
void
mig_script_file_check_body(const MigScriptSource *source, MigBodyKind kind)
{
	MigScriptParser parser = {
		.line = 1, .counted = source->start, .source = *source
	};

	parser.state = mig_script_parser_in_body(kind);
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
read_text(MigScriptParser *parser)
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
		int			next;
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
		parser->quote = NULL;
		next = Min(Min(next_line(text, location, REVISION_LINE),
					   next_line(text, location, REPEATABLE_LINE)), to);
		if (parser->state == MIG_PARSER_DOWN)
		{
			/* Where the body is parsed it is raised, or left out. */
			mig_script_parser_end_body(parser, next);
			parser->state = MIG_PARSER_LOST;
		}
		else
			note_scan_error(parser, error, from, to, location);
		from = next;
	} while (from < size);
}

/*
 * Read the tokens in from .. to, and the gaps before them.  gap: where the last
 * one begins.  If the scanner raises an error, it is returned with its location.
 */
static ErrorData *
read_tokens(MigScriptParser *parser, int from, int to, int *gap,
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
			mig_script_parser_token(parser, location, scan.text);
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
 * Keep the scanner's error, with its place in the script.
 */
static void
note_scan_error(MigScriptParser *parser, ErrorData *error, int from, int to,
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
	pfree(unconstify(char *, piece.body));
	parser->state = MIG_PARSER_LOST;
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
 * Read the comments between two tokens.
 */
static void
read_gap(MigScriptParser *parser, int from, int to)
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
		{
			int			end = mig_script_skip_comment(text, i);

			try_comment(parser, i, end);
			i = end;
		}
		else
			i++;
	}
}

/*
 * Read a comment; an error of a script is kept.
 */
static void
try_comment(MigScriptParser *parser, int location, int end)
{
	if (!parser->source.in_script)
	{
		mig_script_parser_comment(parser, location, end);
		return;
	}

	PG_TRY();
	{
		mig_script_parser_comment(parser, location, end);
	}
	PG_CATCH();
	{
		parser->errors = mig_script_error_add(parser->errors,
											  parser->nrevisions,
											  parser->context);
		if (parser->state == MIG_PARSER_START)
			parser->state = MIG_PARSER_LOST;
	}
	PG_END_TRY();
}

/*
 * Keep an error for each revision that has the name of another one.
 */
static void
refuse_duplicates(MigScriptParser *parser)
{
	const MigScriptRevision **sorted;

	sorted = palloc(sizeof(MigScriptRevision *) * (parser->nrevisions + 1));
	for (int i = 0; i < parser->nrevisions; i++)
		sorted[i] = &parser->revisions[i];
	qsort(sorted, parser->nrevisions, sizeof(MigScriptRevision *),
		  compare_revisions);

	for (int i = 1, first = 0; i < parser->nrevisions; i++)
	{
		if (strcmp(sorted[first]->def.id, sorted[i]->def.id) != 0)
		{
			first = i;
			continue;
		}
		/* Whether it was meant to be one is not certain. */
		if (sorted[i]->failed || sorted[first]->failed)
			continue;
		PG_TRY();
		{
			refuse_duplicate(sorted[i], sorted[first]);
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
refuse_duplicate(const MigScriptRevision *revision,
				 const MigScriptRevision *first)
{
	MigScriptSource source = {
		.body = "", .file = revision->file, .in_script = true, .line = revision->line
	};
	MigScriptSource other = {
		.body = "", .file = first->file, .in_script = true, .line = first->line
	};

	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 revision->repeatable && first->repeatable ?
			 errmsg("repeatable \"%s\" is given twice", revision->def.id) :
			 revision->repeatable || first->repeatable ?
			 errmsg("\"%s\" is given as a revision and as a repeatable",
					revision->def.id) :
			 errmsg("revision \"%s\" is given twice", revision->def.id),
			 errdetail("It is given in %s, too.", mig_script_place(&other, 0)),
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
