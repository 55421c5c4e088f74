/*
 * spi.h
 *	  The only way to run internal SQL.
 *
 * A statement is a static MigSpiQuery.  Its parameters are put into a
 * MigSpiArgs in order, $1 first; their types are those of the first call.
 *
 *	static MigSpiQuery query = {"SELECT ... WHERE a = $1 AND b = $2"};
 *	MigSpiArgs	args = {0};
 *
 *	mig_spi_arg_text(&args, a);
 *	mig_spi_arg_int32(&args, b);
 *	rows = mig_spi_rows(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
 *						sizeof(MigThing), read_thing, &nrows);
 */
#ifndef MIG_BASE_SPI_H
#define MIG_BASE_SPI_H

#include "base/spi_value.h"

/* In SQL: the server and the database, which a dump does not bring along. */
#define MIG_SPI_ORIGIN \
	"(SELECT pg_catalog.format('%s/%s', s.system_identifier, d.oid)" \
	"   FROM pg_catalog.pg_control_system() AS s, pg_catalog.pg_database AS d" \
	"  WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())"

/*
 * In SQL: the row of pg_roles that a role stands for that was noted by name,
 * OID and origin.  In its database the OID counts, so that another role that
 * gets the name is not taken for it; elsewhere, where a dump has brought it, the
 * name.
 */
#define MIG_SPI_IS_NOTED_ROLE(role, name, oid, origin) \
	"CASE WHEN " origin " = " MIG_SPI_ORIGIN \
	" THEN " role ".oid = " oid " ELSE " role ".rolname = " name " END"

/*
 * In SQL: whether a role has the privileges of r, which has begun something (NULL: it
 * is gone), or of the extension's owner.
 */
#define MIG_SPI_MAY_MANAGE(role) \
	"(COALESCE(pg_catalog.pg_has_role(" role ", r.oid, 'USAGE'), false)" \
	"  OR pg_catalog.pg_has_role(" role ", (SELECT e.extowner" \
	"       FROM pg_catalog.pg_extension AS e" \
	"      WHERE e.extname = 'migrate'), 'USAGE'))"

/* Whose rights internal SQL has. */
typedef enum MigSpiRole
{
	MIG_SPI_OWNER,				/* the extension's owner: our own tables */
	MIG_SPI_CALLER,				/* the caller */
	MIG_SPI_CALLER_PATH			/* the caller, with the caller's search_path,
								 * too: for names that the caller has written,
								 * and writes that may fire triggers */
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

#define MIG_SPI_MAX_TABLE_ARGS	4

/*
 * A bit of the security context beside the server's, which ends as those do:
 * what runs in it must not create anything, as a type in pg_temp, which the
 * server allows there, would be found by the session afterwards.
 */
#define MIG_SPI_SECURITY_NO_DDL		0x4000

/* A prepared statement that lives as long as the session. */
typedef struct MigSpiQuery
{
	const char *sql;
	bool		by_key;			/* must not be planned as a scan of the table */
	SPIPlanPtr	plan;			/* made on first use */
	Oid			table;			/* the only one that it may be about;
								 * InvalidOid: what it names */
	int			nargs;			/* if it has a table: its parameters */
	Oid			types[MIG_SPI_MAX_TABLE_ARGS];
} MigSpiQuery;

/* What mig_spi_begin() changed and mig_spi_end() puts back. */
typedef struct MigSpiScope
{
	MemoryContext caller;		/* results are copied into this */
	Oid			userid;
	int			sec_context;
	int			guc_nest_level;
	const MigSpiQuery *query;	/* executed last */
	const SPITupleTable *table; /* its rows */
} MigSpiScope;

/*
 * Reads a row into a struct, which is not zeroed.  The current memory context
 * is that of the result.
 */
typedef void (*MigSpiRead) (const MigSpiRow *row, void *result);

/* A statement in a scope of its own */
extern char *mig_spi_first(MigSpiQuery *query, const MigSpiArgs *args,
						   MigSpiRole role, MigSpiAccess access);
extern bool mig_spi_first_datum(MigSpiQuery *query, const MigSpiArgs *args,
								MigSpiRole role, MigSpiAccess access,
								Oid type, Datum *value);
extern bool mig_spi_exists(MigSpiQuery *query, const MigSpiArgs *args,
						   MigSpiRole role, MigSpiAccess access);
extern char **mig_spi_list(MigSpiQuery *query, const MigSpiArgs *args,
						   MigSpiRole role, MigSpiAccess access, int *nelems);
extern bool mig_spi_row(MigSpiQuery *query, const MigSpiArgs *args,
						MigSpiRole role, MigSpiAccess access,
						MigSpiRead read, void *result);
extern void *mig_spi_rows(MigSpiQuery *query, const MigSpiArgs *args,
						  MigSpiRole role, MigSpiAccess access, Size size,
						  MigSpiRead read, int *nrows);
extern uint64 mig_spi_write(MigSpiQuery *query, const MigSpiArgs *args);

/* Several statements in one scope, or a result that is read step by step */
extern void mig_spi_begin(MigSpiScope *scope, MigSpiRole role);
extern uint64 mig_spi_execute(MigSpiScope *scope, MigSpiQuery *query,
							  const MigSpiArgs *args, MigSpiAccess access);
extern void mig_spi_restrict(const MigSpiScope *scope, Oid role);
extern void mig_spi_end(MigSpiScope *scope);

/*
 * A row, from 0, of the statement that was executed last.
 */
static inline MigSpiRow
mig_spi_fetch(const MigSpiScope *scope, uint64 row)
{
	MigSpiRow	result = {scope->query, scope->table, row, scope->caller};

	return result;
}

extern void mig_spi_forget_plan(MigSpiQuery *query);
extern void mig_spi_forget_owner(void);

/* spi_table.c, for spi.c: a statement about one table only */
extern SPIPlanPtr mig_spi_prepare_on_table(MigSpiQuery *query,
										   const MigSpiArgs *args);
extern int	mig_spi_execute_on_table(MigSpiQuery *query,
									 const MigSpiArgs *args, bool read_only);

#endif							/* MIG_BASE_SPI_H */
