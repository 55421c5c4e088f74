/*
 * api.c
 *	  SQL-callable functions: arguments in, rows out, no logic.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/call.h"
#include "base/clock.h"
#include "base/command.h"
#include "base/guard.h"
#include "base/guc.h"
#include "base/server.h"
#include "base/spi.h"
#include "base/xact.h"
#include "doctor/doctor.h"
#include "job/job.h"
#include "registry/registry.h"
#include "run/run.h"
#include "tables/log.h"

/* What begin_command() checks. */
#define COMMAND_WRITES		0x01	/* not in a read-only transaction */
#define COMMAND_NOT_NESTED	0x02	/* not from within a migration body */
#define COMMAND_GRANTED		0x04	/* not for PUBLIC: asks migrate_guard() */
#define COMMAND_CATALOGS	0x08	/* reads none of our tables, or asks
									 * itself */
#define COMMAND_CHANGES		(COMMAND_WRITES | COMMAND_GRANTED | COMMAND_NOT_NESTED)

/* Which columns of a revision are returned. */
typedef enum RevisionColumns
{
	REVISION_INFO,				/* migrate.revision_info */
	REVISION_DETAILS,			/* migrate.revision_details */
	REVISION_BODIES				/* migrate_show() */
} RevisionColumns;

PG_FUNCTION_INFO_V1(migrate_register);
PG_FUNCTION_INFO_V1(migrate_register_script);
PG_FUNCTION_INFO_V1(migrate_unregister);
PG_FUNCTION_INFO_V1(migrate_merge);
PG_FUNCTION_INFO_V1(migrate_approve);
PG_FUNCTION_INFO_V1(migrate_upgrade);
PG_FUNCTION_INFO_V1(migrate_downgrade);
PG_FUNCTION_INFO_V1(migrate_stamp);
PG_FUNCTION_INFO_V1(migrate_stamp_targets);
PG_FUNCTION_INFO_V1(migrate_deploy);
PG_FUNCTION_INFO_V1(migrate_revert);
PG_FUNCTION_INFO_V1(migrate_resolve);
PG_FUNCTION_INFO_V1(migrate_batch);
PG_FUNCTION_INFO_V1(migrate_batch_reset);
PG_FUNCTION_INFO_V1(migrate_submit);
PG_FUNCTION_INFO_V1(migrate_cancel);
PG_FUNCTION_INFO_V1(migrate_run_jobs);
PG_FUNCTION_INFO_V1(migrate_wait);
PG_FUNCTION_INFO_V1(migrate_schedule);
PG_FUNCTION_INFO_V1(migrate_unschedule);
PG_FUNCTION_INFO_V1(migrate_current);
PG_FUNCTION_INFO_V1(migrate_heads);
PG_FUNCTION_INFO_V1(migrate_branches);
PG_FUNCTION_INFO_V1(migrate_history);
PG_FUNCTION_INFO_V1(migrate_history_details);
PG_FUNCTION_INFO_V1(migrate_show);
PG_FUNCTION_INFO_V1(migrate_plan);
PG_FUNCTION_INFO_V1(migrate_plan_details);
PG_FUNCTION_INFO_V1(migrate_doctor);
PG_FUNCTION_INFO_V1(migrate_doctor_details);
PG_FUNCTION_INFO_V1(migrate_is_current);
PG_FUNCTION_INFO_V1(migrate_progress);
PG_FUNCTION_INFO_V1(migrate_guard);

static void begin_command(const char *name, int flags);
static Datum run_function(FunctionCallInfo fcinfo, MigCommand command,
						  int ntargets, char **targets, bool purge);
static void run_procedure(FunctionCallInfo fcinfo, MigCommand command);
static bool can_commit(FunctionCallInfo fcinfo);
static int64 milliseconds(Datum interval);
static Datum return_texts(FunctionCallInfo fcinfo, char **texts, int ntexts);
static Datum return_revisions(FunctionCallInfo fcinfo,
							  const MigInspectRow *revisions, int nrevisions,
							  RevisionColumns columns);

Datum
migrate_register(PG_FUNCTION_ARGS)
{
	MigRevisionDef def = {0};
	bool		replace;

	begin_command("migrate_register()", COMMAND_CHANGES);
	def.id = mig_call_text(fcinfo, 0, "revision");
	def.upgrade = mig_call_text(fcinfo, 1, "upgrade");
	def.downgrade = mig_call_optional_text(fcinfo, 2);
	def.down = mig_call_texts(fcinfo, 3, "down_revision",
							  &def.ndown);
	def.depends = mig_call_texts(fcinfo, 4, "depends_on",
								 &def.ndepends);
	def.labels = mig_call_texts(fcinfo, 5, "branch_labels",
								&def.nlabels);
	def.message = mig_call_optional_text(fcinfo, 6);
	replace = mig_call_bool(fcinfo, 7, "replace");
	mig_register(&def, replace);
	PG_RETURN_TEXT_P(cstring_to_text(def.id));
}

Datum
migrate_register_script(PG_FUNCTION_ARGS)
{
	char	  **ids;
	int			nids;
	int			options = 0;

	begin_command("migrate_register_script()", COMMAND_CHANGES);
	if (mig_call_bool(fcinfo, 1, "replace"))
		options |= MIG_REGISTER_REPLACE;
	if (mig_call_bool(fcinfo, 2, "skip_invalid_downgrade"))
		options |= MIG_REGISTER_SKIP_DOWNGRADE;
	ids = mig_register_script(mig_call_text(fcinfo, 0, "script"), options,
							  &nids);
	return return_texts(fcinfo, ids, nids);
}

Datum
migrate_unregister(PG_FUNCTION_ARGS)
{
	begin_command("migrate_unregister()", COMMAND_CHANGES);
	mig_register_unregister(mig_call_text(fcinfo, 0, "revision"));
	PG_RETURN_VOID();
}

Datum
migrate_merge(PG_FUNCTION_ARGS)
{
	MigRevisionDef def = {0};
	char	  **revisions;
	int			nrevisions;

	begin_command("migrate_merge()", COMMAND_CHANGES);
	revisions = mig_call_texts(fcinfo, 0, "revisions", &nrevisions);
	def.id = mig_call_text(fcinfo, 1, "revision");
	def.message = mig_call_optional_text(fcinfo, 2);
	def.labels = mig_call_texts(fcinfo, 3, "branch_labels",
								&def.nlabels);
	mig_register_merge(nrevisions, revisions, &def);
	PG_RETURN_TEXT_P(cstring_to_text(def.id));
}

Datum
migrate_approve(PG_FUNCTION_ARGS)
{
	begin_command("migrate_approve()", COMMAND_CHANGES);
	mig_register_approve(mig_call_text(fcinfo, 0, "revision"),
						 mig_call_text(fcinfo, 1, "hash"),
						 mig_call_optional_text(fcinfo, 2));
	PG_RETURN_VOID();
}

Datum
migrate_upgrade(PG_FUNCTION_ARGS)
{
	char	   *target = mig_call_text(fcinfo, 0, "target");

	return run_function(fcinfo, MIG_COMMAND_UPGRADE, 1, &target, false);
}

Datum
migrate_downgrade(PG_FUNCTION_ARGS)
{
	char	   *target = mig_call_text(fcinfo, 0, "target");

	return run_function(fcinfo, MIG_COMMAND_DOWNGRADE, 1, &target, false);
}

Datum
migrate_stamp(PG_FUNCTION_ARGS)
{
	char	   *target = mig_call_text(fcinfo, 0, "target");

	return run_function(fcinfo, MIG_COMMAND_STAMP, 1, &target,
						mig_call_bool(fcinfo, 1, "purge"));
}

Datum
migrate_stamp_targets(PG_FUNCTION_ARGS)
{
	int			ntargets;
	char	  **targets = mig_call_texts(fcinfo, 0, "targets", &ntargets);

	return run_function(fcinfo, MIG_COMMAND_STAMP, ntargets, targets,
						mig_call_bool(fcinfo, 1, "purge"));
}

Datum
migrate_deploy(PG_FUNCTION_ARGS)
{
	run_procedure(fcinfo, MIG_COMMAND_UPGRADE);
	PG_RETURN_VOID();
}

Datum
migrate_revert(PG_FUNCTION_ARGS)
{
	run_procedure(fcinfo, MIG_COMMAND_DOWNGRADE);
	PG_RETURN_VOID();
}

Datum
migrate_resolve(PG_FUNCTION_ARGS)
{
	begin_command("migrate_resolve()", COMMAND_CHANGES);
	mig_run_resolve(mig_call_text(fcinfo, 0, "revision"),
					mig_call_text(fcinfo, 1, "action"));
	PG_RETURN_VOID();
}

Datum
migrate_batch(PG_FUNCTION_ARGS)
{
	static const char *const names[] =
	{"relation", "statement", NULL, "batch_size", "target", "pause"};
	MigBatchRequest request;

	if (!mig_batch_continues())
		begin_command("migrate_batch()", COMMAND_WRITES | COMMAND_GRANTED);
	for (int i = 0; i < lengthof(names); i++)
	{
		if (names[i] != NULL && PG_ARGISNULL(i))
			mig_call_refuse_null(names[i]);
	}
	memset(&request, 0, sizeof(request));
	request.relation = PG_GETARG_OID(0);
	request.statement = mig_call_text(fcinfo, 1, "statement");
	if (!PG_ARGISNULL(2))
		request.key = mig_call_texts(fcinfo, 2, "key", &request.nkey);
	request.size = PG_GETARG_INT32(3);
	request.target = milliseconds(PG_GETARG_DATUM(4));
	request.pause = PG_GETARG_FLOAT4(5);
	request.name = mig_call_optional_text(fcinfo, 6);
	request.can_commit = can_commit(fcinfo);
	request.top_level = mig_xact_is_top_level();
	mig_batch_run(&request);
	PG_RETURN_VOID();
}

Datum
migrate_batch_reset(PG_FUNCTION_ARGS)
{
	begin_command("migrate_batch_reset()", COMMAND_CHANGES);
	mig_batch_reset(mig_call_text(fcinfo, 0, "name"));
	PG_RETURN_VOID();
}

Datum
migrate_submit(PG_FUNCTION_ARGS)
{
	char	   *target = mig_call_text(fcinfo, 0, "target");
	char	   *command = mig_call_text(fcinfo, 1, "command");

	begin_command("migrate_submit()", COMMAND_WRITES | COMMAND_GRANTED);
	if (PG_ARGISNULL(2))
		mig_call_refuse_null("run_at");
	PG_RETURN_INT64(mig_job_submit(target, command, PG_GETARG_TIMESTAMPTZ(2),
								   PG_ARGISNULL(3) ? DT_NOEND :
								   PG_GETARG_TIMESTAMPTZ(3)));
}

Datum
migrate_cancel(PG_FUNCTION_ARGS)
{
	begin_command("migrate_cancel()", COMMAND_WRITES | COMMAND_GRANTED);
	if (PG_ARGISNULL(0))
		mig_call_refuse_null("job");
	PG_RETURN_BOOL(mig_job_cancel(PG_GETARG_INT64(0)));
}

Datum
migrate_run_jobs(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	MigJobDue  *due;
	int			ndue;

	begin_command("migrate_run_jobs()", COMMAND_WRITES | COMMAND_GRANTED);
	due = mig_job_dispatch(&ndue);
	mig_call_begin_rows(&rows, fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int i = 0; i < ndue; i++)
	{
		mig_call_put(&rows, Int64GetDatum(due[i].job), false);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_wait(PG_FUNCTION_ARGS)
{
	int64		timeout = -1;

	begin_command("migrate_wait()", COMMAND_GRANTED);
	if (PG_ARGISNULL(0))
		mig_call_refuse_null("job");
	if (!PG_ARGISNULL(1))
		timeout = milliseconds(PG_GETARG_DATUM(1));
	mig_job_wait(PG_GETARG_INT64(0), timeout, can_commit(fcinfo));
	PG_RETURN_VOID();
}

/*
 * How long an interval is that begins now; -1: it has no end.
 */
static int64
milliseconds(Datum interval)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz end = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
															  TimestampTzGetDatum(now),
															  interval));

	return TIMESTAMP_IS_NOEND(end) ? -1 : Max(end - now, 0) / 1000;
}

Datum
migrate_schedule(PG_FUNCTION_ARGS)
{
	MigSchedule schedule;
	char	   *every = mig_call_text(fcinfo, 1, "every");
	char	   *target = mig_call_text(fcinfo, 2, "target");

	begin_command("migrate_schedule()", COMMAND_WRITES | COMMAND_GRANTED);
	memset(&schedule, 0, sizeof(schedule));
	schedule.name = mig_call_text(fcinfo, 0, "name");
	schedule.window_start = PG_ARGISNULL(3) ? NULL : PG_GETARG_TIMETZADT_P(3);
	schedule.window_end = PG_ARGISNULL(4) ? NULL : PG_GETARG_TIMETZADT_P(4);
	schedule.first_run = PG_ARGISNULL(5) ? GetCurrentTimestamp() :
		PG_GETARG_TIMESTAMPTZ(5);
	schedule.time_zone = mig_call_optional_text(fcinfo, 6);
	mig_job_schedule(&schedule, every, target);
	PG_RETURN_VOID();
}

Datum
migrate_unschedule(PG_FUNCTION_ARGS)
{
	begin_command("migrate_unschedule()", COMMAND_WRITES | COMMAND_GRANTED);
	mig_job_unschedule(mig_call_text(fcinfo, 0, "name"));
	PG_RETURN_VOID();
}

Datum
migrate_current(PG_FUNCTION_ARGS)
{
	MigInspectRow *revisions;
	int			nrevisions;

	begin_command("migrate_current()", 0);
	revisions = mig_inspect_current(&nrevisions);
	return return_revisions(fcinfo, revisions, nrevisions, REVISION_INFO);
}

Datum
migrate_heads(PG_FUNCTION_ARGS)
{
	MigInspectRow *revisions;
	int			nrevisions;

	begin_command("migrate_heads()", 0);
	revisions = mig_inspect_heads(mig_call_bool(fcinfo, 0, "resolve_dependencies"),
								  &nrevisions);
	return return_revisions(fcinfo, revisions, nrevisions, REVISION_INFO);
}

Datum
migrate_branches(PG_FUNCTION_ARGS)
{
	MigInspectRow *revisions;
	int			nrevisions;

	begin_command("migrate_branches()", 0);
	revisions = mig_inspect_branches(&nrevisions);
	return return_revisions(fcinfo, revisions, nrevisions, REVISION_INFO);
}

Datum
migrate_history(PG_FUNCTION_ARGS)
{
	MigInspectRow *revisions;
	int			nrevisions;

	begin_command("migrate_history()", 0);
	revisions = mig_inspect_history(mig_call_optional_text(fcinfo, 0), &nrevisions);
	return return_revisions(fcinfo, revisions, nrevisions, REVISION_INFO);
}

Datum
migrate_history_details(PG_FUNCTION_ARGS)
{
	MigInspectRow *revisions;
	int			nrevisions;

	begin_command("migrate_history_details()", 0);
	revisions = mig_inspect_history(mig_call_optional_text(fcinfo, 0), &nrevisions);
	return return_revisions(fcinfo, revisions, nrevisions, REVISION_DETAILS);
}

Datum
migrate_show(PG_FUNCTION_ARGS)
{
	MigInspectRow *revisions;
	int			nrevisions;

	begin_command("migrate_show()", COMMAND_GRANTED);
	revisions = mig_inspect_show(mig_call_text(fcinfo, 0, "revision"), &nrevisions);
	return return_revisions(fcinfo, revisions, nrevisions, REVISION_BODIES);
}

Datum
migrate_plan(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	MigInspectStep *steps;
	int			nsteps;

	begin_command("migrate_plan()", 0);
	steps = mig_inspect_plan(mig_call_text(fcinfo, 0, "target"),
							 mig_call_text(fcinfo, 1, "command"), &nsteps);
	mig_call_begin_rows(&rows, fcinfo, 0);
	for (int i = 0; i < nsteps; i++)
	{
		mig_call_put(&rows, Int32GetDatum(steps[i].step), false);
		mig_call_put_text(&rows, steps[i].operation);
		mig_call_put_text(&rows, steps[i].revision);
		mig_call_put_text(&rows, steps[i].note);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_plan_details(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	MigInspectStep *steps;
	int			nsteps;

	begin_command("migrate_plan_details()", 0);
	steps = mig_inspect_plan(mig_call_text(fcinfo, 0, "target"),
							 mig_call_text(fcinfo, 1, "command"), &nsteps);
	mig_call_begin_rows(&rows, fcinfo, 0);
	for (int i = 0; i < nsteps; i++)
	{
		const MigInspectStep *step = &steps[i];

		mig_call_put(&rows, Int32GetDatum(step->step), false);
		mig_call_put_text(&rows, step->operation);
		mig_call_put_text(&rows, step->revision);
		mig_call_put_text(&rows, step->message);
		mig_call_put_text(&rows, step->transactions);
		mig_call_put(&rows, Int32GetDatum(step->statements), false);
		mig_call_put_text(&rows, step->partial);
		mig_call_put(&rows, BoolGetDatum(step->approved), step->revision == NULL);
		mig_call_put_text(&rows, step->problem);
		mig_call_put_text(&rows, step->hash);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_is_current(PG_FUNCTION_ARGS)
{
	bool		current;
	bool		isnull;

	begin_command("migrate_is_current()", 0);
	current = mig_inspect_is_current(mig_call_text(fcinfo, 0, "target"),
									 &isnull);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(current);
}

Datum
migrate_doctor(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	List	   *findings;
	ListCell   *cell;

	begin_command("migrate_doctor()", COMMAND_CATALOGS);
	findings = mig_doctor_examine();
	mig_call_begin_rows(&rows, fcinfo, 0);
	foreach(cell, findings)
	{
		const MigFinding *finding = lfirst(cell);

		mig_call_put_text(&rows, finding->status);
		mig_call_put_text(&rows, finding->area);
		mig_call_put_text(&rows, mig_doctor_describe(finding));
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_doctor_details(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	List	   *findings;
	ListCell   *cell;

	begin_command("migrate_doctor_details()", COMMAND_CATALOGS);
	findings = mig_doctor_examine();
	mig_call_begin_rows(&rows, fcinfo, 0);
	foreach(cell, findings)
	{
		const MigFinding *finding = lfirst(cell);

		mig_call_put_text(&rows, finding->area);
		mig_call_put_text(&rows, finding->check);
		mig_call_put_text(&rows, finding->status);
		mig_call_put_text(&rows, finding->value);
		mig_call_put_text(&rows, finding->advice);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

/*
 * A statement is shown to the roles that could see it in pg_stat_activity.
 */
Datum
migrate_progress(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	int			nruns = 0;
	MigProgress *runs = mig_progress_read(&nruns);
	int64		now = mig_clock_ms();

	mig_call_begin_rows(&rows, fcinfo, 0);
	if (runs == NULL)
	{
		ereport(NOTICE,
				(errmsg("the progress of runs is not available"),
				 errdetail("The server has no shared memory for it."),
				 errhint("Add \"migrate\" to shared_preload_libraries, or use PostgreSQL 17 or later.")));
		return (Datum) 0;
	}
	for (int i = 0; i < nruns; i++)
	{
		const MigProgress *run = &runs[i];
		bool		no_step = run->step == 0;
		bool		no_statement = run->statement == 0;

		mig_call_put(&rows, Int32GetDatum(run->pid), false);
		mig_call_put_text(&rows, mig_via_name(run->via));
		mig_call_put(&rows, Int64GetDatum(run->job), run->job == 0);
		mig_call_put(&rows, ObjectIdGetDatum(run->role), false);
		mig_call_put(&rows, TimestampTzGetDatum(run->started), false);
		mig_call_put_duration(&rows, now - run->started_ms, false);
		mig_call_put_text(&rows, no_step ? NULL : mig_command_name(run->operation));
		mig_call_put_text(&rows, run->revision[0] == '\0' ? NULL : run->revision);
		mig_call_put(&rows, Int32GetDatum(run->step), no_step);
		mig_call_put(&rows, Int32GetDatum(run->nsteps), no_step);
		mig_call_put(&rows, Int32GetDatum(run->statement), no_statement);
		mig_call_put(&rows, Int32GetDatum(run->nstatements), no_statement);
		mig_call_put(&rows, Int32GetDatum(run->attempt), no_statement);
		mig_call_put_duration(&rows, now - run->statement_started_ms, no_statement);
		mig_call_put_text(&rows, no_statement || !mig_progress_may_read(run) ?
						  NULL : run->query);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_guard(PG_FUNCTION_ARGS)
{
	begin_command("migrate_guard()", COMMAND_GRANTED);
	PG_RETURN_VOID();
}

/*
 * What every function begins with: forgets what was cached for the one before,
 * and raises an error where this one cannot be called.
 */
static void
begin_command(const char *name, int flags)
{
	mig_spi_forget_owner();
	if (flags & COMMAND_WRITES)
	{
		/* On a standby every transaction is read-only. */
		PreventCommandIfReadOnly(name);
		PreventCommandIfParallelMode(name);
	}
	if (flags & COMMAND_NOT_NESTED)
		mig_run_refuse_nested(name);
	if (flags & COMMAND_GRANTED)
		mig_guard_check();
	else if (!(flags & COMMAND_CATALOGS))
		mig_guard_check_objects();
}

/*
 * A run inside the caller's transaction, or a job that is submitted instead.
 */
static Datum
run_function(FunctionCallInfo fcinfo, MigCommand command, int ntargets,
			 char **targets, bool purge)
{
	MigRunRequest request;
	MigRunResult result;

	begin_command(psprintf("%s()", mig_command_function(command)),
				  COMMAND_CHANGES);
	if (command != MIG_COMMAND_STAMP &&
		mig_guc_function_mode == MIG_FUNCTION_MODE_SUBMIT)
	{
		mig_guc_check_setter("migrate.function_mode");
		mig_job_submit_instead(targets[0], command);
		return return_texts(fcinfo, NULL, 0);
	}
	memset(&request, 0, sizeof(request));
	request.command = command;
	request.via = MIG_VIA_FUNCTION;
	request.ntargets = ntargets;
	request.targets = targets;
	request.purge = purge;
	mig_run(&request, &result);
	return return_texts(fcinfo, result.revisions, result.nrevisions);
}

/*
 * A run that commits.
 */
static void
run_procedure(FunctionCallInfo fcinfo, MigCommand command)
{
	char	   *target = mig_call_text(fcinfo, 0, "target");
	MigRunRequest request;
	MigRunResult result;

	begin_command(psprintf("%s()", mig_command_procedure(command)),
				  COMMAND_CHANGES);
	memset(&request, 0, sizeof(request));
	request.command = command;
	request.via = MIG_VIA_PROCEDURE;
	request.can_commit = can_commit(fcinfo);
	request.top_level = mig_xact_is_top_level();
	request.ntargets = 1;
	request.targets = &target;
	mig_run(&request, &result);
}

/*
 * As the server says: not inside BEGIN, a function, or a query of several
 * statements.  Before 18 it does not say so of a pipeline, whose statements
 * before this one would be committed with it; old minor releases not of a block
 * with an EXCEPTION clause, which is a subtransaction.
 */
static bool
can_commit(FunctionCallInfo fcinfo)
{
	return fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
		!castNode(CallContext, fcinfo->context)->atomic &&
		!IsSubTransaction() &&
		(MyXactFlags & XACT_FLAGS_PIPELINING) == 0;
}

static Datum
return_texts(FunctionCallInfo fcinfo, char **texts, int ntexts)
{
	MigCallRows rows;

	mig_call_begin_rows(&rows, fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int i = 0; i < ntexts; i++)
	{
		mig_call_put_text(&rows, texts[i]);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

/*
 * MigCallRows of revisions, with these columns.
 */
static Datum
return_revisions(FunctionCallInfo fcinfo, const MigInspectRow *revisions,
				 int nrevisions, RevisionColumns columns)
{
	MigCallRows rows;

	mig_call_begin_rows(&rows, fcinfo, 0);
	for (int i = 0; i < nrevisions; i++)
	{
		const MigInspectRow *row = &revisions[i];
		const MigRevision *revision = row->revision;
		const MigRevisionDef *def = &revision->def;
		bool		known = revision->registered_by != NULL;
		NameData	registered_by;

		mig_call_put_text(&rows, def->id);
		mig_call_put_text(&rows, row->state);
		mig_call_put_text(&rows, row->kind);
		mig_call_put_text(&rows, def->message);
		if (columns != REVISION_INFO)
		{
			namestrcpy(&registered_by, known ? revision->registered_by : "");
			mig_call_put(&rows, mig_spi_array_datum(def->down, def->ndown), false);
			mig_call_put(&rows, mig_spi_array_datum(def->labels, def->nlabels), false);
			mig_call_put(&rows, mig_spi_array_datum(def->depends, def->ndepends), false);
			mig_call_put(&rows, NameGetDatum(&registered_by), !known);
			mig_call_put(&rows, TimestampTzGetDatum(revision->registered_at), !known);
			mig_call_put_text(&rows, row->partial);
		}
		if (columns == REVISION_DETAILS)
		{
			mig_call_put(&rows, BoolGetDatum(row->applied), false);
			mig_call_put(&rows, BoolGetDatum(row->is_head), false);
			mig_call_put(&rows, BoolGetDatum(row->is_branch_point), false);
			mig_call_put(&rows, BoolGetDatum(row->is_merge_point), false);
		}
		if (columns == REVISION_BODIES)
		{
			mig_call_put_text(&rows, def->upgrade);
			mig_call_put_text(&rows, def->downgrade);
			mig_call_put_text(&rows, def->settings);
			mig_call_put_text(&rows, revision->hash);
		}
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}
