/*
 * hook.h
 *	  migrate.hook: which functions runs call.
 */
#ifndef MIG_TABLES_HOOK_H
#define MIG_TABLES_HOOK_H

#include "base/spi.h"

/* When a run calls a hook; hook.c has their names in this order. */
typedef enum MigHookEvent
{
	MIG_HOOK_BEFORE_RUN,
	MIG_HOOK_AFTER_RUN,
	MIG_HOOK_BEFORE_STEP,
	MIG_HOOK_AFTER_STEP,
	MIG_HOOK_ON_ERROR
} MigHookEvent;

#define MIG_HOOK_NEVENTS		(MIG_HOOK_ON_ERROR + 1)

/* A hook, and what decides whether a run may call it. */
typedef struct MigHook
{
	MigHookEvent event;
	char	   *name;			/* of the function as it is called now, or was
								 * registered: schema.name(jsonb) */
	Oid			function;		/* InvalidOid: it does not exist */
	bool		fits;			/* it has the argument and the result of one */
	bool		executable;		/* the runner may execute it */
	char	   *owner;			/* NULL as function */
	bool		owner_trusted;	/* the owner has the rights of the runner */
	char	   *registered_by;
	bool		trusted;		/* so has the role that registered it */
	bool		may_approve;	/* that role may approve revisions */
} MigHook;

/* A function that is to be one. */
typedef struct MigHookFunction
{
	char	   *name;			/* schema.name(type, ...) */
	bool		fits;
	bool		temporary;
	bool		executable;		/* for the current role */
} MigHookFunction;

extern const char *mig_hook_event_name(MigHookEvent event);
extern bool mig_hook_event_find(const char *name, MigHookEvent *event);

extern int	mig_hook_events(MigSpiAccess access);
extern MigHook *mig_hook_find(const MigHookEvent *event, Oid runner,
							  int *nhooks);
extern bool mig_hook_function(Oid function, Oid role,
							  MigHookFunction *result);
extern bool mig_hook_registered(MigHookEvent event, Oid function,
								const char *name, Oid role, char **keeper);
extern void mig_hook_put(MigHookEvent event, Oid function, Oid role);
extern void mig_hook_remove(MigHookEvent event, Oid function,
							const char *name);

#endif							/* MIG_TABLES_HOOK_H */
