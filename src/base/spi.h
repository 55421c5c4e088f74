/*
 * spi.h
 *	  The only way to run internal SQL.
 */
#ifndef MIG_BASE_SPI_H
#define MIG_BASE_SPI_H

#include "executor/spi.h"

#define MIG_SPI_MAX_ARGS		32

/* Whose rights internal SQL has. */
typedef enum MigSpiRole
{
	MIG_SPI_OWNER,				/* the extension's owner: our own tables */
	MIG_SPI_CALLER,				/* the caller */
	MIG_SPI_GUEST				/* the caller, with the caller's search_path:
								 * writes that may fire triggers of others */
} MigSpiRole;

/* What a statement sees. */
typedef enum MigSpiAccess
{
	MIG_SPI_READ_CALLER,		/* the caller's snapshot, as a STABLE function
								 * must */
	MIG_SPI_READ_LATEST,		/* all that is committed now, at any isolation
								 * level */
	MIG_SPI_WRITE				/* what the isolation level lets it */
} MigSpiAccess;

/* A prepared statement that lives as long as the session. */
typedef struct MigSpiQuery
{
	const char *sql;
	int			nargs;
	Oid			argtypes[MIG_SPI_MAX_ARGS];
	SPIPlanPtr	plan;			/* made on first use */
	bool		by_key;			/* must not be planned as a scan of the table */
} MigSpiQuery;

/* What mig_spi_begin() changed and mig_spi_end() puts back. */
typedef struct MigSpiScope
{
	MemoryContext caller;		/* results are copied into this */
	Oid			userid;
	int			sec_context;
	int			guc_nest_level;
} MigSpiScope;

extern void mig_spi_forget_owner(void);
extern void mig_spi_begin(MigSpiScope *scope, MigSpiRole role);
extern void mig_spi_end(MigSpiScope *scope);
extern uint64 mig_spi_execute(MigSpiQuery *query, Datum *values,
							  const char *nulls, MigSpiAccess access);
extern void mig_spi_forget_plan(MigSpiQuery *query);

extern char *mig_spi_first(MigSpiQuery *query, Datum *values, MigSpiRole role,
						   MigSpiAccess access);
extern uint64 mig_spi_write(MigSpiQuery *query, Datum *values,
							const char *nulls);
extern char **mig_spi_list(MigSpiQuery *query, Datum *values, MigSpiRole role,
						   MigSpiAccess access, int *nresult);
extern char *mig_spi_text(const MigSpiScope *scope, uint64 row, int column);
extern char **mig_spi_text_array(const MigSpiScope *scope, uint64 row,
								 int column, int *nelems);
extern Datum mig_spi_value(uint64 row, int column, bool *isnull);

extern Datum mig_spi_text_datum(const char *value, char *is_null);
extern Datum mig_spi_array_datum(char *const *elems, int nelems);
extern char **mig_spi_array_elems(Datum array, int *nelems);

#endif							/* MIG_BASE_SPI_H */
