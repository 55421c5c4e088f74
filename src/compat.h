/*
 * compat.h
 *	  All differences between server versions.
 */
#ifndef MIGRATE_COMPAT_H
#define MIGRATE_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "migrate needs PostgreSQL 15 or later"
#endif

/* Before 16 these were private to tid.c. */
#if PG_VERSION_NUM < 160000
#define DatumGetItemPointer(X)	((ItemPointer) DatumGetPointer(X))
#define ItemPointerGetDatum(X)	PointerGetDatum(X)
#endif

#endif							/* MIGRATE_COMPAT_H */
