/*
 * server.h
 *	  What server this is, and how it is set.
 */
#ifndef MIG_DOCTOR_SERVER_H
#define MIG_DOCTOR_SERVER_H

#include "doctor/doctor.h"

extern void mig_doctor_server_version(MigDoctor *doctor);
extern void mig_doctor_server_profile(MigDoctor *doctor);
extern void mig_doctor_server_preload(MigDoctor *doctor);
extern void mig_doctor_server_nodes(MigDoctor *doctor);
extern void mig_doctor_server_isolation(MigDoctor *doctor);
extern void mig_doctor_server_effective(MigDoctor *doctor);
extern void mig_doctor_server_settings(MigDoctor *doctor);
extern void mig_doctor_server_lock_timeout(MigDoctor *doctor);
extern void mig_doctor_server_statement_timeout(MigDoctor *doctor);
extern void mig_doctor_server_session_timeouts(MigDoctor *doctor);

#endif							/* MIG_DOCTOR_SERVER_H */
