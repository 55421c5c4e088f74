/*
 * call.h
 *	  What an SQL function of ours is given, and the rows that it returns.
 */
#ifndef MIG_BASE_CALL_H
#define MIG_BASE_CALL_H

#include "fmgr.h"
#include "nodes/execnodes.h"

#include "base/compat.h"

#define MIG_CALL_MAX_COLUMNS	20

/* The rows of a result; a row is filled in column by column. */
typedef struct MigCallRows
{
	ReturnSetInfo *rsinfo;
	int			ncolumns;		/* of the row so far */
	Datum		values[MIG_CALL_MAX_COLUMNS];
	bool		nulls[MIG_CALL_MAX_COLUMNS];
} MigCallRows;

/* An argument; name is the one that SQL gives it */
extern char *mig_call_text(FunctionCallInfo fcinfo, int arg, const char *name);
extern char *mig_call_optional_text(FunctionCallInfo fcinfo, int arg);
extern char **mig_call_texts(FunctionCallInfo fcinfo, int arg,
							 const char *name, int *nelems);
extern char **mig_call_optional_texts(FunctionCallInfo fcinfo, int arg,
									  const char *name, int *nelems);
extern bool mig_call_bool(FunctionCallInfo fcinfo, int arg, const char *name);
pg_noreturn extern void mig_call_refuse_null(const char *name);

/* The result, column by column */
extern void mig_call_begin_rows(MigCallRows *rows, FunctionCallInfo fcinfo,
								int flags);
extern void mig_call_put(MigCallRows *rows, Datum value, bool isnull);
extern void mig_call_put_text(MigCallRows *rows, const char *value);
extern void mig_call_put_duration(MigCallRows *rows, int64 milliseconds,
								  bool isnull);
extern void mig_call_end_row(MigCallRows *rows);

#endif							/* MIG_BASE_CALL_H */
