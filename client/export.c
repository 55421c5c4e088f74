/*
 * export.c
 *	  Command export: writes the registered revisions as files.
 *
 * What the files are called and what is in them the server says.  Everything is
 * compared with the directory before a file is written, so that an export either
 * fits into it or changes nothing there.
 */
#include "postgres_fe.h"

#include <sys/stat.h>

#include "common/logging.h"
#include "common/string.h"

#include "pg_migrate.h"

/* A byte order mark. */
#define BOM "\xEF\xBB\xBF"

/* What becomes of a file. */
typedef enum Change
{
	CHANGE_NONE,
	CHANGE_ADD,
	CHANGE_REPLACE
} Change;

typedef struct ExportedFile
{
	const char *name;
	const char *content;
	char	   *path;
	Change		change;
} ExportedFile;

static ExportedFile *list_files(const PGresult *result, const char *directory);
static void check_name(const char *name);
static Change compare(const char *path, const char *content);
static bool is_held(const ExportedFile *files, int n, const char *directory);
static bool is_one_of(const ExportedFile *files, int n, const char *path);
static const ExportedFile *find_revision(const ExportedFile *files, int n,
										 const char *line);
static ExitCode write_files(const ExportedFile *files, int n,
							const char *directory);
static void write_file(const ExportedFile *file);

ExitCode
run_export(Session *session, int argc, char **argv)
{
	const char *directory = argv[0];
	const char *params[] = {argc > 1 ? argv[1] : NULL,
	strcmp(options.file_format, "auto") == 0 ? "migrate" : options.file_format};
	PGresult   *result;
	ExportedFile *files;
	int			n;
	bool		refused;
	ExitCode	code = EXIT_FAILED;

	check_directory(directory);
	use_utf8(session);
	result = run_query(session, "SELECT f.path, f.content FROM @migrate_export($1, $2) AS f", 2, params);
	if (result == NULL)
		return EXIT_FAILED;
	n = PQntuples(result);
	files = list_files(result, directory);
	refused = is_held(files, n, directory);
	for (int i = 0; i < n; i++)
	{
		if (files[i].change != CHANGE_REPLACE || options.replace)
			continue;
		pg_log_error("file \"%s\" is there with another content", files[i].path);
		refused = true;
	}
	if (refused)
		pg_log_error_hint("Nothing is written. Export into another directory, or a range of revisions that it does not have; --replace overwrites files of the same name.");
	else
		code = write_files(files, n, directory);
	for (int i = 0; i < n; i++)
		pg_free(files[i].path);
	pg_free(files);
	PQclear(result);
	return code;
}

/*
 * The files of an export, and what becomes of each.
 */
static ExportedFile *
list_files(const PGresult *result, const char *directory)
{
	int			n = PQntuples(result);
	ExportedFile *files = pg_malloc0(Max(n, 1) * sizeof(ExportedFile));

	for (int i = 0; i < n; i++)
	{
		files[i].name = PQgetvalue(result, i, 0);
		files[i].content = PQgetvalue(result, i, 1);
		check_name(files[i].name);
		files[i].path = psprintf("%s%s%s", directory,
								 pg_str_endswith(directory, "/") ? "" : "/",
								 files[i].name);
		files[i].change = compare(files[i].path, files[i].content);
	}
	return files;
}

/*
 * A server must not choose where a file is written.
 */
static void
check_name(const char *name)
{
	if (*name == '\0' || *name == '.' ||
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != strlen(name))
		pg_fatal("the server has named a file \"%s\"", name);
}

static Change
compare(const char *path, const char *content)
{
	struct stat status;
	char	   *there;
	bool		same;

	if (stat(path, &status) != 0)
	{
		if (errno != ENOENT)
			pg_fatal("could not stat \"%s\": %m", path);
		return CHANGE_ADD;
	}
	there = read_file(path);
	same = strcmp(there, content) == 0;
	pg_free(there);
	return same ? CHANGE_NONE : CHANGE_REPLACE;
}

/*
 * Says which revisions are in files of other names already, in the directory or
 * below it: to load it would find them twice.
 */
static bool
is_held(const ExportedFile *files, int n, const char *directory)
{
	struct stat status;
	int			nothers;
	char	  **others;
	bool		held = false;

	if (stat(directory, &status) != 0)
		return false;
	others = list_paths(directory, &nothers);
	for (int i = 0; i < nothers; i++)
	{
		char	   *content;

		if (!pg_str_endswith(others[i], ".sql") || is_one_of(files, n, others[i]))
			continue;
		content = read_file(others[i]);
		for (const char *line = content; *line != '\0'; line += strspn(line, "\n"))
		{
			const ExportedFile *file = find_revision(files, n, line);

			line += strcspn(line, "\n");
			if (file == NULL)
				continue;
			pg_log_error("revision of file \"%s\" is in file \"%s\"", file->name, others[i]);
			held = true;
		}
		pg_free(content);
	}
	return held;
}

static bool
is_one_of(const ExportedFile *files, int n, const char *path)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(files[i].path, path) == 0)
			return true;
	}
	return false;
}

/*
 * The file whose revision a line begins, or NULL.
 */
static const ExportedFile *
find_revision(const ExportedFile *files, int n, const char *line)
{
	int			length;
	const char *revision = header_value(line, REVISION_KEY, &length);

	if (revision == NULL)
		return NULL;
	for (int i = 0; i < n; i++)
	{
		int			other_length;
		const char *other = header_value(files[i].content, REVISION_KEY, &other_length);

		if (other != NULL && other_length == length &&
			strncmp(other, revision, length) == 0)
			return &files[i];
	}
	return NULL;
}

const char *
header_value(const char *line, const char *key, int *length)
{
	if (strncmp(line, BOM, strlen(BOM)) == 0)
		line += strlen(BOM);
	line += strspn(line, " \t");
	if (strncmp(line, "--", 2) != 0)
		return NULL;
	line += 2;
	line += strspn(line, " \t");
	if (strncmp(line, key, strlen(key)) != 0)
		return NULL;
	line += strlen(key);
	line += strspn(line, " \t");
	if (*line++ != ':')
		return NULL;
	line += strspn(line, " \t");
	*length = strcspn(line, "\r\n");
	while (*length > 0 && strchr(" \t", line[*length - 1]) != NULL)
		(*length)--;
	return line;
}

/*
 * Writes what changes, and prints the paths.
 */
static ExitCode
write_files(const ExportedFile *files, int n, const char *directory)
{
	if (!options.dry_run && mkdir(directory, 0777) != 0 && errno != EEXIST)
		pg_fatal("could not create directory \"%s\": %m", directory);
	for (int i = 0; i < n; i++)
	{
		if (files[i].change == CHANGE_NONE)
			continue;
		if (!options.dry_run)
			write_file(&files[i]);
		if (!options.quiet)
			printf("%s\n", files[i].path);
	}
	return EXIT_DONE;
}

/*
 * "x": where names that differ by case are the same, no file is lost.
 */
static void
write_file(const ExportedFile *file)
{
	FILE	   *stream = fopen(file->path, file->change == CHANGE_ADD ? "wbx" : "wb");

	if (stream == NULL)
		pg_fatal("could not create file \"%s\": %m", file->path);
	if (fputs(file->content, stream) == EOF || fclose(stream) != 0)
		pg_fatal("could not write file \"%s\": %m", file->path);
}
