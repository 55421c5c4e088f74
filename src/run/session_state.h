/*
 * session_state.h
 *	  A body's settings around a statement that ends transactions.
 */
#ifndef MIG_RUN_SESSION_STATE_H
#define MIG_RUN_SESSION_STATE_H

#include "run/body.h"

/* Settings as they were. */
typedef struct MigSettings
{
	int			nsettings;
	char	  **names;
	char	  **values;			/* NULL: there was no such setting */
} MigSettings;

extern void mig_session_state_save(const MigBodyRun *run, int before,
								   MigSettings *settings);
extern void mig_session_state_save_one(const char *name, MigSettings *settings);
extern void mig_session_state_restore(const MigSettings *settings);

#endif							/* MIG_RUN_SESSION_STATE_H */
