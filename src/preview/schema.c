/*
 * schema.c
 *	  What a database is made of: every object with its definition.
 *
 * For comparisons: of before and after, of a database and its copy, of today and
 * the last run.  So nothing counts that differs though the schema is the same:
 * OIDs, dropped columns, settings of the session, the order in which things were
 * made, what a dump does not bring along (values of sequences, statistics,
 * versions of collations).  And nothing that some roles may not see: no passwords.
 *
 * The definitions are the server's own where it has a function that writes them.
 * The classes are in the files schema_*.c.  The query of a class runs with the
 * rights of the caller, because every role may read these catalogs.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/render.h"
#include "base/xact.h"
#include "preview/preview_internal.h"

/* At the objects of a class, while other sessions drop some. */
#define MAX_ATTEMPTS			20

/* The classes with those of a file beside each other. */
static MigSpiQuery *const classes[] =
{
	mig_schema_relations,
	mig_schema_types,
	mig_schema_database
};

/* A read of the objects of a class. */
typedef struct ClassRead
{
	MigSpiQuery *query;
	const MigSpiArgs *args;
	MigSpiAccess access;
	MigSchemaObject *found;
	int			nfound;
} ClassRead;

static bool read_classes(MigSchema *schema, const MigSpiArgs *args,
						 MigSpiAccess access);
static bool read_class(ClassRead *read);
static void add_objects(MigSchema *schema, const ClassRead *read);
static void read_found(void *arg);
static void read_object(const MigSpiRow *row, void *result);
static int	compare_objects(const void *a, const void *b);
static void hash_text(pg_cryptohash_ctx *hash, const char *text);

/*
 * All objects that are the user's, in the current memory context.
 */
MigSchema *
mig_schema_read(bool owners, bool privileges, MigSpiAccess access)
{
	MigSchema  *schema = palloc0(sizeof(MigSchema));
	int			nest_level = NewGUCNestLevel();
	MigSpiArgs	args = {0};

	mig_render_plainly();
	mig_spi_arg_bool(&args, owners);
	mig_spi_arg_bool(&args, privileges);
	if (!read_classes(schema, &args, access))
		(void) read_classes(schema, &args, MIG_SPI_READ_LATEST);
	AtEOXact_GUC(false, nest_level);
	if (schema->nobjects > 0)
		qsort(schema->objects, schema->nobjects, sizeof(MigSchemaObject),
			  compare_objects);
	return schema;
}

/*
 * false: what the caller sees is not all there any more.
 */
static bool
read_classes(MigSchema *schema, const MigSpiArgs *args, MigSpiAccess access)
{
	schema->nobjects = 0;
	schema->objects = NULL;
	for (int i = 0; i < lengthof(classes); i++)
	{
		for (MigSpiQuery *query = classes[i]; query->sql != NULL; query++)
		{
			ClassRead	read = {query, args, access};

			if (!read_class(&read))
				return false;
			add_objects(schema, &read);
		}
	}
	return true;
}

/*
 * Other sessions may drop meanwhile what the query has found: the server's
 * functions that write definitions then raise an internal error, because they
 * look at what is there now.  So it is read again.
 */
static bool
read_class(ClassRead *read)
{
	/* Without them an error ends the transaction that the caller needs. */
	if (!mig_server()->subtransactions)
	{
		CHECK_FOR_INTERRUPTS();
		read_found(read);
		return true;
	}
	for (int attempt = 1;; attempt++)
	{
		ErrorData  *error;

		CHECK_FOR_INTERRUPTS();
		error = mig_subxact(read_found, read);
		if (error == NULL)
			return true;
		if (error->sqlerrcode != ERRCODE_INTERNAL_ERROR)
			ReThrowError(error);
		if (read->access == MIG_SPI_READ_CALLER)
			return false;
		if (attempt == MAX_ATTEMPTS)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("could not read the schema, because it is being changed"),
					 errdetail("The server has said in %d attempts: %s.",
							   attempt, error->message),
					 errhint("Try again when no session creates or drops objects. If none does, a catalog is damaged.")));
		FreeErrorData(error);
	}
}

static void
add_objects(MigSchema *schema, const ClassRead *read)
{
	if (schema->objects == NULL)
		schema->objects = read->found;
	else if (read->nfound > 0)
	{
		schema->objects = repalloc_huge(schema->objects,
										sizeof(MigSchemaObject) *
										(schema->nobjects + read->nfound));
		memcpy(&schema->objects[schema->nobjects], read->found,
			   sizeof(MigSchemaObject) * read->nfound);
		pfree(read->found);
	}
	schema->nobjects += read->nfound;
}

static void
read_found(void *arg)
{
	ClassRead  *read = arg;

	read->found = mig_spi_rows(read->query, read->args, MIG_SPI_CALLER,
							   read->access, sizeof(MigSchemaObject),
							   read_object, &read->nfound);
}

static void
read_object(const MigSpiRow *row, void *result)
{
	MigSchemaObject *object = result;

	object->type = mig_spi_row_text(row, 1);
	object->identity = mig_spi_row_text(row, 2);
	object->definition = mig_spi_row_text(row, 3);
}

static int
compare_objects(const void *a, const void *b)
{
	return mig_schema_compare(a, b);
}

/*
 * The order of objects: by type and identity, by byte.
 */
int
mig_schema_compare(const MigSchemaObject *a, const MigSchemaObject *b)
{
	int			result = strcmp(a->type, b->type);

	return result != 0 ? result : strcmp(a->identity, b->identity);
}

/*
 * Calls a function for each object that differs, in their order.
 */
void
mig_schema_differences(const MigSchema *before, const MigSchema *after,
					   MigSchemaDifference see, void *arg)
{
	int			i = 0;
	int			j = 0;

	while (i < before->nobjects || j < after->nobjects)
	{
		const MigSchemaObject *old = &before->objects[i];
		const MigSchemaObject *new = &after->objects[j];
		int			order = i == before->nobjects ? 1 :
		j == after->nobjects ? -1 : mig_schema_compare(old, new);

		if (order < 0)
			see(old, NULL, arg);
		else if (order > 0)
			see(NULL, new, arg);
		else if (strcmp(old->definition, new->definition) != 0)
			see(old, new, arg);
		i += order <= 0;
		j += order >= 0;
	}
}

/*
 * A hash of all of it, in hexadecimal.  It is the same in every server encoding.
 */
char *
mig_schema_fingerprint(const MigSchema *schema)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char	   *result = palloc(PG_SHA256_DIGEST_LENGTH * 2 + 1);

	if (hash == NULL || pg_cryptohash_init(hash) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not initialize SHA-256 context: %s",
						hash == NULL ? _("out of memory") :
						pg_cryptohash_error(hash))));
	for (int i = 0; i < schema->nobjects; i++)
	{
		hash_text(hash, schema->objects[i].type);
		hash_text(hash, schema->objects[i].identity);
		hash_text(hash, schema->objects[i].definition);
	}
	if (pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not finalize SHA-256 context: %s",
			 pg_cryptohash_error(hash));
	pg_cryptohash_free(hash);
	hex_encode((const char *) digest, sizeof(digest), result);
	result[PG_SHA256_DIGEST_LENGTH * 2] = '\0';
	return result;
}

/*
 * With the zero that ends it.
 */
static void
hash_text(pg_cryptohash_ctx *hash, const char *text)
{
	char	   *utf8 = pg_server_to_any(text, strlen(text), PG_UTF8);

	if (pg_cryptohash_update(hash, (const uint8 *) utf8, strlen(utf8) + 1) < 0)
		elog(ERROR, "could not update SHA-256 context: %s",
			 pg_cryptohash_error(hash));
	if (utf8 != text)
		pfree(utf8);
}
