/*
 * directory.c
 *	  Reads the files of a directory of the server.
 *
 * The server's own functions read them, with the caller's rights: they decide
 * which role may read what.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/spi.h"
#include "import/import_internal.h"

/* Folders within folders; a link to one above would never end. */
#define MAX_DEPTH		16

/* Files whose text some format needs. */
#define READ_FILES		"\\.(sql|plan|toml|conf)$"

typedef struct ServerFile
{
	char	   *path;
	bool		too_deep;
	bytea	   *contents;		/* NULL: not read */
} ServerFile;

static ServerFile *read_files(MigSpiQuery *query, const MigSpiArgs *args,
							  int *nfiles);
static void read_file(const MigSpiRow *row, void *result);
static void check_path(const char *path);
static int	find_encoding(const MigImportRequest *request);
static void add_file(MigImport *import, const ServerFile *file, int encoding);
static char *decode(const ServerFile *file, int encoding);

/*
 * Adds the files of a directory and of the folders in it, in the order of their
 * paths.  What begins with a dot is left out.
 */
void
mig_import_read_directory(MigImport *import, const char *directory)
{
	static MigSpiQuery query = {
		"WITH RECURSIVE entry (path, isdir, depth) AS ("
		"  SELECT ''::text, true, 0"
		"  UNION ALL"
		"  SELECT p.path, s.isdir, e.depth + 1"
		"    FROM entry AS e"
		"    CROSS JOIN LATERAL pg_catalog.pg_ls_dir($1 || '/' || e.path) AS f (name)"
		"    CROSS JOIN LATERAL (SELECT CASE e.path WHEN '' THEN f.name"
		"                         ELSE e.path || '/' || f.name END) AS p (path)"
		"    CROSS JOIN LATERAL pg_catalog.pg_stat_file($1 || '/' || p.path) AS s"
		"   WHERE e.isdir AND e.depth < $2 AND f.name !~ '^[.]')"
		"SELECT path, isdir, CASE WHEN NOT isdir AND path ~ $3"
		"       THEN pg_catalog.pg_read_binary_file($1 || '/' || path) END"
		"  FROM entry WHERE NOT isdir OR depth = $2"
		" ORDER BY path COLLATE pg_catalog.\"C\""
	};
	int			encoding = find_encoding(import->request);
	MigSpiArgs	args = {0};
	ServerFile *files;
	int			nfiles;

	/* It would be the root of the file system. */
	if (directory[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("directory must not be empty")));
	mig_spi_arg_text(&args, directory);
	mig_spi_arg_int32(&args, MAX_DEPTH);
	mig_spi_arg_text(&args, READ_FILES);
	files = read_files(&query, &args, &nfiles);
	for (int i = 0; i < nfiles; i++)
	{
		check_path(files[i].path);
		if (files[i].too_deep)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("directory \"%s\" is nested too deeply", directory),
					 errdetail("Folder \"%s\" is %d folders deep.",
							   files[i].path, MAX_DEPTH)));
		add_file(import, &files[i], encoding);
	}
}

/*
 * An error is about the directory; which statement of ours has met it is left out
 * of it.
 */
static ServerFile *
read_files(MigSpiQuery *query, const MigSpiArgs *args, int *nfiles)
{
	MemoryContext context = CurrentMemoryContext;
	ServerFile *volatile files = NULL;

	PG_TRY();
	{
		files = mig_spi_rows(query, args, MIG_SPI_CALLER, MIG_SPI_READ_CALLER,
							 sizeof(ServerFile), read_file, nfiles);
	}
	PG_CATCH();
	{
		ErrorData  *error;
		char	   *rest;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		rest = error->context == NULL ? NULL : strchr(error->context, '\n');
		error->context = rest == NULL ? NULL : rest + 1;
		ReThrowError(error);
	}
	PG_END_TRY();
	return files;
}

static void
read_file(const MigSpiRow *row, void *result)
{
	ServerFile *file = result;
	bool		isnull;
	Datum		contents = mig_spi_row_datum(row, 3, BYTEAOID, &isnull);

	file->path = mig_spi_row_text_not_null(row, 1);
	file->too_deep = mig_spi_row_bool(row, 2);
	file->contents = isnull ? NULL : DatumGetByteaPCopy(contents);
}

/*
 * Names come from the file system as they are there.
 */
static void
check_path(const char *path)
{
	char	   *shown;

	if (pg_verify_mbstr(GetDatabaseEncoding(), path, strlen(path), true))
		return;
	shown = pstrdup(path);
	for (char *p = shown; *p != '\0'; p++)
	{
		if (IS_HIGHBIT_SET(*p))
			*p = '?';
	}
	ereport(ERROR,
			(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
			 errmsg("name of file \"%s\" is not valid in encoding \"%s\"",
					shown, GetDatabaseEncodingName()),
			 errhint("Rename the file.")));
}

static int
find_encoding(const MigImportRequest *request)
{
	char	   *name = mig_import_option(request, "encoding");
	int			encoding = name == NULL ? PG_UTF8 : pg_char_to_encoding(name);

	if (encoding < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("encoding \"%s\" does not exist", name)));
	return encoding;
}

/*
 * One that cannot be read is not one of the set: its error is.
 */
static void
add_file(MigImport *import, const ServerFile *file, int encoding)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorContextCallback *callbacks = error_context_stack;
	List	   *volatile errors = import->errors;
	char	   *volatile text = NULL;

	error_context_stack = NULL;
	PG_TRY();
	{
		if (file->contents != NULL)
			text = decode(file, encoding);
	}
	PG_CATCH();
	{
		errors = mig_script_error_add(errors, list_length(import->files) + 1,
									  context);
	}
	PG_END_TRY();
	error_context_stack = callbacks;
	if (errors == import->errors)
		mig_import_add_file(import, file->path, text);
	import->errors = errors;
}

/*
 * The text in the server's encoding.
 */
static char *
decode(const ServerFile *file, int encoding)
{
	const char *data = VARDATA_ANY(file->contents);
	int			length = VARSIZE_ANY_EXHDR(file->contents);
	char	   *text = pnstrdup(data, length);
	int			valid = pg_encoding_verifymbstr(encoding, data, length);
	MigScriptSource source = {.body = text, .file = file->path};

	if (valid < length)
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("file is not valid in encoding \"%s\"",
						pg_encoding_to_char(encoding)),
				 errhint("If it has another one, name it: options => '{\"encoding\": \"LATIN1\"}'."),
				 errcontext("%s", mig_script_place(&source, valid))));
	return pg_any_to_server(text, length, encoding);
}
