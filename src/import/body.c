/*
 * body.c
 *	  Makes revisions of pieces of files.
 *
 * What a tool runs and a body here may not hold is rewritten or refused.  Lines
 * stay what they are, so that errors name those of the file.
 */
#include "postgres.h"

#include "import/import_internal.h"

/* Where a body is. */
typedef struct BodyPiece
{
	MigImportFile *file;
	int			start;
	int			end;
} BodyPiece;

static void read_up(MigImport *import, MigImportFile *file);
static void read_down(MigImport *import, MigImportFile *file);
static char *read_body(MigImport *import, const MigImportRevision *revision,
					   MigBodyKind kind, const BodyPiece *piece,
					   bool *per_statement, int *line);
static void refuse_template(const MigScriptSource *source);
static void refuse_downgrade(MigImport *import, MigImportFile *file,
							 void *part);

/*
 * Adds a revision that begins with a file.  Its upgrade is empty, and it is
 * irreversible, until the bodies are set.
 */
MigImportRevision *
mig_import_add_revision(MigImport *import, MigImportFile *file,
						const char *version, const char *title)
{
	MigImportRevision *revision = palloc0(sizeof(MigImportRevision));
	MigRevisionDef *def = &revision->script.def;

	def->id = mig_import_make_id(version);
	def->message = title[0] != '\0' ? pstrdup(title) : NULL;
	def->upgrade = pstrdup("");
	revision->version = version;
	revision->file = file;
	revision->script.number = file->number;
	revision->script.file = file->path;
	revision->script.line = 1;
	file->used = true;
	import->revisions = lappend(import->revisions, revision);
	return revision;
}

/*
 * The revision of that version, or NULL.  The last one comes first: files of one
 * version are beside each other.  1 and 01 can be the same version.
 */
MigImportRevision *
mig_import_find_revision(const MigImport *import, const char *version)
{
	int			(*compare) (const char *, const char *) = import->format->compare;

	for (int i = list_length(import->revisions) - 1; i >= 0; i--)
	{
		MigImportRevision *revision = list_nth(import->revisions, i);

		if ((compare != NULL ? compare : strcmp) (revision->version, version) == 0)
			return revision;
	}
	return NULL;
}

/*
 * The revision whose downgrade a file is.  Raises an error if there is none, or it
 * has one.
 */
MigImportRevision *
mig_import_find_upgrade(const MigImport *import, const MigImportFile *file,
						const char *version)
{
	MigImportRevision *revision = mig_import_find_revision(import, version);

	if (revision == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version \"%s\" has a downgrade and no upgrade", version),
				 errhint("Add the file of the upgrade, which may be empty."),
				 mig_import_errplace(file, 0)));
	if (revision->script.def.downgrade != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("downgrade of version \"%s\" is given twice", version),
				 errdetail("It is given in file \"%s\", too.",
						   revision->script.downgrade_file),
				 mig_import_errplace(file, 0)));
	return revision;
}

/*
 * Makes a piece of a file the upgrade.  Whether each statement of it is a
 * transaction was said before, or is found out here.
 */
void
mig_import_set_upgrade(MigImport *import, MigImportRevision *revision,
					   MigImportFile *file, int start, int end)
{
	MigScriptRevision *script = &revision->script;
	BodyPiece	piece = {file, start, end};

	file->used = true;
	script->file = file->path;
	script->def.upgrade = read_body(import, revision, MIG_BODY_UPGRADE, &piece,
									&script->def.upgrade_per_statement,
									&script->upgrade_line);
}

/*
 * The same for the downgrade.
 */
void
mig_import_set_downgrade(MigImport *import, MigImportRevision *revision,
						 MigImportFile *file, int start, int end)
{
	MigScriptRevision *script = &revision->script;
	BodyPiece	piece = {file, start, end};

	file->used = true;
	script->downgrade_file = file->path;
	script->downgrade_number = file->number;
	script->def.downgrade = read_body(import, revision, MIG_BODY_DOWNGRADE, &piece,
									  &script->def.downgrade_per_statement,
									  &script->downgrade_line);
}

/*
 * Reads files of which each is one body.  The upgrades first: they are the
 * revisions.
 */
void
mig_import_read_halves(MigImport *import)
{
	mig_import_read_programs(import);
	mig_import_each_file(import, read_up);
	mig_import_each_file(import, read_down);
	mig_import_read_program_downs(import);
}

static void
read_up(MigImport *import, MigImportFile *file)
{
	const MigImportFormat *format = import->format;
	MigImportRevision *revision;
	MigImportName name;

	if (!format->parse_name(file, &name) || name.is_down)
		return;
	revision = mig_import_add_revision(import, file, name.version, name.title);
	if (format->per_statement != NULL)
		revision->script.def.upgrade_per_statement = format->per_statement(import, file);
	mig_import_set_upgrade(import, revision, file, 0, strlen(file->text));
}

static void
read_down(MigImport *import, MigImportFile *file)
{
	const MigImportFormat *format = import->format;
	MigImportRevision *revision;
	MigImportName name;

	if (!format->parse_name(file, &name) || !name.is_down)
		return;
	revision = mig_import_find_upgrade(import, file, name.version);
	if (format->per_statement != NULL)
		revision->script.def.downgrade_per_statement = format->per_statement(import, file);
	mig_import_set_downgrade(import, revision, file, 0, strlen(file->text));
}

static char *
read_body(MigImport *import, const MigImportRevision *revision,
		  MigBodyKind kind, const BodyPiece *piece, bool *per_statement,
		  int *line)
{
	MigImportFile *file = piece->file;
	char	   *id = revision->script.def.id;
	MigScriptSource source = {.file = file->path, .in_script = true};
	char	   *text;

	*line = mig_import_line_number(file, piece->start);
	source.line = *line;
	source.body = pnstrdup(file->text + piece->start, piece->end - piece->start);
	text = mig_foreign_copy_data(&source);
	source.body = text;
	refuse_template(&source);
	if (kind == MIG_BODY_UPGRADE)
		(void) mig_import_keep_error(import, file, refuse_downgrade, &source);
	if (!*per_statement)
	{
		if (mig_script_unwrap(text, kind))
			import->nunwrapped++;
		else if (mig_script_has_transactions(text))
		{
			*per_statement = true;
			import->split = list_append_unique_ptr(import->split, id);
		}
	}
	if (import->format->table != NULL &&
		mig_foreign_names(text, import->format->table))
		import->mentions = list_append_unique_ptr(import->mentions, id);
	return text;
}

static void
refuse_template(const MigScriptSource *source)
{
	int			location = mig_foreign_find_template(source->body);
	const char *at;
	int			length;

	if (location < 0)
		return;
	at = source->body + location;
	length = strcspn(at, "}%\r\n");
	if (at[length] == '}' && at[length + 1] == '}')
		length += 2;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("template \"%s\" is not filled in", pnstrdup(at, length)),
			 errhint("Give the text that the template makes."),
			 errcontext("%s", mig_script_place(source, location))));
}

/*
 * Files of one tool can have names of another one, and its own mark can be
 * misspelled.
 */
static void
refuse_downgrade(MigImport *import, MigImportFile *file, void *part)
{
	const MigScriptSource *source = part;
	const char *text = source->body;
	int			end;
	int			location = mig_foreign_find_downgrade(text, &end);

	if (location < 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("comment \"%s\" looks like the beginning of a downgrade",
					mig_import_show(text + location, end - location)),
			 errdetail("What follows it would be run as a part of the body before it."),
			 import->format->has_marks || mig_import_names_format(import) ?
			 errhint("%s", _(import->format->down_hint)) :
			 errhint("If the files are of another format than \"%s\", name it with the argument \"format\". %s",
					 import->format->name, _(import->format->down_hint)),
			 errcontext("%s", mig_script_place(source, location))));
}
