/*
 * activity.h
 *	  What else goes on, and what was left behind.
 */
#ifndef MIG_DOCTOR_ACTIVITY_H
#define MIG_DOCTOR_ACTIVITY_H

#include "doctor/doctor.h"

extern void mig_doctor_activity_workers(MigDoctor *doctor);
extern void mig_doctor_activity_visibility(MigDoctor *doctor);
extern void mig_doctor_activity_long(MigDoctor *doctor);
extern void mig_doctor_activity_idle(MigDoctor *doctor);
extern void mig_doctor_activity_prepared(MigDoctor *doctor);
extern void mig_doctor_activity_slots(MigDoctor *doctor);
extern void mig_doctor_activity_lag(MigDoctor *doctor);
extern void mig_doctor_activity_invalid(MigDoctor *doctor);

#endif							/* MIG_DOCTOR_ACTIVITY_H */
