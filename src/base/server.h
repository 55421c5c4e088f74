/*
 * server.h
 *	  The server type, and what such a server can do.
 */
#ifndef MIG_BASE_SERVER_H
#define MIG_BASE_SERVER_H

#include "utils/guc.h"

/* How often the server runs a command again by itself. */
#define MIG_SERVER_RETRY_SETTING	"yb_max_query_layer_retries"

/* What decisions are made by; never by the name. */
typedef struct MigServer
{
	const char *type;			/* a value of migrate.server_type */
	bool		rollback_undoes_ddl;
	bool		subtransactions;	/* may be rolled back around DDL */
	bool		row_addresses;	/* ctid */
	bool		table_locks;	/* LOCK TABLE for writers */
	bool		tells_changes;	/* of catalogs, to each session, before the
								 * command that made them ends */
	bool		transaction_ids;	/* a transaction that writes has one */
	bool		nominal_isolation;	/* the isolation level is what it says */
	bool		errors_by_text; /* only their text tells some apart */
	bool		many_schedulers;	/* one on each node */
	bool		bare_processes; /* can read catalogs without a database */
	bool		own_settings;	/* that PostgreSQL does not have */
	bool		notifications;	/* NOTIFY */
} MigServer;

/* A setting that PostgreSQL does not have. */
typedef struct MigServerSetting
{
	const char *name;
	bool		is_flag;		/* of the server's process: not for SQL */
	const char *standard;		/* its default, if we know it */
	const char *needed;			/* what runs cannot do without, or NULL */
	const char *advice;
} MigServerSetting;

extern void mig_server_check_build(void);
extern const MigServer *mig_server(void);
extern const MigServer *mig_server_begin_run(void);
extern bool mig_server_fixes_snapshot(void);
extern const char *mig_server_effective_isolation(void);
extern const MigServerSetting *mig_server_settings(int *nsettings);
extern void mig_server_check_locks(void);
extern bool mig_server_stop_retries(GucAction action);
extern bool mig_server_undoes_bodies(const MigServer *server);
extern bool mig_server_sends_notifications(void);

#endif							/* MIG_BASE_SERVER_H */
