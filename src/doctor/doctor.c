/*
 * doctor.c
 *	  Looks for what could go wrong with migrations on this server.
 *
 * A list of checks.  Each is done in a bracket: one that fails, because the
 * role may not see something or a server does not have it, is a finding, and
 * the others go on.  None changes anything, but for the commits that are timed.
 */
#include "postgres.h"

#include "base/xact.h"
#include "doctor/activity.h"
#include "doctor/commit.h"
#include "doctor/doctor.h"
#include "doctor/migrations.h"
#include "doctor/server.h"

/* In the order of the answer. */
typedef struct Check
{
	const char *area;
	const char *check;
	void		(*examine) (MigDoctor *doctor);
} Check;

static const Check checks[] =
{
	{"server", "version", mig_doctor_server_version},
	{"server", "profile", mig_doctor_server_profile},
	{"server", "preload", mig_doctor_server_preload},
	{"server", "nodes", mig_doctor_server_nodes},
	{"isolation", "nominal", mig_doctor_server_isolation},
	{"isolation", "effective", mig_doctor_server_effective},
	{"setting", "yugabytedb", mig_doctor_server_settings},
	{"timeout", "lock_timeout", mig_doctor_server_lock_timeout},
	{"timeout", "statement_timeout", mig_doctor_server_statement_timeout},
	{"timeout", "session timeouts", mig_doctor_server_session_timeouts},
	{"resource", "background workers", mig_doctor_activity_workers},
	{"resource", "locks", mig_doctor_migrations_locks},
	{"activity", "visibility", mig_doctor_activity_visibility},
	{"activity", "long transactions", mig_doctor_activity_long},
	{"activity", "idle in transaction", mig_doctor_activity_idle},
	{"activity", "prepared transactions", mig_doctor_activity_prepared},
	{"replication", "slots", mig_doctor_activity_slots},
	{"replication", "lag", mig_doctor_activity_lag},
	{"catalog", "invalid indexes", mig_doctor_activity_invalid},
	{"commit", "round trip", mig_doctor_commit_time},
	{"migration", "pending", mig_doctor_migrations_pending},
	{"migration", "partial", mig_doctor_migrations_partial},
	{"migration", "approvals", mig_doctor_migrations_approvals},
	{"migration", "large revisions", mig_doctor_migrations_large},
	{"migration", "long revisions", mig_doctor_migrations_long},
	{"migration", "last run", mig_doctor_migrations_last},
};

/* What a bracket is opened for. */
typedef struct Examination
{
	const Check *check;
	MigDoctor  *doctor;
} Examination;

static void examine_work(void *arg);

/*
 * The findings, of MigFinding, in the current memory context.
 */
List *
mig_doctor_examine(void)
{
	MigDoctor	doctor = {.context = CurrentMemoryContext};

	for (int i = 0; i < lengthof(checks); i++)
	{
		Examination examination = {&checks[i], &doctor};
		ErrorData  *error;

		doctor.area = checks[i].area;
		doctor.check = checks[i].check;
		error = mig_subxact(examine_work, &examination);
		if (error == NULL)
			continue;
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
		mig_doctor_say(&doctor, MIG_DOCTOR_WARNING,
					   psprintf("cannot be told: %s", error->message),
					   error->hint);
	}
	return doctor.findings;
}

static void
examine_work(void *arg)
{
	Examination *examination = arg;

	examination->check->examine(examination->doctor);
}

/*
 * A finding of the check that is going on.  The texts are copied.
 */
void
mig_doctor_say(MigDoctor *doctor, MigDoctorStatus status,
			   const char *value, const char *advice)
{
	mig_doctor_say_of(doctor, doctor->check, status, value, advice);
}

/*
 * The same, under another name.
 */
void
mig_doctor_say_of(MigDoctor *doctor, const char *check, MigDoctorStatus status,
				  const char *value, const char *advice)
{
	static const char *const words[] = {
		[MIG_DOCTOR_OK] = "ok",
		[MIG_DOCTOR_WARNING] = "warning",
		[MIG_DOCTOR_PROBLEM] = "problem"
	};
	MemoryContext old_context = MemoryContextSwitchTo(doctor->context);
	MigFinding *finding = palloc(sizeof(MigFinding));

	finding->area = doctor->area;
	finding->check = pstrdup(check);
	finding->status = words[status];
	finding->value = pstrdup(value);
	finding->advice = advice == NULL ? NULL : pstrdup(advice);
	doctor->findings = lappend(doctor->findings, finding);
	MemoryContextSwitchTo(old_context);
}
