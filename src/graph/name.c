/*
 * name.c
 *	  Names of revisions and branches.
 *
 * Names, partial names and branches mean what they mean to Alembic, also
 * where that surprises.  Where Alembic lets an unknown branch pass because
 * it happens not to look at it, we refuse it: a typing error must not choose
 * what is run.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "graph/graph_internal.h"

/* Shorter keys are found by their full name only. */
#define MIN_PARTIAL_KEY_CHARS	4

/* An ambiguous name is explained with at most this many candidates. */
#define MAX_CANDIDATES	5

static void add_related(const MigGraph *graph, int rev, bool dependencies,
						bool **set);
static int	lookup_partial(const MigGraph *graph, const char *symbol,
						   const char *branch, const char *kind);
static MigLabel *partial_matches(const MigGraph *graph, const char *symbol,
								 int *nresult);
pg_noreturn static void refuse_unknown(const char *kind, const char *symbol);
pg_noreturn static void refuse_ambiguous(const char *kind, const char *symbol,
										 int nmatches, const MigLabel *matches);

/*
 * Split a name at its first @.  An empty branch counts as none.
 */
void
mig_name_split(const char *name, char **branch, char **symbol)
{
	const char *at = strchr(name, '@');

	*branch = at != NULL && at > name ? pnstrdup(name, at - name) : NULL;
	*symbol = pstrdup(at != NULL ? at + 1 : name);
}

/*
 * Take a name apart and find what "head", "heads" and "base" stand for.
 * Raises for an empty symbol, an unknown branch, and several "head"s.
 */
MigName
mig_name_parse(const MigGraph *graph, const char *name)
{
	MigName		parts;
	bool		single;

	memset(&parts, 0, sizeof(parts));
	mig_name_split(name, &parts.branch, &parts.symbol);
	if (parts.symbol[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target \"%s\" names no revision", name),
				 errhint("Write a revision, \"head\", \"heads\" or \"base\".")));
	if (parts.branch != NULL)
		(void) mig_name_lookup_branch(graph, parts.branch);

	single = strcmp(parts.symbol, "head") == 0;
	if (single || strcmp(parts.symbol, "heads") == 0)
	{
		parts.revs = mig_graph_heads(graph,
									 !single && parts.branch == NULL,
									 &parts.nrevs);
		if (parts.branch != NULL)
			parts.revs = mig_name_filter_lineage(graph, parts.nrevs,
												 parts.revs, parts.branch,
												 false, &parts.nrevs);
		if (single && parts.nrevs > 1)
			mig_name_refuse_many_heads(graph, name, parts.nrevs, parts.revs);
	}
	else if (strcmp(parts.symbol, "base") != 0)
		parts.literal = true;
	return parts;
}

/*
 * The revision that an id, a label or the start of one names, in a branch if
 * one is given.  Raises if there is none, or more than one.
 */
int
mig_name_lookup(const MigGraph *graph, const char *symbol,
				const char *branch)
{
	bool	   *members = NULL;
	int			rev;

	if (branch != NULL)
		members = mig_name_find_members(graph, branch);
	if (mig_graph_key(graph, symbol, &rev) == MIG_KEY_NONE)
		rev = lookup_partial(graph, symbol, branch, "revision");
	if (members != NULL && !members[rev])
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("revision \"%s\" is not a member of branch \"%s\"",
						mig_graph_id(graph, rev), branch),
				 errhint("Use migrate_history() to list revisions and their branches.")));
	return rev;
}

/* The revision that stands for a branch; any name of a revision will do. */
int
mig_name_lookup_branch(const MigGraph *graph, const char *branch)
{
	int			rev;

	if (mig_graph_key(graph, branch, &rev) == MIG_KEY_NONE)
		rev = lookup_partial(graph, branch, NULL, "branch");
	return rev;
}

/* The revisions that are in a branch. */
bool *
mig_name_find_members(const MigGraph *graph, const char *branch)
{
	bool	   *set = NULL;

	add_related(graph, mig_name_lookup_branch(graph, branch), false, &set);
	return set;
}

/*
 * The revisions that carry a label: everything above the one it is written
 * on, and below it as long as the whole line is plain.
 */
bool *
mig_name_find_carriers(const MigGraph *graph, const char *label)
{
	const MigEdges *children = &graph->children;
	const MigEdges *down = &graph->down;
	int			origin;
	int			rev;
	bool	   *set;

	if (mig_graph_key(graph, label, &origin) != MIG_KEY_LABEL)
		return palloc0(graph->size + 1);
	set = mig_graph_reach(graph, children, 1, &origin);

	rev = origin;
	while (MIG_NEDGES(children, rev) == 1)
		rev = children->to[children->start[rev]];
	if (MIG_NEDGES(children, rev) > 1)
		return set;
	while (MIG_NEDGES(down, rev) <= 1 && MIG_NEDGES(&graph->all_children, rev) <= 1)
	{
		set[rev] = true;
		if (MIG_NEDGES(down, rev) == 0)
			break;
		rev = down->to[down->start[rev]];
	}
	return set;
}

/*
 * What is in the lineage of a name, or NULL for everything.  The symbol is
 * looked up only if needed, that is, if there is something to test: a target
 * of stamp that counts from the heads has no other meaning than that.
 * Dependencies count only for whole targets; otherwise the name is a branch,
 * and an error should call it so.
 */
bool *
mig_name_find_lineage(const MigGraph *graph, const char *against,
					  bool dependencies, bool needed)
{
	MigName		parts = mig_name_parse(graph, against);
	bool	   *set = NULL;
	int			i;

	if (!needed)
		return NULL;
	if (parts.branch != NULL)
		add_related(graph, mig_name_lookup_branch(graph, parts.branch),
					dependencies, &set);
	if (parts.literal && parts.branch == NULL && !dependencies)
		add_related(graph, mig_name_lookup_branch(graph, parts.symbol),
					dependencies, &set);
	else if (parts.literal)
		add_related(graph, mig_name_lookup(graph, parts.symbol, NULL),
					dependencies, &set);
	for (i = 0; i < parts.nrevs; i++)
		add_related(graph, parts.revs[i], dependencies, &set);
	return set;
}

/*
 * Those of the revisions that are in the lineage of a name: below or above
 * what it stands for, or its branch.  Dependencies count only on request.
 */
int *
mig_name_filter_lineage(const MigGraph *graph, int nrevs, const int *revs,
						const char *against, bool dependencies, int *nresult)
{
	bool	   *set = mig_name_find_lineage(graph, against, dependencies,
											nrevs > 0);
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

/* Raises: a name that must stand for one revision stands for several. */
void
mig_name_refuse_many_heads(const MigGraph *graph, const char *name,
						   int nheads, const int *heads)
{
	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
			 errmsg("multiple head revisions are present for target \"%s\"",
					name),
			 errdetail("The heads are %s.",
					   mig_graph_quote(graph, nheads, heads)),
			 errhint("Name one of them, write branch@head for the head of a branch, or \"heads\" for all. Use migrate_heads() to list them.")));
}

/* Add to the set, which may still be NULL, what is above and below, and it. */
static void
add_related(const MigGraph *graph, int rev, bool dependencies, bool **set)
{
	const MigEdges *down = dependencies ? &graph->parents : &graph->down;
	const MigEdges *up = dependencies ? &graph->all_children : &graph->children;
	bool	   *below = mig_graph_reach(graph, down, 1, &rev);
	bool	   *above = mig_graph_reach(graph, up, 1, &rev);
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
		lineage = mig_name_find_lineage(graph, branch, false, nmatches > 0);
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
