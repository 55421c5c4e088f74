/*
 * confirmation.c
 *	  migrate.confirmation: which external steps are done.
 *
 * A confirmation is about a revision as it was registered, which it knows by its
 * hash, about one direction, and about one version table: another database state
 * has to have the step done to it, too.  It counts once: the run that goes past the
 * step uses it up, so that it is asked for again after a downgrade.  What it said is
 * in the log then.
 *
 * The version table is known as in migrate.partial.
 */
#include "postgres.h"

#include "base/command.h"
#include "tables/confirmation.h"

/* Whether a row is about the step of the first five parameters. */
#define OF_STEP \
	MIG_VERSION_OF("migrate.confirmation", "") " AND revision = $3 AND operation = $4 AND hash = $5"

static void bind_step(MigSpiArgs *args, const MigConfirmation *step);
static void read_found(const MigSpiRow *row, void *result);

/*
 * Confirms that a step is done; replaces a confirmation that is there.
 */
void
mig_confirmation_put(const MigConfirmation *step, Oid role, const char *note)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.confirmation (version_oid, version_table, revision,"
		"  operation, hash, confirmed_by, confirmed_by_oid, origin, note)"
		" VALUES ($1, $2, $3, $4, $5, pg_catalog.pg_get_userbyid($6), $6,"
		"  " MIG_SPI_ORIGIN ", $7)"
		" ON CONFLICT (version_oid, revision, operation) DO UPDATE"
		"  SET version_table = EXCLUDED.version_table, hash = EXCLUDED.hash,"
		"      confirmed_by = EXCLUDED.confirmed_by,"
		"      confirmed_by_oid = EXCLUDED.confirmed_by_oid,"
		"      origin = EXCLUDED.origin,"
		"      confirmed_at = EXCLUDED.confirmed_at, note = EXCLUDED.note"
	};
	MigSpiArgs	args = {0};

	bind_step(&args, step);
	mig_spi_arg_oid(&args, role);
	mig_spi_arg_text(&args, note);
	mig_spi_write(&query, &args);
}

static void
bind_step(MigSpiArgs *args, const MigConfirmation *step)
{
	mig_version_bind(args, step->version);
	mig_spi_arg_text(args, step->revision);
	mig_spi_arg_text(args, mig_command_name(step->command));
	mig_spi_arg_text(args, step->hash);
}

/*
 * What was done by hand for a version table of that name that was dropped is not done
 * for one that is made anew.
 */
void
mig_confirmation_forget_former(const char *version_table)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.confirmation WHERE" MIG_VERSION_FORMER("$1", "")
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, version_table);
	mig_spi_write(&query, &args);
}

/*
 * Removes the confirmations of a revision that was replaced or removed.
 */
void
mig_confirmation_void(const char *id)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.confirmation WHERE revision = $1"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, id);
	mig_spi_write(&query, &args);
}

/*
 * Which of the steps before revisions are confirmed, in the order of ids.
 */
bool *
mig_confirmation_find(const MigVersion *version, MigCommand command,
					  char *const *ids, char *const *hashes, int nids,
					  MigSpiAccess access)
{
	static MigSpiQuery query = {
		"SELECT EXISTS (SELECT FROM migrate.confirmation AS f"
		"                WHERE f.revision = i.id AND f.hash = i.hash"
		"                  AND f.operation = $5 AND" MIG_VERSION_OF("migrate.confirmation", "f.") ")"
		"  FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4))"
		"       WITH ORDINALITY AS i (id, hash, ordinality)"
		" ORDER BY i.ordinality"
	};
	MigSpiArgs	args = {0};
	int			nrows;

	mig_version_bind(&args, version);
	mig_spi_arg_texts(&args, ids, nids);
	mig_spi_arg_texts(&args, hashes, nids);
	mig_spi_arg_text(&args, mig_command_name(command));
	return mig_spi_rows(&query, &args, MIG_SPI_OWNER, access, sizeof(bool),
						read_found, &nrows);
}

static void
read_found(const MigSpiRow *row, void *result)
{
	*(bool *) result = mig_spi_row_bool(row, 1);
}

/*
 * The step is passed now: uses the confirmation up.  Returns who gave it, when and
 * with which note, or NULL if there is none.
 */
char *
mig_confirmation_use(const MigConfirmation *step)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.confirmation WHERE" OF_STEP
		" RETURNING pg_catalog.concat(pg_catalog.format("
		"  'Confirmed by role \"%s\" at %s', confirmed_by,"
		"  pg_catalog.date_trunc('second', confirmed_at)), ': ' || note)"
	};
	MigSpiArgs	args = {0};

	bind_step(&args, step);
	return mig_spi_first(&query, &args, MIG_SPI_OWNER, MIG_SPI_WRITE);
}
