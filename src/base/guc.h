/*
 * guc.h
 *	  Settings migrate.*
 */
#ifndef MIG_BASE_GUC_H
#define MIG_BASE_GUC_H

#include "nodes/pg_list.h"
#include "utils/guc.h"

/* Of the names of all settings of the extension. */
#define MIG_GUC_PREFIX			"migrate."

/* Values of migrate.function_mode. */
typedef enum MigFunctionMode
{
	MIG_FUNCTION_MODE_RUN,
	MIG_FUNCTION_MODE_SUBMIT
} MigFunctionMode;

/* Values of migrate.lint. */
typedef enum MigLintMode
{
	MIG_LINT_MODE_OFF,
	MIG_LINT_MODE_WARN,
	MIG_LINT_MODE_ERROR
} MigLintMode;

/* Values of migrate.terminate_blockers. */
typedef enum MigTerminateBlockers
{
	MIG_TERMINATE_BLOCKERS_OFF,
	MIG_TERMINATE_BLOCKERS_IDLE,	/* in a transaction */
	MIG_TERMINATE_BLOCKERS_ALL
} MigTerminateBlockers;

/* Values of migrate.server_type; server.c has a table in this order. */
typedef enum MigServerType
{
	MIG_SERVER_TYPE_POSTGRESQL,
	MIG_SERVER_TYPE_YUGABYTEDB,
	MIG_SERVER_TYPE_YUGABYTEDB_TRANSACTIONAL_DDL,
	MIG_SERVER_TYPE_AUTO
} MigServerType;

extern int	mig_guc_blocker_patience;
extern int	mig_guc_blocker_wait;
extern int	mig_guc_function_mode;
extern int	mig_guc_lint;
extern int	mig_guc_lint_small_table;
extern int	mig_guc_lock_timeout;
extern int	mig_guc_lock_wait;
extern int	mig_guc_log_retention;
extern int	mig_guc_max_attempts;
extern int	mig_guc_max_crashes;
extern int	mig_guc_max_replication_lag;
extern int	mig_guc_max_workers;
extern char *mig_guc_notify;
extern int	mig_guc_preview_timeout;
extern bool mig_guc_require_approval;
extern int	mig_guc_retry_base_delay;
extern int	mig_guc_retry_max_delay;
extern int	mig_guc_server_type;
extern int	mig_guc_terminate_blockers;
extern bool mig_guc_track_schema;
extern char *mig_guc_transaction_settings;
extern char *mig_guc_version_table;
extern int	mig_guc_worker_naptime;

extern bool mig_guc_setter_is_trusted(const char *name);
extern bool mig_guc_role_is_trusted(Oid role);
extern void mig_guc_check_setter(const char *name);
extern List *mig_guc_database_names(void);
extern void mig_guc_define(void);
extern void mig_guc_lock_role(bool on);
extern void mig_guc_limit_lock_timeout(int ms, GucAction action);

#endif							/* MIG_BASE_GUC_H */
