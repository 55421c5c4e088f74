/*
 * event.c
 *	  Says what a run does: as JSON to its hooks, by NOTIFY to listeners.
 *
 * A notification is sent by the transaction that does what it tells of, so that
 * what a listener hears has been committed.  A failure takes its transaction with
 * it: it is told by the one that writes the log row of the failed step, which only
 * a run that commits has.
 *
 * Every role that may connect to the database can listen.  So a notification has
 * of an error only its message, which can quote rows, and even that only if the
 * setting comes from a role that has the rights of the runner.
 *
 * The server writes the JSON.  A notification has less than 8,000 bytes, whatever
 * the names and messages are: one character may take six of them.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/command.h"
#include "base/guc.h"
#include "base/server.h"
#include "run/run_internal.h"

/* Characters that a notification has at most of what may be of any length. */
#define MESSAGE_LENGTH			"80"
#define TARGET_LENGTH			"80"
#define ERROR_LENGTH			"500"

/* In SQL: what bind_event() binds; cut(value, length) is how a text is written. */
#define EVENT(cut, more) \
	"pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(" \
	" 'event', $1, 'state', $2, 'run', $3, 'via', $4, 'job', $5," \
	" 'operation', $6, 'target', " cut("$7", TARGET_LENGTH) "," \
	" 'version_table', $8, 'role', pg_catalog.pg_get_userbyid($9)," \
	" 'database', pg_catalog.current_database()," \
	" 'time', pg_catalog.clock_timestamp()," \
	" 'step', $10, 'steps', $11, 'revision', $12," \
	" 'message', " cut("$13", MESSAGE_LENGTH) "," \
	" 'attempts', $14, 'wall_ms', $15, 'sqlstate', $16," \
	" 'error', " cut("$17", ERROR_LENGTH) ", 'note', " cut("$18", ERROR_LENGTH) \
	more "))"
#define WHOLE(value, length)	value
#define CUT(value, length) \
	"CASE WHEN pg_catalog.length(" value ") > " length \
	" THEN pg_catalog.\"left\"(" value ", " length " - 3) || '...' ELSE " value " END"

static void bind_event(MigSpiArgs *args, const MigEvent *event,
					   bool with_error);
static void bind_step(MigSpiArgs *args, const MigEvent *event);
static char *target(const MigRun *run);

/*
 * In the transaction that has made the plan: whether and how the run is told of.
 */
void
mig_event_begin(MigRun *run)
{
	if (mig_guc_notify == NULL || mig_guc_notify[0] == '\0' ||
		run->rehearses || run->request->step != NULL)
		return;
	if (!mig_server_sends_notifications())
	{
		ereport(WARNING,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this server sends no notifications"),
				 errdetail("The setting migrate.notify is \"%s\", and server type \"%s\" has no NOTIFY unless yb_enable_listen_notify is on. The run does without.",
						   mig_guc_notify, run->server->type),
				 errhint("Have a hook tell of it, which migrate_hook() registers.")));
		return;
	}
	run->notify_error = mig_guc_setter_is_trusted("migrate.notify");
	/* A body may set another one. */
	run->notify = MemoryContextStrdup(run->context, mig_guc_notify);
}

/*
 * Tells of it, if the run is told of, when the transaction commits.
 */
void
mig_event_notify(const MigEvent *event)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.pg_notify($19, " EVENT(CUT, "") "::text)"
	};
	const MigRun *run = event->run;
	MigSpiArgs	args = {0};

	if (run->notify == NULL)
		return;
	bind_event(&args, event, run->notify_error);
	mig_spi_arg_text(&args, run->notify);
	(void) mig_spi_exists(&query, &args, MIG_SPI_OWNER, MIG_SPI_WRITE);
}

/*
 * The same as a jsonb for hooks, with all that is known of an error, in the current
 * memory context.
 */
Datum
mig_event_json(const MigEvent *event)
{
	static MigSpiQuery query = {
		"SELECT " EVENT(WHOLE, ", 'detail', $19, 'hint', $20, 'context', $21")
	};
	const ErrorData *error = event->error;
	MigSpiArgs	args = {0};
	Datum		json = (Datum) 0;

	bind_event(&args, event, true);
	mig_spi_arg_message(&args, error == NULL ? NULL : error->detail);
	mig_spi_arg_message(&args, error == NULL ? NULL : error->hint);
	mig_spi_arg_message(&args, error == NULL ? NULL : error->context);
	(void) mig_spi_first_datum(&query, &args, MIG_SPI_OWNER,
							   MIG_SPI_READ_LATEST, JSONBOID, &json);
	return json;
}

static void
bind_event(MigSpiArgs *args, const MigEvent *event, bool with_error)
{
	const MigRun *run = event->run;
	const MigStepExec *exec = &run->exec;
	const ErrorData *error = event->error;
	int64		job = mig_progress_job();

	mig_spi_arg_text(args, event->name);
	mig_spi_arg_text(args, event->state);
	mig_spi_arg_uuid(args, &exec->entry.run);
	mig_spi_arg_text(args, mig_via_name(run->request->via));
	mig_spi_arg_datum(args, INT8OID, Int64GetDatum(job), job == 0);
	mig_spi_arg_text(args, mig_command_name(run->request->command));
	mig_spi_arg_text(args, target(run));
	mig_spi_arg_text(args, exec->entry.version_table);
	mig_spi_arg_oid(args, exec->entry.role);
	bind_step(args, event);
	mig_spi_arg_text(args, error == NULL ? NULL :
					 unpack_sql_state(error->sqlerrcode));
	mig_spi_arg_message(args, error == NULL || !with_error ? NULL :
						error->message);
	mig_spi_arg_text(args, event->of_step ? NULL : run->result->end_reason);
}

/*
 * The step that it is about; of a run, how many steps are done.
 */
static void
bind_step(MigSpiArgs *args, const MigEvent *event)
{
	const MigRun *run = event->run;
	const MigLogEntry *entry = &run->exec.entry;
	bool		of_step = event->of_step;
	bool		ended = of_step && event->ended;

	mig_spi_arg_int32(args, of_step ? entry->step : run->ndone);
	mig_spi_arg_int32(args, run->plan->nsteps);
	mig_spi_arg_text(args, of_step ? entry->revision : NULL);
	mig_spi_arg_text(args, of_step ? run->exec.message : NULL);
	mig_spi_arg_datum(args, INT4OID, Int32GetDatum(entry->attempts), !of_step);
	mig_spi_arg_datum(args, FLOAT8OID, Float8GetDatum(entry->usage.wall_ms),
					  !ended);
}

/*
 * What was asked for; a stamp may have several targets.
 */
static char *
target(const MigRun *run)
{
	const MigRunRequest *request = run->request;
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < request->ntargets; i++)
		appendStringInfo(&buf, "%s%s", i > 0 ? ", " : "", request->targets[i]);
	return buf.data;
}
