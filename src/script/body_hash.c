/*
 * body_hash.c
 *	  Hashes the tokens of a body, which identifies it.
 *
 * Hashes are stored, dumped and restored, so they must come out the same on
 * every server version, and must never change in this file.  What is hashed
 * is therefore the text of each token and not the server's number for it:
 *
 * - a keyword or an identifier without quotes in lower case (ASCII letters
 *	 only, so that no locale takes part);
 * - a literal of several pieces, 'a' <line end> 'b', with one line feed
 *	 between the pieces, whatever the text has there;
 * - anything else as it is written;
 * - no semicolon that ends nothing, or ends the last statement;
 * - a line end as a line feed, whatever system has written the file, and in
 *	 UTF-8, whatever the server encoding is.  (Not so under SQL_ASCII, where
 *	 it is not known what the bytes mean.)
 *
 * After each token comes a zero byte, which no token can contain.
 */
#include "postgres.h"

#include <ctype.h>

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "script/script_internal.h"

/* Tokens are collected up to about this size before they are hashed. */
#define HASH_CHUNK_SIZE		8192

static void append_token(StringInfo chunk, const char *body,
						 const MigScriptScan *scan);
static void make_uniform(StringInfo chunk, int start);
static void append_lower_case(StringInfo chunk, const char *text, int length);
static void append_pieces(StringInfo chunk, const char *text, int length,
						  int quote);
static int	first_quote(const char *text);
static void hash_chunk(pg_cryptohash_ctx *hash, StringInfo chunk);

/*
 * Hash a body into result, MIG_BODY_HASH_SIZE bytes with the terminating
 * zero.  Raises 42601 if the body contains a literal or comment that does not
 * end, which cannot be if it could be split; 53200 if the library that hashes
 * has no memory, the only thing that can keep it from SHA-256.
 */
void
mig_body_hash(const char *body, char *result)
{
	MigScriptSource source = {.body = body};
	MigScriptScan scan;
	StringInfoData chunk;
	pg_cryptohash_ctx *hash;
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	bool		any = false;
	bool		semicolon = false;

	StaticAssertStmt(MIG_BODY_HASH_SIZE == PG_SHA256_DIGEST_STRING_LENGTH,
					 "a hash has a fixed size");

	initStringInfo(&chunk);
	hash = pg_cryptohash_create(PG_SHA256);
	if (hash == NULL || pg_cryptohash_init(hash) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not initialize SHA-256 context: %s",
						hash == NULL ? _("out of memory") :
						pg_cryptohash_error(hash))));

	mig_script_scan_begin(&scan, &source);
	while (mig_script_scan_next(&scan))
	{
		if (strcmp(scan.text, ";") == 0)
		{
			semicolon = any;
			continue;
		}
		if (semicolon)
			appendBinaryStringInfo(&chunk, ";", 2);
		semicolon = false;
		any = true;
		append_token(&chunk, body, &scan);
		if (chunk.len >= HASH_CHUNK_SIZE)
			hash_chunk(hash, &chunk);
	}
	mig_script_scan_end(&scan);
	hash_chunk(hash, &chunk);

	if (pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not finalize SHA-256 context: %s",
			 pg_cryptohash_error(hash));
	pg_cryptohash_free(hash);
	pfree(chunk.data);

	hex_encode((const char *) digest, sizeof(digest), result);
	result[MIG_BODY_HASH_SIZE - 1] = '\0';
}

/*
 * Append what is hashed of the current token of the scan.
 */
static void
append_token(StringInfo chunk, const char *body, const MigScriptScan *scan)
{
	const char *text = scan->text;
	int			length = scan->length;
	unsigned char first = text[0];
	char		last = text[length - 1];
	int			quote = first_quote(text);
	int			start = chunk->len;

	/*
	 * N'text' comes as two tokens.  Its N must not be taken for a type name
	 * before a literal.
	 */
	if (length == 1 && (first == 'n' || first == 'N') &&
		body[scan->location + 1] == '\'')
		appendBinaryStringInfo(chunk, "n'", 2);
	else if (quote >= 0 && text[quote] == '\'')
		append_pieces(chunk, text, length, quote);
	else if ((isalpha(first) || first == '_' || IS_HIGHBIT_SET(first)) &&
			 last != '"')
		append_lower_case(chunk, text, length);
	else
		appendBinaryStringInfo(chunk, text, length);

	make_uniform(chunk, start);
	appendStringInfoChar(chunk, '\0');
}

/*
 * Gives what was appended from start on the line ends and the encoding of a
 * hash.
 */
static void
make_uniform(StringInfo chunk, int start)
{
	char	   *token = chunk->data + start;
	char	   *to = token;
	bool		ascii = true;
	char	   *utf8;

	for (const char *from = token; *from != '\0'; from++)
	{
		if (IS_HIGHBIT_SET(*from))
			ascii = false;
		if (*from != '\r')
			*to++ = *from;
		else if (from[1] != '\n')
			*to++ = '\n';
	}
	*to = '\0';
	chunk->len = to - chunk->data;

	if (ascii || GetDatabaseEncoding() == PG_SQL_ASCII)
		return;
	utf8 = pg_server_to_any(token, to - token, PG_UTF8);
	if (utf8 != token)
	{
		chunk->len = start;
		appendStringInfoString(chunk, utf8);
		pfree(utf8);
	}
}

/*
 * Append an identifier or keyword.
 */
static void
append_lower_case(StringInfo chunk, const char *text, int length)
{
	int			start = chunk->len;

	appendBinaryStringInfo(chunk, text, length);
	for (int i = start; i < chunk->len; i++)
		chunk->data[i] = pg_ascii_tolower((unsigned char) chunk->data[i]);
}

/*
 * Append a string literal whose first quote is at the offset given.  Where
 * one piece ends and the next begins is only searched for if there is a line
 * end, without which there is only one piece.
 */
static void
append_pieces(StringInfo chunk, const char *text, int length, int quote)
{
	bool		escapes = text[0] == 'E' || text[0] == 'e';
	int			start = 0;
	int			i = quote + 1;

	if (strpbrk(text, "\r\n") == NULL)
		i = length;

	while (i < length)
	{
		if ((text[i] == '\\' && escapes) ||
			(text[i] == '\'' && text[i + 1] == '\''))
			i += 2;
		else if (text[i] == '\'' && i + 1 < length)
		{
			appendBinaryStringInfo(chunk, text + start, i + 1 - start);
			appendStringInfoChar(chunk, '\n');
			start = mig_script_skip_gap(text, i + 1);
			i = start + 1;
		}
		else
			i++;
	}

	appendBinaryStringInfo(chunk, text + start, length - start);
}

/*
 * The offset of the quote that opens a quoted token, or -1 for other tokens:
 * it is the first byte, or follows B, E, X or U&.
 */
static int
first_quote(const char *text)
{
	int			offset = 0;

	if (isalpha((unsigned char) text[0]))
		offset = text[1] == '&' ? 2 : 1;

	return text[offset] == '\'' || text[offset] == '"' ? offset : -1;
}

/*
 * Hash what was collected and start collecting again.
 */
static void
hash_chunk(pg_cryptohash_ctx *hash, StringInfo chunk)
{
	if (pg_cryptohash_update(hash, (const uint8 *) chunk->data,
							 chunk->len) < 0)
		elog(ERROR, "could not update SHA-256 context: %s",
			 pg_cryptohash_error(hash));
	resetStringInfo(chunk);
}
