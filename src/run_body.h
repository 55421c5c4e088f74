/*
 * run_body.h
 *	  The statements of a body, one after the other.
 */
#ifndef RUN_BODY_H
#define RUN_BODY_H

#include "migrate.h"

/* A body being run; the last three say where it is. */
typedef struct MigBodyRun
{
	const char *revision;
	const char *operation;
	int			attempt;
	const char *body;
	int			statement;		/* from 1; 0 before the first, -1 at the
								 * deferred constraints */
	int			line;
	int			offset;
	const char *text;
} MigBodyRun;

extern void mig_run_body(MigBodyRun *run);
extern void mig_run_body_locate(const MigBodyRun *run, ErrorData *error);

#endif							/* RUN_BODY_H */
