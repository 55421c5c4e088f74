/*
 * preview_internal.h
 *	  What the files of this folder know of each other.
 */
#ifndef MIG_PREVIEW_PREVIEW_INTERNAL_H
#define MIG_PREVIEW_PREVIEW_INTERNAL_H

#include "nodes/parsenodes.h"
#include "utils/hsearch.h"

#include "base/compat.h"
#include "base/server.h"
#include "base/spi.h"
#include "preview/preview.h"
#include "script/script.h"

/* A type as it is written: names are compared, not looked up. */
typedef struct MigLintType
{
	char	   *name;			/* without "pg_catalog.", without modifiers */
	bool		is_array;
	int			nmods;
	int			mods[2];
} MigLintType;

typedef struct MigLintColumn
{
	char	   *name;
	MigLintType type;
	bool		not_null;
} MigLintColumn;

typedef struct MigLintConstraint
{
	char	   *name;			/* NULL: the server chooses it */
	char		type;			/* as in pg_constraint */
	bool		valid;
	List	   *columns;		/* of char * */
	List	   *not_null;		/* the columns that it says are not null */
	int			transaction;	/* that makes it; 0: it was there */
	int			line;
} MigLintConstraint;

typedef struct MigLintIndex
{
	char	   *name;			/* NULL: the server chooses it */
	bool		is_unique;
	bool		is_partial;
	List	   *columns;		/* of char *; "": an expression */
} MigLintIndex;

/*
 * A relation, as the catalogs have it and the statements so far have changed
 * it.  One that neither knows has kind 0.
 */
typedef struct MigLintRelation
{
	char	   *schema;
	char	   *name;
	char		kind;			/* pg_class.relkind */
	Oid			oid;			/* InvalidOid: not in the catalogs */
	bool		is_temporary;
	bool		is_gone;
	bool		is_emptied;		/* by the plan; what it inserts then is new */
	int			created_in;		/* number of the revision; -1: before */
	double		bytes;			/* at least; -1: unknown */
	struct MigLintRelation *table;	/* of an index */
	bool		loaded;			/* what follows has what the catalogs have */
	bool		partial_knowledge;	/* there may be more columns */
	List	   *columns;
	List	   *constraints;
	List	   *indexes;
} MigLintRelation;

/* A relation that this transaction has locked so that others wait. */
typedef struct MigLintLock
{
	const MigLintRelation *relation;
	int			mode;
	int			line;
} MigLintLock;

/*
 * What is found only at the end of a transaction, of a revision or of all: by
 * then another statement may have made it right.
 */
typedef struct MigLintPending
{
	MigLintPlace place;
	MigLintRule rule;
	MigLintRelation *relation;	/* NULL: the one of that name in the end */
	const char *schema;
	const char *name;
	List	   *columns;
	const char *other;
} MigLintPending;

/* Something that the plan has made and that is no relation. */
typedef struct MigLintMade
{
	char	   *name;
	int			created_in;		/* number of the revision */
	int			transaction;
	bool		is_volatile;	/* a function */
} MigLintMade;

/* A walk through the statements of a plan. */
typedef struct MigLint
{
	MemoryContext context;		/* of all that is kept */
	MigSpiAccess access;
	MigCommand	command;
	const MigServer *server;
	bool		live;			/* the plan begins where this database is */
	bool		separately;		/* each revision is looked at by itself */
	bool		unknown_is_new; /* what the catalogs do not have the plan
								 * makes, where lint cannot see it */
	List	   *session_path;	/* of char * */
	bool		session_is_utc;
	HTAB	   *relations;

	/* The revision */
	int			number;			/* in the walk, from 0 */
	int			first;			/* number of the first one that is reported */
	List	   *path;			/* as its settings and SETs say */
	bool		is_utc;
	const char *text;
	const MigScript *script;
	List	   *trees;			/* of RawStmt */

	/* The statement */
	MigLintPlace place;
	const MigStatement *statement;
	Node	   *tree;
	int			transaction;	/* number in the walk, from 1 */
	List	   *locked;			/* in this transaction, of MigLintLock */
	int			nlocking;		/* statements of it that did */
	bool		said_locks;		/* several-locks, once is enough */
	MigLintRelation *altered;	/* by the statement before; NULL: none */
	int			altered_line;

	List	   *gone;			/* relations of the catalogs, their OIDs as
								 * text */
	List	   *gone_names;		/* other objects */
	List	   *functions;		/* of MigLintMade, as the next two */
	List	   *types;
	List	   *schemas;
	List	   *of_transaction; /* of MigLintPending, as the next two */
	List	   *of_revision;
	List	   *of_all;
	List	   *findings;		/* of MigLintFinding */
} MigLint;

/* There an index is built while the table is used. */
#define IS_YUGABYTEDB(lint)	((lint)->server->own_settings)

/* The names of the message follow, up to three */
#define mig_lint_add(lint, rule, relation, ...) \
	mig_lint_report(lint, &(lint)->place, rule, relation, \
					(const char *const[3]) {__VA_ARGS__})
#define mig_lint_add_pending(lint, pending, ...) \
	mig_lint_report(lint, &(pending)->place, (pending)->rule, \
					(pending)->relation, (const char *const[3]) {__VA_ARGS__})

/* lint.c */
extern void mig_lint_set_path(MigLint *lint, List *names);
extern bool mig_lint_is_utc(Node *value);

/* lint_finding.c */
extern void mig_lint_report(MigLint *lint, const MigLintPlace *place,
							MigLintRule rule, const MigLintRelation *relation,
							const char *const *names);
extern MigLintPending *mig_lint_postpone(MigLint *lint, List **list,
										 MigLintRule rule,
										 MigLintRelation *relation);
extern void mig_lint_sort(MigLint *lint);
extern List *mig_lint_counting(const List *findings);
extern void mig_lint_warn(const List *findings);
pg_noreturn extern void mig_lint_refuse(const List *findings);

/* lint_relation.c */
extern MigLintRelation *mig_lint_relation(MigLint *lint, const char *schema,
										  const char *name);
extern MigLintRelation *mig_lint_range(MigLint *lint, const RangeVar *range);
extern MigLintRelation *mig_lint_names(MigLint *lint, List *names);
extern MigLintRelation *mig_lint_find(MigLint *lint, const char *schema,
									  const char *name);
extern MigLintRelation *mig_lint_create(MigLint *lint, const RangeVar *range,
										char kind);
extern void mig_lint_move(MigLint *lint, MigLintRelation *relation,
						  const char *schema, const char *name);
extern bool mig_lint_is_new(const MigLint *lint,
							const MigLintRelation *relation);
extern bool mig_lint_in_use(const MigLint *lint,
							const MigLintRelation *relation);
extern bool mig_lint_is_large(const MigLint *lint,
							  const MigLintRelation *relation);
extern bool mig_lint_is_empty(const MigLintRelation *relation);
extern MigLintColumn *mig_lint_column(MigLint *lint, MigLintRelation *relation,
									  const char *name);
extern MigLintConstraint *mig_lint_constraint(MigLint *lint,
											  MigLintRelation *relation,
											  const char *name);
extern bool mig_lint_is_not_null(MigLint *lint, MigLintRelation *relation,
								 const char *column);
extern bool mig_lint_has_key(MigLint *lint, MigLintRelation *relation);
extern bool mig_lint_has_index(MigLint *lint, MigLintRelation *relation,
							   List *columns, bool is_unique);
extern MigLintRelation *mig_lint_next(HASH_SEQ_STATUS *status);
extern void mig_lint_drop(MigLint *lint, MigLintRelation *relation);
extern void mig_lint_drop_name(MigLint *lint, const char *name);
extern MigLintMade *mig_lint_find_made(List *made, const char *name);
extern List *mig_lint_strings(List *nodes);

/* lint_catalog.c */
extern List *mig_lint_catalog_path(const MigLint *lint);
extern MigLintRelation *mig_lint_catalog_relation(MigLint *lint,
												  const char *schema,
												  const char *name);
extern void mig_lint_catalog_load(MigLint *lint, MigLintRelation *relation);
extern bool mig_lint_catalog_is_volatile(MigLint *lint, const char *schema,
										 const char *name, int nargs);
extern bool mig_lint_catalog_coercible(MigLint *lint, const char *from,
									   const char *to, bool *is_constrained);
extern double mig_lint_catalog_type_bytes(MigLint *lint, const char *type);
extern char *mig_lint_catalog_dependents(MigLint *lint,
										 const MigLintRelation *relation,
										 const char *column);
extern char *mig_lint_catalog_object_dependents(MigLint *lint, const char *kind,
												const char *schema,
												const char *name, bool *found);
extern char *mig_lint_catalog_referring(MigLint *lint,
										const MigLintRelation *relation);
extern char *mig_lint_catalog_functions(MigLint *lint, const char *word,
										const char *other);
extern char *mig_lint_catalog_extension(MigLint *lint, const char *name);

/* lint_type.c */
extern void mig_lint_type_read(const TypeName *name, MigLintType *type);
extern void mig_lint_type_parse(const char *text, MigLintType *type);
extern bool mig_lint_type_is(const MigLintType *type, const char *names);
extern bool mig_lint_type_rewrites(MigLint *lint, const MigLintType *from,
								   const MigLintType *to);

/* lint_apply.c */
extern void mig_lint_apply(MigLint *lint, Node *node);
extern void mig_lint_apply_command(MigLint *lint, MigLintRelation *relation,
								   const AlterTableCmd *command);

/* The rules, a file for each area: of a subcommand of ALTER TABLE, or a statement */
extern void mig_lint_column_command(MigLint *lint, MigLintRelation *relation,
									const AlterTableCmd *command);
extern void mig_lint_constraint_command(MigLint *lint,
										MigLintRelation *relation,
										const AlterTableCmd *command);
extern void mig_lint_constraint_statement(MigLint *lint, Node *node);
extern void mig_lint_constraint_end_transaction(MigLint *lint);
extern void mig_lint_constraint_end(MigLint *lint);
extern void mig_lint_storage_command(MigLint *lint, MigLintRelation *relation,
									 const AlterTableCmd *command);
extern void mig_lint_storage_statement(MigLint *lint, Node *node);
extern void mig_lint_drop_command(MigLint *lint, MigLintRelation *relation,
								  const AlterTableCmd *command);
extern void mig_lint_drop_statement(MigLint *lint, Node *node);
extern void mig_lint_drop_end_transaction(MigLint *lint);
extern void mig_lint_drop_end_revision(MigLint *lint);
extern void mig_lint_data_statement(MigLint *lint, Node *node);
extern void mig_lint_data_end_transaction(MigLint *lint);
extern void mig_lint_design_command(MigLint *lint, MigLintRelation *relation,
									const AlterTableCmd *command);
extern void mig_lint_design_statement(MigLint *lint, Node *node);
extern void mig_lint_design_end(MigLint *lint);
extern void mig_lint_rights_statement(MigLint *lint, Node *node);
extern void mig_lint_rights_end_revision(MigLint *lint);
extern void mig_lint_server_revision(MigLint *lint);
extern void mig_lint_server_statement(MigLint *lint, Node *node);
extern void mig_lint_revision(MigLint *lint, const char *downgrade);

#endif							/* MIG_PREVIEW_PREVIEW_INTERNAL_H */
