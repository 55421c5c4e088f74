/*
 * id.c
 *	  Revision ids for the versions of other tools, and how those compare.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "import/import_internal.h"

/* Characters of the hash that makes a shortened version unique. */
#define HASH_DIGITS		8

/*
 * The version itself, if it can be an id.  Characters with a meaning in targets
 * are replaced, and what is too long is cut, with a hash of all of it.
 */
char *
mig_import_make_id(const char *version)
{
	char	   *id = pstrdup(version);
	int			length;

	for (char *p = strpbrk(id, "@-+:"); p != NULL; p = strpbrk(p, "@-+:"))
		*p = '_';
	if (pg_mbstrlen(id) <= MIG_REVISION_WIDTH)
		return id;
	length = pg_mbcharcliplen(id, strlen(id),
							  MIG_REVISION_WIDTH - HASH_DIGITS - 1);
	return psprintf("%.*s_%.*s", length, id, HASH_DIGITS, mig_text_hash(version));
}

/*
 * Orders numbers of any length.
 */
int
mig_import_compare_numbers(const char *version, const char *other)
{
	int			difference;

	version += strspn(version, "0");
	other += strspn(other, "0");
	difference = (int) strlen(version) - (int) strlen(other);
	return difference != 0 ? difference : strcmp(version, other);
}
