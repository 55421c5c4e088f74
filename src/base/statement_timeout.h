/*
 * statement_timeout.h
 *	  A body's own statement_timeout.
 */
#ifndef MIG_BASE_STATEMENT_TIMEOUT_H
#define MIG_BASE_STATEMENT_TIMEOUT_H

extern void mig_statement_timeout_begin(int session_timeout);
extern int	mig_statement_timeout_last(void);
extern void mig_statement_timeout_end(void);

#endif							/* MIG_BASE_STATEMENT_TIMEOUT_H */
