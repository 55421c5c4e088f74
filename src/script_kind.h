/*
 * script_kind.h
 *	  Which statements refuse a transaction block.
 */
#ifndef SCRIPT_KIND_H
#define SCRIPT_KIND_H

#include "nodes/nodes.h"

extern const char *mig_script_kind_toplevel(Node *statement);

#endif							/* SCRIPT_KIND_H */
