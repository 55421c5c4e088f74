/*
 * body_hash.h
 *	  A body's identity: a hash over its tokens.
 */
#ifndef MIG_SCRIPT_BODY_HASH_H
#define MIG_SCRIPT_BODY_HASH_H

/* Hex digits of a SHA-256, and the terminating zero. */
#define MIG_SCRIPT_HASH_SIZE	65

extern void mig_script_hash(const char *body, char *result);

#endif							/* MIG_SCRIPT_BODY_HASH_H */
