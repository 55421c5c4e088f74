/*
 * yb_sim_remote.c
 *	  The connection over which DDL commits by itself.
 *
 * It goes to the same database, is opened when it is first needed and kept as
 * long as this process.  It belongs to the bootstrap superuser, which becomes
 * the current user and makes the settings of this session before a statement.
 * Nothing is imitated at its other end.
 *
 * Whatever holds the statement up there, this process waits for it, and the
 * server does not see that as waiting: a lock of this very transaction would
 * hold up both for ever.  Such a lock is looked for, and lock_timeout helps
 * where others stand in between.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "libpq-fe.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "yb_sim.h"

#define LOOK_AFTER_LOCKS	20	/* ms */

/* What matters to DDL and to the functions that it calls. */
static const char *const settings[] = {
	"DateStyle",
	"IntervalStyle",
	"TimeZone",
	"bytea_output",
	"check_function_bodies",
	"client_min_messages",
	"default_table_access_method",
	"default_tablespace",
	"default_toast_compression",
	"extra_float_digits",
	"maintenance_work_mem",
	"row_security",
	"search_path",
	"session_replication_role",
	"standard_conforming_strings",
	"statement_timeout",
};

static int	ddl_lock_timeout = 2000;

static PGconn *connection = NULL;
static char *prepared = NULL;	/* the last of prepare()'s */
static PGresult *result = NULL; /* of the last statement */

static void connect_once(void);
static const char *own_host(void);
static void prepare(void);
static uint64 execute(const char *text, int offset);
static void get_results(void);
static void wait_for_input(void);
static bool is_waiting_for_us(void);
static void cancel(void);
static void disconnect(int code, Datum arg);
static void notice(void *arg, const PGresult *said);
static void raise_error(int offset);
static int	sqlstate_of(const PGresult *said);

void
yb_sim_remote_define(void)
{
	DefineCustomIntVariable("yb_sim.ddl_lock_timeout",
							"Sets how long DDL that commits by itself waits for a lock.",
							NULL, &ddl_lock_timeout, 2000, 1, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
}

/*
 * Executes a statement.  Returns how many rows it was about.  An error is
 * raised as if it had happened here; offset is the number of characters in
 * front of the statement in what this session executes.
 */
uint64
yb_sim_remote_execute(const char *statement, int offset)
{
	connect_once();
	prepare();
	/* Also a catalog scan takes a snapshot that others wait for. */
	InvalidateCatalogSnapshot();
	return execute(statement, offset);
}

static void
connect_once(void)
{
	static bool registered = false;
	char		port[16];
	const char *keywords[] = {"host", "port", "dbname", "user",
	"client_encoding", "application_name", "options", NULL};
	const char *values[] = {own_host(), port, get_database_name(MyDatabaseId),
		GetUserNameFromId(BOOTSTRAP_SUPERUSERID, false),
	GetDatabaseEncodingName(), "yb_sim", "-c yb_sim.enabled=off", NULL};

	if (connection != NULL && PQstatus(connection) == CONNECTION_OK)
		return;
	disconnect(0, (Datum) 0);
	if (!registered)
		before_shmem_exit(disconnect, (Datum) 0);
	registered = true;
	snprintf(port, sizeof(port), "%d", PostPortNumber);
	connection = PQconnectdbParams(keywords, values, false);
	if (PQstatus(connection) != CONNECTION_OK)
		ereport(ERROR,
				(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
				 errmsg("could not open the connection for DDL: %s",
						PQerrorMessage(connection))));
	PQsetNoticeReceiver(connection, notice, NULL);
}

static const char *
own_host(void)
{
	char	   *host = pstrdup(Unix_socket_directories);

	host[strcspn(host, ",")] = '\0';
	return host[0] == '\0' ? "localhost" : host;
}

/*
 * The superuser makes the settings, then is the current user.
 */
static void
prepare(void)
{
	StringInfoData text;
	int			timeout = LockTimeout > 0 ?
	Min(LockTimeout, ddl_lock_timeout) : ddl_lock_timeout;

	initStringInfo(&text);
	appendStringInfo(&text, "RESET SESSION AUTHORIZATION;"
					 " SET lock_timeout = %d;", timeout);
	for (int i = 0; i < (int) lengthof(settings); i++)
		appendStringInfo(&text,
						 " SELECT pg_catalog.set_config('%s', %s, false);",
						 settings[i],
						 quote_literal_cstr(GetConfigOption(settings[i],
															false, false)));
	appendStringInfo(&text, " SET SESSION AUTHORIZATION %s",
					 quote_identifier(GetUserNameFromId(GetUserId(), false)));
	if (prepared != NULL && strcmp(prepared, text.data) == 0)
		return;
	(void) execute(text.data, 0);
	if (prepared != NULL)
		pfree(prepared);
	prepared = MemoryContextStrdup(TopMemoryContext, text.data);
}

static uint64
execute(const char *text, int offset)
{
	if (!PQsendQuery(connection, text))
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("could not send DDL: %s", PQerrorMessage(connection))));
	PG_TRY();
	{
		get_results();
	}
	PG_CATCH();
	{
		cancel();
		PG_RE_THROW();
	}
	PG_END_TRY();
	raise_error(offset);
	return strtoul(PQcmdTuples(result), NULL, 10);
}

/*
 * An error is the last one.
 */
static void
get_results(void)
{
	PGresult   *next;

	do
	{
		while (PQisBusy(connection))
		{
			wait_for_input();
			if (!PQconsumeInput(connection))
				break;
		}
		next = PQgetResult(connection);
		if (next != NULL)
		{
			PQclear(result);
			result = next;
		}
	} while (next != NULL);
}

static void
wait_for_input(void)
{
	int			events = WaitLatchOrSocket(MyLatch,
										   WL_LATCH_SET | WL_SOCKET_READABLE |
										   WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
										   PQsocket(connection),
										   LOOK_AFTER_LOCKS,
										   PG_WAIT_EXTENSION);

	if (events & WL_LATCH_SET)
		ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	if ((events & WL_TIMEOUT) && is_waiting_for_us())
		yb_sim_fail_raise(YB_SIM_EXPIRED);
}

static bool
is_waiting_for_us(void)
{
	Datum		pid = Int32GetDatum(PQbackendPID(connection));
	ArrayType  *blockers = DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids,
																  pid));
	int			nblockers = ArrayGetNItems(ARR_NDIM(blockers),
										   ARR_DIMS(blockers));

	for (int i = 0; i < nblockers; i++)
	{
		if (((int32 *) ARR_DATA_PTR(blockers))[i] == MyProcPid)
			return true;
	}
	return false;
}

/*
 * Returns when the statement has ended.
 */
static void
cancel(void)
{
	PGcancel   *request = PQgetCancel(connection);
	PGresult   *unused;
	char		ignored[256];

	if (request == NULL)
		return;
	(void) PQcancel(request, ignored, sizeof(ignored));
	PQfreeCancel(request);
	while ((unused = PQgetResult(connection)) != NULL)
		PQclear(unused);
}

/*
 * Also when this process ends in the midst of a statement.
 */
static void
disconnect(int code, Datum arg)
{
	if (connection == NULL)
		return;
	if (PQtransactionStatus(connection) == PQTRANS_ACTIVE)
		cancel();
	PQfinish(connection);
	connection = NULL;
	if (prepared != NULL)
		pfree(prepared);
	prepared = NULL;
}

static void
notice(void *arg, const PGresult *said)
{
	const char *severity = PQresultErrorField(said,
											  PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *message = PQresultErrorField(said, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(said, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(said, PG_DIAG_MESSAGE_HINT);
	int			level = NOTICE;

	if (severity != NULL && strcmp(severity, "WARNING") == 0)
		level = WARNING;
	else if (severity != NULL && strcmp(severity, "INFO") == 0)
		level = INFO;
	ereport(level,
			(errcode(sqlstate_of(said)),
			 errmsg_internal("%s", message ? message : ""),
			 detail ? errdetail_internal("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0));
}

static void
raise_error(int offset)
{
	ExecStatusType status = PQresultStatus(result);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
	const char *position = PQresultErrorField(result,
											  PG_DIAG_STATEMENT_POSITION);
	const char *schema = PQresultErrorField(result, PG_DIAG_SCHEMA_NAME);
	const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
	const char *column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);
	const char *constraint = PQresultErrorField(result,
												PG_DIAG_CONSTRAINT_NAME);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return;
	ereport(ERROR,
			(errcode(sqlstate_of(result)),
			 errmsg_internal("%s", message ? message :
							 PQerrorMessage(connection)),
			 detail ? errdetail_internal("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0,
			 context ? errcontext("%s", context) : 0,
			 position ? errposition(atoi(position) + offset) : 0,
			 schema ? err_generic_string(PG_DIAG_SCHEMA_NAME, schema) : 0,
			 table ? err_generic_string(PG_DIAG_TABLE_NAME, table) : 0,
			 column ? err_generic_string(PG_DIAG_COLUMN_NAME, column) : 0,
			 constraint ? err_generic_string(PG_DIAG_CONSTRAINT_NAME,
											 constraint) : 0));
}

static int
sqlstate_of(const PGresult *said)
{
	const char *code = PQresultErrorField(said, PG_DIAG_SQLSTATE);

	return code != NULL && strlen(code) == 5 ?
		MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4]) :
		ERRCODE_CONNECTION_FAILURE;
}
