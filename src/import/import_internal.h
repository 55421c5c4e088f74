/*
 * import_internal.h
 *	  What a format knows of a set of files, and how it makes revisions of them.
 *
 * A format is a file of this folder with one MigImportFormat, and a row of the
 * table in format.c.  It finds the files that are its own, says where in them the
 * bodies are, and under which versions; everything else is done for all formats:
 * ids (id.c), their chain (chain.c), what a body may not hold (body.c), what is
 * reported (report.c), registration (registry/register_files.c).
 */
#ifndef MIG_IMPORT_INTERNAL_H
#define MIG_IMPORT_INTERNAL_H

#include "import/import.h"
#include "script/script.h"

/* A file of the set. */
typedef struct MigImportFile
{
	int			number;			/* in the set, from 1 */
	const char *path;			/* as it was given */
	const char *name;			/* behind the last slash */
	const char *folder;			/* the name of the folder it is in, or "" */
	char	   *text;			/* without a byte order mark; NULL: it was not
								 * read, because no format needs what is in
								 * it; of a name that ends with .sql it is
								 * known */
	const char *given;			/* the text as it was given; NULL as text */
	bool		used;			/* a revision comes from it, or what is said
								 * about one; otherwise it is reported as left
								 * out */
	/* For mig_import_line_number() */
	const char *counted_text;
	int			counted;
	int			nlines;
} MigImportFile;

/* A line of a file. */
typedef struct MigImportLine
{
	int			start;
	int			end;			/* its line end, which is CR LF or LF */
	int			next;			/* the next line; 0: before the first */
} MigImportLine;

/* A revision that is made of files. */
typedef struct MigImportRevision
{
	MigScriptRevision script;
	const char *version;		/* what the tool knows it by */
	const MigImportFile *file;	/* with its upgrade */
	const char *checksum;		/* that the file says it has, or NULL */
} MigImportRevision;

/* What the name of a file says that is one body of a revision. */
typedef struct MigImportName
{
	char	   *version;
	char	   *title;
	bool		is_down;
	bool		is_both;		/* of a program: upgrade and downgrade */
} MigImportName;

typedef struct MigImportFormat MigImportFormat;

/* A set of files that is being registered. */
typedef struct MigImport
{
	const MigImportRequest *request;
	const MigImportFormat *format;
	List	   *files;			/* of MigImportFile * */
	List	   *revisions;		/* of MigImportRevision * */
	List	   *repeatables;	/* the same */
	List	   *errors;			/* of MigScriptError * */
	void	   *state;			/* what the format keeps between files */

	/* What is reported in the end */
	int			nunwrapped;		/* bodies without the BEGIN and COMMIT around
								 * them */
	List	   *split;			/* ids of those with others */
	List	   *moved;			/* ids behind later versions */
	const char *apart;			/* the id that begins a chain beside one of
								 * the same format, or NULL */
	List	   *mentions;		/* ids whose bodies name the tool's table */
	List	   *ignored;		/* what files say and is not done here, of
								 * char * */
} MigImport;

/* Whether the files can be of a format. */
typedef enum MigImportMatch
{
	MIG_IMPORT_NO,
	MIG_IMPORT_POSSIBLE,		/* they could be, if they are of no other */
	MIG_IMPORT_CERTAIN			/* no other format has such files */
} MigImportMatch;

struct MigImportFormat
{
	const char *name;
	const char *table;			/* of the tool's versions, without its schema */
	MigImportMatch (*recognize) (const MigImport *import);

	/*
	 * Adds the revisions: in any order if there is compare(), or in that of a
	 * chain if it is ordered; otherwise it says what their down revisions
	 * are.
	 */
	void		(*read) (MigImport *import);
	int			(*compare) (const char *version, const char *other);

	/*
	 * For mig_import_read_halves(): what the name of a file says, false: it
	 * is none of the format's; and whether each of its statements is a
	 * transaction, NULL: no format's mark says so.
	 */
	bool		(*parse_name) (const MigImportFile *file, MigImportName *name);
	bool		(*per_statement) (MigImport *import, MigImportFile *file);
	bool		ordered;

	/*
	 * The checksum that the tool keeps of a file with that text, in UTF-8, or
	 * several, with a space between them; NULL: it keeps none, or it is not
	 * known how it is computed.  Whether line ends of both kinds are the same
	 * for it.
	 */
	char	   *(*checksum) (const MigImportRevision *revision, const char *text,
							 int length);
	bool		ignores_line_ends;
	const char *const *options; /* names it knows, then NULL; NULL: none */

	/* How a file of it has a downgrade: a sentence; whether by a mark in it */
	const char *down_hint;
	bool		has_marks;
};

/* Looks at a file; what it raises is kept, and the next file is looked at. */
typedef void (*MigImportRead) (MigImport *import, MigImportFile *file);

/* The same of a part of a file, where a file holds several revisions. */
typedef void (*MigImportReadPart) (MigImport *import, MigImportFile *file,
								   void *part);

/* file.c: the files */
extern void mig_import_add_file(MigImport *import, char *path, char *text);
extern void mig_import_split_bundle(MigImport *import, const char *bundle);
extern void mig_import_each_file(MigImport *import, MigImportRead read);
extern bool mig_import_try(MigImport *import, MigImportFile *file,
						   MigImportReadPart read, void *part);
extern bool mig_import_keep_error(MigImport *import, MigImportFile *file,
								  MigImportReadPart read, void *part);
extern MigImportFile *mig_import_find_beside(const MigImport *import,
											 const MigImportFile *file,
											 const char *name);
extern bool mig_import_next_line(const MigImportFile *file,
								 MigImportLine *line);
extern void mig_import_blank_line(MigImportFile *file,
								  const MigImportLine *line);
extern const char *mig_import_mark(const MigImportFile *file,
								   const MigImportLine *line,
								   const char *mark);
extern void mig_import_refuse_before(const MigImportFile *file, int start,
									 const char *mark);
extern void mig_import_refuse_indented(const MigImportFile *file,
									   const MigImportLine *line,
									   const char *mark);
extern bool mig_import_is_own(const MigImport *import);
extern bool mig_import_any_mark(const MigImport *import, const char *mark);
extern bool mig_import_has_mark(const MigImportFile *file, const char *mark);
extern bool mig_import_has_suffix(const char *text, const char *suffix);
extern bool mig_import_split_name(const char *name, const char *suffix,
								  char **version, char **title);
extern bool mig_import_is_half(const MigImportFile *file);
extern bool mig_import_split_setting(const MigImportFile *file,
									 const MigImportLine *line,
									 char **key, char **value);
extern int	mig_import_line_number(MigImportFile *file, int offset);
extern int	mig_import_errplace(const MigImportFile *file, int offset);
extern const char *mig_import_show(const char *text, int length);
extern const char *mig_import_show_line(const MigImportFile *file,
										const MigImportLine *line);
extern void mig_import_refuse_missing(const MigImportFile *file,
									  const char *beginning, const char *mark,
									  bool has_unknown);
extern const char *mig_import_find_comment(const MigImportFile *file,
										   const char *beginning,
										   bool (*is_meant) (const char *text),
										   int *offset);

/* directory.c: files of the server */
extern void mig_import_read_directory(MigImport *import,
									  const char *directory);

/* format.c: which format it is, and what its options say */
extern const MigImportFormat *mig_import_choose_format(const MigImport *import);
extern const MigImportFormat *mig_import_find_format(const char *name);
extern bool mig_import_names_format(const MigImport *import);
extern void mig_import_check_options(const MigImport *import);
extern char *mig_import_option(const MigImportRequest *request,
							   const char *name);
extern bool mig_import_option_is_true(const MigImportRequest *request,
									  const char *name, bool otherwise);
extern char *mig_import_option_member(const MigImportRequest *request,
									  const char *name, const char *key);

/* body.c: revisions and their bodies */
extern MigImportRevision *mig_import_add_revision(MigImport *import,
												  MigImportFile *file,
												  const char *version,
												  const char *title);
extern MigImportRevision *mig_import_find_revision(const MigImport *import,
												   const char *version);
extern MigImportRevision *mig_import_find_upgrade(const MigImport *import,
												  const MigImportFile *file,
												  const char *version);
extern void mig_import_set_upgrade(MigImport *import,
								   MigImportRevision *revision,
								   MigImportFile *file, int start, int end);
extern void mig_import_set_downgrade(MigImport *import,
									 MigImportRevision *revision,
									 MigImportFile *file, int start, int end);

extern void mig_import_read_halves(MigImport *import);

/* program.c: files that are programs */
#define MIG_IMPORT_OPTION_PROGRAMS	"external_programs"

extern void mig_import_add_program(MigImport *import, MigImportFile *file,
								   const char *version, const char *title,
								   bool reversible);
extern void mig_import_add_program_down(MigImport *import,
										MigImportFile *file,
										const char *version);
extern void mig_import_read_programs(MigImport *import);
extern void mig_import_read_program_downs(MigImport *import);

/* id.c, chain.c: ids and the order */
extern char *mig_import_make_id(const char *version);
extern int	mig_import_compare_numbers(const char *version, const char *other);
extern void mig_import_make_chain(MigImport *import);
extern void mig_import_check_ids(MigImport *import);

/* checksum.c */
extern char *mig_import_checksums(const MigImportFormat *format,
								  const MigImportRevision *revision);
extern bool mig_checksum_is_in(const char *list, const char *checksum);
extern char *mig_checksum_sha1(const MigImportRevision *revision,
							   const char *text, int length);
extern char *mig_checksum_sha256(const MigImportRevision *revision,
								 const char *text, int length);
extern char *mig_checksum_sha384(const MigImportRevision *revision,
								 const char *text, int length);
extern char *mig_checksum_of_lines(const MigImportRevision *revision,
								   const char *text, int length);
extern char *mig_checksum_siphash(const MigImportRevision *revision,
								  const char *text, int length);

/* report.c */
extern void mig_import_report(const MigImport *import,
							  const MigRegisterChange *changes, int nchanges);
extern void mig_import_report_left_out(const MigImport *import);
extern char *mig_import_list_paths(const List *files);

/* The formats, a file for each */
extern const MigImportFormat mig_import_alembic;
extern const MigImportFormat mig_import_dbmate;
extern const MigImportFormat mig_import_diesel;
extern const MigImportFormat mig_import_flyway;
extern const MigImportFormat mig_import_golang_migrate;
extern const MigImportFormat mig_import_goose;
extern const MigImportFormat mig_import_graphile;
extern const MigImportFormat mig_import_liquibase;
extern const MigImportFormat mig_import_migrate;
extern const MigImportFormat mig_import_node_pg_migrate;
extern const MigImportFormat mig_import_prisma;
extern const MigImportFormat mig_import_refinery;
extern const MigImportFormat mig_import_sqitch;
extern const MigImportFormat mig_import_sqlx;
extern const MigImportFormat mig_import_supabase;

#endif							/* MIG_IMPORT_INTERNAL_H */
