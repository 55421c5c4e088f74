/*
 * script_writer.c
 *	  Writes a revision or a repeatable in the file format.
 *
 * What is written is read again and compared, so that a file that would make
 * another revision is never given away.  The text of a body is as it is stored,
 * but for a line end behind its last line.
 */
#include "postgres.h"

#include "script/script_internal.h"

static char *write_revision(const MigRevisionDef *def, bool repeatable,
							bool says_base, bool quoted);
static void write_value(StringInfo text, MigScriptLineKey key,
						const char *value);
static void write_list(StringInfo text, MigScriptLineKey key,
					   char *const *items, int nitems);
static void write_body(StringInfo text, const char *section, const char *body,
					   bool per_statement, const char *external, bool quoted);
static char *make_quote(const char *body);
static char *find_difference(const MigRevisionDef *def, bool repeatable,
							 const char *text);
static const char *compare(const MigRevisionDef *def,
						   const MigRevisionDef *other);
static const char *body_of_external(const char *body, const char *external);
static bool same_body(const char *body, const char *read);

/*
 * says_base: a revision that is built on nothing says so, as it must beside another
 * one to be read without a warning.
 *
 * The text of a file with that revision alone, or with a repeatable, whose body is
 * the upgrade and which has no downgrade, in the current memory context.
 * Bodies end with a line of their own only if a comment in them would end them,
 * or be refused.  Raises 0A000 if there is no such text.
 */
char *
mig_script_write(const MigRevisionDef *def, bool repeatable, bool says_base)
{
	char	   *problem = NULL;

	for (int quoted = 0; quoted < 2; quoted++)
	{
		char	   *text = write_revision(def, repeatable, says_base, quoted);

		problem = find_difference(def, repeatable, text);
		if (problem == NULL)
			return text;
		pfree(text);
	}
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 repeatable ?
			 errmsg("repeatable \"%s\" cannot be written as a file", def->id) :
			 errmsg("revision \"%s\" cannot be written as a file", def->id),
			 errdetail("The file would be read as something else: %s.", problem),
			 errhint("migrate_show() shows its bodies.")));
}

static char *
write_revision(const MigRevisionDef *def, bool repeatable, bool says_base,
			   bool quoted)
{
	StringInfoData text;

	initStringInfo(&text);
	write_value(&text, repeatable ? MIG_LINE_REPEATABLE : MIG_LINE_REVISION,
				def->id);
	write_list(&text, MIG_LINE_DOWN_REVISION, def->down, def->ndown);
	if (says_base && def->ndown == 0)
		appendStringInfo(&text, "-- %s:\n",
						 mig_script_line_key_name(MIG_LINE_DOWN_REVISION));
	write_list(&text, MIG_LINE_DEPENDS_ON, def->depends, def->ndepends);
	write_list(&text, MIG_LINE_BRANCH_LABELS, def->labels, def->nlabels);
	write_list(&text, MIG_LINE_REPLACES, def->replaces, def->nreplaces);
	write_value(&text, MIG_LINE_MESSAGE, def->message);
	write_value(&text, MIG_LINE_SET, def->settings);
	write_value(&text, MIG_LINE_ALLOW, def->allow);
	write_value(&text, MIG_LINE_EXTERNAL, def->external);
	/* Without any section both bodies are empty, as for a merge. */
	if (def->downgrade == NULL || def->upgrade[0] != '\0' ||
		def->downgrade[0] != '\0' || def->upgrade_per_statement ||
		def->downgrade_per_statement || def->downgrade_external != NULL)
	{
		write_body(&text, "up", def->upgrade, def->upgrade_per_statement, NULL,
				   quoted);
		if (def->downgrade != NULL)
			write_body(&text, "down", def->downgrade,
					   def->downgrade_per_statement, def->downgrade_external,
					   quoted);
	}
	if (def->verify != NULL)
		write_body(&text, "verify", def->verify, false, NULL, quoted);
	return text.data;
}

static void
write_value(StringInfo text, MigScriptLineKey key, const char *value)
{
	if (value == NULL)
		return;
	appendStringInfo(text, "-- %s: ", mig_script_line_key_name(key));
	mig_script_line_write(text, value, false);
	appendStringInfoChar(text, '\n');
}

static void
write_list(StringInfo text, MigScriptLineKey key, char *const *items,
		   int nitems)
{
	if (nitems == 0)
		return;
	appendStringInfo(text, "-- %s: ", mig_script_line_key_name(key));
	for (int i = 0; i < nitems; i++)
	{
		if (i > 0)
			appendStringInfoString(text, ", ");
		mig_script_line_write(text, items[i], true);
	}
	appendStringInfoChar(text, '\n');
}

static void
write_body(StringInfo text, const char *section, const char *body,
		   bool per_statement, const char *external, bool quoted)
{
	int			length;
	char	   *quote = quoted ? make_quote(body) : NULL;

	appendStringInfo(text, "-- %s:%s%s%s%s\n",
					 mig_script_line_key_name(MIG_LINE_MIGRATE), section,
					 per_statement ? " transaction:false" : "",
					 quoted ? " " : "", quoted ? quote : "");
	write_value(text, MIG_LINE_EXTERNAL, external);
	body = body_of_external(body, external);
	length = strlen(body);
	appendBinaryStringInfo(text, body, length);
	if (length > 0 && body[length - 1] != '\n')
		appendStringInfoChar(text, '\n');
	if (quoted)
		appendStringInfo(text, "-- %s\n", quote);
}

/*
 * A tag that is not in the body.
 */
static char *
make_quote(const char *body)
{
	char	   *quote = pstrdup("$body$");

	for (int i = 1; strstr(body, quote) != NULL; i++)
		quote = psprintf("$body%d$", i);
	return quote;
}

/*
 * Why the text is not read as that revision, or NULL.
 */
static char *
find_difference(const MigRevisionDef *def, bool repeatable, const char *text)
{
	MigScriptFile file = {.text = text};
	ErrorContextCallback *callbacks = error_context_stack;
	MigScriptRevision *revisions;
	int			nrevisions;
	List	   *errors = NIL;

	/* What called us is no part of where an error is. */
	error_context_stack = NULL;
	revisions = mig_script_files_parse(&file, 1, &nrevisions, &errors);
	error_context_stack = callbacks;
	if (errors != NIL)
		return mig_script_error_line(((MigScriptError *) linitial(errors))->error);
	if (nrevisions != 1)
		return pstrdup("it would be read as several revisions");
	if (revisions[0].repeatable != repeatable)
		return pstrdup("it would be of another kind");
	return unconstify(char *, compare(def, &revisions[0].def));
}

static const char *
compare(const MigRevisionDef *def, const MigRevisionDef *read)
{
	if (!mig_text_same(def->id, read->id))
		return "its id would be another one";
	if (!mig_text_same_list(def->down, def->ndown, read->down, read->ndown))
		return "its down revisions would be other ones";
	if (!mig_text_same_list(def->depends, def->ndepends, read->depends, read->ndepends))
		return "its dependencies would be other ones";
	if (!mig_text_same_list(def->labels, def->nlabels, read->labels, read->nlabels))
		return "its branch labels would be other ones";
	if (!mig_text_same_list(def->replaces, def->nreplaces, read->replaces, read->nreplaces))
		return "it would replace other revisions";
	if (!mig_text_same(def->message, read->message))
		return "its message would be another one";
	if (!mig_text_same(def->settings, read->settings))
		return "its settings would be other ones";
	if (!mig_text_same(def->allow, read->allow))
		return "its waivers would be other ones";
	if (!same_body(def->upgrade, read->upgrade) ||
		def->upgrade_per_statement != read->upgrade_per_statement)
		return "its upgrade would be another one";
	if (!mig_text_same(def->external, read->external) ||
		!mig_text_same(def->downgrade_external, read->downgrade_external))
		return "what has to be done elsewhere would be something else";
	if (!same_body(body_of_external(def->downgrade, def->downgrade_external),
				   body_of_external(read->downgrade, read->downgrade_external)) ||
		def->downgrade_per_statement != read->downgrade_per_statement)
		return "its downgrade would be another one";
	if (!same_body(def->verify, read->verify))
		return "its verify body would be another one";
	return NULL;
}

/*
 * The line that says what has to be done elsewhere begins its body, and leaves
 * blanks there.
 */
static const char *
body_of_external(const char *body, const char *external)
{
	return external == NULL || body == NULL ? body : body + strspn(body, " \t\r\n");
}

/*
 * The line end that it may have been given does not count.
 */
static bool
same_body(const char *body, const char *read)
{
	int			length;

	if (body == NULL || read == NULL)
		return body == read;
	length = strlen(body);
	return strncmp(body, read, length) == 0 &&
		strcmp(read + length,
			   length > 0 && body[length - 1] != '\n' ? "\n" : "") == 0;
}
