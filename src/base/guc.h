/*
 * guc.h
 *	  Settings migrate.*
 */
#ifndef MIG_BASE_GUC_H
#define MIG_BASE_GUC_H

#include "nodes/pg_list.h"

/* Values of migrate.function_door. */
typedef enum MigFunctionDoor
{
	MIG_FUNCTION_DOOR_RUN,
	MIG_FUNCTION_DOOR_SUBMIT
} MigFunctionDoor;

/* Values of migrate.engine; those of run_server.c in its order. */
typedef enum MigEngine
{
	MIG_ENGINE_POSTGRESQL,
	MIG_ENGINE_YUGABYTEDB,
	MIG_ENGINE_YUGABYTEDB_TRANSACTIONAL_DDL,
	MIG_ENGINE_AUTO
} MigEngine;

extern int	mig_guc_engine;
extern int	mig_guc_function_door;
extern int	mig_guc_lock_timeout;
extern int	mig_guc_lock_wait;
extern int	mig_guc_log_retention;
extern int	mig_guc_max_attempts;
extern int	mig_guc_max_crashes;
extern int	mig_guc_max_workers;
extern bool mig_guc_require_approval;
extern int	mig_guc_retry_base_delay;
extern int	mig_guc_retry_max_delay;
extern char *mig_guc_transaction_settings;
extern char *mig_guc_version_table;
extern int	mig_guc_worker_naptime;

extern List *mig_guc_database_names(void);
extern void mig_guc_define(void);

#endif							/* MIG_BASE_GUC_H */
