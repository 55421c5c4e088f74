/*
 * definition.c
 *	  Checks, parses and compares the definitions of revisions.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "base/printable.h"
#include "base/setting_list.h"
#include "registry/registry_internal.h"
#include "run/run.h"
#include "script/lint_rule.h"
#include "tables/version.h"

/*
 * A limit of our own, because those of the server are internal errors, come
 * after minutes, or when it is too late: its scanner holds a literal of half a
 * gigabyte, a row with both bodies one gigabyte, and a line of a dump the same,
 * in which line ends count twice.
 */
#define MAX_BODY_SIZE			(256 * 1024 * 1024)

/* A difference of definitions that the caller may know what to do about. */
const char *const mig_definition_down_differs = "The down revisions differ.";
const char *const mig_definition_downgrade_differs = "The downgrade bodies differ.";
const char *const mig_definition_message_differs = "The messages differ.";

/* Names that mean something else in a target, so that they cannot be reached. */
static const char *const reserved_names[] = {"base", "head", "heads"};

/* The argument of add_body_context(). */
typedef struct BodyContext
{
	const char *id;
	MigBodyKind kind;
	bool		repeatable;
	MemoryContext memory;
} BodyContext;

/* A body as it is given, and the line of the script that it begins in. */
typedef struct GivenBody
{
	const char *text;
	const char *file;			/* if it is not the revision's; otherwise NULL */
	int			line;
	bool		per_statement;
} GivenBody;

static void check_name(const char *name, bool is_label);
static void check_id(const char *id);
static void check_label(const MigRevisionDef *def, const char *label);
static void check_replaced(const MigRevisionDef *def, const char *replaced);
static void check_message(const MigRevisionDef *def);
static void check_length(const char *id);
static void check_unique_down(const MigRevisionDef *def);
static void check_labels_unused(const MigRevisionDef *def);
static void check_parents_exist(const MigRevisionDef *def);
static void add_settings_context(void *arg);
static void add_allow_context(void *arg);
static void check_external(const MigRevisionDef *def, const char *text,
						   const MigBody *body, MigBodyKind kind);
static char *try_downgrade(const MigRegistration *registration,
						   MigBody *body, const char **problem);
static char *parse_body(const MigRegistration *registration, MigBodyKind kind,
						MigBody *body);
static void check_batches(const MigScriptSource *source,
						  const MigScript *script);
static GivenBody given_body(const MigScriptRevision *given, MigBodyKind kind);
static void unwrap(char *body, const char *id, MigBodyKind kind);
static void add_body_context(void *arg);
static char **unique_strings(char **strings, int nstrings, int *nunique);
static bool same_body(const MigBody *a, const MigBody *b);

/*
 * Raises an error if a part of the header is not well-formed: the id, then each
 * branch label and each revision that it replaces, then the message.  Returns
 * whether there are more.
 */
bool
mig_definition_check_name(const MigRevisionDef *def, int item)
{
	int			label = item - 1;
	int			replaced = label - def->nlabels;

	if (item == 0)
		check_id(def->id);
	else if (label < def->nlabels)
		check_label(def, def->labels[label]);
	else if (replaced < def->nreplaces)
		check_replaced(def, def->replaces[replaced]);
	else if (replaced == def->nreplaces)
		check_message(def);
	return replaced < def->nreplaces;
}

/*
 * The key of the header that such a part is in.
 */
MigScriptLineKey
mig_definition_name_key(const MigRevisionDef *def, int item)
{
	int			label = item - 1;
	int			replaced = label - def->nlabels;

	return item == 0 ? MIG_LINE_REVISION :
		label < def->nlabels ? MIG_LINE_BRANCH_LABELS :
		replaced < def->nreplaces ? MIG_LINE_REPLACES : MIG_LINE_MESSAGE;
}

static void
check_id(const char *id)
{
	check_name(id, false);
	check_length(id);
	if (strpbrk(id, "@-+:") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("revision id \"%s\" contains a character that is not allowed",
						id),
				 errdetail("The characters @, -, + and : have a meaning of their own in targets.")));
}

static void
check_label(const MigRevisionDef *def, const char *label)
{
	check_name(label, true);
	if (strcmp(label, def->id) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("branch label \"%s\" is the id of its own revision",
						label)));
}

static void
check_replaced(const MigRevisionDef *def, const char *replaced)
{
	check_name(replaced, false);
	if (strcmp(replaced, def->id) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("revision \"%s\" cannot replace itself", def->id)));
}

/*
 * It may have several lines, as a docstring has.
 */
static void
check_message(const MigRevisionDef *def)
{
	const char *control;

	if (def->message == NULL)
		return;
	control = mig_printable_find(def->message, "\t\r\n");
	if (control != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message of revision \"%s\" contains a control character",
						def->id),
				 errdetail_internal("%s", mig_printable_detail(def->message, control))));
}

/*
 * What the version table in use cannot hold can never be applied.
 */
static void
check_length(const char *id)
{
	int			width;

	if (pg_mbstrlen(id) <= MIG_REVISION_WIDTH)
		return;
	width = mig_version_width(mig_version_open(MIG_SPI_READ_LATEST));
	if (pg_mbstrlen(id) > width)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("revision id \"%s\" is too long", id),
				 errdetail("The version table holds ids of at most %d characters.",
						   width)));
}

static void
check_name(const char *name, bool is_label)
{
	const char *control = mig_printable_find(name, "");

	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 is_label ? errmsg("branch label must not be empty") :
				 errmsg("revision id must not be empty")));
	if (control != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 is_label ?
				 errmsg("branch label \"%s\" contains a control character",
						mig_printable(name)) :
				 errmsg("revision id \"%s\" contains a control character",
						mig_printable(name)),
				 errdetail_internal("%s", mig_printable_detail(name, control))));
	for (int i = 0; i < lengthof(reserved_names); i++)
	{
		if (strcmp(name, reserved_names[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_RESERVED_NAME),
					 is_label ? errmsg("branch label must not be \"%s\"", name) :
					 errmsg("revision id must not be \"%s\"", name),
					 errdetail("The word has a meaning of its own in targets.")));
	}
}

/*
 * Raises an error if a down revision is named twice; and unless the rest of a
 * script may still register them, if a name is in use or what the definition
 * refers to does not exist.
 */
void
mig_definition_check_references(const MigRevisionDef *def, bool in_script)
{
	check_unique_down(def);
	if (in_script)
		return;
	check_labels_unused(def);
	check_parents_exist(def);
}

static void
check_unique_down(const MigRevisionDef *def)
{
	for (int i = 1; i < def->ndown; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (mig_text_in_list(def->down, i, def->down[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("down revision \"%s\" of revision \"%s\" is named twice",
							def->down[i], def->id)));
	}
}

/*
 * The id must not be a label, a label neither an id nor another's label.
 */
static void
check_labels_unused(const MigRevisionDef *def)
{
	char	   *user = mig_revision_label_user(def->id, def->id);

	if (user != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("revision id \"%s\" is already used as a branch label of revision \"%s\"",
						def->id, user)));
	for (int i = 0; i < def->nlabels; i++)
	{
		user = mig_revision_label_user(def->labels[i], def->id);
		if (user != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("branch label \"%s\" of revision \"%s\" is already used by revision \"%s\"",
							def->labels[i], def->id, user)));
	}
}

static void
check_parents_exist(const MigRevisionDef *def)
{
	char	  **missing;
	int			nmissing;

	if (mig_text_in_list(def->down, def->ndown, def->id))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("revision \"%s\" cannot be its own down revision",
						def->id)));
	if (mig_text_in_list(def->depends, def->ndepends, def->id))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("revision \"%s\" cannot depend on itself",
						def->id)));
	for (int i = 0; i < def->nlabels; i++)
	{
		if (mig_text_in_list(def->depends, def->ndepends, def->labels[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("revision \"%s\" cannot depend on its own branch label \"%s\"",
							def->id, def->labels[i])));
	}

	missing = mig_revision_missing(def->down, def->ndown, false,
								   MIG_SPI_READ_LATEST, &nmissing);
	if (nmissing > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("down revision \"%s\" of revision \"%s\" does not exist",
						missing[0], def->id),
				 errhint("Down revisions are full ids. Register them first, or register all in one script.")));
	missing = mig_revision_missing(def->depends, def->ndepends, true,
								   MIG_SPI_READ_LATEST, &nmissing);
	if (nmissing > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("revision or branch label \"%s\" that revision \"%s\" depends on does not exist",
						missing[0], def->id),
				 errhint("Dependencies are full ids or branch labels. Register them first, or register all in one script.")));
}

/*
 * Begins a row of the registry with a definition.
 */
void
mig_definition_begin(const MigRegistration *registration,
					 MigRevision *revision)
{
	const MigRevisionDef *given = &registration->revision.def;
	MigRevisionDef *def = &revision->def;

	memset(revision, 0, sizeof(*revision));
	*def = *given;
	def->depends = unique_strings(given->depends, given->ndepends,
								  &def->ndepends);
	def->labels = unique_strings(given->labels, given->nlabels, &def->nlabels);
	def->replaces = unique_strings(given->replaces, given->nreplaces,
								   &def->nreplaces);
}

/*
 * Parses and hashes the upgrade of a row that was begun.
 */
void
mig_definition_upgrade(const MigRegistration *registration,
					   MigRevision *revision)
{
	revision->def.upgrade = parse_body(registration, MIG_BODY_UPGRADE,
									   &revision->upgrade);
}

/*
 * The same for the downgrade.  Returns why it was left out, or NULL.
 */
const char *
mig_definition_downgrade(const MigRegistration *registration,
						 MigRevision *revision)
{
	const char *problem = NULL;

	if (registration->revision.def.downgrade != NULL)
		revision->def.downgrade =
			registration->options & MIG_REGISTER_SKIP_DOWNGRADE ?
			try_downgrade(registration, &revision->downgrade, &problem) :
			parse_body(registration, MIG_BODY_DOWNGRADE, &revision->downgrade);
	if (revision->def.downgrade == NULL)
		revision->def.downgrade_per_statement = false;
	return problem;
}

/*
 * The same for the verify body.
 */
void
mig_definition_verify(const MigRegistration *registration,
					  MigRevision *revision)
{
	if (registration->revision.def.verify != NULL)
		revision->def.verify = parse_body(registration, MIG_BODY_VERIFY,
										  &revision->verify);
}

/*
 * The downgrade, or NULL and the reason if it cannot be a body.
 */
static char *
try_downgrade(const MigRegistration *registration, MigBody *body,
			  const char **problem)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *volatile text = NULL;

	PG_TRY();
	{
		text = parse_body(registration, MIG_BODY_DOWNGRADE, body);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		if (geterrcode() != ERRCODE_SYNTAX_ERROR &&
			geterrcode() != ERRCODE_FEATURE_NOT_SUPPORTED)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		memset(body, 0, sizeof(*body));
		*problem = mig_script_error_line(error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	return text;
}

/*
 * Raises an error for a setting that the author could not make now.  Returns
 * whether there are more.
 */
bool
mig_definition_check_setting(const MigRegistration *registration, int item)
{
	ErrorContextCallback callback;
	const char *problem;
	List	   *settings;

	if (registration->revision.def.settings == NULL)
		return false;
	callback.callback = add_settings_context;
	callback.arg = unconstify(MigRegistration *, registration);
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	settings = mig_setting_list_parse(registration->revision.def.settings,
									  &problem);
	if (problem != NULL && item == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("settings of revision \"%s\" cannot be read",
						registration->revision.def.id),
				 errdetail_internal("%s", problem)));
	if (item < list_length(settings))
		mig_setting_list_check(list_make1(list_nth(settings, item)));

	error_context_stack = callback.previous;
	return item + 1 < list_length(settings);
}

static void
add_settings_context(void *arg)
{
	const MigRegistration *registration = arg;
	MigScriptSource source;

	mig_definition_source(registration, "", registration->revision.key_lines[MIG_LINE_SET],
						  &source);
	errcontext("%s", mig_script_place(&source, 0));
	errcontext("settings of revision \"%s\"", registration->revision.def.id);
}

/*
 * Raises an error for a lint rule that does not exist, and if one is waived
 * without a reason.  Returns whether there are more.
 */
bool
mig_definition_check_waiver(const MigRegistration *registration, int item)
{
	ErrorContextCallback callback;
	bool		more;

	callback.callback = add_allow_context;
	callback.arg = unconstify(MigRegistration *, registration);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	more = mig_lint_check_waiver(registration->revision.def.allow, item);
	error_context_stack = callback.previous;
	return more;
}

static void
add_allow_context(void *arg)
{
	const MigRegistration *registration = arg;
	MigScriptSource source;

	if (registration->revision.number > 0)
	{
		mig_definition_source(registration, "",
							  registration->revision.key_lines[MIG_LINE_ALLOW],
							  &source);
		errcontext("%s", mig_script_place(&source, 0));
	}
	if (registration->revision.repeatable)
		errcontext("waivers of repeatable \"%s\"", registration->revision.def.id);
	else
		errcontext("waivers of revision \"%s\"", registration->revision.def.id);
}

/*
 * Raises an error for a step, of an upgrade or a downgrade, that is done elsewhere and
 * also by statements.  The bodies were parsed.
 */
void
mig_definition_check_external(const MigRevision *revision, MigBodyKind kind)
{
	const MigRevisionDef *def = &revision->def;

	if (kind == MIG_BODY_UPGRADE)
		check_external(def, def->external, &revision->upgrade, kind);
	else
		check_external(def, def->downgrade_external, &revision->downgrade, kind);
}

/*
 * A file has the text in one line.
 */
static void
check_external(const MigRevisionDef *def, const char *text,
			   const MigBody *body, MigBodyKind kind)
{
	const char *control;

	if (text == NULL)
		return;
	if (text[strspn(text, " \t")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("external step of revision \"%s\" must not be empty",
						def->id)));
	control = mig_printable_find(text, "\t");
	if (control != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("external step of revision \"%s\" contains a control character",
						def->id),
				 errdetail_internal("%s", mig_printable_detail(text, control))));
	if (body->nstatements > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 kind == MIG_BODY_UPGRADE ?
				 errmsg("upgrade of revision \"%s\" is an external step, and has statements",
						def->id) :
				 errmsg("downgrade of revision \"%s\" is an external step, and has statements",
						def->id),
				 errhint("Put the statements into a revision of their own.")));
}

/*
 * A text of a revision, and the line of the script or the body that it begins
 * in.
 */
void
mig_definition_source(const MigRegistration *registration, const char *text,
					  int line, MigScriptSource *source)
{
	memset(source, 0, sizeof(*source));
	source->body = text;
	source->file = registration->revision.file;
	source->in_script = registration->revision.number > 0;
	source->line = line;
}

/*
 * The text of a body as it is stored, and what is known about it.
 */
static char *
parse_body(const MigRegistration *registration, MigBodyKind kind,
		   MigBody *body)
{
	const MigScriptRevision *revision = &registration->revision;
	GivenBody	given = given_body(revision, kind);
	BodyContext context = {
		revision->def.id, kind, revision->repeatable, CurrentMemoryContext
	};
	char	   *copy;
	MigScriptSource source;
	MigScript  *script;
	ErrorContextCallback callback;

	callback.callback = add_body_context;
	callback.arg = &context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	if (strlen(given.text) > MAX_BODY_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("body of revision \"%s\" is too large", revision->def.id),
				 errdetail("The body has %zu bytes, and the limit is %d bytes.",
						   strlen(given.text), MAX_BODY_SIZE),
				 errhint("Load data with COPY from a file, or split the body into several revisions.")));

	copy = revision->number > 0 ? pstrdup(given.text) : mig_script_prepare(given.text);
	mig_definition_source(registration, copy, given.line, &source);
	source.per_statement = given.per_statement;
	source.is_verify = kind == MIG_BODY_VERIFY;
	if (given.file != NULL)
		source.file = given.file;
	/* Where the statements in between are one transaction, they say so. */
	if (!source.per_statement)
		unwrap(copy, revision->def.id, kind);
	script = mig_script_split(&source);
	if (!source.in_script)
		mig_script_file_check_body(&source, kind);
	check_batches(&source, script);
	body->nstatements = script->nstatements;
	body->ntransactions = script->ntransactions;
	body->nnontransactional = script->nnontransactional;
	mig_body_hash(copy, body->hash);

	error_context_stack = callback.previous;
	return copy;
}

/*
 * Under the search_path of the session; under that of a run the name can mean
 * another procedure, which run/refusal.c finds out.
 */
static void
check_batches(const MigScriptSource *source, const MigScript *script)
{
	for (int i = 0; i < script->nstatements; i++)
	{
		const MigStatement *statement = &script->statements[i];

		if (statement->procedure != NULL &&
			mig_body_is_batch(statement->procedure))
			mig_batch_call_check(source, statement);
	}
}

static GivenBody
given_body(const MigScriptRevision *given, MigBodyKind kind)
{
	const MigRevisionDef *def = &given->def;

	switch (kind)
	{
		case MIG_BODY_UPGRADE:
			return (GivenBody)
			{
				def->upgrade, NULL, given->upgrade_line,
					def->upgrade_per_statement
			};
		case MIG_BODY_DOWNGRADE:
			return (GivenBody)
			{
				def->downgrade, given->downgrade_file, given->downgrade_line,
					def->downgrade_per_statement
			};
		case MIG_BODY_VERIFY:
			break;
	}
	return (GivenBody)
	{
		def->verify, NULL, given->verify_line, false
	};
}

static void
unwrap(char *body, const char *id, MigBodyKind kind)
{
	if (!mig_script_unwrap(body, kind))
		return;
	ereport(NOTICE,
			(kind == MIG_BODY_UPGRADE ?
			 errmsg("BEGIN and COMMIT around the upgrade of revision \"%s\" are left out",
					id) :
			 kind == MIG_BODY_DOWNGRADE ?
			 errmsg("BEGIN and COMMIT around the downgrade of revision \"%s\" are left out",
					id) :
			 errmsg("the transaction block around the verify body of revision \"%s\" is left out",
					id),
			 errdetail("A run begins and ends its transactions itself.")));
}

/*
 * Clients do not show the context of what is no error.
 */
static void
add_body_context(void *arg)
{
	const BodyContext *context = arg;
	bool		is_message = mig_script_error_is_message(context->memory);

	/* One in the body is none in what the client has sent. */
	if (is_message)
		errposition(0);
	else
		errhidestmt(true);
	if (context->repeatable)
	{
		errcontext("body of repeatable \"%s\"", context->id);
		if (is_message)
			errdetail("In repeatable \"%s\".", context->id);
		return;
	}
	switch (context->kind)
	{
		case MIG_BODY_UPGRADE:
			errcontext("upgrade body of revision \"%s\"", context->id);
			if (is_message)
				errdetail("In the upgrade of revision \"%s\".", context->id);
			break;
		case MIG_BODY_DOWNGRADE:
			errcontext("downgrade body of revision \"%s\"", context->id);
			if (is_message)
				errdetail("In the downgrade of revision \"%s\".", context->id);
			break;
		case MIG_BODY_VERIFY:
			errcontext("verify body of revision \"%s\"", context->id);
			if (is_message)
				errdetail("In the verify body of revision \"%s\".", context->id);
			break;
	}
}

/*
 * The first difference between two definitions of a revision, as a sentence,
 * or NULL.
 */
const char *
mig_definition_difference(const MigRevision *old, const MigRevision *new)
{
	const MigRevisionDef *a = &old->def;
	const MigRevisionDef *b = &new->def;

	if (!same_body(&old->upgrade, &new->upgrade))
		return "The upgrade bodies differ.";
	if (!same_body(&old->downgrade, &new->downgrade))
		return mig_definition_downgrade_differs;
	if (!same_body(&old->verify, &new->verify))
		return "The verify bodies differ.";
	if (a->upgrade_per_statement != b->upgrade_per_statement)
		return "They differ in whether the upgrade is transactional.";
	if (a->downgrade_per_statement != b->downgrade_per_statement)
		return "They differ in whether the downgrade is transactional.";
	if (!mig_text_same_list(a->down, a->ndown, b->down, b->ndown))
		return mig_definition_down_differs;
	if (!mig_text_same_list(a->depends, a->ndepends, b->depends, b->ndepends))
		return "The dependencies differ.";
	if (!mig_text_same_list(a->labels, a->nlabels, b->labels, b->nlabels))
		return "The branch labels differ.";
	if (!mig_text_same(a->message, b->message))
		return mig_definition_message_differs;
	if (!mig_text_same(a->settings, b->settings))
		return "The settings differ.";
	if (!mig_text_same(a->external, b->external) ||
		!mig_text_same(a->downgrade_external, b->downgrade_external))
		return "What has to be done elsewhere differs.";
	return NULL;
}

/*
 * The arguments of migrate_register() that the registered definition has and the
 * new one has not; NULL: none.  Not the message: nothing is run differently
 * without it.
 */
const char *
mig_definition_losses(const MigRevision *old, const MigRevision *new)
{
	const MigRevisionDef *def = &new->def;
	StringInfoData buf;

	initStringInfo(&buf);
	if (old->def.ndown > 0 && def->ndown == 0)
		appendStringInfoString(&buf, ", down_revision");
	if (old->def.ndepends > 0 && def->ndepends == 0)
		appendStringInfoString(&buf, ", depends_on");
	if (old->def.nlabels > 0 && def->nlabels == 0)
		appendStringInfoString(&buf, ", branch_labels");
	if (def->downgrade == NULL && !same_body(&old->downgrade, &new->downgrade))
		appendStringInfoString(&buf, ", downgrade");
	if (def->verify == NULL && !same_body(&old->verify, &new->verify))
		appendStringInfoString(&buf, ", verify");
	if (old->def.upgrade_per_statement && !def->upgrade_per_statement)
		appendStringInfoString(&buf, ", transactional => false");
	if (old->def.downgrade_per_statement && !def->downgrade_per_statement)
		appendStringInfoString(&buf, ", downgrade_transactional => false");
	if (old->def.allow != NULL && def->allow == NULL)
		appendStringInfoString(&buf, ", allow");
	if (old->def.external != NULL && def->external == NULL)
		appendStringInfoString(&buf, ", external");
	if (old->def.downgrade_external != NULL && def->downgrade_external == NULL)
		appendStringInfoString(&buf, ", downgrade_external");
	return buf.len == 0 ? NULL : buf.data + strlen(", ");
}

/*
 * By hash: a reformatted body is the same.  No hash: no body.
 */
static bool
same_body(const MigBody *a, const MigBody *b)
{
	return strcmp(a->hash, b->hash) == 0;
}

static char **
unique_strings(char **strings, int nstrings, int *nunique)
{
	char	  **unique = palloc(sizeof(char *) * Max(nstrings, 1));
	int			n = 0;

	for (int i = 0; i < nstrings; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!mig_text_in_list(unique, n, strings[i]))
			unique[n++] = strings[i];
	}
	*nunique = n;
	return unique;
}
