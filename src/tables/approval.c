/*
 * approval.c
 *	  migrate.approval: revisions that somebody has approved.
 *
 * An approval is one of bodies, which it knows by their hashes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/spi.h"
#include "tables/approval.h"

/*
 * Approves a revision, in place of an approval that is there.
 */
void
mig_approval_put(const char *id, const char *hash, Oid approver,
				 const char *note)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.approval (revision, hash, approved_by, note)"
		" VALUES ($1, $2, pg_catalog.pg_get_userbyid($3), $4)"
		" ON CONFLICT (revision) DO UPDATE SET hash = EXCLUDED.hash,"
		"  approved_by = EXCLUDED.approved_by,"
		"  approved_at = EXCLUDED.approved_at, note = EXCLUDED.note",
		4, {TEXTOID, TEXTOID, OIDOID, TEXTOID}
	};
	Datum		values[4];
	char		nulls[5] = "    ";

	values[0] = CStringGetTextDatum(id);
	values[1] = CStringGetTextDatum(hash);
	values[2] = ObjectIdGetDatum(approver);
	values[3] = mig_spi_old_text_datum(note, &nulls[3]);
	mig_spi_old_write(&query, values, nulls);
}

/*
 * The revision is another one now, or gone.
 */
void
mig_approval_void(const char *id)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.approval WHERE revision = $1",
		1, {TEXTOID}, NULL, true
	};
	Datum		values[1];

	values[0] = CStringGetTextDatum(id);
	mig_spi_old_write(&query, values, NULL);
}

/*
 * The approvals of revisions, whatever bodies they were for.
 */
MigApproval *
mig_approval_find(char *const *ids, int nids, MigSpiAccess access,
				  int *nfound)
{
	static MigSpiQuery query = {
		"SELECT i.place::int4, a.hash"
		"  FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, place)"
		"  JOIN migrate.approval AS a ON a.revision = i.id"
		" ORDER BY i.place",
		1, {TEXTARRAYOID}
	};
	MigApproval *found;
	Datum		values[1];
	MigSpiScope scope;
	uint64		nrows;

	values[0] = mig_spi_array_datum(ids, nids);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	nrows = mig_spi_old_execute(&query, values, NULL, access);
	found = MemoryContextAllocHuge(scope.caller,
								   sizeof(MigApproval) * Max(nrows, 1));
	for (uint64 i = 0; i < nrows; i++)
	{
		bool		isnull;

		found[i].place = DatumGetInt32(mig_spi_old_value(i, 1, &isnull)) - 1;
		found[i].hash = mig_spi_old_text(&scope, i, 2);
	}
	mig_spi_end(&scope);
	*nfound = (int) nrows;
	return found;
}
