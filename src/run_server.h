/*
 * run_server.h
 *	  Which server this is, and what it can do.
 */
#ifndef RUN_SERVER_H
#define RUN_SERVER_H

/* What decisions are made by; never by the name. */
typedef struct MigServer
{
	const char *profile;
	bool		rollback_undoes_ddl;
	bool		subtransactions;	/* may be rolled back around DDL */
	bool		row_addresses;	/* ctid */
	bool		table_locks;	/* LOCK TABLE for writers */
} MigServer;

extern const MigServer *mig_run_server(void);
extern void mig_run_server_begin(void);
extern bool mig_run_server_undoes_bodies(void);

#endif							/* RUN_SERVER_H */
