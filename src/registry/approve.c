/*
 * approve.c
 *	  Approves revisions, for servers with migrate.require_approval, and confirms
 *	  what has to be done elsewhere before others.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/command.h"
#include "base/printable.h"
#include "registry/registry_internal.h"
#include "run/run.h"
#include "tables/approval.h"
#include "tables/confirmation.h"

static void check_is_next(const MigRevision *revision, MigVersion *version,
						  MigCommand command);

/*
 * Approves a revision or a repeatable in the name of the current role, if it is still registered
 * as the role has read it, which the hash says.
 */
void
mig_register_approve(const char *id, const char *hash, const char *note)
{
	MigRepeatable repeatable;
	MigRevision *revision;
	const char *author;
	const char *now;
	bool		is_author;
	bool		repeats;

	/* Its author and its bodies are to be those of one registration. */
	mig_lock_registry();
	repeats = mig_repeatable_find(NULL, id, MIG_SPI_READ_LATEST, &repeatable);
	if (repeats)
	{
		author = repeatable.registered_by;
		now = repeatable.hash;
		is_author = mig_repeatable_is_author(id, GetUserId(), GetSessionUserId());
	}
	else
	{
		revision = mig_register_find(id);
		author = revision->registered_by;
		now = revision->hash;
		is_author = mig_revision_is_author(id, GetUserId(), GetSessionUserId());
	}
	/* The role that has logged in is the same person. */
	if (is_author && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 repeats ?
				 errmsg("role \"%s\" cannot approve repeatable \"%s\", which it has registered",
						author, id) :
				 errmsg("role \"%s\" cannot approve revision \"%s\", which it has registered",
						author, id),
				 errhint("Another role must approve it.")));
	if (strcmp(hash, now) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 repeats ?
				 errmsg("repeatable \"%s\" is not registered with that hash", id) :
				 errmsg("revision \"%s\" is not registered with that hash", id),
				 errdetail("It was replaced since, or the hash is of another revision. Nothing was approved."),
				 errhint("Read it again with migrate_show(%s), which shows the hash.",
						 quote_literal_cstr(id))));
	mig_approval_put(id, now, GetUserId(), note);
	ereport(LOG_SERVER_ONLY,
			(repeats ?
			 errmsg("role \"%s\" approved repeatable \"%s\"",
					GetUserNameFromId(GetUserId(), false), id) :
			 errmsg("role \"%s\" approved revision \"%s\"",
					GetUserNameFromId(GetUserId(), false), id)));
}

/*
 * Confirms in the name of the current role that what has to be done elsewhere
 * before the upgrade or the downgrade of a revision is done, for the version table
 * in use.  Also by its author: it is a fact that is stated, not a body that is
 * vouched for.
 */
void
mig_register_confirm(const char *id, const char *note, const char *name)
{
	MigConfirmation step = {
		.command = mig_command_with_bodies(name), .revision = id
	};
	MigRevision *revision;
	MigVersion *version;
	bool		down = step.command == MIG_COMMAND_DOWNGRADE;

	mig_lock_registry();
	revision = mig_register_find(id);
	if ((down ? revision->def.downgrade_external : revision->def.external) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 down ? errmsg("downgrade of revision \"%s\" is no external step", id) :
				 errmsg("revision \"%s\" is no external step", id),
				 errdetail("It is run without a confirmation. Nothing was confirmed.")));
	version = mig_version_open(MIG_SPI_READ_LATEST);
	check_is_next(revision, version, step.command);
	step.version = version;
	step.hash = revision->hash;
	mig_confirmation_put(&step, GetUserId(), note);
	ereport(LOG_SERVER_ONLY,
			(errmsg("role \"%s\" confirmed the external step of revision \"%s\"",
					GetUserNameFromId(GetUserId(), false), id)));
}

/*
 * What is applied needs no upgrade: a confirmation would be one of its next
 * upgrade, which is not meant.
 */
static void
check_is_next(const MigRevision *revision, MigVersion *version,
			  MigCommand command)
{
	const char *id = revision->def.id;
	MigGraph   *graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	bool		applied = mig_register_applied(version, graph)[mig_graph_find(graph, id)];

	if (command == MIG_COMMAND_DOWNGRADE && !applied)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" is not applied", id),
				 errdetail("There is no downgrade of it to confirm on version table \"%s\".",
						   mig_printable(version->name))));
	if (command == MIG_COMMAND_UPGRADE && applied)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" is applied", id),
				 errdetail("There is no upgrade of it to confirm on version table \"%s\".",
						   mig_printable(version->name)),
				 revision->def.downgrade_external == NULL ? 0 :
				 errhint("To confirm the external step of its downgrade: migrate_confirm(%s, note, 'downgrade').",
						 quote_literal_cstr(id))));
}
