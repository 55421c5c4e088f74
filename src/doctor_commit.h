/*
 * doctor_commit.h
 *	  How long a commit takes.
 */
#ifndef DOCTOR_COMMIT_H
#define DOCTOR_COMMIT_H

#include "storage/dsm.h"

#include "doctor.h"

extern void mig_doctor_commit_time(MigDoctor *doctor);
extern void mig_doctor_commit_measure(dsm_handle handle);

#endif							/* DOCTOR_COMMIT_H */
