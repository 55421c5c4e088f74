/*
 * session_state.c
 *	  What a body leaves in the session: cursors, prepared statements,
 *	  temporary objects.
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

/*
 * What is in the session's temporary schema, and how one of it is known; what
 * belongs to a table or view depends on that.
 */
#define TEMPORARY_OBJECT		"(classid::text || ' ' || objid::text)"
#define TEMPORARY_OBJECTS \
	"pg_catalog.pg_depend" \
	" WHERE refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass" \
	"   AND refobjid = pg_catalog.pg_my_temp_schema()"

/*
 * Before a body that must not reach the role the session was opened as: notes
 * the session's temporary objects, in the current memory context.
 */
void
mig_session_state_note(MigTemporary *before)
{
	static MigSpiQuery query = {
		"SELECT " TEMPORARY_OBJECT " FROM " TEMPORARY_OBJECTS
	};

	before->objects = mig_spi_list(&query, NULL, MIG_SPI_OWNER,
								   MIG_SPI_READ_LATEST, &before->nobjects);
}

/*
 * After it: raises an error if it left something that the session will run with
 * that role.  A cursor WITH HOLD runs its query when the transaction commits.
 * A prepared statement may stand in for one that the session had under the same
 * name, and a temporary table, view or type stands in front of what has its
 * name in a schema; without before those are left alone.
 */
void
mig_session_state_refuse(const MigTemporary *before)
{
	static MigSpiQuery temporary = {
		"SELECT pg_catalog.replace("
		"         pg_catalog.pg_describe_object(classid, objid, 0),"
		"         pg_catalog.pg_my_temp_schema()::pg_catalog.regnamespace || '.',"
		"         'pg_temp.')"
		"  FROM " TEMPORARY_OBJECTS
		"   AND NOT " TEMPORARY_OBJECT " = ANY ($1)"
		" LIMIT 1"
	};
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
	MigSpiArgs	args = {0};
	char	   *leftover = mig_spi_first(&cursors, NULL, MIG_SPI_CALLER, MIG_SPI_READ_LATEST);

	if (leftover == NULL)
		leftover = mig_spi_first(&statements, NULL, MIG_SPI_CALLER, MIG_SPI_READ_LATEST);
	if (leftover == NULL && before != NULL)
	{
		mig_spi_arg_texts(&args, before->objects, before->nobjects);
		leftover = mig_spi_first(&temporary, &args, MIG_SPI_OWNER,
								 MIG_SPI_READ_LATEST);
	}
	if (leftover != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a migration body cannot leave %s in the session", leftover),
				 errhint("Take it away at the end of the body, or open a session as role \"%s\".",
						 GetUserNameFromId(GetUserId(), false))));
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
