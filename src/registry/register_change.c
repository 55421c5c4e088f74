/*
 * register_change.c
 *	  Which revisions can be replaced or unregistered, and the errors of the others.
 *
 * What is applied or partial keeps its definition.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/printable.h"
#include "graph/graph.h"
#include "registry/registry_internal.h"
#include "run/run.h"
#include "tables/log.h"
#include "tables/partial.h"
#include "tables/version.h"

/* More of them tell nothing new. */
#define MAX_SHOWN	50

/* It was not run yet, but the version table holds the definition. */
#define CORRECT_DOWNGRADE_HINT \
	"Restore it. Or, to correct the downgrade alone, in one transaction: stamp the revision before this one with migrate_stamp(), use replace => true, and stamp again what is applied now."

static const char *describe_difference(const MigRegistered *registered);
static void refuse_several(const List *refused);
static void find_applied(MigVersion *version, MigGraph *graph, const List *ids,
						 MigRegisterHolder *holders);
pg_noreturn static void refuse_partial(const char *id, const char *differs,
									   const char *table,
									   const MigVersion *version);
static void refuse_applied(const char *id, const char *differs,
						   const MigVersion *version);

/*
 * Raises an error if a revision differs from the registered one and must not
 * replace it.
 */
void
mig_register_check_changes(MigRegistered *registered, int n)
{
	bool		replace = (registered[0].given.options & MIG_REGISTER_REPLACE) != 0;
	MigVersion *version = NULL;
	bool	   *applied = NULL;
	MigGraph   *graph = NULL;
	List	   *refused = NIL;
	List	   *replaced = NIL;

	for (int i = 0; i < n; i++)
	{
		if (registered[i].differs == NULL)
			continue;
		if (version == NULL)
		{
			if (replace)
				mig_lock_bodies();
			graph = mig_revision_graph(MIG_SPI_READ_LATEST);
			version = mig_version_open(MIG_SPI_READ_LATEST);
			applied = mig_register_applied(version, graph);
		}
		registered[i].applied = applied[mig_graph_find(graph, registered[i].revision.def.id)];
		registered[i].partial = mig_partial_holder(registered[i].revision.def.id, NULL);
		if (registered[i].applied || registered[i].partial != NULL || !replace)
			refused = lappend(refused, &registered[i]);
		else
			replaced = lappend(replaced, registered[i].revision.def.id);
	}
	if (list_length(refused) == 1)
		mig_register_refuse(linitial(refused), version);
	if (refused != NIL)
		refuse_several(refused);
	if (replaced != NIL)
		mig_register_refuse_applied(version, graph, replaced);
}

/*
 * Raises the error of a revision that differs.  That one is partial comes first: no
 * other way out works before that is over.
 */
void
mig_register_refuse(const MigRegistered *registered, const MigVersion *version)
{
	const char *id = registered->revision.def.id;

	if (registered->partial != NULL)
		refuse_partial(id, registered->differs, registered->partial, version);
	if (registered->given.options & MIG_REGISTER_REPLACE)
		refuse_applied(id, registered->differs, version);
	if (registered->applied)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("revision \"%s\" is applied with another definition", id),
				 errdetail("%s It is applied according to version table \"%s\".",
						   describe_difference(registered), mig_printable(version->name)),
				 registered->left_out != NULL ?
				 errhint("Correct the downgrade.") :
				 registered->differs == mig_definition_message_differs ?
				 errhint("Restore its message, or the name of the file that has it; migrate_show(%s) shows it. Or downgrade it first, then use replace => true.",
						 quote_literal_cstr(id)) :
				 registered->differs == mig_definition_downgrade_differs ?
				 errhint(CORRECT_DOWNGRADE_HINT) :
				 errhint("Restore it, or its file, as migrate_show(%s) shows it, and register the change as a new revision. Or downgrade it first, then use replace => true.",
						 quote_literal_cstr(id))));
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("revision \"%s\" is already registered with another definition",
					id),
			 errdetail_internal("%s", describe_difference(registered)),
			 registered->left_out != NULL ?
			 errhint("Correct the downgrade, or use replace => true while the revision is not applied.") :
			 errhint("Give the change an id of its own, or use replace => true while the revision is not applied.")));
}

static const char *
describe_difference(const MigRegistered *registered)
{
	return registered->left_out == NULL ? registered->differs :
		psprintf(_("%s Its downgrade was left out: %s."), registered->differs,
				 registered->left_out);
}

static void
refuse_several(const List *refused)
{
	const MigRegistered *first = linitial(refused);
	bool		replace = (first->given.options & MIG_REGISTER_REPLACE) != 0;
	StringInfoData detail;
	ListCell   *cell;

	initStringInfo(&detail);
	foreach(cell, refused)
	{
		const MigRegistered *registered = lfirst(cell);

		if (foreach_current_index(cell) == MAX_SHOWN)
		{
			appendStringInfo(&detail, _("\nand %d more"),
							 list_length(refused) - MAX_SHOWN);
			break;
		}
		if (detail.len > 0)
			appendStringInfoChar(&detail, '\n');
		if (registered->partial != NULL)
			appendStringInfo(&detail, _("Revision \"%s\" is partial in version table \"%s\". %s"),
							 registered->revision.def.id,
							 mig_printable(registered->partial),
							 registered->differs);
		else if (registered->applied)
			appendStringInfo(&detail, _("Revision \"%s\" is applied. %s"),
							 registered->revision.def.id, registered->differs);
		else
			appendStringInfo(&detail, _("Revision \"%s\" is not applied. %s"),
							 registered->revision.def.id, registered->differs);
	}
	ereport(ERROR,
			(errcode(replace ? ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE :
					 ERRCODE_DUPLICATE_OBJECT),
			 replace ?
			 errmsg_plural("%d revision cannot be replaced because it is applied or partial",
						   "%d revisions cannot be replaced because they are applied or partial",
						   list_length(refused), list_length(refused)) :
			 errmsg_plural("%d revision is already registered with another definition",
						   "%d revisions are already registered with another definition",
						   list_length(refused), list_length(refused)),
			 errdetail_internal("%s", detail.data),
			 errhint("Restore an applied revision, or its file, as migrate_show() shows it, and register the change as a new one, or downgrade it first. What resumes a partial one is in migrate.status_details; migrate_resolve() abandons it, both for the table that migrate.version_table names. One that is neither can be replaced with replace => true.")));
}

/*
 * Raises an error if one of the revisions is partial or applied.
 */
void
mig_register_refuse_applied(MigVersion *version, MigGraph *graph, const List *ids)
{
	MigRegisterHolder *holders = mig_register_holders(version, graph, ids);
	ListCell   *cell;

	foreach(cell, ids)
		mig_register_refuse_held(lfirst(cell),
								 &holders[foreach_current_index(cell)]);
}

/*
 * By which tables the revisions, which are registered, are partial or applied:
 * by the version table in use, by migrate.version, or by any other that runs
 * have used.  They are read with the caller's rights, and a role that cannot read
 * one cannot change a revision.  The bodies are locked, so that no run is
 * applying any.
 */
MigRegisterHolder *
mig_register_holders(MigVersion *version, MigGraph *graph, const List *ids)
{
	MigRegisterHolder *holders = palloc0(sizeof(MigRegisterHolder) *
										 Max(list_length(ids), 1));
	int			ntables;
	char	  **tables = mig_log_version_tables(&ntables);
	ListCell   *cell;

	foreach(cell, ids)
	{
		MigRegisterHolder *holder = &holders[foreach_current_index(cell)];

		holder->partial = mig_partial_holder(lfirst(cell), NULL);
		holder->in_use = version;
	}
	find_applied(version, graph, ids, holders);
	for (int i = -1; i < ntables; i++)
	{
		const char *name = i < 0 ? NULL : tables[i];
		MigVersion *other = mig_version_open_other(name, version);

		if (other != NULL)
			find_applied(other, graph, ids, holders);
	}
	return holders;
}

static void
find_applied(MigVersion *version, MigGraph *graph, const List *ids,
			 MigRegisterHolder *holders)
{
	bool	   *applied = mig_register_applied(version, graph);
	ListCell   *cell;

	foreach(cell, ids)
	{
		MigRegisterHolder *holder = &holders[foreach_current_index(cell)];

		if (holder->applied == NULL && applied[mig_graph_find(graph, lfirst(cell))])
			holder->applied = version;
	}
}

/*
 * Raises an error if there is such a table.
 */
void
mig_register_refuse_held(const char *id, const MigRegisterHolder *holder)
{
	if (holder->partial != NULL)
		refuse_partial(id, NULL, holder->partial, holder->in_use);
	if (holder->applied != NULL)
		refuse_applied(id, NULL, holder->applied);
}

/*
 * Which revisions of the graph are applied according to a version table.
 */
bool *
mig_register_applied(MigVersion *version, MigGraph *graph)
{
	mig_version_read(version, MIG_SPI_READ_LATEST);
	return mig_graph_applied(graph, version->nrows, version->rows);
}

/*
 * differs: as for refuse_applied(); then the caller need not have asked to replace
 * it.  What the hint names looks at the version table in use.
 */
static void
refuse_partial(const char *id, const char *differs, const char *table,
			   const MigVersion *version)
{
	bool		gone;
	const char *setting;

	(void) mig_partial_holder(id, &gone);
	setting = strcmp(table, version->name) == 0 ? "" :
		psprintf("SET migrate.version_table = %s;\n",
				 mig_printable(quote_literal_cstr(table)));

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 differs != NULL ?
			 errmsg("cannot change revision \"%s\" because it is partial", id) :
			 errmsg("cannot replace or unregister revision \"%s\" because it is partial",
					id),
			 differs != NULL ?
			 errdetail("%s A run of it on version table \"%s\" was interrupted.",
					   differs, mig_printable(table)) :
			 errdetail("A run of it on version table \"%s\" was interrupted.",
					   mig_printable(table)),
			 gone ?
			 errhint("The version table does not exist any more. To abandon the revision there: SELECT migrate_resolve(%s, 'abandon');",
					 quote_literal_cstr(id)) :
			 errhint("%2$sTo see what resumes it as it is registered: SELECT next_command FROM migrate.status_details WHERE revision = %1$s;\nTo abandon it, and undo what it has done by hand: SELECT migrate_resolve(%1$s, 'abandon');",
					 quote_literal_cstr(id), setting)));
}

/*
 * differs: from what is registered, as a sentence, or NULL.  An author who puts a
 * revision in front of another one changes the down revisions of that.
 */
static void
refuse_applied(const char *id, const char *differs, const MigVersion *version)
{
	char	   *revert = differs == NULL ? mig_advice_revert_in(id, version) : NULL;

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot replace or unregister revision \"%s\" because it is applied",
					id),
			 differs != NULL ?
			 errdetail("%s It is applied according to version table \"%s\".",
					   differs, mig_printable(version->name)) :
			 errdetail("It is applied according to version table \"%s\".",
					   mig_printable(version->name)),
			 differs == mig_definition_down_differs ?
			 errhint("Leave its down revisions as they are. A revision that is to run before it elsewhere is a branch, and a merge of the heads joins it.") :
			 differs == mig_definition_downgrade_differs ?
			 errhint(CORRECT_DOWNGRADE_HINT) :
			 differs == mig_definition_message_differs ?
			 errhint("Restore its message, or the name of the file that has it; migrate_show(%s) shows it. Or downgrade it first.",
					 quote_literal_cstr(id)) :
			 differs != NULL ?
			 errhint("Restore it, or its file, as migrate_show(%s) shows it, and register the change as a new revision. Or downgrade it first.",
					 quote_literal_cstr(id)) :
			 revert != NULL ?
			 errhint("Register the change as a new revision. Or downgrade it first, which may drop data: %s",
					 revert) :
			 errhint("Downgrade it first, or register the change as a new revision.")));
}
