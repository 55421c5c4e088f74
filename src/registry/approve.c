/*
 * approve.c
 *	  Approves revisions, for servers with migrate.require_approval.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "registry/registry_internal.h"
#include "run/run.h"
#include "tables/approval.h"

static bool is_author(const char *author);

/*
 * Approves a revision as it is registered now, in the name of the current
 * role.
 */
void
mig_register_approve(char *id, const char *note)
{
	MigRevision *revision;
	char	  **hashes;

	/* Its author and its bodies are to be those of one registration. */
	mig_lock_registry();
	revision = mig_register_find(id);
	if (is_author(revision->registered_by) && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" cannot approve revision \"%s\", which it has registered",
						revision->registered_by, id),
				 errhint("Another role must approve it.")));
	hashes = mig_revision_hashes(&id, 1, MIG_SPI_READ_LATEST);
	mig_approval_put(id, hashes[0], GetUserId(), note);
	ereport(LOG_SERVER_ONLY,
			(errmsg("role \"%s\" approved revision \"%s\"",
					GetUserNameFromId(GetUserId(), false), id)));
}

/*
 * Whether it is the current role, or the one that the session was opened as:
 * both are the same person.
 */
static bool
is_author(const char *author)
{
	return strcmp(author, GetUserNameFromId(GetUserId(), false)) == 0 ||
		strcmp(author, GetUserNameFromId(GetSessionUserId(), false)) == 0;
}
