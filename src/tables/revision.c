/*
 * revision.c
 *	  Reads migrate.revision: registered bodies.
 *
 * The graph is read without the bodies.  Whether there is anything to do is
 * known without the graph, because the table marks its heads: a start-up check
 * takes the same time at ten and at a hundred thousand revisions.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/spi.h"
#include "tables/log.h"
#include "tables/revision.h"

#define DESCRIBE_COLUMNS \
	"r.revision, r.down_revision, r.depends_on, r.branch_labels, r.message," \
	" r.settings, r.upgrade_hash, r.upgrade_statements, r.upgrade_nontransactional," \
	" r.upgrade_transactions," \
	" r.downgrade_hash, r.downgrade_statements, r.downgrade_nontransactional," \
	" r.downgrade_transactions," \
	" r.registered_by, r.registered_at," \
	" NOT r.upgrade_transactional, NOT r.downgrade_transactional, r.allow," \
	" r.verify_hash, r.external, r.downgrade_external, r.replaces"

/* What a step reads, of a revision r with the body that it runs. */
#define STEP_COLUMNS \
	"r.revision, r.message, r.settings, r.registered_by, r.registered_by_oid," \
	" r.body, r.body_hash, " MIG_REVISION_HASH("r") ", r.per_statement, r.verify," \
	" r.step_external"
#define STEP_BODY(downgrade) \
	"r.revision, r.down_revision, r.depends_on, r.branch_labels, r.message," \
	" r.settings, r.registered_by, r.registered_by_oid, r.upgrade_hash," \
	" r.downgrade_hash, r.upgrade_transactional, r.downgrade_transactional," \
	" r.verify_hash, CASE WHEN NOT " downgrade " THEN r.verify END AS verify," \
	" CASE WHEN " downgrade " THEN r.downgrade ELSE r.upgrade END AS body," \
	" CASE WHEN " downgrade " THEN r.downgrade_hash ELSE r.upgrade_hash" \
	" END AS body_hash," \
	" NOT CASE WHEN " downgrade " THEN r.downgrade_transactional" \
	" ELSE r.upgrade_transactional END AS per_statement," \
	" r.external, r.downgrade_external," \
	" CASE WHEN " downgrade " THEN r.downgrade_external ELSE r.external" \
	" END AS step_external"

#define NODES \
	"SELECT revision, down_revision, branch_labels, depends_on" \
	"  FROM migrate.revision"

/* A body that is not read together with others. */
#define LARGE_BODY				32768	/* bytes */

static void read_node(const MigSpiRow *row, void *result);
static void read_revision(const MigSpiRow *row, void *result);
static void read_body(const MigSpiRow *row, int hash_column, MigBody *body);
static void read_hash(const MigSpiRow *row, int column, MigBody *body);
static void forget_body(MigStepBody *body);
pg_noreturn static void refuse_removed(const char *id);
static void read_step_body(const MigSpiRow *row, void *result);
static void check_found(int nrows, int nids);
static void read_texts(const MigSpiRow *row, void *result);
static void read_twin(const MigSpiRow *row, void *result);
static void read_pair(const MigSpiRow *row, void *result);
static void read_check(const MigSpiRow *row, void *result);

/* For messages. */
const char *const mig_revision_name = "migrate.revision";

/*
 * The OID of the table, by which the registry is locked.
 */
Oid
mig_revision_relid(void)
{
	static MigSpiQuery query = {
		"SELECT " MIG_REVISION_RELID
	};
	Datum		relid;

	if (!mig_spi_first_datum(&query, NULL, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
							 OIDOID, &relid))
		elog(ERROR, "migrate.revision has no OID");
	return DatumGetObjectId(relid);
}

/*
 * The graph of all revisions, in the current memory context.
 */
MigGraph *
mig_revision_graph(MigSpiAccess access)
{
	static MigSpiQuery query = {NODES};
	MigGraph   *graph;
	MigSpiScope scope;
	MemoryContext row_context;
	uint64		nrows;

	mig_spi_begin(&scope, MIG_SPI_OWNER);
	nrows = mig_spi_execute(&scope, &query, NULL, access);

	/* The graph copies what it keeps of a row. */
	row_context = AllocSetContextCreate(scope.caller, "migrate row",
										ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scope.caller);
	graph = mig_graph_create((int) nrows);
	for (uint64 i = 0; i < nrows; i++)
	{
		MigSpiRow	row = mig_spi_fetch(&scope, i);
		MigRevisionDef def;

		row.memory = row_context;
		read_node(&row, &def);
		mig_graph_add(graph, &def);
		MemoryContextReset(row_context);
	}
	MemoryContextDelete(row_context);
	mig_spi_end(&scope);

	mig_graph_finish(graph);
	return graph;
}

static void
read_node(const MigSpiRow *row, void *result)
{
	MigRevisionDef *def = result;

	memset(def, 0, sizeof(*def));
	def->id = mig_spi_row_text_not_null(row, 1);
	def->down = mig_spi_row_texts(row, 2, &def->ndown);
	def->labels = mig_spi_row_texts(row, 3, &def->nlabels);
	def->depends = mig_spi_row_texts(row, 4, &def->ndepends);
}

/*
 * What the graph is made of, for one with other revisions in it.
 */
MigRevisionDef *
mig_revision_nodes(MigSpiAccess access, int *n)
{
	static MigSpiQuery query = {NODES};

	return mig_spi_rows(&query, NULL, MIG_SPI_OWNER, access,
						sizeof(MigRevisionDef), read_node, n);
}

/*
 * The heads, or real heads, by the marks in the table, sorted.
 */
char	  **
mig_revision_heads(bool real, MigSpiAccess access, int *nheads)
{
	static MigSpiQuery heads = {
		"SELECT revision FROM migrate.revision WHERE is_head ORDER BY revision",
		.by_key = true
	};
	static MigSpiQuery real_heads = {
		"SELECT revision FROM migrate.revision WHERE is_real_head ORDER BY revision",
		.by_key = true
	};

	return mig_spi_list(real ? &real_heads : &heads, NULL, MIG_SPI_OWNER,
						access, nheads);
}

/*
 * A revision by its exact id, without body texts, or NULL.
 */
MigRevision *
mig_revision_find(const char *id)
{
	static MigSpiQuery query = {
		"SELECT " DESCRIBE_COLUMNS ", NULL::text, NULL::text, NULL::text,"
		"       " MIG_REVISION_HASH("r")
		"  FROM migrate.revision AS r WHERE r.revision = $1",
		.by_key = true
	};
	MigRevision *revision = palloc(sizeof(MigRevision));
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, id);
	if (mig_spi_row(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
					read_revision, revision))
		return revision;
	pfree(revision);
	return NULL;
}

/*
 * The rows of revisions that exist, in the order of ids, by the caller's
 * snapshot: they are shown, nothing is done with them.  With the bodies comes
 * the hash.
 */
MigRevision *
mig_revision_describe(char *const *ids, int nids, bool with_bodies)
{
	static MigSpiQuery query = {
		"SELECT " DESCRIBE_COLUMNS ","
		"       CASE WHEN $2 THEN r.upgrade END,"
		"       CASE WHEN $2 THEN r.downgrade END,"
		"       CASE WHEN $2 THEN r.verify END,"
		"       CASE WHEN $2 THEN " MIG_REVISION_HASH("r") " END"
		"  FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, ordinality)"
		"  JOIN migrate.revision AS r ON r.revision = i.id"
		" ORDER BY i.ordinality",
		.by_key = true
	};
	MigRevision *revisions;
	MigSpiArgs	args = {0};
	int			nrows;

	mig_spi_arg_texts(&args, ids, nids);
	mig_spi_arg_bool(&args, with_bodies);
	revisions = mig_spi_rows(&query, &args, MIG_SPI_OWNER,
							 MIG_SPI_READ_CALLER, sizeof(MigRevision),
							 read_revision, &nrows);
	check_found(nrows, nids);
	return revisions;
}

/*
 * They exist, so only what the owner of the table has changed can hide one.
 */
static void
check_found(int nrows, int nids)
{
	if (nrows != nids)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%d of %d revisions could not be read",
						nids - nrows, nids),
				 errdetail("A column of migrate.revision is not as the extension has made it, or has a null.")));
}

/*
 * The body that a step runs, and what it needs to know about the revision.  A
 * stamp has no body.
 */
void
mig_revision_body(const char *id, MigCommand command, MigStepBody *body)
{
	static MigSpiQuery query = {
		"SELECT " STEP_COLUMNS
		"  FROM (SELECT " STEP_BODY("$2") " FROM migrate.revision AS r"
		"         WHERE r.revision = $1) AS r",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, id);
	mig_spi_arg_bool(&args, command == MIG_COMMAND_DOWNGRADE);
	if (!mig_spi_row(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
					 read_step_body, body))
		refuse_removed(id);
	if (command == MIG_COMMAND_STAMP)
		forget_body(body);
}

/*
 * The same for several steps, in the order of ids.  Returns how many of them: not
 * none, but up to one that is large.
 */
int
mig_revision_bodies(char *const *ids, int nids, MigCommand command,
					MigStepBody *bodies)
{
	static MigSpiQuery query = {
		"SELECT " STEP_COLUMNS
		"  FROM (SELECT i.ordinality, " STEP_BODY("$2")
		"          FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, ordinality)"
		"          JOIN migrate.revision AS r ON r.revision = i.id) AS r"
		" WHERE r.ordinality = 1"
		"    OR pg_catalog.octet_length(r.body)"
		"       + COALESCE(pg_catalog.octet_length(r.verify), 0)"
		"       <= " CppAsString2(LARGE_BODY)
		" ORDER BY r.ordinality",
		.by_key = true
	};
	MigSpiArgs	args = {0};
	MigStepBody *found;
	int			nfound;
	int			n = 0;

	mig_spi_arg_texts(&args, ids, nids);
	mig_spi_arg_bool(&args, command == MIG_COMMAND_DOWNGRADE);
	found = mig_spi_rows(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						 sizeof(MigStepBody), read_step_body, &nfound);
	/* Up to one that is large or was removed. */
	while (n < nfound && strcmp(found[n].id, ids[n]) == 0)
	{
		bodies[n] = found[n];
		if (command == MIG_COMMAND_STAMP)
			forget_body(&bodies[n]);
		n++;
	}
	if (n == 0)
		refuse_removed(ids[0]);
	return n;
}

static void
forget_body(MigStepBody *body)
{
	body->text = body->hash = body->revision_hash = body->verify = NULL;
	body->external = NULL;
}

static void
refuse_removed(const char *id)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("revision \"%s\" does not exist", id),
			 errdetail("It was removed since the run began.")));
}

static void
read_step_body(const MigSpiRow *row, void *result)
{
	MigStepBody *body = result;

	body->id = mig_spi_row_text_not_null(row, 1);
	body->message = mig_spi_row_text(row, 2);
	body->settings = mig_spi_row_text(row, 3);
	body->author = mig_spi_row_text_not_null(row, 4);
	body->author_oid = mig_spi_row_oid(row, 5);
	body->text = mig_spi_row_text_not_null(row, 6);
	body->hash = mig_spi_row_text_not_null(row, 7);
	body->revision_hash = mig_spi_row_text(row, 8);
	body->per_statement = mig_spi_row_bool(row, 9);
	body->verify = mig_spi_row_text(row, 10);
	body->external = mig_spi_row_text(row, 11);
}

/*
 * The texts of a revision, for what looks at them and runs nothing.
 */
void
mig_revision_texts(const char *id, MigSpiAccess access,
				   MigRevisionTexts *texts)
{
	static MigSpiQuery query = {
		"SELECT upgrade, downgrade, settings, allow,"
		"       NOT upgrade_transactional, NOT downgrade_transactional, verify,"
		"       external, downgrade_external,"
		"       down_revision[2] IS NOT NULL OR depends_on <> '{}'"
		"        OR branch_labels <> '{}' OR external IS NOT NULL"
		"        OR verify IS NOT NULL"
		"  FROM migrate.revision AS r WHERE revision = $1",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, id);
	if (!mig_spi_row(&query, &args, MIG_SPI_OWNER, access, read_texts, texts))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("revision \"%s\" does not exist", id)));
	texts->id = id;
}

static void
read_texts(const MigSpiRow *row, void *result)
{
	MigRevisionTexts *texts = result;

	texts->upgrade = mig_spi_row_text_not_null(row, 1);
	texts->downgrade = mig_spi_row_text(row, 2);
	texts->settings = mig_spi_row_text(row, 3);
	texts->allow = mig_spi_row_text(row, 4);
	texts->upgrade_per_statement = mig_spi_row_bool(row, 5);
	texts->downgrade_per_statement = mig_spi_row_bool(row, 6);
	texts->verify = mig_spi_row_text(row, 7);
	texts->external = mig_spi_row_text(row, 8);
	texts->downgrade_external = mig_spi_row_text(row, 9);
	texts->may_be_empty = mig_spi_row_bool(row, 10);
}

/*
 * What decides whether each revision may be run, in the order of ids, which
 * exist.
 *
 * An author has the runner's rights if it is the runner, a superuser, or a
 * member of the runner's role.  A role that does not exist any more has none.
 */
MigRevisionCheck *
mig_revision_check(char *const *ids, int nids, MigCommand command, Oid runner,
				   MigSpiAccess access)
{
	static MigSpiQuery query = {
		"WITH s AS MATERIALIZED ("
		"  SELECT r.registered_by, r.registered_by_oid, r.origin, i.ordinality,"
		"         r.downgrade IS NULL AS irreversible,"
		"         CASE WHEN $2 THEN r.downgrade_nontransactional > 0"
		"          OR (NOT r.downgrade_transactional AND r.downgrade_statements > 0)"
		"         ELSE r.upgrade_nontransactional > 0"
		"          OR (NOT r.upgrade_transactional AND r.upgrade_statements > 0)"
		"         END AS nontransactional,"
		"         CASE WHEN $2 THEN r.downgrade_external ELSE r.external"
		"         END AS external"
		"    FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, ordinality)"
		"    JOIN migrate.revision AS r ON r.revision = i.id),"
		" authors AS MATERIALIZED ("
		"  SELECT a.registered_by, a.registered_by_oid, a.origin,"
		"         o.oid IS NOT NULL AND " MIG_COMPAT_HAS_ROLE("o.oid", "$3") " AS trusted"
		"    FROM (SELECT DISTINCT registered_by, registered_by_oid, origin"
		"            FROM s) AS a"
		"    LEFT JOIN pg_catalog.pg_roles AS o"
		"      ON " MIG_SPI_IS_NOTED_ROLE("o", "a.registered_by",
										  "a.registered_by_oid", "a.origin") ")"
		" SELECT s.registered_by, a.trusted, s.irreversible, s.nontransactional,"
		"        s.external"
		"   FROM s JOIN authors AS a"
		"     ON a.registered_by = s.registered_by"
		"    AND a.registered_by_oid IS NOT DISTINCT FROM s.registered_by_oid"
		"    AND a.origin IS NOT DISTINCT FROM s.origin"
		"  ORDER BY s.ordinality",
		.by_key = true
	};
	MigSpiArgs	args = {0};
	MigRevisionCheck *checks;
	int			nrows;

	mig_spi_arg_texts(&args, ids, nids);
	mig_spi_arg_bool(&args, command == MIG_COMMAND_DOWNGRADE);
	mig_spi_arg_oid(&args, runner);
	checks = mig_spi_rows(&query, &args, MIG_SPI_OWNER, access,
						  sizeof(MigRevisionCheck), read_check, &nrows);
	check_found(nrows, nids);
	return checks;
}

static void
read_check(const MigSpiRow *row, void *result)
{
	MigRevisionCheck *check = result;

	check->author = mig_spi_row_text_not_null(row, 1);
	check->trusted = mig_spi_row_bool(row, 2);
	check->irreversible = mig_spi_row_bool(row, 3);
	check->nontransactional = mig_spi_row_bool(row, 4);
	check->external = mig_spi_row_text(row, 5);
}

/*
 * MIG_REVISION_HASH of revisions, in the order of ids, which exist.
 */
char	  **
mig_revision_hashes(char *const *ids, int nids, MigSpiAccess access)
{
	static MigSpiQuery query = {
		"SELECT " MIG_REVISION_HASH("r")
		"  FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, ordinality)"
		"  JOIN migrate.revision AS r ON r.revision = i.id"
		" ORDER BY i.ordinality",
		.by_key = true
	};
	MigSpiArgs	args = {0};
	char	  **hashes;
	int			nrows;

	mig_spi_arg_texts(&args, ids, nids);
	hashes = mig_spi_list(&query, &args, MIG_SPI_OWNER, access, &nrows);
	check_found(nrows, nids);
	return hashes;
}

/*
 * Those of ids that are not the id of a revision, nor, if labels_too, a label.
 */
char	  **
mig_revision_missing(char *const *ids, int nids, bool labels_too,
					 MigSpiAccess access, int *nmissing)
{
	static MigSpiQuery query = {
		"SELECT i.id"
		"  FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, ordinality)"
		" WHERE NOT EXISTS (SELECT FROM migrate.revision AS r"
		"                    WHERE r.revision = i.id)"
		"   AND NOT ($2 AND EXISTS (SELECT FROM migrate.revision AS r"
		"                    WHERE r.branch_labels <> '{}'"
		"                      AND r.branch_labels @> ARRAY[i.id]))"
		" ORDER BY i.ordinality",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_texts(&args, ids, nids);
	mig_spi_arg_bool(&args, labels_too);
	return mig_spi_list(&query, &args, MIG_SPI_OWNER, access, nmissing);
}

/*
 * A revision other than except_id that has this id or label, or NULL.
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
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, label);
	mig_spi_arg_text(&args, except_id);
	return mig_spi_first(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
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
		" WHERE r.revision = $1 ORDER BY c.revision"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, id);
	return mig_spi_list(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						ndependents);
}

/*
 * Whether one of two roles is the author of a revision.
 */
bool
mig_revision_is_author(const char *id, Oid role, Oid other)
{
	static MigSpiQuery query = {
		"SELECT FROM migrate.revision AS r"
		"  JOIN pg_catalog.pg_roles AS o"
		"    ON " MIG_SPI_IS_NOTED_ROLE("o", "r.registered_by",
										"r.registered_by_oid", "r.origin")
		" WHERE r.revision = $1 AND (o.oid = $2 OR o.oid = $3)"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, id);
	mig_spi_arg_oid(&args, role);
	mig_spi_arg_oid(&args, other);
	return mig_spi_exists(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}

/*
 * Those of ids whose upgrade body, with a statement in it, is that of a revision which
 * is not one of except.
 */
MigRevisionTwin *
mig_revision_twins(char *const *ids, int nids, char *const *except, int nexcept,
				   int *ntwins)
{
	static MigSpiQuery query = {
		"SELECT i.id, t.revision"
		"  FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, ordinality)"
		"  JOIN migrate.revision AS r ON r.revision = i.id"
		/* Thousands can have the same one. */
		"  JOIN (SELECT o.upgrade_hash, pg_catalog.min(o.revision) AS revision"
		"          FROM migrate.revision AS o"
		"         WHERE NOT EXISTS (SELECT FROM pg_catalog.unnest($2) AS e (id)"
		"                            WHERE e.id = o.revision)"
		"         GROUP BY o.upgrade_hash) AS t ON t.upgrade_hash = r.upgrade_hash"
		" WHERE r.upgrade_statements > 0 ORDER BY i.ordinality"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_texts(&args, ids, nids);
	mig_spi_arg_texts(&args, except, nexcept);
	return mig_spi_rows(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						sizeof(MigRevisionTwin), read_twin, ntwins);
}

static void
read_twin(const MigSpiRow *row, void *result)
{
	MigRevisionTwin *twin = result;

	twin->id = mig_spi_row_text_not_null(row, 1);
	twin->twin = mig_spi_row_text_not_null(row, 2);
}

/*
 * The first of ids that a registered revision replaces, and that revision; both
 * NULL: none.
 */
void
mig_revision_replaced(char *const *ids, int nids, char **replaced, char **by)
{
	static MigSpiQuery query = {
		"SELECT i.id, r.revision"
		"  FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (id, ordinality)"
		"  JOIN migrate.revision AS r ON r.replaces @> ARRAY[i.id]"
		" WHERE r.replaces <> '{}'"
		" ORDER BY i.ordinality LIMIT 1",
		.by_key = true
	};
	MigSpiArgs	args = {0};
	char	   *found[2] = {NULL, NULL};

	mig_spi_arg_texts(&args, ids, nids);
	(void) mig_spi_row(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
					   read_pair, found);
	*replaced = found[0];
	*by = found[1];
}

static void
read_pair(const MigSpiRow *row, void *result)
{
	char	  **pair = result;

	pair[0] = mig_spi_row_text_not_null(row, 1);
	pair[1] = mig_spi_row_text_not_null(row, 2);
}

/*
 * Reads a row of DESCRIBE_COLUMNS, the bodies and the hash.
 */
static void
read_revision(const MigSpiRow *row, void *result)
{
	MigRevision *revision = result;
	MigRevisionDef *def = &revision->def;

	def->id = mig_spi_row_text_not_null(row, 1);
	def->down = mig_spi_row_texts(row, 2, &def->ndown);
	def->depends = mig_spi_row_texts(row, 3, &def->ndepends);
	def->labels = mig_spi_row_texts(row, 4, &def->nlabels);
	def->message = mig_spi_row_text(row, 5);
	def->settings = mig_spi_row_text(row, 6);
	read_body(row, 7, &revision->upgrade);
	read_body(row, 11, &revision->downgrade);
	revision->registered_by = mig_spi_row_text_not_null(row, 15);
	revision->registered_at = mig_spi_row_timestamptz(row, 16);
	def->upgrade_per_statement = mig_spi_row_bool(row, 17);
	def->downgrade_per_statement = mig_spi_row_bool(row, 18);
	def->allow = mig_spi_row_text(row, 19);
	memset(&revision->verify, 0, sizeof(revision->verify));
	read_hash(row, 20, &revision->verify);
	def->external = mig_spi_row_text(row, 21);
	def->downgrade_external = mig_spi_row_text(row, 22);
	def->replaces = mig_spi_row_texts(row, 23, &def->nreplaces);
	def->upgrade = mig_spi_row_text(row, 24);
	def->downgrade = mig_spi_row_text(row, 25);
	def->verify = mig_spi_row_text(row, 26);
	revision->hash = mig_spi_row_text(row, 27);
}

/*
 * Reads the four columns of a body.  One that is not there is all zeros.
 */
static void
read_body(const MigSpiRow *row, int hash_column, MigBody *body)
{
	read_hash(row, hash_column, body);
	body->nstatements = mig_spi_row_int32(row, hash_column + 1);
	body->nnontransactional = mig_spi_row_int32(row, hash_column + 2);
	body->ntransactions = mig_spi_row_int32(row, hash_column + 3);
}

static void
read_hash(const MigSpiRow *row, int column, MigBody *body)
{
	char	   *hash = mig_spi_row_text(row, column);

	strlcpy(body->hash, hash != NULL ? hash : "", sizeof(body->hash));
}
