/*
 * register_files.c
 *	  Registers the revisions of a set of files, all or none.
 *
 * What a script does for its revisions is done for those of files here, with two
 * differences: what is wrong is raised together, also what the registry says
 * about it, and what no file holds can be removed.  So nothing is raised before
 * everything was looked at, and nothing is written before that.
 *
 * Errors are raised and caught without a subtransaction; so the registry is
 * asked first, and what it has said decides in memory.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "graph/graph.h"
#include "registry/registry_internal.h"
#include "run/run.h"
#include "tables/partial.h"

/* A down revision that is not there. */
typedef struct MissingParent
{
	const char *id;
	const char *by;				/* what has replaced it, or NULL */
} MissingParent;

/* Raises the error of a revision, if it has one. */
typedef void (*Refuse) (const MigRegisterSet *set, const MigRegistered *revision,
						const void *arg);

static void sort_ids(MigRegisterSet *set);
static void read_registry(MigRegisterSet *set);
static void find_removed(MigRegisterSet *set);
static void check_changes(MigRegisterSet *set);
static bool is_misread(const MigRegisterSet *set,
					   const MigScriptRevision *given);
static bool follows_removal(const MigRegisterSet *set,
							const MigRegistered *revision);
static void check_held(MigRegisterSet *set, const List *changed, const List *ids);
static void check_parents(MigRegisterSet *set);
static const char *find_replacement(char *id);
static void try_refuse(MigRegisterSet *set, Refuse refuse,
					   const MigRegistered *revision, MigScriptLineKey key,
					   const void *arg);
static void refuse_change(const MigRegisterSet *set, const MigRegistered *revision,
						  const void *arg);
static void refuse_held(const MigRegisterSet *set, const MigRegistered *revision,
						const void *arg);
static void refuse_removal(const MigRegisterSet *set, const MigRegistered *revision,
						   const void *arg);
static void refuse_references(const MigRegisterSet *set,
							  const MigRegistered *revision, const void *arg);
static void refuse_missing(const MigRegisterSet *set, const MigRegistered *revision,
						   const void *arg);
static bool changes_graph(const MigRegisterSet *set);
static bool replaces_any(const MigRegisterSet *set);
static MigRegisterChange *write_all(MigRegisterSet *set, int *nchanges);

/*
 * Registers revisions, which may refer to each other in any order.  errors: what
 * was found wrong with the files before.  Raises all errors at once.  Returns
 * what was done to each, in the order given, and then to those removed.
 */
MigRegisterChange *
mig_register_files(MigScriptRevision *given, int n, int options,
				   List *errors, int *nchanges)
{
	ErrorContextCallback *callbacks = error_context_stack;
	MigRegisterSet set = {.options = options, .errors = errors};
	MigRegisterChange *changes;
	ListCell   *cell;

	foreach(cell, errors)
		set.misread = bms_add_member(set.misread,
									 ((MigScriptError *) lfirst(cell))->revision);

	/* What called us is no part of where an error is. */
	error_context_stack = NULL;
	set.repeatables = mig_repeatable_set_read(given, &n, &set.errors);
	set.n = n;
	set.revisions = mig_register_check(given, n, options, &set.errors);
	error_context_stack = callbacks;

	mig_lock_registry();
	sort_ids(&set);
	read_registry(&set);

	error_context_stack = NULL;
	check_changes(&set);
	check_parents(&set);
	if (changes_graph(&set))
		mig_register_set_check_graph(&set);
	mig_repeatable_set_check(set.repeatables, set.prunes, &set.errors);
	error_context_stack = callbacks;
	if (set.errors != NIL)
		mig_register_warn_left_out(set.revisions, set.n);
	mig_script_error_raise(set.errors, true);
	if (set.repeatables->n > 0 || set.prunes)
		mig_repeatable_set_compare(set.repeatables, set.prunes);
	changes = write_all(&set, nchanges);
	mig_register_warn(set.revisions, set.n);
	mig_register_warn_renamed(set.revisions, set.n, set.ids);
	return changes;
}

/*
 * Adds to the errors of a script those of what its revisions refer to.  The
 * registry is locked.
 */
List *
mig_register_check_references(MigRegistered *revisions, int n,
							  MigRepeatableSet *repeatables, List *errors)
{
	ErrorContextCallback *callbacks = error_context_stack;
	MigRegisterSet set = {n, revisions, repeatables, .errors = errors};

	/* Of what they replace one cannot tell yet whether it stays. */
	if (errors == NIL && replaces_any(&set))
		return NIL;
	sort_ids(&set);
	set.graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	error_context_stack = NULL;
	check_parents(&set);
	mig_register_set_check_graph(&set);
	mig_repeatable_set_check(repeatables, false, &set.errors);
	error_context_stack = callbacks;
	return set.errors;
}

static bool
replaces_any(const MigRegisterSet *set)
{
	for (int i = 0; i < set->n; i++)
	{
		if (set->revisions[i].given.revision.def.nreplaces > 0)
			return true;
	}
	return false;
}

static void
sort_ids(MigRegisterSet *set)
{
	set->ids = palloc(sizeof(char *) * Max(set->n, 1));
	for (int i = 0; i < set->n; i++)
		set->ids[i] = set->revisions[i].given.revision.def.id;
	qsort(set->ids, set->n, sizeof(char *), pg_qsort_strcmp);
}

/*
 * Whether one of the files has a revision of that id.
 */
bool
mig_register_set_has(const MigRegisterSet *set, const char *id)
{
	return bsearch(&id, set->ids, set->n, sizeof(char *), pg_qsort_strcmp) != NULL;
}

/*
 * What the registry says about each revision.
 */
static void
read_registry(MigRegisterSet *set)
{
	bool		changes = false;

	mig_squash_check_replaced(set->revisions, set->n, &set->errors);
	if (set->errors == NIL)
		mig_squash_apply(set->revisions, set->n);
	for (int i = 0; i < set->n; i++)
	{
		MigRegistered *revision = &set->revisions[i];

		CHECK_FOR_INTERRUPTS();
		if (revision->failed)
			continue;
		mig_register_compare(revision);
		changes = changes || revision->differs != NULL;
	}

	set->graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	/* Of files that could not be read one cannot tell what they do not hold. */
	set->prunes = (set->options & MIG_REGISTER_PRUNE) && set->errors == NIL;
	if (set->prunes)
		find_removed(set);
	if (!changes && set->removed == NIL)
		return;
	if ((set->options & MIG_REGISTER_REPLACE) || set->removed != NIL)
		mig_lock_bodies();
	set->version = mig_version_open(MIG_SPI_READ_LATEST);
}

static void
find_removed(MigRegisterSet *set)
{
	MigRevList	all = mig_history_list(set->graph, NULL, 0, NULL);

	for (int i = 0; i < all.n; i++)
	{
		const char *id = mig_graph_id(set->graph, all.rev[i]);

		if (!mig_register_set_has(set, id))
			set->removed = lappend(set->removed, pstrdup(id));
	}
}

/*
 * Adds an error for each change that must not be made.
 */
static void
check_changes(MigRegisterSet *set)
{
	bool	   *applied;
	List	   *changed = NIL;
	List	   *ids = NIL;

	if (set->version == NULL)
		return;
	applied = mig_register_applied(set->version, set->graph);
	for (int i = 0; i < set->n; i++)
	{
		MigRegistered *revision = &set->revisions[i];
		bool		follows;

		if (revision->failed || revision->differs == NULL ||
			is_misread(set, &revision->given.revision))
			continue;
		revision->applied = applied[mig_graph_find(set->graph,
												   revision->revision.def.id)];
		revision->partial = mig_partial_holder(revision->revision.def.id, NULL);
		follows = follows_removal(set, revision);
		/* Of one that is applied the removal is the error. */
		if (revision->applied && follows)
			continue;
		if (revision->applied || revision->partial != NULL ||
			!(follows || (set->options & MIG_REGISTER_REPLACE)))
			try_refuse(set, refuse_change, revision, MIG_LINE_REVISION, NULL);
		else
		{
			changed = lappend(changed, revision);
			ids = lappend(ids, revision->revision.def.id);
		}
	}
	check_held(set, changed, list_concat(ids, set->removed));
}

/*
 * Whether reading a revision found an error.  Then it differs from the registered one
 * perhaps for that alone.
 */
static bool
is_misread(const MigRegisterSet *set, const MigScriptRevision *given)
{
	return bms_is_member(given->number, set->misread) ||
		(given->downgrade_number > 0 &&
		 bms_is_member(given->downgrade_number, set->misread));
}

/*
 * Whether a revision differs from the registered one in its down revisions alone,
 * and one of those is removed: that it is to be built on something else is what
 * the removal means.
 */
static bool
follows_removal(const MigRegisterSet *set, const MigRegistered *revision)
{
	const MigRevision *old;
	MigRevision new = revision->revision;
	ListCell   *cell;

	if (set->removed == NIL || revision->differs != mig_definition_down_differs)
		return false;
	old = mig_revision_find(new.def.id);
	new.def.ndown = old->def.ndown;
	new.def.down = old->def.down;
	if (mig_definition_difference(old, &new) != NULL)
		return false;
	foreach(cell, set->removed)
	{
		if (mig_text_in_list(old->def.down, old->def.ndown, lfirst(cell)))
			return true;
	}
	return false;
}

/*
 * The same for what any other version table says.  ids: of what is changed, and
 * then of what is removed.
 */
static void
check_held(MigRegisterSet *set, const List *changed, const List *ids)
{
	MigRegisterHolder *holders;
	ListCell   *cell;

	if (ids == NIL)
		return;
	holders = mig_register_holders(set->version, set->graph, ids);
	foreach(cell, ids)
	{
		int			i = foreach_current_index(cell);
		MigRegistered gone = {.given.revision.def.id = lfirst(cell)};

		if (i < list_length(changed))
			try_refuse(set, refuse_held, list_nth(changed, i), MIG_LINE_REVISION,
					   &holders[i]);
		else
		{
			int			nerrors = list_length(set->errors);

			gone.given.revision.number = set->n + i;
			try_refuse(set, refuse_removal, &gone, MIG_LINE_REVISION, &holders[i]);
			if (list_length(set->errors) > nerrors)
				set->kept = lappend(set->kept, lfirst(cell));
		}
	}
}

/*
 * Adds an error for each down revision that is neither given nor registered, or
 * would be removed.  Of a file that could not be read they are not known.
 */
static void
check_parents(MigRegisterSet *set)
{
	for (int i = 0; i < set->n; i++)
	{
		const MigRegistered *revision = &set->revisions[i];
		const MigRevisionDef *def = &revision->revision.def;

		CHECK_FOR_INTERRUPTS();
		if (revision->given.revision.failed)
			continue;
		try_refuse(set, refuse_references, revision, MIG_LINE_DOWN_REVISION, NULL);
		for (int k = 0; k < def->ndown; k++)
		{
			MissingParent missing = {.id = def->down[k]};

			if (mig_register_set_has_parent(set, def->down[k]) || mig_text_is_listed(set->kept, def->down[k]) ||
				mig_text_in_list(def->down, k, def->down[k]))
				continue;
			missing.by = find_replacement(def->down[k]);
			try_refuse(set, refuse_missing, revision, MIG_LINE_DOWN_REVISION, &missing);
		}
	}
}

/*
 * The revision that has replaced another one, or NULL.
 */
static const char *
find_replacement(char *id)
{
	char	   *replaced;
	char	   *by;

	mig_revision_replaced(&id, 1, &replaced, &by);
	return by;
}

/*
 * Whether a revision of that id will be there.
 */
bool
mig_register_set_has_parent(const MigRegisterSet *set, const char *id)
{
	return mig_register_set_has(set, id) ||
		(mig_graph_find(set->graph, id) >= 0 && !set->prunes);
}

static void
try_refuse(MigRegisterSet *set, Refuse refuse, const MigRegistered *revision,
		   MigScriptLineKey key, const void *arg)
{
	MigRegisterPlace place = {
		&revision->given, revision->given.revision.key_lines[key]
	};
	MemoryContext context = CurrentMemoryContext;
	List	   *volatile errors = set->errors;
	ErrorContextCallback callback;

	callback.callback = mig_register_add_context;
	callback.arg = &place;
	callback.previous = error_context_stack;
	PG_TRY();
	{
		if (revision->given.revision.line > 0)
			error_context_stack = &callback;
		refuse(set, revision, arg);
	}
	PG_CATCH();
	{
		errors = mig_script_error_add(errors, revision->given.revision.number,
									  context);
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
	set->errors = errors;
}

static void
refuse_change(const MigRegisterSet *set, const MigRegistered *revision,
			  const void *arg)
{
	mig_register_refuse(revision, set->version);
}

static void
refuse_held(const MigRegisterSet *set, const MigRegistered *revision,
			const void *arg)
{
	mig_register_refuse_held(revision->revision.def.id, arg);
}

static void
refuse_removal(const MigRegisterSet *set, const MigRegistered *revision,
			   const void *arg)
{
	const MigRegisterHolder *holder = arg;
	const char *id = revision->given.revision.def.id;

	if (holder->applied != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" is applied, and no file holds it", id),
				 errdetail("It is applied according to version table \"%s\".",
						   holder->applied->name),
				 errhint("Restore its file, or downgrade it first. Without prune => true nothing is removed.")));
	mig_register_refuse_held(id, holder);
}

static void
refuse_references(const MigRegisterSet *set, const MigRegistered *revision,
				  const void *arg)
{
	mig_definition_check_references(&revision->revision.def, true);
}

static void
refuse_missing(const MigRegisterSet *set, const MigRegistered *revision,
			   const void *arg)
{
	const MissingParent *missing = arg;
	const char *id = revision->revision.def.id;
	bool		would_remove = mig_graph_find(set->graph, missing->id) >= 0;

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 missing->by != NULL ?
			 errmsg("down revision \"%s\" of revision \"%s\" is replaced by revision \"%s\"",
					missing->id, id, missing->by) :
			 errmsg("down revision \"%s\" of revision \"%s\" does not exist",
					missing->id, id),
			 missing->by != NULL ? 0 :
			 would_remove ?
			 errdetail("It is registered, but no file holds it, and prune => true would remove it.") :
			 revision->given.revision.file == NULL ?
			 errdetail("It is neither registered nor in the script. Down revisions are full ids.") :
			 errdetail("It is neither registered nor in one of the files. Down revisions are full ids."),
			 missing->by != NULL ?
			 errhint("migrate_export() writes the files as they are since then.") :
			 would_remove ?
			 errhint("Restore its file, or name another down revision. Without prune => true nothing is removed.") :
			 revision->given.revision.file == NULL ?
			 errhint("Correct the id, or register all in one script.") :
			 errhint("Correct the id, or give the file of that revision, too.")));
}

static bool
changes_graph(const MigRegisterSet *set)
{
	for (int i = 0; i < set->n; i++)
	{
		if (set->revisions[i].failed ||
			set->revisions[i].result != MIG_REGISTER_UNCHANGED)
			return true;
	}
	return set->removed != NIL;
}

/*
 * Writes all changes, and says what they were.
 */
static MigRegisterChange *
write_all(MigRegisterSet *set, int *nchanges)
{
	const MigRepeatableSet *repeatables = set->repeatables;
	MigRegisterChange *changes = palloc(sizeof(MigRegisterChange) *
										(set->n + list_length(set->removed) + 1 +
										 repeatables->n +
										 list_length(repeatables->removed)));
	int			n = 0;
	bool		changed = set->removed != NIL;
	ListCell   *cell;

	/* First, so that its names are free. */
	foreach(cell, set->removed)
	{
		MigRegistered gone = {.revision.def.id = lfirst(cell),
		.result = MIG_REGISTER_REMOVED};

		mig_register_write(&gone);
	}
	for (int i = 0; i < set->n; i++)
	{
		const MigRegistered *revision = &set->revisions[i];

		CHECK_FOR_INTERRUPTS();
		mig_register_write(revision);
		changed = changed || revision->result != MIG_REGISTER_UNCHANGED;
		changes[n++] = (MigRegisterChange)
		{
			revision->given.revision.file, revision->revision.def.id, revision->result
		};
	}
	foreach(cell, set->removed)
		changes[n++] = (MigRegisterChange)
	{
		NULL, lfirst(cell), MIG_REGISTER_REMOVED
	};
	if (changed)
		mig_register_check_graph();
	mig_repeatable_set_write(repeatables);
	for (int i = 0; i < repeatables->n; i++)
		changes[n++] = (MigRegisterChange)
	{
		repeatables->given[i].revision.file, repeatables->repeatables[i].name,
			repeatables->results[i]
	};
	foreach(cell, repeatables->removed)
		changes[n++] = (MigRegisterChange)
	{
		NULL, lfirst(cell), MIG_REGISTER_REMOVED
	};
	*nchanges = n;
	return changes;
}
