/*
 * nontransactional.c
 *	  Statements that no transaction can take back.
 *
 * How such a statement ended is known as long as this process lives, and even
 * then an error may leave something behind: an INVALID index, a partition half
 * detached.  Whoever finds a statement that was started, be it this run after
 * an error or the next one after a crash, asks run_probe.c what there is now,
 * mends what is broken, and then knows.
 *
 * Must never run a statement again that may have taken effect.  What cannot be
 * found out stops the run, and a person decides.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/statement_timeout.h"
#include "base/xact.h"
#include "run/lock.h"
#include "run/nontransactional.h"
#include "run/probe.h"
#include "run/retry.h"
#include "run/session_state.h"
#include "run/toplevel.h"
#include "run/utility_hook.h"

/* A statement on its way. */
typedef struct Doubt
{
	MigStepRun *run;
	const MigSegment *segment;
	const char *text;
	MigProbe	probe;
	MigSettings settings;
	bool		atomic;			/* it has failed as a whole, if it has */
	MigVerdict	verdict;
	int			nrepairs;
	char	  **repairs;
} Doubt;

static void begin(Doubt *doubt, MigStepRun *run, const MigSegment *segment);
static ErrorData *try_statement(Doubt *doubt);
static void start_work(void *arg);
static void apply_settings(Doubt *doubt);
static bool is_ordinary(const Doubt *doubt);
static void restore_settings(Doubt *doubt);
static void restore_work(void *arg);
static void tidy_up(Doubt *doubt, const ErrorData *error);
static ErrorData *repair(Doubt *doubt);
static void judge_work(void *arg);
static void repairs_work(void *arg);
static void forget_work(void *arg);
static void done_work(void *arg);
static void check_body(const MigStepRun *run, const MigPartial *partial);
static void raise_partial(const Doubt *doubt);

/*
 * Runs the statement until it has succeeded.  An error that is raised leaves
 * it noted as started, unless it is sure that it has no effect.
 */
void
mig_nontransactional_execute(MigStepRun *run, const MigSegment *segment)
{
	Doubt		doubt;
	ErrorData  *error;

	begin(&doubt, run, segment);
	doubt.verdict = MIG_VERDICT_NOT_DONE;
	while ((error = try_statement(&doubt)) != NULL)
	{
		if (doubt.verdict == MIG_VERDICT_UNKNOWN ||
			!mig_run_retry_wait(run, false, error))
		{
			/* Whether the note of its start is there may not be known. */
			if (doubt.verdict == MIG_VERDICT_NOT_DONE)
				(void) mig_xact(forget_work, &doubt, MIG_XACT_RETRY);
			ReThrowError(error);
		}

		/* Another error would be about something else that is there. */
		if (doubt.verdict == MIG_VERDICT_DONE)
		{
			ereport(WARNING,
					(errcode(error->sqlerrcode),
					 errmsg("statement %d of the %s of revision \"%s\" reported an error, but has taken effect: %s",
							segment->first + 1, run->body.operation,
							run->body.revision, error->message)));
			return;
		}
	}
}

/*
 * Finds out what became of the statement that an earlier run has started.
 * Returns the statement to go on with.
 */
int
mig_nontransactional_settle(MigStepRun *run, const MigPartial *partial, bool toplevel)
{
	MigSegment	segment = {
		partial->in_doubt - 1, 1, MIG_STATEMENT_NONTRANSACTIONAL, partial->kind
	};
	Doubt		doubt;
	ErrorData  *error;

	check_body(run, partial);
	if (partial->in_doubt == 0)
	{
		ereport(NOTICE,
				(errmsg("going on with the %s of revision \"%s\" behind statement %d",
						run->body.operation, run->body.revision,
						partial->done)));
		return partial->done;
	}

	begin(&doubt, run, &segment);
	doubt.probe.nobject = partial->nobject;
	doubt.probe.object = partial->object;
	doubt.probe.before = partial->before;
	mig_xact(judge_work, &doubt, MIG_XACT_RETRY | MIG_XACT_RAISE);
	if (doubt.verdict == MIG_VERDICT_BROKEN && toplevel)
	{
		error = repair(&doubt);
		if (error != NULL)
			ReThrowError(error);
	}

	switch (doubt.verdict)
	{
		case MIG_VERDICT_DONE:
			ereport(NOTICE,
					(errmsg("going on with the %s of revision \"%s\" behind statement %d, which has taken effect",
							run->body.operation, run->body.revision,
							partial->in_doubt)));
			mig_xact(done_work, &doubt, MIG_XACT_RETRY | MIG_XACT_RAISE);
			return partial->in_doubt;
		case MIG_VERDICT_NOT_DONE:
			ereport(NOTICE,
					(errmsg("going on with the %s of revision \"%s\" with statement %d, which has not taken effect",
							run->body.operation, run->body.revision,
							partial->in_doubt)));
			return partial->in_doubt - 1;
		case MIG_VERDICT_BROKEN:
		case MIG_VERDICT_UNKNOWN:
			raise_partial(&doubt);
	}
	return 0;					/* not reached */
}

static void
begin(Doubt *doubt, MigStepRun *run, const MigSegment *segment)
{
	memset(doubt, 0, sizeof(*doubt));
	doubt->run = run;
	doubt->segment = segment;
	if (segment->first >= 0)
	{
		const MigStatement *statement =
		&run->body.script->statements[segment->first];

		doubt->text = pnstrdup(run->body.body + statement->location,
							   statement->length);
	}
}

/*
 * One attempt, after mending what the last one has left.  NULL: it has
 * succeeded.
 */
static ErrorData *
try_statement(Doubt *doubt)
{
	MigStepRun *run = doubt->run;
	ErrorData  *error;
	uint64		lasting;

	if (doubt->verdict == MIG_VERDICT_BROKEN)
	{
		error = repair(doubt);
		if (error != NULL || doubt->verdict == MIG_VERDICT_DONE)
			return error;
		if (doubt->verdict != MIG_VERDICT_NOT_DONE)
			raise_partial(doubt);
	}
	doubt->verdict = MIG_VERDICT_NOT_DONE;
	error = mig_xact(start_work, doubt, 0);
	if (error != NULL)
		return error;

	lasting = mig_utility_hook_lasting();
	error = mig_run_body_nontransactional(&run->body, doubt->segment->first);
	doubt->atomic = is_ordinary(doubt) && lasting == mig_utility_hook_lasting();
	if (error != NULL)
		mig_run_body_locate(&run->body, error);
	restore_settings(doubt);
	if (doubt->segment->kind == MIG_STATEMENT_DISCARD_ALL)
		mig_run_lock_retake();
	if (error != NULL)
		tidy_up(doubt, error);
	return error;
}

/*
 * What has to be committed before the statement: its settings, what it is
 * about, and that it starts.
 */
static void
start_work(void *arg)
{
	Doubt	   *doubt = arg;
	MigPartialSegment checkpoint;

	apply_settings(doubt);
	mig_run_probe_before(doubt->text, &doubt->probe);

	mig_run_step_checkpoint(doubt->run, doubt->segment, &checkpoint);
	checkpoint.nobject = doubt->probe.nobject;
	checkpoint.object = doubt->probe.object;
	checkpoint.before = doubt->probe.before;
	mig_partial_started(&checkpoint);
}

/*
 * Neither a SET nor DISCARD ALL may lead to another role than run_step.c
 * allows.  While the statement itself runs the role cannot be locked, and
 * need not be: what those statements call is run as its owner.
 */
static void
apply_settings(Doubt *doubt)
{
	MigBodyRun *body = &doubt->run->body;
	bool		locked = !mig_run_step_can_change_role();
	Oid			userid;
	int			sec_context;

	if (locked &&
		doubt->segment->kind == MIG_STATEMENT_DISCARD_ALL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a migration body cannot run DISCARD ALL as a role other than that of the session"),
				 errhint("Open the session as the role that runs it.")));

	mig_session_state_save(body, doubt->segment->first, &doubt->settings);

	/* Those that refuse a transaction block wait by design. */
	if (is_ordinary(doubt))
	{
		mig_session_state_save_one("lock_timeout", &doubt->settings);
		mig_run_step_lock_timeout(GUC_ACTION_SET);
	}
	GetUserIdAndSecContext(&userid, &sec_context);
	if (locked)
		SetUserIdAndSecContext(userid,
							   sec_context | SECURITY_LOCAL_USERID_CHANGE);
	mig_run_body_settings(body, doubt->segment->first);
	if (locked)
		SetUserIdAndSecContext(userid, sec_context);
}

/*
 * Whether it is an ordinary statement, on a server whose DDL commits by
 * itself.
 */
static bool
is_ordinary(const Doubt *doubt)
{
	return doubt->segment->kind == MIG_STATEMENT_COMMITS;
}

/*
 * A setting that does not go back is worth a warning, and no more: the
 * statement has ended as it has.
 */
static void
restore_settings(Doubt *doubt)
{
	ErrorData  *problem = mig_xact(restore_work, doubt, 0);

	if (problem != NULL)
		ereport(WARNING,
				(errcode(problem->sqlerrcode),
				 errmsg("could not restore the settings of the session: %s",
						problem->message)));
}

static void
restore_work(void *arg)
{
	Doubt	   *doubt = arg;

	mig_session_state_restore(&doubt->settings);
}

/*
 * After an error: mends what the statement has left, and takes back the note
 * that it was started if it has no effect.  If that fails the next run does
 * it.  Who has cancelled does not want to wait for it either.
 */
static void
tidy_up(Doubt *doubt, const ErrorData *error)
{
	ErrorData  *problem;

	/* Until somebody has looked. */
	doubt->verdict = MIG_VERDICT_UNKNOWN;
	problem = mig_xact(judge_work, doubt, MIG_XACT_RETRY);
	if (doubt->verdict == MIG_VERDICT_UNKNOWN && doubt->atomic &&
		!mig_run_retry_in_doubt(error))
		doubt->verdict = MIG_VERDICT_NOT_DONE;
	if (problem == NULL && doubt->verdict == MIG_VERDICT_BROKEN &&
		(error->sqlerrcode != ERRCODE_QUERY_CANCELED ||
		 mig_statement_timeout_caused(error)))
		problem = repair(doubt);
	if (problem == NULL && doubt->verdict == MIG_VERDICT_NOT_DONE)
		problem = mig_xact(forget_work, doubt, MIG_XACT_RETRY);
	if (problem != NULL)
		ereport(WARNING,
				(errcode(problem->sqlerrcode),
				 errmsg("could not tidy up after statement %d of the %s of revision \"%s\": %s",
						doubt->segment->first + 1,
						doubt->run->body.operation,
						doubt->run->body.revision, problem->message),
				 errhint("The next run tries it again.")));
}

/*
 * Mends what is broken, and judges again.
 */
static ErrorData *
repair(Doubt *doubt)
{
	ErrorData  *error = mig_xact(repairs_work, doubt, MIG_XACT_RETRY);

	for (int i = 0; i < doubt->nrepairs && error == NULL; i++)
	{
		ereport(NOTICE,
				(errmsg("mending what statement %d of the %s of revision \"%s\" has left: %s",
						doubt->segment->first + 1,
						doubt->run->body.operation,
						doubt->run->body.revision, doubt->repairs[i])));
		error = mig_run_toplevel(doubt->repairs[i]);
	}
	return error != NULL ? error : mig_xact(judge_work, doubt, MIG_XACT_RETRY);
}

static void
judge_work(void *arg)
{
	Doubt	   *doubt = arg;

	doubt->verdict = mig_run_probe_after(doubt->text, &doubt->probe);
}

static void
repairs_work(void *arg)
{
	Doubt	   *doubt = arg;

	doubt->nrepairs = 0;
	doubt->repairs = mig_run_probe_repairs(&doubt->probe, &doubt->nrepairs);
}

static void
forget_work(void *arg)
{
	Doubt	   *doubt = arg;

	mig_partial_forget(doubt->run->version->name,
					   doubt->segment->first + 1);
}

static void
done_work(void *arg)
{
	Doubt	   *doubt = arg;
	MigPartialSegment checkpoint;

	mig_run_step_checkpoint(doubt->run, doubt->segment, &checkpoint);
	mig_partial_done(&checkpoint);
}

/*
 * The registry keeps the body of a partial revision, but who can write our
 * tables can do anything.
 */
static void
check_body(const MigStepRun *run, const MigPartial *partial)
{
	if (strcmp(run->entry.body_hash, partial->body_hash) != 0 ||
		Max(partial->done, partial->in_doubt) > run->body.script->nstatements)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("revision \"%s\" is partial, but its body has changed since",
						partial->revision),
				 errhint("Finish or undo by hand what was begun, then use migrate_resolve('%s', 'abandon').",
						 partial->revision)));
}

/*
 * "The ways out" are those of migrate_resolve().
 */
static void
raise_partial(const Doubt *doubt)
{
	const MigBodyRun *body = &doubt->run->body;
	const MigStatement *statement =
	&body->script->statements[doubt->segment->first];

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("revision \"%s\" is partial, and whether statement %d has taken effect cannot be found out",
					body->revision, doubt->segment->first + 1),
			 errdetail("Statement %d at line %d of the %s was running when an earlier run was interrupted.",
					   doubt->segment->first + 1, statement->line,
					   body->operation),
			 errhint("Look for its effect. If it is there, use migrate_resolve('%s', 'skip'). If not, remove what is left of it and use migrate_resolve('%s', 'retry'). Use migrate_resolve('%s', 'abandon') to give up the %s and to finish or undo it by hand.",
					 body->revision, body->revision, body->revision,
					 body->operation),
			 internalerrposition(pg_mbstrlen_with_len(body->body,
													  statement->location) + 1),
			 internalerrquery(body->body)));
}
