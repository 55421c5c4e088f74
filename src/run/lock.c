/*
 * lock.c
 *	  Advisory locks: one run per version table, one writer of the registry.
 *
 * A run also shares a lock on the bodies, whatever its version table.  What
 * replaces or removes a revision needs that lock alone: otherwise a body could
 * change between the check of its author and its execution.
 *
 * The locks are taken by the functions that SQL calls, because those lock on
 * every server we know.  The first key is ours, the second the OID of the
 * table.  A run inside the caller's transaction takes them at transaction
 * level: they end with it, however it ends.  One that commits takes them at
 * session level and releases them at its end; the server does if the process
 * dies.
 *
 * Where a lock is a row of a distributed table the attempt to take it can fail
 * like any other statement, with a conflict or a deadlock that there is not
 * (YugabyteDB; issues 26122, 27053): it is repeated like one.
 *
 * A waiting run polls: a blocking wait would hide migrate.lock_wait behind
 * lock_timeout, and deadlock with an index built concurrently by the holder,
 * which waits for the snapshot of every session that waits.  A run that commits
 * holds no snapshot while it polls.  A function cannot give its snapshot back,
 * so it does not wait for a holder that waits for it.
 */
#include "postgres.h"

#include "catalog/objectaccess.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/backend_status.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"

#include "base/clock.h"
#include "base/command.h"
#include "base/guc.h"
#include "base/printable.h"
#include "base/server.h"
#include "base/spi.h"
#include "run/run_internal.h"
#include "tables/job.h"
#include "tables/revision.h"

/* In SQL: whether a row l of pg_locks is the lock ($1, $2) of another session. */
#define HELD_BY_OTHERS \
	"l.locktype = 'advisory' AND l.granted AND l.objsubid = 2" \
	" AND l.database = (SELECT oid FROM pg_catalog.pg_database" \
	"                    WHERE datname = pg_catalog.current_database())" \
	" AND l.classid = $1 AND l.objid = $2" \
	" AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()"

#define FIRST_POLL_DELAY		10	/* ms */
#define MAX_POLL_DELAY			250 /* ms: what a waiting run may lose */
#define LOOK_INTERVAL			1000	/* ms between two looks for who has
										 * the lock */

#define UNLOCK_ATTEMPTS			3	/* to release what the session holds */

/* What a lock is for. */
typedef enum LockPurpose
{
	PURPOSE_RUN,				/* runs on a version table */
	PURPOSE_REGISTRY,			/* changes of the registry */
	PURPOSE_BODIES,				/* bodies that stay as they are */
	PURPOSE_JOB					/* a worker's */
} LockPurpose;

/* A lock, and of what, for messages. */
typedef struct Lock
{
	LockPurpose purpose;
	int			class;
	uint32		key;
	bool		shared;
	bool		session;
	bool		of_job;			/* kept until the worker has noted the end */
	const char *name;
	const char *procedure;		/* the call that does the same, or NULL */
} Lock;

/* An attempt to take a lock. */
typedef struct Attempt
{
	const Lock *lock;
	bool		locked;
} Attempt;

/*
 * What the session holds, in the order in which it was taken: a worker's
 * first, then a run's.
 */
#define MAX_HELD				5
static Lock held[MAX_HELD];
static int	nheld = 0;

/* A holder of a lock that waits, or will, for this transaction. */
typedef struct Waiter
{
	char	   *who;
	int			pid;
	char	   *statement;		/* that waits for snapshots, or NULL */
} Waiter;

/* What has a lock that is waited for. */
typedef struct Holder
{
	MigBlockers named;			/* nothing in it: none is left */
	char	   *prepared;		/* the literal of a prepared transaction, or
								 * NULL */
	bool		active;			/* its session runs a statement */
} Holder;

/* A lock that was waited for in vain. */
typedef struct Refusal
{
	const Lock *lock;
	Holder		holder;
} Refusal;

static Lock bodies_lock(Oid registry, bool shared, bool session);
static void wait_for_lock(const Lock *lock);
static void say_waiting(const Lock *lock, const Holder *holder);
static bool try_lock(const Lock *lock);
static void take(void *arg);
static void give_back_once(void *arg);
static bool call_lock(const Lock *lock, bool session);
static void refuse_to_hold_up(const Lock *lock);
static void read_waiter(const MigSpiRow *row, void *result);
static void call_unlock(const Lock *lock);
static void refuse_wait(void *arg);
static char *advise_wait(const Lock *lock, const Holder *holder);
static int	count_of_job(void);
static void release(int nkept);
static ErrorData *give_back(int nkept);
static void unlock(void *arg);
static void find_holder(const Lock *lock, Holder *holder);
static void read_holder(const MigSpiRow *row, void *result);

/*
 * Waits until no other session runs migrations on the version table, at most
 * migrate.lock_wait, and keeps registered bodies as they are.  What was read
 * before must be read again afterwards.
 */
void
mig_lock_run(const MigRun *run)
{
	Lock		runs = {PURPOSE_RUN, MIG_LOCK_CLASS, run->version->relid, false,
	run->commits, false, mig_printable(run->version->name), NULL};
	Lock		bodies = bodies_lock(run->registry, true, run->commits);

	/* What an earlier run of this session could not release. */
	if (run->commits)
	{
		ErrorData  *error = give_back(count_of_job());

		if (error != NULL)
			ReThrowError(error);
	}
	/* A procedure holds nothing up. */
	else if (run->request != NULL && run->request->command != MIG_COMMAND_STAMP)
		runs.procedure = bodies.procedure =
			mig_advice_procedure_call(run);
	mig_server_check_locks();
	wait_for_lock(&runs);
	wait_for_lock(&bodies);
}

/*
 * Waits until no other session changes the registry.
 */
void
mig_lock_registry(void)
{
	Lock		lock = {PURPOSE_REGISTRY, MIG_LOCK_CLASS, mig_revision_relid(), false,
	false, false, mig_revision_name, NULL};

	mig_server_check_locks();
	wait_for_lock(&lock);
}

/*
 * Waits until no other session runs registered bodies.
 */
void
mig_lock_bodies(void)
{
	Lock		lock = bodies_lock(mig_revision_relid(), false, false);

	mig_server_check_locks();
	wait_for_lock(&lock);
}

static Lock
bodies_lock(Oid registry, bool shared, bool session)
{
	Lock		lock = {PURPOSE_BODIES, MIG_LOCK_CLASS_BODIES, registry, shared, session,
	false, mig_revision_name, NULL};

	return lock;
}

/*
 * Takes one of a worker's locks for the session, if it is free.
 */
bool
mig_lock_job(int class, uint32 key)
{
	Lock		lock = {PURPOSE_JOB, class, key, false, true, true, "queue of jobs",
	NULL};

	return try_lock(&lock);
}

/*
 * Takes what a run holds for the transaction, too: a body can release the
 * locks of its session, but not those.  Raises an error if one has, and another
 * session was faster.  The failure has to end the transaction.
 */
void
mig_lock_transaction(void)
{
	for (int i = 0; i < nheld; i++)
	{
		/* Of a worker's, the one that says that the job is running. */
		if (held[i].of_job && held[i].class != MIG_JOB_LOCK)
			continue;
		if (!call_lock(&held[i], false))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("lock on \"%s\" was lost during this run",
							held[i].name),
					 errdetail("A body has released the advisory locks of its session, and another session took it."),
					 errhint("Run the command again.")));
	}
}

/*
 * Releases what a run holds.
 */
void
mig_lock_release(void)
{
	release(count_of_job());
}

/*
 * Releases a worker's locks.
 */
void
mig_lock_release_job(void)
{
	release(0);
}

/*
 * Takes all of it again, after a statement that releases everything the
 * session holds.
 */
void
mig_lock_retake(void)
{
	Lock		lost[lengthof(held)];
	int			nlost = nheld;

	memcpy(lost, held, sizeof(held));
	nheld = 0;
	for (int i = 0; i < nlost; i++)
		wait_for_lock(&lost[i]);
}

/*
 * Tries until it has the lock; raises an error when the time is over.
 */
static void
wait_for_lock(const Lock *lock)
{
	int64		since = 0;
	int64		looked_at = 0;
	int			delay = FIRST_POLL_DELAY;
	Refusal		refusal = {lock};

	for (bool first = true; !try_lock(lock); first = false)
	{
		int64		waited;

		if (first)
			since = mig_clock_ms();
		waited = mig_clock_ms() - since;
		if (!lock->session)
			refuse_to_hold_up(lock);
		if (first || waited >= mig_guc_lock_wait ||
			mig_clock_ms() - looked_at >= LOOK_INTERVAL)
		{
			find_holder(lock, &refusal.holder);
			mig_progress_wait(since, &refusal.holder.named);
			looked_at = mig_clock_ms();
		}
		if (waited >= mig_guc_lock_wait)
			ReThrowError(mig_subxact(refuse_wait, &refusal));
		if (first)
			say_waiting(lock, &refusal.holder);
		mig_clock_sleep((int) Min(delay, mig_guc_lock_wait - waited));
		delay = Min(delay * 2, MAX_POLL_DELAY);

		/* It must not look like a transaction that is open for long. */
		if (lock->session)
			mig_xact_renew();
	}
	if (since != 0)
		mig_progress_end_wait();
}

static void
say_waiting(const Lock *lock, const Holder *holder)
{
	ereport(NOTICE,
			(lock->purpose == PURPOSE_RUN ?
			 errmsg("waiting for another session that runs migrations on \"%s\"",
					lock->name) :
			 lock->purpose == PURPOSE_REGISTRY ?
			 errmsg("waiting for another session that changes \"%s\"",
					lock->name) :
			 lock->purpose == PURPOSE_BODIES ?
			 errmsg("waiting for another session that runs or replaces revisions of \"%s\"",
					lock->name) :
			 errmsg("waiting for another session that works on the %s",
					lock->name),
			 holder->named.who != NULL ?
			 errdetail("Blocked by %s.", holder->named.who) : 0));
}

/*
 * Takes a lock if it is free, in as many attempts as it needs to find that out.
 */
static bool
try_lock(const Lock *lock)
{
	Attempt		attempt = {lock, false};
	ErrorData  *error;

	for (int n = 1; (error = mig_subxact(take, &attempt)) != NULL; n++)
	{
		if (lock->session)
		{
			mig_xact_abort();
			if (mig_retry_outcome_unknown(error))
				mig_xact(give_back_once, unconstify(Lock *, lock), 0);
		}
		/* For a function the rolled back subtransaction may be enough. */
		if (!mig_retry_work(lock->session ? MIG_VIA_PROCEDURE :
							MIG_VIA_FUNCTION, n, error,
							"lock on the version table or the registry"))
			ReThrowError(error);
		if (lock->session)
			mig_xact_renew();
	}
	return attempt.locked;
}

/*
 * Nothing comes between a lock of the session, which no rollback releases, and
 * the note that it is held.
 */
static void
take(void *arg)
{
	Attempt    *attempt = arg;
	const Lock *lock = attempt->lock;

	HOLD_INTERRUPTS();
	attempt->locked = call_lock(lock, lock->session);
	if (attempt->locked && lock->session)
	{
		Assert(nheld < MAX_HELD);
		held[nheld++] = *lock;
	}
	RESUME_INTERRUPTS();
}

/*
 * After an error that leaves unknown whether a lock of the session was taken:
 * the next attempt would take it a second time, and one release would not be
 * enough.  That it was not taken is no reason for the server's warning.
 */
static void
give_back_once(void *arg)
{
	const Lock *lock = arg;
	int			nest_level = NewGUCNestLevel();

	(void) set_config_option("client_min_messages", "error", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	call_unlock(lock);
	AtEOXact_GUC(false, nest_level);
}

static bool
call_lock(const Lock *lock, bool session)
{
	PGFunction	function;
	Oid			oid;

	if (session)
	{
		function = lock->shared ? pg_try_advisory_lock_shared_int4 :
			pg_try_advisory_lock_int4;
		oid = lock->shared ? F_PG_TRY_ADVISORY_LOCK_SHARED_INT4_INT4 :
			F_PG_TRY_ADVISORY_LOCK_INT4_INT4;
	}
	else
	{
		function = lock->shared ? pg_try_advisory_xact_lock_shared_int4 :
			pg_try_advisory_xact_lock_int4;
		oid = lock->shared ? F_PG_TRY_ADVISORY_XACT_LOCK_SHARED_INT4_INT4 :
			F_PG_TRY_ADVISORY_XACT_LOCK_INT4_INT4;
	}

	/* As the executor does, for modules that watch which functions run. */
	InvokeFunctionExecuteHook(oid);
	return DatumGetBool(DirectFunctionCall2(function,
											Int32GetDatum(lock->class),
											Int32GetDatum((int32) lock->key)));
}

static void
call_unlock(const Lock *lock)
{
	(void) DirectFunctionCall2(lock->shared ? pg_advisory_unlock_shared_int4 :
							   pg_advisory_unlock_int4,
							   Int32GetDatum(lock->class),
							   Int32GetDatum((int32) lock->key));
}

/*
 * Inside the caller's transaction, which keeps its snapshot and its locks while
 * this function waits: raises an error if that would hold up the holder.  An
 * index that is built concurrently waits for every snapshot, so the two would
 * wait for each other, and the server cannot know.
 */
static void
refuse_to_hold_up(const Lock *lock)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.format('Process %s (role %I, application %L)',"
		"         l.pid, a.usename, a.application_name), l.pid, b.command"
		"  FROM pg_catalog.pg_locks AS l"
		"  JOIN pg_catalog.pg_stat_activity AS a USING (pid)"
		"  LEFT JOIN pg_catalog.pg_stat_progress_create_index AS b"
		"    ON b.pid = l.pid AND b.command LIKE '% CONCURRENTLY'"
		" WHERE " HELD_BY_OTHERS
		"   AND (b.pid IS NOT NULL OR pg_catalog.pg_backend_pid()"
		"        = ANY (pg_catalog.pg_blocking_pids(l.pid)))"
		" LIMIT 1"
	};
	MigSpiArgs	args = {0};
	Waiter		waiter = {0};

	/* It is kept for as long as the transaction. */
	pgstat_clear_backend_activity_snapshot();
	mig_spi_arg_oid(&args, lock->class);
	mig_spi_arg_oid(&args, lock->key);
	if (!mig_spi_row(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
					 read_waiter, &waiter))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("could not lock \"%s\" because its holder waits for this transaction",
					lock->name),
			 waiter.statement != NULL ?
			 errdetail("%s holds the lock, and its %s waits until all older transactions have ended. Nothing was run.",
					   waiter.who, waiter.statement) :
			 errdetail("%s holds the lock, and waits for a lock of this transaction. Nothing was run.",
					   waiter.who),
			 lock->procedure != NULL ?
			 errhint("Try again when process %d has ended its run.\nThe procedure holds nothing while it waits: %s",
					 waiter.pid, lock->procedure) :
			 errhint("End this transaction and try again when process %d has ended its run. A function cannot wait for it, only CALL migrate_deploy(...) and CALL migrate_revert(...) can.",
					 waiter.pid)));
}

static void
read_waiter(const MigSpiRow *row, void *result)
{
	Waiter	   *waiter = result;

	waiter->who = mig_printable(mig_spi_row_text(row, 1));
	waiter->pid = mig_spi_row_int32(row, 2);
	waiter->statement = mig_spi_row_text(row, 3);
}

/*
 * Raises the error that the time is over; in a subtransaction, because it asks
 * by SQL for the holder.
 */
static void
refuse_wait(void *arg)
{
	const Refusal *refusal = arg;
	const Holder *holder = &refusal->holder;

	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("could not lock \"%s\" within %d ms",
					refusal->lock->name, mig_guc_lock_wait),
			 holder->named.who != NULL ?
			 errdetail("Blocked by %s.", holder->named.who) : 0,
			 errhint("%s", advise_wait(refusal->lock, holder))));
}

/*
 * What can be done about the holder.  A run that is running needs no more than a
 * cancel, which leaves it time to say how far it has come.
 */
static char *
advise_wait(const Lock *lock, const Holder *holder)
{
	const MigBlockers *named = &holder->named;
	StringInfoData buf;
	int64		job;

	if (holder->prepared != NULL)
		return psprintf("To keep what it has done: COMMIT PREPARED %1$s;\nTo undo it: ROLLBACK PREPARED %1$s;",
						holder->prepared);
	initStringInfo(&buf);
	appendStringInfoString(&buf, "Wait for it to end, or raise migrate.lock_wait.");
	if (named->who == NULL)
		return buf.data;
	job = named->npids == 1 ? mig_job_row_running(named->pids[0]) : 0;
	if (job == 0 && !holder->active)
	{
		appendStringInfo(&buf, "\n%s", mig_blocker_advise(named));
		return buf.data;
	}
	if (job != 0)
		appendStringInfo(&buf, "\nTo stop it: SELECT migrate_cancel(" INT64_FORMAT ");",
						 job);
	else
		appendStringInfo(&buf, "\nTo stop it%s%s: SELECT pg_cancel_backend(%d);",
						 named->rights != NULL ? ", " : "",
						 named->rights != NULL ? named->rights : "",
						 named->pids[0]);
	if (lock->purpose == PURPOSE_RUN)
		appendStringInfoString(&buf, "\nA run that is stopped leaves the revisions that it has committed, and at most one of them partial: migrate.status shows it.");
	return buf.data;
}

/*
 * How many of the locks are a worker's.
 */
static int
count_of_job(void)
{
	int			n = 0;

	while (n < nheld && held[n].of_job)
		n++;
	return n;
}

/*
 * Releases all but the first locks.  Nothing may keep it from that, or the next
 * run would wait for a session that does something else by now.
 */
static void
release(int nkept)
{
	ErrorData  *error = give_back(nkept);

	if (error == NULL)
		return;
	/* A cancel must not keep the caller from cleaning up. */
	HOLD_INTERRUPTS();
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("could not release the lock on \"%s\": %s",
					held[nheld - 1].name, error->message),
			 errhint("Close the session, or run migrations in it again.")));
	RESUME_INTERRUPTS();
}

/*
 * The same; returns the error if it could not.  What is left stays noted.
 */
static ErrorData *
give_back(int nkept)
{
	ErrorData  *error = NULL;

	for (int attempt = 1; nheld > nkept && attempt <= UNLOCK_ATTEMPTS; attempt++)
	{
		error = mig_subxact(unlock, &nkept);
		if (error != NULL)
			mig_xact_abort();
	}
	return nheld > nkept ? error : NULL;
}

static void
unlock(void *arg)
{
	int			nkept = *(int *) arg;

	HOLD_INTERRUPTS();
	while (nheld > nkept)
	{
		call_unlock(&held[nheld - 1]);
		/* No rollback takes it again. */
		nheld--;
	}
	RESUME_INTERRUPTS();
}

/*
 * Who holds it, in the current memory context.
 */
static void
find_holder(const Lock *lock, Holder *holder)
{
	static MigSpiQuery query = {
		"SELECT " MIG_BLOCKER_COLUMNS("h", "$3") ","
		"       pg_catalog.array_agg(COALESCE(h.pid, 0)::text),"
		"       pg_catalog.min(CASE WHEN h.pid IS NULL"
		"        THEN pg_catalog.quote_literal(h.gid) END),"
		"       COALESCE(pg_catalog.bool_or(h.state = 'active'), false)"
		"  FROM (SELECT l.pid, l.pid AS number, p.gid, p.owner, a.usesysid,"
		"         a.usename, a.application_name, a.state, a.state_change,"
		"         l.pid IS NOT NULL AND " MIG_BLOCKER_VISIBLE("a", "$3") " AS visible,"
		"         'which holds the lock' AS what"
		"          FROM pg_catalog.pg_locks AS l"
		"          LEFT JOIN pg_catalog.pg_stat_activity AS a USING (pid)"
		MIG_LOCK_PREPARED_HOLDER
		"         WHERE " HELD_BY_OTHERS
		"         LIMIT 1) AS h"
	};
	MigSpiArgs	args = {0};

	memset(holder, 0, sizeof(*holder));
	/* It is kept for as long as the transaction. */
	pgstat_clear_backend_activity_snapshot();
	mig_spi_arg_oid(&args, lock->class);
	mig_spi_arg_oid(&args, lock->key);
	mig_spi_arg_oid(&args, GetUserId());
	(void) mig_spi_row(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
					   read_holder, holder);
}

static void
read_holder(const MigSpiRow *row, void *result)
{
	Holder	   *holder = result;

	mig_blocker_read(row, 1, &holder->named);
	holder->prepared = mig_printable(mig_spi_row_text(row, 6));
	holder->active = mig_spi_row_bool(row, 7);
}

/*
 * The process id of the session that runs migrations on the version table, or
 * NULL.  Whether a run is running, its lock says, never a row.
 */
char *
mig_lock_running(const MigVersion *version)
{
	static MigSpiQuery query = {
		"SELECT l.pid::text FROM pg_catalog.pg_locks AS l"
		" WHERE " HELD_BY_OTHERS " AND l.pid IS NOT NULL LIMIT 1"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, MIG_LOCK_CLASS);
	mig_spi_arg_oid(&args, version->relid);
	return mig_spi_first(&query, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST);
}
