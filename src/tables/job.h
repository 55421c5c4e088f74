/*
 * job.h
 *	  migrate.job: the queue of jobs and how they ended.
 */
#ifndef MIG_TABLES_JOB_H
#define MIG_TABLES_JOB_H

#include "datatype/timestamp.h"

#include "migrate.h"

/*
 * First keys of a worker's advisory locks: "MIGJ" with the job's number, for
 * as long as the worker is running; "MIGQ" with its version table, because
 * jobs take turns there; "MIGW" with one of migrate.max_workers slots.
 */
#define MIG_JOB_LOCK			1296648010
#define MIG_JOB_LOCK_QUEUE		1296648017
#define MIG_JOB_LOCK_SLOT		1296648023

/* The second key is an int4. */
#define MIG_JOB_LOCK_KEY(job)	((uint32) ((job) & 0x7fffffff))

/* Of the worker that waits for a free process: no job has this number. */
#define MIG_JOB_LOCK_WAITER		0

/* The backend_type of a worker in pg_stat_activity. */
#define MIG_JOB_BACKEND_TYPE	"migrate job"

/*
 * In SQL: whether a role may see and change a job or schedule.  It needs the
 * privileges of its owner, or those of the extension's owner.  The owner is known by
 * OID: where a dump has brought the row, another role may have that one.
 */
#define MIG_JOB_ROLE_MAY_MANAGE(role, owner, origin) \
	"(" origin " = " MIG_SPI_ORIGIN \
	" AND pg_catalog.pg_has_role(" role ", " owner ", 'USAGE')" \
	" OR pg_catalog.pg_has_role(" role ", (SELECT e.extowner" \
	"      FROM pg_catalog.pg_extension AS e" \
	"     WHERE e.extname = 'migrate'), 'USAGE'))"

/* In SQL: whether a role may execute a function of the extension. */
#define MIG_JOB_ROLE_MAY_EXECUTE(role, function) \
	"EXISTS (SELECT FROM pg_catalog.pg_proc AS p" \
	"   JOIN pg_catalog.pg_depend AS d" \
	"     ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass" \
	"    AND d.objid = p.oid AND d.deptype = 'e'" \
	"   JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid" \
	"  WHERE e.extname = 'migrate' AND p.proname = " function \
	"    AND pg_catalog.has_function_privilege(" role ", p.oid, 'EXECUTE'))"

/* What a job is, as submitted. */
typedef struct MigJob
{
	int64		job;
	MigCommand	command;
	char	   *target;
	char	   *version_table;
	Oid			owner;
	Oid			login;			/* what its worker connects as */
	TimestampTz run_at;
	TimestampTz deadline;		/* DT_NOEND: none */
	char	   *schedule;		/* that submitted it, or NULL */
	TimestampTz window_end;		/* of the schedule; DT_NOEND: none */
	int			nsettings;
	char	  **settings;		/* name=value */
	int			attempts;
	int			renewals;
} MigJob;

/* How it ended, or that it has not. */
typedef struct MigJobEnd
{
	char	   *state;
	char	   *note;			/* this and what follows: or NULL */
	char	   *sqlstate;
	char	   *error;
	char	   *detail;
	char	   *hint;
	char	   *context;
	bool		visible;		/* to the role that has asked */
} MigJobEnd;

/* A job that a worker is to be started for. */
typedef struct MigJobDue
{
	int64		job;
	Oid			login;
} MigJobDue;

/* Why a job can never be run.  Macros, because SQL has the numbers, too. */
typedef int MigJobReason;

#define MIG_JOB_ELSEWHERE			1
#define MIG_JOB_CRASHES				2
#define MIG_JOB_LATE				3
#define MIG_JOB_NO_OWNER			4
#define MIG_JOB_NO_LOGIN_ROLE		5
#define MIG_JOB_MAY_NOT_LOG_IN		6
#define MIG_JOB_MAY_NOT_CONNECT		7
#define MIG_JOB_MAY_NOT_SET_ROLE	8
#define MIG_JOB_MAY_NOT_EXECUTE		9

typedef struct MigJobDead
{
	int64		job;
	MigJobReason reason;
	char	   *owner;
	char	   *login;
	int			crashes;
	char	   *revision;		/* the last one that was begun, or NULL */
	char	   *schedule;		/* that submitted it, or NULL */
	char	   *command;
	char	   *target;
	char	   *version_table;
	char	   *search_path;
} MigJobDead;

/* Submitting */
extern int64 mig_job_row_insert(const MigJob *job);
extern bool mig_job_row_is_scheduled(const char *schedule);

/* Asking and cancelling */
extern MigJobEnd *mig_job_row_end(int64 job, Oid role);
extern int	mig_job_row_errcode(const MigJobEnd *end);
extern int64 mig_job_row_running(int pid);
extern bool mig_job_row_signal(int64 job);
extern bool mig_job_row_cancel(int64 job);

/* Starting */
extern MigJobDead *mig_job_row_dead(int64 job, int max_crashes, int *ndead);
extern MigJobDue *mig_job_row_due(int max_crashes, int max_workers, int *ndue);

/* The worker */
extern bool mig_job_row_queue(int64 job, uint32 *key, bool *cancelled);
extern bool mig_job_row_claim(int64 job, MigJob *claimed);
extern void mig_job_row_renew(int64 job, int pid, bool progressed);
extern void mig_job_row_progress(int64 job, const char *revision, int step,
								 int steps);
extern void mig_job_row_finish(int64 job, const MigJobEnd *end,
							   bool by_worker);
extern void mig_job_row_forget(int64 job);
extern void mig_job_row_expire(int seconds);

#endif							/* MIG_TABLES_JOB_H */
