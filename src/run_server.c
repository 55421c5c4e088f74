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

#include "utils/builtins.h"
#include "utils/guc.h"

#include "guc.h"
#include "run_server.h"
#include "spi.h"
#include "tab_version.h"

/* In the order of the values of migrate.engine. */
static const MigServer servers[] =
{
	{"postgresql", true, true, true, true},
	{"yugabytedb", false, true, false, false},
	{"yugabytedb_transactional_ddl", true, false, false, false},
};

static MigEngine find_engine(void);

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
	setting = GetConfigOption("yb_ddl_transaction_block_enabled", true, false);
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
