/*
 * api_preview.c
 *	  SQL-callable functions about what is, and what would be: arguments in, rows
 *	  out, no logic.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "api.h"
#include "base/call.h"
#include "base/command.h"
#include "base/printable.h"
#include "preview/preview.h"

PG_FUNCTION_INFO_V1(migrate_preview);
PG_FUNCTION_INFO_V1(migrate_preview_details);
PG_FUNCTION_INFO_V1(migrate_script);
PG_FUNCTION_INFO_V1(migrate_lint);
PG_FUNCTION_INFO_V1(migrate_lint_details);
PG_FUNCTION_INFO_V1(migrate_verify);
PG_FUNCTION_INFO_V1(migrate_verify_details);

/* So that a row of migrate_preview() fits into 80 columns. */
#define NAME_LENGTH				17

/* The same of migrate_verify(). */
#define ERROR_WIDTH				32

static List *read_preview(FunctionCallInfo fcinfo, const char *function);
static const char *short_name(const char *name);
static List *lint(FunctionCallInfo fcinfo);
static List *verify(FunctionCallInfo fcinfo, const char *name);
static const char *sqlstate(const MigVerification *verification);

Datum
migrate_preview(PG_FUNCTION_ARGS)
{
	List	   *preview = read_preview(fcinfo, "migrate_preview()");
	MigCallRows rows;
	ListCell   *cell;

	mig_call_begin_rows(&rows, fcinfo, 0);
	foreach(cell, preview)
	{
		const MigPreviewRow *row = lfirst(cell);

		mig_call_put_text(&rows, row->revision);
		mig_call_put(&rows, Int32GetDatum(row->line), row->statement == 0);
		mig_call_put_text(&rows, short_name(row->name));
		mig_call_put_text(&rows, row->blocks);
		mig_call_put(&rows, Int64GetDatum((int64) rint(row->held_ms)),
					 row->relation == NULL);
		mig_call_put_text(&rows, row->finding);
		mig_call_end_row(&rows);
		/* It is in no column here. */
		if (row->finding != NULL && strcmp(row->finding, "failed") == 0)
			ereport(WARNING,
					(errmsg("\"%s\" fails in the preview: %s",
							mig_printable(row->revision),
							mig_printable(row->detail))));
	}
	return (Datum) 0;
}

Datum
migrate_preview_details(PG_FUNCTION_ARGS)
{
	List	   *preview = read_preview(fcinfo, "migrate_preview_details()");
	MigCallRows rows;
	ListCell   *cell;

	mig_call_begin_rows(&rows, fcinfo, 0);
	foreach(cell, preview)
	{
		const MigPreviewRow *row = lfirst(cell);
		bool		none = row->statement == 0;
		bool		unknown = none || !row->executed;

		mig_call_put(&rows, Int32GetDatum(row->step), false);
		mig_call_put_text(&rows, row->revision);
		mig_call_put(&rows, Int32GetDatum(row->statement), none);
		mig_call_put(&rows, Int32GetDatum(row->line), none);
		mig_call_put_text(&rows, row->tag);
		mig_call_put_text(&rows, row->relation);
		mig_call_put_text(&rows, row->mode);
		mig_call_put_text(&rows, row->blocks);
		mig_call_put(&rows, Float8GetDatum(rint(row->held_ms * 1000) / 1000),
					 row->relation == NULL);
		mig_call_put(&rows, BoolGetDatum(row->rewritten), row->relation == NULL);
		mig_call_put(&rows, Int64GetDatum(row->rows), unknown);
		mig_call_put(&rows, Int64GetDatum(row->wal_bytes), unknown);
		mig_call_put(&rows, Float8GetDatum(rint(row->wall_ms * 1000) / 1000), unknown);
		mig_call_put_text(&rows, row->finding);
		mig_call_put_text(&rows, row->detail);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_script(PG_FUNCTION_ARGS)
{
	char	   *script;

	mig_api_begin("migrate_script()", MIG_API_GRANTED);
	script = mig_offline_script(mig_call_text(fcinfo, 0, "range"),
								mig_call_text(fcinfo, 1, "command"));
	PG_RETURN_TEXT_P(cstring_to_text(script));
}

static List *
read_preview(FunctionCallInfo fcinfo, const char *function)
{
	mig_api_begin(function, MIG_API_CHANGES);
	return mig_preview(mig_call_text(fcinfo, 0, "target"),
					   mig_call_text(fcinfo, 1, "command"));
}

static const char *
short_name(const char *name)
{
	if (name == NULL || pg_mbstrlen(name) <= NAME_LENGTH)
		return name;
	return psprintf("%.*s~", pg_mbcharcliplen(name, strlen(name), NAME_LENGTH - 1),
					name);
}

Datum
migrate_lint(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	List	   *findings;
	ListCell   *cell;

	mig_api_begin("migrate_lint()", MIG_API_GRANTED);
	findings = lint(fcinfo);
	mig_call_begin_rows(&rows, fcinfo, 0);
	foreach(cell, findings)
	{
		const MigLintFinding *finding = lfirst(cell);
		const MigLintRuleInfo *rule = mig_lint_rule(finding->rule);

		if (finding->waived != NULL)
			continue;
		mig_call_put_text(&rows, finding->place.revision);
		mig_call_put(&rows, Int32GetDatum(finding->place.line),
					 finding->place.statement == 0);
		mig_call_put_text(&rows, mig_lint_severity_name(rule->severity));
		mig_call_put_text(&rows, rule->name);
		mig_call_put_text(&rows, mig_lint_wrapped(finding));
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_lint_details(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	List	   *findings;
	ListCell   *cell;

	mig_api_begin("migrate_lint_details()", MIG_API_GRANTED);
	findings = lint(fcinfo);
	mig_call_begin_rows(&rows, fcinfo, 0);
	foreach(cell, findings)
	{
		const MigLintFinding *finding = lfirst(cell);
		const MigLintRuleInfo *rule = mig_lint_rule(finding->rule);
		bool		whole = finding->place.statement == 0;

		mig_call_put_text(&rows, finding->place.revision);
		mig_call_put_text(&rows, finding->place.in_verify ? "verify" :
						  mig_command_name(finding->place.operation));
		mig_call_put(&rows, Int32GetDatum(finding->place.statement), whole);
		mig_call_put(&rows, Int32GetDatum(finding->place.line), whole);
		mig_call_put_text(&rows, mig_lint_severity_name(rule->severity));
		mig_call_put_text(&rows, rule->name);
		mig_call_put_text(&rows, finding->relation);
		mig_call_put_text(&rows, finding->message);
		mig_call_put_text(&rows, rule->instead);
		mig_call_put_text(&rows, finding->waived);
		mig_call_put_text(&rows, finding->place.query);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

static List *
lint(FunctionCallInfo fcinfo)
{
	return mig_lint(mig_call_text(fcinfo, 0, "target"),
					mig_call_text(fcinfo, 1, "command"),
					mig_call_bool(fcinfo, 2, "separately"));
}

Datum
migrate_verify(PG_FUNCTION_ARGS)
{
	List	   *verifications = verify(fcinfo, "migrate_verify()");
	MigCallRows rows;
	ListCell   *cell;

	mig_call_begin_rows(&rows, fcinfo, 0);
	foreach(cell, verifications)
	{
		const MigVerification *verification = lfirst(cell);
		StringInfoData message;

		initStringInfo(&message);
		if (verification->error != NULL)
			mig_printable_wrap(&message, verification->error->message, ERROR_WIDTH);
		mig_call_put_text(&rows, verification->revision);
		mig_call_put_text(&rows, verification->result);
		mig_call_put(&rows, Int64GetDatum((int64) rint(verification->wall_ms)), false);
		mig_call_put_text(&rows, sqlstate(verification));
		mig_call_put_text(&rows, verification->error == NULL ? NULL : message.data);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_verify_details(PG_FUNCTION_ARGS)
{
	List	   *verifications = verify(fcinfo, "migrate_verify_details()");
	static const ErrorData none = {0};
	MigCallRows rows;
	ListCell   *cell;

	mig_call_begin_rows(&rows, fcinfo, 0);
	foreach(cell, verifications)
	{
		const MigVerification *verification = lfirst(cell);
		const ErrorData *error = verification->error != NULL ?
		verification->error : &none;
		bool		nowhere = verification->statement == 0;

		mig_call_put_text(&rows, verification->revision);
		mig_call_put_text(&rows, verification->result);
		mig_call_put(&rows, Int32GetDatum(verification->statement), nowhere);
		mig_call_put(&rows, Int32GetDatum(verification->line), nowhere);
		mig_call_put(&rows, Float8GetDatum(rint(verification->wall_ms * 1000) / 1000),
					 false);
		mig_call_put_text(&rows, sqlstate(verification));
		mig_call_put_text(&rows, error->message);
		mig_call_put_text(&rows, error->detail);
		mig_call_put_text(&rows, error->hint);
		mig_call_put_text(&rows, error->context);
		mig_call_put_text(&rows, verification->query);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

static List *
verify(FunctionCallInfo fcinfo, const char *name)
{
	mig_api_begin(name, MIG_API_GRANTED | MIG_API_NOT_NESTED);
	return mig_verification_run(mig_call_optional_text(fcinfo, 0));
}

static const char *
sqlstate(const MigVerification *verification)
{
	return verification->error == NULL ? NULL :
		pstrdup(unpack_sql_state(verification->error->sqlerrcode));
}
