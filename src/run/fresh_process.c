/*
 * fresh_process.c
 *	  Has a new process do what this one cannot.
 *
 * On YugabyteDB a process whose catalog cache is out of date can write no table
 * until its client sends the next command.  What it must not leave behind is the
 * note that a statement was started which it knows to have failed: the next run
 * would have to take its outcome for unknown.  A background worker, whose cache
 * is new, takes the note back.
 *
 * Must never be more than that: the session that starts it has no other way to
 * say what is to be done, and it has the rights of the extension's owner.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"

#include "base/process.h"
#include "run/run_internal.h"
#include "tables/partial.h"

/* The arguments of the process, in bgw_extra. */
typedef struct ForgetArgs
{
	Oid			database;
	int			statement;		/* the first one of the segment, from 1 */
	pg_uuid_t	run;
} ForgetArgs;

StaticAssertDecl(sizeof(ForgetArgs) <= BGW_EXTRALEN,
				 "the arguments of the process fit into bgw_extra");

extern PGDLLEXPORT void migrate_forget_main(Datum arg);

static void forget_work(void *arg);

/*
 * Has the note deleted that this run has started a statement, and waits until
 * that is done; between two transactions.  false: no process can be started.
 * If it fails it says so in the server log, and the note stays.
 */
bool
mig_fresh_process_forget(const pg_uuid_t *run, int statement)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	ForgetArgs	args = {MyDatabaseId, statement, *run};

	mig_process_describe(&worker, "migrate_forget_main", "migrate forget");
	memcpy(worker.bgw_extra, &args, sizeof(args));
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		return false;
	return WaitForBackgroundWorkerShutdown(handle) == BGWH_STOPPED;
}

/*
 * Entry point of the process.  It runs internal SQL only.
 */
void
migrate_forget_main(Datum arg)
{
	ForgetArgs	args;
	ErrorData  *error;

	memcpy(&args, MyBgworkerEntry->bgw_extra, sizeof(args));
	mig_process_connect(args.database, InvalidOid);

	mig_xact_begin_process();
	error = mig_xact(forget_work, &args, MIG_XACT_OWN_TABLES | MIG_XACT_RETRY);
	if (error != NULL)
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("migrate could not note that a statement has failed: %s",
						error->message)));
	mig_xact_end_process();
}

static void
forget_work(void *arg)
{
	const ForgetArgs *args = arg;

	mig_partial_forget_of_run(&args->run, args->statement);
}
