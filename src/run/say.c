/*
 * say.c
 *	  Tells the user what a run does.
 *
 * A line for each step, so that who watches a long call sees how far it is.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "run/say.h"

static void append_ids(StringInfo buf, const char **ids, int nids);

/*
 * "upgrade 1975ea83b712 -> ae1027a6acf: add account"
 */
void
mig_run_say_step(const MigStepRun *run)
{
	const MigStep *step = run->step;
	const char *message = run->message;
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s ", run->body.operation);
	switch (step->command)
	{
		case MIG_COMMAND_UPGRADE:
			append_ids(&buf, step->parents, step->nparents);
			appendStringInfo(&buf, " -> %s", step->revision);
			break;
		case MIG_COMMAND_DOWNGRADE:
			appendStringInfo(&buf, "%s -> ", step->revision);
			append_ids(&buf, step->parents, step->nparents);
			break;
		case MIG_COMMAND_STAMP:
			{
				const char **from = palloc(sizeof(char *) *
										   (step->ndeletes + 1));
				int			nfrom = step->ndeletes;

				if (step->ndeletes > 0)
					memcpy(from, step->deletes,
						   sizeof(char *) * step->ndeletes);
				if (step->update_from != NULL)
					from[nfrom++] = step->update_from;
				append_ids(&buf, from, nfrom);
				appendStringInfo(&buf, " -> %s",
								 step->revision ? step->revision : "<base>");
				break;
			}
	}
	/* The first line only: more could look like messages of the server. */
	if (message != NULL)
		appendStringInfo(&buf, ": %.*s",
						 (int) strcspn(message, "\r\n"), message);
	ereport(NOTICE, (errmsg_internal("%s", buf.data)));
}

static void
append_ids(StringInfo buf, const char **ids, int nids)
{
	if (nids == 0)
		appendStringInfoString(buf, "<base>");
	for (int i = 0; i < nids; i++)
		appendStringInfo(buf, "%s%s", i > 0 ? ", " : "", ids[i]);
}
