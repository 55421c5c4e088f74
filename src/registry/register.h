/*
 * register.h
 *	  Registers, replaces and removes revisions.
 */
#ifndef MIG_REGISTRY_REGISTER_H
#define MIG_REGISTRY_REGISTER_H

/* A revision as it is handed in. */
typedef struct MigRegistration
{
	const char *id;
	const char *upgrade;
	const char *downgrade;		/* NULL: irreversible */
	int			ndown;
	char	  **down;
	int			ndepends;
	char	  **depends;
	int			nlabels;
	char	  **labels;
	const char *message;		/* or NULL */
	const char *settings;		/* a list, or NULL */
	bool		replace;

	/* where the bodies are in a script, for the position of an error */
	const char *script;			/* NULL: the bodies came by themselves */
	int			upgrade_offset;
	int			downgrade_offset;
	int			settings_offset;
} MigRegistration;

extern void mig_register(const MigRegistration *registration);
extern char **mig_register_script(const char *script, int *nids);
extern void mig_register_unregister(char *id);
extern void mig_register_merge(int nrevisions, char **revisions,
							   const MigRegistration *registration);

#endif							/* MIG_REGISTRY_REGISTER_H */
