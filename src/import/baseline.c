/*
 * baseline.c
 *	  Registers a base for a database without a history, and stamps it.
 *
 * Its upgrade is what pg_dump writes, so that a new database becomes what this one
 * was, or nothing.
 */
#include "postgres.h"

#include "base/printable.h"
#include "graph/graph.h"
#include "import/import.h"
#include "run/run.h"
#include "script/script.h"
#include "tables/revision.h"
#include "tables/version.h"

static void refuse_history(void);
static char *read_dump(const char *body);

/*
 * message may be NULL.
 */
void
mig_baseline(const char *revision, const char *message, const char *body)
{
	char	   *target = pstrdup(revision);
	MigRevisionDef def = {
		.id = target,
		.message = message == NULL ? NULL : pstrdup(message),
		.upgrade = read_dump(body)
	};
	MigRunRequest request = {
		.command = MIG_COMMAND_STAMP,
		.via = MIG_VIA_FUNCTION,
		.ntargets = 1,
		.targets = &target
	};
	MigRunResult result;

	mig_lock_registry();
	refuse_history();
	mig_register(&def, false);
	mig_run(&request, &result);
}

/*
 * Raises an error if it could not be the first revision.
 */
static void
refuse_history(void)
{
	MigGraph   *graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	MigVersion *version = mig_version_open(MIG_SPI_READ_LATEST);
	MigRevList	history = mig_history_list(graph, NULL, 0, NULL);

	if (history.n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a baseline must be the first revision"),
				 errdetail_plural("%d revision is registered.",
								  "%d revisions are registered.",
								  history.n, history.n),
				 errhint("Use migrate_stamp() to say which of them are applied, or migrate_adopt() if another tool has applied them.")));
	mig_version_read(version, MIG_SPI_READ_LATEST);
	if (version->nrows > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a baseline must be the first revision"),
				 errdetail("Version table \"%s\" says that revision \"%s\" is applied.",
						   mig_printable(version->name), mig_printable(version->rows[0])),
				 errhint("Register the revisions that it names, or remove its rows with migrate_stamp('base', purge => true).")));
}

/*
 * What a body may not hold of a dump is rewritten: lines of psql that only guard
 * it, and data.
 */
static char *
read_dump(const char *body)
{
	MigScriptSource source = {.body = mig_script_prepare(body)};

	return mig_foreign_copy_data(&source);
}
