/*
 * lint_rights.c
 *	  Rules for rights, and for what needs them.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"

#include "preview/preview_internal.h"

static void create_function(MigLint *lint, const CreateFunctionStmt *create);
static void alter_function(MigLint *lint, const AlterFunctionStmt *alter);
static void note_definer(MigLint *lint, List *name, List *options);
static bool sets_search_path(const DefElem *option);
static void grant(MigLint *lint, const GrantStmt *grant);
static const char *granted_to_public(const GrantStmt *grant);
static const char *object_name(const GrantStmt *grant);

void
mig_lint_rights_statement(MigLint *lint, Node *node)
{
	switch (nodeTag(node))
	{
		case T_CreateFunctionStmt:
			create_function(lint, (CreateFunctionStmt *) node);
			break;
		case T_AlterFunctionStmt:
			alter_function(lint, (AlterFunctionStmt *) node);
			break;
		case T_GrantStmt:
			grant(lint, (GrantStmt *) node);
			break;
		case T_AlterDefaultPrivilegesStmt:
			grant(lint, ((AlterDefaultPrivilegesStmt *) node)->action);
			break;
		case T_CreateExtensionStmt:
			{
				const char *name = ((CreateExtensionStmt *) node)->extname;
				const char *problem = !lint->live ? NULL :
				mig_lint_catalog_extension(lint, name);

				if (problem != NULL)
					mig_lint_add(lint, MIG_RULE_EXTENSION, NULL, name, problem);
				break;
			}
		default:
			break;
	}
}

/*
 * The names in a body of standard SQL are looked up when it is created.
 */
static void
create_function(MigLint *lint, const CreateFunctionStmt *create)
{
	if (create->sql_body == NULL)
		note_definer(lint, create->funcname, create->options);
}

static void
note_definer(MigLint *lint, List *name, List *options)
{
	bool		definer = false;
	bool		has_path = false;
	ListCell   *cell;
	MigLintPending *pending;

	foreach(cell, options)
	{
		const DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "security") == 0)
			definer = boolVal(option->arg);
		has_path = has_path || sets_search_path(option);
	}
	if (!definer || has_path)
		return;
	pending = mig_lint_postpone(lint, &lint->of_revision,
								MIG_RULE_DEFINER_PATH, NULL);
	pending->name = MemoryContextStrdup(lint->context, strVal(llast(name)));
}

static bool
sets_search_path(const DefElem *option)
{
	const VariableSetStmt *set = (const VariableSetStmt *) option->arg;

	return strcmp(option->defname, "set") == 0 &&
		(set->kind == VAR_SET_VALUE || set->kind == VAR_SET_CURRENT) &&
		strcmp(set->name, "search_path") == 0;
}

/*
 * A later statement of the revision may have set the path.
 */
static void
alter_function(MigLint *lint, const AlterFunctionStmt *alter)
{
	const char *name = strVal(llast(alter->func->objname));
	ListCell   *cell;
	ListCell   *other;

	foreach(cell, alter->actions)
	{
		if (!sets_search_path(lfirst(cell)))
			continue;
		foreach(other, lint->of_revision)
		{
			const MigLintPending *pending = lfirst(other);

			if (pending->rule == MIG_RULE_DEFINER_PATH &&
				strcmp(pending->name, name) == 0)
				lint->of_revision = foreach_delete_current(lint->of_revision, other);
		}
	}
	note_definer(lint, alter->func->objname, alter->actions);
}

void
mig_lint_rights_end_revision(MigLint *lint)
{
	ListCell   *cell;

	foreach(cell, lint->of_revision)
	{
		const MigLintPending *pending = lfirst(cell);

		if (pending->rule == MIG_RULE_DEFINER_PATH)
			mig_lint_add_pending(lint, pending, pending->name);
	}
}

static void
grant(MigLint *lint, const GrantStmt *grant)
{
	const char *privileges;
	ListCell   *cell;

	if (!grant->is_grant)
		return;
	privileges = granted_to_public(grant);
	if (privileges == NULL)
		return;
	foreach(cell, grant->grantees)
	{
		if (lfirst_node(RoleSpec, cell)->roletype == ROLESPEC_PUBLIC)
			mig_lint_add(lint, MIG_RULE_GRANT_PUBLIC, NULL, privileges,
						 object_name(grant));
	}
}

/*
 * The privileges, or NULL if PUBLIC has them without that, as for functions, or
 * may: with USAGE of a schema nothing can be done yet.
 */
static const char *
granted_to_public(const GrantStmt *grant)
{
	StringInfoData buf;
	ListCell   *cell;

	switch (grant->objtype)
	{
		case OBJECT_TABLE:
		case OBJECT_SEQUENCE:
		case OBJECT_SCHEMA:
		case OBJECT_DATABASE:
		case OBJECT_FDW:
		case OBJECT_FOREIGN_SERVER:
		case OBJECT_LARGEOBJECT:
		case OBJECT_TABLESPACE:
			break;
		default:
			return NULL;
	}
	if (grant->privileges == NIL)
		return "ALL";
	initStringInfo(&buf);
	foreach(cell, grant->privileges)
	{
		const AccessPriv *privilege = lfirst_node(AccessPriv, cell);

		if (privilege->priv_name == NULL)
			return "ALL";
		if ((grant->objtype == OBJECT_SCHEMA &&
			 strcmp(privilege->priv_name, "usage") == 0) ||
			(grant->objtype == OBJECT_DATABASE &&
			 strcmp(privilege->priv_name, "create") != 0))
			continue;
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 privilege->priv_name);
	}
	return buf.len > 0 ? buf.data : NULL;
}

static const char *
object_name(const GrantStmt *grant)
{
	Node	   *object;

	if (grant->targtype == ACL_TARGET_DEFAULTS)
		return "later objects";
	if (grant->targtype == ACL_TARGET_ALL_IN_SCHEMA)
		return psprintf("all %s in schema \"%s\"",
						grant->objtype == OBJECT_SEQUENCE ? "sequences" : "tables",
						strVal(linitial(grant->objects)));
	object = linitial(grant->objects);
	if (IsA(object, RangeVar))
		return psprintf("\"%s\"", ((const RangeVar *) object)->relname);
	if (IsA(object, String))
		return psprintf("\"%s\"", strVal(object));
	return "it";
}
