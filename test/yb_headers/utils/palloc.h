/*
 * utils/palloc.h
 *	  A thread that evaluates expressions for the storage layer has a memory
 *	  context of its own, and CurrentMemoryContext is then NULL.
 */
#ifndef MIG_YB_HEADERS_PALLOC_H
#define MIG_YB_HEADERS_PALLOC_H

#include_next <utils/palloc.h>

extern MemoryContext GetThreadLocalCurrentMemoryContext(void);

static inline bool
IsMultiThreadedMode(void)
{
	return CurrentMemoryContext == NULL;
}

static inline MemoryContext
GetCurrentMemoryContext(void)
{
	return IsMultiThreadedMode() ? GetThreadLocalCurrentMemoryContext() :
		CurrentMemoryContext;
}

#endif							/* MIG_YB_HEADERS_PALLOC_H */
