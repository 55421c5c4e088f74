/*
 * needed_lock.c
 *	  Looks up which relations statements lock, and which transactions are in
 *	  their way.
 *
 * A statement says names (script/lock_need.c).  What they stand for is asked with
 * the rights and the search_path of the body, and what hangs on it as the
 * extension's owner, who also sees how old the transactions of other roles are.
 * What the caller may not see of a session stays hidden in what is said of it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/backend_status.h"

#include "base/guc.h"
#include "base/spi.h"
#include "run/run_internal.h"

#define NO_OBJECT			"0"

/* How many blockers are named. */
#define MAX_NAMED			"3"

/*
 * In SQL: the foreign keys k with table n.id at one of their ends.  pg_constraint
 * has no index by which those that refer to a table could be found.
 */
#define FOREIGN_KEYS(n) \
	"pg_catalog.pg_depend AS d" \
	"  JOIN pg_catalog.pg_constraint AS k ON k.oid = d.objid AND k.contype = 'f'" \
	" WHERE d.classid = 'pg_catalog.pg_constraint'::regclass" \
	"   AND d.refclassid = 'pg_catalog.pg_class'::regclass" \
	"   AND d.refobjid = " n ".id"

#define TARGET(target)		"n.target = " CppAsString2(target)

/*
 * In SQL: the locks, each a relation and the modes that conflict with the one
 * that is needed.  $1 to $7 are of each name: its OID, target, part, descent,
 * modes, the condition, and the OID of the relation that this is about.
 */
#define LOCKS \
	"WITH RECURSIVE need AS (" \
	"  SELECT DISTINCT n.id::oid AS id, n.target, n.part, n.descent, n.modes" \
	"    FROM unnest($1, $2, $3, $4, $5, $6, $7::oid[])" \
	"      AS n (id, target, part, descent, modes, condition, relation)" \
	"   WHERE n.id <> '" NO_OBJECT "'" \
	"     AND CASE n.condition" \
	"         WHEN " CppAsString2(MIG_LOCK_UNLESS_MADE) " THEN" \
	"           n.relation = 0" \
	"         WHEN " CppAsString2(MIG_LOCK_UNLESS_COLUMN) " THEN NOT" \
	"           EXISTS (SELECT FROM pg_catalog.pg_attribute AS a" \
	"                    WHERE a.attrelid = n.relation AND a.attname = n.part" \
	"                      AND NOT a.attisdropped)" \
	"         WHEN " CppAsString2(MIG_LOCK_IF_POLICY) " THEN" \
	"           EXISTS (SELECT FROM pg_catalog.pg_policy AS p" \
	"                    WHERE p.polrelid = n.relation AND p.polname = n.part)" \
	"         WHEN " CppAsString2(MIG_LOCK_IF_RULE) " THEN" \
	"           EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r" \
	"                    WHERE r.ev_class = n.relation AND r.rulename = n.part)" \
	"         WHEN " CppAsString2(MIG_LOCK_IF_TRIGGER) " THEN" \
	"           EXISTS (SELECT FROM pg_catalog.pg_trigger AS t" \
	"                    WHERE t.tgrelid = n.relation AND t.tgname = n.part)" \
	"         ELSE true END" \
	"), first AS (" \
	"  SELECT n.id, n.descent, n.modes, false AS refers FROM need AS n" \
	"   WHERE " TARGET(MIG_LOCK_RELATION) \
	"  UNION ALL" \
	"  SELECT i.indrelid, n.descent, n.modes, false" \
	"    FROM need AS n JOIN pg_catalog.pg_index AS i ON i.indexrelid = n.id" \
	"   WHERE " TARGET(MIG_LOCK_INDEXED_TABLE) \
	"  UNION ALL" \
	"  SELECT i.indexrelid, n.descent, n.modes, false" \
	"    FROM need AS n JOIN pg_catalog.pg_index AS i ON i.indrelid = n.id" \
	"   WHERE " TARGET(MIG_LOCK_INDEXES) \
	"  UNION ALL" \
	"  SELECT p.id, n.descent, n.modes, false" \
	"    FROM need AS n" \
	"    JOIN pg_catalog.pg_inherits AS h ON h.inhrelid = n.id" \
	"    JOIN pg_catalog.pg_partitioned_table AS t ON t.partrelid = h.inhparent" \
	"   CROSS JOIN LATERAL (VALUES (t.partrelid), (t.partdefid)) AS p (id)" \
	"   WHERE " TARGET(MIG_LOCK_PARENT) " AND p.id NOT IN (0, n.id)" \
	"  UNION ALL" \
	"  SELECT t.partdefid, n.descent, n.modes, false" \
	"    FROM need AS n" \
	"    JOIN pg_catalog.pg_partitioned_table AS t ON t.partrelid = n.id" \
	"   WHERE " TARGET(MIG_LOCK_DEFAULT_PARTITION) " AND t.partdefid <> 0" \
	"  UNION ALL" \
	"  SELECT n.id, n.descent, n.modes, true FROM need AS n" \
	"   WHERE " TARGET(MIG_LOCK_REFERENCING) \
	"  UNION ALL" \
	"  SELECT f.id, n.descent, n.modes, false" \
	"    FROM need AS n CROSS JOIN LATERAL (" \
	"      SELECT CASE k.conrelid WHEN n.id THEN k.confrelid ELSE k.conrelid END" \
	"        FROM " FOREIGN_KEYS("n") \
	"         AND CASE n.target" \
	"             WHEN " CppAsString2(MIG_LOCK_REFERENCED) " THEN k.conrelid = n.id" \
	"             WHEN " CppAsString2(MIG_LOCK_REFERRING) " THEN k.confrelid = n.id" \
	"             WHEN " CppAsString2(MIG_LOCK_CONSTRAINT_KEYS) " THEN" \
	"               EXISTS (SELECT FROM pg_catalog.pg_constraint AS c" \
	"                        WHERE c.conrelid = n.id AND c.conname = n.part" \
	"                          AND (c.oid = k.oid" \
	"                               OR k.conrelid <> n.id" \
	"                                  AND c.conindid = k.conindid))" \
	"             WHEN " CppAsString2(MIG_LOCK_COLUMN_KEYS) " THEN" \
	"               EXISTS (SELECT FROM pg_catalog.pg_attribute AS a" \
	"                        WHERE a.attrelid = n.id AND a.attname = n.part" \
	"                          AND (a.attnum = ANY (k.conkey)" \
	"                               AND k.conrelid = n.id" \
	"                            OR a.attnum = ANY (k.confkey)" \
	"                               AND k.confrelid = n.id))" \
	"             ELSE true END) AS f (id)" \
	"   WHERE n.target IN (" CppAsString2(MIG_LOCK_REFERENCED) ", " \
	CppAsString2(MIG_LOCK_REFERRING) ", " CppAsString2(MIG_LOCK_TABLE_KEYS) ", " \
	CppAsString2(MIG_LOCK_CONSTRAINT_KEYS) ", " \
	CppAsString2(MIG_LOCK_COLUMN_KEYS) ")" \
	"), lock AS (" \
	"  SELECT * FROM first" \
	"  UNION" \
	"  SELECT c.id, l.descent, l.modes, l.refers" \
	"    FROM lock AS l CROSS JOIN LATERAL (" \
	"      SELECT h.inhrelid FROM pg_catalog.pg_inherits AS h" \
	"       WHERE h.inhparent = l.id" \
	"         AND (l.descent = " CppAsString2(MIG_LOCK_DESCENDANTS) \
	"              OR l.descent = " CppAsString2(MIG_LOCK_PARTITIONS) \
	"                 AND EXISTS (SELECT FROM pg_catalog.pg_class AS p" \
	"                      WHERE p.oid = l.id AND p.relkind IN ('p', 'I')))" \
	"      UNION ALL" \
	"      SELECT k.conrelid FROM " FOREIGN_KEYS("l") \
	"         AND l.refers AND k.confrelid = l.id) AS c (id)" \
	")"

/*
 * In SQL: the old holders that a session can be ended of.  A vacuum that prevents
 * wraparound would only begin again.
 */
#define SESSIONS \
	" FROM old AS o WHERE o.pid IS NOT NULL" \
	"  AND COALESCE(o.backend_type, '') <> 'autovacuum worker'" \
	" ORDER BY o.number_old"

/*
 * In SQL: whether an argument of a function has a type that is not there, or only
 * a shell, for which to_regprocedure() raises an error before PostgreSQL 16.  Such
 * a function does not exist, or cannot be called.
 */
#define HAS_UNUSABLE_ARGUMENT(function) \
	"EXISTS (SELECT FROM pg_catalog.regexp_matches(" function "," \
	"                 '(?:\"[^\"]*\"|[^\"(), ])+', 'g')" \
	"               WITH ORDINALITY AS a (words, number)" \
	/* The first one is the name of the function. */ \
	"         WHERE a.number OPERATOR(pg_catalog.>) 1 AND" \
	"               (SELECT t.typisdefined FROM pg_catalog.pg_type AS t" \
	"                 WHERE t.oid OPERATOR(pg_catalog.=)" \
	"                       " MIG_TYPE_OID("a.words[1]") ") IS NOT TRUE)"

static List *add_lock(List *locks, const MigLockNeed *need, char *id,
					  char *relation_id, char target, char descent);
static List *add_found(List *locks, const MigLockNeed *need, char *id);
static char **find_objects(const List *needs);
static bool is_of(const MigLockNeed *need, const char *catalog);
static char *conflicts(int mode);
static void bind_locks(MigSpiArgs *args, const List *locks, bool as_conflicts);
static void read_relation(const MigSpiRow *row, void *result);
static void read_holders(const MigSpiRow *row, void *result);

/*
 * The locks of a statement on what is there, of MigNeededLock, added to those
 * given.  To be called with the rights and the settings that the statement will
 * find.  Of the needs only a pointer is kept.
 */
List *
mig_needed_lock_add(List *locks, const List *needs)
{
	int			nneeds = list_length(needs);
	char	  **ids = nneeds == 0 ? NULL : find_objects(needs);

	for (int i = 0; i < nneeds; i++)
	{
		const MigLockNeed *need = list_nth(needs, i);

		if (strcmp(ids[i], NO_OBJECT) == 0)
			continue;
		if (need->target == MIG_LOCK_DEPENDANTS ||
			need->target == MIG_LOCK_COLUMN_DEPENDANTS ||
			need->target == MIG_LOCK_TYPE_USERS)
			locks = add_found(locks, need, ids[i]);
		else
			locks = add_lock(locks, need, ids[i], ids[nneeds + i],
							 need->target, need->descent);
	}
	return locks;
}

static List *
add_lock(List *locks, const MigLockNeed *need, char *id, char *relation_id,
		 char target, char descent)
{
	MigNeededLock *lock = palloc(sizeof(MigNeededLock));

	lock->id = id;
	lock->relation_id = relation_id;
	lock->target = target;
	lock->descent = descent;
	lock->need = need;
	return lappend(locks, lock);
}

/*
 * The locks on what is found from an object by way of others, as the server does
 * for CASCADE and for domains.  Such statements are few: the query for all would
 * be slower with it.
 */
static List *
add_found(List *locks, const MigLockNeed *need, char *id)
{
	static MigSpiQuery query = {
		"WITH RECURSIVE type AS ("
		"  SELECT $1::oid AS id WHERE $2 = " CppAsString2(MIG_LOCK_TYPE_USERS)
		"  UNION"
		"  SELECT y.oid FROM type AS t"
		"    JOIN pg_catalog.pg_type AS y ON y.typbasetype = t.id"
		"), gone AS ("
		"  SELECT CASE $2 WHEN " CppAsString2(MIG_LOCK_DEPENDANTS)
		"           THEN ('pg_catalog.' || $3)::regclass"
		"           ELSE 'pg_catalog.pg_class'::regclass END::oid AS class,"
		"         $1::oid AS id,"
		"         CASE $2 WHEN " CppAsString2(MIG_LOCK_DEPENDANTS) " THEN 0"
		"           ELSE (SELECT a.attnum FROM pg_catalog.pg_attribute AS a"
		"                  WHERE a.attrelid = $1::oid AND a.attname = $3) END AS part"
		"   WHERE $2 <> " CppAsString2(MIG_LOCK_TYPE_USERS)
		"  UNION"
		"  SELECT o.class, o.id, o.part"
		"    FROM gone AS g CROSS JOIN LATERAL ("
		"      SELECT d.classid, d.objid, d.objsubid FROM pg_catalog.pg_depend AS d"
		"       WHERE d.refclassid = g.class AND d.refobjid = g.id"
		"         AND (g.part = 0 OR d.refobjsubid = g.part) AND d.deptype <> 'e'"
		"      UNION ALL"
		"      SELECT d.refclassid, d.refobjid, d.refobjsubid"
		"        FROM pg_catalog.pg_depend AS d"
		"       WHERE d.classid = g.class AND d.objid = g.id AND d.objsubid = g.part"
		"         AND d.deptype = 'i') AS o (class, id, part)"
		")"
		"SELECT r.id"
		"  FROM gone AS g CROSS JOIN LATERAL ("
		"    SELECT g.id WHERE g.class = 'pg_catalog.pg_class'::regclass"
		"    UNION ALL"
		/* The column of a child becomes its own, also with ONLY. */
		"    SELECT h.inhrelid FROM pg_catalog.pg_inherits AS h"
		"     WHERE h.inhparent = g.id AND g.part <> 0"
		"       AND g.class = 'pg_catalog.pg_class'::regclass"
		"    UNION ALL"
		"    SELECT i.indrelid FROM pg_catalog.pg_index AS i"
		"     WHERE i.indexrelid = g.id AND g.class = 'pg_catalog.pg_class'::regclass"
		"    UNION ALL"
		"    SELECT p.id FROM pg_catalog.pg_inherits AS h"
		"      JOIN pg_catalog.pg_partitioned_table AS t ON t.partrelid = h.inhparent"
		"     CROSS JOIN LATERAL (VALUES (t.partrelid), (t.partdefid)) AS p (id)"
		"     WHERE h.inhrelid = g.id AND g.part = 0"
		"       AND g.class = 'pg_catalog.pg_class'::regclass"
		"    UNION ALL"
		"    SELECT d.adrelid FROM pg_catalog.pg_attrdef AS d"
		"     WHERE d.oid = g.id AND g.class = 'pg_catalog.pg_attrdef'::regclass"
		"    UNION ALL"
		"    SELECT k.conrelid FROM pg_catalog.pg_constraint AS k"
		"     WHERE k.oid = g.id AND g.class = 'pg_catalog.pg_constraint'::regclass"
		"    UNION ALL"
		"    SELECT t.tgrelid FROM pg_catalog.pg_trigger AS t"
		"     WHERE t.oid = g.id AND g.class = 'pg_catalog.pg_trigger'::regclass"
		"    UNION ALL"
		"    SELECT w.ev_class FROM pg_catalog.pg_rewrite AS w"
		"     WHERE w.oid = g.id AND g.class = 'pg_catalog.pg_rewrite'::regclass"
		"    UNION ALL"
		"    SELECT y.polrelid FROM pg_catalog.pg_policy AS y"
		"     WHERE y.oid = g.id AND g.class = 'pg_catalog.pg_policy'::regclass)"
		"  AS r (id) JOIN pg_catalog.pg_class AS c ON c.oid = r.id"
		"   AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')"
		" UNION"
		" SELECT d.objid FROM type AS t JOIN pg_catalog.pg_depend AS d"
		"    ON d.refclassid = 'pg_catalog.pg_type'::regclass"
		"   AND d.refobjid = t.id AND d.deptype = 'n'"
		"   AND d.classid = 'pg_catalog.pg_class'::regclass"
		" ORDER BY 1"
	};
	MigSpiArgs	args = {0};
	char		descent = need->target == MIG_LOCK_TYPE_USERS ? need->descent :
	MIG_LOCK_ALONE;
	char	  **relations;
	int			n;

	mig_spi_arg_text(&args, id);
	mig_spi_arg_text(&args, psprintf("%c", need->target));
	mig_spi_arg_text(&args, need->part);
	relations = mig_spi_list(&query, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST,
							 &n);
	for (int i = 0; i < n; i++)
		locks = add_lock(locks, need, relations[i], NO_OBJECT,
						 MIG_LOCK_RELATION, descent);
	return locks;
}

/*
 * Whether reading a table with its partitions, as the statement will find it,
 * takes time that other sessions notice.
 */
bool
mig_needed_lock_is_large(const char *table)
{
	static MigSpiQuery query = {
		"SELECT FROM (SELECT pg_catalog.to_regclass($1)"
		"             UNION"
		"             SELECT relid FROM pg_catalog.pg_partition_tree("
		"                                 pg_catalog.to_regclass($1))) AS t (relid)"
		" HAVING pg_catalog.sum(pg_catalog.pg_relation_size(t.relid))"
		"        OPERATOR(pg_catalog.>) $2"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, table);
	mig_spi_arg_int64(&args, mig_guc_lint_small_table * INT64CONST(1024));
	return mig_spi_exists(&query, &args, MIG_SPI_CALLER_PATH,
						  MIG_SPI_READ_LATEST);
}

/*
 * The same, each with what hangs on it.
 */
MigRehearsedLock *
mig_needed_lock_relations(const List *locks, int *n)
{
	static MigSpiQuery query = {
		LOCKS
		" SELECT k.id, pg_catalog.max(k.modes::int4) FROM lock AS k"
		"  GROUP BY k.id ORDER BY 2 DESC, 1"
	};
	MigSpiArgs	args = {0};

	*n = 0;
	if (locks == NIL)
		return NULL;
	bind_locks(&args, locks, false);
	return mig_spi_rows(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						sizeof(MigRehearsedLock), read_relation, n);
}

static void
read_relation(const MigSpiRow *row, void *result)
{
	MigRehearsedLock *lock = result;

	lock->relation = mig_spi_row_oid(row, 1);
	lock->mode = mig_spi_row_int32(row, 2);
}

/*
 * The OIDs of what the needs name, then those of the relations of their
 * conditions, which are the same if there are none.
 */
static char **
find_objects(const List *needs)
{
	/* Nothing here looks up an operator by the caller's search_path. */
	static MigSpiQuery query = {
		"SELECT COALESCE(CASE"
		"         WHEN n.is_schema THEN pg_catalog.to_regnamespace(n.name)::pg_catalog.oid"
		"         WHEN n.is_type THEN " MIG_TYPE_OID("n.name")
		"         WHEN n.is_function AND pg_catalog.right(n.name, 1) OPERATOR(pg_catalog.=) ')'"
		"           THEN CASE WHEN NOT " HAS_UNUSABLE_ARGUMENT("n.name")
		"             THEN pg_catalog.to_regprocedure(n.name)::pg_catalog.oid END"
		"         WHEN n.is_function THEN pg_catalog.to_regproc(n.name)::pg_catalog.oid"
		"         WHEN n.is_made AND pg_catalog.cardinality(pg_catalog.parse_ident(n.name))"
		"              OPERATOR(pg_catalog.=) 1"
		"           THEN pg_catalog.to_regclass(pg_catalog.concat_ws('.',"
		"             pg_catalog.quote_ident(pg_catalog.current_schema()), n.name))::pg_catalog.oid"
		"         ELSE pg_catalog.to_regclass(n.name)::pg_catalog.oid"
		"       END::pg_catalog.text, '" NO_OBJECT "')"
		"  FROM ROWS FROM (pg_catalog.unnest($1),"
		"         pg_catalog.unnest($2::pg_catalog.bool[]),"
		"         pg_catalog.unnest($3::pg_catalog.bool[]),"
		"         pg_catalog.unnest($4::pg_catalog.bool[]),"
		"         pg_catalog.unnest($5::pg_catalog.bool[]))"
		"       WITH ORDINALITY AS n (name, is_schema, is_type, is_made, is_function, number)"
		" ORDER BY n.number"
	};
	int			nneeds = list_length(needs);
	int			n = 2 * nneeds;
	char	  **names = palloc(sizeof(char *) * n);
	char	  **kinds[4];
	char	  **ids;
	MigSpiArgs	args = {0};

	for (int k = 0; k < lengthof(kinds); k++)
		kinds[k] = palloc(sizeof(char *) * n);
	for (int i = 0; i < n; i++)
	{
		const MigLockNeed *need = list_nth(needs, i % nneeds);
		bool		of_condition = i >= nneeds && need->relation != NULL;

		names[i] = of_condition ? need->relation : need->name;
		kinds[0][i] = !of_condition && is_of(need, "pg_namespace") ? "t" : "f";
		kinds[1][i] = !of_condition &&
			(need->target == MIG_LOCK_TYPE_USERS ||
			 is_of(need, "pg_type")) ? "t" : "f";
		kinds[2][i] = (of_condition ? need->condition == MIG_LOCK_UNLESS_MADE :
					   need->replaces) ? "t" : "f";
		kinds[3][i] = !of_condition && is_of(need, "pg_proc") ? "t" : "f";
	}
	mig_spi_arg_texts(&args, names, n);
	for (int k = 0; k < lengthof(kinds); k++)
		mig_spi_arg_texts(&args, kinds[k], n);
	ids = mig_spi_list(&query, &args, MIG_SPI_CALLER_PATH,
					   MIG_SPI_READ_LATEST, &n);
	Assert(n == 2 * nneeds);
	return ids;
}

/*
 * Whether the object whose dependants are needed is in a catalog.
 */
static bool
is_of(const MigLockNeed *need, const char *catalog)
{
	return need->target == MIG_LOCK_DEPENDANTS &&
		strcmp(need->part, catalog) == 0;
}

/*
 * The transactions of other sessions that hold locks in the way of these for
 * longer than a time in milliseconds: those who are asked for it, and the ones
 * to end are named.  Of a transaction whose age the caller, or the extension's
 * owner, may not see all that is found is its id, so that a later look knows it:
 * known has those that count as old.  runs: those of other runs, too.
 */
void
mig_needed_lock_holders(const List *locks, int milliseconds,
						char *const *known, int nknown, bool runs,
						MigLockHolders *holders)
{
	static MigSpiQuery query = {
		LOCKS
		", holder AS ("
		"  SELECT DISTINCT ON (l.virtualtransaction)"
		"         l.pid, l.virtualtransaction, l.relation, l.mode,"
		"         a.usesysid, a.usename, a.application_name, a.state,"
		"         a.state_change, a.backend_type, p.gid, p.owner, v.visible,"
		"         CASE WHEN v.visible THEN COALESCE(p.prepared, a.xact_start)"
		"         END AS began"
		"    FROM lock AS k"
		"    JOIN pg_catalog.pg_locks AS l"
		"      ON l.locktype = 'relation' AND l.relation = k.id"
		"     AND l.database = (SELECT oid FROM pg_catalog.pg_database"
		"                        WHERE datname = pg_catalog.current_database())"
		"     AND l.granted AND l.mode = ANY (string_to_array(k.modes, ','))"
		"     AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()"
		"    LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid"
		MIG_LOCK_PREPARED_HOLDER
		"   CROSS JOIN LATERAL (SELECT p.gid IS NOT NULL"
		"      OR pg_catalog.pg_has_role($10, a.usesysid, 'USAGE')"
		"      OR pg_catalog.pg_has_role($10, 'pg_read_all_stats', 'USAGE'))"
		"     AS v (visible)"
		/* The server cancels an ordinary autovacuum for who waits for it. */
		"   WHERE (l.pid IS NULL"
		"          OR COALESCE(a.backend_type, '') <> 'autovacuum worker'"
		"          OR a.query LIKE '%(to prevent wraparound)')"
		"     AND ($11 OR NOT " MIG_SESSION_RUNS("a") ")"
		"   ORDER BY l.virtualtransaction, l.relation"
		"), seen AS ("
		"  SELECT h.*, COALESCE(h.began < clock_timestamp() - $8 * interval '1 ms',"
		"                       h.virtualtransaction = ANY ($9)) AS is_old,"
		"         pg_catalog.format('which holds %s on %s', h.mode,"
		"          pg_catalog.pg_describe_object('pg_catalog.pg_class'::regclass,"
		"                                        h.relation, 0)) AS what,"
		"         row_number() OVER (ORDER BY h.began, h.pid) AS number"
		"    FROM holder AS h"
		"), old AS ("
		"  SELECT s.*, row_number() OVER (ORDER BY s.began, s.pid) AS number_old"
		"    FROM seen AS s WHERE s.is_old"
		")"
		"SELECT " MIG_BLOCKER_COLUMNS("o", "$10") ","
		"       ARRAY(SELECT COALESCE(o.pid, 0)::text FROM old AS o"
		"              ORDER BY o.number_old),"
		"       (SELECT count(*) FROM old),"
		"       ARRAY(SELECT o.pid::text" SESSIONS "),"
		"       ARRAY(SELECT o.virtualtransaction" SESSIONS "),"
		"       ARRAY(SELECT COALESCE(o.state LIKE 'idle in transaction%', false)::text" SESSIONS "),"
		"       ARRAY(SELECT s.virtualtransaction FROM seen AS s"
		"              WHERE s.began IS NULL),"
		"       (SELECT bool_or(pg_catalog.pg_backend_pid()"
		"                       = ANY (pg_catalog.pg_blocking_pids(o.pid)))"
		"          FROM old AS o)"
		"  FROM old AS o WHERE o.number_old <= " MAX_NAMED
	};
	MigSpiArgs	args = {0};

	/* It is kept for as long as the transaction. */
	pgstat_clear_backend_activity_snapshot();
	memset(holders, 0, sizeof(*holders));
	bind_locks(&args, locks, true);
	mig_spi_arg_int32(&args, milliseconds);
	mig_spi_arg_texts(&args, known, nknown);
	mig_spi_arg_oid(&args, GetUserId());
	mig_spi_arg_bool(&args, runs);
	(void) mig_spi_row(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
					   read_holders, holders);
}

static void
read_holders(const MigSpiRow *row, void *result)
{
	MigLockHolders *holders = result;

	mig_blocker_read(row, 1, &holders->named);
	holders->n = mig_spi_row_int64(row, 6);
	holders->pids = mig_spi_row_texts(row, 7, &holders->npids);
	holders->transactions = mig_spi_row_texts(row, 8, &holders->npids);
	holders->idle = mig_spi_row_texts(row, 9, &holders->npids);
	holders->unknown = mig_spi_row_texts(row, 10, &holders->nunknown);
	holders->wait_for_us = mig_spi_row_bool(row, 11);
}

/*
 * as_conflicts: the modes that conflict with those needed, instead of these.
 */
static void
bind_locks(MigSpiArgs *args, const List *locks, bool as_conflicts)
{
	int			n = list_length(locks);
	char	  **values[7];

	for (int k = 0; k < lengthof(values); k++)
		values[k] = palloc(sizeof(char *) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		const MigNeededLock *lock = list_nth(locks, i);

		values[0][i] = lock->id;
		values[1][i] = psprintf("%c", lock->target);
		values[2][i] = lock->need->part == NULL ? "" : lock->need->part;
		values[3][i] = psprintf("%c", lock->descent);
		values[4][i] = as_conflicts ? conflicts(lock->need->mode) :
			psprintf("%d", lock->need->mode);
		values[5][i] = psprintf("%c", lock->need->condition);
		values[6][i] = lock->relation_id;
	}
	for (int k = 0; k < lengthof(values); k++)
		mig_spi_arg_texts(args, values[k], n);
}

/*
 * The names of the modes that conflict with one.
 */
static char *
conflicts(int mode)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (LOCKMODE other = 1; other <= MaxLockMode; other++)
	{
		if (DoLockModesConflict(mode, other))
			appendStringInfo(&buf, "%s%s", buf.len > 0 ? "," : "",
							 GetLockmodeName(DEFAULT_LOCKMETHOD, other));
	}
	return buf.data;
}
