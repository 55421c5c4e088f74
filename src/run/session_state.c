/*
 * session_state.c
 *	  What a body leaves in the session: temporary objects, prepared statements,
 *	  cursors.
 *
 * Neither a subtransaction nor a GUC nest level takes back cursors WITH HOLD
 * and prepared statements.  Those that this call has made are known by their
 * time: it is that of the client's statement.
 *
 * A body that is not one transaction may need in one segment what it has left in
 * the session in another one.  No other session has that.  What goes with the
 * transaction is refused, or said.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "base/compat.h"
#include "base/cursor.h"
#include "base/printable.h"
#include "base/server.h"
#include "base/spi.h"
#include "run/run_internal.h"

/*
 * What is in the session's temporary schema, and how one of it is known; what
 * belongs to a table or view depends on that.
 */
#define TEMPORARY_OBJECT		"(classid::text || ' ' || objid::text)"
#define TEMPORARY_OBJECTS \
	"pg_catalog.pg_depend" \
	" WHERE refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass" \
	"   AND refobjid = pg_catalog.pg_my_temp_schema()"

static void read_object(const MigSpiRow *row, void *result);
static void drop_tables(const MigTemporary *before);
static void close_cursors(void);

/*
 * Before a body that must not reach the role the session was opened as: notes
 * the session's temporary objects, in the current memory context.  A cursor has
 * the rows that this role could read, whatever the body may: it is refused.
 */
void
mig_session_state_note(MigTemporary *before)
{
	static MigSpiQuery query = {
		"SELECT " TEMPORARY_OBJECT " FROM " TEMPORARY_OBJECTS
	};
	const char *cursor = mig_cursor_find();

	if (cursor != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a migration body cannot run while cursor %s is open in a session of another role",
						quote_identifier(cursor)),
				 errdetail("The body could read it, or put another one in its place. A PL/pgSQL loop over a query has a cursor, too."),
				 errhint("Close it, as with CLOSE ALL, or open a session as role %s.",
						 mig_printable_quoted(GetUserNameFromId(GetUserId(), false)))));
	before->objects = mig_spi_list(&query, NULL, MIG_SPI_OWNER,
								   MIG_SPI_READ_LATEST, &before->nobjects);
}

/*
 * Before the first body of a run: raises an error if the session has a temporary
 * table, view or type of a role without the rights of this one, as that of the
 * caller of a SECURITY DEFINER function.  A body that sets search_path would find
 * it in the place of what it means, and its triggers or functions would run with
 * the rights of this role.
 */
void
mig_session_state_check_owners(void)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.replace("
		"         pg_catalog.pg_describe_object(t.classid, t.objid, 0),"
		"         pg_catalog.pg_my_temp_schema()::pg_catalog.regnamespace || '.', 'pg_temp.'),"
		"       pg_catalog.pg_get_userbyid(t.owner)"
		"  FROM (SELECT classid, objid,"
		"               COALESCE((SELECT relowner FROM pg_catalog.pg_class WHERE oid = objid"
		"                          AND classid = 'pg_catalog.pg_class'::pg_catalog.regclass),"
		"                        (SELECT typowner FROM pg_catalog.pg_type WHERE oid = objid"
		"                          AND classid = 'pg_catalog.pg_type'::pg_catalog.regclass)) AS owner"
		"          FROM " TEMPORARY_OBJECTS ") AS t"
		" WHERE t.owner <> $1 AND NOT " MIG_COMPAT_HAS_ROLE("t.owner", "$1")
		" LIMIT 1"
	};
	MigSpiArgs	args = {0};
	Oid			schema;
	Oid			toast_schema;
	char	   *found[2];

	GetTempNamespaceState(&schema, &toast_schema);
	if (!OidIsValid(schema))
		return;
	mig_spi_arg_oid(&args, GetUserId());
	if (!mig_spi_row(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
					 read_object, found))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("a migration body cannot run while the session has %s of role \"%s\"",
					found[0], found[1]),
			 errdetail("That role lacks the rights of role \"%s\", and the body could find it in the place of what it means.",
					   GetUserNameFromId(GetUserId(), false)),
			 errhint("Drop it before the call, as with DISCARD TEMP.")));
}

static void
read_object(const MigSpiRow *row, void *result)
{
	char	  **found = result;

	found[0] = mig_spi_row_text_not_null(row, 1);
	found[1] = mig_spi_row_text_not_null(row, 2);
}

/*
 * After it: drops its temporary tables, which may be ON COMMIT DROP, and raises
 * an error if it left something else that the session will run with that role.
 * A cursor runs its query when it is read, and one WITH HOLD when the transaction
 * commits; all of them are the body's.  A prepared statement may stand in for one
 * that the session had under the same name, and a temporary table, view or type
 * stands in front of what has its name in a schema; without before those are left
 * alone.
 */
void
mig_session_state_refuse(const MigTemporary *before)
{
	static MigSpiQuery temporary = {
		"SELECT pg_catalog.replace("
		"         pg_catalog.pg_describe_object(classid, objid, 0),"
		"         pg_catalog.pg_my_temp_schema()::pg_catalog.regnamespace || '.',"
		"         'pg_temp.')"
		"  FROM " TEMPORARY_OBJECTS
		"   AND NOT " TEMPORARY_OBJECT " = ANY ($1)"
		" LIMIT 1"
	};
	static MigSpiQuery statements = {
		"SELECT pg_catalog.format('prepared statement %I', name)"
		"  FROM pg_catalog.pg_prepared_statements"
		" WHERE from_sql"
		"   AND prepare_time >= pg_catalog.statement_timestamp()"
		" LIMIT 1"
	};
	MigSpiArgs	args = {0};
	const char *cursor = mig_cursor_find();
	char	   *leftover = NULL;

	if (cursor != NULL)
		leftover = psprintf("cursor %s", quote_identifier(cursor));
	if (leftover == NULL)
		leftover = mig_spi_first(&statements, NULL, MIG_SPI_CALLER, MIG_SPI_READ_LATEST);
	if (leftover == NULL && before != NULL)
	{
		if (mig_server()->rollback_undoes_ddl)
			drop_tables(before);
		mig_spi_arg_texts(&args, before->objects, before->nobjects);
		leftover = mig_spi_first(&temporary, &args, MIG_SPI_OWNER,
								 MIG_SPI_READ_LATEST);
	}
	if (leftover != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 mig_hook_is_called() ?
				 errmsg("a hook cannot leave %s in the session", leftover) :
				 errmsg("a migration body cannot leave %s in the session", leftover),
				 mig_hook_is_called() ?
				 errhint("Take it away at the end of the function, or open a session as role %s.",
						 mig_printable_quoted(GetUserNameFromId(GetUserId(), false))) :
				 errhint("Take it away at the end of the body, or open a session as role %s.",
						 mig_printable_quoted(GetUserNameFromId(GetUserId(), false)))));
}

static void
drop_tables(const MigTemporary *before)
{
	static MigSpiQuery query = {
		"SELECT 'DROP TABLE '"
		"       || pg_catalog.string_agg(pg_catalog.format('pg_temp.%I', c.relname), ', ')"
		"  FROM pg_catalog.pg_class AS c"
		" WHERE c.relkind IN ('r', 'p')"
		"   AND c.oid IN (SELECT objid FROM " TEMPORARY_OBJECTS
		"                    AND classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
		"                    AND NOT " TEMPORARY_OBJECT " = ANY ($1))"
	};
	MigSpiArgs	args = {0};
	char	   *statement;

	mig_spi_arg_texts(&args, before->objects, before->nobjects);
	statement = mig_spi_first(&query, &args, MIG_SPI_OWNER,
							  MIG_SPI_READ_LATEST);
	if (statement == NULL)
		return;
	SPI_connect();
	SPI_execute(statement, false, 0);
	SPI_finish();
}

/*
 * After a body of several transactions that failed: drops all of it.  Cursors
 * there were none before.
 */
void
mig_session_state_drop(const MigTemporary *before)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.format('DROP %s %s CASCADE', pg_catalog.upper(i.type), i.identity)"
		"  FROM (SELECT classid, objid FROM " TEMPORARY_OBJECTS
		"           AND NOT " TEMPORARY_OBJECT " = ANY ($1)) AS o,"
		"       LATERAL pg_catalog.pg_identify_object(o.classid, o.objid, 0) AS i"
		" LIMIT 1"
	};
	MigSpiArgs	args = {0};
	char	   *statement;

	close_cursors();
	mig_spi_arg_texts(&args, before->objects, before->nobjects);
	while ((statement = mig_spi_first(&query, &args, MIG_SPI_OWNER,
									  MIG_SPI_READ_LATEST)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		SPI_connect();
		SPI_execute(statement, false, 0);
		SPI_finish();
	}
}

static void
close_cursors(void)
{
	const char *cursor;

	while ((cursor = mig_cursor_find()) != NULL)
		SPI_cursor_close(SPI_cursor_find(cursor));
}

/*
 * After a failed attempt: takes away the prepared statements that it made, so
 * that the next one can make them again.
 */
void
mig_session_state_deallocate(void)
{
	static MigSpiQuery query = {
		"SELECT FROM pg_catalog.pg_prepared_statements"
		" WHERE from_sql AND name = $1"
	};
	ListCell   *cell;

	foreach(cell, mig_utility_hook_prepared())
	{
		const char *name = lfirst(cell);
		MigSpiArgs	args = {0};

		mig_spi_arg_text(&args, name);
		if (!mig_spi_exists(&query, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST))
			continue;
		SPI_connect();
		SPI_execute(psprintf("DEALLOCATE %s", quote_identifier(name)), false, 0);
		SPI_finish();
	}
}

/*
 * What a body could need that only this session has, but for what is known, in
 * the current memory context.  Locks are asked for where that is cheap.
 */
char	  **
mig_session_state_objects(char *const *known, int nknown, int *nobjects)
{
	static MigSpiQuery query = {
		"SELECT pg_catalog.concat('temporary ', i.type, ' ',"
		"         pg_catalog.regexp_replace(i.identity, '^pg_temp(_[0-9]+)?[.]', ''))"
		"  FROM (SELECT classid, objid FROM " TEMPORARY_OBJECTS ") AS o,"
		"       LATERAL pg_catalog.pg_identify_object(o.classid, o.objid, 0) AS i"
		" WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d"
		"                    WHERE d.classid = o.classid AND d.objid = o.objid"
		"                      AND d.deptype = 'i') "
		"UNION ALL "
		"SELECT pg_catalog.format('prepared statement %I', name)"
		"  FROM pg_catalog.pg_prepared_statements WHERE from_sql "
		"UNION ALL "
		"SELECT pg_catalog.format('cursor %I WITH HOLD', name)"
		"  FROM pg_catalog.pg_cursors WHERE is_holdable "
		"UNION ALL "
		"SELECT pg_catalog.format('LISTEN %I', c)"
		"  FROM pg_catalog.pg_listening_channels() AS c "
		"UNION ALL "
		"SELECT pg_catalog.format('%sadvisory lock %s',"
		"        CASE mode WHEN 'ShareLock' THEN 'shared ' END, CASE objsubid"
		"         WHEN 1 THEN ((classid::pg_catalog.int8 << 32)"
		"                      | objid::pg_catalog.int8)::pg_catalog.text"
		"         ELSE pg_catalog.format('(%s, %s)',"
		"               classid::pg_catalog.int8::pg_catalog.bit(32)::pg_catalog.int4,"
		"               objid::pg_catalog.int8::pg_catalog.bit(32)::pg_catalog.int4)"
		"         END)"
		"  FROM pg_catalog.pg_locks"
		" WHERE $1 AND locktype = 'advisory'"
		"   AND pid = pg_catalog.pg_backend_pid()"
		" ORDER BY 1"
	};
	MigSpiArgs	args = {0};
	int			nfound;
	char	  **found;

	mig_spi_arg_bool(&args, mig_server()->table_locks);
	found = mig_spi_list(&query, &args, MIG_SPI_CALLER, MIG_SPI_READ_LATEST,
						 &nfound);
	*nobjects = 0;
	for (int i = 0; i < nfound; i++)
	{
		if (!mig_text_in_list(known, nknown, found[i]))
			found[(*nobjects)++] = found[i];
	}
	return found;
}

/*
 * The session, as %c of log_line_prefix has it.
 */
char *
mig_session_state_id(void)
{
	return psprintf("%lx.%x", (long) MyStartTime, MyProcPid);
}

/*
 * A transaction is about to end before the statement with that index: refuses
 * what would go with it without an error, and says what cannot be refused.
 */
void
mig_session_state_end_segment(const MigBodyExec *body, int index)
{
	static MigSpiQuery query = {
		"SELECT relname FROM pg_catalog.pg_class"
		" WHERE relnamespace = pg_catalog.pg_my_temp_schema()"
		"   AND relname = ANY ($1) LIMIT 1"
	};
	const MigStatement *next = &body->script->statements[index];
	const List *names = mig_utility_hook_until_commit();
	char	  **elems = palloc(sizeof(char *) * Max(list_length(names), 1));
	char	   *table = NULL;
	int			n = 0;
	ListCell   *cell;
	MigSpiArgs	args = {0};

	foreach(cell, names)
		elems[n++] = lfirst(cell);
	mig_spi_arg_texts(&args, elems, n);
	if (n > 0)
		table = mig_spi_first(&query, &args, MIG_SPI_CALLER,
							  MIG_SPI_READ_LATEST);
	if (table != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("temporary table \"%s\" would not last to the end of the body",
						table),
				 errdetail("It was created with ON COMMIT DROP or DELETE ROWS, and the transaction ends before statement %d at line %d of the %s of revision \"%s\".",
						   index + 1, next->line, body->operation,
						   body->revision),
				 errhint("Create it without ON COMMIT, and drop it at the end of the body.")));
	if (mig_utility_hook_lock_tables() > 0)
		ereport(WARNING,
				(errmsg("the locks of LOCK TABLE end before statement %d at line %d of the %s of revision \"%s\"",
						index + 1, next->line, body->operation,
						body->revision),
				 errdetail("The body is not one transaction: it is committed there."),
				 errhint("Make a revision of its own of the statements that need the locks.")));
}
