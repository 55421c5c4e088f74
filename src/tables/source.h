/*
 * source.h
 *	  migrate.source: what revisions were in the tool whose files they come from.
 */
#ifndef MIG_TABLES_SOURCE_H
#define MIG_TABLES_SOURCE_H

#include "base/spi.h"

/* What another tool knows of a revision. */
typedef struct MigSource
{
	const char *revision;
	const char *format;
	const char *version;
	const char *checksums;		/* that the tool could have computed of the
								 * file, with spaces between them; "": none */
} MigSource;

extern void mig_source_put(const MigSource *sources, int nsources);
extern void mig_source_forget(const char *id);
extern MigSource *mig_source_list(int *nsources);

#endif							/* MIG_TABLES_SOURCE_H */
