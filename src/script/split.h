/*
 * split.h
 *	  A migration body -> its statements.
 */
#ifndef MIG_SCRIPT_SPLIT_H
#define MIG_SCRIPT_SPLIT_H

#include "nodes/pg_list.h"

#include "script/scan.h"
#include "script/statement_kind.h"

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
	bool		setting;		/* a SET that holds until the body's end */
	bool		commit_after;	/* a later statement needs it committed */
} MigStatement;

typedef struct MigScript
{
	int			nstatements;
	MigStatement *statements;
	int			nnontransactional;
	int			ntransactions;	/* 1: all of it can be one transaction */
} MigScript;

/* Neighbouring ordinary statements that are one transaction, or another one. */
typedef struct MigSegment
{
	int			first;			/* index of a statement */
	int			nstatements;
	MigStatementKind kind;
	const char *tag;			/* the statement's if it is not ordinary,
								 * otherwise NULL */
} MigSegment;

extern List *mig_script_parse(const char *text);
extern MigScript *mig_script_split(const MigScriptSource *source);
extern void mig_script_commit_each(MigScript *script);
extern void mig_script_segment(const MigScript *script, int first,
							   MigSegment *segment);
extern int	mig_script_skip_gap(const char *text, int offset);
extern int	mig_script_skip_comment(const char *text, int offset);
extern int	mig_script_count_lines(const char *text, int from, int to);
extern const char *mig_script_strip_bom(const char *text);

#endif							/* MIG_SCRIPT_SPLIT_H */
