/*
 * lease.c
 *	  migrate.lease: which node's scheduler works.
 *
 * A distributed server starts our scheduler on every node.  Each could do the
 * work, because jobs are claimed; the lease spares them to do it all at once.
 * Who holds it renews it with each look, in the transaction of that look: a
 * scheduler that gets nothing done loses it to another one.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/spi.h"
#include "tables/lease.h"

/*
 * Takes or renews the lease, for a time.  false: another scheduler holds it.
 * Those only read, so that they wait for nobody's row.
 */
bool
mig_lease_take(const MigLeaseHolder *holder, int seconds)
{
	static MigSpiQuery held = {
		"SELECT FROM migrate.lease WHERE name = 'scheduler'"
		"   AND holder <> $1 AND expires > pg_catalog.clock_timestamp()"
		/* Nobody takes it for longer: a clock was wrong. */
		"   AND expires < pg_catalog.clock_timestamp()"
		"       + pg_catalog.make_interval(secs => 2 * $2)",
		2, {UUIDOID, FLOAT8OID}
	};
	static MigSpiQuery take = {
		"INSERT INTO migrate.lease AS l (name, holder, node, pid, expires)"
		" VALUES ('scheduler', $1, $2, $3, pg_catalog.clock_timestamp()"
		"         + pg_catalog.make_interval(secs => $4))"
		" ON CONFLICT (name) DO UPDATE SET holder = excluded.holder,"
		"   node = excluded.node, pid = excluded.pid,"
		"   expires = excluded.expires,"
		"   taken = CASE WHEN l.holder = excluded.holder"
		"           THEN l.taken ELSE excluded.taken END"
		"  WHERE l.holder = excluded.holder"
		"     OR l.expires <= pg_catalog.clock_timestamp()"
		"     OR l.expires >= pg_catalog.clock_timestamp()"
		"        + pg_catalog.make_interval(secs => 2 * $4)",
		4, {UUIDOID, TEXTOID, INT4OID, FLOAT8OID}
	};
	Datum		values[4];
	Datum		look[2];
	MigSpiScope scope;
	bool		taken = false;

	look[0] = UUIDPGetDatum(&holder->id);
	look[1] = Float8GetDatum(seconds);

	values[0] = UUIDPGetDatum(&holder->id);
	values[1] = CStringGetTextDatum(holder->node);
	values[2] = Int32GetDatum(holder->pid);
	values[3] = Float8GetDatum(seconds);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	if (mig_spi_old_execute(&held, look, NULL, MIG_SPI_READ_LATEST) == 0)
		taken = mig_spi_old_execute(&take, values, NULL, MIG_SPI_WRITE) == 1;
	mig_spi_end(&scope);
	return taken;
}

/*
 * Writes a row that means nothing, for who wants to know how long that takes.
 */
void
mig_lease_touch(void)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.lease AS l (name, holder, node, pid, expires)"
		" VALUES ('doctor', pg_catalog.gen_random_uuid(), '',"
		"  pg_catalog.pg_backend_pid(), pg_catalog.clock_timestamp())"
		" ON CONFLICT (name) DO UPDATE SET holder = excluded.holder,"
		"  pid = excluded.pid, expires = excluded.expires"
	};

	mig_spi_old_write(&query, NULL, NULL);
}
