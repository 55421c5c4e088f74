/*
 * api_inspect.c
 *	  SQL-callable functions that answer questions and change nothing.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "api.h"
#include "base/call.h"
#include "base/clock.h"
#include "base/command.h"
#include "base/spi.h"
#include "doctor/doctor.h"
#include "registry/registry.h"
#include "run/run.h"

/* Which columns of a revision are returned. */
typedef enum RevisionColumns
{
	REVISION_INFO,				/* migrate.revision_info */
	REVISION_DETAILS,			/* migrate.revision_details */
	REVISION_BODIES				/* migrate_show() */
} RevisionColumns;

PG_FUNCTION_INFO_V1(migrate_current);
PG_FUNCTION_INFO_V1(migrate_heads);
PG_FUNCTION_INFO_V1(migrate_branches);
PG_FUNCTION_INFO_V1(migrate_history);
PG_FUNCTION_INFO_V1(migrate_history_details);
PG_FUNCTION_INFO_V1(migrate_graph);
PG_FUNCTION_INFO_V1(migrate_show);
PG_FUNCTION_INFO_V1(migrate_export);
PG_FUNCTION_INFO_V1(migrate_plan);
PG_FUNCTION_INFO_V1(migrate_plan_details);
PG_FUNCTION_INFO_V1(migrate_doctor);
PG_FUNCTION_INFO_V1(migrate_doctor_details);
PG_FUNCTION_INFO_V1(migrate_is_current);
PG_FUNCTION_INFO_V1(migrate_tenants);
PG_FUNCTION_INFO_V1(migrate_progress);
PG_FUNCTION_INFO_V1(migrate_guard);

static Datum return_revisions(FunctionCallInfo fcinfo,
							  const MigInspectRow *revisions, int nrevisions,
							  RevisionColumns columns);
static void put_wait(MigCallRows *rows, const MigProgress *run, int64 now);
static Datum transactional(const MigRevisionDef *def);

Datum
migrate_current(PG_FUNCTION_ARGS)
{
	MigInspectRow *revisions;
	int			nrevisions;

	mig_api_begin("migrate_current()", 0);
	revisions = mig_inspect_current(&nrevisions);
	return return_revisions(fcinfo, revisions, nrevisions, REVISION_INFO);
}

Datum
migrate_heads(PG_FUNCTION_ARGS)
{
	MigInspectRow *revisions;
	int			nrevisions;

	mig_api_begin("migrate_heads()", 0);
	revisions = mig_inspect_heads(mig_call_bool(fcinfo, 0, "resolve_dependencies"),
								  &nrevisions);
	return return_revisions(fcinfo, revisions, nrevisions, REVISION_INFO);
}

Datum
migrate_branches(PG_FUNCTION_ARGS)
{
	MigInspectRow *revisions;
	int			nrevisions;

	mig_api_begin("migrate_branches()", 0);
	revisions = mig_inspect_branches(&nrevisions);
	return return_revisions(fcinfo, revisions, nrevisions, REVISION_INFO);
}

Datum
migrate_history(PG_FUNCTION_ARGS)
{
	MigInspectRow *revisions;
	int			nrevisions;

	mig_api_begin("migrate_history()", 0);
	revisions = mig_inspect_history(mig_call_optional_text(fcinfo, 0), &nrevisions);
	return return_revisions(fcinfo, revisions, nrevisions, REVISION_INFO);
}

Datum
migrate_history_details(PG_FUNCTION_ARGS)
{
	MigInspectRow *revisions;
	int			nrevisions;

	mig_api_begin("migrate_history_details()", 0);
	revisions = mig_inspect_history(mig_call_optional_text(fcinfo, 0), &nrevisions);
	return return_revisions(fcinfo, revisions, nrevisions, REVISION_DETAILS);
}

Datum
migrate_graph(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	List	   *lines;
	ListCell   *cell;

	mig_api_begin("migrate_graph()", 0);
	lines = mig_picture_draw(mig_call_optional_text(fcinfo, 0),
							 mig_call_text(fcinfo, 1, "format"));
	mig_call_begin_rows(&rows, fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	foreach(cell, lines)
	{
		mig_call_put_text(&rows, lfirst(cell));
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_show(PG_FUNCTION_ARGS)
{
	MigInspectRow *revisions;
	int			nrevisions;

	mig_api_begin("migrate_show()", MIG_API_GRANTED);
	revisions = mig_inspect_show(mig_call_text(fcinfo, 0, "revision"), &nrevisions);
	return return_revisions(fcinfo, revisions, nrevisions, REVISION_BODIES);
}

Datum
migrate_export(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	MigExportFile *files;
	int			nfiles;

	mig_api_begin("migrate_export()", MIG_API_GRANTED);
	files = mig_export(mig_call_optional_text(fcinfo, 0),
					   mig_call_text(fcinfo, 1, "format"), &nfiles);
	mig_call_begin_rows(&rows, fcinfo, 0);
	for (int i = 0; i < nfiles; i++)
	{
		mig_call_put_text(&rows, files[i].path);
		mig_call_put_text(&rows, files[i].content);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_plan(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	MigInspectStep *steps;
	int			nsteps;

	mig_api_begin("migrate_plan()", 0);
	steps = mig_inspect_plan(mig_call_text(fcinfo, 0, "target"),
							 mig_call_text(fcinfo, 1, "command"), &nsteps);
	mig_call_begin_rows(&rows, fcinfo, 0);
	for (int i = 0; i < nsteps; i++)
	{
		mig_call_put(&rows, Int32GetDatum(steps[i].step), false);
		mig_call_put_text(&rows, steps[i].operation);
		mig_call_put_text(&rows, steps[i].revision);
		mig_call_put_text(&rows, steps[i].note);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_plan_details(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	MigInspectStep *steps;
	int			nsteps;

	mig_api_begin("migrate_plan_details()", 0);
	steps = mig_inspect_plan(mig_call_text(fcinfo, 0, "target"),
							 mig_call_text(fcinfo, 1, "command"), &nsteps);
	mig_call_begin_rows(&rows, fcinfo, 0);
	for (int i = 0; i < nsteps; i++)
	{
		const MigInspectStep *step = &steps[i];

		mig_call_put(&rows, Int32GetDatum(step->step), false);
		mig_call_put_text(&rows, step->operation);
		mig_call_put_text(&rows, step->revision);
		mig_call_put_text(&rows, step->message);
		mig_call_put_text(&rows, step->external);
		mig_call_put_text(&rows, step->transactions);
		mig_call_put(&rows, Int32GetDatum(step->statements), false);
		mig_call_put(&rows, BoolGetDatum(step->verifies), false);
		mig_call_put_text(&rows, step->partial);
		mig_call_put(&rows, BoolGetDatum(step->approved), step->revision == NULL);
		mig_call_put_text(&rows, step->problem);
		mig_call_put_text(&rows, step->hash);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_is_current(PG_FUNCTION_ARGS)
{
	bool		current;
	bool		isnull;

	mig_api_begin("migrate_is_current()", 0);
	current = mig_inspect_is_current(mig_call_text(fcinfo, 0, "target"),
									 &isnull);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(current);
}

Datum
migrate_doctor(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	List	   *findings;
	ListCell   *cell;

	mig_api_begin("migrate_doctor()", MIG_API_CATALOGS);
	findings = mig_doctor_examine();
	mig_call_begin_rows(&rows, fcinfo, 0);
	foreach(cell, findings)
	{
		const MigFinding *finding = lfirst(cell);

		mig_call_put_text(&rows, finding->status);
		mig_call_put_text(&rows, finding->area);
		mig_call_put_text(&rows, mig_doctor_describe(finding));
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_doctor_details(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	List	   *findings;
	ListCell   *cell;

	mig_api_begin("migrate_doctor_details()", MIG_API_CATALOGS);
	findings = mig_doctor_examine();
	mig_call_begin_rows(&rows, fcinfo, 0);
	foreach(cell, findings)
	{
		const MigFinding *finding = lfirst(cell);

		mig_call_put_text(&rows, finding->area);
		mig_call_put_text(&rows, finding->check);
		mig_call_put_text(&rows, finding->status);
		mig_call_put_text(&rows, finding->value);
		mig_call_put_text(&rows, finding->advice);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

Datum
migrate_tenants(PG_FUNCTION_ARGS)
{
	MigTenantRow *tenants;
	int			ntenants;
	MigCallRows rows;

	mig_api_begin("migrate_tenants()", 0);
	tenants = mig_tenants_read(&ntenants);
	mig_call_begin_rows(&rows, fcinfo, 0);
	for (int i = 0; i < ntenants; i++)
	{
		const MigTenantRow *tenant = &tenants[i];
		bool		isnull = tenant->problem != NULL;

		mig_call_put_text(&rows, tenant->table.schema);
		mig_call_put_text(&rows, tenant->table.name);
		mig_call_put(&rows, ObjectIdGetDatum(tenant->table.relid), false);
		mig_call_put(&rows, isnull ? (Datum) 0 :
					 mig_spi_array_datum(tenant->revisions, tenant->nrevisions),
					 isnull);
		mig_call_put(&rows, Int32GetDatum(tenant->nunknown), isnull);
		mig_call_put(&rows, Int32GetDatum(tenant->npending), isnull);
		mig_call_put_text(&rows, tenant->problem);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

/*
 * A statement is shown to the roles that could see it in pg_stat_activity.
 */
Datum
migrate_progress(PG_FUNCTION_ARGS)
{
	MigCallRows rows;
	int			nruns = 0;
	MigProgress *runs = mig_progress_read(&nruns);
	int64		now = mig_clock_ms();

	mig_call_begin_rows(&rows, fcinfo, 0);
	if (runs == NULL)
	{
		ereport(NOTICE,
				(errmsg("the progress of runs is not available"),
				 errdetail("The server has no shared memory for it."),
				 errhint("Add \"migrate\" to shared_preload_libraries, or use PostgreSQL 17 or later.")));
		return (Datum) 0;
	}
	for (int i = 0; i < nruns; i++)
	{
		const MigProgress *run = &runs[i];
		bool		no_step = run->step == 0;
		bool		no_statement = run->statement == 0;

		mig_call_put(&rows, Int32GetDatum(run->pid), false);
		mig_call_put_text(&rows, mig_via_name(run->via));
		mig_call_put(&rows, Int64GetDatum(run->job), run->job == 0);
		mig_call_put(&rows, ObjectIdGetDatum(run->role), false);
		mig_call_put(&rows, TimestampTzGetDatum(run->started), false);
		mig_call_put_duration(&rows, now - run->started_ms, false);
		mig_call_put_text(&rows, no_step ? NULL : mig_command_name(run->operation));
		mig_call_put_text(&rows, run->revision[0] == '\0' ? NULL : run->revision);
		mig_call_put(&rows, Int32GetDatum(run->step), no_step);
		mig_call_put(&rows, Int32GetDatum(run->nsteps), no_step);
		mig_call_put(&rows, Int32GetDatum(run->statement), no_statement);
		mig_call_put(&rows, Int32GetDatum(run->nstatements), no_statement);
		mig_call_put(&rows, Int32GetDatum(run->attempt), no_statement);
		mig_call_put_duration(&rows, now - run->statement_started_ms,
							  no_statement || run->statement_started_ms == 0);
		mig_call_put_text(&rows, no_statement || !mig_progress_may_read(run) ?
						  NULL : run->query);
		put_wait(&rows, run, now);
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

/*
 * For whom a run waits outside of the lock queue, and for how long.
 */
static void
put_wait(MigCallRows *rows, const MigProgress *run, int64 now)
{
	bool		waits = run->waiting_since_ms != 0;
	Datum		pids[MIG_PROGRESS_BLOCKERS];

	for (int i = 0; i < run->nblockers; i++)
		pids[i] = Int32GetDatum(run->blockers[i]);
	mig_call_put(rows, PointerGetDatum(construct_array(pids, run->nblockers, INT4OID,
													   sizeof(int32), true,
													   TYPALIGN_INT)),
				 !waits);
	mig_call_put_duration(rows, now - run->waiting_since_ms, !waits);
	mig_call_put_text(rows, waits && run->blocked_by[0] != '\0' &&
					  mig_progress_may_read(run) ? run->blocked_by : NULL);
}

Datum
migrate_guard(PG_FUNCTION_ARGS)
{
	mig_api_begin("migrate_guard()", MIG_API_GRANTED);
	PG_RETURN_VOID();
}

/*
 * MigCallRows of revisions, with these columns.
 */
static Datum
return_revisions(FunctionCallInfo fcinfo, const MigInspectRow *revisions,
				 int nrevisions, RevisionColumns columns)
{
	MigCallRows rows;

	mig_call_begin_rows(&rows, fcinfo, 0);
	for (int i = 0; i < nrevisions; i++)
	{
		const MigInspectRow *row = &revisions[i];
		const MigRevision *revision = row->revision;
		const MigRevisionDef *def = &revision->def;
		bool		known = revision->registered_by != NULL;
		NameData	registered_by;

		mig_call_put_text(&rows, def->id);
		mig_call_put_text(&rows, row->state);
		mig_call_put_text(&rows, row->kind);
		mig_call_put_text(&rows, def->message);
		if (columns != REVISION_INFO)
		{
			namestrcpy(&registered_by, known ? revision->registered_by : "");
			mig_call_put(&rows, mig_spi_array_datum(def->down, def->ndown), false);
			mig_call_put(&rows, mig_spi_array_datum(def->labels, def->nlabels), false);
			mig_call_put(&rows, mig_spi_array_datum(def->depends, def->ndepends), false);
			mig_call_put(&rows, NameGetDatum(&registered_by), !known);
			mig_call_put(&rows, TimestampTzGetDatum(revision->registered_at), !known);
			mig_call_put_text(&rows, row->partial);
		}
		if (columns == REVISION_DETAILS)
		{
			mig_call_put(&rows, BoolGetDatum(row->applied), false);
			mig_call_put(&rows, BoolGetDatum(row->is_head), false);
			mig_call_put(&rows, BoolGetDatum(row->is_branch_point), false);
			mig_call_put(&rows, BoolGetDatum(row->is_merge_point), false);
			mig_call_put_text(&rows, def->external);
		}
		if (columns == REVISION_BODIES)
		{
			mig_call_put_text(&rows, def->upgrade);
			mig_call_put_text(&rows, def->downgrade);
			mig_call_put_text(&rows, def->verify);
			mig_call_put_text(&rows, def->external);
			mig_call_put_text(&rows, def->downgrade_external);
			mig_call_put_text(&rows, def->settings);
			mig_call_put(&rows, transactional(def), false);
			mig_call_put_text(&rows, def->allow);
			mig_call_put_text(&rows, revision->hash);
		}
		mig_call_end_row(&rows);
	}
	return (Datum) 0;
}

/*
 * The directions whose body is transactional.
 */
static Datum
transactional(const MigRevisionDef *def)
{
	char	   *directions[2];
	int			n = 0;

	if (!def->upgrade_per_statement)
		directions[n++] = unconstify(char *, mig_command_name(MIG_COMMAND_UPGRADE));
	if (def->downgrade != NULL && !def->downgrade_per_statement)
		directions[n++] = unconstify(char *, mig_command_name(MIG_COMMAND_DOWNGRADE));
	return mig_spi_array_datum(directions, n);
}
