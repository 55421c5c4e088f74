/*
 * squash.c
 *	  Replaces a line of revisions by one that does what they do.
 *
 * The members of the line are removed, and the revision that replaces them takes
 * their place: what is built on the last of them is built on it, and where a
 * version table says that the last is applied, it is.  A version table is behind
 * the line, and the revision counts as applied there, or before it; inside of it
 * no revision says where it is, so that this is refused.
 *
 * migrate_squash() makes such a revision; a file can have one, too, and then does
 * the same in every database that has the members.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/printable.h"
#include "graph/graph.h"
#include "registry/registry_internal.h"
#include "run/run.h"
#include "tables/approval.h"
#include "tables/confirmation.h"
#include "tables/job.h"
#include "tables/log.h"
#include "tables/partial.h"
#include "tables/version.h"

/* The line that a revision replaces, as far as it is registered. */
typedef struct Squash
{
	const MigRevision *revision;
	int			n;
	MigRevision **members;		/* the first is built on what comes before */
	MigGraph   *graph;
	MigVersion *in_use;			/* the version table */
	List	   *behind;			/* version tables behind the line, of
								 * MigVersion * */
} Squash;

static List *add_replaced(const MigRegistered *registered, int n,
						  const char *replaced, const char *by, List *errors);
static void find_members(Squash *squash);
static bool may_squash(void);
static void put_in_place(Squash *squash);
static void check_line(const Squash *squash);
static bool same_set(char *const *a, int na, char *const *b, int nb);
static void check_dependents(const Squash *squash);
static bool is_member(const Squash *squash, const char *id);
static void check_version_tables(Squash *squash);
static void check_version_table(Squash *squash, MigVersion *version);
pg_noreturn static void refuse_inside(const Squash *squash,
									  const MigVersion *version,
									  const bool *applied);
static char *way_back(const MigRevisionDef *first);
static void move_row(const Squash *squash, MigVersion *version);
static void log_squash(const Squash *squash, const MigVersion *version);

/*
 * Raises an error for a revision that is to be registered although another one
 * replaces it, which is registered or given together with it.
 */
void
mig_squash_refuse_replaced(const MigRegistered *registered, int n)
{
	List	   *errors = NIL;

	mig_squash_check_replaced(registered, n, &errors);
	if (errors != NIL)
		ReThrowError(((MigScriptError *) linitial(errors))->error);
}

/*
 * Adds an error for each of them; what is registered replaces one of them at a
 * time.
 */
void
mig_squash_check_replaced(const MigRegistered *registered, int n,
						  List **errors)
{
	char	  **ids = palloc(sizeof(char *) * Max(n, 1));
	int			nerrors = list_length(*errors);
	char	   *replaced = NULL;
	char	   *by = NULL;

	for (int i = 0; i < n; i++)
		ids[i] = registered[i].given.revision.def.id;
	qsort(ids, n, sizeof(char *), pg_qsort_strcmp);
	for (int i = 0; i < n; i++)
	{
		const MigRevisionDef *def = &registered[i].given.revision.def;

		for (int k = 0; k < def->nreplaces; k++)
		{
			if (strcmp(def->replaces[k], def->id) != 0 &&
				bsearch(&def->replaces[k], ids, n, sizeof(char *),
						pg_qsort_strcmp) != NULL)
				*errors = add_replaced(registered, n, def->replaces[k], def->id,
									   *errors);
		}
	}
	if (list_length(*errors) > nerrors)
		return;
	mig_revision_replaced(ids, n, &replaced, &by);
	if (replaced != NULL)
		*errors = add_replaced(registered, n, replaced, by, *errors);
}

static List *
add_replaced(const MigRegistered *registered, int n, const char *replaced,
			 const char *by, List *errors)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorContextCallback *callbacks = error_context_stack;
	List	   *volatile found = errors;
	MigRegisterPlace place = {NULL, 0};
	ErrorContextCallback callback;
	int			i = 0;

	/* It is one of them. */
	while (i < n - 1 && strcmp(registered[i].given.revision.def.id, replaced) != 0)
		i++;
	/* The error says which file of many it is, and nothing of what called us. */
	callback.callback = mig_register_add_context;
	place.registration = &registered[i].given;
	callback.arg = &place;
	callback.previous = NULL;
	error_context_stack = &callback;
	PG_TRY();
	{
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("revision \"%s\" is replaced by revision \"%s\"",
						replaced, by),
				 errhint("Remove its file. A database that is between the revisions which are replaced needs the files of before: it upgrades to the last of them, or downgrades to the revision before the first, and then registers the new files.")));
	}
	PG_CATCH();
	{
		found = mig_script_error_add(errors, registered[i].given.revision.number,
									 context);
	}
	PG_END_TRY();
	error_context_stack = callbacks;
	return found;
}

/*
 * Puts revisions that replace registered ones in their place; others are left to
 * those who have read them.
 */
void
mig_squash_apply(MigRegistered *registered, int n)
{
	for (int i = 0; i < n; i++)
	{
		const MigRevisionDef *def = &registered[i].revision.def;
		Squash		squash = {.revision = &registered[i].revision};

		if (registered[i].failed || def->nreplaces == 0)
			continue;
		find_members(&squash);
		if (squash.n == 0)
			continue;
		if (mig_revision_find(def->id) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("revision \"%s\" is registered beside revision \"%s\", which it replaces",
							def->id, squash.members[0]->def.id),
					 errhint("Unregister one of them.")));
		if (!may_squash())
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied to replace revision \"%s\" by revision \"%s\"",
							squash.members[0]->def.id, def->id),
					 errdetail("It changes what is applied."),
					 errhint("GRANT EXECUTE ON FUNCTION migrate_squash to the role, or let another role register it.")));
		put_in_place(&squash);
		registered[i].written = true;
	}
}

/*
 * Whether the current role may do what migrate_squash() does.
 */
static bool
may_squash(void)
{
	static MigSpiQuery query = {
		"SELECT WHERE " MIG_JOB_ROLE_MAY_EXECUTE("$1", "'migrate_squash'")
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, GetUserId());
	return mig_spi_exists(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}

/*
 * Puts a revision in the place of those that it replaces, which are registered.
 */
void
mig_squash_one(const MigRevision *revision)
{
	Squash		squash = {.revision = revision};

	find_members(&squash);
	put_in_place(&squash);
}

/*
 * Those of a line that are registered: all, or the first ones, where the others
 * have never been.
 */
static void
find_members(Squash *squash)
{
	const MigRevisionDef *def = &squash->revision->def;

	squash->members = palloc(sizeof(MigRevision *) * def->nreplaces);
	for (int i = 0; i < def->nreplaces; i++)
	{
		MigRevision *member = mig_revision_find(def->replaces[i]);

		if (member == NULL)
			continue;
		if (squash->n < i)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("revision \"%s\" that revision \"%s\" replaces is not registered",
							def->replaces[squash->n], def->id),
					 errdetail("Revision \"%s\", which comes after it, is.",
							   def->replaces[i])));
		squash->members[squash->n++] = member;
	}
}

static void
put_in_place(Squash *squash)
{
	const MigRevisionDef *def = &squash->revision->def;
	const char *last = squash->members[squash->n - 1]->def.id;
	ListCell   *cell;

	check_line(squash);
	check_dependents(squash);
	/* So that no run is in the middle of a member. */
	mig_lock_bodies();
	squash->graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	check_version_tables(squash);

	for (int i = 0; i < squash->n; i++)
	{
		mig_approval_void(squash->members[i]->def.id);
		mig_confirmation_void(squash->members[i]->def.id);
		mig_revision_delete(squash->members[i]->def.id);
	}
	mig_repeatable_refuse_id(def->id);
	mig_definition_check_references(def, true);
	mig_revision_insert(squash->revision, GetUserId());
	mig_revision_rename_parent(last, def->id);
	mig_register_check_graph();
	foreach(cell, squash->behind)
	{
		move_row(squash, lfirst(cell));
		log_squash(squash, lfirst(cell));
	}
	ereport(NOTICE,
			(errmsg_plural("revision \"%s\" replaces %d revision",
						   "revision \"%s\" replaces %d revisions",
						   squash->n, def->id, squash->n),
			 squash->behind == NIL ?
			 errdetail("None of them was applied.") :
			 errdetail_plural("It counts as applied in %d version table.",
							  "It counts as applied in %d version tables.",
							  list_length(squash->behind),
							  list_length(squash->behind))));
}

/*
 * Raises an error unless each member is built on the one before alone, and the
 * revision on what the first is built on.
 */
static void
check_line(const Squash *squash)
{
	const MigRevisionDef *def = &squash->revision->def;
	const MigRevisionDef *first = &squash->members[0]->def;

	for (int i = 1; i < squash->n; i++)
	{
		const MigRevisionDef *member = &squash->members[i]->def;
		const char *before = squash->members[i - 1]->def.id;

		if (member->ndown != 1 || strcmp(member->down[0], before) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("cannot squash revision \"%s\" because it is not built on revision \"%s\" alone",
							member->id, before),
					 errhint("Squash a range of revisions that form a line, each with one down revision.")));
	}
	if (!same_set(def->down, def->ndown, first->down, first->ndown))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" has other down revisions than revision \"%s\", which it replaces",
						def->id, first->id)));
}

static bool
same_set(char *const *a, int na, char *const *b, int nb)
{
	int			found = 0;

	for (int i = 0; i < na; i++)
	{
		for (int k = 0; k < nb; k++)
			found += strcmp(a[i], b[k]) == 0;
	}
	return na == nb && found == na;
}

/*
 * Raises an error if a revision outside of the line needs a member that is not
 * its end.
 */
static void
check_dependents(const Squash *squash)
{
	bool		complete = squash->n == squash->revision->def.nreplaces;

	for (int i = 0; i < squash->n; i++)
	{
		const char *id = squash->members[i]->def.id;
		int			ndependents;
		char	  **dependents;

		if (i == squash->n - 1 && complete)
			continue;
		dependents = mig_revision_dependents(id, &ndependents);
		for (int k = 0; k < ndependents; k++)
		{
			if (!is_member(squash, dependents[k]))
				ereport(ERROR,
						(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
						 errmsg("cannot squash revision \"%s\" because other revisions need it",
								id),
						 errdetail("Revision \"%s\" is built on it or depends on it, and is not one of those that are squashed.",
								   dependents[k]),
						 errhint("Squash a range that ends with revision %s, or begins after it.",
								 mig_printable_quoted(id))));
		}
	}
}

static bool
is_member(const Squash *squash, const char *id)
{
	for (int i = 0; i < squash->n; i++)
	{
		if (strcmp(squash->members[i]->def.id, id) == 0)
			return true;
	}
	return false;
}

/*
 * By the version table in use, by migrate.version, and by any other that runs
 * have used.  They are read and written with the caller's rights: a role that
 * cannot read one cannot squash what may be applied there.
 */
static void
check_version_tables(Squash *squash)
{
	int			ntables;
	char	  **tables = mig_log_version_tables(&ntables);

	for (int i = 0; i < squash->n; i++)
	{
		MigRegisterHolder holder = {
			.partial = mig_partial_holder(squash->members[i]->def.id, NULL)
		};

		mig_register_refuse_held(squash->members[i]->def.id, &holder);
	}
	squash->in_use = mig_version_open(MIG_SPI_READ_LATEST);
	check_version_table(squash, squash->in_use);
	for (int i = -1; i < ntables; i++)
	{
		MigVersion *other = mig_version_open_other(i < 0 ? NULL : tables[i],
												   squash->in_use);

		if (other != NULL)
			check_version_table(squash, other);
	}
}

/*
 * Raises an error for one that is inside of the line.
 */
static void
check_version_table(Squash *squash, MigVersion *version)
{
	bool	   *applied = mig_register_applied(version, squash->graph);
	bool	   *of_member = palloc0(sizeof(bool) * squash->n);
	int			napplied = 0;

	for (int i = 0; i < squash->n; i++)
	{
		of_member[i] = applied[mig_graph_find(squash->graph,
											  squash->members[i]->def.id)];
		napplied += of_member[i] ? 1 : 0;
	}
	if (napplied == 0)
		return;
	if (napplied < squash->revision->def.nreplaces)
		refuse_inside(squash, version, of_member);
	squash->behind = lappend(squash->behind, version);
}

static void
refuse_inside(const Squash *squash, const MigVersion *version,
			  const bool *applied)
{
	const MigRevisionDef *def = &squash->revision->def;
	const char *last = def->replaces[def->nreplaces - 1];
	const char *back = way_back(&squash->members[0]->def);
	int			n = squash->n;

	while (n > 1 && !applied[n - 1])
		n--;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot squash revisions \"%s\" to \"%s\" because version table \"%s\" is between them",
					def->replaces[0], last, mig_printable(version->name)),
			 errdetail("Revision \"%s\" is applied there, and revision \"%s\" is not.",
					   squash->members[n - 1]->def.id, def->replaces[n]),
			 version == squash->in_use ?
			 errhint("Upgrade to the end of the range before, CALL migrate_deploy(%s), or downgrade to its beginning, CALL migrate_revert(%s).",
					 quote_literal_cstr(last), quote_literal_cstr(back)) :
			 errhint("Upgrade to the end of the range before: SET migrate.version_table = %s; CALL migrate_deploy(%s). Or downgrade to its beginning: CALL migrate_revert(%s).",
					 quote_literal_cstr(version->name),
					 quote_literal_cstr(last), quote_literal_cstr(back))));
}

/*
 * The target of a downgrade that ends before a revision.
 */
static char *
way_back(const MigRevisionDef *first)
{
	if (first->ndown == 0)
		return pstrdup("base");
	return first->ndown == 1 ? first->down[0] : psprintf("%s-1", first->id);
}

/*
 * Where the last member has a row of its own, it becomes one of the revision.
 */
static void
move_row(const Squash *squash, MigVersion *version)
{
	MigStep		step = {
		.command = MIG_COMMAND_STAMP,
		.revision = squash->revision->def.id,
		.update_from = squash->members[squash->n - 1]->def.id,
		.update_to = squash->revision->def.id
	};
	bool		found = false;
	MigSpiScope scope;

	mig_version_read_locked(version);
	for (int i = 0; i < version->nrows; i++)
		found = found || strcmp(version->rows[i], step.update_from) == 0;
	if (!found)
		return;
	mig_version_lock_to_write(version, true);
	if (!version->own)
	{
		mig_version_move(version, &step);
		return;
	}
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	mig_version_move(version, &step);
	mig_spi_end(&scope);
}

static void
log_squash(const Squash *squash, const MigVersion *version)
{
	const MigRevisionDef *def = &squash->revision->def;
	MigLogEntry entry = {
		.step = 1,
		.revision = def->id,
		.operation = MIG_COMMAND_STAMP,
		.via = MIG_VIA_FUNCTION,
		.version_table = version->name,
		.version_oid = MIG_LOG_VERSION_OID(version),
		.role = GetUserId(),
		.decision = "squashed",
		.note = psprintf("It replaces revisions \"%s\" to \"%s\".",
						 def->replaces[0], def->replaces[def->nreplaces - 1])
	};

	mig_log_new_run(&entry.run);
	entry.usage.started = entry.usage.finished = GetCurrentTimestamp();
	mig_log_write(&entry);
}
