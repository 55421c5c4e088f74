/*
 * precheck.c
 *	  Every reason to refuse a plan.
 *
 * What can be refused is refused here, before the first step.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/command.h"
#include "base/guc.h"
#include "base/printable.h"
#include "base/server.h"
#include "run/run_internal.h"
#include "tables/revision.h"

/* Enough to know which are meant. */
#define MAX_TENANTS_NAMED		3

static void check_order(const MigPlan *plan, const MigPartial *partial);
static void check_steps(const MigRun *run, const MigTrust *trust);
static char *advise_irreversible(const MigRun *run, int index);
static MigTrust *plan_trust(const MigRun *run, char **ids);
static char **plan_ids(const MigPlan *plan);
static void refuse_long_ids(const MigRun *run);
static void refuse_server(const MigRun *run);
static void refuse_nontransactional(const char *revision, const MigRun *run);

/*
 * Raises an error where a run cannot commit.
 */
void
mig_precheck_transaction(const MigRunRequest *request)
{
	const char *procedure;

	if (request->can_commit)
		return;
	procedure = mig_command_procedure(request->command);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
			 errmsg("%s() cannot run inside a transaction block",
					procedure),
			 errdetail("It commits after each revision. Nothing was run."),
			 errhint("Send CALL %s(...) by itself: outside of BEGIN and functions, in a query of its own, with autocommit on. Inside a transaction use %s().",
					 procedure, mig_command_function(request->command))));
}

/*
 * Ends the plan before the first revision that has to be approved or confirmed
 * and is not, and raises an error if a step of what is left must not run.
 */
void
mig_precheck_plan(MigRun *run)
{
	MigPlan    *plan = run->plan;
	char	  **ids;
	MigTrust   *trust;
	char	   *reason;

	if (run->partial != NULL)
		check_order(plan, run->partial);
	refuse_long_ids(run);
	if (plan->command == MIG_COMMAND_STAMP)
		mig_trust_check_stamp(plan, run->version);
	if (plan->command == MIG_COMMAND_STAMP || plan->nsteps == 0)
		return;

	mig_guc_check_setter("migrate.transaction_settings");
	ids = plan_ids(plan);
	trust = plan_trust(run, ids);
	if (run->rehearses)
		mig_trust_check_rehearsal(plan, trust, run->version);
	run->result->held = plan->command == MIG_COMMAND_UPGRADE &&
		(!trust[0].allowed || (trust[0].trusted && !trust[0].confirmed));
	reason = run->rehearses ? NULL :
		mig_trust_end_plan(plan, trust, run->version);
	if (reason != NULL)
		run->result->end_reason = MemoryContextStrdup(run->context, reason);
	check_steps(run, trust);
	pfree(trust);
	pfree(ids);
	if (plan->command == MIG_COMMAND_UPGRADE)
		mig_run_warn_tenants(run->version);
}

/*
 * Nothing runs before what is left of a partial revision.
 */
static void
check_order(const MigPlan *plan, const MigPartial *partial)
{
	for (int i = 0; i < plan->nsteps; i++)
	{
		if (plan->steps[i].command != partial->operation ||
			strcmp(plan->steps[i].revision, partial->revision) != 0)
			continue;
		if (i == 0)
			return;
		mig_resolve_refuse_order(partial, plan->steps[0].revision);
	}
	mig_resolve_refuse(partial);
}

/*
 * Warns of the first upgrade that does not name the schemas of a database in which
 * each has its own version table: they were probably forgotten.  The rows of the
 * version table in use were read.
 */
void
mig_run_warn_tenants(const MigVersion *version)
{
	int			ntables;
	MigVersionName *tables;
	List	   *names = NIL;

	if (!version->own || version->nrows > 0)
		return;
	tables = mig_version_tables(&ntables);
	if (ntables == 0)
		return;
	for (int i = 0; i < ntables; i++)
		names = lappend(names, tables[i].schema);
	ereport(WARNING,
			(errmsg_plural("the upgrade is not for the %d schema that has a version table of its own",
						   "the upgrade is not for the %d schemas that have version tables of their own",
						   ntables, ntables),
			 errdetail("Schemas: %s. The upgrade is by version table \"%s\", which has no revision yet.",
					   mig_printable_names(names, MAX_TENANTS_NAMED), mig_printable(version->name)),
			 errhint("To upgrade those, name them, as in schemas => %s. To see where each is: SELECT * FROM migrate.tenants;",
					 mig_advice_schemas(list_make1(tables[0].schema)))));
}

/*
 * Raises the error of the first step that must not run, by reasons.
 */
static void
check_steps(const MigRun *run, const MigTrust *trust)
{
	const MigRunRequest *request = run->request;
	const MigPlan *plan = run->plan;

	for (int i = 0; i < plan->nsteps; i++)
	{
		if (plan->command == MIG_COMMAND_DOWNGRADE && trust[i].check.irreversible)
			mig_run_refuse_irreversible(plan->steps[i].revision,
										advise_irreversible(run, i));
	}
	for (int i = 0; i < plan->nsteps; i++)
	{
		if (!trust[i].trusted)
			mig_trust_refuse_author(plan->steps[i].command, plan->steps[i].revision,
									trust[i].check.author, run->version);
	}
	if (request->top_level || run->rehearses)
		return;
	if (!mig_server_undoes_bodies(run->server))
		refuse_server(run);
	for (int i = 0; i < plan->nsteps; i++)
	{
		if (trust[i].check.nontransactional)
			refuse_nontransactional(plan->steps[i].revision, run);
	}
}

/*
 * Of revisions, and then of repeatables.
 */
static MigTrust *
plan_trust(const MigRun *run, char **ids)
{
	const MigPlan *plan = run->plan;
	int			first = mig_repeat_first(plan);
	MigTrust   *repeats;
	MigTrust   *trust;

	if (first == plan->nsteps)
		return mig_run_trust(run->version, plan->command, ids, first, false,
							 MIG_SPI_READ_LATEST);
	if (!run->server->rollback_undoes_ddl)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("repeatables cannot be run on this server"),
				 errdetail("DDL commits by itself here (server type \"%s\"): one that fails could not be undone. Nothing was run.",
						   run->server->type),
				 errhint("Upgrade to revisions by their ids, or remove the repeatables with migrate_unregister(%s) and the like.",
						 quote_literal_cstr(plan->steps[first].revision))));
	repeats = mig_run_trust(run->version, MIG_COMMAND_REPEAT, ids + first,
							plan->nsteps - first, false, MIG_SPI_READ_LATEST);
	trust = palloc_extended(sizeof(MigTrust) * plan->nsteps, MCXT_ALLOC_HUGE);
	if (first > 0)
		memcpy(trust, mig_run_trust(run->version, plan->command, ids, first, false,
									MIG_SPI_READ_LATEST), sizeof(MigTrust) * first);
	memcpy(trust + first, repeats, sizeof(MigTrust) * (plan->nsteps - first));
	return trust;
}

/*
 * The revisions of the steps.
 */
static char **
plan_ids(const MigPlan *plan)
{
	char	  **ids = MemoryContextAllocHuge(CurrentMemoryContext,
											 sizeof(char *) * Max(plan->nsteps, 1));

	for (int i = 0; i < plan->nsteps; i++)
		ids[i] = unconstify(char *, plan->steps[i].revision);
	return ids;
}

/*
 * Raises an error for an id that the version table cannot hold: it was
 * registered while another one was in use.
 */
static void
refuse_long_ids(const MigRun *run)
{
	int			width = 0;

	for (int i = 0; i < run->plan->nsteps; i++)
	{
		const char *id = run->plan->steps[i].revision;

		if (id == NULL || pg_mbstrlen(id) <= MIG_REVISION_WIDTH ||
			run->plan->steps[i].command == MIG_COMMAND_REPEAT)
			continue;
		if (width == 0)
			width = mig_version_width(run->version);
		if (pg_mbstrlen(id) > width)
			ereport(ERROR,
					(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
					 errmsg("revision id \"%s\" is too long for version table \"%s\"",
							id, mig_printable(run->version->name)),
					 errdetail("The table holds ids of at most %d characters. Nothing was run.",
							   width),
					 errhint("Set migrate.version_table to a table whose column version_num is wider.")));
	}
}

/*
 * What can be done about a step that is irreversible.
 */
static char *
advise_irreversible(const MigRun *run, int index)
{
	const MigStep *step = &run->plan->steps[index];
	char	   *stamp = index == 0 ? mig_advice_stamp(run->version, step) : NULL;
	StringInfoData buf;

	initStringInfo(&buf);
	if (index > 0)
		appendStringInfo(&buf, run->rehearses ?
						 "To preview the downgrade of what comes after it: %s\n" :
						 "To downgrade what comes after it: %s\n",
						 run->rehearses ?
						 psprintf("SELECT * FROM migrate_preview(%s, 'downgrade');",
								  quote_literal_cstr(step->revision)) :
						 mig_advice_call(run->request, step->revision));
	appendStringInfoString(&buf, "To undo what it has done: register a new revision that does that, and upgrade.");
	if (stamp != NULL)
		appendStringInfo(&buf, "\nTo undo it by hand, and then count it as not applied: SELECT migrate_stamp(%s);",
						 stamp);
	return buf.data;
}

/*
 * Raises the error for a plan that would downgrade it.  hint: what can be done,
 * or NULL.
 */
void
mig_run_refuse_irreversible(const char *revision, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("revision \"%s\" is irreversible", revision),
			 errdetail("It was registered without a downgrade body. Nothing was run."),
			 hint != NULL ? errhint("%s", hint) :
			 errhint("Choose a target that is this revision or a descendant of it.")));
}

/*
 * Where a body that fails cannot be undone in the transaction that it is in,
 * only what may end transactions can run one.
 */
static void
refuse_server(const MigRun *run)
{
	const MigRunRequest *request = run->request;
	const MigServer *server = run->server;

	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 request->via == MIG_VIA_FUNCTION ?
			 errmsg("revisions cannot be run inside a function on this server") :
			 errmsg("revisions cannot be run inside a procedure or DO block on this server"),
			 server->rollback_undoes_ddl ?
			 errdetail("A subtransaction with DDL cannot be rolled back here (server type \"%s\"). Nothing was run.",
					   server->type) :
			 errdetail("DDL commits by itself here (server type \"%s\"): a body that fails could not be undone. Nothing was run.",
					   server->type),
			 request->via == MIG_VIA_FUNCTION ?
			 errhint("The procedure, sent by itself, can: %s\nOr have the function submit a job: SET migrate.function_mode = 'submit';",
					 mig_advice_procedure_call(run)) :
			 errhint("Send it by itself: %s", mig_advice_procedure_call(run))));
}

static void
refuse_nontransactional(const char *revision, const MigRun *run)
{
	MigCommand	command = run->request->command;
	bool		in_function = run->request->via == MIG_VIA_FUNCTION;
	const char *call = mig_advice_procedure_call(run);
	MigStepBody body;
	MigScript  *script;
	int			index = 0;

	mig_revision_body(revision, command, &body);
	if (body.per_statement)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 in_function ?
				 errmsg("revision \"%s\" cannot run inside a function", revision) :
				 errmsg("revision \"%s\" cannot run inside a procedure or DO block",
						revision),
				 errdetail("Its %s is registered as not transactional: each statement of it is a transaction of its own. Nothing was run.",
						   mig_command_name(command)),
				 in_function ?
				 errhint("The procedure commits after each statement: %s", call) :
				 errhint("Send it by itself: %s", call)));
	script = mig_script_split_text(body.text, false);
	while (index < script->nstatements &&
		   (script->statements[index].kind == MIG_STATEMENT_ORDINARY ||
			script->statements[index].kind == MIG_STATEMENT_BATCH))
		index++;
	if (index == script->nstatements)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the statements of revision \"%s\" are not those that were registered",
						revision)));
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 in_function ?
			 errmsg("revision \"%s\" cannot run inside a function", revision) :
			 errmsg("revision \"%s\" cannot run inside a procedure or DO block",
					revision),
			 errdetail("Statement %d at line %d of the %s, %s, cannot run inside a transaction block. Nothing was run.",
					   index + 1, script->statements[index].line,
					   mig_command_name(command),
					   script->statements[index].tag),
			 in_function ?
			 errhint("The procedure runs such statements outside of a transaction block: %s",
					 call) :
			 errhint("Send it by itself: %s", call)));
}
