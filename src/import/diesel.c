/*
 * diesel.c
 *	  Format diesel: up.sql and down.sql in a folder 2024-01-31-120000_name.
 *
 * The version is what is before the first underscore, without dashes.  The
 * versions are run in the order of their text.  A file metadata.toml in the folder
 * can say that the bodies are not run in a transaction.
 */
#include "postgres.h"

#include "import/import_internal.h"

#define METADATA	"metadata.toml"
#define SETTING		"run_in_transaction"

/* The folder that diesel's own setup makes. */
#define SETUP		"_diesel_initial_setup"

/* What the name of a folder says. */
typedef struct FolderName
{
	char	   *version;
	char	   *title;
	bool		has_dashes;
} FolderName;

static MigImportMatch recognize(const MigImport *import);
static void read_set(MigImport *import);
static void check_metadata(MigImport *import, MigImportFile *file);
static void read_up(MigImport *import, MigImportFile *file);
static void read_down(MigImport *import, MigImportFile *file);
static bool parse_folder(const MigImportFile *file, FolderName *name);
static bool runs_in_transaction(const MigImport *import,
								const MigImportFile *file);
static char *read_setting(const MigImportFile *file, MigImportLine *line);

const MigImportFormat mig_import_diesel = {
	.name = "diesel",
	.table = "__diesel_schema_migrations",
	.recognize = recognize,
	.read = read_set,
	.compare = strcmp,
	.down_hint = gettext_noop("Put the downgrade into the file \"down.sql\" beside this one, or word the comment in another way.")
};

/*
 * Folders of numbers only are the same as those of golang-migrate.
 */
static MigImportMatch
recognize(const MigImport *import)
{
	ListCell   *cell;

	foreach(cell, import->files)
	{
		const MigImportFile *file = lfirst(cell);
		FolderName	name;

		if (!parse_folder(file, &name))
			continue;
		if (strcmp(file->name, METADATA) == 0 ||
			(strcmp(file->name, "up.sql") == 0 &&
			 (name.has_dashes || mig_import_has_suffix(file->folder, SETUP))))
			return MIG_IMPORT_CERTAIN;
	}
	return MIG_IMPORT_NO;
}

/*
 * The upgrades first: they are the revisions.
 */
static void
read_set(MigImport *import)
{
	mig_import_each_file(import, check_metadata);
	mig_import_each_file(import, read_up);
	mig_import_each_file(import, read_down);
}

/*
 * Two bodies need them, and what is wrong with them is told once.
 */
static void
check_metadata(MigImport *import, MigImportFile *file)
{
	MigImportLine line = {0};
	char	   *value;

	if (strcmp(file->name, METADATA) != 0 || file->text == NULL)
		return;
	file->used = true;
	value = read_setting(file, &line);
	if (value != NULL && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be true or false", SETTING),
				 mig_import_errplace(file, line.start)));
}

static void
read_up(MigImport *import, MigImportFile *file)
{
	MigImportRevision *revision;
	FolderName	name;

	if (strcmp(file->name, "up.sql") != 0 || !parse_folder(file, &name))
		return;
	revision = mig_import_add_revision(import, file, name.version, name.title);
	revision->script.def.upgrade_per_statement = !runs_in_transaction(import, file);
	mig_import_set_upgrade(import, revision, file, 0, strlen(file->text));
}

static void
read_down(MigImport *import, MigImportFile *file)
{
	MigImportRevision *revision;
	FolderName	name;

	if (strcmp(file->name, "down.sql") != 0 || !parse_folder(file, &name))
		return;
	revision = mig_import_find_upgrade(import, file, name.version);
	revision->script.def.downgrade_per_statement = !runs_in_transaction(import, file);
	mig_import_set_downgrade(import, revision, file, 0, strlen(file->text));
}

static bool
parse_folder(const MigImportFile *file, FolderName *name)
{
	int			length = strspn(file->folder, "0123456789-");
	char	   *to;

	if (strspn(file->folder, "0123456789") == 0 ||
		(file->folder[length] != '_' && file->folder[length] != '\0'))
		return false;
	name->version = to = pnstrdup(file->folder, length);
	for (const char *from = name->version; *from != '\0'; from++)
	{
		if (*from != '-')
			*to++ = *from;
	}
	*to = '\0';
	name->has_dashes = to < name->version + length;
	name->title = pstrdup(file->folder + length);
	for (char *p = name->title; *p != '\0'; p++)
	{
		if (*p == '_')
			*p = ' ';
	}
	if (name->title[0] == ' ')
		name->title++;
	return true;
}

/*
 * What the metadata beside a file say.
 */
static bool
runs_in_transaction(const MigImport *import, const MigImportFile *file)
{
	MigImportFile *metadata = mig_import_find_beside(import, file, METADATA);
	MigImportLine line = {0};
	char	   *value = metadata != NULL ? read_setting(metadata, &line) : NULL;

	return value == NULL || strcmp(value, "false") != 0;
}

/*
 * The setting in a file of metadata and its line, or NULL.
 */
static char *
read_setting(const MigImportFile *file, MigImportLine *line)
{
	char	   *key;
	char	   *value;

	while (mig_import_next_line(file, line))
	{
		if (mig_import_split_setting(file, line, &key, &value) &&
			strcmp(key, SETTING) == 0)
			return value;
	}
	return NULL;
}
