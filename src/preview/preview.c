/*
 * preview.c
 *	  Says of each statement of a plan which relations it locks, for how long,
 *	  and what it rewrites, by executing the plan and taking it back.
 *
 * All revisions are one transaction here, and pg_locks does not show who asks for
 * a lock that is held.  So a statement also has those that its parse tree shows,
 * and those of the commands that it runs from within: they are the ones that stop
 * an application.
 *
 * What the plan itself creates is left out: no other session uses it yet.
 */
#include "postgres.h"

#include <math.h>

#include "access/transam.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/proc.h"
#include "utils/hsearch.h"

#include "base/command.h"
#include "base/guc.h"
#include "base/spi.h"
#include "preview/preview.h"
#include "run/run.h"

/* As in pg_class, whose header is not for this layer. */
#define KIND_INDEX				'i'
#define KIND_PARTITIONED_INDEX	'I'

/* A relation that was there before the plan. */
typedef struct PreviewRelation
{
	Oid			oid;			/* key */
	char	   *qualified_name;
	char	   *name;
	char		kind;
	char	   *file;			/* its file node in digits, or NULL */
	LOCKMASK	held;			/* modes in which it is locked */
	LOCKMODE	mode;			/* the strongest one of the statement, or
								 * NoLock */
	char	   *new_file;		/* after the statement */
} PreviewRelation;

/* A lock that this process holds. */
typedef struct HeldLock
{
	Oid			relation;
	LOCKMODE	mode;
	char	   *file;			/* of the relation now, in digits, or NULL */
} HeldLock;

typedef struct Preview
{
	MemoryContext context;		/* of what follows */
	HTAB	   *relations;		/* of PreviewRelation, by OID */
	List	   *rows;			/* of MigPreviewRow */
	int			nended;			/* rows whose transaction has ended */
	int			step;			/* of the plan, from 1 */
	MigRehearsedStatement statement;	/* the last one that began */
	double		begun_ms;		/* when it did */
	instr_time	epoch;
} Preview;

static void preview_work(MigRehearsal *rehearsal, void *arg);
static void read_relations(Preview *preview);
static void read_relation(const MigSpiRow *row, void *result);
static void look(const MigRehearsedStatement *statement, bool begun,
				 void *arg);
static void begin_statement(Preview *preview,
							const MigRehearsedStatement *statement);
static void end_statement(Preview *preview,
						  const MigRehearsedStatement *statement);
static bool is_index(const PreviewRelation *relation);
static bool is_rewritten(const PreviewRelation *relation);
static List *find_locked(Preview *preview,
						 const MigRehearsedStatement *statement);
static void read_held(const MigSpiRow *row, void *result);
static PreviewRelation *find_relation(const Preview *preview, Oid oid);
static List *note_lock(List *locked, PreviewRelation *relation,
					   LOCKMODE mode);
static MigPreviewRow *add_row(Preview *preview, const char *revision);
static void add_statement(Preview *preview,
						  const MigRehearsedStatement *statement,
						  const PreviewRelation *relation);
static void set_lock(MigPreviewRow *row, const PreviewRelation *relation,
					 bool plain);
static void add_failure(Preview *preview, const char *revision, int statement,
						const ErrorData *error, bool at_limit);
static void add_external(Preview *preview, const char *revision,
						 const char *external);
static void end_transaction(Preview *preview);
static double now_ms(const Preview *preview);

/*
 * The rows of a plan, of MigPreviewRow, in the current memory context.  Raises
 * what a run would be refused with.
 */
List *
mig_preview(char *target, const char *name)
{
	Preview		preview = {.context = CurrentMemoryContext};
	MigCommand	command = mig_command_with_bodies(name);

	INSTR_TIME_SET_CURRENT(preview.epoch);
	mig_rehearsal_run(command, target, preview_work, &preview);
	return preview.rows;
}

static void
preview_work(MigRehearsal *rehearsal, void *arg)
{
	Preview    *preview = arg;
	const MigPlan *plan = mig_rehearsal_plan(rehearsal);
	bool		failed = false;

	read_relations(preview);
	mig_rehearsal_watch(rehearsal, look, preview, mig_guc_preview_timeout);
	for (int i = 0; i < plan->nsteps; i++)
	{
		const char *revision = plan->steps[i].revision;
		ErrorData  *error;
		int			statement;

		preview->step = i + 1;
		if (failed)
		{
			MigPreviewRow *row = add_row(preview, revision);

			row->finding = "skipped";
			row->detail = "An earlier revision failed.";
			continue;
		}
		memset(&preview->statement, 0, sizeof(preview->statement));
		error = mig_rehearsal_step(rehearsal, &plan->steps[i], &statement);
		end_transaction(preview);
		if (mig_rehearsal_external(rehearsal) != NULL)
			add_external(preview, revision, mig_rehearsal_external(rehearsal));
		if (error != NULL)
			add_failure(preview, revision, statement, error,
						mig_rehearsal_at_limit(rehearsal));
		failed = error != NULL;
	}
}

/*
 * Notes what is there before the plan.
 */
static void
read_relations(Preview *preview)
{
	static MigSpiQuery query = {
		"SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname),"
		"       pg_catalog.quote_ident(c.relname), c.relkind::text,"
		"       pg_catalog.pg_relation_filenode(c.oid)::text"
		"  FROM pg_catalog.pg_class AS c"
		"  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
		" WHERE c.oid >= $1 AND n.nspname <> 'pg_toast'"
		"   AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I')"
		"   AND (c.relpersistence <> 't'"
		"        OR n.oid = pg_catalog.pg_my_temp_schema())"
		"   AND NOT EXISTS"
		"       (SELECT FROM pg_catalog.pg_depend AS d"
		"          JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid"
		"         WHERE d.classid = 'pg_catalog.pg_class'::regclass"
		"           AND d.objid = c.oid AND d.deptype = 'e'"
		"           AND d.refclassid = 'pg_catalog.pg_extension'::regclass"
		"           AND e.extname = 'migrate')"
	};
	HASHCTL		control = {
		.keysize = sizeof(Oid),
		.entrysize = sizeof(PreviewRelation),
		.hcxt = preview->context
	};
	PreviewRelation *relations;
	int			nrelations;
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, FirstNormalObjectId);
	relations = mig_spi_rows(&query, &args, MIG_SPI_CALLER,
							 MIG_SPI_READ_LATEST, sizeof(PreviewRelation),
							 read_relation, &nrelations);
	preview->relations = hash_create("migrate preview", Max(nrelations, 64),
									 &control,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < nrelations; i++)
	{
		PreviewRelation *relation = hash_search(preview->relations,
												&relations[i].oid, HASH_ENTER,
												NULL);

		*relation = relations[i];
	}
}

static void
read_relation(const MigSpiRow *row, void *result)
{
	PreviewRelation *relation = result;

	memset(relation, 0, sizeof(*relation));
	relation->oid = mig_spi_row_oid(row, 1);
	relation->qualified_name = mig_spi_row_text(row, 2);
	relation->name = mig_spi_row_text(row, 3);
	relation->kind = mig_spi_row_text(row, 4)[0];
	relation->file = mig_spi_row_text(row, 5);
}

static void
look(const MigRehearsedStatement *statement, bool begun, void *arg)
{
	Preview    *preview = arg;
	MemoryContext old_context = MemoryContextSwitchTo(preview->context);

	if (begun)
		begin_statement(preview, statement);
	else
		end_statement(preview, statement);
	MemoryContextSwitchTo(old_context);
}

static void
begin_statement(Preview *preview, const MigRehearsedStatement *statement)
{
	ListCell   *cell;

	if (statement->segment != preview->statement.segment)
		end_transaction(preview);
	/* The run has locked something of its own. */
	if (statement->number == 1)
	{
		foreach(cell, find_locked(preview, NULL))
		{
			PreviewRelation *relation = lfirst(cell);

			relation->file = relation->new_file;
			relation->mode = NoLock;
		}
	}
	preview->statement = *statement;
	preview->begun_ms = now_ms(preview);
}

/*
 * An index matters where its table is not locked as strongly.
 */
static void
end_statement(Preview *preview, const MigRehearsedStatement *statement)
{
	List	   *locked = find_locked(preview, statement);
	int			nrows = list_length(preview->rows);
	LOCKMODE	strongest = RowExclusiveLock;
	ListCell   *cell;

	foreach(cell, locked)
	{
		const PreviewRelation *relation = lfirst(cell);

		if (!is_index(relation))
			strongest = Max(strongest, relation->mode);
	}
	foreach(cell, locked)
	{
		PreviewRelation *relation = lfirst(cell);

		if (!is_index(relation) || relation->mode > strongest)
			add_statement(preview, statement, relation);
		relation->file = relation->new_file;
		relation->mode = NoLock;
	}
	if (list_length(preview->rows) == nrows)
		add_statement(preview, statement, NULL);
}

static bool
is_index(const PreviewRelation *relation)
{
	return relation->kind == KIND_INDEX ||
		relation->kind == KIND_PARTITIONED_INDEX;
}

/*
 * Whether its file is another one than before the statement.
 */
static bool
is_rewritten(const PreviewRelation *relation)
{
	return relation->file != NULL && relation->new_file != NULL &&
		strcmp(relation->file, relation->new_file) != 0;
}

/*
 * The relations that a statement has locked, with the strongest mode and the file
 * that they have now.
 */
static List *
find_locked(Preview *preview, const MigRehearsedStatement *statement)
{
	static MigSpiQuery query = {
		"SELECT l.relation, pg_catalog.array_position("
		"         ARRAY['AccessShareLock', 'RowShareLock', 'RowExclusiveLock',"
		"               'ShareUpdateExclusiveLock', 'ShareLock',"
		"               'ShareRowExclusiveLock', 'ExclusiveLock',"
		"               'AccessExclusiveLock'], l.mode),"
		"       pg_catalog.pg_relation_filenode(l.relation)::text"
		"  FROM pg_catalog.pg_locks AS l"
		" WHERE l.pid = pg_catalog.pg_backend_pid() AND l.granted"
		"   AND l.locktype = 'relation' AND l.relation >= $1"
		"   AND l.database = (SELECT oid FROM pg_catalog.pg_database"
		"                      WHERE datname = pg_catalog.current_database())"
		" ORDER BY 2 DESC, 1"
	};
	HeldLock   *held;
	int			nheld;
	List	   *locked = NIL;
	MigSpiArgs	args = {0};

	mig_spi_arg_oid(&args, FirstNormalObjectId);
	held = mig_spi_rows(&query, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST,
						sizeof(HeldLock), read_held, &nheld);
	for (int i = 0; statement != NULL && i < statement->nlocks; i++)
		locked = note_lock(locked,
						   find_relation(preview, statement->locks[i].relation),
						   statement->locks[i].mode);
	for (int i = 0; i < nheld; i++)
	{
		PreviewRelation *relation = find_relation(preview, held[i].relation);

		if (relation == NULL)
			continue;
		relation->new_file = held[i].file;
		if ((relation->held & LOCKBIT_ON(held[i].mode)) == 0 ||
			is_rewritten(relation))
			locked = note_lock(locked, relation, held[i].mode);
		relation->held |= LOCKBIT_ON(held[i].mode);
	}
	return locked;
}

static void
read_held(const MigSpiRow *row, void *result)
{
	HeldLock   *lock = result;

	lock->relation = mig_spi_row_oid(row, 1);
	lock->mode = mig_spi_row_int32(row, 2);
	lock->file = mig_spi_row_text(row, 3);
}

static PreviewRelation *
find_relation(const Preview *preview, Oid oid)
{
	return hash_search(preview->relations, &oid, HASH_FIND, NULL);
}

/*
 * Adds a relation to the list, unless it is in there.
 */
static List *
note_lock(List *locked, PreviewRelation *relation, LOCKMODE mode)
{
	if (relation == NULL)
		return locked;
	if (relation->mode == NoLock)
		locked = lappend(locked, relation);
	relation->mode = Max(relation->mode, mode);
	return locked;
}

static MigPreviewRow *
add_row(Preview *preview, const char *revision)
{
	MigPreviewRow *row = palloc0(sizeof(MigPreviewRow));

	row->step = preview->step;
	row->revision = revision;
	row->begun_ms = now_ms(preview);
	preview->rows = lappend(preview->rows, row);
	return row;
}

/*
 * relation: NULL, if the statement locks none.
 */
static void
add_statement(Preview *preview, const MigRehearsedStatement *statement,
			  const PreviewRelation *relation)
{
	MigPreviewRow *row = add_row(preview, statement->step->revision);

	row->begun_ms = preview->begun_ms;
	row->statement = statement->number;
	row->line = statement->line;
	row->tag = statement->tag;
	row->executed = statement->executed;
	row->rows = statement->rows;
	row->wal_bytes = statement->usage.wal.wal_bytes;
	row->wall_ms = statement->usage.wall_ms;
	if (relation != NULL)
		set_lock(row, relation, statement->plain);
	if (!statement->executed)
	{
		row->finding = "skipped";
		row->detail = mig_script_ends_transactions(statement->tag) ?
			"It may end transactions itself, and what it commits could not be taken back." :
			"It cannot run inside a transaction block, and has no form that can.";
	}
	else if (statement->plain)
	{
		row->finding = "plain form";
		row->detail = "It was executed without CONCURRENTLY; with it, no reader and no writer waits, and it takes longer.";
	}
	else if (row->rewritten)
	{
		row->finding = "rewritten";
		row->detail = "The file of the relation is written anew, under this lock.";
	}
}

/*
 * The concurrent form takes a weaker lock.
 */
static void
set_lock(MigPreviewRow *row, const PreviewRelation *relation, bool plain)
{
	LOCKMODE	mode = plain ? Min(relation->mode, ShareUpdateExclusiveLock) :
	relation->mode;

	row->relation = relation->qualified_name;
	row->name = relation->name;
	row->mode = GetLockmodeName(DEFAULT_LOCKMETHOD, mode);
	row->blocks = mode == AccessExclusiveLock ? "reads and writes" :
		mode >= ShareLock ? "writes" : "nothing";
	row->rewritten = !plain && is_rewritten(relation);
}

/*
 * What the step has locked was released when it failed.  at_limit: it has taken
 * longer than a preview lets it.
 */
static void
add_failure(Preview *preview, const char *revision, int statement,
			const ErrorData *error, bool at_limit)
{
	MigPreviewRow *row = add_row(preview, revision);
	const char *detail = error->detail;

	/* Not one that the revision sets. */
	if (at_limit)
		detail = psprintf("\"migrate.preview_timeout\" is %d ms.",
						  mig_guc_preview_timeout);
	if (statement > 0 && statement == preview->statement.number)
	{
		row->statement = statement;
		row->line = preview->statement.line;
		row->tag = preview->statement.tag;
		row->wall_ms = row->begun_ms - preview->begun_ms;
	}
	row->executed = true;
	row->finding = "failed";
	row->detail = psprintf("%s (SQLSTATE %s)%s%s", error->message,
						   unpack_sql_state(error->sqlerrcode),
						   detail == NULL ? "" : ": ",
						   detail == NULL ? "" : detail);
}

/*
 * A run stops before it; what follows is executed as if it were done.
 */
static void
add_external(Preview *preview, const char *revision, const char *external)
{
	MigPreviewRow *row = add_row(preview, revision);

	row->finding = "external";
	row->detail = psprintf("A run ends before it unless it is confirmed that this is done: %s",
						   external);
}

/*
 * A run that commits would release the locks now.
 */
static void
end_transaction(Preview *preview)
{
	double		now = now_ms(preview);

	for (; preview->nended < list_length(preview->rows); preview->nended++)
	{
		MigPreviewRow *row = list_nth(preview->rows, preview->nended);

		if (row->relation != NULL)
			row->held_ms = now - row->begun_ms;
	}
}

static double
now_ms(const Preview *preview)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, preview->epoch);
	return rint(INSTR_TIME_GET_MILLISEC(now) * 1000) / 1000;
}
