/*
 * constraint.c
 *	  Checks deferred constraints at the end of each revision.
 *
 * A deferred failure then belongs to the revision that caused it, and the
 * next revision can ALTER the table (pending trigger events forbid that).
 *
 * SET CONSTRAINTS ALL IMMEDIATE stays in force for the rest of the
 * transaction, and nothing sets the constraints back to how they were
 * declared.  The next revision would meet INITIALLY DEFERRED constraints that
 * are not deferred.  So ALL DEFERRED follows, which suits those and any that a
 * later body creates, and then the constraints that are deferrable but
 * initially immediate are set so by name.
 *
 * All that only happens when something is pending, or when a body has said
 * SET CONSTRAINTS, which would be in force in the next revision.  Nothing is
 * where no rows were written.  On which tables something can be pending is
 * remembered until pg_constraint changes, as it does with most bodies that create
 * a table.
 *
 * Where the step's transaction ends with it, nothing has to be put back, and so
 * nothing to be known: pg_constraint would be read once for each revision that
 * creates a table.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/guc.h"
#include "base/spi.h"
#include "run/run_internal.h"

/* The tables with a deferrable constraint, or that one refers to. */
static int	ntables = 0;
static Oid *tables = NULL;
static bool tables_known = false;

/* Triggers may defer work for triggers, but not for ever. */
#define MAX_ROUNDS				100

/* Changes of pg_constraint seen so far. */
static uint64 changes = 0;

static void run_deferred(void);
static bool is_pending(void);
static void look_up_tables(void);
static void read_table(const MigSpiRow *row, void *result);
static void count_change(Datum arg, int cacheid, uint32 hashvalue);
static char *restore_immediate(void);
static void set_all_immediate(void);
static void set_constraints(const char *sql);
static void check_result(const char *sql, int rc);

/*
 * Before the first body of a run: what the transaction has deferred so far is not
 * its.
 */
void
mig_constraint_begin(void)
{
	mig_constraint_check_caller();
	mig_constraint_check(false);
}

/*
 * Before any body: raises an error if what the transaction has deferred may be of a
 * role without the rights of this one, as the caller of a SECURITY DEFINER function.
 * A body that says SET CONSTRAINTS would run it with those, up to 17.
 */
void
mig_constraint_check_caller(void)
{
	Oid			caller = GetOuterUserId();

	if (!mig_guc_role_is_trusted(caller) && is_pending())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a migration body cannot run while role \"%s\" has deferred triggers or constraints",
						GetUserNameFromId(caller, false)),
				 errdetail("They would run with the rights of role \"%s\", which that role lacks.",
						   GetUserNameFromId(GetUserId(), false)),
				 errhint("Call it in a transaction of its own, or after SET CONSTRAINTS ALL IMMEDIATE.")));
}

/*
 * Runs what was deferred, with the caller's rights, then puts the constraints
 * back to how they were declared, unless the transaction ends with the step.
 */
void
mig_constraint_check(bool transaction_ends)
{
	if (mig_utility_hook_constraints() == 0 &&
		(!mig_utility_hook_wrote_rows() || (!transaction_ends && !is_pending())))
		return;
	run_deferred();
	if (!transaction_ends)
	{
		char	   *restore;

		set_constraints("SET CONSTRAINTS ALL DEFERRED");
		restore = restore_immediate();
		if (restore != NULL)
			set_constraints(restore);
	}
	mig_utility_hook_forget_constraints();
}

/*
 * A trigger may set constraints deferred again and leave work behind.  What
 * is left at the end would run at commit, when its revision is not known any more.
 */
static void
run_deferred(void)
{
	for (int round = 0; round < MAX_ROUNDS; round++)
	{
		uint64		before = mig_utility_hook_constraints();

		set_all_immediate();
		/* Only by us. */
		if (mig_utility_hook_constraints() == before + 1)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("deferred triggers of the revision fire each other without end"),
			 errdetail("After %d rounds of SET CONSTRAINTS ALL IMMEDIATE there are still some pending.",
					   MAX_ROUNDS)));
}

static bool
is_pending(void)
{
	if (!tables_known)
		look_up_tables();
	for (int i = 0; i < ntables; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (AfterTriggerPendingOnRel(tables[i]))
			return true;
	}
	return false;
}

static void
look_up_tables(void)
{
	static MigSpiQuery query = {
		"SELECT DISTINCT r.oid"
		"  FROM pg_catalog.pg_constraint AS c,"
		"       LATERAL (VALUES (c.conrelid), (c.confrelid)) AS r (oid)"
		" WHERE c.condeferrable AND r.oid <> 0"
	};
	static bool registered = false;
	uint64		changes_before;
	Oid		   *found;
	int			nfound;

	if (!registered)
	{
		CacheRegisterSyscacheCallback(CONSTROID, count_change, (Datum) 0);
		registered = true;
	}

	changes_before = changes;
	found = mig_spi_rows(&query, NULL, MIG_SPI_CALLER, MIG_SPI_READ_LATEST,
						 sizeof(Oid), read_table, &nfound);
	ntables = 0;
	if (tables != NULL)
		pfree(tables);
	tables = NULL;
	tables = MemoryContextAlloc(TopMemoryContext,
								sizeof(Oid) * Max(nfound, 1));
	memcpy(tables, found, sizeof(Oid) * nfound);
	ntables = nfound;

	/* What changed while we asked may be missing. */
	tables_known = changes == changes_before;
}

static void
read_table(const MigSpiRow *row, void *result)
{
	*(Oid *) result = mig_spi_row_oid(row, 1);
}

static void
count_change(Datum arg, int cacheid, uint32 hashvalue)
{
	changes++;
	tables_known = false;
}

/*
 * The statement that makes the initially immediate constraints immediate
 * again, or NULL.  SET CONSTRAINTS takes all constraints of a name in a
 * schema: left out are names that an initially deferred one has too, and
 * those in schemas that the caller cannot use.
 */
static char *
restore_immediate(void)
{
	static MigSpiQuery query = {
		"SELECT 'SET CONSTRAINTS ' || pg_catalog.string_agg(c.name, ', ')"
		"       || ' IMMEDIATE'"
		"  FROM (SELECT pg_catalog.quote_ident(n.nspname) || '.' ||"
		"               pg_catalog.quote_ident(c.conname) AS name"
		"          FROM pg_catalog.pg_constraint AS c"
		"          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.connamespace"
		"         WHERE c.condeferrable"
		"           AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)"
		"           AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
		"         GROUP BY 1 HAVING NOT pg_catalog.bool_or(c.condeferred)"
		"       ) AS c"
	};

	return mig_spi_first(&query, NULL, MIG_SPI_CALLER, MIG_SPI_READ_LATEST);
}

/*
 * Once for each revision of a run that commits, so the plan is kept.
 */
static void
set_all_immediate(void)
{
	static const char *const sql = "SET CONSTRAINTS ALL IMMEDIATE";
	static SPIPlanPtr plan = NULL;

	SPI_connect();
	if (plan == NULL)
	{
		SPIPlanPtr	prepared = SPI_prepare(sql, 0, NULL);

		if (prepared == NULL)
			check_result(sql, SPI_result);
		SPI_keepplan(prepared);
		plan = prepared;
	}
	check_result(sql, SPI_execute_plan(plan, NULL, NULL, false, 0));
	SPI_finish();
}

/*
 * Runs SET CONSTRAINTS as the caller.
 */
static void
set_constraints(const char *sql)
{
	SPI_connect();
	check_result(sql, SPI_execute(sql, false, 0));
	SPI_finish();
}

static void
check_result(const char *sql, int rc)
{
	if (rc < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql,
			 SPI_result_code_string(rc));
}
