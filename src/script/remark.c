/*
 * remark.c
 *	  Refuses the comments that were probably meant to be a line of the format.
 *
 * Also in a body that is not in a script.  mark.c recognizes them, and says why.
 */
#include "postgres.h"

#include <ctype.h>

#include "mb/pg_wchar.h"

#include "script/script_internal.h"

/* Bytes of a line in a message. */
#define MAX_LINE_SHOWN	80

static bool is_single_line(const char *text, int from, int to);
static void join_lines(char *text);
static MigMark find_mark(const MigScriptParser *parser, const char *text);
static MigScriptLineKey key_of_mark(MigMark mark);
static void refuse_section(MigScriptParser *parser, MigMark mark,
						   const char *text, int location);
static void refuse_key(MigScriptParser *parser, MigScriptLineKey key,
					   const char *text, int location);
static char *value_of(const char *text);

/*
 * Read a block comment.  No line of the format is one, but if it stands alone
 * on its lines, and words are in one of them only, it can have been meant to be
 * one.
 */
void
mig_remark_check_block(MigScriptParser *parser, int location, int end)
{
	if (mig_remark_is_single(parser->source.body, location, end))
		mig_remark_check(parser, MIG_LINE_COMMENT, location, end);
}

/*
 * Whether a block comment stands alone on its lines, with words in one of them.
 */
bool
mig_remark_is_single(const char *text, int location, int end)
{
	int			start = location;
	int			rest = end + strspn(text + end, " \t\f\v");

	while (start > 0 && strchr(" \t\f\v", text[start - 1]) != NULL)
		start--;
	return (start == 0 || strchr("\r\n", text[start - 1]) != NULL) &&
		strchr("\r\n", text[rest]) != NULL &&
		is_single_line(text, location, end);
}

/*
 * The comment in text[location .. end) as a line comment, of which mark.c can tell
 * what it was probably meant to be.
 */
char *
mig_remark_as_line(const char *text, int location, int end)
{
	char	   *line = text[location] == '/' ?
	psprintf("--%.*s", end - location - 4, text + location + 2) :
	pnstrdup(text + location, end - location);

	join_lines(line);
	return line;
}

static void
join_lines(char *text)
{
	for (char *c = text; *c != '\0'; c++)
	{
		if (*c == '\r' || *c == '\n')
			*c = ' ';
	}
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
				 strchr("-\r\n*", text[i + 2 + strspn(text + i + 2, " \t")]) == NULL)
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
void
mig_remark_check(MigScriptParser *parser, MigScriptLineKey key, int location,
				 int end)
{
	char	   *text = pnstrdup(parser->source.body + location, end - location);
	MigMark		mark;

	join_lines(text);
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
					 mig_script_parser_errposition(parser, location)));
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
					mig_remark_refuse_body_line(parser, text, location);
			}
			else
				refuse_key(parser, key_of_mark(mark), text, location);
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
		.place = parser->state == MIG_PARSER_HEADER ||
		parser->state == MIG_PARSER_AFTER ? MIG_MARK_IN_HEADER :
		parser->state == MIG_PARSER_UP ? MIG_MARK_IN_UPGRADE :
		parser->state == MIG_PARSER_DOWN ? MIG_MARK_IN_DOWNGRADE :
		parser->state == MIG_PARSER_VERIFY ? MIG_MARK_IN_VERIFY : MIG_MARK_OUTSIDE,
		.between_statements = parser->between_statements,
		.before_statements = parser->before_statements
	};
	char	   *as_line = mig_remark_as_line(text, 0, strlen(text));
	MigMark		mark;

	line.text = as_line;
	mark = mig_mark_find(&line);
	pfree(as_line);
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
		mig_remark_refuse_body_line(parser, text, location);

	/* What follows a header is of that section. */
	if (parser->state == MIG_PARSER_HEADER)
		parser->state = MIG_PARSER_SKIP;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("comment \"%s\" looks like a section line", text),
			 mig_script_parser_body_name(parser) != NULL ?
			 errdetail("What follows it would be run as part of the %s.",
					   mig_script_parser_body_name(parser)) :
			 errdetail("It begins no section."),
			 mark == MIG_MARK_UP ?
			 errhint("Write \"-- migrate:up\" to begin the upgrade, or remove the comment.") :
			 mark == MIG_MARK_DOWN ?
			 errhint("Write \"-- migrate:down\" to begin the downgrade, or remove the comment.") :
			 mark == MIG_MARK_VERIFY ?
			 errhint("Write \"-- migrate:verify\" to begin the verify body, or remove the comment.") :
			 errhint("The section lines are \"-- migrate:up\", \"-- migrate:down\" and \"-- migrate:verify\"."),
			 mig_script_parser_errposition(parser, location)));
}

/*
 * Raise the error for a line that was probably meant to be a key.
 */
static void
refuse_key(MigScriptParser *parser, MigScriptLineKey key, const char *text,
		   int location)
{
	bool		in_body = mig_script_parser_body_name(parser) != NULL ||
	parser->state == MIG_PARSER_AFTER;
	const char *id = in_body ?
	parser->revisions[parser->nrevisions - 1].def.id : NULL;
	bool		begins = key == MIG_LINE_REVISION || key == MIG_LINE_REPEATABLE;
	bool		in_place = key == MIG_LINE_EXTERNAL &&
	parser->state == MIG_PARSER_DOWN;

	if (in_body && !begins && !in_place)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key \"%s\" is not in the header of revision \"%s\" in migration script",
						mig_script_line_key_name(key), id),
				 errdetail("It would be a comment in a body."),
				 errhint("Write \"-- %s:\" before the \"-- migrate:\" lines of the revision.",
						 mig_script_line_key_name(key)),
				 mig_script_parser_errposition(parser, location)));

	if (begins)
		mig_script_parser_lose_revision(parser, key, value_of(text), location);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("comment \"%s\" looks like key \"%s\" in migration script",
					text, mig_script_line_key_name(key)),
			 in_body && begins ?
			 errdetail("What follows it would be part of revision \"%s\".", id) : 0,
			 errhint("Write \"-- %s:\", or word the comment in another way.",
					 mig_script_line_key_name(key)),
			 mig_script_parser_errposition(parser, location)));
}

/*
 * What stands behind the key of such a comment, or behind its first word.
 */
static char *
value_of(const char *text)
{
	const char *at = text + strcspn(text, ":=");
	int			length;

	if (*at == '\0')
	{
		at = text + strspn(text, "-/* \t");
		at += strcspn(at, " \t");
	}
	at += strspn(at, ":= \t");
	length = strlen(at);
	while (length > 0 && strchr("*/ \t", at[length - 1]) != NULL)
		length--;
	return pnstrdup(at, length);
}

/*
 * Raise the error for a line of a script in a body that is given by itself.
 */
void
mig_remark_refuse_body_line(MigScriptParser *parser, const char *text,
							int location)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("comment \"%s\" looks like a line of a migration script",
					text),
			 errdetail("It has no effect here, and what follows it would be run as part of the %s.",
					   mig_script_parser_body_name(parser)),
			 errhint("Give upgrade, downgrade, verify and down revisions as arguments of their own, or use migrate_register_script(). If it is a remark, word it in another way."),
			 mig_script_parser_errposition(parser, location)));
}
