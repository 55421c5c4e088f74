/*
 * repeatable.h
 *	  migrate.repeatable and migrate.repeated: bodies that run again when they
 *	  have changed.
 */
#ifndef MIG_TABLES_REPEATABLE_H
#define MIG_TABLES_REPEATABLE_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "base/spi.h"
#include "script/script.h"
#include "tables/revision.h"
#include "tables/version.h"

/* A row of migrate.repeatable. */
typedef struct MigRepeatable
{
	char	   *name;
	int			ndepends;
	char	  **depends;		/* names of others, which run before it */
	char	   *message;		/* or NULL */
	char	   *allow;			/* lint rules that it waives, or NULL */
	char		body_hash[MIG_BODY_HASH_SIZE];
	int			nstatements;
	bool		pending;		/* it has not run on the version table as it
								 * is registered now */
	char	   *registered_by;
	TimestampTz registered_at;
	char	   *body;			/* this and the hash where they were asked for */
	char	   *hash;			/* what an approval is of */
} MigRepeatable;

extern MigRepeatable *mig_repeatable_list(const MigVersion *version,
										  bool with_bodies,
										  MigSpiAccess access, int *n);
extern bool mig_repeatable_find(const MigVersion *version, const char *name,
								MigSpiAccess access,
								MigRepeatable *repeatable);
extern bool mig_repeatable_is_author(const char *name, Oid role, Oid other);
extern void mig_repeatable_body(const char *name, MigStepBody *body);
extern MigRevisionCheck *mig_repeatable_check(char *const *names, int n,
											  Oid runner, MigSpiAccess access);
extern char **mig_repeatable_hashes(char *const *names, int n,
									MigSpiAccess access);
extern void mig_repeatable_put(const MigRepeatable *repeatable, Oid author);
extern void mig_repeatable_set_allow(const char *name, const char *allow);
extern void mig_repeatable_delete(const char *name);
extern void mig_repeatable_note(const MigVersion *version, const char *name,
								const char *body_hash, const pg_uuid_t *run);
extern bool mig_repeatable_has_run(const MigVersion *version,
								   const char *name, const char *body_hash);
extern void mig_repeatable_forget(const MigVersion *version);
extern void mig_repeatable_forget_former(const char *version_table);
pg_noreturn extern void mig_repeatable_refuse_missing(const MigRepeatable *repeatable,
													  const char *name);
extern void mig_repeatable_sort(MigRepeatable *repeatables, int n);

#endif							/* MIG_TABLES_REPEATABLE_H */
