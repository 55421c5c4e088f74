/*
 * verify.c
 *	  Runs a verify body: an error, or a Boolean that is not true, and it fails.
 *
 * After the upgrade, in the same transaction, it sees what that has done; later,
 * for migrate_verify(), what is there then.  Either way it finds the settings that
 * the upgrade began with, and changes nothing: it is read-only, and a
 * subtransaction that is rolled back.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/guc.h"
#include "run/run_internal.h"
#include "tables/revision.h"

/* Verify bodies of applied revisions. */
typedef struct Applied
{
	MigRun	   *run;
	char	  **ids;
	int			nids;
	MigVerified *results;
	int			index;
	MigTrust   *trust;
	MigBodyExec *verify;
	bool		checked;		/* whether the session lets a body run */
} Applied;

/* Looks at what a statement returns. */
typedef struct Judge
{
	DestReceiver receiver;
	const MigBodyExec *verify;
	bool		is_boolean;		/* a single column of this type */
	int64		nrows;
} Judge;

static void execute(void *arg);
static void begin_rows(DestReceiver *self, int operation, TupleDesc typeinfo);
static bool receive_row(TupleTableSlot *slot, DestReceiver *self);
static void end_rows(DestReceiver *self);
static void refuse_result(const Judge *judge, bool isnull);
static void verify_all(void *arg);
static void verify_applied(Applied *applied);
static void check_session(Applied *applied);
static void verify_alone(void *arg);

/*
 * Prepares the verify body of the upgrade that a step begins with; text NULL: it
 * has none.
 */
void
mig_verify_begin(MigBodyExec *verify, const MigBodyExec *upgrade, char *text)
{
	memset(verify, 0, sizeof(*verify));
	if (text == NULL)
		return;
	verify->revision = upgrade->revision;
	verify->operation = "verify body";
	verify->attempt = 1;
	verify->text = text;
	verify->context = upgrade->context;
	verify->settings = upgrade->settings;
	verify->session_timeout = upgrade->session_timeout;
	verify->runner = upgrade->runner;
	verify->verifies = true;
	mig_body_split(verify, false, false);
}

/*
 * Runs it after the last statement of the upgrade.  Raises its error.
 */
void
mig_verify_execute(MigStepExec *exec)
{
	ErrorData  *error;

	exec->verifying = true;
	exec->verify.attempt = exec->body.attempt;
	if (exec->run->without_subxacts)
	{
		bool		read_only = XactReadOnly;

		execute(&exec->verify);
		XactReadOnly = read_only;
	}
	else
	{
		error = mig_subxact_undo(execute, &exec->verify);
		if (error != NULL)
			ReThrowError(error);
	}
	exec->verifying = false;
}

/*
 * The end of the subtransaction puts XactReadOnly back.
 */
static void
execute(void *arg)
{
	MigBodyExec *verify = arg;
	int			nest_level = NewGUCNestLevel();

	XactReadOnly = true;
	(void) mig_body_execute(verify, 0, verify->script->nstatements);
	AtEOXact_GUC(false, nest_level);
}

/*
 * Runs the verify bodies of applied revisions, each by itself, as they are
 * registered by the caller's snapshot.  Results in the order of ids; one is false
 * where there is no such body.  Takes no lock of a run, and works on a standby.
 */
MigVerified *
mig_run_verify(MigVersion *version, char **ids, int nids)
{
	MigRunRequest request = {
		.command = MIG_COMMAND_UPGRADE, .via = MIG_VIA_FUNCTION
	};
	MigRunResult result = {0};
	MigRun		run;
	Applied		applied = {&run, ids, nids};
	ErrorData  *error;

	memset(&run, 0, sizeof(run));
	run.request = &request;
	run.result = &result;
	run.version = version;
	run.context = CurrentMemoryContext;
	applied.results = palloc0(sizeof(MigVerified) * Max(nids, 1));
	mig_guc_check_setter("migrate.transaction_settings");

	/*
	 * As for the way back: what the log knows as upgraded need not be
	 * approved.
	 */
	applied.trust = mig_run_trust(version, MIG_COMMAND_DOWNGRADE, ids, nids,
								  false, MIG_SPI_READ_CALLER);
	error = mig_run_work(&run, verify_all, &applied);
	if (error != NULL)
		ReThrowError(error);
	return applied.results;
}

static void
verify_all(void *arg)
{
	Applied    *applied = arg;

	for (applied->index = 0; applied->index < applied->nids; applied->index++)
		verify_applied(applied);
}

static void
verify_applied(Applied *applied)
{
	char	   *id = applied->ids[applied->index];
	MigVerified *result = &applied->results[applied->index];
	MigBodyExec upgrade = {.revision = id, .context = CurrentMemoryContext};
	MigBodyExec verify;
	MigRevisionTexts texts;
	instr_time	begin;
	instr_time	end;

	CHECK_FOR_INTERRUPTS();
	mig_revision_texts(id, MIG_SPI_READ_CALLER, &texts);
	if (texts.verify == NULL)
		return;
	if (!applied->checked)
		check_session(applied);
	upgrade.settings = mig_step_settings(texts.settings);
	upgrade.session_timeout = StatementTimeout;
	upgrade.runner = GetUserId();
	mig_verify_begin(&verify, &upgrade, texts.verify);
	applied->verify = &verify;

	INSTR_TIME_SET_CURRENT(begin);
	mig_utility_hook_begin_attempt(false);
	if (applied->run->role_locked)
		mig_guc_lock_role(false);
	result->error = mig_subxact_undo(verify_alone, applied);
	if (applied->run->role_locked)
		mig_guc_lock_role(true);
	mig_utility_hook_end_attempt();
	mig_session_state_deallocate();
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, begin);

	result->done = true;
	result->wall_ms = INSTR_TIME_GET_MILLISEC(end);
	if (result->error == NULL)
		return;
	/* The session or the server is to blame. */
	if (ERRCODE_TO_CATEGORY(result->error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(result->error);
	mig_body_locate(&verify, result->error);
	result->refused = verify.statement_text == NULL && verify.statement == 0;
	if (verify.statement > 0)
	{
		result->statement = verify.statement;
		result->line = verify.line;
		result->query = verify.statement_text;
	}
}

/*
 * Before the first body, and only if there is one.
 */
static void
check_session(Applied *applied)
{
	MigTemporary before;

	mig_constraint_check_caller();
	mig_session_state_check_owners();
	/* It refuses a cursor of another role, which a rollback does not rewind. */
	if (applied->run->role_locked)
		mig_session_state_note(&before);
	applied->checked = true;
}

/*
 * As in a step: the settings end with it, and the role stays what it is.
 */
static void
verify_alone(void *arg)
{
	Applied    *applied = arg;
	int			nest_level = NewGUCNestLevel();
	MigRoleLock lock;

	mig_trust_require(&applied->trust[applied->index], MIG_COMMAND_DOWNGRADE,
					  applied->verify->revision, applied->run->version);
	mig_step_lock_role(&lock);
	mig_step_set_lock_timeout(GUC_ACTION_SAVE);
	execute(applied->verify);
	mig_step_unlock_role(&lock);
	AtEOXact_GUC(false, nest_level);
}

/*
 * Runs a statement of it; SPI is connected.  In a subtransaction the server lets
 * no statement SET the transaction writable, but before 16 one can RESET it.
 */
void
mig_verify_execute_statement(const MigBodyExec *verify, const char *text)
{
	Judge		judge = {
		.receiver = {
			.receiveSlot = receive_row,
			.rStartup = begin_rows,
			.rShutdown = end_rows,
			.rDestroy = end_rows,
			.mydest = DestNone
		},
		.verify = verify
	};

	mig_body_execute_statement(text, &judge.receiver);
	if (!XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("verify body of revision \"%s\" has reset transaction_read_only",
						verify->revision),
				 errdetail("It must change nothing, and what it has written is rolled back.")));
}

static void
begin_rows(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	Judge	   *judge = (Judge *) self;

	judge->nrows = 0;
	judge->is_boolean = typeinfo->natts == 1 &&
		getBaseType(TupleDescAttr(typeinfo, 0)->atttypid) == BOOLOID;
}

/*
 * Unknown is not true, as for ASSERT of PL/pgSQL.  Its SQLSTATE is not for us:
 * WHEN OTHERS would not catch it.
 */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	Judge	   *judge = (Judge *) self;

	judge->nrows++;
	if (judge->is_boolean)
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, 1, &isnull);

		if (isnull || !DatumGetBool(value))
			refuse_result(judge, isnull);
	}
	return true;
}

static void
end_rows(DestReceiver *self)
{
}

static void
refuse_result(const Judge *judge, bool isnull)
{
	const MigBodyExec *verify = judge->verify;

	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("verify of revision \"%s\" failed", verify->revision),
			 isnull ?
			 errdetail("Statement %d at line %d of its verify body returned null in row " INT64_FORMAT ".",
					   verify->statement, verify->line, judge->nrows) :
			 errdetail("Statement %d at line %d of its verify body returned false in row " INT64_FORMAT ".",
					   verify->statement, verify->line, judge->nrows),
			 isnull ?
			 errhint("A statement that returns one Boolean column must return true in every row. COALESCE(..., true) lets null pass.") :
			 errhint("A statement that returns one Boolean column must return true in every row.")));
}
