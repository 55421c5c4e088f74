/*
 * session_state.c
 *	  What a body changes in the session: settings, cursors, prepared statements.
 *
 * A SET in a body holds until the body's end.  Inside a transaction a GUC nest
 * level sees to that.  A statement that ends transactions by itself would end
 * the level too, so around it the body's settings are made for the session,
 * and put back afterwards.
 *
 * Neither a subtransaction nor a GUC nest level takes back cursors WITH HOLD
 * and prepared statements.  Those that this call has made are known by their
 * time: it is that of the client's statement.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/spi.h"
#include "run/run_internal.h"

static void save_statement(const VariableSetStmt *set, MigSettings *settings);
static void save_session(MigSettings *settings);

/*
 * Notes what the body's settings in front of a statement would change, in the
 * current memory context.
 */
void
mig_session_state_save(const MigBodyExec *body, int before, MigSettings *settings)
{
	ListCell   *cell;

	memset(settings, 0, sizeof(*settings));
	foreach(cell, body->settings)
		mig_session_state_save_one(((MigListSetting *) lfirst(cell))->name,
								   settings);
	for (int i = 0; i < before; i++)
	{
		const MigStatement *statement = &body->script->statements[i];
		List	   *parsed;

		if (!statement->setting)
			continue;
		parsed = mig_script_parse(pnstrdup(body->text + statement->location,
										   statement->length));
		save_statement(castNode(VariableSetStmt,
								linitial_node(RawStmt, parsed)->stmt),
					   settings);
	}
}

/*
 * Puts them back.  A value that the session had only as a default becomes one
 * again.
 */
void
mig_session_state_restore(const MigSettings *settings)
{
	for (int i = settings->nsettings - 1; i >= 0; i--)
	{
		const char *name = settings->names[i];
		const char *value = settings->values[i];
		const char *reset;

		if (GetConfigOption(name, true, false) == NULL)
			continue;
		reset = GetConfigOptionResetString(name);
		if (value != NULL && reset != NULL && strcmp(value, reset) == 0)
			value = NULL;
		/* What the session had it may have, and one must not stop the rest. */
		(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION,
								 GUC_ACTION_SET, true, WARNING, false);
	}
}

static void
save_statement(const VariableSetStmt *set, MigSettings *settings)
{
	ListCell   *cell;

	switch (set->kind)
	{
		case VAR_RESET_ALL:
			save_session(settings);
			break;
		case VAR_SET_MULTI:
			/* SET SESSION CHARACTERISTICS AS TRANSACTION */
			foreach(cell, set->args)
				mig_session_state_save_one(psprintf("default_%s",
													lfirst_node(DefElem, cell)->defname), settings);
			break;
		default:
			mig_session_state_save_one(set->name, settings);
			break;
	}
}

/*
 * What RESET ALL could change.
 */
static void
save_session(MigSettings *settings)
{
	static MigSpiQuery query = {
		"SELECT name FROM pg_catalog.pg_settings WHERE source = 'session'"
	};
	int			nnames;
	char	  **names = mig_spi_list(&query, NULL, MIG_SPI_CALLER,
									 MIG_SPI_READ_LATEST, &nnames);

	for (int i = 0; i < nnames; i++)
		mig_session_state_save_one(names[i], settings);
}

/*
 * Notes one of them, unless it is noted.
 */
void
mig_session_state_save_one(const char *name, MigSettings *settings)
{
	const char *value = GetConfigOption(name, true, false);
	int			n = settings->nsettings;

	for (int i = 0; i < n; i++)
	{
		if (pg_strcasecmp(settings->names[i], name) == 0)
			return;
	}
	if (n == 0)
	{
		settings->names = palloc(sizeof(char *));
		settings->values = palloc(sizeof(char *));
	}
	else
	{
		settings->names = repalloc(settings->names, sizeof(char *) * (n + 1));
		settings->values = repalloc(settings->values,
									sizeof(char *) * (n + 1));
	}
	settings->names[n] = pstrdup(name);
	settings->values[n] = value == NULL ? NULL : pstrdup(value);
	settings->nsettings++;
}

/*
 * For a body that must not reach the role the session was opened as: raises
 * an error if it left something that the session will run with that role.  A
 * cursor WITH HOLD runs its query when the transaction commits.  A prepared
 * statement may stand in for one that the session had under the same name.
 */
void
mig_session_state_refuse(void)
{
	static MigSpiQuery cursors = {
		"SELECT pg_catalog.format('cursor %I WITH HOLD', name)"
		"  FROM pg_catalog.pg_cursors"
		" WHERE is_holdable"
		"   AND creation_time >= pg_catalog.statement_timestamp()"
		" LIMIT 1"
	};
	static MigSpiQuery statements = {
		"SELECT pg_catalog.format('prepared statement %I', name)"
		"  FROM pg_catalog.pg_prepared_statements"
		" WHERE from_sql"
		"   AND prepare_time >= pg_catalog.statement_timestamp()"
		" LIMIT 1"
	};
	char	   *leftover = mig_spi_first(&cursors, NULL, MIG_SPI_CALLER, MIG_SPI_READ_LATEST);

	if (leftover == NULL)
		leftover = mig_spi_first(&statements, NULL, MIG_SPI_CALLER, MIG_SPI_READ_LATEST);
	if (leftover != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a migration body cannot leave %s in the session", leftover),
				 errhint("It may do so only if the session was opened as the role that runs it.")));
}

/*
 * After a failed attempt: takes away the prepared statements that it made, so
 * that the next one can make them again.
 */
void
mig_session_state_deallocate(void)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.format('DEALLOCATE %I', name)"
		"  FROM pg_catalog.pg_prepared_statements"
		" WHERE from_sql"
		"   AND prepare_time >= pg_catalog.statement_timestamp()"
		" LIMIT 1"
	};
	char	   *statement;

	while ((statement = mig_spi_first(&query, NULL, MIG_SPI_CALLER, MIG_SPI_READ_LATEST)) != NULL)
	{
		SPI_connect();
		SPI_execute(statement, false, 0);
		SPI_finish();
	}
}
