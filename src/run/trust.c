/*
 * trust.c
 *	  Whether a role has answered for what a run would do.
 *
 * A body must give no role rights of the runner: so its author, or a role that
 * has approved it as it is registered now, has to have them all.  Where
 * migrate.require_approval is on, a revision must be approved before it is
 * upgraded, downgraded or counted as applied by a stamp.  The way back stays
 * open without that: a revision whose upgrade has succeeded as it is registered
 * now, by the log of this version table, may be downgraded.
 *
 * An external step is one more thing that a role has to answer for, whatever
 * that setting: that it is done.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/command.h"
#include "base/guc.h"
#include "base/printable.h"
#include "run/run_internal.h"
#include "tables/approval.h"
#include "tables/confirmation.h"
#include "tables/job.h"
#include "tables/log.h"
#include "tables/partial.h"
#include "tables/repeatable.h"

/*
 * The argument is the id as a literal.  One snapshot: its author could put another body
 * in its place between two statements, and the first one back behind them.
 */
#define READ_HINT \
	"To read it, in psql:\nBEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT hash FROM migrate_show(%1$s) \\gset\nSELECT * FROM migrate_show(%1$s) \\gx\nCOMMIT;"
#define APPROVE_HINT \
	READ_HINT "\nTo approve what was read, as a superuser or another role than its author:\nSELECT migrate_approve(%1$s, :'hash');"

static void read_approvals(MigTrust *trust, char *const *ids,
						   char *const *hashes, int nids, MigSpiAccess access);
static void read_log(MigTrust *trust, const MigVersion *version,
					 char *const *ids, char *const *hashes, int nids,
					 MigSpiAccess access);
static void read_confirmations(MigTrust *trust, const MigVersion *version,
							   MigCommand command, char *const *ids,
							   char *const *hashes, int nids,
							   MigSpiAccess access);
static bool may_approve(const MigStep *step);
static char *describe_end(const MigPlan *plan, const MigTrust *trust,
						  const MigVersion *version, int index);
static void say_end(const MigPlan *plan, int index, const char *reason,
					const char *detail, char *hint);
pg_noreturn static void refuse_unconfirmed(MigCommand command,
										   const char *revision,
										   const char *external,
										   const MigVersion *version);
static char *describe_so_far(const char *revision, const MigVersion *version);
static char *confirm_hint(MigCommand command, const char *revision);
static void read_roles(const MigSpiRow *row, void *result);
pg_noreturn static void refuse_unapproved(MigCommand command, const char *revision,
										  const MigVersion *version);

/*
 * What is known about revisions, in the order of ids; they exist.  Approvals are
 * looked up where they decide something, or all are to be shown.
 */
MigTrust *
mig_run_trust(const MigVersion *version, MigCommand command,
			  char *const *ids, int nids, bool show, MigSpiAccess access)
{
	bool		repeats = command == MIG_COMMAND_REPEAT;
	MigRevisionCheck *checks = repeats ?
	mig_repeatable_check(ids, nids, GetUserId(), access) :
	mig_revision_check(ids, nids, command, GetUserId(), access);
	MigTrust   *trust = palloc_extended(sizeof(MigTrust) * Max(nids, 1),
										MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	bool		decides = show || mig_guc_require_approval;
	bool		external = false;
	char	  **hashes = NULL;

	for (int i = 0; i < nids; i++)
	{
		trust[i].check = checks[i];
		trust[i].trusted = checks[i].trusted;
		trust[i].confirmed = checks[i].external == NULL;
		decides = decides || !trust[i].trusted;
		external = external || !trust[i].confirmed;
	}
	if (decides || external)
	{
		hashes = repeats ? mig_repeatable_hashes(ids, nids, access) :
			mig_revision_hashes(ids, nids, access);
		for (int i = 0; i < nids; i++)
			trust[i].hash = hashes[i];
		read_approvals(trust, ids, hashes, nids, access);
	}
	for (int i = 0; i < nids; i++)
		trust[i].allowed = trust[i].approved || !mig_guc_require_approval;
	if (mig_guc_require_approval && command != MIG_COMMAND_UPGRADE && !repeats)
		read_log(trust, version, ids, hashes, nids, access);
	if (external && command != MIG_COMMAND_STAMP)
		read_confirmations(trust, version, command, ids, hashes, nids, access);
	return trust;
}

/*
 * An approval counts if it is of the revision as it is registered now; one by a
 * role with the runner's rights vouches for the body.
 */
static void
read_approvals(MigTrust *trust, char *const *ids, char *const *hashes, int nids,
			   MigSpiAccess access)
{
	int			napprovals;
	MigApproval *approvals = mig_approval_find(ids, nids, GetUserId(), access,
											   &napprovals);

	for (int i = 0; i < napprovals; i++)
	{
		int			index = approvals[i].index;
		MigTrust   *revision = &trust[index];

		if (strcmp(approvals[i].hash, hashes[index]) != 0)
			continue;
		revision->approved = true;
		revision->trusted = revision->trusted || approvals[i].vouches;
	}
}

static void
read_log(MigTrust *trust, const MigVersion *version, char *const *ids,
		 char *const *hashes, int nids, MigSpiAccess access)
{
	bool	   *succeeded = mig_log_succeeded(version, ids, hashes, nids, access);

	for (int i = 0; i < nids; i++)
		trust[i].allowed = trust[i].allowed || succeeded[i];
}

static void
read_confirmations(MigTrust *trust, const MigVersion *version,
				   MigCommand command, char *const *ids, char *const *hashes,
				   int nids, MigSpiAccess access)
{
	bool	   *found = mig_confirmation_find(version, command, ids, hashes, nids,
											  access);

	for (int i = 0; i < nids; i++)
		trust[i].confirmed = trust[i].confirmed || found[i];
}

/*
 * Why a step of that command would be refused, in a few words; NULL: it would
 * not.
 */
char *
mig_run_trust_problem(const MigTrust *trust, MigCommand command)
{
	if (command == MIG_COMMAND_DOWNGRADE && trust->check.irreversible)
		return "irreversible";
	if (!trust->allowed)
		return "not approved";
	if (command != MIG_COMMAND_STAMP && !trust->trusted)
		return psprintf("role %s not trusted",
						quote_identifier(trust->check.author));
	if (command != MIG_COMMAND_STAMP && !trust->confirmed)
		return "not confirmed";
	return NULL;
}

/*
 * Ends a plan before the first revision that must be approved and is not, or whose
 * external step is not confirmed, and returns the reason; NULL: the plan is as it
 * was.  Raises an error where nothing would be left of it, and for an approval
 * where that is no upgrade.
 */
char *
mig_trust_end_plan(MigPlan *plan, const MigTrust *trust,
				   const MigVersion *version)
{
	for (int i = 0; i < plan->nsteps; i++)
	{
		char	   *reason;

		if (trust[i].allowed && trust[i].confirmed)
			continue;
		reason = describe_end(plan, &trust[i], version, i);
		plan->nsteps = i;
		return reason;
	}
	return NULL;
}

static char *
describe_end(const MigPlan *plan, const MigTrust *trust,
			 const MigVersion *version, int index)
{
	const char *revision = plan->steps[index].revision;
	char	   *reason;

	if (!trust->allowed)
	{
		if (index == 0 || plan->command != MIG_COMMAND_UPGRADE)
			refuse_unapproved(plan->steps[index].command, revision, version);
		reason = plan->steps[index].command == MIG_COMMAND_REPEAT ?
			psprintf("repeatable \"%s\" is not approved", revision) :
			psprintf("revision \"%s\" is not approved", revision);
		say_end(plan, index, reason, NULL,
				psprintf(APPROVE_HINT, quote_literal_cstr(revision)));
		return reason;
	}
	if (index == 0)
		refuse_unconfirmed(plan->command, revision, trust->check.external, version);
	reason = psprintf("the external step of revision \"%s\" is not confirmed",
					  revision);
	say_end(plan, index, reason,
			psprintf("To be done before: %s", mig_printable(pstrdup(trust->check.external))),
			confirm_hint(plan->command, revision));
	return reason;
}

/*
 * Repeatables are steps of the plan, the last ones, and no revisions.
 */
static void
say_end(const MigPlan *plan, int index, const char *reason,
		const char *detail, char *hint)
{
	int			nrevisions = mig_repeat_first(plan);

	ereport(WARNING,
			(plan->command == MIG_COMMAND_UPGRADE ?
			 errmsg("the upgrade ends after %d of %d revisions: %s",
					Min(index, nrevisions), nrevisions, reason) :
			 errmsg("the downgrade ends after %d of %d revisions: %s",
					index, nrevisions, reason),
			 detail != NULL ? errdetail_internal("%s", detail) : 0,
			 errhint("%s", hint)));
}

static void
refuse_unconfirmed(MigCommand command, const char *revision,
				   const char *external, const MigVersion *version)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 command == MIG_COMMAND_UPGRADE ?
			 errmsg("the external step of revision \"%s\" is not confirmed",
					revision) :
			 errmsg("the external step of the downgrade of revision \"%s\" is not confirmed",
					revision),
			 errdetail("To be done before: %s\n%s",
					   mig_printable(pstrdup(external)),
					   describe_so_far(revision, version)),
			 errhint("%s", confirm_hint(command, revision))));
}

static char *
confirm_hint(MigCommand command, const char *revision)
{
	char	   *literal = quote_literal_cstr(revision);

	return command == MIG_COMMAND_UPGRADE ?
		psprintf("When it is done: SELECT migrate_confirm(%s, 'note'); Then run the command again.",
				 literal) :
		psprintf("When it is done: SELECT migrate_confirm(%s, 'note', 'downgrade'); Then run the command again.",
				 literal);
}

/*
 * The step is an external one, and passed with this transaction: who has confirmed
 * it.  Raises an error if that is not so any more.
 */
char *
mig_trust_use_confirmation(const MigStepExec *exec)
{
	MigConfirmation step = {
		exec->run->version, exec->step->command, exec->step->revision,
		exec->entry.revision_hash
	};
	char	   *confirmation = mig_confirmation_use(&step);

	if (confirmation == NULL)
		refuse_unconfirmed(step.command, step.revision, exec->external, step.version);
	return confirmation;
}

/*
 * Raises an error if a step must not be rehearsed: a revision that is not
 * approved only by a role that may approve it.
 */
void
mig_trust_check_rehearsal(const MigPlan *plan, const MigTrust *trust,
						  const MigVersion *version)
{
	for (int i = 0; i < plan->nsteps; i++)
	{
		const char *revision = plan->steps[i].revision;

		if (!trust[i].allowed && !may_approve(&plan->steps[i]))
			refuse_unapproved(plan->steps[i].command, revision, version);
	}
}

/*
 * As migrate_approve() decides it, and who may call that.
 */
static bool
may_approve(const MigStep *step)
{
	static MigSpiQuery query = {
		"SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = $1"
		"   AND " MIG_JOB_ROLE_MAY_EXECUTE("r.oid", "'migrate_approve'")
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, GetUserId());
	return superuser() ||
		(mig_spi_exists(&query, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST) &&
		 !(step->command == MIG_COMMAND_REPEAT ?
		   mig_repeatable_is_author(step->revision, GetUserId(), GetSessionUserId()) :
		   mig_revision_is_author(step->revision, GetUserId(), GetSessionUserId())));
}

/*
 * Raises an error if a stamp counts revisions as applied that are not approved.
 */
void
mig_trust_check_stamp(const MigPlan *plan, const MigVersion *version)
{
	MigGraph   *graph;
	MigRevList	added;
	char	  **ids;
	MigTrust   *trust;

	if (!mig_guc_require_approval)
		return;
	graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	added = mig_graph_added(graph, plan, version->nrows, version->rows);
	ids = palloc(sizeof(char *) * Max(added.n, 1));
	for (int i = 0; i < added.n; i++)
		ids[i] = unconstify(char *, mig_graph_id(graph, added.rev[i]));
	trust = mig_run_trust(version, MIG_COMMAND_STAMP, ids, added.n, false,
						  MIG_SPI_READ_LATEST);
	for (int i = 0; i < added.n; i++)
	{
		if (!trust[i].allowed)
			refuse_unapproved(MIG_COMMAND_STAMP, ids[i], version);
	}
}

/*
 * The same for one step, whose body was read just now: raises an error if it
 * must not run any more.  Returns whether its author is trusted, so that further
 * revisions of the same author need not be asked about.
 */
bool
mig_trust_check_step(const MigStep *step, const MigVersion *version)
{
	char	   *id = unconstify(char *, step->revision);
	MigTrust   *trust = mig_run_trust(version, step->command, &id, 1, false,
									  MIG_SPI_READ_LATEST);

	mig_trust_require(trust, step->command, id, version);
	return trust->check.trusted;
}

/*
 * Raises an error if a body of the revision must not be run.
 */
void
mig_trust_require(const MigTrust *trust, MigCommand command,
				  const char *revision, const MigVersion *version)
{
	if (!trust->allowed)
		refuse_unapproved(command, revision, version);
	if (!trust->trusted)
		mig_trust_refuse_author(command, revision, trust->check.author, version);
}

static void
refuse_unapproved(MigCommand command, const char *revision,
				  const MigVersion *version)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 command == MIG_COMMAND_REPEAT ?
			 errmsg("repeatable \"%s\" is not approved", revision) :
			 errmsg("revision \"%s\" is not approved", revision),
			 command == MIG_COMMAND_UPGRADE || command == MIG_COMMAND_REPEAT ?
			 errdetail("The setting migrate.require_approval is on. %s",
					   describe_so_far(revision, version)) :
			 command == MIG_COMMAND_DOWNGRADE ?
			 errdetail("The setting migrate.require_approval is on, and by the log the revision was not upgraded on \"%s\" as it is registered now. %s",
					   mig_printable(version->name), describe_so_far(revision, version)) :
			 errdetail("The setting migrate.require_approval is on, and the stamp would count the revision as applied. Nothing was changed."),
			 errhint(APPROVE_HINT,
					 quote_literal_cstr(revision))));
}

/*
 * What was run of a revision that must not run: a run before this one may have come
 * to the middle of it, also as it was approved then.
 */
static char *
describe_so_far(const char *revision, const MigVersion *version)
{
	const MigPartial *partial = mig_partial_find(version, MIG_SPI_READ_LATEST);

	if (partial == NULL || strcmp(partial->revision, revision) != 0)
		return pstrdup(_("Nothing of it was run."));
	return psprintf(_("The revision is partial: its %s was interrupted, %s. Nothing of it was run now."),
					mig_command_name(partial->operation),
					mig_run_describe_partial(partial));
}

/*
 * A body must not give its author rights that the author does not have.
 */
void
mig_trust_refuse_author(MigCommand command, const char *revision,
						const char *author, const MigVersion *version)
{
	char	   *runner = GetUserNameFromId(GetUserId(), false);
	char	   *literal = quote_literal_cstr(revision);
	char	   *set_role = mig_trust_other_roles();

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 command == MIG_COMMAND_REPEAT ?
			 errmsg("permission denied to run repeatable \"%s\" as role \"%s\"",
					revision, runner) :
			 errmsg("permission denied to run revision \"%s\" as role \"%s\"",
					revision, runner),
			 errdetail("Role \"%s\" registered it. Neither that role nor one that has approved it is this role, a superuser, or a member of this role. %s",
					   mig_printable(author), describe_so_far(revision, version)),
			 errhint(READ_HINT "\nTo approve what was read, as a role with the rights of %2$s:\nSELECT migrate_approve(%1$s, :'hash');\nOr role %3$s can run it, if it may run revisions.%4$s",
					 literal, mig_printable_quoted(runner), mig_printable_quoted(author),
					 set_role == NULL ? "" :
					 psprintf(_("\nOr, if that role or one that has approved it has the rights of %s"),
							  set_role))));
}

/*
 * The roles that a session that has forgotten SET ROLE may have meant: those that
 * may run revisions, and that it can become; with a line for each that does it.
 * NULL: none.
 */
char *
mig_trust_other_roles(void)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.array_agg(pg_catalog.format('SET ROLE %I;', r.rolname)"
		"         ORDER BY r.rolname)"
		"  FROM (SELECT r.rolname FROM pg_catalog.pg_roles AS r"
		"         WHERE r.oid NOT IN ($1, $2) AND NOT r.rolsuper"
		"           AND pg_catalog.pg_has_role($1, r.oid, 'MEMBER')"
		"           AND " MIG_JOB_ROLE_MAY_EXECUTE("r.oid",
												   "ANY ('{migrate_upgrade,migrate_deploy}')")
		"         ORDER BY r.rolname LIMIT 3) AS r"
		" WHERE NOT (SELECT s.rolsuper FROM pg_catalog.pg_roles AS s"
		"             WHERE s.oid = $1)"
	};
	MigSpiArgs	args = {0};
	char	   *lines = NULL;

	mig_spi_arg_oid(&args, GetSessionUserId());
	mig_spi_arg_oid(&args, GetUserId());
	(void) mig_spi_row(&query, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST,
					   read_roles, &lines);
	return lines;
}

static void
read_roles(const MigSpiRow *row, void *result)
{
	char	  **lines = result;
	int			n;
	char	  **roles = mig_spi_row_texts(row, 1, &n);

	for (int i = 0; i < n; i++)
		*lines = psprintf("%s\n%s",
						  i > 0 ? *lines : n == 1 ? "another role:" : "one of these roles:",
						  mig_printable(roles[i]));
}
