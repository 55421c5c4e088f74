/*
 * doctor.h
 *	  Checks for what could go wrong with migrations on this server.
 */
#ifndef MIG_DOCTOR_DOCTOR_H
#define MIG_DOCTOR_DOCTOR_H

#include "nodes/pg_list.h"

/* What a check has found. */
typedef struct MigFinding
{
	const char *area;
	const char *check;
	const char *status;			/* ok, warning, problem */
	const char *value;
	const char *advice;			/* or NULL */
} MigFinding;

extern List *mig_doctor_examine(void);
extern char *mig_doctor_describe(const MigFinding *finding);

#endif							/* MIG_DOCTOR_DOCTOR_H */
