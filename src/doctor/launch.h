/*
 * launch.h
 *	  The process that times commits.
 */
#ifndef MIG_DOCTOR_LAUNCH_H
#define MIG_DOCTOR_LAUNCH_H

#include "fmgr.h"

extern PGDLLEXPORT void migrate_doctor_main(Datum arg);

#endif							/* MIG_DOCTOR_LAUNCH_H */
