/*
 * run_toplevel.h
 *	  One statement outside of any transaction block.
 */
#ifndef RUN_TOPLEVEL_H
#define RUN_TOPLEVEL_H

extern ErrorData *mig_run_toplevel(const char *statement);

#endif							/* RUN_TOPLEVEL_H */
