/*
 * api_import.c
 *	  SQL-callable functions that register files: arguments in, rows out, no logic.
 */
#include "postgres.h"

#include "fmgr.h"

#include "api.h"
#include "base/call.h"
#include "import/import.h"

PG_FUNCTION_INFO_V1(migrate_register_files);
PG_FUNCTION_INFO_V1(migrate_register_bundle);
PG_FUNCTION_INFO_V1(migrate_register_directory);

static void read_request(FunctionCallInfo fcinfo, int arg,
						 MigImportRequest *request);
static Datum return_changes(FunctionCallInfo fcinfo,
							const MigRegisterChange *changes, int nchanges);

Datum
migrate_register_files(PG_FUNCTION_ARGS)
{
	MigImportRequest request;
	char	  **paths;
	int			npaths;
	char	  **contents;
	int			ncontents;
	MigRegisterChange *changes;
	int			nchanges;

	mig_api_begin("migrate_register_files()", MIG_API_CHANGES);
	paths = mig_call_texts(fcinfo, 0, "paths", &npaths);
	contents = mig_call_optional_texts(fcinfo, 1, "contents", &ncontents);
	read_request(fcinfo, 2, &request);
	changes = mig_import_files(&request, paths, npaths, contents, ncontents,
							   &nchanges);
	return return_changes(fcinfo, changes, nchanges);
}

Datum
migrate_register_bundle(PG_FUNCTION_ARGS)
{
	MigImportRequest request;
	char	   *bundle;
	MigRegisterChange *changes;
	int			nchanges;

	mig_api_begin("migrate_register_bundle()", MIG_API_CHANGES);
	bundle = mig_call_text(fcinfo, 0, "bundle");
	read_request(fcinfo, 1, &request);
	changes = mig_import_bundle(&request, bundle, &nchanges);
	return return_changes(fcinfo, changes, nchanges);
}

Datum
migrate_register_directory(PG_FUNCTION_ARGS)
{
	MigImportRequest request;
	char	   *directory;
	MigRegisterChange *changes;
	int			nchanges;

	mig_api_begin("migrate_register_directory()", MIG_API_CHANGES);
	directory = mig_call_text(fcinfo, 0, "directory");
	read_request(fcinfo, 1, &request);
	changes = mig_import_directory(&request, directory, &nchanges);
	return return_changes(fcinfo, changes, nchanges);
}

/*
 * The arguments that the functions share, from that one on.
 */
static void
read_request(FunctionCallInfo fcinfo, int arg, MigImportRequest *request)
{
	request->format = mig_call_text(fcinfo, arg, "format");
	request->replace = mig_call_bool(fcinfo, arg + 1, "replace");
	request->prune = mig_call_bool(fcinfo, arg + 2, "prune");
	request->options = PG_ARGISNULL(arg + 3) ? NULL : PG_GETARG_JSONB_P(arg + 3);
}

static Datum
return_changes(FunctionCallInfo fcinfo, const MigRegisterChange *changes,
			   int nchanges)
{
	static const char *const results[] = {
		[MIG_REGISTER_UNCHANGED] = "unchanged",
		[MIG_REGISTER_ADDED] = "added",
		[MIG_REGISTER_REPLACED] = "replaced",
		[MIG_REGISTER_REMOVED] = "removed"
	};
	MigCallRows rows;

	mig_call_begin_rows(&rows, fcinfo, 0);
	for (int i = 0; i < nchanges; i++)
	{
		mig_call_put_text(&rows, changes[i].file);
		mig_call_put_text(&rows, changes[i].id);
		mig_call_put_text(&rows, results[changes[i].result]);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}
