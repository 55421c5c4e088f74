/*
 * segment.c
 *	  Commits a step: in one transaction, or in several, noted in migrate.partial.
 *
 * A segment of ordinary statements is a transaction that also notes it as
 * done.  A statement that cannot run inside a transaction block is a segment of
 * its own: that it starts is committed before it, that it is done after it.
 * With the last segment the version row and the log row are written, and the
 * rows of migrate.partial are deleted.  A statement that is a batch is a segment
 * of several transactions, each of which notes it as started, until it is done:
 * how far it has come is in migrate.batch.
 *
 *		[O1 O2 +done] [start T1] T1 [+done] [O3 +done] [start T2] T2 [+rows]
 *
 * O: an ordinary statement; T: one that cannot run inside a transaction block;
 * [ ]: a transaction; start, +done: the row of migrate.partial; +rows: the version
 * row and the log row.  Before each O that follows a [, and before each [start T],
 * gate.c waits for older transactions.
 *
 * So whenever the process dies, all that is not known is whether the one
 * statement that was started has taken effect; nontransactional.c finds out.
 */
#include "postgres.h"

#include "commands/sequence.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/printable.h"
#include "base/spi.h"
#include "run/batch_internal.h"
#include "tables/partial.h"
#include "tables/repeatable.h"

/* Whether a transaction that reported an error is committed all the same. */
typedef struct Committed
{
	MigStepExec *exec;
	const MigSegment *segment;
	bool		committed;
} Committed;

/* A search for a segment. */
typedef struct Search
{
	MigStepExec *exec;
	int			index;			/* of the statement that is looked at */
} Search;

static int	resume(MigStepExec *exec);
pg_noreturn static void refuse_role(const MigStepExec *exec);
static void check_settings(void *arg);
static void check_objects(void *arg);
static void check_path(void *arg);
static void look_up_objects(void *arg);
static bool is_in_several(const MigScript *script);
static void begin_attempts(MigStepExec *exec);
static void commit_segment(MigStepExec *exec, MigSegment *segment);
static bool commit_batches(MigStepExec *exec, MigSegment *segment);
static void wait_for_batch(void *arg);
static void say_committed(const MigBodyExec *body, const ErrorData *error);
static bool is_setting_only(const MigScript *script,
							const MigSegment *segment);
static bool is_committed(MigStepExec *exec, const MigSegment *segment);
static void read_position(void *arg);
static void find_segment(MigStepExec *exec, int first, MigSegment *segment);
static void look_up_partitioned(void *arg);
static void look_up_batch(void *arg);
static void refuse_nontransactional(const MigStepExec *exec, const MigSegment *segment);

/*
 * Executes a step until it is done, after what an earlier run has done of it.
 * false: the run ends before the next batch of it.
 */
bool
mig_segment_execute_all(MigStepExec *exec)
{
	MigBodyExec *body = &exec->body;
	int			next;
	bool		ended;

	if (body->text == NULL)
	{
		commit_segment(exec, NULL); /* a stamp */
		return true;
	}
	next = exec->run->partial == NULL ? 0 : resume(exec);
	if (is_in_several(body->script))
	{
		mig_xact(look_up_objects, exec, MIG_XACT_RETRY | MIG_XACT_RAISE);
		mig_refusal_check(exec, next);
	}

	/* An empty segment writes the rows, if nothing else is left. */
	do
	{
		MigSegment	segment;

		CHECK_FOR_INTERRUPTS();
		find_segment(exec, next, &segment);
		if (is_setting_only(body->script, &segment))
		{
			next = segment.first + segment.nstatements;
			ended = false;
			continue;
		}
		if (segment.kind != MIG_STATEMENT_ORDINARY &&
			segment.kind != MIG_STATEMENT_BATCH)
		{
			if (!exec->run->request->top_level)
				refuse_nontransactional(exec, &segment);
			begin_attempts(exec);
			mig_nontransactional_execute(exec, &segment);
		}
		if (segment.kind != MIG_STATEMENT_BATCH)
			commit_segment(exec, &segment);
		else if (!commit_batches(exec, &segment))
			return false;
		next = segment.first + segment.nstatements;
		body->ncarried = next;
		body->carried = body->collected;
		ended = mig_step_ends_with(exec, &segment);
	} while (!ended);
	return true;
}

/*
 * What an earlier run has begun is resumed as it was begun: as the same role,
 * and with the settings of then.  Returns the index of the next statement.
 */
static int
resume(MigStepExec *exec)
{
	const MigPartial *partial = exec->run->partial;
	MigBodyExec *body = &exec->body;

	if (exec->entry.role != partial->role_oid)
		refuse_role(exec);
	body->carried = mig_session_setting_parse(partial->settings,
											  partial->nsettings,
											  partial->path_schemas,
											  partial->npath_schemas,
											  partial->elsewhere);
	body->collected = body->carried;
	mig_xact(check_settings, exec, MIG_XACT_RETRY | MIG_XACT_RAISE);
	if (partial->nsession_objects > 0)
		mig_xact(check_objects, exec, MIG_XACT_RETRY | MIG_XACT_RAISE);
	/* currval() of this session is not that of the other one. */
	if (partial->session_id != NULL &&
		strcmp(partial->session_id, mig_session_state_id()) != 0)
		ResetSequenceCaches();
	mig_xact(check_path, exec, MIG_XACT_RETRY | MIG_XACT_RAISE);
	body->ncarried = mig_nontransactional_resume(exec);
	return body->ncarried;
}

/*
 * Another role would resume it: perhaps one that has got the name of the role
 * that has begun it.
 */
static void
refuse_role(const MigStepExec *exec)
{
	const MigPartial *partial = exec->run->partial;
	const char *operation = exec->body.operation;
	const char *revision = quote_literal_cstr(partial->revision);

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("revision \"%s\" is partial, and role \"%s\" cannot resume what role \"%s\" has begun",
					partial->revision,
					GetUserNameFromId(exec->entry.role, false), partial->role),
			 OidIsValid(partial->role_oid) ?
			 errdetail("Its %s was interrupted: %s. What is left would run with other rights and make objects of another owner. Nothing was run.",
					   operation, mig_run_describe_partial(partial)) :
			 errdetail("Its %s was interrupted: %s. The role that has begun it does not exist any more; one that has its name is another role. Nothing was run.",
					   operation, mig_run_describe_partial(partial)),
			 OidIsValid(partial->role_oid) ?
			 errhint("To resume it as that role: SET ROLE %s;\n%s",
					 quote_identifier(partial->role),
					 mig_advice_ways_on(partial,
										mig_advice_command(exec->run))) :
			 errhint("To finish it by hand: SELECT migrate_resolve(%1$s, 'finish');\nTo undo it by hand: SELECT migrate_resolve(%1$s, 'abandon');",
					 revision)));
}

/*
 * The role must be able to make the settings that its other session had.
 */
static void
check_settings(void *arg)
{
	MigStepExec *exec = arg;
	MigRoleLock lock;

	mig_step_lock_role(&lock);
	mig_session_setting_check(exec->body.carried);
	mig_step_unlock_role(&lock);
}

/*
 * What the statements before have left in a session cannot be made again in
 * another one, and a table that has the name of a temporary one that is gone
 * must not take its place.
 */
static void
check_objects(void *arg)
{
	MigStepExec *exec = arg;
	const MigPartial *partial = exec->run->partial;
	bool		same = strcmp(partial->session_id, mig_session_state_id()) == 0;
	int			nfound;
	char	  **found = mig_session_state_objects(NULL, 0, &nfound);
	StringInfoData lost;

	initStringInfo(&lost);
	for (int i = 0; i < partial->nsession_objects; i++)
	{
		const char *object = partial->session_objects[i];

		if (!mig_session_lock_is_one(object) &&
			(!same || !mig_text_in_list(found, nfound, object)))
			appendStringInfo(&lost, "%s%s", lost.len > 0 ? ", " : "", object);
	}
	if (lost.len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" is partial, and what it had in its session is gone",
						partial->revision),
				 errdetail("Its %s was interrupted: %s. They have left in their session, and this one does not have: %s. Nothing was run.",
						   exec->body.operation,
						   mig_run_describe_partial(partial),
						   lost.data),
				 errhint("If the rest of the body does not need it: SELECT migrate_resolve(%s, 'retry');",
						 quote_literal_cstr(partial->revision))));
	mig_step_set_lock_timeout(GUC_ACTION_LOCAL);
	mig_session_lock_carry(partial->session_objects,
						   partial->nsession_objects);
}

/*
 * A schema that was renamed is followed, but not in a copy of the database.  One that
 * has the name of a schema that was dropped must not take its place.
 */
static void
check_path(void *arg)
{
	MigStepExec *exec = arg;
	const MigBodyExec *body = &exec->body;
	const char *lost;
	const char *path = mig_session_setting_path(body->carried, &lost);

	/* A run that resumes ends here. */
	exec->advised = lost != NULL;
	if (lost != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" is partial, and schema \"%s\" of its search_path is gone",
						body->revision, mig_printable(lost)),
				 errdetail("Its %s was interrupted: %s. What is left of it could find objects of another schema, also of one that has that name now. Nothing was run.",
						   body->operation,
						   mig_run_describe_partial(exec->run->partial)),
				 exec->run->partial->elsewhere ?
				 errhint("If it has another name in this copy of the database, give it its name back.\nIf the rest of the body does not need it: SELECT migrate_resolve(%s, 'retry');",
						 quote_literal_cstr(body->revision)) :
				 errhint("If what it has done went with the schema: SELECT migrate_resolve(%1$s, 'abandon');\nIf the rest of the body does not need the schema: SELECT migrate_resolve(%1$s, 'retry');",
						 quote_literal_cstr(body->revision))));
	if (path != NULL &&
		strcmp(path, GetConfigOption("search_path", false, false)) != 0)
		ereport(NOTICE,
				(errmsg("the %s of revision \"%s\" has search_path = %s, as when it was interrupted",
						body->operation, body->revision,
						mig_printable_path(path))));
}

/*
 * What the session has before the body, or before what is left of it, is not the
 * body's.
 */
static void
look_up_objects(void *arg)
{
	MigStepExec *exec = arg;
	const MigPartial *partial = exec->run->partial;

	exec->objects =
		mig_session_state_objects(partial == NULL ? NULL :
								  partial->session_objects,
								  partial == NULL ? 0 :
								  partial->nsession_objects,
								  &exec->nobjects);
}

/*
 * Whether a body is known not to be one transaction.
 */
static bool
is_in_several(const MigScript *script)
{
	if (script->ntransactions > 1 || script->nnontransactional > 0)
		return true;
	for (int i = 0; i < script->nstatements; i++)
	{
		if (script->statements[i].if_partitioned != NULL)
			return true;
	}
	return false;
}

static void
begin_attempts(MigStepExec *exec)
{
	exec->body.attempt = 1;
	exec->blocked_since = 0;
}

/*
 * Executes a segment and commits it, as often as it takes.  It may turn out to be
 * shorter.  For a statement that cannot run inside a transaction block, which
 * has run already, commits only that it is done, or the version row.  segment
 * NULL: a step without a body.
 */
static void
commit_segment(MigStepExec *exec, MigSegment *segment)
{
	MigSegment	tried;
	MigSegment *attempt = segment == NULL ? NULL : &tried;
	bool		committed = false;

	begin_attempts(exec);
	while (!committed)
	{
		ErrorData  *error = NULL;

		if (segment != NULL)
		{
			tried = *segment;
			if (segment->kind == MIG_STATEMENT_ORDINARY)
				error = mig_gate_wait(exec, segment->first,
									  segment->nstatements);
			if (error != NULL)
				ReThrowError(error);
		}
		mig_session_setting_begin_transaction(exec->body.carried);
		error = mig_step_execute(exec, attempt);
		if (error == NULL)
		{
			error = mig_xact_commit();
			if (error == NULL)
			{
				mig_compat_injection_point("migrate-after-commit");
				exec->run->result->ncommitted++;
				break;
			}

			/* Whatever COMMIT said: what is there now counts. */
			committed = is_committed(exec, attempt);
			if (committed)
			{
				say_committed(&exec->body, error);
				break;
			}
		}
		else
			mig_xact_abort();

		if (!mig_retry_wait(exec, error))
			ReThrowError(error);
		committed = is_committed(exec, attempt);
	}
	exec->part_committed = true;
	if (segment != NULL)
		*segment = tried;
}

/*
 * Runs a statement that is a batch until it has come to its end, each time in a
 * transaction.  What one of these takes is freed before the next one begins.
 * false: the run ends before it has come there.
 */
static bool
commit_batches(MigStepExec *exec, MigSegment *segment)
{
	MigBodyExec *body = &exec->body;
	MemoryContext context = body->context;
	const MigRunRequest *request = exec->run->request;
	bool		may_continue = true;
	bool		carries = false;

	mig_batch_begin_in_body(exec, segment);
	body->context = AllocSetContextCreate(context, "migrate batches",
										  ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		MemoryContext old_context = MemoryContextSwitchTo(body->context);

		commit_segment(exec, segment);
		MemoryContextSwitchTo(old_context);
		if (exec->batch->finished)
			break;
		/* What the names mean is the same for all of them. */
		if (!carries)
		{
			body->carried = mig_session_setting_copy(body->collected);
			body->ncarried = segment->first;
			carries = true;
		}
		mig_body_between(body, segment->first, wait_for_batch, exec->batch);
		may_continue = request->may_continue == NULL ||
			request->may_continue(exec->step, request->arg);
		if (!may_continue)
			break;
		body->search_path = NULL;
		body->paths = NIL;
		body->statement_text = NULL;
		exec->entry.blocked_by = NULL;
		memset(&exec->blockers, 0, sizeof(exec->blockers));
		MemoryContextReset(body->context);
	}
	/* What the last one has collected stays there. */
	body->context = context;
	return may_continue;
}

static void
wait_for_batch(void *arg)
{
	mig_batch_wait(arg);
}

static void
say_committed(const MigBodyExec *body, const ErrorData *error)
{
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("commit of the %s of revision \"%s\" reported an error, but has taken effect: %s",
					body->operation, body->revision, error->message)));
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		mig_xact_repeat_cancel();
}

/*
 * Whether a segment in front of another one makes settings and nothing else.
 * Those are made again with what follows: nothing would be committed, and if
 * what follows fails the revision is not partial.
 */
static bool
is_setting_only(const MigScript *script, const MigSegment *segment)
{
	int			end = segment->first + segment->nstatements;

	if (end == script->nstatements)
		return false;
	for (int i = segment->first; i < end; i++)
	{
		/* What is set there may be for the block only. */
		if (!script->statements[i].setting || script->statements[i].in_block)
			return false;
	}
	return true;
}

/*
 * Reads anew where the version table and migrate.partial are.
 */
static bool
is_committed(MigStepExec *exec, const MigSegment *segment)
{
	Committed	committed = {exec, segment, false};

	mig_xact(read_position, &committed, MIG_XACT_RETRY | MIG_XACT_RAISE);
	return committed.committed;
}

static void
read_position(void *arg)
{
	Committed  *committed = arg;
	MigStepExec *exec = committed->exec;
	MigVersion *version = exec->run->version;
	const MigSegment *segment = committed->segment;
	MigPartial *partial;

	if (exec->step->command == MIG_COMMAND_REPEAT)
	{
		committed->committed = mig_repeatable_has_run(version, exec->step->revision,
													  exec->entry.body_hash);
		return;
	}
	switch (mig_version_position(version, exec->step))
	{
		case MIG_VERSION_AFTER:
			committed->committed = true;
			return;
		case MIG_VERSION_ELSEWHERE:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("version table \"%s\" was changed during this run",
							mig_printable(version->name)),
					 errdetail("Something other than this extension has written it."),
					 errhint("Run the command again; it reads the table anew.")));
			break;
		case MIG_VERSION_BEFORE:
			break;
	}
	if (segment == NULL)
		return;
	partial = mig_partial_find(version, MIG_SPI_READ_LATEST);
	committed->committed = partial != NULL && segment->nstatements > 0 &&
		partial->done >= segment->first + segment->nstatements;
}

/*
 * The segment that begins with a statement.  What the catalogs say of the
 * statements further on is asked when it is their turn, because the segment may
 * change that.
 */
static void
find_segment(MigStepExec *exec, int first, MigSegment *segment)
{
	Search		search = {exec, first};
	const MigScript *script = exec->body.script;

	/* A segment that would make settings only is none. */
	while (search.index < script->nstatements &&
		   script->statements[search.index].setting &&
		   !script->statements[search.index].in_block)
		search.index++;
	if (search.index < script->nstatements &&
		script->statements[search.index].if_partitioned != NULL)
		mig_xact(look_up_partitioned, &search, MIG_XACT_RETRY | MIG_XACT_RAISE);
	if (search.index < script->nstatements &&
		script->statements[search.index].kind == MIG_STATEMENT_BATCH)
		mig_xact(look_up_batch, &search, MIG_XACT_RETRY | MIG_XACT_RAISE);
	mig_script_segment(script, first, segment);
}

/*
 * With the body's settings, among which may be the search_path and the role.
 */
static void
look_up_partitioned(void *arg)
{
	Search	   *search = arg;
	MigBodyExec *body = &search->exec->body;
	MigStatement *statement = &body->script->statements[search->index];
	int			nest_level = mig_body_begin_look(body, search->index);

	if (mig_body_is_partitioned(body, search->index))
	{
		statement->kind = MIG_STATEMENT_NONTRANSACTIONAL;
		statement->tag = "rebuild of a partitioned relation";
	}
	mig_body_end_look(body, nest_level);
}

/*
 * Another procedure of the name is run as such.
 */
static void
look_up_batch(void *arg)
{
	Search	   *search = arg;
	MigBodyExec *body = &search->exec->body;
	MigStatement *statement = &body->script->statements[search->index];
	int			nest_level = mig_body_begin_look(body, search->index);

	if (!mig_body_calls_batch(body, search->index))
		statement->kind = statement->commit_after ? MIG_STATEMENT_COMMITS :
			MIG_STATEMENT_ORDINARY;
	mig_body_end_look(body, nest_level);
}

static void
refuse_nontransactional(const MigStepExec *exec, const MigSegment *segment)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("revision \"%s\" cannot be completed inside a procedure",
					exec->body.revision),
			 errdetail("Statement %d at line %d, %s, cannot run inside a transaction block.",
					   segment->first + 1,
					   exec->body.script->statements[segment->first].line,
					   segment->tag),
			 errhint("Send the CALL by itself, not in DO or from another procedure.")));
}
