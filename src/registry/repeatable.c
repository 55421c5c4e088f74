/*
 * repeatable.c
 *	  Registers repeatables: bodies that run again when they have changed.
 *
 * They have no version, so the last text that was given is the one: it takes the
 * place of the one before without being asked for, also while a run goes on.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "base/printable.h"
#include "base/server.h"
#include "registry/registry_internal.h"
#include "tables/approval.h"

/* A repeatable among all that will be there, those that are given first. */
typedef struct Reference
{
	MigRepeatable *all;
	int			n;
	int			index;
	List	   *cycle;			/* that it is in, as indexes */
	const char *user;			/* the revision that has its name, or NULL */
} Reference;

/* As in register.c. */
typedef bool (*Check) (MigRepeatableSet *set, int index, int item);

static bool try_check(Check check, MigRepeatableSet *set, int index, int item,
					  List **errors);
static bool check_header(MigRepeatableSet *set, int index, int item);
static bool check_allow(MigRepeatableSet *set, int index, int item);
static bool check_body(MigRepeatableSet *set, int index, int item);
static void check_name(const char *name);
static void check_statements(const MigRegistration *given, const char *body);
static void add_context(void *arg);
static List *find_path(MigRepeatable *all, int n, int from, int to,
					   bool *seen);
static List *try_reference(MigRegistration *given, const Reference *reference,
						   int item, List *errors);
static void check_reference(const Reference *reference, int item);
static void refuse_cycle(const Reference *reference);
static void refuse_user(const char *name, const char *user);
static MigRepeatable *find(MigRepeatable *repeatables, int n, const char *name);
static void compare(MigRepeatable *given, const MigRepeatable *old,
					MigRegisterResult *result);
static int	compare_names(const void *a, const void *b);
static void remove_one(const char *name);
static bool same(const char *a, const char *b);

/* Each finds errors of its own. */
static const Check checks[] = {check_header, check_allow, check_body};

/*
 * Takes the repeatables out of what files hold, of which *n stay, and checks them as
 * far as the registry is not needed.  Their errors are added to errors.
 */
MigRepeatableSet *
mig_repeatable_set_read(MigScriptRevision *given, int *n, List **errors)
{
	MigRepeatableSet *set = palloc0(sizeof(MigRepeatableSet));
	int			nrevisions = 0;

	set->given = palloc0(sizeof(MigRegistration) * Max(*n, 1));
	set->repeatables = palloc0(sizeof(MigRepeatable) * Max(*n, 1));
	set->results = palloc0(sizeof(MigRegisterResult) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		if (!given[i].repeatable)
		{
			given[nrevisions++] = given[i];
			continue;
		}
		set->given[set->n].revision = given[i];
		for (int k = 0; k < lengthof(checks) && !given[i].failed; k++)
		{
			int			item = 0;

			while (try_check(checks[k], set, set->n, item, errors))
				item++;
		}
		set->n++;
	}
	*n = nrevisions;
	return set;
}

static bool
try_check(Check check, MigRepeatableSet *set, int index, int item,
		  List **errors)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *volatile found = *errors;
	volatile bool more = true;

	PG_TRY();
	{
		more = check(set, index, item);
	}
	PG_CATCH();
	{
		found = mig_script_error_add(found, set->given[index].revision.number,
									 context);
	}
	PG_END_TRY();
	*errors = found;
	return more;
}

static bool
check_header(MigRepeatableSet *set, int index, int item)
{
	const MigRegistration *given = &set->given[index];
	MigRepeatable *repeatable = &set->repeatables[index];
	MigRevision revision;
	MigRegisterPlace place = {given, 0};
	ErrorContextCallback callback;

	if (item > 0)
		return false;
	mig_definition_begin(given, &revision);
	repeatable->name = revision.def.id;
	repeatable->ndepends = revision.def.ndepends;
	repeatable->depends = revision.def.depends;
	repeatable->message = revision.def.message;
	repeatable->allow = revision.def.allow;

	callback.callback = mig_register_add_context;
	callback.arg = &place;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	check_name(given->revision.def.id);
	error_context_stack = callback.previous;
	return false;
}

static bool
check_allow(MigRepeatableSet *set, int index, int item)
{
	return mig_definition_check_waiver(&set->given[index], item);
}

static bool
check_body(MigRepeatableSet *set, int index, int item)
{
	const MigRegistration *given = &set->given[index];
	MigRepeatable *repeatable = &set->repeatables[index];
	MigRevision revision;

	if (item > 0)
		return false;
	memset(&revision, 0, sizeof(revision));
	mig_definition_begin(given, &revision);
	mig_definition_upgrade(given, &revision);
	check_statements(given, revision.def.upgrade);

	repeatable->body = revision.def.upgrade;
	repeatable->nstatements = revision.upgrade.nstatements;
	strlcpy(repeatable->body_hash, revision.upgrade.hash,
			sizeof(repeatable->body_hash));
	return false;
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
 * Adds an error for each dependency that is not there, for each cycle, and for each
 * name that a revision has.
 */
void
mig_repeatable_set_check(MigRepeatableSet *set, bool prunes, List **errors)
{
	int			nold = 0;
	MigRepeatable *old = set->n == 0 || prunes ? NULL :
	mig_repeatable_list(NULL, false, MIG_SPI_READ_LATEST, &nold);
	MigRepeatable *all = palloc(sizeof(MigRepeatable) * Max(set->n + nold, 1));
	int			n = set->n;

	for (int i = 0; i < set->n; i++)
	{
		all[i] = set->repeatables[i];
		/* Of one that has failed the name counts. */
		all[i].name = set->given[i].revision.def.id;
	}
	for (int i = 0; i < nold; i++)
	{
		if (find(all, set->n, old[i].name) == NULL)
			all[n++] = old[i];
	}
	for (int i = 0; i < set->n; i++)
	{
		Reference	reference = {all, n, i};

		CHECK_FOR_INTERRUPTS();
		reference.cycle = find_path(all, n, i, i, palloc0(sizeof(bool) * n));
		if (!prunes)
			reference.user = mig_revision_label_user(all[i].name, "");
		for (int k = 0; k <= all[i].ndepends; k++)
			*errors = try_reference(&set->given[i], &reference, k, *errors);
	}
}

static List *
try_reference(MigRegistration *given, const Reference *reference, int item,
			  List *errors)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *volatile found = errors;
	bool		is_dependency = item < reference->all[reference->index].ndepends;
	MigRegisterPlace place = {
		given, is_dependency ? given->revision.key_lines[MIG_LINE_DEPENDS_ON] : 0
	};
	ErrorContextCallback callback;

	callback.callback = mig_register_add_context;
	callback.arg = &place;
	callback.previous = error_context_stack;
	PG_TRY();
	{
		error_context_stack = &callback;
		check_reference(reference, item);
	}
	PG_CATCH();
	{
		found = mig_script_error_add(errors, given->revision.number, context);
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
	return found;
}

/*
 * Raises the error of a dependency, or, behind them, of the repeatable itself.
 */
static void
check_reference(const Reference *reference, int item)
{
	const MigRepeatable *repeatable = &reference->all[reference->index];

	if (item < repeatable->ndepends)
	{
		if (find(reference->all, reference->n, repeatable->depends[item]) == NULL)
			mig_repeatable_refuse_missing(repeatable, repeatable->depends[item]);
		return;
	}
	if (reference->user != NULL)
		refuse_user(repeatable->name, reference->user);
	refuse_cycle(reference);
}

/*
 * The repeatables, as indexes, on a way from one to another along dependencies, of
 * which the last is left out; NIL: there is none.
 */
static List *
find_path(MigRepeatable *all, int n, int from, int to, bool *seen)
{
	check_stack_depth();
	for (int i = 0; i < all[from].ndepends; i++)
	{
		MigRepeatable *next = find(all, n, all[from].depends[i]);
		List	   *path;

		if (next == NULL)
			continue;
		if (next - all == to)
			return list_make1_int(from);
		if (seen[next - all])
			continue;
		seen[next - all] = true;
		path = find_path(all, n, next - all, to, seen);
		if (path != NIL)
			return lcons_int(from, path);
	}
	return NIL;
}

/*
 * Raises an error for a cycle, at the first of those in it.
 */
static void
refuse_cycle(const Reference *reference)
{
	StringInfoData names;
	ListCell   *cell;

	if (reference->cycle == NIL)
		return;
	initStringInfo(&names);
	foreach(cell, reference->cycle)
	{
		if (lfirst_int(cell) < reference->index)
			return;
		appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? ", " : "",
						 reference->all[lfirst_int(cell)].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 list_length(reference->cycle) == 1 ?
			 errmsg("repeatable %s depends on itself", names.data) :
			 errmsg("repeatables depend on each other: %s", names.data)));
}

static void
refuse_user(const char *name, const char *user)
{
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("name of repeatable \"%s\" is already used by revision \"%s\"",
					name, user)));
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
			refuse_user(repeatable->name, user);
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
