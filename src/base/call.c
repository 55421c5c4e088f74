/*
 * call.c
 *	  What an SQL function of ours is given, and the rows that it returns.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/call.h"
#include "base/spi.h"

/*
 * A text, in the current memory context.  Raises an error if it is null.
 */
char *
mig_call_text(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		mig_call_refuse_null(name);
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

/*
 * The same, or NULL for a null.
 */
char *
mig_call_optional_text(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

/*
 * An array of texts.  Raises an error if it is null, or one of its elements.
 */
char	  **
mig_call_texts(FunctionCallInfo fcinfo, int arg, const char *name, int *nelems)
{
	if (PG_ARGISNULL(arg))
		mig_call_refuse_null(name);
	if (array_contains_nulls(PG_GETARG_ARRAYTYPE_P(arg)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not contain nulls", name)));
	return mig_spi_array_elems(PG_GETARG_DATUM(arg), nelems);
}

/*
 * The same, whose elements may be null: NULL.
 */
char	  **
mig_call_optional_texts(FunctionCallInfo fcinfo, int arg, const char *name,
						int *nelems)
{
	Datum	   *datums;
	bool	   *nulls;
	char	  **elems;

	if (PG_ARGISNULL(arg))
		mig_call_refuse_null(name);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), TEXTOID, -1, false,
					  TYPALIGN_INT, &datums, &nulls, nelems);
	elems = palloc(sizeof(char *) * Max(*nelems, 1));
	for (int i = 0; i < *nelems; i++)
		elems[i] = nulls[i] ? NULL : TextDatumGetCString(datums[i]);
	return elems;
}

/*
 * Raises an error if it is null.
 */
bool
mig_call_bool(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		mig_call_refuse_null(name);
	return PG_GETARG_BOOL(arg);
}

void
mig_call_refuse_null(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("argument \"%s\" must not be null", name)));
}

/*
 * Before the first row; flags are those of InitMaterializedSRF().
 */
void
mig_call_begin_rows(MigCallRows *rows, FunctionCallInfo fcinfo, int flags)
{
	InitMaterializedSRF(fcinfo, flags);
	rows->rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	rows->ncolumns = 0;
}

/*
 * The next column of the row.
 */
void
mig_call_put(MigCallRows *rows, Datum value, bool isnull)
{
	Assert(rows->ncolumns < MIG_CALL_MAX_COLUMNS);
	rows->values[rows->ncolumns] = value;
	rows->nulls[rows->ncolumns++] = isnull;
}

/*
 * NULL is null.
 */
void
mig_call_put_text(MigCallRows *rows, const char *value)
{
	mig_call_put(rows, value == NULL ? (Datum) 0 : CStringGetTextDatum(value),
				 value == NULL);
}

void
mig_call_put_duration(MigCallRows *rows, int64 milliseconds, bool isnull)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = milliseconds * 1000;
	mig_call_put(rows, IntervalPGetDatum(interval), isnull);
}

/*
 * The row has all its columns.
 */
void
mig_call_end_row(MigCallRows *rows)
{
	ReturnSetInfo *rsinfo = rows->rsinfo;

	Assert(rows->ncolumns == rsinfo->setDesc->natts);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, rows->values,
						 rows->nulls);
	rows->ncolumns = 0;
}
