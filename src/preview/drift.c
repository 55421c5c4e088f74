/*
 * drift.c
 *	  What was changed in the schema by nothing that this extension did.
 *
 * With migrate.track_schema the schema is read before the first step of a run and
 * after the last.  What differs is the run's, and is noted in migrate.snapshot;
 * what was changed before by other means stays as it is there, also where the run
 * changes the same object: nothing says which part of a definition is whose.  So
 * drift is told until it is accepted, or taken back, whatever is run in between.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/guc.h"
#include "preview/preview_internal.h"
#include "run/run.h"
#include "tables/snapshot.h"

/* For the doctor, which must not wait. */
#define COUNT_LOCK_TIMEOUT		1000

/* What is kept of the beginning of a run until its end. */
typedef struct Observed
{
	MemoryContext context;
	MigSchema  *before;			/* NULL: none was noted yet */
} Observed;

/*
 * Objects that are to be noted, and to be forgotten.  One that was there before
 * is noted only if it was as the last run has left it.
 */
typedef struct Changes
{
	MigSnapshotObjects created;
	MigSnapshotObjects changed;
	MigSnapshotObjects gone;
} Changes;

static void *begin_run(void);
static void end_run(void *state, const pg_uuid_t *run);
static void note_changes(const MigSchema *before, const MigSchema *after,
						 const pg_uuid_t *run);
static void make_room(MigSnapshotObjects *objects, int n);
static void collect(const MigSchemaObject *before,
					const MigSchemaObject *after, void *arg);
static void add(MigSnapshotObjects *objects, const MigSchemaObject *object);
static MigSchema *read_noted(MigSpiAccess access);
static void find_drift(const MigSchemaObject *before,
					   const MigSchemaObject *after, void *arg);
static void count_drift(const MigSchemaObject *before,
						const MigSchemaObject *after, void *arg);
static MigSchema *read_now(MigSpiAccess access);

/*
 * Called once, from _PG_init().
 */
void
mig_drift_init(void)
{
	static MigRunObserver observer = {begin_run, end_run};

	mig_run_observe(&observer);
}

static void *
begin_run(void)
{
	MemoryContext context;
	MemoryContext old_context;
	Observed   *observed;

	context = AllocSetContextCreate(CurrentMemoryContext, "migrate schema",
									ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(context);
	observed = palloc0(sizeof(Observed));
	observed->context = context;
	if (mig_snapshot_exists(MIG_SPI_READ_LATEST))
		observed->before = read_now(MIG_SPI_READ_LATEST);
	MemoryContextSwitchTo(old_context);
	return observed;
}

static void
end_run(void *state, const pg_uuid_t *run)
{
	Observed   *observed = state;
	MemoryContext old_context = MemoryContextSwitchTo(observed->context);
	static const MigSchema nothing = {0};

	note_changes(observed->before != NULL ? observed->before : &nothing,
				 read_now(MIG_SPI_READ_LATEST), run);
	MemoryContextSwitchTo(old_context);
}

/*
 * What is there now is what later drift is compared with.
 */
void
mig_drift_accept(void)
{
	MigSchema  *noted = read_noted(MIG_SPI_READ_LATEST);

	note_changes(noted, read_now(MIG_SPI_READ_LATEST), NULL);
	ereport(LOG_SERVER_ONLY,
			(errmsg("role \"%s\" accepted the schema as it is",
					GetUserNameFromId(GetUserId(), false))));
}

static void
note_changes(const MigSchema *before, const MigSchema *after,
			 const pg_uuid_t *run)
{
	Changes		changes = {{0}};

	make_room(&changes.created, after->nobjects);
	make_room(&changes.changed, after->nobjects);
	make_room(&changes.gone, before->nobjects);
	mig_schema_differences(before, after, collect, &changes);
	mig_snapshot_remove(&changes.gone);
	mig_snapshot_put(&changes.created, run);
	mig_snapshot_change(&changes.changed, run);
}

static void
make_room(MigSnapshotObjects *objects, int n)
{
	Size		size = sizeof(char *) * Max(n, 1);

	objects->types = MemoryContextAllocHuge(CurrentMemoryContext, size);
	objects->identities = MemoryContextAllocHuge(CurrentMemoryContext, size);
	objects->definitions = MemoryContextAllocHuge(CurrentMemoryContext, size);
	objects->former = MemoryContextAllocHuge(CurrentMemoryContext, size);
}

static void
collect(const MigSchemaObject *before, const MigSchemaObject *after, void *arg)
{
	Changes    *changes = arg;

	if (after == NULL)
		add(&changes->gone, before);
	else if (before == NULL)
		add(&changes->created, after);
	else
	{
		changes->changed.former[changes->changed.n] = before->definition;
		add(&changes->changed, after);
	}
}

static void
add(MigSnapshotObjects *objects, const MigSchemaObject *object)
{
	objects->types[objects->n] = object->type;
	objects->identities[objects->n] = object->identity;
	objects->definitions[objects->n++] = object->definition;
}

/*
 * The drift, of MigDriftFinding, in the current memory context.  Raises an error
 * if there is nothing to compare with.
 */
List *
mig_drift_find(MigSpiAccess access)
{
	List	   *findings = NIL;

	if (!mig_snapshot_exists(access))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the schema of this database was not noted yet"),
				 errhint("Runs note it while migrate.track_schema is on. To note it as it is now: SELECT migrate_drift_accept();")));
	mig_schema_differences(read_noted(access), read_now(access), find_drift,
						   &findings);
	return findings;
}

static void
find_drift(const MigSchemaObject *before, const MigSchemaObject *after,
		   void *arg)
{
	List	  **findings = arg;
	MigDriftFinding *finding = palloc(sizeof(MigDriftFinding));

	finding->change = before == NULL ? "created" :
		after == NULL ? "dropped" : "changed";
	finding->object = before != NULL ? before : after;
	finding->noted = before == NULL ? NULL : before->definition;
	finding->found = after == NULL ? NULL : after->definition;
	*findings = lappend(*findings, finding);
}

/*
 * How many objects differ; -1: there is nothing to compare with.
 */
int
mig_drift_count(void)
{
	int			nest_level = NewGUCNestLevel();
	int			count = 0;

	if (!mig_snapshot_exists(MIG_SPI_READ_LATEST))
		return -1;
	mig_guc_limit_lock_timeout(COUNT_LOCK_TIMEOUT, GUC_ACTION_SAVE);
	mig_schema_differences(read_noted(MIG_SPI_READ_LATEST),
						   read_now(MIG_SPI_READ_LATEST), count_drift, &count);
	AtEOXact_GUC(false, nest_level);
	return count;
}

static void
count_drift(const MigSchemaObject *before, const MigSchemaObject *after,
			void *arg)
{
	int		   *count = arg;

	(*count)++;
}

static MigSchema *
read_noted(MigSpiAccess access)
{
	int			nrows;
	MigSnapshotRow *rows = mig_snapshot_read(access, &nrows);
	MigSchema  *schema = palloc(sizeof(MigSchema));

	schema->nobjects = nrows;
	schema->objects = MemoryContextAllocHuge(CurrentMemoryContext,
											 sizeof(MigSchemaObject) * Max(nrows, 1));
	for (int i = 0; i < nrows; i++)
	{
		schema->objects[i].type = rows[i].type;
		schema->objects[i].identity = rows[i].identity;
		schema->objects[i].definition = rows[i].definition;
	}
	return schema;
}

/*
 * With owners and privileges, because these are changed by hand, too.
 */
static MigSchema *
read_now(MigSpiAccess access)
{
	return mig_schema_read(true, true, access);
}
