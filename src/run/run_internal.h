/*
 * run_internal.h
 *	  What the files of run/ share.
 */
#ifndef MIG_RUN_INTERNAL_H
#define MIG_RUN_INTERNAL_H

#include "portability/instr_time.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/server.h"
#include "base/setting_list.h"
#include "base/xact.h"
#include "run/run.h"
#include "script/script.h"
#include "tables/batch.h"
#include "tables/log.h"

/* The counters of this backend at one moment. */
typedef struct MigCounters
{
	TimestampTz at;
	instr_time	wall;
	double		cpu_ms;
	double		lock_wait_ms;
	WalUsage	wal;
	BufferUsage buffers;
} MigCounters;

/* A setting as it was. */
typedef struct MigSetting
{
	char	   *name;
	char	   *value;
	bool		is_default;		/* the session has not set it */
	Oid			role;			/* that has; InvalidOid: unknown */
	List	   *schemas;		/* of a search_path: what each of its names
								 * stood for, InvalidOid: for nothing; NIL:
								 * unknown */
	bool		elsewhere;		/* in another database */
} MigSetting;

/* The search_path that a segment of a body finds. */
typedef struct MigPathNote
{
	char	   *path;
	char	   *user;			/* whose schema $user is */
	List	   *schemas;		/* as in MigSetting */
	uint64		nschemas;		/* as mig_utility_hook_schemas() has said */
} MigPathNote;

/* Told of a command that is about to run from within a statement. */
typedef void (*MigUtilityNested) (Node *command, void *arg);

/* The temporary objects of the session. */
typedef struct MigTemporary
{
	int			nobjects;
	char	  **objects;
} MigTemporary;

/* The body of a step. */
typedef struct MigBodyExec
{
	const char *revision;
	const char *operation;
	bool		repeatable;		/* it is none of a revision, but one that runs
								 * when it has changed */
	int			attempt;
	int			stale_attempts; /* that met an outdated catalog cache */
	bool		transaction_ends;	/* with the step */
	List	   *settings;		/* made before it, of MigListSetting */
	int			session_timeout;	/* statement_timeout before them */
	Oid			runner;			/* the role before them */
	const char *text;			/* NULL: a stamp has none */
	MigScript  *script;			/* its statements */
	bool		may_split;		/* a segment may end where it turns out that
								 * it must */
	bool		may_repeat;		/* a statement by itself */
	bool		as_sent;		/* its statements end transactions, as if the
								 * client had sent them */
	int			ncarried;		/* this many statements are done, */
	List	   *carried;		/* and have set these, of MigSetting */
	List	   *collected;		/* the same after the segment that is tried */
	MigPathNote path_before;	/* that it has found */
	char	   *search_path;	/* of the last statement that began */
	Oid			role;			/* the same */
	List	   *paths;			/* each search_path that the body has set; of
								 * body.c */
	MemoryContext context;		/* for what must outlive a statement */
	int			statement;		/* where the run is: from 1; 0 before the
								 * first, -1 at the deferred constraints */
	int			line;
	const char *statement_text;
	MigRehearsal *rehearsal;	/* what it does is taken back; or NULL */
	bool		looking;		/* nothing of it is run: a look-up makes its
								 * settings */
	bool		verifies;		/* what its queries return decides */
} MigBodyExec;

/* Transactions that a statement has waited for in vain. */
typedef struct MigBlockers
{
	char	   *who;			/* and what they hold; NULL: none */
	char	   *cure;			/* statements that end them, a line each */
	char	   *rights;			/* "as a superuser", which the caller needs
								 * for that and does not have, or NULL */
	char	   *hidden;			/* what shows the sessions of which the caller
								 * may not see what they do, or NULL */
	int			npids;			/* 0: a prepared transaction */
	int		   *pids;
} MigBlockers;

/* A lock that a statement needs on an object that is there. */
typedef struct MigNeededLock
{
	char	   *id;				/* of the object, in digits */
	char	   *relation_id;	/* of that of the condition */
	char		target;			/* as of the need, */
	char		descent;		/* unless this is one of several objects that
								 * it is about */
	const MigLockNeed *need;
} MigNeededLock;

/* The transactions that hold locks in the way of others. */
typedef struct MigLockHolders
{
	MigBlockers named;			/* some of them */
	int			n;
	int			npids;			/* those that are sessions */
	char	  **pids;
	char	  **transactions;	/* their virtual transaction ids */
	char	  **idle;			/* "true": in that transaction */
	int			nunknown;		/* virtual transaction ids of others, whose
								 * age is not known */
	char	  **unknown;
	bool		wait_for_us;	/* one waits for this session */
} MigLockHolders;

/* The step in execution; the same for all its attempts and segments. */
typedef struct MigStepExec
{
	struct MigRun *run;
	const MigStep *step;
	const char *message;		/* of the revision, or NULL */
	MigTemporary *temporary;	/* what the session had before; NULL: the body
								 * may leave what it wants */
	const char *author;			/* of the body */
	Oid			author_oid;
	const char *external;		/* what has to be done elsewhere before it, or
								 * NULL */
	MigBodyExec body;
	MigBodyExec verify;			/* its text is NULL where there is none */
	bool		verifying;		/* the last attempt has come to that */
	bool		noted;			/* in migrate.partial, or tried to be */
	bool		part_committed; /* a transaction of it, by this run or an
								 * earlier one */
	bool		advised;		/* its error says all that can be done */
	bool		writes_rows;	/* the body was run in this attempt */
	int			nobjects;		/* of the session, before the body */
	char	  **objects;
	MigBlockers blockers;		/* of the last attempt that had any */
	int64		blocked_since;	/* mig_clock_ms() when the segment first met
								 * other sessions' locks; 0: it has not */
	struct MigBatch *batch;		/* the statement that runs in batches */
	bool		batched;		/* the body had one */
	MigCounters begin;			/* when the first attempt began */
	MigLogEntry entry;
} MigStepExec;

/* What mig_step_lock_role() changed and mig_step_unlock_role() puts back. */
typedef struct MigRoleLock
{
	bool		locked;			/* the body may not change the role */
	Oid			userid;
	int			sec_context;
} MigRoleLock;

/* Bodies that were read ahead, of the steps from that index on. */
typedef struct MigStepBodies
{
	MemoryContext context;
	int			first;
	int			n;
	MigStepBody bodies[32];
} MigStepBodies;

/* A run.  What it points to lasts as long as the run. */
typedef struct MigRun
{
	const MigRunRequest *request;
	MigRunResult *result;
	bool		commits;		/* after each step: procedure, worker */
	bool		rehearses;		/* what it does is taken back */
	bool		role_locked;	/* mig_step_can_change_role() says no */
	bool		without_subxacts;	/* see mig_xact_without_subxacts() */
	const MigServer *server;	/* since the version table was opened */
	Oid			registry;
	MigVersion *version;
	MigPartial *partial;		/* before the first step, and after a failure */
	MigPlan    *plan;
	char	   *target;			/* that means the same when steps are done;
								 * NULL: the request's does */
	char	   *position;		/* where the database was before a function */
	int			session_timeout;	/* statement_timeout before the run */
	bool		explained;		/* the error that ends it */
	int			ndone;			/* steps that are done */
	bool		announced;		/* mig_hook_begin_run() was called */
	int			hooks;			/* a bit for each event that has some */
	const char *failed_hook;	/* that has raised an error, NULL: none, */
	const char *failed_event;	/* and its event */
	char	   *notify;			/* the channel on which it is told of; NULL:
								 * it is not */
	bool		notify_error;	/* with the message of an error */
	void	   *observed;		/* what observer.c keeps until its end, or
								 * NULL */
	MigStepExec exec;
	MigStepBodies *bodies;		/* NULL: each is read by itself */
	MigLogRows *log_rows;		/* NULL: each is written with its step */
	MemoryContext context;		/* of the caller: for its result */
} MigRun;

/* What is told of a run. */
typedef struct MigEvent
{
	const MigRun *run;
	const char *name;			/* "run", "step", or the event of a hook */
	const char *state;			/* "started", "succeeded", "failed"; of a hook
								 * NULL */
	bool		of_step;		/* of the present one */
	bool		ended;			/* that has */
	const ErrorData *error;		/* or NULL */
} MigEvent;

/* What to look for, and how it was before the statement began. */
typedef struct MigProbe
{
	int			nobject;
	char	  **object;			/* kind, schema, name, ...; none: nothing can
								 * be looked up */
	char	   *before;			/* a state; NULL without an object */
	char	   *busy;			/* a live session that works on it, or NULL */
	int			busy_pid;
} MigProbe;

/* What a look-up says of an object. */
#define MIG_PROBE_PRESENT		"present"
#define MIG_PROBE_ABSENT		"absent"
#define MIG_PROBE_INVALID		"invalid"	/* left by a statement that did
											 * not end */
#define MIG_PROBE_OTHER			"other" /* not the one that the statement is
										 * about */
#define MIG_PROBE_UNKNOWN		"unknown"

/*
 * How an object is looked up.
 *
 * identify -> what to note, or null if there is nothing to be looked for.  The
 * parameters are those of MigEffect: $1 kind, $2 schema, $3 name, $4 part,
 * $5 schema of the part, $6 whether the name is a new one, $7 wanted, or the
 * definition of the index, $8 items.  It runs with the caller's search_path.
 *
 * Of the others $1 is what was noted, the kind first.  state -> one of the words
 * above.  repairs -> the statements that take away, or finish, what is INVALID,
 * none if that has been done meanwhile.  broken -> a row if the relation $2 is
 * among what they take away.  busy -> a live session that the statement would
 * have to wait for, or that could have made what is INVALID, in words and its pid.
 */
typedef struct MigProbeKind
{
	MigEffectKind kind;
	const char *name;
	MigSpiQuery identify;
	MigSpiQuery state;
	MigSpiQuery repairs;
	MigSpiQuery broken;
	MigSpiQuery busy;
} MigProbeKind;

/* What the catalogs say of a statement's outcome. */
typedef enum MigVerdict
{
	MIG_VERDICT_DONE,			/* it has taken effect */
	MIG_VERDICT_NOT_DONE,		/* it has not */
	MIG_VERDICT_REPEATABLE,		/* unknown, but it may be run again */
	MIG_VERDICT_BROKEN,			/* what it has left must be repaired, then it
								 * may be run again */
	MIG_VERDICT_OTHER,			/* unknown: another object has its name */
	MIG_VERDICT_UNKNOWN
} MigVerdict;

/*
 * Whether it is in a statement that ends transactions itself: what this has
 * committed stays, and no catalog tells how far it has come.
 */
#define mig_partial_ends_transactions(partial) \
	((partial)->unknown > 0 && mig_script_ends_transactions((partial)->kind))

/* run.c */
extern ErrorData *mig_run_work(MigRun *run, MigWork work, void *arg);
extern void mig_run_prepare(MigRun *run);
extern bool mig_run_is_running(void);

/* observer.c */
extern void mig_observer_begin(MigRun *run);
extern void mig_observer_end(MigRun *run);

/* event.c */
extern void mig_event_begin(MigRun *run);
extern void mig_event_notify(const MigEvent *event);
extern Datum mig_event_json(const MigEvent *event);

/* hook.c */
extern void mig_hook_begin(MigRun *run);
extern bool mig_hook_is_called(void);
extern void mig_hook_begin_run(MigRun *run);
extern void mig_hook_end_run(MigRun *run);
extern void mig_hook_fail_run(MigRun *run, const ErrorData *error,
							  bool in_step);
extern void mig_hook_call_step(MigStepExec *exec, bool after);
extern char *mig_hook_advice(const MigRun *run);

/* run_committing.c */
extern void mig_run_committing(void *arg);

/* precheck.c */
extern void mig_precheck_transaction(const MigRunRequest *request);
extern void mig_precheck_plan(MigRun *run);

/* trust.c */
extern char *mig_trust_end_plan(MigPlan *plan, const MigTrust *trust,
								const MigVersion *version);
extern void mig_trust_check_rehearsal(const MigPlan *plan,
									  const MigTrust *trust,
									  const MigVersion *version);
extern void mig_trust_check_stamp(const MigPlan *plan,
								  const MigVersion *version);
extern bool mig_trust_check_step(const MigStep *step,
								 const MigVersion *version);
extern void mig_trust_require(const MigTrust *trust, MigCommand command,
							  const char *revision,
							  const MigVersion *version);
extern char *mig_trust_use_confirmation(const MigStepExec *exec);
pg_noreturn extern void mig_trust_refuse_author(MigCommand command,
												const char *revision,
												const char *author,
												const MigVersion *version);
extern char *mig_trust_other_roles(void);

/* step.c */
extern void mig_step_begin_run(MigRun *run);
extern void mig_step_begin(MigStepExec *exec, const MigStep *step, int number);
extern List *mig_step_settings(const char *of_revision);
extern void mig_step_attempt(MigStepExec *exec);
extern void mig_step_hold_version(const MigRun *run);
extern void mig_step_again(MigStepExec *exec);
extern bool mig_step_ends_with(const MigStepExec *exec,
							   const MigSegment *segment);
extern ErrorData *mig_step_execute(MigStepExec *exec, MigSegment *segment);
extern void mig_step_describe_segment(MigStepExec *exec,
									  const MigSegment *segment,
									  MigPartialSegment *row);
extern void mig_step_describe_environment(MigStepExec *exec);
extern bool mig_step_can_change_role(void);
extern void mig_step_lock_role(MigRoleLock *lock);
extern void mig_step_unlock_role(const MigRoleLock *lock);
extern void mig_step_explain_role_change(ErrorData *error);
extern void mig_step_explain_transaction_end(const MigStepExec *exec,
											 ErrorData *error);
extern void mig_step_set_lock_timeout(GucAction action);

/* rehearsal.c */
extern char *mig_rehearsal_form(MigBodyExec *body, int index, char *text);
extern void mig_rehearsal_execute(MigBodyExec *body, int index,
								  const char *text);

/* verify.c */
extern void mig_verify_begin(MigBodyExec *verify, const MigBodyExec *upgrade,
							 char *text);
extern void mig_verify_execute(MigStepExec *exec);
extern void mig_verify_execute_statement(const MigBodyExec *verify,
										 const char *text);

/* segment.c */
extern bool mig_segment_execute_all(MigStepExec *exec);

/* nontransactional.c */
extern void mig_nontransactional_execute(MigStepExec *exec,
										 const MigSegment *segment);
extern int	mig_nontransactional_resume(MigStepExec *exec);

/* refusal.c */
extern void mig_refusal_check(MigStepExec *exec, int first);

/* fresh_process.c */
extern bool mig_fresh_process_forget(const pg_uuid_t *run, int statement);

/* body.c */
extern void mig_body_split(MigBodyExec *body, bool per_statement,
						   bool commit_each);
extern int	mig_body_execute(MigBodyExec *body, int first, int nstatements);
extern int	mig_body_begin_look(MigBodyExec *body, int index);
extern void mig_body_look_past(MigBodyExec *body, int index);
extern void mig_body_read_as_parsed(void);
extern void mig_body_execute_statement(const char *text,
									   DestReceiver *receiver);
extern void mig_body_end_look(MigBodyExec *body, int nest_level);
extern void mig_body_forget_look(MigBodyExec *body);
extern void mig_body_set_session_settings(MigBodyExec *body, int index,
										  const List *before);
extern bool mig_body_calls_batch(const MigBodyExec *body, int index);
extern bool mig_body_is_partitioned(const MigBodyExec *body, int index);
extern ErrorData *mig_body_execute_utility(MigBodyExec *body, int index,
										   const List *before, MigWork then,
										   void *arg);
extern void mig_body_between(MigBodyExec *body, int index, MigWork work,
							 void *arg);
extern void mig_body_locate(const MigBodyExec *body, ErrorData *error);
extern char *mig_body_place(const MigBodyExec *body);
extern ErrorData *mig_body_utility(const char *statement);

/* error_position.c */
extern void mig_error_position(ErrorData *error, const char *statement);
extern void mig_error_position_callback(void *statement);

/* batch.c */
extern void mig_batch_begin_in_body(MigStepExec *exec,
									const MigSegment *segment);
extern bool mig_batch_execute_in_body(MigStepExec *exec,
									  const MigSegment *segment);

/* session_setting.c */
extern List *mig_session_setting_read(void);
extern List *mig_session_setting_collect(const List *carried, int nest_level,
										 const List *before, bool committed,
										 Oid runner,
										 const MigPathNote *path_before);
extern void mig_session_setting_note_path(MigPathNote *note);
extern List *mig_session_setting_copy(const List *settings);
extern void mig_session_setting_check(const List *settings);
extern void mig_session_setting_apply(const List *settings, bool in_segment);
extern void mig_session_setting_begin_transaction(const List *settings);
extern void mig_session_setting_restore(const List *before);
extern char **mig_session_setting_texts(const List *settings, Oid runner,
										int *ntexts);
extern List *mig_session_setting_parse(char *const *texts, int n,
									   char *const *schemas, int nschemas,
									   bool elsewhere);
extern char **mig_session_setting_schemas(const List *settings, int *nschemas);
extern const char *mig_session_setting_path(const List *settings,
											const char **lost);
extern const char *mig_session_setting_value(const List *settings,
											 const char *name);

/* session_state.c */
extern void mig_session_state_note(MigTemporary *before);
extern void mig_session_state_check_owners(void);
extern void mig_session_state_refuse(const MigTemporary *before);
extern void mig_session_state_drop(const MigTemporary *before);
extern void mig_session_state_deallocate(void);
extern char **mig_session_state_objects(char *const *known, int nknown,
										int *nobjects);
extern char *mig_session_state_id(void);
extern void mig_session_state_end_segment(const MigBodyExec *body, int index);

/* session_lock.c */
extern bool mig_session_lock_is_one(const char *object);
extern void mig_session_lock_carry(char *const *objects, int nobjects);
extern void mig_session_lock_release(void);

/* constraint.c */
extern void mig_constraint_begin(void);
extern void mig_constraint_check_caller(void);
extern void mig_constraint_check(bool transaction_ends);

/* index_definition.c */

/*
 * In SQL: what an index is, as one text, from its row i of pg_index, with
 * search_path = pg_catalog, pg_temp.
 * YugabyteDB builds lsm where btree is asked for.
 */
#define MIG_INDEX_DEFINITION \
	"(SELECT concat(CASE WHEN i.indisunique THEN 'unique ' END," \
	"   CASE WHEN i.indnullsnotdistinct THEN 'nulls not distinct ' END," \
	"   (SELECT CASE m.amname WHEN 'lsm' THEN 'btree' ELSE m.amname::text END" \
	"      FROM pg_class AS x JOIN pg_am AS m ON m.oid = x.relam" \
	"     WHERE x.oid = i.indexrelid), ' ('," \
	"   (SELECT string_agg(concat_ws(' '," \
	"             COALESCE(quote_ident(a.attname), '?')," \
	"             NULLIF(i.indcollation[k], 0)::regcollation::text," \
	"             CASE WHEN pg_opclass_is_visible(o.oid)" \
	"              THEN quote_ident(o.opcname)" \
	"              ELSE format('%I.%I', s.nspname, o.opcname) END," \
	"             CASE WHEN i.indoption[k] & 1 <> 0 THEN 'desc' END," \
	"             CASE WHEN i.indoption[k] & 2 <> 0 THEN 'nulls first' END)," \
	"            ', ' ORDER BY k)" \
	"      FROM generate_series(0, i.indnkeyatts - 1) AS k" \
	"      JOIN pg_opclass AS o ON o.oid = i.indclass[k]" \
	"      JOIN pg_namespace AS s ON s.oid = o.opcnamespace" \
	"      LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid" \
	"       AND a.attnum = i.indkey[k] AND a.attnum <> 0), ')'," \
	"   (SELECT concat(' include (', string_agg(quote_ident(a.attname), ', '" \
	"            ORDER BY k), ')')" \
	"      FROM generate_series(i.indnkeyatts, i.indnatts - 1) AS k" \
	"      JOIN pg_attribute AS a ON a.attrelid = i.indrelid" \
	"       AND a.attnum = i.indkey[k] HAVING count(*) > 0)," \
	"   ' of ' || pg_get_expr(i.indexprs, i.indrelid)," \
	"   ' where ' || pg_get_expr(i.indpred, i.indrelid)))"

typedef struct MigIndex MigIndex;

extern MigIndex *mig_index_analyze(IndexStmt *statement, Oid relid,
								   const char *text);
extern char *mig_index_definition(const MigIndex *index);

/* probe_kind.c */

/*
 * In SQL: the OID of the type with a name as DROP TYPE takes it, under the caller's
 * search_path; NULL: none.  to_regtype() raises an error for one that is only a
 * shell.
 */
#define MIG_TYPE_OID(name) \
	"COALESCE((SELECT i.oid FROM pg_catalog.pg_type AS i" \
	"   JOIN pg_catalog.pg_namespace AS j" \
	"     ON j.oid OPERATOR(pg_catalog.=) i.typnamespace" \
	"  WHERE NOT i.typisdefined AND CASE" \
	"   WHEN pg_catalog.quote_ident(i.typname) OPERATOR(pg_catalog.=) " name \
	"   THEN pg_catalog.pg_type_is_visible(i.oid)" \
	"   ELSE pg_catalog.concat(pg_catalog.quote_ident(j.nspname), '.'," \
	"     pg_catalog.quote_ident(i.typname)) OPERATOR(pg_catalog.=) " name " END)," \
	"  pg_catalog.to_regtype(" name ")::pg_catalog.oid)"

extern MigProbeKind *mig_probe_kind_find(MigEffectKind kind);
extern MigProbeKind *mig_probe_kind_noted(const MigProbe *probe);

/* probe.c */
extern char *mig_probe_invalid_index(const MigBodyExec *body, int index);
extern void mig_probe_before(const char *statement, MigProbe *probe);
extern MigVerdict mig_probe_after(const char *statement,
								  const MigProbe *probe);
extern char **mig_probe_repairs(const MigProbe *probe, int *nrepairs);
extern void mig_probe_find_busy(MigProbe *probe);
extern void mig_probe_guard(const MigProbe *probe);

/* retry.c */
extern MigRetry mig_retry_ask(MigStepExec *exec, ErrorData *error,
							  int *delay);
extern bool mig_retry_wait(MigStepExec *exec, ErrorData *error);
extern void mig_retry_explain_stale(MigRun *run, ErrorData *error);
extern void mig_retry_make_plain(ErrorData *error);

/* lock.c */

/*
 * In SQL: the prepared transaction p that holds a lock l of pg_locks.  One that
 * has no process is known by its virtual transaction, which the lock on its
 * transaction id shares with its other ones.
 */
#define MIG_LOCK_PREPARED_HOLDER \
	"  LEFT JOIN (pg_catalog.pg_prepared_xacts AS p" \
	"        JOIN pg_catalog.pg_locks AS x ON x.pid IS NULL" \
	"         AND x.transactionid = p.transaction AND x.granted)" \
	"    ON l.pid IS NULL AND x.virtualtransaction = l.virtualtransaction"

/*
 * In SQL: the holders h of a lock, as mig_blocker_read() reads them, but for their
 * process ids.  They have columns of pg_locks, pg_stat_activity and, of prepared
 * transactions, owner and gid; "what" says what they hold, "visible" whether the
 * role with the OID user may see what they do.
 */
#define MIG_BLOCKER_NAME(h) \
	"CASE WHEN " h ".pid IS NULL THEN" \
	"  pg_catalog.format('prepared transaction %L, %s', " h ".gid, " h ".what)" \
	" ELSE" \
	"  pg_catalog.format('process %s (role %s, application %L%s), %s'," \
	"    " h ".pid, " h ".usename, " h ".application_name," \
	"    CASE WHEN " h ".visible THEN ', ' || " h ".state || COALESCE(' for ' ||" \
	"      GREATEST(0, extract(epoch FROM pg_catalog.clock_timestamp()" \
	"                  - " h ".state_change)::int8) || ' s', '') END," \
	"    " h ".what)" \
	" END"
#define MIG_BLOCKER_END(h) \
	"CASE WHEN " h ".pid IS NULL" \
	"  THEN pg_catalog.format('ROLLBACK PREPARED %L;', " h ".gid)" \
	"  ELSE pg_catalog.format('SELECT pg_terminate_backend(%s);', " h ".pid)" \
	" END"
#define MIG_BLOCKER_RIGHTS(h, user) \
	"CASE WHEN (SELECT u.rolsuper FROM pg_catalog.pg_roles AS u" \
	"            WHERE u.oid = " user ") THEN NULL" \
	"  WHEN " h ".pid IS NULL THEN" \
	"   CASE WHEN " h ".owner <> (SELECT u.rolname FROM pg_catalog.pg_roles AS u" \
	"                       WHERE u.oid = " user ")" \
	"    THEN pg_catalog.format('as role %s or a superuser', " h ".owner) END" \
	"  WHEN COALESCE((SELECT u.rolsuper FROM pg_catalog.pg_roles AS u" \
	"                  WHERE u.oid = " h ".usesysid), true)" \
	"   THEN 'as a superuser'" \
	"  WHEN NOT pg_catalog.pg_has_role(" user ", " h ".usesysid, 'USAGE')" \
	"   AND NOT pg_catalog.pg_has_role(" user ", 'pg_signal_backend', 'USAGE')" \
	"   THEN 'as a member of pg_signal_backend' END"
#define MIG_BLOCKER_VISIBLE(a, user) \
	"(pg_catalog.pg_has_role(" user ", " a ".usesysid, 'USAGE')" \
	" OR pg_catalog.pg_has_role(" user ", 'pg_read_all_stats', 'USAGE'))"
#define MIG_BLOCKER_COLUMNS(h, user) \
	"pg_catalog.string_agg(" MIG_BLOCKER_NAME(h) ", '; ' ORDER BY " h ".number)," \
	" pg_catalog.array_agg(" MIG_BLOCKER_END(h) " ORDER BY " h ".number)," \
	" CASE WHEN pg_catalog.count(DISTINCT " MIG_BLOCKER_RIGHTS(h, user) ") > 1" \
	"  THEN 'as a superuser'" \
	"  ELSE pg_catalog.min(" MIG_BLOCKER_RIGHTS(h, user) ") END," \
	" 'SELECT * FROM pg_stat_activity WHERE pid IN ('" \
	"  || pg_catalog.string_agg(" h ".pid::text, ', ' ORDER BY " h ".number)" \
	"      FILTER (WHERE NOT " h ".visible) || ');'"

extern void mig_lock_run(const MigRun *run);
extern void mig_lock_transaction(void);
extern void mig_lock_release(void);
extern void mig_lock_retake(void);

/* needed_lock.c */
extern bool mig_needed_lock_is_large(const char *table);
extern MigRehearsedLock *mig_needed_lock_relations(const List *locks, int *n);
extern List *mig_needed_lock_add(List *locks, const List *needs);
extern void mig_needed_lock_holders(const List *locks, int milliseconds,
									char *const *known, int nknown, bool runs,
									MigLockHolders *holders);

/* gate.c */
extern ErrorData *mig_gate_wait(MigStepExec *exec, int first, int nstatements);

/* progress.c */
extern void mig_progress_request_memory(void);
extern int64 mig_progress_job(void);
extern void mig_progress_begin(MigVia via);
extern void mig_progress_step(const MigStepExec *exec);
extern void mig_progress_say_end(const MigRun *run);
extern void mig_progress_statement(const MigBodyExec *body);
extern void mig_progress_next(const MigBodyExec *body, int index);
extern void mig_progress_wait(int64 since, const MigBlockers *blockers);
extern void mig_progress_end_wait(void);
extern void mig_progress_end(void);

/* resource_usage.c */
extern void mig_resource_usage_watch(bool on);
extern void mig_resource_usage_add_lock_wait(int64 milliseconds);
extern void mig_resource_usage_begin(MigCounters *counters);
extern void mig_resource_usage_since(const MigCounters *begin,
									 MigResourceUsage *usage);

/* blocker.c */
extern void mig_blocker_install(void);
extern void mig_blocker_announce(const char *tag);
extern void mig_blocker_watch(bool on);
extern void mig_blocker_sample(bool in_lock_wait);
extern void mig_blocker_keep(void);
extern bool mig_blocker_find(const ErrorData *error, MigBlockers *blockers);
extern void mig_blocker_read(const MigSpiRow *row, int column,
							 MigBlockers *blockers);
extern char *mig_blocker_advise(const MigBlockers *blockers);

/* failure.c */
extern void mig_failure_note_blockers(MigStepExec *exec,
									  const ErrorData *error);
extern void mig_failure_explain_function(const MigRun *run, ErrorData *error,
										 bool advised);
extern void mig_failure_explain(MigRun *run, ErrorData *error,
								bool is_logged);
extern char *mig_failure_position(const MigVersion *version);

/* advice.c */

/* So many schemas are named in a statement. */
#define MIG_ADVICE_SCHEMAS		50

extern char *mig_advice_command(const MigRun *run);
extern char *mig_advice_procedure_call(const MigRun *run);
extern char *mig_advice_call(const MigRunRequest *request, const char *target);
extern char *mig_advice_ways_on(const MigPartial *partial, const char *command);
extern char *mig_advice_ways_unknown(const MigPartial *partial,
									 const char *command);
extern char *mig_advice_resume(const MigPartial *partial);
extern char *mig_advice_resume_in(const MigPartial *partial, char *schema);
extern char *mig_advice_target_before(const char *revision);
extern char *mig_advice_revert_schemas(const char *revision, const List *names);
extern char *mig_advice_tables(int ntables, const MigVersionName *tables);
extern char *mig_advice_schemas(const List *names);
extern char *mig_advice_stamp(const MigVersion *version, const MigStep *step);

/* termination.c */
extern void mig_termination_install(void);
extern void mig_termination_watch(const MigStepExec *exec);

/* utility_hook.c */
extern void mig_utility_hook_install(void);
extern uint64 mig_utility_hook_constraints(void);
extern void mig_utility_hook_forget_constraints(void);
extern bool mig_utility_hook_wrote_rows(void);
extern uint64 mig_utility_hook_enum_values(void);
extern uint64 mig_utility_hook_schemas(void);
extern void mig_utility_hook_begin_attempt(bool refuse_ddl);
extern void mig_utility_hook_end_attempt(void);
extern void mig_utility_hook_watch_nested(MigUtilityNested told, void *arg);
extern const List *mig_utility_hook_prepared(void);
extern const List *mig_utility_hook_until_commit(void);
extern uint64 mig_utility_hook_lock_tables(void);
extern void mig_utility_hook_forget_lock_tables(void);
extern uint64 mig_utility_hook_lasting(void);
extern uint64 mig_utility_hook_written(void);

/* resolve.c */
extern MigPartial *mig_resolve_find(const MigVersion *version,
									MigRunResult *result);
pg_noreturn extern void mig_resolve_refuse(const MigPartial *partial);
pg_noreturn extern void mig_resolve_refuse_order(const MigPartial *partial,
												 const char *first);
extern const char *mig_resolve_after_batch(const MigPartial *partial);
extern bool mig_resolve_can_skip(const MigPartial *partial,
								 MigScript **script, MigSegment *segment);

#endif							/* MIG_RUN_INTERNAL_H */
