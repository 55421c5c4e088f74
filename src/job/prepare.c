/*
 * prepare.c
 *	  Captures what a job runs with: target, version table, roles, settings.
 *
 * The worker runs the job as its owner, with the settings of the session that
 * submitted it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/guc.h"
#include "base/spi.h"
#include "job/job_internal.h"
#include "run/run.h"

static Oid	login_role(void);
static char **current_settings(int *nsettings);

/*
 * Fills in target, version table, roles and settings; the command is known.
 * Raises the error that the target would raise now.  A relative target is made
 * absolute, because a worker that resumes the job would begin at another revision.
 */
void
mig_job_prepare(MigJob *job, const char *target)
{
	MigVersion *version = mig_version_open(MIG_SPI_READ_LATEST);
	char	   *targets[1];

	mig_version_read(version, MIG_SPI_READ_LATEST);
	targets[0] = unconstify(char *, target);
	(void) mig_run_plan(version, job->command, 1, targets, false, NULL,
						MIG_SPI_READ_LATEST);
	job->target = mig_run_plan_absolute(version, job->command, target,
										MIG_SPI_READ_LATEST);
	job->version_table = version->name;
	job->owner = GetUserId();
	job->login = login_role();
	job->settings = current_settings(&job->nsettings);
	if (job->command == MIG_COMMAND_UPGRADE)
		mig_run_warn_tenants(version);
}

/*
 * The role that the worker connects as.  After SET ROLE it is the session's
 * role, because the role that was set may not be permitted to log in.  In a
 * SECURITY DEFINER function it is the function's owner.
 */
static Oid
login_role(void)
{
	Oid			userid;
	int			sec_context;

	GetUserIdAndSecContext(&userid, &sec_context);
	if (userid == GetOuterUserId() &&
		(sec_context & SECURITY_LOCAL_USERID_CHANGE) == 0)
		return GetSessionUserId();
	return userid;
}

/*
 * The settings that decide what a run does, as name=value.  The worker makes
 * them as the job's owner, so they must not be those of a role with fewer
 * rights.
 */
static char **
current_settings(int *nsettings)
{
	static MigSpiQuery query = {
		"SELECT name || '=' || setting FROM pg_catalog.pg_settings"
		" WHERE name LIKE 'migrate.%' AND context = 'user'"
		"   AND (name <> 'migrate.notify' OR $1) ORDER BY name"
	};
	MigSpiArgs	args = {0};
	char	  **ours;
	char	  **settings;

	/* A run leaves the message of an error out where this is not so. */
	mig_spi_arg_bool(&args, mig_guc_setter_is_trusted("migrate.notify"));
	ours = mig_spi_list(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						nsettings);
	settings = palloc(sizeof(char *) * (*nsettings + 1));

	/* What a run asks about its settings: in the job they are the owner's. */
	mig_guc_check_setter("migrate.transaction_settings");
	mig_guc_check_setter("migrate.lint");
	if (mig_guc_lint != MIG_LINT_MODE_OFF)
		mig_guc_check_setter("migrate.lint_small_table");
	/* Internal SQL has a search_path of its own. */
	settings[0] = psprintf("search_path=%s",
						   GetConfigOption("search_path", false, false));
	memcpy(&settings[1], ours, sizeof(char *) * *nsettings);
	(*nsettings)++;
	return settings;
}
