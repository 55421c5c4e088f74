/*
 * version.h
 *	  The version table: which revisions are applied.
 */
#ifndef MIG_TABLES_VERSION_H
#define MIG_TABLES_VERSION_H

#include "base/spi.h"
#include "migrate.h"

/* The version table and, during a run, its rows. */
typedef struct MigVersion
{
	Oid			relid;
	Oid			schema;
	Oid			acting_owner;	/* the table's owner, if it is reached with
								 * that role's rights; InvalidOid: as the
								 * caller */
	bool		lesser_owner;	/* the owner lacks the caller's rights */
	char	   *name;			/* quoted where needed, with its schema */
	bool		own;			/* our own table, not one of Alembic's */
	bool		without_code;	/* no code of a lesser owner may run, not even
								 * with that role's rights */
	Oid			registry;		/* of the table of revisions, for its locks */
	bool		row_addresses;	/* the server's rows have a ctid */
	bool		table_locks;	/* LOCK TABLE works on the server */
	int			nrows;			/* as read last, sorted by id */
	char	  **rows;
	struct MigVersionState *state;	/* where the rows are now */
	struct MigVersionQueries *queries;
} MigVersion;

/*
 * In SQL: whether a row of a table of ours, with the prefix of its columns, is
 * about the version table with OID $1 and name $2, see mig_version_bind().  It may
 * be about one that is gone and had that name, unless there are rows about this
 * one.  No key finds the name: forbidding the scan would only raise its cost, so
 * far that the server compiles the query.
 */
#define MIG_VERSION_OF(table, row) \
	" (" row "version_oid = $1 OR " MIG_VERSION_FORMER("$2", row) \
	" AND NOT EXISTS (SELECT FROM " table " AS own WHERE own.version_oid = $1))"
/* All that may be, to be removed. */
#define MIG_VERSION_OR_FORMER(row) \
	" (" row "version_oid = $1 OR " MIG_VERSION_FORMER("$2", row) ")"
#define MIG_VERSION_FORMER(name, row) \
	" " row "version_table = " name " AND " MIG_VERSION_IS_GONE(row)
#define MIG_VERSION_IS_GONE(row) \
	"NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c" \
	"             WHERE c.oid = " row "version_oid)"

/*
 * In SQL: a row with the statement that takes away what others than the owner may
 * do with the table of that name; no row if that is nothing.
 */
#define MIG_VERSION_REVOKE(name) \
	"SELECT pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s CASCADE', c.oid::pg_catalog.regclass," \
	" pg_catalog.string_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC'" \
	" ELSE a.grantee::pg_catalog.regrole::text END, ', '))\n" \
	"  FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS a\n" \
	" WHERE c.oid = " name "::pg_catalog.regclass AND a.grantee <> c.relowner GROUP BY c.oid"

/* Where the rows are, seen from a step. */
typedef enum MigVersionPosition
{
	MIG_VERSION_BEFORE,			/* the step can write its rows */
	MIG_VERSION_AFTER,			/* they are as it would leave them */
	MIG_VERSION_ELSEWHERE
} MigVersionPosition;

/* A version table that is not open. */
typedef struct MigVersionName
{
	Oid			relid;
	char	   *schema;
	char	   *name;			/* quoted where needed, with its schema */
	bool		lesser_owner;	/* of mig_log_holders(): the owner lacks the
								 * caller's rights */
} MigVersionName;

/* What a table of another role is locked for. */
typedef enum MigVersionUse
{
	MIG_VERSION_READ,
	MIG_VERSION_WRITE,
	MIG_VERSION_DEFINITION		/* nothing: that it stays what it is */
} MigVersionUse;

/* version_open.c: which table it is, and whether this role may write it */
extern MigVersion *mig_version_open(MigSpiAccess access);
extern MigVersion *mig_version_open_other(const char *name,
										  const MigVersion *version);
extern MigVersion *mig_version_open_foreign(const char *name);
extern char *mig_version_table_in(const char *schema);
extern MigVersionName *mig_version_tables(int *ntables);
extern bool mig_version_create_missing(const char *name);
extern bool mig_version_is_exposed(const MigVersion *version);
extern void mig_version_hold(const MigVersion *version, MigVersionUse use);
extern void mig_version_refuse_cursor(const MigVersion *version);
pg_noreturn extern void mig_version_refuse_replaced(const MigVersion *version);
extern int	mig_version_width(const MigVersion *version);
extern void mig_version_read_locked(MigVersion *version);
extern void mig_version_lock_to_write(const MigVersion *version, bool keep_name);

/* version.c: its rows */
extern void mig_version_bind(MigSpiArgs *args, const MigVersion *version);
extern void mig_version_prepare(MigVersion *version);
extern void mig_version_lock(const MigVersion *version, MigVersionUse use);
extern void mig_version_read(MigVersion *version, MigSpiAccess access);
extern void mig_version_sort(MigVersion *version);
extern MigVersionPosition mig_version_position(MigVersion *version,
											   const MigStep *step);
extern void mig_version_check_snapshot(const MigVersion *version);
extern void mig_version_check_unmoved(const MigVersion *version,
									  const char *repeatable);
extern void mig_version_move(MigVersion *version, const MigStep *step);
extern void mig_version_accept(MigVersion *version);
extern void mig_version_discard(MigVersion *version);

#endif							/* MIG_TABLES_VERSION_H */
