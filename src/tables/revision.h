/*
 * revision.h
 *	  migrate.revision: registered bodies.
 */
#ifndef MIG_TABLES_REVISION_H
#define MIG_TABLES_REVISION_H

#include "datatype/timestamp.h"

#include "base/spi.h"
#include "graph/graph.h"
#include "migrate.h"
#include "script/script.h"

/* In SQL: the OID of the table, by which the registry is locked. */
#define MIG_REVISION_RELID \
	"pg_catalog.to_regclass('migrate.revision')::pg_catalog.oid"

/*
 * In SQL: what identifies a revision r as it is registered, whatever the format
 * of its bodies.  All that decides what a run of it does is in it.  Computed
 * from the row when asked for, so that it is true of a row that was changed past
 * the functions; the view migrate.status has the same expression.
 */
#define MIG_REVISION_HASH(r) \
	"pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(" \
	"  pg_catalog.format('%s %s %s %s %s %s %L %L%s%s%s%s%s', " r ".revision," \
	"   " r ".upgrade_hash, " r ".downgrade_hash, " r ".down_revision," \
	"   " r ".depends_on, " r ".branch_labels, " r ".settings, " r ".message," \
	"   CASE WHEN NOT " r ".upgrade_transactional THEN ' upgrade' END," \
	"   CASE WHEN NOT " r ".downgrade_transactional THEN ' downgrade' END," \
	"   ' verify ' || " r ".verify_hash," \
	"   ' external ' || pg_catalog.quote_literal(" r ".external)," \
	"   ' downgrade external '" \
	"    || pg_catalog.quote_literal(" r ".downgrade_external))," \
	"  'UTF8')), 'hex')"

/* What is known about a body. */
typedef struct MigBody
{
	char		hash[MIG_BODY_HASH_SIZE];
	int			nstatements;
	int			nnontransactional;
	int			ntransactions;	/* 1: it can be one transaction */
} MigBody;

/* A row of migrate.revision. */
typedef struct MigRevision
{
	MigRevisionDef def;
	MigBody		upgrade;
	MigBody		downgrade;		/* empty without one */
	MigBody		verify;			/* the same; its hash alone is kept */
	char	   *registered_by;
	TimestampTz registered_at;
	char	   *hash;			/* MIG_REVISION_HASH; NULL: not asked for */
} MigRevision;

/* What is read just before a step runs. */
typedef struct MigStepBody
{
	char	   *id;
	char	   *text;
	char	   *hash;
	char	   *message;		/* or NULL */
	char	   *settings;		/* or NULL */
	char	   *author;
	Oid			author_oid;		/* InvalidOid: known by name only */
	char	   *revision_hash;	/* MIG_REVISION_HASH */
	bool		per_statement;	/* it is not transactional */
	char	   *verify;			/* of an upgrade, or NULL */
	char	   *external;		/* what has to be done elsewhere before it, or
								 * NULL */
} MigStepBody;

/* What lint reads of a revision. */
typedef struct MigRevisionTexts
{
	const char *id;
	char	   *upgrade;
	char	   *downgrade;		/* or NULL */
	char	   *verify;			/* or NULL */
	char	   *settings;		/* or NULL */
	char	   *allow;			/* or NULL */
	char	   *external;		/* or NULL */
	char	   *downgrade_external; /* or NULL */
	bool		upgrade_per_statement;	/* as in MigRevisionDef */
	bool		downgrade_per_statement;
	bool		may_be_empty;	/* the upgrade: edges, labels, an external
								 * step or a verify body are what the revision
								 * is for */
} MigRevisionTexts;

/* What decides whether a revision may be run. */
typedef struct MigRevisionCheck
{
	char	   *author;
	bool		trusted;		/* its author has the runner's rights */
	bool		irreversible;	/* it has no downgrade */
	bool		nontransactional;	/* it holds a statement that cannot run
									 * inside a transaction block, or each of
									 * them is a transaction */
	char	   *external;		/* as in MigStepBody */
} MigRevisionCheck;

/* Two revisions with the same upgrade body. */
typedef struct MigRevisionTwin
{
	char	   *id;
	char	   *twin;
} MigRevisionTwin;

/* Reading */
extern const char *const mig_revision_name;
extern Oid	mig_revision_relid(void);
extern MigGraph *mig_revision_graph(MigSpiAccess access);
extern MigRevisionDef *mig_revision_nodes(MigSpiAccess access, int *n);
extern char **mig_revision_heads(bool real, MigSpiAccess access, int *nheads);
extern MigRevision *mig_revision_find(const char *id);
extern MigRevision *mig_revision_describe(char *const *ids, int nids,
										  bool with_bodies);
extern void mig_revision_body(const char *id, MigCommand command,
							  MigStepBody *body);
extern int	mig_revision_bodies(char *const *ids, int nids, MigCommand command,
								MigStepBody *bodies);
extern void mig_revision_texts(const char *id, MigSpiAccess access,
							   MigRevisionTexts *texts);

/* Revisions that might not be run */
extern MigRevisionCheck *mig_revision_check(char *const *ids, int nids,
											MigCommand command, Oid runner,
											MigSpiAccess access);
extern char **mig_revision_hashes(char *const *ids, int nids,
								  MigSpiAccess access);

/* Relations between revisions, for registration */
extern char **mig_revision_missing(char *const *ids, int nids,
								   bool labels_too, MigSpiAccess access,
								   int *nmissing);
extern char *mig_revision_label_user(const char *label,
									 const char *except_id);
extern MigRevisionTwin *mig_revision_twins(char *const *ids, int nids,
										   char *const *except, int nexcept,
										   int *ntwins);
extern void mig_revision_replaced(char *const *ids, int nids, char **replaced,
								  char **by);
extern char **mig_revision_dependents(const char *id, int *ndependents);

/* Writing */
extern bool mig_revision_is_author(const char *id, Oid role, Oid other);
extern void mig_revision_insert(const MigRevision *revision, Oid author);
extern void mig_revision_update(const MigRevision *revision, Oid author);
extern void mig_revision_set_remarks(const MigRevisionDef *def);
extern void mig_revision_rename_parent(const char *old, const char *new);
extern void mig_revision_set_down(char *const *ids, char *const *down, int nids);
extern void mig_revision_delete(const char *id);
extern void mig_revision_cover(const MigRevisionDef *def);
extern void mig_revision_set_heads(const MigGraph *graph);

#endif							/* MIG_TABLES_REVISION_H */
