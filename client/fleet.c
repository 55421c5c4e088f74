/*
 * fleet.c
 *	  The same command on several databases, some of them at once.
 *
 * Each has a process of its own, a copy of this one: a connection string may hold
 * a password, which a command line would show to other users.  What it prints is
 * shown when it has ended, and a table at the end.
 */
#include "postgres_fe.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/logging.h"
#include "common/string.h"
#include "fe_utils/print.h"
#include "fe_utils/string_utils.h"

#include "pg_migrate.h"

/* 19 has a name of its own for it, of the type that pqsignal() takes there. */
#ifndef PG_SIG_DFL
#define PG_SIG_DFL SIG_DFL
#endif

typedef struct Target
{
	char	   *name;			/* connection string, or name of a database */
	char	   *shown;			/* the same without a password */
	bool		was_started;
	pid_t		pid;			/* 0: not started, or ended */
	FILE	   *output;
	time_t		started;
	int			seconds;
	int			code;
} Target;

typedef struct Fleet
{
	Target	   *targets;
	int			ntargets;
} Fleet;

/* After Ctrl-C no more are started; those that run have got it, too. */
static volatile sig_atomic_t interrupted = 0;

static void interrupt(SIGNAL_ARGS);
static Fleet read_targets(const char *path);
static char *without_password(const char *name);
static void append_option(PQExpBuffer string, const PQconninfoOption *option);
static void set_connection(const char *line);
static PQconninfoOption *parse_connection(const char *name, char **error);
static bool says(const PQconninfoOption *parsed, const char *keyword);
static void start(Target *target, CommandFunction run, int argc, char **argv);
static void await_one(Fleet *fleet);
static void show_output(Target *target);
static void print_table(const Fleet *fleet);
static const char *result_of(const Target *target);

ExitCode
run_fleet(CommandFunction run, int argc, char **argv)
{
	Fleet		fleet = read_targets(options.targets);
	int			running = 0;
	ExitCode	worst = EXIT_DONE;

	/* A parent that ignores it would leave nothing to wait for. */
	pqsignal(SIGCHLD, PG_SIG_DFL);
	pqsignal(SIGINT, interrupt);
	for (int i = 0; i < fleet.ntargets; i++)
	{
		if (running == options.jobs)
		{
			await_one(&fleet);
			running--;
		}
		if (interrupted)
			break;
		start(&fleet.targets[i], run, argc, argv);
		running++;
	}
	while (running-- > 0)
		await_one(&fleet);
	print_table(&fleet);

	/* An error is worse than what only needs a decision. */
	for (int i = 0; i < fleet.ntargets; i++)
	{
		int			code = fleet.targets[i].code;

		if (code == EXIT_FAILED || worst == EXIT_DONE || (worst != EXIT_FAILED && code > (int) worst))
			worst = code;
	}
	return worst;
}

static void
interrupt(SIGNAL_ARGS)
{
	interrupted = 1;
}

/*
 * A line each; empty ones and those that begin with # are comments.
 */
static Fleet
read_targets(const char *path)
{
	FILE	   *file = fopen(path, "r");
	Fleet		fleet = {0};
	char	   *line;

	if (file == NULL)
		pg_fatal("could not open file \"%s\": %m", path);
	while ((line = pg_get_line(file, NULL)) != NULL)
	{
		char	   *name = line + strspn(line, " \t");

		pg_strip_crlf(line);
		if (*name == '\0' || *name == '#')
			continue;
		fleet.targets = pg_realloc(fleet.targets, (fleet.ntargets + 1) * sizeof(Target));
		fleet.targets[fleet.ntargets++] = (Target)
		{
			.name = name, .shown = without_password(name), .code = EXIT_FAILED
		};
	}
	if (ferror(file))
		pg_fatal("could not read file \"%s\": %m", path);
	fclose(file);
	if (fleet.ntargets == 0)
		pg_fatal("file \"%s\" names no database", path);
	return fleet;
}

/*
 * A connection string as it can be shown.
 */
static char *
without_password(const char *name)
{
	PQconninfoOption *parsed = PQconninfoParse(name, NULL);
	bool		has_password = false;
	PQExpBufferData shown;

	/* The name of a database is none. */
	if (parsed == NULL)
		return pg_strdup(name);
	initPQExpBuffer(&shown);
	for (PQconninfoOption *option = parsed; option->keyword != NULL; option++)
	{
		if (option->val == NULL)
			continue;
		/* A field that hides what is typed. */
		if (option->dispchar[0] == '*')
		{
			has_password = true;
			continue;
		}
		append_option(&shown, option);
	}
	PQconninfoFree(parsed);
	return pg_strdup(has_password ? shown.data : name);
}

static void
append_option(PQExpBuffer string, const PQconninfoOption *option)
{
	appendPQExpBuffer(string, "%s%s=", string->len > 0 ? " " : "", option->keyword);
	appendConnStrVal(string, option->val);
}

/*
 * Connects as a line of the file says, and as --dbname does where the line does
 * not: of two values for a keyword the last one counts.
 */
static void
set_connection(const char *line)
{
	char	   *error = NULL;
	PQconninfoOption *defaults = parse_connection(options.dbname != NULL ? options.dbname : "", &error);
	PQconninfoOption *own = parse_connection(line, NULL);
	PQExpBufferData string;

	if (defaults == NULL)
		pg_fatal("%s", error != NULL ? error : "out of memory");
	options.dbname = line;
	/* To connect says what is wrong with it. */
	if (own == NULL)
		return;
	initPQExpBuffer(&string);
	for (PQconninfoOption *option = defaults; option->keyword != NULL; option++)
	{
		/* The database of a service comes before this variable. */
		if (option->val != NULL && strcmp(option->keyword, "dbname") == 0 && says(own, "service"))
			setenv("PGDATABASE", option->val, 1);
		/* An address comes before a host. */
		else if (option->val != NULL &&
				 !(strcmp(option->keyword, "hostaddr") == 0 && says(own, "host")))
			append_option(&string, option);
	}
	for (PQconninfoOption *option = own; option->keyword != NULL; option++)
	{
		if (option->val != NULL)
			append_option(&string, option);
	}
	if (PQExpBufferDataBroken(string))
		pg_fatal("out of memory");
	options.dbname = string.data;
	PQconninfoFree(defaults);
	PQconninfoFree(own);
}

/*
 * The options of a connection string, or of the name of a database; NULL: it is
 * neither.
 */
static PQconninfoOption *
parse_connection(const char *name, char **error)
{
	PQExpBufferData string;
	PQconninfoOption *parsed;

	initPQExpBuffer(&string);
	if (*name != '\0' && strchr(name, '=') == NULL && strstr(name, "://") == NULL)
	{
		appendPQExpBufferStr(&string, "dbname=");
		appendConnStrVal(&string, name);
	}
	else
		appendPQExpBufferStr(&string, name);
	parsed = PQconninfoParse(string.data, error);
	termPQExpBuffer(&string);
	return parsed;
}

static bool
says(const PQconninfoOption *parsed, const char *keyword)
{
	for (; parsed->keyword != NULL; parsed++)
	{
		if (parsed->val != NULL && strcmp(parsed->keyword, keyword) == 0)
			return true;
	}
	return false;
}

static void
start(Target *target, CommandFunction run, int argc, char **argv)
{
	target->started = time(NULL);
	target->was_started = true;
	target->output = tmpfile();
	if (target->output == NULL)
		pg_fatal("could not create a temporary file: %m");
	fflush(NULL);
	target->pid = fork();
	if (target->pid < 0)
		pg_fatal("could not start a process: %m");
	if (target->pid == 0)
	{
		int			output = fileno(target->output);

		pqsignal(SIGINT, PG_SIG_DFL);
		if (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
			_exit(EXIT_FAILED);
		/* What failed was written elsewhere. */
		clearerr(stdout);
		set_connection(target->name);
		exit(check_output(run_command(run, argc, argv)));
	}
}

static void
await_one(Fleet *fleet)
{
	int			status;
	pid_t		pid;

	while ((pid = wait(&status)) < 0 && errno == EINTR)
		;
	for (int i = 0; i < fleet->ntargets; i++)
	{
		Target	   *target = &fleet->targets[i];

		if (pid <= 0 || target->pid != pid)
			continue;
		target->pid = 0;
		target->seconds = time(NULL) - target->started;
		target->code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
		show_output(target);
	}
}

static void
show_output(Target *target)
{
	char		buffer[8192];
	size_t		length;

	printf("==> %s\n", target->shown);
	rewind(target->output);
	while ((length = fread(buffer, 1, sizeof(buffer), target->output)) > 0)
		fwrite(buffer, 1, length, stdout);
	fclose(target->output);
	printf("\n");
	fflush(stdout);
}

static void
print_table(const Fleet *fleet)
{
	printTableOpt opt = {.format = PRINT_ALIGNED, .border = 1, .start_table = true, .stop_table = true};
	printTableContent table;

	printTableInit(&table, &opt, NULL, 3, fleet->ntargets);
	printTableAddHeader(&table, "database", false, 'l');
	printTableAddHeader(&table, "result", false, 'l');
	printTableAddHeader(&table, "seconds", false, 'r');
	for (int i = 0; i < fleet->ntargets; i++)
	{
		const Target *target = &fleet->targets[i];

		printTableAddCell(&table, target->shown, false, false);
		printTableAddCell(&table, (char *) result_of(target), false, false);
		printTableAddCell(&table, psprintf("%d", target->seconds), false, true);
	}
	printTable(&table, stdout, false, NULL);
	printTableCleanup(&table);
}

static const char *
result_of(const Target *target)
{
	if (!target->was_started)
		return "not started";
	switch (target->code)
	{
		case EXIT_DONE:
			return "done";
		case EXIT_UNAPPROVED:
			return "not approved or confirmed";
		case EXIT_PARTIAL:
			return "partial";
		default:
			return "failed";
	}
}
