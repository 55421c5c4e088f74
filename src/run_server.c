/*
 * run_server.c
 *	  Which server this is, and what it can do.
 *
 * The one place that knows servers apart.  Everything else asks for a fact.
 *
 *	 profile						what a rollback takes back
 *	 ----------------------------	-----------------------------------------
 *	 postgresql						everything
 *	 yugabytedb						rows, but not DDL: that commits by itself
 *	 yugabytedb_transactional_ddl	everything, but a subtransaction around
 *									DDL must not be rolled back
 *
 * YugabyteDB says who it is in server_version ("15.12-YB-2025.1.4.0-b0"), and
 * by yb_ddl_transaction_block_enabled, which its early releases do not have,
 * which of the two it is.  migrate.engine overrules that, for tests.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "guc.h"
#include "run_server.h"
#include "spi.h"
#include "tab_version.h"

/* In the order of the values of migrate.engine. */
static const MigServer servers[] =
{
	{
		.profile = "postgresql",
		.rollback_undoes_ddl = true,
		.subtransactions = true,
		.row_addresses = true,
		.table_locks = true,
		.nominal_isolation = true
	},
	{
		.profile = "yugabytedb",
		.subtransactions = true,
		.errors_by_text = true,
		.many_schedulers = true
	},
	{
		.profile = "yugabytedb_transactional_ddl",
		.rollback_undoes_ddl = true,
		.errors_by_text = true,
		.many_schedulers = true
	},
};

/* Settings of YugabyteDB. */
#define DDL_BLOCK_SETTING		"yb_ddl_transaction_block_enabled"
#define ADVISORY_LOCK_SETTING	"yb_enable_advisory_locks"

#define EFFECTIVE_ISOLATION \
	"pg_catalog.yb_get_effective_transaction_isolation_level()"

/* What it says it is, where the nominal level is not to be believed. */
static bool effective_snapshot = false;

static MigEngine find_engine(void);
static bool ask_snapshot(void);

/*
 * The facts.
 */
const MigServer *
mig_run_server(void)
{
	return &servers[mig_guc_engine == MIG_ENGINE_AUTO ?
					find_engine() : mig_guc_engine];
}

static MigEngine
find_engine(void)
{
	const char *setting;
	bool		on;

	if (strstr(GetConfigOption("server_version", false, false), "-YB-") == NULL)
		return MIG_ENGINE_POSTGRESQL;
	setting = GetConfigOption(DDL_BLOCK_SETTING, true, false);
	return setting != NULL && parse_bool(setting, &on) && on ?
		MIG_ENGINE_YUGABYTEDB_TRANSACTIONAL_DDL : MIG_ENGINE_YUGABYTEDB;
}

/*
 * To be called when one of our SQL functions begins: what lower layers keep
 * of the call before is forgotten, and they are told the facts.
 */
void
mig_run_server_begin(void)
{
	const MigServer *server = mig_run_server();

	mig_spi_forget_owner();
	mig_tab_version_assume(server->row_addresses, server->table_locks);
}

/*
 * Whether a body that fails can be undone inside a transaction that goes on.
 */
bool
mig_run_server_undoes_bodies(void)
{
	const MigServer *server = mig_run_server();

	return server->rollback_undoes_ddl && server->subtransactions;
}

/*
 * To be called when a run begins, in a transaction that can read.
 */
void
mig_run_server_begin_run(void)
{
	effective_snapshot = !mig_run_server()->nominal_isolation && ask_snapshot();
}

/*
 * Whether the snapshot is the transaction's, so that a conflict comes back in
 * every subtransaction.
 */
bool
mig_run_server_fixes_snapshot(void)
{
	return IsolationUsesXactSnapshot() || effective_snapshot;
}

/*
 * YugabyteDB takes READ COMMITTED for REPEATABLE READ unless it is told
 * otherwise; a server that cannot be asked is taken to do so.
 */
static bool
ask_snapshot(void)
{
	static MigSpiQuery exists = {
		"SELECT pg_catalog.to_regprocedure('" EFFECTIVE_ISOLATION "')"
	};
	static MigSpiQuery ask = {
		"SELECT " EFFECTIVE_ISOLATION "::pg_catalog.text"
	};
	char	   *level;

	if (mig_spi_first(&exists, NULL, MIG_SPI_CALLER, MIG_SPI_READ_LATEST) == NULL)
		return true;
	level = mig_spi_first(&ask, NULL, MIG_SPI_CALLER, MIG_SPI_READ_LATEST);
	return level == NULL || pg_strcasecmp(level, "read committed") != 0;
}

/*
 * Raises an error where there are no advisory locks, by which runs take turns.
 */
void
mig_run_server_check_locks(void)
{
	const char *setting = GetConfigOption(ADVISORY_LOCK_SETTING, true, false);
	bool		on;

	if (setting != NULL && parse_bool(setting, &on) && !on)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this server has no advisory locks, by which migrations take turns"),
				 errdetail("%s is off. Nothing was run.", ADVISORY_LOCK_SETTING),
				 errhint("Switch it on; YugabyteDB has it since 2025.1.")));
}

/*
 * The server is not to run a command of ours a second time after a conflict:
 * its DDL may be there, and who retries here are we.  false: it never does.
 */
bool
mig_run_server_stop_retries(GucAction action)
{
	if (GetConfigOption(MIG_SERVER_RETRY_SETTING, true, false) == NULL)
		return false;
	(void) set_config_option(MIG_SERVER_RETRY_SETTING, "0", PGC_USERSET, PGC_S_SESSION,
							 action, true, 0, false);
	return true;
}
