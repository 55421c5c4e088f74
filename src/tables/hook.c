/*
 * hook.c
 *	  migrate.hook: which functions runs call.
 *
 * A function is known by its OID where it was registered, so that another one
 * that gets its name does not take its place, and by name where a dump has
 * brought the row.  It is not kept as regprocedure: pg_upgrade refuses a database
 * with a column of that type, and a dump writes the number of a function that is
 * gone.  No dependency is recorded: a function can be dropped, and then runs say
 * so before they do anything.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/spi.h"
#include "tables/hook.h"
#include "tables/job.h"

static const char *const event_names[MIG_HOOK_NEVENTS] =
{
	"before_run", "after_run", "before_step", "after_step", "on_error"
};

/* In SQL: whether a function has the argument and the result of a hook. */
#define FITS \
	"(p.prokind = 'f' AND NOT p.proretset" \
	" AND p.prorettype = 'pg_catalog.void'::pg_catalog.regtype" \
	" AND p.pronargs = 1" \
	" AND p.proargtypes[0] = 'pg_catalog.jsonb'::pg_catalog.regtype)"

/*
 * In SQL: the function p of a hook h, in its schema n; both are null where there
 * is none.
 */
#define FUNCTION_OF_HOOK \
	"  LEFT JOIN (pg_catalog.pg_proc AS p" \
	"        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace)" \
	"    ON CASE WHEN h.origin = " MIG_SPI_ORIGIN \
	"     THEN p.oid = h.function_oid" \
	"     ELSE n.nspname = h.function_schema AND p.proname = h.function_name" \
	"      AND " FITS " END"

/* In SQL: the role o that has registered it. */
#define REGISTRAR_OF_HOOK \
	"  LEFT JOIN pg_catalog.pg_roles AS o" \
	"    ON " MIG_SPI_IS_NOTED_ROLE("o", "h.registered_by", \
									"h.registered_by_oid", "h.origin")

#define NAME(schema, name)		"pg_catalog.format('%I.%I(jsonb)', " schema ", " name ")"
#define NAME_NOW \
	NAME("COALESCE(n.nspname, h.function_schema)", \
		 "COALESCE(p.proname, h.function_name)")

/* In SQL: the hooks that $1 (event), $2 (function) and $3 (a name) are about. */
#define MEANT \
	" WHERE h.event = $1" \
	"   AND (p.oid = $2 OR $3 IN (" NAME("h.function_schema", "h.function_name") "," \
	"                             " NAME_NOW "))"

static void read_hook(const MigSpiRow *row, void *result);
static void read_function(const MigSpiRow *row, void *result);
static void bind_meant(MigSpiArgs *args, MigHookEvent event, Oid function,
					   const char *name);

const char *
mig_hook_event_name(MigHookEvent event)
{
	return event_names[event];
}

/*
 * The event of that name.  false: there is none.
 */
bool
mig_hook_event_find(const char *name, MigHookEvent *event)
{
	for (int i = 0; i < MIG_HOOK_NEVENTS; i++)
	{
		if (strcmp(name, event_names[i]) == 0)
		{
			*event = (MigHookEvent) i;
			return true;
		}
	}
	return false;
}

/*
 * The events that have hooks, a bit for each; asked once for each run.
 */
int
mig_hook_events(MigSpiAccess access)
{
	static MigSpiQuery query = {"SELECT event FROM migrate.hook"};
	int			nnames;
	char	  **names = mig_spi_list(&query, NULL, MIG_SPI_OWNER, access,
									 &nnames);
	int			events = 0;
	MigHookEvent event;

	for (int i = 0; i < nnames; i++)
	{
		if (mig_hook_event_find(names[i], &event))
			events |= 1 << event;
	}
	return events;
}

/*
 * The hooks of an event, NULL: of all, in the order in which they are called.
 */
MigHook *
mig_hook_find(const MigHookEvent *event, Oid runner, int *nhooks)
{
	static MigSpiQuery query = {
		"SELECT h.event, " NAME_NOW ", p.oid,"
		"       " FITS ","
		"       pg_catalog.has_function_privilege($2, p.oid, 'EXECUTE'),"
		"       pg_catalog.pg_get_userbyid(p.proowner),"
		"       " MIG_COMPAT_HAS_ROLE("p.proowner", "$2") ","
		"       h.registered_by,"
		"       " MIG_COMPAT_HAS_ROLE("o.oid", "$2") ","
		"       o.rolsuper OR " MIG_JOB_ROLE_MAY_EXECUTE("o.oid", "'migrate_approve'")
		"  FROM migrate.hook AS h" FUNCTION_OF_HOOK REGISTRAR_OF_HOOK
		" WHERE $1 IS NULL OR h.event = $1"
		" ORDER BY h.registered_at, h.hook"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, event == NULL ? NULL : event_names[*event]);
	mig_spi_arg_oid(&args, runner);
	return mig_spi_rows(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						sizeof(MigHook), read_hook, nhooks);
}

static void
read_hook(const MigSpiRow *row, void *result)
{
	MigHook    *hook = result;
	const char *event = mig_spi_row_text_not_null(row, 1);

	memset(hook, 0, sizeof(*hook));
	if (!mig_hook_event_find(event, &hook->event))
		elog(ERROR, "migrate.hook has an event \"%s\"", event);
	hook->name = mig_spi_row_text_not_null(row, 2);
	hook->function = mig_spi_row_oid(row, 3);
	hook->fits = mig_spi_row_bool(row, 4);
	hook->executable = mig_spi_row_bool(row, 5);
	hook->owner = mig_spi_row_text(row, 6);
	hook->owner_trusted = mig_spi_row_bool(row, 7);
	hook->registered_by = mig_spi_row_text_not_null(row, 8);
	hook->trusted = mig_spi_row_bool(row, 9);
	hook->may_approve = mig_spi_row_bool(row, 10);
}

/*
 * What a function is that a role wants to register.  false: there is none.
 */
bool
mig_hook_function(Oid function, Oid role, MigHookFunction *result)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.format('%I.%I(%s)', CASE"
		"        WHEN pg_catalog.starts_with(n.nspname, 'pg_temp_') THEN 'pg_temp'"
		"        ELSE n.nspname END, p.proname,"
		"        pg_catalog.pg_get_function_identity_arguments(p.oid)),"
		"       " FITS ", pg_catalog.starts_with(n.nspname, 'pg_temp_'),"
		"       pg_catalog.has_function_privilege($2, p.oid, 'EXECUTE')"
		"  FROM pg_catalog.pg_proc AS p"
		"  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace"
		" WHERE p.oid = $1"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, function);
	mig_spi_arg_oid(&args, role);
	return mig_spi_row(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
					   read_function, result);
}

static void
read_function(const MigSpiRow *row, void *result)
{
	MigHookFunction *function = result;

	function->name = mig_spi_row_text_not_null(row, 1);
	function->fits = mig_spi_row_bool(row, 2);
	function->temporary = mig_spi_row_bool(row, 3);
	function->executable = mig_spi_row_bool(row, 4);
}

/*
 * Whether a function is a hook of that event, known by its OID or by its name, or
 * the one that it was registered with.  *keeper: a role that has registered it and
 * whose rights the role does not have, or NULL; the owner of the extension has
 * those of all.
 */
bool
mig_hook_registered(MigHookEvent event, Oid function, const char *name,
					Oid role, char **keeper)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN NOT (COALESCE(pg_catalog.pg_has_role($4, o.oid, 'USAGE'), false)"
		"        OR pg_catalog.pg_has_role($4, (SELECT e.extowner"
		"             FROM pg_catalog.pg_extension AS e"
		"            WHERE e.extname = 'migrate'), 'USAGE'))"
		"        THEN h.registered_by END"
		"  FROM migrate.hook AS h" FUNCTION_OF_HOOK REGISTRAR_OF_HOOK
		MEANT
		" ORDER BY 1"
	};
	MigSpiArgs	args = {0};
	MigSpiScope scope;
	bool		found;

	bind_meant(&args, event, function, name);
	mig_spi_arg_oid(&args, role);
	*keeper = NULL;
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	found = mig_spi_execute(&scope, &query, &args, MIG_SPI_READ_LATEST) > 0;
	if (found)
	{
		MigSpiRow	row = mig_spi_fetch(&scope, 0);

		*keeper = mig_spi_row_text(&row, 1);
	}
	mig_spi_end(&scope);
	return found;
}

/*
 * Registers a function, which is not registered.
 */
void
mig_hook_put(MigHookEvent event, Oid function, Oid role)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.hook (hook, event, function_schema, function_name,"
		"  function_oid, registered_by, registered_by_oid, origin)"
		" SELECT pg_catalog.gen_random_uuid(), $1, n.nspname, p.proname, p.oid,"
		"        pg_catalog.pg_get_userbyid($3), $3, " MIG_SPI_ORIGIN
		"   FROM pg_catalog.pg_proc AS p"
		"   JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace"
		"  WHERE p.oid = $2"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, event_names[event]);
	mig_spi_arg_oid(&args, function);
	mig_spi_arg_oid(&args, role);
	mig_spi_write(&query, &args);
}

/*
 * Removes what mig_hook_registered() has found.
 */
void
mig_hook_remove(MigHookEvent event, Oid function, const char *name)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.hook WHERE hook IN ("
		" SELECT h.hook FROM migrate.hook AS h" FUNCTION_OF_HOOK MEANT ")"
	};
	MigSpiArgs	args = {0};

	bind_meant(&args, event, function, name);
	mig_spi_write(&query, &args);
}

static void
bind_meant(MigSpiArgs *args, MigHookEvent event, Oid function,
		   const char *name)
{
	mig_spi_arg_text(args, event_names[event]);
	mig_spi_arg_oid(args, function);
	mig_spi_arg_text(args, name);
}
