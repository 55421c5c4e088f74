/*
 * downgrade.c
 *	  Resolves the target of a downgrade to the revisions to downgrade.
 *
 * The target remains; its descendants, and what depends on one of these, are
 * downgraded as far as they are applied.
 */
#include "postgres.h"

#include "graph/graph_internal.h"

static int	parse_target(const MigGraph *graph, MigRevList rows,
						 const char *target, char **branch);
static int	parse_relative(const MigGraph *graph, MigRevList rows,
						   const char *target, MigRelative *rel,
						   char **branch);
static int	parse_absolute(const MigGraph *graph, const char *target,
						   char **branch);
static MigRevList find_roots(const MigGraph *graph, int destination,
							 const char *branch);

/*
 * The set of revisions to downgrade.  Raises when no descendant of the target
 * is applied, unless the target is a row, or base.
 */
bool *
mig_downgrade_find_members(const MigGraph *graph, MigRevList rows,
						   const char *target)
{
	char	   *branch = NULL;
	int			destination = parse_target(graph, rows, target, &branch);
	MigRevList	roots = find_roots(graph, destination, branch);
	bool	   *members = mig_graph_reach(graph, &graph->all_children, roots);
	bool	   *applied = mig_graph_reach(graph, &graph->parents, rows);
	bool		valid = destination < 0;

	for (int i = 0; i < graph->size; i++)
	{
		members[i] = members[i] && applied[i];
		valid = valid || members[i];
	}
	for (int i = 0; i < rows.n; i++)
		valid = valid || rows.rev[i] == destination;
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
mig_downgrade_make_absolute(const MigGraph *graph, MigRevList rows,
							const char *target)
{
	char	   *branch = NULL;
	int			destination = parse_target(graph, rows, target, &branch);
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
	MigRevList	found;
	int			named;
	const char *name = start->name;

	if (name != NULL && (strcmp(name, "head") == 0 ||
						 strcmp(name, "heads") == 0 ||
						 strcmp(name, "base") == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" cannot be the start of a downgrade by a number of revisions", name),
				 errhint("Name a revision in its place.")));
	if (branch == NULL)
	{
		if (name == NULL)
			name = mig_graph_id(graph, start->rows.rev[0]);
		return mig_target_resolve_one(graph, psprintf("%s@%s", name, name));
	}

	found = start->rows;
	if (name != NULL)
	{
		named = mig_name_lookup(graph, name, NULL);
		found.n = 1;
		found.rev = &named;
	}
	found = mig_name_filter_lineage(graph, found, branch, false);
	if (found.n == 0)
	{
		/* The branch may be applied only because others depend on it. */
		found = mig_graph_leaves(graph, mig_upgrade_find_starts(graph, start));
		found = mig_name_filter_lineage(graph, found, branch, false);
	}
	if (found.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("branch \"%s\" has no current revision", branch),
				 errhint("Use migrate_current() to see what is applied.")));
	if (found.n > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("branch \"%s\" has more than one current revision",
						branch),
				 errdetail("The current revisions are %s.",
						   mig_graph_quote(graph, found)),
				 errhint("Use an offset from one of them, as in revision-1.")));
	return mig_target_resolve_one(graph,
								  psprintf("%s@%s", branch,
										   mig_graph_id(graph, found.rev[0])));
}

/*
 * The revision at which the downgrade ends, MIG_REV_NONE for base, and the
 * branch to which it is limited, if any.
 */
static int
parse_target(const MigGraph *graph, MigRevList rows,
			 const char *target, char **branch)
{
	MigRelative rel;
	int			rev;

	if (mig_target_parse_relative(target, &rel))
		rev = parse_relative(graph, rows, target, &rel, branch);
	else
		rev = parse_absolute(graph, target, branch);
	return rev == MIG_REV_BASE ? MIG_REV_NONE : rev;
}

/*
 * Parse a relative target.  "-N" with several rows is an error, because it
 * would downgrade whichever row happens to be the first.
 */
static int
parse_relative(const MigGraph *graph, MigRevList rows,
			   const char *target, MigRelative *rel, char **branch)
{
	MigStart	start = {NULL, rows};
	const char *name = rel->symbol;
	int			from = MIG_REV_NONE;
	int			rev = MIG_REV_NONE;

	*branch = rel->branch;
	if (rel->branch != NULL && rel->offset == 0)
		(void) mig_name_lookup_branch(graph, rel->branch);
	if (rel->symbol == NULL && rel->branch == NULL && rel->offset < 0 &&
		rows.n > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("downgrade target \"%s\" is ambiguous with multiple current revisions",
						target),
				 errdetail("The current revisions are %s.",
						   mig_graph_quote(graph, rows)),
				 errhint("Use branch@%s or revision%s.",
						 rel->offset_text, rel->offset_text)));

	if (rel->symbol != NULL)
	{
		if (rel->offset < 0 && rel->branch != NULL)
			name = psprintf("%s@%s", rel->branch, rel->symbol);
		from = mig_target_resolve_one(graph, name);
	}
	else if (rel->offset < 0 && (rows.n > 0 || rel->branch != NULL))
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
		mig_target_refuse_offset(graph, rel, from);
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
static MigRevList
find_roots(const MigGraph *graph, int destination, const char *branch)
{
	MigRevList	roots;
	MigRevList	result;
	int			nlabels = 0;
	bool	   *ancestors;

	if (destination >= 0)
	{
		roots.n = MIG_NEDGES(&graph->children, destination);
		roots.rev = &graph->children.to[graph->children.start[destination]];
	}
	else
	{
		roots = mig_graph_ends(graph, &graph->down);
		for (int i = 0; i < roots.n; i++)
			nlabels += graph->revs[roots.rev[i]].nlabels;
	}

	/* Alembic counts a base once more for each of its labels. */
	if (branch == NULL || roots.n + nlabels <= 1)
		return roots;
	ancestors = mig_graph_reach_one(graph, &graph->down,
									mig_name_lookup_branch(graph, branch));
	result.n = 0;
	result.rev = palloc(sizeof(int) * (roots.n + 1));
	for (int i = 0; i < roots.n; i++)
	{
		if (ancestors[roots.rev[i]])
			result.rev[result.n++] = roots.rev[i];
	}
	if (result.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("\"%s@%s\" is not a valid downgrade target from the current heads",
						branch, destination >= 0 ?
						mig_graph_id(graph, destination) : "base"),
				 errdetail("No revision after \"%s\" leads to branch \"%s\".",
						   destination >= 0 ?
						   mig_graph_id(graph, destination) : "base",
						   branch),
				 errhint("Use migrate_history() to see the branches.")));
	return result;
}
