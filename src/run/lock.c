/*
 * lock.c
 *	  One runner per version table, one writer of the registry.
 *
 * A run also shares a lock on the bodies, whatever its version table.  Who
 * replaces or removes a revision needs that lock alone: otherwise a body could
 * change between the check of its author and its turn.
 *
 * Advisory locks, taken by SQL, because that works on every server we know.
 * The first key is ours, the second the OID of the table.  A run inside the
 * caller's transaction takes them at transaction level: they end with it,
 * however it ends.  One that commits takes them at session level and gives
 * them back at its end; the server does if the process dies.
 *
 * Whoever waits polls: a blocking wait would hide migrate.lock_wait behind
 * lock_timeout, and deadlock with an index built concurrently by the holder,
 * which waits for the snapshot of everybody who waits.  In the committing
 * doors a poll is a transaction of its own, so that no snapshot is held.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/guc.h"
#include "base/server.h"
#include "base/spi.h"
#include "base/xact.h"
#include "run/lock.h"
#include "tables/job.h"
#include "tables/revision.h"

/* "MIGR" and "MIGB": tell our locks from the application's in pg_locks. */
#define LOCK_CLASS				0x4d494752
#define LOCK_CLASS_BODIES		0x4d494742

#define FIRST_POLL_DELAY		10	/* ms */
#define MAX_POLL_DELAY			250 /* ms: what a waiter may lose */

#define BODIES_ACTIVITY			"is running or replacing revisions of"

/* A lock, and what its holder is doing, for messages. */
typedef struct Lock
{
	int			class;
	uint32		key;
	bool		shared;
	bool		session;
	bool		of_job;			/* kept until the worker has noted the end */
	const char *name;
	const char *activity;
} Lock;

/* Somebody who waits for a lock. */
typedef struct Waiter
{
	const Lock *lock;
	TimestampTz since;
	long		waited;			/* ms */
	bool		said;
	bool		locked;
} Waiter;

/*
 * How often what holds a lock tries to give it back.  Each rollback in between
 * gives memory back, so that it has to be gone for good to keep the lock.
 */
#define UNLOCK_ATTEMPTS			3

/*
 * What the session holds, in the order in which it was taken: a worker's
 * first, then a run's.
 */
#define MAX_HELD				5
static Lock held[MAX_HELD];
static int	nheld = 0;

static void wait_for_lock(const Lock *lock);
static void take_for_session(Waiter *waiter, MigWork work);
static ErrorData *uninterrupted(MigWork work, void *arg);
static void poll(void *arg);
static void try_once(void *arg);
static int	of_job(void);
static void release(int nkept);
static ErrorData *give_back(int nkept);
static void unlock_work(void *arg);
static bool try_lock(const Lock *lock);
static char *describe_holder(const Lock *lock);

/*
 * Waits until no other session runs migrations on the version table, at most
 * migrate.lock_wait, and keeps registered bodies as they are.  What was read
 * before must be read again afterwards.
 */
void
mig_run_lock(const MigVersion *version, Oid registry, bool session)
{
	Lock		runs = {LOCK_CLASS, version->relid, false, session,
	false, version->name, "is running migrations on"};
	Lock		bodies = {LOCK_CLASS_BODIES, registry, true, session,
	false, mig_revision_name, BODIES_ACTIVITY};

	/* What an earlier run of this session could not. */
	if (session)
	{
		ErrorData  *error = give_back(of_job());

		if (error != NULL)
			ReThrowError(error);
	}
	wait_for_lock(&runs);
	wait_for_lock(&bodies);
}

/*
 * Waits until no other session changes the registry.
 */
void
mig_run_lock_registry(void)
{
	Lock		lock = {LOCK_CLASS, mig_revision_relid(), false, false,
	false, mig_revision_name, "is changing"};

	wait_for_lock(&lock);
}

/*
 * Waits until nobody runs registered bodies.
 */
void
mig_run_lock_bodies(void)
{
	Lock		lock = {LOCK_CLASS_BODIES, mig_revision_relid(), false,
	false, false, mig_revision_name, BODIES_ACTIVITY};

	wait_for_lock(&lock);
}

/*
 * Takes one of a worker's locks for the session, if it is free.
 */
bool
mig_run_lock_job(int class, uint32 key)
{
	Lock		lock = {class, key, false, true, true, "queue of jobs",
	"is working on the"};
	Waiter		waiter = {&lock, 0, 0, false, false};

	take_for_session(&waiter, try_once);
	return waiter.locked;
}

/*
 * Takes what a run holds for the transaction, too: a body can give back the
 * locks of its session, but not those.  Raises an error if one has, and
 * somebody else was faster.  To be called in brackets whose failure ends the
 * transaction.
 */
void
mig_run_lock_confirm(void)
{
	for (int i = 0; i < nheld; i++)
	{
		Lock		lock = held[i];

		lock.session = false;
		/* Of a worker's, the one that says it is at work. */
		if (lock.of_job && lock.class != MIG_JOB_LOCK)
			continue;
		if (!try_lock(&lock))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("lock on \"%s\" was lost during this run",
							lock.name),
					 errdetail("A body has released the advisory locks of its session, and another session took it."),
					 errhint("Run the command again.")));
	}
}

/*
 * Gives back what a run holds.
 */
void
mig_run_lock_release(void)
{
	release(of_job());
}

/*
 * How many of the locks are a worker's.
 */
static int
of_job(void)
{
	int			n = 0;

	while (n < nheld && held[n].of_job)
		n++;
	return n;
}

/*
 * Gives back a worker's locks.
 */
void
mig_run_lock_release_job(void)
{
	release(0);
}

/*
 * Takes all of it again, after a statement that lets go of everything the
 * session holds.
 */
void
mig_run_lock_retake(void)
{
	Lock		lost[lengthof(held)];
	int			nlost = nheld;

	memcpy(lost, held, sizeof(held));
	nheld = 0;
	for (int i = 0; i < nlost; i++)
		wait_for_lock(&lost[i]);
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
	Waiter		waiter = {lock, GetCurrentTimestamp(), 0, false, false};
	int			delay = FIRST_POLL_DELAY;

	mig_server_check_locks();
	for (;;)
	{
		if (lock->session)
			take_for_session(&waiter, poll);
		else
			poll(&waiter);
		if (waiter.locked)
			return;
		mig_run_lock_sleep(Min(delay, mig_guc_lock_wait - waiter.waited));
		delay = Min(delay * 2, MAX_POLL_DELAY);
	}
}

/*
 * Between the lock and the note that it is held comes nothing.
 */
static void
take_for_session(Waiter *waiter, MigWork work)
{
	ErrorData  *error = uninterrupted(work, waiter);

	if (waiter->locked)
	{
		Assert(nheld < MAX_HELD);
		held[nheld++] = *waiter->lock;
	}
	if (error != NULL)
		ReThrowError(error);
	mig_xact_renew();
}

/*
 * A bracket for what takes or gives back a lock of the session, which no
 * rollback undoes.  It must not wait.  An error has let go of the interrupts.
 */
static ErrorData *
uninterrupted(MigWork work, void *arg)
{
	ErrorData  *error;

	HOLD_INTERRUPTS();
	error = mig_subxact(work, arg);
	if (error == NULL)
		RESUME_INTERRUPTS();
	return error;
}

/*
 * Tries once; raises an error when the time is over.
 */
static void
poll(void *arg)
{
	Waiter	   *waiter = arg;
	const Lock *lock = waiter->lock;

	waiter->locked = try_lock(lock);
	if (waiter->locked)
		return;

	waiter->waited = TimestampDifferenceMilliseconds(waiter->since,
													 GetCurrentTimestamp());
	if (waiter->waited >= mig_guc_lock_wait)
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
	if (!waiter->said)
		ereport(NOTICE,
				(errmsg("waiting for another session that %s \"%s\"",
						lock->activity, lock->name)));
	waiter->said = true;
}

static void
try_once(void *arg)
{
	Waiter	   *waiter = arg;

	waiter->locked = try_lock(waiter->lock);
}

/*
 * Gives back all but the first locks.  Nothing may keep it from that, or the
 * next run would wait for a session that has long gone on to something else.
 */
static void
release(int nkept)
{
	ErrorData  *error = give_back(nkept);

	if (error != NULL)
		ereport(WARNING,
				(errcode(error->sqlerrcode),
				 errmsg("could not give back the lock of this run: %s",
						error->message),
				 errhint("Close the session, or run migrations in it again.")));
}

/*
 * The same; says if it could not.  What is left stays noted.
 */
static ErrorData *
give_back(int nkept)
{
	for (int attempt = 1; nheld > nkept; attempt++)
	{
		ErrorData  *error = uninterrupted(unlock_work, &nkept);

		if (error == NULL)
		{
			mig_xact_renew();
			break;
		}
		mig_xact_abort();
		if (attempt == UNLOCK_ATTEMPTS)
			return error;
	}
	return NULL;
}

static void
unlock_work(void *arg)
{
	int		   *nkept = arg;
	static MigSpiQuery query = {
		"SELECT CASE WHEN $3"
		"  THEN pg_catalog.pg_advisory_unlock_shared($1, $2)"
		"  ELSE pg_catalog.pg_advisory_unlock($1, $2) END"
	};
	MigSpiScope scope;

	mig_spi_begin(&scope, MIG_SPI_OWNER);
	while (nheld > *nkept)
	{
		const Lock *lock = &held[nheld - 1];
		MigSpiArgs	args = {0};

		mig_spi_arg_int32(&args, lock->class);
		mig_spi_arg_int32(&args, (int32) lock->key);
		mig_spi_arg_bool(&args, lock->shared);
		mig_spi_execute(&query, &args, MIG_SPI_WRITE);
		/* No rollback takes it again. */
		nheld--;
	}
	mig_spi_end(&scope);
}

static bool
try_lock(const Lock *lock)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN $3 AND $4"
		"  THEN pg_catalog.pg_try_advisory_lock_shared($1, $2)"
		" WHEN $4"
		"  THEN pg_catalog.pg_try_advisory_lock($1, $2)"
		" WHEN $3"
		"  THEN pg_catalog.pg_try_advisory_xact_lock_shared($1, $2)"
		" ELSE pg_catalog.pg_try_advisory_xact_lock($1, $2) END"
	};
	MigSpiArgs	args = {0};
	Datum		locked;

	mig_spi_arg_int32(&args, lock->class);
	mig_spi_arg_int32(&args, (int32) lock->key);
	mig_spi_arg_bool(&args, lock->shared);
	mig_spi_arg_bool(&args, lock->session);
	return mig_spi_first_datum(&query, &args, MIG_SPI_OWNER, MIG_SPI_WRITE,
							   &locked) && DatumGetBool(locked);
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
		" LIMIT 1"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, lock->class);
	mig_spi_arg_oid(&args, lock->key);
	return mig_spi_first(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}
