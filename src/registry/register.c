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
#include "tables/log.h"
#include "tables/partial.h"
#include "tables/version.h"

/* How a registration changed the registry. */
typedef enum RegisterResult
{
	REGISTER_SAME,				/* it was registered already */
	REGISTER_ADDED,
	REGISTER_REPLACED
} RegisterResult;

static RegisterResult register_one(const MigRegistration *registration);
static void update(const MigRevision *revision);
static void refuse_if_applied(const char *id);
static void refuse_if_applied_in(MigVersion *version, MigGraph *graph,
								 const char *id);
static void check_graph(void);

/*
 * Registers one revision; one that is registered with the same definition is
 * left as it is, unless it is to be replaced.
 */
void
mig_register(const MigRevisionDef *def, bool replace)
{
	MigRegistration registration = {.revision.def = *def, .replace = replace};

	mig_lock_registry();
	if (register_one(&registration) == REGISTER_REPLACED)
		check_graph();
}

/*
 * Registers the revisions of a script, which may refer to each other in any
 * order.  Returns their ids in the order of the script.
 */
char	  **
mig_register_script(const char *script, int *nids)
{
	MigScriptRevision *revisions;
	char	  **ids;
	bool		added = false;

	revisions = mig_script_file_parse(script, nids);
	if (*nids == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("script contains no revision"),
				 errhint("A revision begins with a line \"-- revision: <id>\".")));

	mig_lock_registry();
	ids = palloc(sizeof(char *) * *nids);
	for (int i = 0; i < *nids; i++)
	{
		MigRegistration registration = {.revision = revisions[i], .script = script};

		CHECK_FOR_INTERRUPTS();
		if (register_one(&registration) == REGISTER_ADDED)
			added = true;
		ids[i] = revisions[i].def.id;
	}
	if (added)
		check_graph();
	return ids;
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

	mig_lock_registry();
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
	refuse_if_applied(id);
	mig_approval_void(id);
	mig_revision_delete(id);
	check_graph();
}

/*
 * Registers an empty revision on top of several heads, which may be given as
 * any target that names revisions.
 */
void
mig_register_merge(int nrevisions, char **revisions,
				   const MigRevisionDef *def)
{
	MigRegistration registration = {.revision.def = *def};
	MigRevisionDef *merge = &registration.revision.def;
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
	register_one(&registration);
}

static RegisterResult
register_one(const MigRegistration *registration)
{
	MigRevision revision;
	const MigRevisionDef *def = &revision.def;
	MigRevision *old;
	const char *differs;

	mig_definition_check_names(&registration->revision.def);
	mig_definition_parse(registration, &revision);
	old = mig_revision_find(def->id);
	if (old == NULL)
	{
		/* In a script parents may come later: the graph is checked then. */
		bool		in_script = registration->script != NULL;

		mig_definition_check_references(def, in_script);
		mig_revision_insert(&revision, GetUserId());
		if (!in_script)
			mig_revision_cover(def);
		return REGISTER_ADDED;
	}

	differs = mig_definition_difference(old, &revision);
	if (registration->replace)
		mig_lock_bodies();
	if (differs == NULL)
	{
		/* The same tokens: another text or author is no other revision. */
		if (registration->replace)
			update(&revision);
		return REGISTER_SAME;
	}
	if (!registration->replace)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("revision \"%s\" is already registered with another definition",
						def->id),
				 errdetail_internal("%s", differs),
				 errhint("Give the change an id of its own, or use replace => true while the revision is not applied.")));
	mig_definition_check_references(def, false);
	refuse_if_applied(def->id);
	update(&revision);
	return REGISTER_REPLACED;
}

/*
 * Also where only the author changes the revision must be approved again.
 */
static void
update(const MigRevision *revision)
{
	mig_approval_void(revision->def.id);
	mig_revision_update(revision, GetUserId());
}

/*
 * Raises an error if the revision is applied: by the version table in use, by
 * migrate.version, or by any other that runs have used.  They are read with the
 * caller's rights, and a role that cannot read one cannot change a revision.
 * The bodies are locked, so that no run is applying it.
 */
static void
refuse_if_applied(const char *id)
{
	MigGraph   *graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	MigVersion *version = mig_version_open(MIG_SPI_READ_LATEST);
	int			ntables;
	char	  **tables = mig_log_version_tables(&ntables);
	char	   *table = mig_partial_holder(id);

	if (table != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot replace or unregister revision \"%s\" because it is partial",
						id),
				 errdetail("A run of it on version table \"%s\" was interrupted.",
						   table),
				 errhint("Resume it with CALL migrate_deploy(...) or CALL migrate_revert(...), or abandon it with migrate_resolve('%s', 'abandon').",
						 id)));
	refuse_if_applied_in(version, graph, id);
	for (int i = -1; i < ntables; i++)
	{
		const char *name = i < 0 ? NULL : tables[i];
		MigVersion *other = mig_version_open_other(name, version);

		if (other != NULL)
			refuse_if_applied_in(other, graph, id);
	}
}

static void
refuse_if_applied_in(MigVersion *version, MigGraph *graph, const char *id)
{
	bool	   *applied;

	mig_version_read(version, MIG_SPI_READ_LATEST);
	applied = mig_graph_applied(graph, version->nrows, version->rows);
	if (applied[mig_graph_find(graph, id)])
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot replace or unregister revision \"%s\" because it is applied",
						id),
				 errdetail("It is applied according to version table \"%s\".",
						   version->name),
				 errhint("Downgrade it first, or register the change as a new revision.")));
}

/*
 * Raises an error if there is a cycle or a missing parent, and marks the heads.
 */
static void
check_graph(void)
{
	mig_revision_set_heads(mig_revision_graph(MIG_SPI_READ_LATEST));
}
