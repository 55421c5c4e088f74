/*
 * run_constraint.c
 *	  Deferred constraints are checked at the end of each revision.
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
 * Most databases have no deferrable constraint.  Whether this one has is
 * remembered until pg_constraint changes.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "run_constraint.h"
#include "spi.h"

/* What is known of pg_constraint, and for which role. */
static bool known = false;
static Oid	known_role = InvalidOid;
static bool any_deferrable;
static char *restore_immediate = NULL;	/* a statement, or NULL */

static void look_up(void);
static void forget(Datum arg, int cacheid, uint32 hashvalue);
static void set_constraints(const char *sql);

/*
 * Runs what the body deferred, with the caller's rights, then puts the
 * constraints back to how they were declared.
 */
void
mig_run_constraint_check(void)
{
	if (!known || known_role != GetUserId())
		look_up();
	if (!any_deferrable)
		return;

	set_constraints("SET CONSTRAINTS ALL IMMEDIATE");

	/* Triggers that just ran may have created or dropped constraints. */
	if (!known)
		look_up();
	set_constraints("SET CONSTRAINTS ALL DEFERRED");
	if (restore_immediate != NULL)
		set_constraints(restore_immediate);
}

/*
 * Asks pg_constraint.  Names in schemas that the caller cannot use are left
 * out: SET CONSTRAINTS would refuse them.
 */
static void
look_up(void)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.count(*) > 0,"
		"       'SET CONSTRAINTS ' || pg_catalog.string_agg(DISTINCT"
		"         pg_catalog.quote_ident(n.nspname) || '.' ||"
		"         pg_catalog.quote_ident(c.conname), ', ')"
		"         FILTER (WHERE NOT c.condeferred"
		"                 AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'))"
		"       || ' IMMEDIATE'"
		"  FROM pg_catalog.pg_constraint AS c"
		"  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.connamespace"
		" WHERE c.condeferrable"
	};
	static bool registered = false;
	MigSpiScope scope;
	bool		isnull;
	char	   *restore;

	if (!registered)
	{
		CacheRegisterSyscacheCallback(CONSTROID, forget, (Datum) 0);
		registered = true;
	}

	if (restore_immediate != NULL)
		pfree(restore_immediate);
	restore_immediate = NULL;

	/* Set first, so that an invalidation that arrives meanwhile undoes it. */
	known = true;
	known_role = GetUserId();
	mig_spi_begin(&scope, MIG_SPI_CALLER);
	mig_spi_execute(&query, NULL, NULL, MIG_SPI_READ_LATEST);
	any_deferrable = DatumGetBool(mig_spi_value(0, 1, &isnull));
	restore = mig_spi_text(&scope, 0, 2);
	if (restore != NULL)
		restore_immediate = MemoryContextStrdup(TopMemoryContext, restore);
	mig_spi_end(&scope);
}

static void
forget(Datum arg, int cacheid, uint32 hashvalue)
{
	known = false;
}

/*
 * Runs SET CONSTRAINTS as the caller.
 */
static void
set_constraints(const char *sql)
{
	int			rc;

	SPI_connect();
	rc = SPI_execute(sql, false, 0);
	if (rc < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql,
			 SPI_result_code_string(rc));
	SPI_finish();
}
