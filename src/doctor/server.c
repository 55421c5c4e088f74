/*
 * server.c
 *	  What server this is, and how it is set.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/server.h"
#include "base/spi.h"
#include "doctor/server.h"

static bool is_preloaded(void);
static bool is_served(void);
static char *setting_with_unit(const char *name);

void
mig_doctor_server_version(MigDoctor *doctor)
{
	mig_doctor_say(doctor, MIG_DOCTOR_OK,
				   GetConfigOption("server_version", false, false), NULL);
}

void
mig_doctor_server_profile(MigDoctor *doctor)
{
	const MigServer *server = mig_server();

	if (mig_guc_server_type != MIG_SERVER_TYPE_AUTO)
		mig_doctor_say(doctor, MIG_DOCTOR_WARNING,
					   psprintf("%s, by migrate.server_type", server->profile),
					   "RESET migrate.server_type, which is for tests, unless this is one.");
	else
		mig_doctor_say(doctor, MIG_DOCTOR_OK, server->profile,
					   mig_server_undoes_bodies() ? NULL :
					   "Run migrations by CALL migrate_deploy() or jobs; functions refuse bodies here.");
}

/*
 * Without it there is no scheduler.
 */
void
mig_doctor_server_preload(MigDoctor *doctor)
{
	if (!is_preloaded())
		mig_doctor_say(doctor, MIG_DOCTOR_OK, "not preloaded",
					   "Add migrate to shared_preload_libraries if jobs are to be started later or again, or by schedules.");
	else if (!is_served())
		mig_doctor_say(doctor, MIG_DOCTOR_WARNING,
					   "preloaded, but the scheduler does not look into this database",
					   "Add the database to migrate.databases, then reload the configuration.");
	else
		mig_doctor_say(doctor, MIG_DOCTOR_OK,
					   "preloaded, the scheduler looks into this database",
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
	const char *database = get_database_name(MyDatabaseId);
	ListCell   *cell;

	foreach(cell, mig_guc_database_names())
	{
		if (strcmp(lfirst(cell), database) == 0)
			return true;
	}
	return false;
}

/*
 * What is told of sessions and commits is told of the node one is connected to.
 */
void
mig_doctor_server_nodes(MigDoctor *doctor)
{
	static MigSpiQuery exists = {
		"SELECT to_regprocedure('yb_servers()')"
	};
	static MigSpiQuery nodes = {
		"SELECT format('%s:%s (%s)', host, port, zone),"
		"       COALESCE(host = host(inet_server_addr()), false)"
		"  FROM yb_servers() ORDER BY host, port"
	};
	MigSpiScope scope;
	uint64		n;

	if (mig_spi_first(&exists, NULL, MIG_SPI_CALLER,
					  MIG_SPI_READ_LATEST) == NULL)
		return;
	mig_spi_begin(&scope, MIG_SPI_CALLER);
	n = mig_spi_execute(&nodes, NULL, MIG_SPI_READ_LATEST);
	for (uint64 i = 0; i < n; i++)
	{
		MigSpiRow	row = mig_spi_fetch(&scope, i);

		mig_doctor_say_of(doctor, "node", MIG_DOCTOR_OK,
						  mig_spi_row_text(&row, 1),
						  mig_spi_row_bool(&row, 2) ? NULL :
						  "Connect to it and call migrate_doctor() there: sessions and the time of commits are told of this node only.");
	}
	mig_spi_end(&scope);
}

void
mig_doctor_server_isolation(MigDoctor *doctor)
{
	mig_doctor_say(doctor, MIG_DOCTOR_OK,
				   GetConfigOption("default_transaction_isolation", false, false),
				   NULL);
}

void
mig_doctor_server_effective(MigDoctor *doctor)
{
	const char *effective = mig_server_effective_isolation();

	if (effective == NULL)
		mig_doctor_say(doctor, MIG_DOCTOR_WARNING, "not known",
					   "Ask the server's documentation: here it is taken for REPEATABLE READ.");
	else if (strcmp(effective, "read committed") == 0)
		mig_doctor_say(doctor, MIG_DOCTOR_OK, effective, NULL);
	else
		mig_doctor_say(doctor, MIG_DOCTOR_OK, effective,
					   mig_server()->nominal_isolation ?
					   "Use CALL migrate_deploy() or jobs: inside a transaction a conflict repeats until it ends." :
					   "Use CALL migrate_deploy() or jobs: inside a transaction a conflict repeats until it ends; the tserver flag yb_enable_read_committed_isolation changes the level.");
}

/*
 * Settings that PostgreSQL does not have, and flags that SQL cannot see.
 */
void
mig_doctor_server_settings(MigDoctor *doctor)
{
	int			nsettings;
	const MigServerSetting *settings = mig_server_settings(&nsettings);

	for (int i = 0; i < nsettings; i++)
	{
		const MigServerSetting *setting = &settings[i];
		const char *value = setting_with_unit(setting->name);
		MigDoctorStatus status = MIG_DOCTOR_OK;

		if (setting->is_flag)
			value = setting->standard == NULL ? "not visible from SQL" :
				psprintf("not visible from SQL (default %s)",
						 setting->standard);
		else if (value == NULL)
			continue;
		else if (setting->needed != NULL && strcmp(value, setting->needed) != 0)
			status = MIG_DOCTOR_PROBLEM;
		mig_doctor_say_of(doctor, setting->name, status, value,
						  setting->is_flag ?
						  psprintf("%s Look at /varz of the tserver.",
								   setting->advice) : setting->advice);
	}
}

void
mig_doctor_server_lock_timeout(MigDoctor *doctor)
{
	const char *value = psprintf("migrate.lock_timeout %s, lock_timeout %s",
								 setting_with_unit("migrate.lock_timeout"),
								 setting_with_unit("lock_timeout"));

	if (mig_guc_lock_timeout == 0 && LockTimeout == 0)
		mig_doctor_say(doctor, MIG_DOCTOR_WARNING, value,
					   "Set migrate.lock_timeout: an ALTER TABLE that waits for a lock keeps everybody behind it waiting.");
	else
		mig_doctor_say(doctor, MIG_DOCTOR_OK, value, NULL);
}

void
mig_doctor_server_statement_timeout(MigDoctor *doctor)
{
	if (StatementTimeout > 0)
		mig_doctor_say(doctor, MIG_DOCTOR_WARNING,
					   setting_with_unit("statement_timeout"),
					   "Set it to 0 for migrations: it cancels a whole SELECT or CALL. Use it in migrate.transaction_settings for a limit of each statement.");
	else
		mig_doctor_say(doctor, MIG_DOCTOR_OK, "0", NULL);
}

/*
 * They end a session that somebody has left open, which is what one wants, or
 * a transaction that is a whole run.
 */
void
mig_doctor_server_session_timeouts(MigDoctor *doctor)
{
	const char *transaction = setting_with_unit("transaction_timeout");

	if (IdleInTransactionSessionTimeout == 0)
		mig_doctor_say_of(doctor, "idle_in_transaction_session_timeout",
						  MIG_DOCTOR_OK, "0",
						  "Consider to set it for the application's roles: a forgotten transaction keeps migrations waiting for its locks.");
	else
		mig_doctor_say_of(doctor, "idle_in_transaction_session_timeout",
						  MIG_DOCTOR_OK,
						  setting_with_unit("idle_in_transaction_session_timeout"),
						  NULL);
	if (transaction == NULL)
		return;
	if (strcmp(transaction, "0") == 0)
		mig_doctor_say_of(doctor, "transaction_timeout", MIG_DOCTOR_OK,
						  transaction, NULL);
	else
		mig_doctor_say_of(doctor, "transaction_timeout", MIG_DOCTOR_WARNING,
						  transaction,
						  "Set it to 0 for migrations: it ends the session of a revision that takes longer.");
}

/*
 * As SHOW says it, or NULL if there is no such setting.
 */
static char *
setting_with_unit(const char *name)
{
	return GetConfigOptionByName(name, NULL, true);
}
