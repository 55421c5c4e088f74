/*
 * script.h
 *	  SQL text: migration bodies, their statements, and script files.
 */
#ifndef MIG_SCRIPT_H
#define MIG_SCRIPT_H

#include "nodes/nodes.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"

#include "migrate.h"

/*
 * A text, and where it comes from: the line of a byte counts from start, whose
 * line is the one given; 0 is 1.
 */
typedef struct MigScriptSource
{
	const char *body;
	const char *file;			/* as a script names it, or NULL */
	bool		in_script;
	int			start;
	int			line;
	bool		per_statement;	/* it is a body each of whose statements is a
								 * transaction, but for what is between BEGIN
								 * and COMMIT */
	bool		is_verify;		/* it is a body that only looks */
} MigScriptSource;

/* Whether a statement can share a transaction with others, or why not. */
typedef enum MigStatementKind
{
	MIG_STATEMENT_ORDINARY,		/* it can */
	MIG_STATEMENT_NONTRANSACTIONAL, /* cannot run inside a transaction block */
	MIG_STATEMENT_DISCARD_ALL,	/* the same, and releases session locks */
	MIG_STATEMENT_COMMITS,		/* commits what it does: DDL on a server where
								 * that commits by itself, and where each
								 * statement is a transaction, DO and CALL;
								 * otherwise ordinary */
	MIG_STATEMENT_BATCH			/* calls migrate_batch(), if that is ours;
								 * where nothing commits, ordinary */
} MigStatementKind;

/*
 * Whether a statement that is not ordinary is one that may end transactions
 * itself, by its tag, which may be NULL.
 */
#define mig_script_ends_transactions(tag) \
	((tag) != NULL && (strcmp((tag), "CALL") == 0 || strcmp((tag), "DO") == 0))

/* The tag of MIG_STATEMENT_BATCH. */
#define MIG_STATEMENT_BATCH_TAG	"CALL migrate_batch"

/* Limits of its arguments. */
#define MIG_BATCH_MAX_SIZE		10000000	/* keys */
#define MIG_BATCH_MAX_PAUSE		1000	/* times the batch before */

/*
 * The relations that a lock is for, found from a name in a statement.  Letters,
 * as in the catalogs, because SQL reads them, too.
 */
#define MIG_LOCK_RELATION			'r' /* the relation of that name */
#define MIG_LOCK_INDEXED_TABLE		'i' /* the table of the index */
#define MIG_LOCK_INDEXES			'x' /* the indexes of the table */
#define MIG_LOCK_PARENT				'p' /* the table that it is a partition
										 * of, with its default partition */
#define MIG_LOCK_DEFAULT_PARTITION	'd'
#define MIG_LOCK_REFERENCED			'o' /* by its foreign keys */
#define MIG_LOCK_REFERRING			'e' /* with foreign keys to it */
#define MIG_LOCK_REFERENCING		'g' /* by theirs, and those that refer to
										 * these */
#define MIG_LOCK_TABLE_KEYS			'f' /* the other ends of its foreign keys */
#define MIG_LOCK_CONSTRAINT_KEYS	'k' /* the same of one constraint */
#define MIG_LOCK_COLUMN_KEYS		'c' /* the same of those with one column */
#define MIG_LOCK_DEPENDANTS			'n' /* what is dropped with the object of
										 * that name; the part is its catalog */
#define MIG_LOCK_COLUMN_DEPENDANTS	'm' /* with a column */
#define MIG_LOCK_TYPE_USERS			't' /* the tables with columns of a type,
										 * or of a domain over it, or made of
										 * it */

/* How far a lock on a table is passed on: from the narrowest. */
#define MIG_LOCK_ALONE				'a'
#define MIG_LOCK_PARTITIONS			'b'
#define MIG_LOCK_DESCENDANTS		'c' /* also children by inheritance */

/*
 * What makes it needless, because the statement does nothing then.  The part is
 * one of the relation.
 */
#define MIG_LOCK_ALWAYS				'-'
#define MIG_LOCK_UNLESS_MADE		'r' /* the relation that it makes is there */
#define MIG_LOCK_UNLESS_COLUMN		'c' /* the column is there */
#define MIG_LOCK_IF_POLICY			'p' /* the policy is not there */
#define MIG_LOCK_IF_RULE			'u'
#define MIG_LOCK_IF_TRIGGER			't'

typedef struct MigLockNeed
{
	char		target;
	char		descent;
	char	   *name;			/* quoted, with its schema if it has one */
	bool		replaces;		/* the name is looked for only where the
								 * statement would make one */
	char	   *part;			/* constraint, column or the like, or NULL */
	int			mode;			/* LOCKMODE, at least SHARE */
	char		condition;
	char	   *relation;		/* of the condition; NULL: that of the name */
} MigLockNeed;

typedef struct MigStatement
{
	int			location;		/* byte offset of the first token */
	int			length;			/* in bytes, without the semicolon */
	int			line;			/* line of the first token, from 1 */
	MigStatementKind kind;
	const char *tag;			/* its name */
	bool		commits;		/* it commits what it does where DDL does that */
	const char *if_partitioned; /* the relation that makes it nontransactional
								 * if it is partitioned; otherwise NULL */
	const char *procedure;		/* that a batch calls, as SQL writes it */
	bool		setting;		/* a SET in effect until the body's end */
	const char *local_setting;	/* that it makes until the transaction ends,
								 * or NULL */
	bool		commit_after;	/* a later statement needs it committed, or
								 * the body says so */
	bool		in_block;		/* between BEGIN and COMMIT of the body */
	List	   *locks;			/* that would stop other sessions, of
								 * MigLockNeed */
	const char *validates;		/* the table that it reads to validate a
								 * constraint, or NULL */
} MigStatement;

typedef struct MigScript
{
	int			nstatements;
	MigStatement *statements;
	int			nnontransactional;
	int			ntransactions;	/* 1: all of it can be one transaction */
} MigScript;

/*
 * A run of ordinary statements that is one transaction, or one statement of
 * another kind.
 */
typedef struct MigSegment
{
	int			first;			/* index of a statement */
	int			nstatements;
	MigStatementKind kind;
	const char *tag;			/* the statement's if it is not ordinary,
								 * otherwise NULL */
} MigSegment;

/* The object to look up, or whether a statement may be run again. */
typedef enum MigEffectKind
{
	MIG_EFFECT_UNKNOWN,			/* cannot be determined */
	MIG_EFFECT_REPEATABLE,		/* to run it again does no harm */
	MIG_EFFECT_COLUMN,
	MIG_EFFECT_CONSTRAINT,
	MIG_EFFECT_DATABASE,
	MIG_EFFECT_DATABASE_TABLESPACE,
	MIG_EFFECT_DROPPED_DATABASE,
	MIG_EFFECT_DROPPED_RELATION,
	MIG_EFFECT_DROPPED_SUBSCRIPTION,
	MIG_EFFECT_DROPPED_TABLESPACE,
	MIG_EFFECT_ENUM_VALUE,
	MIG_EFFECT_FUNCTION,
	MIG_EFFECT_INDEX,
	MIG_EFFECT_INDEX_ON,		/* an index whose name the server chooses */
	MIG_EFFECT_PARTITION,
	MIG_EFFECT_REINDEXED,		/* repeatable, but may leave INVALID indexes */
	MIG_EFFECT_RELATION,
	MIG_EFFECT_SCHEMA,
	MIG_EFFECT_SUBSCRIPTION,
	MIG_EFFECT_SUBSCRIPTION_PUBLICATIONS,
	MIG_EFFECT_TABLESPACE,
	MIG_EFFECT_TYPE
} MigEffectKind;

typedef struct MigEffect
{
	MigEffectKind kind;
	bool		gone;			/* it drops the object */
	bool		tolerant;		/* IF [NOT] EXISTS, OR REPLACE */
	const char *schema;			/* NULL: as search_path says */
	const char *name;			/* of the object, or of the table it is in */
	const char *part;			/* column, constraint, value, index, child;
								 * argument types of a function */
	bool		creates_name;	/* the name is not one that exists before */
	const char *part_schema;	/* of a partition */
	const char *wanted;			/* owner of a database, location of a
								 * tablespace, type of a column, letter of
								 * pg_class.relkind or pg_constraint.contype;
								 * what REINDEX is about */
	List	   *items;			/* publications, columns of a table; of char * */
	struct IndexStmt *index;	/* the statement, if it makes an index */
} MigEffect;

/* Why the server refuses a statement when it is its turn. */
typedef enum MigRefusalKind
{
	MIG_REFUSAL_NONE,
	MIG_REFUSAL_LISTEN,			/* in a worker */
	MIG_REFUSAL_CASCADE,
	MIG_REFUSAL_SEVERAL_INDEXES,
	MIG_REFUSAL_SYSTEM_CATALOGS,
	MIG_REFUSAL_DEFERRED,		/* where it is a transaction of its own */
	MIG_REFUSAL_OTHER_DATABASE, /* from here on if the name stands for that */
	MIG_REFUSAL_DEFAULT_PARTITION,
	MIG_REFUSAL_EXCLUSION_INDEX,
	MIG_REFUSAL_PARTITIONED_INDEX,
	MIG_REFUSAL_PARTITIONED_TABLE
} MigRefusalKind;

typedef struct MigRefusal
{
	MigRefusalKind kind;
	const char *schema;			/* NULL: as search_path says */
	const char *name;			/* of a relation, or of the database */
} MigRefusal;

/* What is known of a name when it is the turn of a statement of a body. */
typedef enum MigNameState
{
	MIG_NAME_AS_FOUND,			/* it means what it means now */
	MIG_NAME_PARTITIONED,		/* a partitioned table, which the body makes */
	MIG_NAME_PARTITIONED_UNLESS_FOUND,	/* the same, unless there is another
										 * relation of that name now */
	MIG_NAME_UNKNOWN
} MigNameState;

/* A file that is read together with others. */
typedef struct MigScriptFile
{
	const char *path;			/* NULL: it is the only one */
	const char *text;
} MigScriptFile;

/* What a line comment at the start of a line can be. */
typedef enum MigScriptLineKey
{
	MIG_LINE_COMMENT,
	MIG_LINE_REVISION,
	MIG_LINE_REPEATABLE,
	MIG_LINE_DOWN_REVISION,
	MIG_LINE_DEPENDS_ON,
	MIG_LINE_BRANCH_LABELS,
	MIG_LINE_MESSAGE,
	MIG_LINE_SET,
	MIG_LINE_ALLOW,
	MIG_LINE_EXTERNAL,
	MIG_LINE_REPLACES,
	MIG_LINE_MIGRATE,
	MIG_LINE_FILE
} MigScriptLineKey;

#define MIG_NUM_LINE_KEYS	(MIG_LINE_FILE + 1)

/* One revision of a script, and where in it its parts are. */
typedef struct MigScriptRevision
{
	MigRevisionDef def;
	const char *file;			/* as a line of the script names it, or NULL */
	const char *downgrade_file; /* if it is in another one; otherwise NULL */
	int			number;			/* in the script, from 1; 0: in none */
	int			downgrade_number;	/* of the other file, or 0 */
	bool		repeatable;		/* it is none, but a repeatable of that name,
								 * whose body is the upgrade */
	bool		failed;			/* it could not be read, of which there is an
								 * error already */
	int			line;			/* of its header, from 1, in the file */
	int			key_lines[MIG_NUM_LINE_KEYS];	/* of each key of it; 0: it is
												 * not there, or in another
												 * format */
	int			upgrade_line;	/* of the first byte of the body */
	int			downgrade_line;
	int			verify_line;
} MigScriptRevision;

/* An error of a script, which has others beside it. */
typedef struct MigScriptError
{
	int			revision;		/* number of the last one before it */
	int			number;
	ErrorData  *error;
} MigScriptError;

/* A byte order mark: no SQL has these bytes in any server encoding. */
#define MIG_SCRIPT_BOM		"\xEF\xBB\xBF"

/* Hex digits of a SHA-256, and the terminating zero. */
#define MIG_BODY_HASH_SIZE	65

/* scan.c */
extern const char *mig_script_place(const MigScriptSource *source,
									int location);
extern char *mig_script_excerpt(const char *text, int from, int to,
								int location, int *position);
extern int	mig_script_skip_gap(const char *text, int offset);
extern int	mig_script_count_lines(const char *text, int from, int to);

/* script_line.c */
extern bool mig_script_line_transaction(const char *text, bool *transaction);

/* prepare.c */
extern char *mig_script_prepare(const char *text);
extern bool mig_script_unwrap(char *body, MigBodyKind kind);
extern bool mig_script_has_transactions(const char *body);
extern List *mig_script_try_parse(const char *body);
extern void mig_script_blank_statement(char *body, const RawStmt *raw);

/* foreign.c */
extern char *mig_foreign_copy_data(const MigScriptSource *source);
extern int	mig_foreign_find_template(const char *text);
extern int	mig_foreign_find_downgrade(const char *text, int *end);
extern bool mig_foreign_names(const char *text, const char *name);

/* mark.c */
extern bool mig_mark_is_key(const char *text);
extern bool mig_mark_is_header(const char *text);
extern bool mig_mark_is_section(const char *text);

/* script_error.c */
extern List *mig_script_error_add(List *errors, int revision,
								  MemoryContext context);
extern void mig_script_error_raise(List *errors, bool in_files);
extern char *mig_script_error_line(const ErrorData *error);
extern bool mig_script_error_is_message(MemoryContext context);

/* lock_need.c */
extern List *mig_lock_needs(Node *node);

/* plain_form.c */
extern char *mig_script_plain_form(const char *statement);

/* split.c */
extern List *mig_script_parse(const char *text);
extern MigScript *mig_script_split(const MigScriptSource *source);
extern MigScript *mig_script_split_text(const char *body, bool per_statement);
extern void mig_script_commit_each(MigScript *script);
extern void mig_script_segment(const MigScript *script, int first,
							   MigSegment *segment);

/* statement_kind.c */
extern bool mig_statement_kind_commits(Node *statement);
extern bool mig_statement_option_is_on(List *options, const char *name,
									   bool otherwise);
extern bool mig_statement_calls(Node *node, void *name);

/* statement_effect.c */
extern void mig_statement_effect(const char *statement, MigEffect *effect);

/* statement_refusal.c */
extern void mig_statement_refusal(Node *node, MigRefusal *refusal);
extern MigNameState mig_statement_name_after(Node *node,
											 const MigRefusal *refusal,
											 MigNameState state);

/* batch_call.c */
extern void mig_batch_call_check(const MigScriptSource *source,
								 const MigStatement *statement);

/* body_hash.c */
extern void mig_body_hash(const char *body, char *result);

/* script_file.c */
extern MigScriptRevision *mig_script_file_parse(const char *script,
												int *nrevisions,
												List **errors);
extern MigScriptRevision *mig_script_files_parse(const MigScriptFile *files,
												 int nfiles, int *nrevisions,
												 List **errors);
extern void mig_script_file_check_body(const MigScriptSource *source,
									   MigBodyKind kind);

/* script_writer.c */
/* text.c */
extern bool mig_text_same(const char *a, const char *b);
extern bool mig_text_same_list(char *const *a, int na, char *const *b,
							   int nb);
extern bool mig_text_in_list(char *const *texts, int n, const char *text);
extern bool mig_text_is_listed(const List *texts, const char *text);
extern char *mig_text_hash(const char *text);

/* script_writer.c */
extern char *mig_script_write(const MigRevisionDef *def, bool repeatable,
							  bool says_base);

#endif							/* MIG_SCRIPT_H */
