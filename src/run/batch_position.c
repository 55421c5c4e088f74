/*
 * batch_position.c
 *	  Finds from where to where in the key a batch is run.
 *
 * It begins before the first key, or where an earlier call has come to, which must
 * have been for the same table, key and statement, and by the same role.  It ends
 * at the highest key that there was when it began.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/printable.h"
#include "base/spi.h"
#include "run/batch_internal.h"
#include "tables/batch.h"

#define MAX_TOTAL				1e15	/* keys; a number that can be
										 * multiplied */

static void check_same(const MigBatch *batch, const MigBatchRow *row);
static void refuse_other(const MigBatch *batch, const MigBatchRow *row,
						 const char *what);
static void adopt(MigBatch *batch, const MigBatchRow *row);
static int64 estimate_total(const MigBatch *batch);
static int64 count_integers(const MigBatch *batch);
static double integer_key(Datum key, Oid type);

/*
 * Where an earlier call has come to, or the begin of the table.
 */
void
mig_batch_find_position(MigBatch *batch)
{
	const char *name = batch->request.name;
	MigBatchRow *row = NULL;
	MigBatchRow new_row;

	if (batch->recorded)
		row = batch->place != NULL ? mig_batch_find_in_body(batch->place) :
			mig_batch_find(name);
	if (row != NULL)
	{
		check_same(batch, row);
		adopt(batch, row);
		return;
	}

	batch->end = mig_batch_highest_key(batch);
	batch->finished = batch->end == NULL && !batch->recorded;
	if (!batch->recorded)
		return;
	memset(&new_row, 0, sizeof(new_row));
	new_row.name = name;
	new_row.place = batch->place;
	new_row.relation = batch->relation;
	new_row.relation_name = batch->relation_name;
	new_row.nkey = batch->nkey;
	new_row.key = batch->key;
	new_row.statement = batch->statement;
	if (batch->place == NULL)
		new_row.search_path = GetConfigOption("search_path", false, false);
	new_row.size = batch->size;
	new_row.total = estimate_total(batch);
	if (batch->end != NULL)
		new_row.end_key = mig_batch_key_texts(batch, batch->end);
	if (!mig_batch_insert(&new_row))
		mig_batch_refuse_name(name);
	batch->id = new_row.batch;
}

/*
 * What is resumed must be what was begun.
 */
static void
check_same(const MigBatch *batch, const MigBatchRow *row)
{
	char		given[MIG_BODY_HASH_SIZE];
	char		noted[MIG_BODY_HASH_SIZE];
	bool		same_key = row->nkey == batch->nkey;
	const char *path = row->search_path;

	if (!row->is_caller)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 row->name == NULL ?
				 errmsg("batch of statement %d of revision \"%s\" was begun by role \"%s\"",
						batch->place->statement, batch->place->revision,
						row->role) :
				 errmsg("batch \"%s\" was begun by role \"%s\"",
						row->name, row->role),
				 errdetail("It has done %lld rows, and would continue with other rights. Nothing was run.",
						   (long long) row->rows),
				 errhint("SET ROLE %s and send the CALL again.%s",
						 quote_identifier(row->role),
						 row->name == NULL ? "" : " Or use another name.")));
	for (int i = 0; same_key && i < row->nkey; i++)
		same_key = strcmp(row->key[i], batch->key[i]) == 0;
	mig_body_hash(batch->statement, given);
	mig_body_hash(row->statement, noted);
	if (row->relation != batch->relation)
		refuse_other(batch, row, row->relation_name == NULL ?
					 "a table that was dropped" :
					 psprintf("table \"%s\"", row->relation_name));
	if (!same_key)
		refuse_other(batch, row, "another key");
	if (!row->same_order)
		refuse_other(batch, row, "other columns, types or collations of its key");
	if (strcmp(given, noted) != 0)
		refuse_other(batch, row, "another statement");
	if (path == NULL || row->finished ||
		strcmp(path, GetConfigOption("search_path", false, false)) == 0)
		return;
	path = mig_printable_path(path);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("batch \"%s\" was begun with another search_path",
					row->name),
			 errdetail("It was: %s. The statement could mean other tables or functions now. Nothing was run.",
					   path),
			 errhint("To resume: SET search_path = %s; and the same CALL.",
					 path)));
}

static void
refuse_other(const MigBatch *batch, const MigBatchRow *row, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 row->name == NULL ?
			 errmsg("batch of statement %d of revision \"%s\" was begun with %s",
					batch->place->statement, batch->place->revision, what) :
			 errmsg("batch \"%s\" was begun with %s", row->name, what),
			 row->last_key == NULL ?
			 errdetail("It has done no rows. Nothing was run.") :
			 errdetail("It has done %s, up to key %s, by: %s\nNothing was run.",
					   mig_batch_describe_done(row->rows, row->batches),
					   mig_batch_describe_key(row->last_key, row->nkey),
					   mig_printable(row->statement)),
			 row->name == NULL ?
			 errhint("To finish or undo by hand what was begun: SELECT migrate_resolve(%s, 'abandon');",
					 quote_literal_cstr(batch->place->revision)) :
			 errhint("Use another name, or start over, in a statement that leaves out what is done if that must not be done again: SELECT migrate_batch_reset(%s);",
					 quote_literal_cstr(row->name))));
}

static void
adopt(MigBatch *batch, const MigBatchRow *row)
{
	batch->id = row->batch;
	batch->size = batch->request.target > 0 ? row->size :
		batch->request.size;
	batch->rows = row->rows;
	batch->batches = row->batches;
	batch->finished = batch->was_finished = row->finished;
	if (row->end_key != NULL)
		batch->end = mig_batch_parse_key(batch, row->end_key);
	if (row->name == NULL)
		return;
	if (row->finished)
		ereport(NOTICE,
				(errmsg("batch \"%s\" is done already", row->name),
				 errhint("To do it again: SELECT migrate_batch_reset(%s);",
						 quote_literal_cstr(row->name))));
	else if (row->last_key != NULL)
		ereport(NOTICE,
				(errmsg("resuming batch \"%s\" after key %s",
						row->name, mig_batch_describe_key(row->last_key, row->nkey))));
}

/*
 * How many keys there may be: what ANALYZE has counted, scaled to the present size
 * as the planner does it, which counts the space of dead rows, too; of a key that is
 * an integer, not more than the numbers that there could be.
 */
static int64
estimate_total(const MigBatch *batch)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN c.reltuples < 0 THEN -1"
		"        WHEN c.relpages = 0 THEN c.reltuples"
		"        ELSE c.reltuples / c.relpages"
		"          * pg_catalog.pg_relation_size(c.oid)"
		"          / pg_catalog.current_setting('block_size')::int4"
		"       END::int8"
		"  FROM pg_catalog.pg_class AS c WHERE c.oid = $1"
	};
	MigSpiArgs	args = {0};
	Datum		counted;
	int64		total = -1;
	int64		most;

	if (batch->end == NULL)
		return 0;
	mig_spi_arg_oid(&args, batch->relation);
	if (mig_spi_first_datum(&query, &args, MIG_SPI_CALLER,
							MIG_SPI_READ_LATEST, INT8OID, &counted))
		total = DatumGetInt64(counted);
	most = count_integers(batch);
	return total < 0 ? most : most < 0 ? total : Min(total, most);
}

/*
 * The integers from the first key to the last one; -1: they are none.
 */
static int64
count_integers(const MigBatch *batch)
{
	Oid			type = batch->columns[0].type;
	Datum	   *first;

	if (batch->nkey > 1 ||
		(type != INT2OID && type != INT4OID && type != INT8OID))
		return -1;
	first = mig_batch_first_key(batch);
	return first == NULL ? -1 :
		(int64) Min(integer_key(*batch->end, type) - integer_key(*first, type) + 1,
					MAX_TOTAL);
}

/*
 * As a number whose differences do not overflow.
 */
static double
integer_key(Datum key, Oid type)
{
	return type == INT2OID ? DatumGetInt16(key) :
		type == INT4OID ? DatumGetInt32(key) : (double) DatumGetInt64(key);
}

/*
 * Reads where the last batch has ended, which is what counts.
 */
void
mig_batch_lock_position(MigBatch *batch)
{
	MigBatchRow *row = mig_batch_lock(&batch->id);

	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this batch was reset meanwhile"),
				 errhint("Send the CALL again to start over.")));
	if (row->relation_name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" was dropped during its batches",
						batch->relation_name)));
	if (!row->same_order)
		mig_batch_refuse_order(batch);
	/* It may have been renamed. */
	if (strcmp(row->relation_name, batch->relation_name) != 0)
		batch->relation_name = MemoryContextStrdup(batch->context,
												   row->relation_name);
	batch->rows = row->rows;
	batch->batches = row->batches;
	batch->finished = row->finished;
	batch->last = row->last_key == NULL ? NULL :
		mig_batch_parse_key(batch, row->last_key);
}

/*
 * In another order rows before the position come after it, and the other way
 * round.
 */
void
mig_batch_refuse_order(const MigBatch *batch)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the key of table \"%s\" got other columns, types or collations during its batches",
					batch->relation_name),
			 errdetail("Its rows have another order now, and some would be left out."),
			 errhint("To resume, give the columns their names, types and collations again.")));
}

/*
 * "(1, a)", for messages.
 */
char *
mig_batch_describe_key(char *const *texts, int n)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < n; i++)
		appendStringInfo(&buf, "%s%s", i > 0 ? ", " : "(",
						 mig_printable(texts[i]));
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

/*
 * "25 rows in 3 batches"
 */
char *
mig_batch_describe_done(int64 rows, int64 batches)
{
	return psprintf("%lld %s in %lld %s",
					(long long) rows, rows == 1 ? "row" : "rows",
					(long long) batches, batches == 1 ? "batch" : "batches");
}
