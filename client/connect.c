/*
 * connect.c
 *	  Sessions, queries, and how their rows are printed.
 */
#include "postgres_fe.h"

#include "common/logging.h"
#include "common/string.h"
#include "fe_utils/cancel.h"
#include "fe_utils/print.h"
#include "fe_utils/string_utils.h"

#include "pg_migrate.h"

static PGconn *connect_once(const char *password);
static void receive_notice(void *arg, const PGresult *result);
static void ignore_notice(void *arg, const PGresult *result);
static bool has_value(const PGresult *result, const char *column, const char *value);
static void print_rows(const Session *session, const PGresult *result);

Session *
open_session(void)
{
	Session    *session = pg_malloc0(sizeof(Session));
	PGresult   *result;

	if (options.prompt == PROMPT_ALWAYS)
		session->password = simple_prompt("Password: ", false);
	session->conn = connect_once(session->password);
	if (PQstatus(session->conn) == CONNECTION_BAD &&
		PQconnectionNeedsPassword(session->conn) &&
		session->password == NULL && options.prompt != PROMPT_NEVER)
	{
		PQfinish(session->conn);
		session->password = simple_prompt("Password: ", false);
		session->conn = connect_once(session->password);
	}
	if (PQstatus(session->conn) == CONNECTION_BAD)
		pg_fatal("%s", PQerrorMessage(session->conn));
	PQsetNoticeReceiver(session->conn, receive_notice, NULL);

	/*
	 * Its functions may be in any schema, in or outside of search_path, which
	 * another role may have set for the database: as everywhere here, no
	 * operator is looked up in it.
	 */
	result = PQexec(session->conn,
					"SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension AS e"
					"  JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace"
					" WHERE e.extname OPERATOR(pg_catalog.=) 'migrate'");
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		pg_fatal("%s", PQerrorMessage(session->conn));
	if (PQntuples(result) == 0)
	{
		pg_log_error("database \"%s\" does not have the extension migrate",
					 PQdb(session->conn));
		pg_log_error_hint("A superuser creates it with CREATE EXTENSION migrate.");
		exit(EXIT_FAILED);
	}
	session->schema = pg_strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	return session;
}

PGconn *
open_watcher(const Session *session)
{
	PGconn	   *conn = connect_once(session->password);

	if (PQstatus(conn) == CONNECTION_OK)
	{
		/* That there is no progress is seen. */
		PQsetNoticeReceiver(conn, ignore_notice, NULL);
		return conn;
	}
	PQfinish(conn);
	return NULL;
}

static PGconn *
connect_once(const char *password)
{
	const char *keywords[] = {"host", "port", "user", "password", "dbname",
	"fallback_application_name", "client_encoding", NULL};
	const char *values[] = {options.host, options.port, options.username,
		password, options.dbname, progname,
	getenv("PGCLIENTENCODING") != NULL ? NULL : "auto", NULL};

	/* A connection string in dbname overrides what stands before it. */
	return PQconnectdbParams(keywords, values, true);
}

static PGresult *
execute(Session *session, const char *query,
		int nparams, const char *const *params)
{
	char	   *text = expand_query(session, query);
	PGresult   *result;

	SetCancelConn(session->conn);
	result = PQexecParams(session->conn, text, nparams, NULL, params,
						  NULL, NULL, 0);
	ResetCancelConn();
	pg_free(text);
	return result;
}

PGresult *
run_query(Session *session, const char *query,
		  int nparams, const char *const *params)
{
	PGresult   *result = execute(session, query, nparams, params);

	if (PQresultStatus(result) == PGRES_TUPLES_OK ||
		PQresultStatus(result) == PGRES_COMMAND_OK)
		return result;
	print_error(PQresultErrorMessage(result));
	print_missing_grants(session, PQresultErrorField(result, PG_DIAG_SQLSTATE),
						 query);
	PQclear(result);
	return NULL;
}

/*
 * The server names one object that the role may not use.  It takes a GRANT for
 * each that the query names, and for their schemas.
 */
void
print_missing_grants(Session *session, const char *sqlstate, const char *query)
{
	const char *params[] = {NULL};
	char	   *text;
	char	   *grants;

	if (sqlstate == NULL || strcmp(sqlstate, "42501") != 0)
		return;
	params[0] = text = expand_query(session, query);
	grants = ask_quietly(session,
						 "SELECT pg_catalog.string_agg(pg_catalog.format('GRANT %s TO %I;', g.what, CURRENT_USER), E'\\n' ORDER BY g.part, g.what)"
						 "  FROM (SELECT 1, pg_catalog.format('USAGE ON SCHEMA %I', n.nspname)"
						 "          FROM pg_catalog.pg_namespace AS n"
						 "         WHERE NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
						 "           AND pg_catalog.strpos($1, pg_catalog.concat(' ', pg_catalog.quote_ident(n.nspname), '.')) OPERATOR(pg_catalog.>) 0"
						 "        UNION ALL"
						 "        SELECT 2, pg_catalog.format(CASE WHEN p.prokind OPERATOR(pg_catalog.=) 'p' THEN 'EXECUTE ON PROCEDURE %I.%I' ELSE 'EXECUTE ON FUNCTION %I.%I' END, n.nspname, p.proname)"
						 "          FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace"
						 "         WHERE NOT pg_catalog.has_function_privilege(p.oid, 'EXECUTE')"
						 "           AND pg_catalog.strpos($1, pg_catalog.concat(' ', pg_catalog.quote_ident(n.nspname), '.', p.proname, '(')) OPERATOR(pg_catalog.>) 0"
						 "        UNION ALL"
						 "        SELECT 3, pg_catalog.format('SELECT ON %I.%I', n.nspname, c.relname)"
						 "          FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
						 "         WHERE n.nspname OPERATOR(pg_catalog.=) 'migrate' AND c.relkind OPERATOR(pg_catalog.=) 'v'"
						 "           AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')"
						 "           AND pg_catalog.concat($1, ' ') OPERATOR(pg_catalog.~) pg_catalog.concat(' migrate[.]', c.relname, '[^[:alnum:]_]')"
						 "       ) AS g (part, what)",
						 1, params);
	if (grants != NULL)
		fprintf(stderr, "HINT:  To grant it:\n%s\n", grants);
	pg_free(grants);
	pg_free(text);
}

/*
 * The first column of the first row, or NULL.
 */
static char *
first_value(const PGresult *result)
{
	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0 &&
		!PQgetisnull(result, 0, 0))
		return pg_strdup(PQgetvalue(result, 0, 0));
	return NULL;
}

char *
run_question(Session *session, const char *query,
			 int nparams, const char *const *params)
{
	PGresult   *result = run_query(session, query, nparams, params);
	char	   *answer = first_value(result);

	PQclear(result);
	return answer;
}

char *
ask_quietly(Session *session, const char *query,
			int nparams, const char *const *params)
{
	PGresult   *result = execute(session, query, nparams, params);
	char	   *answer = first_value(result);

	PQclear(result);
	return answer;
}

char *
expand_query(const Session *session, const char *query)
{
	PQExpBufferData text;

	initPQExpBuffer(&text);
	for (const char *c = query; *c != '\0'; c++)
	{
		if (*c == '@')
			appendPQExpBuffer(&text, "%s.", session->schema);
		else
			appendPQExpBufferChar(&text, *c);
	}
	if (PQExpBufferDataBroken(text))
		pg_fatal("out of memory");
	return text.data;
}

ExitCode
print_query(Session *session, const char *query,
			int nparams, const char *const *params)
{
	bool		found;

	return print_and_find(session, query, nparams, params, NULL, NULL, &found);
}

/*
 * The same, but without rows a message in the place of a table.
 */
ExitCode
print_or_say(Session *session, const char *query, int nparams,
			 const char *const *params, const char *message)
{
	PGresult   *result;

	if (options.format != FORMAT_TABLE)
		return print_query(session, query, nparams, params);
	result = run_query(session, query, nparams, params);
	if (result == NULL)
		return EXIT_FAILED;
	if (PQntuples(result) > 0)
		print_rows(session, result);
	else if (!options.quiet)
		fprintf(stderr, "%s\n", message);
	PQclear(result);
	return EXIT_DONE;
}

ExitCode
print_and_find(Session *session, const char *query,
			   int nparams, const char *const *params,
			   const char *column, const char *value, bool *found)
{
	char	   *text = NULL;
	PGresult   *result;

	if (options.format == FORMAT_JSON)
		query = text = psprintf("SELECT COALESCE(pg_catalog.json_agg(q), '[]'::pg_catalog.json) FROM (%s) AS q",
								query);
	result = run_query(session, query, nparams, params);
	pg_free(text);
	if (result == NULL)
		return EXIT_FAILED;
	print_rows(session, result);
	*found = column != NULL && has_value(result, column, value);
	PQclear(result);
	return EXIT_DONE;
}

/*
 * Whether a row has a value in a column.  In JSON no text has a quote that is none
 * of its own.
 */
static bool
has_value(const PGresult *result, const char *column, const char *value)
{
	int			number = PQfnumber(result, column);

	if (options.format == FORMAT_JSON)
		return strstr(PQgetvalue(result, 0, 0),
					  psprintf("\"%s\":\"%s\"", column, value)) != NULL;
	for (int row = 0; row < PQntuples(result); row++)
	{
		if (strcmp(PQgetvalue(result, row, number), value) == 0)
			return true;
	}
	return false;
}

static void
print_rows(const Session *session, const PGresult *result)
{
	printQueryOpt opt = {0};

	if (options.format == FORMAT_JSON)
	{
		printf("%s\n", PQgetvalue(result, 0, 0));
		return;
	}
	opt.topt.format = options.format == FORMAT_CSV ? PRINT_CSV :
		options.format == FORMAT_LINES ? PRINT_UNALIGNED : PRINT_ALIGNED;
	opt.topt.tuples_only = options.format == FORMAT_LINES;
	opt.topt.fieldSep.separator = "|";
	opt.topt.recordSep.separator = "\n";
	opt.topt.csvFieldSep[0] = ',';
	opt.topt.expanded = options.details && options.format == FORMAT_TABLE;
	opt.topt.border = 1;
	opt.topt.start_table = true;
	opt.topt.stop_table = true;
	opt.topt.default_footer = true;
	opt.topt.encoding = PQclientEncoding(session->conn);
	printQuery(result, &opt, stdout, false, NULL);
}

void
print_error(const char *message)
{
	fputs(message, stderr);
}

bool
is_warning(const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	return severity != NULL && strcmp(severity, "WARNING") == 0;
}

static void
ignore_notice(void *arg, const PGresult *result)
{
}

static void
receive_notice(void *arg, const PGresult *result)
{
	(void) print_notice(result);
}

bool
print_notice(const PGresult *result)
{
	bool		printed = !options.quiet || is_warning(result);

	if (printed)
		print_error(PQresultErrorMessage(result));
	return printed;
}
