/*
 * render.h
 *	  Settings under which values and definitions are written as text.
 */
#ifndef MIG_BASE_RENDER_H
#define MIG_BASE_RENDER_H

extern void mig_render_plainly(void);

#endif							/* MIG_BASE_RENDER_H */
