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

/* Grants a on a table or view o by which a role could have others run its text. */
#define WRITES(o) \
	"pg_catalog.aclexplode(" o ".relacl) AS a" \
	" WHERE a.grantee <> " o ".relowner" \
	"   AND a.privilege_type IN ('INSERT', 'UPDATE', 'TRIGGER')" \
	"   AND " LESSER_GRANTEE

/* Triggers t of a table o that run a function f of such a role. */
#define TRIGGERS(o) \
	"pg_catalog.pg_trigger AS t" \
	"  JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid" \
	" WHERE t.tgrelid = " o ".oid AND NOT t.tgisinternal AND " LESSER("f.proowner")

static void refuse(MigGuardFault fault);
static void read_finding(const MigSpiRow *row, void *result);

/*
 * Raises an error if the current role, or what others may have done, must not
 * be trusted.  One statement, because every call pays for it.
 */
void
mig_guard_check(void)
{
	static MigSpiQuery query = {
		"SELECT CASE"
		" WHEN pg_catalog.bool_or(" LESSER("COALESCE(p.proowner, c.relowner)") ")"
		"   OR EXISTS (SELECT FROM pg_catalog.pg_namespace AS n"
		"               WHERE n.nspname = 'migrate'"
		"                 AND n.nspowner <> pg_catalog.max(e.extowner)"
		"                 AND NOT " MIG_COMPAT_HAS_ROLE("n.nspowner", "pg_catalog.max(e.extowner)") ")"
		" THEN " CppAsString2(MIG_GUARD_OWNER)
		/* Also if it is not there. */
		" WHEN pg_catalog.bool_and(" LESSER("$1") ")"
		"  AND pg_catalog.bool_and(p.proname IS DISTINCT FROM 'migrate_guard'"
		"      OR pg_catalog.has_function_privilege($1, p.oid, 'EXECUTE'))"
		" THEN " CppAsString2(MIG_GUARD_EXECUTE)
		" WHEN pg_catalog.bool_or(c.relacl IS NOT NULL"
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
	if (mig_spi_first_datum(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
							&fault) &&
		DatumGetInt32(fault) != MIG_GUARD_NFAULTS)
		refuse(DatumGetInt32(fault));
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
