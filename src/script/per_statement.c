/*
 * per_statement.c
 *	  Bodies each of whose statements is a transaction.
 *
 * Their author has said so, because a statement of them ends transactions itself:
 * a procedure, or a DO block, with COMMIT in it.  Each statement is run as if the
 * client had sent it.  What is between BEGIN and COMMIT is one transaction; the
 * two are no statements of the body, and only say where segments end.
 *
 * What the server refuses or ignores inside or outside of a transaction block is
 * refused here, when the body is registered.
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "tcop/utility.h"

#include "base/compat.h"
#include "script/script_internal.h"

pg_noreturn static void refuse_border(const MigScriptSource *source,
									  const TransactionStmt *transaction,
									  int location, int end,
									  const MigScriptBlock *block);
static void refuse_in_block(const MigScriptSource *source,
							const MigStatement *statement);
static void refuse_outside(const MigScriptSource *source, Node *node,
						   const MigStatement *statement);
static const char *name_if_needs_block(Node *node);
static bool ends_transactions(Node *node);
static bool has_transaction_control(const char *code);
static bool has_nested_do(const char *code);

/*
 * Whether a statement is a BEGIN or COMMIT, which begins or ends a block of the
 * body.  Raises 0A000 for other statements of their kind.
 */
bool
mig_per_statement_border(const MigScriptSource *source, Node *node,
						 int location, int end, MigScript *script,
						 MigScriptBlock *block)
{
	const TransactionStmt *transaction = (const TransactionStmt *) node;

	if (!IsA(node, TransactionStmt))
		return false;
	if (!block->is_open && transaction->options == NIL &&
		(transaction->kind == TRANS_STMT_BEGIN ||
		 transaction->kind == TRANS_STMT_START))
	{
		block->is_open = true;
		block->location = location;
		block->end = end;
		block->first = script->nstatements;
	}
	else if (block->is_open && !transaction->chain &&
			 transaction->kind == TRANS_STMT_COMMIT)
	{
		block->is_open = false;
		if (script->nstatements > block->first)
			script->statements[script->nstatements - 1].commit_after = true;
	}
	else
		refuse_border(source, transaction, location, end, block);
	return true;
}

/*
 * Makes a statement whose kind was read one of such a body.  Raises 0A000 for one
 * that cannot be where it is.
 */
void
mig_per_statement_read(const MigScriptSource *source, Node *node,
					   MigStatement *statement, const MigScriptBlock *block)
{
	statement->in_block = block->is_open;
	statement->commit_after = !block->is_open;
	if (block->is_open)
	{
		refuse_in_block(source, statement);
		/* In a transaction, it runs to its end. */
		statement->kind = MIG_STATEMENT_ORDINARY;
		/* If it is, the server refuses it there. */
		statement->if_partitioned = NULL;
		return;
	}
	refuse_outside(source, node, statement);
	if (statement->kind == MIG_STATEMENT_ORDINARY && ends_transactions(node))
		statement->kind = MIG_STATEMENT_COMMITS;
}

/*
 * The body ends.  Raises 0A000 if a block of it does not.
 */
void
mig_per_statement_end(const MigScriptSource *source,
					  const MigScriptBlock *block)
{
	if (block->is_open)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("BEGIN without COMMIT in a migration body"),
				 errhint("Write COMMIT where its transaction ends."),
				 mig_script_errposition(source, block->location, block->end,
										block->location)));
}

static void
refuse_border(const MigScriptSource *source,
			  const TransactionStmt *transaction, int location, int end,
			  const MigScriptBlock *block)
{
	bool		is_begin = transaction->kind == TRANS_STMT_BEGIN ||
	transaction->kind == TRANS_STMT_START;

	if (is_begin && transaction->options != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("BEGIN with a transaction mode is not allowed in a migration body"),
				 errhint("Set default_transaction_isolation, default_transaction_read_only or default_transaction_deferrable before it."),
				 mig_script_errposition(source, location, end, location)));
	if (is_begin)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("BEGIN between BEGIN and COMMIT in a migration body"),
				 errhint("Write COMMIT before it, or remove it."),
				 mig_script_errposition(source, location, end, location)));
	if (transaction->kind == TRANS_STMT_COMMIT && transaction->chain)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("COMMIT AND CHAIN is not allowed in a migration body"),
				 errhint("Write COMMIT, and BEGIN after it."),
				 mig_script_errposition(source, location, end, location)));
	if (transaction->kind == TRANS_STMT_COMMIT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("COMMIT without BEGIN in a migration body"),
				 errhint("Write BEGIN where its transaction begins, or remove it: outside of BEGIN and COMMIT each statement is a transaction."),
				 mig_script_errposition(source, location, end, location)));
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s is not allowed in a migration body",
					CreateCommandName((Node *) transaction)),
			 errhint("A body that is not transactional can have BEGIN and COMMIT, and no other statement that controls transactions."),
			 mig_script_errposition(source, location, end, location)));
}

static void
refuse_in_block(const MigScriptSource *source, const MigStatement *statement)
{
	if (statement->kind == MIG_STATEMENT_ORDINARY ||
		statement->kind == MIG_STATEMENT_BATCH)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s between BEGIN and COMMIT in a migration body",
					statement->tag),
			 errdetail("It cannot run inside a transaction block."),
			 errhint("Write it before BEGIN or after COMMIT."),
			 mig_script_errposition(source, statement->location,
									statement->location + statement->length,
									statement->location)));
}

/*
 * Outside of a transaction block the server refuses these, or warns that they do
 * nothing.
 */
static void
refuse_outside(const MigScriptSource *source, Node *node,
			   const MigStatement *statement)
{
	const char *name = name_if_needs_block(node);

	if (name == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s outside of BEGIN and COMMIT in a migration body", name),
			 errdetail("The body is not transactional: each statement of it is a transaction, with which the effect of this one would end."),
			 errhint("Write BEGIN before it, and COMMIT after the statements that need it."),
			 mig_script_errposition(source, statement->location,
									statement->location + statement->length,
									statement->location)));
}

/*
 * The name of a statement that has an effect in its transaction only, or NULL.
 */
static const char *
name_if_needs_block(Node *node)
{
	switch (nodeTag(node))
	{
		case T_LockStmt:
			return "LOCK TABLE";
		case T_ConstraintsSetStmt:
			return "SET CONSTRAINTS";
		case T_DeclareCursorStmt:
			return (((DeclareCursorStmt *) node)->options & CURSOR_OPT_HOLD) == 0 ?
				"DECLARE CURSOR without HOLD" : NULL;
		case T_VariableSetStmt:
			if (((VariableSetStmt *) node)->is_local)
				return "SET LOCAL";
			return ((VariableSetStmt *) node)->kind == VAR_SET_MULTI &&
				strcmp(((VariableSetStmt *) node)->name, "TRANSACTION") == 0 ?
				"SET TRANSACTION" : NULL;
		default:
			return NULL;
	}
}

/*
 * Whether a statement may end transactions itself, as far as its text shows.  A
 * procedure may, whatever it is.
 */
static bool
ends_transactions(Node *node)
{
	const char *language = "plpgsql";
	const char *code = "";
	ListCell   *cell;

	if (!IsA(node, DoStmt))
		return IsA(node, CallStmt);
	foreach(cell, ((DoStmt *) node)->args)
	{
		const DefElem *argument = lfirst_node(DefElem, cell);

		if (strcmp(argument->defname, "language") == 0)
			language = strVal(argument->arg);
		else if (strcmp(argument->defname, "as") == 0)
			code = strVal(argument->arg);
	}
	return strcmp(language, "plpgsql") != 0 || has_transaction_control(code);
}

/*
 * Whether a block of PL/pgSQL may have a statement that ends transactions, or
 * that calls what does: none without one of these words, as what it runs by
 * EXECUTE cannot.
 */
static bool
has_transaction_control(const char *code)
{
	static const char *const words[] = {"commit", "rollback", "call"};

	for (const char *at = code; *at != '\0'; at++)
	{
		for (int i = 0; i < lengthof(words); i++)
		{
			if (pg_strncasecmp(at, words[i], strlen(words[i])) == 0)
				return true;
		}
	}
	return has_nested_do(code);
}

/*
 * The word is in ON CONFLICT and in rules, too: what follows it tells.
 */
static bool
has_nested_do(const char *code)
{
	for (const char *at = code; *at != '\0'; at++)
	{
		const char *next;

		if (pg_strncasecmp(at, "do", 2) != 0)
			continue;
		next = at + 2 + mig_script_skip_gap(at + 2, 0);
		if (*next == '\'' || *next == '$' ||
			pg_strncasecmp(next, "e'", 2) == 0 ||
			pg_strncasecmp(next, "u&", 2) == 0 ||
			pg_strncasecmp(next, "language", strlen("language")) == 0)
			return true;
	}
	return false;
}
