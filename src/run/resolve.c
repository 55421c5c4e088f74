/*
 * resolve.c
 *	  A revision that is neither applied nor not.
 *
 * A run that stops in the middle of a revision which is not one transaction
 * leaves the database between two revisions.  Until it is whole again nothing
 * else is run: not by the doors that could not go on with it, and by those
 * that can not before it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "tcop/utility.h"

#include "run/lock.h"
#include "run/precheck.h"
#include "run/resolve.h"
#include "script/script.h"
#include "tables/log.h"
#include "tables/revision.h"
#include "tables/version_open.h"

/* What a person can decide. */
typedef enum ResolveAction
{
	RESOLVE_RETRY,				/* the statement has no effect */
	RESOLVE_SKIP,				/* it has, or need not */
	RESOLVE_ABANDON				/* the whole revision is given up */
} ResolveAction;

static void refuse(const MigPartial *partial, const char *hint);
static ResolveAction action_by_name(const char *name);
static void skip(const MigVersion *version, const MigPartial *partial);

/*
 * Raises an error if a revision is partial, for doors that cannot go on with
 * it.
 */
void
mig_run_partial_refuse(const MigVersion *version)
{
	MigPartial *partial = mig_partial_find(version->name, false);

	if (partial != NULL)
		refuse(partial, NULL);
}

static void
refuse(const MigPartial *partial, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("revision \"%s\" is partial", partial->revision),
			 errdetail("Its %s was interrupted: %s. Nothing was run.",
					   mig_log_command_name(partial->operation),
					   mig_run_partial_describe(partial)),
			 hint != NULL ? errhint("%s", hint) :
			 errhint("CALL migrate_%s(...) goes on with it. Use migrate_resolve() to decide otherwise.",
					 partial->operation == MIG_COMMAND_UPGRADE ?
					 "deploy" : "revert")));
}

/*
 * "statements up to 3 are done, statement 4 was begun"
 */
char *
mig_run_partial_describe(const MigPartial *partial)
{
	if (partial->in_doubt == 0)
		return psprintf("statements up to %d are done", partial->done);
	if (partial->done == 0)
		return psprintf("statement %d was begun", partial->in_doubt);
	return psprintf("statements up to %d are done, statement %d was begun",
					partial->done, partial->in_doubt);
}

/*
 * Raises an error if a revision is partial that the plan does not begin with:
 * it is for another target, or another direction.
 */
void
mig_run_partial_check(const MigPartial *partial, const MigPlan *plan)
{
	if (partial == NULL ||
		(plan->nsteps > 0 && plan->steps[0].command == partial->operation &&
		 strcmp(plan->steps[0].revision, partial->revision) == 0))
		return;
	refuse(partial, psprintf("CALL migrate_%s(...) with a target that needs it goes on with it. Use migrate_resolve() to decide otherwise.",
							 partial->operation == MIG_COMMAND_UPGRADE ?
							 "deploy" : "revert"));
}

/*
 * A person's decision about the partial revision.
 */
void
mig_resolve(const char *revision, const char *action_name)
{
	ResolveAction action = action_by_name(action_name);
	MigVersion *version;
	MigPartial *partial;

	PreventCommandIfReadOnly("migrate_resolve()");
	PreventCommandDuringRecovery("migrate_resolve()");
	mig_run_refuse_nested("resolve a revision");
	version = mig_version_open(MIG_SPI_READ_LATEST);
	mig_run_lock(version, mig_revision_relid(), false);
	partial = mig_partial_find(version->name, false);
	if (partial == NULL || strcmp(partial->revision, revision) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" is not partial", revision),
				 partial != NULL ?
				 errdetail("By version table \"%s\" revision \"%s\" is.",
						   version->name, partial->revision) :
				 errdetail("By version table \"%s\" no revision is.",
						   version->name)));

	switch (action)
	{
		case RESOLVE_RETRY:
			if (partial->in_doubt > 0)
				mig_partial_forget(version->name, partial->in_doubt);
			break;
		case RESOLVE_SKIP:
			skip(version, partial);
			break;
		case RESOLVE_ABANDON:
			mig_partial_clear(version->name);
			break;
	}
	ereport(LOG_SERVER_ONLY,
			(errmsg("role \"%s\" resolved revision \"%s\" of version table \"%s\": %s",
					GetUserNameFromId(GetUserId(), false), revision,
					version->name, action_name),
			 errdetail("The %s was interrupted: %s.",
					   mig_log_command_name(partial->operation),
					   mig_run_partial_describe(partial))));
}

static ResolveAction
action_by_name(const char *name)
{
	if (strcmp(name, "retry") == 0)
		return RESOLVE_RETRY;
	if (strcmp(name, "skip") == 0)
		return RESOLVE_SKIP;
	if (strcmp(name, "abandon") == 0)
		return RESOLVE_ABANDON;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("action \"%s\" does not exist", name),
			 errhint("Actions are \"retry\", \"skip\" and \"abandon\".")));
	return RESOLVE_RETRY;		/* not reached */
}

/*
 * Takes the statement in doubt for done; or, if none is, the one that the run
 * would go on with, if it is a segment of its own.
 */
static void
skip(const MigVersion *version, const MigPartial *partial)
{
	MigScriptSource source = {NULL, NULL, 0};
	MigScript  *script;
	MigSegment	segment;
	MigStepBody body;
	MigPartialSegment checkpoint;
	pg_uuid_t	run;

	mig_revision_body(partial->revision, partial->operation, &body);
	source.body = body.text;
	script = mig_script_split(&source);
	mig_script_segment(script, partial->in_doubt > 0 ?
					   partial->in_doubt - 1 : partial->done, &segment);
	if (partial->in_doubt == 0 && segment.kind == MIG_STATEMENT_ORDINARY)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no statement of revision \"%s\" can be skipped",
						partial->revision),
				 errdetail("Its %s was interrupted: %s. What follows is a transaction.",
						   mig_log_command_name(partial->operation),
						   mig_run_partial_describe(partial)),
				 errhint("CALL migrate_%s(...) goes on with it. To change the body, abandon the revision and register it again.",
						 partial->operation == MIG_COMMAND_UPGRADE ?
						 "deploy" : "revert")));

	mig_log_new_run(&run);
	memset(&checkpoint, 0, sizeof(checkpoint));
	checkpoint.version_table = version->name;
	checkpoint.revision = partial->revision;
	checkpoint.operation = partial->operation;
	checkpoint.statement = segment.first + 1;
	checkpoint.last_statement = segment.first + 1;
	checkpoint.line = script->statements[segment.first].line;
	checkpoint.kind = segment.tag;
	checkpoint.body_hash = partial->body_hash;
	checkpoint.run = &run;
	checkpoint.role = GetUserId();
	mig_partial_done(&checkpoint);
}
