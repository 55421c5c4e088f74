/*
 * api.c
 *	  SQL-callable functions that change something: arguments in, rows out, no
 *	  logic.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api.h"
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

PG_FUNCTION_INFO_V1(migrate_register);
PG_FUNCTION_INFO_V1(migrate_register_script);
PG_FUNCTION_INFO_V1(migrate_unregister);
PG_FUNCTION_INFO_V1(migrate_merge);
PG_FUNCTION_INFO_V1(migrate_squash);
PG_FUNCTION_INFO_V1(migrate_approve);
PG_FUNCTION_INFO_V1(migrate_confirm);
PG_FUNCTION_INFO_V1(migrate_hook);
PG_FUNCTION_INFO_V1(migrate_unhook);
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

static Datum run_function(FunctionCallInfo fcinfo, MigCommand command,
						  int ntargets, char **targets, bool purge);
static void run_procedure(FunctionCallInfo fcinfo, MigCommand command);
static bool can_commit(FunctionCallInfo fcinfo);
static int64 milliseconds(Datum interval);
static Datum return_texts(FunctionCallInfo fcinfo, char **texts, int ntexts);

Datum
migrate_register(PG_FUNCTION_ARGS)
{
	MigRevisionDef def = {0};
	bool		replace;

	mig_api_begin("migrate_register()", MIG_API_CHANGES);
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
	def.upgrade_per_statement = !mig_call_bool(fcinfo, 8, "transactional");
	def.downgrade_per_statement = PG_ARGISNULL(9) ?
		def.upgrade_per_statement : !PG_GETARG_BOOL(9);
	def.allow = mig_call_optional_text(fcinfo, 10);
	def.verify = mig_call_optional_text(fcinfo, 11);
	def.external = mig_call_optional_text(fcinfo, 12);
	def.downgrade_external = mig_call_optional_text(fcinfo, 13);
	mig_register(&def, replace);
	PG_RETURN_TEXT_P(cstring_to_text(def.id));
}

Datum
migrate_register_script(PG_FUNCTION_ARGS)
{
	char	  **ids;
	int			nids;
	int			options = 0;

	mig_api_begin("migrate_register_script()", MIG_API_CHANGES);
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
	mig_api_begin("migrate_unregister()", MIG_API_CHANGES);
	mig_register_unregister(mig_call_text(fcinfo, 0, "revision"));
	PG_RETURN_VOID();
}

Datum
migrate_merge(PG_FUNCTION_ARGS)
{
	MigRevisionDef def = {0};
	char	  **revisions;
	int			nrevisions;

	mig_api_begin("migrate_merge()", MIG_API_CHANGES);
	revisions = mig_call_texts(fcinfo, 0, "revisions", &nrevisions);
	def.id = mig_call_text(fcinfo, 1, "revision");
	def.message = mig_call_optional_text(fcinfo, 2);
	def.labels = mig_call_texts(fcinfo, 3, "branch_labels",
								&def.nlabels);
	mig_register_merge(nrevisions, revisions, &def);
	PG_RETURN_TEXT_P(cstring_to_text(def.id));
}

Datum
migrate_squash(PG_FUNCTION_ARGS)
{
	char	   *range;
	char	   *revision;

	mig_api_begin("migrate_squash()", MIG_API_CHANGES);
	range = mig_call_text(fcinfo, 0, "range");
	revision = mig_call_text(fcinfo, 1, "revision");
	PG_RETURN_TEXT_P(cstring_to_text(mig_squash(range, revision,
												mig_call_optional_text(fcinfo, 2))));
}

Datum
migrate_approve(PG_FUNCTION_ARGS)
{
	mig_api_begin("migrate_approve()", MIG_API_CHANGES);
	mig_register_approve(mig_call_text(fcinfo, 0, "revision"),
						 mig_call_text(fcinfo, 1, "hash"),
						 mig_call_optional_text(fcinfo, 2));
	PG_RETURN_VOID();
}

Datum
migrate_confirm(PG_FUNCTION_ARGS)
{
	mig_api_begin("migrate_confirm()", MIG_API_CHANGES);
	mig_register_confirm(mig_call_text(fcinfo, 0, "revision"),
						 mig_call_optional_text(fcinfo, 1),
						 mig_call_text(fcinfo, 2, "command"));
	PG_RETURN_VOID();
}

Datum
migrate_hook(PG_FUNCTION_ARGS)
{
	mig_api_begin("migrate_hook()", MIG_API_CHANGES);
	if (PG_ARGISNULL(1))
		mig_call_refuse_null("function");
	mig_register_hook(mig_call_text(fcinfo, 0, "event"), PG_GETARG_OID(1));
	PG_RETURN_VOID();
}

Datum
migrate_unhook(PG_FUNCTION_ARGS)
{
	mig_api_begin("migrate_unhook()", MIG_API_CHANGES);
	mig_register_unhook(mig_call_text(fcinfo, 0, "event"),
						mig_call_text(fcinfo, 1, "function"));
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
	mig_api_begin("migrate_resolve()", MIG_API_CHANGES);
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
		mig_api_begin("migrate_batch()", MIG_API_WRITES | MIG_API_GRANTED);
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
	mig_api_begin("migrate_batch_reset()", MIG_API_CHANGES);
	mig_batch_reset(mig_call_text(fcinfo, 0, "name"));
	PG_RETURN_VOID();
}

Datum
migrate_submit(PG_FUNCTION_ARGS)
{
	MigJobOrder order = {
		.target = mig_call_text(fcinfo, 0, "target"),
		.command = mig_call_text(fcinfo, 1, "command")
	};
	MigCallRows rows;
	int64	   *jobs;
	int			njobs;

	mig_api_begin("migrate_submit()", MIG_API_WRITES | MIG_API_GRANTED);
	if (PG_ARGISNULL(2))
		mig_call_refuse_null("run_at");
	order.run_at = PG_GETARG_TIMESTAMPTZ(2);
	order.deadline = PG_ARGISNULL(3) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(3);
	if (!PG_ARGISNULL(4))
	{
		order.schemas = mig_call_texts(fcinfo, 4, "schemas", &order.nschemas);
		jobs = mig_job_submit_in_schemas(&order, &njobs);
	}
	else
	{
		jobs = palloc(sizeof(int64));
		jobs[0] = mig_job_submit(&order);
		njobs = 1;
	}
	mig_call_begin_rows(&rows, fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int i = 0; i < njobs; i++)
	{
		mig_call_put(&rows, Int64GetDatum(jobs[i]), false);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_cancel(PG_FUNCTION_ARGS)
{
	mig_api_begin("migrate_cancel()", MIG_API_WRITES | MIG_API_GRANTED);
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

	mig_api_begin("migrate_run_jobs()", MIG_API_WRITES | MIG_API_GRANTED);
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

	mig_api_begin("migrate_wait()", MIG_API_GRANTED);
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

	mig_api_begin("migrate_schedule()", MIG_API_WRITES | MIG_API_GRANTED);
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
	mig_api_begin("migrate_unschedule()", MIG_API_WRITES | MIG_API_GRANTED);
	mig_job_unschedule(mig_call_text(fcinfo, 0, "name"));
	PG_RETURN_VOID();
}

/*
 * What every function begins with: forgets what was cached for the one before,
 * and raises an error where this one cannot be called.
 */
void
mig_api_begin(const char *name, int flags)
{
	mig_spi_forget_owner();
	if (flags & MIG_API_WRITES)
	{
		/* On a standby every transaction is read-only. */
		if (XactReadOnly)
			ereport(ERROR,
					(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
					 errmsg("cannot execute %s in a read-only transaction",
							name),
					 RecoveryInProgress() ?
					 errhint("This server is a standby. Connect to its primary.") :
					 errhint("Unless the transaction was begun as one: SET default_transaction_read_only = off;")));
		PreventCommandIfParallelMode(name);
	}
	if (flags & MIG_API_NOT_NESTED)
		mig_run_refuse_nested(name);
	if (flags & MIG_API_GRANTED)
		mig_guard_check();
	else if (!(flags & MIG_API_CATALOGS))
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

	mig_api_begin(psprintf("%s()", mig_command_function(command)),
				  MIG_API_CHANGES);
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
 * A run that commits, or one in each of several schemas.
 */
static void
run_procedure(FunctionCallInfo fcinfo, MigCommand command)
{
	char	   *target = mig_call_text(fcinfo, 0, "target");
	bool		stop_on_error = mig_call_bool(fcinfo, 2, "stop_on_error");
	MigRunRequest request;
	MigRunResult result;

	mig_api_begin(psprintf("%s()", mig_command_procedure(command)),
				  MIG_API_CHANGES);
	memset(&request, 0, sizeof(request));
	request.command = command;
	request.via = MIG_VIA_PROCEDURE;
	request.can_commit = can_commit(fcinfo);
	request.top_level = mig_xact_is_top_level();
	request.ntargets = 1;
	request.targets = &target;
	if (PG_ARGISNULL(1))
		mig_run(&request, &result);
	else
	{
		int			nschemas;
		char	  **schemas = mig_call_texts(fcinfo, 1, "schemas", &nschemas);

		mig_tenant_run(&request, nschemas, schemas, stop_on_error);
	}
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
