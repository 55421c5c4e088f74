/*
 * guard.c
 *	  Refuses calls while rights on the extension are in the wrong hands.
 *
 * GRANT ... ON ALL FUNCTIONS, a loop of ALTER ROUTINE ... OWNER TO, or a GRANT
 * on the tables gives rights away that were not meant.  What such a role writes
 * would run with the rights of the role that runs it next, so every function
 * that is granted on purpose asks the catalogs first.
 *
 * migrate_guard() is never granted, so a role that may execute it was granted
 * every function.  A role with the rights of the extension's owner may do what
 * the owner may.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "base/compat.h"
#include "base/guard.h"

/* In SQL, of the extension e: whether a role has fewer rights than its owner. */
#define LESSER(role) \
	"(" role " <> e.extowner AND NOT " MIG_COMPAT_HAS_ROLE(role, "e.extowner") ")"
#define LESSER_GRANTEE \
	"CASE a.grantee WHEN 0 THEN true ELSE " LESSER("a.grantee") " END"

/* A role in messages, and a grantee in statements, too. */
#define ROLE_NAME(role) \
	"pg_catalog.format('role \"%s\"', pg_catalog.pg_get_userbyid(" role "))"
#define GRANTEE_NAME \
	"CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE " ROLE_NAME("a.grantee") " END"
#define GRANTEE \
	"CASE a.grantee WHEN 0 THEN 'PUBLIC'" \
	" ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END"

#define EXTENSION \
	"(SELECT x.oid, x.extowner, x.extnamespace" \
	"   FROM pg_catalog.pg_extension AS x WHERE x.extname = 'migrate') AS e"

/* Its objects o in a catalog. */
#define OBJECTS(catalog) \
	"pg_catalog.pg_depend AS d" \
	"  JOIN pg_catalog." catalog " AS o ON o.oid = d.objid" \
	" WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass" \
	"   AND d.refobjid = e.oid AND d.deptype = 'e'" \
	"   AND d.classid = 'pg_catalog." catalog "'::pg_catalog.regclass"

/* The name of a function o, with its arguments only if others share it. */
#define FUNCTION_NAME \
	"CASE WHEN (SELECT pg_catalog.count(*) FROM pg_catalog.pg_proc AS n" \
	"            WHERE n.proname = o.proname" \
	"              AND n.pronamespace = o.pronamespace) > 1" \
	" THEN o.oid::pg_catalog.regprocedure::text" \
	" ELSE o.oid::pg_catalog.regproc::text END"

#define GUARD \
	"g.proname = 'migrate_guard' AND g.pronamespace = e.extnamespace" \
	" AND g.pronargs = 0"

/*
 * Grants a on a table or view o by which a role could have others run its text.
 * REFERENCES is among them: a foreign key fires triggers of its own table.
 */
#define WRITES(o) \
	"(SELECT x.* FROM pg_catalog.aclexplode(" o ".relacl) AS x" \
	"  UNION ALL" \
	"  SELECT x.* FROM pg_catalog.pg_attribute AS i," \
	"         pg_catalog.aclexplode(i.attacl) AS x" \
	"   WHERE i.attrelid = " o ".oid AND i.attacl IS NOT NULL) AS a" \
	" WHERE a.grantee <> " o ".relowner" \
	"   AND a.privilege_type IN ('INSERT', 'UPDATE', 'REFERENCES', 'TRIGGER')" \
	"   AND " LESSER_GRANTEE

/* A part of a table, and the statement that removes it. */
#define TABLE_PART(kind, name, relid, statement) \
	" SELECT pg_catalog.format('" kind " %I of table %s', " name ", " relid "::pg_catalog.regclass)," \
	"   pg_catalog.format('" statement "', " name ", " relid "::pg_catalog.regclass)"
#define CONSTRAINT_PART \
	TABLE_PART("constraint", "k.conname", "k.conrelid", \
			   "ALTER TABLE %2$s DROP CONSTRAINT %1$I;")

/*
 * What hangs on a table or view o and runs code, or holds rows, and was not made
 * by CREATE EXTENSION.  Who has made it, perhaps as the owner of the table for
 * a while, the catalogs do not say; so none is accepted.
 */
#define PARTS(o) \
	"(SELECT pg_catalog.format('statistics object %I.%I', n.nspname, s.stxname)," \
	"   pg_catalog.format('DROP STATISTICS %I.%I;', n.nspname, s.stxname)" \
	"   FROM pg_catalog.pg_statistic_ext AS s" \
	"   JOIN pg_catalog.pg_namespace AS n ON n.oid = s.stxnamespace" \
	"  WHERE s.stxrelid = " o ".oid" \
	" UNION ALL" \
	" SELECT pg_catalog.format('index %s', i.indexrelid::pg_catalog.regclass)," \
	"   pg_catalog.format('DROP INDEX %s;', i.indexrelid::pg_catalog.regclass)" \
	"   FROM pg_catalog.pg_index AS i" \
	"  WHERE i.indrelid = " o ".oid AND NOT i.indisexclusion" \
	"    AND (i.indexprs IS NOT NULL" \
	"         OR EXISTS (SELECT FROM pg_catalog.pg_depend AS d" \
	"             WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass" \
	"               AND d.objid = i.indexrelid AND d.refclassid IN (" \
	"                'pg_catalog.pg_proc'::pg_catalog.regclass," \
	"                'pg_catalog.pg_operator'::pg_catalog.regclass," \
	"                'pg_catalog.pg_type'::pg_catalog.regclass)))" \
	" UNION ALL" \
	CONSTRAINT_PART \
	"   FROM pg_catalog.pg_constraint AS k" \
	"  WHERE k.conrelid = " o ".oid AND k.contype NOT IN ('p', 'u', 'n', 't')" \
	/* A foreign key has triggers on the table that it refers to. */ \
	" UNION ALL" \
	CONSTRAINT_PART \
	"   FROM pg_catalog.pg_trigger AS t" \
	"   JOIN pg_catalog.pg_constraint AS k ON k.oid = t.tgconstraint" \
	"  WHERE t.tgrelid = " o ".oid AND t.tgisinternal" \
	" UNION ALL" \
	TABLE_PART("trigger", "t.tgname", "t.tgrelid", "DROP TRIGGER %I ON %s;") \
	"   FROM pg_catalog.pg_trigger AS t" \
	"  WHERE t.tgrelid = " o ".oid AND NOT t.tgisinternal AND t.tgqual IS NOT NULL" \
	" UNION ALL" \
	TABLE_PART("rule", "r.rulename", "r.ev_class", "DROP RULE %I ON %s;") \
	"   FROM pg_catalog.pg_rewrite AS r" \
	"  WHERE r.ev_class = " o ".oid AND r.rulename <> '_RETURN'" \
	" UNION ALL" \
	TABLE_PART("policy", "r.polname", "r.polrelid", "DROP POLICY %I ON %s;") \
	"   FROM pg_catalog.pg_policy AS r WHERE r.polrelid = " o ".oid" \
	" UNION ALL" \
	" SELECT pg_catalog.format('inheritance of table %s from %s', h.inhrelid::pg_catalog.regclass, h.inhparent::pg_catalog.regclass)," \
	"   pg_catalog.format('ALTER TABLE %s NO INHERIT %s;', h.inhrelid::pg_catalog.regclass, h.inhparent::pg_catalog.regclass)" \
	"   FROM pg_catalog.pg_inherits AS h" \
	"  WHERE h.inhparent = " o ".oid OR h.inhrelid = " o ".oid" \
	" UNION ALL" \
	TABLE_PART("default of column", "i.attname", "i.attrelid", \
			   "ALTER TABLE %2$s ALTER COLUMN %1$I ' ||" \
	"    CASE WHEN i.attgenerated <> '' THEN 'DROP EXPRESSION;'" \
	"      WHEN i.atttypid = 'pg_catalog.timestamptz'::pg_catalog.regtype" \
	"      THEN 'SET DEFAULT pg_catalog.clock_timestamp();'" \
	"      WHEN i.atttypid = 'pg_catalog.int4'::pg_catalog.regtype THEN 'SET DEFAULT 0;'" \
	"      WHEN i.attname = 'state' THEN 'SET DEFAULT ''queued'';'" \
	"      ELSE 'DROP DEFAULT;' END || '") \
	"   FROM pg_catalog.pg_attrdef AS b" \
	"   JOIN pg_catalog.pg_attribute AS i ON i.attrelid = b.adrelid AND i.attnum = b.adnum" \
	"  WHERE b.adrelid = " o ".oid" \
	/* pg_get_expr() would wait for a lock on the table.  A constant runs nothing. */ \
	"    AND b.adbin::text NOT LIKE '{CONST %'" \
	"    AND b.adbin::text NOT LIKE '{FUNCEXPR :funcid ' || " \
	"'pg_catalog.clock_timestamp'::pg_catalog.regproc::pg_catalog.oid || ' %'" \
	" UNION ALL" \
	TABLE_PART("type of column", "i.attname", "i.attrelid", \
			   "' || CASE WHEN y.typbasetype = 0 THEN 'ALTER TABLE %2$s DROP COLUMN %1$I;'" \
	"     ELSE 'ALTER TABLE %2$s ALTER COLUMN %1$I TYPE '" \
	"       || pg_catalog.replace(pg_catalog.format_type(y.typbasetype, y.typtypmod), '%', '%%')" \
	"       || ';' END || '") \
	"   FROM pg_catalog.pg_attribute AS i" \
	"   JOIN pg_catalog.pg_type AS y ON y.oid = i.atttypid" \
	"  WHERE i.attrelid = " o ".oid AND i.attnum > 0 AND NOT i.attisdropped" \
	"    AND y.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace) AS m (name, statement)"

/* Triggers t of a table o that run a function f of such a role. */
#define TRIGGERS(o) \
	"pg_catalog.pg_trigger AS t" \
	"  JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid" \
	" WHERE t.tgrelid = " o ".oid AND NOT t.tgisinternal AND " LESSER("f.proowner")

static MigGuardFault find_fault(void);
static void refuse(MigGuardFault fault);
static void read_finding(const MigSpiRow *row, void *result);

/*
 * Raises an error if the current role, or what others may have done, must not
 * be trusted.
 */
void
mig_guard_check(void)
{
	MigGuardFault fault = find_fault();

	if (fault != MIG_GUARD_NFAULTS)
		refuse(fault);
}

/*
 * For what every role may call: raises an error if already reading a table of
 * the extension could run code of another role.
 */
void
mig_guard_check_objects(void)
{
	MigGuardFault fault = find_fault();

	if (fault == MIG_GUARD_OWNER || fault == MIG_GUARD_PART)
		refuse(fault);
}

/*
 * The first fault.  One statement, because every call pays for it.
 */
static MigGuardFault
find_fault(void)
{
	static MigSpiQuery query = {
		"SELECT CASE"
		" WHEN pg_catalog.bool_or(" LESSER("COALESCE(p.proowner, c.relowner)") ")"
		"   OR EXISTS (SELECT FROM pg_catalog.pg_namespace AS n"
		"               WHERE n.nspname = 'migrate'"
		"                 AND n.nspowner <> pg_catalog.max(e.extowner)"
		"                 AND NOT " MIG_COMPAT_HAS_ROLE("n.nspowner", "pg_catalog.max(e.extowner)") ")"
		" THEN " CppAsString2(MIG_GUARD_OWNER)
		" WHEN pg_catalog.bool_or(c.oid IS NOT NULL AND EXISTS (SELECT FROM " PARTS("c") "))"
		" THEN " CppAsString2(MIG_GUARD_PART)
		/* Also if it is not there. */
		" WHEN pg_catalog.bool_and(" LESSER("$1") ")"
		"  AND pg_catalog.bool_and(p.proname IS DISTINCT FROM 'migrate_guard'"
		"      OR pg_catalog.has_function_privilege($1, p.oid, 'EXECUTE'))"
		" THEN " CppAsString2(MIG_GUARD_EXECUTE)
		" WHEN pg_catalog.bool_or(c.oid IS NOT NULL"
		"      AND EXISTS (SELECT FROM " WRITES("c") "))"
		" THEN " CppAsString2(MIG_GUARD_WRITE)
		" WHEN pg_catalog.bool_or(c.relhastriggers"
		"      AND EXISTS (SELECT FROM " TRIGGERS("c") "))"
		" THEN " CppAsString2(MIG_GUARD_TRIGGER)
		" ELSE " CppAsString2(MIG_GUARD_NFAULTS) " END"
		"  FROM " EXTENSION
		"  JOIN pg_catalog.pg_depend AS d"
		"    ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass"
		"   AND d.refobjid = e.oid AND d.deptype = 'e'"
		"  LEFT JOIN pg_catalog.pg_proc AS p"
		"    ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass"
		"   AND p.oid = d.objid"
		"  LEFT JOIN pg_catalog.pg_class AS c"
		"    ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
		"   AND c.oid = d.objid AND c.relkind <> 'S'"
	};
	MigSpiArgs	args = {0};
	Datum		fault;

	mig_spi_arg_oid(&args, GetUserId());
	if (!mig_spi_first_datum(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
							 &fault))
		return MIG_GUARD_NFAULTS;
	return DatumGetInt32(fault);
}

/*
 * All that is wrong in one way, in the current memory context.
 */
MigGuardFinding *
mig_guard_findings(MigGuardFault fault, int *nfindings)
{
	static MigSpiQuery queries[] = {
		[MIG_GUARD_OWNER] = {
			"SELECT m.kind || ' ' || m.name, " ROLE_NAME("m.owner") ","
			"  pg_catalog.format('ALTER %s %s OWNER TO %I;', pg_catalog.upper(m.kind),"
			"    m.name, pg_catalog.pg_get_userbyid(e.extowner))"
			"  FROM " EXTENSION ", LATERAL ("
			"   SELECT 'routine', " FUNCTION_NAME ", o.proowner"
			"     FROM " OBJECTS("pg_proc") " AND " LESSER("o.proowner")
			"   UNION ALL"
			"   SELECT CASE o.relkind WHEN 'v' THEN 'view' ELSE 'table' END,"
			"     o.oid::pg_catalog.regclass::text, o.relowner"
			"     FROM " OBJECTS("pg_class")
			"      AND o.relkind <> 'S' AND " LESSER("o.relowner")
			"   UNION ALL"
			"   SELECT 'schema', 'migrate', n.nspowner FROM pg_catalog.pg_namespace AS n"
			"    WHERE n.nspname = 'migrate' AND " LESSER("n.nspowner") ")"
			"  AS m (kind, name, owner) ORDER BY 1"
		},
		[MIG_GUARD_PART] = {
			"SELECT DISTINCT m.name, NULL::text, m.statement"
			"  FROM " EXTENSION ", LATERAL (SELECT o.oid FROM " OBJECTS("pg_class") ") AS o,"
			"  LATERAL (SELECT m.name, m.statement FROM " PARTS("o") ") AS m ORDER BY 1"
		},
		/* What PUBLIC has by CREATE EXTENSION is not to be revoked from it. */
		[MIG_GUARD_EXECUTE] = {
			"SELECT NULL::text, " GRANTEE_NAME ","
			"  'REVOKE ALL ON ROUTINE ' || (SELECT pg_catalog.string_agg("
			"      " FUNCTION_NAME ", ', ' ORDER BY o.oid::pg_catalog.regprocedure::text)"
			"    FROM " OBJECTS("pg_proc")
			"     AND NOT EXISTS (SELECT FROM pg_catalog.pg_init_privs AS i,"
			"            pg_catalog.aclexplode(i.initprivs) AS b"
			"          WHERE i.objoid = o.oid AND i.classoid = d.classid"
			"            AND b.grantee = 0)"
			"     AND EXISTS (SELECT FROM pg_catalog.aclexplode(o.proacl) AS b"
			"          WHERE b.grantee = a.grantee))"
			"    || ' FROM ' || " GRANTEE " || ';'"
			"  FROM " EXTENSION ", pg_catalog.pg_proc AS g,"
			"       pg_catalog.aclexplode(g.proacl) AS a"
			" WHERE " GUARD " AND a.grantee <> g.proowner AND " LESSER_GRANTEE
			" ORDER BY 2"
		},
		[MIG_GUARD_WRITE] = {
			"SELECT m.tables, m.name,"
			"  pg_catalog.format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE,"
			" REFERENCES, TRIGGER ON %s FROM %s;', m.tables, m.grantee)"
			"  FROM (SELECT " GRANTEE " AS grantee, " GRANTEE_NAME " AS name,"
			"         pg_catalog.string_agg("
			"          DISTINCT o.oid::pg_catalog.regclass::text, ', ') AS tables"
			"          FROM " EXTENSION ", LATERAL (SELECT o.oid, o.relacl, o.relowner"
			"            FROM " OBJECTS("pg_class") " AND o.relkind <> 'S') AS o,"
			"          LATERAL (SELECT a.grantee FROM " WRITES("o") ") AS a"
			"         GROUP BY 1, 2) AS m ORDER BY m.grantee"
		},
		[MIG_GUARD_TRIGGER] = {
			"SELECT pg_catalog.format('trigger %I of table %s', t.tgname, t.tgrelid::pg_catalog.regclass),"
			"  " ROLE_NAME("t.proowner") ","
			"  pg_catalog.format('DROP TRIGGER %I ON %s;', t.tgname, t.tgrelid::pg_catalog.regclass)"
			"  FROM " EXTENSION ", LATERAL (SELECT o.oid FROM " OBJECTS("pg_class") ") AS o,"
			"  LATERAL (SELECT t.tgname, t.tgrelid, f.proowner FROM " TRIGGERS("o") ") AS t"
			" ORDER BY 1"
		}
	};

	return mig_spi_rows(&queries[fault], NULL, MIG_SPI_OWNER,
						MIG_SPI_READ_LATEST, sizeof(MigGuardFinding),
						read_finding, nfindings);
}

static void
read_finding(const MigSpiRow *row, void *result)
{
	MigGuardFinding *finding = result;

	finding->object = mig_spi_row_text(row, 1);
	finding->role = mig_spi_row_text(row, 2);
	finding->statement = mig_spi_row_text(row, 3);
}

static void
refuse(MigGuardFault fault)
{
	int			nfindings;
	MigGuardFinding *findings = mig_guard_findings(fault, &nfindings);
	StringInfoData statements;

	if (nfindings == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("function migrate_guard() is missing"),
				 errdetail("Without it rights that were granted by accident are not recognized. Nothing was done."),
				 errhint("Run ALTER EXTENSION migrate UPDATE.")));
	initStringInfo(&statements);
	for (int i = 0; i < nfindings; i++)
		appendStringInfo(&statements, "%s%s", i == 0 ? "" : " ",
						 findings[i].statement);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 fault == MIG_GUARD_OWNER ?
			 errmsg("%s belongs to %s",
					findings[0].object, findings[0].role) :
			 fault == MIG_GUARD_PART ?
			 errmsg("%s was not made by extension \"migrate\"",
					findings[0].object) :
			 fault == MIG_GUARD_EXECUTE ?
			 errmsg("role \"%s\" was granted every function of extension \"migrate\"",
					GetUserNameFromId(GetUserId(), false)) :
			 fault == MIG_GUARD_WRITE ?
			 errmsg("%s may write tables of extension \"migrate\"",
					findings[0].role) :
			 errmsg("%s runs a function of %s",
					findings[0].object, findings[0].role),
			 fault == MIG_GUARD_OWNER ?
			 errdetail("Objects of extension \"migrate\" must belong to its owner. Nothing was done.") :
			 fault == MIG_GUARD_EXECUTE ?
			 errdetail("It may execute migrate_guard(), which is never granted on purpose. Nothing was done.") :
			 fault == MIG_GUARD_WRITE ?
			 errdetail("It could change what other roles run: %s. Nothing was done.",
					   findings[0].object) :
			 errdetail("It would run with the rights of the extension's owner. Nothing was done."),
			 fault == MIG_GUARD_EXECUTE ?
			 errhint("Revoke it, then grant the functions that the role needs: %s",
					 statements.data) :
			 errhint("Correct it, then try again: %s", statements.data)));
}
