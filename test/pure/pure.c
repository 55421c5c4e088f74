/*
 * pure.c
 *	  Decisions of src/script and src/run as SQL functions, for tests to list.
 *
 * Only tests load this module.  It is linked with the very files that the
 * extension is built from.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "base/retry.h"
#include "script/script.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(test_retry_decide);
PG_FUNCTION_INFO_V1(test_retry_needs_transaction);
PG_FUNCTION_INFO_V1(test_retry_leaves_unknown);
PG_FUNCTION_INFO_V1(test_retry_staleness);
PG_FUNCTION_INFO_V1(test_retry_delay);
PG_FUNCTION_INFO_V1(test_statement_effect);

static const char *effect_name(MigEffectKind kind);
static void read_case(FunctionCallInfo fcinfo, MigRetryCase *failure);
static MigVia read_via(const char *name);

/*
 * test_retry_decide(sqlstate, message, fixed_snapshot, via, attempt,
 * max_attempts, by_text, foreign): what to do, in words.
 */
Datum
test_retry_decide(PG_FUNCTION_ARGS)
{
	MigRetryCase failure;
	const char *decision = NULL;

	read_case(fcinfo, &failure);
	switch (mig_retry_decide(&failure))
	{
		case MIG_RETRY_SUBTRANSACTION:
			decision = "subtransaction";
			break;
		case MIG_RETRY_TRANSACTION:
			decision = "transaction";
			break;
		case MIG_RETRY_GIVE_UP:
			decision = "give up";
			break;
		case MIG_RETRY_EXHAUSTED:
			decision = "exhausted";
			break;
	}
	if (decision == NULL)
		elog(ERROR, "unexpected decision");
	PG_RETURN_TEXT_P(cstring_to_text(decision));
}

/*
 * The same arguments but the last two: would another transaction help, but no
 * attempt in this?
 */
Datum
test_retry_needs_transaction(PG_FUNCTION_ARGS)
{
	MigRetryCase failure;

	read_case(fcinfo, &failure);
	PG_RETURN_BOOL(mig_retry_needs_transaction(&failure));
}

/*
 * test_retry_leaves_unknown(), all of them: is it unknown whether it was done?
 */
Datum
test_retry_leaves_unknown(PG_FUNCTION_ARGS)
{
	MigRetryCase failure;

	read_case(fcinfo, &failure);
	PG_RETURN_BOOL(mig_retry_leaves_unknown(&failure));
}

/*
 * test_retry_staleness(), all of them: is the catalog cache out of date?
 */
Datum
test_retry_staleness(PG_FUNCTION_ARGS)
{
	static const char *const words[] = {"no", "possibly", "yes"};
	MigRetryCase failure;

	read_case(fcinfo, &failure);
	PG_RETURN_TEXT_P(cstring_to_text(words[mig_retry_staleness(&failure)]));
}

/*
 * test_retry_delay(attempt, base_delay, max_delay, random)
 */
Datum
test_retry_delay(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(mig_retry_delay(PG_GETARG_INT32(0), PG_GETARG_INT32(1),
									PG_GETARG_INT32(2), PG_GETARG_FLOAT8(3)));
}

/*
 * test_statement_effect(statement): what to look up afterwards, in words.
 */
Datum
test_statement_effect(PG_FUNCTION_ARGS)
{
	MigEffect	effect;
	StringInfoData words;
	ListCell   *cell;

	mig_statement_effect(text_to_cstring(PG_GETARG_TEXT_PP(0)), &effect);
	initStringInfo(&words);
	appendStringInfoString(&words, effect_name(effect.kind));
	if (effect.name != NULL)
		appendStringInfo(&words, " %s.%s", effect.schema ? effect.schema : "?",
						 effect.name);
	if (effect.part != NULL)
		appendStringInfo(&words, " (%s%s%s)",
						 effect.part_schema ? effect.part_schema : "",
						 effect.part_schema ? "." : "", effect.part);
	if (effect.wanted != NULL)
		appendStringInfo(&words, " as \"%s\"", effect.wanted);
	foreach(cell, effect.items)
		appendStringInfo(&words, " [%s]", (const char *) lfirst(cell));
	if (effect.creates_name)
		appendStringInfoString(&words, ", new");
	if (effect.gone)
		appendStringInfoString(&words, ", gone");
	if (effect.tolerant)
		appendStringInfoString(&words, ", tolerant");
	PG_RETURN_TEXT_P(cstring_to_text(words.data));
}

static const char *
effect_name(MigEffectKind kind)
{
	switch (kind)
	{
		case MIG_EFFECT_UNKNOWN:
			return "unknown";
		case MIG_EFFECT_REPEATABLE:
			return "repeatable";
		case MIG_EFFECT_COLUMN:
			return "column";
		case MIG_EFFECT_CONSTRAINT:
			return "constraint";
		case MIG_EFFECT_DATABASE:
			return "database";
		case MIG_EFFECT_DATABASE_TABLESPACE:
			return "database tablespace";
		case MIG_EFFECT_DROPPED_DATABASE:
			return "dropped database";
		case MIG_EFFECT_DROPPED_RELATION:
			return "dropped relation";
		case MIG_EFFECT_DROPPED_SUBSCRIPTION:
			return "dropped subscription";
		case MIG_EFFECT_DROPPED_TABLESPACE:
			return "dropped tablespace";
		case MIG_EFFECT_ENUM_VALUE:
			return "enum value";
		case MIG_EFFECT_FUNCTION:
			return "function";
		case MIG_EFFECT_INDEX:
			return "index";
		case MIG_EFFECT_INDEX_ON:
			return "index on";
		case MIG_EFFECT_PARTITION:
			return "partition";
		case MIG_EFFECT_REINDEXED:
			return "reindexed";
		case MIG_EFFECT_RELATION:
			return "relation";
		case MIG_EFFECT_SCHEMA:
			return "schema";
		case MIG_EFFECT_SUBSCRIPTION:
			return "subscription";
		case MIG_EFFECT_SUBSCRIPTION_PUBLICATIONS:
			return "subscription publications";
		case MIG_EFFECT_TABLESPACE:
			return "tablespace";
		case MIG_EFFECT_TYPE:
			return "type";
	}
	return NULL;				/* not reached */
}

static void
read_case(FunctionCallInfo fcinfo, MigRetryCase *failure)
{
	const char *sqlstate = text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (strlen(sqlstate) != 5)
		elog(ERROR, "\"%s\" is no SQLSTATE", sqlstate);
	memset(failure, 0, sizeof(*failure));
	failure->sqlstate = MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2],
									  sqlstate[3], sqlstate[4]);
	failure->message_id = PG_ARGISNULL(1) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(1));
	failure->fixed_snapshot = PG_GETARG_BOOL(2);
	failure->via = read_via(text_to_cstring(PG_GETARG_TEXT_PP(3)));
	failure->attempt = PG_GETARG_INT32(4);
	failure->stale_attempts = failure->attempt;
	failure->max_attempts = PG_GETARG_INT32(5);
	failure->by_text = PG_NARGS() > 6 && PG_GETARG_BOOL(6);
	failure->foreign = PG_NARGS() > 7 && PG_GETARG_BOOL(7);
	failure->message = failure->message_id;
}

static MigVia
read_via(const char *name)
{
	if (strcmp(name, "function") == 0)
		return MIG_VIA_FUNCTION;
	if (strcmp(name, "procedure") == 0)
		return MIG_VIA_PROCEDURE;
	if (strcmp(name, "worker") == 0)
		return MIG_VIA_WORKER;
	elog(ERROR, "\"%s\" is no way to run", name);
}
