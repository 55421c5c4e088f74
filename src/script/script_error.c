/*
 * script_error.c
 *	  Collects the errors of a script, to raise all of them at once.
 *
 * What raises them works in memory alone, so that they can be caught without a
 * subtransaction, and they are raised in the end, which cleans up the rest.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "script/script_internal.h"

/* More of them tell nothing new. */
#define MAX_ERRORS_SHOWN	50

static void append_error(StringInfo text, const ErrorData *error,
						 List **hints);
static char *in_one_line(const char *text);
static int	compare_errors(const ListCell *a, const ListCell *b);

/*
 * To be called inside PG_CATCH(): adds the error to a list, in the memory
 * context given.  What is no fault of the script is raised.
 */
List *
mig_script_error_add(List *errors, int revision, MemoryContext context)
{
	int			category = ERRCODE_TO_CATEGORY(geterrcode());
	MigScriptError *item;

	if (category == ERRCODE_INTERNAL_ERROR ||
		category == ERRCODE_INSUFFICIENT_RESOURCES ||
		category == ERRCODE_OPERATOR_INTERVENTION)
		PG_RE_THROW();

	MemoryContextSwitchTo(context);
	item = palloc(sizeof(MigScriptError));
	item->revision = revision;
	item->number = list_length(errors);
	item->error = CopyErrorData();
	FlushErrorState();
	/* Each line of a long file can have one. */
	CHECK_FOR_INTERRUPTS();
	return lappend(errors, item);
}

/*
 * Raises the errors, if there are any: a single one as it is, several as one
 * that lists them in the order of the script, or of the files.
 */
void
mig_script_error_raise(List *errors, bool in_files)
{
	StringInfoData text;
	List	   *hints = NIL;
	MigScriptError *first;
	ListCell   *cell;

	if (errors == NIL)
		return;
	list_sort(errors, compare_errors);
	first = linitial(errors);
	if (list_length(errors) == 1)
	{
		first->error->hide_stmt = true;
		ReThrowError(first->error);
	}

	initStringInfo(&text);
	foreach(cell, errors)
	{
		if (foreach_current_index(cell) == MAX_ERRORS_SHOWN)
		{
			appendStringInfo(&text, _("\nand %d more"),
							 list_length(errors) - MAX_ERRORS_SHOWN);
			break;
		}
		if (text.len > 0)
			appendStringInfoChar(&text, '\n');
		append_error(&text, ((MigScriptError *) lfirst(cell))->error, &hints);
	}
	ereport(ERROR,
			(errcode(first->error->sqlerrcode),
			 in_files ?
			 errmsg("migration files have %d errors", list_length(errors)) :
			 errmsg("migration script has %d errors", list_length(errors)),
			 errdetail_internal("%s", text.data),
			 in_files ?
			 errhint("Correct them and register the files again. Nothing of them is registered.") :
			 errhint("Correct them and register the script again. Nothing of it is registered."),
			 errhidestmt(true)));
}

/*
 * An error in one line, with all that one needs to correct it.  A hint is given once:
 * fifty files that lack the same line need not be told fifty times what it is.
 */
static void
append_error(StringInfo text, const ErrorData *error, List **hints)
{
	bool		has_hint = error->hint != NULL &&
	!mig_text_is_listed(*hints, error->hint);

	appendStringInfoString(text, mig_script_error_line(error));
	if (error->detail != NULL || has_hint)
		appendStringInfoChar(text, '.');
	if (error->detail != NULL)
		appendStringInfo(text, " %s", in_one_line(error->detail));
	if (has_hint)
	{
		appendStringInfo(text, " %s", in_one_line(error->hint));
		*hints = lappend(*hints, error->hint);
	}
}

/*
 * By revision, then as they were found.
 */
static int
compare_errors(const ListCell *a, const ListCell *b)
{
	const MigScriptError *left = lfirst(a);
	const MigScriptError *right = lfirst(b);

	return left->revision != right->revision ?
		left->revision - right->revision : left->number - right->number;
}

/*
 * An error in one line: where, and what.
 */
char *
mig_script_error_line(const ErrorData *error)
{
	StringInfoData line;
	const char *place = error->context != NULL ? error->context : "";

	initStringInfo(&line);
	for (; *place != '\0'; place++)
	{
		if (*place == '\n')
			appendStringInfoString(&line, ", ");
		else
			appendStringInfoChar(&line, *place);
	}
	appendStringInfo(&line, "%s%s", line.len > 0 ? ": " : "", error->message);
	return in_one_line(line.data);
}

/*
 * A copy with spaces for line ends.
 */
static char *
in_one_line(const char *text)
{
	char	   *line = pstrdup(text);

	for (char *c = line; *c != '\0'; c++)
	{
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	}
	return line;
}

/*
 * To be called in an error context callback: whether the error is none but a
 * notice or a warning, and has no detail yet.
 */
bool
mig_script_error_is_message(MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	ErrorData  *error = CopyErrorData();
	bool		result = error->elevel < ERROR && error->detail == NULL;

	FreeErrorData(error);
	MemoryContextSwitchTo(caller);
	return result;
}
