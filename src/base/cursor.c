/*
 * cursor.c
 *	  Finds a cursor that the session has open.
 *
 * A cursor has the rows that the role could read which has opened it, and any
 * code that runs in the session can read, close or replace it by its name,
 * whichever role's rights that code has.
 */
#include "postgres.h"

#include "utils/portal.h"

#include "base/cursor.h"
#include "base/spi.h"

/*
 * The name of one that a statement could read or close, or NULL.  The server
 * itself refuses that for one that is being executed, which the call of the
 * extension may come from.
 */
char *
mig_cursor_find(void)
{
	static MigSpiQuery query = {
		"SELECT name FROM pg_catalog.pg_cursors ORDER BY name"
	};
	int			nnames;
	char	  **names = mig_spi_list(&query, NULL, MIG_SPI_CALLER,
									 MIG_SPI_READ_LATEST, &nnames);

	for (int i = 0; i < nnames; i++)
	{
		Portal		portal = SPI_cursor_find(names[i]);

		if (portal != NULL && portal->status == PORTAL_READY)
			return names[i];
	}
	return NULL;
}
