/*
 * fuzz_target.c
 *	  Any target, from any rows, on any graph that can be one.
 *
 * The input is read as a graph, rows, a command and targets.  The
 * ancestors are kept a second time, as sets in the bits of a word, and each
 * plan is carried out on them: the order must be possible, each step must find the rows
 * that it changes, and the rows must always be the leaves of what is applied.
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "base/compat.h"
#include "fuzz.h"
#include "graph/graph.h"

#define MAX_REVS		24
#define MAX_ROWS		4
#define MAX_TARGETS		4
#define MAX_TARGET_SIZE 256

/* A set of revisions. */
typedef uint32 Set;

#define BIT(rev)		((Set) 1 << (rev))

typedef enum Question
{
	ASK_UPGRADE,
	ASK_DOWNGRADE,
	ASK_STAMP,
	ASK_HISTORY,
	NUM_QUESTIONS
} Question;

typedef struct Case
{
	Question	question;
	int			nrevs;
	char	   *ids[MAX_REVS];
	Set			down[MAX_REVS];
	Set			depends[MAX_REVS];
	Set			ancestors[MAX_REVS];	/* and itself */
	char	   *labels[MAX_REVS];	/* or NULL */
	MigGraph   *graph;
	Set			rows;
	int			nrows;
	char	   *row_ids[MAX_ROWS + 1];
	char	   *first;
	int			ntargets;
	char	   *targets[MAX_TARGETS];
	MigPlan    *plan;
} Case;

/* Ids that are the beginning of others, that are words, that are numbers. */
static const char *const id_starts[] =
{
	"", "ab", "abc", "abcd", "head", "1", "\303\244", "base"
};

/* Labels may have what ids may not. */
static const char *const label_names[] =
{
	"lab", "label", "abcde", "-1", "-2", "+1", "@-1", "a@b", "ab@", "x:y",
	"current", "12-1", "@", "\303\244\303\266"
};

/* What a target is made of. */
static const char *const words[] =
{
	"head", "heads", "base", "current", ":", "@", "+", "-", "+1", "-1", "+2",
	"-2", "@head", "@heads", "@base", "+99999999999999999999",
	"-99999999999999999999", "-0", "+0", "@@"
};

static void read_graph(Case *c, FuzzInput *input);
static Set	read_parent(const Case *c, FuzzInput *input, int rev);
static void add_revision(Case *c, int rev, bool by_label);
static void finish_graph(void *arg);
static void read_rows(Case *c, FuzzInput *input);
static void read_targets(Case *c, FuzzInput *input);
static void describe(const Case *c);
static void ask(void *arg);
static MigPlan *build_plan(const Case *c, MigCommand command,
						   int ntargets, char **targets);
static void check_plan(void *arg);
static void check_history(Case *c);
static void check_absolute(Case *c);
static void check_applied(Case *c);
static Set	change_rows(const Case *c, Set rows, const MigStep *step);
static Set	with_ancestors(const Case *c, Set revs);
static Set	with_descendants(const Case *c, int rev);
static Set	leaves(const Case *c, Set revs);
static int	index_of(const Case *c, const char *id);

int
LLVMFuzzerTestOneInput(const uint8_t * data, size_t size)
{
	FuzzInput	input = {data, size};
	Case	   *c = palloc0(sizeof(Case));
	int			sqlstate;

	c->question = fuzz_byte(&input) % NUM_QUESTIONS;
	read_graph(c, &input);
	fuzz_check(fuzz_try(finish_graph, c) == 0);
	read_rows(c, &input);
	read_targets(c, &input);
	if (getenv("FUZZ_DESCRIBE") != NULL)
		describe(c);

	sqlstate = fuzz_try(ask, c);
	fuzz_check(sqlstate == 0 ||
			   sqlstate == ERRCODE_UNDEFINED_OBJECT ||
			   sqlstate == ERRCODE_INVALID_PARAMETER_VALUE ||
			   sqlstate == ERRCODE_AMBIGUOUS_PARAMETER ||
			   sqlstate == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE);
	if (sqlstate == 0 && c->plan != NULL)
		fuzz_check(fuzz_try(check_plan, c) == 0);
	fuzz_reset();
	return 0;
}

/*
 * A byte says how many revisions there are.  Of each come the start of its id,
 * two down revisions, two dependencies and a label.
 */
static void
read_graph(Case *c, FuzzInput *input)
{
	int			nrevs = fuzz_byte(input) % (MAX_REVS + 1);

	c->graph = mig_graph_create(0);
	while (c->nrevs < nrevs)
	{
		int			rev = c->nrevs++;
		int			label;
		bool		by_label;

		c->ids[rev] = psprintf("%s%02d",
							   id_starts[fuzz_byte(input) % lengthof(id_starts)], rev);
		c->down[rev] = read_parent(c, input, rev);
		c->down[rev] |= read_parent(c, input, rev);
		c->depends[rev] = read_parent(c, input, rev);
		c->depends[rev] |= read_parent(c, input, rev);
		label = fuzz_byte(input);
		by_label = (label & 0x80) != 0;
		label &= 0x7F;
		if (label < lengthof(label_names))
			c->labels[rev] = pstrdup(label_names[label]);
		for (int i = 0; i < rev; i++)
		{
			if (c->labels[rev] != NULL && c->labels[i] != NULL &&
				strcmp(c->labels[rev], c->labels[i]) == 0)
				c->labels[rev] = NULL;
		}
		c->ancestors[rev] = BIT(rev) | with_ancestors(c, c->down[rev] |
													  c->depends[rev]);
		add_revision(c, rev, by_label);
	}
}

/* How many revisions back it is; none for zero. */
static Set
read_parent(const Case *c, FuzzInput *input, int rev)
{
	int			distance = fuzz_byte(input) % (rev + 1);

	return distance == 0 ? 0 : BIT(rev - distance);
}

static void
add_revision(Case *c, int rev, bool by_label)
{
	char	   *down[MAX_REVS];
	char	   *names[MAX_REVS];
	MigRevisionDef def = {.id = c->ids[rev], .down = down, .depends = names};

	for (int i = 0; i < rev; i++)
	{
		if (c->down[rev] & BIT(i))
			def.down[def.ndown++] = c->ids[i];
		if (c->depends[rev] & BIT(i))
			def.depends[def.ndepends++] = by_label && c->labels[i] != NULL ?
				c->labels[i] : c->ids[i];
	}
	def.nlabels = c->labels[rev] != NULL ? 1 : 0;
	def.labels = &c->labels[rev];
	mig_graph_add(c->graph, &def);
}

static void
finish_graph(void *arg)
{
	mig_graph_finish(((Case *) arg)->graph);
}

/* Up to MAX_ROWS, of which one may be named twice or be an ancestor of another. */
static void
read_rows(Case *c, FuzzInput *input)
{
	int			nrows = fuzz_byte(input) % (MAX_ROWS + 1);
	int			first = fuzz_byte(input);

	while (c->nrevs > 0 && c->nrows < nrows)
	{
		int			rev = fuzz_byte(input) % c->nrevs;

		c->row_ids[c->nrows++] = c->ids[rev];
		c->rows |= BIT(rev);
	}
	if (first < c->nrevs)
		c->first = c->ids[first];
}

/*
 * The rest: a letter for itself, and above 127 an id, a label or a word.  A
 * line end begins another target, for which only a stamp has a use.
 */
static void
read_targets(Case *c, FuzzInput *input)
{
	char	   *target = NULL;

	while (input->size > 0)
	{
		int			byte = fuzz_byte(input);
		char		letter[2] = {byte, '\0'};
		const char *part = letter;

		if (byte >= 0xE0)
			part = words[(byte & 0x1F) % lengthof(words)];
		else if (byte >= 0xC0)
			part = label_names[(byte & 0x1F) % lengthof(label_names)];
		else if (byte >= 0x80)
			part = c->nrevs > 0 ? c->ids[(byte & 0x3F) % c->nrevs] : "";
		if (target == NULL || byte == '\n')
		{
			if (c->ntargets == MAX_TARGETS)
				return;
			target = palloc0(MAX_TARGET_SIZE);
			c->targets[c->ntargets++] = target;
		}
		if (byte != '\n')
			strlcat(target, part, MAX_TARGET_SIZE);
	}
}

/* The case in words, for a person who looks into a finding. */
static void
describe(const Case *c)
{
	for (int rev = 0; rev < c->nrevs; rev++)
	{
		fprintf(stderr, "%s, label \"%s\", on", c->ids[rev],
				c->labels[rev] != NULL ? c->labels[rev] : "");
		for (int i = 0; i < rev; i++)
		{
			if (c->down[rev] & BIT(i))
				fprintf(stderr, " %s", c->ids[i]);
			else if (c->depends[rev] & BIT(i))
				fprintf(stderr, " (%s)", c->ids[i]);
		}
		fprintf(stderr, "\n");
	}
	fprintf(stderr, "question %d, first %s, rows", c->question,
			c->first != NULL ? c->first : "none");
	for (int i = 0; i < c->nrows; i++)
		fprintf(stderr, " %s", c->row_ids[i]);
	fprintf(stderr, ", targets");
	for (int i = 0; i < c->ntargets; i++)
		fprintf(stderr, " \"%s\"", c->targets[i]);
	fprintf(stderr, "\n");
}

static void
ask(void *arg)
{
	Case	   *c = arg;

	check_applied(c);
	switch (c->question)
	{
		case ASK_UPGRADE:
			c->plan = build_plan(c, MIG_COMMAND_UPGRADE, c->ntargets, c->targets);
			break;
		case ASK_DOWNGRADE:
			c->plan = build_plan(c, MIG_COMMAND_DOWNGRADE, c->ntargets,
								 c->targets);
			break;
		case ASK_STAMP:
			c->plan = build_plan(c, MIG_COMMAND_STAMP, c->ntargets, c->targets);
			break;
		default:
			check_history(c);
	}
}

static MigPlan *
build_plan(const Case *c, MigCommand command, int ntargets, char **targets)
{
	MigPlanRequest request = {
		.command = command,
		.nrows = c->nrows,
		.rows = unconstify(Case *, c)->row_ids,
		.ntargets = ntargets,
		.targets = targets,
		.first = c->first
	};

	return mig_plan_build(c->graph, &request);
}

/*
 * Carries out a plan.
 */
static void
check_plan(void *arg)
{
	Case	   *c = arg;
	Set			applied = with_ancestors(c, c->rows);
	Set			rows = c->rows;
	bool		independent = leaves(c, rows) == rows;

	/* Only a downgrade and a stamp start from rows that overlap. */
	fuzz_check(independent || c->question != ASK_UPGRADE);
	for (int i = 0; i < c->plan->nsteps; i++)
	{
		const MigStep *step = &c->plan->steps[i];
		int			rev = -1;

		fuzz_check(step->command == c->plan->command);
		if (step->revision != NULL)
			rev = index_of(c, step->revision);
		else
			fuzz_check(c->question == ASK_STAMP);

		if (c->question == ASK_UPGRADE)
		{
			fuzz_check((c->ancestors[rev] & ~applied) == BIT(rev));
			applied |= BIT(rev);
		}
		else if (c->question == ASK_DOWNGRADE)
		{
			fuzz_check(applied & BIT(rev));
			fuzz_check((with_descendants(c, rev) & applied) == BIT(rev));
			applied &= ~BIT(rev);
		}
		rows = change_rows(c, rows, step);
		if (c->question != ASK_STAMP && independent)
			fuzz_check(rows == leaves(c, applied));
	}
	if (c->question == ASK_STAMP)
		fuzz_check(!independent || rows == leaves(c, rows));
	else if (c->plan->nsteps > 0 || independent)
		check_absolute(c);
}

static void
check_history(Case *c)
{
	Set			seen = 0;
	MigRevList	revs = mig_history_list(c->graph, c->ntargets > 0 ?
										c->targets[0] : NULL,
										c->nrows, c->row_ids);

	fuzz_check(revs.n <= c->nrevs);
	for (int i = 0; i < revs.n; i++)
	{
		int			rev = index_of(c, mig_graph_id(c->graph, revs.rev[i]));

		fuzz_check(!(seen & BIT(rev)));
		seen |= BIT(rev);
	}

	/* Newest first: no revision comes after one of its ancestors. */
	for (int i = 0; i < revs.n; i++)
	{
		int			rev = index_of(c, mig_graph_id(c->graph, revs.rev[i]));

		seen &= ~BIT(rev);
		fuzz_check((with_descendants(c, rev) & seen) == 0);
	}
}

/*
 * A relative target can be said in other words; they mean the
 * same.
 */
static void
check_absolute(Case *c)
{
	char	   *absolute;
	MigPlan    *plan;

	if (c->ntargets != 1 || !mig_target_is_relative(c->targets[0]))
		return;
	absolute = mig_plan_make_absolute(c->graph, c->plan->command, c->nrows,
									  c->row_ids, c->targets[0]);
	plan = build_plan(c, c->plan->command, 1, &absolute);
	fuzz_check(plan->nsteps == c->plan->nsteps);
	for (int i = 0; i < plan->nsteps; i++)
		fuzz_check(strcmp(plan->steps[i].revision,
						  c->plan->steps[i].revision) == 0);
}

static void
check_applied(Case *c)
{
	Set			applied = with_ancestors(c, c->rows);
	bool	   *found = mig_graph_applied(c->graph, c->nrows,
										  c->row_ids);
	MigRevList	current;

	for (int i = 0; i < c->nrevs; i++)
	{
		int			rev = mig_graph_find(c->graph, c->ids[i]);

		fuzz_check(found[rev] == ((applied & BIT(i)) != 0));
	}
	current = mig_graph_current(c->graph, c->nrows, c->row_ids);
	fuzz_check(current.n >= pg_popcount32(leaves(c, applied)));
}

/* Each change must hit exactly one row. */
static Set
change_rows(const Case *c, Set rows, const MigStep *step)
{
	for (int i = 0; i < step->ndeletes; i++)
	{
		Set			row = BIT(index_of(c, step->deletes[i]));

		fuzz_check(rows & row);
		rows &= ~row;
	}
	if (step->update_from != NULL)
	{
		Set			row = BIT(index_of(c, step->update_from));

		fuzz_check(rows & row);
		rows &= ~row;
		row = BIT(index_of(c, step->update_to));
		fuzz_check(!(rows & row));
		rows |= row;
	}
	for (int i = 0; i < step->ninserts; i++)
	{
		Set			row = BIT(index_of(c, step->inserts[i]));

		fuzz_check(!(rows & row));
		rows |= row;
	}
	return rows;
}

/* They and their ancestors. */
static Set
with_ancestors(const Case *c, Set revs)
{
	Set			result = 0;

	for (int i = 0; i < c->nrevs; i++)
	{
		if (revs & BIT(i))
			result |= c->ancestors[i];
	}
	return result;
}

/* It and its descendants. */
static Set
with_descendants(const Case *c, int rev)
{
	Set			result = 0;

	for (int i = 0; i < c->nrevs; i++)
	{
		if (c->ancestors[i] & BIT(rev))
			result |= BIT(i);
	}
	return result;
}

/* Those that are no ancestor of another one of them. */
static Set
leaves(const Case *c, Set revs)
{
	Set			result = revs;

	for (int i = 0; i < c->nrevs; i++)
	{
		if (revs & BIT(i))
			result &= ~(c->ancestors[i] & ~BIT(i));
	}
	return result;
}

static int
index_of(const Case *c, const char *id)
{
	for (int i = 0; i < c->nrevs; i++)
	{
		if (strcmp(c->ids[i], id) == 0)
			return i;
	}
	fuzz_fail(__FILE__, __LINE__, "a revision is known");
}
