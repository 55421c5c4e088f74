/*
 * lint_catalog.c
 *	  What lint asks the catalogs.
 *
 * Reads with the caller's rights, and never waits for a lock: so sizes are those
 * that VACUUM, ANALYZE and the statistics know, and expressions are read as they
 * are stored.  Names are looked up in the schemas of a search_path that is
 * passed, as a body may set another one.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/spi.h"
#include "preview/preview_internal.h"

/* The bytes that a row takes at least: where only their number is known. */
#define ROW_BYTES			"28"

/* A row of the look-up of a relation. */
typedef struct FoundRelation
{
	Oid			oid;
	char	   *kind;
	char	   *persistence;
	char	   *bytes;
	char	   *table_schema;
	char	   *table_name;
} FoundRelation;

/* A row of the look-up of two types. */
typedef struct FoundTypes
{
	bool		same_base;
	bool		coercible;
	bool		constrained;
} FoundTypes;

static void read_relation(const MigSpiRow *row, void *result);
static void read_column(const MigSpiRow *row, void *result);
static void read_constraint(const MigSpiRow *row, void *result);
static void read_index(const MigSpiRow *row, void *result);
static bool find_types(MigLint *lint, const char *from, const char *to,
					   FoundTypes *found);
static void read_types(const MigSpiRow *row, void *result);
static List *listed(char *const *strings, int n);
static void *all_rows(MigLint *lint, MigSpiQuery *query, Oid relation,
					  Size size, MigSpiRead read, int *nrows);

/*
 * The schemas in which the session finds names, of char *.
 */
List *
mig_lint_catalog_path(const MigLint *lint)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.unnest(pg_catalog.current_schemas(false))::pg_catalog.text"
	};
	int			n;
	char	  **schemas = mig_spi_list(&query, NULL, MIG_SPI_CALLER_PATH,
									   lint->access, &n);

	return listed(schemas, n);
}

/*
 * The relation of that name, or NULL.
 */
MigLintRelation *
mig_lint_catalog_relation(MigLint *lint, const char *schema, const char *name)
{
	static MigSpiQuery query = {
		"WITH RECURSIVE named AS ("
		"  SELECT c.oid, c.relkind, c.relpersistence"
		"    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
		"   WHERE n.nspname = $1::name AND c.relname = $2::name"
		"), part AS ("
		"  SELECT oid FROM named"
		"  UNION"
		"  SELECT h.inhrelid FROM part AS p JOIN pg_inherits AS h ON h.inhparent = p.oid"
		")"
		"SELECT n.oid, n.relkind::text, n.relpersistence::text,"
		"       (SELECT sum(GREATEST(c.relpages::float8"
		"                            * current_setting('block_size')::float8,"
		"                            GREATEST(c.reltuples::float8,"
		"                                     pg_stat_get_live_tuples(c.oid)::float8)"
		"                            * " ROW_BYTES "))"
		"          FROM part AS p JOIN pg_class AS c ON c.oid = p.oid)::text,"
		"       (SELECT t.nspname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid"
		"          JOIN pg_namespace AS t ON t.oid = c.relnamespace"
		"         WHERE i.indexrelid = n.oid)::text,"
		"       (SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid"
		"         WHERE i.indexrelid = n.oid)::text"
		"  FROM named AS n"
	};
	FoundRelation found;
	MigLintRelation *relation;
	MemoryContext old_context;
	MigSpiArgs	args = {0};

	if (strcmp(schema, "pg_temp") == 0)
		return NULL;
	mig_spi_arg_text(&args, schema);
	mig_spi_arg_text(&args, name);
	if (!mig_spi_row(&query, &args, MIG_SPI_CALLER, lint->access,
					 read_relation, &found))
		return NULL;
	old_context = MemoryContextSwitchTo(lint->context);
	relation = palloc0(sizeof(MigLintRelation));
	relation->schema = pstrdup(schema);
	relation->name = pstrdup(name);
	relation->kind = found.kind[0];
	relation->oid = found.oid;
	relation->is_temporary = found.persistence[0] == 't';
	relation->created_in = -1;
	relation->bytes = found.bytes == NULL ? -1 : Max(atof(found.bytes), 0);
	MemoryContextSwitchTo(old_context);
	if (found.table_schema != NULL)
		relation->table = mig_lint_find(lint, found.table_schema,
										found.table_name);
	return relation;
}

static void
read_relation(const MigSpiRow *row, void *result)
{
	FoundRelation *found = result;

	found->oid = mig_spi_row_oid(row, 1);
	found->kind = mig_spi_row_text(row, 2);
	found->persistence = mig_spi_row_text(row, 3);
	found->bytes = mig_spi_row_text(row, 4);
	found->table_schema = mig_spi_row_text(row, 5);
	found->table_name = mig_spi_row_text(row, 6);
}

/*
 * Adds the columns, constraints and indexes of a relation, once.
 */
void
mig_lint_catalog_load(MigLint *lint, MigLintRelation *relation)
{
	static MigSpiQuery columns_query = {
		/* From 18 on it may be one that is not valid yet. */
		"SELECT a.attname::text, format_type(a.atttypid, a.atttypmod),"
		"       CASE WHEN a.attcollation <> t.typcollation"
		"            THEN (SELECT l.collname::text FROM pg_collation AS l WHERE l.oid = a.attcollation) END,"
		"       a.attnotnull AND NOT EXISTS (SELECT FROM pg_constraint AS c"
		"          WHERE c.conrelid = a.attrelid AND c.contype = 'n'"
		"            AND c.conkey[1] = a.attnum AND NOT c.convalidated)"
		"  FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid"
		" WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped"
	};
	static MigSpiQuery constraints_query = {
		/*
		 * A check as it is stored: IS NOT NULL of a column, or that AND
		 * others.
		 */
		"SELECT c.conname::text, c.contype::text, c.convalidated,"
		"       ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (n, i)"
		"               JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.n"
		"              ORDER BY k.i),"
		"       ARRAY(SELECT a.attname::text FROM unnest(c.conkey) AS k (n)"
		"               JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.n"
		"              WHERE c.contype::text = 'n'"
		"                 OR c.contype = 'c'"
		"                    AND (starts_with(c.conbin::text, '{NULLTEST ')"
		"                         OR starts_with(c.conbin::text, '{BOOLEXPR :boolop and ')"
		"                            AND c.conbin::text !~ ':boolop (or|not) ')"
		"                    AND c.conbin::text ~ ('[{]NULLTEST :arg [{]VAR :varno 1 :varattno '"
		"                                          || k.n || ' [^{}]*[}] :nulltesttype 1'))"
		"  FROM pg_constraint AS c"
		" WHERE c.conrelid = $1"
	};
	static MigSpiQuery indexes_query = {
		"SELECT c.relname::text, i.indisunique, i.indpred IS NOT NULL,"
		"       ARRAY(SELECT COALESCE(a.attname::text, '')"
		"               FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (n, i)"
		"               LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.n"
		"              WHERE k.i <= i.indnkeyatts ORDER BY k.i),"
		"       ARRAY(SELECT a.attname::text FROM pg_attribute AS a"
		"              WHERE a.attrelid = i.indrelid AND a.attnum > 0"
		"                AND concat(i.indexprs, i.indpred) ~ (':varattno ' || a.attnum || ' '))"
		"  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid"
		" WHERE i.indrelid = $1 AND i.indisvalid"
	};
	MemoryContext old_context;
	MigLintColumn *columns;
	MigLintConstraint *constraints;
	MigLintIndex *indexes;
	int			n;

	if (relation->loaded || relation->oid == InvalidOid)
		return;
	old_context = MemoryContextSwitchTo(lint->context);
	relation->loaded = true;
	columns = all_rows(lint, &columns_query, relation->oid,
					   sizeof(MigLintColumn), read_column, &n);
	for (int i = 0; i < n; i++)
		relation->columns = lappend(relation->columns, &columns[i]);
	constraints = all_rows(lint, &constraints_query, relation->oid,
						   sizeof(MigLintConstraint), read_constraint, &n);
	for (int i = 0; i < n; i++)
		relation->constraints = lappend(relation->constraints, &constraints[i]);
	indexes = all_rows(lint, &indexes_query, relation->oid,
					   sizeof(MigLintIndex), read_index, &n);
	for (int i = 0; i < n; i++)
		relation->indexes = lappend(relation->indexes, &indexes[i]);
	MemoryContextSwitchTo(old_context);
}

static void *
all_rows(MigLint *lint, MigSpiQuery *query, Oid relation, Size size,
		 MigSpiRead read, int *nrows)
{
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, relation);
	return mig_spi_rows(query, &args, MIG_SPI_CALLER, lint->access, size, read,
						nrows);
}

static void
read_column(const MigSpiRow *row, void *result)
{
	MigLintColumn *column = result;

	column->name = mig_spi_row_text(row, 1);
	mig_lint_type_parse(mig_spi_row_text(row, 2), &column->type);
	column->collation = mig_spi_row_text(row, 3);
	column->not_null = mig_spi_row_bool(row, 4);
}

static void
read_constraint(const MigSpiRow *row, void *result)
{
	MigLintConstraint *constraint = result;
	char	  **names;
	int			n;

	memset(constraint, 0, sizeof(*constraint));
	constraint->name = mig_spi_row_text(row, 1);
	constraint->type = mig_spi_row_text(row, 2)[0];
	constraint->valid = mig_spi_row_bool(row, 3);
	names = mig_spi_row_texts(row, 4, &n);
	constraint->columns = listed(names, n);
	names = mig_spi_row_texts(row, 5, &n);
	constraint->not_null = listed(names, n);
}

static void
read_index(const MigSpiRow *row, void *result)
{
	MigLintIndex *index = result;
	char	  **names;
	int			n;

	index->name = mig_spi_row_text(row, 1);
	index->is_unique = mig_spi_row_bool(row, 2);
	index->is_partial = mig_spi_row_bool(row, 3);
	names = mig_spi_row_texts(row, 4, &n);
	index->columns = listed(names, n);
	names = mig_spi_row_texts(row, 5, &n);
	index->computed = listed(names, n);
}

static List *
listed(char *const *strings, int n)
{
	List	   *list = NIL;

	for (int i = 0; i < n; i++)
		list = lappend(list, strings[i]);
	return list;
}

/*
 * Adds an array of strings, of char *.
 */
void
mig_lint_catalog_add_list(MigSpiArgs *args, const List *strings)
{
	int			n = list_length(strings);
	char	  **array = palloc(sizeof(char *) * Max(n, 1));

	for (int i = 0; i < n; i++)
		array[i] = list_nth(strings, i);
	mig_spi_arg_texts(args, array, n);
}

/*
 * Adds the schemas in which a name is looked up: the one that it has, or those
 * of the path and the system's, which comes first.
 */
void
mig_lint_catalog_add_schemas(MigSpiArgs *args, const MigLint *lint,
							 const char *schema)
{
	int			n = schema != NULL ? 1 : list_length(lint->path) + 1;
	char	  **schemas = palloc(sizeof(char *) * n);

	schemas[0] = schema != NULL ? unconstify(char *, schema) : "pg_catalog";
	for (int i = 1; i < n; i++)
		schemas[i] = list_nth(lint->path, i - 1);
	mig_spi_arg_texts(args, schemas, n);
}

/*
 * Whether a function of that name and number of arguments is volatile.
 */
bool
mig_lint_catalog_is_volatile(MigLint *lint, const char *schema,
							 const char *name, int nargs)
{
	static MigSpiQuery query = {
		"SELECT FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace"
		" WHERE n.nspname = ANY ($1::name[]) AND p.proname = $2::name"
		"   AND (p.pronargs = $3 OR p.provariadic <> 0"
		"        OR $3 BETWEEN p.pronargs - p.pronargdefaults AND p.pronargs)"
		"   AND p.provolatile = 'v'"
	};
	MigSpiArgs	args = {0};

	mig_lint_catalog_add_schemas(&args, lint, schema);
	mig_spi_arg_text(&args, name);
	mig_spi_arg_int32(&args, nargs);
	return mig_spi_exists(&query, &args, MIG_SPI_CALLER, lint->access);
}

/*
 * Whether values of one type can be taken for those of another as they are; both
 * are names as SQL writes them, possibly domains.  *is_constrained: the second
 * one is a domain that checks them.  What is not in the catalogs cannot.
 */
bool
mig_lint_catalog_coercible(MigLint *lint, const char *from, const char *to,
						   bool *is_constrained)
{
	FoundTypes	found;

	if (!find_types(lint, from, to, &found))
		return false;
	*is_constrained = found.constrained;
	return found.coercible;
}

/*
 * Whether both are the same type, or domains over it.
 */
bool
mig_lint_catalog_same_base(MigLint *lint, const char *from, const char *to)
{
	FoundTypes	found;

	return find_types(lint, from, to, &found) && found.same_base;
}

static bool
find_types(MigLint *lint, const char *from, const char *to, FoundTypes *found)
{
	static MigSpiQuery query = {
		"WITH RECURSIVE named AS ("
		"  SELECT DISTINCT ON (w.which) w.which, t.oid, t.typtype, t.typbasetype, t.typnotnull"
		"    FROM (VALUES (1, $2, $1), (2, $4, $3)) AS w (which, name, schemas)"
		"    JOIN pg_namespace AS n ON n.nspname = ANY (w.schemas::name[])"
		"    JOIN pg_type AS t ON t.typnamespace = n.oid AND t.typname = w.name::name"
		"   ORDER BY w.which, array_position(w.schemas, n.nspname::text)"
		"), chain AS ("
		"  SELECT * FROM named"
		"  UNION ALL"
		"  SELECT c.which, t.oid, t.typtype, t.typbasetype, t.typnotnull"
		"    FROM chain AS c JOIN pg_type AS t ON c.typtype = 'd' AND t.oid = c.typbasetype"
		"), base AS ("
		"  SELECT which, oid FROM chain WHERE typtype <> 'd'"
		")"
		"SELECT EXISTS (SELECT FROM base AS a JOIN base AS b ON a.which = 1 AND b.which = 2"
		"                WHERE a.oid = b.oid),"
		"       EXISTS (SELECT FROM base AS a JOIN base AS b ON a.which = 1 AND b.which = 2"
		"                WHERE a.oid = b.oid"
		"                   OR EXISTS (SELECT FROM pg_cast AS c WHERE c.castsource = a.oid"
		"                                 AND c.casttarget = b.oid AND c.castmethod = 'b')),"
		"       COALESCE((SELECT bool_or(c.typnotnull OR EXISTS (SELECT FROM pg_constraint AS k"
		"                                               WHERE k.contypid = c.oid))"
		"                   FROM chain AS c WHERE c.which = 2 AND c.typtype = 'd'), false)"
	};
	MigSpiArgs	args = {0};
	const char *names[] = {from, to};

	for (int i = 0; i < lengthof(names); i++)
	{
		const char *dot = strrchr(names[i], '.');

		mig_lint_catalog_add_schemas(&args, lint, dot == NULL ? NULL :
									 pnstrdup(names[i], dot - names[i]));
		mig_spi_arg_text(&args, dot == NULL ? names[i] : dot + 1);
	}
	return mig_spi_row(&query, &args, MIG_SPI_CALLER, lint->access, read_types,
					   found);
}

static void
read_types(const MigSpiRow *row, void *result)
{
	FoundTypes *found = result;

	found->same_base = mig_spi_row_bool(row, 1);
	found->coercible = mig_spi_row_bool(row, 2);
	found->constrained = mig_spi_row_bool(row, 3);
}

/*
 * The size of the largest table with a column of a type; -1: there is no such
 * type in the catalogs.
 */
double
mig_lint_catalog_type_bytes(MigLint *lint, const char *type)
{
	static MigSpiQuery query = {
		"SELECT COALESCE(max(GREATEST(c.relpages::float8"
		"                             * current_setting('block_size')::float8,"
		"                             GREATEST(c.reltuples::float8,"
		"                                      pg_stat_get_live_tuples(c.oid)::float8)"
		"                             * " ROW_BYTES ")), 0)::text"
		"  FROM (SELECT t.oid FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace"
		"         WHERE n.nspname = ANY ($1::name[]) AND t.typname = $2::name"
		"         ORDER BY array_position($1, n.nspname::text) LIMIT 1) AS t"
		"  LEFT JOIN pg_depend AS d"
		"    ON d.refclassid = 'pg_type'::regclass AND d.refobjid = t.oid"
		"   AND d.classid = 'pg_class'::regclass"
		"  LEFT JOIN pg_class AS c ON c.oid = d.objid"
		" GROUP BY t.oid"
	};
	const char *dot = strrchr(type, '.');
	MigSpiArgs	args = {0};
	char	   *bytes;

	mig_lint_catalog_add_schemas(&args, lint, dot == NULL ? NULL : pnstrdup(type, dot - type));
	mig_spi_arg_text(&args, dot == NULL ? type : dot + 1);
	bytes = mig_spi_first(&query, &args, MIG_SPI_CALLER, lint->access);
	return bytes == NULL ? -1 : atof(bytes);
}

/*
 * The tables whose foreign keys refer to a table, in any number of steps, or
 * NULL.
 */
char *
mig_lint_catalog_referring(MigLint *lint, const MigLintRelation *relation)
{
	static MigSpiQuery query = {
		"WITH RECURSIVE referring AS ("
		"  SELECT k.conrelid FROM pg_constraint AS k"
		"   WHERE k.contype = 'f' AND k.confrelid = $1"
		"  UNION"
		"  SELECT k.conrelid FROM referring AS r"
		"    JOIN pg_constraint AS k ON k.contype = 'f' AND k.confrelid = r.conrelid"
		") "
		MIG_LINT_NAMES_OF("SELECT conrelid::regclass::text AS name FROM referring"
						  " WHERE conrelid <> $1")
	};
	MigSpiArgs	args = {0};

	if (relation->oid == InvalidOid)
		return NULL;
	mig_spi_arg_oid(&args, relation->oid);
	return mig_spi_first(&query, &args, MIG_SPI_CALLER, lint->access);
}

/*
 * The default partition of a partitioned table, or NULL.
 */
MigLintRelation *
mig_lint_catalog_default(MigLint *lint, const MigLintRelation *relation)
{
	static MigSpiQuery query = {
		"SELECT unnest(ARRAY[n.nspname::text, c.relname::text])"
		"  FROM pg_partitioned_table AS p JOIN pg_class AS c ON c.oid = p.partdefid"
		"  JOIN pg_namespace AS n ON n.oid = c.relnamespace"
		" WHERE p.partrelid = $1"
	};
	MigSpiArgs	args = {0};
	char	  **names;
	int			n;

	if (relation->oid == InvalidOid)
		return NULL;
	mig_spi_arg_oid(&args, relation->oid);
	names = mig_spi_list(&query, &args, MIG_SPI_CALLER, lint->access, &n);
	return n == 0 ? NULL : mig_lint_find(lint, names[0], names[1]);
}

/*
 * The functions in whose text a word stands, and another one, too, unless that
 * is NULL; or NULL.  Without those that the plan drops or makes anew.
 */
char *
mig_lint_catalog_functions(MigLint *lint, const char *word, const char *other)
{
	static MigSpiQuery query = {
		MIG_LINT_NAMES_OF("SELECT pg_describe_object('pg_proc'::regclass, p.oid, 0) AS name"
						  "  FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang"
						  " WHERE l.lanname NOT IN ('internal', 'c')"
						  "   AND NOT EXISTS (SELECT FROM pg_depend AS d"
						  "                    WHERE d.classid = 'pg_proc'::regclass"
						  "                      AND d.objid = p.oid AND d.deptype = 'e')"
						  "   AND p.pronamespace <> 'pg_catalog'::regnamespace"
						  "   AND p.pronamespace <> 'information_schema'::regnamespace"
						  "   AND 'pg_proc.' || p.proname <> ALL ($3)"
						  "   AND strpos(lower(p.prosrc), lower($1)) > 0"
						  "   AND (ARRAY[lower($1)] || COALESCE(lower($2), lower($1)))"
						  "       <@ regexp_split_to_array(lower(p.prosrc), '[^[:alnum:]_$]+')")
	};
	MigSpiArgs	args = {0};
	List	   *changed = NIL;
	ListCell   *cell;

	mig_spi_arg_text(&args, word);
	mig_spi_arg_text(&args, other);
	foreach(cell, lint->functions)
		changed = lappend(changed, psprintf("pg_proc.%s",
											((MigLintMade *) lfirst(cell))->name));
	mig_lint_catalog_add_list(&args, list_concat(changed, lint->gone_names));
	return mig_spi_first(&query, &args, MIG_SPI_CALLER, lint->access);
}

/*
 * Why CREATE EXTENSION fails, or NULL.
 */
char *
mig_lint_catalog_extension(MigLint *lint, const char *name)
{
	static MigSpiQuery query = {
		"SELECT CASE WHEN a.name IS NULL THEN 'is not available on this server'"
		"       WHEN v.superuser AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
		"            AND NOT (v.trusted AND has_database_privilege(current_database(), 'CREATE'))"
		"       THEN 'can only be created by a superuser' END"
		"  FROM (VALUES ($1)) AS w (name)"
		"  LEFT JOIN pg_available_extensions AS a ON a.name = w.name::name"
		"  LEFT JOIN pg_available_extension_versions AS v"
		"    ON v.name = a.name AND v.version = a.default_version"
		" WHERE NOT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = w.name::name)"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, name);
	return mig_spi_first(&query, &args, MIG_SPI_CALLER, lint->access);
}
