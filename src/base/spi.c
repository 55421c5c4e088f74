/*
 * spi.c
 *	  The only way to run internal SQL.
 *
 * Internal SQL runs with search_path = pg_catalog, pg_temp.  No function or
 * operator is ever looked up in pg_temp and tables are written with their
 * schema, so nothing a user creates can stand in for what a statement means.
 * The few statements that run with the caller's search_path qualify their
 * operators too.  Input reaches a statement as parameters only.
 *
 * The switch to the extension's owner happens here and nowhere else, and must
 * never be in force while a body runs: callers end their scope first.  After
 * an error the (sub)transaction's abort restores role, security context,
 * settings and SPI, so no scope needs a PG_TRY.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "base/spi.h"

#define SAFE_PATH				"pg_catalog, pg_temp"

static int	execute_plan(MigSpiQuery *query, const MigSpiArgs *args,
						 bool read_only);
static void prepare(MigSpiQuery *query, const MigSpiArgs *args);
#ifdef USE_ASSERT_CHECKING
static bool same_types(SPIPlanPtr plan, const MigSpiArgs *args);
#endif
static bool has_settings(MigSpiRole role);
static void make_settings(MigSpiScope *scope, MigSpiRole role);
static Oid	extension_owner(MigSpiScope *scope);

/* Owner of the extension, InvalidOid when it must be looked up again. */
static Oid	cached_owner = InvalidOid;

/*
 * The first column of the first row as text in the caller's memory; NULL if
 * there is no row.
 */
char *
mig_spi_first(MigSpiQuery *query, const MigSpiArgs *args, MigSpiRole role,
			  MigSpiAccess access)
{
	MigSpiScope scope;
	char	   *value = NULL;

	mig_spi_begin(&scope, role);
	if (mig_spi_execute(&scope, query, args, access) > 0)
	{
		MigSpiRow	row = mig_spi_fetch(&scope, 0);

		value = mig_spi_row_text(&row, 1);
	}
	mig_spi_end(&scope);
	return value;
}

/*
 * The first column of the first row, of that type, in the caller's memory.
 * false: there is no row, or it is null; *value is left alone.
 */
bool
mig_spi_first_datum(MigSpiQuery *query, const MigSpiArgs *args,
					MigSpiRole role, MigSpiAccess access, Oid type,
					Datum *value)
{
	MigSpiScope scope;
	bool		isnull = true;

	mig_spi_begin(&scope, role);
	if (mig_spi_execute(&scope, query, args, access) > 0)
	{
		MigSpiRow	row = mig_spi_fetch(&scope, 0);
		Form_pg_attribute attr = TupleDescAttr(row.table->tupdesc, 0);
		Datum		result = mig_spi_row_datum(&row, 1, type, &isnull);

		MemoryContextSwitchTo(scope.caller);
		if (!isnull)
			*value = datumCopy(result, attr->attbyval, attr->attlen);
	}
	mig_spi_end(&scope);
	return !isnull;
}

/*
 * Whether there is a row.
 */
bool
mig_spi_exists(MigSpiQuery *query, const MigSpiArgs *args, MigSpiRole role,
			   MigSpiAccess access)
{
	MigSpiScope scope;
	uint64		nrows;

	mig_spi_begin(&scope, role);
	nrows = mig_spi_execute(&scope, query, args, access);
	mig_spi_end(&scope);
	return nrows > 0;
}

/*
 * The first column of all rows, without nulls, as text in the caller's memory.
 */
char	  **
mig_spi_list(MigSpiQuery *query, const MigSpiArgs *args, MigSpiRole role,
			 MigSpiAccess access, int *nelems)
{
	MigSpiScope scope;
	uint64		nrows;
	char	  **elems;

	mig_spi_begin(&scope, role);
	nrows = mig_spi_execute(&scope, query, args, access);
	elems = MemoryContextAllocHuge(scope.caller,
								   sizeof(char *) * Max(nrows, 1));
	for (uint64 i = 0; i < nrows; i++)
	{
		MigSpiRow	row = mig_spi_fetch(&scope, i);

		elems[i] = mig_spi_row_text_not_null(&row, 1);
	}
	mig_spi_end(&scope);
	*nelems = (int) nrows;
	return elems;
}

/*
 * Reads the first row into *result, what it points to into the caller's
 * memory.  false: there is none, and *result is left alone.
 */
bool
mig_spi_row(MigSpiQuery *query, const MigSpiArgs *args, MigSpiRole role,
			MigSpiAccess access, MigSpiRead read, void *result)
{
	MigSpiScope scope;
	bool		found;

	mig_spi_begin(&scope, role);
	found = mig_spi_execute(&scope, query, args, access) > 0;
	if (found)
	{
		MigSpiRow	row = mig_spi_fetch(&scope, 0);

		MemoryContextSwitchTo(scope.caller);
		read(&row, result);
	}
	mig_spi_end(&scope);
	return found;
}

/*
 * Reads all rows into an array of structs of that size, in the caller's
 * memory.
 */
void *
mig_spi_rows(MigSpiQuery *query, const MigSpiArgs *args, MigSpiRole role,
			 MigSpiAccess access, Size size, MigSpiRead read, int *nrows)
{
	MigSpiScope scope;
	uint64		n;
	char	   *results;

	mig_spi_begin(&scope, role);
	n = mig_spi_execute(&scope, query, args, access);
	results = MemoryContextAllocHuge(scope.caller, size * Max(n, 1));
	MemoryContextSwitchTo(scope.caller);
	for (uint64 i = 0; i < n; i++)
	{
		MigSpiRow	row = mig_spi_fetch(&scope, i);

		read(&row, results + size * i);
	}
	mig_spi_end(&scope);
	*nrows = (int) n;
	return results;
}

/*
 * On our own tables: how many rows it wrote.
 */
uint64
mig_spi_write(MigSpiQuery *query, const MigSpiArgs *args)
{
	MigSpiScope scope;
	uint64		nrows;

	mig_spi_begin(&scope, MIG_SPI_OWNER);
	nrows = mig_spi_execute(&scope, query, args, MIG_SPI_WRITE);
	mig_spi_end(&scope);
	return nrows;
}

/*
 * Connects to SPI with the role's rights and search_path.  Must be in
 * a transaction.  Results are copied into the context that is current now.
 */
void
mig_spi_begin(MigSpiScope *scope, MigSpiRole role)
{
	scope->caller = CurrentMemoryContext;
	GetUserIdAndSecContext(&scope->userid, &scope->sec_context);
	scope->guc_nest_level = 0;
	if (!has_settings(role))
		make_settings(scope, role);
	SPI_connect();
	if (role == MIG_SPI_OWNER)
		SetUserIdAndSecContext(extension_owner(scope),
							   scope->sec_context |
							   SECURITY_LOCAL_USERID_CHANGE);
}

/*
 * Whether the settings are those of a scope, as in one inside another, where
 * nothing of the caller's runs.
 */
static bool
has_settings(MigSpiRole role)
{
	return role != MIG_SPI_CALLER_PATH &&
		strcmp(namespace_search_path, SAFE_PATH) == 0 &&
		!quote_all_identifiers && (role == MIG_SPI_OWNER || !row_security);
}

static void
make_settings(MigSpiScope *scope, MigSpiRole role)
{
	scope->guc_nest_level = NewGUCNestLevel();
	if (role != MIG_SPI_CALLER_PATH)
		(void) set_config_option("search_path", SAFE_PATH, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	/* Names are stored, and compared with those of other sessions. */
	if (quote_all_identifiers)
		(void) set_config_option("quote_all_identifiers", "off",
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	/* Rows that a policy hides must not look like rows that are gone. */
	if (role == MIG_SPI_CALLER)
		(void) set_config_option("row_security", "off",
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * For the rest of the scope: the rights of a role that the caller has the
 * rights of.  What the role's code does is confined as in the server's own
 * maintenance commands: it cannot change to another role, nor leave anything
 * that would run after the scope with the caller's rights.
 */
void
mig_spi_restrict(const MigSpiScope *scope, Oid role)
{
	SetUserIdAndSecContext(role,
						   scope->sec_context |
						   SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION |
						   MIG_SPI_SECURITY_NO_DDL);
}

/*
 * Undoes mig_spi_begin().  SPI results that were not copied are gone.
 */
void
mig_spi_end(MigSpiScope *scope)
{
	SPI_finish();
	SetUserIdAndSecContext(scope->userid, scope->sec_context);
	if (scope->guc_nest_level != 0)
		AtEOXact_GUC(false, scope->guc_nest_level);
	MemoryContextSwitchTo(scope->caller);
}

/*
 * Runs a statement inside a scope and returns the number of rows, which
 * mig_spi_fetch() gets.  No parameters may be NULL.
 *
 * A statement that has waited for a lock must see what the lock's holder has
 * committed.  Above READ COMMITTED the transaction's snapshot may be older
 * than that, so the latest one is put in front of it for the statement.
 */
uint64
mig_spi_execute(MigSpiScope *scope, MigSpiQuery *query, const MigSpiArgs *args,
				MigSpiAccess access)
{
	static const MigSpiArgs none = {0};
	bool		latest = access == MIG_SPI_READ_LATEST &&
	IsolationUsesXactSnapshot();
	int			rc;

	if (args == NULL)
		args = &none;
	if (query->plan == NULL)
		prepare(query, args);
	Assert(OidIsValid(query->table) || same_types(query->plan, args));

	if (latest)
	{
		/* So that it includes what this transaction has done so far. */
		CommandCounterIncrement();
		PushActiveSnapshot(GetLatestSnapshot());
	}
	rc = execute_plan(query, args, latest || access == MIG_SPI_READ_CALLER);
	if (latest)
		PopActiveSnapshot();
	if (rc < 0)
		elog(ERROR, "could not execute \"%s\": %s", query->sql,
			 SPI_result_code_string(rc));
	scope->query = query;
	scope->table = SPI_tuptable;
	return SPI_processed;
}

/*
 * Without JIT, which takes longer to compile a statement of ours than the
 * statement to run.  By variable: to set a setting costs a tenth of a statement.
 *
 * A plan that was made when the table was empty is kept when the table has
 * grown, so a look-up by key must not depend on its size.
 */
static int
execute_plan(MigSpiQuery *query, const MigSpiArgs *args, bool read_only)
{
	bool		jit = jit_enabled;
	bool		seqscan = enable_seqscan;
	volatile int rc = 0;

	jit_enabled = false;
	if (query->by_key)
		enable_seqscan = false;
	PG_TRY();
	{
		rc = OidIsValid(query->table) ?
			mig_spi_execute_on_table(query, args, read_only) :
			SPI_execute_plan(query->plan, (Datum *) args->values, args->nulls,
							 read_only, 0);
	}
	PG_FINALLY();
	{
		jit_enabled = jit;
		enable_seqscan = seqscan;
	}
	PG_END_TRY();
	return rc;
}

/*
 * Frees the plan of a statement whose text is about to change.
 */
void
mig_spi_forget_plan(MigSpiQuery *query)
{
	if (query->plan != NULL)
		SPI_freeplan(query->plan);
	query->plan = NULL;
}

/*
 * The owner is looked up once for each call of one of our SQL functions.
 */
void
mig_spi_forget_owner(void)
{
	cached_owner = InvalidOid;
}

/*
 * The plan of a statement, for as long as the session.  The parameters of its
 * first call say which types it has.  Their values have no say in the plan: to
 * plan costs many times what most statements take to run.
 */
static void
prepare(MigSpiQuery *query, const MigSpiArgs *args)
{
	SPIPlanPtr	plan = OidIsValid(query->table) ?
	mig_spi_prepare_on_table(query, args) :
	SPI_prepare_cursor(query->sql, args->nargs, (Oid *) args->types,
					   CURSOR_OPT_GENERIC_PLAN);

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", query->sql,
			 SPI_result_code_string(SPI_result));
	SPI_keepplan(plan);
	query->plan = plan;
}

#ifdef USE_ASSERT_CHECKING
static bool
same_types(SPIPlanPtr plan, const MigSpiArgs *args)
{
	if (SPI_getargcount(plan) != args->nargs)
		return false;
	for (int i = 0; i < args->nargs; i++)
	{
		if (SPI_getargtypeid(plan, i) != args->types[i])
			return false;
	}
	return true;
}
#endif

/*
 * The extension's owner.  SPI is connected, the search_path is safe.
 */
static Oid
extension_owner(MigSpiScope *scope)
{
	static MigSpiQuery query = {
		"SELECT extowner FROM pg_catalog.pg_extension WHERE extname = 'migrate'"
	};
	MigSpiRow	row;

	if (OidIsValid(cached_owner))
		return cached_owner;

	if (mig_spi_execute(scope, &query, NULL, MIG_SPI_READ_CALLER) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"migrate\" is not installed in this database"),
				 errhint("Run CREATE EXTENSION migrate.")));
	row = mig_spi_fetch(scope, 0);
	cached_owner = mig_spi_row_oid(&row, 1);
	SPI_freetuptable(SPI_tuptable);
	return cached_owner;
}
