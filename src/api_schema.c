/*
 * api_schema.c
 *	  SQL-callable functions about what the database is: arguments in, rows out, no
 *	  logic.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "api.h"
#include "base/call.h"
#include "preview/preview.h"

/* So that a row of migrate_roundtrip() fits into 80 columns. */
#define SHORT_IDENTITY			29

PG_FUNCTION_INFO_V1(migrate_schema);
PG_FUNCTION_INFO_V1(migrate_fingerprint);
PG_FUNCTION_INFO_V1(migrate_roundtrip);
PG_FUNCTION_INFO_V1(migrate_roundtrip_details);
PG_FUNCTION_INFO_V1(migrate_drift);
PG_FUNCTION_INFO_V1(migrate_drift_details);
PG_FUNCTION_INFO_V1(migrate_drift_accept);

static MigSchema *read_schema(FunctionCallInfo fcinfo);
static Datum run_roundtrip(FunctionCallInfo fcinfo, const char *name,
						   bool details);
static char *shorten(char *identity);
static Datum return_drift(FunctionCallInfo fcinfo, const char *name,
						  bool details);

Datum
migrate_schema(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	MigSchema  *schema;

	mig_api_begin("migrate_schema()", MIG_API_CATALOGS);
	schema = read_schema(fcinfo);
	mig_call_begin_rows(&rows, fcinfo, 0);
	for (int i = 0; i < schema->nobjects; i++)
	{
		mig_call_put_text(&rows, schema->objects[i].type);
		mig_call_put_text(&rows, schema->objects[i].identity);
		mig_call_put_text(&rows, schema->objects[i].definition);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_fingerprint(PG_FUNCTION_ARGS)
{
	mig_api_begin("migrate_fingerprint()", MIG_API_CATALOGS);
	PG_RETURN_TEXT_P(cstring_to_text(mig_schema_fingerprint(read_schema(fcinfo))));
}

/*
 * As the caller's snapshot has it.
 */
static MigSchema *
read_schema(FunctionCallInfo fcinfo)
{
	bool		owners = mig_call_bool(fcinfo, 0, "owners");
	bool		privileges = mig_call_bool(fcinfo, 1, "privileges");

	return mig_schema_read(owners, privileges, MIG_SPI_READ_CALLER);
}

Datum
migrate_roundtrip(PG_FUNCTION_ARGS)
{
	return run_roundtrip(fcinfo, "migrate_roundtrip()", false);
}

Datum
migrate_roundtrip_details(PG_FUNCTION_ARGS)
{
	return run_roundtrip(fcinfo, "migrate_roundtrip_details()", true);
}

static Datum
run_roundtrip(FunctionCallInfo fcinfo, const char *name, bool details)
{
	MigCallRows rows;
	List	   *findings;
	ListCell   *cell;

	mig_api_begin(name, MIG_API_CHANGES);
	findings = mig_roundtrip_run(mig_call_text(fcinfo, 0, "target"));
	mig_call_begin_rows(&rows, fcinfo, 0);
	foreach(cell, findings)
	{
		const MigRoundtripFinding *finding = lfirst(cell);

		mig_call_put_text(&rows, finding->revision);
		mig_call_put_text(&rows, finding->change);
		mig_call_put_text(&rows, finding->type);
		mig_call_put_text(&rows, details ? finding->identity :
						  shorten(finding->identity));
		if (details)
		{
			mig_call_put_text(&rows, finding->before);
			mig_call_put_text(&rows, finding->after);
		}
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

/*
 * As much of it as a row has room for.
 */
static char *
shorten(char *identity)
{
	int			length;

	if (identity == NULL || pg_mbstrlen(identity) <= SHORT_IDENTITY)
		return identity;
	length = pg_mbcharcliplen(identity, strlen(identity), SHORT_IDENTITY - 3);
	return psprintf("%.*s...", length, identity);
}

Datum
migrate_drift(PG_FUNCTION_ARGS)
{
	return return_drift(fcinfo, "migrate_drift()", false);
}

Datum
migrate_drift_details(PG_FUNCTION_ARGS)
{
	return return_drift(fcinfo, "migrate_drift_details()", true);
}

static Datum
return_drift(FunctionCallInfo fcinfo, const char *name, bool details)
{
	MigCallRows rows;
	List	   *findings;
	ListCell   *cell;

	mig_api_begin(name, MIG_API_GRANTED);
	findings = mig_drift_find(MIG_SPI_READ_CALLER);
	mig_call_begin_rows(&rows, fcinfo, 0);
	foreach(cell, findings)
	{
		const MigDriftFinding *finding = lfirst(cell);

		mig_call_put_text(&rows, finding->change);
		mig_call_put_text(&rows, finding->object->type);
		mig_call_put_text(&rows, finding->object->identity);
		if (details)
		{
			mig_call_put_text(&rows, finding->noted);
			mig_call_put_text(&rows, finding->found);
		}
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_drift_accept(PG_FUNCTION_ARGS)
{
	mig_api_begin("migrate_drift_accept()", MIG_API_CHANGES);
	mig_drift_accept();
	PG_RETURN_VOID();
}
