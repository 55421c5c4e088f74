/*
 * cursor.h
 *	  The cursors that the session has open.
 */
#ifndef MIG_BASE_CURSOR_H
#define MIG_BASE_CURSOR_H

extern char *mig_cursor_find(void);

#endif							/* MIG_BASE_CURSOR_H */
