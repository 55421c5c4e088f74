/*
 * yb_sim.h
 *	  What the files of the imitation share.
 */
#ifndef YB_SIM_H
#define YB_SIM_H

#include "executor/execdesc.h"
#include "nodes/plannodes.h"
#include "tcop/cmdtag.h"

#include "base/compat.h"

/* Where something can fail, in the order of fail_points[]. */
typedef enum YbSimPoint
{
	YB_SIM_STATEMENT,			/* before DDL, or before rows are written */
	YB_SIM_VERSION,				/* before a version row is written */
	YB_SIM_PARTIAL,				/* before migrate.partial is written */
	YB_SIM_LOCK,				/* before an attempt to take an advisory lock */
	YB_SIM_DDL_AFTER,			/* DDL has committed by itself */
	YB_SIM_COMMIT,				/* before a transaction that has written */
	YB_SIM_AFTER_COMMIT,		/* it has committed */
	YB_SIM_NPOINTS
} YbSimPoint;

/* How, in the order of failures[]. */
typedef enum YbSimFailure
{
	YB_SIM_CONFLICT,
	YB_SIM_RESTART_READ,
	YB_SIM_EXPIRED,
	YB_SIM_YB_CONFLICT,
	YB_SIM_CATALOG,
	YB_SIM_TIMED_OUT,
	YB_SIM_UNDEFINED,
	YB_SIM_NOT_FOUND,
	YB_SIM_KILL,
	YB_SIM_NFAILURES
} YbSimFailure;

#define YB_SIM_CLASS_YB		MAKE_SQLSTATE('Y', 'B', '0', '0', '0')

/* yb_sim.c */
extern bool yb_sim_enabled;
extern bool yb_sim_subtransaction_fatal;
extern bool yb_sim_transactional_ddl;
extern bool yb_sim_not_for_read_committed;
extern int	yb_sim_max_retries;
extern bool yb_sim_is_yugabytedb(void);
extern bool yb_sim_is_read_committed(void);

/* yb_sim_ddl.c */
extern void yb_sim_ddl_define(void);
extern bool yb_sim_ddl_is_ddl(Node *statement);
extern bool yb_sim_ddl_is_autonomous(void);
extern void yb_sim_ddl_execute(PlannedStmt *pstmt, const char *source,
							   bool toplevel, QueryCompletion *qc);
extern void yb_sim_ddl_note(void);
extern void yb_sim_ddl_allow_rollback(void);

/* yb_sim_remote.c */
extern void yb_sim_remote_define(void);
extern uint64 yb_sim_remote_execute(const char *statement, int offset);

/* yb_sim_fail.c */
extern void yb_sim_fail_define(void);
extern void yb_sim_fail_pass(YbSimPoint point);
extern void yb_sim_fail_dead(void);
extern void yb_sim_fail_stale(void);
extern void yb_sim_fail_revive(void);
pg_noreturn extern void yb_sim_fail_raise(YbSimFailure failure);

/* yb_sim_retry.c */
typedef void (*YbSimCall) (void *arg);
extern void yb_sim_retry_call(YbSimCall call, void *arg);
extern void yb_sim_retry_run(QueryDesc *query);

#endif							/* YB_SIM_H */
