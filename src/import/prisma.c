/*
 * prisma.c
 *	  Format prisma: migration.sql in a folder 20240131120000_name.
 *
 * The version is the name of the folder, and versions are run in the order of that
 * text.  The tool has no downgrades; its documentation has a file down.sql made,
 * which is taken for one.
 */
#include "postgres.h"

#include "import/import_internal.h"

#define UP_FILE			"migration.sql"
#define DOWN_FILE		"down.sql"

/* What says which kind of server the files are for. */
#define LOCK_FILE		"migration_lock.toml"
#define LOCK_SETTING	"provider"

/* What comes before the transaction that removes values of an enum. */
#define ENUM_COMMENT	"-- AlterEnum"

static MigImportMatch recognize(const MigImport *import);
static void read_set(MigImport *import);
static void read_lock(MigImport *import, MigImportFile *file);
static void read_up(MigImport *import, MigImportFile *file);
static void read_down(MigImport *import, MigImportFile *file);
static bool is_file(const MigImportFile *file, const char *name);
static char *join_transactions(const MigImportFile *file);
static bool line_is(const MigImportFile *file, const MigImportLine *line,
					const char *text);

const MigImportFormat mig_import_prisma = {
	.name = "prisma",
	.table = "_prisma_migrations",
	.recognize = recognize,
	.read = read_set,
	.compare = strcmp,
	.checksum = mig_checksum_sha256,
	.ignores_line_ends = true,
	.down_hint = gettext_noop("Put the downgrade into a file \"down.sql\" beside this one, or word the comment in another way.")
};

static MigImportMatch
recognize(const MigImport *import)
{
	ListCell   *cell;

	foreach(cell, import->files)
	{
		if (is_file(lfirst(cell), UP_FILE))
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
	mig_import_each_file(import, read_lock);
	mig_import_each_file(import, read_up);
	mig_import_each_file(import, read_down);
}

static void
read_lock(MigImport *import, MigImportFile *file)
{
	MigImportLine line = {0};

	if (strcmp(file->name, LOCK_FILE) != 0 || file->text == NULL)
		return;
	file->used = true;
	while (mig_import_next_line(file, &line))
	{
		char	   *key;
		char	   *value;

		if (mig_import_split_setting(file, &line, &key, &value) &&
			strcmp(key, LOCK_SETTING) == 0 &&
			strcmp(value, "postgresql") != 0 && strcmp(value, "cockroachdb") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("files are written for \"%s\"", value),
					 mig_import_errplace(file, line.start)));
	}
}

/*
 * The id is the number that the folder's name begins with, if there is one.
 */
static void
read_up(MigImport *import, MigImportFile *file)
{
	MigImportRevision *revision;
	char	   *number;
	char	   *title;

	if (!is_file(file, UP_FILE))
		return;
	if (!mig_import_split_name(file->folder, "", &number, &title))
	{
		number = pstrdup(file->folder);
		title = "";
	}
	revision = mig_import_add_revision(import, file, file->folder, title);
	revision->script.def.id = mig_import_make_id(number);
	file->text = join_transactions(file);
	mig_import_set_upgrade(import, revision, file, 0, strlen(file->text));
}

static void
read_down(MigImport *import, MigImportFile *file)
{
	MigImportRevision *revision;

	if (!is_file(file, DOWN_FILE))
		return;
	revision = mig_import_find_upgrade(import, file, file->folder);
	file->text = join_transactions(file);
	mig_import_set_downgrade(import, revision, file, 0, strlen(file->text));
}

static bool
is_file(const MigImportFile *file, const char *name)
{
	return file->folder[0] != '\0' && strcmp(file->name, name) == 0;
}

/*
 * The text without the BEGIN and COMMIT which the tool writes around the removal
 * of an enum's values: then all of the file is one transaction.  Where others
 * remain it stays as it is.
 */
static char *
join_transactions(const MigImportFile *file)
{
	MigImportFile copy = *file;
	MigImportLine line = {0};
	bool		after_comment = false;
	bool		is_open = false;

	if (strstr(file->text, ENUM_COMMENT) == NULL)
		return file->text;
	copy.text = pstrdup(file->text);
	while (mig_import_next_line(file, &line))
	{
		if (is_open ? line_is(file, &line, "COMMIT;") :
			after_comment && line_is(file, &line, "BEGIN;"))
		{
			mig_import_blank_line(&copy, &line);
			is_open = !is_open;
		}
		after_comment = line_is(file, &line, ENUM_COMMENT);
	}
	return is_open || mig_script_has_transactions(copy.text) ?
		file->text : copy.text;
}

static bool
line_is(const MigImportFile *file, const MigImportLine *line, const char *text)
{
	int			length = strlen(text);

	return line->end - line->start == length &&
		strncmp(file->text + line->start, text, length) == 0;
}
