/*
 * downgrade.c
 *	  Resolves the target of a downgrade to the revisions to downgrade.
 *
 * The target remains; its descendants, and what depends on one of these, are
 * downgraded as far as they are applied.
 */
#include "postgres.h"

#include "graph/graph_internal.h"

static int	parse_target(const MigGraph *graph, int nrows, const int *rows,
						 const char *target, char **branch);
static int	parse_relative(const MigGraph *graph, int nrows, const int *rows,
						   const char *target, MigRelative *rel,
						   char **branch);
static int	parse_absolute(const MigGraph *graph, const char *target,
						   char **branch);
static int *find_roots(const MigGraph *graph, int destination,
					   const char *branch, int *nresult);

/*
 * The set of revisions to downgrade.  Raises when no descendant of the target
 * is applied, unless the target is a row, or base.
 */
bool *
mig_downgrade_find_members(const MigGraph *graph, int nrows, const int *rows,
						   const char *target)
{
	char	   *branch = NULL;
	int			destination = parse_target(graph, nrows, rows, target, &branch);
	int			nroots;
	int		   *roots = find_roots(graph, destination, branch, &nroots);
	bool	   *members = mig_graph_reach(graph, &graph->all_children,
										  nroots, roots);
	bool	   *applied = mig_graph_reach(graph, &graph->parents,
										  nrows, rows);
	bool		valid = destination < 0;
	int			i;

	for (i = 0; i < graph->size; i++)
	{
		members[i] = members[i] && applied[i];
		valid = valid || members[i];
	}
	for (i = 0; i < nrows; i++)
		valid = valid || rows[i] == destination;
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("\"%s\" is not a valid downgrade target from the current heads",
						target),
				 errdetail("No descendant of revision \"%s\" is applied.",
						   mig_graph_id(graph, destination)),
				 errhint("Use migrate_current() to see what is applied.")));
	return members;
}

/*
 * The same target as one that is not relative to the rows.
 */
char *
mig_downgrade_make_absolute(const MigGraph *graph, int nrows, const int *rows,
							const char *target)
{
	char	   *branch = NULL;
	int			destination = parse_target(graph, nrows, rows, target, &branch);
	const char *name = destination < 0 ? "base" :
	mig_graph_id(graph, destination);

	return branch == NULL ? pstrdup(name) : psprintf("%s@%s", branch, name);
}

/*
 * The revision from which "-N" or "branch@-N" walks down.  Without branch that
 * is the start itself, which then is its own branch.
 */
int
mig_downgrade_find_start(const MigGraph *graph, const MigStart *start,
						 const char *branch)
{
	int			nfound = 0;
	int		   *found;
	int			named;
	const char *name = start->name;

	if (name != NULL && (strcmp(name, "head") == 0 ||
						 strcmp(name, "heads") == 0 ||
						 strcmp(name, "base") == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot walk that far down from \"%s\"", name),
				 errhint("Name the revision from which to walk.")));
	if (branch == NULL)
	{
		if (name == NULL)
			name = mig_graph_id(graph, start->rows[0]);
		return mig_target_resolve_one(graph, psprintf("%s@%s", name, name));
	}

	if (name != NULL)
	{
		named = mig_name_lookup(graph, name, NULL);
		found = mig_name_filter_lineage(graph, 1, &named, branch, false,
										&nfound);
	}
	else
		found = mig_name_filter_lineage(graph, start->nrows, start->rows,
										branch, false, &nfound);
	if (nfound == 0)
	{
		/* The branch may be applied only because others depend on it. */
		found = mig_upgrade_find_starts(graph, start, &nfound);
		found = mig_graph_leaves(graph, nfound, found, &nfound);
		found = mig_name_filter_lineage(graph, nfound, found, branch, false,
										&nfound);
	}
	if (nfound == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("branch \"%s\" has no current revision", branch),
				 errhint("Use migrate_current() to see what is applied.")));
	if (nfound > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("branch \"%s\" has more than one current revision",
						branch),
				 errdetail("The current revisions are %s.",
						   mig_graph_quote(graph, nfound, found)),
				 errhint("Use an offset from one of them, as in revision-1.")));
	return mig_target_resolve_one(graph,
								  psprintf("%s@%s", branch,
										   mig_graph_id(graph, found[0])));
}

/*
 * The revision at which the downgrade ends, MIG_REV_NONE for base, and the
 * branch to which it is limited, if any.
 */
static int
parse_target(const MigGraph *graph, int nrows, const int *rows,
			 const char *target, char **branch)
{
	MigRelative rel;
	int			rev;

	if (mig_target_parse_relative(target, &rel))
		rev = parse_relative(graph, nrows, rows, target, &rel, branch);
	else
		rev = parse_absolute(graph, target, branch);
	return rev == MIG_REV_BASE ? MIG_REV_NONE : rev;
}

/*
 * Parse a relative target.  "-N" with several rows is an error, because it
 * would downgrade whichever row happens to be the first.
 */
static int
parse_relative(const MigGraph *graph, int nrows, const int *rows,
			   const char *target, MigRelative *rel, char **branch)
{
	MigStart	start = {NULL, nrows, rows};
	const char *name = rel->symbol;
	int			from = MIG_REV_NONE;
	int			rev = MIG_REV_NONE;

	*branch = rel->branch;
	if (rel->branch != NULL && rel->offset == 0)
		(void) mig_name_lookup_branch(graph, rel->branch);
	if (rel->symbol == NULL && rel->branch == NULL && rel->offset < 0 &&
		nrows > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("downgrade target \"%s\" is ambiguous with multiple current revisions",
						target),
				 errdetail("The current revisions are %s.",
						   mig_graph_quote(graph, nrows, rows)),
				 errhint("Use branch@%s or revision%s.",
						 rel->offset_text, rel->offset_text)));

	if (rel->symbol != NULL)
	{
		if (rel->offset < 0 && rel->branch != NULL)
			name = psprintf("%s@%s", rel->branch, rel->symbol);
		from = mig_target_resolve_one(graph, name);
	}
	else if (rel->offset < 0 && (nrows > 0 || rel->branch != NULL))
	{
		from = mig_downgrade_find_start(graph, &start, rel->branch);
		if (rel->branch == NULL)
			*branch = pstrdup(mig_graph_id(graph, from));
	}
	if (rel->symbol != NULL || from >= 0)
		rev = mig_target_walk(graph, from, rel->offset,
							  rel->offset > 0 ? rel->branch : NULL, true);
	if (rev == MIG_REV_NONE && rel->symbol != NULL)
		mig_target_refuse_walk(target, name);
	if (rev == MIG_REV_NONE)
		mig_target_refuse_offset(rel);
	return rev;
}

/*
 * Parse a name, with its branch before the last @.  The revision must be in
 * that branch: Alembic does not check it, and would go somewhere else.
 */
static int
parse_absolute(const MigGraph *graph, const char *target, char **branch)
{
	const char *at = strrchr(target, '@');

	*branch = at != NULL && at > target ? pnstrdup(target, at - target) : NULL;
	return mig_target_resolve_one(graph, target);
}

/*
 * The revisions to downgrade that have no parent among these: the children of
 * the destination, or all bases.  A branch chooses among several.
 */
static int *
find_roots(const MigGraph *graph, int destination, const char *branch,
		   int *nresult)
{
	int			nroots = 0;
	int			nlabels = 0;
	int		   *roots;
	bool	   *ancestors;
	int			branch_rev;
	int			n = 0;
	int			i;

	if (destination >= 0)
	{
		nroots = MIG_NEDGES(&graph->children, destination);
		roots = palloc(sizeof(int) * (nroots + 1));
		memcpy(roots, &graph->children.to[graph->children.start[destination]],
			   sizeof(int) * nroots);
	}
	else
	{
		roots = mig_graph_ends(graph, &graph->down, &nroots);
		for (i = 0; i < nroots; i++)
			nlabels += graph->revs[roots[i]].nlabels;
	}
	*nresult = nroots;

	/* Alembic counts a base once more for each of its labels. */
	if (branch == NULL || nroots + nlabels <= 1)
		return roots;
	branch_rev = mig_name_lookup_branch(graph, branch);
	ancestors = mig_graph_reach(graph, &graph->down, 1, &branch_rev);
	for (i = 0; i < nroots; i++)
	{
		if (ancestors[roots[i]])
			roots[n++] = roots[i];
	}
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("not a valid downgrade target from the current heads"),
				 errdetail("No revision after \"%s\" leads to branch \"%s\".",
						   destination >= 0 ?
						   mig_graph_id(graph, destination) : "base",
						   branch),
				 errhint("Use migrate_history() to see the branches.")));
	*nresult = n;
	return roots;
}
