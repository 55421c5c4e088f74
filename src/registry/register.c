/*
 * register.c
 *	  Registers, replaces and removes revisions.
 *
 * A revision that was applied never changes silently, and every revision in
 * the registry can be run: its bodies were parsed, its parents exist, its
 * names are unique.  Writers of the registry take turns; one that replaces or
 * removes a revision also waits for runs, which may be applying it.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tcop/utility.h"

#include "base/setting_list.h"
#include "graph/graph.h"
#include "registry/register.h"
#include "run/run.h"
#include "script/script.h"
#include "tables/approval.h"
#include "tables/log.h"
#include "tables/partial.h"
#include "tables/revision.h"
#include "tables/version.h"

/*
 * A limit of our own, because those of the server are internal errors, come
 * after minutes, or when it is too late: its scanner holds a literal of half a
 * gigabyte, a row with both bodies one gigabyte, and a line of a dump the same,
 * in which line ends count twice.
 */
#define MAX_BODY_SIZE			(256 * 1024 * 1024)

/* How a registration changed the registry. */
typedef enum RegisterResult
{
	REGISTER_SAME,				/* was there already */
	REGISTER_ADDED,
	REGISTER_REPLACED
} RegisterResult;

/* A revision as it is handed in. */
typedef struct Registration
{
	MigScriptRevision revision;
	const char *script;			/* that it is in; NULL: it came by itself */
	bool		replace;
} Registration;

/* Names that a target gives another meaning; nobody could reach them. */
static const char *const reserved_names[] = {"base", "head", "heads"};

static RegisterResult register_one(const Registration *registration);
static void update(const MigRevision *revision);
static void check_names(const MigRevisionDef *def);
static void check_name(const char *kind, const char *name);
static void check_unique_down(const MigRevisionDef *def);
static void check_labels_unused(const MigRevisionDef *def);
static void check_parents_exist(const MigRevisionDef *def);
static void to_revision(const Registration *registration,
						MigRevision *revision);
static void check_settings(const Registration *registration);
static void add_settings_context(void *arg);
static char *to_body(const Registration *registration, const char *text,
					 const char *which, int offset, MigBody *body);
static void add_body_context(void *arg);
static char **unique_strings(char **strings, int nstrings, int *nunique);
static bool contains(char *const *strings, int nstrings, const char *string);
static const char *difference(const MigRevision *old, const MigRevision *new);
static bool same_text(const char *a, const char *b);
static bool same_strings(char *const *a, int na, char *const *b, int nb);
static bool same_body(const MigBody *a, const MigBody *b);
static void refuse_if_applied(const char *id, const char *verb);
static void refuse_if_applied_in(MigVersion *version, MigGraph *graph,
								 const char *id, const char *verb);
static void check_whole_graph(void);

/* What add_body_context() says. */
typedef struct BodyContext
{
	const char *id;
	const char *which;
} BodyContext;

/*
 * Registers one revision; nothing happens if it is registered alike already.
 */
void
mig_register(const MigRevisionDef *def, bool replace)
{
	Registration registration = {.revision.def = *def, .replace = replace};

	mig_lock_registry();
	if (register_one(&registration) == REGISTER_REPLACED)
		check_whole_graph();
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
		Registration registration = {.revision = revisions[i], .script = script};

		CHECK_FOR_INTERRUPTS();
		if (register_one(&registration) == REGISTER_ADDED)
			added = true;
		ids[i] = revisions[i].def.id;
	}
	if (added)
		check_whole_graph();
	return ids;
}

/*
 * Removes a revision that is not applied and that no other one needs.
 */
void
mig_register_unregister(char *id)
{
	char	  **dependents;
	int			ndependents;

	mig_lock_registry();
	if (mig_revision_find(id) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("revision \"%s\" does not exist", id),
				 errhint("The whole id must be given. Use migrate_history() to list revisions.")));
	dependents = mig_revision_dependents(id, &ndependents);
	if (ndependents > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot unregister revision \"%s\" because other revisions need it",
						id),
				 errdetail_plural("Revision \"%s\" is built on it or depends on it.",
								  "Revision \"%s\" and others are built on it or depend on it.",
								  ndependents, dependents[0]),
				 errhint("Unregister those first.")));
	mig_lock_bodies();
	refuse_if_applied(id, "unregister");
	mig_approval_void(id);
	mig_revision_delete(id);
	check_whole_graph();
}

/*
 * Registers an empty revision on top of several heads, which may be given as
 * any target that names revisions.
 */
void
mig_register_merge(int nrevisions, char **revisions,
				   const MigRevisionDef *def)
{
	Registration registration = {.revision.def = *def};
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
register_one(const Registration *registration)
{
	MigRevision revision;
	const MigRevisionDef *def = &revision.def;
	MigRevision *old;
	const char *differs;

	check_names(&registration->revision.def);
	to_revision(registration, &revision);
	old = mig_revision_find(def->id);
	if (old == NULL)
	{
		check_unique_down(def);
		if (registration->script != NULL)
		{
			/* Its parents may come later; the whole graph is checked then. */
			mig_revision_insert(&revision, GetUserId());
			return REGISTER_ADDED;
		}
		check_labels_unused(def);
		check_parents_exist(def);
		mig_revision_insert(&revision, GetUserId());
		mig_revision_cover(def);
		return REGISTER_ADDED;
	}

	differs = difference(old, &revision);
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
				 errmsg("revision \"%s\" is already registered with %s",
						def->id, differs),
				 errhint("Give the change an id of its own, or use replace => true while the revision is not applied.")));
	check_unique_down(def);
	check_labels_unused(def);
	check_parents_exist(def);
	refuse_if_applied(def->id, "replace");
	update(&revision);
	return REGISTER_REPLACED;
}

/*
 * With another author it is to be approved anew, too.
 */
static void
update(const MigRevision *revision)
{
	mig_approval_void(revision->def.id);
	mig_revision_update(revision, GetUserId());
}

static void
check_names(const MigRevisionDef *def)
{
	check_name("revision", def->id);
	if (pg_mbstrlen(def->id) > MIG_REVISION_MAXLEN)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("revision \"%s\" is too long", def->id),
				 errdetail("The version table holds at most %d characters.",
						   MIG_REVISION_MAXLEN)));
	if (strpbrk(def->id, "@-+:") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("revision \"%s\" contains a character that targets use",
						def->id),
				 errdetail("The characters @, -, + and : are not allowed in revision ids.")));

	for (int i = 0; i < def->nlabels; i++)
	{
		check_name("branch label", def->labels[i]);
		if (strcmp(def->labels[i], def->id) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("branch label \"%s\" is the id of its own revision",
							def->labels[i])));
	}
}

static void
check_name(const char *kind, const char *name)
{
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", kind)));
	for (int i = 0; i < lengthof(reserved_names); i++)
	{
		if (strcmp(name, reserved_names[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_RESERVED_NAME),
					 errmsg("%s must not be called \"%s\"", kind, name),
					 errdetail("In a target this word has a meaning of its own.")));
	}
}

static void
check_unique_down(const MigRevisionDef *def)
{
	for (int i = 1; i < def->ndown; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (contains(def->down, i, def->down[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("down revision \"%s\" of revision \"%s\" is named twice",
							def->down[i], def->id)));
	}
}

/*
 * The id must not be a label, a label neither an id nor another's label.
 */
static void
check_labels_unused(const MigRevisionDef *def)
{
	char	   *user = mig_revision_label_user(def->id, def->id);

	if (user != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("revision id \"%s\" is already used as a branch label of revision \"%s\"",
						def->id, user)));
	for (int i = 0; i < def->nlabels; i++)
	{
		user = mig_revision_label_user(def->labels[i], def->id);
		if (user != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("branch label \"%s\" of revision \"%s\" is already used by revision \"%s\"",
							def->labels[i], def->id, user)));
	}
}

static void
check_parents_exist(const MigRevisionDef *def)
{
	char	  **missing;
	int			nmissing;

	if (contains(def->down, def->ndown, def->id))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("revision \"%s\" cannot be its own down revision",
						def->id)));
	if (contains(def->depends, def->ndepends, def->id))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("revision \"%s\" cannot depend on itself",
						def->id)));
	for (int i = 0; i < def->nlabels; i++)
	{
		if (contains(def->depends, def->ndepends,
					 def->labels[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("revision \"%s\" cannot depend on its own branch label \"%s\"",
							def->id, def->labels[i])));
	}

	missing = mig_revision_missing(def->down, def->ndown, false,
								   &nmissing);
	if (nmissing > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("down revision \"%s\" of revision \"%s\" does not exist",
						missing[0], def->id),
				 errhint("Down revisions are whole ids. Register them first, or all in one script.")));
	missing = mig_revision_missing(def->depends, def->ndepends,
								   true, &nmissing);
	if (nmissing > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("revision or branch label \"%s\" that revision \"%s\" depends on does not exist",
						missing[0], def->id),
				 errhint("Register it first, or all in one script.")));
}

/*
 * Parses and hashes the bodies.
 */
static void
to_revision(const Registration *registration, MigRevision *revision)
{
	const MigScriptRevision *given = &registration->revision;
	MigRevisionDef *def = &revision->def;

	memset(revision, 0, sizeof(*revision));
	*def = given->def;
	def->depends = unique_strings(given->def.depends, given->def.ndepends,
								  &def->ndepends);
	def->labels = unique_strings(given->def.labels, given->def.nlabels,
								 &def->nlabels);
	if (def->settings != NULL)
		check_settings(registration);
	def->upgrade = to_body(registration, given->def.upgrade, "upgrade",
						   given->upgrade_offset, &revision->upgrade);
	if (given->def.downgrade != NULL)
		def->downgrade = to_body(registration, given->def.downgrade,
								 "downgrade", given->downgrade_offset,
								 &revision->downgrade);
}

/*
 * A setting that the author could not make now is refused.
 */
static void
check_settings(const Registration *registration)
{
	ErrorContextCallback callback;
	const char *problem;
	List	   *settings;

	callback.callback = add_settings_context;
	callback.arg = unconstify(Registration *, registration);
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	settings = mig_setting_list_parse(registration->revision.def.settings, &problem);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("settings of revision \"%s\" cannot be read",
						registration->revision.def.id),
				 errdetail_internal("%s", problem)));
	mig_setting_list_check(settings);

	error_context_stack = callback.previous;
}

static void
add_settings_context(void *arg)
{
	const Registration *registration = arg;
	MigScriptSource source = {registration->script, NULL, 0};

	mig_script_scan_errposition(&source, registration->revision.settings_offset);
	errcontext("settings of revision \"%s\"", registration->revision.def.id);
}

/*
 * The text of a body without a byte order mark, and what is known about it.
 */
static char *
to_body(const Registration *registration, const char *text,
		const char *which, int offset, MigBody *body)
{
	BodyContext context = {registration->revision.def.id, which};
	MigScriptSource source;
	MigScript  *script;
	ErrorContextCallback callback;

	if (strlen(text) > MAX_BODY_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s body of revision \"%s\" is too large",
						which, registration->revision.def.id),
				 errdetail("It has %zu bytes, and may have %d.",
						   strlen(text), MAX_BODY_SIZE),
				 errhint("Load data with COPY from a file, or make several revisions of it.")));

	callback.callback = add_body_context;
	callback.arg = &context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	source.body = mig_script_strip_bom(text);
	source.origin = registration->script;
	source.offset = offset + (source.body - text);
	script = mig_script_split(&source);
	body->nstatements = script->nstatements;
	body->ntransactions = script->ntransactions;
	body->nnontransactional = script->nnontransactional;
	mig_body_hash(source.body, body->hash);

	error_context_stack = callback.previous;
	return unconstify(char *, source.body);
}

static void
add_body_context(void *arg)
{
	const BodyContext *context = arg;

	errcontext("%s body of revision \"%s\"", context->which, context->id);
}

static char **
unique_strings(char **strings, int nstrings, int *nunique)
{
	char	  **unique = palloc(sizeof(char *) * Max(nstrings, 1));
	int			n = 0;

	for (int i = 0; i < nstrings; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!contains(unique, n, strings[i]))
			unique[n++] = strings[i];
	}
	*nunique = n;
	return unique;
}

static bool
contains(char *const *strings, int nstrings, const char *string)
{
	for (int i = 0; i < nstrings; i++)
	{
		if (strcmp(strings[i], string) == 0)
			return true;
	}
	return false;
}

/*
 * What differs, in words, or NULL.
 */
static const char *
difference(const MigRevision *old, const MigRevision *new)
{
	if (!same_body(&old->upgrade, &new->upgrade))
		return "another upgrade body";
	if (!same_body(&old->downgrade, &new->downgrade))
		return "another downgrade body";
	if (!same_strings(old->def.down, old->def.ndown, new->def.down, new->def.ndown))
		return "other down revisions";
	if (!same_strings(old->def.depends, old->def.ndepends, new->def.depends, new->def.ndepends))
		return "other dependencies";
	if (!same_strings(old->def.labels, old->def.nlabels, new->def.labels, new->def.nlabels))
		return "other branch labels";
	if (!same_text(old->def.message, new->def.message))
		return "another message";
	if (!same_text(old->def.settings, new->def.settings))
		return "other settings";
	return NULL;
}

static bool
same_text(const char *a, const char *b)
{
	return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static bool
same_strings(char *const *a, int na, char *const *b, int nb)
{
	if (na != nb)
		return false;
	for (int i = 0; i < na; i++)
	{
		if (strcmp(a[i], b[i]) != 0)
			return false;
	}
	return true;
}

/*
 * By hash: a reformatted body is the same.  No hash: no body.
 */
static bool
same_body(const MigBody *a, const MigBody *b)
{
	return strcmp(a->hash, b->hash) == 0;
}

/*
 * Raises an error if the revision is applied: in the version table in use, or
 * in our own one or any other that runs have used.  Those are read with the caller's
 * rights; who cannot read one cannot know.  The bodies are locked, so that no
 * run is applying it.
 */
static void
refuse_if_applied(const char *id, const char *verb)
{
	MigGraph   *graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	MigVersion *version = mig_version_open(MIG_SPI_READ_LATEST);
	int			ntables;
	char	  **tables = mig_log_version_tables(&ntables);
	char	   *table = mig_partial_holder(id);

	if (table != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot %s revision \"%s\" because it is partial",
						verb, id),
				 errdetail("A run on version table \"%s\" was interrupted in it.",
						   table),
				 errhint("Finish it with CALL migrate_deploy(...) or migrate_revert(...), or give it up with migrate_resolve('%s', 'abandon').",
						 id)));
	refuse_if_applied_in(version, graph, id, verb);
	for (int i = -1; i < ntables; i++)
	{
		const char *name = i < 0 ? NULL : tables[i];
		MigVersion *other = mig_version_open_other(name, version);

		if (other != NULL)
			refuse_if_applied_in(other, graph, id, verb);
	}
}

static void
refuse_if_applied_in(MigVersion *version, MigGraph *graph, const char *id,
					 const char *verb)
{
	bool	   *applied;

	mig_version_read(version, MIG_SPI_READ_LATEST);
	applied = mig_graph_applied(graph, version->nrows, version->rows);
	if (applied[mig_graph_find(graph, id)])
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot %s revision \"%s\" because it is applied",
						verb, id),
				 errdetail("Version table \"%s\" says so.", version->name),
				 errhint("Downgrade below it first, or register the change as a new revision.")));
}

/*
 * Refuses cycles and names that are gone, and marks the heads anew.
 */
static void
check_whole_graph(void)
{
	mig_revision_set_heads(mig_revision_graph(MIG_SPI_READ_LATEST));
}
