/*
 * sqitch.c
 *	  Format sqitch: a plan (sqitch.plan) and, beside it, the scripts of its changes
 *	  in the folders deploy, revert and verify.
 *
 * Changes are run in the order of the plan, which becomes a chain; what a change
 * requires is a dependency, too.  A change that is reworked is in the plan again,
 * and the scripts that it had are found under a tag between the two: name@tag.sql.
 * Each has an id that stays when it is reworked: name, name_2, name_3.
 *
 * Tags are given to changes that are applied, whose definition does not change any
 * more: they are not labels.
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "import/import_internal.h"

#define PLAN_SUFFIX		".plan"
#define PROJECT			"%project="

/* A line of the plan, which its tags follow. */
typedef struct Change
{
	const char *name;
	int			start;			/* of its line */
	int			index;			/* in the plan, from 0 */
	const char *note;
	bool		refused;		/* for its line, or its place */
	List	   *dependencies;	/* as the plan writes them, of char * */
	List	   *tags;			/* without @, of char * */
	List	   *rework_tags;	/* those until it is reworked */
	bool		reworked;
	int			instance;		/* among those of that name, from 1 */
	MigImportFile *deploy;		/* or NULL */
	MigImportFile *revert;
	MigImportFile *verify;
	MigImportRevision *revision;
} Change;

/* What a change requires, or conflicts with. */
typedef struct Dependency
{
	Change	   *change;
	const char *spec;
} Dependency;

typedef struct SqitchPlan
{
	MigImportFile *file;
	const char *folder;			/* it is in, with its slash, or "" */
	const char *project;		/* or "" */
	List	   *changes;		/* of Change * */
} SqitchPlan;

static MigImportMatch recognize(const MigImport *import);
static bool is_plan(const MigImportFile *file);
static void read_set(MigImport *import);
static void read_plan(MigImport *import, MigImportFile *file);
static void read_script(MigImport *import, MigImportFile *file);
static void read_line(MigImport *import, MigImportFile *file, void *part);
static void read_tag(SqitchPlan *plan, const char *text, const MigImportLine *line);
static void read_change(SqitchPlan *plan, const char *text,
						const MigImportLine *line);
static void refuse_line(const SqitchPlan *plan, const MigImportLine *line);
static char *read_note(const char *text);
static void find_reworked(MigImport *import, MigImportFile *file, void *part);
static void find_scripts(const MigImport *import, const SqitchPlan *plan,
						 Change *change);
static MigImportFile *find_script(const MigImport *import, const SqitchPlan *plan,
								  const Change *change, const char *folder);
static MigImportFile *find_file(const MigImport *import, const char *path);
static void refuse_missing(MigImport *import, MigImportFile *file, void *part);
static void add_change(MigImport *import, SqitchPlan *plan, Change *change);
static void add_dependency(MigImport *import, MigImportFile *file, void *part);
static const Change *find_change(const SqitchPlan *plan, const char *spec,
								 int before);
static void blank_title(MigImportFile *file);

const MigImportFormat mig_import_sqitch = {
	.name = "sqitch",
	.recognize = recognize,
	.read = read_set,
	.ordered = true,
	.checksum = mig_checksum_sha1,
	.down_hint = gettext_noop("Put the downgrade into the script of the folder \"revert\", or word the comment in another way.")
};

static MigImportMatch
recognize(const MigImport *import)
{
	ListCell   *cell;

	foreach(cell, import->files)
	{
		if (is_plan(lfirst(cell)))
			return MIG_IMPORT_CERTAIN;
	}
	return MIG_IMPORT_NO;
}

static bool
is_plan(const MigImportFile *file)
{
	return file->text != NULL &&
		mig_import_has_suffix(file->name, PLAN_SUFFIX) &&
		(strcmp(file->name, "sqitch.plan") == 0 ||
		 strstr(file->text, "%syntax-version=") != NULL);
}

static void
read_set(MigImport *import)
{
	if (recognize(import) == MIG_IMPORT_NO)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("files contain no plan"),
				 errhint("Give the file sqitch.plan with the scripts.")));
	mig_import_each_file(import, read_plan);
	if (import->state != NULL)
		mig_import_each_file(import, read_script);
}

static void
read_plan(MigImport *import, MigImportFile *file)
{
	SqitchPlan *plan;
	MigImportLine line = {0};
	ListCell   *cell;

	if (!is_plan(file))
		return;
	if (import->state != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("there is a second plan"),
				 errdetail("The other one is in file \"%s\".",
						   ((SqitchPlan *) import->state)->file->path),
				 errhint("Register the files of one project."),
				 mig_import_errplace(file, 0)));
	file->used = true;
	plan = palloc0(sizeof(SqitchPlan));
	plan->file = file;
	plan->folder = pnstrdup(file->path, file->name - file->path);
	plan->project = "";
	import->state = plan;
	while (mig_import_next_line(file, &line))
		(void) mig_import_try(import, file, read_line, &line);
	foreach(cell, plan->changes)
		(void) mig_import_try(import, file, find_reworked, lfirst(cell));
	foreach(cell, plan->changes)
		find_scripts(import, plan, lfirst(cell));
	foreach(cell, plan->changes)
		add_change(import, plan, lfirst(cell));
	(void) mig_import_try(import, file, refuse_missing, plan);
}

static void
read_line(MigImport *import, MigImportFile *file, void *part)
{
	SqitchPlan *plan = import->state;
	const MigImportLine *line = part;
	char	   *text = pnstrdup(plan->file->text + line->start,
								line->end - line->start);

	text += strspn(text, " \t");
	if (strncmp(text, PROJECT, strlen(PROJECT)) == 0)
		plan->project = pnstrdup(text + strlen(PROJECT),
								 strcspn(text + strlen(PROJECT), " \t"));
	else if (text[0] == '@')
		read_tag(plan, text + 1, line);
	else if (text[0] != '\0' && text[0] != '#' && text[0] != '%')
		read_change(plan, text, line);
}

static void
read_tag(SqitchPlan *plan, const char *text, const MigImportLine *line)
{
	Change	   *change = plan->changes == NIL ? NULL : llast(plan->changes);
	char	   *tag = pnstrdup(text, strcspn(text, " \t"));

	if (change == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tag \"%s\" has no change before it", tag),
				 mig_import_errplace(plan->file, line->start)));
	change->tags = lappend(change->tags, tag);
}

/*
 * Reads "name [dependencies] time planner <mail> # note".
 */
static void
read_change(SqitchPlan *plan, const char *text, const MigImportLine *line)
{
	Change	   *change = palloc0(sizeof(Change));
	int			length;

	if (text[0] == '-')
		refuse_line(plan, line);
	text += strspn(text, "+ \t");
	length = strcspn(text, " \t[");
	change->name = pnstrdup(text, length);
	change->start = line->start;
	change->index = list_length(plan->changes);
	change->instance = 1;
	text += length + strspn(text + length, " \t");
	if (text[0] == '[')
	{
		char	   *list = pnstrdup(text + 1, strcspn(text + 1, "]"));

		text += 1 + strlen(list);
		for (char *spec = strtok(list, " \t"); spec != NULL; spec = strtok(NULL, " \t"))
			change->dependencies = lappend(change->dependencies, spec);
	}
	if (length == 0 || strchr(text, '<') == NULL || strchr(text, '>') == NULL)
		refuse_line(plan, line);
	change->note = read_note(strchr(text, '>'));
	plan->changes = lappend(plan->changes, change);
}

static void
refuse_line(const SqitchPlan *plan, const MigImportLine *line)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("line is no change of a plan"),
			 errdetail("It is: %s",
					   pnstrdup(plan->file->text + line->start,
								line->end - line->start)),
			 mig_import_errplace(plan->file, line->start)));
}

/*
 * The note, in one line.
 */
static char *
read_note(const char *text)
{
	const char *hash = strchr(text, '#');
	char	   *note = pstrdup(hash == NULL ? "" : hash + 1);

	note += strspn(note, " \t");
	for (char *p = strstr(note, "\\n"); p != NULL; p = strstr(p, "\\n"))
		p[0] = p[1] = ' ';
	for (int n = strlen(note); n > 0 && isspace((unsigned char) note[n - 1]); n--)
		note[n - 1] = '\0';
	return note;
}

/*
 * Numbers the changes of one name, and collects the tags between two of them.
 */
static void
find_reworked(MigImport *import, MigImportFile *file, void *part)
{
	const SqitchPlan *plan = import->state;
	Change	   *change = part;
	List	   *tags = NIL;

	for (int i = change->index; i < list_length(plan->changes); i++)
	{
		Change	   *other = list_nth(plan->changes, i);

		CHECK_FOR_INTERRUPTS();
		if (i > change->index && strcmp(other->name, change->name) == 0)
		{
			other->refused = tags == NIL;
			if (other->refused)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_OBJECT),
						 errmsg("change \"%s\" is given twice without a tag between the two",
								other->name),
						 mig_import_errplace(plan->file, other->start)));
			other->instance = change->instance + 1;
			change->reworked = true;
			change->rework_tags = tags;
			return;
		}
		tags = list_concat(tags, other->tags);
	}
}

static void
find_scripts(const MigImport *import, const SqitchPlan *plan, Change *change)
{
	CHECK_FOR_INTERRUPTS();
	change->deploy = find_script(import, plan, change, "deploy");
	change->revert = find_script(import, plan, change, "revert");
	change->verify = find_script(import, plan, change, "verify");
}

static MigImportFile *
find_script(const MigImport *import, const SqitchPlan *plan, const Change *change,
			const char *folder)
{
	ListCell   *cell;

	if (!change->reworked)
		return find_file(import, psprintf("%s%s/%s.sql", plan->folder, folder,
										  change->name));
	foreach(cell, change->rework_tags)
	{
		MigImportFile *file = find_file(import,
										psprintf("%s%s/%s@%s.sql", plan->folder, folder,
												 change->name, (char *) lfirst(cell)));

		if (file != NULL)
			return file;
	}
	return NULL;
}

static MigImportFile *
find_file(const MigImport *import, const char *path)
{
	ListCell   *cell;

	foreach(cell, import->files)
	{
		MigImportFile *file = lfirst(cell);

		if (strcmp(file->path, path) == 0)
			return file;
	}
	return NULL;
}

/*
 * All at once: they are missing because a folder is.
 */
static void
refuse_missing(MigImport *import, MigImportFile *file, void *part)
{
	const SqitchPlan *plan = part;
	StringInfoData names;
	int			n = 0;
	int			start = 0;
	ListCell   *cell;

	initStringInfo(&names);
	foreach(cell, plan->changes)
	{
		const Change *change = lfirst(cell);

		if (change->deploy != NULL || change->refused)
			continue;
		if (n++ == 0)
			start = change->start;
		appendStringInfo(&names, "%s%s%s%s", n > 1 ? ", " : "", change->name,
						 change->reworked ? "@" : "",
						 change->reworked ? (char *) linitial(change->rework_tags) : "");
	}
	if (n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("%d change has no script: %s",
							   "%d changes have no scripts: %s", n, n, names.data),
				 errhint("Their scripts are expected in the folder \"%sdeploy\".",
						 plan->folder),
				 mig_import_errplace(plan->file, start)));
}

static void
add_change(MigImport *import, SqitchPlan *plan, Change *change)
{
	char	   *version = change->instance == 1 ? pstrdup(change->name) :
	psprintf("%s_%d", change->name, change->instance);
	Dependency	dependency = {change};
	MigRevisionDef *def;
	ListCell   *cell;

	if (change->refused)
		return;
	if (change->deploy != NULL)
	{
		change->revision = mig_import_add_revision(import, change->deploy,
												   version, change->note);
		/* Several projects share the table of the tool. */
		change->revision->version = psprintf("%s:%s", plan->project, version);
		def = &change->revision->script.def;
		def->depends = palloc(sizeof(char *) * (list_length(change->dependencies) + 1));
	}
	foreach(cell, change->dependencies)
	{
		dependency.spec = lfirst(cell);
		(void) mig_import_try(import, plan->file, add_dependency, &dependency);
	}
}

/*
 * What is required is the one before it, or a dependency.  What conflicts must not
 * be deployed, as all that comes earlier in the plan is.
 */
static void
add_dependency(MigImport *import, MigImportFile *file, void *part)
{
	const SqitchPlan *plan = import->state;
	Change	   *change = ((Dependency *) part)->change;
	const char *spec = ((Dependency *) part)->spec;
	MigRevisionDef *def = NULL;
	bool		conflicts = spec[0] == '!';
	const char *name = conflicts ? spec + 1 : spec;
	const char *colon = strchr(name, ':');
	const Change *other;

	if (colon != NULL && strncmp(name, plan->project, colon - name) == 0 &&
		plan->project[colon - name] == '\0')
		name = colon + 1;
	else if (colon != NULL)
	{
		import->ignored = lappend(import->ignored,
								  psprintf(conflicts ? _("conflict of \"%s\" with \"%s\"") :
										   _("requirement of \"%s\" for \"%s\""),
										   change->revision == NULL ? change->name :
										   change->revision->script.def.id, name));
		return;
	}
	other = find_change(plan, name, change->index);
	if (conflicts ? other != NULL : other == NULL)
		ereport(ERROR,
				(errcode(conflicts ? ERRCODE_INVALID_PARAMETER_VALUE :
						 ERRCODE_UNDEFINED_OBJECT),
				 conflicts ?
				 errmsg("change \"%s\" conflicts with \"%s\", which comes before it",
						change->name, name) :
				 errmsg("change \"%s\" requires \"%s\", which does not come before it",
						change->name, name),
				 mig_import_errplace(plan->file, change->start)));
	if (conflicts || other->index == change->index - 1 ||
		other->revision == NULL || change->revision == NULL)
		return;
	def = &change->revision->script.def;
	for (int i = 0; i < def->ndepends; i++)
	{
		if (strcmp(def->depends[i], other->revision->script.def.id) == 0)
			return;
	}
	def->depends[def->ndepends++] = other->revision->script.def.id;
}

/*
 * The last change before that index which "name", "@tag" or "name@tag" means, or
 * NULL.
 */
static const Change *
find_change(const SqitchPlan *plan, const char *spec, int before)
{
	const char *at = strchr(spec, '@');
	int			length = at != NULL ? at - spec : (int) strlen(spec);
	bool		in_reach = at == NULL;

	for (int i = before - 1; i >= 0; i--)
	{
		const Change *change = list_nth(plan->changes, i);

		in_reach = in_reach || mig_text_is_listed(change->tags, at + 1);
		if (in_reach && (length == 0 ||
						 (strncmp(change->name, spec, length) == 0 &&
						  change->name[length] == '\0')))
			return change;
	}
	return NULL;
}

static void
read_script(MigImport *import, MigImportFile *file)
{
	ListCell   *cell;

	if (file->text == NULL)
		return;
	blank_title(file);

	foreach(cell, ((SqitchPlan *) import->state)->changes)
	{
		Change	   *change = lfirst(cell);

		if (change->revision == NULL)
			continue;
		if (file == change->deploy)
			mig_import_set_upgrade(import, change->revision, file, 0,
								   strlen(file->text));
		else if (file == change->revert)
			mig_import_set_downgrade(import, change->revision, file, 0,
									 strlen(file->text));
		else if (file == change->verify)
		{
			/* It may write, which a verify body here must not. */
			file->used = true;
		}
		else
			continue;
		return;
	}
}

/*
 * The revert script of a change that is reworked is the deploy script that it had,
 * with its title.
 */
static void
blank_title(MigImportFile *file)
{
	MigImportLine line = {0};

	if (mig_import_next_line(file, &line) &&
		(mig_import_mark(file, &line, "Deploy ") != NULL ||
		 mig_import_mark(file, &line, "Revert ") != NULL))
		mig_import_blank_line(file, &line);
}
