/*
 * lint.c
 *	  migrate_lint(): looks through the statements of a plan for what would stop
 *	  or break the application.
 *
 * Runs nothing.  It walks through the steps in the order of the run, and through
 * the statements of each: first the rules look at a statement, a file of
 * lint_*.c for each area, then lint_apply.c notes what the statement changes.
 * A range is walked from its base, so that what its earlier revisions make is
 * known; only findings in the range are kept.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "base/command.h"
#include "base/guc.h"
#include "base/setting_list.h"
#include "preview/preview_internal.h"
#include "run/run.h"
#include "tables/partial.h"
#include "tables/repeatable.h"
#include "tables/version.h"

static MigLint *begin(MigSpiAccess access, MigCommand command);
static void walk_plan(MigLint *lint, const char *target);
static void walk_range(MigLint *lint, const char *range);
static void find_rows(const MigGraph *graph, const char *target, MigLint *lint,
					  int *nrows, char ***rows);
static void walk_steps(MigLint *lint, const MigPlan *plan);
static int	be_quiet(void);
static void walk_revision(MigLint *lint, MigCommand command,
						  const char *revision);
static void read_repeatable(const char *name, MigRevisionTexts *texts);
static void walk_body(MigLint *lint, const char *body, bool per_statement,
					  const char *verify);
static List *statement_trees(const char *body, bool per_statement);
static void begin_revision(MigLint *lint, MigCommand command,
						   const MigRevisionTexts *texts);
static void apply_settings(MigLint *lint, const char *settings);
static void end_revision(MigLint *lint, const MigRevisionTexts *texts);
static void walk_statement(MigLint *lint, Node *node);
static void walk_alter_table(MigLint *lint, const AlterTableStmt *alter);
static void end_transaction(MigLint *lint);

/*
 * The findings of what a command would run, of MigLintFinding, in the current
 * memory context; or of a range a:b.  separately: each revision is looked at as
 * if those before it had been run long ago.
 */
List *
mig_lint(const char *target, const char *command, bool separately)
{
	MigLint    *lint = begin(MIG_SPI_READ_CALLER,
							 mig_command_with_bodies(command));

	lint->separately = separately;
	if (strchr(target, ':') != NULL)
		walk_range(lint, target);
	else
		walk_plan(lint, target);
	return lint->findings;
}

/*
 * Says what lint finds in the plan of a run, or raises an error for it, as
 * migrate.lint says.  resumes: the first step is begun already.
 */
void
mig_lint_before_run(const MigPlan *plan, bool resumes)
{
	MemoryContext context;
	MemoryContext old_context;
	MigLint    *lint;
	List	   *findings;

	/* Also where it says off: by whom? */
	mig_guc_check_setter("migrate.lint");
	if (mig_guc_lint == MIG_LINT_MODE_OFF)
		return;
	mig_guc_check_setter("migrate.lint_small_table");
	context = AllocSetContextCreate(CurrentMemoryContext, "migrate lint",
									ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(context);
	lint = begin(MIG_SPI_READ_LATEST, plan->command);
	lint->live = true;
	lint->unknown_is_new = true;
	lint->first = resumes ? 1 : 0;
	walk_steps(lint, plan);
	findings = mig_lint_counting(lint->findings);
	if (findings != NIL && mig_guc_lint == MIG_LINT_MODE_ERROR)
		mig_lint_refuse(findings);
	mig_lint_warn(findings);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

static MigLint *
begin(MigSpiAccess access, MigCommand command)
{
	MigLint    *lint = palloc0(sizeof(MigLint));
	long		offset;
	HASHCTL		info = {
		.keysize = 2 * sizeof(NameData),
		.entrysize = 2 * sizeof(NameData) + sizeof(MigLintRelation *),
		.hcxt = CurrentMemoryContext
	};

	lint->context = CurrentMemoryContext;
	lint->access = access;
	lint->command = command;
	lint->server = mig_server();
	lint->relations = hash_create("migrate lint relations", 256, &info,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	lint->session_path = lcons("pg_temp", mig_lint_catalog_path(lint));
	lint->session_is_utc = pg_get_timezone_offset(session_timezone, &offset) &&
		offset == 0;
	return lint;
}

/*
 * What the command would run here.
 */
static void
walk_plan(MigLint *lint, const char *target)
{
	MigVersion *version = mig_version_open(lint->access);
	char	   *targets[1];
	MigPartial *partial;

	targets[0] = unconstify(char *, target);
	mig_version_read(version, lint->access);
	partial = mig_partial_find(version, lint->access);
	lint->live = true;
	lint->unknown_is_new = !lint->separately;
	walk_steps(lint, mig_run_plan(version, lint->command, 1, targets, false,
								  partial == NULL ? NULL : partial->revision,
								  lint->access));
}

/*
 * From one revision to another, wherever this database is, as Alembic's --sql.
 */
static void
walk_range(MigLint *lint, const char *range)
{
	MigGraph   *graph = mig_revision_graph(lint->access);
	const char *colon = strchr(range, ':');
	char	   *from = pnstrdup(range, colon - range);
	char	   *to = pstrdup(colon + 1);
	char	   *heads = "heads";
	MigPlanRequest request = {.command = lint->command, .ntargets = 1};
	MigPlanRequest before = {
		.command = MIG_COMMAND_UPGRADE, .ntargets = 1, .targets = &heads
	};
	MigPlan    *plan;
	bool	   *applied;
	int			nest_level;

	if (strchr(to, ':') != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("range \"%s\" has more than two ends", range)));
	if (to[0] == '\0')
		to = lint->command == MIG_COMMAND_UPGRADE ? heads : "base";
	request.targets = &to;
	find_rows(graph, from, lint, &request.nrows, &request.rows);
	lint->unknown_is_new = !lint->separately && request.nrows == 0;

	/* What is there before. */
	if (request.nrows > 0)
	{
		applied = mig_graph_applied(graph, request.nrows, request.rows);
		plan = mig_plan_build(graph, &before);
		lint->first = PG_INT32_MAX;
		nest_level = be_quiet();
		for (int i = 0; i < plan->nsteps; i++)
		{
			if (applied[mig_graph_find(graph, plan->steps[i].revision)])
				walk_revision(lint, MIG_COMMAND_UPGRADE, plan->steps[i].revision);
		}
		AtEOXact_GUC(false, nest_level);
		lint->first = lint->number;
	}
	walk_steps(lint, mig_plan_build(graph, &request));
}

/*
 * The rows that a database would have that is where a range begins.
 */
static void
find_rows(const MigGraph *graph, const char *target, MigLint *lint, int *nrows,
		  char ***rows)
{
	char	   *targets[1];
	MigRevList	revs;

	*nrows = 0;
	*rows = NULL;
	targets[0] = unconstify(char *, target);
	if (strcmp(target, "current") == 0)
	{
		MigVersion *version = mig_version_open(lint->access);

		mig_version_read(version, lint->access);
		revs = mig_graph_current(graph, mig_graph_known_rows(graph, version->nrows,
															 version->rows),
								 version->rows);
	}
	else if (target[0] == '\0' && lint->command == MIG_COMMAND_DOWNGRADE)
		revs = mig_graph_heads(graph, true);
	else if (target[0] == '\0' || strcmp(target, "base") == 0)
		return;
	else
		revs = mig_target_resolve_list(graph, 1, targets);
	*rows = palloc(sizeof(char *) * Max(revs.n, 1));
	for (int i = 0; i < revs.n; i++)
		(*rows)[(*nrows)++] = unconstify(char *, mig_graph_id(graph, revs.rev[i]));
}

/*
 * Walks through the steps; the findings are complete then, in order.
 */
static void
walk_steps(MigLint *lint, const MigPlan *plan)
{
	int			nest_level = be_quiet();

	for (int i = 0; i < plan->nsteps; i++)
		walk_revision(lint, plan->steps[i].command, plan->steps[i].revision);
	mig_lint_constraint_end(lint);
	mig_lint_design_end(lint);
	mig_lint_sort(lint);
	AtEOXact_GUC(false, nest_level);
}

/*
 * What the parser remarks of a body, as that a name is too long, it has said
 * when the body was registered.  Until the GUC nest level ends that it returns.
 */
static int
be_quiet(void)
{
	int			nest_level = NewGUCNestLevel();

	(void) set_config_option("client_min_messages", "error", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("log_min_messages", "error", PGC_SUSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest_level;
}

/*
 * The parse trees of a body are kept no longer than for that.
 */
static void
walk_revision(MigLint *lint, MigCommand command, const char *revision)
{
	MemoryContext context = AllocSetContextCreate(lint->context,
												  "migrate lint revision",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	MigRevisionTexts texts;
	const char *body;
	const char *external;
	bool		down = command == MIG_COMMAND_DOWNGRADE;

	CHECK_FOR_INTERRUPTS();
	if (command == MIG_COMMAND_REPEAT)
		read_repeatable(revision, &texts);
	else
		mig_revision_texts(revision, lint->access, &texts);
	body = down ? texts.downgrade : texts.upgrade;
	begin_revision(lint, command, &texts);
	external = down ? texts.downgrade_external : texts.external;
	if (external != NULL)
		mig_lint_add(lint, MIG_RULE_EXTERNAL_STEP, NULL, external);
	if (body != NULL)
	{
		walk_body(lint, body, down ? texts.downgrade_per_statement :
				  texts.upgrade_per_statement, down ? NULL : texts.verify);
		end_revision(lint, &texts);
	}
	lint->number++;
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

/*
 * One that was removed meanwhile has nothing to look at.
 */
static void
read_repeatable(const char *name, MigRevisionTexts *texts)
{
	MigRepeatable repeatable;

	memset(texts, 0, sizeof(*texts));
	texts->id = name;
	texts->upgrade = pstrdup("");
	if (!mig_repeatable_find(NULL, name, MIG_SPI_READ_LATEST, &repeatable))
		return;
	texts->upgrade = repeatable.body;
	texts->allow = repeatable.allow;
}

static void
begin_revision(MigLint *lint, MigCommand command, const MigRevisionTexts *texts)
{
	MemoryContext old_context = MemoryContextSwitchTo(lint->context);

	memset(&lint->place, 0, sizeof(lint->place));
	lint->place.revision = pstrdup(texts->id);
	lint->place.operation = command;
	lint->place.number = lint->number;
	lint->place.waivers = mig_lint_waivers(texts->allow);
	lint->of_revision = NIL;
	lint->path = lint->session_path;
	lint->is_utc = lint->session_is_utc;
	apply_settings(lint, mig_guc_transaction_settings);
	apply_settings(lint, texts->settings);
	MemoryContextSwitchTo(old_context);
}

/*
 * Those of a list that lint knows.
 */
static void
apply_settings(MigLint *lint, const char *settings)
{
	const char *problem;
	ListCell   *cell;
	List	   *names;

	if (settings == NULL)
		return;
	foreach(cell, mig_setting_list_parse(settings, &problem))
	{
		const MigListSetting *setting = lfirst(cell);

		if (pg_strcasecmp(setting->name, "search_path") == 0 &&
			SplitIdentifierString(pstrdup(setting->value), ',', &names))
			mig_lint_set_path(lint, names);
		else if (pg_strcasecmp(setting->name, "timezone") == 0)
			lint->is_utc = mig_lint_is_utc((Node *) makeString(setting->value));
	}
}

/*
 * The schemas in which names are looked up from here on; of char *.
 */
void
mig_lint_set_path(MigLint *lint, List *names)
{
	ListCell   *cell;

	lint->path = list_make1("pg_temp");
	foreach(cell, names)
	{
		const char *name = lfirst(cell);

		if (strcmp(name, "$user") == 0)
			name = GetUserNameFromId(GetUserId(), false);
		lint->path = lappend(lint->path, pstrdup(name));
	}
}

/*
 * Whether a value of TimeZone surely is UTC.
 */
bool
mig_lint_is_utc(Node *value)
{
	const char *zone = NULL;

	if (IsA(value, String))
		zone = strVal(value);
	else if (IsA(value, A_Const) && IsA(&((A_Const *) value)->val, String))
		zone = strVal(&((A_Const *) value)->val);
	return zone != NULL &&
		(pg_strcasecmp(zone, "utc") == 0 || pg_strcasecmp(zone, "gmt") == 0 ||
		 pg_strcasecmp(zone, "etc/utc") == 0);
}

/*
 * verify: the body that looks at what this one has done, or NULL.
 */
static void
walk_body(MigLint *lint, const char *body, bool per_statement,
		  const char *verify)
{
	MigScript  *script = mig_script_split_text(body, per_statement);
	int			next = 0;
	MigSegment	segment;

	if (!lint->server->rollback_undoes_ddl)
		mig_script_commit_each(script);
	lint->text = body;
	lint->script = script;
	lint->trees = statement_trees(body, per_statement);
	while (next < script->nstatements)
	{
		mig_script_segment(script, next, &segment);
		lint->transaction++;
		for (; next < segment.first + segment.nstatements; next++)
		{
			const MigStatement *statement = &script->statements[next];

			lint->statement = statement;
			lint->place.statement = next + 1;
			lint->place.line = statement->line;
			lint->place.query = lint->number < lint->first ? NULL :
				MemoryContextStrdup(lint->context,
									pnstrdup(body + statement->location,
											 statement->length));
			walk_statement(lint, list_nth_node(RawStmt, lint->trees, next)->stmt);
		}
		if (verify != NULL && next == script->nstatements &&
			segment.kind == MIG_STATEMENT_ORDINARY)
		{
			mig_lint_verify(lint, verify);
			verify = NULL;
		}
		end_transaction(lint);
	}
	if (verify != NULL)
		mig_lint_verify(lint, verify);
}

/*
 * The parse trees of the statements of a body.  Where each is a transaction, a
 * BEGIN or COMMIT is none of them.
 */
static List *
statement_trees(const char *body, bool per_statement)
{
	List	   *parsed = mig_script_parse(body);
	List	   *trees = NIL;
	ListCell   *cell;

	if (!per_statement)
		return parsed;
	foreach(cell, parsed)
	{
		if (!IsA(lfirst_node(RawStmt, cell)->stmt, TransactionStmt))
			trees = lappend(trees, lfirst(cell));
	}
	return trees;
}

static void
walk_statement(MigLint *lint, Node *node)
{
	lint->tree = node;
	mig_lint_server_statement(lint, node);
	mig_lint_drop_statement(lint, node);
	mig_lint_constraint_statement(lint, node);
	mig_lint_storage_statement(lint, node);
	mig_lint_data_statement(lint, node);
	mig_lint_design_statement(lint, node);
	mig_lint_rights_statement(lint, node);
	if (IsA(node, AlterTableStmt))
		walk_alter_table(lint, (AlterTableStmt *) node);
	else
		mig_lint_apply(lint, node);
}

/*
 * A subcommand finds what those before it have made.
 */
static void
walk_alter_table(MigLint *lint, const AlterTableStmt *alter)
{
	MigLintRelation *relation;
	ListCell   *cell;

	if (alter->objtype != OBJECT_TABLE && alter->objtype != OBJECT_FOREIGN_TABLE &&
		alter->objtype != OBJECT_MATVIEW)
		return;
	relation = mig_lint_range(lint, alter->relation);
	foreach(cell, alter->cmds)
	{
		const AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		mig_lint_column_command(lint, relation, command);
		mig_lint_constraint_command(lint, relation, command);
		mig_lint_storage_command(lint, relation, command);
		mig_lint_drop_command(lint, relation, command);
		mig_lint_design_command(lint, relation, command);
		mig_lint_apply_command(lint, relation, command);
	}
}

static void
end_transaction(MigLint *lint)
{
	mig_lint_drop_end_transaction(lint);
	mig_lint_constraint_end_transaction(lint);
	mig_lint_data_end_transaction(lint);
	lint->of_transaction = NIL;
	lint->locked = NIL;
	lint->said_locks = false;
	lint->altered = NULL;
}

static void
end_revision(MigLint *lint, const MigRevisionTexts *texts)
{
	mig_lint_drop_end_revision(lint);
	mig_lint_rights_end_revision(lint);
	lint->place.statement = 0;
	lint->place.line = 0;
	lint->place.query = NULL;
	mig_lint_server_revision(lint);
	if (lint->place.operation == MIG_COMMAND_UPGRADE)
		mig_lint_revision(lint, texts);
}
