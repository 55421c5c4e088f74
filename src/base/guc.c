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
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/setting_list.h"
#include "base/spi.h"

#define DEFAULT_BLOCKER_PATIENCE	30000	/* ms */
#define DEFAULT_BLOCKER_WAIT	60000	/* ms: longer than most transactions */
#define DEFAULT_LINT_SMALL_TABLE 1024	/* kB: is read, or rewritten, within
										 * milliseconds */
#define DEFAULT_LOCK_TIMEOUT	200 /* ms: what readers that queue behind a
									 * waiting ALTER TABLE hardly notice */
#define DEFAULT_LOCK_WAIT		60000	/* ms: longer than most runs */
#define DEFAULT_MAX_ATTEMPTS	10
#define MAX_MAX_ATTEMPTS		1000
#define DEFAULT_MAX_CRASHES		3
#define MAX_MAX_CRASHES			1000
#define DEFAULT_MAX_WORKERS		2	/* of the server's 8 processes, which
									 * parallel queries use, too */
#define MAX_MAX_WORKERS			1024
#define DEFAULT_REPLICATION_LAG	10000	/* ms */
#define DEFAULT_PREVIEW_TIMEOUT	5000	/* ms */
#define DEFAULT_WORKER_NAPTIME	10	/* s: a scan starts a process */
#define MAX_WORKER_NAPTIME		86400
#define DEFAULT_RETRY_BASE		100 /* ms */
#define DEFAULT_RETRY_MAX		10000	/* ms */
#define MAX_RETRY_DELAY			3600000 /* ms: an hour is a schedule, not a
										 * backoff */

/* From 16 on a server with asserts wants an enum to begin with its default. */
int			mig_guc_function_mode = MIG_FUNCTION_MODE_RUN;
int			mig_guc_blocker_patience;
int			mig_guc_blocker_wait;
int			mig_guc_lint = MIG_LINT_MODE_OFF;
int			mig_guc_lint_small_table;
int			mig_guc_lock_timeout;
int			mig_guc_lock_wait;
int			mig_guc_log_retention;
int			mig_guc_max_attempts;
int			mig_guc_max_crashes;
int			mig_guc_max_replication_lag;
int			mig_guc_max_workers;
char	   *mig_guc_notify;
int			mig_guc_preview_timeout;
bool		mig_guc_require_approval;
int			mig_guc_retry_base_delay;
int			mig_guc_retry_max_delay;
int			mig_guc_server_type = MIG_SERVER_TYPE_AUTO;
int			mig_guc_terminate_blockers = MIG_TERMINATE_BLOCKERS_OFF;
bool		mig_guc_track_schema;
char	   *mig_guc_transaction_settings;
char	   *mig_guc_version_table;
int			mig_guc_worker_naptime;

static char *databases;

/* Of the last value of migrate.require_approval that the server has accepted. */
static GucSource approval_source = PGC_S_DEFAULT;

static const struct config_enum_entry function_modes[] = {
	{"run", MIG_FUNCTION_MODE_RUN, false},
	{"submit", MIG_FUNCTION_MODE_SUBMIT, false},
	{NULL, 0, false}
};

static const struct config_enum_entry lint_modes[] = {
	{"off", MIG_LINT_MODE_OFF, false},
	{"warn", MIG_LINT_MODE_WARN, false},
	{"error", MIG_LINT_MODE_ERROR, false},
	{NULL, 0, false}
};

static const struct config_enum_entry terminate_blockers[] = {
	{"off", MIG_TERMINATE_BLOCKERS_OFF, false},
	{"idle", MIG_TERMINATE_BLOCKERS_IDLE, false},
	{"all", MIG_TERMINATE_BLOCKERS_ALL, false},
	{NULL, 0, false}
};

static const struct config_enum_entry server_types[] = {
	{"auto", MIG_SERVER_TYPE_AUTO, false},
	{"postgresql", MIG_SERVER_TYPE_POSTGRESQL, false},
	{"yugabytedb", MIG_SERVER_TYPE_YUGABYTEDB, false},
	{"yugabytedb_transactional_ddl", MIG_SERVER_TYPE_YUGABYTEDB_TRANSACTIONAL_DDL,
	false},
	{NULL, 0, false}
};

static void define_require_approval(void);
static bool check_require_approval(bool *value, void **extra,
								   GucSource source);
static bool check_transaction_settings(char **value, void **extra,
									   GucSource source);
static bool check_notify(char **value, void **extra, GucSource source);
static bool check_databases(char **value, void **extra, GucSource source);
static List *split_names(const char *value, bool *valid);
static Oid	setter(const char *name);
static Oid	database_owner(void);

/*
 * Defines all settings.  Called once, from _PG_init().
 */
void
mig_guc_define(void)
{
	DefineCustomIntVariable("migrate.blocker_patience",
							"Sets the time after which migrate.terminate_blockers ends sessions.",
							NULL,
							&mig_guc_blocker_patience,
							DEFAULT_BLOCKER_PATIENCE, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.blocker_wait",
							"Sets the maximum time that a revision waits for the locks of other sessions.",
							"Before an attempt it waits for transactions that are older than migrate.lock_timeout, outside of the lock queue, and repeats attempts that lock_timeout has ended. A value of 0 turns both off.",
							&mig_guc_blocker_wait,
							DEFAULT_BLOCKER_WAIT, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomStringVariable("migrate.databases",
							   "Sets the databases in which the scheduler looks for jobs.",
							   "It is used only if shared_preload_libraries contains \"migrate\".",
							   &databases,
							   "",
							   PGC_SIGHUP, GUC_LIST_INPUT,
							   check_databases, NULL, NULL);
	DefineCustomEnumVariable("migrate.function_mode",
							 "Sets whether migrate_upgrade() and migrate_downgrade() run the revisions or submit a job that runs them.",
							 NULL,
							 &mig_guc_function_mode,
							 MIG_FUNCTION_MODE_RUN, function_modes,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);
	DefineCustomEnumVariable("migrate.lint",
							 "Sets what an upgrade does with what migrate_lint() finds in it.",
							 "Errors and warnings that no revision waives, before anything is run: warn says them, error refuses the upgrade.",
							 &mig_guc_lint,
							 MIG_LINT_MODE_OFF, lint_modes,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.lint_small_table",
							"Sets the size up to which a table is too small for some findings.",
							"Reading or rewriting such a table stops no session for long. -1: none is too small, not even an empty one.",
							&mig_guc_lint_small_table,
							DEFAULT_LINT_SMALL_TABLE, -1, INT_MAX,
							PGC_USERSET, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.lock_timeout",
							"Sets the maximum time that an attempt at a revision waits for a lock.",
							"A shorter lock_timeout of the session applies as well. A value of 0 turns off this timeout, and migrate.blocker_wait.",
							&mig_guc_lock_timeout,
							DEFAULT_LOCK_TIMEOUT, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.lock_wait",
							"Sets the maximum time that a run waits for another run on the same version table.",
							NULL,
							&mig_guc_lock_wait,
							DEFAULT_LOCK_WAIT, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.log_retention",
							"Sets the time for which rows of migrate.log are kept.",
							"Older rows are removed at the end of a run, except the last success of each revision. A value of 0 keeps all rows.",
							&mig_guc_log_retention,
							0, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_S,
							NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.max_attempts",
							"Sets the maximum number of attempts at a revision that meets a conflict.",
							NULL,
							&mig_guc_max_attempts,
							DEFAULT_MAX_ATTEMPTS, 1, MAX_MAX_ATTEMPTS,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.max_crashes",
							"Sets the number of unexpected exits of its worker after which a job fails.",
							"They are counted anew for each revision that the job reaches.",
							&mig_guc_max_crashes,
							DEFAULT_MAX_CRASHES, 1, MAX_MAX_CRASHES,
							PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.max_replication_lag",
							"Sets the replay lag of a standby above which batches pause.",
							"A value of 0 turns this off.",
							&mig_guc_max_replication_lag,
							DEFAULT_REPLICATION_LAG, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.max_workers",
							"Sets the maximum number of jobs that run at the same time in a database.",
							"A value of 0 runs none.",
							&mig_guc_max_workers,
							DEFAULT_MAX_WORKERS, 0, MAX_MAX_WORKERS,
							PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	DefineCustomStringVariable("migrate.notify",
							   "Sets the channel on which runs and their steps are told of by NOTIFY.",
							   "An empty string turns this off.",
							   &mig_guc_notify,
							   "",
							   PGC_USERSET, 0,
							   check_notify, NULL, NULL);
	DefineCustomIntVariable("migrate.preview_timeout",
							"Sets how long a statement may take in a preview.",
							"A value of 0 turns this off.",
							&mig_guc_preview_timeout,
							DEFAULT_PREVIEW_TIMEOUT, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	define_require_approval();
	DefineCustomIntVariable("migrate.retry_base_delay",
							"Sets the maximum delay before the second attempt.",
							"It doubles with each further attempt.",
							&mig_guc_retry_base_delay,
							DEFAULT_RETRY_BASE, 0, MAX_RETRY_DELAY,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.retry_max_delay",
							"Sets the maximum delay before any attempt.",
							NULL,
							&mig_guc_retry_max_delay,
							DEFAULT_RETRY_MAX, 0, MAX_RETRY_DELAY,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomEnumVariable("migrate.server_type",
							 "Sets the type that this server is taken for.",
							 "It is meant for tests only.",
							 &mig_guc_server_type,
							 MIG_SERVER_TYPE_AUTO, server_types,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomEnumVariable("migrate.terminate_blockers",
							 "Sets which sessions are ended whose locks a revision has waited for.",
							 "Those that are idle in a transaction, or all. It is done after migrate.blocker_patience, with the rights of the role that runs the revision.",
							 &mig_guc_terminate_blockers,
							 MIG_TERMINATE_BLOCKERS_OFF, terminate_blockers,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomBoolVariable("migrate.track_schema",
							 "Sets whether runs note the schema that they leave, with which migrate_drift() compares.",
							 NULL,
							 &mig_guc_track_schema,
							 false,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomStringVariable("migrate.transaction_settings",
							   "Sets the settings that are made in the transaction of each revision.",
							   "A list such as \"lock_timeout = 5s, work_mem = 64MB\". The settings of a revision are made after them.",
							   &mig_guc_transaction_settings,
							   "",
							   PGC_USERSET, 0,
							   check_transaction_settings, NULL, NULL);
	DefineCustomStringVariable("migrate.version_table",
							   "Sets the version table, a name with its schema.",
							   "A table of Alembic is read and written in place.",
							   &mig_guc_version_table,
							   "migrate.version",
							   PGC_USERSET, 0,
							   NULL, NULL, NULL);
	DefineCustomIntVariable("migrate.worker_naptime",
							"Sets the time between two scans of the scheduler for jobs.",
							NULL,
							&mig_guc_worker_naptime,
							DEFAULT_WORKER_NAPTIME, 1, MAX_WORKER_NAPTIME,
							PGC_SIGHUP, GUC_UNIT_S,
							NULL, NULL, NULL);

	MarkGUCPrefixReserved("migrate");
}

/*
 * Whether the present value of a setting comes from a role that has the rights of
 * this one.
 */
bool
mig_guc_setter_is_trusted(const char *name)
{
	return mig_guc_role_is_trusted(setter(name));
}

/*
 * Raises an error unless the present value of a setting comes from a role that
 * has the rights of this one.  To be called for settings that decide what is
 * run, or where.  In a SECURITY DEFINER function, and after SET ROLE, the value
 * may be another role's; the owner of the database gives one to every session.
 */
void
mig_guc_check_setter(const char *name)
{
	char	   *role_name;

	if (mig_guc_setter_is_trusted(name))
		return;
	role_name = GetUserNameFromId(setter(name), true);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to use parameter \"%s\" as role \"%s\"",
					name, GetUserNameFromId(GetUserId(), false)),
			 role_name == NULL ?
			 errdetail("Its value was set by a role that was dropped.") :
			 errdetail("Its value comes from role \"%s\", which lacks the rights of this role.",
					   role_name),
			 errhint("Set it again as this role, or in the definition of the SECURITY DEFINER function: ALTER FUNCTION ... SET %s = ...",
					 name)));
}

/*
 * The role that a value comes from.  What ALTER DATABASE has set was set by
 * the database's owner at least, and what ALTER ROLE or the connection has set
 * by the role that has logged in.  What was set in a session was set by the role
 * that was current then: a SECURITY DEFINER function may leave a value to its
 * caller.  What is left comes from the server's configuration, as if this role
 * had set it.
 */
static Oid
setter(const char *name)
{
	const struct config_generic *setting = mig_compat_find_setting(name);

	switch (setting->source)
	{
		case PGC_S_DATABASE:
			return database_owner();
		case PGC_S_USER:
		case PGC_S_DATABASE_USER:
		case PGC_S_CLIENT:
			return GetAuthenticatedUserId();
		case PGC_S_OVERRIDE:
		case PGC_S_INTERACTIVE:
		case PGC_S_TEST:
		case PGC_S_SESSION:
			return setting->srole;
		default:
			return GetUserId();
	}
}

static Oid
database_owner(void)
{
	static MigSpiQuery query = {
		"SELECT datdba FROM pg_catalog.pg_database"
		" WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database()"
	};
	Datum		owner;

	if (!mig_spi_first_datum(&query, NULL, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
							 OIDOID, &owner))
		return InvalidOid;
	return DatumGetObjectId(owner);
}

/*
 * Whether a role has the rights of this one.
 */
bool
mig_guc_role_is_trusted(Oid role)
{
	static MigSpiQuery query = {
		"SELECT FROM pg_catalog.pg_roles AS r"
		" WHERE r.oid = $1 AND " MIG_COMPAT_HAS_ROLE("r.oid", "$2")
	};
	MigSpiArgs	args = {0};

	if (role == GetUserId())
		return true;
	mig_spi_arg_oid(&args, role);
	mig_spi_arg_oid(&args, GetUserId());
	return mig_spi_exists(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}

/*
 * Before the library is loaded any role can give any value to a setting that the
 * server does not know, as an option of the connection, and that value takes the
 * place of the one of the configuration file, the database or the role.  The
 * server refuses it now, but what it hid is gone: so the answer is yes.
 */
static void
define_require_approval(void)
{
	bool		given = GetConfigOption("migrate.require_approval", true,
										false) != NULL;

	DefineCustomBoolVariable("migrate.require_approval",
							 "Sets whether only revisions that were approved are run.",
							 "It is on where a role without the right to set it has set it before the library was loaded.",
							 &mig_guc_require_approval,
							 false,
							 PGC_SUSET, 0,
							 check_require_approval, NULL, NULL);
	if (given && approval_source == PGC_S_DEFAULT)
		SetConfigOption("migrate.require_approval", "on",
						PGC_SUSET, PGC_S_OVERRIDE);
}

/*
 * Notes where the value comes from.
 */
static bool
check_require_approval(bool *value, void **extra, GucSource source)
{
	approval_source = source;
	return true;
}

/*
 * Locks the role and the session user, or unlocks them: then no SET, RESET or
 * set_config() changes them.  In a security context the server refuses that
 * itself, but a context ends with its transaction.  A parallel worker is another
 * process, in which nothing is locked: so there is none.  The server looks at
 * max_parallel_workers when it starts one, whatever a plan has counted on.
 */
void
mig_guc_lock_role(bool on)
{
	static const char *const names[] = {
		"role", "session_authorization", "max_parallel_workers"
	};
	static bool locked = false;
	static int	workers;

	for (int i = 0; i < lengthof(names); i++)
		mig_compat_find_setting(names[i])->context =
			on ? PGC_INTERNAL : PGC_USERSET;
	if (on && !locked)
		workers = max_parallel_workers;
	if (on || locked)
		max_parallel_workers = on ? 0 : workers;
	locked = on;
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
 * A value that is set in a session is checked as if its settings were made now.
 * From other sources there may be no role or catalog to ask: then the run
 * raises the error.
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

/*
 * What the server takes for the name of a channel.
 */
static bool
check_notify(char **value, void **extra, GucSource source)
{
	if (strlen(*value) < NAMEDATALEN)
		return true;
	GUC_check_errdetail("The name of a channel has at most %d bytes.",
						NAMEDATALEN - 1);
	return false;
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
 * The names of a list, folded to lower case unless quoted, as in SQL.
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

/*
 * A lock_timeout of a number of milliseconds.  A shorter one of the session is
 * kept.
 */
void
mig_guc_limit_lock_timeout(int ms, GucAction action)
{
	if (LockTimeout == 0 || LockTimeout > ms)
		(void) set_config_option("lock_timeout", psprintf("%d", ms), PGC_USERSET,
								 PGC_S_SESSION, action, true, 0, false);
}
