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
	int			options;		/* MIG_REGISTER_... */
} MigRegistration;

/* definition.c */
extern void mig_definition_check_names(const MigRevisionDef *def);
extern void mig_definition_check_references(const MigRevisionDef *def,
											bool in_script);
extern void mig_definition_begin(const MigRegistration *registration,
								 MigRevision *revision);
extern void mig_definition_check_settings(const MigRegistration *registration);
extern void mig_definition_check_allow(const MigRegistration *registration);
extern void mig_definition_upgrade(const MigRegistration *registration,
								   MigRevision *revision);
extern void mig_definition_downgrade(const MigRegistration *registration,
									 MigRevision *revision);
extern void mig_definition_verify(const MigRegistration *registration,
								  MigRevision *revision);
extern void mig_definition_source(const MigRegistration *registration,
								  const char *text, int line,
								  MigScriptSource *source);
extern const char *mig_definition_difference(const MigRevision *old,
											 const MigRevision *new);

/* register.c */
extern MigRevision *mig_register_find(const char *id);

#endif							/* MIG_REGISTRY_REGISTRY_INTERNAL_H */
