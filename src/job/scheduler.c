/*
 * scheduler.c
 *	  Scans the databases of migrate.databases for jobs that are due.
 *
 * The scheduler is a static worker and connected to no database, so that DROP
 * DATABASE does not have to wait for it.  Every migrate.worker_naptime it
 * starts a round: in each database a short-lived process, the scan, which
 * dispatches the jobs that are due and ends.  A submitted job does not wait for
 * that: its submitter starts the worker.
 *
 * However many databases there are, only few scans run at a time, because jobs
 * need processes, too.  Where none is free the round continues later with the
 * database that it has come to, so that each one has its turn.
 *
 * On YugabyteDB a process without a database has the catalog version of
 * template1, and nothing renews it (its utils/init/postinit.c returns before
 * that); the workers that come with it connect to a database, and so does the
 * scheduler there.  No DROP DATABASE is held up by it but that of "postgres".
 *
 * On SIGTERM it exits with 1, after which the server starts it again; an error
 * does the same.  On a standby the server starts it after the promotion.
 */
#include "postgres.h"

#include <unistd.h>

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "postmaster/postmaster.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"
#include "utils/wait_event.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guard.h"
#include "base/guc.h"
#include "base/process.h"
#include "base/server.h"
#include "base/xact.h"
#include "job/job_internal.h"
#include "tables/lease.h"

#define RESTART_DELAY			5	/* s: after an error; not so short that
									 * one that repeats floods the log */
#define COMPLAINT_INTERVAL		60000	/* ms: how often a problem of a
										 * database is logged */
#define CONNECTED_DATABASE		"postgres"	/* where it needs one */
#define MAX_SCANS				2	/* at a time: one that has to wait does
									 * not stop the others */
#define SCAN_LIMIT				30000	/* ms: one that takes longer is ended */
#define SLOT_INTERVAL			1000	/* ms: to try again for a free process */
#define SCAN_LOCK_TIMEOUT		"2s"	/* DROP DATABASE fails after 5 s */

/*
 * After how many scans that renewed no lease another node's scheduler takes
 * it: one scan that is late, or meets a conflict, is no reason.
 */
#define LEASE_SCANS				3

/* A database of the list. */
typedef struct Served
{
	char	   *name;
	BackgroundWorkerHandle *scan;	/* that has not ended; NULL: none */
	int64		begun;			/* this and what follows: by mig_clock_ms() */
	int64		complained;		/* 0: never */
} Served;

/* Which databases the round has come to. */
typedef struct Round
{
	List	   *databases;		/* of Served */
	int			next;			/* its turn is next */
	int			nleft;			/* of this round */
	int64		begin;			/* of the next round */
} Round;

/* The arguments of a scan, in bgw_extra. */
typedef struct ScanArgs
{
	Oid			database;
	bool		may_complain;
	MigLeaseHolder scheduler;
} ScanArgs;

StaticAssertDecl(sizeof(ScanArgs) <= BGW_EXTRALEN,
				 "the arguments of a scan fit into bgw_extra");

/* How this process is identified in migrate.lease. */
static MigLeaseHolder self;

extern PGDLLEXPORT void migrate_scheduler_main(Datum arg);
extern PGDLLEXPORT void migrate_scan_main(Datum arg);

static void identify(void);
static List *read_databases(List *before);
static long continue_round(Round *round);
static int	count_scans(const Round *round);
static bool has_ended(Served *served);
static bool begin_scan(Served *served);
static Oid	find_database(const char *name);
static bool may_complain(Served *served);
static bool complaint_is_due(const Served *served);
static bool start_scan(Served *served, Oid database);
static void scan_work(void *arg);

/*
 * Registers the scheduler, while the server loads its libraries.
 */
void
mig_job_scheduler_register(void)
{
	BackgroundWorker worker;

	mig_process_describe(&worker, "migrate_scheduler_main",
						 "migrate scheduler");
	worker.bgw_restart_time = RESTART_DELAY;
	RegisterBackgroundWorker(&worker);
}

/*
 * Entry point of the scheduler.
 */
void
migrate_scheduler_main(Datum arg)
{
	Round		round = {0};

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(mig_server()->bare_processes ?
										 NULL : CONNECTED_DATABASE, NULL, 0);
	pgstat_report_appname("migrate scheduler");
	identify();

	MemoryContextSwitchTo(TopMemoryContext);
	round.databases = read_databases(NIL);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			round.databases = read_databases(round.databases);
			round.nleft = 0;
			round.begin = 0;
		}

		/* The end of a scan sets the latch, too. */
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 continue_round(&round), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

/*
 * Begins as many scans as may run now.  Returns after how many milliseconds it
 * is to be called again, if nothing happens before.
 */
static long
continue_round(Round *round)
{
	int			nscans = count_scans(round);
	int			ndatabases = list_length(round->databases);
	int64		now = mig_clock_ms();

	if (round->nleft == 0 && now >= round->begin)
	{
		round->nleft = ndatabases;
		round->begin = now + mig_guc_worker_naptime * INT64CONST(1000);
	}
	while (round->nleft > 0 && nscans < MAX_SCANS)
	{
		Served	   *served = list_nth(round->databases, round->next % ndatabases);

		/* One of the round before is not begun again beside itself. */
		if (served->scan == NULL)
		{
			if (!begin_scan(served))
				break;
			if (served->scan != NULL)
				nscans++;
		}
		round->next = (round->next + 1) % ndatabases;
		round->nleft--;
	}
	if (round->nleft > 0 || nscans > 0)
		return SLOT_INTERVAL;
	return (long) Max(round->begin - now, 0);
}

/*
 * How many scans are running.
 */
static int
count_scans(const Round *round)
{
	int			nscans = 0;
	ListCell   *cell;

	foreach(cell, round->databases)
	{
		Served	   *served = lfirst(cell);

		if (served->scan == NULL || has_ended(served))
			continue;
		nscans++;
		if (mig_clock_ms() - served->begun > SCAN_LIMIT)
			TerminateBackgroundWorker(served->scan);
	}
	return nscans;
}

/*
 * Whether the scan of a database has ended; then it is forgotten.
 */
static bool
has_ended(Served *served)
{
	pid_t		pid;

	if (GetBackgroundWorkerPid(served->scan, &pid) != BGWH_STOPPED)
		return false;
	pfree(served->scan);
	served->scan = NULL;
	return true;
}

/*
 * A restarted scheduler has another identity, because the scans of the one
 * before may still be running.
 */
static void
identify(void)
{
	char		host[sizeof(self.node) - sizeof(":65535")];

	memcpy(&self.id, DatumGetUUIDP(DirectFunctionCall1(gen_random_uuid, (Datum) 0)),
		   sizeof(self.id));
	self.pid = MyProcPid;
	if (gethostname(host, sizeof(host)) != 0)
		strlcpy(host, "unknown", sizeof(host));
	host[sizeof(host) - 1] = '\0';
	snprintf(self.node, sizeof(self.node), "%s:%d", host, PostPortNumber);
}

/*
 * The list of the setting.  Keeps the state of the databases that were in it.
 */
static List *
read_databases(List *before)
{
	List	   *names = mig_guc_database_names();
	List	   *databases = NIL;
	ListCell   *cell;

	foreach(cell, names)
	{
		char	   *name = lfirst(cell);
		Served	   *served = NULL;
		ListCell   *old;

		foreach(old, before)
		{
			if (strcmp(((Served *) lfirst(old))->name, name) == 0)
				served = lfirst(old);
		}
		if (served == NULL)
		{
			served = palloc0(sizeof(Served));
			served->name = name;
		}
		databases = list_append_unique_ptr(databases, served);
	}
	return databases;
}

/*
 * Starts a scan of a database, unless there is none to connect to.  false: no
 * process is free.
 */
static bool
begin_scan(Served *served)
{
	Oid			database = find_database(served->name);

	if (!OidIsValid(database))
	{
		if (may_complain(served))
			ereport(LOG,
					(errcode(ERRCODE_UNDEFINED_DATABASE),
					 errmsg("migrate cannot scan database \"%s\" for jobs: it does not exist or does not accept connections",
							served->name)));
		return true;
	}
	if (start_scan(served, database))
		return true;
	if (may_complain(served))
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("migrate could not scan database \"%s\" for jobs: no background worker slot is free",
						served->name),
				 errhint("You might need to increase max_worker_processes.")));
	return false;
}

/*
 * The database of that name, InvalidOid if there is none to connect to.
 *
 * Without a database there is no SQL, and not even an index can be relied on:
 * this is how the server's own launchers read their catalogs.
 */
static Oid
find_database(const char *name)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			database = InvalidOid;
	Relation	catalog;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	catalog = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(catalog, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database row = (Form_pg_database) GETSTRUCT(tuple);

		if (strcmp(NameStr(row->datname), name) == 0 && row->datallowconn)
			database = row->oid;
	}
	table_endscan(scan);
	table_close(catalog, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return database;
}

/*
 * Whether a problem of a database may be logged again.
 */
static bool
may_complain(Served *served)
{
	if (!complaint_is_due(served))
		return false;
	served->complained = mig_clock_ms();
	return true;
}

static bool
complaint_is_due(const Served *served)
{
	return served->complained == 0 ||
		mig_clock_ms() - served->complained >= COMPLAINT_INTERVAL;
}

static bool
start_scan(Served *served, Oid database)
{
	BackgroundWorker worker;
	ScanArgs	args;

	memset(&args, 0, sizeof(args));
	args.database = database;
	args.scheduler = self;
	args.may_complain = complaint_is_due(served);

	mig_process_describe(&worker, "migrate_scan_main", "migrate scan");
	snprintf(worker.bgw_name, BGW_MAXLEN, "migrate scan of %s",
			 served->name);
	memcpy(worker.bgw_extra, &args, sizeof(args));
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &served->scan))
	{
		served->scan = NULL;
		return false;
	}
	served->begun = mig_clock_ms();
	/* It may log a problem. */
	if (args.may_complain)
		served->complained = served->begun;
	return true;
}

/*
 * Entry point of a scan.  It runs internal SQL only.
 */
void
migrate_scan_main(Datum arg)
{
	ScanArgs	args;
	ErrorData  *error;

	memcpy(&args, MyBgworkerEntry->bgw_extra, sizeof(args));
	mig_process_connect(args.database, InvalidOid);

	mig_xact_begin_process();
	error = mig_xact(scan_work, &args, MIG_XACT_OWN_TABLES);
	if (error != NULL && args.may_complain)
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("migrate could not scan database \"%s\" for jobs: %s",
						get_database_name(MyDatabaseId), error->message)));
	mig_xact_end_process();
}

/*
 * Dispatches the jobs that are due, if this scheduler has the lease.
 */
static void
scan_work(void *arg)
{
	const ScanArgs *args = arg;
	int			ndue;

	(void) set_config_option("lock_timeout", SCAN_LOCK_TIMEOUT,
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	mig_guard_check_objects();
	if (!mig_server()->many_schedulers ||
		mig_lease_take(&args->scheduler, LEASE_SCANS * mig_guc_worker_naptime))
		(void) mig_job_dispatch(&ndue);
}
