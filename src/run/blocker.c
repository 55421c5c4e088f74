/*
 * blocker.c
 *	  Names the transactions that a statement waits for.
 *
 * A statement such as CREATE INDEX CONCURRENTLY waits by design, without a
 * timeout, for transactions of other sessions.  Before it begins the client is
 * told which old ones are open.  While it waits no query can be run here: the
 * server itself then names the process, in the line that log_lock_waits makes
 * it write, and that line is shown to the client, too.
 *
 * After a wait that ended in an error the server does not say what it was for.
 * So the lock is noted by the timer that samples waits, and after the rollback
 * pg_locks is asked for its holders, with the caller's rights: of a session the
 * caller may not look into, state and time stay hidden.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/elog.h"
#include "utils/guc.h"

#include "base/error_text.h"
#include "base/printable.h"
#include "base/spi.h"
#include "run/run_internal.h"

/* Younger ones may well have ended before their names are read. */
#define OLD_TRANSACTION			"1 s"

static emit_log_hook_type previous_log_hook = NULL;
static bool watching = false;
static bool lock_waits_logged = false;	/* before that */

/*
 * The lock that a sample found this backend waiting for.  The one after it may
 * come between the end of the wait and its error, and forgets it not yet.
 */
#define SAMPLES_KEPT			2

static volatile sig_atomic_t waiting = 0;	/* samples until it is forgotten */
static volatile LOCKTAG wait_tag;
static volatile LOCKMODE wait_mode;
static volatile sig_atomic_t wait_logged = false;	/* by the server */

/* The same when the last message was raised. */
static bool kept = false;
static LOCKTAG kept_tag;
static LOCKMODE kept_mode;

/* The holders of a lock. */
typedef struct Holders
{
	MemoryContext context;
	MigBlockers *blockers;
} Holders;

static void show_lock_wait(ErrorData *error);
static void find_holders(void *arg);
static bool describe_tag(MigSpiArgs *args);
static void read_holders(const MigSpiRow *row, void *result);

/*
 * Called once, from _PG_init().
 */
void
mig_blocker_install(void)
{
	previous_log_hook = emit_log_hook;
	emit_log_hook = show_lock_wait;
}

/*
 * Before a statement that waits for the snapshots of other sessions: says which
 * of them have an old one.
 * In a transaction that may end in an error.
 */
void
mig_blocker_announce(const char *tag)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.string_agg(t.who, ', ' ORDER BY t.began)"
		"  FROM (SELECT a.xact_start AS began, pg_catalog.format("
		"               'process %s (role %s, application %L, %s for %s s)',"
		"               a.pid, a.usename, a.application_name, a.state,"
		"               extract(epoch FROM pg_catalog.clock_timestamp()"
		"                       - a.xact_start)::int8) AS who"
		"          FROM pg_catalog.pg_stat_activity AS a"
		"         WHERE a.datname = pg_catalog.current_database()"
		"           AND a.pid <> pg_catalog.pg_backend_pid()"
		"           AND a.backend_type = 'client backend'"
		"           AND (a.backend_xid IS NOT NULL"
		"                OR a.backend_xmin IS NOT NULL)"
		"           AND a.xact_start < pg_catalog.clock_timestamp()"
		"                              - interval '" OLD_TRANSACTION "'"
		"        UNION ALL"
		"        SELECT p.prepared, pg_catalog.format("
		"               'prepared transaction %L (role %s, prepared %s s ago)',"
		"               p.gid, p.owner,"
		"               extract(epoch FROM pg_catalog.clock_timestamp()"
		"                       - p.prepared)::int8)"
		"          FROM pg_catalog.pg_prepared_xacts AS p"
		"         WHERE p.database = pg_catalog.current_database()"
		"         ORDER BY 1 LIMIT 3) AS t"
	};
	char	   *who;

	if (strcmp(tag, "CREATE INDEX CONCURRENTLY") != 0 &&
		strcmp(tag, "REINDEX CONCURRENTLY") != 0)
		return;
	who = mig_spi_first(&query, NULL, MIG_SPI_CALLER, MIG_SPI_READ_LATEST);
	if (who != NULL)
		ereport(NOTICE,
				(errmsg("%s waits until older transactions have ended", tag),
				 errdetail("The oldest are those of %s.",
						   mig_printable(who)),
				 errhint("migrate.progress names what it waits for; pg_terminate_backend() ends a session, ROLLBACK PREPARED a prepared transaction.")));
}

/*
 * Whether waits for locks are shown to the client from now on.
 */
void
mig_blocker_watch(bool on)
{
	if (on == watching)
		return;
	if (on)
		lock_waits_logged = log_lock_waits;
	log_lock_waits = on || lock_waits_logged;
	watching = on;
}

/*
 * In the middle of a wait for a lock: must do next to nothing.
 */
static void
show_lock_wait(ErrorData *error)
{
	bool		is_lock_wait = mig_error_is_lock_wait(error);

	/* Each sample wakes the server up, which then says it once more. */
	if (is_lock_wait && waiting > 0 && wait_logged)
	{
		error->output_to_server = false;
		return;
	}
	if (is_lock_wait)
		wait_logged = waiting > 0;
	if (is_lock_wait && watching && whereToSendOutput == DestRemote &&
		client_min_messages <= NOTICE)
	{
		error->output_to_client = true;
		/* Who holds the lock is written for the server log only. */
		if (error->detail == NULL && error->detail_log != NULL)
			error->detail = MemoryContextStrdup(error->assoc_context,
												error->detail_log);
	}
	if (previous_log_hook != NULL)
		previous_log_hook(error);
}

/*
 * Runs in a signal handler: notes whether the backend waits for a lock, and for
 * which.
 */
void
mig_blocker_sample(bool in_lock_wait)
{
	LOCK	   *lock = MyProc == NULL ? NULL : *(LOCK *volatile *) &MyProc->waitLock;

	if (!in_lock_wait || lock == NULL)
	{
		wait_logged = false;
		if (waiting > 0)
			waiting--;
		return;
	}
	waiting = SAMPLES_KEPT;
	wait_tag = lock->tag;
	wait_mode = MyProc->waitLockMode;
}

/*
 * While a message is raised, which may be the error that ends the wait: keeps
 * what the last samples have found, because the timer runs until the run ends.
 */
void
mig_blocker_keep(void)
{
	kept = waiting > 0;
	if (!kept)
		return;
	kept_tag = wait_tag;
	kept_mode = wait_mode;
}

/*
 * After an error, when the transaction or the subtransaction was rolled back: the
 * transactions that it has waited for and that are still there.  false: the error
 * did not end a wait, or none is left.
 */
bool
mig_blocker_find(const ErrorData *error, MigBlockers *blockers)
{
	Holders		holders = {CurrentMemoryContext, blockers};

	memset(blockers, 0, sizeof(*blockers));
	if (!kept || (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE &&
				  error->sqlerrcode != ERRCODE_QUERY_CANCELED))
		return false;
	kept = false;
	waiting = 0;
	/* The error itself matters more than one from here. */
	(void) mig_subxact(find_holders, &holders);
	return blockers->who != NULL;
}

static void
find_holders(void *arg)
{
	static MigSpiQuery query = {
		"SELECT " MIG_BLOCKER_COLUMNS("h", "$6") ","
		"       pg_catalog.array_agg(COALESCE(h.pid, 0)::text ORDER BY h.number)"
		"  FROM (SELECT l.pid, l.mode, p.gid, p.owner, a.usesysid, a.usename,"
		"    a.application_name, a.state, a.state_change, l.pid AS number,"
		"    l.pid IS NOT NULL AND " MIG_BLOCKER_VISIBLE("a", "$6") " AS visible,"
		"    CASE WHEN $1 = 'relation' THEN pg_catalog.format('which holds %s on %s',"
		"      l.mode, COALESCE(pg_catalog.pg_describe_object("
		"           'pg_catalog.pg_class'::regclass, $3, 0), 'a relation'))"
		"     WHEN $1 NOT LIKE '%xid' AND $1 <> 'transactionid'"
		"     THEN 'which holds ' || l.mode"
		"     WHEN l.pid IS NULL THEN 'which has to end first'"
		"     ELSE 'whose transaction has to end first' END AS what"
		"  FROM pg_catalog.pg_locks AS l"
		"  LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid"
		MIG_LOCK_PREPARED_HOLDER
		" WHERE l.granted AND l.locktype = $1 AND l.mode = ANY ($5)"
		"   AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()"
		"   AND CASE $1 WHEN 'relation'"
		"         THEN l.database = $2 AND l.relation = $3"
		"       WHEN 'transactionid' THEN l.transactionid = $4::xid"
		"       WHEN 'virtualxid' THEN l.virtualxid = $4"
		"       ELSE l.database = $2 AND l.classid = $3"
		"            AND l.objid::text = $4 END"
		" LIMIT 3) AS h"
	};
	Holders    *holders = arg;
	MigSpiArgs	args = {0};
	MemoryContext old_context;

	if (!describe_tag(&args))
		return;
	mig_spi_arg_oid(&args, GetUserId());
	/* It is kept for as long as the transaction. */
	pgstat_clear_backend_activity_snapshot();
	old_context = MemoryContextSwitchTo(holders->context);
	(void) mig_spi_row(&query, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST,
					   read_holders, holders->blockers);
	MemoryContextSwitchTo(old_context);
}

/*
 * The lock as pg_locks shows it, and the modes that conflict with the one that
 * was asked for.  false: a kind that is not looked for.
 */
static bool
describe_tag(MigSpiArgs *args)
{
	const LOCKTAG *tag = &kept_tag;
	char	   *modes[MAX_LOCKMODES];
	int			nmodes = 0;
	const char *type;
	char	   *id = NULL;

	switch ((LockTagType) tag->locktag_type)
	{
		case LOCKTAG_RELATION:
			type = "relation";
			break;
		case LOCKTAG_TRANSACTION:
			type = "transactionid";
			id = psprintf("%u", tag->locktag_field1);
			break;
		case LOCKTAG_VIRTUALTRANSACTION:
			type = "virtualxid";
			id = psprintf("%d/%u", (int) tag->locktag_field1,
						  tag->locktag_field2);
			break;
		case LOCKTAG_OBJECT:
		case LOCKTAG_ADVISORY:
			type = tag->locktag_type == LOCKTAG_OBJECT ? "object" : "advisory";
			id = psprintf("%u", tag->locktag_field3);
			break;
		default:
			return false;
	}
	for (LOCKMODE mode = 1; mode <= MaxLockMode; mode++)
	{
		if (DoLockModesConflict(kept_mode, mode))
			modes[nmodes++] = unconstify(char *,
										 GetLockmodeName(tag->locktag_lockmethodid,
														 mode));
	}
	mig_spi_arg_text(args, type);
	mig_spi_arg_oid(args, tag->locktag_field1);
	mig_spi_arg_oid(args, tag->locktag_field2);
	mig_spi_arg_text(args, id);
	mig_spi_arg_texts(args, modes, nmodes);
	return true;
}

static void
read_holders(const MigSpiRow *row, void *result)
{
	mig_blocker_read(row, 1, result);
}

/*
 * Reads MIG_BLOCKER_COLUMNS, and then the process ids, from there on in a row.
 */
void
mig_blocker_read(const MigSpiRow *row, int column, MigBlockers *blockers)
{
	char	  **pids = mig_spi_row_texts(row, column + 4, &blockers->npids);
	int			ncures;
	char	  **cures = mig_spi_row_texts(row, column + 1, &ncures);

	/* Other roles have given the names in them. */
	blockers->who = mig_printable(mig_spi_row_text(row, column));
	blockers->cure = NULL;
	for (int i = 0; i < ncures; i++)
		blockers->cure = i == 0 ? mig_printable(cures[i]) :
			psprintf("%s\n%s", blockers->cure, mig_printable(cures[i]));
	blockers->rights = mig_printable(mig_spi_row_text(row, column + 2));
	blockers->hidden = mig_spi_row_text(row, column + 3);
	blockers->pids = palloc(sizeof(int) * Max(blockers->npids, 1));
	for (int i = 0; i < blockers->npids; i++)
		blockers->pids[i] = atoi(pids[i]);
}

/*
 * How to end them, and with which rights if those of the caller are not enough.
 */
char *
mig_blocker_advise(const MigBlockers *blockers)
{
	const char *space = strchr(blockers->cure, '\n') != NULL ? "\n" : " ";
	char	   *end = blockers->rights == NULL ?
	psprintf("To end what blocks it:%s%s", space, blockers->cure) :
	psprintf("To end what blocks it, %s:%s%s", blockers->rights, space,
			 blockers->cure);

	if (blockers->hidden == NULL)
		return end;
	return psprintf("To see what it does, as a member of pg_read_all_stats: %s\n%s",
					blockers->hidden, end);
}
