/*
 * doctor.c
 *	  Checks for what could go wrong with migrations on this server.
 *
 * Each check is made in a subtransaction: the failure of one, because the role
 * has no privilege for it or the server does not support it, is a finding, and
 * the others are made all the same.  None changes anything, but for the row
 * that is written to time commits.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/error_text.h"
#include "base/guard.h"
#include "base/printable.h"
#include "base/xact.h"
#include "doctor/doctor_internal.h"

/* Beside a status and an area, lines of this width fit into 80 columns. */
#define LINE_WIDTH		54

/* In the order of the answer. */
static MigDoctorCheck *const files[] = {
	mig_doctor_server, mig_doctor_activity, mig_doctor_commit,
	mig_doctor_rights, mig_doctor_migrations
};

/* The argument of examine_work(). */
typedef struct Examination
{
	MigDoctor  *doctor;
	MigDoctorCheck *check;
} Examination;

static bool has_finding(MigGuardFault fault);
static void examine(MigDoctor *doctor, MigDoctorCheck *check);
static void examine_work(void *arg);

/*
 * The findings, of MigFinding, in the current memory context.
 */
List *
mig_doctor_examine(void)
{
	MigDoctor	doctor = {.context = CurrentMemoryContext};

	/* Then already reading the tables could run code of another role. */
	bool		rights_only = has_finding(MIG_GUARD_OWNER) ||
	has_finding(MIG_GUARD_PART);

	for (int i = 0; i < lengthof(files); i++)
	{
		if (rights_only && files[i] != mig_doctor_rights)
			continue;
		for (MigDoctorCheck *check = files[i]; check->area != NULL; check++)
			examine(&doctor, check);
	}
	return doctor.findings;
}

/*
 * What was found and what to do about it, in lines that people can read.
 */
char *
mig_doctor_describe(const MigFinding *finding)
{
	StringInfoData buf;

	initStringInfo(&buf);
	mig_printable_wrap(&buf, psprintf("%s: %s", finding->check, finding->value),
					   LINE_WIDTH);
	if (finding->advice != NULL)
	{
		appendStringInfoChar(&buf, '\n');
		mig_printable_wrap(&buf, finding->advice, LINE_WIDTH);
	}
	return buf.data;
}

static bool
has_finding(MigGuardFault fault)
{
	int			nfindings;

	(void) mig_guard_findings(fault, &nfindings);
	return nfindings > 0;
}

static void
examine(MigDoctor *doctor, MigDoctorCheck *check)
{
	Examination examination = {doctor, check};
	ErrorData  *error;

	doctor->area = check->area;
	doctor->check = check->check;
	error = mig_subxact(examine_work, &examination);
	if (error == NULL)
		return;
	if (mig_error_is_cancel(error))
		ReThrowError(error);
	mig_doctor_report(doctor, MIG_DOCTOR_WARNING,
					  psprintf("could not be checked: %s", error->message),
					  error->hint);
}

static void
examine_work(void *arg)
{
	Examination *examination = arg;
	MigDoctorCheck *check = examination->check;

	if (check->examine != NULL)
		check->examine(examination->doctor);
	else
		mig_doctor_query(examination->doctor, &check->query,
						 check->status, check->advice);
}

/*
 * Reports a finding of each row of a query, see MigDoctorCheck.
 */
void
mig_doctor_query(MigDoctor *doctor, MigSpiQuery *query,
				 MigDoctorStatus status, const char *advice)
{
	MigSpiScope scope;
	uint64		nrows;

	mig_spi_begin(&scope, MIG_SPI_CALLER);
	nrows = mig_spi_execute(&scope, query, NULL, MIG_SPI_READ_LATEST);
	for (uint64 i = 0; i < nrows; i++)
	{
		MigSpiRow	row = mig_spi_fetch(&scope, i);
		bool		found = mig_spi_row_bool(&row, 2);

		mig_doctor_report(doctor, found ? status : MIG_DOCTOR_OK,
						  mig_spi_row_text(&row, 1), found ? advice : NULL);
	}
	mig_spi_end(&scope);
}

/*
 * Reports a finding of the check that is being made.  The texts are copied.
 */
void
mig_doctor_report(MigDoctor *doctor, MigDoctorStatus status,
				  const char *value, const char *advice)
{
	mig_doctor_report_as(doctor, doctor->check, status, value, advice);
}

/*
 * The same, under the name of another check.
 */
void
mig_doctor_report_as(MigDoctor *doctor, const char *check,
					 MigDoctorStatus status, const char *value,
					 const char *advice)
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
