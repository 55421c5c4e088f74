/*
 * adopt_match.c
 *	  Which registered revisions the version table of another tool says are applied.
 *
 * A file was registered with the version that its tool knows it by; of a revision
 * that comes from no file of a tool the id is taken for that.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/printable.h"
#include "import/adopt_internal.h"
#include "import/import_internal.h"
#include "tables/revision.h"
#include "tables/source.h"

/* A project that rows of a table are of. */
typedef struct Scope
{
	const char *name;
	bool		is_ours;		/* a registered revision is of it */
} Scope;

static int	find_candidate(const MigAdoption *adoption, const MigAdoptRow *row);
static int	find_version(const MigAdoption *adoption, const char *version);
static bool is_version(const MigAdoption *adoption,
					   const MigAdoptCandidate *candidate, const char *version,
					   const char *id);
static bool is_number(const char *version);
static List *find_scopes(const MigAdoption *adoption, const MigAdoptRow *rows,
						 int nrows);
static bool is_left_out(const List *scopes, const MigAdoptRow *row);
static void apply_row(MigAdoption *adoption, const MigAdoptRow *row);
static void apply_lower(MigAdoption *adoption, const MigAdoptRow *row);
static void apply_ancestors(MigAdoption *adoption, int rev);
static void apply(MigAdoption *adoption, int rev, const MigAdoptRow *row);
static void undo(MigAdoption *adoption, int rev);
static void forget_unknown(MigAdoption *adoption, const char *name);
static void compare_checksum(MigAdoption *adoption, int rev);

/*
 * Reads what is registered.  The registry is locked.
 */
void
mig_adopt_load_graph(MigAdoption *adoption)
{
	MigGraph   *graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	MigRevList	history = mig_history_list(graph, NULL, 0, NULL);
	int			nsources;
	MigSource  *sources = mig_source_list(&nsources);

	if (adoption->tool->format != NULL)
		adoption->format = mig_import_find_format(adoption->tool->format);
	adoption->graph = graph;
	adoption->size = 0;
	adoption->history.n = history.n;
	adoption->history.rev = palloc(sizeof(int) * Max(history.n, 1));
	/* The newest comes first there. */
	for (int i = 0; i < history.n; i++)
	{
		adoption->history.rev[history.n - 1 - i] = history.rev[i];
		adoption->size = Max(adoption->size, history.rev[i] + 1);
	}
	adoption->candidates = palloc0(sizeof(MigAdoptCandidate) * Max(adoption->size, 1));
	for (int i = 0; i < history.n; i++)
	{
		MigAdoptCandidate *candidate = &adoption->candidates[history.rev[i]];

		candidate->id = candidate->version = mig_graph_id(graph, history.rev[i]);
	}
	for (int i = 0; i < nsources; i++)
	{
		int			rev = mig_graph_find(graph, sources[i].revision);

		if (rev < 0)
			continue;
		adoption->candidates[rev].has_file = true;
		adoption->candidates[rev].version = sources[i].version;
		if (adoption->tool->format != NULL &&
			strcmp(sources[i].format, adoption->tool->format) == 0)
			adoption->candidates[rev].checksums = sources[i].checksums;
	}
}

/*
 * Goes through the rows as the tool has written them.
 */
void
mig_adopt_apply_rows(MigAdoption *adoption, MigAdoptRow *rows, int nrows)
{
	List	   *scopes = find_scopes(adoption, rows, nrows);
	int			npositions = 0;

	adoption->applied = palloc0(Max(adoption->size, 1));
	adoption->rows = palloc0(sizeof(MigAdoptRow *) * Max(adoption->size, 1));
	adoption->order.n = 0;
	adoption->order.rev = palloc(sizeof(int) * Max(adoption->size, 1));
	for (int i = 0; i < nrows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		npositions += rows[i].state == MIG_ADOPT_UP_TO;
		if (is_left_out(scopes, &rows[i]))
			rows[i].state = MIG_ADOPT_IGNORED;
		apply_row(adoption, &rows[i]);
	}
	/* It would be a set then, of which each version counts. */
	if (npositions > 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version table \"%s\" has %d rows", adoption->table->name,
						npositions),
				 errdetail("%s keeps one, with the version that the database is at.",
						   adoption->tool->name),
				 errhint("The table may be that of another tool. Hasura's is read with the format \"hasura\".")));
	for (int i = 0; i < adoption->order.n; i++)
		compare_checksum(adoption, adoption->order.rev[i]);
}

/*
 * What the rows say is applied, with all that this is built on, or depends on.
 */
bool *
mig_adopt_closure(const MigAdoption *adoption)
{
	char	  **ids = palloc(sizeof(char *) * Max(adoption->order.n, 1));

	for (int i = 0; i < adoption->order.n; i++)
		ids[i] = unconstify(char *, mig_graph_id(adoption->graph,
												 adoption->order.rev[i]));
	return mig_graph_applied(adoption->graph, adoption->order.n, ids);
}

/*
 * The revision that a row is about, or -1.
 */
static int
find_candidate(const MigAdoption *adoption, const MigAdoptRow *row)
{
	int			rev = row->other != NULL ? find_version(adoption, row->other) : -1;

	return rev >= 0 ? rev : find_version(adoption, row->version);
}

static int
find_version(const MigAdoption *adoption, const char *version)
{
	char	   *id = mig_import_make_id(version);

	for (int i = 0; i < adoption->history.n; i++)
	{
		int			rev = adoption->history.rev[i];

		if (is_version(adoption, &adoption->candidates[rev], version, id))
			return rev;
	}
	return -1;
}

/*
 * id: the one that a file of that version would have.
 */
static bool
is_version(const MigAdoption *adoption, const MigAdoptCandidate *candidate,
		   const char *version, const char *id)
{
	const MigImportFormat *format = adoption->format;

	if (strcmp(candidate->version, version) == 0)
		return true;
	/* 1 and 01 can be the same. */
	if (format != NULL && format->compare != NULL &&
		is_number(candidate->version) && is_number(version))
		return format->compare(candidate->version, version) == 0;
	return !candidate->has_file && strcmp(candidate->id, id) == 0;
}

static bool
is_number(const char *version)
{
	return version[0] != '\0' &&
		version[strspn(version, "0123456789.")] == '\0';
}

/*
 * The projects that rows are of.
 */
static List *
find_scopes(const MigAdoption *adoption, const MigAdoptRow *rows, int nrows)
{
	List	   *scopes = NIL;

	for (int i = 0; i < nrows; i++)
	{
		Scope	   *scope = NULL;
		ListCell   *cell;

		CHECK_FOR_INTERRUPTS();
		if (rows[i].scope == NULL)
			continue;
		foreach(cell, scopes)
		{
			if (strcmp(((Scope *) lfirst(cell))->name, rows[i].scope) == 0)
				scope = lfirst(cell);
		}
		if (scope == NULL)
		{
			scope = palloc0(sizeof(Scope));
			scope->name = rows[i].scope;
			scopes = lappend(scopes, scope);
		}
		if (!scope->is_ours)
			scope->is_ours = find_candidate(adoption, &rows[i]) >= 0;
	}
	return scopes;
}

/*
 * Whether a row is of another project than those that are registered.
 */
static bool
is_left_out(const List *scopes, const MigAdoptRow *row)
{
	bool		any_ours = false;
	bool		is_ours = row->scope == NULL;
	ListCell   *cell;

	foreach(cell, scopes)
	{
		const Scope *scope = lfirst(cell);

		any_ours = any_ours || scope->is_ours;
		if (row->scope != NULL && strcmp(scope->name, row->scope) == 0)
			is_ours = scope->is_ours;
	}
	return any_ours && !is_ours;
}

static void
apply_row(MigAdoption *adoption, const MigAdoptRow *row)
{
	char	   *name = mig_printable(row->version);
	int			rev;

	switch (row->state)
	{
		case MIG_ADOPT_NOTHING:
			return;
		case MIG_ADOPT_IGNORED:
			adoption->ignored = lappend(adoption->ignored,
										unconstify(MigAdoptRow *, row));
			return;
		case MIG_ADOPT_FAILED:
			adoption->failed = lappend(adoption->failed, name);
			return;
		case MIG_ADOPT_DIRTY:
			adoption->dirty = lappend(adoption->dirty, name);
			return;
		default:
			break;
	}
	rev = find_candidate(adoption, row);
	if (row->state == MIG_ADOPT_UNDONE)
	{
		if (rev >= 0)
			undo(adoption, rev);
		else
			forget_unknown(adoption, name);
		return;
	}
	if (rev < 0 && row->state != MIG_ADOPT_BASELINE)
	{
		adoption->unknown = lappend(adoption->unknown, name);
		return;
	}
	if (row->state == MIG_ADOPT_UP_TO || row->state == MIG_ADOPT_BASELINE)
		apply_lower(adoption, row);
	if (row->state == MIG_ADOPT_HEAD)
		apply_ancestors(adoption, rev);
	if (rev >= 0)
		apply(adoption, rev, row);
}

/*
 * Removes a version that is undone from those that are not registered.
 */
static void
forget_unknown(MigAdoption *adoption, const char *name)
{
	ListCell   *cell;

	foreach(cell, adoption->unknown)
	{
		if (strcmp(lfirst(cell), name) == 0)
			adoption->unknown = foreach_delete_current(adoption->unknown, cell);
	}
}

/*
 * All revisions with a lower version.
 */
static void
apply_lower(MigAdoption *adoption, const MigAdoptRow *row)
{
	for (int i = 0; i < adoption->history.n; i++)
	{
		int			rev = adoption->history.rev[i];
		const char *version = adoption->candidates[rev].version;

		if (is_number(version) && is_number(row->version) &&
			adoption->format->compare(version, row->version) < 0)
			apply(adoption, rev, NULL);
	}
}

static void
apply_ancestors(MigAdoption *adoption, int rev)
{
	char	   *id = unconstify(char *, mig_graph_id(adoption->graph, rev));
	bool	   *ancestors = mig_graph_applied(adoption->graph, 1, &id);

	for (int i = 0; i < adoption->history.n; i++)
	{
		if (ancestors[adoption->history.rev[i]] && adoption->history.rev[i] != rev)
			apply(adoption, adoption->history.rev[i], NULL);
	}
}

static void
apply(MigAdoption *adoption, int rev, const MigAdoptRow *row)
{
	if (row != NULL)
		adoption->rows[rev] = row;
	if (adoption->applied[rev])
		return;
	adoption->applied[rev] = true;
	adoption->order.rev[adoption->order.n++] = rev;
}

static void
undo(MigAdoption *adoption, int rev)
{
	int			n = 0;

	for (int i = 0; i < adoption->order.n; i++)
	{
		if (adoption->order.rev[i] != rev)
			adoption->order.rev[n++] = adoption->order.rev[i];
	}
	adoption->order.n = n;
	adoption->applied[rev] = false;
	adoption->rows[rev] = NULL;
}

/*
 * Whether the file of a revision is the one that the tool has applied, as far as
 * its checksum is known.
 */
static void
compare_checksum(MigAdoption *adoption, int rev)
{
	const MigAdoptCandidate *candidate = &adoption->candidates[rev];
	const MigAdoptRow *row = adoption->rows[rev];

	if (row == NULL || (row->checksum == NULL && !adoption->tool->other_checksum))
		return;
	if (row->checksum == NULL || candidate->checksums == NULL ||
		candidate->checksums[0] == '\0')
		adoption->nuncompared++;
	else if (!mig_checksum_is_in(candidate->checksums, row->checksum))
		adoption->changed = lappend(adoption->changed,
									mig_printable(row->version));
}
