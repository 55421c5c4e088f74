/*
 * bgw_doctor.h
 *	  The process that times commits.
 */
#ifndef BGW_DOCTOR_H
#define BGW_DOCTOR_H

#include "fmgr.h"

extern PGDLLEXPORT void migrate_doctor_main(Datum arg);

#endif							/* BGW_DOCTOR_H */
