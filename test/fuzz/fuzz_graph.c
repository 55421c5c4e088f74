/*
 * fuzz_graph.c
 *	  Any text as revisions, of which a graph is made.
 *
 * A line is a revision: "id;down,down;label,label;depends,depends".  Whether
 * it can be a graph is decided here a second time, in the simplest way there
 * is; both must agree.  What is accepted can be planned from nothing to the
 * heads, and back.
 */
#include "postgres.h"

#include "base/compat.h"
#include "fuzz.h"
#include "graph/graph.h"

#define MAX_REVS	32
#define MAX_NAMES	8

typedef struct Rev
{
	char	   *id;
	int			n[3];			/* of each list: down, labels, depends */
	char	   *names[3][MAX_NAMES];
} Rev;

typedef struct Case
{
	int			nrevs;
	Rev			revs[MAX_REVS];
	MigGraph   *graph;
} Case;

enum
{
	DOWN,
	LABELS,
	DEPENDS
};

static void read_revs(Case *c, char *text);
static void build(void *arg);
static bool is_right(const Case *c);
static bool ids_are_right(const Case *c);
static bool has_order(const Case *c);
static int	find_id(const Case *c, const char *name);
static int	find_label(const Case *c, const char *name);
static int	count_key(const Case *c, const char *name);
static int	count_children(const Case *c, const char *id);
static void check_graph(const Case *c);
static void plan_all(void *arg);

int
LLVMFuzzerTestOneInput(const uint8_t * data, size_t size)
{
	FuzzInput	input = {data, size};
	Case	   *c = palloc0(sizeof(Case));
	int			sqlstate;

	read_revs(c, fuzz_text(&input));
	sqlstate = fuzz_try(build, c);
	fuzz_check(is_right(c) == (sqlstate == 0));
	if (sqlstate == 0)
	{
		check_graph(c);
		fuzz_check(fuzz_try(plan_all, c) == 0);
	}
	else
		fuzz_check(sqlstate == ERRCODE_UNDEFINED_OBJECT ||
				   sqlstate == ERRCODE_DUPLICATE_OBJECT ||
				   sqlstate == ERRCODE_INVALID_OBJECT_DEFINITION ||
				   sqlstate == ERRCODE_INVALID_PARAMETER_VALUE);
	fuzz_reset();
	return 0;
}

static void
read_revs(Case *c, char *text)
{
	char	   *line;

	while (c->nrevs < MAX_REVS && (line = strsep(&text, "\n")) != NULL)
	{
		Rev		   *rev = &c->revs[c->nrevs++];

		rev->id = strsep(&line, ";");
		for (int list = DOWN; list <= DEPENDS; list++)
		{
			char	   *names = strsep(&line, ";");
			char	   *name;

			while (rev->n[list] < MAX_NAMES &&
				   (name = strsep(&names, ",")) != NULL)
			{
				if (name[0] != '\0')
					rev->names[list][rev->n[list]++] = name;
			}
		}
	}
}

static void
build(void *arg)
{
	Case	   *c = arg;

	c->graph = mig_graph_create(0);
	for (int i = 0; i < c->nrevs; i++)
	{
		Rev		   *rev = &c->revs[i];

		MigRevisionDef def = {
			.id = rev->id,
			.ndown = rev->n[DOWN], .down = rev->names[DOWN],
			.nlabels = rev->n[LABELS], .labels = rev->names[LABELS],
			.ndepends = rev->n[DEPENDS], .depends = rev->names[DEPENDS]
		};

		mig_graph_add(c->graph, &def);
	}
	mig_graph_finish(c->graph);
}

/* Whether the revisions can be a graph. */
static bool
is_right(const Case *c)
{
	return ids_are_right(c) && has_order(c);
}

static bool
ids_are_right(const Case *c)
{
	for (int i = 0; i < c->nrevs; i++)
	{
		const Rev  *rev = &c->revs[i];

		if (rev->id[0] == '\0' || strpbrk(rev->id, "@-+:") != NULL ||
			count_key(c, rev->id) != 1)
			return false;
		for (int k = 0; k < rev->n[LABELS]; k++)
		{
			if (count_key(c, rev->names[LABELS][k]) != 1)
				return false;
		}
		for (int k = 0; k < rev->n[DOWN]; k++)
		{
			if (find_id(c, rev->names[DOWN][k]) < 0)
				return false;
		}
		for (int k = 0; k < rev->n[DEPENDS]; k++)
		{
			if (count_key(c, rev->names[DEPENDS][k]) == 0)
				return false;
		}
	}
	return true;
}

/* Takes away revisions without a parent that is left, until none is left. */
static bool
has_order(const Case *c)
{
	bool		gone[MAX_REVS] = {false};
	bool		progress = true;
	int			left = c->nrevs;

	while (progress)
	{
		progress = false;
		for (int i = 0; i < c->nrevs; i++)
		{
			const Rev  *rev = &c->revs[i];
			bool		free_to_go = !gone[i];

			for (int k = 0; k < rev->n[DOWN]; k++)
				free_to_go &= gone[find_id(c, rev->names[DOWN][k])];
			for (int k = 0; k < rev->n[DEPENDS]; k++)
			{
				const char *name = rev->names[DEPENDS][k];
				int			other = find_id(c, name);

				free_to_go &= gone[other >= 0 ? other : find_label(c, name)];
			}
			if (free_to_go)
			{
				gone[i] = progress = true;
				left--;
			}
		}
	}
	return left == 0;
}

static int
find_id(const Case *c, const char *name)
{
	for (int i = 0; i < c->nrevs; i++)
	{
		if (strcmp(c->revs[i].id, name) == 0)
			return i;
	}
	return -1;
}

static int
find_label(const Case *c, const char *name)
{
	for (int i = 0; i < c->nrevs; i++)
	{
		for (int k = 0; k < c->revs[i].n[LABELS]; k++)
		{
			if (strcmp(c->revs[i].names[LABELS][k], name) == 0)
				return i;
		}
	}
	return -1;
}

/* How many ids and labels are of this name. */
static int
count_key(const Case *c, const char *name)
{
	int			n = 0;

	for (int i = 0; i < c->nrevs; i++)
	{
		n += strcmp(c->revs[i].id, name) == 0;
		for (int k = 0; k < c->revs[i].n[LABELS]; k++)
			n += strcmp(c->revs[i].names[LABELS][k], name) == 0;
	}
	return n;
}

/* How many revisions have it as down revision. */
static int
count_children(const Case *c, const char *id)
{
	int			n = 0;

	for (int i = 0; i < c->nrevs; i++)
	{
		bool		found = false;

		for (int k = 0; k < c->revs[i].n[DOWN]; k++)
			found |= strcmp(c->revs[i].names[DOWN][k], id) == 0;
		n += found;
	}
	return n;
}

static void
check_graph(const Case *c)
{
	for (int i = 0; i < c->nrevs; i++)
	{
		const char *id = c->revs[i].id;
		int			rev = mig_graph_find(c->graph, id);
		int			nchildren = count_children(c, id);

		fuzz_check(rev >= 0 && rev < c->nrevs);
		fuzz_check(strcmp(mig_graph_id(c->graph, rev), id) == 0);
		fuzz_check(mig_graph_is_head(c->graph, rev) == (nchildren == 0));
		fuzz_check(mig_graph_is_branch_point(c->graph, rev) == (nchildren > 1));
	}
}

/* Up to the heads and down to base: every revision once. */
static void
plan_all(void *arg)
{
	Case	   *c = arg;
	char	   *heads = "heads";
	char	   *base = "base";
	char	   *rows[MAX_REVS];
	MigRevList	revs;
	MigPlanRequest up = {
		.command = MIG_COMMAND_UPGRADE, .ntargets = 1, .targets = &heads
	};
	MigPlanRequest down = {
		.command = MIG_COMMAND_DOWNGRADE, .ntargets = 1, .targets = &base
	};

	fuzz_check(mig_plan_build(c->graph, &up)->nsteps == c->nrevs);

	revs = mig_graph_heads(c->graph, true);
	for (int i = 0; i < revs.n; i++)
		rows[i] = pstrdup(mig_graph_id(c->graph, revs.rev[i]));
	down.nrows = revs.n;
	down.rows = rows;
	fuzz_check(mig_plan_build(c->graph, &down)->nsteps == c->nrevs);

	(void) mig_history_branch_points(c->graph);
	fuzz_check(mig_history_list(c->graph, NULL, 0, NULL).n == c->nrevs);
}
