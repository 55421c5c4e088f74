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

#include <limits.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "jit/jit.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "optimizer/cost.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/spi.h"

#define MAX_MESSAGE				65536	/* bytes */

static int	execute_plan(MigSpiQuery *query, const MigSpiArgs *args,
						 bool read_only);
static void prepare(MigSpiQuery *query, const MigSpiArgs *args);
#ifdef USE_ASSERT_CHECKING
static bool same_types(SPIPlanPtr plan, const MigSpiArgs *args);
#endif
static void refuse_type(const MigSpiRow *row, int column, Oid type);
static void refuse_null(const MigSpiRow *row, int column);
static const char *describe_column(const MigSpiRow *row, int column);
static const TargetEntry *find_target(const MigSpiRow *row, int column);
static const char *cut_message(const char *message);
static Oid	extension_owner(void);

/* Of the statement that was executed last, whose rows SPI_tuptable has. */
static const MigSpiQuery *executed = NULL;

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
	if (mig_spi_execute(query, args, access) > 0)
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
	if (mig_spi_execute(query, args, access) > 0)
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
	nrows = mig_spi_execute(query, args, access);
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
	nrows = mig_spi_execute(query, args, access);
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
	found = mig_spi_execute(query, args, access) > 0;
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
	n = mig_spi_execute(query, args, access);
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
	nrows = mig_spi_execute(query, args, MIG_SPI_WRITE);
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
	scope->guc_nest_level = NewGUCNestLevel();
	if (role != MIG_SPI_CALLER_PATH)
		(void) set_config_option("search_path", "pg_catalog, pg_temp",
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	/* Names are stored, and compared with those of other sessions. */
	if (quote_all_identifiers)
		(void) set_config_option("quote_all_identifiers", "off",
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
mig_spi_execute(MigSpiQuery *query, const MigSpiArgs *args,
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
	executed = query;
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
 * A row of the statement that was executed last, from 0.
 */
MigSpiRow
mig_spi_fetch(const MigSpiScope *scope, uint64 row)
{
	MigSpiRow	result;

	result.query = executed;
	result.table = SPI_tuptable;
	result.number = row;
	result.memory = scope->caller;
	return result;
}

/*
 * Adds a parameter, as all that follow.
 */
void
mig_spi_arg_datum(MigSpiArgs *args, Oid type, Datum value, bool isnull)
{
	Assert(args->nargs < MIG_SPI_MAX_ARGS);
	args->types[args->nargs] = type;
	args->values[args->nargs] = isnull ? (Datum) 0 : value;
	args->nulls[args->nargs] = isnull ? 'n' : ' ';
	args->nargs++;
}

void
mig_spi_arg_text(MigSpiArgs *args, const char *value)
{
	mig_spi_arg_datum(args, TEXTOID, value == NULL ? (Datum) 0 :
					  CStringGetTextDatum(value), value == NULL);
}

/*
 * What an error says, which is not stored at any length.
 */
void
mig_spi_arg_message(MigSpiArgs *args, const char *value)
{
	mig_spi_arg_text(args, value == NULL ? NULL : cut_message(value));
}

void
mig_spi_arg_texts(MigSpiArgs *args, char *const *elems, int nelems)
{
	mig_spi_arg_datum(args, TEXTARRAYOID, mig_spi_array_datum(elems, nelems),
					  false);
}

void
mig_spi_arg_bool(MigSpiArgs *args, bool value)
{
	mig_spi_arg_datum(args, BOOLOID, BoolGetDatum(value), false);
}

void
mig_spi_arg_int32(MigSpiArgs *args, int32 value)
{
	mig_spi_arg_datum(args, INT4OID, Int32GetDatum(value), false);
}

void
mig_spi_arg_int64(MigSpiArgs *args, int64 value)
{
	mig_spi_arg_datum(args, INT8OID, Int64GetDatum(value), false);
}

void
mig_spi_arg_float8(MigSpiArgs *args, float8 value)
{
	mig_spi_arg_datum(args, FLOAT8OID, Float8GetDatum(value), false);
}

void
mig_spi_arg_oid(MigSpiArgs *args, Oid value)
{
	mig_spi_arg_datum(args, OIDOID, ObjectIdGetDatum(value), false);
}

void
mig_spi_arg_timestamptz(MigSpiArgs *args, TimestampTz value)
{
	mig_spi_arg_datum(args, TIMESTAMPTZOID, TimestampTzGetDatum(value), false);
}

void
mig_spi_arg_interval(MigSpiArgs *args, const Interval *value)
{
	mig_spi_arg_datum(args, INTERVALOID, IntervalPGetDatum(value),
					  value == NULL);
}

void
mig_spi_arg_uuid(MigSpiArgs *args, const pg_uuid_t *value)
{
	mig_spi_arg_datum(args, UUIDOID, UUIDPGetDatum(value), value == NULL);
}

/*
 * The parameters of one statement that writes several rows: arrays, each of a
 * parameter of all rows, which have the same types.
 */
void
mig_spi_args_of_rows(MigSpiArgs *args, const MigSpiArgs *rows, int nrows)
{
	Datum	   *values = palloc(sizeof(Datum) * nrows);
	bool	   *nulls = palloc(sizeof(bool) * nrows);
	int			lower_bound = 1;

	for (int arg = 0; arg < rows[0].nargs; arg++)
	{
		Oid			type = rows[0].types[arg];
		int16		length;
		bool		by_value;
		char		align;
		ArrayType  *array;

		for (int row = 0; row < nrows; row++)
		{
			values[row] = rows[row].values[arg];
			nulls[row] = rows[row].nulls[arg] == 'n';
		}
		get_typlenbyvalalign(type, &length, &by_value, &align);
		array = construct_md_array(values, nulls, 1, &nrows, &lower_bound, type,
								   length, by_value, align);
		mig_spi_arg_datum(args, get_array_type(type), PointerGetDatum(array),
						  false);
	}
}

bool
mig_spi_row_bool(const MigSpiRow *row, int column)
{
	bool		isnull;
	Datum		value = mig_spi_row_datum(row, column, BOOLOID, &isnull);

	return isnull ? false : DatumGetBool(value);
}

int32
mig_spi_row_int32(const MigSpiRow *row, int column)
{
	bool		isnull;
	Datum		value = mig_spi_row_datum(row, column, INT4OID, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

int64
mig_spi_row_int64(const MigSpiRow *row, int column)
{
	bool		isnull;
	Datum		value = mig_spi_row_datum(row, column, INT8OID, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

Oid
mig_spi_row_oid(const MigSpiRow *row, int column)
{
	bool		isnull;
	Datum		value = mig_spi_row_datum(row, column, OIDOID, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

TimestampTz
mig_spi_row_timestamptz(const MigSpiRow *row, int column)
{
	bool		isnull;
	Datum		value = mig_spi_row_datum(row, column, TIMESTAMPTZOID, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(value);
}

/*
 * A column of any type as text.
 */
char *
mig_spi_row_text(const MigSpiRow *row, int column)
{
	MemoryContext old_context = MemoryContextSwitchTo(row->memory);
	char	   *value;

	value = SPI_getvalue(row->table->vals[row->number], row->table->tupdesc, column);
	MemoryContextSwitchTo(old_context);
	return value;
}

/*
 * The same of a column that is declared NOT NULL, which its table's owner can
 * have changed.
 */
char *
mig_spi_row_text_not_null(const MigSpiRow *row, int column)
{
	char	   *value = mig_spi_row_text(row, column);

	if (value == NULL)
		refuse_null(row, column);
	return value;
}

/*
 * A text[] as C strings.
 */
char	  **
mig_spi_row_texts(const MigSpiRow *row, int column, int *nelems)
{
	bool		isnull;
	Datum		value = mig_spi_row_datum(row, column, TEXTARRAYOID, &isnull);
	char	  **elems = NULL;

	*nelems = 0;
	if (!isnull)
	{
		MemoryContext old_context = MemoryContextSwitchTo(row->memory);

		elems = mig_spi_array_elems(value, nelems);
		MemoryContextSwitchTo(old_context);
	}
	return elems;
}

/*
 * A column of a type as it is, in SPI's memory.
 */
Datum
mig_spi_row_datum(const MigSpiRow *row, int column, Oid type, bool *isnull)
{
	if (SPI_gettypeid(row->table->tupdesc, column) != type)
		refuse_type(row, column, type);
	return SPI_getbinval(row->table->vals[row->number], row->table->tupdesc,
						 column, isnull);
}

/*
 * Raises an error: to read a value as one of another type would crash.
 */
static void
refuse_type(const MigSpiRow *row, int column, Oid type)
{
	Oid			found = SPI_gettypeid(row->table->tupdesc, column);

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s has type %s instead of %s",
					describe_column(row, column), format_type_be(found),
					format_type_be(type)),
			 errhint("Give it its type again, with ALTER TABLE ... ALTER COLUMN ... TYPE.")));
}

static void
refuse_null(const MigSpiRow *row, int column)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s contains a null", describe_column(row, column)),
			 errhint("Remove it, then make the column NOT NULL again, with ALTER TABLE ... ALTER COLUMN ... SET NOT NULL.")));
}

/*
 * Which column of which table it is, where the statement takes it from one as it
 * is.
 */
static const char *
describe_column(const MigSpiRow *row, int column)
{
	const TargetEntry *target = find_target(row, column);
	Oid			table = target == NULL ? InvalidOid : target->resorigtbl;
	char	   *name = OidIsValid(table) ? get_rel_name(table) : NULL;

	if (name == NULL)
		return psprintf("column \"%s\" of an internal statement",
						SPI_fname(row->table->tupdesc, column));
	return psprintf("column \"%s\" of table \"%s\"",
					get_attname(table, target->resorigcol, false),
					quote_qualified_identifier(
											   get_namespace_name(get_rel_namespace(table)), name));
}

static const TargetEntry *
find_target(const MigSpiRow *row, int column)
{
	List	   *sources = row->query == NULL ? NIL :
	SPI_plan_get_plan_sources(row->query->plan);
	CachedPlanSource *source = sources == NIL ? NULL : linitial(sources);
	const Query *query = source == NULL || source->query_list == NIL ? NULL :
	linitial_node(Query, source->query_list);
	List	   *targets = query == NULL ? NIL :
	query->commandType == CMD_SELECT ? query->targetList :
	query->returningList;

	return column > list_length(targets) ? NULL :
		list_nth_node(TargetEntry, targets, column - 1);
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
 * A message as it is stored: whole, or its beginning, up to MAX_MESSAGE bytes,
 * with a note.  A row that quotes a value of hundreds of megabytes could not be
 * dumped.
 */
static const char *
cut_message(const char *message)
{
	size_t		length = strlen(message);
	char		note[64];
	int			kept;

	if (length <= MAX_MESSAGE)
		return message;
	snprintf(note, sizeof(note), " ... (cut, %zu bytes)", length);
	kept = pg_mbcliplen(message, (int) Min(length, INT_MAX),
						MAX_MESSAGE - (int) strlen(note));
	return psprintf("%.*s%s", kept, message, note);
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
	ArrayType  *value = DatumGetArrayTypeP(array);

	deconstruct_array(value, TEXTOID, -1, false, TYPALIGN_INT, &datums, &nulls,
					  nelems);
	elems = palloc(sizeof(char *) * Max(*nelems, 1));
	for (int i = 0; i < *nelems; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("an array of text contains a null")));
		elems[i] = TextDatumGetCString(datums[i]);
	}
	pfree(datums);
	pfree(nulls);
	if (value != (ArrayType *) DatumGetPointer(array))
		pfree(value);
	return elems;
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
extension_owner(void)
{
	static MigSpiQuery query = {
		"SELECT extowner FROM pg_catalog.pg_extension WHERE extname = 'migrate'"
	};
	MigSpiRow	row = {0};

	if (OidIsValid(cached_owner))
		return cached_owner;

	if (mig_spi_execute(&query, NULL, MIG_SPI_READ_CALLER) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"migrate\" is not installed in this database"),
				 errhint("Run CREATE EXTENSION migrate.")));
	row.table = SPI_tuptable;
	cached_owner = mig_spi_row_oid(&row, 1);
	SPI_freetuptable(SPI_tuptable);
	return cached_owner;
}
