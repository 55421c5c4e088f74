/*
 * probe.h
 *	  Whether a statement has taken effect.
 */
#ifndef MIG_RUN_PROBE_H
#define MIG_RUN_PROBE_H

/* What to look for, and how it was before the statement began. */
typedef struct MigProbe
{
	int			nobject;
	char	  **object;			/* kind, schema, name, ...; none: nothing can
								 * be looked up */
	char	   *before;			/* a state; NULL without an object */
} MigProbe;

typedef enum MigVerdict
{
	MIG_VERDICT_DONE,			/* it has taken effect */
	MIG_VERDICT_NOT_DONE,		/* it has not, or may be run again */
	MIG_VERDICT_BROKEN,			/* it has left something to be mended, then it
								 * may be run again */
	MIG_VERDICT_UNKNOWN
} MigVerdict;

extern void mig_run_probe_before(const char *statement, MigProbe *probe);
extern MigVerdict mig_run_probe_after(const char *statement,
									  const MigProbe *probe);
extern char **mig_run_probe_repairs(const MigProbe *probe, int *nrepairs);

#endif							/* MIG_RUN_PROBE_H */
