/*
 * statement_kind.h
 *	  Which statements refuse a transaction block.
 */
#ifndef MIG_SCRIPT_STATEMENT_KIND_H
#define MIG_SCRIPT_STATEMENT_KIND_H

#include "nodes/nodes.h"

/* The one that lets go of what the session holds. */
#define MIG_SCRIPT_DISCARD_ALL	"DISCARD ALL"

extern const char *mig_script_kind_nontransactional(Node *statement);
extern const char *mig_script_kind_if_partitioned(const Node *statement);
extern const char *mig_script_kind_enum_value(const Node *statement);
extern const char *mig_script_kind_commits(Node *statement);
extern bool mig_script_kind_is_setting(const Node *statement);

#endif							/* MIG_SCRIPT_STATEMENT_KIND_H */
