/*
 * printable.h
 *	  Text on a terminal: characters that it obeys instead of showing them, and
 *	  lines.
 */
#ifndef MIG_BASE_PRINTABLE_H
#define MIG_BASE_PRINTABLE_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

extern const char *mig_printable_find(const char *text, const char *allowed);
extern char *mig_printable(const char *text);
extern char *mig_printable_quoted(const char *text);
extern char *mig_printable_names(const List *names, int max);
extern char *mig_printable_path(const char *search_path);
extern char *mig_printable_detail(const char *text, const char *character);
extern void mig_printable_wrap(StringInfo buf, const char *text,
							   int line_width);

#endif							/* MIG_BASE_PRINTABLE_H */
