/*
 * lint_finding.c
 *	  The findings of lint: noted, put in order, and said before a run.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/printable.h"
#include "preview/preview_internal.h"

/* With ids of 12 characters and names of rules of 17, a row has 80 columns. */
#define MESSAGE_WIDTH		25

/* A statement with more findings may have one twice. */
#define MAX_COMPARED		50

/* How many findings a run says one by one. */
#define MAX_SAID			20

static bool is_said(const MigLint *lint, const MigLintFinding *finding);
static int	compare(const ListCell *a, const ListCell *b);
static char *describe(const MigLintFinding *finding);

/*
 * Notes a finding.
 */
void
mig_lint_report(MigLint *lint, const MigLintPlace *place, MigLintRule rule,
				const MigLintRelation *relation, const char *const *names)
{
	const MigLintRuleInfo *info = mig_lint_rule(rule);
	MigLintFinding *finding;
	MemoryContext old_context;
	ListCell   *cell;

	if (place->number < lint->first)
		return;
	old_context = MemoryContextSwitchTo(lint->context);
	finding = palloc0(sizeof(MigLintFinding));
	finding->place = *place;
	finding->rule = rule;
	/* Names are the author's. */
	finding->message = mig_printable(psprintf(info->message, names[0], names[1],
											  names[2]));
	if (place->relation != NULL)
		finding->relation = place->relation;
	else if (relation != NULL)
		finding->relation = quote_qualified_identifier(relation->schema,
													   relation->name);
	foreach(cell, place->waivers)
	{
		const MigLintWaiver *waiver = lfirst(cell);

		if (waiver->rule == rule)
			finding->waived = waiver->reason;
	}
	if (!is_said(lint, finding))
		lint->findings = lappend(lint->findings, finding);
	MemoryContextSwitchTo(old_context);
}

/*
 * Whether the same is among the last findings.
 */
static bool
is_said(const MigLint *lint, const MigLintFinding *finding)
{
	int			n = list_length(lint->findings);

	for (int i = n - 1; i >= Max(n - MAX_COMPARED, 0); i--)
	{
		const MigLintFinding *other = list_nth(lint->findings, i);

		if (other->place.number == finding->place.number &&
			other->place.statement == finding->place.statement &&
			other->rule == finding->rule &&
			strcmp(other->message, finding->message) == 0)
			return true;
	}
	return false;
}

/*
 * What may be a finding, unless a later statement makes it right; list: of the
 * transaction, the revision or all.
 */
MigLintPending *
mig_lint_postpone(MigLint *lint, List **list, MigLintRule rule,
				  MigLintRelation *relation)
{
	MemoryContext old_context = MemoryContextSwitchTo(lint->context);
	MigLintPending *pending = palloc0(sizeof(MigLintPending));

	pending->place = lint->place;
	pending->rule = rule;
	pending->relation = relation;
	if (relation != NULL)
		pending->place.relation = quote_qualified_identifier(relation->schema,
															 relation->name);
	*list = lappend(*list, pending);
	MemoryContextSwitchTo(old_context);
	return pending;
}

/*
 * Puts the findings in the order of the run.
 */
void
mig_lint_sort(MigLint *lint)
{
	list_sort(lint->findings, compare);
}

/*
 * What is about a revision comes before its statements.
 */
static int
compare(const ListCell *a, const ListCell *b)
{
	const MigLintFinding *left = lfirst(a);
	const MigLintFinding *right = lfirst(b);

	if (left->place.number != right->place.number)
		return left->place.number - right->place.number;
	if (left->place.in_verify != right->place.in_verify)
		return left->place.in_verify ? 1 : -1;
	if (left->place.statement != right->place.statement)
		return left->place.statement - right->place.statement;
	return left->rule != right->rule ? (int) left->rule - (int) right->rule :
		strcmp(left->message, right->message);
}

/*
 * Those that a run says.
 */
List *
mig_lint_counting(const List *findings)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, findings)
	{
		const MigLintFinding *finding = lfirst(cell);

		if (finding->waived == NULL &&
			mig_lint_rule(finding->rule)->severity != MIG_LINT_NOTICE)
			result = lappend(result, lfirst(cell));
	}
	return result;
}

void
mig_lint_warn(const List *findings)
{
	for (int i = 0; i < Min(list_length(findings), MAX_SAID); i++)
	{
		const MigLintFinding *finding = list_nth(findings, i);

		ereport(WARNING,
				(errmsg_internal("%s", describe(finding)),
				 errhint("%s", mig_lint_rule(finding->rule)->instead)));
	}
	if (list_length(findings) > MAX_SAID)
		ereport(WARNING,
				(errmsg("lint has %d more findings",
						list_length(findings) - MAX_SAID),
				 errhint("migrate_lint_details() shows all.")));
}

void
mig_lint_refuse(const List *findings)
{
	StringInfoData detail;

	initStringInfo(&detail);
	for (int i = 0; i < Min(list_length(findings), MAX_SAID); i++)
		appendStringInfo(&detail, "%s%s", i > 0 ? "\n" : "",
						 describe(list_nth(findings, i)));
	if (list_length(findings) > MAX_SAID)
		appendStringInfo(&detail, _("\nand %d more"),
						 list_length(findings) - MAX_SAID);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg_plural("lint has %d finding, and migrate.lint is \"error\"",
						   "lint has %d findings, and migrate.lint is \"error\"",
						   list_length(findings), list_length(findings)),
			 errdetail_internal("%s", detail.data),
			 errhint("Nothing was run. migrate_lint_details() says what to write instead. A revision can waive a rule: -- allow: rule (reason).")));
}

static char *
describe(const MigLintFinding *finding)
{
	return psprintf(_("revision \"%s\", line %d: %s (%s)"),
					finding->place.revision, Max(finding->place.line, 1),
					finding->message, mig_lint_rule(finding->rule)->name);
}

/*
 * The message in lines that people can read beside the other columns.
 */
char *
mig_lint_wrapped(const MigLintFinding *finding)
{
	StringInfoData buf;

	initStringInfo(&buf);
	mig_printable_wrap(&buf, finding->message, MESSAGE_WIDTH);
	return buf.data;
}
