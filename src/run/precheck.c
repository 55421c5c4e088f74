/*
 * precheck.c
 *	  What is to be done, and whether it may be.
 *
 * Everything that can be refused is refused here, before the first step.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/server.h"
#include "graph/graph.h"
#include "run/precheck.h"
#include "script/script.h"
#include "tables/log.h"
#include "tables/revision.h"

static bool stands_on_heads(const MigVersion *version, const char *target,
							MigSpiAccess access);
static MigPlan *add_purge(const MigVersion *version, MigPlan *plan);
static void refuse_author(const char *revision, const char *author);
static void refuse_server(const MigRunRequest *request);
static void refuse_nontransactional(const char *revision, MigCommand command,
									bool in_function);

/*
 * The steps from where the version table is to the targets.  first: as in
 * mig_plan_build().
 */
MigPlan *
mig_run_plan(const MigVersion *version, MigCommand command,
			 int ntargets, char **targets, bool purge, const char *first,
			 MigSpiAccess access)
{
	MigGraph   *graph;
	MigPlan    *plan;

	if (command == MIG_COMMAND_UPGRADE && ntargets == 1 &&
		stands_on_heads(version, targets[0], access))
	{
		plan = palloc0(sizeof(MigPlan));
		plan->command = command;
		return plan;
	}

	graph = mig_revision_graph(access);
	plan = mig_plan_build(graph, command,
						  purge ? 0 : version->nrows, version->rows,
						  ntargets, targets, first);
	if (purge && version->nrows > 0)
		plan = add_purge(version, plan);
	return plan;
}

/*
 * The target in words that mean the same when the rows are others.
 */
char *
mig_run_plan_absolute(const MigVersion *version, MigCommand command,
					  const char *target, MigSpiAccess access)
{
	if (!mig_target_is_relative(target))
		return pstrdup(target);
	return mig_plan_make_absolute(mig_revision_graph(access), command,
								  version->nrows, version->rows, target);
}

/*
 * Raises an error if a step of the plan must not run.
 */
void
mig_run_plan_check(const MigPlan *plan, const MigRunRequest *request)
{
	char	  **ids;
	char	   *revision;

	if (plan->command == MIG_COMMAND_STAMP || plan->nsteps == 0)
		return;
	ids = MemoryContextAllocHuge(CurrentMemoryContext,
								 sizeof(char *) * plan->nsteps);
	for (int i = 0; i < plan->nsteps; i++)
		ids[i] = unconstify(char *, plan->steps[i].revision);

	if (plan->command == MIG_COMMAND_DOWNGRADE)
	{
		revision = mig_revision_irreversible(ids, plan->nsteps);
		if (revision != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("revision \"%s\" is irreversible", revision),
					 errdetail("It was registered without a downgrade body. Nothing was run."),
					 errhint("Choose a target above it.")));
	}

	mig_run_plan_check_author(ids, plan->nsteps);
	if (!request->toplevel && !mig_server_undoes_bodies())
		refuse_server(request);
	if (!request->toplevel)
	{
		revision = mig_revision_nontransactional(ids, plan->nsteps, plan->command);
		if (revision != NULL)
			refuse_nontransactional(revision, plan->command,
									request->via == MIG_VIA_FUNCTION);
	}
	pfree(ids);
}

/*
 * Raises an error if the author of one of them has less rights than the
 * runner.
 */
void
mig_run_plan_check_author(char **ids, int nids)
{
	char	   *author;
	char	   *revision = mig_revision_not_author(ids, nids, GetUserId(),
												   &author);

	if (revision != NULL)
		refuse_author(revision, author);
}

/*
 * Whether the rows are exactly the heads that the target stands for, by the
 * marks in the registry.  Then there is nothing to do, and no need to read
 * the graph.  Anything else, errors included, takes the long way.
 */
static bool
stands_on_heads(const MigVersion *version, const char *target, MigSpiAccess access)
{
	bool		real = strcmp(target, "heads") == 0;
	char	  **heads;
	int			nheads;

	if (!real && strcmp(target, "head") != 0)
		return false;
	heads = mig_revision_heads(real, access, &nheads);
	if (nheads != version->nrows || (!real && nheads > 1))
		return false;
	for (int i = 0; i < nheads; i++)
	{
		if (strcmp(heads[i], version->rows[i]) != 0)
			return false;
	}
	return true;
}

/*
 * Puts a step in front that deletes every row, known or not.
 */
static MigPlan *
add_purge(const MigVersion *version, MigPlan *plan)
{
	MigPlan    *longer = palloc0(sizeof(MigPlan));
	MigStep    *purge;

	longer->command = plan->command;
	longer->nsteps = plan->nsteps + 1;
	longer->steps = palloc0(sizeof(MigStep) * longer->nsteps);
	purge = &longer->steps[0];
	purge->command = MIG_COMMAND_STAMP;
	purge->ndeletes = version->nrows;
	purge->deletes = (const char **) version->rows;
	if (plan->nsteps > 0)
		memcpy(&longer->steps[1], plan->steps, sizeof(MigStep) * plan->nsteps);
	return longer;
}

/*
 * A body must not give its author rights that the author does not have.
 */
static void
refuse_author(const char *revision, const char *author)
{
	char	   *runner = GetUserNameFromId(GetUserId(), false);

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to run revision \"%s\" as role \"%s\"",
					revision, runner),
			 errdetail("Role \"%s\" registered it, and is neither this role, nor a superuser, nor a member of this role. Nothing was run.",
					   author),
			 errhint("Read the body with migrate_show(), then register it again with replace => true, or run it as role \"%s\".",
					 author)));
}

/*
 * Where a body that fails cannot be undone in the transaction that it is in,
 * only a door that may end transactions can run one.
 */
static void
refuse_server(const MigRunRequest *request)
{
	const MigServer *server = mig_server();
	const char *door = request->command == MIG_COMMAND_UPGRADE ?
	"deploy" : "revert";

	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 request->via == MIG_VIA_FUNCTION ?
			 errmsg("revisions cannot be run inside a function on this server") :
			 errmsg("revisions cannot be run inside a procedure or DO block on this server"),
			 server->rollback_undoes_ddl ?
			 errdetail("A subtransaction with DDL cannot be rolled back here (profile \"%s\"). Nothing was run.",
					   server->profile) :
			 errdetail("DDL commits by itself here (profile \"%s\"): a body that fails could not be undone. Nothing was run.",
					   server->profile),
			 request->via == MIG_VIA_FUNCTION ?
			 errhint("Use CALL migrate_%s(...), sent by itself, or set migrate.function_mode to \"submit\".",
					 door) :
			 errhint("Send CALL migrate_%s(...) by itself.", door)));
}

static void
refuse_nontransactional(const char *revision, MigCommand command, bool in_function)
{
	MigStepBody body;
	MigScriptSource source = {NULL, NULL, 0};
	MigScript  *script;
	const char *statement = "";
	int			number = 0;
	int			line = 0;

	mig_revision_body(revision, command, &body);
	source.body = body.text;
	script = mig_script_split(&source);
	for (int i = 0; i < script->nstatements && number == 0; i++)
	{
		if (script->statements[i].kind != MIG_STATEMENT_ORDINARY)
		{
			statement = script->statements[i].tag;
			line = script->statements[i].line;
			number = i + 1;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 in_function ?
			 errmsg("revision \"%s\" cannot run inside a function", revision) :
			 errmsg("revision \"%s\" cannot run inside a procedure or DO block",
					revision),
			 errdetail("Statement %d at line %d of the %s, %s, cannot run inside a transaction block. Nothing was run.",
					   number, line, mig_log_command_name(command),
					   statement),
			 in_function ?
			 errhint("Use CALL migrate_%s(...), which runs such statements outside of a transaction block.",
					 command == MIG_COMMAND_UPGRADE ? "deploy" : "revert") :
			 errhint("Send CALL migrate_%s(...) by itself.",
					 command == MIG_COMMAND_UPGRADE ? "deploy" : "revert")));
}
