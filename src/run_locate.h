/*
 * run_locate.h
 *	  Where in a body an error is.
 */
#ifndef RUN_LOCATE_H
#define RUN_LOCATE_H

extern void mig_run_locate(ErrorData *error, const char *body, int offset,
						   const char *statement);

#endif							/* RUN_LOCATE_H */
