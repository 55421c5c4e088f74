/*
 * fleet.c
 *	  The same command on several databases, some of them at once.
 *
 * Each has a process of its own, the program itself with that database; what it
 * prints is shown when it has ended, and a table at the end.
 */
#include "postgres_fe.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/logging.h"
#include "common/string.h"
#include "fe_utils/print.h"

#include "pg_migrate.h"

typedef struct Target
{
	char	   *name;			/* connection string, or name of a database */
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

static Fleet read_targets(const char *path);
static void start(Target *target, int argc, char **argv);
static void await_one(Fleet *fleet);
static void show_output(Target *target);
static void print_table(const Fleet *fleet);
static const char *result_of(int code);

/*
 * "argv" is the command line, with --targets removed.
 */
ExitCode
run_fleet(int argc, char **argv)
{
	Fleet		fleet = read_targets(options.targets);
	int			running = 0;
	ExitCode	worst = EXIT_DONE;

	for (int i = 0; i < fleet.ntargets; i++)
	{
		if (running == options.jobs)
		{
			await_one(&fleet);
			running--;
		}
		start(&fleet.targets[i], argc, argv);
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
			.name = name, .code = EXIT_FAILED
		};
	}
	if (ferror(file))
		pg_fatal("could not read file \"%s\": %m", path);
	fclose(file);
	if (fleet.ntargets == 0)
		pg_fatal("file \"%s\" names no database", path);
	return fleet;
}

static void
start(Target *target, int argc, char **argv)
{
	target->started = time(NULL);
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
		char	  **arguments = pg_malloc0((argc + 3) * sizeof(char *));

		memcpy(arguments, argv, argc * sizeof(char *));
		arguments[argc] = "--dbname";
		arguments[argc + 1] = target->name;
		if (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
			_exit(EXIT_FAILED);
		execvp(argv[0], arguments);
		fprintf(stderr, "could not execute \"%s\": %s\n", argv[0], strerror(errno));
		_exit(EXIT_FAILED);
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

	printf("==> %s\n", target->name);
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

		printTableAddCell(&table, target->name, false, false);
		printTableAddCell(&table, (char *) result_of(target->code), false, false);
		printTableAddCell(&table, psprintf("%d", target->seconds), false, true);
	}
	printTable(&table, stdout, false, NULL);
	printTableCleanup(&table);
}

static const char *
result_of(int code)
{
	switch (code)
	{
		case EXIT_DONE:
			return "done";
		case EXIT_UNAPPROVED:
			return "ended before an unapproved revision";
		case EXIT_PARTIAL:
			return "partial";
		default:
			return "failed";
	}
}
