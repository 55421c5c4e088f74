/*
 * lease.h
 *	  migrate.lease: which node's scheduler works.
 */
#ifndef MIG_TABLES_LEASE_H
#define MIG_TABLES_LEASE_H

#include "utils/uuid.h"

/* What holds it: a scheduler, from its start to its end. */
typedef struct MigLeaseHolder
{
	pg_uuid_t	id;
	int			pid;
	char		node[64];		/* for people */
} MigLeaseHolder;

extern void mig_lease_touch(void);
extern bool mig_lease_take(const MigLeaseHolder *holder, int seconds);

#endif							/* MIG_TABLES_LEASE_H */
