/*
 * session_setting.c
 *	  The settings of a body where it is not one transaction.
 *
 * What a body sets holds until its end, however it says so: SET, SET LOCAL,
 * set_config() in a query, in DO or in a function, RESET, DISCARD ALL, SET ROLE.
 * So that a border between two segments changes nothing, the settings are read
 * at the end of each segment, by what they are and not by what the statements
 * look like, and made again before the next one.
 *
 * A segment that is a transaction has a GUC nest level, which says what was set
 * in it.  A statement that ends transactions by itself would end the level,
 * too: around it the settings are made for the session, and what differs
 * afterwards is put back.
 *
 * The settings that decide what a statement means are kept also if the body
 * does not change them, for a run in another session that resumes.
 *
 * A search_path is kept with what its names stood for: between two segments a
 * schema may be renamed or dropped, and names would be found in another one.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/printable.h"
#include "run/run_internal.h"

/* Made last and put back first: they decide which of the others may be made. */
static const char *const identities[] = {"session_authorization", "role"};

/* What the same statement could do something else under. */
static const char *const kept[] =
{
	"array_nulls", "bytea_output", "check_function_bodies",
	"createrole_self_grant", "DateStyle",
	"default_table_access_method", "default_tablespace",
	"default_text_search_config", "default_toast_compression",
	"event_triggers", "extra_float_digits", "gin_fuzzy_search_limit",
	"IntervalStyle", "lc_monetary", "lc_numeric", "lc_time",
	"lo_compat_privileges", "password_encryption", "quote_all_identifiers",
	"row_security", "search_path", "session_replication_role", "TimeZone",
	"timezone_abbreviations", "transform_null_equals", "xmlbinary", "xmloption"
};

/*
 * Those of one transaction, which setting them again would not bring back, and
 * the seed of random(), which cannot be read.
 */
static const char *const left_out[] =
{
	"seed", "transaction_deferrable", "transaction_isolation"
};

/* In a transaction of the session it is not ours to set. */
#define READ_ONLY				"transaction_read_only"

#define PATH					"search_path"
#define USER					"$user"

static MigSetting *find_path(const List *settings);
static List *schemas_of(const char *path, const char *user,
						const MigPathNote *before);
static Oid	schema_of(const char *name, const char *user);
static const char *user_of(const List *settings, Oid runner);
static const char *path_in_force(const List *settings);
static List *add(List *settings, const char *name, const char *value,
				 bool is_default, Oid role);
static List *add_record(List *settings, const struct config_generic *record,
						const char *value, bool is_default);
static bool is_listed(const char *name, const char *const *list, int n);
static bool may_be_set(const struct config_generic *record);
static const char *current_value(const char *name);
static const char *committed_value(const struct config_generic *record);
static const char *text_of(const struct config_generic *record,
						   const config_var_value *value);
static const MigSetting *find(const List *settings, const char *name,
							  int *from);
static bool is_default(const struct config_generic *record);
static bool differs(const MigSetting *before, const char *value,
					bool is_default);
static bool is_set_since(const struct config_generic *record, int nest_level);
static bool is_kept(const struct config_generic *record, const char *value);
static void set(const char *name, const char *value, Oid role);
static GucContext context_of(const char *name);
static void put_back(const char *name, const MigSetting *before);

/*
 * All settings that a body can change, as they are now.
 */
List *
mig_session_setting_read(void)
{
	int			n;
	struct config_generic **records = mig_compat_guc_variables(&n);
	List	   *settings = NIL;

	for (int i = 0; i < n; i++)
	{
		if (may_be_set(records[i]))
			settings = add_record(settings, records[i],
								  current_value(records[i]->name),
								  is_default(records[i]));
	}
	return settings;
}

/*
 * What a body has set so far: what it had set before (carried), what it has set
 * since a GUC nest level began or, if that is 0, what differs from before, and
 * what is always kept.  committed: as it will be when the transaction has ended,
 * without what was set for that only.  path_before: what the segment has found.
 */
List *
mig_session_setting_collect(const List *carried, int nest_level,
							const List *before, bool committed,
							Oid runner, const MigPathNote *path_before)
{
	int			n;
	struct config_generic **records = mig_compat_guc_variables(&n);
	List	   *settings = NIL;
	int			from = 0;
	MigSetting *path;

	for (int i = 0; i < n; i++)
	{
		const char *name = records[i]->name;
		const char *value;
		bool		is_changed;

		if (!may_be_set(records[i]))
			continue;
		value = committed ? committed_value(records[i]) : current_value(name);
		if (nest_level > 0)
			is_changed = is_set_since(records[i], nest_level) &&
				!(committed && records[i]->stack->state == GUC_LOCAL);
		else
			is_changed = differs(find(before, name, &from), value,
								 is_default(records[i]));
		if (is_changed || is_kept(records[i], value) ||
			mig_session_setting_value(carried, name) != NULL)
			settings = add_record(settings, records[i], value, false);
	}
	path = find_path(settings);
	path->schemas = schemas_of(path->value, user_of(settings, runner),
							   path_before);
	return settings;
}

/*
 * The search_path that is in force, in the current memory context.
 */
void
mig_session_setting_note_path(MigPathNote *note)
{
	note->path = pstrdup(current_value(PATH));
	note->user = GetUserNameFromId(GetUserId(), false);
	note->schemas = schemas_of(note->path, note->user, NULL);
	note->nschemas = mig_utility_hook_schemas();
}

/*
 * A copy in the current memory context.
 */
List *
mig_session_setting_copy(const List *settings)
{
	List	   *copy = NIL;
	ListCell   *cell;

	foreach(cell, settings)
	{
		const MigSetting *setting = lfirst(cell);
		MigSetting *copied;

		copy = add(copy, setting->name, setting->value, setting->is_default,
				   setting->role);
		copied = llast(copy);
		copied->schemas = list_copy(setting->schemas);
		copied->elsewhere = setting->elsewhere;
	}
	return copy;
}

/*
 * Raises an error if the role that is set now could not make the settings, as
 * another session has noted them.
 */
void
mig_session_setting_check(const List *settings)
{
	ListCell   *cell;

	foreach(cell, settings)
	{
		const MigSetting *setting = lfirst(cell);

		if (strcmp(current_value(setting->name), setting->value) != 0)
			(void) set_config_option(setting->name, setting->value,
									 superuser() ? PGC_SUSET : PGC_USERSET,
									 PGC_S_SESSION, GUC_ACTION_SET, false,
									 ERROR, false);
	}
}

/*
 * Makes settings that this process has had, or that were checked: for the GUC
 * nest level of a segment that is a transaction, or for the session.
 */
void
mig_session_setting_apply(const List *settings, bool in_segment)
{
	ListCell   *cell;
	const char *value;

	foreach(cell, settings)
	{
		const MigSetting *setting = lfirst(cell);

		if (!is_listed(setting->name, identities, lengthof(identities)) &&
			(in_segment || strcmp(setting->name, READ_ONLY) != 0))
			set(setting->name, strcmp(setting->name, PATH) == 0 ?
				path_in_force(settings) : setting->value, setting->role);
	}
	value = mig_session_setting_value(settings, "default_" READ_ONLY);
	if (in_segment && value != NULL && strcmp(value, "on") == 0)
		set(READ_ONLY, value, InvalidOid);
	for (int i = 0; i < lengthof(identities); i++)
	{
		value = mig_session_setting_value(settings, identities[i]);
		if (value != NULL)
			set(identities[i], value, InvalidOid);
	}
}

/*
 * At the beginning of a transaction: it is as SET SESSION CHARACTERISTICS of
 * the body says.
 */
void
mig_session_setting_begin_transaction(const List *settings)
{
	static const char *const names[] =
	{
		"default_transaction_isolation", "default_transaction_deferrable"
	};

	for (int i = 0; i < lengthof(names); i++)
	{
		const char *value = mig_session_setting_value(settings, names[i]);
		const char *name = names[i] + strlen("default_");

		if (value != NULL && strcmp(value, current_value(name)) != 0)
			(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
									 GUC_ACTION_LOCAL, true, 0, false);
	}
}

/*
 * Puts back for the session what differs from before.  A cancel must not leave
 * the rest.
 */
void
mig_session_setting_restore(const List *before)
{
	int			n;
	struct config_generic **records;
	int			from = 0;

	HOLD_INTERRUPTS();
	for (int i = 0; i < lengthof(identities) && mig_step_can_change_role(); i++)
	{
		const MigSetting *old = find(before, identities[i], &from);

		if (strcmp(current_value(identities[i]), old->value) != 0)
			put_back(identities[i], old);
	}
	records = mig_compat_guc_variables(&n);
	for (int i = 0; i < n; i++)
	{
		const char *name = records[i]->name;
		const MigSetting *old;

		if (!may_be_set(records[i]) || strcmp(name, READ_ONLY) == 0)
			continue;
		old = find(before, name, &from);
		if (differs(old, current_value(name), is_default(records[i])))
			put_back(name, old);
	}
	RESUME_INTERRUPTS();
}

/*
 * As the server keeps the settings of roles and databases, each "name=value".
 * They do not say which role has made a setting, so those of the extension that
 * another one than the runner has made are left out: they would count as the
 * runner's.
 */
char	  **
mig_session_setting_texts(const List *settings, Oid runner, int *ntexts)
{
	char	  **texts = palloc(sizeof(char *) * Max(list_length(settings), 1));
	ListCell   *cell;

	*ntexts = 0;
	foreach(cell, settings)
	{
		const MigSetting *setting = lfirst(cell);

		if (setting->role == runner ||
			strncmp(setting->name, MIG_GUC_PREFIX,
					strlen(MIG_GUC_PREFIX)) != 0)
			texts[(*ntexts)++] = psprintf("%s=%s", setting->name,
										  setting->value);
	}
	return texts;
}

/*
 * What the names of the search_path stand for, as OIDs of this database.
 */
char	  **
mig_session_setting_schemas(const List *settings, int *nschemas)
{
	const MigSetting *path = find_path(settings);
	List	   *schemas = path == NULL ? NIL : path->elsewhere ?
	schemas_of(path->value, user_of(settings, GetUserId()), NULL) :
	path->schemas;
	char	  **texts = palloc(sizeof(char *) * Max(list_length(schemas), 1));
	ListCell   *cell;

	*nschemas = 0;
	foreach(cell, schemas)
		texts[(*nschemas)++] = psprintf("%u", lfirst_oid(cell));
	return texts;
}

/*
 * The reverse of both.  elsewhere: the OIDs are of another database.
 */
List *
mig_session_setting_parse(char *const *texts, int n,
						  char *const *schemas, int nschemas, bool elsewhere)
{
	List	   *settings = NIL;
	MigSetting *path;

	for (int i = 0; i < n; i++)
	{
		const char *end = strchr(texts[i], '=');

		if (end != NULL)
			settings = add(settings, pnstrdup(texts[i], end - texts[i]),
						   end + 1, false, InvalidOid);
	}
	path = find_path(settings);
	for (int i = 0; path != NULL && i < nschemas; i++)
		path->schemas = lappend_oid(path->schemas, atooid(schemas[i]));
	if (path != NULL)
		path->elsewhere = elsewhere;
	return settings;
}

/*
 * The search_path, by the names that its schemas have now, or NULL.  lost: the name
 * of one that is gone, or NULL.
 */
const char *
mig_session_setting_path(const List *settings, const char **lost)
{
	const MigSetting *path = find_path(settings);
	const char *user = user_of(settings, GetUserId());
	StringInfoData now;
	List	   *names;
	ListCell   *name_cell;
	ListCell   *schema_cell;
	bool		is_same = true;

	*lost = NULL;
	if (path == NULL ||
		!SplitIdentifierString(pstrdup(path->value), ',', &names) ||
		list_length(names) != list_length(path->schemas))
		return path == NULL ? NULL : path->value;

	initStringInfo(&now);
	forboth(name_cell, names, schema_cell, path->schemas)
	{
		const char *name = lfirst(name_cell);
		Oid			schema = lfirst_oid(schema_cell);
		Oid			schema_now = schema_of(name, user);

		if (OidIsValid(schema) &&
			(path->elsewhere ? !OidIsValid(schema_now) : schema_now != schema))
		{
			const char *name_now = path->elsewhere ? NULL :
			get_namespace_name(schema);

			is_same = false;
			/* A path cannot name a schema that was renamed to "$user". */
			if (name_now == NULL || strcmp(name_now, USER) == 0)
				*lost = strcmp(name, USER) == 0 ? user : name;
			else
				name = name_now;
		}
		appendStringInfo(&now, "%s%s", now.len > 0 ? ", " : "",
						 quote_identifier(name));
	}
	return is_same ? path->value : now.data;
}

/*
 * The value of one, or NULL.
 */
const char *
mig_session_setting_value(const List *settings, const char *name)
{
	int			from = 0;
	const MigSetting *setting = find(settings, name, &from);

	return setting == NULL ? NULL : setting->value;
}

static MigSetting *
find_path(const List *settings)
{
	int			from = 0;

	return unconstify(MigSetting *, find(settings, PATH, &from));
}

/*
 * What the names of a search_path stand for.  Where it is the same as before (NULL:
 * unknown) they stand for what they stood for then, although another session may have
 * renamed or dropped that since; what this one has done to schemas counts.
 */
static List *
schemas_of(const char *path, const char *user, const MigPathNote *before)
{
	bool		is_same = before != NULL && strcmp(path, before->path) == 0 &&
	mig_utility_hook_schemas() == before->nschemas;
	bool		is_same_user = is_same && strcmp(user, before->user) == 0;
	List	   *schemas = NIL;
	List	   *names;
	ListCell   *cell;

	if (!SplitIdentifierString(pstrdup(path), ',', &names))
		return NIL;
	foreach(cell, names)
	{
		const char *name = lfirst(cell);
		bool		keeps = strcmp(name, USER) == 0 ? is_same_user : is_same;

		schemas = lappend_oid(schemas, keeps ?
							  list_nth_oid(before->schemas,
										   foreach_current_index(cell)) :
							  schema_of(name, user));
	}
	return schemas;
}

/*
 * pg_temp is no schema's name, and of each session another one.
 */
static Oid
schema_of(const char *name, const char *user)
{
	return get_namespace_oid(strcmp(name, USER) == 0 ? user : name, true);
}

/*
 * Whose schema $user is, when all settings are made.  runner: the role without them.
 */
static const char *
user_of(const List *settings, Oid runner)
{
	const char *user = NULL;

	for (int i = lengthof(identities) - 1; i >= 0 && user == NULL; i--)
	{
		user = mig_session_setting_value(settings, identities[i]);
		if (user != NULL && strcmp(user, "none") == 0)
			user = NULL;
	}
	return user != NULL ? user : GetUserNameFromId(runner, false);
}

static const char *
path_in_force(const List *settings)
{
	const char *lost;
	const char *path = mig_session_setting_path(settings, &lost);

	if (lost != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema \"%s\" of the search_path was dropped while the body ran",
						mig_printable(lost)),
				 errdetail("What is left of the body could find objects of another schema.")));
	return path;
}

static List *
add(List *settings, const char *name, const char *value, bool is_default,
	Oid role)
{
	MigSetting *setting = palloc(sizeof(MigSetting));

	setting->name = pstrdup(name);
	setting->value = pstrdup(value);
	setting->is_default = is_default;
	setting->role = role;
	setting->schemas = NIL;
	setting->elsewhere = false;
	return lappend(settings, setting);
}

static List *
add_record(List *settings, const struct config_generic *record,
		   const char *value, bool is_default)
{
	return add(settings, record->name, value, is_default, record->srole);
}

static bool
is_listed(const char *name, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(name, list[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Whether SET is allowed for it, by any role.
 */
static bool
may_be_set(const struct config_generic *record)
{
	return (record->context == PGC_USERSET || record->context == PGC_SUSET) &&
		!is_listed(record->name, left_out, lengthof(left_out));
}

/*
 * Never NULL.  SET SESSION AUTHORIZATION ends a SET ROLE without changing the
 * value of "role".
 */
static const char *
current_value(const char *name)
{
	const char *value;

	if (strcmp(name, "role") == 0)
		return OidIsValid(GetCurrentRoleId()) ?
			GetUserNameFromId(GetCurrentRoleId(), false) : "none";
	value = GetConfigOption(name, true, false);
	return value == NULL ? "" : value;
}

/*
 * The value after SET LOCAL has ended with its transaction.
 */
static const char *
committed_value(const struct config_generic *record)
{
	if (record->stack != NULL && record->stack->state == GUC_LOCAL)
		return text_of(record, &record->stack->prior);
	if (record->stack != NULL && record->stack->state == GUC_SET_LOCAL)
		return text_of(record, &record->stack->masked);
	return current_value(record->name);
}

/*
 * A value of a setting, as it is set; numbers in its unit.
 */
static const char *
text_of(const struct config_generic *record, const config_var_value *value)
{
	switch (record->vartype)
	{
		case PGC_BOOL:
			return value->val.boolval ? "on" : "off";
		case PGC_INT:
			return psprintf("%d", value->val.intval);
		case PGC_REAL:
			return psprintf("%.17g", value->val.realval);
		case PGC_STRING:
			return value->val.stringval == NULL ? "" : value->val.stringval;
		case PGC_ENUM:
			return mig_compat_enum_name(record, value->val.enumval);
	}
	return "";
}

/*
 * The settings stand in the order of the server's own list.  So the one that is
 * looked for is most often the one after the last that was found.
 */
static const MigSetting *
find(const List *settings, const char *name, int *from)
{
	int			n = list_length(settings);

	for (int i = 0; i < n; i++)
	{
		int			index = (*from + i) % n;
		const MigSetting *setting = list_nth(settings, index);

		if (strcmp(setting->name, name) == 0)
		{
			*from = index + 1;
			return setting;
		}
	}
	return NULL;
}

/*
 * Whether neither the session nor a body has set it.
 */
static bool
is_default(const struct config_generic *record)
{
	return record->source < PGC_S_SESSION;
}

/*
 * Whether a setting is not as it was before (NULL: not there).  Where it is a
 * default and was one it is, whatever the value: some libraries count in one.
 * Where it was a default and is set, it is not, although the value be the same:
 * another session has other defaults.
 */
static bool
differs(const MigSetting *before, const char *value, bool is_default)
{
	bool		was_default = before == NULL || before->is_default;

	if (was_default)
		return !is_default;
	return strcmp(value, before->value) != 0;
}

/*
 * What our own code sets and puts back (GUC_SAVE) is not the body's.
 */
static bool
is_set_since(const struct config_generic *record, int nest_level)
{
	return record->stack != NULL && record->stack->nest_level >= nest_level &&
		record->stack->state != GUC_SAVE;
}

/*
 * The names that applications make up decide what their policies and functions
 * do.
 */
static bool
is_kept(const struct config_generic *record, const char *value)
{
	if (record->flags & GUC_CUSTOM_PLACEHOLDER)
		return value[0] != '\0';
	return is_listed(record->name, kept, lengthof(kept));
}

/*
 * As the role that has made it before, so that it counts as that one's; as the
 * current one if that is not known.
 *
 * What is in force already is not made again: a check that finds no memory would
 * say that the value is invalid.  Unless it has been made for a transaction
 * only.
 */
static void
set(const char *name, const char *value, Oid role)
{
	const struct config_generic *record = mig_compat_find_setting(name);

	if (record != NULL && record->stack == NULL &&
		strcmp(current_value(name), value) == 0)
		return;
	(void) set_config_option_ext(name, value, context_of(name), PGC_S_SESSION,
								 OidIsValid(role) ? role : GetUserId(),
								 GUC_ACTION_SET, true, 0, false);
}

/*
 * What the session had it may have, and one must not stop the rest.  before:
 * NULL if there was no such setting.
 */
static void
put_back(const char *name, const MigSetting *before)
{
	bool		was_default = before == NULL || before->is_default;

	(void) set_config_option_ext(name, was_default ? NULL : before->value,
								 context_of(name), PGC_S_SESSION,
								 was_default ? GetUserId() : before->role,
								 GUC_ACTION_SET, true, WARNING, false);
}

/*
 * As what a setting is made again: what the session or the body had, it may
 * have.  One of a library that is not loaded is for any role to set; it is when
 * the library is loaded that the server asks as what it was made.
 */
static GucContext
context_of(const char *name)
{
	const struct config_generic *record;

	if (superuser())
		return PGC_SUSET;
	record = mig_compat_find_setting(name);
	return record == NULL || (record->flags & GUC_CUSTOM_PLACEHOLDER) != 0 ?
		PGC_USERSET : PGC_SUSET;
}
