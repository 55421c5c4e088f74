/*
 * run_setting.h
 *	  A body's settings around a statement that ends transactions.
 */
#ifndef RUN_SETTING_H
#define RUN_SETTING_H

#include "run_body.h"

/* Settings as they were. */
typedef struct MigSettings
{
	int			nsettings;
	char	  **names;
	char	  **values;			/* NULL: there was no such setting */
} MigSettings;

extern void mig_run_setting_save(const MigBodyRun *run, int before,
								 MigSettings *settings);
extern void mig_run_setting_save_one(const char *name, MigSettings *settings);
extern void mig_run_setting_restore(const MigSettings *settings);

#endif							/* RUN_SETTING_H */
