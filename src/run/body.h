/*
 * body.h
 *	  The statements of a body, one after the other.
 */
#ifndef MIG_RUN_BODY_H
#define MIG_RUN_BODY_H

#include "migrate.h"

#include "base/setting_list.h"
#include "script/script.h"

/* A body being run; the last four say where it is. */
typedef struct MigBodyRun
{
	const char *revision;
	const char *operation;
	int			attempt;
	bool		transaction_ends;	/* with the step */
	List	   *settings;		/* made before it, of MigListSetting */
	int			session_timeout;	/* statement_timeout before them */
	const char *body;
	MigScript  *script;			/* its statements */
	MemoryContext context;		/* for what must outlive a statement */
	int			statement;		/* from 1; 0 before the first, -1 at the
								 * deferred constraints */
	int			line;
	int			offset;
	const char *text;
} MigBodyRun;

extern void mig_run_body_split(MigBodyRun *run);
extern void mig_run_body(MigBodyRun *run, int first, int nstatements);
extern void mig_run_body_settings(MigBodyRun *run, int before);
extern ErrorData *mig_run_body_nontransactional(MigBodyRun *run, int index);
extern void mig_run_body_locate(const MigBodyRun *run, ErrorData *error);

#endif							/* MIG_RUN_BODY_H */
