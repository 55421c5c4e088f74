/*
 * squash_body.c
 *	  Makes one revision of a line of revisions.
 *
 * Its upgrade is those of the line one after the other, its downgrade theirs in
 * reverse.  What would do something else there than where it is now is refused:
 * a setting that ends with its body would reach into the next one.
 *
 * The caller becomes the author.  So it must not be the only one that answers for
 * what others have written: their revisions are ones that could run with its
 * rights.
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#include "base/printable.h"
#include "graph/graph.h"
#include "registry/registry_internal.h"
#include "run/run.h"
#include "tables/version.h"

/* Makes a setting by a function. */
#define SET_CONFIG		"set_config"

/* The line, the oldest first. */
typedef struct Line
{
	int			n;
	char	  **ids;
	MigRevision *members;
} Line;

/* One of the bodies that are joined. */
typedef struct Part
{
	const char *id;
	const char *text;
	bool		per_statement;
	MigScript  *script;
} Part;

static void read_line(const MigVersion *version, const char *range, Line *line);
static void check_authors(const MigVersion *version, const Line *line);
static void check_settings(const Line *line);
static void check_external(const Line *line);
static void describe(const Line *line, MigRevisionDef *def);
static char **join_names(const Line *line, bool labels, int *nnames);
static bool is_own_name(const Line *line, const char *name);
static void join_bodies(const Line *line, MigRevisionDef *def);
static int	read_parts(const Line *line, MigBodyKind kind, Part *parts);
static char *join_parts(const Part *parts, int n, MigBodyKind kind,
						bool *per_statement);
static void check_part(const Part *part, MigBodyKind kind);
static bool calls_set_config(const char *text);
static bool sets_in_block(const char *text);
static bool begins_statement(const char *text, const char *at);
static void append_part(StringInfo body, const Part *part);
static void say_left_out(const Line *line, bool verify);

/*
 * Replaces the revisions of a range by one, and returns its id.
 */
char *
mig_squash(const char *range, const char *revision, const char *message)
{
	MigRegistered made = {.given.revision.number = 1};
	MigRevisionDef *def = &made.given.revision.def;
	MigVersion *version;
	Line		line;

	mig_lock_registry();
	version = mig_version_open(MIG_SPI_READ_LATEST);
	read_line(version, range, &line);
	check_authors(version, &line);
	check_settings(&line);
	check_external(&line);
	def->id = pstrdup(revision);
	def->message = message == NULL ? NULL : pstrdup(message);
	describe(&line, def);
	join_bodies(&line, def);
	if (mig_revision_find(def->id) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("revision \"%s\" is registered already", def->id),
				 errhint("Give the squashed revision an id of its own.")));
	mig_squash_refuse_replaced(&made, 1);
	mig_register_check_definition(&made);
	mig_squash_one(&made.revision);
	return def->id;
}

static void
read_line(const MigVersion *version, const char *range, Line *line)
{
	MigGraph   *graph = mig_revision_graph(MIG_SPI_READ_LATEST);
	MigVersion *rows = unconstify(MigVersion *, version);
	MigRevList	revs;

	mig_version_read(rows, MIG_SPI_READ_LATEST);
	revs = mig_history_list(graph, range,
							mig_graph_known_rows(graph, rows->nrows, rows->rows),
							rows->rows);
	if (revs.n < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("range \"%s\" has fewer than two revisions", range)));
	line->n = revs.n;
	line->ids = palloc(sizeof(char *) * revs.n);
	for (int i = 0; i < revs.n; i++)
		line->ids[i] = unconstify(char *, mig_graph_id(graph, revs.rev[revs.n - 1 - i]));
	line->members = mig_revision_describe(line->ids, line->n, true);
}

/*
 * Raises an error for a revision that could not run as the caller now.
 */
static void
check_authors(const MigVersion *version, const Line *line)
{
	MigTrust   *trust = mig_run_trust(version, MIG_COMMAND_UPGRADE, line->ids,
									  line->n, true, MIG_SPI_READ_LATEST);

	for (int i = 0; i < line->n; i++)
	{
		if (trust[i].trusted)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" cannot squash revision \"%s\" of role \"%s\"",
						GetUserNameFromId(GetUserId(), false), line->ids[i],
						trust[i].check.author),
				 errdetail("Role \"%s\" would be the author of what another role with fewer rights has written.",
						   GetUserNameFromId(GetUserId(), false)),
				 errhint("Let role %s squash it, or approve it first.",
						 mig_printable_quoted(trust[i].check.author))));
	}
}

/*
 * The settings of a revision hold for all of it.
 */
static void
check_settings(const Line *line)
{
	const char *settings = line->members[0].def.settings;

	for (int i = 1; i < line->n; i++)
	{
		const char *other = line->members[i].def.settings;

		if (!mig_text_same(settings, other))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot squash revisions \"%s\" and \"%s\" because their settings differ",
							line->ids[0], line->ids[i])));
	}
}

/*
 * What is done elsewhere between two of them cannot be done before all of them.
 */
static void
check_external(const Line *line)
{
	for (int i = 0; i < line->n; i++)
	{
		const MigRevisionDef *def = &line->members[i].def;

		if (def->external != NULL || def->downgrade_external != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot squash revision \"%s\" because it is an external step",
							def->id),
					 errhint("Squash a range that ends before this revision, or begins after it.")));
	}
}

/*
 * What the header of the revision says.
 */
static void
describe(const Line *line, MigRevisionDef *def)
{
	const MigRevisionDef *first = &line->members[0].def;

	def->nreplaces = line->n;
	def->replaces = line->ids;
	def->ndown = first->ndown;
	def->down = first->down;
	def->settings = first->settings;
	def->labels = join_names(line, true, &def->nlabels);
	def->depends = join_names(line, false, &def->ndepends);
}

/*
 * The branch labels of all, or what all depend on outside of the line, which may
 * have a name twice: a definition takes it once.
 */
static char **
join_names(const Line *line, bool labels, int *nnames)
{
	int			size = 0;
	char	  **names;

	for (int i = 0; i < line->n; i++)
		size += labels ? line->members[i].def.nlabels : line->members[i].def.ndepends;
	names = palloc(sizeof(char *) * Max(size, 1));
	*nnames = 0;
	for (int i = 0; i < line->n; i++)
	{
		const MigRevisionDef *def = &line->members[i].def;
		int			n = labels ? def->nlabels : def->ndepends;
		char	  **given = labels ? def->labels : def->depends;

		for (int k = 0; k < n; k++)
		{
			if (labels || !is_own_name(line, given[k]))
				names[(*nnames)++] = given[k];
		}
	}
	return names;
}

static bool
is_own_name(const Line *line, const char *name)
{
	for (int i = 0; i < line->n; i++)
	{
		const MigRevisionDef *def = &line->members[i].def;

		if (strcmp(def->id, name) == 0 ||
			mig_text_in_list(def->labels, def->nlabels, name))
			return true;
	}
	return false;
}

/*
 * The verify body of the last one is about the state in the end; those before it
 * are about one that later upgrades change.
 */
static void
join_bodies(const Line *line, MigRevisionDef *def)
{
	Part	   *parts = palloc(sizeof(Part) * line->n);
	int			n = read_parts(line, MIG_BODY_UPGRADE, parts);

	def->upgrade = join_parts(parts, n, MIG_BODY_UPGRADE,
							  &def->upgrade_per_statement);
	n = read_parts(line, MIG_BODY_DOWNGRADE, parts);
	def->downgrade = n < 0 ? NULL :
		join_parts(parts, n, MIG_BODY_DOWNGRADE, &def->downgrade_per_statement);
	def->verify = line->members[line->n - 1].def.verify;
	if (n < 0)
		say_left_out(line, false);
	say_left_out(line, true);
}

/*
 * The bodies in the order in which they run, without those that do nothing; -1: a
 * downgrade is missing.
 */
static int
read_parts(const Line *line, MigBodyKind kind, Part *parts)
{
	bool		down = kind == MIG_BODY_DOWNGRADE;
	int			n = 0;

	for (int i = 0; i < line->n; i++)
	{
		const MigRevisionDef *def = &line->members[down ? line->n - 1 - i : i].def;
		Part	   *part = &parts[n];

		part->id = def->id;
		part->text = down ? def->downgrade : def->upgrade;
		part->per_statement = down ? def->downgrade_per_statement :
			def->upgrade_per_statement;
		if (part->text == NULL)
			return -1;
		part->script = mig_script_split_text(part->text, part->per_statement);
		if (part->script->nstatements > 0)
			n++;
	}
	return n;
}

static char *
join_parts(const Part *parts, int n, MigBodyKind kind, bool *per_statement)
{
	StringInfoData body;

	initStringInfo(&body);
	*per_statement = n > 0 && parts[0].per_statement;
	for (int i = 0; i < n; i++)
	{
		if (parts[i].per_statement != *per_statement)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot squash revisions \"%s\" and \"%s\" because one of them is transactional and the other is not",
							parts[0].id, parts[i].id)));
		if (i < n - 1)
			check_part(&parts[i], kind);
		append_part(&body, &parts[i]);
	}
	return body.data;
}

/*
 * Raises an error for a body that others cannot follow.
 */
static void
check_part(const Part *part, MigBodyKind kind)
{
	const MigScript *script = part->script;

	for (int i = 0; i < script->nstatements; i++)
	{
		const MigStatement *statement = &script->statements[i];
		char	   *text = pnstrdup(part->text + statement->location,
									statement->length);

		if (!statement->setting && !calls_set_config(text) && !sets_in_block(text))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 kind == MIG_BODY_UPGRADE ?
				 errmsg("cannot squash revision \"%s\" because its upgrade makes a setting",
						part->id) :
				 errmsg("cannot squash revision \"%s\" because its downgrade makes a setting",
						part->id),
				 errdetail("It is made by statement %d in line %d, and would be in effect in the bodies that follow.",
						   i + 1, statement->line),
				 kind == MIG_BODY_UPGRADE ?
				 errhint("Squash a range that ends with this revision, or begins after it.") :
				 errhint("Squash a range that begins with this revision, or ends before it.")));
	}
}

/*
 * Also where it is in a literal: what is run with EXECUTE is one, too.
 */
static bool
calls_set_config(const char *text)
{
	return strstr(asc_tolower(text, strlen(text)), SET_CONFIG) != NULL;
}

/*
 * Whether a DO block has a statement SET or RESET, EXECUTE 'SET ...' too.
 */
static bool
sets_in_block(const char *text)
{
	const char *lower = asc_tolower(text, strlen(text));

	if (strncmp(lower, "do", 2) != 0 || isalnum((unsigned char) lower[2]) ||
		lower[2] == '_')
		return false;
	for (const char *at = strstr(lower, "set"); at != NULL; at = strstr(at + 1, "set"))
	{
		const char *word = strncmp(at - 2, "re", 2) == 0 ? at - 2 : at;

		if (isspace((unsigned char) at[3]) && begins_statement(lower, word))
			return true;
	}
	return false;
}

/*
 * By what is before it: that of an UPDATE, or of an ALTER TABLE, has a name there.
 */
static bool
begins_statement(const char *text, const char *at)
{
	static const char *const before[] = {"begin", "then", "else", "loop"};
	const char *end = at;

	while (end > text && isspace((unsigned char) end[-1]))
		end--;
	if (end > text && strchr(";'$>/", end[-1]) != NULL)
		return true;
	for (int i = 0; i < lengthof(before) && end < at; i++)
	{
		int			length = strlen(before[i]);

		if (end - text > length && strncmp(end - length, before[i], length) == 0 &&
			!isalnum((unsigned char) end[-length - 1]) && end[-length - 1] != '_')
			return true;
	}
	return false;
}

/*
 * It has a statement.  A last one without a semicolon may end with a comment.
 */
static void
append_part(StringInfo body, const Part *part)
{
	const MigStatement *last =
	&part->script->statements[part->script->nstatements - 1];
	int			end = mig_script_skip_gap(part->text,
										  last->location + last->length);
	int			length = strlen(part->text);

	appendBinaryStringInfo(body, part->text, length);
	if (part->text[length - 1] != '\n')
		appendStringInfoChar(body, '\n');
	if (part->text[end] != ';')
		appendStringInfoString(body, ";\n");
}

/*
 * Says which revisions have no downgrade, or a verify body that is left out.
 */
static void
say_left_out(const Line *line, bool verify)
{
	StringInfoData ids;

	initStringInfo(&ids);
	for (int i = 0; i < line->n; i++)
	{
		const MigRevisionDef *def = &line->members[i].def;

		if (verify ? def->verify != NULL && i < line->n - 1 : def->downgrade == NULL)
			appendStringInfo(&ids, "%s\"%s\"", ids.len > 0 ? ", " : "", def->id);
	}
	if (ids.len == 0)
		return;
	if (verify)
		ereport(NOTICE,
				(errmsg("verify bodies of all revisions but the last are left out"),
				 errdetail("They look at what later upgrades change: %s.", ids.data)));
	else
		ereport(NOTICE,
				(errmsg("the squashed revision is irreversible"),
				 errdetail("These revisions are: %s.", ids.data)));
}
