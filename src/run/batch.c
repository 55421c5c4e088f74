/*
 * batch.c
 *	  CALL migrate_batch(): runs a statement over a table, batch by batch.
 *
 * A batch is a transaction that looks up a range of the key, runs the statement
 * with its two ends as parameters, and notes in migrate.batch how far it has
 * come.  So whenever the process dies, the next call resumes after the last
 * batch that was committed, and no row is done twice.  The position is read from
 * the row, which is locked, in each of these transactions: whatever is kept in
 * memory can be lost.
 *
 * There are three ways.  By itself, sent by the client, a batch has a name by
 * which it is found again.  As a statement of a body it is a segment of its own
 * (segment.c), for which the CALL is run once for each batch: so a batch has the
 * settings, the role, the locks and the retries of an ordinary segment.  In a
 * transaction that it cannot end it runs to the end of the table.
 *
 * The statement and the look-ups have the rights of the caller and run outside
 * of any mig_spi_begin() scope.
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/printable.h"
#include "base/retry.h"
#include "base/server.h"
#include "base/spi.h"
#include "run/batch_internal.h"
#include "tables/batch.h"

#define MAX_NAME				255 /* bytes */

/* A relation: its name, and its relkind, or 't' if it is temporary. */
typedef struct Named
{
	char	   *name;
	char	   *kind;
} Named;

/* A statement of a batch must not begin another one. */
static bool executing = false;

/* The step whose body calls migrate_batch() now, as a segment. */
static MigStepExec *calling = NULL;
static bool turn_taken = false; /* its batch has begun */

static void check_request(const MigBatchRequest *request);
static void run_in_body(const MigBatchRequest *request);
static void run_in_transaction(const MigBatchRequest *request);
static void run_committing(const MigBatchRequest *request);
static void execute_committing(MigBatch *batch);
static bool wait_to_repeat(MigBatch *batch, int attempt,
						   const ErrorData *error);
static void say_done(const MigBatch *batch);
static void batch_work(void *arg);
static void explain(MigBatch *batch, ErrorData *error);
static void explain_work(void *arg);
static void take_name(const MigBatchRequest *request);
static uint32 lock_key(const char *name);
static bool try_name(const char *name);
static void begin(MigBatch *batch);
static void find_relation(MigBatch *batch);
static void read_named(const MigSpiRow *row, void *result);
static void run_batch(MigBatch *batch);
static int	next_size(const MigBatch *batch, bool full);
static bool others_wait(void);
static void free_key(const MigBatch *batch, Datum *key);

/*
 * Whether a call is one of a body whose batches have begun: who may call it was
 * checked then.
 */
bool
mig_batch_continues(void)
{
	return calling != NULL && calling->batch->known;
}

/*
 * Runs the statement over the table, or one batch of it where a body does.
 */
void
mig_batch_run(const MigBatchRequest *request)
{
	/* Nor may an argument call it. */
	if (executing || (calling != NULL && turn_taken))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("migrate_batch() cannot be called by the statement of a batch")));
	check_request(request);
	executing = true;
	PG_TRY();
	{
		if (calling != NULL)
			run_in_body(request);
		else if (mig_run_is_running() || !request->can_commit)
			run_in_transaction(request);
		else
			run_committing(request);
	}
	PG_FINALLY();
	{
		executing = false;
	}
	PG_END_TRY();
}

static void
check_request(const MigBatchRequest *request)
{
	bool		in_body = mig_run_is_running();

	if (request->size < 1 || request->size > MIG_BATCH_MAX_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch_size must be between 1 and %d", MIG_BATCH_MAX_SIZE)));
	if (isnan(request->pause) || request->pause < 0 ||
		request->pause > MIG_BATCH_MAX_PAUSE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pause must be between 0 and %d", MIG_BATCH_MAX_PAUSE)));
	if (request->name == NULL)
	{
		if (in_body || !request->can_commit)
			return;
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a batch outside of a migration body needs a name"),
				 errdetail("It commits after each batch, and is found by its name when it was interrupted. Nothing was run."),
				 errhint("CALL migrate_batch(..., name => '...'). Inside a transaction block no name is needed: nothing is committed there before all of it is done.")));
	}
	if (in_body)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a batch in a migration body has no name"),
				 errdetail("It is known by its revision and the position of the statement, so that it is run again when the revision is."),
				 errhint("Leave out the argument \"name\".")));
	if (request->name[0] == '\0' || strlen(request->name) > MAX_NAME ||
		mig_printable_find(request->name, "") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("name of a batch must have 1 to %d bytes and no control characters",
						MAX_NAME)));
}

/*
 * A segment of a body begins that is a batch.  In the current memory context,
 * which lasts as long as the segment.
 */
void
mig_batch_begin_in_body(MigStepExec *exec, const MigSegment *segment)
{
	MigBatchPlace *place = palloc(sizeof(MigBatchPlace));
	MigBatch   *batch = palloc0(sizeof(MigBatch));

	place->version = exec->run->version;
	place->revision = exec->step->revision;
	place->operation = exec->step->command;
	place->statement = segment->first + 1;
	batch->place = place;
	batch->context = AllocSetContextCreate(CurrentMemoryContext,
										   "migrate batch",
										   ALLOCSET_SMALL_SIZES);
	exec->batch = batch;
	exec->batched = true;
}

/*
 * Runs a batch by running the statement that calls migrate_batch().  Returns
 * whether it was the last one.  In a subtransaction, as mig_body_execute().
 */
bool
mig_batch_execute_in_body(MigStepExec *exec, const MigSegment *segment)
{
	MigBatch   *batch = exec->batch;

	/* It was not this procedure that was called: then it is done. */
	batch->finished = true;
	/* What the attempt before has written was rolled back. */
	if (exec->body.attempt > 1)
		batch->known = batch->noted = false;
	calling = exec;
	turn_taken = false;
	PG_TRY();
	{
		(void) mig_body_execute(&exec->body, segment->first, 1);
	}
	PG_FINALLY();
	{
		calling = NULL;
	}
	PG_END_TRY();
	return batch->finished;
}

static void
run_in_body(const MigBatchRequest *request)
{
	MigStepExec *exec = calling;
	MigBatch   *batch = exec->batch;

	turn_taken = true;
	batch->request = *request;
	if (batch->known && (batch->relation != request->relation ||
						 strcmp(batch->statement, request->statement) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the arguments of migrate_batch() have changed between two batches"),
				 errhint("A body must give it the same relation and statement each time, so not what depends on the time, for example.")));
	if (!batch->known)
	{
		begin(batch);
		batch->size = Max(batch->size >> Min(exec->body.attempt - 1, 30), 1);
	}
	run_batch(batch);
}

/*
 * All of it in a transaction that is not ours to end.
 */
static void
run_in_transaction(const MigBatchRequest *request)
{
	bool		in_body = mig_run_is_running();
	MemoryContext batch_context;
	MigBatch	batch;

	memset(&batch, 0, sizeof(batch));
	batch.request = *request;
	batch.context = AllocSetContextCreate(CurrentMemoryContext,
										  "migrate batch",
										  ALLOCSET_SMALL_SIZES);
	begin(&batch);
	if (!in_body && !batch.finished)
		ereport(NOTICE,
				(errmsg("all batches are run in one transaction"),
				 errhint("Send CALL migrate_batch(..., name => '...') by itself to commit after each batch.")));
	batch_context = AllocSetContextCreate(CurrentMemoryContext,
										  "migrate batch run",
										  ALLOCSET_SMALL_SIZES);
	while (!batch.finished)
	{
		MemoryContext old_context = MemoryContextSwitchTo(batch_context);

		CHECK_FOR_INTERRUPTS();
		run_batch(&batch);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(batch_context);
	}
	if (!in_body)
		say_done(&batch);
}

/*
 * Sent by the client: commits after each batch.  The transaction that the caller
 * is in is committed first.
 */
static void
run_committing(const MigBatchRequest *request)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(PortalContext,
												  "migrate batches",
												  ALLOCSET_DEFAULT_SIZES);
	int			level = GetCurrentTransactionNestLevel();
	ErrorData  *volatile error = NULL;
	MigBatch	batch;

	memset(&batch, 0, sizeof(batch));
	batch.request = *request;
	MemoryContextSwitchTo(context);
	batch.context = AllocSetContextCreate(context, "migrate batch",
										  ALLOCSET_SMALL_SIZES);
	mig_xact_without_subxacts(request->top_level &&
							  !mig_server()->subtransactions);
	PG_TRY();
	{
		mig_progress_begin(MIG_VIA_PROCEDURE);
		mig_resource_usage_watch(true);
		mig_xact_renew();
		take_name(request);
		execute_committing(&batch);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		mig_xact_abandon_subxacts(level);
		mig_xact_abort();
	}
	PG_END_TRY();
	if (error != NULL && batch.known)
		explain(&batch, error);
	mig_lock_release_job();
	mig_xact_without_subxacts(false);
	mig_resource_usage_watch(false);
	mig_progress_end();
	if (error != NULL)
	{
		mig_retry_make_plain(error);
		ReThrowError(error);
	}
	say_done(&batch);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

static void
execute_committing(MigBatch *batch)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "migrate batch run",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	bool		begun = false;
	int			attempt = 1;

	while (!batch->finished)
	{
		ErrorData  *error;

		CHECK_FOR_INTERRUPTS();
		error = mig_xact(batch_work, batch, 0);
		if (error == NULL)
		{
			if (begun && !batch->finished)
				mig_batch_wait(batch);
			begun = true;
			attempt = 1;
		}
		else
		{
			batch->finished = false;
			batch->known = begun;
			if (!wait_to_repeat(batch, attempt, error))
				ReThrowError(error);
			mig_xact_renew();
			batch->size = Max(batch->size / 2, 1);
			attempt++;
		}
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old_context);
	/* All is done and committed: a cancel has come too late. */
	QueryCancelPending = false;
}

/*
 * After a batch was rolled back: whether it is to be repeated, and if so waits
 * until then.  As for a segment of a body, lock timeouts are bounded by time.
 */
static bool
wait_to_repeat(MigBatch *batch, int attempt, const ErrorData *error)
{
	MemoryContext old_context = MemoryContextSwitchTo(batch->context);
	MigRetryCase failure;
	MigRetry	retry;

	memset(&batch->blockers, 0, sizeof(batch->blockers));
	(void) mig_blocker_find(error, &batch->blockers);
	MemoryContextSwitchTo(old_context);
	if (attempt == 1)
		batch->blocked_since = mig_clock_ms();
	mig_retry_describe(&failure, error);
	failure.via = MIG_VIA_PROCEDURE;
	failure.attempt = failure.stale_attempts = attempt;
	mig_retry_bound_by_time(&failure, &batch->blocked_since);
	retry = mig_retry_decide(&failure);
	if (retry != MIG_RETRY_TRANSACTION)
		return false;
	mig_clock_sleep(mig_retry_say(&failure, error,
								  psprintf("batch \"%s\"",
										   batch->request.name),
								  batch->blockers.who));
	return true;
}

static void
say_done(const MigBatch *batch)
{
	if (batch->was_finished)
		return;
	ereport(NOTICE,
			(errmsg("done: %s", mig_batch_describe_done(batch->rows, batch->batches))));
}

/*
 * The first piece of work notes what is to be done, each further one is a batch.
 */
static void
batch_work(void *arg)
{
	MigBatch   *batch = arg;
	int			nest_level = NewGUCNestLevel();

	mig_step_set_lock_timeout(GUC_ACTION_SAVE);
	if (batch->known)
		run_batch(batch);
	else
		begin(batch);
	AtEOXact_GUC(false, nest_level);
}

/*
 * Adds to an error how far the batches have come, and how to resume.
 */
static void
explain(MigBatch *batch, ErrorData *error)
{
	char	   *detail;

	mig_xact_end_cancel(error);
	if (mig_xact(explain_work, batch, MIG_XACT_BOUNDED) != NULL)
		return;
	detail = batch->batches == 0 ?
		psprintf("Nothing of batch \"%s\" is done.", batch->request.name) :
		psprintf("Batch \"%s\" is partial: %s, up to key %s, are done and stay.",
				 batch->request.name,
				 mig_batch_describe_done(batch->rows, batch->batches), batch->range);
	error->detail = error->detail == NULL ? detail :
		psprintf("%s\n%s", error->detail, detail);
	if (batch->blockers.who != NULL)
	{
		error->detail = psprintf("%s Blocked by %s.", error->detail,
								 batch->blockers.who);
		error->hint = mig_blocker_advise(&batch->blockers);
	}
	detail = psprintf("To resume when the cause is removed: the same CALL.\nTo start over, also with what is done: SELECT migrate_batch_reset(%s);",
					  quote_literal_cstr(batch->request.name));
	error->hint = error->hint == NULL ? detail :
		psprintf("%s\n%s", error->hint, detail);
}

static void
explain_work(void *arg)
{
	MigBatch   *batch = arg;
	MigBatchRow *row = mig_batch_lock(&batch->id);

	batch->rows = row == NULL ? 0 : row->rows;
	batch->batches = row == NULL ? 0 : row->batches;
	if (row != NULL && row->last_key != NULL)
		batch->range = MemoryContextStrdup(batch->context,
										   mig_batch_describe_key(row->last_key,
																  batch->nkey));
}

/*
 * The name belongs to this session until mig_lock_release_job().
 */
static void
take_name(const MigBatchRequest *request)
{
	mig_server_check_locks();
	if (!mig_lock_job(MIG_BATCH_LOCK, lock_key(request->name)))
		mig_batch_refuse_name(request->name);
}

void
mig_batch_refuse_name(const char *name)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.format('Process %s (role %I, application %L) runs it.',"
		"         a.pid, a.usename, a.application_name)"
		"  FROM pg_catalog.pg_locks AS l"
		"  JOIN pg_catalog.pg_stat_activity AS a USING (pid)"
		" WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2"
		"   AND l.database = (SELECT oid FROM pg_catalog.pg_database"
		"                      WHERE datname = pg_catalog.current_database())"
		"   AND l.classid = $1 AND l.objid = $2 LIMIT 1"
	};
	MigSpiArgs	args = {0};
	char	   *who;

	mig_spi_arg_oid(&args, MIG_BATCH_LOCK);
	mig_spi_arg_oid(&args, lock_key(name));
	who = mig_printable(mig_spi_first(&query, &args, MIG_SPI_OWNER,
									  MIG_SPI_READ_LATEST));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("batch \"%s\" is being run by another session", name),
			 who != NULL ? errdetail_internal("%s", who) : 0,
			 errhint("The view migrate.batches shows how far it is; pg_cancel_backend() stops it, and the batches before stay.")));
}

static uint32
lock_key(const char *name)
{
	return hash_bytes((const unsigned char *) name, (int) strlen(name));
}

/*
 * The same until the transaction ends.
 */
static bool
try_name(const char *name)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.pg_try_advisory_xact_lock($1, $2)"
	};
	MigSpiArgs	args = {0};
	Datum		locked;

	mig_spi_arg_int32(&args, MIG_BATCH_LOCK);
	mig_spi_arg_int32(&args, (int32) lock_key(name));
	return mig_spi_first_datum(&query, &args, MIG_SPI_CALLER,
							   MIG_SPI_READ_LATEST, BOOLOID, &locked) &&
		DatumGetBool(locked);
}

/*
 * The name of a batch can be used again.
 */
void
mig_batch_reset(const char *name)
{
	bool		exists;

	if (!mig_batch_may_manage(name, &exists))
	{
		if (!exists)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("batch \"%s\" does not exist", name),
					 errhint("The view migrate.batches lists them. Those of a revision have no name: migrate_resolve() decides about them.")));
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for batch \"%s\"", name),
				 errhint("The role that has begun it, and the owner of the extension, can reset it.")));
	}
	mig_server_check_locks();
	if (!try_name(name))
		mig_batch_refuse_name(name);
	mig_batch_delete(name);
}

/*
 * Finds out what is to be run over what, and from where; checks all of it.
 */
static void
begin(MigBatch *batch)
{
	MemoryContext old_context;

	MemoryContextReset(batch->context);
	old_context = MemoryContextSwitchTo(batch->context);
	batch->relation = batch->request.relation;
	batch->statement = pstrdup(batch->request.statement);
	batch->nkey = batch->request.nkey;
	batch->key = batch->request.key;
	batch->size = batch->request.size;
	batch->recorded = batch->place != NULL || batch->request.name != NULL;
	batch->finished = false;
	batch->end = batch->last = NULL;
	batch->rows = batch->batches = 0;
	batch->range = NULL;
	find_relation(batch);
	mig_batch_find_key(batch);
	mig_batch_check_statement(batch);
	mig_batch_find_position(batch);
	batch->known = true;
	MemoryContextSwitchTo(old_context);
}

static void
find_relation(MigBatch *batch)
{
	static MigSpiQuery query = {
		"SELECT c.oid::pg_catalog.regclass::text,"
		"       CASE WHEN c.relpersistence = 't' THEN 't' ELSE c.relkind END::text"
		"  FROM pg_catalog.pg_class AS c WHERE c.oid = $1"
	};
	MigSpiArgs	args = {0};
	Named		found = {NULL, NULL};
	const char *kind;

	mig_spi_arg_oid(&args, batch->relation);
	if (!mig_spi_row(&query, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST,
					 read_named, &found))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist",
						batch->relation)));
	batch->relation_name = found.name;
	kind = found.kind;
	if (strcmp(kind, "p") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is partitioned, and cannot be run through in batches",
						batch->relation_name),
				 errhint("Use a call for each of its partitions.")));
	if (strcmp(kind, "t") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is temporary, and cannot be run through in batches",
						batch->relation_name),
				 errdetail("It is gone with its session, so that nothing could be resumed.")));
	if (strcmp(kind, "r") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("relation \"%s\" is not a table, and cannot be run through in batches",
						batch->relation_name),
				 errhint("Give a table that is below it; the statement may be about the relation.")));
}

static void
read_named(const MigSpiRow *row, void *result)
{
	Named	   *named = result;

	named->name = mig_spi_row_text(row, 1);
	named->kind = mig_spi_row_text(row, 2);
}

/*
 * Runs the next batch, and notes it.  In a transaction, with the settings that the
 * statement is to have.  What it takes is in the current memory context.
 */
static void
run_batch(MigBatch *batch)
{
	int64		begin = mig_clock_ms();
	Datum	   *first = NULL;
	Datum	   *last = NULL;
	MigBatchStep step;

	if (batch->recorded)
		mig_batch_lock_position(batch);
	if (batch->finished)
		return;
	memset(&step, 0, sizeof(step));
	step.relation = batch->relation;
	step.relation_name = batch->relation_name;
	step.nkey = batch->nkey;
	step.keys = batch->size;
	if (batch->end != NULL)
		first = mig_batch_first_key(batch);
	if (first != NULL)
		last = mig_batch_nth_key(batch, first, batch->size);
	step.finished = last == NULL;
	if (first != NULL && last == NULL)
	{
		last = batch->end;
		step.keys = mig_batch_count_keys(batch, first);
	}
	if (first == NULL)
		step.keys = 0;
	else
	{
		step.last_key = mig_batch_key_texts(batch, last);
		batch->range = psprintf("from key %s to key %s",
								mig_batch_describe_key(mig_batch_key_texts(batch, first),
													   batch->nkey),
								mig_batch_describe_key(step.last_key, batch->nkey));
		step.rows = mig_batch_execute_statement(batch, first, last);
		mig_compat_injection_point("migrate-after-batch");
		batch->range = NULL;
	}

	batch->duration = mig_clock_ms() - begin;
	batch->size = step.size = next_size(batch, !step.finished);
	step.seconds = (mig_clock_ms() - (batch->ended > 0 ? batch->ended : begin)) / 1000.0;
	batch->ended = mig_clock_ms();
	batch->rows += step.rows;
	batch->batches += first != NULL ? 1 : 0;
	batch->finished = step.finished;
	if (batch->recorded)
	{
		/* By now the look-ups keep it from being altered. */
		if (!mig_batch_advance(&batch->id, &step))
		{
			/* The statement itself, or a trigger, may have reset it. */
			mig_batch_lock_position(batch);
			mig_batch_refuse_order(batch);
		}
		batch->last = NULL;
	}
	else if (last != NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(batch->context);

		free_key(batch, batch->last);
		batch->last = mig_batch_parse_key(batch, step.last_key);
		MemoryContextSwitchTo(old_context);
	}
}

/*
 * So large that the next batch should take as long as wanted.  A batch that was cut
 * short by the end says nothing.
 */
static int
next_size(const MigBatch *batch, bool full)
{
	int64		target = batch->request.target;
	double		size = batch->size;

	if (others_wait())
		return Max(batch->size / 2, 1);
	if (target <= 0)
		return batch->request.size;
	if (!full)
		return batch->size;
	size *= Min(Max((double) target / Max(batch->duration, 1), 0.5), 2);
	return (int) Min(Max(size, 1), MIG_BATCH_MAX_SIZE);
}

/*
 * Whether other sessions wait for locks of this transaction.
 */
static bool
others_wait(void)
{
	static MigSpiQuery query = {
		"SELECT FROM pg_catalog.pg_locks AS l"
		" WHERE NOT l.granted AND l.pid <> pg_catalog.pg_backend_pid()"
		"   AND pg_catalog.pg_backend_pid()"
		"       = ANY (pg_catalog.pg_blocking_pids(l.pid))"
	};

	/* There pg_locks asks all nodes, and its waits have no such pids. */
	if (!mig_server()->row_addresses)
		return false;
	return mig_spi_exists(&query, NULL, MIG_SPI_CALLER, MIG_SPI_READ_LATEST);
}

static void
free_key(const MigBatch *batch, Datum *key)
{
	if (key == NULL)
		return;
	for (int i = 0; i < batch->nkey; i++)
	{
		if (!batch->columns[i].by_value)
			pfree(DatumGetPointer(key[i]));
	}
	pfree(key);
}
