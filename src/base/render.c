/*
 * render.c
 *	  Settings under which values and definitions are written as text.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "base/render.h"

/*
 * What is rendered now is compared with what another session renders, whose
 * settings may be others.  In force until the caller's nest level ends.
 */
void
mig_render_plainly(void)
{
	static const char *const settings[][2] =
	{
		{"array_nulls", "on"},
		{"bytea_output", "hex"},
		{"datestyle", "ISO, MDY"},
		{"extra_float_digits", "1"},
		{"intervalstyle", "postgres"},
		{"lc_monetary", "C"},
		{"quote_all_identifiers", "off"},
		{"standard_conforming_strings", "on"},
		{"timezone", "UTC"},
		{"xmlbinary", "base64"},
	};

	for (int i = 0; i < lengthof(settings); i++)
		/* These are valid: only memory can be missing. */
		if (set_config_option(settings[i][0], settings[i][1],
							  PGC_USERSET, PGC_S_SESSION,
							  GUC_ACTION_SAVE, true, DEBUG5, false) <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory")));
}
