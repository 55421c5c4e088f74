/*
 * setting_list.h
 *	  Settings written as a list: "lock_timeout = 5s, work_mem = 64MB".
 */
#ifndef MIG_BASE_SETTING_LIST_H
#define MIG_BASE_SETTING_LIST_H

#include "nodes/pg_list.h"
#include "utils/guc.h"

typedef struct MigListSetting
{
	char	   *name;
	char	   *value;
} MigListSetting;

extern List *mig_setting_list_parse(const char *text, const char **problem);
extern void mig_setting_list_check(const List *settings);
extern void mig_setting_list_apply(const List *settings);

#endif							/* MIG_BASE_SETTING_LIST_H */
