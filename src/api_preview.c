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
#include "preview/preview.h"

PG_FUNCTION_INFO_V1(migrate_preview);
PG_FUNCTION_INFO_V1(migrate_preview_details);
PG_FUNCTION_INFO_V1(migrate_script);
PG_FUNCTION_INFO_V1(migrate_lint);
PG_FUNCTION_INFO_V1(migrate_lint_details);

/* So that a row of migrate_preview() fits into 80 columns. */
#define NAME_LENGTH				17

static List *read_preview(FunctionCallInfo fcinfo, const char *function);
static const char *short_name(const char *name);
static List *lint(FunctionCallInfo fcinfo);

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
		mig_call_put(&rows, Float8GetDatum(row->held_ms), row->relation == NULL);
		mig_call_put(&rows, BoolGetDatum(row->rewritten), row->relation == NULL);
		mig_call_put(&rows, Int64GetDatum(row->rows), unknown);
		mig_call_put(&rows, Int64GetDatum(row->wal_bytes), unknown);
		mig_call_put(&rows, Float8GetDatum(row->wall_ms), unknown);
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
		mig_call_put_text(&rows, mig_command_name(finding->place.operation));
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
