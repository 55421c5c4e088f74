/*
 * yb_sim_fail.c
 *	  Errors at the points that are asked for, or at random.
 *
 * A point is counted when it is passed.  yb_sim.fail_point, fail_at and
 * fail_count say where errors come for certain, yb_sim.probability and
 * kill_probability how often they come anywhere; the random numbers of a
 * session depend on nothing but yb_sim.seed.
 *
 * After some of them the transaction is dead: every later statement of it
 * fails the same way, whatever was rolled back in between.
 *
 * Others come of an outdated catalog cache.  That of a session is renewed when
 * the next message of the client comes and no transaction is open, that of a
 * background worker never, so they come back until then.
 */
#include "postgres.h"

/*
 * libpq/libpq.h is wanted for the callbacks, and comes with what would need
 * the headers of these libraries.
 */
#undef ENABLE_GSS
#undef USE_OPENSSL

#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "access/xact.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "storage/sinval.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/tuplestore.h"

#include "yb_sim.h"

PG_FUNCTION_INFO_V1(yb_sim_counts);

/* A kind of error, and where it comes at random. */
typedef struct Failure
{
	int			sqlstate;
	const char *message;
	bool		kills_transaction;
	bool		is_stale;		/* it lasts until the cache is renewed */
	int			points;
} Failure;

#define POINT(point)	(1 << (point))
#define WRITES \
	(POINT(YB_SIM_STATEMENT) | POINT(YB_SIM_VERSION) | \
	 POINT(YB_SIM_PARTIAL) | POINT(YB_SIM_LOCK))
#define ENDS \
	(POINT(YB_SIM_COMMIT) | POINT(YB_SIM_AFTER_COMMIT))
#define NO_FAILURE		YB_SIM_NFAILURES

static const Failure failures[YB_SIM_NFAILURES] =
{
	{ERRCODE_T_R_SERIALIZATION_FAILURE,
		"could not serialize access due to concurrent update",
	false, false, WRITES | POINT(YB_SIM_COMMIT)},
	{ERRCODE_T_R_SERIALIZATION_FAILURE,
		"Restart read required at: { read: { physical: 1 } }",
	false, false, WRITES},
	{MAKE_SQLSTATE('Y', 'B', '0', '0', '1'),
		"current transaction is expired or aborted",
	true, false, WRITES | POINT(YB_SIM_COMMIT)},
	{MAKE_SQLSTATE('Y', 'B', '0', '0', '3'),
		"could not serialize access due to concurrent update",
	false, false, WRITES | POINT(YB_SIM_COMMIT)},
	{ERRCODE_T_R_SERIALIZATION_FAILURE,
		"The catalog snapshot used for this transaction has been invalidated: expected: 2, got: 1: MISMATCHED_SCHEMA",
	true, true, WRITES},
	{ERRCODE_INTERNAL_ERROR,
		"Timed out: Perform RPC timed out after 5.000s",
	false, false, WRITES | ENDS | POINT(YB_SIM_DDL_AFTER)},
	{ERRCODE_UNDEFINED_TABLE,
		"relation \"made_elsewhere\" does not exist",
	false, true, POINT(YB_SIM_STATEMENT)},
	{ERRCODE_INTERNAL_ERROR,
		"Table with identifier 0000400600003000800000000000436b not found: OBJECT_NOT_FOUND",
	false, true, POINT(YB_SIM_STATEMENT)},
};

static const struct config_enum_entry fail_points[] = {
	{"statement", YB_SIM_STATEMENT, false},
	{"version", YB_SIM_VERSION, false},
	{"partial", YB_SIM_PARTIAL, false},
	{"lock", YB_SIM_LOCK, false},
	{"ddl_after", YB_SIM_DDL_AFTER, false},
	{"commit", YB_SIM_COMMIT, false},
	{"after_commit", YB_SIM_AFTER_COMMIT, false},
	{"none", YB_SIM_NPOINTS, false},
	{NULL, 0, false}
};

static const struct config_enum_entry fail_options[] = {
	{"conflict", YB_SIM_CONFLICT, false},
	{"restart_read", YB_SIM_RESTART_READ, false},
	{"expired", YB_SIM_EXPIRED, false},
	{"yb_conflict", YB_SIM_YB_CONFLICT, false},
	{"catalog", YB_SIM_CATALOG, false},
	{"timed_out", YB_SIM_TIMED_OUT, false},
	{"undefined", YB_SIM_UNDEFINED, false},
	{"not_found", YB_SIM_NOT_FOUND, false},
	{"kill", YB_SIM_KILL, false},
	{NULL, 0, false}
};

static int	fail_point = YB_SIM_NPOINTS;
static int	fail_at = 0;
static int	fail_count = 1;
static int	fail_with = YB_SIM_CONFLICT;
static double probability = 0;
static double kill_probability = 0;
static int	seed = 0;

static pg_prng_state prng;
static int64 passed[YB_SIM_NPOINTS];
static int64 failed[YB_SIM_NPOINTS];

/* Why the transaction is dead. */
static int	dead = NO_FAILURE;

/* By which error the catalog cache shows that it is out of date, since when. */
static int	stale = NO_FAILURE;
static TimestampTz stale_since;

/* What is to be reported although a transaction has committed. */
static int	reported = NO_FAILURE;
static const PQcommMethods *client_methods = NULL;
static PQcommMethods watched_methods;

static emit_log_hook_type previous_log = NULL;

static void assign_point(int value, void *extra);
static void assign_seed(int value, void *extra);
static void count_anew(void);
static int	choose(YbSimPoint point);
static int	choose_at_random(YbSimPoint point);
static bool is_stale(void);
static void transaction(XactEvent event, void *arg);
static void pass_after_commit(void);
static void transaction_begins(Datum arg, Oid relid);
static int	watch_client(char type, const char *data, size_t length);
static void report(void);
static void make_public(ErrorData *error);

void
yb_sim_fail_define(void)
{
	DefineCustomIntVariable("yb_sim.fail_at",
							"Sets at which passing of fail_point errors begin, 0: none.",
							"Counted from when this or fail_point was set.",
							&fail_at, 0, 0, INT_MAX,
							PGC_USERSET, 0, NULL, assign_point, NULL);
	DefineCustomIntVariable("yb_sim.fail_count",
							"Sets how many passings in a row fail, -1: all.",
							NULL, &fail_count, 1, -1, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("yb_sim.fail_point",
							 "Sets where errors come.", NULL,
							 &fail_point, YB_SIM_NPOINTS, fail_points,
							 PGC_USERSET, 0, NULL, assign_point, NULL);
	DefineCustomEnumVariable("yb_sim.fail_with",
							 "Sets which error comes.", NULL,
							 &fail_with, YB_SIM_CONFLICT, fail_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("yb_sim.kill_probability",
							 "Sets how often the process is killed at a point.",
							 NULL, &kill_probability, 0, 0, 1,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("yb_sim.probability",
							 "Sets how often an error comes at a point.",
							 NULL, &probability, 0, 0, 1,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("yb_sim.seed",
							"Sets the seed of what comes at random.", NULL,
							&seed, 0, 0, INT_MAX,
							PGC_USERSET, 0, NULL, assign_seed, NULL);

	RegisterXactCallback(transaction, NULL);
	CacheRegisterRelcacheCallback(transaction_begins, (Datum) 0);
	previous_log = emit_log_hook;
	emit_log_hook = make_public;
}

static void
assign_point(int value, void *extra)
{
	count_anew();
}

static void
assign_seed(int value, void *extra)
{
	count_anew();
	pg_prng_seed(&prng, (uint64) value);
}

static void
count_anew(void)
{
	memset(passed, 0, sizeof(passed));
	memset(failed, 0, sizeof(failed));
}

/*
 * yb_sim_counts()
 */
Datum
yb_sim_counts(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < YB_SIM_NPOINTS; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		values[0] = CStringGetTextDatum(fail_points[i].name);
		values[1] = Int64GetDatum(passed[i]);
		values[2] = Int64GetDatum(failed[i]);
		tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * A point is passed, or an error raised.
 */
void
yb_sim_fail_pass(YbSimPoint point)
{
	int			failure;

	if (point == YB_SIM_STATEMENT && is_stale())
		yb_sim_fail_raise(stale);
	failure = choose(point);
	if (failure != NO_FAILURE)
		yb_sim_fail_raise(failure);
}

/*
 * Raises an error if the transaction is dead.
 */
void
yb_sim_fail_dead(void)
{
	if (dead != NO_FAILURE)
		yb_sim_fail_raise(dead);
}

/*
 * Raises an error if the catalog cache is out of date, and every request for
 * rows says so.
 */
void
yb_sim_fail_stale(void)
{
	if (is_stale() && failures[stale].kills_transaction)
		yb_sim_fail_raise(stale);
}

/*
 * A message of the client has a time of its own, and so has a transaction that
 * it begins.
 */
static bool
is_stale(void)
{
	if (stale != NO_FAILURE && MyProcPort != NULL &&
		GetCurrentStatementStartTimestamp() != stale_since &&
		GetCurrentTransactionStartTimestamp() > stale_since)
		stale = NO_FAILURE;
	return yb_sim_enabled && stale != NO_FAILURE;
}

/*
 * What comes now stands for a new transaction, with a new catalog cache.
 */
void
yb_sim_fail_revive(void)
{
	dead = NO_FAILURE;
	stale = NO_FAILURE;
}

void
yb_sim_fail_raise(YbSimFailure failure)
{
	if (failures[failure].kills_transaction)
		dead = failure;
	if (failures[failure].is_stale && stale == NO_FAILURE)
	{
		stale = failure;
		stale_since = GetCurrentStatementStartTimestamp();
	}
	ereport(ERROR,
			(errcode(failures[failure].sqlstate),
			 errmsg_internal("%s", failures[failure].message)));
}

/*
 * Counts the point.  Returns what fails there; does not return if that is the
 * process.
 */
static int
choose(YbSimPoint point)
{
	int			failure = NO_FAILURE;
	int64		after;

	if (!yb_sim_enabled)
		return NO_FAILURE;
	after = ++passed[point] - fail_at;
	if ((int) point == fail_point && fail_at > 0 && after >= 0 &&
		(fail_count < 0 || after < fail_count))
		failure = fail_with;
	else if (probability > 0 || kill_probability > 0)
		failure = choose_at_random(point);
	if (failure == YB_SIM_KILL)
	{
		kill(MyProcPid, SIGKILL);
		pause();
	}
	if (failure != NO_FAILURE)
		failed[point]++;
	return failure;
}

/*
 * The same number of draws at each point.
 */
static int
choose_at_random(YbSimPoint point)
{
	double		draw = pg_prng_double(&prng);
	double		which = pg_prng_double(&prng);
	int			candidates[YB_SIM_NFAILURES];
	int			ncandidates = 0;

	if (draw < kill_probability)
		return YB_SIM_KILL;
	if (draw >= kill_probability + probability)
		return NO_FAILURE;
	for (int i = 0; i < YB_SIM_NFAILURES; i++)
	{
		if (failures[i].points & POINT(point))
			candidates[ncandidates++] = i;
	}
	return candidates[(int) (which * ncandidates)];
}

static void
transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			yb_sim_fail_dead();
			if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
				yb_sim_fail_pass(YB_SIM_COMMIT);
			break;
		case XACT_EVENT_COMMIT:
			if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
				pass_after_commit();
			dead = NO_FAILURE;
			break;
		case XACT_EVENT_ABORT:
			dead = NO_FAILURE;
			break;
		default:
			break;
	}
}

/*
 * Here an error would be a PANIC.  It is raised as soon as it can be: when the
 * next transaction begins, which SPI_commit() takes for an error of the
 * commit, or when the client is to be told that all is well, whichever comes
 * first.  A transaction that begins accepts invalidations, and so is made to
 * call us by one, of a relation that there is not.
 */
static void
pass_after_commit(void)
{
	SharedInvalidationMessage message;

	reported = choose(YB_SIM_AFTER_COMMIT);
	if (reported == NO_FAILURE)
		return;

	memset(&message, 0, sizeof(message));
	message.rc.id = SHAREDINVALRELCACHE_ID;
	message.rc.dbId = MyDatabaseId;
	message.rc.relId = (Oid) OID_MAX;
	SendSharedInvalidMessages(&message, 1);

	client_methods = PqCommMethods;
	watched_methods = *PqCommMethods;
	watched_methods.putmessage = watch_client;
	PqCommMethods = &watched_methods;
}

/*
 * Called for each invalidation.
 */
static void
transaction_begins(Datum arg, Oid relid)
{
	if (reported != NO_FAILURE && !IsTransactionState())
		report();
}

static int
watch_client(char type, const char *data, size_t length)
{
	/* CommandComplete and ReadyForQuery */
	if (type == 'C' || type == 'Z')
		report();
	return client_methods->putmessage(type, data, length);
}

static void
report(void)
{
	int			failure = reported;

	reported = NO_FAILURE;
	PqCommMethods = client_methods;
	ereport(ERROR,
			(errcode(failures[failure].sqlstate),
			 errmsg_internal("%s", failures[failure].message)));
}

/*
 * Clients and the log know the private codes as 40001.
 */
static void
make_public(ErrorData *error)
{
	if (yb_sim_enabled &&
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == YB_SIM_CLASS_YB)
		error->sqlerrcode = ERRCODE_T_R_SERIALIZATION_FAILURE;
	if (previous_log != NULL)
		previous_log(error);
}
