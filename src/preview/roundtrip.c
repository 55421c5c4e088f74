/*
 * roundtrip.c
 *	  Whether the downgrade of each pending revision takes back its upgrade.
 *
 * The upgrades are executed one after the other, and after each its downgrade,
 * which is taken back at once, so that the next revision finds what it needs; the
 * schema is read before and after.  All of it is taken back (run/rehearsal.c).
 * Data is not compared: what an upgrade has deleted no downgrade brings
 * back, and whether that matters only its author knows.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/command.h"
#include "preview/preview_internal.h"
#include "run/run.h"
#include "tables/revision.h"

/* A round trip in execution. */
typedef struct Roundtrip
{
	MemoryContext context;		/* of the findings */
	MigRehearsal *rehearsal;
	const MigStep *step;		/* the upgrade of the present revision */
	MigSchema  *before;			/* the upgrade */
	MemoryContext before_context;
	MigSchema  *upgraded;
	MemoryContext upgraded_context;
	List	   *findings;		/* of MigRoundtripFinding */
} Roundtrip;

static void execute(MigRehearsal *rehearsal, void *arg);
static void go_up_and_down(Roundtrip *roundtrip);
static void go_down(Roundtrip *roundtrip);
static MigStep *reverse(const MigStep *step);
static void compare(void *arg);
static void see_statement(const MigRehearsedStatement *statement, bool begun,
						  void *arg);
static MigSchema *read_schema(const Roundtrip *roundtrip,
							  MemoryContext *context);
static void note_difference(const MigSchemaObject *before,
							const MigSchemaObject *after, void *arg);
static void note_error(Roundtrip *roundtrip, const ErrorData *error);
static void note(Roundtrip *roundtrip, const char *change, const char *type,
				 const char *identity, const char *before, const char *after);
static char *copy(const char *text);

/*
 * What the round trips to a target have found, of MigRoundtripFinding, in the
 * current memory context.  Raises the error of an upgrade that fails.
 */
List *
mig_roundtrip_run(char *target)
{
	Roundtrip	roundtrip = {CurrentMemoryContext};

	mig_rehearsal_run(MIG_COMMAND_UPGRADE, target, execute, &roundtrip);
	return roundtrip.findings;
}

static void
execute(MigRehearsal *rehearsal, void *arg)
{
	Roundtrip  *roundtrip = arg;
	const MigPlan *plan = mig_rehearsal_plan(rehearsal);

	roundtrip->rehearsal = rehearsal;
	mig_rehearsal_watch(rehearsal, see_statement, roundtrip, 0);
	roundtrip->before = read_schema(roundtrip, &roundtrip->before_context);
	for (int i = 0; i < plan->nsteps; i++)
	{
		/* What only follows has no way back. */
		if (plan->steps[i].command == MIG_COMMAND_REPEAT)
			break;
		roundtrip->step = &plan->steps[i];
		go_up_and_down(roundtrip);
	}
}

/*
 * The next revision begins where the upgrade of this one has ended.
 */
static void
go_up_and_down(Roundtrip *roundtrip)
{
	ErrorData  *error = mig_rehearsal_step(roundtrip->rehearsal,
										   roundtrip->step, NULL);
	MigSchema  *upgraded;
	MemoryContext upgraded_context;
	char	   *id = unconstify(char *, roundtrip->step->revision);
	MigRevisionCheck *check;

	if (error != NULL)
	{
		if (error->sqlerrcode == ERRCODE_UNSAFE_NEW_ENUM_VALUE_USAGE)
			error->hint = "A round trip is one transaction. Make it as far as the revision that adds the value, deploy that on the copy, and go on from there.";
		ReThrowError(error);
	}
	upgraded = read_schema(roundtrip, &upgraded_context);
	check = mig_revision_check(&id, 1, MIG_COMMAND_DOWNGRADE, GetUserId(),
							   MIG_SPI_READ_LATEST);
	if (check->irreversible)
		note(roundtrip, "irreversible", NULL, NULL, NULL, NULL);
	else
		go_down(roundtrip);
	MemoryContextDelete(roundtrip->before_context);
	roundtrip->before = upgraded;
	roundtrip->before_context = upgraded_context;
}

/*
 * An error is the downgrade's, unless the session or the server is to blame.
 */
static void
go_down(Roundtrip *roundtrip)
{
	ErrorData  *error = mig_rehearsal_try(roundtrip->rehearsal,
										  reverse(roundtrip->step), compare,
										  roundtrip);

	if (error == NULL)
		return;
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INSUFFICIENT_RESOURCES)
		ReThrowError(error);
	note_error(roundtrip, error);
}

/*
 * The downgrade that leaves the version rows as they were before the upgrade.
 */
static MigStep *
reverse(const MigStep *step)
{
	MigStep    *downgrade = palloc(sizeof(MigStep));

	*downgrade = *step;
	downgrade->command = MIG_COMMAND_DOWNGRADE;
	downgrade->ndeletes = step->ninserts;
	downgrade->deletes = step->inserts;
	downgrade->update_from = step->update_to;
	downgrade->update_to = step->update_from;
	downgrade->ninserts = step->ndeletes;
	downgrade->inserts = step->deletes;
	if (step->update_from == NULL)
		downgrade->update_from = downgrade->update_to = NULL;
	return downgrade;
}

static void
compare(void *arg)
{
	Roundtrip  *roundtrip = arg;
	MemoryContext context;
	MigSchema  *after = read_schema(roundtrip, &context);

	mig_schema_differences(roundtrip->before, after, note_difference, roundtrip);
	MemoryContextDelete(context);
}

static void
see_statement(const MigRehearsedStatement *statement, bool begun, void *arg)
{
	if (begun && !statement->executed)
		note(arg, "not run", mig_command_name(statement->step->command),
			 psprintf("statement %d: %s", statement->number, statement->tag),
			 NULL, NULL);
}

/*
 * Owners, too: objects that a downgrade makes anew are those of the role that
 * runs it.
 */
static MigSchema *
read_schema(const Roundtrip *roundtrip, MemoryContext *context)
{
	MemoryContext old_context;
	MigSchema  *schema;

	*context = AllocSetContextCreate(roundtrip->context, "migrate schema",
									 ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(*context);
	schema = mig_schema_read(true, true, MIG_SPI_READ_LATEST);
	MemoryContextSwitchTo(old_context);
	return schema;
}

static void
note_difference(const MigSchemaObject *before, const MigSchemaObject *after,
				void *arg)
{
	const MigSchemaObject *object = before != NULL ? before : after;

	note(arg, before == NULL ? "left behind" :
		 after == NULL ? "missing" : "different",
		 object->type, object->identity,
		 before == NULL ? NULL : before->definition,
		 after == NULL ? NULL : after->definition);
}

static void
note_error(Roundtrip *roundtrip, const ErrorData *error)
{
	StringInfoData rest;

	initStringInfo(&rest);
	if (error->detail != NULL)
		appendStringInfo(&rest, "%s\n", error->detail);
	if (error->context != NULL)
		appendStringInfoString(&rest, error->context);
	note(roundtrip, "failed",
		 psprintf("SQLSTATE %s", unpack_sql_state(error->sqlerrcode)),
		 error->message, NULL, rest.data);
}

static void
note(Roundtrip *roundtrip, const char *change, const char *type,
	 const char *identity, const char *before, const char *after)
{
	MemoryContext old_context = MemoryContextSwitchTo(roundtrip->context);
	MigRoundtripFinding *finding = palloc(sizeof(MigRoundtripFinding));

	finding->revision = copy(roundtrip->step->revision);
	finding->change = change;
	finding->type = copy(type);
	finding->identity = copy(identity);
	finding->before = copy(before);
	finding->after = copy(after);
	roundtrip->findings = lappend(roundtrip->findings, finding);
	MemoryContextSwitchTo(old_context);
}

static char *
copy(const char *text)
{
	return text == NULL ? NULL : pstrdup(text);
}
