/*
 * name.c
 *	  Names of revisions and branches.
 *
 * Names, partial names and branches mean what they mean to Alembic, also
 * where that surprises.  An unknown branch is refused also where Alembic does
 * not check it: a typing error must not choose what is run.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "graph/graph_internal.h"

/* Shorter keys are found by their full name only. */
#define MIN_PARTIAL_KEY_CHARS	4

/* The detail of an ambiguous name lists at most this many candidates. */
#define MAX_CANDIDATES	5

static char *join_literals(const MigGraph *graph, MigRevList revs);
static char *free_name(const MigGraph *graph);
static bool *find_members(const MigGraph *graph, const char *branch);
static void add_related(const MigGraph *graph, int rev, bool dependencies,
						bool **set);
static int	lookup_partial(const MigGraph *graph, const char *symbol,
						   const char *branch, bool as_branch);
static MigLabel *partial_matches(const MigGraph *graph, const char *symbol,
								 int *nresult);
pg_noreturn static void refuse_unknown(const char *symbol, bool as_branch);
pg_noreturn static void refuse_ambiguous(const char *symbol, bool as_branch,
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
 * The parts of a name, with the revisions that "head", "heads" and "base" mean.
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
				 errmsg("target \"%s\" does not name a revision", name),
				 errhint("Use a revision id, a branch label, \"head\", \"heads\" or \"base\".")));
	if (parts.branch != NULL)
		(void) mig_name_lookup_branch(graph, parts.branch);

	single = strcmp(parts.symbol, "head") == 0;
	if (single || strcmp(parts.symbol, "heads") == 0)
	{
		parts.revs = mig_graph_heads(graph, !single && parts.branch == NULL);
		if (parts.branch != NULL)
			parts.revs = mig_name_filter_lineage(graph, parts.revs,
												 parts.branch, false);
		if (single && parts.revs.n > 1)
			mig_name_refuse_many_heads(graph, name, parts.revs);
	}
	else if (strcmp(parts.symbol, "base") != 0)
		parts.literal = true;
	return parts;
}

/*
 * The revision that an id, a label or the beginning of one names, in a branch
 * if one is given.  Raises if there is none, or more than one.
 */
int
mig_name_lookup(const MigGraph *graph, const char *symbol,
				const char *branch)
{
	bool	   *members = NULL;
	int			rev;

	if (branch != NULL)
		members = find_members(graph, branch);
	if (mig_graph_key(graph, symbol, &rev) == MIG_KEY_NONE)
		rev = lookup_partial(graph, symbol, branch, false);
	if (members != NULL && !members[rev])
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("revision \"%s\" is not a member of branch \"%s\"",
						mig_graph_id(graph, rev), branch),
				 errhint("Use migrate_history() to list revisions and their branches.")));
	return rev;
}

/* The revision that names a branch: by an id, a label or the beginning of one. */
int
mig_name_lookup_branch(const MigGraph *graph, const char *branch)
{
	int			rev;

	if (mig_graph_key(graph, branch, &rev) == MIG_KEY_NONE)
		rev = lookup_partial(graph, branch, NULL, true);
	return rev;
}

/*
 * The revisions that carry a label: the one it is written on and all of its
 * descendants, and its ancestors as far as no revision of the line is a branch
 * point, a merge point or a dependency.
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
	set = mig_graph_reach_one(graph, children, origin);

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
 * The lineage of a name, NULL for everything: what it means and its branch,
 * with all ancestors and descendants.
 *
 * dependencies: whether dependencies count.  They do for a target; otherwise
 * the name is a branch, and an error should call it so.
 * needed: whether there is something to test.  Otherwise symbols are not looked
 * up: a target of stamp with an offset from the heads has no other meaning.
 */
bool *
mig_name_find_lineage(const MigGraph *graph, const char *against,
					  bool dependencies, bool needed)
{
	MigName		parts = mig_name_parse(graph, against);
	bool	   *set = NULL;

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
	for (int i = 0; i < parts.revs.n; i++)
		add_related(graph, parts.revs.rev[i], dependencies, &set);
	return set;
}

/*
 * Those of the revisions that are in the lineage of a name.
 */
MigRevList
mig_name_filter_lineage(const MigGraph *graph, MigRevList revs,
						const char *against, bool dependencies)
{
	bool	   *set = mig_name_find_lineage(graph, against, dependencies,
											revs.n > 0);
	MigRevList	result = {0, palloc(sizeof(int) * (revs.n + 1))};

	for (int i = 0; i < revs.n; i++)
	{
		if (set == NULL || set[revs.rev[i]])
			result.rev[result.n++] = revs.rev[i];
	}
	return result;
}

/* Raise the error for a name that must mean one revision and means several. */
void
mig_name_refuse_many_heads(const MigGraph *graph, const char *name,
						   MigRevList heads)
{
	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
			 errmsg("multiple head revisions are present for target \"%s\"",
					name),
			 errdetail("The heads are %s.",
					   mig_graph_quote(graph, heads)),
			 heads.n > MIG_GRAPH_MAX_LISTED ?
			 errhint("Name one of them, or use branch@head for the head of a branch, or \"heads\" for all. Use migrate_heads() to list them, and migrate_merge() to join them.") :
			 errhint("Name one of them, or use branch@head for the head of a branch, or \"heads\" for all. SELECT migrate_merge(ARRAY[%s], %s) joins them; where files are loaded, a file does whose line \"-- down_revision:\" names them, which \"pg_migrate new\" makes with --parent for each.",
					 join_literals(graph, heads), free_name(graph))));
}

/* Ids as SQL writes them, with commas between them. */
static char *
join_literals(const MigGraph *graph, MigRevList revs)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < revs.n; i++)
		appendStringInfo(&buf, "%s%s", i > 0 ? ", " : "",
						 quote_literal_cstr(mig_graph_id(graph, revs.rev[i])));
	return buf.data;
}

/* A name for a merge that no revision has, as a literal. */
static char *
free_name(const MigGraph *graph)
{
	char	   *name = pstrdup("merge");
	int			rev;

	for (int i = 2; mig_graph_key(graph, name, &rev) != MIG_KEY_NONE; i++)
		name = psprintf("merge_%d", i);
	return quote_literal_cstr(name);
}

/* The revisions of a branch: its revision, the ancestors and descendants. */
static bool *
find_members(const MigGraph *graph, const char *branch)
{
	bool	   *set = NULL;

	add_related(graph, mig_name_lookup_branch(graph, branch), false, &set);
	return set;
}

/* Add a revision, its ancestors and its descendants to a set, or to NULL. */
static void
add_related(const MigGraph *graph, int rev, bool dependencies, bool **set)
{
	bool	   *ancestors = mig_graph_reach_one(graph, dependencies ?
												&graph->parents : &graph->down,
												rev);
	bool	   *related = mig_graph_reach_one(graph, dependencies ?
											  &graph->all_children :
											  &graph->children, rev);

	for (int i = 0; i < graph->size; i++)
		related[i] = related[i] || ancestors[i] || (*set != NULL && (*set)[i]);
	pfree(ancestors);
	if (*set != NULL)
		pfree(*set);
	*set = related;
}

/*
 * The revision of the only key that begins with the symbol.  as_branch: an
 * error should call it a branch.
 */
static int
lookup_partial(const MigGraph *graph, const char *symbol, const char *branch,
			   bool as_branch)
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
		refuse_unknown(symbol, as_branch);
	if (n > 1)
		refuse_ambiguous(symbol, as_branch, n, matches);
	return matches[0].rev;
}

/*
 * The ids and labels that are long enough and begin with the symbol.  A
 * revision can be among them twice, by its id and by a label.
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
refuse_unknown(const char *symbol, bool as_branch)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 as_branch ? errmsg("branch \"%s\" does not exist", symbol) :
			 errmsg("revision \"%s\" does not exist", symbol),
			 pg_mbstrlen(symbol) < MIN_PARTIAL_KEY_CHARS ?
			 errdetail("No revision or label has this name, and none of at least %d characters begins with it.",
					   MIN_PARTIAL_KEY_CHARS) : 0,
			 errhint("Use migrate_heads() or migrate_history() to list revisions that can be a target.")));
}

static void
refuse_ambiguous(const char *symbol, bool as_branch, int nmatches,
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
			 as_branch ? errmsg("branch \"%s\" is ambiguous", symbol) :
			 errmsg("revision \"%s\" is ambiguous", symbol),
			 errdetail("It is the beginning of %s.", buf.data),
			 errhint("Use more characters.")));
}
