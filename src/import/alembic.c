/*
 * alembic.c
 *	  Format alembic: what "alembic upgrade base:heads --sql" prints, and
 *	  "alembic downgrade heads:base --sql".
 *
 * Each body comes behind a line "-- Running upgrade a, b -> c" or "-- Running
 * downgrade c -> a, b".  What changes the version table there is not part of a
 * body.  It tells dependencies, which the line does not: a revision replaces the
 * rows of all that it is based on.
 *
 * The whole is a transaction, or each body is.  A COMMIT before other statements is
 * an autocommit block, which ends with the next BEGIN: each of its statements is a
 * transaction, and what is before and behind it is one.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"

#include "import/import_internal.h"

#define MARK			"Running "
#define ARROW			"->"
#define VERSION_TABLE	"alembic_version"
#define VERSION_COLUMN	"version_num"

/* A body, and what its line says. */
typedef struct Section
{
	MigImportLine mark;
	int			end;
	bool		is_down;
	List	   *from;			/* ids, of char * */
	List	   *to;
} Section;

/* What a statement is for Alembic. */
typedef enum StatementRole
{
	ROLE_BODY,
	ROLE_BEGIN,
	ROLE_COMMIT,
	ROLE_VERSION				/* it changes the version table */
} StatementRole;

typedef struct FileSections
{
	MigImportFile *file;
	List	   *sections;		/* of Section * */
} FileSections;

/* What the statements of a section are read with. */
typedef struct Reader
{
	const Section *section;		/* that is read */
	const char *table;			/* of versions */
	bool		in_transaction; /* a section begins inside a transaction */
	bool		misses_upgrades;	/* because some could not be read */
	List	   *replaced;		/* ids whose rows the section changes, of char * */
} Reader;

static MigImportMatch recognize(const MigImport *import);
static void read_set(MigImport *import);
static void find_sections(MigImport *import, MigImportFile *file);
static void read_sections(MigImport *import, bool is_down);
static Section *read_mark(const MigImportFile *file, const MigImportLine *line);
static List *split_ids(const char *text, int length);
static void add_upgrade(MigImport *import, MigImportFile *file, void *part);
static void add_downgrade(MigImport *import, MigImportFile *file, void *part);
static char **make_ids(const List *ids, const List *except, int *n);
static Reader make_reader(const MigImport *import, const MigImportFile *file,
						  const List *sections);
static const char *find_version_table(const MigImport *import);
static const char *created_version_table(const CreateStmt *statement);
static bool rewrite_section(MigImportFile *file, const Section *section,
							Reader *reader);
static bool has_autocommit(const List *parsed, Reader *reader);
static void write_transactions(char *text, const char *original, const List *parsed,
							   Reader *reader);
static void write_word(char *text, int at, const char *word);
static StatementRole read_role(Node *statement, Reader *reader);
static RangeVar *changed_table(Node *statement, Node **condition);
static bool drops_table(Node *statement, const char *table);
static char *compared_id(Node *condition);

const MigImportFormat mig_import_alembic = {
	.name = "alembic",
	.table = VERSION_TABLE,
	.recognize = recognize,
	.read = read_set,
	.down_hint = gettext_noop("Write \"-- Running downgrade c -> b\", as \"alembic downgrade --sql\" prints it, or word the comment in another way."),
	.has_marks = true
};

static MigImportMatch
recognize(const MigImport *import)
{
	return mig_import_any_mark(import, MARK "upgrade ") ||
		mig_import_any_mark(import, MARK "downgrade ") ?
		MIG_IMPORT_CERTAIN : MIG_IMPORT_NO;
}

static void
read_set(MigImport *import)
{
	mig_import_each_file(import, find_sections);
	read_sections(import, false);
	read_sections(import, true);
}

static void
find_sections(MigImport *import, MigImportFile *file)
{
	MigImportLine line = {0};
	List	   *sections = NIL;
	FileSections *found;

	if (file->text == NULL)
		return;
	while (mig_import_next_line(file, &line))
	{
		Section    *section = read_mark(file, &line);

		if (section == NULL)
			continue;
		if (sections != NIL)
			((Section *) llast(sections))->end = line.start;
		sections = lappend(sections, section);
	}
	if (sections == NIL)
		return;
	((Section *) llast(sections))->end = strlen(file->text);
	found = palloc(sizeof(FileSections));
	found->file = file;
	found->sections = sections;
	import->state = lappend(import->state, found);
}

/*
 * The upgrades of all files, or their downgrades.
 */
static void
read_sections(MigImport *import, bool is_down)
{
	bool		misses_upgrades = is_down && import->errors != NIL;
	ListCell   *file_cell;

	foreach(file_cell, (List *) import->state)
	{
		const FileSections *found = lfirst(file_cell);
		Reader		reader = make_reader(import, found->file, found->sections);
		ListCell   *cell;

		reader.misses_upgrades = misses_upgrades;
		foreach(cell, found->sections)
		{
			reader.section = lfirst(cell);
			if (reader.section->is_down == is_down)
				(void) mig_import_try(import, found->file,
									  is_down ? add_downgrade : add_upgrade,
									  &reader);
		}
	}
}

/*
 * What a line says, or NULL.  After a stamp rows are there without what they stand
 * for.
 */
static Section *
read_mark(const MigImportFile *file, const MigImportLine *line)
{
	const char *step = mig_import_mark(file, line, MARK);
	const char *arrow = step == NULL ? NULL : strstr(step, ARROW);
	bool		is_up = arrow != NULL && strncmp(step, "upgrade ", 8) == 0;
	bool		is_down = arrow != NULL && strncmp(step, "downgrade ", 10) == 0;
	int			verb = is_up || is_down ? strcspn(step, " ") : 0;
	Section    *section;

	if (arrow == NULL || (!is_up && !is_down && strncmp(step, "stamp", 5) != 0))
		return NULL;
	section = palloc0(sizeof(Section));
	section->mark = *line;
	section->is_down = is_down;
	section->from = split_ids(step + verb, arrow - step - verb);
	section->to = split_ids(arrow + strlen(ARROW), strlen(arrow + strlen(ARROW)));
	if ((!is_up && !is_down) ||
		list_length(is_down ? section->from : section->to) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("step \"%s\" is no upgrade or downgrade of one revision",
						step),
				 mig_import_errplace(file, line->start)));
	return section;
}

/*
 * The ids in a text with commas between them.
 */
static List *
split_ids(const char *text, int length)
{
	List	   *ids = NIL;
	char	   *copy = pnstrdup(text, length);

	for (char *id = strtok(copy, ", \t"); id != NULL; id = strtok(NULL, ", \t"))
		ids = lappend(ids, id);
	return ids;
}

static void
add_upgrade(MigImport *import, MigImportFile *file, void *part)
{
	Reader	   *reader = part;
	const Section *section = reader->section;
	const char *id = linitial(section->to);
	MigImportRevision *revision;
	MigRevisionDef *def;

	if (mig_import_find_revision(import, id) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("version \"%s\" is given twice", id),
				 mig_import_errplace(file, section->mark.start)));
	revision = mig_import_add_revision(import, file, id, "");
	def = &revision->script.def;
	revision->script.line = mig_import_line_number(file, section->mark.start);
	def->upgrade_per_statement = rewrite_section(file, section, reader);
	def->down = make_ids(section->from, NIL, &def->ndown);
	def->depends = make_ids(reader->replaced, section->from, &def->ndepends);
	mig_import_set_upgrade(import, revision, file, section->mark.start,
						   section->end);
}

static void
add_downgrade(MigImport *import, MigImportFile *file, void *part)
{
	Reader	   *reader = part;
	const Section *section = reader->section;
	const char *id = linitial(section->from);
	MigImportRevision *revision = mig_import_find_revision(import, id);

	if (revision == NULL && reader->misses_upgrades)
		return;
	if (revision == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version \"%s\" has a downgrade and no upgrade", id),
				 errhint("Give what \"alembic upgrade base:heads --sql\" prints, too."),
				 mig_import_errplace(file, section->mark.start)));
	if (revision->script.def.downgrade != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("downgrade of version \"%s\" is given twice", id),
				 mig_import_errplace(file, section->mark.start)));
	revision->script.def.downgrade_per_statement =
		rewrite_section(file, section, reader);
	mig_import_set_downgrade(import, revision, file, section->mark.start,
							 section->end);
}

static char **
make_ids(const List *ids, const List *except, int *n)
{
	char	  **result = palloc(sizeof(char *) * Max(list_length(ids), 1));
	ListCell   *cell;

	*n = 0;
	foreach(cell, ids)
	{
		if (!mig_text_is_listed(except, lfirst(cell)))
			result[(*n)++] = mig_import_make_id(lfirst(cell));
	}
	return result;
}

/*
 * Every section begins like the first one: an autocommit block ends in the section
 * that it is in.
 */
static Reader
make_reader(const MigImport *import, const MigImportFile *file,
			const List *sections)
{
	Reader		reader = {.table = find_version_table(import)};

	if (sections != NIL)
		reader.in_transaction =
			mig_script_has_transactions(pnstrdup(file->text,
												 ((Section *) linitial(sections))->mark.start));
	return reader;
}

/*
 * The name of the version table: upgrades begin with the table.
 */
static const char *
find_version_table(const MigImport *import)
{
	ListCell   *file_cell;

	foreach(file_cell, import->files)
	{
		const MigImportFile *file = lfirst(file_cell);
		const char *mark = file->text == NULL ? NULL : strstr(file->text, "-- " MARK);
		ListCell   *cell;

		if (mark == NULL)
			continue;
		foreach(cell, mig_script_try_parse(pnstrdup(file->text, mark - file->text)))
		{
			Node	   *statement = lfirst_node(RawStmt, cell)->stmt;
			const char *table = IsA(statement, CreateStmt) ?
			created_version_table((CreateStmt *) statement) : NULL;

			if (table != NULL)
				return table;
		}
	}
	return VERSION_TABLE;
}

static const char *
created_version_table(const CreateStmt *statement)
{
	const ColumnDef *column = statement->tableElts == NIL ? NULL :
	linitial(statement->tableElts);

	return column != NULL && IsA(column, ColumnDef) &&
		strcmp(column->colname, VERSION_COLUMN) == 0 ?
		statement->relation->relname : NULL;
}

/*
 * Makes a body of a section, where it is, and says whether each of its statements
 * is a transaction.  One that does not parse stays, and is refused later.
 */
static bool
rewrite_section(MigImportFile *file, const Section *section, Reader *reader)
{
	int			length = section->end - section->mark.start;
	char	   *text = pnstrdup(file->text + section->mark.start, length);
	char	   *original;
	List	   *parsed;
	bool		per_statement;
	ListCell   *cell;

	reader->replaced = NIL;
	memset(text, ' ', section->mark.end - section->mark.start);
	original = pstrdup(text);
	parsed = mig_script_try_parse(text);
	per_statement = has_autocommit(parsed, reader);
	foreach(cell, parsed)
	{
		if (read_role(lfirst_node(RawStmt, cell)->stmt, reader) != ROLE_BODY)
			mig_script_blank_statement(text, lfirst_node(RawStmt, cell));
	}
	if (per_statement)
		write_transactions(text, original, parsed, reader);
	memcpy(file->text + section->mark.start, text, length);
	return per_statement;
}

/*
 * Whether a statement comes behind a COMMIT and before the next BEGIN.  Collects
 * the ids whose rows are changed.
 */
static bool
has_autocommit(const List *parsed, Reader *reader)
{
	bool		committed = false;
	bool		found = false;
	ListCell   *cell;

	foreach(cell, parsed)
	{
		Node	   *statement = lfirst_node(RawStmt, cell)->stmt;
		StatementRole role = read_role(statement, reader);
		Node	   *condition = NULL;
		char	   *id;

		if (role == ROLE_BEGIN || role == ROLE_COMMIT)
			committed = role == ROLE_COMMIT;
		else if (role == ROLE_BODY)
			found = found || committed;
		else if (changed_table(statement, &condition) != NULL &&
				 (id = compared_id(condition)) != NULL)
			reader->replaced = lappend(reader->replaced, id);
	}
	return found;
}

/*
 * Writes BEGIN and END around statements of the body that share a transaction,
 * where statements were that have been blanked, and in the section's line.
 */
static void
write_transactions(char *text, const char *original, const List *parsed,
				   Reader *reader)
{
	bool		in_transaction = reader->in_transaction;
	int			nstatements = 0;
	int			begin = 0;
	int			version = -1;
	ListCell   *cell;

	foreach(cell, parsed)
	{
		const RawStmt *raw = lfirst_node(RawStmt, cell);
		int			at = mig_script_skip_gap(original, raw->stmt_location);

		switch (read_role(raw->stmt, reader))
		{
			case ROLE_BODY:
				if (in_transaction && nstatements++ == 0)
					write_word(text, begin, "BEGIN;");
				break;
			case ROLE_BEGIN:
				in_transaction = true;
				begin = at;
				break;
			case ROLE_COMMIT:
				if (nstatements > 0)
					write_word(text, at, "END;");
				in_transaction = false;
				nstatements = 0;
				break;
			case ROLE_VERSION:
				version = at;
				break;
		}
	}
	/* The one of the whole text ends in another section. */
	if (nstatements > 0 && version >= 0)
		write_word(text, version, "END;");
}

/*
 * Writes over spaces; where they do not suffice the body is refused later.
 */
static void
write_word(char *text, int at, const char *word)
{
	if (strspn(text + at, " ") >= strlen(word))
		memcpy(text + at, word, strlen(word));
}

static StatementRole
read_role(Node *statement, Reader *reader)
{
	Node	   *condition;
	RangeVar   *table = changed_table(statement, &condition);

	if (IsA(statement, TransactionStmt))
	{
		TransactionStmtKind kind = ((TransactionStmt *) statement)->kind;

		return kind == TRANS_STMT_BEGIN || kind == TRANS_STMT_START ? ROLE_BEGIN :
			kind == TRANS_STMT_COMMIT ? ROLE_COMMIT : ROLE_BODY;
	}
	if ((table != NULL && strcmp(table->relname, reader->table) == 0) ||
		drops_table(statement, reader->table))
		return ROLE_VERSION;
	return ROLE_BODY;
}

/*
 * The table whose rows a statement changes, and which ones; NULL: none.
 */
static RangeVar *
changed_table(Node *statement, Node **condition)
{
	*condition = NULL;
	switch (nodeTag(statement))
	{
		case T_InsertStmt:
			return ((InsertStmt *) statement)->relation;
		case T_UpdateStmt:
			*condition = ((UpdateStmt *) statement)->whereClause;
			return ((UpdateStmt *) statement)->relation;
		case T_DeleteStmt:
			*condition = ((DeleteStmt *) statement)->whereClause;
			return ((DeleteStmt *) statement)->relation;
		default:
			return NULL;
	}
}

static bool
drops_table(Node *statement, const char *table)
{
	DropStmt   *drop = (DropStmt *) statement;

	return IsA(statement, DropStmt) && drop->removeType == OBJECT_TABLE &&
		strcmp(strVal(llast(castNode(List, linitial(drop->objects)))), table) == 0;
}

/*
 * The text that a column is compared with, or NULL.
 */
static char *
compared_id(Node *condition)
{
	A_Const    *value = condition != NULL && IsA(condition, A_Expr) ?
	(A_Const *) ((A_Expr *) condition)->rexpr : NULL;

	return value != NULL && IsA(value, A_Const) && !value->isnull &&
		nodeTag(&value->val) == T_String ? strVal(&value->val) : NULL;
}
