/*
 * batch_pause.c
 *	  Pauses between two batches: for others, and for standbys that are behind.
 *
 * Nothing is held meanwhile but the advisory locks.
 */
#include "postgres.h"

#include <limits.h>

#include "base/clock.h"
#include "base/guc.h"
#include "base/spi.h"
#include "run/batch_internal.h"

#define LAG_INTERVAL			1000	/* ms between two looks at standbys,
										 * or migrate.max_replication_lag */

/* A look at the standbys. */
typedef struct Lag
{
	MemoryContext context;
	MigBatch   *batch;
	char	   *position;		/* of WAL now; NULL: there are none */
	bool		behind;			/* the position before was not replayed by all */
	char	   *who;			/* is behind for too long, or NULL */
} Lag;

static void wait_for_standbys(MigBatch *batch);
static void look_at_standbys(void *arg);
static void read_lag(const MigSpiRow *row, void *result);

/*
 * Between two batches, with nothing held: leaves the server to others, and waits
 * for standbys.
 */
void
mig_batch_wait(MigBatch *batch)
{
	double		pause = batch->request.pause * batch->duration;

	if (pause >= 1)
		mig_clock_sleep((int) Min(pause, INT_MAX));
	if (mig_guc_max_replication_lag > 0 &&
		mig_clock_ms() - batch->lag_checked >= Min(LAG_INTERVAL,
												   mig_guc_max_replication_lag))
		wait_for_standbys(batch);
	mig_xact_renew();
}

/*
 * What a standby says of its lag stands still when its replay does.  So a position
 * of the WAL is kept, too, until all have replayed it.
 */
static void
wait_for_standbys(MigBatch *batch)
{
	Lag			lag = {CurrentMemoryContext, batch};
	bool		said = false;

	for (;;)
	{
		ErrorData  *error = mig_xact(look_at_standbys, &lag, 0);

		if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
		if (error != NULL)
			return;
		batch->lag_checked = mig_clock_ms();
		if (!lag.behind)
		{
			strlcpy(batch->lag_position,
					lag.position == NULL ? "" : lag.position,
					sizeof(batch->lag_position));
			batch->lag_since = batch->lag_checked;
		}
		if (lag.who == NULL)
			return;
		if (!said)
			ereport(NOTICE,
					(errmsg("batches pause until standbys have caught up"),
					 errdetail("More than migrate.max_replication_lag behind: %s.",
							   lag.who),
					 errhint("To resume without waiting, cancel this call, SET migrate.max_replication_lag = 0, and send it again.")));
		said = true;
		mig_clock_sleep(LAG_INTERVAL);
		mig_xact_renew();
	}
}

/*
 * The subscribers of logical replication are not standbys: one that is far behind,
 * or is not used any more, must not stop us.
 */
static void
look_at_standbys(void *arg)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.max(pg_catalog.pg_current_wal_lsn())::text,"
		"       COALESCE(pg_catalog.bool_or(r.replay_lsn < $1::pg_lsn), false),"
		"       pg_catalog.string_agg(pg_catalog.format("
		"         'standby %s (process %s)', r.application_name, r.pid), ', ')"
		"        FILTER (WHERE r.replay_lsn < $1::pg_lsn AND $2"
		"          OR r.replay_lsn < pg_catalog.pg_current_wal_lsn()"
		"             AND extract(epoch FROM r.replay_lag) * 1000 > $3)"
		"  FROM pg_catalog.pg_stat_replication AS r"
		" WHERE r.replay_lsn IS NOT NULL"
		"   AND NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots AS s"
		"    WHERE s.active_pid = r.pid AND s.slot_type = 'logical')"
	};
	Lag		   *lag = arg;
	MigBatch   *batch = lag->batch;
	MigSpiArgs	args = {0};
	MemoryContext old_context = MemoryContextSwitchTo(lag->context);

	mig_spi_arg_text(&args, batch->lag_position[0] == '\0' ? NULL :
					 batch->lag_position);
	mig_spi_arg_bool(&args, mig_clock_ms() - batch->lag_since >
					 mig_guc_max_replication_lag);
	mig_spi_arg_int32(&args, mig_guc_max_replication_lag);
	(void) mig_spi_row(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
					   read_lag, lag);
	MemoryContextSwitchTo(old_context);
}

static void
read_lag(const MigSpiRow *row, void *result)
{
	Lag		   *lag = result;

	lag->position = mig_spi_row_text(row, 1);
	lag->behind = mig_spi_row_bool(row, 2);
	lag->who = mig_spi_row_text(row, 3);
}
