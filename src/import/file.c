/*
 * file.c
 *	  The files of a set: their names, lines and marks.
 */
#include "postgres.h"

#include <ctype.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "base/printable.h"
#include "import/import_internal.h"

#define FILE_LINE	"-- file:"

/* Bytes of a line in a message. */
#define MAX_LINE_SHOWN	80

static const char *folder_of(const char *path, const char *name);
static const char *next_file_line(const char *text);
static bool try_part(MigImport *import, MigImportFile *file,
					 MigImportReadPart read, void *part);
static void read_whole(MigImport *import, MigImportFile *file, void *part);
static void mark_failed(MigImport *import, const MigImportFile *file);
static const char *skip_space(const char *at, const char *end);
static char *copy_trimmed(const char *start, const char *end);

/*
 * Adds a file; text may be NULL.
 */
void
mig_import_add_file(MigImport *import, char *path, char *text)
{
	MigImportFile *file = palloc0(sizeof(MigImportFile));
	const char *slash = strrchr(path, '/');
	const char *control = mig_printable_find(path, "");

	if (path[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("path of a file must not be empty")));
	if (control != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("path \"%s\" contains a control character",
						mig_printable(path)),
				 errdetail_internal("%s", mig_printable_detail(path, control))));
	if (text == NULL && mig_import_has_suffix(path, ".sql"))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("contents of file \"%s\" must not be null", path)));
	file->path = path;
	file->name = slash != NULL ? slash + 1 : path;
	file->folder = folder_of(path, file->name);
	file->given = text;
	if (text != NULL)
		file->text = mig_script_prepare(text);
	import->files = lappend(import->files, file);
	file->number = list_length(import->files);
}

/*
 * The name of the folder that a file is in, without those above.
 */
static const char *
folder_of(const char *path, const char *name)
{
	const char *end = name > path ? name - 1 : path;
	const char *start = end;

	while (start > path && start[-1] != '/')
		start--;
	return pnstrdup(start, end - start);
}

/*
 * Adds the files of a text, in which a line "-- file: path" is before each.
 */
void
mig_import_split_bundle(MigImport *import, const char *bundle)
{
	const char *line = bundle;

	if (strncmp(line, MIG_SCRIPT_BOM, strlen(MIG_SCRIPT_BOM)) == 0)
		line += strlen(MIG_SCRIPT_BOM);
	line += strspn(line, " \t\r\n");
	if (strncmp(line, FILE_LINE, strlen(FILE_LINE)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bundle does not begin with a line \"-- file: <path>\""),
				 errhint("Such a line comes before the text of each file.")));
	while (*line != '\0')
	{
		const char *path = line + strlen(FILE_LINE);
		const char *end = path + strcspn(path, "\r\n");
		const char *text = end + (end[0] == '\r' && end[1] == '\n' ? 2 : *end != '\0');
		const char *next = next_file_line(text);

		CHECK_FOR_INTERRUPTS();
		path += strspn(path, " \t");
		while (end > path && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		mig_import_add_file(import, pnstrdup(path, end - path),
							pnstrdup(text, next - text));
		line = next;
	}
}

/*
 * The next line that begins a file, or the end.
 */
static const char *
next_file_line(const char *text)
{
	while (*text != '\0' && strncmp(text, FILE_LINE, strlen(FILE_LINE)) != 0)
	{
		text += strcspn(text, "\n");
		if (*text == '\n')
			text++;
	}
	return text;
}

/*
 * Reads each file.  An error is kept, with the place that it names.
 */
void
mig_import_each_file(MigImport *import, MigImportRead read)
{
	ListCell   *cell;

	foreach(cell, import->files)
	{
		MigImportFile *file = lfirst(cell);

		if (!mig_import_try(import, file, read_whole, &read))
			mark_failed(import, file);
	}
}

static void
read_whole(MigImport *import, MigImportFile *file, void *part)
{
	const MigImportRead *read = part;

	(*read) (import, file);
}

/*
 * Reads a part of a file.  An error is kept, with the place that it names, and
 * revisions that come from the part are not looked at any more; false: there was
 * one.
 */
bool
mig_import_try(MigImport *import, MigImportFile *file, MigImportReadPart read,
			   void *part)
{
	int			nrevisions = list_length(import->revisions);

	if (try_part(import, file, read, part))
		return true;
	file->used = true;
	for (int i = nrevisions; i < list_length(import->revisions); i++)
		((MigImportRevision *) list_nth(import->revisions, i))->script.failed = true;
	return false;
}

/*
 * The same of a part, such as a mark, that says nothing of the bodies around it: they
 * are looked at nevertheless, so that it hides none of their errors.
 */
bool
mig_import_keep_error(MigImport *import, MigImportFile *file,
					  MigImportReadPart read, void *part)
{
	if (try_part(import, file, read, part))
		return true;
	file->used = true;
	return false;
}

static bool
try_part(MigImport *import, MigImportFile *file, MigImportReadPart read,
		 void *part)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool result = true;

	CHECK_FOR_INTERRUPTS();
	PG_TRY();
	{
		read(import, file, part);
	}
	PG_CATCH();
	{
		import->errors = mig_script_error_add(import->errors, file->number,
											  context);
		result = false;
	}
	PG_END_TRY();
	return result;
}

/*
 * The revisions that a file belongs to are not looked at any more.
 */
static void
mark_failed(MigImport *import, const MigImportFile *file)
{
	ListCell   *cell;

	foreach(cell, import->revisions)
	{
		MigScriptRevision *script = &((MigImportRevision *) lfirst(cell))->script;

		if (script->file == file->path || script->downgrade_file == file->path)
			script->failed = true;
	}
}

/*
 * The file of that name in the folder of another one, or NULL.  Its contents are
 * needed.
 */
MigImportFile *
mig_import_find_beside(const MigImport *import, const MigImportFile *file,
					   const char *name)
{
	int			length = file->name - file->path;
	ListCell   *cell;

	foreach(cell, import->files)
	{
		MigImportFile *other = lfirst(cell);

		if (strcmp(other->name, name) != 0 ||
			other->name - other->path != length ||
			strncmp(other->path, file->path, length) != 0)
			continue;
		if (other->text == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("contents of file \"%s\" must not be null", other->path)));
		return other;
	}
	return NULL;
}

/*
 * Overwrites a line with spaces.
 */
void
mig_import_blank_line(MigImportFile *file, const MigImportLine *line)
{
	memset(file->text + line->start, ' ', line->end - line->start);
}

/*
 * Steps to the next line of a file; {0} is before the first.
 */
bool
mig_import_next_line(const MigImportFile *file, MigImportLine *line)
{
	const char *text = file->text;

	if (text[line->next] == '\0')
		return false;
	line->start = line->next;
	line->end = line->start + strcspn(text + line->start, "\n");
	line->next = line->end + (text[line->end] == '\n' ? 1 : 0);
	if (line->end > line->start && text[line->end - 1] == '\r')
		line->end--;
	return true;
}

/*
 * What a line has behind a mark, which is what follows the dashes of a comment and
 * white space: a copy without white space around it.  NULL: no such mark.
 */
const char *
mig_import_mark(const MigImportFile *file, const MigImportLine *line,
				const char *mark)
{
	const char *at = file->text + line->start;
	const char *end = file->text + line->end;

	if (end - at < 2 || at[0] != '-' || at[1] != '-')
		return NULL;
	for (at += 2; at < end && (*at == ' ' || *at == '\t');)
		at++;
	if (end - at < (int) strlen(mark) || strncmp(at, mark, strlen(mark)) != 0)
		return NULL;
	return copy_trimmed(skip_space(at + strlen(mark), end), end);
}

/*
 * Raises an error for a mark that is not at the start of its line.  Its tool takes
 * it for a comment, though no author means that: what follows becomes a part of the
 * body before it.
 */
void
mig_import_refuse_indented(const MigImportFile *file,
						   const MigImportLine *line, const char *mark)
{
	MigImportLine rest = *line;

	rest.start += strspn(file->text + rest.start, " \t");
	if (rest.start > line->start && rest.start < line->end &&
		mig_import_mark(file, &rest, mark) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("mark \"%s\" is not at the start of its line",
						pnstrdup(file->text + rest.start, line->end - rest.start)),
				 mig_import_errplace(file, line->start)));
}

/*
 * Raises an error if the file has SQL before the line of its first mark, which starts
 * at that byte: it is in no body.
 */
void
mig_import_refuse_before(const MigImportFile *file, int start, const char *mark)
{
	int			first = mig_script_skip_gap(file->text, 0);

	if (first < start)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("file has SQL before its line \"-- %s\"", mark),
				 mig_import_errplace(file, first)));
}

/*
 * Whether a file of the set has that mark.
 */
bool
mig_import_any_mark(const MigImport *import, const char *mark)
{
	ListCell   *cell;

	foreach(cell, import->files)
	{
		if (mig_import_has_mark(lfirst(cell), mark))
			return true;
	}
	return false;
}

bool
mig_import_has_mark(const MigImportFile *file, const char *mark)
{
	MigImportLine line = {0};

	CHECK_FOR_INTERRUPTS();
	if (file->text == NULL || strstr(file->text, mark) == NULL)
		return false;
	while (mig_import_next_line(file, &line))
	{
		if (mig_import_mark(file, &line, mark) != NULL)
			return true;
	}
	return false;
}

bool
mig_import_has_suffix(const char *text, const char *suffix)
{
	int			length = strlen(text) - strlen(suffix);

	return length >= 0 && strcmp(text + length, suffix) == 0;
}

/*
 * Splits a name like 0001_create_users.sql into the number that it begins with
 * and the rest, in which underscores are read as spaces.  Without such a number,
 * or another suffix than the one given, returns false.
 */
bool
mig_import_split_name(const char *name, const char *suffix, char **version,
					  char **title)
{
	int			digits = strspn(name, "0123456789");
	int			length = strlen(name) - strlen(suffix);
	const char *rest = name + digits;

	if (digits == 0 || digits > length || !mig_import_has_suffix(name, suffix))
		return false;
	*version = pnstrdup(name, digits);
	if (rest < name + length && strchr("_-.", *rest) != NULL)
		rest++;
	*title = pnstrdup(rest, name + length - rest);
	for (char *p = *title; *p != '\0'; p++)
	{
		if (*p == '_')
			*p = ' ';
	}
	return true;
}

/*
 * Splits a line "key = value" of a file of settings; a value may be in quotes.
 * Without a key and a value, as in a comment, returns false.
 */
bool
mig_import_split_setting(const MigImportFile *file, const MigImportLine *line,
						 char **key, char **value)
{
	const char *at = file->text + line->start;
	const char *end = file->text + line->end;
	const char *separator = memchr(at, '=', end - at);

	at = skip_space(at, end);
	if (separator == NULL || at == separator || *at == '#')
		return false;
	*key = copy_trimmed(at, separator);
	at = skip_space(separator + 1, end);
	if (at < end && (*at == '"' || *at == '\''))
	{
		const char *quote = memchr(at + 1, *at, end - at - 1);

		*value = pnstrdup(at + 1, (quote != NULL ? quote : end) - at - 1);
		return true;
	}
	separator = memchr(at, '#', end - at);
	*value = copy_trimmed(at, separator != NULL ? separator : end);
	return true;
}

static const char *
skip_space(const char *at, const char *end)
{
	while (at < end && isspace((unsigned char) *at))
		at++;
	return at;
}

static char *
copy_trimmed(const char *start, const char *end)
{
	while (end > start && isspace((unsigned char) end[-1]))
		end--;
	return pnstrdup(start, end - start);
}

/*
 * The number of the line of a byte, from 1.  A file can hold thousands of bodies,
 * which come in its order: what was counted for one is not counted again.
 */
int
mig_import_line_number(MigImportFile *file, int offset)
{
	if (file->counted_text != file->text || offset < file->counted)
	{
		file->counted_text = file->text;
		file->counted = 0;
		file->nlines = 0;
	}
	file->nlines += mig_script_count_lines(file->text, file->counted, offset);
	file->counted = offset;
	return 1 + file->nlines;
}

/*
 * To be called inside ereport(): the error is in the line of this byte.
 */
int
mig_import_errplace(const MigImportFile *file, int offset)
{
	MigScriptSource source = {.body = "", .file = file->path};

	/* Each line of a long file can have an error. */
	if (file->text != NULL)
		source.line = mig_import_line_number(unconstify(MigImportFile *, file),
											 offset);
	errcontext("%s", mig_script_place(&source, 0));

	return 0;					/* the value does not matter */
}

/*
 * A line of a file, as it can be shown.
 */
const char *
mig_import_show_line(const MigImportFile *file, const MigImportLine *line)
{
	return mig_import_show(file->text + line->start, line->end - line->start);
}

/*
 * The same of any text, which is shown in one line.
 */
const char *
mig_import_show(const char *text, int length)
{
	char	   *copy = pnstrdup(text, length);

	for (char *c = copy; *c != '\0'; c++)
	{
		if (*c == '\r' || *c == '\n')
			*c = ' ';
	}
	copy[pg_mbcliplen(copy, strlen(copy), MAX_LINE_SHOWN)] = '\0';
	return mig_printable(copy);
}

/*
 * Raises an error for a mark that the file has not, in the line that was probably
 * meant to be it, which does not begin as the marks do.  has_unknown: there is an error
 * of one that does, and it can be what is missing; without such a line nothing is
 * raised then.
 */
void
mig_import_refuse_missing(const MigImportFile *file, const char *beginning,
						  const char *mark, bool has_unknown)
{
	int			offset = 0;
	const char *comment = mig_import_find_comment(file, beginning,
												  mig_mark_is_section, &offset);

	if (comment == NULL && has_unknown)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("file has no line \"-- %s\"", mark),
			 comment == NULL ? 0 :
			 errhint("Comment \"%s\" was probably meant to be a mark.", comment),
			 mig_import_errplace(file, offset)));
}

/*
 * The first line comment that was probably meant to be something else, as it can be
 * shown, and where it begins; or NULL.  beginning: of those that are what they look
 * like; or NULL.
 */
const char *
mig_import_find_comment(const MigImportFile *file, const char *beginning,
						bool (*is_meant) (const char *text), int *offset)
{
	MigImportLine line = {0};

	while (file->text != NULL && mig_import_next_line(file, &line))
	{
		char	   *text;

		if (mig_import_mark(file, &line, "") == NULL ||
			(beginning != NULL && mig_import_mark(file, &line, beginning) != NULL))
			continue;
		text = pnstrdup(file->text + line.start, line.end - line.start);
		if (is_meant(text))
		{
			*offset = line.start;
			return mig_import_show_line(file, &line);
		}
		pfree(text);
	}
	return NULL;
}

/*
 * Whether a name says that the file holds one of the two bodies of a revision.
 */
bool
mig_import_is_half(const MigImportFile *file)
{
	return mig_import_has_suffix(file->name, ".up.sql") ||
		mig_import_has_suffix(file->name, ".down.sql") ||
		mig_import_has_suffix(file->name, "_up.sql") ||
		mig_import_has_suffix(file->name, "_down.sql");
}
