/*
 * api.h
 *	  What the files of SQL-callable functions share.
 */
#ifndef MIG_API_H
#define MIG_API_H

/* What mig_api_begin() checks */
#define MIG_API_WRITES		0x01	/* not in a read-only transaction */
#define MIG_API_NOT_NESTED	0x02	/* not from within a migration body */
#define MIG_API_GRANTED		0x04	/* not for PUBLIC: asks migrate_guard() */
#define MIG_API_CATALOGS	0x08	/* reads none of our tables, or asks
									 * itself */
#define MIG_API_CHANGES		(MIG_API_WRITES | MIG_API_GRANTED | MIG_API_NOT_NESTED)

extern void mig_api_begin(const char *name, int flags);

#endif							/* MIG_API_H */
