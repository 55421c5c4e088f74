/*
 * command.c
 *	  Words for what a run does and how it was started.
 */
#include "postgres.h"

#include "base/command.h"

/*
 * The word for a command, in the log, in plans and in messages.
 */
const char *
mig_command_name(MigCommand command)
{
	switch (command)
	{
		case MIG_COMMAND_UPGRADE:
			return "upgrade";
		case MIG_COMMAND_DOWNGRADE:
			return "downgrade";
		case MIG_COMMAND_STAMP:
			return "stamp";
		case MIG_COMMAND_REPEAT:
			return "repeat";
	}
	return NULL;				/* not reached */
}

/*
 * The command that a word stands for.  false: none.
 */
bool
mig_command_find(const char *name, MigCommand *command)
{
	for (*command = MIG_COMMAND_UPGRADE; *command <= MIG_COMMAND_STAMP;
		 (*command)++)
	{
		if (strcmp(name, mig_command_name(*command)) == 0)
			return true;
	}
	return false;
}

/*
 * The same; raises 22023 where there is none.
 */
MigCommand
mig_command_by_name(const char *name)
{
	MigCommand	command;

	if (!mig_command_find(name, &command))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("command \"%s\" does not exist", name),
				 errhint("Commands are \"upgrade\", \"downgrade\" and \"stamp\".")));
	return command;
}

/*
 * The same for a command that runs bodies; a stamp runs none.
 */
MigCommand
mig_command_with_bodies(const char *name)
{
	MigCommand	command;

	if (!mig_command_find(name, &command) || command == MIG_COMMAND_STAMP)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("command \"%s\" runs no statements", name),
				 errhint("Commands that do are \"upgrade\" and \"downgrade\".")));
	return command;
}

/*
 * The function that runs a command.
 */
const char *
mig_command_function(MigCommand command)
{
	switch (command)
	{
		case MIG_COMMAND_UPGRADE:
		case MIG_COMMAND_REPEAT:
			return "migrate_upgrade";
		case MIG_COMMAND_DOWNGRADE:
			return "migrate_downgrade";
		case MIG_COMMAND_STAMP:
			return "migrate_stamp";
	}
	return NULL;				/* not reached */
}

/*
 * The procedure that runs a command and commits after each revision; a stamp
 * has none, and gets that of an upgrade.
 */
const char *
mig_command_procedure(MigCommand command)
{
	return command == MIG_COMMAND_DOWNGRADE ? "migrate_revert" :
		"migrate_deploy";
}

/*
 * The word for the way a run was started.
 */
const char *
mig_via_name(MigVia via)
{
	switch (via)
	{
		case MIG_VIA_FUNCTION:
			return "function";
		case MIG_VIA_PROCEDURE:
			return "procedure";
		case MIG_VIA_WORKER:
			return "worker";
	}
	return NULL;				/* not reached */
}
