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

	/* private */
	MigScriptSource source;
	MemoryContext context;
	core_yyscan_t scanner;
	core_yy_extra_type extra;
} MigScriptScan;

/* scan.c */
extern void mig_script_scan_begin(MigScriptScan *scan,
								  const MigScriptSource *source);
extern bool mig_script_scan_next(MigScriptScan *scan);
extern void mig_script_scan_end(MigScriptScan *scan);
extern int	mig_script_scan_errlocation(const MigScriptSource *source,
										int position);
extern void mig_script_scan_errcontext(void *source);
extern int	mig_script_skip_comment(const char *text, int offset);
extern int	mig_script_count_lines(const char *text, int from, int to);

/* statement_kind.c */
extern void mig_statement_kind_read(Node *node, MigStatement *statement);
extern const char *mig_statement_kind_enum_value(const Node *statement);

#endif							/* MIG_SCRIPT_INTERNAL_H */
