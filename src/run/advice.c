/*
 * advice.c
 *	  The statements that messages give to be sent next.
 *
 * They are pasted, perhaps by a superuser: names and texts in them are quoted, and
 * printable.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/command.h"
#include "base/printable.h"
#include "base/spi.h"
#include "run/run_internal.h"
#include "tables/log.h"
#include "tables/revision.h"

/* So many version tables are named. */
#define MAX_NAMED				3

static char *submission(bool upgrade, const char *target);
static char *list_ways(const MigPartial *partial, const char *command,
					   bool asked);
static void offer_way_back(StringInfo buf, const MigPartial *partial);
static char *resume(const MigPartial *partial, const char *arguments);
static bool is_irreversible(const char *revision);

/*
 * The statement that asks for the rest of the same run.
 */
char *
mig_advice_command(const MigRun *run)
{
	return mig_advice_call(run->request, run->target != NULL ? run->target :
						   run->request->targets[0]);
}

/*
 * The same by the procedure.
 */
char *
mig_advice_procedure_call(const MigRun *run)
{
	MigRunRequest request = *run->request;

	request.via = MIG_VIA_PROCEDURE;
	return mig_advice_call(&request, run->target != NULL ? run->target :
						   request.targets[0]);
}

/*
 * The same with another target.
 */
char *
mig_advice_call(const MigRunRequest *request, const char *target)
{
	bool		upgrade = request->command == MIG_COMMAND_UPGRADE;
	const char *literal = quote_literal_cstr(target);

	if (upgrade && strcmp(target, "head") == 0)
		literal = "";
	switch (request->via)
	{
		case MIG_VIA_FUNCTION:
			return psprintf("SELECT %s(%s);",
							mig_command_function(request->command), literal);
		case MIG_VIA_PROCEDURE:
			return psprintf("CALL %s(%s);",
							mig_command_procedure(request->command), literal);
		case MIG_VIA_WORKER:
			/* The worker says which settings the session needs for it. */
			return submission(upgrade, literal);
	}
	return NULL;				/* not reached */
}

/*
 * What submits a job with that version table.  target: a literal, or "".
 */
char *
mig_advice_submission(bool upgrade, const char *target,
					  const char *version_table, const char *search_path)
{
	return psprintf("%s%s", mig_advice_session(version_table, search_path),
					submission(upgrade, target));
}

static char *
submission(bool upgrade, const char *target)
{
	return psprintf("SELECT migrate_submit(%s%s);", target,
					upgrade ? "" : ", 'downgrade'");
}

/*
 * The line before a statement that is to run with these settings: "" where a session
 * has them without one.
 */
char *
mig_advice_session(const char *version_table, const char *search_path)
{
	bool		other_table = strcmp(version_table, GetConfigOptionResetString("migrate.version_table")) != 0;

	if (!other_table &&
		strcmp(search_path, GetConfigOptionResetString("search_path")) == 0)
		return "";
	return psprintf("SET search_path = %s;%s\n", mig_printable_path(search_path),
					!other_table ? "" :
					psprintf(" SET migrate.version_table = %s;",
							 mig_printable(quote_literal_cstr(version_table))));
}

/*
 * What can be done about a partial revision.  command: resumes it; NULL: with
 * itself as the target.
 */
char *
mig_advice_ways_on(const MigPartial *partial, const char *command)
{
	return list_ways(partial, command, false);
}

/*
 * The same where the catalogs were asked what a statement has done, and do not tell.
 */
char *
mig_advice_ways_unknown(const MigPartial *partial, const char *command)
{
	return list_ways(partial, command, true);
}

static char *
list_ways(const MigPartial *partial, const char *command, bool asked)
{
	char	   *revision = quote_literal_cstr(partial->revision);
	bool		upgrade = partial->operation == MIG_COMMAND_UPGRADE;
	int			next = partial->unknown > 0 ? partial->unknown :
	partial->done + 1;
	MigScript  *script;
	bool		can_skip = mig_resolve_can_skip(partial, &script, NULL);
	StringInfoData buf;

	if (command == NULL)
		command = mig_advice_resume(partial);
	initStringInfo(&buf);
	if (mig_partial_ends_transactions(partial))
		appendStringInfo(&buf, "To run statement %d again, from its beginning and beside what it has committed:\nSELECT migrate_resolve(%s, 'retry');\n%s",
						 next, revision, command);
	else if (asked)
		appendStringInfo(&buf, "To run statement %d again, when what is left of it is removed:\nSELECT migrate_resolve(%s, 'retry');\n%s",
						 next, revision, command);
	else if (next > script->nstatements)
		appendStringInfo(&buf, "To complete it when the cause is removed: %s", command);
	else
		appendStringInfo(&buf, "To resume with statement %d%s when the cause is removed: %s",
						 next, mig_resolve_after_batch(partial), command);
	/* The next run asks the catalogs, which need not tell. */
	if (!asked && partial->unknown > 0 && !mig_partial_is_batch(partial) &&
		!mig_partial_ends_transactions(partial))
		appendStringInfo(&buf, "\nTo take statement %d as not done, when what is left of it is removed: SELECT migrate_resolve(%s, 'retry');",
						 next, revision);
	if (can_skip)
		appendStringInfo(&buf, "\nTo take statement %d as done: SELECT migrate_resolve(%s, 'skip');",
						 next, revision);
	appendStringInfo(&buf, upgrade ?
					 "\nTo finish it by hand, and then take it as applied: SELECT migrate_resolve(%s, 'finish');" :
					 "\nTo finish it by hand, and then take it as not applied: SELECT migrate_resolve(%s, 'finish');",
					 revision);
	appendStringInfo(&buf, upgrade ?
					 "\nTo keep what is done and not apply the revision, or to change its body: SELECT migrate_resolve(%s, 'abandon');" :
					 "\nTo keep what is done and the revision applied: SELECT migrate_resolve(%s, 'abandon');",
					 revision);
	if (upgrade)
		offer_way_back(&buf, partial);
	return buf.data;
}

/*
 * A downgrade may find only a part of what it removes, which its author has to
 * have thought of.
 */
static void
offer_way_back(StringInfo buf, const MigPartial *partial)
{
	if (!is_irreversible(partial->revision))
		appendStringInfo(buf, "\nTo go back, if its downgrade can do with a part of the upgrade:\nSELECT migrate_resolve(%1$s, 'finish');\nCALL migrate_revert(%2$s);",
						 quote_literal_cstr(partial->revision),
						 quote_literal_cstr(mig_advice_target_before(partial->revision)));
}

/*
 * The statement that resumes it.
 */
char *
mig_advice_resume(const MigPartial *partial)
{
	return resume(partial, "");
}

/*
 * The same in a schema with a version table of its own.
 */
char *
mig_advice_resume_in(const MigPartial *partial, char *schema)
{
	return resume(partial, psprintf(", schemas => %s",
									mig_advice_schemas(list_make1(schema))));
}

static char *
resume(const MigPartial *partial, const char *arguments)
{
	const char *target = partial->operation == MIG_COMMAND_UPGRADE ?
	partial->revision : mig_advice_target_before(partial->revision);

	return psprintf("CALL %s(%s%s);", mig_command_procedure(partial->operation),
					quote_literal_cstr(target), arguments);
}

/*
 * The target of a downgrade that takes one revision down, and what needs it: not
 * "revision-1", which a merge refuses, which before a base is the base of all
 * branches, and which takes other children of the same revision down.
 */
char *
mig_advice_target_before(const char *revision)
{
	MigRevision *registered = mig_revision_find(revision);

	return psprintf("%s@%s", revision,
					registered != NULL && registered->def.ndown > 0 ?
					registered->def.down[0] : "base");
}

/*
 * The statement that takes a revision down in the tenants among version tables that
 * have it.  NULL: it has no downgrade, there are too many, or none whose owner has
 * the rights of this role.  In another one, which that owner may have stamped, a
 * downgrade would run functions of that role.
 */
char *
mig_advice_revert(const char *revision, int ntables, const MigVersionName *tables)
{
	List	   *names = NIL;

	for (int i = 0; i < ntables; i++)
	{
		if (!tables[i].lesser_owner &&
			strcmp(tables[i].name, mig_version_table_in(tables[i].schema)) == 0)
			names = lappend(names, tables[i].schema);
	}
	return mig_advice_revert_schemas(revision, names);
}

/*
 * The same in these schemas.
 */
char *
mig_advice_revert_schemas(const char *revision, const List *names)
{
	if (names == NIL || list_length(names) > MIG_ADVICE_SCHEMAS ||
		is_irreversible(revision))
		return NULL;
	return psprintf("CALL migrate_revert(%s, schemas => %s);",
					quote_literal_cstr(mig_advice_target_before(revision)),
					mig_advice_schemas(names));
}

/*
 * The same of one version table, and of the other tenants if it is one.
 */
char *
mig_advice_revert_in(const char *revision, const MigVersion *version)
{
	char	   *schema = get_namespace_name(version->schema);
	const char *target;
	bool		in_use;

	if (version->lesser_owner && !version->own)
		return NULL;
	in_use = mig_version_open(MIG_SPI_READ_LATEST)->relid == version->relid;
	if (!in_use && schema != NULL &&
		strcmp(version->name, mig_version_table_in(schema)) == 0)
	{
		int			nholders;
		MigVersionName *holders = mig_log_holders(NULL, revision, &nholders);
		MigVersionName one = {version->relid, schema, version->name};

		for (int i = 0; i < nholders; i++)
		{
			if (holders[i].relid == version->relid)
				return mig_advice_revert(revision, nholders, holders);
		}
		return mig_advice_revert(revision, 1, &one);
	}
	if (is_irreversible(revision))
		return NULL;
	target = quote_literal_cstr(mig_advice_target_before(revision));
	return in_use ? psprintf("CALL migrate_revert(%s);", target) :
		psprintf("SET migrate.version_table = %s; CALL migrate_revert(%s);",
				 mig_printable(quote_literal_cstr(version->name)), target);
}

static bool
is_irreversible(const char *revision)
{
	char	   *id = unconstify(char *, revision);

	return mig_revision_check(&id, 1, MIG_COMMAND_DOWNGRADE, GetUserId(),
							  MIG_SPI_READ_LATEST)->irreversible;
}

/*
 * The names of version tables, of many the first ones.
 */
char *
mig_advice_tables(int ntables, const MigVersionName *tables)
{
	List	   *names = NIL;

	for (int i = 0; i < ntables; i++)
		names = lappend(names, tables[i].name);
	return mig_printable_names(names, MAX_NAMED);
}

/*
 * An array of schemas as a literal, for statements that are to be pasted.
 */
char *
mig_advice_schemas(const List *names)
{
	char	  **elems = palloc(sizeof(char *) * list_length(names));
	int			nelems = 0;
	ListCell   *cell;

	foreach(cell, names)
		elems[nelems++] = lfirst(cell);
	return mig_printable(quote_literal_cstr(OidOutputFunctionCall(F_ARRAY_OUT,
																  mig_spi_array_datum(elems, nelems))));
}

/*
 * The arguments of migrate_stamp() that write what a step writes, which is the
 * next one from where the version table is.  NULL: it is not.
 */
char *
mig_advice_stamp(const MigVersion *version, const MigStep *step)
{
	List	   *rows = NIL;
	int			ngone = 0;
	StringInfoData buf;
	ListCell   *cell;

	for (int i = 0; i < version->nrows; i++)
	{
		char	   *row = version->rows[i];
		bool		gone = false;

		for (int k = 0; k < step->ndeletes; k++)
			gone = gone || strcmp(step->deletes[k], row) == 0;
		if (step->update_from != NULL && strcmp(step->update_from, row) == 0)
		{
			rows = lappend(rows, unconstify(char *, step->update_to));
			ngone++;
		}
		else if (!gone)
			rows = lappend(rows, row);
		ngone += gone ? 1 : 0;
	}
	if (ngone < step->ndeletes + (step->update_from != NULL ? 1 : 0))
		return NULL;
	for (int i = 0; i < step->ninserts; i++)
		rows = lappend(rows, unconstify(char *, step->inserts[i]));

	if (rows == NIL)
		return pstrdup("'base'");
	if (list_length(rows) == 1 && version->nrows <= 1)
		return quote_literal_cstr(linitial(rows));
	/* Rows of other branches stay what they are. */
	initStringInfo(&buf);
	foreach(cell, rows)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "ARRAY[",
						 quote_literal_cstr(lfirst(cell)));
	appendStringInfoString(&buf, "], purge => true");
	return buf.data;
}
