/*
 * toplevel.h
 *	  One statement outside of any transaction block.
 */
#ifndef MIG_RUN_TOPLEVEL_H
#define MIG_RUN_TOPLEVEL_H

extern ErrorData *mig_run_toplevel(const char *statement);

#endif							/* MIG_RUN_TOPLEVEL_H */
