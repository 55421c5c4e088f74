/*
 * pg_yb_utils.h
 *	  Only YugabyteDB has a header of this name.
 */
#ifndef PG_YB_UTILS_H
#define PG_YB_UTILS_H

extern bool IsYugaByteEnabled(void);

#endif							/* PG_YB_UTILS_H */
