/*
 * source.c
 *	  migrate.source: what revisions were in the tool whose files they come from.
 *
 * The version table of another tool knows migrations by its own versions, and has
 * checksums of their files.  Only where the files are registered can these be
 * computed.  A row is about the revision as it is registered: what replaces or
 * removes the revision removes it.
 */
#include "postgres.h"

#include "tables/source.h"

static void read_source(const MigSpiRow *row, void *result);

/*
 * Notes it of registered revisions, in place of what was noted before.
 */
void
mig_source_put(const MigSource *sources, int nsources)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.source AS s (revision, format, version, checksums)"
		" SELECT i.revision, i.format, i.version,"
		"        pg_catalog.string_to_array(i.checksums, ' ')"
		"   FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
		"        pg_catalog.unnest($3), pg_catalog.unnest($4))"
		"        AS i (revision, format, version, checksums)"
		" ON CONFLICT (revision) DO UPDATE SET format = EXCLUDED.format,"
		"  version = EXCLUDED.version, checksums = EXCLUDED.checksums"
		"  WHERE (s.format, s.version, s.checksums)"
		"        <> (EXCLUDED.format, EXCLUDED.version, EXCLUDED.checksums)"
	};
	char	  **columns[4];
	MigSpiArgs	args = {0};

	for (int i = 0; i < lengthof(columns); i++)
		columns[i] = palloc(sizeof(char *) * Max(nsources, 1));
	for (int i = 0; i < nsources; i++)
	{
		columns[0][i] = unconstify(char *, sources[i].revision);
		columns[1][i] = unconstify(char *, sources[i].format);
		columns[2][i] = unconstify(char *, sources[i].version);
		columns[3][i] = unconstify(char *, sources[i].checksums);
	}
	for (int i = 0; i < lengthof(columns); i++)
		mig_spi_arg_texts(&args, columns[i], nsources);
	mig_spi_write(&query, &args);
}

/*
 * Removes the row of a revision that was replaced or removed.
 */
void
mig_source_forget(const char *id)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.source WHERE revision = $1",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, id);
	mig_spi_write(&query, &args);
}

/*
 * All rows.
 */
MigSource *
mig_source_list(int *nsources)
{
	static MigSpiQuery query = {
		"SELECT revision, format, version,"
		"       pg_catalog.array_to_string(checksums, ' ')"
		"  FROM migrate.source"
	};

	return mig_spi_rows(&query, NULL, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						sizeof(MigSource), read_source, nsources);
}

static void
read_source(const MigSpiRow *row, void *result)
{
	MigSource  *source = result;

	source->revision = mig_spi_row_text_not_null(row, 1);
	source->format = mig_spi_row_text_not_null(row, 2);
	source->version = mig_spi_row_text_not_null(row, 3);
	source->checksums = mig_spi_row_text_not_null(row, 4);
}
