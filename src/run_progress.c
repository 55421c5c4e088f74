/*
 * run_progress.c
 *	  Where a run is, for other sessions.
 *
 * A worker has no query of a client, so pg_stat_activity shows what it does.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "pgstat.h"
#include "utils/backend_status.h"

#include "run_progress.h"

/* What pg_stat_activity says in front; NULL: it shows the client's query. */
static const char *activity_label = NULL;

/*
 * From now on pg_stat_activity shows what this process does.  The label must
 * live as long as the process.
 */
void
mig_run_progress_label(const char *label, const char *activity)
{
	activity_label = label;
	pgstat_report_activity(STATE_RUNNING,
						   psprintf("%s: %s", label, activity));
}

/*
 * A statement begins:
 * "migrate job 12: upgrade ae1027a6 [3/7] CREATE INDEX ..."
 */
void
mig_run_progress_statement(const MigBodyRun *body, const char *text)
{
	StringInfoData buf;

	if (activity_label == NULL)
		return;
	initStringInfo(&buf);
	appendStringInfo(&buf, "%s: %s %s [%d/%d] ", activity_label,
					 body->operation, body->revision, body->statement,
					 body->script->nstatements);
	/* The server cuts it, too; a body may be megabytes. */
	appendBinaryStringInfo(&buf, text,
						   Min((int) strlen(text),
							   pgstat_track_activity_query_size));
	pgstat_report_activity(STATE_RUNNING, buf.data);
	pfree(buf.data);
}
