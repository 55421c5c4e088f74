/*
 * spi_value.h
 *	  Values on their way into and out of internal SQL.
 *
 * Inline, because a statement has up to forty parameters, and each call of one
 * says all that there is to know about it.  For base/spi.h only, which includes
 * it.
 */
#ifndef MIG_BASE_SPI_VALUE_H
#define MIG_BASE_SPI_VALUE_H

#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/compat.h"

struct MigSpiQuery;

#define MIG_SPI_MAX_ARGS		40

/* The parameters of a statement; {0} to begin with. */
typedef struct MigSpiArgs
{
	int			nargs;
	Oid			types[MIG_SPI_MAX_ARGS];
	Datum		values[MIG_SPI_MAX_ARGS];
	char		nulls[MIG_SPI_MAX_ARGS];
} MigSpiArgs;

/* A row of a result. */
typedef struct MigSpiRow
{
	const struct MigSpiQuery *query;
	const SPITupleTable *table;
	uint64		number;			/* from 0 */
	MemoryContext memory;		/* what is read from it is copied into this */
} MigSpiRow;

/* Arrays of text */
extern Datum mig_spi_array_datum(char *const *elems, int nelems);
extern char **mig_spi_array_elems(Datum array, int *nelems);

/* spi_value.c, for what follows */
extern const char *mig_spi_cut_message(const char *message);
pg_noreturn extern void mig_spi_refuse_type(const MigSpiRow *row, int column,
											Oid type);
pg_noreturn extern void mig_spi_refuse_null(const MigSpiRow *row, int column);

/*
 * Each adds a parameter.  Those that need memory take it from the current
 * context; other pointers must be valid until the statement has run.  A NULL is
 * an SQL null, no elements are an empty array.
 */
static inline void
mig_spi_arg_datum(MigSpiArgs *args, Oid type, Datum value, bool isnull)
{
	Assert(args->nargs < MIG_SPI_MAX_ARGS);
	args->types[args->nargs] = type;
	args->values[args->nargs] = isnull ? (Datum) 0 : value;
	args->nulls[args->nargs] = isnull ? 'n' : ' ';
	args->nargs++;
}

static inline void
mig_spi_arg_text(MigSpiArgs *args, const char *value)
{
	mig_spi_arg_datum(args, TEXTOID, value == NULL ? (Datum) 0 :
					  CStringGetTextDatum(value), value == NULL);
}

/*
 * What an error says, which is not stored at any length.
 */
static inline void
mig_spi_arg_message(MigSpiArgs *args, const char *value)
{
	mig_spi_arg_text(args, value == NULL ? NULL : mig_spi_cut_message(value));
}

static inline void
mig_spi_arg_texts(MigSpiArgs *args, char *const *elems, int nelems)
{
	mig_spi_arg_datum(args, TEXTARRAYOID, mig_spi_array_datum(elems, nelems),
					  false);
}

static inline void
mig_spi_arg_bool(MigSpiArgs *args, bool value)
{
	mig_spi_arg_datum(args, BOOLOID, BoolGetDatum(value), false);
}

static inline void
mig_spi_arg_int32(MigSpiArgs *args, int32 value)
{
	mig_spi_arg_datum(args, INT4OID, Int32GetDatum(value), false);
}

static inline void
mig_spi_arg_int64(MigSpiArgs *args, int64 value)
{
	mig_spi_arg_datum(args, INT8OID, Int64GetDatum(value), false);
}

static inline void
mig_spi_arg_float8(MigSpiArgs *args, float8 value)
{
	mig_spi_arg_datum(args, FLOAT8OID, Float8GetDatum(value), false);
}

static inline void
mig_spi_arg_oid(MigSpiArgs *args, Oid value)
{
	mig_spi_arg_datum(args, OIDOID, ObjectIdGetDatum(value), false);
}

static inline void
mig_spi_arg_timestamptz(MigSpiArgs *args, TimestampTz value)
{
	mig_spi_arg_datum(args, TIMESTAMPTZOID, TimestampTzGetDatum(value), false);
}

static inline void
mig_spi_arg_interval(MigSpiArgs *args, const Interval *value)
{
	mig_spi_arg_datum(args, INTERVALOID, IntervalPGetDatum(value),
					  value == NULL);
}

static inline void
mig_spi_arg_uuid(MigSpiArgs *args, const pg_uuid_t *value)
{
	mig_spi_arg_datum(args, UUIDOID, UUIDPGetDatum(value), value == NULL);
}

extern void mig_spi_args_of_rows(MigSpiArgs *args, const MigSpiArgs *rows,
								 int nrows);

/*
 * A column of a type as it is, in SPI's memory.  A column of another type, which
 * its table's owner has given it, is an error.
 */
static inline Datum
mig_spi_row_datum(const MigSpiRow *row, int column, Oid type, bool *isnull)
{
	if (SPI_gettypeid(row->table->tupdesc, column) != type)
		mig_spi_refuse_type(row, column, type);
	return SPI_getbinval(row->table->vals[row->number], row->table->tupdesc,
						 column, isnull);
}

/*
 * A column of that type.  A null is 0 or false.
 */
static inline bool
mig_spi_row_bool(const MigSpiRow *row, int column)
{
	bool		isnull;
	Datum		value = mig_spi_row_datum(row, column, BOOLOID, &isnull);

	return isnull ? false : DatumGetBool(value);
}

static inline int32
mig_spi_row_int32(const MigSpiRow *row, int column)
{
	bool		isnull;
	Datum		value = mig_spi_row_datum(row, column, INT4OID, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

static inline int64
mig_spi_row_int64(const MigSpiRow *row, int column)
{
	bool		isnull;
	Datum		value = mig_spi_row_datum(row, column, INT8OID, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

static inline Oid
mig_spi_row_oid(const MigSpiRow *row, int column)
{
	bool		isnull;
	Datum		value = mig_spi_row_datum(row, column, OIDOID, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

static inline TimestampTz
mig_spi_row_timestamptz(const MigSpiRow *row, int column)
{
	bool		isnull;
	Datum		value = mig_spi_row_datum(row, column, TIMESTAMPTZOID, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(value);
}

/*
 * A column of any type as text, in row->memory.  A null is NULL.
 */
static inline char *
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
static inline char *
mig_spi_row_text_not_null(const MigSpiRow *row, int column)
{
	char	   *value = mig_spi_row_text(row, column);

	if (value == NULL)
		mig_spi_refuse_null(row, column);
	return value;
}

/*
 * A text[] as C strings, in row->memory.  A null is NULL.
 */
static inline char **
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

#endif							/* MIG_BASE_SPI_VALUE_H */
