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
#include "tables/revision.h"

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
	char	   *collation;		/* NULL: that of the type */
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
	List	   *computed;		/* those in its expressions and its condition */
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
								 * text; with views that are replaced */
	List	   *gone_names;		/* other objects, as mig_lint_drop_name() */
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

/* How many objects a finding names. */
#define MIG_LINT_MAX_NAMED	"3"

/*
 * In SQL: of objects (name), the first few names.
 */
#define MIG_LINT_NAMES_OF(rows) \
	"SELECT pg_catalog.string_agg(name, ', ' ORDER BY number)" \
	"       || CASE WHEN max(total) > " MIG_LINT_MAX_NAMED \
	"          THEN pg_catalog.format(' and %s more', max(total) - " MIG_LINT_MAX_NAMED ")" \
	"          ELSE '' END" \
	"  FROM (SELECT name, row_number() OVER (ORDER BY name) AS number," \
	"               count(*) OVER () AS total" \
	"          FROM (" rows ") AS r) AS n" \
	" WHERE number <= " MIG_LINT_MAX_NAMED

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
extern bool mig_lint_index_exists(MigLint *lint, const IndexStmt *create);
extern MigLintRelation *mig_lint_next(HASH_SEQ_STATUS *status);
extern void mig_lint_drop(MigLint *lint, MigLintRelation *relation);
extern void mig_lint_drop_name(MigLint *lint, const char *catalog,
							   const char *name);
extern void mig_lint_drop_part(MigLint *lint, const MigLintRelation *relation,
							   const char *name);
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
extern bool mig_lint_catalog_same_base(MigLint *lint, const char *from,
									   const char *to);
extern double mig_lint_catalog_type_bytes(MigLint *lint, const char *type);
extern char *mig_lint_catalog_referring(MigLint *lint,
										const MigLintRelation *relation);
extern MigLintRelation *mig_lint_catalog_default(MigLint *lint,
												 const MigLintRelation *relation);
extern char *mig_lint_catalog_functions(MigLint *lint, const char *word,
										const char *other);
extern char *mig_lint_catalog_extension(MigLint *lint, const char *name);
extern void mig_lint_catalog_add_list(MigSpiArgs *args, const List *strings);
extern void mig_lint_catalog_add_schemas(MigSpiArgs *args, const MigLint *lint,
										 const char *schema);

/* lint_depend.c */
extern char *mig_lint_depend_names(MigLint *lint, const char *object,
								   bool change_of_type);
extern char *mig_lint_depend_relation(MigLint *lint,
									  const MigLintRelation *relation,
									  const char *column);
extern char *mig_lint_depend_constraint(MigLint *lint,
										const MigLintRelation *relation,
										const char *name);
extern char *mig_lint_depend_object(MigLint *lint, const char *catalog,
									const char *schema, const char *name,
									int nargs);
extern char *mig_lint_depend_truncated(MigLint *lint,
									   const MigLintRelation *relation,
									   const List *together);

/* lint_type.c */
extern void mig_lint_type_read(const TypeName *name, MigLintType *type);
extern char *mig_lint_collation(const ColumnDef *column);
extern void mig_lint_type_parse(const char *text, MigLintType *type);
extern bool mig_lint_type_is(const MigLintType *type, const char *names);
extern bool mig_lint_type_rewrites(MigLint *lint, const MigLintType *from,
								   const MigLintType *to);
extern bool mig_lint_type_keeps_indexes(MigLint *lint, const MigLintType *from,
										const MigLintType *to);

/* lint_apply.c */
extern void mig_lint_apply(MigLint *lint, Node *node);
extern void mig_lint_drop_object(MigLint *lint, ObjectType type, Node *object);

/* lint_alter.c */
extern void mig_lint_create_index(MigLint *lint, const IndexStmt *create);
extern void mig_lint_add_column(MigLint *lint, MigLintRelation *relation,
								const ColumnDef *definition);
extern void mig_lint_add_constraint(MigLint *lint, MigLintRelation *relation,
									const Constraint *constraint,
									const char *column);
extern void mig_lint_rename_column(MigLint *lint, MigLintRelation *relation,
								   const char *name, const char *new_name);
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
extern bool mig_lint_data_reads_large(MigLint *lint, Node *node);
extern const MigLintLock *mig_lint_data_strongest_lock(const MigLint *lint);
extern void mig_lint_verify(MigLint *lint, const char *verify);
extern void mig_lint_design_command(MigLint *lint, MigLintRelation *relation,
									const AlterTableCmd *command);
extern void mig_lint_design_statement(MigLint *lint, Node *node);
extern void mig_lint_design_end(MigLint *lint);
extern void mig_lint_rights_statement(MigLint *lint, Node *node);
extern void mig_lint_rights_end_revision(MigLint *lint);
extern void mig_lint_server_revision(MigLint *lint);
extern void mig_lint_server_statement(MigLint *lint, Node *node);
extern void mig_lint_revision(MigLint *lint, const MigRevisionTexts *texts);

/*
 * The objects of a class: a query over its catalog.  $1: with owners, $2: with
 * privileges.
 *
 * The body gives oid, part (0, or the number of a column), owner, acl, the acl
 * that such an object has by itself (initial), and the definition.  What every
 * class can have besides is added here.  Names are looked up in pg_catalog alone,
 * see spi.c.
 */
#define MIG_SCHEMA_CLASS(catalog, body) \
	{ \
		"SELECT i.type, i.identity, concat_ws(E'\\n'," \
		"         " MIG_SCHEMA_STABLE("o.definition") "," \
		"         (SELECT 'comment: ' || " MIG_SCHEMA_LITERAL("d.description") " FROM pg_description AS d" \
		"           WHERE d.classoid = " MIG_SCHEMA_CATALOG(catalog) \
		"             AND d.objoid = o.oid AND d.objsubid = o.part)," \
		"         (SELECT " MIG_SCHEMA_LABELS " FROM pg_seclabel AS l" \
		"           WHERE l.classoid = " MIG_SCHEMA_CATALOG(catalog) \
		"             AND l.objoid = o.oid AND l.objsubid = o.part)," \
		"         CASE WHEN " MIG_SCHEMA_CATALOG(catalog) " = " MIG_SCHEMA_SHARED \
		"          THEN (SELECT " MIG_SCHEMA_LABELS " FROM pg_shseclabel AS l" \
		"                 WHERE l.classoid = " MIG_SCHEMA_SHARED \
		"                   AND l.objoid = o.oid) END," \
		"         CASE WHEN $1 AND o.part = 0" \
		"          THEN 'owner: ' || quote_ident(pg_get_userbyid(o.owner)) END," \
		"         CASE WHEN $2 AND o.acl IS NOT NULL THEN NULLIF(concat_ws(E'\\n'," \
		"          " MIG_SCHEMA_PRIVILEGES("privileges", "o.acl", "o.initial", "o.owner") "," \
		"          " MIG_SCHEMA_PRIVILEGES("revoked", "o.initial", "o.acl", "o.owner") "), '') END)" \
		"  FROM (" body " OFFSET 0) AS o," \
		"       pg_identify_object(" MIG_SCHEMA_CATALOG(catalog) ", o.oid, o.part) AS i" \
		" WHERE i.identity IS NOT NULL" \
	}

/* The catalog of ours that all databases share; the labels of its objects, too. */
#define MIG_SCHEMA_SHARED		MIG_SCHEMA_CATALOG("pg_subscription")
#define MIG_SCHEMA_LABELS \
	"string_agg(format('label of %I: ', l.provider) || " MIG_SCHEMA_LITERAL("l.label") "," \
	"           E'\\n' ORDER BY l.provider COLLATE \"C\")"

/*
 * A text that anything may stand in, on one line: none of its lines can be taken
 * for another line of the definition, nor what follows for a part of it.
 */
#define MIG_SCHEMA_LITERAL(text)	"replace(quote_literal(" text "), E'\\n', '\\n')"

#define MIG_SCHEMA_CATALOG(catalog) "'pg_catalog." catalog "'::regclass"

/*
 * What the server writes of x IN ('a', 'b') changes when it is read again, as from
 * a dump, where x is a varchar: the cast to text moves from the array to its
 * elements.  Without either it says the same.  Of extended statistics the server
 * writes it without the parentheses.
 */
#define MIG_SCHEMA_STABLE(definition) \
	"CASE WHEN strpos(" definition ", '::character varying') > 0 THEN" \
	" regexp_replace(regexp_replace(" definition "," \
	"  '\\((" MIG_SCHEMA_VARCHAR ")\\)::text|(" MIG_SCHEMA_VARCHAR ")::text', '\\1\\2', 'g')," \
	"  '\\((" MIG_SCHEMA_VARCHARS ")\\)::text\\[\\]|(" MIG_SCHEMA_VARCHARS ")::text\\[\\]'," \
	"  '\\1\\2', 'g')" \
	" ELSE " definition " END"
#define MIG_SCHEMA_VARCHAR		"''(?:[^'']|'''')*''::character varying"
#define MIG_SCHEMA_VARCHARS		"ARRAY\\[(?:" MIG_SCHEMA_VARCHAR "(?:, )?)*\\]"

/*
 * What an acl has and another one has not, without the name of the owner: so what
 * an owner has by itself, which differs between versions, is not told.  OWNER and
 * PUBLIC are no names of roles, which would be quoted.
 */
#define MIG_SCHEMA_PRIVILEGES(word, acl, other, owner) \
	"(SELECT '" word ": ' || string_agg(p.entry, '; ' ORDER BY p.entry COLLATE \"C\")" \
	"   FROM (SELECT concat(CASE a.grantee WHEN 0 THEN 'PUBLIC'" \
	"                  WHEN " owner " THEN 'OWNER'" \
	"                  ELSE quote_ident(pg_get_userbyid(a.grantee)) END, ' '," \
	"                  string_agg(a.privilege_type || CASE WHEN a.is_grantable" \
	"                    AND a.grantee <> " owner " THEN ' WITH GRANT OPTION'" \
	"                    ELSE '' END, ', ' ORDER BY a.privilege_type COLLATE \"C\")," \
	"                  CASE WHEN a.grantor <> " owner " THEN ' granted by '" \
	"                    || quote_ident(pg_get_userbyid(a.grantor)) END) AS entry" \
	"           FROM (SELECT * FROM aclexplode(" acl ")" \
	"                 EXCEPT SELECT * FROM aclexplode(" other ")) AS a" \
	"          GROUP BY a.grantee, a.grantor) AS p)"

/*
 * Whether an object is the user's: by its schema, and neither a member of an
 * extension nor made by the server together with another object.
 */
#define MIG_SCHEMA_IS_USERS(catalog, oid, schema) \
	MIG_SCHEMA_IS_IN_SCHEMA(schema) " AND " MIG_SCHEMA_NO_MEMBER(catalog, oid)
#define MIG_SCHEMA_IS_IN_SCHEMA(schema) \
	schema " IN (SELECT home.oid FROM pg_namespace AS home" \
	"  WHERE " MIG_SCHEMA_NAMES("home.nspname") ")"
#define MIG_SCHEMA_NAMES(name) \
	name " !~ '^pg_' AND " name " <> 'information_schema'"
#define MIG_SCHEMA_NO_MEMBER(catalog, oid) \
	MIG_SCHEMA_DEPENDS_NOT(catalog, oid, "IN ('e', 'i')")
#define MIG_SCHEMA_DEPENDS_NOT(catalog, oid, how) \
	"NOT EXISTS (SELECT FROM pg_depend AS member" \
	"  WHERE member.classid = " MIG_SCHEMA_CATALOG(catalog) \
	"    AND member.objid = " oid " AND member.deptype " how ")"

/* The same where no schema says it: initdb has not made it. */
#define MIG_SCHEMA_IS_ADDED(catalog, oid) \
	oid " >= 16384 AND " MIG_SCHEMA_NO_MEMBER(catalog, oid)

/* Of a relation c; the sequence of an identity column is made with that. */
#define MIG_SCHEMA_IS_RELATION(c) \
	MIG_SCHEMA_IS_IN_SCHEMA(c ".relnamespace") \
	" AND " MIG_SCHEMA_DEPENDS_NOT("pg_class", c ".oid", "= 'e'") \
	" AND " c ".relpersistence <> 't'"
#define MIG_SCHEMA_TABLESPACE(c) \
	"'TABLESPACE ' || (SELECT quote_ident(s.spcname) FROM pg_tablespace AS s" \
	"                   WHERE s.oid = " c ".reltablespace)"

/* An array of options, whatever order they were given in; quoted where needed. */
#define MIG_SCHEMA_OPTIONS(word, options) \
	"(SELECT '" word " (' || string_agg(CASE WHEN x ~ '^[A-Za-z0-9_.+-]*=[A-Za-z0-9_.+-]*$' THEN x" \
	"          ELSE " MIG_SCHEMA_LITERAL("x") " END, ', ' ORDER BY x COLLATE \"C\") || ')'" \
	"   FROM unnest(" options ") AS x WHERE " MIG_SCHEMA_IS_OPTION("x") ")"

/*
 * Minor versions from 2026 on keep the version of a column among its options; no
 * dump has it.
 */
#define MIG_SCHEMA_IS_OPTION(option) \
	"NOT starts_with(" option ", 'pg_attver=')"

/* A function, by an oid that may be 0. */
#define MIG_SCHEMA_FUNCTION(word, oid) \
	"'" word " ' || NULLIF(" oid "::oid, 0)::regprocedure::text"

/* Whether a trigger, or a rule, fires. */
#define MIG_SCHEMA_ENABLED(state) \
	"CASE " state " WHEN 'D' THEN 'DISABLED' WHEN 'R' THEN 'ENABLED REPLICA'" \
	" WHEN 'A' THEN 'ENABLED ALWAYS' END"

/* The extensions with which an object that is no member is dropped. */
#define MIG_SCHEMA_DEPENDS(catalog, oid) \
	"(SELECT 'DEPENDS ON EXTENSION ' || string_agg(quote_ident(needed.extname), ', '" \
	"          ORDER BY needed.extname COLLATE \"C\")" \
	"   FROM pg_depend AS need JOIN pg_extension AS needed" \
	"     ON needed.oid = need.refobjid" \
	"  WHERE need.classid = " MIG_SCHEMA_CATALOG(catalog) " AND need.objid = " oid \
	"    AND need.refclassid = " MIG_SCHEMA_CATALOG("pg_extension") \
	"    AND need.deptype = 'x')"

/* The classes of a file; the last one has no query. */
extern MigSpiQuery mig_schema_relations[];
extern MigSpiQuery mig_schema_types[];
extern MigSpiQuery mig_schema_database[];

/* An object that differs; before or after is NULL where it is not there. */
typedef void (*MigSchemaDifference) (const MigSchemaObject *before,
									 const MigSchemaObject *after, void *arg);

/* schema.c */
extern int	mig_schema_compare(const MigSchemaObject *a,
							   const MigSchemaObject *b);
extern void mig_schema_differences(const MigSchema *before,
								   const MigSchema *after,
								   MigSchemaDifference see, void *arg);

#endif							/* MIG_PREVIEW_PREVIEW_INTERNAL_H */
