/*
 * tenant.c
 *	  Runs the same revisions in several schemas, each with its own version table.
 *
 * A tenant is a schema.  Its run has that schema in front of the caller's
 * search_path and the version table of that schema, which is made if there is
 * none.  These are two settings, so that a run, its log rows, its hints and its
 * job are as in a session that has made them.
 *
 * The runs of a procedure follow each other.  One that fails is reported and
 * does not stop the others, unless that is asked for.  At its end the procedure
 * fails if one of them has.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/command.h"
#include "base/printable.h"
#include "base/retry.h"
#include "graph/graph.h"
#include "run/run_internal.h"
#include "tables/confirmation.h"
#include "tables/log.h"
#include "tables/repeatable.h"
#include "tables/revision.h"

/* So many schemas are named in a message. */
#define MAX_NAMED				10

/* A schema that was asked for, by its name or by a pattern. */
typedef struct Match
{
	char	   *asked;
	char	   *schema;			/* NULL: there is none */
	Oid			schema_oid;
	bool		is_pattern;
	bool		is_reserved;	/* of the server or an extension, or nothing
								 * that a search_path can name */
	bool		is_foreign;		/* a role without the rights of this one may
								 * create objects there */
	char	   *foreign_object; /* what such a role has there; NULL: nothing,
								 * or not looked for */
} Match;

/* The runs of a procedure. */
typedef struct TenantRuns
{
	const MigRunRequest *request;
	const char *search_path;	/* of the caller */
	bool		stop_on_error;
	MemoryContext context;		/* for what outlives a run */
	int			ntenants;
	MigTenant  *tenants;
	int			nbegun;
	int			ndone;
	int			nended;			/* before their target */
	List	   *failed;			/* names of schemas, when their runs began */
	List	   *to_repeat;		/* those that they have now, of those that are
								 * still there */
	bool		progressed;		/* one of those that failed, before that, or
								 * it is partial */
	ErrorData  *first_error;
	char	   *to_change;		/* see MigRunResult, of the first one that has
								 * failed there; or NULL */
	MigRunResult result;		/* of the last run */
} TenantRuns;

/*
 * Whether a role without the rights of $2 may create objects in schema n: its owner,
 * or one that has CREATE on it.
 */
#define IS_FOREIGN \
	"(NOT " MIG_COMPAT_HAS_ROLE("n.nspowner", "$2") \
	" OR EXISTS (SELECT FROM pg_catalog.aclexplode(n.nspacl) AS a" \
	"             WHERE a.privilege_type = 'CREATE'" \
	"               AND NOT CASE a.grantee WHEN 0 THEN false" \
	"                   ELSE " MIG_COMPAT_HAS_ROLE("a.grantee", "$2") " END))"

/* Why such a schema is none for a pattern. */
#define FOREIGN_DETAIL \
	"What the owner of a schema, or a role with CREATE on it, puts there is found by the bodies."

#define FOREIGN_OBJECT_DETAIL \
	"There is %s. The bodies can find what such a role owns, and its use can run code of that role."
#define FOREIGN_OBJECT_HINT \
	"Drop such objects or give them another owner, or name the schema without a pattern."

/*
 * An object in schema n that such a role owns, with its owner, from when it could
 * create some.  Those that the schema holds are found by an index: the catalogs
 * of each class would be read as a whole.
 */
#define FOREIGN_OBJECT \
	"(SELECT pg_catalog.format('%s of role \"%s\"'," \
	"               pg_catalog.pg_describe_object(o.classid, o.objid, 0)," \
	"               pg_catalog.pg_get_userbyid(o.owner))" \
	"   FROM (SELECT d.classid, d.objid, CASE d.classid" \
	OWNER_IN("pg_class", "relowner") \
	OWNER_IN("pg_proc", "proowner") \
	OWNER_IN("pg_type", "typowner") \
	OWNER_IN("pg_operator", "oprowner") \
	OWNER_IN("pg_opclass", "opcowner") \
	OWNER_IN("pg_opfamily", "opfowner") \
	OWNER_IN("pg_collation", "collowner") \
	OWNER_IN("pg_conversion", "conowner") \
	OWNER_IN("pg_ts_config", "cfgowner") \
	OWNER_IN("pg_ts_dict", "dictowner") \
	OWNER_IN("pg_statistic_ext", "stxowner") \
	"                END" \
	"           FROM pg_catalog.pg_depend AS d" \
	"          WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass" \
	"            AND d.refobjid = n.oid AND d.deptype = 'n'" \
	"        ) AS o (classid, objid, owner)" \
	"  WHERE NOT " MIG_COMPAT_HAS_ROLE("o.owner", "$2") \
	"  ORDER BY o.classid, o.objid LIMIT 1)"
#define OWNER_IN(catalog, column) \
	" WHEN 'pg_catalog." catalog "'::pg_catalog.regclass" \
	" THEN (SELECT c." column " FROM pg_catalog." catalog " AS c WHERE c.oid = d.objid)"

static Match *match(int nnames, char **names, int *nmatches);
static void read_match(const MigSpiRow *row, void *result);
static void set_names(MigTenant *tenant, char *schema, const char *search_path);
static void check_match(const Match *match);
static void warn_foreign(const Match *matches, int nmatches);
static void warn_foreign_objects(const Match *matches, int nmatches);
static void refuse_foreign(const MigTenant *tenant);
static void refuse_foreign_object(const MigTenant *tenant);
static void set(const char *name, const char *value, GucAction action);
static ErrorData *attempt(const TenantRuns *runs, MigWork work, void *arg);
static void all_work(void *arg);
static bool meets_all(const ErrorData *error);
static void turn_work(void *arg);
static void enter_work(void *arg);
static void report(const TenantRuns *runs, const MigTenant *tenant,
				   const ErrorData *error);
static char *advise_schema(const TenantRuns *runs, const MigTenant *tenant,
						   const char *hint);
static char *name_now(const MigTenant *tenant);
static void note_progress(const TenantRuns *runs, ErrorData *error);
static void report_end(const TenantRuns *runs);
static char *advise(const TenantRuns *runs);
static char *advise_change(const TenantRuns *runs);
static bool is_tenant(const TenantRuns *runs, const MigVersionName *table);

/*
 * The tenants that are asked for, each once, in the order of the names; those
 * of a pattern, which has a *, in the order of their names.  Raises an error if
 * a schema does not exist or cannot be a tenant.
 */
MigTenant *
mig_tenant_list(int nnames, char **names, int *ntenants)
{
	const char *path = GetConfigOption("search_path", false, false);
	int			nmatches;
	Match	   *matches = match(nnames, names, &nmatches);
	MigTenant  *tenants = palloc(sizeof(MigTenant) * Max(nmatches, 1));

	*ntenants = 0;
	for (int i = 0; i < nmatches; i++)
	{
		MigTenant  *tenant = &tenants[*ntenants];

		check_match(&matches[i]);
		if (matches[i].is_foreign || matches[i].foreign_object != NULL)
			continue;
		set_names(tenant, matches[i].schema, path);
		tenant->schema_oid = matches[i].schema_oid;
		tenant->by_pattern = matches[i].is_pattern;
		(*ntenants)++;
	}
	warn_foreign(matches, nmatches);
	warn_foreign_objects(matches, nmatches);
	if (*ntenants == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("there is no schema to run in"),
				 errhint("Name the schemas, as in schemas => '{tenant_1, tenant_2}' or '{tenant_*}'.")));
	return tenants;
}

static void
set_names(MigTenant *tenant, char *schema, const char *search_path)
{
	tenant->schema = schema;
	tenant->search_path = *search_path == '\0' ?
		pstrdup(quote_identifier(schema)) :
		psprintf("%s, %s", quote_identifier(schema), search_path);
	tenant->version_table = mig_version_table_in(schema);
}

/*
 * Makes the settings of a tenant, and its version table if there is none.  The
 * schema may have another owner by now, or be another one.
 */
void
mig_tenant_enter(const MigTenant *tenant, GucAction action)
{
	if (tenant->by_pattern)
	{
		refuse_foreign(tenant);
		refuse_foreign_object(tenant);
	}
	set("search_path", tenant->search_path, action);
	set("migrate.version_table", tenant->version_table, action);
	if (mig_version_create_missing(tenant->version_table))
	{
		mig_repeatable_forget_former(tenant->version_table);
		mig_confirmation_forget_former(tenant->version_table);
	}
}

/*
 * Does what is asked for in each of the schemas.  Raises an error in the end if
 * a run has failed.
 */
void
mig_tenant_run(const MigRunRequest *request, int nnames, char **names,
			   bool stop_on_error)
{
	TenantRuns	runs = {.request = request, .stop_on_error = stop_on_error};
	List	   *settings;
	ErrorData  *error;

	mig_precheck_transaction(request);
	/* What the caller has set for its transaction ends with it. */
	mig_xact_renew();
	/* What is wrong with it is wrong in every schema. */
	if (!mig_target_is_relative(request->targets[0]))
		(void) mig_target_resolve_list(mig_revision_graph(MIG_SPI_READ_LATEST),
									   1, request->targets);
	runs.context = AllocSetContextCreate(PortalContext, "migrate tenants",
										 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(runs.context);
	runs.search_path = pstrdup(GetConfigOption("search_path", false, false));
	runs.tenants = mig_tenant_list(nnames, names, &runs.ntenants);
	settings = mig_session_setting_read();
	mig_xact_renew();

	error = attempt(&runs, all_work, &runs);

	mig_session_setting_restore(settings);
	mig_xact_renew();
	if (error != NULL)
	{
		note_progress(&runs, error);
		ReThrowError(error);
	}
	report_end(&runs);
}

/*
 * The schemas that the names stand for.  A name that stands for none is there
 * without one.
 */
static Match *
match(int nnames, char **names, int *nmatches)
{
	static MigSpiQuery query = {
		"SELECT n.asked, n.nspname, n.is_pattern, n.is_reserved, n.is_foreign,"
		"       CASE WHEN n.is_pattern AND NOT n.is_foreign THEN " FOREIGN_OBJECT " END,"
		"       n.oid"
		"  FROM (SELECT pg_catalog.min(a.name), pg_catalog.min(a.number), s.oid, s.nspname,"
		"               pg_catalog.bool_and(a.is_pattern), s.is_reserved,"
		"               pg_catalog.bool_and(a.is_pattern) AND s.is_foreign"
		"  FROM (SELECT u.name, u.number, pg_catalog.strpos(u.name, '*') > 0,"
		"               pg_catalog.replace(pg_catalog.replace("
		"                 pg_catalog.replace(pg_catalog.replace(u.name,"
		"                   '!', '!!'), '%', '!%'), '_', '!_'), '*', '%')"
		"          FROM pg_catalog.unnest($1) WITH ORDINALITY AS u (name, number)"
		"       ) AS a (name, number, is_pattern, pattern)"
		"  LEFT JOIN (SELECT n.oid, n.nspname, " IS_FOREIGN ","
		"                    pg_catalog.starts_with(n.nspname, 'pg_') OR"
		"                    n.nspname IN ('information_schema', 'migrate', '$user')"
		"                    OR EXISTS (SELECT FROM pg_catalog.pg_depend AS d"
		"                                WHERE d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass"
		"                                  AND d.objid = n.oid AND d.deptype = 'e'),"
		"                    n.nspname <> 'public' AND EXISTS"
		"                      (SELECT FROM pg_catalog.pg_extension AS e"
		"                        WHERE e.extname = 'migrate' AND e.extnamespace = n.oid)"
		"               FROM pg_catalog.pg_namespace AS n"
		"            ) AS s (oid, nspname, is_foreign, is_reserved, is_ours)"
		"    ON CASE WHEN a.is_pattern"
		"        THEN s.nspname LIKE a.pattern ESCAPE '!'"
		"             AND NOT s.is_reserved AND NOT s.is_ours"
		"        ELSE s.nspname = a.name END"
		" GROUP BY s.oid, s.nspname, s.is_foreign, s.is_reserved,"
		"       CASE WHEN s.nspname IS NULL THEN a.number END"
		"       ) AS n (asked, number, oid, nspname, is_pattern, is_reserved, is_foreign)"
		" ORDER BY n.number, n.nspname COLLATE \"C\""
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_texts(&args, names, nnames);
	mig_spi_arg_oid(&args, GetUserId());
	return mig_spi_rows(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
						sizeof(Match), read_match, nmatches);
}

static void
read_match(const MigSpiRow *row, void *result)
{
	Match	   *match = result;

	match->asked = mig_spi_row_text(row, 1);
	match->schema = mig_spi_row_text(row, 2);
	match->is_pattern = mig_spi_row_bool(row, 3);
	match->is_reserved = match->schema != NULL && mig_spi_row_bool(row, 4);
	match->is_foreign = match->schema != NULL && mig_spi_row_bool(row, 5);
	match->foreign_object = mig_spi_row_text(row, 6);
	match->schema_oid = mig_spi_row_oid(row, 7);
}

static void
check_match(const Match *match)
{
	if (match->schema == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 match->is_pattern ?
				 errmsg("no schema matches \"%s\"", match->asked) :
				 errmsg("schema \"%s\" does not exist", match->asked),
				 errdetail("Nothing was run.")));
	if (match->is_reserved)
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("revisions cannot be run in schema \"%s\"", match->schema),
				 strcmp(match->schema, "$user") == 0 ?
				 errdetail("The search_path takes it for the schema of the role. Nothing was run.") :
				 errdetail("It belongs to the server or to an extension. Nothing was run.")));
}

/*
 * What another role puts into a schema is found by the bodies, which run with the
 * rights of this one: a pattern must not lead them there.
 */
static void
warn_foreign(const Match *matches, int nmatches)
{
	List	   *names = NIL;

	for (int i = 0; i < nmatches; i++)
	{
		if (matches[i].is_foreign)
			names = lappend(names, matches[i].schema);
	}
	if (names != NIL)
		ereport(WARNING,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg_plural("%d schema is left out because a role without the rights of role \"%s\" can create objects in it",
							   "%d schemas are left out because roles without the rights of role \"%s\" can create objects in them",
							   list_length(names), list_length(names),
							   GetUserNameFromId(GetUserId(), false)),
				 errdetail("Left out: %s. " FOREIGN_DETAIL,
						   mig_printable_names(names, MAX_NAMED)),
				 errhint("Run this as the owner of the schemas, revoke CREATE on them and drop what such roles have put there, or name them without a pattern.")));
}

/*
 * The same of what such a role has put there while it could.
 */
static void
warn_foreign_objects(const Match *matches, int nmatches)
{
	const char *object = NULL;
	List	   *names = NIL;

	for (int i = 0; i < nmatches; i++)
	{
		if (matches[i].foreign_object == NULL)
			continue;
		if (object == NULL)
			object = matches[i].foreign_object;
		names = lappend(names, matches[i].schema);
	}
	if (names != NIL)
		ereport(WARNING,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg_plural("%d schema is left out because it holds an object of a role without the rights of role \"%s\"",
							   "%d schemas are left out because they hold objects of roles without the rights of role \"%s\"",
							   list_length(names), list_length(names),
							   GetUserNameFromId(GetUserId(), false)),
				 errdetail("Left out: %s. " FOREIGN_OBJECT_DETAIL,
						   mig_printable_names(names, MAX_NAMED), mig_printable(object)),
				 errhint(FOREIGN_OBJECT_HINT)));
}

/*
 * The same of a schema that was none of these when its name was found.
 */
static void
refuse_foreign(const MigTenant *tenant)
{
	static MigSpiQuery query = {
		"SELECT FROM pg_catalog.pg_namespace AS n"
		" WHERE n.nspname = $1 AND " IS_FOREIGN
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, tenant->schema);
	mig_spi_arg_oid(&args, GetUserId());
	if (mig_spi_exists(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot run in schema \"%s\": a role without the rights of role \"%s\" can create objects in it",
						mig_printable(tenant->schema),
						GetUserNameFromId(GetUserId(), false)),
				 errdetail(FOREIGN_DETAIL),
				 errhint("Run this as the owner of the schema, revoke CREATE on it and drop what such a role has put there, or name it without a pattern.")));
}

static void
refuse_foreign_object(const MigTenant *tenant)
{
	static MigSpiQuery query = {
		"SELECT " FOREIGN_OBJECT " FROM pg_catalog.pg_namespace AS n"
		" WHERE n.nspname = $1"
	};
	MigSpiArgs	args = {0};
	const char *object;

	mig_spi_arg_text(&args, tenant->schema);
	mig_spi_arg_oid(&args, GetUserId());
	object = mig_spi_first(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
	if (object != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot run in schema \"%s\": it holds an object of a role without the rights of role \"%s\"",
						mig_printable(tenant->schema),
						GetUserNameFromId(GetUserId(), false)),
				 errdetail(FOREIGN_OBJECT_DETAIL, mig_printable(object)),
				 errhint(FOREIGN_OBJECT_HINT)));
}

static void
set(const char *name, const char *value, GucAction action)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, action,
							 true, 0, false);
}

/*
 * Does work that commits.  NULL: it is done.  Otherwise the error, and a transaction
 * has just begun.
 */
static ErrorData *
attempt(const TenantRuns *runs, MigWork work, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		work(arg);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(runs->context);
		error = CopyErrorData();
		FlushErrorState();
		mig_xact_abandon_subxacts(level);
		mig_xact_abort();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(runs->context);
	if (error != NULL)
		mig_xact_end_cancel(error);
	return error;
}

/*
 * Runs one tenant after the other.
 */
static void
all_work(void *arg)
{
	TenantRuns *runs = arg;

	while (runs->nbegun < runs->ntenants)
	{
		const MigTenant *tenant = &runs->tenants[runs->nbegun++];
		MemoryContext context = AllocSetContextCreate(runs->context,
													  "migrate tenant",
													  ALLOCSET_DEFAULT_SIZES);
		ErrorData  *error;
		bool		is_last;

		MemoryContextSwitchTo(context);
		error = attempt(runs, turn_work, runs);
		if (runs->to_change == NULL && runs->result.to_change != NULL)
			runs->to_change = pstrdup(runs->result.to_change);
		MemoryContextDelete(context);
		if (error == NULL)
			continue;
		is_last = runs->stop_on_error || meets_all(error);
		mig_retry_make_plain(error);
		runs->failed = lappend(runs->failed, tenant->schema);
		if (name_now(tenant) != NULL)
			runs->to_repeat = lappend(runs->to_repeat, name_now(tenant));
		runs->progressed = runs->progressed || runs->result.ncommitted > 0 ||
			runs->result.partial;
		if (runs->first_error == NULL)
			runs->first_error = error;

		/*
		 * A cancel that comes now ends the next run, and is reported as its
		 * end.
		 */
		HOLD_INTERRUPTS();
		report(runs, tenant, error);
		RESUME_INTERRUPTS();
		if (is_last)
			break;
	}
}

/*
 * Whether the next run would meet the error, too, or must not begin: a cancel is
 * one of all runs, and only the next command of the client brings a catalog cache
 * up to date.
 */
static bool
meets_all(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		mig_retry_is_stale(error);
}

/*
 * The run of the tenant whose turn it is.
 */
static void
turn_work(void *arg)
{
	TenantRuns *runs = arg;
	MigTenant  *tenant = &runs->tenants[runs->nbegun - 1];

	memset(&runs->result, 0, sizeof(runs->result));
	ereport(NOTICE,
			(errmsg("schema \"%s\", %d of %d", mig_printable(tenant->schema),
					runs->nbegun, runs->ntenants)));
	mig_xact(enter_work, tenant, MIG_XACT_RAISE);
	mig_run(runs->request, &runs->result);
	if (runs->result.end_reason != NULL)
		runs->nended++;
	else
		runs->ndone++;
}

static void
enter_work(void *arg)
{
	MigTenant  *tenant = arg;
	Oid			schema_oid;

	mig_tenant_enter(tenant, GUC_ACTION_SET);
	schema_oid = get_namespace_oid(tenant->schema, true);
	if (OidIsValid(schema_oid))
		tenant->schema_oid = schema_oid;
}

static void
report(const TenantRuns *runs, const MigTenant *tenant, const ErrorData *error)
{
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 runs->request->command == MIG_COMMAND_UPGRADE ?
			 errmsg("upgrade in schema \"%s\" failed: %s", mig_printable(tenant->schema),
					error->message) :
			 errmsg("downgrade in schema \"%s\" failed: %s", mig_printable(tenant->schema),
					error->message),
			 error->detail != NULL ? errdetail_internal("%s", error->detail) : 0,
			 errhint("%s", advise_schema(runs, tenant, error->hint)),
			 error->context != NULL ? errcontext("%s", error->context) : 0));
}

/*
 * The hint of the error, which is for a session that has the settings of the tenant;
 * with these, unless it has what it needs.  Where the schema was renamed meanwhile
 * these are others, and where it was dropped there are none.
 */
static char *
advise_schema(const TenantRuns *runs, const MigTenant *tenant, const char *hint)
{
	char	   *name = name_now(tenant);
	MigTenant	now;
	char	   *session;

	if (runs->result.elsewhere)
		return pstrdup(hint);
	if (name == NULL)
		return psprintf("Schema \"%s\" does not exist any more.",
						mig_printable(tenant->schema));
	set_names(&now, name, runs->search_path);
	session = mig_advice_session(now.version_table, now.search_path);
	if (hint == NULL)
		hint = "SELECT * FROM migrate.status;";
	return strcmp(name, tenant->schema) == 0 ?
		psprintf("For this schema: %s%s", session, hint) :
		psprintf("For this schema, whose name is \"%s\" now: %s%s",
				 mig_printable(name), session, hint);
}

/*
 * The name that the schema of a tenant has now, or, if it was dropped, another one
 * has that was made in its place.  NULL: there is none.
 */
static char *
name_now(const MigTenant *tenant)
{
	char	   *name = get_namespace_name(tenant->schema_oid);

	return name != NULL ? name :
		OidIsValid(get_namespace_oid(tenant->schema, true)) ? tenant->schema : NULL;
}

/*
 * Adds to an error between runs how far they are: without names, as one that the
 * client's encoding does not have may be the cause.
 */
static void
note_progress(const TenantRuns *runs, ErrorData *error)
{
	if (error->detail == NULL)
		error->detail = psprintf("Failed: %d, succeeded: %d, not begun: %d.",
								 runs->nbegun - runs->ndone - runs->nended,
								 runs->ndone, runs->ntenants - runs->nbegun);
}

/*
 * How many runs have succeeded, and, as an error with the code of the first one,
 * which have not.
 */
static void
report_end(const TenantRuns *runs)
{
	bool		upgrade = runs->request->command == MIG_COMMAND_UPGRADE;
	int			nfailed = list_length(runs->failed);

	if (nfailed == 0)
	{
		ereport(NOTICE,
				(upgrade ?
				 errmsg("done: %d of %d schemas upgraded", runs->ndone,
						runs->ntenants) :
				 errmsg("done: %d of %d schemas downgraded", runs->ndone,
						runs->ntenants),
				 runs->nended > 0 ?
				 errdetail("Ended before their target: %d.", runs->nended) : 0));
		return;
	}
	ereport(ERROR,
			(errcode(runs->first_error->sqlerrcode),
			 upgrade ?
			 errmsg("upgrade failed in %d of %d schemas", nfailed,
					runs->ntenants) :
			 errmsg("downgrade failed in %d of %d schemas", nfailed,
					runs->ntenants),
			 errdetail("Failed: %s. Succeeded: %d, not begun: %d.",
					   mig_printable_names(runs->failed, MAX_NAMED), runs->ndone,
					   runs->ntenants - runs->nbegun),
			 errhint("To see where each is: SELECT * FROM migrate.tenants;%s%s",
					 advise(runs), advise_change(runs))));
}

/*
 * The statement that runs what has failed or was not begun.  Of more schemas than
 * a reader pastes there is none, nor where the target is counted from where a schema
 * is by now, or will be when its partial revision is finished: it would be another
 * one.
 */
static char *
advise(const TenantRuns *runs)
{
	const MigRunRequest *request = runs->request;
	List	   *names = list_copy(runs->to_repeat);

	for (int i = runs->nbegun; i < runs->ntenants; i++)
	{
		char	   *name = name_now(&runs->tenants[i]);

		if (name != NULL)
			names = lappend(names, name);
	}
	if (names == NIL || list_length(names) > MIG_ADVICE_SCHEMAS ||
		(runs->progressed && mig_target_is_relative(request->targets[0])))
		return "";
	return psprintf("\nTo try again when the cause is removed: CALL %s(%s, schemas => %s%s);",
					mig_command_procedure(request->command),
					quote_literal_cstr(request->targets[0]), mig_advice_schemas(names),
					runs->stop_on_error ? ", stop_on_error => true" : "");
}

/*
 * The statement without which the body that has failed cannot be replaced, if the
 * other schemas that have it are of this run.  Others were not asked for: a role may
 * have stamped one of its own, where a downgrade would run its functions.
 */
static char *
advise_change(const TenantRuns *runs)
{
	int			nholders;
	MigVersionName *holders;
	List	   *names = NIL;
	char	   *revert;

	if (runs->to_change == NULL)
		return "";
	holders = mig_log_holders(NULL, runs->to_change, &nholders);
	for (int i = 0; i < nholders; i++)
	{
		if (!is_tenant(runs, &holders[i]))
			return "";
		names = lappend(names, holders[i].schema);
	}
	revert = mig_advice_revert_schemas(runs->to_change, names);
	return revert == NULL ? "" :
		psprintf("\nTo replace revision \"%s\", run its downgrade first where it is applied, which may drop data: %s",
				 mig_printable(runs->to_change), revert);
}

static bool
is_tenant(const TenantRuns *runs, const MigVersionName *table)
{
	for (int i = 0; i < runs->ntenants; i++)
	{
		if (strcmp(runs->tenants[i].schema, table->schema) == 0)
			return strcmp(table->name, runs->tenants[i].version_table) == 0;
	}
	return false;
}
