/*
 * termination.c
 *	  Records a step whose process is terminated.
 *
 * A termination ends the process without unwinding, so no caller can note it.
 * At exit the process can still run a transaction: there the server itself
 * removes temporary tables.  After any other FATAL error than those listed here
 * nothing is known of this process that a transaction could rely on.
 */
#include "postgres.h"

#include "access/xact.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "run/run_internal.h"

static const MigStepExec *current = NULL;

/* The error that ends the process; no code: there is none. */
static int	fatal_sqlstate = 0;
static char fatal_message[256];

static emit_log_hook_type previous_log_hook = NULL;

static void see_fatal(ErrorData *error);
static void record_at_exit(int code, Datum arg);
static bool is_termination(void);
static void write_log(MigLogEntry *entry, char *place,
					  const MigCounters *begin);

/*
 * Called once, from _PG_init().
 */
void
mig_termination_install(void)
{
	previous_log_hook = emit_log_hook;
	emit_log_hook = see_fatal;
}

/*
 * From now on a termination of this process ends that step; NULL: none.
 */
void
mig_termination_watch(const MigStepExec *exec)
{
	static bool registered = false;

	if (!registered && exec != NULL)
	{
		before_shmem_exit(record_at_exit, (Datum) 0);
		registered = true;
	}
	current = exec;
}

static void
see_fatal(ErrorData *error)
{
	if (error->elevel == FATAL && current != NULL && fatal_sqlstate == 0)
	{
		fatal_sqlstate = error->sqlerrcode;
		strlcpy(fatal_message, error->message, sizeof(fatal_message));
	}
	if (previous_log_hook != NULL)
		previous_log_hook(error);
}

/*
 * An error in here would only be another FATAL one, and the exit continues.
 */
static void
record_at_exit(int code, Datum arg)
{
	const MigStepExec *exec = current;
	MigLogEntry entry;
	MigCounters begin;
	char	   *place;

	if (exec == NULL || !is_termination())
		return;
	current = NULL;
	ereport(LOG,
			(errcode(fatal_sqlstate),
			 errmsg("%s of revision \"%s\" on version table \"%s\" was terminated",
					exec->body.operation,
					exec->body.revision ? exec->body.revision : "base",
					exec->entry.version_table),
			 exec->body.statement > 0 ?
			 errdetail("It had come to statement %d at line %d, attempt %d. What was not committed is rolled back.",
					   exec->body.statement, exec->body.line,
					   exec->body.attempt) :
			 errdetail("What was not committed is rolled back."),
			 exec->run->request->via == MIG_VIA_WORKER ?
			 errhint("migrate.jobs shows its job, which another worker resumes.") :
			 errhint("migrate.status shows where the database is. To resume: %s",
					 mig_advice_command(exec->run))));

	/* A function's log rows end with its transaction, however it ends. */
	if (!exec->run->commits)
		return;
	/* What the run has in memory ends with its transaction. */
	MemoryContextSwitchTo(TopMemoryContext);
	begin = exec->begin;
	entry = mig_log_copy(&exec->entry);
	place = mig_body_place(&exec->body);
	AbortOutOfAnyTransaction();
	write_log(&entry, place, &begin);
}

static bool
is_termination(void)
{
	return fatal_sqlstate == ERRCODE_ADMIN_SHUTDOWN ||
		fatal_sqlstate == ERRCODE_CONNECTION_FAILURE;
}

/*
 * place: in the body, as the context of an error has it.  What is around it there may
 * be of any length, and is left out.  Waits neither for a lock nor for a standby:
 * nothing can interrupt it.
 */
static void
write_log(MigLogEntry *entry, char *place, const MigCounters *begin)
{
	ErrorData	error;

	memset(&error, 0, sizeof(error));
	error.sqlerrcode = fatal_sqlstate;
	error.message = fatal_message;
	error.context = place;
	entry->error = &error;
	mig_resource_usage_since(begin, &entry->usage);

	StartTransactionCommand();
	(void) set_config_option("synchronous_commit", "off",
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	/* The session's defaults are not for our own tables. */
	XactIsoLevel = XACT_READ_COMMITTED;
	XactReadOnly = false;
	PushActiveSnapshot(GetTransactionSnapshot());
	mig_log_lock_nowait();
	mig_log_write(entry);
	PopActiveSnapshot();
	CommitTransactionCommand();
}
