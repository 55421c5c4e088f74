/*
 * segment.c
 *	  One step in several transactions, with checkpoints.
 *
 * A segment of ordinary statements is a transaction that also notes it as
 * done.  A statement that refuses a transaction block is a segment of its own:
 * that it starts is committed before it, that it is done after it.  With the
 * last segment the version row and the log row are written, and the
 * checkpoints go.
 *
 *		[O1 O2 +done] [start T1] T1 [+done] [O3 +done] [start T2] T2 [+rows]
 *
 * So whenever the process dies, all that is not known is whether the one
 * statement that was started has taken effect; run_doubt.c finds out.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/spi.h"
#include "base/xact.h"
#include "run/nontransactional.h"
#include "run/retry.h"
#include "run/segment.h"

/* Whether a transaction that reported an error is there all the same. */
typedef struct Outcome
{
	MigStepRun *run;
	const MigSegment *segment;
	bool		reached;
} Outcome;

/* A search for a segment. */
typedef struct Search
{
	MigStepRun *run;
	int			first;
	MigSegment *segment;
} Search;

static bool is_setting_only(const MigScript *script,
							const MigSegment *segment);
static bool is_reached(MigStepRun *run, const MigSegment *segment);
static void reached_work(void *arg);
static void find_segment(MigStepRun *run, int first, MigSegment *segment);
static void search_work(void *arg);
static bool is_partitioned(const char *relation);
static void refuse_nontransactional(const MigStepRun *run, const MigSegment *segment);

/*
 * Whether a step cannot be one transaction, or may turn out not to be.
 */
bool
mig_run_segment_needed(const MigStepRun *run, const MigPartial *partial)
{
	const MigScript *script = run->body.script;

	if (partial != NULL || script->ntransactions > 1 || script->nnontransactional > 0)
		return true;
	for (int i = 0; i < script->nstatements; i++)
	{
		if (script->statements[i].if_partitioned != NULL)
			return true;
	}
	return false;
}

/*
 * Runs a step from where it was left, and commits it.  An error that is raised
 * leaves what was done before it noted.
 *
 * toplevel: whether statements may run outside of a transaction block.
 */
void
mig_run_segments(MigStepRun *run, const MigPartial *partial, bool toplevel)
{
	int			next = partial == NULL ? 0 :
	mig_nontransactional_settle(run, partial, toplevel);

	/* An empty segment writes the rows, if nothing else is left. */
	do
	{
		MigSegment	segment;

		CHECK_FOR_INTERRUPTS();
		find_segment(run, next, &segment);
		next = segment.first + segment.nstatements;
		if (is_setting_only(run->body.script, &segment))
			continue;
		if (segment.kind != MIG_STATEMENT_ORDINARY)
		{
			if (!toplevel)
				refuse_nontransactional(run, &segment);
			run->body.attempt = 1;
			mig_nontransactional_execute(run, &segment);
		}
		run->body.attempt = 1;
		mig_run_segment_commit(run, &segment);
	} while (next < run->body.script->nstatements);
}

/*
 * Runs a segment that is a transaction, or writes what follows one that is
 * not, until it is committed.  segment NULL: the whole step.
 */
void
mig_run_segment_commit(MigStepRun *run, const MigSegment *segment)
{
	bool		body_done = segment != NULL &&
	(segment->nstatements == 0 || segment->kind != MIG_STATEMENT_ORDINARY);
	ErrorData  *error;

	for (;;)
	{
		error = mig_run_step(run, segment);
		if (error == NULL)
		{
			error = mig_xact_commit();
			if (error == NULL)
			{
				mig_compat_injection_point("migrate-after-commit");
				return;
			}

			/* Whatever COMMIT said: what is there now counts. */
			if (is_reached(run, segment))
				break;
		}
		else
			mig_xact_abort();

		if (!mig_run_retry_wait(run, body_done, error))
			ReThrowError(error);
		if (is_reached(run, segment))
			return;
	}
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("commit of the %s of revision \"%s\" reported an error, but has taken effect: %s",
					run->body.operation, run->body.revision,
					error->message)));
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
		if (!script->statements[i].setting)
			return false;
	}
	return true;
}

/*
 * Reads anew where the version table and the checkpoints are.
 */
static bool
is_reached(MigStepRun *run, const MigSegment *segment)
{
	Outcome		outcome = {run, segment, false};

	mig_xact(reached_work, &outcome, MIG_XACT_RETRY | MIG_XACT_RAISE);
	return outcome.reached;
}

static void
reached_work(void *arg)
{
	Outcome    *outcome = arg;
	MigStepRun *run = outcome->run;
	const MigSegment *segment = outcome->segment;
	MigPartial *partial;

	switch (mig_version_place(run->version, run->step))
	{
		case MIG_VERSION_AFTER:
			outcome->reached = true;
			return;
		case MIG_VERSION_ELSEWHERE:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("version table \"%s\" was changed during this run",
							run->version->name),
					 errdetail("Something other than this extension has written it."),
					 errhint("Run the command again; it reads the table anew.")));
			break;
		case MIG_VERSION_BEFORE:
			break;
	}
	if (segment == NULL)
		return;
	partial = mig_partial_find(run->version->name, false);
	outcome->reached = partial != NULL && segment->nstatements > 0 &&
		partial->done >= segment->first + segment->nstatements;
}

/*
 * The segment that begins with a statement, by what the catalogs say now.
 */
static void
find_segment(MigStepRun *run, int first, MigSegment *segment)
{
	Search		search = {run, first, segment};
	const MigStatement *statements = run->body.script->statements;

	mig_script_segment(run->body.script, first, segment);
	for (int i = first; i < first + segment->nstatements; i++)
	{
		if (statements[i].if_partitioned != NULL)
		{
			mig_xact(search_work, &search, MIG_XACT_RETRY | MIG_XACT_RAISE);
			return;
		}
	}
}

/*
 * With the body's settings, among which may be the search_path.
 */
static void
search_work(void *arg)
{
	Search	   *search = arg;
	MigStepRun *run = search->run;
	MigStatement *statements = run->body.script->statements;
	MigSegment *segment = search->segment;
	int			nest_level = NewGUCNestLevel();

	mig_run_body_settings(&run->body, search->first);
	for (int i = segment->first; i < segment->first + segment->nstatements; i++)
	{
		if (statements[i].if_partitioned != NULL &&
			is_partitioned(statements[i].if_partitioned))
		{
			statements[i].kind = MIG_STATEMENT_NONTRANSACTIONAL;
			statements[i].tag = "rebuild of a partitioned relation";
		}
	}
	mig_script_segment(run->body.script, search->first, segment);
	AtEOXact_GUC(false, nest_level);
}

static bool
is_partitioned(const char *relation)
{
	static MigSpiQuery query = {
		"SELECT FROM pg_catalog.pg_class"
		" WHERE oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)"
		"   AND relkind OPERATOR(pg_catalog.=) ANY (ARRAY['p', 'I']::\"char\"[])"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, relation);
	return mig_spi_exists(&query, &args, MIG_SPI_GUEST, MIG_SPI_READ_LATEST);
}

static void
refuse_nontransactional(const MigStepRun *run, const MigSegment *segment)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("revision \"%s\" cannot go on inside a procedure",
					run->body.revision),
			 errdetail("Statement %d at line %d, %s, cannot run inside a transaction block.",
					   segment->first + 1,
					   run->body.script->statements[segment->first].line,
					   segment->tag),
			 errhint("Send the CALL by itself, not in DO or from another procedure.")));
}
