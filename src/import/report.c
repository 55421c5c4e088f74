/*
 * report.c
 *	  Says what registering files has changed or left out, beside its result.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "import/import_internal.h"

/* More of them tell nothing new. */
#define MAX_SHOWN	20

static void report_bodies(const MigImport *import);
static List *find_left_out(const MigImport *import);
static bool holds_sql(const MigImportFile *file);
static char *list_texts(const List *texts);

/*
 * To be called when everything is registered.
 */
void
mig_import_report(const MigImport *import, const MigRegisterChange *changes,
				  int nchanges)
{
	/* What was said when the files came first need not be said each time. */
	for (int i = 0; i < nchanges; i++)
	{
		if (changes[i].result != MIG_REGISTER_UNCHANGED)
		{
			report_bodies(import);
			break;
		}
	}
}

/*
 * The paths of files, the first of them.
 */
char *
mig_import_list_paths(const List *files)
{
	List	   *paths = NIL;
	ListCell   *cell;

	foreach(cell, files)
		paths = lappend(paths, unconstify(char *, ((MigImportFile *) lfirst(cell))->path));
	return list_texts(paths);
}

static void
report_bodies(const MigImport *import)
{
	if (import->nunwrapped > 0)
		ereport(NOTICE,
				(errmsg_plural("BEGIN and COMMIT around %d body are left out",
							   "BEGIN and COMMIT around %d bodies are left out",
							   import->nunwrapped, import->nunwrapped),
				 errdetail("A run begins and ends its transactions itself.")));
	if (import->split != NIL)
		ereport(NOTICE,
				(errmsg_plural("%d revision is not transactional, because a body of it begins and ends transactions",
							   "%d revisions are not transactional, because a body of them begins and ends transactions",
							   list_length(import->split),
							   list_length(import->split)),
				 errdetail_internal("%s", list_texts(import->split))));
	if (import->moved != NIL)
		ereport(NOTICE,
				(errmsg_plural("%d revision comes after later versions, which are registered already",
							   "%d revisions come after later versions, which are registered already",
							   list_length(import->moved),
							   list_length(import->moved)),
				 errdetail_internal("%s", list_texts(import->moved))));
	if (import->apart != NULL)
		ereport(WARNING,
				(errmsg("revision \"%s\" begins a chain beside the one that was registered from files of %s before",
						import->apart, import->format->name),
				 errhint("If they are the newest files of the same project, remove their revisions with migrate_unregister(), and register all files together: the new ones then follow the old ones.")));
	if (import->mentions != NIL)
		ereport(WARNING,
				(errmsg_plural("%d revision uses table \"%s\" of the tool that its file was written for",
							   "%d revisions use table \"%s\" of the tool that their files were written for",
							   list_length(import->mentions),
							   list_length(import->mentions),
							   import->format->table),
				 errdetail_internal("%s", list_texts(import->mentions)),
				 errhint("Where the table does not exist, they fail. Create it empty, or remove the statements.")));
	if (import->ignored != NIL)
		ereport(WARNING,
				(errmsg("some of what the files say is not done here"),
				 errdetail_internal("%s", list_texts(import->ignored))));
}

/*
 * The paths of files that the format has no use for, and that hold SQL.
 */
static List *
find_left_out(const MigImport *import)
{
	List	   *paths = NIL;
	ListCell   *cell;

	foreach(cell, import->files)
	{
		const MigImportFile *file = lfirst(cell);

		if (!file->used && holds_sql(file))
			paths = lappend(paths, unconstify(char *, file->path));
	}
	return paths;
}

/*
 * Files that the format has no use for, and that hold SQL.  Where their
 * names say that, to be called before errors are raised: a name is to be corrected with
 * them.
 */
void
mig_import_report_left_out(const MigImport *import)
{
	List	   *paths = find_left_out(import);

	if (paths != NIL)
		ereport(NOTICE,
				(errmsg_plural("%d file is no migration of format \"%s\" and is left out",
							   "%d files are no migrations of format \"%s\" and are left out",
							   list_length(paths), list_length(paths),
							   import->format->name),
				 errdetail_internal("%s", list_texts(paths))));
}

/*
 * By its name, in letters of any case: those of the tools are lower case.
 */
static bool
holds_sql(const MigImportFile *file)
{
	int			length = strlen(file->name) - strlen(".sql");

	return length >= 0 && pg_strcasecmp(file->name + length, ".sql") == 0;
}

static char *
list_texts(const List *texts)
{
	StringInfoData list;
	ListCell   *cell;

	initStringInfo(&list);
	foreach(cell, texts)
	{
		if (foreach_current_index(cell) == MAX_SHOWN)
		{
			appendStringInfo(&list, _(" and %d more"),
							 list_length(texts) - MAX_SHOWN);
			break;
		}
		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
						 (const char *) lfirst(cell));
	}
	return list.data;
}
