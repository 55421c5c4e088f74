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

#include "access/transam.h"
#include "catalog/pg_class_d.h"
#include "catalog/pg_extension_d.h"
#include "catalog/pg_language_d.h"
#include "catalog/pg_opclass_d.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_proc_d.h"
#include "catalog/pg_rewrite_d.h"
#include "catalog/pg_type_d.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/guard.h"
#include "base/server.h"

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

/*
 * The extension e with the OIDs of its objects and of their indexes and rules, so
 * that each catalog is asked once for all of them.  OFFSET, because a subquery that
 * is pulled up reads them for each use.
 */
#define EXTENSION \
	"(SELECT m.*," \
	"        ARRAY(SELECT i.indexrelid FROM pg_catalog.pg_index AS i" \
	"               WHERE i.indrelid = ANY (m.relations)) AS indexes," \
	"        ARRAY(SELECT r.oid FROM pg_catalog.pg_rewrite AS r" \
	"               WHERE r.ev_class = ANY (m.relations)) AS rules" \
	"   FROM (SELECT x.oid, x.extowner, x.extnamespace," \
	"           ARRAY(SELECT " MEMBERS(RelationRelationId) \
	"                 UNION ALL" \
	"                 SELECT y.typrelid FROM pg_catalog.pg_type AS y" \
	"                  WHERE y.typrelid <> 0 AND y.oid IN (SELECT " MEMBERS(TypeRelationId) ")) AS relations," \
	"           ARRAY(SELECT " MEMBERS(ProcedureRelationId) ") AS functions" \
	"           FROM pg_catalog.pg_extension AS x" \
	"          WHERE x.extname = 'migrate' OFFSET 0) AS m OFFSET 0) AS e"
#define MEMBERS(class) \
	"d.objid FROM pg_catalog.pg_depend AS d" \
	" WHERE d.refclassid = " CppAsString2(ExtensionRelationId) \
	"   AND d.refobjid = x.oid AND d.deptype = 'e'" \
	"   AND d.classid = " CppAsString2(class)

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

/* The name that CREATE EXTENSION has given a function o. */
#define MADE_NAME \
	"CASE o.prosrc WHEN 'migrate_stamp_targets' THEN 'migrate_stamp' ELSE o.prosrc END"

/* How a function o differs from what CREATE EXTENSION has made: the first case. */
#define CHANGES(definition, name, schema, definer, setting) \
	"WHEN o.prolang <> " CppAsString2(ClanguageId) " THEN " definition \
	" WHEN o.proname <> " MADE_NAME " THEN " name \
	" WHEN o.pronamespace <> e.extnamespace THEN " schema \
	" WHEN o.prosecdef THEN " definer \
	" WHEN o.proconfig IS NOT NULL THEN " setting " END"

/*
 * A dependency d on something that initdb has not made.  Cast, because an index
 * by what is depended on would be read as a whole.
 */
#define NEEDS \
	"pg_catalog.pg_depend AS d" \
	" WHERE d.refobjid::pg_catalog.int8 >= " CppAsString2(FirstNormalObjectId)

/*
 * What hangs on a table or view and runs code, or holds rows, and was not made
 * by CREATE EXTENSION, and functions and views that are not as it has made them.
 * Which role has done that, perhaps as the owner for a while, the catalogs do not
 * say; so none is accepted.  Only a superuser makes functions in C.
 */
#define PARTS \
	"(SELECT pg_catalog.format('statistics object %I.%I', n.nspname, s.stxname)," \
	"   pg_catalog.format('DROP STATISTICS %I.%I;', n.nspname, s.stxname)" \
	"   FROM pg_catalog.pg_statistic_ext AS s" \
	"   JOIN pg_catalog.pg_namespace AS n ON n.oid = s.stxnamespace" \
	"  WHERE s.stxrelid = ANY (e.relations)" \
	" UNION ALL" \
	" SELECT pg_catalog.format('index %s', i.indexrelid::pg_catalog.regclass)," \
	"   pg_catalog.format('DROP INDEX %s;', i.indexrelid::pg_catalog.regclass)" \
	"   FROM pg_catalog.pg_index AS i" \
	"  WHERE i.indexrelid = ANY (e.indexes) AND NOT i.indisexclusion" \
	"    AND (i.indexprs IS NOT NULL" \
	"         OR i.indexrelid = ANY (ARRAY(SELECT d.objid FROM " NEEDS \
	"              AND d.classid = " CppAsString2(RelationRelationId) \
	"              AND d.objid = ANY (e.indexes)" \
	"              AND d.refclassid::pg_catalog.int8 IN (" CppAsString2(ProcedureRelationId) \
	"               , " CppAsString2(OperatorRelationId) ", " CppAsString2(OperatorClassRelationId) \
	"               , " CppAsString2(TypeRelationId) "))))" \
	" UNION ALL" \
	CONSTRAINT_PART \
	"   FROM pg_catalog.pg_constraint AS k" \
	"  WHERE k.conrelid = ANY (e.relations) AND k.contype NOT IN ('p', 'u', 'n', 't')" \
	/* A foreign key has triggers on the table that it refers to. */ \
	" UNION ALL" \
	CONSTRAINT_PART \
	"   FROM pg_catalog.pg_trigger AS t" \
	"   JOIN pg_catalog.pg_constraint AS k ON k.oid = t.tgconstraint" \
	"  WHERE t.tgrelid = ANY (e.relations) AND t.tgisinternal" \
	" UNION ALL" \
	TABLE_PART("trigger", "t.tgname", "t.tgrelid", "DROP TRIGGER %I ON %s;") \
	"   FROM pg_catalog.pg_trigger AS t" \
	"  WHERE t.tgrelid = ANY (e.relations) AND NOT t.tgisinternal AND t.tgqual IS NOT NULL" \
	" UNION ALL" \
	TABLE_PART("rule", "r.rulename", "r.ev_class", "DROP RULE %I ON %s;") \
	"   FROM pg_catalog.pg_rewrite AS r" \
	"  WHERE r.oid = ANY (e.rules) AND r.rulename <> '_RETURN'" \
	" UNION ALL" \
	TABLE_PART("policy", "r.polname", "r.polrelid", "DROP POLICY %I ON %s;") \
	"   FROM pg_catalog.pg_policy AS r WHERE r.polrelid = ANY (e.relations)" \
	" UNION ALL" \
	" SELECT pg_catalog.format('inheritance of table %s from %s', h.inhrelid::pg_catalog.regclass, h.inhparent::pg_catalog.regclass)," \
	"   pg_catalog.format('ALTER TABLE %s NO INHERIT %s;', h.inhrelid::pg_catalog.regclass, h.inhparent::pg_catalog.regclass)" \
	"   FROM pg_catalog.pg_inherits AS h" \
	"  WHERE h.inhparent = ANY (e.relations) OR h.inhrelid = ANY (e.relations)" \
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
	"  WHERE b.adrelid = ANY (e.relations)" \
	/* pg_get_expr() would wait for a lock on the table.  A constant runs nothing. */ \
	"    AND b.adbin::text NOT LIKE '{CONST %'" \
	"    AND b.adbin::text NOT LIKE '{FUNCEXPR :funcid ' || " \
	"'pg_catalog.clock_timestamp'::pg_catalog.regproc::pg_catalog.oid || ' %'" \
	" UNION ALL" \
	TABLE_PART("type of column", "i.attname", "i.attrelid", \
			   "' || (SELECT CASE WHEN y.typbasetype = 0 THEN 'ALTER TABLE %2$s DROP COLUMN %1$I;'" \
	"     ELSE 'ALTER TABLE %2$s ALTER COLUMN %1$I TYPE '" \
	"       || pg_catalog.replace(pg_catalog.format_type(y.typbasetype, y.typtypmod), '%', '%%')" \
	"       || ';' END FROM pg_catalog.pg_type AS y WHERE y.oid = i.atttypid) || '") \
	"   FROM (SELECT d.objid, d.objsubid FROM " NEEDS \
	"            AND d.classid = " CppAsString2(RelationRelationId) \
	"            AND d.objid = ANY (e.relations) AND d.objsubid > 0" \
	"            AND d.refclassid::pg_catalog.int8 = " CppAsString2(TypeRelationId) " OFFSET 0) AS d" \
	"   JOIN pg_catalog.pg_attribute AS i ON i.attrelid = d.objid AND i.attnum = d.objsubid" \
	" UNION ALL" \
	" SELECT pg_catalog.format('definition of view %s', r.ev_class::pg_catalog.regclass)," \
	"   pg_catalog.format('CREATE OR REPLACE VIEW %s ... as the script of the extension does;', r.ev_class::pg_catalog.regclass)" \
	"   FROM pg_catalog.pg_rewrite AS r" \
	"  WHERE r.rulename = '_RETURN' AND r.oid = ANY (ARRAY(SELECT d.objid FROM " NEEDS \
	"            AND d.classid = " CppAsString2(RewriteRelationId) \
	"            AND d.objid = ANY (e.rules)" \
	"            AND d.refobjid <> ALL (e.relations) AND d.refobjid <> ALL (e.functions)))" \
	" UNION ALL" \
	" SELECT CASE " CHANGES("'definition'", "'name'", "'schema'", "'SECURITY DEFINER'", "'setting'") \
	"     || ' of routine ' || " FUNCTION_NAME "," \
	"   pg_catalog.format(CASE " CHANGES("'CREATE OR REPLACE %4$s %1$s ... as the script of the extension does;'", \
	"'ALTER ROUTINE %s RENAME TO %I;'", "'ALTER ROUTINE %s SET SCHEMA %3$I;'", \
	"'ALTER ROUTINE %s SECURITY INVOKER;'", "'ALTER ROUTINE %s RESET ALL;'") "," \
	"    o.oid::pg_catalog.regprocedure, " MADE_NAME ", e.extnamespace::pg_catalog.regnamespace," \
	"    CASE o.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END)" \
	"   FROM pg_catalog.pg_proc AS o" \
	"  WHERE o.oid = ANY (e.functions) AND CASE " CHANGES("true", "true", "true", "true", "true") ") AS m (name, statement)"

/* Triggers t of a table that run a function f of such a role. */
#define TRIGGERS \
	"pg_catalog.pg_trigger AS t" \
	"  JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid" \
	" WHERE t.tgrelid = ANY (e.relations) AND NOT t.tgisinternal AND " LESSER("f.proowner")

/* Changes of catalogs that the server has told this session of. */
static uint64 changes = 1;

static MigGuardFault find_fault(void);
static MigGuardFault ask_for_fault(void);
static void watch_changes(void);
static void count_change(Datum arg, int cacheid, uint32 hashvalue);
static void count_relation_change(Datum arg, Oid relid);
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
 * The first fault.  That there is none stays known until something changes that
 * could make one.
 */
static MigGuardFault
find_fault(void)
{
	static uint64 faultless_at = 0;
	static Oid	faultless_role = InvalidOid;
	uint64		changes_before;
	MigGuardFault fault;

	if (!mig_server()->tells_changes)
		return ask_for_fault();
	watch_changes();
	AcceptInvalidationMessages();
	if (faultless_at == changes && faultless_role == GetUserId())
		return MIG_GUARD_NFAULTS;

	/* What changes while the catalogs are asked may be missing. */
	changes_before = changes;
	fault = ask_for_fault();
	if (fault == MIG_GUARD_NFAULTS)
	{
		faultless_at = changes_before;
		faultless_role = GetUserId();
	}
	return fault;
}

/*
 * Has changes counted of what the statement below reads: functions, rights of
 * roles, schemas, and whatever belongs to a relation, for which the server
 * invalidates the relation.  Which objects are the extension's is not among that:
 * only its owner can change it.
 */
static void
watch_changes(void)
{
	static bool watched = false;

	if (watched)
		return;
	watched = true;
	CacheRegisterSyscacheCallback(PROCOID, count_change, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, count_change, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, count_change, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, count_change, (Datum) 0);
	CacheRegisterRelcacheCallback(count_relation_change, (Datum) 0);
}

static void
count_change(Datum arg, int cacheid, uint32 hashvalue)
{
	changes++;
}

static void
count_relation_change(Datum arg, Oid relid)
{
	changes++;
}

/*
 * The first fault, by the catalogs.  One statement, because it is asked often.
 */
static MigGuardFault
ask_for_fault(void)
{
	static MigSpiQuery query = {
		.by_key = true,
		.sql = "SELECT CASE"
		" WHEN f.given OR r.given"
		"   OR EXISTS (SELECT FROM pg_catalog.pg_namespace AS n"
		"               WHERE n.nspname = 'migrate' AND " LESSER("n.nspowner") ")"
		" THEN " CppAsString2(MIG_GUARD_OWNER)
		" WHEN EXISTS (SELECT FROM " PARTS ")"
		" THEN " CppAsString2(MIG_GUARD_PART)
		/* Also if it is not there. */
		" WHEN f.refused IS NOT TRUE AND " LESSER("$1")
		" THEN " CppAsString2(MIG_GUARD_EXECUTE)
		" WHEN r.written"
		" THEN " CppAsString2(MIG_GUARD_WRITE)
		" WHEN r.fires AND EXISTS (SELECT FROM " TRIGGERS ")"
		" THEN " CppAsString2(MIG_GUARD_TRIGGER)
		" ELSE " CppAsString2(MIG_GUARD_NFAULTS) " END"
		"  FROM " EXTENSION ", LATERAL ("
		"   SELECT pg_catalog.bool_or(" LESSER("p.proowner") ") AS given,"
		"     pg_catalog.bool_or(p.proname = 'migrate_guard'"
		"      AND NOT pg_catalog.has_function_privilege($1, p.oid, 'EXECUTE')) AS refused"
		"     FROM pg_catalog.pg_proc AS p WHERE p.oid = ANY (e.functions)) AS f,"
		"  LATERAL (SELECT pg_catalog.bool_or(" LESSER("c.relowner") ") AS given,"
		"     pg_catalog.bool_or(EXISTS (SELECT FROM " WRITES("c") ")) AS written,"
		"     pg_catalog.bool_or(c.relhastriggers) AS fires"
		"     FROM pg_catalog.pg_class AS c"
		"    WHERE c.oid = ANY (e.relations) AND c.relkind <> 'S') AS r"
	};
	MigSpiArgs	args = {0};
	Datum		fault;

	mig_spi_arg_oid(&args, GetUserId());
	if (!mig_spi_first_datum(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
							 INT4OID, &fault))
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
			"   SELECT CASE o.relkind WHEN 'v' THEN 'view' WHEN 'c' THEN 'type' ELSE 'table' END,"
			"     o.oid::pg_catalog.regclass::text, o.relowner"
			"     FROM pg_catalog.pg_class AS o"
			"    WHERE o.oid = ANY (e.relations) AND o.relkind <> 'S' AND " LESSER("o.relowner")
			"   UNION ALL"
			"   SELECT 'schema', 'migrate', n.nspowner FROM pg_catalog.pg_namespace AS n"
			"    WHERE n.nspname = 'migrate' AND " LESSER("n.nspowner") ")"
			"  AS m (kind, name, owner) ORDER BY 1"
		},
		[MIG_GUARD_PART] = {
			"SELECT DISTINCT m.name, NULL::text, m.statement"
			"  FROM " EXTENSION ","
			"  LATERAL (SELECT m.name, m.statement FROM " PARTS ") AS m ORDER BY 1"
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
			"  FROM " EXTENSION ","
			"  LATERAL (SELECT t.tgname, t.tgrelid, f.proowner FROM " TRIGGERS ") AS t"
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
			 errdetail("It would run with the rights of the extension's owner, or of its caller. Nothing was done."),
			 fault == MIG_GUARD_EXECUTE ?
			 errhint("Revoke it, then grant the functions that the role needs: %s",
					 statements.data) :
			 errhint("Correct it, then try again: %s", statements.data)));
}
