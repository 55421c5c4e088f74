/*
 * error_position.h
 *	  Where in a body an error is.
 */
#ifndef MIG_RUN_ERROR_POSITION_H
#define MIG_RUN_ERROR_POSITION_H

extern void mig_error_position(ErrorData *error, const char *body, int offset,
							   const char *statement);

#endif							/* MIG_RUN_ERROR_POSITION_H */
