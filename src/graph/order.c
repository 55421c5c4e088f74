/*
 * order.c
 *	  The order in which revisions run.
 *
 * Alembic walks down from several heads at once.  It follows one line until
 * it comes to a revision that another head is a descendant of, continues with
 * the first such head of its list, and returns later.  It keeps all ancestors
 * of every head for that, which is quadratic.
 *
 * Here every head is a numbered slot.  A slot only moves to ancestors, and a
 * new slot gets the next number, so
 * - comparing slot numbers is comparing Alembic's positions in its list;
 * - a slot only loses ancestors, so the first slot among the descendants of a
 *   revision remains the first until that very slot moves;
 * - a revision that is output is no ancestor of a slot, then or later, so no
 *   path up to a slot leads through one.
 * So it is enough to search upwards from a revision through what is not yet
 * output, and the answers can be remembered.  Mostly not even that is
 * needed: no revision that is left has it as parent, or the first slot of the
 * list is its descendant along first parents, which is a comparison of numbers.
 * The same order then takes linear time for anything but contrived graphs.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "graph/graph_internal.h"

#define NO_SLOT			(-1)

/* At most this many slots are compared before a search; more cost as much. */
#define MAX_COMPARED	16

typedef struct MigOrder
{
	const MigGraph *graph;
	bool	   *members;		/* not yet output */
	bool	   *open;			/* a path up may lead through it */
	int		   *pending;		/* how many that are open have it as parent */
	int		   *tree_number;	/* in the forest of first parents: number, */
	int		   *tree_size;		/* and how many numbers its subtree has */
	int			nslots;
	int			first;			/* list of the slots that are in use */
	int			last;
	int		   *next;
	int		   *prev;
	int		   *rev_of;			/* by slot */
	int		   *moves;			/* by slot: how often it has moved */
	int		   *slot_of;		/* by revision, NO_SLOT if it has none */
	int		   *lowest;			/* by revision: lowest slot at it or at a
								 * descendant */
	int		   *lowest_moves;	/* how often that slot had moved then */
	int		   *stack;			/* the current search: revisions, */
	int		   *stack_edge;		/* the next child to visit, */
	int		   *stack_lowest;	/* and the lowest slot found so far */
} MigOrder;

static void start_order(MigOrder *order, const MigGraph *graph,
						const bool *members, const bool *within);
static void number_trees(MigOrder *order);
static void close_rev(MigOrder *order, int rev);
static void add_leaves(MigOrder *order, MigRevList leaves);
static void add_slot(MigOrder *order, int rev);
static void remove_slot(MigOrder *order, int slot);
static int	move_slot(MigOrder *order, int slot);
static int	lowest_descendant(MigOrder *order, int rev, int at);
static bool lowest_by_number(const MigOrder *order, int rev, int at,
							 int *lowest);
static int	search_up(MigOrder *order, int rev);
static bool remembered(const MigOrder *order, int rev);
static void push(MigOrder *order, int depth, int rev);
static int	lower_slot(int a, int b);

/*
 * The members, newest first, as reached from the leaves.  Every path from a
 * member up to a leaf must stay inside "within"; it may be the same set.
 * Members that no leaf reaches through members are left out.
 */
MigRevList
mig_order_newest_first(const MigGraph *graph, const bool *members,
					   const bool *within, MigRevList leaves)
{
	MigOrder	order;
	MigRevList	result = {0, palloc(sizeof(int) * (graph->size + 1))};
	int			at;

	start_order(&order, graph, members, within);
	add_leaves(&order, leaves);
	at = order.first;
	while (at != NO_SLOT)
	{
		int			rev = order.rev_of[at];
		int			other = lowest_descendant(&order, rev, at);

		CHECK_FOR_INTERRUPTS();
		if (other != NO_SLOT)
		{
			at = other;
			continue;
		}
		result.rev[result.n++] = rev;
		order.members[rev] = false;
		close_rev(&order, rev);
		at = move_slot(&order, at);
	}
	return result;
}

/*
 * How many revisions the longest way from a base to each one has, both included.
 * Ordered by that each comes behind what it needs, and no later revision changes
 * it.
 */
int *
mig_graph_depths(const MigGraph *graph)
{
	int		   *depths = palloc(sizeof(int) * (graph->size + 1));
	const MigEdges *parents = &graph->parents;

	for (int i = 0; i < graph->size; i++)
	{
		int			rev = graph->sorted[i];

		depths[rev] = 1;
		for (int k = parents->start[rev]; k < parents->start[rev + 1]; k++)
			depths[rev] = Max(depths[rev], depths[parents->to[k]] + 1);
	}
	return depths;
}

static void
start_order(MigOrder *order, const MigGraph *graph, const bool *members,
			const bool *within)
{
	Size		nbytes = sizeof(int) * (graph->size + 1);
	int			i;
	int			k;

	order->graph = graph;
	order->members = palloc(graph->size + 1);
	memcpy(order->members, members, graph->size);
	order->open = palloc(graph->size + 1);
	memcpy(order->open, within, graph->size);
	order->nslots = 0;
	order->first = NO_SLOT;
	order->last = NO_SLOT;
	order->next = palloc(nbytes);
	order->prev = palloc(nbytes);
	order->rev_of = palloc(nbytes);
	order->moves = palloc(nbytes);
	order->slot_of = palloc(nbytes);
	memset(order->slot_of, -1, nbytes);
	order->lowest = palloc(nbytes);
	memset(order->lowest, -1, nbytes);
	order->lowest_moves = palloc(nbytes);
	order->stack = palloc(nbytes);
	order->stack_edge = palloc(nbytes);
	order->stack_lowest = palloc(nbytes);

	order->pending = palloc0(nbytes);
	for (i = 0; i < graph->size; i++)
	{
		for (k = graph->parents.start[i];
			 order->open[i] && k < graph->parents.start[i + 1]; k++)
			order->pending[graph->parents.to[k]]++;
	}
	number_trees(order);
}

/*
 * First parents make a forest.  Give each revision a number such that its
 * descendants in the forest have the numbers that follow.
 */
static void
number_trees(MigOrder *order)
{
	const MigGraph *graph = order->graph;
	const MigEdges *parents = &graph->parents;
	Size		nbytes = sizeof(int) * (graph->size + 1);
	int		   *next = palloc(nbytes);
	int			next_root = 0;
	int			i;

	order->tree_number = palloc(nbytes);
	order->tree_size = palloc(nbytes);
	for (i = 0; i < graph->size; i++)
		order->tree_size[i] = 1;
	for (i = graph->size - 1; i >= 0; i--)
	{
		int			rev = graph->sorted[i];

		if (MIG_NEDGES(parents, rev) > 0)
			order->tree_size[parents->to[parents->start[rev]]] +=
				order->tree_size[rev];
	}
	for (i = 0; i < graph->size; i++)
	{
		int			rev = graph->sorted[i];
		int		   *number = &next_root;

		if (MIG_NEDGES(parents, rev) > 0)
			number = &next[parents->to[parents->start[rev]]];
		order->tree_number[rev] = *number;
		*number += order->tree_size[rev];
		next[rev] = order->tree_number[rev] + 1;
	}
	pfree(next);
}

/* No path up leads through this revision any more. */
static void
close_rev(MigOrder *order, int rev)
{
	const MigEdges *parents = &order->graph->parents;
	int			i;

	order->open[rev] = false;
	for (i = parents->start[rev]; i < parents->start[rev + 1]; i++)
		order->pending[parents->to[i]]--;
}

/* Leaves become slots in load order, whatever order they come in. */
static void
add_leaves(MigOrder *order, MigRevList leaves)
{
	bool	   *wanted = palloc0(order->graph->size + 1);
	int			i;

	for (i = 0; i < leaves.n; i++)
		wanted[leaves.rev[i]] = true;
	for (i = 0; i < order->graph->size; i++)
	{
		if (wanted[i] && order->members[i])
			add_slot(order, i);
	}
	pfree(wanted);
}

static void
add_slot(MigOrder *order, int rev)
{
	int			slot = order->nslots++;

	order->rev_of[slot] = rev;
	order->slot_of[rev] = slot;
	order->moves[slot] = 0;
	order->next[slot] = NO_SLOT;
	order->prev[slot] = order->last;
	if (order->last != NO_SLOT)
		order->next[order->last] = slot;
	else
		order->first = slot;
	order->last = slot;
}

static void
remove_slot(MigOrder *order, int slot)
{
	int			prev = order->prev[slot];
	int			next = order->next[slot];

	order->moves[slot]++;
	if (prev != NO_SLOT)
		order->next[prev] = next;
	else
		order->first = next;
	if (next != NO_SLOT)
		order->prev[next] = prev;
	else
		order->last = prev;
}

/*
 * Move a slot whose revision was output to the first parent that is a member
 * and has no slot yet; the other such parents become new slots.  Returns the
 * slot to continue with.
 */
static int
move_slot(MigOrder *order, int slot)
{
	const MigEdges *parents = &order->graph->parents;
	int			rev = order->rev_of[slot];
	int			prev = order->prev[slot];
	bool		moved = false;
	int			i;

	order->slot_of[rev] = NO_SLOT;
	for (i = parents->start[rev]; i < parents->start[rev + 1]; i++)
	{
		int			parent = parents->to[i];

		if (!order->members[parent] || order->slot_of[parent] != NO_SLOT)
			continue;
		if (moved)
		{
			add_slot(order, parent);
			continue;
		}
		order->rev_of[slot] = parent;
		order->slot_of[parent] = slot;
		order->moves[slot]++;
		moved = true;
	}
	if (moved)
		return slot;
	remove_slot(order, slot);
	return prev != NO_SLOT ? prev : order->first;
}

/*
 * The lowest slot at a descendant of the revision, which is that of slot "at",
 * or NO_SLOT.
 */
static int
lowest_descendant(MigOrder *order, int rev, int at)
{
	const MigEdges *children = &order->graph->all_children;
	int			lowest = NO_SLOT;
	int			i;

	if (order->pending[rev] == 0 || lowest_by_number(order, rev, at, &lowest))
		return lowest;
	for (i = children->start[rev]; i < children->start[rev + 1]; i++)
	{
		int			child = children->to[i];

		if (!order->open[child])
			continue;
		if (remembered(order, child))
			lowest = lower_slot(lowest, order->lowest[child]);
		else
			lowest = lower_slot(lowest, search_up(order, child));
	}
	return lowest;
}

/*
 * The same, if comparing numbers is enough to know it: the first slots of the
 * list cannot be at descendants of the revision, and the next one is.
 */
static bool
lowest_by_number(const MigOrder *order, int rev, int at, int *lowest)
{
	const int  *rank = order->graph->rank;
	int			slot = order->first;
	int			ncompared;

	for (ncompared = 0; ncompared < MAX_COMPARED; ncompared++)
	{
		int			other;

		if (slot == NO_SLOT)
			break;
		other = order->rev_of[slot];
		if (slot != at && rank[other] > rank[rev])
		{
			int			offset = order->tree_number[other] -
			order->tree_number[rev];

			if (offset < 0 || offset >= order->tree_size[rev])
				return false;
			*lowest = slot;
			return true;
		}
		slot = order->next[slot];
	}
	return false;
}

/*
 * The lowest slot at a revision or a descendant of it.  The answers for all
 * that were visited are remembered.  Where there is none now there will never
 * be one, so such a revision is closed.
 */
static int
search_up(MigOrder *order, int rev)
{
	const MigEdges *children = &order->graph->all_children;
	int			depth = 0;

	push(order, 0, rev);
	for (;;)
	{
		int			here = order->stack[depth];
		int			found;

		if (order->stack_edge[depth] < children->start[here + 1])
		{
			int			child = children->to[order->stack_edge[depth]++];

			if (!order->open[child])
				continue;
			if (remembered(order, child))
				order->stack_lowest[depth] =
					lower_slot(order->stack_lowest[depth], order->lowest[child]);
			else
				push(order, ++depth, child);
			continue;
		}

		found = order->stack_lowest[depth];
		if (found == NO_SLOT)
			close_rev(order, here);
		else
		{
			order->lowest[here] = found;
			order->lowest_moves[here] = order->moves[found];
		}
		if (depth == 0)
			return found;
		depth--;
		order->stack_lowest[depth] =
			lower_slot(order->stack_lowest[depth], found);
	}
}

static bool
remembered(const MigOrder *order, int rev)
{
	int			slot = order->lowest[rev];

	return slot != NO_SLOT && order->moves[slot] == order->lowest_moves[rev];
}

static void
push(MigOrder *order, int depth, int rev)
{
	order->stack[depth] = rev;
	order->stack_edge[depth] = order->graph->all_children.start[rev];
	order->stack_lowest[depth] = order->slot_of[rev];
}

static int
lower_slot(int a, int b)
{
	if (a == NO_SLOT)
		return b;
	if (b == NO_SLOT)
		return a;
	return Min(a, b);
}
