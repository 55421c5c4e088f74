/*
 * migrations.c
 *	  Checks of the pending revisions and of the last runs.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/command.h"
#include "base/guc.h"
#include "base/printable.h"
#include "doctor/doctor_internal.h"
#include "preview/preview.h"
#include "registry/registry.h"
#include "run/run.h"
#include "script/script.h"
#include "tables/batch.h"
#include "tables/job.h"
#include "tables/log.h"
#include "tables/partial.h"
#include "tables/version.h"

#define MANY_DDL				20	/* statements of a revision */
#define LONG_RUN_MS				60000.0 /* of a revision, in the past */
#define MAX_LOOKED_UP			100 /* pending revisions, for their locks */

static void check_pending(MigDoctor *doctor);
static bool find_unknown(StringInfo value);
static void check_partial(MigDoctor *doctor);
static char *name_partial_elsewhere(const MigVersion *version);
static void check_batches(MigDoctor *doctor);
static void check_approvals(MigDoctor *doctor);
static void check_authors(MigDoctor *doctor);
static bool may_run(void);
static void check_large_revisions(MigDoctor *doctor);
static int	count_ddl(const char *revision);
static void check_long_revisions(MigDoctor *doctor);
static void check_last_run(MigDoctor *doctor);
static void check_drift(MigDoctor *doctor);
static MigInspectStep *pending_steps(MigDoctor *doctor, int *nsteps);

MigDoctorCheck mig_doctor_migrations[] = {
	{"migration", "pending", check_pending},
	{"migration", "partial", check_partial},
	{"migration", "batches", check_batches},
	{"migration", "approvals", check_approvals},
	{"migration", "authors", check_authors},
	{"migration", "large revisions", check_large_revisions},
	{"migration", "long revisions", check_long_revisions},
	{"migration", "last run", check_last_run},
	{"migration", "drift", check_drift},
	{NULL}
};

/*
 * The area "resource": each object that a transaction creates or alters takes
 * an entry of the server's lock table until the transaction ends.
 */
void
mig_doctor_locks(MigDoctor *doctor)
{
	const char *per_transaction = GetConfigOption("max_locks_per_transaction",
												  false, false);
	int64		room = atoi(per_transaction) *
	(int64) (MaxConnections + max_prepared_xacts);
	int			nsteps;
	MigInspectStep *steps = pending_steps(doctor, &nsteps);
	int64		all = 0;
	int			largest = 0;
	char	   *value;

	for (int i = 0; i < nsteps; i++)
	{
		all += steps[i].statements;
		largest = Max(largest, steps[i].statements);
	}
	value = psprintf("room for " INT64_FORMAT " (max_locks_per_transaction = %s); " INT64_FORMAT " pending statements, at most %d in a revision",
					 room, per_transaction, all, largest);
	if (largest > room / 2)
		mig_doctor_report(doctor, MIG_DOCTOR_PROBLEM, value,
						  "Increase max_locks_per_transaction, or split the revisions: a transaction may need a lock for each statement.");
	else if (all > room / 2)
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING, value,
						  "Use CALL migrate_deploy() or a job: migrate_upgrade() may need the locks of all statements in one transaction.");
	else
		mig_doctor_report(doctor, MIG_DOCTOR_OK, value, NULL);
}

/*
 * The area "activity": transactions that a run would wait for now.
 */
void
mig_doctor_blockers(MigDoctor *doctor)
{
	int			nsteps;
	MigInspectStep *steps = pending_steps(doctor, &nsteps);
	int			n = Min(nsteps, MAX_LOOKED_UP);
	char	  **ids = palloc(sizeof(char *) * Max(n, 1));
	char	   *advice;
	char	   *who;

	for (int i = 0; i < n; i++)
		ids[i] = unconstify(char *, steps[i].revision);
	who = mig_run_blocked_by(ids, n, &advice);
	if (who == NULL)
		mig_doctor_report(doctor, MIG_DOCTOR_OK,
						  "no older transaction is in the way of a pending revision", NULL);
	else
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING,
						  psprintf("in the way of pending revisions: %s", who),
						  psprintf("A run would wait until they have ended. %s",
								   advice));
}

/*
 * The same area: runs that wait.  What the sessions do that block them is shown to
 * roles that may see all sessions.
 */
void
mig_doctor_waits(MigDoctor *doctor)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.string_agg(pg_catalog.format("
		"        'process %s%s, for %s s, blocked by %s', p.pid,"
		"        CASE WHEN p.revision IS NOT NULL THEN pg_catalog.format("
		"         ' (%s of revision \"%s\", statement %s of %s)', p.operation,"
		"         p.revision, p.statement, p.statements) END,"
		"        extract(epoch FROM p.waiting)::int8,"
		"        CASE WHEN pg_catalog.pg_has_role($1, 'pg_read_all_stats', 'USAGE')"
		"         THEN p.blocked_by ELSE pg_catalog.concat('process ',"
		"          pg_catalog.array_to_string(p.waiting_for, ', ')) END),"
		"        '; ' ORDER BY p.started)"
		"  FROM migrate.progress_details AS p WHERE p.waiting IS NOT NULL"
	};
	MigSpiArgs	args = {0};
	int			nruns = 0;
	char	   *waits = NULL;

	if (mig_progress_read(&nruns) == NULL)
	{
		mig_doctor_report(doctor, MIG_DOCTOR_OK,
						  "not known: there is no shared memory for migrate.progress", NULL);
		return;
	}
	mig_spi_arg_oid(&args, GetUserId());
	if (nruns > 0)
		waits = mig_spi_first(&query, &args, MIG_SPI_OWNER,
							  MIG_SPI_READ_LATEST);
	if (waits == NULL)
		mig_doctor_report(doctor, MIG_DOCTOR_OK, "none", NULL);
	else
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING, waits,
						  "Wait for the end of what blocks them, or use pg_terminate_backend(), for a prepared transaction ROLLBACK PREPARED. migrate.progress_details shows more.");
}

/*
 * The same area: sessions that keep runs from beginning without being one.  Any
 * role may take the locks by which runs take turns, and a transaction keeps them
 * after its run.
 */
void
mig_doctor_run_locks(MigDoctor *doctor)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.string_agg(pg_catalog.format("
		"        'process %s (role %I, application %L)', a.pid, a.usename,"
		"        a.application_name), ', ' ORDER BY a.pid)"
		"  FROM pg_catalog.pg_stat_activity AS a"
		" WHERE a.datname = pg_catalog.current_database()"
		"   AND a.pid <> pg_catalog.pg_backend_pid()"
		/* What registers is done by then. */
		"   AND (a.query_start < pg_catalog.clock_timestamp() - interval '1 s'"
		"        OR a.query_start IS NULL)"
		"   AND a.pid IN (SELECT l.pid FROM pg_catalog.pg_locks AS l"
		"         WHERE l.locktype = 'advisory' AND l.granted"
		"           AND l.objsubid = 2 AND l.database = a.datid"
		"           AND l.classid IN ($1, $2))"
		"   AND a.pid NOT IN (SELECT pid FROM migrate.progress_details)"
	};
	MigSpiArgs	args = {0};
	int			nruns = 0;
	char	   *holders;

	if (mig_progress_read(&nruns) == NULL)
	{
		mig_doctor_report(doctor, MIG_DOCTOR_OK,
						  "not known: there is no shared memory for migrate.progress", NULL);
		return;
	}
	mig_spi_arg_oid(&args, MIG_LOCK_CLASS);
	mig_spi_arg_oid(&args, MIG_LOCK_CLASS_BODIES);
	holders = mig_spi_first(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
	if (holders == NULL)
		mig_doctor_report(doctor, MIG_DOCTOR_OK, "none is held outside of a run", NULL);
	else
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING,
						  psprintf("held outside of a run by %s", holders),
						  "No run can begin while such a lock is held: by a transaction that has run or registered something and is still open, or by pg_advisory_lock(). End the transaction, or use pg_terminate_backend().");
}

static void
check_pending(MigDoctor *doctor)
{
	MigVersion *version = mig_version_open(MIG_SPI_READ_LATEST);
	StringInfoData value;
	int			nsteps;

	initStringInfo(&value);
	mig_version_read(version, MIG_SPI_READ_LATEST);
	appendStringInfo(&value, "%s is at ", mig_printable(version->name));
	for (int i = 0; i < version->nrows && i < MAX_NAMED; i++)
		mig_doctor_name(&value, i, version->rows[i]);
	if (version->nrows == 0)
		appendStringInfoString(&value, "base");
	else if (version->nrows > MAX_NAMED)
		appendStringInfo(&value, " and %d more", version->nrows - MAX_NAMED);
	if (find_unknown(&value))
	{
		mig_doctor_report(doctor, MIG_DOCTOR_PROBLEM, value.data,
						  "Register them: what has migrated the database may have newer files than the registry. No run is possible before, and the other checks take no revision as pending.");
		return;
	}
	(void) pending_steps(doctor, &nsteps);
	appendStringInfo(&value, nsteps == 1 ? ", %d revision is pending" :
					 ", %d revisions are pending", nsteps);
	mig_doctor_report(doctor, MIG_DOCTOR_OK, value.data, NULL);
}

/*
 * Adds the rows of the version table that name no revision.  false: none.
 */
static bool
find_unknown(StringInfo value)
{
	int			nunknown;
	char	  **unknown = mig_inspect_unknown(&nunknown);

	for (int i = 0; i < nunknown; i++)
	{
		if (i == 0)
			appendStringInfoString(value, "; not registered: ");
		mig_doctor_name(value, i, unknown[i]);
	}
	return nunknown > 0;
}

static void
check_partial(MigDoctor *doctor)
{
	MigVersion *version = mig_version_open(MIG_SPI_READ_LATEST);
	MigPartial *partial = mig_partial_find(version, MIG_SPI_READ_LATEST);
	char	   *running;
	char	   *elsewhere = name_partial_elsewhere(version);

	if (elsewhere != NULL)
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING, elsewhere,
						  "To see what resumes those of tenants: SELECT schema, next_command FROM migrate.tenants_details WHERE partial IS NOT NULL;\nAnother one: SELECT revision, next_command FROM migrate.status_details WHERE partial IS NOT NULL, with that migrate.version_table.\nTo abandon one of a version table that does not exist any more: SELECT migrate_resolve(revision, 'abandon');");
	if (partial == NULL)
	{
		if (elsewhere == NULL)
			mig_doctor_report(doctor, MIG_DOCTOR_OK, "none", NULL);
	}
	else if ((running = mig_lock_running(version)) != NULL)
		mig_doctor_report(doctor, MIG_DOCTOR_OK,
						  psprintf("%s of revision \"%s\" is running (process %s): %s",
								   mig_command_name(partial->operation),
								   partial->revision, running,
								   mig_run_describe_partial(partial)),
						  NULL);
	else
		mig_doctor_report(doctor, MIG_DOCTOR_PROBLEM,
						  psprintf("%s of revision \"%s\": %s",
								   mig_command_name(partial->operation),
								   partial->revision,
								   mig_run_describe_partial(partial)),
						  psprintf("To see what resumes it, or what has to be decided: SELECT next_command FROM migrate.status_details WHERE revision = %s;",
								   quote_literal_cstr(partial->revision)));
}

/*
 * The revisions that are partial by other version tables, for which no run is running;
 * or NULL.
 */
static char *
name_partial_elsewhere(const MigVersion *version)
{
	int			ntables;
	MigPartialTable *tables = mig_partial_elsewhere(version, &ntables);
	int			n = 0;
	StringInfoData value;

	initStringInfo(&value);
	for (int i = 0; i < ntables; i++)
	{
		MigVersion	other = {.relid = tables[i].relid};

		if (!tables[i].gone && mig_lock_running(&other) != NULL)
			continue;
		mig_doctor_name(&value, n++,
						psprintf(tables[i].gone ?
								 "revision \"%s\" in \"%s\", which does not exist any more" :
								 "revision \"%s\" in \"%s\"",
								 tables[i].revision, mig_printable(tables[i].name)));
	}
	return n == 0 ? NULL : psprintf("in other version tables than %s: %s",
									mig_printable(version->name), value.data);
}

/*
 * Those that are called by themselves: the ones of a body are the revision's.
 */
static void
check_batches(MigDoctor *doctor)
{
	int			nbatches;
	MigBatchRow *batches = mig_batch_interrupted(&nbatches);

	if (nbatches == 0)
		mig_doctor_report(doctor, MIG_DOCTOR_OK, "none is interrupted", NULL);
	for (int i = 0; i < nbatches; i++)
	{
		const MigBatchRow *batch = &batches[i];
		char	   *share = batch->keys < batch->total ?
		psprintf(", about " INT64_FORMAT " %% of its keys",
				 batch->keys * 100 / batch->total) : "";

		mig_doctor_report(doctor, MIG_DOCTOR_WARNING,
						  psprintf("\"%s\" is interrupted; rows done: " INT64_FORMAT "%s",
								   batch->name, batch->rows, share),
						  psprintf("The same CALL migrate_batch() resumes it. To forget how far it has come: SELECT migrate_batch_reset(%s);",
								   quote_literal_cstr(batch->name)));
	}
}

static void
check_approvals(MigDoctor *doctor)
{
	int			nsteps;
	MigInspectStep *steps = pending_steps(doctor, &nsteps);
	int			nmissing = 0;
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < nsteps; i++)
	{
		if (!steps[i].approved)
			mig_doctor_name(&names, nmissing++, steps[i].revision);
	}
	if (!mig_guc_require_approval)
		mig_doctor_report(doctor, MIG_DOCTOR_OK, "not required", NULL);
	else if (nmissing == 0)
		mig_doctor_report(doctor, MIG_DOCTOR_OK, "all pending revisions are approved",
						  NULL);
	else
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING,
						  psprintf(nmissing == 1 ?
								   "%d of %d pending revisions is not approved: %s" :
								   "%d of %d pending revisions are not approved: %s",
								   nmissing, nsteps, names.data),
						  "Have another role review them and call migrate_approve(): a run ends before the first of them.");
}

/*
 * For a role that may run revisions, those that it would be refused.
 */
static void
check_authors(MigDoctor *doctor)
{
	int			nsteps;
	MigInspectStep *steps = pending_steps(doctor, &nsteps);
	int			nrefused = 0;
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < nsteps; i++)
	{
		if (!steps[i].trusted)
			mig_doctor_name(&names, nrefused++,
							psprintf("%s (%s)", steps[i].revision, steps[i].author));
	}
	if (nrefused == 0)
		mig_doctor_report(doctor, MIG_DOCTOR_OK,
						  "this role may run all pending revisions", NULL);
	else if (!may_run())
		mig_doctor_report(doctor, MIG_DOCTOR_OK,
						  "this role runs no revisions", NULL);
	else
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING,
						  psprintf("%d of %d pending revisions cannot run as role \"%s\": %s",
								   nrefused, nsteps,
								   GetUserNameFromId(GetUserId(), false),
								   names.data),
						  "Have a role with the rights of this one approve them: their authors do not have its rights.");
}

/*
 * Whether the current role may run revisions in some way.
 */
static bool
may_run(void)
{
	static MigSpiQuery query = {
		"SELECT WHERE " MIG_JOB_ROLE_MAY_EXECUTE("$1",
												 "ANY ('{migrate_upgrade,migrate_deploy,migrate_submit}')")
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, GetUserId());
	return mig_spi_exists(&query, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST);
}

static void
check_large_revisions(MigDoctor *doctor)
{
	int			nsteps;
	MigInspectStep *steps = pending_steps(doctor, &nsteps);
	int			nlarge = 0;
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < nsteps; i++)
	{
		int			nddl;

		CHECK_FOR_INTERRUPTS();
		if (steps[i].statements <= MANY_DDL)
			continue;
		nddl = count_ddl(steps[i].revision);
		if (nddl > MANY_DDL)
			mig_doctor_name(&names, nlarge++,
							psprintf("%s (%d)", steps[i].revision, nddl));
	}
	if (nlarge == 0)
		mig_doctor_report(doctor, MIG_DOCTOR_OK,
						  psprintf("none has more than %d DDL statements", MANY_DDL),
						  NULL);
	else
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING,
						  psprintf("%d with more than %d DDL statements: %s",
								   nlarge, MANY_DDL, names.data),
						  "Split them: a revision keeps its locks until its end, and is repeated from its beginning after a conflict.");
}

static int
count_ddl(const char *revision)
{
	MigStepBody body;
	MigScript  *script;
	int			nddl = 0;

	mig_revision_body(revision, MIG_COMMAND_UPGRADE, &body);
	/* Otherwise each is committed by itself. */
	if (body.per_statement)
		return 0;
	script = mig_script_split_text(body.text, false);
	for (int i = 0; i < script->nstatements; i++)
	{
		if (script->statements[i].commits)
			nddl++;
	}
	return nddl;
}

/*
 * By earlier runs of the pending revisions, and by the median of all runs.
 */
static void
check_long_revisions(MigDoctor *doctor)
{
	int			nsteps;
	MigInspectStep *steps = pending_steps(doctor, &nsteps);
	char	  **ids = palloc_extended(sizeof(char *) * Max(nsteps, 1),
									  MCXT_ALLOC_HUGE);
	double		median = mig_log_median();
	char	  **slow;
	int			nslow;
	StringInfoData value;

	for (int i = 0; i < nsteps; i++)
		ids[i] = unconstify(char *, steps[i].revision);
	slow = mig_log_slow(ids, nsteps, LONG_RUN_MS, MAX_NAMED, &nslow);
	initStringInfo(&value);
	for (int i = 0; i < nslow; i++)
		mig_doctor_name(&value, i, slow[i]);
	if (nslow == 0)
		appendStringInfoString(&value, "no earlier run took a minute");
	if (nsteps > 0 && median >= 0)
		appendStringInfo(&value, nsteps == 1 ?
						 "; at the median of the log (%.1f ms) %d revision takes %.1f s" :
						 "; at the median of the log (%.1f ms) %d revisions take %.1f s",
						 median, nsteps, median * nsteps / 1000);
	mig_doctor_report(doctor, nslow > 0 ? MIG_DOCTOR_WARNING : MIG_DOCTOR_OK,
					  value.data, nslow > 0 ?
					  "Run them at a quiet time, as a job or in a schedule's window, and watch migrate.progress." :
					  NULL);
}

static void
check_last_run(MigDoctor *doctor)
{
	char	   *failure = mig_log_last_failure();

	if (failure == NULL)
		mig_doctor_report(doctor, MIG_DOCTOR_OK, "did not fail", NULL);
	else
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING, failure,
						  "Look for the cause in the log of migrations and in the server log before the next run.");
}

/*
 * Counted, because not every role may read what was noted.
 */
static void
check_drift(MigDoctor *doctor)
{
	int			count = mig_drift_count();

	if (count < 0)
		mig_doctor_report(doctor, MIG_DOCTOR_OK, "not tracked", NULL);
	else if (count == 0)
		mig_doctor_report(doctor, MIG_DOCTOR_OK,
						  "the schema is as the last run has left it", NULL);
	else
		mig_doctor_report(doctor, MIG_DOCTOR_WARNING,
						  psprintf("objects that are not as the last run has left them: %d",
								   count),
						  "Look at migrate_drift(). Make a revision of what is to stay, or call migrate_drift_accept().");
}

/*
 * The steps of an upgrade to heads, read once.
 */
static MigInspectStep *
pending_steps(MigDoctor *doctor, int *nsteps)
{
	if (doctor->pending == NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(doctor->context);
		int			nunknown;

		/* Then there is no plan, which "pending" reports. */
		(void) mig_inspect_unknown(&nunknown);
		if (nunknown > 0)
			doctor->pending = palloc0(sizeof(MigInspectStep));
		else
			doctor->pending = mig_inspect_plan("heads",
											   mig_command_name(MIG_COMMAND_UPGRADE),
											   &doctor->npending);
		/* These checks are about revisions, which come first. */
		while (doctor->npending > 0 &&
			   doctor->pending[doctor->npending - 1].transactions != NULL &&
			   strcmp(doctor->pending[doctor->npending - 1].operation,
					  mig_command_name(MIG_COMMAND_REPEAT)) == 0)
			doctor->npending--;
		MemoryContextSwitchTo(old_context);
	}
	*nsteps = doctor->npending;
	return doctor->pending;
}

/*
 * Appends the n-th name of a list, which holds at most MAX_NAMED.
 */
void
mig_doctor_name(StringInfo names, int n, const char *name)
{
	if (n < MAX_NAMED)
		appendStringInfo(names, "%s%s", n == 0 ? "" : ", ", name);
	else if (n == MAX_NAMED)
		appendStringInfoString(names, ", ...");
}
