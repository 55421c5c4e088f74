/*
 * scheduler.c
 *	  Static worker: looks for jobs in the databases of migrate.databases.
 *
 * The scheduler is connected to no database, so that it keeps nobody from
 * dropping one.  Every migrate.worker_naptime it starts a short-lived process
 * in each database, which looks for what is due, starts the workers and ends.
 * A submitted job does not wait for that: its submitter starts the worker.
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
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/wait_event.h"

#include "base/guc.h"
#include "job/dispatch.h"
#include "job/scan.h"
#include "job/scheduler.h"

#define RESTART_DELAY			5	/* s: after an error; not so short that
									 * one that repeats floods the log */
#define COMPLAINT_INTERVAL		60000	/* ms: how often the same is said of a
										 * database */

/* A database of the list. */
typedef struct Served
{
	char	   *name;
	BackgroundWorkerHandle *look;	/* the last one; NULL: none */
	TimestampTz complained;
} Served;

/* What a look is told, in bgw_extra. */
typedef struct LookStart
{
	Oid			database;
	bool		may_complain;
	MigLeaseHolder scheduler;
} LookStart;

StaticAssertDecl(sizeof(LookStart) <= BGW_EXTRALEN,
				 "what a look is told fits into bgw_extra");

/* As what others know this process. */
static MigLeaseHolder self;

static void introduce(void);
static List *read_databases(List *before);
static void look(Served *served);
static Oid	find_database(const char *name);
static bool may_complain(Served *served);
static bool start_look(Served *served, Oid database);

/*
 * Called while the server loads its libraries.
 */
void
mig_bgw_scheduler_register(void)
{
	BackgroundWorker worker;

	mig_job_start_describe(&worker, "migrate_scheduler_main",
						   "migrate scheduler");
	worker.bgw_restart_time = RESTART_DELAY;
	RegisterBackgroundWorker(&worker);
}

/*
 * What the server calls.
 */
void
migrate_scheduler_main(Datum arg)
{
	List	   *databases;
	TimestampTz next = GetCurrentTimestamp();

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("migrate scheduler");
	introduce();

	MemoryContextSwitchTo(TopMemoryContext);
	databases = read_databases(NIL);
	for (;;)
	{
		long		left;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			databases = read_databases(databases);
			next = GetCurrentTimestamp();
		}
		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next);
		if (left <= 0)
		{
			ListCell   *cell;

			foreach(cell, databases)
				look(lfirst(cell));
			left = mig_guc_worker_naptime * 1000L;
			next = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), left);
		}

		/* The end of a look sets the latch, too. */
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 left, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

/*
 * A restarted scheduler is another one: nobody knows what became of the first.
 */
static void
introduce(void)
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
 * The list of the setting; what is known of a database is kept.
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
 * Starts a look into a database, unless the last one has not ended.
 */
static void
look(Served *served)
{
	pid_t		pid;
	Oid			database;

	if (served->look != NULL)
	{
		if (GetBackgroundWorkerPid(served->look, &pid) != BGWH_STOPPED)
			return;
		pfree(served->look);
		served->look = NULL;
	}
	database = find_database(served->name);
	if (!OidIsValid(database))
	{
		if (may_complain(served))
			ereport(LOG,
					(errcode(ERRCODE_UNDEFINED_DATABASE),
					 errmsg("migrate cannot look for jobs in database \"%s\": it does not exist, or allows no connections",
							served->name)));
	}
	else if (!start_look(served, database) && may_complain(served))
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("migrate could not look for jobs in database \"%s\": no background worker slot is free",
						served->name),
				 errhint("You might need to increase max_worker_processes.")));
}

/*
 * InvalidOid: there is none that can be connected to.
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
 * Whether it is time to say again what is wrong with a database.
 */
static bool
may_complain(Served *served)
{
	TimestampTz now = GetCurrentTimestamp();

	if (!TimestampDifferenceExceeds(served->complained, now,
									COMPLAINT_INTERVAL))
		return false;
	served->complained = now;
	return true;
}

static bool
start_look(Served *served, Oid database)
{
	BackgroundWorker worker;
	LookStart	start;

	memset(&start, 0, sizeof(start));
	start.database = database;
	start.scheduler = self;
	start.may_complain = TimestampDifferenceExceeds(served->complained,
													GetCurrentTimestamp(),
													COMPLAINT_INTERVAL);

	mig_job_start_describe(&worker, "migrate_scan_main", "migrate look");
	snprintf(worker.bgw_name, BGW_MAXLEN, "migrate look into %s",
			 served->name);
	memcpy(worker.bgw_extra, &start, sizeof(start));
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &served->look))
	{
		served->look = NULL;
		return false;
	}
	/* It may find something to say. */
	if (start.may_complain)
		served->complained = GetCurrentTimestamp();
	return true;
}

/*
 * What the server calls for a look.  It runs internal SQL only.
 */
void
migrate_scan_main(Datum arg)
{
	LookStart	start;

	memcpy(&start, MyBgworkerEntry->bgw_extra, sizeof(start));
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(start.database, InvalidOid, 0);

	mig_job_scan(&start.scheduler, start.may_complain);
}
