/*
 * rev_target.c
 *	  What a user writes -> revisions.
 *
 * Names, partial names, branches and offsets mean what they mean to Alembic,
 * also where that surprises.  Where Alembic lets an unknown branch pass
 * because it happens not to look at it, we refuse it: a typing error must
 * not choose what is run.
 */
#include "postgres.h"

#include <ctype.h>
#include <limits.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "rev_target.h"

/* Shorter keys are found by their full name only. */
#define MIN_PARTIAL_KEY_CHARS	4

/* An ambiguous name is explained with at most this many candidates. */
#define MAX_CANDIDATES	5

/* A name taken apart, and what it stands for if that is a symbol. */
typedef struct MigName
{
	char	   *branch;			/* NULL when not given */
	char	   *symbol;
	bool		literal;		/* an id, a label or the start of one */
	int			nrevs;			/* otherwise: these */
	int		   *revs;
} MigName;

static bool match_offset(const char *text, MigRelative *rel);
static MigName resolve_symbol(const MigGraph *graph, const char *name);
static void refuse_many_heads(const MigGraph *graph, const char *name,
							  int nheads, const int *heads) pg_attribute_noreturn();
static bool is_negative_number(const char *symbol, int *value);
static int *walk_from_heads(const MigGraph *graph, const char *branch,
							int steps, int *nresult);
static bool *related_to(const MigGraph *graph, int rev, bool dependencies);
static bool *lineage_set(const MigGraph *graph, const char *against,
						 bool dependencies, bool needed);
static void add_related(const MigGraph *graph, int rev, bool dependencies,
						bool **set);
static int	lookup_partial(const MigGraph *graph, const char *symbol,
						   const char *branch, const char *kind);
static MigLabel *partial_matches(const MigGraph *graph, const char *symbol,
								 int *nresult);
static void refuse_unknown(const char *kind, const char *symbol) pg_attribute_noreturn();
static void refuse_ambiguous(const char *kind, const char *symbol,
							 int nmatches, const MigLabel *matches) pg_attribute_noreturn();
static int *bases(const MigGraph *graph, int *nresult);

/*
 * Whether the target is relative, and its parts.  The branch is the shortest
 * one that leaves something relative behind its @, so "a@b-1" is one below b
 * in branch a.  Raises when something follows the digits.
 */
bool
mig_rev_target_relative(const char *target, MigRelative *rel)
{
	const char *at;

	memset(rel, 0, sizeof(MigRelative));
	for (at = strchr(target, '@'); at != NULL; at = strchr(at + 1, '@'))
	{
		if (at > target && match_offset(at + 1, rel))
		{
			rel->branch = pnstrdup(target, at - target);
			break;
		}
	}
	if (at == NULL && !match_offset(target, rel))
		return false;
	if (rel->offset_text[1 + strspn(rel->offset_text + 1, "0123456789")] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid target \"%s\"", target),
				 errdetail("Nothing may follow the digits of an offset.")));
	return true;
}

/*
 * Split a name at its first @.  An empty branch counts as none.
 */
void
mig_rev_target_split(const char *name, char **branch, char **symbol)
{
	const char *at = strchr(name, '@');

	*branch = at != NULL && at > name ? pnstrdup(name, at - name) : NULL;
	*symbol = pstrdup(at != NULL ? at + 1 : name);
}

/*
 * The revision that an id, a label or the start of one names, in a branch if
 * one is given.  Raises if there is none, or more than one.
 */
int
mig_rev_target_lookup(const MigGraph *graph, const char *symbol,
					  const char *branch)
{
	int			branch_rev = MIG_REV_NONE;
	int			rev;

	if (branch != NULL)
		branch_rev = mig_rev_target_branch(graph, branch);
	if (mig_rev_graph_key(graph, symbol, &rev) == MIG_KEY_NONE)
		rev = lookup_partial(graph, symbol, branch, "revision");
	if (branch != NULL && !related_to(graph, branch_rev, false)[rev])
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("revision \"%s\" is not a member of branch \"%s\"",
						mig_rev_graph_id(graph, rev), branch),
				 errhint("Use migrate_history() to list revisions and their branches.")));
	return rev;
}

/* The revision that stands for a branch; any name of a revision will do. */
int
mig_rev_target_branch(const MigGraph *graph, const char *branch)
{
	int			rev;

	if (mig_rev_graph_key(graph, branch, &rev) == MIG_KEY_NONE)
		rev = lookup_partial(graph, branch, NULL, "branch");
	return rev;
}

/*
 * The one revision that a name stands for, or MIG_REV_NONE for base (and for
 * the head of nothing).  Raises if there are several.
 */
int
mig_rev_target_one(const MigGraph *graph, const char *name)
{
	MigName		parts = resolve_symbol(graph, name);

	if (parts.literal)
		return mig_rev_target_lookup(graph, parts.symbol, parts.branch);
	if (parts.nrevs > 1)
		refuse_many_heads(graph, name, parts.nrevs, parts.revs);
	if (parts.nrevs == 0)
		return MIG_REV_NONE;
	return mig_rev_target_lookup(graph,
								 mig_rev_graph_id(graph, parts.revs[0]),
								 parts.branch);
}

/*
 * All revisions that a name stands for; none for base.  A negative number
 * counts from the real heads, and then a result can be MIG_REV_BASE or
 * MIG_REV_NONE.
 */
int *
mig_rev_target_many(const MigGraph *graph, const char *name, int *nresult)
{
	MigName		parts = resolve_symbol(graph, name);
	int		   *result;
	bool	   *members;
	int			steps;
	int			i;

	if (parts.literal)
	{
		if (is_negative_number(parts.symbol, &steps))
			return walk_from_heads(graph, parts.branch, steps, nresult);
		result = palloc(sizeof(int));
		result[0] = mig_rev_target_lookup(graph, parts.symbol, parts.branch);
		*nresult = 1;
		return result;
	}
	*nresult = parts.nrevs;
	if (parts.branch == NULL)
		return parts.revs;

	members = related_to(graph, mig_rev_target_branch(graph, parts.branch),
						 false);
	for (i = 0; i < parts.nrevs; i++)
	{
		if (!members[parts.revs[i]])
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("revision \"%s\" is not a member of branch \"%s\"",
							mig_rev_graph_id(graph, parts.revs[i]),
							parts.branch)));
	}
	return parts.revs;
}

/*
 * Those of the revisions that are in the lineage of a name: below or above
 * what it stands for, or its branch.  Dependencies count only on request.
 */
int *
mig_rev_target_in_lineage(const MigGraph *graph, int nrevs, const int *revs,
						  const char *against, bool dependencies, int *nresult)
{
	bool	   *set = lineage_set(graph, against, dependencies, nrevs > 0);
	int		   *result = palloc(sizeof(int) * (nrevs + 1));
	int			n = 0;
	int			i;

	for (i = 0; i < nrevs; i++)
	{
		if (set == NULL || set[revs[i]])
			result[n++] = revs[i];
	}
	*nresult = n;
	return result;
}

/*
 * Walk a number of steps up, choosing among kids by branch, or down.  Where
 * there is no way on, a strict walk fails with MIG_REV_NONE, another one
 * stays where it is.  Raises if there are several ways.
 */
int
mig_rev_target_walk(const MigGraph *graph, int at, int steps,
					const char *branch, bool strict)
{
	bool		up = steps > 0;
	bool	   *lineage = NULL;
	int			nways;
	int		   *ways;
	int			i;

	if (up && branch != NULL)
		lineage = lineage_set(graph, branch, false, true);
	for (; steps != 0; steps += up ? -1 : 1)
	{
		const MigEdges *edges = up ? &graph->kids : &graph->down;
		int			n = 0;
		int			next = MIG_REV_NONE;

		CHECK_FOR_INTERRUPTS();
		if (at >= 0)
		{
			nways = MIG_NEDGES(edges, at);
			ways = &edges->to[edges->start[at]];
		}
		else if (at == MIG_REV_BASE)
			return strict ? MIG_REV_NONE : at;
		else
			ways = up ? bases(graph, &nways) :
				mig_rev_graph_heads(graph, false, &nways);

		for (i = 0; i < nways; i++)
		{
			if (lineage != NULL && !lineage[ways[i]])
				continue;
			if (n++ > 0)
				ereport(ERROR,
						(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
						 errmsg("ambiguous walk"),
						 errdetail("There is more than one way %s from %s: %s.",
								   up ? "up" : "down",
								   at < 0 ? "the end" : mig_rev_graph_quote(graph, 1, &at),
								   mig_rev_graph_quote(graph, nways, ways)),
						 errhint("Name the revision, or say which branch with branch@.")));
			next = ways[i];
		}
		if (n == 0 && !up)
			next = MIG_REV_BASE;
		else if (n == 0)
			return strict ? MIG_REV_NONE : at;
		at = next;
	}
	return at;
}

/*
 * The revisions that carry a label: everything above the one it is written
 * on, and below it as long as the whole line is plain.
 */
bool *
mig_rev_target_carriers(const MigGraph *graph, const char *label)
{
	const MigEdges *kids = &graph->kids;
	const MigEdges *down = &graph->down;
	int			origin;
	int			rev;
	bool	   *set;

	if (mig_rev_graph_key(graph, label, &origin) != MIG_KEY_LABEL)
		return palloc0(graph->size + 1);
	set = mig_rev_graph_reach(graph, kids, 1, &origin);

	rev = origin;
	while (MIG_NEDGES(kids, rev) == 1)
		rev = kids->to[kids->start[rev]];
	if (MIG_NEDGES(kids, rev) > 1)
		return set;
	while (MIG_NEDGES(down, rev) <= 1 && MIG_NEDGES(&graph->allkids, rev) <= 1)
	{
		set[rev] = true;
		if (MIG_NEDGES(down, rev) == 0)
			break;
		rev = down->to[down->start[rev]];
	}
	return set;
}

/* [symbol]{+|-}digits at the beginning of the text. */
static bool
match_offset(const char *text, MigRelative *rel)
{
	const char *p = text;
	long		value;

	/* outside ASCII nearly everything in a name is a letter */
	while (isalnum((unsigned char) *p) || *p == '_' || IS_HIGHBIT_SET(*p))
		p++;
	if ((*p != '+' && *p != '-') || !isdigit((unsigned char) p[1]))
		return false;
	rel->symbol = p > text ? pnstrdup(text, p - text) : NULL;
	rel->offset_text = p;
	value = strtol(p, NULL, 10);
	rel->offset = (int) Max(-INT_MAX, Min(INT_MAX, value));
	return true;
}

/*
 * Take a name apart and find what "head", "heads" and "base" stand for.
 * Raises for an empty symbol, an unknown branch, and several "head"s.
 */
static MigName
resolve_symbol(const MigGraph *graph, const char *name)
{
	MigName		parts;
	bool		single;

	memset(&parts, 0, sizeof(parts));
	mig_rev_target_split(name, &parts.branch, &parts.symbol);
	if (parts.symbol[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target \"%s\" names no revision", name),
				 errhint("Write a revision, \"head\", \"heads\" or \"base\".")));
	if (parts.branch != NULL)
		(void) mig_rev_target_branch(graph, parts.branch);

	single = strcmp(parts.symbol, "head") == 0;
	if (single || strcmp(parts.symbol, "heads") == 0)
	{
		parts.revs = mig_rev_graph_heads(graph,
										 !single && parts.branch == NULL,
										 &parts.nrevs);
		if (parts.branch != NULL)
			parts.revs = mig_rev_target_in_lineage(graph, parts.nrevs,
												   parts.revs, parts.branch,
												   false, &parts.nrevs);
		if (single && parts.nrevs > 1)
			refuse_many_heads(graph, name, parts.nrevs, parts.revs);
	}
	else if (strcmp(parts.symbol, "base") != 0)
		parts.literal = true;
	return parts;
}

static void
refuse_many_heads(const MigGraph *graph, const char *name, int nheads,
				  const int *heads)
{
	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
			 errmsg("multiple head revisions are present for target \"%s\"",
					name),
			 errdetail("The heads are %s.",
					   mig_rev_graph_quote(graph, nheads, heads)),
			 errhint("Name one of them, write branch@head for the head of a branch, or \"heads\" for all. Use migrate_heads() to list them.")));
}

/* "-" and digits that are not all zero. */
static bool
is_negative_number(const char *symbol, int *value)
{
	long		number;

	if (symbol[0] != '-' || symbol[1] == '\0' ||
		symbol[1 + strspn(symbol + 1, "0123456789")] != '\0')
		return false;
	number = strtol(symbol, NULL, 10);
	*value = (int) Max(-INT_MAX, number);
	return number < 0;
}

/* Down from the real heads, with a branch from those that carry its name. */
static int *
walk_from_heads(const MigGraph *graph, const char *branch, int steps,
				int *nresult)
{
	int			nheads;
	int		   *heads = mig_rev_graph_heads(graph, true, &nheads);
	bool	   *carriers = NULL;
	int			n = 0;
	int			i;

	if (branch != NULL)
		carriers = mig_rev_target_carriers(graph, branch);
	for (i = 0; i < nheads; i++)
	{
		if (carriers == NULL || carriers[heads[i]])
			heads[n++] = mig_rev_target_walk(graph, heads[i], steps, NULL,
											 true);
	}
	*nresult = n;
	return heads;
}

/* Everything above and below a revision, and itself. */
static bool *
related_to(const MigGraph *graph, int rev, bool dependencies)
{
	bool	   *set = NULL;

	add_related(graph, rev, dependencies, &set);
	return set;
}

/*
 * What is in the lineage of a name, or NULL for everything.  The symbol is
 * looked up only if needed, that is, if there is something to test: a target
 * of stamp that counts from the heads has no other meaning than that.
 */
static bool *
lineage_set(const MigGraph *graph, const char *against, bool dependencies,
			bool needed)
{
	MigName		parts = resolve_symbol(graph, against);
	bool	   *set = NULL;
	int			i;

	if (!needed)
		return NULL;
	if (parts.branch != NULL)
		add_related(graph, mig_rev_target_branch(graph, parts.branch),
					dependencies, &set);
	if (parts.literal)
		add_related(graph, mig_rev_target_lookup(graph, parts.symbol, NULL),
					dependencies, &set);
	for (i = 0; i < parts.nrevs; i++)
		add_related(graph, parts.revs[i], dependencies, &set);
	return set;
}

static void
add_related(const MigGraph *graph, int rev, bool dependencies, bool **set)
{
	const MigEdges *down = dependencies ? &graph->parents : &graph->down;
	const MigEdges *up = dependencies ? &graph->allkids : &graph->kids;
	bool	   *below = mig_rev_graph_reach(graph, down, 1, &rev);
	bool	   *above = mig_rev_graph_reach(graph, up, 1, &rev);
	int			i;

	for (i = 0; i < graph->size; i++)
		above[i] = above[i] || below[i] || (*set != NULL && (*set)[i]);
	pfree(below);
	if (*set != NULL)
		pfree(*set);
	*set = above;
}

/* The revision of the only key that starts with the symbol. */
static int
lookup_partial(const MigGraph *graph, const char *symbol, const char *branch,
			   const char *kind)
{
	int			nmatches;
	MigLabel   *matches = partial_matches(graph, symbol, &nmatches);
	bool	   *lineage = NULL;
	int			n = 0;
	int			i;

	if (branch != NULL)
		lineage = lineage_set(graph, branch, false, nmatches > 0);
	for (i = 0; i < nmatches; i++)
	{
		if (lineage == NULL || lineage[matches[i].rev])
			matches[n++] = matches[i];
	}
	if (n == 0)
		refuse_unknown(kind, symbol);
	if (n > 1)
		refuse_ambiguous(kind, symbol, n, matches);
	return matches[0].rev;
}

/*
 * The ids and labels that are long enough and start with the symbol.  A
 * revision can be there twice, by its id and by a label.
 */
static MigLabel *
partial_matches(const MigGraph *graph, const char *symbol, int *nresult)
{
	size_t		len = strlen(symbol);
	MigLabel   *matches;
	int			low = 0;
	int			high = graph->size;
	int			n = 0;
	int			i;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (strcmp(graph->revs[middle].id, symbol) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (high = low; high < graph->size; high++)
	{
		if (strncmp(graph->revs[high].id, symbol, len) != 0)
			break;
	}

	matches = palloc(sizeof(MigLabel) * (high - low + graph->nlabels + 1));
	for (i = low; i < high; i++)
	{
		matches[n].name = graph->revs[i].id;
		matches[n].rev = i;
		if (pg_mbstrlen(matches[n].name) >= MIN_PARTIAL_KEY_CHARS)
			n++;
	}
	for (i = 0; i < graph->nlabels; i++)
	{
		matches[n] = graph->labels[i];
		if (strncmp(matches[n].name, symbol, len) == 0 &&
			pg_mbstrlen(matches[n].name) >= MIN_PARTIAL_KEY_CHARS)
			n++;
	}
	*nresult = n;
	return matches;
}

static void
refuse_unknown(const char *kind, const char *symbol)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("%s \"%s\" does not exist", kind, symbol),
			 pg_mbstrlen(symbol) < MIN_PARTIAL_KEY_CHARS ?
			 errdetail("No revision or label has this name, and none of at least %d characters starts with it.",
					   MIN_PARTIAL_KEY_CHARS) : 0,
			 errhint("Use migrate_heads() or migrate_history() to list revisions that can be a target.")));
}

static void
refuse_ambiguous(const char *kind, const char *symbol, int nmatches,
				 const MigLabel *matches)
{
	StringInfoData buf;
	int			i;

	initStringInfo(&buf);
	for (i = 0; i < Min(nmatches, MAX_CANDIDATES); i++)
		appendStringInfo(&buf, "%s\"%s\"", i > 0 ? ", " : "", matches[i].name);
	if (nmatches > MAX_CANDIDATES)
		appendStringInfoString(&buf, ", ...");
	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
			 errmsg("%s \"%s\" is ambiguous", kind, symbol),
			 errdetail("It is the beginning of %s.", buf.data),
			 errhint("Write more characters.")));
}

static int *
bases(const MigGraph *graph, int *nresult)
{
	int		   *result = palloc(sizeof(int) * (graph->size + 1));
	int			n = 0;
	int			i;

	for (i = 0; i < graph->size; i++)
	{
		if (MIG_NEDGES(&graph->down, i) == 0)
			result[n++] = i;
	}
	*nresult = n;
	return result;
}
