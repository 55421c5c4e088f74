/*
 * compat.h
 *	  All differences between server versions.
 */
#ifndef MIG_BASE_COMPAT_H
#define MIG_BASE_COMPAT_H

/* 15.2 is the first release that says whether a statement is in a pipeline. */
#if PG_VERSION_NUM < 150002
#error "migrate needs PostgreSQL 15.2 or later"
#endif

/*
 * YugabyteDB's headers number the nodes of parse trees differently, its library
 * interface has the same number: what was built for PostgreSQL can be loaded
 * there, and would take each statement for another one.  Its server is told
 * what it is by this variable (its src/common/pg_yb_common.c).
 */
#if defined(__has_include)
#if __has_include("pg_yb_utils.h")
#define MIG_COMPAT_YUGABYTEDB
#endif
#endif
#ifdef MIG_COMPAT_YUGABYTEDB
#define mig_compat_is_foreign_server()	false
#else
#define mig_compat_is_foreign_server() \
	(getenv("YB_ENABLED_IN_POSTGRES") != NULL && \
	 strcmp(getenv("YB_ENABLED_IN_POSTGRES"), "1") == 0)
#endif

/* 18 made the attribute a prefix. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn	pg_attribute_noreturn()
#endif

/*
 * In SQL: whether role a may act as role b.  From 16 on a membership need not
 * permit SET ROLE, and one that only lends the privileges of b does not let a
 * run code as b.
 */
#if PG_VERSION_NUM >= 160000
#define MIG_COMPAT_HAS_ROLE(a, b) \
	"pg_catalog.pg_has_role(" a ", " b ", 'SET')"
#else
#define MIG_COMPAT_HAS_ROLE(a, b) \
	"pg_catalog.pg_has_role(" a ", " b ", 'MEMBER')"
#endif

/* 16 moved it out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Before 16 these were private to tid.c. */
#if PG_VERSION_NUM < 160000
#define DatumGetItemPointer(X)	((ItemPointer) DatumGetPointer(X))
#define ItemPointerGetDatum(X)	PointerGetDatum(X)
#endif

/* 17 put it into a struct. */
#if PG_VERSION_NUM >= 170000
#define MIG_COMPAT_LOCAL_XID	(MyProc->vxid.lxid)
#else
#define MIG_COMPAT_LOCAL_XID	(MyProc->lxid)
#endif

/*
 * 19 knows only standard_conforming_strings = on.  Before, the scanner can be
 * told to take backslashes in plain literals as escapes, and warns of them.
 */
#if PG_VERSION_NUM >= 190000
#define mig_compat_scan_standard_strings(extra) ((void) (extra))
#define MIG_COMPAT_STANDARD_STRINGS		true
#define mig_compat_set_standard_strings(on) ((void) (on))
#else
#define MIG_COMPAT_STANDARD_STRINGS		standard_conforming_strings
#define mig_compat_set_standard_strings(on) \
	(standard_conforming_strings = (on))
#define mig_compat_scan_standard_strings(extra) \
	((extra)->standard_conforming_strings = true, \
	 (extra)->escape_string_warning = false)
#endif

/*
 * 19 made CLUSTER a form of REPACK, and renamed a subscription's REFRESH to
 * make room for REFRESH SEQUENCES, which can run inside a transaction block.
 */
#if PG_VERSION_NUM >= 190000
#define MIG_COMPAT_HAVE_REPACK
#else
#define ALTER_SUBSCRIPTION_REFRESH_PUBLICATION ALTER_SUBSCRIPTION_REFRESH
#endif

/* 17 has ALTER COLUMN ... SET EXPRESSION. */
#if PG_VERSION_NUM >= 170000
#define MIG_COMPAT_HAVE_SET_EXPRESSION
#endif

/* 17 keeps the condition of MERGE by itself, and has rows that no source matches. */
#if PG_VERSION_NUM >= 170000
#define mig_compat_merge_condition(query) ((query)->mergeJoinCondition)
#define mig_compat_when_matched(action) \
	((action)->matchKind == MERGE_WHEN_MATCHED)
#define mig_compat_by_source(action) \
	((action)->matchKind == MERGE_WHEN_NOT_MATCHED_BY_SOURCE)
#else
#define mig_compat_merge_condition(query) ((Node *) NULL)
#define mig_compat_when_matched(action) ((action)->matched)
#define mig_compat_by_source(action) false
#endif

/* 18 has relations of their own for what is grouped by. */
#if PG_VERSION_NUM >= 180000
#define MIG_COMPAT_HAVE_RTE_GROUP
#endif

/* 18 has generated columns that are computed when they are read. */
#if PG_VERSION_NUM >= 180000
#define mig_compat_is_virtual(constraint) ((constraint)->generated_kind == 'v')
#else
#define mig_compat_is_virtual(constraint) false
#endif

/* 18 gave ALTER CONSTRAINT a node of its own, which says what it alters. */
#if PG_VERSION_NUM >= 180000
#define MIG_COMPAT_HAVE_ALTER_CONSTRAINT_NODE
#endif

#include "utils/guc_tables.h"

/* 19 put the kinds of settings into one struct. */
#if PG_VERSION_NUM >= 190000
#define mig_compat_enum_name(record, value) \
	config_enum_lookup_by_value((record), (value))
#else
#define mig_compat_enum_name(record, value) \
	config_enum_lookup_by_value((struct config_enum *) \
								unconstify(struct config_generic *, (record)), (value))
#endif

/*
 * 16 made the list of the settings, which was an array that callers searched,
 * one for the caller, and keeps a hash table to find one.  NULL: there is none
 * of that name.
 */
#if PG_VERSION_NUM >= 160000
#define mig_compat_guc_variables(n)		get_guc_variables(n)
#define mig_compat_find_setting(name)	find_option(name, false, true, 0)
#else
#define mig_compat_guc_variables(n) \
	(*(n) = GetNumConfigOptions(), get_guc_variables())

static inline struct config_generic *
mig_compat_find_setting(const char *name)
{
	int			n;
	struct config_generic **settings = mig_compat_guc_variables(&n);

	for (int i = 0; i < n; i++)
	{
		if (pg_strcasecmp(settings[i]->name, name) == 0)
			return settings[i];
	}
	return NULL;
}
#endif

/*
 * From 17 on a library can get shared memory after the start; 19 gives the
 * callback that fills it an argument.
 */
#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#define MIG_COMPAT_HAVE_NAMED_SEGMENT
#if PG_VERSION_NUM >= 190000
#define MIG_COMPAT_SEGMENT_ARG	, void *arg
#define mig_compat_named_segment(name, size, fill, found) \
	GetNamedDSMSegment(name, size, fill, found, NULL)
#else
#define MIG_COMPAT_SEGMENT_ARG
#define mig_compat_named_segment(name, size, fill, found) \
	GetNamedDSMSegment(name, size, fill, found)
#endif
#endif

/*
 * A place where a test stops a run, on a server that was built for that.
 */
#if PG_VERSION_NUM >= 170000
#include "utils/injection_point.h"
#if PG_VERSION_NUM >= 180000
#define mig_compat_injection_point(name) INJECTION_POINT(name, NULL)
#else
#define mig_compat_injection_point(name) INJECTION_POINT(name)
#endif
#else
#define mig_compat_injection_point(name) ((void) 0)
#endif

/*
 * In SQL: what is said of a column a of a table c that is NOT NULL.  18 made a
 * constraint of it; its name is left out where it is the one that a dump leaves
 * out, too.
 */
#if PG_VERSION_NUM >= 180000
#define MIG_COMPAT_NOT_NULL(a, c) \
	"(SELECT concat_ws(' ', 'CONSTRAINT ' || quote_ident(NULLIF(k.conname," \
	"          concat(" c ".relname, '_', " a ".attname, '_not_null'))), 'NOT NULL'," \
	"          CASE WHEN k.connoinherit THEN 'NO INHERIT' END," \
	"          CASE WHEN NOT k.convalidated THEN 'NOT VALID' END)" \
	"   FROM pg_constraint AS k" \
	"  WHERE k.conrelid = " a ".attrelid AND k.contype = 'n'" \
	"    AND k.conkey[1] = " a ".attnum)"
#else
#define MIG_COMPAT_NOT_NULL(a, c) \
	"CASE WHEN " a ".attnotnull THEN 'NOT NULL' END"
#endif

/* In SQL: the locale of a collation l, whose column 17 has renamed, its rules. */
#if PG_VERSION_NUM >= 170000
#define MIG_COMPAT_COLLATION_LOCALE(l)	l ".colllocale"
#else
#define MIG_COMPAT_COLLATION_LOCALE(l)	l ".colliculocale"
#endif
#if PG_VERSION_NUM >= 160000
#define MIG_COMPAT_COLLATION_RULES(l)	l ".collicurules"
#else
#define MIG_COMPAT_COLLATION_RULES(l)	"NULL"
#endif

/* In SQL: what each version has added to a publication p, and its relations r. */
#if PG_VERSION_NUM >= 190000
#define MIG_COMPAT_PUBLICATION(p) \
	"CASE WHEN " p ".pubgencols = 's' THEN 'publish_generated_columns = stored' END," \
	"CASE WHEN " p ".puballsequences THEN 'FOR ALL SEQUENCES' END"
#define MIG_COMPAT_PUBLICATION_EXCEPT(r) \
	"CASE WHEN " r ".prexcept THEN 'EXCEPT' END"
#elif PG_VERSION_NUM >= 180000
#define MIG_COMPAT_PUBLICATION(p) \
	"CASE WHEN " p ".pubgencols = 's' THEN 'publish_generated_columns = stored' END"
#define MIG_COMPAT_PUBLICATION_EXCEPT(r)	"NULL"
#else
#define MIG_COMPAT_PUBLICATION(p)			"NULL"
#define MIG_COMPAT_PUBLICATION_EXCEPT(r)	"NULL"
#endif

/* In SQL: the options that each version has added to a subscription s. */
#if PG_VERSION_NUM >= 160000
#define MIG_COMPAT_SUBSCRIPTION_16(s) \
	", 'origin = ' || NULLIF(" s ".suborigin, 'any')" \
	", CASE WHEN NOT " s ".subpasswordrequired THEN 'password_required = false' END" \
	", CASE WHEN " s ".subrunasowner THEN 'run_as_owner' END"
#else
#define MIG_COMPAT_SUBSCRIPTION_16(s)	""
#endif
#if PG_VERSION_NUM >= 170000
#define MIG_COMPAT_SUBSCRIPTION_17(s) \
	", CASE WHEN " s ".subfailover THEN 'failover' END"
#else
#define MIG_COMPAT_SUBSCRIPTION_17(s)	""
#endif
#if PG_VERSION_NUM >= 190000
#define MIG_COMPAT_SUBSCRIPTION_19(s) \
	", CASE WHEN " s ".subretaindeadtuples THEN 'retain_dead_tuples' END" \
	", 'max_retention_duration = ' || NULLIF(" s ".submaxretention, 0)" \
	", 'wal_receiver_timeout = ' || quote_literal(" s ".subwalrcvtimeout)" \
	", 'SERVER ' || (SELECT quote_ident(f.srvname) FROM pg_foreign_server AS f" \
	"                 WHERE f.oid = " s ".subserver)"
#else
#define MIG_COMPAT_SUBSCRIPTION_19(s)	""
#endif
#define MIG_COMPAT_SUBSCRIPTION(s) \
	MIG_COMPAT_SUBSCRIPTION_16(s) MIG_COMPAT_SUBSCRIPTION_17(s) \
	MIG_COMPAT_SUBSCRIPTION_19(s)

/* 19 moved get_database_name(). */
#if PG_VERSION_NUM >= 190000
#include "utils/lsyscache.h"
#else
#include "commands/dbcommands.h"
#endif

#endif							/* MIG_BASE_COMPAT_H */
