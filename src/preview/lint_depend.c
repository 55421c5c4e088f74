/*
 * lint_depend.c
 *	  What lint asks pg_depend: for what a DROP without CASCADE fails.
 *
 * As the server decides it (findDependentObjects()): what belongs to an object is
 * dropped with it, and so what belongs to that; anything else that depends on one
 * of them stops it, and so does what the object itself is a part of.  What the
 * plan has dropped or replaced before does not: it is known by OID if it is a
 * relation, otherwise by a key, because the plan may have made it anew.
 */
#include "postgres.h"

#include "base/spi.h"
#include "preview/preview_internal.h"

/* In SQL: of a row g, its row d of pg_depend. */
#define DEPENDS_ON(g) \
	"d.refclassid = " g ".classid AND d.refobjid = " g ".objid" \
	" AND " g ".objsubid IN (0, d.refobjsubid)"

/*
 * In SQL: what describes an object (classid, objid, objsubid), and the key by
 * which the plan has dropped it, see mig_lint_drop_name().
 */
#define DESCRIBED(rows) \
	"SELECT DISTINCT" \
	"       CASE WHEN w.oid IS NOT NULL THEN pg_describe_object('pg_class'::regclass, w.ev_class, 0)" \
	"            ELSE pg_describe_object(o.classid, o.objid, o.objsubid) END AS name," \
	"       CASE WHEN w.oid IS NOT NULL THEN w.ev_class || '.' || w.rulename" \
	"            WHEN o.classid = 'pg_proc'::regclass THEN 'pg_proc.' || a.object_names[2]" \
	"            WHEN o.classid = 'pg_type'::regclass" \
	"            THEN 'pg_type.' || (SELECT t.typname FROM pg_type AS t WHERE t.oid = o.objid)" \
	"            WHEN o.classid = 'pg_publication_rel'::regclass" \
	"              OR o.classid = 'pg_constraint'::regclass AND array_length(a.object_names, 1) = 1" \
	"            THEN 'other.' || a.object_args[1]" \
	"            WHEN o.classid IN ('pg_cast'::regclass, 'pg_transform'::regclass) THEN 'other.cast'" \
	"            WHEN array_length(a.object_names, 1) = 3" \
	"            THEN COALESCE((SELECT c.oid::text FROM pg_class AS c" \
	"                             JOIN pg_namespace AS n ON n.oid = c.relnamespace" \
	"                            WHERE n.nspname::text = a.object_names[1]" \
	"                              AND c.relname::text = a.object_names[2]), 'other')" \
	"                 || '.' || a.object_names[3]" \
	"            ELSE 'other.' || a.object_names[array_length(a.object_names, 1)] END AS key" \
	"  FROM (" rows ") AS o (classid, objid, objsubid)" \
	"  LEFT JOIN pg_rewrite AS w ON o.classid = 'pg_rewrite'::regclass AND w.oid = o.objid," \
	"       pg_identify_object_as_address(o.classid, o.objid, o.objsubid) AS a"

static void add_keys(MigSpiArgs *args, const MigLint *lint);

/*
 * What a DROP of an object fails for, or NULL.  object: as the functions below
 * write it; NULL: it is not in the catalogs.  change_of_type: of a column, for
 * which its indexes and constraints are made anew.
 */
char *
mig_lint_depend_names(MigLint *lint, const char *object, bool change_of_type)
{
	static MigSpiQuery query = {
		"WITH RECURSIVE start (classid, objid, objsubid) AS ("
		"  SELECT split_part($1, ' ', 1)::regclass::oid, split_part($1, ' ', 2)::oid,"
		"         split_part($1, ' ', 3)::int4"
		"), going (classid, objid, objsubid, is_before) AS ("
		"  (SELECT *, false FROM start"
		"   UNION ALL"
		"   SELECT 'pg_class'::regclass::oid, g.oid, 0, true FROM unnest($2::oid[]) AS g (oid)"
		"   UNION ALL"
		"   SELECT 'pg_extension'::regclass::oid, e.oid, 0, true FROM pg_extension AS e"
		"    WHERE 'other.' || e.extname = ANY ($3)"
		"   UNION ALL"
		"   SELECT i.classid, i.objid, 0, true"
		"     FROM pg_type AS t, LATERAL (VALUES ('pg_type'::regclass::oid, t.oid),"
		"                                        ('pg_class'::regclass::oid, NULLIF(t.typrelid, 0)))"
		"           AS i (classid, objid)"
		"    WHERE 'pg_type.' || t.typname = ANY ($3) AND i.objid IS NOT NULL)"
		"  UNION"
		"  SELECT d.classid, d.objid, d.objsubid, g.is_before"
		"    FROM going AS g JOIN pg_depend AS d ON " DEPENDS_ON("g")
		"   WHERE d.deptype IN ('a', 'i', 'P', 'S', 'e', 'x')"
		"), stops (classid, objid, objsubid) AS ("
		"  SELECT d.classid, d.objid, d.objsubid"
		"    FROM going AS g JOIN pg_depend AS d ON " DEPENDS_ON("g")
		"   WHERE NOT g.is_before AND d.deptype = 'n'"
		"     AND (NOT $4"
		"          OR (g.classid, g.objid, g.objsubid) = (SELECT * FROM start)"
		"             AND d.classid NOT IN ('pg_class'::regclass, 'pg_constraint'::regclass,"
		"                                   'pg_statistic_ext'::regclass))"
		"  UNION"
		"  SELECT d.refclassid, d.refobjid, d.refobjsubid"
		"    FROM start AS s JOIN pg_depend AS d"
		"      ON d.classid = s.classid AND d.objid = s.objid AND d.objsubid = s.objsubid"
		"   WHERE d.deptype IN ('i', 'P', 'e')"
		"  UNION"
		/* Columns of the row type of the table, or of arrays of it */
		"  SELECT d.classid, d.objid, d.objsubid"
		"    FROM start AS s JOIN pg_class AS c ON $4 AND c.oid = s.objid"
		"    JOIN pg_type AS t ON t.oid = c.reltype"
		"    JOIN pg_depend AS d ON d.refclassid = 'pg_type'::regclass"
		"     AND d.refobjid IN (t.oid, t.typarray)"
		"    JOIN pg_class AS u ON u.oid = d.objid AND u.relkind IN ('r', 'p', 'm')"
		"   WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'n'"
		"), others AS ("
		"  SELECT s.* FROM stops AS s"
		"   WHERE NOT EXISTS (SELECT FROM going AS g WHERE g.classid = s.classid"
		"                        AND g.objid = s.objid AND g.objsubid IN (0, s.objsubid))"
		") "
		MIG_LINT_NAMES_OF("SELECT DISTINCT name FROM (" DESCRIBED("SELECT * FROM others") ") AS k"
						  " WHERE (k.key = ANY ($3)) IS NOT TRUE")
	};
	MigSpiArgs	args = {0};

	if (object == NULL)
		return NULL;
	mig_spi_arg_text(&args, object);
	mig_lint_catalog_add_list(&args, lint->gone);
	add_keys(&args, lint);
	mig_spi_arg_bool(&args, change_of_type);
	return mig_spi_first(&query, &args, MIG_SPI_CALLER, lint->access);
}

/*
 * With the functions that the plan has replaced.
 */
static void
add_keys(MigSpiArgs *args, const MigLint *lint)
{
	List	   *keys = list_copy(lint->gone_names);
	ListCell   *cell;

	foreach(cell, lint->functions)
		keys = lappend(keys, psprintf("pg_proc.%s",
									  ((MigLintMade *) lfirst(cell))->name));
	mig_lint_catalog_add_list(args, keys);
}

/*
 * A relation, or a column of it unless that is NULL.
 */
char *
mig_lint_depend_relation(MigLint *lint, const MigLintRelation *relation,
						 const char *column)
{
	static MigSpiQuery query = {
		"SELECT a.attnum::text FROM pg_attribute AS a"
		" WHERE a.attrelid = $1 AND a.attname = $2::name AND NOT a.attisdropped"
	};
	MigSpiArgs	args = {0};
	const char *number = "0";

	if (relation->oid == InvalidOid)
		return NULL;
	if (column != NULL)
	{
		mig_spi_arg_oid(&args, relation->oid);
		mig_spi_arg_text(&args, column);
		number = mig_spi_first(&query, &args, MIG_SPI_CALLER, lint->access);
	}
	return number == NULL ? NULL :
		psprintf("pg_class %u %s", relation->oid, number);
}

/*
 * A constraint of a table.
 */
char *
mig_lint_depend_constraint(MigLint *lint, const MigLintRelation *relation,
						   const char *name)
{
	static MigSpiQuery query = {
		"SELECT format('pg_constraint %s 0', k.oid) FROM pg_constraint AS k"
		" WHERE k.conrelid = $1 AND k.conname = $2::name"
	};
	MigSpiArgs	args = {0};

	if (relation->oid == InvalidOid)
		return NULL;
	mig_spi_arg_oid(&args, relation->oid);
	mig_spi_arg_text(&args, name);
	return mig_spi_first(&query, &args, MIG_SPI_CALLER, lint->access);
}

/*
 * A type, schema, function or extension, by the name of its catalog.  nargs: of a
 * function; -1: any.  NULL, too, where functions differ only in the types of
 * their arguments.
 */
char *
mig_lint_depend_object(MigLint *lint, const char *catalog, const char *schema,
					   const char *name, int nargs)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN count(*) = 1 THEN min(format('%s %s 0', $1, o.id)) END FROM ("
		"  SELECT 'pg_type', t.oid, t.typnamespace, t.typname, NULL::int2 FROM pg_type AS t"
		"  UNION ALL"
		"  SELECT 'pg_proc', p.oid, p.pronamespace, p.proname, p.pronargs FROM pg_proc AS p"
		"  UNION ALL"
		"  SELECT 'pg_namespace', n.oid, NULL, n.nspname, NULL FROM pg_namespace AS n"
		"  UNION ALL"
		"  SELECT 'pg_extension', e.oid, NULL, e.extname, NULL FROM pg_extension AS e"
		") AS o (catalog, id, schema, name, nargs)"
		"  LEFT JOIN pg_namespace AS n ON n.oid = o.schema"
		" WHERE o.catalog = $1 AND o.name = $3::name"
		"   AND (o.schema IS NULL OR n.nspname = ANY ($2::name[]))"
		"   AND ($4 < 0 OR o.nargs = $4)"
		" GROUP BY n.nspname ORDER BY array_position($2, n.nspname::text) LIMIT 1"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, catalog);
	mig_lint_catalog_add_schemas(&args, lint, schema);
	mig_spi_arg_text(&args, name);
	mig_spi_arg_int32(&args, nargs);
	return mig_spi_first(&query, &args, MIG_SPI_CALLER, lint->access);
}

/*
 * The tables for whose foreign keys a TRUNCATE of a table fails, or NULL.
 * together: those that it empties, of MigLintRelation.
 */
char *
mig_lint_depend_truncated(MigLint *lint, const MigLintRelation *relation,
						  const List *together)
{
	static MigSpiQuery query = {
		"WITH RECURSIVE emptied (oid) AS ("
		"  SELECT * FROM unnest($2::oid[])"
		"  UNION"
		"  SELECT h.inhrelid FROM emptied AS e JOIN pg_inherits AS h ON h.inhparent = e.oid"
		") "
		MIG_LINT_NAMES_OF("SELECT DISTINCT pg_describe_object('pg_class'::regclass, k.conrelid, 0) AS name"
						  "  FROM pg_constraint AS k"
						  " WHERE k.contype = 'f' AND k.confrelid = $1"
						  "   AND k.conrelid NOT IN (SELECT oid FROM emptied)"
						  "   AND k.conrelid <> ALL ($3::oid[])"
						  "   AND k.conrelid || '.' || k.conname <> ALL ($4)")
	};
	MigSpiArgs	args = {0};
	List	   *oids = NIL;
	ListCell   *cell;

	if (relation->oid == InvalidOid)
		return NULL;
	foreach(cell, together)
		oids = lappend(oids, psprintf("%u", ((MigLintRelation *) lfirst(cell))->oid));
	mig_spi_arg_oid(&args, relation->oid);
	mig_lint_catalog_add_list(&args, oids);
	mig_lint_catalog_add_list(&args, lint->gone);
	mig_lint_catalog_add_list(&args, lint->gone_names);
	return mig_spi_first(&query, &args, MIG_SPI_CALLER, lint->access);
}
