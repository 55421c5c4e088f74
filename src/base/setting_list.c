/*
 * setting_list.c
 *	  Settings written as a list: "lock_timeout = 5s, work_mem = 64MB".
 *
 * migrate.transaction_settings and the header of a revision are such lists.
 * Values are quoted as in postgresql.conf: one with a comma, or with blanks at
 * its ends, stands in single quotes, and a quote in it is doubled.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "parser/scansup.h"

#include "base/guc.h"
#include "base/setting_list.h"

/*
 * Parameters that decide whose rights a body has, and those that can only be
 * set before the transaction's first statement, which is ours.
 */
static const char *const refused[] =
{
	"role", "session_authorization", "transaction_deferrable",
	"transaction_isolation", "transaction_read_only"
};

static const char *read_name(const char *p, MigListSetting *setting);
static const char *read_value(const char *p, MigListSetting *setting);
static const char *skip_space(const char *p);
static char *copy_trimmed(const char *start, const char *end);
static void check_allowed(const char *name);

/*
 * The settings of a list in order, in the current memory context.  *problem:
 * NULL, or an error detail that says what is wrong with the text.
 */
List *
mig_setting_list_parse(const char *text, const char **problem)
{
	List	   *settings = NIL;
	const char *p = skip_space(text);

	*problem = NULL;
	while (*p != '\0')
	{
		MigListSetting *setting = palloc0(sizeof(MigListSetting));

		p = read_name(p, setting);
		if (p != NULL)
			p = read_value(p, setting);
		if (p == NULL)
		{
			*problem = setting->name == NULL ?
				"A setting is not of the form \"name = value\"." :
				psprintf("The value of \"%s\" is not quoted correctly.",
						 setting->name);
			return NIL;
		}
		settings = lappend(settings, setting);
	}
	return settings;
}

/*
 * Raises an error if the current role could not make the settings now.
 */
void
mig_setting_list_check(const List *settings)
{
	ListCell   *cell;

	foreach(cell, settings)
	{
		const MigListSetting *setting = lfirst(cell);

		check_allowed(setting->name);
		(void) set_config_option(setting->name, setting->value,
								 superuser() ? PGC_SUSET : PGC_USERSET,
								 PGC_S_TEST, GUC_ACTION_SET, false, ERROR,
								 false);
	}
}

/*
 * Makes the settings, later ones over earlier ones, until the caller's GUC nest
 * level or transaction ends.
 */
void
mig_setting_list_apply(const List *settings)
{
	ListCell   *cell;

	foreach(cell, settings)
	{
		const MigListSetting *setting = lfirst(cell);

		/* One that was not set in a session was not checked then. */
		check_allowed(setting->name);
		(void) set_config_option(setting->name, setting->value,
								 superuser() ? PGC_SUSET : PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SET, true, 0,
								 false);
	}
}

/*
 * Reads "name ="; NULL if that is not what is there.
 */
static const char *
read_name(const char *p, MigListSetting *setting)
{
	const char *end = p + strcspn(p, "=,'");
	char	   *name;

	if (*end != '=')
		return NULL;
	name = copy_trimmed(p, end);
	if (name[0] == '\0')
		return NULL;
	setting->name = name;
	return skip_space(end + 1);
}

/*
 * Reads the value, and what separates it from the next setting.
 */
static const char *
read_value(const char *p, MigListSetting *setting)
{
	if (*p == '\'')
	{
		char	   *value = palloc(strlen(p));
		char	   *to = value;

		for (p++; *p != '\'' || p[1] == '\''; p++)
		{
			if (*p == '\0')
				return NULL;
			if (*p == '\'')
				p++;
			*to++ = *p;
		}
		*to = '\0';
		setting->value = value;
		p = skip_space(p + 1);
	}
	else
	{
		const char *end = p + strcspn(p, ",'");

		setting->value = copy_trimmed(p, end);
		p = end;
	}
	if (*p == ',')
		return skip_space(p + 1);
	return *p == '\0' ? p : NULL;
}

static const char *
skip_space(const char *p)
{
	while (scanner_isspace(*p))
		p++;
	return p;
}

static char *
copy_trimmed(const char *start, const char *end)
{
	while (end > start && scanner_isspace(end[-1]))
		end--;
	return pnstrdup(start, end - start);
}

/*
 * Raises an error for a parameter that no revision may set: one of the refused
 * ones, or one of our own.
 */
static void
check_allowed(const char *name)
{
	bool		found = pg_strncasecmp(name, MIG_GUC_PREFIX,
									   strlen(MIG_GUC_PREFIX)) == 0;

	for (int i = 0; i < lengthof(refused); i++)
		found = found || pg_strcasecmp(name, refused[i]) == 0;
	if (found)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" cannot be set for a revision",
						name)));
}
