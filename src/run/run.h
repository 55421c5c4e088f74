/*
 * run.h
 *	  Runs revisions: what the other folders may call.
 */
#ifndef MIG_RUN_H
#define MIG_RUN_H

#include "storage/lockdefs.h"
#include "utils/guc.h"

#include "migrate.h"

#include "base/compat.h"
#include "base/retry.h"
#include "base/spi.h"
#include "base/xact.h"
#include "tables/log.h"
#include "tables/partial.h"
#include "tables/revision.h"
#include "tables/version.h"

/*
 * Asked before each step of a run that commits, in a transaction of its own;
 * index counts from 0.  false: the run ends here.
 */
typedef bool (*MigRunMayBegin) (const MigStep *step, int index, int nsteps,
								void *arg);

/*
 * Asked between two batches of a step, outside of a transaction's work.  false:
 * the run ends here, and a later one resumes after the last batch.
 */
typedef bool (*MigRunMayContinue) (const MigStep *step, void *arg);

/*
 * Called with the plan of an upgrade before its first step: says what is to be
 * said of it, or raises an error.  In the transaction that has made the plan.
 * resumes: the first step was begun by an earlier run, and must not be stopped.
 */
typedef void (*MigRunReview) (const MigPlan *plan, bool resumes);

/* What is asked for. */
typedef struct MigRunRequest
{
	MigCommand	command;
	MigVia		via;
	int			ntargets;
	char	  **targets;
	bool		purge;			/* stamp: delete every row first */
	const MigStep *step;		/* stamp: what to write, instead of a target;
								 * or NULL */
	bool		can_commit;		/* the caller's context allows it */
	bool		top_level;		/* statements may run outside of a transaction
								 * block */
	MigRunMayBegin may_begin;	/* NULL: every step may begin */
	MigRunMayContinue may_continue; /* NULL: always */
	void	   *arg;			/* of these two */
} MigRunRequest;

/* The result of a run. */
typedef struct MigRunResult
{
	int			nrevisions;		/* function only: those run, in order; of a */
	char	  **revisions;		/* stamp the rows afterwards */
	char	   *end_reason;		/* why it ended before its target though
								 * nothing failed, or NULL */
	bool		held;			/* nothing could be run of an upgrade: its
								 * first revision waits for a person */
	int			ncommitted;		/* steps and segments, procedure and worker */
	bool		partial;		/* after an error: a revision is */
	bool		elsewhere;		/* after an error: its hint is about another
								 * version table, with what that needs */
	MigStaleness staleness;		/* after an error: of the catalog cache */
	char	   *to_change;		/* after an error: the revision whose body may
								 * have to be changed, or NULL */
} MigRunResult;

/* Whether a role has answered for what a run would do. */
typedef struct MigTrust
{
	MigRevisionCheck check;
	const char *hash;			/* MIG_REVISION_HASH; NULL: it decides nothing */
	bool		approved;		/* as it is registered now */
	bool		allowed;		/* approved, or it need not be */
	bool		trusted;		/* its author or approver has the runner's
								 * rights */
	bool		confirmed;		/* what has to be done elsewhere is done, or
								 * there is nothing */
} MigTrust;

/* Ids have 32 characters of up to four bytes. */
#define MIG_PROGRESS_REVISION_SIZE	(MIG_REVISION_MAXLEN * 4 + 1)
#define MIG_PROGRESS_QUERY_SIZE		1024
#define MIG_PROGRESS_BLOCKERS		8

/* What is shown of a run. */
typedef struct MigProgress
{
	int			pid;			/* 0: the slot is free */
	Oid			database;
	Oid			role;
	MigVia		via;
	int64		job;			/* 0: none */
	TimestampTz started;
	int64		started_ms;		/* the same by mig_clock_ms() */
	MigCommand	operation;
	char		revision[MIG_PROGRESS_REVISION_SIZE];
	int			step;			/* from 1; 0: it has not begun one */
	int			nsteps;
	int			statement;		/* from 1; 0: it has not begun one */
	int			nstatements;
	int			attempt;
	int64		statement_started_ms;	/* 0: the run waits before it */
	char		query[MIG_PROGRESS_QUERY_SIZE];
	int64		waiting_since_ms;	/* outside of the lock queue; 0: it does
									 * not wait there */
	int			nblockers;		/* process ids; 0: a prepared transaction */
	int			blockers[MIG_PROGRESS_BLOCKERS];
	char		blocked_by[MIG_PROGRESS_QUERY_SIZE];
} MigProgress;

/* A statement that is to run in batches. */
typedef struct MigBatchRequest
{
	Oid			relation;
	char	   *statement;
	int			nkey;			/* 0: the primary key */
	char	  **key;
	int			size;			/* of the first batch */
	int64		target;			/* ms that a batch should take; 0: the size
								 * stays */
	double		pause;			/* after a batch, as a multiple of its time */
	char	   *name;			/* or NULL */
	bool		can_commit;		/* the caller's context allows it */
	bool		top_level;		/* as in MigRunRequest */
} MigBatchRequest;

/* A schema in which revisions are run, and the settings for that. */
typedef struct MigTenant
{
	char	   *schema;
	Oid			schema_oid;		/* as it was found, or entered */
	bool		by_pattern;		/* found by one, not named */
	char	   *search_path;
	char	   *version_table;	/* quoted where needed, with the schema */
} MigTenant;

/* What became of the verify body of a revision. */
typedef struct MigVerified
{
	bool		done;			/* false: there is none */
	ErrorData  *error;			/* NULL: it has passed */
	bool		refused;		/* nothing of it was run */
	int			statement;		/* that the error is of, from 1; 0: none */
	int			line;
	const char *query;			/* its text; NULL: none */
	double		wall_ms;
} MigVerified;

/* An execution of steps that is taken back. */
typedef struct MigRehearsal MigRehearsal;

/* What it executes. */
typedef void (*MigRehearsalWork) (MigRehearsal *rehearsal, void *arg);

/* A lock. */
typedef struct MigRehearsedLock
{
	Oid			relation;
	LOCKMODE	mode;
} MigRehearsedLock;

/* A statement of a body that was rehearsed. */
typedef struct MigRehearsedStatement
{
	const MigStep *step;
	int			number;			/* in the body, from 1 */
	int			line;
	const char *tag;			/* its name */
	int			segment;		/* of the step: those of one number are one
								 * transaction of a run that commits */
	bool		executed;		/* false: it has no form that can be taken
								 * back */
	bool		plain;			/* in a form that can, not in its own */
	int			nlocks;			/* the locks from SHARE on that it needs, as
								 * far */
	MigRehearsedLock *locks;	/* as parse trees show them: before it is run
								 * its own, then also of what it has run */
	uint64		rows;
	MigResourceUsage usage;
} MigRehearsedStatement;

/*
 * Told of each statement, between two of them: with begun before it is run, and
 * when it is done.  Runs in the environment of the body, of which it must not
 * rely on anything.
 */
typedef void (*MigRehearsalLook) (const MigRehearsedStatement *statement,
								  bool begun, void *arg);

/*
 * What is told of runs that change something, with migrate.track_schema.  begin
 * returns what end is given, in the current memory context.
 */
typedef struct MigRunObserver
{
	void	   *(*begin) (void);
	void		(*end) (void *state, const pg_uuid_t *run);
} MigRunObserver;

/* observer.c */
extern void mig_run_observe(MigRunObserver *installed);

/* run.c */
extern MigRunReview mig_run_review;
extern void mig_run_init(void);
extern void mig_run(const MigRunRequest *request, MigRunResult *result);
extern void mig_run_refuse_nested(const char *function);
extern MigPlan *mig_run_plan(const MigVersion *version, MigCommand command,
							 int ntargets, char **targets, bool purge,
							 const char *first, MigSpiAccess access);
extern char *mig_run_plan_absolute(const MigVersion *version,
								   MigCommand command, const char *target,
								   MigSpiAccess access);

/* tenant.c */
extern MigTenant *mig_tenant_list(int nnames, char **names, int *ntenants);
extern void mig_tenant_enter(const MigTenant *tenant, GucAction action);
extern void mig_tenant_run(const MigRunRequest *request, int nnames,
						   char **names, bool stop_on_error);

/* repeat.c */
extern void mig_repeat_add_steps(const MigVersion *version, MigPlan *plan,
								 MigSpiAccess access);
extern int	mig_repeat_first(const MigPlan *plan);

/* precheck.c */
extern void mig_run_warn_tenants(const MigVersion *version);
pg_noreturn extern void mig_run_refuse_irreversible(const char *revision,
													const char *hint);

/* rehearsal.c */
extern void mig_rehearsal_run(MigCommand command, char *target,
							  MigRehearsalWork work, void *arg);
extern const MigPlan *mig_rehearsal_plan(const MigRehearsal *rehearsal);
extern const char *mig_rehearsal_external(const MigRehearsal *rehearsal);
extern bool mig_rehearsal_at_limit(const MigRehearsal *rehearsal);
extern void mig_rehearsal_watch(MigRehearsal *rehearsal, MigRehearsalLook look,
								void *arg, int timeout);
extern ErrorData *mig_rehearsal_step(MigRehearsal *rehearsal,
									 const MigStep *step, int *statement);
extern ErrorData *mig_rehearsal_try(MigRehearsal *rehearsal,
									const MigStep *step, MigWork then,
									void *arg);

/* verify.c */
extern MigVerified *mig_run_verify(MigVersion *version, char **ids, int nids);

/* trust.c */
extern MigTrust *mig_run_trust(const MigVersion *version, MigCommand command,
							   char *const *ids, int nids, bool show,
							   MigSpiAccess access);
extern char *mig_run_trust_problem(const MigTrust *trust, MigCommand command);

/* body.c */
extern bool mig_body_is_batch(const char *procedure);

/* batch.c */
extern bool mig_batch_continues(void);
extern void mig_batch_run(const MigBatchRequest *request);
extern void mig_batch_reset(const char *name);

/* resolve.c */
extern void mig_run_resolve(const char *revision, const char *action);
extern char *mig_run_describe_partial(const MigPartial *partial);

/* advice.c */
extern char *mig_advice_submission(bool upgrade, const char *target,
								   const char *version_table,
								   const char *search_path);
extern char *mig_advice_session(const char *version_table,
								const char *search_path);
extern char *mig_advice_revert(const char *revision, int ntables,
							   const MigVersionName *tables);
extern char *mig_advice_revert_in(const char *revision, const MigVersion *version);

/* probe.c */
extern bool mig_run_has_left(const MigPartial *partial, Oid index);

/* gate.c */
extern char *mig_run_blocked_by(char *const *revisions, int nrevisions,
								char **advice);

/* lock.c: "MIGR" and "MIGB" tell our locks from the application's in pg_locks */
#define MIG_LOCK_CLASS			0x4d494752
#define MIG_LOCK_CLASS_BODIES	0x4d494742

/*
 * In SQL: whether a session, a row of pg_stat_activity, is in a run: it has the lock
 * of one (MIG_LOCK_CLASS), and no open transaction that only keeps it.
 */
#define MIG_SESSION_RUNS(a) \
	"(COALESCE(" a ".state, '') NOT LIKE 'idle in transaction%'" \
	" AND EXISTS (SELECT FROM pg_catalog.pg_locks AS r" \
	"              WHERE r.pid = " a ".pid AND r.locktype = 'advisory'" \
	"                AND r.granted AND r.objsubid = 2" \
	"                AND r.database = " a ".datid AND r.classid = 1296648018))"

extern char *mig_lock_running(const MigVersion *version);
extern void mig_lock_registry(void);
extern void mig_lock_bodies(void);
extern bool mig_lock_job(int class, uint32 key);
extern void mig_lock_release_job(void);

/* progress.c */
extern void mig_progress_label(int64 job, const char *label,
							   const char *activity);
extern MigProgress *mig_progress_read(int *nruns);
extern bool mig_progress_may_read(const MigProgress *run);

#endif							/* MIG_RUN_H */
