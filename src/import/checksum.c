/*
 * checksum.c
 *	  The checksums that tools compute of their files.
 *
 * They are of the bytes of a file, which are not known any more when its revision
 * is registered.  A line end at the end of a file is the only thing that may have
 * been lost, or added, on the way here: psql and awk do that.  So those of the file
 * with and without it are noted.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/md5.h"
#include "common/sha1.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/pg_crc.h"

#include "import/import_internal.h"

/* The state of a SipHash. */
typedef struct SipHash
{
	uint64		v0,
				v1,
				v2,
				v3;
	uint64		tail;			/* bytes that are no word yet */
	uint64		length;
} SipHash;

static void append_checksum(StringInfo list, const MigImportRevision *revision,
							const MigImportFormat *format, const char *text);
static char *change_line_ends(const char *text, bool with_return);
static char *digest(pg_cryptohash_type type, const char *text, int length);
static void sip_init(SipHash *sip);
static void sip_update(SipHash *sip, const void *data, size_t length);
static uint64 sip_finish(SipHash *sip);
static void sip_round(SipHash *sip);

/*
 * Every checksum that the tool could have for the file of a revision, with spaces
 * between them; "": none.
 */
char *
mig_import_checksums(const MigImportFormat *format,
					 const MigImportRevision *revision)
{
	StringInfoData list;
	const char *given = revision->file->given;
	char	   *text;
	int			length;

	if (revision->checksum != NULL)
		return pstrdup(revision->checksum);
	initStringInfo(&list);
	if (format->checksum == NULL || given == NULL)
		return list.data;
	/* Tools read and hash UTF-8. */
	text = pg_server_to_any(given, strlen(given), PG_UTF8);
	append_checksum(&list, revision, format, text);
	length = strlen(text);
	append_checksum(&list, revision, format,
					length > 0 && text[length - 1] == '\n' ?
					pnstrdup(text, length - 1) : psprintf("%s\n", text));
	return list.data;
}

/*
 * Whether a checksum is one of a list.
 */
bool
mig_checksum_is_in(const char *list, const char *checksum)
{
	int			length = strlen(checksum);

	for (const char *at = list; *at != '\0'; at += at[0] == ' ' ? 1 : 0)
	{
		int			n = strcspn(at, " ");

		if (n == length && strncmp(at, checksum, n) == 0)
			return true;
		at += n;
	}
	return false;
}

static void
append_checksum(StringInfo list, const MigImportRevision *revision,
				const MigImportFormat *format, const char *text)
{
	for (int i = 0; i < (format->ignores_line_ends ? 3 : 1); i++)
	{
		const char *variant = i == 0 ? text : change_line_ends(text, i == 2);
		char	   *checksum = format->checksum(revision, variant, strlen(variant));

		if (checksum != NULL && !mig_checksum_is_in(list->data, checksum))
			appendStringInfo(list, "%s%s", list->len > 0 ? " " : "", checksum);
	}
}

static char *
change_line_ends(const char *text, bool with_return)
{
	StringInfoData result;

	initStringInfo(&result);
	for (const char *p = text; *p != '\0'; p++)
	{
		if (p[0] == '\r' && p[1] == '\n')
			continue;
		if (p[0] == '\n' && with_return)
			appendStringInfoChar(&result, '\r');
		appendStringInfoChar(&result, *p);
	}
	return result.data;
}

char *
mig_checksum_sha1(const MigImportRevision *revision, const char *text, int length)
{
	return digest(PG_SHA1, text, length);
}

char *
mig_checksum_sha256(const MigImportRevision *revision, const char *text, int length)
{
	return digest(PG_SHA256, text, length);
}

char *
mig_checksum_sha384(const MigImportRevision *revision, const char *text, int length)
{
	return digest(PG_SHA384, text, length);
}

/*
 * In hexadecimal; NULL where the server's library does not compute it any more.
 */
static char *
digest(pg_cryptohash_type type, const char *text, int length)
{
	uint8		bytes[PG_SHA512_DIGEST_LENGTH];
	int			nbytes = type == PG_SHA1 ? SHA1_DIGEST_LENGTH :
	type == PG_SHA256 ? PG_SHA256_DIGEST_LENGTH : PG_SHA384_DIGEST_LENGTH;
	pg_cryptohash_ctx *context = pg_cryptohash_create(type);
	char	   *digits = NULL;

	if (pg_cryptohash_init(context) >= 0 &&
		pg_cryptohash_update(context, (const uint8 *) text, length) >= 0 &&
		pg_cryptohash_final(context, bytes, nbytes) >= 0)
	{
		digits = palloc0(2 * nbytes + 1);
		hex_encode((const char *) bytes, nbytes, digits);
	}
	pg_cryptohash_free(context);
	return digits;
}

/*
 * Flyway's: a CRC-32 over the lines without their ends and without a byte order
 * mark, as a signed number.
 */
char *
mig_checksum_of_lines(const MigImportRevision *revision, const char *text,
					  int length)
{
	const char *end = text + length;
	pg_crc32	crc;

	if (strncmp(text, MIG_SCRIPT_BOM, strlen(MIG_SCRIPT_BOM)) == 0)
		text += strlen(MIG_SCRIPT_BOM);
	INIT_TRADITIONAL_CRC32(crc);
	while (text < end)
	{
		int			n = strcspn(text, "\r\n");

		COMP_TRADITIONAL_CRC32(crc, text, n);
		text += n + 1;
	}
	FIN_TRADITIONAL_CRC32(crc);
	return psprintf("%d", (int32) crc);
}

/*
 * refinery's: a SipHash of name, version and text.  Its version has 32 or, where
 * it was built so, 64 bits.
 */
char *
mig_checksum_siphash(const MigImportRevision *revision, const char *text,
					 int length)
{
	const char *name = strstr(revision->file->name, "__");
	uint64		version = strtoull(revision->version, NULL, 10);
	uint8		version_bytes[8];
	uint8		end_of_text = 0xff;
	uint64		hash[2];

	if (name == NULL || !mig_import_has_suffix(name, ".sql"))
		return NULL;
	name += 2;
	for (int i = 0; i < lengthof(version_bytes); i++)
		version_bytes[i] = (version >> (8 * i)) & 0xff;
	for (int i = 0; i < lengthof(hash); i++)
	{
		SipHash		sip;

		sip_init(&sip);
		sip_update(&sip, name, strlen(name) - strlen(".sql"));
		sip_update(&sip, &end_of_text, 1);
		sip_update(&sip, version_bytes, i == 0 ? 4 : 8);
		sip_update(&sip, text, length);
		sip_update(&sip, &end_of_text, 1);
		hash[i] = sip_finish(&sip);
	}
	return psprintf(UINT64_FORMAT " " UINT64_FORMAT, hash[0], hash[1]);
}

/*
 * SipHash-1-3 with a key of zeros.
 */
static void
sip_init(SipHash *sip)
{
	*sip = (SipHash)
	{
		.v0 = UINT64CONST(0x736f6d6570736575),
			.v1 = UINT64CONST(0x646f72616e646f6d),
			.v2 = UINT64CONST(0x6c7967656e657261),
			.v3 = UINT64CONST(0x7465646279746573)
	};
}

static void
sip_update(SipHash *sip, const void *data, size_t length)
{
	const uint8 *bytes = data;

	for (size_t i = 0; i < length; i++)
	{
		sip->tail |= (uint64) bytes[i] << (8 * (sip->length % 8));
		if (++sip->length % 8 != 0)
			continue;
		sip->v3 ^= sip->tail;
		sip_round(sip);
		sip->v0 ^= sip->tail;
		sip->tail = 0;
	}
}

static uint64
sip_finish(SipHash *sip)
{
	uint64		last = (sip->length << 56) | sip->tail;

	sip->v3 ^= last;
	sip_round(sip);
	sip->v0 ^= last;
	sip->v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(sip);
	return sip->v0 ^ sip->v1 ^ sip->v2 ^ sip->v3;
}

static void
sip_round(SipHash *sip)
{
#define ROTATE(x, bits) (((x) << (bits)) | ((x) >> (64 - (bits))))
	sip->v0 += sip->v1;
	sip->v1 = ROTATE(sip->v1, 13) ^ sip->v0;
	sip->v0 = ROTATE(sip->v0, 32);
	sip->v2 += sip->v3;
	sip->v3 = ROTATE(sip->v3, 16) ^ sip->v2;
	sip->v0 += sip->v3;
	sip->v3 = ROTATE(sip->v3, 21) ^ sip->v0;
	sip->v2 += sip->v1;
	sip->v1 = ROTATE(sip->v1, 17) ^ sip->v2;
	sip->v2 = ROTATE(sip->v2, 32);
#undef ROTATE
}
