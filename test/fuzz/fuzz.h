/*
 * fuzz.h
 *	  What the fuzz targets share.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdio.h>
#include <stdlib.h>

/* Input that is read byte by byte; behind its end there are zeros. */
typedef struct FuzzInput
{
	const		uint8_t *data;
	size_t		size;
} FuzzInput;

/* Ends the process, which is how a target says that it has found something. */
#define fuzz_check(condition) \
	((condition) ? (void) 0 : fuzz_fail(__FILE__, __LINE__, #condition))

extern int	LLVMFuzzerTestOneInput(const uint8_t * data, size_t size);

extern int	fuzz_try(void (*call) (void *arg), void *arg);
extern void fuzz_reset(void);
pg_noreturn extern void fuzz_fail(const char *file, int line,
								  const char *condition);
pg_noreturn extern void fuzz_assertion(const char *condition);
extern uint8_t fuzz_byte(FuzzInput *input);
extern char *fuzz_text(FuzzInput *input);

#endif							/* FUZZ_H */
