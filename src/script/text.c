/*
 * text.c
 *	  Compares and hashes the texts of which a definition consists.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/compat.h"
#include "script/script.h"

/*
 * Whether two texts are the same, or both are missing.
 */
bool
mig_text_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/*
 * The same texts in the same order.
 */
bool
mig_text_same_list(char *const *a, int na, char *const *b, int nb)
{
	if (na != nb)
		return false;
	for (int i = 0; i < na; i++)
	{
		if (strcmp(a[i], b[i]) != 0)
			return false;
	}
	return true;
}

bool
mig_text_in_list(char *const *texts, int n, const char *text)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(texts[i], text) == 0)
			return true;
	}
	return false;
}

/*
 * The same of a List of char *.
 */
bool
mig_text_is_listed(const List *texts, const char *text)
{
	ListCell   *cell;

	foreach(cell, texts)
	{
		if (strcmp(lfirst(cell), text) == 0)
			return true;
	}
	return false;
}

/*
 * SHA-256 of a text in the server encoding, in hexadecimal.
 */
char *
mig_text_hash(const char *text)
{
	Datum		hash = DirectFunctionCall1(sha256_bytea, CStringGetTextDatum(text));
	bytea	   *digest = DatumGetByteaPP(hash);
	int			length = VARSIZE_ANY_EXHDR(digest);
	char	   *digits = palloc0(2 * length + 1);

	hex_encode(VARDATA_ANY(digest), length, digits);
	return digits;
}
