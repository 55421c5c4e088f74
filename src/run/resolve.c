/*
 * resolve.c
 *	  A partial revision: refused, described, resolved by migrate_resolve().
 *
 * A run that stops in the middle of a revision which is not one transaction
 * leaves the database between two revisions.  Until that revision is fully
 * applied or taken back nothing else is run: not by what could not resume it,
 * and by what can, not before it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "base/command.h"
#include "base/printable.h"
#include "run/batch_internal.h"
#include "tables/batch.h"
#include "tables/log.h"
#include "tables/partial.h"
#include "tables/revision.h"

/* Statements that are listed when a revision is abandoned or finished. */
#define MAX_LISTED				20

/* What a person can decide. */
typedef enum ResolveAction
{
	RESOLVE_RETRY,				/* the statement has no effect */
	RESOLVE_SKIP,				/* it has, or need not */
	RESOLVE_FINISH,				/* that and all after it */
	RESOLVE_ABANDON				/* the revision is taken as it is, not applied */
} ResolveAction;

static char *resume_there(const MigVersion *version, const MigPartial *partial);
static MigPartial *find_partial(const MigRun *run, const char *revision);
static bool abandon_gone(const MigVersion *version, const char *revision);
static ResolveAction action_by_name(const char *name);
static int	skip(const MigVersion *version, const MigPartial *partial);
static void finish(MigVersion *version, const MigPartial *partial);
static void write_rows(MigVersion *version, const MigPartial *partial);
static void say_next(const MigPartial *partial, int skipped);
static void say_what_stays(const MigVersion *version, const MigPartial *partial);
static char *how_to_change(const MigVersion *version, const char *revision);
static char *describe_batches(const MigPartial *partial);
static void say_what_is_left(const MigPartial *partial);
static char *list_statements(const char *text, const MigScript *script,
							 int first, int end);
static void log_decision(const MigVersion *version, const MigPartial *partial,
						 const char *decision, const char *note);

/*
 * Raises the error that a revision is partial.
 */
void
mig_resolve_refuse(const MigPartial *partial)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("revision \"%s\" is partial", partial->revision),
			 errdetail("Its %s was interrupted: %s. Nothing was run.",
					   mig_command_name(partial->operation),
					   mig_run_describe_partial(partial)),
			 errhint("%s", mig_advice_ways_on(partial, NULL))));
}

/*
 * Raises the error that a revision is partial which other ones come before, first:
 * the version table was changed since, or made anew.
 */
void
mig_resolve_refuse_order(const MigPartial *partial, const char *first)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("revision \"%s\" is partial, but revision \"%s\" would run before it",
					partial->revision, first),
			 errdetail("Its %s was interrupted: %s. The version table is not any more where it began. Nothing was run.",
					   mig_command_name(partial->operation),
					   mig_run_describe_partial(partial)),
			 partial->operation == MIG_COMMAND_UPGRADE ?
			 errhint("If something else has changed the version table, put its rows back.\nWhen what the revision has done is undone, by hand or with its schema: SELECT migrate_resolve(%s, 'abandon');",
					 quote_literal_cstr(partial->revision)) :
			 errhint("If something else has changed the version table, put its rows back.\nTo give up what is left of the downgrade: SELECT migrate_resolve(%s, 'abandon');",
					 quote_literal_cstr(partial->revision))));
}

/*
 * "statements up to 3 are done, statement 4 was begun"
 */
char *
mig_run_describe_partial(const MigPartial *partial)
{
	if (partial->unknown == 0)
		return psprintf("statements up to %d are done", partial->done);
	/* How far the batches of another table are is not known here. */
	if (mig_partial_is_batch(partial) && partial->table_now == NULL)
	{
		char	   *done = mig_batch_describe_done(partial->batch.rows, partial->batch.batches);

		return partial->done == 0 ?
			psprintf("statement %d has done %s", partial->unknown, done) :
			psprintf("statements up to %d are done, statement %d has done %s",
					 partial->done, partial->unknown, done);
	}
	if (partial->done == 0)
		return psprintf("statement %d was begun", partial->unknown);
	return psprintf("statements up to %d are done, statement %d was begun",
					partial->done, partial->unknown);
}

/*
 * Where a run resumes in the statement that it resumes with.  Not the key: that is
 * data of the table, and hints are pasted.
 */
const char *
mig_resolve_after_batch(const MigPartial *partial)
{
	return partial->batch.batches > 0 ? " after its last batch" : "";
}

/*
 * A person's decision about the partial revision.
 */
void
mig_run_resolve(const char *revision, const char *action_name)
{
	ResolveAction action = action_by_name(action_name);
	MigRun		run;
	MigVersion *version;
	MigPartial *partial;
	const char *decision = "retried";
	char	   *note;
	int			skipped;

	memset(&run, 0, sizeof(run));
	run.version = version = mig_version_open(MIG_SPI_READ_LATEST);
	run.registry = version->registry;
	mig_lock_run(&run);
	if (action == RESOLVE_ABANDON && abandon_gone(version, revision))
		return;
	partial = find_partial(&run, revision);
	note = mig_run_describe_partial(partial);

	switch (action)
	{
		case RESOLVE_RETRY:
			/* A batch is resumed anyway, and known to be in the middle. */
			if (partial->unknown > 0 && !mig_partial_is_batch(partial))
				mig_partial_forget(version, partial->unknown);
			mig_partial_forget_session(version);
			say_next(partial, 0);
			break;
		case RESOLVE_SKIP:
			skipped = skip(version, partial);
			note = psprintf("%s; statement %d was taken as done", note, skipped);
			decision = "skipped";
			say_next(partial, skipped);
			break;
		case RESOLVE_FINISH:
			note = psprintf("%s; the rest was taken as done", note);
			decision = "finished";
			finish(version, partial);
			break;
		case RESOLVE_ABANDON:
			say_what_stays(version, partial);
			mig_partial_clear(version);
			mig_batch_clear(version);
			decision = "abandoned";
			break;
	}
	log_decision(version, partial, decision, note);
	ereport(LOG_SERVER_ONLY,
			(errmsg("role \"%s\" resolved revision \"%s\" of version table \"%s\": %s",
					GetUserNameFromId(GetUserId(), false), revision,
					version->name, action_name),
			 errdetail("The %s was interrupted: %s.",
					   mig_command_name(partial->operation),
					   mig_run_describe_partial(partial))));
}

/*
 * The partial revision of the version table, with the run's lock on it, or
 * NULL.  Raises an error if it may be that of another table, and says so in the
 * result, unless that is NULL.
 */
MigPartial *
mig_resolve_find(const MigVersion *version, MigRunResult *result)
{
	MigPartial *partial = mig_partial_find(version, MIG_SPI_READ_LATEST);

	if (partial == NULL)
		return NULL;
	if (partial->table_now != NULL)
	{
		if (result != NULL)
			result->elsewhere = true;
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" is partial in another version table that was named \"%s\"",
						partial->revision, mig_printable(version->name)),
				 errdetail("That table is \"%s\" now. Its %s was interrupted: %s. Nothing was run.",
						   mig_printable(partial->table_now),
						   mig_command_name(partial->operation),
						   mig_run_describe_partial(partial)),
				 errhint("To resume the revision there: %s\nTo abandon it there: SET migrate.version_table = %s; SELECT migrate_resolve(%s, 'abandon');",
						 resume_there(version, partial),
						 mig_printable(quote_literal_cstr(partial->table_now)),
						 quote_literal_cstr(partial->revision))));
	}
	if (partial->renamed)
	{
		mig_partial_follow(version);
		mig_batch_follow(version);
	}
	return partial;
}

/*
 * The statement that resumes a revision in the table that is another one now.  Where
 * that has kept its name it has another schema, that of a tenant, whose objects
 * are those of its bodies: what runs after the partial revision needs it in front
 * of the search_path, too.
 */
static char *
resume_there(const MigVersion *version, const MigPartial *partial)
{
	List	   *before;
	List	   *now;

	if (SplitIdentifierString(pstrdup(version->name), '.', &before) &&
		SplitIdentifierString(pstrdup(partial->table_now), '.', &now) &&
		list_length(before) == 2 && list_length(now) == 2 &&
		strcmp(lsecond(before), lsecond(now)) == 0)
		return mig_advice_resume_in(partial, linitial(now));
	return psprintf("SET migrate.version_table = %s; %s",
					mig_printable(quote_literal_cstr(partial->table_now)),
					mig_advice_resume(partial));
}

static MigPartial *
find_partial(const MigRun *run, const char *revision)
{
	const char *table = mig_printable(run->version->name);
	MigPartial *partial = mig_resolve_find(run->version, NULL);

	if (partial == NULL || strcmp(partial->revision, revision) != 0)
	{
		bool		gone;
		char	   *holder = mig_partial_holder(revision, &gone);

		if (holder == NULL && mig_revision_find(revision) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("revision \"%s\" does not exist", revision),
					 errhint("The full id must be given. Use migrate_history() to list revisions.")));
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" is not partial", revision),
				 partial != NULL ?
				 errdetail("In version table \"%s\" revision \"%s\" is.",
						   table, partial->revision) :
				 errdetail("In version table \"%s\" no revision is.",
						   table),
				 holder == NULL ? 0 : gone ?
				 errhint("It is in version table \"%s\", which does not exist any more. The role that has begun it, and one with the rights of the extension's owner, can abandon it: SELECT migrate_resolve(%s, 'abandon');",
						 mig_printable(holder), quote_literal_cstr(revision)) :
				 errhint("It is in another one: SET migrate.version_table = %s;",
						 mig_printable(quote_literal_cstr(holder)))));
	}
	return partial;
}

/*
 * Abandons a revision that is partial only in version tables that were dropped: the
 * setting migrate.version_table cannot name them.  false: it is none.
 */
static bool
abandon_gone(const MigVersion *version, const char *revision)
{
	const MigPartial *partial = mig_partial_find(version, MIG_SPI_READ_LATEST);
	bool		gone;
	int			ntables;
	char	  **tables;

	if (mig_partial_holder(revision, &gone) == NULL || !gone ||
		(partial != NULL && strcmp(partial->revision, revision) == 0))
		return false;
	tables = mig_partial_clear_gone(revision, &ntables);
	mig_batch_clear_gone(revision, tables, ntables);
	for (int i = 0; i < ntables; i++)
	{
		ereport(NOTICE,
				(errmsg("revision \"%s\" was abandoned in version table \"%s\", which does not exist any more",
						revision, mig_printable(tables[i]))));
		ereport(LOG_SERVER_ONLY,
				(errmsg("role \"%s\" resolved revision \"%s\" of version table \"%s\": %s",
						GetUserNameFromId(GetUserId(), false), revision,
						tables[i], "abandon"),
				 errdetail("The version table does not exist any more.")));
	}
	return ntables > 0;
}

static ResolveAction
action_by_name(const char *name)
{
	if (strcmp(name, "retry") == 0)
		return RESOLVE_RETRY;
	if (strcmp(name, "skip") == 0)
		return RESOLVE_SKIP;
	if (strcmp(name, "finish") == 0)
		return RESOLVE_FINISH;
	if (strcmp(name, "abandon") == 0)
		return RESOLVE_ABANDON;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("action \"%s\" does not exist", name),
			 errhint("Actions are \"retry\", \"skip\", \"finish\" and \"abandon\".")));
	return RESOLVE_RETRY;		/* not reached */
}

/*
 * Takes the statement whose outcome is unknown for done; or, if there is none,
 * the one that the run would resume with, if it is a segment of its own.  Returns
 * its number.
 */
static int
skip(const MigVersion *version, const MigPartial *partial)
{
	MigScript  *script;
	MigSegment	segment;
	MigPartialSegment row;
	MigBatchPlace place = {version, partial->revision, partial->operation};
	pg_uuid_t	run;

	if (!mig_resolve_can_skip(partial, &script, &segment))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no statement of revision \"%s\" can be skipped",
						partial->revision),
				 errdetail("Its %s was interrupted: %s. What follows is a transaction.",
						   mig_command_name(partial->operation),
						   mig_run_describe_partial(partial)),
				 errhint("%s", mig_advice_ways_on(partial, NULL))));

	if (!OidIsValid(partial->role_oid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no statement of revision \"%s\" can be skipped",
						partial->revision),
				 errdetail("Role \"%s\", which has begun its %s, does not exist any more, and no other one can resume it.",
						   partial->role,
						   mig_command_name(partial->operation)),
				 errhint("When the rest is done by hand: SELECT migrate_resolve(%s, 'finish');",
						 quote_literal_cstr(partial->revision))));

	mig_log_new_run(&run);
	memset(&row, 0, sizeof(row));
	row.version = version;
	row.revision = partial->revision;
	row.operation = partial->operation;
	row.statement = segment.first + 1;
	row.last_statement = segment.first + 1;
	row.line = script->statements[segment.first].line;
	row.kind = segment.tag;
	row.nsettings = partial->nsettings;
	row.settings = partial->settings;
	row.npath_schemas = partial->npath_schemas;
	row.path_schemas = partial->path_schemas;
	/* In a copy it is the next run that knows what the names stand for. */
	row.origin = partial->origin;
	row.session_id = partial->session_id;
	row.nsession_objects = partial->nsession_objects;
	row.session_objects = partial->session_objects;
	row.body_hash = partial->body_hash;
	row.run = &run;
	/* Of the role that has begun it are the settings, too. */
	row.role = partial->role_oid;
	mig_partial_done(&row);
	place.statement = row.statement;
	mig_batch_delete_in_body(&place);
	return row.statement;
}

/*
 * Whether the statement whose outcome is unknown, or that the run would resume
 * with, can be taken for done: it is a segment of its own.  The body and the
 * segment go into the last two arguments, unless they are NULL.
 */
bool
mig_resolve_can_skip(const MigPartial *partial, MigScript **script,
					 MigSegment *segment)
{
	int			next = partial->unknown > 0 ? partial->unknown - 1 :
	partial->done;
	MigStepBody body;
	MigScript  *its_script;
	MigSegment	its_segment;

	mig_revision_body(partial->revision, partial->operation, &body);
	its_script = mig_script_split_text(body.text, body.per_statement);
	mig_script_segment(its_script, next, &its_segment);
	if (script != NULL)
		*script = its_script;
	if (segment != NULL)
		*segment = its_segment;
	return partial->unknown > 0 ||
		(next < its_script->nstatements &&
		 (its_segment.kind != MIG_STATEMENT_ORDINARY ||
		  (body.per_statement && its_segment.nstatements == 1)));
}

/*
 * Takes all that is left of the body for done, in one transaction with the rows
 * of the version table: between two of them another run would begin the
 * revision anew.
 */
static void
finish(MigVersion *version, const MigPartial *partial)
{
	mig_partial_clear(version);
	mig_batch_clear(version);
	write_rows(version, partial);
	say_what_is_left(partial);
}

/*
 * The rows that the step would have written, by a stamp, with all that it checks.
 */
static void
write_rows(MigVersion *version, const MigPartial *partial)
{
	bool		upgrade = partial->operation == MIG_COMMAND_UPGRADE;
	char	   *target = upgrade ? partial->revision :
	mig_advice_target_before(partial->revision);
	MigRunRequest request = {
		.command = MIG_COMMAND_STAMP,
		.via = MIG_VIA_FUNCTION
	};
	MigRunResult result;
	MigPlan    *plan;

	mig_version_read_locked(version);
	plan = mig_run_plan(version, partial->operation, 1, &target, false,
						partial->revision, MIG_SPI_READ_LATEST);
	if (plan->nsteps == 0 ||
		strcmp(plan->steps[0].revision, partial->revision) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the %s of revision \"%s\" cannot be finished from where version table \"%s\" is",
						mig_command_name(partial->operation),
						partial->revision, mig_printable(version->name)),
				 errdetail("The rows of the table are not those from which it began.")));
	if (!upgrade)
		plan->steps[0].revision = NULL;
	request.step = &plan->steps[0];
	mig_run(&request, &result);
}

/*
 * That the next run resumes the revision, and with which statement.  skipped: the
 * one that is taken as done, from 1; 0: none.
 */
static void
say_next(const MigPartial *partial, int skipped)
{
	const char *operation = mig_command_name(partial->operation);
	MigScript  *script;
	MigStepBody body;
	int			next = skipped > 0 ? skipped :
	partial->unknown > 0 ? partial->unknown - 1 : partial->done;
	char	   *hint;

	mig_revision_body(partial->revision, partial->operation, &body);
	script = mig_script_split_text(body.text, body.per_statement);
	hint = next < script->nstatements ?
		psprintf("To resume with statement %d%s: %s", next + 1,
				 skipped > 0 ? "" : mig_resolve_after_batch(partial),
				 mig_advice_resume(partial)) :
		psprintf("It was the last statement. To complete the %s: %s",
				 operation, mig_advice_resume(partial));
	if (skipped > 0)
		ereport(NOTICE,
				(errmsg("statement %d of the %s of revision \"%s\" is taken as done",
						skipped, operation, partial->revision),
				 errdetail_internal("%s", list_statements(body.text, script,
														  skipped - 1, skipped)),
				 errhint("%s", hint)));
	else if (partial->unknown > 0 && !mig_partial_is_batch(partial))
		ereport(NOTICE,
				(errmsg("statement %d of the %s of revision \"%s\" is taken as not done",
						partial->unknown, operation, partial->revision),
				 errdetail_internal("%s", list_statements(body.text, script,
														  next, next + 1)),
				 errhint("%s", hint)));
	else
		ereport(NOTICE,
				(errmsg("the %s of revision \"%s\" can be resumed",
						operation, partial->revision),
				 errhint("%s", hint)));
}

/*
 * What was done of a revision that is abandoned is no revision's from now on.
 */
static void
say_what_stays(const MigVersion *version, const MigPartial *partial)
{
	bool		upgrade = partial->operation == MIG_COMMAND_UPGRADE;
	int			n = partial->done + (partial->unknown > 0 ? 1 : 0);
	MigScript  *script;
	MigStepBody body;
	char	   *stays;

	mig_revision_body(partial->revision, partial->operation, &body);
	script = mig_script_split_text(body.text, body.per_statement);
	stays = list_statements(body.text, script, 0, partial->done);
	if (partial->unknown > 0)
		stays = psprintf("%s%sstatement %d at line %d: %s, %s",
						 stays, partial->done > 0 ? "\n" : "",
						 partial->unknown, partial->line, partial->kind,
						 mig_partial_is_batch(partial) ? describe_batches(partial) :
						 mig_partial_ends_transactions(partial) ?
						 "what it has committed" : "whose outcome is unknown");
	ereport(NOTICE,
			(errmsg_plural("%d of %d statements of the %s of revision \"%s\" stays as it is",
						   "%d of %d statements of the %s of revision \"%s\" stay as they are",
						   n, n, script->nstatements,
						   mig_command_name(partial->operation),
						   partial->revision),
			 errdetail_internal("%s", stays),
			 upgrade ?
			 errhint("The revision is not applied. No run takes back what stays; migrate_show(%1$s) shows it. To upgrade it again from its first statement, when that is undone by hand: %2$s\n%3$s",
					 quote_literal_cstr(partial->revision),
					 mig_advice_resume(partial),
					 how_to_change(version, partial->revision)) :
			 errhint("The revision is applied. No run makes up for what stays; migrate_show(%s) shows it. To downgrade it again from its first statement, when that is undone by hand: %s",
					 quote_literal_cstr(partial->revision),
					 mig_advice_resume(partial))));
}

/*
 * How the body of a revision that was abandoned can be changed, which it cannot while
 * another version table has it.
 */
static char *
how_to_change(const MigVersion *version, const char *revision)
{
	const char *literal = quote_literal_cstr(revision);
	int			nholders;
	MigVersionName *holders = mig_log_holders(version, revision, &nholders);
	char	   *revert;

	if (nholders == 0)
		return psprintf("To change its body before: migrate_register(%s, ..., replace => true), or its file: pg_migrate load --replace.",
						literal);
	revert = mig_advice_revert(revision, nholders, holders);
	return psprintf("To change its body before, revert the revision elsewhere: the log says that it is applied in %s. Then migrate_register(%s, ..., replace => true), or its file: pg_migrate load --replace.%s%s",
					mig_advice_tables(nholders, holders), literal,
					revert == NULL ? "" : "\nTo downgrade it there, which may drop data: ",
					revert == NULL ? "" : revert);
}

/*
 * "10 rows in 1 batch, up to key (20)"
 */
static char *
describe_batches(const MigPartial *partial)
{
	const MigBatchProgress *batch = &partial->batch;
	char	   *done = mig_batch_describe_done(batch->rows, batch->batches);

	return batch->last_key == NULL ? done :
		psprintf("%s, up to key %s", done,
				 mig_batch_describe_key(batch->last_key, batch->nkey));
}

static void
say_what_is_left(const MigPartial *partial)
{
	MigScript  *script;
	MigStepBody body;
	int			left;

	mig_revision_body(partial->revision, partial->operation, &body);
	script = mig_script_split_text(body.text, body.per_statement);
	left = Max(script->nstatements - partial->done, 0);
	ereport(NOTICE,
			(errmsg_plural("%d of %d statements of the %s of revision \"%s\" is taken as done",
						   "%d of %d statements of the %s of revision \"%s\" are taken as done",
						   left, left, script->nstatements,
						   mig_command_name(partial->operation),
						   partial->revision),
			 left > 0 ?
			 errdetail_internal("%s", list_statements(body.text, script,
													  partial->done,
													  script->nstatements)) : 0,
			 partial->operation == MIG_COMMAND_UPGRADE ?
			 errhint("The revision is applied. No run executes them. migrate_show(%s) shows the statements.",
					 quote_literal_cstr(partial->revision)) :
			 errhint("The revision is not applied any more. No run executes them. migrate_show(%s) shows the statements.",
					 quote_literal_cstr(partial->revision))));
}

/*
 * "statement 2 at line 3: CREATE INDEX", a line for each.
 */
static char *
list_statements(const char *text, const MigScript *script, int first, int end)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = first; i < end && i < script->nstatements; i++)
	{
		const MigStatement *statement = &script->statements[i];
		char	   *one = pnstrdup(text + statement->location,
								   statement->length);
		RawStmt    *raw = linitial_node(RawStmt, mig_script_parse(one));

		if (i == first + MAX_LISTED)
		{
			appendStringInfo(&list, "\n... and %d more",
							 end - first - MAX_LISTED);
			break;
		}
		appendStringInfo(&list, "%sstatement %d at line %d: %s",
						 i == first ? "" : "\n", i + 1, statement->line,
						 CreateCommandName(raw->stmt));
	}
	return list.data;
}

/*
 * That a person has decided, for migrate.log and migrate.status.
 */
static void
log_decision(const MigVersion *version, const MigPartial *partial,
			 const char *decision, const char *note)
{
	MigLogEntry entry = {
		.step = 1,
		.revision = partial->revision,
		.operation = partial->operation,
		.via = MIG_VIA_FUNCTION,
		.version_table = version->name,
		.version_oid = MIG_LOG_VERSION_OID(version),
		.role = GetUserId(),
		.body_hash = partial->body_hash,
		.decision = decision,
		.note = note
	};

	mig_log_new_run(&entry.run);
	entry.usage.started = entry.usage.finished = GetCurrentTimestamp();
	mig_log_write(&entry);
}
