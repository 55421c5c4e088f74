/*
 * probe.c
 *	  The look-ups of run/probe.c as SQL functions, so that tests can list
 *	  them.
 *
 * Only tests load this module.  It is linked with the very files that the
 * extension is built from.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "run/run_internal.h"
#include "base/spi.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(test_probe_before);
PG_FUNCTION_INFO_V1(test_probe_after);
PG_FUNCTION_INFO_V1(test_probe_repairs);

static void read_probe(FunctionCallInfo fcinfo, int arg, MigProbe *probe);

/*
 * test_probe_before(statement): what is noted, and at the end how it is now;
 * null if nothing is.
 */
Datum
test_probe_before(PG_FUNCTION_ARGS)
{
	MigProbe	probe;
	char	  **noted;

	mig_probe_before(text_to_cstring(PG_GETARG_TEXT_PP(0)), &probe);
	if (probe.nobject == 0)
		PG_RETURN_NULL();
	noted = palloc(sizeof(char *) * (probe.nobject + 1));
	memcpy(noted, probe.object, sizeof(char *) * probe.nobject);
	noted[probe.nobject] = probe.before;
	PG_RETURN_DATUM(mig_spi_array_datum(noted, probe.nobject + 1));
}

/*
 * test_probe_after(statement, noted): the verdict, in words.
 */
Datum
test_probe_after(PG_FUNCTION_ARGS)
{
	MigProbe	probe;
	const char *verdict = NULL;

	read_probe(fcinfo, 1, &probe);
	switch (mig_probe_after(text_to_cstring(PG_GETARG_TEXT_PP(0)), &probe))
	{
		case MIG_VERDICT_DONE:
			verdict = "done";
			break;
		case MIG_VERDICT_NOT_DONE:
			verdict = "not done";
			break;
		case MIG_VERDICT_REPEATABLE:
			verdict = "repeatable";
			break;
		case MIG_VERDICT_BROKEN:
			verdict = "broken";
			break;
		case MIG_VERDICT_OTHER:
			verdict = "another object";
			break;
		case MIG_VERDICT_UNKNOWN:
			verdict = "unknown";
			break;
	}
	if (verdict == NULL)
		elog(ERROR, "unexpected verdict");
	PG_RETURN_TEXT_P(cstring_to_text(verdict));
}

/*
 * test_probe_repairs(noted): the statements.
 */
Datum
test_probe_repairs(PG_FUNCTION_ARGS)
{
	MigProbe	probe;
	char	  **repairs;
	int			nrepairs;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	read_probe(fcinfo, 0, &probe);
	repairs = mig_probe_repairs(&probe, &nrepairs);
	PG_RETURN_DATUM(mig_spi_array_datum(repairs, nrepairs));
}

static void
read_probe(FunctionCallInfo fcinfo, int arg, MigProbe *probe)
{
	memset(probe, 0, sizeof(*probe));
	if (PG_ARGISNULL(arg))
		return;
	probe->object = mig_spi_array_elems(PG_GETARG_DATUM(arg), &probe->nobject);
	probe->before = probe->object[--probe->nobject];
}
