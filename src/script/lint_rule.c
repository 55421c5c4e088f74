/*
 * lint_rule.c
 *	  The rules of migrate_lint(), and the waivers in the header of a revision.
 *
 * The one table of the rules: docs/reference.md has the same, and
 * .ci/check_docs.sh compares the names.  Which statements break a rule is in
 * src/preview.  A message says what happens and to what; it is put together
 * from the format here, so that each rule has one.
 *
 * A waiver names rules and says why they may be broken:
 *
 *	-- allow: drop-column, rename-table (the old release is gone), truncate (empty)
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "parser/scansup.h"
#include "utils/varlena.h"

#include "base/printable.h"
#include "script/lint_rule.h"

/* How many letters of a misspelled name may differ from the one meant. */
#define MAX_DISTANCE	4

static const MigLintRuleInfo rules[MIG_NUM_LINT_RULES] =
{
	[MIG_RULE_VOLATILE_DEFAULT] = {
		"volatile-default", MIG_LINT_WARNING,
		"\"%s\" is rewritten: the default of column \"%s\" is volatile",
		"Add the column without a default, then SET DEFAULT for new rows, and fill the others with migrate_batch()."
	},
	[MIG_RULE_FILLED_COLUMN] = {
		"filled-column", MIG_LINT_WARNING,
		"\"%s\" is rewritten to fill column \"%s\"",
		"Add a plain column, fill it with migrate_batch() while a trigger or the application fills new rows, then make it what it shall be."
	},
	[MIG_RULE_REQUIRED_COLUMN] = {
		"required-column", MIG_LINT_ERROR,
		"it fails if \"%s\" has rows: column \"%s\" is NOT NULL and has no default",
		"Give it a constant default, or add it without NOT NULL, fill it, and then SET NOT NULL."
	},
	[MIG_RULE_CHANGE_TYPE] = {
		"change-type", MIG_LINT_WARNING,
		"\"%s\" is %s: the type of column \"%s\" changes",
		"Add a column of the new type, let a trigger write both, copy the old rows with migrate_batch(), then switch over."
	},
	[MIG_RULE_SET_NOT_NULL] = {
		"set-not-null", MIG_LINT_WARNING,
		"all of \"%s\" is read while other sessions wait, for nulls in \"%s\"",
		"ADD CONSTRAINT name CHECK (column IS NOT NULL) NOT VALID in one revision, VALIDATE CONSTRAINT in the next, then SET NOT NULL, which reads nothing, and DROP CONSTRAINT. From PostgreSQL 18 on ADD CONSTRAINT name NOT NULL column NOT VALID, and VALIDATE CONSTRAINT in the next."
	},
	[MIG_RULE_DROP_NOT_NULL] = {
		"drop-not-null", MIG_LINT_NOTICE,
		"what reads \"%s\" of \"%s\" may not expect nulls",
		"Deploy the application that expects them first."
	},
	[MIG_RULE_ADD_CHECK] = {
		"add-check", MIG_LINT_WARNING,
		"all of \"%s\" is read while other sessions wait",
		"Add it with NOT VALID, and VALIDATE CONSTRAINT in the next revision, which stops no other session."
	},
	[MIG_RULE_ADD_FOREIGN_KEY] = {
		"add-foreign-key", MIG_LINT_WARNING,
		"writers of \"%s\" and \"%s\" wait while each row is looked up",
		"Add it with NOT VALID, and VALIDATE CONSTRAINT in the next revision, which lets them write."
	},
	[MIG_RULE_ADD_UNIQUE] = {
		"add-unique", MIG_LINT_WARNING,
		"other sessions that use \"%s\" wait while an index is built",
		"CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT ... USING INDEX; for a primary key SET NOT NULL first."
	},
	[MIG_RULE_ADD_EXCLUSION] = {
		"add-exclusion", MIG_LINT_WARNING,
		"other sessions that use \"%s\" wait while an index is built",
		"There is no way to build it concurrently: do it while the application is down, or in a new table."
	},
	[MIG_RULE_VALIDATE_EARLY] = {
		"validate-early", MIG_LINT_WARNING,
		"\"%s\" is locked since line %s, and stays so while its rows are checked",
		"VALIDATE CONSTRAINT in a revision of its own: in the transaction that adds a constraint NOT VALID gains nothing."
	},
	[MIG_RULE_DOMAIN_CHECK] = {
		"domain-check", MIG_LINT_WARNING,
		"writers of tables with columns of type \"%s\" wait while these are read",
		"ADD CONSTRAINT ... NOT VALID, and VALIDATE CONSTRAINT in the next revision."
	},
	[MIG_RULE_DROP_PRIMARY_KEY] = {
		"drop-primary-key", MIG_LINT_WARNING,
		"\"%s\" loses its primary key: ON CONFLICT and logical replication fail",
		"Make the new key first, by CREATE UNIQUE INDEX CONCURRENTLY, and swap them in one ALTER TABLE."
	},
	[MIG_RULE_FOREIGN_KEY_INDEX] = {
		"foreign-key-index", MIG_LINT_NOTICE,
		"no index of \"%s\" begins with (%s): each change of a key of \"%s\" reads all of it",
		"Create one, CONCURRENTLY where the table has rows."
	},
	[MIG_RULE_UNNAMED] = {
		"unnamed", MIG_LINT_NOTICE,
		"the server chooses the name of a constraint of \"%s\"",
		"ADD CONSTRAINT name ..., so that a downgrade and later revisions know it."
	},
	[MIG_RULE_CREATE_INDEX] = {
		"create-index", MIG_LINT_WARNING,
		"writers of \"%s\" wait while the index is built",
		"CREATE INDEX CONCURRENTLY, which CALL migrate_deploy() runs outside of a transaction block. Of a partitioned table: ON ONLY, then CONCURRENTLY for each partition, and ATTACH PARTITION."
	},
	[MIG_RULE_DROP_INDEX] = {
		"drop-index", MIG_LINT_WARNING,
		"other sessions that use \"%s\" wait behind the lock",
		"DROP INDEX CONCURRENTLY."
	},
	[MIG_RULE_REINDEX] = {
		"reindex", MIG_LINT_WARNING,
		"other sessions that use \"%s\" wait while the index is built",
		"REINDEX ... CONCURRENTLY."
	},
	[MIG_RULE_WIDE_INDEX] = {
		"wide-index", MIG_LINT_NOTICE,
		"the index of \"%s\" has %s key columns: it is large, and the last ones rarely help",
		"Keep the columns that find few rows; others can be in INCLUDE."
	},
	[MIG_RULE_PARTITIONED_INDEX] = {
		"partitioned-index", MIG_LINT_ERROR,
		"it fails, because \"%s\" is partitioned: CONCURRENTLY is for one table",
		"To create one: ON ONLY, then CONCURRENTLY for each partition, and ATTACH PARTITION. To drop one: without CONCURRENTLY."
	},
	[MIG_RULE_REWRITE_TABLE] = {
		"rewrite-table", MIG_LINT_WARNING,
		"\"%s\" is rewritten while other sessions wait",
		"VACUUM without FULL, or what rewrites a table while it is used: REPACK (CONCURRENTLY) of PostgreSQL 19, pg_repack, pg_squeeze."
	},
	[MIG_RULE_REFRESH] = {
		"refresh", MIG_LINT_WARNING,
		"readers of \"%s\" wait until it is filled",
		"REFRESH MATERIALIZED VIEW CONCURRENTLY, for which it needs a unique index."
	},
	[MIG_RULE_ATTACH] = {
		"attach-partition", MIG_LINT_WARNING,
		"all of \"%s\" is read while other sessions wait",
		"Add a CHECK constraint that says the same as the bounds, NOT VALID, and VALIDATE it in the next revision; ATTACH PARTITION then reads nothing. The same of a default partition, with a CHECK that says the contrary."
	},
	[MIG_RULE_DETACH] = {
		"detach-partition", MIG_LINT_WARNING,
		"other sessions that use \"%s\" wait behind the lock",
		"DETACH PARTITION ... CONCURRENTLY."
	},
	[MIG_RULE_LOCK_TABLE] = {
		"lock-table", MIG_LINT_WARNING,
		"\"%s\" is locked until the end of the transaction",
		"Leave it out: each statement takes the lock that it needs."
	},
	[MIG_RULE_DROP_TABLE] = {
		"drop-table", MIG_LINT_WARNING,
		"what still uses \"%s\" fails, and its rows are lost",
		"Deploy the application that does not use it first; drop it in a later release."
	},
	[MIG_RULE_DROP_VIEW] = {
		"drop-view", MIG_LINT_WARNING,
		"what still uses view \"%s\" fails",
		"Create it anew in the same revision, or deploy the application that does not use it first."
	},
	[MIG_RULE_DROP_COLUMN] = {
		"drop-column", MIG_LINT_WARNING,
		"what still uses column \"%s\" of \"%s\" fails, and its values are lost",
		"Deploy the application that does not use it first; drop it in a later release."
	},
	[MIG_RULE_DROP_SCHEMA] = {
		"drop-schema", MIG_LINT_WARNING,
		"all that is in schema \"%s\" is lost",
		"Drop its objects by name, so that nothing else is dropped."
	},
	[MIG_RULE_DROP_DATABASE] = {
		"drop-database", MIG_LINT_WARNING,
		"database \"%s\" is lost",
		"Drop it by hand: no downgrade brings it back."
	},
	[MIG_RULE_RENAME_TABLE] = {
		"rename-table", MIG_LINT_WARNING,
		"what still uses the name \"%s\" fails",
		"Create a view of the new name, deploy the application that uses it, then rename; or leave a view of the old name."
	},
	[MIG_RULE_RENAME_COLUMN] = {
		"rename-column", MIG_LINT_WARNING,
		"what still uses the name \"%s\" of \"%s\" fails",
		"Add a column of the new name, let a trigger write both, deploy, then drop the old one; or a view with both names."
	},
	[MIG_RULE_RENAME_SCHEMA] = {
		"rename-schema", MIG_LINT_WARNING,
		"what still uses the schema name \"%s\" fails",
		"Create the new schema, leave views in the old one, and drop it later."
	},
	[MIG_RULE_DEPENDENTS] = {
		"dependents", MIG_LINT_ERROR,
		"it fails, because it is used: \"%s\", by %s",
		"Drop what uses it before, and create it anew afterwards."
	},
	[MIG_RULE_CASCADE] = {
		"cascade", MIG_LINT_WARNING,
		"CASCADE of \"%s\" drops more: %s",
		"Drop by name what shall go, without CASCADE."
	},
	[MIG_RULE_FUNCTION_TEXT] = {
		"function-text", MIG_LINT_WARNING,
		"\"%s\" stands in the text of %s",
		"Replace the functions in the same revision."
	},
	[MIG_RULE_DISABLE_TRIGGER] = {
		"disable-trigger", MIG_LINT_WARNING,
		"triggers of \"%s\" stay disabled",
		"ENABLE them in the same revision; or let the triggers know when they have nothing to do."
	},
	[MIG_RULE_TRUNCATE] = {
		"truncate", MIG_LINT_WARNING,
		"all rows of \"%s\" are lost",
		"Keep a copy that the downgrade can bring back."
	},
	[MIG_RULE_TRUNCATE_CASCADE] = {
		"truncate-cascade", MIG_LINT_WARNING,
		"CASCADE empties each table that refers to \"%s\"%s",
		"Name all tables, without CASCADE."
	},
	[MIG_RULE_WRITE_ALL] = {
		"write-all", MIG_LINT_WARNING,
		"all rows of \"%s\" are written, and locked, in one transaction",
		"CALL migrate_batch(...), which commits after each batch. To remove all rows, TRUNCATE."
	},
	[MIG_RULE_SLOW_IN_LOCK] = {
		"slow-in-lock", MIG_LINT_WARNING,
		"\"%s\" is locked since line %s, and stays so while this runs",
		"Move it into a revision of its own, before or after this one."
	},
	[MIG_RULE_SEVERAL_LOCKS] = {
		"several-locks", MIG_LINT_NOTICE,
		"\"%s\" is locked since line %s, and stays so while this waits for \"%s\"",
		"Write a revision for each table in use."
	},
	[MIG_RULE_SEVERAL_ALTERS] = {
		"several-alters", MIG_LINT_NOTICE,
		"\"%s\" is altered at line %s already",
		"Write both changes in one ALTER TABLE, separated by a comma."
	},
	[MIG_RULE_MANY_STATEMENTS] = {
		"many-statements", MIG_LINT_NOTICE,
		"%s statements lock tables in use, each until the last one is done",
		"Write small revisions: each is a transaction."
	},
	[MIG_RULE_ENUM_VALUE] = {
		"enum-value-used", MIG_LINT_WARNING,
		"line %s uses \"%s\", which must be committed before",
		"Use the value in the next revision. Here only CALL migrate_deploy() works, in several transactions."
	},
	[MIG_RULE_ENUM_ORDER] = {
		"enum-order", MIG_LINT_NOTICE,
		"\"%s\" becomes the last value of \"%s\"",
		"Say where it belongs, by BEFORE or AFTER: the order of the values is that of the type, and cannot be changed."
	},
	[MIG_RULE_TIMESTAMP] = {
		"timestamp", MIG_LINT_NOTICE,
		"column \"%s\" of \"%s\" does not say in which time zone its times are",
		"timestamptz."
	},
	[MIG_RULE_CHAR] = {
		"char-type", MIG_LINT_NOTICE,
		"column \"%s\" of \"%s\" is padded with blanks",
		"text, or varchar(n) if the length is to be checked."
	},
	[MIG_RULE_JSON] = {
		"json-type", MIG_LINT_NOTICE,
		"column \"%s\" of \"%s\" has no equality: DISTINCT, GROUP BY and UNION fail",
		"jsonb."
	},
	[MIG_RULE_MONEY] = {
		"money-type", MIG_LINT_NOTICE,
		"what column \"%s\" of \"%s\" means depends on the setting lc_monetary",
		"numeric."
	},
	[MIG_RULE_SERIAL] = {
		"serial", MIG_LINT_NOTICE,
		"column \"%s\" of \"%s\" gets a sequence that needs rights of its own",
		"GENERATED ALWAYS AS IDENTITY."
	},
	[MIG_RULE_SMALL_KEY] = {
		"small-key", MIG_LINT_NOTICE,
		"primary key \"%s\" of \"%s\" ends at %s",
		"bigint: to change the type of a key later is a project."
	},
	[MIG_RULE_NO_KEY] = {
		"no-primary-key", MIG_LINT_NOTICE,
		"\"%s\" has no primary key: logical replication and migrate_batch() want one",
		"Give it one, or REPLICA IDENTITY and a unique index."
	},
	[MIG_RULE_DOMAIN_CONSTRAINT] = {
		"domain-type", MIG_LINT_NOTICE,
		"to change a constraint of domain \"%s\" later reads all tables that use it",
		"A CHECK constraint of each table, which can be NOT VALID at first."
	},
	[MIG_RULE_DEFINER_PATH] = {
		"definer-path", MIG_LINT_WARNING,
		"%s() runs with the rights of its owner and the search_path of any caller",
		"SET search_path = pg_catalog, pg_temp in its definition, and names with their schema."
	},
	[MIG_RULE_GRANT_PUBLIC] = {
		"grant-public", MIG_LINT_WARNING,
		"every role, also each later one, gets %s on %s",
		"Grant it to a role made for it."
	},
	[MIG_RULE_AMBIGUOUS_NAME] = {
		"ambiguous-name", MIG_LINT_WARNING,
		"\"%s\" is in schemas %s: which one is meant depends on search_path",
		"Write the schema."
	},
	[MIG_RULE_EXTENSION] = {
		"extension", MIG_LINT_ERROR,
		"extension \"%s\" %s",
		"Install it on the server, or create it by a role that may, before the deploy; IF NOT EXISTS then does nothing."
	},
	[MIG_RULE_EMPTY_UPGRADE] = {
		"empty-upgrade", MIG_LINT_NOTICE,
		"the upgrade has no statement, and the revision will count as applied",
		"Fill it in before it is deployed: the body of an applied revision is not changed."
	},
	[MIG_RULE_NO_DOWNGRADE] = {
		"no-downgrade", MIG_LINT_NOTICE,
		"there is no way back from this revision",
		"Give it a downgrade; an empty one if there is nothing to undo."
	},
	[MIG_RULE_EMPTY_DOWNGRADE] = {
		"empty-downgrade", MIG_LINT_NOTICE,
		"the downgrade undoes nothing of what the upgrade does",
		"Undo it, or leave the downgrade out: then the revision is irreversible."
	},
	[MIG_RULE_DOWNGRADE_DATA] = {
		"downgrade-data", MIG_LINT_WARNING,
		"the downgrade removes \"%s\", which was there before the upgrade",
		"Remove only what the upgrade has made, or leave the downgrade out."
	},
	[MIG_RULE_EXTERNAL_STEP] = {
		"external-step", MIG_LINT_NOTICE,
		"a run ends before the revision unless it is confirmed that this is done: %s",
		"Do it, and call migrate_confirm()."
	},
	[MIG_RULE_VERIFY_COUNT] = {
		"verify-count", MIG_LINT_NOTICE,
		"nothing looks at the count that this statement of the verify body returns",
		"Compare it, as in SELECT count(*) = 3: a verify body fails by an error, or by one Boolean column that is not true."
	},
	[MIG_RULE_VERIFY_IN_LOCK] = {
		"verify-in-lock", MIG_LINT_WARNING,
		"\"%s\" is locked since line %s of the upgrade, and stays so while the verify body reads a large table",
		"Look at less: at the catalogs, at some rows, or by a unique key. Or write the verify body into the next revision."
	},
	[MIG_RULE_YB_MIXED] = {
		"yb-mixed", MIG_LINT_WARNING,
		"DDL and changes of rows are in one revision: each statement commits by itself",
		"Write a revision for DDL and one for rows."
	},
	[MIG_RULE_YB_MANY_DDL] = {
		"yb-many-ddl", MIG_LINT_NOTICE,
		"the revision has %s DDL statements, each of which all nodes wait for",
		"Write small revisions."
	},
	[MIG_RULE_YB_UNSUPPORTED] = {
		"yb-unsupported", MIG_LINT_ERROR,
		"YugabyteDB does not support %s",
		"YugabyteDB's documentation says what to use instead."
	}
};

static List *read_waivers(const char *allow, bool *complete);
static bool find_rule(const char *name, MigLintRule *rule);
static void refuse_name(const char *name);
static char *near_names(const char *name);
static char *next_item(const char **text);
static char *trimmed(const char *text, int length);

const MigLintRuleInfo *
mig_lint_rule(MigLintRule rule)
{
	return &rules[rule];
}

const char *
mig_lint_severity_name(MigLintSeverity severity)
{
	static const char *const names[] = {"error", "warning", "notice"};

	return names[severity];
}

/*
 * The waivers of a revision, of MigLintWaiver, in the current memory context.
 * NULL: none.  Raises an error for a rule that does not exist, and for one that
 * is waived without a reason, as the next reader will ask for it.
 */
List *
mig_lint_waivers(const char *allow)
{
	bool		complete;
	int			item = 0;

	while (mig_lint_check_waiver(allow, item))
		item++;
	return read_waivers(allow, &complete);
}

/*
 * Raises the error of one of the rules, from 0 on, or, behind them, that a reason
 * is missing.  Returns whether there are more.
 */
bool
mig_lint_check_waiver(const char *allow, int item)
{
	bool		complete;
	List	   *waivers = read_waivers(allow, &complete);
	MigLintRule rule;

	if (item < list_length(waivers))
	{
		const char *name = ((MigLintWaiver *) list_nth(waivers, item))->name;

		if (!find_rule(name, &rule))
			refuse_name(name);
	}
	else if (item == list_length(waivers) && !complete)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the reason of waived lint rules is missing or cannot be read"),
				 errhint("Write it in parentheses after the rules: rule, rule (reason), rule (other reason).")));
	return item < list_length(waivers);
}

/*
 * The waivers as far as they can be read.  complete: each has a reason.
 */
static List *
read_waivers(const char *allow, bool *complete)
{
	const char *text = allow == NULL ? "" : allow;
	List	   *waivers = NIL;
	int			without_reason = 0;

	while (text[strspn(text, " \t\r\n,")] != '\0')
	{
		MigLintWaiver *waiver = palloc0(sizeof(MigLintWaiver));

		waiver->name = next_item(&text);
		(void) find_rule(waiver->name, &waiver->rule);
		waivers = lappend(waivers, waiver);
		if (*text == '(')
		{
			int			length = strcspn(++text, ")");
			char	   *reason = trimmed(text, length);

			if (text[length] == '\0' || reason[0] == '\0')
				break;
			for (; without_reason < list_length(waivers); without_reason++)
				((MigLintWaiver *) list_nth(waivers, without_reason))->reason = reason;
			text += length + 1;
			text += strspn(text, " \t\r\n");
		}
		if (*text != ',' && *text != '\0')
			break;
	}
	*complete = without_reason == list_length(waivers) &&
		text[strspn(text, " \t\r\n,")] == '\0';
	return waivers;
}

/*
 * The name of a rule, up to a comma or a parenthesis.
 */
static char *
next_item(const char **text)
{
	char	   *item;
	int			length;

	*text += strspn(*text, " \t\r\n,");
	length = strcspn(*text, ",(");
	item = trimmed(*text, length);
	*text += length;
	return item;
}

static char *
trimmed(const char *text, int length)
{
	while (length > 0 && scanner_isspace(*text))
		text++, length--;
	while (length > 0 && scanner_isspace(text[length - 1]))
		length--;
	return pnstrdup(text, length);
}

static bool
find_rule(const char *name, MigLintRule *rule)
{
	for (int i = 0; i < MIG_NUM_LINT_RULES; i++)
	{
		if (strcmp(rules[i].name, name) == 0)
		{
			*rule = i;
			return true;
		}
	}
	return false;
}

static void
refuse_name(const char *name)
{
	int			length = pg_mbcliplen(name, strlen(name), NAMEDATALEN - 1);
	char	   *shown = mig_printable(pnstrdup(name, length));
	char	   *near = near_names(shown);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("lint rule \"%s\" does not exist", shown),
			 near == NULL ?
			 errhint("migrate_lint() shows the rules of its findings, and the reference lists all.") :
			 errhint("Perhaps you meant %s.", near)));
}

/*
 * The rules with a similar name, or one that has this one in it; NULL: none.
 */
static char *
near_names(const char *name)
{
	StringInfoData buf;
	int			length = strlen(name);

	/* The limit of the server's function. */
	if (length == 0 || length > 255)
		return NULL;
	initStringInfo(&buf);
	for (int i = 0; i < MIG_NUM_LINT_RULES; i++)
	{
		const char *rule = rules[i].name;
		int			rule_length = strlen(rule);

		if (varstr_levenshtein_less_equal(name, length, rule, rule_length,
										  1, 1, 1, MAX_DISTANCE, true) <= Min(MAX_DISTANCE, rule_length / 3) ||
			(length > 3 && strstr(rule, name) != NULL))
			appendStringInfo(&buf, "%s\"%s\"", buf.len > 0 ? ", " : "", rule);
	}
	return buf.len > 0 ? buf.data : NULL;
}
