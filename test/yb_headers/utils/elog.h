/*
 * utils/elog.h
 *	  Errors may be raised in a thread, which has an exception stack of its own.
 */
#ifndef MIG_YB_HEADERS_ELOG_H
#define MIG_YB_HEADERS_ELOG_H

#include_next <utils/elog.h>

extern bool yb_errstart(int elevel);
extern void yb_errfinish(const char *filename, int lineno,
						 const char *funcname);
extern sigjmp_buf *yb_get_exception_stack(void);
extern void yb_set_exception_stack(sigjmp_buf *stack);
extern void yb_reset_error_status(void);

#undef ereport_domain
#define ereport_domain(elevel, domain, ...) \
	do { \
		if (IsMultiThreadedMode()) \
		{ \
			if (yb_errstart(elevel)) \
				__VA_ARGS__, yb_errfinish(__FILE__, __LINE__, __func__); \
		} \
		else if (errstart(elevel, domain)) \
			__VA_ARGS__, errfinish(__FILE__, __LINE__, __func__); \
		if (__builtin_constant_p(elevel) && (elevel) >= ERROR) \
			pg_unreachable(); \
	} while (0)

#undef PG_TRY
#undef PG_CATCH
#undef PG_FINALLY
#undef PG_END_TRY
#define PG_TRY(...) \
	do { \
		sigjmp_buf *saved_stack = yb_get_exception_stack(); \
		ErrorContextCallback *saved_context = error_context_stack; \
		sigjmp_buf	own; \
		bool		rethrow = false; \
		if (sigsetjmp(own, 0) == 0) \
		{ \
			yb_set_exception_stack(&own)
#define PG_CATCH(...) \
		} \
		else \
		{ \
			yb_set_exception_stack(saved_stack); \
			error_context_stack = saved_context
#define PG_FINALLY(...) \
		} \
		else \
			rethrow = true; \
		{ \
			yb_set_exception_stack(saved_stack); \
			error_context_stack = saved_context
#define PG_END_TRY(...) \
		} \
		if (rethrow) \
			pg_re_throw(); \
		yb_reset_error_status(); \
		yb_set_exception_stack(saved_stack); \
		error_context_stack = saved_context; \
	} while (0)

/* It is there, but is not where an error goes to. */
#pragma GCC poison PG_exception_stack

#endif							/* MIG_YB_HEADERS_ELOG_H */
