/*
 * version.c
 *	  The version table: which revisions are applied.
 *
 * It is read and written in place, in Alembic's shape, so that Alembic and
 * this extension can take turns.  Our own table is reached as the extension's
 * owner.  Any other table belongs to another role and may carry triggers.  It
 * is written with the caller's search_path, as Alembic would: with the rights
 * of its owner, as VACUUM does, where the caller has them and the owner lacks
 * the caller's, else with the caller's own.
 *
 * A row is found again by the ctid its last write returned.  A search by
 * value walks all dead versions of the row that this transaction has made,
 * and under subtransactions each of them is looked up among the child
 * transactions: 10,000 steps then take seconds instead of a tenth.  Where the
 * server has no such address, the row is found by its value.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/itemptr.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/printable.h"
#include "base/spi.h"
#include "base/xact.h"
#include "tables/version.h"

/* A row of the version table and where it is. */
typedef struct RowEntry
{
	const char *revision;
	ItemPointerData tid;
	char		status;
} RowEntry;

#define SH_PREFIX		rowhash
#define SH_ELEMENT_TYPE RowEntry
#define SH_KEY_TYPE		const char *
#define SH_KEY			revision
#define SH_HASH_KEY(tb, key) \
	hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(tb, a, b) (strcmp((a), (b)) == 0)
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* A write whose subtransaction has not been released yet. */
typedef struct RowChange
{
	const char *before;			/* NULL: inserted */
	const char *after;			/* NULL: deleted */
	ItemPointerData tid;		/* of the row after */
} RowChange;

typedef struct MigVersionState
{
	rowhash_hash *rows;
	int			nchanges;
	int			max_changes;
	RowChange  *changes;
} MigVersionState;

/* What a subtransaction reads. */
typedef struct Reading
{
	MigVersion *version;
	MigSpiAccess access;
} Reading;

/* The statements for a version table. */
typedef struct MigVersionQueries
{
	MigSpiQuery lock_to_read;
	MigSpiQuery lock_to_write;
	MigSpiQuery lock_definition;
	MigSpiQuery read;
	MigSpiQuery insert;
	MigSpiQuery update;
	MigSpiQuery delete;
	MigSpiQuery update_by_value;
	MigSpiQuery delete_by_value;
} MigVersionQueries;

/*
 * Without by_key a ctid is looked for by a scan once ANALYZE has seen the
 * table small: that walks all dead rows.
 */
#define VERSION_QUERIES(table, address) \
{ \
	{"LOCK TABLE ONLY " table " IN ACCESS SHARE MODE"}, \
	{"LOCK TABLE ONLY " table " IN ROW EXCLUSIVE MODE"}, \
	{"LOCK TABLE ONLY " table " IN SHARE UPDATE EXCLUSIVE MODE"}, \
	{"SELECT tableoid, " address ", version_num FROM ONLY " table}, \
	{"INSERT INTO " table " (version_num) VALUES ($1)" \
		" RETURNING tableoid, " address}, \
	{"UPDATE ONLY " table " SET version_num = $1" \
		" WHERE version_num OPERATOR(pg_catalog.=) $2" \
		"   AND ctid OPERATOR(pg_catalog.=) $3 RETURNING tableoid, ctid", \
		.by_key = true}, \
	{"DELETE FROM ONLY " table \
		" WHERE version_num OPERATOR(pg_catalog.=) $1" \
		"   AND ctid OPERATOR(pg_catalog.=) $2 RETURNING tableoid", \
		.by_key = true}, \
	{"UPDATE ONLY " table " SET version_num = $1" \
		" WHERE version_num OPERATOR(pg_catalog.=) $2" \
		" RETURNING tableoid, " address}, \
	{"DELETE FROM ONLY " table \
		" WHERE version_num OPERATOR(pg_catalog.=) $1 RETURNING tableoid"} \
}

/* Columns of what they return. */
#define COLUMN_TABLE	1
#define COLUMN_ADDRESS	2
#define COLUMN_REVISION	3

#define ADDRESS			"ctid"
#define NO_ADDRESS		"NULL::pg_catalog.tid"

/*
 * Those of our own table are constants, because they run as the extension's
 * owner.  The first ones are for servers whose rows have addresses.
 */
static MigVersionQueries own_queries = VERSION_QUERIES("migrate.version", ADDRESS);
static const MigVersionQueries query_formats = VERSION_QUERIES("%s", ADDRESS);
static MigVersionQueries own_queries_by_value = VERSION_QUERIES("migrate.version", NO_ADDRESS);
static const MigVersionQueries query_formats_by_value = VERSION_QUERIES("%s", NO_ADDRESS);

static void read_table(void *arg);
static void read_rows(MigVersion *version, const MigSpiScope *scope,
					  uint64 nrows);
static void check_table(const MigVersion *version, const MigSpiRow *row);
static MigVersionQueries *write_queries(const MigVersion *version);
static void forget_plans(void *arg);
static void write_row(MigVersion *version, const char *before,
					  const char *after);
static void copy_address(const MigSpiRow *row, ItemPointer address);
static uint64 insert_row(MigSpiScope *scope, MigVersion *version,
						 const char *after);
static uint64 change_row(MigSpiScope *scope, MigVersion *version, const char *before,
						 const char *after);
static uint64 change_row_at(MigSpiScope *scope, MigSpiQuery *query, const char *before,
							const char *after, ItemPointer address);
static bool has_row(const MigVersion *version, const char *revision);
static int	compare_rows(const void *a, const void *b);

/*
 * Adds the parameters that name it in another table, its OID and its name.
 */
void
mig_version_bind(MigSpiArgs *args, const MigVersion *version)
{
	mig_spi_arg_oid(args, version->relid);
	mig_spi_arg_text(args, version->name);
}

/*
 * Gives a table that was opened its statements.
 */
void
mig_version_prepare(MigVersion *version)
{
	if (!version->own)
		version->queries = write_queries(version);
	else
		version->queries = version->row_addresses ? &own_queries :
			&own_queries_by_value;
}

/*
 * Locks a table of another role as its use does, where there are such locks.
 * Whatever has the name by now, locking it runs no code: so with the caller's
 * rights, or, as no privilege on the table permits it, with the extension
 * owner's.
 */
void
mig_version_lock(const MigVersion *version, MigVersionUse use)
{
	MigVersionQueries *queries = version->queries;
	MigSpiScope scope;

	if (!version->table_locks)
		return;
	mig_spi_begin(&scope, use == MIG_VERSION_DEFINITION ? MIG_SPI_OWNER :
				  MIG_SPI_CALLER);
	mig_spi_execute(&scope, use == MIG_VERSION_READ ? &queries->lock_to_read :
					use == MIG_VERSION_WRITE ? &queries->lock_to_write :
					&queries->lock_definition, NULL, MIG_SPI_WRITE);
	mig_spi_end(&scope);
}

/*
 * Reads the rows and where they are, into the current memory context.
 *
 * To plan the statement is enough to run code of the table's owner, in the
 * expression of an index for one: so nothing that it does may change the role
 * or stay in the session, whichever role's rights it has.
 *
 * The lock that keeps the owner from adding such code is held no longer than it
 * takes: it would stop the owner's VACUUM, and every other reader, until the
 * caller's transaction ends.
 */
void
mig_version_read(MigVersion *version, MigSpiAccess access)
{
	Reading		reading = {version, access};
	bool		exposed = !version->own && mig_version_is_exposed(version);

	if (exposed && version->table_locks)
	{
		ErrorData  *error;

		mig_version_lock(version, MIG_VERSION_READ);
		error = mig_subxact_undo(read_table, &reading);
		if (error != NULL)
			ReThrowError(error);
	}
	else
		read_table(&reading);
	if (!version->own && !exposed)
		mig_version_refuse_cursor(version);
	mig_version_sort(version);
}

static void
read_table(void *arg)
{
	Reading    *reading = arg;
	MigVersion *version = reading->version;
	MigSpiScope scope;
	uint64		nrows;

	if (!version->own)
		mig_version_hold(version, MIG_VERSION_READ);
	mig_spi_begin(&scope, version->own ? MIG_SPI_OWNER : MIG_SPI_CALLER);
	if (!version->own)
		mig_spi_restrict(&scope, OidIsValid(version->acting_owner) ?
						 version->acting_owner : GetUserId());
	nrows = mig_spi_execute(&scope, &version->queries->read, NULL, reading->access);
	read_rows(version, &scope, nrows);
	mig_spi_end(&scope);
}

static void
read_rows(MigVersion *version, const MigSpiScope *scope, uint64 nrows)
{
	MigVersionState *state;

	state = MemoryContextAllocZero(scope->caller, sizeof(MigVersionState));
	version->nrows = (int) nrows;
	version->rows = MemoryContextAlloc(scope->caller,
									   sizeof(char *) * Max(nrows, 1));
	version->state = state;
	state->rows = rowhash_create(scope->caller, Max(nrows, 8), NULL);
	for (uint64 i = 0; i < nrows; i++)
	{
		MigSpiRow	row = mig_spi_fetch(scope, i);
		RowEntry   *entry;
		bool		found;

		check_table(version, &row);
		version->rows[i] = mig_spi_row_text(&row, COLUMN_REVISION);
		if (version->rows[i] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("version table \"%s\" contains a null",
							mig_printable(version->name))));
		entry = rowhash_insert(state->rows, version->rows[i], &found);
		if (found)
			ereport(ERROR,
					(errcode(ERRCODE_UNIQUE_VIOLATION),
					 errmsg("version table \"%s\" contains revision \"%s\" twice",
							mig_printable(version->name), mig_printable(version->rows[i])),
					 errhint("Delete one of the rows and add the primary key that Alembic gives the table.")));
		copy_address(&row, &entry->tid);
	}
}

/*
 * A statement names the table, so it says which one it has found.
 */
static void
check_table(const MigVersion *version, const MigSpiRow *row)
{
	if (mig_spi_row_oid(row, COLUMN_TABLE) != version->relid)
		mig_version_refuse_replaced(version);
}

/*
 * Rows are listed in the order of Alembic's files: by byte.
 */
void
mig_version_sort(MigVersion *version)
{
	qsort(version->rows, version->nrows, sizeof(char *), compare_rows);
}

/*
 * Reads the rows anew, as committed, after a transaction that failed.
 */
MigVersionPosition
mig_version_position(MigVersion *version, const MigStep *step)
{
	MemoryContext old_context;
	int			nfrom = 0;
	int			nto = 0;
	int			nbefore = step->ndeletes;
	int			nafter = step->ninserts;

	old_context = MemoryContextSwitchTo(GetMemoryChunkContext(version));
	mig_version_read(version, MIG_SPI_READ_LATEST);
	MemoryContextSwitchTo(old_context);

	for (int i = 0; i < step->ndeletes; i++)
		nfrom += has_row(version, step->deletes[i]);
	for (int i = 0; i < step->ninserts; i++)
		nto += has_row(version, step->inserts[i]);
	if (step->update_from != NULL)
	{
		nbefore++;
		nafter++;
		nfrom += has_row(version, step->update_from);
		nto += has_row(version, step->update_to);
	}
	if (nfrom == nbefore && nto == 0)
		return MIG_VERSION_BEFORE;
	if (nfrom == 0 && nto == nafter)
		return MIG_VERSION_AFTER;
	return MIG_VERSION_ELSEWHERE;
}

static bool
has_row(const MigVersion *version, const char *revision)
{
	return rowhash_lookup(version->state->rows, revision) != NULL;
}

/*
 * Raises 40001 if the transaction's snapshot is older than the rows.  A body
 * would work on data from before the revisions that the rows stand for.
 */
void
mig_version_check_snapshot(const MigVersion *version)
{
	MigVersion	before = *version;
	bool		same;

	if (!IsolationUsesXactSnapshot())
		return;
	mig_version_read(&before, MIG_SPI_READ_CALLER);
	same = before.nrows == version->nrows;
	for (int i = 0; same && i < version->nrows; i++)
		same = strcmp(before.rows[i], version->rows[i]) == 0;
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access to version table \"%s\"",
						mig_printable(version->name)),
				 errdetail("It was written after this transaction took its snapshot. Nothing was run."),
				 errhint("Begin a new transaction and run this again, or run it under READ COMMITTED.")));
}

/*
 * Raises an error if the rows are not those that the steps so far have left: what
 * has run in between has written the table, and moved the database.
 */
void
mig_version_check_unmoved(const MigVersion *version, const char *repeatable)
{
	MigVersion	now = *version;
	bool		same;

	mig_version_read(&now, MIG_SPI_READ_LATEST);
	same = now.state->rows->members == version->state->rows->members;
	for (int i = 0; same && i < now.nrows; i++)
		same = rowhash_lookup(version->state->rows, now.rows[i]) != NULL;
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("rows of version table \"%s\" were changed while repeatable \"%s\" was run",
						mig_printable(version->name), repeatable),
				 errdetail("A repeatable runs behind all revisions and leaves the rows as they are.")));
}

/*
 * Writes a step's row changes.  The body may have opened a cursor.  To be followed by accept once they are sure,
 * or discard when they were rolled back.
 */
void
mig_version_move(MigVersion *version, const MigStep *step)
{
	MigVersionState *state = version->state;
	int			nchanges = step->ndeletes + step->ninserts + 1;
	bool		exposed;

	if (state->max_changes < nchanges)
	{
		state->changes = MemoryContextAlloc(GetMemoryChunkContext(state),
											sizeof(RowChange) * nchanges);
		state->max_changes = nchanges;
	}
	state->nchanges = 0;

	exposed = !version->own && mig_version_is_exposed(version);
	if (exposed)
		mig_version_hold(version, MIG_VERSION_WRITE);
	for (int i = 0; i < step->ndeletes; i++)
		write_row(version, step->deletes[i], NULL);
	if (step->update_from != NULL)
		write_row(version, step->update_from, step->update_to);
	for (int i = 0; i < step->ninserts; i++)
		write_row(version, NULL, step->inserts[i]);
	if (!version->own && !exposed)
		mig_version_refuse_cursor(version);
}

/*
 * The step's subtransaction was released: remember where its rows are.
 */
void
mig_version_accept(MigVersion *version)
{
	MigVersionState *state = version->state;

	for (int i = 0; i < state->nchanges; i++)
	{
		RowChange  *change = &state->changes[i];

		if (change->before != NULL)
			rowhash_delete(state->rows, change->before);
		if (change->after != NULL)
		{
			bool		found;
			RowEntry   *entry = rowhash_insert(state->rows, change->after,
											   &found);

			ItemPointerCopy(&change->tid, &entry->tid);
		}
	}
	state->nchanges = 0;
}

/*
 * The step's subtransaction was rolled back: the rows are where they were.
 */
void
mig_version_discard(MigVersion *version)
{
	version->state->nchanges = 0;
}

/*
 * The statements for a table of another role.  They belong to this run: were
 * they shared, what runs inside it could turn them to another table.
 */
static MigVersionQueries *
write_queries(const MigVersion *version)
{
	const MigVersionQueries *formats = version->row_addresses ?
	&query_formats : &query_formats_by_value;
	const char *table = version->name;
	MigVersionQueries *queries = palloc(sizeof(MigVersionQueries));
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

	*queries = *formats;
	queries->lock_to_read.sql = psprintf(formats->lock_to_read.sql, table);
	queries->lock_to_write.sql = psprintf(formats->lock_to_write.sql, table);
	queries->lock_definition.sql =
		psprintf(formats->lock_definition.sql, table);
	queries->read.sql = psprintf(formats->read.sql, table);
	queries->insert.sql = psprintf(formats->insert.sql, table);
	queries->update.sql = psprintf(formats->update.sql, table);
	queries->delete.sql = psprintf(formats->delete.sql, table);
	queries->update_by_value.sql =
		psprintf(formats->update_by_value.sql, table);
	queries->delete_by_value.sql =
		psprintf(formats->delete_by_value.sql, table);

	queries->read.table = queries->insert.table = version->relid;
	queries->update.table = queries->delete.table = version->relid;
	queries->update_by_value.table = version->relid;
	queries->delete_by_value.table = version->relid;

	callback->func = forget_plans;
	callback->arg = queries;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return queries;
}

static void
forget_plans(void *arg)
{
	MigVersionQueries *queries = arg;

	mig_spi_forget_plan(&queries->lock_to_read);
	mig_spi_forget_plan(&queries->lock_to_write);
	mig_spi_forget_plan(&queries->lock_definition);
	mig_spi_forget_plan(&queries->read);
	mig_spi_forget_plan(&queries->insert);
	mig_spi_forget_plan(&queries->update);
	mig_spi_forget_plan(&queries->delete);
	mig_spi_forget_plan(&queries->update_by_value);
	mig_spi_forget_plan(&queries->delete_by_value);
}

/*
 * Inserts, updates or deletes one row and notes the change.  An update or
 * delete that does not hit exactly one row means that a session that does not
 * take our lock, such as Alembic's, has written the table.
 */
static void
write_row(MigVersion *version, const char *before, const char *after)
{
	MigVersionState *state = version->state;
	RowChange  *change = &state->changes[state->nchanges];
	MigSpiScope scope;
	uint64		count;

	mig_spi_begin(&scope, version->own ? MIG_SPI_OWNER : MIG_SPI_CALLER_PATH);
	if (OidIsValid(version->acting_owner))
		mig_spi_restrict(&scope, version->acting_owner);
	count = before == NULL ? insert_row(&scope, version, after) :
		change_row(&scope, version, before, after);
	if (count == 1)
	{
		MigSpiRow	row = mig_spi_fetch(&scope, 0);

		check_table(version, &row);
		if (after != NULL)
			copy_address(&row, &change->tid);
	}
	mig_spi_end(&scope);

	if (count == 0 && before != NULL && IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access to row \"%s\" of version table \"%s\"",
						before, mig_printable(version->name)),
				 errdetail("It was written after this transaction took its snapshot, or by what runs in it.")));
	if (count != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 before == NULL ?
				 errmsg("row \"%s\" of version table \"%s\" could not be inserted",
						after, mig_printable(version->name)) :
				 errmsg("row \"%s\" of version table \"%s\" was expected once, but found " UINT64_FORMAT " times",
						before, mig_printable(version->name), count),
				 errdetail("Something other than this extension has changed the table since the run began."),
				 errhint("Run the command again; it reads the table anew.")));

	change->before = before;
	change->after = after;
	state->nchanges++;
}

/*
 * The address of a row of the version table.
 */
static void
copy_address(const MigSpiRow *row, ItemPointer address)
{
	bool		isnull;
	Datum		value = mig_spi_row_datum(row, COLUMN_ADDRESS, TIDOID, &isnull);

	if (isnull)
		ItemPointerSetInvalid(address);
	else
		ItemPointerCopy(DatumGetItemPointer(value), address);
}

static uint64
insert_row(MigSpiScope *scope, MigVersion *version, const char *after)
{
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, after);
	return mig_spi_execute(scope, &version->queries->insert, &args, MIG_SPI_WRITE);
}

/*
 * Updates a row, or deletes it when there is nothing after.  A row that is not
 * where it was left was moved by a body that rewrote the table: it is looked
 * for once more, by its value.
 */
static uint64
change_row(MigSpiScope *scope, MigVersion *version, const char *before, const char *after)
{
	MigVersionQueries *queries = version->queries;
	RowEntry   *entry = rowhash_lookup(version->state->rows, before);
	uint64		count = 0;

	if (entry == NULL)
		return 0;
	if (version->row_addresses)
		count = change_row_at(scope, after != NULL ? &queries->update :
							  &queries->delete, before, after, &entry->tid);
	if (count == 0)
		count = change_row_at(scope, after != NULL ? &queries->update_by_value :
							  &queries->delete_by_value, before, after, NULL);
	return count;
}

static uint64
change_row_at(MigSpiScope *scope, MigSpiQuery *query, const char *before, const char *after,
			  ItemPointer address)
{
	MigSpiArgs	args = {0};

	if (after != NULL)
		mig_spi_arg_text(&args, after);
	mig_spi_arg_text(&args, before);
	if (address != NULL)
		mig_spi_arg_datum(&args, TIDOID, ItemPointerGetDatum(address), false);
	return mig_spi_execute(scope, query, &args, MIG_SPI_WRITE);
}

static int
compare_rows(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}
