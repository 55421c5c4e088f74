/*
 * fuzz_setting_list.c
 *	  Any text as a list of settings.
 *
 * Either it is refused with a reason, or it can be written again from what was
 * read, and is the same then.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/compat.h"
#include "fuzz.h"
#include "base/setting_list.h"

static void check_text(void *text);
static char *write_list(const List *settings);

int
LLVMFuzzerTestOneInput(const uint8_t * data, size_t size)
{
	FuzzInput	input = {data, size};

	fuzz_check(fuzz_try(check_text, fuzz_text(&input)) == 0);
	fuzz_reset();
	return 0;
}

static void
check_text(void *text)
{
	const char *problem;
	List	   *settings = mig_setting_list_parse(text, &problem);
	List	   *again;

	if (problem != NULL)
	{
		fuzz_check(settings == NIL && problem[0] != '\0');
		return;
	}
	again = mig_setting_list_parse(write_list(settings), &problem);
	fuzz_check(problem == NULL);
	fuzz_check(list_length(again) == list_length(settings));
	for (int i = 0; i < list_length(settings); i++)
	{
		const MigListSetting *one = list_nth(settings, i);
		const MigListSetting *other = list_nth(again, i);

		fuzz_check(one->name[0] != '\0');
		fuzz_check(strcmp(one->name, other->name) == 0);
		fuzz_check(strcmp(one->value, other->value) == 0);
	}
}

static char *
write_list(const List *settings)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, settings)
	{
		const MigListSetting *setting = lfirst(cell);

		appendStringInfo(&text, "%s%s = '", text.len > 0 ? ", " : "",
						 setting->name);
		for (const char *p = setting->value; *p != '\0'; p++)
		{
			if (*p == '\'')
				appendStringInfoChar(&text, '\'');
			appendStringInfoChar(&text, *p);
		}
		appendStringInfoChar(&text, '\'');
	}
	return text.data;
}
