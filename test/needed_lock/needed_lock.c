/*
 * needed_lock.c
 *	  The locks that statements need, as an SQL function, so that tests can
 *	  compare them with those that the server takes.
 *
 * Only tests load this module.  It is linked with the very files that the
 * extension is built from.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

/* For the query that it has only as a part of another one. */
#include "../../src/run/needed_lock.c"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(test_needed_locks);

/* Nothing here asks who holds the locks. */
void
mig_blocker_read(const MigSpiRow *row, int column, MigBlockers *blockers)
{
}

/*
 * test_needed_locks(statement): an element for each relation, its OID and the
 * modes that conflict with the one that is needed.
 */
Datum
test_needed_locks(PG_FUNCTION_ARGS)
{
	static MigSpiQuery query = {
		LOCKS
		"SELECT DISTINCT l.id::text || ' ' || l.modes FROM lock AS l"
	};
	MigScript  *script = mig_script_split_text(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	List	   *locks = NIL;
	MigSpiArgs	args = {0};
	char	  **elems;
	int			nelems;

	for (int i = 0; i < script->nstatements; i++)
		locks = mig_needed_lock_add(locks, script->statements[i].locks);
	bind_locks(&args, locks, true);
	elems = mig_spi_list(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						 &nelems);
	PG_RETURN_DATUM(mig_spi_array_datum(elems, nelems));
}
