/*
 * spi_value.c
 *	  Values on their way into and out of internal SQL: what is not done inline.
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"

#include "base/spi.h"

#define MAX_MESSAGE				65536	/* bytes */
#define MAX_LAST_LINES			1024	/* of them */

static const char *describe_column(const MigSpiRow *row, int column);
static const TargetEntry *find_target(const MigSpiRow *row, int column);

/*
 * A message as it is stored: whole, or its beginning, up to MAX_MESSAGE bytes,
 * with a note.  A row that quotes a value of hundreds of megabytes could not be
 * dumped.  The last lines are kept as well: where the error was, what is left and
 * what to do next.
 */
const char *
mig_spi_cut_message(const char *message)
{
	size_t		length = strlen(message);
	const char *end = message + length;
	char		note[64];
	int			kept;

	if (length <= MAX_MESSAGE)
		return message;
	end = strchr(end - MAX_LAST_LINES, '\n');
	if (end == NULL)
		end = "";
	snprintf(note, sizeof(note), " ... (cut, %zu bytes)", length);
	kept = pg_mbcliplen(message, (int) Min(length, INT_MAX),
						MAX_MESSAGE - (int) (strlen(note) + strlen(end)));
	return psprintf("%.*s%s%s", kept, message, note, end);
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

/*
 * Raises an error: to read a value as one of another type would crash.
 */
void
mig_spi_refuse_type(const MigSpiRow *row, int column, Oid type)
{
	Oid			found = SPI_gettypeid(row->table->tupdesc, column);

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s has type %s instead of %s",
					describe_column(row, column), format_type_be(found),
					format_type_be(type)),
			 errhint("Give it its type again, with ALTER TABLE ... ALTER COLUMN ... TYPE.")));
}

void
mig_spi_refuse_null(const MigSpiRow *row, int column)
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
