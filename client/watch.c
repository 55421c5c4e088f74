/*
 * watch.c
 *	  Runs a long statement and shows how far it is.
 *
 * On a terminal a second session asks migrate.progress_details a few times a
 * second, and the last line of the screen is a bar; notices of the server scroll
 * above it.  Otherwise there are the notices alone, one for each step.
 */
#include "postgres_fe.h"

#include <sys/ioctl.h>
#include <sys/select.h>
#include <unistd.h>

#include "common/logging.h"
#include "fe_utils/cancel.h"
#include "fe_utils/string_utils.h"

#include "pg_migrate.h"

/* Milliseconds between two looks, also before the first one: most runs that
 * have nothing to do have ended by then, without a second connection. */
#define LOOK_INTERVAL 250

#define BAR_WIDTH 20

typedef struct Watch
{
	Session    *session;
	const char *job;
	PGconn	   *watcher;		/* NULL: not yet, or none */
	bool		failed;			/* it cannot be asked */
	bool		drawn;			/* the bar is on the screen */
	bool		warned;
} Watch;

static void look(Watch *watch);
static void draw(Watch *watch, const PGresult *row);
static void erase(Watch *watch);
static void receive_notice(void *arg, const PGresult *result);
static char *finish(Watch *watch);

char *
run_watched(Session *session, const char *statement,
			int nparams, const char *const *params,
			const char *job, bool *warned)
{
	Watch		watch = {session, job};
	bool		terminal = isatty(STDERR_FILENO) && !options.quiet;
	char	   *text = expand_query(session, statement);
	PQnoticeReceiver receiver = PQsetNoticeReceiver(session->conn, receive_notice, &watch);
	char	   *sqlstate;

	SetCancelConn(session->conn);
	if (!PQsendQueryParams(session->conn, text, nparams, NULL, params, NULL, NULL, 0))
		pg_fatal("%s", PQerrorMessage(session->conn));
	while (PQconsumeInput(session->conn) && PQisBusy(session->conn))
	{
		int			sock = PQsocket(session->conn);
		struct timeval wait = {0, LOOK_INTERVAL * 1000};
		fd_set		input;
		int			ready;

		FD_ZERO(&input);
		FD_SET(sock, &input);
		ready = select(sock + 1, &input, NULL, NULL, terminal ? &wait : NULL);
		if (ready == 0)
			look(&watch);
	}
	sqlstate = finish(&watch);
	ResetCancelConn();
	PQsetNoticeReceiver(session->conn, receiver, NULL);
	print_missing_grants(session, sqlstate, statement);
	if (watch.watcher != NULL)
		PQfinish(watch.watcher);
	*warned = watch.warned;
	pg_free(text);
	return sqlstate;
}

/*
 * Reads what is left of the statement's result.
 */
static char *
finish(Watch *watch)
{
	PGconn	   *conn = watch->session->conn;
	char	   *sqlstate = NULL;
	PGresult   *result;

	while ((result = PQgetResult(conn)) != NULL)
	{
		if (PQresultStatus(result) == PGRES_FATAL_ERROR)
		{
			const char *field = PQresultErrorField(result, PG_DIAG_SQLSTATE);

			erase(watch);
			print_error(PQresultErrorMessage(result));
			/* A connection that is lost has none: connection_failure. */
			pg_free(sqlstate);
			sqlstate = pg_strdup(field != NULL ? field : "08006");
		}
		PQclear(result);
	}
	erase(watch);
	return sqlstate;
}

/*
 * Asks how far the run is, and draws the bar.  There is none for a role that may
 * not ask, or that cannot connect a second time.
 */
static void
look(Watch *watch)
{
	const char *params[2];
	char		pid[16];
	PGresult   *row;

	if (watch->failed)
		return;
	if (watch->watcher == NULL)
		watch->watcher = open_watcher(watch->session);
	if (watch->watcher == NULL)
	{
		watch->failed = true;
		return;
	}
	snprintf(pid, sizeof(pid), "%d", PQbackendPID(watch->session->conn));
	params[0] = pid;
	params[1] = watch->job;
	row = PQexecParams(watch->watcher,
					   "SELECT d.revision, d.step, d.steps, d.statement, d.statements,"
					   "       CASE WHEN d.total OPERATOR(pg_catalog.>) 0 THEN LEAST(d.done, d.total) OPERATOR(pg_catalog.*) 1000 OPERATOR(pg_catalog./) d.total END,"
					   "       pg_catalog.date_trunc('second', d.elapsed), p.waiting_for,"
					   "       COALESCE(d.time_left::pg_catalog.text, '')"
					   "  FROM migrate.progress_details AS d JOIN migrate.progress AS p ON p.pid OPERATOR(pg_catalog.=) d.pid"
					   " WHERE CASE WHEN $2::bigint IS NULL THEN d.pid OPERATOR(pg_catalog.=) $1::integer ELSE d.job OPERATOR(pg_catalog.=) $2::bigint END",
					   2, NULL, params, NULL, NULL, 0);
	if (PQresultStatus(row) != PGRES_TUPLES_OK)
		watch->failed = true;
	else if (PQntuples(row) == 1)
		draw(watch, row);
	PQclear(row);
}

/*
 * How much is done, in thousandths: steps that have ended, and the statements of
 * the current one, the last of them as far as it says.
 */
static int
thousandths(const PGresult *row)
{
	double		steps = atof(PQgetvalue(row, 0, 2));
	double		statements = atof(PQgetvalue(row, 0, 4));
	double		done = Max(atof(PQgetvalue(row, 0, 1)) - 1, 0);

	if (statements > 0)
		done += (Max(atof(PQgetvalue(row, 0, 3)) - 1, 0) +
				 atof(PQgetvalue(row, 0, 5)) / 1000) / statements;
	return steps > 0 ? (int) (done * 1000 / steps) : 0;
}

static void
draw(Watch *watch, const PGresult *row)
{
	int			done = Min(thousandths(row), 1000);
	int			filled = done * BAR_WIDTH / 1000;
	PQExpBufferData line;
	struct winsize size;
	int			width = 80;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		width = size.ws_col;
	initPQExpBuffer(&line);
	appendPQExpBufferChar(&line, '[');
	for (int i = 0; i < BAR_WIDTH; i++)
		appendPQExpBufferChar(&line, i < filled ? '#' : '.');
	appendPQExpBuffer(&line, "] %3d %%  ", done / 10);
	if (!PQgetisnull(row, 0, 1))
		appendPQExpBuffer(&line, "%s of %s  %s  ", PQgetvalue(row, 0, 1),
						  PQgetvalue(row, 0, 2), PQgetvalue(row, 0, 0));
	appendPQExpBufferStr(&line, PQgetvalue(row, 0, 6));
	if (!PQgetisnull(row, 0, 7))
		appendPQExpBuffer(&line, "  waits for %s", PQgetvalue(row, 0, 7));
	else if (*PQgetvalue(row, 0, 8) != '\0')
		appendPQExpBuffer(&line, "  %s left", PQgetvalue(row, 0, 8));
	/* Ids may be of any characters, so cut between two of them. */
	if (line.len >= width)
	{
		int			end = 0;
		int			encoding = PQclientEncoding(watch->session->conn);

		for (int columns = 0; end < line.len && columns < width - 1; columns++)
			end += PQmblenBounded(line.data + end, encoding);
		line.data[end] = '\0';
	}
	fprintf(stderr, "\r%s\033[K", line.data);
	fflush(stderr);
	watch->drawn = true;
	termPQExpBuffer(&line);
}

static void
erase(Watch *watch)
{
	if (watch->drawn)
		fputs("\r\033[K", stderr);
	watch->drawn = false;
}

static void
receive_notice(void *arg, const PGresult *result)
{
	Watch	   *watch = arg;

	watch->warned |= is_warning(result);
	if (options.quiet && !is_warning(result))
		return;
	erase(watch);
	print_error(PQresultErrorMessage(result));
}
