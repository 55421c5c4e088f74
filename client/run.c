/*
 * run.c
 *	  Commands that run revisions: deploy, revert, wait.
 */
#include "postgres_fe.h"

#include "pg_migrate.h"

static ExitCode run_by_procedure(Session *session, const char *procedure,
								 const char *target, const char *command);
static ExitCode run_by_worker(Session *session, const char *target,
							  const char *command);
static ExitCode wait_for_job(Session *session, const char *job,
							 const char *target, const char *command);
static ExitCode outcome(Session *session, const char *sqlstate, bool warned,
						const char *target, const char *command);
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
	char	   *call;
	char	   *sqlstate;
	bool		warned;

	if (options.dry_run)
		return print_query(session, options.details ?
						   "SELECT * FROM @migrate_plan_details($1, $2)" :
						   "SELECT * FROM @migrate_plan($1, $2)", 2, params);
	if (options.worker)
		return run_by_worker(session, target, command);
	call = psprintf("CALL %s($1)", procedure);
	sqlstate = run_watched(session, call, 1, params, NULL, &warned);
	pg_free(call);
	return outcome(session, sqlstate, warned, target, command);
}

static ExitCode
run_by_worker(Session *session, const char *target, const char *command)
{
	const char *params[] = {target, command};
	char	   *job = run_question(session, "SELECT @migrate_submit($1, $2)", 2, params);

	if (job == NULL)
		return EXIT_FAILED;
	if (!options.quiet)
		fprintf(stderr, "job %s\n", job);
	return wait_for_job(session, job, target, command);
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
	return outcome(session, sqlstate, true, target, command);
}

/*
 * What the program exits with.  Only a run that was told something, or failed,
 * asks the server how it stands.
 */
static ExitCode
outcome(Session *session, const char *sqlstate, bool warned,
		const char *target, const char *command)
{
	const char *params[] = {target, command};
	ExitCode	code = sqlstate != NULL ? EXIT_FAILED : EXIT_DONE;
	char	   *answer = NULL;

	/* A session that was ended says nothing of what it leaves. */
	if (PQstatus(session->conn) != CONNECTION_OK)
		PQreset(session->conn);
	if (sqlstate != NULL || warned)
		answer = ask_quietly(session,
							 "SELECT CASE WHEN EXISTS (SELECT FROM @migrate_history() AS h WHERE h.state OPERATOR(pg_catalog.=) 'partial') THEN 'partial'"
							 " WHEN $1::pg_catalog.text IS NOT NULL AND"
							 "      (SELECT p.problem OPERATOR(pg_catalog.=) ANY ('{not approved,not confirmed}'::pg_catalog.text[]) FROM @migrate_plan_details($1, $2) AS p ORDER BY p.step LIMIT 1) THEN 'unapproved' END",
							 2, params);
	if (answer != NULL)
		code = strcmp(answer, "partial") == 0 ? EXIT_PARTIAL : EXIT_UNAPPROVED;
	if (options.format == FORMAT_JSON)
		print_outcome(session, code, sqlstate);
	pg_free(answer);
	return code;
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
	line = ask_quietly(session,
					   "SELECT pg_catalog.json_build_object('exit_code', $1::integer, 'sqlstate', $2::pg_catalog.text,"
					   " 'current', (SELECT COALESCE(pg_catalog.json_agg(c.revision), '[]') FROM @migrate_current() AS c),"
					   " 'pending', (SELECT pg_catalog.count(*) FROM @migrate_history() AS h WHERE h.state OPERATOR(pg_catalog.<>) 'applied'))",
					   2, params);
	if (line != NULL)
		printf("%s\n", line);
	pg_free(line);
}
