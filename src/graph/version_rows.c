/*
 * version_rows.c
 *	  Simulates what each step of a plan does to the rows of the version table.
 *
 * A row says that its revision and all ancestors are applied.  The rows are
 * simulated through all steps, so that every step knows before the first one
 * runs what it deletes, updates and inserts.
 *
 * A downgrade asks whether another applied revision depends on a parent: that
 * is counted, so it costs nothing.
 */
#include "postgres.h"

#include "graph/graph_internal.h"

struct MigVersionRows
{
	const MigGraph *graph;
	bool	   *row;
	int		   *ndependents;	/* by revision: applied ones with it as parent */
};

static void begin_step(const MigGraph *graph, MigCommand command, int rev,
					   MigStep *step);
static const char **new_ids(int n);

/* The state before the first step; rows are distinct revisions. */
MigVersionRows *
mig_version_rows_start(const MigGraph *graph, MigRevList rows)
{
	const MigEdges *parents = &graph->parents;
	MigVersionRows *state = palloc(sizeof(MigVersionRows));
	bool	   *applied = mig_graph_reach(graph, parents, rows);

	state->graph = graph;
	state->row = palloc0(graph->size + 1);
	for (int i = 0; i < rows.n; i++)
		state->row[rows.rev[i]] = true;
	state->ndependents = palloc0(sizeof(int) * (graph->size + 1));
	for (int rev = 0; rev < graph->size; rev++)
	{
		if (!applied[rev])
			continue;
		for (int i = parents->start[rev]; i < parents->start[rev + 1]; i++)
			state->ndependents[parents->to[i]]++;
	}
	pfree(applied);
	return state;
}

/*
 * Fill in the step that upgrades a revision: of its parents that are rows the
 * last is updated to this revision, the others are deleted.  Parents that are
 * no rows are implied by other rows.
 */
void
mig_version_rows_upgrade(MigVersionRows *state, int rev, MigStep *step)
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
		step->inserts[step->ninserts++] = mig_graph_id(state->graph, rev);
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
				mig_graph_id(state->graph, parent);
		else
		{
			step->update_from = mig_graph_id(state->graph, parent);
			step->update_to = mig_graph_id(state->graph, rev);
		}
	}
	state->row[rev] = true;
}

/*
 * Fill in the step that downgrades a revision, which is a row without an
 * applied dependent: it is updated to the last of its parents that have none
 * either from now on, and the others of these are inserted.  Where rows overlap
 * a parent may be a row already.
 */
void
mig_version_rows_downgrade(MigVersionRows *state, int rev, MigStep *step)
{
	const MigEdges *parents = &state->graph->parents;
	int			nparents = MIG_NEDGES(parents, rev);
	int		   *wanted = palloc(sizeof(int) * (nparents + 1));
	int			nwanted = 0;
	int			i;

	begin_step(state->graph, MIG_COMMAND_DOWNGRADE, rev, step);
	Assert(state->row[rev] && state->ndependents[rev] == 0);
	for (i = parents->start[rev]; i < parents->start[rev + 1]; i++)
	{
		int			parent = parents->to[i];

		if (--state->ndependents[parent] == 0 && !state->row[parent])
			wanted[nwanted++] = parent;
	}

	state->row[rev] = false;
	if (nwanted == 0)
	{
		step->deletes = new_ids(1);
		step->deletes[step->ndeletes++] = mig_graph_id(state->graph, rev);
		return;
	}
	if (nwanted > 1)
		step->inserts = new_ids(nwanted - 1);
	for (i = 0; i < nwanted - 1; i++)
		step->inserts[step->ninserts++] =
			mig_graph_id(state->graph, wanted[i]);
	step->update_from = mig_graph_id(state->graph, rev);
	step->update_to = mig_graph_id(state->graph, wanted[nwanted - 1]);
	for (i = 0; i < nwanted; i++)
		state->row[wanted[i]] = true;
	pfree(wanted);
}

/*
 * Fill in a step of a stamp: the last of the old rows is updated to the
 * revision, the others are deleted.  With MIG_REV_NONE as revision all of them
 * are deleted.
 */
void
mig_version_rows_replace(const MigGraph *graph, MigRevList old, int rev,
						 MigStep *step)
{
	begin_step(graph, MIG_COMMAND_STAMP, rev, step);
	if (old.n == 0)
	{
		step->inserts = new_ids(1);
		step->inserts[step->ninserts++] = mig_graph_id(graph, rev);
		return;
	}
	if (rev >= 0)
	{
		step->update_from = mig_graph_id(graph, old.rev[--old.n]);
		step->update_to = mig_graph_id(graph, rev);
	}
	if (old.n > 0)
		step->deletes = new_ids(old.n);
	for (int i = 0; i < old.n; i++)
		step->deletes[step->ndeletes++] = mig_graph_id(graph, old.rev[i]);
}

/* A step that does not change a row yet. */
static void
begin_step(const MigGraph *graph, MigCommand command, int rev, MigStep *step)
{
	memset(step, 0, sizeof(MigStep));
	step->command = command;
	if (rev < 0)
		return;
	step->revision = mig_graph_id(graph, rev);
	step->nparents = MIG_NEDGES(&graph->parents, rev);
	step->parents = &graph->parent_ids[graph->parents.start[rev]];
}

/* Room for so many ids. */
static const char **
new_ids(int n)
{
	return palloc(sizeof(char *) * n);
}
