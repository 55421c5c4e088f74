/*
 * run_lock.c
 *	  One runner per version table, one writer of the registry.
 *
 * A run also shares a lock on the bodies, whatever its version table.  Who
 * replaces or removes a revision needs that lock alone: otherwise a body could
 * change between the check of its author and its turn.
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

/* "MIGR" and "MIGB": tell our locks from the application's in pg_locks. */
#define LOCK_CLASS				0x4d494752
#define LOCK_CLASS_BODIES		0x4d494742

#define FIRST_POLL_DELAY		10	/* ms */
#define MAX_POLL_DELAY			250 /* ms: what a waiter may lose */

/* A lock, and what its holder is doing, for messages. */
typedef struct Lock
{
	int			class;
	Oid			relid;
	bool		shared;
	const char *name;
	const char *activity;
} Lock;

static void wait_for_lock(const Lock *lock);
static bool try_lock(const Lock *lock);
static char *describe_holder(const Lock *lock);

/*
 * Waits until no other session runs migrations on the version table, at most
 * migrate.lock_wait.  What was read before must be read again afterwards.
 */
void
mig_run_lock_version(const MigVersion *version)
{
	Lock		lock = {LOCK_CLASS, version->relid, false, version->name,
	"is running migrations on"};

	wait_for_lock(&lock);
}

/*
 * Waits until no other session changes the registry.
 */
void
mig_run_lock_registry(void)
{
	Lock		lock = {LOCK_CLASS, InvalidOid, false, NULL, "is changing"};

	lock.name = mig_tab_revision_table(&lock.relid);
	wait_for_lock(&lock);
}

/*
 * Keeps registered bodies as they are, or, exclusive, waits until nobody runs
 * them.
 */
void
mig_run_lock_bodies(bool exclusive)
{
	Lock		lock = {LOCK_CLASS_BODIES, InvalidOid, !exclusive, NULL,
	"is running or replacing revisions of"};

	lock.name = mig_tab_revision_table(&lock.relid);
	wait_for_lock(&lock);
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
wait_for_lock(const Lock *lock)
{
	TimestampTz start = GetCurrentTimestamp();
	int			delay = FIRST_POLL_DELAY;

	while (!try_lock(lock))
	{
		long		waited = TimestampDifferenceMilliseconds(start,
															 GetCurrentTimestamp());

		if (waited >= mig_guc_lock_wait)
		{
			char	   *holder = describe_holder(lock);

			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("could not lock \"%s\" within %d ms",
							lock->name, mig_guc_lock_wait),
					 holder != NULL ?
					 errdetail("%s holds the lock.", holder) : 0,
					 errhint("Wait for it to end, or raise migrate.lock_wait.")));
		}
		if (delay == FIRST_POLL_DELAY)
			ereport(NOTICE,
					(errmsg("waiting for another session that %s \"%s\"",
							lock->activity, lock->name)));
		mig_run_lock_sleep(Min(delay, mig_guc_lock_wait - waited));
		delay = Min(delay * 2, MAX_POLL_DELAY);
	}
}

static bool
try_lock(const Lock *lock)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN $3"
		"  THEN pg_catalog.pg_try_advisory_xact_lock_shared($1, $2)"
		"  ELSE pg_catalog.pg_try_advisory_xact_lock($1, $2) END",
		3, {INT4OID, INT4OID, BOOLOID}
	};
	Datum		values[3];
	MigSpiScope scope;
	bool		isnull;
	bool		locked;

	values[0] = Int32GetDatum(lock->class);
	values[1] = Int32GetDatum((int32) lock->relid);
	values[2] = BoolGetDatum(lock->shared);
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
describe_holder(const Lock *lock)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN l.pid IS NULL THEN"
		"         pg_catalog.format('The prepared transaction %L', p.gid)"
		"       ELSE pg_catalog.format('Process %s (role %I, application %L)',"
		"         l.pid, a.usename, a.application_name) END"
		"  FROM pg_catalog.pg_locks AS l"
		"  LEFT JOIN pg_catalog.pg_stat_activity AS a USING (pid)"
		"  LEFT JOIN pg_catalog.pg_prepared_xacts AS p"
		"    ON l.virtualtransaction = '-1/' || p.transaction::text"
		" WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2"
		"   AND l.database = (SELECT oid FROM pg_catalog.pg_database"
		"                      WHERE datname = pg_catalog.current_database())"
		"   AND l.classid = $1 AND l.objid = $2"
		"   AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()"
		" LIMIT 1",
		2, {OIDOID, OIDOID}
	};
	Datum		values[2];
	MigSpiScope scope;
	char	   *holder = NULL;

	values[0] = ObjectIdGetDatum(lock->class);
	values[1] = ObjectIdGetDatum(lock->relid);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	if (mig_spi_execute(&query, values, NULL, MIG_SPI_READ_LATEST) > 0)
		holder = mig_spi_text(&scope, 0, 1);
	mig_spi_end(&scope);
	return holder;
}
