/*
 * api_import.c
 *	  SQL-callable functions that register files, and take over from other tools:
 *	  arguments in, rows out, no logic.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "api.h"
#include "base/call.h"
#include "import/import.h"

PG_FUNCTION_INFO_V1(migrate_register_files);
PG_FUNCTION_INFO_V1(migrate_register_bundle);
PG_FUNCTION_INFO_V1(migrate_register_directory);
PG_FUNCTION_INFO_V1(migrate_adopt);
PG_FUNCTION_INFO_V1(migrate_locked_out);
PG_FUNCTION_INFO_V1(migrate_baseline);

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

Datum
migrate_adopt(PG_FUNCTION_ARGS)
{
	MigAdoptRequest request;
	MigAdoptResult *results;
	int			nresults;
	MigCallRows rows;

	mig_api_begin("migrate_adopt()", MIG_API_CHANGES);
	request.format = mig_call_text(fcinfo, 0, "format");
	request.relation = PG_ARGISNULL(1) ? InvalidOid : PG_GETARG_OID(1);
	request.lock_out = mig_call_bool(fcinfo, 2, "lock_out");
	request.reorder = mig_call_bool(fcinfo, 3, "reorder");
	results = mig_adopt(&request, &nresults);
	mig_call_begin_rows(&rows, fcinfo, 0);
	for (int i = 0; i < nresults; i++)
	{
		mig_call_put_text(&rows, results[i].revision);
		mig_call_put_text(&rows, results[i].version);
		mig_call_put(&rows, TimestampTzGetDatum(results[i].applied_at),
					 !results[i].has_time);
		mig_call_put_text(&rows, results[i].result);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

/*
 * The trigger function of tables whose tool is locked out.
 */
Datum
migrate_locked_out(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("migrate_locked_out() is a trigger function"),
				 errhint("migrate_adopt(..., lock_out => true) makes its trigger.")));
	mig_adopt_refuse_tool(fcinfo->context);
	return PointerGetDatum(NULL);
}

Datum
migrate_baseline(PG_FUNCTION_ARGS)
{
	char	   *revision;

	mig_api_begin("migrate_baseline()", MIG_API_CHANGES);
	revision = mig_call_text(fcinfo, 0, "revision");
	mig_baseline(revision, mig_call_optional_text(fcinfo, 1),
				 mig_call_text(fcinfo, 2, "body"));
	PG_RETURN_TEXT_P(cstring_to_text(revision));
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
