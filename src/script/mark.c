/*
 * mark.c
 *	  Finds comments that look like lines of the file format and are none.
 *
 * A misspelled section line is a comment to the server: what follows it would
 * silently become part of the section before, and the downgrade would be run
 * as part of the upgrade.  The same holds for the section lines of other
 * tools, and a misspelled key makes a base of a revision.  So all of these are
 * refused, and what is left is a remark.
 *
 * A line is looked at word by word, without regard to case and to what stands
 * between the words.  What only a section line of some tool can be is refused
 * everywhere.  What could also be a heading ("-- down") is refused between two
 * statements, and where it is not a heading of the section that it is in;
 * "-- verify" only alone, as a heading over queries that look at what was done
 * harms nothing.
 */
#include "postgres.h"

#include <ctype.h>

#include "script/lint_rule.h"
#include "script/script_internal.h"

#define MAX_WORDS	8
#define MAX_WORD	24

/* The letters and digits of a line; longer words and later ones are cut. */
typedef struct MarkWords
{
	char		lead;			/* in front of the first word; 0: white space */
	bool		glued;			/* the first word follows the two dashes */
	bool		ends_statement; /* the line ends with a semicolon */
	int			nwords;			/* all, also those that do not fit */
	char		word[MAX_WORDS][MAX_WORD];
	char		after[MAX_WORDS];	/* ':' or '=' if it is in there; another
									 * character; ' ': white space alone; 0:
									 * the line ends */
	bool		joined[MAX_WORDS];	/* no white space before the next word */
} MarkWords;

/* What a word means as the name of a section or a key. */
typedef struct KnownWord
{
	const char *word;			/* of a key: without what joins its parts */
	MigMark		mark;
	int			tolerance;		/* letters that may differ in a mark */
} KnownWord;

static const KnownWord section_words[] =
{
	{"up", MIG_MARK_UP, 0},
	{"pu", MIG_MARK_UP, 0},
	{"upp", MIG_MARK_UP, 0},
	{"ups", MIG_MARK_UP, 0},
	{"upgrade", MIG_MARK_UP, 2},
	{"forward", MIG_MARK_UP, 1},
	{"forwards", MIG_MARK_UP, 0},
	{"down", MIG_MARK_DOWN, 1},
	{"dwon", MIG_MARK_DOWN, 0},
	{"dwn", MIG_MARK_DOWN, 0},
	{"donw", MIG_MARK_DOWN, 0},
	{"downs", MIG_MARK_DOWN, 1},
	{"downgrade", MIG_MARK_DOWN, 2},
	{"upmigration", MIG_MARK_UP, 1},
	{"migrationup", MIG_MARK_UP, 1},
	{"downmigration", MIG_MARK_DOWN, 1},
	{"migrationdown", MIG_MARK_DOWN, 1},
	{"rollback", MIG_MARK_DOWN, 2},
	{"revert", MIG_MARK_DOWN, 1},
	{"reverse", MIG_MARK_DOWN, 1},
	{"undo", MIG_MARK_DOWN, 1},
	{"backward", MIG_MARK_DOWN, 1},
	{"backwards", MIG_MARK_DOWN, 0},
	{"verify", MIG_MARK_VERIFY, 1},
	{"verification", MIG_MARK_VERIFY, 2}
};

/* Tools that put their name in front of a section's. */
static const char *const tools[] =
{
	"alembic", "atlas", "bun", "dbmate", "diesel", "flyway", "goose", "knex",
	"liquibase", "micrate", "mig", "pogo", "rambler", "refinery", "sqitch",
	"sqlx", "tern"
};

/* What may stand beside the name of a section without making it a sentence. */
static const char *const section_nouns[] =
{
	"changes", "migration", "migrations", "part", "script", "section", "sql",
	"statements", "step", "steps"
};

/* Those of them that are about no rows: "revert changes" can be what is done. */
static const char *const file_nouns[] =
{
	"migration", "migrations", "script", "section", "sql"
};

/* The same in front of it. */
static const char *const section_labels[] =
{
	"action", "begin", "db", "def", "direction", "migration", "mode", "name",
	"operation", "part", "phase", "schema", "script", "section", "sql", "stage",
	"start", "step", "type"
};

/* The keys of the header. */
static const KnownWord key_words[] =
{
	{"revision", MIG_MARK_REVISION, 1},
	{"revisionid", MIG_MARK_REVISION, 1},
	{"repeatable", MIG_MARK_REPEATABLE, 2},
	{"downrevision", MIG_MARK_DOWN_REVISION, 2},
	{"dependson", MIG_MARK_DEPENDS_ON, 2},
	{"branchlabels", MIG_MARK_BRANCH_LABELS, 2},
	{"message", MIG_MARK_MESSAGE, 1},
	{"set", MIG_MARK_SET, 0},
	{"sets", MIG_MARK_SET, 0},
	{"sett", MIG_MARK_SET, 0},
	{"seet", MIG_MARK_SET, 0},
	{"ste", MIG_MARK_SET, 0},
	{"settings", MIG_MARK_SET, 1},
	{"allow", MIG_MARK_ALLOW, 1},
	{"external", MIG_MARK_EXTERNAL, 1},
	{"externalstep", MIG_MARK_EXTERNAL, 1},
	{"replaces", MIG_MARK_REPLACES, 1}
};

/* What other tools call them. */
static const KnownWord foreign_key_words[] =
{
	{"parent", MIG_MARK_DOWN_REVISION, 0},
	{"parents", MIG_MARK_DOWN_REVISION, 0},
	{"parentrevision", MIG_MARK_DOWN_REVISION, 1},
	{"parentrevisions", MIG_MARK_DOWN_REVISION, 1},
	{"parentid", MIG_MARK_DOWN_REVISION, 0},
	{"revises", MIG_MARK_DOWN_REVISION, 0},
	{"revise", MIG_MARK_DOWN_REVISION, 0},
	{"previous", MIG_MARK_DOWN_REVISION, 0},
	{"previousrevision", MIG_MARK_DOWN_REVISION, 1},
	{"previousid", MIG_MARK_DOWN_REVISION, 0},
	{"prev", MIG_MARK_DOWN_REVISION, 0},
	{"prevrevision", MIG_MARK_DOWN_REVISION, 1},
	{"predecessor", MIG_MARK_DOWN_REVISION, 1},
	{"predecessors", MIG_MARK_DOWN_REVISION, 1},
	{"prior", MIG_MARK_DOWN_REVISION, 0},
	{"after", MIG_MARK_DOWN_REVISION, 0},
	{"follows", MIG_MARK_DOWN_REVISION, 0},
	{"base", MIG_MARK_DOWN_REVISION, 0},
	{"basedon", MIG_MARK_DOWN_REVISION, 0},
	{"downrev", MIG_MARK_DOWN_REVISION, 0},
	{"downrevs", MIG_MARK_DOWN_REVISION, 0},
	{"downversion", MIG_MARK_DOWN_REVISION, 1},
	{"fromrevision", MIG_MARK_DOWN_REVISION, 1},
	{"depends", MIG_MARK_DEPENDS_ON, 0},
	{"depend", MIG_MARK_DEPENDS_ON, 0},
	{"dependencies", MIG_MARK_DEPENDS_ON, 1},
	{"dependency", MIG_MARK_DEPENDS_ON, 1},
	{"requires", MIG_MARK_DEPENDS_ON, 0},
	{"require", MIG_MARK_DEPENDS_ON, 0},
	{"needs", MIG_MARK_DEPENDS_ON, 0},
	{"prerequisite", MIG_MARK_DEPENDS_ON, 1},
	{"prerequisites", MIG_MARK_DEPENDS_ON, 1},
	{"branches", MIG_MARK_BRANCH_LABELS, 0},
	{"branch", MIG_MARK_BRANCH_LABELS, 0},
	{"label", MIG_MARK_BRANCH_LABELS, 0},
	{"labels", MIG_MARK_BRANCH_LABELS, 0},
	{"allowed", MIG_MARK_ALLOW, 0},
	{"waive", MIG_MARK_ALLOW, 0},
	{"waives", MIG_MARK_ALLOW, 0},
	{"waiver", MIG_MARK_ALLOW, 0},
	{"waivers", MIG_MARK_ALLOW, 0}
};

static void split_line(const char *text, MarkWords *words);
static int	read_separator(const char *text, int at, char *separator);
static int	space_length(const char *text);
static int	colon_length(const char *text);
static MigMark find_own_mark(const MarkWords *words);
static MigMark find_foreign_mark(const MigMarkLine *line, const MarkWords *words);
static int	tool_length(const char *word);
static MigMark find_heading(const MigMarkLine *line, const MarkWords *words);
static MigMark find_file_name(const MarkWords *words);
static MigMark find_key(const MarkWords *words, const MigMarkLine *line);
static MigMark match_key(const MarkWords *words, int nparts,
						 const MigMarkLine *line);
static bool is_waiver(const char *word, const char *text);
static bool are_ids(const MarkWords *words, int first);
static MigMark read_key_word(const char *word, bool foreign_too);
static MigMark read_section(const char *word, bool tolerant);
static MigMark find_word(const char *word, const KnownWord *list, int n,
						 bool tolerant);
static bool is_own_name(const char *word);
static bool is_one_of(const char *word, const char *const *list, int n);
static int	distance(const char *a, const char *b);

/*
 * What a line comment at the start of a line was probably meant to be, if it is
 * no line of the file format; MIG_MARK_NONE: a remark.
 */
MigMark
mig_mark_find(const MigMarkLine *line)
{
	MarkWords	words;
	MigMark		mark;

	split_line(line->text, &words);
	if (words.nwords == 0)
		return MIG_MARK_NONE;

	mark = find_own_mark(&words);
	if (mark == MIG_MARK_NONE)
		mark = find_foreign_mark(line, &words);
	if (mark == MIG_MARK_NONE)
		mark = find_key(&words, line);
	if (mark != MIG_MARK_NONE)
		return mark;

	mark = find_heading(line, &words);
	if (line->place == MIG_MARK_IN_HEADER ||
		(line->between_statements &&
		 ((mark == MIG_MARK_UP && line->place != MIG_MARK_IN_UPGRADE) ||
		  (mark == MIG_MARK_DOWN && line->place != MIG_MARK_IN_DOWNGRADE) ||
		  (mark == MIG_MARK_VERIFY && line->place != MIG_MARK_IN_VERIFY)) &&
		 line->place != MIG_MARK_OUTSIDE))
		return mark;
	return MIG_MARK_NONE;
}

/*
 * Whether a line comment is a key by which a revision of the file format is known,
 * or was probably meant to be one.
 */
bool
mig_mark_is_key(const char *text)
{
	MigMarkLine line = {
		.text = text, .place = MIG_MARK_IN_UPGRADE, .before_statements = true
	};
	MigMark		mark = mig_mark_find(&line);

	return mark == MIG_MARK_REVISION || mark == MIG_MARK_REPEATABLE ||
		mark == MIG_MARK_DOWN_REVISION || mark == MIG_MARK_DEPENDS_ON ||
		mark == MIG_MARK_BRANCH_LABELS;
}

/*
 * Whether a line comment was probably meant to begin a revision or a repeatable.
 */
bool
mig_mark_is_header(const char *text)
{
	MigMarkLine line = {
		.text = text, .place = MIG_MARK_IN_HEADER, .between_statements = true
	};
	MigMark		mark = mig_mark_find(&line);

	return mark == MIG_MARK_REVISION || mark == MIG_MARK_REPEATABLE;
}

/*
 * Whether it was probably meant to begin a body, by the marks of any tool.
 */
bool
mig_mark_is_section(const char *text)
{
	MigMarkLine line = {.text = text, .place = MIG_MARK_IN_HEADER};

	switch (mig_mark_find(&line))
	{
		case MIG_MARK_UP:
		case MIG_MARK_DOWN:
		case MIG_MARK_SECTION:
		case MIG_MARK_FOREIGN:
			return true;
		default:
			return false;
	}
}

/*
 * Splits the text of a comment, which begins with its dashes, into words.
 */
static void
split_line(const char *text, MarkWords *words)
{
	int			at = 2;
	int			end = strlen(text);

	memset(words, 0, sizeof(*words));
	while (end > 0 && isspace((unsigned char) text[end - 1]))
		end--;
	words->ends_statement = text[end - 1] == ';';
	words->glued = isalnum((unsigned char) text[2]);
	if (!words->glued)
	{
		char		separator;

		at = read_separator(text, at, &separator);
		words->lead = isspace((unsigned char) text[at - 1]) ? '\0' :
			text[at - 1];
	}

	while (text[at] != '\0')
	{
		int			length = 0;
		int			n = words->nwords++;
		int			next;
		char		separator;

		for (; isalnum((unsigned char) text[at]) ||
			 (IS_HIGHBIT_SET(text[at]) && space_length(text + at) == 0 &&
			  colon_length(text + at) == 0); at++)
		{
			if (n < MAX_WORDS && length < MAX_WORD - 1)
				words->word[n][length++] = pg_ascii_tolower((unsigned char) text[at]);
		}
		next = read_separator(text, at, &separator);
		if (n < MAX_WORDS)
		{
			words->after[n] = separator;
			words->joined[n] = text[next] != '\0' &&
				!isspace((unsigned char) text[next - 1]);
		}
		at = next;
	}
}

/*
 * Reads what stands between two words, and says what of it counts.
 */
static int
read_separator(const char *text, int at, char *separator)
{
	bool		any = false;

	*separator = '\0';
	while (text[at] != '\0')
	{
		int			space = space_length(text + at);
		int			colon = colon_length(text + at);

		if (colon > 0)
			*separator = ':';
		else if (space == 0)
		{
			if (isalnum((unsigned char) text[at]) || IS_HIGHBIT_SET(text[at]))
				break;
			if (text[at] == '=' && *separator != ':')
				*separator = '=';
			else if (*separator == '\0')
				*separator = text[at];
		}
		any = true;
		at += Max(Max(space, colon), 1);
	}
	if (text[at] == '\0')
	{
		/* Underlining, brackets and the like. */
		if (*separator != ':' && *separator != '=')
			*separator = '\0';
	}
	else if (any && *separator == '\0')
		*separator = ' ';
	return at;
}

/*
 * White space, and what looks like it in UTF-8: the no-break space, the zero
 * width space, the byte order mark, the dashes that word processors make.
 */
static int
space_length(const char *text)
{
	if (strncmp(text, "\xC2\xA0", 2) == 0)
		return 2;
	if (strncmp(text, "\xE2\x80\x8B", 3) == 0 ||
		strncmp(text, "\xE2\x80\x93", 3) == 0 ||
		strncmp(text, "\xE2\x80\x94", 3) == 0 ||
		strncmp(text, "\xEF\xBB\xBF", 3) == 0)
		return 3;
	return isspace((unsigned char) *text) ? 1 : 0;
}

/*
 * A colon, and the one that East Asian keyboards write.
 */
static int
colon_length(const char *text)
{
	if (strncmp(text, "\xEF\xBC\x9A", 3) == 0)
		return 3;
	return *text == ':' ? 1 : 0;
}

/*
 * The section lines of the file format, in other letters.
 */
static MigMark
find_own_mark(const MarkWords *words)
{
	const char *name = words->word[0];
	MigMark		section;

	if (strncmp(name, "migrate", 7) == 0 && words->nwords == 1 &&
		(section = read_section(name + 7, false)) != MIG_MARK_NONE)
		return section;
	if (!is_own_name(name))
		return MIG_MARK_NONE;

	section = words->nwords < 2 ? MIG_MARK_NONE :
		read_section(words->word[1], true);
	if (strcmp(name, "migrate") == 0 && words->after[0] == ':')
	{
		if (section != MIG_MARK_NONE)
			return section;
		/* "migrate: and more words" is a sentence. */
		return words->nwords == 1 || words->joined[0] ?
			MIG_MARK_SECTION : MIG_MARK_NONE;
	}
	if (section != MIG_MARK_NONE &&
		(words->nwords == 2 || words->after[1] == ':' ||
		 words->after[1] == '(' || strcmp(words->word[2], "transaction") == 0))
		return section;
	return MIG_MARK_NONE;
}

/*
 * The lines of other tools that nothing else looks like.
 */
static MigMark
find_foreign_mark(const MigMarkLine *line, const MarkWords *words)
{
	const char *text = line->text;
	const char *first = words->word[0];
	const char *second = words->word[1];
	bool		is_tool = is_one_of(first, tools, lengthof(tools));
	MigMark		section = read_section(second, true);

	/* goose, sql-migrate, micrate and their like */
	if (words->lead == '+')
	{
		if (section == MIG_MARK_NONE && words->nwords == 3)
			section = read_section(words->word[2], false);
		if (section != MIG_MARK_NONE || words->nwords == 1)
			return section != MIG_MARK_NONE ? section :
				read_section(first + tool_length(first), false);
		if (is_tool || is_own_name(first))
			return MIG_MARK_FOREIGN;
	}
	if (is_tool && words->nwords == 2 && section != MIG_MARK_NONE)
		return section;
	/* MyBatis */
	if (words->lead == '@' && words->nwords == 1)
		return read_section(first, false);
	/* node-pg-migrate */
	if ((strcmp(first, "up") == 0 || strcmp(first, "down") == 0) &&
		words->nwords == 2 && is_own_name(second))
		return read_section(first, false);
	/* Liquibase */
	if (strcmp(first, "rollback") == 0 && !line->foreign &&
		(words->glued || (words->after[0] != ':' && words->nwords > 1 &&
						  words->ends_statement)))
		return MIG_MARK_DOWN;
	if ((strcmp(first, "changeset") == 0 &&
		 (words->glued || strchr(text, ':') != NULL)) ||
		(strcmp(first, "liquibase") == 0 && strcmp(second, "formatted") == 0))
		return MIG_MARK_FOREIGN;
	/* tern */
	if (strcmp(first, "create") == 0 && strcmp(second, "above") == 0 &&
		strcmp(words->word[2], "drop") == 0)
		return MIG_MARK_DOWN;
	/* Alembic's offline mode */
	if (strcmp(first, "running") == 0 && strstr(text, "->") != NULL &&
		section != MIG_MARK_NONE)
		return section;
	/* sqlx, graphile-migrate */
	if (strcmp(first, "no") == 0 && words->after[0] == '-' &&
		strcmp(second, "transaction") == 0 && words->nwords == 2)
		return MIG_MARK_FOREIGN;
	return MIG_MARK_NONE;
}

/*
 * The length of the name of a tool that another word follows without a space;
 * 0: there is none.
 */
static int
tool_length(const char *word)
{
	for (int i = 0; i < lengthof(tools); i++)
	{
		int			length = strlen(tools[i]);

		if (strncmp(word, tools[i], length) == 0)
			return length;
	}
	return 0;
}

/*
 * A section's name, which some tools have as a section line, and people as a
 * heading.  What could be about the statements below is none in a file of another
 * tool, whose text has a checksum there.
 */
static MigMark
find_heading(const MigMarkLine *line, const MarkWords *words)
{
	const char *first = words->word[0];
	const char *last = words->word[Min(words->nwords, MAX_WORDS) - 1];
	bool		is_short = strncmp(first, "up", 2) == 0 ||
	strncmp(first, "down", 4) == 0;
	MigMark		section = read_section(first, false);

	if (section == MIG_MARK_VERIFY)
		return words->nwords == 1 && strcmp(first, "verify") == 0 ? section :
			MIG_MARK_NONE;
	/* Sqitch: the first line of a script */
	if (words->nwords >= 4 && words->nwords <= MAX_WORDS &&
		strcmp(last, "pg") == 0)
	{
		if (strcmp(first, "revert") == 0)
			return MIG_MARK_DOWN;
		if (strcmp(first, "deploy") == 0)
			return MIG_MARK_UP;
	}
	if (words->nwords == 1)
		return section;
	/* node-pg-migrate, misspelled; "done migration" is closer to a sentence. */
	if (section == MIG_MARK_NONE && words->nwords == 2 && first[0] == 'd' &&
		strcmp(first, "done") != 0 && is_own_name(words->word[1]) &&
		read_section(first, true) == MIG_MARK_DOWN)
		return MIG_MARK_DOWN;
	if (section == MIG_MARK_NONE && words->nwords == 2 &&
		(!line->foreign || strncmp(words->word[1], "down", 4) == 0) &&
		is_one_of(first, section_labels, lengthof(section_labels)))
		return read_section(words->word[1], false);
	if (section == MIG_MARK_NONE)
		return find_file_name(words);
	if (words->nwords == 2 && read_section(words->word[1], false) == section)
		return section;
	if (is_one_of(words->word[1], section_nouns, lengthof(section_nouns)) &&
		(words->nwords == 2 ?
		 !line->foreign || is_short ||
		 is_one_of(words->word[1], file_nouns, lengthof(file_nouns)) :
		 is_short && !line->foreign && strncmp(words->word[1], "migration", 9) == 0))
		return section;
	/* "rollback: ..." is how people note what they would do by hand. */
	return is_short && words->after[0] == ':' && !line->foreign ? section :
		MIG_MARK_NONE;
}

/*
 * The name of a file of one section, "0002_color.down.sql", alone in its line:
 * such files were put one behind the other.
 */
static MigMark
find_file_name(const MarkWords *words)
{
	int			n = words->nwords;
	int			first = strcmp(words->word[0], "file") == 0 ? 1 : 0;

	if (n < 2 || n > MAX_WORDS || strcmp(words->word[n - 1], "sql") != 0)
		return MIG_MARK_NONE;
	for (int i = first; i < n - 1; i++)
	{
		if (!words->joined[i])
			return MIG_MARK_NONE;
	}
	return read_section(words->word[n - 2], false);
}

/*
 * The keys of a header.  In a body only one that begins a revision is looked
 * for, and any in front of its first statement, which stands too late there.
 */
static MigMark
find_key(const MarkWords *words, const MigMarkLine *line)
{
	MigMark		mark = MIG_MARK_NONE;

	if (line->place == MIG_MARK_IN_HEADER &&
		strncmp(words->word[0], "transaction", 11) == 0 &&
		(words->after[0] == ':' || words->after[0] == '='))
		return MIG_MARK_FOREIGN;
	if (words->nwords > 1 && words->after[0] != ':' && words->after[0] != '=')
		mark = match_key(words, 2, line);
	if (mark == MIG_MARK_NONE)
		mark = match_key(words, 1, line);
	if (mark != MIG_MARK_REVISION && mark != MIG_MARK_REPEATABLE &&
		(line->place == MIG_MARK_OUTSIDE ||
		 (line->place != MIG_MARK_IN_HEADER && !line->before_statements)))
		return MIG_MARK_NONE;
	return mark;
}

/*
 * The same for a key of so many words.  Whether it is one shows in a colon, in
 * what joins its parts, or in that nothing but an id follows.
 */
static MigMark
match_key(const MarkWords *words, int nparts, const MigMarkLine *line)
{
	char		word[2 * MAX_WORD];
	char		after = words->after[nparts - 1];
	MigMark		mark;

	snprintf(word, sizeof(word), "%s%s", words->word[0],
			 nparts > 1 ? words->word[1] : "");
	mark = read_key_word(word, line->place == MIG_MARK_IN_HEADER);
	/* It has one part, and two words like "see t" are not a misspelled one. */
	if (mark == MIG_MARK_SET && nparts > 1)
		return MIG_MARK_NONE;
	if (mark == MIG_MARK_NONE || after == ':' || after == '=')
		return mark;
	if (after == '\0')
		return line->place == MIG_MARK_IN_HEADER && nparts > 1 &&
			words->after[0] == '_' ? mark : MIG_MARK_NONE;
	if (mark == MIG_MARK_SET)
		return line->place == MIG_MARK_IN_HEADER &&
			strchr(line->text, '=') != NULL ? mark : MIG_MARK_NONE;
	if (mark == MIG_MARK_ALLOW)
		return line->place == MIG_MARK_IN_HEADER &&
			is_waiver(word, line->text) ? mark : MIG_MARK_NONE;
	if (mark == MIG_MARK_MESSAGE || mark == MIG_MARK_EXTERNAL ||
		mark == MIG_MARK_REPEATABLE)
		return MIG_MARK_NONE;
	if (nparts > 1 && words->after[0] != ' ')
		return mark;
	return after == ' ' && line->between_statements && are_ids(words, nparts) ?
		mark : MIG_MARK_NONE;
}

/*
 * Whether a line that begins with that word, and has no colon behind it, is meant
 * to waive a rule: "allow" and then the name of one, which is in no sentence if it has
 * a hyphen, or has a reason behind it.  Of another word one cannot tell it from a
 * sentence.
 */
static bool
is_waiver(const char *word, const char *text)
{
	const char *rest = text + strcspn(text, "aA") + strlen("allow");
	char		name[NAMEDATALEN];
	int			length;
	bool		has_hyphen;
	bool		has_reason;

	if (strcmp(word, "allow") != 0)
		return false;
	rest += strspn(rest, " \t\"'");
	length = Min(strcspn(rest, " \t\"'(,"), sizeof(name) - 1);
	for (int i = 0; i < length; i++)
		name[i] = rest[i] == '_' ? '-' : pg_ascii_tolower((unsigned char) rest[i]);
	name[length] = '\0';
	rest += length;
	has_hyphen = strchr(name, '-') != NULL;
	has_reason = rest[strspn(rest, " \t\"'")] == '(';
	if (has_hyphen && has_reason)
		return true;
	for (int i = 0; i < MIG_NUM_LINT_RULES; i++)
	{
		if (strcmp(mig_lint_rule(i)->name, name) == 0)
			return has_hyphen || has_reason;
	}
	return false;
}

/*
 * Whether the words from that one on are ids rather than a sentence: each has
 * a digit in it, and commas are between them.
 */
static bool
are_ids(const MarkWords *words, int first)
{
	if (words->nwords > MAX_WORDS)
		return false;
	for (int i = first; i < words->nwords; i++)
	{
		if (strpbrk(words->word[i], "0123456789") == NULL ||
			(i < words->nwords - 1 && strchr(",_", words->after[i]) == NULL))
			return false;
	}
	return true;
}

static MigMark
read_key_word(const char *word, bool foreign_too)
{
	MigMark		mark = find_word(word, key_words, lengthof(key_words), true);

	if (mark == MIG_MARK_NONE && foreign_too)
		mark = find_word(word, foreign_key_words, lengthof(foreign_key_words),
						 true);
	return mark;
}

/*
 * The section that a word names.  tolerant: also if it is misspelled, where
 * there is more that says what is meant.
 */
static MigMark
read_section(const char *word, bool tolerant)
{
	return find_word(word, section_words, lengthof(section_words), tolerant);
}

static MigMark
find_word(const char *word, const KnownWord *list, int n, bool tolerant)
{
	for (int i = 0; i < n; i++)
	{
		if (distance(word, list[i].word) <= (tolerant ? list[i].tolerance : 0))
			return list[i].mark;
	}
	return MIG_MARK_NONE;
}

/*
 * "migrate", misspelled or in another form.
 */
static bool
is_own_name(const char *word)
{
	return (strncmp(word, "migrat", 6) == 0 && strlen(word) <= 10) ||
		(strlen(word) >= 5 && distance(word, "migrate") <= 2) ||
		distance(word, "migration") <= 1;
}

static bool
is_one_of(const char *word, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(word, list[i]) == 0)
			return true;
	}
	return false;
}

/*
 * How many letters are missing, too many, other ones, or exchanged with their
 * neighbor; more than two is all the same.
 */
static int
distance(const char *a, const char *b)
{
	int			na = strlen(a);
	int			nb = strlen(b);
	int			row[3][2 * MAX_WORD + 1];

	if (abs(na - nb) > 2)
		return 3;
	for (int j = 0; j <= nb; j++)
		row[0][j] = j;
	for (int i = 1; i <= na; i++)
	{
		int		   *now = row[i % 3];
		int		   *before = row[(i + 2) % 3];
		int		   *earlier = row[(i + 1) % 3];

		now[0] = i;
		for (int j = 1; j <= nb; j++)
		{
			int			cost = a[i - 1] != b[j - 1];

			now[j] = Min(Min(before[j] + 1, now[j - 1] + 1),
						 before[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = Min(now[j], earlier[j - 2] + 1);
		}
	}
	return row[na % 3][nb];
}
