/*
 * script_internal.h
 *	  What the files of this folder share: tokens, positions, statement kinds.
 */
#ifndef MIG_SCRIPT_INTERNAL_H
#define MIG_SCRIPT_INTERNAL_H

#include "parser/scanner.h"

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

/* What a line comment that is no line of the file format was meant to be. */
typedef enum MigMark
{
	MIG_MARK_NONE,				/* a remark */
	MIG_MARK_UP,				/* the line before an upgrade body */
	MIG_MARK_DOWN,				/* the line before a downgrade body */
	MIG_MARK_SECTION,			/* another "-- migrate:" line */
	MIG_MARK_FOREIGN,			/* for another tool, and neither of these */
	MIG_MARK_REVISION,			/* a key of the header */
	MIG_MARK_DOWN_REVISION,
	MIG_MARK_DEPENDS_ON,
	MIG_MARK_BRANCH_LABELS,
	MIG_MARK_MESSAGE,
	MIG_MARK_SET
} MigMark;

typedef enum MigMarkPlace
{
	MIG_MARK_OUTSIDE,			/* before the first revision of a script */
	MIG_MARK_IN_HEADER,
	MIG_MARK_IN_UPGRADE,
	MIG_MARK_IN_DOWNGRADE
} MigMarkPlace;

/* A line comment that stands alone on its line. */
typedef struct MigMarkLine
{
	const char *text;			/* from its dashes, without the line end */
	MigMarkPlace place;
	bool		between_statements;
	bool		before_statements;	/* of the body that it is in */
} MigMarkLine;

/* scan.c */
extern void mig_script_scan_begin(MigScriptScan *scan,
								  const MigScriptSource *source);
extern bool mig_script_scan_next(MigScriptScan *scan);
extern bool mig_script_scan_try_next(MigScriptScan *scan);
extern void mig_script_scan_end(MigScriptScan *scan);
extern int	mig_script_errposition(const MigScriptSource *source, int from,
								   int to, int location);
extern int	mig_script_errline(const MigScriptSource *source, int location);
extern void mig_script_locate_error(const MigScriptSource *source,
									ErrorData *error, int location);
extern int	mig_script_skip_comment(const char *text, int offset);
extern int	mig_script_count_lines(const char *text, int from, int to);

/* mark.c */
extern MigMark mig_mark_find(const MigMarkLine *line);

/* split.c */
extern void mig_script_explain(const MigScriptSource *source,
							   ErrorData *error, int location);

/* statement_kind.c */
extern void mig_statement_kind_read(Node *node, MigStatement *statement);
extern bool mig_statement_kind_adds_enum_value(const Node *statement);

#endif							/* MIG_SCRIPT_INTERNAL_H */
