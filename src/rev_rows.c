/*
 * rev_rows.c
 *	  What each step does to the rows of the version table.
 *
 * A row says that its revision and everything below is applied.  The rows
 * are simulated through the whole plan, so that every step knows before the
 * first one runs what it deletes, updates and inserts.
 *
 * The question that costs is "does another row stand above this one?".  It
 * is answered by walking upwards through what is applied, and the row that
 * was found is remembered: as long as it is a row the answer holds, because
 * who stands on whom never changes.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "rev_rows.h"

struct MigRows
{
	const MigGraph *graph;
	int			nrows;
	bool	   *row;
	bool	   *applied;
	int		   *holder;			/* by revision: a row that stood above it */
	int		   *seen;			/* by revision: number of the last search */
	int			search;
	int		   *todo;
	int		   *came_from;		/* by revision: the one below on the way up */
};

static void begin_step(const MigGraph *graph, MigCommand command, int rev,
					   MigStep *step);
static const char **new_ids(int n);
static bool must_insert(MigRows *state, int rev, int parent);
static bool is_held(MigRows *state, int rev, int except);
static int	holder_of(const MigRows *state, int rev, int except);
static void remember_holder(MigRows *state, int from, int to, int row);

/* The state before the first step; rows are distinct revisions. */
MigRows *
mig_rev_rows_start(const MigGraph *graph, int nrows, const int *rows)
{
	MigRows    *state = palloc(sizeof(MigRows));
	Size		nbytes = sizeof(int) * (graph->size + 1);
	int			i;

	state->graph = graph;
	state->nrows = nrows;
	state->row = palloc0(graph->size + 1);
	for (i = 0; i < nrows; i++)
		state->row[rows[i]] = true;
	state->applied = mig_rev_graph_reach(graph, &graph->parents, nrows, rows);
	state->holder = palloc(nbytes);
	memset(state->holder, -1, nbytes);
	state->seen = palloc0(nbytes);
	state->search = 0;
	state->todo = palloc(nbytes);
	state->came_from = palloc(nbytes);
	return state;
}

/*
 * Upgrade of a revision: of the parents that are rows the last becomes this
 * revision, the others go.  Parents that are no rows are held by other rows.
 */
void
mig_rev_rows_upgrade(MigRows *state, int rev, MigStep *step)
{
	const MigEdges *parents = &state->graph->parents;
	int			nfound = 0;
	int			i;

	begin_step(state->graph, MIG_COMMAND_UPGRADE, rev, step);
	for (i = parents->start[rev]; i < parents->start[rev + 1]; i++)
	{
		if (state->row[parents->to[i]])
			nfound++;
	}
	if (nfound == 0)
	{
		step->inserts = new_ids(1);
		step->inserts[step->ninserts++] = mig_rev_graph_id(state->graph, rev);
	}
	if (nfound > 1)
		step->deletes = new_ids(nfound - 1);
	for (i = parents->start[rev]; i < parents->start[rev + 1]; i++)
	{
		int			parent = parents->to[i];

		if (!state->row[parent])
			continue;
		state->row[parent] = false;
		if (step->ndeletes < nfound - 1)
			step->deletes[step->ndeletes++] =
				mig_rev_graph_id(state->graph, parent);
		else
		{
			step->update_from = mig_rev_graph_id(state->graph, parent);
			step->update_to = mig_rev_graph_id(state->graph, rev);
		}
	}
	state->row[rev] = true;
	state->nrows += 1 - nfound;
}

/*
 * Downgrade of a revision: its row becomes the last of the parents that no
 * other row holds, the others of them are new rows.
 */
void
mig_rev_rows_downgrade(MigRows *state, int rev, MigStep *step)
{
	const MigEdges *parents = &state->graph->parents;
	int			nparents = MIG_NEDGES(parents, rev);
	int		   *wanted = palloc(sizeof(int) * (nparents + 1));
	int			nwanted = 0;
	int			i;

	begin_step(state->graph, MIG_COMMAND_DOWNGRADE, rev, step);
	if (!state->row[rev])
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" is applied, but cannot be the row of the version table that goes down",
						mig_rev_graph_id(state->graph, rev)),
				 errhint("Rows that stand above each other do this; put them right with migrate_stamp().")));
	for (i = parents->start[rev]; i < parents->start[rev + 1]; i++)
	{
		if (must_insert(state, rev, parents->to[i]))
			wanted[nwanted++] = parents->to[i];
	}

	state->row[rev] = false;
	state->applied[rev] = false;
	state->nrows += nwanted - 1;
	if (nwanted == 0)
	{
		step->deletes = new_ids(1);
		step->deletes[step->ndeletes++] = mig_rev_graph_id(state->graph, rev);
		return;
	}
	if (nwanted > 1)
		step->inserts = new_ids(nwanted - 1);
	for (i = 0; i < nwanted - 1; i++)
		step->inserts[step->ninserts++] =
			mig_rev_graph_id(state->graph, wanted[i]);
	step->update_from = mig_rev_graph_id(state->graph, rev);
	step->update_to = mig_rev_graph_id(state->graph, wanted[nwanted - 1]);
	for (i = 0; i < nwanted; i++)
		state->row[wanted[i]] = true;
	pfree(wanted);
}

/*
 * A step of a stamp: the old rows go and the revision comes, by way of the
 * last of them.  rev may be MIG_REV_NONE, then they only go.
 */
void
mig_rev_rows_replace(const MigGraph *graph, int nold, const int *old, int rev,
					 MigStep *step)
{
	int			i;

	begin_step(graph, MIG_COMMAND_STAMP, rev, step);
	if (nold == 0)
	{
		step->inserts = new_ids(1);
		step->inserts[step->ninserts++] = mig_rev_graph_id(graph, rev);
		return;
	}
	if (rev >= 0)
	{
		step->update_from = mig_rev_graph_id(graph, old[--nold]);
		step->update_to = mig_rev_graph_id(graph, rev);
	}
	if (nold > 0)
		step->deletes = new_ids(nold);
	for (i = 0; i < nold; i++)
		step->deletes[step->ndeletes++] = mig_rev_graph_id(graph, old[i]);
}

/* A step that does not change a row yet. */
static void
begin_step(const MigGraph *graph, MigCommand command, int rev, MigStep *step)
{
	memset(step, 0, sizeof(MigStep));
	step->command = command;
	if (rev < 0)
		return;
	step->revision = mig_rev_graph_id(graph, rev);
	step->nparents = MIG_NEDGES(&graph->parents, rev);
	step->parents = &graph->parent_ids[graph->parents.start[rev]];
}

/* Room for so many ids. */
static const char **
new_ids(int n)
{
	return palloc(sizeof(char *) * n);
}

/*
 * Whether this parent must be a row when the revision goes.  Without other
 * rows everything applied stands below the revision, so whatever else stands
 * on the parent stands below another parent.
 */
static bool
must_insert(MigRows *state, int rev, int parent)
{
	const MigEdges *kids = &state->graph->allkids;
	int			i;

	if (state->nrows > 1)
		return !is_held(state, parent, rev);
	for (i = kids->start[parent]; i < kids->start[parent + 1]; i++)
	{
		if (kids->to[i] != rev && state->applied[kids->to[i]])
			return false;
	}
	return true;
}

/* Whether a row other than "except" stands on or above the revision. */
static bool
is_held(MigRows *state, int rev, int except)
{
	const MigEdges *kids = &state->graph->allkids;
	int			ntodo = 0;
	int			holder = holder_of(state, rev, except);
	int			i;

	if (holder >= 0)
		return true;
	CHECK_FOR_INTERRUPTS();
	state->search++;
	state->todo[ntodo++] = rev;
	while (ntodo > 0)
	{
		int			here = state->todo[--ntodo];

		for (i = kids->start[here]; i < kids->start[here + 1]; i++)
		{
			int			kid = kids->to[i];

			if (kid == except || !state->applied[kid] ||
				state->seen[kid] == state->search)
				continue;
			state->seen[kid] = state->search;
			state->came_from[kid] = here;
			holder = holder_of(state, kid, except);
			if (holder >= 0)
			{
				remember_holder(state, rev, kid, holder);
				return true;
			}
			state->todo[ntodo++] = kid;
		}
	}
	return false;
}

/* A row on or above the revision that is known without searching, or -1. */
static int
holder_of(const MigRows *state, int rev, int except)
{
	int			holder = state->row[rev] ? rev : state->holder[rev];

	if (holder < 0 || holder == except || !state->row[holder])
		return -1;
	return holder;
}

/* On the way up that a search came, the row it found stands above all. */
static void
remember_holder(MigRows *state, int from, int to, int row)
{
	state->holder[to] = row;
	while (to != from)
	{
		to = state->came_from[to];
		state->holder[to] = row;
	}
}
