/*
 * session_state.c
 *	  What a body leaves in the session: cursors, prepared statements.
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
