/*
 * server.c
 *	  The server type, and what such a server can do.
 *
 * The one place that knows servers apart.  Everything else asks for a fact.
 *
 *	 server type					what a rollback takes back
 *	 ----------------------------	-----------------------------------------
 *	 postgresql						everything
 *	 yugabytedb						rows, but not DDL: that commits by itself
 *	 yugabytedb_transactional_ddl	everything, but a subtransaction around
 *									DDL must not be rolled back
 *
 * YugabyteDB says that it is one in server_version ("15.12-YB-2025.1.4.0-b0"), and
 * by yb_ddl_transaction_block_enabled, which its early releases do not have,
 * which of the two it is.  A second setting takes that back for transactions
 * that really are READ COMMITTED (YBIsDdlTransactionBlockEnabled() in its
 * pg_yb_utils.c).  migrate.server_type overrides all that, for tests.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/server.h"
#include "base/spi.h"

/* In the order of the values of migrate.server_type. */
static const MigServer servers[] =
{
	{
		.type = "postgresql",
		.rollback_undoes_ddl = true,
		.subtransactions = true,
		.row_addresses = true,
		.table_locks = true,
		.tells_changes = true,
		.transaction_ids = true,
		.nominal_isolation = true,
		.bare_processes = true,
		.notifications = true
	},
	{
		.type = "yugabytedb",
		.subtransactions = true,
		.errors_by_text = true,
		.many_schedulers = true,
		.own_settings = true
	},
	{
		.type = "yugabytedb_transactional_ddl",
		.rollback_undoes_ddl = true,
		.errors_by_text = true,
		.many_schedulers = true,
		.own_settings = true
	},
};

/*
 * One where it may depend on the transaction what a rollback takes back: what
 * is safe in either case.
 */
static const MigServer either_server =
{
	.type = "yugabytedb",
	.errors_by_text = true,
	.many_schedulers = true,
	.own_settings = true
};

/* Settings of YugabyteDB. */
#define DDL_BLOCK_SETTING		"yb_ddl_transaction_block_enabled"
#define NO_DDL_BLOCK_SETTING \
	"yb_disable_ddl_transaction_block_for_read_committed"
#define ADVISORY_LOCK_SETTING	"yb_enable_advisory_locks"
#define NOTIFY_SETTING			"yb_enable_listen_notify"

#define EFFECTIVE_ISOLATION \
	"pg_catalog.yb_get_effective_transaction_isolation_level()"

/* The effective level, where the nominal one is not it. */
static bool effective_snapshot = false;

/*
 * Whether READ COMMITTED is what it says: a flag of the server's process, which
 * this one knows as soon as it has asked.
 */
static enum
{
	READ_COMMITTED_UNKNOWN,
	READ_COMMITTED_REAL,
	READ_COMMITTED_NOMINAL
}			read_committed = READ_COMMITTED_UNKNOWN;

/*
 * Settings of YugabyteDB, and what they do to migrations.
 */
static const MigServerSetting yugabytedb_settings[] =
{
	{DDL_BLOCK_SETTING, false, "off", NULL,
	"Off: every DDL statement commits by itself, and each statement of a body is a transaction; on: a revision is one transaction. Change it between runs only."},
	{NO_DDL_BLOCK_SETTING, false, "off", NULL,
	"On: in transactions that really are READ COMMITTED every DDL statement commits by itself all the same. Leave it off, or run migrations with default_transaction_isolation = 'repeatable read'."},
	{MIG_SERVER_RETRY_SETTING, false, "60", NULL,
	"Leave it to applications: during a run it is 0, because the server would repeat the whole command."},
	{"retry_min_backoff", false, "100ms", NULL,
	"The server's own delay between its retries; for those of a run set migrate.retry_base_delay."},
	{"retry_max_backoff", false, "1s", NULL,
	"The server's own longest delay; for retries of a run set migrate.retry_max_delay."},
	{"retry_backoff_multiplier", false, "2", NULL,
	"The server's own; the delays of a run double."},
	{"yb_transaction_priority_lower_bound", false, "0", NULL,
	"Raise it in the session of a migration that fails again and again because of the application; it matters with fail-on-conflict only."},
	{"yb_transaction_priority_upper_bound", false, "1", NULL,
	"Lower it for batch jobs whose conflicts must not fail a migration; it matters with fail-on-conflict only."},
	{"yb_read_after_commit_visibility", false, "strict", NULL,
	"Leave it strict: a relaxed run could read version rows older than what another node has just committed."},
	{ADVISORY_LOCK_SETTING, false, "on", "on",
	"It must be on: runs take turns by advisory locks."},
	{"transaction_heartbeat_usec", true, "500000 us", NULL,
	"How often a transaction sends a heartbeat; raise it together with the missed periods where nodes are slow or far apart."},
	{"transaction_max_missed_heartbeat_periods", true, "10", NULL,
	"After so many missed heartbeats (10 x 0.5 s) a transaction is expired; raise it if long revisions end with \"expired or aborted\"."},
	{"transaction_rpc_timeout_ms", true, "5000 ms", NULL,
	"Raise it if revisions end with \"Timed out\" at writes or commits."},
	{"enable_wait_queues", true, NULL, NULL,
	"True: a transaction that meets a conflict waits; false: the one with the lower priority fails, and a migration of a busy table fails more often."},
	{"yb_enable_read_committed_isolation", true, NULL, NULL,
	"True makes READ COMMITTED what it says; otherwise it is REPEATABLE READ, and conflicts need a new transaction."},
	{"ysql_yb_enable_ddl_savepoint_support", true, NULL, NULL,
	"Runs do not need it: they never roll back a subtransaction with DDL."},
	{"enable_object_locking_for_table_locks", true, NULL, NULL,
	"True lets DDL wait for the transactions that use a table, as in PostgreSQL; otherwise those end with a schema version mismatch and must be repeated."},
};

static const MigServer *find_server(void);
static bool is_on(const char *name);

/*
 * Raises an error if the library was built for another server than the one
 * that loads it.  Called before anything else.
 */
void
mig_server_check_build(void)
{
	if (mig_compat_is_foreign_server())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("library \"migrate\" was built for PostgreSQL, but this server is YugabyteDB"),
				 errdetail("It would take each statement for another one. Nothing was loaded or changed."),
				 errhint("Build it with \"make PG_CONFIG=DIRECTORY/postgres/bin/pg_config install\", where DIRECTORY is that of YugabyteDB, and install it on every node; see docs/yugabytedb.md.")));
}

/*
 * The facts.
 */
const MigServer *
mig_server(void)
{
	return mig_guc_server_type == MIG_SERVER_TYPE_AUTO ?
		find_server() : &servers[mig_guc_server_type];
}

/*
 * What matters is the level of the transactions that bodies run in: the
 * default.
 */
static const MigServer *
find_server(void)
{
	if (strstr(GetConfigOption("server_version", false, false), "-YB-") == NULL)
		return &servers[MIG_SERVER_TYPE_POSTGRESQL];
	if (!is_on(DDL_BLOCK_SETTING))
		return &servers[MIG_SERVER_TYPE_YUGABYTEDB];
	if (is_on(NO_DDL_BLOCK_SETTING) &&
		DefaultXactIsoLevel <= XACT_READ_COMMITTED &&
		read_committed != READ_COMMITTED_NOMINAL)
		return &either_server;
	return &servers[MIG_SERVER_TYPE_YUGABYTEDB_TRANSACTIONAL_DDL];
}

static bool
is_on(const char *name)
{
	const char *setting = GetConfigOption(name, true, false);
	bool		on;

	return setting != NULL && parse_bool(setting, &on) && on;
}

/*
 * Whether a body that fails can be undone inside a transaction that stays open.
 */
bool
mig_server_undoes_bodies(const MigServer *server)
{
	return server->rollback_undoes_ddl && server->subtransactions;
}

/*
 * Whether it has NOTIFY: YugabyteDB since 2025.2.3, if it is told to.
 */
bool
mig_server_sends_notifications(void)
{
	return mig_server()->notifications || is_on(NOTIFY_SETTING);
}

/*
 * A run begins, in a transaction that can read.  Returns the facts.
 */
const MigServer *
mig_server_begin_run(void)
{
	const MigServer *server = mig_server();
	const char *level;

	if (server->nominal_isolation)
	{
		effective_snapshot = false;
		return server;
	}
	level = mig_server_effective_isolation();
	/* If it is not known, the stricter one. */
	effective_snapshot = level == NULL || strcmp(level, "read committed") != 0;
	/* Asking may have told more. */
	return mig_server();
}

/*
 * Whether the snapshot is the transaction's, so that a conflict comes back in
 * every subtransaction.
 */
bool
mig_server_fixes_snapshot(void)
{
	return IsolationUsesXactSnapshot() || effective_snapshot;
}

/*
 * The isolation level that transactions really have, in the words of SQL, or
 * NULL.  YugabyteDB takes READ COMMITTED for REPEATABLE READ unless it is told
 * otherwise.
 */
const char *
mig_server_effective_isolation(void)
{
	static MigSpiQuery exists = {
		"SELECT pg_catalog.to_regprocedure('" EFFECTIVE_ISOLATION "')"
	};
	static MigSpiQuery ask = {
		"SELECT pg_catalog.lower(" EFFECTIVE_ISOLATION "::pg_catalog.text)"
	};
	const char *level;

	if (mig_server()->nominal_isolation)
		return GetConfigOption("transaction_isolation", false, false);
	if (mig_spi_first(&exists, NULL, MIG_SPI_CALLER,
					  MIG_SPI_READ_LATEST) == NULL)
		return NULL;
	level = mig_spi_first(&ask, NULL, MIG_SPI_CALLER, MIG_SPI_READ_LATEST);
	if (level != NULL && XactIsoLevel <= XACT_READ_COMMITTED)
		read_committed = strcmp(level, "read committed") == 0 ?
			READ_COMMITTED_REAL : READ_COMMITTED_NOMINAL;
	return level;
}

/*
 * Raises an error where there are no advisory locks, by which runs take turns.
 */
void
mig_server_check_locks(void)
{
	if (GetConfigOption(ADVISORY_LOCK_SETTING, true, false) != NULL &&
		!is_on(ADVISORY_LOCK_SETTING))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this server has no advisory locks, by which migrations take turns"),
				 errdetail("%s is off. Nothing was run.", ADVISORY_LOCK_SETTING),
				 errhint("Switch it on; YugabyteDB has it since 2025.1.")));
}

/*
 * The server must not run a command of ours a second time after a conflict: its
 * DDL may be there, and the run retries by itself.  false: it never does.
 */
bool
mig_server_stop_retries(GucAction action)
{
	if (GetConfigOption(MIG_SERVER_RETRY_SETTING, true, false) == NULL)
		return false;
	(void) set_config_option(MIG_SERVER_RETRY_SETTING, "0", PGC_USERSET, PGC_S_SESSION,
							 action, true, 0, false);
	return true;
}

/*
 * The settings of this server that PostgreSQL does not have.
 */
const MigServerSetting *
mig_server_settings(int *nsettings)
{
	*nsettings = mig_server()->own_settings ?
		lengthof(yugabytedb_settings) : 0;
	return yugabytedb_settings;
}
