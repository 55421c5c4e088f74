/*
 * revision_write.c
 *	  Writes migrate.revision.
 *
 * A change of an edge must be followed by one of the marks of the heads.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/spi.h"
#include "tables/revision.h"

static void write_revision(MigSpiQuery *query, const MigRevision *revision,
						   Oid author);
static void add_body_args(MigSpiArgs *args, const char *text,
						  const MigBody *body);
static void write_ids(MigSpiQuery *query, char *const *ids, int nids);

/*
 * Adds a revision as a head; see mig_revision_cover().
 */
void
mig_revision_insert(const MigRevision *revision, Oid author)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.revision (revision, down_revision, depends_on,"
		"  branch_labels, message, upgrade, upgrade_hash, upgrade_statements,"
		"  upgrade_nontransactional, upgrade_transactions, downgrade, downgrade_hash,"
		"  downgrade_statements, downgrade_nontransactional, downgrade_transactions,"
		"  is_head, is_real_head, registered_by, registered_by_oid, origin,"
		"  settings, upgrade_transactional, downgrade_transactional,"
		"  allow, verify, verify_hash, external, downgrade_external,"
		"  replaces)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
		"  $14, $15, true, true, pg_catalog.pg_get_userbyid($16), $16,"
		"  " MIG_SPI_ORIGIN ", $17, $18, CASE WHEN $11 IS NOT NULL THEN $19 END,"
		"  $20, $21, $22, $23, $24, $25)"
	};

	write_revision(&query, revision, author);
}

/*
 * Replaces everything of a revision except its id.
 */
void
mig_revision_update(const MigRevision *revision, Oid author)
{
	static MigSpiQuery query = {
		"UPDATE migrate.revision SET down_revision = $2, depends_on = $3,"
		"  branch_labels = $4, message = $5, upgrade = $6, upgrade_hash = $7,"
		"  upgrade_statements = $8, upgrade_nontransactional = $9,"
		"  upgrade_transactions = $10, downgrade = $11, downgrade_hash = $12,"
		"  downgrade_statements = $13, downgrade_nontransactional = $14,"
		"  downgrade_transactions = $15, settings = $17,"
		"  upgrade_transactional = $18,"
		"  downgrade_transactional = CASE WHEN $11 IS NOT NULL THEN $19 END, allow = $20,"
		"  verify = $21, verify_hash = $22, external = $23, downgrade_external = $24,"
		"  replaces = $25,"
		"  registered_by = pg_catalog.pg_get_userbyid($16),"
		"  registered_by_oid = $16, origin = " MIG_SPI_ORIGIN ","
		"  registered_at = pg_catalog.clock_timestamp()"
		" WHERE revision = $1"
	};

	write_revision(&query, revision, author);
}

/*
 * Gives revisions other down revisions, one each; "": it is a base.  The heads are
 * to be marked anew then.
 */
void
mig_revision_set_down(char *const *ids, char *const *down, int nids)
{
	static MigSpiQuery query = {
		"UPDATE migrate.revision AS r SET down_revision ="
		"  CASE i.down WHEN '' THEN '{}'::text[] ELSE ARRAY[i.down] END"
		"  FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS i (id, down)"
		" WHERE r.revision = i.id"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_texts(&args, ids, nids);
	mig_spi_arg_texts(&args, down, nids);
	mig_spi_write(&query, &args);
}

/*
 * Replaces the waivers of a revision, and what it replaces: they change nothing
 * of what is run.
 */
void
mig_revision_set_remarks(const MigRevisionDef *def)
{
	static MigSpiQuery query = {
		"UPDATE migrate.revision SET allow = $2, replaces = $3 WHERE revision = $1",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, def->id);
	mig_spi_arg_text(&args, def->allow);
	mig_spi_arg_texts(&args, def->replaces, def->nreplaces);
	mig_spi_write(&query, &args);
}

/*
 * Puts one id in the place of another one in what revisions are built on and
 * depend on.  The marks of the heads are to be set anew.
 */
void
mig_revision_rename_parent(const char *old, const char *new)
{
	static MigSpiQuery query = {
		"UPDATE migrate.revision"
		"   SET down_revision = pg_catalog.array_replace(down_revision, $1, $2),"
		"       depends_on = pg_catalog.array_replace(depends_on, $1, $2)"
		" WHERE $1 = ANY (down_revision) OR $1 = ANY (depends_on)"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, old);
	mig_spi_arg_text(&args, new);
	mig_spi_write(&query, &args);
}

/*
 * Removes a revision.  The marks of what it was built on are to be set anew.
 */
void
mig_revision_delete(const char *id)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.revision WHERE revision = $1",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, id);
	mig_spi_write(&query, &args);
}

/*
 * Takes the head marks from what a new revision is built on.  Also from a
 * revision that has none, so that the update conflicts with a session that has
 * just removed it.
 */
void
mig_revision_cover(const MigRevisionDef *def)
{
	static MigSpiQuery cover_down = {
		"UPDATE migrate.revision SET is_head = false, is_real_head = false"
		" WHERE revision = ANY ($1)",
		.by_key = true
	};
	static MigSpiQuery cover_depends = {
		"UPDATE migrate.revision SET is_real_head = false"
		" WHERE revision IN ("
		"  SELECT r.revision FROM migrate.revision AS r"
		"   WHERE r.revision = ANY ($1)"
		"  UNION ALL"
		"  SELECT r.revision FROM migrate.revision AS r"
		"   WHERE r.branch_labels <> '{}' AND r.branch_labels && $1)",
		.by_key = true
	};

	if (def->ndown > 0)
		write_ids(&cover_down, def->down, def->ndown);
	if (def->ndepends > 0)
		write_ids(&cover_depends, def->depends, def->ndepends);
}

/*
 * Sets all head marks to what the graph says, after a change of edges.
 */
void
mig_revision_set_heads(const MigGraph *graph)
{
	static MigSpiQuery query = {
		"UPDATE migrate.revision AS r"
		"   SET is_head = h.is_head, is_real_head = h.is_real_head"
		"  FROM (SELECT i.revision, i.revision = ANY ($1) AS is_head,"
		"               i.revision = ANY ($2) AS is_real_head"
		"          FROM migrate.revision AS i) AS h"
		" WHERE r.revision = h.revision"
		"   AND (r.is_head <> h.is_head OR r.is_real_head <> h.is_real_head)"
	};
	MigSpiArgs	args = {0};

	for (int real = 0; real < 2; real++)
	{
		MigRevList	heads = mig_graph_heads(graph, real);
		char	  **ids = palloc(sizeof(char *) * Max(heads.n, 1));

		for (int i = 0; i < heads.n; i++)
			ids[i] = unconstify(char *, mig_graph_id(graph, heads.rev[i]));
		mig_spi_arg_texts(&args, ids, heads.n);
	}
	mig_spi_write(&query, &args);
}

/*
 * Gives a statement the parameters that insert and update share.
 */
static void
write_revision(MigSpiQuery *query, const MigRevision *revision, Oid author)
{
	const MigRevisionDef *def = &revision->def;
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, def->id);
	mig_spi_arg_texts(&args, def->down, def->ndown);
	mig_spi_arg_texts(&args, def->depends, def->ndepends);
	mig_spi_arg_texts(&args, def->labels, def->nlabels);
	mig_spi_arg_text(&args, def->message);
	add_body_args(&args, def->upgrade, &revision->upgrade);
	add_body_args(&args, def->downgrade, &revision->downgrade);
	mig_spi_arg_oid(&args, author);
	mig_spi_arg_text(&args, def->settings);
	mig_spi_arg_bool(&args, !def->upgrade_per_statement);
	mig_spi_arg_bool(&args, !def->downgrade_per_statement);
	mig_spi_arg_text(&args, def->allow);
	mig_spi_arg_text(&args, def->verify);
	mig_spi_arg_text(&args, def->verify == NULL ? NULL : revision->verify.hash);
	mig_spi_arg_text(&args, def->external);
	mig_spi_arg_text(&args, def->downgrade_external);
	mig_spi_arg_texts(&args, def->replaces, def->nreplaces);
	mig_spi_write(query, &args);
}

static void
add_body_args(MigSpiArgs *args, const char *text, const MigBody *body)
{
	bool		isnull = text == NULL;

	mig_spi_arg_text(args, text);
	mig_spi_arg_text(args, isnull ? NULL : body->hash);
	mig_spi_arg_datum(args, INT4OID, Int32GetDatum(body->nstatements), isnull);
	mig_spi_arg_datum(args, INT4OID, Int32GetDatum(body->nnontransactional),
					  isnull);
	mig_spi_arg_datum(args, INT4OID, Int32GetDatum(body->ntransactions),
					  isnull);
}

/*
 * Runs a statement whose parameter is a list of ids.
 */
static void
write_ids(MigSpiQuery *query, char *const *ids, int nids)
{
	MigSpiArgs	args = {0};

	mig_spi_arg_texts(&args, ids, nids);
	mig_spi_write(query, &args);
}
