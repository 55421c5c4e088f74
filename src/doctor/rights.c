/*
 * rights.c
 *	  Checks of the rights on the extension's own objects.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/guard.h"
#include "doctor/doctor_internal.h"
#include "tables/version.h"

static void check_owners(MigDoctor *doctor);
static void check_parts(MigDoctor *doctor);
static void check_grants(MigDoctor *doctor);
static void check_triggers(MigDoctor *doctor);
static void check_version_tables(MigDoctor *doctor);

/* By whatever way: a grant, on a column too, or pg_write_all_data. */
#define WRITERS \
	"SELECT r.rolname," \
	"  string_agg(c.oid::regclass::text, ', ' ORDER BY c.relname) AS tables" \
	"  FROM pg_extension AS e, pg_roles AS r, pg_class AS c" \
	" WHERE e.extname = 'migrate' AND NOT starts_with(r.rolname, 'pg_')" \
	"   AND NOT " MIG_COMPAT_HAS_ROLE("r.oid", "e.extowner") \
	"   AND c.relnamespace = 'migrate'::regnamespace AND c.relkind IN ('r', 'v')" \
	"   AND (has_table_privilege(r.oid, c.oid," \
	"         'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')" \
	"        OR has_any_column_privilege(r.oid, c.oid," \
	"         'INSERT, UPDATE, REFERENCES'))" \
	" GROUP BY r.rolname"

MigDoctorCheck mig_doctor_rights[] = {
	{"rights", "owners", check_owners},
	{"rights", "parts", check_parts},
	{"rights", "functions", check_grants},
	{
		"rights", "writers",
		.query = {
			"SELECT COALESCE(string_agg(format('%I: %s', rolname, tables), '; '"
			"        ORDER BY rolname), 'the owner of the extension only'),"
			"       count(*) > 0"
			"  FROM (" WRITERS ") AS w"
		},
		.status = MIG_DOCTOR_PROBLEM,
		.advice = "Revoke it, or trust these roles like the owner of the extension: what they write there other roles run."
	},
	{"rights", "triggers", check_triggers},
	{"rights", "version tables", check_version_tables},
	{NULL}
};

static void
check_owners(MigDoctor *doctor)
{
	int			nfindings;
	MigGuardFinding *findings = mig_guard_findings(MIG_GUARD_OWNER, &nfindings);

	if (nfindings == 0)
		mig_doctor_report(doctor, MIG_DOCTOR_OK,
						  "everything belongs to the owner of the extension",
						  NULL);
	else
		mig_doctor_report(doctor, MIG_DOCTOR_PROBLEM,
						  nfindings == 1 ?
						  psprintf("%s belongs to another role: %s",
								   findings[0].object, findings[0].role) :
						  psprintf("%d objects belong to other roles: %s to %s, ...",
								   nfindings, findings[0].object,
								   findings[0].role),
						  "Call migrate_guard() as a superuser: its error says how to give them back. Until then every run is refused.");
}

static void
check_parts(MigDoctor *doctor)
{
	int			nfindings;
	MigGuardFinding *findings = mig_guard_findings(MIG_GUARD_PART, &nfindings);

	if (nfindings == 0)
		mig_doctor_report(doctor, MIG_DOCTOR_OK,
						  "none but those of the extension", NULL);
	for (int i = 0; i < nfindings; i++)
		mig_doctor_report(doctor, MIG_DOCTOR_PROBLEM,
						  psprintf("%s was not made by the extension",
								   findings[i].object),
						  psprintf("Until it is gone every run is refused: %s",
								   findings[i].statement));
}

/*
 * Roles that were granted all functions, migrate_guard() among them.
 */
static void
check_grants(MigDoctor *doctor)
{
	int			nfindings;
	MigGuardFinding *findings = mig_guard_findings(MIG_GUARD_EXECUTE, &nfindings);

	if (nfindings == 0)
		mig_doctor_report(doctor, MIG_DOCTOR_OK,
						  "no role was granted all of them", NULL);
	for (int i = 0; i < nfindings; i++)
		mig_doctor_report(doctor, MIG_DOCTOR_PROBLEM,
						  psprintf("%s may execute all of them, migrate_guard() too",
								   findings[i].role),
						  psprintf("Revoke it, because it is refused: %s",
								   findings[i].statement));
}

static void
check_triggers(MigDoctor *doctor)
{
	int			nfindings;
	MigGuardFinding *findings = mig_guard_findings(MIG_GUARD_TRIGGER, &nfindings);

	if (nfindings == 0)
		mig_doctor_report(doctor, MIG_DOCTOR_OK, "none of other roles", NULL);
	for (int i = 0; i < nfindings; i++)
		mig_doctor_report(doctor, MIG_DOCTOR_PROBLEM,
						  psprintf("%s runs a function of %s",
								   findings[i].object, findings[i].role),
						  psprintf("Drop it: %s", findings[i].statement));
}

/*
 * Version tables other than our own.  A role to which the owner of one grants
 * this is trusted by the owner, who may not know it: default privileges grant.
 * By the grants alone: to ask for each role and each of many tables would take
 * long, and pg_write_all_data is shown with the writers.
 */
static void
check_version_tables(MigDoctor *doctor)
{
	static MigSpiQuery query = {
		"SELECT string_agg(grantee || ': ' || first ||"
		"                  CASE WHEN tables > 1 THEN format(' and %s more', tables - 1) ELSE '' END,"
		"                  '; ' ORDER BY number) FILTER (WHERE number <= " CppAsString2(MAX_NAMED) ") ||"
		"       CASE WHEN count(*) > " CppAsString2(MAX_NAMED)
		"            THEN format('; and %s more', count(*) - " CppAsString2(MAX_NAMED) ") ELSE '' END"
		"  FROM (SELECT CASE w.grantee WHEN 0 THEN 'PUBLIC' ELSE w.grantee::regrole::text END,"
		"               min(w.name), count(*), row_number() OVER (ORDER BY min(w.name), w.grantee)"
		"          FROM (SELECT DISTINCT a.grantee, c.oid, c.oid::regclass::text"
		"                  FROM pg_class AS c,"
		"                       LATERAL (SELECT x.* FROM aclexplode(c.relacl) AS x"
		"                                UNION ALL"
		"                                SELECT x.* FROM pg_attribute AS i, aclexplode(i.attacl) AS x"
		"                                 WHERE i.attrelid = c.oid AND i.attacl IS NOT NULL) AS a"
		"                 WHERE c.oid = ANY ($1::oid[])"
		"                   AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE',"
		"                                            'REFERENCES', 'TRIGGER')"
		"                   AND NOT CASE a.grantee WHEN 0 THEN false"
		"                       ELSE " MIG_COMPAT_HAS_ROLE("a.grantee", "c.relowner") " END"
		"               ) AS w (grantee, oid, name)"
		"         GROUP BY w.grantee) AS g (grantee, first, tables, number)"
	};
	int			ntables;
	MigVersionName *tables = mig_version_tables(&ntables);
	char	  **oids = palloc(sizeof(char *) * Max(ntables, 1));
	MigSpiArgs	args = {0};
	char	   *writers;

	for (int i = 0; i < ntables; i++)
		oids[i] = psprintf("%u", tables[i].relid);
	mig_spi_arg_texts(&args, oids, ntables);
	writers = mig_spi_first(&query, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST);
	if (writers == NULL)
		mig_doctor_report(doctor, MIG_DOCTOR_OK,
						  "those in other schemas: their owners only", NULL);
	else
		mig_doctor_report(doctor, MIG_DOCTOR_PROBLEM, writers,
						  "Revoke it, or trust these roles like the owner of the table: their rows decide what is run, and a trigger of theirs runs with the rights of the role that runs revisions.");
}
