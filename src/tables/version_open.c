/*
 * version_open.c
 *	  Which table is the version table, and may this role write it?
 *
 * Any table but our own belongs to somebody else, who could make a write run
 * code: that is settled here, before the first step.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/spi.h"
#include "tables/version_open.h"

/* For a table that is missing, or not one. */
#define SHAPE_HINT \
	"Alembic's shape is CREATE TABLE %s (version_num varchar(32) NOT NULL PRIMARY KEY)."

static MigVersion *open_table(const char *name, MigSpiAccess access);
static void check_name(const char *name);
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
 * Finds another version table, whose rows count as well, our own one without
 * a name.  NULL if it is the one that migrate.version_table names.
 */
MigVersion *
mig_version_open_other(const char *name, const MigVersion *version)
{
	MigVersion *other = open_table(name != NULL ? name : "migrate.version",
								   MIG_SPI_READ_LATEST);

	return other->relid == version->relid ? NULL : other;
}

/*
 * Raises an error if the name stands for another table by now.  The lock on
 * the version table is on the table, the statements name it.
 */
void
mig_version_recheck(const MigVersion *version)
{
	MigVersion *now = mig_version_open(MIG_SPI_READ_LATEST);

	if (now->relid != version->relid)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version table \"%s\" was replaced while this run waited for it",
						version->name),
				 errhint("Run the command again.")));
}

/*
 * Before the first step: locks a table of somebody else as a write does, so
 * that it stays what it is, and raises an error if its owner could make the
 * writes run code with rights that the owner does not have.  It is the rule
 * for authors of bodies.
 */
void
mig_version_trust(const MigVersion *version)
{
	if (version->own)
		return;
	mig_version_lock(version);
	mig_version_recheck(version);
	if (runs_code_of_owner(version))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to write version table \"%s\" as role \"%s\"",
						version->name, GetUserNameFromId(GetUserId(), false)),
				 errdetail("Writes to it can run code of its owner, by a trigger, rule, expression, policy, type, partition key or foreign key, and the owner is neither this role, nor a superuser, nor a member of this role. Nothing was run."),
				 errhint("Run this as the owner of the table, or remove them.")));
}

static MigVersion *
open_table(const char *name, MigSpiAccess access)
{
	static MigSpiQuery query = {
		"SELECT c.oid,"
		"       pg_catalog.quote_ident(n.nspname) || '.' ||"
		"       pg_catalog.quote_ident(c.relname),"
		"       c.relkind,"
		"       c.oid = 'migrate.version'::pg_catalog.regclass,"
		"       EXISTS (SELECT FROM pg_catalog.pg_attribute AS a"
		"                WHERE a.attrelid = c.oid"
		"                  AND a.attname = 'version_num')"
		"  FROM pg_catalog.pg_class c"
		"  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
		" WHERE c.oid = pg_catalog.to_regclass($1)",
		1, {TEXTOID}
	};
	MigVersion *version = palloc0(sizeof(MigVersion));
	Datum		values[1];
	MigSpiScope scope;
	bool		isnull;
	bool		has_column;
	char		relkind;

	check_name(name);
	values[0] = CStringGetTextDatum(name);
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	if (mig_spi_old_execute(&query, values, NULL, access) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("version table \"%s\" does not exist", name),
				 errdetail("The setting migrate.version_table names it."),
				 errhint(SHAPE_HINT, name)));

	version->relid = DatumGetObjectId(mig_spi_old_value(0, 1, &isnull));
	version->name = mig_spi_old_text(&scope, 0, 2);
	relkind = DatumGetChar(mig_spi_old_value(0, 3, &isnull));
	version->own = DatumGetBool(mig_spi_old_value(0, 4, &isnull));
	has_column = DatumGetBool(mig_spi_old_value(0, 5, &isnull));
	mig_spi_end(&scope);

	if (relkind != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("version table \"%s\" is not an ordinary table", name),
				 errdetail("The setting migrate.version_table names it.")));
	if (!has_column)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("version table \"%s\" has no column \"version_num\"",
						name),
				 errdetail("The setting migrate.version_table names it."),
				 errhint(SHAPE_HINT, name)));
	mig_version_prepare(version);
	return version;
}

/*
 * Refuses what is not schema.table.  Not done by a check hook: a value that
 * such a hook refuses when the library is loaded gives way to the default,
 * and the run would go to another table.
 */
static void
check_name(const char *name)
{
	char	   *copy = pstrdup(name);
	List	   *parts;

	if (!SplitIdentifierString(copy, '.', &parts) || list_length(parts) != 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for parameter \"%s\": \"%s\"",
						"migrate.version_table", name),
				 errhint("Write the name of the table with its schema, as in \"public.alembic_version\".")));
}

/*
 * Whether a write runs code of an owner who has fewer rights than this role.
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
		"                              AND NOT " MIG_COMPAT_HAS_ROLE("y.typowner", "$2") ")))",
		2, {OIDOID, OIDOID}
	};
	Datum		values[2];
	MigSpiScope scope;
	bool		found;

	values[0] = ObjectIdGetDatum(version->relid);
	values[1] = ObjectIdGetDatum(GetUserId());
	mig_spi_begin(&scope, MIG_SPI_OWNER);
	found = mig_spi_old_execute(&query, values, NULL, MIG_SPI_READ_LATEST) > 0;
	mig_spi_end(&scope);
	return found;
}
