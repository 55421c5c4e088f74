/*
 * script_internal.h
 *	  What the files of this folder share: tokens, positions, statement kinds,
 *	  the parser of scripts.
 */
#ifndef MIG_SCRIPT_INTERNAL_H
#define MIG_SCRIPT_INTERNAL_H

#include "lib/stringinfo.h"
#include "parser/scanner.h"

#include "base/compat.h"
#include "script/script.h"

/*
 * One pass over a body's tokens.  After each step location and length say
 * where in the body the token is, and text is a zero-terminated copy of it
 * that lasts until the next step.
 */
typedef struct MigScriptScan
{
	int			location;
	int			length;
	const char *text;
	int			error_location; /* of the error that a step has raised */

	/* private */
	int			client_messages;
	MigScriptSource source;
	MemoryContext context;
	core_yyscan_t scanner;
	core_yy_extra_type extra;
} MigScriptScan;

/* A COPY ... FROM stdin, and the data behind it. */
typedef struct MigCopyData
{
	int			begin;			/* of the statement; -1: it is another one */
	int			semicolon;
	int			data;			/* the first line of the data */
	int			end;			/* the line that ends them */
	bool		has_options;	/* that say how to read the data */
	List	   *columns;		/* as the statement names them; NIL: it does
								 * not */
	bool		in_statement;	/* the scan is in one, of any kind */
} MigCopyData;

/* What a line comment that is no line of the file format was meant to be. */
typedef enum MigMark
{
	MIG_MARK_NONE,				/* a remark */
	MIG_MARK_UP,				/* the line before an upgrade body */
	MIG_MARK_DOWN,				/* the line before a downgrade body */
	MIG_MARK_VERIFY,			/* the line before a verify body */
	MIG_MARK_SECTION,			/* another "-- migrate:" line */
	MIG_MARK_FOREIGN,			/* for another tool, and neither of these */
	MIG_MARK_REVISION,			/* a key of the header */
	MIG_MARK_DOWN_REVISION,
	MIG_MARK_DEPENDS_ON,
	MIG_MARK_BRANCH_LABELS,
	MIG_MARK_MESSAGE,
	MIG_MARK_SET,
	MIG_MARK_ALLOW,
	MIG_MARK_EXTERNAL,
	MIG_MARK_REPLACES,
	MIG_MARK_REPEATABLE
} MigMark;

typedef enum MigMarkPlace
{
	MIG_MARK_OUTSIDE,			/* before the first revision of a script */
	MIG_MARK_IN_HEADER,
	MIG_MARK_IN_UPGRADE,
	MIG_MARK_IN_DOWNGRADE,
	MIG_MARK_IN_VERIFY
} MigMarkPlace;

/* A line comment that stands alone on its line. */
typedef struct MigMarkLine
{
	const char *text;			/* from its dashes, without the line end */
	MigMarkPlace place;
	bool		between_statements;
	bool		before_statements;	/* of the body that it is in */
	bool		foreign;		/* in a file of another tool, where "rollback
								 * ..." is how to do it by hand */
} MigMarkLine;

/* A line comment at the start of a line. */
typedef struct MigScriptLine
{
	MigScriptLineKey key;
	char	   *value;			/* after the colon, trimmed */
	int			location;		/* of the dashes */
	int			start;			/* of the line */
	int			next;			/* of the next line */
} MigScriptLine;

/* Where in a revision the parser is. */
typedef enum MigScriptState
{
	MIG_PARSER_START,			/* -> HEADER */
	MIG_PARSER_HEADER,			/* -> START, HEADER, UP, DOWN, VERIFY */
	MIG_PARSER_UP,				/* -> START, HEADER, DOWN, VERIFY, or AFTER */
	MIG_PARSER_DOWN,			/* -> START, HEADER, VERIFY, or AFTER */
	MIG_PARSER_VERIFY,			/* -> START, HEADER, DOWN, or AFTER */
	MIG_PARSER_AFTER,			/* the end line of a body, the only line that
								 * ends it: -> START, HEADER, DOWN, VERIFY */
	MIG_PARSER_SKIP,			/* after an error: as from HEADER */
	MIG_PARSER_LOST				/* after one that hides which revision this
								 * is: -> START, HEADER */
} MigScriptState;

/* What reads a script, or looks through a body for its lines. */
typedef struct MigScriptParser
{
	MigScriptSource source;		/* the script, or a body, which has no lines */
	char	   *text;			/* the script, to write; a body: NULL */
	List	   *errors;
	MemoryContext context;		/* for them */
	MigScriptState state;
	bool		between_statements; /* in the gap that is being read */
	bool		before_statements;	/* of the current body */
	bool		has_body[MIG_NUM_BODY_KINDS];	/* the current revision */
	int			counted;		/* line ends are counted up to here */
	int			line;			/* and this is the line, from 1 in the file */
	int			body_start;		/* of the body being read */
	char	   *quote;			/* $tag$ that its end line has; NULL: the next
								 * line of the format ends it */
	int			quote_start;	/* of its section line */
	int			nrevisions;
	int			nallocated;
	MigScriptRevision *revisions;
} MigScriptParser;

/* Where in a body with BEGIN and COMMIT of its own the split is. */
typedef struct MigScriptBlock
{
	bool		is_open;
	int			location;		/* of its BEGIN */
	int			end;			/* of that statement */
	int			first;			/* index of its first statement */
} MigScriptBlock;

/* scan.c */
extern void mig_script_scan_begin(MigScriptScan *scan,
								  const MigScriptSource *source);
extern bool mig_script_scan_next(MigScriptScan *scan);
extern bool mig_script_scan_try_next(MigScriptScan *scan);
extern void mig_script_scan_blank(MigScriptScan *scan, int from, int to);
extern void mig_script_scan_end(MigScriptScan *scan);
extern int	mig_script_errposition(const MigScriptSource *source, int from,
								   int to, int location);
extern int	mig_script_errline(const MigScriptSource *source, int location);
extern void mig_script_locate_error(const MigScriptSource *source,
									ErrorData *error, int location);
extern int	mig_script_skip_comment(const char *text, int offset);

/* script_line.c */
extern void mig_script_line_read(const char *text, int location, int end,
								 MigScriptLine *line);
extern bool mig_script_line_is_marker(const MigScriptLine *line);
extern bool mig_script_line_find_glued(const char *text, int location,
									   int end, MigScriptLine *line);
extern MigBodyKind mig_script_line_section(const MigScriptLine *line,
										   int *length);
extern char **mig_script_line_items(const char *value, int *nitems);
extern char *mig_script_line_text(char *value);
extern char *mig_script_line_quote(const MigScriptLine *line);
extern bool mig_script_line_ends_quote(const char *text, int location, int end,
									   const char *quote);
extern void mig_script_line_write(StringInfo line, const char *text,
								  bool in_list);
extern const char *mig_script_line_key_name(MigScriptLineKey key);

/* script_parser.c */
extern void mig_script_parser_token(MigScriptParser *parser, int location,
									const char *token);
extern void mig_script_parser_comment(MigScriptParser *parser, int location,
									  int end);
extern void mig_script_parser_lose_revision(MigScriptParser *parser,
											MigScriptLineKey key,
											char *value, int location);
extern void mig_script_parser_end_body(MigScriptParser *parser, int end);
extern void mig_script_parser_check_end(MigScriptParser *parser);
extern MigScriptState mig_script_parser_in_body(MigBodyKind kind);
extern const char *mig_script_parser_body_name(const MigScriptParser *parser);
extern int	mig_script_parser_errposition(MigScriptParser *parser,
										  int location);

/* remark.c */
extern bool mig_remark_is_single(const char *text, int location, int end);
extern char *mig_remark_as_line(const char *text, int location, int end);
extern void mig_remark_check_block(MigScriptParser *parser, int location,
								   int end);
extern void mig_remark_check(MigScriptParser *parser, MigScriptLineKey key,
							 int location, int end);
pg_noreturn extern void mig_remark_refuse_body_line(MigScriptParser *parser,
													const char *text, int location);

/* mark.c */
extern MigMark mig_mark_find(const MigMarkLine *line);

/* foreign.c */
extern bool mig_foreign_skip_data(MigScriptScan *scan, MigCopyData *copy);

/* per_statement.c */
extern bool mig_per_statement_border(const MigScriptSource *source,
									 Node *node, int location, int end,
									 MigScript *script,
									 MigScriptBlock *block);
extern void mig_per_statement_read(const MigScriptSource *source, Node *node,
								   MigStatement *statement,
								   const MigScriptBlock *block);
extern void mig_per_statement_end(const MigScriptSource *source,
								  const MigScriptBlock *block);

/* verify_statement.c */
extern void mig_verify_statement_check(const MigScriptSource *source,
									   Node *node, int location, int end);

/* split.c */
extern void mig_script_explain(const MigScriptSource *source,
							   ErrorData *error, int location);

/* statement_kind.c */
extern void mig_statement_kind_read(Node *node, MigStatement *statement);
extern bool mig_statement_kind_adds_enum_value(const Node *statement);
extern char *mig_statement_name(List *names);

/* lock_need.c */
extern char *mig_lock_validated_table(Node *node);

#endif							/* MIG_SCRIPT_INTERNAL_H */
