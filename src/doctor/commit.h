/*
 * commit.h
 *	  How long a commit takes.
 */
#ifndef MIG_DOCTOR_COMMIT_H
#define MIG_DOCTOR_COMMIT_H

#include "storage/dsm.h"

#include "doctor/doctor.h"

extern void mig_doctor_commit_time(MigDoctor *doctor);
extern void mig_doctor_commit_measure(dsm_handle handle);

#endif							/* MIG_DOCTOR_COMMIT_H */
