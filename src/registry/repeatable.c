/*
 * repeatable.c
 *	  Registers repeatables: bodies that run again when they have changed.
 *
 * They have no version, so the last text that was given is the one: it takes the
 * place of the one before without being asked for, also while a run goes on.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/printable.h"
#include "base/server.h"
#include "registry/registry_internal.h"
#include "tables/approval.h"

static void check(MigRepeatableSet *set, int index);
static void check_name(const char *name);
static void check_statements(const MigRegistration *given, const char *body);
static void add_context(void *arg);
static void check_depends(const MigRepeatableSet *set, int index,
						  MigRepeatable *old, int nold);
static MigRepeatable *find(MigRepeatable *repeatables, int n, const char *name);
static void compare(MigRepeatable *given, const MigRepeatable *old,
					MigRegisterResult *result);
static int	compare_names(const void *a, const void *b);
static void remove_one(const char *name);
static bool same(const char *a, const char *b);

/*
 * Takes the repeatables out of what files hold, of which *n stay, and checks them as
 * far as the registry is not needed.  Their errors are added to errors.
 */
MigRepeatableSet *
mig_repeatable_set_read(MigScriptRevision *given, int *n, List **errors)
{
	MigRepeatableSet *set = palloc0(sizeof(MigRepeatableSet));
	MemoryContext context = CurrentMemoryContext;
	int			nrevisions = 0;

	set->given = palloc0(sizeof(MigRegistration) * Max(*n, 1));
	set->repeatables = palloc0(sizeof(MigRepeatable) * Max(*n, 1));
	set->results = palloc0(sizeof(MigRegisterResult) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		List	   *volatile found = *errors;

		if (!given[i].repeatable)
		{
			given[nrevisions++] = given[i];
			continue;
		}
		set->given[set->n].revision = given[i];
		PG_TRY();
		{
			if (!given[i].failed)
				check(set, set->n);
		}
		PG_CATCH();
		{
			found = mig_script_error_add(found, given[i].number, context);
		}
		PG_END_TRY();
		*errors = found;
		set->n++;
	}
	*n = nrevisions;
	return set;
}

static void
check(MigRepeatableSet *set, int index)
{
	const MigRegistration *given = &set->given[index];
	MigRepeatable *repeatable = &set->repeatables[index];
	MigRevision revision;
	ErrorContextCallback callback;

	callback.callback = mig_register_add_context;
	callback.arg = unconstify(MigRegistration *, given);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	check_name(given->revision.def.id);
	error_context_stack = callback.previous;
	mig_definition_check_allow(given);

	memset(&revision, 0, sizeof(revision));
	mig_definition_begin(given, &revision);
	mig_definition_upgrade(given, &revision);
	check_statements(given, revision.def.upgrade);

	repeatable->name = revision.def.id;
	repeatable->ndepends = revision.def.ndepends;
	repeatable->depends = revision.def.depends;
	repeatable->message = revision.def.message;
	repeatable->allow = revision.def.allow;
	repeatable->body = revision.def.upgrade;
	repeatable->nstatements = revision.upgrade.nstatements;
	strlcpy(repeatable->body_hash, revision.upgrade.hash,
			sizeof(repeatable->body_hash));
}

static void
check_name(const char *name)
{
	const char *control = mig_printable_find(name, "");

	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("name of a repeatable must not be empty")));
	if (control != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("name of repeatable \"%s\" contains a control character",
						mig_printable(pstrdup(name))),
				 errdetail_internal("%s", mig_printable_detail(name, control))));
	if (strlen(name) > MIG_REVISION_MAXLEN)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("name of repeatable \"%s\" is too long", name),
				 errdetail("It can have %d bytes.", MIG_REVISION_MAXLEN)));
	if (!mig_server()->rollback_undoes_ddl)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("repeatables cannot be run on this server"),
				 errdetail("DDL commits by itself here (server type \"%s\"): one that fails could not be undone.",
						   mig_server()->type),
				 errhint("Register what it does as revisions.")));
}

/*
 * It is one transaction, so that it has run or has not.
 */
static void
check_statements(const MigRegistration *given, const char *body)
{
	MigScript  *script = mig_script_split_text(body, false);
	MigScriptSource source;
	ErrorContextCallback callback;

	for (int i = 0; i < script->nstatements; i++)
	{
		const MigStatement *statement = &script->statements[i];

		if (statement->kind == MIG_STATEMENT_ORDINARY &&
			statement->if_partitioned == NULL && !statement->commit_after)
			continue;
		mig_definition_source(given, body, given->revision.upgrade_line, &source);
		callback.callback = add_context;
		callback.arg = unconstify(char *, mig_script_place(&source, statement->location));
		callback.previous = error_context_stack;
		error_context_stack = &callback;
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("repeatable \"%s\" cannot be one transaction",
						given->revision.def.id),
				 errdetail("Statement %d, %s, cannot share a transaction with others.",
						   i + 1, statement->tag != NULL ? statement->tag :
						   "whose effect a later one needs committed"),
				 errhint("Put it into a revision.")));
	}
}

static void
add_context(void *arg)
{
	errcontext("%s", (const char *) arg);
}

/*
 * Adds an error for each dependency that is not there.
 */
void
mig_repeatable_set_check(MigRepeatableSet *set, bool prunes, List **errors)
{
	MemoryContext context = CurrentMemoryContext;
	int			nold = 0;
	MigRepeatable *old = set->n == 0 || prunes ? NULL :
	mig_repeatable_list(NULL, false, MIG_SPI_READ_LATEST, &nold);

	for (int i = 0; i < set->n; i++)
	{
		List	   *volatile found = *errors;

		CHECK_FOR_INTERRUPTS();
		PG_TRY();
		{
			check_depends(set, i, old, nold);
		}
		PG_CATCH();
		{
			found = mig_script_error_add(found, set->given[i].revision.number,
										 context);
		}
		PG_END_TRY();
		*errors = found;
	}
}

/*
 * Of one that has failed the name counts.
 */
static void
check_depends(const MigRepeatableSet *set, int index, MigRepeatable *old,
			  int nold)
{
	const MigRepeatable *repeatable = &set->repeatables[index];
	ErrorContextCallback callback;

	callback.callback = mig_register_add_context;
	callback.arg = &set->given[index];
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	for (int i = 0; i < repeatable->ndepends; i++)
	{
		const char *name = repeatable->depends[i];
		bool		there = find(old, nold, name) != NULL;

		for (int k = 0; k < set->n && !there; k++)
			there = strcmp(set->given[k].revision.def.id, name) == 0;
		if (!there)
			mig_repeatable_refuse_missing(repeatable, name);
	}
	error_context_stack = callback.previous;
}

/*
 * What the registration would change, compared with the registry, which is locked.
 * prunes: what is not given is removed.  Raises an error for a dependency that is
 * not there, and for a cycle.
 */
void
mig_repeatable_set_compare(MigRepeatableSet *set, bool prunes)
{
	int			nold;
	MigRepeatable *old = mig_repeatable_list(NULL, false, MIG_SPI_READ_LATEST, &nold);
	MigRepeatable *all = palloc(sizeof(MigRepeatable) * Max(set->n + nold, 1));
	int			nall = 0;

	for (int i = 0; i < set->n; i++)
	{
		compare(&set->repeatables[i], find(old, nold, set->repeatables[i].name),
				&set->results[i]);
		all[nall++] = set->repeatables[i];
	}
	for (int i = 0; i < nold; i++)
	{
		if (find(set->repeatables, set->n, old[i].name) != NULL)
			continue;
		if (prunes)
			set->removed = lappend(set->removed, old[i].name);
		else
			all[nall++] = old[i];
	}
	qsort(all, nall, sizeof(MigRepeatable), compare_names);
	mig_repeatable_sort(all, nall);
}

static MigRepeatable *
find(MigRepeatable *repeatables, int n, const char *name)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(repeatables[i].name, name) == 0)
			return &repeatables[i];
	}
	return NULL;
}

static void
compare(MigRepeatable *given, const MigRepeatable *old,
		MigRegisterResult *result)
{
	bool		differs;

	*result = MIG_REGISTER_ADDED;
	if (old == NULL)
		return;
	differs = strcmp(given->body_hash, old->body_hash) != 0 ||
		!same(given->message, old->message) ||
		!mig_text_same_list(given->depends, given->ndepends,
							old->depends, old->ndepends);
	*result = differs ? MIG_REGISTER_REPLACED : MIG_REGISTER_UNCHANGED;
	if (!differs && !same(given->allow, old->allow))
		mig_repeatable_set_allow(given->name, given->allow);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const MigRepeatable *) a)->name, ((const MigRepeatable *) b)->name);
}

static bool
same(const char *a, const char *b)
{
	return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

/*
 * Writes what was compared; the revisions are written.  What was removed leaves
 * what its body has made.
 */
void
mig_repeatable_set_write(const MigRepeatableSet *set)
{
	ListCell   *cell;

	foreach(cell, set->removed)
		remove_one(lfirst(cell));
	for (int i = 0; i < set->n; i++)
	{
		const MigRepeatable *repeatable = &set->repeatables[i];
		char	   *user = mig_revision_label_user(repeatable->name, "");

		if (user != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("name of repeatable \"%s\" is already used by revision \"%s\"",
							repeatable->name, user)));
		if (set->results[i] == MIG_REGISTER_UNCHANGED)
			continue;
		mig_approval_void(repeatable->name);
		mig_repeatable_put(repeatable, GetUserId());
	}
}

/*
 * Raises an error for the id of a new revision that is the name of one.
 */
void
mig_repeatable_refuse_id(const char *id)
{
	MigRepeatable repeatable;

	if (mig_repeatable_find(NULL, id, MIG_SPI_READ_LATEST, &repeatable))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("revision id \"%s\" is already used as the name of a repeatable",
						id)));
}

/*
 * Removes one.  false: there is none of that name.
 */
bool
mig_repeatable_unregister(const char *name)
{
	MigRepeatable repeatable;
	int			n;
	MigRepeatable *all;

	if (!mig_repeatable_find(NULL, name, MIG_SPI_READ_LATEST, &repeatable))
		return false;
	all = mig_repeatable_list(NULL, false, MIG_SPI_READ_LATEST, &n);
	for (int i = 0; i < n; i++)
	{
		for (int k = 0; k < all[i].ndepends; k++)
		{
			if (strcmp(all[i].depends[k], name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
						 errmsg("cannot unregister repeatable \"%s\" because repeatable \"%s\" depends on it",
								name, all[i].name),
						 errhint("Unregister what depends on it first.")));
		}
	}
	remove_one(name);
	return true;
}

static void
remove_one(const char *name)
{
	ereport(NOTICE,
			(errmsg("repeatable \"%s\" is removed", name),
			 errdetail("What it has created stays.")));
	mig_approval_void(name);
	mig_repeatable_delete(name);
}
