/*
 * pg_migrate.h
 *	  What the files of the client share.
 *
 * Each command calls functions of the extension and shows what they return;
 * decisions are made in the server, so that every client gets the same ones.
 */
#ifndef PG_MIGRATE_H
#define PG_MIGRATE_H

#include "postgres_fe.h"

#include "fe_utils/simple_list.h"
#include "libpq-fe.h"

/* What the program exits with; documented in docs/pg_migrate.md. */
typedef enum ExitCode
{
	EXIT_DONE = 0,				/* or nothing to do */
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_UNAPPROVED = 3,		/* ended before a revision that is not
								 * approved */
	EXIT_PARTIAL = 4			/* a revision is partial */
} ExitCode;

typedef enum OutputFormat
{
	FORMAT_TABLE,
	FORMAT_LINES,				/* without a header and a footer */
	FORMAT_CSV,
	FORMAT_JSON
} OutputFormat;

typedef enum Prompt
{
	PROMPT_IF_ASKED,			/* if the server asks for a password */
	PROMPT_NEVER,
	PROMPT_ALWAYS
} Prompt;

/* What the command line says.  Strings are NULL where it does not say them. */
typedef struct Options
{
	const char *dbname;
	const char *host;
	const char *port;
	const char *username;
	Prompt		prompt;

	OutputFormat format;
	bool		details;
	const char *graph;			/* --graph: format of the picture */
	bool		quiet;
	bool		dry_run;

	const char *command;		/* --command: upgrade, downgrade, stamp */
	bool		worker;
	SimpleStringList schemas;	/* --schema */
	const char *timeout;
	const char *directory;
	const char *revision;
	SimpleStringList parents;
	bool		replace;
	bool		prune;
	const char *file_format;
	const char *file_options;	/* JSON */

	const char *targets;		/* file with connection strings */
	int			jobs;
} Options;

extern Options options;
extern const char *progname;

/* connect.c: sessions and queries */

/*
 * A session: connected, with the schema of the extension's functions looked
 * up.  Ends the program if there is none.
 */
typedef struct Session
{
	PGconn	   *conn;
	char	   *schema;			/* quoted */
	char	   *password;
} Session;

extern Session *open_session(void);

/* A second one like it, to watch what it does; NULL: there is none. */
extern PGconn *open_watcher(const Session *session);

/*
 * A query in which each "@" before a name is the schema of the functions.  The
 * parameters are texts or NULL.  NULL: it failed, and the error was printed.
 */
extern PGresult *run_query(Session *session, const char *query,
						   int nparams, const char *const *params);

/* The same for a question with one answer; NULL: NULL, or it failed. */
extern char *run_question(Session *session, const char *query,
						  int nparams, const char *const *params);

/* The same, where an error is not printed: another one was already. */
extern char *ask_quietly(Session *session, const char *query,
						 int nparams, const char *const *params);

/* The text of a query as run_query() would send it, in malloc'd memory. */
extern char *expand_query(const Session *session, const char *query);

/* Runs a query and prints its rows in the format of the options. */
extern ExitCode print_query(Session *session, const char *query,
							int nparams, const char *const *params);

/* The same, but without rows a message in the place of a table. */
extern ExitCode print_or_say(Session *session, const char *query, int nparams,
							 const char *const *params, const char *message);

/* The same; found: whether a row has that value in a column. */
extern ExitCode print_and_find(Session *session, const char *query,
							   int nparams, const char *const *params,
							   const char *column, const char *value, bool *found);

/* Prints an error or a notice as psql does. */
extern void print_error(const char *message);

/* After an error of a query with that SQLSTATE: which privileges it lacks. */
extern void print_missing_grants(Session *session, const char *sqlstate,
								 const char *query);

/* Prints a notice that --quiet does not suppress.  Returns whether it did. */
extern bool print_notice(const PGresult *result);

/* Whether a notice is a warning, which --quiet does not suppress. */
extern bool is_warning(const PGresult *result);

/* watch.c: a long statement, with a bar on a terminal */

/*
 * Runs a statement and shows its progress.  "job" is the number of the job that
 * it waits for, or NULL.  Returns the SQLSTATE of the error, which was printed,
 * or NULL; "warned" is set if there was a warning.
 */
extern char *run_watched(Session *session, const char *statement,
						 int nparams, const char *const *params,
						 const char *job, bool *warned);

/* files.c: files on this machine */

/* Whatever the terminal has, files are in UTF-8. */
extern void use_utf8(Session *session);

/* A file, or what is in a directory and below it, sorted by bytes. */
extern void check_directory(const char *directory);
extern char **list_paths(const char *path, int *n);

/* Keys of our own format. */
#define REVISION_KEY	"revision"
#define REPEATABLE_KEY	"repeatable"

/* What a line "-- key: value" has; NULL: it is none. */
extern const char *header_value(const char *line, const char *key, int *length);

/* The text of a file, which has no null byte. */
extern char *read_file(const char *path);

/* The commands */

extern ExitCode run_deploy(Session *session, int argc, char **argv);
extern ExitCode run_revert(Session *session, int argc, char **argv);
extern ExitCode run_wait(Session *session, int argc, char **argv);
extern ExitCode run_status(Session *session, int argc, char **argv);
extern ExitCode run_tenants(Session *session, int argc, char **argv);
extern ExitCode run_history(Session *session, int argc, char **argv);
extern ExitCode run_plan(Session *session, int argc, char **argv);
extern ExitCode run_preview(Session *session, int argc, char **argv);
extern ExitCode run_lint(Session *session, int argc, char **argv);
extern ExitCode run_verify(Session *session, int argc, char **argv);
extern ExitCode run_check(Session *session, int argc, char **argv);
extern ExitCode run_load(Session *session, int argc, char **argv);
extern ExitCode run_export(Session *session, int argc, char **argv);
extern ExitCode run_new(Session *session, int argc, char **argv);

/* What a command does with its arguments. */
typedef ExitCode (*CommandFunction) (Session *session, int argc, char **argv);

/* pg_migrate.c: a command on the database of the options */
extern ExitCode run_command(CommandFunction run, int argc, char **argv);

/*
 * What the program exits with: output that could not be written is an error,
 * because what is there looks like all of it.
 */
extern ExitCode check_output(ExitCode code);

/* fleet.c: the same on several databases */
extern ExitCode run_fleet(CommandFunction run, int argc, char **argv);

#endif							/* PG_MIGRATE_H */
