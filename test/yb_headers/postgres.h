/*
 * postgres.h
 *	  The server's, after what is different on YugabyteDB.
 *
 * A header finds those beside it before any other, so that they have to be
 * included here first.
 */
#ifndef MIG_YB_HEADERS_POSTGRES_H
#define MIG_YB_HEADERS_POSTGRES_H

#include "c.h"

#if PG_VERSION_NUM / 10000 != 15
#error "these headers belong in front of those of PostgreSQL 15"
#endif
#undef PG_VERSION_NUM
#define PG_VERSION_NUM	150012
#undef PG_VERSION
#define PG_VERSION		"15.12-YB-2025.2.0.0-b0"

#include <utils/palloc.h>
#include <utils/elog.h>
#include <nodes/nodes.h>

#include_next <postgres.h>

#endif							/* MIG_YB_HEADERS_POSTGRES_H */
