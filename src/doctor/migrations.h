/*
 * migrations.h
 *	  What is to be run next, and how the last runs went.
 */
#ifndef MIG_DOCTOR_MIGRATIONS_H
#define MIG_DOCTOR_MIGRATIONS_H

#include "doctor/doctor.h"

extern void mig_doctor_migrations_locks(MigDoctor *doctor);
extern void mig_doctor_migrations_pending(MigDoctor *doctor);
extern void mig_doctor_migrations_partial(MigDoctor *doctor);
extern void mig_doctor_migrations_approvals(MigDoctor *doctor);
extern void mig_doctor_migrations_large(MigDoctor *doctor);
extern void mig_doctor_migrations_long(MigDoctor *doctor);
extern void mig_doctor_migrations_last(MigDoctor *doctor);

#endif							/* MIG_DOCTOR_MIGRATIONS_H */
