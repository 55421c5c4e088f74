/*
 * tenants.c
 *	  Where each tenant is: a schema with a version table of its own.
 *
 * Which schemas these are is not noted anywhere: they are those that have such a
 * table.  One that cannot be read leaves the others be.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "base/clock.h"
#include "base/error_text.h"
#include "base/guc.h"
#include "base/xact.h"
#include "graph/graph.h"
#include "registry/registry.h"
#include "run/run.h"
#include "tables/revision.h"
#include "tables/version.h"

#define MAX_LOCK_WAIT			1000	/* ms: of all tables together, so that
										 * a session that has locked one does
										 * not hide where the others are */

/* A version table that is to be read. */
typedef struct Reading
{
	const char *name;
	int64		wait_end;		/* for its lock, by mig_clock_ms() */
	MemoryContext context;		/* of the version */
	MigVersion *version;
} Reading;

static void read_version(void *arg);
static void describe(const MigGraph *graph, const MigVersion *version,
					 MigTenantRow *row);

/*
 * A row for each tenant, by the name of its schema.
 */
MigTenantRow *
mig_tenants_read(int *nrows)
{
	MigVersionName *tables = mig_version_tables(nrows);
	MigGraph   *graph = mig_revision_graph(MIG_SPI_READ_CALLER);
	MigTenantRow *rows = palloc0(sizeof(MigTenantRow) * Max(*nrows, 1));
	int64		wait_end = mig_clock_ms() + MAX_LOCK_WAIT;

	for (int i = 0; i < *nrows; i++)
	{
		Reading		reading = {tables[i].name, wait_end, CurrentMemoryContext};

		/* Taken back, because the locks on all of them would be too many. */
		ErrorData  *error = mig_subxact_undo(read_version, &reading);

		rows[i].table = tables[i];
		if (error == NULL)
			describe(graph, reading.version, &rows[i]);
		else if (mig_error_is_cancel(error))
			ReThrowError(error);
		else
			rows[i].problem = error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ?
				pstrdup("locked by another session") : error->message;
	}
	return rows;
}

static void
read_version(void *arg)
{
	Reading    *reading = arg;
	MemoryContext old_context = MemoryContextSwitchTo(reading->context);
	int			nest_level = NewGUCNestLevel();

	mig_guc_limit_lock_timeout((int) Max(reading->wait_end - mig_clock_ms(), 1),
							   GUC_ACTION_SAVE);
	reading->version = mig_version_open_foreign(reading->name);
	/* It could take its time, and so hide where the others are, too. */
	reading->version->without_code = true;
	mig_version_read(reading->version, MIG_SPI_READ_CALLER);
	AtEOXact_GUC(true, nest_level);
	MemoryContextSwitchTo(old_context);
}

static void
describe(const MigGraph *graph, const MigVersion *version, MigTenantRow *row)
{
	int			nknown = mig_graph_known_rows(graph, version->nrows,
											  version->rows);
	MigPlan		repeats = {.command = MIG_COMMAND_UPGRADE};

	mig_repeat_add_steps(version, &repeats, MIG_SPI_READ_CALLER);
	row->nrevisions = version->nrows;
	row->revisions = version->rows;
	row->nunknown = version->nrows - nknown;
	row->npending = mig_graph_count_pending(graph, nknown, version->rows) +
		repeats.nsteps;
}
