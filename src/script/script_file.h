/*
 * script_file.h
 *	  The file format of migrate_register_script() -> revisions.
 */
#ifndef MIG_SCRIPT_SCRIPT_FILE_H
#define MIG_SCRIPT_SCRIPT_FILE_H

/* One revision of a script; bodies are copies, offsets tell where they were. */
typedef struct MigScriptRevision
{
	char	   *revision;
	int			line;			/* of the revision's header, from 1 */
	int			ndown;
	char	  **down;
	int			ndepends;
	char	  **depends;
	int			nlabels;
	char	  **labels;
	char	   *message;		/* or NULL */
	char	   *settings;		/* a list, or NULL */
	int			settings_offset;
	char	   *upgrade;
	int			upgrade_offset;
	char	   *downgrade;		/* NULL: irreversible */
	int			downgrade_offset;
} MigScriptRevision;

extern MigScriptRevision *mig_script_file_parse(const char *script,
												int *nrevisions);

#endif							/* MIG_SCRIPT_SCRIPT_FILE_H */
