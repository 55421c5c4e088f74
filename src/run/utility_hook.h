/*
 * utility_hook.h
 *	  What a body does that only a hook can see.
 */
#ifndef MIG_RUN_UTILITY_HOOK_H
#define MIG_RUN_UTILITY_HOOK_H

extern void mig_run_watch_install(void);
extern uint64 mig_run_watch_constraints(void);
extern uint64 mig_run_watch_lasting(void);
extern void mig_run_watch_refuse_ddl(bool on);

#endif							/* MIG_RUN_UTILITY_HOOK_H */
