/*
 * segment.c
 *	  Commits a step: in one transaction, or in several, noted in migrate.partial.
 *
 * A segment of ordinary statements is a transaction that also notes it as
 * done.  A statement that cannot run inside a transaction block is a segment of
 * its own: that it starts is committed before it, that it is done after it.
 * With the last segment the version row and the log row are written, and the
 * rows of migrate.partial are deleted.
 *
 *		[O1 O2 +done] [start T1] T1 [+done] [O3 +done] [start T2] T2 [+rows]
 *
 * So whenever the process dies, all that is not known is whether the one
 * statement that was started has taken effect; nontransactional.c finds out.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/spi.h"
#include "run/run_internal.h"
#include "tables/partial.h"

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
	int			first;
	MigSegment *segment;
} Search;

static bool is_setting_only(const MigScript *script,
							const MigSegment *segment);
static bool is_committed(MigStepExec *exec, const MigSegment *segment);
static void read_position(void *arg);
static void find_segment(MigStepExec *exec, int first, MigSegment *segment);
static void look_up_partitioned(void *arg);
static bool is_partitioned(const char *relation);
static void refuse_nontransactional(const MigStepExec *exec, const MigSegment *segment);

/*
 * Whether a step cannot be one transaction, or may turn out not to be.
 */
bool
mig_segment_needed(const MigStepExec *exec)
{
	const MigScript *script = exec->body.script;

	if (exec->run->partial != NULL || script->ntransactions > 1 ||
		script->nnontransactional > 0)
		return true;
	for (int i = 0; i < script->nstatements; i++)
	{
		if (script->statements[i].if_partitioned != NULL)
			return true;
	}
	return false;
}

/*
 * Executes a step until it is done, after what an earlier run has done of it.
 */
void
mig_segment_execute_all(MigStepExec *exec)
{
	int			next = exec->run->partial == NULL ? 0 :
	mig_nontransactional_settle(exec);

	/* An empty segment writes the rows, if nothing else is left. */
	do
	{
		MigSegment	segment;

		CHECK_FOR_INTERRUPTS();
		find_segment(exec, next, &segment);
		next = segment.first + segment.nstatements;
		if (is_setting_only(exec->body.script, &segment))
			continue;
		if (segment.kind != MIG_STATEMENT_ORDINARY)
		{
			if (!exec->run->request->top_level)
				refuse_nontransactional(exec, &segment);
			exec->body.attempt = 1;
			mig_nontransactional_execute(exec, &segment);
		}
		exec->body.attempt = 1;
		mig_segment_commit(exec, &segment);
	} while (next < exec->body.script->nstatements);
}

/*
 * Executes a segment and commits it, as often as it takes.  For a statement that
 * cannot run inside a transaction block, which has run already, commits only
 * that it is done, or the version row.  segment NULL: the step in one
 * transaction.
 */
void
mig_segment_commit(MigStepExec *exec, const MigSegment *segment)
{
	ErrorData  *error;

	for (;;)
	{
		error = mig_step_execute(exec, segment);
		if (error == NULL)
		{
			error = mig_xact_commit();
			if (error == NULL)
			{
				mig_compat_injection_point("migrate-after-commit");
				exec->run->result->ncommitted++;
				return;
			}

			/* Whatever COMMIT said: what is there now counts. */
			if (is_committed(exec, segment))
				break;
		}
		else
			mig_xact_abort();

		if (!mig_retry_wait(exec, error))
			ReThrowError(error);
		if (is_committed(exec, segment))
			return;
	}
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("commit of the %s of revision \"%s\" reported an error, but has taken effect: %s",
					exec->body.operation, exec->body.revision,
					error->message)));
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
		if (!script->statements[i].setting)
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

	switch (mig_version_position(version, exec->step))
	{
		case MIG_VERSION_AFTER:
			committed->committed = true;
			return;
		case MIG_VERSION_ELSEWHERE:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("version table \"%s\" was changed during this run",
							version->name),
					 errdetail("Something other than this extension has written it."),
					 errhint("Run the command again; it reads the table anew.")));
			break;
		case MIG_VERSION_BEFORE:
			break;
	}
	if (segment == NULL)
		return;
	partial = mig_partial_find(version->name, MIG_SPI_READ_LATEST);
	committed->committed = partial != NULL && segment->nstatements > 0 &&
		partial->done >= segment->first + segment->nstatements;
}

/*
 * The segment that begins with a statement, by what the catalogs say now.
 */
static void
find_segment(MigStepExec *exec, int first, MigSegment *segment)
{
	Search		search = {exec, first, segment};
	const MigStatement *statements = exec->body.script->statements;

	mig_script_segment(exec->body.script, first, segment);
	for (int i = first; i < first + segment->nstatements; i++)
	{
		if (statements[i].if_partitioned != NULL)
		{
			mig_xact(look_up_partitioned, &search, MIG_XACT_RETRY | MIG_XACT_RAISE);
			return;
		}
	}
}

/*
 * With the body's settings, among which may be the search_path.
 */
static void
look_up_partitioned(void *arg)
{
	Search	   *search = arg;
	MigStepExec *exec = search->exec;
	MigStatement *statements = exec->body.script->statements;
	MigSegment *segment = search->segment;
	int			nest_level = NewGUCNestLevel();

	mig_body_set_settings(&exec->body, search->first);
	for (int i = segment->first; i < segment->first + segment->nstatements; i++)
	{
		if (statements[i].if_partitioned != NULL &&
			is_partitioned(statements[i].if_partitioned))
		{
			statements[i].kind = MIG_STATEMENT_NONTRANSACTIONAL;
			statements[i].tag = "rebuild of a partitioned relation";
		}
	}
	mig_script_segment(exec->body.script, search->first, segment);
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
	return mig_spi_exists(&query, &args, MIG_SPI_CALLER_PATH, MIG_SPI_READ_LATEST);
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
