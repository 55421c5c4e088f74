/*
 * guard.h
 *	  Refuses calls while rights on the extension are in the wrong hands.
 */
#ifndef MIG_BASE_GUARD_H
#define MIG_BASE_GUARD_H

#include "base/spi.h"

/*
 * What can be wrong with the rights on the extension's objects.  Macros, because
 * SQL has the numbers, too.
 */
typedef int MigGuardFault;

#define MIG_GUARD_OWNER		0	/* another role owns one of them */
#define MIG_GUARD_PART		1	/* something that is not ours hangs on one */
#define MIG_GUARD_EXECUTE	2	/* a role was granted every function */
#define MIG_GUARD_WRITE		3	/* a role may write a table */
#define MIG_GUARD_TRIGGER	4	/* a trigger of a table runs code of a role */
#define MIG_GUARD_NFAULTS	5

/* A case of it, and the statement that repairs it. */
typedef struct MigGuardFinding
{
	char	   *object;			/* NULL: all functions */
	char	   *role;			/* "role \"app\"", or PUBLIC; NULL: unknown */
	char	   *statement;
} MigGuardFinding;

extern void mig_guard_check(void);
extern void mig_guard_check_objects(void);
extern MigGuardFinding *mig_guard_findings(MigGuardFault fault, int *nfindings);

#endif							/* MIG_BASE_GUARD_H */
