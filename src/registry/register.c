/*
 * register.c
 *	  Registers, replaces and unregisters revisions.
 *
 * An applied revision is never changed, and every revision in the registry can
 * be run: its bodies were parsed, its parents exist, its names are unique.  A
 * lock lets one session at a time write the registry; to replace or unregister
 * a revision also waits for runs, which may be applying it.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "graph/graph.h"
#include "registry/registry_internal.h"
#include "run/run.h"
#include "tables/approval.h"
#include "tables/confirmation.h"
#include "tables/source.h"
#include "tables/version.h"

/*
 * Raises the error of an item of a definition, from 0 on, if it has one.  Returns
 * whether there can be more items; where an error was raised there can.
 */
typedef bool (*Check) (MigRegistered *registered, int item);

static MigRegistered *read_script(const char *script, int options, int *n,
								  MigRepeatableSet **repeatables);
static bool try_check(Check check, MigRegistered *registered, int item,
					  List **errors);
static bool check_header(MigRegistered *registered, int item);
static bool check_settings(MigRegistered *registered, int item);
static bool check_allow(MigRegistered *registered, int item);
static bool check_upgrade(MigRegistered *registered, int item);
static bool check_downgrade(MigRegistered *registered, int item);
static bool check_verify(MigRegistered *registered, int item);
static bool check_external(MigRegistered *registered, int item);
static void register_all(MigRegistered *registered, int n);
static void update(const MigRevision *revision);

/* Each finds errors of its own. */
static const Check checks[] =
{
	check_header, check_settings, check_allow, check_upgrade, check_downgrade,
	check_verify, check_external
};

/*
 * Registers one revision; one that is registered with the same definition is
 * left as it is, unless it is to be replaced.
 */
void
mig_register(const MigRevisionDef *def, bool replace)
{
	MigRegistered registered = {.given.revision.def = *def};

	if (replace)
		registered.given.options = MIG_REGISTER_REPLACE;
	/* There is a way back, by hand. */
	if (def->downgrade_external != NULL && def->downgrade == NULL)
		registered.given.revision.def.downgrade = pstrdup("");
	mig_register_check_definition(&registered);
	mig_lock_registry();
	register_all(&registered, 1);
	/* Who corrects a body in a hurry gives the body alone. */
	if (registered.result == MIG_REGISTER_REPLACED && registered.lost != NULL)
		ereport(WARNING,
				(errmsg("revision \"%s\" is replaced without what it had: %s",
						def->id, registered.lost),
				 errhint("A call gives all of a revision, and what it leaves out is gone. To keep it, register the revision again with it.")));
}

/*
 * Registers the revisions of a script, which may refer to each other in any
 * order.  Returns their ids in the order of the script, and then the names of its
 * repeatables.
 */
char	  **
mig_register_script(const char *script, int options, int *nids)
{
	MigRepeatableSet *repeatables;
	MigRegistered *registered = read_script(script, options, nids, &repeatables);
	char	  **ids = palloc(sizeof(char *) * (*nids + repeatables->n));

	if (repeatables->n > 0)
		mig_repeatable_set_compare(repeatables, false);
	if (*nids > 0)
		register_all(registered, *nids);
	mig_repeatable_set_write(repeatables);
	mig_register_warn(registered, *nids);
	for (int i = 0; i < *nids; i++)
		ids[i] = registered[i].revision.def.id;
	for (int i = 0; i < repeatables->n; i++)
		ids[(*nids)++] = repeatables->repeatables[i].name;
	return ids;
}

/*
 * The revisions of a script, and what they refer to, checked.  Locks the registry.
 * Raises all errors of the script at once.
 */
static MigRegistered *
read_script(const char *script, int options, int *n,
			MigRepeatableSet **repeatables)
{
	ErrorContextCallback *callbacks = error_context_stack;
	MigScriptRevision *given;
	MigRegistered *registered;
	List	   *errors = NIL;

	/* What called us is no part of where an error is. */
	error_context_stack = NULL;
	given = mig_script_file_parse(script, n, &errors);
	*repeatables = mig_repeatable_set_read(given, n, &errors);
	registered = mig_register_check(given, *n, options, &errors);
	error_context_stack = callbacks;

	mig_lock_registry();
	errors = mig_register_check_references(registered, *n, *repeatables, errors);
	if (errors != NIL)
		mig_register_warn_left_out(registered, *n);
	mig_script_error_raise(errors, false);
	if (*n == 0 && (*repeatables)->n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("script contains no revision"),
				 errhint("A revision begins with a line \"-- revision: <id>\".")));
	return registered;
}

/*
 * Revisions of a script or of files, checked as far as the registry is not
 * needed.  Their errors are added to errors.
 */
MigRegistered *
mig_register_check(const MigScriptRevision *given, int n, int options,
				   List **errors)
{
	MigRegistered *registered = palloc_extended(sizeof(MigRegistered) * Max(n, 1),
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int i = 0; i < n; i++)
	{
		int			nerrors = list_length(*errors);

		registered[i].given.revision = given[i];
		registered[i].given.options = options;
		for (int k = 0; k < lengthof(checks) && !given[i].failed; k++)
		{
			int			item = 0;

			CHECK_FOR_INTERRUPTS();
			while (try_check(checks[k], &registered[i], item, errors))
				item++;
		}
		registered[i].failed = given[i].failed || list_length(*errors) > nerrors;
	}
	return registered;
}

/*
 * Makes a check, and adds the error that it raises to those of the script.
 */
static bool
try_check(Check check, MigRegistered *registered, int item, List **errors)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *volatile found = *errors;
	volatile bool more = true;

	PG_TRY();
	{
		more = check(registered, item);
	}
	PG_CATCH();
	{
		found = mig_script_error_add(found, registered->given.revision.number,
									 context);
	}
	PG_END_TRY();
	*errors = found;
	return more;
}

/*
 * Checks what does not depend on the registry, and parses the bodies.
 */
void
mig_register_check_definition(MigRegistered *registered)
{
	for (int i = 0; i < lengthof(checks); i++)
	{
		int			item = 0;

		while (checks[i] (registered, item))
			item++;
	}
}

static bool
check_header(MigRegistered *registered, int item)
{
	const MigRegistration *given = &registered->given;
	MigRegisterPlace place = {.registration = given};
	ErrorContextCallback callback;
	bool		more;

	callback.callback = mig_register_add_context;
	callback.arg = &place;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	if (item == 0)
		mig_definition_begin(given, &registered->revision);
	place.line =
		given->revision.key_lines[mig_definition_name_key(&registered->revision.def,
														  item)];
	more = mig_definition_check_name(&registered->revision.def, item);
	error_context_stack = callback.previous;
	return more;
}

static bool
check_settings(MigRegistered *registered, int item)
{
	return mig_definition_check_setting(&registered->given, item);
}

static bool
check_allow(MigRegistered *registered, int item)
{
	return mig_definition_check_waiver(&registered->given, item);
}

static bool
check_upgrade(MigRegistered *registered, int item)
{
	if (item == 0)
		mig_definition_upgrade(&registered->given, &registered->revision);
	return false;
}

static bool
check_downgrade(MigRegistered *registered, int item)
{
	if (item == 0)
		registered->left_out = mig_definition_downgrade(&registered->given,
														&registered->revision);
	return false;
}

static bool
check_verify(MigRegistered *registered, int item)
{
	if (item == 0)
		mig_definition_verify(&registered->given, &registered->revision);
	return false;
}

static bool
check_external(MigRegistered *registered, int item)
{
	const MigScriptRevision *script = &registered->given.revision;
	MigBodyKind kind = item == 0 ? MIG_BODY_UPGRADE : MIG_BODY_DOWNGRADE;
	MigRegisterPlace place = {
		&registered->given,
		kind == MIG_BODY_UPGRADE ? script->key_lines[MIG_LINE_EXTERNAL] :
		script->downgrade_line
	};
	ErrorContextCallback callback;

	if (item > 1)
		return false;
	callback.callback = mig_register_add_context;
	callback.arg = &place;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	mig_definition_check_external(&registered->revision, kind);
	error_context_stack = callback.previous;
	return kind == MIG_BODY_UPGRADE;
}

/*
 * Error context callback: which line of a script or a file it is.  arg: a
 * MigRegisterPlace.
 */
void
mig_register_add_context(void *arg)
{
	const MigRegisterPlace *place = arg;
	const MigScriptRevision *revision = &place->registration->revision;
	MigScriptSource source;

	if (revision->number == 0)
		return;
	mig_definition_source(place->registration, "",
						  place->line > 0 ? place->line : revision->line, &source);
	errcontext("%s", mig_script_place(&source, 0));
}

/*
 * The revision with that full id.  Raises an error if there is none.
 */
MigRevision *
mig_register_find(const char *id)
{
	MigRevision *revision = mig_revision_find(id);

	if (revision == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("revision \"%s\" does not exist", id),
				 errhint("The full id must be given. Use migrate_history() to list revisions.")));
	return revision;
}

/*
 * Removes a revision that is not applied and that no other revision needs.
 */
void
mig_register_unregister(char *id)
{
	char	  **dependents;
	int			ndependents;
	MigGraph   *graph;

	mig_lock_registry();
	if (mig_repeatable_unregister(id))
		return;
	(void) mig_register_find(id);
	dependents = mig_revision_dependents(id, &ndependents);
	if (ndependents > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot unregister revision \"%s\" because other revisions need it",
						id),
				 errdetail_plural("Revision \"%s\" is built on it or depends on it.",
								  "Revision \"%s\" and others are built on it or depend on it.",
								  ndependents, dependents[0]),
				 errhint("Unregister what needs it first.")));
	mig_lock_bodies();
	graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	mig_register_refuse_applied(mig_version_open(MIG_SPI_READ_LATEST), graph,
								list_make1(id));
	mig_approval_void(id);
	mig_confirmation_void(id);
	mig_source_forget(id);
	mig_revision_delete(id);
	mig_register_check_graph();
}

/*
 * Registers an empty revision on top of several heads, which may be given as
 * any target that names revisions.
 */
void
mig_register_merge(int nrevisions, char **revisions,
				   const MigRevisionDef *def)
{
	MigRegistered registered = {.given.revision.def = *def};
	MigRevisionDef *merge = &registered.given.revision.def;
	MigGraph   *graph;
	MigRevList	parents;

	mig_lock_registry();
	graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	parents = mig_target_resolve_list(graph, nrevisions, revisions);
	merge->ndown = parents.n;
	if (merge->ndown < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a merge needs at least two revisions"),
				 errdetail_plural("The given names stand for %d revision.",
								  "The given names stand for %d revisions.",
								  merge->ndown, merge->ndown)));
	merge->down = palloc(sizeof(char *) * merge->ndown);
	for (int i = 0; i < merge->ndown; i++)
	{
		merge->down[i] = unconstify(char *, mig_graph_id(graph, parents.rev[i]));
		if (!mig_graph_is_head(graph, parents.rev[i]) &&
			mig_revision_find(merge->id) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("revision \"%s\" is not a head", merge->down[i]),
					 errhint("Use migrate_heads() to list the heads, or migrate_register() to start another branch.")));
	}
	merge->upgrade = pstrdup("");
	merge->downgrade = pstrdup("");
	mig_register_check_definition(&registered);
	register_all(&registered, 1);
}

/*
 * Registers revisions, all or none.  Everything is compared with the registry
 * before anything is written to it.
 */
static void
register_all(MigRegistered *registered, int n)
{
	bool		in_script = registered[0].given.revision.number > 0;
	bool		changed = false;

	mig_squash_refuse_replaced(registered, n);
	mig_squash_apply(registered, n);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		mig_register_compare(&registered[i]);
	}
	mig_register_check_changes(registered, n);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		mig_register_write(&registered[i]);
		if (registered[i].result == MIG_REGISTER_REPLACED ||
			(registered[i].result == MIG_REGISTER_ADDED && in_script))
			changed = true;
	}
	if (changed)
		mig_register_check_graph();
}

/*
 * What a registration would change.
 */
void
mig_register_compare(MigRegistered *registered)
{
	MigRevisionDef *def = &registered->revision.def;
	MigRevision *old = mig_revision_find(def->id);

	if (old == NULL)
	{
		registered->result = MIG_REGISTER_ADDED;
		return;
	}
	/* No argument of a call says what the settings are, and what it replaces. */
	if (registered->given.revision.number == 0)
	{
		def->settings = old->def.settings;
		def->nreplaces = old->def.nreplaces;
		def->replaces = old->def.replaces;
	}
	registered->differs = mig_definition_difference(old, &registered->revision);
	if (registered->given.revision.number == 0)
		registered->lost = mig_definition_losses(old, &registered->revision);
	registered->result = registered->differs == NULL ? MIG_REGISTER_UNCHANGED :
		MIG_REGISTER_REPLACED;
	registered->remarks_differ = strcmp(old->def.allow == NULL ? "" : old->def.allow,
										def->allow == NULL ? "" : def->allow) != 0 ||
		!mig_text_same_list(old->def.replaces, old->def.nreplaces,
							def->replaces, def->nreplaces);
	if (registered->written)
		registered->result = MIG_REGISTER_ADDED;
}

/*
 * Writes what mig_register_compare() has found.
 */
void
mig_register_write(const MigRegistered *registered)
{
	const MigRevision *revision = &registered->revision;
	bool		in_script = registered->given.revision.number > 0;

	if (registered->written)
		return;
	switch (registered->result)
	{
		case MIG_REGISTER_ADDED:
			mig_repeatable_refuse_id(revision->def.id);
			/* In a script parents may come later: the graph is checked then. */
			mig_definition_check_references(&revision->def, in_script);
			mig_revision_insert(revision, GetUserId());
			if (!in_script)
				mig_revision_cover(&revision->def);
			break;
		case MIG_REGISTER_UNCHANGED:

			/*
			 * The same tokens: another text or author is no other revision. A
			 * call that names it takes it over; a script names all there are.
			 */
			if (!in_script && (registered->given.options & MIG_REGISTER_REPLACE))
			{
				mig_lock_bodies();
				update(revision);
			}
			/* Also of one that is applied: they change nothing that is run. */
			else if (registered->remarks_differ)
				mig_revision_set_remarks(&revision->def);
			break;
		case MIG_REGISTER_REPLACED:
			mig_definition_check_references(&revision->def, in_script);
			update(revision);
			break;
		case MIG_REGISTER_REMOVED:
			mig_approval_void(revision->def.id);
			mig_confirmation_void(revision->def.id);
			mig_source_forget(revision->def.id);
			mig_revision_delete(revision->def.id);
			break;
	}
}

/*
 * Also where only the author changes the revision must be approved again.
 */
static void
update(const MigRevision *revision)
{
	mig_approval_void(revision->def.id);
	mig_confirmation_void(revision->def.id);
	mig_source_forget(revision->def.id);
	mig_revision_update(revision, GetUserId());
}

/*
 * Raises an error if there is a cycle or a missing parent, and marks the heads.
 */
void
mig_register_check_graph(void)
{
	mig_revision_set_heads(mig_revision_graph(MIG_SPI_READ_LATEST));
}
