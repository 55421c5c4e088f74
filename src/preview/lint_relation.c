/*
 * lint_relation.c
 *	  What lint knows of the relations that statements name.
 *
 * Of each what the catalogs have, read when it is first asked for, and what the
 * statements of the plan so far have made of it.  Whether a finding is worth a
 * word depends on it: no session waits for a table that the plan itself makes,
 * nor long for a small one.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_class_d.h"
#include "utils/builtins.h"

#include "base/guc.h"
#include "preview/preview_internal.h"

#define TEMPORARY_SCHEMA	"pg_temp"
#define DEFAULT_SCHEMA		"public"

typedef struct RelationKey
{
	NameData	schema;
	NameData	name;
} RelationKey;

typedef struct RelationEntry
{
	RelationKey key;
	MigLintRelation *relation;	/* NULL: there is none */
} RelationEntry;

static RelationEntry *entry_of(MigLint *lint, const char *schema,
							   const char *name, bool *found);
static const char *creation_schema(const MigLint *lint, const char *schema);
static void refuse_ambiguity(MigLint *lint, const MigLintRelation *relation,
							 ListCell *next);
static bool same_columns(const List *a, const List *b);

/*
 * The relation that a name stands for; one that is not known is made up.
 */
MigLintRelation *
mig_lint_relation(MigLint *lint, const char *schema, const char *name)
{
	MigLintRelation *relation = mig_lint_find(lint, schema, name);
	MemoryContext old_context;

	if (relation != NULL)
		return relation;
	old_context = MemoryContextSwitchTo(lint->context);
	relation = palloc0(sizeof(MigLintRelation));
	relation->schema = pstrdup(creation_schema(lint, schema));
	relation->name = pstrdup(name);
	relation->created_in = lint->unknown_is_new ? lint->number : -1;
	relation->bytes = -1;
	relation->loaded = true;
	relation->partial_knowledge = true;
	MemoryContextSwitchTo(old_context);
	entry_of(lint, relation->schema, name, NULL)->relation = relation;
	return relation;
}

MigLintRelation *
mig_lint_range(MigLint *lint, const RangeVar *range)
{
	return mig_lint_relation(lint, range->schemaname, range->relname);
}

/*
 * By a list of names, as DROP has them.
 */
MigLintRelation *
mig_lint_names(MigLint *lint, List *names)
{
	return mig_lint_relation(lint, list_length(names) < 2 ? NULL :
							 strVal(list_nth(names, list_length(names) - 2)),
							 strVal(llast(names)));
}

/*
 * The same, or NULL if there is none.
 */
MigLintRelation *
mig_lint_find(MigLint *lint, const char *schema, const char *name)
{
	ListCell   *cell;
	MigLintRelation *relation;
	bool		found;

	if (schema != NULL)
	{
		RelationEntry *entry = entry_of(lint, schema, name, &found);

		if (!found)
			entry->relation = mig_lint_catalog_relation(lint, schema, name);
		relation = entry->relation;
		return relation == NULL || relation->is_gone ? NULL : relation;
	}
	/* The server looks there first, unless the path says otherwise. */
	if (strncmp(name, "pg_", 3) == 0)
	{
		relation = mig_lint_find(lint, "pg_catalog", name);
		if (relation != NULL)
			return relation;
	}
	foreach(cell, lint->path)
	{
		relation = mig_lint_find(lint, lfirst(cell), name);
		if (relation == NULL)
			continue;
		refuse_ambiguity(lint, relation, lnext(lint->path, cell));
		return relation;
	}
	return NULL;
}

/*
 * The name is in another schema of the path, too.
 */
static void
refuse_ambiguity(MigLint *lint, const MigLintRelation *relation, ListCell *next)
{
	for (; next != NULL; next = lnext(lint->path, next))
	{
		const MigLintRelation *other;

		if (relation->is_temporary || relation->kind == RELKIND_INDEX)
			return;
		other = mig_lint_find(lint, lfirst(next), relation->name);
		if (other == NULL || other->kind == 0)
			continue;
		mig_lint_add(lint, MIG_RULE_AMBIGUOUS_NAME, relation, relation->name,
					 psprintf("%s and %s", relation->schema, other->schema));
		return;
	}
}

/*
 * A relation that the present statement makes.
 */
MigLintRelation *
mig_lint_create(MigLint *lint, const RangeVar *range, char kind)
{
	MigLintRelation *relation = palloc0(sizeof(MigLintRelation));
	bool		temporary = range->relpersistence == RELPERSISTENCE_TEMP;

	relation->schema = pstrdup(temporary ? TEMPORARY_SCHEMA :
							   creation_schema(lint, range->schemaname));
	relation->name = pstrdup(range->relname);
	relation->kind = kind;
	relation->is_temporary = temporary;
	relation->created_in = lint->number;
	relation->bytes = -1;
	relation->loaded = true;
	entry_of(lint, relation->schema, relation->name, NULL)->relation = relation;
	return relation;
}

/*
 * The relation has another name from here on.
 */
void
mig_lint_move(MigLint *lint, MigLintRelation *relation, const char *schema,
			  const char *name)
{
	RelationEntry *entry = entry_of(lint, relation->schema, relation->name, NULL);

	if (entry->relation == relation)
		entry->relation = NULL;
	relation->schema = pstrdup(schema);
	relation->name = pstrdup(name);
	entry_of(lint, schema, name, NULL)->relation = relation;
}

static RelationEntry *
entry_of(MigLint *lint, const char *schema, const char *name, bool *found)
{
	RelationKey key;
	bool		was_there;
	RelationEntry *entry;

	memset(&key, 0, sizeof(key));
	namestrcpy(&key.schema, schema);
	namestrcpy(&key.name, name);
	entry = hash_search(lint->relations, &key, HASH_ENTER, &was_there);
	if (!was_there)
		entry->relation = NULL;
	if (found != NULL)
		*found = was_there;
	return entry;
}

/*
 * Where a relation of that name would be made.
 */
static const char *
creation_schema(const MigLint *lint, const char *schema)
{
	ListCell   *cell;

	if (schema != NULL)
		return schema;
	foreach(cell, lint->path)
	{
		if (strcmp(lfirst(cell), TEMPORARY_SCHEMA) != 0)
			return lfirst(cell);
	}
	return DEFAULT_SCHEMA;
}

/*
 * Whether the plan makes it, so that no other session can use it.
 */
bool
mig_lint_is_new(const MigLint *lint, const MigLintRelation *relation)
{
	return relation->created_in >= (lint->separately ? lint->number : lint->first);
}

bool
mig_lint_in_use(const MigLint *lint, const MigLintRelation *relation)
{
	return !relation->is_temporary && !mig_lint_is_new(lint, relation);
}

/*
 * Whether reading all of it takes time that other sessions notice.  A catalog is
 * no table of the application.
 */
bool
mig_lint_is_large(const MigLint *lint, const MigLintRelation *relation)
{
	if (relation->oid != InvalidOid && relation->oid < FirstNormalObjectId)
		return false;
	return mig_lint_in_use(lint, relation) && !relation->is_emptied &&
		(relation->bytes < 0 || mig_guc_lint_small_table < 0 ||
		 relation->bytes > mig_guc_lint_small_table * 1024.0);
}

/*
 * Whether it has no rows, for sure.
 */
bool
mig_lint_is_empty(const MigLintRelation *relation)
{
	return relation->is_emptied ||
		(relation->bytes == 0 && mig_guc_lint_small_table >= 0);
}

MigLintColumn *
mig_lint_column(MigLint *lint, MigLintRelation *relation, const char *name)
{
	ListCell   *cell;

	mig_lint_catalog_load(lint, relation);
	foreach(cell, relation->columns)
	{
		MigLintColumn *column = lfirst(cell);

		if (strcmp(column->name, name) == 0)
			return column;
	}
	return NULL;
}

MigLintConstraint *
mig_lint_constraint(MigLint *lint, MigLintRelation *relation, const char *name)
{
	ListCell   *cell;

	mig_lint_catalog_load(lint, relation);
	foreach(cell, relation->constraints)
	{
		MigLintConstraint *constraint = lfirst(cell);

		if (constraint->name != NULL && strcmp(constraint->name, name) == 0)
			return constraint;
	}
	return NULL;
}

/*
 * Whether it is known that the column has no nulls, as the server knows it.
 */
bool
mig_lint_is_not_null(MigLint *lint, MigLintRelation *relation,
					 const char *column)
{
	const MigLintColumn *found = mig_lint_column(lint, relation, column);
	ListCell   *cell;
	ListCell   *name;

	if (found != NULL && found->not_null)
		return true;
	foreach(cell, relation->constraints)
	{
		const MigLintConstraint *constraint = lfirst(cell);

		foreach(name, constraint->not_null)
		{
			if (constraint->valid && strcmp(lfirst(name), column) == 0)
				return true;
		}
	}
	return false;
}

bool
mig_lint_has_key(MigLint *lint, MigLintRelation *relation)
{
	ListCell   *cell;

	mig_lint_catalog_load(lint, relation);
	foreach(cell, relation->constraints)
	{
		if (((MigLintConstraint *) lfirst(cell))->type == 'p')
			return true;
	}
	return false;
}

/*
 * Whether an index begins with these columns, in any order, or is a unique one
 * of them alone.
 */
bool
mig_lint_has_index(MigLint *lint, MigLintRelation *relation, List *columns,
				   bool is_unique)
{
	ListCell   *cell;

	mig_lint_catalog_load(lint, relation);
	foreach(cell, relation->indexes)
	{
		const MigLintIndex *index = lfirst(cell);

		if (index->is_partial || (is_unique && !index->is_unique) ||
			list_length(index->columns) < list_length(columns) ||
			(is_unique && list_length(index->columns) > list_length(columns)))
			continue;
		if (same_columns(columns, index->columns))
			return true;
	}
	return false;
}

/*
 * Whether each column of a is among the first ones of b.
 */
static bool
same_columns(const List *a, const List *b)
{
	ListCell   *cell;

	foreach(cell, a)
	{
		bool		found = false;

		for (int i = 0; i < list_length(a); i++)
			found = found || strcmp(list_nth(b, i), lfirst(cell)) == 0;
		if (!found)
			return false;
	}
	return true;
}

/*
 * Whether CREATE INDEX IF NOT EXISTS does nothing.
 */
bool
mig_lint_index_exists(MigLint *lint, const IndexStmt *create)
{
	const MigLintRelation *old;

	if (!create->if_not_exists || create->idxname == NULL)
		return false;
	old = mig_lint_find(lint, mig_lint_range(lint, create->relation)->schema,
						create->idxname);
	return old != NULL && old->kind != 0;
}

/*
 * The relation is there no longer.
 */
void
mig_lint_drop(MigLint *lint, MigLintRelation *relation)
{
	relation->is_gone = true;
	if (relation->oid != InvalidOid)
		lint->gone = lappend(lint->gone, psprintf("%u", relation->oid));
}

/*
 * Nor is another object of that name, or it is another one now.  catalog: that of
 * functions or types; NULL: any other.
 */
void
mig_lint_drop_name(MigLint *lint, const char *catalog, const char *name)
{
	lint->gone_names = lappend(lint->gone_names,
							   psprintf("%s.%s", catalog == NULL ? "other" : catalog,
										name));
}

/*
 * The same of a part of a relation: a column, a default, a constraint, a trigger,
 * a policy or a rule.
 */
void
mig_lint_drop_part(MigLint *lint, const MigLintRelation *relation,
				   const char *name)
{
	lint->gone_names = lappend(lint->gone_names,
							   psprintf("%u.%s", relation->oid, name));
}

/*
 * The next relation that is there, of all that were named so far; NULL: the
 * scan is over.
 */
MigLintRelation *
mig_lint_next(HASH_SEQ_STATUS *status)
{
	RelationEntry *entry;

	while ((entry = hash_seq_search(status)) != NULL)
	{
		if (entry->relation != NULL && !entry->relation->is_gone)
			return entry->relation;
	}
	return NULL;
}

/*
 * What the plan has made of that name, or NULL.
 */
MigLintMade *
mig_lint_find_made(List *made, const char *name)
{
	ListCell   *cell;

	foreach(cell, made)
	{
		MigLintMade *one = lfirst(cell);

		if (strcmp(one->name, name) == 0)
			return one;
	}
	return NULL;
}

/*
 * Copies of the strings of a list of nodes.
 */
List *
mig_lint_strings(List *nodes)
{
	List	   *strings = NIL;
	ListCell   *cell;

	foreach(cell, nodes)
		strings = lappend(strings, pstrdup(strVal(lfirst(cell))));
	return strings;
}
