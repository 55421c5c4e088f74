/*
 * cron.c
 *	  Run times as crontab(5) writes them: minute, hour, day of month, month, day
 *	  of week.
 *
 * Where the clock of a time zone is changed, the rules are those of cron(8) by
 * Paul Vixie, version 4.  A run time in the hour that is left out is run when the
 * clock has been changed; one in the hour that comes twice is run in the first
 * of the two only.  But if minute or hour begin with an asterisk, as in every
 * ten minutes, the clock is followed as it is.
 */
#include "postgres.h"

#include <ctype.h>

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "job/job_internal.h"

#define DAYS_SEARCHED	(400 * 366) /* the calendar repeats after 400 years */
/* Longer than any time that a clock was set back. */
#define LOOK_BACK		(2 * SECS_PER_DAY)

typedef enum CronField
{
	CRON_MINUTE,
	CRON_HOUR,
	CRON_DAY,
	CRON_MONTH,
	CRON_WEEKDAY
} CronField;

#define NFIELDS			5

typedef struct CronFieldType
{
	const char *name;
	int			lowest;
	int			highest;
	const char *const *words;	/* for the values from lowest on, or NULL */
	const char *values;			/* for error details */
} CronFieldType;

static const char *const month_words[] = {
	"jan", "feb", "mar", "apr", "may", "jun",
	"jul", "aug", "sep", "oct", "nov", "dec", NULL
};
static const char *const weekday_words[] = {
	"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL
};

static const CronFieldType field_types[NFIELDS] = {
	[CRON_MINUTE] = {"minute", 0, 59, NULL, "Values are 0 to 59."},
	[CRON_HOUR] = {"hour", 0, 23, NULL, "Values are 0 to 23."},
	[CRON_DAY] = {"day of month", 1, 31, NULL, "Values are 1 to 31."},
	[CRON_MONTH] = {"month", 1, 12, month_words,
	"Values are 1 to 12, or jan to dec."},
	[CRON_WEEKDAY] = {"day of week", 0, 7, weekday_words,
	"Values are 0 to 7, or sun to sat; 0 and 7 are Sunday."}
};

static const struct
{
	const char *name;
	const char *expression;
}			nicknames[] = {
	{"@hourly", "0 * * * *"},
	{"@daily", "0 0 * * *"},
	{"@midnight", "0 0 * * *"},
	{"@weekly", "0 0 * * 0"},
	{"@monthly", "0 0 1 * *"},
	{"@yearly", "0 0 1 1 *"},
	{"@annually", "0 0 1 1 *"}
};

/* An expression, and the field of it that is being read. */
typedef struct CronReader
{
	const char *expression;
	const CronFieldType *type;
	const char *field;
	const char *at;				/* next character of the field */
} CronReader;

static int	count_fields(const char *text);
static const char *expand(const char *expression);
static char *next_field(const char **text);
static uint64 read_field(CronReader *reader);
static uint64 read_item(CronReader *reader);
static int	read_value(CronReader *reader);
static int	read_number(CronReader *reader);
static void refuse(const CronReader *reader, const char *detail);
static bool next_local(const MigCron *cron, int64 from, int64 *local);
static bool day_matches(const MigCron *cron, int64 day);
static int	first_minute(const MigCron *cron, int from);

/*
 * Whether a text is meant as such an expression, not as an interval.
 */
bool
mig_cron_is_meant(const char *text)
{
	static const char *const characters = "0123456789*,-/";
	const char *rest = text;
	const char *minute;
	const char *hour;

	while (isspace((unsigned char) *text))
		text++;
	if ((text[0] == '@' && isalpha((unsigned char) text[1])) ||
		strchr(text, '*') != NULL)
		return true;
	if (count_fields(text) != NFIELDS)
		return false;
	minute = next_field(&rest);
	hour = next_field(&rest);
	return strspn(minute, characters) == strlen(minute) &&
		strspn(hour, characters) == strlen(hour);
}

/*
 * Reads an expression.  One that is not well-formed, or that never matches, is
 * an error.
 */
void
mig_cron_read(const char *expression, MigCron *cron)
{
	const char *rest = expand(expression);
	uint64		values[NFIELDS];
	bool		any[NFIELDS];
	int64		local;

	if (count_fields(rest) != NFIELDS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cron expression \"%s\" does not have five fields",
						expression),
				 errhint("The fields are minute, hour, day of month, month, day of week: \"0 2 * * 1-5\".")));
	for (int i = 0; i < NFIELDS; i++)
	{
		CronReader	reader = {expression, &field_types[i]};

		reader.field = reader.at = next_field(&rest);
		any[i] = reader.field[0] == '*';
		values[i] = read_field(&reader);
	}
	cron->minutes = values[CRON_MINUTE];
	cron->hours = (uint32) values[CRON_HOUR];
	cron->days = (uint32) values[CRON_DAY];
	cron->months = (uint32) values[CRON_MONTH];
	/* Sunday is 0 and 7. */
	cron->weekdays = (uint32) (values[CRON_WEEKDAY] |
							   values[CRON_WEEKDAY] >> 7);
	cron->both_days = any[CRON_DAY] || any[CRON_WEEKDAY];
	cron->follows_clock = any[CRON_MINUTE] || any[CRON_HOUR];
	if (!next_local(cron, 0, &local))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cron expression \"%s\" never matches", expression),
				 errdetail("None of its months has one of its days.")));
}

static int
count_fields(const char *text)
{
	int			nfields = 0;

	while (*next_field(&text) != '\0')
		nfields++;
	return nfields;
}

/*
 * What a nickname stands for, or the expression itself.
 */
static const char *
expand(const char *expression)
{
	const char *rest = expression;
	const char *name = next_field(&rest);

	if (name[0] != '@')
		return expression;
	for (int i = 0; i < lengthof(nicknames); i++)
	{
		if (pg_strcasecmp(name, nicknames[i].name) == 0 &&
			count_fields(rest) == 0)
			return nicknames[i].expression;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("cron expression \"%s\" does not exist", expression),
			 errhint("Use @hourly, @daily, @weekly, @monthly, @yearly, or five fields: \"0 2 * * 1-5\".")));
	return NULL;				/* not reached */
}

/*
 * The next field of a text, empty at its end.
 */
static char *
next_field(const char **text)
{
	static const char *const blanks = " \t\r\n";
	const char *field = *text + strspn(*text, blanks);
	size_t		length = strcspn(field, blanks);

	*text = field + length;
	return pnstrdup(field, length);
}

/*
 * The values of a field, as bits.
 */
static uint64
read_field(CronReader *reader)
{
	uint64		values = read_item(reader);

	while (*reader->at == ',')
	{
		reader->at++;
		values |= read_item(reader);
	}
	if (*reader->at != '\0')
		refuse(reader, NULL);
	return values;
}

/*
 * An asterisk, a range or a value.  The first two may have a step.
 */
static uint64
read_item(CronReader *reader)
{
	const CronFieldType *type = reader->type;
	int			first = type->lowest;
	int			last = type->highest;
	int			step = 1;
	uint64		values = 0;

	if (*reader->at == '*')
		reader->at++;
	else
	{
		first = last = read_value(reader);
		if (*reader->at == '-')
		{
			reader->at++;
			last = read_value(reader);
			/* To Sunday, the last day of a week that begins on Monday. */
			if (type->words == weekday_words && last == 0 && first > 0)
				last = 7;
			if (last < first)
				refuse(reader, "A range ends before it begins.");
		}
		else if (*reader->at == '/')
			refuse(reader, "A step needs a range or an asterisk before the slash.");
	}
	if (*reader->at == '/')
	{
		reader->at++;
		step = read_number(reader);
		if (step < 1 || step > type->highest)
			refuse(reader, "A step must be at least 1 and not exceed the highest value.");
	}
	for (int value = first; value <= last; value += step)
		values |= UINT64CONST(1) << value;
	return values;
}

static int
read_value(CronReader *reader)
{
	const CronFieldType *type = reader->type;
	int			value;

	if (type->words != NULL && isalpha((unsigned char) *reader->at))
	{
		for (int i = 0; type->words[i] != NULL; i++)
		{
			if (pg_strncasecmp(reader->at, type->words[i], 3) == 0 &&
				!isalnum((unsigned char) reader->at[3]))
			{
				reader->at += 3;
				return type->lowest + i;
			}
		}
		refuse(reader, NULL);
	}
	value = read_number(reader);
	if (value < type->lowest || value > type->highest)
		refuse(reader, NULL);
	return value;
}

/*
 * A number of at most two digits: others are out of every range.
 */
static int
read_number(CronReader *reader)
{
	int			number = 0;
	int			ndigits = strspn(reader->at, "0123456789");

	if (ndigits < 1 || ndigits > 2)
		refuse(reader, NULL);
	for (; ndigits > 0; ndigits--)
		number = number * 10 + (*reader->at++ - '0');
	return number;
}

/*
 * Raises the error that the field is not well-formed.  Without a detail it says
 * which values there are.
 */
static void
refuse(const CronReader *reader, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid %s \"%s\" in cron expression \"%s\"",
					reader->type->name, reader->field, reader->expression),
			 errdetail("%s", detail != NULL ? detail : reader->type->values),
			 errhint("A field is an asterisk, or a list of values and ranges; an asterisk and a range may have a step: */15, 1,15, 1-5, 8-18/2.")));
}

/*
 * The first run time after a moment, in a time zone whose name is known.
 */
TimestampTz
mig_cron_next(const MigCron *cron, TimestampTz after, const char *time_zone)
{
	pg_tz	   *zone = pg_tzset(time_zone);
	pg_time_t	from = timestamptz_to_time_t(after);

	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" does not exist", time_zone)));
	/* From before a change of the clock that may have been a moment ago. */
	if (!cron->follows_clock)
		from -= LOOK_BACK;
	for (;;)
	{
		long		offset;
		long		next_offset;
		int			is_dst;
		pg_time_t	change;		/* of the clock, the next one */
		int			nchanges = pg_next_dst_boundary(&from, &offset, &is_dst, &change,
													&next_offset, &is_dst, zone);
		int64		local = 0;
		pg_time_t	candidate;

		if (nchanges < 0 || !next_local(cron, from + offset, &local) ||
			local > timestamptz_to_time_t(END_TIMESTAMP) - SECS_PER_DAY)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("run time of a cron expression is out of range")));
		candidate = local - offset;
		if (nchanges == 0 || candidate < change)
			from = candidate + 1;
		else
		{
			from = change;
			if (!cron->follows_clock && next_offset < offset)
				from += offset - next_offset;
			if (cron->follows_clock || local >= change + next_offset)
				continue;
			/* Left out by the change. */
			candidate = change;
		}
		if (time_t_to_timestamptz(candidate) > after)
			return time_t_to_timestamptz(candidate);
	}
}

/*
 * The first matching minute of a calendar without time zones, not before.  Both
 * are seconds since 1970.  false: there is none.
 */
static bool
next_local(const MigCron *cron, int64 from, int64 *local)
{
	int64		first_day = from / SECS_PER_DAY - (from % SECS_PER_DAY < 0 ? 1 : 0);
	int			minute = (int) ((from - first_day * SECS_PER_DAY + SECS_PER_MINUTE - 1) /
								SECS_PER_MINUTE);

	for (int64 day = first_day; day <= first_day + DAYS_SEARCHED; day++)
	{
		if (day_matches(cron, day))
		{
			minute = first_minute(cron, minute);
			if (minute >= 0)
			{
				*local = day * SECS_PER_DAY + minute * SECS_PER_MINUTE;
				return true;
			}
		}
		minute = 0;
	}
	return false;
}

/*
 * By crontab(5) a day matches if one of day of month and day of week does; or if
 * both do, where one of them begins with an asterisk.
 */
static bool
day_matches(const MigCron *cron, int64 day)
{
	int			date = (int) day + UNIX_EPOCH_JDATE;
	int			year;
	int			month;
	int			day_of_month;
	bool		by_month;
	bool		by_week = (cron->weekdays >> j2day(date)) & 1;

	j2date(date, &year, &month, &day_of_month);
	if (!((cron->months >> month) & 1))
		return false;
	by_month = (cron->days >> day_of_month) & 1;
	return cron->both_days ? by_month && by_week : by_month || by_week;
}

/*
 * The first matching minute of a day, not before; or -1.
 */
static int
first_minute(const MigCron *cron, int from)
{
	for (int minute = from; minute < MINS_PER_HOUR * HOURS_PER_DAY; minute++)
	{
		if ((cron->hours >> (minute / MINS_PER_HOUR)) & 1 &&
			(cron->minutes >> (minute % MINS_PER_HOUR)) & 1)
			return minute;
	}
	return -1;
}
