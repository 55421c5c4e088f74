/*
 * snapshot.c
 *	  migrate.snapshot: the schema as the last run has left it.
 *
 * A row for each object, written only where a run has changed it.  The key is a
 * hash: names of functions with many arguments are longer than an index holds.
 */
#include "postgres.h"

#include "tables/snapshot.h"

/* In SQL: the key of an object. */
#define KEY(type, identity) \
	"pg_catalog.sha256(pg_catalog.convert_to(" type " || E'\\n' || " identity ", 'UTF8'))"

static void read_row(const MigSpiRow *row, void *result);

/*
 * Whether a schema was noted.  There is no database without an object: the
 * extension is one.
 */
bool
mig_snapshot_exists(MigSpiAccess access)
{
	static MigSpiQuery query = {
		"SELECT FROM migrate.snapshot LIMIT 1"
	};

	return mig_spi_exists(&query, NULL, MIG_SPI_OWNER, access);
}

/*
 * All objects, in the order of mig_schema_compare().
 */
MigSnapshotRow *
mig_snapshot_read(MigSpiAccess access, int *nrows)
{
	static MigSpiQuery query = {
		"SELECT type, identity, definition FROM migrate.snapshot"
		" ORDER BY type COLLATE \"C\", identity COLLATE \"C\""
	};

	return mig_spi_rows(&query, NULL, MIG_SPI_OWNER, access,
						sizeof(MigSnapshotRow), read_row, nrows);
}

static void
read_row(const MigSpiRow *row, void *result)
{
	MigSnapshotRow *object = result;

	object->type = mig_spi_row_text(row, 1);
	object->identity = mig_spi_row_text(row, 2);
	object->definition = mig_spi_row_text(row, 3);
}

/*
 * Notes objects as they are now.  run: what has made them so; NULL: no run.
 */
void
mig_snapshot_put(const MigSnapshotObjects *objects, const pg_uuid_t *run)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.snapshot (object, type, identity, definition, run)"
		" SELECT " KEY("o.type", "o.identity") ", o.type, o.identity, o.definition, $4"
		"   FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
		"                   pg_catalog.unnest($3)) AS o (type, identity, definition)"
		" ON CONFLICT (object) DO UPDATE SET definition = EXCLUDED.definition,"
		"  run = EXCLUDED.run, noted = EXCLUDED.noted"
	};
	MigSpiArgs	args = {0};

	if (objects->n == 0)
		return;
	mig_spi_arg_texts(&args, objects->types, objects->n);
	mig_spi_arg_texts(&args, objects->identities, objects->n);
	mig_spi_arg_texts(&args, objects->definitions, objects->n);
	mig_spi_arg_datum(&args, UUIDOID, run == NULL ? (Datum) 0 :
					  UUIDPGetDatum(run), run == NULL);
	mig_spi_write(&query, &args);
}

/*
 * The same of those that were noted with their former definition; others have
 * been changed since, and stay as they are noted.
 */
void
mig_snapshot_change(const MigSnapshotObjects *objects, const pg_uuid_t *run)
{
	static MigSpiQuery query = {
		"UPDATE migrate.snapshot AS s SET definition = o.definition, run = $5,"
		"  noted = pg_catalog.clock_timestamp()"
		"  FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
		"                  pg_catalog.unnest($3), pg_catalog.unnest($4))"
		"   AS o (type, identity, definition, former)"
		" WHERE s.object = " KEY("o.type", "o.identity")
		"   AND s.definition = o.former"
	};
	MigSpiArgs	args = {0};

	if (objects->n == 0)
		return;
	mig_spi_arg_texts(&args, objects->types, objects->n);
	mig_spi_arg_texts(&args, objects->identities, objects->n);
	mig_spi_arg_texts(&args, objects->definitions, objects->n);
	mig_spi_arg_texts(&args, objects->former, objects->n);
	mig_spi_arg_datum(&args, UUIDOID, run == NULL ? (Datum) 0 :
					  UUIDPGetDatum(run), run == NULL);
	mig_spi_write(&query, &args);
}

/*
 * Forgets objects that are gone.
 */
void
mig_snapshot_remove(const MigSnapshotObjects *objects)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.snapshot AS s"
		" USING ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS o (type, identity)"
		" WHERE s.object = " KEY("o.type", "o.identity")
	};
	MigSpiArgs	args = {0};

	if (objects->n == 0)
		return;
	mig_spi_arg_texts(&args, objects->types, objects->n);
	mig_spi_arg_texts(&args, objects->identities, objects->n);
	mig_spi_write(&query, &args);
}
