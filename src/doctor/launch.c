/*
 * launch.c
 *	  The process that times commits.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "tcop/tcopprot.h"

#include "doctor/commit.h"
#include "doctor/launch.h"

/*
 * What the server calls.  It runs internal SQL only.
 */
void
migrate_doctor_main(Datum arg)
{
	Oid			database;

	memcpy(&database, MyBgworkerEntry->bgw_extra, sizeof(database));
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);

	mig_doctor_commit_measure(DatumGetUInt32(arg));
}
