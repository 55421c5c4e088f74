/*
 * revision.c
 *	  migrate.revision: registered bodies.
 *
 * The graph is read without the bodies, and whether there is anything to do
 * without the graph: the table marks its heads.  So a start-up check costs
 * the same at ten and at a hundred thousand revisions.  The marks are kept
 * here, by whoever changes an edge.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/spi.h"
#include "tables/revision.h"

#define DESCRIBE_COLUMNS \
	"r.revision, r.down_revision, r.depends_on, r.branch_labels, r.message," \
	" r.upgrade_hash, r.upgrade_statements, r.upgrade_nontransactional," \
	" r.upgrade_transactions," \
	" r.downgrade_hash, r.downgrade_statements, r.downgrade_nontransactional," \
	" r.downgrade_transactions," \
	" r.registered_by, r.registered_at, r.settings"

/* What write_revision() binds. */
#define REVISION_PARAMETER_TYPES \
	{TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID, \
	 TEXTOID, TEXTOID, INT4OID, INT4OID, INT4OID, \
	 TEXTOID, TEXTOID, INT4OID, INT4OID, INT4OID, OIDOID, TEXTOID}

static void read_revision(const MigSpiScope *scope, uint64 row,
						  MigRevision *revision);
static void read_body(const MigSpiScope *scope, uint64 row, int hash_column,
					  MigBody *body);
static void write_revision(MigSpiQuery *query, const MigRevision *revision,
						   Oid author);
static void execute_on_ids(MigSpiQuery *query, char *const *ids, int nids);
static char *first_of(MigSpiQuery *query, Datum *values, char **detail);

/* For messages. */
const char *const mig_revision_name = "migrate.revision";

Oid
mig_revision_relid(void)
{
	static MigSpiQuery query = {
		"SELECT 'migrate.revision'::pg_catalog.regclass::pg_catalog.oid"
	};
	MigSpiScope scope;
	bool		isnull;
	Oid			relid;

	mig_spi_begin(&scope, MIG_SPI_OWNER);
	mig_spi_old_execute(&query, NULL, NULL, MIG_SPI_READ_LATEST);
	relid = DatumGetObjectId(mig_spi_old_value(0, 1, &isnull));
	mig_spi_end(&scope);
	return relid;
}

/*
 * The whole graph, without bodies.
 */
MigGraph *
mig_revision_graph(MigSpiAccess access)
{
	static MigSpiQuery query = {
		"SELECT revision, down_revision, branch_labels, depends_on"
		"  FROM migrate.revision"
	};
	MigGraph   *graph;
	MigSpiScope scope;
	MemoryContext row_context;
	uint64		nrows;

	mig_spi_begin(&scope, MIG_SPI_OWNER);
	nrows = mig_spi_old_execute(&query, NULL, NULL, access);

	/* The graph is the caller's, what a row unpacks to is not. */
	row_context = AllocSetContextCreate(scope.caller, "migrate row",
										ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scope.caller);
	graph = mig_graph_create((int) nrows);
	for (uint64 i = 0; i < nrows; i++)
	{
		MigSpiScope row_scope = scope;
		char	   *id;
		char	  **down;
		char	  **labels;
		char	  **depends;
		int			ndown;
		int			nlabels;
		int			ndepends;

		row_scope.caller = row_context;
		id = mig_spi_old_text(&row_scope, i, 1);
		down = mig_spi_old_text_array(&row_scope, i, 2, &ndown);
		labels = mig_spi_old_text_array(&row_scope, i, 3, &nlabels);
		depends = mig_spi_old_text_array(&row_scope, i, 4, &ndepends);
		mig_graph_add(graph, id, ndown, down, nlabels, labels,
					  ndepends, depends);
		MemoryContextReset(row_context);
	}
	MemoryContextDelete(row_context);
	mig_spi_end(&scope);

	mig_graph_finish(graph);
	return graph;
}

/*
 * The heads, or real heads, by the marks in the table, sorted.
 */
char	  **
mig_revision_heads(bool real, MigSpiAccess access, int *nheads)
{
	static MigSpiQuery heads = {
		"SELECT revision FROM migrate.revision WHERE is_head ORDER BY revision"
	};
	static MigSpiQuery real_heads = {
		"SELECT revision FROM migrate.revision WHERE is_real_head ORDER BY revision"
	};

	return mig_spi_old_list(real ? &real_heads : &heads, NULL, MIG_SPI_OWNER,
							access, nheads);
}

/*
 * What each revision is, whatever its text: the hashes of its bodies.
 */
char	  **
mig_revision_hashes(char *const *ids, int nids, MigSpiAccess access)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.concat_ws(':', r.upgrade_hash, r.downgrade_hash)"
		"  FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, place)"
		"  JOIN migrate.revision AS r ON r.revision = i.id"
		" ORDER BY i.place",
		1, {TEXTARRAYOID}
	};
	Datum		values[1];
	int			nresult;

	values[0] = mig_spi_array_datum(ids, nids);
	return mig_spi_old_list(&query, values, MIG_SPI_OWNER, access, &nresult);
}

/*
 * A revision by its exact id, without body texts, or NULL.
 */
MigRevision *
mig_revision_find(const char *id)
{
	static MigSpiQuery query = {
		"SELECT " DESCRIBE_COLUMNS ", NULL::text, NULL::text"
		"  FROM migrate.revision AS r WHERE r.revision = $1",
		1, {TEXTOID}, NULL, true
	};
	MigRevision *revision = NULL;
	Datum		values[1];
	MigSpiScope scope;

	values[0] = CStringGetTextDatum(id);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	if (mig_spi_old_execute(&query, values, NULL, MIG_SPI_READ_LATEST) > 0)
	{
		revision = MemoryContextAlloc(scope.caller, sizeof(MigRevision));
		read_revision(&scope, 0, revision);
	}
	mig_spi_end(&scope);
	return revision;
}

/*
 * The rows of revisions that exist, in the order of ids; for questions, so
 * with the caller's snapshot.
 */
MigRevision *
mig_revision_describe(char *const *ids, int nids, bool with_bodies)
{
	static MigSpiQuery query = {
		"SELECT " DESCRIBE_COLUMNS ","
		"       CASE WHEN $2 THEN r.upgrade END,"
		"       CASE WHEN $2 THEN r.downgrade END"
		"  FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, place)"
		"  JOIN migrate.revision AS r ON r.revision = i.id"
		" ORDER BY i.place",
		2, {TEXTARRAYOID, BOOLOID}
	};
	MigRevision *revisions;
	Datum		values[2];
	MigSpiScope scope;
	uint64		nrows;

	values[0] = mig_spi_array_datum(ids, nids);
	values[1] = BoolGetDatum(with_bodies);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	nrows = mig_spi_old_execute(&query, values, NULL, MIG_SPI_READ_CALLER);
	if (nrows != (uint64) nids)
		elog(ERROR, "found " UINT64_FORMAT " of %d revisions", nrows, nids);
	revisions = MemoryContextAllocHuge(scope.caller,
									   sizeof(MigRevision) * Max(nrows, 1));
	for (uint64 i = 0; i < nrows; i++)
		read_revision(&scope, i, &revisions[i]);
	mig_spi_end(&scope);
	return revisions;
}

/*
 * The body that a step runs.  For a stamp only the message.
 */
void
mig_revision_body(const char *id, MigCommand command, MigStepBody *body)
{
	static MigSpiQuery query = {
		"SELECT message, CASE WHEN $2 THEN downgrade ELSE upgrade END,"
		"       CASE WHEN $2 THEN downgrade_hash ELSE upgrade_hash END,"
		"       registered_by, settings"
		"  FROM migrate.revision WHERE revision = $1",
		2, {TEXTOID, BOOLOID}, NULL, true
	};
	Datum		values[2];
	MigSpiScope scope;

	memset(body, 0, sizeof(*body));
	values[0] = CStringGetTextDatum(id);
	values[1] = BoolGetDatum(command == MIG_COMMAND_DOWNGRADE);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	if (mig_spi_old_execute(&query, values, NULL, MIG_SPI_READ_LATEST) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("revision \"%s\" does not exist", id),
				 errdetail("It was removed since the run began.")));
	body->message = mig_spi_old_text(&scope, 0, 1);
	body->author = mig_spi_old_text(&scope, 0, 4);
	body->settings = mig_spi_old_text(&scope, 0, 5);
	if (command != MIG_COMMAND_STAMP)
	{
		body->text = mig_spi_old_text(&scope, 0, 2);
		body->hash = mig_spi_old_text(&scope, 0, 3);
	}
	mig_spi_end(&scope);
}

/*
 * The first revision whose author has less than the runner: neither the
 * runner, nor a superuser, nor a member of the runner's role.  A role that is
 * gone has nothing.
 */
char *
mig_revision_not_author(char *const *ids, int nids, Oid runner,
						char **author)
{
	static MigSpiQuery query = {
		"WITH s AS MATERIALIZED ("
		"  SELECT r.revision, r.registered_by, i.place"
		"    FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, place)"
		"    JOIN migrate.revision AS r ON r.revision = i.id),"
		" lesser AS MATERIALIZED ("
		"  SELECT a.registered_by"
		"    FROM (SELECT DISTINCT registered_by FROM s) AS a"
		"    LEFT JOIN pg_catalog.pg_roles AS o ON o.rolname = a.registered_by"
		"   WHERE o.oid IS NULL"
		"      OR NOT " MIG_COMPAT_HAS_ROLE("o.oid", "$2") ")"
		" SELECT s.revision, s.registered_by"
		"  FROM s JOIN lesser USING (registered_by) ORDER BY s.place LIMIT 1",
		2, {TEXTARRAYOID, OIDOID}
	};
	Datum		values[2];

	values[0] = mig_spi_array_datum(ids, nids);
	values[1] = ObjectIdGetDatum(runner);
	return first_of(&query, values, author);
}

/*
 * The first revision whose body holds a statement that refuses a transaction
 * block.
 */
char *
mig_revision_nontransactional(char *const *ids, int nids, MigCommand command)
{
	static MigSpiQuery query = {
		"SELECT r.revision"
		"  FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, place)"
		"  JOIN migrate.revision AS r ON r.revision = i.id"
		" WHERE CASE WHEN $2 THEN r.downgrade_nontransactional"
		"       ELSE r.upgrade_nontransactional END > 0"
		" ORDER BY i.place LIMIT 1",
		2, {TEXTARRAYOID, BOOLOID}
	};
	Datum		values[2];

	values[0] = mig_spi_array_datum(ids, nids);
	values[1] = BoolGetDatum(command == MIG_COMMAND_DOWNGRADE);
	return first_of(&query, values, NULL);
}

/*
 * The first revision without a downgrade.
 */
char *
mig_revision_irreversible(char *const *ids, int nids)
{
	static MigSpiQuery query = {
		"SELECT r.revision"
		"  FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, place)"
		"  JOIN migrate.revision AS r ON r.revision = i.id"
		" WHERE r.downgrade IS NULL"
		" ORDER BY i.place LIMIT 1",
		1, {TEXTARRAYOID}
	};
	Datum		values[1];

	values[0] = mig_spi_array_datum(ids, nids);
	return first_of(&query, values, NULL);
}

/*
 * Those of ids that are no revision, nor (if labels_too) a label.
 */
char	  **
mig_revision_missing(char *const *ids, int nids, bool labels_too,
					 int *nmissing)
{
	static MigSpiQuery query = {
		"SELECT i.id"
		"  FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, place)"
		" WHERE NOT EXISTS (SELECT FROM migrate.revision AS r"
		"                    WHERE r.revision = i.id)"
		"   AND NOT ($2 AND EXISTS (SELECT FROM migrate.revision AS r"
		"                    WHERE r.branch_labels <> '{}'"
		"                      AND r.branch_labels @> ARRAY[i.id]))"
		" ORDER BY i.place",
		2, {TEXTARRAYOID, BOOLOID}, NULL, true
	};
	Datum		values[2];

	values[0] = mig_spi_array_datum(ids, nids);
	values[1] = BoolGetDatum(labels_too);
	return mig_spi_old_list(&query, values, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
							nmissing);
}

/*
 * The revision, other than except_id, that is called so or has that label,
 * or NULL.
 */
char *
mig_revision_label_user(const char *label, const char *except_id)
{
	static MigSpiQuery query = {
		"SELECT r.revision FROM migrate.revision AS r"
		" WHERE r.revision = $1 AND r.revision <> $2"
		" UNION ALL "
		"SELECT r.revision FROM migrate.revision AS r"
		" WHERE r.branch_labels <> '{}' AND r.branch_labels @> ARRAY[$1]"
		"   AND r.revision <> $2"
		" LIMIT 1",
		2, {TEXTOID, TEXTOID}, NULL, true
	};
	Datum		values[2];

	values[0] = CStringGetTextDatum(label);
	values[1] = CStringGetTextDatum(except_id);
	return first_of(&query, values, NULL);
}

/*
 * The revisions that are built on this one or depend on it, by id or label.
 */
char	  **
mig_revision_dependents(const char *id, int *ndependents)
{
	static MigSpiQuery query = {
		"SELECT c.revision"
		"  FROM migrate.revision AS r"
		"  JOIN migrate.revision AS c"
		"    ON r.revision = ANY (c.down_revision)"
		"    OR c.depends_on && (r.branch_labels || r.revision::text)"
		" WHERE r.revision = $1 ORDER BY c.revision",
		1, {TEXTOID}
	};
	Datum		values[1];

	values[0] = CStringGetTextDatum(id);
	return mig_spi_old_list(&query, values, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
							ndependents);
}

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
		"  is_head, is_real_head, registered_by, settings)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
		"  $14, $15, true, true, pg_catalog.pg_get_userbyid($16), $17)",
		17, REVISION_PARAMETER_TYPES
	};

	write_revision(&query, revision, author);
}

/*
 * Replaces all of a revision but its id.
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
		"  registered_by = pg_catalog.pg_get_userbyid($16),"
		"  registered_at = pg_catalog.clock_timestamp()"
		" WHERE revision = $1",
		17, REVISION_PARAMETER_TYPES
	};

	write_revision(&query, revision, author);
}

void
mig_revision_delete(char *id)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.revision WHERE revision = ANY ($1)",
		1, {TEXTARRAYOID}, NULL, true
	};

	execute_on_ids(&query, &id, 1);
}

/*
 * Takes the head marks from what a new revision was built on.  Also from what
 * has none: if somebody has just removed that, the update finds it out.
 */
void
mig_revision_cover(const MigRevision *revision)
{
	static MigSpiQuery cover_down = {
		"UPDATE migrate.revision SET is_head = false, is_real_head = false"
		" WHERE revision = ANY ($1)",
		1, {TEXTARRAYOID}, NULL, true
	};
	static MigSpiQuery cover_depends = {
		"UPDATE migrate.revision SET is_real_head = false"
		" WHERE revision IN ("
		"  SELECT r.revision FROM migrate.revision AS r"
		"   WHERE r.revision = ANY ($1)"
		"  UNION ALL"
		"  SELECT r.revision FROM migrate.revision AS r"
		"   WHERE r.branch_labels <> '{}' AND r.branch_labels && $1)",
		1, {TEXTARRAYOID}, NULL, true
	};

	if (revision->ndown > 0)
		execute_on_ids(&cover_down, revision->down, revision->ndown);
	if (revision->ndepends > 0)
		execute_on_ids(&cover_depends, revision->depends, revision->ndepends);
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
		"   AND (r.is_head <> h.is_head OR r.is_real_head <> h.is_real_head)",
		2, {TEXTARRAYOID, TEXTARRAYOID}
	};
	Datum		values[2];
	MigSpiScope scope;

	for (int real = 0; real < 2; real++)
	{
		int			nheads;
		int		   *heads = mig_graph_heads(graph, real, &nheads);
		char	  **ids = palloc(sizeof(char *) * Max(nheads, 1));

		for (int i = 0; i < nheads; i++)
			ids[i] = unconstify(char *, mig_graph_id(graph, heads[i]));
		values[real] = mig_spi_array_datum(ids, nheads);
	}
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	mig_spi_old_execute(&query, values, NULL, MIG_SPI_WRITE);
	mig_spi_end(&scope);
}

/*
 * Unpacks a row of DESCRIBE_COLUMNS and the two body texts.
 */
static void
read_revision(const MigSpiScope *scope, uint64 row, MigRevision *revision)
{
	bool		isnull;

	revision->id = mig_spi_old_text(scope, row, 1);
	revision->down = mig_spi_old_text_array(scope, row, 2, &revision->ndown);
	revision->depends = mig_spi_old_text_array(scope, row, 3, &revision->ndepends);
	revision->labels = mig_spi_old_text_array(scope, row, 4, &revision->nlabels);
	revision->message = mig_spi_old_text(scope, row, 5);
	read_body(scope, row, 6, &revision->upgrade);
	read_body(scope, row, 10, &revision->downgrade);
	revision->registered_by = mig_spi_old_text(scope, row, 14);
	revision->registered_at = DatumGetTimestampTz(mig_spi_old_value(row, 15,
																	&isnull));
	revision->settings = mig_spi_old_text(scope, row, 16);
	revision->upgrade.text = mig_spi_old_text(scope, row, 17);
	revision->downgrade.text = mig_spi_old_text(scope, row, 18);
}

static void
read_body(const MigSpiScope *scope, uint64 row, int hash_column, MigBody *body)
{
	bool		isnull;
	char	   *hash = mig_spi_old_text(scope, row, hash_column);

	memset(body, 0, sizeof(*body));
	if (hash == NULL)
		return;
	strlcpy(body->hash, hash, sizeof(body->hash));
	body->nstatements = DatumGetInt32(mig_spi_old_value(row, hash_column + 1,
														&isnull));
	body->nnontransactional = DatumGetInt32(mig_spi_old_value(row, hash_column + 2,
															  &isnull));
	body->ntransactions = DatumGetInt32(mig_spi_old_value(row, hash_column + 3,
														  &isnull));
}

/*
 * Binds a revision to the parameters that insert and update share.
 */
static void
write_revision(MigSpiQuery *query, const MigRevision *revision, Oid author)
{
	Datum		values[17];
	char		nulls[18] = "                 ";
	MigSpiScope scope;

	memset(values, 0, sizeof(values));
	values[0] = CStringGetTextDatum(revision->id);
	values[1] = mig_spi_array_datum(revision->down, revision->ndown);
	values[2] = mig_spi_array_datum(revision->depends, revision->ndepends);
	values[3] = mig_spi_array_datum(revision->labels, revision->nlabels);
	if (revision->message != NULL)
		values[4] = CStringGetTextDatum(revision->message);
	else
		nulls[4] = 'n';
	values[5] = CStringGetTextDatum(revision->upgrade.text);
	values[6] = CStringGetTextDatum(revision->upgrade.hash);
	values[7] = Int32GetDatum(revision->upgrade.nstatements);
	values[8] = Int32GetDatum(revision->upgrade.nnontransactional);
	values[9] = Int32GetDatum(revision->upgrade.ntransactions);
	if (revision->downgrade.text != NULL)
	{
		values[10] = CStringGetTextDatum(revision->downgrade.text);
		values[11] = CStringGetTextDatum(revision->downgrade.hash);
		values[12] = Int32GetDatum(revision->downgrade.nstatements);
		values[13] = Int32GetDatum(revision->downgrade.nnontransactional);
		values[14] = Int32GetDatum(revision->downgrade.ntransactions);
	}
	else
		memset(&nulls[10], 'n', 5);
	values[15] = ObjectIdGetDatum(author);
	values[16] = mig_spi_old_text_datum(revision->settings, &nulls[16]);

	mig_spi_begin(&scope, MIG_SPI_OWNER);
	mig_spi_old_execute(query, values, nulls, MIG_SPI_WRITE);
	mig_spi_end(&scope);
}

/*
 * Runs a statement whose parameter is a list of names.
 */
static void
execute_on_ids(MigSpiQuery *query, char *const *ids, int nids)
{
	Datum		values[1];
	MigSpiScope scope;

	values[0] = mig_spi_array_datum(ids, nids);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	mig_spi_old_execute(query, values, NULL, MIG_SPI_WRITE);
	mig_spi_end(&scope);
}

/*
 * The first column of the first row, or NULL; the second one in detail.
 */
static char *
first_of(MigSpiQuery *query, Datum *values, char **detail)
{
	MigSpiScope scope;
	char	   *result = NULL;

	mig_spi_begin(&scope, MIG_SPI_OWNER);
	if (mig_spi_old_execute(query, values, NULL, MIG_SPI_READ_LATEST) > 0)
	{
		result = mig_spi_old_text(&scope, 0, 1);
		if (detail != NULL)
			*detail = mig_spi_old_text(&scope, 0, 2);
	}
	mig_spi_end(&scope);
	return result;
}
