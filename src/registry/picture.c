/*
 * picture.c
 *	  The graph of revisions as a picture: text for a terminal, and the languages
 *	  of Mermaid and Graphviz.
 *
 * Text is drawn like the graph of a version control system: newest first, a
 * column for each line of descent.  Lines between the revisions say how the
 * columns part (at a merge, seen from above) and meet again (at a branch point).
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"

#include "base/printable.h"
#include "registry/registry.h"

/* The longest line of text: one that fits into 80 columns of psql. */
#define LINE_LENGTH		78

/* The columns of a picture in text: the revision that each of them leads to. */
typedef struct Columns
{
	List	   *ids;
	List	   *lines;
} Columns;

/* How one language writes the picture. */
typedef struct Language
{
	const char *name;
	List	   *(*draw) (const MigInspectRow *rows, int nrows);
} Language;

/* A state in Mermaid and Graphviz. */
typedef struct StateColour
{
	const char *state;
	const char *colour;
} StateColour;

static const StateColour colours[] = {
	{"applied", "#c8e6c9"},
	{"pending", "#ffffff"},
	{"partial", "#ffcc80"},
	{"unknown", "#ef9a9a"},
};

static int	leave_out_repeatables(MigInspectRow *rows, int nrows);
static List *draw_text(const MigInspectRow *rows, int nrows);
static List *draw_mermaid(const MigInspectRow *rows, int nrows);
static List *draw_dot(const MigInspectRow *rows, int nrows);

static const Language languages[] = {
	{"text", draw_text},
	{"mermaid", draw_mermaid},
	{"dot", draw_dot},
};

static int	find_column(const Columns *columns, const char *id, int from);
static void meet(Columns *columns, int left, int right);
static void part(Columns *columns, int column, char *const *ids, int nids);
static void close_column(Columns *columns, int column);
static void add_edges(Columns *columns, StringInfo line);
static char *describe(const MigInspectRow *row);
static char *cut(char *line);
static char *mermaid_node(const char *id);
static char *mermaid_text(const char *text);
static char *dot_text(const char *text);
static const char *colour_of(const char *state);

/*
 * The lines of the picture of a range as in migrate_history(), in the current
 * memory context.
 */
List *
mig_picture_draw(const char *range, const char *language)
{
	const Language *found = NULL;
	MigInspectRow *rows;
	int			nrows;
	List	   *lines;
	ListCell   *cell;

	for (int i = 0; i < lengthof(languages); i++)
	{
		if (strcmp(languages[i].name, language) == 0)
			found = &languages[i];
	}
	if (found == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized format \"%s\"", language),
				 errhint("Formats are text, mermaid and dot.")));
	rows = mig_inspect_history(range, &nrows);
	nrows = leave_out_repeatables(rows, nrows);
	lines = found->draw(rows, nrows);
	/* A row of a version table that names no revision may be any text. */
	foreach(cell, lines)
	{
		if (mig_printable_find(lfirst(cell), "") != NULL)
			lfirst(cell) = mig_printable(lfirst(cell));
	}
	return lines;
}

static int
leave_out_repeatables(MigInspectRow *rows, int nrows)
{
	int			n = 0;

	for (int i = 0; i < nrows; i++)
	{
		if (rows[i].kind == NULL || strcmp(rows[i].kind, MIG_INSPECT_REPEATABLE) != 0)
			rows[n++] = rows[i];
	}
	return n;
}

/* Text -------------------------------------------------------------------- */

static List *
draw_text(const MigInspectRow *rows, int nrows)
{
	Columns		columns = {NIL, NIL};

	for (int i = 0; i < nrows; i++)
	{
		const MigRevisionDef *def = &rows[i].revision->def;
		int			column = find_column(&columns, def->id, 0);
		int			other;
		StringInfoData line;

		CHECK_FOR_INTERRUPTS();
		/* Its descendants meet here. */
		while (column >= 0 &&
			   (other = find_column(&columns, def->id, column + 1)) >= 0)
			meet(&columns, column, other);
		if (column < 0)
		{
			column = list_length(columns.ids);
			columns.ids = lappend(columns.ids, def->id);
		}

		initStringInfo(&line);
		for (int k = 0; k < list_length(columns.ids); k++)
			appendStringInfo(&line, "%c ", k != column ? '|' :
							 strcmp(rows[i].state, "applied") == 0 ? '*' :
							 strcmp(rows[i].state, "pending") == 0 ? 'o' : '!');
		appendStringInfoString(&line, describe(&rows[i]));
		columns.lines = lappend(columns.lines, cut(line.data));

		if (def->ndown > 0)
			part(&columns, column, def->down, def->ndown);
		else
			close_column(&columns, column);
	}
	return columns.lines;
}

/*
 * The first column from there on that leads to a revision; -1: none.
 */
static int
find_column(const Columns *columns, const char *id, int from)
{
	for (int i = from; i < list_length(columns->ids); i++)
	{
		if (strcmp(list_nth(columns->ids, i), id) == 0)
			return i;
	}
	return -1;
}

/*
 * Leads the right column into the left one, below those between them:
 * "|_|/ /", where the last is a column that moves to the left.
 */
static void
meet(Columns *columns, int left, int right)
{
	StringInfoData line;

	initStringInfo(&line);
	for (int i = 0; i < list_length(columns->ids); i++)
	{
		if (i < right)
			appendStringInfo(&line, "|%c", i == right - 1 ? '/' : i >= left ? '_' : ' ');
		else if (i > right)
			appendStringInfoString(&line, " /");
	}
	columns->ids = list_delete_nth_cell(columns->ids, right);
	add_edges(columns, &line);
}

/*
 * Leads a column to the down revisions of the one that stands there: to the
 * first below it, to the others in columns of their own beside it.
 */
static void
part(Columns *columns, int column, char *const *ids, int nids)
{
	list_nth_cell(columns->ids, column)->ptr_value = ids[0];
	for (int i = 1; i < nids; i++)
	{
		StringInfoData line;

		initStringInfo(&line);
		for (int k = 0; k < list_length(columns->ids); k++)
			appendStringInfoString(&line, k < column ? "| " : k == column ? "|\\" : " \\");
		columns->ids = list_insert_nth(columns->ids, column + 1, ids[i]);
		add_edges(columns, &line);
	}
}

/*
 * Ends a column below a base; those to the right of it move to the left.
 */
static void
close_column(Columns *columns, int column)
{
	StringInfoData line;
	bool		last = column == list_length(columns->ids) - 1;

	initStringInfo(&line);
	for (int i = 0; i < list_length(columns->ids); i++)
	{
		if (i < column)
			appendStringInfoString(&line, "| ");
		else if (i > column)
			appendStringInfoString(&line, " /");
	}
	columns->ids = list_delete_nth_cell(columns->ids, column);
	if (!last)
		add_edges(columns, &line);
}

static void
add_edges(Columns *columns, StringInfo line)
{
	CHECK_FOR_INTERRUPTS();
	while (line->len > 0 && line->data[line->len - 1] == ' ')
		line->data[--line->len] = '\0';
	columns->lines = lappend(columns->lines, cut(line->data));
}

/*
 * "1975ea83b712 (head, pending, label) message", of which it is the first line.
 */
static char *
describe(const MigInspectRow *row)
{
	const MigRevisionDef *def = &row->revision->def;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%s (", def->id);
	if (row->is_head)
		appendStringInfoString(&text, "head, ");
	appendStringInfoString(&text, row->state);
	if (def->external != NULL)
		appendStringInfoString(&text, ", external");
	for (int i = 0; i < def->nlabels; i++)
		appendStringInfo(&text, ", %s", def->labels[i]);
	for (int i = 0; i < def->ndepends; i++)
		appendStringInfo(&text, "%s%s", i == 0 ? "; needs " : ", ", def->depends[i]);
	appendStringInfoChar(&text, ')');
	if (def->message != NULL)
		appendStringInfo(&text, " %.*s", (int) strcspn(def->message, "\r\n"),
						 def->message);
	return text.data;
}

static char *
cut(char *line)
{
	int			length = strlen(line);
	char	   *result;

	if (pg_mbstrlen_with_len(line, length) <= LINE_LENGTH)
		return line;
	line[pg_mbcharcliplen(line, length, LINE_LENGTH - 3)] = '\0';
	result = psprintf("%s...", line);
	/* Of thousands of columns it is long. */
	pfree(line);
	return result;
}

/* Mermaid and Graphviz ------------------------------------------------------ */

/*
 * Arrows lead from a revision to those that are built on it.  They come first:
 * the names that they give to revisions outside of the range are the last word
 * only where no line for the revision itself follows.
 */
static List *
draw_mermaid(const MigInspectRow *rows, int nrows)
{
	List	   *lines = list_make1("flowchart BT");

	for (int i = 0; i < nrows; i++)
	{
		const MigRevisionDef *def = &rows[i].revision->def;
		char	   *node = mermaid_node(def->id);

		for (int k = 0; k < def->ndown; k++)
			lines = lappend(lines, psprintf("  %s[\"%s\"] --> %s", mermaid_node(def->down[k]),
											mermaid_text(def->down[k]), node));
		for (int k = 0; k < def->ndepends; k++)
			lines = lappend(lines, psprintf("  %s[\"%s\"] -.-> %s", mermaid_node(def->depends[k]),
											mermaid_text(def->depends[k]), node));
	}
	for (int i = 0; i < nrows; i++)
		lines = lappend(lines, psprintf("  %s[\"%s\"]:::%s", mermaid_node(rows[i].revision->def.id),
										mermaid_text(describe(&rows[i])), rows[i].state));
	for (int i = 0; i < lengthof(colours); i++)
		lines = lappend(lines, psprintf("  classDef %s fill:%s", colours[i].state, colours[i].colour));
	return lines;
}

/*
 * A name that no word of the language can be.
 */
static char *
mermaid_node(const char *id)
{
	StringInfoData name;

	initStringInfo(&name);
	appendStringInfoChar(&name, 'r');
	for (const char *c = id; *c != '\0'; c++)
	{
		if (isalnum((unsigned char) *c) && !IS_HIGHBIT_SET(*c))
			appendStringInfoChar(&name, *c);
		else
			appendStringInfo(&name, "_%02x", (unsigned char) *c);
	}
	return name.data;
}

/*
 * In a quoted text, what is markup there is written by its number.
 */
static char *
mermaid_text(const char *text)
{
	StringInfoData quoted;

	initStringInfo(&quoted);
	for (const char *c = text; *c != '\0'; c++)
	{
		if (strchr("\"#;&<>`\\*_", *c) != NULL)
			appendStringInfo(&quoted, "#%d;", *c);
		else
			appendStringInfoChar(&quoted, *c);
	}
	return quoted.data;
}

static List *
draw_dot(const MigInspectRow *rows, int nrows)
{
	List	   *lines = list_make3("digraph revisions {", "  rankdir=BT;",
								   "  node [shape=box, style=filled, fillcolor=white];");

	for (int i = 0; i < nrows; i++)
	{
		const MigRevisionDef *def = &rows[i].revision->def;
		char	   *node = dot_text(def->id);

		lines = lappend(lines, psprintf("  %s [label=%s, fillcolor=\"%s\"];", node, dot_text(describe(&rows[i])),
										colour_of(rows[i].state)));
		for (int k = 0; k < def->ndown; k++)
			lines = lappend(lines, psprintf("  %s -> %s;", dot_text(def->down[k]), node));
		for (int k = 0; k < def->ndepends; k++)
			lines = lappend(lines, psprintf("  %s -> %s [style=dashed];", dot_text(def->depends[k]), node));
	}
	return lappend(lines, "}");
}

static char *
dot_text(const char *text)
{
	StringInfoData quoted;

	initStringInfo(&quoted);
	appendStringInfoChar(&quoted, '"');
	for (const char *c = text; *c != '\0'; c++)
	{
		if (*c == '"' || *c == '\\')
			appendStringInfoChar(&quoted, '\\');
		appendStringInfoChar(&quoted, *c);
	}
	appendStringInfoChar(&quoted, '"');
	return quoted.data;
}

static const char *
colour_of(const char *state)
{
	for (int i = 0; i < lengthof(colours); i++)
	{
		if (strcmp(colours[i].state, state) == 0)
			return colours[i].colour;
	}
	return "white";
}
