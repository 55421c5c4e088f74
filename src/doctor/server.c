/*
 * server.c
 *	  Checks of the server's type, isolation, settings and timeouts.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/server.h"
#include "doctor/doctor_internal.h"
#include "script/script.h"

static void check_server_type(MigDoctor *doctor);
static void check_preload(MigDoctor *doctor);
static void check_nodes(MigDoctor *doctor);
static void check_effective_isolation(MigDoctor *doctor);
static void check_own_settings(MigDoctor *doctor);
static bool is_preloaded(void);
static bool is_served(void);

MigDoctorCheck mig_doctor_server[] = {
	{
		"server", "version",
		.query = {"SELECT current_setting('server_version'), false"}
	},
	{"server", "server type", check_server_type},
	{"server", "preload", check_preload},
	{"server", "node", check_nodes},
	{
		"isolation", "nominal",
		.query = {"SELECT current_setting('default_transaction_isolation'), false"}
	},
	{"isolation", "effective", check_effective_isolation},
	{"setting", "yugabytedb", check_own_settings},
	{
		"timeout", "lock_timeout",
		.query = {
			"SELECT format('migrate.lock_timeout %s, lock_timeout %s', ours, theirs),"
			"       ours = '0' AND theirs = '0'"
			"  FROM (SELECT current_setting('migrate.lock_timeout'),"
			"               current_setting('lock_timeout')) AS s (ours, theirs)"
		},
		.status = MIG_DOCTOR_WARNING,
		.advice = "Set migrate.lock_timeout: later queries of a table wait behind an ALTER TABLE that waits for its lock."
	},
	{
		"timeout", "statement_timeout",
		.query = {
			"SELECT s, s <> '0' FROM current_setting('statement_timeout') AS s"
		},
		.status = MIG_DOCTOR_WARNING,
		.advice = "Set it to 0 for migrations, because it cancels a SELECT or CALL as a whole. To limit each statement, use migrate.transaction_settings."
	},
	/* It ends a session that was left open, which is what it is for. */
	{
		"timeout", "idle_in_transaction_session_timeout",
		.query = {
			"SELECT s, s = '0'"
			"  FROM current_setting('idle_in_transaction_session_timeout') AS s"
		},
		.status = MIG_DOCTOR_OK,
		.advice = "Consider setting it for the roles of applications: migrations wait for the locks of a forgotten transaction."
	},
	{
		"timeout", "transaction_timeout",
		.query = {
			"SELECT s, s <> '0' FROM current_setting('transaction_timeout', true) AS s"
			" WHERE s IS NOT NULL"
		},
		.status = MIG_DOCTOR_WARNING,
		.advice = "Set it to 0 for migrations: it terminates the session of a revision that takes longer."
	},
	{NULL}
};

static void
check_server_type(MigDoctor *doctor)
{
	const MigServer *server;

	/* Which may be what the type depends on. */
	(void) mig_server_effective_isolation();
	server = mig_server();
	if (mig_guc_server_type != MIG_SERVER_TYPE_AUTO)
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING,
						  psprintf("%s, set by migrate.server_type",
								   server->type),
						  "Reset migrate.server_type, which is for tests.");
	else if (!mig_server_undoes_bodies(server))
		mig_doctor_report(doctor, MIG_DOCTOR_OK, server->type,
						  "Use CALL migrate_deploy() or jobs: the functions cannot run bodies on this server.");
	else
		mig_doctor_report(doctor, MIG_DOCTOR_OK, server->type, NULL);
}

/*
 * Without it there is no scheduler.
 */
static void
check_preload(MigDoctor *doctor)
{
	if (!is_preloaded())
		mig_doctor_report(doctor, MIG_DOCTOR_OK, "not preloaded",
						  "Add migrate to shared_preload_libraries for jobs that start later, schedules, and jobs whose worker exits unexpectedly: the scheduler starts them.");
	else if (!is_served())
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING,
						  "preloaded, but the scheduler does not scan this database",
						  "Add the database to migrate.databases, then reload the configuration.");
	else
		mig_doctor_report(doctor, MIG_DOCTOR_OK,
						  "preloaded, the scheduler scans this database",
						  NULL);
}

static bool
is_preloaded(void)
{
	char	   *libraries = pstrdup(GetConfigOption("shared_preload_libraries",
													false, false));
	List	   *names;
	ListCell   *cell;

	if (!SplitDirectoriesString(libraries, ',', &names))
		return false;
	foreach(cell, names)
	{
		const char *name = lfirst(cell);
		const char *slash = strrchr(name, '/');

		if (strcmp(slash == NULL ? name : slash + 1, "migrate") == 0)
			return true;
	}
	return false;
}

static bool
is_served(void)
{
	return mig_text_is_listed(mig_guc_database_names(),
							  get_database_name(MyDatabaseId));
}

/*
 * Sessions and commit times are those of the node of this session.
 */
static void
check_nodes(MigDoctor *doctor)
{
	static MigSpiQuery exists = {
		"SELECT to_regprocedure('yb_servers()')"
	};
	static MigSpiQuery query = {
		"SELECT format('%s:%s (%s)', host, port, zone),"
		"       host IS DISTINCT FROM host(inet_server_addr())"
		"  FROM yb_servers() ORDER BY host, port"
	};

	if (mig_spi_first(&exists, NULL, MIG_SPI_CALLER,
					  MIG_SPI_READ_LATEST) != NULL)
		mig_doctor_query(doctor, &query, MIG_DOCTOR_OK,
						 "Call migrate_doctor() on that node, too: sessions and commit times are those of one node.");
}

static void
check_effective_isolation(MigDoctor *doctor)
{
	const char *effective = mig_server_effective_isolation();

	if (effective == NULL)
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING, "unknown",
						  "Check the server's documentation: the extension assumes REPEATABLE READ.");
	else if (strcmp(effective, "read committed") == 0)
		mig_doctor_report(doctor, MIG_DOCTOR_OK, effective, NULL);
	else if (mig_server()->nominal_isolation)
		mig_doctor_report(doctor, MIG_DOCTOR_OK, effective,
						  "Use CALL migrate_deploy() or jobs: a conflict repeats as long as the transaction does not end.");
	else
		mig_doctor_report(doctor, MIG_DOCTOR_OK, effective,
						  "Use CALL migrate_deploy() or jobs: a conflict repeats as long as the transaction does not end. The tserver flag yb_enable_read_committed_isolation changes the level.");
}

/*
 * Settings that PostgreSQL does not have, and flags that SQL cannot see.
 */
static void
check_own_settings(MigDoctor *doctor)
{
	int			nsettings;
	const MigServerSetting *settings = mig_server_settings(&nsettings);

	for (int i = 0; i < nsettings; i++)
	{
		const MigServerSetting *setting = &settings[i];
		const char *value = GetConfigOptionByName(setting->name, NULL, true);
		MigDoctorStatus status = MIG_DOCTOR_OK;

		if (setting->is_flag)
			value = setting->standard == NULL ? "not visible from SQL" :
				psprintf("not visible from SQL (default %s)",
						 setting->standard);
		else if (value == NULL)
			continue;
		else if (setting->needed != NULL && strcmp(value, setting->needed) != 0)
			status = MIG_DOCTOR_PROBLEM;
		mig_doctor_report_as(doctor, setting->name, status, value,
							 setting->is_flag ?
							 psprintf("%s Look at /varz of the tserver.",
									  setting->advice) : setting->advice);
	}
}
