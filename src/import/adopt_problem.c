/*
 * adopt_problem.c
 *	  Why the version table of another tool cannot be adopted.
 *
 * All that is wrong is told at once, because each part of it may take hours to
 * correct; and what the tool itself advises, because it knows its table.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/printable.h"
#include "import/adopt_internal.h"

/* More of a kind tell nothing new. */
#define MAX_LISTED	500

static void append_line(StringInfo buf, const char *text);
static char *list_names(const List *names);

/*
 * Raises an error if anything is wrong.
 */
void
mig_adopt_refuse(const MigAdoption *adoption)
{
	const MigAdoptTool *tool = adoption->tool;
	StringInfoData detail;
	StringInfoData hint;

	initStringInfo(&detail);
	initStringInfo(&hint);
	if (adoption->dirty != NIL)
		append_line(&detail, psprintf(_("Dirty, because a migration was begun and has not ended: %s."),
									  list_names(adoption->dirty)));
	if (adoption->failed != NIL)
		append_line(&detail, psprintf(_("Failed: %s."),
									  list_names(adoption->failed)));
	if (tool->repair != NULL && (adoption->dirty != NIL || adoption->failed != NIL))
		append_line(&hint, tool->repair);
	if (adoption->unknown != NIL)
	{
		append_line(&detail, psprintf(_("Applied there, and not registered here: %s."),
									  list_names(adoption->unknown)));
		append_line(&hint, _("Register the files of all versions. One that is gone can be a file of that version without statements."));
	}
	if (adoption->changed != NIL)
	{
		append_line(&detail, psprintf(_("Applied from another file than the one that is registered, by its checksum: %s."),
									  list_names(adoption->changed)));
		append_line(&hint, _("Register files as they were when they were applied."));
		if (tool->accept != NULL)
			append_line(&hint, tool->accept);
	}
	if (adoption->missing != NIL)
	{
		append_line(&detail, psprintf(_("Not applied there, though an applied revision comes after it: %s."),
									  list_names(adoption->missing)));
		append_line(&hint, _("Apply these with the tool first, or use reorder => true, which puts them behind what is applied."));
	}
	if (adoption->elsewhere != NIL)
	{
		append_line(&detail, psprintf(_("Applied according to version table \"%s\" here, and not there: %s."),
									  mig_printable(adoption->version->name),
									  list_names(adoption->elsewhere)));
		if (adoption->is_behind)
			append_line(&hint, _("They were run here, so that nothing is left to adopt: lock_out => true locks the tool out."));
		else
			append_line(&hint, _("Find out which table is right, and say it with migrate_stamp() or with the tool."));
	}
	if (detail.len == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("version table \"%s\" of %s cannot be adopted",
					adoption->table->name, tool->name),
			 errdetail_internal("%s", detail.data),
			 hint.len > 0 ? errhint("%s", hint.data) : 0));
}

static void
append_line(StringInfo buf, const char *text)
{
	appendStringInfo(buf, "%s%s", buf->len > 0 ? "\n" : "", text);
}

static char *
list_names(const List *names)
{
	StringInfoData list;
	ListCell   *cell;

	initStringInfo(&list);
	foreach(cell, names)
	{
		if (foreach_current_index(cell) == MAX_LISTED)
		{
			appendStringInfo(&list, _(" and %d more"),
							 list_length(names) - MAX_LISTED);
			break;
		}
		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
						 (const char *) lfirst(cell));
	}
	return list.data;
}
