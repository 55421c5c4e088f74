/*
 * graphile.c
 *	  Format graphile: committed/000001.sql or 000001-name.sql of graphile-migrate.
 *
 * A file begins with lines "--! Key: value", then an empty one.  Previous names the
 * hash of the file before, so that a file that is missing shows.  With "--!
 * no-transaction" each statement is a transaction.  There are no downgrades.
 * Placeholders like :DATABASE_OWNER are replaced, wherever they are.
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"

#include "import/import_internal.h"

#define HEADER_MARK		"!"
#define PREVIOUS		"! Previous:"
#define HASH			"! Hash:"
#define MESSAGE			"! Message:"
#define NO_TRANSACTION	"! no-transaction"
#define OPTION			"placeholders"

/* The least digits of a name, as the tool asks for. */
#define MIN_DIGITS		6

/* What the header of a file says. */
typedef struct Header
{
	const MigImportFile *file;
	const char *previous;		/* "-": none */
	const char *hash;
	const char *message;
	int			previous_line;	/* where it is */
	int			body;
} Header;

static MigImportMatch recognize(const MigImport *import);
static void read_set(MigImport *import);
static void read_file(MigImport *import, MigImportFile *file);
static void try_header(MigImport *import, MigImportFile *file, void *part);
static void read_header(const MigImportFile *file, Header *header);
static void keep(const MigImportFile *file, const MigImportLine *line,
				 const char *mark, const char **value);
static bool read_transaction(MigImportFile *file, int body);
static void replace_placeholders(const MigImport *import, MigImportFile *file);
static void check_previous(MigImport *import, MigImportFile *file);

static const char *const option_names[] = {OPTION, NULL};

const MigImportFormat mig_import_graphile = {
	.name = "graphile",
	.recognize = recognize,
	.read = read_set,
	.compare = mig_import_compare_numbers,
	.options = option_names,
	.down_hint = gettext_noop("The format has no downgrades: remove what is one, or word the comment in another way.")
};

static MigImportMatch
recognize(const MigImport *import)
{
	return mig_import_any_mark(import, PREVIOUS) ? MIG_IMPORT_CERTAIN :
		MIG_IMPORT_NO;
}

static void
read_set(MigImport *import)
{
	mig_import_each_file(import, read_file);
	mig_import_each_file(import, check_previous);
}

/*
 * What is not committed (current.sql) has no number.
 */
static void
read_file(MigImport *import, MigImportFile *file)
{
	MigImportRevision *revision;
	Header	   *header;
	bool		has_header;
	char	   *version;
	char	   *title;

	if (!mig_import_split_name(file->name, ".sql", &version, &title) ||
		strlen(version) < MIN_DIGITS)
		return;
	header = palloc0(sizeof(Header));
	header->file = file;
	import->state = lappend(import->state, header);
	has_header = mig_import_keep_error(import, file, try_header, header);
	/* What is replaced may be in the header. */
	replace_placeholders(import, file);
	if (has_header)
		read_header(file, header);
	revision = mig_import_add_revision(import, file, version,
									   header->message != NULL ? header->message : title);
	revision->checksum = header->hash;
	revision->script.def.upgrade_per_statement = !read_transaction(file, header->body);
	mig_import_set_upgrade(import, revision, file, header->body,
						   strlen(file->text));
}

static void
try_header(MigImport *import, MigImportFile *file, void *part)
{
	read_header(file, part);
}

static void
read_header(const MigImportFile *file, Header *header)
{
	MigImportLine line = {0};

	while (mig_import_next_line(file, &line) &&
		   mig_import_mark(file, &line, HEADER_MARK) != NULL &&
		   mig_import_mark(file, &line, NO_TRANSACTION) == NULL)
	{
		if (mig_import_mark(file, &line, PREVIOUS) != NULL)
			header->previous_line = line.start;
		keep(file, &line, PREVIOUS, &header->previous);
		keep(file, &line, HASH, &header->hash);
		keep(file, &line, MESSAGE, &header->message);
		header->body = line.next;
	}
	if (header->previous == NULL || header->hash == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("file does not begin with lines \"--%s\" and \"--%s\"",
						PREVIOUS, HASH),
				 errhint("Commit it with graphile-migrate first."),
				 mig_import_errplace(file, 0)));
}

static void
keep(const MigImportFile *file, const MigImportLine *line, const char *mark,
	 const char **value)
{
	const char *text = mig_import_mark(file, line, mark);

	if (text != NULL)
		*value = text;
}

/*
 * Whether the body is one transaction.
 */
static bool
read_transaction(MigImportFile *file, int body)
{
	MigImportLine line = {.next = body};

	while (mig_import_next_line(file, &line))
	{
		if (mig_import_mark(file, &line, NO_TRANSACTION) != NULL)
		{
			mig_import_blank_line(file, &line);
			return false;
		}
		if (strspn(file->text + line.start, " \t\r") < line.end - line.start)
			break;
	}
	return true;
}

/*
 * A name without a value may be anything else, such as a type behind "::", unless
 * it is one that the tool itself has values for.
 */
static void
replace_placeholders(const MigImport *import, MigImportFile *file)
{
	StringInfoData text;
	const char *at = file->text;
	const char *colon;

	initStringInfo(&text);
	while ((colon = strchr(at, ':')) != NULL)
	{
		int			length = 1 + strspn(colon + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
		char	   *name = pnstrdup(colon, length);
		char	   *value = isalnum((unsigned char) colon[length]) ? NULL :
		mig_import_option_member(import->request, OPTION, name);

		if (value == NULL && (strcmp(name, ":DATABASE_NAME") == 0 ||
							  strcmp(name, ":DATABASE_OWNER") == 0))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("placeholder \"%s\" has no value", name),
					 errhint("Give it: options => '{\"placeholders\": {\"%s\": \"...\"}}'.",
							 name),
					 mig_import_errplace(file, colon - file->text)));
		appendBinaryStringInfo(&text, at, colon - at);
		appendStringInfoString(&text, value != NULL ? value : name);
		at = colon + length;
	}
	appendStringInfoString(&text, at);
	file->text = text.data;
}

static void
check_previous(MigImport *import, MigImportFile *file)
{
	const Header *header = NULL;
	bool		is_known = true;
	ListCell   *cell;

	foreach(cell, (List *) import->state)
	{
		if (((Header *) lfirst(cell))->file == file)
			header = lfirst(cell);
	}
	if (header == NULL || header->previous == NULL || header->hash == NULL ||
		strcmp(header->previous, "-") == 0)
		return;
	foreach(cell, (List *) import->state)
	{
		const Header *other = lfirst(cell);

		if (other->hash == NULL)
			is_known = false;
		else if (strcmp(other->hash, header->previous) == 0)
		{
			if (strcmp(other->file->name, file->name) >= 0)
				break;
			return;
		}
	}
	/* It may be that of a file whose header is wrong. */
	if (!is_known)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("previous migration with hash \"%s\" does not come before the file",
					header->previous),
			 errhint("Give all committed files, as graphile-migrate has written them."),
			 mig_import_errplace(file, header->previous_line)));
}
