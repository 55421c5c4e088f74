/*
 * ask.c
 *	  Commands that show what a function or a view returns, and the check of a
 *	  set of revisions.
 */
#include "postgres_fe.h"

#include "pg_migrate.h"

/* One of several questions that a check asks. */
typedef struct Check
{
	const char *name;
	const char *query;			/* no row, or a remark: it is all right */
	const char *show;			/* what is printed otherwise */
} Check;

static const Check checks[] = {
	{
		"one head",
		"SELECT FROM @migrate_heads() HAVING pg_catalog.count(*) OPERATOR(pg_catalog.<>) 1",
		"SELECT * FROM @migrate_heads()"
	},
	{
		"lint",
		"SELECT CASE WHEN NOT pg_catalog.bool_or(f.severity OPERATOR(pg_catalog.=) 'error')"
		"        THEN pg_catalog.string_agg(pg_catalog.concat(f.n, ' ', f.severity, CASE WHEN f.n OPERATOR(pg_catalog.>) 1 THEN 's' END),"
		"                                   ', ' ORDER BY f.severity DESC) END"
		"  FROM (SELECT l.severity, pg_catalog.count(*) AS n FROM @migrate_lint($1) AS l GROUP BY l.severity) AS f"
		" HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 0",
		"SELECT * FROM @migrate_lint($1)"
	},
	{
		"verify",
		"SELECT FROM @migrate_verify() AS v WHERE v.result OPERATOR(pg_catalog.<>) 'passed' LIMIT 1",
		"SELECT * FROM @migrate_verify() AS v WHERE v.result OPERATOR(pg_catalog.<>) 'passed'"
	},
	{
		"round trip",
		"SELECT FROM @migrate_roundtrip($1) LIMIT 1",
		"SELECT * FROM @migrate_roundtrip($1)"
	},
};

static const char *target_of(int argc, char **argv);
static const char *remark_of(const PGresult *result);
static ExitCode none(Session *session, const char *query, int nparams,
					 const char *const *params);
static ExitCode ask_target(Session *session, int argc, char **argv,
						   const char *query, const char *details);

ExitCode
run_status(Session *session, int argc, char **argv)
{
	return print_query(session, options.details ?
					   "SELECT * FROM migrate.status_details" :
					   "SELECT * FROM migrate.status", 0, NULL);
}

ExitCode
run_tenants(Session *session, int argc, char **argv)
{
	return print_query(session, options.details ?
					   "SELECT * FROM migrate.tenants_details" :
					   "SELECT * FROM migrate.tenants", 0, NULL);
}

ExitCode
run_history(Session *session, int argc, char **argv)
{
	const char *params[] = {argc > 0 ? argv[0] : NULL, options.graph};

	if (options.graph != NULL)
	{
		options.format = FORMAT_LINES;
		return print_query(session, "SELECT @migrate_graph($1, $2)", 2, params);
	}
	return print_query(session, options.details ?
					   "SELECT * FROM @migrate_history_details($1)" :
					   "SELECT * FROM @migrate_history($1)", 1, params);
}

ExitCode
run_plan(Session *session, int argc, char **argv)
{
	return ask_target(session, argc, argv,
					  "SELECT * FROM @migrate_plan($1, $2)",
					  "SELECT * FROM @migrate_plan_details($1, $2)");
}

/*
 * Fails where the plan does.  It is run once: that may take long.
 */
ExitCode
run_preview(Session *session, int argc, char **argv)
{
	const char *params[] = {target_of(argc, argv), options.command};
	bool		failed;
	ExitCode	code = print_and_find(session, options.details ?
									  "SELECT * FROM @migrate_preview_details($1, $2)" :
									  "SELECT * FROM @migrate_preview($1, $2)", 2, params,
									  "finding", "failed", &failed);

	return code == EXIT_DONE && failed ? EXIT_FAILED : code;
}

/*
 * Fails where there is an error among the findings, for a job of CI.
 */
ExitCode
run_lint(Session *session, int argc, char **argv)
{
	const char *params[] = {target_of(argc, argv), options.command};
	ExitCode	code = ask_target(session, argc, argv,
								  "SELECT * FROM @migrate_lint($1, $2)",
								  "SELECT * FROM @migrate_lint_details($1, $2)");

	return code != EXIT_DONE ? code :
		none(session, "SELECT FROM @migrate_lint($1, $2) AS l WHERE l.severity OPERATOR(pg_catalog.=) 'error' LIMIT 1", 2, params);
}

/*
 * Fails where a verify body does.
 */
ExitCode
run_verify(Session *session, int argc, char **argv)
{
	const char *params[] = {argc > 0 ? argv[0] : NULL};
	ExitCode	code = print_query(session, options.details ?
								   "SELECT * FROM @migrate_verify_details($1)" :
								   "SELECT * FROM @migrate_verify($1)", 1, params);

	return code != EXIT_DONE ? code :
		none(session, "SELECT FROM @migrate_verify($1) AS v WHERE v.result OPERATOR(pg_catalog.<>) 'passed' LIMIT 1", 1, params);
}

/*
 * Fails if a query returns a row.
 */
static ExitCode
none(Session *session, const char *query, int nparams, const char *const *params)
{
	PGresult   *result = run_query(session, query, nparams, params);
	ExitCode	code = result != NULL && PQntuples(result) == 0 ? EXIT_DONE : EXIT_FAILED;

	PQclear(result);
	return code;
}

/*
 * What a command is about that has no target: all that is pending, or the last
 * revision.
 */
static const char *
target_of(int argc, char **argv)
{
	if (argc > 0)
		return argv[0];
	return strcmp(options.command, "downgrade") == 0 ? "-1" : "head";
}

static ExitCode
ask_target(Session *session, int argc, char **argv,
		   const char *query, const char *details)
{
	const char *params[] = {target_of(argc, argv), options.command};

	return print_query(session, options.details ? details : query, 2, params);
}

ExitCode
run_check(Session *session, int argc, char **argv)
{
	const char *params[] = {argc > 0 ? argv[0] : "heads"};
	ExitCode	code = EXIT_DONE;

	for (int i = 0; i < lengthof(checks); i++)
	{
		int			nparams = strstr(checks[i].query, "$1") != NULL ? 1 : 0;
		PGresult   *result = run_query(session, checks[i].query, nparams, params);
		const char *remark = remark_of(result);
		bool		good = result != NULL && (PQntuples(result) == 0 || remark != NULL);

		printf("%s - %s%s%s\n", good ? "ok" : "not ok", checks[i].name,
			   remark != NULL ? ": " : "", remark != NULL ? remark : "");
		fflush(stdout);
		if (!good)
			code = EXIT_FAILED;
		if (!good && result != NULL)
			print_query(session, checks[i].show, nparams, params);
		PQclear(result);
	}
	return code;
}

/*
 * What a check has found that is no failure; NULL: nothing.
 */
static const char *
remark_of(const PGresult *result)
{
	return result == NULL || PQntuples(result) == 0 || PQnfields(result) == 0 ||
		PQgetisnull(result, 0, 0) ? NULL : PQgetvalue(result, 0, 0);
}
