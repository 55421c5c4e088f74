/*
 * version_open.c
 *	  Which table is the version table, and whether this role may write it.
 *
 * Any table but our own belongs to another role, which could make a write run
 * code: that is found out and refused here, before the first step.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/cursor.h"
#include "base/guc.h"
#include "base/printable.h"
#include "base/server.h"
#include "base/spi.h"
#include "base/xact.h"
#include "tables/revision.h"
#include "tables/version.h"

/* For a table that is missing, or not one. */
#define SHAPE_HINT \
	"Alembic's shape is CREATE TABLE %s (version_num varchar(32) NOT NULL PRIMARY KEY)."

/* The version table of a tenant, where the setting names our own one. */
#define TENANT_TABLE			"migrate_version"

/* What is found under the name of a version table. */
typedef struct Found
{
	MigVersion *version;
	bool		is_table;
	bool		has_column;
} Found;

static void make_ready(MigVersion *version);
static void read_name(const MigSpiRow *row, void *result);
static const char *tenant_table(void);
static void create(void *arg);
static void revoke_defaults(MigSpiScope *scope, const char *name);
static bool look_up(const char *name, MigSpiAccess access, Found *found);
static void read_found(const MigSpiRow *row, void *result);
static List *split_name(const char *name);
static void lock_schema_name(const MigVersion *version);
static bool is_replaced(const MigVersion *version);
static void refuse_while_cursor(const MigVersion *version, MigVersionUse use,
								const char *cursor);
static void refuse_owner(const MigVersion *version, MigVersionUse use);
static bool runs_code_of_owner(const MigVersion *version, MigVersionUse use);

/*
 * Finds the version table that migrate.version_table names.
 */
MigVersion *
mig_version_open(MigSpiAccess access)
{
	const char *name = mig_guc_version_table;
	Found		found;

	mig_guc_check_setter("migrate.version_table");
	if (!look_up(name, access, &found))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("version table \"%s\" does not exist",
						mig_printable(name)),
				 errdetail("The setting migrate.version_table names it."),
				 errhint(SHAPE_HINT, name)));
	if (!found.is_table)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("version table \"%s\" is not an ordinary table",
						mig_printable(name)),
				 errdetail("The setting migrate.version_table names it.")));
	if (!found.has_column)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("version table \"%s\" has no column \"version_num\"",
						mig_printable(name)),
				 errdetail("The setting migrate.version_table names it."),
				 errhint(SHAPE_HINT, name)));
	make_ready(found.version);
	return found.version;
}

/*
 * Finds another version table in which a revision may be applied; without a
 * name, our own one.  NULL if it is the one that migrate.version_table names,
 * or no version table any more.
 */
MigVersion *
mig_version_open_other(const char *name, const MigVersion *version)
{
	Found		found;

	if (!look_up(name != NULL ? name : "migrate.version",
				 MIG_SPI_READ_LATEST, &found) ||
		!found.is_table || !found.has_column ||
		found.version->relid == version->relid)
		return NULL;
	make_ready(found.version);
	return found.version;
}

/*
 * Finds the table in which another tool keeps its versions, which is only read.
 * The name has its schema.
 */
MigVersion *
mig_version_open_foreign(const char *name)
{
	Found		found;

	if (!look_up(name, MIG_SPI_READ_LATEST, &found))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("version table \"%s\" does not exist", name)));
	if (!found.is_table)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("version table \"%s\" is not an ordinary table",
						mig_printable(name)),
				 errdetail("A view could run code of its owner.")));
	make_ready(found.version);
	return found.version;
}

static void
make_ready(MigVersion *version)
{
	const MigServer *server = mig_server();

	version->row_addresses = server->row_addresses;
	version->table_locks = server->table_locks;
	mig_version_prepare(version);
}

/*
 * The version table of a tenant, which is a schema: named as the one that
 * migrate.version_table names.
 */
char *
mig_version_table_in(const char *schema)
{
	return quote_qualified_identifier(schema, tenant_table());
}

/*
 * The version tables of all tenants that have one, by their schemas.
 */
MigVersionName *
mig_version_tables(int *ntables)
{
	static MigSpiQuery query = {
		"SELECT c.oid, n.nspname,"
		"       pg_catalog.quote_ident(n.nspname) || '.' ||"
		"       pg_catalog.quote_ident(c.relname)"
		"  FROM pg_catalog.pg_class AS c"
		"  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" WHERE c.relname = $1 AND c.relkind = 'r' AND c.relpersistence <> 't'"
		"   AND n.nspname <> 'migrate'"
		"   AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS a"
		"                WHERE a.attrelid = c.oid"
		"                  AND a.attname = 'version_num')"
		" ORDER BY n.nspname COLLATE \"C\""
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, tenant_table());
	return mig_spi_rows(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_CALLER,
						sizeof(MigVersionName), read_name, ntables);
}

static void
read_name(const MigSpiRow *row, void *result)
{
	MigVersionName *table = result;

	table->relid = mig_spi_row_oid(row, 1);
	table->schema = mig_spi_row_text(row, 2);
	table->name = mig_spi_row_text(row, 3);
}

static const char *
tenant_table(void)
{
	List	   *parts;

	mig_guc_check_setter("migrate.version_table");
	parts = split_name(mig_guc_version_table);
	if (strcmp(linitial(parts), "migrate") == 0 &&
		strcmp(lsecond(parts), "version") == 0)
		return TENANT_TABLE;
	return lsecond(parts);
}

/*
 * Creates the version table of a tenant as the current role, whose alone it is,
 * unless there is something of that name, which another session may create
 * meanwhile.  false: there was.
 */
bool
mig_version_create_missing(const char *name)
{
	Found		found;
	ErrorData  *error;

	if (look_up(name, MIG_SPI_READ_LATEST, &found))
		return false;
	error = mig_subxact(create, unconstify(char *, name));
	if (error != NULL && !look_up(name, MIG_SPI_READ_LATEST, &found))
		ReThrowError(error);
	return error == NULL;
}

static void
create(void *arg)
{
	const char *name = arg;
	MigSpiScope scope;

	mig_spi_begin(&scope, MIG_SPI_CALLER);
	SPI_execute(psprintf("CREATE TABLE %s ("
						 " version_num pg_catalog.varchar(%d) NOT NULL PRIMARY KEY)",
						 name, MIG_REVISION_WIDTH), false, 0);
	revoke_defaults(&scope, name);
	mig_spi_end(&scope);
}

/*
 * Takes away what default privileges have given to others than the owner: with
 * TRIGGER they could have the next run call their code, with INSERT skip
 * revisions.
 */
static void
revoke_defaults(MigSpiScope *scope, const char *name)
{
	static MigSpiQuery query = {MIG_VERSION_REVOKE("$1")};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, name);
	if (mig_spi_execute(scope, &query, &args, MIG_SPI_WRITE) > 0)
	{
		MigSpiRow	row = mig_spi_fetch(scope, 0);

		SPI_execute(mig_spi_row_text_not_null(&row, 1), false, 0);
	}
}

/*
 * Locks a table of another role for what follows, and only then believes that
 * the name stands for it: while this session waited, its owner could have put
 * another one, or a view, in its place.
 *
 * Where no code of its owner may run, see mig_version_is_exposed(), raises an
 * error if the owner could make the use run some.  To plan a SELECT is enough
 * for that: it evaluates the expressions of indexes.  So nothing of that kind
 * can be added until the (sub)transaction ends, except in one that is read-only
 * and may not take such a lock.
 */
void
mig_version_hold(const MigVersion *version, MigVersionUse use)
{
	bool		exposed = mig_version_is_exposed(version);

	mig_version_lock(version, use);
	if (exposed && !XactReadOnly && !RecoveryInProgress())
		mig_version_lock(version, MIG_VERSION_DEFINITION);
	if (is_replaced(version))
		mig_version_refuse_replaced(version);
	if (exposed && runs_code_of_owner(version, use))
		refuse_owner(version, use);
}

/*
 * Whether no code of its owner may run, of a table of another role: neither the
 * caller nor the owner has the rights of the other, or the code could read a
 * cursor of the session, or hold up what is asked about others.
 */
bool
mig_version_is_exposed(const MigVersion *version)
{
	return version->lesser_owner &&
		(!OidIsValid(version->acting_owner) || version->without_code ||
		 mig_cursor_find() != NULL);
}

/*
 * For such a table, after code of its owner could have run, which it could only
 * if there was no cursor: raises an error if there is one, as it would run its
 * query with the rights of the role that reads it.
 */
void
mig_version_refuse_cursor(const MigVersion *version)
{
	const char *cursor = version->lesser_owner ? mig_cursor_find() : NULL;

	if (cursor != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("code of the owner of version table \"%s\" has left cursor %s in the session",
						mig_printable(version->name), mig_printable(quote_identifier(cursor)))));
}

/*
 * Whether another table, or one with another owner, has the name by now.
 */
static bool
is_replaced(const MigVersion *version)
{
	Found		now;

	return !look_up(version->name, MIG_SPI_READ_LATEST, &now) ||
		!now.is_table ||
		now.version->relid != version->relid ||
		now.version->acting_owner != version->acting_owner ||
		now.version->lesser_owner != version->lesser_owner;
}

/*
 * Raises an error, because the statements would be about another table.
 */
void
mig_version_refuse_replaced(const MigVersion *version)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("version table \"%s\" was replaced while this session waited for it",
					mig_printable(version->name)),
			 errhint("Run the command again.")));
}

/*
 * How many characters of an id the table holds.  One without a limit holds no
 * more than an index on it surely does.
 */
int
mig_version_width(const MigVersion *version)
{
	static MigSpiQuery query = {
		"SELECT a.atttypmod - 4 FROM pg_catalog.pg_attribute AS a"
		" WHERE a.attrelid = $1 AND a.attname = 'version_num'"
		"   AND a.atttypmod > 4"
		"   AND a.atttypid IN ('pg_catalog.varchar'::pg_catalog.regtype,"
		"                      'pg_catalog.bpchar'::pg_catalog.regtype)"
	};
	MigSpiArgs	args = {0};
	Datum		width;

	mig_spi_arg_oid(&args, version->relid);
	if (!mig_spi_first_datum(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
							 INT4OID, &width))
		return MIG_REVISION_MAXLEN;
	return Min(DatumGetInt32(width), MIG_REVISION_MAXLEN);
}

/*
 * Reads the rows once the run has its lock.  Our own table is not locked: when
 * the extension is created anew, the name stands for another one.
 */
void
mig_version_read_locked(MigVersion *version)
{
	mig_version_read(version, MIG_SPI_READ_LATEST);
	if (version->own && version->nrows == 0 && is_replaced(version))
		mig_version_refuse_replaced(version);
}

/*
 * Before the first step: locks a table of another role for the writes, so that
 * it stays what it is, and raises an error if its owner could make them run
 * code with rights that the owner does not have.  The same rule holds for
 * authors of bodies.  keep_name: the writes are in this transaction, until whose
 * end the schema keeps its name, too, because renaming it locks no table.
 */
void
mig_version_lock_to_write(const MigVersion *version, bool keep_name)
{
	if (version->own)
		return;
	if (keep_name && version->table_locks)
		lock_schema_name(version);
	mig_version_hold(version, MIG_VERSION_WRITE);
}

/*
 * As the extension's owner, because it takes a superuser.
 */
static void
lock_schema_name(const MigVersion *version)
{
	static MigSpiQuery query = {
		"SELECT FROM pg_catalog.pg_namespace WHERE oid = $1 FOR KEY SHARE"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, version->schema);
	(void) mig_spi_exists(&query, &args, MIG_SPI_OWNER, MIG_SPI_WRITE);
}

static void
refuse_owner(const MigVersion *version, MigVersionUse use)
{
	const char *role = GetUserNameFromId(GetUserId(), false);

	if (version->without_code)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("code of its owner could run while version table \"%s\" is read",
						mig_printable(version->name))));
	if (OidIsValid(version->acting_owner))
		refuse_while_cursor(version, use, mig_cursor_find());
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 use == MIG_VERSION_READ ?
			 errmsg("permission denied to read version table \"%s\" as role \"%s\"",
					mig_printable(version->name), role) :
			 errmsg("permission denied to write version table \"%s\" as role \"%s\"",
					mig_printable(version->name), role),
			 use == MIG_VERSION_READ ?
			 errdetail("A statement that reads it can run code of its owner, by an expression of an index, statistics object or constraint or a partition key, and neither has the owner the rights of this role nor this role those of the owner. Nothing was run.") :
			 errdetail("Writes to it can run code of its owner, by a trigger, rule, expression, policy, type, partition key or foreign key, and neither has the owner the rights of this role nor this role those of the owner. Nothing was run."),
			 errhint("Run this as the owner of the table or a member of that role, or remove them.")));
}

static void
refuse_while_cursor(const MigVersion *version, MigVersionUse use,
					const char *cursor)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 use == MIG_VERSION_READ ?
			 errmsg("version table \"%s\" cannot be read while cursor %s is open",
					mig_printable(version->name), mig_printable(quote_identifier(cursor))) :
			 errmsg("version table \"%s\" cannot be written while cursor %s is open",
					mig_printable(version->name), mig_printable(quote_identifier(cursor))),
			 errdetail("A statement about the table can run code of its owner, which could read the cursor. A PL/pgSQL loop over a query has a cursor, too."),
			 errhint("Close it, as with CLOSE ALL.")));
}

/*
 * Looks a table up by the catalogs alone, which not every role may read.
 * false: there is none of that name.
 */
static bool
look_up(const char *name, MigSpiAccess access, Found *found)
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
		"       " MIG_REVISION_RELID ","
		"       n.oid,"
		"       CASE WHEN pg_catalog.pg_has_role($3, c.relowner, 'USAGE')"
		"             AND NOT " MIG_COMPAT_HAS_ROLE("c.relowner", "$3")
		"             AND NOT (n.nspname = 'migrate' AND c.relname = 'version')"
		"            THEN c.relowner END,"
		"       NOT " MIG_COMPAT_HAS_ROLE("c.relowner", "$3")
		"  FROM pg_catalog.pg_class AS c"
		"  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" WHERE c.relname = $2"
		"   AND n.oid = CASE $1 WHEN 'pg_temp'"
		"               THEN pg_catalog.pg_my_temp_schema()"
		"               ELSE (SELECT s.oid FROM pg_catalog.pg_namespace AS s"
		"                      WHERE s.nspname = $1) END"
	};
	List	   *parts = split_name(name);
	MigSpiArgs	args = {0};

	memset(found, 0, sizeof(*found));
	found->version = palloc0(sizeof(MigVersion));
	mig_spi_arg_text(&args, linitial(parts));
	mig_spi_arg_text(&args, lsecond(parts));
	mig_spi_arg_oid(&args, GetUserId());
	return mig_spi_row(&query, &args, MIG_SPI_OWNER, access, read_found, found);
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
	found->version->schema = mig_spi_row_oid(row, 7);
	found->version->acting_owner = mig_spi_row_oid(row, 8);
	found->version->lesser_owner = mig_spi_row_bool(row, 9);
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
 * Whether that use of the table runs code of its owner.  What planning evaluates
 * counts for both.
 */
static bool
runs_code_of_owner(const MigVersion *version, MigVersionUse use)
{
	static MigSpiQuery query = {
		"SELECT FROM pg_catalog.pg_class AS c"
		" WHERE c.oid = $1"
		"   AND (c.relispartition"
		"        OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k"
		"                    WHERE k.conrelid = c.oid AND k.contype = 'c')"
		"        OR EXISTS (SELECT FROM pg_catalog.pg_index AS i"
		"                    WHERE i.indrelid = c.oid"
		"                      AND (i.indexprs IS NOT NULL"
		"                           OR i.indpred IS NOT NULL))"
		"        OR EXISTS (SELECT FROM pg_catalog.pg_statistic_ext AS x"
		"                    WHERE x.stxrelid = c.oid"
		"                      AND x.stxexprs IS NOT NULL)"
		"        OR NOT $3 AND ("
		"           c.relhasrules"
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
		"        OR EXISTS (SELECT FROM pg_catalog.pg_attribute AS a"
		"                     JOIN pg_catalog.pg_type AS y"
		"                       ON y.oid = a.atttypid"
		"                    WHERE a.attrelid = c.oid"
		"                      AND (y.typtype = 'd'"
		"                           OR a.attname = 'version_num'"
		"                              AND NOT " MIG_COMPAT_HAS_ROLE("y.typowner", "$2") "))))"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, version->relid);
	mig_spi_arg_oid(&args, GetUserId());
	mig_spi_arg_bool(&args, use == MIG_VERSION_READ);
	return mig_spi_exists(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}
