/*
 * approval.c
 *	  migrate.approval: which revisions a role has approved.
 *
 * An approval is one of a revision as it was registered, which it knows by its
 * hash.  The approver is known by OID where the approval was given, so that
 * another role that gets the name does not vouch for anything, and by name where
 * a dump has brought it.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/spi.h"
#include "tables/approval.h"

static void read_approval(const MigSpiRow *row, void *result);

/*
 * Approves a revision; replaces an approval that is there.
 */
void
mig_approval_put(const char *id, const char *hash, Oid approver,
				 const char *note)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.approval (revision, hash, approved_by,"
		"  approved_by_oid, origin, note)"
		" VALUES ($1, $2, pg_catalog.pg_get_userbyid($3), $3,"
		"  " MIG_SPI_ORIGIN ", $4)"
		" ON CONFLICT (revision) DO UPDATE SET hash = EXCLUDED.hash,"
		"  approved_by = EXCLUDED.approved_by,"
		"  approved_by_oid = EXCLUDED.approved_by_oid,"
		"  origin = EXCLUDED.origin,"
		"  approved_at = EXCLUDED.approved_at, note = EXCLUDED.note"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, id);
	mig_spi_arg_text(&args, hash);
	mig_spi_arg_oid(&args, approver);
	mig_spi_arg_text(&args, note);
	mig_spi_write(&query, &args);
}

/*
 * Removes the approval of a revision that was replaced or removed.
 */
void
mig_approval_void(const char *id)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.approval WHERE revision = $1",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, id);
	mig_spi_write(&query, &args);
}

/*
 * The approvals of revisions, whatever they were registered as then.
 */
MigApproval *
mig_approval_find(char *const *ids, int nids, Oid runner, MigSpiAccess access,
				  int *nfound)
{
	static MigSpiQuery query = {
		"SELECT i.ordinality::int4, a.hash,"
		"       o.oid IS NOT NULL AND " MIG_COMPAT_HAS_ROLE("o.oid", "$2")
		"  FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, ordinality)"
		"  JOIN migrate.approval AS a ON a.revision = i.id"
		"  LEFT JOIN pg_catalog.pg_roles AS o"
		"    ON " MIG_SPI_IS_NOTED_ROLE("o", "a.approved_by",
										"a.approved_by_oid", "a.origin")
		" ORDER BY i.ordinality",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_texts(&args, ids, nids);
	mig_spi_arg_oid(&args, runner);
	return mig_spi_rows(&query, &args, MIG_SPI_OWNER, access,
						sizeof(MigApproval), read_approval, nfound);
}

static void
read_approval(const MigSpiRow *row, void *result)
{
	MigApproval *approval = result;

	approval->index = mig_spi_row_int32(row, 1) - 1;
	approval->hash = mig_spi_row_text_not_null(row, 2);
	approval->vouches = mig_spi_row_bool(row, 3);
}
