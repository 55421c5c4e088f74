/*
 * batch_call.c
 *	  Refuses a call of migrate_batch() that can never run.
 *
 * In a body the call would be refused when what stands before it is committed.
 * What its text alone tells is said when the body is registered: of arguments
 * that are constants.  What depends on the table is said in
 * run/batch_statement.c, in the same words.
 *
 * Must not read the catalogs.
 */
#include "postgres.h"

#include <ctype.h>

#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

#include "script/script_internal.h"

/* More than the columns of any index, twice. */
#define MAX_PARAMETERS	(INDEX_MAX_KEYS * 2)

/* The arguments in the order of the procedure. */
typedef enum Argument
{
	ARGUMENT_RELATION,
	ARGUMENT_STATEMENT,
	ARGUMENT_KEY,
	ARGUMENT_BATCH_SIZE,
	ARGUMENT_TARGET,
	ARGUMENT_PAUSE,
	ARGUMENT_NAME,
	NUM_ARGUMENTS
} Argument;

/* A call in a body. */
typedef struct Call
{
	const MigScriptSource *source;
	int			begin;
	int			end;
	Node	   *arguments[NUM_ARGUMENTS];	/* NULL: the default, or unknown */
	int			location;		/* of the argument that is looked at */
} Call;

static void find_arguments(const List *given, Call *call);
static const char *string_argument(Call *call, Argument argument);
static A_Const *constant_argument(Call *call, Argument argument);
static void check_name(Call *call);
static void check_numbers(Call *call);
static bool number_argument(Call *call, Argument argument, double *number);
static void check_statement(Call *call);
static List *parse_statement(const Call *call, const char *text);
static void check_parameters(const Call *call, const char *text);
static int	call_errposition(const Call *call);

/*
 * Raises an error for a statement of a body that calls migrate_batch(), if the
 * call is certain to be refused.
 */
void
mig_batch_call_check(const MigScriptSource *source,
					 const MigStatement *statement)
{
	char	   *text = pnstrdup(source->body + statement->location,
								statement->length);
	const CallStmt *node = (const CallStmt *)
	linitial_node(RawStmt, mig_script_parse(text))->stmt;
	Call		call = {source, statement->location,
	statement->location + statement->length};

	find_arguments(node->funccall->args, &call);
	check_name(&call);
	check_numbers(&call);
	check_statement(&call);
	pfree(text);
}

static void
find_arguments(const List *given, Call *call)
{
	static const char *const names[] = {
		"relation", "statement", "key", "batch_size", "target", "pause", "name"
	};
	ListCell   *cell;

	foreach(cell, given)
	{
		const NamedArgExpr *named = lfirst(cell);
		int			index = foreach_current_index(cell);

		if (!IsA(named, NamedArgExpr))
		{
			if (index < NUM_ARGUMENTS)
				call->arguments[index] = lfirst(cell);
			continue;
		}
		for (int i = 0; i < NUM_ARGUMENTS; i++)
		{
			if (strcmp(named->name, names[i]) == 0)
				call->arguments[i] = (Node *) named->arg;
		}
	}
}

/*
 * The value of a string constant; NULL: it is another expression, such as a cast, by
 * which it may become another one, or NULL.
 */
static const char *
string_argument(Call *call, Argument argument)
{
	A_Const    *constant = constant_argument(call, argument);

	return constant != NULL && IsA(&constant->val, String) ?
		strVal(&constant->val) : NULL;
}

static A_Const *
constant_argument(Call *call, Argument argument)
{
	Node	   *node = call->arguments[argument];

	if (node == NULL || !IsA(node, A_Const) || ((A_Const *) node)->isnull)
		return NULL;
	call->location = call->begin + ((A_Const *) node)->location;
	return (A_Const *) node;
}

static void
check_name(Call *call)
{
	/* No cast makes NULL of one. */
	while (call->arguments[ARGUMENT_NAME] != NULL &&
		   IsA(call->arguments[ARGUMENT_NAME], TypeCast))
		call->arguments[ARGUMENT_NAME] =
			((TypeCast *) call->arguments[ARGUMENT_NAME])->arg;
	if (constant_argument(call, ARGUMENT_NAME) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a batch in a migration body has no name"),
				 errdetail("It is known by its revision and the position of the statement, so that it is run again when the revision is."),
				 errhint("Leave out the argument \"name\"."),
				 call_errposition(call)));
}

static void
check_numbers(Call *call)
{
	double		number;

	if (number_argument(call, ARGUMENT_BATCH_SIZE, &number) &&
		(number < 1 || number > MIG_BATCH_MAX_SIZE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch_size must be between 1 and %d",
						MIG_BATCH_MAX_SIZE),
				 call_errposition(call)));
	if (number_argument(call, ARGUMENT_PAUSE, &number) &&
		(number < 0 || number > MIG_BATCH_MAX_PAUSE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pause must be between 0 and %d", MIG_BATCH_MAX_PAUSE),
				 call_errposition(call)));
}

/*
 * Whether it is a number; one in quotes is left to the server.
 */
static bool
number_argument(Call *call, Argument argument, double *number)
{
	A_Const    *constant = constant_argument(call, argument);

	if (constant == NULL)
		return false;
	if (IsA(&constant->val, Integer))
		*number = intVal(&constant->val);
	else if (IsA(&constant->val, Float))
		*number = floatVal(&constant->val);
	else
		return false;
	return true;
}

static void
check_statement(Call *call)
{
	const char *text = string_argument(call, ARGUMENT_STATEMENT);
	List	   *parsed;
	Node	   *statement;

	if (text == NULL)
		return;
	parsed = parse_statement(call, text);
	if (list_length(parsed) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"statement\" must be one statement"),
				 errdetail("It contains %d.", list_length(parsed)),
				 call_errposition(call)));
	statement = linitial_node(RawStmt, parsed)->stmt;
	if (!IsA(statement, InsertStmt) && !IsA(statement, UpdateStmt) &&
		!IsA(statement, DeleteStmt) && !IsA(statement, MergeStmt))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the statement of a batch must be INSERT, UPDATE, DELETE or MERGE"),
				 errdetail("It is %s.", CreateCommandName(statement)),
				 call_errposition(call)));
	check_parameters(call, text);
}

/*
 * A position in what the constant holds is none in the body, whose escapes it has
 * not: the line is that of the constant.
 */
static List *
parse_statement(const Call *call, const char *text)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *volatile parsed = NIL;

	PG_TRY();
	{
		parsed = mig_script_parse(text);
	}
	PG_CATCH();
	{
		const char *place;
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->cursorpos <= 0)
			PG_RE_THROW();
		FlushErrorState();
		error->internalpos = error->cursorpos;
		error->internalquery = pstrdup(text);
		error->cursorpos = 0;
		place = mig_script_place(call->source, call->location);
		error->context = error->context == NULL ? pstrdup(place) :
			psprintf("%s\n%s", place, error->context);
		ReThrowError(error);
	}
	PG_END_TRY();
	return parsed;
}

/*
 * A key of n columns has 2n parameters, all of which are needed: how many there
 * are is known if the key is given as an ARRAY; otherwise those below another one
 * are, and as many for its first value as for its last one.
 */
static void
check_parameters(const Call *call, const char *text)
{
	MigScriptSource source = {.body = text};
	const A_ArrayExpr *key = (const A_ArrayExpr *) call->arguments[ARGUMENT_KEY];
	int			nparameters = key != NULL && IsA(key, A_ArrayExpr) ?
	list_length(key->elements) * 2 : 0;
	int			wanted = Max(nparameters, 2);
	bool		used[MAX_PARAMETERS + 3] = {false};
	MigScriptScan scan;

	mig_script_scan_begin(&scan, &source);
	while (mig_script_scan_next(&scan))
	{
		/* The tag of a quote has no digit there. */
		if (scan.text[0] == '$' && isdigit((unsigned char) scan.text[1]))
		{
			unsigned long digits = strtoul(scan.text + 1, NULL, 10);
			int			number = Min(digits, MAX_PARAMETERS + 1);

			used[number] = true;
			wanted = Max(wanted, number);
		}
	}
	mig_script_scan_end(&scan);

	if (nparameters > 0 && wanted > nparameters)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_PARAMETER),
				 errmsg("there is no parameter $%d", wanted),
				 errdetail("The parameters of a batch are its first key and its last key, $1 to $%d.",
						   nparameters),
				 call_errposition(call)));
	for (int number = 1; number <= wanted + wanted % 2; number++)
	{
		if (!used[number])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the statement of a batch does not use parameter $%d",
							number),
					 errdetail("Without a condition on both ends of the batch the statement would be about other rows, too."),
					 errhint("It needs a condition on the key, such as id BETWEEN $1 AND $2."),
					 call_errposition(call)));
	}
}

/*
 * To be called inside ereport(): the error is in the argument.
 */
static int
call_errposition(const Call *call)
{
	return mig_script_errposition(call->source, call->begin, call->end,
								  call->location);
}
