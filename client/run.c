/*
 * run.c
 *	  Commands that run revisions: deploy, revert, wait.
 */
#include "postgres_fe.h"

#include "common/logging.h"
#include "fe_utils/string_utils.h"
#include "pqexpbuffer.h"

#include "pg_migrate.h"

/* A call with the parameters of the command line; it lives as long as the program. */
typedef struct Call
{
	PQExpBufferData buffer;		/* its text */
	int			nparams;
	const char **params;
} Call;

static ExitCode run_by_procedure(Session *session, const char *procedure,
								 const char *target, const char *command);
static ExitCode run_by_worker(Session *session, const char *target,
							  const char *command);
static bool can_wait(Session *session);
static void make_call(Call *call, const char *begin, const char *target);
static ExitCode wait_for_job(Session *session, const char *job,
							 const char *target, const char *command);
static ExitCode outcome(Session *session, const char *sqlstate, bool warned,
						const char *target, const char *command, const char *job);
static PQExpBuffer list_schemas(void);
static void explain_lost(const char *target, const char *job);
static bool is_relative(const char *target);
static void print_outcome(Session *session, ExitCode code, const char *sqlstate);

ExitCode
run_deploy(Session *session, int argc, char **argv)
{
	return run_by_procedure(session, "@migrate_deploy",
							argc > 0 ? argv[0] : "head", "upgrade");
}

ExitCode
run_revert(Session *session, int argc, char **argv)
{
	return run_by_procedure(session, "@migrate_revert", argv[0], "downgrade");
}

ExitCode
run_wait(Session *session, int argc, char **argv)
{
	return wait_for_job(session, argv[0], NULL, NULL);
}

static ExitCode
run_by_procedure(Session *session, const char *procedure,
				 const char *target, const char *command)
{
	const char *params[] = {target, command};
	Call		call;
	char	   *sqlstate;
	bool		warned;

	if (options.dry_run && options.schemas.head != NULL)
		return run_tenants(session, 0, NULL);
	if (options.dry_run)
		return print_query(session, options.details ?
						   "SELECT * FROM @migrate_plan_details($1, $2)" :
						   "SELECT * FROM @migrate_plan($1, $2)", 2, params);
	if (options.worker)
		return run_by_worker(session, target, command);
	make_call(&call, psprintf("CALL %s($1", procedure), target);
	sqlstate = run_watched(session, call.buffer.data, call.nparams, call.params,
						   NULL, &warned);
	return outcome(session, sqlstate, warned, target, command, NULL);
}

/*
 * Submits a job, or one for each schema, and waits for all of them.
 */
static ExitCode
run_by_worker(Session *session, const char *target, const char *command)
{
	Call		call;
	char	   *jobs;
	ExitCode	worst = EXIT_DONE;

	if (!can_wait(session))
		return EXIT_FAILED;
	make_call(&call, psprintf("SELECT pg_catalog.string_agg(job::pg_catalog.text, ' ') FROM @migrate_submit($1, '%s'",
							  command), target);
	appendPQExpBufferStr(&call.buffer, " AS job");
	jobs = run_question(session, call.buffer.data, call.nparams, call.params);
	if (jobs == NULL)
		return EXIT_FAILED;
	if (!options.quiet)
		fprintf(stderr, strchr(jobs, ' ') == NULL ? "job %s\n" : "jobs %s\n", jobs);
	for (char *job = strtok(jobs, " "); job != NULL; job = strtok(NULL, " "))
	{
		ExitCode	code = wait_for_job(session, job, target, command);

		worst = Max(worst, code);
	}
	return worst;
}

/*
 * The timeout is for migrate_wait(), which would refuse it when the job is
 * submitted already.
 */
static bool
can_wait(Session *session)
{
	PGresult   *result = run_query(session, "SELECT pg_catalog.now() OPERATOR(pg_catalog.+) $1::pg_catalog.text::interval",
								   1, &options.timeout);

	PQclear(result);
	return result != NULL;
}

/*
 * Completes a call whose first argument is the target, $1, with the schemas of
 * the command line.
 */
static void
make_call(Call *call, const char *begin, const char *target)
{
	SimpleStringListCell *cell;
	int			nschemas = 0;

	for (cell = options.schemas.head; cell != NULL; cell = cell->next)
		nschemas++;
	call->params = pg_malloc(sizeof(char *) * (1 + nschemas));
	call->params[0] = target;
	call->nparams = 1;
	initPQExpBuffer(&call->buffer);
	appendPQExpBufferStr(&call->buffer, begin);
	for (cell = options.schemas.head; cell != NULL; cell = cell->next)
	{
		call->params[call->nparams++] = cell->val;
		appendPQExpBuffer(&call->buffer, "%s$%d::pg_catalog.text",
						  call->nparams == 2 ? ", schemas => ARRAY[" : ", ",
						  call->nparams);
	}
	appendPQExpBufferStr(&call->buffer, nschemas > 0 ? "])" : ")");
}

static ExitCode
wait_for_job(Session *session, const char *job,
			 const char *target, const char *command)
{
	const char *params[] = {job, options.timeout};
	bool		warned;
	char	   *sqlstate = run_watched(session, "CALL @migrate_wait($1::pg_catalog.text::bigint, $2::pg_catalog.text::interval)", 2,
									   params, job, &warned);

	/* What ended early for a worker ended so in its log, not in ours. */
	return outcome(session, sqlstate, true, target, command, job);
}

/*
 * What the program exits with.  Only a run that was told something, or failed,
 * asks the server how it stands.  What another run is working on is not partial: it
 * has the lock of src/run/lock.c.
 */
static ExitCode
outcome(Session *session, const char *sqlstate, bool warned,
		const char *target, const char *command, const char *job)
{
	char		pid[16];
	PQExpBuffer schemas = list_schemas();
	const char *params[] = {target, command, pid, schemas->data};
	ExitCode	code = sqlstate != NULL ? EXIT_FAILED : EXIT_DONE;
	bool		lost = PQstatus(session->conn) != CONNECTION_OK;
	char	   *answer = NULL;

	/* It may take a moment to end, and to give back what it holds. */
	snprintf(pid, sizeof(pid), "%d", PQbackendPID(session->conn));
	/* A session that was ended says nothing of what it leaves. */
	if (lost)
		PQreset(session->conn);
	if (sqlstate != NULL || warned)
		answer = ask_quietly(session,
							 options.schemas.head != NULL ?
							 "SELECT 'partial' FROM migrate.tenants_details AS t"
							 " WHERE t.partial IS NOT NULL AND (t.pid IS NULL OR t.pid OPERATOR(pg_catalog.=) $3::integer)"
							 "   AND EXISTS (SELECT FROM pg_catalog.unnest($4::pg_catalog.text[]) AS p"
							 "                WHERE t.schema OPERATOR(pg_catalog.~~) pg_catalog.replace("
							 "                      pg_catalog.regexp_replace(p, E'([\\\\\\\\%_])', E'\\\\\\\\\\\\1', 'g'), '*', '%'))"
							 "   AND $1::pg_catalog.text IS NOT NULL AND $2::pg_catalog.text IS NOT NULL LIMIT 1" :
							 "SELECT CASE WHEN EXISTS (SELECT FROM @migrate_history() AS h WHERE h.state OPERATOR(pg_catalog.=) 'partial')"
							 "  AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks AS k"
							 "                   WHERE k.locktype OPERATOR(pg_catalog.=) 'advisory' AND k.granted AND k.objsubid OPERATOR(pg_catalog.=) 2::smallint"
							 "                     AND k.classid OPERATOR(pg_catalog.=) 1296648018::pg_catalog.oid"
							 "                     AND k.objid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(COALESCE("
							 "                          pg_catalog.current_setting('migrate.version_table', true), 'migrate.version'))::pg_catalog.oid"
							 "                     AND k.database OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database AS d"
							 "                                        WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())"
							 "                     AND k.pid OPERATOR(pg_catalog.<>) $3::integer) THEN 'partial'"
							 " WHEN $1::pg_catalog.text IS NOT NULL AND"
							 "      (SELECT p.problem OPERATOR(pg_catalog.=) ANY ('{not approved,not confirmed}'::pg_catalog.text[]) FROM @migrate_plan_details($1, $2) AS p ORDER BY p.step LIMIT 1) THEN 'unapproved' END",
							 options.schemas.head != NULL ? 4 : 3, params);
	if (answer != NULL)
		code = strcmp(answer, "partial") == 0 ? EXIT_PARTIAL : EXIT_UNAPPROVED;
	if (lost)
		explain_lost(target, job);
	if (options.format == FORMAT_JSON)
		print_outcome(session, code, sqlstate);
	destroyPQExpBuffer(schemas);
	pg_free(answer);
	return code;
}

/*
 * Those of --schema, as an array; a pattern has a *.
 */
static PQExpBuffer
list_schemas(void)
{
	PQExpBuffer buffer = createPQExpBuffer();

	appendPQExpBufferChar(buffer, '{');
	for (SimpleStringListCell *cell = options.schemas.head; cell != NULL; cell = cell->next)
		appendPGArray(buffer, cell->val);
	appendPQExpBufferChar(buffer, '}');
	return buffer;
}

/*
 * What to do after the connection was lost: the error says nothing of the run.  A
 * target that is counted from where the database is may be another one by now.
 */
static void
explain_lost(const char *target, const char *job)
{
	if (job != NULL)
		pg_log_error_hint("The job continues. To wait for it: %s wait %s", progname, job);
	else if (is_relative(target))
		pg_log_error_hint("What is committed stays, and a revision that is partial can be resumed. To see how: %s status -x", progname);
	else
		pg_log_error_hint("What is committed stays. The same command continues from there, and resumes a revision that is partial, unless the outcome of a statement is unknown. To see: %s status -x", progname);
}

/*
 * Whether a target ends as +1 or -1 do.
 */
static bool
is_relative(const char *target)
{
	size_t		length = strlen(target);

	while (length > 0 && target[length - 1] >= '0' && target[length - 1] <= '9')
		length--;
	return length > 0 && target[length] != '\0' &&
		(target[length - 1] == '+' || target[length - 1] == '-');
}

/*
 * A line for programs, on standard output; messages are on standard error.
 */
static void
print_outcome(Session *session, ExitCode code, const char *sqlstate)
{
	char		number[16];
	const char *params[] = {number, sqlstate};
	char	   *line;

	snprintf(number, sizeof(number), "%d", code);
	line = ask_quietly(session, options.schemas.head != NULL ?
					   "SELECT pg_catalog.json_build_object('exit_code', $1::integer, 'sqlstate', $2::pg_catalog.text,"
					   " 'tenants', (SELECT COALESCE(pg_catalog.json_agg(t), '[]') FROM migrate.tenants_details AS t))" :
					   "SELECT pg_catalog.json_build_object('exit_code', $1::integer, 'sqlstate', $2::pg_catalog.text,"
					   " 'current', (SELECT COALESCE(pg_catalog.json_agg(c.revision), '[]') FROM @migrate_current() AS c),"
					   " 'pending', (SELECT pg_catalog.count(*) FROM @migrate_history() AS h WHERE h.state OPERATOR(pg_catalog.<>) 'applied'))",
					   2, params);
	if (line != NULL)
		printf("%s\n", line);
	pg_free(line);
}
