/*
 * doctor.h
 *	  Looks for what could go wrong with migrations on this server.
 */
#ifndef MIG_DOCTOR_DOCTOR_H
#define MIG_DOCTOR_DOCTOR_H

#include "nodes/pg_list.h"

typedef enum MigDoctorStatus
{
	MIG_DOCTOR_OK,
	MIG_DOCTOR_WARNING,
	MIG_DOCTOR_PROBLEM
} MigDoctorStatus;

/* What a check has found. */
typedef struct MigFinding
{
	const char *area;
	const char *check;
	const char *status;
	const char *value;
	const char *advice;			/* or NULL */
} MigFinding;

/* The check that is going on, and what all of them have found. */
typedef struct MigDoctor
{
	const char *area;
	const char *check;
	MemoryContext context;		/* of the findings */
	List	   *findings;
	struct MigInspectStep *pending; /* to heads, once it was asked for */
	int			npending;
} MigDoctor;

extern List *mig_doctor_examine(void);

/* For the checks */
extern void mig_doctor_say(MigDoctor *doctor, MigDoctorStatus status,
						   const char *value, const char *advice);
extern void mig_doctor_say_of(MigDoctor *doctor, const char *check,
							  MigDoctorStatus status, const char *value,
							  const char *advice);

#endif							/* MIG_DOCTOR_DOCTOR_H */
