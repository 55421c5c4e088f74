/*
 * blocker.c
 *	  Names the transactions that a statement waits for.
 *
 * A statement such as CREATE INDEX CONCURRENTLY waits by design, without a
 * timeout, for transactions of other sessions.  Before it begins the client is
 * told which old ones are open.  While it waits no query can be run here: the
 * server itself then names the process, in the line that log_lock_waits makes
 * it write, and that line is shown to the client, too.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/elog.h"
#include "utils/guc.h"

#include "base/error_text.h"
#include "base/spi.h"
#include "run/run_internal.h"

/* Younger ones may well have ended before anybody has read their names. */
#define OLD_TRANSACTION			"1 s"

static emit_log_hook_type previous_log_hook = NULL;
static bool watching = false;
static bool lock_waits_logged = false;	/* before that */

static void show_lock_wait(ErrorData *error);

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
 * Before a statement that waits for the snapshots of others: who has an old one.
 * In a transaction that may end in an error.
 */
void
mig_blocker_announce(const char *tag)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.string_agg(t.who, ', ')"
		"  FROM (SELECT pg_catalog.format("
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
		"         ORDER BY a.xact_start LIMIT 3) AS t"
	};
	char	   *who;

	if (strcmp(tag, "CREATE INDEX CONCURRENTLY") != 0 &&
		strcmp(tag, "REINDEX CONCURRENTLY") != 0)
		return;
	who = mig_spi_first(&query, NULL, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
	if (who != NULL)
		ereport(NOTICE,
				(errmsg("%s waits until older transactions have ended", tag),
				 errdetail("The oldest are those of %s.", who),
				 errhint("The column waiting_for of migrate.progress names what it waits for; pg_terminate_backend() ends a session.")));
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
	if (watching && whereToSendOutput == DestRemote &&
		client_min_messages <= NOTICE && mig_error_is_lock_wait(error))
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
