/*
 * probe.c
 *	  Tells whether a statement has taken effect, by what the catalogs say.
 *
 * Before a statement that no transaction can take back, what it is about is
 * looked up: the object under its full name, what the statement makes of it, and
 * whether it is there.  That is committed in migrate.partial.  If the outcome of
 * the statement is unknown, the same look-up tells.  What was not there and is
 * as the statement makes it counts as its effect.  What has not changed was not
 * done, or cannot be done twice: the statement is run again, and the server
 * decides.  Anything else was made by another session: the outcome is unknown.
 *
 * Names are resolved with the caller's search_path once, before; afterwards
 * the search_path may be another one.  Nothing that is noted may depend on the
 * settings of the session.
 *
 * probe_kind.c has the queries for each kind of object.
 *
 * What a live session works on is never repaired.  A concurrent build locks its
 * table for as long as it takes, so the lock tells.
 */
#include "postgres.h"

#include "catalog/objectaccess.h"
#include "catalog/pg_class_d.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "base/printable.h"
#include "base/render.h"
#include "base/server.h"
#include "base/spi.h"
#include "run/run_internal.h"

/* Of the repair that runs now: what it may drop. */
static const MigProbe *guarded = NULL;
static object_access_hook_type previous_access_hook = NULL;

static void note(MigProbeKind *kind, const MigEffect *effect,
				 const char *definition, MigProbe *probe);
static char *define_index(const MigEffect *effect, const char *statement);
static void locate_in_statement(void *arg);
static void refuse_invalid(const MigProbe *probe, const char *statement);
static char *look_up(MigProbeKind *kind, const MigProbe *probe);
static char *ask(MigSpiQuery *query, const MigProbe *probe);
static void read_busy(const MigSpiRow *row, void *result);
static void guard_drop(ObjectAccessType access, Oid class_id, Oid object_id,
					   int sub_id, void *arg);
static bool is_broken(const MigProbe *probe, Oid index);

/*
 * Notes what a statement is about and how it is now; to be called with the
 * search_path that the statement will have.  May raise what is wrong with the
 * statement.  While it is busy the statement must not be run: it would wait for
 * the other session with a snapshot that that one waits for.
 */
void
mig_probe_before(const char *statement, MigProbe *probe)
{
	MigEffect	effect;
	MigProbeKind *kind;
	char	   *definition = NULL;

	memset(probe, 0, sizeof(*probe));
	mig_statement_effect(statement, &effect);
	kind = mig_probe_kind_find(effect.kind);
	if (kind == NULL)
		return;
	if (effect.index != NULL)
		definition = define_index(&effect, statement);
	note(kind, &effect, definition, probe);
	if (probe->nobject == 0)
		return;

	probe->before = look_up(kind, probe);
	mig_probe_find_busy(probe);
	if (probe->busy == NULL && effect.kind == MIG_EFFECT_INDEX && effect.tolerant &&
		strcmp(probe->before, MIG_PROBE_ABSENT) != 0)
		refuse_invalid(probe, statement);
}

static void
note(MigProbeKind *kind, const MigEffect *effect, const char *definition,
	 MigProbe *probe)
{
	MigSpiArgs	args = {0};
	MigSpiScope scope;
	char	  **items = palloc(sizeof(char *) * (list_length(effect->items) + 1));
	int			nitems = 0;
	ListCell   *cell;

	foreach(cell, effect->items)
		items[nitems++] = lfirst(cell);
	mig_spi_arg_text(&args, kind->name);
	mig_spi_arg_text(&args, effect->schema);
	mig_spi_arg_text(&args, effect->name);
	mig_spi_arg_text(&args, effect->part);
	mig_spi_arg_text(&args, effect->part_schema);
	mig_spi_arg_bool(&args, effect->creates_name);
	mig_spi_arg_text(&args, definition != NULL ? definition : effect->wanted);
	mig_spi_arg_texts(&args, items, nitems);
	mig_spi_begin(&scope, MIG_SPI_CALLER_PATH);
	if (mig_spi_execute(&scope, &kind->identify, &args, MIG_SPI_READ_LATEST) > 0)
	{
		MigSpiRow	row = mig_spi_fetch(&scope, 0);

		probe->object = mig_spi_row_texts(&row, 1, &probe->nobject);
	}
	mig_spi_end(&scope);
}

/*
 * What the index is that the statement makes, or NULL: the server will say what
 * is wrong with it.
 */
static char *
define_index(const MigEffect *effect, const char *statement)
{
	static MigSpiQuery find_table = {
		"SELECT pg_catalog.to_regclass(pg_catalog.concat_ws('.',"
		"         pg_catalog.quote_ident($1), pg_catalog.quote_ident($2)))::pg_catalog.oid"
	};
	MigSpiArgs	args = {0};
	MigSpiScope scope;
	ErrorContextCallback callback;
	MigIndex   *index;
	Datum		table;
	char	   *definition;

	mig_spi_arg_text(&args, effect->schema);
	mig_spi_arg_text(&args, effect->name);
	if (!mig_spi_first_datum(&find_table, &args, MIG_SPI_CALLER_PATH,
							 MIG_SPI_READ_LATEST, OIDOID, &table))
		return NULL;
	callback.callback = locate_in_statement;
	callback.arg = unconstify(char *, statement);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	index = mig_index_analyze(effect->index, DatumGetObjectId(table), statement);
	error_context_stack = callback.previous;
	if (index == NULL)
		return NULL;
	mig_spi_begin(&scope, MIG_SPI_CALLER);
	mig_render_plainly();
	MemoryContextSwitchTo(scope.caller);
	definition = mig_index_definition(index);
	mig_spi_end(&scope);
	return definition;
}

/*
 * An error is one of the statement, at a position in it, or at its begin.
 */
static void
locate_in_statement(void *arg)
{
	int			position = geterrposition();

	errposition(0);
	internalerrposition(Max(position, 1));
	internalerrquery((const char *) arg);
}

/*
 * IF NOT EXISTS would be content with an index that was never finished.
 */
static void
refuse_invalid(const MigProbe *probe, const char *statement)
{
	static MigSpiQuery query = {
		"SELECT FROM pg_index AS i"
		" WHERE i.indexrelid = to_regclass(format('%I.%I', $1[2], $1[4]))"
		"   AND NOT (i.indisvalid AND i.indisready AND i.indislive)"
	};
	MigSpiArgs	args = {0};

	mig_spi_arg_texts(&args, probe->object, probe->nobject);
	if (mig_spi_exists(&query, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" exists, but is not valid",
						probe->object[3]),
				 errdetail("It was left by something other than this run, and IF NOT EXISTS would be content with it."),
				 errhint("To drop it: DROP INDEX CONCURRENTLY %s;",
						 quote_qualified_identifier(probe->object[1],
													probe->object[3])),
				 internalerrposition(1),
				 internalerrquery(statement)));
}

/*
 * The name of the index that a statement of a body makes, with its schema, if there
 * is one that is INVALID and no other session builds; or NULL.  With the search_path
 * that the statement has.
 */
char *
mig_probe_invalid_index(const MigBodyExec *body, int index)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.format('%I.%I', n.nspname, x.relname)"
		"  FROM pg_catalog.pg_class AS c"
		"  JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
		"  JOIN pg_catalog.pg_class AS x ON x.relnamespace OPERATOR(pg_catalog.=) n.oid"
		"  JOIN pg_catalog.pg_index AS i ON i.indexrelid OPERATOR(pg_catalog.=) x.oid"
		" WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)"
		"   AND x.relname OPERATOR(pg_catalog.=) $2::pg_catalog.name"
		"   AND i.indrelid OPERATOR(pg_catalog.=) c.oid"
		"   AND NOT (i.indisvalid AND i.indisready AND i.indislive)"
		"   AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks AS l"
		"        WHERE l.relation OPERATOR(pg_catalog.=) c.oid AND l.granted"
		"          AND l.locktype OPERATOR(pg_catalog.=) 'relation'"
		"          AND l.mode OPERATOR(pg_catalog.=) 'ShareUpdateExclusiveLock'"
		"          AND l.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid())"
	};
	const MigStatement *statement = &body->script->statements[index];
	MigEffect	effect;
	MigSpiArgs	args = {0};

	mig_statement_effect(pnstrdup(body->text + statement->location,
								  statement->length), &effect);
	if (effect.kind != MIG_EFFECT_INDEX)
		return NULL;
	mig_spi_arg_text(&args, quote_qualified_identifier(effect.schema, effect.name));
	mig_spi_arg_text(&args, effect.part);
	return mig_spi_first(&query, &args, MIG_SPI_CALLER_PATH, MIG_SPI_READ_LATEST);
}

/*
 * Whether the statement has taken effect since mig_probe_before().
 */
MigVerdict
mig_probe_after(const char *statement, const MigProbe *probe)
{
	MigEffect	effect;
	const char *now;

	mig_statement_effect(statement, &effect);
	if (effect.kind == MIG_EFFECT_UNKNOWN)
		return MIG_VERDICT_UNKNOWN;
	if (effect.kind == MIG_EFFECT_REPEATABLE)
		return MIG_VERDICT_REPEATABLE;
	if (probe->nobject == 0)
		return MIG_VERDICT_NOT_DONE;

	now = look_up(mig_probe_kind_noted(probe), probe);
	if (effect.kind == MIG_EFFECT_REINDEXED && strcmp(now, MIG_PROBE_ABSENT) == 0)
		return MIG_VERDICT_REPEATABLE;
	if (strcmp(now, probe->before) == 0)
		return MIG_VERDICT_NOT_DONE;
	if (strcmp(now, MIG_PROBE_OTHER) == 0)
		return MIG_VERDICT_OTHER;
	if (strcmp(now, MIG_PROBE_UNKNOWN) == 0)
		return MIG_VERDICT_UNKNOWN;
	if (strcmp(now, MIG_PROBE_INVALID) == 0)
		return MIG_VERDICT_BROKEN;
	return strcmp(now, effect.gone ? MIG_PROBE_ABSENT : MIG_PROBE_PRESENT) == 0 ?
		MIG_VERDICT_DONE : MIG_VERDICT_NOT_DONE;
}

/*
 * The statements that repair what is broken; none can run inside a transaction
 * block.
 */
char	  **
mig_probe_repairs(const MigProbe *probe, int *nrepairs)
{
	MigProbeKind *kind = mig_probe_kind_noted(probe);
	MigSpiArgs	args = {0};
	int			nest_level = NewGUCNestLevel();
	char	  **repairs;

	/* Of what can be INVALID. */
	Assert(kind->repairs.sql != NULL);
	mig_render_plainly();
	mig_spi_arg_texts(&args, probe->object, probe->nobject);
	repairs = mig_spi_list(&kind->repairs, &args, MIG_SPI_CALLER,
						   MIG_SPI_READ_LATEST, nrepairs);
	AtEOXact_GUC(false, nest_level);
	return repairs;
}

/*
 * Finds a live session that works on what the statement is about.
 */
void
mig_probe_find_busy(MigProbe *probe)
{
	MigProbeKind *kind;
	MigSpiArgs	args = {0};
	int			nest_level;

	probe->busy = NULL;
	if (probe->nobject == 0 || !mig_server()->table_locks)
		return;
	kind = mig_probe_kind_noted(probe);
	if (kind->busy.sql == NULL)
		return;
	nest_level = NewGUCNestLevel();
	mig_render_plainly();
	mig_spi_arg_texts(&args, probe->object, probe->nobject);
	(void) mig_spi_row(&kind->busy, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST,
					   read_busy, probe);
	AtEOXact_GUC(false, nest_level);
}

static void
read_busy(const MigSpiRow *row, void *result)
{
	MigProbe   *probe = result;

	probe->busy = mig_printable(mig_spi_row_text(row, 1));
	probe->busy_pid = mig_spi_row_int32(row, 2);
}

/*
 * Until it is called with NULL, nothing is dropped but what is broken.  The hook
 * stays: other modules may have put theirs in front of it.  A session that
 * repairs nothing has none, as it is called each time the server looks for a
 * schema or begins to execute a function.
 */
void
mig_probe_guard(const MigProbe *probe)
{
	static bool installed = false;

	if (!installed)
	{
		previous_access_hook = object_access_hook;
		object_access_hook = guard_drop;
		installed = true;
	}
	guarded = probe;
}

/*
 * Called when the locks for a DROP are held: since the repair was decided
 * another session may have put something else in the place of what was broken.
 */
static void
guard_drop(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id,
		   void *arg)
{
	if (previous_access_hook != NULL)
		previous_access_hook(access, class_id, object_id, sub_id, arg);
	if (guarded != NULL && access == OAT_DROP &&
		class_id == RelationRelationId && sub_id == 0)
	{
		if (!is_broken(guarded, object_id))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("index \"%s\" was changed by another session before it could be repaired",
							get_rel_name(object_id))));
	}
}

/*
 * Whether an index is what the statement of a partial revision whose outcome is
 * unknown has left: a run that resumes it drops the index.
 */
bool
mig_run_has_left(const MigPartial *partial, Oid index)
{
	MigProbe	probe = {.nobject = partial->nobject, .object = partial->object};

	return partial->unknown > 0 && probe.nobject > 0 && is_broken(&probe, index);
}

static bool
is_broken(const MigProbe *probe, Oid index)
{
	MigProbeKind *kind = mig_probe_kind_noted(probe);
	MigSpiArgs	args = {0};
	int			nest_level = NewGUCNestLevel();
	bool		broken;

	mig_render_plainly();
	mig_spi_arg_texts(&args, probe->object, probe->nobject);
	mig_spi_arg_oid(&args, index);
	broken = kind->broken.sql != NULL &&
		mig_spi_exists(&kind->broken, &args, MIG_SPI_CALLER,
					   MIG_SPI_READ_LATEST);
	AtEOXact_GUC(false, nest_level);
	return broken;
}

static char *
look_up(MigProbeKind *kind, const MigProbe *probe)
{
	return ask(&kind->state, probe);
}

static char *
ask(MigSpiQuery *query, const MigProbe *probe)
{
	MigSpiArgs	args = {0};
	int			nest_level = NewGUCNestLevel();
	char	   *answer;

	mig_render_plainly();
	mig_spi_arg_texts(&args, probe->object, probe->nobject);
	answer = mig_spi_first(query, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST);
	AtEOXact_GUC(false, nest_level);
	return answer;
}
