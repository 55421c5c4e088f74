/*
 * utility_hook.h
 *	  What a body does that only a hook can see.
 */
#ifndef MIG_RUN_UTILITY_HOOK_H
#define MIG_RUN_UTILITY_HOOK_H

extern void mig_utility_hook_install(void);
extern uint64 mig_utility_hook_constraints(void);
extern uint64 mig_utility_hook_lasting(void);
extern void mig_utility_hook_refuse_ddl(bool on);

#endif							/* MIG_RUN_UTILITY_HOOK_H */
