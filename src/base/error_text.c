/*
 * error_text.c
 *	  Errors of the server that only their text tells apart.
 *
 * The one place that knows such texts; each says which source file of the server
 * it comes from.  Those of PostgreSQL are compared before they are translated
 * (message_id); those of YugabyteDB come from its tablet servers and never are.
 */
#include "postgres.h"

#include "base/error_text.h"

/* What an error says, and whether its statement may have been done. */
typedef struct PassingText
{
	const char *text;
	MigPassingError outcome;
} PassingText;

static const PassingText passing_texts[] =
{
	/* src/yb/util/status_codes.h */
	{"Timed out", MIG_PASSING_OUTCOME_UNKNOWN},
	{"Service unavailable", MIG_PASSING_OUTCOME_UNKNOWN},
	{"Snapshot too old", MIG_PASSING_NOT_DONE},
	/* src/yb/tablet/transaction_coordinator.cc, and its pg_yb_utils.c */
	{"expired or aborted", MIG_PASSING_NOT_DONE},
	/* src/yb/tserver/service_util.h */
	{"catalog snapshot used for this transaction has been invalidated",
	MIG_PASSING_STALE_CATALOG},
	/* its tcop/postgres.c */
	{"Catalog Version Mismatch", MIG_PASSING_STALE_CATALOG},
	/* src/yb/tablet/write_query.cc, src/yb/tablet/tablet.cc */
	{"schema version mismatch", MIG_PASSING_STALE_CATALOG},
	/* src/yb/master/catalog_manager.cc; issues 27360, 32014 */
	{"OBJECT_NOT_FOUND", MIG_PASSING_STALE_CATALOG},
	/* its utils/cache/lsyscache.c and others; issues 28532, 33827, 34106 */
	{"cache lookup failed for ", MIG_PASSING_STALE_CATALOG},
};

#define CANCEL					"canceling statement due to "
#define OWN_LOCK				"could not lock \""
#define LOCK_WAIT				"process %d still waiting for "

static bool has_text(const ErrorData *error, const char *message_id);

/*
 * Whether a timeout has cancelled a statement, and not a person
 * (tcop/postgres.c).
 */
bool
mig_error_is_statement_timeout(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		has_text(error, "canceling statement due to statement timeout");
}

/*
 * Whether this session was to stop, by a request or a timeout
 * (tcop/postgres.c), and it was not code of whatever role that has raised an
 * error with this code.
 */
bool
mig_error_is_cancel(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		error->message_id != NULL &&
		strncmp(error->message_id, CANCEL, strlen(CANCEL)) == 0;
}

/*
 * Whether a statement cannot run inside a transaction block: "%s cannot run
 * inside a transaction block" and its variants (access/transam/xact.c).
 */
bool
mig_error_is_in_transaction_block(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_ACTIVE_SQL_TRANSACTION &&
		error->message_id != NULL &&
		strncmp(error->message_id, "%s cannot ", strlen("%s cannot ")) == 0;
}

/*
 * Whether a hash could not be begun, which is for want of memory
 * (utils/adt/cryptohashfuncs.c).
 */
bool
mig_error_is_hash_failure(const ErrorData *error)
{
	return has_text(error, "could not initialize %s context: %s");
}

/*
 * Whether a role could not be set because it is locked (utils/misc/guc.c).
 */
bool
mig_error_is_role_change(const ErrorData *error)
{
	return has_text(error,
					"cannot set parameter \"%s\" within security-definer function") ||
		has_text(error, "parameter \"%s\" cannot be changed");
}

/*
 * Whether another session has raised it, one that a body has asked for something
 * in a transaction of its own: the error has come over dblink
 * (contrib/dblink/dblink.c), or is the refusal of another run of ours
 * (run/lock.c), by whatever way.
 */
bool
mig_error_is_foreign(const ErrorData *error)
{
	return (error->filename != NULL &&
			strcmp(error->filename, "dblink.c") == 0) ||
		(error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE &&
		 error->message != NULL &&
		 strncmp(error->message, OWN_LOCK, strlen(OWN_LOCK)) == 0);
}

/*
 * Whether it is the message that a session has waited for a lock for longer
 * than deadlock_timeout (storage/lmgr/proc.c).
 */
bool
mig_error_is_lock_wait(const ErrorData *error)
{
	return error->message_id != NULL &&
		strncmp(error->message_id, LOCK_WAIT, strlen(LOCK_WAIT)) == 0;
}

/*
 * Whether the lock table is full (storage/lmgr/lock.c).
 */
bool
mig_error_is_lock_table_full(const ErrorData *error)
{
	return has_text(error, "out of shared memory");
}

/*
 * Whether two sessions have changed the same catalog row: an internal error
 * with no code of its own (access/heap/heapam.c).
 */
bool
mig_error_is_catalog_race(int sqlstate, const char *message_id)
{
	return sqlstate == ERRCODE_INTERNAL_ERROR && message_id != NULL &&
		(strcmp(message_id, "tuple concurrently updated") == 0 ||
		 strcmp(message_id, "tuple concurrently deleted") == 0);
}

/*
 * Whether it is an error of YugabyteDB's that passes: an internal one, or
 * 40001, with one of the texts above.  Its tcop/postgres.c makes 40001 of some
 * of them, but only on their way to the client.
 */
MigPassingError
mig_error_passing(int sqlstate, const char *message)
{
	if (message == NULL ||
		(sqlstate != ERRCODE_INTERNAL_ERROR &&
		 sqlstate != ERRCODE_T_R_SERIALIZATION_FAILURE))
		return MIG_PASSING_NONE;

	for (int i = 0; i < lengthof(passing_texts); i++)
	{
		if (strstr(message, passing_texts[i].text) != NULL)
			return passing_texts[i].outcome;
	}
	return MIG_PASSING_NONE;
}

/*
 * Whether an error says that an object does not exist, which is wrong where the
 * catalog cache is out of date and another session has just made it (issue 5196
 * of YugabyteDB).
 */
bool
mig_error_is_missing_object(int sqlstate)
{
	return sqlstate == ERRCODE_UNDEFINED_TABLE ||
		sqlstate == ERRCODE_UNDEFINED_COLUMN ||
		sqlstate == ERRCODE_UNDEFINED_FUNCTION ||
		sqlstate == ERRCODE_UNDEFINED_OBJECT ||
		sqlstate == ERRCODE_UNDEFINED_SCHEMA;
}

/*
 * What follows the name of a DO block in a line of an error's context: the same
 * in every language (pl/plpgsql/src/pl_comp.c).  NULL: there is none.
 */
const char *
mig_error_do_block(const char *context)
{
	const char *name = strstr(context, "inline_code_block");

	return name == NULL ? NULL : name + strlen("inline_code_block");
}

static bool
has_text(const ErrorData *error, const char *message_id)
{
	return error->message_id != NULL &&
		strcmp(error->message_id, message_id) == 0;
}
