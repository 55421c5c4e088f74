/*
 * batch.c
 *	  migrate.batch: how far statements have come that run in batches.
 *
 * A row is written in the transaction of each batch, so what it says is what
 * was done.  A batch of a body is known by its version table, as in
 * migrate.partial, and by its revision, operation and statement; its row is
 * deleted with those of migrate.partial.  One that runs by itself is known by
 * its name, and its row stays, so that a call that is sent again after its end
 * does nothing.
 *
 * Keys are kept as texts, whose meaning must not depend on the session: the
 * caller has made its settings plain.  The text of the statement is shown, and
 * compared with the one that is given; it is never run.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/uuid.h"

#include "base/command.h"
#include "base/spi.h"
#include "tables/batch.h"

/*
 * In SQL: what the order of a key depends on.  Of integers, and of text and varchar,
 * it is the same.  A column is known by its number: two of them can exchange their
 * names.
 */
#define KEY_ORDER(relation, key) \
	"ARRAY(SELECT pg_catalog.concat_ws(' ', CASE" \
	"          WHEN a.atttypid IN ('int2'::regtype, 'int4'::regtype)" \
	"          THEN 'bigint'" \
	"          WHEN a.atttypid = 'varchar'::regtype THEN 'text'" \
	"          ELSE pg_catalog.format_type(a.atttypid, NULL) END," \
	"         'COLLATE ' || NULLIF(a.attcollation, 0)::regcollation::text," \
	"         'column ' || a.attnum)" \
	"    FROM pg_catalog.unnest(" key ") WITH ORDINALITY AS k (name, n)" \
	"    JOIN pg_catalog.pg_attribute AS a" \
	"      ON a.attrelid = " relation " AND a.attname = k.name" \
	"     AND a.attnum > 0" \
	"   ORDER BY k.n)"

/*
 * In SQL: whether that is as it was when batch b began.  A table that a dump has
 * restored has other numbers if a column was dropped before.
 */
#define IS_SAME_ORDER(relation) \
	"CASE WHEN b.origin = " MIG_SPI_ORIGIN \
	" THEN b.key_order = " KEY_ORDER(relation, "b.key") \
	" ELSE " WITHOUT_NUMBERS("b.key_order") \
	"    = " WITHOUT_NUMBERS(KEY_ORDER(relation, "b.key")) " END"
#define WITHOUT_NUMBERS(order) \
	"pg_catalog.regexp_replace(pg_catalog.array_to_string(" order ", ', ')," \
	"  ' column [0-9]+', '', 'g')"

/* role: the parameter that is the current one. */
#define COLUMNS(role) \
	"SELECT b.batch, b.name, c.oid, c.oid::pg_catalog.regclass::text," \
	"       b.key, b.query, b.last_key, b.end_key, b.batch_size, b.rows," \
	"       b.keys, b.batches, COALESCE(b.total, -1)," \
	"       b.finished IS NOT NULL, COALESCE(r.rolname, b.role)," \
	"       COALESCE(r.oid = " role ", false)," \
	"       " IS_SAME_ORDER("c.oid") ", b.search_path" \
	"  FROM migrate.batch AS b" \
	"  LEFT JOIN pg_catalog.pg_class AS c ON c.oid =" \
	"   CASE WHEN b.origin = " MIG_SPI_ORIGIN " THEN b.relation_oid" \
	"    ELSE pg_catalog.to_regclass(b.relation)::pg_catalog.oid END" \
	"  LEFT JOIN pg_catalog.pg_roles AS r" \
	"    ON " MIG_SPI_IS_NOTED_ROLE("r", "b.role", "b.role_oid", "b.origin")

static MigBatchRow *find_row(MigSpiQuery *query, MigSpiArgs *args);
static void read_row(const MigSpiRow *row, void *result);
static void read_progress(const MigSpiRow *row, void *result);
static void read_interrupted(const MigSpiRow *row, void *result);
static char **read_key(const MigSpiRow *row, int column, int nkey);
static void bind_place(MigSpiArgs *args, const MigBatchPlace *place);
static void add_keys(MigSpiArgs *args, char *const *keys, int nkeys);

/*
 * The batch of that name, or NULL.
 */
MigBatchRow *
mig_batch_find(const char *name)
{
	static MigSpiQuery query = {
		COLUMNS("$2") " WHERE b.name = $1"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, name);
	return find_row(&query, &args);
}

/*
 * The batch of a statement of a body, or NULL.
 */
MigBatchRow *
mig_batch_find_in_body(const MigBatchPlace *place)
{
	static MigSpiQuery query = {
		COLUMNS("$6") " WHERE " MIG_VERSION_OF("migrate.batch", "b.")
		" AND b.revision = $3 AND b.operation = $4 AND b.statement = $5"
	};
	MigSpiArgs	args = {0};

	bind_place(&args, place);
	return find_row(&query, &args);
}

/*
 * How far the batches of a statement of a body have come: not at all, if there is no
 * row.  A key is data of the table, which is not for every role that asks.
 */
void
mig_batch_progress(const MigBatchPlace *place, MigSpiAccess access,
				   MigBatchProgress *progress)
{
	static MigSpiQuery query = {
		"SELECT b.rows, b.batches, CASE WHEN " MIG_SPI_MAY_MANAGE("$6") " THEN b.last_key END"
		"  FROM migrate.batch AS b LEFT JOIN pg_catalog.pg_roles AS r"
		"    ON " MIG_SPI_IS_NOTED_ROLE("r", "b.role", "b.role_oid", "b.origin")
		" WHERE " MIG_VERSION_OF("migrate.batch", "b.")
		" AND b.revision = $3 AND b.operation = $4 AND b.statement = $5"
	};
	MigSpiArgs	args = {0};

	memset(progress, 0, sizeof(*progress));
	bind_place(&args, place);
	mig_spi_arg_oid(&args, GetUserId());
	(void) mig_spi_row(&query, &args, MIG_SPI_OWNER, access, read_progress,
					   progress);
}

static void
read_progress(const MigSpiRow *row, void *result)
{
	MigBatchProgress *progress = result;

	progress->rows = mig_spi_row_int64(row, 1);
	progress->batches = mig_spi_row_int64(row, 2);
	progress->last_key = mig_spi_row_texts(row, 3, &progress->nkey);
}

/*
 * A row that no other session changes until the transaction ends; NULL: it is
 * gone.
 */
MigBatchRow *
mig_batch_lock(const pg_uuid_t *batch)
{
	static MigSpiQuery query = {
		COLUMNS("$2") " WHERE b.batch = $1 FOR UPDATE OF b"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_uuid(&args, batch);
	return find_row(&query, &args);
}

static MigBatchRow *
find_row(MigSpiQuery *query, MigSpiArgs *args)
{
	MigBatchRow *row = palloc0(sizeof(MigBatchRow));

	mig_spi_arg_oid(args, GetUserId());
	return mig_spi_row(query, args, MIG_SPI_OWNER, MIG_SPI_WRITE, read_row,
					   row) ? row : NULL;
}

static void
read_row(const MigSpiRow *row, void *result)
{
	MigBatchRow *batch = result;
	bool		isnull;
	Datum		id = mig_spi_row_datum(row, 1, UUIDOID, &isnull);

	if (!isnull)
		batch->batch = *DatumGetUUIDP(id);
	batch->name = mig_spi_row_text(row, 2);
	batch->relation = mig_spi_row_oid(row, 3);
	batch->relation_name = mig_spi_row_text(row, 4);
	batch->key = mig_spi_row_texts(row, 5, &batch->nkey);
	batch->statement = mig_spi_row_text_not_null(row, 6);
	batch->last_key = read_key(row, 7, batch->nkey);
	batch->end_key = read_key(row, 8, batch->nkey);
	batch->size = mig_spi_row_int32(row, 9);
	batch->rows = mig_spi_row_int64(row, 10);
	batch->keys = mig_spi_row_int64(row, 11);
	batch->batches = mig_spi_row_int64(row, 12);
	batch->total = mig_spi_row_int64(row, 13);
	batch->finished = mig_spi_row_bool(row, 14);
	batch->role = mig_spi_row_text_not_null(row, 15);
	batch->is_caller = mig_spi_row_bool(row, 16);
	batch->same_order = mig_spi_row_bool(row, 17);
	batch->search_path = mig_spi_row_text(row, 18);
}

/*
 * NULL: there is none.
 */
static char **
read_key(const MigSpiRow *row, int column, int nkey)
{
	int			n;
	char	  **key = mig_spi_row_texts(row, column, &n);

	if (key != NULL && n != nkey)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a key in table migrate.batch has %d columns instead of %d",
						n, nkey),
				 errhint("Look at what has written the table, and delete the row.")));
	return key;
}

/*
 * Makes a row, and gives it an id.  false: there is one of that name.
 */
bool
mig_batch_insert(MigBatchRow *row)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.batch (batch, name, version_oid, version_table,"
		"  revision, operation, statement, relation, relation_oid, key, key_order, query,"
		"  end_key, batch_size, total, rows, keys, batches, seconds, role, role_oid,"
		"  origin, search_path)"
		" VALUES (pg_catalog.gen_random_uuid(), $1, $2, $3, $4, $5, $6, $7,"
		"  $14, $8, " KEY_ORDER("$14", "$8") ", $9, $10, $11, $12, 0, 0, 0, 0,"
		"  pg_catalog.pg_get_userbyid($13), $13,"
		"  " MIG_SPI_ORIGIN ", $15)"
		" ON CONFLICT (name) DO NOTHING RETURNING batch"
	};
	const MigBatchPlace *place = row->place;
	MigSpiArgs	args = {0};
	Datum		batch;

	mig_spi_arg_text(&args, row->name);
	mig_spi_arg_datum(&args, OIDOID, place == NULL ? (Datum) 0 :
					  ObjectIdGetDatum(place->version->relid), place == NULL);
	mig_spi_arg_text(&args, place == NULL ? NULL : place->version->name);
	mig_spi_arg_text(&args, place == NULL ? NULL : place->revision);
	mig_spi_arg_text(&args, place == NULL ? NULL :
					 mig_command_name(place->operation));
	mig_spi_arg_datum(&args, INT4OID, place == NULL ? (Datum) 0 :
					  Int32GetDatum(place->statement), place == NULL);
	mig_spi_arg_text(&args, row->relation_name);
	mig_spi_arg_texts(&args, row->key, row->nkey);
	mig_spi_arg_text(&args, row->statement);
	add_keys(&args, row->end_key, row->nkey);
	mig_spi_arg_int32(&args, row->size);
	mig_spi_arg_datum(&args, INT8OID, Int64GetDatum(row->total),
					  row->total < 0);
	mig_spi_arg_oid(&args, GetUserId());
	mig_spi_arg_oid(&args, row->relation);
	mig_spi_arg_text(&args, row->search_path);
	if (!mig_spi_first_datum(&query, &args, MIG_SPI_OWNER, MIG_SPI_WRITE,
							 UUIDOID, &batch))
		return false;
	row->batch = *DatumGetUUIDP(batch);
	return true;
}

/*
 * Notes what a batch has done, in its transaction.  false: the order of its key is
 * another one than when it began, or the row is gone.
 */
bool
mig_batch_advance(const pg_uuid_t *batch, const MigBatchStep *step)
{
	static MigSpiQuery query = {
		"UPDATE migrate.batch AS b SET last_key = COALESCE($2, b.last_key),"
		"  batch_size = $3, rows = b.rows + $4, keys = b.keys + $5,"
		"  batches = b.batches + CASE WHEN $2 IS NULL THEN 0 ELSE 1 END,"
		"  seconds = b.seconds + $6, relation = $8, pid = pg_catalog.pg_backend_pid(),"
		"  updated = pg_catalog.clock_timestamp(),"
		"  finished = CASE WHEN $7 THEN pg_catalog.clock_timestamp() END"
		" WHERE b.batch = $1 AND " IS_SAME_ORDER("$9")
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_uuid(&args, batch);
	add_keys(&args, step->last_key, step->nkey);
	mig_spi_arg_int32(&args, step->size);
	mig_spi_arg_int64(&args, step->rows);
	mig_spi_arg_int64(&args, step->keys);
	mig_spi_arg_float8(&args, step->seconds);
	mig_spi_arg_bool(&args, step->finished);
	mig_spi_arg_text(&args, step->relation_name);
	mig_spi_arg_oid(&args, step->relation);
	return mig_spi_write(&query, &args) > 0;
}

/*
 * As mig_partial_follow().
 */
void
mig_batch_follow(const MigVersion *version)
{
	static MigSpiQuery remove = {
		"DELETE FROM migrate.batch AS b WHERE" MIG_VERSION_OR_FORMER("b.")
		" AND NOT" MIG_VERSION_OF("migrate.batch", "b.")
	};
	static MigSpiQuery query = {
		"UPDATE migrate.batch AS b SET version_oid = $1, version_table = $2"
		" WHERE" MIG_VERSION_OR_FORMER("b.")
	};
	MigSpiArgs	args = {0};

	mig_version_bind(&args, version);
	mig_spi_write(&remove, &args);
	mig_spi_write(&query, &args);
}

/*
 * No revision of the version table is partial any more.
 */
void
mig_batch_clear(const MigVersion *version)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.batch AS b WHERE" MIG_VERSION_OR_FORMER("b.")
	};
	MigSpiArgs	args = {0};

	mig_version_bind(&args, version);
	mig_spi_write(&query, &args);
}

/*
 * The revision is not partial any more for version tables that are gone.
 */
void
mig_batch_clear_gone(const char *revision, char *const *tables, int ntables)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.batch AS b WHERE b.revision = $1"
		" AND b.version_table = ANY ($2) AND " MIG_VERSION_IS_GONE("b.")
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, revision);
	mig_spi_arg_texts(&args, tables, ntables);
	mig_spi_write(&query, &args);
}

/*
 * A statement of a body is taken as done, wherever its batches have come to.
 */
void
mig_batch_delete_in_body(const MigBatchPlace *place)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.batch AS b WHERE" MIG_VERSION_OR_FORMER("b.")
		" AND b.revision = $3 AND b.operation = $4 AND b.statement = $5"
	};
	MigSpiArgs	args = {0};

	bind_place(&args, place);
	mig_spi_write(&query, &args);
}

/*
 * The name can be used again.
 */
void
mig_batch_delete(const char *name)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.batch WHERE name = $1"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, name);
	mig_spi_write(&query, &args);
}

/*
 * Whether the current role has the privileges of the one that has begun the batch
 * of that name, or of the extension's owner.
 */
bool
mig_batch_may_manage(const char *name, bool *exists)
{
	static MigSpiQuery query = {
		"SELECT " MIG_SPI_MAY_MANAGE("$2")
		"  FROM migrate.batch AS b LEFT JOIN pg_catalog.pg_roles AS r"
		"    ON " MIG_SPI_IS_NOTED_ROLE("r", "b.role", "b.role_oid", "b.origin")
		" WHERE b.name = $1"
	};
	MigSpiArgs	args = {0};
	Datum		value;

	mig_spi_arg_text(&args, name);
	mig_spi_arg_oid(&args, GetUserId());
	*exists = mig_spi_first_datum(&query, &args, MIG_SPI_OWNER, MIG_SPI_WRITE,
								  BOOLOID, &value);
	return *exists && DatumGetBool(value);
}

/*
 * The batches with a name that the current role may manage, are not at their end, and
 * that no session runs: their names and how far they have come, the oldest first.
 */
MigBatchRow *
mig_batch_interrupted(int *nrows)
{
	static MigSpiQuery query = {
		"SELECT b.name, b.rows, b.keys, b.batches, COALESCE(b.total, -1)"
		"  FROM migrate.batch AS b LEFT JOIN pg_catalog.pg_roles AS r"
		"    ON " MIG_SPI_IS_NOTED_ROLE("r", "b.role", "b.role_oid", "b.origin")
		" WHERE b.name IS NOT NULL AND b.finished IS NULL AND " MIG_SPI_MAY_MANAGE("$1")
		"   AND NOT EXISTS ("
		"        SELECT FROM pg_catalog.pg_locks AS l"
		"         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2"
		"           AND l.classid = $2"
		"           AND l.objid = (pg_catalog.hashtext(b.name)::int8 & 4294967295)::oid"
		"           AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d"
		"                              WHERE d.datname = pg_catalog.current_database()))"
		" ORDER BY b.started"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, GetUserId());
	mig_spi_arg_oid(&args, MIG_BATCH_LOCK);
	return mig_spi_rows(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						sizeof(MigBatchRow), read_interrupted, nrows);
}

static void
read_interrupted(const MigSpiRow *row, void *result)
{
	MigBatchRow *batch = result;

	batch->name = mig_spi_row_text(row, 1);
	batch->rows = mig_spi_row_int64(row, 2);
	batch->keys = mig_spi_row_int64(row, 3);
	batch->batches = mig_spi_row_int64(row, 4);
	batch->total = mig_spi_row_int64(row, 5);
}

static void
bind_place(MigSpiArgs *args, const MigBatchPlace *place)
{
	mig_version_bind(args, place->version);
	mig_spi_arg_text(args, place->revision);
	mig_spi_arg_text(args, mig_command_name(place->operation));
	mig_spi_arg_int32(args, place->statement);
}

static void
add_keys(MigSpiArgs *args, char *const *keys, int nkeys)
{
	if (keys == NULL)
		mig_spi_arg_datum(args, TEXTARRAYOID, (Datum) 0, true);
	else
		mig_spi_arg_texts(args, keys, nkeys);
}
