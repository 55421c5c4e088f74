/*
 * reorder.c
 *	  Puts the revisions of a chain into another order.
 *
 * Only the down revisions change: bodies and authors stay, and what was approved
 * has to be approved again, because that is another revision.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "registry/registry_internal.h"
#include "run/run.h"
#include "tables/approval.h"

static void check_chain(const MigGraph *graph, const MigRevList *all);
static void refuse_held(MigGraph *graph, const List *changed);

/*
 * ids: all registered revisions, the base first.  The registry is locked.
 */
void
mig_register_reorder(const MigGraph *graph, char *const *ids, int nids)
{
	MigRevList	all = mig_history_list(graph, NULL, 0, NULL);
	char	  **down = palloc(sizeof(char *) * Max(nids, 1));
	char	  **changed = palloc(sizeof(char *) * Max(nids, 1));
	List	   *list = NIL;
	int			n = 0;

	Assert(all.n == nids);
	check_chain(graph, &all);
	for (int i = 0; i < nids; i++)
	{
		const int  *parent;
		bool		has_parent = mig_graph_down(graph, mig_graph_find(graph, ids[i]),
												&parent) > 0;
		const char *before = has_parent ? mig_graph_id(graph, parent[0]) : "";
		char	   *after = i > 0 ? ids[i - 1] : "";

		CHECK_FOR_INTERRUPTS();
		if (strcmp(before, after) == 0)
			continue;
		list = lappend(list, ids[i]);
		changed[n] = ids[i];
		down[n++] = after;
	}
	if (n == 0)
		return;
	mig_lock_bodies();
	refuse_held(unconstify(MigGraph *, graph), list);
	for (int i = 0; i < n; i++)
		mig_approval_void(changed[i]);
	mig_revision_set_down(changed, down, n);
	mig_register_check_graph();
}

/*
 * Branches and merges are the author's decision.
 */
static void
check_chain(const MigGraph *graph, const MigRevList *all)
{
	int			nbases = 0;

	for (int i = 0; i < all->n; i++)
	{
		const int  *down;
		int			ndown = mig_graph_down(graph, all->rev[i], &down);

		nbases += ndown == 0;
		if (ndown < 2 && nbases < 2 &&
			!mig_graph_is_branch_point(graph, all->rev[i]))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("revisions cannot be reordered because they are not one chain"),
				 errdetail("Revision \"%s\" is a second base, a branch point or a merge.",
						   mig_graph_id(graph, all->rev[i])),
				 errhint("Register other down revisions with migrate_register(..., replace => true).")));
	}
}

/*
 * What is applied somewhere, or partial, must not change.
 */
static void
refuse_held(MigGraph *graph, const List *changed)
{
	MigVersion *version = mig_version_open(MIG_SPI_READ_LATEST);
	MigRegisterHolder *holders = mig_register_holders(version, graph, changed);
	ListCell   *cell;

	foreach(cell, changed)
		mig_register_refuse_held(lfirst(cell),
								 &holders[foreach_current_index(cell)]);
}
