/*
 * adopt.c
 *	  Adopts what another tool has applied to this database: stamps it.
 *
 * Most tools keep a set of versions, in which a version that came late can be
 * missing below others.  A row of a version table says that everything its revision
 * is built on is applied, so such a hole would be hidden for ever: it is named, or
 * put behind what is applied.  What is stamped is exactly what the tool's table says,
 * or nothing is.
 */
#include "postgres.h"

#include "base/printable.h"
#include "import/adopt_internal.h"
#include "registry/registry.h"
#include "run/run.h"
#include "tables/log.h"
#include "tables/revision.h"

static void refuse_own(const MigAdoption *adoption);
static void find_missing(MigAdoption *adoption);
static void reorder(MigAdoption *adoption);
static bool *find_elsewhere(MigAdoption *adoption);
static bool is_behind(const MigAdoption *adoption, const bool *before);
static void stamp(const MigAdoption *adoption);
static void write_log(const MigAdoption *adoption, const bool *before);
static void report(const MigAdoption *adoption, const bool *before);
static MigAdoptResult *list_results(const MigAdoption *adoption,
									const bool *before, int *nresults);

/*
 * Returns what was done about each version of the tool, in the order in which it
 * has applied them.
 */
MigAdoptResult *
mig_adopt(const MigAdoptRequest *request, int *nresults)
{
	MigAdoption adoption = {0};
	char	   *name;
	MigAdoptRow *rows;
	int			nrows;
	bool	   *before;
	bool		locks_only;

	adoption.tool = mig_adopt_find_tool(request->format, request->relation, &name);
	adoption.table = mig_version_open_foreign(name);
	adoption.version = mig_version_open(MIG_SPI_READ_LATEST);
	/* Before it is read, so that nothing is written meanwhile. */
	if (request->lock_out)
	{
		refuse_own(&adoption);
		mig_adopt_lock_out(adoption.tool, adoption.table);
	}
	rows = mig_adopt_read(adoption.tool, adoption.table, &nrows);
	mig_lock_registry();
	mig_adopt_load_graph(&adoption);
	mig_adopt_apply_rows(&adoption, rows, nrows);
	find_missing(&adoption);
	if (adoption.missing != NIL && request->reorder)
		reorder(&adoption);
	before = find_elsewhere(&adoption);
	adoption.is_behind = is_behind(&adoption, before);
	/* Then nothing is left to adopt, but the tool can still go on. */
	locks_only = request->lock_out && adoption.is_behind;
	if (locks_only)
		adoption.elsewhere = NIL;
	mig_adopt_refuse(&adoption);
	if (!locks_only)
		stamp(&adoption);
	write_log(&adoption, before);
	report(&adoption, before);
	return list_results(&adoption, before, nresults);
}

/*
 * Raises an error if the extension would be locked out.
 */
static void
refuse_own(const MigAdoption *adoption)
{
	if (adoption->table->relid == adoption->version->relid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the tool cannot be locked out of version table \"%s\"",
						adoption->table->name),
				 errdetail("The setting migrate.version_table names it, so that the extension writes it, too.")));
}

/*
 * Revisions that are not applied, though one is that needs them.
 */
static void
find_missing(MigAdoption *adoption)
{
	bool	   *closure = mig_adopt_closure(adoption);

	list_free(adoption->missing);
	adoption->missing = NIL;
	for (int i = 0; i < adoption->history.n; i++)
	{
		int			rev = adoption->history.rev[i];

		if (closure[rev] && !adoption->applied[rev])
			adoption->missing = lappend(adoption->missing,
										unconstify(char *, mig_graph_id(adoption->graph, rev)));
	}
}

/*
 * Makes a chain of what is applied, in the order in which this database has applied
 * it, and of the rest.
 */
static void
reorder(MigAdoption *adoption)
{
	char	  **ids = palloc(sizeof(char *) * adoption->history.n);
	int			n = 0;

	for (int i = 0; i < adoption->order.n; i++)
		ids[n++] = unconstify(char *, mig_graph_id(adoption->graph,
												   adoption->order.rev[i]));
	for (int i = 0; i < adoption->history.n; i++)
	{
		if (!adoption->applied[adoption->history.rev[i]])
			ids[n++] = unconstify(char *, mig_graph_id(adoption->graph,
													   adoption->history.rev[i]));
	}
	mig_register_reorder(adoption->graph, ids, n);
	/* Indexes are in the order of the ids, which are the same. */
	adoption->graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	find_missing(adoption);
}

/*
 * What was applied before according to the version table in use, of which all must
 * be in that of the tool, too.
 */
static bool *
find_elsewhere(MigAdoption *adoption)
{
	MigVersion *version = adoption->version;
	bool	   *before;

	mig_version_read(version, MIG_SPI_READ_LATEST);
	before = mig_graph_applied(adoption->graph, version->nrows, version->rows);
	/* Where the database is that is dirty, is not known. */
	for (int i = 0; i < adoption->history.n && adoption->dirty == NIL; i++)
	{
		int			rev = adoption->history.rev[i];

		if (before[rev] && !adoption->applied[rev])
			adoption->elsewhere = lappend(adoption->elsewhere,
										  unconstify(char *, mig_graph_id(adoption->graph, rev)));
	}
	return before;
}

/*
 * Whether the table differs by nothing but revisions that were run here.  What was
 * adopted or stamped is not: that the table lacks it is a contradiction.
 */
static bool
is_behind(const MigAdoption *adoption, const bool *before)
{
	int			n = list_length(adoption->elsewhere);
	char	  **ids = palloc(sizeof(char *) * Max(n, 1));
	bool	   *upgraded;

	if (n == 0)
		return false;
	for (int i = 0; i < adoption->history.n; i++)
	{
		int			rev = adoption->history.rev[i];

		if (adoption->applied[rev] && !before[rev])
			return false;
	}
	for (int i = 0; i < n; i++)
		ids[i] = list_nth(adoption->elsewhere, i);
	upgraded = mig_log_upgraded(adoption->version, ids, n, MIG_SPI_READ_LATEST);
	for (int i = 0; i < n; i++)
	{
		if (!upgraded[i])
			return false;
	}
	return true;
}

/*
 * Writes the version rows, with all that a stamp checks.
 */
static void
stamp(const MigAdoption *adoption)
{
	const MigVersion *version = adoption->version;
	MigRevList	rows = mig_graph_rows_of(adoption->graph, adoption->applied);
	MigStep		step = {.command = MIG_COMMAND_STAMP};
	MigRunRequest request = {
		.command = MIG_COMMAND_STAMP,
		.via = MIG_VIA_FUNCTION,
		.step = &step
	};
	MigRunResult result;

	step.deletes = palloc(sizeof(char *) * Max(version->nrows, 1));
	step.inserts = palloc(sizeof(char *) * Max(rows.n, 1));
	for (int i = 0; i < version->nrows; i++)
	{
		bool		stays = false;

		for (int k = 0; k < rows.n && !stays; k++)
			stays = strcmp(version->rows[i],
						   mig_graph_id(adoption->graph, rows.rev[k])) == 0;
		if (!stays)
			step.deletes[step.ndeletes++] = version->rows[i];
	}
	for (int k = 0; k < rows.n; k++)
	{
		const char *id = mig_graph_id(adoption->graph, rows.rev[k]);
		bool		is_there = false;

		for (int i = 0; i < version->nrows && !is_there; i++)
			is_there = strcmp(version->rows[i], id) == 0;
		if (!is_there)
			step.inserts[step.ninserts++] = id;
	}
	if (step.ndeletes == 0 && step.ninserts == 0)
		return;
	mig_run(&request, &result);
}

/*
 * When the tool has applied each revision.
 */
static void
write_log(const MigAdoption *adoption, const bool *before)
{
	MigLogAdopted *adopted = palloc0(sizeof(MigLogAdopted) *
									 Max(adoption->order.n, 1));
	int			n = 0;

	for (int i = 0; i < adoption->order.n; i++)
	{
		int			rev = adoption->order.rev[i];
		const MigAdoptRow *row = adoption->rows[rev];
		MigLogAdopted *entry = &adopted[n];

		if (before[rev])
			continue;
		n++;
		entry->revision = mig_graph_id(adoption->graph, rev);
		if (row == NULL)
		{
			entry->detail = psprintf("%s, below a version of %s",
									 adoption->tool->name, adoption->table->name);
			continue;
		}
		entry->has_time = row->has_time;
		entry->applied_at = row->applied_at;
		entry->milliseconds = row->milliseconds;
		entry->detail = psprintf("%s, version %s of %s", adoption->tool->name,
								 mig_printable(row->version),
								 adoption->table->name);
	}
	mig_log_write_adopted(adoption->version, adopted, n);
}

static void
report(const MigAdoption *adoption, const bool *before)
{
	int			nadopted = 0;

	for (int i = 0; i < adoption->order.n; i++)
		nadopted += !before[adoption->order.rev[i]];
	if (nadopted == 0)
		ereport(NOTICE,
				(adoption->order.n == 0 ?
				 errmsg("version table \"%s\" says that nothing is applied",
						adoption->table->name) :
				 errmsg("what version table \"%s\" says is applied here already",
						adoption->table->name)));
	if (adoption->nuncompared > 0)
		ereport(NOTICE,
				(errmsg_plural("checksum of %d version is not compared",
							   "checksums of %d versions are not compared",
							   adoption->nuncompared, adoption->nuncompared),
				 adoption->tool->other_checksum ?
				 errdetail("How %s computes them of files is not known here.",
						   adoption->tool->name) :
				 errdetail("Their revisions were not registered from the files of %s.",
						   adoption->tool->name)));
}

static MigAdoptResult *
list_results(const MigAdoption *adoption, const bool *before, int *nresults)
{
	MigAdoptResult *results = palloc0(sizeof(MigAdoptResult) *
									  (adoption->order.n +
									   list_length(adoption->ignored) + 1));
	int			n = 0;
	ListCell   *cell;

	for (int i = 0; i < adoption->order.n; i++)
	{
		int			rev = adoption->order.rev[i];
		const MigAdoptRow *row = adoption->rows[rev];
		MigAdoptResult *result = &results[n++];

		result->revision = mig_graph_id(adoption->graph, rev);
		result->version = row == NULL ? NULL : row->version;
		result->has_time = row != NULL && row->has_time;
		result->applied_at = row == NULL ? 0 : row->applied_at;
		result->result = before[rev] ? "unchanged" : "adopted";
	}
	foreach(cell, adoption->ignored)
	{
		const MigAdoptRow *row = lfirst(cell);

		results[n++] = (MigAdoptResult)
		{
			NULL, row->version, row->has_time, row->applied_at, "ignored"
		};
	}
	*nresults = n;
	return results;
}
