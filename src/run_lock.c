/*
 * run_lock.c
 *	  One runner per version table, one writer of the registry.
 *
 * Advisory locks, taken by SQL, because that works on every server we know;
 * transaction level, so that they end with the caller's transaction however
 * it ends.  The first key is ours, the second the OID of the table.  Whoever
 * waits polls: a blocking wait would hide migrate.lock_wait behind
 * lock_timeout and could deadlock with an index built concurrently.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "guc.h"
#include "run_lock.h"
#include "spi.h"
#include "tab_revision.h"

/* "MIGR": tells our locks from the application's own in pg_locks. */
#define LOCK_CLASS				0x4d494752

#define FIRST_POLL_DELAY		10	/* ms */
#define MAX_POLL_DELAY			250 /* ms: what a waiter may lose */

static void wait_for_lock(Oid relid, const char *name, const char *activity);
static bool try_lock(Oid relid);
static char *describe_holder(Oid relid);

/*
 * Waits until no other session runs migrations on the version table, at most
 * migrate.lock_wait.  What was read before must be read again afterwards.
 */
void
mig_run_lock_version(const MigVersion *version)
{
	wait_for_lock(version->relid, version->name, "is running migrations on");
}

/*
 * Waits until no other session changes the registry.
 */
void
mig_run_lock_registry(void)
{
	Oid			relid;
	const char *name = mig_tab_revision_table(&relid);

	wait_for_lock(relid, name, "is changing");
}

/*
 * Sleeps; an interrupt ends it with its error.
 */
void
mig_run_lock_sleep(int milliseconds)
{
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												  milliseconds);

	for (;;)
	{
		long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
														   end);

		CHECK_FOR_INTERRUPTS();
		if (left <= 0)
			break;
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 left, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

static void
wait_for_lock(Oid relid, const char *name, const char *activity)
{
	TimestampTz start = GetCurrentTimestamp();
	int			delay = FIRST_POLL_DELAY;

	while (!try_lock(relid))
	{
		long		waited = TimestampDifferenceMilliseconds(start,
															 GetCurrentTimestamp());

		if (waited >= mig_guc_lock_wait)
		{
			char	   *holder = describe_holder(relid);

			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("could not lock \"%s\" within %d ms",
							name, mig_guc_lock_wait),
					 holder != NULL ?
					 errdetail("%s %s it.", holder, activity) : 0,
					 errhint("Wait for it to end, or raise migrate.lock_wait.")));
		}
		if (delay == FIRST_POLL_DELAY)
			ereport(NOTICE,
					(errmsg("waiting for another session that %s \"%s\"",
							activity, name)));
		mig_run_lock_sleep(Min(delay, mig_guc_lock_wait - waited));
		delay = Min(delay * 2, MAX_POLL_DELAY);
	}
}

static bool
try_lock(Oid relid)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.pg_try_advisory_xact_lock($1, $2)",
		2, {INT4OID, INT4OID}
	};
	Datum		values[2];
	MigSpiScope scope;
	bool		isnull;
	bool		locked;

	values[0] = Int32GetDatum(LOCK_CLASS);
	values[1] = Int32GetDatum((int32) relid);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	mig_spi_execute(&query, values, NULL, MIG_SPI_WRITE);
	locked = DatumGetBool(mig_spi_value(0, 1, &isnull));
	mig_spi_end(&scope);
	return locked;
}

/*
 * "Process 123 (role app, application psql)", or NULL when it just ended.
 */
static char *
describe_holder(Oid relid)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.format('Process %s (role %s, application %s)', l.pid,"
		"         pg_catalog.quote_ident(a.usename),"
		"         pg_catalog.quote_literal(a.application_name))"
		"  FROM pg_catalog.pg_locks AS l"
		"  LEFT JOIN pg_catalog.pg_stat_activity AS a USING (pid)"
		" WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2"
		"   AND l.database = (SELECT oid FROM pg_catalog.pg_database"
		"                      WHERE datname = pg_catalog.current_database())"
		"   AND l.classid = $1 AND l.objid = $2"
		" LIMIT 1",
		2, {OIDOID, OIDOID}
	};
	Datum		values[2];
	MigSpiScope scope;
	char	   *holder = NULL;

	values[0] = ObjectIdGetDatum(LOCK_CLASS);
	values[1] = ObjectIdGetDatum(relid);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	if (mig_spi_execute(&query, values, NULL, MIG_SPI_READ_LATEST) > 0)
		holder = mig_spi_text(&scope, 0, 1);
	mig_spi_end(&scope);
	return holder;
}
