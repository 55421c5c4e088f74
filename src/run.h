/*
 * run.h
 *	  The whole run: lock, read, plan, loop, retry.
 */
#ifndef RUN_H
#define RUN_H

#include "migrate.h"

/* What is asked for. */
typedef struct MigRunRequest
{
	MigCommand	command;
	MigDoor		door;
	int			ntargets;
	char	  **targets;
	bool		purge;			/* stamp: delete every row first */
	bool		can_commit;		/* the caller's context allows it */
	bool		toplevel;		/* statements may run outside of a transaction
								 * block */
} MigRunRequest;

extern void mig_run_refuse_nested(const char *command);
extern char **mig_run(const MigRunRequest *request, int *nresult);

#endif							/* RUN_H */
