/*
 * pg_migrate.c
 *	  Client of the extension migrate: the command line.
 */
#include "postgres_fe.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "common/logging.h"
#include "fe_utils/cancel.h"
#include "fe_utils/option_utils.h"
#include "getopt_long.h"

#include "pg_migrate.h"

typedef struct Command
{
	const char *name;
	const char *arguments;		/* as --help shows them */
	int			min_arguments;
	int			max_arguments;
	CommandFunction run;
	const char *description;
} Command;

static const Command commands[] = {
	{"status", "", 0, 0, run_status, "show each revision and whether it is applied"},
	{"tenants", "", 0, 0, run_tenants, "show where each schema with its own version table is"},
	{"history", "[RANGE]", 0, 1, run_history, "show the revisions, newest first"},
	{"plan", "[TARGET]", 0, 1, run_plan, "show what a deploy would run; --down: a revert"},
	{"lint", "[TARGET]", 0, 1, run_lint, "look for statements that would stop the application"},
	{"preview", "[TARGET]", 0, 1, run_preview, "run it and take it back; show the locks"},
	{"verify", "[RANGE]", 0, 1, run_verify, "run the verify bodies of what is applied"},
	{"deploy", "[TARGET]", 0, 1, run_deploy, "upgrade, to head unless told otherwise"},
	{"revert", "TARGET", 1, 1, run_revert, "downgrade"},
	{"wait", "JOB", 1, 1, run_wait, "wait until a job has ended"},
	{"load", "[PATH]...", 0, INT_MAX, run_load, "register files, and what is in directories"},
	{"export", "DIR [RANGE]", 1, 2, run_export, "write the registered revisions as files"},
	{"new", "MESSAGE", 1, 1, run_new, "write a file for a new revision"},
	{"check", "[TARGET]", 0, 1, run_check, "one head, lint, verify, round trip; for CI"},
};

/* Options without a letter. */
enum
{
	OPTION_DOWN = 1000, OPTION_CSV, OPTION_JSON, OPTION_WORKER, OPTION_TIMEOUT,
	OPTION_DIRECTORY, OPTION_REVISION, OPTION_PARENT, OPTION_SCHEMA, OPTION_TARGETS,
	OPTION_GRAPH, OPTION_FORMAT, OPTION_OPTIONS, OPTION_REPLACE, OPTION_PRUNE
};

typedef struct Option
{
	struct option option;
	const char *commands;		/* that have it; NULL: all */
} Option;

#define COMMANDS_WITH_ROWS \
	"status tenants history plan lint preview verify deploy revert load check"

/* docs/pg_migrate.md has the same table; t/client.pl tries all of it. */
static const Option option_table[] = {
	{{"dbname", required_argument, NULL, 'd'}},
	{{"host", required_argument, NULL, 'h'}},
	{{"port", required_argument, NULL, 'p'}},
	{{"username", required_argument, NULL, 'U'}},
	{{"no-password", no_argument, NULL, 'w'}},
	{{"password", no_argument, NULL, 'W'}},
	{{"dry-run", no_argument, NULL, 'n'}, "deploy revert load export new"},
	{{"quiet", no_argument, NULL, 'q'}},
	{{"details", no_argument, NULL, 'x'}, COMMANDS_WITH_ROWS},
	{{"csv", no_argument, NULL, OPTION_CSV}, COMMANDS_WITH_ROWS " wait"},
	{{"json", no_argument, NULL, OPTION_JSON}, COMMANDS_WITH_ROWS " wait"},
	{{"graph", optional_argument, NULL, OPTION_GRAPH}, "history"},
	{{"down", no_argument, NULL, OPTION_DOWN}, "plan lint preview"},
	{{"schema", required_argument, NULL, OPTION_SCHEMA}, "deploy revert"},
	{{"worker", no_argument, NULL, OPTION_WORKER}, "deploy revert"},
	{{"timeout", required_argument, NULL, OPTION_TIMEOUT}, "wait deploy revert"},
	{{"format", required_argument, NULL, OPTION_FORMAT}, "load export"},
	{{"options", required_argument, NULL, OPTION_OPTIONS}, "load"},
	{{"replace", no_argument, NULL, OPTION_REPLACE}, "load export"},
	{{"prune", no_argument, NULL, OPTION_PRUNE}, "load"},
	{{"directory", required_argument, NULL, OPTION_DIRECTORY}, "new load"},
	{{"revision", required_argument, NULL, OPTION_REVISION}, "new"},
	{{"parent", required_argument, NULL, OPTION_PARENT}, "new"},
	{{"targets", required_argument, NULL, OPTION_TARGETS}},
	{{"jobs", required_argument, NULL, 'j'}},
};

/* Which of them the command line has. */
static bool given[lengthof(option_table)];

Options		options = {.command = "upgrade", .directory = "migrations", .jobs = 1,
.file_format = "auto"};
const char *progname;

static void reserve_streams(void);
static void usage(void);
static const Command *find_command(const char *name);
static void parse_options(int argc, char **argv);
static void note_given(int value);
static void check_options(const Command *command);
static bool has_word(const char *words, const char *word);
static void bad_usage(void);
static char *take_relative(int *argc, char **argv);

int
main(int argc, char **argv)
{
	const Command *command;
	char	   *relative;

	reserve_streams();
	pg_logging_init(argv[0]);
	progname = get_progname(argv[0]);
	set_pglocale_pgservice(argv[0], PG_TEXTDOMAIN("pg_migrate"));
	relative = take_relative(&argc, argv);
	parse_options(argc, argv);
	argc -= optind;
	argv += optind;
	if (argc == 0)
	{
		pg_log_error("no command specified");
		bad_usage();
	}
	command = find_command(argv[0]);
	/* In the place that it has left behind the last argument. */
	if (relative != NULL)
		argv[argc++] = relative;
	argc--;
	argv++;
	if (argc < command->min_arguments)
	{
		pg_log_error("%s needs %s", command->name, command->arguments);
		bad_usage();
	}
	if (argc > command->max_arguments)
	{
		pg_log_error("too many command-line arguments (first is \"%s\")", argv[command->max_arguments]);
		bad_usage();
	}
	check_options(command);
	return check_output(options.targets != NULL ? run_fleet(command->run, argc, argv) :
						run_command(command->run, argc, argv));
}

/*
 * A standard stream that is closed gets a file that cannot be written.  The next
 * file or connection would have its number, and what is printed would go there.
 */
static void
reserve_streams(void)
{
	int			file;

	while ((file = open(DEVNULL, O_RDONLY)) >= 0 && file <= STDERR_FILENO)
		;
	if (file >= 0)
		close(file);
}

ExitCode
check_output(ExitCode code)
{
	/* Why the last one failed errno may not say any more: try once again. */
	if (ferror(stdout))
		putchar('\n');
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	pg_log_error("could not write to standard output: %m");
	return code == EXIT_DONE ? EXIT_FAILED : code;
}

ExitCode
run_command(CommandFunction run, int argc, char **argv)
{
	Session    *session = open_session();
	ExitCode	code;

	setup_cancel_handler(NULL);
	code = run(session, argc, argv);
	PQfinish(session->conn);
	return code;
}

static void
parse_options(int argc, char **argv)
{
	struct option long_options[lengthof(option_table) + 1] = {{0}};
	int			c;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0))
	{
		usage();
		exit(check_output(EXIT_DONE));
	}
	if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0))
	{
		printf("pg_migrate %s\n", MIGRATE_VERSION);
		exit(check_output(EXIT_DONE));
	}
	for (int i = 0; i < lengthof(option_table); i++)
		long_options[i] = option_table[i].option;
	while ((c = getopt_long(argc, argv, "d:h:j:np:qU:wWx", long_options, NULL)) != -1)
	{
		switch (c)
		{
			case 'd':
				options.dbname = optarg;
				break;
			case 'h':
				options.host = optarg;
				break;
			case 'p':
				options.port = optarg;
				break;
			case 'U':
				options.username = optarg;
				break;
			case 'w':
				options.prompt = PROMPT_NEVER;
				break;
			case 'W':
				options.prompt = PROMPT_ALWAYS;
				break;
			case 'n':
				options.dry_run = true;
				break;
			case 'q':
				options.quiet = true;
				break;
			case 'x':
				options.details = true;
				break;
			case 'j':
				if (!option_parse_int(optarg, "-j/--jobs", 1, 1000, &options.jobs))
					exit(EXIT_USAGE);
				break;
			case OPTION_FORMAT:
				options.file_format = optarg;
				break;
			case OPTION_OPTIONS:
				options.file_options = optarg;
				break;
			case OPTION_REPLACE:
				options.replace = true;
				break;
			case OPTION_PRUNE:
				options.prune = true;
				break;
			case OPTION_GRAPH:
				options.graph = optarg != NULL ? optarg : "text";
				break;
			case OPTION_DOWN:
				options.command = "downgrade";
				break;
			case OPTION_CSV:
				options.format = FORMAT_CSV;
				break;
			case OPTION_JSON:
				options.format = FORMAT_JSON;
				break;
			case OPTION_SCHEMA:
				simple_string_list_append(&options.schemas, optarg);
				break;
			case OPTION_WORKER:
				options.worker = true;
				break;
			case OPTION_TIMEOUT:
				options.timeout = optarg;
				break;
			case OPTION_DIRECTORY:
				options.directory = optarg;
				break;
			case OPTION_REVISION:
				options.revision = optarg;
				break;
			case OPTION_PARENT:
				simple_string_list_append(&options.parents, optarg);
				break;
			case OPTION_TARGETS:
				options.targets = optarg;
				break;
			default:
				/* getopt has said what is wrong */
				bad_usage();
		}
		note_given(c);
	}
}

static void
note_given(int value)
{
	for (int i = 0; i < lengthof(option_table); i++)
		given[i] |= option_table[i].option.val == value;
}

/*
 * An option that a command does not have would be ignored, and what was meant by it
 * with it: deploy --down upgrades.
 */
static void
check_options(const Command *command)
{
	for (int i = 0; i < lengthof(option_table); i++)
	{
		const Option *option = &option_table[i];

		if (!given[i] || option->commands == NULL ||
			has_word(option->commands, command->name))
			continue;
		pg_log_error("%s cannot be used with --%s", command->name, option->option.name);
		bad_usage();
	}
	if (options.timeout != NULL && command->run != run_wait && !options.worker)
	{
		pg_log_error("%s cannot be used with --timeout without --worker", command->name);
		bad_usage();
	}
}

static bool
has_word(const char *words, const char *word)
{
	size_t		length = strlen(word);

	for (const char *found = strstr(words, word); found != NULL; found = strstr(found + 1, word))
	{
		if ((found == words || found[-1] == ' ') &&
			(found[length] == ' ' || found[length] == '\0'))
			return true;
	}
	return false;
}

/*
 * Takes a target such as -1 out of the command line: getopt would take it for
 * an option.  NULL: there is none.
 */
static char *
take_relative(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++)
	{
		char	   *argument = argv[i];

		if (argument[0] != '-' || argument[1] == '\0' ||
			strspn(argument + 1, "0123456789") != strlen(argument + 1))
			continue;
		memmove(&argv[i], &argv[i + 1], (*argc - i) * sizeof(char *));
		(*argc)--;
		return argument;
	}
	return NULL;
}

static const Command *
find_command(const char *name)
{
	for (int i = 0; i < lengthof(commands); i++)
	{
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	pg_log_error("unrecognized command \"%s\"", name);
	bad_usage();
	return NULL;
}

static void
bad_usage(void)
{
	pg_log_error_hint("Try \"%s --help\" for more information.", progname);
	exit(EXIT_USAGE);
}

static void
usage(void)
{
	printf("%s runs migrations that are registered in a PostgreSQL database.\n\n", progname);
	printf("Usage:\n  %s [OPTION]... COMMAND [ARGUMENT]...\n\nCommands:\n", progname);
	for (int i = 0; i < lengthof(commands); i++)
		printf("  %-8s%-12s%s\n", commands[i].name, commands[i].arguments,
			   commands[i].description);
	printf("\nOptions:\n"
		   "  -n, --dry-run            deploy, revert, load, export, new: show the plan, or\n"
		   "                           what would be written; change nothing\n"
		   "  -q, --quiet              print no messages but errors and warnings\n"
		   "  -x, --details            show every column\n"
		   "      --csv, --json        print rows as CSV or JSON\n"
		   "      --graph[=FORMAT]     history: as a picture: text, mermaid or dot\n"
		   "      --down               plan, lint, preview: of a downgrade\n"
		   "      --schema=NAME        deploy, revert: in that schema, with its own version\n"
		   "                           table; can be given several times; * for any text\n"
		   "      --worker             deploy, revert: by a background worker\n"
		   "      --timeout=INTERVAL   wait, deploy, revert: how long to wait for a job\n"
		   "      --format=NAME        load: whose files they are (default: auto);\n"
		   "                           export: only migrate\n"
		   "      --options=JSON       load: options of the format\n"
		   "      --replace            load: change pending revisions whose files changed;\n"
		   "                           export: overwrite files that are there\n"
		   "      --prune              load: remove pending revisions that are in no file\n"
		   "      --directory=DIR      new, load: where the files are (default: migrations)\n"
		   "      --revision=ID        new: the revision id (default: made up)\n"
		   "      --parent=ID          new: the down revision (default: the head)\n"
		   "      --targets=FILE       the same on each database that a line of it names:\n"
		   "                           a connection string, service=NAME, or a name\n"
		   "  -j, --jobs=N             that many of them at once (default: 1)\n"
		   "  -V, --version            print the version, then exit\n"
		   "  -?, --help               print this help, then exit\n"
		   "\nConnection options:\n"
		   "  -d, --dbname=DBNAME      database name or connection string\n"
		   "  -h, --host=HOSTNAME      database server host or socket directory\n"
		   "  -p, --port=PORT          database server port number\n"
		   "  -U, --username=USERNAME  user name to connect as\n"
		   "  -w, --no-password        never prompt for password\n"
		   "  -W, --password           force password prompt\n"
		   "\nExit code: 0 done or nothing to do, 1 error, 2 usage,\n"
		   "3 ended before a revision that is not approved or confirmed,\n"
		   "4 a revision is partial, and no run is working on it.\n");
}
