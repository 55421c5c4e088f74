/*
 * run.h
 *	  The whole run: lock, read, plan, loop, retry.
 */
#ifndef MIG_RUN_RUN_H
#define MIG_RUN_RUN_H

#include "migrate.h"

/*
 * Asked before each step of a run that commits, in a transaction of its own;
 * place counts from 0.  false: the run ends here.
 */
typedef bool (*MigRunBeginStep) (const MigStep *step, int place, int nsteps,
								 void *arg);

/* Told why a run ends before its target though nothing fails. */
typedef void (*MigRunEndEarly) (const char *why, void *arg);

/* What is asked for. */
typedef struct MigRunRequest
{
	MigCommand	command;
	MigVia		via;
	int			ntargets;
	char	  **targets;
	bool		purge;			/* stamp: delete every row first */
	bool		can_commit;		/* the caller's context allows it */
	bool		toplevel;		/* statements may run outside of a transaction
								 * block */
	MigRunBeginStep begin_step; /* NULL: every step may begin */
	MigRunEndEarly end_early;	/* NULL: who runs it is told anyway */
	void	   *arg;			/* of both */
} MigRunRequest;

extern void mig_run_check_allowed(MigCommand command);
extern void mig_run_refuse_nested(const char *command);
extern char **mig_run(const MigRunRequest *request, int *nresult);

#endif							/* MIG_RUN_RUN_H */
