/*
 * guc.c
 *	  Settings migrate.*
 *
 * Every setting of the extension is defined here and documented in
 * docs/reference.md.  Nothing else may define one.
 */
#include "postgres.h"

#include <limits.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "nodes/pg_list.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "base/guc.h"
#include "base/setting_list.h"

#define DEFAULT_LOCK_TIMEOUT	2000	/* ms: readers queued behind a waiting
										 * ALTER TABLE notice longer stalls */
#define DEFAULT_LOCK_WAIT		60000	/* ms: longer than most runs */
#define DEFAULT_MAX_ATTEMPTS	10
#define MAX_MAX_ATTEMPTS		1000
#define DEFAULT_MAX_CRASHES		3
#define MAX_MAX_CRASHES			1000
#define DEFAULT_MAX_WORKERS		2	/* of the server's 8 processes, which
									 * parallel queries use, too */
#define MAX_MAX_WORKERS			1024
#define DEFAULT_WORKER_NAPTIME	10	/* s: a look is a process start */
#define MAX_WORKER_NAPTIME		86400
#define DEFAULT_RETRY_BASE		100 /* ms */
#define DEFAULT_RETRY_MAX		10000	/* ms */
#define MAX_RETRY_DELAY			3600000 /* ms: an hour is a schedule, not a
										 * backoff */

/* From 16 on a server with asserts wants an enum to begin with its default. */
int			mig_guc_server_type = MIG_SERVER_TYPE_AUTO;
int			mig_guc_function_mode = MIG_FUNCTION_MODE_RUN;
int			mig_guc_lock_timeout;
int			mig_guc_lock_wait;
int			mig_guc_log_retention;
int			mig_guc_max_attempts;
int			mig_guc_max_crashes;
int			mig_guc_max_workers;
bool		mig_guc_require_approval;
int			mig_guc_retry_base_delay;
int			mig_guc_retry_max_delay;
char	   *mig_guc_transaction_settings;
char	   *mig_guc_version_table;
int			mig_guc_worker_naptime;

static char *databases;

static const struct config_enum_entry server_types[] = {
	{"auto", MIG_SERVER_TYPE_AUTO, false},
	{"postgresql", MIG_SERVER_TYPE_POSTGRESQL, false},
	{"yugabytedb", MIG_SERVER_TYPE_YUGABYTEDB, false},
	{"yugabytedb_transactional_ddl", MIG_SERVER_TYPE_YUGABYTEDB_TRANSACTIONAL_DDL,
	false},
	{NULL, 0, false}
};

static const struct config_enum_entry function_modes[] = {
	{"run", MIG_FUNCTION_MODE_RUN, false},
	{"submit", MIG_FUNCTION_MODE_SUBMIT, false},
	{NULL, 0, false}
};

static bool check_transaction_settings(char **value, void **extra,
									   GucSource source);
static bool check_databases(char **value, void **extra, GucSource source);
static List *split_names(const char *value, bool *valid);

/*
 * Defines all settings.  Called once, from _PG_init().
 */
void
mig_guc_define(void)
{
	DefineCustomStringVariable("migrate.databases",
							   "Sets the databases that the scheduler looks for jobs in.",
							   "Only with shared_preload_libraries = 'migrate'.",
							   &databases,
							   "",
							   PGC_SIGHUP, GUC_LIST_INPUT,
							   check_databases, NULL, NULL);
	DefineCustomEnumVariable("migrate.server_type",
							 "Sets what kind of server to take this one for.",
							 "For tests.",
							 &mig_guc_server_type,
							 MIG_SERVER_TYPE_AUTO, server_types,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomEnumVariable("migrate.function_mode",
							 "Sets what migrate_upgrade() and migrate_downgrade() do: run the revisions, or submit a job that does.",
							 NULL,
							 &mig_guc_function_mode,
							 MIG_FUNCTION_MODE_RUN, function_modes,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.lock_timeout",
							"Sets how long one attempt of a revision may wait for a lock.",
							"A shorter lock_timeout of the session applies as well. 0 turns this off.",
							&mig_guc_lock_timeout,
							DEFAULT_LOCK_TIMEOUT, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.lock_wait",
							"Sets how long a run waits for another run on the same version table.",
							NULL,
							&mig_guc_lock_wait,
							DEFAULT_LOCK_WAIT, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.log_retention",
							"Sets how long rows of migrate.log are kept.",
							"Older ones are removed at the end of a run, but for the last success of each revision. 0 keeps all.",
							&mig_guc_log_retention,
							0, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_S,
							NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.max_attempts",
							"Sets how often a revision is tried when it meets a conflict.",
							NULL,
							&mig_guc_max_attempts,
							DEFAULT_MAX_ATTEMPTS, 1, MAX_MAX_ATTEMPTS,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.max_crashes",
							"Sets how often a job is taken up again after its worker was lost.",
							"Counted anew for each revision that the job gets to.",
							&mig_guc_max_crashes,
							DEFAULT_MAX_CRASHES, 1, MAX_MAX_CRASHES,
							PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.max_workers",
							"Sets how many jobs run at a time in a database.",
							"0 starts none.",
							&mig_guc_max_workers,
							DEFAULT_MAX_WORKERS, 0, MAX_MAX_WORKERS,
							PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomBoolVariable("migrate.require_approval",
							 "Sets whether an upgrade runs only revisions that somebody has approved.",
							 NULL,
							 &mig_guc_require_approval,
							 false,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.retry_base_delay",
							"Sets the longest delay before the second attempt; it doubles with each further attempt.",
							NULL,
							&mig_guc_retry_base_delay,
							DEFAULT_RETRY_BASE, 0, MAX_RETRY_DELAY,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.retry_max_delay",
							"Sets the longest delay before any attempt.",
							NULL,
							&mig_guc_retry_max_delay,
							DEFAULT_RETRY_MAX, 0, MAX_RETRY_DELAY,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomStringVariable("migrate.transaction_settings",
							   "Sets settings that are made in the transaction of each revision.",
							   "A list like \"lock_timeout = 5s, work_mem = 64MB\". A revision's own come after them.",
							   &mig_guc_transaction_settings,
							   "",
							   PGC_USERSET, 0,
							   check_transaction_settings, NULL, NULL);
	DefineCustomStringVariable("migrate.version_table",
							   "Sets the version table, a name with its schema.",
							   "An existing table of Alembic is read and written in place.",
							   &mig_guc_version_table,
							   "migrate.version",
							   PGC_USERSET, 0,
							   NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.worker_naptime",
							"Sets how long the scheduler sleeps between two looks for jobs.",
							NULL,
							&mig_guc_worker_naptime,
							DEFAULT_WORKER_NAPTIME, 1, MAX_WORKER_NAPTIME,
							PGC_SIGHUP, GUC_UNIT_S,
							NULL, NULL, NULL);

	MarkGUCPrefixReserved("migrate");
}

/*
 * The names in migrate.databases, in the current memory context.
 */
List *
mig_guc_database_names(void)
{
	bool		valid;

	return split_names(databases, &valid);
}

/*
 * What a person sets is looked at as if it were set now.  Elsewhere there may
 * be no role or catalog to ask, and the run is the first to find out.
 */
static bool
check_transaction_settings(char **value, void **extra, GucSource source)
{
	const char *problem;
	List	   *settings = mig_setting_list_parse(*value, &problem);

	if (problem != NULL)
	{
		GUC_check_errdetail("%s", problem);
		return false;
	}
	if (source >= PGC_S_INTERACTIVE && IsTransactionState() &&
		!InitializingParallelWorker)
		mig_setting_list_check(settings);
	return true;
}

static bool
check_databases(char **value, void **extra, GucSource source)
{
	bool		valid;

	list_free_deep(split_names(*value, &valid));
	if (!valid)
		GUC_check_errdetail("It is not a list of names separated by commas.");
	return valid;
}

/*
 * By the rules of names in SQL: folded to lower case unless quoted.
 */
static List *
split_names(const char *value, bool *valid)
{
	char	   *copy = pstrdup(value);
	List	   *names = NIL;
	List	   *result = NIL;
	ListCell   *cell;

	*valid = SplitIdentifierString(copy, ',', &names);
	if (*valid)
	{
		foreach(cell, names)
			result = lappend(result, pstrdup(lfirst(cell)));
	}
	list_free(names);
	pfree(copy);
	return result;
}
