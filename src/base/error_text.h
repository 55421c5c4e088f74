/*
 * error_text.h
 *	  Errors of the server that only their text tells apart.
 */
#ifndef MIG_BASE_ERROR_TEXT_H
#define MIG_BASE_ERROR_TEXT_H

/* A passing error of YugabyteDB. */
typedef enum MigPassingError
{
	MIG_PASSING_NONE,			/* it is none */
	MIG_PASSING_NOT_DONE,		/* its statement was not done */
	MIG_PASSING_STALE_CATALOG,	/* nor this one: the catalog cache of this
								 * process is out of date */
	MIG_PASSING_OUTCOME_UNKNOWN /* it may have been done */
} MigPassingError;

extern bool mig_error_is_statement_timeout(const ErrorData *error);
extern bool mig_error_is_cancel(const ErrorData *error);
extern bool mig_error_is_in_transaction_block(const ErrorData *error);
extern bool mig_error_is_hash_failure(const ErrorData *error);
extern bool mig_error_is_role_change(const ErrorData *error);
extern bool mig_error_is_foreign(const ErrorData *error);
extern bool mig_error_is_lock_wait(const ErrorData *error);
extern bool mig_error_is_lock_table_full(const ErrorData *error);
extern bool mig_error_is_catalog_race(int sqlstate, const char *message_id);
extern MigPassingError mig_error_passing(int sqlstate, const char *message);
extern bool mig_error_is_missing_object(int sqlstate);
extern const char *mig_error_do_block(const char *context);

#endif							/* MIG_BASE_ERROR_TEXT_H */
