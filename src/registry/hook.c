/*
 * hook.c
 *	  Registers the functions that runs call, and removes them.
 *
 * Who may be called is decided by each run (run/hook.c): here only what can be no
 * hook of any run is refused.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/printable.h"
#include "registry/registry_internal.h"
#include "run/run.h"
#include "tables/hook.h"

static MigHookEvent event_by_name(const char *name);
static void check_function(Oid function, MigHookFunction *found);
static bool find_own(MigHookEvent event, Oid function, const char *name);
static Oid	function_by_name(const char *name);

/*
 * Has runs call a function at an event, in the name of the current role.  One that
 * is a hook of the event already is registered anew, at the end of their order.
 */
void
mig_register_hook(const char *event_name, Oid function)
{
	MigHookEvent event = event_by_name(event_name);
	MigHookFunction found;

	check_function(function, &found);
	/* Of two sessions that register it one finds the row of the other. */
	mig_lock_registry();
	if (find_own(event, function, NULL))
		mig_hook_remove(event, function, NULL);
	mig_hook_put(event, function, GetUserId());
	ereport(LOG_SERVER_ONLY,
			(errmsg("role \"%s\" registered hook %s for %s",
					GetUserNameFromId(GetUserId(), false), found.name,
					event_name)));
}

static MigHookEvent
event_by_name(const char *name)
{
	MigHookEvent event;

	if (!mig_hook_event_find(name, &event))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("event \"%s\" of hooks does not exist", name),
				 errhint("Events are \"before_run\", \"after_run\", \"before_step\", \"after_step\" and \"on_error\".")));
	return event;
}

static void
check_function(Oid function, MigHookFunction *found)
{
	if (!mig_hook_function(function, GetUserId(), found))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function with OID %u does not exist", function)));
	if (!found->executable)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function %s", found->name)));
	if (!found->fits)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("%s cannot be a hook", found->name),
				 errdetail("A hook is a function with one argument of type jsonb that returns void."),
				 errhint("CREATE FUNCTION name(event jsonb) RETURNS void ...")));
	if (found->temporary)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("temporary function %s cannot be a hook", found->name),
				 errdetail("It ends with this session.")));
}

/*
 * Whether the function is a hook of that event.  Raises an error if the current
 * role may not change it: it could keep a role with more rights from what that
 * has asked for.
 */
static bool
find_own(MigHookEvent event, Oid function, const char *name)
{
	char	   *keeper;
	bool		found = mig_hook_registered(event, function, name, GetUserId(),
											&keeper);

	if (keeper != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to change a hook of role \"%s\"",
						keeper),
				 errhint("A role with the rights of %s can, or the owner of the extension.",
						 mig_printable_quoted(keeper))));
	return found;
}

/*
 * Has runs call a function no longer at an event.  It may be gone, and is known by
 * the name that it was registered with, too.
 */
void
mig_register_unhook(const char *event_name, const char *name)
{
	MigHookEvent event = event_by_name(event_name);
	Oid			function = InvalidOid;

	mig_lock_registry();
	if (!find_own(event, function, name))
	{
		function = function_by_name(name);
		if (!OidIsValid(function) || !find_own(event, function, name))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("function %s is no hook for %s", name, event_name),
					 errhint("SELECT * FROM migrate.hooks; lists the hooks.")));
	}
	mig_hook_remove(event, function, name);
	ereport(LOG_SERVER_ONLY,
			(errmsg("role \"%s\" removed hook %s for %s",
					GetUserNameFromId(GetUserId(), false), name, event_name)));
}

/*
 * The function that a name stands for with the caller's search_path; InvalidOid:
 * none.
 */
static Oid
function_by_name(const char *name)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.to_regprocedure($1)::pg_catalog.oid"
	};
	MigSpiArgs	args = {0};
	Datum		function;

	mig_spi_arg_text(&args, name);
	return mig_spi_first_datum(&query, &args, MIG_SPI_CALLER_PATH,
							   MIG_SPI_READ_LATEST, OIDOID, &function) ?
		DatumGetObjectId(function) : InvalidOid;
}
