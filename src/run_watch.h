/*
 * run_watch.h
 *	  What a body does that only a hook can see.
 */
#ifndef RUN_WATCH_H
#define RUN_WATCH_H

extern void mig_run_watch_install(void);
extern uint64 mig_run_watch_constraints(void);
extern uint64 mig_run_watch_lasting(void);
extern void mig_run_watch_refuse_ddl(bool on);

#endif							/* RUN_WATCH_H */
