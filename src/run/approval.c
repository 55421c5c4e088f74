/*
 * approval.c
 *	  Who may say that a revision is run, and where a run ends without that.
 *
 * With migrate.require_approval an upgrade ends before the first revision that
 * nobody has approved, whichever door it came through.  A downgrade asks
 * nobody: the way back is open.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "tcop/utility.h"

#include "base/guc.h"
#include "run/approval.h"
#include "run/lock.h"
#include "tables/approval.h"
#include "tables/revision.h"

static bool is_author(const char *author);

/*
 * Approves a revision as it is registered now, in the name of the current
 * role.
 */
void
mig_run_approve(char *id, const char *note)
{
	MigRevision *revision;
	char	  **hashes;

	PreventCommandIfReadOnly("migrate_approve()");
	PreventCommandDuringRecovery("migrate_approve()");
	mig_run_refuse_nested("approve a revision");
	/* Its author and its bodies are to be those of one registration. */
	mig_run_lock_registry();
	revision = mig_revision_find(id);
	if (revision == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("revision \"%s\" does not exist", id),
				 errhint("The whole id must be given. Use migrate_history() to list revisions.")));
	if (is_author(revision->registered_by) && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" cannot approve revision \"%s\", which it has registered",
						revision->registered_by, id),
				 errhint("Another role has to.")));
	hashes = mig_revision_hashes(&id, 1, MIG_SPI_READ_LATEST);
	mig_approval_put(id, hashes[0], GetUserId(), note);
	ereport(LOG_SERVER_ONLY,
			(errmsg("role \"%s\" approved revision \"%s\"",
					GetUserNameFromId(GetUserId(), false), id)));
}

/*
 * Whether it is the current role, or the one that has logged in: that is the
 * same person.
 */
static bool
is_author(const char *author)
{
	return strcmp(author, GetUserNameFromId(GetUserId(), false)) == 0 ||
		strcmp(author, GetUserNameFromId(GetSessionUserId(), false)) == 0;
}

/*
 * Which steps of an upgrade are approved.  Only of those that somebody has
 * approved it is asked whether they are still the same.
 */
bool *
mig_run_approval_of_plan(const MigPlan *plan, MigSpiAccess access)
{
	char	  **ids = MemoryContextAllocHuge(CurrentMemoryContext,
											 sizeof(char *) * Max(plan->nsteps, 1));
	bool	   *approved = palloc_extended(Max(plan->nsteps, 1),
										   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	MigApproval *approvals;
	int			napprovals;
	char	  **hashes;

	for (int i = 0; i < plan->nsteps; i++)
		ids[i] = unconstify(char *, plan->steps[i].revision);
	approvals = mig_approval_find(ids, plan->nsteps, access, &napprovals);
	if (napprovals == 0)
		return approved;
	for (int i = 0; i < napprovals; i++)
		ids[i] = ids[approvals[i].place];
	hashes = mig_revision_hashes(ids, napprovals, access);
	for (int i = 0; i < napprovals; i++)
		approved[approvals[i].place] = strcmp(approvals[i].hash, hashes[i]) == 0;
	return approved;
}

/*
 * Ends the plan of an upgrade before the first revision that has to be
 * approved and is not, and says so.
 */
void
mig_run_approval_cut(MigPlan *plan, const MigRunRequest *request)
{
	bool	   *approved;
	char	   *why;

	if (!mig_guc_require_approval ||
		plan->command != MIG_COMMAND_UPGRADE || plan->nsteps == 0)
		return;
	approved = mig_run_approval_of_plan(plan, MIG_SPI_READ_LATEST);
	for (int i = 0; i < plan->nsteps; i++)
	{
		if (approved[i])
			continue;
		why = psprintf("revision \"%s\" is not approved",
					   plan->steps[i].revision);
		ereport(WARNING,
				(errmsg("the upgrade ends after %d of %d revisions: %s",
						i, plan->nsteps, why),
				 errhint("migrate_show() shows it, migrate_approve() approves it.")));
		if (request->end_early != NULL)
			request->end_early(why, request->arg);
		plan->nsteps = i;
	}
}
