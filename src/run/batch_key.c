/*
 * batch_key.c
 *	  The key in whose order a table is run through, and its look-ups.
 *
 * A batch is a range of key values, first and last one included, so what is
 * inserted into it, or disappears from it, between the look-up and the statement
 * does not matter, and two batches share no row.  That holds only if the order
 * of the look-ups is that of the statement's own comparisons: so an index is
 * used only if it has the default operator class of the type, the collation of
 * the column, and one direction for all columns, which a scan may go backward.
 *
 * Look-ups run with the rights of the caller, who sees the rows that the
 * statement will see; operators and the table are written with their schema.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/printable.h"
#include "base/render.h"
#include "base/spi.h"
#include "run/batch_internal.h"

/*
 * In SQL: the operator of an operator class o with that strategy number, as SQL
 * writes it.
 */
#define OPERATOR(strategy) \
	"(SELECT pg_catalog.format('OPERATOR(%I.%s)', s.nspname, p.oprname)" \
	"   FROM pg_catalog.pg_amop AS w" \
	"   JOIN pg_catalog.pg_operator AS p ON p.oid = w.amopopr" \
	"   JOIN pg_catalog.pg_namespace AS s ON s.oid = p.oprnamespace" \
	"  WHERE w.amopfamily = o.opcfamily AND w.amopstrategy = " strategy \
	"    AND w.amoplefttype = o.opcintype AND w.amoprighttype = o.opcintype)"

/*
 * In SQL: whether a column a of a table can be null.  From 18 on the constraint
 * may be one that was not validated.
 */
#define CAN_BE_NULL \
	"(NOT a.attnotnull" \
	"  OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS u" \
	"      WHERE u.conrelid = a.attrelid AND u.contype = 'n'" \
	"        AND NOT u.convalidated AND u.conkey[1] = a.attnum))"

/*
 * In SQL: whether the type of a column a has a domain in it: an array, a range or a
 * composite type of one.  To read a key of such a type from its text checks the
 * domain, which is code of the domain's owner.
 */
#define CONTAINS_DOMAIN \
	"EXISTS (WITH RECURSIVE part (id, inside) AS (" \
	"    SELECT a.atttypid, false" \
	"    UNION" \
	"    SELECT e.id, p.inside OR t.typtype <> 'd'" \
	"      FROM part AS p JOIN pg_catalog.pg_type AS t ON t.oid = p.id" \
	"     CROSS JOIN LATERAL (" \
	"       SELECT t.typbasetype UNION ALL SELECT t.typelem" \
	"       UNION ALL" \
	"       SELECT f.atttypid FROM pg_catalog.pg_attribute AS f" \
	"        WHERE f.attrelid = t.typrelid AND f.attnum > 0 AND NOT f.attisdropped" \
	"       UNION ALL" \
	"       SELECT r.rngsubtype FROM pg_catalog.pg_range AS r" \
	"        WHERE t.oid IN (r.rngtypid, r.rngmultitypid)) AS e (id)" \
	"     WHERE e.id <> 0)" \
	"   SELECT FROM part AS p JOIN pg_catalog.pg_type AS t ON t.oid = p.id" \
	"    WHERE p.inside AND t.typtype = 'd')"

/* An index, and why it cannot be used; NULL: it can. */
typedef struct Candidate
{
	char	   *name;
	bool		primary;
	bool		hashed;			/* it keeps no order */
	int			ncolumns;
	char	  **columns;
	char	   *problem;
} Candidate;

static Candidate *read_candidates(Oid relation, int *ncandidates);
static void read_candidate(const MigSpiRow *row, void *result);
static const Candidate *choose(const MigBatch *batch,
							   const Candidate *candidates, int ncandidates);
static bool has_columns(const Candidate *candidate, int nkey, char **key);
static void check_columns(const MigBatch *batch);
pg_noreturn static void refuse_index(const MigBatch *batch,
									 const Candidate *candidate,
									 const Candidate *candidates,
									 int ncandidates);
pg_noreturn static void refuse_key(const MigBatch *batch,
								   const Candidate *candidates,
								   int ncandidates);
static char *usable_keys(const Candidate *candidates, int ncandidates);
static void read_column(const MigSpiRow *row, void *result);
static int	begin_plain(void);
static void append_columns(StringInfo buf, const MigBatch *batch);
static void append_order(StringInfo buf, const MigBatch *batch,
						 bool backward);
static void append_range(StringInfo buf, const MigBatch *batch,
						 MigKeyOperator operator, int param);
static void append_comparison(StringInfo buf, const MigBatch *batch, int column,
							  MigKeyOperator operator, int param);
static bool has_one_operator(const MigBatch *batch, MigKeyOperator operator);
static Datum *look_up(const MigBatch *batch, const char *query,
					  const Datum *from, const Datum *to);
static ParamListInfo make_params(const MigBatch *batch, const Datum *from,
								 const Datum *to);
static void use_order(void);

/*
 * Finds the key of a batch, whose relation is known.
 */
void
mig_batch_find_key(MigBatch *batch)
{
	static MigSpiQuery query = {
		"SELECT a.attname, a.atttypid, " OPERATOR("1") ", "
		OPERATOR("2") ", " OPERATOR("3") ", "
		OPERATOR("4") ", " OPERATOR("5")
		"  FROM pg_catalog.pg_index AS i"
		"  CROSS JOIN pg_catalog.generate_series(0, i.indnkeyatts - 1) AS k (n)"
		"  JOIN pg_catalog.pg_attribute AS a"
		"    ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n]"
		"  JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[k.n]"
		" WHERE i.indrelid = $1"
		"   AND i.indexrelid::pg_catalog.regclass::text = $2"
		" ORDER BY k.n"
	};
	int			ncandidates;
	Candidate  *candidates;
	const Candidate *index;
	MigSpiArgs	args = {0};

	check_columns(batch);
	candidates = read_candidates(batch->relation, &ncandidates);
	index = choose(batch, candidates, ncandidates);
	batch->nkey = index->ncolumns;
	batch->key = index->columns;
	mig_spi_arg_oid(&args, batch->relation);
	mig_spi_arg_text(&args, index->name);
	batch->columns = mig_spi_rows(&query, &args, MIG_SPI_CALLER,
								  MIG_SPI_READ_LATEST, sizeof(MigKeyColumn),
								  read_column, &ncandidates);
	if (ncandidates != batch->nkey)
		elog(ERROR, "index %s has changed", index->name);
}

static void
read_column(const MigSpiRow *row, void *result)
{
	MigKeyColumn *column = result;

	column->name = mig_spi_row_text(row, 1);
	column->declared = mig_spi_row_oid(row, 2);
	column->type = getBaseType(column->declared);
	get_typlenbyval(column->type, &column->length, &column->by_value);
	for (int i = 0; i < MIG_KEY_NOPERATORS; i++)
	{
		column->operators[i] = mig_spi_row_text(row, 3 + i);
		if (column->operators[i] == NULL)
			elog(ERROR, "column \"%s\" has no order", column->name);
	}
}

/*
 * Raises an error for a column that there is not: otherwise all that could be
 * said is that there is no such index.
 */
static void
check_columns(const MigBatch *batch)
{
	static MigSpiQuery query = {
		"SELECT k.name FROM pg_catalog.unnest($2) AS k (name)"
		" WHERE k.name NOT IN (SELECT attname FROM pg_catalog.pg_attribute"
		"   WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped)"
		" LIMIT 1"
	};
	MigSpiArgs	args = {0};
	char	   *missing;

	mig_spi_arg_oid(&args, batch->relation);
	mig_spi_arg_texts(&args, batch->key, batch->nkey);
	missing = mig_spi_first(&query, &args, MIG_SPI_CALLER,
							MIG_SPI_READ_LATEST);
	if (missing != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist",
						missing, batch->relation_name)));
}

/*
 * All indexes of a table.  On YugabyteDB "lsm" is its own ordered index, whose
 * option bit 4 says that the values of a column are hashed (its
 * catalog/pg_index.h).
 */
static Candidate *
read_candidates(Oid relation, int *ncandidates)
{
	static MigSpiQuery query = {
		"SELECT i.indexrelid::pg_catalog.regclass::text, i.indisprimary,"
		"       pg_catalog.bool_or(i.indoption[k.n] & 4 <> 0),"
		"       pg_catalog.array_agg(COALESCE(a.attname::text, '') ORDER BY k.n),"
		"       CASE WHEN pg_catalog.max(m.amname::text) NOT IN ('btree', 'lsm') THEN 'It is not a btree.'"
		"        WHEN NOT i.indisunique THEN 'It is not unique.'"
		"        WHEN NOT (i.indisvalid AND i.indisready AND i.indislive) THEN 'It is not valid.'"
		"        WHEN i.indpred IS NOT NULL THEN 'It is partial.'"
		"        WHEN i.indexprs IS NOT NULL THEN 'It contains an expression.'"
		"        WHEN pg_catalog.bool_or(" CAN_BE_NULL ")"
		"         THEN pg_catalog.format('Column %s can be null.', pg_catalog.min(a.attname::text) FILTER (WHERE " CAN_BE_NULL "))"
		"        WHEN pg_catalog.bool_or(i.indoption[k.n] & 4 <> 0) THEN 'Its values are distributed by a hash, so it keeps no order.'"
		"        WHEN pg_catalog.count(DISTINCT i.indoption[k.n] & 1) > 1 THEN 'Its columns are sorted in different directions.'"
		"        WHEN pg_catalog.bool_or(i.indcollation[k.n] <> a.attcollation) THEN 'A column has another collation in it than in the table.'"
		"        WHEN pg_catalog.bool_or(NOT EXISTS (SELECT FROM pg_catalog.pg_opclass AS d"
		"               WHERE d.opcmethod = o.opcmethod AND d.opcfamily = o.opcfamily"
		"                 AND d.opcintype = o.opcintype AND d.opcdefault)) THEN 'It has an operator class that is not the default of its type.'"
		"        WHEN pg_catalog.bool_or(" CONTAINS_DOMAIN ") THEN 'The type of a column contains a domain.'"
		"       END"
		"  FROM pg_catalog.pg_index AS i"
		"  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid"
		"  JOIN pg_catalog.pg_am AS m ON m.oid = c.relam"
		"  CROSS JOIN pg_catalog.generate_series(0, i.indnkeyatts - 1) AS k (n)"
		"  JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[k.n]"
		"  LEFT JOIN pg_catalog.pg_attribute AS a"
		"    ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n]"
		"   AND i.indkey[k.n] <> 0"
		" WHERE i.indrelid = $1"
		" GROUP BY i.indexrelid, i.indisprimary, i.indisunique, i.indisvalid,"
		"       i.indisready, i.indislive, i.indpred, i.indexprs"
		" ORDER BY i.indisprimary DESC, 1"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, relation);
	return mig_spi_rows(&query, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST,
						sizeof(Candidate), read_candidate, ncandidates);
}

static void
read_candidate(const MigSpiRow *row, void *result)
{
	Candidate  *candidate = result;

	candidate->name = mig_spi_row_text(row, 1);
	candidate->primary = mig_spi_row_bool(row, 2);
	candidate->hashed = mig_spi_row_bool(row, 3);
	candidate->columns = mig_spi_row_texts(row, 4, &candidate->ncolumns);
	candidate->problem = mig_spi_row_text(row, 5);
}

/*
 * The index with the columns asked for, or that of the primary key.
 */
static const Candidate *
choose(const MigBatch *batch, const Candidate *candidates, int ncandidates)
{
	const Candidate *unusable = NULL;

	for (int i = 0; i < ncandidates; i++)
	{
		const Candidate *candidate = &candidates[i];

		if (batch->nkey > 0 ?
			!has_columns(candidate, batch->nkey, batch->key) :
			!candidate->primary)
			continue;
		if (candidate->problem == NULL)
			return candidate;
		if (unusable == NULL)
			unusable = candidate;
	}
	if (unusable != NULL)
		refuse_index(batch, unusable, candidates, ncandidates);
	refuse_key(batch, candidates, ncandidates);
}

static bool
has_columns(const Candidate *candidate, int nkey, char **key)
{
	if (candidate->ncolumns != nkey)
		return false;
	for (int i = 0; i < nkey; i++)
	{
		if (strcmp(candidate->columns[i], key[i]) != 0)
			return false;
	}
	return true;
}

static void
refuse_index(const MigBatch *batch, const Candidate *candidate,
			 const Candidate *candidates, int ncandidates)
{
	char	   *usable = usable_keys(candidates, ncandidates);

	ereport(ERROR,
			(errcode(candidate->hashed ? ERRCODE_FEATURE_NOT_SUPPORTED :
					 ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("index \"%s\" cannot be the key of a batch", candidate->name),
			 errdetail("%s", candidate->problem),
			 usable != NULL ?
			 errhint("Keys of table %s that can be used: %s.",
					 mig_printable_quoted(batch->relation_name), usable) :
			 candidate->hashed ?
			 errhint("Create a unique index that is sorted by range, CREATE UNIQUE INDEX ... (... ASC), and give its columns in argument \"key\".") :
			 errhint("Create a unique btree index over columns that are NOT NULL, and give its columns in argument \"key\".")));
}

static void
refuse_key(const MigBatch *batch, const Candidate *candidates, int ncandidates)
{
	char	   *usable = usable_keys(candidates, ncandidates);
	StringInfoData columns;

	initStringInfo(&columns);
	for (int i = 0; i < batch->nkey; i++)
		appendStringInfo(&columns, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(batch->key[i]));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 batch->nkey == 0 ?
			 errmsg("table \"%s\" has no primary key", batch->relation_name) :
			 errmsg("table \"%s\" has no index on exactly (%s)",
					batch->relation_name, columns.data),
			 usable != NULL ?
			 errhint("Keys that can be used, in argument \"key\": %s.", usable) :
			 errhint("Create a unique btree index over columns that are NOT NULL, and give its columns in argument \"key\".")));
}

/*
 * "{id}, {tenant,id}", or NULL.
 */
static char *
usable_keys(const Candidate *candidates, int ncandidates)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < ncandidates; i++)
	{
		const Candidate *candidate = &candidates[i];

		if (candidate->problem != NULL)
			continue;
		appendStringInfoString(&buf, buf.len > 0 ? ", {" : "{");
		for (int n = 0; n < candidate->ncolumns; n++)
			appendStringInfo(&buf, "%s%s", n > 0 ? "," : "",
							 candidate->columns[n]);
		appendStringInfoChar(&buf, '}');
	}
	return buf.len > 0 ? buf.data : NULL;
}

/*
 * The highest key that there is now, or NULL.
 */
Datum *
mig_batch_highest_key(const MigBatch *batch)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "SELECT ");
	append_columns(&buf, batch);
	appendStringInfo(&buf, " FROM %s", batch->relation_name);
	append_order(&buf, batch, true);
	appendStringInfoString(&buf, " LIMIT 1");
	return look_up(batch, buf.data, NULL, NULL);
}

/*
 * The first key after the last batch, up to the end; NULL: there is none.
 */
Datum *
mig_batch_first_key(const MigBatch *batch)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "SELECT ");
	append_columns(&buf, batch);
	appendStringInfo(&buf, " FROM %s WHERE ", batch->relation_name);
	if (batch->last != NULL)
	{
		append_range(&buf, batch, MIG_KEY_GREATER, 1);
		appendStringInfoString(&buf, " AND ");
	}
	append_range(&buf, batch, MIG_KEY_LESS_EQUAL,
				 batch->last != NULL ? batch->nkey + 1 : 1);
	append_order(&buf, batch, false);
	appendStringInfoString(&buf, " LIMIT 1");
	return look_up(batch, buf.data, batch->last, batch->end);
}

/*
 * The key with that number from the first one of a batch, counted from 1; NULL:
 * there are fewer up to the end.
 */
Datum *
mig_batch_nth_key(const MigBatch *batch, const Datum *first, int number)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "SELECT ");
	append_columns(&buf, batch);
	appendStringInfo(&buf, " FROM %s WHERE ", batch->relation_name);
	append_range(&buf, batch, MIG_KEY_GREATER_EQUAL, 1);
	appendStringInfoString(&buf, " AND ");
	append_range(&buf, batch, MIG_KEY_LESS_EQUAL, batch->nkey + 1);
	append_order(&buf, batch, false);
	appendStringInfo(&buf, " OFFSET %d LIMIT 1", number - 1);
	return look_up(batch, buf.data, first, batch->end);
}

/*
 * How many keys there are from one to the end.
 */
int64
mig_batch_count_keys(const MigBatch *batch, const Datum *first)
{
	SPIExecuteOptions options;
	StringInfoData buf;
	int			nest_level = NewGUCNestLevel();
	int64		count;
	bool		isnull;

	initStringInfo(&buf);
	appendStringInfo(&buf, "SELECT pg_catalog.count(*) FROM %s WHERE ",
					 batch->relation_name);
	append_range(&buf, batch, MIG_KEY_GREATER_EQUAL, 1);
	appendStringInfoString(&buf, " AND ");
	append_range(&buf, batch, MIG_KEY_LESS_EQUAL, batch->nkey + 1);
	memset(&options, 0, sizeof(options));
	options.params = make_params(batch, first, batch->end);
	use_order();
	SPI_connect();
	if (SPI_execute_extended(buf.data, &options) != SPI_OK_SELECT)
		elog(ERROR, "could not count the keys of table %s",
			 batch->relation_name);
	count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
										SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	AtEOXact_GUC(false, nest_level);
	return count;
}

/*
 * The parameters of the statement: the first and the last key of a batch.
 */
ParamListInfo
mig_batch_params(const MigBatch *batch, const Datum *first, const Datum *last)
{
	return make_params(batch, first, last);
}

/*
 * Texts of a key, as they are stored.
 */
char	  **
mig_batch_key_texts(const MigBatch *batch, const Datum *key)
{
	int			nest_level = begin_plain();
	char	  **texts = palloc(sizeof(char *) * batch->nkey);

	for (int i = 0; i < batch->nkey; i++)
	{
		Oid			function;
		bool		is_varlena;

		getTypeOutputInfo(batch->columns[i].type, &function, &is_varlena);
		texts[i] = OidOutputFunctionCall(function, key[i]);
	}
	AtEOXact_GUC(false, nest_level);
	return texts;
}

/*
 * The key that was stored as texts.
 */
Datum *
mig_batch_parse_key(const MigBatch *batch, char *const *texts)
{
	int			nest_level = begin_plain();
	Datum	   *key = palloc(sizeof(Datum) * batch->nkey);

	for (int i = 0; i < batch->nkey; i++)
	{
		Oid			function;
		Oid			param;

		getTypeInputInfo(batch->columns[i].type, &function, &param);
		key[i] = OidInputFunctionCall(function, texts[i], param, -1);
	}
	AtEOXact_GUC(false, nest_level);
	return key;
}

/*
 * Keys are stored as any session reads them, until the GUC nest level that this
 * returns ends.
 */
static int
begin_plain(void)
{
	int			nest_level = NewGUCNestLevel();

	mig_render_plainly();
	/* Of a type such as regclass. */
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return nest_level;
}

static void
append_columns(StringInfo buf, const MigBatch *batch)
{
	for (int i = 0; i < batch->nkey; i++)
		appendStringInfo(buf, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(batch->columns[i].name));
}

static void
append_order(StringInfo buf, const MigBatch *batch, bool backward)
{
	for (int i = 0; i < batch->nkey; i++)
		appendStringInfo(buf, "%s%s USING %s", i > 0 ? ", " : " ORDER BY ",
						 quote_identifier(batch->columns[i].name),
						 batch->columns[i].operators[backward ?
													 MIG_KEY_GREATER :
													 MIG_KEY_LESS]);
}

/*
 * The condition that the key is before or after the one in the parameters from
 * $param on.  A comparison of rows is what an index can be searched by; where
 * the types have operators of different schemas it cannot be written.
 */
static void
append_range(StringInfo buf, const MigBatch *batch, MigKeyOperator operator,
			 int param)
{
	if (batch->nkey > 1 && has_one_operator(batch, operator))
	{
		appendStringInfoString(buf, "ROW(");
		append_columns(buf, batch);
		appendStringInfo(buf, ") %s ROW(", batch->columns[0].operators[operator]);
		for (int i = 0; i < batch->nkey; i++)
			appendStringInfo(buf, "%s$%d", i > 0 ? ", " : "", param + i);
		appendStringInfoChar(buf, ')');
		return;
	}
	if (batch->nkey > 1)
	{
		/* For the index; what follows says it again, more exactly. */
		append_comparison(buf, batch, 0, operator == MIG_KEY_GREATER ?
						  MIG_KEY_GREATER_EQUAL : operator, param);
		appendStringInfoString(buf, " AND ");
	}
	for (int i = 0; i < batch->nkey; i++)
	{
		if (i < batch->nkey - 1)
		{
			appendStringInfoChar(buf, '(');
			append_comparison(buf, batch, i,
							  operator == MIG_KEY_LESS_EQUAL ?
							  MIG_KEY_LESS : MIG_KEY_GREATER, param);
			appendStringInfoString(buf, " OR (");
			append_comparison(buf, batch, i, MIG_KEY_EQUAL, param);
			appendStringInfoString(buf, " AND ");
		}
		else
			append_comparison(buf, batch, i, operator, param);
	}
	for (int i = 0; i < batch->nkey - 1; i++)
		appendStringInfoString(buf, "))");
}

static void
append_comparison(StringInfo buf, const MigBatch *batch, int column,
				  MigKeyOperator operator, int param)
{
	appendStringInfo(buf, "%s %s $%d",
					 quote_identifier(batch->columns[column].name),
					 batch->columns[column].operators[operator],
					 param + column);
}

static bool
has_one_operator(const MigBatch *batch, MigKeyOperator operator)
{
	for (int i = 1; i < batch->nkey; i++)
	{
		if (strcmp(batch->columns[i].operators[operator],
				   batch->columns[0].operators[operator]) != 0)
			return false;
	}
	return true;
}

/*
 * The key in the first row of a query, in the current memory context; NULL: it has
 * no row.  from and to are its parameters, and may be NULL.
 */
static Datum *
look_up(const MigBatch *batch, const char *query, const Datum *from,
		const Datum *to)
{
	MemoryContext context = CurrentMemoryContext;
	int			nest_level = NewGUCNestLevel();
	SPIExecuteOptions options;
	Datum	   *key = NULL;

	memset(&options, 0, sizeof(options));
	options.params = make_params(batch, from, to);
	use_order();
	SPI_connect();
	if (SPI_execute_extended(query, &options) != SPI_OK_SELECT)
		elog(ERROR, "could not look up the keys of table %s",
			 batch->relation_name);
	if (SPI_processed > 0)
	{
		MemoryContext old_context = MemoryContextSwitchTo(context);

		key = palloc(sizeof(Datum) * batch->nkey);
		for (int i = 0; i < batch->nkey; i++)
		{
			bool		isnull;
			Datum		value = SPI_getbinval(SPI_tuptable->vals[0],
											  SPI_tuptable->tupdesc, i + 1,
											  &isnull);

			if (SPI_gettypeid(SPI_tuptable->tupdesc, i + 1) !=
				batch->columns[i].declared)
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("column \"%s\" of table \"%s\" got another type during its batches",
								batch->columns[i].name, batch->relation_name),
						 errhint("Send the same command again to resume.")));
			if (isnull)
				ereport(ERROR,
						(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						 errmsg("column \"%s\" of table \"%s\" contains null values",
								batch->columns[i].name, batch->relation_name),
						 errdetail("It is part of the key of a batch, and was NOT NULL when that began.")));
			key[i] = datumCopy(value, batch->columns[i].by_value,
							   batch->columns[i].length);
		}
		MemoryContextSwitchTo(old_context);
	}
	SPI_finish();
	AtEOXact_GUC(false, nest_level);
	return key;
}

static ParamListInfo
make_params(const MigBatch *batch, const Datum *from, const Datum *to)
{
	int			n = (from != NULL ? batch->nkey : 0) +
	(to != NULL ? batch->nkey : 0);
	ParamListInfo params = makeParamList(n);

	for (int i = 0; i < n; i++)
	{
		const Datum *key = from != NULL && i < batch->nkey ? from : to;
		ParamExternData *param = &params->params[i];

		param->value = key[i % batch->nkey];
		param->isnull = false;
		param->pflags = PARAM_FLAG_CONST;
		param->ptype = batch->columns[i % batch->nkey].type;
	}
	return params;
}

/*
 * A table that was never analyzed, or whose key is unlike the order of its rows,
 * must not be sorted for every batch.  In force until the caller's nest level
 * ends.
 */
static void
use_order(void)
{
	static const char *const settings[] =
	{"enable_bitmapscan", "enable_seqscan", "enable_sort"};

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}
