/*
 * repeatable.c
 *	  migrate.repeatable and migrate.repeated: bodies that run again when they
 *	  have changed.
 *
 * The first one has what is registered, the second one which body has last run on
 * a version table, written in the transaction of that body.  The version table is
 * known as in migrate.partial.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "base/compat.h"
#include "tables/repeatable.h"

/* In SQL: what an approval of a repeatable r is of. */
#define REPEATABLE_HASH(r) \
	"pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(" \
	"  pg_catalog.format('repeatable %s %s %s %L', " r ".name, " r ".body_hash," \
	"   " r ".depends_on, " r ".message), 'UTF8')), 'hex')"

#define COLUMNS \
	"r.name, r.depends_on, r.message, r.allow, r.body_hash, r.statements," \
	" r.registered_by, r.registered_at"

/* Whether it has not run as it is registered now on the table of $1 and $2. */
#define IS_PENDING \
	"NOT EXISTS (SELECT FROM migrate.repeated AS d" \
	"             WHERE d.name = r.name AND d.body_hash = r.body_hash" \
	"               AND" MIG_VERSION_OF("migrate.repeated", "d.") ")"

static void bind_version(MigSpiArgs *args, const MigVersion *version);
static void read_repeatable(const MigSpiRow *row, void *result);
static void read_body(const MigSpiRow *row, void *result);
static void read_check(const MigSpiRow *row, void *result);
static void check_found(int nrows, int n);
static bool is_ready(const MigRepeatable *repeatable, const MigRepeatable *all,
					 const bool *done, int n);
pg_noreturn static void refuse_cycle(const MigRepeatable *all, const bool *done, int n);
static void bind_run(MigSpiArgs *args, const MigVersion *version,
					 const char *name, const char *body_hash);

/*
 * All of them, by name.  version NULL: whether they have run is not asked.
 */
MigRepeatable *
mig_repeatable_list(const MigVersion *version, bool with_bodies,
					MigSpiAccess access, int *n)
{
	static MigSpiQuery query = {
		"SELECT " COLUMNS ", " IS_PENDING ","
		"       CASE WHEN $3 THEN r.body END,"
		"       CASE WHEN $3 THEN " REPEATABLE_HASH("r") " END"
		"  FROM migrate.repeatable AS r ORDER BY r.name"
	};
	MigSpiArgs	args = {0};

	bind_version(&args, version);
	mig_spi_arg_bool(&args, with_bodies);
	return mig_spi_rows(&query, &args, MIG_SPI_OWNER, access,
						sizeof(MigRepeatable), read_repeatable, n);
}

/*
 * The one of that name, with its body.  false: there is none.
 */
bool
mig_repeatable_find(const MigVersion *version, const char *name,
					MigSpiAccess access, MigRepeatable *repeatable)
{
	static MigSpiQuery query = {
		"SELECT " COLUMNS ", " IS_PENDING ", r.body, " REPEATABLE_HASH("r")
		"  FROM migrate.repeatable AS r WHERE r.name = $3",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	bind_version(&args, version);
	mig_spi_arg_text(&args, name);
	return mig_spi_row(&query, &args, MIG_SPI_OWNER, access,
					   read_repeatable, repeatable);
}

static void
bind_version(MigSpiArgs *args, const MigVersion *version)
{
	if (version != NULL)
		mig_version_bind(args, version);
	else
	{
		mig_spi_arg_oid(args, InvalidOid);
		mig_spi_arg_text(args, "");
	}
}

static void
read_repeatable(const MigSpiRow *row, void *result)
{
	MigRepeatable *repeatable = result;

	memset(repeatable, 0, sizeof(*repeatable));
	repeatable->name = mig_spi_row_text_not_null(row, 1);
	repeatable->depends = mig_spi_row_texts(row, 2, &repeatable->ndepends);
	repeatable->message = mig_spi_row_text(row, 3);
	repeatable->allow = mig_spi_row_text(row, 4);
	strlcpy(repeatable->body_hash, mig_spi_row_text_not_null(row, 5),
			sizeof(repeatable->body_hash));
	repeatable->nstatements = mig_spi_row_int32(row, 6);
	repeatable->registered_by = mig_spi_row_text_not_null(row, 7);
	repeatable->registered_at = mig_spi_row_timestamptz(row, 8);
	repeatable->pending = mig_spi_row_bool(row, 9);
	repeatable->body = mig_spi_row_text(row, 10);
	repeatable->hash = mig_spi_row_text(row, 11);
}

/*
 * Whether one of two roles is its author.
 */
bool
mig_repeatable_is_author(const char *name, Oid role, Oid other)
{
	static MigSpiQuery query = {
		"SELECT FROM migrate.repeatable AS r"
		"  JOIN pg_catalog.pg_roles AS o"
		"    ON " MIG_SPI_IS_NOTED_ROLE("o", "r.registered_by",
										"r.registered_by_oid", "r.origin")
		" WHERE r.name = $1 AND (o.oid = $2 OR o.oid = $3)"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, name);
	mig_spi_arg_oid(&args, role);
	mig_spi_arg_oid(&args, other);
	return mig_spi_exists(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}

/*
 * The body that a step runs, as for a revision.
 */
void
mig_repeatable_body(const char *name, MigStepBody *body)
{
	static MigSpiQuery query = {
		"SELECT r.name, r.message, r.registered_by, r.registered_by_oid, r.body,"
		"       r.body_hash, " REPEATABLE_HASH("r")
		"  FROM migrate.repeatable AS r WHERE r.name = $1",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, name);
	if (!mig_spi_row(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
					 read_body, body))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("repeatable \"%s\" does not exist", name),
				 errdetail("It was removed since the run began."),
				 errhint("Run the command again.")));
}

static void
read_body(const MigSpiRow *row, void *result)
{
	MigStepBody *body = result;

	memset(body, 0, sizeof(*body));
	body->id = mig_spi_row_text_not_null(row, 1);
	body->message = mig_spi_row_text(row, 2);
	body->author = mig_spi_row_text_not_null(row, 3);
	body->author_oid = mig_spi_row_oid(row, 4);
	body->text = mig_spi_row_text_not_null(row, 5);
	body->hash = mig_spi_row_text_not_null(row, 6);
	body->revision_hash = mig_spi_row_text(row, 7);
}

/*
 * What decides whether each may be run, in the order of names, which exist.
 */
MigRevisionCheck *
mig_repeatable_check(char *const *names, int n, Oid runner,
					 MigSpiAccess access)
{
	static MigSpiQuery query = {
		"SELECT r.registered_by,"
		"       o.oid IS NOT NULL AND " MIG_COMPAT_HAS_ROLE("o.oid", "$2")
		"  FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (name, ordinality)"
		"  JOIN migrate.repeatable AS r ON r.name = i.name"
		"  LEFT JOIN pg_catalog.pg_roles AS o"
		"    ON " MIG_SPI_IS_NOTED_ROLE("o", "r.registered_by",
										"r.registered_by_oid", "r.origin")
		" ORDER BY i.ordinality"
	};
	MigSpiArgs	args = {0};
	MigRevisionCheck *checks;
	int			nrows;

	mig_spi_arg_texts(&args, names, n);
	mig_spi_arg_oid(&args, runner);
	checks = mig_spi_rows(&query, &args, MIG_SPI_OWNER, access,
						  sizeof(MigRevisionCheck), read_check, &nrows);
	check_found(nrows, n);
	return checks;
}

static void
read_check(const MigSpiRow *row, void *result)
{
	MigRevisionCheck *check = result;

	memset(check, 0, sizeof(*check));
	check->author = mig_spi_row_text_not_null(row, 1);
	check->trusted = mig_spi_row_bool(row, 2);
}

/*
 * What approvals are of, in the same way.
 */
char	  **
mig_repeatable_hashes(char *const *names, int n, MigSpiAccess access)
{
	static MigSpiQuery query = {
		"SELECT " REPEATABLE_HASH("r")
		"  FROM pg_catalog.unnest($1) WITH ORDINALITY AS i (name, ordinality)"
		"  JOIN migrate.repeatable AS r ON r.name = i.name"
		" ORDER BY i.ordinality"
	};
	MigSpiArgs	args = {0};
	char	  **hashes;
	int			nrows;

	mig_spi_arg_texts(&args, names, n);
	hashes = mig_spi_list(&query, &args, MIG_SPI_OWNER, access, &nrows);
	check_found(nrows, n);
	return hashes;
}

/*
 * A run does not keep sessions from removing one.
 */
static void
check_found(int nrows, int n)
{
	if (nrows != n)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("%d of %d repeatables do not exist", n - nrows, n),
				 errdetail("They were removed since the run began."),
				 errhint("Run the command again.")));
}

/*
 * Registers one, or replaces it.
 */
void
mig_repeatable_put(const MigRepeatable *repeatable, Oid author)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.repeatable (name, depends_on, message, allow, body,"
		"  body_hash, statements, registered_by, registered_by_oid, origin)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, pg_catalog.pg_get_userbyid($8), $8,"
		"  " MIG_SPI_ORIGIN ")"
		" ON CONFLICT (name) DO UPDATE SET depends_on = EXCLUDED.depends_on,"
		"  message = EXCLUDED.message, allow = EXCLUDED.allow,"
		"  body = EXCLUDED.body, body_hash = EXCLUDED.body_hash,"
		"  statements = EXCLUDED.statements,"
		"  registered_by = EXCLUDED.registered_by,"
		"  registered_by_oid = EXCLUDED.registered_by_oid,"
		"  origin = EXCLUDED.origin, registered_at = EXCLUDED.registered_at"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, repeatable->name);
	mig_spi_arg_texts(&args, repeatable->depends, repeatable->ndepends);
	mig_spi_arg_text(&args, repeatable->message);
	mig_spi_arg_text(&args, repeatable->allow);
	mig_spi_arg_text(&args, repeatable->body);
	mig_spi_arg_text(&args, repeatable->body_hash);
	mig_spi_arg_int32(&args, repeatable->nstatements);
	mig_spi_arg_oid(&args, author);
	mig_spi_write(&query, &args);
}

/*
 * Replaces its waivers alone: they change nothing of what is run.
 */
void
mig_repeatable_set_allow(const char *name, const char *allow)
{
	static MigSpiQuery query = {
		"UPDATE migrate.repeatable SET allow = $2 WHERE name = $1",
		.by_key = true
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, name);
	mig_spi_arg_text(&args, allow);
	mig_spi_write(&query, &args);
}

/*
 * Removes one, also from what has run: if it comes back, it runs again.
 */
void
mig_repeatable_delete(const char *name)
{
	static MigSpiQuery query = {
		"WITH d AS (DELETE FROM migrate.repeated WHERE name = $1)"
		" DELETE FROM migrate.repeatable WHERE name = $1"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, name);
	mig_spi_write(&query, &args);
}

/*
 * Notes that a body has run.
 */
void
mig_repeatable_note(const MigVersion *version, const char *name,
					const char *body_hash, const pg_uuid_t *run)
{
	static MigSpiQuery query = {
		"INSERT INTO migrate.repeated (version_oid, version_table, name,"
		"  body_hash, run) VALUES ($1, $2, $3, $4, $5)"
		" ON CONFLICT (version_oid, name) DO UPDATE"
		"  SET version_table = EXCLUDED.version_table,"
		"      body_hash = EXCLUDED.body_hash, run = EXCLUDED.run,"
		"      finished = EXCLUDED.finished"
	};
	MigSpiArgs	args = {0};

	bind_run(&args, version, name, body_hash);
	mig_spi_arg_uuid(&args, run);
	mig_spi_write(&query, &args);
}

/*
 * Whether that is noted.
 */
bool
mig_repeatable_has_run(const MigVersion *version, const char *name,
					   const char *body_hash)
{
	static MigSpiQuery query = {
		"SELECT FROM migrate.repeated"
		" WHERE" MIG_VERSION_OF("migrate.repeated", "") " AND name = $3 AND body_hash = $4"
	};
	MigSpiArgs	args = {0};

	bind_run(&args, version, name, body_hash);
	return mig_spi_exists(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST);
}

static void
bind_run(MigSpiArgs *args, const MigVersion *version, const char *name,
		 const char *body_hash)
{
	mig_version_bind(args, version);
	mig_spi_arg_text(args, name);
	mig_spi_arg_text(args, body_hash);
}

/*
 * What has run for a version table of that name that was dropped has not run for one
 * that is made anew.
 */
void
mig_repeatable_forget_former(const char *version_table)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.repeated WHERE" MIG_VERSION_FORMER("$1", "")
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_text(&args, version_table);
	mig_spi_write(&query, &args);
}

/*
 * All of them are to run again: a downgrade may have removed what they have made.
 */
void
mig_repeatable_forget(const MigVersion *version)
{
	static MigSpiQuery query = {
		"DELETE FROM migrate.repeated WHERE" MIG_VERSION_OR_FORMER("")
	};
	MigSpiArgs	args = {0};

	mig_version_bind(&args, version);
	mig_spi_write(&query, &args);
}

/*
 * Puts them into the order in which they run: each behind those it depends on, and
 * otherwise by name, as they are given.  Raises an error if one depends on another
 * that is not there, or on itself.
 */
void
mig_repeatable_sort(MigRepeatable *repeatables, int n)
{
	MigRepeatable *sorted = palloc(sizeof(MigRepeatable) * Max(n, 1));
	bool	   *done = palloc0(sizeof(bool) * Max(n, 1));

	for (int k = 0; k < n; k++)
	{
		int			next = 0;

		CHECK_FOR_INTERRUPTS();
		while (next < n && (done[next] || !is_ready(&repeatables[next], repeatables, done, n)))
			next++;
		if (next == n)
			refuse_cycle(repeatables, done, n);
		sorted[k] = repeatables[next];
		done[next] = true;
	}
	if (n > 0)
		memcpy(repeatables, sorted, sizeof(MigRepeatable) * n);
	pfree(sorted);
	pfree(done);
}

/*
 * Whether all that it depends on is done.
 */
static bool
is_ready(const MigRepeatable *repeatable, const MigRepeatable *all,
		 const bool *done, int n)
{
	for (int i = 0; i < repeatable->ndepends; i++)
	{
		const char *name = repeatable->depends[i];
		int			index = 0;

		while (index < n && strcmp(all[index].name, name) != 0)
			index++;
		if (index == n)
			mig_repeatable_refuse_missing(repeatable, name);
		if (!done[index])
			return false;
	}
	return true;
}

void
mig_repeatable_refuse_missing(const MigRepeatable *repeatable, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("repeatable \"%s\" that repeatable \"%s\" depends on does not exist",
					name, repeatable->name),
			 errhint("Repeatables depend on other repeatables, by their names. Revisions run before all of them.")));
}

static void
refuse_cycle(const MigRepeatable *all, const bool *done, int n)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < n; i++)
	{
		if (!done[i])
			appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? ", " : "",
							 all[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("repeatables depend on each other"),
			 errdetail("In or behind the cycle are: %s.", names.data)));
}
