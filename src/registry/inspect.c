/*
 * inspect.c
 *	  Answers to questions: current, heads, branches, history, show, plan.
 *
 * Takes no lock and writes nothing, so it works on a standby and beside a
 * run; reads with the snapshot of the query that asks.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "base/command.h"
#include "base/server.h"
#include "graph/graph.h"
#include "registry/registry.h"
#include "run/run.h"
#include "tables/job.h"
#include "tables/partial.h"
#include "tables/repeatable.h"
#include "tables/version.h"

/* A step of a plan and a note of this length fit into 80 columns. */
#define NOTE_LENGTH		44

/* What the database knows about its revisions. */
typedef struct Situation
{
	MigVersion *version;
	int			nknown;			/* of its rows, the first ones, name revisions */
	MigGraph   *graph;
	MigPartial *partial;
} Situation;

static void read_situation(Situation *situation);
static MigInspectRow *describe(const Situation *situation, MigRevList revs,
							   bool with_bodies, int *nrows);
static const char *state_of(const MigInspectRow *row);
static const char *kind_of(const MigInspectRow *row);
static MigInspectRow *add_unknown(const Situation *situation,
								  MigInspectRow *rows, int *nrows);
static const char *describe_partial(const MigPartial *partial,
									const char *revision);
static bool may_show(void);
static void describe_trust(const MigTrust *trust, MigCommand command,
						   bool with_hash, MigInspectStep *step);
static void describe_repeats(const MigPlan *plan, const MigVersion *version,
							 int first, bool with_hash, MigInspectStep *result);
static MigInspectRow *add_repeatables(const Situation *situation,
									  MigInspectRow *rows, int *nrows);
static MigInspectRow *show_repeatable(const Situation *situation,
									  const char *name, int *nrows);
static void describe_repeatable(const MigRepeatable *repeatable,
								MigInspectRow *row);
static void describe_step(const MigStep *step, const MigRevision *revision,
						  MigInspectStep *result);
static const char *note_of(const MigInspectStep *step);

/*
 * The current revisions, the one whose upgrade was interrupted, and the rows of
 * the version table that name none.
 */
MigInspectRow *
mig_inspect_current(int *nrows)
{
	Situation	now;
	MigRevList	revs;

	read_situation(&now);
	revs = mig_graph_current(now.graph, now.nknown, now.version->rows);
	if (now.partial != NULL && now.partial->operation == MIG_COMMAND_UPGRADE)
	{
		MigRevList	longer = {revs.n, palloc(sizeof(int) * (revs.n + 1))};

		if (revs.n > 0)
			memcpy(longer.rev, revs.rev, sizeof(int) * revs.n);
		longer.rev[longer.n++] = mig_graph_find(now.graph,
												now.partial->revision);
		revs = longer;
	}
	return add_unknown(&now, describe(&now, revs, false, nrows), nrows);
}

MigInspectRow *
mig_inspect_heads(bool real, int *nrows)
{
	Situation	now;
	MigRevList	revs;

	read_situation(&now);
	revs = mig_graph_heads(now.graph, real);
	return describe(&now, revs, false, nrows);
}

MigInspectRow *
mig_inspect_branches(int *nrows)
{
	Situation	now;
	MigRevList	revs;

	read_situation(&now);
	revs = mig_history_branch_points(now.graph);
	return describe(&now, revs, false, nrows);
}

MigInspectRow *
mig_inspect_history(const char *range, int *nrows)
{
	Situation	now;
	MigRevList	revs;
	MigInspectRow *rows;

	read_situation(&now);
	revs = mig_history_list(now.graph, range, now.nknown, now.version->rows);
	rows = describe(&now, revs, false, nrows);
	if (range != NULL)
		return rows;
	return add_unknown(&now, add_repeatables(&now, rows, nrows), nrows);
}

/*
 * The revisions that a target, or "current", stands for, with their bodies; or the
 * repeatable of that name.
 */
MigInspectRow *
mig_inspect_show(const char *revision, int *nrows)
{
	Situation	now;
	char	   *targets[1];
	MigRevList	revs;
	MigInspectRow *rows;

	read_situation(&now);
	targets[0] = unconstify(char *, revision);
	if ((rows = show_repeatable(&now, revision, nrows)) != NULL)
		return rows;
	if (strcmp(revision, "current") == 0)
		revs = mig_graph_current(now.graph, now.nknown, now.version->rows);
	else
		revs = mig_target_resolve_list(now.graph, 1, targets);
	return describe(&now, revs, true, nrows);
}

/*
 * The steps that a command would take.
 */
MigInspectStep *
mig_inspect_plan(const char *target, const char *command, int *nsteps)
{
	MigCommand	cmd = mig_command_by_name(command);
	MigVersion *version = mig_version_open(MIG_SPI_READ_CALLER);
	char	   *targets[1];
	MigPlan    *plan;
	MigPartial *partial;
	MigInspectStep *result;
	MigRevision *revisions;
	char	  **ids;
	int			nids = 0;
	int			first;			/* that is no revision */
	bool		said = false;
	MigTrust   *trust;
	bool		with_hash;

	targets[0] = unconstify(char *, target);
	mig_version_read(version, MIG_SPI_READ_CALLER);
	partial = mig_partial_find(version, MIG_SPI_READ_CALLER);
	plan = mig_run_plan(version, cmd, 1, targets, false,
						partial == NULL ? NULL : partial->revision,
						MIG_SPI_READ_CALLER);

	ids = palloc_extended(sizeof(char *) * Max(plan->nsteps, 1),
						  MCXT_ALLOC_HUGE);
	first = mig_repeat_first(plan);
	for (int i = 0; i < first; i++)
	{
		if (plan->steps[i].revision != NULL)
			ids[nids++] = unconstify(char *, plan->steps[i].revision);
	}
	revisions = mig_revision_describe(ids, nids, false);
	trust = mig_run_trust(version, cmd, ids, nids, true, MIG_SPI_READ_CALLER);
	with_hash = may_show();

	result = palloc_extended(sizeof(MigInspectStep) * Max(plan->nsteps, 1),
							 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	nids = 0;
	for (int i = 0; i < first; i++)
	{
		const MigStep *step = &plan->steps[i];

		result[i].step = i + 1;
		if (step->revision != NULL)
		{
			describe_trust(&trust[nids], cmd, with_hash, &result[i]);
			result[i].external = cmd == MIG_COMMAND_STAMP ? NULL :
				trust[nids].check.external;
		}
		describe_step(step, step->revision ? &revisions[nids++] : NULL,
					  &result[i]);
		if (partial != NULL && step->command == partial->operation)
			result[i].partial = describe_partial(partial, step->revision);
		result[i].note = note_of(&result[i]);
		said = said || result[i].partial != NULL;
	}
	if (first < plan->nsteps)
		describe_repeats(plan, version, first, with_hash, result);
	if (partial != NULL && !said)
		ereport(NOTICE,
				(errmsg("revision \"%s\" is partial", partial->revision),
				 partial->operation == MIG_COMMAND_UPGRADE ?
				 errdetail("Its upgrade was interrupted: %s. No other revision can run before it is resumed.",
						   mig_run_describe_partial(partial)) :
				 errdetail("Its downgrade was interrupted: %s. No other revision can run before it is resumed.",
						   mig_run_describe_partial(partial))));
	*nsteps = plan->nsteps;
	return result;
}

static void
describe_trust(const MigTrust *trust, MigCommand command, bool with_hash,
			   MigInspectStep *step)
{
	step->approved = trust->approved;
	step->trusted = trust->trusted;
	step->author = trust->check.author;
	step->hash = with_hash ? trust->hash : NULL;
	step->problem = mig_run_trust_problem(trust, command);
}

/*
 * The steps from that index on, which are of repeatables.
 */
static void
describe_repeats(const MigPlan *plan, const MigVersion *version, int first,
				 bool with_hash, MigInspectStep *result)
{
	int			n = plan->nsteps - first;
	char	  **names = palloc(sizeof(char *) * n);
	MigTrust   *trust;

	for (int i = 0; i < n; i++)
		names[i] = unconstify(char *, plan->steps[first + i].revision);
	trust = mig_run_trust(version, MIG_COMMAND_REPEAT, names, n, true,
						  MIG_SPI_READ_CALLER);
	for (int i = 0; i < n; i++)
	{
		MigInspectStep *step = &result[first + i];
		MigRepeatable repeatable;

		step->step = first + i + 1;
		step->operation = mig_command_name(MIG_COMMAND_REPEAT);
		step->revision = names[i];
		describe_trust(&trust[i], MIG_COMMAND_REPEAT, with_hash, step);
		step->transactions = "single";
		if (mig_repeatable_find(NULL, names[i], MIG_SPI_READ_CALLER, &repeatable))
		{
			step->message = repeatable.message;
			step->statements = repeatable.nstatements;
		}
		step->note = note_of(step);
	}
}

/*
 * Whether the current role may read bodies: by the hash, a secret in one could be
 * guessed.
 */
static bool
may_show(void)
{
	static MigSpiQuery query = {
		"SELECT WHERE " MIG_JOB_ROLE_MAY_EXECUTE("$1", "'migrate_show'")
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, GetUserId());
	return mig_spi_exists(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_CALLER);
}

/*
 * The rows of the version table that name no revision.
 */
char	  **
mig_inspect_unknown(int *nrows)
{
	Situation	now;

	read_situation(&now);
	*nrows = now.version->nrows - now.nknown;
	return now.version->rows + now.nknown;
}

/*
 * Whether an upgrade to the target has nothing to do, and no revision is
 * partial.  Null: nothing is registered, so there is no head to compare with.
 * false as well where the version table has a row that names no revision.
 */
bool
mig_inspect_is_current(const char *target, bool *isnull)
{
	MigVersion *version = mig_version_open(MIG_SPI_READ_CALLER);
	char	   *targets[1];
	int			nheads;
	int			nmissing;

	targets[0] = unconstify(char *, target);
	(void) mig_revision_heads(true, MIG_SPI_READ_CALLER, &nheads);
	*isnull = nheads == 0;
	if (*isnull)
		return false;
	mig_version_read(version, MIG_SPI_READ_CALLER);
	(void) mig_revision_missing(version->rows, version->nrows, false,
								MIG_SPI_READ_CALLER, &nmissing);
	return nmissing == 0 && mig_run_plan(version, MIG_COMMAND_UPGRADE, 1, targets,
										 false, NULL, MIG_SPI_READ_CALLER)->nsteps == 0 &&
		mig_partial_find(version, MIG_SPI_READ_CALLER) == NULL;
}

static void
read_situation(Situation *situation)
{
	situation->version = mig_version_open(MIG_SPI_READ_CALLER);
	mig_version_read(situation->version, MIG_SPI_READ_CALLER);
	situation->graph = mig_revision_graph(MIG_SPI_READ_CALLER);
	situation->nknown = mig_graph_known_rows(situation->graph,
											 situation->version->nrows,
											 situation->version->rows);
	situation->partial = mig_partial_find(situation->version,
										  MIG_SPI_READ_CALLER);
}

/*
 * Reads what the table knows about revisions and adds what the graph knows.
 */
static MigInspectRow *
describe(const Situation *situation, MigRevList revs, bool with_bodies,
		 int *nrows)
{
	const MigGraph *graph = situation->graph;
	bool	   *applied = mig_graph_applied(situation->graph,
											situation->nknown,
											situation->version->rows);
	char	  **ids = palloc(sizeof(char *) * Max(revs.n, 1));
	MigRevision *revisions;
	MigInspectRow *result;

	for (int i = 0; i < revs.n; i++)
		ids[i] = unconstify(char *, mig_graph_id(graph, revs.rev[i]));
	revisions = mig_revision_describe(ids, revs.n, with_bodies);

	result = palloc_extended(sizeof(MigInspectRow) * Max(revs.n, 1),
							 MCXT_ALLOC_HUGE);
	for (int i = 0; i < revs.n; i++)
	{
		result[i].revision = &revisions[i];
		result[i].applied = applied[revs.rev[i]];
		result[i].is_head = mig_graph_is_head(graph, revs.rev[i]);
		result[i].is_branch_point = mig_graph_is_branch_point(graph,
															  revs.rev[i]);
		result[i].is_merge_point = mig_graph_is_merge_point(graph,
															revs.rev[i]);
		result[i].partial = describe_partial(situation->partial, ids[i]);
		result[i].state = state_of(&result[i]);
		result[i].kind = kind_of(&result[i]);
	}
	*nrows = revs.n;
	return result;
}

static const char *
state_of(const MigInspectRow *row)
{
	if (row->partial != NULL)
		return "partial";
	return row->applied ? "applied" : "pending";
}

static const char *
kind_of(const MigInspectRow *row)
{
	/* A head is no branch point. */
	static const char *const kinds[8] = {
		NULL, "head", "merge", "merge head", "branch", NULL, "branch merge", NULL
	};
	const char *kind = kinds[(row->is_head ? 1 : 0) +
							 (row->is_merge_point ? 2 : 0) +
							 (row->is_branch_point ? 4 : 0)];

	if (row->revision->def.external == NULL)
		return kind;
	return kind == NULL ? "external" : psprintf("external %s", kind);
}

/*
 * Puts the rows of the version table in front that name no revision: applied,
 * and nothing else is known of them.
 */
static MigInspectRow *
add_unknown(const Situation *situation, MigInspectRow *rows, int *nrows)
{
	const MigVersion *version = situation->version;
	int			nunknown = version->nrows - situation->nknown;
	MigInspectRow *longer;

	if (nunknown == 0)
		return rows;
	longer = palloc_extended(sizeof(MigInspectRow) * (*nrows + nunknown),
							 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < nunknown; i++)
	{
		MigRevision *revision = palloc0(sizeof(MigRevision));

		revision->def.id = version->rows[situation->nknown + i];
		longer[i].revision = revision;
		longer[i].applied = true;
		longer[i].state = "unknown";
	}
	memcpy(longer + nunknown, rows, sizeof(MigInspectRow) * *nrows);
	*nrows += nunknown;
	return longer;
}

/*
 * Puts the repeatables in front, which run last.
 */
static MigInspectRow *
add_repeatables(const Situation *situation, MigInspectRow *rows, int *nrows)
{
	int			n;
	MigRepeatable *all = mig_repeatable_list(situation->version, false,
											 MIG_SPI_READ_CALLER, &n);
	MigInspectRow *longer;

	if (n == 0)
		return rows;
	longer = palloc_extended(sizeof(MigInspectRow) * (*nrows + n),
							 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	mig_repeatable_sort(all, n);
	for (int i = 0; i < n; i++)
		describe_repeatable(&all[i], &longer[n - 1 - i]);
	memcpy(longer + n, rows, sizeof(MigInspectRow) * *nrows);
	*nrows += n;
	return longer;
}

static MigInspectRow *
show_repeatable(const Situation *situation, const char *name, int *nrows)
{
	MigRepeatable repeatable;
	MigInspectRow *row;

	if (!mig_repeatable_find(situation->version, name, MIG_SPI_READ_CALLER,
							 &repeatable))
		return NULL;
	row = palloc0(sizeof(MigInspectRow));
	describe_repeatable(&repeatable, row);
	*nrows = 1;
	return row;
}

/*
 * As a revision that is applied where it has run as it is registered now.
 */
static void
describe_repeatable(const MigRepeatable *repeatable, MigInspectRow *row)
{
	MigRevision *revision = palloc0(sizeof(MigRevision));

	revision->def.id = repeatable->name;
	revision->def.message = repeatable->message;
	revision->def.ndepends = repeatable->ndepends;
	revision->def.depends = repeatable->depends;
	revision->def.allow = repeatable->allow;
	revision->def.upgrade = repeatable->body;
	revision->registered_by = repeatable->registered_by;
	revision->registered_at = repeatable->registered_at;
	revision->hash = repeatable->hash;
	row->revision = revision;
	row->applied = !repeatable->pending;
	row->state = repeatable->pending ? "pending" : "applied";
	row->kind = MIG_INSPECT_REPEATABLE;
}

/*
 * "upgrade: statement 4 was begun", or NULL for any other revision.
 */
static const char *
describe_partial(const MigPartial *partial, const char *revision)
{
	if (partial == NULL || strcmp(partial->revision, revision) != 0)
		return NULL;
	return psprintf("%s: %s", mig_command_name(partial->operation),
					mig_run_describe_partial(partial));
}

/*
 * How many transactions the step takes.
 */
static void
describe_step(const MigStep *step, const MigRevision *revision,
			  MigInspectStep *result)
{
	result->operation = mig_command_name(step->command);
	if (revision == NULL)
		return;
	result->revision = revision->def.id;
	result->message = revision->def.message;
	if (step->command != MIG_COMMAND_STAMP)
	{
		const MigBody *body = step->command == MIG_COMMAND_UPGRADE ?
		&revision->upgrade : &revision->downgrade;

		if (!mig_server()->rollback_undoes_ddl ||
			(step->command == MIG_COMMAND_UPGRADE ?
			 revision->def.upgrade_per_statement :
			 revision->def.downgrade_per_statement))
			result->transactions = "per statement";
		else
			result->transactions = body->nnontransactional > 0 || body->ntransactions > 1 ?
				"multiple" : "single";
		result->statements = body->nstatements;
		result->verifies = step->command == MIG_COMMAND_UPGRADE &&
			revision->verify.hash[0] != '\0';
		if (result->external != NULL)
			result->transactions = NULL;
	}
}

/*
 * What is to be known of the step first: that it is partial, why it would be
 * refused; and what has to be done elsewhere, or its message.
 */
static const char *
note_of(const MigInspectStep *step)
{
	const char *state = step->problem != NULL ? step->problem :
	step->partial != NULL ? "partial" : NULL;
	const char *note = step->external != NULL ? step->external : step->message;

	if (step->problem != NULL && step->partial != NULL)
		state = psprintf("partial, %s", step->problem);
	if (state == NULL && step->external != NULL)
		state = "external";
	if (state != NULL)
		note = note == NULL ? state : psprintf("%s: %s", state, note);
	return note == NULL ? NULL :
		pnstrdup(note, pg_mbcharcliplen(note, strlen(note), NOTE_LENGTH));
}
