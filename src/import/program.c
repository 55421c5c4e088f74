/*
 * program.c
 *	  Files that are programs: refused, or external steps.
 *
 * A tool that is a library of a language runs programs between its SQL files.  No
 * server can, so where that is asked for, such a version is a revision without a
 * body, before which a run stops until it is confirmed that the program has run.
 */
#include "postgres.h"

#include "import/import_internal.h"

static void read_program(MigImport *import, MigImportFile *file);
static void read_program_down(MigImport *import, MigImportFile *file);
static bool parse_program(const MigImportFile *file, MigImportName *name);
static bool split_name(const MigImportFile *file, const char *direction,
					   const char *suffix, MigImportName *name);
static void refuse(const MigImportFile *file, const char *version);

/*
 * To be called for a file which is the upgrade of a version, and a program.
 * reversible: it can take back what it has done.
 */
void
mig_import_add_program(MigImport *import, MigImportFile *file,
					   const char *version, const char *title,
					   bool reversible)
{
	MigImportRevision *revision;

	if (!mig_import_option_is_true(import->request, MIG_IMPORT_OPTION_PROGRAMS,
								   false))
		refuse(file, version);
	revision = mig_import_add_revision(import, file, version, title);
	revision->script.def.external = psprintf("run %s", file->name);
	if (!reversible)
		return;
	revision->script.downgrade_file = file->path;
	revision->script.def.downgrade = pstrdup("");
	revision->script.def.downgrade_external = psprintf("run the downgrade of %s",
													   file->name);
}

/*
 * The same for the downgrade.
 */
void
mig_import_add_program_down(MigImport *import, MigImportFile *file,
							const char *version)
{
	MigImportRevision *revision;

	if (!mig_import_option_is_true(import->request, MIG_IMPORT_OPTION_PROGRAMS,
								   false))
		refuse(file, version);
	revision = mig_import_find_upgrade(import, file, version);
	file->used = true;
	revision->script.downgrade_file = file->path;
	revision->script.def.downgrade = pstrdup("");
	revision->script.def.downgrade_external = psprintf("run %s", file->name);
}

/*
 * Where each body is a file: 0001_name.up.go and 0001_name.down.go, or a program
 * 0001_name.go for both.
 */
void
mig_import_read_programs(MigImport *import)
{
	mig_import_each_file(import, read_program);
}

/*
 * To be called when the other upgrades are read.
 */
void
mig_import_read_program_downs(MigImport *import)
{
	mig_import_each_file(import, read_program_down);
}

static void
read_program(MigImport *import, MigImportFile *file)
{
	MigImportName name;

	if (parse_program(file, &name) && !name.is_down)
		mig_import_add_program(import, file, name.version, name.title,
							   name.is_both);
}

static void
read_program_down(MigImport *import, MigImportFile *file)
{
	MigImportName name;

	if (parse_program(file, &name) && name.is_down)
		mig_import_add_program_down(import, file, name.version);
}

static bool
parse_program(const MigImportFile *file, MigImportName *name)
{
	static const char *const suffixes[] = {
		".clj", ".go", ".java", ".js", ".kt", ".php", ".py", ".rb", ".rs", ".sh",
		".ts"
	};

	if (mig_import_has_suffix(file->name, "_test.go"))
		return false;
	for (int i = 0; i < lengthof(suffixes); i++)
	{
		name->is_down = split_name(file, "down", suffixes[i], name);
		name->is_both = false;
		if (name->is_down || split_name(file, "up", suffixes[i], name))
			return true;
		name->is_both = true;
		if (mig_import_split_name(file->name, suffixes[i], &name->version,
								  &name->title))
			return true;
	}
	return false;
}

static bool
split_name(const MigImportFile *file, const char *direction,
		   const char *suffix, MigImportName *name)
{
	return mig_import_split_name(file->name, psprintf(".%s%s", direction, suffix),
								 &name->version, &name->title) ||
		mig_import_split_name(file->name, psprintf("_%s%s", direction, suffix),
							  &name->version, &name->title);
}

static void
refuse(const MigImportFile *file, const char *version)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("version \"%s\" is a program", version),
			 errhint("Give a file of that version with SQL that does the same instead, or with none where it is done elsewhere. Or make a run stop before each program until it is confirmed that it has run: options => '{\"%s\": true}'.",
					 MIG_IMPORT_OPTION_PROGRAMS),
			 mig_import_errplace(file, 0)));
}
