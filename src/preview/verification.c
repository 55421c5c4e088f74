/*
 * verification.c
 *	  What the verify bodies of the applied revisions say of the database now.
 *
 * One that fails does not stop the others.  It need not be wrong: a later revision
 * may have changed what it looks at, on purpose.  So it is told, and not judged.
 */
#include "postgres.h"

#include "graph/graph.h"
#include "preview/preview.h"
#include "run/run.h"
#include "tables/revision.h"
#include "tables/version.h"

static char **find_applied(MigVersion *version, const char *range, int *nids);

/*
 * A MigVerification for each applied revision of a range that has a verify body,
 * oldest first; NULL: of all.  In the current memory context.
 */
List *
mig_verification_run(const char *range)
{
	MigVersion *version = mig_version_open(MIG_SPI_READ_CALLER);
	int			nids;
	char	  **ids = find_applied(version, range, &nids);
	MigVerified *verified = mig_run_verify(version, ids, nids);
	List	   *result = NIL;

	for (int i = 0; i < nids; i++)
	{
		MigVerification *verification;

		if (!verified[i].done)
			continue;
		verification = palloc0(sizeof(MigVerification));
		verification->revision = ids[i];
		verification->result = verified[i].error == NULL ? "passed" :
			verified[i].refused ? "refused" : "failed";
		verification->statement = verified[i].statement;
		verification->line = verified[i].line;
		verification->query = verified[i].query;
		verification->wall_ms = verified[i].wall_ms;
		verification->error = verified[i].error;
		result = lappend(result, verification);
	}
	return result;
}

/*
 * In an order in which they could have been applied.
 */
static char **
find_applied(MigVersion *version, const char *range, int *nids)
{
	MigGraph   *graph = mig_revision_graph(MIG_SPI_READ_CALLER);
	int			nknown;
	bool	   *applied;
	MigRevList	revs;
	char	  **ids;

	mig_version_read(version, MIG_SPI_READ_CALLER);
	nknown = mig_graph_known_rows(graph, version->nrows, version->rows);
	applied = mig_graph_applied(graph, nknown, version->rows);
	revs = mig_history_list(graph, range, nknown, version->rows);
	ids = palloc(sizeof(char *) * Max(revs.n, 1));
	*nids = 0;
	for (int i = revs.n - 1; i >= 0; i--)
	{
		if (applied[revs.rev[i]])
			ids[(*nids)++] = unconstify(char *, mig_graph_id(graph, revs.rev[i]));
	}
	return ids;
}
