/*
 * stub.c
 *	  As much of a server, and of src/base, as src/graph needs, for programs that
 *	  fuzz it.
 *
 * The files of src/ are compiled as they are, with the server's own headers,
 * and linked with this file in place of the server.  StringInfo, psprintf() and
 * the hash come from the server's libraries for programs.  Each allocation is
 * one of malloc(), so that the address sanitizer sees its ends; an error ends
 * the call that fuzz_try() made.
 */
#include "postgres.h"

#include <setjmp.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "parser/scansup.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/printable.h"
#include "fuzz.h"

/* In front of each allocation. */
typedef struct Chunk
{
	struct Chunk *next;
	struct Chunk *prev;
	Size		size;
	Size		padding;		/* what follows is aligned as malloc()'s */
} Chunk;

MemoryContext CurrentMemoryContext = NULL;
volatile	sig_atomic_t InterruptPending = false;

static Chunk chunks = {&chunks, &chunks};
static sigjmp_buf *handler = NULL;
static int	sqlstate;
static char message[1024];

static int	keep_message(const char *format, va_list args);

/* For the targets ------------------------------------------------------ */

/*
 * Calls a function; the SQLSTATE of the error that it raised, or zero.
 */
int
fuzz_try(void (*call) (void *arg), void *arg)
{
	sigjmp_buf	here;

	fuzz_check(handler == NULL);
	sqlstate = 0;
	message[0] = '\0';
	handler = &here;
	if (sigsetjmp(here, 0) == 0)
		call(arg);
	handler = NULL;
	return sqlstate;
}

/* Frees all that was allocated, as the end of a memory context does. */
void
fuzz_reset(void)
{
	while (chunks.next != &chunks)
		pfree(chunks.next + 1);
}

void
fuzz_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: not so: %s\nlast error: %s\n", file, line,
			condition, message);
	abort();
}

/*
 * In a server with asserts, what a failed one calls; it has other arguments in
 * other versions after the first.
 */
void
fuzz_assertion(const char *condition)
{
	fuzz_fail("assertion", 0, condition);
}

uint8_t
fuzz_byte(FuzzInput *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

/* The rest of the input as text, which ends at a zero byte. */
char *
fuzz_text(FuzzInput *input)
{
	char	   *text = palloc(input->size + 1);

	memcpy(text, input->data, input->size);
	text[input->size] = '\0';
	return text;
}

/* Memory --------------------------------------------------------------- */

void *
palloc(Size size)
{
	Chunk	   *chunk;

	fuzz_check(AllocSizeIsValid(size));
	chunk = malloc(sizeof(Chunk) + size);
	fuzz_check(chunk != NULL);
	chunk->size = size;
	chunk->next = chunks.next;
	chunk->prev = &chunks;
	chunks.next->prev = chunk;
	chunks.next = chunk;
	/* No caller may rely on zeros. */
	memset(chunk + 1, 0x7E, size);
	return chunk + 1;
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return palloc0(size);
}

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	return (flags & MCXT_ALLOC_ZERO) ? palloc0(size) : palloc(size);
}

void
pfree(void *pointer)
{
	Chunk	   *chunk = (Chunk *) pointer - 1;

	chunk->next->prev = chunk->prev;
	chunk->prev->next = chunk->next;
	free(chunk);
}

/* Always to another address, so that old pointers are found. */
void *
repalloc(void *pointer, Size size)
{
	void	   *moved = palloc(size);

	memcpy(moved, pointer, Min(size, ((Chunk *) pointer - 1)->size));
	pfree(pointer);
	return moved;
}

char *
pstrdup(const char *text)
{
	return pnstrdup(text, strlen(text));
}

char *
pnstrdup(const char *text, Size length)
{
	char	   *copy;

	length = strnlen(text, length);
	copy = palloc(length + 1);
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

List *
lappend(List *list, void *datum)
{
	if (list == NIL)
	{
		list = palloc0(sizeof(List));
		list->type = T_List;
	}
	if (list->length == list->max_length)
	{
		ListCell   *elements = palloc(sizeof(ListCell) * (list->length + 4));

		if (list->length > 0)
			memcpy(elements, list->elements, sizeof(ListCell) * list->length);
		list->elements = elements;
		list->max_length = list->length + 4;
	}
	list->elements[list->length++].ptr_value = datum;
	return list;
}

/* Errors --------------------------------------------------------------- */

bool
errstart(int elevel, const char *domain)
{
	if (elevel < ERROR)
		return false;
	fuzz_check(handler != NULL);
	sqlstate = ERRCODE_INTERNAL_ERROR;
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

void
errfinish(const char *file, int line, const char *function)
{
	siglongjmp(*handler, 1);
}

int
errcode(int code)
{
	sqlstate = code;
	return 0;
}

/* Each text is put together: a wrong argument must not stay unseen. */
#define DEFINE_TEXT(name) \
int \
name(const char *format,...) \
{ \
	va_list		args; \
 \
	va_start(args, format); \
	keep_message(format, args); \
	va_end(args); \
	return 0; \
}

DEFINE_TEXT(errmsg)
DEFINE_TEXT(errmsg_internal)
DEFINE_TEXT(errdetail)
DEFINE_TEXT(errhint)

static int
keep_message(const char *format, va_list args)
{
	return vsnprintf(message, sizeof(message), format, args);
}

/* Others --------------------------------------------------------------- */

void
ProcessInterrupts(void)
{
}

/* As for UTF-8, where it counts what is no continuation. */
int
pg_mbstrlen(const char *text)
{
	int			length = 0;

	for (; *text != '\0'; text++)
		length += (*text & 0xC0) != 0x80;
	return length;
}

bool
scanner_isspace(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* setting_list.c has more than its parser, which is not called here. */
bool
superuser(void)
{
	abort();
}

int
set_config_option(const char *name, const char *value, GucContext context,
				  GucSource source, GucAction action, bool changeVal,
				  int elevel, bool is_reload)
{
	abort();
}

char *
quote_literal_cstr(const char *rawstr)
{
	return psprintf("'%s'", rawstr);
}

/* The characters are those of the server's encodings. */
char *
mig_printable(const char *text)
{
	return pstrdup(text);
}
