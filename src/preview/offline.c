/*
 * offline.c
 *	  Writes the steps of a plan as a script for psql, as Alembic's --sql does.
 *
 * What a run does is written down, the rows of the version table included: a
 * transaction for each revision, or for each of its segments, and statements that
 * cannot run inside a transaction block between two of them.  Nothing is run,
 * and the rows of this database do not count: a script begins at base, or where
 * its range says.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/command.h"
#include "base/printable.h"
#include "base/setting_list.h"
#include "graph/graph.h"
#include "preview/preview.h"
#include "run/run.h"
#include "script/script.h"
#include "tables/hook.h"
#include "tables/repeatable.h"
#include "tables/revision.h"
#include "tables/version.h"

/* More of them tell nothing new. */
#define MAX_SHOWN	20

static MigPlan *plan_range(const char *range, MigCommand command,
						   bool *from_base);
static bool ends_at_head(const char *range);
static void write_repeatables(StringInfo text, const MigVersion *version);
static void check_reversible(const MigPlan *plan);
static void write_begin(StringInfo text, const MigVersion *version,
						MigCommand command, bool from_base);
static void write_extension(StringInfo text);
static void write_table(StringInfo text, const MigVersion *version);
static char *key_name(const MigVersion *version);
static void write_step(StringInfo text, const MigVersion *version,
					   const MigStep *step, List **callers);
static bool calls_extension(const MigScript *script);
static void report_callers(const List *callers);
static void write_external(StringInfo text, const char *revision,
						   const char *external);
static void write_title(StringInfo text, const MigStep *step,
						const char *message);
static void write_ids(StringInfo text, const char *const *ids, int nids);
static void write_settings(StringInfo text, const char *list);
static void write_segment(StringInfo text, const char *body,
						  const MigScript *script, const MigSegment *segment);
static void keep_local_settings(StringInfo text, const MigScript *script,
								const MigSegment *segment);
static void write_verify(StringInfo text, const MigStepBody *body);
static void write_rows(StringInfo text, const MigVersion *version,
					   const MigStep *step);

/*
 * The script of a range "from:to", or from base to a target, in the current
 * memory context.
 */
char *
mig_offline_script(const char *range, const char *name)
{
	MigCommand	command = mig_command_by_name(name);
	MigVersion *version = mig_version_open(MIG_SPI_READ_CALLER);
	MigPlan    *plan;
	StringInfoData text;
	bool		from_base;
	List	   *callers = NIL;

	plan = plan_range(range, command, &from_base);
	if (command == MIG_COMMAND_DOWNGRADE)
		check_reversible(plan);
	initStringInfo(&text);
	write_begin(&text, version, command, from_base);
	for (int i = 0; i < plan->nsteps; i++)
		write_step(&text, version, &plan->steps[i], &callers);
	if (command == MIG_COMMAND_UPGRADE && ends_at_head(range))
		write_repeatables(&text, version);
	/* With our own version table the extension is there. */
	if (!version->own)
		report_callers(callers);
	return text.data;
}

static bool
ends_at_head(const char *range)
{
	const char *colon = strchr(range, ':');
	const char *target = colon == NULL ? range : colon + 1;

	return strcmp(target, "head") == 0 || strcmp(target, "heads") == 0;
}

/*
 * All of them: what has run where the script will run is not known.  A run that
 * comes later runs them once more, as no row says that they have.
 */
static void
write_repeatables(StringInfo text, const MigVersion *version)
{
	int			n;
	MigRepeatable *all = mig_repeatable_list(version, true, MIG_SPI_READ_CALLER, &n);

	mig_repeatable_sort(all, n);
	for (int i = 0; i < n; i++)
	{
		MigScript  *script = mig_script_split_text(all[i].body, false);
		MigSegment	whole = {0, script->nstatements, MIG_STATEMENT_ORDINARY, NULL};

		appendStringInfo(text, "\n-- repeatable %s", all[i].name);
		if (all[i].message != NULL)
			appendStringInfo(text, ": %s", mig_printable(pstrdup(all[i].message)));
		appendStringInfoString(text, "\nSET standard_conforming_strings = on;\nBEGIN;\n");
		write_segment(text, all[i].body, script, &whole);
		appendStringInfoString(text, "RESET SESSION AUTHORIZATION;\nRESET ROLE;\nRESET ALL;\nCOMMIT;\n");
	}
}

/*
 * As for Alembic, an upgrade without a beginning begins at base, and a downgrade
 * needs one.
 */
static MigPlan *
plan_range(const char *range, MigCommand command, bool *from_base)
{
	MigGraph   *graph = mig_revision_graph(MIG_SPI_READ_CALLER);
	const char *colon = strchr(range, ':');
	char	   *from = colon == NULL ? "base" : pnstrdup(range, colon - range);
	char	   *target = pstrdup(colon == NULL ? range : colon + 1);
	MigPlanRequest request = {.command = command, .ntargets = 1, .targets = &target};
	MigRevList	revs;

	if (colon == NULL && command == MIG_COMMAND_DOWNGRADE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the script of a downgrade needs a range"),
				 errhint("Write \"from:to\", for example \"head:base\".")));
	if (from[0] == '\0' || target[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid range \"%s\"", range),
				 errhint("Write \"from:to\", for example \"base:head\".")));
	revs = mig_target_resolve_list(graph, 1, &from);
	*from_base = revs.n == 0;
	request.nrows = revs.n;
	request.rows = palloc(sizeof(char *) * Max(revs.n, 1));
	for (int i = 0; i < revs.n; i++)
		request.rows[i] = unconstify(char *, mig_graph_id(graph, revs.rev[i]));
	return mig_plan_build(graph, &request);
}

static void
check_reversible(const MigPlan *plan)
{
	char	  **ids = palloc(sizeof(char *) * Max(plan->nsteps, 1));
	MigRevisionCheck *checks;

	for (int i = 0; i < plan->nsteps; i++)
		ids[i] = unconstify(char *, plan->steps[i].revision);
	checks = mig_revision_check(ids, plan->nsteps, plan->command, GetUserId(),
								MIG_SPI_READ_CALLER);
	for (int i = 0; i < plan->nsteps; i++)
	{
		if (checks[i].irreversible)
			mig_run_refuse_irreversible(ids[i], NULL);
	}
}

static void
write_begin(StringInfo text, const MigVersion *version, MigCommand command,
			bool from_base)
{
	appendStringInfoString(text, "\\set ON_ERROR_STOP on\n");
	if (mig_hook_events(MIG_SPI_READ_CALLER) != 0)
		appendStringInfoString(text, "-- Hooks (migrate.hooks) are not called by this script.\n");
	if (command == MIG_COMMAND_DOWNGRADE || !from_base)
		return;
	if (version->own)
		write_extension(text);
	else
		write_table(text, version);
}

/*
 * In the schema that it has here, whose name bodies may have in them.  To create that
 * if it is not there would need rights on the database also where it is.
 */
static void
write_extension(StringInfo text)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.quote_ident(n.nspname)"
		"  FROM pg_catalog.pg_extension AS e"
		"  JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace"
		" WHERE e.extname = 'migrate'"
	};
	const char *schema = mig_spi_first(&query, NULL, MIG_SPI_OWNER,
									   MIG_SPI_READ_CALLER);

	appendStringInfo(text, "CREATE EXTENSION IF NOT EXISTS migrate SCHEMA %s;\n",
					 schema);
}

/*
 * The table, unless there is one: as Alembic makes it, but its owner's alone.
 */
static void
write_table(StringInfo text, const MigVersion *version)
{
	const char *name = quote_literal_cstr(version->name);

	appendStringInfo(text,
					 "SELECT %s AS migrate_table, pg_catalog.to_regclass(%s) IS NULL AS migrate_creates \\gset\n"
					 "\\if :migrate_creates\n"
					 "CREATE TABLE %s (\n"
					 "    version_num VARCHAR(%d) NOT NULL,\n"
					 "    CONSTRAINT %s PRIMARY KEY (version_num)\n"
					 ");\n"
					 "-- What default privileges have granted.\n",
					 name, name, version->name, mig_version_width(version),
					 key_name(version));
	appendStringInfoString(text, MIG_VERSION_REVOKE(":'migrate_table'") " \\gexec\n\\endif\n");
}

/*
 * As Alembic calls the primary key.
 */
static char *
key_name(const MigVersion *version)
{
	static MigSpiQuery query = {
		"SELECT quote_ident(relname || '_pkc') FROM pg_class WHERE oid = $1"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, version->relid);
	return mig_spi_first(&query, &args, MIG_SPI_CALLER, MIG_SPI_READ_CALLER);
}

/*
 * What the body has set ends before the version row is written.  Adds the revision
 * to the callers if the body calls the extension.
 */
static void
write_step(StringInfo text, const MigVersion *version, const MigStep *step,
		   List **callers)
{
	MigStepBody body = {0};
	MigScript  *script;
	int			next = 0;

	if (step->revision != NULL)
		mig_revision_body(step->revision, step->command, &body);
	write_title(text, step, body.message);
	if (body.external != NULL)
		write_external(text, step->revision, body.external);
	if (body.text == NULL)
	{
		appendStringInfoString(text, "BEGIN;\n");
		write_rows(text, version, step);
		appendStringInfoString(text, "COMMIT;\n");
		return;
	}
	script = mig_script_split_text(body.text, body.per_statement);
	if (calls_extension(script))
		*callers = lappend(*callers, unconstify(char *, step->revision));
	appendStringInfoString(text, "SET standard_conforming_strings = on;\n");
	write_settings(text, body.settings);
	do
	{
		MigSegment	segment;
		bool		in_block;

		mig_script_segment(script, next, &segment);
		next = segment.first + segment.nstatements;
		in_block = segment.kind == MIG_STATEMENT_ORDINARY ||
			segment.kind == MIG_STATEMENT_BATCH;
		if (in_block)
			appendStringInfoString(text, "BEGIN;\n");
		write_segment(text, body.text, script, &segment);
		if (next < script->nstatements && !body.per_statement)
			keep_local_settings(text, script, &segment);
		if (next == script->nstatements)
		{
			if (!in_block)
				appendStringInfoString(text, "BEGIN;\n");
			in_block = true;
			appendStringInfoString(text, "RESET SESSION AUTHORIZATION;\nRESET ROLE;\nRESET ALL;\n");
			if (body.verify != NULL)
				write_verify(text, &body);
			write_rows(text, version, step);
		}
		if (in_block)
			appendStringInfoString(text, "COMMIT;\n");
	} while (next < script->nstatements);
}

/*
 * By a statement of its own; what a DO block or a function calls is not known.
 */
static bool
calls_extension(const MigScript *script)
{
	for (int i = 0; i < script->nstatements; i++)
	{
		const char *procedure = script->statements[i].procedure;

		if (procedure != NULL && mig_body_is_batch(procedure))
			return true;
	}
	return false;
}

static void
report_callers(const List *callers)
{
	if (callers != NIL)
		ereport(NOTICE,
				(errmsg_plural("%d revision of the script calls migrate_batch()",
							   "%d revisions of the script call migrate_batch()",
							   list_length(callers), list_length(callers)),
				 errdetail("They fail in a database without the extension: %s.",
						   mig_printable_names(callers, MAX_SHOWN))));
}

/*
 * What is before it is committed, and the script ends here unless its caller says
 * that all such steps are done.
 */
static void
write_external(StringInfo text, const char *revision, const char *external)
{
	char	   *message = psprintf("the external step of revision \"%s\" is not confirmed",
								   revision);
	char	   *detail = psprintf("To be done before: %s", external);
	char	   *block = psprintf("BEGIN RAISE EXCEPTION USING MESSAGE = %s, DETAIL = %s, HINT = %s; END",
								 quote_literal_cstr(message),
								 quote_literal_cstr(detail),
								 quote_literal_cstr("When it is done, run a script that begins here. Or run this one with -v external=done where all such steps are done."));

	appendStringInfo(text,
					 "-- external step: %s\n"
					 "\\if :{?external}\n"
					 "\\else\n"
					 "DO %s;\n"
					 "\\endif\n",
					 mig_printable(pstrdup(external)), quote_literal_cstr(block));
}

/*
 * A message may have several lines, and the next one would be a command.
 */
static void
write_title(StringInfo text, const MigStep *step, const char *message)
{
	bool		down = step->command == MIG_COMMAND_DOWNGRADE;

	appendStringInfo(text, "\n-- %s ", mig_command_name(step->command));
	if (step->revision == NULL)
		appendStringInfoString(text, "base");
	else if (down)
	{
		appendStringInfo(text, "%s -> ", step->revision);
		write_ids(text, step->parents, step->nparents);
	}
	else
	{
		write_ids(text, step->parents, step->nparents);
		appendStringInfo(text, " -> %s", step->revision);
	}
	if (message != NULL)
		appendStringInfo(text, ": %s", mig_printable(pstrdup(message)));
	appendStringInfoChar(text, '\n');
}

static void
write_ids(StringInfo text, const char *const *ids, int nids)
{
	if (nids == 0)
		appendStringInfoString(text, "base");
	for (int i = 0; i < nids; i++)
		appendStringInfo(text, "%s%s", i > 0 ? ", " : "", ids[i]);
}

/*
 * SET would take a list for one name.
 */
static void
write_settings(StringInfo text, const char *list)
{
	const char *problem;
	ListCell   *cell;

	if (list == NULL)
		return;
	foreach(cell, mig_setting_list_parse(list, &problem))
	{
		const MigListSetting *setting = lfirst(cell);

		appendStringInfo(text,
						 "SELECT pg_catalog.set_config(%s, %s, false) \\g /dev/null\n",
						 quote_literal_cstr(setting->name),
						 quote_literal_cstr(setting->value));
	}
}

/*
 * A statement may end with a comment, which would hide the semicolon.
 */
static void
write_segment(StringInfo text, const char *body, const MigScript *script,
			  const MigSegment *segment)
{
	for (int i = segment->first; i < segment->first + segment->nstatements; i++)
	{
		const MigStatement *statement = &script->statements[i];
		char	   *query = pnstrdup(body + statement->location,
									 statement->length);

		appendStringInfo(text, "%s%s;\n", query,
						 strstr(query, "--") == NULL ? "" : "\n");
		pfree(query);
	}
}

/*
 * A run keeps what SET LOCAL has set until the end of the body, which is the end
 * of its transaction where it has one.
 */
static void
keep_local_settings(StringInfo text, const MigScript *script,
					const MigSegment *segment)
{
	for (int i = segment->first; i < segment->first + segment->nstatements; i++)
	{
		const char *name = script->statements[i].local_setting;

		if (name == NULL)
			continue;
		name = quote_literal_cstr(name);
		appendStringInfo(text,
						 "SELECT pg_catalog.set_config(%s, pg_catalog.current_setting(%s), false) \\g /dev/null\n",
						 name, name);
	}
}

/*
 * What fails ends the script.  psql cannot tell a Boolean that is false: it shows
 * what is returned.
 */
static void
write_verify(StringInfo text, const MigStepBody *body)
{
	MigScript  *script = mig_script_split_text(body->verify, false);
	MigSegment	all = {0, script->nstatements, MIG_STATEMENT_ORDINARY, NULL};

	appendStringInfoString(text,
						   "-- verify: each row of one Boolean column must be true\n"
						   "SAVEPOINT migrate_verify;\n"
						   "SET TRANSACTION READ ONLY;\n"
						   "SET standard_conforming_strings = on;\n");
	write_settings(text, body->settings);
	write_segment(text, body->verify, script, &all);
	appendStringInfoString(text,
						   "ROLLBACK TO SAVEPOINT migrate_verify;\n"
						   "RELEASE SAVEPOINT migrate_verify;\n");
}

static void
write_rows(StringInfo text, const MigVersion *version, const MigStep *step)
{
	for (int i = 0; i < step->ndeletes; i++)
		appendStringInfo(text, "DELETE FROM %s WHERE version_num = %s;\n",
						 version->name, quote_literal_cstr(step->deletes[i]));
	if (step->update_from != NULL)
		appendStringInfo(text,
						 "UPDATE %s SET version_num = %s WHERE version_num = %s;\n",
						 version->name, quote_literal_cstr(step->update_to),
						 quote_literal_cstr(step->update_from));
	for (int i = 0; i < step->ninserts; i++)
		appendStringInfo(text, "INSERT INTO %s (version_num) VALUES (%s);\n",
						 version->name, quote_literal_cstr(step->inserts[i]));
}
