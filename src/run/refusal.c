/*
 * refusal.c
 *	  Refuses a body before its first statement for one that the server refuses.
 *
 * In a body that is several transactions the server refuses a statement when
 * what stands before it is committed.  What it will refuse for sure is looked
 * for before anything of the body is run, under the search_path and the role
 * that the body will have set then.  Where that is not sure the server decides.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/spi.h"
#include "run/run_internal.h"

/* Whether a statement of a body would be refused. */
typedef struct Candidate
{
	MigStepExec *exec;
	int			index;			/* of the statement */
	MigRefusal	refusal;
	MigNameState state;			/* of its name, when it is its turn */
	const char *name;			/* what it is refused for; NULL: it is not */
} Candidate;

static void check_all(MigStepExec *exec, int first);
static void check_batch(Candidate *candidate);
static void check_call(void *arg);
static bool ends_with_itself(const MigScript *script, int index);
static void check(Candidate *candidate, Node **trees, int first);
static Node *parse_statement(const MigBodyExec *body, int index);
static void look_up(void *arg);
static void look_up_name(Candidate *candidate);
pg_noreturn static void refuse(const Candidate *candidate);

/*
 * Raises an error if the server would refuse a statement of the body, from the
 * one with that index on, after others were committed.  Keeps no parse trees,
 * which take far more space than the text.
 */
void
mig_refusal_check(MigStepExec *exec, int first)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "migrate refusal",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);

	check_all(exec, first);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

static void
check_all(MigStepExec *exec, int first)
{
	const MigScript *script = exec->body.script;
	bool		worker = exec->run->request->via == MIG_VIA_WORKER;
	Node	  **trees = palloc_extended(sizeof(Node *) *
										Max(script->nstatements, 1),
										MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	bool		commits = false;

	for (int i = first; i < script->nstatements; i++)
	{
		const MigStatement *statement = &script->statements[i];
		Candidate	candidate = {exec, i};

		/* The first one the server refuses in time. */
		if ((commits && (worker ||
						 statement->kind == MIG_STATEMENT_NONTRANSACTIONAL)) ||
			ends_with_itself(script, i))
			check(&candidate, trees, first);
		if (commits && statement->kind == MIG_STATEMENT_BATCH)
			check_batch(&candidate);
		commits = commits || !statement->setting;
	}
}

/*
 * The call of a batch: a body that was registered before such calls were refused
 * can have one, and so can one that was registered under another search_path.
 */
static void
check_batch(Candidate *candidate)
{
	const MigBodyExec *body = &candidate->exec->body;
	ErrorData  *error = mig_xact(check_call, candidate, 0);

	if (error == NULL)
		return;
	if (candidate->name != NULL)
	{
		error->detail = psprintf("%s%sNothing was run.",
								 error->detail != NULL ? error->detail : "",
								 error->detail != NULL ? " " : "");
		error->context = psprintf("statement %d at line %d of the %s of revision \"%s\"",
								  body->statement, body->line,
								  body->operation, body->revision);
	}
	if (candidate->name != NULL || error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
}

static void
check_call(void *arg)
{
	Candidate  *candidate = arg;
	MigBodyExec *body = &candidate->exec->body;
	const MigStatement *statement = &body->script->statements[candidate->index];
	MigScriptSource source = {.body = body->text};
	int			nest_level = mig_body_begin_look(body, candidate->index);
	bool		is_batch = mig_body_calls_batch(body, candidate->index);

	mig_body_end_look(body, nest_level);
	if (!is_batch)
		return;
	body->statement = candidate->index + 1;
	body->line = statement->line;
	candidate->name = statement->procedure;
	mig_batch_call_check(&source, statement);
	candidate->name = NULL;
}

/*
 * Whether a statement may be one whose effect ends with its transaction, and that
 * has it for itself, so that those after it would run as if it were not there.
 */
static bool
ends_with_itself(const MigScript *script, int index)
{
	const MigStatement *statement = &script->statements[index];

	return statement->commit_after && !statement->in_block &&
		index + 1 < script->nstatements &&
		strcmp(statement->tag, "SET CONSTRAINTS") == 0;
}

/*
 * trees: of the statements that were parsed already; the others are NULL.
 */
static void
check(Candidate *candidate, Node **trees, int first)
{
	MigBodyExec *body = &candidate->exec->body;
	const MigStatement *statement = &body->script->statements[candidate->index];
	MigRefusal *refusal = &candidate->refusal;
	ErrorData  *error;

	for (int i = first; i <= candidate->index; i++)
	{
		if (trees[i] == NULL)
			trees[i] = parse_statement(body, i);
	}
	mig_statement_refusal(trees[candidate->index], refusal);
	if (refusal->kind == MIG_REFUSAL_NONE ||
		(statement->kind == MIG_STATEMENT_ORDINARY &&
		 refusal->kind != MIG_REFUSAL_LISTEN &&
		 (refusal->kind != MIG_REFUSAL_DEFERRED ||
		  !ends_with_itself(body->script, candidate->index))))
		return;
	if (refusal->kind < MIG_REFUSAL_OTHER_DATABASE)
		refuse(candidate);
	for (int i = first; i < candidate->index; i++)
		candidate->state = mig_statement_name_after(trees[i], refusal,
													candidate->state);
	if (candidate->state == MIG_NAME_UNKNOWN)
		return;

	/* What cannot be looked up now is for the server to decide. */
	error = mig_xact(look_up, candidate, 0);
	if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	if (error == NULL && candidate->name != NULL)
		refuse(candidate);
}

static Node *
parse_statement(const MigBodyExec *body, int index)
{
	const MigStatement *statement = &body->script->statements[index];
	char	   *text = pnstrdup(body->text + statement->location,
								statement->length);

	return linitial_node(RawStmt, mig_script_parse(text))->stmt;
}

/*
 * With the settings that the statement will find.
 */
static void
look_up(void *arg)
{
	Candidate  *candidate = arg;
	MigBodyExec *body = &candidate->exec->body;
	int			nest_level;
	MigRoleLock lock;

	mig_step_lock_role(&lock);
	nest_level = mig_body_begin_look(body, candidate->index);
	look_up_name(candidate);
	mig_step_unlock_role(&lock);
	mig_body_end_look(body, nest_level);
}

static void
look_up_name(Candidate *candidate)
{
	static MigSpiQuery found_query = {
		"SELECT pg_catalog.to_regclass($1)::pg_catalog.text"
	};
	static MigSpiQuery queries[] = {
		[MIG_REFUSAL_OTHER_DATABASE] = {
			"SELECT $1 WHERE $1 OPERATOR(pg_catalog.<>)"
			" pg_catalog.quote_ident(pg_catalog.current_database()::pg_catalog.text)"
		},
		[MIG_REFUSAL_DEFAULT_PARTITION] = {
			"SELECT partrelid::pg_catalog.regclass::pg_catalog.text"
			"  FROM pg_catalog.pg_partitioned_table"
			" WHERE partrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)"
			"   AND partdefid OPERATOR(pg_catalog.<>) 0::pg_catalog.oid"
		},
		[MIG_REFUSAL_EXCLUSION_INDEX] = {
			"SELECT indexrelid::pg_catalog.regclass::pg_catalog.text"
			"  FROM pg_catalog.pg_index"
			" WHERE indexrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)"
			"   AND indisexclusion"
		},
		[MIG_REFUSAL_PARTITIONED_INDEX] = {
			"SELECT oid::pg_catalog.regclass::pg_catalog.text"
			"  FROM pg_catalog.pg_class"
			" WHERE oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)"
			"   AND relkind OPERATOR(pg_catalog.=) 'I'"
			"   AND relpersistence OPERATOR(pg_catalog.<>) 't'"
		},
		[MIG_REFUSAL_PARTITIONED_TABLE] = {
			"SELECT oid::pg_catalog.regclass::pg_catalog.text"
			"  FROM pg_catalog.pg_class"
			" WHERE oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)"
			"   AND relkind OPERATOR(pg_catalog.=) 'p'"
		}
	};
	const MigRefusal *refusal = &candidate->refusal;
	const char *name = quote_qualified_identifier(refusal->schema,
												  refusal->name);
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, name);
	if (candidate->state == MIG_NAME_PARTITIONED_UNLESS_FOUND &&
		mig_spi_first(&found_query, &args, MIG_SPI_CALLER_PATH,
					  MIG_SPI_READ_LATEST) == NULL)
		candidate->state = MIG_NAME_PARTITIONED;
	if (candidate->state == MIG_NAME_PARTITIONED)
		candidate->name = name;
	else
		candidate->name = mig_spi_first(&queries[refusal->kind], &args,
										MIG_SPI_CALLER_PATH,
										MIG_SPI_READ_LATEST);
}

/*
 * With the server's words, and its SQLSTATE.
 */
static void
refuse(const Candidate *candidate)
{
	static const struct
	{
		const char *message;
		const char *hint;
	}			texts[] = {
		[MIG_REFUSAL_LISTEN] = {
			gettext_noop("cannot execute LISTEN within a background process"),
			gettext_noop("Leave it out: LISTEN is for the session that says it, which here ends with the job. Or use CALL migrate_deploy() in a session.")
		},
		[MIG_REFUSAL_CASCADE] = {
			gettext_noop("DROP INDEX CONCURRENTLY does not support CASCADE"),
			gettext_noop("Drop what depends on the index first, or use DROP INDEX without CONCURRENTLY.")
		},
		[MIG_REFUSAL_SEVERAL_INDEXES] = {
			gettext_noop("DROP INDEX CONCURRENTLY does not support dropping multiple objects"),
			gettext_noop("Write a statement for each index.")
		},
		[MIG_REFUSAL_SYSTEM_CATALOGS] = {
			gettext_noop("cannot reindex system catalogs concurrently"),
			gettext_noop("Use REINDEX SYSTEM without CONCURRENTLY.")
		},
		[MIG_REFUSAL_DEFERRED] = {
			gettext_noop("SET CONSTRAINTS ... DEFERRED has no effect where each statement is a transaction"),
			gettext_noop("Write it and the statements that need it in one DO block, which is one transaction.")
		},
		[MIG_REFUSAL_OTHER_DATABASE] = {
			gettext_noop("cannot reindex database \"%s\", which is not the current one"),
			gettext_noop("Leave the name out if the server permits that, or run REINDEX outside of migrations.")
		},
		[MIG_REFUSAL_DEFAULT_PARTITION] = {
			gettext_noop("cannot detach partitions of table \"%s\" concurrently while it has a default partition"),
			gettext_noop("Use DETACH PARTITION without CONCURRENTLY, or detach the default partition in a revision before this one.")
		},
		[MIG_REFUSAL_EXCLUSION_INDEX] = {
			gettext_noop("cannot reindex index \"%s\" concurrently: it is the index of an exclusion constraint"),
			gettext_noop("Use REINDEX INDEX without CONCURRENTLY, which locks the table against writes.")
		},
		[MIG_REFUSAL_PARTITIONED_INDEX] = {
			gettext_noop("cannot drop partitioned index \"%s\" concurrently"),
			gettext_noop("Use DROP INDEX without CONCURRENTLY: it locks the table and its partitions, for a moment once it has the locks.")
		},
		[MIG_REFUSAL_PARTITIONED_TABLE] = {
			gettext_noop("cannot create index on partitioned table \"%s\" concurrently"),
			gettext_noop("Use CREATE INDEX name ON ONLY %1$s (...), which locks nothing for long; then for each partition CREATE INDEX CONCURRENTLY, and ALTER INDEX name ATTACH PARTITION its index. Or CREATE INDEX without CONCURRENTLY, which locks all of %1$s against writes.")
		}
	};
	MigBodyExec *body = &candidate->exec->body;
	MigRefusalKind kind = candidate->refusal.kind;
	const char *name = candidate->name != NULL ? candidate->name : "";

	body->statement = candidate->index + 1;
	body->line = body->script->statements[candidate->index].line;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg(texts[kind].message, name),
			 kind == MIG_REFUSAL_DEFERRED ?
			 errdetail("Nothing was run: after statement %d at line %d constraints would be checked at the end of each statement, when those before it are committed.",
					   body->statement, body->line) :
			 errdetail("Nothing was run: the server would refuse statement %d at line %d after those before it were committed.",
					   body->statement, body->line),
			 errhint(texts[kind].hint, name)));
}
