/*
 * no_memory.c
 *	  Memory that runs out where a test says, for a server that is started with
 *	  LD_PRELOAD.
 *
 * no_memory(at, count), which a test creates as a function of this same file,
 * lets count calls of malloc() and its relatives fail in its process, from call
 * number at on, counted from now.  Returns how many calls there were since it
 * was called before.  When the process exits it has memory again: what it then
 * does besides, as writing the counts of scripts/coverage, is not on trial.
 *
 * Needs no symbol of the server: pg_ctl is started with it, too.
 *
 * Only tests load this library.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "postgres.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

#include "fmgr.h"

PG_MODULE_MAGIC;

#define VISIBLE __attribute__((visibility("default")))

/* glibc's own names of what is replaced here. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t number, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static long calls = 0;
static long first = 0;
static long last = 0;

static bool is_refused(void);
static void relent(void);

PG_FUNCTION_INFO_V1(no_memory);

Datum
no_memory(PG_FUNCTION_ARGS)
{
	static bool registered = false;
	long		before = calls;
	int			at = DatumGetInt32(PG_GETARG_DATUM(0));
	int			count = DatumGetInt32(PG_GETARG_DATUM(1));

	if (!registered)
		(void) atexit(relent);
	registered = true;
	calls = 0;
	first = at;
	last = at > 0 ? (long) at + count - 1 : 0;
	return Int32GetDatum((int32) before);
}

VISIBLE void *
malloc(size_t size)
{
	return is_refused() ? NULL : __libc_malloc(size);
}

VISIBLE void *
calloc(size_t number, size_t size)
{
	return is_refused() ? NULL : __libc_calloc(number, size);
}

VISIBLE void *
realloc(void *old, size_t size)
{
	return is_refused() ? NULL : __libc_realloc(old, size);
}

static bool
is_refused(void)
{
	calls++;
	if (first == 0 || calls < first || calls > last)
		return false;
	errno = ENOMEM;
	return true;
}

static void
relent(void)
{
	first = 0;
}
