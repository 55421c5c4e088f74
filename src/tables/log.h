/*
 * log.h
 *	  migrate.log: what ran, how it ended, which resources it used.
 */
#ifndef MIG_TABLES_LOG_H
#define MIG_TABLES_LOG_H

#include "datatype/timestamp.h"
#include "executor/instrument.h"
#include "utils/uuid.h"

#include "base/spi.h"
#include "migrate.h"
#include "tables/version.h"

/* Our own table is known by its name, which it keeps. */
#define MIG_LOG_VERSION_OID(version) \
	((version)->own ? InvalidOid : (version)->relid)

/* The resources that a step has used. */
typedef struct MigResourceUsage
{
	TimestampTz started;
	TimestampTz finished;
	double		wall_ms;
	double		cpu_ms;
	double		lock_wait_ms;
	WalUsage	wal;
	BufferUsage buffers;
} MigResourceUsage;

/* A row of the log, but for what the server knows itself. */
typedef struct MigLogEntry
{
	pg_uuid_t	run;
	int			step;			/* from 1 */
	const char *revision;		/* NULL: a stamp that leaves no row */
	MigCommand	operation;
	MigVia		via;
	int			attempts;
	const char *version_table;
	Oid			version_oid;	/* MIG_LOG_VERSION_OID of it */
	Oid			role;
	const char *body_hash;		/* NULL: nothing was run */
	const char *revision_hash;	/* MIG_REVISION_HASH; NULL as body_hash */
	const char *search_path;	/* of the last statement; NULL: none began */
	Oid			effective_role; /* the same */
	const ErrorData *error;		/* NULL: it succeeded */
	const char *decision;		/* of a person, instead of its end; or NULL */
	const char *note;			/* on that decision */
	const char *blocked_by;		/* transactions of others; NULL: not known */
	MigResourceUsage usage;
} MigLogEntry;

/* A revision that another tool has applied. */
typedef struct MigLogAdopted
{
	const char *revision;
	bool		has_time;
	TimestampTz applied_at;
	double		milliseconds;	/* that it took; 0: not known */
	const char *detail;
} MigLogAdopted;

/* Rows that are not written yet. */
typedef struct MigLogRows
{
	MemoryContext context;		/* of their values */
	int			n;
	int			limit;			/* with how many they are written */
	MigSpiArgs	args[32];
} MigLogRows;

extern void mig_log_new_run(pg_uuid_t *run);
extern MigLogEntry mig_log_copy(const MigLogEntry *entry);
extern void mig_log_lock_nowait(void);
extern void mig_log_write(const MigLogEntry *entry);
extern void mig_log_write_adopted(const MigVersion *version,
								  const MigLogAdopted *adopted, int nadopted);
extern MigLogRows *mig_log_rows_create(void);
extern void mig_log_rows_add(MigLogRows *rows, const MigLogEntry *entry);
extern void mig_log_rows_write(MigLogRows *rows);
extern void mig_log_expire(int seconds);
extern double mig_log_longest(const char *revision, MigCommand command);
extern double mig_log_median(void);
extern char **mig_log_slow(char *const *ids, int nids, double milliseconds,
						   int limit, int *nslow);
extern char *mig_log_last_failure(void);
extern char *mig_log_error(const char *run, const char *revision);
extern char *mig_log_decided(const MigVersion *version, const char *revision,
							 MigCommand command, const char *decision);
extern MigVersionName *mig_log_holders(const MigVersion *version,
									   const char *revision, int *nholders);
extern bool *mig_log_succeeded(const MigVersion *version, char *const *ids,
							   char *const *hashes, int nids,
							   MigSpiAccess access);
extern bool *mig_log_upgraded(const MigVersion *version, char *const *ids,
							  int nids, MigSpiAccess access);
extern char **mig_log_version_tables(int *ntables);

#endif							/* MIG_TABLES_LOG_H */
