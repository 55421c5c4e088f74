/*
 * doctor_internal.h
 *	  Checks, and how they report their findings.
 */
#ifndef MIG_DOCTOR_DOCTOR_INTERNAL_H
#define MIG_DOCTOR_DOCTOR_INTERNAL_H

#include "lib/stringinfo.h"

#include "base/spi.h"
#include "doctor/doctor.h"

#define MAX_NAMED				5	/* revisions or indexes, in a finding */

typedef enum MigDoctorStatus
{
	MIG_DOCTOR_OK,
	MIG_DOCTOR_WARNING,
	MIG_DOCTOR_PROBLEM
} MigDoctorStatus;

/* The check that is being made, and the findings so far. */
typedef struct MigDoctor
{
	const char *area;
	const char *check;
	MemoryContext context;		/* of the findings */
	List	   *findings;
	struct MigInspectStep *pending; /* to heads; NULL: not read yet */
	int			npending;
} MigDoctor;

/*
 * A check is a function, or a query that runs with the caller's rights.  Each
 * row of the query is a finding: its value, and whether it has the check's
 * status and advice; otherwise it is ok without advice.
 */
typedef struct MigDoctorCheck
{
	const char *area;
	const char *check;
	void		(*examine) (MigDoctor *doctor); /* NULL: the query */
	MigSpiQuery query;
	MigDoctorStatus status;
	const char *advice;
} MigDoctorCheck;

/* The checks of a file; the last one has no area. */
extern MigDoctorCheck mig_doctor_server[];
extern MigDoctorCheck mig_doctor_activity[];
extern MigDoctorCheck mig_doctor_commit[];
extern MigDoctorCheck mig_doctor_rights[];
extern MigDoctorCheck mig_doctor_migrations[];

/* doctor.c */
extern void mig_doctor_report(MigDoctor *doctor, MigDoctorStatus status,
							  const char *value, const char *advice);
extern void mig_doctor_report_as(MigDoctor *doctor, const char *check,
								 MigDoctorStatus status, const char *value,
								 const char *advice);
extern void mig_doctor_query(MigDoctor *doctor, MigSpiQuery *query,
							 MigDoctorStatus status, const char *advice);

/* migrations.c */
extern void mig_doctor_locks(MigDoctor *doctor);
extern void mig_doctor_blockers(MigDoctor *doctor);
extern void mig_doctor_waits(MigDoctor *doctor);
extern void mig_doctor_run_locks(MigDoctor *doctor);
extern void mig_doctor_name(StringInfo names, int n, const char *name);

#endif							/* MIG_DOCTOR_DOCTOR_INTERNAL_H */
