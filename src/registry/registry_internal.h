/*
 * registry_internal.h
 *	  What the files of this folder know of each other.
 */
#ifndef MIG_REGISTRY_REGISTRY_INTERNAL_H
#define MIG_REGISTRY_REGISTRY_INTERNAL_H

#include "nodes/bitmapset.h"

#include "registry/registry.h"
#include "script/script.h"
#include "tables/repeatable.h"
#include "tables/version.h"

/* A revision that is to be registered. */
typedef struct MigRegistration
{
	MigScriptRevision revision;
	int			options;		/* MIG_REGISTER_... */
} MigRegistration;

/* Where in a script or a file an error is: for mig_register_add_context(). */
typedef struct MigRegisterPlace
{
	const MigRegistration *registration;
	int			line;			/* 0: that which begins it */
} MigRegisterPlace;

/* One of the revisions that are registered together. */
typedef struct MigRegistered
{
	MigRegistration given;
	MigRevision revision;
	bool		failed;			/* its definition has an error */
	const char *left_out;		/* why its downgrade is, or NULL */
	MigRegisterResult result;
	const char *differs;		/* from what is registered; NULL: not */
	const char *lost;			/* arguments that a call has left out, which
								 * the registered one has; NULL: none */
	bool		applied;		/* in the version table in use, if it differs */
	const char *partial;		/* a version table that it is partial in, if
								 * it differs; or NULL */
	bool		remarks_differ; /* the waivers and what it replaces, which do
								 * not count for that */
	bool		written;		/* in the place of what it replaces */
} MigRegistered;

/* Repeatables that are registered together. */
typedef struct MigRepeatableSet
{
	int			n;
	MigRegistration *given;
	MigRepeatable *repeatables;
	MigRegisterResult *results;
	List	   *removed;		/* names of others, if the registration prunes */
} MigRepeatableSet;

/* Revisions of files, or of a script, and what the registry says about them. */
typedef struct MigRegisterSet
{
	int			n;
	MigRegistered *revisions;
	MigRepeatableSet *repeatables;
	int			options;		/* MIG_REGISTER_... */
	List	   *errors;
	Bitmapset  *misread;		/* numbers of what had one of them when it was
								 * read */
	char	  **ids;			/* of the files, sorted */
	MigGraph   *graph;			/* that is registered */
	MigVersion *version;
	bool		prunes;			/* and the files could be read */
	List	   *removed;		/* ids that no file holds, if it prunes */
	List	   *kept;			/* those of them that cannot be removed, of
								 * which there is an error already */
} MigRegisterSet;

/* Why a revision cannot be changed. */
typedef struct MigRegisterHolder
{
	const char *partial;		/* the version table of an interrupted run, or
								 * NULL */
	const MigVersion *applied;	/* a version table that it is applied in, or
								 * NULL */
	const MigVersion *in_use;
} MigRegisterHolder;

/* definition.c */
extern const char *const mig_definition_down_differs;
extern const char *const mig_definition_downgrade_differs;
extern const char *const mig_definition_message_differs;
extern bool mig_definition_check_name(const MigRevisionDef *def, int item);
extern MigScriptLineKey mig_definition_name_key(const MigRevisionDef *def,
												int item);
extern void mig_definition_check_references(const MigRevisionDef *def,
											bool in_script);
extern void mig_definition_begin(const MigRegistration *registration,
								 MigRevision *revision);
extern bool mig_definition_check_setting(const MigRegistration *registration,
										 int item);
extern bool mig_definition_check_waiver(const MigRegistration *registration,
										int item);
extern void mig_definition_check_external(const MigRevision *revision,
										  MigBodyKind kind);
extern void mig_definition_upgrade(const MigRegistration *registration,
								   MigRevision *revision);
extern const char *mig_definition_downgrade(const MigRegistration *registration,
											MigRevision *revision);
extern void mig_definition_verify(const MigRegistration *registration,
								  MigRevision *revision);
extern void mig_definition_source(const MigRegistration *registration,
								  const char *text, int line,
								  MigScriptSource *source);
extern const char *mig_definition_difference(const MigRevision *old,
											 const MigRevision *new);
extern const char *mig_definition_losses(const MigRevision *old,
										 const MigRevision *new);

/* repeatable.c */
extern MigRepeatableSet *mig_repeatable_set_read(MigScriptRevision *given,
												 int *n, List **errors);
extern void mig_repeatable_set_check(MigRepeatableSet *set, bool prunes,
									 List **errors);
extern void mig_repeatable_set_compare(MigRepeatableSet *set, bool prunes);
extern void mig_repeatable_set_write(const MigRepeatableSet *set);
extern void mig_repeatable_refuse_id(const char *id);
extern bool mig_repeatable_unregister(const char *name);

/* register_files.c */
extern List *mig_register_check_references(MigRegistered *revisions, int n,
										   MigRepeatableSet *repeatables,
										   List *errors);

extern bool mig_register_set_has(const MigRegisterSet *set, const char *id);
extern bool mig_register_set_has_parent(const MigRegisterSet *set,
										const char *id);

/* register_graph.c */
extern void mig_register_set_check_graph(MigRegisterSet *set);

/* register_change.c */
extern void mig_register_check_changes(MigRegistered *registered, int n);
pg_noreturn extern void mig_register_refuse(const MigRegistered *registered,
											const MigVersion *version);
extern bool *mig_register_applied(MigVersion *version, MigGraph *graph);
extern MigRegisterHolder *mig_register_holders(MigVersion *version,
											   MigGraph *graph,
											   const List *ids);
extern void mig_register_refuse_held(const char *id,
									 const MigRegisterHolder *holder);
extern void mig_register_refuse_applied(MigVersion *version, MigGraph *graph,
										const List *ids);

/* register.c */
extern MigRevision *mig_register_find(const char *id);
extern MigRegistered *mig_register_check(const MigScriptRevision *given, int n,
										 int options, List **errors);
extern void mig_register_add_context(void *arg);
extern void mig_register_compare(MigRegistered *registered);
extern void mig_register_write(const MigRegistered *registered);
extern void mig_register_check_graph(void);
extern void mig_register_check_definition(MigRegistered *registered);

/* warn.c */
extern void mig_register_warn(const MigRegistered *registered, int n);
extern void mig_register_warn_left_out(const MigRegistered *registered, int n);
extern void mig_register_warn_renamed(const MigRegistered *registered, int n,
									  char *const *ids);

/* squash.c */
extern void mig_squash_refuse_replaced(const MigRegistered *registered, int n);
extern void mig_squash_check_replaced(const MigRegistered *registered, int n,
									  List **errors);
extern void mig_squash_apply(MigRegistered *registered, int n);
extern void mig_squash_one(const MigRevision *revision);

#endif							/* MIG_REGISTRY_REGISTRY_INTERNAL_H */
