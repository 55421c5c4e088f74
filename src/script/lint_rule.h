/*
 * lint_rule.h
 *	  The rules of migrate_lint(), and the waivers in the header of a revision.
 */
#ifndef MIG_SCRIPT_LINT_RULE_H
#define MIG_SCRIPT_LINT_RULE_H

#include "nodes/pg_list.h"

/* What a finding means for a deploy. */
typedef enum MigLintSeverity
{
	MIG_LINT_ERROR,				/* the statement will fail */
	MIG_LINT_WARNING,			/* the application is stopped, or fails, or
								 * data are lost */
	MIG_LINT_NOTICE				/* works, and will be regretted */
} MigLintSeverity;

/* In the order of the table in lint_rule.c. */
typedef enum MigLintRule
{
	/* Columns */
	MIG_RULE_VOLATILE_DEFAULT,
	MIG_RULE_FILLED_COLUMN,
	MIG_RULE_REQUIRED_COLUMN,
	MIG_RULE_CHANGE_TYPE,
	MIG_RULE_SET_NOT_NULL,
	MIG_RULE_DROP_NOT_NULL,
	/* Constraints */
	MIG_RULE_ADD_CHECK,
	MIG_RULE_ADD_FOREIGN_KEY,
	MIG_RULE_ADD_UNIQUE,
	MIG_RULE_ADD_EXCLUSION,
	MIG_RULE_VALIDATE_EARLY,
	MIG_RULE_DOMAIN_CHECK,
	MIG_RULE_DROP_PRIMARY_KEY,
	MIG_RULE_FOREIGN_KEY_INDEX,
	MIG_RULE_UNNAMED,
	/* Indexes, tables and their storage */
	MIG_RULE_CREATE_INDEX,
	MIG_RULE_DROP_INDEX,
	MIG_RULE_REINDEX,
	MIG_RULE_WIDE_INDEX,
	MIG_RULE_PARTITIONED_INDEX,
	MIG_RULE_REWRITE_TABLE,
	MIG_RULE_REFRESH,
	MIG_RULE_ATTACH,
	MIG_RULE_DETACH,
	MIG_RULE_LOCK_TABLE,
	/* What the application and other objects still use */
	MIG_RULE_DROP_TABLE,
	MIG_RULE_DROP_VIEW,
	MIG_RULE_DROP_COLUMN,
	MIG_RULE_DROP_SCHEMA,
	MIG_RULE_DROP_DATABASE,
	MIG_RULE_RENAME_TABLE,
	MIG_RULE_RENAME_COLUMN,
	MIG_RULE_RENAME_SCHEMA,
	MIG_RULE_DEPENDENTS,
	MIG_RULE_CASCADE,
	MIG_RULE_FUNCTION_TEXT,
	MIG_RULE_DISABLE_TRIGGER,
	/* Rows, and what a transaction holds meanwhile */
	MIG_RULE_TRUNCATE,
	MIG_RULE_TRUNCATE_CASCADE,
	MIG_RULE_WRITE_ALL,
	MIG_RULE_SLOW_IN_LOCK,
	MIG_RULE_SEVERAL_LOCKS,
	MIG_RULE_SEVERAL_ALTERS,
	MIG_RULE_MANY_STATEMENTS,
	MIG_RULE_ENUM_VALUE,
	MIG_RULE_ENUM_ORDER,
	/* Design */
	MIG_RULE_TIMESTAMP,
	MIG_RULE_CHAR,
	MIG_RULE_JSON,
	MIG_RULE_MONEY,
	MIG_RULE_SERIAL,
	MIG_RULE_SMALL_KEY,
	MIG_RULE_NO_KEY,
	MIG_RULE_DOMAIN_CONSTRAINT,
	/* Rights and names */
	MIG_RULE_DEFINER_PATH,
	MIG_RULE_GRANT_PUBLIC,
	MIG_RULE_AMBIGUOUS_NAME,
	MIG_RULE_EXTENSION,
	/* The way back */
	MIG_RULE_EMPTY_UPGRADE,
	MIG_RULE_NO_DOWNGRADE,
	MIG_RULE_EMPTY_DOWNGRADE,
	MIG_RULE_DOWNGRADE_DATA,
	MIG_RULE_EXTERNAL_STEP,
	/* The verify body */
	MIG_RULE_VERIFY_COUNT,
	MIG_RULE_VERIFY_IN_LOCK,
	/* YugabyteDB */
	MIG_RULE_YB_MIXED,
	MIG_RULE_YB_MANY_DDL,
	MIG_RULE_YB_UNSUPPORTED
} MigLintRule;

#define MIG_NUM_LINT_RULES	(MIG_RULE_YB_UNSUPPORTED + 1)

typedef struct MigLintRuleInfo
{
	const char *name;
	MigLintSeverity severity;
	const char *message;		/* a format for up to three names */
	const char *instead;		/* what to write instead, or to do first */
} MigLintRuleInfo;

/* A rule that a revision waives, and why. */
typedef struct MigLintWaiver
{
	char	   *name;			/* as it is given */
	MigLintRule rule;
	char	   *reason;
} MigLintWaiver;

extern const MigLintRuleInfo *mig_lint_rule(MigLintRule rule);
extern const char *mig_lint_severity_name(MigLintSeverity severity);
extern List *mig_lint_waivers(const char *allow);
extern bool mig_lint_check_waiver(const char *allow, int item);

#endif							/* MIG_SCRIPT_LINT_RULE_H */
