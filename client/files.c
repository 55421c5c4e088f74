/*
 * files.c
 *	  Commands about files: new, load.
 */
#include "postgres_fe.h"

#include <dirent.h>
#include <sys/stat.h>

#include "common/logging.h"
#include "common/string.h"
#include "fe_utils/string_utils.h"
#include "mb/pg_wchar.h"

#include "pg_migrate.h"

/* Letters of a message that go into the name of a file. */
#define SLUG_LENGTH 40

/* White space that is not part of a value in a header. */
#define SPACE " \t\n\r\v\f"

/* Words that are no ids, because they have a meaning in targets. */
static const char *const reserved_names[] = {"base", "head", "heads"};

/* Names of the files that a format may have to read; of others, their paths. */
static const char *const read_suffixes[] = {".sql", ".plan", ".toml", ".conf"};

/* Files, as two arrays of SQL. */
typedef struct Files
{
	PQExpBufferData paths;
	PQExpBufferData contents;
	int			n;
	int			encoding;		/* of their texts */
} Files;

/* Paths of files, to be sorted. */
typedef struct Paths
{
	char	  **paths;
	int			n;
} Paths;

static void keep_notice(void *notices, const PGresult *result);
static void explain_arguments(const char *message);
static void add_path(Files *files, const char *path);
static void collect(Paths *paths, const char *path);
static void collect_directory(Paths *paths, const char *path);
static void add_file(Files *files, const char *path);
static void check_encoding(int encoding, const char *path, const char *content);
static void check_format(const char *directory);
static bool is_own(const char *path);
static char *new_revision(Session *session);
static char *heads_of_database(Session *session);
static char *joined_parents(void);
static void check_id(const char *id);
static char *quoted(const char *value, bool in_list);
static char *file_name(const char *revision, const char *message);

/*
 * Writes a file with the header of a new revision.  Its parents are those of the
 * command line, or the head of the database.
 */
ExitCode
run_new(Session *session, int argc, char **argv)
{
	const char *message = argv[0];
	const char *revision = options.revision != NULL ? options.revision : new_revision(session);
	char	   *parents = options.parents.head != NULL ? joined_parents() : heads_of_database(session);
	char	   *path;
	FILE	   *file;

	if (parents == NULL)
		return EXIT_FAILED;
	check_id(revision);
	check_directory(options.directory);
	check_format(options.directory);
	if (strpbrk(message, "\r\n") != NULL)
		pg_fatal("a message is one line");
	path = file_name(revision, message);
	if (options.dry_run)
	{
		printf("%s\n", path);
		return EXIT_DONE;
	}
	/* "x": a file that is there is not overwritten. */
	file = fopen(path, "wx");
	if (file == NULL)
	{
		pg_log_error("could not create file \"%s\": %m", path);
		if (errno == ENOENT)
			pg_log_error_hint("Create directory \"%s\", or say --directory.", options.directory);
		return EXIT_FAILED;
	}
	fprintf(file, "-- revision: %s\n", quoted(revision, false));
	if (*parents != '\0')
		fprintf(file, "-- down_revision: %s\n", parents);
	fprintf(file, "-- message: %s\n-- migrate:up\n\n-- migrate:down\n\n", quoted(message, false));
	if (fclose(file) != 0)
		pg_fatal("could not write file \"%s\": %m", path);
	printf("%s\n", path);
	return EXIT_DONE;
}

/*
 * A file among those of another tool could not be loaded, nor could they.
 */
static void
check_format(const char *directory)
{
	struct stat status;
	int			n;
	char	  **paths;
	const char *other = NULL;

	if (stat(directory, &status) != 0)
		return;
	paths = list_paths(directory, &n);
	for (int i = 0; i < n; i++)
	{
		if (!pg_str_endswith(paths[i], ".sql"))
			continue;
		if (is_own(paths[i]))
			return;
		if (other == NULL)
			other = paths[i];
	}
	if (other == NULL)
		return;
	pg_log_error("no file in \"%s\" has a revision of this format", directory);
	pg_log_error_detail("File \"%s\" has no line \"-- revision: ID\", nor has another one. Files of several formats cannot be loaded together.", other);
	pg_log_error_hint("Name another directory with --directory. If these are files of another tool, \"%s export\" writes there what is registered of them.", progname);
	exit(EXIT_FAILED);
}

/*
 * Whether a file has a revision, or a repeatable, of our format.
 */
static bool
is_own(const char *path)
{
	char	   *content = read_file(path);
	bool		own = false;

	for (const char *line = content; *line != '\0' && !own; line += strspn(line, "\n"))
	{
		int			length;

		own = header_value(line, REVISION_KEY, &length) != NULL ||
			header_value(line, REPEATABLE_KEY, &length) != NULL;
		line += strcspn(line, "\n");
	}
	pg_free(content);
	return own;
}

/*
 * Twelve hexadecimal digits, as Alembic's.
 */
static char *
new_revision(Session *session)
{
	char	   *revision = run_question(session,
										"SELECT pg_catalog.\"left\"(pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', ''), 12)",
										0, NULL);

	if (revision == NULL)
		exit(EXIT_FAILED);
	return revision;
}

/*
 * The head of the database; empty: nothing is registered.  NULL: several, or it
 * could not be asked.
 */
static char *
heads_of_database(Session *session)
{
	PGresult   *heads = run_query(session, "SELECT h.revision FROM @migrate_heads() AS h", 0, NULL);
	char	   *head = NULL;

	if (heads == NULL)
		return NULL;
	if (PQntuples(heads) > 1)
	{
		pg_log_error("there are %d heads, %s and %s among them", PQntuples(heads),
					 PQgetvalue(heads, 0, 0), PQgetvalue(heads, 1, 0));
		pg_log_error_hint("Say --parent once for a revision that follows one of them, several times for a merge.");
	}
	else
		head = quoted(PQntuples(heads) == 1 ? PQgetvalue(heads, 0, 0) : "", true);
	PQclear(heads);
	return head;
}

/*
 * Those of the command line; an empty one is none.
 */
static char *
joined_parents(void)
{
	PQExpBufferData joined;

	initPQExpBuffer(&joined);
	for (SimpleStringListCell *cell = options.parents.head; cell != NULL; cell = cell->next)
	{
		if (cell->val[0] == '\0')
			continue;
		check_id(cell->val);
		appendPQExpBuffer(&joined, "%s%s", joined.len > 0 ? ", " : "", quoted(cell->val, true));
	}
	return joined.data;
}

/*
 * What the server would refuse when the file is loaded.  It has no function that
 * says so to a role that may not register.
 */
static void
check_id(const char *id)
{
	if (*id == '\0')
		pg_fatal("revision id must not be empty");
	for (const char *c = id; *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || *c == '\x7f')
			pg_fatal("revision id contains a control character");
	}
	for (int i = 0; i < lengthof(reserved_names); i++)
	{
		if (strcmp(id, reserved_names[i]) == 0)
			pg_fatal("revision id must not be \"%s\"", id);
	}
	if (strpbrk(id, "@-+:") != NULL)
	{
		pg_log_error("revision id \"%s\" contains a character that is not allowed", id);
		pg_log_error_detail("The characters @, -, + and : have a meaning of their own in targets.");
		exit(EXIT_FAILED);
	}
}

/*
 * A value, or an item of a list, as it stands in a header: in quotes if the
 * server would read something else, as mig_script_line_write() has it.
 */
static char *
quoted(const char *value, bool in_list)
{
	PQExpBufferData text;

	if (*value == '\0' ||
		(strncmp(value, "E'", 2) != 0 &&
		 strpbrk(value, in_list ? ",\r\n" : "\r\n") == NULL &&
		 strchr(SPACE, value[0]) == NULL &&
		 strchr(SPACE, value[strlen(value) - 1]) == NULL))
		return pg_strdup(value);
	initPQExpBuffer(&text);
	appendPQExpBufferStr(&text, "E'");
	for (const char *c = value; *c != '\0'; c++)
	{
		if (*c == '\n' || *c == '\r')
			appendPQExpBufferStr(&text, *c == '\n' ? "\\n" : "\\r");
		else
		{
			if (*c == '\\' || *c == '\'')
				appendPQExpBufferChar(&text, '\\');
			appendPQExpBufferChar(&text, *c);
		}
	}
	appendPQExpBufferChar(&text, '\'');
	return text.data;
}

/*
 * An empty name, as of a variable that is not set, would be the root directory
 * where a slash and a file's name follow.
 */
void
check_directory(const char *directory)
{
	if (*directory == '\0')
		pg_fatal("the name of the directory is empty");
}

/*
 * DIRECTORY/REVISION_words_of_the_message.sql.  An id may have characters that
 * would lead to another directory, or hide the file.
 */
static char *
file_name(const char *revision, const char *message)
{
	char	   *id = pg_strdup(revision);
	char		slug[SLUG_LENGTH + 1];
	int			length = 0;

	for (char *c = id; *c != '\0'; c++)
	{
		if (*c == '/' || *c == '\\' || (*c == '.' && c == id))
			*c = '_';
	}
	for (const char *c = message; *c != '\0' && length < SLUG_LENGTH; c++)
	{
		if (isalnum((unsigned char) *c) && (unsigned char) *c < 0x80)
			slug[length++] = pg_tolower((unsigned char) *c);
		else if (length > 0 && slug[length - 1] != '_')
			slug[length++] = '_';
	}
	while (length > 0 && slug[length - 1] == '_')
		length--;
	slug[length] = '\0';
	return psprintf("%s/%s%s%s.sql", options.directory, id, length > 0 ? "_" : "", slug);
}

/*
 * Files are in UTF-8, whatever the terminal has; those with other encodings are
 * refused.
 */
void
use_utf8(Session *session)
{
	if (getenv("PGCLIENTENCODING") == NULL &&
		PQsetClientEncoding(session->conn, "UTF8") != 0)
		pg_fatal("%s", PQerrorMessage(session->conn));
}

/*
 * Registers files, and what is in directories.
 */
ExitCode
run_load(Session *session, int argc, char **argv)
{
	Files		files = {0};
	PQExpBufferData notices;
	const char *params[6];
	ExitCode	code;

	use_utf8(session);
	files.encoding = PQclientEncoding(session->conn);
	initPQExpBuffer(&files.paths);
	initPQExpBuffer(&files.contents);
	appendPQExpBufferChar(&files.paths, '{');
	appendPQExpBufferChar(&files.contents, '{');
	if (argc == 0)
		add_path(&files, options.directory);
	for (int i = 0; i < argc; i++)
		add_path(&files, argv[i]);
	appendPQExpBufferChar(&files.paths, '}');
	appendPQExpBufferChar(&files.contents, '}');
	if (PQExpBufferDataBroken(files.paths) || PQExpBufferDataBroken(files.contents))
		pg_fatal("out of memory");
	if (files.n == 0)
	{
		if (argc <= 1)
			pg_log_error("there are no files in \"%s\"", argc == 0 ? options.directory : argv[0]);
		else
			pg_log_error("there are no files");
		return EXIT_FAILED;
	}

	params[0] = files.paths.data;
	params[1] = files.contents.data;
	params[2] = options.file_format;
	params[3] = options.replace ? "true" : "false";
	params[4] = options.prune ? "true" : "false";
	params[5] = options.file_options;
	initPQExpBuffer(&notices);
	PQsetNoticeReceiver(session->conn, keep_notice, &notices);
	if (options.dry_run)
		PQclear(run_query(session, "BEGIN", 0, NULL));
	code = print_or_say(session, options.details ?
						"SELECT * FROM @migrate_register_files($1, $2, $3, $4, $5, $6::pg_catalog.text::pg_catalog.jsonb)" :
						"SELECT * FROM @migrate_register_files($1, $2, $3, $4, $5, $6::pg_catalog.text::pg_catalog.jsonb) WHERE result OPERATOR(pg_catalog.<>) 'unchanged'",
						6, params, "nothing to do, what the files hold is registered");
	explain_arguments(code == EXIT_FAILED ? PQerrorMessage(session->conn) : notices.data);
	if (options.dry_run)
		PQclear(run_query(session, "ROLLBACK", 0, NULL));
	termPQExpBuffer(&files.paths);
	termPQExpBuffer(&files.contents);
	termPQExpBuffer(&notices);
	return code;
}

/*
 * Prints a notice, and keeps what was printed.
 */
static void
keep_notice(void *notices, const PGresult *result)
{
	if (print_notice(result))
		appendPQExpBufferStr(notices, PQresultErrorMessage(result));
}

/*
 * The errors and the notices of the server name the arguments of its function.
 */
static void
explain_arguments(const char *message)
{
	if (strstr(message, "replace => true") != NULL && !options.replace)
		pg_log_error_hint("For replace => true, say --replace.");
	if (strstr(message, "prune => true") != NULL)
		pg_log_error_hint("Here --prune stands for prune => true.");
	if (strstr(message, "the argument \"format\"") != NULL)
		pg_log_error_hint("For the argument \"format\", say --format.");
}

/*
 * A file, or what is in a directory and below it.  That comes in the order of
 * bytes, as migrate_register_directory() has it: some formats have no other, and
 * it must not depend on a locale.
 */
static void
add_path(Files *files, const char *path)
{
	int			n;
	char	  **paths = list_paths(path, &n);

	for (int i = 0; i < n; i++)
	{
		add_file(files, paths[i]);
		pg_free(paths[i]);
	}
	pg_free(paths);
}

char	  **
list_paths(const char *path, int *n)
{
	Paths		found = {NULL, 0};

	collect(&found, path);
	if (found.n > 0)
		qsort(found.paths, found.n, sizeof(char *), pg_qsort_strcmp);
	*n = found.n;
	return found.paths;
}

static void
collect(Paths *paths, const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0)
		pg_fatal("could not stat \"%s\": %m", path);
	if (S_ISDIR(status.st_mode))
	{
		collect_directory(paths, path);
		return;
	}
	paths->paths = pg_realloc(paths->paths, (paths->n + 1) * sizeof(char *));
	paths->paths[paths->n++] = pg_strdup(path);
}

/*
 * Hidden files are not part of a history.
 */
static void
collect_directory(Paths *paths, const char *path)
{
	DIR		   *directory = opendir(path);
	struct dirent *entry;

	if (directory == NULL)
		pg_fatal("could not open directory \"%s\": %m", path);
	while (errno = 0, (entry = readdir(directory)) != NULL)
	{
		char	   *below = psprintf("%s%s%s", path, pg_str_endswith(path, "/") ? "" : "/",
									 entry->d_name);

		if (entry->d_name[0] != '.')
			collect(paths, below);
		pg_free(below);
	}
	if (errno != 0)
		pg_fatal("could not read directory \"%s\": %m", path);
	closedir(directory);
}

static void
add_file(Files *files, const char *path)
{
	char	   *content = NULL;

	for (int i = 0; i < lengthof(read_suffixes); i++)
	{
		if (content == NULL && pg_str_endswith(path, read_suffixes[i]))
			content = read_file(path);
	}
	if (content != NULL)
		check_encoding(files->encoding, path, content);
	appendPGArray(&files->paths, path);
	if (content != NULL)
		appendPGArray(&files->contents, content);
	else
		appendPQExpBufferStr(&files->contents, files->n == 0 ? "NULL" : ",NULL");
	files->n++;
	pg_free(content);
}

/*
 * The server gets all files as one parameter, and its error could not say which of
 * them it is.
 */
static void
check_encoding(int encoding, const char *path, const char *content)
{
	int			length = strlen(content);
	int			valid = pg_encoding_verifymbstr(encoding, content, length);
	int			line = 1;

	if (valid == length)
		return;
	for (int i = 0; i < valid; i++)
		line += content[i] == '\n' ? 1 : 0;
	pg_log_error("line %d of file \"%s\": file is not valid in encoding \"%s\"",
				 line, path, pg_encoding_to_char(encoding));
	pg_log_error_hint("Convert the file to that encoding, or say which one the files have, as in PGCLIENTENCODING=LATIN1.");
	exit(EXIT_FAILED);
}

char *
read_file(const char *path)
{
	FILE	   *file = fopen(path, "r");
	PQExpBufferData content;
	char		buffer[8192];
	size_t		length;

	if (file == NULL)
		pg_fatal("could not open file \"%s\": %m", path);
	initPQExpBuffer(&content);
	while ((length = fread(buffer, 1, sizeof(buffer), file)) > 0)
		appendBinaryPQExpBuffer(&content, buffer, length);
	if (ferror(file))
		pg_fatal("could not read file \"%s\": %m", path);
	fclose(file);
	if (PQExpBufferDataBroken(content))
		pg_fatal("out of memory");
	/* The protocol would end the text there. */
	if (strlen(content.data) != content.len)
		pg_fatal("file \"%s\" contains a null byte", path);
	return content.data;
}
