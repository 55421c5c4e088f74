/*
 * format.c
 *	  The table of formats: which one files are of, and what its options say.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "import/import_internal.h"

#define AUTO	"auto"

/* Options that every format knows. */
static const char *const common_options[] =
{
	"encoding",
	MIG_IMPORT_OPTION_PROGRAMS,
	"skip_invalid_downgrade"
};

static const MigImportFormat *const formats[] =
{
	&mig_import_alembic,
	&mig_import_dbmate,
	&mig_import_diesel,
	&mig_import_flyway,
	&mig_import_golang_migrate,
	&mig_import_goose,
	&mig_import_graphile,
	&mig_import_liquibase,
	&mig_import_migrate,
	&mig_import_node_pg_migrate,
	&mig_import_prisma,
	&mig_import_refinery,
	&mig_import_sqitch,
	&mig_import_sqlx,
	&mig_import_supabase
};

static const MigImportFormat *recognize(const MigImport *import);
static List *find_matches(const MigImport *import, MigImportMatch *best);
static char *list_samples(const MigImport *import, const List *matches);
static const char *find_sample(const MigImport *import,
							   const MigImportFormat *format);
static char *list_names(const List *matches);
static char *list_options(const MigImportFormat *format);
static bool is_known_option(const MigImportFormat *format, const char *name);
static JsonbValue *find_value(const MigImportRequest *request,
							  const char *name, JsonbValue *value);
static char *value_text(const JsonbValue *value, const char *name);

/*
 * The format that was asked for, or the only one that the files can be of.
 */
const MigImportFormat *
mig_import_choose_format(const MigImport *import)
{
	return mig_import_names_format(import) ?
		mig_import_find_format(import->request->format) : recognize(import);
}

/*
 * Whether the caller has said which format it is.
 */
bool
mig_import_names_format(const MigImport *import)
{
	return strcmp(import->request->format, AUTO) != 0;
}

const MigImportFormat *
mig_import_find_format(const char *name)
{
	for (int i = 0; i < lengthof(formats); i++)
	{
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("format \"%s\" does not exist", name),
			 errhint("The formats are: %s.", list_names(NIL))));
}

static const MigImportFormat *
recognize(const MigImport *import)
{
	MigImportMatch best;
	List	   *matches = find_matches(import, &best);

	/* A file that cannot be read may be the reason. */
	if (matches == NIL)
		mig_script_error_raise(import->errors, true);
	if (matches == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("format of the files is not recognized"),
				 import->files == NIL ? errdetail("There are no files.") :
				 errdetail_plural("There is %d file: %s.", "There are %d files: %s.",
								  list_length(import->files),
								  list_length(import->files),
								  mig_import_list_paths(import->files)),
				 errhint("Name it with the argument \"format\". The formats are: %s.",
						 list_names(NIL))));
	if (list_length(matches) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("format of the files is ambiguous"),
				 best == MIG_IMPORT_CERTAIN ?
				 errdetail("Some files are of one of these formats, some of another: %s.",
						   list_samples(import, matches)) :
				 errdetail("They could be of one of these formats: %s.",
						   list_names(matches)),
				 best == MIG_IMPORT_CERTAIN ?
				 errhint("Register the files of each format by themselves. Or name it with the argument \"format\".") :
				 errhint("Name it with the argument \"format\".")));
	return linitial(matches);
}

/*
 * The formats that the files match best.
 */
static List *
find_matches(const MigImport *import, MigImportMatch *best)
{
	List	   *matches = NIL;

	*best = MIG_IMPORT_NO;
	for (int i = 0; i < lengthof(formats); i++)
	{
		MigImportMatch match = formats[i]->recognize(import);

		if (match > *best)
		{
			*best = match;
			list_free(matches);
			matches = NIL;
		}
		if (match == *best && match != MIG_IMPORT_NO)
			matches = lappend(matches, unconstify(MigImportFormat *, formats[i]));
	}
	return matches;
}

/*
 * Their names, each with a file that is of it, if one alone shows that.
 */
static char *
list_samples(const MigImport *import, const List *matches)
{
	StringInfoData names;
	ListCell   *cell;

	initStringInfo(&names);
	foreach(cell, matches)
	{
		const MigImportFormat *format = lfirst(cell);
		const char *path = find_sample(import, format);

		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", format->name);
		if (path != NULL)
			appendStringInfo(&names, " (\"%s\")", path);
	}
	return names.data;
}

static const char *
find_sample(const MigImport *import, const MigImportFormat *format)
{
	ListCell   *cell;

	foreach(cell, import->files)
	{
		const MigImportFile *file = lfirst(cell);
		MigImport	alone = *import;

		alone.files = list_make1(lfirst(cell));
		if (format->recognize(&alone) == MIG_IMPORT_CERTAIN)
			return file->path;
	}
	return NULL;
}

/*
 * Their names; NIL: all.
 */
static char *
list_names(const List *matches)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < lengthof(formats); i++)
	{
		if (matches == NIL || list_member_ptr(matches, formats[i]))
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 formats[i]->name);
	}
	return names.data;
}

/*
 * Raises an error for an option that the format does not have.
 */
void
mig_import_check_options(const MigImport *import)
{
	Jsonb	   *options = import->request->options;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (options == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"options\" must be a JSON object")));
	iterator = JsonbIteratorInit(&options->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		if (!is_known_option(import->format, name))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("format \"%s\" has no option \"%s\"",
							import->format->name, name),
					 errhint("Its options are: %s.", list_options(import->format))));
	}
}

static char *
list_options(const MigImportFormat *format)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < lengthof(common_options); i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", common_options[i]);
	for (int i = 0; format->options != NULL && format->options[i] != NULL; i++)
		appendStringInfo(&names, ", %s", format->options[i]);
	return names.data;
}

static bool
is_known_option(const MigImportFormat *format, const char *name)
{
	for (int i = 0; i < lengthof(common_options); i++)
	{
		if (strcmp(common_options[i], name) == 0)
			return true;
	}
	for (int i = 0; format->options != NULL && format->options[i] != NULL; i++)
	{
		if (strcmp(format->options[i], name) == 0)
			return true;
	}
	return false;
}

/*
 * The text of an option, or NULL if it is not given.
 */
char *
mig_import_option(const MigImportRequest *request, const char *name)
{
	JsonbValue	value;

	return value_text(find_value(request, name, &value), name);
}

/*
 * Whether an option is true; otherwise: what it is if it is not given.
 */
bool
mig_import_option_is_true(const MigImportRequest *request, const char *name,
						  bool otherwise)
{
	JsonbValue	value;

	if (find_value(request, name, &value) == NULL)
		return otherwise;
	if (value.type != jbvBool)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be true or false", name)));
	return value.val.boolean;
}

/*
 * The text that an option, which is an object, has for a key, or NULL.
 */
char *
mig_import_option_member(const MigImportRequest *request, const char *name,
						 const char *key)
{
	JsonbValue	object;
	JsonbValue	value;

	if (find_value(request, name, &object) == NULL)
		return NULL;
	if (object.type != jbvBinary ||
		!JsonContainerIsObject(object.val.binary.data))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be a JSON object", name)));
	return value_text(getKeyJsonValueFromContainer(object.val.binary.data, key,
												   strlen(key), &value), name);
}

static JsonbValue *
find_value(const MigImportRequest *request, const char *name,
		   JsonbValue *value)
{
	if (request->options == NULL || !JB_ROOT_IS_OBJECT(request->options))
		return NULL;
	return getKeyJsonValueFromContainer(&request->options->root, name,
										strlen(name), value);
}

/*
 * NULL for none.
 */
static char *
value_text(const JsonbValue *value, const char *name)
{
	if (value == NULL)
		return NULL;
	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must hold text", name)));
	return pnstrdup(value->val.string.val, value->val.string.len);
}
