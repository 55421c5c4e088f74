/*
 * warn.c
 *	  Warns of what was registered and was probably not meant so.
 *
 * To be called when it is registered: a warning must not be about what an error
 * undoes.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "registry/registry_internal.h"
#include "tables/revision.h"

/* More of them tell nothing new. */
#define MAX_SHOWN	50

static void warn_irreversible(const MigRegistered *registered, int n);
static void warn_bases(const MigRegistered *registered, int n);
static bool is_silent_base(const MigRegistered *registered);

/*
 * Warns of revisions of a script or of files.
 */
void
mig_register_warn(const MigRegistered *registered, int n)
{
	warn_irreversible(registered, n);
	warn_bases(registered, n);
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
