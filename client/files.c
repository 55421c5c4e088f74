/*
 * files.c
 *	  Commands about files: new.
 */
#include "postgres_fe.h"

#include "common/logging.h"
#include "fe_utils/string_utils.h"

#include "pg_migrate.h"

/* Letters of a message that go into the name of a file. */
#define SLUG_LENGTH 40

static char *new_revision(Session *session);
static char *heads_of_database(Session *session);
static char *joined_parents(void);
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
		pg_fatal("could not create file \"%s\": %m", path);
	fprintf(file, "-- revision: %s\n", revision);
	if (*parents != '\0')
		fprintf(file, "-- down_revision: %s\n", parents);
	fprintf(file, "-- message: %s\n-- migrate:up\n\n-- migrate:down\n\n", message);
	if (fclose(file) != 0)
		pg_fatal("could not write file \"%s\": %m", path);
	printf("%s\n", path);
	return EXIT_DONE;
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
		head = pg_strdup(PQntuples(heads) == 1 ? PQgetvalue(heads, 0, 0) : "");
	PQclear(heads);
	return head;
}

static char *
joined_parents(void)
{
	PQExpBufferData joined;

	initPQExpBuffer(&joined);
	for (SimpleStringListCell *cell = options.parents.head; cell != NULL; cell = cell->next)
		appendPQExpBuffer(&joined, "%s%s", joined.len > 0 ? ", " : "", cell->val);
	return joined.data;
}

/*
 * DIRECTORY/REVISION_words_of_the_message.sql
 */
static char *
file_name(const char *revision, const char *message)
{
	char		slug[SLUG_LENGTH + 1];
	int			length = 0;

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
	return psprintf("%s/%s%s%s.sql", options.directory, revision, length > 0 ? "_" : "", slug);
}
