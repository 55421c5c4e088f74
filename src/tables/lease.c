/*
 * lease.c
 *	  migrate.lease: which node's scheduler works.
 *
 * A distributed server starts our scheduler on every node.  Each could do the
 * work, because jobs are claimed; the lease keeps them from doing it all at
 * once.  Its holder renews it with each scan, in the transaction of that scan:
 * a scheduler that gets nothing done loses it to another one.
 */
#include "postgres.h"

#include "base/spi.h"
#include "tables/lease.h"

/*
 * Takes or renews the lease for a time.  false: another scheduler holds it.
 * A scheduler that does not get it has only read, so it waits for no row lock.
 */
bool
mig_lease_take(const MigLeaseHolder *holder, int seconds)
{
	static MigSpiQuery held = {
		"SELECT FROM migrate.lease WHERE name = 'scheduler'"
		"   AND holder <> $1 AND expires > pg_catalog.clock_timestamp()"
		/* No scheduler takes it for longer: a clock was wrong. */
		"   AND expires < pg_catalog.clock_timestamp()"
		"       + pg_catalog.make_interval(secs => 2 * $2)"
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
		"        + pg_catalog.make_interval(secs => 2 * $4)"
	};
	MigSpiArgs	held_args = {0};
	MigSpiArgs	take_args = {0};
	MigSpiScope scope;
	bool		taken = false;

	mig_spi_arg_uuid(&held_args, &holder->id);
	mig_spi_arg_float8(&held_args, seconds);
	mig_spi_arg_uuid(&take_args, &holder->id);
	mig_spi_arg_text(&take_args, holder->node);
	mig_spi_arg_int32(&take_args, holder->pid);
	mig_spi_arg_float8(&take_args, seconds);

	mig_spi_begin(&scope, MIG_SPI_OWNER);
	if (mig_spi_execute(&scope, &held, &held_args, MIG_SPI_READ_LATEST) == 0)
		taken = mig_spi_execute(&scope, &take, &take_args, MIG_SPI_WRITE) == 1;
	mig_spi_end(&scope);
	return taken;
}

/*
 * Writes a row that means nothing, so that the time of its commit can be
 * measured.
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

	mig_spi_write(&query, NULL);
}
