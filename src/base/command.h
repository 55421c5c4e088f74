/*
 * command.h
 *	  Words for what a run does and how it was started.
 */
#ifndef MIG_BASE_COMMAND_H
#define MIG_BASE_COMMAND_H

#include "migrate.h"

extern const char *mig_command_name(MigCommand command);
extern bool mig_command_find(const char *name, MigCommand *command);
extern MigCommand mig_command_by_name(const char *name);
extern MigCommand mig_command_with_bodies(const char *name);
extern const char *mig_command_function(MigCommand command);
extern const char *mig_command_procedure(MigCommand command);
extern const char *mig_via_name(MigVia via);

#endif							/* MIG_BASE_COMMAND_H */
