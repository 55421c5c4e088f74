/*
 * version_open.c
 *	  Which table is the version table, and whether this role may write it.
 *
 * Any table but our own belongs to another role, which could make a write run
 * code: that is settled here, before the first step.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/server.h"
#include "base/spi.h"
#include "tables/revision.h"
#include "tables/version.h"

/* For a table that is missing, or not one. */
#define SHAPE_HINT \
	"Alembic's shape is CREATE TABLE %s (version_num varchar(32) NOT NULL PRIMARY KEY)."

/* What is found under the name of a version table. */
typedef struct Found
{
	MigVersion *version;
	bool		is_table;
	bool		has_column;
	Oid			extension_owner;
} Found;

static MigVersion *open_table(const char *name, MigSpiAccess access);
static void read_found(const MigSpiRow *row, void *result);
static List *split_name(const char *name);
static bool is_replaced(const MigVersion *version);
static void refuse_replaced(const MigVersion *version);
static bool runs_code_of_owner(const MigVersion *version);

/*
 * Finds the version table that migrate.version_table names.
 */
MigVersion *
mig_version_open(MigSpiAccess access)
{
	return open_table(mig_guc_version_table, access);
}

/*
 * Finds another version table in which a revision may be applied; without a
 * name, our own one.  NULL if it is the one that migrate.version_table names.
 */
MigVersion *
mig_version_open_other(const char *name, const MigVersion *version)
{
	MigVersion *other = open_table(name != NULL ? name : "migrate.version",
								   MIG_SPI_READ_LATEST);

	return other->relid == version->relid ? NULL : other;
}

/*
 * Reads the rows once the run has its lock.  Raises an error if the name stands
 * for another table by now: the lock is on the table, but the statements name
 * it.  The catalogs are asked before a table of another role is read, which
 * could be a view by now; the rows say which table they are from.
 */
void
mig_version_read_locked(MigVersion *version)
{
	if (!version->own && is_replaced(version))
		refuse_replaced(version);
	mig_version_read(version, MIG_SPI_READ_LATEST);
	if (OidIsValid(version->read_relid) ?
		version->read_relid != version->relid :
		version->own && is_replaced(version))
		refuse_replaced(version);
}

static bool
is_replaced(const MigVersion *version)
{
	return mig_version_open(MIG_SPI_READ_LATEST)->relid != version->relid;
}

static void
refuse_replaced(const MigVersion *version)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("version table \"%s\" was replaced while this run waited for it",
					version->name),
			 errhint("Run the command again.")));
}

/*
 * Before the first step: locks a table of another role as a write does, so
 * that it stays what it is, and raises an error if its owner could make the
 * writes run code with rights that the owner does not have.  The same rule
 * holds for authors of bodies.
 */
void
mig_version_trust(const MigVersion *version)
{
	if (version->own)
		return;
	mig_version_lock(version);
	if (is_replaced(version))
		refuse_replaced(version);
	if (runs_code_of_owner(version))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to write version table \"%s\" as role \"%s\"",
						version->name, GetUserNameFromId(GetUserId(), false)),
				 errdetail("Writes to it can run code of its owner, by a trigger, rule, expression, policy, type, partition key or foreign key, and the owner is neither this role, nor a superuser, nor a member of this role. Nothing was run."),
				 errhint("Run this as the owner of the table, or remove them.")));
}

/*
 * Looks the table up by the catalogs alone, which any role may read, and learns
 * the extension's owner on the way.
 */
static MigVersion *
open_table(const char *name, MigSpiAccess access)
{
	static MigSpiQuery query = {
		"SELECT c.oid,"
		"       pg_catalog.quote_ident(n.nspname) || '.' ||"
		"       pg_catalog.quote_ident(c.relname),"
		"       n.nspname = 'migrate' AND c.relname = 'version',"
		"       c.relkind = 'r',"
		"       EXISTS (SELECT FROM pg_catalog.pg_attribute AS a"
		"                WHERE a.attrelid = c.oid"
		"                  AND a.attname = 'version_num'),"
		"       " MIG_REVISION_RELID ", e.extowner"
		"  FROM pg_catalog.pg_extension AS e,"
		"       pg_catalog.pg_class AS c"
		"  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" WHERE e.extname = 'migrate' AND c.relname = $2"
		"   AND n.oid = CASE $1 WHEN 'pg_temp'"
		"               THEN pg_catalog.pg_my_temp_schema()"
		"               ELSE (SELECT s.oid FROM pg_catalog.pg_namespace AS s"
		"                      WHERE s.nspname = $1) END"
	};
	const MigServer *server = mig_server();
	MigVersion *version = palloc0(sizeof(MigVersion));
	Found		found = {.version = version};
	List	   *parts = split_name(name);
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, linitial(parts));
	mig_spi_arg_text(&args, lsecond(parts));
	if (!mig_spi_row(&query, &args, MIG_SPI_CALLER, access, read_found,
					 &found))
	{
		mig_spi_check_installed();
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("version table \"%s\" does not exist", name),
				 errdetail("The setting migrate.version_table names it."),
				 errhint(SHAPE_HINT, name)));
	}
	mig_spi_remember_owner(found.extension_owner);
	if (!found.is_table)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("version table \"%s\" is not an ordinary table", name),
				 errdetail("The setting migrate.version_table names it.")));
	if (!found.has_column)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("version table \"%s\" has no column \"version_num\"",
						name),
				 errdetail("The setting migrate.version_table names it."),
				 errhint(SHAPE_HINT, name)));
	version->row_addresses = server->row_addresses;
	version->table_locks = server->table_locks;
	mig_version_prepare(version);
	return version;
}

static void
read_found(const MigSpiRow *row, void *result)
{
	Found	   *found = result;

	found->version->relid = mig_spi_row_oid(row, 1);
	found->version->name = mig_spi_row_text(row, 2);
	found->version->own = mig_spi_row_bool(row, 3);
	found->is_table = mig_spi_row_bool(row, 4);
	found->has_column = mig_spi_row_bool(row, 5);
	found->version->registry = mig_spi_row_oid(row, 6);
	found->extension_owner = mig_spi_row_oid(row, 7);
}

/*
 * The parts of schema.table; anything else is refused.  Not done by a check
 * hook: a value that such a hook refuses when the library is loaded gives way
 * to the default, and the run would go to another table.
 */
static List *
split_name(const char *name)
{
	char	   *copy = pstrdup(name);
	List	   *parts;

	if (!SplitIdentifierString(copy, '.', &parts) || list_length(parts) != 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for parameter \"%s\": \"%s\"",
						"migrate.version_table", name),
				 errhint("Write the name of the table with its schema, as in \"public.alembic_version\".")));
	return parts;
}

/*
 * Whether a write runs code of an owner that has fewer rights than this role.
 */
static bool
runs_code_of_owner(const MigVersion *version)
{
	static MigSpiQuery query = {
		"SELECT FROM pg_catalog.pg_class AS c"
		" WHERE c.oid = $1"
		"   AND NOT " MIG_COMPAT_HAS_ROLE("c.relowner", "$2")
		"   AND (c.relhasrules"
		"        OR c.relispartition"
		"        OR c.relrowsecurity"
		"           AND NOT (SELECT r.rolsuper OR r.rolbypassrls"
		"                      FROM pg_catalog.pg_roles AS r"
		"                     WHERE r.oid = $2)"
		"        OR EXISTS (SELECT FROM pg_catalog.pg_trigger AS t"
		"                     LEFT JOIN pg_catalog.pg_constraint AS k"
		"                       ON k.oid = t.tgconstraint"
		"                    WHERE t.tgrelid = c.oid"
		"                      AND (NOT t.tgisinternal"
		"                           OR k.confrelid = c.oid))"
		"        OR EXISTS (SELECT FROM pg_catalog.pg_attrdef AS d"
		"                    WHERE d.adrelid = c.oid)"
		"        OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k"
		"                    WHERE k.conrelid = c.oid AND k.contype = 'c')"
		"        OR EXISTS (SELECT FROM pg_catalog.pg_index AS i"
		"                    WHERE i.indrelid = c.oid"
		"                      AND (i.indexprs IS NOT NULL"
		"                           OR i.indpred IS NOT NULL))"
		"        OR EXISTS (SELECT FROM pg_catalog.pg_attribute AS a"
		"                     JOIN pg_catalog.pg_type AS y"
		"                       ON y.oid = a.atttypid"
		"                    WHERE a.attrelid = c.oid"
		"                      AND (y.typtype = 'd'"
		"                           OR a.attname = 'version_num'"
		"                              AND NOT " MIG_COMPAT_HAS_ROLE("y.typowner", "$2") ")))"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, version->relid);
	mig_spi_arg_oid(&args, GetUserId());
	return mig_spi_exists(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}
