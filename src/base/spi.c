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
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "base/spi.h"

static Oid	extension_owner(void);

/* Owner of the extension, InvalidOid when it must be looked up again. */
static Oid	cached_owner = InvalidOid;

/*
 * The owner is looked up once for each call of one of our SQL functions.
 */
void
mig_spi_forget_owner(void)
{
	cached_owner = InvalidOid;
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
	scope->guc_nest_level = NewGUCNestLevel();
	if (role != MIG_SPI_GUEST)
		(void) set_config_option("search_path", "pg_catalog, pg_temp",
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	SPI_connect();

	if (role == MIG_SPI_OWNER)
		SetUserIdAndSecContext(extension_owner(),
							   scope->sec_context |
							   SECURITY_LOCAL_USERID_CHANGE);
	else if (role == MIG_SPI_CALLER)
		/* Rows that a policy hides must not look like rows that are gone. */
		(void) set_config_option("row_security", "off",
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Undoes mig_spi_begin().  SPI results that were not copied are gone.
 */
void
mig_spi_end(MigSpiScope *scope)
{
	SPI_finish();
	SetUserIdAndSecContext(scope->userid, scope->sec_context);
	AtEOXact_GUC(false, scope->guc_nest_level);
	MemoryContextSwitchTo(scope->caller);
}

/*
 * Runs a statement inside a scope and returns the number of rows; they are in
 * SPI_tuptable.
 *
 * Who has waited for a lock must see what its holder has committed.  Above
 * READ COMMITTED the transaction's snapshot may be older than that, so the
 * latest one is put in front of it for the statement.
 */
uint64
mig_spi_execute(MigSpiQuery *query, Datum *values, const char *nulls,
				MigSpiAccess access)
{
	bool		latest = access == MIG_SPI_READ_LATEST &&
	IsolationUsesXactSnapshot();
	int			rc;

	if (query->plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(query->sql, query->nargs,
									   query->argtypes);

		if (plan == NULL)
			elog(ERROR, "could not prepare \"%s\": %s", query->sql,
				 SPI_result_code_string(SPI_result));
		SPI_keepplan(plan);
		query->plan = plan;
	}

	/*
	 * A plan that was made when the table was empty is kept when the table
	 * has grown, so a look-up by key must not depend on its size.  In force
	 * until the scope ends: a nest level of its own would cost a pass over
	 * all settings.
	 */
	if (query->by_key)
		(void) set_config_option("enable_seqscan", "off",
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	if (latest)
	{
		/* So that it includes what this transaction has done so far. */
		CommandCounterIncrement();
		PushActiveSnapshot(GetLatestSnapshot());
	}
	rc = SPI_execute_plan(query->plan, values, nulls,
						  latest || access == MIG_SPI_READ_CALLER, 0);
	if (latest)
		PopActiveSnapshot();
	if (rc < 0)
		elog(ERROR, "could not execute \"%s\": %s", query->sql,
			 SPI_result_code_string(rc));
	return SPI_processed;
}

/*
 * In a scope of its own: the first column of the first row as text, or NULL.
 */
char *
mig_spi_first(MigSpiQuery *query, Datum *values, MigSpiRole role,
			  MigSpiAccess access)
{
	MigSpiScope scope;
	char	   *result = NULL;

	mig_spi_begin(&scope, role);
	if (mig_spi_execute(query, values, NULL, access) > 0)
		result = mig_spi_text(&scope, 0, 1);
	mig_spi_end(&scope);
	return result;
}

/*
 * In a scope of its own, on our own tables: how many rows it wrote.
 */
uint64
mig_spi_write(MigSpiQuery *query, Datum *values, const char *nulls)
{
	MigSpiScope scope;
	uint64		nrows;

	mig_spi_begin(&scope, MIG_SPI_OWNER);
	nrows = mig_spi_execute(query, values, nulls, MIG_SPI_WRITE);
	mig_spi_end(&scope);
	return nrows;
}

/*
 * In a scope of its own: the first column of all rows as text.
 */
char	  **
mig_spi_list(MigSpiQuery *query, Datum *values, MigSpiRole role,
			 MigSpiAccess access, int *nresult)
{
	MigSpiScope scope;
	uint64		nrows;
	char	  **result;

	mig_spi_begin(&scope, role);
	nrows = mig_spi_execute(query, values, NULL, access);
	result = MemoryContextAllocHuge(scope.caller,
									sizeof(char *) * Max(nrows, 1));
	for (uint64 i = 0; i < nrows; i++)
		result[i] = mig_spi_text(&scope, i, 1);
	mig_spi_end(&scope);
	*nresult = (int) nrows;
	return result;
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
 * A value of the result as text in the caller's memory, NULL for null.
 */
char *
mig_spi_text(const MigSpiScope *scope, uint64 row, int column)
{
	MemoryContext spi_context = MemoryContextSwitchTo(scope->caller);
	char	   *value;

	value = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 column);
	MemoryContextSwitchTo(spi_context);
	return value;
}

/*
 * A text[] of the result as C strings in the caller's memory.
 */
char	  **
mig_spi_text_array(const MigSpiScope *scope, uint64 row, int column,
				   int *nelems)
{
	MemoryContext spi_context = MemoryContextSwitchTo(scope->caller);
	bool		isnull;
	Datum		value = mig_spi_value(row, column, &isnull);
	char	  **elems = NULL;

	*nelems = 0;
	if (!isnull)
		elems = mig_spi_array_elems(value, nelems);
	MemoryContextSwitchTo(spi_context);
	return elems;
}

/*
 * A value of the result, in SPI's memory.
 */
Datum
mig_spi_value(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 column, isnull);
}

/*
 * A C string, or NULL, -> a text parameter and its mark for nulls.
 */
Datum
mig_spi_text_datum(const char *value, char *is_null)
{
	*is_null = value == NULL ? 'n' : ' ';
	return value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
}

/*
 * C strings -> text[].
 */
Datum
mig_spi_array_datum(char *const *elems, int nelems)
{
	Datum	   *datums = palloc(sizeof(Datum) * Max(nelems, 1));
	ArrayType  *array;

	for (int i = 0; i < nelems; i++)
		datums[i] = CStringGetTextDatum(elems[i]);
	array = construct_array(datums, nelems, TEXTOID, -1, false, TYPALIGN_INT);
	pfree(datums);
	return PointerGetDatum(array);
}

/*
 * text[] -> C strings; of any number of dimensions, without nulls.
 */
char	  **
mig_spi_array_elems(Datum array, int *nelems)
{
	Datum	   *datums;
	bool	   *nulls;
	char	  **elems;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &datums, &nulls, nelems);
	elems = palloc(sizeof(char *) * Max(*nelems, 1));
	for (int i = 0; i < *nelems; i++)
	{
		if (nulls[i])
			elog(ERROR, "array contains a null");
		elems[i] = TextDatumGetCString(datums[i]);
	}
	pfree(datums);
	pfree(nulls);
	return elems;
}

/*
 * The extension's owner.  SPI is connected, the search_path is safe.
 */
static Oid
extension_owner(void)
{
	static MigSpiQuery query = {
		"SELECT extowner FROM pg_catalog.pg_extension WHERE extname = 'migrate'"
	};
	bool		isnull;

	if (OidIsValid(cached_owner))
		return cached_owner;

	if (mig_spi_execute(&query, NULL, NULL, MIG_SPI_READ_CALLER) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"migrate\" is not installed in this database"),
				 errhint("Run CREATE EXTENSION migrate.")));
	cached_owner = DatumGetObjectId(mig_spi_value(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return cached_owner;
}
