/*
 * statement_effect.h
 *	  What a statement leaves in the catalogs.
 */
#ifndef MIG_SCRIPT_STATEMENT_EFFECT_H
#define MIG_SCRIPT_STATEMENT_EFFECT_H

/* What can be looked up, or else how a statement may be treated. */
typedef enum MigEffectKind
{
	MIG_EFFECT_UNKNOWN,			/* nothing tells whether it has run */
	MIG_EFFECT_REPEATABLE,		/* to run it again does no harm */
	MIG_EFFECT_COLUMN,
	MIG_EFFECT_CONSTRAINT,
	MIG_EFFECT_DATABASE,
	MIG_EFFECT_DATABASE_TABLESPACE,
	MIG_EFFECT_ENUM_VALUE,
	MIG_EFFECT_FUNCTION,
	MIG_EFFECT_INDEX,
	MIG_EFFECT_INDEX_ON,		/* an index whose name the server chooses */
	MIG_EFFECT_PARTITION,
	MIG_EFFECT_REINDEXED,		/* repeatable, but may leave INVALID indexes */
	MIG_EFFECT_RELATION,
	MIG_EFFECT_SCHEMA,
	MIG_EFFECT_SUBSCRIPTION,
	MIG_EFFECT_TABLESPACE,
	MIG_EFFECT_TYPE
} MigEffectKind;

typedef struct MigEffect
{
	MigEffectKind kind;
	bool		gone;			/* it takes the object away */
	bool		tolerant;		/* IF [NOT] EXISTS, OR REPLACE */
	const char *schema;			/* NULL: as search_path says */
	const char *name;			/* of the object, or of the table it is in */
	const char *part;			/* column, constraint, value, index, child;
								 * argument types of a function */
	bool		creates_name;	/* the name is not one that exists before */
	const char *part_schema;	/* of a partition */
} MigEffect;

extern void mig_script_effect(const char *statement, MigEffect *effect);

#endif							/* MIG_SCRIPT_STATEMENT_EFFECT_H */
