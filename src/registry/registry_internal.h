/*
 * registry_internal.h
 *	  What the files of this folder know of each other.
 */
#ifndef MIG_REGISTRY_REGISTRY_INTERNAL_H
#define MIG_REGISTRY_REGISTRY_INTERNAL_H

#include "registry/registry.h"
#include "script/script.h"

/* A revision that is to be registered. */
typedef struct MigRegistration
{
	MigScriptRevision revision;
	const char *script;			/* that it is in; NULL: none */
	bool		replace;
} MigRegistration;

/* definition.c */
extern void mig_definition_check_names(const MigRevisionDef *def);
extern void mig_definition_check_references(const MigRevisionDef *def,
											bool in_script);
extern void mig_definition_parse(const MigRegistration *registration,
								 MigRevision *revision);
extern const char *mig_definition_difference(const MigRevision *old,
											 const MigRevision *new);

/* register.c */
extern MigRevision *mig_register_find(const char *id);

#endif							/* MIG_REGISTRY_REGISTRY_INTERNAL_H */
