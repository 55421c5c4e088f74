/*
 * statement_kind.h
 *	  Which statements cannot run inside a transaction block.
 */
#ifndef MIG_SCRIPT_STATEMENT_KIND_H
#define MIG_SCRIPT_STATEMENT_KIND_H

#include "nodes/nodes.h"

/* Whether a statement can share a transaction with others, and if not why. */
typedef enum MigStatementKind
{
	MIG_STATEMENT_ORDINARY,		/* it can */
	MIG_STATEMENT_NONTRANSACTIONAL, /* cannot run inside a transaction block */
	MIG_STATEMENT_DISCARD_ALL,	/* the same, and releases session locks */
	MIG_STATEMENT_COMMITS		/* commits what it does, on a server whose DDL
								 * commits by itself; otherwise ordinary */
} MigStatementKind;

extern MigStatementKind mig_statement_kind(Node *statement, const char **tag);
extern const char *mig_statement_kind_if_partitioned(const Node *statement);
extern const char *mig_statement_kind_enum_value(const Node *statement);
extern bool mig_statement_kind_commits(Node *statement);
extern bool mig_statement_kind_is_setting(const Node *statement);

#endif							/* MIG_SCRIPT_STATEMENT_KIND_H */
