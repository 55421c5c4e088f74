/*
 * scan.h
 *	  The tokens of a text, one by one, and where an error in it is.
 */
#ifndef MIG_SCRIPT_SCAN_H
#define MIG_SCRIPT_SCAN_H

#include "parser/scanner.h"

/*
 * Where a body's text comes from, for the position of an error: the body
 * alone (origin == NULL), or a script that holds it from byte offset on.
 */
typedef struct MigScriptSource
{
	const char *body;
	const char *origin;
	int			offset;
} MigScriptSource;

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

extern void mig_script_scan_begin(MigScriptScan *scan,
								  const MigScriptSource *source);
extern bool mig_script_scan_next(MigScriptScan *scan);
extern void mig_script_scan_end(MigScriptScan *scan);

extern int	mig_script_scan_errposition(const MigScriptSource *source,
										int location);
extern int	mig_script_scan_errlocation(const MigScriptSource *source,
										int position);
extern void mig_script_scan_errcontext(void *source);

#endif							/* MIG_SCRIPT_SCAN_H */
