/*
 * register.h
 *	  Registers, replaces and removes revisions.
 */
#ifndef MIG_REGISTRY_REGISTER_H
#define MIG_REGISTRY_REGISTER_H

#include "migrate.h"

extern void mig_register(const MigRevisionDef *def, bool replace);
extern char **mig_register_script(const char *script, int *nids);
extern void mig_register_approve(char *id, const char *note);
extern void mig_register_unregister(char *id);
extern void mig_register_merge(int nrevisions, char **revisions,
							   const MigRevisionDef *def);

#endif							/* MIG_REGISTRY_REGISTER_H */
