/*
 * approve.c
 *	  Approves revisions, for servers with migrate.require_approval.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "registry/registry_internal.h"
#include "run/run.h"
#include "tables/approval.h"

/*
 * Approves a revision in the name of the current role, if it is still registered
 * as the role has read it, which the hash says.
 */
void
mig_register_approve(const char *id, const char *hash, const char *note)
{
	MigRevision *revision;

	/* Its author and its bodies are to be those of one registration. */
	mig_lock_registry();
	revision = mig_register_find(id);
	/* The role that has logged in is the same person. */
	if (mig_revision_is_author(id, GetUserId(), GetSessionUserId()) &&
		!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" cannot approve revision \"%s\", which it has registered",
						revision->registered_by, id),
				 errhint("Another role must approve it.")));
	if (strcmp(hash, revision->hash) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" is not registered with that hash", id),
				 errdetail("It was replaced since, or the hash is of another revision. Nothing was approved."),
				 errhint("Read it again with migrate_show(%s), which shows the hash.",
						 quote_literal_cstr(id))));
	mig_approval_put(id, revision->hash, GetUserId(), note);
	ereport(LOG_SERVER_ONLY,
			(errmsg("role \"%s\" approved revision \"%s\"",
					GetUserNameFromId(GetUserId(), false), id)));
}
