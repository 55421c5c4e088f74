/*
 * rights.c
 *	  Checks of the rights on the extension's own objects.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/guard.h"
#include "doctor/doctor_internal.h"

static void check_owners(MigDoctor *doctor);
static void check_parts(MigDoctor *doctor);
static void check_grants(MigDoctor *doctor);
static void check_triggers(MigDoctor *doctor);

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
