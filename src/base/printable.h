/*
 * printable.h
 *	  Characters that a terminal obeys instead of showing them.
 */
#ifndef MIG_BASE_PRINTABLE_H
#define MIG_BASE_PRINTABLE_H

extern const char *mig_printable_find(const char *text, const char *allowed);
extern char *mig_printable(const char *text);
extern char *mig_printable_detail(const char *text, const char *character);

#endif							/* MIG_BASE_PRINTABLE_H */
