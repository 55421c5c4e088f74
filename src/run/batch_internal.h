/*
 * batch_internal.h
 *	  What the files of a statement that runs in batches share.
 */
#ifndef MIG_RUN_BATCH_INTERNAL_H
#define MIG_RUN_BATCH_INTERNAL_H

#include "nodes/params.h"
#include "nodes/parsenodes.h"

#include "run/run_internal.h"

/* Comparisons of keys, by the strategy numbers of a btree. */
typedef enum MigKeyOperator
{
	MIG_KEY_LESS,
	MIG_KEY_LESS_EQUAL,
	MIG_KEY_EQUAL,
	MIG_KEY_GREATER_EQUAL,
	MIG_KEY_GREATER
} MigKeyOperator;

#define MIG_KEY_NOPERATORS		(MIG_KEY_GREATER + 1)

/* A column of the key of a batch. */
typedef struct MigKeyColumn
{
	char	   *name;
	Oid			declared;		/* its type */
	Oid			type;			/* the same, or what that is a domain over:
								 * its checks are code of its owner */
	int16		length;
	bool		by_value;
	char	   *operators[MIG_KEY_NOPERATORS];	/* as SQL writes them */
} MigKeyColumn;

/* A statement that runs in batches; the same for all of them. */
typedef struct MigBatch
{
	MigBatchRequest request;	/* of the present call */
	MemoryContext context;		/* of what follows */
	const MigBatchPlace *place; /* in a body; NULL: by itself */
	bool		known;			/* what follows was found */
	bool		noted;			/* the statement, as started */
	bool		recorded;		/* it has a row in migrate.batch */
	pg_uuid_t	id;				/* of that row */
	Oid			relation;
	char	   *relation_name;	/* as SQL writes it */
	char	   *statement;
	int			nkey;
	char	  **key;
	MigKeyColumn *columns;
	Datum	   *end;			/* the highest key when it began; NULL: none */
	Datum	   *last;			/* of the last batch; NULL: none yet */
	char	   *range;			/* of the batch that is being run, or NULL */
	int			size;			/* of the next batch */
	int64		rows;
	int64		batches;
	bool		finished;
	bool		was_finished;	/* before this call */
	int64		duration;		/* of the last batch, ms */
	int64		ended;			/* when that ended, by mig_clock_ms(); 0:
								 * there was none in this process */
	MigBlockers blockers;		/* of the last attempt, by itself */
	int64		blocked_since;	/* when the first attempt failed */
	int64		lag_checked;	/* when the standbys were last looked at */
	char		lag_position[32];	/* WAL that they should have replayed, */
	int64		lag_since;		/* since it is there */
} MigBatch;

/* Where an expression in the statement of a batch stands. */
typedef struct MigBatchScope
{
	const MigBatch *batch;
	List	   *queries;		/* that it is in, then the outer ones */
} MigBatchScope;

/* A column of a table, as a query sees it. */
typedef struct MigBatchColumn
{
	List	   *path;			/* relations that lead to the row that it is
								 * of, the query's first; NIL: not each row
								 * does */
	int			key;			/* number in the key, from 0; -1: not of it */
	bool		other;			/* of another table, as it is in that */
	const char *name;
} MigBatchColumn;

/* batch.c */
pg_noreturn extern void mig_batch_refuse_name(const char *name);

/* batch_column.c */
extern bool mig_batch_find_column(const MigBatchScope *scope, const Node *node,
								  MigBatchColumn *column);
extern Query *mig_batch_subquery(const RangeTblEntry *entry, List *queries,
								 List **inner);
extern bool mig_batch_shares_rows(const MigBatch *batch, Oid relation);

/* batch_query.c */
extern List *mig_batch_conditions(Node *node, bool all, List *conditions);
extern List *mig_batch_conditions_of(const Query *query);
extern bool mig_batch_merges_unmatched(const Query *query);
extern List *mig_batch_all_conditions_of(const Query *query);
extern List *mig_batch_relations_of(Node *node, bool kept, List *varnos);
extern Query *mig_batch_query_of_rows(Node *condition);
extern bool mig_batch_leaves_out_rows(const Query *query);
extern bool mig_batch_uses_parameter(const MigBatchScope *scope, Node *node);
extern bool mig_batch_uses_table(const MigBatchScope *scope, Node *node);

/* batch_range.c */
extern bool mig_batch_is_range(const MigBatchScope *scope, int varno,
							   List *conditions);
extern bool mig_batch_compares_others(const MigBatchScope *scope, Node *node);
extern void mig_batch_check_order(const MigBatchScope *scope, Node *node);
extern char *mig_batch_condition(const MigBatch *batch);

/* batch_condition.c */
extern void mig_batch_check_condition(const MigBatch *batch, List *queries);

/* batch_statement.c */
extern void mig_batch_check_statement(MigBatch *batch);
extern int64 mig_batch_execute_statement(const MigBatch *batch,
										 const Datum *first,
										 const Datum *last);

/* batch_position.c */
extern void mig_batch_find_position(MigBatch *batch);
extern void mig_batch_lock_position(MigBatch *batch);
pg_noreturn extern void mig_batch_refuse_order(const MigBatch *batch);
extern char *mig_batch_describe_key(char *const *texts, int n);
extern char *mig_batch_describe_done(int64 rows, int64 batches);

/* batch_pause.c */
extern void mig_batch_wait(MigBatch *batch);

/* batch_key.c */
extern void mig_batch_find_key(MigBatch *batch);
extern Datum *mig_batch_highest_key(const MigBatch *batch);
extern Datum *mig_batch_first_key(const MigBatch *batch);
extern Datum *mig_batch_nth_key(const MigBatch *batch, const Datum *first,
								int number);
extern int64 mig_batch_count_keys(const MigBatch *batch, const Datum *first);
extern ParamListInfo mig_batch_params(const MigBatch *batch,
									  const Datum *first, const Datum *last);
extern char **mig_batch_key_texts(const MigBatch *batch, const Datum *key);
extern Datum *mig_batch_parse_key(const MigBatch *batch, char *const *texts);

#endif							/* MIG_RUN_BATCH_INTERNAL_H */
