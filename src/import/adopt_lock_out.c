/*
 * adopt_lock_out.c
 *	  Locks the tool out whose version table was adopted.
 *
 * A trigger on that table raises an error when the tool is about to note what it
 * does.  It is made with the caller's rights, belongs to the table, and needs a
 * function of the extension: so DROP EXTENSION without CASCADE names it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/reltrigger.h"

#include "import/adopt_internal.h"

#define TRIGGER_NAME	"migrate_lock_out"

/* Of the trigger: the tool, and the table as it was named then. */
#define NARGS			2

/* Its pg_trigger.tgtype: a statement trigger, before each of the four events. */
#define TRIGGER_TYPE	"62"

static bool find_trigger(const MigVersion *table);

/*
 * Makes the trigger, unless it is there.
 */
void
mig_adopt_lock_out(const MigAdoptTool *tool, const MigVersion *table)
{
	static MigSpiQuery schema = {
		"SELECT pg_catalog.quote_ident(n.nspname)"
		"  FROM pg_catalog.pg_extension AS e"
		"  JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace"
		" WHERE e.extname = 'migrate'"
	};
	MigSpiQuery create = {0};
	MigSpiScope scope;

	if (find_trigger(table))
		return;
	create.sql = psprintf("CREATE TRIGGER " TRIGGER_NAME
						  " BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s"
						  " FOR EACH STATEMENT EXECUTE FUNCTION %s.migrate_locked_out(%s, %s)",
						  table->name,
						  mig_spi_first(&schema, NULL, MIG_SPI_OWNER,
										MIG_SPI_READ_LATEST),
						  quote_literal_cstr(tool->name),
						  quote_literal_cstr(table->name));
	mig_spi_begin(&scope, MIG_SPI_CALLER);
	mig_spi_execute(&scope, &create, NULL, MIG_SPI_WRITE);
	mig_spi_end(&scope);
	mig_spi_forget_plan(&create);
	if (!find_trigger(table))
		mig_version_refuse_replaced(table);
}

/*
 * Whether the trigger is there.  Raises an error if what has its name does not lock
 * the tool out, which would go on.
 */
static bool
find_trigger(const MigVersion *table)
{
	static MigSpiQuery query = {
		"SELECT t.tgenabled IN ('O', 'A') AND t.tgqual IS NULL AND t.tgattr = ''"
		"   AND t.tgtype = " TRIGGER_TYPE
		"   AND p.proname = 'migrate_locked_out' AND e.extname IS NOT NULL"
		"  FROM pg_catalog.pg_trigger AS t"
		"  JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid"
		"  LEFT JOIN pg_catalog.pg_extension AS e"
		"    ON e.extnamespace = p.pronamespace AND e.extname = 'migrate'"
		" WHERE t.tgrelid = $1 AND t.tgname = '" TRIGGER_NAME "'"
	};
	MigSpiArgs	args = {0};
	Datum		works;

	mig_spi_arg_oid(&args, table->relid);
	if (!mig_spi_first_datum(&query, &args, MIG_SPI_OWNER, MIG_SPI_READ_LATEST,
							 BOOLOID, &works))
		return false;
	if (!DatumGetBool(works))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("trigger \"%s\" of table \"%s\" does not refuse writes",
						TRIGGER_NAME, table->name),
				 errdetail("It is disabled, or was not made by migrate_adopt()."),
				 errhint("Call it again after DROP TRIGGER %s ON %s;",
						 TRIGGER_NAME, table->name)));
	return true;
}

/*
 * Raises the error of the trigger.
 */
void
mig_adopt_refuse_tool(const void *trigger_data)
{
	const TriggerData *data = trigger_data;
	const Trigger *trigger = data->tg_trigger;
	const char *tool = trigger->tgnargs == NARGS ? trigger->tgargs[0] : "the tool";
	const char *table = trigger->tgnargs == NARGS ? trigger->tgargs[1] : "...";

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s is locked out of this database", tool),
			 errdetail("Its version table was adopted: from then on revisions are run by the extension migrate."),
			 errhint("Register the new files and use CALL migrate_deploy(). To go on with %s: DROP TRIGGER %s ON %s;",
					 tool, trigger->tgname, table)));
}
