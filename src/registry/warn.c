/*
 * warn.c
 *	  Warns of what was registered and was probably not meant so.
 *
 * To be called when it is registered, but for one: a warning must not be about what an
 * error undoes.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "base/printable.h"
#include "registry/registry_internal.h"
#include "tables/revision.h"

/* More of them tell nothing new. */
#define MAX_SHOWN	50

static void report_empty(const MigRegistered *registered, int n);
static bool is_skeleton(const MigRegistered *registered);
static void warn_irreversible(const MigRegistered *registered, int n);
static void warn_bases(const MigRegistered *registered, int n);
static bool is_silent_base(const MigRegistered *registered);

/*
 * Warns of revisions of a script or of files.
 */
void
mig_register_warn(const MigRegistered *registered, int n)
{
	report_empty(registered, n);
	warn_irreversible(registered, n);
	warn_bases(registered, n);
}

/*
 * Names revisions that "pg_migrate new" has written and no author has filled in: once
 * they are applied, it is too late.
 */
static void
report_empty(const MigRegistered *registered, int n)
{
	List	   *names = NIL;

	for (int i = 0; i < n; i++)
	{
		if (is_skeleton(&registered[i]))
			names = lappend(names, registered[i].revision.def.id);
	}
	if (names != NIL)
		ereport(NOTICE,
				(errmsg_plural("%d revision has sections without a statement",
							   "%d revisions have sections without a statement",
							   list_length(names), list_length(names)),
				 errdetail_internal("%s", mig_printable_names(names, MAX_SHOWN)),
				 errhint("Fill them in before they are deployed: the body of an applied revision is not changed.")));
}

/*
 * Lint finds an empty upgrade, too; this is one with an empty downgrade.
 */
static bool
is_skeleton(const MigRegistered *registered)
{
	const MigScriptRevision *given = &registered->given.revision;
	const MigRevisionDef *def = &registered->revision.def;

	return registered->result != MIG_REGISTER_UNCHANGED &&
		given->key_lines[MIG_LINE_REVISION] > 0 &&
		given->upgrade_line > 0 && given->downgrade_line > 0 &&
		registered->revision.upgrade.nstatements == 0 &&
		def->downgrade != NULL &&
		registered->revision.downgrade.nstatements == 0 &&
		def->ndown < 2 && def->ndepends == 0 && def->nlabels == 0 &&
		def->nreplaces == 0 && def->verify == NULL && def->external == NULL &&
		def->downgrade_external == NULL;
}

/*
 * Warns of revisions whose downgrade could not be registered.
 */
static void
warn_irreversible(const MigRegistered *registered, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (registered[i].left_out != NULL)
			ereport(WARNING,
					(errmsg("revision \"%s\" is registered as irreversible",
							registered[i].revision.def.id),
					 errdetail("Its downgrade was left out: %s.",
							   registered[i].left_out)));
	}
}

/*
 * To be called before errors are raised that are to be corrected together with it: warns
 * of revisions whose downgrade is none, so that it would be left out.
 */
void
mig_register_warn_left_out(const MigRegistered *registered, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (registered[i].left_out != NULL)
			ereport(WARNING,
					(errmsg("revision \"%s\" would be registered as irreversible",
							registered[i].revision.def.id),
					 errdetail("Its downgrade would be left out: %s.",
							   registered[i].left_out)));
	}
}

/*
 * Warns of revisions without a line that says what they are built on, if they are not
 * the only base.  It was probably forgotten, and they would never run behind the others.
 */
static void
warn_bases(const MigRegistered *registered, int n)
{
	StringInfoData detail;
	int			nsilent = 0;
	int			nbases = 0;
	int			nnodes;
	MigRevisionDef *nodes;

	initStringInfo(&detail);
	for (int i = 0; i < n; i++)
	{
		MigScriptSource source;

		if (!is_silent_base(&registered[i]) || nsilent++ >= MAX_SHOWN)
			continue;
		mig_definition_source(&registered[i].given, "",
							  registered[i].given.revision.line, &source);
		appendStringInfo(&detail, _("%s%s: revision \"%s\""),
						 detail.len > 0 ? "\n" : "", mig_script_place(&source, 0),
						 registered[i].revision.def.id);
	}
	if (nsilent == 0)
		return;
	nodes = mig_revision_nodes(MIG_SPI_READ_LATEST, &nnodes);
	for (int i = 0; i < nnodes; i++)
		nbases += nodes[i].ndown == 0;
	if (nbases < 2)
		return;
	if (nsilent > MAX_SHOWN)
		appendStringInfo(&detail, _("\nand %d more"), nsilent - MAX_SHOWN);
	ereport(WARNING,
			(errmsg_plural("%d revision has no line \"-- down_revision:\" and is a base beside another one",
						   "%d revisions have no line \"-- down_revision:\" and are bases beside each other",
						   nsilent, nsilent),
			 errdetail_internal("%s", detail.data),
			 errhint("Name the revision that each follows, and register it again with replace => true. An empty \"-- down_revision:\" says that it follows none.")));
}

static bool
is_silent_base(const MigRegistered *registered)
{
	const MigScriptRevision *given = &registered->given.revision;

	return given->key_lines[MIG_LINE_REVISION] > 0 &&
		given->key_lines[MIG_LINE_DOWN_REVISION] == 0 &&
		registered->revision.def.ndown == 0 &&
		registered->result != MIG_REGISTER_UNCHANGED;
}

/*
 * Warns of revisions of files, ids, that were added with the upgrade body of one that
 * none of the files holds: a file whose version is in its name was probably renamed,
 * and runs would execute its body twice.
 */
void
mig_register_warn_renamed(const MigRegistered *registered, int n, char *const *ids)
{
	char	  **added = palloc(sizeof(char *) * Max(n, 1));
	int			nadded = 0;
	MigRevisionTwin *twins;
	int			ntwins;
	StringInfoData detail;

	for (int i = 0; i < n; i++)
	{
		if (registered[i].result == MIG_REGISTER_ADDED && !registered[i].written)
			added[nadded++] = registered[i].revision.def.id;
	}
	if (nadded == 0)
		return;
	twins = mig_revision_twins(added, nadded, ids, n, &ntwins);
	if (ntwins == 0)
		return;
	initStringInfo(&detail);
	for (int i = 0; i < ntwins && i < MAX_SHOWN; i++)
		appendStringInfo(&detail, _("%sRevision \"%s\" has the body of \"%s\"."),
						 i > 0 ? "\n" : "", twins[i].id, twins[i].twin);
	if (ntwins > MAX_SHOWN)
		appendStringInfo(&detail, _("\nand %d more"), ntwins - MAX_SHOWN);
	ereport(WARNING,
			(errmsg_plural("%d revision is added with the upgrade body of a registered one that no file holds",
						   "%d revisions are added with the upgrade bodies of registered ones that no file holds",
						   ntwins, ntwins),
			 errdetail_internal("%s", detail.data),
			 ntwins == 1 ?
			 errhint("If the file was renamed, a run executes the body again. If revision %s is applied, rename the file back, and remove the added revision: give all files with prune => true, or say SELECT migrate_unregister(%s). If it is not applied, give all files as they are with prune => true, which removes it.",
					 mig_printable_quoted(twins[0].twin), quote_literal_cstr(twins[0].id)) :
			 errhint("If files were renamed, a run executes the bodies again. Rename back those whose revisions from before are applied, and give all files with prune => true: it removes what no file holds, the added revisions or those from before.")));
}
