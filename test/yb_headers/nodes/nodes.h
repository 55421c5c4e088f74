/*
 * nodes/nodes.h
 *	  Node tags that PostgreSQL does not have, in the middle of the list.
 *
 * They are put into the server's own list by the name of the tag in front of
 * them, which is not expanded a second time.
 */
#ifndef MIG_YB_HEADERS_NODES_H
#define MIG_YB_HEADERS_NODES_H

#define T_BitmapHeapScan \
	T_BitmapHeapScan, T_YbBitmapIndexScan, T_YbBitmapTableScan
#define T_Param					T_Param, T_YbBatchedExpr
#define T_ReindexStmt			T_ReindexStmt, T_BackfillIndexStmt
#define T_DeclareCursorStmt		T_DeclareCursorStmt, T_CreateTableGroupStmt
#define T_VacuumRelation		T_VacuumRelation, T_OptSplit, T_RowBounds

#include_next <nodes/nodes.h>

#undef T_BitmapHeapScan
#undef T_Param
#undef T_ReindexStmt
#undef T_DeclareCursorStmt
#undef T_VacuumRelation

#endif							/* MIG_YB_HEADERS_NODES_H */
