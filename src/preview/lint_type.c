/*
 * lint_type.c
 *	  Which changes of a column's type rewrite the table.
 *
 * As ATColumnChangeRequiresRewrite() of the server decides, but by the names of
 * the types: a table of the plan may have columns whose types are only made by
 * it.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "preview/preview_internal.h"

#define SYSTEM_SCHEMA	"pg_catalog."

static bool same_name(const char *a, const char *b);
static bool keeps_length(const MigLintType *from, const MigLintType *to);
static bool is_time_zone_change(const MigLintType *from, const MigLintType *to);

/*
 * Reads a type of a parse tree.  Those of serial columns keep their names.
 */
void
mig_lint_type_read(const TypeName *name, MigLintType *type)
{
	StringInfoData buf;
	ListCell   *cell;

	memset(type, 0, sizeof(*type));
	initStringInfo(&buf);
	foreach(cell, name->names)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? "." : "",
						 strVal(lfirst(cell)));
	type->name = buf.data;
	if (strncmp(type->name, SYSTEM_SCHEMA, strlen(SYSTEM_SCHEMA)) == 0)
		type->name += strlen(SYSTEM_SCHEMA);
	type->is_array = name->arrayBounds != NIL;
	foreach(cell, name->typmods)
	{
		Node	   *mod = lfirst(cell);

		if (type->nmods == lengthof(type->mods))
			break;
		type->mods[type->nmods++] = IsA(mod, A_Const) &&
			IsA(&((A_Const *) mod)->val, Integer) ?
			intVal(&((A_Const *) mod)->val) : -1;
	}
}

/*
 * The collation of a column, or NULL if it is that of the type.
 */
char *
mig_lint_collation(const ColumnDef *column)
{
	const char *name = column->collClause == NULL ? NULL :
	strVal(llast(column->collClause->collname));

	return name == NULL || strcmp(name, "default") == 0 ? NULL : pstrdup(name);
}

/*
 * Reads a type as format_type() writes it.
 */
void
mig_lint_type_parse(const char *text, MigLintType *type)
{
	List	   *parsed = mig_script_parse(psprintf("SELECT NULL::%s", text));
	const SelectStmt *select = castNode(SelectStmt,
										linitial_node(RawStmt, parsed)->stmt);
	const ResTarget *target = linitial_node(ResTarget, select->targetList);

	mig_lint_type_read(castNode(TypeCast, target->val)->typeName, type);
}

/*
 * Whether it is one of the types in a list with blanks around each, and no
 * array.
 */
bool
mig_lint_type_is(const MigLintType *type, const char *names)
{
	return !type->is_array &&
		strstr(names, psprintf(" %s ", type->name)) != NULL;
}

/*
 * Whether a change of type rewrites the table, or checks each row, which takes
 * as long.
 */
bool
mig_lint_type_rewrites(MigLint *lint, const MigLintType *from,
					   const MigLintType *to)
{
	bool		constrained = false;

	if (from->is_array != to->is_array)
		return true;
	if (same_name(from->name, to->name))
	{
		if (from->nmods == to->nmods &&
			memcmp(from->mods, to->mods, sizeof(int) * from->nmods) == 0)
			return false;
		return from->is_array || !keeps_length(from, to);
	}
	if (to->is_array)
		return true;
	if (is_time_zone_change(from, to))
		return !lint->is_utc || to->nmods > 0;
	/* The length of the target is enforced by a function. */
	if (to->nmods > 0)
		return !(strcmp(to->name, "varchar") == 0 &&
				 strcmp(from->name, "varchar") == 0);
	return !mig_lint_catalog_coercible(lint, from->name, to->name,
									   &constrained) || constrained;
}

/*
 * Whether an index of a column keeps its operator class when that changes its
 * type without a rewrite of the table.
 */
bool
mig_lint_type_keeps_indexes(MigLint *lint, const MigLintType *from,
							const MigLintType *to)
{
	static const char *const texts = " varchar text ";
	static const char *const addresses = " cidr inet ";

	return same_name(from->name, to->name) ||
		(mig_lint_type_is(from, texts) && mig_lint_type_is(to, texts)) ||
		(mig_lint_type_is(from, addresses) && mig_lint_type_is(to, addresses)) ||
		mig_lint_catalog_same_base(lint, from->name, to->name);
}

/*
 * One that has no schema may be in any.
 */
static bool
same_name(const char *a, const char *b)
{
	const char *dot_a = strrchr(a, '.');
	const char *dot_b = strrchr(b, '.');

	if (dot_a != NULL && dot_b == NULL)
		return strcmp(dot_a + 1, b) == 0;
	if (dot_b != NULL && dot_a == NULL)
		return strcmp(a, dot_b + 1) == 0;
	return strcmp(a, b) == 0;
}

/*
 * Whether each value of a type has the length that the same type with other
 * modifiers wants: what the planner support functions of the casts know.
 */
static bool
keeps_length(const MigLintType *from, const MigLintType *to)
{
	if (mig_lint_type_is(to, " varchar varbit "))
		return to->nmods == 0 || (from->nmods > 0 && to->mods[0] >= from->mods[0]);
	if (mig_lint_type_is(to, " numeric "))
	{
		int			from_scale = from->nmods > 1 ? from->mods[1] : 0;
		int			to_scale = to->nmods > 1 ? to->mods[1] : 0;

		return to->nmods == 0 ||
			(from->nmods > 0 && from_scale == to_scale &&
			 to->mods[0] >= from->mods[0]);
	}
	if (mig_lint_type_is(to, " timestamp timestamptz time timetz "))
		return to->nmods == 0 || to->mods[0] >= 6 ||
			(from->nmods > 0 && to->mods[0] >= from->mods[0]);
	if (mig_lint_type_is(to, " interval "))
		return to->nmods == 0;
	return false;
}

/*
 * In UTC both have the same values.
 */
static bool
is_time_zone_change(const MigLintType *from, const MigLintType *to)
{
	static const char *const names = " timestamp timestamptz ";

	return mig_lint_type_is(from, names) && mig_lint_type_is(to, names);
}
