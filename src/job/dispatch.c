/*
 * dispatch.c
 *	  Decides which jobs are run now, and which can never be run.
 *
 * Called by the submitter of a job, a session that waits for one, a worker at
 * its end and the scheduler.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/guc.h"
#include "job/job_internal.h"
#include "run/run.h"

static char *submission(const MigJobDead *dead);
static void explain_failure(const MigJobDead *dead, MigJobEnd *end);

/*
 * Submits the jobs of schedules that are due, fails the jobs that can never be
 * run, and has workers started at commit for those that are due, which it
 * returns.  It locks their rows, so the transaction should be short.
 */
MigJobDue *
mig_job_dispatch(int *ndue)
{
	mig_job_schedule_submit_due();
	(void) mig_job_dispatch_fail(0);
	return mig_job_dispatch_due(ndue);
}

/*
 * Has workers started at commit for the jobs that are due, which it returns.
 */
MigJobDue *
mig_job_dispatch_due(int *ndue)
{
	MigJobDue  *due = mig_job_row_due(mig_guc_max_crashes,
									  mig_guc_max_workers, ndue);

	for (int i = 0; i < *ndue; i++)
		mig_job_launch(&due[i]);
	return due;
}

/*
 * Fails the job if it can never be run, or all such jobs if the number is 0;
 * whether there were any.
 */
bool
mig_job_dispatch_fail(int64 job)
{
	int			ndead;
	MigJobDead *dead = mig_job_row_dead(job, mig_guc_max_crashes, &ndead);

	for (int i = 0; i < ndead; i++)
	{
		MigJobEnd	end;

		memset(&end, 0, sizeof(end));
		end.state = "failed";
		explain_failure(&dead[i], &end);
		mig_job_row_finish(dead[i].job, &end, false);
		if (dead[i].schedule != NULL)
			mig_job_schedule_note(dead[i].schedule, dead[i].job, &end, false);
		ereport(LOG,
				(errmsg("migrate job " INT64_FORMAT " failed: %s",
						dead[i].job, end.error)));
	}
	return ndead > 0;
}

static void
explain_failure(const MigJobDead *dead, MigJobEnd *end)
{
	int			code = ERRCODE_INSUFFICIENT_PRIVILEGE;

	end->detail = "The worker of the job connects as that role.";
	switch (dead->reason)
	{
		case MIG_JOB_ELSEWHERE:
			code = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
			end->error = "it was submitted in another database";
			end->detail = "A dump or a copy of that database brought the job here, where it is not run.";
			end->hint = psprintf("To run it here: %s", submission(dead));
			break;
		case MIG_JOB_CRASHES:
			code = ERRCODE_SYSTEM_ERROR;
			end->error = dead->crashes == 1 ?
				"its worker exited unexpectedly" :
				psprintf("its worker exited unexpectedly %d times",
						 dead->crashes);
			end->detail = dead->revision == NULL ?
				"The worker exited before it began a revision." :
				psprintf("The last revision it began was \"%s\".",
						 dead->revision);
			end->hint = psprintf("Look for the cause in the server log. To resume where it was: %s",
								 submission(dead));
			break;
		case MIG_JOB_LATE:
			code = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
			end->error = "its deadline has passed";
			end->detail = "No worker claimed the job in time, or its worker exited unexpectedly.";
			end->hint = psprintf("To run it without a deadline: %s", submission(dead));
			break;
		case MIG_JOB_NO_OWNER:
			code = ERRCODE_UNDEFINED_OBJECT;
			end->error = psprintf("role \"%s\" no longer exists", dead->owner);
			end->detail = "The job was to be run as that role.";
			end->hint = "Submit the job as another role.";
			break;
		case MIG_JOB_NO_LOGIN_ROLE:
			code = ERRCODE_UNDEFINED_OBJECT;
			end->error = psprintf("role \"%s\" no longer exists", dead->login);
			end->hint = "Submit the job as another role.";
			break;
		case MIG_JOB_MAY_NOT_LOG_IN:
			end->error = psprintf("role \"%s\" is not permitted to log in",
								  dead->login);
			end->hint = "Use ALTER ROLE ... LOGIN, or submit the job as another role.";
			break;
		case MIG_JOB_MAY_NOT_CONNECT:
			end->error = psprintf("role \"%s\" does not have CONNECT privilege on this database",
								  dead->login);
			end->hint = "Grant CONNECT to the role, or submit the job as another role.";
			break;
		case MIG_JOB_MAY_NOT_SET_ROLE:
			end->error = psprintf("role \"%s\" is no longer permitted to set role \"%s\"",
								  dead->login, dead->owner);
			end->detail = "The job was submitted after SET ROLE.";
			end->hint = "Grant the membership again, or submit the job as another role.";
			break;
		case MIG_JOB_MAY_NOT_EXECUTE:
			end->error = psprintf("role \"%s\" no longer has EXECUTE privilege on function %s()",
								  dead->owner, dead->schedule == NULL ?
								  "migrate_submit" : "migrate_schedule");
			end->detail = "The job was to be run as that role.";
			end->hint = "Grant EXECUTE to the role, or submit the job as another role.";
			break;
	}
	end->sqlstate = pstrdup(unpack_sql_state(code));
}

/*
 * What submits the job again.
 */
static char *
submission(const MigJobDead *dead)
{
	return mig_advice_submission(strcmp(dead->command, "upgrade") == 0,
								 quote_literal_cstr(dead->target),
								 dead->version_table, dead->search_path);
}
